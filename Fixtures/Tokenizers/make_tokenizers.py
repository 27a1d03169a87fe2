# SPDX-License-Identifier: Apache-2.0
"""Golden token ids, made with tokenizers 0.23.3 and transformers 5.23.0 (Python 3.11).

    python make_tokenizers.py CLIP_MERGES

CLIP_MERGES is OpenAI's merges file, which is not in the repository; everything else is generated here. Writes:
  strings.json           the texts: those of the specification, then 2,000 generated ones
  small/                 a vocabulary of our own as tokenizer.json and as vocab.json + merges.txt
  small.ids, clip.ids    the ids of each text without BOS and EOS, a line each
  escaped.ids            the same with the small vocabulary, special tokens read as characters, for texts with "<|"
  variants.json          little tokenizer.json files with other components, each with texts and ids
  scalars.json           what the reference's \\s, \\p{L} and \\p{N} contain
"""
import json
import random
import sys
from pathlib import Path

from tokenizers import AddedToken, Regex, Tokenizer, models, normalizers, pre_tokenizers, processors, trainers
from transformers import CLIPTokenizer

HERE = Path(__file__).parent
BOS, EOS = "<|startoftext|>", "<|endoftext|>"
SPECIFICATION = [
    "a photo of a cat", "Hello   World!\n", "it's 2024, don't", "caf\u00e9", "CAFE\u0301", "\u0130stanbul",
    "\u039f\u0394\u039f\u03a3", "\u65e5\u672c\u8a9e text", "\U0001f600", "a\u200bb", "x\u00a0y", "&amp; caf&eacute;",
    "12345", "foo_bar-baz", "!!!", "", "   ", "a<|endoftext|>b",
]


def generated(count):
    """Texts that mix what tokenizers trip over; seeded."""
    rng = random.Random(2)
    words = ("a the dog cat beach photo of in snow red CAFE Hello don't it's we'll I'VE they're o'clock 'tis can't "
             "mother-in-law foo_bar e.g. U.S.A. naive resume Strasse 1920x1080 3.14 100% #tag @home $5 x2").split()
    space = [" ", "  ", "\t", "\n", "\r\n", "\u00a0", "\u2003", "\u3000", "\u2028", "\u0085", "\u200b", "\u1680", "\x0b", "\ufeff"]
    marks = ["\u0301", "\u0300", "\u0323", "\u0327", "\u0308", "\u0345", "\u20dd", "\u093c", "\u3099", "\u0344"]
    odd = ["&amp;", "&eacute;", "&#39;", "<|endoftext|>", "<|startoftext|>", "<|ENDOFTEXT|>", "<|endoftext", "''s", "'S",
           "'\u017f", "\u2019s", "\x00", "\x1f", "\x7f", "\x9f", "\u00ad", "\u200d", "\u200e", "\ufffd", "\U000e0041", "\U0010ffff", "\ue000",
           "\u01c5", "\u0130", "\u1e9e", "\u03a3", "\ufb01", "\u2126", "\u212b", "\uf900", "\u0958", "\u2adc", "\U0001d15e", "\u1100\u1161\u11a8",
           "\u2160", "\u00b2", "\u0663", "\u3007", "\u4e07", "\u0e33", "\u0f43", "\U00010400", "\U0001e900", "\u10a0", "\u13a0", "\uab70"]
    emoji = ["\U0001f600", "\u2764\ufe0f", "\U0001f468\u200d\U0001f469\u200d\U0001f467", "\U0001f44d\U0001f3fd", "\U0001f1e9\U0001f1ea", "1\ufe0f\u20e3", "\U0001f3f4\U000e0067\U000e007f"]
    blocks = [(0x20, 0x7e), (0xa0, 0x24f), (0x370, 0x3ff), (0x400, 0x52f), (0x590, 0x5ff), (0x600, 0x6ff), (0x900, 0x97f),
              (0xe00, 0xe7f), (0x1100, 0x11ff), (0x1e00, 0x1fff), (0x2000, 0x2bff), (0x3000, 0x30ff), (0x4e00, 0x9fff),
              (0xa640, 0xa7bf), (0xac00, 0xd7a3), (0xf900, 0xffff), (0x10000, 0x10fff), (0x1d100, 0x1d7ff), (0x1f300, 0x1faff), (0x20000, 0x2a6df)]

    def part():
        kind = rng.randrange(10)
        if kind < 3:
            word = rng.choice(words)
            return rng.choice([word, word.upper(), word.title()])
        if kind == 3:
            return rng.choice(odd)
        if kind == 4:
            return rng.choice(emoji) * rng.choice([1, 1, 2])
        if kind == 5:
            return rng.choice("aeoncAEC\u3042\u0915\u03b1") + "".join(rng.choices(marks, k=rng.randint(1, 4)))
        if kind == 6:
            return "".join(rng.choices("0123456789.,:/-", k=rng.randint(1, 8)))
        if kind == 7:
            return "".join(rng.choices("!?.,;:'\"()[]{}<>|\\/@#$%^&*-_=+~`", k=rng.randint(1, 5)))
        low, high = rng.choice(blocks)
        return "".join(chr(rng.randint(low, high)) for _ in range(rng.randint(1, 6)))

    texts = []
    for index in range(count):
        length = rng.randint(40, 120) if index % 50 == 0 else rng.randint(1, 8)
        joints = [rng.choice(space) if rng.random() < 0.3 else rng.choice([" ", ""]) for _ in range(length)]
        texts.append("".join(part() + joint for joint in joints))
    return texts


def byte_symbols():
    """The 256 symbols in the order of the vocabulary: printable bytes first."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    return [chr(b) for b in printable] + [chr(256 + i) for i in range(256 - len(printable))]


def clip_vocabulary(merges):
    symbols = byte_symbols()
    tokens = symbols + [s + "</w>" for s in symbols] + ["".join(pair) for pair in merges] + [BOS, EOS]
    return {token: index for index, token in enumerate(tokens)}


def train_small(texts):
    """About 900 merges over the generated texts, which nobody else's vocabulary holds."""
    trainer = trainers.BpeTrainer(vocab_size=1400, special_tokens=[], end_of_word_suffix="</w>", show_progress=False,
                                  initial_alphabet=pre_tokenizers.ByteLevel.alphabet())
    tokenizer = Tokenizer(models.BPE(end_of_word_suffix="</w>"))
    stock = CLIPTokenizer(vocab={BOS: 0, EOS: 1}, merges=[])._tokenizer
    tokenizer.normalizer, tokenizer.pre_tokenizer = stock.normalizer, stock.pre_tokenizer
    tokenizer.train_from_iterator(texts, trainer)
    return [tuple(pair) for pair in json.loads(tokenizer.to_str())["model"]["merges"]]


def ids(tokenizer, texts, **arguments):
    return [tokenizer.encode(text, add_special_tokens=False, **arguments).ids for text in texts]


def write_ids(name, rows):
    (HERE / name).write_text("".join(" ".join(map(str, row)) + "\n" for row in rows))


def variant(name, texts, model, normalizer=None, pre_tokenizer=None, post=None, added=(), pairs=True):
    tokenizer = Tokenizer(model)
    if normalizer: tokenizer.normalizer = normalizer
    if pre_tokenizer: tokenizer.pre_tokenizer = pre_tokenizer
    if post: tokenizer.post_processor = post
    for token in added:
        (tokenizer.add_special_tokens if token.special else tokenizer.add_tokens)([token])
    document = json.loads(tokenizer.to_str())
    if not pairs:
        document["model"]["merges"] = [" ".join(pair) for pair in document["model"]["merges"]]
    return {"name": name, "tokenizer": document, "texts": texts,
            "ids": [tokenizer.encode(text).ids for text in texts]}


def variants():
    letters = {c: i for i, c in enumerate("abcdefgh .,!0123456789'-\u0120")}
    symbols = {s: i for i, s in enumerate(byte_symbols())}
    texts = ["abc", "a b  c", " abc. d,e!! ", "", "..", "a.b.c", "12 3a", "it's  a", "x\u00e9y  \n z", "abcabcabc",
             "aaaaaaa", "  a", "a  ", "[X] a[X]b [X]", "aMASKb MASK c", "UNK z zz a"]
    split = pre_tokenizers.Split
    bpe = lambda **more: models.BPE(vocab={**letters, "ab": 25, "bc": 26, "abc": 27, "aa": 28, "aaa": 29},
                                    merges=[("a", "b"), ("b", "c"), ("a", "bc"), ("ab", "c"), ("a", "a"), ("aa", "a")], **more)
    rows = [variant("dropped unknowns", texts, bpe()), variant("merges as strings", texts, bpe(), pairs=False)]
    unknown = lambda fuse: models.BPE(vocab={"a": 0, "b": 1, "ab": 2, "?": 3}, merges=[("a", "b")], unk_token="?", fuse_unk=fuse)
    rows += [variant("unknowns", texts, unknown(False)), variant("fused unknowns", texts, unknown(True))]
    rows.append(variant("whole pieces", ["abc", "bca", "aaa"], models.BPE(
        vocab={"a": 0, "b": 1, "c": 2, "abc": 3}, merges=[], ignore_merges=True)))
    rows.append(variant("prefix and suffix", ["abc", "a", "ab", "cab"], models.BPE(
        vocab={"a": 0, "##b": 1, "##c</w>": 2, "ab": 3, "abc</w>": 4, "a</w>": 5, "c": 6, "##a": 7, "##b</w>": 8, "ca": 9},
        merges=[("a", "##b"), ("ab", "##c</w>"), ("c", "##a")],
        continuing_subword_prefix="##", end_of_word_suffix="</w>")))
    for behavior in ["removed", "isolated", "merged_with_previous", "merged_with_next", "contiguous"]:
        for invert in [False, True]:
            rows.append(variant(f"split {behavior} {invert}", texts, bpe(unk_token=None),
                                pre_tokenizer=split(Regex(r"[.,!]|\s"), behavior, invert=invert)))
    rows.append(variant("split literal", texts, bpe(), pre_tokenizer=split("b", "isolated")))
    for prefix in [False, True]:
        for regex in [False, True]:
            rows.append(variant(
                f"byte level {prefix} {regex}", texts + SPECIFICATION, models.BPE(vocab={**symbols, "\u0120a": 300}, merges=[("\u0120", "a")]),
                pre_tokenizer=pre_tokenizers.ByteLevel(add_prefix_space=prefix, use_regex=regex)))
    rows.append(variant("normalizers", ["  A\u0301B..C \n", "\u00c9", " \u3000"], bpe(), normalizer=normalizers.Sequence(
        [normalizers.NFC(), normalizers.Strip(), normalizers.Replace(".", "!"), normalizers.Replace(Regex(r"\s+"), " "), normalizers.Lowercase()])))
    marks = [chr(c) for c in (0x301, 0x323, 0x334, 0x345, 0x344, 0x5b0, 0x7fd, 0x93c, 0x1715, 0x1ac1, 0x3099, 0x10f82, 0x1d165, 0x1d16d, 0x1e2ec)]
    bases = [chr(c) for c in (0x61, 0x41, 0xe9, 0x1100, 0x1161, 0x11a8, 0xac00, 0x212b, 0x105d2, 0x11935, 0x11930, 0x307, 0xf900, 0x304b)]
    rng = random.Random(3)
    texts_of_marks = ["".join(rng.choices(marks + bases, k=rng.randint(2, 9 if i % 50 else 80))) for i in range(300)]
    rows.append(variant("composition", texts_of_marks, models.BPE(vocab=symbols, merges=[]), normalizer=normalizers.NFC(),
                        pre_tokenizer=pre_tokenizers.ByteLevel(use_regex=False, add_prefix_space=False)))
    rows.append(variant("added", texts + ["xmask MASK", "a\u00e9MASK", "[x] [X]  [XY]"], bpe(), normalizer=normalizers.Lowercase(), added=[
        AddedToken("[X]", special=True, normalized=False, lstrip=True, rstrip=True),
        AddedToken("[XY]", special=True, normalized=False), AddedToken("MASK", single_word=True, normalized=True)]))
    rows.append(variant("template", texts[:3], bpe(), added=[AddedToken("[A]", special=True), AddedToken("[B]", special=True)],
                        post=processors.TemplateProcessing(single="[A] $A [B] [B]", special_tokens=[("[A]", 30), ("[B]", 31)])))
    rows.append(variant("bert", texts[:3], bpe(), post=processors.BertProcessing(("c", 2), ("d", 3))))
    rows.append(variant("post sequence", texts[:3], bpe(), post=processors.Sequence(
        [processors.ByteLevel(trim_offsets=False), processors.RobertaProcessing(("c", 2), ("d", 3))])))
    return rows


def scalars():
    """Ranges of scalars that a class matches, by trying all of them."""
    found = {}
    for name, pattern in {"s": r"\s", "L": r"\p{L}", "N": r"\p{N}"}.items():
        splitter, ranges = pre_tokenizers.Split(Regex(pattern), "removed", invert=True), []
        for scalar in range(0x110000):
            if 0xD800 <= scalar < 0xE000 or not splitter.pre_tokenize_str(chr(scalar)):
                continue
            if ranges and ranges[-1][1] == scalar - 1:
                ranges[-1][1] = scalar
            else:
                ranges.append([scalar, scalar])
        found[name] = [value for pair in ranges for value in pair]
    return found


def main(merges_file):
    texts = SPECIFICATION + generated(2000)
    (HERE / "strings.json").write_text(json.dumps(texts))

    clip_merges = [tuple(line.split(" ")) for line in Path(merges_file).read_text().split("\n")[1:] if line]
    clip = CLIPTokenizer(vocab=clip_vocabulary(clip_merges), merges=clip_merges)._tokenizer
    write_ids("clip.ids", ids(clip, texts))

    # The trainer breaks ties at random: trained once, then kept.
    kept = HERE / "small" / "merges.txt"
    small_merges = [tuple(line.split(" ")) for line in kept.read_text().split("\n")[1:] if line] if kept.exists() else train_small(texts)
    vocabulary = clip_vocabulary(small_merges)
    small = CLIPTokenizer(vocab=vocabulary, merges=small_merges)._tokenizer
    folder = HERE / "small"
    folder.mkdir(exist_ok=True)
    small.save(str(folder / "tokenizer.json"), pretty=False)
    (folder / "vocab.json").write_text(json.dumps(vocabulary))
    (folder / "merges.txt").write_text("#version: 0.2\n" + "".join(" ".join(pair) + "\n" for pair in small_merges))
    write_ids("small.ids", ids(small, texts))
    small.encode_special_tokens = True
    write_ids("escaped.ids", ids(small, [text for text in texts if "<|" in text]))
    small.encode_special_tokens = False
    (HERE / "variants.json").write_text(json.dumps(variants(), separators=(",", ":")))
    (HERE / "scalars.json").write_text(json.dumps(scalars(), separators=(",", ":")))


if __name__ == "__main__":
    main(sys.argv[1])
