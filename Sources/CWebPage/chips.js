// SPDX-License-Identifier: Apache-2.0
// The parts of a query, each a chip: a click goes round want, avoid, exclude; a menu says the same in words.

import * as api from './api.js';
import { byID, drawing, el } from './dom.js';
import { t } from './language.js';
import { ROLES } from './query.js';
import * as uploads from './uploads.js';

const PICTURE = 'M4 5h16v14H4zM5 17l5-4.5 3 2.5 3.5-3.5 3 3';
const list = byID('chips');
let openMenu = null;

/// - changes: { role(index, role), remove(index), edit(index), replace(index) }
/// - expired: indexes of chips whose picture the daemon no longer holds
export function render(query, { expired, isSending, changes }) {
  const focused = focusPlace();
  openMenu = null;
  const chips = query.terms.map((term, index) => chip(term, index, query, expired.has(index), changes));
  if (isSending) chips.push(el('li', { class: 'chip want sending' }, el('span', { class: 'name' }, t('sending'))));
  list.replaceChildren(...chips);
  list.hidden = chips.length === 0;
  restoreFocus(focused);
}

export function nameOf(term) {
  if (term.kind === 'text') return term.value;
  return term.kind === 'item' ? t('item', term.value) : t('a_picture');
}

function chip(term, index, query, isExpired, changes) {
  const role = t(`role_${term.role}`);
  const name = isExpired ? t('expired') : nameOf(term);
  const label = name.length > 60 ? `${name.slice(0, 57)}…` : name;
  const next = ROLES[(ROLES.indexOf(term.role) + 1) % ROLES.length];
  const main = el('button', {
    type: 'button', class: 'main', data: { part: 'main' },
    title: isExpired ? t('expired_replace') : t(`role_${term.role}_long`),
    aria: { label: isExpired ? t('expired_replace') : t('chip', label, role) },
    onclick: () => (isExpired ? changes.replace(index) : changes.role(index, next)),
  },
  picture(term, query, isExpired),
  el('span', { class: 'role' }, role),
  term.kind === 'text' || isExpired || term.kind === 'upload' ? el('span', { class: 'name' }, label) : null);
  const more = el('button', {
    type: 'button', class: 'small', data: { part: 'more' },
    aria: { label: t('chip_menu', label), haspopup: 'menu', expanded: 'false' },
    onclick: () => toggleMenu(element, menu, more),
  }, '▾');
  const remove = el('button', {
    type: 'button', class: 'small', data: { part: 'remove' }, aria: { label: t('chip_remove', label) },
    onclick: () => changes.remove(index),
  }, '×');
  const menu = menuOf(term, index, changes, more);
  const element = el('li', {
    class: `chip ${term.role}${isExpired ? ' expired' : ''}`, data: { index, role: term.role, kind: term.kind },
  }, main, more, remove, menu);
  return element;
}

function picture(term, query, isExpired) {
  if (term.kind === 'text') return null;
  const source = term.kind === 'item' ? api.thumbnail(term.value, 128, query.library) : uploads.preview(term.value);
  if (!source) return drawing(PICTURE);  // a picture of a reloaded page: its file is not here any more
  return el('img', {
    src: source, width: 28, height: 28, class: isExpired ? 'faded' : '', alt: nameOf(term),
    onerror: ({ target }) => target.replaceWith(drawing(PICTURE)),
  });
}

// MARK: the menu

function menuOf(term, index, changes, opener) {
  const choose = (action) => () => {
    closeMenu();
    opener.focus();
    action();
  };
  const entries = ROLES.map((role) => el('button', {
    type: 'button', role: 'menuitemradio', tabIndex: -1, data: { role },
    aria: { checked: String(role === term.role) },
    onclick: choose(() => changes.role(index, role)),
  }, t(`role_${role}_long`)));
  const plain = (text, action) => el('button', {
    type: 'button', role: 'menuitem', tabIndex: -1, onclick: choose(action),
  }, text);
  if (term.kind === 'text') entries.push(plain(t('chip_edit'), () => changes.edit(index)));
  else entries.push(plain(t('replace'), () => changes.replace(index)));
  entries.push(plain(t('remove'), () => changes.remove(index)));
  return el('div', { role: 'menu', class: 'menu', hidden: true, onkeydown: menuKey }, entries);
}

function toggleMenu(element, menu, opener) {
  const wasOpen = openMenu?.menu === menu;
  closeMenu();
  if (wasOpen) return;
  menu.hidden = false;
  opener.setAttribute('aria-expanded', 'true');
  openMenu = { element, menu, opener };
  menu.classList.toggle('leftward', element.getBoundingClientRect().left > innerWidth / 2);
  menu.firstElementChild.focus();
}

function closeMenu() {
  if (!openMenu) return;
  openMenu.menu.hidden = true;
  openMenu.opener.setAttribute('aria-expanded', 'false');
  openMenu = null;
}

function menuKey(event) {
  const entries = [...event.currentTarget.children];
  const here = entries.indexOf(document.activeElement);
  const places = {
    ArrowDown: (here + 1) % entries.length, ArrowUp: (here + entries.length - 1) % entries.length,
    Home: 0, End: entries.length - 1,
  };
  if (event.key in places) entries[places[event.key]].focus();
  else if (event.key === 'Escape') {
    const { opener } = openMenu;
    closeMenu();
    opener.focus();
  } else if (event.key === 'Tab') {
    closeMenu();
    return;
  } else return;
  event.preventDefault();
  event.stopPropagation();
}

document.addEventListener('pointerdown', (event) => {
  if (openMenu && !openMenu.element.contains(event.target)) closeMenu();
});

// MARK: focus

/// Chips are made anew with every change; the one that is being worked at must not lose the focus.
function focusPlace() {
  const part = document.activeElement?.dataset?.part;
  const element = list.contains(document.activeElement) ? document.activeElement.closest('.chip') : null;
  return element && part ? { index: Number(element.dataset.index), part } : null;
}

function restoreFocus(place) {
  if (!place) return;
  const last = list.children.length - 1;
  if (last < 0) byID('text').focus();
  else list.children[Math.min(place.index, last)].querySelector(`[data-part="${place.part}"]`)?.focus();
}
