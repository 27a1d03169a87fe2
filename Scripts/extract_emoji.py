#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Extract pictograms and their names from two installed Debian packages.

usage: extract_emoji.py OUT_DIR [--captions]

Pictures: the CBDT bitmaps (136 x 128 PNG) of fonts-noto-color-emoji. Names and keywords, English and Chinese:
unicode-cldr-core. Writes OUT_DIR/*.png with readable file names and OUT_DIR/emoji.json; with --captions also a
sidecar text file per picture (one caption a line), which is what the demo indexes. Needs python3-fonttools.
"""
import argparse
import json
import re
import sys
import unicodedata
import xml.etree.ElementTree as ElementTree
from pathlib import Path

try:
    from fontTools.ttLib import TTFont
except ImportError:
    sys.exit("extract_emoji.py: fontTools is missing; install python3-fonttools")

FONT = Path("/usr/share/fonts/truetype/noto/NotoColorEmoji.ttf")
CLDR = Path("/usr/share/unicode/cldr/common")
VARIATION_SELECTOR = "\ufe0f"


def ligature_sequences(font, codepoint_of):
    """Glyph name -> the code point sequences that the font draws with it (ZWJ sequences, skin tones, flags)."""
    sequences = {}
    for lookup in font["GSUB"].table.LookupList.Lookup:
        for table in lookup.SubTable:
            if table.LookupType == 7:
                table = table.ExtSubTable
            if table.LookupType != 4:
                continue
            for first, ligatures in table.ligatures.items():
                for ligature in ligatures:
                    codepoints = [codepoint_of.get(g) for g in [first] + ligature.Component]
                    if None not in codepoints:
                        sequences.setdefault(ligature.LigGlyph, []).append("".join(map(chr, codepoints)))
    return sequences


def annotations(language):
    """(names, keywords) of every annotated sequence, variation selectors removed."""
    names, keywords = {}, {}
    for part in ("annotations", "annotationsDerived"):
        for node in ElementTree.parse(CLDR / part / f"{language}.xml").iter("annotation"):
            key = node.get("cp").replace(VARIATION_SELECTOR, "")
            if node.get("type") == "tts":
                names[key] = node.text
            else:
                keywords[key] = [word.strip() for word in node.text.split("|")]
    return names, keywords


def file_name(name, text):
    """A readable, unique, ASCII file name: the English name, then the code points."""
    ascii_name = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    slug = re.sub(r"[^a-z0-9]+", "-", ascii_name.lower()).strip("-")
    return f"{slug}_{'-'.join(f'{ord(c):x}' for c in text)}.png"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=Path)
    parser.add_argument("--captions", action="store_true", help="write a sidecar .txt beside every picture")
    arguments = parser.parse_args()
    for needed, package in ((FONT, "fonts-noto-color-emoji"), (CLDR, "unicode-cldr-core")):
        if not needed.exists():
            sys.exit(f"extract_emoji.py: {needed} is missing; install {package}")
    arguments.out.mkdir(parents=True, exist_ok=True)
    font = TTFont(FONT)
    codepoint_of = {glyph: codepoint for codepoint, glyph in font.getBestCmap().items()}
    sequences = ligature_sequences(font, codepoint_of)
    english, english_words = annotations("en")
    chinese, chinese_words = annotations("zh")
    rows = []
    for glyph, bitmap in font["CBDT"].strikeData[0].items():
        own = [chr(codepoint_of[glyph])] if glyph in codepoint_of else []
        texts = (text.replace(VARIATION_SELECTOR, "") for text in own + sequences.get(glyph, []))
        text = next((text for text in texts if text in english), None)
        if text is None:
            continue
        row = {
            "file": file_name(english[text], text), "emoji": text,
            "name": english[text], "keywords": english_words.get(text, []),
            "name_zh": chinese.get(text), "keywords_zh": chinese_words.get(text, []),
        }
        path = arguments.out / row["file"]
        path.write_bytes(bitmap.imageData)
        if arguments.captions:
            captions = [row["name"], row["name_zh"]]
            path.with_suffix(".txt").write_text("".join(f"{c}\n" for c in captions if c), encoding="utf-8")
        rows.append(row)
    rows.sort(key=lambda row: row["file"])
    (arguments.out / "emoji.json").write_text(json.dumps(rows, ensure_ascii=False, indent=0), encoding="utf-8")
    print(f"{len(rows)} pictures in {arguments.out}", file=sys.stderr)


if __name__ == "__main__":
    main()
