# SPDX-License-Identifier: Apache-2.0
"""Tiny CLIP checkpoints with random weights, and the embeddings the reference implementation gives for them.

Made with transformers 5.23, torch 2.15 (CPU, float32), tokenizers 0.23, Pillow 13. Run in this folder.
Pictures are prepared by hand with Pillow, as BGE-VL's own code does it (RGB by `convert`, alpha dropped, orientation
ignored); the centre crop is transformers' own function. Weights are drawn large enough that every part matters.

legacy   F32   full old config: values that count are in *_config_dict, eos_token_id 2, quick_gelu, patch 14
minimal  F16   config with only what differs from the class defaults (patch 32, 224 px, 12 and 8 heads), vocab + merges
sharded  BF16  two shards, exact gelu, own eps, squashed pictures, side not a multiple of the patch, first-EOS pooling
"""
import json, os, random, shutil
import numpy as np, torch
from PIL import Image
from safetensors.torch import save_file, load_file
from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers, processors
from transformers import CLIPConfig, CLIPModel
from transformers.image_transforms import center_crop

BOS, EOS = "<|startoftext|>", "<|endoftext|>"
PATTERN = r"""<\|startoftext\|>|<\|endoftext\|>|'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"""
OPENAI_MEAN, OPENAI_STD = [0.48145466, 0.4578275, 0.40821073], [0.26862954, 0.26130258, 0.27577711]
CORPUS = ("a photo of a cat and a dog on the beach at night in the snow with the red house under the tree "
          "running playing sleeping standing person child bird water").split()


def byte_symbols():
    keep = list(range(33, 127)) + list(range(161, 173)) + list(range(174, 256))
    return [chr(b) for b in keep] + [chr(256 + i) for i in range(256 - len(keep))]


def make_vocabulary(specials_first):
    """256 byte symbols, the same with </w>, and the merges that build the corpus words left to right."""
    symbols = byte_symbols()
    tokens = ([BOS, EOS] if specials_first else []) + symbols + [s + "</w>" for s in symbols]
    merges = []
    for word in dict.fromkeys(CORPUS):
        parts = list(word[:-1]) + [word[-1] + "</w>"]
        for n in range(2, len(parts) + 1):
            pair = ("".join(parts[: n - 1]), parts[n - 1])
            if pair not in merges:
                merges.append(pair)
                if "".join(pair) not in tokens:
                    tokens.append("".join(pair))
    if not specials_first:
        tokens += [BOS, EOS]
    return {t: i for i, t in enumerate(tokens)}, merges


def make_tokenizer(vocab, merges):
    t = Tokenizer(models.BPE(vocab=vocab, merges=merges, unk_token=EOS, end_of_word_suffix="</w>",
                             continuing_subword_prefix=""))
    t.normalizer = normalizers.Sequence(
        [normalizers.NFC(), normalizers.Replace(Regex(r"\s+"), " "), normalizers.Lowercase()])
    t.pre_tokenizer = pre_tokenizers.Sequence([
        pre_tokenizers.Split(Regex(PATTERN), behavior="removed", invert=True),
        pre_tokenizers.ByteLevel(add_prefix_space=False)])
    t.add_special_tokens([BOS, EOS])
    t.post_processor = processors.RobertaProcessing(
        sep=(EOS, vocab[EOS]), cls_token=(BOS, vocab[BOS]), trim_offsets=False, add_prefix_space=False)
    return t


def tokens_of(tokenizer, text, limit):
    ids = tokenizer.encode(text).ids
    return ids if len(ids) <= limit else ids[: limit - 1] + [ids[-1]]


def randomise(model, seed):
    g = torch.Generator().manual_seed(seed)
    for name, p in model.named_parameters():
        noise = torch.randn(p.shape, generator=g)
        if "norm" in name or "layrnorm" in name:
            p.data = (1.0 if name.endswith("weight") else 0.0) + 0.2 * noise
        elif p.ndim >= 2 and "embedding" not in name:
            p.data = noise * (2.0 / p[0].numel() ** 0.5)
        elif "patch_embedding" in name:
            p.data = noise * (4.0 / p[0].numel() ** 0.5)
        elif name == "logit_scale":
            p.data = torch.tensor(4.6)
        else:
            p.data = 0.5 * noise


def prepare(path, p):
    """Pillow and numpy only: what the reference does to a picture before the first convolution."""
    image = Image.open(path).convert("RGB")
    size = p["size"]
    if isinstance(size, int):
        size = {"shortest_edge": size}
    if p.get("do_resize", True):
        if "shortest_edge" in size:
            w, h = image.size
            s = size["shortest_edge"]
            new = (s, int(s * h / w)) if w <= h else (int(s * w / h), s)
        else:
            new = (size["width"], size["height"])
        image = image.resize(new, resample=p["resample"])
    a = np.asarray(image)
    if p.get("do_center_crop", True):
        c = p["crop_size"]
        c = {"height": c, "width": c} if isinstance(c, int) else c
        a = center_crop(a, (c["height"], c["width"]), input_data_format="channels_last")
    a = a.astype(np.float32) * np.float32(p.get("rescale_factor", 1 / 255))
    a = (a - np.array(p["image_mean"], np.float32)) / np.array(p["image_std"], np.float32)
    return torch.from_numpy(a.transpose(2, 0, 1).copy())


def unit(x):
    return x / max(float(np.linalg.norm(x)), 1e-12)


def make_images():
    os.makedirs("images", exist_ok=True)
    rng = np.random.default_rng(7)
    for name, (w, h, mode) in {
        "wide": (97, 60, "RGB"), "tall": (33, 95, "RGB"), "tiny": (5, 3, "RGB"), "strip": (130, 19, "RGB"),
        "alpha": (50, 51, "RGBA"), "grey": (42, 44, "L"),
    }.items():
        coarse = rng.integers(0, 256, (7, 9, 4), dtype=np.uint8)
        picture = Image.fromarray(coarse, "RGBA").resize((w, h), Image.BICUBIC)
        picture = Image.fromarray(np.clip(np.asarray(picture, int) + rng.integers(-40, 41, (h, w, 4)), 0, 255).astype(np.uint8), "RGBA")
        picture = picture if mode == "RGBA" else picture.convert("RGB").convert(mode)
        picture.save(f"images/{name}.png", optimize=True)


def make_photo():
    """A larger JPEG, stored on its side: what the library's view of a picture is tested with."""
    rng = np.random.default_rng(9)
    coarse = Image.fromarray(rng.integers(0, 256, (10, 14, 3), dtype=np.uint8)).resize((640, 480), Image.BICUBIC)
    noisy = np.clip(np.asarray(coarse, int) + rng.integers(-12, 13, (480, 640, 3)), 0, 255).astype(np.uint8)
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(noisy).save("photo.jpg", quality=75, exif=exif)


def make_awkward():
    """A JPEG that at a quarter of its size fills its last row and column only in part, stored upside down."""
    rng = np.random.default_rng(10)
    coarse = Image.fromarray(rng.integers(0, 256, (7, 24, 3), dtype=np.uint8)).resize((1597, 393), Image.BICUBIC)
    exif = Image.Exif()
    exif[0x0112] = 3
    coarse.save("awkward.jpg", quality=60, exif=exif)


TEXTS = ["a photo of a cat", "a dog on the beach at night, in the snow", "", "  Hello   World!\n", "it's 2024, don't",
         "café ΟΔΟΣ 日本語", "😀 child", "red house under the tree " * 20, "a cat<|endoftext|>a dog"]
COMPOSED = [
    [["text", 0, 1.0], ["image", 0, 1.0]], [["text", 1, 0.5], ["image", 3, 2.0]],
    [["image", 1, 1.0], ["image", 4, 0.7], ["text", 6, 1.3]], [["image", 5, 1.0], ["text", 4, -0.5]],
    [["text", 0, 1.0], ["text", 1, 1.0]],
]


def goldens(folder, model, tokenizer, limit, preprocessor):
    images = sorted(os.listdir("images"))
    raw = {"text": [], "image": []}
    with torch.no_grad():
        for t in TEXTS:
            ids = tokens_of(tokenizer, t, limit)
            out = model.get_text_features(input_ids=torch.tensor([ids]), attention_mask=torch.ones(1, len(ids)))
            raw["text"].append(out.pooler_output[0].double().numpy())
        for f in images:
            out = model.get_image_features(pixel_values=prepare(f"images/{f}", preprocessor)[None])
            raw["image"].append(out.pooler_output[0].double().numpy())
    numbers = lambda v: [float(f"{x:.8g}") for x in v]
    return {
        "texts": [{"text": t, "tokens": tokens_of(tokenizer, t, limit), "projection": numbers(p)}
                  for t, p in zip(TEXTS, raw["text"])],
        "images": [{"file": f, "projection": numbers(p)} for f, p in zip(images, raw["image"])],
        "composed": [{"terms": c, "embedding": numbers(unit(sum(w * raw[k][i] for k, i, w in c)))} for c in COMPOSED],
    }


def dump(path, value, indent=1):
    with open(path, "w") as f:
        json.dump(value, f, indent=indent, ensure_ascii=False)
        f.write("\n")


def make(folder, seed, config, written_config, dtype, preprocessor, specials_first, limit, alternatives={}, shards=1,
         split_tokenizer=False, extra={}):
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder)
    vocab, merges = make_vocabulary(specials_first)
    config["text_config"]["vocab_size"] = len(vocab)
    if config["text_config"].get("eos_token_id") is None:
        config["text_config"]["eos_token_id"] = vocab[EOS]
    tokenizer = make_tokenizer(vocab, merges)
    if split_tokenizer:
        dump(f"{folder}/vocab.json", vocab, None)
        with open(f"{folder}/merges.txt", "w") as f:
            f.write("#version: 0.2\n" + "".join(f"{a} {b}\n" for a, b in merges))
    else:
        tokenizer.save(f"{folder}/tokenizer.json", pretty=False)
    dump(f"{folder}/config.json", written_config(config))
    dump(f"{folder}/preprocessor_config.json", preprocessor)

    torch.manual_seed(seed)
    reference = CLIPModel(CLIPConfig.from_dict(written_config(config))).float().eval()
    randomise(reference, seed)
    tensors = {k: v.to(dtype).contiguous() for k, v in reference.state_dict().items()}
    tensors.update(extra)
    names = sorted(tensors)
    if shards == 1:
        save_file(tensors, f"{folder}/model.safetensors", metadata={"format": "pt"})
    else:
        index = {"metadata": {"total_size": sum(t.nbytes for t in tensors.values())}, "weight_map": {}}
        for i in range(shards):
            file = f"model-{i + 1:05}-of-{shards:05}.safetensors"
            part = {n: tensors[n] for n in names[i::shards]}
            save_file(part, f"{folder}/{file}", metadata={"format": "pt"})
            index["weight_map"].update({n: file for n in part})
        dump(f"{folder}/model.safetensors.index.json", index)
    for file in os.listdir(folder):
        os.chmod(f"{folder}/{file}", 0o644)

    # The judge sees the stored weights, widened to float32.
    reference.load_state_dict({k: v.float() for k, v in tensors.items() if k in reference.state_dict()})
    golden = goldens(folder, reference, tokenizer, limit, preprocessor)
    for name, change in alternatives.items():
        changed = {**preprocessor, **change}
        dump(f"{folder}/preprocessor_{name}.json", changed)
        golden[name] = goldens(folder, reference, tokenizer, limit, changed)["images"]
    dump(f"{folder}/golden.json", golden, None)


def legacy_form(c):
    """The plain sub-configs lie; the *_config_dict ones hold the truth, and class defaults where they are silent."""
    return {
        "architectures": ["CLIPModel"], "model_type": "clip", "projection_dim": c["projection_dim"],
        "logit_scale_init_value": 2.6592, "initializer_factor": 1.0, "torch_dtype": "float32",
        "text_config": {**c["text_config"], "num_attention_heads": 2, "hidden_act": "gelu", "layer_norm_eps": 0.01, "model_type": "clip_text_model",
                        "projection_dim": 512, "top_k": 50, "bad_words_ids": None},
        "vision_config": {**c["vision_config"], "num_attention_heads": 12, "model_type": "clip_vision_model"},
        "text_config_dict": c["text_config"], "vision_config_dict": c["vision_config"],
    }


def main():
    make_images()
    make_photo()
    make_awkward()
    make("legacy", 1, {
        "projection_dim": 24,
        "text_config": {"hidden_size": 40, "intermediate_size": 72, "num_hidden_layers": 3, "num_attention_heads": 4,
                        "max_position_embeddings": 20, "hidden_act": "quick_gelu", "eos_token_id": 2},
        "vision_config": {"hidden_size": 48, "intermediate_size": 100, "num_hidden_layers": 2, "num_attention_heads": 3,
                          "image_size": 42, "patch_size": 14, "hidden_act": "quick_gelu", "layer_norm_eps": 1e-5},
    }, legacy_form, torch.float32,
         {"crop_size": 42, "do_center_crop": True, "do_normalize": True, "do_resize": True,
          "feature_extractor_type": "CLIPFeatureExtractor", "image_mean": OPENAI_MEAN, "image_std": OPENAI_STD,
          "resample": 3, "size": 42},
         specials_first=False, limit=20,
         alternatives={"padding": {"size": 31}, "oddcrop": {"size": 47}},
         extra={"text_model.embeddings.position_ids": torch.arange(20)[None],
                "vision_model.embeddings.position_ids": torch.arange(10)[None]})

    make("minimal", 2, {
        "projection_dim": 32,
        "text_config": {"hidden_size": 24, "intermediate_size": 40, "num_hidden_layers": 2},
        "vision_config": {"hidden_size": 24, "intermediate_size": 52, "num_hidden_layers": 3},
    }, lambda c: {"model_type": "clip", "projection_dim": 32, "text_config": c["text_config"],
                  "vision_config": c["vision_config"]}, torch.float16,
         {"do_resize": True, "size": {"shortest_edge": 224}, "resample": 2, "do_center_crop": True,
          "crop_size": {"height": 224, "width": 224}, "do_rescale": True, "rescale_factor": 0.00392156862745098,
          "do_normalize": True, "image_mean": [0.5, 0.5, 0.5], "image_std": [0.5, 0.5, 0.5], "do_convert_rgb": True},
         specials_first=False, limit=77, split_tokenizer=True)

    make("sharded", 3, {
        "projection_dim": 20,
        "text_config": {"hidden_size": 36, "intermediate_size": 60, "num_hidden_layers": 1, "num_attention_heads": 3,
                        "max_position_embeddings": 16, "hidden_act": "gelu", "layer_norm_eps": 1e-3, "bos_token_id": 0},
        "vision_config": {"hidden_size": 30, "intermediate_size": 44, "num_hidden_layers": 1, "num_attention_heads": 2,
                          "image_size": 50, "patch_size": 16, "hidden_act": "gelu", "layer_norm_eps": 1e-6},
    }, lambda c: {"model_type": "clip", **c}, torch.bfloat16,
         {"do_resize": True, "size": {"height": 50, "width": 50}, "resample": 1, "do_center_crop": False,
          "do_rescale": True, "do_normalize": True, "image_mean": OPENAI_MEAN, "image_std": OPENAI_STD,
          "do_convert_rgb": True},
         specials_first=True, limit=16, shards=2)


if __name__ == "__main__":
    main()
