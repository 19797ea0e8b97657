"""Tests of attention.py. The oracles: torch's own attention, cumulative sums, and complex numbers for RoPE."""

import math

import attention
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
    randomize,
    same_distribution,
    same_for_any_layout,
    same_gradients,
    same_module,
    strided,
)

# ---- Averaging the past ----------------------------------------------------------------------------------------------

each_way = pytest.mark.parametrize(
    "name", [pytest.param(n, marks=exercise(n), id=n) for n in ("average_loop", "average_matmul", "average_softmax")]
)


def means_so_far(x):
    return x.cumsum(dim=1) / torch.arange(1, x.shape[1] + 1, device=x.device)[:, None]


@each_way
def test_a_case_by_hand(name, device):
    x = torch.tensor([[[2.0, 1.0], [4.0, 0.0], [9.0, -7.0]]], device=device)
    close(getattr(attention, name)(x), torch.tensor([[[2.0, 1.0], [3.0, 0.5], [5.0, -2.0]]], device=device))


@each_way
@pytest.mark.parametrize("batch, time, channel", [(3, 7, 5), (1, 4, 2), (2, 1, 3)])
def test_row_t_is_the_mean_of_rows_0_to_t(name, batch, time, channel, draw):
    x = draw(batch, time, channel)
    close(getattr(attention, name)(x), means_so_far(x))


@each_way
def test_averages_of_any_layout(name, draw):
    same_for_any_layout(getattr(attention, name), means_so_far, draw(3, 7, 5))


@each_way
def test_averages_have_the_right_gradient(name, draw):
    same_gradients(getattr(attention, name), means_so_far, draw(2, 5, 3))


# ---- The causal mask -------------------------------------------------------------------------------------------------


def later(length, past, device):
    """Row by row: is this key's position later than the query's?"""
    rows = [[key > query for key in range(past + length)] for query in range(past, past + length)]
    return torch.tensor(rows, device=device)


@exercise("causal_mask")
@pytest.mark.parametrize("length", [1, 2, 7])
def test_blocks_only_the_future(length, device):
    equal(attention.causal_mask(length, device=device), later(length, 0, device))


@exercise("causal_mask")
@pytest.mark.parametrize("length, past", [(2, 1), (1, 4), (3, 5), (5, 2), (2, 1100)])
def test_queries_come_after_the_past(length, past, device):
    equal(attention.causal_mask(length, past=past, device=device), later(length, past, device))


@exercise("causal_mask")
def test_each_call_makes_a_mask_of_its_own(device):
    attention.causal_mask(3, past=1, device=device).logical_not_()
    equal(attention.causal_mask(3, past=1, device=device), later(3, 1, device), name="the mask of the second call")


@exercise("causal_mask")
def test_mask_is_made_on_the_cpu_unless_told():
    equal(attention.causal_mask(3), later(3, 0, "cpu"))


@exercise("causal_mask")
def test_mask_is_made_where_it_is_asked_for():
    # The meta device is there on every machine.
    equal(attention.causal_mask(3, device=torch.device("meta")).device.type, "meta", name="the mask's device")


# ---- Scaled dot-product attention ------------------------------------------------------------------------------------


def torch_attention(query, key, value, mask=None):
    """torch's own; its boolean mask is True where a query MAY look."""
    return F.scaled_dot_product_attention(query, key, value, None if mask is None else ~mask)


def some_mask(draw, *shape):
    """About half of the cells are blocked, never the first key."""
    mask = draw(*shape) > 0
    mask[..., 0] = False
    return mask


@exercise("scaled_dot_product_attention")
@pytest.mark.parametrize("leading", [(2, 3), (1,), (3,), (), (2, 1, 3)], ids=str)
def test_equals_torch(leading, draw):
    inputs = draw(*leading, 5, 4), draw(*leading, 7, 4), draw(*leading, 7, 6)
    close(attention.scaled_dot_product_attention(*inputs), torch_attention(*inputs))


@exercise("scaled_dot_product_attention")
def test_two_queries_by_hand(device):
    query, key, value = ([[1.0, 0.0], [0.0, 2.0]], [[1.0, 0.0], [1.0, 1.0]], [[10.0], [20.0]])
    inputs = [torch.tensor(rows, device=device) for rows in (query, key, value)]
    mask = torch.tensor([[False, True], [False, False]], device=device)
    # The second query's scores are 0 and 2 / sqrt(2).
    second = math.exp(math.sqrt(2)) / (1 + math.exp(math.sqrt(2)))
    expected = torch.tensor([[10.0], [10 * (1 - second) + 20 * second]], device=device)
    close(attention.scaled_dot_product_attention(*inputs, mask), expected)


@exercise("scaled_dot_product_attention")
def test_nobody_looks_where_the_mask_is_true(draw):
    inputs = draw(2, 3, 6, 4), draw(2, 3, 6, 4), draw(2, 3, 6, 5)
    mask = torch.ones(6, 6, dtype=torch.bool, device=inputs[0].device).triu(1)
    close(attention.scaled_dot_product_attention(*inputs, mask), torch_attention(*inputs, mask))


@exercise("scaled_dot_product_attention")
@pytest.mark.parametrize("shape", [(5, 7), (1, 7), (2, 1, 1, 7), (3, 5, 7), (2, 3, 5, 7)], ids=str)
def test_masks_broadcast(shape, draw):
    inputs = draw(2, 3, 5, 4), draw(2, 3, 7, 4), draw(2, 3, 7, 6)
    mask = some_mask(draw, *shape)
    close(attention.scaled_dot_product_attention(*inputs, mask), torch_attention(*inputs, mask.expand(2, 3, 5, 7)))


@exercise("scaled_dot_product_attention")
def test_large_scores_do_not_overflow(draw):
    # Whole numbers, and a d_head of 4: scores up to ±50,000 or so, and every one of them is exact.
    query, key = (draw.ints(-200, 201, 2, 3, length, 4).float() for length in (5, 7))
    value, mask = draw(2, 3, 7, 6), some_mask(draw, 5, 7)
    close(attention.scaled_dot_product_attention(query, key, value), torch_attention(query, key, value))
    got = attention.scaled_dot_product_attention(query, key, value, mask)
    close(got, torch_attention(query, key, value, mask), name="with a mask")
    # Every score is at most -20,000: what is blocked has to be lower still.
    query, key = query.abs() + 100, -key.abs() - 100
    got = attention.scaled_dot_product_attention(query, key, value, mask)
    close(got, torch_attention(query, key, value, mask), name="with a mask and very negative scores")


@exercise("scaled_dot_product_attention")
def test_attention_of_any_layout(draw):
    inputs = draw(2, 3, 5, 4), draw(2, 3, 7, 4), draw(2, 3, 7, 6)
    same_for_any_layout(attention.scaled_dot_product_attention, torch_attention, *inputs, some_mask(draw, 5, 7))


@exercise("scaled_dot_product_attention")
def test_attention_in_float16(draw):
    inputs = [draw(2, 3, *shape, dtype=torch.float16) for shape in ((5, 4), (7, 4), (7, 6))]
    mask = some_mask(draw, 5, 7)
    expected = torch_attention(*(x.float() for x in inputs), mask).half()
    close(attention.scaled_dot_product_attention(*inputs, mask), expected)


@exercise("scaled_dot_product_attention")
@pytest.mark.parametrize("sign", [1, -1], ids=["above 0", "below 0"])
def test_large_scores_in_float16(sign, draw):
    # Whole numbers around ±1,800, a few apart: float16 holds each of them, and every product and sum on the way.
    query, key = (2 * draw.ints(-1, 2, 2, 3, 5, 4)).half(), draw.ints(-1, 2, 2, 3, 7, 4).half()
    query[..., 0], key[..., 0] = 60, 60 * sign
    value, mask = draw(2, 3, 7, 6, dtype=torch.float16), some_mask(draw, 5, 7)
    expected = torch_attention(query.float(), key.float(), value.float(), mask).half()
    close(attention.scaled_dot_product_attention(query, key, value, mask), expected)


@exercise("scaled_dot_product_attention")
def test_attention_has_the_right_gradients(draw):
    inputs = draw(2, 3, 5, 4), draw(2, 3, 7, 4), draw(2, 3, 7, 6)
    same_gradients(attention.scaled_dot_product_attention, torch_attention, *inputs, some_mask(draw, 5, 7))


# Every right answer draws its own random numbers: the tests look at how many weights fall, and what the others become.
P = 0.25


def dropped(draw):
    """Attention with dropout, on values that show the weights: (weights without dropout, what came out, its copy)."""
    query, key = draw(2, 3, 40, 4), draw(2, 3, 50, 4)
    eye = torch.eye(50, device=query.device).expand(2, 3, 50, 50)
    weights = torch_attention(query, key, eye)  # all above 0
    out = attention.scaled_dot_product_attention(query, key, torch.cat([eye, eye], dim=-1), dropout_p=P)
    return weights, *out.chunk(2, dim=-1)


def check_independent(zero, probability):
    """Cells fall with this probability, and neighbours along each axis fall independently of each other.

    One chi-square on all cells, and one on pairs of cells for each axis. There are at most four axes, and each check
    calls a right answer wrong once in 10^7 runs: 5·10^-7 in all.
    """
    falls = [1 - probability, probability]
    same_distribution(zero.flatten().long(), falls, false_alarm=1e-7, name="dropped or not")
    both = [(1 - probability) ** 2, probability * (1 - probability), probability * (1 - probability), probability**2]
    for axis in range(zero.dim()):
        pairs = zero.select(axis, 0).long() * 2 + zero.select(axis, 1).long()
        same_distribution(pairs.flatten(), both, false_alarm=1e-7, name=f"neighbours along axis {axis}")


@exercise("scaled_dot_product_attention")
def test_weights_that_survive_dropout_grow(draw):
    weights, got, _ = dropped(draw)
    close(got, torch.where(got == 0, 0.0, weights / (1 - P)))


@exercise("scaled_dot_product_attention")
def test_dropout_takes_each_weight_with_its_chance(draw):
    # n = 12,000 weights: a rate that is off by 0.03 is noticed. False alarm: see check_independent.
    _, got, _ = dropped(draw)
    check_independent(got == 0, P)


@exercise("scaled_dot_product_attention")
def test_a_dropped_weight_is_gone_for_all_of_its_value(draw):
    _, got, copy = dropped(draw)
    close(got, copy)


@pytest.fixture
def fine(device):
    """A device that has float64; Apple's GPUs don't."""
    return torch.device("cpu") if device.type == "mps" else device


@exercise("scaled_dot_product_attention")
@pytest.mark.parametrize("which", [0, 1, 2], ids=["query", "key", "value"])
def test_with_dropout_the_gradient_is_right(which, draw, fine):
    inputs = [draw(2, 3, *shape, dtype=torch.float64).to(fine) for shape in ((5, 4), (7, 4), (7, 6))]
    mask = some_mask(draw, 5, 7).to(fine)

    def of_one(x):
        return attention.scaled_dot_product_attention(*inputs[:which], x, *inputs[which + 1 :], mask, dropout_p=P)

    has_the_slope_of_differences(of_one, inputs[which])


@exercise("scaled_dot_product_attention")
def test_where_every_weight_is_dropped_the_result_is_0(draw, fine):
    # In float64, for which torch has no fused kernel on a GPU: those are not made for a chance of 1.
    inputs = [draw(2, 3, *shape, dtype=torch.float64).to(fine) for shape in ((5, 4), (7, 4), (7, 6))]
    for mask in (None, some_mask(draw, 5, 7).to(fine)):
        got = attention.scaled_dot_product_attention(*inputs, mask, dropout_p=1.0)
        close(got, torch.zeros_like(got), name="without a mask" if mask is None else "with a mask")


# ---- Multi-head attention --------------------------------------------------------------------------------------------


class TorchAttention(nn.Module):
    """torch's multi-head attention, asked to be causal."""

    def __init__(self, n_embd, n_head):
        super().__init__()
        self.mha = nn.MultiheadAttention(n_embd, n_head, batch_first=True)

    def forward(self, x):
        time = x.shape[1]
        mask = torch.ones(time, time, dtype=torch.bool, device=x.device).triu(1)
        return self.mha(x, x, x, attn_mask=mask, need_weights=False)[0]


RENAME = {
    "mha.in_proj_weight": "c_attn.weight",
    "mha.in_proj_bias": "c_attn.bias",
    "mha.out_proj.weight": "c_proj.weight",
    "mha.out_proj.bias": "c_proj.bias",
}


def the_pair(n_embd, n_head, device, dtype=torch.float32, dropout=0.0):
    """A MultiHeadAttention of the answer and torch's, both with torch's random weights."""
    theirs = randomize(TorchAttention(n_embd, n_head)).to(device, dtype)
    mine = attention.MultiHeadAttention(n_embd, n_head, dropout).to(device, dtype)
    mine.load_state_dict({RENAME[name]: value for name, value in theirs.state_dict().items()})
    return mine, theirs


@exercise("MultiHeadAttention")
@pytest.mark.parametrize("batch, time, n_embd, n_head", [(3, 5, 12, 2), (1, 4, 12, 4), (2, 7, 6, 1), (3, 1, 8, 8)])
def test_equals_torch_with_the_same_weights(batch, time, n_embd, n_head, draw, device):
    mine = attention.MultiHeadAttention(n_embd, n_head).to(device)
    theirs = randomize(TorchAttention(n_embd, n_head)).to(device)
    same_module(mine, theirs, draw(batch, time, n_embd), rename=RENAME)


@exercise("MultiHeadAttention")
def test_nothing_is_dropped_in_eval(draw, device):
    mine, theirs = the_pair(12, 2, device, dropout=0.5)
    x = draw(3, 5, 12)
    close(mine.eval()(x), theirs.eval()(x))


@exercise("MultiHeadAttention")
def test_heads_keep_float64(draw, device):
    mine, theirs = the_pair(12, 3, device, dtype=torch.float64)
    x = draw(2, 5, 12, dtype=torch.float64)
    close(mine(x), theirs(x))


@exercise("MultiHeadAttention")
def test_texts_may_be_shorter_or_longer_than_the_last(draw, device):
    mine, theirs = the_pair(12, 2, device)
    for time in (4, 9, 2):
        x = draw(3, time, 12)
        close(mine(x), theirs(x), name=f"{time} tokens")


@exercise("MultiHeadAttention")
def test_no_text_is_too_long(draw, device):
    mine, theirs = the_pair(2, 1, device)
    x = draw(1, 1030, 2)
    close(mine(x), theirs(x), name="1030 tokens")


@exercise("MultiHeadAttention")
def test_heads_on_views(draw, device):
    mine, theirs = the_pair(12, 2, device)
    for x in (strided(draw(3, 5, 12)), draw(1, 5, 12).expand(3, 5, 12)):
        close(mine(x), theirs(x))


@exercise("MultiHeadAttention")
@pytest.mark.parametrize("n_embd, n_head", [(10, 3), (12, 5)])
def test_heads_must_divide_the_channels(n_embd, n_head):
    raises(ValueError, attention.MultiHeadAttention, n_embd, n_head)


class Cache:
    """The least that a cache can do: it keeps all that it is given, and returns it. Empty, its len() is 0."""

    def __init__(self):
        self.keys, self.values = [], []

    def __len__(self):
        return len(self.keys)

    def append(self, key, value):
        self.keys.append(key)
        self.values.append(value)
        return torch.cat(self.keys, dim=2), torch.cat(self.values, dim=2)


@exercise("MultiHeadAttention")
@pytest.mark.parametrize("batch", [1, 3])
def test_with_a_cache_a_text_may_come_in_pieces(batch, draw, device):
    mine, theirs = the_pair(12, 2, device)
    x, cache = draw(batch, 8, 12), Cache()
    pieces = [mine(piece, cache) for piece in x.split([1, 4, 1, 2], dim=1)]
    close(torch.cat(pieces, dim=1), theirs(x), name="pieces of 1, 4, 1 and 2 tokens, put together")


@exercise("MultiHeadAttention")
def test_gradients_flow_through_the_cache(draw, device):
    mine, theirs = the_pair(12, 2, device)

    def in_pieces(x):
        cache = Cache()
        return torch.cat([mine(piece, cache) for piece in x.split([4, 3], dim=1)], dim=1)

    same_gradients(in_pieces, theirs, draw(3, 7, 12))


@exercise("MultiHeadAttention")
def test_tokens_see_what_the_cache_held_before(draw, device):
    mine, theirs = the_pair(12, 2, device)
    x, cache = draw(3, 4, 12), Cache()
    cache.append(draw(3, 2, 5, 6), draw(3, 2, 5, 6))
    got = mine(x, cache)
    equal(len(cache), 2, name="number of pieces in the cache")
    query = F.linear(x, theirs.mha.in_proj_weight[:12], theirs.mha.in_proj_bias[:12])
    heads = torch.stack(query.split(6, dim=-1), dim=1), torch.cat(cache.keys, dim=2), torch.cat(cache.values, dim=2)
    mixed = torch_attention(*heads, later(4, 5, device))
    close(got, theirs.mha.out_proj(torch.cat(mixed.unbind(dim=1), dim=-1)))


@exercise("MultiHeadAttention")
def test_the_cache_is_given_this_calls_keys_and_values(draw, device):
    mine, theirs = the_pair(12, 2, device)
    x, cache = draw(3, 5, 12), Cache()
    mine(x, cache)
    equal(len(cache), 1, name="number of calls of cache.append")
    projected = F.linear(x, theirs.mha.in_proj_weight, theirs.mha.in_proj_bias)
    key, value = (torch.stack(part.split(6, dim=-1), dim=1) for part in projected[..., 12:].split(12, dim=-1))
    close(cache.keys[0], key, name="key")
    close(cache.values[0], value, name="value")


@exercise("MultiHeadAttention")
@pytest.mark.parametrize("cached", [False, True], ids=["in one piece", "in two, through a cache"])
def test_while_training_weights_are_dropped(cached, draw, device):
    # Queries and keys are 0, so token 4 gives each of five tokens a fifth. All values are 1, and c_proj does nothing:
    # a head's 16 channels all hold the sum of the weights that are left, but for those that the output's dropout takes.
    # All 16 of one head fall together with chance 0.25^16: 2·10^-7 for all 900 heads.
    module = attention.MultiHeadAttention(48, 3, P).to(device)
    with torch.no_grad():
        module.c_attn.weight.zero_()
        module.c_attn.bias.copy_(torch.cat([torch.zeros(96), torch.ones(48)]))
        module.c_proj.weight.copy_(torch.eye(48))
        module.c_proj.bias.zero_()
    x, cache = draw(300, 5, 48), Cache()
    out = torch.cat([module(piece, cache) for piece in x.split([3, 2], dim=1)], dim=1) if cached else module(x)
    sums = out.view(300, 5, 3, 16).amax(dim=-1)
    left, before = sums[:, 4] * 5 * (1 - P) ** 2, sums[:, 3] * 4 * (1 - P) ** 2  # token 3 has four tokens to look at
    close(left, left.round(), name="the number of weights left")
    # n = 900 counts, binomial; a right answer is called wrong once in 2·10^6 runs.
    chances = [math.comb(5, k) * (1 - P) ** k * P ** (5 - k) for k in range(6)]
    same_distribution(left.round().long().flatten(), chances, false_alarm=5e-7, name="the number of weights left")
    # n = 900 pairs; the same false alarm. Tokens 3 and 4 lose their weights independently of each other.
    whole = 2 * (left.round() == 5).long() + (before.round() == 4).long()
    a, b = (1 - P) ** 5, (1 - P) ** 4
    both = [(1 - a) * (1 - b), (1 - a) * b, a * (1 - b), a * b]
    same_distribution(whole.flatten(), both, false_alarm=5e-7, name="do tokens 4 and 3 keep all of their weights")


@exercise("MultiHeadAttention")
def test_while_training_the_output_is_dropped(draw, device):
    module = attention.MultiHeadAttention(12, 3, P).to(device)
    with torch.no_grad():
        module.c_proj.weight.zero_()
        module.c_proj.bias.fill_(1.0)
    got = module(draw(60, 50, 12))
    close(got, torch.where(got == 0, 0.0, torch.full_like(got, 1 / (1 - P))))
    # n = 36,000. False alarm: see check_independent.
    check_independent(got == 0, P)


@exercise("MultiHeadAttention")
def test_while_training_the_gradient_is_right(draw, fine):
    module = attention.MultiHeadAttention(12, 3, P)
    module.load_state_dict(the_pair(12, 3, "cpu")[0].state_dict())
    has_the_slope_of_differences(module.to(fine, torch.float64).train(), draw(3, 5, 12, dtype=torch.float64).to(fine))


# ---- Bonus -----------------------------------------------------------------------------------------------------------


def turned(x, past=0, base=10000.0):
    """RoPE with complex numbers, in float64: channel i and channel i + d_head/2 are the two parts of one number."""
    a, b = x.cpu().double().chunk(2, dim=-1)
    time, pairs = a.shape[-2:]
    angles = [[p * base ** (-i / pairs) for i in range(pairs)] for p in range(past, past + time)]
    angle = torch.tensor(angles, dtype=torch.float64)
    z = torch.complex(a, b) * torch.polar(torch.ones_like(angle), angle)
    return torch.cat([z.real, z.imag], dim=-1).to(x)


@exercise("apply_rope")
@pytest.mark.parametrize("shape", [(2, 3, 5, 8), (7, 2), (1, 4, 6)], ids=str)
def test_turns_pairs_like_complex_numbers(shape, draw):
    x = draw(*shape)
    close(attention.apply_rope(x), turned(x))


@exercise("apply_rope")
def test_positions_are_counted_from_past(draw):
    x = draw(2, 3, 5, 8)
    close(attention.apply_rope(x, past=4), turned(x, past=4))


@exercise("apply_rope")
def test_the_base_can_be_chosen(draw):
    x = draw(2, 3, 5, 8)
    close(attention.apply_rope(x, base=100.0), turned(x, base=100.0))


@exercise("apply_rope")
def test_scores_depend_on_the_distance_only(draw):
    query, key = draw(2, 5, 6), draw(2, 5, 6)
    near = attention.apply_rope(query) @ attention.apply_rope(key).transpose(-2, -1)
    far = attention.apply_rope(query, past=9) @ attention.apply_rope(key, past=9).transpose(-2, -1)
    close(far, near)


@exercise("apply_rope")
def test_rope_keeps_float64(draw):
    x = draw(2, 3, 5, 8, dtype=torch.float64)
    close(attention.apply_rope(x), turned(x), rtol=1e-6, atol=1e-6)  # the angles may be float32


@exercise("apply_rope")
def test_late_positions_are_exact_in_bfloat16(draw):
    x = draw(2, 9, 8, dtype=torch.bfloat16)
    close(attention.apply_rope(x, past=1000), turned(x, past=1000))


@exercise("apply_rope")
@pytest.mark.parametrize("past", [2048, 5000])
def test_late_positions_are_exact_in_float16(past, draw):
    x = draw(2, 9, 8, dtype=torch.float16)
    close(attention.apply_rope(x, past=past), turned(x, past=past))


@exercise("apply_rope")
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
def test_no_position_is_too_late(dtype, draw, fine):
    # With a single pair the angles are whole numbers, which float32 holds up to 2^24.
    x = draw(2, 3, 2, dtype=dtype).to(fine)
    close(attention.apply_rope(x, past=3_000_000), turned(x, past=3_000_000), rtol=1e-5, atol=1e-5)


@exercise("apply_rope")
def test_rope_on_views(draw):
    for x in (strided(draw(2, 3, 5, 8)), draw(1, 3, 5, 8).expand(2, 3, 5, 8)):
        close(attention.apply_rope(x), turned(x))


@exercise("apply_rope")
def test_rope_has_the_right_gradient(draw):
    same_gradients(attention.apply_rope, turned, draw(2, 3, 5, 8))


@exercise("apply_rope")
def test_channels_turn_in_pairs(draw):
    raises(ValueError, attention.apply_rope, draw(2, 5, 7))


class TorchGrouped(nn.Module):
    """Llama's attention: torch groups the heads."""

    def __init__(self, n_embd, n_head, n_kv_head):
        super().__init__()
        self.heads = n_head, n_kv_head, n_kv_head
        narrow = n_embd // n_head * n_kv_head
        self.q_proj = nn.Linear(n_embd, n_embd, bias=False)
        self.k_proj = nn.Linear(n_embd, narrow, bias=False)
        self.v_proj = nn.Linear(n_embd, narrow, bias=False)
        self.o_proj = nn.Linear(n_embd, n_embd, bias=False)

    def forward(self, x):
        projected = zip((self.q_proj, self.k_proj, self.v_proj), self.heads)
        query, key, value = (torch.stack(linear(x).chunk(n, dim=-1), dim=1) for linear, n in projected)
        mixed = F.scaled_dot_product_attention(turned(query), turned(key), value, is_causal=True, enable_gqa=True)
        return self.o_proj(torch.cat(mixed.unbind(dim=1), dim=-1))


@exercise("GroupedQueryAttention")
@pytest.mark.parametrize(
    "batch, time, n_embd, n_head, n_kv_head",
    [(3, 5, 24, 6, 2), (1, 7, 24, 6, 3), (2, 4, 12, 3, 1), (2, 5, 16, 4, 4), (3, 1, 8, 2, 1)],
)
def test_equals_grouped_torch(batch, time, n_embd, n_head, n_kv_head, draw, device):
    mine = attention.GroupedQueryAttention(n_embd, n_head, n_kv_head).to(device)
    theirs = randomize(TorchGrouped(n_embd, n_head, n_kv_head)).to(device)
    same_module(mine, theirs, draw(batch, time, n_embd))


@exercise("GroupedQueryAttention")
def test_groups_keep_float64(draw, device):
    theirs = randomize(TorchGrouped(24, 6, 2)).to(device, torch.float64)
    mine = attention.GroupedQueryAttention(24, 6, 2).to(device, torch.float64)
    mine.load_state_dict(theirs.state_dict())
    x = draw(2, 5, 24, dtype=torch.float64)
    close(mine(x), theirs(x), rtol=1e-5, atol=1e-5)  # the angles may be float32


@exercise("GroupedQueryAttention")
def test_no_text_is_too_long_for_groups(draw, device):
    mine = attention.GroupedQueryAttention(4, 2, 1).to(device)
    theirs = randomize(TorchGrouped(4, 2, 1)).to(device)
    mine.load_state_dict(theirs.state_dict())
    x = draw(1, 1030, 4)
    close(mine(x), theirs(x), rtol=1e-3, atol=1e-3, name="1030 tokens")  # the angles may be float32


@exercise("GroupedQueryAttention")
def test_groups_on_views(draw, device):
    theirs = randomize(TorchGrouped(24, 6, 2)).to(device)
    mine = attention.GroupedQueryAttention(24, 6, 2).to(device)
    mine.load_state_dict(theirs.state_dict())
    for x in (strided(draw(3, 5, 24)), draw(1, 5, 24).expand(3, 5, 24)):
        close(mine(x), theirs(x))


@exercise("GroupedQueryAttention")
@pytest.mark.parametrize("n_embd, n_head, n_kv_head", [(10, 4, 2), (24, 6, 4)])
def test_sizes_must_divide_one_another(n_embd, n_head, n_kv_head):
    raises(ValueError, attention.GroupedQueryAttention, n_embd, n_head, n_kv_head)
