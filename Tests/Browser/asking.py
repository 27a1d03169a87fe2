# SPDX-License-Identifier: Apache-2.0
"""Steps that ask: by text, by picture, by both, and what is done with the answers."""

from urllib.parse import quote

from walk import FOCUSED, SLIDE, Walk, check


class Asking(Walk):
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

    def full(self):
        self.open("?" + "&".join(f"want=text:word{number}" for number in range(31)))
        self.b.wait("the chips", "() => document.querySelectorAll('.chip').length >= 31")
        self.b.type("#text", "one more")
        self.b.click("#keep")
        self.expect_state("problem")
        check(self.b.js("() => document.querySelector('#text').value") == "one more",
              "a text that no chip has room for is lost")

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
