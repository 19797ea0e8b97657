"""The finished day at work; writes the README's pictures into images/.

    make demo DAY=w1d1                     about four minutes on two CPU cores
    make demo DAY=w1d1 DEVICE=cuda         the teapot on a GPU
    make demo DAY=w1d1 IMPL=solution       uses the reference code, even when your own has passed

One buffer seen in six ways; what logistic regression learned of ten digits; pictures out of random networks, and a
photograph that a network learned; and the teapot: its depth, its normals, a walk around it, and the portrait.
"""

import itertools
import os
import time
from pathlib import Path

from shared.learner.script import begin

DAY = Path(__file__).resolve().parent
begin(__file__)

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
import numpy_net
import pictures
import regression
import torch
from bezier import evaluate_patches, triangulate
from matplotlib import patheffects
from PIL import Image
from raytracer import camera_rays, in_shadow, lambert, orbit, smooth_normals, trace_rays, triangle_normals
from torch import Tensor
from torch.nn import functional as F

from shared.data.arrays import mnist, teapot_patches

DEVICE = torch.device(os.environ.get("DEVICE", "cpu"))
IMAGES = DAY / "images"

# ---- One buffer, many shapes -----------------------------------------------------------------------------------------


def strided_windows(path: Path) -> None:
    """One buffer of 24 numbers, seen in six ways: only shape and strides differ."""
    buffer = torch.arange(24)
    views = {
        "the buffer": ((24,), (1,)),
        "rows of 6": ((4, 6), (6, 1)),
        "transposed": ((6, 4), (1, 6)),
        "windows of 5": ((8, 5), (1, 1)),
        "a diagonal, repeated": ((4, 4), (7, 0)),
        "2 × 2 blocks": ((2, 3, 2, 2), (12, 2, 6, 1)),
    }
    layout = [["the buffer"] * 5, list(views)[1:]]
    figure, axes = plt.subplot_mosaic(layout, figsize=(13, 4.8), height_ratios=[1, 4], layout="constrained")
    outline = [patheffects.withStroke(linewidth=2, foreground="black")]
    for name, (shape, strides) in views.items():
        cells = torch.as_strided(buffer, shape, strides)
        drawn = cells[None] if cells.ndim == 1 else cells
        if cells.ndim == 4:  # with a gap between the blocks
            drawn = torch.full((5, 8), -1)
            for (i, j, row, column), value in zip(itertools.product(*map(range, shape)), cells.flatten()):
                drawn[3 * i + row, 3 * j + column] = value
        axes[name].imshow(torch.where(drawn < 0, torch.nan, drawn.float()), cmap="turbo", vmin=0, vmax=23)
        for row, column in (drawn >= 0).nonzero().tolist():
            style = dict(ha="center", va="center", fontsize=9, color="white", path_effects=outline)
            axes[name].text(column, row, int(drawn[row, column]), **style)
        between = ", " if cells.ndim == 1 else "\n"
        axes[name].set_title(f"{name}\nshape {shape}{between}strides {strides}", fontsize=10)
        axes[name].axis("off")
    figure.savefig(path, dpi=90)
    plt.close(figure)


# ---- Digits ----------------------------------------------------------------------------------------------------------
def digit_templates(path: Path) -> str:
    """What each digit's weights look for: red where ink speaks for it, blue where ink speaks against it."""
    weights, seen, unseen = regression.recognise(*mnist())
    pictures_of = regression.templates(weights)
    largest = pictures_of.abs().max()
    figure, axes = plt.subplots(2, 5, figsize=(8, 3.5), layout="constrained")
    for digit, axis in enumerate(axes.flat):
        axis.imshow(pictures_of[digit], cmap="RdBu_r", vmin=-largest, vmax=largest)
        axis.set_title(str(digit), fontsize=10)
        axis.axis("off")
    figure.savefig(path, dpi=90)
    plt.close(figure)
    return f"logistic regression: {seen:.1%} of the training digits, {unseen:.1%} of the test digits"


def squared_error(path: Path) -> str:
    """The same network, from the same bad start, learning by cross-entropy and by squared error."""
    x, labels, test_x, test_labels = numpy_net.digits()
    figure, axis = plt.subplots(figsize=(6, 3), layout="constrained")
    said = []
    for loss, name in ((numpy_net.cross_entropy, "cross-entropy"), (numpy_net.squared_error, "squared error")):
        rng = np.random.default_rng(0)
        params = numpy_net.initialize(784, 64, 10, rng)
        params["b2"][0] = 12  # sure that everything is a 0
        curve = [numpy_net.right(params, test_x, test_labels)]
        for _ in range(12):
            params, _ = numpy_net.train(params, x, labels, 1, 32, 0.1, rng, loss=loss)
            curve.append(numpy_net.right(params, test_x, test_labels))
        axis.plot(curve, label=name)
        said.append(f"{name} {curve[1]:.1%} after one epoch, {curve[-1]:.1%} after {12}")
    axis.set_xlabel("epochs")
    axis.set_ylabel("right on test digits")
    axis.legend()
    axis.grid(alpha=0.3)
    figure.savefig(path, dpi=90)
    plt.close(figure)
    return "; ".join(said)


# ---- The teapot ------------------------------------------------------------------------------------------------------

UP, TARGET = torch.tensor([0.0, 0.0, 1.0]), torch.tensor([0.2, 0.0, 1.35])
EYE, LAMP = torch.tensor([3.2, -8.6, 5.0]), torch.tensor([-5.5, -6.0, 10.0])
POT, FLOOR, SKY = torch.tensor([0.93, 0.42, 0.22]), torch.tensor([0.93, 0.90, 0.85]), torch.tensor([0.80, 0.87, 0.94])


def scene(n: int) -> tuple[Tensor, int]:
    """(triangles, how many of them are the teapot's); the last two are the ground, a square of 120."""
    pot = triangulate(evaluate_patches(teapot_patches(), n))
    a, b, c, d = torch.tensor([[-60.0, -60.0, 0.0], [60.0, -60.0, 0.0], [60.0, 60.0, 0.0], [-60.0, 60.0, 0.0]])
    ground = torch.stack([torch.stack([a, b, c]), torch.stack([a, c, d])]) - torch.tensor([0.0, 0.0, 2e-3])
    return torch.cat([pot, ground]).to(DEVICE), len(pot)


def corner_normals(triangles: Tensor) -> Tensor:
    """(triangle, 3, 3): at each corner the mean normal of the triangles that share it, larger ones count more."""
    face = torch.linalg.cross(triangles[:, 1] - triangles[:, 0], triangles[:, 2] - triangles[:, 0])
    _, point = (triangles.flatten(0, 1) * 2000).round().long().unique(dim=0, return_inverse=True)
    total = torch.zeros(int(point.max()) + 1, 3, device=face.device).index_add_(0, point, face.repeat_interleave(3, 0))
    return F.normalize(total, dim=-1)[point].view(-1, 3, 3)


def normals_at(points: Tensor, seen: Tensor, triangles: Tensor, corners: Tensor, directions: Tensor) -> Tensor:
    """Smooth normals on the side of the viewer; those of the facets where they lie far apart: at a crease."""
    flat = triangle_normals(triangles[seen], directions)
    smooth = smooth_normals(points, triangles[seen], corners[seen])
    cosine = (smooth * flat).sum(-1, keepdim=True)
    return torch.where(cosine.abs() > 0.7, smooth * cosine.sign(), flat)


def colours(triangles: Tensor, corners: Tensor, pot: int, origins: Tensor, directions: Tensor, lamp: Tensor) -> Tensor:
    """What each ray sees, as (ray, 3) in linear light."""
    t, index = trace_rays(origins, directions, triangles)
    picture = SKY.to(DEVICE).expand_as(directions).clone()
    hit = index >= 0
    points, seen = origins[hit] + t[hit, None] * directions[hit], index[hit]
    flat = triangle_normals(triangles[seen], directions[hit])
    normals = normals_at(points, seen, triangles, corners, directions[hit])
    light = lambert(points, normals, lamp)
    lit = light > 0  # the others have their back to the lamp, and need no ray to it
    light[lit] *= ~in_shadow(points[lit], flat[lit], lamp, triangles, offset=2e-2)

    # Not only the lamp: the sky lights what looks up more than what looks down, and glaze mirrors the lamp.
    sky = 0.24 + 0.16 * normals[:, 2]
    half = F.normalize(F.normalize(lamp - points, dim=-1) - directions[hit], dim=-1)
    shine = 0.55 * (normals * half).sum(-1).clamp(min=0) ** 60 * (light > 0)
    is_pot = (seen < pot)[:, None]
    colour = torch.where(is_pot, POT.to(DEVICE), FLOOR.to(DEVICE))
    colour = colour * (sky + 0.72 * light)[:, None] + is_pot * shine[:, None]
    haze = (1 - torch.exp(-(((points - TARGET.to(DEVICE)).norm(dim=-1, keepdim=True) / 26) ** 2))) * ~is_pot
    picture[hit] = colour * (1 - haze) + SKY.to(DEVICE) * haze
    return picture


def photograph(eye: Tensor, height: int, width: int, samples: int = 3, n: int = 12) -> Tensor:
    """(height, width, 3), uint8. A pixel is the mean of samples × samples rays, each lit by a lamp of its own: a lamp
    that is a square, not a point, gives a shadow with a soft edge."""
    (triangles, pot), lamps = scene(n), samples**2
    corners = corner_normals(triangles)
    rays = camera_rays(eye, TARGET, UP, 30.0, height * samples, width * samples)
    shape = height, samples, width, samples, 3
    origins, directions = (ray.view(shape).transpose(1, 2).reshape(-1, 3).to(DEVICE) for ray in rays)
    # Within a pixel every lamp once; which ray gets which changes from pixel to pixel, so that no bands are seen.
    order = torch.rand(height * width, lamps, generator=torch.Generator().manual_seed(0)).argsort(dim=1)
    order, colour = order.flatten().to(DEVICE), torch.zeros(len(origins), 3, device=DEVICE)
    for lamp in range(lamps):
        mine = order == lamp
        step = torch.tensor([lamp % samples, lamp // samples, 0.0]) - (samples - 1) / 2
        place = (LAMP + 1.4 / samples * step).to(DEVICE)
        colour[mine] = colours(triangles, corners, pot, origins[mine], directions[mine], place)
    linear = colour.clamp(0, 1).view(height, width, lamps, 3).mean(dim=2)
    return (linear ** (1 / 1.5) * 255).round().byte().cpu()


def save(picture: Tensor, path: Path) -> None:
    Image.fromarray(picture.numpy()).save(path, optimize=True)


def teapot(path: Path) -> None:
    """The teapot on a table, with its shadow."""
    save(photograph(EYE, 360, 540), path)


def depth_and_normals(path: Path) -> None:
    """Left: how far away (near is bright). Right: where the surface looks, (x, y, z) as (red, green, blue)."""
    height, width, samples = 270, 360, 3
    triangles, pot = scene(12)
    triangles = triangles[:pot]
    rays = camera_rays(EYE, TARGET + torch.tensor([0.35, 0.0, 0.0]), UP, 28.0, height * samples, width * samples)
    origins, directions = (ray.to(DEVICE) for ray in rays)
    t, index = trace_rays(origins, directions, triangles)
    hit = index >= 0
    near, far = t[hit].min(), t[hit].max()
    depth = torch.where(hit, 1 - 0.8 * (t - near) / (far - near), 0.05)[:, None].expand(-1, 3)
    normals, points = torch.full_like(depth, 0.05), origins[hit] + t[hit, None] * directions[hit]
    normals[hit] = 0.5 + normals_at(points, index[hit], triangles, corner_normals(triangles), directions[hit]) / 2
    both = torch.stack([depth, normals]).view(2, height, samples, width, samples, 3).mean(dim=(2, 4))
    save((torch.cat([both[0], both[1]], dim=1) * 255).round().byte().cpu(), path)


def frames(path: Path) -> None:
    """Six pictures of a camera that goes round, in two rows."""
    eyes = orbit(TARGET, 9.2, 3.6, 6)
    pictures = torch.stack([photograph(eye, 150, 210) for eye in eyes])
    rows = pictures.view(2, 3, 150, 210, 3).transpose(1, 2).reshape(300, 630, 3)
    save(rows, path)


def main() -> None:
    start = time.perf_counter()
    IMAGES.mkdir(exist_ok=True)
    for draw, name in (
        (strided_windows, "windows"),
        (digit_templates, "digit_templates"),
        (squared_error, "squared_error"),
        (pictures.save_gallery, "mlp_pictures"),
        (pictures.save_fit, "fit"),
        (depth_and_normals, "teapot_depth_normals"),
        (frames, "orbit"),
        (teapot, "teapot"),
    ):
        begun = time.perf_counter()
        said = draw(IMAGES / f"{name}.png")
        print(f"images/{name}.png   {time.perf_counter() - begun:5.1f} s   {said or ''}", flush=True)
    print(f"\n{(time.perf_counter() - start) / 60:.1f} minutes in all, on {DEVICE}")


if __name__ == "__main__":
    main()
