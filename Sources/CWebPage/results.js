// SPDX-License-Identifier: Apache-2.0
// The grid of hits, and moving in it by keys.

import * as api from './api.js';
import { byID, el } from './dom.js';
import { number, t } from './language.js';
import { ITEM_TYPE } from './uploads.js';

const grid = byID('grid');
let hits = [];
let library = '';
let actions = {};

/// - actions: { open(index), like(hit), but(hit), why(index) }
export function watch(these) {
  actions = these;
  grid.addEventListener('keydown', key);
  // One card is in the order of Tab at a time: the one that had the focus last. Arrows reach the others.
  grid.addEventListener('focusin', (event) => {
    const card = event.target.closest('.card');
    if (card) makeCurrent(card);
  });
}

export const shown = () => hits;

/// Replaces the grid; `of` is the library that the items belong to.
export function show(these, of) {
  hits = [...these];
  library = of;
  grid.replaceChildren(...hits.map(card));
  if (grid.firstElementChild) makeCurrent(grid.firstElementChild);
}

export function append(these) {
  const from = hits.length;
  hits.push(...these);
  grid.append(...these.map((hit, index) => card(hit, from + index)));
}

/// Whether the pictures shown are of the query before, and the new ones still on their way.
export function setStale(isStale) {
  grid.classList.toggle('stale', isStale);
  grid.setAttribute('aria-busy', String(isStale));
}

/// The language changed: the same hits, said anew.
export function retell() {
  const place = [...grid.children].findIndex((element) => element.classList.contains('current'));
  grid.replaceChildren(...hits.map(card));
  if (grid.children[place]) makeCurrent(grid.children[place]);
}

export function focusCard(index) {
  const element = grid.children[index];
  if (!element) return false;
  makeCurrent(element);
  element.querySelector('.open').focus();
  return true;
}

/// What a hit is called: its first caption, else its file's name.
export function titleOf(hit) {
  return hit.captions[0] ?? hit.relative.split('/').pop();
}

function card(hit, index) {
  const captions = hit.captions.join(' · ');
  // A pictogram is shown whole and not blown up; a photograph fills its tile.
  const isSmall = Math.max(hit.width, hit.height) <= 512;
  const open = el('button', {
    type: 'button', class: 'open', tabIndex: -1, aria: { label: [titleOf(hit), scoreLabel(hit)].join(', ') },
    onclick: () => actions.open(index),
    ondragstart: (event) => {
      event.dataTransfer.setData(ITEM_TYPE, String(hit.id));
      event.dataTransfer.effectAllowed = 'copy';
    },
  },
  el('img', {
    class: isSmall ? 'whole' : '', loading: 'lazy', decoding: 'async', width: hit.width, height: hit.height,
    alt: '', src: api.thumbnail(hit.id, 256, library), onerror: showBroken,
  }),
  el('span', { class: 'score', aria: { hidden: 'true' } }, scoreText(hit)));
  // A tile is narrow: the short names are said in full to whoever points at them or has them read aloud.
  const act = (name, action) => el('button', {
    type: 'button', class: name, tabIndex: -1, title: t(`${name}_long`), aria: { label: t(`${name}_long`) },
    onclick: action,
  }, t(name));
  return el('li', { class: 'card', data: { index, id: hit.id } },
    open,
    el('p', { class: 'caption', title: captions || hit.relative }, captions || hit.relative),
    el('div', { class: 'acts' },
      act('like', () => actions.like(hit)), act('but', () => actions.but(hit)), act('why', () => actions.why(index))));
}

function scoreText(hit) {
  if (hit.z === null || hit.score === null) return t('words_only');
  return `z ${number(hit.z, 1)} · ${number(hit.score, 2)}`;
}

function scoreLabel(hit) {
  if (hit.z === null || hit.score === null) return t('words_only');
  return t('score_label', number(hit.z, 1), number(hit.score, 2));
}

/// The file may have gone since it was indexed: a word in place of the browser's broken picture.
function showBroken({ target }) {
  target.replaceWith(el('span', { class: 'broken' }, t('broken')));
}

// MARK: keys

function makeCurrent(element) {
  const before = grid.querySelector('.card.current');
  if (before === element) return;
  const setReachable = (card, isReachable) => {
    card.classList.toggle('current', isReachable);
    for (const button of card.querySelectorAll('button')) button.tabIndex = isReachable ? 0 : -1;
  };
  if (before) setReachable(before, false);
  setReachable(element, true);
}

function key(event) {
  const element = event.target.closest('.card');
  if (!element || event.ctrlKey || event.metaKey || event.altKey) return;
  const index = Number(element.dataset.index);
  const steps = {
    ArrowRight: () => focusCard(Math.min(index + 1, hits.length - 1)),
    ArrowLeft: () => focusCard(Math.max(index - 1, 0)),
    ArrowDown: () => focusCard(Math.min(index + columns(), hits.length - 1)),
    ArrowUp: () => (index < columns() ? byID('text').focus() : focusCard(index - columns())),
    Home: () => focusCard(0),
    End: () => focusCard(hits.length - 1),
    m: () => actions.like(hits[index]),
    b: () => actions.but(hits[index]),
    w: () => actions.why(index),
  };
  const step = steps[event.key.length === 1 ? event.key.toLowerCase() : event.key];
  if (!step) return;
  event.preventDefault();
  step();
}

/// How many cards stand in the first row.
function columns() {
  const top = grid.firstElementChild.offsetTop;
  const next = [...grid.children].findIndex((element) => element.offsetTop !== top);
  return next < 0 ? grid.children.length : next;
}
