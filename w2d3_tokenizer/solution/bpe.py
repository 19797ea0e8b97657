"""GPT-2's tokenizer, which is a byte-level BPE.

It writes bytes as printable characters, cuts text into words, and merges each word from its bytes, with a table of
50,000 pairs that somebody has learned. Radford et al. 2019, "Language Models are Unsupervised Multitask Learners",
section 2.2; merging is Sennrich et al. 2016, "Neural Machine Translation of Rare Words with Subword Units".
`python bpe.py` shows it at work.
"""

import json
import math
import time
from collections.abc import Collection, Iterable, Sequence
from itertools import pairwise
from pathlib import Path

import regex

# ---- Bytes -----------------------------------------------------------------------------------------------------------


def byte_characters() -> dict[int, str]:
    """GPT-2's printable character for each of the 256 bytes.

    Bytes 33 to 126, 161 to 172 and 174 to 255 stand for the characters with these code points. The 68 others, in
    order, get the code points 256, 257, 258 and so on.

    >>> characters = byte_characters()
    >>> characters[ord("A")], characters[0], characters[ord(" ")]
    ('A', 'Ā', 'Ġ')
    """
    # BEGIN SOLUTION
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [byte for byte in range(256) if byte not in printable]
    return {byte: chr(byte) for byte in printable} | {byte: chr(256 + i) for i, byte in enumerate(others)}
    # END SOLUTION


# ---- Words -----------------------------------------------------------------------------------------------------------

# Given: letters and numbers as the references know them, those of Unicode 16. The `regex` module knows later ones too.
# Both are sets; under regex.V1 a set may stand inside another. (Naming a-z first only makes it faster.)
NEWER = (
    r"\u0558\u058B-\u058C\u088F\u0C5C\u0CDC\u208F\u209D-\u209F\uA7CE-\uA7CF\uA7D2\uA7D4\uA7DD-\uA7F1\uAB6C-\uAB6D"
    r"\U000107BB-\U000107BF\U00010940-\U00010959\U00010EC5-\U00010EEE\U00011B0A\U00011DB0-\U00011DF1"
    r"\U0001246F-\U0001247F\U00012550-\U00012686\U00016EA0-\U00016ED3\U00016FF2-\U00016FF6\U000187F8-\U000187FF"
    r"\U00018CD6-\U00018CDA\U00018D09-\U000191D2\U0001B123-\U0001B128\U0001B168\U0001D6A6\U0001DF1F-\U0001DF24"
    r"\U0001DF2B-\U0001DFFF\U0001E6C0-\U0001E6FF\U0002B73A-\U0002B73F\U0002B81E\U0002CEA2-\U0002CEAD"
    r"\U000323B0-\U0003FC3F"
)
LETTER = rf"[a-zA-Z[\p{{L}}--[{NEWER}]]]"
NUMBER = rf"[0-9[\p{{N}}--[{NEWER}]]]"


def split_text(text: str) -> list[str]:
    r"""Cuts `text` into the words that merges never cross. None of them is empty, and joined they are `text` again.

    White space is what `\s` matches. At each place it takes the first of the README's six alternatives that fits, and
    makes it as long as it can be: a contraction; letters, numbers, or anything else that isn't white space, each of
    these three with one space before it or none; white space without its last character, where other text follows;
    white space.

    >>> split_text("Don't panic, it's 42!")
    ['Don', "'t", ' panic', ',', ' it', "'s", ' 42', '!']
    """
    # BEGIN SOLUTION
    # TODO: write one pattern, with the alternatives in order, and with LETTER and NUMBER;
    # then call regex.findall(pattern, text, regex.V1).
    contractions = "'s|'t|'re|'ve|'m|'ll|'d"
    words = rf" ?{LETTER}+| ?{NUMBER}+| ?[^\s{LETTER}{NUMBER}]+"
    return regex.findall(rf"{contractions}|{words}|\s+(?!\S)|\s+", text, regex.V1)
    # END SOLUTION


# ---- Merging ---------------------------------------------------------------------------------------------------------


def merge_word(symbols: Sequence[str], ranks: dict[tuple[str, str], int]) -> list[str]:
    """The symbols of one word after all merges that apply.

    Of all pairs of neighbours, the one with the lowest rank is merged, wherever it stands, from left to right. Then the
    same is done again with what is there now, until no pair of neighbours is in `ranks`. As in any table that was
    learned, a pair that makes a symbol has a lower rank than the pairs that use it. The list is a new one, and
    `symbols` stays as it is. A word may have thousands of symbols, or none. The work depends on how many it has, not on
    how many pairs `ranks` has: those are 50,000, and this is called for every word.

    >>> merge_word("banana", {("a", "n"): 0, ("b", "an"): 1})
    ['ban', 'an', 'a']
    """
    # BEGIN SOLUTION
    # TODO: find the lowest rank among the neighbours, merge from left to right without overlap, and repeat.
    symbols = list(symbols)
    while True:
        best = min(pairwise(symbols), key=lambda pair: ranks.get(pair, math.inf), default=None)
        if best not in ranks:
            return symbols
        merged, i = [], 0
        while i < len(symbols):
            if tuple(symbols[i : i + 2]) == best:
                merged.append(symbols[i] + symbols[i + 1])
                i += 2
            else:
                merged.append(symbols[i])
                i += 1
        symbols = merged
    # END SOLUTION


# ---- The tokenizer ---------------------------------------------------------------------------------------------------


class BPETokenizer:
    """Byte-level BPE. `specials` gives the id of each special token; these are matched exactly as they are written.

    `vocab` holds each byte character, the result of each merge and perhaps the specials; `merges` come lowest rank
    first.
    """

    def __init__(self, vocab: dict[str, int], merges: list[tuple[str, str]], specials: dict[str, int] | None = None):
        self.vocab = vocab
        self.ranks = {pair: rank for rank, pair in enumerate(merges)}
        self.specials = specials or {}
        self.tokens = {id: token for token, id in vocab.items()}
        self.special_texts = {id: special for special, id in self.specials.items()}
        self.characters = byte_characters()
        self.bytes = {character: byte for byte, character in self.characters.items()}
        self.cache: dict[str, list[int]] = {}  # the ids of every word met so far; a server would have to bound it

    @classmethod
    def from_files(
        cls, vocab_path: str | Path, merges_path: str | Path, specials: Iterable[str] = ("<|endoftext|>",)
    ) -> "BPETokenizer":
        """Reads a JSON object {token: id}, and a text that has one merge a line, "left right",
        below a version line, which it skips.

        Both are UTF-8, and the last line may lack its line break. `specials`, which may be a generator, are looked up
        in the vocabulary. One that isn't there is a ValueError that names it. Called on a subclass, it makes an
        instance of that subclass.
        """
        # BEGIN SOLUTION
        vocab = json.loads(Path(vocab_path).read_text(encoding="utf-8"))
        lines = Path(merges_path).read_text(encoding="utf-8").splitlines()
        merges = [tuple(line.split()) for line in lines[1:]]
        ids = {}
        for special in specials:
            if special not in vocab:
                raise ValueError(f"the vocabulary has no {special!r}")
            ids[special] = vocab[special]
        return cls(vocab, merges, ids)
        # END SOLUTION

    def encode_ordinary(self, text: str) -> list[int]:
        """The ids of `text`, in which special tokens are text like any other.

        Each different word, however long it is and however many there are, is merged once and then remembered in
        `self.cache`. The list belongs to the caller.
        """
        # BEGIN SOLUTION
        # TODO: for each word, write its UTF-8 bytes as characters, merge them, and look them up in the vocabulary.
        ids = []
        for word in split_text(text):
            if word not in self.cache:
                symbols = [self.characters[byte] for byte in word.encode()]
                self.cache[word] = [self.vocab[symbol] for symbol in merge_word(symbols, self.ranks)]
            ids += self.cache[word]
        return ids
        # END SOLUTION

    def encode(
        self,
        text: str,
        allowed_special: Collection[str] | str = frozenset(),
        disallowed_special: Collection[str] | str = "all",
    ) -> list[int]:
        """The ids of `text`, as tiktoken gives them.

        allowed_special     specials that become their id where they stand; "all" means all of `self.specials`. If two
                            overlap, the one that begins first counts; if two begin at the same place, it is the
                            longer one (tiktoken leaves that open). Strings that aren't special are ignored.
        disallowed_special  strings that `text` must not hold. If it does, that is a ValueError that names the string,
                            even if it is allowed as well, or stands inside a special that is allowed. "all" means
                            the specials that aren't allowed.
        A special that is neither is text like any other. `text` may hold thousands of specials. A lone surrogate (half
        of a UTF-16 pair, which has no UTF-8) is a ValueError whose message has its position in `text`. (A
        UnicodeEncodeError is a ValueError.)
        """
        # BEGIN SOLUTION
        text.encode()  # only for its error, which knows the position in the whole text
        # TODO: settle what "all" means, look for what is disallowed, and cut the text at what is allowed.
        allowed = self.specials.keys() & (self.specials if allowed_special == "all" else allowed_special)
        disallowed = self.specials.keys() - allowed if disallowed_special == "all" else disallowed_special
        for special in disallowed:
            if special in text:
                raise ValueError(f"the text holds {special!r}, at {text.index(special)}, which is not allowed")
        if not allowed:
            return self.encode_ordinary(text)
        longest_first = sorted(allowed, key=len, reverse=True)
        ids = []
        for part in regex.split("(" + "|".join(map(regex.escape, longest_first)) + ")", text):
            ids += [self.specials[part]] if part in allowed else self.encode_ordinary(part)
        return ids
        # END SOLUTION

    def decode(self, ids: Iterable[int]) -> str:
        """The text of `ids`: the bytes of all tokens are joined, and then read as UTF-8.

        Bytes that aren't UTF-8 become U+FFFD, as Python's errors="replace" does it. A special becomes its text. An id
        that is neither in the vocabulary nor a special's (a negative one, say) is a ValueError that names it. The work
        depends on how many ids there are, not on the vocabulary.
        """
        # BEGIN SOLUTION
        parts = []
        for id in ids:
            if id in self.special_texts:
                parts.append(self.special_texts[id].encode())
            elif id in self.tokens:
                parts.append(bytes(self.bytes[character] for character in self.tokens[id]))
            else:
                raise ValueError(f"there is no token {id}")
        return b"".join(parts).decode("utf-8", errors="replace")
        # END SOLUTION


def main() -> None:
    from shared.data import gpt2_bpe_files, tiny_shakespeare

    gpt2 = BPETokenizer.from_files(*gpt2_bpe_files())
    print("GPT-2's tokens; Ġ is a space, Ċ a line break, and ä, € and 👍 are more than one byte")
    for text in (
        "banana",
        " banana",
        "Banana bandana",
        "They've said: DON'T.",
        "if x:\n        return 1234567",
        "Käse für 3 € 👍",
        "<|endoftext|>",
    ):
        ids = gpt2.encode(text, disallowed_special=())
        print(f"  {text!r:34} {len(ids):2}  {' · '.join(gpt2.tokens[id] for id in ids)}")
    print("\nthe special token, allowed:", gpt2.encode("one<|endoftext|>two", allowed_special="all"))
    thumb = gpt2.encode("👍")
    print(f"the tokens of 👍, one by one and together: {[gpt2.decode([id]) for id in thumb]} {gpt2.decode(thumb)!r}")

    shakespeare = tiny_shakespeare()
    for name in ("cold", "warm"):
        start = time.perf_counter()
        ids = gpt2.encode(shakespeare)
        seconds = time.perf_counter() - start
        print(f"\nShakespeare, {name}: {len(ids):,} tokens, {len(shakespeare) / seconds / 1e6:.1f} MB/s", end="")
    print(f"; decoded again, it is the same: {gpt2.decode(ids) == shakespeare}")


if __name__ == "__main__":
    main()
