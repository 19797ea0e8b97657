"""Tests of raytracer.py. The oracles: cases by hand, and loops in float64 that reason differently: about sides of
edges instead of u and v, about intervals instead of NaN, about pixels one by one."""

import math

import numpy as np
import pytest
import raytracer
import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from shared.checks import close, equal, exercise, fail, same_for_any_layout, strided

INF = math.inf


def tensor(values, device, dtype=torch.float32):
    return torch.tensor(values, device=device, dtype=dtype)


def array(x):
    return x.detach().cpu().double().numpy()


def like(values, x):
    """An oracle's array with the dtype and on the device of x."""
    return torch.as_tensor(np.asarray(values)).to(x)


# ---- In the plane ----------------------------------------------------------------------------------------------------


@exercise("fan_of_rays")
@pytest.mark.parametrize("count, half_width", [(4, 2.0), (1, 3.0), (7, 0.3), (10, 5.0), (10, 0.3), (49, 2.0)])
def test_rays_go_through_the_middle_of_pixels(count, half_width, device):
    centres = np.linspace(-half_width, half_width, 2 * count + 1)[1::2]
    expected = torch.tensor(np.stack([np.ones(count), centres], axis=1), dtype=torch.float32, device=device)
    close(raytracer.fan_of_rays(count, half_width, device=device), expected)


@exercise("fan_of_rays")
def test_an_empty_fan(device):
    close(raytracer.fan_of_rays(0, 1.0, device=device), torch.zeros(0, 2, device=device))


def segment_table(origins, directions, segments):
    """Each pair alone: numpy solves o + t d = a + k (b - a)."""
    table = np.full((len(origins), len(segments)), INF)
    for i, (o, d) in enumerate(zip(array(origins), array(directions))):
        for j, (a, b) in enumerate(array(segments)):
            t, k = np.linalg.solve(np.stack([d, a - b], axis=1), a - o)
            if t > 0 and 0 <= k <= 1:
                table[i, j] = t
    return like(table, origins)


@exercise("hit_segments")
@pytest.mark.parametrize("rays, segments", [(7, 5), (1, 3), (3, 1), (40, 30)])
def test_segments_like_numpy_pair_by_pair(rays, segments, draw):
    scene = draw(rays, 2), draw(rays, 2), draw(segments, 2, 2)
    close(raytracer.hit_segments(*scene), segment_table(*scene), rtol=1e-3, atol=1e-4)


@exercise("hit_segments")
@pytest.mark.parametrize(
    "end, expected",
    [
        pytest.param([[4, -1], [4, 1]], 2.0, id="across"),
        pytest.param([[4, 1], [4, -1]], 2.0, id="across, ends swapped"),
        pytest.param([[4, 0], [4, 3]], 2.0, id="the first end point"),
        pytest.param([[6, -2], [8, 0]], 4.0, id="the second end point"),
        pytest.param([[2, 1], [4, -1]], 1.5, id="slanted"),
        pytest.param([[4, 1], [4, 3]], INF, id="above"),
        pytest.param([[4, -3], [4, -1]], INF, id="below"),
        pytest.param([[-4, -1], [-4, 1]], INF, id="behind"),
        pytest.param([[0, -1], [0, 1]], INF, id="through the origin: t is 0"),
        pytest.param([[1, 2], [5, 2]], INF, id="parallel"),
        pytest.param([[5, -2], [1, -2]], INF, id="parallel, the other way"),
        pytest.param([[2, 0], [6, 0]], INF, id="the ray runs along it"),
        pytest.param([[6, 0], [-2, 0]], INF, id="the ray starts in it and runs along it"),
        pytest.param([[4, 0], [4, 0]], INF, id="no length"),
        pytest.param([[1, -1e-18], [1, 1e-18]], 0.5, id="tiny"),
        pytest.param([[1, -1e-7], [3, 1e-7]], 1.0, id="nearly parallel"),
        pytest.param([[8e5, -1], [8e5, 1]], 4e5, id="far away"),
        pytest.param([[1e-4, -1], [1e-4, 1]], 5e-5, id="just in front of the origin"),
        pytest.param([[4, 2e-4], [4, 3]], INF, id="just above"),
    ],
)
def test_segments_by_hand(end, expected, device):
    ray = tensor([[0, 0]], device), tensor([[2, 0]], device)
    close(raytracer.hit_segments(*ray, tensor([end], device)), tensor([[expected]], device))


@exercise("hit_segments")
def test_rays_from_elsewhere(device):
    origins, directions = tensor([[1, 2], [1, 2], [0, 4]], device), tensor([[0, 1], [0, -4], [1, 1]], device)
    segments = tensor([[[0, 4], [2, 4]], [[1, 0], [3, 1]], [[2, 6], [4, 6]]], device)
    expected = tensor([[2, INF, INF], [INF, 0.5, INF], [INF, INF, 2]], device)
    close(raytracer.hit_segments(origins, directions, segments), expected)


@exercise("hit_segments")
@pytest.mark.parametrize("rays, segments", [(0, 3), (4, 0), (0, 0)])
def test_no_rays_or_no_segments(rays, segments, draw):
    got = raytracer.hit_segments(draw(rays, 2), draw(rays, 2), draw(segments, 2, 2))
    close(got, draw(rays, segments))


@exercise("hit_segments")
def test_segments_in_any_layout(draw):
    # In float64, because a pair that is nearly parallel magnifies float32's rounding.
    scene = (draw(*shape, dtype=torch.float64) for shape in ((6, 2), (6, 2), (5, 2, 2)))
    same_for_any_layout(raytracer.hit_segments, segment_table, *scene)


# ---- Triangles -------------------------------------------------------------------------------------------------------


def triangle_table(origins, directions, triangles):
    """Where the ray meets the plane, and whether that is on the inner side of all three edges; in float64."""
    o, d, (a, b, c) = array(origins)[:, None], array(directions)[:, None], array(triangles).swapaxes(0, 1)
    normal = np.cross(b - a, c - a)
    with np.errstate(all="ignore"):
        t = ((a - o) * normal).sum(-1) / (d * normal).sum(-1)
        point = o + t[..., None] * d
        inside = [(np.cross(y - x, point - x) * normal).sum(-1) >= 0 for x, y in ((a, b), (b, c), (c, a))]
        return like(np.where((t > 0) & np.logical_and.reduce(inside), t, INF), origins)


def toward(draw, rays, triangles, dtype=torch.float32):
    """Rays towards the middle, where the triangles are, or away from it: some hit, some miss."""
    origins = draw(rays, 3, dtype=dtype) * 3
    directions = draw(rays, 3, dtype=dtype) * 0.8 - origins * draw(rays, 1, dtype=dtype).add(1).sign()
    return origins, directions, draw(triangles, 3, 3, dtype=dtype)


each_way = pytest.mark.parametrize(
    "name", [pytest.param(n, marks=exercise(n), id=n) for n in ("hit_triangles_solve", "hit_triangles")]
)


@each_way
@pytest.mark.parametrize("rays, triangles", [(7, 5), (1, 3), (3, 1), (50, 20)])
def test_triangles_like_the_sides_of_their_edges(name, rays, triangles, draw):
    scene = toward(draw, rays, triangles)
    close(getattr(raytracer, name)(*scene), triangle_table(*scene), rtol=1e-3, atol=1e-4)


@each_way
@pytest.mark.parametrize("size, length", [(1e-6, 1), (1e-6, 1e-6), (1e-6, 100), (1e-4, 1)])
def test_a_tiny_triangle_is_no_parallel_one(name, size, length, device):
    triangle = tensor([[[-1, -1, 1], [1, -1, 1], [0, 1, 1]]], device) * tensor([size, size, 1], device)
    got = getattr(raytracer, name)(tensor([[0, 0, 0]], device), tensor([[0, 0, length]], device), triangle)
    close(got, tensor([[1 / length]], device), rtol=1e-4)


@each_way
def test_a_short_ray_that_grazes_a_tiny_triangle(name, device):
    # All sizes are allowed ones, and the determinant is 1e-21.
    triangle = tensor([[[0, 0, 0], [1e-6, 0, 0], [0, 1e-6, 0]]], device)
    origins, directions = tensor([[-7.5e-7, 2.5e-7, -1e-9]], device), tensor([[1e-6, 0, 1e-9]], device)
    got = getattr(raytracer, name)(origins, directions, triangle)
    close(got, tensor([[1]], device), rtol=1e-4)


@each_way
def test_a_triangle_just_in_front_of_the_origin(name, device):
    triangle = tensor([[[-1, -1, 1e-4], [1, -1, 1e-4], [0, 1, 1e-4]]], device)
    got = getattr(raytracer, name)(tensor([[0, 0, 0]], device), tensor([[0, 0, 2]], device), triangle)
    close(got, tensor([[5e-5]], device), atol=1e-7)


@exercise("hit_triangles")
def test_nothing_is_solved(draw, monkeypatch):
    def never(*args, **kwargs):
        fail("a system was solved; here t, u and v come from three products")

    monkeypatch.setattr(raytracer, "hit_triangles_solve", never)
    for name in ("solve", "solve_ex", "inv", "inv_ex", "pinv", "lstsq", "lu_solve", "tensorsolve"):
        monkeypatch.setattr(torch.linalg, name, never)
    scene = toward(draw, 4, 3)
    close(raytracer.hit_triangles(*scene), triangle_table(*scene), rtol=1e-3, atol=1e-4)


PIERCED = [
    pytest.param([0.5, 0.5], 2.0, id="inside"),
    pytest.param([0, 0], 2.0, id="corner a"),
    pytest.param([2, 0], 2.0, id="corner b"),
    pytest.param([0, 4], 2.0, id="corner c"),
    pytest.param([1, 0], 2.0, id="edge a-b"),
    pytest.param([0, 1], 2.0, id="edge a-c"),
    pytest.param([1, 2], 2.0, id="edge b-c"),
    pytest.param([1.5, 3], INF, id="beyond edge b-c, in the parallelogram"),
    pytest.param([-0.5, 1], INF, id="beyond edge a-c"),
    pytest.param([0.5, -1], INF, id="beyond edge a-b"),
    pytest.param([3, -1], INF, id="beyond corner b"),
    pytest.param([-1, 5], INF, id="beyond corner c"),
    pytest.param([-1, -1], INF, id="beyond corner a"),
    pytest.param([0.5, -4e-4], INF, id="just beyond edge a-b"),
    pytest.param([-2e-4, 1], INF, id="just beyond edge a-c"),
    pytest.param([1.0002, 2], INF, id="just beyond edge b-c"),
]


@each_way
@pytest.mark.parametrize("corners", [(0, 1, 2), (1, 2, 0), (2, 1, 0)], ids=str)
@pytest.mark.parametrize("place, expected", PIERCED)
def test_a_triangle_by_hand(name, place, expected, corners, device):
    triangle = tensor([[[0, 0, 5], [2, 0, 5], [0, 4, 5]]], device)[:, list(corners)]
    origins = tensor([[*place, 1], [*place, 9], [*place, 1], [*place, 9], [*place, 5]], device)
    directions = tensor([[0, 0, 2], [0, 0, -2], [0, 0, -2], [0, 0, 2], [0, 0, 2]], device)
    # From below, from above, twice away from it, and from a start on it.
    table = tensor([[expected], [expected], [INF], [INF], [INF]], device)
    close(getattr(raytracer, name)(origins, directions, triangle), table)


@each_way
def test_parallel_rays_hit_nothing_and_spoil_nothing(name, device):
    triangles = tensor([[[0, 0, 4], [2, 0, 4], [0, 2, 4]], [[3, -1, 3], [3, 2, 4], [3, -1, 9]]], device)
    origins = tensor([[-1, 0.5, 4], [-1, 0.5, 4], [-1, 0.5, 5], [0.5, 0.5, 4], [3, 0, 4], [0.25, 0.25, 0]], device)
    directions = tensor([[1, 0, 0], [-1, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1], [0, 0, 1]], device)
    expected = tensor([[INF, 4], [INF, INF], [INF, 4], [INF, INF], [INF, INF], [4, INF]], device)
    close(getattr(raytracer, name)(origins, directions, triangles), expected)


@each_way
def test_triangles_without_area_are_not_hit(name, device):
    good = [[0, 0, 2], [4, 0, 2], [0, 4, 2]]
    line, point = [[0, 0, 1], [1, 1, 1], [2, 2, 1]], [[1, 1, 1]] * 3
    origins, directions = tensor([[1, 1, 0], [0, 0, 0]], device), tensor([[0, 0, 1], [0, 0, 1]], device)
    got = getattr(raytracer, name)(origins, directions, tensor([line, good, point, line[::-1]], device))
    close(got, tensor([[INF, 2, INF, INF]] * 2, device))


@each_way
@pytest.mark.parametrize("rays, triangles", [(0, 3), (4, 0), (0, 0)])
def test_no_rays_or_no_triangles(name, rays, triangles, draw):
    got = getattr(raytracer, name)(draw(rays, 3), draw(rays, 3), draw(triangles, 3, 3))
    close(got, draw(rays, triangles))


@each_way
def test_turning_everything_changes_nothing(name, draw):
    origins, directions, triangles = toward(draw, 30, 20, dtype=torch.float64)
    turn, move = torch.linalg.qr(draw(3, 3, dtype=torch.float64))[0], draw(3, dtype=torch.float64)
    turned = origins @ turn + move, directions @ turn, triangles @ turn + move
    close(getattr(raytracer, name)(*turned), triangle_table(origins, directions, triangles))


@each_way
def test_triangles_in_any_layout(name, draw):
    same_for_any_layout(getattr(raytracer, name), triangle_table, *toward(draw, 9, 6, dtype=torch.float64))


@exercise("hit_triangles")
@pytest.mark.parametrize("size", [1e-4, 1e-2, 1e3])
def test_small_and_large_triangles(size, draw):
    origins, directions, triangles = toward(draw, 30, 20)
    scene = origins * size, directions * size, triangles * size
    close(raytracer.hit_triangles(*scene), triangle_table(*scene), rtol=1e-3, atol=1e-4)


# ---- Boxes -----------------------------------------------------------------------------------------------------------


def box_table(origins, directions, boxes):
    """Axis by axis, the part of the ray that lies between the two planes."""
    table = np.full((len(origins), len(boxes)), INF)
    for i, (o, d) in enumerate(zip(array(origins), array(directions))):
        for j, (low, high) in enumerate(array(boxes)):
            first, last = 0.0, INF
            for axis in range(3):
                if d[axis] == 0:
                    if not low[axis] <= o[axis] <= high[axis]:
                        first = INF
                else:
                    planes = sorted([(low[axis] - o[axis]) / d[axis], (high[axis] - o[axis]) / d[axis]])
                    first, last = max(first, planes[0]), min(last, planes[1])
            if first <= last and first < INF:
                table[i, j] = first
    return like(table, origins)


def some_boxes(corners):
    return torch.stack([corners.amin(dim=1), corners.amax(dim=1)], dim=1)


@exercise("hit_boxes")
@pytest.mark.parametrize("rays, boxes", [(7, 5), (1, 3), (3, 1), (60, 20)])
def test_boxes_like_intervals(rays, boxes, draw):
    origins, directions, corners = toward(draw, rays, boxes)
    scene = origins, directions, some_boxes(corners)
    close(raytracer.hit_boxes(*scene), box_table(*scene), rtol=1e-3, atol=1e-4)


@exercise("hit_boxes")
def test_rays_along_the_axes_of_a_grid(device):
    # All rays from a grid of places along the axes and diagonals: in faces, along edges, through corners, from inside.
    places = torch.cartesian_prod(*[torch.tensor([-1.0, 0.0, 1.0, 2.0, 3.0])] * 3)
    ways = torch.cartesian_prod(*[torch.tensor([-1.0, 0.0, 2.0])] * 3)
    ways = torch.cat([ways[ways.abs().sum(dim=1) > 0], torch.tensor([[-0.0, 1.0, -0.0], [-1.0, -0.0, 0.0]])])
    origins, directions = places.repeat_interleave(len(ways), dim=0), ways.repeat(len(places), 1)
    boxes = torch.tensor(
        [[[0.0, 0, 0], [2, 2, 2]], [[0, 0, 1], [2, 1, 1]], [[1, 1, 1], [1, 1, 1]], [[0, 1, 2], [2, 3, 3]]]
    )
    scene = [x.to(device) for x in (origins, directions, boxes)]
    close(raytracer.hit_boxes(*scene), box_table(*scene))


@exercise("hit_boxes")
@pytest.mark.parametrize(
    "origin, direction, expected",
    [
        pytest.param([0, 2, 2], [2, 0, 0], 0.5, id="ahead"),
        pytest.param([4, 2, 2], [2, 0, 0], INF, id="behind"),
        pytest.param([4, 2, 2], [-2, 0, 0], 0.5, id="backwards"),
        pytest.param([2, 2, 2], [1, 0, 0], 0.0, id="from inside"),
        pytest.param([0, 2, 2], [1, 2, 0], INF, id="past it"),
        pytest.param([0, 0, 0], [1, 1, 1], 1.0, id="from corner to corner"),
        pytest.param([0, 4, 2], [1, -1, 0], 1.0, id="along the diagonal of a face's plane"),
        pytest.param([0, 1, 2], [1, 0, 0], 1.0, id="in the low face"),
        pytest.param([0, 3, 2], [1, 0, 0], 1.0, id="in the high face"),
        pytest.param([0, 3, 2], [1, -0.0, 0], 1.0, id="in the high face, with a negative zero"),
        pytest.param([0, 2, 2], [1, 1, 0], 1.0, id="touches an edge"),
        pytest.param([0, 2.00004, 2], [1, 1, 0], INF, id="just misses an edge"),
    ],
)
def test_a_box_by_hand(origin, direction, expected, device):
    ray = tensor([origin], device), tensor([direction], device)
    close(raytracer.hit_boxes(*ray, tensor([[[1, 1, 1], [3, 3, 3]]], device)), tensor([[expected]], device))


@exercise("hit_boxes")
@pytest.mark.parametrize("rays, boxes", [(0, 3), (4, 0)])
def test_no_rays_or_no_boxes(rays, boxes, draw):
    close(raytracer.hit_boxes(draw(rays, 3), draw(rays, 3), draw(boxes, 2, 3)), draw(rays, boxes))


@exercise("hit_boxes")
def test_boxes_in_any_layout(draw):
    origins, directions, corners = toward(draw, 9, 6, dtype=torch.float64)
    same_for_any_layout(raytracer.hit_boxes, box_table, origins, directions, some_boxes(corners))


# ---- Tracing ---------------------------------------------------------------------------------------------------------


def nearest_hit(scene):
    table = triangle_table(*scene).cpu()
    t, index = table.min(dim=1)
    return t.to(scene[0].device), index.where(t < INF, -1).to(scene[0].device)


def check_trace(scene, *args, **kwargs):
    t, index = raytracer.trace_rays(*scene, *args, **kwargs)
    expected_t, expected_index = nearest_hit(scene)
    close(t, expected_t, rtol=1e-3, atol=1e-4, name="t")
    equal(index, expected_index, name="index")


@exercise("trace_rays")
@pytest.mark.parametrize("rays, triangles", [(50, 23), (1, 3), (3, 1), (20, 1)])
def test_the_nearest_hit(rays, triangles, draw):
    check_trace(toward(draw, rays, triangles))


@exercise("trace_rays")
@pytest.mark.parametrize("chunk, group", [(7, 5), (1, 23), (60, 1), (50, 23), (3, 4), (1000, 1000)])
def test_any_chunk_and_group_give_the_same(chunk, group, draw):
    check_trace(toward(draw, 50, 23), chunk=chunk, group=group)


@exercise("trace_rays")
@pytest.mark.parametrize("order", [(0, 1, 2, 3), (3, 2, 1, 0), (2, 0, 3, 1)], ids=str)
@pytest.mark.parametrize("group", [1, 2, 3, 8])
def test_layers_in_any_order(order, group, device):
    heights = tensor([3.0, -1.0, 2.0, 7.0], device)[list(order)]
    triangles = tensor([[-1, -1, 0], [4, -1, 0], [-1, 4, 0]], device) + heights[:, None, None] * tensor(
        [0, 0, 1], device
    )
    origins = tensor([[0, 0, 0], [0, 0, 2.5], [0, 0, 9], [0, 0, -5], [9, 9, 0]], device)
    directions = tensor([[0, 0, 1], [0, 0, 0.5], [0, 0, -4], [0, 0, -1], [0, 0, 1]], device)
    t, index = raytracer.trace_rays(origins, directions, triangles, group=group)
    close(t, tensor([2, 1, 0.5, INF, INF], device), name="t")
    equal(index, tensor([order.index(2), order.index(0), order.index(3), -1, -1], device, torch.int64), name="index")


@exercise("trace_rays")
def test_a_hit_just_in_front_of_the_origin_counts(device):
    near, far = [[-1, -1, 0], [4, -1, 0], [-1, 4, 0]], [[-1, -1, 3], [4, -1, 3], [-1, 4, 3]]
    scene = tensor([[0, 0, -1e-4]], device), tensor([[0, 0, 1]], device), tensor([far, near], device)
    t, index = raytracer.trace_rays(*scene)
    close(t, tensor([1e-4], device), atol=1e-7, name="t")
    equal(index, tensor([1], device, torch.int64), name="index")


@exercise("trace_rays")
def test_an_empty_mesh_and_no_rays(draw):
    origins, directions, triangles = toward(draw, 6, 5)
    t, index = raytracer.trace_rays(origins, directions, triangles[:0])
    close(t, torch.full_like(origins[:, 0], INF), name="t of an empty mesh")
    equal(index, torch.full_like(t, -1, dtype=torch.int64), name="index in an empty mesh")
    t, index = raytracer.trace_rays(origins[:0], directions[:0], triangles)
    close(t, origins[:0, 0], name="t of no rays")
    equal(index, torch.zeros_like(t, dtype=torch.int64), name="index of no rays")


@exercise("trace_rays")
def test_traces_of_views_and_float64(draw):
    scene = toward(draw, 30, 20, dtype=torch.float64)
    check_trace(scene, chunk=8, group=6)
    check_trace([strided(x) for x in scene], chunk=8, group=6)
    check_trace([x.mT.contiguous().mT for x in scene], chunk=8, group=6)
    check_trace((scene[0][:1].expand(30, 3), *scene[1:]), chunk=8, group=6)


@exercise("trace_rays")
@pytest.mark.parametrize("order", [1, -1])
def test_two_hits_that_float32_cannot_tell_apart(order, device):
    flat = tensor([[-1, -1, 0], [4, -1, 0], [-1, 4, 0]], device, torch.float64)
    triangles = flat + tensor([[[0, 0, height]] for height in (1 + 1e-10, 1)[::order]], device, torch.float64)
    scene = torch.zeros(1, 3, dtype=torch.float64, device=device), tensor([[0, 0, 1]], device, torch.float64), triangles
    t, index = raytracer.trace_rays(*scene, group=1)
    equal(t, torch.ones_like(t), name="t")
    equal(index, torch.tensor([1 if order == 1 else 0], device=device), name="index")


class Numbers(TorchDispatchMode):
    """Counts the numbers in the memory of every tensor that torch makes: the largest, and all together."""

    def __init__(self):
        super().__init__()
        self.largest = self.total = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        result = func(*args, **(kwargs or {}))
        given = {x.untyped_storage().data_ptr() for x in tree_leaves((args, kwargs)) if isinstance(x, torch.Tensor)}
        for x in tree_leaves(result):
            # A view makes no numbers.
            if isinstance(x, torch.Tensor) and x.untyped_storage().data_ptr() not in given:
                size = x.untyped_storage().nbytes() // x.element_size()
                self.largest, self.total = max(self.largest, size), self.total + size
        return result


@exercise("trace_rays")
@pytest.mark.parametrize("triangles, chunk, group", [(128, 16, 64), (256, 96, 8)])
def test_memory_is_bounded(triangles, chunk, group, draw):
    # All rays start among the triangles, so every one enters every box.
    rays = 600
    scene = draw(rays, 3) * 0.01, draw(rays, 3), draw(triangles, 3, 3) * 3
    with Numbers() as numbers:
        raytracer.trace_rays(*scene, chunk=chunk, group=group)
    most = max(12 * chunk * group, 24 * (rays + triangles))
    if numbers.largest > most:
        fail(f"a tensor of {numbers.largest:,} numbers was made", f"expected  at most {most:,}")


@exercise("trace_rays")
def test_groups_are_tried_only_for_rays_that_enter_their_box(draw):
    # 16 small clouds of 32 triangles far apart, each ray aimed at one. All pairs would take some 30 numbers a pair.
    rays, clouds, size = 320, 16, 32
    centres = torch.stack([torch.arange(clouds) * 40.0, torch.arange(clouds) % 5 * 40.0, torch.zeros(clouds)], dim=1)
    centres = centres.to(draw(1).device)
    triangles = (centres[:, None, None] + draw(clouds, size, 3, 3)).flatten(0, 1)
    targets = centres.repeat(rays // clouds, 1) + draw(rays, 3) * 0.3
    origins = targets + torch.tensor([0.0, 0.0, 30.0], device=targets.device) + draw(rays, 3)
    scene = origins, targets - origins, triangles
    with Numbers() as numbers:
        raytracer.trace_rays(*scene, chunk=rays, group=size)
    check_trace(scene, chunk=rays, group=size)
    each = numbers.total / (rays * len(triangles))
    if each > 12:
        fail(f"{each:.0f} numbers were made for each pair of ray and triangle", "expected  few: most boxes are missed")


@exercise("trace_rays")
def test_what_is_behind_a_hit_is_not_tried(draw):
    # 16 layers of 32 triangles, nearest first: after the first no ray has anything to gain.
    rays, layers, size = 320, 16, 32
    flat = tensor([[-9, -9, 0], [30, -9, 0], [-9, 30, 0]], draw(1).device)
    heights = torch.arange(layers, device=flat.device).repeat_interleave(size) + 1.0
    triangles = flat + heights[:, None, None] * tensor([0, 0, 1], flat.device)
    origins = torch.cat([draw(rays, 2), torch.zeros(rays, 1, device=flat.device)], dim=1)
    directions = tensor([[0, 0, 1]], flat.device).expand(rays, 3)
    with Numbers() as numbers:
        t, _ = raytracer.trace_rays(origins, directions, triangles, chunk=64, group=size)
    close(t, torch.ones_like(t))
    each = numbers.total / (rays * len(triangles))
    if each > 12:
        fail(
            f"{each:.0f} numbers were made for each pair of ray and triangle", "expected  few: the rest is behind a hit"
        )


# ---- The camera ------------------------------------------------------------------------------------------------------


def camera(position, target, up, fov, height, width):
    """Directions pixel by pixel, with angles about an orthonormal frame from QR instead of cross products."""
    p, q, u = array(position), array(target), array(up)
    forward = (q - p) / np.linalg.norm(q - p)
    above = u - (u @ forward) * forward
    above /= np.linalg.norm(above)
    right = np.array([np.linalg.det([forward, above, axis]) for axis in np.eye(3)])
    top = math.tan(fov * math.pi / 360)
    found = []
    for i in range(height):
        for j in range(width):
            y, x = top * (1 - (2 * i + 1) / height), top * ((2 * j + 1) / width - 1) * width / height
            d = forward + x * right + y * above
            found.append(d / np.linalg.norm(d))
    return like(np.stack(found), position)


def check_camera(position, target, up, fov, height, width):
    origins, directions = raytracer.camera_rays(position, target, up, fov, height, width)
    close(directions, camera(position, target, up, fov, height, width), name="directions")
    close(origins, position.expand(height * width, 3), name="origins")


@exercise("camera_rays")
def test_a_camera_by_hand(device):
    position, target, up = (tensor(x, device) for x in ([1, 2, 3], [1, 7, 3], [0, 0, 1]))
    origins, directions = raytracer.camera_rays(position, target, up, 90.0, 2, 4)
    # Looking along +y: x is to the right, z is up. Both rows from left to right, the upper one first.
    screen = [[x, 1, z] for z in (0.5, -0.5) for x in (-1.5, -0.5, 0.5, 1.5)]
    expected = tensor([[v / math.hypot(*row) for v in row] for row in screen], device)
    close(directions, expected, name="directions")
    close(origins, position.expand(8, 3), name="origins")


@exercise("camera_rays")
@pytest.mark.parametrize("height, width, fov", [(5, 7, 40.0), (4, 1, 75.0), (1, 6, 20.0), (1, 1, 60.0), (8, 3, 120.0)])
def test_pixel_by_pixel(height, width, fov, draw):
    check_camera(draw(3), draw(3), draw(3), fov, height, width)


@exercise("camera_rays")
def test_the_middle_pixel_looks_at_the_target(draw):
    position, target, up = draw(3), draw(3), draw(3)
    directions = raytracer.camera_rays(position, target, up, 50.0, 3, 5)[1]
    close(directions[7], (target - position) / (target - position).norm(), name="the middle pixel's direction")


@exercise("camera_rays")
def test_up_may_have_any_length(draw):
    check_camera(draw(3), draw(3), draw(3) * 9, 40.0, 3, 4)
    check_camera(draw(3), draw(3), draw(3) * 0.01, 40.0, 3, 4)


@exercise("camera_rays")
def test_a_camera_in_float64_and_of_views(draw):
    points = draw(3, 3, dtype=torch.float64)
    check_camera(*points, 40.0, 3, 4)
    check_camera(*strided(points), 40.0, 3, 4)


# ---- Light -----------------------------------------------------------------------------------------------------------


def unit(x):
    return x / np.linalg.norm(x, axis=-1, keepdims=True)


def normals_of(triangles, directions):
    normals = []
    for (a, b, c), d in zip(array(triangles), array(directions)):
        normal = unit(np.cross(c - b, a - b))
        normals.append(-normal if normal @ d > 0 else normal)
    return like(np.reshape(normals, (-1, 3)), triangles)


@exercise("triangle_normals")
def test_a_normal_by_hand(device):
    triangle = tensor([[[0, 0, 1], [3, 0, 1], [0, 5, 1]]], device)
    triangles = torch.cat([triangle, triangle, triangle.flip(1), triangle.flip(1)])
    directions = tensor([[0, 0, 1], [1, 1, -1], [0, 3, 2], [0, 0, -7]], device)
    expected = tensor([[0, 0, -1], [0, 0, 1], [0, 0, -1], [0, 0, 1]], device)
    close(raytracer.triangle_normals(triangles, directions), expected)


@exercise("triangle_normals")
@pytest.mark.parametrize("hits", [7, 1, 3, 0])
def test_normals_face_the_ray(hits, draw):
    scene = draw(hits, 3, 3), draw(hits, 3)
    close(raytracer.triangle_normals(*scene), normals_of(*scene), atol=1e-4)


@exercise("triangle_normals")
def test_a_ray_within_the_plane_sees_a_whole_normal(device):
    # At exactly 90° both sides are right, but 0 is no normal.
    triangle = tensor([[[0, 0, 0], [1, 0, 0], [0, 1, 0]]], device)
    normal = raytracer.triangle_normals(triangle, tensor([[1, 0, 0]], device))
    close(normal.abs(), tensor([[0, 0, 1]], device), name="the size of each part")


@exercise("triangle_normals")
def test_normals_of_tiny_triangles_are_whole(device):
    triangles = tensor([[[0, 0, 0], [1, 0, 0], [0.8, 0, 0.5]], [[0, 0, 0], [0.6, 0.8, 0], [0, 1, 0]]], device) * 1e-6
    directions = tensor([[0, 1, 0], [0, 1, -1]], device)
    close(raytracer.triangle_normals(triangles, directions), tensor([[0, -1, 0], [0, 0, 1]], device))


@exercise("triangle_normals")
def test_normals_of_small_triangles_views_and_float64(draw):
    triangles, directions = draw(5, 3, 3, dtype=torch.float64), draw(5, 3, dtype=torch.float64)
    close(raytracer.triangle_normals(triangles * 1e-4, directions), normals_of(triangles, directions), name="small")
    same_for_any_layout(raytracer.triangle_normals, normals_of, triangles, directions)


def cosines(points, normals, light):
    to_light = unit(array(light) - array(points))
    return like(np.maximum(0, (array(normals) * to_light).sum(-1)), points)


def some_points(draw, hits, dtype=torch.float32):
    normals = draw(hits, 3, dtype=dtype)
    return draw(hits, 3, dtype=dtype), normals / normals.norm(dim=-1, keepdim=True), draw(3, dtype=dtype) * 3


@exercise("lambert")
def test_light_by_hand(device):
    points = tensor([[0, 0, 0], [0, 0, 0], [0, 0, 0], [0, 0, 8], [3, 0, 0]], device)
    normals = tensor([[0, 0, 1], [0, math.sqrt(3) / 2, 0.5], [0, 0, -1], [0, 0, -1], [1, 0, 0]], device)
    expected = tensor([1, 0.5, 0, 1, 0], device)  # overhead, 60°, behind, from below, and behind again
    close(raytracer.lambert(points, normals, tensor([0, 0, 4], device)), expected)


@exercise("lambert")
@pytest.mark.parametrize("hits", [9, 1, 3, 0])
def test_light_is_the_cosine(hits, draw):
    scene = some_points(draw, hits)
    close(raytracer.lambert(*scene), cosines(*scene))


@exercise("lambert")
def test_light_in_any_layout(draw):
    # In float64 from the start: normals of unit length in float32 are none in float64.
    points, normals, light = some_points(draw, 9, dtype=torch.float64)
    same_for_any_layout(raytracer.lambert, cosines, points, normals, light)


ROOF = [[-8, -8, 2], [24, -8, 2], [-8, 24, 2]]  # at height 2, around the z axis


@exercise("in_shadow")
@pytest.mark.parametrize(
    "height, lamp, expected",
    [
        pytest.param(0, 4, True, id="between"),
        pytest.param(0, 1, False, id="beyond the lamp"),
        pytest.param(0, 2, False, id="the lamp lies in it"),
        pytest.param(0, 2.0001, True, id="between, just below the lamp"),
        pytest.param(3, 4, False, id="behind the point"),
        pytest.param(3, 1, True, id="between, from above"),
    ],
)
def test_a_roof(height, lamp, expected, device):
    point, normal = tensor([[0, 0, height]], device), tensor([[0, 0, 1 if lamp > height else -1]], device)
    got = raytracer.in_shadow(point, normal, tensor([0, 0, lamp], device), tensor([ROOF], device), offset=0.0)
    equal(got, tensor([expected], device, torch.bool))


@exercise("in_shadow")
def test_each_point_for_itself(device):
    points = tensor([[0, 0, 0], [50, 0, 0], [1, 2, 0], [0, 0, 5]], device)
    normals = tensor([[0, 0, 1]], device).expand(4, 3)
    got = raytracer.in_shadow(points, normals, tensor([0, 0, 9], device), tensor([ROOF], device))
    equal(got, tensor([True, False, True, False], device, torch.bool))


@exercise("in_shadow")
def test_nothing_shades_itself(draw):
    # Points in the middle of slanted triangles, as well as rounding allows: some lie a hair below.
    triangles = draw(400, 3, 3)
    lamp = draw(3) * 30
    directions = triangles.mean(dim=1) - lamp
    points, normals = triangles.mean(dim=1), normals_of(triangles, directions)
    steep = (normals * directions).sum(dim=-1) < -1  # not those that the lamp only grazes
    points, normals, triangles = points[steep][:40], normals[steep][:40], triangles[steep][:40]
    each = [points.split(1), normals.split(1), triangles.split(1)]
    got = [raytracer.in_shadow(point, normal, lamp, alone) for point, normal, alone in zip(*each)]
    equal(torch.cat(got), torch.zeros(40, dtype=torch.bool, device=points.device))


@exercise("in_shadow")
def test_the_start_is_moved_along_the_normal(device):
    # A low wall, and a lamp on the horizon: from half a unit up the ray passes above the wall.
    wall = tensor([[[2, -9, 0.3], [2, 9, 0.3], [2, 0, -9]]], device)
    point, normal, lamp = tensor([[0, 0, 0]], device), tensor([[0, 0, 1]], device), tensor([8, 0, 0.5], device)
    for offset, expected in ((0.5, False), (0.001, True)):
        got = raytracer.in_shadow(point, normal, lamp, wall, offset=offset)
        equal(got, tensor([expected], device, torch.bool), name=f"offset {offset}")


@exercise("in_shadow")
def test_from_the_moved_start_the_lamp_lies_in_another_direction(device):
    # Only the ray that starts half a unit to the side meets the strip before the lamp.
    strip = tensor([[[-0.05, -1, 1.8], [0.15, -1, 1.8], [0.05, 2, 1.8]]], device)
    point, normal, lamp = tensor([[0, 0, 0]], device), tensor([[1, 0, 0]], device), tensor([0, 0, 2], device)
    got = raytracer.in_shadow(point, normal, lamp, strip, offset=0.5)
    equal(got, tensor([True], device, torch.bool))


@exercise("in_shadow")
def test_what_lies_just_beyond_the_lamp_throws_no_shadow(device):
    # From the moved start it is 1.25 to the lamp and 1.5 to the roof; from the point itself it is 1.75 to the lamp.
    point, normal, lamp = tensor([[0, 0, 0]], device), tensor([[0, 0, 1]], device), tensor([0, 0, 1.75], device)
    got = raytracer.in_shadow(point, normal, lamp, tensor([ROOF], device), offset=0.5)
    equal(got, tensor([False], device, torch.bool))


@exercise("in_shadow")
def test_what_is_nearer_than_the_offset_is_left_out(device):
    point, normal, lamp = tensor([[0, 0, 1.9]], device), tensor([[0, 0, 1]], device), tensor([0, 0, 9], device)
    for offset, expected in ((0.25, False), (0.05, True)):
        got = raytracer.in_shadow(point, normal, lamp, tensor([ROOF], device), offset=offset)
        equal(got, tensor([expected], device, torch.bool), name=f"offset {offset}")


@exercise("in_shadow")
@pytest.mark.parametrize("height, dark", [(1 - 1e-10, True), (1 + 1e-10, False)])
def test_a_triangle_so_near_to_the_lamp_that_only_float64_can_tell(height, dark, device):
    points, normals = (tensor([[0, 0, z]], device, torch.float64) for z in (0, 1))
    triangles = tensor([[[-1, -1, height], [4, -1, height], [-1, 4, height]]], device, torch.float64)
    got = raytracer.in_shadow(points, normals, normals[0], triangles)
    equal(got, torch.tensor([dark], device=device), name="the shadow")


@exercise("in_shadow")
def test_no_points_or_no_triangles(draw):
    points, normals, lamp = some_points(draw, 4)
    none = torch.zeros(4, dtype=torch.bool, device=points.device)
    equal(raytracer.in_shadow(points, normals, lamp, draw(0, 3, 3)), none, name="no triangles")
    equal(raytracer.in_shadow(points[:0], normals[:0], lamp, draw(2, 3, 3)), none[:0], name="no points")


def picture(triangles, light, origins, directions, ambient):
    """One ray after the other, in float64."""
    first, index = nearest_hit([x.double() for x in (origins, directions, triangles)])
    seen = []
    for o, d, t, i in zip(array(origins), array(directions), first.tolist(), index.tolist()):
        if i < 0:
            seen.append(0.0)
            continue
        triangle = triangles[i : i + 1]
        normal = array(normals_of(triangle.double(), torch.tensor(d)[None]))[0]
        start = o + t * d + 1e-3 * normal
        ray = torch.tensor(start)[None], torch.tensor(array(light) - start)[None]
        shade = (triangle_table(*ray, triangles.cpu().double()) < 1).any().item()
        cosine = max(0.0, normal @ unit(array(light) - (o + t * d)))
        seen.append(ambient + (0 if shade else (1 - ambient) * cosine))
    return like(np.reshape(seen, -1), origins)


def table_and_tile(device, dtype=torch.float32):
    """A table of two triangles, a tile above it that throws a shadow, and a camera's rays: 9 × 11 of them."""
    corners = [[-3, -3, 0], [3, -3, 0], [3, 3, 0], [-3, 3, 0]]
    tile = [[-0.9, -0.7, 1.1], [1.2, -0.4, 1.4], [0.1, 1.3, 1.2]]
    mesh = tensor([corners[:3], [corners[0], *corners[2:]], tile], device, dtype)
    eye = tensor([1.1, -6.2, 4.3], device, dtype)
    view = [tensor(x, device, dtype) for x in ([0.1, 0.2, 0.3], [0, 0, 1])]
    return mesh, tensor([1.3, -2.1, 4.2], device, dtype), eye.expand(99, 3), camera(eye, *view, 62.0, 9, 11)


@exercise("render")
@pytest.mark.parametrize("ambient", [0.2, 0.35, 0.0])
def test_a_tile_above_a_table(ambient, device):
    scene = table_and_tile(device)
    close(raytracer.render(*scene, ambient), picture(*scene, ambient), atol=1e-3)


@exercise("render")
def test_a_fifth_is_ambient_unless_told(device):
    scene = table_and_tile(device)
    close(raytracer.render(*scene), picture(*scene, 0.2), atol=1e-3)


@exercise("render")
def test_triangles_the_other_way_round_look_the_same(device):
    mesh, *scene = table_and_tile(device)
    mesh = mesh.flip(1)
    close(raytracer.render(mesh, *scene), picture(mesh, *scene, 0.2), atol=1e-3)


@exercise("render")
@pytest.mark.parametrize("length", [0.3, 2.5])
def test_directions_may_have_any_length(length, device):
    mesh, lamp, origins, directions = table_and_tile(device)
    scene = mesh, lamp, origins, directions * length
    close(raytracer.render(*scene), picture(*scene, 0.2), atol=1e-3)


@exercise("render")
def test_a_lamp_below_the_table_lights_nothing(device):
    mesh, lamp, *rays = table_and_tile(device)
    lamp = lamp * tensor([1, 1, -1], device)
    close(raytracer.render(mesh, lamp, *rays, 0.3), picture(mesh, lamp, *rays, 0.3), atol=1e-3)


@exercise("render")
def test_pictures_of_nothing(device):
    mesh, lamp, origins, directions = table_and_tile(device)
    close(raytracer.render(mesh[:0], lamp, origins, directions), torch.zeros_like(origins[:, 0]), name="no triangles")
    close(raytracer.render(mesh, lamp, origins, -directions), torch.zeros_like(origins[:, 0]), name="looking away")
    close(raytracer.render(mesh, lamp, origins[:0], directions[:0]), origins[:0, 0], name="no rays")


@exercise("render")
def test_pictures_of_views_and_float64(device):
    scene = table_and_tile(device, torch.float64)
    close(raytracer.render(*scene), picture(*scene, 0.2), name="float64")
    close(raytracer.render(*map(strided, scene)), picture(*scene, 0.2), name="strided")


# ---- Bonus -----------------------------------------------------------------------------------------------------------


def mixed_normals(points, triangles, corner_normals):
    """Weights by least squares: they mix the corners to the point, and add up to 1."""
    found = []
    for p, triangle, normals in zip(array(points), array(triangles), array(corner_normals)):
        matrix, right = np.concatenate([triangle.T, np.ones((1, 3))]), np.append(p, 1.0)
        found.append(unit(np.linalg.lstsq(matrix, right)[0] @ normals))
    return like(np.reshape(found, (-1, 3)), points)


def points_on(draw, hits, dtype=torch.float32):
    weights, triangles, normals = draw(hits, 3, dtype=dtype).softmax(dim=-1), *draw(2, hits, 3, 3, dtype=dtype)
    normals = normals / normals.norm(dim=-1, keepdim=True)
    return torch.einsum("hk, hkx -> hx", weights, triangles), triangles, normals


@exercise("smooth_normals")
@pytest.mark.parametrize("hits", [9, 1, 3, 0])
def test_normals_are_mixed_like_points(hits, draw):
    scene = points_on(draw, hits)
    close(raytracer.smooth_normals(*scene), mixed_normals(*scene), rtol=1e-3, atol=1e-3)


@exercise("smooth_normals")
@pytest.mark.parametrize("axis", [0, 1, 2])
def test_normals_are_mixed_in_upright_planes_too(axis, draw):
    scene = points_on(draw, 6)
    for x in scene[:2]:  # points and triangles
        x[..., axis] = 0.7
    close(raytracer.smooth_normals(*scene), mixed_normals(*scene), rtol=1e-3, atol=1e-3)


@exercise("smooth_normals")
def test_corners_and_edges_by_hand(device):
    triangles = tensor([[[0, 0, 0], [3, 0, 0], [0, 3, 3]]], device).expand(5, 3, 3)
    normals = tensor([[[1, 0, 0], [0, 1, 0], [0, 0, 1]]], device).expand(5, 3, 3)
    points = tensor([[0, 0, 0], [3, 0, 0], [0, 3, 3], [1.5, 0, 0], [1, 1, 1]], device)
    half, third = math.sqrt(1 / 2), math.sqrt(1 / 3)
    expected = tensor([[1, 0, 0], [0, 1, 0], [0, 0, 1], [half, half, 0], [third] * 3], device)
    close(raytracer.smooth_normals(points, triangles, normals), expected)


@exercise("smooth_normals")
def test_mixtures_in_any_layout(draw):
    # One point for all and other triangles don't belong together, so there are only two layouts here.
    scene = points_on(draw, 7, dtype=torch.float64)
    close(raytracer.smooth_normals(*scene), mixed_normals(*scene), name="float64")
    close(raytracer.smooth_normals(*map(strided, scene)), mixed_normals(*scene), name="strided")
    turned = [x.mT.contiguous().mT for x in scene]
    close(raytracer.smooth_normals(*turned), mixed_normals(*scene), name="columns first in memory")


@exercise("orbit")
@pytest.mark.parametrize("count", [4, 1, 3, 7])
def test_once_around(count, draw):
    target = draw(3)
    turns = [complex(math.cos(2 * math.pi * k / count), math.sin(2 * math.pi * k / count)) * 2.5 for k in range(count)]
    x, y, z = target.tolist()
    expected = tensor([[x + turn.real, y + turn.imag, z + 1.5] for turn in turns], target.device)
    close(raytracer.orbit(target, 2.5, 1.5, count), expected)


@exercise("orbit")
def test_a_quarter_by_hand(device):
    got = raytracer.orbit(tensor([1, 2, 3], device, torch.float64), 2.0, -1.0, 4)
    close(got, tensor([[3, 2, 2], [1, 4, 2], [-1, 2, 2], [1, 0, 2]], device, torch.float64))
