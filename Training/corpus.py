# SPDX-License-Identifier: Apache-2.0
"""What the model learns from, in memory: pictures, texts with their meanings, triplets, and how they are drawn."""
import json
import random
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F

from model import WIDTH, unit
from teacher import meanings_of

# How often a picture is drawn beside those of the triplets. Flags are in no triplet, and are hard to tell apart.
WEIGHTS = {"noto": 1.0, "symbola": 0.5, "tuxpaint": 0.5, "gnome": 0.5, "oxygen": 0.5}
FLAG_WEIGHT = 2.5


def read_lines(path):
    with path.open(encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


class Corpus:
    def __init__(self, folder):
        folder = Path(folder)
        self.rows = json.loads((folder / "pictures.json").read_text(encoding="utf-8"))
        self.pictures = torch.from_numpy(np.load(folder / "pictures.npy")).permute(0, 3, 1, 2).contiguous()
        self.noto = [i for i, row in enumerate(self.rows) if row["source"] == "noto"]
        self.trained = [i for i, row in enumerate(self.rows) if row["split"] == "train"]
        self.weights = [FLAG_WEIGHT if self.rows[i]["name"].startswith("flag:") else WEIGHTS[self.rows[i]["source"]]
                        for i in self.trained]
        names = {}
        self.name_ids = torch.tensor([names.setdefault(row["name"], len(names)) for row in self.rows])
        self.triplets = {}  # split: triplets, whose sources and targets are indices of rows
        index = {self.rows[i]["file"]: i for i in self.noto}
        for triplet in read_lines(folder / "triplets.jsonl"):
            triplet |= {"source": index[triplet["source"]], "target": index[triplet["target"]]}
            self.triplets.setdefault(triplet["split"], []).append(triplet)
        self.texts = read_lines(folder / "texts.jsonl")
        self.meaning_index = {text: i for i, text in enumerate(meanings_of(folder / "texts.jsonl"))}
        self.meanings = principal(torch.from_numpy(np.load(folder / "meanings.npy")).float())
        self.anchors = torch.stack([self.anchor(row) for row in self.rows])

    def anchor(self, row):
        """Where a picture belongs in the teacher's space: between its name and its keywords."""
        anchor = self.meanings[self.meaning_index[row["name"]]]
        if row["keywords"]:
            anchor = anchor + self.meanings[self.meaning_index[" ".join(row["keywords"])]]
        return unit(anchor)

    def draw(self, count):
        """Indices of training pictures, at random."""
        return random.choices(self.trained, self.weights, k=count)


def principal(meanings):
    """[m, teacher's width] -> [m, WIDTH] unit rows: the teacher's space along its main directions, about its mean.

    Dimension 0 stays empty, see `start_as_weighted_mean`.
    """
    meanings = meanings - meanings.mean(0)
    _, directions = torch.linalg.eigh(meanings.T @ meanings)
    return F.pad(unit(meanings @ directions[:, 1 - WIDTH:]), (1, 0))


def caption(row):
    """One of the picture's texts: its name or some of its keywords, English or Chinese."""
    chinese = row["name_zh"] and random.random() < 0.45
    name, keywords = row["name"], row["keywords"]
    if chinese:
        name, keywords = row["name_zh"], row["keywords_zh"] + row["suggested_by_zh"]
    if not keywords or random.random() < 0.6:
        return name
    return " ".join(random.sample(keywords, random.randint(1, min(4, len(keywords)))))
