#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Make composition triplets: source picture, instruction, target picture.

usage: triplets.py PICTURES_JSON OUT_JSONL

Writes {"source", "target" (files of Noto's pictures), "change": {"en", "zh"?}, "rule", "split"} lines. The rules are what
Unicode's names say (parts, gender, profession, cats, one word, an addition), and MegaPairs in miniature (arXiv 2412.14475):
pictures related by keywords, where the keywords that only the target has are the instruction.

Splits: "train"; "held-out", a tenth of the pairs, chosen by hash whatever the direction or the rule, so that no pair is
in both; "concept", where source or target shows a concept that is never trained on.
"""
import argparse
import hashlib
import json
import random
import sys
from collections import Counter, defaultdict
from pathlib import Path

# How an instruction may be phrased; "{}" is the change.
PHRASINGS = {
    "en": ["{}", "{}", "{}", "with {}", "but {}", "but with {}", "as {}", "as a {}", "make it {}", "change it to {}",
           "the same with {}"],
    "zh": ["{}", "{}", "变成{}", "换成{}", "带{}", "但是{}", "改为{}"],
}
HELD_OUT_OF = 10  # so many pairs, one is held out
GENDERS = [("man", "woman"), ("woman", "man"), ("person", "man"), ("person", "woman"), ("men", "women"), ("women", "men")]
CHINESE = {"man": "男人", "woman": "女人", "men": "男人", "women": "女人", "cat": "猫"}


def phrase(change, language=None):
    """One of the instruction's phrasings, at random."""
    language = language or random.choice(sorted(change))
    return random.choice(PHRASINGS[language]).format(change[language])


class Rules:
    """Each rule yields (source, change, target), sources and targets as indices into the rows."""

    def __init__(self, rows):
        self.rows = rows
        self.index = {row["name"]: i for i, row in enumerate(rows)}

    def change(self, source, target, english, chinese=None):
        """The instruction in both languages; Chinese by what the Chinese names differ in, unless it is given ("" for none)."""
        change = {"en": english}
        if chinese is None:
            chinese = difference(self.rows[source]["name_zh"] or "", self.rows[target]["name_zh"] or "")
        if chinese:
            change["zh"] = chinese
        return source, change, target

    def parts(self):
        """"waving hand" + "dark skin tone"; also from one skin tone to another."""
        for target, row in enumerate(self.rows):
            head, colon, tail = row["name"].partition(": ")
            if not colon or head in ("flag", "keycap"):
                continue
            parts = tail.split(", ")
            chinese = (row["name_zh"] or "").replace("：", ": ").partition(": ")[2].split(" ")
            for k, part in enumerate(parts):
                rest = ", ".join(p for p in parts if p != part)
                sources = [f"{head}: {rest}" if rest else head]
                if len(parts) == 1 and "skin tone" in part:
                    sources += [f"{head}: {tone} skin tone" for tone in ("light", "medium", "dark")]
                for source in sources:
                    if source in self.index and self.index[source] != target:
                        yield self.change(self.index[source], target, part,
                                          chinese[k] if len(chinese) == len(parts) else "")

    def genders(self):
        for target, row in enumerate(self.rows):
            for other, own in GENDERS:
                if row["name"].split(":")[0].split(" ")[0] == own:
                    source = self.index.get(other + row["name"][len(own):])
                    source = source if source is not None else self.index.get(row["name"][len(own) + 1:])
                    if source is not None:
                        yield self.change(source, target, own, CHINESE[own])

    def professions(self):
        """"man: dark skin tone" + "firefighter" -> "man firefighter: dark skin tone"."""
        for target, row in enumerate(self.rows):
            head, colon, tail = row["name"].partition(":")
            who, _, job = head.partition(" ")
            if who not in ("man", "woman", "person"):
                who, job = "person", head
            source = self.index.get(who + colon + tail)
            if job and source is not None and source != target and self.rows[target]["emoji"][0] in "🧑👨👩👮👷🕵💂🥷🧙🧚🧛🧝🦸":
                neutral = self.index.get(job)
                yield self.change(source, target, job, self.rows[neutral]["name_zh"] if neutral is not None else None)

    def cats(self):
        """"grinning face" + "cat" -> "grinning cat"; "cat face" + "heart-eyes"."""
        for target, row in enumerate(self.rows):
            words = row["name"].split()
            if "cat" not in words:
                continue
            for face in (row["name"].replace("cat", "face"), row["name"].replace("cat with", "face with")):
                if face in self.index and self.index[face] != target:
                    yield self.change(self.index[face], target, "cat", CHINESE["cat"])
            expression = " ".join(word for word in words if word not in ("cat", "face"))
            if expression and "cat face" in self.index:
                yield self.change(self.index["cat face"], target, expression.removeprefix("with "))

    def one_word(self):
        """"red apple" + "green" -> "green apple"; "left arrow" + "right"."""
        families = defaultdict(list)
        for i, row in enumerate(self.rows):
            words = row["name"].split()
            if len(words) > 1 and ":" not in row["name"] and words[0] not in ("man", "woman", "person", "men", "women"):
                for k in range(len(words)):
                    families[k, *words[:k], None, *words[k + 1:]].append((i, words[k]))
        for family in families.values():
            for source, _ in family:
                for target, word in family:
                    if source != target and len(family) <= 12:
                        yield self.change(source, target, word)

    def additions(self):
        """"house" + "garden" -> "house with garden"."""
        for target, row in enumerate(self.rows):
            head, found, addition = row["name"].partition(" with ")
            if found and ":" not in row["name"] and head in self.index:
                yield self.change(self.index[head], target, addition)

    def keywords(self, neighbours=4):
        words = [set(row["keywords"]) - {row["name"]} for row in self.rows]
        words_zh = [set(row["keywords_zh"]) - {row["name_zh"]} for row in self.rows]
        base = [i for i, row in enumerate(self.rows) if "skin tone" not in row["name"] and not row["name"].startswith("flag")]
        for i in base:
            near = []
            for j in base:
                common, extra = len(words[i] & words[j]), len(words[j] - words[i])
                if j != i and common >= 2 and 1 <= extra <= 4:
                    near.append((-common, j))
            for _, j in sorted(near)[:neighbours]:
                chinese = " ".join(sorted(words_zh[j] - words_zh[i])) if len(words_zh[j] - words_zh[i]) <= 4 else None
                yield self.change(i, j, " ".join(sorted(words[j] - words[i])), chinese)


def difference(source, target):
    """What the target has between the texts' common beginning and common end, if that is short."""
    start = 0
    while start < min(len(source), len(target)) and source[start] == target[start]:
        start += 1
    end = 0
    while end < min(len(source), len(target)) - start and source[-1 - end] == target[-1 - end]:
        end += 1
    middle = target[start:len(target) - end].strip(" ：:")
    return middle if source and 0 < len(middle) <= 6 and (start or end) else None


def split_of(rows, source, target):
    if "concept" in (rows[source]["split"], rows[target]["split"]):
        return "concept"
    pair = "|".join(sorted((rows[source]["name"], rows[target]["name"])))
    held_out = int(hashlib.sha256(pair.encode()).hexdigest(), 16) % HELD_OUT_OF == 0
    return "held-out" if held_out else "train"


def all_triplets(rows):
    rules, seen, triplets = Rules(rows), set(), []
    for rule in ("parts", "genders", "professions", "cats", "one_word", "additions", "keywords"):
        for source, change, target in getattr(rules, rule)():
            if (source, change["en"], target) not in seen:
                seen.add((source, change["en"], target))
                triplets.append({"source": rows[source]["file"], "target": rows[target]["file"], "change": change, "rule": rule,
                                 "split": split_of(rows, source, target)})
    return triplets


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("pictures", type=Path)
    parser.add_argument("out", type=Path)
    arguments = parser.parse_args()
    rows = json.loads(arguments.pictures.read_text(encoding="utf-8"))
    triplets = all_triplets([row for row in rows if row["source"] == "noto"])
    with arguments.out.open("w", encoding="utf-8") as out:
        out.writelines(json.dumps(triplet, ensure_ascii=False) + "\n" for triplet in triplets)
    for key in ("split", "rule"):
        print(dict(Counter(triplet[key] for triplet in triplets)), file=sys.stderr)


if __name__ == "__main__":
    main()
