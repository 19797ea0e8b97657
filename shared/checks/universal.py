"""Checks that hold however an answer is written: any memory layout gives the same values; an adjoint is one."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from shared.checks.compare import CheckFailed, bounds_of, compare
from shared.checks.explain import types_differ
from shared.checks.records import recorder
from shared.checks.values import is_a


def same_for_any_layout(mine: Callable, theirs: Callable, *inputs: Any, name: str | None = None) -> None:
    """Both callables agree, however the tensors among `inputs` lie in memory, and in double precision too.

    `theirs` always gets plain contiguous copies. The layouts: contiguous, every second entry of a larger tensor,
    behind an offset, columns first (Fortran's order), and one row repeated (`expand`, stride 0). What is no tensor is
    passed on as it is. A failure names the layout.
    """
    __tracebackhide__ = True
    for layout, change in LAYOUTS.items():
        ours = [change(value) if isinstance(value, Tensor) else value for value in inputs]
        expected = [
            value.clone(memory_format=torch.contiguous_format) if isinstance(value, Tensor) else value for value in ours
        ]
        got = mine(*ours)
        recorder.keep(got)
        label = f"input {layout}" if layout else ""
        compare(got, theirs(*expected), ": ".join(filter(None, [name, label])), (None, None))


def strided(x: Tensor) -> Tensor:
    """The same values in a tensor that isn't contiguous. Code that relies on strides finds NaN (or ~x) in between.

    A tensor of one value or none counts as contiguous whatever its strides are.
    """
    x = x.detach()
    return torch.stack([x, _poison(x)], -1)[..., 0]


def _poison(x: Tensor) -> Tensor:
    return torch.full_like(x, torch.nan) if x.is_floating_point() or x.is_complex() else ~x


def _behind_an_offset(x: Tensor) -> Tensor:
    x = x.detach()
    return torch.stack([_poison(x), x])[1]


def _columns_first(x: Tensor) -> Tensor:
    x = x.detach()
    dims = list(reversed(range(x.dim())))
    return x.permute(dims).contiguous().permute(dims)


def _one_row_repeated(x: Tensor) -> Tensor:
    x = x.detach()
    return x[:1].expand(x.shape) if x.dim() and len(x) else x


def _in_double(x: Tensor) -> Tensor:
    return x.detach().double() if x.dtype == torch.float32 and x.device.type != "mps" else x.detach()


LAYOUTS: dict[str, Callable[[Tensor], Tensor]] = {
    "": lambda x: x.detach().clone(),
    "with gaps between its entries": strided,
    "behind an offset in its storage": _behind_an_offset,
    "with its columns first in memory": _columns_first,
    "with one row repeated by expand": _one_row_repeated,
    "in float64": _in_double,
}


def adjoint(forward: Callable[[Tensor], Tensor], backward: Callable[[Tensor], Tensor], x: Tensor, y: Tensor) -> None:
    """`backward` is the adjoint of the linear `forward`: ⟨forward(x), y⟩ = ⟨x, backward(y)⟩, for these x and y.

    So a transposed convolution, a fold, a scatter or a gradient is tested without another implementation of it. Both
    sums are compared relative to the lengths of what is multiplied, so x and y of mixed sign don't hide an error.
    """
    __tracebackhide__ = True
    there, back = forward(x), backward(y)
    recorder.keep([there, back])
    for value, like, what in ((there, y, "forward(x)"), (back, x, "backward(y)")):
        if not is_a(value, Tensor):
            raise CheckFailed(f"{what}: {types_differ(value, like)}")
    compare(list(there.shape), list(y.shape), "the shape of forward(x), which y has", (None, None))
    compare(list(back.shape), list(x.shape), "the shape of backward(y), which x has", (None, None))
    left, right = ((a.double() * b.double()).sum().item() for a, b in ((there, y), (x, back)))
    size = (
        there.double().norm().item() * y.double().norm().item() + x.double().norm().item() * back.double().norm().item()
    )
    rtol, atol = bounds_of(x, (None, None))
    if not abs(left - right) <= rtol * size + atol:
        raise CheckFailed(
            "one is not the adjoint of the other: the sum of forward(x) · y and that of x · backward(y) differ:",
            f"forward(x) · y   {left:.6g}",
            f"x · backward(y)  {right:.6g}",
        )
