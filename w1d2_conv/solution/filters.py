"""Filters: small kernels, made by hand, that blur, sharpen and find edges in a photograph.

A picture is `channel height width`, float32 or float64, usually from 0 (black) to 1. Inside a kernel, x counts places
to the right of the middle, and y counts places below it. The functions that take a picture keep its dtype and device,
leave it as it is, and let gradients through.
"""

import math
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import torch
from conv import conv2d, pad2d
from jaxtyping import Float
from torch import Tensor

from shared.data.arrays import photograph

# ---- One kernel, one picture -----------------------------------------------------------------------------------------


def apply_kernel(
    image: Float[Tensor, "channel height width"], kernel: Float[Tensor, "kh kw"]
) -> Float[Tensor, "channel height width"]:
    """Slides one kernel over each channel by itself. The kernel isn't flipped, as in `conv2d`.

    The result has the picture's shape, dtype and device; `kernel` comes with the same dtype and device. Beyond its
    edges the picture is reflected, and the outermost pixels are not repeated: `a b c` goes on as `b a`. The kernel
    never reaches beyond the first reflection. An infinite pixel shows only in its own channel, where the kernel
    meets it. Raises ValueError, which names both sizes of the kernel, if either is even.

    >>> apply_kernel(torch.tensor([[[1.0, 2.0, 4.0]]]), torch.tensor([[1.0, 0.0, 10.0]])).tolist()
    [[[22.0, 41.0, 22.0]]]
    """
    # BEGIN SOLUTION
    kh, kw = kernel.shape
    # TODO: refuse a kernel that has no middle.
    if kh % 2 == 0 or kw % 2 == 0:
        raise ValueError(f"a kernel of {kh} by {kw} has no middle: both sizes have to be odd")
    # TODO: add the reflected edges, then let each channel be a group of its own.
    channel = image.shape[0]
    padded = pad2d(image[None], kw // 2, kw // 2, kh // 2, kh // 2, mode="reflect")
    weight = kernel.expand(channel, 1, kh, kw)
    return conv2d(padded, weight, groups=channel)[0]
    # END SOLUTION


# ---- Kernels that blur and sharpen -----------------------------------------------------------------------------------


def gaussian_kernel(
    size: int, sigma: float, dtype: torch.dtype = torch.float32, device: torch.device | None = None
) -> Float[Tensor, "size size"]:
    """A round bump in the middle: the entry at (x, y) is proportional to exp(-(x² + y²) / (2 sigma²)); the sum is 1.

    A device of None means the CPU. Raises ValueError if `size` is even, or if `sigma` isn't above 0. A sigma
    above 0 is at least 0.01.

    >>> gaussian_kernel(3, 0.8)
    tensor([[0.0571, 0.1248, 0.0571],
            [0.1248, 0.2725, 0.1248],
            [0.0571, 0.1248, 0.0571]])
    """
    # BEGIN SOLUTION
    if size % 2 == 0 or sigma <= 0:
        raise ValueError(f"size {size} has to be odd, and sigma {sigma} above 0")
    # TODO: how far is each place from the middle? Then make the bump, and let it sum to 1.
    place = torch.arange(size, dtype=dtype, device=device) - size // 2
    bump = torch.exp(-(place[:, None] ** 2 + place[None, :] ** 2) / (2 * sigma**2))
    return bump / bump.sum()
    # END SOLUTION


def sharpen(
    image: Float[Tensor, "channel height width"], amount: float = 1.0, sigma: float = 1.0
) -> Float[Tensor, "channel height width"]:
    """Unsharp masking: the picture, plus `amount` times what a Gaussian blur takes away from it.

    The Gaussian kernel reaches ceil(3 sigma) places to each side of its middle, and the edges are those of
    `apply_kernel`. The result isn't clipped: it may go below 0 and above 1. A negative amount blurs.
    """
    # BEGIN SOLUTION
    # TODO: blur the picture with a kernel of the picture's dtype and device. What is missing from the blurred one?
    size = 2 * math.ceil(3 * sigma) + 1
    blurred = apply_kernel(image, gaussian_kernel(size, sigma, image.dtype, image.device))
    return image + amount * (image - blurred)
    # END SOLUTION


# ---- Kernels that find edges -----------------------------------------------------------------------------------------


def sobel(
    image: Float[Tensor, "channel height width"],
) -> tuple[Float[Tensor, "height width"], Float[Tensor, "height width"]]:
    """How steep the grey picture is at each pixel, and in which direction it gets brighter: (magnitude, angle).

    Grey is the mean over the channels. `gx` is what Sobel's kernel, rows (-1, 0, 1), (-2, 0, 2), (-1, 0, 1), gives with
    `apply_kernel`; `gy` is what the transposed kernel gives. The magnitude is sqrt(gx² + gy²). The angle is in radians,
    from -π to π: 0 where it gets brighter to the right, and π/2 where it gets brighter downwards. Where the magnitude
    is 0, as on a flat area and in the corners, the angle may be anything; nobody asks for gradients of these two.
    """
    # BEGIN SOLUTION
    # TODO: make the picture grey, and keep one channel.
    grey = image.mean(dim=0, keepdim=True)
    # TODO: apply both kernels. Which function of torch gives an angle in all four quadrants?
    to_the_right = grey.new_tensor([[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]])
    gx = apply_kernel(grey, to_the_right)[0]
    gy = apply_kernel(grey, to_the_right.T)[0]
    return torch.sqrt(gx**2 + gy**2), torch.atan2(gy, gx)
    # END SOLUTION


def gabor_kernel(
    size: int,
    wavelength: float,
    angle: float,
    sigma: float,
    phase: float = 0.0,
    dtype: torch.dtype = torch.float32,
    device: torch.device | None = None,
) -> Float[Tensor, "size size"]:
    """Stripes under a round window, minus their mean, so that the entries sum to 0 and a flat area gives 0.

    Before the mean is taken off, the entry at (x, y) is exp(-(x² + y²) / (2 sigma²)) · cos(2π u / wavelength + phase).
    Here u = x cos(angle) + y sin(angle) is how far (x, y) lies in the direction of `angle`, in radians: at angle 0 the
    stripes stand upright, and follow each other to the right. A device of None means the CPU. Raises ValueError if
    `size` is even. Daugman 1985, with a round window.
    """
    # BEGIN SOLUTION
    if size % 2 == 0:
        raise ValueError(f"size {size} has to be odd")
    place = torch.arange(size, dtype=dtype, device=device) - size // 2
    # TODO: which of the two counts along the rows, x or y?
    x, y = place[None, :], place[:, None]
    # TODO: make the window and the wave, multiply them, and take the mean off.
    along = x * math.cos(angle) + y * math.sin(angle)
    window = torch.exp(-(x**2 + y**2) / (2 * sigma**2))
    kernel = window * torch.cos(2 * math.pi * along / wavelength + phase)
    return kernel - kernel.mean()
    # END SOLUTION


def gabor_bank(
    count: int,
    size: int,
    wavelength: float,
    sigma: float,
    dtype: torch.dtype = torch.float32,
    device: torch.device | None = None,
) -> Float[Tensor, "count size size"]:
    """`count` Gabor kernels (at least one) with phase 0, whose angles divide half a turn evenly, beginning at 0."""
    # BEGIN SOLUTION
    # TODO: the last angle is not π. Why?
    angles = [math.pi * i / count for i in range(count)]
    return torch.stack([gabor_kernel(size, wavelength, a, sigma, dtype=dtype, device=device) for a in angles])
    # END SOLUTION


# ---- Two passes for one ----------------------------------------------------------------------------------------------


def separate(
    kernel: Float[Tensor, "kh kw"], tolerance: float = 1e-5
) -> tuple[Float[Tensor, "kh"], Float[Tensor, "kw"]]:
    """The (column, row) whose product is the kernel: kernel[i, j] = column[i] · row[j].

    Only the product counts: how its size and its sign are shared between the two is up to you. A kernel has such a pair
    if its second singular value is at most `tolerance` times its first one; otherwise this raises ValueError. A kernel
    of zeros has one too, and so does a kernel with a single row or column.

    >>> column, row = separate(torch.tensor([[1.0, 2.0], [3.0, 6.0]]))
    >>> (column[1] * row[1]).round(decimals=4).item()
    6.0
    """
    # BEGIN SOLUTION
    # TODO: how much of the kernel is left when the best single product has been taken out of it?
    u, s, vh = torch.linalg.svd(kernel, full_matrices=False)
    if len(s) > 1 and s[1] > tolerance * s[0]:
        ratio = (s[1] / s[0]).item()
        raise ValueError(f"not separable: the second singular value is {ratio:.2g} of the first, over {tolerance:.2g}")
    # TODO: share the first singular value between the two.
    return u[:, 0] * s[0].sqrt(), vh[0] * s[0].sqrt()
    # END SOLUTION


# ---- Bonus -----------------------------------------------------------------------------------------------------------


def fft_convolve(
    image: Float[Tensor, "channel height width"], kernel: Float[Tensor, "kh kw"]
) -> Float[Tensor, "channel height width"]:
    """The same as `apply_kernel`, edges and errors included, but computed with `torch.fft`.

    So the work hardly depends on the kernel's size: no loop over its places, and no windows. Rounding is relative to
    the largest values of the result, so an infinite pixel may spoil all of them.
    """
    # BEGIN SOLUTION
    height, width = image.shape[1:]
    kh, kw = kernel.shape
    if kh % 2 == 0 or kw % 2 == 0:
        raise ValueError(f"a kernel of {kh} by {kw} has no middle: both sizes have to be odd")
    # TODO: reflect the edges, go to frequencies and multiply. How do you keep the kernel from being flipped?
    padded = pad2d(image[None], kw // 2, kw // 2, kh // 2, kh // 2, mode="reflect")[0]
    size = padded.shape[1:]
    product = torch.fft.rfft2(padded) * torch.fft.rfft2(kernel, s=size).conj()
    # TODO: come back, and keep the part where no window has wrapped around.
    return torch.fft.irfft2(product, s=size)[:, :height, :width]
    # END SOLUTION


# ---- See it ----------------------------------------------------------------------------------------------------------


def picture(name: str) -> Float[Tensor, "channel height width"]:
    """Given: one of the course's photographs ("astronaut", "cat", "coffee", "rocket"), from 0 to 1."""
    return photograph(name).permute(2, 0, 1).float() / 255


def colours(strength: Float[Tensor, "height width"], turn: Float[Tensor, "height width"]) -> Float[Tensor, "3 h w"]:
    """Given: `strength`, from 0 to 1, as brightness, and `turn`, in radians, as a colour of the colour wheel."""
    return torch.stack([strength * (0.5 + 0.5 * torch.cos(turn - 2 * math.pi * i / 3)) for i in range(3)])


def gallery(image: Float[Tensor, "3 height width"]) -> dict[str, Float[Tensor, "3 height width"]]:
    """Given: what your filters make of one picture, each by its title and from 0 to 1."""
    grey = image.mean(dim=0, keepdim=True)
    magnitude, angle = sobel(image)
    stripes = gabor_bank(8, 13, wavelength=6.0, sigma=2.5).to(image)
    answers = torch.cat([apply_kernel(grey, kernel) for kernel in stripes]).abs()
    strongest, which = answers.max(dim=0)
    emboss = image.new_tensor([[-2, -1, 0], [-1, 1, 1], [0, 1, 2]])
    tiles = {
        "the photograph": image,
        "blurred": apply_kernel(image, gaussian_kernel(13, 2.0).to(image)),
        "sharpened": sharpen(image, amount=2.0, sigma=1.5),
        "embossed": apply_kernel(grey, emboss).expand_as(image),
        "Sobel: how steep, and in which direction": colours((magnitude / magnitude.max()).sqrt(), angle),
        "Gabor: which stripes fit best": colours((strongest / strongest.max()).sqrt(), which * 2 * math.pi / 8),
    }
    return {title: tile.clamp(0, 1) for title, tile in tiles.items()}


def milliseconds(call: Callable[[], object], repeats: int = 3) -> str:
    """Given: the least processor time that `call` took; or a word about it if it needs a bonus that is still to do."""
    times = []
    for _ in range(repeats):
        start = time.process_time()
        try:
            call()
        except NotImplementedError:
            return "   bonus"
        times.append(time.process_time() - start)
    return f"{1000 * min(times):8.1f}"


def in_two_passes(image: Tensor, kernel: Tensor) -> Tensor:
    """Given: what `apply_kernel` gives, first with the column of a separable kernel and then with its row."""
    column, row = separate(kernel)
    return apply_kernel(apply_kernel(image, column[:, None]), row[None, :])


def main() -> None:
    from PIL import Image

    tiles = list(gallery(picture("cat")).items())
    rows = [torch.cat([tile for _, tile in tiles[i : i + 3]], dim=2) for i in (0, 3)]
    pixels = (255 * torch.cat(rows, dim=1)).round().to(torch.uint8).permute(1, 2, 0)
    file = Path(tempfile.gettempdir()) / "byo_filters.png"
    Image.fromarray(pixels.numpy()).save(file)
    print(f"Your filters, on a cat: {file}")
    for title, _ in tiles:
        print(f"  {title}")

    torch.set_num_threads(1)
    grey = picture("cat").mean(dim=0, keepdim=True)
    print("\nA Gaussian blur of the grey cat, in milliseconds\n   kernel    one pass   two passes       FFT")
    for size in (3, 7, 11, 15, 21):
        kernel = gaussian_kernel(size, size / 6)
        ways = (apply_kernel, in_two_passes, fft_convolve)
        one, two, fft = (milliseconds(lambda way=way, kernel=kernel: way(grey, kernel)) for way in ways)
        print(f"  {size:2} x {size:2}  {one}     {two}  {fft}")


if __name__ == "__main__":
    main()
