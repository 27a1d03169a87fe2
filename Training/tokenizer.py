#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Train the tokenizer: BPE in CLIP's form, English and Chinese. It was run once; what it made is kept and loaded ever after,
since BPE training breaks ties at random.

usage: tokenizer.py DATA_DIR

The vocabulary is large for so small a model: a common word should be one token, which can then hold what the word means.
So what is counted are not texts but words: those of the pictures' names and keywords, common English ones (SCOWL's lists,
package scowl, as far as WordNet has them: inflected forms follow by their endings), and the Chinese texts.
"""
import json
import sys
from itertools import repeat
from pathlib import Path

from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers, processors, trainers

from model import BOS, EOS, TOKENIZER

VOCABULARY = 35_500
SCOWL = Path("/usr/share/dict/scowl")
COUNTS = {"english-words.10": 120, "english-words.20": 80, "english-words.35": 60}
ENDINGS = ("s", "ed", "ing", "er", "ly")
NAMED, CHINESE = 60, 8  # what a name or keyword of a picture counts, and a Chinese text


def corpus(data):
    """The texts to count words in."""
    rows = json.loads((data / "pictures.json").read_text(encoding="utf-8"))
    with (data / "texts.jsonl").open(encoding="utf-8") as lines:
        pairs = [json.loads(line) for line in lines]
    named = {text for row in rows for text in [row["name"], row["name_zh"], *row["keywords"], *row["keywords_zh"]] if text}
    for text in sorted(named):
        yield from repeat(text, NAMED)
    known = {pair["text"] for pair in pairs}
    for file, count in COUNTS.items():
        for word in (SCOWL / file).read_text(encoding="iso-8859-1").split():
            if word in known:
                yield from repeat(word, count)
    for ending in ENDINGS:
        yield from repeat(ending, 1000)
    for pair in pairs:
        if pair["text"] != pair["meaning"]:
            yield from repeat(pair["text"], CHINESE)


def trained(texts):
    tokenizer = Tokenizer(models.BPE(end_of_word_suffix="</w>", continuing_subword_prefix="", unk_token=EOS))
    tokenizer.normalizer = normalizers.Sequence(
        [normalizers.NFC(), normalizers.Replace(Regex(r"\s+"), " "), normalizers.Lowercase()])
    pattern = r"'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([
        pre_tokenizers.Split(Regex(pattern), "removed", invert=True),
        pre_tokenizers.ByteLevel(add_prefix_space=False)])
    tokenizer.train_from_iterator(texts, trainers.BpeTrainer(
        vocab_size=VOCABULARY, special_tokens=[BOS, EOS], end_of_word_suffix="</w>",
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet()))
    tokenizer = with_whole_alphabet(tokenizer)
    bos, eos = tokenizer.token_to_id(BOS), tokenizer.token_to_id(EOS)
    tokenizer.post_processor = processors.RobertaProcessing(
        (EOS, eos), (BOS, bos), trim_offsets=False, add_prefix_space=False)
    return tokenizer


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


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    trained(corpus(Path(sys.argv[1]))).save(str(TOKENIZER))
