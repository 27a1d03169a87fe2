# SPDX-License-Identifier: Apache-2.0
"""What the training log tells of each split. The model card's figures come from `duet eval`, through the engine."""
import torch

from model import embed_ids, embed_images, unit


def recall(queries, gallery, truth, removed=None, depths=(1, 10)):
    """Recall at each depth; `removed`, a row for each query, is taken out of its ranking."""
    scores = unit(queries) @ gallery.T
    if removed is not None:
        scores[torch.arange(len(scores)), removed] = -9
    hits = scores.topk(max(depths), 1).indices == torch.as_tensor(truth)[:, None]
    return [round(hits[:, :depth].any(1).float().mean().item(), 3) for depth in depths]


@torch.no_grad()
def evaluate(model, texts, corpus):
    """{figure: [R@1, R@10]}. Galleries: all of Noto, or all held-out renderings."""
    model.eval()

    def pictures(ids):
        return torch.cat([embed_images(model, corpus.pictures[ids[k:k + 256]]) for k in range(0, len(ids), 256)])

    def embedded(strings):
        return torch.cat([embed_ids(model, texts(strings[k:k + 256])) for k in range(0, len(strings), 256)])

    rows, figures = corpus.rows, {}
    raw = pictures(corpus.noto)
    gallery = unit(raw)
    for field in ("name", "name_zh"):
        queries = embedded([rows[i][field] or rows[i]["name"] for i in corpus.noto])
        for split in ("train", "concept"):
            ids = [i for i in corpus.noto if rows[i]["split"] == split]
            figures[f"{field}, {split}"] = recall(queries[ids], gallery, ids)
    renderings = [i for i, row in enumerate(rows) if row["split"] == "rendering"]
    others = unit(pictures(renderings))
    figures["name, rendering"] = recall(embedded([rows[i]["name"] for i in renderings]), others, range(len(renderings)))
    noto_of = {rows[i]["name"]: i for i in corpus.noto}
    figures["rendering -> noto"] = recall(others, gallery, [noto_of[rows[i]["name"]] for i in renderings])
    for split, triplets in corpus.triplets.items():
        triplets = triplets[:1500]
        source, target = (torch.tensor([t[key] for t in triplets]) for key in ("source", "target"))
        instruction = embedded([t["change"]["en"] for t in triplets])
        queries = {"composed": raw[source] + instruction}
        if split == "held-out":
            queries |= {"image": raw[source], "text": instruction}
        for kind, query in queries.items():
            figures[f"triplets, {split}, {kind}"] = recall(query, gallery, target, removed=source)
    model.train()
    return figures
