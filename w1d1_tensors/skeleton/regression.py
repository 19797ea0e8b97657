"""Regression: fit a line three ways, then let the same few lines of algebra read handwriting.

Everywhere `x` is (n, d), a row for each example, and weights are what `x` is multiplied with. Targets `y` of n numbers
may come as a row (n,) or as a column (n, 1); the weights that are found for them are always (d,). What is computed has
the dtype and the device of what it is computed from.
"""

import math
import time

import torch
from jaxtyping import Float, Int, Int64, UInt8
from torch import Tensor
from torch.nn import functional as F

# ---- A line, three ways ----------------------------------------------------------------------------------------------


def with_bias(x: Float[Tensor, "n d"]) -> Float[Tensor, "n d_plus_1"]:
    """`x` with one more column at its right end, of ones. `x` may have no rows, or no columns yet.

    >>> with_bias(torch.tensor([[5.0], [7.0]])).tolist()
    [[5.0, 1.0], [7.0, 1.0]]
    """
    raise NotImplementedError("with_bias")


def solve_normal(x: Float[Tensor, "n d"], y: Float[Tensor, "..."]) -> Float[Tensor, " d"]:
    """The weights w with the smallest sum of squares |x w - y|², from the normal equations xᵀx w = xᵀy.

    The columns of `x` are linearly independent.

    >>> solve_normal(torch.tensor([[0.0, 1.0], [1.0, 1.0]]), torch.tensor([3.0, 5.0])).tolist()
    [2.0, 3.0]
    """
    # TODO: make y a row, build both sides, and let torch.linalg.solve do the rest.
    raise NotImplementedError("solve_normal")


def solve_qr(x: Float[Tensor, "n d"], y: Float[Tensor, "..."]) -> Float[Tensor, " d"]:
    """The same weights without xᵀx: x = Q R, with orthonormal columns in Q (n, d) and zeros below R's diagonal (d, d).

    The columns of `x` are linearly independent, but perhaps only just. If the condition number of `x` is c, the weights
    of float32 data are right to about c · 1e-7.
    """
    # TODO: decompose, then solve a triangular system.
    raise NotImplementedError("solve_qr")


def numerical_rank(x: Float[Tensor, "n d"]) -> int | Int[Tensor, ""]:
    """How many singular values of `x` are larger than max(n, d) · eps · the largest one, eps being that of its dtype.

    That is numpy's `matrix_rank`. It is 0 for a matrix of zeros, and for one without rows or columns.
    """
    raise NotImplementedError("numerical_rank")


def squared_error_gradient(
    x: Float[Tensor, "n d"], y: Float[Tensor, "..."], w: Float[Tensor, " d"]
) -> Float[Tensor, " d"]:
    """The gradient with respect to `w` of the mean squared error 1/n · Σᵢ (xᵢ·w - yᵢ)², by hand: without autograd.

    >>> squared_error_gradient(torch.tensor([[1.0], [2.0]]), torch.tensor([2.0, 2.0]), torch.tensor([3.0])).tolist()
    [9.0]
    """
    # TODO: how far off is each prediction? Make sure that this has n numbers, not n·n.
    raise NotImplementedError("squared_error_gradient")


def descend(
    x: Float[Tensor, "n d"], y: Float[Tensor, "..."], lr: float, steps: int
) -> tuple[Float[Tensor, " d"], Float[Tensor, " steps_plus_1"]]:
    """Gradient descent on the mean squared error. Returns (the weights after `steps` steps from zero, losses).

    The losses are the mean squared error at the start and after each step, `steps + 1` numbers in a tensor.
    """
    raise NotImplementedError("descend")


# ---- Ten digits ------------------------------------------------------------------------------------------------------


def pixels(images: UInt8[Tensor, "n height width"]) -> Float[Tensor, "n pixels"]:
    """Each image as a row of float32, row of pixels after row of pixels, with 0 for paper (0) and 1 for ink (255).

    >>> pixels(torch.tensor([[[0, 255], [51, 0]]], dtype=torch.uint8)).tolist()
    [[0.0, 1.0, 0.20000000298023224, 0.0]]
    """
    raise NotImplementedError("pixels")


def train_logistic(
    x: Float[Tensor, "n d"], labels: Int64[Tensor, " n"], lr: float, steps: int, classes: int = 10
) -> Float[Tensor, "d classes"]:
    """Gradient descent on the mean cross-entropy of softmax(x @ weights).
    It starts from weights of zero, and every step uses all of `x`.

    Labels are from 0 to classes - 1. The gradient may come from autograd; the weights that are returned don't require
    one. Dtype and device are those of `x`, which holds its column of ones already.
    """
    # TODO: make weights that autograd watches.
    # TODO: compute the loss and its gradient.
    # TODO: take a step downhill that autograd doesn't watch.
    raise NotImplementedError("train_logistic")


def accuracy(logits: Float[Tensor, "n classes"], labels: Int64[Tensor, " n"]) -> float | Float[Tensor, ""]:
    """The share of rows, from 0 to 1, whose largest logit stands at the label.

    >>> float(accuracy(torch.tensor([[0.1, 0.9], [3.0, 2.0]]), torch.tensor([1, 1])))
    0.5
    """
    raise NotImplementedError("accuracy")


def recognise(
    images: UInt8[Tensor, "n height width"],
    labels: Int64[Tensor, " n"],
    test_images: UInt8[Tensor, "m height width"],
    test_labels: Int64[Tensor, " m"],
    lr: float = 1.0,
    steps: int = 100,
) -> tuple[Float[Tensor, "pixels_plus_1 10"], float | Float[Tensor, ""], float | Float[Tensor, ""]]:
    """Trains on `images`, and returns (weights, the accuracy on the training images, the accuracy on the test images).

    A row of features is an image's `pixels`, then a one. The training never sees the test images.
    """
    raise NotImplementedError("recognise")


def templates(weights: Float[Tensor, "side_side_plus_1 classes"]) -> Float[Tensor, "classes side side"]:
    """What each class looks for, as a square picture: its weights without the last one, the bias's."""
    raise NotImplementedError("templates")


# ---- Given -----------------------------------------------------------------------------------------------------------


def straighten(images: UInt8[Tensor, "n height width"]) -> UInt8[Tensor, "n height width"]:
    """Moves each digit's centre of ink to the middle, and shears its slant away: two moments of the ink say how far."""
    n, height, width = images.shape
    ink = images.float() / 255
    y = (torch.arange(height, device=images.device) - (height - 1) / 2)[:, None]
    x = torch.arange(width, device=images.device) - (width - 1) / 2

    def mean(values: Tensor) -> Tensor:
        return ((ink * values).sum((1, 2)) / ink.sum((1, 2)).clamp(min=1e-6)).view(n, 1, 1)

    down, right = mean(y), mean(x)
    slant = mean((x - right) * (y - down)) / mean((y - down) ** 2).clamp(min=1e-6)
    columns, rows = (x + right + slant * y).expand(n, -1, -1), (y + down + 0 * x).expand(n, -1, -1)
    grid = torch.stack([columns * 2 / (width - 1), rows * 2 / (height - 1)], dim=-1)
    return (F.grid_sample(ink[:, None], grid, align_corners=True)[:, 0] * 255).round().byte()


if __name__ == "__main__":
    from shared.data.arrays import mnist

    print("1 + t + … + t^k, fitted from 50 exact points: the worst coefficient is off by (float32)")
    print("   k   condition of x    normal equations    QR")
    t = torch.linspace(0, 1, 50)
    for k in (2, 4, 6, 8):
        x = t[:, None] ** torch.arange(k + 1)
        y = x.sum(dim=1)
        off = [(solve(x, y) - 1).abs().max().item() for solve in (solve_normal, solve_qr)]
        print(f"   {k}   {torch.linalg.cond(x.double()).item():<15.0e}   {off[0]:<16.0e}    {off[1]:.0e}")

    x = with_bias(torch.linspace(-1, 1, 50)[:, None])
    print("\nthe line y = 2t + 3 by 50 steps of gradient descent, loss at the end")
    for lr in (0.1, 0.9, 1.1):
        print(f"   learning rate {lr}   {descend(x, x @ torch.tensor([2.0, 3.0]), lr, 50)[1][-1]:.1e}")

    print("\n5,000 digits, ten weighted sums of pixels")
    images, labels, test_images, test_labels = mnist()
    for name, prepare in (("as they are", lambda images: images), ("straightened", straighten)):
        start = time.perf_counter()
        _, seen, unseen = recognise(prepare(images), labels, prepare(test_images), test_labels)
        seconds = time.perf_counter() - start
        print(f"   {name:<13}  training {seen:.1%}   1,000 test images {unseen:.1%}   {seconds:.1f} s")
