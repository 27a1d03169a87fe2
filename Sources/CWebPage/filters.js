// SPDX-License-Identifier: Apache-2.0
// The collapsible row of filters: it shows a query's filter and order, and tells of changes.

import { byID, el } from './dom.js';
import { number } from './language.js';
import { emptyFilter, filterCount } from './query.js';

const form = byID('filter-form');
const details = byID('filters');
const [folder, by, from, to, sort] = ['folder', 'by', 'from', 'to', 'sort'].map(byID);
const ticks = [...form.querySelectorAll('[name=format]')];
const known = new Set();
let hasRendered = false;

/// - onChange: takes ({ filter, sort })
export function watch(onChange) {
  const tell = () => onChange({
    filter: {
      folder: folder.value.trim(), formats: ticks.filter((tick) => tick.checked).map((tick) => tick.value),
      by: by.value, from: from.value, to: to.value,
    },
    sort: sort.value,
  });
  form.addEventListener('change', tell);
  form.addEventListener('submit', (event) => {
    event.preventDefault();  // Enter in the folder's field: `change` has told already
  });
  form.addEventListener('reset', (event) => {
    event.preventDefault();
    onChange({ filter: emptyFilter(), sort: 'relevance' });
  });
}

export function render(query) {
  const { filter } = query;
  // A field that is being typed in is left alone.
  if (document.activeElement !== folder) folder.value = filter.folder;
  for (const tick of ticks) tick.checked = filter.formats.includes(tick.value);
  by.value = filter.by;
  if (document.activeElement !== from) from.value = filter.from;
  if (document.activeElement !== to) to.value = filter.to;
  sort.value = query.sort;
  const set = filterCount(filter) + (query.sort === 'relevance' ? 0 : 1);
  const count = byID('filter-count');
  count.hidden = set === 0;
  count.textContent = number(set);
  byID('clear-filters').hidden = set === 0;
  // A link with filters shows what it filters by, unless that hid the pictures; the number is always there.
  if (set > 0 && !hasRendered && matchMedia('(min-width: 48rem)').matches) details.open = true;
  hasRendered = true;
}

/// Folders of the pictures seen so far are offered for completion.
export function suggestFolders(hits) {
  const before = known.size;
  for (const hit of hits) {
    const parts = hit.relative.split('/').slice(0, -1);
    for (let depth = 1; depth <= parts.length && known.size < 500; depth += 1) {
      known.add(parts.slice(0, depth).join('/'));
    }
  }
  if (known.size === before) return;
  byID('folders').replaceChildren(...[...known].sort().map((path) => el('option', { value: path })));
}
