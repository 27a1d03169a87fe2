#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""PyTorch CPU f32 on a random-weight ViT-B/16 image tower.

    embed_torch.py BATCH THREADS                  images per second
    embed_torch.py serve THREADS wall|processor   for `duet-bench embed --peer PYTHON`: its name, then for each line of
                                                  input, a batch size, one run and a line with its seconds

Needs torch and transformers from PyPI; never run by the tests.
"""
import statistics
import sys
import time

import torch
from transformers import CLIPVisionConfig, CLIPVisionModelWithProjection

torch.set_num_threads(int(sys.argv[2]))
name = f"torch {torch.__version__} f32"
clock = time.process_time if sys.argv[3:] == ["processor"] else time.perf_counter
model = CLIPVisionModelWithProjection(CLIPVisionConfig(patch_size=16)).eval()


@torch.inference_mode()
def seconds(pixels):
    start = clock()
    model(pixel_values=pixels)
    return clock() - start


if sys.argv[1] == "serve":
    print(name, flush=True)
    inputs = {}
    for line in sys.stdin:
        batch = int(line)
        if batch not in inputs:
            inputs[batch] = torch.randn(batch, 3, 224, 224)
        print(seconds(inputs[batch]), flush=True)
else:
    batch = int(sys.argv[1])
    pixels = torch.randn(batch, 3, 224, 224)
    times = [seconds(pixels) for _ in range(6)][1:]
    print(f"{name} batch {batch} threads {sys.argv[2]}: {batch / statistics.median(times):.2f} images/s")
