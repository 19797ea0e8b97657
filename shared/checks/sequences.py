"""Says in words where two strings, or two lists of plain values, part."""

from collections.abc import Sequence
from typing import Any

from shared.checks.describe import written

Words = tuple[str, list[str]]


def sequences_differ(got: Sequence, expected: Sequence) -> Words | None:
    """For strings, or lists or tuples of plain values: None where they agree, else where they part, with a few items
    around the place.

    >>> sequences_differ("hullo", "hello")
    ('one of the 5 characters is wrong, at character [1]:', ["expected  'hello'", "got       'hullo'"])
    """
    text = isinstance(expected, str)
    word, place = ("characters", "character ") if text else ("items", "")
    wrong = [i for i, pair in enumerate(zip(got, expected)) if not _same(*pair)]
    if not wrong and len(got) == len(expected):
        return None
    first = wrong[0] if wrong else min(len(got), len(expected))
    many = lengths_differ(got, expected, word)
    if many:
        summary = f"{many[0]}; the first difference is at {place}[{first}]:"
    elif len(expected) == 1:
        summary = f"its only {word[:-1]} is wrong:"
    elif len(wrong) == 1:
        summary = f"one of the {len(expected)} {word} is wrong, at {place}[{first}]:"
    elif len(wrong) == len(expected):
        everything = "both" if len(wrong) == 2 else f"all {len(wrong)}"
        summary = f"{everything} {word} are wrong; the first, at {place}[{first}]:"
    else:
        summary = f"{len(wrong)} of the {len(expected)} {word} are wrong; the first, at {place}[{first}]:"
    return summary, [f"expected  {_around(expected, first)}", f"got       {_around(got, first)}"]


def is_plain(value: Sequence, depth: int = 3) -> bool:
    """A list or tuple of integers, strings and the like (or tuples of these): compared exactly, shown in a line."""
    kinds = set(map(type, value))
    if kinds <= _PLAIN:
        return True
    return kinds <= _PLAIN | {tuple} and depth > 0 and all(is_plain(x, depth - 1) for x in value if type(x) is tuple)


_PLAIN = {type(None), bool, int, str, bytes}


def _same(a: Any, b: Any) -> bool:
    return bool(a == b) and isinstance(a, bool) == isinstance(b, bool)


def _around(value: Any, index: int, reach: int = 4) -> str:
    """The whole where it is short, else the part around `index`, with dots where something was left out."""
    if len(value) <= 60 and len(whole := written(value)) <= 60:
        return whole
    if isinstance(value, str):
        reach *= 5
    start, end = max(0, index - reach), index + reach + 1
    part = written(value[start:end])
    left, right = "… " if start else "", " …" if end < len(value) else ""
    return left + part + right


def lengths_differ(got: Any, expected: Any, word: str) -> Words | None:
    if len(got) == len(expected):
        return None
    return f"{len(expected)} {word if len(expected) != 1 else word[:-1]} expected, {len(got)} got", []
