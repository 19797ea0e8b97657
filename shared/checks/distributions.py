"""Whether samples follow a distribution: a chi-square test with a stated rate of false alarms."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from shared.checks.compare import CheckFailed
from shared.checks.describe import describe
from shared.checks.explain import types_differ
from shared.checks.records import recorder
from shared.checks.values import base, is_a, ordinary


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
    from scipy.special import chdtri  # type: ignore[import-untyped]  # the chi-square quantile; scipy.stats would take a second to import

    recorder.keep(samples)
    label = f"{name}: " if name else ""
    called = [f"outcome {i}" for i in range(len(probabilities))] if outcomes is None else outcomes
    p = torch.as_tensor(probabilities, dtype=torch.float64).cpu()
    if abs(p.sum().item() - 1) > 1e-4:
        raise ValueError(f"the probabilities sum to {p.sum().item():.5g}")
    samples = base(samples)
    if not is_a(samples, (Tensor, list, tuple, np.ndarray)):
        raise CheckFailed(f"{label}{types_differ(samples, p)}")
    if type(samples) in (list, tuple):
        samples = [base(sample) for sample in samples]
        if not all(is_a(sample, (bool, int, float, Tensor)) for sample in samples):
            raise CheckFailed(f"{label}{describe(samples)} instead of a list of integers")
    try:
        drawn = ordinary(torch.as_tensor(samples)).cpu().flatten()
    except Exception as error:
        raise CheckFailed(f"{label}{describe(samples)} instead of a tensor of integers") from error
    if not len(drawn):
        raise CheckFailed(f"{label}no samples at all")
    if drawn.is_floating_point() or drawn.is_complex() or drawn.dtype == torch.bool:
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
