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
    # BEGIN SOLUTION
    return x.as_strided((x.shape[1],), (x.stride(1),), x.storage_offset() + i * x.stride(0))
    # END SOLUTION


def column(x: Shaped[Tensor, "rows columns"], j: int) -> Shaped[Tensor, "rows"]:
    """Column j as a view, 0 ≤ j < columns.

    >>> column(torch.tensor([[1, 2, 3], [4, 5, 6]]), 1)
    tensor([2, 5])
    """
    # BEGIN SOLUTION
    return x.as_strided((x.shape[0],), (x.stride(0),), x.storage_offset() + j * x.stride(1))
    # END SOLUTION


def diagonal(x: Shaped[Tensor, "rows columns"]) -> Shaped[Tensor, "shorter"]:
    """The elements [0, 0], [1, 1], … as a view; as many as the shorter side has.

    >>> diagonal(torch.tensor([[1, 2, 3], [4, 5, 6]]))
    tensor([1, 5])
    """
    # BEGIN SOLUTION
    return x.as_strided((min(x.shape),), (sum(x.stride()),))
    # END SOLUTION


def windows(x: Shaped[Tensor, "n"], length: int) -> Shaped[Tensor, "n-length+1 length"]:
    """All windows of that length as a view: row i is x[i : i + length]. 1 ≤ length ≤ n.

    >>> windows(torch.tensor([1, 2, 3, 4]), 3)
    tensor([[1, 2, 3],
            [2, 3, 4]])
    """
    # BEGIN SOLUTION
    return x.as_strided((len(x) - length + 1, length), (x.stride(0), x.stride(0)))
    # END SOLUTION


def repeats(x: Shaped[Tensor, "n"], times: int) -> Shaped[Tensor, "times n"]:
    """`x` as every row of a matrix, as a view: n numbers of memory, however many rows.

    >>> repeats(torch.tensor([1, 2, 3]), 2)
    tensor([[1, 2, 3],
            [1, 2, 3]])
    """
    # BEGIN SOLUTION
    return x.as_strided((times, len(x)), (0, x.stride(0)))
    # END SOLUTION


def diagonal_blocks(x: Shaped[Tensor, "n n"], size: int) -> Shaped[Tensor, "n/size size size"]:
    """The square blocks of that size along the diagonal, as a view. `size` divides n.

    >>> diagonal_blocks(torch.arange(16).view(4, 4), 2).tolist()
    [[[0, 1], [4, 5]], [[10, 11], [14, 15]]]
    """
    # BEGIN SOLUTION
    down, right = x.stride()
    return x.as_strided((len(x) // size, size, size), (size * (down + right), down, right))
    # END SOLUTION


# ---- Computations: strides and a sum ---------------------------------------------------------------------------------


def trace(x: Shaped[Tensor, "rows columns"]) -> Shaped[Tensor, ""]:
    """The sum of the diagonal, as a tensor without dims.

    >>> trace(torch.tensor([[1, 2], [3, 4]]))
    tensor(5)
    """
    # BEGIN SOLUTION
    return diagonal(x).sum()
    # END SOLUTION


def matvec(a: Shaped[Tensor, "rows columns"], v: Shaped[Tensor, "columns"]) -> Shaped[Tensor, "rows"]:
    """The matrix times the vector. ValueError if their sizes don't fit: `as_strided` would read on regardless.

    >>> matvec(torch.tensor([[1, 2], [3, 4]]), torch.tensor([10, 1]))
    tensor([12, 34])
    """
    # BEGIN SOLUTION
    if a.shape[1] != len(v):
        raise ValueError(f"a matrix with {a.shape[1]} columns and a vector of {len(v)}")
    # TODO: give the vector the matrix's shape, multiply, and sum.
    return (a * repeats(v, a.shape[0])).sum(dim=1)
    # END SOLUTION


def matmul(a: Shaped[Tensor, "n inner"], b: Shaped[Tensor, "inner m"]) -> Shaped[Tensor, "n m"]:
    """The product of two matrices. ValueError if their sizes don't fit.

    >>> matmul(torch.tensor([[1, 2], [3, 4]]), torch.tensor([[10, 0], [1, 1]]))
    tensor([[12,  2],
            [34,  4]])
    """
    # BEGIN SOLUTION
    if a.shape[1] != b.shape[0]:
        raise ValueError(f"{tuple(a.shape)} and {tuple(b.shape)} don't fit")
    # TODO: give both the shape (n, m, inner), multiply, and sum.
    shape = a.shape[0], b.shape[1], b.shape[0]
    left = a.as_strided(shape, (a.stride(0), 0, a.stride(1)))
    right = b.as_strided(shape, (0, b.stride(1), b.stride(0)))
    return (left * right).sum(dim=2)
    # END SOLUTION


def outer(u: Shaped[Tensor, "n"], v: Shaped[Tensor, "m"]) -> Shaped[Tensor, "n m"]:
    """Every element of u times every element of v: [i, j] is u[i] · v[j].

    >>> outer(torch.tensor([1, 2]), torch.tensor([3, 4, 5]))
    tensor([[ 3,  4,  5],
            [ 6,  8, 10]])
    """
    # BEGIN SOLUTION
    shape = len(u), len(v)
    return u.as_strided(shape, (u.stride(0), 0)) * v.as_strided(shape, (0, v.stride(0)))
    # END SOLUTION


# ---- See it ----------------------------------------------------------------------------------------------------------

if __name__ == "__main__":
    from timeit import repeat

    print("one transpose, in millionths of a second\n\n       numbers      x.T    x.T.contiguous()")
    for side in (10, 100, 1000, 3000):
        x = torch.rand(side, side)
        view, copy = (min(repeat(call, number=5)) / 5 * 1e6 for call in (lambda: x.T, lambda: x.T.contiguous()))  # noqa: B023
        print(f"  {side * side:12,} {view:8.1f} {copy:15.1f}")
