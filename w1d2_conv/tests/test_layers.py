"""Tests of layers.py. The oracles: torch's own functions, cases by hand, and the distributions that the papers name."""

import math
from itertools import pairwise

import layers
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from shared.checks import (
    close,
    equal,
    exercise,
    has_the_slope_of_differences,
    raises,
    same_distribution,
    same_for_any_layout,
    same_gradients,
)

INF, NAN = math.inf, math.nan
halves = pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16], ids=["float16", "bfloat16"])


def in_float32(function, *inputs):
    """What torch's function gives for inputs in half precision: worked out in float32, and rounded once."""
    wide = [x.float() if isinstance(x, torch.Tensor) and x.is_floating_point() else x for x in inputs]
    return function(*wide).to(inputs[0].dtype)


# ---- relu ------------------------------------------------------------------------------------------------------------


@exercise("relu")
def test_relu_by_hand(device):
    x = torch.tensor([[-2.0, 0.0, 3.0], [0.5, -0.5, -1e-30]], device=device)
    close(layers.relu(x), torch.tensor([[0.0, 0.0, 3.0], [0.5, 0.0, 0.0]], device=device))


@exercise("relu")
@pytest.mark.parametrize("shape", [(), (7,), (3, 5), (2, 3, 5, 4), (0, 3)], ids=str)
def test_relu_of_any_shape(shape, draw):
    x = draw(1, *shape)[0]
    equal(layers.relu(x), F.relu(x))


@exercise("relu")
@pytest.mark.parametrize("value, expected", [(INF, INF), (-INF, 0.0), (NAN, NAN)], ids=["inf", "-inf", "NaN"])
def test_relu_of_what_is_no_ordinary_number(value, expected, device):
    close(layers.relu(torch.tensor([1.0, value], device=device)), torch.tensor([1.0, expected], device=device))


@exercise("relu")
def test_relu_leaves_the_largest_number_as_it_is(device):
    largest = torch.finfo(torch.float32).max
    close(layers.relu(torch.tensor([largest, -largest], device=device)), torch.tensor([largest, 0.0], device=device))


@exercise("relu")
def test_relu_gives_a_new_tensor(draw):
    x = draw(3, 5).abs()
    before = x.clone()
    layers.relu(x).zero_()
    equal(x, before, name="x, after the result was set to 0")


@exercise("relu")
def test_relu_has_the_right_gradient(draw):
    same_gradients(layers.relu, F.relu, draw(2, 3, 5, 4))


@exercise("relu")
def test_relu_of_any_layout(draw):
    same_for_any_layout(layers.relu, F.relu, draw(2, 3, 5, 4))


@exercise("relu")
def test_relu_keeps_all_the_digits_of_float64(draw):
    x = draw(3, 5).double() / 3
    equal(layers.relu(x), F.relu(x))


@exercise("relu")
@halves
def test_relu_keeps_the_dtype(dtype, draw):
    x = draw(3, 5, dtype=dtype)
    equal(layers.relu(x), F.relu(x))


# ---- leaky_relu ------------------------------------------------------------------------------------------------------


@exercise("leaky_relu")
def test_leaky_relu_by_hand(device):
    x = torch.tensor([[-2.0, 0.0, 3.0], [0.5, -0.5, -8.0]], device=device)
    close(layers.leaky_relu(x, 0.25), torch.tensor([[-0.5, 0.0, 3.0], [0.5, -0.125, -2.0]], device=device))


@exercise("leaky_relu")
def test_leaky_relu_leaks_a_hundredth_unless_told(draw):
    x = 100 * draw(3, 5)
    close(layers.leaky_relu(x), F.leaky_relu(x, 0.01))


@exercise("leaky_relu")
@pytest.mark.parametrize("slope", [0.2, 0.0, 1.0, 3.0, -0.5])
def test_leaky_relu_with_any_slope(slope, draw):
    same_gradients(layers.leaky_relu, F.leaky_relu, draw(2, 3, 5, 4), slope)


@exercise("leaky_relu")
def test_leaky_relu_of_any_layout(draw):
    same_for_any_layout(layers.leaky_relu, F.leaky_relu, draw(2, 3, 5, 4), 0.2)


@exercise("leaky_relu")
def test_leaky_relu_keeps_the_digits_of_float64(draw):
    x = draw(3, 5).double() / 3
    close(layers.leaky_relu(x, 0.2), F.leaky_relu(x, 0.2))


@exercise("leaky_relu")
@halves
def test_leaky_relu_keeps_the_dtype(dtype, draw):
    x = draw(3, 5, dtype=dtype)
    close(layers.leaky_relu(x, 0.2), in_float32(F.leaky_relu, x, 0.2))


# ---- gelu ------------------------------------------------------------------------------------------------------------

both = pytest.mark.parametrize("approximate", ["none", "tanh"])


def torch_gelu(x, approximate):
    return F.gelu(x, approximate=approximate)


@exercise("gelu")
def test_gelu_by_hand(device):
    # A normal number is below 0, 1 and -2 with these chances.
    chances = torch.tensor([0.5, 0.841345, 0.022750], device=device)
    x = torch.tensor([0.0, 1.0, -2.0], device=device)
    close(layers.gelu(x), x * chances)


@exercise("gelu")
@both
@pytest.mark.parametrize("shape", [(), (7,), (3, 5), (2, 3, 5, 4)], ids=str)
def test_gelu_equals_torch(approximate, shape, draw):
    same_gradients(layers.gelu, torch_gelu, 2 * draw(1, *shape)[0], approximate)


@exercise("gelu")
def test_gelu_is_the_exact_one_unless_told(draw):
    x = 2 * draw(3, 50)
    close(layers.gelu(x), F.gelu(x))


@exercise("gelu")
@both
def test_gelu_far_from_0(approximate, device):
    x = torch.tensor([-1e4, -30.0, 30.0, 1e4], device=device)
    close(layers.gelu(x, approximate), torch.tensor([0.0, 0.0, 30.0, 1e4], device=device))


@exercise("gelu")
@both
def test_gelu_of_any_layout(approximate, draw):
    same_for_any_layout(layers.gelu, torch_gelu, draw(2, 3, 5, 4), approximate)


@exercise("gelu")
@both
@halves
def test_gelu_keeps_the_dtype(approximate, dtype, draw):
    x = draw(3, 5, dtype=dtype)
    close(layers.gelu(x, approximate), in_float32(torch_gelu, x, approximate))


@exercise("gelu")
@pytest.mark.parametrize("word", ["sigmoid", "Tanh", ""])
def test_gelu_refuses_another_word(word, draw):
    raises(ValueError, layers.gelu, draw(3), word, names=word)


# ---- linear ----------------------------------------------------------------------------------------------------------


@exercise("linear")
def test_linear_by_hand(device):
    weight = torch.tensor([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]], device=device)
    x, bias = torch.tensor([1.0, 10.0], device=device), torch.tensor([100.0, 200.0, 300.0], device=device)
    close(layers.linear(x, weight), torch.tensor([21.0, 43.0, 65.0], device=device), name="without a bias")
    close(layers.linear(x, weight, bias), torch.tensor([121.0, 243.0, 365.0], device=device), name="with a bias")


@exercise("linear")
@pytest.mark.parametrize("leading", [(), (1,), (3,), (7,), (2, 3), (2, 1, 3, 4), (0,), (2, 0)], ids=str)
def test_linear_takes_any_dims_in_front(leading, draw):
    same_gradients(layers.linear, F.linear, draw(*leading, 5), draw(7, 5), draw(7))


@exercise("linear")
@pytest.mark.parametrize("channel, out", [(5, 7), (5, 5), (1, 4), (4, 1)])
def test_linear_without_a_bias(channel, out, draw):
    same_gradients(layers.linear, F.linear, draw(3, channel), draw(out, channel))


@exercise("linear")
def test_linear_with_a_bias_of_zeros(draw):
    same_gradients(layers.linear, F.linear, draw(3, 5), draw(7, 5), torch.zeros_like(draw(7)))


@exercise("linear")
def test_linear_with_one_output_and_a_bias(draw):
    same_gradients(layers.linear, F.linear, draw(3, 5), draw(1, 5), draw(1))


@exercise("linear")
def test_linear_of_any_layout(draw):
    same_for_any_layout(layers.linear, F.linear, draw(3, 2, 5), draw(7, 5), draw(7))


@exercise("linear")
@halves
def test_linear_keeps_the_dtype(dtype, draw):
    inputs = [draw(*shape, dtype=dtype) for shape in ((3, 5), (7, 5), (7,))]
    close(layers.linear(*inputs), in_float32(F.linear, *inputs))


# ---- flatten ---------------------------------------------------------------------------------------------------------


def numbered(*shape, device):
    return torch.arange(math.prod(shape), dtype=torch.float32, device=device).view(shape)


@exercise("flatten")
@pytest.mark.parametrize("shape", [(2, 3, 4, 5), (3, 4), (1, 3, 1, 2), (1, 1)], ids=str)
def test_flatten_joins_all_but_the_first_unless_told(shape, device):
    x = numbered(*shape, device=device)
    equal(layers.flatten(x), torch.flatten(x, 1))


@exercise("flatten")
@pytest.mark.parametrize(
    "start, end",
    [(0, -1), (0, 0), (0, 2), (1, 1), (1, 2), (1, 3), (2, 3), (3, 3), (-2, -1), (-4, -2), (-3, 2), (1, -2), (-1, -1)],
)
def test_flatten_joins_from_start_to_end(start, end, device):
    x = numbered(2, 3, 4, 5, device=device)
    equal(layers.flatten(x, start, end), torch.flatten(x, start, end))


@exercise("flatten")
def test_flatten_of_a_vector(device):
    x = numbered(7, device=device)
    equal(layers.flatten(x, 0), x)


@exercise("flatten")
@pytest.mark.parametrize("shape, start, end", [((0, 3, 4), 1, -1), ((2, 0, 4), 1, -1), ((2, 0, 3, 0), 0, 1)], ids=str)
def test_flatten_where_a_dim_is_empty(shape, start, end, draw):
    x = draw(*shape)
    equal(layers.flatten(x, start, end), torch.flatten(x, start, end))


@exercise("flatten")
@pytest.mark.parametrize("start, end", [(1, -1), (0, 1), (2, 3)])
def test_flatten_of_any_layout(start, end, draw):
    same_for_any_layout(layers.flatten, torch.flatten, draw(2, 3, 4, 5), start, end)


@exercise("flatten")
def test_flatten_of_pictures_in_channels_last(draw):
    x = draw(2, 3, 4, 5).contiguous(memory_format=torch.channels_last)
    equal(layers.flatten(x), torch.flatten(x.contiguous(), 1))


@exercise("flatten")
def test_flatten_copies_nothing_where_strides_allow_it(draw):
    x = draw(2, 3, 4, 5)
    layers.flatten(x).zero_()
    equal(x, torch.zeros_like(x), name="x, after the result was set to 0,")


@exercise("flatten")
def test_flatten_copies_nothing_of_a_slice_of_channels(draw):
    x = draw(2, 6, 4, 5)
    layers.flatten(x[:, :3], 2).zero_()
    equal(x[:, :3], torch.zeros_like(x[:, :3]), name="the channels, after the result was set to 0,")


@exercise("flatten")
def test_flatten_keeps_all_the_digits_of_float64(draw):
    x = draw(2, 3, 4, 5).double() / 3
    equal(layers.flatten(x, 1, 2), torch.flatten(x, 1, 2))


@exercise("flatten")
def test_flatten_has_the_right_gradient(draw):
    same_gradients(layers.flatten, torch.flatten, draw(2, 3, 4, 5), 1, 2)


@exercise("flatten")
@pytest.mark.parametrize("start, end", [(2, 1), (3, 0), (-1, 1), (2, -3)])
def test_flatten_refuses_a_start_after_the_end(start, end, draw):
    raises(ValueError, layers.flatten, draw(2, 3, 4, 5), start, end)


# ---- dropout ---------------------------------------------------------------------------------------------------------

P = 0.3


def check_independent(hit, probability, what, outcomes=None):
    """Entries are hit with this probability, and neighbours along each axis independently of each other.

    One chi-square on all entries, and one on pairs of entries for each axis. There are at most four axes, and each
    check calls a right answer wrong once in 10^7 runs: 5·10^-7 in all.
    """
    alone = [1 - probability, probability]
    same_distribution(hit.flatten().long(), alone, false_alarm=1e-7, name=what, outcomes=outcomes)
    pairs = [(1 - probability) ** 2, probability * (1 - probability), probability * (1 - probability), probability**2]
    for axis in range(hit.dim()):
        rows = hit.movedim(axis, 0).long()
        first, second = rows[0 : len(rows) // 2 * 2 : 2], rows[1::2]
        name = f"{what}, neighbours along axis {axis}"
        same_distribution((2 * first + second).flatten(), pairs, false_alarm=1e-7, name=name)


@exercise("dropout")
def test_an_entry_is_dropped_or_scaled_up(draw):
    x = draw(3, 4, 5, 6)
    out = layers.dropout(x, P)
    close(out, torch.where(out == 0, 0.0, x / (1 - P)))


@exercise("dropout")
@pytest.mark.parametrize("p", [P, 0.8])
def test_each_entry_is_dropped_with_its_chance(p, draw):
    # n = 24,000 entries: a chance that is off by 0.03 is noticed. False alarm: see check_independent.
    out = layers.dropout(torch.ones_like(draw(8, 6, 20, 25)), p)
    check_independent(out == 0, p, "dropped or not", ["an entry that is kept", "a dropped entry"])


@exercise("dropout")
def test_half_is_dropped_unless_told(draw):
    # n = 12,000. False alarm: 1e-6.
    out = layers.dropout(torch.ones_like(draw(100, 120)))
    same_distribution((out == 0).flatten().long(), [0.5, 0.5], outcomes=["an entry that is kept", "a dropped entry"])
    close(out, torch.where(out == 0, 0.0, 2.0 * torch.ones_like(out)))


@exercise("dropout")
def test_entries_of_an_expanded_tensor_are_dropped_one_by_one(draw):
    # n = 12,000. False alarm: see check_independent.
    out = layers.dropout(torch.ones_like(draw(1, 120)).expand(100, 120), P)
    check_independent(out == 0, P, "dropped or not", ["an entry that is kept", "a dropped entry"])


@exercise("dropout")
@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16], ids=str)
def test_a_small_chance_is_kept_in_every_dtype(dtype, device):
    # n = 200,000, of which 40 fall; a draw in float16 drops 98, one in bfloat16 781. False alarm: 1e-6.
    p = 0.0002
    out = layers.dropout(torch.ones(400, 500, dtype=dtype, device=device), p)
    same_distribution((out == 0).flatten().long(), [1 - p, p], outcomes=["an entry that is kept", "a dropped entry"])


@exercise("dropout")
@halves
def test_dropout_keeps_the_dtype(dtype, draw):
    x = draw(3, 4, 5, dtype=dtype)
    out = layers.dropout(x, P)
    close(out, torch.where(out == 0, 0.0, x.float() / (1 - P)).to(dtype))


@exercise("dropout")
def test_dropout_keeps_the_digits_of_float64(draw):
    x = draw(3, 4, 5).double() / 3
    out = layers.dropout(x, P)
    close(out, torch.where(out == 0, 0.0, x / (1 - P)))


@exercise("dropout")
def test_how_many_are_dropped_is_left_to_chance(draw):
    # n = 500 calls with 3 entries each; what drops the same number each time is noticed. False alarm: 1e-6.
    x = torch.ones_like(draw(3))
    counts = torch.stack([(layers.dropout(x, P) == 0).sum() for _ in range(500)])
    chances = [math.comb(3, k) * P**k * (1 - P) ** (3 - k) for k in range(4)]
    outcomes = [f"{count} of 3 entries dropped" for count in range(4)]
    same_distribution(counts, chances, name="500 calls", outcomes=outcomes)


@exercise("dropout")
@pytest.mark.parametrize("p", [0.0, P, 1.0])
def test_nothing_is_dropped_in_evaluation(p, draw):
    x = draw(3, 4, 5)
    equal(layers.dropout(x, p, training=False), x)


@exercise("dropout")
def test_a_chance_of_0_drops_nothing(draw):
    x = draw(3, 4, 5)
    close(layers.dropout(x, 0.0), x)


@exercise("dropout")
def test_a_chance_of_1_drops_everything(draw):
    x = draw(3, 4, 5).requires_grad_()
    out = layers.dropout(x, 1.0)
    close(out, torch.zeros_like(x), name="the result")
    (gradient,) = torch.autograd.grad((out * draw(3, 4, 5)).sum(), x)
    close(gradient, torch.zeros_like(x), name="the gradient")


@exercise("dropout")
def test_dropout_has_the_right_gradient(draw):
    x = draw(3, 4, 5).cpu().double()
    has_the_slope_of_differences(lambda x: layers.dropout(x, P), x)


@exercise("dropout")
def test_dropout_of_any_layout(draw):
    def filled(x):
        out = layers.dropout(x, 0.5)
        return torch.where(out == 0, 2 * x, out)

    same_for_any_layout(filled, lambda x: 2 * x, draw(2, 3, 4, 5))


@exercise("dropout")
def test_other_entries_fall_in_the_next_call(draw):
    x = torch.ones_like(draw(5, 60))
    equal(torch.equal(layers.dropout(x, P), layers.dropout(x, P)), False, name="whether the same entries fall twice")


@exercise("dropout")
def test_the_generator_decides_who_falls(draw, device):
    x = torch.ones_like(draw(5, 60))
    layers.dropout(x, P)
    before = torch.random.get_rng_state()
    first, again, other = (
        layers.dropout(x, P, generator=torch.Generator(device).manual_seed(seed)) for seed in (1, 1, 2)
    )
    equal(first, again, name="the second call with the same seed")
    equal(torch.equal(first, other), False, name="whether the same entries fall with another seed")
    equal(torch.equal(torch.random.get_rng_state(), before), True, name="whether the global generator stayed as it was")


@exercise("dropout")
def test_the_generator_moves_on(draw, device):
    x, generator = torch.ones_like(draw(5, 60)), torch.Generator(device).manual_seed(1)
    layers.dropout(x, P)
    first, second = (layers.dropout(x, P, True, generator) for _ in range(2))
    equal(torch.equal(first, second), False, name="whether the same entries fall in two calls with one generator")


@exercise("dropout")
@pytest.mark.parametrize("training", [True, False], ids=["training", "evaluation"])
@pytest.mark.parametrize("p", [-0.1, 1.1, 20, NAN])
def test_dropout_refuses_what_is_no_probability(p, training, draw):
    raises(ValueError, layers.dropout, draw(3, 4), p, training)


# ---- softmax ---------------------------------------------------------------------------------------------------------


@exercise("softmax")
def test_softmax_by_hand(device):
    x = torch.tensor([[1.0, 2.0, 5.0], [3.0, 3.0, 12.0]], device=device).log()
    expected = torch.tensor([[1 / 8, 1 / 4, 5 / 8], [1 / 6, 1 / 6, 2 / 3]], device=device)
    close(layers.softmax(x, 1), expected, name="along dim 1")
    expected = torch.tensor([[1 / 4, 2 / 5, 5 / 17], [3 / 4, 3 / 5, 12 / 17]], device=device)
    close(layers.softmax(x, 0), expected, name="along dim 0")


@exercise("softmax")
@pytest.mark.parametrize("dim", [0, 1, 2, 3, -1, -2, -4])
def test_softmax_along_any_dim(dim, draw):
    same_gradients(layers.softmax, torch.softmax, 2 * draw(2, 3, 4, 5), dim)


@exercise("softmax")
@pytest.mark.parametrize("shape, dim", [((7,), 0), ((1, 5), 1), ((5, 1), 1), ((3, 2000), 1)], ids=str)
def test_softmax_of_vectors_and_rows(shape, dim, draw):
    same_gradients(layers.softmax, torch.softmax, 2 * draw(*shape), dim)


@exercise("softmax")
@pytest.mark.parametrize("scale", [200.0, 1e4, 1e30])
def test_softmax_of_huge_scores(scale, draw):
    x = scale * draw(3, 7, 5)
    close(layers.softmax(x, 1), torch.softmax(x, 1))


@exercise("softmax")
@pytest.mark.parametrize("dim", [0, 1])
def test_softmax_where_some_lie_far_below_others(dim, draw):
    # Scores in eighths, so that adding thousands doesn't round them.
    offsets = torch.zeros_like(draw(4, 4))
    offsets.select(1 - dim, 0)[:], offsets.select(1 - dim, 1)[:], offsets.select(1 - dim, 2)[:] = -1000, 500, 3000
    x = draw.ints(-16, 17, 4, 4) / 8
    close(layers.softmax(x + offsets, dim), torch.softmax(x, dim))


@exercise("softmax")
def test_softmax_of_impossible_scores(device):
    x = torch.tensor([[0.0, -INF, 0.0], [-INF, -INF, -4000.0], [1.0, 1.0, 1.0]], device=device)
    expected = torch.tensor([[0.5, 0.0, 0.5], [0.0, 0.0, 1.0], [1 / 3, 1 / 3, 1 / 3]], device=device)
    close(layers.softmax(x, 1), expected)


@exercise("softmax")
@pytest.mark.parametrize("dim", [0, 2])
def test_softmax_of_any_layout(dim, draw):
    same_for_any_layout(layers.softmax, torch.softmax, draw(3, 2, 5), dim)


@exercise("softmax")
def test_probabilities_sum_to_1_to_the_last_digits_of_float64(draw):
    # One score stands out, so the exponentials sum to little more than 1.
    x = draw(3, 7).double() - 30
    x[:, 2] = 0.0
    sums = layers.softmax(x, 1).sum(1)
    close(sums, torch.ones_like(sums), rtol=0, atol=2e-13, name="the sum of the probabilities")


@exercise("softmax")
@halves
def test_softmax_keeps_the_dtype(dtype, draw):
    x = 100 * draw(3, 7, dtype=dtype)
    close(layers.softmax(x, 1), in_float32(torch.softmax, x, 1))


# ---- cross_entropy ---------------------------------------------------------------------------------------------------


def torch_loss(logits, targets, ignore_index=-100, label_smoothing=0.0):
    return F.cross_entropy(logits, targets, ignore_index=ignore_index, label_smoothing=label_smoothing)


# batch, n_class, and what comes after them
shapes = pytest.mark.parametrize("shape", [(7, 5), (1, 4), (3, 5, 4, 6), (1, 3, 2, 5), (2, 4, 7), (4, 1)], ids=str)


def labels(draw, shape):
    return draw.ints(0, shape[1], shape[0], *shape[2:])


@exercise("cross_entropy")
def test_cross_entropy_by_hand(device):
    # Chances 1/2, 1/4, 1/4 and 1/6, 1/6, 4/6; the mean of ln 4 and ln 1.5.
    logits = torch.tensor([[2.0, 1.0, 1.0], [1.0, 1.0, 4.0]], device=device).log()
    loss = layers.cross_entropy(logits, torch.tensor([1, 2], device=device))
    close(loss.item(), (math.log(4) + math.log(1.5)) / 2)


@exercise("cross_entropy")
def test_label_smoothing_by_hand(device):
    # Chances 6/8, 1/8, 1/8, and the truth is 0.8, 0.1, 0.1.
    logits = torch.tensor([[6.0, 1.0, 1.0]], device=device).log()
    loss = layers.cross_entropy(logits, torch.tensor([0], device=device), label_smoothing=0.3)
    close(loss.item(), 0.8 * math.log(8 / 6) + 0.2 * math.log(8))


@exercise("cross_entropy")
@shapes
def test_cross_entropy_equals_torch(shape, draw):
    same_gradients(layers.cross_entropy, torch_loss, 3 * draw(*shape), labels(draw, shape))


@exercise("cross_entropy")
@shapes
@pytest.mark.parametrize("smoothing", [0.1, 0.7, 1.0])
def test_label_smoothing_equals_torch(shape, smoothing, draw):
    same_gradients(layers.cross_entropy, torch_loss, 3 * draw(*shape), labels(draw, shape), -100, smoothing)


@exercise("cross_entropy")
@pytest.mark.parametrize("smoothing", [0.0, 0.2])
@pytest.mark.parametrize("ignored", [-100, 0, 4, -1, 255])
@pytest.mark.parametrize("shape", [(9, 5), (3, 5, 4, 6)], ids=str)
def test_ignored_targets_do_not_count(shape, ignored, smoothing, draw):
    logits, targets = 3 * draw(*shape), labels(draw, shape)
    targets.view(-1)[:1], targets.view(-1)[3 : len(targets.view(-1)) // 2] = ignored, ignored  # more of some rows
    same_gradients(layers.cross_entropy, torch_loss, logits, targets, ignored, smoothing)


@exercise("cross_entropy")
def test_targets_are_ignored_unless_told_where_they_are_minus_100(draw):
    logits, targets = 3 * draw(9, 5), labels(draw, (9, 5))
    targets[:4] = -100
    close(layers.cross_entropy(logits, targets), F.cross_entropy(logits[4:], targets[4:]))


@exercise("cross_entropy")
@pytest.mark.parametrize("smoothing", [0.0, 0.2])
@pytest.mark.parametrize("value", [-INF, INF, NAN], ids=["-inf", "inf", "NaN"])
def test_nothing_at_an_ignored_position_matters(value, smoothing, draw):
    logits, targets = 3 * draw(4, 5), draw.ints(0, 5, 4)
    targets[1] = -100
    kept = [0, 2, 3]
    expected = torch_loss(logits[kept], targets[kept], label_smoothing=smoothing)
    logits[1, 2] = value
    close(layers.cross_entropy(logits, targets, label_smoothing=smoothing), expected)


@exercise("cross_entropy")
@pytest.mark.parametrize("smoothing", [0.0, 0.2])
@pytest.mark.parametrize("shape", [(3, 5), (2, 5, 3, 4)], ids=str)
def test_the_mean_of_nothing_is_nan(shape, smoothing, draw):
    targets = torch.full_like(labels(draw, shape), -100)
    equal(layers.cross_entropy(draw(*shape), targets, label_smoothing=smoothing).isnan().item(), True, name="is it NaN")


@exercise("cross_entropy")
@pytest.mark.parametrize("offset, scale", [(1e4, 1.0), (-1e4, 1.0), (0.0, 1e4)])
@pytest.mark.parametrize("smoothing", [0.0, 0.2])
def test_cross_entropy_of_huge_logits(offset, scale, smoothing, draw):
    # At 1e4 a float32 is good to 0.0005, and so is logsumexp.
    logits, targets = (offset + scale * draw(7, 5)).requires_grad_(), draw.ints(0, 5, 7)
    exact = logits.detach().cpu().double().requires_grad_()
    expected = torch_loss(exact, targets.cpu(), label_smoothing=smoothing)
    loss = layers.cross_entropy(logits, targets, label_smoothing=smoothing)
    close(loss.item(), expected.item(), rtol=1e-4, atol=2e-3, name="the loss")
    (ours,), (theirs,) = torch.autograd.grad(loss, logits), torch.autograd.grad(expected, exact)
    close(ours.cpu().double(), theirs, rtol=1e-2, atol=1e-3, name="the gradient of the logits")


@exercise("cross_entropy")
def test_an_impossible_class_costs_nothing(draw):
    logits, targets = 3 * draw(3, 5, 2, 4), draw.ints(0, 4, 3, 2, 4)
    logits[:, 4] = -INF
    close(layers.cross_entropy(logits, targets), F.cross_entropy(logits[:, :4], targets))


@exercise("cross_entropy")
def test_an_impossible_target_costs_everything(device):
    logits = torch.tensor([[1.0, -INF, 2.0], [0.0, 3.0, 0.0]], device=device)
    close(layers.cross_entropy(logits, torch.tensor([1, 2], device=device)), torch.tensor(INF, device=device))


@exercise("cross_entropy")
@pytest.mark.parametrize("smoothing", [0.0, 0.2])
@pytest.mark.parametrize("shape", [(7, 5), (3, 5, 4, 6)], ids=str)
def test_cross_entropy_of_any_layout(shape, smoothing, draw):
    same_for_any_layout(layers.cross_entropy, torch_loss, draw(*shape), labels(draw, shape), -100, smoothing)


@exercise("cross_entropy")
def test_cross_entropy_of_maps_in_channels_last(draw):
    shape = (3, 5, 4, 6)
    logits, targets = draw(*shape), labels(draw, shape)
    same_gradients(layers.cross_entropy, torch_loss, logits.to(memory_format=torch.channels_last), targets)


@exercise("cross_entropy")
@pytest.mark.parametrize("smoothing", [0.0, 0.2])
@halves
def test_cross_entropy_keeps_the_dtype(dtype, smoothing, draw):
    logits, targets = draw(7, 5, dtype=dtype), draw.ints(0, 5, 7)
    loss = layers.cross_entropy(logits, targets, label_smoothing=smoothing)
    close(loss, in_float32(torch_loss, logits, targets, -100, smoothing))


@exercise("cross_entropy")
def test_cross_entropy_needs_no_more_than_a_few_copies_of_its_input(draw):
    # 60,000 targets: a table of each with each would take 14 GB.
    logits, targets = draw(60_000, 3), draw.ints(0, 3, 60_000)
    close(layers.cross_entropy(logits, targets), F.cross_entropy(logits, targets))


@exercise("cross_entropy")
@pytest.mark.parametrize("smoothing", [-0.1, 1.1, 10])
def test_cross_entropy_refuses_a_smoothing_that_is_no_share(smoothing, draw):
    raises(ValueError, layers.cross_entropy, draw(3, 5), draw.ints(0, 5, 3), label_smoothing=smoothing)


# ---- Initialisation --------------------------------------------------------------------------------------------------


@exercise("fan_in_and_fan_out")
@pytest.mark.parametrize(
    "shape, fans",
    [
        ((10, 784), (784, 10)),
        ((64, 3, 7, 7), (3 * 49, 64 * 49)),
        ((5, 2, 3), (6, 15)),
        ((4, 3, 2, 5, 6), (180, 240)),
        ((8, 1, 3, 5), (15, 120)),
        ((7, 9, 1, 1), (9, 7)),
    ],
    ids=str,
)
def test_fans_count_channels_and_places(shape, fans, device):
    equal(tuple(layers.fan_in_and_fan_out(torch.empty(shape, device=device))), fans)


@exercise("fan_in_and_fan_out")
@pytest.mark.parametrize("shape", [(), (7,)], ids=str)
def test_a_bias_has_no_fans(shape, device):
    raises(ValueError, layers.fan_in_and_fan_out, torch.empty(shape, device=device))


def blank(*shape, dtype=torch.float32, device):
    """A weight that shows what wasn't filled."""
    return torch.full(shape, NAN, dtype=dtype, device=device)


def check_filled(weight, std, kind):
    """The entries are independent, and follow a normal or uniform distribution with mean 0 and this spread.

    Chi-squares on 8 or 9 cells and on the signs; n is 10,000 or more. At n = 36,000 a spread that is off by 5 % is
    noticed, and truncated tails too. False alarm: 1e-7 here, and check_independent's.
    """
    got = weight.detach().cpu().double() / std
    if kind == "normal":
        edges = [-2.0, -1.25, -0.7, -0.2, 0.2, 0.7, 1.25, 2.0]
        below = [0.0, *((1 + math.erf(edge / math.sqrt(2))) / 2 for edge in edges), 1.0]
    else:
        # The outermost cells have the probability 0: no number lies beyond the bound (but for rounding).
        edges = [math.sqrt(3) * part for part in (-1.005, -0.75, -0.5, -0.25, 0.0, 0.25, 0.5, 0.75, 1.005)]
        below = [0.0, *(min(1.0, max(0.0, (1 + edge / math.sqrt(3)) / 2)) for edge in edges), 1.0]
    cells = torch.bucketize(got.nan_to_num(1e9).contiguous(), torch.tensor(edges, dtype=torch.float64))
    ends = [-INF, *edges, INF]
    outcomes = [f"a weight from {a:.3g} to {b:.3g} standard deviations" for a, b in pairwise(ends)]
    chances = [b - a for a, b in pairwise(below)]
    same_distribution(cells.flatten(), chances, false_alarm=1e-7, name="the weights", outcomes=outcomes)
    check_independent(got > 0, 0.5, "positive or not")


def kaiming_std(fan, a=0.0):
    return math.sqrt(2 / ((1 + a**2) * fan))


# shape, fan_in, fan_out
weights = pytest.mark.parametrize(
    "shape, fan_in, fan_out", [((60, 40, 5, 3), 600, 900), ((250, 120), 120, 250), ((90, 60, 4), 240, 360)], ids=str
)
kaiming = pytest.mark.parametrize(
    "name, kind",
    [
        pytest.param(f"kaiming_{kind}_", kind, marks=exercise(f"kaiming_{kind}_", modifies=True), id=kind)
        for kind in ("normal", "uniform")
    ],
)
each_init = pytest.mark.parametrize(
    "name, kind",
    [
        pytest.param(name, kind, marks=exercise(name, modifies=True), id=name)
        for name, kind in (
            ("kaiming_normal_", "normal"),
            ("kaiming_uniform_", "uniform"),
            ("xavier_uniform_", "uniform"),
        )
    ],
)


def std_of(name, fan_in, fan_out):
    return math.sqrt(2 / (fan_in + fan_out)) if name == "xavier_uniform_" else kaiming_std(fan_in)


@kaiming
@weights
def test_kaiming_keeps_the_size_of_what_goes_forward_unless_told(name, kind, shape, fan_in, fan_out, device):
    weight = blank(*shape, device=device)
    getattr(layers, name)(weight)
    check_filled(weight, kaiming_std(fan_in), kind)


@kaiming
@weights
def test_kaiming_takes_the_fan_that_it_is_told(name, kind, shape, fan_in, fan_out, device):
    weight = blank(*shape, device=device)
    getattr(layers, name)(weight, mode="fan_out")
    check_filled(weight, kaiming_std(fan_out), kind)
    getattr(layers, name)(weight, mode="fan_in")
    check_filled(weight, kaiming_std(fan_in), kind)


@kaiming
@pytest.mark.parametrize(
    "a, mode, fan", [(0.3, "fan_in", 600), (1.0, "fan_out", 900), (math.sqrt(5), "fan_in", 600), (-0.8, "fan_in", 600)]
)
def test_kaiming_knows_how_much_the_activation_leaks(name, kind, a, mode, fan, device):
    weight = blank(60, 40, 5, 3, device=device)
    getattr(layers, name)(weight, a, mode)
    check_filled(weight, kaiming_std(fan, a), kind)


@kaiming
@pytest.mark.parametrize("mode", ["fan_avg", "in"])
def test_kaiming_refuses_another_mode(name, kind, mode, device):
    raises(ValueError, getattr(layers, name), blank(5, 4, device=device), mode=mode, names=mode)


@exercise("xavier_uniform_", modifies=True)
@weights
def test_xavier_takes_both_fans(shape, fan_in, fan_out, device):
    weight = blank(*shape, device=device)
    layers.xavier_uniform_(weight)
    check_filled(weight, math.sqrt(2 / (fan_in + fan_out)), "uniform")


@exercise("xavier_uniform_", modifies=True)
@pytest.mark.parametrize("gain", [5 / 3, 0.5])
def test_xavier_multiplies_by_the_gain(gain, device):
    weight = blank(60, 40, 5, 3, device=device)
    layers.xavier_uniform_(weight, gain)
    check_filled(weight, gain * math.sqrt(2 / 1500), "uniform")


@each_init
def test_the_weight_itself_is_filled_and_returned(name, kind, device):
    weight = blank(60, 40, device=device)
    equal(getattr(layers, name)(weight) is weight, True, name="whether the weight itself is returned")
    check_filled(weight, std_of(name, 40, 60), kind)


@each_init
def test_a_parameter_is_filled_and_no_gradient_recorded(name, kind, device):
    weight = nn.Parameter(blank(90, 120, device=device))
    getattr(layers, name)(weight)
    equal(
        [weight.requires_grad, weight.grad_fn is None],
        [True, True],
        parts=("whether it requires a gradient", "whether it is still a leaf"),
    )
    check_filled(weight, std_of(name, 120, 90), kind)


@each_init
def test_gradients_are_recorded_afterwards(name, kind, device, draw):
    x, weight = draw(3, 4).requires_grad_(), blank(5, 4, device=device)
    getattr(layers, name)(weight)
    equal((x @ weight.T).requires_grad, True, name="whether a product after the call records gradients")


@each_init
@pytest.mark.parametrize("layout", ["transposed", "with gaps", "channels_last"])
def test_a_weight_of_any_layout_is_filled(name, kind, layout, device):
    whole = blank(70, 90, 4, 2, device=device)
    if layout == "transposed":
        weight = whole[..., 0].transpose(0, 1)  # (90, 70, 4)
    elif layout == "with gaps":
        weight = whole[:, ::3, :, 1]  # (70, 30, 4)
    else:
        weight = whole.contiguous(memory_format=torch.channels_last)
    out, channel, places = weight.shape[0], weight.shape[1], weight[0, 0].numel()
    getattr(layers, name)(weight)
    check_filled(weight, std_of(name, channel * places, out * places), kind)
    equal(whole[:, 1, :, 0 if layout == "with gaps" else 1].isnan().all().item(), True, name="whether nothing else is")


@each_init
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16], ids=str)
def test_a_weight_in_half_precision_is_filled(name, kind, dtype, device):
    weight = blank(60, 200, dtype=dtype, device=device)
    got = getattr(layers, name)(weight)
    equal(got.dtype, dtype, name="the dtype")
    check_filled(weight, std_of(name, 200, 60), kind)


@each_init
def test_the_generator_decides_the_weights(name, kind, device):
    getattr(layers, name)(blank(5, 4, device=device))
    before = torch.random.get_rng_state()
    first, again, other = (
        getattr(layers, name)(blank(5, 4, device=device), generator=torch.Generator(device).manual_seed(seed))
        for seed in (1, 1, 2)
    )
    equal(first, again, name="the second weight with the same seed")
    equal(torch.equal(first, other), False, name="whether another seed gives the same weight")
    equal(torch.equal(torch.random.get_rng_state(), before), True, name="whether the global generator stayed as it was")


@each_init
def test_the_next_weight_is_another(name, kind, device):
    first, second = (getattr(layers, name)(blank(5, 4, device=device)) for _ in range(2))
    equal(torch.equal(first, second), False, name="whether two weights without a generator are the same")
    generator = torch.Generator(device).manual_seed(3)
    first, second = (getattr(layers, name)(blank(5, 4, device=device), generator=generator) for _ in range(2))
    equal(torch.equal(first, second), False, name="whether two weights from one generator are the same")


@each_init
def test_a_slice_is_filled_where_it_lies(name, kind, device):
    whole = blank(2, 60, 40, device=device)
    getattr(layers, name)(whole[1])
    check_filled(whole[1], std_of(name, 40, 60), kind)
    equal(whole[0].isnan().all().item(), True, name="whether nothing else is filled")
