"""Pictures that are functions: a small network from a place to a colour, drawn at random, then fitted to a photograph.

A picture is not an array here but a network `(x, y, radius) -> (red, green, blue)`; an array is what you get when you
ask it at every pixel of a grid, as coarse or as fine as you like.
"""

import math
import os
from collections.abc import Sequence
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor, nn

# ---- Random pictures -------------------------------------------------------------------------------------------------


def picture_grid(
    height: int, width: int, device: torch.device | None = None, dtype: torch.dtype = torch.float32
) -> Float[Tensor, "height width 3"]:
    """Gives (x, y, radius) for the middle of every pixel, seen from the centre of the picture.

    x grows to the right, y downwards, by the same amount from one pixel to the next; the edges of the shorter side lie
    at -1 and 1, those of the longer one further out. The radius is the distance from the centre. All are rounded once,
    at the end, to `dtype`, which may be one that can't count the pixels: bfloat16 has no number between 256 and 258.

    >>> picture_grid(1, 3).tolist()
    [[[-2.0, 0.0, 2.0], [0.0, 0.0, 0.0], [2.0, 0.0, 2.0]]]
    """
    # TODO: find the middles of the pixels along each side, make a table of both, and add the radius.
    raise NotImplementedError("picture_grid")


class Sine(nn.Module):
    """The sine, as a layer."""

    def forward(self, x: Tensor) -> Tensor:
        return x.sin()


def picture_network(
    width: int = 8, depth: int = 6, inputs: int = 3, gain: float = 3.0, generator: torch.Generator | None = None
) -> nn.Sequential:
    """A random network from `inputs` numbers to a colour between 0 and 1.

    It has `depth` hidden layers (0 or more), each a Linear with `width` outputs and an activation: Sine after the
    first, nn.Tanh after every other. Then come a Linear with 3 outputs, and nn.Sigmoid. Weights are drawn from a normal
    distribution with mean 0 and standard deviation gain / sqrt(inputs of that Linear), biases from one with 0.3. All of
    them come from `generator` (on the CPU; None means torch's own). Stanley 2007.
    """
    # TODO: make the layers, in order.
    # TODO: draw the parameters of every Linear anew.
    raise NotImplementedError("picture_network")


def render_network(
    network: nn.Module, height: int, width: int, extra: Sequence[float] = (), chunk: int = 65536
) -> Float[Tensor, "height width 3"]:
    """Draws the picture: asks `network` at every place of `picture_grid`,
    with the numbers of `extra` behind each place.

    The network takes (points, 3 + len(extra)) and returns (points, 3). It never gets more than `chunk` points in one
    call, so that a poster needs no more memory than a stamp. All of this happens on the device and in the dtype of the
    network's parameters, and no gradients are recorded.
    """
    # TODO: make one row for every pixel, with the extra numbers behind it.
    # TODO: run the network on one chunk after the other.
    raise NotImplementedError("render_network")


def loop_frames(
    network: nn.Module, frames: int, height: int, width: int, reach: float = 0.3
) -> Float[Tensor, "frames height width 3"]:
    """Makes an animation without a seam, with a network that has two more inputs than (x, y, radius).

    Through these, time goes round a circle: in frame i they are reach · cos a and reach · sin a, where the angle a is
    i / frames of a full turn. So the frame after the last would be the first again.
    """
    raise NotImplementedError("loop_frames")


# ---- A photograph as a network ---------------------------------------------------------------------------------------


def psnr(got: Float[Tensor, "*shape"], wanted: Float[Tensor, "*shape"]) -> Float[Tensor, ""]:
    """Peak signal-to-noise ratio in decibels, of values between 0 and 1: -10 · log10 of the mean squared error.

    It is infinite if both are the same.

    >>> round(psnr(torch.tensor([0.5, 0.5]), torch.tensor([0.6, 0.4])).item(), 3)
    20.0
    """
    raise NotImplementedError("psnr")


def fourier_features(
    points: Float[Tensor, "*points d"], frequencies: Float[Tensor, "waves d"]
) -> Float[Tensor, "*points 2*waves"]:
    """Where a point lies on each of many waves: first all the cosines, then all the sines, of 2π · (frequency · point).

    A frequency is a direction, and how many waves there are along one unit of it. Tancik et al. 2020, section 4.

    >>> fourier_features(torch.tensor([0.125, 3.0]), torch.tensor([[1.0, 0.0], [0.0, 0.0]]))
    tensor([0.7071, 1.0000, 0.7071, 0.0000])
    """
    raise NotImplementedError("fourier_features")


def fit_photograph(
    network: nn.Module,
    image: Float[Tensor, "height width 3"],
    frequencies: Float[Tensor, "waves 2"] | None = None,
    steps: int = 200,
    learning_rate: float = 0.01,
) -> Float[Tensor, ""]:
    """Trains `network` to answer with the colour of `image` at every pixel; returns the PSNR it then has.

    The network sees the (x, y) of `picture_grid`. If `frequencies` are given, it sees their `fourier_features` instead,
    and nothing else. Each step is one of Adam's (with torch's defaults, except for the learning rate), on the mean
    squared error over all pixels and colours at once. The PSNR is that of the network after its last step (of 0 or
    more), and requires no gradient.
    """
    # TODO: compute what the network sees at each pixel.
    # TODO: write the training loop, and compute the PSNR at its end.
    raise NotImplementedError("fit_photograph")


# ---- To look at ------------------------------------------------------------------------------------------------------


def colour_network(inputs: int, width: int = 64) -> nn.Sequential:
    """A plain network to fit a photograph with."""
    hidden = [nn.Linear(inputs, width), nn.ReLU(), nn.Linear(width, width), nn.ReLU()]
    return nn.Sequential(*hidden, nn.Linear(width, 3), nn.Sigmoid())


def save_gallery(file: Path, seeds: Sequence[int] = (5, 8, 26, 21, 0, 29), height: int = 300, width: int = 400) -> None:
    """Six random pictures, in two rows."""
    from PIL import Image

    networks = [picture_network(generator=torch.Generator().manual_seed(seed)) for seed in seeds]
    pictures = torch.stack([render_network(network, height, width) for network in networks])
    rows = torch.cat([torch.cat(list(row), dim=1) for row in pictures.split(3)])
    Image.fromarray((rows * 255).byte().numpy()).save(file)


def save_loop(file: Path, seed: int = 5, frames: int = 48) -> None:
    """A moving picture, as a GIF that goes on for ever."""
    from PIL import Image

    network = picture_network(inputs=5, generator=torch.Generator().manual_seed(seed))
    images = [Image.fromarray(f.numpy()) for f in (loop_frames(network, frames, 180, 240) * 255).byte()]
    images[0].save(file, save_all=True, append_images=images[1:], duration=60, loop=0)


def save_fit(file: Path, steps: int = 300) -> dict[str, float]:
    """A photograph, and two networks that learned it; returns their PSNR."""
    from matplotlib import pyplot as plt

    from shared.data.arrays import photograph

    photo = photograph("cat")[:300, :450].float().view(100, 3, 150, 3, 3).mean(dim=(1, 3)) / 255
    frequencies = 3 * torch.randn(64, 2, generator=torch.Generator().manual_seed(0))
    points = picture_grid(100, 150)[..., :2]
    figure, axes = plt.subplots(1, 3, figsize=(12, 3.05), layout="constrained")
    axes[0].imshow(photo)
    axes[0].set_title("the photograph")
    reached = {}
    ways = {"(x, y)": (None, points), "Fourier features": (frequencies, fourier_features(points, frequencies))}
    for axis, (name, (waves, seen)) in zip(axes[1:], ways.items()):
        torch.manual_seed(0)
        network = colour_network(seen.shape[-1])
        reached[name] = fit_photograph(network, photo, waves, steps).item()
        with torch.no_grad():
            axis.imshow(network(seen))
        axis.set_title(f"{name}: {reached[name]:.1f} dB")
    for axis in axes:
        axis.axis("off")
    figure.savefig(file, dpi=100)
    plt.close(figure)
    return reached


if __name__ == "__main__":
    folder = Path(os.environ.get("TMP", "."))
    save_gallery(folder / "mlp_pictures.png")
    save_loop(folder / "loop.gif")
    for name, decibels in save_fit(folder / "fit.png").items():
        print(f"{name:18}{decibels:6.1f} dB")
    print("look at", *(str(folder / file) for file in ("mlp_pictures.png", "loop.gif", "fit.png")))
