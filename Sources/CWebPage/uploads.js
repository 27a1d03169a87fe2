// SPDX-License-Identifier: Apache-2.0
// Pictures of the person who asks. The daemon keeps them for ten minutes under a handle; this page keeps the files
// themselves as long as it is open, for the preview and to send them again when the daemon has forgotten.

import * as api from './api.js';

/// handle → { blob, preview }
const kept = new Map();

export const preview = (handle) => kept.get(handle)?.preview;

/// Sends a file; the answer is the handle. Throws a Failure, or NotAPicture.
export async function send(file) {
  const blob = await readable(file);
  let answer;
  try {
    answer = await api.upload(blob);
  } catch (error) {
    if (error.status !== 413) throw error;
    answer = await api.upload(await redraw(blob, 1024));  // too large for the daemon; the model looks at less anyway
  }
  kept.set(answer.upload, { blob, preview: kept.get(answer.upload)?.preview ?? URL.createObjectURL(blob) });
  return answer.upload;
}

/// Sends a forgotten picture again; null when this page has never held it.
export async function sendAgain(handle) {
  const known = kept.get(handle);
  return known ? send(known.blob) : null;
}

export class NotAPicture extends Error {}

/// The file itself where the daemon reads its format; else (GIF, AVIF, BMP, …) what the browser sees in it, as PNG.
async function readable(file) {
  if (['image/png', 'image/jpeg', 'image/webp'].includes(file.type)) return file;
  return redraw(file, 2048);
}

async function redraw(blob, longest) {
  let bitmap;
  try {
    bitmap = await createImageBitmap(blob);
  } catch {
    throw new NotAPicture();
  }
  const scale = Math.min(1, longest / Math.max(bitmap.width, bitmap.height));
  const canvas = document.createElement('canvas');
  canvas.width = Math.max(1, Math.round(bitmap.width * scale));
  canvas.height = Math.max(1, Math.round(bitmap.height * scale));
  canvas.getContext('2d').drawImage(bitmap, 0, 0, canvas.width, canvas.height);
  bitmap.close();
  return new Promise((done, fail) => {
    canvas.toBlob((result) => (result ? done(result) : fail(new NotAPicture())), 'image/png');
  });
}

/// The picture files of a drop or a paste.
export const pictureFiles = (transfer) =>
  [...(transfer?.files ?? [])].filter((file) => file.type.startsWith('image/') || file.type === '');

/// Calls back with pictures that are picked, pasted or dropped, and with items of the grid dragged to `target`.
export function watch({ input, overlay, target, onFile, onItem }) {
  input.addEventListener('change', () => {
    const [file] = input.files;
    if (file) onFile(file);
    input.value = '';  // so that the same file can be chosen again
  });

  document.addEventListener('paste', (event) => {
    const [file] = pictureFiles(event.clipboardData);
    // A word processor puts a picture of the text beside the text; there the text is meant.
    if (!file || event.clipboardData.types.includes('text/plain')) return;
    event.preventDefault();
    onFile(file);
  });

  // dragenter and dragleave come for every element passed over: count them.
  let depth = 0;
  const isItem = (event) => event.dataTransfer.types.includes(ITEM_TYPE);
  const takes = (event) => isItem(event) || event.dataTransfer.types.includes('Files');
  const show = (shown) => { overlay.hidden = !shown; };
  document.addEventListener('dragenter', (event) => {
    if (!takes(event)) return;
    event.preventDefault();
    depth += 1;
    show(!isItem(event));
  });
  document.addEventListener('dragover', (event) => { if (takes(event)) event.preventDefault(); });
  document.addEventListener('dragleave', (event) => {
    if (!takes(event)) return;
    depth = Math.max(0, depth - 1);
    if (depth === 0) show(false);
  });
  document.addEventListener('drop', (event) => {
    depth = 0;
    show(false);
    if (!takes(event)) return;
    event.preventDefault();  // or the browser would leave the page for the file
    const [file] = pictureFiles(event.dataTransfer);
    if (!isItem(event)) {
      if (file) onFile(file);
    } else if (target.contains(event.target)) {
      // Elsewhere a slipped click would do: a picture of the grid counts only where queries are made.
      onItem(Number(event.dataTransfer.getData(ITEM_TYPE)));
    }
  });
  document.addEventListener('dragend', () => {
    depth = 0;
    show(false);
  });
}

/// What a picture of the grid carries while it is dragged.
export const ITEM_TYPE = 'application/x-duet-item';
