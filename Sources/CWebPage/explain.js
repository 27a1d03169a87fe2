// SPDX-License-Identifier: Apache-2.0
// Why a picture is among the hits, told to a person: lists, parts of the query, words.

import { el } from './dom.js';
import { number, percent, t } from './language.js';

/// The explanation of a hit as elements. `terms` are the names and roles of the query's parts, in the request's order.
export function explanation(hit, terms) {
  const told = hit?.explanation;
  if (!told) return [el('p', {}, t('explain_missing'))];
  return [
    ...lists(told.lists), ...parts(told.terms, terms), ...words(told.words),
    el('p', { class: 'foot' }, t('explain_foot')),
  ];
}

function lists(entries) {
  if (entries.length === 0) return [];
  const sum = entries.reduce((total, entry) => total + Math.max(0, entry.adds), 0);
  return [
    el('p', {}, t('explain_intro')),
    el('ul', { class: 'shares' }, entries.map((entry) => {
      const share = sum > 0 ? Math.max(0, entry.adds) / sum : 0;
      // Words are counted, not measured: their score is no cosine.
      const measured = entry.source === 'words' ? []
        : [t('explain_z', number(entry.z, 1)), t('explain_cosine', number(entry.score, 2))];
      return el('li', {},
        el('b', {}, t(`explain_${entry.source}`)), el('span', { class: 'amount' }, percent(share)), bar(share),
        el('small', {}, [t('explain_rank', number(entry.rank)), ...measured].join(' · ')));
    })),
  ];
}

function parts(entries, terms) {
  if (entries.length === 0) return [];
  const isKnown = entries.length === terms.length;  // else the daemon's own names have to do
  const largest = Math.max(...entries.map((entry) => Math.abs(entry.share ?? 0)), 0.001);
  return [
    el('p', {}, t('explain_terms')),
    el('ul', { class: 'shares' }, entries.map((entry, index) => {
      const role = isKnown ? terms[index].role : 'want';
      const share = entry.share;
      return el('li', { class: role },
        el('b', {}, isKnown ? terms[index].name : entry.term),
        el('span', { class: 'amount' }, share === null ? t(`role_${role}`) : signed(share)),
        bar((share ?? 0) / largest),
        el('small', {}, t('explain_cosine', number(entry.cosine, 2)),
          share === null ? ` · ${t('explain_excluded')}` : ''));
    })),
  ];
}

function words(held) {
  if (held.length === 0) return [];
  return [
    el('p', {}, t('explain_matched')),
    el('p', { class: 'words' }, held.map((word) => el('span', {}, word))),
  ];
}

const signed = (value) => `${value < 0 ? '−' : '+'}${number(Math.abs(value), 2)}`;

/// A bar of a share from -1 to 1; below 0 it is drawn as something taken away.
function bar(share) {
  const filled = el('span', {});
  filled.style.inlineSize = `${Math.min(100, Math.abs(share) * 100)}%`;
  return el('span', { class: share < 0 ? 'bar minus' : 'bar', aria: { hidden: 'true' } }, filled);
}
