"""Looks at what an answer gave without trusting it: its `__eq__`, `__repr__` or `__len__` may raise, exit or loop.

There are two ways. `base` gives a value whose class derives from one of Python's own, or from torch's tensor, as a
value of that: nothing that the class overrides is called. Where code of the answer's has to run, `guarded` runs it.
"""

import re
import sys
from collections.abc import Callable
from types import FrameType
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

STEPS = 100_000  # lines of Python that one method of an answer's may take before it counts as endless


class Unusable(Exception):
    """Code of the answer's failed when a check had to run it; the message says how."""


class _Endless(BaseException):
    """Not an Exception: an `except Exception` in the endless loop must not catch it."""


def guarded(call: Callable, *args: Any) -> Any:
    """`call(*args)`; Unusable if that raises, exits or goes on for too long.

    A loop in Python is ended; one inside a library written in C is left to the clock that watches the whole test.
    """
    steps = 0

    def count(frame: FrameType, event: str, arg: Any) -> Callable:
        nonlocal steps
        steps += 1
        if steps > STEPS:
            raise _Endless
        return count

    before = sys.gettrace()
    sys.settrace(count)
    try:
        return call(*args)
    except (KeyboardInterrupt, NotImplementedError):  # somebody's Ctrl-C; an exercise that is still to do
        raise
    except _Endless:
        raise Unusable("never ends") from None
    except BaseException as error:
        raise Unusable(f"raises {class_name(error)}") from None
    finally:
        sys.settrace(before)


def class_name(value: Any) -> str:
    """The name of its class, whatever a metaclass says."""
    return str.__str__(type.__dict__["__name__"].__get__(type(value)))


def is_a(value: Any, kind: type | tuple[type, ...]) -> bool:
    """`isinstance` by what the object really is: a property called `__class__` isn't asked."""
    return issubclass(type(value), kind)


def base(value: Any) -> Any:
    """The value without its class, where that derives from one of Python's own, torch's tensor or numpy's scalars.

    >>> from collections import Counter
    >>> base(Counter("aa")), base(torch.Size([2, 3])), base(np.float64(0.5))
    ({'a': 2}, (2, 3), 0.5)
    """
    kind = type(value)
    if kind in _OWN:
        return value
    if issubclass(kind, np.generic) and not issubclass(kind, np.void | np.longdouble | np.clongdouble):
        value = np.generic.item(value)  # np.str_ and np.float64 derive from Python's own as well
    for parent, convert in _PARENTS.items():
        if issubclass(kind, parent):
            return convert(value)
    return value


def _tensor(value: Tensor) -> Tensor:
    try:
        with torch._C.DisableTorchFunctionSubclass():
            return Tensor.as_subclass(value, Tensor)
    except Exception:  # some of torch's own classes refuse
        return value


_PARENTS: dict[type, Callable] = {
    bool: bool,
    int: int.__int__,
    float: float.__float__,
    complex: complex.__complex__,
    str: str.__str__,
    bytes: bytes.__bytes__,
    list: lambda value: [*list.__iter__(value)],
    tuple: lambda value: (*tuple.__iter__(value),),
    dict: lambda value: dict(dict.items(value)),
    set: set,
    frozenset: frozenset,
    Tensor: _tensor,
}
_OWN = {*_PARENTS, type(None), nn.Parameter}


def text_of(value: Any) -> str:
    """`repr` in a line and without addresses in memory, or just the class where its `__repr__` is of no use."""
    if type(value) in (str, bytes, float, bool, type(None)):
        return repr(value)
    try:
        text = str.__str__(guarded(repr, value))
    except (Unusable, NotImplementedError):
        text = f"<{class_name(value)}>"
    return re.sub(r" at 0x[0-9a-fA-F]+", "", text)


def message_of(error: BaseException) -> str:
    """What an exception says, without what no terminal can show; empty where its `__str__` is of no use."""
    try:
        text = str.__str__(guarded(str, error))
    except (Unusable, NotImplementedError):
        return ""
    return text.encode("utf-8", "backslashreplace").decode("utf-8").strip()


def unusual(x: Tensor) -> str:
    """In what way this is no ordinary tensor, of which each value has its place in memory; empty where it is one."""
    if x.is_nested:
        return "nested"
    if x.is_quantized:
        return "quantized"
    return "" if x.layout == torch.strided else str(x.layout).removeprefix("torch.").removeprefix("_")


def ordinary(x: Tensor) -> Tensor:
    """The same values in an ordinary tensor."""
    if x.is_nested:
        return torch.nested.to_padded_tensor(x.detach(), 0.0)
    if x.is_quantized:
        return x.dequantize()
    return x if x.layout == torch.strided else x.to_dense()
