#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Recall@10 and speed of other libraries on the vectors of a folder, one JSON line a setting: ann.py FOLDER [NAME …]

FOLDER is what `duet-bench ann FOLDER` takes, and the lines are like its lines; a last one tells how large the saved index is, how
long opening it takes in a new process, and what that process then holds in memory. Needs numpy and whichever of faiss-cpu,
hnswlib, usearch and scann are installed; never run by the tests. NAMEs choose among: flat ivfpq hnswsq8 hnswlib usearch scann.
"""
import json
import math
import os
import subprocess
import sys
import tempfile
import time

# The OpenBLAS in faiss's wheel does not know CPUs that are newer than itself, and takes its slowest kernels for them: exact
# search at a quarter of the speed. These are its fastest ones, whatever the environment asks for.
if "avx512f" in open("/proc/cpuinfo", encoding="utf-8").read():
    os.environ["OPENBLAS_CORETYPE"] = "SkylakeX"

import numpy as np

K, SEED, THREADS = 10, 1, os.cpu_count()


class Flat:
    """faiss.IndexFlatIP: exact."""

    settings = [{}]

    def __init__(self, base):
        import faiss

        self.faiss = faiss
        faiss.omp_set_num_threads(THREADS)
        self.build(base)

    def build(self, base):
        self.index = self.faiss.IndexFlatIP(base.shape[1])
        self.index.add(base)

    def set(self):
        pass

    def search(self, queries, threads):
        self.faiss.omp_set_num_threads(threads)
        return self.index.search(queries, K)[1]

    def save(self, path):
        self.faiss.write_index(self.index, path)

    @staticmethod
    def open(path, dimension):
        import faiss

        return faiss.read_index(path)


class IVFPQ(Flat):
    """IVF with 4-bit product codes scanned FastScan-style, re-ranked in float32."""

    settings = [{"nprobe": n, "k_factor": k} for k in (3, 8) for n in (2, 4, 8, 16, 24, 32, 48, 64, 96, 128)]

    def build(self, base):
        faiss, (n, d) = self.faiss, base.shape
        lists = 1 << round(math.log2(4 * math.sqrt(n)))
        means = faiss.Kmeans(d, lists, niter=10, spherical=True, seed=SEED, max_points_per_centroid=64)
        means.train(base)
        self.quantizer = faiss.IndexFlatIP(d)
        self.quantizer.add(means.centroids)
        self.ivf = faiss.IndexIVFPQFastScan(self.quantizer, d, lists, d // 2, 4, faiss.METRIC_INNER_PRODUCT)
        self.ivf.train(base[np.random.default_rng(SEED).permutation(n)[:65536]])
        self.ivf.add(base)
        self.flat = faiss.IndexFlatIP(d)
        self.flat.add(base)
        self.index = faiss.IndexRefine(self.ivf, self.flat)

    def set(self, nprobe, k_factor):
        self.ivf.nprobe, self.index.k_factor = nprobe, k_factor


class HNSWSQ8(Flat):
    """faiss HNSW, 32 neighbours, 8-bit codes."""

    settings = [{"ef": e} for e in (16, 32, 48, 64, 96, 128, 192, 256, 384, 512)]

    def build(self, base):
        faiss = self.faiss
        self.index = faiss.IndexHNSWSQ(base.shape[1], faiss.ScalarQuantizer.QT_8bit, 32, faiss.METRIC_INNER_PRODUCT)
        self.index.hnsw.efConstruction = 200
        self.index.train(base[:65536])
        self.index.add(base)

    def set(self, ef):
        self.index.hnsw.efSearch = ef


class HNSWLib:
    """hnswlib, M = 16, float32."""

    settings = HNSWSQ8.settings

    def __init__(self, base):
        import hnswlib

        self.index = hnswlib.Index("ip", base.shape[1])
        self.index.init_index(len(base), M=16, ef_construction=200, random_seed=SEED)
        self.index.add_items(base, num_threads=THREADS)

    def set(self, ef):
        self.index.set_ef(ef)

    def search(self, queries, threads):
        return self.index.knn_query(queries, K, num_threads=threads)[0]

    def save(self, path):
        self.index.save_index(path)

    @staticmethod
    def open(path, dimension):
        import hnswlib

        index = hnswlib.Index("ip", dimension)
        index.load_index(path)
        return index


class USearch:
    """usearch, bfloat16, connectivity 16."""

    settings = HNSWSQ8.settings

    def __init__(self, base):
        from usearch.index import Index

        self.index = Index(ndim=base.shape[1], metric="ip", dtype="bf16", connectivity=16, expansion_add=128)
        self.index.add(np.arange(len(base)), base, threads=THREADS)

    def set(self, ef):
        self.index.expansion_search = ef

    def search(self, queries, threads):
        keys = self.index.search(queries if len(queries) > 1 else queries[0], K, threads=threads).keys
        return np.asarray(keys, np.int64).reshape(len(queries), -1)

    def save(self, path):
        self.index.save(path)

    @staticmethod
    def open(path, dimension):
        from usearch.index import Index

        return Index.restore(path, view=True)  # mapped, as ours is


class Scann:
    """ScaNN: tree with SOAR, anisotropic 4-bit hashing, float32 re-ranking."""

    settings = [{"leaves": n, "reorder": r} for r in (50, 150) for n in (4, 8, 16, 24, 32, 48, 64, 96, 128)]

    def __init__(self, base):
        import scann

        leaves = int(2 * math.sqrt(len(base)))
        builder = scann.scann_ops_pybind.builder(base, K, "dot_product").set_n_training_threads(THREADS)
        builder = builder.tree(
            num_leaves=leaves, num_leaves_to_search=16, training_sample_size=min(len(base), 64 * leaves),
            soar_lambda=1.5, overretrieve_factor=2.0)
        self.index = builder.score_ah(2, anisotropic_quantization_threshold=0.2).reorder(100).build()

    def set(self, leaves, reorder):
        self.how = {"leaves_to_search": leaves, "pre_reorder_num_neighbors": reorder}

    def search(self, queries, threads):
        if len(queries) == 1:
            return self.index.search(queries[0], final_num_neighbors=K, **self.how)[0][None]
        search = self.index.search_batched_parallel if threads > 1 else self.index.search_batched
        return search(queries, final_num_neighbors=K, **self.how)[0]

    def save(self, path):
        os.mkdir(path)
        self.index.serialize(path)

    @staticmethod
    def open(path, dimension):
        import scann

        return scann.scann_ops_pybind.load_searcher(path)


PEERS = {"flat": Flat, "ivfpq": IVFPQ, "hnswsq8": HNSWSQ8, "hnswlib": HNSWLib, "usearch": USearch, "scann": Scann}


def rate(peer, queries, threads, seconds=0.8):
    """Queries a second, all in one call, the median of some; and the answers."""
    answers, times = peer.search(queries, threads), []
    start = time.perf_counter()
    while len(times) < 3 or time.perf_counter() - start < seconds:
        begun = time.perf_counter()
        answers = peer.search(queries, threads)
        times.append(time.perf_counter() - begun)
    return len(queries) / float(np.median(times)), answers


def latency(peer, queries):
    """Microseconds of one query alone on one thread, Python's call (some 10) included: median and 99th percentile."""
    times = []
    for index in range(len(queries)):
        begun = time.perf_counter()
        peer.search(queries[index:index + 1], 1)
        times.append((time.perf_counter() - begun) * 1e6)
    return np.percentile(times, [50, 99])


def footprint(peer, name, dimension):
    """Bytes of the saved index, and of a new process that opens it: milliseconds, and MiB beyond what its imports took."""
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "index")
        peer.save(path)
        files = [path] if os.path.isfile(path) else [entry.path for entry in os.scandir(path)]
        opened = subprocess.run([sys.executable, __file__, "--open", name, path, str(dimension)], check=True,
                                capture_output=True, text=True).stdout
        return {"bytes": sum(map(os.path.getsize, files)), **json.loads(opened.splitlines()[-1])}


def resident():
    """Bytes of this process in memory now; the peak would be that of the imports."""
    with open("/proc/self/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def open_saved(name, path, dimension):
    class_of = PEERS[name]
    try:
        class_of.open("/nonexistent", dimension)  # the imports
    except Exception:  # noqa: BLE001, S110
        pass
    before, begun = resident(), time.perf_counter()
    index = class_of.open(path, dimension)
    elapsed = time.perf_counter() - begun
    held = resident() - before
    print(json.dumps({"open_ms": round(elapsed * 1e3, 2), "rss_mib": round(held / 2**20, 1)}), flush=True)
    os._exit(0 if index is not None else 1)  # some libraries crash when they are taken down


def measure(name, folder, base, sets):
    begun = time.perf_counter()
    peer = PEERS[name](base)
    build = time.perf_counter() - begun
    for kind, queries, truth in sets:
        for setting in peer.settings:
            peer.set(**setting)
            one, found = rate(peer, queries, 1)
            recall = np.mean([len(set(f[:K].tolist()) & set(t[:K].tolist())) / K for f, t in zip(found, truth)])
            if recall < 0.85:
                continue
            p50, p99 = latency(peer, queries[:400])
            print(json.dumps({
                "set": os.path.basename(folder.rstrip("/")), "method": name, "queries": kind, "params": setting,
                "recall": round(float(recall), 4), "qps_1t": round(one, 1),
                "qps_2t": round(rate(peer, queries, 2, 0.4)[0], 1), "p50_us": round(p50, 1), "p99_us": round(p99, 1),
                "build_s": round(build, 2)}), flush=True)
    print(json.dumps({"set": os.path.basename(folder.rstrip("/")), "method": name,
                      **footprint(peer, name, base.shape[1])}), flush=True)


def main():
    if sys.argv[1] == "--open":
        return open_saved(sys.argv[2], sys.argv[3], int(sys.argv[4]))
    folder, names = sys.argv[1], sys.argv[2:] or list(PEERS)
    load = lambda name, dtype: np.ascontiguousarray(np.load(f"{folder}/{name}.npy"), dtype)
    sets = [
        (kind, load(f"queries{tail}", np.float32), load(f"gt{tail}", np.int32))
        for kind, tail in (("main", ""), ("text", "_text")) if os.path.exists(f"{folder}/queries{tail}.npy")]
    base = load("base", np.float32)
    for name in names:
        try:
            measure(name, folder, base, sets)
        except ImportError as error:
            print(f"{name}: left out, {error}", file=sys.stderr)


if __name__ == "__main__":
    main()
