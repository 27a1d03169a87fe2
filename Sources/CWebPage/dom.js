// SPDX-License-Identifier: Apache-2.0

/// The element with this id; a missing one is a mistake of ours and should be loud.
export function byID(id) {
  const element = document.getElementById(id);
  if (!element) throw new Error(`index.html has no #${id}`);
  return element;
}

/// An element: `on…` properties are listeners, `class`, `data` and `aria` are what they say, the rest are properties.
/// Texts only ever become text nodes, so nothing of a caption or a file name is read as markup.
export function el(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (value === undefined || value === null) continue;
    if (name.startsWith('on')) element.addEventListener(name.slice(2), value);
    else if (name === 'class') element.className = value;
    else if (name === 'data') Object.assign(element.dataset, value);
    else if (name === 'aria') for (const key in value) element.setAttribute(`aria-${key}`, value[key]);
    else if (name in element) element[name] = value;
    else element.setAttribute(name, value);
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== ''));
  return element;
}

/// A drawing of one path, in the colour of the text beside it.
export function drawing(path) {
  const ns = 'http://www.w3.org/2000/svg';
  const svg = document.createElementNS(ns, 'svg');
  svg.setAttribute('viewBox', '0 0 24 24');
  svg.setAttribute('aria-hidden', 'true');
  const shape = document.createElementNS(ns, 'path');
  shape.setAttribute('d', path);
  svg.append(shape);
  return svg;
}

/// Whether keys belong to this element, so that shortcuts must keep off.
export function isTyping(target) {
  return target instanceof HTMLElement
    && (target.isContentEditable || ['TEXTAREA', 'SELECT'].includes(target.tagName)
      || (target.tagName === 'INPUT' && !['checkbox', 'range', 'button'].includes(target.type)));
}
