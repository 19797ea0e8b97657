"""What the checks saw, kept so that a wrong answer can be recognised by the values that it produced.

Every check of `shared.checks` hands what it was given to `recorder` before it judges. When a test fails, the runner
runs it again with a known mistake in place and asks `same_records` whether that mistake produced the same values.
"""

import dataclasses
import math
import re
from collections.abc import Mapping
from numbers import Number
from typing import Any

import torch
from torch import Tensor


def freeze(value: Any) -> Any:
    """A copy of `value` that later changes don't reach: tensors as detached CPU clones, containers item by item, other
    objects as text."""
    if isinstance(value, Tensor):
        return value.detach().cpu().clone()
    if value is None or isinstance(value, bool | Number | str | bytes):
        return value
    if isinstance(value, Mapping):
        return {key: freeze(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [type(value).__name__, *map(freeze, value)]
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: freeze(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, set | frozenset):
        return sorted(map(repr, value))
    if type(value).__name__ == "ndarray":
        return ["ndarray", freeze(torch.as_tensor(value.copy()))]
    return re.sub(r" at 0x[0-9a-fA-F]+", "", repr(value))


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
    return a == b


def _record_tolerances(dtype: torch.dtype) -> tuple[float, float]:
    if dtype in (torch.float64, torch.complex128):
        return 1e-7, 1e-9
    if dtype in (torch.float32, torch.complex64):
        return 1e-4, 1e-6
    return 1e-2, 1e-3
