"""Compares the day's tokenizers with the references, on random strings of the worst kind and on every text of the
course.

    python w2d3_tokenizer/verify.py [--strings 100000] [--seed 0]      ten minutes

For WordPiece it compares tokens, ids, offsets and decoded text with those of transformers' BertTokenizer, uncased and
cased; for BPE, ids and decoded text with those of tiktoken and Hugging Face's `tokenizers`. The exit status is 1 if
anything differs.
"""

import argparse
import random
import sys
import unicodedata
from collections.abc import Iterable
from itertools import chain
from pathlib import Path

from shared.learner.script import begin

DAY = Path(__file__).resolve().parent
begin(__file__)

import bpe
import wordpiece

from shared import data
from shared.data.reference import bpe_ranks

BLOCKS = [  # (first, last) code point of what is hard: white space, controls, joiners, marks, jamo, forms, …
    *[(0x00, 0x20), (0x7F, 0xA0), (0xA0, 0xFF), (0x130, 0x149), (0x1C4, 0x1F3), (0x300, 0x36F), (0x370, 0x3FF)],
    *[(0x400, 0x45F), (0x483, 0x489), (0x530, 0x5FF), (0x600, 0x6FF), (0x8D0, 0x963), (0xE00, 0xE7F), (0xF00, 0xFFF)],
    *[(0x1100, 0x11FF), (0x1680, 0x1680), (0x180B, 0x180F), (0x1AB0, 0x1AFF), (0x1DC0, 0x1DFF), (0x1E00, 0x1FFF)],
    *[(0x2000, 0x206F), (0x20D0, 0x20F0), (0x2100, 0x218B), (0x2E80, 0x3130), (0x3200, 0x32FF), (0x3400, 0x3410)],
    *[(0x4DB0, 0x4E10), (0x9FF0, 0x9FFF), (0xA960, 0xA97C), (0xAC00, 0xAC40), (0xD7A0, 0xD7FB), (0xE000, 0xE004)],
    *[(0xF8F0, 0xFAFF), (0xFB00, 0xFB4F), (0xFDD0, 0xFDFF), (0xFE00, 0xFE2F), (0xFF00, 0xFFFF), (0x11000, 0x110CF)],
    *[(0x1D100, 0x1D1FF), (0x1D400, 0x1D420), (0x1F1E6, 0x1F1FF), (0x1F3F0, 0x1F400), (0x1F460, 0x1F4FF)],
    *[(0x20000, 0x20010), (0x2A6D0, 0x2A710), (0x2F800, 0x2F820), (0xE0001, 0xE007F), (0x10FFFE, 0x10FFFF)],
]
GLUE = ["", "", "", " ", " ", "  ", "\n", "\t", "\u00a0", "\u200d", "\ufe0f", "-", ".", "'", "\u0301", "\0"]
SPECIALS = [
    "[MASK]",
    "[SEP]",
    "[CLS]",
    "[PAD]",
    "[UNK]",
    "[mask]",
    "[MASK",
    "[[SEP]",
    "##ing",
    "<|endoftext|>",
    "<|end",
]
SPACES = "    \n\t\r\v\f\x1c\x1f\x85\xa0\u1680\u180e\u2000\u200b\u2028\u3000\ufeff"
PIECES = ["'s", "'t", "'re", "'ve", "'m", "'ll", "'d", "'S", "’s", "'x", "''", "|>", "\0"]
EDGES = "azAZ09éßİıǅʰªºא中ꙮ𝔘𝟘①½²Ⅷ٣४〇々\u0301\u20e3\u200d\ufe0f\u058b\u088f\u2ceb0\U000323b0\ufffd\ue000\U0010ffff👍🏽€"


def random_strings(n: int, seed: int) -> list[str]:
    """`n` strings of up to a few dozen characters, no lone surrogate in them.

    Out of ASCII, BLOCKS, white space, contractions, real words, special tokens, nasty texts cut anywhere, long runs,
    and any code point that this Python knows.
    """
    draw = random.Random(seed)
    assigned = [c for c in map(chr, range(sys.maxunicode + 1)) if unicodedata.category(c) not in ("Cn", "Cs")]
    words = [word for text in data.languages().values() for word in text.split()]
    words += data.bert_vocab_file().read_text(encoding="utf-8").split("\n")
    torture = [text for text in data.unicode_torture().values() if text]

    def some(alphabet: str | list[str], most: int) -> str:
        return "".join(draw.choice(alphabet) for _ in range(draw.randint(1, most)))

    def block() -> str:
        first, last = draw.choice(BLOCKS)
        return "".join(chr(draw.randint(first, last)) for _ in range(draw.randint(1, 5)))

    def accented() -> str:
        return some("aeiouAEIOUnçßİ", 1) + chr(draw.randint(0x300, 0x36F))

    def cut() -> str:
        text = draw.choice(torture)
        start = draw.randrange(len(text))
        return text[start : start + draw.randint(1, 12)]

    ascii_characters = [chr(i) for i in range(128)]
    kinds = [
        *(block, block, accented, cut),
        lambda: some(ascii_characters, 8),
        lambda: some(SPACES, 4),
        lambda: draw.choice(PIECES),
        lambda: draw.choice(SPECIALS),
        lambda: draw.choice([str, str.upper, str.title])(draw.choice(words)),
        lambda: some(EDGES, 5),
        lambda: some(assigned, 6),
    ]
    strings = []
    for _ in range(n):
        pieces = [draw.choice(kinds)() for _ in range(draw.randint(0, 7))]
        if draw.random() < 0.02:
            run = draw.choice(["a", "é", "e\u0301", "각", "İ", "ab", "字", "!", " "])
            pieces.append(run * draw.choice([3, 30, 34, 50, 99, 100, 101]))
        strings.append("".join(piece + draw.choice(GLUE) for piece in pieces))
    return strings


def shipped_texts() -> Iterable[str]:
    """Every text of the course, in parts of some thousand characters."""
    texts = chain(
        [data.tiny_shakespeare()],
        *(source().values() for source in (data.novels, data.childrens_books, data.languages, data.code_samples)),
        data.unicode_torture().values(),
    )
    for text in texts:
        yield from (text[start : start + 5000] for start in range(0, len(text), 5000))
    yield from data.stories()


def verify_wordpiece(strings: Iterable[str], uncased: bool) -> list[str]:
    """The strings whose tokens, ids, offsets or decoded text differ from those of transformers' BertTokenizer."""
    from transformers import BertTokenizer

    vocab = wordpiece.load_vocab(data.bert_vocab_file())
    ours, theirs = wordpiece.WordPieceTokenizer(vocab, uncased), BertTokenizer(vocab, do_lower_case=uncased)
    different = []
    for text in strings:
        expected, got = theirs.backend_tokenizer.encode(text), ours.encode(text)
        same = (got.tokens, got.ids, got.offsets) == (expected.tokens, expected.ids, expected.offsets)
        for skip in (True, False):
            same &= ours.decode(got.ids, skip_special=skip) == theirs.decode(expected.ids, skip_special_tokens=skip)
        if not same:
            different.append(text)
    return different


def verify_bpe(strings: Iterable[str]) -> list[str]:
    """The strings whose ids or decoded text differ from tiktoken's or `tokenizers`', or that don't come back.

    Some ids are left out before decoding too, so that characters lose bytes.
    """
    import tiktoken
    from tiktoken_ext.openai_public import r50k_pat_str
    from tokenizers import ByteLevelBPETokenizer

    vocab, merges = map(str, data.gpt2_bpe_files())
    ours, hugging = bpe.BPETokenizer.from_files(vocab, merges), ByteLevelBPETokenizer(vocab, merges)
    hugging.add_special_tokens([data.END_OF_TEXT])
    ranks = bpe_ranks(vocab, merges)
    specials = {data.END_OF_TEXT: len(ranks)}
    tik = tiktoken.Encoding("gpt2", pat_str=r50k_pat_str, mergeable_ranks=ranks, special_tokens=specials)
    draw, different = random.Random(0), []
    for text in strings:
        ids = ours.encode(text, allowed_special="all")
        cut = [i for i in ids if draw.random() < 0.7]
        same = ids == tik.encode(text, allowed_special="all") == hugging.encode(text).ids
        same &= ours.encode(text, disallowed_special=()) == tik.encode_ordinary(text)
        same &= ours.decode(ids) == text
        same &= ours.decode(cut) == tik.decode(cut) == hugging.decode(cut, skip_special_tokens=False)
        if not same:
            different.append(text)
    return different


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--strings", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    differ = 0
    for name, strings in (
        ("random strings", random_strings(arguments.strings, arguments.seed)),
        ("parts of the course's texts", list(shipped_texts())),
    ):
        characters = "".join(strings)
        print(f"{len(strings):,} {name}, {len(characters):,} characters, {len(set(characters)):,} different ones")
        for kind, different in (
            ("WordPiece, uncased", verify_wordpiece(strings, uncased=True)),
            ("WordPiece, cased", verify_wordpiece(strings, uncased=False)),
            ("BPE", verify_bpe(strings)),
        ):
            print(f"  {kind:20} {len(different):,} differ", flush=True)
            print(*(f"    {text[:200]!a}" for text in different[:10]), sep="\n", end="\n" * bool(different))
            differ += len(different)
    sys.exit(differ > 0)


if __name__ == "__main__":
    main()
