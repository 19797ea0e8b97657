"""Compares what an answer gave with what was expected, and raises `CheckFailed` at the first difference.

The order is always type, shape, dtype, device, NaN and infinity, values; containers are walked item by item.
"""

import traceback
from collections.abc import Iterable, Mapping, Set
from fractions import Fraction
from itertools import islice
from typing import Any

import numpy as np
import torch
from torch import Tensor

from shared.checks.describe import describe, name_of, shorten, written
from shared.checks.explain import Words, numbers, shapes_differ, types_differ, values_differ
from shared.checks.sequences import is_plain, lengths_differ, sequences_differ
from shared.checks.show import show
from shared.checks.tolerances import tolerances
from shared.checks.values import Unusable, base, class_name, guarded, is_a, ordinary, text_of, unusual

Tolerance = tuple[float | None, float | None]  # (rtol, atol); where None, the table's
EXACT: Tolerance = (0.0, 0.0)
MOST = 1_000_000  # items of a mapping or a set of the answer's own, which may go on for ever


class CheckFailed(AssertionError):
    """An answer is wrong: `summary` in one sentence, `lines` with the details below it. `got` is the very object that a
    check refused, if it was given one."""

    def __init__(self, summary: str, *lines: str) -> None:
        super().__init__(summary, *lines)
        self.got: Any = None
        self.summary = summary
        self.lines = list(lines)

    def __str__(self) -> str:
        return "\n".join([self.summary, *(f"  {line}" for line in self.lines)])


def compare(got: Any, expected: Any, path: str, tolerance: Tolerance) -> None:
    """Nothing where they agree, else CheckFailed. `path` is what the message calls the value; may be empty.

    What an answer gave may be anything; if even looking at it fails, it isn't what was expected.
    """
    __tracebackhide__ = True
    try:
        _compare(got, expected, path, tolerance)
    except CheckFailed:
        raise
    except Exception as error:
        if _is_a_stub(error) or not _can_be_compared(expected, tolerance):
            raise  # an exercise is still to do, or it isn't the answer's fault
        how = str(error) if isinstance(error, Unusable) else f"raises {class_name(error)}"
        summary = f"{describe(got)} can't be compared with {describe(expected)}: looking at it {how}"
        raise CheckFailed(f"{path}: {summary}" if path else summary) from error


def _is_a_stub(error: Exception) -> bool:
    """Not what torch cannot do with tensors of an odd kind."""
    *_, (frame, _) = traceback.walk_tb(error.__traceback__)
    torchs = frame.f_globals.get("__name__", "").partition(".")[0] in ("torch", "shared")
    return isinstance(error, NotImplementedError) and not torchs


def _can_be_compared(expected: Any, tolerance: Tolerance) -> bool:
    try:
        _compare(expected, expected, "", tolerance)
    except Exception:
        return False
    return True


def _compare(got: Any, expected: Any, path: str, tolerance: Tolerance) -> None:
    __tracebackhide__ = True
    try:
        _compare_one(got, expected, path, tolerance)
    except CheckFailed as error:
        if error.got is None:
            error.got = got
        raise


def _compare_one(got: Any, expected: Any, path: str, tolerance: Tolerance) -> None:
    __tracebackhide__ = True
    original, got, expected = got, base(got), base(expected)
    if is_a(expected, Tensor):
        _tensors(got, expected, path, tolerance)
    elif isinstance(expected, int | float | complex | Fraction):
        _numbers(got, expected, path, tolerance)
    elif isinstance(expected, str):
        _need(type(got) is str, got, expected, path)
        _raise(sequences_differ(got, expected), path)
    elif isinstance(expected, Mapping):
        _need(issubclass(type(got), Mapping), original, expected, path)
        given, wanted = _entries(got), _entries(expected)
        names_agree("keys", given, wanted, path)
        for key in wanted:
            _compare(given[key], wanted[key], f"{path or 'answer'}[{text_of(base(key))}]", tolerance)
    elif isinstance(expected, Set):
        _need(issubclass(type(got), Set), original, expected, path)
        names_agree("items", sorted(_items(got), key=text_of), sorted(_items(expected), key=text_of), path)
    elif isinstance(expected, list | tuple):
        # A function that returns two things may return them as a list; where every bit counts, the kind does too.
        kinds = (list if isinstance(expected, list) else tuple,) if tolerance == EXACT else (list, tuple)
        _need(type(got) in kinds, original, expected, path)
        # Beside three other things, `True` is a riddle: then only the one that is wrong is shown.
        unlike = len(got) == len(expected) and len(set(map(type, expected))) > 1
        if not unlike and is_plain(expected) and is_plain(got):
            _raise(sequences_differ(got, expected), path)
            return
        _raise(lengths_differ(got, expected, "items"), path)
        for i in range(len(expected)):
            _compare(got[i], expected[i], f"{path or 'answer'}[{i}]", tolerance)
    elif type(expected) is np.ndarray:
        _need(type(got) is np.ndarray and got.dtype.kind in "biufc", original, expected, path)
        _compare(_from_numpy(got), _from_numpy(expected), path, tolerance)
    else:
        _need(got is not None or expected is None, original, expected, path)
        if got is not expected and not _is_equal(got, expected):
            _raise((f"expected {_told(expected)}, got {_told(got)}", []), path)


def _is_equal(got: Any, expected: Any) -> bool:
    """By the rule of the class of `expected`: an answer of another class can't say that it equals everything."""
    rule = type(expected).__eq__
    return base(guarded(rule, expected, got)) is True


def _told(value: Any) -> str:
    if is_a(value, (Tensor, np.ndarray)):
        return describe(value)
    # Not `repr` of lists: one in itself a few times has no end.
    text = show(value) if type(value) in (list, tuple, dict, set, frozenset) else text_of(value)
    return shorten(" ".join(text.split()))


def _entries(mapping: Any) -> dict:
    """As a dict in which all NaNs are the same key."""
    if type(mapping) is not dict:
        mapping = guarded(lambda: {key: mapping[key] for key in islice(mapping, MOST)})
    return {_the_nan(key): value for key, value in mapping.items()}


def _items(values: Any) -> set:
    return {_the_nan(item) for item in (values if type(values) in (set, frozenset) else guarded(_first, values))}


def _first(values: Iterable) -> list:
    return list(islice(values, MOST))


def _the_nan(key: Any) -> Any:
    key = base(key)
    return "nan" if isinstance(key, float) and key != key else key


def _from_numpy(array: np.ndarray) -> Tensor:
    """torch takes neither negative strides nor the other byte order."""
    return torch.from_numpy(np.array(array, dtype=array.dtype.newbyteorder("="), order="C"))


def names_agree(kind: str, got: Iterable, expected: Iterable, path: str = "", spare: Iterable = ()) -> None:
    """`got` holds the names of `expected`, and no others but `spare` ones; else says which are missing or too many."""
    __tracebackhide__ = True
    got, expected = list(got), list(expected)
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
    _need(is_a(got, Tensor) and unusual(got) == unusual(expected), got, expected, path)
    if got.is_nested:
        _raise(lengths_differ(list(got.unbind()), list(expected.unbind()), "parts"), path)
    elif got.shape != expected.shape:
        _raise(shapes_differ(got, expected), path)
    for given, wanted in ((got.dtype, expected.dtype), (got.device, expected.device)):
        if given != wanted:
            _raise((f"{wanted} expected, {given} got".replace("torch.", ""), []), path)
    if expected.device.type == "meta":
        return  # it has no values
    ours, theirs = ordinary(got), ordinary(expected)
    if ours.shape != theirs.shape:  # nested ones, with parts of other sizes
        _raise(shapes_differ(ours, theirs), path)
    _raise(values_differ(ours, theirs, *bounds_of(theirs, tolerance)), path)


def _numbers(got: Any, expected: Any, path: str, tolerance: Tolerance) -> None:
    __tracebackhide__ = True
    original = got
    if is_a(got, (Tensor, np.ndarray)) and not getattr(got, "is_nested", False) and got.ndim == 0:
        tolerance = bounds_of(got, tolerance) if is_a(got, Tensor) else tolerance
        _need(not is_a(got, Tensor) or got.device.type != "meta", original, expected, path)
        got = base(ordinary(got).item() if is_a(got, Tensor) else got.item())
    right_kind = type(got) is bool if type(expected) is bool else type(got) in (int, float, complex, Fraction)
    _need(right_kind, original, expected, path)
    if isinstance(expected, int) and (isinstance(got, int) or tolerance == EXACT):
        # 3.0 == 3 in Python, but 3.0 cannot index a list.
        if got != expected or not isinstance(got, int):
            given, wanted = numbers(got, expected)
            _raise((f"expected {wanted}, got {given}", []), path)
        return
    try:
        got, expected = (value if isinstance(value, complex) else float(value) for value in (got, expected))
    except OverflowError:
        _raise((f"expected {written(expected)}, got {written(got)}", []), path)
    like = torch.tensor(0j if isinstance(got + expected, complex) else 0.0)  # most floats are a float32's .item()
    wide = torch.complex128 if like.is_complex() else torch.float64
    ours, theirs = (torch.tensor(value, dtype=wide) for value in (got, expected))
    _raise(values_differ(ours, theirs, *bounds_of(like, tolerance)), path)


def _listed(names: list, most: int = 8) -> str:
    rest = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(map(name_of, names[:most])) + rest


def _need(right_type: bool, got: Any, expected: Any, path: str) -> None:
    __tracebackhide__ = True
    if not right_type:
        _raise((types_differ(got, expected, whole=not path.endswith("]")), []), path)


def _raise(words: Words | None, path: str) -> None:
    __tracebackhide__ = True
    if words:
        raise CheckFailed(f"{path}: {words[0]}" if path else words[0], *words[1])
