"""Section 8: what a GPT costs.

The oracles are counts of real tensors, torch's FLOP counter, and published figures.
"""

import math
import re

import napkin
import pytest
import torch
from torch import nn

from shared.checks import close, equal, exercise, raises

# Every number differs, and n_head · d_head is no power of two.
ODD = {"vocab_size": 61, "n_positions": 23, "n_embd": 40, "n_layer": 3, "n_head": 5}
WIDE = {"vocab_size": 7, "n_positions": 11, "n_embd": 24, "n_layer": 1, "n_head": 2}
# Products of these are beyond 2^53, where a float no longer holds every whole number.
HUGE = {"vocab_size": 50257, "n_positions": 1024, "n_embd": 33_333_333, "n_layer": 7, "n_head": 3}
SIZES = {
    "small": {"n_embd": 768, "n_layer": 12, "n_head": 12},
    "medium": {"n_embd": 1024, "n_layer": 24, "n_head": 16},
    "large": {"n_embd": 1280, "n_layer": 36, "n_head": 20},
    "XL": {"n_embd": 1600, "n_layer": 48, "n_head": 25},
}
GPT2 = {"vocab_size": 50257, "n_positions": 1024}
PUBLISHED = {"small": 124_439_808, "medium": 354_823_168, "large": 774_030_080, "XL": 1_557_611_200}


def parameters(sizes):
    """Oracle: the published count, or what torch.nn's modules hold. Each once: the output layer is `wte`."""
    for name, size in SIZES.items():
        if sizes == GPT2 | size:
            return PUBLISHED[name]
    n = sizes["n_embd"]
    with torch.device("meta"):  # where tensors take no memory
        parts = [nn.Embedding(sizes["vocab_size"], n), nn.Embedding(sizes["n_positions"], n), nn.LayerNorm(n)]
        for _ in range(sizes["n_layer"]):
            parts += [nn.LayerNorm(n), nn.Linear(n, 3 * n), nn.Linear(n, n)]
            parts += [nn.LayerNorm(n), nn.Linear(n, 4 * n), nn.Linear(4 * n, n)]
    return sum(p.numel() for part in parts for p in part.parameters())


def state_bytes(sizes, mixed):
    """Oracle: (weights, gradients, Adam), summed over tensors that are really (but emptily) there."""
    size = torch.bfloat16.itemsize if mixed else torch.float32.itemsize
    copies = [torch.bfloat16.itemsize, torch.float32.itemsize] if mixed else [torch.float32.itemsize]
    count = parameters(sizes)
    return sum(copies) * count, size * count, 2 * torch.float32.itemsize * count


def activations(sizes, batch, length):
    """Oracle: the same numbers as empty tensors of their shapes."""
    with torch.device("meta"):
        layer = [torch.empty(batch, length, 16, sizes["n_embd"]), torch.empty(batch, sizes["n_head"], length, length)]
        return (
            sum(x.numel() for x in layer) * sizes["n_layer"] + torch.empty(batch, length, sizes["vocab_size"]).numel()
        )


def flops_of_products(sizes, length):
    """Oracle: a loop over the products of a forward pass, each (rows, inner, columns), for one text."""
    n, head = sizes["n_embd"], sizes["n_embd"] // sizes["n_head"]
    products = [(length, n, sizes["vocab_size"])]
    for _ in range(sizes["n_layer"]):
        products += [(length, n, 3 * n), (length, n, n), (length, n, 4 * n), (length, 4 * n, n)]
        for _ in range(sizes["n_head"]):
            products += [(length, head, length), (length, length, head)]
    return sum(2 * rows * inner * columns for rows, inner, columns in products)


def hours_by_hand(sizes, tokens, length, peak, utilisation):
    return 3 * flops_of_products(sizes, length) / length * tokens / utilisation / peak / 3600


# ---- count_parameters ------------------------------------------------------------------------------------------------


@exercise("count_parameters")
@pytest.mark.parametrize("sizes", [ODD, WIDE, HUGE], ids=["odd", "one layer", "huge"])
def test_counts_what_the_modules_hold(sizes):
    equal(napkin.count_parameters(napkin.GPT2Config(**sizes)), parameters(sizes))


@exercise("count_parameters")
@pytest.mark.parametrize("name, published", PUBLISHED.items(), ids=list(PUBLISHED))
def test_gives_the_published_sizes(name, published):
    equal(napkin.count_parameters(napkin.GPT2Config(**SIZES[name])), published)


# ---- flops_per_token -------------------------------------------------------------------------------------------------


@exercise("flops_per_token")
@pytest.mark.parametrize("context", [1, 6, 23])
@pytest.mark.parametrize("sizes", [ODD, WIDE], ids=["odd", "one layer"])
def test_adds_up_the_products_of_a_forward_pass(sizes, context):
    expected = flops_of_products(sizes, context) // context
    equal(napkin.flops_per_token(napkin.GPT2Config(**sizes), context), expected)


@exercise("flops_per_token")
def test_counts_the_last_flop_of_a_huge_model_too():
    equal(napkin.flops_per_token(napkin.GPT2Config(**HUGE), 999), flops_of_products(HUGE, 999) // 999)


@exercise("flops_per_token")
def test_the_context_is_as_long_as_it_says():
    # Longer than the model's 23 positions: the arithmetic asks for no limit.
    equal(napkin.flops_per_token(napkin.GPT2Config(**ODD), 50), flops_of_products(ODD, 50) // 50)


@exercise("flops_per_token")
@pytest.mark.parametrize("context", [2, 19])
def test_training_costs_three_forward_passes(context):
    expected = 3 * flops_of_products(ODD, context) // context
    equal(napkin.flops_per_token(napkin.GPT2Config(**ODD), context, training=True), expected)


@exercise("flops_per_token")
@pytest.mark.parametrize("name, context", [("small", 1024), ("medium", 200), ("large", 1024), ("XL", 1000)])
def test_agrees_with_torchs_flop_counter(name, context):
    from torch.utils.flop_counter import FlopCounterMode

    got = napkin.flops_per_token(napkin.GPT2Config(**SIZES[name]), context)
    n, heads = SIZES[name]["n_embd"], SIZES[name]["n_head"]
    with torch.device("meta"), FlopCounterMode(display=False) as counter:
        x = torch.empty(context, n)
        for _ in range(SIZES[name]["n_layer"]):
            query, key, value = (x @ torch.empty(n, 3 * n)).view(context, 3, heads, n // heads).permute(1, 2, 0, 3)
            mixed = (query @ key.transpose(1, 2)).softmax(dim=-1) @ value
            x = x + mixed.transpose(0, 1).reshape(context, n) @ torch.empty(n, n)
            x = x + (x @ torch.empty(n, 4 * n)) @ torch.empty(4 * n, n)
        x @ torch.empty(n, 50257)
    equal(got, counter.get_total_flops() // context)


# ---- training_memory -------------------------------------------------------------------------------------------------


@exercise("training_memory")
@pytest.mark.parametrize("mixed", [False, True], ids=["float32", "mixed"])
@pytest.mark.parametrize(
    "sizes, batch, length",
    [(ODD, 2, 7), (WIDE, 1, 1), (GPT2 | SIZES["XL"], 3, 1000), (HUGE, 10**6 + 1, 1999)],
    ids=["odd", "one token", "XL", "huge"],
)
def test_adds_up_the_bytes_of_every_tensor(sizes, batch, length, mixed):
    weights, gradients, adam = state_bytes(sizes, mixed)
    expected = {
        "weights": weights,
        "gradients": gradients,
        "adam": adam,
        "activations": activations(sizes, batch, length) * (2 if mixed else 4),
    }
    equal(napkin.training_memory(napkin.GPT2Config(**sizes), batch, length, mixed=mixed), expected)


@exercise("training_memory")
def test_is_float32_unless_told_otherwise():
    weights, gradients, adam = state_bytes(ODD, mixed=False)
    expected = {"weights": weights, "gradients": gradients, "adam": adam, "activations": 4 * activations(ODD, 5, 2)}
    equal(napkin.training_memory(napkin.GPT2Config(**ODD), 5, 2), expected)


# ---- cache_bytes -----------------------------------------------------------------------------------------------------


@exercise("cache_bytes")
@pytest.mark.parametrize("dtype", [torch.float16, torch.float32, torch.int8], ids=str)
@pytest.mark.parametrize(
    "sizes, batch, length",
    [(ODD, 3, 7), (WIDE, 1, 2), (GPT2 | SIZES["XL"], 16, 1024), (HUGE, 10**5 + 1, 1999)],
    ids=["odd", "one text", "XL", "huge"],
)
def test_is_the_size_of_the_keys_and_values(sizes, batch, length, dtype):
    heads = sizes["n_head"]
    one = torch.empty(batch, heads, length, sizes["n_embd"] // heads, dtype=dtype, device="meta")
    expected = sum(one.nbytes for _ in range(sizes["n_layer"]) for _ in ("keys", "values"))
    equal(napkin.cache_bytes(napkin.GPT2Config(**sizes), batch, length, dtype.itemsize), expected)


@exercise("cache_bytes")
def test_takes_two_bytes_a_value_unless_told_otherwise():
    equal(napkin.cache_bytes(napkin.GPT2Config(**ODD), 3, 7), 3 * 7 * (2 * 3 * 40) * 2)


@exercise("cache_bytes")
def test_counts_every_token_however_many():
    equal(napkin.cache_bytes(napkin.GPT2Config(**ODD), 3, 40), 3 * 40 * (2 * 3 * 40) * 2)


@exercise("cache_bytes")
def test_of_nothing_is_nothing():
    equal(napkin.cache_bytes(napkin.GPT2Config(**ODD), 3, 0), 0)


# ---- pick_gpu --------------------------------------------------------------------------------------------------------

SLOW = napkin.GPU("slow", 24e9, 2e12, 1.0)
FAST = napkin.GPU("fast", 24e9, 16e12, 9.0)  # 8 times as fast, 9 times the price
QUICK = napkin.GPU("quick", 24e9, 8e12, 3.0)  # 4 times as fast, 3 times the price: the cheapest job


def pick(gpus, tokens=3e9, batch=2, length=7, sizes=ODD, **kwargs):
    """(name, hours), so that a failure shows the name."""
    gpu, hours = napkin.pick_gpu(napkin.GPT2Config(**sizes), tokens, batch, length, gpus, **kwargs)
    return gpu.name, hours


@exercise("pick_gpu")
@pytest.mark.parametrize("order", [(0, 1, 2), (2, 0, 1), (1, 2, 0)])
def test_the_cheapest_job_wins_not_the_cheapest_hour_nor_the_fastest(order):
    gpus = [(SLOW, FAST, QUICK)[i] for i in order]
    equal(pick(gpus)[0], "quick")
    equal(pick([gpu for gpu in gpus if gpu != QUICK])[0], "slow")


@exercise("pick_gpu")
@pytest.mark.parametrize(
    "tokens, length, sizes",
    [(3e9, 7, ODD), (1e6, 20, ODD), (10e9, 1000, GPT2 | SIZES["large"])],
    ids=["odd", "short", "large"],
)
@pytest.mark.parametrize("utilisation", [0.25, 1.0])
def test_hours_are_all_training_flops_at_the_speed_that_is_used(tokens, length, sizes, utilisation):
    big = napkin.GPU("big", 1e12, 7e13, 2.5)
    _, hours = pick([big], tokens, 1, length, sizes, utilisation=utilisation)
    close(hours, hours_by_hand(sizes, tokens, length, 7e13, utilisation))


@exercise("pick_gpu")
def test_uses_two_fifths_of_the_peak_unless_told_otherwise():
    close(pick([QUICK])[1], hours_by_hand(ODD, 3e9, 7, 8e12, 0.4))


@exercise("pick_gpu")
def test_the_batch_changes_what_fits_but_not_the_hours():
    close(pick([QUICK], batch=50)[1], hours_by_hand(ODD, 3e9, 7, 8e12, 0.4))


@exercise("pick_gpu")
@pytest.mark.parametrize(
    "sizes, batch, length",
    [(ODD, 2, 7), (ODD, 90, 23), (GPT2 | SIZES["small"], 8, 1024)],
    ids=["odd", "many texts", "small"],
)
def test_the_whole_training_must_fit_and_just_fitting_is_enough(sizes, batch, length):
    needed = sum(state_bytes(sizes, mixed=True)) + 2 * activations(sizes, batch, length)
    exact, short = napkin.GPU("exact", needed, 1e12, 5.0), napkin.GPU("short", needed - 1, 1e12, 0.01)
    equal(pick([short, exact], batch=batch, length=length, sizes=sizes)[0], "exact")


@exercise("pick_gpu")
def test_activations_are_those_of_mixed_precision():
    needed = sum(state_bytes(ODD, mixed=True)) + 2 * activations(ODD, 90, 23)
    roomy = napkin.GPU("roomy", 1.1 * needed, 1e12, 5.0)
    equal(pick([roomy], batch=90, length=23)[0], "roomy")


@exercise("pick_gpu")
def test_chooses_among_gpus_unless_told_otherwise():
    config = napkin.GPT2Config(**(GPT2 | SIZES["small"]))
    needed = sum(state_bytes(GPT2 | SIZES["small"], mixed=True)) + 2 * activations(GPT2 | SIZES["small"], 8, 1024)
    best = min((gpu for gpu in napkin.GPUS if gpu.memory >= needed), key=lambda gpu: gpu.price / gpu.peak)
    gpu, hours = napkin.pick_gpu(config, 2.5e9, 8, 1024)
    equal(gpu.name, best.name)
    close(hours, hours_by_hand(GPT2 | SIZES["small"], 2.5e9, 1024, best.peak, 0.4))


@exercise("pick_gpu")
def test_two_gpus_may_have_the_same_name():
    cheap, dear = napkin.GPU("same", 24e9, 8e12, 2.0), napkin.GPU("same", 24e9, 4e12, 3.0)
    for gpus in ([cheap, dear], [dear, cheap]):
        gpu, hours = napkin.pick_gpu(napkin.GPT2Config(**ODD), 3e9, 2, 7, gpus)
        equal(gpu.price, 2.0, name="the price of the one that was picked")
        close(hours, hours_by_hand(ODD, 3e9, 7, 8e12, 0.4))


@exercise("pick_gpu")
@pytest.mark.parametrize("kind", [list, tuple])
def test_the_gpus_may_be_a_list_or_a_tuple_and_keep_their_order(kind):
    gpus = kind([FAST, QUICK, SLOW])
    equal(pick(gpus)[0], "quick")
    equal([gpu.name for gpu in gpus], ["fast", "quick", "slow"], name="the order of the GPUs afterwards")


@exercise("pick_gpu")
@pytest.mark.parametrize("sizes, batch, length", [(GPT2 | SIZES["XL"], 8, 1024), (GPT2 | SIZES["large"], 50, 1000)])
def test_when_nothing_fits_it_says_how_many_gb_are_needed(sizes, batch, length):
    needed = (sum(state_bytes(sizes, mixed=True)) + 2 * activations(sizes, batch, length)) / 1e9
    small = [napkin.GPU("one", 1e9, 1e12, 1.0), napkin.GPU("two", 2e9, 1e12, 1.0)]
    for gpus in (small, []):
        raises(ValueError, pick, gpus, batch=batch, length=length, sizes=sizes)
        with pytest.raises(ValueError) as caught:
            pick(gpus, batch=batch, length=length, sizes=sizes)
        figures = [float(figure.replace(",", "")) for figure in re.findall(r"\d[\d,]*(?:\.\d+)?", str(caught.value))]
        equal(len(figures) > 0, True, name=f"whether {str(caught.value)!r} holds a number")
        nearest = min(figures, key=lambda figure: abs(figure - needed))
        close(nearest, needed, rtol=0, atol=1, name=f"{str(caught.value)!r}: the GB that are needed, to within one")


@exercise("pick_gpu")
@pytest.mark.parametrize("double_first", [True, False])
def test_of_two_that_cost_the_same_the_faster_wins(double_first):
    # Twice the speed at twice the price: powers of two, so the costs are equal to the last bit.
    single, double = napkin.GPU("single", 24e9, 2.0**40, 0.5), napkin.GPU("double", 24e9, 2.0**41, 1.0)
    name, hours = pick([double, single] if double_first else [single, double])
    equal(name, "double")
    equal(math.isclose(hours, hours_by_hand(ODD, 3e9, 7, 2.0**41, 0.4), rel_tol=1e-6), True, name="are its hours right")
