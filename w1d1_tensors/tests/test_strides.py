"""Tests of strides.py. The oracles: indexing, torch.diagonal, unfold, trace and @. Each input comes in every layout."""

import pytest
import strides
import torch

from shared.checks import close, exercise, fail, raises, same_gradients

# How a matrix of that many rows and columns may lie in memory; NaN lies where it mustn't be read.
MATRICES = {
    "cut out": lambda draw, rows, columns: framed(draw(rows, columns)),
    "contiguous": lambda draw, rows, columns: draw(rows, columns),
    "transposed": lambda draw, rows, columns: draw(columns, rows).T,
    "cut out and transposed": lambda draw, rows, columns: framed(draw(columns, rows)).T,
    "every second of every third": lambda draw, rows, columns: draw(3 * rows + 1, 2 * columns + 1)[1::3, 1::2],
    "expanded downwards": lambda draw, rows, columns: draw(columns + 2)[2:].expand(rows, columns),
    "expanded sideways": lambda draw, rows, columns: draw(rows + 3, 1)[3:].expand(rows, columns),
}
VECTORS = {
    "contiguous": lambda draw, n: draw(n),
    "from the middle": lambda draw, n: framed(draw(n)),
    "a column": lambda draw, n: framed(draw(n, 3))[:, 1],
    "expanded": lambda draw, n: draw(3)[2].expand(n),
}
matrices = pytest.mark.parametrize("layout", MATRICES)
vectors = pytest.mark.parametrize("layout", VECTORS)


def framed(x):
    """The same values out of the middle of something larger that is NaN elsewhere."""
    around = x.new_full([size + 3 for size in x.shape], torch.nan)
    inside = around[tuple(slice(1, 1 + size) for size in x.shape)]
    return inside.copy_(x)


def view(got, x, expected):
    """The values of `expected`, in the memory of x."""
    close(got, expected)
    if got.untyped_storage().data_ptr() != x.untyped_storage().data_ptr():
        fail("this is a copy; a view was expected, in the memory of x")


# ---- Views -----------------------------------------------------------------------------------------------------------


@exercise("row")
@matrices
@pytest.mark.parametrize("i", [0, 2, 4])
def test_one_row(layout, i, draw):
    x = MATRICES[layout](draw, 5, 4)
    view(strides.row(x, i), x, x[i])


@exercise("row")
def test_the_only_row(draw):
    for x in (draw(1, 3), draw(4, 3)[2:3], draw(3, 1).T, draw(1, 1)):
        view(strides.row(x, 0), x, x[0])


@exercise("row")
def test_a_row_of_one_number(draw):
    x = draw(4, 1)
    view(strides.row(x, 2), x, x[2])


@exercise("column")
@matrices
@pytest.mark.parametrize("j", [0, 2, 4])
def test_one_column(layout, j, draw):
    x = MATRICES[layout](draw, 4, 5)
    view(strides.column(x, j), x, x[:, j])


@exercise("column")
def test_the_only_column(draw):
    for x in (draw(3, 1), draw(3, 4)[:, 2:3], draw(1, 1)):
        view(strides.column(x, 0), x, x[:, 0])


@exercise("column")
def test_a_column_of_one_number(draw):
    x = draw(1, 4)
    view(strides.column(x, 2), x, x[:, 2])


@exercise("diagonal")
@matrices
@pytest.mark.parametrize("rows, columns", [(4, 4), (3, 5), (5, 3), (1, 4), (1, 1), (0, 3)])
def test_the_diagonal(layout, rows, columns, draw):
    x = MATRICES[layout](draw, rows, columns)
    view(strides.diagonal(x), x, x.diagonal())


@exercise("windows")
@vectors
@pytest.mark.parametrize("n, length", [(7, 3), (7, 1), (4, 4), (1, 1), (6, 5)])
def test_all_windows(layout, n, length, draw):
    x = VECTORS[layout](draw, n)
    view(strides.windows(x, length), x, x.unfold(0, length, 1))


@exercise("repeats")
@vectors
@pytest.mark.parametrize("n, times", [(5, 3), (4, 1), (1, 6), (3, 0)])
def test_every_row_is_the_vector(layout, n, times, draw):
    x = VECTORS[layout](draw, n)
    view(strides.repeats(x, times), x, x.expand(times, n))


@exercise("diagonal_blocks")
@matrices
@pytest.mark.parametrize("n, size", [(6, 2), (6, 3), (5, 1), (4, 4), (8, 2)])
def test_blocks_along_the_diagonal(layout, n, size, draw):
    x = MATRICES[layout](draw, n, n)
    blocks = [x[start : start + size, start : start + size] for start in range(0, n, size)]
    view(strides.diagonal_blocks(x, size), x, torch.stack(blocks))


VIEWS = {
    "row": (lambda x: strides.row(x, 2), lambda x: x[2]),
    "column": (lambda x: strides.column(x, 2), lambda x: x[:, 2]),
    "diagonal": (lambda x: strides.diagonal(x), lambda x: x.diagonal()),
    "windows": (lambda x: strides.windows(x[:, 1], 3), lambda x: x[:, 1].unfold(0, 3, 1)),
    "repeats": (lambda x: strides.repeats(x[:, 1], 3), lambda x: x[:, 1].expand(3, -1)),
    "diagonal_blocks": (
        lambda x: strides.diagonal_blocks(x, 2),
        lambda x: torch.stack([x[:2, :2], x[2:4, 2:4], x[4:, 4:]]),
    ),
}
each_view = pytest.mark.parametrize("name", [pytest.param(name, marks=exercise(name), id=name) for name in VIEWS])


@each_view
def test_views_of_integers_and_of_float64(name, draw):
    mine, theirs = VIEWS[name]
    for x in (draw.ints(-99, 99, 6, 6), draw(6, 6, dtype=torch.float64)):
        close(mine(x), theirs(x))


@each_view
def test_views_pass_gradients_on(name, draw):
    mine, theirs = VIEWS[name]
    same_gradients(mine, theirs, draw(6, 6))


# ---- Computations ----------------------------------------------------------------------------------------------------


@exercise("trace")
@matrices
@pytest.mark.parametrize("rows, columns", [(4, 4), (3, 5), (5, 3), (1, 1)])
def test_sum_of_the_diagonal(layout, rows, columns, draw):
    x = MATRICES[layout](draw, rows, columns)
    close(strides.trace(x), torch.trace(x))


@exercise("trace")
def test_trace_of_integers_and_of_nothing(draw):
    x = draw.ints(-99, 99, 5, 5)
    close(strides.trace(x), torch.trace(x))
    close(strides.trace(draw(0, 0)), draw(1)[0] * 0, name="of nothing")


@exercise("trace")
def test_only_the_diagonal_counts(draw):
    x = draw(4, 6)
    expected = x.diagonal().sum()
    x[0, 1], x[2, 0], x[3, 5] = torch.inf, -torch.inf, torch.nan
    close(strides.trace(x), expected)


@exercise("matvec")
@matrices
@pytest.mark.parametrize("vector", VECTORS)
def test_matrix_times_vector(layout, vector, draw):
    a, v = MATRICES[layout](draw, 4, 5), VECTORS[vector](draw, 5)
    close(strides.matvec(a, v), a @ v)


@exercise("matvec")
@pytest.mark.parametrize("rows, columns", [(1, 3), (3, 1), (1, 1), (4, 4), (0, 3), (3, 0)])
def test_matvec_of_every_size(rows, columns, draw):
    a, v = draw(rows, columns), draw(columns)
    close(strides.matvec(a, v), a @ v)


@exercise("matvec")
def test_a_vector_that_does_not_fit(draw):
    wide = draw(20)[:7]
    for v in (wide[:4], wide[:6], wide[:1], wide[:3]):
        raises(ValueError, strides.matvec, draw(3, 5), v)
    raises(ValueError, strides.matvec, draw(3, 1), wide[:3])  # one column, which broadcasting would repeat


@exercise("matmul")
@matrices
@pytest.mark.parametrize("other", MATRICES)
def test_matrix_times_matrix(layout, other, draw):
    a, b = MATRICES[layout](draw, 4, 5), MATRICES[other](draw, 5, 3)
    close(strides.matmul(a, b), a @ b)


@exercise("matmul")
@pytest.mark.parametrize("n, inner, m", [(1, 3, 2), (3, 1, 2), (3, 2, 1), (1, 1, 1), (4, 4, 4), (0, 3, 2), (3, 0, 2)])
def test_matmul_of_every_size(n, inner, m, draw):
    a, b = draw(n, inner), draw(inner, m)
    close(strides.matmul(a, b), a @ b)


@exercise("matmul")
def test_matrices_that_do_not_fit(draw):
    b = draw(20, 20)
    for rows, columns in ((4, 3), (6, 3), (1, 3), (3, 5)):
        raises(ValueError, strides.matmul, draw(3, 5), b[:rows, :columns])
    raises(ValueError, strides.matmul, draw(3, 1), b[:4, :3])  # one column, which broadcasting would repeat


@exercise("outer")
@vectors
@pytest.mark.parametrize("other", VECTORS)
def test_all_with_all(layout, other, draw):
    u, v = VECTORS[layout](draw, 4), VECTORS[other](draw, 5)
    close(strides.outer(u, v), torch.outer(u, v))


@exercise("outer")
@pytest.mark.parametrize("n, m", [(1, 3), (3, 1), (1, 1), (0, 2), (4, 4)])
def test_outer_of_every_size(n, m, draw):
    u, v = draw(n), draw(m)
    close(strides.outer(u, v), torch.outer(u, v))


PRODUCTS = {
    "matvec": (lambda a, b: strides.matvec(a, b[:, 1]), lambda a, b: a @ b[:, 1]),
    "matmul": (lambda a, b: strides.matmul(a, b), lambda a, b: a @ b),
    "outer": (lambda a, b: strides.outer(a[:, 1], b[2]), lambda a, b: torch.outer(a[:, 1], b[2])),
    "trace": (lambda a, b: strides.trace(a) * b, lambda a, b: a.trace() * b),
}
# The same without a product of matrices, which CUDA doesn't have for integers.
IN_INTEGERS = {
    "matvec": lambda a, b: (a * b[:, 1]).sum(dim=1),
    "matmul": lambda a, b: (a[:, :, None] * b).sum(dim=1),
    "outer": lambda a, b: a[:, 1, None] * b[2],
    "trace": lambda a, b: a.diagonal().sum() * b,
}
each_product = pytest.mark.parametrize("name", [pytest.param(name, marks=exercise(name), id=name) for name in PRODUCTS])


@each_product
def test_products_in_float64(name, draw):
    mine, theirs = PRODUCTS[name]
    a, b = draw(4, 5, dtype=torch.float64), draw(5, 3, dtype=torch.float64)
    close(mine(a, b), theirs(a, b))


@each_product
def test_products_of_whole_numbers(name, draw):
    a, b = draw.ints(-9, 9, 4, 5), draw.ints(-3, 4, 5, 3)
    expected = IN_INTEGERS[name](a, b)
    close(PRODUCTS[name][0](a, b), expected)


@each_product
def test_whole_numbers_that_no_float_can_hold(name, draw):
    # One such number a row: then floats are wrong by the same, whatever the order in which they are added.
    a, b = torch.zeros(4, 5, dtype=torch.int64, device=draw.device), draw.ints(1, 4, 5, 3)
    a[[0, 1, 2, 3], [0, 1, 1, 4]] = 2**53 + torch.tensor([1, 1, 3, 5], device=a.device)
    expected = IN_INTEGERS[name](a, b)
    close(PRODUCTS[name][0](a, b), expected)


@each_product
def test_products_pass_gradients_on(name, draw):
    mine, theirs = PRODUCTS[name]
    same_gradients(mine, theirs, draw(4, 5), draw(5, 3))
