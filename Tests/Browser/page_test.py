#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Walks through the daemon's page with a headless Chromium.

    python3 -m pip install -r Tests/Browser/requirements.txt
    python3 Tests/Browser/page_test.py BASE_URL TOKEN [--screenshots DIR] [--only STEP]

It expects the demo's library of pictograms (Scripts/demo.sh) and checks what is on the page, not which pictures are
found. The exit status is 0 when every step passes. A complaint of the browser's console or of the content security
policy fails the step in which it comes up, unless the step brings it about on purpose.
"""

import argparse
import os
import sys
import traceback
from urllib.parse import urlsplit

from arriving import Arriving
from asking import Asking
from browser import Browser, Failed
from walk import check


class Steps(Asking, Arriving):
    """All of them, by their names."""


STEPS = ["key", "session", "policy", "example", "text", "full", "pages", "keys", "lightbox", "explain", "picture", "composed",
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
        walk = Steps(browser, options.base_url, options.token)
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
