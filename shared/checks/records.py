"""What the checks saw, kept so that a wrong answer can be recognised by the values that it produced.

Every check of `shared.checks` hands what it was given to `recorder` before it judges. When a test fails, the runner
runs it again with a known mistake in place and asks `same_records` whether that mistake produced the same values.
"""

import dataclasses
import itertools
import math
from collections.abc import Callable, Iterator, Mapping, Set
from itertools import islice
from typing import Any

import numpy as np
import torch
from torch import Tensor

from shared.checks.values import base, class_name, guarded, is_a, text_of, unusual

DEEPEST = 50  # lists inside lists
CONTAINERS = 300_000  # inside one value
LARGEST = 1 << 28  # values of a tensor: an expanded view of a few bytes can claim to have any number
MOST = 1_000_000  # items of a container of the answer's own, which may go on for ever
ATOMS = {type(None), bool, int, float, complex, str, bytes}


def freeze(value: Any) -> Any:
    """A copy of `value` that later changes don't reach: tensors as detached CPU clones, containers item by item, other
    objects as text. Whatever `value` is, this ends, and raises nothing."""
    try:
        return _freeze(value, itertools.count(), 0)
    except Exception as error:
        return f"<{class_name(value)}: {class_name(error)}>"


def _freeze(value: Any, containers: Iterator[int], depth: int) -> Any:
    value = base(value)
    if type(value) in ATOMS:
        return value
    if is_a(value, Tensor):
        return _freeze_tensor(value)
    # A list may contain itself, more than once even.
    if depth > DEEPEST or next(containers) > CONTAINERS:
        return f"<{class_name(value)}>"
    return _freeze_object(value, lambda item: _freeze(item, containers, depth + 1))


def _freeze_object(value: Any, freeze_item: Callable[[Any], Any]) -> Any:
    kind = type(value)
    if kind in (list, tuple):
        if ATOMS.issuperset(map(type, value)):
            return [kind.__name__, *value]
        return [kind.__name__, *map(freeze_item, value)]
    if issubclass(kind, Mapping):
        pairs = value.items() if kind is dict else guarded(_pairs, value)
        return {_key(key): freeze_item(item) for key, item in pairs}
    if issubclass(kind, Set):
        items = value if kind in (set, frozenset) else guarded(_items, value)
        return sorted(map(text_of, map(base, items)))
    if issubclass(kind, np.ndarray):
        return ["ndarray", _freeze_array(value, freeze_item)]
    if dataclasses.is_dataclass(kind):
        names = [field.name for field in dataclasses.fields(kind)]
        return {name: freeze_item(guarded(getattr, value, name, None)) for name in names}
    return text_of(value)


def _pairs(mapping: Mapping) -> list[tuple]:
    return [(key, mapping[key]) for key in islice(mapping, MOST)]


def _items(values: Set) -> list:
    return list(islice(values, MOST))


def _freeze_tensor(x: Tensor) -> Any:
    if unusual(x) or x.device.type == "meta" or x.numel() > LARGEST:
        return text_of(x)
    copy = x.detach().cpu().clone()
    if x.is_floating_point() and x.element_size() < 2:  # of 8 bits or fewer, which torch can't compare
        return [str(x.dtype), copy.float()]
    return copy


def _freeze_array(array: np.ndarray, freeze_item: Callable[[Any], Any]) -> Any:
    plain = np.array(array, order="C", subok=False)
    try:
        return torch.from_numpy(plain)
    except TypeError:  # of strings, or of objects
        return [str(plain.dtype), freeze_item(plain.tolist())]


def _key(key: Any) -> Any:
    """A key that can be looked up: every NaN is the same one, and no code of the answer's runs."""
    key = base(key)
    if key is None or type(key) in (bool, int, str, bytes):
        return key
    if type(key) is float:
        return math.nan if math.isnan(key) else key
    return tuple(map(_key, key)) if type(key) is tuple else text_of(key)


class Recorder:
    """The list of what the checks were given since `start`, in order."""

    def __init__(self) -> None:
        self.items: list[Any] = []

    def start(self) -> None:
        self.items = []

    def keep(self, value: Any) -> None:
        self.items.append(freeze(value))


recorder = Recorder()


def same_records(a: Any, b: Any) -> bool:
    """Whether two records hold the same: length, types, dtypes, shapes, and values within a moderate tolerance.

    >>> same_records([torch.tensor([1.0, torch.nan])], [torch.tensor([1.00001, torch.nan])])
    True
    >>> same_records([torch.tensor([1.0])], [torch.tensor([1.0], dtype=torch.float64)])
    False
    """
    if type(a) is not type(b):
        return False
    if isinstance(a, Tensor):
        if a.dtype != b.dtype or a.shape != b.shape:
            return False
        if not (a.is_floating_point() or a.is_complex()):
            return torch.equal(a, b)
        return torch.allclose(a, b, *_record_tolerances(a.dtype), equal_nan=True)
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(same_records(a[key], b[key]) for key in a)
    if isinstance(a, list):
        return len(a) == len(b) and all(map(same_records, a, b))
    if isinstance(a, float):  # usually the `.item()` of a float32
        return math.isclose(a, b, rel_tol=1e-4, abs_tol=1e-6) or (math.isnan(a) and math.isnan(b))
    return bool(a == b)


def _record_tolerances(dtype: torch.dtype) -> tuple[float, float]:
    if dtype in (torch.float64, torch.complex128):
        return 1e-7, 1e-9
    if dtype in (torch.float32, torch.complex64):
        return 1e-4, 1e-6
    return 1e-2, 1e-3
