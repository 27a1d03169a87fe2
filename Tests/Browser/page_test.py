#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Walks through the daemon's page with a headless Chromium.

    python3 -m pip install -r Tests/Browser/requirements.txt
    python3 Tests/Browser/page_test.py BASE_URL TOKEN [--screenshots DIR] [--only NAME]

It expects the demo's library of pictograms (Scripts/demo.sh) and checks what is on the page, not which pictures are
found.
The exit status is 0 when every step passes. A complaint of the browser's console or of the content security policy
fails the step in which it comes up, unless the step brings it about on purpose.
"""

import argparse
import contextlib
import os
import sys
import traceback
from urllib.parse import quote, urlsplit

from browser import Browser, Failed

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
    """The steps, in order; each begins where it navigates to, so that one that fails does not fail the next."""

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

    # The steps

    def key(self):
        with self.expecting(UNREADY + " 401"):
            self.open()
            self.expect_state("key")
        check("duet serve" in self.b.text("#state"), "without a cookie, the page does not say what to open")
        with self.expecting(UNREADY + " 401"):
            self.open("#token=" + "0" * 32)
            self.expect_state("key")
            self.b.wait("a wrong token to leave the address", "() => location.hash === ''")
        # The right address, pasted over it, differs in its fragment only.
        self.b.js("(token) => { location.hash = `token=${token}`; }", self.token)
        self.expect_state("empty")
        self.b.call("Network.clearBrowserCookies")

    def session(self):
        self.open(f"#token={self.token}")
        self.expect_state("empty")
        check(self.b.js("() => location.hash") == "", "the token stays in the address")
        check(self.b.js("() => document.cookie") == "", "the cookie can be read by scripts")
        check(self.b.count(".example") >= 3, "no examples to begin with")
        check("pictures in this library" in self.b.text("#state") and "=>" not in self.b.text("#state"),
              f"the beginning reads: {self.b.text('#state')}")
        policy = self.b.headers.get("content-security-policy", "")
        check("default-src 'none'" in policy and "unsafe" not in policy, f"content security policy: {policy!r}")
        self.open()
        self.expect_state("empty")  # the cookie suffices from now on

    def policy(self):
        with self.expecting("Content Security Policy"):
            self.b.js("""() => {
              const script = document.createElement('script');
              script.textContent = 'window.wasRun = true';
              document.body.append(script);
            }""")
        check(not self.b.js("() => window.wasRun"), "the policy lets inline scripts run")

    def example(self):
        self.open()
        asked = len(self.b.searches)
        self.b.click(".example")
        body = self.answered(asked)
        check(body["terms"][0]["text"] == self.b.js("() => document.querySelector('#text').value"),
              "an example does not ask what it says")

    def text(self):
        self.open()
        body = self.ask("cat")
        check([term.get("text") for term in body["terms"]] == ["cat"], f"asked {body['terms']}")
        check("explain" not in body, "explanations are asked for though nobody looks at them")
        check(self.hits() > 0, "no pictures for 'cat'")
        check("q=cat" in self.b.js("() => location.search"), "the query is not in the address")
        status = self.b.js("() => { const e = document.querySelector('#status'); return [e.role, e.textContent]; }")
        check(any(c.isdigit() for c in status[1]), f"the number of hits is not told: {status}")
        check(self.b.js("""() => [...document.querySelectorAll('.card img')].every((image) => image.loading === 'lazy'
          && image.width > 0 && image.getAttribute('width') && image.getAttribute('height')
          && /thumbnail\\?size=256/.test(image.src))"""), "thumbnails are not lazy, or have no size")
        self.b.wait("a thumbnail", "() => document.querySelector('.card img').naturalWidth > 0")
        check(self.b.js("() => [...document.querySelectorAll('.caption')].every((e) => e.textContent)"), "no captions")
        self.b.hover(".card .open")
        self.b.wait("score and z on hover", "() => getComputedStyle(document.querySelector('.score')).opacity === '1'")
        check(self.b.text(".score").startswith("z "), f"score: {self.b.text('.score')}")

    def pages(self):
        self.open("?q=person&cut=off")
        self.b.wait("pictures", "() => document.querySelectorAll('.card').length > 0")
        first = self.hits()
        asked = len(self.b.searches)
        self.b.click("#more")
        check("cursor" in self.answered(asked), "'more' asks without the cursor")
        self.b.wait("another page", "(n) => document.querySelectorAll('.card').length > n", first)
        ids = self.b.js("() => [...document.querySelectorAll('.card')].map((card) => card.dataset.id)")
        check(len(ids) == len(set(ids)), "the second page repeats pictures of the first")

    def keys(self):
        self.open("?q=cat&cut=off")
        self.b.wait("pictures", "() => document.querySelectorAll('.card').length > 8")
        self.b.key("/")
        check(self.b.js(FOCUSED, "#text"), "/ does not go to the box")
        check(self.b.js("() => document.querySelector('#text').value") == "cat", "/ is typed into the box")
        self.b.key("ArrowDown")
        check(self.b.js(FOCUSED, ".card[data-index='0'] .open"), "arrow down does not enter the grid")
        self.b.key("ArrowRight")
        check(self.b.js(FOCUSED, ".card[data-index='1'] .open"), "arrow right does not move")
        self.b.key("ArrowDown")
        row = self.b.js("() => Number(document.activeElement.closest('.card').dataset.index)")
        check(row > 1, "arrow down does not move by a row")
        self.b.key("ArrowUp")
        check(self.b.js(FOCUSED, ".card[data-index='1'] .open"), "arrow up does not come back")
        outline = self.b.js("() => getComputedStyle(document.activeElement).outlineStyle")
        check(outline == "solid", "focus is not visible")
        check(self.b.js("() => document.querySelectorAll('.card [tabindex=\"0\"]').length") == 4,
              "Tab stops at more than one picture")
        asked = len(self.b.searches)
        self.b.key("m")
        terms = self.answered(asked)["terms"]
        check([list(term)[0] for term in terms] == ["item"], f"m asks {terms}")
        self.b.wait("focus in the grid", FOCUSED, ".card .open")
        asked = len(self.b.searches)
        self.b.key("b")
        self.answered(asked)
        self.b.wait("b to go to the box", FOCUSED, "#text")

    def lightbox(self):
        self.open("?q=cat&cut=off")
        self.b.wait("pictures", "() => document.querySelectorAll('.card').length > 2")
        self.b.js("() => document.querySelector('.card .open').focus()")
        self.b.key("Enter")
        self.b.wait("the lightbox", "() => document.querySelector('#lightbox').open")
        self.b.wait("the large picture", "() => document.querySelector('#lb-picture').naturalWidth > 0")
        self.b.wait("facts", "() => document.querySelectorAll('#lb-facts dd').length >= 3")
        check("/original" in self.b.js("() => document.querySelector('#lb-original').href"), "no link to the original")
        first = self.b.js("() => document.querySelector('#lb-picture').src")
        check(self.b.js("() => document.querySelector('#lb-prev').disabled"), "something lies before the first picture")
        self.b.key("ArrowRight")
        self.b.wait("the next picture", "(s) => document.querySelector('#lb-picture').src !== s", first)
        self.b.key("ArrowLeft")
        self.b.wait("the first again", "(s) => document.querySelector('#lb-picture').src === s", first)
        self.b.key("ArrowRight")
        for _ in range(12):
            self.b.key("Tab")
            check(self.b.js("() => document.querySelector('#lightbox').contains(document.activeElement)"),
                  "Tab leaves the lightbox")
        self.b.key("Escape")
        self.b.wait("Escape to close", "() => !document.querySelector('#lightbox').open")
        self.b.wait("the focus to return to the picture", FOCUSED, ".card[data-index='1'] .open")

    def explain(self):
        self.open("?q=cat")
        self.b.wait("pictures", "() => document.querySelectorAll('.card').length > 0")
        asked = len(self.b.searches)
        self.b.hover(".card .open")
        self.b.click(".card .why")
        self.b.wait("an explanation", "() => document.querySelectorAll('#lb-explain .shares li').length >= 2")
        check(self.b.searches[asked].get("explain") is True, "the explanation is not asked for")
        told = self.b.text("#lb-explain")
        check("cat" in told and "undefined" not in told and "NaN" not in told, f"the explanation reads: {told}")
        self.b.click("#lb-close")
        self.b.wait("the button to close", "() => !document.querySelector('#lightbox').open")

    def picture(self):
        self.open()
        body = self.drop()
        check(list(body["terms"][0])[0] == "upload" and len(body["terms"]) == 1, f"asked {body['terms']}")
        check(self.hits() > 0, "nothing is near a dropped picture")
        check(self.b.js("() => document.querySelector('.chip img').src.startsWith('blob:')"), "no preview in the chip")
        self.b.wait("the preview", "() => document.querySelector('.chip img').naturalWidth > 0")
        self.open()
        check("upload" in self.drop("paste")["terms"][0], "a pasted picture is not asked by")

    def composed(self):
        self.open()
        self.drop()
        check(self.b.count("#balance-row") == 0, "a balance of one thing is offered")
        body = self.ask("heart")
        kinds = {kind for term in body["terms"] for kind in ("text", "upload") if kind in term}
        check(kinds == {"text", "upload"}, f"asked {body['terms']}")
        before = {kind: term.get("weight", 1) for term in body["terms"] for kind in kinds if kind in term}
        check(before["text"] == before["upload"], f"out of balance at the start: {before}")
        self.b.point("#balance")
        asked = len(self.b.searches)
        self.b.js(SLIDE, 80)
        terms = self.answered(asked)["terms"]
        after = {kind: term.get("weight", 1) for term in terms for kind in kinds if kind in term}
        check(after["text"] > before["text"] and after["upload"] < before["upload"], f"weights {before} → {after}")
        check("balance=80" in self.b.js("() => location.search"), "the balance is not in the address")
        asked = len(self.b.searches)
        self.b.js(SLIDE, 0)
        least = min(term["weight"] for term in self.answered(asked)["terms"])
        check(least > 0, "a weight of 0 is refused by the daemon")
        check(self.state() == "" and self.hits() > 0, "no pictures at the end of the balance")

    def roles(self):
        self.open("?q=cat&want=" + quote("text:face"))
        self.b.wait("pictures", "() => document.querySelectorAll('.card').length > 0")
        asked = len(self.b.searches)
        self.b.click(".chip .main")
        check(self.answered(asked)["terms"][1]["role"] == "avoid", "a click does not turn want to avoid")
        asked = len(self.b.searches)
        self.b.click(".chip .main")
        check(self.answered(asked)["terms"][1]["role"] == "exclude", "a click does not turn avoid to exclude")
        check(self.b.js(FOCUSED, ".chip .main"), "the chip loses the focus when it is switched")
        check("exclude=text" in self.b.js("() => location.search"), "the role is not in the address")
        # The same by keys: menu, two down to the third role, then want.
        self.b.key("Tab")
        self.b.key("Enter")
        self.b.wait("the menu", FOCUSED, ".menu [data-role=want]")
        self.b.key("ArrowDown")
        self.b.key("ArrowUp")
        asked = len(self.b.searches)
        self.b.key("Enter")
        check(self.answered(asked)["terms"][1]["role"] == "want", "the menu does not set the role")
        # Text from the box becomes a chip, and a chip goes away.
        asked = len(self.b.searches)
        self.b.click("#text")
        self.b.key("Enter", shift=True)
        self.answered(asked)
        check(self.b.count(".chip") == 2, "Shift+Enter does not keep the text as a chip")
        asked = len(self.b.searches)
        self.b.click(".chip [data-part=remove]")
        check(len(self.answered(asked)["terms"]) == 1, "a chip cannot be removed")
        asked = len(self.b.searches)
        self.b.click(".chip .main")
        self.b.click(".chip .main")
        self.expect_state("unwanted")

    def but(self):
        self.open("?q=cat")
        self.b.wait("pictures", "() => document.querySelectorAll('.card').length > 0")
        item = int(self.b.js("() => document.querySelector('.card').dataset.id"))
        asked = len(self.b.searches)
        self.b.hover(".card .open")
        self.b.click(".card .but")
        check(self.answered(asked)["terms"][0]["item"] == item, "it does not ask by that picture")
        self.b.wait("the cursor in the box", FOCUSED, "#text")
        check(self.b.js("() => document.querySelector('#text').value") == "", "the former text stays")
        self.b.call("Input.insertText", text="red")
        asked = len(self.b.searches)
        self.b.key("Enter")
        terms = self.answered(asked)["terms"]
        check({"text", "item"} <= {key for term in terms for key in term}, f"asked {terms}")
        check(self.b.count("#balance-row") == 1, "no balance between the picture and the text")
        self.b.wait("the item's picture in its chip", "() => document.querySelector('.chip img').naturalWidth > 0")

    def filter(self):
        self.open("?q=cat")
        self.b.wait("pictures", "() => document.querySelectorAll('.card').length > 0")
        self.b.click("#filters summary")
        asked = len(self.b.searches)
        self.b.click("[name=format][value=png]")
        check(self.answered(asked).get("filter") == {"formats": ["png"]}, "the type is not asked for")
        check(self.hits() > 0, "no PNG among pictograms")
        asked = len(self.b.searches)
        self.b.click("[name=format][value=png]")
        self.answered(asked)
        asked = len(self.b.searches)
        self.b.click("[name=format][value=webp]")
        check(self.answered(asked).get("filter") == {"formats": ["webp"]}, "another type is not asked for")
        self.expect_state("none")
        check("type=webp" in self.b.js("() => location.search"), "the filter is not in the address")
        asked = len(self.b.searches)
        self.b.click("#state .clear")
        check("filter" not in self.answered(asked), "filters are not cleared")
        check(self.hits() > 0, "nothing without the filter")
        self.open("?q=cat&from=2001-02-03&to=2001-02-03&by=taken&folder=" + quote("no such/folder"))
        self.b.wait("a search", "() => document.querySelector('#status').textContent")
        self.answered(len(self.b.searches) - 1)
        asked = self.b.searches[-1]["filter"]
        day = {"taken_from": 981158400, "taken_before": 981244800}
        check(asked == {"folder": "no such/folder", **day}, f"filter {asked}")

    def none(self):
        self.open()
        self.ask("asdfgh qwerty")
        self.expect_state("none")
        check(self.hits() == 0, "pictures beside the words that nothing was found")
        asked = len(self.b.searches)
        self.b.click("#state .uncut")
        check(self.answered(asked).get("cut") == "off", "the nearest are not asked for")
        check(self.hits() > 0, "no nearest pictures")
        check(self.state() == "", "the words that nothing was found stay")

    def back(self):
        self.open()
        self.ask("cat")
        first = self.b.js("() => [location.search, [...document.querySelectorAll('.card')].map((c) => c.dataset.id)]")
        self.ask("red heart")
        asked = len(self.b.searches)
        self.b.js("() => history.back()")
        self.answered(asked)
        self.b.wait("the former text", "() => document.querySelector('#text').value === 'cat'")
        again = self.b.js("() => [location.search, [...document.querySelectorAll('.card')].map((c) => c.dataset.id)]")
        check(again == first, "back does not show the former answer")
        asked = len(self.b.searches)
        self.b.js("() => history.forward()")
        self.answered(asked)
        self.b.wait("the later text", "() => document.querySelector('#text').value === 'red heart'")

    def stale(self):
        self.open()
        self.b.intercept(lambda body: "hold" if body["terms"][0]["text"] == "heart" else None)
        self.b.type("#text", "heart")
        self.b.key("Enter")
        self.b.wait("it to be under way", "() => document.querySelector('#grid').ariaBusy === 'true'")
        self.ask("cat")
        ids = "() => [...document.querySelectorAll('.card')].map((card) => card.dataset.id)"
        cats = self.b.js(ids)
        check(len(cats) > 0, "a search that hangs holds up the next")
        self.b.intercept(None)
        self.b.js("() => new Promise((done) => setTimeout(done, 800))")
        check(self.b.js(ids) == cats, "the late answer of an earlier search replaces the later one's")

    def busy(self):
        problem = {"type": "about:blank", "title": "Too many queries", "status": 503,
                   "detail": "Ask again in a second."}
        kind = {"Content-Type": "application/problem+json"}
        answers = [(503, {**kind, "Retry-After": "1"}, problem), None, (503, kind, problem)]
        self.open()
        self.b.intercept(lambda body: answers.pop(0) if answers else None)
        with self.expecting(UNREADY):
            self.ask("cat")
            check(self.hits() > 0, "a busy daemon is not asked again after the seconds it names")
            self.ask("red heart")
            self.expect_state("problem")
        check("Too many queries" in self.b.text("#state") and "Ask again in a second." in self.b.text("#state"),
              f"title and detail of the problem are not shown: {self.b.text('#state')}")
        self.b.click("#state .retry")
        self.b.wait("pictures after the retry", "() => document.querySelectorAll('.card').length > 0")
        self.b.intercept(None)

    def snapshot(self):
        problem = {"type": "about:blank", "title": "Gone", "status": 410, "detail": "The snapshot has gone."}
        self.open("?q=person&cut=off")
        self.b.wait("pictures", "() => document.querySelectorAll('.card').length > 0")
        first = self.hits()
        kind = {"Content-Type": "application/problem+json"}
        self.b.intercept(lambda body: (410, kind, problem) if "cursor" in body else None)
        asked = len(self.b.searches)
        with self.expecting(UNREADY):
            self.b.click("#more")
            self.b.wait("word that it begins anew", "() => document.querySelectorAll('#notes li').length > 0")
        self.b.intercept(None)
        check(len(self.b.searches) == asked + 2 and "cursor" not in self.b.searches[-1], "410 does not begin anew")
        check(self.hits() == first, "410 leaves other than a first page")

    def expired(self):
        with self.expecting(UNREADY):
            self.open("?q=heart&want=" + quote("upload:nosuchpicture"))
            self.expect_state("expired")
        check(self.b.count(".chip.expired") == 1, "the chip does not say that its picture expired")
        body = self.drop()
        check(len(body["terms"]) == 2 and self.b.count(".chip") == 1,
              "a new picture does not take the expired one's place")
        check(self.b.count(".chip.expired") == 0 and self.state() != "expired", "the chip still says expired")

    def problem(self):
        with self.expecting(UNREADY):
            self.open("?want=item:999999999999")
            self.expect_state("problem")
        check(self.b.count("#state h2") == 1 and self.b.count("#state .retry") == 1, "no title, or no way to try again")
        check(len(self.b.text("#state p") or "") > 5, "the detail is not shown")

    def gone(self):
        self.open("?q=cat")
        self.b.wait("pictures", "() => document.querySelectorAll('.card').length > 0")
        with self.expecting(r"ERR_INTERNET_DISCONNECTED"):
            self.b.offline(True)
            self.b.type("#text", "dog")
            self.b.key("Enter")
            self.expect_state("gone")
        check(self.hits() == 0, "old pictures stay under a new query")
        self.b.offline(False)
        self.b.click("#state .retry")
        self.b.wait("pictures after the retry", "() => document.querySelectorAll('.card').length > 0")
        check(self.state() == "", "the trouble stays on the page")

    def chooser(self):
        self.open()
        self.expect_state("empty")
        served = self.b.js("async () => (await (await fetch('/v1/stats')).json()).libraries.map((l) => l.name)")
        check(self.b.count("#library-chooser") == (1 if len(served) > 1 else 0), f"chooser for {served}")
        if len(served) > 1:
            self.open("?library=" + quote(served[1]) + "&q=cat")
            self.answered(len(self.b.searches) - 1)
            check(self.b.searches[-1].get("library") == served[1], "another library is not asked")

    def chinese(self):
        self.b.speak("zh-CN")
        self.open()
        self.expect_state("empty")
        check(self.b.js("() => document.documentElement.lang").startswith("zh"), "navigator.language is not followed")
        check("搜索" in self.b.text(".go"), "the button is not Chinese")
        body = self.ask("猫")
        check(body["terms"][0]["text"] == "猫" and self.hits() > 0, "no pictures for 猫")
        check("图片" in self.b.text("#status"), f"status: {self.b.text('#status')}")
        self.shoot("chinese")
        self.b.click("#language")
        check(self.b.text(".go") == "Search", "the language cannot be switched")
        check("picture" in self.b.text("#status") and "Similar" in self.b.text(".card"), "half of it stays Chinese")
        self.open()
        self.expect_state("empty")
        check(self.b.text(".go") == "Search", "the choice is not remembered")
        self.b.js("() => localStorage.clear()")
        self.b.speak("en-US")

    def narrow(self):
        for width in [320, 390]:
            self.b.window(width, 700, mobile=True)
            for search in ["", "?q=cat&cut=off&want=item:1&exclude=" + quote("text:a long text that goes on and on"),
                           "?q=asdfgh+qwerty"]:
                self.open(search)
                self.b.wait("the page", "() => document.querySelector('.card, #state:not([hidden])') && true")
                self.b.wait("the answer", SETTLED)
                wide = self.b.js("() => Math.max(innerWidth, document.documentElement.scrollWidth)")
                check(wide <= width, f"{wide} pixels wide where there are {width}: {search}")
        self.b.window(1280, 860)

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

    def looks(self):
        views = {"light": (1280, 860, False), "dark": (1280, 860, True), "phone": (320, 700, False),
                 "phone-dark": (390, 800, True)}
        for name, (width, height, dark) in views.items():
            self.b.window(width, height, dark=dark, mobile=width < 500)
            self.open()
            self.expect_state("empty")
            paper = self.b.js("() => getComputedStyle(document.body).backgroundColor")
            brightness = sum(int(part) for part in paper[4:-1].split(",")) / 3
            check((brightness < 128) == dark, f"{name}: the page is {paper}")
            self.shoot(f"{name}-empty")
            self.open("?q=cat")
            self.b.wait("pictures", "() => document.querySelectorAll('.card').length > 0")
            self.shoot(f"{name}-text")
            item = self.b.js("() => document.querySelector('.card').dataset.id")
            self.open(f"?q=heart&want=item:{item}&exclude={quote('text:person')}&type=png&balance=70")
            self.b.wait("pictures", "() => document.querySelectorAll('.card').length > 0")
            self.b.js("() => document.querySelector('.card .open').focus({ preventScroll: true })")
            self.shoot(f"{name}-composed")
            self.b.js("() => document.querySelector('.card .why').click()")
            self.b.wait("an explanation", "() => document.querySelectorAll('#lb-explain .shares li').length >= 2")
            self.shoot(f"{name}-lightbox")
            self.open("?q=asdfgh+qwerty")
            self.expect_state("none")
            self.shoot(f"{name}-none")
        self.b.window(1280, 860)


STEPS = ["key", "session", "policy", "example", "text", "pages", "keys", "lightbox", "explain", "picture", "composed",
         "roles", "but", "filter", "none", "back", "stale", "busy", "snapshot", "expired", "problem", "gone",
         "chooser", "chinese", "narrow", "looks"]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("base_url", help="http://127.0.0.1:PORT")
    parser.add_argument("token", help="what stands behind #token= in the printed address")
    parser.add_argument("--screenshots", metavar="DIR", help="where to put pictures of the page")
    parser.add_argument("--only", action="append", choices=STEPS, metavar="STEP",
                        help="just this step, after signing in (repeatable)")
    options = parser.parse_args()
    if urlsplit(options.base_url).scheme not in ("http", "https"):
        parser.error("BASE_URL is an http address")
    if options.screenshots:
        os.makedirs(options.screenshots, exist_ok=True)
    steps = [step for step in STEPS if not options.only or step == "session" or step in options.only]
    browser = Browser()
    failed = []
    try:
        walk = Walk(browser, options.base_url, options.token)
        walk.directory = options.screenshots
        browser.window(1280, 860)
        for step in steps:
            browser.expected = []
            browser.complaints.clear()
            try:
                getattr(walk, step)()
                check(not browser.complaints, "the browser complains: " + " | ".join(browser.complaints))
                print(f"ok      {step}", flush=True)
            except Exception as error:  # a step that fails must not keep the others from being tried
                failed.append(step)
                print(f"FAILED  {step}: {error}", flush=True)
                if not isinstance(error, Failed):
                    traceback.print_exc()
                browser.offline(False)
                browser.intercept(None)
                if browser.complaints:
                    print("        console: " + " | ".join(browser.complaints), flush=True)
                if options.screenshots:
                    browser.screenshot(os.path.join(options.screenshots, f"failed-{step}.png"))
    finally:
        browser.close()
    print(f"{len(steps) - len(failed)} of {len(steps)} steps passed", *(["failed:", *failed] if failed else []))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
