"""Tests of algorithms.py. The oracle is the loop above each puzzle, and cases by hand."""

import algorithms
import pytest
import torch
from loops import like_the_loop, no_loop

from shared.checks import close, equal, exercise, strided
from shared.data.arrays import photograph


def integers(device, *numbers, dtype=torch.int64):
    return torch.tensor(numbers, dtype=dtype, device=device)


def real(x):
    """As float64, where the device has it."""
    return x.to(torch.float32 if x.device.type == "mps" else torch.float64)


# ---- two_sum ---------------------------------------------------------------------------------------------------------


@exercise("two_sum")
@pytest.mark.parametrize(
    "values, target, pair",
    [
        ((3, 5, 1, 3), 6, (0, 3)),  # not 3 with itself, nor the pair that is complete first
        ((1, 5, 2, 3, 4), 5, (0, 4)),  # not (2, 3), whose second is earlier
        ((9, -4, 1, 5, -4), -8, (1, 4)),
        ((2, 2), 4, (0, 1)),
        ((7, 4, 1, 4, 4), 8, (0, 2)),
        ((3, 5, 1), 6, (1, 2)),  # 3 has no partner but itself
        ((4, 2, -2), 0, (1, 2)),  # a target that empty cells of a table have, too
    ],
)
def test_first_pair_by_hand(values, target, pair, device):
    equal(algorithms.two_sum(integers(device, *values), target), integers(device, *pair))


@exercise("two_sum")
@pytest.mark.parametrize("n", [2, 5, 30])
def test_two_sum(n, draw):
    values = draw.ints(-20, 20, n)
    target = int(values[n // 2] + values[n // 2 - 1])
    like_the_loop(algorithms, "two_sum", values, target)
    like_the_loop(algorithms, "two_sum", values + 2**60, target + 2**61)


@exercise("two_sum")
def test_two_sum_of_views(draw, device):
    values = strided(draw.ints(-9, 9, 11))
    like_the_loop(algorithms, "two_sum", values, int(values[4] + values[7]))
    like_the_loop(algorithms, "two_sum", integers(device, 3, dtype=torch.int32).expand(4), 6)


# ---- sieve -----------------------------------------------------------------------------------------------------------


@exercise("sieve")
@pytest.mark.parametrize("n", [0, 1, 2, 3, 4, 5, 12, 49, 50, 121, 122, 1400])
def test_sieve(n):
    like_the_loop(algorithms, "sieve", n)


# ---- binary_search ---------------------------------------------------------------------------------------------------


@exercise("binary_search")
@pytest.mark.parametrize("batch, n", [(3, 7), (1, 4), (40, 5), (6, 1), (3, 0), (0, 4)])
def test_binary_search(batch, n, draw):
    rows, queries = draw.ints(-4, 5, batch, n).sort(dim=1).values, draw.ints(-6, 7, batch)
    like_the_loop(algorithms, "binary_search", rows, queries)
    like_the_loop(algorithms, "binary_search", real(rows) / 8, real(queries) / 8)
    like_the_loop(algorithms, "binary_search", rows + 2**60, queries + 2**60)
    like_the_loop(algorithms, "binary_search", rows * 10**12, queries * 10**12)


@exercise("binary_search")
def test_binary_search_in_views(draw):
    rows, queries = draw(5, 8).sort(dim=1).values, draw(5)
    like_the_loop(algorithms, "binary_search", strided(rows), strided(queries))
    like_the_loop(algorithms, "binary_search", rows[:1].expand(5, 8), queries)
    like_the_loop(algorithms, "binary_search", rows.T.contiguous().T, queries)
    rows[1:, -2:], rows[2:, :2], queries[2], queries[4] = torch.inf, -torch.inf, torch.inf, -torch.inf
    like_the_loop(algorithms, "binary_search", rows, queries)


@exercise("binary_search")
def test_left_of_its_equals(device):
    rows = integers(device, [1, 3, 3, 3], [0, 0, 2, 9], [5, 5, 5, 5], [1, 2, 3, 4])
    equal(algorithms.binary_search(rows, integers(device, 3, 0, 6, 0)), integers(device, 1, 0, 4, 0))


# ---- majority_vote ---------------------------------------------------------------------------------------------------


@exercise("majority_vote")
@pytest.mark.parametrize(
    "voters, items, classes", [(5, 30, 3), (4, 3, 7), (1, 6, 4), (6, 1, 2), (505, 6, 2), (3, 0, 2)]
)
def test_majority_vote(voters, items, classes, draw):
    like_the_loop(algorithms, "majority_vote", draw.ints(0, classes, voters, items), classes)


@exercise("majority_vote")
def test_forty_thousand_voters(device):
    # More votes than int16 holds for the first item; a vote more for class 1 than float16 or bfloat16 can see for the
    # second. A tie of 20,000 for the third.
    votes = torch.ones(40_000, 3, dtype=torch.int64, device=device)
    votes[:10, 0] = votes[:19_998, 1] = votes[:20_000, 2] = 0
    equal(algorithms.majority_vote(votes, 3), integers(device, 1, 1, 0))


@exercise("majority_vote")
def test_majority_of_views(draw):
    like_the_loop(algorithms, "majority_vote", strided(draw.ints(0, 4, 5, 12)), 4)
    like_the_loop(algorithms, "majority_vote", draw.ints(0, 4, 1, 7).expand(3, 7), 6)


@exercise("majority_vote")
def test_ties_go_to_the_smallest(device):
    votes = integers(device, [2, 0, 3], [1, 3, 3], [2, 3, 1], [1, 0, 1])
    equal(algorithms.majority_vote(votes, 4), integers(device, 1, 0, 1))


# ---- run_lengths -----------------------------------------------------------------------------------------------------


@exercise("run_lengths")
@pytest.mark.parametrize("n", [0, 1, 2, 9, 40])
def test_run_lengths(n, draw):
    like_the_loop(algorithms, "run_lengths", draw.ints(-1, 2, n))
    like_the_loop(algorithms, "run_lengths", strided(real(draw.ints(0, 2, n)) - 0.5))


@exercise("run_lengths")
def test_a_run_that_comes_back(device):
    values, lengths = algorithms.run_lengths(integers(device, 5, 5, 5, -2, 5, 5))
    equal(values, integers(device, 5, -2, 5))
    equal(lengths, integers(device, 3, 1, 2))
    like_the_loop(algorithms, "run_lengths", integers(device, 4).expand(6))


@exercise("run_lengths")
@pytest.mark.parametrize(
    "x",
    [
        [True, True, False, True],
        [torch.inf, torch.inf, -torch.inf, -torch.inf, 0.0],
        [1e20, 1e20, -1e20],
        [0.0, 1e-9, 1e-9, 0.0],
        [2**60, 2**60, 2**60 + 1],
    ],
    ids=str,
)
def test_runs_of_what_is_hard_to_subtract(x, device):
    like_the_loop(algorithms, "run_lengths", torch.tensor(x, device=device))


# ---- repeat_counts ---------------------------------------------------------------------------------------------------


@exercise("repeat_counts")
@pytest.mark.parametrize("n", [0, 1, 4, 25])
def test_repeat_counts(n, draw):
    like_the_loop(algorithms, "repeat_counts", draw.ints(0, 4, n))
    like_the_loop(algorithms, "repeat_counts", strided(draw.ints(1, 5, n)))


@exercise("repeat_counts")
def test_undoes_bincount(draw):
    numbers = draw.ints(0, 9, 30).sort().values
    equal(algorithms.repeat_counts(numbers.bincount(minlength=11)), numbers)
    like_the_loop(algorithms, "repeat_counts", draw.ints(3, 4, 1).expand(5))


# ---- unique_counts ---------------------------------------------------------------------------------------------------


@exercise("unique_counts")
@pytest.mark.parametrize("h, w, levels", [(9, 7, 2), (1, 1, 256), (5, 6, 256), (1, 8, 2), (50, 60, 2)])
def test_unique_counts(h, w, levels, draw):
    image = (draw.ints(0, levels, h, w, 3) * (255 // (levels - 1))).to(torch.uint8)
    like_the_loop(algorithms, "unique_counts", image)
    like_the_loop(algorithms, "unique_counts", strided(image))
    like_the_loop(algorithms, "unique_counts", image[:1].expand(4, w, 3))


@exercise("unique_counts")
def test_colours_of_a_photograph(device):
    like_the_loop(algorithms, "unique_counts", photograph("cat")[100:140, 200:250].to(device))


# ---- unique_edges ----------------------------------------------------------------------------------------------------


@exercise("unique_edges")
@pytest.mark.parametrize("n, corners", [(1, 9), (4, 5), (30, 12)])
def test_unique_edges(n, corners, draw):
    triangles = draw(n, corners).argsort(dim=1)[:, :3]
    like_the_loop(algorithms, "unique_edges", triangles)
    like_the_loop(algorithms, "unique_edges", strided(triangles.int()))


@exercise("unique_edges")
def test_two_triangles_share_an_edge(device):
    triangles = integers(device, [10, 2, 7], [7, 2, 0])
    expected = integers(device, [0, 2], [0, 7], [2, 7], [2, 10], [7, 10])
    equal(algorithms.unique_edges(triangles), expected)
    like_the_loop(algorithms, "unique_edges", triangles[:1].expand(3, 3))


@exercise("unique_edges")
def test_corners_with_large_numbers(device):
    triangles = integers(device, [10, 2, 7], [7, 2, 0], [9, 0, 7]) * 199_999_999
    like_the_loop(algorithms, "unique_edges", triangles)
    like_the_loop(algorithms, "unique_edges", triangles.int())


# ---- cartesian_product -----------------------------------------------------------------------------------------------


@exercise("cartesian_product")
@pytest.mark.parametrize("lengths", [(3, 2), (2, 4, 3), (5,), (1, 1), (3, 0), (2, 1, 2, 3)], ids=str)
def test_cartesian_product(lengths, draw):
    vectors = [draw.ints(-9, 9, n) for n in lengths]
    like_the_loop(algorithms, "cartesian_product", *vectors)
    like_the_loop(algorithms, "cartesian_product", *[strided(real(vector) / 4) for vector in vectors])


@exercise("cartesian_product")
def test_integers_that_no_float_can_hold(draw):
    like_the_loop(algorithms, "cartesian_product", draw.ints(0, 9, 2) + 2**60, draw.ints(0, 9, 3))


@exercise("cartesian_product")
def test_equal_values_are_kept(device):
    same, other = integers(device, 6).expand(2), integers(device, 6, 5)
    expected = integers(device, [6, 6], [6, 5], [6, 6], [6, 5])
    equal(algorithms.cartesian_product(same, other), expected)


# ---- rows_sharing ----------------------------------------------------------------------------------------------------


@exercise("rows_sharing")
@pytest.mark.parametrize(
    "m, k, n, l",
    [(40, 4, 2, 3), (30, 3, 3, 5), (20, 2, 1, 2), (1, 5, 2, 1), (4, 3, 0, 2), (4, 3, 2, 0), (3, 0, 2, 2), (0, 3, 2, 2)],
)
def test_rows_sharing(m, k, n, l, draw):  # noqa: E741
    a, b = draw.ints(-5, 6, m, k), draw.ints(-5, 6, n, l)
    like_the_loop(algorithms, "rows_sharing", a, b)
    like_the_loop(algorithms, "rows_sharing", strided(a.int()), strided(b.int()))
    like_the_loop(algorithms, "rows_sharing", a + 2**60, b + 2**60)
    like_the_loop(algorithms, "rows_sharing", a * 2**40, b * 2**40)
    like_the_loop(algorithms, "rows_sharing", a[:1].expand(2 * min(m, 1), k), b)


@exercise("rows_sharing")
def test_an_element_of_every_row(device):
    a = integers(device, [1, 2, 5], [1, 8, 9], [3, 9, 2], [3, 4, 6], [7, 7, 7], [4, 2, 1])
    b = integers(device, [1, 2], [3, 4])
    equal(algorithms.rows_sharing(a, b), integers(device, 0, 0, 1, 0, 0, 1, dtype=torch.bool))


# ---- block_sums ------------------------------------------------------------------------------------------------------


@exercise("block_sums")
@pytest.mark.parametrize("h, w, size", [(6, 4, 2), (3, 12, 3), (4, 4, 4), (5, 3, 1), (6, 9, 3)])
def test_block_sums(h, w, size, draw):
    like_the_loop(algorithms, "block_sums", draw(h, w), size)
    like_the_loop(algorithms, "block_sums", strided(draw(h, w, dtype=torch.float64)), size)
    like_the_loop(algorithms, "block_sums", draw(1, w).expand(h, w), size)


@exercise("block_sums")
def test_infinity_stays_in_its_block(draw):
    x = draw(6, 8)
    x[0, 3], x[3, 2], x[4, 7] = torch.inf, -torch.inf, torch.nan
    like_the_loop(algorithms, "block_sums", x, 2)


@exercise("block_sums")
def test_sums_of_bytes_do_not_overflow(draw):
    like_the_loop(algorithms, "block_sums", draw.ints(100, 256, 6, 10).to(torch.uint8), 2)
    like_the_loop(algorithms, "block_sums", draw.ints(0, 2, 4, 6).bool(), 2)
    like_the_loop(algorithms, "block_sums", 2**31 - draw.ints(1, 9, 4, 6).int(), 2)
    like_the_loop(algorithms, "block_sums", draw.ints(0, 9, 4, 6) + 2**58, 2)


# ---- line_distances --------------------------------------------------------------------------------------------------


@exercise("line_distances")
@pytest.mark.parametrize("lines, points", [(4, 7), (1, 3), (5, 1), (3, 3), (0, 2)])
def test_line_distances(lines, points, draw):
    like_the_loop(algorithms, "line_distances", draw(lines, 2), draw(lines, 2), draw(points, 2), atol=1e-4)
    inputs = [strided(draw(n, 2, dtype=torch.float64)) for n in (lines, lines, points)]
    like_the_loop(algorithms, "line_distances", *inputs)
    start = draw(1, 2, dtype=torch.float64).expand(lines, 2)
    like_the_loop(algorithms, "line_distances", start, *inputs[1:])


@exercise("line_distances")
def test_lines_go_on_for_ever(device):
    start, end = (torch.tensor([corner], device=device) for corner in ([1.0, 1.0], [1.0, 3.0]))
    points = torch.tensor([[4.0, 90.0], [-1.0, 2.0], [1.0, -50.0]], device=device)
    close(algorithms.line_distances(start, end, points), torch.tensor([[3.0], [2.0], [0.0]], device=device))


@exercise("line_distances")
def test_points_far_along_a_line_and_close_to_it(device):
    # 4096² + (1/64)² is 4096² in float32: Pythagoras, √(|o|² - (o · d)²), loses the small distance in any spelling.
    start, end = torch.zeros(2, 2, device=device), torch.eye(2, device=device)  # the axes
    points = torch.tensor([[4096, 1 / 64], [-8192, -1 / 32], [1 / 64, 4096], [0, 1]], device=device)
    close(algorithms.line_distances(start, end, points), points.abs().flip(1))


@exercise("line_distances")
def test_lines_through_points_close_together(draw):
    start, points = draw(3, 2, dtype=torch.float64), draw(4, 2, dtype=torch.float64)
    like_the_loop(algorithms, "line_distances", start, start + 1e-3 * draw(3, 2, dtype=torch.float64), points)


# ---- resample_path ---------------------------------------------------------------------------------------------------


@exercise("resample_path")
@pytest.mark.parametrize("k, n", [(2, 5), (7, 2), (5, 16), (9, 4), (3, 3)])
def test_resample_path(k, n, draw):
    xy = draw(k, 2, dtype=torch.float64).cumsum(dim=0)
    like_the_loop(algorithms, "resample_path", xy, n)
    like_the_loop(algorithms, "resample_path", strided(xy.float()), n, atol=1e-4)


@exercise("resample_path")
def test_a_closed_path_with_corners_among_the_points(device):
    corners = [[0.0, 0.0], [3.0, 0.0], [3.0, 4.0], [0.0, 0.0]]  # steps of 3, 4 and 5
    expected = [[0.0, 0.0], [3.0, 0.0], [3.0, 3.0], [1.8, 2.4], [0.0, 0.0]]
    got = algorithms.resample_path(torch.tensor(corners, device=device), 5)
    close(got, torch.tensor(expected, device=device))


# ---- bootstrap_interval ----------------------------------------------------------------------------------------------


@exercise("bootstrap_interval")
@pytest.mark.parametrize("n, resamples, draws", [(12, 60, 12), (5, 7, 3), (1, 4, 6), (6, 1, 6), (8, 41, 5), (3, 50, 2)])
def test_bootstrap_interval(n, resamples, draws, draw):
    index = draw.ints(0, n, resamples, draws)
    like_the_loop(algorithms, "bootstrap_interval", draw(n), index)
    x = strided(3 + draw(n, dtype=torch.float64))
    like_the_loop(algorithms, "bootstrap_interval", x, strided(index))
    like_the_loop(algorithms, "bootstrap_interval", x, index[:1].expand(2, draws))


# ---- multinomial_rows ------------------------------------------------------------------------------------------------


@exercise("multinomial_rows")
@pytest.mark.parametrize("m, k, n", [(60, 3, 4), (40, 2, 3), (9, 1, 2), (50, 4, 3), (30, 2, 0)])
def test_multinomial_rows(m, k, n, draw):
    like_the_loop(algorithms, "multinomial_rows", draw.ints(-1, 4, m, k), n)
    like_the_loop(algorithms, "multinomial_rows", strided(real(draw.ints(-2, 7, m, k)) / 2), n)
    like_the_loop(algorithms, "multinomial_rows", draw.ints(0, 3, 1, k).expand(4, k), n)


@exercise("multinomial_rows")
def test_each_condition_matters(device):
    rows = [[0.0, 5.0, 0.0], [2.5, 2.5, 0.0], [6.0, -1.0, 0.0], [1.0, 2.0, 1.0], [2.0, 2.0, 2.0], [1.0, 3.0, 1.0]]
    x = torch.tensor(rows, device=device)
    equal(algorithms.multinomial_rows(x, 5), torch.tensor([rows[0], rows[5]], device=device))
    equal(algorithms.multinomial_rows(x, 9), x[:0], name="where there are none")


@exercise("multinomial_rows")
def test_nearly_is_not_enough(device):
    x = torch.tensor([[2.999999, 2.0], [3.000001, 1.999999], [3.0, 2.0]], device=device)
    like_the_loop(algorithms, "multinomial_rows", x, 5)
    x = integers(device, [999_999, 2], [300, 999_700], [999_999, 0])
    like_the_loop(algorithms, "multinomial_rows", x, 10**6)
    like_the_loop(algorithms, "multinomial_rows", x.float(), 10**6)


@exercise("multinomial_rows")
def test_billions_of_draws(device):
    x = integers(device, [3 * 10**9, 0], [2 * 10**9, 10**9], [10**9, 10**9], [-(10**9), 4 * 10**9], [3 * 10**9, 2**32])
    like_the_loop(algorithms, "multinomial_rows", x, 3 * 10**9)
    like_the_loop(algorithms, "multinomial_rows", real(x), 3 * 10**9)
    x = integers(device, [2**60, 1], [2**60, 0], [2**60 + 1, 0], [2**59, 2**59 + 2])
    like_the_loop(algorithms, "multinomial_rows", x, 2**60 + 1)


@exercise("multinomial_rows")
def test_infinity_and_nan_count_nothing(device):
    rows = [[torch.inf, 1.0], [5.0, torch.nan], [2.0, 3.0], [torch.inf, -torch.inf]]
    like_the_loop(algorithms, "multinomial_rows", torch.tensor(rows, device=device), 5)


# ---- histogram -------------------------------------------------------------------------------------------------------


@exercise("histogram")
@pytest.mark.parametrize("bins, low, high", [(4, -2, 2), (8, -3, 1), (1, -1, 1), (5, 0, 4), (2, -0.5, 0.5), (3, -4, 4)])
def test_histogram(bins, low, high, draw):
    # Quarters: many lie on an edge, and where the edges are no binary fractions, none does but the ends.
    like_the_loop(algorithms, "histogram", draw.ints(-20, 21, 100).float() / 4, bins, low, high)
    x = real(draw.ints(-20, 21, 30)) / 4
    like_the_loop(algorithms, "histogram", strided(x), bins, low, high)
    like_the_loop(algorithms, "histogram", x[:1].expand(300), bins, low, high)


@exercise("histogram")
def test_edges_and_empty_bins(device):
    x = torch.tensor([0.0, 2.0, 2.0, 7.9, 8.0, 8.1, -0.1, 0.5, -torch.inf, torch.inf, torch.nan], device=device)
    equal(algorithms.histogram(x, 4, 0.0, 8.0), integers(device, 2, 2, 0, 2))
    equal(algorithms.histogram(x[:2], 5, -1.0, 9.0), integers(device, 1, 1, 0, 0, 0))
    equal(algorithms.histogram(x[:0], 3, 0.0, 1.0), integers(device, 0, 0, 0), name="of nothing")


@exercise("histogram")
def test_values_next_to_an_edge_in_float64(device):
    x = 0.5 + real(integers(device, -1, 0, 1)) / 2**40
    equal(algorithms.histogram(x, 2, 0.0, 1.0), integers(device, 1, 2))
    equal(algorithms.histogram(2 * x, 1, 0.0, 1.0), integers(device, 2), name="at the end")


@exercise("histogram")
def test_more_bins_than_a_byte_can_count(draw):
    like_the_loop(algorithms, "histogram", draw.ints(0, 300, 40).float() + 0.5, 300, 0, 300)


# ---- pad_ragged ------------------------------------------------------------------------------------------------------


@exercise("pad_ragged")
@pytest.mark.parametrize("lengths", [(3, 1, 4), (2,), (0, 5, 0, 2), (0, 0), (1, 1, 1), (6, 2)], ids=str)
def test_pad_ragged(lengths, draw, device):
    total, lengths = sum(lengths), integers(device, *lengths)
    like_the_loop(algorithms, "pad_ragged", draw(total), lengths, -1.5)
    like_the_loop(algorithms, "pad_ragged", draw.ints(-9, 9, total), lengths, 7)
    like_the_loop(algorithms, "pad_ragged", strided(draw(total, dtype=torch.float64)), strided(lengths), 0.0)


@exercise("pad_ragged")
def test_rows_of_one_length(draw, device):
    like_the_loop(algorithms, "pad_ragged", draw.ints(5, 9, 1).expand(6), integers(device, 2).expand(3), 0)


@exercise("pad_ragged")
def test_fills_and_values_that_are_special(draw, device):
    values, lengths = torch.tensor([0.0, 1.0, -torch.inf, 0.0], device=device), integers(device, 1, 0, 3)
    like_the_loop(algorithms, "pad_ragged", values, lengths, -torch.inf)
    like_the_loop(algorithms, "pad_ragged", values, lengths, 1.0)
    like_the_loop(algorithms, "pad_ragged", draw.ints(0, 99, 4) + 2**60, lengths, 0)


# ---- common_values ---------------------------------------------------------------------------------------------------


@exercise("common_values")
@pytest.mark.parametrize("n, m", [(20, 12), (3, 30), (1, 1), (0, 4), (5, 0), (7, 7)])
def test_common_values(n, m, draw):
    like_the_loop(algorithms, "common_values", draw.ints(-9, 10, n), draw.ints(-9, 10, m))
    like_the_loop(algorithms, "common_values", draw.ints(0, 9, n) + 2**60, draw.ints(0, 9, m) + 2**60)
    like_the_loop(algorithms, "common_values", strided(draw.ints(-9, 9, n).int()), strided(draw.ints(-9, 9, m).int()))


@exercise("common_values")
def test_common_values_by_hand(device):
    a, b = integers(device, 8, 3, -1, 8, 0, 3), integers(device, 3, 3, 5, 8, -1)
    equal(algorithms.common_values(a, b), integers(device, -1, 3, 8))
    equal(algorithms.common_values(a[:1].expand(4), b), integers(device, 8))
    equal(algorithms.common_values(a[:1], b[:2]), a[:0], name="of sets that have none")


# ---- calendar --------------------------------------------------------------------------------------------------------


@exercise("calendar")
@pytest.mark.parametrize("first_weekday, days", [(0, 28), (6, 31), (3, 30), (5, 31), (1, 29), (6, 1)])
def test_calendar(first_weekday, days):
    like_the_loop(algorithms, "calendar", first_weekday, days)


@exercise("calendar")
def test_february_2024():
    import calendar

    weeks = calendar.Calendar().monthdayscalendar(2024, 2)  # a Thursday, and 29 days
    equal(algorithms.calendar(3, 29), torch.tensor([*weeks, [0] * 7]))


# ---- ranks -----------------------------------------------------------------------------------------------------------


@exercise("ranks")
@pytest.mark.parametrize("n", [0, 1, 2, 9, 40])
def test_ranks(n, draw):
    like_the_loop(algorithms, "ranks", draw.ints(-3, 4, n))
    like_the_loop(algorithms, "ranks", draw.ints(-3, 4, n) + 2**60)
    like_the_loop(algorithms, "ranks", strided(draw(n, dtype=torch.float64)))
    like_the_loop(algorithms, "ranks", draw(1).expand(n))
    x = draw(n)
    x[::3], x[1::3] = torch.inf, -torch.inf
    like_the_loop(algorithms, "ranks", x)


@exercise("ranks")
@pytest.mark.parametrize("n", [100, 1000])
def test_many_ties_in_order_of_appearance(n, draw):
    # In a sort that isn't stable, ties of a short tensor often keep their order by luck.
    no_loop(algorithms, "ranks")  # it would be slow here
    x = draw.ints(0, 3, n)
    expected = torch.empty_like(x)
    expected[torch.cat([(x == value).nonzero()[:, 0] for value in range(3)])] = torch.arange(n, device=x.device)
    equal(algorithms.ranks(x), expected)
    equal(algorithms.ranks(x.float()), expected, name="of floats")
