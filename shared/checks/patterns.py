"""Which mistake explains all the wrong values of a tensor, and not by chance.

A mistake is recognised by undoing it: if `got` times 4 is what was expected, then "always 4 times too small" is true.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import combinations

import torch
from torch import Tensor


@dataclass
class Repair:
    """A mistake undone: had the answer made it, `repaired` would be `target` although `before` isn't.

    `needed`: how many different values have to say so. Two numbers are four times too small by chance less often than
    three are some multiple of what they should be.
    """

    words: str
    repaired: Tensor
    target: Tensor
    before: Tensor
    needed: int = 3


def pattern(got: Tensor, expected: Tensor, rtol: float, atol: float) -> str:
    """The first mistake that explains every value, and not by chance; or an empty string."""
    kind = got.dtype
    got, expected = got.double(), expected.double()
    if got.unique().numel() == 1 < expected.unique().numel():
        value = torch.as_tensor(got.flatten()[0], dtype=kind).item()
        return f"every value is {value}" if value or kind == torch.bool else "all zeros"
    if got.numel() == 1 and (not kind.is_floating_point or _is_round(expected.item())):
        return ""
    # Near zero anything agrees with anything within atol, so what counts as agreement shrinks with the numbers.
    largest = expected[expected.isfinite()].abs().max().item() if expected.isfinite().any() else 1.0
    rtol, atol = max(rtol, 1e-9), atol * min(1.0, largest)
    for repair in _repairs(got, expected, kind):
        same_shape = repair.repaired.shape == repair.target.shape
        if not same_shape or not torch.allclose(repair.repaired, repair.target, rtol, atol):
            continue
        if got.numel() == 1 or _support(repair, rtol, atol, kind) >= repair.needed:
            return repair.words
    return ""


FAR = 20  # times what rounding may make of a value


def _support(repair: Repair, rtol: float, atol: float, kind: torch.dtype) -> int:
    """How many different values were far off before the repair. A value that a repair leaves almost as it was, the
    square of one say, is no evidence for it, nor are a hundred copies of another."""
    target, before = repair.target.flatten(), repair.before.flatten()
    bound = FAR * (atol + rtol * target.abs())
    moved = target[target.isfinite() & ((before - target).abs() > bound)]
    if not moved.numel():
        return 0
    step = FAR * (atol + rtol * moved.abs().max().item())
    apart = (moved.abs() / step).round().unique().numel()
    # Of two values, like True and False, there have to be more.
    if moved.numel() >= (4 if kind == torch.bool else 8) and moved.unique().numel() >= 2:
        return max(3, apart)
    return apart


def _is_round(value: float) -> bool:
    """Whether it has three digits or fewer, so that many a wrong number is a simple multiple of it by chance."""
    return not math.isfinite(value) or math.isclose(value, float(f"{value:.3g}"), rel_tol=1e-6)


def _repairs(got: Tensor, expected: Tensor, kind: torch.dtype) -> Iterator[Repair]:
    """The most telling first."""
    if kind == torch.bool:
        yield Repair("True and False are swapped", 1 - got, expected, got)
    else:
        yield from _scaled(got, expected)
    if kind.is_floating_point:
        yield from _bent(got, expected)
    for i, j in combinations(range(got.dim()), 2):
        yield Repair(f"transposed: dims {i} and {j} are swapped", got.transpose(i, j), expected, got)
    for dim, size in enumerate(got.shape):
        yield Repair(f"reversed along dim {dim}", got.flip(dim), expected, got)
        if size < 3:
            continue
        head, tail = (0, size - 1), (1, size - 1)
        for words, ours, theirs in (("late", tail, head), ("early", head, tail)):
            target, before = expected.narrow(dim, *theirs), got.narrow(dim, *theirs)
            if not torch.equal(target, target.flip(dim)):  # in a constant stretch, a shift shows nothing
                shifted = got.narrow(dim, *ours)
                yield Repair(f"each value is one place too {words} along dim {dim}", shifted, target, before)
    if expected.numel() > 2 and expected.unique().numel() > expected.numel() / 2:
        right, order = expected.flatten().sort()
        words = "the right values in another order"
        yield Repair(words, got.flatten().sort()[0], right, got.flatten()[order], needed=2)


def _scaled(got: Tensor, expected: Tensor) -> Iterator[Repair]:
    yield Repair("the sign is flipped", -got, expected, got, needed=2)
    finite = got.isfinite() & expected.isfinite()
    overlap, power = (got * expected)[finite].sum().item(), (expected**2)[finite].sum().item()
    if overlap and power:
        factor = overlap / power  # least squares: rounding averages out
        words, simple = _times(factor, alone=got.numel() == 1)
        if simple or got.numel() > 1:
            yield Repair(words, got / factor, expected, got, needed=2 if simple else 3)
    if got.numel() > 1 and finite.any():
        offset = (got - expected)[finite].mean().item()
        yield Repair(f"always {abs(offset):.4g} too {'high' if offset > 0 else 'low'}", got - offset, expected, got)


def _bent(got: Tensor, expected: Tensor) -> Iterator[Repair]:
    yield Repair("the square root of what it should be", got**2, expected, got)
    yield Repair("the square of what it should be", got.sqrt(), expected, got)
    yield Repair("the logarithm of what it should be", got.exp(), expected, got)
    yield Repair("the exponential of what it should be", got.log(), expected, got)
    yield Repair("one divided by what it should be", 1 / got, expected, got)
    yield Repair("one minus what it should be", 1 - got, expected, got)
    if got.numel() > 1:
        yield Repair("right but for some signs", got.abs(), expected.abs(), got * expected.sign())


def _times(factor: float, alone: bool = False) -> tuple[str, bool]:
    """`always 4 times too small`, and whether that can be no coincidence: a whole number or the root of one.

    The roots lie the closer the larger they are; `alone`, one number has to fit, not many.
    """
    size, sign = max(abs(factor), 1 / abs(factor)), ", and the sign is flipped" if factor < 0 else ""
    direction = "big" if abs(factor) > 1 else "small"

    def near(value: float) -> bool:
        return math.isclose(size, value, rel_tol=2e-5)

    fraction = Fraction(size).limit_denominator(20)
    if near(round(size)) and 1 < round(size) <= (64 if alone else 1e6):
        text, simple = str(round(size)), True
    elif size < (6 if alone else 32) and near(math.sqrt(round(size**2))) and round(size**2) > 1:
        text, simple = f"√{round(size**2)}", True
    elif near(float(fraction)):
        text, simple = str(fraction), False
    else:
        text, simple = f"{size:.4g}", False
    return f"always {text} times too {direction}{sign}", simple
