#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A set of real embeddings for nearest-neighbour search: meaning_set.py MEANINGS_NPY OUT_DIR

MEANINGS_NPY is what Training/teacher.py wrote: a sentence encoder's vectors of a dictionary's words and definitions. A thousand
of them become queries, the others are searched; OUT_DIR receives base.npy, queries.npy and gt.npy as `duet-bench ann` takes them.
"""
import sys
from pathlib import Path

import numpy as np

QUERIES, DEPTH = 1000, 100


def main():
    meanings, out = np.load(sys.argv[1]).astype(np.float32), Path(sys.argv[2])
    meanings /= np.linalg.norm(meanings, axis=1, keepdims=True)
    chosen = np.random.default_rng(1).permutation(len(meanings))
    queries, base = meanings[chosen[:QUERIES]], meanings[np.sort(chosen[QUERIES:])]
    truth = np.empty((QUERIES, DEPTH), np.int32)
    for first in range(0, QUERIES, 100):
        scores = queries[first:first + 100] @ base.T
        best = np.argpartition(-scores, DEPTH, 1)[:, :DEPTH]
        order = np.argsort(-np.take_along_axis(scores, best, 1), 1, kind="stable")
        truth[first:first + 100] = np.take_along_axis(best, order, 1)
    out.mkdir(parents=True, exist_ok=True)
    for name, array in (("base", base), ("queries", queries), ("gt", truth)):
        np.save(out / f"{name}.npy", array)


if __name__ == "__main__":
    main()
