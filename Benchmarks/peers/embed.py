#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""PyTorch and ONNX Runtime on CLIP towers of random weights, for `duet-bench embed --peer PYTHON`.

    embed.py b32|b16|l14 THREADS wall|processor

Its first line names the kinds, separated by ";". Each line of input, "KIND;images;BATCH" or "KIND;text;TOKENS", is one run,
answered by a line with its seconds. Needs torch, transformers, onnx and onnxruntime from PyPI; never run by the tests.
"""
import io
import logging
import os
import sys
import tempfile
import time
import warnings

import onnxruntime
import torch
from onnxruntime.quantization import QuantType, quantize_dynamic
from transformers import (CLIPTextConfig, CLIPTextModelWithProjection, CLIPVisionConfig,
                          CLIPVisionModelWithProjection)

warnings.filterwarnings("ignore")
logging.disable(logging.WARNING)
architecture, threads = sys.argv[1], int(sys.argv[2])
clock = time.process_time if sys.argv[3] == "processor" else time.perf_counter
torch.set_num_threads(threads)
torch.manual_seed(0)

if architecture == "l14":
    vision = CLIPVisionConfig(patch_size=14, hidden_size=1024, intermediate_size=4096, num_hidden_layers=24,
                              num_attention_heads=16, projection_dim=768)
    text = CLIPTextConfig(hidden_size=768, intermediate_size=3072, num_attention_heads=12, projection_dim=768)
else:
    vision = CLIPVisionConfig(patch_size=32 if architecture == "b32" else 16)
    text = CLIPTextConfig()
models = {"images": CLIPVisionModelWithProjection(vision).eval(), "text": CLIPTextModelWithProjection(text).eval()}
keys = {"images": "pixel_values", "text": "input_ids"}


class Tower(torch.nn.Module):
    def __init__(self, kind):
        super().__init__()
        self.model, self.key = models[kind], keys[kind]

    def forward(self, x):
        return self.model(**{self.key: x})[0]


def example(kind, count):
    if kind == "images":
        return torch.randn(count, 3, 224, 224)
    ids = torch.randint(1000, 40000, (1, count))
    ids[0, -1] = 49407
    return ids


def with_torch(dtype):
    towers = {kind: CLIPVisionModelWithProjection(vision).eval().to(dtype) if kind == "images"
              else CLIPTextModelWithProjection(text).eval().to(dtype) for kind in models}

    def run(kind, x):
        with torch.inference_mode():
            start = clock()
            towers[kind](**{keys[kind]: x.to(dtype) if kind == "images" else x})
            return clock() - start

    return run


def with_onnx(folder, quantized):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3
    sessions = {}
    for kind in models:
        path = os.path.join(folder, f"{kind}.onnx")
        if not os.path.exists(path):
            torch.onnx.export(Tower(kind), (example(kind, 2 if kind == "images" else 12),), path, dynamo=False,
                              input_names=["x"], dynamic_axes={"x": {0 if kind == "images" else 1: "n"}},
                              opset_version=17)
        if quantized:
            small = os.path.join(folder, f"{kind}-int8.onnx")
            quantize_dynamic(path, small, weight_type=QuantType.QInt8)
            path = small
        sessions[kind] = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])

    def run(kind, x):
        array = x.numpy()
        start = clock()
        sessions[kind].run(None, {"x": array})
        return clock() - start

    return run


# What the libraries print on the way must not reach the one who asks.
answers, sys.stdout = sys.stdout, io.StringIO()
with tempfile.TemporaryDirectory() as folder:
    torch_name, onnx_name = f"torch {torch.__version__}", f"onnxruntime {onnxruntime.__version__}"
    runs = {
        f"{torch_name} f32": with_torch(torch.float32),
        f"{torch_name} bf16": with_torch(torch.bfloat16),
        f"{onnx_name} f32": with_onnx(folder, False),
        f"{onnx_name} int8": with_onnx(folder, True),
    }
print(";".join(runs), file=answers, flush=True)
inputs = {}
for line in sys.stdin:
    name, kind, count = line.strip().split(";")
    if (kind, count) not in inputs:
        inputs[kind, count] = example(kind, int(count))
    print(runs[name](kind, inputs[kind, count]), file=answers, flush=True)
