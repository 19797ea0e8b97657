"""Gradients: those of two implementations side by side, of two modules, and those that finite differences find."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from shared.checks.compare import EXACT, CheckFailed, bounds_of, compare, names_agree
from shared.checks.explain import types_differ
from shared.checks.records import recorder
from shared.checks.values import is_a


def same_gradients(mine: Callable, theirs: Callable, *inputs: Any, name: str | None = None) -> None:
    """Both callables give the same outputs, and send the same gradients back to every floating-point input.

    Each gets clones of its own, laid out in memory like the originals. The gradient that arrives from above is random:
    ones would hide a backward pass that ignores it. What is not a tensor is passed on as it is.
    """
    __tracebackhide__ = True
    ours, expected = _fresh(inputs), _fresh(inputs)
    _same_runs(mine(*ours), theirs(*expected), _named(ours), _named(expected), name)


def same_module(
    mine: nn.Module,
    theirs: nn.Module,
    *inputs: Any,
    rename: Mapping[str, str | None] | Callable[[str], str | None] | None = None,
    name: str | None = None,
) -> None:
    """Given the same state and mode, both modules do the same: outputs, gradients of inputs and parameters, buffers.

    The state of `theirs` is copied into `mine`. `rename` gives a name of theirs its name in mine, or None to leave it
    out. Parameters must be the same ones; `mine` may keep further buffers, a mask say, for itself.
    """
    __tracebackhide__ = True
    to_mine = rename if callable(rename) else lambda key: (rename or {}).get(key, key)

    def renamed(items: Iterable[tuple[str, Tensor]]) -> dict[str, Tensor]:
        return {new: value for key, value in items if (new := to_mine(key))}

    state = renamed(theirs.state_dict().items())
    parameters = renamed(theirs.named_parameters(remove_duplicate=False))
    own = dict(mine.named_parameters(remove_duplicate=False))
    recorder.keep({key: list(value.shape) for key, value in own.items()})
    names_agree("names of the parameters", own, parameters, name or "")
    buffers = [key for key in state if key not in parameters]
    names_agree("names of the buffers", mine.state_dict(), buffers, name or "", spare=mine.state_dict())
    for key, value in mine.state_dict().items():
        if key in state:
            compare(
                torch.zeros_like(value),
                torch.zeros_like(state[key]),
                _label(name, f"{'buffer' if key in buffers else 'parameter'} {key}"),
                EXACT,
            )
    mine.load_state_dict(state, strict=False)
    mine.train(theirs.training)

    ours, expected = _fresh(inputs), _fresh(inputs)
    ours_wrt = _named(ours) | {f"parameter {key}": own[key] for key in parameters}
    theirs_wrt = _named(expected) | {f"parameter {key}": value for key, value in parameters.items()}
    _same_runs(mine(*ours), theirs(*expected), ours_wrt, theirs_wrt, name)
    after, expected_after = mine.state_dict(), renamed(theirs.state_dict().items())
    recorder.keep([after[key] for key in buffers])
    for key in buffers:
        compare(after[key], expected_after[key], _label(name, f"buffer {key} after the call"), (None, None))


def has_the_slope_of_differences(call: Callable[[Tensor], Tensor], x: Tensor, *, name: str | None = None) -> None:
    """Backwards, `call` gives the slope that finite differences find forwards, in a random direction from `x`.

    This needs no second implementation, and so it serves where none draws the same random numbers: dropout. Before each
    call torch's seed is set, so that dropout takes the same places each time, however it is written. The differences
    are taken under no_grad: there, too, dropout has to act. `x` has to be float64, and the slope exists there.
    """
    __tracebackhide__ = True
    if x.dtype != torch.float64:
        raise ValueError(f"x is {x.dtype}, and differences of 1e-4 need float64")
    generator = torch.Generator().manual_seed(0)
    direction = torch.randn(x.shape, generator=generator, dtype=x.dtype).to(x.device)

    def run(x: Tensor) -> Tensor:
        __tracebackhide__ = True
        torch.manual_seed(5)
        out = call(x)
        if not is_a(out, Tensor):
            raise CheckFailed(_label(name, types_differ(out, x)))
        return (out * torch.linspace(-1, 2, out.numel(), dtype=out.dtype, device=out.device).view_as(out)).sum()

    with torch.no_grad():
        expected = (run(x + 1e-4 * direction) - run(x - 1e-4 * direction)) / 2e-4
    x = x.detach().clone().requires_grad_()
    height = run(x)
    try:
        (gradient,) = torch.autograd.grad(height, x)
    except RuntimeError as error:
        lines = str(error).splitlines()[:3]
        recorder.keep(["no gradient comes back", *lines])
        raise CheckFailed(_label(name, "no gradient comes back"), *lines) from None
    slope = (gradient * direction).sum()
    recorder.keep(slope)
    compare(slope, expected, _label(name, "the slope, from the gradient"), (1e-4, 1e-4))


def _same_runs(got: Any, expected: Any, ours: dict[str, Tensor], theirs: dict[str, Tensor], name: str | None) -> None:
    """Compares two outputs, then what a random gradient from above sends back to the named tensors of each run."""
    __tracebackhide__ = True
    recorder.keep(got)
    compare(got, expected, name or "", (None, None))
    pairs = [pair for pair in _pairs(got, expected) if pair[1].requires_grad]
    if not pairs:
        raise ValueError("the expected output depends on no input or parameter: there is no gradient to compare")
    generator = torch.Generator().manual_seed(0)
    above = [torch.randn(e.shape, generator=generator).to(e) for _, e in pairs]
    got_gradients = _gradients([(g, up) for (g, _), up in zip(pairs, above) if g.requires_grad], ours)
    expected_gradients = _gradients([(e, up) for (_, e), up in zip(pairs, above)], theirs)
    recorder.keep(list(got_gradients.values()))
    for key, wanted in expected_gradients.items():
        gradient = got_gradients[key]
        if gradient is None and wanted is not None and wanted.any():
            why = "was it detached, or computed under no_grad?"
            raise CheckFailed(_label(name, f"no gradient flows back to {key}: {why}"))
        blank = torch.zeros_like(theirs[key])
        gradient, wanted = (blank if it is None else it for it in (gradient, wanted))
        # A gradient sums over many values, so where it is large everywhere its small entries carry a larger error.
        rtol, atol = bounds_of(wanted, (None, None))
        scale = wanted.abs().float().pow(2).mean().sqrt().clamp(min=1).item() if wanted.numel() else 1.0
        compare(gradient, wanted, _label(name, f"the gradient of {key}"), (rtol, atol * scale))


def _gradients(outputs: list[tuple[Tensor, Tensor]], wrt: dict[str, Tensor]) -> dict[str, Tensor | None]:
    names = [key for key, value in wrt.items() if value.requires_grad]
    gradients: dict[str, Tensor | None] = dict.fromkeys(wrt)
    if outputs and names:
        heads, above = zip(*outputs)
        found = torch.autograd.grad(heads, [wrt[key] for key in names], above, allow_unused=True)
        gradients.update(zip(names, found))
    return gradients


def _pairs(got: Any, expected: Any) -> Iterator[tuple[Tensor, Tensor]]:
    """The tensors of two outputs that agree, side by side."""
    if isinstance(expected, Tensor):
        yield got, expected
    elif isinstance(expected, Mapping):
        for key in expected:
            yield from _pairs(got[key], expected[key])
    elif isinstance(expected, list | tuple):
        for pair in zip(got, expected):
            yield from _pairs(*pair)


def _fresh(inputs: Iterable[Any]) -> list[Any]:
    """Copies that nothing else can reach, with the same strides (an expanded view stays one), ready for gradients."""
    copies = []
    for x in inputs:
        if isinstance(x, Tensor):
            entries = x.untyped_storage().nbytes() // x.element_size()
            whole = x.detach().as_strided((entries,), (1,), 0).clone()
            x = whole.as_strided(x.shape, x.stride(), x.storage_offset())
            x.requires_grad_(x.is_floating_point() or x.is_complex())
        copies.append(x)
    return copies


def _named(inputs: list[Any]) -> dict[str, Tensor]:
    return {f"input {i}": x for i, x in enumerate(inputs, start=1) if isinstance(x, Tensor) and x.requires_grad}


def _label(name: str | None, part: str) -> str:
    return f"{name}, {part}" if name else part
