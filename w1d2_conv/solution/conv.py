"""Convolution: slide a small window over a signal or a picture, and take a weighted sum at each stop.

Shapes are written `batch channel height width`; `kh` and `kw` are the height and the width of a kernel. The functions
work in any floating dtype, for any layout in memory and for an empty batch. They keep the dtype and the device of `x`,
leave their arguments as they are, and let gradients through.
"""

from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor

IntOrPair = int | tuple[int, int]
Mode = Literal["constant", "reflect", "circular"]

# ---- Minimal: nothing but the sum ------------------------------------------------------------------------------------


def conv1d_minimal(
    x: Float[Tensor, "batch channel width"], weight: Float[Tensor, "out channel kw"]
) -> Float[Tensor, "batch out out_width"]:
    """At each place, the sum over channels and window of x · weight. Stride 1, no padding; the kernel isn't flipped.

    The sizes fit: as many channels in `x` as in `weight`, and 1 ≤ kw ≤ width. Then out_width is width - kw + 1. If an
    entry of x is infinite, it shows only where a window holds it.

    >>> conv1d_minimal(torch.tensor([[[1.0, 2.0, 4.0, 8.0]]]), torch.tensor([[[10.0, 1.0]]]))
    tensor([[[12., 24., 48.]]])
    """
    # BEGIN SOLUTION
    batch, channel, width = x.shape
    kw = weight.shape[2]
    # TODO: view every window of x, one behind the other, with as_strided.
    b, c, w = x.stride()
    windows = x.as_strided((batch, channel, width - kw + 1, kw), (b, c, w, w))
    # TODO: multiply each window by each kernel, and sum, with einsum.
    return torch.einsum("bcxk,ock->box", windows, weight)
    # END SOLUTION


def conv2d_minimal(
    x: Float[Tensor, "batch channel height width"], weight: Float[Tensor, "out channel kh kw"]
) -> Float[Tensor, "batch out out_height out_width"]:
    """As `conv1d_minimal`, with windows that slide down as well as to the right.

    The sizes fit: as many channels in `x` as in `weight`, 1 ≤ kh ≤ height and 1 ≤ kw ≤ width.

    >>> conv2d_minimal(torch.arange(9.0).view(1, 1, 3, 3), torch.tensor([[[[10.0, 1.0], [0.0, 0.0]]]])).tolist()
    [[[[1.0, 12.0], [34.0, 45.0]]]]
    """
    # BEGIN SOLUTION
    batch, channel, height, width = x.shape
    kh, kw = weight.shape[2:]
    # TODO: view every window of x; there are two dims of places now, and two inside a window.
    b, c, h, w = x.stride()
    windows = x.as_strided((batch, channel, height - kh + 1, width - kw + 1, kh, kw), (b, c, h, w, h, w))
    # TODO: multiply and sum.
    return torch.einsum("bcyxhw,ochw->boyx", windows, weight)
    # END SOLUTION


# ---- Padding ---------------------------------------------------------------------------------------------------------


def pad1d(
    x: Float[Tensor, "... width"], left: int, right: int, mode: Mode = "constant", value: float = 0.0
) -> Float[Tensor, "... padded"]:
    """`x` with `left` more entries before it and `right` more behind it, along its last dim, however many dims it has.

    They are all `value` (constant), or what a mirror in the outermost entry shows (reflect: the outermost entry itself
    isn't repeated), or what comes from the other end (circular). A mirror in x shows at most width - 1 entries, and the
    other end has width. Raises a ValueError that names the number at fault if `left` or `right` is negative or more
    than there are to take, and one that names the mode if it is none of the three, even with nothing to pad. `value`
    may be infinite.

    >>> x = torch.tensor([[[1.0, 2.0, 3.0]]])
    >>> for mode in ("constant", "reflect", "circular"):
    ...     print(pad1d(x, 2, 1, mode)[0, 0].tolist())
    [0.0, 0.0, 1.0, 2.0, 3.0, 0.0]
    [3.0, 2.0, 1.0, 2.0, 3.0, 2.0]
    [2.0, 3.0, 1.0, 2.0, 3.0, 1.0]
    """
    # BEGIN SOLUTION
    width = x.shape[-1]
    # TODO: refuse what can't be done.
    if mode not in ("constant", "reflect", "circular"):
        raise ValueError(f"no such mode: {mode!r}")
    most = {"reflect": width - 1, "circular": width}.get(mode)
    for padding in (left, right):
        if padding < 0:
            raise ValueError(f"a padding of {padding} is negative")
        if most is not None and padding > most:
            raise ValueError(f"a padding of {padding} is too much: {mode} has at most {most} entries for it")
    # TODO: make what comes before x and what comes behind it, and join the three.
    if mode == "constant":
        before, behind = (x.new_full((*x.shape[:-1], padding), value) for padding in (left, right))
    elif mode == "reflect":
        before, behind = x[..., 1 : left + 1].flip(-1), x[..., width - 1 - right : width - 1].flip(-1)
    else:
        before, behind = x[..., width - left :], x[..., :right]
    return torch.cat([before, x, behind], dim=-1)
    # END SOLUTION


def pad2d(
    x: Float[Tensor, "batch channel height width"],
    left: int,
    right: int,
    top: int,
    bottom: int,
    mode: Mode = "constant",
    value: float = 0.0,
) -> Float[Tensor, "batch channel padded_height padded_width"]:
    """As `pad1d`, on all four sides: `left` and `right` along the width, `top` and `bottom` along the height.

    The corners are padded too: what stands above a place that was padded on the left is its mirror image (reflect), or
    what comes from below it (circular). Raises what `pad1d` raises, for each side.

    >>> pad2d(torch.ones(1, 1, 1, 2), left=1, right=0, top=0, bottom=2).tolist()
    [[[[0.0, 1.0, 1.0], [0.0, 0.0, 0.0], [0.0, 0.0, 0.0]]]]
    """
    # BEGIN SOLUTION
    # TODO: pad the height, then the width, with pad1d.
    taller = pad1d(x.transpose(-2, -1), top, bottom, mode, value).transpose(-2, -1)
    return pad1d(taller, left, right, mode, value)
    # END SOLUTION


# ---- The parts of everything -----------------------------------------------------------------------------------------


def pair(value: IntOrPair) -> tuple[int, int]:
    """(height, width) of an option that may be one int for both: a tuple, whatever came in.

    `value` is an int, or a tuple (a torch.Size, say) or list of two ints. Anything else, a word for example, is a
    ValueError that names what came.

    >>> pair(3), pair((3, 5))
    ((3, 3), (3, 5))
    """
    # BEGIN SOLUTION
    both = (value, value) if isinstance(value, int) else value
    if not isinstance(both, tuple | list) or len(both) != 2 or not all(isinstance(one, int) for one in both):
        raise ValueError(f"an int or a pair of ints was expected, not {value!r}")
    return tuple(both)
    # END SOLUTION


def windows2d(
    x: Float[Tensor, "batch channel height width"],
    kernel_size: IntOrPair,
    stride: IntOrPair = 1,
    dilation: IntOrPair = 1,
) -> Float[Tensor, "batch channel out_height out_width kh kw"]:
    """Every window of `x`, as a view in the memory of x that copies nothing.

    Entry [n, c, i, j, p, q] is x[n, c, stride · i + dilation · p, stride · j + dilation · q], where stride and dilation
    are those of the height for i and p, and those of the width for j and q. There are as many windows as lie inside x
    from end to end. Raises ValueError if a kernel size, stride or dilation is below 1, and one that names the kernel's
    size and x's if not even the first window lies inside x.

    >>> windows2d(torch.arange(12.0).view(1, 1, 3, 4), (3, 2), stride=2, dilation=(1, 1))[0, 0, 0, 1].tolist()
    [[2.0, 3.0], [6.0, 7.0], [10.0, 11.0]]
    """
    # BEGIN SOLUTION
    (kh, kw), (sh, sw), (dh, dw) = pair(kernel_size), pair(stride), pair(dilation)
    batch, channel, height, width = x.shape
    if min(kh, kw, sh, sw, dh, dw) < 1:
        raise ValueError(f"kernel size {kh, kw}, stride {sh, sw} and dilation {dh, dw} have to be 1 or more")
    # TODO: work out how far a window reaches, and refuse one that reaches out of x.
    reach_h, reach_w = dh * (kh - 1) + 1, dw * (kw - 1) + 1
    if reach_h > height or reach_w > width:
        raise ValueError(
            f"no kernel of {kh, kw} with dilation {dh, dw}, {reach_h, reach_w} in all, fits into {height, width}"
        )
    # TODO: count the windows, and view them.
    out_height, out_width = (height - reach_h) // sh + 1, (width - reach_w) // sw + 1
    b, c, h, w = x.stride()
    return x.as_strided((batch, channel, out_height, out_width, kh, kw), (b, c, h * sh, w * sw, h * dh, w * dw))
    # END SOLUTION


def check_sizes(x: Tensor, weight: Tensor, bias: Tensor | None, groups: int, dims: int) -> None:
    """Given: raises a ValueError that names the sizes, unless these can be convolved. Both tensors have `dims` dims."""
    if x.dim() != dims or weight.dim() != dims:
        raise ValueError(f"x has shape {tuple(x.shape)} and weight {tuple(weight.shape)}: {dims} dims each are needed")
    channel, (out, channel_of_group) = x.shape[1], weight.shape[:2]
    if groups < 1 or out % groups != 0:
        raise ValueError(f"{out} kernels can't be shared out among {groups} groups")
    if channel != groups * channel_of_group:
        raise ValueError(
            f"x has {channel} channels; {groups} groups of kernels with {channel_of_group} channels don't fit"
        )
    if bias is not None and bias.shape != (out,):
        raise ValueError(f"bias has shape {tuple(bias.shape)}, and there are {out} kernels")


def conv1d(
    x: Float[Tensor, "batch channel width"],
    weight: Float[Tensor, "out channel_of_group kw"],
    bias: Float[Tensor, "out"] | None = None,
    stride: int = 1,
    padding: int = 0,
    dilation: int = 1,
    groups: int = 1,
) -> Float[Tensor, "batch out out_width"]:
    """Equal to torch.nn.functional.conv1d, with a padding of zeros that is one int for both sides.

    An infinite entry of x shows only in its own group, where a weight meets it. Raises what `check_sizes` raises if the
    shapes don't fit, and a ValueError if the padding is negative, if a stride or dilation is below 1, or if the kernel
    doesn't fit into the padded x.

    >>> conv1d(torch.ones(1, 2, 4), torch.ones(2, 1, 3), torch.tensor([0.0, 10.0]), padding=1, groups=2).tolist()
    [[[2.0, 3.0, 3.0, 2.0], [12.0, 13.0, 13.0, 12.0]]]
    """
    # BEGIN SOLUTION
    check_sizes(x, weight, bias, groups, dims=3)
    # TODO: pad x, and take its windows: a row is a picture of height 1.
    padded = pad1d(x, padding, padding)
    windows = windows2d(padded[:, :, None], (1, weight.shape[2]), (1, stride), (1, dilation))[:, :, 0, :, 0]
    # TODO: cut the channels of the windows, and the kernels, into groups; multiply and sum; add the bias.
    windows = windows.unflatten(1, (groups, -1))  # (batch, group, channel_of_group, out_width, kw)
    kernels = weight.unflatten(0, (groups, -1))  # (group, out_of_group, channel_of_group, kw)
    out = torch.einsum("bgcxk,gock->bgox", windows, kernels).flatten(1, 2)
    return out if bias is None else out + bias[:, None]
    # END SOLUTION


def same_padding(kernel_size: int, dilation: int = 1) -> tuple[int, int]:
    """How much to pad (before, behind) so that a convolution of stride 1 keeps the size: dilation · (kernel_size - 1).

    If that is odd, the extra one goes behind, as in torch.

    >>> same_padding(3), same_padding(4), same_padding(3, dilation=2)
    ((1, 1), (1, 2), (2, 2))
    """
    # BEGIN SOLUTION
    total = dilation * (kernel_size - 1)
    return total // 2, total - total // 2
    # END SOLUTION


def conv2d(
    x: Float[Tensor, "batch channel height width"],
    weight: Float[Tensor, "out channel_of_group kh kw"],
    bias: Float[Tensor, "out"] | None = None,
    stride: IntOrPair = 1,
    padding: IntOrPair | Literal["same", "valid"] = 0,
    dilation: IntOrPair = 1,
    groups: int = 1,
) -> Float[Tensor, "batch out out_height out_width"]:
    """Equal to torch.nn.functional.conv2d: a window that slides, and everything that can be set about it.

    A pair is (height, width). The padding is zeros; "same" keeps height and width, by `same_padding`, and "valid" pads
    nothing. An infinite entry of x shows only in its own group, where a weight meets it. Raises what `check_sizes`
    raises if the shapes don't fit, and a ValueError if padding is "same" and a stride isn't 1, if it is another word or
    negative, if an option is no pair, if a stride or dilation is below 1, or if the kernel doesn't fit into the padded
    x. Dumoulin and Visin 2016, chapter 2.

    >>> x = torch.arange(1.0, 10).view(1, 1, 3, 3)
    >>> conv2d(x, torch.ones(1, 1, 2, 2), torch.tensor([0.5]), stride=(1, 2), padding=(0, 1)).tolist()
    [[[[5.5, 16.5], [11.5, 28.5]]]]
    """
    # BEGIN SOLUTION
    check_sizes(x, weight, bias, groups, dims=4)
    kernel_size, (dh, dw) = weight.shape[2:], pair(dilation)
    # TODO: work out the padding of each of the four sides.
    if padding == "same":
        if pair(stride) != (1, 1):
            raise ValueError(f'padding="same" keeps the size only with a stride of 1, not {stride}')
        top, bottom = same_padding(kernel_size[0], dh)
        left, right = same_padding(kernel_size[1], dw)
    else:
        top, left = bottom, right = pair(0 if padding == "valid" else padding)
    # TODO: pad, take the windows, cut channels and kernels into groups, multiply and sum, add the bias.
    windows = windows2d(pad2d(x, left, right, top, bottom), kernel_size, stride, dilation)
    windows = windows.unflatten(1, (groups, -1))  # (batch, group, channel_of_group, out_height, out_width, kh, kw)
    kernels = weight.unflatten(0, (groups, -1))  # (group, out_of_group, channel_of_group, kh, kw)
    out = torch.einsum("gochw,bgcyxhw->bgoyx", kernels, windows).flatten(1, 2)
    return out if bias is None else out + bias[:, None, None]
    # END SOLUTION


# ---- See it ----------------------------------------------------------------------------------------------------------


def ring(height: int, width: int) -> Float[Tensor, "1 1 height width"]:
    """Given: a picture of a thick ring, 1 where it is and 0 elsewhere."""
    y, x = torch.linspace(-1.2, 1.2, height)[:, None], torch.linspace(-1.2, 1.2, width)
    return ((y**2 + x**2).sqrt() - 0.75).abs().lt(0.3).float()[None, None]


def main() -> None:
    picture = ring(17, 36)
    across = torch.tensor([[[[-1.0, 0.0, 1.0]]]])  # the right neighbour minus the left one
    edges = conv2d(picture, across, padding="same")
    pictures = [("a ring", picture, " #"), ("the right neighbour minus the left one", edges, " +-")]
    for title, values, symbols in pictures:  # symbols[-1] stands for -1
        print(title)
        for row in values[0, 0].int().tolist():
            print("  " + "".join(symbols[value] for value in row))

    photo = torch.zeros(1, 3, 224, 224)
    windows = windows2d(photo, 7)
    print(f"\na picture of 224 x 224 has {photo.numel():,} numbers, and its windows of 7 x 7 have {windows.numel():,}")
    print(f"the windows lie in {windows.untyped_storage().nbytes():,} bytes, the picture in {photo.nbytes:,}")


if __name__ == "__main__":
    main()
