"""Tests of more_puzzles.py. The oracle is the loop above each puzzle, or a case by hand."""

import itertools
import math

import more_puzzles
import pytest
import torch
from loops import like_the_loop, no_loop

from shared.checks import close, equal, exercise, same_distribution, strided, unchanged

NAN = math.nan

# ---- Any layout: what follows the first argument, for the puzzles on matrices and on vectors -------------------------

MATRIX = {
    "border": (2, 3.0),
    "standardize": (),
    "round_away": (),
    "empty_columns": (),
    "patch_around": (2, 0, 5, -1.0),
    "with_indices": (),
    "fill_missing": (),
}
VECTOR = {"below_diagonal": (), "interleave_zeros": (2,), "powers": (4,)}
EXACT = {
    "border": ((2, 3), (1, 7)),
    "below_diagonal": ((4,), ()),
    "interleave_zeros": ((3,), (2,)),
    "symmetrize": ((4, 4), ()),
    "patch_around": ((3, 4), (1, 3, 3, 7)),
    "with_indices": ((2, 3), ()),
}


@pytest.mark.parametrize("name, others", [pytest.param(n, o, marks=exercise(n), id=n) for n, o in MATRIX.items()])
def test_matrix_of_any_layout(name, others, draw):
    like_the_loop(more_puzzles, name, draw(3, 5), *others)
    like_the_loop(more_puzzles, name, strided(draw(3, 4)), *others)
    like_the_loop(more_puzzles, name, draw(5, 3).T, *others)
    like_the_loop(more_puzzles, name, draw(1, 4).expand(3, 4), *others)
    like_the_loop(more_puzzles, name, draw(4, 1), *others)
    like_the_loop(more_puzzles, name, draw(3, 4, dtype=torch.float64), *others)


@pytest.mark.parametrize("name, others", [pytest.param(n, o, marks=exercise(n), id=n) for n, o in VECTOR.items()])
def test_vector_of_any_layout(name, others, draw):
    like_the_loop(more_puzzles, name, draw(5), *others)
    like_the_loop(more_puzzles, name, strided(draw(4)), *others)
    like_the_loop(more_puzzles, name, draw(1).expand(3), *others)
    like_the_loop(more_puzzles, name, draw(1), *others)
    like_the_loop(more_puzzles, name, draw(6, dtype=torch.float64), *others)
    like_the_loop(more_puzzles, name, draw.ints(-9, 10, 5), *others)


@pytest.mark.parametrize(
    "name, shape, others", [pytest.param(n, *o, marks=exercise(n), id=n) for n, o in EXACT.items()]
)
def test_integers_that_no_float_can_hold(name, shape, others, draw):
    like_the_loop(more_puzzles, name, draw.ints(-99, 99, *shape) + 2**60, *others)


INFINITE = {
    "border": (2, 3.0),
    "round_away": (),
    "patch_around": (2, 0, 5, -1.0),
    "with_indices": (),
    "fill_missing": (),
}


@pytest.mark.parametrize("name, others", [pytest.param(n, o, marks=exercise(n), id=n) for n, o in INFINITE.items()])
def test_matrix_with_infinity(name, others, draw):
    x = draw(3, 5)
    x[0, 1], x[1, 2], x[2, 0] = math.inf, -math.inf, NAN
    like_the_loop(more_puzzles, name, x, *others)


@pytest.mark.parametrize("name, others", [pytest.param(n, o, marks=exercise(n), id=n) for n, o in VECTOR.items()])
def test_vector_with_infinity(name, others, device):
    x = torch.tensor([1.5, math.inf, -math.inf, NAN], device=device)
    like_the_loop(more_puzzles, name, x, *others)


# ---- One by one ------------------------------------------------------------------------------------------------------


@exercise("border")
@pytest.mark.parametrize("width, value", [(0, 9), (1, -4), (3, 0)])
def test_border(width, value, draw):
    like_the_loop(more_puzzles, "border", draw.ints(1, 9, 2, 4), width, value)
    like_the_loop(more_puzzles, "border", draw(0, 4), width, value)
    like_the_loop(more_puzzles, "border", draw(2, 3), width, -math.inf)


@exercise("below_diagonal")
def test_below_diagonal_of_nothing(device):
    close(more_puzzles.below_diagonal(torch.zeros(0, device=device)), torch.zeros(1, 1, device=device))


@exercise("unravel")
@pytest.mark.parametrize("shape", [(2, 3, 4), (4, 3, 2), (5, 7), (9,), (1, 6, 1)])
def test_unravel(shape, draw):
    every = torch.arange(math.prod(shape), device=draw.device)
    like_the_loop(more_puzzles, "unravel", every, shape)
    like_the_loop(more_puzzles, "unravel", draw.ints(0, len(every), 3, 2), shape)
    like_the_loop(more_puzzles, "unravel", strided(every), shape)
    like_the_loop(more_puzzles, "unravel", every[-1], shape)
    like_the_loop(more_puzzles, "unravel", every[:0], shape)


@exercise("unravel")
def test_unravel_large_numbers(device):
    shape, index = (40_000, 3, 50_000), torch.tensor([149_999, 2**31, 5_999_999_999, 4_000_049_999], device=device)
    like_the_loop(more_puzzles, "unravel", index, shape)
    shape, index = (2**21, 3, 2**39), torch.tensor([2**60 - 1, 3 * 2**60 - 1, 2**58 + 2**39 - 1], device=device)
    like_the_loop(more_puzzles, "unravel", index, shape)


@exercise("unravel")
def test_unravel_by_hand(device):
    index, expected = torch.tensor([5, 23], device=device), torch.tensor([[0, 1, 1], [1, 2, 3]], device=device)
    close(more_puzzles.unravel(index, (2, 3, 4)), expected)


@exercise("standardize")
@pytest.mark.parametrize("scale", [1e-5, 1.0, 1000.0])
def test_standardize(scale, draw):
    like_the_loop(more_puzzles, "standardize", scale * draw(6, 4))
    x = 2 * scale + scale * draw(7, 3, dtype=torch.float64)
    like_the_loop(more_puzzles, "standardize", x)


@exercise("standardize")
def test_standardize_a_constant_column(draw):
    x = draw(7, 4)
    x[:, 2] = -3
    like_the_loop(more_puzzles, "standardize", x)
    like_the_loop(more_puzzles, "standardize", draw(1, 4))


@exercise("standardize")
@pytest.mark.parametrize("rows", [6, 7, 11])
def test_standardize_constants_whose_mean_is_rounded(rows, draw):
    x = draw(rows, 7)
    x[:, 1:6] = torch.tensor([0.1, 0.3, 0.7, 5.7, -1.1], device=draw.device)
    like_the_loop(more_puzzles, "standardize", x)
    like_the_loop(more_puzzles, "standardize", x[:, 1:2].contiguous())
    like_the_loop(more_puzzles, "standardize", x[:, 4:5].contiguous())


@exercise("standardize")
def test_standardize_columns_that_look_constant(draw):
    x = draw(6, 4, dtype=torch.float64)
    x[:, 0] += 1e6
    x[:, 1] *= 1e-12
    x[5, 2] = x[0, 2]
    like_the_loop(more_puzzles, "standardize", x)


@exercise("round_away")
def test_round_away(device):
    x = torch.tensor([0.0, 0.1, -0.1, 0.5, -0.5, 1.5, -2.5, 2.0, -7.0, 1e20, -1e20], device=device)
    like_the_loop(more_puzzles, "round_away", x)
    like_the_loop(more_puzzles, "round_away", x[:10].view(5, 1, 2))
    like_the_loop(more_puzzles, "round_away", x[1])
    like_the_loop(more_puzzles, "round_away", x[:0])


@exercise("round_away")
def test_round_away_what_is_nearly_whole(device):
    x = torch.tensor([1e-20, -1e-20, 1.000001, -6.000001, 2.0**22 + 0.5], device=device)
    like_the_loop(more_puzzles, "round_away", x, rtol=0, atol=0)
    x = torch.tensor([1 - 2.0**-24, 2.0**-24 - 1], device=device)  # the last number before 1: plus 1 it is rounded to 2
    like_the_loop(more_puzzles, "round_away", x, rtol=0, atol=0)
    x = torch.tensor([2.0**40 + 0.5, 1.5 - 2.0**40, 1e-9], dtype=torch.float64, device=device)
    like_the_loop(more_puzzles, "round_away", x, rtol=0, atol=0)


@exercise("same_with_nans")
@pytest.mark.parametrize(
    "a, b",
    [
        ([NAN, NAN], [[NAN, NAN], [NAN, NAN]]),  # three pairs that broadcast
        ([[2.0], [2.0]], [[2.0, 2.0], [2.0, 2.0]]),
        ([2.0], [2.0, 2.0]),
        ([1.0, NAN, 3.0], [1.0, NAN, 3.0]),
        ([1.0, NAN, 3.0], [NAN, 1.0, 3.0]),
        ([1.0, NAN, 3.0], [1.0, 0.0, 3.0]),
        ([1.0, 0.0, 3.0], [1.0, NAN, 3.0]),
        ([1.0, 2.0, NAN], [1.0, 2.000001, NAN]),
        ([1e-9, NAN], [2e-9, NAN]),
        ([1e-30], [0.0]),
        ([NAN, math.inf], [NAN, math.inf]),
        ([math.inf, NAN], [-math.inf, NAN]),
        ([math.inf, NAN], [NAN, math.inf]),
        ([1.0, 4.0, NAN], [2.0, 3.0, NAN]),
        ([0.0, NAN], [-0.0, NAN]),
        ([1.0, 2.0, 3.0, NAN], [[1.0, 2.0], [3.0, NAN]]),
        ([math.inf], [torch.finfo(torch.float32).max]),
        ([2.0, 2.0], [2.0, 2.0, 2.0]),
        ([], []),
        (NAN, NAN),
    ],
)
def test_same_with_nans(a, b, device):
    a, b = torch.tensor(a, device=device), torch.tensor(b, device=device)
    like_the_loop(more_puzzles, "same_with_nans", a, b)
    like_the_loop(more_puzzles, "same_with_nans", strided(a), b)


@exercise("same_with_nans")
@pytest.mark.parametrize("value", [-1.0, 1.0, -999.0, 999.0, 1e9, -1e9, math.inf, -math.inf])
def test_no_number_stands_for_nan(value, device):
    a, b = torch.tensor([3.0, NAN], device=device), torch.tensor([3.0, value], device=device)
    like_the_loop(more_puzzles, "same_with_nans", a, b)


@exercise("polar")
def test_polar(draw):
    like_the_loop(more_puzzles, "polar", draw(7, 2))
    like_the_loop(more_puzzles, "polar", strided(draw(1, 2)))
    like_the_loop(more_puzzles, "polar", draw(2, 5).T)
    like_the_loop(more_puzzles, "polar", draw(1, 2).expand(3, 2))
    like_the_loop(more_puzzles, "polar", draw(4, 2, dtype=torch.float64))
    like_the_loop(more_puzzles, "polar", draw(0, 2))


@exercise("polar")
def test_polar_on_the_axes(device):
    xy = torch.tensor([[3.0, 4.0], [0.0, 0.0], [0.0, 2.0], [-2.0, 0.0], [0.0, -2.0], [-1.0, -1.0]], device=device)
    angles = torch.tensor([math.atan(4 / 3), 0, math.pi / 2, math.pi, -math.pi / 2, -0.75 * math.pi], device=device)
    radii = torch.tensor([5.0, 0.0, 2.0, 2.0, 2.0, math.sqrt(2)], device=device)
    close(more_puzzles.polar(xy), torch.stack([radii, angles], dim=1))
    near = torch.tensor([[1.0, 1e-4], [1.0, -1e-4], [-2.0, 1e-3], [-2.0, -1e-3]], device=device)
    like_the_loop(more_puzzles, "polar", near, rtol=0)


@exercise("gaussian_bump")
@pytest.mark.parametrize("height, width, sigma", [(5, 8, 1.7), (6, 3, 0.6), (1, 4, 3), (1, 1, 2.0), (2, 7, 0.9)])
def test_gaussian_bump(height, width, sigma):
    like_the_loop(more_puzzles, "gaussian_bump", height, width, sigma)


@exercise("place_randomly")
@pytest.mark.parametrize("height, width, count", [(3, 5, 4), (4, 2, 0), (2, 3, 6), (1, 1, 1), (6, 1, 5)])
def test_place_randomly_counts(height, width, count):
    grid = more_puzzles.place_randomly(height, width, count, torch.Generator().manual_seed(3))
    no_loop(more_puzzles, "place_randomly")
    expected = torch.tensor([0] * (height * width - count) + [1] * count)
    equal(grid.flatten().sort().values, expected)
    equal(tuple(grid.shape), (height, width), name="shape")


@exercise("place_randomly")
def test_place_randomly_draws_from_the_generator():
    generator = torch.Generator().manual_seed(5)
    first, second = (more_puzzles.place_randomly(9, 11, 40, generator) for _ in range(2))
    again = more_puzzles.place_randomly(9, 11, 40, generator.manual_seed(5))
    equal(again, first)
    equal(torch.equal(first, second), False, name="two draws in a row are the same")  # by chance: one in 10²⁷


@exercise("place_randomly")
def test_place_randomly_likes_all_choices_alike():
    # n = 1500 draws of 2 from 6 places: 15 choices, 100 of each expected. Chi-square; false alarm at most 1e-6.
    choices = [sum(1 << place for place in pair) for pair in itertools.combinations(range(6), 2)]
    generator, weights = torch.Generator().manual_seed(8), 1 << torch.arange(6)
    drawn = [more_puzzles.place_randomly(2, 3, 2, generator).flatten() for _ in range(1500)]
    codes = (torch.stack(drawn) * weights).sum(dim=1)
    same_distribution(codes, [(code in choices) / 15 for code in range(64)])


@exercise("place_randomly")
def test_place_randomly_likes_all_of_many_places_alike():
    # 60 draws of 5 from 10,000 places: n = 300, 75 expected in each quarter. Chi-square; false alarm at most 1e-6.
    generator = torch.Generator().manual_seed(4)
    drawn = [more_puzzles.place_randomly(100, 100, 5, generator).flatten().nonzero()[:, 0] for _ in range(60)]
    same_distribution(torch.cat(drawn) // 2500, [1 / 4] * 4)


@exercise("empty_columns")
def test_empty_columns(device):
    x = [[0.0, 1.0, 0.0, NAN, 0.0, 0.0, 1e-30], [-0.0, -1.0, 0.0, NAN, 0.0, 2.0, 0.0], [0.0] * 7]
    x = torch.tensor(x, device=device)
    like_the_loop(more_puzzles, "empty_columns", x)
    like_the_loop(more_puzzles, "empty_columns", strided(x[:, 2:]))
    like_the_loop(more_puzzles, "empty_columns", x[:1, :1].expand(3, 2))
    like_the_loop(more_puzzles, "empty_columns", x[:0])
    like_the_loop(more_puzzles, "empty_columns", x[:, :0])
    like_the_loop(more_puzzles, "empty_columns", x[:, 4:].ceil().long())
    like_the_loop(more_puzzles, "empty_columns", -x)


@exercise("interleave_zeros")
@pytest.mark.parametrize("gap", [0, 1, 3])
def test_interleave_zeros(gap, draw):
    like_the_loop(more_puzzles, "interleave_zeros", draw(4), gap)
    like_the_loop(more_puzzles, "interleave_zeros", draw.ints(1, 9, 1), gap)


@exercise("symmetrize")
def test_symmetrize(draw):
    like_the_loop(more_puzzles, "symmetrize", draw(5, 5))
    like_the_loop(more_puzzles, "symmetrize", strided(draw(3, 3)))
    like_the_loop(more_puzzles, "symmetrize", draw(4, 4).T)
    like_the_loop(more_puzzles, "symmetrize", draw(1, 3).expand(3, 3))
    like_the_loop(more_puzzles, "symmetrize", draw(2, 2, dtype=torch.float64))
    like_the_loop(more_puzzles, "symmetrize", draw.ints(-9, 9, 4, 4))
    like_the_loop(more_puzzles, "symmetrize", draw(1, 1))
    like_the_loop(more_puzzles, "symmetrize", draw(0, 0))


@exercise("symmetrize")
def test_symmetrize_ignores_the_lower_triangle(device):
    x = torch.tensor([[1.0, 2.0, 3.0], [NAN, 4.0, 5.0], [-math.inf, NAN, 6.0]], device=device)
    expected = torch.tensor([[1.0, 2.0, 3.0], [2.0, 4.0, 5.0], [3.0, 5.0, 6.0]], device=device)
    close(more_puzzles.symmetrize(x), expected)


@exercise("symmetrize")
def test_symmetrize_zeros_below_and_infinity_above(device):
    x = torch.tensor([[math.inf, 2.0, -math.inf], [0.0, -1.0, NAN], [0.0, 0.0, -math.inf]], device=device)
    like_the_loop(more_puzzles, "symmetrize", x)


@exercise("to_binary")
@pytest.mark.parametrize("bits", [1, 3, 10, 31, 63])
def test_to_binary(bits, draw):
    x = torch.cat([draw.ints(0, 2**bits - 1, 6), torch.tensor([0, 1, 2**bits - 1], device=draw.device)])
    like_the_loop(more_puzzles, "to_binary", x, bits)
    like_the_loop(more_puzzles, "to_binary", strided(x), bits)
    like_the_loop(more_puzzles, "to_binary", x[:1].expand(2), bits)
    like_the_loop(more_puzzles, "to_binary", x[:0], bits)


@exercise("to_binary")
def test_to_binary_gives_int64(draw):
    like_the_loop(more_puzzles, "to_binary", draw.ints(0, 64, 5).int(), 6)


@exercise("patch_around")
@pytest.mark.parametrize("row, column", [(2, 3), (0, 0), (4, 6), (0, 5), (3, 0)])
@pytest.mark.parametrize("size", [1, 3, 7])
def test_patch_around(row, column, size, draw):
    like_the_loop(more_puzzles, "patch_around", draw.ints(1, 99, 5, 7), row, column, size, -8)


@exercise("patch_around")
def test_patch_around_infinity_at_the_edge(draw):
    x = draw(3, 4)
    x[0, 0] = math.inf
    like_the_loop(more_puzzles, "patch_around", x, 0, 0, 3, -1.0)
    like_the_loop(more_puzzles, "patch_around", x, 2, 3, 3, -math.inf)


@exercise("with_indices")
def test_with_indices(draw):
    like_the_loop(more_puzzles, "with_indices", draw.ints(-1, 2, 3, 5))
    like_the_loop(more_puzzles, "with_indices", draw(2, 3, 4))
    like_the_loop(more_puzzles, "with_indices", draw(3, 1, 2).transpose(0, 2))
    like_the_loop(more_puzzles, "with_indices", draw(300))
    like_the_loop(more_puzzles, "with_indices", draw(1))
    like_the_loop(more_puzzles, "with_indices", draw(0, 3))
    like_the_loop(more_puzzles, "with_indices", draw.ints(0, 9, 2, 2).int())
    like_the_loop(more_puzzles, "with_indices", draw(1, 2).new_tensor([[NAN, 0.0]]))


@exercise("fill_missing")
def test_fill_missing(draw):
    x = draw(5, 4)
    x[1, 0] = x[2, 0] = x[0, 3] = x[:, 2] = NAN
    like_the_loop(more_puzzles, "fill_missing", x)
    like_the_loop(more_puzzles, "fill_missing", strided(x))
    like_the_loop(more_puzzles, "fill_missing", x.T)
    like_the_loop(more_puzzles, "fill_missing", x[:1])
    like_the_loop(more_puzzles, "fill_missing", x[1:2].expand(3, 4))
    x[3, 1] = math.inf  # no hole
    like_the_loop(more_puzzles, "fill_missing", x)
    x[4, 1] = NAN  # whose column has an infinite mean
    like_the_loop(more_puzzles, "fill_missing", x)


@exercise("saturate")
@pytest.mark.parametrize("dtype", [torch.uint8, torch.int8, torch.int16, torch.int32], ids=str)
def test_saturate(dtype, draw):
    low, high = torch.iinfo(dtype).min, torch.iinfo(dtype).max
    edges = [low - 0.4, low - 1, low, low + 1, high - 1, high, high + 0.7, high + 1, 300, 70000, 3e9, -3e9, 1e30, -1e30]
    small = [0.0, 0.5, 1.5, 2.99, -0.5, -1.5, -2.99, NAN, math.inf, -math.inf]
    x = torch.tensor(edges + small, device=draw.device)
    like_the_loop(more_puzzles, "saturate", x, dtype)
    like_the_loop(more_puzzles, "saturate", strided(x.view(3, 2, 4)), dtype)
    like_the_loop(more_puzzles, "saturate", x[-3], dtype)
    like_the_loop(more_puzzles, "saturate", x[:0], dtype)
    like_the_loop(more_puzzles, "saturate", 50 * draw(3, 5), dtype)


@exercise("saturate")
def test_saturate_keeps_whole_int32_in_float64(device):
    x = torch.tensor([2.0**31 - 1, 2.0**31 - 2.5, 2.0**31, -(2.0**31) - 1, 16777217.0], dtype=torch.float64)
    expected = torch.tensor([2**31 - 1, 2**31 - 3, 2**31 - 1, -(2**31), 16777217], dtype=torch.int32)
    close(more_puzzles.saturate(x.to(device), torch.int32), expected.to(device))


@exercise("pack_rgba")
def test_pack_rgba(draw):
    colors = draw.ints(0, 256, 6, 4).to(torch.uint8)
    like_the_loop(more_puzzles, "pack_rgba", colors)
    like_the_loop(more_puzzles, "pack_rgba", strided(colors))
    like_the_loop(more_puzzles, "pack_rgba", colors[:1].expand(3, 4))
    like_the_loop(more_puzzles, "pack_rgba", colors[:4].T)
    like_the_loop(more_puzzles, "pack_rgba", colors[:0])


@exercise("pack_rgba")
def test_pack_rgba_by_hand(device):
    colors = torch.tensor([[255, 255, 255, 255], [0, 0, 0, 1], [128, 0, 0, 0], [1, 2, 3, 4]], device=device)
    expected = torch.tensor([2**32 - 1, 1, 2**31, 0x01020304], device=device)
    close(more_puzzles.pack_rgba(colors.to(torch.uint8)), expected)


@exercise("update_in_place", modifies=True)
@pytest.mark.parametrize("shape", [(3, 5), (2, 1, 4), (1,), (0, 2)], ids=str)
def test_update_in_place(shape, draw):
    a, b = draw(*shape), draw(*shape)
    expected, memory = (a + b) * (-a / 2), a.data_ptr()
    with unchanged(b):
        got = more_puzzles.update_in_place(a, b)
    no_loop(more_puzzles, "update_in_place")
    close(a, expected, name="a")
    close(got, expected, name="the result")
    equal(got is a, True, name="the result is a")
    equal(a.data_ptr() == memory, True, name="a lies where it lay")


@exercise("update_in_place", modifies=True)
def test_update_in_place_writes_into_a_view(draw):
    base, b = draw(4, 7, dtype=torch.float64), draw(4, dtype=torch.float64).expand(2, 4)
    expected = base.clone()
    part = expected[1:3, ::2]
    part.copy_((part + b) * (-part / 2))
    more_puzzles.update_in_place(base[1:3, ::2], b)
    close(base, expected)


@exercise("powers")
@pytest.mark.parametrize("n", [1, 2, 6])
def test_powers(n, draw):
    like_the_loop(more_puzzles, "powers", draw(4), n)
    like_the_loop(more_puzzles, "powers", torch.tensor([0, 1, -1, 9, -9], device=draw.device), n)
    like_the_loop(more_puzzles, "powers", torch.tensor([0.0, -2.0], device=draw.device), n)


@exercise("powers")
def test_powers_that_no_float_can_hold(device):
    like_the_loop(more_puzzles, "powers", torch.tensor([3, -3, 2, 0], device=device), 40)
