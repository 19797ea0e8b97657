"""Tests of bezier.py. The oracles: binomials, de Casteljau's construction in float64, and loops over cells."""

import itertools
import math

import bezier
import pytest
import torch

from shared.checks import close, equal, exercise, same_for_any_layout, same_gradients, strided
from shared.data.arrays import teapot_patches

# ---- Weights ---------------------------------------------------------------------------------------------------------


def weights(t):
    return torch.stack([math.comb(3, k) * t**k * (1 - t) ** (3 - k) for k in range(4)], dim=-1)


@exercise("bernstein")
def test_weights_by_hand(device):
    expected = torch.tensor([[1.0, 0, 0, 0], [27 / 64, 27 / 64, 9 / 64, 1 / 64], [0, 0, 0, 1.0]], device=device)
    close(bezier.bernstein(torch.tensor([0.0, 0.25, 1.0], device=device)), expected)


@exercise("bernstein")
@pytest.mark.parametrize("shape", [(7,), (2, 5), (3, 1, 2), (0,), (4,)], ids=str)
def test_weights_of_any_shape(shape, draw):
    t = draw(*shape).sigmoid()
    close(bezier.bernstein(t), weights(t))


@exercise("bernstein")
def test_weights_of_a_single_number(device):
    close(bezier.bernstein(torch.tensor(0.2, device=device)), torch.tensor([0.512, 0.384, 0.096, 0.008], device=device))


@exercise("bernstein")
def test_weights_in_any_layout(draw):
    same_for_any_layout(bezier.bernstein, weights, draw(3, 5).sigmoid())


@exercise("bernstein")
def test_weights_have_the_right_gradient(draw):
    same_gradients(bezier.bernstein, weights, draw(2, 5).sigmoid())


# ---- Points ----------------------------------------------------------------------------------------------------------


def de_casteljau(points, t):
    """The point at t of curves whose control points lie along dim 0: halving distances, three times."""
    while len(points) > 1:
        points = points[:-1] * (1 - t) + points[1:] * t
    return points[0]


def surface(patches, n):
    """(patch, n+1, n+1, 3): point by point; first along the rows, then along the columns."""
    exact = patches.double()
    rows = []
    for i in range(n + 1):
        curves = de_casteljau(exact.permute(1, 2, 0, 3), i / n)  # (4 columns, patch, 3)
        rows.append(torch.stack([de_casteljau(curves, j / n) for j in range(n + 1)], dim=1))
    return torch.stack(rows, dim=1).to(patches.dtype)


@exercise("evaluate_patches")
@pytest.mark.parametrize("patches, n", [(3, 5), (1, 2), (2, 1), (0, 2), (1, 21)])
def test_points_like_de_casteljau(patches, n, draw):
    control = draw(patches, 4, 4, 3)
    close(bezier.evaluate_patches(control, n), surface(control, n))


@exercise("evaluate_patches")
def test_a_patch_passes_through_its_corners(draw):
    control = draw(3, 4, 4, 3)
    got = bezier.evaluate_patches(control, 1)
    close(got, torch.stack([control[:, ::3, 0], control[:, ::3, 3]], dim=2))


@exercise("evaluate_patches")
def test_points_in_any_layout(draw):
    same_for_any_layout(bezier.evaluate_patches, surface, draw(3, 4, 4, 3), 5)  # a fifth has endless digits in binary


@exercise("evaluate_patches")
def test_points_have_the_right_gradient(draw):
    same_gradients(lambda p: bezier.evaluate_patches(p, 3), lambda p: surface(p, 3), draw(2, 4, 4, 3))


# ---- Triangles -------------------------------------------------------------------------------------------------------


def cells(points):
    """All triangles of a list of grids, cell by cell, as lists of three corners; with those that have no area."""
    found = []
    for grid in points.tolist():
        for upper, lower in itertools.pairwise(grid):
            for j in range(len(upper) - 1):
                a, b, c, d = upper[j], lower[j], lower[j + 1], upper[j + 1]
                found += [[a, b, c], [a, c, d]]
    return found


def area(triangle):
    (ax, ay, az), (bx, by, bz), (cx, cy, cz) = triangle
    (p, q, r), (x, y, z) = (bx - ax, by - ay, bz - az), (cx - ax, cy - ay, cz - az)
    return math.sqrt((q * z - r * y) ** 2 + (r * x - p * z) ** 2 + (p * y - q * x) ** 2) / 2


def in_order(triangles):
    """Sorted, and each from its smallest corner on. The sense of rotation stays; the rest is free."""
    return sorted(t[t.index(min(t)) :] + t[: t.index(min(t))] for t in triangles)


def check_triangles(got, points):
    """Patch by patch, the same triangles with the same sense, to the last bit."""
    expected = [in_order(kept) for kept in per_patch(points)]
    wanted = torch.tensor([triangle for kept in expected for triangle in kept], dtype=points.dtype)
    equal(list(got.shape), list(wanted.shape), name="shape")
    equal(got.dtype, points.dtype, name="dtype")
    equal(got.device, points.device, name="device")
    mine, at = [], 0
    for kept in expected:
        mine += in_order(got[at : at + len(kept)].tolist())
        at += len(kept)
    equal(torch.tensor(mine, dtype=got.dtype), wanted)


def per_patch(points):
    largest = max(map(area, cells(points)))
    return [[t for t in cells(grid[None]) if area(t) > 1e-5 * largest] for grid in points]


@exercise("triangulate")
def test_one_cell_by_hand(device):
    points = torch.tensor([[[[0.0, 0, 0], [0, 1, 0]], [[1, 0, 0], [1, 1, 5]]]], device=device)
    check_triangles(bezier.triangulate(points), points)


@exercise("triangulate")
@pytest.mark.parametrize("shape", [(3, 4, 6), (1, 5, 3), (2, 2, 4), (3, 2, 2)], ids=str)
def test_two_triangles_for_each_cell(shape, draw):
    points = draw(*shape, 3)
    check_triangles(bezier.triangulate(points), points)


@exercise("triangulate")
def test_triangles_of_views_and_float64(draw):
    plain = draw(3, 4, 5, 3, dtype=torch.float64)
    turned = plain.permute(3, 2, 1, 0).contiguous().permute(3, 2, 1, 0)
    for points in (plain, strided(plain), turned, plain[:1].expand(3, 4, 5, 3)):
        check_triangles(bezier.triangulate(points), points)


@exercise("triangulate")
@pytest.mark.parametrize("scale", [1.0, 1e-8, 300.0])
@pytest.mark.parametrize("edge", ["first row", "last row", "first column", "last column"])
def test_an_edge_that_is_a_point_gives_no_triangles(edge, scale, draw):
    points = draw(2, 4, 5, 3) * scale
    where = {"first row": (1, 0), "last row": (1, -1), "first column": (1, slice(None), 0)}
    where = where.get(edge, (1, slice(None), -1))
    points[where] = points[1, 1, 1].clone() + torch.tensor([9.0, 0, 0], device=points.device) * scale
    check_triangles(bezier.triangulate(points), points)


@exercise("triangulate")
def test_areas_that_are_only_rounding_count_as_none(draw):
    points = draw(2, 4, 5, 3)
    points[0, 0] = torch.tensor([0.0, 0.0, 3.0], device=points.device)
    points[0, 0, :, 2] += torch.tensor([0.0, 2e-7, 0.0, -3e-7, 0.0], device=points.device)
    check_triangles(bezier.triangulate(points), points)


@exercise("triangulate")
def test_the_limit_is_a_share_of_the_largest_area_of_all_patches(device):
    # Squares and strips in several patches: their areas are 1.1e-5, 0.9e-5 and 1e-6 of the first one's.
    wide = torch.tensor([[[[0.0, 0, 0], [0, 1, 0]], [[1, 0, 0], [1, 1, 0]]]], device=device)
    sizes = torch.tensor([[1.0, 1, 0], [1.1e-5, 1, 0], [0.9e-5, 1, 0], [1e-3, 1e-3, 0], [1.0, 1, 0]], device=device)
    points = wide * sizes[:, None, None]
    check_triangles(bezier.triangulate(points), points)
    check_triangles(bezier.triangulate(points * 1e-4), points * 1e-4)


@exercise("triangulate")
def test_patches_that_are_all_one_point_give_no_triangles(device):
    points = torch.full((2, 3, 4, 3), 2.0, device=device)  # the largest area is 0, and so is all that is "at most" it
    equal(bezier.triangulate(points), torch.zeros(0, 3, 3, device=device))


@exercise("triangulate")
def test_flat_triangles_with_three_corners_far_apart_stay(device):
    wide = torch.tensor([[[[0.0, 0, 0], [0, 1, 0]], [[1, 0, 0], [1, 1, 0]]]], device=device)
    flat = torch.tensor([[[[0.0, 0, 0], [0.5, -2e-4, 0]], [[0.5, 2e-4, 0], [1, 0, 0]]]], device=device)
    points = torch.cat([wide, flat])
    check_triangles(bezier.triangulate(points), points)


@exercise("triangulate")
def test_the_teapot_has_4032_triangles(device):
    points = surface(teapot_patches(), 8).to(device)  # 4096, less 8 on each of 8 patches that come to a point
    equal(len(bezier.triangulate(points)), 4032, name="the number of triangles")
    check_triangles(bezier.triangulate(points), points)
