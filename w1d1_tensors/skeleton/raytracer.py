"""A ray tracer: from triangles to a picture, with tensors alone.

A ray is an origin and a direction; its points are `origin + t * direction`. So t counts in lengths of the direction.
Results have the dtype and the device of what comes in.
Every `hit_…` gives the t of each ray with each thing, a (ray, thing) table: inf where they don't meet.
"""

import math

import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor
from torch.nn import functional as F

# ---- In the plane ----------------------------------------------------------------------------------------------------


def fan_of_rays(count: int, half_width: float, device: torch.device | None = None) -> Float[Tensor, "ray 2"]:
    """Directions (1, y) from a camera at the origin through the pixels of a screen at x = 1, lowest first.

    The screen reaches from y = -half_width to half_width; `count` equal pixels fill it, and a ray goes through the
    centre of each. float32; `count` may be 0.

    >>> fan_of_rays(4, 2.0)[:, 1].tolist()
    [-1.5, -0.5, 0.5, 1.5]
    """
    raise NotImplementedError("fan_of_rays")


def hit_segments(
    origins: Float[Tensor, "ray 2"], directions: Float[Tensor, "ray 2"], segments: Float[Tensor, "segment 2 2"]
) -> Float[Tensor, "ray segment"]:
    """Gives the t > 0 at which each ray meets each segment, or inf if it doesn't.
    A segment is its two end points, each with x and y.

    End points belong to a segment. A ray parallel to a segment doesn't meet it, even if it runs along it. Parallel
    means a determinant of exactly 0. A short segment or direction has a tiny one, which is no reason to miss it.

    >>> hit_segments(torch.zeros(1, 2), torch.tensor([[2.0, 0.0]]), torch.tensor([[[3.0, -1.0], [3.0, 1.0]]])).tolist()
    [[1.5]]
    """
    # TODO: compute the determinant of each pair, then t and the place k along the segment by Cramer's rule.
    raise NotImplementedError("hit_segments")


# ---- Triangles -------------------------------------------------------------------------------------------------------


def hit_triangles_solve(
    origins: Float[Tensor, "ray 3"], directions: Float[Tensor, "ray 3"], triangles: Float[Tensor, "triangle 3 3"]
) -> Float[Tensor, "ray triangle"]:
    """Gives the t > 0 at which each ray meets each triangle (corner, xyz), or inf if it doesn't.
    There is one 3 × 3 system for each pair.

    Edges and corners belong to a triangle, and both of its sides count. A ray parallel to its plane doesn't meet it.
    Parallel means a determinant of exactly 0. A small triangle or a short direction has a tiny one, which is no reason
    to miss it. Triangles may be as small as 1e-6, and directions as short as 1e-6 or as long as 100.
    """
    # TODO: stack the columns -direction, b - a, c - a for every pair.
    # TODO: put a harmless matrix where there is no solution, and solve.
    # TODO: which solutions are hits?
    raise NotImplementedError("hit_triangles_solve")


def hit_triangles(
    origins: Float[Tensor, "ray 3"], directions: Float[Tensor, "ray 3"], triangles: Float[Tensor, "triangle 3 3"]
) -> Float[Tensor, "ray triangle"]:
    """The same table as `hit_triangles_solve`, for triangles and directions of all those sizes, without solving.

    Möller and Trumbore 1997, "Fast, minimum storage ray-triangle intersection".
    """
    # TODO: compute p, s, q as in the text, each (ray, triangle, 3); then the determinant; then t, u and v.
    # TODO: which are hits?
    raise NotImplementedError("hit_triangles")


def hit_boxes(
    origins: Float[Tensor, "ray 3"], directions: Float[Tensor, "ray 3"], boxes: Float[Tensor, "box 2 3"]
) -> Float[Tensor, "ray box"]:
    """Gives the t at which each ray enters each box (its lowest corner, its highest):
    0 if the ray starts inside, and inf if it misses.

    The sides of boxes lie along the axes. Boxes may be flat, and their surface belongs to them: a ray that only touches
    one, or runs in one of its faces, meets it. Kay and Kajiya 1986, section 3.

    >>> box = torch.tensor([[[1.0, 1.0, 1.0], [2.0, 2.0, 2.0]]])
    >>> hit_boxes(torch.zeros(2, 3), torch.tensor([[1.0, 1.0, 1.0], [1.0, 0.0, 0.0]]), box).tolist()
    [[1.0], [inf]]
    """
    # TODO: find t at the lower and at the higher plane of every axis, (ray, box, xyz).
    # NaN means along a plane, and in it.
    # TODO: when is the ray between the planes of one axis, and when between those of all?
    raise NotImplementedError("hit_boxes")


def trace_rays(
    origins: Float[Tensor, "ray 3"],
    directions: Float[Tensor, "ray 3"],
    triangles: Float[Tensor, "triangle 3 3"],
    chunk: int = 1024,
    group: int = 128,
) -> tuple[Float[Tensor, "ray"], Int64[Tensor, "ray"]]:
    """Finds the nearest hit of each ray and returns (t, the number of the triangle).
    A ray that hits nothing has (inf, -1).

    Each `group` triangles that follow one another share a box, and only rays that enter it, before what they have hit
    so far, are tried on them, at most `chunk` at a time. So memory is bounded: no tensor holds more than
    12 · chunk · group numbers, or 24 · (rays + triangles), whichever is more. Where two triangles are equally near,
    either will do. There may be any number of rays and triangles, even 0.
    """
    # TODO: make the box around these, and find the rays that enter it before what they have hit so far.
    # TODO: try these rays, chunk by chunk, and keep what is nearer.
    raise NotImplementedError("trace_rays")


# ---- Camera and light ------------------------------------------------------------------------------------------------


def camera_rays(
    position: Float[Tensor, "3"],
    target: Float[Tensor, "3"],
    up: Float[Tensor, "3"],
    fov: float,
    height: int,
    width: int,
) -> tuple[Float[Tensor, "ray 3"], Float[Tensor, "ray 3"]]:
    """Origins and unit directions of a camera's rays, one through each pixel's centre: row by row, upper left first.

    The camera looks from `position` at `target`, which is in the middle of the picture. `up` is what shows upwards in
    the picture: any vector that isn't parallel to the view, of any length. There are `fov` degrees from the picture's
    upper edge to its lower one, and pixels are square.
    """
    # TODO: find unit vectors forward, to the right and (again) up, each at a right angle to the others.
    # TODO: where is each pixel's centre on a screen at distance 1?
    # TODO: make the directions through them.
    raise NotImplementedError("camera_rays")


def triangle_normals(triangles: Float[Tensor, "hit 3 3"], directions: Float[Tensor, "hit 3"]) -> Float[Tensor, "hit 3"]:
    """The unit normal of each triangle, on the side that its ray comes from: at 90° or more to the ray's direction.

    Triangles may be as small as 1e-6 here, too.
    """
    raise NotImplementedError("triangle_normals")


def lambert(
    points: Float[Tensor, "hit 3"], normals: Float[Tensor, "hit 3"], light: Float[Tensor, "3"]
) -> Float[Tensor, "hit"]:
    """How brightly a lamp at `light` lights each point, from 0 to 1: the cosine between the unit normal and the lamp.

    It is 0 where the lamp is behind the surface. How far away the lamp is doesn't matter.
    """
    raise NotImplementedError("lambert")


def in_shadow(
    points: Float[Tensor, "hit 3"],
    normals: Float[Tensor, "hit 3"],
    light: Float[Tensor, "3"],
    triangles: Float[Tensor, "triangle 3 3"],
    offset: float = 1e-3,
) -> Bool[Tensor, "hit"]:
    """True where a triangle lies between the point, moved along its normal by `offset`, and the lamp at `light`."""
    raise NotImplementedError("in_shadow")


def render(
    triangles: Float[Tensor, "triangle 3 3"],
    light: Float[Tensor, "3"],
    origins: Float[Tensor, "ray 3"],
    directions: Float[Tensor, "ray 3"],
    ambient: float = 0.2,
) -> Float[Tensor, "ray"]:
    """The brightness that each ray sees, from 0 to 1. It is 0 where a ray hits nothing.

    A point has the brightness `ambient`, and where no shadow falls, (1 - ambient) times its `lambert` on top.
    """
    # TODO: find the points that were hit, their normals, and their light.
    raise NotImplementedError("render")


def smooth_normals(
    points: Float[Tensor, "hit 3"], triangles: Float[Tensor, "hit 3 3"], corner_normals: Float[Tensor, "hit 3 3"]
) -> Float[Tensor, "hit 3"]:
    """The unit normal at a point of each triangle, mixed from the normals at its corners (Phong 1975).

    The weights add up to 1, and the corners mixed with them give the point. So at a corner the result is that corner's
    normal.
    """
    # TODO: how large is the part of the triangle that lies opposite to each corner?
    # TODO: mix the normals.
    raise NotImplementedError("smooth_normals")


def orbit(target: Float[Tensor, "3"], radius: float, height: float, count: int) -> Float[Tensor, "frame 3"]:
    """`count` camera positions on a circle around the target's vertical (z), `height` above it, evenly spaced.

    The first lies in direction +x, the second from there towards +y, and the last is one step short of the first.
    `count` is at least 1.
    """
    raise NotImplementedError("orbit")


if __name__ == "__main__":
    from pathlib import Path

    from bezier import evaluate_patches, triangulate
    from PIL import Image

    from shared.data.arrays import teapot_patches

    teapot = triangulate(evaluate_patches(teapot_patches(), 8))
    size = 288, 432
    eye, middle, up = torch.tensor([2.0, -8.0, 5.0]), torch.tensor([0.2, 0.0, 1.4]), torch.tensor([0.0, 0.0, 1.0])
    image = render(teapot, torch.tensor([6.0, -6.0, 9.0]), *camera_rays(eye, middle, up, 30, *size)).view(size)
    for row in image.unflatten(0, (-1, 12)).unflatten(2, (-1, 6)).mean(dim=(1, 3)).tolist():
        print("".join(" .:-=+*#%@"[int(value * 9.99)] for value in row).rstrip())
    path = Path(__file__).with_name("teapot.png")
    Image.fromarray((image * 255).byte().numpy()).save(path)
    print(f"{len(teapot):,} triangles, {image.numel():,} rays: {path}")
