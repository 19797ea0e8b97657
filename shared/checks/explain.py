"""Says in words how two tensors differ: how many values, the first of them, and the mistake that it looks like.

Every function returns a summary, or a summary and the lines to print below it; nothing here raises or prints.
"""

import math
from itertools import combinations
from numbers import Number
from typing import Any

import torch
from torch import Tensor

from shared.checks.describe import describe, written
from shared.checks.patterns import pattern
from shared.checks.values import is_a

Words = tuple[str, list[str]]


def types_differ(got: Any, expected: Any, whole: bool = True) -> str:
    """For a value of the wrong kind: `a list of 3 numbers instead of a tensor`. `whole`: nothing else was returned."""
    if got is None and whole:
        return "the answer returned None: is a `return` missing?"
    if is_a(expected, Tensor):
        wanted = describe(expected).partition(" of shape")[0]
    elif isinstance(expected, Number) and not isinstance(expected, bool):
        wanted = "a number"
    elif isinstance(expected, str):
        wanted = "a string"
    else:
        wanted = describe(expected)
    return f"{describe(got)} instead of {wanted}"


def shapes_differ(got: Tensor, expected: Tensor) -> Words:
    """For a tensor of the wrong shape: both shapes, and how one becomes the other where that is a classic."""
    note = _shape_note(list(got.shape), list(expected.shape))
    return "the shape is wrong:", _two_lines(list(expected.shape), list(got.shape), note)


def _shape_note(got: list[int], expected: list[int]) -> str:
    for i, j in combinations(range(len(expected)), 2):
        swapped = list(expected)
        swapped[i], swapped[j] = swapped[j], swapped[i]
        if len(got) == len(expected) and swapped == got:
            return f"transposed: dims {i} and {j} are swapped"
    if len(got) == len(expected) and sorted(got) == sorted(expected):
        return "the right dims in another order"
    for longer, shorter, words in ((expected, got, "dim {} is missing"), (got, expected, "an extra dim, dim {}")):
        for dim in range(len(longer)):
            if longer[:dim] + longer[dim + 1 :] == shorter:
                return words.format(f"{dim}, of size {longer[dim]}," if words[0] == "d" else f"{dim}")
    if math.prod(got) == math.prod(expected):
        return "flattened" if len(got) == 1 else "the right number of values in another shape"
    return ""


def values_differ(got: Tensor, expected: Tensor, rtol: float, atol: float) -> Words | None:
    """For two tensors of one shape and dtype: None where they agree, else what is wrong and what it looks like.

    >>> values_differ(torch.tensor([1.0, 2.0]), torch.tensor([4.0, 8.0]), 1e-4, 1e-5)[1]
    ['expected  4', 'got       1      (always 4 times too small)']
    """
    got, expected = got.detach().cpu(), expected.detach().cpu()
    double = got.dtype == torch.float64
    inexact = got.is_floating_point() or got.is_complex()
    if inexact:  # judge in double precision: the bound itself is then exact for half too
        wide = torch.complex128 if got.is_complex() else torch.float64
        got, expected = got.to(wide), expected.to(wide)
        wrong = ~torch.isclose(got, expected, rtol, atol, equal_nan=True)
    else:
        wrong = got != expected
    if not wrong.any():
        return None
    what = "wrong"
    if inexact and (wrong & got.isnan()).any():
        what, wrong = "NaN", wrong & got.isnan()
    elif inexact and (wrong & got.isinf() & expected.isfinite()).any():
        what, wrong = "infinite", wrong & got.isinf() & expected.isfinite()
    note = ""
    if what == "wrong" and not got.is_complex():
        single = double and torch.allclose(got, expected, SINGLE, SINGLE * _largest(expected), equal_nan=True)
        note = "right to some seven digits, as float32 has them" if single else pattern(got, expected, rtol, atol)
    note = note or _place(wrong)
    index = wrong.nonzero()[0].tolist()
    ours, theirs = numbers(got[tuple(index)].item(), expected[tuple(index)].item())
    if wrong.numel() == 1:
        return f"expected {theirs}, got {ours}" + (f" ({note.removeprefix('always ')})" if note else ""), []
    return _how_many(wrong, what, index), _two_lines(theirs, ours, note)


SINGLE = 4e-7  # what a few steps in float32 leave of accuracy


def _largest(expected: Tensor) -> float:
    finite = expected[expected.isfinite()].abs()
    return finite.max().item() if finite.numel() else 0.0


def numbers(got: Any, expected: Any) -> tuple[str, str]:
    """Both as text, with as many digits as it takes to tell them apart."""
    if not isinstance(got, float) or not isinstance(expected, float):
        texts = written(got), written(expected)
        alike = texts[0] == texts[1] and isinstance(got, int) and isinstance(expected, int)
        return f"{texts[0]}, which is {written(got - expected)} more" if alike else texts[0], texts[1]
    for digits in range(5, 18):
        texts = f"{got:.{digits}g}", f"{expected:.{digits}g}"
        if texts[0] != texts[1]:
            break
    return texts


def _how_many(wrong: Tensor, what: str, index: list[int]) -> str:
    bad, total = int(wrong.sum()), wrong.numel()
    if bad == 1:
        return f"one of the {total} values is {what}, at {index}:"
    if bad < total:
        return f"{bad} of the {total} values are {what}; the first, at {index}:"
    everything = "both values are" if total == 2 else f"every one of the {total} values is"
    return f"{everything} {what}; the first, at {index}:"


def _two_lines(expected: Any, got: Any, note: str = "") -> list[str]:
    return [f"expected  {expected}", f"got       {got}" + (f"      ({note})" if note else "")]


def _place(wrong: Tensor) -> str:
    """Where the wrong ones are, if they are all at one end, or all but one end, of some dim."""
    if int(wrong.sum()) < 2:
        return ""
    for dim, size in enumerate(wrong.shape):
        bad = wrong.transpose(0, dim).reshape(size, -1).any(1).tolist()
        for word, end in (("first", 0), ("last", -1)):
            if size > 1 and not bad[end] and sum(bad) == size - 1:
                return f"only the {word} along dim {dim} is right"
            if size > 2 and bad[end] and sum(bad) == 1:
                return f"only the {word} along dim {dim} is wrong"
    return ""
