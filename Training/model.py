# SPDX-License-Identifier: Apache-2.0
"""The built-in model: its tokenizer, its two towers, the views it is trained on, and the folder the engine loads."""
import json
import math
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from tokenizers import Tokenizer
from transformers import CLIPConfig, CLIPModel, CLIPTextConfig, CLIPVisionConfig

SIZE, CONTEXT, WIDTH, VISION_WIDTH = 48, 32, 128, 192  # pixels, tokens, dimensions: texts and shared space, pictures
MEAN, STD = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)
BOS, EOS = "<|startoftext|>", "<|endoftext|>"
TOKENIZER = Path(__file__).parent.parent / "Sources/CBuiltinModel/tokenizer.json"


class Texts:
    """Text -> token ids, [n, longest], padded with the end token: the towers look at the first one only."""

    def __init__(self):
        self.tokenizer = Tokenizer.from_file(str(TOKENIZER))
        self.bos, self.eos = self.tokenizer.token_to_id(BOS), self.tokenizer.token_to_id(EOS)

    def encode(self, texts):
        encodings = self.tokenizer.encode_batch(texts, add_special_tokens=False)
        return [[self.bos] + encoding.ids[:CONTEXT - 2] + [self.eos] for encoding in encodings]

    def padded(self, rows):
        ids = torch.full((len(rows), max(map(len, rows))), self.eos)
        for i, row in enumerate(rows):
            ids[i, :len(row)] = torch.tensor(row)
        return ids

    def __call__(self, texts):
        return self.padded(self.encode(texts))


def make_model(texts):
    text = CLIPTextConfig(vocab_size=texts.tokenizer.get_vocab_size(), hidden_size=WIDTH, intermediate_size=4 * WIDTH,
                          num_hidden_layers=2, num_attention_heads=2, hidden_act="gelu", max_position_embeddings=CONTEXT,
                          bos_token_id=texts.bos, eos_token_id=texts.eos, pad_token_id=texts.eos)
    vision = CLIPVisionConfig(hidden_size=VISION_WIDTH, intermediate_size=4 * VISION_WIDTH, num_hidden_layers=5,
                              num_attention_heads=3, hidden_act="gelu", image_size=SIZE, patch_size=8)
    configuration = CLIPConfig(text_config=text.to_dict(), vision_config=vision.to_dict(), projection_dim=WIDTH)
    return CLIPModel._from_config(configuration, attn_implementation="eager")  # faster than the fused kind at this size


@torch.no_grad()
def start_as_weighted_mean(model, vectors, frequencies):
    """Sets the text tower up so that a text's embedding is the mean of its tokens' vectors, the rarer the weightier.

    That is a strong sentence embedding by itself (SIF: Arora et al. 2017); training refines it instead of finding it.
    Dimension 0 carries a token's weight, which the first layer's attention reads; the other layers start as identities.

    vectors: [vocabulary, WIDTH - 1], unit rows or zeros. frequencies: [vocabulary], the share of texts that hold the token.
    """
    tower, scale = model.text_model, 0.12
    tower.embeddings.token_embedding.weight[:, 1:] = vectors
    tower.embeddings.token_embedding.weight[:, 0] = -scale * torch.log1p(frequencies / 1e-3)
    tower.embeddings.position_embedding.weight.mul_(0.2)
    for number, layer in enumerate(tower.encoder.layers):
        layer.mlp.fc2.weight.zero_()
        layer.self_attn.out_proj.weight.zero_()
        if number == 0:
            attention, head = layer.self_attn, WIDTH // layer.self_attn.num_heads
            # A layer norm leaves unit rows sqrt(WIDTH) long, so that the logits are the logarithms of SIF's weights.
            attention.q_proj.weight.zero_()
            attention.k_proj.weight.mul_(0.1)[::head] = 0
            attention.k_proj.weight[::head, 0] = 1
            attention.q_proj.bias[::head] = math.sqrt(head) / (scale * math.sqrt(WIDTH))
            attention.v_proj.weight.copy_(torch.eye(WIDTH))
            attention.out_proj.weight.copy_(torch.eye(WIDTH))
            attention.out_proj.weight[0] = 0
    model.text_projection.weight.copy_(torch.eye(WIDTH))


def unit(x):
    return F.normalize(x, dim=-1)


def embed_images(model, pictures, augment=False):
    """[n, 4, c, c] uint8 -> [n, WIDTH], not normalised."""
    return projected(model.get_image_features(pixel_values=view(pictures, augment)))


def embed_ids(model, ids):
    """[n, longest] token ids -> [n, WIDTH], not normalised."""
    return projected(model.get_text_features(input_ids=ids))


def projected(output):
    return output if torch.is_tensor(output) else output.pooler_output


def view(pictures, augment):
    """[n, 4, c, c] uint8 -> [n, 3, SIZE, SIZE], normalised; training varies ground, place, scale, turn, colour, blur."""
    x = pictures.float() / 255
    n, rgb, alpha = len(x), x[:, :3], x[:, 3:]
    ground = torch.ones(n, 3, 1, 1)
    if not augment:
        x = F.interpolate(rgb * alpha + ground * (1 - alpha), (SIZE, SIZE), mode="bicubic", antialias=True)
    else:
        ground = torch.where((torch.rand(n) < 0.6).view(-1, 1, 1, 1), ground, torch.rand(n, 3, 1, 1))
        x = F.interpolate(rgb * alpha + ground * (1 - alpha), (SIZE, SIZE), mode="bilinear", antialias=True)
        scale, angle = 1 + 0.25 * (torch.rand(n) - 0.3), 0.3 * (torch.rand(n) - 0.5)
        dx, dy = 0.15 * (torch.rand(n) - 0.5), 0.15 * (torch.rand(n) - 0.5)
        theta = torch.stack([torch.stack([scale * angle.cos(), -scale * angle.sin(), dx], 1),
                             torch.stack([scale * angle.sin(), scale * angle.cos(), dy], 1)], 1)
        x = F.grid_sample(x - ground, F.affine_grid(theta, (n, 3, SIZE, SIZE), align_corners=False),
                          align_corners=False) + ground
        x = torch.where((torch.rand(n) < 0.15).view(-1, 1, 1, 1), F.avg_pool2d(x, 3, 1, 1, count_include_pad=False), x)
        x = x * (1 + 0.2 * (torch.rand(n, 3, 1, 1) - 0.5)) + 0.1 * (torch.rand(n, 3, 1, 1) - 0.5)
        grey = x.mean(1, keepdim=True).expand_as(x)
        x = torch.where((torch.rand(n) < 0.05).view(-1, 1, 1, 1), grey, x)
    return (x.clamp(0, 1) - torch.tensor(MEAN).view(1, 3, 1, 1)) / torch.tensor(STD).view(1, 3, 1, 1)


def save_folder(model, out):
    """What the engine loads: config.json, model.safetensors (F16), tokenizer.json, preprocessor_config.json."""
    out.mkdir(parents=True, exist_ok=True)
    model.config.save_pretrained(out)
    tensors = {k: v.to(torch.float16).contiguous() for k, v in model.state_dict().items() if v.is_floating_point()}
    save_file(tensors, str(out / "model.safetensors"), metadata={"format": "pt"})
    (out / "tokenizer.json").write_bytes(TOKENIZER.read_bytes())
    (out / "preprocessor_config.json").write_text(json.dumps({
        "do_resize": True, "size": {"shortest_edge": SIZE}, "resample": 3, "do_center_crop": True,
        "crop_size": {"height": SIZE, "width": SIZE}, "do_rescale": True, "rescale_factor": 1 / 255,
        "do_normalize": True, "image_mean": list(MEAN), "image_std": list(STD), "do_convert_rgb": True,
        "do_composite_over_white": True,  # transformers has no such key, and would show what is under the transparency
    }, indent=2) + "\n", encoding="utf-8")
