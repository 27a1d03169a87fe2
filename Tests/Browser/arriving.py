# SPDX-License-Identifier: Apache-2.0
"""Steps of getting in, of trouble, and of how the page looks."""

from urllib.parse import quote

from walk import SETTLED, UNREADY, Walk, check


class Arriving(Walk):
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
