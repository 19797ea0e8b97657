"""Shows the finished day at work on real pictures, and writes the README's pictures into images/.

    make demo DAY=w1d2                     about 15 seconds on two CPU cores
    make demo DAY=w1d2 DEVICE=cuda         the same on a GPU
    make demo DAY=w1d2 IMPL=solution       uses the reference code, even when your own has passed

It filters photographs by hand-made kernels, draws what each norm averages over, and measures how a signal fares on its
way through twenty layers. At last, all layers of the day make a network together. It learns to read handwritten
digits, and its gradients are the ones that you worked out by hand.
"""

import math
import os
import time
from pathlib import Path

from shared.learner.script import begin

DAY = Path(__file__).resolve().parent
begin(__file__)

import filters
import layers
import matplotlib
import torch
from gradients import Conv2dFunction, conv_transpose2d
from layers import cross_entropy, dropout, flatten, kaiming_normal_, linear, relu
from normalize import batch_norm
from pooling import max_pool2d

matplotlib.use("Agg")
import matplotlib.pyplot as plt
from torch import Tensor

from shared.data.arrays import mnist

DEVICE = torch.device(os.environ.get("DEVICE", "cpu"))
IMAGES = DAY / "images"
BLUE, ORANGE, GREY, RED = "#4c78a8", "#d1813c", "#8a8a8a", "#b8434e"


def heading(text: str) -> None:
    print(f"\n{text}\n{'-' * len(text)}", flush=True)


def save(figure, name: str) -> None:
    IMAGES.mkdir(exist_ok=True)
    figure.savefig(IMAGES / name, dpi=130, bbox_inches="tight", pad_inches=0.08)
    plt.close(figure)
    print(f"wrote images/{name}", flush=True)


# ---- Filters ---------------------------------------------------------------------------------------------------------


def gallery() -> None:
    tiles = filters.gallery(filters.picture("cat"))
    figure, grid = plt.subplots(2, 3, figsize=(11.4, 5.4), layout="constrained")
    for axes, (title, tile) in zip(grid.flat, tiles.items()):
        axes.imshow(tile.permute(1, 2, 0))
        axes.set_title(title, fontsize=10)
        axes.axis("off")
    save(figure, "gallery.png")


def kernels() -> None:
    """The kernels behind the gallery: red adds, blue takes away."""
    sobel = torch.tensor([[-1.0, 0.0, 1.0], [-2.0, 0.0, 2.0], [-1.0, 0.0, 1.0]])
    identity = torch.zeros(13, 13)
    identity[6, 6] = 1
    named = {
        "a Gaussian": filters.gaussian_kernel(13, 2.0),
        "sharpen": 3 * identity - 2 * filters.gaussian_kernel(13, 1.5),
        "Sobel, to the right": sobel,
        "Sobel, downwards": sobel.T,
        **{f"Gabor, {22.5 * i:g}°": k for i, k in enumerate(filters.gabor_bank(8, 13, 6.0, 2.5)) if i in (0, 2, 5)},
    }
    figure, grid = plt.subplots(1, len(named), figsize=(11.4, 2), layout="constrained")
    for axes, (title, kernel) in zip(grid, named.items()):
        largest = 0.12 if title == "sharpen" else kernel.abs().max()  # its middle is far larger
        axes.imshow(kernel, cmap="RdBu_r", vmin=-largest, vmax=largest)
        axes.set_title(title, fontsize=9)
        axes.set_xticks([])
        axes.set_yticks([])
    save(figure, "kernels.png")


# ---- What a norm averages over ---------------------------------------------------------------------------------------


def norms() -> None:
    """Four cubes of (batch, channel, place); the cells that share one mean with the front one are coloured."""
    batch, channels, places = 3, 6, 4
    together = {  # which cells share the mean of the first example's first channel
        "batch norm\nover batch and places": lambda n, c: c == 0,
        "layer norm, as in CNNs\nover channels and places": lambda n, c: n == 0,
        "group norm, 2 groups\nover a group and places": lambda n, c: n == 0 and c < 3,
        "instance norm\nover places": lambda n, c: n == 0 and c == 0,
    }
    figure = plt.figure(figsize=(11.4, 3.4), layout="constrained")
    for i, (title, shares) in enumerate(together.items()):
        axes = figure.add_subplot(1, 4, i + 1, projection="3d")
        filled = torch.ones(channels, batch, places, dtype=torch.bool).numpy()
        colour = torch.zeros(channels, batch, places, 4)
        colour[..., :3] = 0.93
        colour[..., 3] = 1
        for c in range(channels):
            for n in range(batch):
                if shares(n, c):
                    colour[c, n] = torch.tensor([*matplotlib.colors.to_rgb(BLUE), 1.0])
        axes.voxels(filled, facecolors=colour.numpy(), edgecolor="#777777", linewidth=0.4)
        axes.set_box_aspect((channels, batch, places))
        axes.view_init(elev=24, azim=-52)
        axes.set_xticks([])
        axes.set_yticks([])
        axes.set_zticks([])
        axes.set_xlabel("channel", labelpad=-12, fontsize=9)
        axes.set_ylabel("batch", labelpad=-12, fontsize=9)
        axes.text2D(0.02, 0.5, "place", rotation=86, fontsize=9, transform=axes.transAxes)
        axes.set_title(title, fontsize=10)
    save(figure, "norms.png")


# ---- Signals ---------------------------------------------------------------------------------------------------------


def checkerboard() -> None:
    """A flat picture through transposed convolutions: where stamps overlap unevenly, a pattern appears."""
    flat = torch.ones(1, 1, 6, 6)
    figure, grid = plt.subplots(1, 3, figsize=(9, 3.2), layout="constrained")
    for axes, (kernel, stride) in zip(grid, ((2, 2), (3, 2), (4, 2))):
        out = conv_transpose2d(flat, torch.ones(1, 1, kernel, kernel), stride=stride)[0, 0]
        shown = axes.imshow(out, cmap="viridis", vmin=0, vmax=4)
        axes.set_title(f"kernel {kernel}, stride {stride}", fontsize=10)
        axes.axis("off")
    figure.colorbar(shown, ax=grid, label="stamps that meet here", ticks=range(5), shrink=0.8)
    save(figure, "checkerboard.png")


def spread() -> None:
    """How large the numbers are on their way through twenty layers with a ReLU each, for each initialisation."""
    ways = {
        "normal, std 0.01": (lambda w: w.normal_(0, 0.01), GREY),
        "normal, std 1": (lambda w: w.normal_(0, 1), RED),
        "Xavier": (layers.xavier_uniform_, ORANGE),
        "Kaiming": (kaiming_normal_, BLUE),
    }
    figure, axes = plt.subplots(figsize=(7, 3.6), layout="constrained")
    for name, (initialise, colour) in ways.items():
        sizes = layers.signal(initialise)
        axes.semilogy((0, *layers.DEPTHS), (1.0, *sizes), "o-", ms=3, color=colour, label=name)
        print(f"  {name:18} after 20 layers: {sizes[-1]:.2g}")
    axes.set_xticks(range(0, 21, 5))
    axes.set_xlabel("layers")
    axes.set_ylabel("root mean square of what comes out")
    axes.legend(frameon=False, fontsize=9)
    axes.spines[["top", "right"]].set_visible(False)
    save(figure, "signal.png")


# ---- All layers together ---------------------------------------------------------------------------------------------


class Reader:
    """Two convolutions, each with a norm, a ReLU and a pool, and a linear layer: every layer is the day's own."""

    def __init__(self):
        generator = torch.Generator().manual_seed(0)
        shapes = {"conv1": (16, 1, 5, 5), "conv2": (32, 16, 3, 3), "head": (10, 32 * 7 * 7)}
        self.weights = {n: kaiming_normal_(torch.empty(s), generator=generator).to(DEVICE) for n, s in shapes.items()}
        for name, width in (("norm1", 16), ("norm2", 32)):
            self.weights[f"{name}.weight"] = torch.ones(width, device=DEVICE)
            self.weights[f"{name}.bias"] = torch.zeros(width, device=DEVICE)
        self.running = {
            n: (torch.zeros(w, device=DEVICE), torch.ones(w, device=DEVICE)) for n, w in (("norm1", 16), ("norm2", 32))
        }
        self.parameters = [weight.requires_grad_() for weight in self.weights.values()]

    def __call__(self, x: Tensor, training: bool = False) -> Tensor:
        for i, padding in ((1, 2), (2, 1)):
            x = Conv2dFunction.apply(x, self.weights[f"conv{i}"], None, 1, padding)
            affine = self.weights[f"norm{i}.weight"], self.weights[f"norm{i}.bias"]
            x = batch_norm(x, *self.running[f"norm{i}"], *affine, training=training)
            x = max_pool2d(relu(x), 2)
        return linear(dropout(flatten(x), 0.2, training), self.weights["head"])


def read_digits(epochs: int = 4, batch: int = 50) -> None:
    x, y, x_test, y_test = mnist()
    x, x_test = ((images.float() / 255 - 0.13)[:, None].to(DEVICE) / 0.31 for images in (x, x_test))
    y, y_test = y.to(DEVICE), y_test.to(DEVICE)
    net = Reader()
    torch.manual_seed(0)
    velocity = [torch.zeros_like(weight) for weight in net.parameters]
    count = sum(weight.numel() for weight in net.parameters)
    print(f"{count:,} parameters, {len(x):,} digits, {epochs} epochs in batches of {batch}")
    steps, step, start = epochs * len(x) // batch, 0, time.perf_counter()
    for epoch in range(epochs):
        for chosen in torch.randperm(len(x)).to(DEVICE).split(batch):
            loss = cross_entropy(net(x[chosen], training=True), y[chosen], label_smoothing=0.05)
            gradients = torch.autograd.grad(loss, net.parameters)
            rate = 0.02 * (1 + math.cos(math.pi * step / steps)) / 2
            step += 1
            with torch.no_grad():
                for weight, gradient, v in zip(net.parameters, gradients, velocity):
                    v.mul_(0.9).add_(gradient)
                    weight -= rate * v
        with torch.no_grad():
            right = (net(x_test).argmax(1) == y_test).float().mean().item()
        print(
            f"  epoch {epoch + 1}: {right:.1%} of the test digits read rightly, {time.perf_counter() - start:.0f} s",
            flush=True,
        )
    draw_misread(net, x_test, y_test)


@torch.no_grad()
def draw_misread(net: Reader, x: Tensor, y: Tensor) -> None:
    """The first test digits that are still read wrongly."""
    guessed = net(x).argmax(1)
    wrong = (guessed != y).nonzero().flatten()[:16].tolist()
    figure, grid = plt.subplots(2, 8, figsize=(9, 2.9), layout="constrained")
    for axes in grid.flat:
        axes.axis("off")
    for axes, i in zip(grid.flat, wrong):
        axes.imshow(x[i, 0].cpu(), cmap="gray_r")
        axes.set_title(f"{y[i]}, read as {guessed[i]}", fontsize=8)
    save(figure, "digits.png")


def main() -> None:
    start = time.perf_counter()
    heading("One photograph, many filters")
    gallery()
    kernels()
    heading("What shares a mean, and where stamps meet")
    norms()
    checkerboard()
    heading("A signal on its way through twenty layers")
    spread()
    heading("A network of your own layers reads digits")
    read_digits()
    print(f"\n{(time.perf_counter() - start) / 60:.1f} minutes in all, on {DEVICE}")


if __name__ == "__main__":
    main()
