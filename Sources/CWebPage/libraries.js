// SPDX-License-Identifier: Apache-2.0
// The libraries that the daemon serves. The first is meant where none is named.

import { byID, el } from './dom.js';
import { number, t } from './language.js';

const chooser = byID('library');
let served = [];

export function know(libraries) {
  served = libraries;
}

/// - onChange: takes a library's name, '' for the first
export function watch(onChange) {
  chooser.addEventListener('change', () => onChange(chooser.value === served[0].name ? '' : chooser.value));
}

export function render(name) {
  byID('library-chooser').hidden = served.length < 2;
  chooser.replaceChildren(...served.map((library, index) => el('option', {
    value: library.name, selected: library.name === name || (name === '' && index === 0),
  }, t('library_option', library.name, number(library.items)))));
}

/// How large a library is, in words.
export function size(name) {
  const library = served.find((one) => one.name === name) ?? served[0];
  if (!library) return '';
  return library.items === 0 ? t('library_none') : t('library_size', library.items, number(library.items));
}
