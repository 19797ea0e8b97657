"""Tests of section 5. The oracle is Hugging Face's GPT-2 on the whole text; of the cache, only its contract is used."""

import inspect

import cache
import model as gpt2
import pytest
import torch

from shared.checks import close, equal, exercise, raises, same_distribution, same_for_any_layout, unchanged
from shared.data.reference import tiny_gpt2

SMALL = gpt2.GPT2Config(vocab_size=61, n_positions=23, n_embd=40, n_layer=3, n_head=5, dropout=0.0)
D_HEAD = 8
TRANSPOSED = ("c_attn.weight", "c_proj.weight", "c_fc.weight")


def precise(device):
    return torch.float32 if device.type == "mps" else torch.float64


def twins(device, dropout=0.0, dtype=None):
    """Hugging Face's tiny GPT-2, and ours with the same weights; needs nothing of weights.py."""
    theirs = tiny_gpt2().to(device, dtype or precise(device))
    model = gpt2.GPT2(gpt2.GPT2Config(**(vars(SMALL) | {"dropout": dropout}))).to(device, dtype or precise(device))
    state = {name.removeprefix("transformer."): tensor for name, tensor in theirs.state_dict().items()}
    del state["lm_head.weight"]
    model.load_state_dict({name: t.T if name.endswith(TRANSPOSED) else t for name, t in state.items()})
    return theirs, model.eval()


def new_cache(device, batch=3, **more):
    return cache.KVCache(SMALL, batch, **({"device": device, "dtype": precise(device)} | more))


def careful_cache(device, batch=3, **more):
    return cache.CarefulCache(SMALL, batch, **({"device": device, "dtype": precise(device)} | more))


# A model in float64 may hold constants that were made in float32, gelu's for example.
LIKE_FLOAT32 = {"rtol": 1e-4, "atol": 1e-5}


def watch(model):
    """A list that grows with each call of `model`: (how many tokens it was given, whether its logits hold a graph).

    However the model is called: by position or by keyword, itself or its `forward`.
    """
    calls = []

    class Watched(type(model)):
        def forward(self, *args, **kwargs):
            logits = super().forward(*args, **kwargs)
            given = inspect.signature(super().forward).bind(*args, **kwargs).arguments
            calls.append((next(iter(given.values())).shape[1], logits.requires_grad))
            return logits

    model.__class__ = Watched
    return calls


# ---- KVCache, by itself ----------------------------------------------------------------------------------------------


def tokens(draw, count, batch=3, heads=5, d_head=D_HEAD):
    """Random keys or values of `count` tokens, in the layout that attention hands over: not contiguous."""
    dtype = torch.float32 if draw(1).device.type == "mps" else torch.float64
    return draw(batch, count, heads, d_head, dtype=dtype).transpose(1, 2)


def passes(store, draw, *counts, layers=3):
    """One pass for each count: appends to every layer. Returns all keys and values so far, (layer, …)."""
    past = [([], []) for _ in range(layers)]
    for count in counts:
        for layer in range(layers):
            key, value = tokens(draw, count), tokens(draw, count)
            past[layer][0].append(key)
            past[layer][1].append(value)
            store[layer].append(key, value)
    return [(torch.cat(keys, dim=2), torch.cat(values, dim=2)) for keys, values in past]


@exercise("KVCache")
def test_length_of_a_pass_that_is_under_way_is_that_before_it(device, draw):
    store = new_cache(device)
    store[0].append(tokens(draw, 4), tokens(draw, 4))
    equal(store.length, 0, name="length after layer 0 of 3")


@exercise("KVCache")
@pytest.mark.parametrize("counts", [(1, 1, 1), (5,), (4, 1, 3)], ids=str)
def test_append_returns_all_tokens_so_far(counts, device, draw):
    store = new_cache(device)
    keys, values = [[] for _ in range(3)], [[] for _ in range(3)]
    for count in counts:
        for layer in range(3):
            keys[layer].append(tokens(draw, count))
            values[layer].append(tokens(draw, count))
            got = store[layer].append(keys[layer][-1], values[layer][-1])
            close(got[0], torch.cat(keys[layer], dim=2), name=f"the keys of layer {layer}")
            close(got[1], torch.cat(values[layer], dim=2), name=f"the values of layer {layer}")


@exercise("KVCache")
def test_length_moves_when_every_layer_has_appended(device, draw):
    store = new_cache(device)
    lengths = [store.length]
    for count in (4, 1):
        for layer in (1, 0, 2) if count == 4 else (2, 1, 0):
            store[layer].append(tokens(draw, count), tokens(draw, count))
            lengths.append(store.length)
    equal(lengths, [0, 0, 0, 4, 4, 4, 5], name="the lengths")


@exercise("KVCache")
def test_a_model_may_have_more_than_nine_layers(device, draw):
    store = cache.KVCache(gpt2.GPT2Config(**(vars(SMALL) | {"n_layer": 12})), 3, device, precise(device))
    past = passes(store, draw, 2, layers=12)
    equal(store.length, 2)
    for layer in range(12):
        key = tokens(draw, 1)
        close(
            store[layer].append(key, key)[0], torch.cat([past[layer][0], key], dim=2), name=f"the keys of layer {layer}"
        )


@exercise("KVCache")
def test_two_caches_do_not_share_anything(device, draw):
    one, other = new_cache(device), new_cache(device)
    past = passes(one, draw, 2)
    passes(other, draw, 3)
    equal([one.length, other.length], [2, 3], name="the two lengths")
    key = tokens(draw, 1)
    close(one[1].append(key, key)[0], torch.cat([past[1][0], key], dim=2))


@exercise("KVCache")
def test_the_tokens_given_are_kept_and_not_changed(device, draw):
    store = new_cache(device)
    key, value = tokens(draw, 2), tokens(draw, 2)
    with unchanged(key, value):
        for layer in range(3):
            store[layer].append(key, value)
    expected = torch.cat([key, value], dim=2)
    close(store[0].append(value, key)[0], expected)


@exercise("KVCache")
def test_reset_forgets_everything(device, draw):
    store = new_cache(device)
    passes(store, draw, 4, 2)
    store[0].append(tokens(draw, 1), tokens(draw, 1))  # and a pass that broke off
    store.reset()
    equal(store.length, 0)
    for layer in range(3):
        key, value = tokens(draw, 3), tokens(draw, 3)
        got = store[layer].append(key, value)
        close(got[0], key, name=f"the keys of layer {layer}")
        close(got[1], value, name=f"the values of layer {layer}")
    equal(store.length, 3)


@exercise("KVCache")
def test_all_positions_can_be_used(device, draw):
    store = new_cache(device)
    past = passes(store, draw, 20, 2)
    last = tokens(draw, 1)
    close(store[0].append(last, last)[0], torch.cat([past[0][0], last], dim=2))


@exercise("KVCache")
def test_max_length_may_be_more_than_the_model_has_positions(device, draw):
    store = new_cache(device, max_length=40)
    past = passes(store, draw, 30)
    last = tokens(draw, 10)
    close(store[0].append(last, last)[0], torch.cat([past[0][0], last], dim=2), name="the keys of 40 tokens")


@exercise("KVCache")
def test_it_works_on_the_device_that_it_is_told():
    # "meta" tensors have no values and need no GPU, but mixing them with others is an error all the same.
    store = cache.KVCache(SMALL, 3, device=torch.device("meta"))
    for layer in range(SMALL.n_layer):
        key, value = torch.empty(2, 3, 5, 4, D_HEAD, device="meta")
        try:
            both = store[layer].append(key, value)
        except NotImplementedError as error:  # torch's own, which would look like an exercise that is still to do
            if "meta" not in str(error):
                raise
            pytest.fail("the storage is not on the device that the cache was told")
        for got in both:
            equal((got.device.type, tuple(got.shape)), ("meta", (3, 5, 4, D_HEAD)))
    equal(store.length, 4)


@exercise("KVCache")
@pytest.mark.parametrize("dtype", [None, torch.float32, torch.bfloat16], ids=str)
def test_keeps_the_dtype_that_it_is_told_and_float32_if_none(dtype, device, draw):
    store = new_cache(device, dtype=dtype)
    key, value = (draw(3, 5, 2, D_HEAD).to(dtype or torch.float32) for _ in range(2))
    got = store[0].append(key, value)
    equal(got[0], key, name="the keys")
    equal(got[1], value, name="the values")


@exercise("KVCache")
def test_the_default_dtype_is_torchs_whatever_that_is(device, draw):
    before, key = torch.get_default_dtype(), draw(3, 5, 2, D_HEAD, dtype=torch.float16)
    torch.set_default_dtype(torch.float16)
    try:
        got = new_cache(device, dtype=None)[0].append(key, key)
    finally:
        torch.set_default_dtype(before)
    equal(got[0], key, name="the keys")


# ---- KVCache, in the model -------------------------------------------------------------------------------------------


@exercise("KVCache")
@pytest.mark.parametrize("batch", [1, 3])
@pytest.mark.parametrize("chunks", [[23], [1] * 23, [1, 22], [22, 1], [4, 1, 1, 7, 2]], ids=str)
def test_the_logits_are_those_of_the_whole_text(chunks, batch, device, draw):
    theirs, model = twins(device)
    ids = draw.ints(0, 61, batch, sum(chunks))
    store = new_cache(device, batch)
    with torch.no_grad():
        expected = theirs(ids).logits
        start = 0
        for count in chunks:
            end = start + count
            got = model(ids[:, start:end], cache=store)
            close(got, expected[:, start:end], name=f"the logits of {start} to {end}", **LIKE_FLOAT32)
            equal(store.length, end)
            start = end


@exercise("KVCache")
def test_a_text_after_reset_is_read_as_if_it_were_the_first(device, draw):
    theirs, model = twins(device)
    store = new_cache(device)
    first, second = draw.ints(0, 61, 3, 9), draw.ints(0, 61, 3, 5)
    with torch.no_grad():
        model(first, cache=store)
        store.reset()
        close(model(second, cache=store), theirs(second).logits, **LIKE_FLOAT32)


# ---- sample ----------------------------------------------------------------------------------------------------------

ROWS = 4000


def drawn_from(logits, temperature=1.0, top_k=None):
    """ROWS tokens: one call for the same logits in ROWS rows.

    A call for two rows goes before it. A test's first call is made again on a pretended GPU, where an answer that loops
    over thousands of rows, as it may, would take too long.
    """
    cache.sample(logits.expand(2, -1), temperature, top_k)
    return cache.sample(logits.expand(ROWS, -1), temperature, top_k)


@exercise("sample")
@pytest.mark.parametrize("temperature", [0.5, 1, 8.0])
@pytest.mark.parametrize("top_k", [None, 1, 3, 6, 7, 100])
def test_draws_follow_the_softmax(temperature, top_k, device, draw):
    logits = 1.5 * draw(7)
    got = drawn_from(logits, temperature, top_k)
    weight = (logits.double().cpu() / temperature).exp()
    weight[logits.cpu().argsort(descending=True)[top_k or 7 :]] = 0
    # chi-square over 4,000 draws; a right answer fails in one of a million seeds
    same_distribution(got, weight / weight.sum())


@exercise("sample")
def test_each_row_has_its_own_distribution(device, draw):
    logits = draw(3, 5)
    cache.sample(logits, top_k=4)  # see drawn_from
    got = cache.sample(logits.repeat(2000, 1), top_k=4).view(2000, 3)
    for row in range(3):
        weight = logits[row].double().cpu().exp()
        weight[weight.argmin()] = 0
        same_distribution(got[:, row], weight / weight.sum(), name=f"row {row}")


@exercise("sample")
@pytest.mark.parametrize("top_k", [None, 1, 4])
@pytest.mark.parametrize("temperature", [0, 0.7])
@pytest.mark.parametrize("batch", [1, 3])
def test_gives_one_token_for_each_row(batch, temperature, top_k, device, draw):
    got = cache.sample(draw(batch, 7), temperature, top_k)
    equal(tuple(got.shape), (batch,), name="the shape")
    equal([0 <= token < 7 for token in got.tolist()], [True] * batch, name="whether each is a token")


@exercise("sample")
def test_a_temperature_near_zero_is_not_zero(device):
    # Logits that lie one temperature apart.
    got = drawn_from(torch.tensor([0.0, 0.005, 0.01], device=device), temperature=0.005)
    weight = torch.tensor([0.0, 1.0, 2.0], dtype=torch.float64).exp()
    same_distribution(got, weight / weight.sum())


@exercise("sample")
@pytest.mark.parametrize("top_k", [None, 2])
def test_temperature_zero_takes_the_largest(top_k, device, draw):
    logits = draw(50, 11)
    with unchanged(logits):
        got = cache.sample(logits, temperature=0, top_k=top_k)
    equal(got, logits.argmax(dim=-1))


@exercise("sample")
@pytest.mark.parametrize("gap", [1e-6, 1e-12])
@pytest.mark.parametrize("top_k", [None, 2])
def test_temperature_zero_takes_the_largest_however_close_the_others_are(top_k, gap, device):
    logits = torch.tensor([0.0, gap, -gap], device=device).expand(64, -1)
    equal(cache.sample(logits, temperature=0, top_k=top_k), torch.ones(64, dtype=torch.int64, device=device))


@exercise("sample")
@pytest.mark.parametrize("top_k", [None, 2, 3])
def test_a_logit_of_minus_infinity_has_no_chance(top_k, device):
    logits = torch.tensor([0.5, -torch.inf, 1.5, -torch.inf], device=device)
    weight = torch.tensor([0.5, -torch.inf, 1.5, -torch.inf], dtype=torch.float64).softmax(dim=-1)
    same_distribution(drawn_from(logits, top_k=top_k), weight)


@exercise("sample")
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64], ids=str)
def test_draws_in_any_dtype(dtype, device, draw):
    logits = draw(5, dtype=torch.float64).to(dtype)
    weight = (logits.double().cpu() / 0.7).softmax(dim=-1)
    # The rounding of bfloat16 moves a probability by less than 1 %, which 4,000 draws can't see.
    same_distribution(drawn_from(logits, temperature=0.7), weight)


@exercise("sample")
def test_top_k_may_be_a_hundred(device):
    logits = torch.zeros(2000, 300, device=device)
    logits[:, :150] = 60.0  # the others have no chance worth counting: e^-60
    cache.sample(logits[:2], top_k=100)  # see drawn_from
    drawn = cache.sample(logits, top_k=100)
    # 2,000 draws leave out one of 100 equal candidates in fewer than one of a million seeds: 100 · e^-20.
    equal(
        [drawn.max().item() < 150, len(set(drawn.tolist()))], [True, 100], name="all of the best 150, how many tokens"
    )


@exercise("sample")
def test_huge_logits_and_low_temperatures_are_no_trouble(device):
    logits = torch.tensor([[900.0, 1000.0, -1000.0], [-2000.0, -2001.0, -1990.0]], device=device)
    equal(cache.sample(logits, temperature=0.01), torch.tensor([1, 2], device=device))


@exercise("sample")
def test_of_equal_logits_at_the_edge_only_top_k_survive(device):
    logits = torch.tensor([[0.0, 2.0, 1.0, 1.0, 1.0, 1.0, -3.0]], device=device)
    drawn = {cache.sample(logits, temperature=3.0, top_k=3).item() for _ in range(200)}
    # Each of the three has a chance of 0.27 or more: one is missed in 200 draws in fewer than 1 of 10^26 cases.
    equal([len(drawn), 1 in drawn, drawn <= {1, 2, 3, 4, 5}], [3, True, True], name="how many, with token 1, of 1 to 5")


@exercise("sample")
def test_the_generator_decides(device, draw):
    logits = draw(40, 11)
    before = torch.random.get_rng_state()
    first, again, other = (
        cache.sample(logits, 1.5, 9, generator=torch.Generator().manual_seed(seed)).tolist() for seed in (1, 1, 2)
    )
    equal(first, again, name="two draws with the same seed")
    equal(first == other, False, name="whether another seed draws the same 40 tokens")
    equal(torch.equal(torch.random.get_rng_state(), before), True, name="whether the global generator stayed as it was")


@exercise("sample")
def test_a_generator_moves_on_from_call_to_call(device, draw):
    logits, generator = draw(40, 11), torch.Generator().manual_seed(1)
    first, second = (cache.sample(logits, 1.5, generator=generator).tolist() for _ in range(2))
    equal(first == second, False, name="whether two calls with one generator draw the same 40 tokens")


@exercise("sample")
def test_the_global_generator_moves_on_without_one(device, draw):
    logits = draw(11)
    equal(drawn_from(logits).tolist() == drawn_from(logits).tolist(), False, name="whether two calls draw the same")


@exercise("sample")
def test_the_logits_are_not_changed(device, draw):
    logits = draw(3, 11)
    with unchanged(logits):
        cache.sample(logits, temperature=0.7, top_k=4)


@exercise("sample")
@pytest.mark.parametrize(
    "options", [{"temperature": -0.5}, {"top_k": 0}, {"top_k": -1}, {"temperature": -0.5, "top_k": 3}], ids=str
)
def test_nonsense_is_refused(options, device, draw):
    raises(ValueError, cache.sample, draw(3, 11), **options)


@exercise("sample")
def test_top_k_is_checked_at_temperature_zero_too(device, draw):
    raises(ValueError, cache.sample, draw(3, 11), temperature=0, top_k=0)


# ---- generate --------------------------------------------------------------------------------------------------------


def hugging_face(theirs, ids, count, **options):
    return theirs.generate(
        ids,
        attention_mask=torch.ones_like(ids),
        max_new_tokens=count,
        do_sample=False,
        **({"pad_token_id": 0} | options),
    )


@exercise("generate")
@pytest.mark.parametrize("use_cache", [True, False], ids=["cache", "no cache"])
@pytest.mark.parametrize(("batch", "prompt", "count"), [(1, 1, 22), (2, 22, 1), (3, 7, 9)])
def test_greedy_text_equals_hugging_face(use_cache, batch, prompt, count, device, draw):
    theirs, model = twins(device)
    ids = draw.ints(0, 61, batch, prompt)
    got = cache.generate(model, ids, count, temperature=0, use_cache=use_cache)
    equal(got, hugging_face(theirs, ids, count))


@exercise("generate")
def test_uses_the_cache_unless_told_otherwise(device, draw):
    _, model = twins(device)
    calls = watch(model)
    cache.generate(model, draw.ints(0, 61, 2, 5), 4)
    equal([count for count, _ in calls], [5, 1, 1, 1], name="how many tokens the model read in each step")


@exercise("generate")
@pytest.mark.parametrize(
    ("options", "use_cache"),
    [({"temperature": 0.6}, True), ({"temperature": 1.7, "top_k": 5}, True), ({}, True), ({"top_k": 9}, False)],
    ids=str,
)
def test_draws_from_the_logits_of_the_last_position(options, use_cache, device, draw):
    theirs, model = twins(device, dtype=torch.float32)
    ids = draw.ints(0, 61, 1, 3)
    got = cache.generate(model, ids.expand(800, -1), 1, use_cache=use_cache, **options)[:, -1]
    logits = theirs(ids).logits[0, -1].detach().double().cpu()
    weight = (logits / options.get("temperature", 1.0)).softmax(dim=-1)
    weight[logits.argsort(descending=True)[options.get("top_k", 61) :]] = 0
    # chi-square over 800 draws; a right answer fails in one of a million seeds
    same_distribution(got, weight / weight.sum())


@exercise("generate")
def test_the_text_is_the_same_with_the_cache_and_without(device, draw):
    _, model = twins(device)
    ids = draw.ints(0, 61, 3, 4)
    texts = [
        cache.generate(model, ids, 19, 1.3, 20, torch.Generator().manual_seed(5), use_cache=use).tolist()
        for use in (True, False)
    ]
    equal(texts[0], texts[1], name="the text with the cache")
    equal(len(set(map(tuple, texts[0]))), 3, name="how many of the three rows differ")


@exercise("generate")
def test_the_same_seed_writes_the_same_text(device, draw):
    _, model = twins(device)
    ids = draw.ints(0, 61, 2, 4)
    before = torch.random.get_rng_state()
    texts = [
        cache.generate(model, ids, 12, 1.5, generator=torch.Generator().manual_seed(seed)).tolist()
        for seed in (1, 1, 2)
    ]
    equal(
        [texts[0] == texts[1], texts[0] == texts[2]], [True, False], name="same text with same seed, with another one"
    )
    equal(torch.equal(torch.random.get_rng_state(), before), True, name="whether the global generator stayed as it was")


@exercise("generate")
@pytest.mark.parametrize("training", [True, False], ids=["train", "eval"])
@pytest.mark.parametrize("use_cache", [True, False], ids=["cache", "no cache"])
def test_no_dropout_while_writing_and_the_mode_is_given_back(training, use_cache, device, draw):
    theirs, model = twins(device, dropout=0.5)
    model.train(training)
    ids = draw.ints(0, 61, 2, 5)
    got = cache.generate(model, ids, 8, temperature=0, use_cache=use_cache)
    equal(got, hugging_face(theirs, ids, 8))
    equal([module.training for module in model.modules()], [training] * len(list(model.modules())), name="the modes")


@exercise("generate")
@pytest.mark.parametrize("use_cache", [True, False], ids=["cache", "no cache"])
@pytest.mark.parametrize(("prompt", "count"), [(5, 19), (23, 1), (24, 0), (1, 23)])
def test_a_text_that_cannot_fit_is_refused_before_any_work(prompt, count, use_cache, device, draw):
    _, model = twins(device)
    model.train()
    calls = watch(model)
    raises(ValueError, cache.generate, model, draw.ints(0, 61, 2, prompt), count, use_cache=use_cache)
    equal(len(calls), 0, name="how often the model was asked")
    equal(model.training, True, name="model.training")


@exercise("generate")
@pytest.mark.parametrize("use_cache", [True, False], ids=["cache", "no cache"])
def test_an_empty_prompt_is_refused(use_cache, device, draw):
    _, model = twins(device)
    raises(ValueError, cache.generate, model, draw.ints(0, 61, 2, 0), 3, use_cache=use_cache)


@exercise("generate")
@pytest.mark.parametrize("count", [0, 3])
def test_the_prompt_stays_as_it_is_and_the_text_is_new(count, device, draw):
    _, model = twins(device)
    ids = draw.ints(0, 61, 2, 5)
    with unchanged(ids):
        got = cache.generate(model, ids, count, temperature=0)
        equal(got[:, :5], ids.clone(), name="the beginning of the text")
        got += 1


def stopping(theirs, draw, batch):
    """Prompts of 4 tokens, and a token that row 0 greedily writes somewhere in the middle, and no other row does."""
    while True:
        ids = draw.ints(0, 61, batch, 4)
        first, *others = hugging_face(theirs, ids, 12)[:, 4:].tolist()
        found = [token for token in first[2:9] if token not in first[:2] and not any(token in row for row in others)]
        if found:
            return ids, found[0]


@exercise("generate")
@pytest.mark.parametrize("use_cache", [True, False], ids=["cache", "no cache"])
def test_a_row_that_stopped_is_filled_up(use_cache, device, draw):
    theirs, model = twins(device)
    ids, stop = stopping(theirs, draw, 3)
    got = cache.generate(model, ids, 12, temperature=0, use_cache=use_cache, stop=stop)
    equal(got, hugging_face(theirs, ids, 12, eos_token_id=stop, pad_token_id=stop))


@exercise("generate")
@pytest.mark.parametrize("use_cache", [True, False], ids=["cache", "no cache"])
def test_the_text_ends_when_every_row_has_stopped(use_cache, device, draw):
    theirs, model = twins(device)
    ids, stop = stopping(theirs, draw, 1)
    both = ids.expand(2, -1)
    got = cache.generate(model, both, 12, temperature=0, use_cache=use_cache, stop=stop)
    equal(got, hugging_face(theirs, both, 12, eos_token_id=stop, pad_token_id=stop))


@exercise("generate")
@pytest.mark.parametrize("use_cache", [True, False], ids=["cache", "no cache"])
def test_rows_that_stop_one_after_another_end_the_text_with_the_last(use_cache, device, draw):
    theirs, model = twins(device)
    ids = draw.ints(0, 61, 60, 4)
    new = hugging_face(theirs, ids, 12)[:, 4:].tolist()
    # Two prompts and a token that one greedily writes early, the other one late.
    early, late, stop = next(
        (a, b, token)
        for a, first in enumerate(new)
        for b, second in enumerate(new)
        for token in first[:4]
        if token in second[6:] and token not in second[:6]
    )
    both = ids[[early, late]]
    got = cache.generate(model, both, 12, temperature=0, use_cache=use_cache, stop=stop)
    equal(got, hugging_face(theirs, both, 12, eos_token_id=stop, pad_token_id=stop))


@exercise("generate")
@pytest.mark.parametrize("use_cache", [True, False], ids=["cache", "no cache"])
@pytest.mark.parametrize("place", [0, 11], ids=["the first", "the last"])
def test_a_text_may_stop_with_its_first_or_its_last_token(place, use_cache, device, draw):
    theirs, model = twins(device)
    ids = draw.ints(0, 61, 40, 4)
    new = hugging_face(theirs, ids, 12)[:, 4:].tolist()
    row = next(i for i, text in enumerate(new) if text[place] not in text[:place])
    got = cache.generate(model, ids[row : row + 1], 12, temperature=0, use_cache=use_cache, stop=new[row][place])
    equal(got.tolist(), [ids[row].tolist() + new[row][: place + 1]])


@exercise("generate")
def test_token_0_can_be_the_stop(device, draw):
    theirs, model = twins(device)
    ids, stop = stopping(theirs, draw, 3)
    expected = hugging_face(theirs, ids, 12, eos_token_id=stop, pad_token_id=stop)
    # The tokens `stop` and 0 change names: the same model, and the same text in other numbers.
    renamed = torch.arange(61, device=device)
    renamed[0], renamed[stop] = stop, 0
    with torch.no_grad():
        model.wte.weight.copy_(model.wte.weight[renamed])
    got = cache.generate(model, renamed[ids], 12, temperature=0, stop=0)
    equal(got, renamed[expected])


@exercise("generate")
def test_a_stop_in_the_prompt_means_nothing(device, draw):
    theirs, model = twins(device)
    ids = draw.ints(0, 61, 2, 4)
    for stop in ids[0].tolist():
        got = cache.generate(model, ids, 6, temperature=0, stop=stop)
        equal(got, hugging_face(theirs, ids, 6, eos_token_id=stop, pad_token_id=stop))


@exercise("generate")
@pytest.mark.parametrize("use_cache", [True, False], ids=["cache", "no cache"])
def test_no_graph_is_kept(use_cache, device, draw):
    _, model = twins(device)
    calls = watch(model)
    cache.generate(model, draw.ints(0, 61, 2, 4), 3, use_cache=use_cache)
    equal([graph for _, graph in calls], [False] * 3, name="whether the logits of each step hold a graph")


@exercise("generate")
@pytest.mark.parametrize("temperature", [0, 0.01])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
def test_works_in_the_dtype_of_the_model(dtype, temperature, device, draw):
    theirs, model = twins(device, dtype=dtype)
    ids = draw.ints(0, 61, 2, 4)
    got = cache.generate(model, ids, 3, temperature=temperature)
    with torch.no_grad():
        logits = theirs.float()(got[:, :-1]).logits[:, 3:]
    below = logits.amax(dim=-1) - logits.gather(-1, got[:, 4:, None])[..., 0]
    # In bfloat16 two kernels may differ by some hundredths, and another token may then be the largest.
    equal((below < 0.5).tolist(), [[True] * 3] * 2, name="whether each token's logit is the largest, or nearly so")


@exercise("generate")
def test_the_prompt_may_lie_in_memory_in_any_way(device, draw):
    theirs, model = twins(device)
    same_for_any_layout(
        lambda ids: cache.generate(model, ids, 2, temperature=0),
        lambda ids: hugging_face(theirs, ids, 2),
        draw.ints(0, 61, 3, 4),
    )


@exercise("generate")
def test_the_model_is_given_back_even_after_an_error(device, draw):
    _, model = twins(device)
    model.train()
    raises(ValueError, cache.generate, model, draw.ints(0, 61, 2, 4), 3, temperature=-1.0)
    equal(model.training, True, name="model.training")


# ---- CarefulCache ----------------------------------------------------------------------------------------------------


@exercise("CarefulCache")
def test_what_fits_is_kept_and_returned_as_ever(device, draw):
    store, other = careful_cache(device), careful_cache(device)
    keys, values, lengths = [[] for _ in range(3)], [[] for _ in range(3)], []
    for count in (4, 1, 3):
        for layer in (1, 0, 2) if count == 4 else (2, 1, 0):
            keys[layer].append(tokens(draw, count))
            values[layer].append(tokens(draw, count))
            with unchanged(keys[layer][-1], values[layer][-1]):
                got = store[layer].append(keys[layer][-1], values[layer][-1])
            close(got[0], torch.cat(keys[layer], dim=2), name=f"the keys of layer {layer}")
            close(got[1], torch.cat(values[layer], dim=2), name=f"the values of layer {layer}")
            lengths.append(store.length)
    equal(lengths, [0, 0, 4, 4, 4, 5, 5, 5, 8], name="the lengths")
    equal(other.length, 0, name="the length of another cache")
    passes(other, draw, 2)


@exercise("CarefulCache")
def test_the_model_reads_with_it_as_ever_and_again_after_reset(device, draw):
    theirs, model = twins(device)
    store, ids = careful_cache(device), draw.ints(0, 61, 3, 23)
    with torch.no_grad():
        expected = theirs(ids).logits
        for _ in range(2):  # the second time after a full cache was reset
            got = torch.cat([model(piece, cache=store) for piece in ids.split([4, 1, 18], dim=1)], dim=1)
            close(got, expected, name="the logits of three pieces", **LIKE_FLOAT32)
            equal(store.length, 23)
            store.reset()


@exercise("CarefulCache")
def test_a_pass_that_broke_off_is_forgotten_by_reset(device, draw):
    store = careful_cache(device)
    passes(store, draw, 4)
    store[1].append(tokens(draw, 2), tokens(draw, 2))
    store.reset()
    equal(store.length, 0)
    past = passes(store, draw, 3)
    equal(store.length, 3)
    key, value = tokens(draw, 1), tokens(draw, 1)
    close(store[1].append(key, value)[1], torch.cat([past[1][1], value], dim=2), name="the values")


@exercise("CarefulCache")
def test_it_works_with_more_than_nine_layers(device, draw):
    store = cache.CarefulCache(gpt2.GPT2Config(**(vars(SMALL) | {"n_layer": 12})), 3, device, precise(device))
    passes(store, draw, 2, 1, layers=12)
    equal(store.length, 3)
    raises(ValueError, store[10].append, tokens(draw, 21), tokens(draw, 21))


@exercise("CarefulCache")
def test_with_max_length_there_may_be_more_tokens_than_positions(device, draw):
    store = careful_cache(device, max_length=40)
    past = passes(store, draw, 30)
    raises(ValueError, store[0].append, tokens(draw, 11), tokens(draw, 11))
    last = tokens(draw, 10)
    close(store[0].append(last, last)[0], torch.cat([past[0][0], last], dim=2), name="the keys of 40 tokens")


@exercise("CarefulCache")
@pytest.mark.parametrize("dtype", [None, torch.float32, torch.bfloat16], ids=str)
def test_it_takes_the_dtype_that_it_was_told_and_float32_if_none(dtype, device, draw):
    store = careful_cache(device, dtype=dtype)
    other = torch.float16 if dtype is None else {torch.float32: torch.bfloat16, torch.bfloat16: torch.float32}[dtype]
    key = draw(3, 5, 2, D_HEAD)
    raises(ValueError, store[0].append, key.to(other), key.to(other))
    key = key.to(dtype or torch.float32)
    equal(store[0].append(key, key)[0], key, name="the keys")


@exercise("CarefulCache")
def test_it_takes_torchs_default_dtype_whatever_that_is(device, draw):
    before, key = torch.get_default_dtype(), draw(3, 5, 2, D_HEAD, dtype=torch.float16)
    torch.set_default_dtype(torch.float16)
    try:
        got = careful_cache(device, dtype=None)[0].append(key, key)
    finally:
        torch.set_default_dtype(before)
    equal(got[0], key, name="the keys")


@exercise("CarefulCache")
def test_it_takes_the_device_that_it_was_told():
    # see test_it_works_on_the_device_that_it_is_told
    store = cache.CarefulCache(SMALL, 3, device=torch.device("meta"))
    raises(ValueError, store[0].append, *torch.zeros(2, 3, 5, 4, D_HEAD, device="cpu"))
    for layer in range(SMALL.n_layer):
        store[layer].append(*torch.empty(2, 3, 5, 4, D_HEAD, device="meta"))
    equal(store.length, 4)


@exercise("CarefulCache")
def test_a_pass_goes_on_after_refusals_as_if_nothing_had_been(device, draw):
    store = careful_cache(device)
    past = passes(store, draw, 4)
    for layer in range(3):
        for wrong in (
            half(tokens(draw, 2)),
            with_gradients(tokens(draw, 2)),
            tokens(draw, 2, batch=1),
            tokens(draw, 2)[0],
            tokens(draw, 20),
        ):
            raises(ValueError, store[layer].append, wrong, wrong)
            equal(store.length, 4, name=f"length in the pass after 4 tokens, before layer {layer}")
        key, value = tokens(draw, 2), tokens(draw, 2)
        got = store[layer].append(key, value)
        close(got[0], torch.cat([past[layer][0], key], dim=2), name=f"the keys of layer {layer}")
        close(got[1], torch.cat([past[layer][1], value], dim=2), name=f"the values of layer {layer}")
    equal(store.length, 6)


@exercise("CarefulCache")
def test_all_positions_can_be_used_and_no_more(device, draw):
    store = careful_cache(device)
    past = passes(store, draw, 20, 2)
    raises(ValueError, store[0].append, tokens(draw, 2), tokens(draw, 2))
    last = tokens(draw, 1)
    close(store[0].append(last, last)[0], torch.cat([past[0][0], last], dim=2))
    raises(ValueError, careful_cache(device)[2].append, tokens(draw, 24), tokens(draw, 24))


@exercise("CarefulCache")
def test_max_length_is_the_limit_where_it_is_given(device, draw):
    store = careful_cache(device, max_length=6)
    passes(store, draw, 4, 2)
    equal(store.length, 6)
    raises(ValueError, store[0].append, tokens(draw, 1), tokens(draw, 1))


@exercise("CarefulCache")
def test_a_max_length_of_0_leaves_no_room(device, draw):
    raises(ValueError, careful_cache(device, max_length=0)[0].append, tokens(draw, 1), tokens(draw, 1))


@exercise("CarefulCache")
def test_a_tensor_without_the_batch_is_refused(device, draw):
    store = careful_cache(device)
    raises(ValueError, store[0].append, tokens(draw, 2)[0], tokens(draw, 2)[0])


@exercise("CarefulCache")
def test_a_tensor_with_a_fifth_dimension_is_refused(device, draw):
    raises(ValueError, careful_cache(device)[0].append, tokens(draw, 2)[None], tokens(draw, 2)[None])


@exercise("CarefulCache")
@pytest.mark.parametrize(
    "wrong",
    [
        {"batch": 2},
        {"batch": 1},
        {"batch": 4},
        {"heads": 1},
        {"heads": 4},
        {"d_head": 1},
        {"d_head": 9},
    ],
    ids=str,
)
@pytest.mark.parametrize("part", ["key", "value", "both"])
def test_another_shape_is_refused_and_nothing_kept(wrong, part, device, draw):
    store = careful_cache(device)
    past = passes(store, draw, 2)
    key = tokens(draw, 3, **(wrong if part != "value" else {}))
    value = tokens(draw, 3, **(wrong if part != "key" else {}))
    raises(ValueError, store[0].append, key, value)
    key, value = tokens(draw, 1), tokens(draw, 1)
    got = store[0].append(key, value)
    close(got[0], torch.cat([past[0][0], key], dim=2), name="the keys")
    close(got[1], torch.cat([past[0][1], value], dim=2), name="the values")


@exercise("CarefulCache")
@pytest.mark.parametrize("batch", [1, 2])
def test_the_first_tokens_already_must_fit(batch, device, draw):
    raises(ValueError, careful_cache(device)[0].append, tokens(draw, 2, batch=batch), tokens(draw, 2, batch=batch))


@exercise("CarefulCache")
@pytest.mark.parametrize(("keys", "values"), [(3, 1), (1, 3)])
def test_as_many_values_as_keys(keys, values, device, draw):
    raises(ValueError, careful_cache(device)[0].append, tokens(draw, keys), tokens(draw, values))


def half(x):
    return x.half()


def elsewhere(x):
    return x.to("meta")


def with_gradients(x):
    return x.clone().requires_grad_()


@exercise("CarefulCache")
@pytest.mark.parametrize("part", ["key", "value"])
@pytest.mark.parametrize(
    "change", [half, elsewhere, with_gradients], ids=["another dtype", "another device", "with gradients"]
)
def test_tokens_of_another_kind_are_refused_and_nothing_kept(change, part, device, draw):
    store = careful_cache(device)
    past = passes(store, draw, 2)
    wrong = {"key": tokens(draw, 3), "value": tokens(draw, 3)}
    wrong[part] = change(wrong[part])
    raises(ValueError, store[0].append, *wrong.values())
    key, value = tokens(draw, 1), tokens(draw, 1)
    got = store[0].append(key, value)
    close(got[0], torch.cat([past[0][0], key], dim=2), name="the keys")
    close(got[1], torch.cat([past[0][1], value], dim=2), name="the values")


@exercise("CarefulCache")
def test_a_layer_cannot_append_twice_in_a_pass(device, draw):
    store = careful_cache(device)
    past = passes(store, draw, 2)
    store[0].append(tokens(draw, 1), tokens(draw, 1))
    for count in (1, 1, 2):  # again, since what is refused must leave no trace
        raises(ValueError, store[0].append, tokens(draw, count), tokens(draw, count))
    equal(store.length, 2)
    key, value = tokens(draw, 1), tokens(draw, 1)
    close(store[1].append(key, value)[1], torch.cat([past[1][1], value], dim=2))


@exercise("CarefulCache")
@pytest.mark.parametrize("count", [1, 3])
@pytest.mark.parametrize("first", [0, 1, 2])
def test_layers_cannot_append_different_numbers_of_tokens(first, count, device, draw):
    store = careful_cache(device)
    past = passes(store, draw, 4)
    store[first].append(tokens(draw, 2), tokens(draw, 2))
    for other in sorted({0, 1, 2} - {first}):
        raises(ValueError, store[other].append, tokens(draw, count), tokens(draw, count))
        key, value = tokens(draw, 2), tokens(draw, 2)
        close(store[other].append(key, value)[0], torch.cat([past[other][0], key], dim=2), name="the keys")


@exercise("CarefulCache")
def test_the_model_refuses_another_batch_and_goes_on(device, draw):
    theirs, model = twins(device)
    store = careful_cache(device)
    ids = draw.ints(0, 61, 3, 6)
    with torch.no_grad():
        model(ids[:, :4], cache=store)
        raises(ValueError, model, ids[:1, 4:], cache=store)
        close(model(ids[:, 4:], cache=store), theirs(ids).logits[:, 4:], **LIKE_FLOAT32)


@exercise("CarefulCache")
def test_training_through_the_cache_is_refused(device, draw):
    _, model = twins(device)
    raises(ValueError, model, draw.ints(0, 61, 3, 4), cache=careful_cache(device))
