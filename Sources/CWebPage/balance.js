// SPDX-License-Identifier: Apache-2.0
// The slider between picture and text, shown when both are wanted.

import { byID } from './dom.js';
import { number, t } from './language.js';
import { isComposed } from './query.js';

const slider = byID('balance');

export function render(query) {
  byID('balance-row').hidden = !isComposed(query);
  // While it is dragged, the answer to a moment ago must not pull it back.
  if (!isDragging) slider.value = String(query.balance);
  slider.setAttribute('aria-valuetext', t('balance_value', number(Number(slider.value))));
}

let isDragging = false;

/// - onChange: takes the balance, and whether this goes on with the change before: a drag asks as it goes, but leaves
///   one step in the history.
export function watch(onChange) {
  let timer = 0;
  let hasTold = false;
  slider.addEventListener('input', () => {
    clearTimeout(timer);
    isDragging = true;
    timer = setTimeout(() => {
      onChange(Number(slider.value), hasTold);
      hasTold = true;
    }, 200);
  });
  slider.addEventListener('change', () => {
    isDragging = false;
    // Arrow keys change it once each: what follows within a second is the same adjustment.
    setTimeout(() => { hasTold = isDragging; }, 1000);
  });
}
