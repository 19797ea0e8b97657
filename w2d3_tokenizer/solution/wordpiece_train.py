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
    # BEGIN SOLUTION
    return tuple(character if i == 0 else "##" + character for i, character in enumerate(word))
    # END SOLUTION


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
    # BEGIN SOLUTION
    # TODO: count the symbols and the pairs of neighbours.
    single, double = Counter(), Counter()
    for symbols, count in words.items():
        for symbol in symbols:
            single[symbol] += count
        for pair in pairwise(symbols):
            double[pair] += count
    # TODO: among the pairs that are frequent enough, find the best; ties as above.
    ranked = ((-Fraction(n, single[a] * single[b]), -n, (a, b)) for (a, b), n in double.items() if n >= minimum)
    return min(ranked, default=[None])[-1]
    # END SOLUTION


def merge_pair(symbols: Symbols, pair: tuple[str, str]) -> Symbols:
    """Returns `symbols` with every a, b in a row made one piece, from left to right. No symbol is used twice.

    The right one loses its `##` (exactly these two signs), and the left one keeps what it has.
    There may be thousands of symbols, or none.

    >>> merge_pair(("h", "##a", "##h", "##a"), ("##h", "##a"))
    ('h', '##a', '##ha')
    """
    # BEGIN SOLUTION
    merged, i = [], 0
    while i < len(symbols):
        if symbols[i : i + 2] == pair:
            merged.append(pair[0] + pair[1][2:])
            i += 2
        else:
            merged.append(symbols[i])
            i += 1
    return tuple(merged)
    # END SOLUTION


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
    # BEGIN SOLUTION
    # TODO: split the words; two words never have the same symbols.
    words = {split_to_characters(word): count for word, count in counts.items()}
    alphabet = {symbol for symbols in words for symbol in symbols}
    vocab = [*dict.fromkeys(specials), *sorted(alphabet.difference(specials))]
    if len(vocab) > vocab_size:
        raise ValueError(f"specials and alphabet are {len(vocab)} pieces, more than {vocab_size}")
    # TODO: merge until the vocabulary is full.
    while len(vocab) < vocab_size and (pair := best_pair(words, minimum)):
        words = {merge_pair(symbols, pair): count for symbols, count in words.items()}
        piece = pair[0] + pair[1][2:]
        if piece not in vocab:
            vocab.append(piece)
    return vocab
    # END SOLUTION


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
