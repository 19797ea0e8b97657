"""Times your layers beside torch's own, on the shapes that ResNet-18 has for pictures of 224 × 224.

    make bench DAY=w1d2 [DEVICE=cuda] [IMPL=solution]

Each row compares the medians of several rounds, in which the two take turns. A machine's speed goes up and down, but
the ratio of the two times is steadier. The last lines add up what the copied windows (im2col) cost in memory.
"""

import argparse
import math
import os
import statistics
import time
from collections.abc import Callable
from pathlib import Path

from shared.learner.script import begin

DAY = Path(__file__).resolve().parent
begin(__file__)

import torch
from conv import conv2d
from gradients import Conv2dFunction
from normalize import batch_norm, batch_norm_backward, group_norm, instance_norm, layer_norm
from pooling import adaptive_avg_pool2d, avg_pool2d, max_pool2d
from torch import Tensor
from torch.nn import functional as F

DEVICE = torch.device(os.environ.get("DEVICE", "cpu"))
BATCH = 8
# Every different convolution of ResNet-18: channels in, channels out, kernel, stride, padding, height = width.
CONVOLUTIONS = [
    (3, 64, 7, 2, 3, 224),
    (64, 64, 3, 1, 1, 56),
    (64, 128, 3, 2, 1, 56),
    (64, 128, 1, 2, 0, 56),
    (128, 128, 3, 1, 1, 28),
    (128, 256, 3, 2, 1, 28),
    (128, 256, 1, 2, 0, 28),
    (256, 256, 3, 1, 1, 14),
    (256, 512, 3, 2, 1, 14),
    (256, 512, 1, 2, 0, 14),
    (512, 512, 3, 1, 1, 7),
]


def seconds(call: Callable) -> float:
    if DEVICE.type == "cuda":
        torch.cuda.synchronize()
    start = time.perf_counter()
    call()
    if DEVICE.type == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter() - start


def ratio(mine: Callable, theirs: Callable, rounds: int) -> tuple[float, float]:
    """(their median in ms, how many times as long mine takes)."""
    mine(), theirs()  # warm up
    times = [(seconds(mine), seconds(theirs)) for _ in range(rounds)]
    ours, other = (statistics.median(column) for column in zip(*times))
    return 1000 * other, ours / other


def both_ways(function: Callable[..., Tensor], *inputs: Tensor) -> Callable:
    """A call that goes forward and backward, with the same random upstream gradient each time."""
    inputs = tuple(x.clone().requires_grad_() for x in inputs)
    upstream = torch.randn_like(function(*inputs))
    return lambda: torch.autograd.grad(function(*inputs), inputs, upstream)


def row(name: str, mine: Callable, theirs: Callable, inputs: tuple[Tensor, ...], rounds: int, trained=None):
    """Prints one row and returns its two ratios. `trained` stands for `mine` where gradients are wanted."""
    forward, forward_ratio = ratio(lambda: mine(*inputs), lambda: theirs(*inputs), rounds)
    both, both_ratio = ratio(both_ways(trained or mine, *inputs), both_ways(theirs, *inputs), rounds)
    print(f"{name:44} {forward:8.2f} {forward_ratio:8.2f} {both:10.2f} {both_ratio:8.2f}", flush=True)
    return forward_ratio, both_ratio


def mean(name: str, rows: list[tuple[float, float]]) -> None:
    """Prints the geometric means of both columns of ratios."""
    means = [math.exp(statistics.fmean(map(math.log, column))) for column in zip(*rows)]
    print(f"{f'{name}, geometric mean':44} {'':8} {means[0]:8.2f} {'':10} {means[1]:8.2f}\n", flush=True)


def convolutions(rounds: int) -> None:
    rows = []
    for channels, out, kernel, stride, padding, size in CONVOLUTIONS:
        x = torch.randn(BATCH, channels, size, size, device=DEVICE)
        weight = torch.randn(out, channels, kernel, kernel, device=DEVICE) / kernel
        where = (None, stride, padding)
        rows.append(
            row(
                f"conv2d {channels:3} → {out:3}, {kernel}×{kernel}, stride {stride}, {size}×{size}",
                lambda x, w, where=where: conv2d(x, w, *where),
                lambda x, w, where=where: F.conv2d(x, w, *where),
                (x, weight),
                rounds,
                trained=lambda x, w, where=where: Conv2dFunction.apply(x, w, *where),
            )
        )
    mean("conv2d", rows)


def pools(rounds: int) -> None:
    x = torch.randn(BATCH, 64, 112, 112, device=DEVICE)
    last = torch.randn(BATCH, 512, 7, 7, device=DEVICE)
    rows = [
        row(
            "max_pool2d 3×3, stride 2, 64 × 112×112",
            lambda x: max_pool2d(x, 3, 2, 1),
            lambda x: F.max_pool2d(x, 3, 2, 1),
            (x,),
            rounds,
        ),
        row("max_pool2d 2×2, 64 × 112×112", lambda x: max_pool2d(x, 2), lambda x: F.max_pool2d(x, 2), (x,), rounds),
        row(
            "avg_pool2d 3×3, stride 2, 64 × 112×112",
            lambda x: avg_pool2d(x, 3, 2, 1),
            lambda x: F.avg_pool2d(x, 3, 2, 1),
            (x,),
            rounds,
        ),
        row("avg_pool2d 2×2, 64 × 112×112", lambda x: avg_pool2d(x, 2), lambda x: F.avg_pool2d(x, 2), (x,), rounds),
        row(
            "adaptive_avg_pool2d to 1×1, 512 × 7×7",
            lambda x: adaptive_avg_pool2d(x, 1),
            lambda x: F.adaptive_avg_pool2d(x, 1),
            (last,),
            rounds,
        ),
    ]
    mean("pooling", rows)


class BatchNorm(torch.autograd.Function):
    """batch_norm in training, with the gradients that you worked out by hand."""

    @staticmethod
    def forward(ctx, x: Tensor, weight: Tensor, bias: Tensor, average: Tensor, spread: Tensor) -> Tensor:
        ctx.save_for_backward(x, weight)
        return batch_norm(x, average, spread, weight, bias, training=True)

    @staticmethod
    def backward(ctx, upstream: Tensor) -> tuple[Tensor | None, ...]:
        return (*batch_norm_backward(upstream, *ctx.saved_tensors), None, None)


def norms(rounds: int) -> None:
    rows = []
    for channels, size in ((64, 56), (256, 14)):
        x = torch.randn(2 * BATCH, channels, size, size, device=DEVICE)
        weight, bias = torch.rand(channels, device=DEVICE), torch.rand(channels, device=DEVICE)
        running = torch.zeros(channels, device=DEVICE), torch.ones(channels, device=DEVICE)
        for training in (True, False):
            by_hand = (lambda x, w, b, s=running: BatchNorm.apply(x, w, b, *s)) if training else None
            rows.append(
                row(
                    f"batch_norm {'train' if training else 'eval'}, {channels} × {size}×{size}",
                    lambda x, w, b, s=running, t=training: batch_norm(x, *s, w, b, t),
                    lambda x, w, b, s=running, t=training: F.batch_norm(x, *s, w, b, t),
                    (x, weight, bias),
                    rounds,
                    trained=by_hand,
                )
            )
        rows.append(
            row(
                f"instance_norm, {channels} × {size}×{size}",
                instance_norm,
                lambda x, w, b: F.instance_norm(x, None, None, w, b),
                (x, weight, bias),
                rounds,
            )
        )
        rows.append(
            row(
                f"group_norm, 32 groups, {channels} × {size}×{size}",
                lambda x, w, b: group_norm(x, 32, w, b),
                lambda x, w, b: F.group_norm(x, 32, w, b),
                (x, weight, bias),
                rounds,
            )
        )
    x = torch.randn(BATCH, 196, 512, device=DEVICE)
    weight, bias = torch.rand(512, device=DEVICE), torch.rand(512, device=DEVICE)
    rows.append(
        row(
            "layer_norm over 512",
            lambda x, w, b: layer_norm(x, (512,), w, b),
            lambda x, w, b: F.layer_norm(x, (512,), w, b),
            (x, weight, bias),
            rounds,
        )
    )
    mean("norms", rows)


def copies() -> None:
    """What it takes to write all windows out, against the pictures that they were cut from."""
    print(f"memory of the windows, when they are copied for a matrix product (batch {BATCH}, float32)")
    for channels, _, kernel, stride, padding, size in CONVOLUTIONS[:2]:
        out = (size + 2 * padding - kernel) // stride + 1
        picture, windows = (4 * BATCH * channels * n / 2**20 for n in (size**2, kernel**2 * out**2))
        print(
            f"  {kernel}×{kernel}, stride {stride}, {channels} × {size}×{size}: the input has {picture:.1f} MiB, "
            f"its windows {windows:.1f} MiB, {windows / picture:.1f} times as much"
        )


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=9)
    rounds = parser.parse_args().rounds
    torch.manual_seed(0)
    print(f"batch {BATCH}, float32, on {DEVICE}, {torch.get_num_threads()} threads")
    print(f"{'':44} {'forward':>17} {'forward + backward':>19}")
    print(f"{'':44} {'torch ms':>8} {'times':>8} {'torch ms':>10} {'times':>8}")
    convolutions(rounds)
    pools(rounds)
    norms(rounds)
    copies()


if __name__ == "__main__":
    main()
