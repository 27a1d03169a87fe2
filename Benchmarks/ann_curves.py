#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Ours beside the peers' nearest-neighbour search, in one run: recall-speed curves as CSV and SVG, and a table.

usage: ann_curves.py FOLDER OUT_DIR [--python PYTHON] [--duet-bench PATH] [--peers NAME …]

FOLDER is what `duet-bench ann` takes. Ours is measured before, between and after the peers, and of its figures the medians
count, so that a machine that slows down is seen and does not favour one of them. PYTHON has the peers (Benchmarks/peers/ann.py).
"""
import argparse
import csv
import json
import math
import statistics
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PEERS = ["ivfpq", "hnswsq8", "hnswlib", "usearch", "scann", "flat"]
COLOURS = dict(duet="#d6336c", ivfpq="#1c7ed6", hnswsq8="#2f9e44", hnswlib="#f08c00", usearch="#7048e8", scann="#0c8599")
RECALLS = (0.90, 0.95, 0.98, 0.99)


def lines_of(command):
    print("+", *command, file=sys.stderr, flush=True)
    done = subprocess.run([str(part) for part in command], stdout=subprocess.PIPE, text=True, check=True)
    return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]


def measured(arguments):
    """All lines, each with the round it was measured in."""
    ours = [arguments.duet_bench, "ann", arguments.folder]
    rows = []
    for turn, name in enumerate([*arguments.peers, None]):
        rows += [{**row, "round": turn} for row in lines_of(ours)]
        if name:
            rows += [{**row, "round": turn} for row in lines_of(
                [arguments.python, ROOT / "Benchmarks/peers/ann.py", arguments.folder, name])]
    return rows


def medians(rows):
    """One row for each setting: the medians of its figures over the rounds."""
    groups = {}
    for row in rows:
        groups.setdefault((row["method"], row.get("queries"), json.dumps(row.get("params"))), []).append(row)
    for group in groups.values():
        merged = dict(group[0])
        for key, value in merged.items():
            if isinstance(value, (int, float)) and key != "round":
                merged[key] = statistics.median(row[key] for row in group)
        yield merged


def frontier(rows, queries, method):
    """The settings of a method that no other one of it beats, by rising recall."""
    best, kept = 0, []
    for row in sorted((row for row in rows if row["method"] == method and row.get("queries") == queries
                       and row["params"].get("recall") != "exact"), key=lambda row: -row["recall"]):
        if row["qps_1t"] > best:
            best = row["qps_1t"]
            kept.append(row)
    return kept[::-1]


def at_recall(points, recall, key):
    """The figure at a recall, interpolated on a logarithmic scale; None beyond the curve."""
    above = next((k for k, point in enumerate(points) if point["recall"] >= recall), None)
    if above is None:
        return None
    high = points[above]
    if above == 0 or high["recall"] == recall:
        return high[key]
    low = points[above - 1]
    share = (recall - low["recall"]) / (high["recall"] - low["recall"])
    return math.exp((1 - share) * math.log(low[key]) + share * math.log(high[key]))


def figure(value, form="{:,.0f}"):
    return "–" if value is None else form.format(value)


def tables(rows, out):
    methods = list(dict.fromkeys(row["method"] for row in rows if row["method"] != "flat"))
    for queries in dict.fromkeys(row["queries"] for row in rows if "queries" in row):
        curves = {method: frontier(rows, queries, method) for method in methods}
        print(f"\n| {queries}, recall@10 | " + " | ".join(f"{m}, q/s" for m in methods)
              + " | ours / best | ours p50, p99 µs | best peer p50, p99 µs |\n" + "|---" * (len(methods) + 4) + "|", file=out)
        for recall in RECALLS:
            speed, p50, p99 = ({m: at_recall(curves[m], recall, key) for m in methods} for key in ("qps_1t", "p50_us", "p99_us"))
            peers = [m for m in methods if m != "duet" and speed[m]]
            ratio = speed["duet"] / max(speed[m] for m in peers) if peers and speed["duet"] else None
            low = [min((p[m] for m in peers), default=None) for p in (p50, p99)]
            print(f"| {recall} | " + " | ".join(figure(speed[m]) for m in methods)
                  + f" | **{figure(ratio, '{:.2f}')}** | {figure(p50['duet'])}, {figure(p99['duet'])}"
                  + f" | {figure(low[0])}, {figure(low[1])} |", file=out)
    print("\n| method | build, s | bytes on disk | opening, ms | memory then, MiB | exact, q/s (one thread) |\n|---|---|---|---|---|---|",
          file=out)
    for method in dict.fromkeys(row["method"] for row in rows):
        own = [row for row in rows if row["method"] == method]
        build, size, opening, held = (next((row[key] for row in own if key in row), None)
                                      for key in ("build_s", "bytes", "open_ms", "rss_mib"))
        exact = next((row["qps_1t"] for row in own if method == "flat" and "qps_1t" in row
                      or row.get("params", {}).get("recall") == "exact"), None)
        print(f"| {method} | {figure(build, '{:.1f}')} | {figure(size)} | {figure(opening, '{:.2f}')} "
              f"| {figure(held, '{:.0f}')} | {figure(exact)} |", file=out)


def svg(rows, queries, path):
    """Recall to the right, queries a second upwards, both so that what is better lies above."""
    methods = [method for method in COLOURS if frontier(rows, queries, method)]
    curves = {method: [p for p in frontier(rows, queries, method) if p["recall"] >= 0.85] for method in methods}
    speeds = [point["qps_1t"] for curve in curves.values() for point in curve]
    if not speeds:
        return
    low, high = math.floor(math.log10(min(speeds))), math.log10(max(speeds) * 1.3)
    # Misses on a logarithmic scale: 0.9, 0.99 and 0.999 are equally far apart.
    x = lambda recall: 70 + 190 * -math.log10(max(1 - recall, 5e-4) / 0.15)
    y = lambda speed: 400 - 360 * (math.log10(speed) - low) / (high - low)
    parts = ['<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 640 450" font-family="sans-serif" font-size="12">',
             '<rect width="640" height="450" fill="white"/>']
    for recall in (0.9, 0.95, 0.98, 0.99, 0.995, 0.999):
        parts.append(f'<path d="M{x(recall):.1f} 40V400" stroke="#ddd"/><text x="{x(recall):.1f}" y="418" text-anchor="middle">{recall}</text>')
    for power in range(low, math.floor(high) + 1):
        parts.append(f'<path d="M70 {y(10 ** power):.1f}H600" stroke="#ddd"/><text x="62" y="{y(10 ** power) + 4:.1f}" text-anchor="end">{10 ** power:,}</text>')
    parts.append(f'<text x="335" y="440" text-anchor="middle">recall@10, {queries} queries</text>'
                 '<text x="70" y="28">queries a second, one thread</text>')
    for number, (method, curve) in enumerate(curves.items()):
        path_text = "M" + "L".join(f"{x(p['recall']):.1f} {y(p['qps_1t']):.1f}" for p in curve)
        parts.append(f'<path d="{path_text}" fill="none" stroke="{COLOURS[method]}" stroke-width="{3 if method == "duet" else 1.5}"/>'
                     f'<text x="520" y="{60 + 18 * number}" fill="{COLOURS[method]}" font-weight="{"bold" if method == "duet" else "normal"}">{method}</text>')
    path.write_text("\n".join([*parts, "</svg>\n"]), encoding="utf-8")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--python", default=sys.executable)
    parser.add_argument("--duet-bench", type=Path, default=ROOT / ".build/release/duet-bench")
    parser.add_argument("--peers", nargs="*", default=PEERS, choices=PEERS)
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    rows = measured(arguments)
    name = arguments.folder.name
    with (arguments.out / f"{name}.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(dict.fromkeys(key for row in rows for key in row)))
        writer.writeheader()
        writer.writerows({**row, "params": json.dumps(row.get("params"))} for row in rows)
    rows = list(medians(rows))
    for queries in ("main", "text"):
        svg(rows, queries, arguments.out / f"{name}-{queries}.svg")
    tables(rows, sys.stdout)


if __name__ == "__main__":
    main()
