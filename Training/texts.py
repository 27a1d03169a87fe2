#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Collect plain text to learn meanings from, out of installed Debian packages.

usage: texts.py PICTURES_JSON OUT_JSONL

Writes {"text", "meaning"} lines: the text tower learns to place `text` where the teacher, who knows English only, places
`meaning`. English means itself; Chinese is given by translation pairs.

| package           | text                                                | meaning                      |
|-------------------|-----------------------------------------------------|------------------------------|
| wordnet-base      | words, definitions, examples                        | itself                       |
| scowl             | common words in all their forms                     | itself                       |
| unicode-cldr-core | names and keywords, English and Chinese             | the English ones             |
| unicode-data      | Han characters of GB 2312                           | Unihan's definition          |
| edict             | words written in Han characters only,               | the first English gloss      |
|                   | simplified with opencc: many are Chinese, too       |                              |
| tuxpaint-stamps-default | Chinese captions                              | the English ones             |
| rime-data-emoji   | Chinese words that suggest an emoji                 | the emoji's English name     |
"""
import argparse
import bz2
import json
import re
import subprocess
import sys
from pathlib import Path

WORDNET = Path("/usr/share/wordnet")
UNIHAN = Path("/usr/share/unicode/Unihan_Readings.txt.bz2")
EDICT = Path("/usr/share/edict/edict")
SCOWL = [Path("/usr/share/dict/scowl") / f"english-words.{level}" for level in (10, 20, 35)]
LONGEST = 100  # characters: queries are short, and the teacher's time is what the recipe waits for


def wordnet():
    for part in ("noun", "verb", "adj", "adv"):
        for line in (WORDNET / f"data.{part}").read_text(encoding="ascii", errors="ignore").splitlines():
            if line.startswith(" "):  # the licence
                continue
            fields, _, gloss = line.partition(" | ")
            fields = fields.split()
            words = [re.sub(r"\(.*\)", "", word) for word in fields[4:4 + 2 * int(fields[3], 16):2]]
            words = [word.replace("_", " ") for word in words if word.islower() and not any(c.isdigit() for c in word)]
            if not words:  # a person, a place, a genus
                continue
            yield from words
            definition, *examples = re.split(r';\s*"', gloss.strip())
            for text in [definition, *examples]:
                if len(text) <= LONGEST:
                    yield text.strip('"; ')


def scowl():
    for path in SCOWL:
        yield from (word for word in path.read_text(encoding="iso-8859-1").split() if "'" not in word)


def captions(rows):
    for row in rows:
        yield row["name"], row["name"]
        if row["keywords"]:
            yield " ".join(row["keywords"]), " ".join(row["keywords"])
        if row["name_zh"]:
            yield row["name_zh"], row["name"]
        if row["keywords"] and row["keywords_zh"]:
            yield " ".join(row["keywords_zh"]), " ".join(row["keywords"])
        if ":" not in row["name"]:  # else skin tones would outweigh all else that a word may mean
            yield from ((keyword, row["name"]) for keyword in row["keywords_zh"] + row["suggested_by_zh"])


def is_common(text):
    """Whether all of it is Han characters that simplified Chinese uses."""
    try:
        text.encode("gb2312")
    except UnicodeEncodeError:
        return False
    return all("\u4e00" <= character <= "\u9fff" for character in text)


def unihan():
    with bz2.open(UNIHAN, "rt", encoding="utf-8") as lines:
        for line in lines:
            fields = line.rstrip("\n").split("\t")
            if len(fields) == 3 and fields[1] == "kDefinition":
                character = chr(int(fields[0][2:], 16))
                if is_common(character):
                    yield character, re.sub(r"\([^)]*\)", "", fields[2]).strip()


def simplified(texts):
    for configuration in ("jp2t", "t2s"):
        texts = subprocess.run(["opencc", "-c", f"{configuration}.json"], input="\n".join(texts), check=True,
                               capture_output=True, encoding="utf-8").stdout.split("\n")
    return texts


def edict():
    pairs = []
    for line in EDICT.read_text(encoding="euc_jp", errors="ignore").splitlines():
        match = re.match(r"([\u4e00-\u9fff]{2,4})(?:\(\w\))?(?:;\S*)? \[.*?\] /((?:\([^)]*\) *)*)([^/]+)/", line)
        if match:
            pairs.append((match[1], re.sub(r"\([^)]*\)", "", match[3]).strip()))
    for text, (_, meaning) in zip(simplified([text for text, _ in pairs]), pairs, strict=True):
        if is_common(text) and meaning and not meaning[0].isupper():
            yield text, meaning


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("pictures", type=Path)
    parser.add_argument("out", type=Path)
    arguments = parser.parse_args()
    for needed, package in ((WORDNET, "wordnet-base"), (SCOWL[0], "scowl"), (UNIHAN, "unicode-data"), (EDICT, "edict")):
        if not needed.exists():
            sys.exit(f"texts.py: {needed} is missing; install {package}")
    rows = json.loads(arguments.pictures.read_text(encoding="utf-8"))
    pairs = [(text, text) for text in [*wordnet(), *scowl()]] + list(captions(rows)) + list(unihan()) + list(edict())
    pairs = list(dict.fromkeys(pair for pair in pairs if all(pair)))
    with arguments.out.open("w", encoding="utf-8") as out:
        for text, meaning in pairs:
            out.write(json.dumps({"text": text, "meaning": meaning}, ensure_ascii=False) + "\n")
    print(f"{len(pairs)} texts, {len({meaning for _, meaning in pairs})} meanings", file=sys.stderr)


if __name__ == "__main__":
    main()
