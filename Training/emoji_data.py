# SPDX-License-Identifier: Apache-2.0
"""Pictures, captions and composition triplets for the built-in model."""
import json
import random
from pathlib import Path

import numpy as np
import torch
from PIL import Image

CANVAS = 72  # pixels; pictures keep their alpha so that the background can be varied

# How an instruction may be phrased; "{}" is the change, in either language.
PHRASINGS = {
    "en": ["{}", "{}", "with {}", "but {}", "but with {}", "as {}", "make it {}"],
    "zh": ["{}", "{}", "变成{}", "换成{}", "带{}"],
}


def load_rows(folder):
    return json.loads((Path(folder) / "emoji.json").read_text(encoding="utf-8"))


def load_pictures(folder, rows):
    """[n, 4, CANVAS, CANVAS] uint8, each bitmap centred on a transparent square."""
    canvases = np.zeros((len(rows), CANVAS, CANVAS, 4), np.uint8)
    for canvas, row in zip(canvases, rows):
        picture = Image.open(Path(folder) / row["file"]).convert("RGBA").resize((72, 68), Image.LANCZOS)
        canvas[2:70] = np.asarray(picture)
    return torch.from_numpy(canvases).permute(0, 3, 1, 2).contiguous()


def captions(row):
    """One English caption by name, one by keywords, and one in Chinese where CLDR has it."""
    def some(words, name):
        return " ".join(random.sample(words, random.randint(1, min(3, len(words))))) if words else name

    texts = [row["name"], some(row["keywords"], row["name"])]
    if row["name_zh"]:
        texts.append(random.choice([row["name_zh"], some(row["keywords_zh"], row["name_zh"])]))
    return texts


def parts_of(name, separator, comma):
    """"person: dark skin tone, beard" -> ("person", ["dark skin tone", "beard"])."""
    head, _, tail = name.partition(separator)
    return head, [part.strip() for part in tail.split(comma)] if tail else []


def structural_triplets(rows):
    """(source, {language: change}, target) where Unicode itself says what differs."""
    index = {row["name"]: i for i, row in enumerate(rows)}
    triplets = []
    for target, row in enumerate(rows):
        head, parts = parts_of(row["name"], ": ", ",")
        _, parts_zh = parts_of((row["name_zh"] or "").replace("：", ": "), ": ", " ")
        if not row["name"].startswith("flag"):
            for k, part in enumerate(parts):
                rest = ", ".join(p for p in parts if p != part)
                source = index.get(f"{head}: {rest}" if rest else head)
                if source is not None:
                    change = {"en": part}
                    if len(parts_zh) == len(parts):
                        change["zh"] = parts_zh[k]
                    triplets.append((source, change, target))
        for prefix, other, change in (("man ", "woman ", {"en": "man", "zh": "男人"}),
                                      ("woman ", "man ", {"en": "woman", "zh": "女人"}),
                                      ("man ", "person ", {"en": "man", "zh": "男人"}),
                                      ("woman ", "person ", {"en": "woman", "zh": "女人"})):
            if row["name"].startswith(prefix) and other + row["name"][len(prefix):] in index:
                triplets.append((index[other + row["name"][len(prefix):]], change, target))
        # "man: dark skin tone" -> "man firefighter: dark skin tone": the profession is the change.
        for person in ("man", "woman", "person"):
            if head.startswith(person + " ") or head in OCCUPATIONS:
                job = head.removeprefix(person + " ")
                tail = row["name"][len(head):]
                source = index.get(person + tail)
                if source is not None and source != target:
                    triplets.append((source, {"en": job}, target))
    # Faces and their cat twins: "grinning face" + "cat" -> "grinning cat".
    for target, row in enumerate(rows):
        if "cat" in row["name"].split():
            for face in (row["name"].replace("cat", "face"), row["name"].replace("cat with", "face with")):
                if face in index and index[face] != target:
                    triplets.append((index[face], {"en": "cat", "zh": "猫"}, target))
    return triplets


OCCUPATIONS = {
    "artist", "astronaut", "cook", "factory worker", "farmer", "firefighter", "health worker", "judge", "mechanic",
    "office worker", "pilot", "scientist", "singer", "student", "teacher", "technologist", "police officer",
    "construction worker", "detective", "guard", "ninja", "mage", "fairy", "vampire", "elf", "superhero",
}


def keyword_triplets(rows, neighbours=4):
    """MegaPairs in miniature: related pictures, and the keywords that only the target has as the instruction."""
    words = [set(k for k in row["keywords"] if k != row["name"]) for row in rows]
    base = [i for i, row in enumerate(rows)
            if "skin tone" not in row["name"] and not row["name"].startswith("flag")]
    triplets = []
    for i in base:
        near = []
        for j in base:
            common, extra = len(words[i] & words[j]), len(words[j] - words[i])
            if j != i and common >= 2 and 1 <= extra <= 4:
                near.append((-common, j))
        for _, j in sorted(near)[:neighbours]:
            triplets.append((i, {"en": " ".join(sorted(words[j] - words[i]))}, j))
    return triplets


def phrase(change):
    language = random.choice(sorted(change))
    return random.choice(PHRASINGS[language]).format(change[language])
