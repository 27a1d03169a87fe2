#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Train the built-in model: a small bilingual CLIP for pictograms that composes picture + instruction as BGE-VL does.

usage: train.py DATA_DIR OUT_DIR [--threads N] [--seed N] [--without-composition]

DATA_DIR holds what pictures.py, texts.py, teacher.py and triplets.py wrote. OUT_DIR receives a Hugging Face folder (F16
weights), log.jsonl, and every 500 steps a checkpoint from which the same command resumes.

First the text tower is distilled: it learns to place texts, English and Chinese, where the teacher places their meaning,
and to rank the pictures' meanings by them as the teacher does.
Then both towers are trained together. The loss is the sum of
- image <-> caption InfoNCE;
- InfoNCE of normalize(image projection + text projection), un-normalised as in BGE-VL (MegaPairs, arXiv 2412.14475),
  against the target pictures, with the source pictures among the negatives;
- cross entropy of pictures, captions and composed queries against the teacher's places for all pictures' meanings;
- distillation, so that the text tower does not forget.
The negatives are the batch's other pictures and captions. Half of those that are drawn beside the triplets' own are what
the model last took for one of the batch (hard negatives as in ANCE, arXiv 2007.00808).
"""
import argparse
import copy
import json
import math
import random
import time
from pathlib import Path

import torch
import torch.nn.functional as F
from tokenizers.decoders import ByteLevel

from corpus import Corpus, caption
from evaluate import evaluate
from model import WIDTH, Texts, embed_ids, embed_images, make_model, save_folder, start_as_weighted_mean, unit
from triplets import phrase

DISTILL_STEPS, DISTILL_BATCH, DISTILL_RATE = 6000, 256, 2e-3
JOINT_STEPS, JOINT_RATE, WARM_UP = 6000, 1e-3, 200
TRIPLETS, OTHERS, REPLAYED = 40, 64, 192  # in a batch of the second stage
NEIGHBOURS, REMINE_EVERY = 12, 250  # pictures that are taken for one another; how often they are looked up
DISTILL_WEIGHT, RANK_WEIGHT, ANCHOR_WEIGHT, PULL_WEIGHT = 2.0, 0.2, 1.0, 1.0
RANK_SCALE = 20.0  # of the logits by which pictures are ranked; the teacher's cosines differ by less than 1
AVERAGED = 0.998  # decay of the averaged weights, which are what is kept
CHECKPOINT_EVERY, LOG_EVERY, EVALUATE_EVERY = 500, 100, 1000


class Trainer:
    def __init__(self, corpus, out, seed=0, with_composition=True):
        self.corpus, self.out, self.seed, self.with_composition = corpus, Path(out), seed, with_composition
        self.out.mkdir(parents=True, exist_ok=True)
        self.texts = Texts()
        self.ids = self.texts.encode([t["text"] for t in corpus.texts])
        self.targets = torch.tensor([corpus.meaning_index[t["meaning"]] for t in corpus.texts])
        rows = {corpus.rows[i]["name"]: i for i in corpus.trained}
        self.named_anchors = corpus.anchors[list(rows.values())]  # one for each name
        self.chinese = [i for i, t in enumerate(corpus.texts) if t["text"] != t["meaning"]]
        torch.manual_seed(seed)
        self.model = make_model(self.texts)
        self.start_from_meanings()
        self.averaged = copy.deepcopy(self.model)
        self.scale = torch.nn.Parameter(torch.tensor(math.log(20.0)))
        named = list(self.model.named_parameters())
        words = [p for name, p in named if "token_embedding" in name]
        text = [p for name, p in named if name.startswith("text") and "token_embedding" not in name]
        others = [p for name, p in named if not name.startswith("text")]
        self.optimizer = torch.optim.AdamW([
            {"params": words, "factor": 0.2, "weight_decay": 0.0}, {"params": text, "factor": 0.5},
            {"params": others, "factor": 1.0}, {"params": [self.scale], "factor": 1.0, "weight_decay": 0.0}],
            weight_decay=0.05)
        self.neighbours = None  # {training picture: the NEIGHBOURS nearest ones of another name}

    def start_from_meanings(self):
        """A token that is a word, of either language, starts out as what the teacher takes it for."""
        corpus, vocabulary = self.corpus, self.texts.tokenizer.get_vocab_size()
        meaning_of = {t["text"]: corpus.meaning_index[t["meaning"]] for t in corpus.texts if len(t["text"]) < 24}
        vectors, frequencies = torch.zeros(vocabulary, WIDTH - 1), torch.zeros(vocabulary)
        for row in range(vocabulary):
            token = self.texts.tokenizer.id_to_token(row)
            word = ByteLevel().decode([token.removesuffix("</w>")])
            # A Chinese character means something inside a word too; of English ones, long beginnings of words do.
            if word in meaning_of and (token.endswith("</w>") or not word.isascii() or len(word) >= 4):
                vectors[row] = corpus.meanings[meaning_of[word], 1:]
        for ids in self.ids:
            frequencies[list(set(ids))] += 1 / len(self.ids)
        frequencies[[self.texts.bos, self.texts.eos]] = 1
        start_as_weighted_mean(self.model, vectors, frequencies)

    # The first stage

    def distillation(self, picked):
        """1 - cosine between texts and the teacher's meanings, and the divergence of how the two rank the pictures."""
        with torch.autocast("cpu", dtype=torch.bfloat16):
            placed = embed_ids(self.model, self.texts.padded([self.ids[i] for i in picked]))
        placed, meant = unit(placed.float()), self.corpus.meanings[self.targets[picked]]
        ranked, wanted = (x @ self.named_anchors.T * RANK_SCALE for x in (placed, meant))
        divergence = F.kl_div(ranked.log_softmax(-1), wanted.softmax(-1), reduction="batchmean")
        return 1 - (placed * meant).sum(-1).mean() + RANK_WEIGHT * divergence

    def draw_texts(self, count):
        """Texts at random, a quarter of them Chinese."""
        return random.choices(range(len(self.ids)), k=count - count // 4) + random.choices(self.chinese, k=count // 4)

    def distill_loss(self):
        picked = sorted(self.draw_texts(2 * DISTILL_BATCH), key=lambda i: len(self.ids[i]))
        halves = picked[:DISTILL_BATCH], picked[DISTILL_BATCH:]  # short ones, long ones: less padding
        return sum(self.distillation(half) for half in halves) / 2

    # The second stage

    @torch.no_grad()
    def mine(self):
        """Looks up what the averaged model takes for what: each training picture's nearest ones of another name."""
        rows, names = torch.tensor(self.corpus.trained), self.corpus.name_ids
        placed = torch.cat([unit(embed_images(self.averaged, self.corpus.pictures[ids])) for ids in rows.split(256)])
        nearest = []
        for queries, ids in zip(placed.split(512), rows.split(512)):
            same = names[ids][:, None] == names[rows]
            nearest.append((queries @ placed.T).masked_fill(same, -9).topk(NEIGHBOURS, 1).indices)
        self.neighbours = dict(zip(self.corpus.trained, rows[torch.cat(nearest)].tolist()))

    def joint_loss(self):
        corpus = self.corpus
        batch = random.sample(corpus.triplets["train"], TRIPLETS)
        sources, targets = ([t[key] for t in batch] for key in ("source", "target"))
        drawn = corpus.draw(OTHERS // 4)
        confused = [random.choice(self.neighbours[row]) for row in targets + drawn][:OTHERS // 2]
        others = drawn + confused + corpus.draw(OTHERS - len(drawn) - len(confused))
        shown = sorted(set(targets + others + (sources if self.with_composition else [])))
        place = {row: k for k, row in enumerate(shown)}
        described = sorted(set(targets + others))
        with torch.autocast("cpu", dtype=torch.bfloat16):
            pictures = embed_images(self.model, corpus.pictures[shown], augment=True).float()
            captions = unit(embed_ids(self.model, self.texts([caption(corpus.rows[i]) for i in described])).float())
        gallery = unit(pictures)
        of_described = gallery[[place[i] for i in described]]
        loss = (self.contrast(captions, of_described, described, described)
                + self.contrast(of_described, captions, described, described)) / 2
        if self.with_composition:
            with torch.autocast("cpu", dtype=torch.bfloat16):
                instructions = embed_ids(self.model, self.texts([phrase(t["change"]) for t in batch])).float()
            composed = unit(pictures[[place[i] for i in sources]] + instructions)
            loss = loss + self.contrast(composed, gallery, targets, shown) + ANCHOR_WEIGHT / 2 * self.anchoring(composed, targets)
        anchored = self.anchoring(gallery, shown) + self.anchoring(captions, described) / 2
        return loss + ANCHOR_WEIGHT * anchored + DISTILL_WEIGHT * self.distillation(self.draw_texts(REPLAYED))

    def anchoring(self, placed, rows):
        """Cross entropy of each row's anchor among those of all training pictures, and 1 - cosine to it.

        Anchors stay where the teacher put them. So pictures come to lie where texts that nobody captioned them with are
        placed, too, and each is told from thousands of others at the price of one product.
        """
        anchors, trained = self.corpus.anchors, self.corpus.trained
        away = 1 - (placed * anchors[rows]).sum(-1).mean()
        return self.contrast(placed, anchors[trained], rows, trained) + PULL_WEIGHT * away

    def contrast(self, queries, candidates, truth, rows):
        """Cross entropy of each query's row among the candidates' rows; renderings of the same name are no negatives."""
        names, truth, rows = self.corpus.name_ids, torch.tensor(truth), torch.tensor(rows)
        right = truth[:, None] == rows
        ignored = (names[truth][:, None] == names[rows]) & ~right
        logits = (queries @ candidates.T * self.scale.exp().clamp(max=60)).masked_fill(ignored, -1e4)
        return F.cross_entropy(logits, right.int().argmax(1))

    # Both

    def run(self):
        first, start = self.resume(), time.time()
        for step in range(first, DISTILL_STEPS + JOINT_STEPS):
            random.seed(self.seed * 1_000_003 + step)
            torch.manual_seed(self.seed * 1_000_003 + step)
            joint = step >= DISTILL_STEPS
            if joint and (self.neighbours is None or step % REMINE_EVERY == 0):
                self.mine()
            self.set_rate(step)
            loss = self.joint_loss() if joint else self.distill_loss()
            self.optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
            self.optimizer.step()
            self.average(min(AVERAGED, (step - DISTILL_STEPS) / (step - DISTILL_STEPS + 10)) if joint else 0)
            done, last = step + 1, step + 1 == DISTILL_STEPS + JOINT_STEPS
            if done % LOG_EVERY == 0:
                self.log(step=done, loss=round(loss.item(), 4), seconds=round(time.time() - start))
            if done % CHECKPOINT_EVERY == 0 or last:
                self.save(done, "checkpoint.pt")
            if done == DISTILL_STEPS:
                self.save(done, "distilled.pt")
            if joint and done % EVALUATE_EVERY == 0 or last or done == DISTILL_STEPS:
                self.log(step=done, **evaluate(self.averaged, self.texts, self.corpus))

    def set_rate(self, step):
        joint = step >= DISTILL_STEPS
        step, steps = (step - DISTILL_STEPS, JOINT_STEPS) if joint else (step, DISTILL_STEPS)
        warm, cosine = min(1, (step + 1) / WARM_UP), 0.5 * (1 + math.cos(math.pi * step / steps))
        for group in self.optimizer.param_groups:
            group["lr"] = group["factor"] * (JOINT_RATE if joint else DISTILL_RATE) * warm * max(cosine, 0.01)

    @torch.no_grad()
    def average(self, decay):
        for mean, parameter in zip(self.averaged.parameters(), self.model.parameters()):
            mean.lerp_(parameter, 1 - decay)

    def log(self, **row):
        print(row, flush=True)
        with (self.out / "log.jsonl").open("a", encoding="utf-8") as log:
            log.write(json.dumps(row) + "\n")

    def save(self, step, name):
        state = dict(model=self.model.state_dict(), averaged=self.averaged.state_dict(), scale=self.scale.data,
                     optimizer=self.optimizer.state_dict(), neighbours=self.neighbours, step=step)
        partial = self.out / "checkpoint.partial"
        torch.save(state, partial)
        partial.replace(self.out / name)
        save_folder(self.averaged, self.out)

    def resume(self):
        checkpoint = self.out / "checkpoint.pt"
        if not checkpoint.exists():
            return 0
        state = torch.load(checkpoint, weights_only=True)
        self.model.load_state_dict(state["model"])
        self.averaged.load_state_dict(state["averaged"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.scale.data, self.neighbours = state["scale"], state["neighbours"]
        return state["step"]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--without-composition", action="store_true", help="train images and captions only, to compare with")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    Trainer(Corpus(arguments.data), arguments.out, arguments.seed, not arguments.without_composition).run()


if __name__ == "__main__":
    main()
