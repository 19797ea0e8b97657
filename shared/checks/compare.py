"""Compares what an answer gave with what was expected, and raises `CheckFailed` at the first difference.

The order is always type, shape, dtype, device, NaN and infinity, values; containers are walked item by item.
"""

from collections.abc import Iterable, Mapping, Set
from numbers import Number
from typing import Any

import torch
from torch import Tensor

from shared.checks.describe import shorten, written
from shared.checks.explain import Words, shapes_differ, types_differ, values_differ
from shared.checks.tolerances import tolerances

Tolerance = tuple[float | None, float | None]  # (rtol, atol); where None, the table's
EXACT: Tolerance = (0.0, 0.0)


class CheckFailed(AssertionError):
    """An answer is wrong: `summary` in one sentence, `lines` with the details below it."""

    def __init__(self, summary: str, *lines: str) -> None:
        super().__init__(summary, *lines)
        self.summary = summary
        self.lines = list(lines)

    def __str__(self) -> str:
        return "\n".join([self.summary, *(f"  {line}" for line in self.lines)])


def compare(got: Any, expected: Any, path: str, tolerance: Tolerance) -> None:
    """Nothing where they agree, else CheckFailed. `path` is what the message calls the value; may be empty."""
    __tracebackhide__ = True
    if isinstance(expected, Tensor):
        _tensors(got, expected, path, tolerance)
    elif isinstance(expected, Number):
        _numbers(got, expected, path, tolerance)
    elif isinstance(expected, str):
        _need(isinstance(got, str), got, expected, path)
        _sequences(got, expected, path)
    elif isinstance(expected, Mapping):
        _need(isinstance(got, Mapping), got, expected, path)
        names_agree("keys", got, expected, path)
        for key in expected:
            compare(got[key], expected[key], f"{path or 'answer'}[{key!r}]", tolerance)
    elif isinstance(expected, Set):
        _need(isinstance(got, Set), got, expected, path)
        names_agree("items", sorted(got, key=str), sorted(expected, key=str), path)
    elif isinstance(expected, list | tuple):
        # A function that returns two things may return them as a list; where every bit counts, the kind does too.
        kinds = (list if isinstance(expected, list) else tuple) if tolerance == EXACT else (list, tuple)
        _need(isinstance(got, kinds), got, expected, path)
        if _is_plain(expected) and _is_plain(got):
            _sequences(got, expected, path)
            return
        _raise(_lengths(got, expected, "items"), path)
        for i in range(len(expected)):
            compare(got[i], expected[i], f"{path or 'answer'}[{i}]", tolerance)
    elif type(expected).__name__ == "ndarray":
        _need(type(got).__name__ == "ndarray", got, expected, path)
        compare(torch.as_tensor(got), torch.as_tensor(expected), path, tolerance)
    else:
        _need(got is not None or expected is None, got, expected, path)
        if got != expected:
            _raise((f"expected {shorten(written(expected))}, got {shorten(written(got))}", []), path)


def names_agree(
    kind: str, got: Iterable[str], expected: Iterable[str], path: str = "", spare: Iterable[str] = ()
) -> None:
    """`got` holds the names of `expected`, and no others but `spare` ones; else says which are missing or too many."""
    __tracebackhide__ = True
    given, known = set(got), {*expected, *spare}
    missing = [name for name in expected if name not in given]
    extra = [name for name in got if name not in known]
    lines = [f"missing     {_listed(missing)}"] * bool(missing) + [f"unexpected  {_listed(extra)}"] * bool(extra)
    if lines:
        _raise((f"the {kind} are not the expected ones:", lines), path)


def bounds_of(kind: Tensor, tolerance: Tolerance) -> tuple[float, float]:
    """(rtol, atol), with the table's values where `tolerance` has None."""
    rtol, atol = tolerances(kind.device.type, kind.dtype)
    return rtol if tolerance[0] is None else tolerance[0], atol if tolerance[1] is None else tolerance[1]


def _tensors(got: Any, expected: Tensor, path: str, tolerance: Tolerance) -> None:
    __tracebackhide__ = True
    _need(isinstance(got, Tensor), got, expected, path)
    if got.shape != expected.shape:
        _raise(shapes_differ(got, expected), path)
    for ours, theirs in ((got.dtype, expected.dtype), (got.device, expected.device)):
        if ours != theirs:
            _raise((f"{theirs} expected, {ours} got".replace("torch.", ""), []), path)
    _raise(values_differ(got, expected, *bounds_of(expected, tolerance)), path)


def _numbers(got: Any, expected: Any, path: str, tolerance: Tolerance) -> None:
    __tracebackhide__ = True
    if getattr(got, "ndim", None) == 0 and hasattr(got, "item"):  # a tensor without dims, or a number of numpy's
        tolerance = bounds_of(got, tolerance) if isinstance(got, Tensor) else tolerance
        got = got.item()
    right_kind = isinstance(got, bool) if isinstance(expected, bool) else isinstance(got, Number)
    _need(right_kind and isinstance(got, bool) == isinstance(expected, bool), got, expected, path)
    if isinstance(expected, int) and (isinstance(got, int) or tolerance == EXACT):
        # 3.0 == 3 in Python, but 3.0 cannot index a list.
        if got != expected or not isinstance(got, int):
            _raise((f"expected {expected}, got {got}", []), path)
        return
    like = torch.tensor(0j if isinstance(got + expected, complex) else 0.0)  # most floats are a float32's .item()
    wide = torch.complex128 if like.is_complex() else torch.float64
    ours, theirs = (torch.tensor(value, dtype=wide) for value in (got, expected))
    _raise(values_differ(ours, theirs, *bounds_of(like, tolerance)), path)


def _sequences(got: Any, expected: Any, path: str) -> None:
    """Strings, or lists or tuples of plain values: where they part, with a few items around the place."""
    __tracebackhide__ = True
    text = isinstance(expected, str)
    word, place = ("characters", "character ") if text else ("items", "")
    wrong = [i for i, pair in enumerate(zip(got, expected)) if not _same(*pair)]
    if not wrong and len(got) == len(expected):
        return
    first = wrong[0] if wrong else min(len(got), len(expected))
    many = _lengths(got, expected, word)
    if many:
        summary = f"{many[0]}; the first difference is at {place}[{first}]:"
    elif len(wrong) == 1:
        summary = f"one of the {len(expected)} {word} is wrong, at {place}[{first}]:"
    else:
        summary = f"{len(wrong)} of the {len(expected)} {word} are wrong; the first, at {place}[{first}]:"
    _raise((summary, [f"expected  {_around(expected, first)}", f"got       {_around(got, first)}"]), path)


def _is_plain(value: Any) -> bool:
    """A list or tuple of integers, strings and the like (or tuples of these): compared exactly, shown in a line."""
    return all(
        item is None or isinstance(item, bool | int | str | bytes) or (isinstance(item, tuple) and _is_plain(item))
        for item in value
    )


def _same(a: Any, b: Any) -> bool:
    return a == b and isinstance(a, bool) == isinstance(b, bool)


def _around(value: Any, index: int, reach: int = 4) -> str:
    """The whole where it is short, else the part around `index`, with dots where something was left out."""
    if len(repr(value)) <= 60:
        return written(value)
    if isinstance(value, str):
        reach *= 5
    start, end = max(0, index - reach), index + reach + 1
    part = written(value[start:end])
    left, right = "… " if start else "", " …" if end < len(value) else ""
    return left + part + right


def _lengths(got: Any, expected: Any, word: str) -> Words | None:
    if len(got) == len(expected):
        return None
    return f"{len(expected)} {word if len(expected) != 1 else word[:-1]} expected, {len(got)} got", []


def _listed(names: list[str], most: int = 8) -> str:
    rest = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(map(str, names[:most])) + rest


def _need(right_type: bool, got: Any, expected: Any, path: str) -> None:
    __tracebackhide__ = True
    if not right_type:
        _raise((types_differ(got, expected, whole=not path.endswith("]")), []), path)


def _raise(words: Words | None, path: str) -> None:
    __tracebackhide__ = True
    if words:
        raise CheckFailed(f"{path}: {words[0]}" if path else words[0], *words[1])
