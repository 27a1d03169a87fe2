# SPDX-License-Identifier: Apache-2.0
"""Compares `duet embed` with transformers on checkpoints of full size with random weights; see Scripts/parity.sh.

    parity_full.py DUET FOLDER [base] [large]

The architectures are BGE-VL-base's (ViT-B/16) and -large's (ViT-L/14), stored in half precision as those are; the
vocabulary is a made-up one of 49,408 entries with the special tokens at its end. Made with the versions that
make_models.py names. Exit status 1 when a cosine is not above 0.99999 or a number is off by 1e-4.
"""
import json, os, subprocess, sys, time
import numpy as np, torch
from PIL import Image
from safetensors.torch import save_file
from transformers import CLIPConfig, CLIPModel
import make_models as small

SIZES = {
    "base": (dict(hidden_size=512, intermediate_size=2048, num_hidden_layers=12, num_attention_heads=8),
             dict(hidden_size=768, intermediate_size=3072, num_hidden_layers=12, num_attention_heads=12, patch_size=16), 512),
    "large": (dict(hidden_size=768, intermediate_size=3072, num_hidden_layers=12, num_attention_heads=12),
              dict(hidden_size=1024, intermediate_size=4096, num_hidden_layers=24, num_attention_heads=16, patch_size=14), 768),
}
TEXTS = ["a photo of a cat", "a dog on the beach at night, in the snow", "", "café 日本語 😀", "red house under the tree " * 40]
PICTURES = {"photo.png": (640, 480), "tall.png": (333, 500), "small.png": (61, 47)}


def make_vocabulary():
    vocab, merges = small.make_vocabulary(specials_first=False)
    tokens = [t for t in vocab if t not in (small.BOS, small.EOS)]
    tokens += [f"<unused{i}>" for i in range(49408 - 2 - len(tokens))] + [small.BOS, small.EOS]
    return {t: i for i, t in enumerate(tokens)}, merges


def make_checkpoint(folder, size, seed):
    text, vision, dimension = SIZES[size]
    written = {"model_type": "clip", "projection_dim": dimension, "text_config": {**text, "eos_token_id": 2},
               "vision_config": vision}
    os.makedirs(folder)
    vocab, merges = make_vocabulary()
    tokenizer = small.make_tokenizer(vocab, merges)
    tokenizer.save(f"{folder}/tokenizer.json", pretty=False)
    preprocessor = {"crop_size": 224, "do_center_crop": True, "do_normalize": True, "do_resize": True, "resample": 3,
                    "size": 224, "image_mean": small.OPENAI_MEAN, "image_std": small.OPENAI_STD}
    small.dump(f"{folder}/config.json", written)
    small.dump(f"{folder}/preprocessor_config.json", preprocessor)
    torch.manual_seed(seed)
    model = CLIPModel(CLIPConfig.from_dict(written)).float().eval()
    small.randomise(model, seed)
    tensors = {k: v.half().contiguous() for k, v in model.state_dict().items()}
    save_file(tensors, f"{folder}/model.safetensors")
    model.load_state_dict({k: v.float() for k, v in tensors.items()})
    return model, tokenizer, preprocessor


def make_pictures(folder):
    rng = np.random.default_rng(3)
    for name, (w, h) in PICTURES.items():
        coarse = Image.fromarray(rng.integers(0, 256, (9, 11, 3), dtype=np.uint8)).resize((w, h), Image.BICUBIC)
        noisy = np.clip(np.asarray(coarse, int) + rng.integers(-30, 31, (h, w, 3)), 0, 255).astype(np.uint8)
        Image.fromarray(noisy).save(f"{folder}/{name}")


def duet_embed(duet, model, folder, compose=False):
    command = [duet, "embed", "--model", model, "--json"] + (["--compose"] if compose else [])
    texts, pictures = (TEXTS[:1], list(PICTURES)[:1]) if compose else (TEXTS, list(PICTURES))
    for t in texts:
        command += ["--text", t]
    for p in pictures:
        command += ["--image", f"{folder}/{p}"]
    start = time.time()
    lines = subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()
    rows = [json.loads(line) for line in lines if line.strip()]
    return [r for r in rows if "embedding" in r], time.time() - start


def check(name, got, expected):
    got, expected = np.array(got, np.float64), small.unit(expected)
    cosine = float(small.unit(got) @ expected)
    difference = float(np.abs(got - expected).max())
    good = cosine > 0.99999 and difference < 1e-4
    print(f"  {'ok  ' if good else 'FAIL'} {name:40.40} cosine {cosine:.8f}  largest difference {difference:.1e}")
    return good


def compare(duet, folder, size):
    model_folder = f"{folder}/{size}"
    model, tokenizer, preprocessor = make_checkpoint(model_folder, size, seed=len(size))
    with torch.no_grad():
        texts = [model.get_text_features(input_ids=torch.tensor([small.tokens_of(tokenizer, t, 77)]))
                 .pooler_output[0].double().numpy() for t in TEXTS]
        pictures = [model.get_image_features(pixel_values=small.prepare(f"{folder}/{p}", preprocessor)[None])
                    .pooler_output[0].double().numpy() for p in PICTURES]
    rows, seconds = duet_embed(duet, model_folder, folder)
    assert len(rows) == len(texts) + len(pictures), f"duet printed {len(rows)} embeddings"
    print(f"{size}: {len(rows)} inputs in {seconds:.2f} s")
    good = True
    by_kind = {"text": [r for r in rows if r["kind"] == "text"], "image": [r for r in rows if r["kind"] == "image"]}
    for kind, expected, names in (("text", texts, TEXTS), ("image", pictures, list(PICTURES))):
        for row, value, name in zip(by_kind[kind], expected, names, strict=True):
            good &= check(f"{kind} {name!r}", row["embedding"], value)
    rows, _ = duet_embed(duet, model_folder, folder, compose=True)
    assert len(rows) == 1, f"--compose printed {len(rows)} embeddings"
    return good & check("text + image", rows[0]["embedding"], texts[0] + pictures[0])


if __name__ == "__main__":
    duet, folder, *sizes = sys.argv[1:]
    make_pictures(folder)
    results = [compare(duet, folder, size) for size in sizes or SIZES]
    sys.exit(0 if all(results) else 1)
