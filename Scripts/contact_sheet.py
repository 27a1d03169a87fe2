#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What composed queries find, as a page (HTML, self-contained) and as a picture (PNG).

usage: contact_sheet.py DUET LIBRARY OUT PICTURE TEXT [PICTURE TEXT]…

Asks `DUET search --image PICTURE --text TEXT --json` in the folder LIBRARY, for each pair, and writes OUT.html and OUT.png.
Needs python3-pil and fonts-dejavu-core.
"""
import base64
import html
import io
import json
import subprocess
import sys
from pathlib import Path

try:
    from PIL import Image, ImageDraw, ImageFont
except ImportError:
    sys.exit("contact_sheet.py: Pillow is missing; install python3-pil")

HITS = 5
FONTS = Path("/usr/share/fonts/truetype/dejavu")

# The picture's measures, in pixels.
WIDTH, MARGIN, TILE, GAP, ROW = 900, 16, 92, 10, 148
PICTURE_LEFT = MARGIN + 14
TEXT_LEFT, TEXT_WIDTH = PICTURE_LEFT + TILE + 34, 140
HITS_LEFT = WIDTH - MARGIN - 14 - HITS * TILE - (HITS - 1) * GAP
PAPER, CARD, LINE, INK, FAINT, ACCENT = "#f6f7f9", "#ffffff", "#dfe3e8", "#1f2430", "#6b7280", "#2f6fdd"


def ask(duet, library, picture, text):
    """The hits of one query, best first."""
    command = [duet, "search", "-k", str(HITS), "--image", picture, "--text", text, "--json"]
    answer = subprocess.run(command, cwd=library, stdout=subprocess.PIPE, text=True, check=False)
    if answer.returncode not in (0, 1):  # nothing found is an answer
        sys.exit(f"contact_sheet.py: {' '.join(command)}: exit status {answer.returncode}")
    lines = map(json.loads, answer.stdout.splitlines())
    return [line for line in lines if line["type"] == "hit"]


def name(hit):
    return hit["captions"][0] if hit["captions"] else Path(hit["path"]).stem


# The page.

STYLE = """
:root { color-scheme: light dark; --paper: #f6f7f9; --card: #fff; --line: #dfe3e8; --ink: #1f2430; --faint: #6b7280; --accent: #2f6fdd }
@media (prefers-color-scheme: dark) {
  :root { --paper: #15171c; --card: #1e2128; --line: #333842; --ink: #e7e9ee; --faint: #9aa1ad; --accent: #7aa8ff }
}
body { margin: 0 auto; padding: 2rem 1rem; max-width: 60rem; background: var(--paper); color: var(--ink);
       font: 16px/1.4 system-ui, sans-serif }
h1 { font-size: 1.3rem; margin: 0 0 1rem }
section { display: flex; align-items: center; gap: 1rem; flex-wrap: wrap; margin: 0 0 1rem; padding: 1rem;
          background: var(--card); border: 1px solid var(--line); border-radius: 12px }
section > b { color: var(--accent); min-width: 8rem }
ol { display: flex; flex-wrap: wrap; gap: .75rem; list-style: none; margin: 0 0 0 auto; padding: 0 }
figure { width: 6rem; margin: 0; text-align: center; font-size: .75rem; line-height: 1.25; color: var(--faint) }
li:first-child figure { color: var(--ink) }
img { width: 6rem; height: 6rem; object-fit: contain }
footer { font-size: .8rem; color: var(--faint) }
"""


def figure(path, caption):
    data = base64.b64encode(Path(path).read_bytes()).decode()
    kind = {".png": "png", ".webp": "webp"}.get(Path(path).suffix.lower(), "jpeg")
    caption = html.escape(caption)
    return f'<figure><img src="data:image/{kind};base64,{data}" alt="{caption}">{caption}</figure>'


def page(library, answers, credit):
    sections = []
    for picture, text, hits in answers:
        items = "".join(f"<li>{figure(hit['path'], name(hit))}</li>" for hit in hits)
        sections.append(f"<section>{figure(library / picture, '')}<b>+ “{html.escape(text)}”</b><ol>{items}</ol></section>")
    return (f'<!doctype html>\n<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
            f"<title>Duet: picture + text</title><style>{STYLE}</style>\n<h1>This picture, but …</h1>\n"
            + "\n".join(sections) + f"\n<footer>{html.escape(credit)}</footer></html>\n")


# The picture.


def font(size, bold=False):
    return ImageFont.truetype(str(FONTS / f"DejaVuSans{'-Bold' if bold else ''}.ttf"), size)


def wrapped(text, face, width, most):
    """The text in at most so many lines of at most so many pixels."""
    lines = [""]
    for word in text.split():
        longer = f"{lines[-1]} {word}".strip()
        if face.getlength(longer) <= width or not lines[-1]:
            lines[-1] = longer
        else:
            lines.append(word)
    if len(lines) > most:
        lines[most - 1] += "…"
    for place, line in enumerate(lines[:most]):
        while face.getlength(line) > width:
            line = line.rstrip("…")[:-1] + "…"
        lines[place] = line
    return lines[:most]


def paste(sheet, path, left, top):
    picture = Image.open(path).convert("RGBA")
    picture.thumbnail((TILE, TILE), Image.LANCZOS)
    sheet.paste(picture, (left + (TILE - picture.width) // 2, top + (TILE - picture.height) // 2), picture)


def draw_row(sheet, pen, top, source, text, hits):
    pen.rounded_rectangle((MARGIN, top, WIDTH - MARGIN, top + ROW), 12, fill=CARD, outline=LINE)
    top += 12
    middle = top + TILE // 2
    paste(sheet, source, PICTURE_LEFT, top)
    pen.text((PICTURE_LEFT + TILE + 16, middle), "+", FAINT, font(24, bold=True), anchor="mm")
    lines = wrapped(f"“{text}”", font(17, bold=True), TEXT_WIDTH, 3)
    for place, line in enumerate(lines):
        height = middle + 23 * place - 23 * (len(lines) - 1) / 2
        pen.text((TEXT_LEFT, height), line, ACCENT, font(17, bold=True), anchor="lm")
    arrow = HITS_LEFT - 26
    pen.line((arrow - 14, middle, arrow + 4, middle), FAINT, 3)
    pen.polygon([(arrow + 2, middle - 7), (arrow + 13, middle), (arrow + 2, middle + 7)], FAINT)
    for place, hit in enumerate(hits):
        left = HITS_LEFT + place * (TILE + GAP)
        paste(sheet, hit["path"], left, top)
        for number, line in enumerate(wrapped(name(hit), font(11), TILE + GAP - 4, 2)):
            pen.text((left + TILE / 2, top + TILE + 12 + 15 * number), line, INK if place == 0 else FAINT, font(11), anchor="mm")


def sheet_of(library, answers, credit):
    sheet = Image.new("RGB", (WIDTH, MARGIN + len(answers) * (ROW + GAP) + 24), PAPER)
    pen = ImageDraw.Draw(sheet)
    for place, (picture, text, hits) in enumerate(answers):
        draw_row(sheet, pen, MARGIN + place * (ROW + GAP), library / picture, text, hits)
    pen.text((WIDTH - MARGIN, sheet.height - 16), credit, FAINT, font(11), anchor="rm")
    return sheet


def main():
    if len(sys.argv) < 6 or len(sys.argv) % 2:
        sys.exit(__doc__.strip())
    duet, library, out, *queries = sys.argv[1:]
    duet, library = Path(duet).resolve(), Path(library).resolve()
    answers = [(picture, text, ask(duet, library, picture, text)) for picture, text in zip(queries[::2], queries[1::2])]
    credit = "Pictures: Noto Color Emoji, SIL Open Font License 1.1"
    Path(f"{out}.html").write_text(page(library, answers, credit), encoding="utf-8")
    packed = io.BytesIO()
    sheet_of(library, answers, credit).quantize(256, dither=Image.Dither.NONE).save(packed, "PNG", optimize=True)
    Path(f"{out}.png").write_bytes(packed.getvalue())


if __name__ == "__main__":
    main()
