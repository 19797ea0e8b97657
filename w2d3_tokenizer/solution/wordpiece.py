"""BERT's tokenizer: words are cut into the longest pieces that a fixed vocabulary holds.

It goes from text to tokens, from tokens to what the model reads, and back.
`python wordpiece.py` cuts up some texts that are hard to cut.
"""

import re
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import torch
from jaxtyping import Int
from normalize import normalize, split_words
from torch import Tensor

SPECIALS = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")  # every vocabulary here holds all five

CLEANUP = {  # what `decode` replaces, in this order
    " .": ".",
    " ?": "?",
    " !": "!",
    " ,": ",",
    " ' ": "'",
    " n't": "n't",
    " 'm": "'m",
    " do not": " don't",  # no slip of the pen: the reference does it
    " 's": "'s",
    " 've": "'ve",
    " 're": "'re",
}


class Token(NamedTuple):
    """One token, and where it comes from: `original[start:end]`."""

    text: str
    id: int
    start: int
    end: int


@dataclass
class Encoding:
    """What a model is given for one text or one pair of texts: five lists of the same length."""

    tokens: list[str]
    ids: list[int]
    type_ids: list[int]  # 0 for the first text, 1 for the second
    attention_mask: list[int]  # 1 for every token; `pad` adds zeros
    offsets: list[tuple[int, int]]  # (start, end) in the text that the token comes from


# ---- The vocabulary --------------------------------------------------------------------------------------------------


def load_vocab(path: str | Path) -> dict[str, int]:
    r"""Reads a vocabulary file: one token a line, in UTF-8; the first line's token has id 0.

    A token is the whole line without its line break, "\n" or "\r\n", which the last line may lack. (No file has a lone
    "\r".) Nothing else ends a line or is cut off: no blank, tab or U+2028, and no byte order mark at the beginning. A
    blank line counts: the ids after it don't move.
    """
    # BEGIN SOLUTION
    with open(path, encoding="utf-8") as file:
        return {line.rstrip("\n"): i for i, line in enumerate(file)}
    # END SOLUTION


# ---- Words to pieces -------------------------------------------------------------------------------------------------


def split_word(word: str, vocab: Collection[str], unknown: str = "[UNK]", max_chars: int = 100) -> list[str]:
    """Cuts a word into the longest pieces that `vocab` holds, from left to right; pieces after the first begin with ##.

    If no piece fits at some place, or if the word has more than `max_chars` characters (## isn't counted), the result
    is [unknown]. The empty word has no pieces. A piece holds at least one character of the word, and may hold all of
    them. A word may hold any characters; white space in it is a character like any other. The work depends on the
    word's length, not on how many pieces `vocab` has.

    >>> split_word("unaffable", {"un", "##aff", "##able", "##a", "##b"})
    ['un', '##aff', '##able']
    """
    # BEGIN SOLUTION
    if len(word) > max_chars:
        return [unknown]
    pieces, start = [], 0
    while start < len(word):
        # TODO: find the longest piece that begins here; the vocabulary spells it with ## if it isn't the first.
        for end in range(len(word), start, -1):
            piece = "##" * (start > 0) + word[start:end]
            if piece in vocab:
                break
        else:
            return [unknown]
        pieces.append(piece)
        start = end
    return pieces
    # END SOLUTION


def split_specials(text: str, specials: Collection[str]) -> list[tuple[str, int, bool]]:
    """Cuts special tokens out of a raw text. Returns (part, where it starts in `text`, whether it is special),
    in the text's order.

    They are matched exactly as they are spelt, from left to right. If several begin at the same place, the longest is
    taken. No part is empty, but `specials` may be. The text may hold any characters, and thousands of special tokens.

    >>> split_specials("to [MASK] or", ["[SEP]", "[MASK]"])
    [('to ', 0, False), ('[MASK]', 3, True), (' or', 9, False)]
    """
    # BEGIN SOLUTION
    # TODO: re.split keeps what it splits at, if the pattern is one group.
    longest_first = sorted(specials, key=len, reverse=True)
    pattern = "|".join(re.escape(special) for special in longest_first)
    parts = re.split(f"({pattern})", text) if pattern else [text]
    found, start = [], 0
    for i, part in enumerate(parts):
        if part:
            found.append((part, start, i % 2 == 1))
        start += len(part)
    return found
    # END SOLUTION


# ---- The tokenizer ---------------------------------------------------------------------------------------------------


def truncate_pair(first: int, second: int, room: int) -> tuple[int, int]:
    """How many tokens of a pair of texts, `first` and `second` tokens long, stay when there is room for `room` in all.

    The shorter text keeps everything, up to half of the room (rounded down), and the longer one gets the rest. If both
    are equally long, the second counts as the longer. `room` is 0 or more.

    >>> truncate_pair(10, 3, room=8), truncate_pair(10, 3, room=5), truncate_pair(10, 3, room=99)
    ((5, 3), (3, 2), (10, 3))
    """
    # BEGIN SOLUTION
    if first > second:
        return truncate_pair(second, first, room)[::-1]
    first = min(first, room // 2)
    return first, min(second, room - first)
    # END SOLUTION


class WordPieceTokenizer:
    """BERT's tokenizer for a vocabulary that holds SPECIALS. `uncased` drops case and accents."""

    def __init__(self, vocab: dict[str, int], uncased: bool = True):
        self.vocab, self.uncased = vocab, uncased
        self.tokens = {id: token for token, id in vocab.items()}

    def tokenize(self, text: str) -> list[Token]:
        """The tokens of a text, in its order, with offsets into it; SPECIALS in the text are tokens of their own.

        A token's offsets go from the start of the character that its first character comes from to the end of the one
        that its last comes from. A word that can't be cut up is one token [UNK] with the offsets of the whole word.
        A lone surrogate is a ValueError whose message holds its position in `text`. Every call gives a new list.
        """
        # BEGIN SOLUTION
        text.encode()  # fails for a lone surrogate, with a UnicodeEncodeError (a ValueError) that says where it is
        tokens = []
        for part, start, is_special in split_specials(text, SPECIALS):
            if is_special:
                tokens.append(Token(part, self.vocab[part], start, start + len(part)))
                continue
            # TODO: normalise the part, split it into words, and cut up each word.
            normal, origin = normalize(part, self.uncased)
            for left, right in split_words(normal):
                pieces = split_word(normal[left:right], self.vocab)
                # TODO: follow a piece's characters back to the original text.
                for i, piece in enumerate(pieces):
                    end = left + len(piece.removeprefix("##")) if i < len(pieces) - 1 else right
                    tokens.append(Token(piece, self.vocab[piece], start + origin[left], start + origin[end - 1] + 1))
                    left = end
        return tokens
        # END SOLUTION

    def encode(self, text: str, pair: str | None = None, max_length: int | None = None) -> Encoding:
        """What the model reads: [CLS] text [SEP], or [CLS] text [SEP] pair [SEP]. If there would be more than
        `max_length` tokens, the texts are cut as `truncate_pair` says.

        `pair` and the [SEP] after it have type 1, and everything else has type 0. An empty `pair` is a pair too. Added
        tokens have offsets (0, 0); those of `pair` count from its own start. A `max_length` too small for the added
        tokens is a ValueError, and so is a lone surrogate, as in `tokenize`. Every call gives new lists.
        """
        # BEGIN SOLUTION
        first, second = self.tokenize(text), self.tokenize(pair or "")
        added = 2 if pair is None else 3
        if max_length is not None:
            if max_length < added:
                raise ValueError(f"max_length {max_length} is too small for {added} added tokens")
            stay, stay_too = truncate_pair(len(first), len(second), max_length - added)
            first, second = first[:stay], second[:stay_too]
        cls, sep = (Token(special, self.vocab[special], 0, 0) for special in ("[CLS]", "[SEP]"))
        one, two = [cls, *first, sep], [*second, sep] if pair is not None else []
        return Encoding(
            tokens=[token.text for token in one + two],
            ids=[token.id for token in one + two],
            type_ids=[0] * len(one) + [1] * len(two),
            attention_mask=[1] * len(one + two),
            offsets=[(token.start, token.end) for token in one + two],
        )
        # END SOLUTION

    def decode(self, ids: list[int], skip_special: bool = True) -> str:
        """The text of these ids, as well as it can be told.
        Tokens have a space in between, pieces with ## are glued on, and CLEANUP is applied.

        With `skip_special`, SPECIALS are left out first. Ids that the vocabulary lacks are always left out. A negative
        id is a ValueError. The first token that is left gets no space, and keeps its ##. The replacements of CLEANUP
        are applied to each token by itself, together with the space before it, and never across tokens.
        """
        # BEGIN SOLUTION
        parts = []
        for id in ids:
            if id < 0:
                raise ValueError(f"a token can't have the id {id}")
            token = self.tokens.get(id)
            if token is None or (skip_special and token in SPECIALS):
                continue
            if parts:
                token = token[2:] if token.startswith("##") else f" {token}"
            for old, new in CLEANUP.items():
                token = token.replace(old, new)
            parts.append(token)
        return "".join(parts)
        # END SOLUTION


# ---- Batches ---------------------------------------------------------------------------------------------------------


def pad(
    encodings: list[Encoding], pad_id: int = 0, length: int | None = None
) -> dict[str, Int[Tensor, "batch longest"]]:
    """Returns int64 tensors `input_ids`, `token_type_ids` and `attention_mask` for a batch.
    Added tokens stand at the end.

    An added token has the id `pad_id`, type 0 and mask 0. All rows get as long as the longest encoding, or `length`;
    an encoding longer than `length` is a ValueError. A batch without encodings has shape (0, length or 0).
    """
    # BEGIN SOLUTION
    longest = max((len(encoding.ids) for encoding in encodings), default=0)
    if length is None:
        length = longest
    elif length < longest:
        raise ValueError(f"an encoding of {longest} tokens doesn't fit into {length}")

    def batch(rows: list[list[int]], filler: int) -> Tensor:
        padded = [row + [filler] * (length - len(row)) for row in rows]
        return torch.tensor(padded, dtype=torch.int64).reshape(len(rows), length)

    return {
        "input_ids": batch([encoding.ids for encoding in encodings], pad_id),
        "token_type_ids": batch([encoding.type_ids for encoding in encodings], 0),
        "attention_mask": batch([encoding.attention_mask for encoding in encodings], 0),
    }
    # END SOLUTION


def main() -> None:
    from shared.data import bert_vocab_file

    tokenizer = WordPieceTokenizer(load_vocab(bert_vocab_file()))
    for text in [
        "Tokenization isn't hard, is it?",
        "Crème brûlée for [MASK]",
        "東京タワー",
        "ﬁancé 👩‍🚀 ok",
        "x" * 101,
    ]:
        tokens = tokenizer.tokenize(text)
        print(f"text     {text}")
        print("tokens   " + " ".join(token.text for token in tokens))
        print("from     " + " ".join(f"{text[token.start : token.end]}" for token in tokens))
        print("decoded  " + tokenizer.decode([token.id for token in tokens]) + "\n")


if __name__ == "__main__":
    main()
