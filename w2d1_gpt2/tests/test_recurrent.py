"""Tests of section 8 (bonus). The oracles are torch's own cells and layers, and a recurrence worked out by hand."""

import pytest
import recurrent
import torch
from torch import nn
from torch.nn import functional as F

from shared.checks import close, equal, exercise, randomize, same_for_any_layout, same_gradients, same_module, unchanged


def precise(device):
    """float64: on a GPU torch's own layers may compute float32 in TF32, which is good to three digits only."""
    return torch.float32 if device.type == "mps" else torch.float64


# ---- Cells -----------------------------------------------------------------------------------------------------------

KINDS = [
    pytest.param(kind, marks=exercise(f"{kind}Cell"), id=kind) for kind in ("RNN", "GRU", "LSTM")
]  # every test below runs for each, as a test of that exercise


class Flat(nn.Module):
    """A cell with its state given as separate tensors, so that the checks can follow the gradient into each of them."""

    def __init__(self, cell):
        super().__init__()
        self.cell = cell

    def forward(self, x, *state):
        return self.cell(x, state[0] if len(state) == 1 else state)


def pair_of_cells(kind, device, dtype=torch.float32):
    """Our cell and torch's: 5 numbers go in, and 7 are kept."""
    mine = getattr(recurrent, f"{kind}Cell")(5, 7).to(device, dtype)
    theirs = randomize(getattr(nn, f"{kind}Cell")(5, 7), seed=1).to(device, dtype)
    return Flat(mine), Flat(theirs)


def states(kind, draw, batch, dtype=torch.float32):
    return [draw(batch, 7, dtype=dtype) for _ in range(2 if kind == "LSTM" else 1)]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("batch", [3, 1])
def test_equals_torchs_cell_in_results_and_gradients(kind, batch, device, draw):
    mine, theirs = pair_of_cells(kind, device)
    same_module(mine, theirs, draw(batch, 5), *states(kind, draw, batch))


@pytest.mark.parametrize("kind", KINDS)
def test_equals_torch_where_the_functions_are_flat(kind, device, draw):
    mine, theirs = pair_of_cells(kind, device)
    mine.load_state_dict(theirs.state_dict())
    # The sums are in the hundreds, where exp overflows; tanh and sigmoid don't.
    same_gradients(mine, theirs, 300 * draw(6, 5), *states(kind, draw, 6))


@pytest.mark.parametrize("kind", KINDS)
def test_takes_any_layout_and_float64(kind, device, draw):
    mine, theirs = pair_of_cells(kind, device)
    mine.load_state_dict(theirs.state_dict())
    same_for_any_layout(
        lambda x, *state: mine.to(x.dtype)(x, *state),
        lambda x, *state: theirs.to(x.dtype)(x, *state),
        *(draw(6, 5), *states(kind, draw, 6)),
    )


@pytest.mark.parametrize("kind", KINDS)
def test_each_step_goes_on_from_the_state_it_is_given(kind, device, draw):
    mine, theirs = pair_of_cells(kind, device)
    mine.load_state_dict(theirs.state_dict())
    state = expected = states(kind, draw, 2)
    for _ in range(3):
        x = draw(2, 5)
        with unchanged(*state):
            new = mine(x, *state)
        expected = theirs(x, *expected)
        close(new, expected)
        state, expected = ([one] if kind != "LSTM" else list(one) for one in (new, expected))


@pytest.mark.parametrize("kind", KINDS)
def test_the_state_it_is_given_stays_as_it_was_also_without_gradients(kind, device, draw):
    mine, theirs = pair_of_cells(kind, device)
    mine.load_state_dict(theirs.state_dict())
    x, state = draw(2, 5), states(kind, draw, 2)
    expected = theirs(x, *[part.clone() for part in state])
    with torch.no_grad(), unchanged(x, *state):
        close(mine(x, *state), expected)


# ---- The language model ----------------------------------------------------------------------------------------------


@pytest.fixture
def true_cells(monkeypatch):
    """Puts torch's cells into ours, so that a mistake in a cell doesn't show up here as well. A list of their steps."""
    taken = []

    def forward_of(step):
        def forward(cell, x, state):
            taken.append(len(x))
            return step(x, state, cell.weight_ih, cell.weight_hh, cell.bias_ih, cell.bias_hh)

        return forward

    for kind, step in (("RNN", torch.rnn_tanh_cell), ("GRU", torch.gru_cell), ("LSTM", torch.lstm_cell)):
        monkeypatch.setattr(getattr(recurrent, f"{kind}Cell"), "forward", forward_of(step))
    return taken


class Theirs(nn.Module):
    def __init__(self, vocab_size, width, kind):
        super().__init__()
        self.wte = nn.Embedding(vocab_size, width)
        self.cell = getattr(nn, kind)(width, width, batch_first=True)
        self.head = nn.Linear(width, vocab_size, bias=False)

    def forward(self, ids):
        return self.head(self.cell(self.wte(ids))[0])


def pair_of_models(kind, device):
    dtype = precise(device)
    mine = recurrent.RecurrentLM(11, 6, kind.lower()).to(device, dtype)
    theirs = randomize(Theirs(11, 6, kind), seed=2).to(device, dtype)
    return mine, theirs


def rename(key):
    return key.removesuffix("_l0")


@exercise("RecurrentLM")
@pytest.mark.parametrize("kind", ["RNN", "GRU", "LSTM"])
@pytest.mark.parametrize(("batch", "time"), [(3, 5), (4, 2), (1, 7), (2, 1)], ids=str)
def test_equals_torchs_layer(kind, batch, time, device, draw, true_cells):
    mine, theirs = pair_of_models(kind, device)
    same_module(mine, theirs, draw.ints(0, 11, batch, time), rename=rename)


def copied(kind, device):
    """The pair with the same weights."""
    mine, theirs = pair_of_models(kind, device)
    mine.load_state_dict({rename(key): value for key, value in theirs.state_dict().items()})
    return mine, theirs


@exercise("RecurrentLM")
@pytest.mark.parametrize("kind", ["RNN", "LSTM"])
def test_a_float32_model_stays_in_float32(kind, device, draw, true_cells):
    mine, theirs = copied(kind, device)
    ids = draw.ints(0, 11, 3, 4)
    close(mine.float()(ids), theirs(ids).float())


@exercise("RecurrentLM")
def test_gives_the_same_in_eval_mode(device, draw, true_cells):
    mine, theirs = copied("LSTM", device)
    ids = draw.ints(0, 11, 3, 4)
    with torch.no_grad():
        close(mine.eval()(ids), theirs(ids))


@exercise("RecurrentLM")
def test_takes_one_step_for_each_token(device, draw, true_cells):
    mine, _ = copied("GRU", device)
    mine(draw.ints(0, 11, 2, 9))
    equal(len(true_cells) <= 9, True, name=f"whether {len(true_cells)} steps of the cell are at most 9, for 9 tokens")


@exercise("RecurrentLM")
@pytest.mark.parametrize("kind", ["GRU", "LSTM"])
def test_every_call_starts_afresh(kind, device, draw, true_cells):
    mine, theirs = copied(kind, device)
    for batch, time in ((3, 5), (3, 5), (2, 4)):
        ids = draw.ints(0, 11, batch, time)
        logits = mine(ids)
        close(logits, theirs(ids))
        logits.sum().backward()  # as training does between two calls


@exercise("RecurrentLM")
def test_the_gradient_reaches_back_to_the_first_of_400_tokens(device, draw, monkeypatch):
    # With a cell that adds up what it reads, the first token counts as much as the last.
    monkeypatch.setattr(recurrent.RNNCell, "forward", lambda cell, x, state: state + x)
    model = recurrent.RecurrentLM(11, 6, "rnn").to(device, precise(device))
    ids = draw.ints(0, 10, 2, 400)
    ids[:, 0] = 10  # and nowhere else
    gradients = []
    for logits in (model(ids)[:, -1], model.head(model.wte(ids).sum(dim=1))):
        model.zero_grad()
        logits.square().sum().backward()
        gradients.append(model.wte.weight.grad[10].clone())
    close(*gradients, name="the gradient of the first token's embedding")


@exercise("RecurrentLM")
def test_the_ids_may_lie_in_memory_in_any_way(device, draw, true_cells):
    mine, theirs = copied("GRU", device)
    same_for_any_layout(mine, theirs, draw.ints(0, 11, 3, 5))


# ---- The gradient through time ---------------------------------------------------------------------------------------


class Fading(nn.Module):
    """h' = fade · h + x, and the scores are h itself. So the gradient fades by `fade` with every step back."""

    def __init__(self, vocab_size, fade, device):
        super().__init__()
        self.wte = nn.Embedding(vocab_size, vocab_size).to(device, precise(device))
        self.fade = fade

    def forward(self, ids):
        state, steps = 0, []
        for x in self.wte(ids).unbind(dim=1):
            state = self.fade * state + x
            steps.append(state)
        return torch.stack(steps, dim=1)


@exercise("gradient_through_time")
@pytest.mark.parametrize(("fade", "batch", "time"), [(0.5, 1, 5), (1.0, 4, 3), (-1.5, 3, 6), (-1.5, 2, 1)])
def test_fades_as_computed_by_hand(fade, batch, time, device, draw):
    model = randomize(Fading(6, fade, device), seed=3)
    ids, target = draw.ints(0, 6, batch, time), draw.ints(0, 6, batch)
    # Of -log softmax(h)[target], the gradient by h is p - onehot(target); each step back multiplies it by `fade`.
    with torch.no_grad():
        p = model(ids)[:, -1].softmax(dim=-1)
    last = (p - F.one_hot(target, 6)).square().sum(dim=-1).sqrt().mean()
    back = torch.arange(time - 1, -1, -1, device=device, dtype=precise(device))
    close(recurrent.gradient_through_time(model, ids, target), last * abs(fade) ** back)


@exercise("gradient_through_time")
@pytest.mark.parametrize("kind", ["RNN", "LSTM"])
def test_equals_one_text_and_one_position_at_a_time(kind, device, draw):
    model = randomize(Theirs(9, 4, kind), seed=4).to(device, precise(device))
    ids, target = draw.ints(0, 9, 3, 5), draw.ints(0, 9, 3)
    lengths = torch.zeros(3, 5, dtype=precise(device), device=device)
    for b in range(3):
        xs = [model.wte.weight[i].detach().requires_grad_() for i in ids[b]]
        scores = model.head(model.cell(torch.stack(xs)[None])[0])[0, -1]
        (scores.logsumexp(dim=0) - scores[target[b]]).backward()
        lengths[b] = torch.stack([x.grad.square().sum().sqrt() for x in xs])
    model.zero_grad()
    close(recurrent.gradient_through_time(model, ids, target), lengths.mean(dim=0))


@exercise("gradient_through_time")
@pytest.mark.parametrize("trained", [False, True], ids=["fresh", "in the middle of training"])
def test_leaves_the_parameters_gradients_alone(trained, device, draw):
    model = randomize(Theirs(9, 4, "GRU"), seed=5).to(device)
    for parameter in model.parameters():
        parameter.grad = torch.full_like(parameter, 0.25) if trained else None
    recurrent.gradient_through_time(model, draw.ints(0, 9, 2, 3), draw.ints(0, 9, 2))
    changed = [
        name
        for name, parameter in model.named_parameters()
        if (parameter.grad is not None) != trained or (trained and (parameter.grad != 0.25).any())
    ]
    equal(changed, [], name="the parameters whose .grad was changed")


@exercise("gradient_through_time")
@pytest.mark.parametrize("training", [True, False], ids=["train", "eval"])
def test_leaves_the_model_in_the_mode_it_was_in(training, device, draw):
    model = randomize(Fading(6, 0.5, device), seed=3).train(training)
    recurrent.gradient_through_time(model, draw.ints(0, 6, 2, 3), draw.ints(0, 6, 2))
    equal(model.training, training, name="model.training afterwards")


@exercise("gradient_through_time")
def test_gives_the_same_each_time_it_is_called(device, draw):
    model = randomize(Theirs(9, 4, "GRU"), seed=6).to(device)
    ids, target = draw.ints(0, 9, 3, 4), draw.ints(0, 9, 3)
    first = recurrent.gradient_through_time(model, ids, target)
    close(recurrent.gradient_through_time(model, ids, target), first)
