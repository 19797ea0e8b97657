"""The checks that every day needs: same values, an error with a message, an argument left alone."""

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

import pytest
import torch
from torch import Tensor, nn

from shared.checks.compare import EXACT, CheckFailed, Tolerance, compare
from shared.checks.describe import describe, shorten, written
from shared.checks.explain import types_differ
from shared.checks.records import recorder
from shared.checks.values import base, class_name, message_of

Module = TypeVar("Module", bound=nn.Module)


def exercise(name: str, *, modifies: bool = False) -> pytest.MarkDecorator:
    """Says which exercise a test belongs to: `@exercise("causal_mask")`. With `modifies`, it may modify arguments."""
    return pytest.mark.exercise(name, modifies=modifies)


def fail(summary: str, *lines: str) -> None:
    """For a check of one's own: fails with this sentence and these lines."""
    __tracebackhide__ = True
    recorder.keep([summary, *lines])
    raise CheckFailed(summary, *lines)


def close(
    got: Any,
    expected: Any,
    *,
    rtol: float | None = None,
    atol: float | None = None,
    name: str | None = None,
    parts: Sequence[str] | None = None,
) -> None:
    """Tensors, numbers, and lists, tuples and dicts of them are the same but for rounding.

    Tensors must agree in shape, dtype and device too. Where a number is expected, a tensor without dims will do.
    Floats of Python are compared like float32. Integers and booleans must be equal.

    `parts` says what each item of a list or tuple is, where "expected [3, True]" would be a riddle:

        close(losses, (0.5, 0.25), parts=("the loss before", "the loss after"))
    """
    __tracebackhide__ = True
    recorder.keep(got)
    _compare_parts(got, expected, name, (rtol, atol), parts)


def equal(got: Any, expected: Any, *, name: str | None = None, parts: Sequence[str] | None = None) -> None:
    """Exactly the same: integers, booleans, strings, None, lists of tokens, tensors to the last bit.

        equal([len(drawn), 1 in drawn], [3, True], parts=("how many were drawn", "whether 1 was among them"))

    fails with "whether 1 was among them: expected True, got False". `parts` as in `close`.
    """
    __tracebackhide__ = True
    recorder.keep(got)
    _compare_parts(got, expected, name, EXACT, parts)


def _compare_parts(
    got: Any, expected: Any, name: str | None, tolerance: Tolerance, parts: Sequence[str] | None
) -> None:
    __tracebackhide__ = True
    ours = base(got)
    if parts is None or type(ours) not in (list, tuple) or len(ours) != len(expected):
        compare(got, expected, name or "", tolerance)
    else:
        for part, one, other in zip(parts, ours, expected, strict=True):
            label = f"{name}, {part}" if name else part
            if one is None and other is not None:
                raise CheckFailed(f"{label}: {types_differ(one, other, whole=False)}")
            compare(one, other, label, tolerance)


@torch.no_grad()
def randomize(module: Module, seed: int = 0, scale: float = 0.5) -> Module:
    """Draws every parameter from N(0, scale²): the ones and zeros that a module starts with hide too much."""
    generator = torch.Generator().manual_seed(seed)
    for parameter in module.parameters():
        parameter.copy_(torch.randn(parameter.shape, generator=generator) * scale)
    return module


def raises(
    errors: type[Exception] | tuple[type[Exception], ...],
    call: Callable,
    *args: Any,
    names: Any = (),
    **kwargs: Any,
) -> None:
    """`call(*args, **kwargs)` raises one of `errors`, and its message names all of `names` (a set: one of them).

    A string counts wherever it stands; a number counts alone, not as a part of 13 or 3.5 or -3.
    """
    __tracebackhide__ = True
    kinds = errors if isinstance(errors, tuple) else (errors,)
    wanted = " or ".join(kind.__name__ for kind in kinds)
    one_will_do = isinstance(names, set)
    asked = sorted(names) if one_will_do else names if isinstance(names, tuple) else (names,)
    try:
        value = call(*args, **kwargs)
    except Exception as error:
        # An exercise that is still to do; it is a RuntimeError too, and must not pass for one.
        if isinstance(error, NotImplementedError) and NotImplementedError not in kinds:
            raise
        raised, message = class_name(error), message_of(error)
        recorder.keep(raised)
        if not isinstance(error, kinds):
            says = shorten(message.partition("\n")[0], 300)
            raise CheckFailed(f"{wanted} expected, {raised} raised" + f": {says}" * bool(says)) from error
        missing = [name for name in asked if not _names(message, name)]
        if missing and not (one_will_do and len(missing) < len(asked)):
            # Not the wording, in which no two people agree.
            recorder.keep(["says nothing of", missing, "but of", re.findall(_NUMBER.format(r"-?\d+"), message)])
            expected = (" or " if one_will_do else " and ").join(f"{name!a}" for name in asked)
            raise CheckFailed(
                f"the {raised} says {shorten(written(message), 300)}", f"expected  a message with {expected} in it"
            ) from error
        return
    recorder.keep(["nothing raised", value])
    raise CheckFailed(f"{wanted} expected, but nothing was raised", f"got       {describe(value)}")


# By itself: no part of a word, or of a longer number. But people also write 2x3, and 4px.
_NUMBER = r"(?:(?<![\w-])|(?<=\d[xX]))(?<!\d\.){}(?!\d|\.\d)(?:(?!\w)|(?=[xX]\d|px))"


def _names(message: str, name: int | str) -> bool:
    if isinstance(name, str):
        return name in message
    return re.search(_NUMBER.format(name), message) is not None


@contextmanager
def unchanged(*tensors: Tensor) -> Iterator[None]:
    """These tensors hold the same values after the block as before it."""
    __tracebackhide__ = True
    before = [tensor.detach().clone() for tensor in tensors]
    yield
    recorder.keep(list(tensors))
    for i, (tensor, value) in enumerate(zip(tensors, before), start=1):
        compare(tensor, value, f"tensor {i} was changed in place" if len(tensors) > 1 else "changed in place", EXACT)
