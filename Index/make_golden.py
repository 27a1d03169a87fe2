#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes the golden segments of format version 1 and the answers they must give.

A second implementation of FORMAT.md, on purpose: the tests check that Duet's writer gives the same bytes and that its
reader finds the same neighbours. Run in this folder with Python 3 and numpy (made with numpy 2.4); the output never
changes once a format version is released.
"""
import json
import struct

import numpy as np


class SplitMix64:
    """The generator of Tests/TestSupport."""

    def __init__(self, seed):
        self.state = seed

    def next(self):
        mask = 2**64 - 1
        self.state = (self.state + 0x9E3779B97F4A7C15) & mask
        z = self.state
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & mask
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & mask
        return z ^ (z >> 31)

    def unit(self, dimension):
        """Whole numbers from -8 to 7, the first one 9 to 24, divided by their length in float64, then float32."""
        numbers = [int(self.next() >> 60) - 8 for _ in range(dimension)]
        numbers[0] += 17
        length = np.sqrt(np.float64(sum(n * n for n in numbers)))
        return np.array([np.float32(np.float64(n) / length) for n in numbers], dtype=np.float32)


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = (crc >> 1) ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


def up(value, step):
    return (value + step - 1) // step * step


def segment(segment_id, fingerprint, keys, rows, storage):
    """The bytes of a segment smaller than 1 MiB. Storage: 1 = float32, 2 = float16."""
    count, dimension = rows.shape
    contents = [
        (1, rows.astype("<f4" if storage == 1 else "<f2").tobytes()),
        (2, np.array([item for item, _ in keys], dtype="<i8").tobytes()),
        (3, np.array([ordinal for _, ordinal in keys], dtype="<u4").tobytes()),
    ]
    alignment = 64
    header_size = up(128 + 32 * len(contents), alignment)
    table, body = b"", bytearray(header_size)
    for kind, content in contents:
        body += bytes(up(len(body), alignment) - len(body))
        table += struct.pack("<IIQQII", kind, 0, len(body), len(content), crc32c(content), 0)
        body += content
    fixed = b"DUETVEC\0" + struct.pack(
        "<IIIIQQQIIII", 1, 1, header_size, len(contents), len(body), count, segment_id, dimension, alignment, storage, 1)
    fixed += fingerprint + bytes(28)
    header = fixed + bytes(4) + table
    header += bytes(header_size - len(header))
    header = header[:124] + struct.pack("<I", crc32c(header)) + header[128:]
    body[:header_size] = header
    return bytes(body)


def main():
    random = SplitMix64(2026)
    dimension = 40
    # Some items with several vectors, ids beyond 32 bits and below zero.
    keys = [(-7, 0), (1, 0), (2, 0), (2, 1), (2, 5), (40, 0), (41, 0), (41, 1), (99, 3), (5_000_000_000, 0),
            (5_000_000_001, 0), (2**63 - 1, 0)]
    rows = np.stack([random.unit(dimension) for _ in keys])
    rows[6] = rows[5]  # a tie
    queries = np.stack([random.unit(dimension) for _ in range(3)] + [rows[5]])
    fingerprint = bytes(range(100, 132))
    answers = {}
    for name, storage, kind in [("f32", 1, np.float32), ("f16", 2, np.float16)]:
        with open(f"v1-{name}.duetvec", "wb") as file:
            file.write(segment(0x0123456789ABCDEF, fingerprint, keys, rows, storage))
        stored = rows.astype(kind).astype(np.float64)
        answers[name] = []
        for query in queries.astype(np.float64):
            best = {}
            for (item, ordinal), row in zip(keys, stored):
                score = float(row @ query)
                if item not in best or score > best[item][1]:
                    best[item] = (ordinal, score)
            ranked = sorted(best.items(), key=lambda entry: (-entry[1][1], entry[0]))[:5]
            answers[name].append([{"item": i, "ordinal": o, "score": s} for i, (o, s) in ranked])
    with open("v1-answers.json", "w") as file:
        json.dump(answers, file, indent=1)
        file.write("\n")


if __name__ == "__main__":
    main()
