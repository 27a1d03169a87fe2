// SPDX-License-Identifier: Apache-2.0
// One search at a time: its pages, its explanations, and nothing of the searches before it.

import * as api from './api.js';
import { nameOf } from './chips.js';
import { PAGE, request, requestTerms } from './query.js';
import * as uploads from './uploads.js';

/// As the contract has it.
const LARGEST_LIMIT = 1000;

let controller = null;
let current = null;  // { query, summary, cursor, explained }
let pending = null;
/// Handles that were sent once more already, so that a daemon that forgets at once is not asked for ever.
const resent = new Set();

export const summary = () => current?.summary ?? null;
export const hasMore = () => Boolean(current?.cursor);

/// Forgets the search shown, and any under way.
export function stop() {
  controller?.abort();
  current = null;
  pending = null;
}

/// The first page. Throws Failure, or AbortError when a later search has come between.
export async function first(query) {
  stop();
  controller = new AbortController();
  const { signal } = controller;
  const answer = await api.search(request(query), signal);
  signal.throwIfAborted();
  current = { query, summary: answer.summary, cursor: answer.cursor, explained: null };
  return answer;
}

/// The next page's hits; none when there is none. Pressed twice, it is fetched once.
export function next() {
  if (!hasMore()) return Promise.resolve([]);
  pending ??= fetchNext().finally(() => { pending = null; });
  return pending;
}

async function fetchNext() {
  const { signal } = controller;
  const of = current;
  const answer = await api.search({ ...request(of.query), cursor: of.cursor }, signal);
  signal.throwIfAborted();
  of.cursor = answer.cursor;
  return answer.hits;
}

/// A hit with its explanation, and the query's parts by name. Explanations cost the daemon something, so they are asked
/// for when somebody wants one: then for every hit down to this one, in one answer.
export async function explain(hit) {
  const of = current;
  const limit = Math.min(LARGEST_LIMIT, Math.ceil(hit.rank / PAGE) * PAGE);
  if (!of.explained || of.explained.limit < limit) {
    const answer = api.search({ ...request(of.query, limit), explain: true }, controller.signal);
    of.explained = { limit, answer };
    answer.catch(() => { of.explained = null; });
  }
  const { hits } = await of.explained.answer;
  return {
    hit: hits.find((other) => other.id === hit.id),
    terms: requestTerms(of.query).map(({ chip, body }) => ({
      role: body.role, name: chip < 0 ? body.text : nameOf(of.query.terms[chip]),
    })),
  };
}

// MARK: pictures that the daemon has forgotten

/// The handles that a failure says are unknown: the ones it names, else all of the query.
export function forgotten(failure, query) {
  const handles = query.terms.filter((term) => term.kind === 'upload').map((term) => term.value);
  const told = `${failure.field} ${failure.title} ${failure.detail}`;
  if (handles.length === 0 || ![404, 410, 422].includes(failure.status) || !/upload/i.test(told)) return [];
  const named = handles.filter((handle) => told.includes(handle));
  if (named.length > 0) return named;
  const place = failure.field.match(/\d+/);
  const chip = place ? requestTerms(query)[Number(place[0])]?.chip : undefined;
  const term = query.terms[chip];
  return term?.kind === 'upload' ? [term.value] : handles;
}

/// Sends forgotten pictures again where this page still holds them.
/// The answer: the query with their new handles, and the handles that are lost.
export async function revive(query, handles) {
  const lost = [];
  const renamed = new Map();
  for (const handle of handles) {
    const fresh = resent.has(handle) ? null : await uploads.sendAgain(handle);
    if (fresh) {
      renamed.set(handle, fresh);
      // A daemon that names pictures by their content gives the same handle again.
      if (fresh !== handle) resent.add(fresh);
    } else lost.push(handle);
  }
  const terms = query.terms.map((term) =>
    (term.kind === 'upload' && renamed.has(term.value) ? { ...term, value: renamed.get(term.value) } : term));
  return { query: { ...query, terms }, lost };
}
