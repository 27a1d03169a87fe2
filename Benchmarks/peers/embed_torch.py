#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Images per second of PyTorch CPU f32 on a random-weight ViT-B/16 image tower: embed_torch.py BATCH THREADS.

Needs torch and transformers from PyPI; never run by the tests.
"""
import statistics
import sys
import time

import torch
from transformers import CLIPVisionConfig, CLIPVisionModelWithProjection

batch, threads = int(sys.argv[1]), int(sys.argv[2])
torch.set_num_threads(threads)
model = CLIPVisionModelWithProjection(CLIPVisionConfig(patch_size=16)).eval()
pixels = torch.randn(batch, 3, 224, 224)
times = []
with torch.inference_mode():
    model(pixel_values=pixels)
    for _ in range(5):
        start = time.perf_counter()
        model(pixel_values=pixels)
        times.append(time.perf_counter() - start)
print(f"torch {torch.__version__} f32 batch {batch} threads {threads}: {batch / statistics.median(times):.2f} images/s")
