"""Says in words, or as one would write it, what a value or a call is: in a line, and without running anybody's code."""

import unicodedata
from collections import Counter
from collections.abc import Mapping
from itertools import pairwise
from numbers import Number
from typing import Any

import torch
from torch import Tensor


def describe(value: Any) -> str:
    """What kind of thing this is, as one would say it.

    >>> describe([1, 2, 3]), describe(torch.zeros(2, 3)), describe("cat")
    ('a list of 3 numbers', 'a tensor of shape [2, 3]', "the string 'cat'")
    """
    if isinstance(value, Tensor):
        return f"a tensor of shape {list(value.shape)}"
    if value is None or isinstance(value, bool):
        return str(value)
    if isinstance(value, Number):
        return f"the number {value}"
    if isinstance(value, str):
        return f"the string {shorten(written(value))}"
    if isinstance(value, Mapping):
        return f"a dict with {len(value)} {'entry' if len(value) == 1 else 'entries'}"
    if isinstance(value, list | tuple):
        kind = "list" if isinstance(value, list) else "tuple"
        return f"a {kind} of {len(value)} {_items(value)}" if value else f"an empty {kind}"
    if type(value).__name__ in ("function", "method", "builtin_function_or_method"):
        return f"the function `{value.__name__}`, not called,"
    name = {"ndarray": "numpy array"}.get(type(value).__name__, type(value).__name__)
    return f"{'an' if name[0] in 'aeiouAEIOU' else 'a'} {name}"


def _items(values: list | tuple) -> str:
    plural = "s" if len(values) > 1 else ""
    for kind, word in ((Tensor, "tensor"), (bool, "bool"), (Number, "number"), (str, "string")):
        if all(isinstance(value, kind) for value in values):
            return word + plural
    return "item" + plural


def describe_call(name: str, args: tuple, kwargs: dict, width: int = 100) -> str:
    """A call as one would write it, with tensors by their shapes, and the rest shortened to fit.

    >>> describe_call("softmax", (torch.zeros(2, 3),), {"dim": -1})
    'softmax(tensor [2, 3], dim=-1)'
    """
    parts = [_argument(value) for value in args] + [f"{key}={_argument(value)}" for key, value in kwargs.items()]
    room = max(20, (width - len(name)) // max(1, len(parts)) - 2)
    if sum(map(len, parts)) > width - len(name):
        parts = [shorten(part, room) for part in parts]
    return f"{name}({', '.join(parts)})"


def _argument(value: Any) -> str:
    if isinstance(value, Tensor):
        return f"tensor {list(value.shape)}"
    if isinstance(value, torch.dtype | torch.device):
        return str(value)
    return written(value) if _is_small(value) else describe(value)


def _is_small(value: Any) -> bool:
    """Made of Python's own types alone, and of none of their subclasses: looking at it or writing it runs no code."""
    kind = type(value)
    if kind in (dict, Counter):
        return len(value) <= 50 and all(map(_is_small, value)) and all(map(_is_small, value.values()))
    if kind in (list, tuple, set, frozenset):
        return len(value) <= 50 and all(map(_is_small, value))
    return kind in (str, bytes, int, float, bool, slice, type(None))


def written(value: Any) -> str:
    """`repr`, but a combining mark that would sit on the quote in front of it is written as an escape."""
    text = repr(value)
    if text.isascii():
        return text
    alone = (unicodedata.category(c)[0] == "M" and before in "'\"" for before, c in pairwise(text))
    return text[0] + "".join(ascii(c)[1:-1] if bare else c for c, bare in zip(text[1:], alone))


def shorten(text: str, width: int = 60) -> str:
    return text if len(text) <= width else text[: width - 1] + "…"
