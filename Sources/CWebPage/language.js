// SPDX-License-Identifier: Apache-2.0
// The page in English and Chinese. What the daemon says (problem details, notes) stays as the daemon says it.

import { CHINESE, ENGLISH } from './words.js';

const TABLES = { en: ENGLISH, zh: CHINESE };
const TAGS = { en: 'en', zh: 'zh-Hans' };
const KEY = 'duet.language';

let current = remembered() ?? (/^zh\b/i.test(navigator.language ?? '') ? 'zh' : 'en');

function remembered() {
  try {
    const name = localStorage.getItem(KEY);
    return Object.hasOwn(TABLES, name ?? '') ? name : null;
  } catch {
    return null;  // storage is switched off: the browser's language then
  }
}

export const language = () => current;

/// The text of this key, with the numbers and names that it takes.
export function t(key, ...values) {
  const entry = TABLES[current][key] ?? ENGLISH[key] ?? key;
  return typeof entry === 'function' ? entry(...values) : entry;
}

export function switchLanguage() {
  current = current === 'en' ? 'zh' : 'en';
  try {
    localStorage.setItem(KEY, current);
  } catch { /* not remembered, then */ }
}

/// Puts the texts of the chosen language into what index.html holds.
export function translate(root = document) {
  document.documentElement.lang = TAGS[current];
  for (const element of root.querySelectorAll('[data-t]')) element.textContent = t(element.dataset.t);
  for (const element of root.querySelectorAll('[data-t-label]')) {
    element.setAttribute('aria-label', t(element.dataset.tLabel));
  }
  for (const element of root.querySelectorAll('[data-t-title]')) element.title = t(element.dataset.tTitle);
  for (const element of root.querySelectorAll('[data-t-placeholder]')) {
    element.placeholder = t(element.dataset.tPlaceholder);
  }
}

export const number = (value, digits = 0) => new Intl.NumberFormat(TAGS[current], {
  minimumFractionDigits: digits, maximumFractionDigits: digits,
}).format(value);

/// A share of 1 as per cent.
export const percent = (value) => `${number(value * 100)} %`;

export function bytes(count) {
  if (count < 1000) return `${number(count)} B`;
  const units = ['kB', 'MB', 'GB'];
  let value = count / 1000;
  while (value >= 1000 && units.length > 1) {
    value /= 1000;
    units.shift();
  }
  return `${number(value, value < 10 ? 1 : 0)} ${units[0]}`;
}

/// A camera's clock is stored as if it were UTC and shown as it read; a file's time is a moment, shown in local time.
export function date(seconds, by) {
  return new Intl.DateTimeFormat(TAGS[current], {
    dateStyle: 'long', timeStyle: 'short', timeZone: by === 'taken' ? 'UTC' : undefined,
  }).format(new Date(seconds * 1000));
}
