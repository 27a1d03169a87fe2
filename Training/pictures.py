#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Collect the pictures to learn from, with their names, out of installed Debian packages.

usage: pictures.py NOTO_DIR OUT_DIR

NOTO_DIR is what Scripts/extract_emoji.py wrote. Writes OUT_DIR/pictures.npy, [n, 128, 128, 4] uint8 RGBA, and
OUT_DIR/pictures.json, a row a picture: source, split, name, keywords, name_zh, keywords_zh (and file, emoji for Noto).

| source   | package                             | split                                       |
|----------|-------------------------------------|---------------------------------------------|
| noto     | fonts-noto-color-emoji              | train, or concept (held out)                |
| symbola  | fonts-symbola                       | train; left out where the concept is held out |
| tuxpaint | tuxpaint-stamps-default             | train; likewise                             |
| gnome    | gnome-icon-theme                    | train; likewise                             |
| oxygen   | oxygen-icon-theme                   | train; likewise                             |
| emojione | ruby-gemojione                      | rendering: never trained on                 |

suggested_by_zh, of emoji, are the words that suggest it to who types Chinese (rime-data-emoji).
"""
import argparse
import hashlib
import json
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

CANVAS = 128  # pixels, as tall as Noto's: the views are made as the engine makes them. Alpha is kept to vary the ground
SYMBOLA = Path("/usr/share/fonts/truetype/ancient-scripts/Symbola_hint.ttf")
STAMPS = Path("/usr/share/tuxpaint/stamps")
GNOME, OXYGEN = Path("/usr/share/icons/gnome/256x256"), Path("/usr/share/icons/oxygen/base/128x128")
EMOJIONE = Path("/usr/share/rubygems-integration/all/gems")
INPUT_METHOD = [Path("/usr/share/rime-data/opencc") / f"emoji_{kind}.txt" for kind in ("word", "category")]
ICON_CONTEXTS = ("actions", "categories", "devices", "emblems", "emotes", "places", "status")
ONE_CONCEPT_OF = 30  # so many concepts, one is held out
MANY = 12  # a concept of more pictures than this is never held out: it would outweigh all others


def concept(name):
    """What stays the same through skin tones, hair and gender: "man cook: dark skin tone" -> "cook"."""
    if name.startswith(("flag", "keycap")):
        return name
    head = name.partition(":")[0]
    return re.sub(r"^(man|woman|person|men|women|people) (in |with )?", "", head)


def held_out_concepts(rows):
    """Chosen by hash, so that the split outlives additions to the data."""
    sizes = Counter(concept(row["name"]) for row in rows)
    return {name for name, size in sizes.items()
            if size <= MANY and int(hashlib.sha256(name.encode()).hexdigest(), 16) % ONE_CONCEPT_OF == 0}


def squared(picture, crop=False):
    """The picture on a transparent square canvas; `crop` cuts the longer side, as the engine's preprocessing does."""
    picture = picture.convert("RGBA")
    side = min(picture.size) if crop else max(picture.size)
    square = Image.new("RGBA", (side, side))
    square.paste(picture, ((side - picture.width) // 2, (side - picture.height) // 2))
    return np.asarray(square.resize((CANVAS, CANVAS), Image.LANCZOS))


def input_method():
    """{emoji: the Chinese words, simplified, that suggest it}"""
    text = "\n".join(path.read_text(encoding="utf-8") for path in INPUT_METHOD)
    text = subprocess.run(["opencc", "-c", "t2s.json"], input=text, check=True, capture_output=True, encoding="utf-8").stdout
    words = {}
    for line in text.splitlines():
        word, _, suggested = line.partition("\t")
        for emoji in suggested.replace("\ufe0f", "").split()[1:]:
            words.setdefault(emoji, []).append(word)
    return words


def noto(folder, rows, held_out):
    words = input_method()
    for row in rows:
        row["suggested_by_zh"] = words.get(row["emoji"], [])
        split = "concept" if concept(row["name"]) in held_out else "train"
        yield {**row, "source": "noto", "split": split}, squared(Image.open(folder / row["file"]), crop=True)


def symbola(rows):
    font = ImageFont.truetype(str(SYMBOLA), 64)
    missing = font.getmask("\U000FFFFD").getbbox()
    for row in rows:
        if len(row["emoji"]) != 1 or font.getmask(row["emoji"]).getbbox() in (None, missing):
            continue
        picture = Image.new("RGBA", (160, 160))
        ImageDraw.Draw(picture).text((80, 80), row["emoji"], (0, 0, 0, 255), font, anchor="mm")
        yield {**row, "source": "symbola"}, squared(picture.crop(picture.getbbox()))


def tuxpaint():
    """Stamps: clip-art and cut-out photographs, a sentence each, in many languages."""
    for path in sorted(STAMPS.rglob("*.png")):
        text = path.with_suffix(".txt")
        if path.stem.endswith("_mirror") or not text.exists():
            continue
        lines = text.read_text(encoding="utf-8", errors="replace").splitlines()
        translations = dict(line.split("=", 1) for line in lines[1:] if "=" in line)
        name, chinese = lines[0].strip(" ."), translations.get("zh_CN.utf8", "").strip(" 。")
        yield described(name, "tuxpaint", chinese or None, [path.parent.name.replace("_", " ")]), squared(Image.open(path))


def icons(theme, source):
    """Icons by freedesktop.org names: "weather-showers" -> "weather showers"."""
    for path in sorted(path for context in ICON_CONTEXTS for path in (theme / context).glob("*.png")):
        words = [word for word in re.split(r"[-_]", path.stem) if word not in ("gtk", "gnome", "stock", "dev", "kde")]
        if words and all(word.isalpha() for word in words):
            yield described(" ".join(words), source, None, []), squared(Image.open(path))


def emojione(rows):
    by_emoji = {row["emoji"]: row for row in rows}
    for path in sorted(EMOJIONE.glob("gemojione-*/assets/png/*.png")):
        text = "".join(chr(int(part, 16)) for part in path.stem.split("-")) if re.fullmatch(r"[0-9A-F-]+", path.stem) else ""
        row = by_emoji.get(text.replace("\ufe0f", ""))
        if row:
            yield {**row, "source": "emojione", "split": "rendering", "file": path.name}, squared(Image.open(path))


def described(name, source, chinese, keywords):
    return {"source": source, "split": "train", "name": name, "keywords": keywords, "name_zh": chinese, "keywords_zh": [],
            "suggested_by_zh": []}


def mentions(row, concepts):
    """Whether a picture of another source may show a held-out concept: its name contains the concept's words."""
    text = f" {re.sub(r'[^a-z]+', ' ', row['name'].lower())} "
    return any(f" {name} " in text or f" {name}s " in text for name in concepts)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("noto", type=Path)
    parser.add_argument("out", type=Path)
    arguments = parser.parse_args()
    for needed, package in ((SYMBOLA, "fonts-symbola"), (STAMPS, "tuxpaint-stamps-default"), (GNOME, "gnome-icon-theme"),
                            (OXYGEN, "oxygen-icon-theme"), (EMOJIONE, "ruby-gemojione"),
                            (INPUT_METHOD[0], "rime-data-emoji")):
        if not needed.exists():
            sys.exit(f"pictures.py: {needed} is missing; install {package}")
    rows = json.loads((arguments.noto / "emoji.json").read_text(encoding="utf-8"))
    held_out = held_out_concepts(rows)
    pictures = list(noto(arguments.noto, rows, held_out))
    rows = [row for row, _ in pictures]
    wide = [pair for source in (tuxpaint(), icons(GNOME, "gnome"), icons(OXYGEN, "oxygen")) for pair in source]
    pictures += [pair for pair in symbola(rows) if pair[0]["split"] == "train"]
    pictures += [pair for pair in wide if not mentions(pair[0], held_out)]
    pictures += emojione(rows)
    arguments.out.mkdir(parents=True, exist_ok=True)
    np.save(arguments.out / "pictures.npy", np.stack([picture for _, picture in pictures]))
    (arguments.out / "pictures.json").write_text(
        json.dumps([row for row, _ in pictures], ensure_ascii=False, indent=0), encoding="utf-8")
    counts = dict(Counter(f"{row['source']} {row['split']}" for row, _ in pictures))
    print(f"{len(pictures)} pictures: {counts}; held-out concepts: {len(held_out)}", file=sys.stderr)


if __name__ == "__main__":
    main()
