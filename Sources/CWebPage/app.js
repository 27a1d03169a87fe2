// SPDX-License-Identifier: Apache-2.0
// The wiring: the query is the one state; it stands in the page's address, and every change goes through `go`.

import * as api from './api.js';
import * as balance from './balance.js';
import * as chips from './chips.js';
import { byID, el, isTyping } from './dom.js';
import * as filters from './filters.js';
import { number, switchLanguage, t, translate } from './language.js';
import * as libraries from './libraries.js';
import * as lightbox from './lightbox.js';
import * as q from './query.js';
import * as results from './results.js';
import * as searching from './searching.js';
import * as states from './states.js';
import * as uploads from './uploads.js';

const box = byID('text');
let query = q.parse(location.search);
/// Handles of pictures that the daemon has forgotten and this page cannot send again.
const expired = new Set();
let sending = 0;
let replacing = -1;
let status = () => '';

// MARK: beginning

/// Exchanges the token of the printed address for the cookie, asks what is served, and shows what the address asks.
async function begin() {
  const token = new URLSearchParams(location.hash.slice(1)).get('token');
  try {
    if (token) await signIn(token);
    libraries.know((await api.stats()).libraries);
  } catch (error) {
    trouble(error, begin);
    return;
  }
  arrive();
}

/// The token goes from the address (and so from the history and from bookmarks) as soon as the daemon has said yes or no to it;
/// one that it had no time for can be tried again.
async function signIn(token) {
  const forget = () => history.replaceState(history.state, '', location.pathname + location.search);
  try {
    await api.signIn(token);
  } catch (error) {
    if (error.kind === 'key') forget();
    throw error;
  }
  forget();
}

/// Shows what the address asks: on load, and after back and forward.
function arrive() {
  query = q.parse(location.search);
  lightbox.close();
  box.value = query.text;
  render();
  search();
}

// MARK: changing the query

/// Changes the query, its address and what is shown. What stands in the box counts, entered or not.
function go(change, { replace = false, focus = '' } = {}) {
  query = { ...query, text: box.value.trim(), ...change };
  box.value = query.text;
  const address = location.pathname + q.format(query);
  const isSame = address === location.pathname + location.search;
  if (replace || isSame) history.replaceState({}, '', address);
  else history.pushState({}, '', address);
  if (!replace) scrollTo({ top: 0 });
  render();
  search(focus);
  if (focus === 'box') box.focus();
}

const changeTerm = (index, change) =>
  go({ terms: query.terms.map((term, other) => (other === index ? { ...term, ...change } : term)) });

function addTerm(term) {
  if (q.isFull(query)) {
    states.show(states.problem({ title: t('full') }, () => go({})));
    return;
  }
  go({ terms: [...query.terms, term] });
}

const withoutTerm = (index) => query.terms.filter((_, other) => other !== index);

const chipChanges = {
  role: (index, role) => changeTerm(index, { role }),
  remove: (index) => go({ terms: withoutTerm(index) }),
  edit(index) {
    const terms = withoutTerm(index);
    // The box can hold one text: what stands there becomes a chip in exchange.
    if (box.value.trim()) terms.push({ kind: 'text', value: box.value.trim(), role: 'want' });
    go({ terms, text: query.terms[index].value }, { focus: 'box' });
  },
  replace(index) {
    replacing = index;
    byID('file').click();
  },
};

/// "More like this" and "like this, but …": the picture as the only part of a new query of the same library and filter.
function like(hit, focus) {
  lightbox.close();
  const { library, filter } = query;
  go({ ...q.emptyQuery(library), filter, terms: [{ kind: 'item', value: hit.id, role: 'want' }] }, { focus });
}

/// Sends a picture and makes it a part of the query, in place of one that expired where there is one.
async function addFile(file) {
  const former = query.terms[replacing] ?? query.terms.find((term) => expired.has(term.value));
  replacing = -1;
  sending += 1;
  render();
  try {
    const handle = await uploads.send(file);
    sending -= 1;
    const place = query.terms.indexOf(former);  // the query may have changed meanwhile
    if (place >= 0) changeTerm(place, { kind: 'upload', value: handle });
    else addTerm({ kind: 'upload', value: handle, role: 'want' });
    // "… but at night" comes next; on a phone the keyboard would only hide the pictures.
    if (matchMedia('(hover: hover)').matches) box.focus();
  } catch (error) {
    sending -= 1;
    render();
    if (error instanceof uploads.NotAPicture) states.show(states.notPicture);
    else trouble(error, () => addFile(file));
    byID('state').scrollIntoView({ block: 'nearest' });
  }
}

// MARK: searching

async function search(focus = '') {
  states.hide();
  if (query.terms.some((term) => expired.has(term.value))) return instead(states.expired(expiredWays));
  if (q.isEmpty(query)) {
    return instead(states.empty(() => libraries.size(query.library), (text) => go({ text })));
  }
  if (!q.wantsSomething(query)) return instead(states.unwanted);
  const asked = query;
  results.setStale(true);
  setStatus(() => t('searching'));
  try {
    const answer = await searching.first(asked);
    results.setStale(false);
    showAnswer(answer);
    if (focus === 'grid') results.focusCard(0);
  } catch (error) {
    if (error.name === 'AbortError' || asked !== query) return undefined;  // a later search has taken over
    const handles = error instanceof api.Failure ? searching.forgotten(error, asked) : [];
    if (handles.length > 0) return revive(asked, handles);
    trouble(error, search);
  }
  return undefined;
}

function showAnswer({ hits, summary }) {
  results.show(hits, query.library);
  filters.suggestFolders(hits);
  byID('more').hidden = !searching.hasMore();
  byID('notes').replaceChildren(...summary.notes.map((note) => el('li', {}, note)));
  byID('notes').hidden = summary.notes.length === 0;
  const isCut = summary.cut !== 'off';
  setStatus(() => [
    t(summary.found_is_capped ? 'found_capped' : 'found', summary.found, number(summary.found)),
    isCut || hits.length === 0 ? '' : t('nearest_first'),
    summary.excluded > 0 ? t('excluded', summary.excluded, number(summary.excluded)) : '',
  ].filter(Boolean).join(' · '));
  byID('uncut').hidden = hits.length === 0 || (query.cut === '' && !isCut);
  if (hits.length > 0) return;
  states.show(states.nothing(q.filterCount(query.filter) > 0, isCut, {
    uncut: () => go({ cut: 'off' }), clear: () => go({ filter: q.emptyFilter() }),
  }));
}

/// Shows a state where hits would be.
function instead(state) {
  searching.stop();
  results.setStale(false);
  results.show([], '');
  for (const id of ['more', 'uncut', 'notes']) byID(id).hidden = true;
  setStatus(() => '');
  states.show(state);
}

/// Every failure ends here, with what can be done about it.
function trouble(error, retry) {
  if (error.name === 'AbortError') return;
  if (!(error instanceof api.Failure)) {
    instead(states.problem({ detail: String(error) }, retry));
    throw error;  // a mistake of ours: the console should have it, too
  }
  const ways = { key: states.key(error.detail), gone: states.gone(() => retry()) };
  instead(ways[error.kind] ?? states.problem(error, () => retry()));
}

async function more() {
  try {
    const hits = await searching.next();
    results.append(hits);
    filters.suggestFolders(hits);
    byID('more').hidden = !searching.hasMore();
    return hits.length > 0;
  } catch (error) {
    if (error.status === 410) {
      // The snapshot that the pages were cut from has gone: begin anew rather than mix two libraries.
      lightbox.close();
      await search();
      byID('notes').append(el('li', {}, t('expired_page')));
      byID('notes').hidden = false;
    } else if (error.name !== 'AbortError') {
      lightbox.close();
      trouble(error, search);
    }
    return false;
  }
}

// MARK: pictures that the daemon has forgotten

async function revive(asked, handles) {
  let answer;
  try {
    answer = await searching.revive(asked, handles);
  } catch (error) {
    if (asked === query) trouble(error, search);
    return;
  }
  if (asked !== query) return;
  for (const handle of answer.lost) expired.add(handle);
  go({ terms: answer.query.terms }, { replace: true });
}

const expiredWays = {
  replace: () => chipChanges.replace(query.terms.findIndex((term) => expired.has(term.value))),
  without: () => go({ terms: query.terms.filter((term) => !expired.has(term.value)) }),
};

// MARK: showing

function render() {
  const lost = query.terms.flatMap((term, index) => (expired.has(term.value) ? [index] : []));
  chips.render(query, { expired: new Set(lost), isSending: sending > 0, changes: chipChanges });
  filters.render(query);
  balance.render(query);
  renderBox();
  byID('uncut').textContent = t(query.cut ? 'recut' : 'uncut');
  byID('language').textContent = t('other_language');
  byID('language').lang = t('other_language') === 'English' ? 'en' : 'zh-Hans';
  libraries.render(query.library);
  const said = [query.text, ...query.terms.filter((term) => term.kind === 'text').map((term) => term.value)];
  document.title = [said.filter(Boolean).join(' · ').slice(0, 60), 'Duet'].filter(Boolean).join(' – ');
}

function renderBox() {
  const hasPicture = query.terms.some((term) => term.kind !== 'text' && term.role === 'want');
  box.dataset.tPlaceholder = hasPicture ? 'but_placeholder' : 'text_placeholder';
  box.placeholder = t(box.dataset.tPlaceholder);
  byID('keep').hidden = box.value.trim() === '';
}

function setStatus(make) {
  status = make;
  const text = make();
  if (byID('status').textContent !== text) byID('status').textContent = text;
}

function retell() {
  translate();
  render();
  results.retell();
  states.retell();
  lightbox.retell();
  setStatus(status);
}

// MARK: listening

/// Keeps the text of the box as a chip, so that another can be typed.
function keepText() {
  const value = box.value.trim();
  if (!value) return;
  // Where there is no room for a chip, the text stays where it is.
  if (!q.isFull(query)) box.value = '';
  addTerm({ kind: 'text', value, role: 'want' });
  box.focus();
}

function listen() {
  byID('ask').addEventListener('submit', (event) => {
    event.preventDefault();
    go({});
  });
  box.addEventListener('input', renderBox);
  box.addEventListener('keydown', (event) => {
    if (event.isComposing) return;  // Enter there takes a Chinese word, and asks nothing yet
    if (event.key === 'Enter' && event.shiftKey) {
      event.preventDefault();
      keepText();
    } else if (event.key === 'ArrowDown' && results.focusCard(0)) event.preventDefault();
  });
  byID('keep').addEventListener('click', keepText);
  byID('pick').addEventListener('click', () => chipChanges.replace(-1));
  byID('file').addEventListener('cancel', () => { replacing = -1; });
  document.querySelector('.skip').addEventListener('click', (event) => {
    event.preventDefault();  // a fragment in the address would be one more step back
    if (!results.focusCard(0)) box.focus();
  });
  byID('home').addEventListener('click', (event) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    go(q.emptyQuery(query.library), { focus: 'box' });
  });
  // Items are numbered by their library: those of the former one mean nothing in another.
  libraries.watch((library) => go({
    library, terms: query.terms.filter((term) => term.kind !== 'item'), filter: q.emptyFilter(),
  }));
  byID('language').addEventListener('click', () => {
    switchLanguage();
    retell();
  });
  byID('uncut').addEventListener('click', () => go({ cut: query.cut ? '' : 'off' }));
  byID('more').addEventListener('click', async () => {
    const place = results.shown().length;
    if (await more()) results.focusCard(place);
  });
  balance.watch((value, replace) => go({ balance: value }, { replace }));
  filters.watch((change) => go(change));
  uploads.watch({
    input: byID('file'), overlay: byID('drop'), target: document.querySelector('.ask'),
    onFile: addFile, onItem: (id) => addTerm({ kind: 'item', value: id, role: 'want' }),
  });
  const ways = { like: (hit) => like(hit, 'grid'), but: (hit) => like(hit, 'box') };
  const open = (index, options) => lightbox.open(index, query.library, options);
  results.watch({ ...ways, open, why: (index) => open(index, { explained: true }) });
  lightbox.watch({ ...ways, more, hasMore: searching.hasMore, explain: searching.explain });
  document.addEventListener('keydown', (event) => {
    if (event.key !== '/' || event.ctrlKey || event.metaKey || event.altKey) return;
    if (isTyping(event.target) || lightbox.isOpen()) return;
    event.preventDefault();
    box.focus();
    box.select();
  });
  addEventListener('popstate', () => { if (!location.hash.startsWith('#token=')) arrive(); });
  // The address that a restarted daemon prints differs in its fragment only: pasted here, it loads nothing by itself.
  addEventListener('hashchange', () => { if (location.hash.startsWith('#token=')) begin(); });
}

translate();
listen();
begin();
