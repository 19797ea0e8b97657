"""Your code next to what it replaces, side by side in one run.

    make bench DAY=w1d1 [IMPL=solution]    about two minutes; the rays need trimesh and rtree, which `make setup` brings

Each row is a ratio of medians over several rounds in which the two take turns: machines are noisy, ratios less so.
"""

import argparse
import resource
import statistics
import time
from pathlib import Path

from shared.learner.script import begin

DAY = Path(__file__).resolve().parent
begin(__file__)

import einops
import numpy as np
import puzzles
import torch
from bezier import evaluate_patches, triangulate
from einops_drills import my_rearrange
from raytracer import camera_rays, trace_rays
from regression import solve_normal, solve_qr
from storage import StridedTensor

from shared.data.arrays import mnist, teapot_patches

BATCH = 4096  # rays that trimesh gets at a time: all at once it takes more than 20 GB


def seconds(call) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def compare(name: str, mine, other, rounds: int) -> float:
    """Prints both medians and how many times faster `mine` is; returns that."""
    mine(), other()  # warm up
    times = [(seconds(mine), seconds(other)) for _ in range(rounds)]
    ours, theirs = (statistics.median(column) for column in zip(*times))
    print(f"  {name:42} {ours * 1e3:10.3f} ms {theirs * 1e3:10.3f} ms {theirs / ours:10.2f} times as fast", flush=True)
    return theirs / ours


def heading(text: str, mine: str, other: str) -> None:
    print(f"\n{text:44} {mine:>13} {other:>13}")


def against_loops(rounds: int) -> None:
    heading("puzzles", "without", "with a loop")
    generator = torch.Generator().manual_seed(0)

    def draw(*shape):
        return torch.randn(*shape, generator=generator)

    def ints(high, *shape):
        return torch.randint(high, shape, generator=generator)

    cases = {
        "pairwise_distances": ("(100, 3) and (120, 3)", draw(100, 3), draw(120, 3)),
        "softmax": ("(50, 100)", draw(50, 100)),
        "moving_average": ("10,000, width 7", draw(10_000), 7),
        "add_at": ("10,000 into 100", draw(100), ints(100, 10_000), draw(10_000)),
        "one_hot": ("5,000 labels", ints(10, 5_000), 10),
        "nearest": ("100 targets among 100", draw(100), draw(100)),
        "top_k_accuracy": ("(500, 20)", draw(500, 20), ints(20, 500), 3),
        "game_of_life": ("(40, 60)", ints(2, 40, 60).bool()),
    }
    for name, (size, *arguments) in cases.items():
        fast, slow = getattr(puzzles, name), getattr(puzzles, f"{name}_loop")
        compare(
            f"{name}, {size}",
            lambda fast=fast, arguments=arguments: fast(*arguments),
            lambda slow=slow, arguments=arguments: slow(*arguments),
            rounds,
        )


def against_torch(rounds: int) -> None:
    heading("StridedTensor (in Python) and torch", "mine", "torch")
    numbers = torch.arange(60.0)
    theirs = numbers.view(3, 4, 5)
    mine = StridedTensor(numbers.tolist(), (3, 4, 5))
    compare("permute", lambda: mine.permute(2, 0, 1), lambda: theirs.permute(2, 0, 1), rounds * 20)
    compare("x[1, :, ::2]", lambda: mine[1, :, ::2], lambda: theirs[1, :, ::2], rounds * 20)
    compare("reshape, a view", lambda: mine.reshape(12, 5), lambda: theirs.reshape(12, 5), rounds * 20)
    turned, turned_theirs = mine.permute(2, 0, 1), theirs.permute(2, 0, 1)
    compare("reshape, a copy", lambda: turned.reshape(60), lambda: turned_theirs.reshape(60), rounds * 20)


def against_einops(rounds: int) -> None:
    heading("my_rearrange and einops", "mine", "einops")
    image, pattern = torch.randn(3, 256, 256), "c (h p) (w q) -> (h w) (p q c)"
    compare(
        "patches of 16, (3, 256, 256)",
        lambda: my_rearrange(image, pattern, p=16, q=16),
        lambda: einops.rearrange(image, pattern, p=16, q=16),
        rounds * 5,
    )


def against_lapack(rounds: int) -> None:
    heading("least squares, 5,000 digits, 784 pixels", "mine", "torch's lstsq")
    images, labels, _, _ = mnist()
    generator = torch.Generator().manual_seed(0)
    x = images.flatten(1).double() / 255 + 1e-3 * torch.randn(5000, 784, generator=generator, dtype=torch.float64)
    y = labels.double()
    for solve in (solve_normal, solve_qr):
        name = solve.__name__
        compare(name, lambda solve=solve: solve(x, y), lambda: torch.linalg.lstsq(x, y[:, None]).solution, rounds)


def caster(triangles: torch.Tensor):
    """(origins, directions) -> the triangle of each ray's first hit (-1: none) and its distance; by trimesh."""
    import trimesh
    from trimesh.ray.ray_triangle import RayMeshIntersector

    corners = triangles.double().numpy().reshape(-1, 3)
    mesh = RayMeshIntersector(trimesh.Trimesh(corners, np.arange(len(corners)).reshape(-1, 3), process=False))

    def first(origins: np.ndarray, directions: np.ndarray):
        index, distance = np.full(len(origins), -1), np.full(len(origins), np.inf)
        for i in range(0, len(origins), BATCH):
            o, d = origins[i : i + BATCH], directions[i : i + BATCH]
            at, ray, which = mesh.intersects_location(o, d, multiple_hits=False)
            index[i + ray] = which
            distance[i + ray] = np.linalg.norm(at - o[ray], axis=1)
        return index, distance

    return first


def against_trimesh(rounds: int, n: int = 8, size: int = 512, every: int = 16) -> None:
    """A picture of size × size rays is traced whole; every 16th ray by both, taking turns."""
    triangles = triangulate(evaluate_patches(teapot_patches(), n))
    eye, target, up = torch.tensor([2.0, -8.0, 5.0]), torch.tensor([0.2, 0.0, 1.4]), torch.tensor([0.0, 0.0, 1.0])
    origins, directions = camera_rays(eye, target, up, 40.0, size, size)
    order = torch.randperm(len(origins), generator=torch.Generator().manual_seed(0))
    some = order[: len(origins) // every].sort()[0]
    o, d = origins[some].contiguous(), directions[some].contiguous()
    o64, d64, first = o.double().numpy(), d.double().numpy(), caster(triangles)

    heading(f"rays at the teapot, {len(triangles):,} triangles", "trace_rays", "trimesh")
    compare(f"{len(o):,} rays, first hits", lambda: trace_rays(o, d, triangles), lambda: first(o64, d64), rounds)
    (t, index), (other, distance) = trace_rays(o, d, triangles), first(o64, d64)
    t, index = t.numpy(), index.numpy()
    both, differ = (index >= 0) & (other >= 0), index != other
    # Along an edge or the outline, rounding decides which triangle is hit.
    assert differ.mean() < 2e-3, f"{differ.sum()} of {len(differ)} rays hit another triangle"
    assert (np.abs(t[both] - distance[both]) < 1e-3).mean() > 0.999
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    took = statistics.median(seconds(lambda: trace_rays(origins, directions, triangles)) for _ in range(rounds))
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    print(
        f"  all {len(origins):,} rays ({size} x {size}): {len(origins) / took:,.0f} rays/s, {grown:.0f} MB more memory"
    )
    print(f"  {differ.sum()} of {len(differ):,} rays hit another triangle than trimesh's: edges and outline, rounding")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    rounds = options.rounds
    torch.set_num_threads(options.threads)  # numpy's sums and trimesh run on one
    print(f"{options.threads} thread{'s' * (options.threads > 1)}")
    against_loops(rounds)
    against_torch(rounds)
    against_einops(rounds)
    against_lapack(rounds)
    against_trimesh(max(3, rounds // 2))


if __name__ == "__main__":
    main()
