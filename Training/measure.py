#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The model card's figures, through the engine: `duet eval library` on every split.

usage: measure.py WORK_DIR [--model MODEL] [--precision auto|f32|bf16|int8] [--duet PATH]

WORK_DIR is that of run.sh. Two libraries are made in a temporary folder: all of Noto's pictures, and the held-out
renderings. Prints Markdown tables.
"""
import argparse
import json
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "Benchmarks"))
from decide import Libraries, read_lines  # noqa: E402

EMOJIONE = Path("/usr/share/rubygems-integration/all/gems")
SPLITS = {"train": "trained concepts", "concept": "held-out concepts"}


def by_name(rows, key, language):
    return [{"text": row[key], "relevant": [row["file"]], "kind": f"{language} name, {SPLITS[row['split']]}"}
            for row in rows if row[key]]


def by_kind_of_picture(rows):
    """The trained English names once more: flags, skin tones, and all others."""
    def kind(name):
        return "flags" if name.startswith("flag:") else "skin tones" if "skin tone" in name else "others"
    return [{"text": row["name"], "relevant": [row["file"]], "kind": f"English name, trained, {kind(row['name'])}"}
            for row in rows if row["split"] == "train"]


def triplets(work, pictures):
    for triplet in read_lines(work / "data/triplets.jsonl"):
        if triplet["split"] == "train":
            continue
        image = {"image": str(pictures / triplet["source"])}
        answer = {"relevant": [triplet["target"]], "exclude": [triplet["source"]]}
        split = f"{triplet['split']} triplets"
        for language, text in triplet["change"].items():
            yield {"terms": [image, {"text": text}], "kind": f"{split}, picture + {language} text", **answer}
        if triplet["split"] == "held-out":
            yield {"terms": [image], "kind": f"{split}, picture only", **answer}
            yield {"text": triplet["change"]["en"], "kind": f"{split}, en text only", **answer}


def table(report):
    print("| query | asked | R@1 | R@5 | R@10 | median rank |\n|---|---|---|---|---|---|")
    for name, row in report.items():
        recalls = " | ".join(f"{100 * row['recall'][depth]:.1f}" for depth in ("1", "5", "10"))
        print(f"| {name} | {row['queries']} | {recalls} | {row['median_rank'] or 'over 100'} |")
    print()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("work", type=Path)
    parser.add_argument("--model", help="default: WORK_DIR/model")
    parser.add_argument("--precision", default="auto")
    parser.add_argument("--duet", default="duet")
    arguments = parser.parse_args()
    work, noto = arguments.work.resolve(), arguments.work.resolve() / "noto"
    rows = json.loads((work / "data/pictures.json").read_text(encoding="utf-8"))
    renderings = [row for row in rows if row["source"] == "emojione"]
    rows = [row for row in rows if row["source"] == "noto"]
    paraphrases = read_lines(ROOT / "Training/paraphrases.jsonl")
    with tempfile.TemporaryDirectory() as folder:
        model = arguments.model or work / "model"
        libraries = Libraries(arguments.duet, noto, model, folder, arguments.precision)
        library = libraries.make("noto", rows)
        exact = dict(fields="image", cut="off")
        print("Through the image field alone, all of Noto (3,627 pictures):\n")
        table(libraries.ask(library, by_name(rows, "name", "English") + by_name(rows, "name_zh", "Chinese")
                            + by_kind_of_picture(rows) + list(triplets(work, noto)) + paraphrases, **exact))
        print("The paraphrases through all fields:\n")
        table(libraries.ask(library, paraphrases, cut="off"))
        libraries.pictures = next(EMOJIONE.glob("gemojione-*/assets/png"))
        library = libraries.make("emojione", renderings)
        print("Held-out renderings (EmojiOne, 1,761 pictures):\n")
        table(libraries.ask(library, [{"text": row["name"], "relevant": [row["file"]], "kind": "English name"}
                                      for row in renderings], **exact))


if __name__ == "__main__":
    main()
