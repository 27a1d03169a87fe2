#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Time and peak memory of `duet index` on photo-sized JPEGs.

    index_photos.py DUET [--count 1000] [--megapixels 12] [--model builtin] [--precision auto] [--folder FOLDER]
                    [--progressive]

Draws 20 pictures of 4:3 with the detail of photographs and writes each COUNT / 20 times, with another comment each time,
so that no two files are equal (1.7 MB a file of 12 megapixels). Needs Pillow and numpy from PyPI; never run by the tests.
The folder goes away at the end, unless it was given: then the next run finds the pictures there.
"""
import argparse
import io
import multiprocessing
import os
import shutil
import subprocess
import tempfile
import time

DISTINCT = 20


def size(megapixels):
    """Width and height, 4:3."""
    height = round((megapixels * 1e6 * 3 / 4) ** 0.5)
    return height * 4 // 3, height


def picture(seed, size, progressive):
    """Clouds at many scales: as hard to compress as a photograph."""
    import numpy as np
    from PIL import Image

    rng = np.random.default_rng(seed)
    pixels = np.full((size[1], size[0], 3), 128.0, np.float32)
    # The finest ones by pixels, the others by the picture.
    for grid, contrast in [(4, 60), (16, 40), (64, 25), (250, 14), (size[0] // 4, 8), (size[0] * 3 // 4, 4)]:
        small = rng.integers(0, 256, (grid * 3 // 4, grid, 3), dtype=np.uint8)
        pixels += (np.asarray(Image.fromarray(small).resize(size, Image.BICUBIC), np.float32) - 128) * (contrast / 128)
    data = io.BytesIO()
    image = Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))
    image.save(data, "JPEG", quality=88, progressive=progressive)
    return data.getvalue()


def commented(jpeg, comment):
    """The same picture in a file of its own: a COM segment after SOI."""
    return jpeg[:2] + b"\xff\xfe" + (len(comment) + 2).to_bytes(2, "big") + comment + jpeg[2:]


def draw(folder, count, size, progressive):
    os.makedirs(folder, exist_ok=True)
    for seed in range(DISTINCT):
        wanted = [f"{folder}/{n:05}.jpg" for n in range(seed, count, DISTINCT)]
        if not all(map(os.path.exists, wanted)):
            jpeg = picture(seed, size, progressive)
            for name in wanted:
                with open(name, "wb") as file:
                    file.write(commented(jpeg, os.path.basename(name).encode()))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("duet")
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--megapixels", type=float, default=12)
    parser.add_argument("--model", default="builtin")
    parser.add_argument("--precision", default="auto")
    parser.add_argument("--folder")
    parser.add_argument("--progressive", action="store_true")
    options = parser.parse_args()
    root = options.folder or tempfile.mkdtemp(prefix="duet-photos-")
    width, height = size(options.megapixels)
    # Pictures of other sizes in a folder that was given are not these.
    folder = f"{root}/{width}x{height}{'-progressive' if options.progressive else ''}-{options.count}"
    library = tempfile.mkdtemp(prefix="duet-library-")
    try:
        # In a process of its own: what this one has ever held would count as the peak of the one it starts.
        artist = multiprocessing.get_context("fork").Process(
            target=draw, args=(folder, options.count, (width, height), options.progressive))
        artist.start()
        artist.join()
        if artist.exitcode != 0:
            raise SystemExit("the pictures could not be drawn")
        megabytes = sum(entry.stat().st_size for entry in os.scandir(folder)) / 1e6
        command = [options.duet, "index", folder, "--index", f"{library}/library", "--model", options.model,
                   "--precision", options.precision]
        print(f"load before: {os.getloadavg()[0]:.2f}; {options.count} pictures of {width}x{height}, {megabytes:.0f} MB")
        start = time.perf_counter()
        process = subprocess.Popen(command)
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - start
        print(
            f"{options.model}, {options.precision}: exit {os.waitstatus_to_exitcode(status)}, {seconds:.1f} s, "
            f"{options.count / seconds:.1f} pictures/s, processor {usage.ru_utime + usage.ru_stime:.1f} s, "
            f"peak memory {usage.ru_maxrss / 1024:.0f} MiB")
    finally:
        shutil.rmtree(library)
        if not options.folder:
            shutil.rmtree(root)


if __name__ == "__main__":
    main()
