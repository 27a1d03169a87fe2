#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Check paraphrases.jsonl: queries that share no content word with what the pictograms they mean are called.

usage: check_paraphrases.py PICTURES_DIR

PICTURES_DIR comes from Scripts/extract_emoji.py. English words are compared by stem, and one that starts or ends with
the other (4 letters or more) counts as the same; a Chinese query shares neither two characters in a row nor a name or
keyword of one character. Prints each violation and exits 1, or prints the counts and exits 0.
"""
import json
import re
import sys
from collections import Counter, defaultdict
from pathlib import Path

QUERIES = Path(__file__).with_name("paraphrases.jsonl")
EXPECTED = {"paraphrase en": 150, "paraphrase zh": 50}
FUNCTION_WORDS = set("""
a an and are as at be but by for from he her his how i if in into is it its me my of on or our she so some somebody
someone something that the their they thing this to us was we what when where which who will with you your
""".split())
SKIN_TONES = re.compile("[\U0001f3fb-\U0001f3ff\ufe0f]")
ENDINGS = ("s", "ing", "ed", "ly", "er", "e", "y")


def stem(word):
    """The word without its endings, 3 letters at least; "running" and "runs" give "run"."""
    word = re.sub("ies$", "y", re.sub("'s?$", "", word))
    for ending in ENDINGS:
        if word.endswith(ending) and len(word) >= len(ending) + 3 and not word.endswith("ss"):
            word = word.removesuffix(ending)
            if ending in ("ing", "ed", "er") and word[-1] == word[-2] and word[-1] not in "ls":
                word = word[:-1]
    return word


def stems(text):
    words = re.findall(r"[^\W_]+(?:'[a-z]+)?", text.lower().replace("’", "'"))
    return {stem(word) for word in words if word not in FUNCTION_WORDS}


def alike(a, b):
    short, long = sorted((a, b), key=len)
    return a == b or len(short) >= 4 and (long.startswith(short) or long.endswith(short))


def shared_english(text, row):
    named = stems(" ".join([row["name"], *row["keywords"]]))
    return {a for a in stems(text) if any(alike(a, b) for b in named)}


def pieces(text):
    """The pairs of neighbouring characters, punctuation apart."""
    return {run[i : i + 2] for run in re.findall(r"[^\W_]+", text.lower()) for i in range(len(run) - 1)}


def shared_chinese(text, row):
    names = [row["name_zh"], *row["keywords_zh"]]
    return {n for n in names if n in text} | (pieces(text) & set().union(*map(pieces, names)))


def violations(query, rows, variants, folder):
    shared = shared_english if query["kind"] == "paraphrase en" else shared_chinese
    if not query["relevant"] or len(set(query["relevant"])) < len(query["relevant"]):
        yield "no relevant picture, or one twice"
    for file in query["relevant"]:
        if file not in rows or not (folder / file).is_file():
            yield f"no picture {file}"
            continue
        if words := shared(query["text"], rows[file]):
            yield f"{query['text']!r} shares {', '.join(sorted(words))} with {file}"
        if missing := variants[SKIN_TONES.sub("", rows[file]["emoji"])] - set(query["relevant"]):
            yield f"{file} without its variants {', '.join(sorted(missing))}"


def main(folder):
    rows = {row["file"]: row for row in json.loads((folder / "emoji.json").read_text("utf-8"))}
    variants = defaultdict(set)
    for file, row in rows.items():
        variants[SKIN_TONES.sub("", row["emoji"])].add(file)
    queries = [json.loads(line) for line in QUERIES.read_text("utf-8").splitlines()]
    texts, found = Counter(query["text"].lower() for query in queries), []
    for number, query in enumerate(queries, 1):
        found += [f"line {number}: {what}" for what in violations(query, rows, variants, folder)]
        if texts[query["text"].lower()] > 1:
            found.append(f"line {number}: a query that is there twice")
    if (kinds := Counter(query["kind"] for query in queries)) != EXPECTED:
        found.append(f"line {len(queries)}: the kinds are {dict(kinds)}, not {EXPECTED}")
    if found:
        print(*found, sep="\n")
        sys.exit(1)
    pictures = len({file for query in queries for file in query["relevant"]})
    print(f"{kinds['paraphrase en']} English and {kinds['paraphrase zh']} Chinese queries, {pictures} pictures")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(Path(sys.argv[1]))
