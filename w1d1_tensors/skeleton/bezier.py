"""Bézier patches: from the teapot's 512 published control points to triangles.

A patch is a curved square that 4 × 4 control points pull into shape. Rows of control points go with u, columns with v.
Results have the dtype and the device of what comes in.
"""

import torch
from jaxtyping import Float
from torch import Tensor


def bernstein(t: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape 4"]:
    """The four cubic Bernstein weights at each t, on a new last axis.

    >>> bernstein(torch.tensor([0.0, 0.5])).tolist()
    [[1.0, 0.0, 0.0, 0.0], [0.125, 0.375, 0.375, 0.125]]
    """
    # TODO: compute the four weights, each of t's shape, and stack them.
    raise NotImplementedError("bernstein")


def evaluate_patches(patches: Float[Tensor, "patch 4 4 3"], n: int) -> Float[Tensor, "patch n+1 n+1 3"]:
    """Points on every patch: [p, i, j] lies at u = i / n, v = j / n of patch p. `n` is at least 1.

    Control point [p, k, l] has weight k of u times weight l of v.

    >>> rows, columns = torch.meshgrid(torch.arange(4.0), torch.arange(4.0), indexing="ij")
    >>> flat = torch.stack([rows, columns, 0 * rows], dim=-1)  # a flat patch, 3 by 3
    >>> evaluate_patches(flat[None], 2)[0, 1].tolist()
    [[1.5, 0.0, 0.0], [1.5, 1.5, 0.0], [1.5, 3.0, 0.0]]
    """
    # TODO: compute the weights at n + 1 places, then use one einsum.
    raise NotImplementedError("evaluate_patches")


def triangulate(points: Float[Tensor, "patch row column 3"]) -> Float[Tensor, "triangle 3 3"]:
    """Two triangles for every cell of every patch's grid, without those that have no area. Axes: corner, then xyz.

    A cell's corners are (i, j), (i+1, j), (i+1, j+1), (i, j+1). It is cut from (i, j) to (i+1, j+1), and both of its
    triangles go round in this order, each from any of its corners. Patch 0's triangles come first, then patch 1's, …;
    within a patch the order is free. "No area" is at most 1e-5 of that of the largest triangle of all
    patches. There is at least one patch, and one cell in each.
    """
    # TODO: take the four corners of all cells at once, as slices.
    # TODO: make the two triangles of each cell.
    # TODO: keep those with an area.
    raise NotImplementedError("triangulate")


if __name__ == "__main__":
    from shared.data.arrays import teapot_patches

    for n in (1, 2, 4, 8, 16):
        triangles = triangulate(evaluate_patches(teapot_patches(), n))
        sides = torch.linalg.cross(triangles[:, 1] - triangles[:, 0], triangles[:, 2] - triangles[:, 0])
        print(f"n = {n:2}   {len(triangles):6,} triangles   surface {sides.norm(dim=-1).sum() / 2:.3f}")
