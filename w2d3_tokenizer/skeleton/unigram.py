"""Unigram: a tokenizer that knows how probable each piece is, and so weighs every way to cut a text (bonus).

Kudo 2018, "Subword Regularization" (arXiv:1804.10959); SentencePiece. `python unigram.py` learns 1000 pieces from
Shakespeare, cuts a line into the best pieces, and draws other cuts of it.
"""

import math
from collections import Counter

import torch

Arcs = list[list[tuple[int, float]]]  # at place `end`: the pieces text[start:end], as (start, log probability)
UNKNOWN = 10.0  # how much less an unknown character's log p is than that of the rarest piece
TINY = 1e-10  # the least expected count of a piece


def count_words(text: str) -> Counter[str]:
    """Given: how often each word occurs. A `▁` in front of each stands for the space, so that no piece crosses one."""
    return Counter("▁" + word for word in text.split())


def log_sum(values: list[float]) -> float:
    """Given: ln(e^a + e^b + …), without over- or underflow. It is -inf if there is nothing but -inf, or nothing at all.

    >>> log_sum([-2000.0, -2000.0]) == -2000 + math.log(2)
    True
    """
    largest = max(values, default=-math.inf)
    if largest == -math.inf:
        return largest
    return largest + math.log(math.fsum(math.exp(value - largest) for value in values))


# ---- Reading ---------------------------------------------------------------------------------------------------------


def lattice(text: str, log_p: dict[str, float]) -> Arcs:
    """For each place 0, 1, …, len(text): the pieces that end there, as (start, log p), the earliest start first.

    A character that isn't a piece by itself is unknown. It gets an arc of its own all the same. The arc's log p is the
    smallest one in `log_p` (or 0 if that is empty), minus UNKNOWN. So there is always a way through.

    >>> lattice("no", {"n": -1.0, "o": -2.0, "no": -2.5})
    [[], [(0, -1.0)], [(0, -2.5), (1, -2.0)]]
    """
    # No piece that fits is longer. (For a word, looking at all pieces would take longer than it saves.)
    longest = len(text) if len(text) < 20 else max(map(len, log_p), default=1)
    raise NotImplementedError("lattice")


def viterbi(text: str, log_p: dict[str, float]) -> list[str]:
    """The pieces of the most probable segmentation.
    Unknown characters count as in `lattice`, and each is a piece of its own.

    Of equally good segmentations it takes the one whose last piece is longest. If that is a tie too, the last piece but
    one decides, and so on. (Rounding can hide a tie; the tests use numbers whose sums are exact.) Texts of thousands of
    characters are fine.

    >>> viterbi("nono", {"n": -1.0, "o": -2.0, "no": -2.5, "on": -0.25})
    ['n', 'on', 'o']
    """
    # TODO: find for each place the best log p of a segmentation that ends there, and where its last piece starts.
    # TODO: walk back from the end.
    raise NotImplementedError("viterbi")


# ---- All segmentations at once ---------------------------------------------------------------------------------------


def forward(arcs: Arcs) -> list[float]:
    """For each place: the log of the sum, over all ways from place 0 to it, of their probabilities.

    Place 0 has 0. A place without a way has -inf. The last one is the log probability of the whole text.
    Long texts must not underflow: stay in logs. The sums are as exact as Python's floats are.

    >>> sums = forward([[], [(0, math.log(0.5))], [(0, math.log(0.25)), (1, math.log(0.5))]])
    >>> [round(math.exp(value), 4) for value in sums]
    [1.0, 0.5, 0.5]
    """
    raise NotImplementedError("forward")


def log_likelihood(counts: dict[str, int], log_p: dict[str, float]) -> float:
    """Given: the log probability of all words, each of which counts as often as it occurs."""
    return math.fsum(count * forward(lattice(word, log_p))[-1] for word, count in counts.items())


def expected_counts(counts: dict[str, int], log_p: dict[str, float]) -> dict[str, float]:
    """How often each piece of `log_p` is used, on average over all segmentations of all words.

    Each segmentation of a word weighs as much as its probability, given the word, and each word counts as often as it
    occurs. The result has the keys of `log_p` and no others. A piece that never fits has 0.0.

    >>> log_p = {"n": math.log(0.5), "o": math.log(0.5), "no": math.log(0.75)}
    >>> {piece: round(count, 4) for piece, count in expected_counts({"no": 8}, log_p).items()}
    {'n': 2.0, 'o': 2.0, 'no': 6.0}
    """
    # TODO: do the same from the end: for each place, find the log sum over all ways from it to the end.
    # TODO: add the share of each arc in the probability of the word.
    raise NotImplementedError("expected_counts")


def em_step(counts: dict[str, int], log_p: dict[str, float]) -> dict[str, float]:
    """New log probabilities for the same pieces, in proportion to their expected counts.

    A count below TINY is raised to TINY first, because log 0 isn't a number. The new probabilities sum to 1.

    >>> {piece: math.exp(value) for piece, value in em_step({"nn": 3, "n": 2}, {"n": -1.0}).items()}
    {'n': 1.0}
    """
    raise NotImplementedError("em_step")


def sample(
    text: str, log_p: dict[str, float], alpha: float = 1.0, generator: torch.Generator | None = None
) -> list[str]:
    """A random segmentation, each drawn in proportion to its probability to the power of `alpha`, 0 or more.

    With alpha = 0 all are equally likely. The penalty of an unknown character counts like any log p.
    `generator` is a CPU generator; None means torch's global one.

    >>> sample("no", {"n": -1.0, "o": -1.0, "no": -1.0}, alpha=1000.0)
    ['no']
    """
    # TODO: draw the last piece, then the one before it.
    raise NotImplementedError("sample")


# ---- Training --------------------------------------------------------------------------------------------------------


def prune(counts: dict[str, int], log_p: dict[str, float], keep: int) -> dict[str, float]:
    """The `keep` pieces that are missed most, with their log p as it was and in the order of `log_p`.

    Single characters all stay, even if they are more than `keep`. The loss of another piece is its expected count times
    (its log p - the log p of the best segmentation of the piece itself from the other pieces). The pieces with
    the largest losses stay. If losses are equal, the piece that comes first in `log_p` stays. `log_p` itself isn't
    changed. You may rely on it: every character of every piece is a piece too.

    >>> list(prune({"no": 9, "on": 1}, {"no": -1.0, "n": -2.0, "on": -1.0, "o": -2.0}, 3))
    ['no', 'n', 'o']
    """
    raise NotImplementedError("prune")


def seed_pieces(counts: dict[str, int], size: int, max_length: int = 8) -> dict[str, float]:
    """Given: all single characters, and the `size` other substrings with the largest count · length.

    Substrings that occur only once are left out. Their log p is the log of their share in all counts; EM corrects it.
    """
    found = Counter()
    for word, count in counts.items():
        for start in range(len(word)):
            for end in range(start + 1, min(start + max_length, len(word)) + 1):
                found[word[start:end]] += count
    longer = [piece for piece, count in found.items() if len(piece) > 1 and count > 1]
    longer.sort(key=lambda piece: (-found[piece] * len(piece), piece))
    pieces = sorted(piece for piece in found if len(piece) == 1) + longer[:size]
    total = sum(found[piece] for piece in pieces)
    return {piece: math.log(found[piece] / total) for piece in pieces}


def train_unigram(
    counts: dict[str, int], vocab_size: int, seed_size: int = 5000, shrink: float = 0.75, em_steps: int = 2
) -> dict[str, float]:
    """`vocab_size` pieces with their log probabilities; fewer only where `seed_pieces` finds fewer.

    It starts from `seed_pieces(counts, seed_size)`. Then it takes turns: it makes `em_steps` EM steps, and prunes to
    `shrink` times as many pieces (rounded down), but never to fewer than `vocab_size`. After the last pruning it makes
    `em_steps` EM steps once more. `em_steps` may be 0, and so may `seed_size`. ValueError if `vocab_size` is less than
    the number of different characters.

    >>> sorted(train_unigram({"no": 9, "on": 1}, 3))
    ['n', 'no', 'o']
    """
    raise NotImplementedError("train_unigram")


def main() -> None:
    from shared.data import tiny_shakespeare

    counts = dict(count_words(tiny_shakespeare()).most_common(4000))
    log_p = train_unigram(counts, 1000, seed_size=3000)
    print("most probable ", " ".join(sorted(log_p, key=log_p.get)[:-21:-1]))
    word = "▁unquestionable"
    print("best          ", " ".join(viterbi(word, log_p)))
    generator = torch.Generator().manual_seed(0)
    for alpha in (1.0, 0.3, 0.1):
        for _ in range(4):
            print(f"alpha = {alpha}   ", " ".join(sample(word, log_p, alpha, generator)))


if __name__ == "__main__":
    main()
