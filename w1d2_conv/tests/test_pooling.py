"""Tests of pooling.py. The oracles: torch's own pooling, unfold, fold and conv2d, windows placed one by one, and cases
by hand."""

import math
from itertools import product

import pooling
import pytest
import torch
from torch.nn import functional as F

from shared.checks import adjoint, close, equal, exercise, raises, same_for_any_layout, same_gradients

INF = math.inf


def channels_last(x):
    return x.contiguous(memory_format=torch.channels_last)


# ---- How many windows ------------------------------------------------------------------------------------------------


def windows_one_by_one(size, kernel, stride=1, padding=0, dilation=1, ceil_mode=False):
    """Goes from window to window, and looks at where each begins and ends."""
    count, start = 0, -padding
    while True:
        sticks_out = start + dilation * (kernel - 1) + 1 - (size + padding)
        fits = sticks_out <= 0
        may_stick_out = ceil_mode and sticks_out < stride and start < size
        if not fits and not may_stick_out:
            return count
        count, start = count + 1, start + stride


@exercise("count_windows")
def test_windows_by_hand():
    equal(pooling.count_windows(7, 3), 5, name="7 entries, kernel 3, everything else as it is unless told")
    equal(pooling.count_windows(7, 2, stride=3), 2, name="7 entries, kernel 2, stride 3")
    equal(pooling.count_windows(7, 2, stride=3, ceil_mode=True), 3, name="the same in ceil mode")
    equal(pooling.count_windows(112, 3, 2, 1), 56, name="ResNet's pooling: 112 entries, kernel 3, stride 2, padding 1")


@exercise("count_windows")
def test_a_window_may_not_begin_in_the_padding_on_the_right():
    # The second window would begin one place behind the input.
    equal(pooling.count_windows(4, 2, stride=5, ceil_mode=True), 1, name="4 entries, kernel 2, stride 5, ceil mode")
    # Padded, these are 5 entries. The third window would begin at the fifth of them, which is padding.
    equal(pooling.count_windows(3, 2, stride=2, padding=1, ceil_mode=True), 2, name="3 entries, padding 1")
    # One more entry, and it begins in the input.
    equal(pooling.count_windows(4, 3, stride=2, padding=1, ceil_mode=True), 3, name="4 entries, kernel 3, padding 1")
    equal(pooling.count_windows(2, 1, stride=3, ceil_mode=True), 1, name="2 entries, kernel 1, stride 3")


def settings_with_windows(ceil_mode):
    """Sizes, kernels, strides, paddings and dilations that leave at least one window."""
    everything = product((4, 5, 6, 11), (1, 2, 3, 4), (1, 2, 3, 5), (0, 1, 2), (1, 2), [ceil_mode])
    asked = [setting for setting in everything if 2 * setting[3] <= setting[1] or not ceil_mode]
    return [setting for setting in asked if windows_one_by_one(*setting) > 0]


@exercise("count_windows")
@pytest.mark.parametrize("ceil_mode", [False, True], ids=["floor", "ceil"])
def test_counts_as_many_as_one_by_one(ceil_mode):
    for setting in settings_with_windows(ceil_mode):
        words = "{} entries, kernel {}, stride {}, padding {}, dilation {}, ceil_mode {}".format(*setting)
        equal(pooling.count_windows(*setting), windows_one_by_one(*setting), name=words)


@exercise("count_windows")
def test_a_window_that_fits_to_the_last_entry_counts():
    equal(pooling.count_windows(5, 5), 1, name="a kernel as large as the input")
    equal(pooling.count_windows(3, 5, padding=1), 1, name="a kernel as large as the padded input")
    equal(pooling.count_windows(5, 3, dilation=2), 1, name="a dilated kernel as large as the input")


@exercise("count_windows")
def test_no_window_is_an_error():
    raises(ValueError, pooling.count_windows, 4, 5)
    raises(ValueError, pooling.count_windows, 4, 5, stride=2)
    raises(ValueError, pooling.count_windows, 4, 3, dilation=2)
    raises(ValueError, pooling.count_windows, 1, 6, padding=2, stride=3)
    raises(ValueError, pooling.count_windows, 4, 6, stride=2, ceil_mode=True)  # sticks out by a whole stride


@exercise("count_windows")
def test_a_window_larger_than_the_input_may_stick_out_by_less_than_a_stride():
    equal(pooling.count_windows(4, 5, stride=2, ceil_mode=True), 1, name="4 entries, kernel 5, stride 2, ceil mode")
    equal(pooling.count_windows(4, 6, stride=3, ceil_mode=True), 1, name="4 entries, kernel 6, stride 3, ceil mode")


# ---- Max pooling -----------------------------------------------------------------------------------------------------

MAX_SETTINGS = [
    pytest.param((2,), id="kernel 2"),
    pytest.param(((2, 3),), id="kernel (2, 3)"),
    pytest.param((3, 1), id="stride 1"),
    pytest.param((3, 2, 1), id="ResNet's"),
    pytest.param(((3, 4), (2, 1), (1, 2)), id="pairs"),
    pytest.param(((2, 3), (3, 2), 1, (2, 1)), id="dilation"),
    pytest.param(((7, 10), 1), id="a kernel as large as the input"),
    pytest.param((1,), id="kernel 1"),
]


@exercise("max_pool2d")
def test_padding_never_wins(device):
    x = torch.tensor([[[[-1.0, -2.0]]]], device=device)
    close(pooling.max_pool2d(x, 3, stride=1, padding=1), torch.tensor([[[[-1.0, -1.0]]]], device=device))


@exercise("max_pool2d")
@pytest.mark.parametrize("batch", [1, 3])
@pytest.mark.parametrize("setting", MAX_SETTINGS)
def test_max_pool_equals_torchs(setting, batch, draw):
    x = draw(batch, 2, 7, 10)
    close(pooling.max_pool2d(x, *setting), F.max_pool2d(x, *setting))


@exercise("max_pool2d")
def test_max_pool_with_all_its_options_crossed(draw):
    x = draw(2, 3, 5, 8) - 3  # negative, nearly all of it
    for kernel, stride, padding, dilation, ceil in product((2, (3, 2)), (None, 2, (1, 3)), (0, 1), (1, (1, 2)), (0, 1)):
        options = dict(stride=stride, padding=padding, dilation=dilation, ceil_mode=bool(ceil))
        close(pooling.max_pool2d(x, kernel, **options), F.max_pool2d(x, kernel, **options), name=f"{kernel}, {options}")


@exercise("max_pool2d")
def test_maxima_of_any_layout(draw):
    setting = (3, (2, 1), 1, 1, True)
    same_for_any_layout(pooling.max_pool2d, F.max_pool2d, draw(3, 2, 6, 9), *setting)
    x = draw(2, 3, 6, 9)
    close(pooling.max_pool2d(channels_last(x), *setting), F.max_pool2d(x, *setting), name="channels last")


@exercise("max_pool2d")
def test_the_gradient_goes_to_the_winners(draw):
    for setting in ((2,), (3, 1), (3, 2, 1, 1, True), ((2, 3), (1, 2), (0, 1), (3, 2))):
        same_gradients(pooling.max_pool2d, F.max_pool2d, draw(2, 3, 6, 9), *setting, name=str(setting))


@exercise("max_pool2d")
def test_equal_winners_share_no_more_than_there_is(draw):
    x = draw(2, 3, 6, 8).relu().requires_grad_()  # half of it is 0
    out = pooling.max_pool2d(x, (2, 4))
    upstream = draw(*out.shape).abs()
    (gradient,) = torch.autograd.grad(out, x, upstream)
    windows = gradient.unfold(2, 2, 2).unfold(3, 4, 4)
    close(windows.sum((-1, -2)), upstream, name="the sum of each window's gradient")
    lost = x.detach() < out.detach().repeat_interleave(2, 2).repeat_interleave(4, 3)
    close(gradient[lost].abs().sum(), 0.0, name="the gradient of entries that are not the largest")


@exercise("max_pool2d")
def test_an_infinite_input(draw):
    x = draw(2, 3, 6, 8)
    x[:, :, :4] = -INF
    x[0, 1, 5, 7] = INF
    setting = (3, 2, 1)
    close(pooling.max_pool2d(x, *setting), F.max_pool2d(x, *setting))


@exercise("max_pool2d")
def test_the_winners_come_through_unrounded(draw):
    x = draw(2, 3, 6, 8) * 10.0 ** draw.ints(-5, 6, 2, 3, 6, 8)
    equal(pooling.max_pool2d(x, 3, 2, 1), F.max_pool2d(x, 3, 2, 1))


@exercise("max_pool2d")
@pytest.mark.parametrize("spread", [1.0, 1e-9], ids=["wide", "narrow"])
def test_the_winners_keep_all_the_digits_of_float64(spread, draw):
    # In the narrow case all entries are the same number in float32.
    x = 1 + spread * draw(2, 3, 6, 8).double() / 3
    equal(pooling.max_pool2d(x, 3, 2, 1), F.max_pool2d(x, 3, 2, 1))


@exercise("max_pool2d")
@pytest.mark.parametrize("stride", [(3, 1), (1, 3), (4, 2), (2, 4)], ids=str)
def test_in_ceil_mode_each_axis_sticks_out_by_its_own_stride(stride, draw):
    # One height and width of three or four leaves over as much as it can.
    for height, width in product((5, 6, 7, 8), (6, 7, 8, 9)):
        x = draw(1, 2, height, width)
        expected = F.max_pool2d(x, 3, stride, ceil_mode=True)
        close(pooling.max_pool2d(x, 3, stride, ceil_mode=True), expected, name=f"{height} x {width}")


@exercise("max_pool2d")
def test_a_window_with_nothing_but_padding_gives_minus_infinity(draw):
    # The two entries of the one window lie on either side of the input.
    x = draw(2, 3, 2, 2)
    close(pooling.max_pool2d(x, 2, 1, padding=1, dilation=3), torch.full_like(x[:, :, :1, :1], -INF))


@exercise("max_pool2d")
@pytest.mark.parametrize("place", [(0, 0), (2, 3), (5, 7)], ids=str)
def test_nan_passes_on_to_the_windows_that_hold_it(place, draw):
    x = draw(2, 3, 6, 8)
    x[0, 1, place[0], place[1]] = math.nan
    expected = F.max_pool2d(x.nan_to_num(INF), 3, 2, 1)
    close(pooling.max_pool2d(x, 3, 2, 1), torch.where(expected == INF, math.nan, expected))


@exercise("max_pool2d")
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16], ids=str)
def test_max_pool_keeps_half_precision(dtype, draw):
    x = draw(2, 3, 6, 8, dtype=dtype)
    close(pooling.max_pool2d(x, 3, 2, 1), F.max_pool2d(x.float(), 3, 2, 1).to(dtype))


@exercise("max_pool2d")
def test_max_pool_of_an_empty_batch(draw):
    close(pooling.max_pool2d(draw(0, 3, 6, 8), (3, 2), 2, 1), draw(0, 3, 3, 5))


@exercise("max_pool2d")
def test_max_pool_refuses_too_much_padding(draw):
    x = draw(2, 3, 6, 8)
    close(pooling.max_pool2d(x, 4, padding=2), F.max_pool2d(x, 4, padding=2), name="half of the kernel, and no more")
    raises(ValueError, pooling.max_pool2d, x, 3, padding=2)
    raises(ValueError, pooling.max_pool2d, x, (2, 4), padding=2)
    raises(ValueError, pooling.max_pool2d, x, (4, 2), padding=2)
    raises(ValueError, pooling.max_pool2d, x, (4, 2), padding=(1, 2))
    raises(ValueError, pooling.max_pool2d, x, 3, padding=2, dilation=2)


@exercise("max_pool2d")
def test_max_pool_refuses_windows_that_do_not_fit(draw):
    raises(ValueError, pooling.max_pool2d, draw(2, 3, 6, 8), 7)
    raises(ValueError, pooling.max_pool2d, draw(2, 3, 8, 6), 7)
    raises(ValueError, pooling.max_pool2d, draw(2, 3, 6, 8), (2, 5), dilation=2)


# ---- Average pooling -------------------------------------------------------------------------------------------------


@exercise("avg_pool2d")
def test_the_last_window_is_divided_by_what_it_holds(device):
    x = torch.arange(7.0, device=device)
    expected = torch.tensor([0.5, 3.5, 6.0], device=device)
    close(pooling.avg_pool2d(x.view(1, 1, 1, 7), (1, 2), 3, ceil_mode=True), expected.view(1, 1, 1, 3), name="across")
    close(pooling.avg_pool2d(x.view(1, 1, 7, 1), (2, 1), 3, ceil_mode=True), expected.view(1, 1, 3, 1), name="down")


@exercise("avg_pool2d")
def test_padding_counts_unless_told_otherwise(device):
    x = torch.tensor([[[[6.0, 12.0], [18.0, 24.0]]]], device=device)
    close(pooling.avg_pool2d(x, 2, 1, 1)[0, 0, 0], torch.tensor([1.5, 4.5, 3.0], device=device))
    got = pooling.avg_pool2d(x, 2, 1, 1, count_include_pad=False)[0, 0, 0]
    close(got, torch.tensor([6.0, 9.0, 12.0], device=device), name="without padding")


AVERAGE_SETTINGS = [
    pytest.param((2,), id="kernel 2"),
    pytest.param(((2, 3),), id="kernel (2, 3)"),
    pytest.param((3, 1), id="stride 1"),
    pytest.param((3, 2, 1), id="padding"),
    pytest.param(((3, 4), (2, 1), (1, 2)), id="pairs"),
    pytest.param((3, (2, 3), 1, True), id="ceil mode"),
    pytest.param((3, (2, 3), 1, False, False), id="padding that does not count"),
    pytest.param((3, (2, 3), 1, True, False), id="ceil mode and padding that does not count"),
    pytest.param((3, (2, 3), 1, True, True, 5), id="a divisor"),
    pytest.param(((7, 10), 1), id="a kernel as large as the input"),
    pytest.param((1,), id="kernel 1"),
]


@exercise("avg_pool2d")
@pytest.mark.parametrize("batch", [1, 3])
@pytest.mark.parametrize("setting", AVERAGE_SETTINGS)
def test_avg_pool_equals_torchs(setting, batch, draw):
    x = draw(batch, 2, 7, 10)
    close(pooling.avg_pool2d(x, *setting), F.avg_pool2d(x, *setting))


@exercise("avg_pool2d")
def test_avg_pool_with_all_its_options_crossed(draw):
    x = draw(2, 3, 5, 8)
    for kernel, stride, padding, ceil, include, divisor in product(
        (2, (3, 4)), (None, 2, (1, 3)), (0, 1), (0, 1), (0, 1), (None, 1, 7)
    ):
        options = dict(stride=stride, padding=padding, ceil_mode=bool(ceil), count_include_pad=bool(include))
        options["divisor_override"] = divisor
        close(pooling.avg_pool2d(x, kernel, **options), F.avg_pool2d(x, kernel, **options), name=f"{kernel}, {options}")


@exercise("avg_pool2d")
@pytest.mark.parametrize("stride", [(3, 1), (1, 3), (4, 2), (2, 4)], ids=str)
def test_in_ceil_mode_each_axis_sticks_out_as_far_as_its_own_stride(stride, draw):
    for height, width in product((5, 6, 7, 8), (6, 7, 8, 9)):
        x = draw(1, 2, height, width)
        expected = F.avg_pool2d(x, 3, stride, ceil_mode=True)
        close(pooling.avg_pool2d(x, 3, stride, ceil_mode=True), expected, name=f"{height} x {width}")


@exercise("avg_pool2d")
@pytest.mark.parametrize("divisor", [1, -3, 1000])
def test_any_divisor_but_0(divisor, draw):
    x = draw(2, 3, 5, 8)
    expected = 6 / divisor * F.avg_pool2d(x, (2, 3))
    close(pooling.avg_pool2d(x, (2, 3), divisor_override=divisor), expected)


@exercise("avg_pool2d")
def test_averages_of_any_layout(draw):
    setting = (3, (2, 1), 1, True, False)
    same_for_any_layout(pooling.avg_pool2d, F.avg_pool2d, draw(3, 2, 6, 9), *setting)
    x = draw(2, 3, 6, 9)
    close(pooling.avg_pool2d(channels_last(x), *setting), F.avg_pool2d(x, *setting), name="channels last")


@exercise("avg_pool2d")
def test_avg_pool_has_the_right_gradient(draw):
    for setting in ((2,), (3, 1, 1), (3, 2, 1, True), (3, 2, 1, True, False), ((2, 3), (3, 1), (0, 1), True, True, 4)):
        same_gradients(pooling.avg_pool2d, F.avg_pool2d, draw(2, 3, 6, 9), *setting, name=str(setting))


@exercise("avg_pool2d")
@pytest.mark.parametrize("value", [INF, math.nan], ids=str)
def test_an_infinity_or_nan_stays_in_its_windows(value, draw):
    x = draw(2, 3, 6, 8)
    expected = F.avg_pool2d(x, 3, 2, 1)
    x[0, 1, 2, 3] = value
    expected[0, 1, 1, 1:3] = value  # entry (2, 3) lies in row 1 of the windows, and in columns 1 and 2
    close(pooling.avg_pool2d(x, 3, 2, 1), expected)


@exercise("avg_pool2d")
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16], ids=str)
def test_avg_pool_keeps_half_precision(dtype, draw):
    x = draw(2, 3, 6, 8, dtype=dtype)
    close(pooling.avg_pool2d(x, 3, 2, 1), F.avg_pool2d(x.float(), 3, 2, 1).to(dtype))
    close(pooling.avg_pool2d(x, 2, divisor_override=3), F.avg_pool2d(x.float(), 2, divisor_override=3).to(dtype))


@exercise("avg_pool2d")
def test_avg_pool_of_an_empty_batch(draw):
    close(pooling.avg_pool2d(draw(0, 3, 6, 8), (3, 2), 2, 1), draw(0, 3, 3, 5))


@exercise("avg_pool2d")
def test_avg_pool_refuses_too_much_padding(draw):
    x = draw(2, 3, 6, 8)
    close(pooling.avg_pool2d(x, 4, padding=2), F.avg_pool2d(x, 4, padding=2), name="half of the kernel, and no more")
    raises(ValueError, pooling.avg_pool2d, x, 3, padding=2)
    raises(ValueError, pooling.avg_pool2d, x, (2, 4), padding=2)
    raises(ValueError, pooling.avg_pool2d, x, (4, 2), padding=(1, 2))


@exercise("avg_pool2d")
def test_avg_pool_refuses_what_makes_no_sense(draw):
    raises(ValueError, pooling.avg_pool2d, draw(2, 3, 6, 8), 7)
    raises(ValueError, pooling.avg_pool2d, draw(2, 3, 8, 6), 7)
    raises(ValueError, pooling.avg_pool2d, draw(2, 3, 6, 8), 2, divisor_override=0)


# ---- Adaptive average pooling ----------------------------------------------------------------------------------------


@exercise("adaptive_avg_pool2d")
def test_windows_overlap_where_they_must(device):
    x = torch.tensor([0.0, 2.0, 4.0, 6.0, 8.0], device=device)
    # Window 0 covers entries 0 and 1, window 1 covers 1 to 3, window 2 covers 3 and 4.
    expected = torch.tensor([1.0, 4.0, 7.0], device=device)
    close(pooling.adaptive_avg_pool2d(x.view(1, 1, 1, 5), (1, 3)), expected.view(1, 1, 1, 3), name="across")
    close(pooling.adaptive_avg_pool2d(x.view(1, 1, 5, 1), (3, 1)), expected.view(1, 1, 3, 1), name="down")


GRIDS = [1, 3, 6, (1, 9), (2, 3), (3, 4), (5, 7), (4, 1), (6, 9), (7, 9), (11, 20), (12, 5), (13, 100)]


@exercise("adaptive_avg_pool2d")
@pytest.mark.parametrize("batch", [1, 3])
@pytest.mark.parametrize("grid", GRIDS, ids=str)
def test_adaptive_equals_torchs(grid, batch, draw):
    x = draw(batch, 2, 6, 9)
    close(pooling.adaptive_avg_pool2d(x, grid), F.adaptive_avg_pool2d(x, grid))


@exercise("adaptive_avg_pool2d")
def test_every_size_becomes_every_other(draw):
    for size, parts in product(range(1, 10), range(1, 12)):
        x = draw(1, 2, size, 3)
        got = pooling.adaptive_avg_pool2d(x, (parts, 2))
        close(got, F.adaptive_avg_pool2d(x, (parts, 2)), name=f"{size} rows that become {parts}")


@exercise("adaptive_avg_pool2d")
def test_borders_are_exact(draw):
    # In floating point, 11 · (30 / 22) is a little less than 15, and 25 · (14 / 50) is a little more than 7.
    for size, parts in ((14, 50), (30, 22), (36, 28)):
        x = draw(1, 2, size, 3)
        got = pooling.adaptive_avg_pool2d(x, (parts, 2))
        close(got, F.adaptive_avg_pool2d(x, (parts, 2)), name=f"{size} rows that become {parts}")


@exercise("adaptive_avg_pool2d")
def test_none_keeps_an_axis(draw):
    x = draw(2, 3, 6, 9)
    close(pooling.adaptive_avg_pool2d(x, (None, 4)), F.adaptive_avg_pool2d(x, (6, 4)), name="(None, 4)")
    close(pooling.adaptive_avg_pool2d(x, (4, None)), F.adaptive_avg_pool2d(x, (4, 9)), name="(4, None)")
    close(pooling.adaptive_avg_pool2d(x, (None, None)), x, name="(None, None)")


@exercise("adaptive_avg_pool2d")
def test_adaptive_averages_of_any_layout(draw):
    x = draw(3, 2, 6, 9)
    same_for_any_layout(pooling.adaptive_avg_pool2d, F.adaptive_avg_pool2d, x, (4, 7))
    same_for_any_layout(pooling.adaptive_avg_pool2d, F.adaptive_avg_pool2d, x, (3, 11))
    close(pooling.adaptive_avg_pool2d(channels_last(x), 4), F.adaptive_avg_pool2d(x, 4), name="channels last")


@exercise("adaptive_avg_pool2d")
def test_adaptive_has_the_right_gradient(draw):
    for grid in (1, (3, 3), (4, 7), (8, 11)):
        same_gradients(pooling.adaptive_avg_pool2d, F.adaptive_avg_pool2d, draw(2, 3, 6, 9), grid, name=str(grid))


@exercise("adaptive_avg_pool2d")
@pytest.mark.parametrize("value", [INF, math.nan], ids=str)
def test_an_infinity_or_nan_stays_in_its_cells(value, draw):
    x = draw(2, 3, 6, 8)
    expected = F.adaptive_avg_pool2d(x, (3, 4))
    x[0, 1, 2, 5] = value
    expected[0, 1, 1, 2] = value
    close(pooling.adaptive_avg_pool2d(x, (3, 4)), expected)


@exercise("adaptive_avg_pool2d")
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16], ids=str)
def test_adaptive_keeps_half_precision(dtype, draw):
    x = draw(2, 3, 6, 8, dtype=dtype)
    close(pooling.adaptive_avg_pool2d(x, (4, 3)), F.adaptive_avg_pool2d(x.float(), (4, 3)).to(dtype))


@exercise("adaptive_avg_pool2d")
def test_adaptive_of_an_empty_batch(draw):
    close(pooling.adaptive_avg_pool2d(draw(0, 3, 6, 8), (4, 11)), draw(0, 3, 4, 11))


# ---- Unfold ----------------------------------------------------------------------------------------------------------

# kernel_size, dilation, padding, stride
UNFOLD_SETTINGS = [
    pytest.param((2,), id="kernel 2"),
    pytest.param(((2, 3),), id="kernel (2, 3)"),
    pytest.param((2, 3), id="dilation"),
    pytest.param(((3, 2), 1, (1, 2)), id="padding"),
    pytest.param((3, 1, 0, (2, 3)), id="stride"),
    pytest.param(((3, 2), (2, 3), (3, 1), (2, 1)), id="pairs"),
    pytest.param((2, 1, 0, 3), id="windows with gaps between them"),
    pytest.param(((1, 2), 2, 3, 2), id="more padding than kernel"),
    pytest.param(((7, 10),), id="a kernel as large as the input"),
    pytest.param((1,), id="kernel 1"),
]


@exercise("unfold")
def test_columns_by_hand(device):
    x = torch.tensor([[[[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]], [[0.0, 7.0, 0.0], [8.0, 0.0, 9.0]]]], device=device)
    first, second = [1, 2, 4, 5, 0, 7, 8, 0], [2, 3, 5, 6, 7, 0, 0, 9]
    expected = torch.tensor([list(zip(first, second, strict=True))], dtype=x.dtype, device=device)
    close(pooling.unfold(x, 2), expected)


@exercise("unfold")
@pytest.mark.parametrize("batch", [1, 3])
@pytest.mark.parametrize("setting", UNFOLD_SETTINGS)
def test_unfold_equals_torchs(setting, batch, draw):
    x = draw(batch, 2, 7, 10)
    close(pooling.unfold(x, *setting), F.unfold(x, *setting))


@exercise("unfold")
def test_unfold_with_all_its_options_crossed(draw):
    x = draw(2, 3, 6, 9)
    for dilation, padding, stride in product((1, 2, (1, 3)), (0, 1, (0, 4)), (1, 3, (2, 1))):
        options = dict(dilation=dilation, padding=padding, stride=stride)
        close(pooling.unfold(x, (2, 3), **options), F.unfold(x, (2, 3), **options), name=str(options))


@exercise("unfold")
def test_unfold_of_any_layout(draw):
    same_for_any_layout(pooling.unfold, F.unfold, draw(3, 2, 6, 9), (2, 3), 1, (1, 0), 2)
    same_for_any_layout(pooling.unfold, F.unfold, draw(3, 2, 6, 9), (3, 2))
    x = draw(2, 3, 6, 9)
    close(pooling.unfold(channels_last(x), 2), F.unfold(x, 2), name="channels last")


@exercise("unfold")
def test_unfold_has_the_right_gradient(draw):
    for setting in ((2,), ((3, 2), (1, 2), (1, 0), (2, 1)), (2, 1, 0, 3)):
        same_gradients(pooling.unfold, F.unfold, draw(2, 3, 6, 9), *setting, name=str(setting))


@exercise("unfold")
def test_columns_keep_all_the_digits_of_float64(draw):
    x = draw(2, 3, 6, 9).double() / 3
    equal(pooling.unfold(x, (2, 3), 1, 1), F.unfold(x, (2, 3), 1, 1))


@exercise("unfold")
def test_unfold_of_an_empty_batch(draw):
    close(pooling.unfold(draw(0, 3, 6, 9), (2, 3)), draw(0, 18, 35))


@exercise("unfold")
def test_unfold_refuses_windows_that_do_not_fit(draw):
    raises(ValueError, pooling.unfold, draw(2, 3, 6, 9), 7)
    raises(ValueError, pooling.unfold, draw(2, 3, 9, 6), 7)
    raises(ValueError, pooling.unfold, draw(2, 3, 6, 9), (9, 2), padding=1)
    raises(ValueError, pooling.unfold, draw(2, 3, 6, 9), (2, 5), dilation=(1, 3))


# ---- Fold ------------------------------------------------------------------------------------------------------------


@exercise("fold")
def test_overlaps_are_added(device):
    ones = torch.ones(1, 9, 9, device=device)
    row = torch.tensor([1.0, 2.0, 3.0, 2.0, 1.0], device=device)
    close(pooling.fold(ones, 5, 3), (row[:, None] * row)[None, None])


@exercise("fold")
@pytest.mark.parametrize("batch", [1, 3])
@pytest.mark.parametrize("setting", UNFOLD_SETTINGS)
def test_fold_equals_torchs(setting, batch, draw):
    columns = draw(*F.unfold(draw(batch, 2, 7, 10), *setting).shape)
    close(pooling.fold(columns, (7, 10), *setting), F.fold(columns, (7, 10), *setting))


@exercise("fold")
def test_fold_with_all_its_options_crossed(draw):
    for dilation, padding, stride in product((1, 2, (1, 3)), (0, 1, (0, 4)), (1, 3, (2, 1))):
        options = dict(dilation=dilation, padding=padding, stride=stride)
        columns = draw(*F.unfold(draw(2, 3, 6, 9), (2, 3), **options).shape)
        expected = F.fold(columns, (6, 9), (2, 3), **options)
        close(pooling.fold(columns, (6, 9), (2, 3), **options), expected, name=str(options))


@exercise("fold")
@pytest.mark.parametrize("setting", UNFOLD_SETTINGS)
def test_fold_is_the_adjoint_of_unfold(setting, draw):
    x = draw(2, 3, 7, 10)
    y = draw(*F.unfold(x, *setting).shape)
    adjoint(lambda x: F.unfold(x, *setting), lambda y: pooling.fold(y, (7, 10), *setting), x, y)


@exercise("fold")
def test_fold_of_any_layout(draw):
    setting = (6, 9), (2, 3), 1, (1, 0), 2
    columns = draw(*F.unfold(draw(3, 2, 6, 9), *setting[1:]).shape)
    same_for_any_layout(pooling.fold, F.fold, columns, *setting)


@exercise("fold")
def test_fold_has_the_right_gradient(draw):
    for setting in ((2,), ((3, 2), (1, 2), (1, 0), (2, 1)), (2, 1, 0, 3)):
        columns = draw(*F.unfold(draw(2, 3, 6, 9), *setting).shape)
        same_gradients(pooling.fold, F.fold, columns, (6, 9), *setting, name=str(setting))


@exercise("fold")
def test_fold_to_a_square_of_one_int(draw):
    columns = draw(2, 12, 16)
    close(pooling.fold(columns, 5, 2), F.fold(columns, 5, 2))


@exercise("fold")
def test_fold_keeps_all_the_digits_of_float64(draw):
    # Without overlaps nothing is added, so every digit is still there.
    columns = draw(2, 18, 9).double() / 3
    equal(pooling.fold(columns, (6, 9), (2, 3), stride=(2, 3)), F.fold(columns, (6, 9), (2, 3), stride=(2, 3)))


@exercise("fold")
def test_fold_of_an_empty_batch(draw):
    close(pooling.fold(draw(0, 18, 35), (6, 9), (2, 3)), draw(0, 3, 6, 9))


@exercise("fold")
def test_fold_refuses_columns_that_do_not_fit(draw):
    raises(ValueError, pooling.fold, draw(2, 18, 34), (6, 9), (2, 3))
    raises(ValueError, pooling.fold, draw(2, 18, 36), (6, 9), (2, 3))
    raises(ValueError, pooling.fold, draw(2, 18, 70), (6, 9), (2, 3))
    raises(ValueError, pooling.fold, draw(2, 17, 35), (6, 9), (2, 3))
    raises(ValueError, pooling.fold, draw(2, 20, 35), (6, 9), (2, 3))
    raises(ValueError, pooling.fold, draw(2, 18, 35), (6, 9), (2, 3), padding=1)


# ---- A convolution as a matrix product -------------------------------------------------------------------------------


@exercise("conv2d_by_unfold")
def test_a_product_by_hand(device):
    x = torch.tensor([[[[1.0, 2.0, 4.0], [0.0, 0.0, 3.0]]]], device=device)
    weight = torch.tensor([[[[10.0, 1.0]]], [[[1.0, -1.0]]]], device=device)
    bias = torch.tensor([0.0, 0.5], device=device)
    expected = [[[[12.0, 24.0], [0.0, 3.0]], [[-0.5, -1.5], [0.5, -2.5]]]]
    close(pooling.conv2d_by_unfold(x, weight, bias), torch.tensor(expected, device=device))


@exercise("conv2d_by_unfold")
@pytest.mark.parametrize("batch", [1, 3])
@pytest.mark.parametrize("with_bias", [True, False], ids=["bias", "no bias"])
def test_the_product_is_the_convolution(batch, with_bias, draw):
    x, weight, bias = draw(batch, 2, 7, 10), draw(5, 2, 3, 4), draw(5) if with_bias else None
    for stride, padding, dilation in product((1, (2, 3)), (0, 1, (0, 2)), (1, (2, 1))):
        setting = stride, padding, dilation
        got = pooling.conv2d_by_unfold(x, weight, bias, *setting)
        close(got, F.conv2d(x, weight, bias, *setting), name="stride {}, padding {}, dilation {}".format(*setting))


@exercise("conv2d_by_unfold")
def test_one_channel_and_one_place(draw):
    x, weight, bias = draw(3, 1, 4, 5), draw(1, 1, 4, 5), draw(1)
    close(pooling.conv2d_by_unfold(x, weight, bias), F.conv2d(x, weight, bias), name="a kernel as large as the input")
    weight = draw(6, 1, 1, 1)
    close(pooling.conv2d_by_unfold(x, weight), F.conv2d(x, weight), name="a kernel of 1 x 1")


@exercise("conv2d_by_unfold")
def test_the_product_of_any_layout(draw):
    inputs = draw(3, 2, 6, 9), draw(5, 2, 3, 2), draw(5)
    same_for_any_layout(pooling.conv2d_by_unfold, F.conv2d, *inputs, (2, 1), 1)
    got = pooling.conv2d_by_unfold(channels_last(inputs[0]), channels_last(inputs[1]), inputs[2])
    close(got, F.conv2d(*inputs), name="channels last")


@exercise("conv2d_by_unfold")
def test_the_product_has_the_right_gradients(draw):
    inputs = draw(2, 3, 6, 9), draw(5, 3, 3, 2), draw(5)
    same_gradients(pooling.conv2d_by_unfold, F.conv2d, *inputs, (2, 1), 1, (1, 2))


@exercise("conv2d_by_unfold")
def test_the_product_of_an_empty_batch(draw):
    close(pooling.conv2d_by_unfold(draw(0, 3, 6, 9), draw(5, 3, 2, 3), draw(5)), draw(0, 5, 5, 7))
