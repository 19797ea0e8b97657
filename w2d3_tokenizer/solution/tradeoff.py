"""What a vocabulary buys and what it costs. `python tradeoff.py` prints the tables of section 7 (about two minutes).

A larger vocabulary makes a text shorter, and the embedding larger. Here is what to measure on both sides, and how to
compare tokenizers that count in different units.
"""

import bz2
import gzip
import lzma
import math
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise
from typing import NamedTuple

from bpe import BPETokenizer
from bpe_train import count_words, train, vocabulary

Encode = Callable[[str], list[int]]
Decode = Callable[[list[int]], str]

# ---- Length ----------------------------------------------------------------------------------------------------------


class Ratios(NamedTuple):
    tokens_per_word: float
    bytes_per_token: float
    tokens_per_character: float


def text_ratios(text: str, ids: Sequence[int]) -> Ratios:
    """How long `text` became as the tokens `ids`.

    Words are what white space separates, bytes are those of UTF-8, and characters those of a Python string.
    A ratio that would divide by 0 is NaN.

    >>> text_ratios("naïve tokens", [2616, 38776, 16326])
    Ratios(tokens_per_word=1.5, bytes_per_token=4.333333333333333, tokens_per_character=0.25)
    """
    # BEGIN SOLUTION
    words, size = len(text.split()), len(text.encode("utf-8"))
    return Ratios(
        len(ids) / words if words else math.nan,
        size / len(ids) if ids else math.nan,
        len(ids) / len(text) if text else math.nan,
    )
    # END SOLUTION


# ---- Bits ------------------------------------------------------------------------------------------------------------


def entropy(symbols: Sequence[int], context: int = 0) -> float:
    """Bits per symbol that no code can beat which knows only the `context` symbols before each one.

    The probabilities are those counted in `symbols` (Shannon 1948, section 7). Only those symbols count that have
    `context` others before them. If there is no such symbol, the entropy is 0. `symbols` is `bytes`, or a list or tuple
    of integers, of 64 bits at most.

    >>> entropy(b"abac"), round(entropy(b"abac", context=1), 4)
    (1.5, 0.6667)
    """
    # BEGIN SOLUTION
    # TODO: count every context together with the symbol that follows it, and every context alone.
    windows = Counter(zip(*(symbols[i:] for i in range(context + 1))))
    contexts = Counter()
    for window, count in windows.items():
        contexts[window[:-1]] += count
    # TODO: take the mean of -log2 of the probability of the symbol, given its context.
    bits = sum(count * math.log2(contexts[window[:-1]] / count) for window, count in windows.items())
    return bits / max(1, contexts.total())
    # END SOLUTION


class BigramModel:
    """The probability of each next token given the one before, counted on `ids`.
    It is interpolated as by Witten and Bell (1991).

        p(b)     = (count(b) + 1) / (len(ids) + vocab_size)
        p(b | a) = (count(a b) + kinds(a) p(b)) / (followed(a) + kinds(a))

    Here count(a b) says how often b stands right after a, followed(a) says how often a is followed by anything, and
    kinds(a) says by how many different tokens. A token that was never followed says nothing about the next one:
    p(b | a) = p(b).

    Everything is counted once, at the start. So later changes of `ids` make no difference, and `probability` costs the
    same however many there were. Memory grows with the number of different pairs, not with vocab_size.

    >>> model = BigramModel([1, 0, 2, 0, 2, 0], vocab_size=4)
    >>> model.probability(2), round(model.probability(2, after=0), 4)
    (0.3, 0.7667)
    """

    def __init__(self, ids: Sequence[int], vocab_size: int):
        # BEGIN SOLUTION
        self.total = len(ids) + vocab_size
        self.singles, self.pairs = Counter(ids), Counter(pairwise(ids))
        self.followed = Counter(ids[:-1])
        self.kinds = Counter(this for this, _ in self.pairs)
        # END SOLUTION

    def probability(self, token: int, after: int | None = None) -> float:
        """p(token | after), or p(token) without `after`."""
        # BEGIN SOLUTION
        alone = (self.singles[token] + 1) / self.total
        if after is None or after not in self.kinds:
            return alone
        kinds = self.kinds[after]
        return (self.pairs[after, token] + kinds * alone) / (self.followed[after] + kinds)
        # END SOLUTION


def bits_per_byte(model: BigramModel, ids: Sequence[int], text: str) -> float:
    """The bits that `model` needs for `ids`, the tokens of `text`, per byte of `text` in UTF-8.

    A token of probability p takes -log2(p) bits. There is no token before the first one, so it takes
    `model.probability(ids[0])`. The model is asked for nothing but `probability`. `text` has at least one character.

    >>> bits_per_byte(BigramModel([], vocab_size=256), [104, 195, 169], "hé")  # 3 bytes; it knows nothing: 8 bits
    8.0
    """
    # BEGIN SOLUTION
    bits = sum(-math.log2(model.probability(token, before)) for before, token in zip([None, *ids], ids))
    return bits / len(text.encode("utf-8"))
    # END SOLUTION


# ---- Parameters ------------------------------------------------------------------------------------------------------


class Cost(NamedTuple):
    embedding: int
    body: int
    share: float
    flops_per_byte: float


def model_cost(
    vocab_size: int,
    bytes_per_token: float,
    width: int = 768,
    layers: int = 12,
    positions: int = 1024,
    tied: bool = True,
) -> Cost:
    """What a GPT-2 costs with this vocabulary: parameters, and operations for each byte that it reads.

    embedding: parameters of the token embedding, and of the output layer (no bias) unless it is `tied` to it.
    body: all others: 12 width² + 13 width in each layer, `positions` vectors, and 2 width in the last LayerNorm.
    share: the embedding's share of all parameters.
    flops_per_byte: two operations for each weight of a matrix that a token is multiplied with, per byte. These are 12
    width² in each layer and the output layer's. Looking up an embedding is free.

    >>> model_cost(50257, bytes_per_token=4)[:2]
    (38597376, 85842432)
    """
    # BEGIN SOLUTION
    table = vocab_size * width
    embedding = table if tied else 2 * table
    body = layers * (12 * width**2 + 13 * width) + positions * width + 2 * width
    flops = 2 * (layers * 12 * width**2 + table)
    return Cost(embedding, body, embedding / (embedding + body), flops / bytes_per_token)
    # END SOLUTION


# ---- Tokens that nobody sees -----------------------------------------------------------------------------------------


class Candidates(NamedTuple):
    unused: list[int]
    fragments: list[int]
    unreachable: list[int]


def glitch_candidates(vocab_size: int, encode: Encode, decode: Decode, corpus: Iterable[str]) -> Candidates:
    """The ids below `vocab_size` that a model may never have been trained on, as three sorted lists.

    unused: those that occur in no text of `corpus`, which may be a generator: it is read once. It may need larger ids.
    Then each unused id alone is decoded, and its text encoded again. Where that does not give just this id:
    fragments: those whose text holds U+FFFD; they are pieces of characters, and this test says nothing about them;
    unreachable: all others.

    >>> glitch_candidates(3, lambda text: [0 if c == "a" else 1 for c in text], lambda ids: "abc"[ids[0]], ["aa", "a"])
    Candidates(unused=[1, 2], fragments=[], unreachable=[2])
    """
    # BEGIN SOLUTION
    # TODO: find all ids that the corpus needs, and those that it doesn't.
    used = {token for text in corpus for token in encode(text)}
    unused = [token for token in range(vocab_size) if token not in used]
    # TODO: go there and back with each unused id.
    fragments, unreachable = [], []
    for token in unused:
        text = decode([token])
        if encode(text) != [token]:
            (fragments if "\ufffd" in text else unreachable).append(token)
    return Candidates(unused, fragments, unreachable)
    # END SOLUTION


# ---- Given: the tables -----------------------------------------------------------------------------------------------

SIZES = [2**power for power in range(8, 16)]  # 256 bytes and nothing else, to 32,768


class Row(NamedTuple):
    vocab_size: int
    ratios: Ratios
    bits: float
    cost: Cost


def split_books(books: dict[str, str], held_out: float = 0.1) -> tuple[str, str]:
    """Returns (training text, held-out text): the beginnings of all books, and their ends."""
    cuts = {name: round(len(text) * (1 - held_out)) for name, text in books.items()}
    return "".join(text[: cuts[name]] for name, text in books.items()), "".join(
        text[cuts[name] :] for name, text in books.items()
    )


def train_sizes(text: str, sizes: Sequence[int] = SIZES) -> dict[int, BPETokenizer]:
    """A tokenizer for each size, all from one training: the first merges of a large vocabulary are a small one's."""
    merges = train(count_words(text), max(sizes))
    parts = {size: merges[: size - 256] for size in sizes}
    return {size: BPETokenizer(vocabulary(part), part) for size, part in parts.items()}


def measure(tokenizers: dict[int, BPETokenizer], training: str, held_out: str) -> list[Row]:
    rows = []
    for size, tokenizer in tokenizers.items():
        model, ids = BigramModel(tokenizer.encode(training), size), tokenizer.encode(held_out)
        ratios = text_ratios(held_out, ids)
        rows.append(Row(size, ratios, bits_per_byte(model, ids, held_out), model_cost(size, ratios.bytes_per_token)))
    return rows


def print_rows(rows: list[Row]) -> None:
    print("\nBPE trained on nine tenths of each novel, measured on the rest; and a GPT-2 small of that vocabulary")
    print("  vocabulary  tokens/word  bytes/token  bits/token  bits/byte   embedding  of all  MFLOP/byte")
    for size, ratios, bits, cost in rows:
        print(
            f"  {size:10,}  {ratios.tokens_per_word:11.2f}  {ratios.bytes_per_token:11.2f}"
            f"  {bits * ratios.bytes_per_token:10.2f}  {bits:9.3f}  {cost.embedding / 1e6:9.1f}M"
            f"  {cost.share:6.1%}  {cost.flops_per_byte / 1e6:10.1f}"
        )


def print_bounds(training: str, held_out: str, best: Row) -> None:
    before, data = training.encode(), held_out.encode()
    print(f"\nThe same held-out text, {len(data):,} bytes, in bits per byte")
    for context in range(6):
        print(f"  {f'entropy, knowing {context} bytes':28} {entropy(data, context):5.2f}")
    for name, press in ("gzip", gzip.compress), ("bz2", bz2.compress), ("xz", lzma.compress):
        print(f"  {name:28} {8 * len(press(data)) / len(data):5.2f}")
    more = len(lzma.compress(before + data)) - len(lzma.compress(before))
    print(f"  xz, after the training text  {8 * more / len(data):5.2f}")
    print(f"  {f'{best.vocab_size:,} tokens and a bigram':28} {best.bits:5.2f}")


def cut(tokenizer: BPETokenizer, text: str) -> str:
    return "|".join(tokenizer.decode([token]) for token in tokenizer.encode(text, disallowed_special=()))


def print_budgets(gpt2: BPETokenizer, languages: dict[str, str], code: dict[str, str]) -> None:
    print("\nGPT-2 cuts numbers and indentation")
    for text in ("1234567", "1234568", "2024 + 2025 = 4049", "3.14159265", "def f(x):\n        return x"):
        print(f"  {text!r:34} {cut(gpt2, text)!r}")
    print("\nGPT-2 on code                       bytes/token")
    for name, text in code.items():
        print(f"  {name:34} {text_ratios(text, gpt2.encode(text, disallowed_special=())).bytes_per_token:10.2f}")
    print("\nThe same text in other languages    tokens/character   tokens, English = 1")
    counts = {name: gpt2.encode(text, disallowed_special=()) for name, text in languages.items()}
    for name in sorted(counts, key=lambda name: len(counts[name])):
        ratio = text_ratios(languages[name], counts[name]).tokens_per_character
        print(f"  {name:34} {ratio:15.2f} {len(counts[name]) / len(counts['English']):14.2f}")


def print_candidates(name: str, size: int, tokenizer: BPETokenizer, corpus: list[str]) -> None:
    found = glitch_candidates(
        size, lambda text: tokenizer.encode(text, disallowed_special=()), tokenizer.decode, corpus
    )
    texts = {token: tokenizer.decode([token]) for token in found.unused}
    words = sorted((text for text in texts.values() if text.strip().isalpha() and text.isascii()), key=len)
    print(
        f"\n{name}: of {size:,} tokens {len(found.unused):,} never come in {sum(map(len, corpus)) / 1e6:.0f} MB of text"
    )
    print(f"  fragments of characters: {len(found.fragments)}; unreachable: {[texts[t] for t in found.unreachable]}")
    print(f"  the longest unused words: {words[-12:]}")


def main() -> None:
    from shared import data

    training, held_out = split_books(data.novels())
    tokenizers = train_sizes(training)
    rows = measure(tokenizers, training, held_out)
    print_rows(rows)
    print_bounds(training, held_out, min(rows, key=lambda row: row.bits))
    gpt2 = BPETokenizer.from_files(*data.gpt2_bpe_files())
    print_budgets(gpt2, data.languages(), data.code_samples())
    print_candidates("Our own, on its own training text", max(SIZES), tokenizers[max(SIZES)], [training])
    corpus = [*data.novels().values(), data.stories_text(), *data.languages().values(), *data.code_samples().values()]
    print_candidates("GPT-2", 50257, gpt2, corpus)


if __name__ == "__main__":
    main()
