"""The checks that the tests of every day are written with.

Each compares what an answer gave with what an independent source expects, and fails with a `CheckFailed` that says in
words what is wrong, and never prints a whole tensor. They look in this order: type, shape, dtype, device, NaN and
infinity, values. What was given is handed to `recorder` first, so that a known mistake can be recognised by its values.

    close(attention.causal_mask(length), expected)
    same_gradients(attention.softmax, torch.softmax, scores, -1)
"""

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

import pytest
import torch
from torch import Tensor, nn

from shared.compare import EXACT, CheckFailed, compare
from shared.describe import describe
from shared.gradients import same_gradients, same_module
from shared.records import recorder, same_records
from shared.universal import adjoint, same_for_any_layout, strided
from shared.windows import as_on_windows

__all__ = [
    "CheckFailed",
    "adjoint",
    "as_on_windows",
    "close",
    "equal",
    "exercise",
    "fail",
    "raises",
    "randomize",
    "recorder",
    "same_distribution",
    "same_for_any_layout",
    "same_gradients",
    "same_module",
    "same_records",
    "strided",
    "unchanged",
]

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
    got: Any, expected: Any, *, rtol: float | None = None, atol: float | None = None, name: str | None = None
) -> None:
    """Tensors, numbers, and lists, tuples and dicts of them are the same but for rounding.

    Tensors must agree in shape, dtype and device too. Where a number is expected, a tensor without dims will do.
    Floats of Python are compared like float32. Integers and booleans must be equal.
    """
    __tracebackhide__ = True
    recorder.keep(got)
    compare(got, expected, name or "", (rtol, atol))


def equal(got: Any, expected: Any, *, name: str | None = None) -> None:
    """Exactly the same: integers, booleans, strings, None, lists of tokens, tensors to the last bit."""
    __tracebackhide__ = True
    recorder.keep(got)
    compare(got, expected, name or "", EXACT)


@torch.no_grad()
def randomize(module: Module, seed: int = 0, scale: float = 0.5) -> Module:
    """Draws every parameter from N(0, scale²): the ones and zeros that a module starts with hide too much."""
    generator = torch.Generator().manual_seed(seed)
    for parameter in module.parameters():
        parameter.copy_(torch.randn(parameter.shape, generator=generator) * scale)
    return module


def same_distribution(
    samples: Any,
    probabilities: Any,
    *,
    false_alarm: float = 1e-6,
    name: str | None = None,
    outcomes: Sequence[str] | None = None,
) -> None:
    """Samples 0, 1, 2, … (a tensor or list of integers) come as often as `probabilities` say.

    A chi-square test that a right sampler fails with a probability of at most `false_alarm`; rare outcomes are counted
    in groups. An outcome of probability zero must never come. `outcomes` are the names of 0, 1, 2, … ValueError where
    the samples are too few to tell, or the probabilities don't sum to one.
    """
    __tracebackhide__ = True
    from scipy.special import chdtri  # the chi-square quantile; scipy.stats would take a second to import

    recorder.keep(samples)
    label = f"{name}: " if name else ""
    called = [f"outcome {i}" for i in range(len(probabilities))] if outcomes is None else outcomes
    p = torch.as_tensor(probabilities, dtype=torch.float64).cpu()
    if abs(p.sum().item() - 1) > 1e-4:
        raise ValueError(f"the probabilities sum to {p.sum().item():.5g}")
    if not hasattr(samples, "__len__"):
        compare(samples, p, name or "", EXACT)
    drawn = torch.as_tensor(samples).cpu().flatten()
    if drawn.is_floating_point() or drawn.dtype == torch.bool:
        raise CheckFailed(f"{label}{str(drawn.dtype).removeprefix('torch.')} samples instead of integers")
    n, outside = len(drawn), drawn[(drawn < 0) | (drawn >= len(p))]
    if len(outside):
        raise CheckFailed(f"{label}{outside[0]} was drawn, but the outcomes are 0 to {len(p) - 1}")
    counts = torch.bincount(drawn, minlength=len(p)).double()
    never = ((p == 0) & (counts > 0)).nonzero().flatten().tolist()
    if never:
        times = int(counts[never[0]])
        raise CheckFailed(f"{label}{called[never[0]]} has probability 0, but came {times} times in {n} draws")

    groups: list[list[int]] = []  # of outcomes: the common ones alone, rare ones together until 15 are expected
    room = 0.0
    for outcome in torch.argsort(p, descending=True)[: (p > 0).sum()].tolist():
        if room <= 0:
            groups.append([])
            room = 15.0
        groups[-1].append(outcome)
        room -= n * p[outcome].item()
    if room > 0 and len(groups) > 1:
        rest = groups.pop()
        groups[-1] += rest
    if len(groups) == 1 < (p > 0).sum():
        raise ValueError(f"{n} samples are too few to tell {int((p > 0).sum())} outcomes apart")
    cells = [(counts[group].sum().item(), n * p[group].sum().item()) for group in groups]
    excess = [(count - mean) ** 2 / mean for count, mean in cells]
    # So far out, counts of 15 or so are skewed: the true tail is up to a hundred times chi-square's (computed exactly).
    bound = float(chdtri(max(1, len(cells) - 1), false_alarm / 100))
    if sum(excess) > bound:
        worst = excess.index(max(excess))
        group, (count, mean) = groups[worst], cells[worst]
        what = called[group[0]] if len(group) == 1 else f"a group of {len(group)} rare outcomes"
        raise CheckFailed(
            f"{label}the samples don't follow the distribution; furthest off is {what}:",
            f"expected  about {mean:.0f} of {n} draws",
            f"got       {count:.0f}      (chi-square {sum(excess):.1f}, at most {bound:.1f} allowed)",
        )


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
        raised = type(error).__name__
        recorder.keep(raised)
        if not isinstance(error, kinds):
            raise CheckFailed(f"{wanted} expected, {raised} raised: {error}") from error
        missing = [name for name in asked if not _names(str(error), name)]
        if missing and not (one_will_do and len(missing) < len(asked)):
            # Not the wording, in which no two people agree.
            recorder.keep(["says nothing of", missing, "but of", re.findall(_NUMBER.format(r"-?\d+"), str(error))])
            expected = (" or " if one_will_do else " and ").join(f"{name!a}" for name in asked)
            raise CheckFailed(
                f"the {raised} says {str(error)!r}", f"expected  a message with {expected} in it"
            ) from error
        return
    recorder.keep(["nothing raised", value])
    raise CheckFailed(f"{wanted} expected, but nothing was raised", f"got       {describe(value)}")


_NUMBER = r"(?<![\w-])(?<!\d\.){}(?!\w|\.\d)"  # by itself: no part of a word, or of a longer number


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
