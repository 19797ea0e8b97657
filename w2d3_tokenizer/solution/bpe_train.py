"""Trains a byte-level BPE: it learns from a text which pairs to merge.

First come the few lines that are plainly right, and then the same merges, a hundred times faster. `python bpe_train.py`
trains a tokenizer on Shakespeare both ways.
"""

import heapq
import json
import time
from collections import Counter, defaultdict
from itertools import pairwise
from pathlib import Path

from bpe import byte_characters, split_text

Pair = tuple[str, str]


def alphabet() -> list[str]:
    """Given: the 256 byte characters in GPT-2's order, which is the order of their code points. A place is an id."""
    return sorted(byte_characters().values())


# ---- Counting --------------------------------------------------------------------------------------------------------


def count_words(text: str) -> Counter[str]:
    """How often each pre-token of GPT-2 occurs in `text`, written in byte characters.

    A lone surrogate has no bytes, so it is a ValueError with its position in `text`.
    (A UnicodeEncodeError is a ValueError.)

    >>> count_words("to be or not to be")[" be"], count_words("to be or not to be")["Ġbe"]
    (0, 2)
    """
    # BEGIN SOLUTION
    text.encode()  # only for its error, which knows the place in the whole text
    characters = byte_characters()
    # Counted first, spelled afterwards: a text has far fewer different words than words.
    words = Counter(split_text(text))
    return Counter({"".join(characters[byte] for byte in word.encode()): count for word, count in words.items()})
    # END SOLUTION


def count_pairs(words: dict[tuple[str, ...], int]) -> Counter[Pair]:
    """How often each two symbols stand side by side. Every word counts as often as `words` says.

    >>> count_pairs({("a", "b", "ab"): 3, ("ab",): 5})
    Counter({('a', 'b'): 3, ('b', 'ab'): 3})
    """
    # BEGIN SOLUTION
    pairs = Counter()
    for symbols, count in words.items():
        for pair in pairwise(symbols):
            pairs[pair] += count
    return pairs
    # END SOLUTION


def replace_pair(symbols: tuple[str, ...], pair: Pair) -> tuple[str, ...]:
    """Returns `symbols`, which may be thousands, with every `pair` in it made one symbol, from left to right.

    >>> replace_pair(("b", "a", "n", "a", "n", "a"), ("a", "n"))
    ('b', 'an', 'an', 'a')
    """
    # BEGIN SOLUTION
    left, right = pair
    merged, i = [], 0
    while i < len(symbols):
        if symbols[i : i + 2] == (left, right):
            merged.append(left + right)
            i += 2
        else:
            merged.append(symbols[i])
            i += 1
    return tuple(merged)
    # END SOLUTION


# ---- Training --------------------------------------------------------------------------------------------------------


def train_naive(counts: Counter[str], vocab_size: int) -> list[Pair]:
    """The merges, in order, that grow the 256 byte characters to a vocabulary of `vocab_size`.
    There are none if `vocab_size` is 256 or less.

    >>> train_naive(Counter({"banana": 2, "bandana": 1}), 258)
    [('a', 'n'), ('b', 'an')]
    """
    # BEGIN SOLUTION
    ids = {character: i for i, character in enumerate(alphabet())}
    words = {tuple(word): count for word, count in counts.items()}
    merges = []
    while len(ids) < vocab_size:
        pairs = count_pairs(words)
        if not pairs:
            break
        left, right = min(pairs, key=lambda pair: (-pairs[pair], ids[pair[0]], ids[pair[1]]))
        merges.append((left, right))
        ids[left + right] = len(ids)
        words = {replace_pair(symbols, (left, right)): count for symbols, count in words.items()}
    return merges
    # END SOLUTION


def train(counts: Counter[str], vocab_size: int) -> list[Pair]:
    """The same merges as `train_naive`. The work of a merge depends on the words that hold its pair, and on no others.

    >>> train(Counter({"banana": 2, "bandana": 1}), 258)
    [('a', 'n'), ('b', 'an')]
    """
    # BEGIN SOLUTION
    # TODO: number the tokens, list the words, count the pairs; for each pair, note which words hold it.
    ids = {character: i for i, character in enumerate(alphabet())}
    words = [(tuple(word), count) for word, count in counts.items()]
    totals = count_pairs(dict(words))
    where = defaultdict(set)  # pair -> indices of all the words that hold it, and perhaps of some that no longer do
    for w, (symbols, _) in enumerate(words):
        for pair in pairwise(symbols):
            where[pair].add(w)

    # TODO: make a heap whose smallest entry is the next pair to merge.

    # The invariant: every pair that still occurs has an entry with its present total. Whenever a total changes, a new
    # entry is pushed and the old one stays where it is. An entry whose total isn't the present one is stale; when it
    # comes to the top it is thrown away, and the one that is right lies further down.
    def entry(pair: Pair):
        return -totals[pair], ids[pair[0]], ids[pair[1]], pair

    heap = [entry(pair) for pair in totals]
    heapq.heapify(heap)
    merges = []
    # TODO: until the vocabulary is full or the heap is empty, take the top;
    # if it is stale, throw it away, and otherwise merge.
    while heap and len(ids) < vocab_size:
        top = heapq.heappop(heap)
        pair = top[-1]
        if top != entry(pair):
            continue
        merges.append(pair)
        ids[pair[0] + pair[1]] = len(ids)
        change = Counter()
        for w in where.pop(pair):
            before, count = words[w]
            after = replace_pair(before, pair)
            words[w] = after, count
            for old in pairwise(before):
                change[old] -= count
            for new in pairwise(after):
                change[new] += count
                where[new].add(w)
        for changed, difference in change.items():
            totals[changed] += difference
            if difference and totals[changed]:
                heapq.heappush(heap, entry(changed))
    return merges
    # END SOLUTION


# ---- Files -----------------------------------------------------------------------------------------------------------


def vocabulary(merges: list[Pair], specials: tuple[str, ...] = ("<|endoftext|>",)) -> dict[str, int]:
    """A dictionary from token to id, in the order of ids:
    the byte characters, then what each merge makes, then the special tokens.

    >>> vocab = vocabulary([("t", "h"), ("Ġ", "th")])
    >>> vocab["!"], vocab["th"], vocab["Ġth"], vocab["<|endoftext|>"]
    (0, 256, 257, 258)
    """
    # BEGIN SOLUTION
    tokens = [*alphabet(), *(left + right for left, right in merges), *specials]
    return {token: i for i, token in enumerate(tokens)}
    # END SOLUTION


def save(folder: str | Path, merges: list[Pair], specials: tuple[str, ...] = ("<|endoftext|>",)) -> None:
    r"""Writes `vocab.json` and `merges.txt` as GPT-2 has them.
    Older files are overwritten, and `folder` is made if it isn't there.

    vocab.json holds `vocabulary(merges, specials)` in its order. merges.txt begins with the line `#version: 0.2`, then
    has one merge a line, its two symbols separated by a space. Both are UTF-8, and lines end in "\n", even on Windows.
    """
    # BEGIN SOLUTION
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    lines = ["#version: 0.2", *(f"{left} {right}" for left, right in merges)]
    (folder / "vocab.json").write_bytes(json.dumps(vocabulary(merges, specials)).encode())
    # As bytes: written as text, the letters and the line ends would be those that the machine prefers.
    (folder / "merges.txt").write_bytes(("\n".join(lines) + "\n").encode())
    # END SOLUTION


def main() -> None:
    from shared.data import tiny_shakespeare

    text = tiny_shakespeare()
    start = time.process_time()
    counts = count_words(text)
    print(f"{counts.total():,} words, {len(counts):,} different; counted in {time.process_time() - start:.2f} s")

    start = time.process_time()
    few = train_naive(counts, 256 + 20)
    naive = (time.process_time() - start) / len(few)
    start = time.process_time()
    merges = train(counts, 256 + 4000)
    fast = (time.process_time() - start) / len(merges)
    print(f"one merge takes {naive * 1000:.0f} ms naively, {fast * 1000:.2f} ms with an index and a heap")
    print("the first merges agree:", merges[: len(few)] == few)

    print("\nfirst    ", *(left + right for left, right in merges[:20]))
    print("last     ", *(left + right for left, right in merges[-8:]))
    print("longest  ", *sorted((left + right for left, right in merges), key=len)[-8:])


if __name__ == "__main__":
    main()
