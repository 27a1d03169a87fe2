// SPDX-License-Identifier: Apache-2.0
// Calls to the daemon. Every failure is a Failure of one kind, so that the page can say what to do about it.

/// kind: 'problem' (the daemon says no: title, detail, status, field) · 'key' (401) · 'gone' (no answer at all).
export class Failure extends Error {
  constructor(kind, problem = {}) {
    super(problem.detail || problem.title || kind);
    this.kind = kind;
    this.status = problem.status ?? 0;
    this.title = problem.title ?? '';
    this.detail = problem.detail ?? '';
    this.field = problem.field ?? '';
    this.retryAfter = problem.retryAfter ?? 0;
  }
}

async function call(method, path, { json, body, type, signal } = {}) {
  const headers = { Accept: 'application/json, application/problem+json' };
  if (json !== undefined) {
    body = JSON.stringify(json);
    type = 'application/json';
  }
  if (type) headers['Content-Type'] = type;
  let answer;
  try {
    answer = await fetch(path, { method, headers, body, signal, credentials: 'same-origin', redirect: 'error' });
    if (answer.status === 204) return null;
    if (answer.ok) return await answer.json();
  } catch (error) {
    if (error.name === 'AbortError') throw error;
    throw new Failure('gone');
  }
  throw await failure(answer);
}

/// Reads problem details; an answer of another shape (a proxy's page, say) still gets a title.
async function failure(answer) {
  let problem = {};
  try {
    problem = await answer.json();
  } catch { /* no JSON: the status line has to do */ }
  const wait = Number(answer.headers.get('Retry-After'));
  return new Failure(answer.status === 401 ? 'key' : 'problem', {
    ...problem,
    title: problem.title || `${answer.status} ${answer.statusText}`.trim(),
    status: answer.status,
    retryAfter: Number.isFinite(wait) ? wait : 0,
  });
}

const library = (name) => (name ? `library=${encodeURIComponent(name)}` : '');
const address = (path, ...pairs) => [path, pairs.filter(Boolean).join('&')].filter(Boolean).join('?');

export const signIn = (token) => call('POST', '/v1/session', { json: { token } });
export const stats = () => call('GET', '/v1/stats');
export const item = (id, of, signal) => call('GET', address(`/v1/items/${id}`, library(of)), { signal });
export const thumbnail = (id, size, of) => address(`/v1/items/${id}/thumbnail`, `size=${size}`, library(of));
export const original = (id, of) => address(`/v1/items/${id}/original`, library(of));
export const upload = (blob) => call('PUT', '/v1/uploads', { body: blob, type: blob.type });

/// Searches. A busy daemon names the seconds to wait; a short wait is waited once before anybody is bothered.
export async function search(request, signal) {
  try {
    return await call('POST', '/v1/search', { json: request, signal });
  } catch (error) {
    if (!(error instanceof Failure) || ![429, 503].includes(error.status)) throw error;
    if (error.retryAfter < 1 || error.retryAfter > 5) throw error;
    await new Promise((done) => setTimeout(done, error.retryAfter * 1000));
    signal?.throwIfAborted();
    return call('POST', '/v1/search', { json: request, signal });
  }
}
