"""Drills on real tensors: much of what looks like a computation is only another way to walk through memory.

`x.as_strided(size, stride, storage_offset)` is torch's own `StridedTensor(x's memory, size, stride, storage_offset)`.
All functions work for every layout of their inputs (transposed, cut out of something larger, expanded) and for whole
numbers, which stay exact as long as all results fit into their dtype. (A GPU multiplies no matrices of whole numbers:
there `@` ends in an error.) Gradients flow through all of them.
"""

import torch
from jaxtyping import Shaped
from torch import Tensor

# ---- Views: no number is copied --------------------------------------------------------------------------------------


def row(x: Shaped[Tensor, "rows columns"], i: int) -> Shaped[Tensor, "columns"]:
    """Row i as a view, 0 ≤ i < rows.

    >>> row(torch.tensor([[1, 2, 3], [4, 5, 6]]), 1)
    tensor([4, 5, 6])
    """
    raise NotImplementedError("row")


def column(x: Shaped[Tensor, "rows columns"], j: int) -> Shaped[Tensor, "rows"]:
    """Column j as a view, 0 ≤ j < columns.

    >>> column(torch.tensor([[1, 2, 3], [4, 5, 6]]), 1)
    tensor([2, 5])
    """
    raise NotImplementedError("column")


def diagonal(x: Shaped[Tensor, "rows columns"]) -> Shaped[Tensor, "shorter"]:
    """The elements [0, 0], [1, 1], … as a view; as many as the shorter side has.

    >>> diagonal(torch.tensor([[1, 2, 3], [4, 5, 6]]))
    tensor([1, 5])
    """
    raise NotImplementedError("diagonal")


def windows(x: Shaped[Tensor, "n"], length: int) -> Shaped[Tensor, "n-length+1 length"]:
    """All windows of that length as a view: row i is x[i : i + length]. 1 ≤ length ≤ n.

    >>> windows(torch.tensor([1, 2, 3, 4]), 3)
    tensor([[1, 2, 3],
            [2, 3, 4]])
    """
    raise NotImplementedError("windows")


def repeats(x: Shaped[Tensor, "n"], times: int) -> Shaped[Tensor, "times n"]:
    """`x` as every row of a matrix, as a view: n numbers of memory, however many rows.

    >>> repeats(torch.tensor([1, 2, 3]), 2)
    tensor([[1, 2, 3],
            [1, 2, 3]])
    """
    raise NotImplementedError("repeats")


def diagonal_blocks(x: Shaped[Tensor, "n n"], size: int) -> Shaped[Tensor, "n/size size size"]:
    """The square blocks of that size along the diagonal, as a view. `size` divides n.

    >>> diagonal_blocks(torch.arange(16).view(4, 4), 2).tolist()
    [[[0, 1], [4, 5]], [[10, 11], [14, 15]]]
    """
    raise NotImplementedError("diagonal_blocks")


# ---- Computations: strides and a sum ---------------------------------------------------------------------------------


def trace(x: Shaped[Tensor, "rows columns"]) -> Shaped[Tensor, ""]:
    """The sum of the diagonal, as a tensor without dims.

    >>> trace(torch.tensor([[1, 2], [3, 4]]))
    tensor(5)
    """
    raise NotImplementedError("trace")


def matvec(a: Shaped[Tensor, "rows columns"], v: Shaped[Tensor, "columns"]) -> Shaped[Tensor, "rows"]:
    """The matrix times the vector. ValueError if their sizes don't fit: `as_strided` would read on regardless.

    >>> matvec(torch.tensor([[1, 2], [3, 4]]), torch.tensor([10, 1]))
    tensor([12, 34])
    """
    # TODO: give the vector the matrix's shape, multiply, and sum.
    raise NotImplementedError("matvec")


def matmul(a: Shaped[Tensor, "n inner"], b: Shaped[Tensor, "inner m"]) -> Shaped[Tensor, "n m"]:
    """The product of two matrices. ValueError if their sizes don't fit.

    >>> matmul(torch.tensor([[1, 2], [3, 4]]), torch.tensor([[10, 0], [1, 1]]))
    tensor([[12,  2],
            [34,  4]])
    """
    # TODO: give both the shape (n, m, inner), multiply, and sum.
    raise NotImplementedError("matmul")


def outer(u: Shaped[Tensor, "n"], v: Shaped[Tensor, "m"]) -> Shaped[Tensor, "n m"]:
    """Every element of u times every element of v: [i, j] is u[i] · v[j].

    >>> outer(torch.tensor([1, 2]), torch.tensor([3, 4, 5]))
    tensor([[ 3,  4,  5],
            [ 6,  8, 10]])
    """
    raise NotImplementedError("outer")


# ---- See it ----------------------------------------------------------------------------------------------------------

if __name__ == "__main__":
    from timeit import repeat

    print("one transpose, in millionths of a second\n\n       numbers      x.T    x.T.contiguous()")
    for side in (10, 100, 1000, 3000):
        x = torch.rand(side, side)
        view, copy = (min(repeat(call, number=5)) / 5 * 1e6 for call in (lambda: x.T, lambda: x.T.contiguous()))  # noqa: B023
        print(f"  {side * side:12,} {view:8.1f} {copy:15.1f}")
