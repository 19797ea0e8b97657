"""Tests of conv.py. The oracles: torch's own convolutions, F.pad, Tensor.unfold, and cases worked out by hand."""

import conv
import pytest
import torch
from torch.nn import functional as F

from shared.checks import close, equal, exercise, fail, raises, same_for_any_layout, same_gradients, strided

halves = pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16], ids=str)
modes = pytest.mark.parametrize("mode", ["constant", "reflect", "circular"])


def in_double(call, *inputs, **options):
    """What `call` gives in float64, rounded once, to the dtype of the first input."""
    return call(*(x.double() for x in inputs), **options).to(inputs[0].dtype)


def with_an_infinity(linear, x, place):
    """(x with an infinity at `place`, what `linear` gives then): infinite where the entry counts, else as with a 0."""
    infinite, zero, one = x.clone(), x.clone(), torch.zeros_like(x)
    infinite[place], zero[place], one[place] = torch.inf, 0.0, 1.0
    share = linear(one)
    return infinite, torch.where(share.abs() < 1e-6, linear(zero), share.sign() * torch.inf)


# ---- Minimal ---------------------------------------------------------------------------------------------------------


@exercise("conv1d_minimal")
def test_one_row_by_hand(device):
    x = torch.tensor([[[1.0, 2.0, 4.0, 8.0]]], device=device)
    weight = torch.tensor([[[10.0, 1.0, 0.0]], [[0.0, 0.0, -1.0]]], device=device)
    close(conv.conv1d_minimal(x, weight), torch.tensor([[[12.0, 24.0], [-4.0, -8.0]]], device=device))


@exercise("conv1d_minimal")
@pytest.mark.parametrize("batch, channel, width, out, kw", [(3, 2, 9, 4, 3), (1, 3, 7, 2, 4), (2, 4, 5, 1, 2)])
def test_rows_equal_torch(batch, channel, width, out, kw, draw):
    x, weight = draw(batch, channel, width), draw(out, channel, kw)
    close(conv.conv1d_minimal(x, weight), F.conv1d(x, weight))


@exercise("conv1d_minimal")
@pytest.mark.parametrize("batch, width, kw", [(2, 5, 5), (3, 6, 1), (2, 1, 1), (0, 6, 2)])
def test_kernels_of_all_of_x_or_of_one_entry_and_an_empty_batch(batch, width, kw, draw):
    x, weight = draw(batch, 3, width), draw(4, 3, kw)
    close(conv.conv1d_minimal(x, weight), F.conv1d(x, weight))


@exercise("conv1d_minimal")
def test_a_long_row(draw):
    x, weight = draw(1, 2, 3001), draw(3, 2, 7)
    close(conv.conv1d_minimal(x, weight), F.conv1d(x, weight))


@exercise("conv1d_minimal")
def test_rows_of_any_layout(draw):
    same_for_any_layout(conv.conv1d_minimal, F.conv1d, draw(3, 2, 7), draw(4, 2, 3))


@exercise("conv1d_minimal")
def test_rows_cut_out_of_others(draw):
    x, weight = draw(5, 4, 15), draw(3, 2, 2)
    for view in (x[2:, 1:3, 4::2], x.transpose(1, 2)[:, :2], x[:, :1].expand(-1, 2, -1), x[..., :1].expand(-1, -1, 6)):
        kernel = weight[:, : view.shape[1]] if view.shape[1] < 3 else weight.repeat(1, 2, 1)
        close(conv.conv1d_minimal(view, kernel), F.conv1d(view.contiguous(), kernel.contiguous()))


@exercise("conv1d_minimal")
def test_gradients_of_rows(draw):
    same_gradients(conv.conv1d_minimal, F.conv1d, draw(3, 2, 7), draw(4, 2, 3))


@exercise("conv1d_minimal")
@halves
def test_rows_in_half_precision(dtype, draw):
    x, weight = draw(3, 2, 7).to(dtype), (draw(4, 2, 2) / 2).to(dtype)
    close(conv.conv1d_minimal(x, weight), in_double(F.conv1d, x, weight))


@exercise("conv1d_minimal")
def test_an_infinity_in_a_row_stays_in_its_windows(draw):
    weight = draw(4, 3, 2)
    x, expected = with_an_infinity(lambda x: F.conv1d(x, weight), draw(2, 3, 8), (1, 2, 5))
    close(conv.conv1d_minimal(x, weight), expected)


@exercise("conv2d_minimal")
def test_one_picture_by_hand(device):
    x = torch.tensor([[[[1.0, 2.0, 4.0], [8.0, 16.0, 32.0], [64.0, 128.0, 256.0]]]], device=device)
    weight = torch.tensor([[[[1.0, 0.0], [0.0, 0.0]]], [[[0.0, -1.0], [3.0, 0.0]]]], device=device)
    expected = [[[[1.0, 2.0], [8.0, 16.0]], [[22.0, 44.0], [176.0, 352.0]]]]
    close(conv.conv2d_minimal(x, weight), torch.tensor(expected, device=device))


@exercise("conv2d_minimal")
@pytest.mark.parametrize(
    "batch, channel, height, width, out, kh, kw",
    [(3, 2, 6, 9, 4, 2, 3), (1, 3, 8, 5, 2, 4, 2), (2, 4, 5, 7, 1, 3, 3), (2, 1, 4, 6, 5, 1, 2)],
)
def test_pictures_equal_torch(batch, channel, height, width, out, kh, kw, draw):
    x, weight = draw(batch, channel, height, width), draw(out, channel, kh, kw)
    close(conv.conv2d_minimal(x, weight), F.conv2d(x, weight))


@exercise("conv2d_minimal")
@pytest.mark.parametrize("batch, kh, kw", [(2, 4, 5), (3, 1, 1), (2, 4, 1), (1, 1, 5), (0, 2, 3)])
def test_kernels_of_all_of_the_picture_or_of_one_pixel_and_an_empty_batch(batch, kh, kw, draw):
    x, weight = draw(batch, 3, 4, 5), draw(2, 3, kh, kw)
    close(conv.conv2d_minimal(x, weight), F.conv2d(x, weight))


@exercise("conv2d_minimal")
def test_pictures_of_any_layout(draw):
    same_for_any_layout(conv.conv2d_minimal, F.conv2d, draw(3, 2, 5, 7), draw(4, 2, 3, 2))


def views_of(draw):
    """Pictures of 2 channels that lie in memory in odd ways."""
    x = draw(4, 6, 11, 13)
    return {
        "cut out": x[1:, 2:4, 3:, 5:],
        "every third": x[::2, ::3, ::3, 1::2],
        "transposed": x.transpose(2, 3)[:, :2],
        "channels last": x[:, :2].contiguous(memory_format=torch.channels_last),
        "one channel expanded": x[:, :1].expand(-1, 2, -1, -1),
        "one row expanded": x[:, :2, 4:5].expand(-1, -1, 7, -1),
        "one column expanded": x[:, 2:4, :, 6:7].expand(-1, -1, -1, 8),
    }


views = pytest.mark.parametrize("view", list(views_of(torch.rand)))


@exercise("conv2d_minimal")
@views
def test_pictures_that_are_views(view, draw):
    x, weight = views_of(draw)[view], draw(3, 2, 3, 4)
    close(conv.conv2d_minimal(x, weight), F.conv2d(x.clone(memory_format=torch.contiguous_format), weight))


@exercise("conv2d_minimal")
def test_gradients_of_pictures(draw):
    same_gradients(conv.conv2d_minimal, F.conv2d, draw(3, 2, 5, 7), draw(4, 2, 3, 2))


@exercise("conv2d_minimal")
@halves
def test_pictures_in_half_precision(dtype, draw):
    x, weight = draw(3, 2, 4, 5).to(dtype), (draw(4, 2, 1, 2) / 2).to(dtype)
    close(conv.conv2d_minimal(x, weight), in_double(F.conv2d, x, weight))


@exercise("conv2d_minimal")
def test_an_infinity_in_a_picture_stays_in_its_windows(draw):
    weight = draw(4, 3, 2, 3)
    x, expected = with_an_infinity(lambda x: F.conv2d(x, weight), draw(2, 3, 6, 7), (1, 2, 3, 1))
    close(conv.conv2d_minimal(x, weight), expected)


# ---- Padding ---------------------------------------------------------------------------------------------------------


def torch_pad(x, *paddings, mode="constant", value=None):
    return F.pad(x, paddings, mode, value)


@exercise("pad1d")
@pytest.mark.parametrize(
    "mode, expected",
    [
        ("constant", [0.0, 0.0, 0.0, 1.0, 2.0, 3.0, 4.0, 0.0]),
        ("reflect", [4.0, 3.0, 2.0, 1.0, 2.0, 3.0, 4.0, 3.0]),
        ("circular", [2.0, 3.0, 4.0, 1.0, 2.0, 3.0, 4.0, 1.0]),
    ],
)
def test_a_row_padded_by_hand(mode, expected, device):
    x = torch.tensor([[[1.0, 2.0, 3.0, 4.0]]], device=device)
    close(conv.pad1d(x, 3, 1, mode), torch.tensor([[expected]], device=device))


@exercise("pad1d")
@modes
@pytest.mark.parametrize("left, right", [(1, 3), (3, 1), (0, 2), (2, 0), (0, 0), (4, 4)])
def test_rows_are_padded_at_both_ends(left, right, mode, draw):
    x = draw(3, 2, 5)
    close(conv.pad1d(x, left, right, mode), torch_pad(x, left, right, mode=mode))


@exercise("pad1d")
@pytest.mark.parametrize("left, right", [(5, 5), (5, 0), (0, 5), (1, 5)])
def test_a_circle_goes_round_once(left, right, draw):
    x = draw(2, 3, 5)
    close(conv.pad1d(x, left, right, "circular"), torch_pad(x, left, right, mode="circular"))
    close(conv.pad1d(x[..., :1], 1, 1, "circular"), x[..., :1].repeat(1, 1, 3), name="a single entry")


@exercise("pad1d")
@pytest.mark.parametrize("left, right", [(7, 9), (0, 1001)])
def test_constants_may_be_more_than_x(left, right, draw):
    x = draw(2, 3, 4)
    close(conv.pad1d(x, left, right), torch_pad(x, left, right))


@exercise("pad1d")
@pytest.mark.parametrize("value", [2.5, -1.0, float("inf"), -float("inf")])
def test_constants_other_than_zero(value, draw):
    x = draw(2, 3, 4)
    close(conv.pad1d(x, 2, 1, "constant", value), torch_pad(x, 2, 1, value=value))


@exercise("pad1d")
def test_the_value_matters_to_constant_padding_only(draw):
    x = draw(2, 3, 4)
    for mode in ("reflect", "circular"):
        close(conv.pad1d(x, 2, 1, mode, 7.0), torch_pad(x, 2, 1, mode=mode))


@exercise("pad1d")
@modes
def test_infinite_entries_are_padded_like_others(mode, device):
    x = torch.tensor([[[-torch.inf, 1.0, 2.0, torch.inf]]], device=device)
    close(conv.pad1d(x, 2, 3, mode), torch_pad(x, 2, 3, mode=mode))


@exercise("pad1d")
@modes
def test_an_empty_batch_is_padded(mode, draw):
    x = draw(0, 2, 5)
    close(conv.pad1d(x, 1, 3, mode), draw(0, 2, 9))


@exercise("pad1d")
@modes
@pytest.mark.parametrize("leading", [(), (3,), (2, 3, 4)], ids=str)
def test_there_may_be_any_dims_in_front(leading, mode, draw):
    x = draw(*leading, 5)
    expected = torch_pad(x.reshape(-1, 1, 5), 3, 1, mode=mode).view(*leading, 9)
    close(conv.pad1d(x, 3, 1, mode), expected)


@exercise("pad1d")
@modes
def test_rows_of_any_layout_are_padded(mode, draw):
    def mine(x):
        return conv.pad1d(x, 3, 2, mode)

    def theirs(x):
        return torch_pad(x, 3, 2, mode=mode)

    same_for_any_layout(mine, theirs, draw(3, 2, 5))


@exercise("pad1d")
@modes
def test_padding_has_the_right_gradient(mode, draw):
    def mine(x):
        return conv.pad1d(x, 3, 2, mode)

    def theirs(x):
        return torch_pad(x, 3, 2, mode=mode)

    same_gradients(mine, theirs, draw(3, 2, 5))


@exercise("pad1d")
@halves
@modes
def test_padding_keeps_half_precision(mode, dtype, draw):
    x = draw(3, 2, 5).to(dtype)
    close(conv.pad1d(x, 1, 3, mode), torch_pad(x, 1, 3, mode=mode))


@exercise("pad1d")
def test_constants_in_double_precision_are_not_rounded(device):
    x = torch.ones(2, 1, 3, dtype=torch.float64)
    close(conv.pad1d(x, 1, 2, "constant", 0.1), torch_pad(x, 1, 2, value=0.1))


@exercise("pad1d")
@modes
def test_negative_paddings_are_refused(mode, draw):
    raises(ValueError, conv.pad1d, draw(2, 3, 5), -2, 1, mode, names=-2)
    raises(ValueError, conv.pad1d, draw(2, 3, 5), 1, -1, mode, names=-1)


@exercise("pad1d")
@pytest.mark.parametrize("width", [5, 13, 1])
def test_a_mirror_shows_less_than_x(width, draw):
    x = draw(2, 3, width)
    raises(ValueError, conv.pad1d, x, width, 0, "reflect", names=width)
    raises(ValueError, conv.pad1d, x, 0, width, "reflect", names=width)
    raises(ValueError, conv.pad1d, x, width + 17, 0, "reflect", names=width + 17)


@exercise("pad1d")
@pytest.mark.parametrize("width", [5, 13, 1])
def test_a_circle_has_no_more_than_x(width, draw):
    x = draw(2, 3, width)
    raises(ValueError, conv.pad1d, x, width + 1, 0, "circular", names=width + 1)
    raises(ValueError, conv.pad1d, x, 0, width + 1, "circular", names=width + 1)


@exercise("pad1d")
def test_other_modes_are_refused(draw):
    raises(ValueError, conv.pad1d, draw(2, 3, 5), 1, 1, "mirror", names="mirror")
    raises(ValueError, conv.pad1d, draw(2, 3, 5), 0, 0, "mirror", names="mirror")


@exercise("pad2d")
@pytest.mark.parametrize(
    "mode, expected",
    [
        ("constant", [[9, 9, 9, 9], [9, 1, 2, 3], [9, 4, 5, 6], [9, 9, 9, 9]]),
        ("reflect", [[5, 4, 5, 6], [2, 1, 2, 3], [5, 4, 5, 6], [2, 1, 2, 3]]),
        ("circular", [[6, 4, 5, 6], [3, 1, 2, 3], [6, 4, 5, 6], [3, 1, 2, 3]]),
    ],
)
def test_a_picture_padded_by_hand(mode, expected, device):
    x = torch.tensor([[[[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]]], device=device)
    close(conv.pad2d(x, 1, 0, 1, 1, mode, 9.0), torch.tensor([[expected]], device=device).float())


@exercise("pad2d")
@modes
@pytest.mark.parametrize("sides", [(1, 2, 3, 0), (4, 0, 1, 2), (0, 3, 0, 1), (2, 1, 0, 3), (0, 0, 0, 0)], ids=str)
def test_pictures_are_padded_on_all_sides(sides, mode, draw):
    x = draw(3, 2, 4, 6)
    close(conv.pad2d(x, *sides, mode), torch_pad(x, *sides, mode=mode))


@exercise("pad2d")
@modes
def test_sides_by_name(mode, draw):
    x = draw(1, 2, 5, 4)
    close(conv.pad2d(x, bottom=4, top=1, right=3, left=0, mode=mode), torch_pad(x, 0, 3, 1, 4, mode=mode))


@exercise("pad2d")
@pytest.mark.parametrize("value", [2.5, -float("inf")])
def test_pictures_padded_with_other_values(value, draw):
    x = draw(2, 3, 4, 5)
    close(conv.pad2d(x, 2, 0, 1, 3, value=value), torch_pad(x, 2, 0, 1, 3, value=value))


@exercise("pad2d")
@modes
def test_pictures_of_any_layout_are_padded(mode, draw):
    def mine(x):
        return conv.pad2d(x, 3, 2, 1, 0, mode)

    def theirs(x):
        return torch_pad(x, 3, 2, 1, 0, mode=mode)

    same_for_any_layout(mine, theirs, draw(3, 2, 4, 5))
    for x in views_of(draw).values():
        close(mine(x), theirs(x.clone(memory_format=torch.contiguous_format)))


@exercise("pad2d")
@modes
def test_padding_pictures_has_the_right_gradient(mode, draw):
    def mine(x):
        return conv.pad2d(x, 3, 2, 1, 3, mode)

    def theirs(x):
        return torch_pad(x, 3, 2, 1, 3, mode=mode)

    same_gradients(mine, theirs, draw(3, 2, 4, 5))


@exercise("pad2d")
@halves
@modes
def test_padding_pictures_keeps_half_precision(mode, dtype, draw):
    x = draw(3, 2, 4, 5).to(dtype)
    close(conv.pad2d(x, 1, 3, 2, 0, mode), torch_pad(x, 1, 3, 2, 0, mode=mode))


@exercise("pad2d")
@modes
def test_an_empty_batch_of_pictures_is_padded(mode, draw):
    close(conv.pad2d(draw(0, 2, 4, 5), 1, 3, 2, 0, mode), draw(0, 2, 6, 9))


@exercise("pad2d")
def test_each_side_has_its_own_limit(draw):
    x = draw(2, 3, 4, 7)
    for sides in ((7, 0, 0, 0), (0, 7, 0, 0)):
        raises(ValueError, conv.pad2d, x, *sides, "reflect", names=7)
    for sides in ((0, 0, 4, 0), (0, 0, 0, 4)):
        raises(ValueError, conv.pad2d, x, *sides, "reflect", names=4)
    for sides in ((8, 0, 0, 0), (0, 0, 5, 0)):
        raises(ValueError, conv.pad2d, x, *sides, "circular", names=max(sides))
    close(conv.pad2d(x, 6, 6, 3, 3, "reflect"), torch_pad(x, 6, 6, 3, 3, mode="reflect"))
    close(conv.pad2d(x, 7, 7, 4, 4, "circular"), torch_pad(x, 7, 7, 4, 4, mode="circular"))


@exercise("pad2d")
@modes
def test_negative_sides_are_refused(mode, draw):
    for sides in ((-1, 0, 0, 0), (0, -1, 0, 0), (0, 0, -1, 0), (0, 0, 0, -1), (-1, 1, 1, 1)):
        raises(ValueError, conv.pad2d, draw(2, 3, 4, 5), *sides, mode, names=-1)


@exercise("pad2d")
def test_other_modes_of_padding_pictures_are_refused(draw):
    raises(ValueError, conv.pad2d, draw(2, 3, 4, 5), 1, 1, 1, 1, "replicate", names="replicate")
    raises(ValueError, conv.pad2d, draw(2, 3, 4, 5), 0, 0, 0, 0, "replicate", names="replicate")


# ---- The parts of everything -----------------------------------------------------------------------------------------


@exercise("pair")
@pytest.mark.parametrize("value", [3, 1, 0, 1024])
def test_one_number_is_both(value):
    equal(conv.pair(value), (value, value))


@exercise("pair")
@pytest.mark.parametrize("value", [(3, 5), (5, 3), (0, 2), (4, 4)], ids=str)
def test_two_numbers_stay_as_they_are(value):
    equal(conv.pair(value), value)
    equal(conv.pair(list(value)), value, name="the pair of a list")


@exercise("pair")
def test_the_size_of_a_kernel_is_a_pair():
    height, width = conv.pair(torch.zeros(2, 3, 5, 7).shape[2:])
    equal([height, width], [5, 7], parts=("the height", "the width"))


@exercise("pair")
@pytest.mark.parametrize(
    "value, name",
    [
        ((41, 42, 43), "43"),
        ((41,), "41"),
        ([41], "41"),
        ((), ""),
        ("same", "same"),
        ("41", "41"),
        ((41, 2.5), "2.5"),
        (("41", "42"), "42"),
        (2.5, "2.5"),
        ({41: 1, 42: 2}, "42"),
        ({41, 42}, "42"),
    ],
    ids=str,
)
def test_what_is_no_pair_is_refused_by_name(value, name):
    raises(ValueError, conv.pair, value, names=name)


@exercise("pair")
def test_nothing_and_a_tensor_are_no_pair():
    raises(ValueError, conv.pair, None)
    raises(ValueError, conv.pair, torch.ones(2))


WINDOWS = [
    {"kernel_size": 3},
    {"kernel_size": (2, 3)},
    {"kernel_size": [3, 1], "stride": 2},
    {"kernel_size": (2, 3), "stride": (3, 1)},
    {"kernel_size": (2, 3), "stride": (1, 2), "dilation": 2},
    {"kernel_size": (3, 2), "dilation": (1, 4)},
    {"kernel_size": (3, 2), "stride": 2, "dilation": (2, 3)},
    {"kernel_size": 1, "stride": (2, 20)},
    {"kernel_size": 1, "dilation": 50},
    {"kernel_size": (8, 11)},
    {"kernel_size": (8, 11), "stride": 5},
    {"kernel_size": (2, 3), "dilation": (7, 5)},
]


def every_window(x, kernel_size, stride=1, dilation=1):
    """All windows as a copy, by loops: the definition, read aloud."""
    (kh, kw), (sh, sw), (dh, dw) = (
        value if isinstance(value, tuple | list) else (value, value) for value in (kernel_size, stride, dilation)
    )
    return torch.stack(
        [
            torch.stack(
                [
                    x[:, :, top : top + dh * (kh - 1) + 1 : dh, left : left + dw * (kw - 1) + 1 : dw]
                    for left in range(0, x.shape[3] - dw * (kw - 1), sw)
                ],
                dim=2,
            )
            for top in range(0, x.shape[2] - dh * (kh - 1), sh)
        ],
        dim=2,
    )


def lies_in(view, x):
    """The windows are a view: they lie in the memory of x."""
    if view.untyped_storage().data_ptr() != x.untyped_storage().data_ptr():
        fail("this is a copy; a view was expected, in the memory of x")


@exercise("windows2d")
@pytest.mark.parametrize("options", WINDOWS, ids=str)
def test_windows_hold_what_lies_below_them(options, draw):
    x = draw(3, 2, 8, 11)
    close(conv.windows2d(x, **options), every_window(x, **options))


@exercise("windows2d")
def test_windows_by_hand(device):
    x = torch.arange(30.0, device=device).view(1, 1, 5, 6)
    windows = conv.windows2d(x, 2, (3, 2), (1, 3))
    expected = [[[[0, 3], [6, 9]], [[2, 5], [8, 11]]], [[[18, 21], [24, 27]], [[20, 23], [26, 29]]]]
    close(windows, torch.tensor([[expected]], device=device).float())


@exercise("windows2d")
@pytest.mark.parametrize("options", WINDOWS[:6], ids=str)
def test_windows_copy_nothing(options, draw):
    x = draw(3, 2, 8, 11)
    windows = conv.windows2d(x, **options)
    close(windows, every_window(x, **options))
    lies_in(windows, x)


@exercise("windows2d")
@views
def test_windows_of_a_view(view, draw):
    x = views_of(draw)[view]
    windows = conv.windows2d(x, (3, 2), (1, 2), (1, 3))
    close(windows, every_window(x, (3, 2), (1, 2), (1, 3)))
    lies_in(windows, x)


@exercise("windows2d")
def test_windows_of_any_layout(draw):
    def mine(x):
        return conv.windows2d(x, (2, 3), (2, 1), (2, 1))

    def theirs(x):
        return every_window(x, (2, 3), (2, 1), (2, 1))

    same_for_any_layout(mine, theirs, draw(3, 2, 5, 7))


@exercise("windows2d")
@halves
def test_windows_in_half_precision_and_of_an_empty_batch(dtype, draw):
    for batch in (1, 0):
        x = draw(batch, 2, 5, 7).to(dtype)
        close(conv.windows2d(x, (2, 3), (1, 2)), every_window(x, (2, 3), (1, 2)))


@exercise("windows2d")
def test_gradients_flow_through_windows(draw):
    def mine(x):
        return conv.windows2d(x, (2, 3), (1, 2), (2, 1))

    def theirs(x):
        return every_window(x, (2, 3), (1, 2), (2, 1))

    same_gradients(mine, theirs, draw(3, 2, 5, 7))


@exercise("windows2d")
@pytest.mark.parametrize(
    "kernel_size, names",
    [((19, 2), ("19", "13")), ((2, 29), ("29", "17")), (14, ("14", "13")), ((13, 18), ("18", "17"))],
)
def test_windows_larger_than_the_picture_are_refused(kernel_size, names, draw):
    raises(ValueError, conv.windows2d, draw(2, 3, 13, 17), kernel_size, names=names)


@exercise("windows2d")
def test_windows_that_dilation_spreads_too_far_are_refused(draw):
    x = draw(2, 3, 8, 11)
    raises(ValueError, conv.windows2d, x, (2, 3), dilation=(8, 5))
    raises(ValueError, conv.windows2d, x, (2, 3), dilation=(7, 6))
    raises(ValueError, conv.windows2d, x, (2, 3), stride=9, dilation=10)


@exercise("windows2d")
@pytest.mark.parametrize("option", ["kernel_size", "stride", "dilation"])
@pytest.mark.parametrize("value", [0, -1, (0, 1), (1, 0), (2, -1)], ids=str)
def test_options_below_one_are_refused(option, value, draw):
    raises(ValueError, conv.windows2d, draw(2, 3, 5, 7), **{"kernel_size": 2, option: value})


# ---- conv1d ----------------------------------------------------------------------------------------------------------

ROWS = [
    {},
    {"stride": 2},
    {"padding": 2},
    {"dilation": 3},
    {"groups": 2},
    {"stride": 3, "padding": 1},
    {"stride": 2, "dilation": 2},
    {"padding": 5, "dilation": 2},
    {"groups": 2, "stride": 2},
    {"groups": 2, "padding": 1},
    {"groups": 2, "dilation": 3},
    {"groups": 4},
    {"groups": 4, "stride": 12, "padding": 1, "dilation": 2},
]


def some_conv1d(draw, groups=1, **_):
    """x with 4 channels, 8 kernels and a bias."""
    return draw(3, 4, 11), draw(8, 4 // groups, 3), draw(8)


@exercise("conv1d")
def test_all_options_of_a_row_by_hand(device):
    x = torch.tensor([[[1.0, 2.0, 3.0, 4.0], [10.0, 20.0, 30.0, 40.0]]], device=device)
    weight = torch.tensor([[[1.0, -1.0]], [[2.0, 1.0]]], device=device)
    bias = torch.tensor([0.5, 100.0], device=device)
    # Padded: 0 1 2 3 4 0 and the same times ten. Windows begin at 0 and 3, and hold every second entry.
    expected = torch.tensor([[[-1.5, 3.5], [120.0, 160.0]]], device=device)
    close(conv.conv1d(x, weight, bias, stride=3, padding=1, dilation=2, groups=2), expected)


@exercise("conv1d")
@pytest.mark.parametrize("options", ROWS, ids=str)
def test_conv1d_equals_torch(options, draw):
    x, weight, bias = some_conv1d(draw, **options)
    close(conv.conv1d(x, weight, **options), F.conv1d(x, weight, **options))
    close(conv.conv1d(x, weight, bias, **options), F.conv1d(x, weight, bias, **options), name="with a bias")


@exercise("conv1d")
def test_conv1d_takes_its_options_in_torchs_order(draw):
    x, weight, bias = draw(1, 6, 13), draw(9, 2, 4), draw(9)
    close(conv.conv1d(x, weight, bias, 2, 1, 3, 3), F.conv1d(x, weight, bias, 2, 1, 3, 3))


@exercise("conv1d")
@pytest.mark.parametrize(
    "batch, width, kw, padding, dilation",
    [(2, 5, 5, 0, 1), (3, 5, 9, 2, 1), (1, 1, 1, 0, 4), (2, 7, 3, 0, 3), (0, 5, 2, 1, 1)],
)
def test_conv1d_with_kernels_that_just_fit_and_an_empty_batch(batch, width, kw, padding, dilation, draw):
    inputs = draw(batch, 4, width), draw(6, 2, kw), draw(6)
    options = {"padding": padding, "dilation": dilation, "groups": 2}
    close(conv.conv1d(*inputs, **options), F.conv1d(*inputs, **options))


@exercise("conv1d")
@pytest.mark.parametrize("options", [ROWS[0], ROWS[9], ROWS[-1]], ids=str)
def test_conv1d_of_any_layout(options, draw):
    def mine(*inputs):
        return conv.conv1d(*inputs, **options)

    def theirs(*inputs):
        return F.conv1d(*inputs, **options)

    same_for_any_layout(mine, theirs, *some_conv1d(draw, **options))


@exercise("conv1d")
@pytest.mark.parametrize("options", [ROWS[5], ROWS[10], ROWS[-1]], ids=str)
def test_conv1d_has_the_right_gradients(options, draw):
    def mine(*inputs):
        return conv.conv1d(*inputs, **options)

    def theirs(*inputs):
        return F.conv1d(*inputs, **options)

    same_gradients(mine, theirs, *some_conv1d(draw, **options))


@exercise("conv1d")
@halves
def test_conv1d_in_half_precision(dtype, draw):
    x, weight, bias = draw(3, 4, 7).to(dtype), (draw(6, 2, 2) / 2).to(dtype), draw(6).to(dtype)
    options = {"padding": 1, "groups": 2}
    close(conv.conv1d(x, weight, bias, **options), in_double(F.conv1d, x, weight, bias, **options))


@exercise("conv1d")
@pytest.mark.parametrize(
    "x, weight, bias, groups",
    [
        ((2, 5, 9), (4, 6, 3), None, 1),
        ((2, 1, 9), (4, 6, 3), None, 1),
        ((2, 6, 9), (4, 1, 3), None, 1),
        ((2, 6, 9), (4, 6, 3), None, 2),
        ((2, 6, 9), (4, 2, 3), None, 2),
        ((2, 6, 9), (5, 3, 3), None, 2),
        ((2, 6, 9), (2, 2, 3), None, 3),
        ((2, 6, 9), (4, 6, 3), (3,), 1),
        ((2, 6, 9), (4, 6, 3), (1,), 1),
        ((2, 6, 9), (4, 6, 3), (4, 1), 1),
        ((6, 9), (4, 6, 3), None, 1),
        ((2, 6, 9), (6, 3), None, 1),
        ((2, 6, 9), (4, 6, 3), None, 0),
    ],
    ids=str,
)
def test_rows_whose_shapes_do_not_fit_are_refused(x, weight, bias, groups, draw):
    bias = None if bias is None else draw(*bias)
    raises(ValueError, conv.conv1d, draw(*x), draw(*weight), bias, groups=groups)


@exercise("conv1d")
@pytest.mark.parametrize("options", [ROWS[0], ROWS[2], ROWS[3], ROWS[4], ROWS[-1]], ids=str)
def test_an_infinity_in_a_row_stays_in_its_windows_and_group(options, draw):
    x, weight, _ = some_conv1d(draw, **options)
    x, expected = with_an_infinity(lambda x: F.conv1d(x, weight, **options), x, (1, 3, 4))
    close(conv.conv1d(x, weight, **options), expected)


@exercise("conv1d")
def test_impossible_options_of_rows_are_refused(draw):
    x, weight = draw(2, 3, 7), draw(4, 3, 3)
    raises(ValueError, conv.conv1d, x, draw(4, 3, 8))
    raises(ValueError, conv.conv1d, x, draw(4, 3, 10), padding=1)
    raises(ValueError, conv.conv1d, x, weight, dilation=4)
    raises(ValueError, conv.conv1d, x, weight, padding=-1)
    raises(ValueError, conv.conv1d, x, weight, stride=0)
    raises(ValueError, conv.conv1d, x, weight, dilation=0)
    raises(ValueError, conv.conv1d, x, weight, stride=-1)


# ---- same_padding ----------------------------------------------------------------------------------------------------


@exercise("same_padding")
@pytest.mark.parametrize(
    "kernel_size, dilation, expected",
    [(1, 1, (0, 0)), (2, 1, (0, 1)), (3, 1, (1, 1)), (4, 1, (1, 2)), (7, 1, (3, 3)), (1001, 1, (500, 500))]
    + [
        (1, 9, (0, 0)),
        (2, 5, (2, 3)),
        (3, 2, (2, 2)),
        (4, 3, (4, 5)),
        (4, 2, (3, 3)),
        (5, 3, (6, 6)),
        (6, 7, (17, 18)),
    ],
)
def test_what_keeps_the_size(kernel_size, dilation, expected):
    equal(conv.same_padding(kernel_size, dilation), expected)


@exercise("same_padding")
@pytest.mark.parametrize("kernel_size", [2, 5])
def test_no_dilation_is_a_dilation_of_one(kernel_size):
    equal(conv.same_padding(kernel_size), {2: (0, 1), 5: (2, 2)}[kernel_size])


# ---- conv2d ----------------------------------------------------------------------------------------------------------

PICTURES = [
    {},
    {"stride": (2, 3)},
    {"padding": (2, 1)},
    {"dilation": (1, 3)},
    {"groups": 2},
    {"stride": (1, 2), "padding": 2},
    {"stride": [3, 1], "dilation": (2, 1)},
    {"padding": [0, 3], "dilation": 2},
    {"groups": 2, "stride": 2},
    {"groups": 2, "padding": (1, 0)},
    {"groups": 2, "dilation": (3, 1)},
    {"groups": 4},
    {"groups": 4, "stride": (3, 2), "padding": (4, 1), "dilation": (2, 3)},
    {"padding": "valid"},
    {"padding": "valid", "stride": 2, "groups": 2},
    {"padding": "same"},
    {"padding": "same", "dilation": (2, 1)},
    {"padding": "same", "dilation": [1, 3], "groups": 4},
    {"padding": "same", "stride": (1, 1)},
]


def some_conv2d(draw, groups=1, **_):
    """x with 4 channels, 8 kernels and a bias."""
    return draw(3, 4, 7, 10), draw(8, 4 // groups, 3, 2), draw(8)


@exercise("conv2d")
def test_a_box_over_three_rows_that_are_alike(device):
    x = torch.tensor([[[[6.0, 2.0, 6.0]] * 3]], device=device)
    expected = torch.tensor([[[[16.0, 28.0, 16.0], [24.0, 42.0, 24.0], [16.0, 28.0, 16.0]]]], device=device)
    close(conv.conv2d(x, torch.ones(1, 1, 3, 3, device=device), padding=1), expected)


@exercise("conv2d")
def test_all_options_of_a_picture_by_hand(device):
    x = torch.arange(1.0, 13.0, device=device).view(1, 1, 3, 4)
    weight = torch.tensor([[[[1.0, 10.0], [0.0, -1.0]]]], device=device)
    # One row of zeros above and below. Windows begin at rows 0 and 2 and columns 0 and 1; their columns lie 2 apart.
    expected = torch.tensor([[[[-2.5, -3.5], [64.5, 74.5]]]], device=device)
    got = conv.conv2d(x, weight, torch.tensor([0.5], device=device), (2, 1), (1, 0), (1, 2))
    close(got, expected)


@exercise("conv2d")
@pytest.mark.parametrize("options", PICTURES, ids=str)
def test_conv2d_equals_torch(options, draw):
    x, weight, bias = some_conv2d(draw, **options)
    close(conv.conv2d(x, weight, **options), F.conv2d(x, weight, **options))
    close(conv.conv2d(x, weight, bias, **options), F.conv2d(x, weight, bias, **options), name="with a bias")


@exercise("conv2d")
def test_conv2d_takes_its_options_in_torchs_order(draw):
    x, weight, bias = draw(1, 6, 13, 9), draw(9, 2, 3, 4), draw(9)
    close(conv.conv2d(x, weight, bias, 2, 1, (3, 2), 3), F.conv2d(x, weight, bias, 2, 1, (3, 2), 3))


@exercise("conv2d")
@pytest.mark.parametrize("kh, kw", [(1, 1), (1, 4), (4, 1), (2, 2), (5, 4), (4, 3), (7, 10), (8, 13), (10, 12)])
@pytest.mark.parametrize("dilation", [1, (1, 2), (3, 1)], ids=str)
def test_same_keeps_the_size(kh, kw, dilation, draw):
    inputs = draw(2, 3, 7, 10), draw(4, 3, kh, kw), draw(4)
    close(conv.conv2d(*inputs, padding="same", dilation=dilation), F.conv2d(*inputs, padding="same", dilation=dilation))


@exercise("conv2d")
@pytest.mark.parametrize(
    "batch, height, width, kh, kw, padding, dilation",
    [
        (2, 4, 6, 4, 6, 0, 1),
        (1, 3, 5, 7, 5, (2, 0), 1),
        (3, 1, 1, 1, 1, 0, (3, 5)),
        (2, 7, 5, 3, 2, 0, (3, 4)),
        (0, 4, 6, 2, 3, 1, 1),
        (2, 2, 3, 2, 2, 6, 1),
    ],
)
def test_conv2d_with_kernels_that_just_fit_and_an_empty_batch(batch, height, width, kh, kw, padding, dilation, draw):
    inputs = draw(batch, 4, height, width), draw(6, 2, kh, kw), draw(6)
    options = {"padding": padding, "dilation": dilation, "groups": 2}
    close(conv.conv2d(*inputs, **options), F.conv2d(*inputs, **options))


@exercise("conv2d")
@pytest.mark.parametrize("options", [PICTURES[0], PICTURES[9], PICTURES[12], PICTURES[17]], ids=str)
def test_conv2d_of_any_layout(options, draw):
    def mine(*inputs):
        return conv.conv2d(*inputs, **options)

    def theirs(*inputs):
        return F.conv2d(*inputs, **options)

    same_for_any_layout(mine, theirs, *some_conv2d(draw, **options))


@exercise("conv2d")
@views
def test_conv2d_of_views(view, draw):
    x, weight, bias = views_of(draw)[view], draw(4, 1, 3, 2), draw(4)
    plain = x.clone(memory_format=torch.contiguous_format)
    close(conv.conv2d(x, weight, bias, 2, 1, 1, 2), F.conv2d(plain, weight, bias, 2, 1, 1, 2))


@exercise("conv2d")
def test_conv2d_with_kernels_and_a_bias_that_are_views(draw):
    x, weight = draw(2, 3, 5, 6), draw(4, 3, 2, 3)
    for kernels in (
        weight[:1].expand(4, -1, -1, -1),
        weight[:, :1].expand(-1, 3, -1, -1),
        weight.contiguous(memory_format=torch.channels_last),
        strided(weight),
    ):
        bias = draw(1).expand(4)
        plain = kernels.clone(memory_format=torch.contiguous_format)
        close(conv.conv2d(x, kernels, bias), F.conv2d(x, plain, bias.contiguous()))


@exercise("conv2d")
@pytest.mark.parametrize("options", [PICTURES[5], PICTURES[10], PICTURES[12], PICTURES[16]], ids=str)
def test_conv2d_has_the_right_gradients(options, draw):
    def mine(*inputs):
        return conv.conv2d(*inputs, **options)

    def theirs(*inputs):
        return F.conv2d(*inputs, **options)

    same_gradients(mine, theirs, *some_conv2d(draw, **options))


@exercise("conv2d")
@halves
def test_conv2d_in_half_precision(dtype, draw):
    x, weight, bias = draw(3, 4, 5, 4).to(dtype), (draw(6, 2, 1, 2) / 2).to(dtype), draw(6).to(dtype)
    options = {"padding": (1, 0), "groups": 2}
    close(conv.conv2d(x, weight, bias, **options), in_double(F.conv2d, x, weight, bias, **options))


@exercise("conv2d")
@pytest.mark.parametrize(
    "x, weight, bias, groups",
    [
        ((2, 5, 9, 8), (4, 6, 3, 2), None, 1),
        ((2, 1, 9, 8), (4, 6, 3, 2), None, 1),
        ((2, 6, 9, 8), (4, 1, 3, 2), None, 1),
        ((2, 6, 9, 8), (4, 6, 3, 2), None, 2),
        ((2, 6, 9, 8), (4, 2, 3, 2), None, 2),
        ((2, 6, 9, 8), (5, 3, 3, 2), None, 2),
        ((2, 6, 9, 8), (2, 2, 3, 2), None, 3),
        ((2, 6, 9, 8), (4, 6, 3, 2), (3,), 1),
        ((2, 6, 9, 8), (4, 6, 3, 2), (1,), 1),
        ((2, 6, 9, 8), (4, 6, 3, 2), (4, 1), 1),
        ((6, 9, 8), (4, 6, 3, 2), None, 1),
        ((2, 6, 9, 8), (4, 6, 3), None, 1),
        ((2, 6, 9, 8), (4, 6, 3, 2), None, 0),
    ],
    ids=str,
)
def test_pictures_whose_shapes_do_not_fit_are_refused(x, weight, bias, groups, draw):
    bias = None if bias is None else draw(*bias)
    raises(ValueError, conv.conv2d, draw(*x), draw(*weight), bias, groups=groups)


@exercise("conv2d")
@pytest.mark.parametrize("options", [PICTURES[i] for i in (0, 2, 3, 4, 7, 8, 12, 16)], ids=str)
def test_an_infinity_in_a_picture_stays_in_its_windows_and_group(options, draw):
    x, weight, _ = some_conv2d(draw, **options)
    x, expected = with_an_infinity(lambda x: F.conv2d(x, weight, **options), x, (1, 3, 4, 5))
    close(conv.conv2d(x, weight, **options), expected)


@exercise("conv2d")
def test_same_with_a_stride_is_refused(draw):
    x, weight = draw(2, 3, 5, 6), draw(4, 3, 3, 2)
    for stride in (2, (2, 1), (1, 2)):
        raises(ValueError, conv.conv2d, x, weight, stride=stride, padding="same")


@exercise("conv2d")
def test_impossible_options_of_pictures_are_refused(draw):
    x, weight = draw(2, 3, 5, 6), draw(4, 3, 3, 2)
    raises(ValueError, conv.conv2d, x, draw(4, 3, 6, 1))
    raises(ValueError, conv.conv2d, x, draw(4, 3, 1, 7), padding="valid")
    raises(ValueError, conv.conv2d, x, draw(4, 3, 1, 9), padding=1)
    raises(ValueError, conv.conv2d, x, weight, dilation=(3, 1))
    for option in ("stride", "dilation"):
        for value in (0, (1, 0), (-1, 1), (1, 1, 1), "one"):
            raises(ValueError, conv.conv2d, x, weight, **{option: value})
    for padding in (-1, (0, -1), (-1, 0), "full", "SAME", "ab", (1, 1, 1, 1)):
        raises(ValueError, conv.conv2d, x, weight, padding=padding)
