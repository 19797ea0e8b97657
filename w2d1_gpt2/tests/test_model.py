"""Tests of model.py. The oracles: torch's own layers, losses and optimizer, and Hugging Face's GPT-2."""

import math

import model
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from shared.checks import (
    close,
    equal,
    exercise,
    fail,
    has_the_slope_of_differences,
    raises,
    randomize,
    same_for_any_layout,
    same_gradients,
    same_module,
    strided,
)


def small(**changes):
    """A config in which every size is another number.

    A head is 4 wide: so the square root in attention is exact, whether a float64 or a float32 made it.
    """
    sizes = dict(vocab_size=61, n_positions=23, n_embd=40, n_layer=3, n_head=10, dropout=0.0, layer_norm_epsilon=0.01)
    return model.GPT2Config(**(sizes | changes))


@pytest.fixture
def fine(device):
    """The finest dtype that the device has: Apple's GPUs know no float64."""
    return torch.float32 if device.type == "mps" else torch.float64


def near_share(got, expected, n, name):
    """A share of n independent draws is within 6 standard deviations of `expected`.

    For a right answer that fails with a probability of 2e-9 (normal tail; all our n p (1 - p) are above 200).
    """
    close(got, expected, atol=6 * math.sqrt(expected * (1 - expected) / n), rtol=0.0, name=name)


def is_dropout_of(got, whole, p):
    """Each value is either 0 or whole / (1 - p), and the share of zeros is p."""
    scaled = whole / (1 - p)
    close(torch.where(got == 0, scaled, got), scaled, name="what dropout left over")
    near_share((got == 0).double().mean().item(), p, got.numel(), "the share of dropped values")


@pytest.fixture
def exact(device):
    """A device that has float64; Apple's GPUs don't."""
    return torch.device("cpu") if device.type == "mps" else device


# ---- LayerNorm -------------------------------------------------------------------------------------------------------


def layer_norm_pair(n, device, dtype=torch.float32, **eps):
    return model.LayerNorm(n, **eps).to(device, dtype), randomize(nn.LayerNorm(n, **eps)).to(device, dtype)


@exercise("LayerNorm")
def test_layer_norm_by_hand(device):
    # Mean 4, variance 5; with eps 4 the root is 3.
    x = torch.tensor([[1.0, 3.0, 5.0, 7.0]], device=device)
    close(model.LayerNorm(4, eps=4.0).to(device)(x), torch.tensor([[-1.0, -1 / 3, 1 / 3, 1.0]], device=device))


@exercise("LayerNorm")
@pytest.mark.parametrize("shape", [(3, 7, 5), (1, 4, 6), (8, 3), (9,), (2, 3, 4, 7)], ids=str)
def test_layer_norm_equals_torch(shape, device, draw):
    same_module(*layer_norm_pair(shape[-1], device, eps=0.1), draw(*shape))


@exercise("LayerNorm")
def test_layer_norm_in_float64(device, draw, fine):
    same_module(*layer_norm_pair(5, device, fine), draw(3, 7, 5, dtype=fine))


@exercise("LayerNorm")
def test_layer_norm_of_rows_that_hardly_vary(device, draw, fine):
    # Variances around 1e-5: the default eps counts as much as they do.
    same_module(*layer_norm_pair(6, device, fine), 2 + 0.003 * draw(3, 4, 6, dtype=fine))


@exercise("LayerNorm")
def test_layer_norm_of_a_constant_row_is_the_bias(device):
    mine, theirs = layer_norm_pair(6, device)
    mine.load_state_dict(theirs.state_dict())
    close(mine(torch.full((2, 6), 3.0, device=device)), theirs.bias.expand(2, 6))


@exercise("LayerNorm")
def test_layer_norm_of_rows_far_from_zero(device, draw):
    x = draw(3, 5, 16) + 1000
    expected = F.layer_norm(x.cpu().double(), (16,)).float().to(device)
    close(model.LayerNorm(16).to(device)(x), expected, atol=1e-3)


@exercise("LayerNorm")
def test_layer_norm_of_a_view(device, draw):
    for x in (strided(draw(3, 7, 5)), draw(3, 5, 7).transpose(1, 2), draw(1, 7, 5).expand(3, 7, 5)):
        same_module(*layer_norm_pair(5, device), x)


@exercise("LayerNorm")
def test_a_new_layer_norm_has_ones_and_zeros(device):
    found = {name: parameter.detach() for name, parameter in model.LayerNorm(5).to(device).named_parameters()}
    equal(found, {"weight": torch.ones(5, device=device), "bias": torch.zeros(5, device=device)})


# ---- gelu ------------------------------------------------------------------------------------------------------------


def torch_gelu(x):
    return F.gelu(x, approximate="tanh")


@exercise("gelu")
@pytest.mark.parametrize("shape", [(3, 7, 5), (4,), (1, 1)], ids=str)
def test_gelu_equals_torch(shape, draw):
    same_gradients(model.gelu, torch_gelu, 2 * draw(*shape))


@exercise("gelu")
def test_gelu_keeps_float64(draw, fine):
    # The constant may have been made by torch.sqrt, in float32: good to seven digits.
    x = 2 * draw(3, 7, 5, dtype=fine)
    close(model.gelu(x), torch_gelu(x), rtol=1e-6, atol=1e-6)


@exercise("gelu")
def test_gelu_from_far_left_to_far_right(device):
    x = torch.cat([torch.linspace(-7, 7, 57), torch.tensor([-1e4, -100.0, -0.0, 100.0, 1e4])]).to(device)
    close(model.gelu(x), torch_gelu(x))


@exercise("gelu")
def test_gelu_of_a_view(draw):
    x = strided(draw(3, 5))
    close(model.gelu(x), torch_gelu(x))


@pytest.fixture(autouse=True)
def torchs_gelu_for_the_others(request, monkeypatch):
    """gelu has tests of its own. In MLP, Block and GPT2, compared in float64, torch's stands in: a right answer's
    constant may have been made by torch.sqrt, in float32."""
    mark = request.node.get_closest_marker("exercise")
    if mark and mark.args[0] in ("MLP", "Block", "GPT2"):
        monkeypatch.setattr(model, "gelu", torch_gelu)


# ---- MLP -------------------------------------------------------------------------------------------------------------


class TorchMLP(nn.Module):
    def __init__(self, n_embd):
        super().__init__()
        self.c_fc, self.c_proj = nn.Linear(n_embd, 4 * n_embd), nn.Linear(4 * n_embd, n_embd)

    def forward(self, x):
        return self.c_proj(torch_gelu(self.c_fc(x)))


@exercise("MLP")
@pytest.mark.parametrize("shape", [(3, 7, 6), (1, 2, 10), (4, 5)], ids=str)
def test_mlp_equals_torch(shape, device, draw, fine):
    theirs = randomize(TorchMLP(shape[-1]))
    same_module(model.MLP(shape[-1]).to(device, fine), theirs.to(device, fine), draw(*shape, dtype=fine))


@exercise("MLP")
def test_mlp_drops_nothing_outside_of_training(device, draw):
    theirs = randomize(TorchMLP(6)).to(device).eval()
    same_module(model.MLP(6, dropout=0.4).to(device), theirs, draw(3, 7, 6))


@exercise("MLP")
def test_mlp_drops_its_result_while_training(device, draw):
    mlp = randomize(model.MLP(6, dropout=0.25)).to(device)
    x = draw(3, 150, 6)  # 2,700 values
    is_dropout_of(mlp.train()(x), mlp.eval()(x), 0.25)


@exercise("MLP")
def test_mlp_drops_each_value_by_itself(device, draw):
    # 6,000 pairs of neighbours along each axis; with a chance of 1/16 both are dropped.
    mlp = randomize(model.MLP(6, dropout=0.25)).to(device)
    zero = mlp.train()(draw(4, 500, 6)) == 0
    for axis in range(3):
        both = zero.index_select(axis, torch.arange(0, zero.shape[axis], 2, device=device))
        both = both & zero.index_select(axis, torch.arange(1, zero.shape[axis], 2, device=device))
        name = f"the share of neighbours along axis {axis} that are both dropped"
        near_share(both.double().mean().item(), 1 / 16, both.numel(), name)


@exercise("MLP")
def test_mlp_has_the_right_gradient_while_training(exact, draw):
    mlp = randomize(model.MLP(6, dropout=0.25)).to(exact, torch.float64).train()
    has_the_slope_of_differences(mlp, draw(3, 7, 6, dtype=torch.float64).to(exact))


# ---- Block -----------------------------------------------------------------------------------------------------------


class TorchAttention(nn.Module):
    def __init__(self, n_embd, n_head):
        super().__init__()
        self.c_attn, self.c_proj, self.n_head = nn.Linear(n_embd, 3 * n_embd), nn.Linear(n_embd, n_embd), n_head

    def forward(self, x):
        heads = [part.unflatten(-1, (self.n_head, -1)).transpose(1, 2) for part in self.c_attn(x).chunk(3, dim=-1)]
        return self.c_proj(F.scaled_dot_product_attention(*heads, is_causal=True).transpose(1, 2).flatten(2))


class TorchBlock(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.ln_1 = nn.LayerNorm(config.n_embd, config.layer_norm_epsilon)
        self.attn = TorchAttention(config.n_embd, config.n_head)
        self.ln_2 = nn.LayerNorm(config.n_embd, config.layer_norm_epsilon)
        self.mlp = TorchMLP(config.n_embd)

    def forward(self, x):
        x = x + self.attn(self.ln_1(x))
        return x + self.mlp(self.ln_2(x))


class LayerCache:
    """All that attention asks of a cache: what was there before, and what is new."""

    def __init__(self):
        self.held = 0

    def __bool__(self):
        return self.held > 0  # so an empty cache is False

    def append(self, key, value):
        if self.held:
            key, value = torch.cat([self.key, key], dim=2), torch.cat([self.value, value], dim=2)
        self.key, self.value, self.held = key, value, key.shape[2]
        return key, value


def silence(*linears):
    """These give 0 from now on."""
    for linear in linears:
        nn.init.zeros_(linear.weight)
        nn.init.zeros_(linear.bias)


@exercise("Block")
@pytest.mark.parametrize("batch, time", [(3, 7), (1, 4), (2, 1)])
def test_block_equals_torch(batch, time, device, draw, fine):
    config = small(n_embd=12, n_head=3)
    theirs = randomize(TorchBlock(config)).to(device, fine)
    same_module(model.Block(config).to(device, fine), theirs, draw(batch, time, 12, dtype=fine))


@exercise("Block")
def test_block_uses_the_configs_epsilon(device, draw, fine):
    config = small(n_embd=12, n_head=3, layer_norm_epsilon=0.5)
    theirs = randomize(TorchBlock(config)).to(device, fine)
    same_module(model.Block(config).to(device, fine), theirs, 0.5 * draw(2, 5, 12, dtype=fine))


@exercise("Block")
def test_block_drops_nothing_outside_of_training(device, draw, fine):
    config = small(n_embd=12, n_head=3, dropout=0.4)
    theirs = randomize(TorchBlock(config)).to(device, fine).eval()
    same_module(model.Block(config).to(device, fine), theirs, draw(3, 7, 12, dtype=fine))


@exercise("Block")
@pytest.mark.parametrize("half", ["attn", "mlp"])
def test_block_drops_in_both_halves_while_training(half, device, draw):
    # What the halves add is made independent of x: one adds 0, the other its last bias, of which dropout takes some.
    block = randomize(model.Block(small(n_embd=12, n_head=3, dropout=0.3))).to(device)
    silence(block.attn.c_attn, block.attn.c_proj, block.mlp.c_fc, block.mlp.c_proj)
    bias = draw(12)
    with torch.no_grad():
        getattr(block, half).c_proj.bias.copy_(bias)
    x = draw(3, 70, 12)  # 2,520 values
    added = block.train()(x) - x
    is_dropout_of(added.where(added.abs() > 1e-6, 0), bias.expand_as(x), 0.3)


@exercise("Block")
def test_block_has_the_right_gradient_while_training(exact, draw):
    block = randomize(model.Block(small(n_embd=12, n_head=3, dropout=0.25))).to(exact, torch.float64).train()
    has_the_slope_of_differences(block, draw(3, 5, 12, dtype=torch.float64).to(exact))


@exercise("Block")
def test_block_hands_the_cache_to_attention(device, draw, fine):
    block, x = randomize(model.Block(small(n_embd=12, n_head=3))).to(device, fine), draw(3, 7, 12, dtype=fine)
    cache = LayerCache()
    pieces = torch.cat([block(x[:, :4], cache), block(x[:, 4:], cache)], dim=1)
    close(pieces, block(x), name="two pieces, with a cache")


@exercise("Block")
def test_block_sees_what_the_cache_held_before(device, draw, fine):
    block, x = randomize(model.Block(small(n_embd=12, n_head=3))).to(device, fine), draw(3, 7, 12, dtype=fine)
    cache = LayerCache()
    block.attn(block.ln_1(x[:, :4]), cache)
    close(block(x[:, 4:], cache), block(x)[:, 4:])


# ---- initialise ------------------------------------------------------------------------------------------------------

# By these names: weights of a residual projection, other matrices.
RESIDUAL = ("attn.c_proj.weight", "mlp.c_proj.weight")
MATRICES = ("wte.weight", "wpe.weight", "attn.c_attn.weight", "mlp.c_fc.weight")


class StandIn(nn.Module):
    """GPT-2's names and shapes, and nothing else of it. It starts with parameters far from where they should be."""

    def __init__(self, config):
        super().__init__()
        n = config.n_embd
        self.config = config
        self.wte, self.wpe = nn.Embedding(config.vocab_size, n), nn.Embedding(config.n_positions, n)
        self.h = nn.ModuleList(
            nn.ModuleDict(
                dict(
                    ln_1=model.LayerNorm(n),
                    attn=nn.ModuleDict(dict(c_attn=nn.Linear(n, 3 * n), c_proj=nn.Linear(n, n))),
                    ln_2=model.LayerNorm(n),
                    mlp=nn.ModuleDict(dict(c_fc=nn.Linear(n, 4 * n), c_proj=nn.Linear(4 * n, n))),
                )
            )
            for _ in range(config.n_layer)
        )
        self.ln_f = model.LayerNorm(n)
        randomize(self, scale=3.0)


def initialised(device, **sizes):
    stand_in = StandIn(small(**sizes)).to(device)
    model.initialise(stand_in)
    return dict(stand_in.named_parameters())


def has_spread(weights, std, name):
    """n draws of N(0, std²): mean and standard deviation are within 6 of their standard errors.

    Those are std / sqrt(n) and std / sqrt(2 n). With n ≥ 900, 6 of them are 14 % of std; a right answer fails with a
    probability below 1e-8 for each tensor, 4e-7 for all of a test's.
    """
    n = weights.numel()
    values = weights.detach().double().cpu()
    close(values.std().item(), std, atol=6 * std / math.sqrt(2 * n), rtol=0.0, name=f"the standard deviation of {name}")
    close(values.mean().item(), 0.0, atol=6 * std / math.sqrt(n), rtol=0.0, name=f"the mean of {name}")


def has_gpt2s_spread(parameters, n_layer):
    for name, parameter in parameters.items():
        if name.endswith(MATRICES):
            has_spread(parameter, 0.02, name)
        if name.endswith(RESIDUAL):
            has_spread(parameter, 0.02 / math.sqrt(2 * n_layer), name)


def biases_and_gains(parameters):
    found = {name: parameter.detach() for name, parameter in parameters.items() if parameter.dim() == 1}
    return found, {n: torch.zeros_like(p) if n.endswith("bias") else torch.ones_like(p) for n, p in found.items()}


@exercise("initialise")
def test_initialise_sets_biases_to_0_and_gains_to_1(device):
    equal(*biases_and_gains(initialised(device)))


@exercise("initialise")
@pytest.mark.parametrize("n_layer", [1, 3, 11])
def test_initialise_draws_with_the_right_spread(n_layer, device):
    has_gpt2s_spread(initialised(device, n_layer=n_layer), n_layer)


@exercise("initialise")
def test_initialise_draws_from_a_normal_distribution(device):
    # 68.27 % lie within one standard deviation; of a uniform distribution with the same spread, 57.7 % would.
    weights = torch.cat([p.detach().flatten() for n, p in initialised(device).items() if n.endswith(MATRICES)])
    near_share((weights.abs() < 0.02).double().mean().item(), 0.6827, weights.numel(), "the share within 0.02")


@exercise("initialise")
def test_initialise_cuts_nothing_off(device):
    # Of 126,560 numbers, 342 should lie beyond three standard deviations, where a truncated distribution has none.
    parameters = initialised(device, n_layer=11)
    weights = torch.cat([p.detach().flatten() for n, p in parameters.items() if n.endswith(MATRICES)])
    near_share((weights.abs() > 0.06).double().mean().item(), 0.0027, weights.numel(), "the share beyond 0.06")


@exercise("initialise")
def test_initialise_draws_each_tensor_anew(device):
    parameters = initialised(device)
    for name in RESIDUAL + MATRICES[2:]:
        if torch.equal(parameters[f"h.0.{name}"], parameters[f"h.1.{name}"]):
            fail(f"h.0.{name} and h.1.{name} hold the same numbers", "each tensor needs draws of its own")


@exercise("initialise")
def test_initialise_works_in_place(device):
    stand_in = StandIn(small()).to(device)
    before = {name: id(parameter) for name, parameter in stand_in.named_parameters()}
    model.initialise(stand_in)
    after = {name: id(p) for name, p in stand_in.named_parameters() if p.requires_grad and p.is_leaf}
    equal([name for name in before if after.get(name) != before[name]], [], name="replaced parameters")


@exercise("initialise")
def test_initialise_writes_into_the_tensors_that_are_there(device, fine):
    stand_in = StandIn(small()).to(device, fine)
    before = {name: (p.data_ptr(), p.dtype) for name, p in stand_in.named_parameters()}
    model.initialise(stand_in)
    after = {name: (p.data_ptr(), p.dtype) for name, p in stand_in.named_parameters()}
    equal(
        [name for name in before if after.get(name) != before[name]], [], name="parameters with other memory or dtype"
    )


@exercise("initialise")
def test_initialise_does_not_spare_frozen_parameters(device):
    stand_in = StandIn(small()).to(device).requires_grad_(False)
    model.initialise(stand_in)
    parameters = dict(stand_in.named_parameters())
    equal(*biases_and_gains(parameters))
    has_gpt2s_spread(parameters, 3)


@exercise("initialise")
def test_torchs_seed_decides_what_initialise_draws(device):
    drawn = []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        drawn.append(initialised(device)["wte.weight"].detach())
    drawn.append(initialised(device)["wte.weight"].detach())
    close(drawn[1], drawn[0], name="wte.weight after the same torch.manual_seed")
    equal(torch.equal(drawn[2], drawn[0]), False, name="does another torch.manual_seed draw the same")
    equal(torch.equal(drawn[3], drawn[2]), False, name="does the second call draw the same as the first")


# ---- GPT2 ------------------------------------------------------------------------------------------------------------


class TheirLogits(nn.Module):
    """Hugging Face's GPT-2 with torch's Linear in place of its Conv1D, whose matrix is the other way round."""

    def __init__(self, theirs):
        super().__init__()
        self.theirs = theirs
        for parent in [*theirs.modules()]:
            for name, child in [*parent.named_children()]:
                if type(child).__name__ == "Conv1D":
                    linear = nn.Linear(*child.weight.shape)
                    linear.weight = nn.Parameter(child.weight.detach().t().contiguous())
                    linear.bias = child.bias
                    setattr(parent, name, linear)

    def forward(self, ids):
        return self.theirs(ids).logits


@pytest.fixture
def theirs(device, fine):
    from shared.data.reference import tiny_gpt2

    return TheirLogits(tiny_gpt2(n_head=10, layer_norm_epsilon=0.01)).to(device, fine).eval()


def our_name(name):
    return None if "lm_head" in name else name.removeprefix("theirs.transformer.")


def gpt2(device, dtype=torch.float32, **changes):
    return randomize(model.GPT2(small(**changes)), scale=0.3).to(device, dtype)


class Cache:
    def __init__(self, n_layer):
        self.layers = [LayerCache() for _ in range(n_layer)]

    @property
    def length(self):
        return min(layer.held for layer in self.layers)

    def __getitem__(self, layer):
        return self.layers[layer]

    def __bool__(self):
        return self.length > 0  # so an empty cache is False


def stream(args, kwargs):
    """What a block was given besides its cache, by place or by name."""
    return next(value for value in (*args, *kwargs.values()) if isinstance(value, torch.Tensor)).detach().clone()


@exercise("GPT2")
def test_gpt2_has_gpt2s_parameters_and_no_others(device):
    n, shapes = 40, {"wte.weight": [61, 40], "wpe.weight": [23, 40]}
    for i in range(3):
        for name in ("ln_1", "ln_2"):
            shapes |= {f"h.{i}.{name}.weight": [n], f"h.{i}.{name}.bias": [n]}
        for name, wide, narrow in (
            ("attn.c_attn", 3, 1),
            ("attn.c_proj", 1, 1),
            ("mlp.c_fc", 4, 1),
            ("mlp.c_proj", 1, 4),
        ):
            shapes |= {f"h.{i}.{name}.weight": [wide * n, narrow * n], f"h.{i}.{name}.bias": [wide * n]}
    shapes |= {"ln_f.weight": [n], "ln_f.bias": [n]}
    ours = model.GPT2(small()).to(device)
    equal({name: list(tensor.shape) for name, tensor in ours.state_dict().items()}, shapes, name="state_dict()")
    equal(
        sum(p.numel() for p in ours.parameters()), sum(math.prod(s) for s in shapes.values()), name="number of weights"
    )


@exercise("GPT2")
@pytest.mark.parametrize("batch, time", [(3, 7), (1, 11), (2, 1)])
def test_gpt2_equals_hugging_faces(batch, time, theirs, device, draw, fine):
    ours = model.GPT2(small()).to(device, fine)
    same_module(ours, theirs, draw.ints(0, 61, batch, time), rename=our_name)


@exercise("GPT2")
def test_gpt2_of_another_depth(device, draw, fine):
    from shared.data.reference import tiny_gpt2

    theirs = TheirLogits(tiny_gpt2(seed=1, n_layer=1, n_head=10, layer_norm_epsilon=0.3)).to(device, fine).eval()
    ours = model.GPT2(small(n_layer=1, layer_norm_epsilon=0.3)).to(device, fine)
    same_module(ours, theirs, draw.ints(0, 61, 3, 5), rename=our_name)


@exercise("GPT2")
def test_gpt2_drops_nothing_outside_of_training(theirs, device, draw, fine):
    ours = model.GPT2(small(dropout=0.4)).to(device, fine)
    same_module(ours, theirs, draw.ints(0, 61, 3, 7), rename=our_name)


@exercise("GPT2")
def test_gpt2_takes_its_full_context(theirs, device, draw, fine):
    same_module(model.GPT2(small()).to(device, fine), theirs, draw.ints(0, 61, 2, 23), rename=our_name)


@exercise("GPT2")
def test_gpt2_refuses_one_token_too_many(device, draw):
    ours = gpt2(device)
    raises(ValueError, ours, draw.ints(0, 61, 2, 24))
    equal(list(ours(draw.ints(0, 61, 2, 23)).shape), [2, 23, 61])


@exercise("GPT2")
@pytest.mark.parametrize("cached", [False, True], ids=["without a cache", "with a cache"])
def test_gpt2_drops_embeddings_while_training(cached, device, draw):
    ours, ids, seen = gpt2(device, dropout=0.3), draw.ints(0, 61, 4, 17), []  # 2,720 values
    ours.h[0].register_forward_pre_hook(lambda block, *given: seen.append(stream(*given)), with_kwargs=True)
    ours.train()(ids, cache=Cache(3) if cached else None)
    ours.eval()(ids)
    equal(len(seen), 2, name="calls of the first block")
    is_dropout_of(*seen, 0.3)


@exercise("GPT2")
def test_gpt2_drops_nothing_behind_the_blocks(device, draw):
    ours, ids, seen = gpt2(device, dropout=0.3), draw.ints(0, 61, 3, 7), []
    ours.h[-1].register_forward_hook(lambda block, args, result: seen.append(result.detach().clone()))
    logits = ours.train()(ids)
    equal(len(seen), 1, name="calls of the last block")
    normal = F.layer_norm(seen[0], (40,), ours.ln_f.weight, ours.ln_f.bias, 0.01)
    close(logits, normal @ ours.wte.weight.T)


@exercise("GPT2")
def test_gpt2_hands_the_configs_dropout_to_its_blocks(device, draw):
    # Without position and with nothing dropped in front, only the blocks can make two runs differ.
    ours, ids = gpt2(device, dropout=0.5).train(), draw.ints(0, 61, 3, 7)
    runs = []
    ours.h[0].register_forward_hook(
        lambda block, args, kwargs, result: runs.append(result.detach() - stream(args, kwargs)), with_kwargs=True
    )
    nn.init.ones_(ours.wte.weight), nn.init.zeros_(ours.wpe.weight)
    ours(ids)
    zeros = (runs[0].abs() < 1e-7).double().mean().item()
    # Attention's and the MLP's results are both dropped at a place with probability 1/4; 840 places.
    near_share(zeros, 0.25, runs[0].numel(), "places where a block added nothing")


@exercise("GPT2")
def test_gpt2_has_the_right_gradient_while_training(exact, draw):
    ours, ids = gpt2(exact, torch.float64, dropout=0.25).train(), draw.ints(0, 61, 3, 7).to(exact)
    names = "wte.weight", "wpe.weight"

    def logits(tables):
        changed = dict(zip(names, tables.split([61, 23])))
        return torch.func.functional_call(ours, changed, ids)

    has_the_slope_of_differences(logits, torch.cat([ours.wte.weight, ours.wpe.weight]).detach())


@exercise("GPT2")
def test_a_new_gpt2_is_initialised(device):
    ours = model.GPT2(small(n_layer=5)).to(device)
    parameters = dict(ours.named_parameters())
    equal(*biases_and_gains(parameters))
    has_gpt2s_spread(parameters, 5)


@exercise("GPT2")
def test_gpt2_keeps_its_config():
    config = small()
    equal(model.GPT2(config).config == config, True)


@exercise("GPT2")
def test_gpt2_goes_on_where_the_cache_ends(device, draw, fine):
    ours, ids, cache = gpt2(device, fine), draw.ints(0, 61, 3, 12), Cache(3)
    pieces = [ours(piece, cache=cache) for piece in ids.split([6, 1, 5], dim=1)]
    close(torch.cat(pieces, dim=1), ours(ids), name="three pieces, with a cache")


@exercise("GPT2")
def test_gpt2_counts_cached_tokens_as_context(device, draw):
    ours, cache = gpt2(device), Cache(3)
    ours(draw.ints(0, 61, 2, 20), cache=cache)
    raises(ValueError, ours, draw.ints(0, 61, 2, 4), cache=cache)
    equal(list(ours(draw.ints(0, 61, 2, 3), cache=cache).shape), [2, 3, 61])


# ---- cross_entropy ---------------------------------------------------------------------------------------------------


def torch_cross_entropy(logits, targets, ignore_index=-100):
    return F.cross_entropy(logits.flatten(0, -2), targets.flatten(), ignore_index=ignore_index)


@exercise("cross_entropy")
def test_cross_entropy_by_hand(device):
    # Chances 1/2, 1/4, 1/4 and 1/6, 1/6, 4/6; the mean of ln 4 and ln 1.5.
    logits = torch.tensor([[2.0, 1.0, 1.0], [1.0, 1.0, 4.0]], device=device).log()
    close(model.cross_entropy(logits, torch.tensor([1, 2], device=device)).item(), (math.log(4) + math.log(1.5)) / 2)


@exercise("cross_entropy")
@pytest.mark.parametrize(
    "shape", [(7, 5), (1, 4), (3, 7, 5), (1, 2, 6), (4, 1, 5), (2, 3, 1, 5), (4, 3, 2, 5)], ids=str
)
def test_cross_entropy_equals_torch(shape, draw, fine):
    targets = draw.ints(0, shape[-1], *shape[:-1])
    same_gradients(model.cross_entropy, torch_cross_entropy, 3 * draw(*shape, dtype=fine), targets)


@exercise("cross_entropy")
def test_cross_entropy_in_float32(draw):
    same_gradients(model.cross_entropy, torch_cross_entropy, 3 * draw(3, 7, 5), draw.ints(0, 5, 3, 7))


@exercise("cross_entropy")
def test_cross_entropy_leaves_ignored_targets_out(draw, fine):
    logits, targets = 3 * draw(3, 7, 5, dtype=fine), draw.ints(0, 5, 3, 7)
    targets[0, :5], targets[1, 2], targets[2, 6] = -100, -100, -100  # so that the rows keep 2, 6 and 6
    same_gradients(model.cross_entropy, torch_cross_entropy, logits, targets)


@exercise("cross_entropy")
@pytest.mark.parametrize("ignored", [0, 4, -1, 255])
def test_cross_entropy_ignores_what_it_is_told(ignored, draw, fine):
    logits, targets = 3 * draw(3, 7, 5, dtype=fine), draw.ints(0, 5, 3, 7)
    targets[0, :4], targets[2, 1] = ignored, ignored
    same_gradients(model.cross_entropy, torch_cross_entropy, logits, targets, ignored)


@exercise("cross_entropy")
@pytest.mark.parametrize("offset, scale", [(1e4, 1.0), (-1e4, 1.0), (0.0, 1e4)])
def test_cross_entropy_of_huge_logits(offset, scale, draw):
    # At 1e4 a float32 is good to 0.0005, and so is logsumexp.
    logits, targets = (offset + scale * draw(3, 7, 5)).requires_grad_(), draw.ints(0, 5, 3, 7)
    exact = logits.detach().cpu().double().requires_grad_()
    expected = torch_cross_entropy(exact, targets.cpu())
    loss = model.cross_entropy(logits, targets)
    close(loss.item(), expected.item(), rtol=1e-4, atol=2e-3, name="the loss")
    (ours,), (theirs,) = torch.autograd.grad(loss, logits), torch.autograd.grad(expected, exact)
    close(ours.cpu().double(), theirs, rtol=1e-2, atol=1e-3, name="the gradient of the logits")


@exercise("cross_entropy")
def test_cross_entropy_with_tokens_that_are_impossible(draw):
    logits, targets = 3 * draw(3, 7, 5), draw.ints(0, 4, 3, 7)
    logits[..., 4] = -math.inf
    close(model.cross_entropy(logits, targets), torch_cross_entropy(logits[..., :4], targets))


@exercise("cross_entropy")
@pytest.mark.parametrize("impossible", [0, 1, 2, [0, 1]], ids=str)
def test_cross_entropy_with_tokens_that_are_impossible_where_no_target_counts(impossible, device):
    logits = torch.zeros(2, 3, device=device)
    logits[0, impossible] = -math.inf
    targets = torch.tensor([-100, 1], device=device)
    same_gradients(model.cross_entropy, torch_cross_entropy, logits, targets)


@exercise("cross_entropy")
def test_cross_entropy_of_an_impossible_target_is_infinite(device):
    logits = torch.tensor([[1.0, -math.inf, 2.0], [0.0, 3.0, 0.0]], device=device)
    close(model.cross_entropy(logits, torch.tensor([1, 2], device=device)), torch.tensor(math.inf, device=device))


@exercise("cross_entropy")
def test_cross_entropy_needs_no_more_than_a_few_copies_of_its_input(draw):
    # 60,000 targets: a table of each with each would take 14 GB.
    logits, targets = draw(60_000, 3), draw.ints(0, 3, 60_000)
    close(model.cross_entropy(logits, targets), F.cross_entropy(logits, targets))


@exercise("cross_entropy")
def test_cross_entropy_of_any_layout(draw):
    same_for_any_layout(model.cross_entropy, torch_cross_entropy, draw(3, 7, 5), draw.ints(0, 5, 3, 7))


@exercise("cross_entropy")
def test_cross_entropy_of_views(draw):
    logits, targets = draw(3, 8, 5)[:, :-1], draw.ints(0, 5, 3, 8)[:, 1:]
    same_gradients(model.cross_entropy, torch_cross_entropy, logits, targets)


# ---- weight_decay_groups ---------------------------------------------------------------------------------------------


class Tied(nn.Module):
    """A small model with all that can go wrong: a tied embedding, and a frozen matrix and bias."""

    def __init__(self):
        super().__init__()
        self.wte, self.wpe = nn.Embedding(7, 4), nn.Embedding(5, 4)
        self.h = nn.ModuleList(
            [nn.ModuleDict(dict(ln_1=nn.LayerNorm(4), c_attn=nn.Linear(4, 12), c_fc=nn.Linear(4, 9)))]
        )
        self.ln_f, self.lm_head = nn.LayerNorm(4), nn.Linear(4, 7, bias=False)
        self.lm_head.weight = self.wte.weight
        for frozen in (self.wpe.weight, self.h[0]["c_fc"].bias):
            frozen.requires_grad_(False)


def members(module, groups):
    """weight_decay -> the names of its parameters, sorted."""
    names = {id(parameter): name for name, parameter in module.named_parameters()}
    found = {}
    for group in groups:
        own = [names.get(id(parameter), "not a parameter of the model") for parameter in group["params"]]
        key = f"weight_decay {group['weight_decay']}"
        found[key] = sorted(found.get(key, []) + own)
    return found


@exercise("weight_decay_groups")
@pytest.mark.parametrize("weight_decay", [0.3, 0.01])
def test_only_matrices_and_embeddings_decay(weight_decay):
    module = Tied()
    expected = {
        f"weight_decay {weight_decay}": ["h.0.c_attn.weight", "h.0.c_fc.weight", "wte.weight"],
        "weight_decay 0.0": ["h.0.c_attn.bias", "h.0.ln_1.bias", "h.0.ln_1.weight", "ln_f.bias", "ln_f.weight"],
    }
    groups = model.weight_decay_groups(module, weight_decay)
    equal(len(groups), 2, name="number of groups")
    found = members(module, [group | {"weight_decay": float(group["weight_decay"])} for group in groups])
    equal(found, expected)


@exercise("weight_decay_groups")
def test_groups_go_by_dimensions_not_by_names():
    module = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.GRUCell(4, 5))
    groups = model.weight_decay_groups(module, 0.5)
    found = members(module, [group | {"weight_decay": float(group["weight_decay"])} for group in groups])
    expected = {
        "weight_decay 0.5": ["0.weight", "2.weight_hh", "2.weight_ih"],
        "weight_decay 0.0": ["0.bias", "1.bias", "1.weight", "2.bias_hh", "2.bias_ih"],
    }
    equal(found, expected)


@exercise("weight_decay_groups")
def test_tensors_of_any_dimensions_are_in_one_group():
    module = nn.Sequential(nn.Conv1d(3, 4, 2), nn.LayerNorm(4))
    module.register_parameter("scale", nn.Parameter(torch.tensor(2.0)))
    groups = model.weight_decay_groups(module, 0.5)
    found = members(module, [group | {"weight_decay": float(group["weight_decay"])} for group in groups])
    everything = sorted(name for names in found.values() for name in names)
    equal(everything, ["0.bias", "0.weight", "1.bias", "1.weight", "scale"])
    # A number by itself, `scale`, may be in either group.
    apart = {key: [name for name in names if name != "scale"] for key, names in found.items()}
    equal(apart, {"weight_decay 0.5": ["0.weight"], "weight_decay 0.0": ["0.bias", "1.bias", "1.weight"]})


@exercise("weight_decay_groups")
def test_there_are_two_groups_even_if_one_is_empty():
    groups = model.weight_decay_groups(nn.Linear(3, 4, bias=False), 0.5)
    found = sorted((float(group["weight_decay"]), len(list(group["params"]))) for group in groups)
    equal(found, [(0.0, 0), (0.5, 1)], name="each group's weight_decay and number of parameters")


@exercise("weight_decay_groups")
def test_groups_can_be_read_twice():
    groups = model.weight_decay_groups(Tied(), 0.5)
    first = [len(list(group["params"])) for group in groups]
    equal([len(list(group["params"])) for group in groups], first, name="number of parameters when read again")


@exercise("weight_decay_groups")
def test_parameters_without_memory_are_told_apart():
    with torch.device("meta"):
        module = Tied()
    groups = model.weight_decay_groups(module, 0.5)
    expected = {
        "weight_decay 0.5": ["h.0.c_attn.weight", "h.0.c_fc.weight", "wte.weight"],
        "weight_decay 0.0": ["h.0.c_attn.bias", "h.0.ln_1.bias", "h.0.ln_1.weight", "ln_f.bias", "ln_f.weight"],
    }
    found = members(module, [group | {"weight_decay": float(group["weight_decay"])} for group in groups])
    equal(found, expected)


@exercise("weight_decay_groups")
def test_adamw_takes_the_groups():
    # With gradients of 0 a step does nothing but decay: matrices shrink by 1 - lr * weight_decay.
    module = randomize(Tied())
    before = {name: p.detach().clone() for name, p in module.named_parameters()}
    optimizer = torch.optim.AdamW(model.weight_decay_groups(module, 0.5), lr=0.1)
    for parameter in module.parameters():
        parameter.grad = torch.zeros_like(parameter)
    optimizer.step()
    decayed = ("wte.weight", "h.0.c_attn.weight", "h.0.c_fc.weight")
    expected = {name: value * (0.95 if name in decayed else 1.0) for name, value in before.items()}
    close({name: p.detach() for name, p in module.named_parameters()}, expected)
