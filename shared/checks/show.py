"""Writes a call down as one would type it, so that a failing one can be repeated: `softmax(tensor([1.0, 2.0]), dim=0)`.

What is too large, or can't be typed, is told in words: `tensor of shape (3, 40)`, `a GPT2`.
"""

import dataclasses
from collections import Counter
from collections.abc import Iterable
from pathlib import PurePath
from types import BuiltinFunctionType, FunctionType, MethodType, SimpleNamespace
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from shared.checks.describe import describe, shorten, written
from shared.checks.values import base, class_name, guarded, is_a, unusual

NUMBERS = 12  # of a tensor that is shown value by value
ITEMS = 50  # of a list or a dict that is written in full
DEEPEST = 3  # lists inside lists


def describe_call(name: str, args: tuple, kwargs: dict, width: int = 100) -> str:
    """A call as one would write it; where it gets longer than `width`, its longest arguments are shortened.

    >>> describe_call("softmax", (torch.tensor([[1, 2], [3, 4]]),), {"dim": -1})
    'softmax(tensor([[1, 2], [3, 4]]), dim=-1)'
    >>> describe_call("softmax", (torch.zeros(20, 30), -1), {})
    'softmax(tensor of shape (20, 30), -1)'
    """
    values = [("", value) for value in args] + [(f"{key}=", value) for key, value in kwargs.items()]
    parts = [start + show(value) for start, value in values]
    room = width - len(name) - 2 - 2 * (len(parts) - 1)
    if sum(map(len, parts)) > room:
        most = _longest_that_fits([len(part) for part in parts], room)
        parts = [
            part if len(part) <= most else start + _shorter(value, most - len(start))
            for part, (start, value) in zip(parts, values)
        ]
    return f"{name}({', '.join(parts)})"


def _shorter(value: Any, most: int) -> str:
    text = show(value, short=True)
    # Half a tensor helps nobody, so its shape stands in for its numbers, and is never cut.
    return text if is_a(value, (Tensor, np.ndarray)) else shorten(text, max(8, most))


def _longest_that_fits(lengths: list[int], room: int) -> int:
    """How long each may be at most so that all together are no longer than `room`; 20 where that is too little."""
    for count, length in zip(range(len(lengths), 0, -1), sorted(lengths)):
        if length * count > room:
            return max(20, room // count)
        room -= length
    return max(lengths)


def show(value: Any, depth: int = 0, short: bool = False) -> str:
    """One argument. With `short`, in words what would otherwise be written value by value."""
    value = base(value)
    kind = type(value)
    if is_a(value, Tensor):
        return _tensor(value, short)
    if kind is np.ndarray:
        return _array(value, short)
    if kind in (list, tuple, dict, set, frozenset, Counter):
        if (short and not _is_plain(value)) or depth == DEEPEST or len(value) > ITEMS:
            return describe(value)
        return _container(value, depth + 1)
    if is_a(value, torch.device):
        return repr(str(value))
    if is_a(value, torch.dtype) or kind in (range, slice):
        return str(value)
    if kind in (str, bytes, int, float, complex, bool, type(None)):
        return written(value)
    if is_a(value, PurePath):
        return f"Path({('…/' if value.parent.parts else '') + value.name!r})"  # tests write to folders that are gone
    if kind in (FunctionType, BuiltinFunctionType):
        return "a lambda" if value.__name__ == "<lambda>" else value.__name__
    if kind is MethodType:
        return f"{class_name(value.__self__)}.{getattr(value.__func__, '__name__', '…')}"
    if issubclass(kind, type):
        return type.__dict__["__name__"].__get__(value)
    if is_a(value, nn.Module):
        return _module(value)
    if dataclasses.is_dataclass(kind) or kind is SimpleNamespace:
        return f"{class_name(value)}(…)" if depth == DEEPEST else _fields(value, depth + 1)
    return describe(value)


def _is_plain(values: Iterable) -> bool:
    return all(type(item) in (str, bytes, int, float, bool, type(None)) for item in values)


def _container(value: Any, depth: int) -> str:
    kind = type(value)
    if kind is dict:
        return "{" + ", ".join(f"{show(key, depth)}: {show(item, depth)}" for key, item in value.items()) + "}"
    shown = [show(item, depth) for item in value]
    items = ", ".join(shown if kind in (list, tuple) else sorted(shown))
    if kind is list:
        return f"[{items}]"
    if kind is tuple:
        return f"({items},)" if len(value) == 1 else f"({items})"
    if not value:
        return f"{kind.__name__}()"
    return f"{{{items}}}" if kind is set else f"frozenset({{{items}}})"


def _tensor(x: Tensor, short: bool) -> str:
    kind = str(x.dtype).removeprefix("torch.")
    odd = unusual(x) or ("meta" if x.device.type == "meta" else "")
    if odd == "nested":
        return "nested tensor"
    if short or odd or not 0 < x.numel() <= NUMBERS:
        return " ".join(filter(None, [odd, kind if kind != "float32" else "", f"tensor of shape {_shape(x)}"]))
    try:
        values = _numbers(x.detach().cpu())
    except Exception:  # pretended tensors have no values
        return f"tensor of shape {_shape(x)}"
    return f"tensor({values})" if kind in ("float32", "int64", "bool") else f"tensor({values}, dtype=torch.{kind})"


def _shape(x: Any) -> tuple[int, ...]:
    return tuple(map(int, x.shape))


def _numbers(x: Tensor) -> str:
    """Nested lists, each number with as few digits as tell it from its neighbours in its own dtype."""
    if x.dim():
        return "[" + ", ".join(_numbers(row) for row in x) + "]"
    if x.dtype in (torch.float32, torch.float16):
        return str(x.numpy())
    if x.dtype == torch.bfloat16:
        return repr(float(f"{x.item():.4g}"))
    return repr(x.item())


def _array(x: np.ndarray, short: bool) -> str:
    kind = "" if x.dtype in (np.float64, np.int64, np.bool_) else str(x.dtype)
    if short or x.dtype.kind not in "biuf" or not 0 < x.size <= NUMBERS:
        return " ".join(filter(None, [kind, f"array of shape {_shape(x)}"]))
    return f"array({x.tolist()}, dtype=np.{kind})" if kind else f"array({x.tolist()})"


def _module(module: nn.Module) -> str:
    """torch's own layers with what they were made with, others by their class alone."""
    name = class_name(module)
    if not type(module).__module__.startswith("torch.nn.") or len(module._modules):
        return f"{'an' if name[:1] in 'AEIOUaeiou' else 'a'} {name}"
    return f"{name}({module.extra_repr()})"


def _fields(value: Any, depth: int) -> str:
    """`GPT2Config(vocab_size=7, n_embd=8)`: what differs from the defaults."""
    if type(value) is SimpleNamespace:
        chosen = vars(value)
    else:
        chosen = {}
        for field in dataclasses.fields(type(value)):
            try:
                got = guarded(getattr, value, field.name)
                if field.init and not (_has_default(field) and guarded(_same, got, _default(field))):
                    chosen[field.name] = got
            except Exception:
                continue  # it was deleted, or can't be looked at
    return f"{class_name(value)}({', '.join(f'{key}={show(item, depth)}' for key, item in chosen.items())})"


def _has_default(field: dataclasses.Field) -> bool:
    return not (field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING)


def _default(field: dataclasses.Field) -> Any:
    return field.default if field.default_factory is dataclasses.MISSING else field.default_factory()


def _same(a: Any, b: Any) -> bool:
    return type(a) is type(b) and bool(a == b)
