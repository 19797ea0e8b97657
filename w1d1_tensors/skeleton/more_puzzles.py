"""Twenty short puzzles for another day.

Above each of them a loop says what it does; you do it in one to three lines. Inputs stay as they are, except where a
puzzle says otherwise.
"""

import math

import numpy as np
import torch
from jaxtyping import Float, Int, Int64, Num, Shaped, UInt8
from torch import Tensor
from torch.nn import functional as F


def border_loop(x, width, value):
    out = x.new_full((x.shape[0] + 2 * width, x.shape[1] + 2 * width), value)
    for i, j in np.ndindex(x.shape):
        out[width + i, width + j] = x[i, j]
    return out


def border(x: Num[Tensor, "height width"], width: int, value: float) -> Num[Tensor, "framed_height framed_width"]:
    """The matrix in a frame of `value`, `width` thick (0 or more) on all four sides.

    >>> border(torch.tensor([[7, 8]]), 1, 0).tolist()
    [[0, 0, 0, 0], [0, 7, 8, 0], [0, 0, 0, 0]]
    """
    raise NotImplementedError("border")


def below_diagonal_loop(values):
    out = values.new_zeros(len(values) + 1, len(values) + 1)
    for i in range(len(values)):
        out[i + 1, i] = values[i]
    return out


def below_diagonal(values: Num[Tensor, "n"]) -> Num[Tensor, "n_plus_1 n_plus_1"]:
    """The smallest square matrix with `values` just below its diagonal, and zeros elsewhere.

    >>> below_diagonal(torch.tensor([5, 6])).tolist()
    [[0, 0, 0], [5, 0, 0], [0, 6, 0]]
    """
    raise NotImplementedError("below_diagonal")


def unravel_loop(index, shape):
    coordinates = []
    for size in reversed(shape):
        coordinates.insert(0, index % size)
        index = index // size
    return torch.stack(coordinates, dim=-1)


def unravel(index: Int64[Tensor, "*batch"], shape: tuple[int, ...]) -> Int64[Tensor, "*batch dims"]:
    """Where the element with that number stands, if those of a tensor of this `shape` are counted row by row from 0.

    >>> unravel(torch.tensor([0, 5, 23]), (2, 3, 4)).tolist()
    [[0, 0, 0], [0, 1, 1], [1, 2, 3]]
    """
    raise NotImplementedError("unravel")


def standardize_loop(x):
    out = torch.zeros_like(x)
    for j, column in enumerate(x.T):
        if (column != column[0]).any():
            centred = column - column.mean()
            out[:, j] = centred / (centred**2).mean().sqrt()
    return out


def standardize(x: Float[Tensor, "row column"]) -> Float[Tensor, "row column"]:
    """Moves each column to mean 0 and scales it to std 1 (a mean over all n rows, not n - 1).
    Constant columns become zeros.

    >>> standardize(torch.tensor([[1.0, 8.0], [5.0, 8.0]])).tolist()
    [[-1.0, 0.0], [1.0, 0.0]]
    """
    raise NotImplementedError("standardize")


def round_away_loop(x):
    return x.new_tensor([v.ceil() if v > 0 else v.floor() for v in x.flatten()]).view(x.shape)


def round_away(x: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
    """Rounds each number away from zero. Whole numbers, however large, stay as they are.

    >>> round_away(torch.tensor([1.2, -1.2, 3.0])).tolist()
    [2.0, -2.0, 3.0]
    """
    raise NotImplementedError("round_away")


def same_with_nans_loop(a, b):
    pairs = [(a[place], b[place]) for place in np.ndindex(a.shape)] if a.shape == b.shape else [(0, 1)]
    return all(bool(p == q) or bool(p != p and q != q) for p, q in pairs)


def same_with_nans(a: Float[Tensor, "*shape_a"], b: Float[Tensor, "*shape_b"]) -> bool:
    """Whether both, which have the same dtype, have the same shape and exactly the same values. NaN equals NaN here.

    >>> same_with_nans(torch.tensor([1.0, math.nan]), torch.tensor([1.0, math.nan]))
    True
    """
    raise NotImplementedError("same_with_nans")


def polar_loop(xy):
    return xy.new_tensor([[math.hypot(x, y), math.atan2(y, x)] for x, y in xy.tolist()]).view(-1, 2)


def polar(xy: Float[Tensor, "point 2"]) -> Float[Tensor, "point 2"]:
    """(radius, angle) of each point (x, y). The angle is in radians, from the x axis towards y, between -π and π.
    x² + y² is finite.

    >>> polar(torch.tensor([[0.0, 2.0]]))
    tensor([[2.0000, 1.5708]])
    """
    raise NotImplementedError("polar")


def gaussian_bump_loop(height, width, sigma):
    out = torch.empty(height, width)
    for i, j in np.ndindex(height, width):
        out[i, j] = math.exp(-((i - (height - 1) / 2) ** 2 + (j - (width - 1) / 2) ** 2) / (2 * sigma**2))
    return out


def gaussian_bump(height: int, width: int, sigma: float) -> Float[Tensor, "height width"]:
    """exp(-d² / 2σ²), where d is a cell's distance from the middle of the picture, which may lie between cells.

    >>> gaussian_bump(1, 3, 1.0)
    tensor([[0.6065, 1.0000, 0.6065]])
    """
    raise NotImplementedError("gaussian_bump")


def place_randomly(height: int, width: int, count: int, generator: torch.Generator) -> Int[Tensor, "height width"]:
    """Returns int64 zeros with `count` ones, where all choices of places are equally likely.
    It has no loop to compare with, because it is random.

    >>> place_randomly(3, 4, 5, torch.Generator().manual_seed(0)).sum().item()
    5
    """
    raise NotImplementedError("place_randomly")


def empty_columns_loop(x):
    return torch.tensor([j for j in range(x.shape[1]) if not x[:, j].any()], dtype=torch.int64, device=x.device)


def empty_columns(x: Num[Tensor, "row column"]) -> Int[Tensor, "empty"]:
    """Returns the numbers of the columns that hold nothing but zeros, in ascending order. (NaN isn't zero.)

    >>> empty_columns(torch.tensor([[0, 1, 0], [0, -1, 2]])).tolist()
    [0]
    """
    raise NotImplementedError("empty_columns")


def interleave_zeros_loop(x, gap):
    values = [number for value in x.tolist() for number in [value] + gap * [0]]
    return x.new_tensor(values[: len(values) - gap])


def interleave_zeros(x: Num[Tensor, "n"], gap: int) -> Num[Tensor, "longer"]:
    """Puts `gap` zeros between neighbouring values and none at the ends.
    `gap` may be 0, and `x` has at least one value.

    >>> interleave_zeros(torch.tensor([1, 2, 3]), 2).tolist()
    [1, 0, 0, 2, 0, 0, 3]
    """
    raise NotImplementedError("interleave_zeros")


def symmetrize_loop(x):
    return x.new_tensor([[x[min(i, j), max(i, j)] for j in range(len(x))] for i in range(len(x))]).view(x.shape)


def symmetrize(x: Num[Tensor, "n n"]) -> Num[Tensor, "n n"]:
    """Mirrors the upper triangle into the lower one. What stood there doesn't count, not even NaN.

    >>> symmetrize(torch.tensor([[1, 2], [9, 4]])).tolist()
    [[1, 2], [2, 4]]
    """
    raise NotImplementedError("symmetrize")


def to_binary_loop(x, bits):
    digits = [[int(digit) for digit in f"{number:0{bits}b}"] for number in x.tolist()]
    return torch.tensor(digits, dtype=torch.int64, device=x.device).view(len(x), bits)


def to_binary(x: Int[Tensor, "n"], bits: int) -> Int[Tensor, "n bits"]:
    """The binary digits of each number as int64, the most significant first. 0 ≤ x < 2 ** bits, and bits ≤ 63.

    >>> to_binary(torch.tensor([6, 1]), 4).tolist()
    [[0, 1, 1, 0], [0, 0, 0, 1]]
    """
    raise NotImplementedError("to_binary")


def patch_around_loop(x, row, column, size, fill):
    out = x.new_full((size, size), fill)
    for i, j in np.ndindex(size, size):
        r, c = row - size // 2 + i, column - size // 2 + j
        if 0 <= r < x.shape[0] and 0 <= c < x.shape[1]:
            out[i, j] = x[r, c]
    return out


def patch_around(x: Num[Tensor, "h w"], row: int, column: int, size: int, fill: float) -> Num[Tensor, "size size"]:
    """Cuts out a square of odd `size` with cell (row, column) in its middle. Where it sticks out, it holds `fill`.

    >>> patch_around(torch.tensor([[1, 2], [3, 4]]), 1, 1, 3, 0).tolist()
    [[1, 2, 0], [3, 4, 0], [0, 0, 0]]
    """
    raise NotImplementedError("patch_around")


def with_indices_loop(x):
    return x.new_tensor([[*place, x[place]] for place in np.ndindex(x.shape)]).view(-1, x.ndim + 1)


def with_indices(x: Num[Tensor, "*shape"]) -> Num[Tensor, "element dims_plus_1"]:
    """A row (indices…, value) for each element, in the dtype of `x`, which has at least one dim. See np.ndenumerate.

    >>> with_indices(torch.tensor([[7, 0]])).tolist()
    [[0, 0, 7], [0, 1, 0]]
    """
    raise NotImplementedError("with_indices")


def fill_missing_loop(x):
    out = x.clone()
    for i, j in x.isnan().nonzero():
        out[i, j] = x[~x[:, j].isnan(), j].mean()
    return out


def fill_missing(x: Float[Tensor, "row column"]) -> Float[Tensor, "row column"]:
    """Replaces each NaN by the mean of the other values in its column. A column of nothing but NaN stays as it is.

    >>> fill_missing(torch.tensor([[1.0], [math.nan], [3.0]])).flatten().tolist()
    [1.0, 2.0, 3.0]
    """
    raise NotImplementedError("fill_missing")


def saturate_loop(x, dtype):
    low, high = torch.iinfo(dtype).min, torch.iinfo(dtype).max
    whole = [0 if math.isnan(v) else int(min(max(v, low), high)) for v in x.flatten().tolist()]
    return torch.tensor(whole, dtype=dtype, device=x.device).view(x.shape)


def saturate(x: Float[Tensor, "*shape"], dtype: torch.dtype) -> Int[Tensor, "*shape"]:
    """Turns float32 or float64 into uint8, int8, int16 or int32: cuts off the fraction and clamps to the range.
    NaN becomes 0.

    >>> saturate(torch.tensor([-3.0, 2.9, 999.0]), torch.uint8).tolist()
    [0, 2, 255]
    """
    raise NotImplementedError("saturate")


def pack_rgba_loop(colors):
    packed = [r * 256**3 + g * 256**2 + b * 256 + a for r, g, b, a in colors.tolist()]
    return torch.tensor(packed, dtype=torch.int64, device=colors.device)


def pack_rgba(colors: UInt8[Tensor, "color 4"]) -> Int[Tensor, "color"]:
    """Red, green, blue and alpha in one int64: 0xRRGGBBAA, from 0 to 2³² - 1.

    >>> f"{pack_rgba(torch.tensor([[255, 0, 16, 1]], dtype=torch.uint8)).item():x}"
    'ff001001'
    """
    raise NotImplementedError("pack_rgba")


def update_in_place_loop(a, b):
    for place in np.ndindex(a.shape):
        a[place] = (a[place] + b[place]) * (-a[place] / 2)
    return a


def update_in_place(a: Float[Tensor, "*shape"], b: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
    """Writes (a + b) * (-a / 2) into the memory of `a` and returns `a` itself.
    It leaves `b` alone, and may use temporaries.

    >>> update_in_place(torch.tensor([2.0]), torch.tensor([1.0]))
    tensor([-3.])
    """
    raise NotImplementedError("update_in_place")


def powers_loop(x, n):
    return x.new_tensor([[value**k for k in range(n)] for value in x.tolist()]).view(len(x), n)


def powers(x: Shaped[Tensor, "length"], n: int) -> Shaped[Tensor, "length n"]:
    """Row i holds 1, x[i], x[i]², … up to x[i] to the power n - 1, where n is at least 1.
    Float and int64 keep their dtype, and 0 to the power 0 is 1.

    >>> powers(torch.tensor([2, -3]), 4).tolist()
    [[1, 2, 4, 8], [1, -3, 9, -27]]
    """
    raise NotImplementedError("powers")


if __name__ == "__main__":
    shades = (gaussian_bump(15, 40, 5) * 9).round().long()
    print("\n".join("".join(" .:-=+*#%@"[shade] for shade in row) for row in border(shades, 1, 9)))
