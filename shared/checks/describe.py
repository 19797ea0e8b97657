"""Says in words, or as one would write it, what a value is: in a line, and without running anybody's code."""

import builtins
import unicodedata
from collections.abc import Mapping
from itertools import pairwise
from types import BuiltinFunctionType, FunctionType, MethodType
from typing import Any

import numpy as np
from torch import Tensor

from shared.checks.values import base, class_name, guarded, is_a, text_of, unusual

DIGITS = 60  # of an integer that is written in full


def describe(value: Any) -> str:
    """What kind of thing this is, as one would say it.

    >>> describe([1, 2, 3]), describe(Tensor(2, 3)), describe("cat")
    ('a list of 3 numbers', 'a tensor of shape [2, 3]', "the string 'cat'")
    """
    value = base(value)
    kind = type(value)
    if value is None or kind is bool:
        return str(value)
    if kind in (int, float, complex):
        return f"the number {written(value)}"
    if kind is str:
        return f"the string {shorten(written(value))}"
    if kind is dict:
        return f"a dict with {len(value)} {'entry' if len(value) == 1 else 'entries'}"
    if kind in (list, tuple):
        return f"a {kind.__name__} of {len(value)} {_items(value)}" if value else f"an empty {kind.__name__}"
    if is_a(value, Tensor):
        odd = unusual(value)
        if odd == "nested":
            return "a nested tensor"
        return f"a {odd} tensor of shape {list(value.shape)}".replace("  ", " ")
    if is_a(value, (FunctionType, MethodType, BuiltinFunctionType)):
        return f"the function `{value.__name__}`, not called,"
    return _object(value)


def _object(value: Any) -> str:
    if type(value) is np.ndarray:
        return "a numpy array" if value.dtype.kind in "biufc" else f"a numpy array of {_kind_of_entries(value)}"
    if issubclass(type(value), Mapping):
        try:
            size = guarded(len, value)
            return f"a {class_name(value)} with {size} {'entry' if size == 1 else 'entries'}"
        except Exception:
            pass  # then it is an object like any other
    name = class_name(value)
    if name.lower() in ("tensor", "ndarray") or (hasattr(builtins, name) and type(value).__module__ != "builtins"):
        return f"an object of a class of its own called {name}"
    return f"{'an' if name[:1] in 'aeiouAEIOU' else 'a'} {shorten(name)}"


def _kind_of_entries(array: np.ndarray) -> str:
    return {"O": "objects", "U": "strings", "S": "bytes"}.get(array.dtype.kind, f"dtype {array.dtype}")


def _items(values: list | tuple) -> str:
    plural = "s" if len(values) > 1 else ""
    numbers = (int, float, complex, np.generic)
    for kind, word in ((Tensor, "tensor"), (bool, "bool"), (numbers, "number"), (str, "string")):
        if all(is_a(value, kind) for value in values):
            return word + plural
    return "item" + plural


def written(value: Any) -> str:
    """`repr`, but a combining mark that would sit on the quote in front of it is written as an escape, and an integer
    that no line could hold by its first and last digits.

    >>> written(10**100 + 7)
    '1000000000…0000000007 (101 digits)'
    """
    if type(value) is int and value.bit_length() > 3.4 * DIGITS:
        return _long_integer(value)
    try:
        text = repr(value)
    except ValueError:  # somewhere in it is an integer of more than 4,300 digits, which Python doesn't write
        text = repr(_spelt(value))
    if text.isascii():
        return text
    alone = (unicodedata.category(c)[0] == "M" and before in "'\"" for before, c in pairwise(text))
    return text[0] + "".join(ascii(c)[1:-1] if bare else c for c, bare in zip(text[1:], alone))


def _long_integer(value: int) -> str:
    size = abs(value)
    digits = size.bit_length() * 30103 // 100_000 + 1  # log10(2) is a little less than 0.30103: at most one too many
    while digits < 100_000 and 10 ** (digits - 1) > size:
        digits -= 1
    if digits >= 100_000:
        return f"an integer of some {digits:,} digits"
    first, last = size // 10 ** (digits - 10), size % 10**10
    return f"{'-' if value < 0 else ''}{first}…{last:010d} ({digits} digits)"


class _Spelt:
    """Something that is written in other words."""

    def __init__(self, text: str) -> None:
        self.text = text

    def __repr__(self) -> str:
        return self.text


def _spelt(value: Any) -> Any:
    if type(value) in (list, tuple):
        return type(value)(map(_spelt, value))
    if type(value) is dict:
        return {key: _spelt(item) for key, item in value.items()}
    return _Spelt(_long_integer(value)) if type(value) is int and value.bit_length() > 3.4 * DIGITS else value


def name_of(value: Any) -> str:
    """A name, a key or an item in the middle of a sentence: a string without quotes where that is readable."""
    value = base(value)
    if type(value) is str:
        return value if value.isprintable() and value else written(value)
    return written(value) if type(value) in (int, float, bytes, tuple) else text_of(value)


def shorten(text: str, width: int = 60) -> str:
    return text if len(text) <= width else text[: width - 1] + "…"
