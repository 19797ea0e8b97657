"""Sizes: how large the result of a layer is, how far it sees, and how many multiplications it costs.

There are no tensors here. Everything is a whole number of Python, exact however large, but for one ratio.
"""

from collections.abc import Iterable

# ---- How large? ------------------------------------------------------------------------------------------------------


def output_size(size: int, kernel: int, stride: int = 1, padding: int = 0, dilation: int = 1) -> int:
    """How many places a window of `kernel` entries has on a line of `size` entries, with `padding` more at each end.

    The window's entries lie `dilation` apart, and it moves by `stride`. Raises ValueError if it doesn't fit in at all.
    The message names two lengths: the window's, from its first entry to its last, and the padded line's.

    >>> output_size(7, kernel=3, stride=2), output_size(8, kernel=3, stride=2), output_size(9, kernel=3, stride=2)
    (3, 3, 4)
    """
    # TODO: how long is the window, and how long is the line?
    # TODO: refuse what doesn't fit. Otherwise, count the steps to the last place, and don't forget the first place.
    raise NotImplementedError("output_size")


def transposed_output_size(
    size: int, kernel: int, stride: int = 1, padding: int = 0, output_padding: int = 0, dilation: int = 1
) -> int:
    """How long the result of a transposed convolution is: the way back from `size` places to the line they came from.

    Several lengths lead to the same number of places. With an `output_padding` of 0 this is the shortest of them, and
    `output_padding` is added to it. Raises ValueError, which names the offending number, in two cases: if
    `output_padding` is less than neither `stride` nor `dilation` (torch asks for the same), or if the result would be
    less than 1.

    >>> transposed_output_size(3, kernel=3, stride=2), transposed_output_size(3, kernel=3, stride=2, output_padding=1)
    (7, 8)
    """
    # TODO: undo what output_size does, step by step.
    raise NotImplementedError("transposed_output_size")


# ---- How far does it see? --------------------------------------------------------------------------------------------


def receptive_field(layers: Iterable[tuple[int, int, int]]) -> tuple[int, int]:
    """(field, jump) of a stack of layers, each of them (kernel, stride, dilation), with the first layer first.

    `field` is the length of the stretch of the input that one place of the result depends on, from its first entry to
    its last one. `jump` is how far apart in the input the stretches of two neighbours begin. Without any layers, both
    are 1.

    >>> receptive_field([(7, 2, 1), (3, 2, 1)])
    (11, 4)
    """
    # TODO: this layer's window has some more entries. How far apart are they, counted in the input?
    # TODO: and how far apart are its results?
    raise NotImplementedError("receptive_field")


# ---- What does it cost? ----------------------------------------------------------------------------------------------


def multiplications(
    height: int,
    width: int,
    in_channels: int,
    out_channels: int,
    kernel: int,
    stride: int = 1,
    padding: int = 0,
    dilation: int = 1,
    groups: int = 1,
) -> int:
    """How many multiplications one `conv2d` of one picture of `height` by `width` takes, with a square kernel.

    Multiplications by the zeros of the padding count as well. Raises ValueError if `groups` doesn't divide both
    numbers of channels, and if the kernel doesn't fit (as `output_size` does).

    >>> multiplications(5, 6, in_channels=2, out_channels=3, kernel=3)
    648
    """
    # TODO: how many numbers are in the result, and how many products are summed for each of them?
    raise NotImplementedError("multiplications")


def separable_ratio(in_channels: int, out_channels: int, kernel: int) -> float:
    """The multiplications of a depthwise separable convolution, as a share of those of a full one.

    The full one has a square kernel. The separable one has two steps: a convolution with the same kernel, with each
    channel a group of its own, and then a convolution with a kernel of 1 that mixes the channels. The padding is such
    that all results are as large as the picture. Howard et al. 2017, section 3.1.

    >>> separable_ratio(8, 16, kernel=4)
    0.125
    """
    # TODO: all three are done at every pixel, so count for one pixel.
    raise NotImplementedError("separable_ratio")


# ---- See it ----------------------------------------------------------------------------------------------------------

# Given: each (name, kernel, stride, padding, in_channels, out_channels, how many of them in a row).
RESNET18 = [
    ("conv1", 7, 2, 3, 3, 64, 1),
    ("maxpool", 3, 2, 1, 64, 64, 1),
    ("layer1", 3, 1, 1, 64, 64, 4),
    ("layer2.0", 3, 2, 1, 64, 128, 1),
    ("layer2", 3, 1, 1, 128, 128, 3),
    ("layer3.0", 3, 2, 1, 128, 256, 1),
    ("layer3", 3, 1, 1, 256, 256, 3),
    ("layer4.0", 3, 2, 1, 256, 512, 1),
    ("layer4", 3, 1, 1, 512, 512, 3),
]


def main() -> None:
    print("The main path of ResNet-18, for a picture of 224 by 224\n")
    print("                    size  sees  jump   million multiplications, and if they were depthwise separable")
    size, layers = 224, []
    for name, kernel, stride, padding, inputs, outputs, count in RESNET18:
        for _ in range(count):
            layers.append((kernel, stride, 1))
            cost = multiplications(size, size, inputs, outputs, kernel, stride, padding) / 1e6
            size = output_size(size, kernel, stride, padding)
        field, jump = receptive_field(layers)
        line = f"  {name:9} {count} x {kernel}x{kernel}    {size:3}   {field:3}   {jump:3}"
        if name != "maxpool":
            line += f"   {count * cost:6.1f}"
            try:
                line += f"   {count * cost * separable_ratio(inputs, outputs, kernel):6.1f}"
            except NotImplementedError:
                line += "    bonus"
        print(line)

    print("\nWith 64 channels in and out, at 56 by 56:")
    one, two = multiplications(56, 56, 64, 64, 5, padding=2), 2 * multiplications(56, 56, 64, 64, 3, padding=1)
    for name, layers, cost in (("one 5 x 5", [(5, 1, 1)], one), ("two 3 x 3", [(3, 1, 1)] * 2, two)):
        print(f"  {name}   sees {receptive_field(layers)[0]}   {cost / 1e6:6.1f} million multiplications")


if __name__ == "__main__":
    main()
