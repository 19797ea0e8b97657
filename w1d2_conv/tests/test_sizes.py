"""Tests of sizes.py. The oracles: counting, torch's own shapes, and figures worked out by hand."""

import itertools

import pytest
import sizes
import torch
from torch.nn import functional as F

from shared.checks import close, equal, exercise, raises


def places(size, kernel, stride, padding, dilation):
    """Oracle: the window's first entry goes from place to place, as long as its last entry is on the line."""
    count, first = 0, -padding
    while first + dilation * (kernel - 1) <= size - 1 + padding:
        count, first = count + 1, first + stride
    return count


GRID = list(itertools.product((1, 2, 3, 5), (1, 2, 3, 4), (0, 1, 2, 5), (1, 2, 3)))  # kernel, stride, padding, dilation

# ---- How large? ------------------------------------------------------------------------------------------------------


@exercise("output_size")
@pytest.mark.parametrize(
    "arguments, expected",
    [((7, 3, 2), 3), ((8, 3, 2), 3), ((9, 3, 2), 4), ((224, 7, 2, 3), 112), ((112, 3, 2, 1), 56), ((5, 5), 1)]
    + [((10, 3, 1, 0, 2), 6), ((6, 3, 4, 1, 3), 1)],
    ids=str,
)
def test_places_by_hand(arguments, expected):
    equal(sizes.output_size(*arguments), expected)


@exercise("output_size")
@pytest.mark.parametrize("size", [1, 2, 6, 11, 12])
def test_counts_the_places_of_the_window(size):
    fitting = [(size, *options) for options in GRID if places(size, *options)]
    for arguments in fitting:
        equal(sizes.output_size(*arguments), places(*arguments), name=f"output_size{arguments}")


@exercise("output_size")
def test_sizes_are_exact_however_large():
    equal(sizes.output_size(2**70 + 1, kernel=3, stride=3, padding=2), (2**70 + 2) // 3 + 1)


@exercise("output_size")
@pytest.mark.parametrize(
    "options, window, line",
    [((4, 5), 5, 4), ((1, 3, 2), 3, 1), ((2, 3, 2), 3, 2), ((3, 4, 3), 4, 3), ((4, 9, 5, 2), 9, 8)]
    + [((6, 3, 1, 0, 3), 7, 6), ((6, 4, 2, 1, 3), 10, 8), ((3, 40, 2, 1), 40, 5)],
    ids=str,
)
def test_a_window_that_does_not_fit_is_refused(options, window, line):
    raises(ValueError, sizes.output_size, *options, names=(window, line))


@exercise("transposed_output_size")
@pytest.mark.parametrize(
    "arguments, expected",
    [((3, 3, 2), 7), ((3, 3, 2, 0, 1), 8), ((3, 3, 2, 1, 0, 2), 7), ((3, 3, 2, 1, 1, 2), 8), ((1, 1), 1)]
    + [((4, 4, 2, 1), 8), ((1, 2, 5, 0, 4), 6)],
    ids=str,
)
def test_the_way_back_by_hand(arguments, expected):
    equal(sizes.transposed_output_size(*arguments), expected)


@exercise("transposed_output_size")
@pytest.mark.parametrize("size", [1, 2, 5, 8])
@pytest.mark.parametrize("output_padding", [0, 1, 2])
def test_the_shortest_line_that_has_so_many_places(size, output_padding):
    expected = {}
    for kernel, stride, padding, dilation in GRID:
        lines = itertools.count(dilation * (kernel - 1) + 1 - 2 * padding)
        shortest = next(line for line in lines if places(line, kernel, stride, padding, dilation) == size)
        if output_padding < max(stride, dilation) and shortest + output_padding >= 1:
            expected[size, kernel, stride, padding, output_padding, dilation] = shortest + output_padding
    for arguments, length in expected.items():
        equal(sizes.transposed_output_size(*arguments), length, name=f"transposed_output_size{arguments}")


@exercise("transposed_output_size")
@pytest.mark.parametrize("stride, output_padding", [(2, 0), (2, 1), (3, 2)])
def test_torch_makes_results_of_the_same_length(stride, output_padding):
    for size, kernel, padding, dilation in itertools.product((2, 5), (3, 4), (0, 1), (1, 2)):
        options = {"stride": stride, "padding": padding, "output_padding": output_padding, "dilation": dilation}
        x, weight = torch.empty(1, 1, size, device="meta"), torch.empty(1, 1, kernel, device="meta")
        expected = F.conv_transpose1d(x, weight, **options).shape[2]
        got = sizes.transposed_output_size(size, kernel, **options)
        equal(got, expected, name=f"size {size}, kernel {kernel}, {options}")


@exercise("transposed_output_size")
def test_the_way_back_is_exact_however_large():
    equal(sizes.transposed_output_size(2**70 + 1, kernel=4, stride=3, padding=2), 3 * 2**70)


@exercise("transposed_output_size")
@pytest.mark.parametrize("stride, dilation, output_padding", [(1, 1, 1), (2, 1, 2), (2, 3, 3), (3, 2, 3), (2, 2, 7)])
def test_an_output_padding_too_large_is_refused(stride, dilation, output_padding):
    raises(
        ValueError,
        sizes.transposed_output_size,
        *(5, 3, stride, 0, output_padding, dilation),
        names=output_padding,
    )


@exercise("transposed_output_size")
@pytest.mark.parametrize("arguments, length", [((1, 2, 1, 1), 0), ((2, 1, 2, 2), -1), ((1, 1, 3, 2, 2), -1)], ids=str)
def test_nothing_left_is_refused(arguments, length):
    raises(ValueError, sizes.transposed_output_size, *arguments, names=length)


# ---- How far does it see? --------------------------------------------------------------------------------------------


def seen(layers, place):
    """Oracle: the places of the input that one place of the result depends on, layer by layer from the last one."""
    spots = {place}
    for kernel, stride, dilation in reversed(layers):
        spots = {spot * stride + i * dilation for spot in spots for i in range(kernel)}
    return spots


STACKS = {
    "nothing": [],
    "one layer": [(5, 1, 1)],
    "dilation": [(3, 1, 4)],
    "a stride alone": [(1, 3, 1)],
    "two 3s": [(3, 1, 1), (3, 1, 1)],
    "strides first": [(3, 2, 1), (5, 3, 1), (2, 1, 1)],
    "strides last": [(2, 1, 1), (5, 1, 1), (3, 4, 1)],
    "strides and dilations": [(2, 3, 2), (3, 2, 3), (4, 1, 2), (1, 2, 5)],
    "an even kernel": [(4, 2, 1), (4, 2, 1)],
    "WaveNet": [(2, 1, 2**i) for i in range(8)],
}


@exercise("receptive_field")
@pytest.mark.parametrize("layers", STACKS.values(), ids=STACKS)
def test_field_and_jump_of_a_stack(layers):
    first, second = sorted(seen(layers, 0)), sorted(seen(layers, 1))
    expected = (first[-1] - first[0] + 1, second[0] - first[0])
    equal(sizes.receptive_field(layers), expected, parts=("the field", "the jump"))


@exercise("receptive_field")
def test_resnet18_sees_435_places():
    stem, rest = [(7, 2, 1), (3, 2, 1)], []
    for stride in (1, 2, 2, 2):
        rest += [(3, stride, 1)] + [(3, 1, 1)] * 3
    # By hand: 7 + 2·2 = 11 after the stem, with a jump of 4; then 4·8, 8 + 3·16, 16 + 3·32 and 32 + 3·64 more.
    equal(sizes.receptive_field(stem + rest), (435, 32), parts=("the field", "the jump"))


@exercise("receptive_field")
def test_layers_may_be_any_iterable_and_numbers_may_be_large():
    # Each layer doubles what came before: 1 + 2 · (1 + 2 + 4 + …).
    got = sizes.receptive_field(layer for layer in [(3, 2, 1)] * 70)
    equal(got, (2**71 - 1, 2**70), parts=("the field", "the jump"))


# ---- What does it cost? ----------------------------------------------------------------------------------------------


def counted(height, width, in_channels, out_channels, kernel, stride=1, padding=0, dilation=1, groups=1):
    """Oracle: the numbers in torch's result, each of them a sum over all entries of one of the kernels."""
    x = torch.empty(1, in_channels, height, width, device="meta")  # where tensors take no memory
    weight = torch.empty(out_channels, in_channels // groups, kernel, kernel, device="meta")
    out = F.conv2d(x, weight, None, stride, padding, dilation, groups)
    return out.numel() * weight[0].numel()


@exercise("multiplications")
def test_a_small_picture_by_hand():
    # 3 by 4 places, 3 channels out, and 2 · 3 · 3 products for each.
    equal(sizes.multiplications(5, 6, 2, 3, 3), 12 * 3 * 18)


@exercise("multiplications")
@pytest.mark.parametrize("groups", [1, 2, 6])
@pytest.mark.parametrize(
    "stride, padding, dilation", [(1, 0, 1), (2, 0, 1), (1, 2, 1), (1, 0, 2), (3, 1, 2), (2, 3, 3)]
)
@pytest.mark.parametrize("height, width, kernel", [(11, 8, 3), (7, 12, 2), (9, 10, 1)])
def test_counts_what_torch_would_do(height, width, kernel, stride, padding, dilation, groups):
    arguments = (height, width, 6, 18, kernel, stride, padding, dilation, groups)
    equal(sizes.multiplications(*arguments), counted(*arguments))


@exercise("multiplications")
def test_more_channels_in_than_out():
    equal(sizes.multiplications(9, 7, 12, 8, 3, padding=1, groups=4), counted(9, 7, 12, 8, 3, padding=1, groups=4))


@exercise("multiplications")
def test_counts_are_exact_however_large():
    arguments = (333_331, 444_443, 1001, 3003, 5)
    equal(sizes.multiplications(*arguments), counted(*arguments))


@exercise("multiplications")
@pytest.mark.parametrize("inputs, outputs, groups", [(6, 8, 4), (8, 6, 4), (5, 7, 2), (3, 3, 6)])
def test_groups_that_do_not_divide_the_channels_are_refused(inputs, outputs, groups):
    raises(ValueError, sizes.multiplications, 9, 9, inputs, outputs, 3, groups=groups)


@exercise("multiplications")
@pytest.mark.parametrize("height, width", [(4, 9), (9, 4), (1, 1)])
def test_a_kernel_that_does_not_fit_is_refused(height, width):
    raises(ValueError, sizes.multiplications, height, width, 3, 5, 5)


@exercise("separable_ratio")
@pytest.mark.parametrize("inputs, outputs", [(32, 64), (64, 32), (1, 5), (7, 1), (48, 1000)])
@pytest.mark.parametrize("kernel", [1, 2, 3, 5, 8])
def test_the_share_that_torch_s_layers_have(inputs, outputs, kernel):
    # With results as large as the picture, each weight is used once for every pixel.
    depthwise = torch.nn.Conv2d(inputs, inputs, kernel, groups=inputs, bias=False, device="meta").weight.numel()
    mixing = torch.nn.Conv2d(inputs, outputs, 1, bias=False, device="meta").weight.numel()
    full = torch.nn.Conv2d(inputs, outputs, kernel, bias=False, device="meta").weight.numel()
    close(sizes.separable_ratio(inputs, outputs, kernel), (depthwise + mixing) / full)
