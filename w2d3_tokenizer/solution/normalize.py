"""Turns any text into the plain text whose words BERT looks up, and knows where each of its characters stood before.

Every category below is meant as `unicode8.category` gives it. Each step gives a new list and leaves the one that it
was given alone. Texts may have thousands of characters. `python normalize.py` shows what happens to nasty texts.
"""

from itertools import accumulate, groupby

from unicode8 import category, combining, decompose

Pairs = list[tuple[str, int]]  # a character, and the index in the original text of the character that it comes from

# First and last code point of each block of ideographs that the reference treats as CJK. Kana and Hangul aren't in it.
CJK = [
    (0x3400, 0x4DBF),
    (0x4E00, 0x9FFF),
    (0xF900, 0xFAFF),
    (0x20000, 0x2A6DF),
    (0x2A700, 0x2B81F),
    (0x2B920, 0x2CEAF),
    (0x2F800, 0x2FA1F),
]

# ---- One step each ---------------------------------------------------------------------------------------------------


def clean(pairs: Pairs) -> Pairs:
    """Makes white space a plain space, and drops what can't be seen. Every kept character keeps its index.

    White space is tab, line feed, carriage return, and the categories Zs, Zl and Zp. It drops U+0000, U+FFFD, and
    everything else of category Cc, Cf or Co.

    >>> clean([("a", 4), ("\\n", 5), ("\\u200d", 6), ("b", 7)])
    [('a', 4), (' ', 5), ('b', 7)]
    """
    # BEGIN SOLUTION
    cleaned = []
    for character, origin in pairs:
        if character in "\t\n\r" or category(character) in ("Zs", "Zl", "Zp"):
            cleaned.append((" ", origin))
        elif character != "\ufffd" and category(character) not in ("Cc", "Cf", "Co"):  # U+0000 is Cc
            cleaned.append((character, origin))
    return cleaned
    # END SOLUTION


def space_cjk(pairs: Pairs) -> Pairs:
    """Puts a space before and after each ideograph in the ranges of `CJK`, with the ideograph's index.

    >>> space_cjk([("a", 4), ("\\u4e2d", 5)])
    [('a', 4), (' ', 5), ('中', 5), (' ', 5)]
    """
    # BEGIN SOLUTION
    spaced = []
    for character, origin in pairs:
        ideograph = any(first <= ord(character) <= last for first, last in CJK)
        spaced += [(part, origin) for part in (f" {character} " if ideograph else character)]
    return spaced
    # END SOLUTION


def strip_accents(pairs: Pairs) -> Pairs:
    """Brings the text into NFD, and then drops every character of category Mn.

    In NFD each character is replaced by its canonical decomposition (`decompose`). Then, within each unbroken run of
    parts whose combining class (`combining`) isn't 0, the lower classes come first, and parts of equal class keep their
    order. Indices are given out after the sorting, from left to right. The first part of a character takes the next
    index of `pairs`, and any other part takes that of the part which is now before it.

    >>> strip_accents([("\\u00e9", 4), ("t", 5), ("e", 6), ("\\u0301", 7)])  # "été", but for the t's
    [('e', 4), ('t', 5), ('e', 6)]
    """
    # BEGIN SOLUTION
    # TODO: decompose every character, and note which part is its first.
    parts = [(part, i == 0) for character, _ in pairs for i, part in enumerate(decompose(character))]
    # TODO: sort every run of combining parts.
    ordered = []
    for _, run in groupby(parts, key=lambda pair: combining(pair[0]) > 0):
        ordered += sorted(run, key=lambda pair: combining(pair[0]))
    # TODO: give out the indices, and drop the marks.
    places = accumulate(first for _, first in ordered)  # how many characters have begun
    return [(part, pairs[place - 1][1]) for (part, _), place in zip(ordered, places) if category(part) != "Mn"]
    # END SOLUTION


def lowercase(pairs: Pairs) -> Pairs:
    """Puts each character into lower case by itself, whatever stands beside it.
    One character may become several, and then all of them have its index.

    >>> lowercase([("A", 4), ("\\u00c4", 5)])
    [('a', 4), ('ä', 5)]
    """
    # BEGIN SOLUTION
    return [(part, origin) for character, origin in pairs for part in character.lower()]
    # END SOLUTION


# ---- All of it -------------------------------------------------------------------------------------------------------


def normalize(text: str, uncased: bool = True) -> tuple[str, list[int]]:
    """The text as BERT sees it, and for each of its characters the index in `text` of the one that it comes from.

    Takes the steps above in their order, or only the first two if `uncased` is false. If `text` holds a lone surrogate,
    it raises a ValueError with the first one's index in the message. (If both halves of a pair stand in a `str`, they
    are lone ones too, because a whole pair is one character.)

    >>> normalize("\\tH\\u00e9!")
    (' he!', [0, 1, 2, 3])
    """
    # BEGIN SOLUTION
    text.encode()  # a UnicodeEncodeError is a ValueError, and says where
    pairs = space_cjk(clean([(character, i) for i, character in enumerate(text)]))
    if uncased:
        pairs = lowercase(strip_accents(pairs))
    return "".join(character for character, _ in pairs), [origin for _, origin in pairs]
    # END SOLUTION


def split_words(text: str) -> list[tuple[int, int]]:
    """Where the words of `text` stand, as (start, end).
    The text is cut at white space, and every punctuation mark is a word by itself.

    White space is what `str.isspace` says, except U+001C to U+001F, which are part of a word. Punctuation is the
    category P, and every character of ASCII from "!" to "~" that is neither a letter nor a digit.

    >>> split_words("to  be?")
    [(0, 2), (4, 6), (6, 7)]
    """
    # BEGIN SOLUTION
    spans = []
    start = 0  # of the word that we are in
    for i, character in enumerate(text):
        space = character.isspace() and not "\x1c" <= character <= "\x1f"
        punctuation = category(character).startswith("P") or ("!" <= character <= "~" and not character.isalnum())
        if space or punctuation:
            if start < i:
                spans.append((start, i))
            if punctuation:
                spans.append((i, i + 1))
            start = i + 1
    if start < len(text):
        spans.append((start, len(text)))
    return spans
    # END SOLUTION


NASTY = (
    *("composed accents", "stacked marks", "soft hyphen", "control characters", "Greek final sigma", "Turkish i"),
    *("sharp s", "ligatures", "superscripts and fractions", "Chinese and Latin", "emoji with joiners", "Yoruba"),
)


def visible(text: str) -> str:
    """The text with the code point of each character that one can't see."""
    return "".join(c if c.isprintable() and not combining(c) else f"<{ord(c):04X}>" for c in text)


def main() -> None:
    from shared.data import unicode_torture

    for name in NASTY:
        text = unicode_torture()[name]
        normalized, origins = normalize(text)
        print(f"\n{name}: {visible(text)}")
        for start, end in split_words(normalized):
            word, original = normalized[start:end], text[origins[start] : origins[end - 1] + 1]
            print(f"    {visible(word)}" + f"   from  {visible(original)}" * (word != original))


if __name__ == "__main__":
    main()
