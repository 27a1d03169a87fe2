// SPDX-License-Identifier: Apache-2.0
// What stands in place of pictures: how to begin, nothing found, and each kind of trouble with its way out.

import { byID, drawing, el } from './dom.js';
import { t } from './language.js';

const panel = byID('state');
let tell = null;

const DRAWINGS = {
  empty: 'M4 5h16v14H4zM5 17l5-4.5 3 2.5 3.5-3.5 3 3M8.5 8.7v.1',
  none: 'M10.5 4a6.5 6.5 0 1 0 0 13a6.5 6.5 0 1 0 0-13zM20 20l-4.8-4.8M8 10.5h5',
  key: 'M8 8a4 4 0 1 0 0 8a4 4 0 1 0 0-8zM12 12h9M18 12v4M15 12v3',
  trouble: 'M12 4 21 19H3zM12 10v4M12 16.4v.1',
};

/// Shows a state, told anew when the language changes. `make` returns { drawing, title, paragraphs, actions, extra }.
export function show(make) {
  tell = make;
  const { kind, drawing: name, title, paragraphs = [], actions = [], extra = null } = make();
  panel.dataset.kind = kind;
  // Trouble is said at once; an invitation is not.
  panel.setAttribute('role', name === 'trouble' || name === 'key' ? 'alert' : 'region');
  panel.setAttribute('aria-label', title);
  panel.replaceChildren(
    drawing(DRAWINGS[name]), el('h2', {}, title),
    ...paragraphs.filter(Boolean).map((text) => el('p', {}, text)),
    ...[extra].filter(Boolean),
    el('p', { class: 'actions' }, actions.map(([text, action, name]) => el('button', {
      type: 'button', class: name ?? 'action', onclick: action,
    }, text))));
  panel.hidden = false;
}

export function hide() {
  tell = null;
  panel.hidden = true;
  panel.replaceChildren();
  delete panel.dataset.kind;
}

export const retell = () => { if (tell) show(tell); };
export const kind = () => panel.dataset.kind ?? '';

// MARK: the states

export const empty = (size, ask) => () => ({
  kind: 'empty', drawing: 'empty', title: t('empty_title'),
  paragraphs: [t('empty_text'), size()],
  extra: el('p', { class: 'examples' }, `${t('empty_try')}: `, t('examples').map((text) => el('button', {
    type: 'button', class: 'example', onclick: () => ask(text),
  }, text))),
});

export const nothing = (isFiltered, canUncut, { uncut, clear }) => () => ({
  kind: 'none', drawing: 'none', title: t('none_title'),
  paragraphs: [canUncut ? t('none_text') : '', isFiltered ? t('none_filter') : ''],
  actions: [
    ...(canUncut ? [[t('none_show'), uncut, 'action uncut']] : []),
    ...(isFiltered ? [[t('clear_filters'), clear, 'action clear']] : []),
  ],
});

export const unwanted = () => ({
  kind: 'unwanted', drawing: 'none', title: t('unwanted_title'), paragraphs: [t('unwanted_text')],
});

export const key = (detail) => () => ({
  kind: 'key', drawing: 'key', title: t('key_title'),
  paragraphs: [t('key_text')],
  extra: el('div', {},
    el('p', {}, el('code', {}, `${location.origin}/#token=…`)),
    detail ? el('p', { class: 'detail' }, detail) : null),
});

export const gone = (retry) => () => ({
  kind: 'gone', drawing: 'trouble', title: t('gone_title'), paragraphs: [t('gone_text')],
  actions: [[t('retry'), retry, 'action retry']],
});

export const expired = ({ replace, without }) => () => ({
  kind: 'expired', drawing: 'empty', title: t('expired_title'), paragraphs: [t('expired_text')],
  actions: [[t('replace'), replace], [t('expired_without'), without, 'action without']],
});

/// Problem details in the daemon's own words.
export const problem = (failure, retry) => () => ({
  kind: 'problem', drawing: 'trouble', title: failure.title || t('problem_title'),
  paragraphs: [[429, 503].includes(failure.status) ? t('busy_text') : '', failure.detail],
  actions: [[t('retry'), retry, 'action retry']],
});

export const notPicture = () => ({
  kind: 'not-picture', drawing: 'trouble', title: t('not_picture_title'), paragraphs: [t('not_picture_text')],
});
