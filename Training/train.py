#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Train the built-in model: a small bilingual CLIP for pictograms that composes picture + instruction as BGE-VL does.

usage: train.py PICTURES_DIR OUT_DIR [--steps N]

PICTURES_DIR comes from Scripts/extract_emoji.py; OUT_DIR receives a Hugging Face folder (F16 weights) and, every
250 steps, a checkpoint from which the same command resumes. Needs torch, transformers, tokenizers, pillow; about
0.9 s a step on two CPU cores.

Loss = image <-> caption InfoNCE + InfoNCE of normalize(image projection + text projection), both un-normalised
(MegaPairs, arXiv 2412.14475), against target pictures, other pictures and the source pictures as hard negatives.
"""
import argparse
import json
import math
import random
import time
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers, processors, trainers
from transformers import CLIPConfig, CLIPModel, CLIPTextConfig, CLIPVisionConfig

from emoji_data import captions, keyword_triplets, load_pictures, load_rows, phrase, structural_triplets

SIZE, CONTEXT, BATCH = 48, 24, 128
MEAN, STD = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)
BOS, EOS = "<|startoftext|>", "<|endoftext|>"
TOKENIZER = Path(__file__).parent / "tokenizer.json"


def train_tokenizer(rows):
    """BPE in CLIP's form. Training is not deterministic (ties), so it is saved once and loaded ever after."""
    tokenizer = Tokenizer(models.BPE(end_of_word_suffix="</w>", continuing_subword_prefix="", unk_token=EOS))
    tokenizer.normalizer = normalizers.Sequence(
        [normalizers.NFC(), normalizers.Replace(Regex(r"\s+"), " "), normalizers.Lowercase()])
    pattern = r"'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([
        pre_tokenizers.Split(Regex(pattern), "removed", invert=True),
        pre_tokenizers.ByteLevel(add_prefix_space=False)])
    texts = (t for r in rows for t in (r["name"], " ".join(r["keywords"]), r["name_zh"] or "", " ".join(r["keywords_zh"])))
    tokenizer.train_from_iterator(texts, trainers.BpeTrainer(
        vocab_size=4096, special_tokens=[BOS, EOS], end_of_word_suffix="</w>",
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet()))
    tokenizer = with_whole_alphabet(tokenizer)
    bos, eos = tokenizer.token_to_id(BOS), tokenizer.token_to_id(EOS)
    tokenizer.post_processor = processors.RobertaProcessing(
        (EOS, eos), (BOS, bos), trim_offsets=False, add_prefix_space=False)
    tokenizer.save(str(TOKENIZER))


def with_whole_alphabet(tokenizer):
    """Adds every byte symbol at the end of a word, as CLIP's vocabulary has it.

    The trainer keeps only those it has seen, and a character it has not seen would become the unknown token, which is
    the end of the text.
    """
    form = json.loads(tokenizer.to_str())
    vocabulary = form["model"]["vocab"]
    for symbol in sorted(pre_tokenizers.ByteLevel.alphabet()):
        vocabulary.setdefault(symbol + "</w>", len(vocabulary))
    return Tokenizer.from_str(json.dumps(form))


class Texts:
    """Text -> (ids, mask), each [n, CONTEXT]."""

    def __init__(self):
        self.tokenizer = Tokenizer.from_file(str(TOKENIZER))
        self.bos, self.eos = self.tokenizer.token_to_id(BOS), self.tokenizer.token_to_id(EOS)

    def __call__(self, texts):
        ids = torch.full((len(texts), CONTEXT), self.eos)
        mask = torch.zeros(len(texts), CONTEXT, dtype=torch.long)
        for i, text in enumerate(texts):
            row = [self.bos] + self.tokenizer.encode(text, add_special_tokens=False).ids[:CONTEXT - 2] + [self.eos]
            ids[i, :len(row)], mask[i, :len(row)] = torch.tensor(row), 1
        return {"input_ids": ids, "attention_mask": mask}


def make_model(texts):
    shared = dict(hidden_size=192, intermediate_size=768, num_attention_heads=3, hidden_act="gelu")
    text = CLIPTextConfig(vocab_size=texts.tokenizer.get_vocab_size(), num_hidden_layers=3,
                          max_position_embeddings=CONTEXT, bos_token_id=texts.bos, eos_token_id=texts.eos,
                          pad_token_id=texts.eos, **shared)
    vision = CLIPVisionConfig(num_hidden_layers=5, image_size=SIZE, patch_size=8, **shared)
    return CLIPModel(CLIPConfig(text_config=text.to_dict(), vision_config=vision.to_dict(), projection_dim=128))


def view(pictures, augment):
    """[n, 4, c, c] uint8 -> [n, 3, SIZE, SIZE] normalised; training varies background, place, scale, turn, colour."""
    x = pictures.float() / 255
    n, rgb, alpha = len(x), x[:, :3], x[:, 3:]
    ground = torch.ones(n, 3, 1, 1)
    if augment:
        ground = torch.where((torch.rand(n) < 0.5).view(-1, 1, 1, 1), ground, torch.rand(n, 3, 1, 1))
    x = rgb * alpha + ground * (1 - alpha)
    if augment:
        scale, angle = 1 + 0.25 * (torch.rand(n) - 0.3), 0.3 * (torch.rand(n) - 0.5)
        dx, dy = 0.15 * (torch.rand(n) - 0.5), 0.15 * (torch.rand(n) - 0.5)
        theta = torch.stack([torch.stack([scale * angle.cos(), -scale * angle.sin(), dx], 1),
                             torch.stack([scale * angle.sin(), scale * angle.cos(), dy], 1)], 1)
        grid = F.affine_grid(theta, (n, 3, SIZE, SIZE), align_corners=False)
        x = F.grid_sample(x - ground, grid, align_corners=False) + ground
        x = x * (1 + 0.2 * (torch.rand(n, 1, 1, 1) - 0.5)) + 0.1 * (torch.rand(n, 3, 1, 1) - 0.5)
    else:
        x = F.interpolate(x, (SIZE, SIZE), mode="bicubic", antialias=True)
    return (x.clamp(0, 1) - torch.tensor(MEAN).view(1, 3, 1, 1)) / torch.tensor(STD).view(1, 3, 1, 1)


def projected(output):
    return output if torch.is_tensor(output) else output.pooler_output


def unit(x):
    return F.normalize(x, dim=-1)


class Trainer:
    def __init__(self, folder, out, steps):
        self.out, self.steps = Path(out), steps
        self.out.mkdir(parents=True, exist_ok=True)
        self.rows = load_rows(folder)
        self.pictures = load_pictures(folder, self.rows)
        triplets = structural_triplets(self.rows) + keyword_triplets(self.rows)
        random.Random(0).shuffle(triplets)
        held_out = len(triplets) // 10
        self.test, self.train = triplets[:held_out], triplets[held_out:]
        if not TOKENIZER.exists():
            train_tokenizer(self.rows)
        self.texts = Texts()
        torch.manual_seed(0)
        self.model = make_model(self.texts)
        self.scale = torch.nn.Parameter(torch.tensor(math.log(15.0)))
        self.optimizer = torch.optim.AdamW(
            [{"params": self.model.parameters()}, {"params": [self.scale]}], lr=1e-3, weight_decay=0.05)
        print(len(self.rows), "pictures", len(triplets), "triplets", flush=True)

    def images(self, ids, augment=True):
        return projected(self.model.get_image_features(pixel_values=view(self.pictures[ids], augment)))

    def text(self, texts):
        return projected(self.model.get_text_features(**self.texts(texts)))

    def loss(self):
        batch = random.sample(self.train, BATCH // 2)
        others = random.sample(range(len(self.rows)), BATCH // 2)
        sources, targets, n = [t[0] for t in batch], [t[2] for t in batch], len(batch)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            pictures = self.images(sources + targets + others)
            instructions = self.text([phrase(t[1]) for t in batch])
            described = self.text([random.choice(captions(self.rows[i])) for i in targets + others])
        pictures, instructions, described = pictures.float(), instructions.float(), unit(described.float())
        source, gallery = pictures[:n], unit(pictures[n:])
        scale = self.scale.exp().clamp(max=80)
        ids = torch.tensor(targets + others)
        twins = (ids[:, None] == ids) & ~torch.eye(len(ids), dtype=torch.bool)
        logits = (described @ gallery.T * scale).masked_fill(twins, -1e4)
        y = torch.arange(len(ids))
        caption_loss = (F.cross_entropy(logits, y) + F.cross_entropy(logits.T, y)) / 2
        pool = torch.tensor(targets + others + sources)
        clash = pool[None] == torch.tensor(targets)[:, None]
        clash[torch.arange(n), torch.arange(n)] = False
        composed = unit(source + instructions) @ torch.cat([gallery, unit(source)]).T * scale
        return caption_loss + F.cross_entropy(composed.masked_fill(clash, -1e4), torch.arange(n))

    @torch.no_grad()
    def evaluate(self):
        def chunked(function, items):
            return torch.cat([function(items[i:i + 256]) for i in range(0, len(items), 256)])

        self.model.eval()
        random_state = random.getstate()
        random.seed(1)
        raw = chunked(lambda ids: self.images(ids, False), list(range(len(self.rows))))
        gallery, truth, figures = unit(raw), torch.arange(len(self.rows)), {}
        for field in ("name", "name_zh"):
            named = unit(chunked(self.text, [row[field] or row["name"] for row in self.rows]))
            figures[field] = round(((named @ gallery.T).argmax(1) == truth).float().mean().item(), 3)
        for split, triplets in (("held-out", self.test), ("trained", self.train[:1000])):
            source, target = (torch.tensor([t[k] for t in triplets]) for k in (0, 2))
            instruction = chunked(self.text, [t[1]["en"] for t in triplets])
            for kind, query in (("composed", raw[source] + instruction), ("image", raw[source]), ("text", instruction)):
                score = unit(query) @ gallery.T
                score[torch.arange(len(triplets)), source] = -9
                hit = score.topk(10, 1).indices == target[:, None]
                figures[f"{split} {kind} R@1, R@10"] = [
                    round(hit[:, :k].any(1).float().mean().item(), 3) for k in (1, 10)]
        random.setstate(random_state)
        self.model.train()
        return figures

    def run(self):
        checkpoint, first = self.out / "checkpoint.pt", 0
        if checkpoint.exists():
            state = torch.load(checkpoint, weights_only=True)
            self.model.load_state_dict(state["model"])
            self.optimizer.load_state_dict(state["optimizer"])
            self.scale.data, first = state["scale"], state["step"]
        start = time.time()
        for step in range(first, self.steps):
            random.seed(step)
            torch.manual_seed(step)
            for group in self.optimizer.param_groups:
                group["lr"] = 1e-3 * min(1, (step + 1) / 300) * 0.5 * (1 + math.cos(math.pi * step / self.steps))
            loss = self.loss()
            self.optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
            self.optimizer.step()
            if (step + 1) % 50 == 0:
                self.log(dict(step=step + 1, loss=round(loss.item(), 3), seconds=round(time.time() - start)))
            if (step + 1) % 250 == 0 or step + 1 == self.steps:
                torch.save(dict(model=self.model.state_dict(), optimizer=self.optimizer.state_dict(),
                                scale=self.scale.data, step=step + 1), checkpoint)
                self.save()
            if (step + 1) % 500 == 0 or step + 1 == self.steps:
                self.log(dict(step=step + 1, **self.evaluate()))

    def log(self, row):
        print(row, flush=True)
        with open(self.out / "log.jsonl", "a", encoding="utf-8") as log:
            log.write(json.dumps(row) + "\n")

    def save(self):
        """The folder that the engine loads: config.json, model.safetensors (F16), tokenizer.json, preprocessor_config.json."""
        self.model.config.save_pretrained(self.out)
        tensors = {k: v.to(torch.float16).contiguous() for k, v in self.model.state_dict().items() if v.is_floating_point()}
        save_file(tensors, str(self.out / "model.safetensors"), metadata={"format": "pt"})
        (self.out / "tokenizer.json").write_bytes(TOKENIZER.read_bytes())
        (self.out / "preprocessor_config.json").write_text(json.dumps({
            "do_resize": True, "size": {"shortest_edge": SIZE}, "resample": 3, "do_center_crop": True,
            "crop_size": {"height": SIZE, "width": SIZE}, "do_rescale": True, "rescale_factor": 1 / 255,
            "do_normalize": True, "image_mean": list(MEAN), "image_std": list(STD), "do_convert_rgb": True,
        }, indent=2) + "\n", encoding="utf-8")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("pictures")
    parser.add_argument("out")
    parser.add_argument("--steps", type=int, default=3000)
    arguments = parser.parse_args()
    torch.set_num_threads(2)
    Trainer(arguments.pictures, arguments.out, arguments.steps).run()


if __name__ == "__main__":
    main()
