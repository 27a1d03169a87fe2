// SPDX-License-Identifier: Apache-2.0
// What is asked: a plain value with two other forms, the address of the page and the body of POST /v1/search.
//
//   { library, text, terms: [{ kind: 'text' | 'item' | 'upload', value, role }], balance: 0…100,
//     filter: { folder, formats, by: 'taken' | 'modified', from, to }, sort, cut: '' | 'off' }
//
// `text` is what stands in the box: a wanted text that one goes on typing at. The other terms are chips.

export const ROLES = ['want', 'avoid', 'exclude'];
export const FORMATS = ['png', 'jpeg', 'webp'];
export const SORTS = ['relevance', 'date', 'name', 'size'];
export const PAGE = 60;
/// As the contract has it: terms of a query, and characters of a text.
const MOST_TERMS = 32;
const LONGEST_TEXT = 16384;

export const emptyFilter = () => ({ folder: '', formats: [], by: 'taken', from: '', to: '' });

export function emptyQuery(library = '') {
  return { library, text: '', terms: [], balance: 50, filter: emptyFilter(), sort: 'relevance', cut: '' };
}

/// Whether nothing is asked (a filter alone is no question to the daemon).
export const isEmpty = (query) => query.text.trim() === '' && query.terms.length === 0;

/// Whether something is wanted: a query of unwanted things only points nowhere.
export const wantsSomething = (query) =>
  query.text.trim() !== '' || query.terms.some((term) => term.role === 'want');

/// Whether pictures and texts are both wanted, so that their balance means something.
export function isComposed(query) {
  const wanted = query.terms.filter((term) => term.role === 'want');
  const hasText = query.text.trim() !== '' || wanted.some((term) => term.kind === 'text');
  return hasText && wanted.some((term) => term.kind !== 'text');
}

export const isFull = (query) => query.terms.length >= MOST_TERMS - 1;

/// How many filters are set.
export function filterCount({ folder, formats, from, to }) {
  return [folder.trim(), formats.length, from, to].filter(Boolean).length;
}

// MARK: the address

const oneOf = (list, value, otherwise) => (list.includes(value) ? value : otherwise);
const isDay = (value) => /^\d{4}-\d\d-\d\d$/.test(value ?? '') && !Number.isNaN(Date.parse(value));

/// Reads a page address's search part; what it does not understand is left out.
export function parse(search) {
  const parameters = new URLSearchParams(search);
  const query = emptyQuery((parameters.get('library') ?? '').slice(0, 200));
  query.text = (parameters.get('q') ?? '').slice(0, LONGEST_TEXT);
  for (const [role, value] of parameters) {
    if (!ROLES.includes(role) || isFull(query)) continue;
    const term = parseTerm(role, value);
    if (term) query.terms.push(term);
  }
  const balance = parameters.has('balance') ? Number(parameters.get('balance')) : 50;
  query.balance = Number.isFinite(balance) ? Math.min(100, Math.max(0, Math.round(balance))) : 50;
  query.sort = oneOf(SORTS, parameters.get('sort'), 'relevance');
  query.cut = oneOf(['off'], parameters.get('cut'), '');
  const filter = query.filter;
  filter.folder = parameters.get('folder') ?? '';
  filter.formats = FORMATS.filter((format) => (parameters.get('type') ?? '').split(',').includes(format));
  filter.by = oneOf(['taken', 'modified'], parameters.get('by'), 'taken');
  if (isDay(parameters.get('from'))) filter.from = parameters.get('from');
  if (isDay(parameters.get('to'))) filter.to = parameters.get('to');
  return query;
}

/// `want=text:at night`, `avoid=item:12`, `exclude=upload:HANDLE`.
function parseTerm(role, value) {
  const colon = value.indexOf(':');
  const kind = value.slice(0, colon);
  const content = value.slice(colon + 1);
  if (!content) return null;
  if (kind === 'text') return { kind, value: content.slice(0, LONGEST_TEXT), role };
  if (kind === 'upload') return { kind, value: content, role };
  const id = Number(content);
  return kind === 'item' && Number.isSafeInteger(id) && id > 0 ? { kind, value: id, role } : null;
}

/// The search part of the page's address, with only what differs from an empty query; '' for that.
export function format(query) {
  const parameters = new URLSearchParams();
  const put = (name, value, usual = '') => { if (value !== usual) parameters.append(name, value); };
  put('library', query.library);
  put('q', query.text.trim());
  for (const term of query.terms) parameters.append(term.role, `${term.kind}:${term.value}`);
  if (isComposed(query)) put('balance', String(query.balance), '50');
  put('folder', query.filter.folder.trim());
  put('type', query.filter.formats.join(','));
  put('by', query.filter.by, 'taken');
  put('from', query.filter.from);
  put('to', query.filter.to);
  put('sort', query.sort, 'relevance');
  put('cut', query.cut);
  const text = parameters.toString();
  return text ? `?${text}` : '';
}

// MARK: the request

/// The terms as the daemon takes them, each with the index of its chip (-1 for the box).
export function requestTerms(query) {
  const terms = query.terms.map((term, chip) => ({ chip, term }));
  if (query.text.trim()) terms.unshift({ chip: -1, term: { kind: 'text', value: query.text.trim(), role: 'want' } });
  const composed = isComposed(query);
  return terms.map(({ chip, term }) => {
    const body = { [term.kind]: term.value, role: term.role };
    // The weights of both sides add up to 2, so that the middle is the daemon's own default of 1 and 1. A weight of
    // 0 is refused there; a fiftieth does as well.
    const share = (term.kind === 'text' ? query.balance : 100 - query.balance) / 50;
    if (composed && term.role === 'want') body.weight = Math.max(0.02, share);
    return { chip, body };
  });
}

/// The body of POST /v1/search for the first page.
export function request(query, limit = PAGE) {
  const body = { terms: requestTerms(query).map((term) => term.body), limit };
  if (query.library) body.library = query.library;
  if (query.sort !== 'relevance') body.sort = query.sort;
  if (query.cut) body.cut = query.cut;
  const filter = requestFilter(query.filter);
  if (Object.keys(filter).length > 0) body.filter = filter;
  return body;
}

function requestFilter({ folder, formats, by, from, to }) {
  const filter = {};
  if (folder.trim()) filter.folder = folder.trim();
  if (formats.length > 0) filter.formats = formats;
  if (from) filter[`${by}_from`] = startOfDay(from, by);
  if (to) filter[`${by}_before`] = startOfDay(to, by, 1);
  return filter;
}

/// A camera's clock is stored as if it were UTC; a file's time is a moment, so there the reader's own midnight counts.
function startOfDay(day, by, later = 0) {
  const [year, month, date] = day.split('-').map(Number);
  const milliseconds = by === 'taken' ? Date.UTC(year, month - 1, date + later)
    : new Date(year, month - 1, date + later).getTime();
  return Math.floor(milliseconds / 1000);
}
