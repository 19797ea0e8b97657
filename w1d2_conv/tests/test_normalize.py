"""Tests of normalize.py. The oracles: torch's own norms and their gradients, torch.var_mean, and cases by hand."""

import normalize
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from shared.checks import close, equal, exercise, raises, same_for_any_layout, same_gradients

LOW = pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16], ids=str)
SHAPES = pytest.mark.parametrize("shape", [(3, 6, 4, 5), (1, 6, 2, 7), (4, 6, 9), (7, 6), (2, 6, 3, 4, 5)], ids=str)


def far_from_zero(device, *shape):
    """Whole numbers around 10,000, whose means along any one or more dims but the first are exact in float32.

    A channel has the values 9,997 to 10,003. Sums stay below 2^24, so no right answer rounds before it divides.
    """
    count = torch.Size(shape).numel()
    return (10000 + torch.arange(count, device=device) % 7 - 3).float().view(shape)


# ---- Mean and variance -----------------------------------------------------------------------------------------------


def torch_moments(x, dims):
    variance, mean = torch.var_mean(x, tuple(dims), correction=0, keepdim=True)
    return x - mean, mean, variance


PARTS = ("x minus its mean", "the mean", "the variance")


@exercise("moments")
def test_moments_by_hand(device):
    x = torch.tensor([[1.0, 2.0, 3.0, 6.0], [-1.0, -1.0, -1.0, -1.0]], device=device)
    expected = ([[-2.0, -1.0, 0.0, 3.0], [0.0] * 4], [[3.0], [-1.0]], [[3.5], [0.0]])
    close(
        normalize.moments(x, (1,)),
        tuple(torch.tensor(rows, device=device) for rows in expected),
        parts=PARTS,
    )


@exercise("moments")
@pytest.mark.parametrize("dims", [(0,), (1,), (-1,), (0, 2, 3), (2, 3), (-2, -1), (0, -2), (0, 1, 2, 3)], ids=str)
def test_moments_over_any_dims(dims, draw):
    x = draw(3, 2, 5, 4) * 3 - 2
    close(normalize.moments(x, dims), torch_moments(x, dims), parts=PARTS)


@exercise("moments")
def test_dims_may_come_as_a_list_or_a_range(draw):
    x = draw(3, 2, 5, 4)
    for dims in ([0, 2, 3], range(1, 4), range(-2, 0)):
        close(normalize.moments(x, dims), torch_moments(x, dims), name=f"dims {dims}", parts=PARTS)


@exercise("moments")
def test_one_value_has_no_variance(draw):
    x = draw(3, 1, 2)
    close(normalize.moments(x, (1,)), (torch.zeros_like(x), x, torch.zeros_like(x)), parts=PARTS)


@exercise("moments")
def test_a_tiny_variance_is_told_as_it_is(draw):
    x = draw(3, 50) / 1000
    _, _, variance = normalize.moments(x, (1,))
    close(variance * 1e6, torch_moments(x, (1,))[2] * 1e6, name="the variance, times 1e6")


@exercise("moments")
def test_moments_are_accurate_where_the_mean_is_large(device):
    x = far_from_zero(device, 2, 7, 3, 5)
    expected = torch_moments(x.double().cpu(), (1, 2, 3))
    # The tolerance: a running mean, one value after the other, rounds each time to a multiple of 0.001.
    got = normalize.moments(x, (1, 2, 3))
    close(list(got), [part.float().to(device) for part in expected], atol=3e-3, parts=PARTS)


@exercise("moments")
def test_moments_of_any_layout(draw):
    same_for_any_layout(normalize.moments, torch_moments, draw(3, 2, 5, 4), (0, 2, 3))
    same_for_any_layout(normalize.moments, torch_moments, draw(3, 2, 5, 4), (-1,))


@exercise("moments")
@LOW
def test_moments_of_few_digits_are_float32(dtype, draw):
    # Times 200, and far from 0: squares of what is left don't fit into float16, and bfloat16 rounds the mean.
    x = (draw(3, 2, 50) * 200 + 1001).to(dtype)
    close(normalize.moments(x, (0, 2)), torch_moments(x.float(), (0, 2)), parts=PARTS)


@exercise("moments")
def test_moments_have_the_right_gradients(draw):
    same_gradients(normalize.moments, torch_moments, draw(3, 2, 5, 4), (0, 2, 3))


# ---- Layer norm ------------------------------------------------------------------------------------------------------


@exercise("layer_norm")
def test_each_row_of_a_layer_by_hand(device):
    x = torch.tensor([[1.0, 3.0], [10.0, 50.0]], device=device)
    weight, bias = torch.tensor([2.0, 3.0], device=device), torch.tensor([0.5, -1.0], device=device)
    # Variances 1 and 400; with eps 3 and 41 the roots are 2 and 21.
    rows = [[2 * -1 / 2 + 0.5, 3 * 1 / 2 - 1], [2 * -20 / 20.1246118 + 0.5, 3 * 20 / 20.1246118 - 1]]
    expected = torch.tensor([rows[0]], device=device)
    close(normalize.layer_norm(x[:1], (2,), weight, bias, 3.0), expected, name="eps 3")
    expected = torch.tensor([rows[1]], device=device)
    close(normalize.layer_norm(x[1:], (2,), weight, bias, 5.0), expected, name="eps 5")


@exercise("layer_norm")
@pytest.mark.parametrize(
    "shape, normalized_shape",
    [
        ((3, 5, 4), (4,)),
        ((1, 7), (7,)),
        ((2, 3, 5, 4), (5, 4)),
        ((2, 3, 5, 4), (3, 5, 4)),
        ((6,), (6,)),
        ((3, 4), (3, 4)),
    ],
    ids=str,
)
def test_layer_norm_equals_torch(shape, normalized_shape, draw):
    x, weight, bias = draw(*shape) * 2 + 3, draw(*normalized_shape), draw(*normalized_shape)
    got = normalize.layer_norm(x, normalized_shape, weight, bias)
    close(got, F.layer_norm(x, normalized_shape, weight, bias))


@exercise("layer_norm")
def test_the_layers_weight_and_bias_may_each_be_missing(draw):
    x, weight, bias = draw(3, 5, 4), draw(5, 4), draw(5, 4)
    for args in ((None, None), (weight, None), (None, bias)):
        name = f"weight {args[0] is not None}, bias {args[1] is not None}"
        close(normalize.layer_norm(x, (5, 4), *args), F.layer_norm(x, (5, 4), *args), name=name)


@exercise("layer_norm")
def test_normalized_shape_may_be_a_list_or_a_size(draw):
    x = draw(3, 5, 4)
    for shape in ([5, 4], x.shape[1:]):
        close(normalize.layer_norm(x, shape), F.layer_norm(x, (5, 4)), name=type(shape).__name__)


@exercise("layer_norm")
@pytest.mark.parametrize("eps", [1e-5, 1e-3, 0.5])
def test_eps_of_a_layer_is_under_the_root(eps, draw):
    # The spreads are around 0.01, 0.1 and 1, so each eps matters to one of them.
    x = draw(3, 5, 7) * torch.tensor([0.01, 0.1, 1.0], device=draw(1).device)[:, None, None]
    close(normalize.layer_norm(x, (7,), eps=eps), F.layer_norm(x, (7,), eps=eps))


@exercise("layer_norm")
def test_a_constant_layer_becomes_the_bias(draw):
    x, weight, bias = draw(3, 1).expand(3, 5), draw(5), draw(5)
    close(normalize.layer_norm(x, (5,), weight, bias), bias.expand(3, 5))


@exercise("layer_norm")
def test_layer_norm_is_accurate_where_the_mean_is_large(device):
    x = far_from_zero(device, 3, 7, 5)
    expected = F.layer_norm(x.double().cpu(), (7, 5)).float().to(device)
    close(normalize.layer_norm(x, (7, 5)), expected, atol=3e-3)


@exercise("layer_norm")
def test_layer_norm_of_any_layout(draw):
    same_for_any_layout(normalize.layer_norm, F.layer_norm, draw(3, 5, 4), (5, 4), draw(5, 4), draw(5, 4))


@exercise("layer_norm")
@LOW
def test_layer_norm_in_few_digits_rounds_once(dtype, draw):
    x, weight, bias = (draw(3, 50) * 200 + 1001).to(dtype), draw(50).to(dtype), draw(50).to(dtype)
    expected = F.layer_norm(x.float(), (50,), weight.float(), bias.float()).to(dtype)
    close(normalize.layer_norm(x, (50,), weight, bias), expected)


@exercise("layer_norm")
@LOW
def test_weight_and_bias_of_a_layer_come_before_the_rounding(dtype, draw):
    # The bias takes nearly all away again: what was rounded before it stands out.
    x, weight = draw(3, 50).to(dtype), 64 + draw(50).to(dtype)
    bias = (-F.layer_norm(x[0].float(), (50,), weight.float())).to(dtype)
    expected = F.layer_norm(x.float(), (50,), weight.float(), bias.float()).to(dtype)
    close(normalize.layer_norm(x, (50,), weight, bias), expected)


@exercise("layer_norm")
def test_no_example_is_a_layer_too(draw):
    x, weight, bias = draw(0, 5, 4), draw(4), draw(4)
    close(normalize.layer_norm(x, (4,), weight, bias), x)


@exercise("layer_norm")
def test_layer_norm_has_the_right_gradients(draw):
    same_gradients(normalize.layer_norm, F.layer_norm, draw(3, 5, 4) * 2 + 1, (5, 4), draw(5, 4), draw(5, 4), 0.1)
    same_gradients(normalize.layer_norm, F.layer_norm, draw(3, 5, 4), (4,), draw(4), draw(4))


@exercise("layer_norm")
@pytest.mark.parametrize(
    "shape, normalized_shape",
    [((3, 5), (3,)), ((3, 5, 4), (5,)), ((2, 6), (3, 2)), ((4,), (7, 4)), ((5, 2, 3), (3, 2))],
)
def test_a_layer_of_another_shape_is_refused(shape, normalized_shape, draw):
    # A shape of several dims is named by its numbers, however they are written.
    names = {*shape, *normalized_shape}
    raises(ValueError, normalize.layer_norm, draw(*shape), normalized_shape, names=tuple(names))


# ---- Group norm ------------------------------------------------------------------------------------------------------


@exercise("group_norm")
def test_groups_are_neighbours_by_hand(device):
    x = torch.tensor([[[1.0], [3.0], [10.0], [50.0]]], device=device)
    weight = torch.tensor([1.0, 2.0, 3.0, 4.0], device=device)
    bias = torch.tensor([0.5, 0.0, 0.0, -1.0], device=device)
    expected = torch.tensor([[[-0.5], [2.0], [-3.0], [3.0]]], device=device)
    close(normalize.group_norm(x, 2, weight, bias, 1e-9), expected)


@exercise("group_norm")
@pytest.mark.parametrize("num_groups", [1, 2, 3, 6])
@SHAPES
def test_group_norm_equals_torch(shape, num_groups, draw):
    # Three places more at least, so that no group has one value only, which torch refuses.
    x, weight, bias = draw(*shape, 3) * 2 + 3, draw(6), draw(6)
    close(normalize.group_norm(x, num_groups, weight, bias), F.group_norm(x, num_groups, weight, bias))


@exercise("group_norm")
def test_group_norm_without_places(draw):
    x, weight, bias = draw(5, 6), draw(6), draw(6)
    close(normalize.group_norm(x, 2, weight, bias), F.group_norm(x, 2, weight, bias))


@exercise("group_norm")
def test_the_groups_weight_and_bias_may_each_be_missing(draw):
    x, weight, bias = draw(3, 6, 4, 5), draw(6), draw(6)
    for args in ((None, None), (weight, None), (None, bias)):
        name = f"weight {args[0] is not None}, bias {args[1] is not None}"
        close(normalize.group_norm(x, 3, *args), F.group_norm(x, 3, *args), name=name)


@exercise("group_norm")
@pytest.mark.parametrize("eps", [1e-5, 1e-3, 0.5])
def test_eps_of_a_group_is_under_the_root(eps, draw):
    x = draw(3, 6, 4, 5) * torch.tensor([0.01, 0.1, 1.0], device=draw(1).device)[:, None, None, None]
    close(normalize.group_norm(x, 2, eps=eps), F.group_norm(x, 2, eps=eps))


@exercise("group_norm")
def test_group_norm_is_accurate_where_the_mean_is_large(device):
    x = far_from_zero(device, 3, 4, 7, 5)
    expected = F.group_norm(x.double().cpu(), 2).float().to(device)
    close(normalize.group_norm(x, 2), expected, atol=3e-3)


@exercise("group_norm")
def test_group_norm_of_any_layout(draw):
    same_for_any_layout(normalize.group_norm, F.group_norm, draw(3, 6, 4, 5), 2, draw(6), draw(6))


@exercise("group_norm")
def test_groups_of_channels_last_pictures(draw):
    x = draw(3, 6, 4, 5).contiguous(memory_format=torch.channels_last)
    close(normalize.group_norm(x, 2), F.group_norm(x.contiguous(), 2))


@exercise("group_norm")
@LOW
def test_group_norm_in_few_digits_rounds_once(dtype, draw):
    x, weight, bias = (draw(3, 6, 20) * 200 + 1001).to(dtype), draw(6).to(dtype), draw(6).to(dtype)
    expected = F.group_norm(x.float(), 2, weight.float(), bias.float()).to(dtype)
    close(normalize.group_norm(x, 2, weight, bias), expected)


@exercise("group_norm")
@LOW
def test_weight_and_bias_of_groups_come_before_the_rounding(dtype, draw):
    # The bias takes nearly all away again: what was rounded before it stands out.
    x, weight = draw(3, 6, 20).to(dtype), 64 + draw(6).to(dtype)
    x[:, :, 1:2] = x[:, :, :1]
    bias = (-F.group_norm(x.float(), 2, weight.float())[0, :, 0]).to(dtype)
    expected = F.group_norm(x.float(), 2, weight.float(), bias.float()).to(dtype)
    close(normalize.group_norm(x, 2, weight, bias), expected)


@exercise("group_norm")
def test_no_example_has_groups_too(draw):
    x = draw(0, 6, 4, 5)
    close(normalize.group_norm(x, 2, draw(6), draw(6)), x)


@exercise("group_norm")
def test_group_norm_has_the_right_gradients(draw):
    same_gradients(normalize.group_norm, F.group_norm, draw(3, 6, 4, 5) * 2 + 1, 2, draw(6), draw(6), 0.1)


@exercise("group_norm")
@pytest.mark.parametrize("channel, num_groups", [(6, 4), (5, 2), (3, 7)])
def test_groups_of_different_sizes_are_refused(channel, num_groups, draw):
    raises(ValueError, normalize.group_norm, draw(2, channel, 8, 9), num_groups, names=(channel, num_groups))


@exercise("group_norm")
@pytest.mark.parametrize("num_groups", [0, -2])
def test_fewer_groups_than_one_are_refused(num_groups, draw):
    raises(ValueError, normalize.group_norm, draw(2, 6, 8, 9), num_groups, names=(6, num_groups))


# ---- Instance norm ---------------------------------------------------------------------------------------------------


def torch_instance_norm(x, weight=None, bias=None, eps=1e-5):
    return F.instance_norm(x, weight=weight, bias=bias, eps=eps)


@exercise("instance_norm")
def test_each_channel_of_each_example_by_hand(device):
    x = torch.tensor([[[1.0, 3.0], [10.0, 50.0]], [[-7.0, -9.0], [0.0, 2.0]]], device=device)
    weight, bias = torch.tensor([1.0, 2.0], device=device), torch.tensor([0.5, -1.0], device=device)
    expected = torch.tensor([[[-0.5, 1.5], [-3.0, 1.0]], [[1.5, -0.5], [-3.0, 1.0]]], device=device)
    close(normalize.instance_norm(x, weight, bias, 1e-9), expected)


@exercise("instance_norm")
@pytest.mark.parametrize("shape", [(3, 6, 4, 5), (1, 2, 2, 7), (4, 5, 9), (2, 1, 3, 5), (2, 3, 4, 5, 2)], ids=str)
def test_instance_norm_equals_torch(shape, draw):
    x, weight, bias = draw(*shape) * 2 + 3, draw(shape[1]), draw(shape[1])
    close(normalize.instance_norm(x, weight, bias), torch_instance_norm(x, weight, bias))
    close(normalize.instance_norm(x, eps=0.5), torch_instance_norm(x, eps=0.5), name="with another eps")


@exercise("instance_norm")
def test_the_instances_weight_and_bias_may_each_be_missing(draw):
    x, weight, bias = draw(3, 6, 4, 5), draw(6), draw(6)
    for args in ((None, None), (weight, None), (None, bias)):
        name = f"weight {args[0] is not None}, bias {args[1] is not None}"
        close(normalize.instance_norm(x, *args), torch_instance_norm(x, *args), name=name)


@exercise("instance_norm")
def test_instance_norm_of_any_layout(draw):
    same_for_any_layout(normalize.instance_norm, torch_instance_norm, draw(3, 6, 4, 5), draw(6), draw(6))


@exercise("instance_norm")
@LOW
def test_instance_norm_in_few_digits_rounds_once(dtype, draw):
    x, weight, bias = (draw(3, 6, 20) * 200 + 1001).to(dtype), draw(6).to(dtype), draw(6).to(dtype)
    expected = torch_instance_norm(x.float(), weight.float(), bias.float()).to(dtype)
    close(normalize.instance_norm(x, weight, bias), expected)


@exercise("instance_norm")
@LOW
def test_weight_and_bias_of_instances_come_before_the_rounding(dtype, draw):
    # The bias takes nearly all away again: what was rounded before it stands out.
    x, weight = draw(3, 6, 20).to(dtype), 64 + draw(6).to(dtype)
    x[:, :, 1:2] = x[:, :, :1]
    bias = (-torch_instance_norm(x.float(), weight.float())[0, :, 0]).to(dtype)
    expected = torch_instance_norm(x.float(), weight.float(), bias.float()).to(dtype)
    close(normalize.instance_norm(x, weight, bias), expected)


@exercise("instance_norm")
def test_instance_norm_is_accurate_where_the_mean_is_large(device):
    x = far_from_zero(device, 3, 4, 7, 5)
    expected = torch_instance_norm(x.double().cpu()).float().to(device)
    close(normalize.instance_norm(x), expected, atol=3e-3)


@exercise("instance_norm")
def test_no_example_is_no_instance(draw):
    x = draw(0, 6, 4, 5)
    close(normalize.instance_norm(x, draw(6), draw(6)), x)


@exercise("instance_norm")
def test_instance_norm_has_the_right_gradients(draw):
    same_gradients(normalize.instance_norm, torch_instance_norm, draw(3, 6, 4, 5) * 2 + 1, draw(6), draw(6), 0.1)


# ---- Batch norm ------------------------------------------------------------------------------------------------------


def statistics(draw, channel, dtype=torch.float32):
    """A running mean and a running variance that no batch has."""
    return draw(channel, dtype=dtype), draw(channel, dtype=dtype).square() + 0.5


STATISTICS = ("running_mean", "running_var")


@exercise("batch_norm", modifies=True)
def test_a_batch_by_hand(device):
    x = torch.tensor([[1.0], [2.0], [3.0], [4.0]], device=device)
    running = torch.tensor([0.0], device=device), torch.tensor([1.0], device=device)
    weight, bias = torch.tensor([2.0], device=device), torch.tensor([10.0], device=device)
    # Mean 2.5, biased variance 1.25, and 1.25 + 1 is 1.5². The unbiased variance is 5/3.
    got = normalize.batch_norm(x, *running, weight, bias, training=True, eps=1.0)
    close(got.flatten(), torch.tensor([8.0, 10 - 2 / 3, 10 + 2 / 3, 12.0], device=device), name="the result")
    expected = torch.tensor([0.25], device=device), torch.tensor([0.9 + 0.1 * 5 / 3], device=device)
    close(running, expected, parts=STATISTICS)


@exercise("batch_norm", modifies=True)
@SHAPES
def test_training_equals_torch(shape, draw):
    x, weight, bias = draw(*shape) * 2 + 3, draw(6), draw(6)
    mine = statistics(draw, 6)
    theirs = [value.clone() for value in mine]
    got = normalize.batch_norm(x, *mine, weight, bias, training=True)
    close(got, F.batch_norm(x, *theirs, weight, bias, training=True), name="the result")
    close(list(mine), theirs, parts=STATISTICS)


@exercise("batch_norm", modifies=True)
@SHAPES
def test_outside_of_training_equals_torch_and_updates_nothing(shape, draw):
    x, weight, bias = draw(*shape) * 2 + 3, draw(6), draw(6)
    running = statistics(draw, 6)
    before = [value.clone() for value in running]
    close(normalize.batch_norm(x, *running, weight, bias), F.batch_norm(x, *before, weight, bias), name="the result")
    equal(list(running), before, parts=STATISTICS)


@exercise("batch_norm", modifies=True)
@pytest.mark.parametrize("training", [True, False], ids=["training", "not training"])
def test_without_running_statistics_those_of_the_batch_count(training, draw):
    x, weight, bias = draw(3, 6, 4, 5) * 2 + 3, draw(6), draw(6)
    got = normalize.batch_norm(x, None, None, weight, bias, training)
    close(got, F.batch_norm(x, None, None, weight, bias, training=True))


@exercise("batch_norm", modifies=True)
@pytest.mark.parametrize("training", [True, False], ids=["training", "not training"])
def test_weight_and_bias_may_each_be_missing(training, draw):
    x, weight, bias = draw(3, 6, 4, 5), draw(6), draw(6)
    for args in ((None, None), (weight, None), (None, bias)):
        running = statistics(draw, 6)
        copies = [value.clone() for value in running]
        name = f"weight {args[0] is not None}, bias {args[1] is not None}"
        got = normalize.batch_norm(x, *running, *args, training)
        close(got, F.batch_norm(x, *copies, *args, training), name=name)


@exercise("batch_norm", modifies=True)
@pytest.mark.parametrize("training", [True, False], ids=["training", "not training"])
@pytest.mark.parametrize("eps", [1e-5, 1e-3, 0.5])
def test_eps_of_a_batch_is_under_the_root(eps, training, draw):
    spread = torch.tensor([0.01, 0.1, 1.0], device=draw(1).device)
    x, running = draw(5, 3, 4) * spread[:, None], (draw(3), spread.square())
    copies = [value.clone() for value in running]
    got = normalize.batch_norm(x, *running, training=training, eps=eps)
    close(got, F.batch_norm(x, *copies, training=training, eps=eps))


@exercise("batch_norm", modifies=True)
@pytest.mark.parametrize("momentum", [0.0, 0.1, 0.3, 1.0])
def test_momentum_is_the_share_of_the_new_batch(momentum, draw):
    mine = statistics(draw, 6)
    theirs = [value.clone() for value in mine]
    for _ in range(3):
        x = draw(3, 6, 2, 5) * 2 + 3
        got = normalize.batch_norm(x, *mine, training=True, momentum=momentum)
        close(got, F.batch_norm(x, *theirs, training=True, momentum=momentum), name="the result")
    close(list(mine), theirs, parts=STATISTICS)


def torch_batch_norm(channel, momentum, running, tracked):
    """torch's module without weight and bias, with copies of these statistics and `tracked` batches behind it."""
    module = nn.BatchNorm2d(channel, affine=False, momentum=momentum).to(running[0].device)
    for buffer, value in zip((module.running_mean, module.running_var), running):
        buffer.copy_(value)
    module.num_batches_tracked.fill_(tracked)
    return module


@exercise("batch_norm", modifies=True)
@pytest.mark.parametrize("momentum", [None, 0.3], ids=["momentum None", "momentum 0.3"])
@pytest.mark.parametrize("tracked", [0, 4])
def test_batches_are_counted_and_averaged(tracked, momentum, draw, device):
    running, counter = statistics(draw, 6), torch.tensor(tracked, device=device)
    theirs = torch_batch_norm(6, momentum, running, tracked)
    for i in range(1, 4):
        x = draw(3, 6, 2, 5) * 2 + i
        got = normalize.batch_norm(x, *running, None, None, True, momentum, num_batches_tracked=counter)
        close(got, theirs(x), name=f"the result of batch {i}")
        state = [theirs.running_mean, theirs.running_var, theirs.num_batches_tracked]
        parts = (*STATISTICS, "num_batches_tracked")
        close([*running, counter], state, name=f"after batch {i}", parts=parts)


@exercise("batch_norm", modifies=True)
def test_the_first_batch_of_a_plain_average_replaces_what_was_there(draw, device):
    x, running, counter = draw(3, 2, 4, 5), statistics(draw, 2), torch.tensor(0, device=device)
    normalize.batch_norm(x, *running, training=True, momentum=None, num_batches_tracked=counter)
    variance, mean = torch.var_mean(x, (0, 2, 3), correction=1)
    close([*running, counter.item()], [mean, variance, 1], parts=(*STATISTICS, "num_batches_tracked"))


@exercise("batch_norm", modifies=True)
def test_nothing_is_counted_outside_of_training(draw, device):
    x, running, counter = draw(3, 6, 4, 5), statistics(draw, 6), torch.tensor(3, device=device)
    copies = [value.clone() for value in running]
    got = normalize.batch_norm(x, *running, momentum=None, num_batches_tracked=counter)
    close(got, F.batch_norm(x, *copies), name="the result")
    equal([*running, counter.item()], [*copies, 3], parts=(*STATISTICS, "num_batches_tracked"))


@exercise("batch_norm", modifies=True)
def test_an_average_of_batches_needs_their_number(draw):
    running = statistics(draw, 6)
    raises(ValueError, normalize.batch_norm, draw(3, 6, 4, 5), *running, training=True, momentum=None)


@exercise("batch_norm", modifies=True)
def test_where_nothing_is_averaged_the_number_of_batches_is_not_needed(draw):
    x, running = draw(3, 6, 4, 5), statistics(draw, 6)
    copies = [value.clone() for value in running]
    close(normalize.batch_norm(x, *running, momentum=None), F.batch_norm(x, *copies), name="outside of training")
    got = normalize.batch_norm(x, None, None, training=True, momentum=None)
    close(got, F.batch_norm(x, None, None, training=True), name="without running statistics")


@exercise("batch_norm", modifies=True)
def test_training_under_no_grad_updates_too(draw):
    x, running = draw(3, 6, 4, 5), statistics(draw, 6)
    copies = [value.clone() for value in running]
    with torch.no_grad():
        normalize.batch_norm(x, *running, training=True)
        F.batch_norm(x, *copies, training=True)
    close(list(running), copies, parts=STATISTICS)


@exercise("batch_norm", modifies=True)
@pytest.mark.parametrize("shape", [(1, 3), (1, 3, 1), (1, 3, 1, 1), (0, 3, 4, 5)], ids=str)
def test_fewer_than_two_values_are_an_error_in_training(shape, draw):
    raises(ValueError, normalize.batch_norm, draw(*shape), *statistics(draw, 3), training=True, names=shape)
    raises(ValueError, normalize.batch_norm, draw(*shape), None, None, names=shape)


@exercise("batch_norm", modifies=True)
@pytest.mark.parametrize("shape", [(2, 3), (1, 3, 2), (1, 3, 1, 2), (2, 3, 1, 1)], ids=str)
def test_two_values_will_do_in_training(shape, draw):
    x, running = draw(*shape), statistics(draw, 3)
    copies = [value.clone() for value in running]
    got = normalize.batch_norm(x, *running, training=True)
    close(got, F.batch_norm(x, *copies, training=True), name="the result")
    close(list(running), copies, parts=STATISTICS)


@exercise("batch_norm", modifies=True)
@pytest.mark.parametrize("shape", [(1, 3), (1, 3, 1, 1), (0, 3, 4, 5), (0, 3)], ids=str)
def test_one_value_or_none_will_do_outside_of_training(shape, draw):
    x, running, weight, bias = draw(*shape), statistics(draw, 3), draw(3), draw(3)
    places = [1] * (len(shape) - 2)
    mean, variance, scale, shift = (value.view(1, 3, *places) for value in (*running, weight, bias))
    close(normalize.batch_norm(x, *running, weight, bias), (x - mean) / (variance + 1e-5).sqrt() * scale + shift)


@exercise("batch_norm", modifies=True)
def test_statistics_belong_to_no_graph(draw):
    running = statistics(draw, 6)
    pointers = [value.data_ptr() for value in running]
    for _ in range(2):
        x, weight, bias = (draw(*shape).requires_grad_() for shape in ((3, 6, 4, 5), (6,), (6,)))
        normalize.batch_norm(x, *running, weight, bias, training=True).sum().backward()
    equal([value.requires_grad for value in running], [False, False], parts=STATISTICS, name="requires_grad")
    equal([value.data_ptr() for value in running], pointers, parts=STATISTICS, name="where it lies in memory")


@exercise("batch_norm", modifies=True)
@pytest.mark.parametrize("training", [True, False], ids=["training", "not training"])
def test_batch_norm_has_the_right_gradients(training, draw):
    running = statistics(draw, 6)

    def run(norm):
        def of(x, weight, bias):
            return norm(x, *(value.clone() for value in running), weight, bias, training, 0.1, 0.1)

        return of

    same_gradients(run(normalize.batch_norm), run(F.batch_norm), draw(3, 6, 4, 5) * 2 + 1, draw(6), draw(6))
    same_gradients(run(normalize.batch_norm), run(F.batch_norm), draw(7, 6), draw(6), draw(6))


@exercise("batch_norm", modifies=True)
def test_batch_norm_is_accurate_where_the_mean_is_large(device):
    x = far_from_zero(device, 3, 4, 7, 5)
    running = torch.zeros(4, device=device), torch.ones(4, device=device)
    expected = F.batch_norm(x.double().cpu(), None, None, training=True).float().to(device)
    close(normalize.batch_norm(x, *running, training=True, momentum=1.0), expected, atol=3e-3, name="the result")
    variance, mean = torch.var_mean(x.double().cpu(), (0, 2, 3))
    close(list(running), [value.float().to(device) for value in (mean, variance)], atol=3e-3, parts=STATISTICS)


@exercise("batch_norm", modifies=True)
@pytest.mark.parametrize("training", [True, False], ids=["training", "not training"])
def test_batch_norm_of_any_layout(training, draw):
    def run(norm):
        def of(x, running_mean, running_var, weight, bias):
            # An expanded tensor can't be written to, so the statistics are copies, side by side with gaps between.
            running = torch.stack([running_mean, running_var.abs() + 0.5], -1)
            out = norm(x, running[:, 0], running[:, 1], weight, bias, training)
            return out, running

        return of

    inputs = draw(3, 6, 4, 5), draw(6), draw(6), draw(6), draw(6)
    same_for_any_layout(run(normalize.batch_norm), run(F.batch_norm), *inputs)


@exercise("batch_norm", modifies=True)
def test_a_batch_of_channels_last_pictures(draw):
    x, running = draw(3, 6, 4, 5), statistics(draw, 6)
    copies = [value.clone() for value in running]
    got = normalize.batch_norm(x.contiguous(memory_format=torch.channels_last), *running, training=True)
    close(got, F.batch_norm(x, *copies, training=True), name="the result")
    close(list(running), copies, parts=STATISTICS)


@exercise("batch_norm", modifies=True)
@LOW
@pytest.mark.parametrize("training", [True, False], ids=["training", "not training"])
def test_batch_norm_in_few_digits_rounds_once(training, dtype, draw):
    # The statistics are float32, as in a model under mixed precision.
    x, weight, bias = (draw(7, 6, 20) * 200 + 1001).to(dtype), draw(6).to(dtype), draw(6).to(dtype)
    running = draw(6) + 1001, draw(6).square() * 40000 + 100
    copies = [value.clone() for value in running]
    got = normalize.batch_norm(x, *running, weight, bias, training)
    expected = F.batch_norm(x.float(), *copies, weight.float(), bias.float(), training)
    close(got, expected.to(dtype), name="the result")
    close(list(running), copies, parts=STATISTICS)


@exercise("batch_norm", modifies=True)
@LOW
@pytest.mark.parametrize("training", [True, False], ids=["training", "not training"])
def test_weight_and_bias_come_before_the_rounding(training, dtype, draw):
    # The bias takes nearly all away again: what was rounded before it stands out.
    x, weight, running = draw(1, 6, 20).to(dtype), 64 + draw(6).to(dtype), statistics(draw, 6)
    x[:, :, 1:2] = x[:, :, :1]
    copies = [value.clone() for value in running]
    bias = (-F.batch_norm(x.float(), *copies, weight.float(), None, training)[0, :, 0]).to(dtype)
    copies = [value.clone() for value in running]
    expected = F.batch_norm(x.float(), *copies, weight.float(), bias.float(), training)
    close(normalize.batch_norm(x, *running, weight, bias, training), expected.to(dtype))


@exercise("batch_norm", modifies=True)
def test_evaluation_keeps_all_digits_of_float64(draw):
    x, running = draw(3, 6, 5, dtype=torch.float64), statistics(draw, 6, torch.float64)
    close(normalize.batch_norm(x, *running), F.batch_norm(x, *running))


@exercise("batch_norm", modifies=True)
@LOW
def test_evaluation_rounds_once_where_the_statistics_have_few_digits_too(dtype, draw):
    # The bias takes nearly all away again: what was rounded before it stands out.
    x, running = 200 + draw(1, 6, 20).to(dtype), statistics(draw, 6, dtype)
    x[:, :, 1:2] = x[:, :, :1]
    wide = [value.float() for value in running]
    bias = (-F.batch_norm(x.float(), *wide)[0, :, 0]).to(dtype)
    expected = F.batch_norm(x.float(), *wide, None, bias.float())
    close(normalize.batch_norm(x, *running, None, bias), expected.to(dtype))


@exercise("batch_norm", modifies=True)
def test_statistics_keep_their_dtype(draw, device):
    x = draw(7, 6, 4, dtype=torch.float16)
    running = statistics(draw, 6, torch.float16)
    copies = [value.float() for value in running]
    normalize.batch_norm(x, *running, training=True)
    F.batch_norm(x.float(), *copies, training=True)
    close(list(running), [value.half() for value in copies], parts=STATISTICS)


@exercise("batch_norm", modifies=True)
@pytest.mark.parametrize("training", [True, False], ids=["training", "not training"])
def test_only_the_statistics_are_modified(training, draw):
    inputs = draw(3, 6, 4, 5), draw(6), draw(6)
    before = [value.clone() for value in inputs]
    normalize.batch_norm(inputs[0], *statistics(draw, 6), *inputs[1:], training)
    equal(list(inputs), before, parts=("x", "weight", "bias"), name="after the call")


# ---- Batch norm, backwards -------------------------------------------------------------------------------------------

GRADIENTS = ("the gradient of x", "the gradient of weight", "the gradient of bias")


def autograd_of_batch_norm(grad_output, x, weight, eps=1e-5):
    """What torch's autograd makes of its own batch norm."""
    with torch.enable_grad():
        leaves = [value.detach().clone().requires_grad_() for value in (x, weight, torch.zeros_like(weight))]
        out = F.batch_norm(leaves[0], None, None, leaves[1], leaves[2], training=True, eps=eps)
        return torch.autograd.grad(out, leaves, grad_output)


@exercise("batch_norm_backward")
def test_gradients_by_hand(device):
    # Mean 2 and variance 8/3: with eps 4/3 the root is 2, and the normalized x is -1, 0, 1.
    x = torch.tensor([[0.0], [2.0], [4.0]], device=device)
    above, weight = torch.tensor([[3.0], [0.0], [0.0]], device=device), torch.tensor([2.0], device=device)
    # By way of the mean 3/3, by way of the variance -3/3 · normalized: 3 - 1 - 1, 0 - 1 - 0, 0 - 1 + 1.
    got = normalize.batch_norm_backward(above, x, weight, 4 / 3)
    expected = ([[1.0], [-1.0], [0.0]], [-3.0], [3.0])
    close(got, tuple(torch.tensor(value, device=device) for value in expected), parts=GRADIENTS)


@exercise("batch_norm_backward")
@SHAPES
def test_gradients_equal_torchs(shape, draw):
    args = draw(*shape), draw(*shape) * 2 + 3, draw(6)
    close(normalize.batch_norm_backward(*args), autograd_of_batch_norm(*args), parts=GRADIENTS)


@exercise("batch_norm_backward")
@pytest.mark.parametrize("eps", [1e-3, 0.5])
def test_eps_counts_on_the_way_back(eps, draw):
    spread = torch.tensor([0.01, 0.1, 1.0], device=draw(1).device)
    args = draw(5, 3, 4), draw(5, 3, 4) * spread[:, None], draw(3), eps
    close(normalize.batch_norm_backward(*args), autograd_of_batch_norm(*args), parts=GRADIENTS)


@exercise("batch_norm_backward")
def test_a_shift_or_a_stretch_of_a_channel_changes_nothing(draw):
    # Batch norm takes both away, so the gradient is at right angles to both. A spread of 2 makes eps too small to see.
    above, x, weight = draw(5, 3, 4, 2), draw(5, 3, 4, 2) * 2, draw(3)
    gradient, _, _ = normalize.batch_norm_backward(above, x, weight)
    shift, stretch = gradient.sum((0, 2, 3)), (gradient * x).sum((0, 2, 3))
    nothing = torch.zeros_like(shift)
    close([shift, stretch], [nothing, nothing], atol=1e-3, parts=("along a shift", "along a stretch"))


@exercise("batch_norm_backward")
def test_gradients_of_any_layout(draw):
    inputs = draw(3, 6, 4, 5), draw(3, 6, 4, 5), draw(6)

    def run(backward):
        # Large eps: in a batch of equal examples the gradients would be differences of large numbers.
        return lambda above, x, weight: list(backward(above, x, weight, 0.1))

    same_for_any_layout(run(normalize.batch_norm_backward), run(autograd_of_batch_norm), *inputs)


@exercise("batch_norm_backward")
@LOW
def test_gradients_in_few_digits(dtype, draw):
    above, x, weight = draw(7, 6, 20).to(dtype), (draw(7, 6, 20) * 200 + 1001).to(dtype), (draw(6) * 100).to(dtype)
    expected = autograd_of_batch_norm(above.float(), x.float(), weight.float())
    close(
        normalize.batch_norm_backward(above, x, weight), tuple(value.to(dtype) for value in expected), parts=GRADIENTS
    )


@exercise("batch_norm_backward")
def test_each_gradient_has_the_dtype_of_its_own(draw):
    # Under mixed precision x is bfloat16, and the weight isn't.
    above, x, weight = draw(7, 6, 4).bfloat16(), draw(7, 6, 4).bfloat16(), draw(6)
    expected = autograd_of_batch_norm(above.float(), x.float(), weight)
    got = normalize.batch_norm_backward(above, x, weight)
    close(got, (expected[0].bfloat16(), *expected[1:]), parts=GRADIENTS)


@exercise("batch_norm_backward")
def test_gradients_are_accurate_where_the_mean_is_large(draw, device):
    above, x, weight = draw(3, 4, 7, 5), far_from_zero(device, 3, 4, 7, 5), draw(4)
    expected = autograd_of_batch_norm(*(value.double().cpu() for value in (above, x, weight)))
    got = normalize.batch_norm_backward(above, x, weight)
    close(got, tuple(value.float().to(device) for value in expected), atol=3e-3, rtol=1e-3, parts=GRADIENTS)


@exercise("batch_norm_backward")
def test_arguments_require_no_more_gradients_than_before(draw):
    for wanted in ([False, False, False], [False, True, False], [False, False, True]):
        args = [value.requires_grad_(want) for value, want in zip((draw(3, 6, 4), draw(3, 6, 4), draw(6)), wanted)]
        close(normalize.batch_norm_backward(*args), autograd_of_batch_norm(*args), parts=GRADIENTS)
        parts = ("grad_output", "x", "weight")
        equal([value.requires_grad for value in args], wanted, parts=parts, name="requires_grad after the call")
        equal([value.grad is None for value in args], [True] * 3, parts=parts, name="whether .grad is still None")


@exercise("batch_norm_backward")
def test_gradients_need_no_graph(draw):
    # An optimizer's step and a hook run under no_grad; the arguments may want gradients all the same.
    args = draw(3, 6, 4, 5), draw(3, 6, 4, 5).requires_grad_(), draw(6).requires_grad_()
    with torch.no_grad():
        got = normalize.batch_norm_backward(*args)
    close(got, autograd_of_batch_norm(*args), parts=GRADIENTS)
