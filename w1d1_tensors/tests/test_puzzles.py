"""Tests of puzzles.py. The oracle is the loop above each puzzle; where it can't serve, a case by hand."""

import math

import puzzles
import pytest
import torch
from loops import in_any_layout, like_the_loop
from torch.overrides import TorchFunctionMode

from shared.checks import close, equal, exercise, unchanged

INF = math.inf


# ---- Make an axis ----------------------------------------------------------------------------------------------------


@exercise("inner_points")
@pytest.mark.parametrize(
    "low, high, n", [(0, 10, 4), (-1.5, 2.5, 7), (2, 3, 5), (0, 1, 48), (4, -4, 3), (0, 3, 10), (0, 1, 999)]
)
def test_points_between(low, high, n):
    like_the_loop(puzzles, "inner_points", low, high, n)


@exercise("inner_points")
@pytest.mark.parametrize("n", [0, 1])
def test_no_point_and_the_middle(n):
    like_the_loop(puzzles, "inner_points", 3, 8, n)


@exercise("checkerboard")
@pytest.mark.parametrize("height, width", [(2, 4), (5, 3), (3, 6), (1, 1), (1, 5), (4, 1)])
def test_zeros_and_ones_take_turns(height, width):
    like_the_loop(puzzles, "checkerboard", height, width)


@exercise("coordinate_grid")
@pytest.mark.parametrize("height, width", [(2, 3), (5, 4), (4, 4), (2, 2), (3, 10), (13, 2)])
def test_every_cell_has_its_x_and_y(height, width):
    like_the_loop(puzzles, "coordinate_grid", height, width)


@exercise("coordinate_grid")
def test_the_four_corners():
    corners = puzzles.coordinate_grid(4, 7)[[0, 0, 3, 3], [0, 6, 0, 6]]
    close(corners, torch.tensor([[-1.0, -1.0], [1.0, -1.0], [-1.0, 1.0], [1.0, 1.0]]), name="the corners")


# ---- Pick and change -------------------------------------------------------------------------------------------------


@exercise("swap_rows")
@pytest.mark.parametrize("i, j", [(0, 2), (3, 1), (4, 4), (0, -1), (-2, 1), (-1, -3), (2, -3), (4, -5)])
def test_two_rows_change_places(i, j, draw):
    like_the_loop(puzzles, "swap_rows", draw(5, 3), i, j)


@exercise("swap_rows")
@pytest.mark.parametrize("dtype", [torch.int64, torch.bool, torch.float64], ids=str)
def test_rows_of_any_dtype_and_shape(dtype, draw):
    like_the_loop(puzzles, "swap_rows", draw.ints(-4, 2, 4, 2, 3).to(dtype), 1, 3)


@exercise("swap_rows")
def test_rows_keep_every_bit(draw):
    like_the_loop(puzzles, "swap_rows", 2**53 + draw.ints(0, 99, 4, 3), 1, 3)
    x = draw(4, 3)
    x[0, 1], x[1, 2], x[2, 0] = INF, -INF, math.nan
    like_the_loop(puzzles, "swap_rows", x, 0, 3)


@exercise("swap_rows")
def test_rows_of_a_view(draw):
    in_any_layout(puzzles, "swap_rows", draw(4, 3, dtype=torch.float64), 3, 0)


@exercise("swap_rows")
@pytest.mark.parametrize("i, j", [(0, 1), (2, 2)])
def test_the_result_is_a_copy(i, j, draw):
    x = draw(3, 2)
    with unchanged(x):
        puzzles.swap_rows(x, i, j).fill_(7.0)


@exercise("negate_between")
@pytest.mark.parametrize("low, high", [(-1, 1), (0.2, 5), (-5, 0), (2, 1), (-INF, 0.5)])
def test_signs_flip_between_two_bounds(low, high, draw):
    like_the_loop(puzzles, "negate_between", draw(30), low, high)


@exercise("negate_between")
def test_the_bounds_are_not_between(device):
    like_the_loop(puzzles, "negate_between", torch.tensor([-2.0, -1.0, 0.5, 3.0, 4.0], device=device), -2, 3)


@exercise("negate_between")
def test_a_single_value(device):
    like_the_loop(puzzles, "negate_between", torch.tensor([2.0], device=device), 1, 3)


@exercise("negate_between")
@pytest.mark.parametrize("low, high", [(-3, 4), (-2.5, 2.5)])
@pytest.mark.parametrize("dtype", [torch.int64, torch.int32], ids=str)
def test_whole_numbers(dtype, low, high, draw):
    like_the_loop(puzzles, "negate_between", draw.ints(-5, 6, 20).to(dtype), low, high)


@exercise("negate_between")
@pytest.mark.parametrize("low, high", [(0, INF), (-5, 5)])
def test_whole_numbers_that_no_float_can_hold(low, high, draw):
    like_the_loop(puzzles, "negate_between", 2**53 + draw.ints(-99, 99, 9), low, high)


@exercise("negate_between")
def test_values_that_float32_takes_for_a_bound(device):
    whole = torch.tensor([2**24 - 1, 2**24, 2**24 + 1], device=device)
    like_the_loop(puzzles, "negate_between", whole, 0, 2**24 + 1)
    like_the_loop(puzzles, "negate_between", whole, 2**24, 2**25)
    like_the_loop(puzzles, "negate_between", torch.tensor([1 - 1e-12, 1], dtype=torch.float64, device=device), 0, 1)


@exercise("negate_between")
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16], ids=str)
def test_half_precision_stays_half(dtype, draw):
    like_the_loop(puzzles, "negate_between", draw(9).to(dtype), -0.5, 0.5)


@exercise("negate_between")
def test_infinite_values_and_nan(device):
    x = torch.tensor([-INF, -2.0, 0.5, math.nan, 3.0, INF], device=device)
    close(puzzles.negate_between(x, -1, 4), torch.tensor([-INF, -2.0, -0.5, math.nan, -3.0, INF], device=device))


@exercise("negate_between")
@pytest.mark.parametrize("low, high", [(-1, 1), (5, 6)])
def test_the_signs_flip_in_a_copy(low, high, draw):
    x = draw(6)
    with unchanged(x):
        puzzles.negate_between(x, low, high).fill_(7.0)


@exercise("negate_between")
def test_signs_in_a_view(draw):
    in_any_layout(puzzles, "negate_between", draw(9, dtype=torch.float64), -2.0, 3.0)


# ---- Broadcasting ----------------------------------------------------------------------------------------------------


@exercise("center_rows")
@pytest.mark.parametrize("rows, columns", [(4, 4), (3, 5), (1, 6), (5, 1), (2, 3)])
def test_every_row_loses_its_mean(rows, columns, draw):
    like_the_loop(puzzles, "center_rows", draw(rows, columns) * 3 + 2)


@exercise("center_rows")
def test_rows_of_views_and_float64(draw):
    in_any_layout(puzzles, "center_rows", draw(4, 4, dtype=torch.float64))


@exercise("multiply_planes")
@pytest.mark.parametrize("shape", [(4, 4, 4), (3, 5, 2), (4, 4, 3), (1, 3, 3), (5, 2, 1)], ids=str)
def test_all_channels_are_weighted_alike(shape, draw):
    like_the_loop(puzzles, "multiply_planes", draw(*shape), draw(*shape[:2]))


@exercise("multiply_planes")
def test_planes_of_a_view(draw):
    image, weights = draw(3, 4, 2, dtype=torch.float64), draw(3, 4, dtype=torch.float64)
    in_any_layout(puzzles, "multiply_planes", image, weights)


@exercise("pairwise_distances")
@pytest.mark.parametrize("n, m, d", [(5, 5, 5), (4, 6, 3), (1, 3, 2), (3, 1, 1)])
def test_all_points_to_all_points(n, m, d, draw):
    like_the_loop(puzzles, "pairwise_distances", draw(n, d), draw(m, d))


# torch.cdist subtracts first for up to 25 points, and expands the square for more.
many_points = pytest.mark.parametrize("n, m", [(4, 5), (27, 2), (3, 28)])


def close_points(n, m, draw, dtype):
    """Coordinates are a few eighths; no point is in both. Moved to 2^12, float32 rounds away just what of their squares
    makes up the distance (float64 does at 2^26), so expanding the square gives 0, in whatever order one does it."""
    x, y = draw.ints(0, 3, n, 3).to(dtype), draw.ints(0, 3, m, 3).to(dtype)
    y[:, 0] += 3
    return x / 8, y / 8


@exercise("pairwise_distances")
@many_points
@pytest.mark.parametrize("dtype, size", [(torch.float32, 2.0**12), (torch.float64, 2.0**26)], ids=str)
def test_close_points_far_away(dtype, size, n, m, draw):
    x, y = close_points(n, m, draw, dtype)
    x[:, 0], y[:, 0] = x[:, 0] + size, y[:, 0] + size
    like_the_loop(puzzles, "pairwise_distances", x, y)


@exercise("pairwise_distances")
@many_points
def test_close_points_in_two_places(n, m, draw):
    x, y = close_points(n, m, draw, torch.float32)
    for points in (x, y):  # their mean is close to none of them
        points[::2, 0] += 2**12
        points[1::2, 0] -= 2**12
    like_the_loop(puzzles, "pairwise_distances", x, y)


@exercise("pairwise_distances")
def test_a_point_has_no_distance_to_itself(draw):
    x = draw(5, 3, dtype=torch.float64)
    like_the_loop(puzzles, "pairwise_distances", x, x.clone())


@exercise("pairwise_distances")
def test_points_in_a_view(draw):
    in_any_layout(puzzles, "pairwise_distances", draw(4, 3, dtype=torch.float64), draw(2, 3, dtype=torch.float64))


# ---- Numbers that stay finite ----------------------------------------------------------------------------------------


@exercise("softmax")
@pytest.mark.parametrize("rows, n", [(4, 4), (3, 5), (1, 6), (2, 1)])
def test_shares_of_each_row(rows, n, draw):
    like_the_loop(puzzles, "softmax", draw(rows, n) * 2)


@exercise("softmax")
@pytest.mark.parametrize("size", [-3000.0, 200.0, 3000.0])
def test_shares_of_large_values(size, draw):
    like_the_loop(puzzles, "softmax", draw(3, 5) + size)


@exercise("softmax")
def test_shares_of_a_wide_row(draw):
    like_the_loop(puzzles, "softmax", draw(3, 5) * 2000)


@exercise("softmax")
def test_rows_of_very_different_size(device):
    x = torch.tensor([[2000.0, 1999.0], [-2000.0, -1999.0], [0.0, 1.0]], device=device)
    low, high = 1 / (1 + math.e), math.e / (1 + math.e)
    close(puzzles.softmax(x), torch.tensor([[high, low], [low, high], [low, high]], device=device))


@exercise("softmax")
def test_shares_in_views_and_float64(draw):
    in_any_layout(puzzles, "softmax", draw(4, 3, dtype=torch.float64))


@exercise("logsumexp")
@pytest.mark.parametrize("rows, n", [(4, 4), (3, 5), (1, 6), (2, 1)])
def test_log_of_the_sum_of_each_row(rows, n, draw):
    like_the_loop(puzzles, "logsumexp", draw(rows, n) * 2)


@exercise("logsumexp")
@pytest.mark.parametrize("size", [-3000.0, 200.0, 3000.0])
def test_log_of_large_sums(size, draw):
    like_the_loop(puzzles, "logsumexp", draw(3, 5) + size)


@exercise("logsumexp")
def test_log_of_the_sum_of_a_wide_row(draw):
    like_the_loop(puzzles, "logsumexp", draw(3, 5) * 2000)


@exercise("logsumexp")
def test_rows_that_differ_much(device):
    x = torch.tensor([[2000.0, 2000.0], [-2000.0, -2000.0], [0.0, 0.0]], device=device)
    close(puzzles.logsumexp(x), torch.tensor([2000.0, -2000.0, 0.0], device=device) + math.log(2))


@exercise("logsumexp")
@pytest.mark.parametrize("size", [-9000.0, -5000.0, 5000.0, 9000.0])
def test_two_values_of_many_thousands(size, device):
    x = torch.full((1, 2), size, device=device)
    close(puzzles.logsumexp(x), torch.tensor([size + math.log(2)], device=device))


@exercise("logsumexp")
def test_minus_infinity_counts_as_nothing(device):
    x = torch.tensor([[-INF, -INF, -INF], [-INF, 3.0, -INF], [-700.0, -INF, -700.0]], device=device)
    close(puzzles.logsumexp(x), torch.tensor([-INF, 3.0, -700 + math.log(2)], device=device))


@exercise("logsumexp")
def test_sums_in_views_and_float64(draw):
    in_any_layout(puzzles, "logsumexp", draw(4, 3, dtype=torch.float64))


# ---- Search and sort -------------------------------------------------------------------------------------------------


@exercise("nearest")
@pytest.mark.parametrize("n, m", [(5, 5), (6, 4), (1, 3), (7, 1)])
def test_index_of_the_nearest(n, m, draw):
    like_the_loop(puzzles, "nearest", draw(n), 2 * draw(m))


@exercise("nearest")
def test_the_first_of_several_that_are_equally_near(device):
    values = torch.tensor([9.0, 3.0, 1.0, 3.0, 1.0, -9.0], device=device)
    targets = torch.tensor([2.0, 1.0, 6.0, 0.0, 3.0], device=device)
    equal(puzzles.nearest(values, targets), torch.tensor([1, 2, 0, 2, 1], device=device))


@exercise("nearest")
def test_the_first_of_many_that_are_equally_near(draw):
    like_the_loop(puzzles, "nearest", draw.ints(-5, 6, 40).float(), draw.ints(-14, 15, 30) / 2)


@exercise("nearest")
@pytest.mark.parametrize("dtype, size", [(torch.float32, 1000.0), (torch.float64, 1e8)], ids=str)
def test_values_that_hardly_differ(dtype, size, draw):
    values, targets = draw(30, dtype=dtype), draw(20, dtype=dtype)
    like_the_loop(puzzles, "nearest", size + 0.01 * values, size + 0.01 * targets)


@exercise("nearest")
@pytest.mark.parametrize("size", [1e-25, 1e20])
def test_gaps_whose_squares_float32_cannot_hold(size, device):
    values, targets = torch.tensor([3.0, 1.0], device=device), torch.tensor([0.0, 4.0], device=device)
    equal(puzzles.nearest(values * size, targets * size), torch.tensor([1, 0], device=device))


@exercise("nearest")
def test_nearest_in_a_view(draw):
    in_any_layout(puzzles, "nearest", draw(6, dtype=torch.float64), draw(4, dtype=torch.float64))


@exercise("sort_by_column")
@pytest.mark.parametrize("column", [0, 1, 2, -1, -3])
def test_whole_rows_are_sorted(column, draw):
    like_the_loop(puzzles, "sort_by_column", draw(5, 3), column)


@exercise("sort_by_column")
def test_a_square_and_a_single_row(draw):
    like_the_loop(puzzles, "sort_by_column", draw(4, 4), 2)
    like_the_loop(puzzles, "sort_by_column", draw(1, 3), 1)


@exercise("sort_by_column")
def test_equal_rows_stay_in_their_order(draw):
    x = torch.stack([draw.ints(-2, 2, 60), torch.arange(60, device=draw.device).flip(0)], dim=1)
    like_the_loop(puzzles, "sort_by_column", x, 0)


class ReversesEquals(TorchFunctionMode):
    """A torch that makes use of its freedom: sorted without `stable=True`, equals come in reverse."""

    def __torch_function__(self, function, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        if getattr(function, "__name__", "") not in ("sort", "argsort") or kwargs.get("stable"):
            return function(*args, **kwargs)
        options = {"dim": -1, **dict(zip(("input", "dim", "descending"), args)), **kwargs, "stable": True}
        x, dim = options.pop("input"), options["dim"]
        found, place = torch.sort(x.flip(dim), **options)
        place = x.shape[dim] - 1 - place
        return torch.return_types.sort((found, place)) if function.__name__ == "sort" else place


@exercise("sort_by_column")
@pytest.mark.parametrize("dtype", [torch.int64, torch.float32], ids=str)
def test_the_order_of_equals_is_no_accident(dtype, draw):
    x = torch.stack([draw.ints(-2, 2, 9), torch.arange(9, device=draw.device).flip(0)], dim=1).to(dtype)
    with ReversesEquals():
        like_the_loop(puzzles, "sort_by_column", x, 0)


@exercise("sort_by_column")
def test_values_in_order_that_hardly_differ(draw):
    key, place = 1 + draw.ints(0, 9, 20).float() * 2**-23, torch.arange(20.0, device=draw.device)
    like_the_loop(puzzles, "sort_by_column", torch.stack([key, place], dim=1), 0)  # the places tell the order


@exercise("sort_by_column")
def test_whole_numbers_that_floats_cannot_tell_apart(draw):
    like_the_loop(puzzles, "sort_by_column", 2**60 + draw.ints(0, 9, 20, 2), 1)


@exercise("sort_by_column")
def test_rows_in_a_view_are_sorted(draw):
    in_any_layout(puzzles, "sort_by_column", draw(6, 3, dtype=torch.float64), 1)


@exercise("top_k_accuracy")
@pytest.mark.parametrize("n, classes, k", [(4, 7, 4), (8, 5, 2), (9, 6, 1), (1, 4, 3), (6, 3, 3), (5, 1, 1)])
def test_share_of_hits(n, classes, k, draw):
    like_the_loop(puzzles, "top_k_accuracy", draw(n, classes), draw.ints(0, classes, n), k)


@exercise("top_k_accuracy")
@pytest.mark.parametrize("k, share", [(1, 0.25), (2, 0.5), (3, 0.75), (4, 1.0)])
def test_one_more_hit_for_each_k(k, share, device):
    logits = torch.tensor([0.1, 3.0, -2.0, 1.0], device=device).expand(4, 4)
    labels = torch.tensor([2, 1, 0, 3], device=device)
    close(puzzles.top_k_accuracy(logits, labels, k), torch.tensor(share, device=device))


@exercise("top_k_accuracy")
def test_any_of_the_k_best_guesses_is_a_hit(device):
    logits = torch.tensor([0.1, 3.0, -2.0, 1.0], device=device).expand(4, 4)
    labels = torch.tensor([1, 1, 1, 0], device=device)  # the best guess three times, and once the third best
    close(puzzles.top_k_accuracy(logits, labels, 3), torch.tensor(1.0, device=device))


@exercise("top_k_accuracy")
def test_logits_so_far_apart_that_softmax_makes_them_equal(draw):
    like_the_loop(puzzles, "top_k_accuracy", draw(40, 6) * 1000, draw.ints(0, 6, 40), 3)


@exercise("top_k_accuracy")
@pytest.mark.parametrize("k", [1, 2, 4])
def test_infinite_logits(k, draw):
    logits, rows = draw(8, 5), torch.arange(8, device=draw.device)
    logits[rows, rows % 5], logits[rows, (rows + 2) % 5] = -INF, INF
    like_the_loop(puzzles, "top_k_accuracy", logits, draw.ints(0, 5, 8), k)


@exercise("top_k_accuracy")
@pytest.mark.parametrize("dtype, step", [(torch.float32, 2**-23), (torch.float64, 2**-50)], ids=str)
def test_logits_that_hardly_differ(dtype, step, draw):
    logits = 1 + step * draw(30, 6).argsort(dim=1).to(dtype)
    like_the_loop(puzzles, "top_k_accuracy", logits, draw.ints(0, 6, 30), 3)


@exercise("top_k_accuracy")
def test_hits_in_a_view(draw):
    in_any_layout(puzzles, "top_k_accuracy", draw(7, 5, dtype=torch.float64), draw.ints(0, 5, 7), 2)


# ---- Windows, counts and groups --------------------------------------------------------------------------------------


@exercise("moving_average")
@pytest.mark.parametrize("n, width", [(9, 3), (8, 4), (6, 1), (5, 5), (1, 1), (4, 2)])
def test_mean_of_neighbours(n, width, draw):
    like_the_loop(puzzles, "moving_average", draw(n), width)


@exercise("moving_average")
@pytest.mark.parametrize("strange", [1e10, INF, -INF, math.nan], ids=str)
def test_a_strange_number_stays_in_its_windows(strange, draw):
    x = draw(12)
    x[3] = strange
    like_the_loop(puzzles, "moving_average", x, 3)


@exercise("moving_average")
def test_windows_of_a_view(draw):
    in_any_layout(puzzles, "moving_average", draw(9, dtype=torch.float64), 3)


@exercise("one_hot")
@pytest.mark.parametrize("n, classes", [(4, 6), (5, 5), (7, 2), (1, 3), (3, 1), (0, 4)])
def test_one_column_for_each_label(n, classes, draw):
    like_the_loop(puzzles, "one_hot", draw.ints(0, classes, n), classes)


@exercise("one_hot")
def test_the_first_and_the_last_class(device):
    expected = torch.tensor([[0, 0, 1], [1, 0, 0], [1, 0, 0]], device=device)
    equal(puzzles.one_hot(torch.tensor([2, 0, 0], device=device), 3), expected)


@exercise("one_hot")
def test_more_classes_than_a_byte_can_count(draw):
    like_the_loop(puzzles, "one_hot", draw.ints(0, 300, 40), 300)


@exercise("one_hot")
def test_labels_in_a_view(draw):
    in_any_layout(puzzles, "one_hot", draw.ints(0, 4, 6), 4)


@exercise("add_at")
@pytest.mark.parametrize("n, k", [(6, 4), (3, 9), (1, 3), (5, 1), (4, 0)])
def test_values_add_up_where_they_belong(n, k, draw):
    like_the_loop(puzzles, "add_at", draw(n), draw.ints(0, n, k), draw(k))


@exercise("add_at")
def test_one_index_for_all_values(draw):
    x, values = draw(5), draw(6)
    index = torch.tensor([3], device=x.device).expand(6)
    expected = x + torch.eye(5, device=x.device)[3] * values.sum()
    close(puzzles.add_at(x, index, values), expected)


@exercise("add_at")
def test_infinite_numbers_stay_where_they_are(draw):
    x, index, values = draw(6), torch.tensor([1, 4, 1, 0], device=draw.device), draw(4)
    x[3], values[1], values[3] = -INF, INF, math.nan
    like_the_loop(puzzles, "add_at", x, index, values)


@exercise("add_at")
@pytest.mark.parametrize("k", [0, 3])
def test_the_sums_are_a_copy(k, draw):
    x = draw(5)
    with unchanged(x):
        puzzles.add_at(x, draw.ints(0, 5, k), draw(k)).fill_(7.0)


@exercise("add_at")
def test_adding_to_a_view(draw):
    x, values = draw(6, dtype=torch.float64), draw(4, dtype=torch.float64)
    in_any_layout(puzzles, "add_at", x, draw.ints(0, 6, 4), values)


@exercise("group_means")
@pytest.mark.parametrize("n, n_groups", [(12, 3), (5, 5), (1, 1), (7, 2), (9, 9), (0, 3), (300, 150)])
def test_mean_of_each_group(n, n_groups, draw):
    like_the_loop(puzzles, "group_means", draw(n), draw.ints(0, n_groups, n), n_groups)


@exercise("group_means")
def test_empty_groups_have_0(device):
    values = torch.tensor([2.0, -3.0, 6.0, 7.0], device=device)
    got = puzzles.group_means(values, torch.tensor([3, 1, 3, 3], device=device), 6)
    close(got, torch.tensor([0.0, -3.0, 0.0, 5.0, 0.0, 0.0], device=device))


@exercise("group_means")
def test_a_huge_value_stays_in_its_group(draw):
    values, groups = draw(12), draw.ints(0, 4, 12)
    values[5] = 1e30
    like_the_loop(puzzles, "group_means", values, groups, 4)


@exercise("group_means")
def test_groups_of_a_view(draw):
    in_any_layout(puzzles, "group_means", draw(8, dtype=torch.float64), draw.ints(0, 3, 8), 4)


# ---- Lengths, and life -----------------------------------------------------------------------------------------------


@exercise("length_mask")
@pytest.mark.parametrize("lengths, longest", [([2, 0, 5, 1], 6), ([3, 1, 2], 3), ([4], 4), ([0], 2), ([1, 0], 1)])
def test_true_until_the_length(lengths, longest, device):
    like_the_loop(puzzles, "length_mask", torch.tensor(lengths, device=device), longest)


@exercise("length_mask")
def test_longest_of_0(device):
    equal(puzzles.length_mask(torch.tensor([0, 0], device=device), 0), torch.ones(2, 0, device=device).bool())


@exercise("length_mask")
@pytest.mark.parametrize("dtype", [torch.int64, torch.int32], ids=str)
def test_long_rows_and_lengths_of_any_int(dtype, draw):
    like_the_loop(puzzles, "length_mask", draw.ints(0, 301, 5).to(dtype), 300)


@exercise("length_mask")
def test_lengths_in_a_view(draw):
    in_any_layout(puzzles, "length_mask", draw.ints(0, 8, 5), 7)


@exercise("last_valid")
@pytest.mark.parametrize("batch, time, dim", [(4, 6, 3), (5, 5, 5), (1, 3, 2), (3, 1, 2), (3, 7, 1)])
def test_last_real_step(batch, time, dim, draw):
    like_the_loop(puzzles, "last_valid", draw(batch, time, dim), draw.ints(1, time + 1, batch))


@exercise("last_valid")
def test_the_shortest_and_the_longest(device):
    x = torch.arange(24.0, device=device).view(3, 4, 2)
    got = puzzles.last_valid(x, torch.tensor([1, 4, 2], device=device))
    close(got, torch.tensor([[0.0, 1.0], [14.0, 15.0], [18.0, 19.0]], device=device))


@exercise("last_valid")
@pytest.mark.parametrize("padding", [math.nan, INF])
def test_padding_of_any_kind(padding, draw):
    x, lengths = draw(4, 5, 2), draw.ints(1, 5, 4)
    steps = torch.arange(5, device=x.device)
    x[steps >= lengths[:, None]] = padding
    like_the_loop(puzzles, "last_valid", x, lengths)


@exercise("last_valid")
@pytest.mark.parametrize("strange", [math.nan, -INF])
def test_the_last_step_may_be_strange_itself(strange, draw):
    x, lengths = draw(4, 5, 2), torch.tensor([2, 5, 1, 3], device=draw.device)
    x[0, 1, 0] = x[1, 4, 1] = x[3, 0, 0] = strange
    like_the_loop(puzzles, "last_valid", x, lengths)


@exercise("last_valid")
def test_last_step_in_a_view(draw):
    in_any_layout(puzzles, "last_valid", draw(4, 5, 2, dtype=torch.float64), draw.ints(1, 6, 4))


@exercise("game_of_life")
@pytest.mark.parametrize("height, width", [(6, 9), (5, 5), (3, 4), (4, 3)])
def test_one_generation(height, width, draw):
    like_the_loop(puzzles, "game_of_life", draw(height, width) > 0.4)


@exercise("game_of_life")
def test_a_crowded_and_an_empty_board(draw):
    like_the_loop(puzzles, "game_of_life", draw(6, 7) > -0.5)
    like_the_loop(puzzles, "game_of_life", draw(4, 5) > 99)


@exercise("game_of_life")
@pytest.mark.parametrize("alive", [False, True])
def test_any_number_of_neighbours(alive, device):
    places = torch.tensor([0, 1, 2, 3, 5, 6, 7, 8], device=device)  # round the middle of 3 by 3
    fate = []
    for neighbours in range(9):
        board = torch.zeros(9, dtype=torch.bool, device=device)
        board[4], board[places[:neighbours]] = alive, True
        fate.append(puzzles.game_of_life(board.view(3, 3))[1, 1])
    lives = [False, False, alive, True, False, False, False, False, False]
    equal(torch.stack(fate), torch.tensor(lives, device=device), name="the cell with 0 to 8 neighbours")


@exercise("game_of_life")
def test_a_board_in_a_view(draw):
    in_any_layout(puzzles, "game_of_life", draw(6, 8) > 0)


@exercise("game_of_life")
def test_a_glider_flies_round_the_torus(device):
    board = torch.zeros(6, 6, dtype=torch.bool, device=device)
    board[[0, 1, 2, 2, 2], [1, 2, 0, 1, 2]] = True
    now = board
    for _ in range(8):  # every four generations it is one place further, down and to the right
        now = puzzles.game_of_life(now)
    equal(now, board.roll((2, 2), dims=(0, 1)), name="the board after 8 generations")
