"""Trains a WordPiece vocabulary: always merges the pair that gains most likelihood for each place where it stands.

`python wordpiece_train.py` learns one from Shakespeare, and reads a few words with it.
"""

from collections import Counter
from fractions import Fraction
from itertools import pairwise

from normalize import normalize, split_words

SPECIALS = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
Symbols = tuple[str, ...]  # a word in pieces, each but the first with ## in front


def count_words(text: str, uncased: bool = True) -> Counter[str]:
    """Given: how often each word of the normalised text occurs. Every punctuation mark is a word."""
    normalized, _ = normalize(text, uncased)
    return Counter(normalized[start:end] for start, end in split_words(normalized))


def split_to_characters(word: str) -> Symbols:
    """Splits a word into its characters, and puts `##` in front of all but the first.
    The empty word gives an empty tuple.

    >>> split_to_characters("hat")
    ('h', '##a', '##t')
    """
    raise NotImplementedError("split_to_characters")


def best_pair(words: dict[Symbols, int], minimum: int = 2) -> tuple[str, str] | None:
    """The two neighbours (a, b) with the largest count(ab) / (count(a) · count(b)), or None if there are none.

    `words` tells how often each word occurs. A symbol or a pair counts once for every place where it stands, and each
    place counts as often as its word. So the word ("o", "##x", "##x", "##x") has the pair of two ##x twice. A word may
    be empty. Pairs with count(ab) < `minimum` are left out. If ratios are equal, the pair with the larger count(ab)
    wins, then the smaller pair in Python's order of tuples. Equal means exactly equal, so don't let rounding decide:
    the README says which formulas are safe. (Where rounding could decide, no count is above 100,000.)

    >>> best_pair({("a", "##t"): 8, ("a", "##n"): 6, ("o", "##x"): 4})  # 8 / (14 · 8), 6 / (14 · 6), 4 / (4 · 4)
    ('o', '##x')
    """
    # TODO: count the symbols and the pairs of neighbours.
    # TODO: among the pairs that are frequent enough, find the best; ties as above.
    raise NotImplementedError("best_pair")


def merge_pair(symbols: Symbols, pair: tuple[str, str]) -> Symbols:
    """Returns `symbols` with every a, b in a row made one piece, from left to right. No symbol is used twice.

    The right one loses its `##` (exactly these two signs), and the left one keeps what it has.
    There may be thousands of symbols, or none.

    >>> merge_pair(("h", "##a", "##h", "##a"), ("##h", "##a"))
    ('h', '##a', '##ha')
    """
    raise NotImplementedError("merge_pair")


def train_wordpiece(
    counts: dict[str, int], vocab_size: int, specials: tuple[str, ...] = SPECIALS, minimum: int = 2
) -> list[str]:
    """A vocabulary of at most `vocab_size` different pieces: `specials` first, then the alphabet, then the merges.

    Each is listed once, where it comes first: a special may be a letter too, or be named twice. The alphabet is every
    symbol of the words split to characters, sorted. It is never cut, so it is a ValueError if specials and alphabet
    together, without what would be listed twice, are more than `vocab_size`. Then `best_pair` (with this `minimum`) is
    merged in all words, and the new piece joins the vocabulary if it isn't in it yet, until the vocabulary is full or
    there is no pair left.

    >>> train_wordpiece({"on": 3, "no": 3, "non": 1}, 7, specials=("[UNK]",))
    ['[UNK]', '##n', '##o', 'n', 'o', 'no', 'on']
    """
    # TODO: split the words; two words never have the same symbols.
    # TODO: merge until the vocabulary is full.
    raise NotImplementedError("train_wordpiece")


def main() -> None:
    from wordpiece import split_word

    from shared.data import tiny_shakespeare

    counts = dict(count_words(tiny_shakespeare()).most_common(1000))
    sentence = ["shakespearean", "kings", "must", "banish", "daughters", "tomorrow"]
    for minimum in (2, 100):
        vocab = train_wordpiece(counts, 350, minimum=minimum)
        first_merge = next(i for i, piece in enumerate(vocab) if i >= len(SPECIALS) and len(piece.lstrip("#")) > 1)
        print(f"pairs seen {minimum} times or more\n  first merges   {' '.join(vocab[first_merge : first_merge + 12])}")
        ids = {piece: i for i, piece in enumerate(vocab)}
        print(f"  a sentence     {' '.join(piece for word in sentence for piece in split_word(word, ids))}\n")


if __name__ == "__main__":
    main()
