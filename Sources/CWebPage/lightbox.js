// SPDX-License-Identifier: Apache-2.0
// One hit, large, with what is known of it and why it was found.

import * as api from './api.js';
import { byID, el } from './dom.js';
import { explanation } from './explain.js';
import { bytes, date, number, t } from './language.js';
import * as results from './results.js';

const dialog = byID('lightbox');
const picture = byID('lb-picture');
const why = byID('lb-why');
let index = 0;
let library = '';
let facts = null;
let context = {};
let opener = null;

/// - context: { like(hit), but(hit), more(): whether another page came, explain(hit): { hit, terms } }
export function watch(these) {
  context = these;
  byID('lb-close').addEventListener('click', () => dialog.close());
  byID('lb-prev').addEventListener('click', () => step(-1));
  byID('lb-next').addEventListener('click', () => step(1));
  byID('lb-like').addEventListener('click', () => leaveFor(context.like));
  byID('lb-but').addEventListener('click', () => leaveFor(context.but));
  why.addEventListener('toggle', () => { if (why.open && dialog.open) explain(); });
  dialog.addEventListener('click', (event) => { if (event.target === dialog) dialog.close(); });
  dialog.addEventListener('keydown', key);
  dialog.addEventListener('close', () => {
    facts?.abort();
    if (opener === null) return;  // closed to ask anew: the page decides where the focus goes
    opener = null;
    results.focusCard(index);
  });
  picture.addEventListener('error', () => dialog.classList.add('broken'));
}

export const isOpen = () => dialog.open;

export function open(place, of, { explained = false } = {}) {
  library = of;
  opener = document.activeElement;
  why.open = explained;
  if (!dialog.open) dialog.showModal();
  show(place);
  byID('lb-close').focus();
}

export function close() {
  opener = null;
  if (dialog.open) dialog.close();
}

/// The language changed.
export const retell = () => { if (dialog.open) show(index); };

function leaveFor(action) {
  const hit = results.shown()[index];
  close();
  action(hit);
}

async function step(by) {
  const next = index + by;
  if (next < 0) return;
  // Past the last picture of this page lies the next page.
  if (next >= results.shown().length && !await context.more()) return;
  if (dialog.open && next < results.shown().length) show(next);
}

function show(place) {
  const hit = results.shown()[place];
  if (!hit) return;
  index = place;
  dialog.classList.remove('broken');
  picture.width = hit.width;
  picture.height = hit.height;
  // A pictogram of 136 pixels is not blown up to the size of the screen.
  picture.style.maxInlineSize = `min(100%, ${Math.max(3 * hit.width, 240)}px)`;
  picture.alt = hit.captions.join(' · ') || hit.relative;
  picture.src = api.thumbnail(hit.id, 1024, library);
  byID('lb-title').textContent = results.titleOf(hit);
  byID('lb-captions').replaceChildren(...hit.captions.slice(1).map((caption) => el('p', {}, caption)));
  byID('lb-original').href = api.original(hit.id, library);
  byID('lb-prev').disabled = place === 0;
  byID('lb-next').disabled = place === results.shown().length - 1 && !context.hasMore();
  tell(hit, null);
  fetchFacts(hit);
  if (why.open) explain();
}

/// The camera is known only to /v1/items/{id}; everything else the hit has brought along.
async function fetchFacts(hit) {
  facts?.abort();
  facts = new AbortController();
  const { signal } = facts;
  try {
    const item = await api.item(hit.id, library, signal);
    if (!signal.aborted) tell({ ...hit, ...item }, item.camera);
  } catch { /* the facts at hand have to do */ }
}

function tell(item, camera) {
  const pairs = [
    ['fact_path', item.path],
    ['fact_size', t('fact_dimensions', number(item.width), number(item.height), bytes(item.bytes))],
    ['fact_taken', item.taken === null ? null : date(item.taken, 'taken')],
    ['fact_camera', camera],
    ['fact_modified', date(item.modified, 'modified')],
    ['fact_tags', item.tags.join(', ') || null],
  ];
  byID('lb-facts').replaceChildren(...pairs.filter(([, value]) => value).flatMap(([key, value]) => [
    el('dt', {}, t(key)), el('dd', {}, value),
  ]));
}

async function explain() {
  const hit = results.shown()[index];
  const place = byID('lb-explain');
  place.replaceChildren(el('p', {}, t('explaining')));
  let told;
  try {
    const answer = await context.explain(hit);
    told = explanation(answer.hit, answer.terms);
  } catch (error) {
    if (error.name === 'AbortError') return;
    told = [el('p', {}, error.kind === 'gone' ? t('gone_title') : `${error.title ?? ''} ${error.detail ?? ''}`)];
  }
  if (results.shown()[index] === hit) place.replaceChildren(...told);
}

function key(event) {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const steps = {
    ArrowLeft: () => step(-1), ArrowRight: () => step(1), Tab: () => keepFocus(event),
    m: () => leaveFor(context.like), b: () => leaveFor(context.but), w: () => { why.open = !why.open; },
  };
  const action = steps[event.key];
  if (!action) return;
  if (event.key !== 'Tab') event.preventDefault();
  action();
}

/// Tab goes round inside: a modal dialog alone would let it out to the browser's own buttons.
function keepFocus(event) {
  const stops = [...dialog.querySelectorAll('button, a[href], summary')].filter((stop) => !stop.disabled
    && stop.checkVisibility());
  const [first, last] = [stops[0], stops.at(-1)];
  if (event.shiftKey && document.activeElement === first) last.focus();
  else if (!event.shiftKey && document.activeElement === last) first.focus();
  else return;
  event.preventDefault();
}
