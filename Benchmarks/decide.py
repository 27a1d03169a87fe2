#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The figures by which fusion, cut, sources and weights were chosen, as Markdown tables for RESULTS.md.

    decide.py PICTURES_DIR --triplets FILE [--paraphrases FILE] [--duet PATH] [--model builtin]

PICTURES_DIR is what `Scripts/extract_emoji.py --captions` made; it is only read. Triplets are those that Training/triplets.py wrote
(Training/run.sh leaves them in WORK_DIR/data); the ones held out from training are asked. Paraphrases are queries as
`duet eval library` reads them, by default Training/paraphrases.jsonl. All figures are of queries drawn with one seed; some minutes
on two cores.
"""
import argparse
import json
import os
import random
import shutil
import struct
import subprocess
import sys
import tempfile
import zlib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SAMPLE = 200  # queries of a kind


class Libraries:
    """Libraries of some of the pictures in a temporary folder, and what `duet eval library` says of them."""

    def __init__(self, duet, pictures, model, folder, precision="auto"):
        self.duet, self.pictures, self.model, self.folder = duet, Path(pictures), model, Path(folder)
        self.precision = precision
        self.evaluations = 0

    def run(self, *arguments):
        done = subprocess.run([self.duet, *map(str, arguments)], capture_output=True, text=True, check=False)
        if done.returncode:
            sys.exit(f"decide.py: duet {arguments[0]}: {done.stderr.strip()[-500:]}")
        return done.stdout

    def make(self, name, rows):
        """A library of the rows' pictures with their captions."""
        library = self.folder / name
        library.mkdir()
        for row in rows:
            picture = self.pictures / row["file"]
            for file in filter(Path.exists, (picture, picture.with_suffix(".txt"))):
                try:
                    os.link(file, library / file.name)
                except OSError:
                    shutil.copy(file, library)
        self.run("index", library, "--new", "--model", self.model, "--precision", self.precision)
        return library

    def ask(self, library, queries, **options):
        """{kind: row of the report}; options are those of `duet eval library`, None for its default."""
        self.evaluations += 1
        file = self.folder / f"queries-{self.evaluations}.jsonl"
        file.write_text("".join(json.dumps(q, ensure_ascii=False) + "\n" for q in queries), encoding="utf-8")
        switches = [part for key, value in options.items() if value for part in (f"--{key}", value)]
        report = json.loads(self.run("eval", "library", file, "--index", library, "--precision", self.precision,
                                     "--json", *switches))
        return {row["query"]: row for row in report["rows"]}


# Queries. Each is a line for `duet eval library`.


def sampled(items, count=SAMPLE):
    return random.Random(7).sample(items, min(count, len(items)))


def names(rows, language, count=SAMPLE):
    key = {"en": "name", "zh": "name_zh"}[language]
    return [{"text": row[key], "relevant": [row["file"]], "kind": f"names {language}"}
            for row in sampled([row for row in rows if row[key]], count)]


def keywords(rows, language):
    """Two keywords of a picture; right is every picture that has both."""
    key = {"en": "keywords", "zh": "keywords_zh"}[language]
    queries = []
    for number, row in enumerate(sampled([row for row in rows if len(row[key]) > 1])):
        words = random.Random(number).sample(row[key], 2)
        right = [other["file"] for other in rows if set(words) <= set(other[key])]
        queries.append({"text": " ".join(words), "relevant": right, "kind": f"keywords {language}"})
    return queries


def families(rows):
    """{"waving hand": its pictures in six skin tones, …}."""
    heads = {}
    for row in rows:
        head, _, tone = row["name"].partition(": ")
        if not tone or tone.endswith("skin tone") and "," not in tone:
            heads.setdefault(head, []).append(row)
    return {head: members for head, members in heads.items() if len(members) == 6}


def pictures_of_one_kind(rows, library):
    """A picture in one skin tone; right are the others."""
    queries = []
    for number, members in enumerate(sampled(list(families(rows).values()), SAMPLE)):
        own = members[number % len(members)]["file"]
        queries.append({"image": f"{library.name}/{own}", "exclude": [own], "kind": "pictures",
                        "relevant": [member["file"] for member in members if member["file"] != own]})
    return queries


def composed(triplets, library):
    """A picture and what is to change."""
    return [{"terms": [{"image": f"{library.name}/{t['source']}"}, {"text": t["change"][language]}],
             "relevant": [t["target"]], "exclude": [t["source"]], "kind": f"composed {language}"}
            for language in ("en", "zh") for t in triplets if language in t["change"]]


def avoiding(rows, library, weight):
    """"waving hand", not "dark skin tone"; and its picture in a dark skin tone, not "dark skin tone". Right: the others."""
    queries = []
    for head, members in sampled(sorted(families(rows).items()), 100):
        dark = [member["file"] for member in members if "dark skin tone" in member["name"]
                and "medium-dark" not in member["name"]]
        others = [member["file"] for member in members if "dark" not in member["name"]]
        if not dark or not others:
            continue
        avoided = [{"text": "dark skin tone", "role": "avoid", "weight": weight}] if weight else []
        queries.append({"terms": [{"text": head}] + avoided, "relevant": others, "kind": "text − text"})
        queries.append({"terms": [{"image": f"{library.name}/{dark[0]}"}] + avoided, "exclude": [dark[0]],
                        "relevant": others, "kind": "picture − text"})
    return queries


def nonsense_texts():
    """50 texts that mean nothing: letters and signs at random, and invented words."""
    chance = random.Random(3)
    syllables = "bla dri fon gri kel mur nop pla quo ras snu tri vek wom zib".split()
    letters = [" ".join("".join(chance.choices("abcdefghijklmnopqrstuvwxyz", k=6)) for _ in range(2)) for _ in range(18)]
    invented = [" ".join("".join(chance.choices(syllables, k=3)) for _ in range(2)) for _ in range(14)]
    signs = ["".join(chr(chance.randrange(0x4E00, 0x9FA0)) for _ in range(4)) for _ in range(18)]
    return ([{"text": text, "relevant": [], "kind": "nonsense en"} for text in ["asdfgh qwerty"] + letters[1:] + invented]
            + [{"text": text, "relevant": [], "kind": "nonsense zh"} for text in signs])


def png(pixel, side=128):
    """A picture of what `pixel(x, y)` says, as bytes."""
    lines = b"".join(b"\0" + b"".join(bytes(pixel(x, y)) for x in range(side)) for y in range(side))

    def chunk(kind, body):
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0))
            + chunk(b"IDAT", zlib.compress(lines)) + chunk(b"IEND", b""))


def nonsense_pictures(folder):
    """Ten blank and noisy pictures."""
    (folder / "blank").mkdir()
    blanks = [(255, 255, 255), (0, 0, 0), (128, 128, 128), (240, 230, 210), (30, 60, 90)]
    drawings = [lambda x, y, c=colour: c for colour in blanks]
    for seed in range(5):
        chance, cell = random.Random(seed), 2 ** seed
        grid = [[[chance.randrange(256) for _ in range(3)] for _ in range(128)] for _ in range(128)]
        drawings.append(lambda x, y, g=grid, c=cell: g[y // c][x // c])
    for number, drawing in enumerate(drawings):
        (folder / "blank" / f"{number}.png").write_bytes(png(drawing))
    return [{"image": f"blank/{number}.png", "relevant": [], "kind": "nonsense pictures"}
            for number in range(len(drawings))]


# Tables.


def percent(value):
    return "" if value is None else f"{100 * value:.1f}"


def table(title, header, lines):
    print(f"\n### {title}\n")
    print("| " + " | ".join(header) + " |")
    print("|---" + "|---:" * (len(header) - 1) + "|")
    for line in lines:
        print("| " + " | ".join(map(str, line)) + " |", flush=True)


def cells(rows, kinds, *measures):
    """What some measures say of some kinds; "R@10" of {"recall": {"10": …}}."""
    def value(row, measure):
        name, _, depth = measure.partition("@")
        return row.get({"R": "recall", "mAP": "map"}.get(name, name), {}).get(depth) if depth else row.get(name)

    return [" / ".join(percent(value(rows.get(kind, {}), measure)) for measure in measures) for kind in kinds]


FIELDS = ["image", "caption", "words", "image,words", "image,caption", "all"]


def table_of_fields(libraries, library, texts, kinds):
    lines = []
    for fusion in ("z", "rrf"):
        for fields in FIELDS if fusion == "z" else FIELDS[3:]:
            rows = libraries.ask(library, texts, fields=fields, fusion=fusion, cut="off")
            lines.append([f"{fields}, {fusion}" if "," in fields or fields == "all" else fields,
                          *cells(rows, kinds, "R@1", "R@10")])
    table("Texts: where to look, and how to merge (no cut): R@1 / R@10", ["sources", *kinds], lines)


def table_of_cuts(libraries, library, texts, kinds):
    nonsense = ["nonsense en", "nonsense zh"]
    lines = []
    for fields in ("image", "caption", "words", "all"):
        for cut in (None, "z:2.5", "z:3", "z:3.5"):
            rows = libraries.ask(library, texts + nonsense_texts(), fields=fields, cut=cut)
            lines.append([f"{fields}, {cut or 'auto'}", *cells(rows, kinds, "nothing", "right", "R@10"),
                          *cells(rows, nonsense, "nothing")])
    table("Texts: cuts: nothing found / right among what was found / R@10; of nonsense: nothing found",
          ["sources, cut", *kinds, *nonsense], lines)


def table_of_pictures(libraries, library, queries, kinds):
    blanks = nonsense_pictures(libraries.folder)
    variants = [("as in a search", {}), ("all, z", {"fields": "all"}), ("all, rrf", {"fields": "all", "fusion": "rrf"}),
                ("image,words", {"fields": "image,words"}), ("image,caption", {"fields": "image,caption"}),
                ("image", {"fields": "image"}), ("image, rawSum", {"fields": "image", "compose": "rawSum"}),
                ("image, unitSum", {"fields": "image", "compose": "unitSum"})]
    lines = [[name, *cells(libraries.ask(library, queries, cut="off", **options), kinds, "R@1", "R@5", "R@10")]
             for name, options in variants]
    table("Pictures, and pictures with texts (no cut): R@1 / R@5 / R@10", ["sources", *kinds], lines)
    lines = []
    for cut in ("off", "auto", "z:2", "z:3"):
        rows = libraries.ask(library, queries + blanks, cut=cut)
        lines.append([cut, *cells(rows, kinds, "nothing", "right", "R@10"), *cells(rows, ["nonsense pictures"], "nothing")])
    table("The same: cuts: nothing found / right among what was found / R@10; of blanks and noise: nothing found",
          ["cut", *kinds, "nonsense pictures"], lines)


def table_of_avoiding(libraries, library, rows):
    kinds = ["text − text", "picture − text"]
    lines = []
    for weight in (0, 0.25, 0.5, 0.75, 1):
        for rule in ("rawSum", "unitSum"):
            answers = libraries.ask(library, avoiding(rows, library, weight), cut="off", compose=rule)
            lines.append([weight, rule, *cells(answers, kinds, "R@1", "mAP@5", "mAP@10")])
    table("The weight of `avoid`: R@1 / mAP@5 / mAP@10", ["weight", "sum", *kinds], lines)


CONCEPTS = [("flag", "旗"), ("couple with heart", "情侣"), ("kiss", "亲吻"), ("holding hands", "手拉手")]
SHARES = [("0.1 %", 1, 1000), ("5 %", 50, 1000), ("30 %", 90, 300), ("100 %", 100, 100)]


def mean_of(answers, measure):
    """The mean over libraries of the mean over queries, leaving out libraries where nothing was measured."""
    values = [answer["real"][measure] for answer in answers if answer["real"].get(measure) is not None]
    return percent(sum(values) / len(values)) if values else ""


def table_of_shares(libraries, rows):
    lines = []
    for share, count, size in SHARES:
        answers = {fields: [] for fields in (None, "image", "caption")}
        for number, (english, chinese) in enumerate(CONCEPTS):
            has = [row for row in rows if english in row["name"] and (":" in row["name"] or english in row["keywords"])]
            words = set(english.split()) | {english}
            lacks = [row for row in rows if not words & set(row["name"].replace(":", "").split() + row["keywords"])
                     and chinese not in str(row["name_zh"]) and chinese not in row["keywords_zh"]]
            chosen = sampled(has, count)
            library = libraries.make(f"share-{count}-{size}-{number}", chosen + sampled(lacks, size - len(chosen)))
            right = [row["file"] for row in chosen]
            queries = [{"text": text, "relevant": right, "kind": "real"} for text in (english, chinese)]
            for fields, found in answers.items():
                found.append(libraries.ask(library, queries, fields=fields))
        lines.append([share, size, *(f"{mean_of(found, 'nothing')} / {mean_of(found, 'right')}" for found in answers.values())])
    table("A concept's share of the library: nothing found / right among what was found",
          ["share", "pictures", "all", "image", "caption"], lines)


def table_of_sizes(libraries, rows):
    lines = []
    for size, draws in ((5, 8), (50, 3), (500, 1)):
        answers = {fields: [] for fields in (None, "image", "caption")}
        for draw in range(draws):
            chosen = random.Random(draw).sample([row for row in rows if row["name_zh"]], size)
            library = libraries.make(f"size-{size}-{draw}", chosen)
            queries = names(chosen, "en", 50) + names(chosen, "zh", 50)
            queries = [{**query, "kind": "real"} for query in queries]
            nonsense = [{**query, "kind": "nonsense"} for query in nonsense_texts()]
            for fields, found in answers.items():
                found.append(libraries.ask(library, queries + nonsense, fields=fields))
        line = [size, draws]
        for found in answers.values():
            empty = sum(answer["nonsense"]["nothing"] for answer in found) / draws
            line.append(f"{mean_of(found, 'nothing')} / {mean_of(found, 'right')} / {percent(empty)}")
        lines.append(line)
    table("Small libraries: names: nothing found / right among what was found; nonsense: nothing found",
          ["pictures", "libraries", "all", "image", "caption"], lines)


def read_lines(file):
    return [json.loads(line) for line in Path(file).read_text(encoding="utf-8").splitlines() if line.strip()]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("pictures")
    parser.add_argument("--triplets", required=True)
    parser.add_argument("--paraphrases", default=ROOT / "Training/paraphrases.jsonl")
    parser.add_argument("--duet", default=ROOT / ".build/release/duet")
    parser.add_argument("--model", default="builtin")
    options = parser.parse_args()
    rows = json.loads((Path(options.pictures) / "emoji.json").read_text(encoding="utf-8"))
    with tempfile.TemporaryDirectory(prefix="duet-decide-", dir=os.environ.get("TMPDIR")) as folder:
        libraries = Libraries(options.duet, options.pictures, options.model, folder)
        library = libraries.make("all", rows)
        model = json.loads(libraries.run("info", "--index", library, "--json"))["library"]["models"][0]
        commit = subprocess.run(["git", "-C", ROOT, "rev-parse", "--short", "HEAD"], capture_output=True, text=True).stdout
        print(f"Model {model['name']}, weights {model['weightsHash'][:12]}; commit {commit.strip()}; {len(rows):,} pictures.")
        texts = [query for make in (names, keywords) for language in ("en", "zh") for query in make(rows, language)]
        if Path(options.paraphrases).exists():
            texts += sampled([{**q, "kind": q.get("kind", "paraphrases")} for q in read_lines(options.paraphrases)], 2 * SAMPLE)
        kinds = list(dict.fromkeys(query["kind"] for query in texts))
        table_of_fields(libraries, library, texts, kinds)
        table_of_cuts(libraries, library, texts, kinds)
        held_out = [triplet for triplet in read_lines(options.triplets) if triplet["split"] == "held-out"]
        queries = pictures_of_one_kind(rows, library) + composed(sampled(held_out, 2 * SAMPLE), library)
        table_of_pictures(libraries, library, queries, list(dict.fromkeys(query["kind"] for query in queries)))
        table_of_avoiding(libraries, library, rows)
        table_of_shares(libraries, rows)
        table_of_sizes(libraries, rows)


if __name__ == "__main__":
    main()
