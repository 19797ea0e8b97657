"""Pooling: every window shrinks to one number. And windows as columns, which makes a convolution a matrix product.

Shapes are written `batch channel height width`; `kh` and `kw` are the height and the width of a kernel. The functions
that take a picture keep its dtype and device, leave it as it is, and let gradients through.
"""

import math

import torch
from conv import IntOrPair, pair, windows2d
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

# ---- Pooling ---------------------------------------------------------------------------------------------------------


def count_windows(
    size: int, kernel: int, stride: int = 1, padding: int = 0, dilation: int = 1, ceil_mode: bool = False
) -> int:
    """How many windows there are along one axis of `size` entries with `padding` more at either end.

    The first window starts at the very left of the padding, and each next one `stride` further right. Every window that
    fits counts. In `ceil_mode`, the next one counts too if it sticks out on the right by less than a stride. But it has
    to begin in the input or in the padding on the left, never in the padding on the right. (Nobody asks for ceil mode
    with a padding of more than half of the kernel.) Raises ValueError if there is no window at all.

    >>> count_windows(7, 2, stride=3), count_windows(7, 2, stride=3, ceil_mode=True)
    (2, 3)
    >>> count_windows(3, 2, stride=2, padding=1, ceil_mode=True)
    2
    """
    # TODO: how many steps can the first window take to the right? In ceil mode, round up.
    # TODO: in ceil mode, take a window back that begins in the padding on the right.
    raise NotImplementedError("count_windows")


def max_pool2d(
    x: Float[Tensor, "batch channel height width"],
    kernel_size: IntOrPair,
    stride: IntOrPair | None = None,
    padding: IntOrPair = 0,
    dilation: IntOrPair = 1,
    ceil_mode: bool = False,
) -> Float[Tensor, "batch channel rows columns"]:
    """The largest entry of each window, exactly as it is in x, as torch.nn.functional.max_pool2d.

    There are as many windows along each axis as `count_windows` says. The stride is the kernel's size if it is None.
    What lies outside of x counts as -inf, so it never wins. A window that holds a NaN gives NaN. Where several entries
    of a window are the largest, its gradient goes to one of them, or is shared out between them. Raises ValueError if a
    padding is more than half of the kernel (whatever the dilation), or if no window fits.

    >>> max_pool2d(torch.tensor([[[[-1.0, -2.0]]]]), 3, stride=1, padding=1)
    tensor([[[[-1., -1.]]]])
    """
    # TODO: refuse a padding that is too large, and count the windows.
    # TODO: pad with what never wins. In ceil mode a window sticks out by less than a stride.
    # TODO: take the largest entry of every window.
    raise NotImplementedError("max_pool2d")


def avg_pool2d(
    x: Float[Tensor, "batch channel height width"],
    kernel_size: IntOrPair,
    stride: IntOrPair | None = None,
    padding: IntOrPair = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
) -> Float[Tensor, "batch channel rows columns"]:
    """The sum of each window, divided by how many of its entries count, as torch.nn.functional.avg_pool2d.

    There are as many windows along each axis as `count_windows` says. The stride is the kernel's size if it is None.
    Padding is zeros, and they count unless `count_include_pad` is False. What sticks out beyond the padding, in ceil
    mode, never counts. `divisor_override`, any int but 0, is divided by instead, for every window. An infinity or a NaN
    reaches only the windows that it lies in. Raises ValueError if a padding is more than half of the kernel, if no
    window fits, or if `divisor_override` is 0.

    >>> avg_pool2d(torch.arange(7.0).view(1, 1, 1, 7), (1, 2), stride=3, ceil_mode=True)
    tensor([[[[0.5000, 3.5000, 6.0000]]]])
    """
    # TODO: refuse what has to be refused, and count the windows.
    # TODO: add up each window.
    # TODO: divide by how many entries of each window count: those down it, times those across.
    raise NotImplementedError("avg_pool2d")


def adaptive_avg_pool2d(
    x: Float[Tensor, "batch channel height width"], output_size: int | tuple[int | None, int | None]
) -> Float[Tensor, "batch channel rows columns"]:
    """Averages over a grid of `output_size` (rows, columns) windows, as torch.nn.functional.adaptive_avg_pool2d.

    Along an axis of n entries that becomes m, window i covers the entries from floor(i · n / m) up to, but without,
    ceil((i + 1) · n / m). So windows may overlap, m may be larger than n, and no window is empty. One int stands for
    both axes; a None in a pair keeps the size of that axis. An infinity or a NaN reaches only the windows that it lies
    in.

    >>> adaptive_avg_pool2d(torch.tensor([[[[0.0, 2.0, 4.0, 6.0, 8.0]]]]), (1, 3))
    tensor([[[[1., 4., 7.]]]])
    """
    # TODO: find both sizes of the result.
    # TODO: average along one axis, then along the other.
    raise NotImplementedError("adaptive_avg_pool2d")


# ---- Windows as columns ----------------------------------------------------------------------------------------------


def unfold(
    x: Float[Tensor, "batch channel height width"],
    kernel_size: IntOrPair,
    dilation: IntOrPair = 1,
    padding: IntOrPair = 0,
    stride: IntOrPair = 1,
) -> Float[Tensor, "batch channel*kh*kw places"]:
    """Each window as a column, as torch.nn.functional.unfold. Mind the order of the arguments, which is torch's.

    Down a column: the first channel's window row by row, then the next channel's. From column to column: the windows
    from left to right, then from top to bottom. Padding is zeros, as many as you like. Raises ValueError if no window
    fits.

    >>> unfold(torch.tensor([[[[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]]]), 2)
    tensor([[[1., 2.],
             [2., 3.],
             [4., 5.],
             [5., 6.]]])
    """
    # TODO: pad, take the windows, move what makes up a column to the front, and flatten.
    raise NotImplementedError("unfold")


def fold(
    columns: Float[Tensor, "batch channel*kh*kw places"],
    output_size: IntOrPair,
    kernel_size: IntOrPair,
    dilation: IntOrPair = 1,
    padding: IntOrPair = 0,
    stride: IntOrPair = 1,
) -> Float[Tensor, "batch channel height width"]:
    """Puts each column back where `unfold` took it from, as torch.nn.functional.fold. Where windows overlap, it adds.

    `output_size` is (height, width) of the result, without padding: what lands in the padding is dropped. Raises
    ValueError if `columns` is not what `unfold` makes of a picture of that size: if the length of a column is no
    multiple of kh · kw, or if there is another number of columns.

    >>> fold(torch.ones(1, 4, 2), (2, 3), 2)
    tensor([[[[1., 2., 1.],
              [1., 2., 1.]]]])
    """
    # TODO: refuse columns that don't fit.
    # TODO: for each place in the window, add all windows' entries of that place to a padded picture of zeros.
    # TODO: cut the padding off.
    raise NotImplementedError("fold")


def conv2d_by_unfold(
    x: Float[Tensor, "batch channel height width"],
    weight: Float[Tensor, "out channel kh kw"],
    bias: Float[Tensor, "out"] | None = None,
    stride: IntOrPair = 1,
    padding: IntOrPair = 0,
    dilation: IntOrPair = 1,
) -> Float[Tensor, "batch out rows columns"]:
    """torch.nn.functional.conv2d without groups, as one matrix product: kernels as rows times windows as columns.

    >>> conv2d_by_unfold(torch.tensor([[[[1.0, 2.0, 4.0]]]]), torch.tensor([[[[10.0, 1.0]]]]))
    tensor([[[[12., 24.]]]])
    """
    # TODO: unfold x, flatten the kernels, and multiply.
    # TODO: add the bias, and cut the places into rows and columns.
    raise NotImplementedError("conv2d_by_unfold")


# ---- See it ----------------------------------------------------------------------------------------------------------


def drawn(picture: Float[Tensor, "rows columns"]) -> list[str]:
    """The picture in letters, one line a row; the darkest entry becomes a blank, the brightest an @."""
    picture = (picture - picture.min()) / (picture.max() - picture.min())
    return ["".join(" .:-=+*#%@"[min(int(value * 10), 9)] for value in row) for row in picture.tolist()]


def main() -> None:
    """The cat, 300 x 451 pixels, in 20 x 42 letters; then how many windows see each pixel."""
    from shared.data.arrays import photograph

    grey = photograph("cat").float().mean(2)[None, None]
    average = adaptive_avg_pool2d(grey, (20, 42))
    # Around each pixel the brightest of 15 x 15, or the darkest: the least is the largest of -x, with its sign turned.
    brightest = adaptive_avg_pool2d(max_pool2d(grey, 15, stride=1, padding=7), (20, 42))
    darkest = adaptive_avg_pool2d(-max_pool2d(-grey, 15, stride=1, padding=7), (20, 42))
    print(f"{'the average':44}{'the brightest nearby':44}the darkest nearby")
    for lines in zip(drawn(average[0, 0]), drawn(brightest[0, 0]), drawn(darkest[0, 0]), strict=True):
        print("  ".join(lines))

    for stride in (1, 2):
        ones = torch.ones(1, 1, 7, 7)
        try:
            seen = fold(unfold(ones, 3, stride=stride), (7, 7), 3, stride=stride)
        except NotImplementedError:
            return print("\nwith the bonus exercise fold, you would see here how many windows meet at each pixel")
        print(f"\nhow many windows of 3 x 3 see each pixel at stride {stride}:")
        print("\n".join(" ".join(f"{value:.0f}" for value in row) for row in seen[0, 0].tolist()))


if __name__ == "__main__":
    main()
