# SPDX-License-Identifier: Apache-2.0
"""A headless Chromium, driven through the DevTools protocol: just what page_test.py needs."""

import base64
import json
import os
import re
import shutil
import subprocess
import tempfile
import time
import urllib.request

from websockets.sync.client import connect

NAMES = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"]
KEYS = {
    "Enter": (13, "\r"), "Escape": (27, ""), "Tab": (9, ""), "Home": (36, ""), "End": (35, ""),
    "ArrowLeft": (37, ""), "ArrowUp": (38, ""), "ArrowRight": (39, ""), "ArrowDown": (40, ""),
}


class Failed(AssertionError):
    """Something is not as it should be; the message says what."""


class Browser:
    """One page of one browser with a profile of its own. Events are kept as they come in, so nothing runs beside."""

    def __init__(self, program=None):
        program = program or os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)
        if not program:
            raise SystemExit("no Chromium found: apt-get install chromium, or name one in CHROMIUM")
        self.profile = tempfile.mkdtemp(prefix="duet-browser-")
        arguments = [
            program, "--headless=new", "--remote-debugging-port=0", f"--user-data-dir={self.profile}",
            "--no-first-run", "--disable-gpu", "--disable-dev-shm-usage", "--disable-background-networking",
            "--disable-component-update", "--disable-sync", "--lang=en-US", "--hide-scrollbars",
        ]
        if os.geteuid() == 0:
            arguments.append("--no-sandbox")
        self.process = subprocess.Popen(
            arguments + ["about:blank"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.last = 0
        self.searches = []     # bodies of POST /v1/search, as they were sent
        self.complaints = []   # errors of the console, of scripts, of the content security policy
        self.expected = []     # patterns of complaints that the step under way brings about itself
        self.headers = {}      # the page's own response headers
        self.between = None    # see intercept
        self.held = []
        self.socket = connect(self._endpoint(), max_size=64 << 20)
        for domain in ["Page", "Runtime", "Log", "Network", "DOM"]:
            self.call(f"{domain}.enable")

    def _endpoint(self):
        port_file = os.path.join(self.profile, "DevToolsActivePort")
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                raise SystemExit(f"Chromium ended at once (status {self.process.returncode})")
            try:
                with open(port_file, encoding="utf-8") as file:
                    port = int(file.readline())
                with urllib.request.urlopen(f"http://127.0.0.1:{port}/json/list", timeout=10) as answer:
                    pages = [target for target in json.load(answer) if target["type"] == "page"]
                return pages[0]["webSocketDebuggerUrl"]
            except (OSError, ValueError, IndexError):
                time.sleep(0.1)
        raise SystemExit("Chromium did not come up within a minute")

    def close(self):
        try:
            self.socket.close()
        finally:
            self.process.terminate()
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
            shutil.rmtree(self.profile, ignore_errors=True)

    # The protocol

    def call(self, method, **parameters):
        self.last += 1
        wanted = self.last
        self.socket.send(json.dumps({"id": wanted, "method": method, "params": parameters}))
        while True:
            message = json.loads(self.socket.recv(timeout=60))
            if message.get("id") == wanted:
                if "error" in message:
                    raise Failed(f"{method}: {message['error']['message']}")
                return message["result"]
            self._note(message.get("method"), message.get("params", {}))

    def _send(self, method, **parameters):
        """A command whose answer nobody waits for."""
        self.last += 1
        self.socket.send(json.dumps({"id": self.last, "method": method, "params": parameters}))

    def _note(self, method, event):
        if method == "Fetch.requestPaused":
            self._answer(event)
        elif method == "Network.requestWillBeSent":
            request = event["request"]
            if request["method"] == "POST" and request["url"].endswith("/v1/search"):
                self.searches.append(json.loads(request.get("postData", "null")))
        elif method == "Network.responseReceived" and event.get("type") == "Document":
            self.headers = {name.lower(): value for name, value in event["response"]["headers"].items()}
        elif method == "Runtime.exceptionThrown":
            details = event["exceptionDetails"]
            self._complain(details.get("exception", {}).get("description") or details["text"])
        elif method == "Runtime.consoleAPICalled" and event["type"] in ("error", "warning", "assert"):
            self._complain(" ".join(str(part.get("value", part.get("description"))) for part in event["args"]))
        elif method == "Log.entryAdded" and event["entry"]["level"] in ("error", "warning"):
            entry = event["entry"]
            self._complain(f"{entry['text']} {entry.get('url', '')}".strip())

    def intercept(self, between):
        """Asks a function about every search that the page sends: None lets it through, 'hold' keeps it until the
        function is taken away, (status, headers, body) answers in the daemon's place."""
        held, self.held = self.held, []
        self.between = between
        if between:
            self.call("Fetch.enable", patterns=[{"urlPattern": "*/v1/search", "requestStage": "Request"}])
        else:
            for request in held:
                self._send("Fetch.continueRequest", requestId=request)
            self.call("Fetch.disable")

    def _answer(self, event):
        request = event["requestId"]
        body = json.loads(event["request"].get("postData", "null"))
        answer = self.between(body) if self.between else None
        if answer is None:
            self._send("Fetch.continueRequest", requestId=request)
        elif answer == "hold":
            self.held.append(request)
        else:
            status, headers, body = answer
            self._send(
                "Fetch.fulfillRequest", requestId=request, responseCode=status,
                responseHeaders=[{"name": name, "value": value} for name, value in headers.items()],
                body=base64.b64encode(json.dumps(body).encode()).decode())

    def _complain(self, text):
        if not any(re.search(pattern, text) for pattern in self.expected):
            self.complaints.append(text)

    # Looking

    def js(self, expression, *arguments):
        """What a function expression returns for these arguments, awaited."""
        source = f"({expression})(...{json.dumps(arguments)})"
        answer = self.call("Runtime.evaluate", expression=source, awaitPromise=True, returnByValue=True)
        if "exceptionDetails" in answer:
            details = answer["exceptionDetails"]
            raise Failed(details.get("exception", {}).get("description", details["text"]))
        return answer["result"].get("value")

    def wait(self, what, expression, *arguments, seconds=20):
        """Until the function expression gives something true; the answer is that."""
        deadline = time.monotonic() + seconds
        while True:
            try:
                value = self.js(expression, *arguments)
            except Failed as failure:  # the page may be on its way to another address
                value, error = None, failure
            else:
                error = None
            if value:
                return value
            if time.monotonic() > deadline:
                raise Failed(f"waited {seconds} s in vain for: {what}" + (f" ({error})" if error else ""))
            time.sleep(0.05)

    def text(self, selector):
        return self.js("s => document.querySelector(s)?.textContent ?? null", selector)

    def count(self, selector):
        return self.js("s => [...document.querySelectorAll(s)].filter(e => e.checkVisibility()).length", selector)

    def screenshot(self, path):
        answer = self.call("Page.captureScreenshot", format="png")
        with open(path, "wb") as file:
            file.write(base64.b64decode(answer["data"]))

    # Doing, as a person does it

    def goto(self, address):
        self.call("Page.navigate", url="about:blank")  # an address that differs in its fragment only loads nothing
        self.call("Page.navigate", url=address)

    def point(self, selector):
        """The middle of an element, scrolled into view; fails when something else lies on top of it."""
        place = self.wait(f"{selector} where it can be clicked", """s => {
          const element = [...document.querySelectorAll(s)].find(e => e.checkVisibility());
          if (!element) return null;
          element.scrollIntoView({ block: 'center', behavior: 'instant' });
          const box = element.getBoundingClientRect();
          const [x, y] = [box.left + box.width / 2, box.top + box.height / 2];
          const top = document.elementFromPoint(x, y);
          return top && (element.contains(top) || top.contains(element)) ? { x, y } : null;
        }""", selector)
        return place["x"], place["y"]

    def click(self, selector):
        x, y = self.point(selector)
        self.call("Input.dispatchMouseEvent", type="mouseMoved", x=x, y=y)
        for kind in ["mousePressed", "mouseReleased"]:
            self.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)

    def hover(self, selector):
        x, y = self.point(selector)
        self.call("Input.dispatchMouseEvent", type="mouseMoved", x=x, y=y)

    def key(self, name, shift=False):
        code, text = KEYS.get(name, (ord(name.upper()[0]), name))
        known = {"key": name, "windowsVirtualKeyCode": code, "modifiers": 8 if shift else 0}
        self.call("Input.dispatchKeyEvent", type="keyDown", **known, **({"text": text} if text else {}))
        self.call("Input.dispatchKeyEvent", type="keyUp", **known)

    def type(self, selector, text):
        """Replaces what stands in a field."""
        self.click(selector)
        self.js("s => document.querySelector(s).select()", selector)
        self.call("Input.insertText", text=text)

    def window(self, width, height, dark=False, mobile=False):
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=mobile)
        self.call("Emulation.setEmulatedMedia", features=[
            {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}])

    def speak(self, language):
        """What navigator.language says from the next page on."""
        agent = self.js("() => navigator.userAgent")
        self.call("Emulation.setUserAgentOverride", userAgent=agent, acceptLanguage=language)

    def offline(self, is_offline):
        self.call("Network.emulateNetworkConditions", offline=is_offline, latency=0, downloadThroughput=-1,
                  uploadThroughput=-1)
