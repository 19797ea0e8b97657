"""The checks that compare gradients and whole modules."""

import pytest
import torch
from saying import X, said
from torch import nn

from shared.checks import has_the_slope_of_differences, randomize, same_gradients, same_module, strided


def test_same_gradients_accepts_a_right_answer():
    x = strided(torch.randn(2, 1, 5)).expand(2, 3, 5)
    same_gradients(lambda x, dim: x.exp() / x.exp().sum(dim, keepdim=True), torch.softmax, x, 1)
    same_gradients(lambda t, i: t[i], lambda t, i: nn.functional.embedding(i, t), X, torch.tensor([2, 0, 2]))
    same_gradients(lambda x: (x * 2, {"a": x.sum()}), lambda x: [x + x, {"a": x.sum()}], X)
    same_gradients(lambda x: x.double() ** 2, lambda x: x.double() * x.double(), X)
    same_gradients(lambda x, y: x + 0 * y, lambda x, y: x.clone(), X, X)


def test_same_gradients_keeps_strides_and_leaves_inputs_alone():
    x, seen = X.T.expand(2, 4, 3), []

    def spoil(t):
        seen.append(t.stride())
        result = t * 2
        t.data.zero_()
        return result

    before = X.clone()
    same_gradients(spoil, lambda t: t + t, x)
    assert seen == [x.stride()] and torch.equal(X, before) and X.grad is None


@pytest.mark.parametrize(
    "mine, theirs, words",
    [
        (lambda x: x.exp() / 2, torch.exp, "every one of the 12 values is wrong; the first, at [0, 0]:"),
        (
            lambda x: x.exp().detach(),
            torch.exp,
            "no gradient flows back to input 1: was it detached, or computed under no_grad?",
        ),
        (
            torch.no_grad()(torch.exp),
            torch.exp,
            "no gradient flows back to input 1: was it detached, or computed under no_grad?",
        ),
        (
            lambda x: x.exp().detach() + x - x.detach(),
            torch.exp,
            "the gradient of input 1: every one of the 12 values is wrong;",
        ),
        (
            lambda x: x - x.mean().detach(),
            lambda x: x - x.mean(),
            "the gradient of input 1: every one of the 12 values is wrong;",
        ),
    ],
    ids=["output", "detached", "no_grad", "ignores the slope", "detached mean"],
)
def test_same_gradients_says(mine, theirs, words):
    assert said(same_gradients, mine, theirs, X).startswith(words)


def test_same_gradients_names_the_input():
    message = said(same_gradients, lambda a, k, b: a * b.detach(), lambda a, k, b: a * b, X, 3, X, name="product")
    assert message == "product, no gradient flows back to input 3: was it detached, or computed under no_grad?"


def test_same_gradients_wants_a_gradient():
    with pytest.raises(ValueError, match="no gradient to compare"):
        same_gradients(torch.argmax, torch.argmax, X)


FINE = X.double()


@pytest.mark.parametrize(
    "call",
    [
        torch.sin,
        lambda x: x.t() @ x,
        lambda x: nn.functional.dropout(x, 0.25) ** 2,
        lambda x: torch.where(torch.rand_like(x) < 0.25, 0, x.exp() / 0.75),
    ],
    ids=["sin", "another shape", "torch's dropout", "dropout by hand"],
)
def test_the_slope_of_a_right_answer_is_that_of_differences(call):
    before = FINE.clone()
    has_the_slope_of_differences(call, FINE)
    assert torch.equal(FINE, before) and FINE.grad is None


@pytest.mark.parametrize(
    "call, words",
    [
        (lambda x: x + (x.sin() - x).detach(), "the slope, from the gradient: expected "),
        (lambda x: x + (nn.functional.dropout(x, 0.25) - x).detach(), "the slope, from the gradient: expected "),
        (lambda x: nn.functional.dropout(x, 0.25, torch.is_grad_enabled()), "the slope, from the gradient: expected "),
        (lambda x: x.detach(), "no gradient comes back\n"),
        (lambda x: nn.functional.dropout(x.softmax(-1), 0.25, inplace=True), "no gradient comes back\n  one of the"),
        (lambda x: None, "the answer returned None"),
    ],
    ids=["ignores the slope", "dropout unseen", "depends on recording", "detached", "in place", "no tensor"],
)
def test_a_slope_that_is_not_that_of_differences_is_said(call, words):
    message = said(has_the_slope_of_differences, call, FINE)
    assert message.startswith(words), message
    assert said(has_the_slope_of_differences, call, FINE, name="sine").startswith(f"sine, {words}")


def test_the_slope_of_differences_wants_float64_and_lets_the_answers_own_error_through():
    with pytest.raises(ValueError, match="float64"):
        has_the_slope_of_differences(torch.sin, X)

    def stops(x):
        raise RuntimeError("mine")

    with pytest.raises(RuntimeError, match="mine"):
        has_the_slope_of_differences(stops, FINE)


class Norm(nn.LayerNorm):
    """A right LayerNorm under another name for its bias; subclasses go wrong in one way each."""

    def __init__(self, size):
        super().__init__(size)
        self.shift = nn.Parameter(torch.zeros(size))
        self.register_buffer("helper", torch.arange(size))
        del self.bias

    def forward(self, x):
        return nn.functional.layer_norm(x, x.shape[-1:], self.weight, self.shift, self.eps)


class FrozenNorm(Norm):
    def forward(self, x):
        return nn.functional.layer_norm(x, x.shape[-1:], self.weight.detach(), self.shift, self.eps)


class BiasedNorm2d(nn.BatchNorm2d):
    def forward(self, x):
        before = self.running_var.clone()
        out = super().forward(x)
        if self.training:
            self.running_var = 0.9 * before + 0.1 * x.var((0, 2, 3), correction=0).detach()
        return out


def test_same_module_accepts_a_right_answer():
    theirs = randomize(nn.LayerNorm(4))
    for rename in ({"bias": "shift"}, lambda key: key.replace("bias", "shift")):
        same_module(Norm(4), theirs, X, rename=rename)
    images = torch.randn(3, 2, 4, 5)
    same_module(nn.BatchNorm2d(2), randomize(nn.BatchNorm2d(2)), images)
    same_module(nn.BatchNorm2d(2), randomize(nn.BatchNorm2d(2)).eval(), images)
    same_module(nn.Embedding(5, 3), nn.Embedding(5, 3), torch.tensor([[1, 4], [0, 1]]))


@pytest.mark.parametrize(
    "mine, theirs, rename, words",
    [
        (
            Norm(4),
            nn.LayerNorm(4),
            None,
            "the names of the parameters are not the expected ones:\n  missing     bias\n  unexpected  shift",
        ),
        (
            Norm(4),
            nn.LayerNorm(4),
            {"bias": None},
            "the names of the parameters are not the expected ones:\n  unexpected  shift",
        ),
        (
            Norm(5),
            nn.LayerNorm(4),
            {"bias": "shift"},
            "parameter weight: the shape is wrong:\n  expected  [4]\n  got       [5]",
        ),
        (Norm(4).double(), nn.LayerNorm(4), {"bias": "shift"}, "parameter weight: float32 expected, float64 got"),
        (
            FrozenNorm(4),
            nn.LayerNorm(4),
            {"bias": "shift"},
            "no gradient flows back to parameter weight: was it detached, or computed under no_grad?",
        ),
    ],
)
def test_same_module_says(mine, theirs, rename, words):
    assert said(same_module, mine, theirs, X, rename=rename) == words


def test_same_module_compares_buffers():
    images = torch.randn(3, 2, 4, 5)
    message = said(same_module, BiasedNorm2d(2), nn.BatchNorm2d(2), images)
    assert message.startswith("buffer running_var after the call: both values are wrong")
    message = said(same_module, nn.BatchNorm2d(2, track_running_stats=False), nn.BatchNorm2d(2), images)
    assert message == (
        "the names of the buffers are not the expected ones:\n"
        "  missing     running_mean, running_var, num_batches_tracked"
    )


def test_same_module_sees_an_embedding_that_is_no_longer_tied():
    class Tied(nn.Module):
        def __init__(self, tie):
            super().__init__()
            self.embed, self.head = nn.Embedding(5, 3), nn.Linear(3, 5, bias=False)
            if tie:
                self.head.weight = self.embed.weight

        def forward(self, tokens):
            return self.head(self.embed(tokens))

    tokens = torch.tensor([[1, 4], [0, 1]])
    same_module(Tied(True), randomize(Tied(True)), tokens)
    assert "the gradient of parameter embed.weight" in said(same_module, Tied(False), randomize(Tied(True)), tokens)


def test_randomize_is_seeded_and_scaled():
    a, b, c = (randomize(nn.Linear(100, 100), seed, scale=2.0).weight for seed in (0, 0, 1))
    assert torch.equal(a, b) and not torch.equal(a, c) and a.requires_grad
    assert abs(a.std().item() - 2.0) < 0.1
