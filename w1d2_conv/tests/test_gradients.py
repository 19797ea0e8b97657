"""Tests of gradients.py. The oracles: torch's convolutions and what its autograd sends back through them, cases worked
out by hand, and the adjoint identity."""

import gradients
import pytest
import torch
from torch.nn import functional as F

from shared.checks import (
    adjoint,
    calls_of,
    close,
    equal,
    exercise,
    raises,
    same_for_any_layout,
    same_gradients,
    strided,
    unchanged,
)

# ---- The adjoint's gap -----------------------------------------------------------------------------------------------


@exercise("adjoint_gap")
def test_gap_by_hand(device):
    x, y = torch.tensor([3.0, 4.0], device=device), torch.tensor([6.0, 8.0], device=device)
    close(gradients.adjoint_gap(lambda x: 2 * x, lambda y: 4 * y, x, y), 0.5, name="4 where 2 is right")
    close(gradients.adjoint_gap(lambda x: 4 * x, lambda y: 2 * y, x, y), 0.5, name="the larger sum first")
    close(gradients.adjoint_gap(lambda x: 2 * x, lambda y: -2 * y, x, y), 2.0, name="the wrong sign")


@exercise("adjoint_gap")
def test_gap_of_a_matrix_and_its_transpose(draw):
    a, x, y = draw(3, 5), draw(5), draw(3)
    gap = gradients.adjoint_gap(lambda x: a @ x, lambda y: a.T @ y, x, y)
    equal([type(gap), gap < 1e-6], [float, True], parts=("what is returned", "whether a transpose has no gap"))


@exercise("adjoint_gap")
def test_gap_is_relative_to_the_lengths(draw):
    a, b, x, y = draw(3, 5), draw(5, 3), draw(5), draw(3)
    left, right = (a @ x) @ y, x @ (b @ y)
    lengths = (a @ x).norm() * y.norm(), x.norm() * (b @ y).norm()
    expected = ((left - right).abs() / max(lengths)).item()
    close(gradients.adjoint_gap(lambda x: a @ x, lambda y: b @ y, x, y), expected)
    tiny = gradients.adjoint_gap(lambda x: a @ x, lambda y: b @ y, x * 1e-6, y * 1e-6)
    close(tiny, expected, name="the gap of a tiny x and a tiny y")


@exercise("adjoint_gap")
def test_gap_where_sums_are_zero(device):
    # Lengths 1 and 1, and nothing in common: a sum of 0 is no reason to divide by it.
    x, y = torch.tensor([1.0, 0.0], device=device), torch.tensor([0.0, 1.0], device=device)
    close(gradients.adjoint_gap(lambda x: x, lambda y: y, x, y), 0.0, name="x and y at right angles")
    close(gradients.adjoint_gap(lambda x: 0 * x, lambda y: 0 * y, x, y), 0.0, name="nothing but zeros")
    close(gradients.adjoint_gap(lambda x: x, lambda y: y.flip(0), x, y), 1.0, name="a sum of 0 and one of 1")


@exercise("adjoint_gap")
def test_gap_is_computed_in_float64(device):
    # 10,000 · 10,000 is no float16, and 2^24 + 1 is no float32.
    large = torch.full((3,), 1e4, dtype=torch.float16, device=device)
    close(gradients.adjoint_gap(lambda x: x, lambda y: y, large, large), 0.0, name="in float16")
    x, y = torch.tensor([2.0**24, 1.0], device=device), torch.tensor([1.0, 1.0], device=device)
    gap = gradients.adjoint_gap(lambda x: x, lambda y: y * torch.tensor([1.0, 0.0], device=device), x, y)
    expected = 1 / ((2.0**48 + 1) * 2) ** 0.5
    close(gap, expected, atol=0.0, name="a difference of 1 between sums of 2^24")


@exercise("adjoint_gap")
def test_gap_of_tensors_with_more_dims(draw):
    x, y = draw(2, 3, 4), strided(draw(4, 2, 3))
    gap = gradients.adjoint_gap(lambda x: x.permute(2, 0, 1), lambda y: y.permute(1, 2, 0), x, y)
    equal(gap < 1e-6, True, name="whether a permutation and its inverse have no gap")
    x.requires_grad_()
    gap = gradients.adjoint_gap(lambda x: x.permute(2, 0, 1), lambda y: y.permute(1, 2, 0), x, y)
    equal(gap < 1e-6, True, name="whether they have no gap if x requires a gradient")


@exercise("adjoint_gap")
def test_gap_refuses_results_of_the_wrong_shape(draw):
    x, y = draw(2, 3), draw(3, 2)
    gap = gradients.adjoint_gap
    raises(ValueError, gap, lambda x: x, lambda y: y.T, x, y, names=(2, 3))
    raises(ValueError, gap, lambda x: x.T, lambda y: y, x, y, names=(2, 3))
    # These would broadcast.
    raises(ValueError, gap, lambda x: x.T, lambda y: y.T[:1], x, y, names=(1, 2, 3))
    raises(ValueError, gap, lambda x: x.T[:, :1], lambda y: y.T, x, y, names=(1, 2, 3))


@exercise("adjoint_gap")
def test_gap_where_one_side_gives_only_zeros(device):
    x, y = torch.tensor([3.0, 4.0], device=device), torch.tensor([6.0, 8.0], device=device)
    close(gradients.adjoint_gap(lambda x: 0 * x, lambda y: 2 * y, x, y), 1.0, name="a step forward that gives zeros")
    close(gradients.adjoint_gap(lambda x: 2 * x, lambda y: 0 * y, x, y), 1.0, name="a step back that gives zeros")


# ---- Cases that all three gradients and the function meet ------------------------------------------------------------

# batch, channels, height, width; out, kernel height and width; stride, padding, dilation, groups
CASES = {
    "3 x 2 kernel": ((3, 2, 6, 7), (5, 3, 2), 1, 0, 1, 1),
    "batch 1, kernel 1 x 4": ((1, 3, 5, 6), (2, 1, 4), 1, 0, 1, 1),
    "kernel as large as the input": ((3, 2, 4, 5), (3, 4, 5), 1, 0, 1, 1),
    "kernel 1 x 1, stride 2": ((2, 3, 6, 7), (5, 1, 1), 2, 0, 1, 1),
    "stride (2, 3)": ((3, 2, 7, 10), (5, 3, 2), (2, 3), 0, 1, 1),
    "stride 3, two rows and a column unused": ((2, 3, 10, 9), (4, 2, 2), 3, 0, 1, 1),
    "padding (2, 1)": ((3, 2, 6, 5), (4, 3, 2), 1, (2, 1), 1, 1),
    "padding wider than the kernel": ((2, 3, 4, 3), (5, 1, 2), 1, (2, 3), 1, 1),
    "dilation (2, 3)": ((3, 2, 8, 9), (5, 3, 2), 1, 0, (2, 3), 1),
    "stride and padding": ((2, 3, 8, 9), (4, 3, 5), (3, 2), (1, 2), 1, 1),
    "stride and dilation": ((3, 2, 9, 12), (5, 2, 3), (2, 3), 0, (3, 2), 1),
    "padding and dilation": ((2, 3, 5, 6), (4, 3, 2), 1, (1, 2), (2, 1), 1),
    "2 groups": ((3, 4, 6, 7), (6, 2, 3), 1, 0, 1, 2),
    "depthwise": ((2, 3, 5, 6), (3, 3, 2), 1, 1, 1, 3),
    "depthwise, two kernels for each channel": ((1, 3, 6, 5), (6, 2, 3), 2, (0, 1), 1, 3),
    "everything": ((3, 4, 11, 12), (6, 3, 2), (2, 3), (2, 1), (3, 2), 2),
    "empty batch": ((0, 4, 6, 7), (6, 3, 2), 2, 1, 1, 2),
}
each_case = pytest.mark.parametrize("x_size, out, options", [
    pytest.param(x_size, out, options, id=name) for name, (x_size, out, *options) in CASES.items()
])  # fmt: skip


def make(draw, x_size, out, options, **dtype):
    """x, weight, and a random gradient from above."""
    x, weight = draw(*x_size, **dtype), draw(out[0], x_size[1] // options[3], *out[1:], **dtype)
    return x, weight, draw(*F.conv2d(x, weight, None, *options).shape, **dtype)


def from_autograd(x, weight, above, options):
    """What torch's conv2d sends back to x and to weight."""
    x, weight = (value.detach().clone().requires_grad_() for value in (x, weight))
    with torch.enable_grad():
        return torch.autograd.grad(F.conv2d(x, weight, None, *options), (x, weight), above)


def with_an_infinity(linear, x, place):
    """(x with an infinity at `place`, what `linear` gives then): infinite where the entry counts, else as with a 0."""
    infinite, zero, one = x.clone(), x.clone(), torch.zeros_like(x)
    infinite[place], zero[place], one[place] = torch.inf, 0.0, 1.0
    share = linear(one)
    return infinite, torch.where(share.abs() < 1e-6, linear(zero), share.sign() * torch.inf)


# ---- The bias --------------------------------------------------------------------------------------------------------


@exercise("conv2d_bias_gradient")
def test_bias_gradient_by_hand(device):
    above = torch.tensor([[[[1.0, 2.0]], [[30.0, 40.0]]], [[[5.0, 6.0]], [[-70.0, 0.0]]]], device=device)
    close(gradients.conv2d_bias_gradient(above), torch.tensor([14.0, 0.0], device=device))


@exercise("conv2d_bias_gradient")
@pytest.mark.parametrize("size", [(3, 4, 5, 6), (1, 2, 3, 4), (3, 1, 2, 5), (0, 3, 4, 5)], ids=str)
def test_bias_gradient_is_that_of_torch(size, draw):
    above, x = draw(*size), draw(size[0], 2, *size[2:])
    bias = torch.zeros(size[1], device=x.device, requires_grad=True)
    weight = torch.zeros(size[1], 2, 1, 1, device=x.device)
    (expected,) = torch.autograd.grad(F.conv2d(x, weight, bias), bias, above)
    close(gradients.conv2d_bias_gradient(above), expected)


@exercise("conv2d_bias_gradient")
def test_bias_gradient_of_any_layout(draw):
    same_for_any_layout(gradients.conv2d_bias_gradient, lambda above: above.sum(3).sum(2).sum(0), draw(3, 4, 5, 6))


@exercise("conv2d_bias_gradient")
def test_bias_gradient_keeps_the_dtype(draw):
    above = draw(3, 4, 5, 6, dtype=torch.float16)
    close(gradients.conv2d_bias_gradient(above), above.float().sum((0, 2, 3)).half())


# ---- The weights -----------------------------------------------------------------------------------------------------


@exercise("conv2d_weight_gradient")
def test_weight_gradient_by_hand(device):
    x, above = (torch.tensor([[[row]]], device=device) for row in ([3.0, 4.0, 5.0], [1.0, 10.0]))
    expected = torch.tensor([[[[43.0, 54.0]]]], device=device)
    close(gradients.conv2d_weight_gradient(x, (1, 1, 1, 2), above), expected)


@exercise("conv2d_weight_gradient")
@each_case
def test_weight_gradient_is_that_of_torch(x_size, out, options, draw):
    x, weight, above = make(draw, x_size, out, options)
    _, expected = from_autograd(x, weight, above, options)
    close(gradients.conv2d_weight_gradient(x, weight.shape, above, *options), expected)


@exercise("conv2d_weight_gradient")
@each_case
def test_weight_gradient_is_the_adjoint(x_size, out, options, draw):
    x, weight, above = make(draw, x_size, out, options)
    adjoint(
        lambda w: F.conv2d(x, w, None, *options),
        lambda y: gradients.conv2d_weight_gradient(x, weight.shape, y, *options),
        weight,
        above,
    )


@exercise("conv2d_weight_gradient")
def test_weight_gradient_of_any_layout(draw):
    options = 2, 1, (2, 1), 2
    x, weight, above = make(draw, (3, 4, 8, 7), (6, 2, 3), options)
    same_for_any_layout(
        lambda x, y: gradients.conv2d_weight_gradient(x, weight.shape, y, *options),
        lambda x, y: from_autograd(x, weight.to(x), y, options)[1],
        x,
        above,
    )


@exercise("conv2d_weight_gradient")
def test_weight_gradient_of_channels_last(draw):
    options = 1, 1, 1, 1
    x, weight, above = make(draw, (3, 4, 5, 6), (2, 3, 2), options)
    last = [value.to(memory_format=torch.channels_last) for value in (x, above)]
    _, expected = from_autograd(x, weight, above, options)
    close(gradients.conv2d_weight_gradient(last[0], weight.shape, last[1], *options), expected)


@exercise("conv2d_weight_gradient")
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16], ids=str)
def test_weight_gradient_keeps_the_dtype(dtype, draw):
    options = 2, 1, 1, 2
    x, weight, above = make(draw, (2, 4, 5, 6), (6, 3, 2), options)
    x, above = x.to(dtype), above.to(dtype)
    _, expected = from_autograd(x.float(), weight, above.float(), options)
    close(gradients.conv2d_weight_gradient(x, weight.shape, above, *options), expected.to(dtype))


@exercise("conv2d_weight_gradient")
@pytest.mark.parametrize("options", [(3, 0, 1, 1), (1, 0, 1, 2), (1, (1, 0), (1, 2), 2), (2, 1, (1, 2), 1)], ids=str)
def test_an_infinity_shows_in_the_weights_that_met_it(options, draw):
    # With stride 3 no window of 2 columns reaches the last one.
    x, weight, above = make(draw, (2, 4, 8, 9), (6, 3, 2), options)
    for place in ((1, 3, 3, 8), (1, 1, 4, 4)):
        infinite, expected = with_an_infinity(lambda x: from_autograd(x, weight, above, options)[1], x, place)
        close(gradients.conv2d_weight_gradient(infinite, weight.shape, above, *options), expected)


@exercise("conv2d_weight_gradient")
def test_options_of_the_weight_gradient_have_torchs_names_and_may_be_left_out(draw):
    x, weight, above = make(draw, (2, 3, 5, 6), (4, 2, 3), (1, 0, 1, 1))
    _, expected = from_autograd(x, weight, above, (1, 0, 1, 1))
    close(gradients.conv2d_weight_gradient(x, list(weight.shape), above), expected, name="without options")
    options = {"stride": 2, "padding": (1, 0), "dilation": (1, 2), "groups": 3}
    x, weight, above = make(draw, (2, 3, 5, 6), (6, 2, 3), tuple(options.values()))
    _, expected = from_autograd(x, weight, above, tuple(options.values()))
    got = gradients.conv2d_weight_gradient(x, weight.shape, above, **options)
    close(got, expected, name="with options by name")


@exercise("conv2d_weight_gradient")
def test_gradients_flow_through_the_weight_gradient(draw):
    options = (2, 1), 1, 1, 2
    x, weight, above = make(draw, (2, 4, 5, 6), (6, 3, 2), options)
    same_gradients(
        lambda x, y: gradients.conv2d_weight_gradient(x, weight.shape, y, *options),
        lambda x, y: torch.nn.grad.conv2d_weight(x, weight.shape, y, *options),
        x,
        above,
    )


# ---- The input, minimal ----------------------------------------------------------------------------------------------


@exercise("conv2d_input_gradient_minimal")
def test_input_gradient_of_a_row_by_hand(device):
    # The kernel turned round would give [2, 1, 0], with the same mean.
    weight, above = (torch.tensor([[[row]]], device=device) for row in ([1.0, 2.0], [1.0, 0.0]))
    got = gradients.conv2d_input_gradient_minimal(weight, above)
    close(got, torch.tensor([[[[1.0, 2.0, 0.0]]]], device=device))


minimal_sizes = pytest.mark.parametrize(
    "x_size, out",
    [((3, 2, 6, 7), (5, 3, 2)), ((1, 3, 4, 6), (2, 1, 4)), ((3, 2, 4, 5), (3, 4, 5)), ((2, 1, 5, 3), (4, 1, 1)),
     ((0, 2, 6, 7), (5, 3, 2))],
    ids=["3 x 2 kernel", "batch 1, kernel 1 x 4", "kernel as large as the input", "kernel 1 x 1", "empty batch"],
)  # fmt: skip
PLAIN = (1, 0, 1, 1)


@exercise("conv2d_input_gradient_minimal")
@minimal_sizes
def test_minimal_input_gradient_is_that_of_torch(x_size, out, draw):
    x, weight, above = make(draw, x_size, out, PLAIN)
    expected, _ = from_autograd(x, weight, above, PLAIN)
    close(gradients.conv2d_input_gradient_minimal(weight, above), expected)


@exercise("conv2d_input_gradient_minimal")
def test_minimal_input_gradient_is_the_adjoint(draw):
    x, weight, above = make(draw, (3, 2, 6, 7), (5, 3, 2), PLAIN)
    backward = lambda y: gradients.conv2d_input_gradient_minimal(weight, y)  # noqa: E731
    adjoint(lambda x: F.conv2d(x, weight), backward, x, above)


@exercise("conv2d_input_gradient_minimal")
def test_minimal_input_gradient_of_any_layout(draw):
    _, weight, above = make(draw, (3, 2, 6, 7), (3, 3, 2), PLAIN)
    same_for_any_layout(gradients.conv2d_input_gradient_minimal, lambda w, y: F.conv_transpose2d(y, w), weight, above)


@exercise("conv2d_input_gradient_minimal")
def test_an_infinity_shows_where_its_window_lay(draw):
    _, weight, above = make(draw, (2, 3, 6, 7), (4, 3, 2), PLAIN)
    infinite, expected = with_an_infinity(lambda above: F.conv_transpose2d(above, weight), above, (1, 2, 1, 3))
    close(gradients.conv2d_input_gradient_minimal(weight, infinite), expected)


@exercise("conv2d_input_gradient_minimal")
def test_minimal_input_gradient_keeps_the_dtype(draw):
    _, weight, above = (value.half() for value in make(draw, (2, 2, 5, 6), (3, 3, 2), PLAIN))
    expected = F.conv_transpose2d(above.float(), weight.float()).half()
    close(gradients.conv2d_input_gradient_minimal(weight, above), expected)


@exercise("conv2d_input_gradient_minimal")
def test_gradients_flow_through_the_minimal_input_gradient(draw):
    _, weight, above = make(draw, (2, 2, 5, 6), (3, 3, 2), PLAIN)
    same_gradients(gradients.conv2d_input_gradient_minimal, lambda w, y: F.conv_transpose2d(y, w), weight, above)


# ---- Spreading zeros -------------------------------------------------------------------------------------------------


def spread_slowly(x, sh, sw):
    """Entry by entry, with zeros pushed in between; built from rows, so that gradients flow."""
    zero = torch.zeros_like(x[:, :, :1, :1])
    rows = []
    for i in range(x.shape[2]):
        row = [part for entry in x[:, :, i : i + 1].split(1, dim=3) for part in [entry] + [zero] * (sw - 1)]
        row = torch.cat(row[: len(row) - (sw - 1)], dim=3)
        rows += [row] + [torch.zeros_like(row)] * (sh - 1)
    return torch.cat(rows[: len(rows) - (sh - 1)], dim=2)


@exercise("dilate2d")
def test_dilate_by_hand(device):
    x = torch.tensor([[[[1.0, 2.0], [3.0, 4.0]]]], device=device)
    expected = torch.tensor([[[[1.0, 0.0, 2.0], [0.0, 0.0, 0.0], [3.0, 0.0, 4.0]]]], device=device)
    close(gradients.dilate2d(x, 2), expected)


@exercise("dilate2d")
@pytest.mark.parametrize("stride", [1, 2, 3, (1, 3), (3, 1), (2, 3)], ids=str)
@pytest.mark.parametrize("size", [(3, 2, 4, 5), (1, 3, 1, 4), (2, 1, 3, 1), (1, 1, 1, 1)], ids=str)
def test_dilate_puts_zeros_between_neighbours_only(size, stride, draw):
    x = draw(*size)
    sh, sw = (stride, stride) if isinstance(stride, int) else stride
    close(gradients.dilate2d(x, stride), spread_slowly(x, sh, sw))


@exercise("dilate2d")
def test_dilate_of_any_layout(draw):
    same_for_any_layout(gradients.dilate2d, lambda x, stride: spread_slowly(x, *stride), draw(3, 2, 4, 5), (2, 3))


@exercise("dilate2d")
@pytest.mark.parametrize("stride", [(2, 3), (1, 2)], ids=str)
def test_zeros_beside_an_infinity_are_zeros(stride, draw):
    x = draw(2, 3, 3, 4)
    x[1, 0, 1, 2], x[0, 2, 0, 0] = torch.inf, -torch.inf
    close(gradients.dilate2d(x, stride), spread_slowly(x, *stride))


@exercise("dilate2d")
def test_dilate_keeps_the_dtype(draw):
    x = draw(2, 3, 4, 5, dtype=torch.bfloat16)
    close(gradients.dilate2d(x, (2, 3)), spread_slowly(x, 2, 3))


@exercise("dilate2d")
def test_gradients_flow_through_dilate(draw):
    same_gradients(gradients.dilate2d, lambda x, stride: spread_slowly(x, *stride), draw(2, 3, 4, 5), (3, 2))


# ---- The transposed convolution --------------------------------------------------------------------------------------

# batch, channels, height, width; out per group, kernel height and width; then stride, padding, output_padding, groups,
# dilation
TRANSPOSED = {
    "3 x 2 kernel": ((3, 4, 5, 6), (2, 3, 2), 1, 0, 0, 1, 1),
    "one entry, batch 1": ((1, 2, 1, 1), (3, 4, 5), 1, 0, 0, 1, 1),
    "kernel 1 x 1, stride (2, 3)": ((2, 3, 4, 3), (5, 1, 1), (2, 3), 0, 0, 1, 1),
    "stride (3, 2)": ((3, 2, 4, 5), (4, 2, 3), (3, 2), 0, 0, 1, 1),
    "stride larger than the kernel": ((1, 2, 3, 4), (3, 2, 1), (4, 3), 0, 0, 1, 1),
    "padding (2, 1)": ((2, 3, 5, 4), (4, 3, 5), 1, (2, 1), 0, 1, 1),
    "stride and padding": ((3, 2, 5, 4), (4, 4, 3), 2, (1, 2), 0, 1, 1),
    "output padding with nothing taken off": ((2, 3, 4, 5), (4, 3, 2), (2, 3), 0, (1, 2), 1, 1),
    "output padding and padding": ((3, 2, 4, 5), (4, 3, 4), (2, 3), (1, 2), (1, 2), 1, 1),
    "dilation (3, 2)": ((3, 2, 4, 5), (4, 2, 3), 1, 0, 0, 1, (3, 2)),
    "padding and dilation": ((2, 3, 5, 4), (4, 3, 2), 1, (1, 2), 0, 1, (2, 3)),
    "output padding below the dilation, stride 1": ((2, 3, 4, 5), (4, 3, 2), 1, (1, 0), (1, 2), 1, (2, 3)),
    "2 groups": ((3, 4, 5, 6), (3, 3, 2), 1, 0, 0, 2, 1),
    "groups and stride": ((1, 6, 3, 4), (2, 3, 2), 2, 1, 1, 3, 1),
    "depthwise": ((2, 3, 5, 4), (1, 2, 3), (2, 1), 1, 0, 3, 1),
    "everything": ((3, 4, 5, 4), (3, 3, 4), (3, 2), (2, 1), (2, 1), 2, (2, 3)),
    "empty batch": ((0, 4, 5, 6), (2, 3, 2), 2, 1, 1, 1, 1),
}
each_transposed = pytest.mark.parametrize("x_size, out, options", [
    pytest.param(x_size, out, options, id=name) for name, (x_size, out, *options) in TRANSPOSED.items()
])  # fmt: skip


@exercise("conv_transpose2d")
def test_stamps_by_hand(device):
    x, weight = (torch.tensor([[[row]]], device=device) for row in ([1.0, 10.0], [1.0, 2.0, 3.0]))
    expected = torch.tensor([[[[1.0, 2.0, 13.0, 20.0, 30.0]]]], device=device)
    close(gradients.conv_transpose2d(x, weight, stride=2), expected)


@exercise("conv_transpose2d")
@each_transposed
def test_transposed_convolution_is_that_of_torch(x_size, out, options, draw):
    x, weight, bias = draw(*x_size), draw(x_size[1], *out), draw(out[0] * options[3])
    got = gradients.conv_transpose2d(x, weight, bias, *options)
    close(got, F.conv_transpose2d(x, weight, bias, *options))
    close(gradients.conv_transpose2d(x, weight, None, *options), F.conv_transpose2d(x, weight, None, *options))


@exercise("conv_transpose2d")
def test_sizes_7_and_8_both_come_back(draw):
    # A 3 x 3 kernel with stride 2, dilation 2 and padding 1 makes 3 of 7 and of 8.
    x, weight = draw(2, 4, 3, 3), draw(4, 5, 3, 3)
    for output_padding in ((0, 1), (1, 0)):
        options = {"stride": 2, "padding": 1, "output_padding": output_padding, "dilation": 2}
        close(gradients.conv_transpose2d(x, weight, **options), F.conv_transpose2d(x, weight, **options))


@exercise("conv_transpose2d")
def test_transposed_convolution_is_the_adjoint_of_torchs_convolution(draw):
    x, weight, y = draw(2, 4, 12, 11), draw(6, 2, 3, 4), draw(2, 6, 4, 6)
    adjoint(
        lambda x: F.conv2d(x, weight, None, (3, 2), (1, 2), (2, 1), 2),
        lambda y: gradients.conv_transpose2d(y, weight, None, (3, 2), (1, 2), (0, 1), 2, (2, 1)),
        x,
        y,
    )


@exercise("conv_transpose2d")
@pytest.mark.parametrize("name", ["3 x 2 kernel", "stride (3, 2)", "dilation (3, 2)", "2 groups", "everything"])
def test_an_infinity_shows_under_its_stamp_only(name, draw):
    x_size, out, *options = TRANSPOSED[name]
    weight = draw(x_size[1], *out)
    x, expected = with_an_infinity(lambda x: F.conv_transpose2d(x, weight, None, *options), draw(*x_size), (1, 1, 2, 3))
    close(gradients.conv_transpose2d(x, weight, None, *options), expected)


@exercise("conv_transpose2d")
def test_transposed_convolution_of_any_layout(draw):
    options = (2, 3), (1, 0), (1, 2), 2, (1, 2)
    inputs = draw(3, 4, 3, 4), draw(4, 3, 3, 2), draw(6)
    ours, theirs = (lambda *inputs, f=f: f(*inputs, *options) for f in (gradients.conv_transpose2d, F.conv_transpose2d))
    same_for_any_layout(ours, theirs, *inputs)
    last = [value.to(memory_format=torch.channels_last) for value in inputs[:2]]
    close(ours(*last, inputs[2]), theirs(*inputs), name="channels last")


@exercise("conv_transpose2d")
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16], ids=str)
def test_transposed_convolution_keeps_the_dtype(dtype, draw):
    inputs = [value.to(dtype) for value in (draw(2, 4, 3, 4), draw(4, 3, 3, 2), draw(3))]
    expected = F.conv_transpose2d(*(value.float() for value in inputs), 2, 1, 1).to(dtype)
    close(gradients.conv_transpose2d(*inputs, 2, 1, 1), expected)


@exercise("conv_transpose2d")
def test_gradients_flow_through_the_transposed_convolution(draw):
    options = (2, 3), (1, 0), (1, 2), 2, (1, 2)
    ours, theirs = (lambda *inputs, f=f: f(*inputs, *options) for f in (gradients.conv_transpose2d, F.conv_transpose2d))
    same_gradients(ours, theirs, draw(2, 4, 3, 4), draw(4, 3, 3, 2), draw(6))


@exercise("conv_transpose2d")
def test_channels_that_do_not_fit_are_refused(draw):
    raises(ValueError, gradients.conv_transpose2d, draw(2, 5, 4, 4), draw(3, 2, 2, 2), names=(5, 3))
    # 1 channel would broadcast against the weight's 3.
    raises(ValueError, gradients.conv_transpose2d, draw(2, 1, 4, 4), draw(3, 2, 2, 2), names=(1, 3))
    raises(ValueError, gradients.conv_transpose2d, draw(2, 3, 4, 4), draw(1, 2, 2, 2), names=(3, 1))
    raises(ValueError, gradients.conv_transpose2d, draw(2, 5, 4, 4), draw(5, 2, 2, 2), groups=2, names=(5, 2))


@exercise("conv_transpose2d")
@pytest.mark.parametrize(
    "options, number",
    [({"output_padding": 1}, 1), ({"stride": 2, "output_padding": 2}, 2),
     ({"stride": (4, 2), "output_padding": (0, 2)}, 2), ({"stride": (2, 4), "output_padding": (2, 0)}, 2),
     ({"stride": 2, "dilation": 3, "output_padding": 3}, 3), ({"dilation": (3, 2), "output_padding": (0, 2)}, 2),
     ({"stride": 2, "output_padding": (0, 5)}, 5), ({"stride": 2, "output_padding": (5, 0)}, 5),
     ({"stride": 2, "padding": 1, "output_padding": -1}, -1), ({"stride": 2, "output_padding": (0, -1)}, -1)],
    ids=str,
)  # fmt: skip
def test_output_padding_out_of_range_is_refused(options, number, draw):
    raises(ValueError, gradients.conv_transpose2d, draw(2, 3, 4, 5), draw(3, 2, 3, 3), names=number, **options)


# ---- The input, with everything --------------------------------------------------------------------------------------


@exercise("conv2d_input_gradient")
def test_unused_columns_get_no_gradient(device):
    weight, above = (torch.tensor([[[row]]], device=device) for row in ([1.0, 2.0], [1.0, 10.0]))
    got = gradients.conv2d_input_gradient((1, 1, 1, 5), weight, above, stride=2)
    close(got, torch.tensor([[[[1.0, 2.0, 10.0, 20.0, 0.0]]]], device=device))


@exercise("conv2d_input_gradient")
@each_case
def test_input_gradient_is_that_of_torch(x_size, out, options, draw):
    x, weight, above = make(draw, x_size, out, options)
    expected, _ = from_autograd(x, weight, above, options)
    close(gradients.conv2d_input_gradient(x.shape, weight, above, *options), expected)


@exercise("conv2d_input_gradient")
def test_every_input_that_gives_this_size_gets_its_own_size_back(draw):
    for height, width in ((7, 8), (8, 7), (8, 8)):
        x, weight, above = make(draw, (2, 3, height, width), (4, 3, 3), (2, 1, 2, 1))
        expected, _ = from_autograd(x, weight, above, (2, 1, 2, 1))
        got = gradients.conv2d_input_gradient([2, 3, height, width], weight, above, 2, 1, 2)
        close(got, expected, name=f"an input of {height} x {width}")


@exercise("conv2d_input_gradient")
def test_input_gradient_of_any_layout(draw):
    options = 2, 1, (2, 1), 2
    x, weight, above = make(draw, (6, 4, 8, 7), (6, 2, 3), options)
    same_for_any_layout(
        lambda w, y: gradients.conv2d_input_gradient(x.shape, w, y, *options),
        lambda w, y: from_autograd(x.to(w), w, y, options)[0],
        weight,
        above,
    )


@exercise("conv2d_input_gradient")
@pytest.mark.parametrize("options", [(1, 0, 1, 1), ((2, 3), 1, 1, 2), (1, 0, (1, 2), 2)], ids=str)
def test_an_infinity_shows_where_its_window_lay_and_in_its_group(options, draw):
    x, weight, above = make(draw, (2, 4, 8, 9), (6, 3, 2), options)
    for place in ((1, 5, 1, 2), (1, 0, 2, 1)):
        infinite, expected = with_an_infinity(lambda y: from_autograd(x, weight, y, options)[0], above, place)
        close(gradients.conv2d_input_gradient(x.shape, weight, infinite, *options), expected)


@exercise("conv2d_input_gradient")
def test_input_gradient_keeps_the_dtype(draw):
    x, weight, above = make(draw, (2, 4, 5, 6), (6, 3, 2), (2, 1, 1, 2))
    weight, above = weight.half(), above.half()
    expected, _ = from_autograd(x, weight.float(), above.float(), (2, 1, 1, 2))
    close(gradients.conv2d_input_gradient(x.shape, weight, above, 2, 1, 1, 2), expected.half())


@exercise("conv2d_input_gradient")
def test_options_of_the_input_gradient_have_torchs_names(draw):
    options = {"stride": (2, 1), "padding": (1, 0), "dilation": (1, 2), "groups": 3}
    x, weight, above = make(draw, (2, 3, 5, 6), (6, 2, 3), tuple(options.values()))
    expected, _ = from_autograd(x, weight, above, tuple(options.values()))
    close(gradients.conv2d_input_gradient(x.shape, weight, above, **options), expected)


@exercise("conv2d_input_gradient")
@pytest.mark.parametrize("height, width", [(6, 7), (9, 7), (7, 6), (7, 9), (7, 5), (70, 7)])
def test_sizes_that_no_input_had_are_refused(height, width, draw):
    # Heights and widths of 7 and 8 make 3.
    weight, above = draw(4, 2, 3, 3), draw(1, 4, 3, 3)
    raises(ValueError, gradients.conv2d_input_gradient, (1, 2, height, width), weight, above, 2, 1, 2)


@exercise("conv2d_input_gradient")
def test_another_batch_and_other_channels_are_refused(draw):
    weight, above = draw(4, 2, 3, 3), draw(3, 4, 5, 6)
    raises(ValueError, gradients.conv2d_input_gradient, (1, 2, 7, 8), weight, above)
    raises(ValueError, gradients.conv2d_input_gradient, (3, 4, 7, 8), weight, above)
    raises(ValueError, gradients.conv2d_input_gradient, (3, 2, 7, 8), weight, above, groups=2)


@exercise("conv2d_input_gradient")
@pytest.mark.parametrize("height, width", [(12, 12), (11, 13), (13, 12)])
def test_with_stride_1_only_one_size_is_right_whatever_the_dilation(height, width, draw):
    # 11 x 12 is; conv_transpose2d would allow an output_padding of 1 or 2 here.
    weight, above = draw(4, 2, 3, 3), draw(1, 4, 5, 6)
    raises(ValueError, gradients.conv2d_input_gradient, (1, 2, height, width), weight, above, 1, 0, 3)


# ---- All together ----------------------------------------------------------------------------------------------------


@exercise("Conv2dFunction")
@each_case
def test_function_and_its_three_gradients_are_those_of_torch(x_size, out, options, draw):
    x, weight, _ = make(draw, x_size, out, options)
    same_gradients(
        lambda x, w, b: gradients.Conv2dFunction.apply(x, w, b, *options),
        lambda x, w, b: F.conv2d(x, w, b, *options),
        x,
        weight,
        draw(out[0]),
    )


@exercise("Conv2dFunction")
def test_options_may_be_left_out(draw):
    x, weight, bias = draw(2, 3, 5, 6), draw(4, 3, 2, 3), draw(4)
    apply = gradients.Conv2dFunction.apply
    same_gradients(lambda x, w: apply(x, w), F.conv2d, x, weight, name="without a bias")
    same_gradients(lambda x, w: apply(x, w, None, 2), lambda x, w: F.conv2d(x, w, None, 2), x, weight, name="bias None")
    same_gradients(lambda x, w, b: apply(x, w, b), F.conv2d, x, weight, bias, name="with a bias")


@exercise("Conv2dFunction")
def test_two_calls_do_not_mix_their_options(draw):
    x, weight = draw(2, 3, 7, 8), draw(3, 3, 3, 3)

    def twice(convolve):
        return lambda x, w: convolve(convolve(x, w, None, 1, 1), w, None, (2, 1), (1, 0))

    same_gradients(twice(gradients.Conv2dFunction.apply), twice(F.conv2d), x, weight)


@exercise("Conv2dFunction")
def test_gradient_of_a_sum(draw):
    # What comes from above is then one 1 that is repeated by expand.
    inputs = make(draw, (2, 4, 6, 7), (6, 3, 2), (2, 1, 1, 2))[:2]
    ours, theirs = ([value.clone().requires_grad_() for value in inputs] for _ in range(2))
    gradients.Conv2dFunction.apply(*ours, None, 2, 1, 1, 2).sum().backward()
    F.conv2d(*theirs, None, 2, 1, 1, 2).sum().backward()
    close([v.grad for v in ours], [v.grad for v in theirs], parts=("the gradient of x", "the gradient of weight"))


NAMES = ("conv2d_input_gradient", "conv2d_weight_gradient", "conv2d_bias_gradient")


@exercise("Conv2dFunction")
@pytest.mark.parametrize("needed", [(0,), (1,), (2,), (0, 1), (1, 2)], ids=str)
def test_only_the_gradients_that_are_needed_are_computed(needed, draw):
    ours = [draw(2, 3, 5, 6), draw(4, 3, 2, 3), draw(4)]
    theirs = [value.clone() for value in ours]
    for place in needed:
        ours[place].requires_grad_()
        theirs[place].requires_grad_()
    made = gradients.Conv2dFunction.apply(*ours, 2, 1)
    above = draw(*made.shape)
    with (
        calls_of(gradients, NAMES[0]) as x_calls,
        calls_of(gradients, NAMES[1]) as weight_calls,
        calls_of(gradients, NAMES[2]) as bias_calls,
    ):
        made.backward(above)
    for place, (calls, name) in enumerate(((x_calls, "x"), (weight_calls, "weight"), (bias_calls, "bias"))):
        equal(place in needed or not calls, True, name=f"whether the gradient of {name} is only computed if needed")
    F.conv2d(*theirs, 2, 1).backward(above)
    close([ours[place].grad for place in needed], [theirs[place].grad for place in needed])


@exercise("Conv2dFunction")
@pytest.mark.parametrize("which", ["x", "weight"])
def test_a_tensor_modified_before_backward_is_noticed(which, draw):
    inputs = {"x": draw(2, 3, 5, 6).requires_grad_(), "weight": draw(4, 3, 2, 3).requires_grad_()}
    made = gradients.Conv2dFunction.apply(*inputs.values())
    with torch.no_grad():
        inputs[which].mul_(2)
    raises(RuntimeError, made.sum().backward)


@exercise("Conv2dFunction")
def test_function_leaves_its_arguments_alone(draw):
    x, weight, bias = (value.requires_grad_() for value in (draw(2, 3, 5, 6), draw(4, 3, 2, 3), draw(4)))
    with unchanged(x, weight, bias):
        made = gradients.Conv2dFunction.apply(x, weight, bias, 1, 1)
        above = draw(*made.shape)
        kept = above.clone()
        made.backward(above)
    equal(above, kept, name="the gradient from above")


@exercise("Conv2dFunction")
def test_function_in_float64_and_of_any_layout(draw):
    options = (2, 1), 1, 1, 2
    x, weight, _ = make(draw, (3, 4, 6, 5), (6, 3, 2), options)
    ours, theirs = (lambda *inputs, f=f: f(*inputs, *options) for f in (gradients.Conv2dFunction.apply, F.conv2d))
    same_gradients(ours, theirs, x.double(), weight.double(), draw(6).double(), name="in float64")
    layouts = strided(x), strided(weight), strided(draw(6))
    same_gradients(ours, theirs, *layouts, name="with gaps between the entries")
