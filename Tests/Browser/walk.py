# SPDX-License-Identifier: Apache-2.0
"""What the steps of page_test.py share."""

import contextlib
import os

from browser import Failed

# A picture made in the page, as a real File in a real DataTransfer.
TRANSFER = """async (kind) => {
  const canvas = document.createElement('canvas');
  canvas.width = canvas.height = 96;
  const ink = canvas.getContext('2d');
  ink.fillStyle = '#d22';
  ink.beginPath(); ink.arc(48, 48, 40, 0, 7); ink.fill();
  const blob = await new Promise((done) => canvas.toBlob(done, 'image/png'));
  const transfer = new DataTransfer();
  transfer.items.add(new File([blob], 'red.png', { type: 'image/png' }));
  const at = document.querySelector('#grid');
  const how = { bubbles: true, cancelable: true, dataTransfer: transfer };
  const tell = (type) => at.dispatchEvent(new DragEvent(type, how));
  if (kind === 'paste') {
    document.dispatchEvent(new ClipboardEvent('paste', { bubbles: true, cancelable: true, clipboardData: transfer }));
    return true;
  }
  tell('dragenter');
  const isShown = !document.querySelector('#drop').hidden;
  tell('dragover');
  const isTaken = !tell('drop');
  return isShown && isTaken && document.querySelector('#drop').hidden;
}"""

SETTLED = "() => document.querySelector('#grid').getAttribute('aria-busy') !== 'true'"
SLIDE = """(value) => {
  const slider = document.querySelector('#balance');
  slider.value = value;
  slider.dispatchEvent(new Event('input', { bubbles: true }));
  slider.dispatchEvent(new Event('change', { bubbles: true }));
}"""
FOCUSED = "(s) => document.activeElement?.matches(s)"
UNREADY = r"Failed to load resource: the server responded with a status of"


def check(condition, message):
    if not condition:
        raise Failed(message)


class Walk:
    """A browser at the daemon's address. Each step begins where it navigates to, so that one that fails does not fail
    the next."""

    def __init__(self, browser, base, token):
        self.b = browser
        self.base = base.rstrip("/")
        self.token = token

    # What steps share

    @contextlib.contextmanager
    def expecting(self, *patterns):
        self.b.expected = list(patterns)
        yield
        self.b.js("() => new Promise((done) => setTimeout(done, 100))")  # late complaints still belong here
        self.b.expected = []

    def open(self, search=""):
        self.b.goto(f"{self.base}/{search}")
        self.b.wait("the page", "() => document.readyState === 'complete' && location.protocol !== 'about:'")

    def ask(self, text):
        asked = len(self.b.searches)
        self.b.type("#text", text)
        self.b.key("Enter")
        return self.answered(asked)

    def answered(self, before):
        """Waits for a search beyond the first `before` ones to be sent and shown; the answer is its body."""
        for _ in range(400):
            self.b.js("() => new Promise((done) => setTimeout(done, 25))")
            if len(self.b.searches) > before:
                break
        check(len(self.b.searches) > before, "no search was sent")
        self.b.wait("the answer", SETTLED)
        return self.b.searches[-1]

    def drop(self, kind="drop"):
        asked = len(self.b.searches)
        check(self.b.js(TRANSFER, kind), "dragging a file over the page shows no place to drop it, or it is not taken")
        return self.answered(asked)

    def hits(self):
        return self.b.count(".card")

    def state(self):
        return self.b.js("() => { const e = document.querySelector('#state'); return e.hidden ? '' : e.dataset.kind; }")

    def expect_state(self, kind):
        self.b.wait(f"the state '{kind}'", "(k) => document.querySelector('#state').dataset.kind === k", kind)

    # Pictures for a person to look at

    directory = None

    def shoot(self, name):
        if not self.directory:
            return
        self.b.js("""async () => {
          const seen = (image) => image.loading !== 'lazy' || image.getBoundingClientRect().top < innerHeight;
          await Promise.all([...document.images].filter(seen).map((image) => image.decode().catch(() => null)));
          await new Promise((done) => setTimeout(done, 250));
        }""")
        self.b.screenshot(os.path.join(self.directory, f"{name}.png"))
