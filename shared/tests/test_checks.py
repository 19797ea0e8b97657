"""The checks: right answers pass, wrong ones fail with exactly these words, and both leave a record."""

from collections import UserDict

import pytest
import torch
from torch import nn

from shared.checks import (
    CheckFailed,
    close,
    equal,
    exercise,
    fail,
    raises,
    randomize,
    recorder,
    same_distribution,
    same_gradients,
    same_module,
    same_records,
    strided,
    unchanged,
)
from shared.compare import compare
from shared.explain import describe

X = torch.randn(3, 4, generator=torch.Generator().manual_seed(1))


def said(check, *args, **kwargs) -> str:
    """What a failing check says: summary and lines."""
    with pytest.raises(CheckFailed) as caught:
        check(*args, **kwargs)
    assert "tensor(" not in str(caught.value)
    return str(caught.value)


def test_the_message_of_the_design():
    with pytest.raises(CheckFailed) as caught:
        close(torch.tensor([0.49308, 1.0]), torch.tensor([1.97232, 4.0]))
    assert caught.value.summary == "both values are wrong; the first, at [0]:"
    assert caught.value.lines == ["expected  1.9723", "got       0.49308      (always 4 times too small)"]
    assert str(caught.value).splitlines()[1] == "  expected  1.9723"


# close and equal


@pytest.mark.parametrize(
    "got, expected",
    [
        (X + 1e-7, X),
        (nn.Parameter(X), X),
        (strided(X), X),
        (X[:0], X[:0]),
        (1.0000001, 1.0),
        (torch.tensor(1.0000001), 1.0),
        (torch.tensor(3), 3),
        (2.9999999, 3),
        (1 + 0j, 1.0),
        ([X, (X, 2.0)], (X, [X, 2.0])),
        ({"b": [1.0], "a": X}, {"a": X, "b": (1.0,)}),
        (UserDict(a=X), {"a": X}),
        (X.numpy(), X.numpy()),
        (float("nan"), float("nan")),
        (X.half() * 1.001, X.half()),
        (X.bfloat16() * 1.01, X.bfloat16()),
        (None, None),
        ("cat", "cat"),
    ],
    ids=describe,
)
def test_close_accepts(got, expected):
    close(got, expected)


@pytest.mark.parametrize(
    "got, expected, words",
    [
        (None, X, "the answer returned None: is a `return` missing?"),
        ([1, 2, 3], X, "a list of 3 numbers instead of a tensor"),
        ("cat", X, "the string 'cat' instead of a tensor"),
        (2.0, X, "the number 2.0 instead of a tensor"),
        (X.numpy(), X, "a numpy array instead of a tensor"),
        (X, 2.0, "a tensor of shape [3, 4] instead of a number"),
        (torch.tensor([2.0]), 2.0, "a tensor of shape [1] instead of a number"),
        (True, 1.0, "True instead of a number"),
        (1, True, "the number 1 instead of True"),
        (X.mean, 2.0, "the function `mean`, not called, instead of a number"),
        (X, (X, X), "a tensor of shape [3, 4] instead of a tuple of 2 tensors"),
        (
            X.T,
            X,
            "the shape is wrong:\n  expected  [3, 4]\n  got       [4, 3]      (transposed: dims 0 and 1 are swapped)",
        ),
        (X.double(), X, "float32 expected, float64 got"),
        (X.int(), X.long(), "int64 expected, int32 got"),
        (0.25, 1.0, "expected 1, got 0.25 (4 times too small)"),
        (100_001, 100_000, "expected 100000, got 100001"),
        ((X, X, X), (X, X), "2 items expected, 3 got"),
        (
            (X, X[0]),
            (X, X),
            "answer[1]: the shape is wrong:\n  expected  [3, 4]\n  got       [4]      (dim 0, of size 3, is missing)",
        ),
        ((X, None), (X, X), "answer[1]: None instead of a tensor"),
        ({"a": 0.5}, {"a": 1.5}, "answer['a']: expected 1.5, got 0.5 (3 times too small)"),
        ({"a": 1, "c": 2}, {"a": 1, "b": 2}, "the keys are not the expected ones:\n  missing     b\n  unexpected  c"),
    ],
    ids=describe,
)
def test_close_says(got, expected, words):
    assert said(close, got, expected) == words


def test_the_device_comes_before_the_values():
    assert said(compare, X.to("meta"), X, "", (None, None)) == "cpu expected, meta got"


def test_close_says_what_it_looked_at():
    assert said(close, 0.5, 0.7, name="the loss") == "the loss: expected 0.7, got 0.5"
    assert said(close, [0.7, 0.5], [0.7, 0.7], name="losses") == "losses[1]: expected 0.7, got 0.5"


def test_close_takes_a_tolerance():
    close(X + 0.1, X, atol=0.2)
    close(X * 1.1, X, rtol=0.2)
    said(close, X + 1e-7, X, rtol=0, atol=0)


def test_close_tells_eps_inside_the_root_from_outside():
    row = torch.randn(2, 5, generator=torch.Generator().manual_seed(1)) * 1e-3
    variance = row.var(-1, keepdim=True, correction=0)
    centred = row - row.mean(-1, keepdim=True)
    expected = nn.functional.layer_norm(row, (5,))
    close(centred / (variance + 1e-5).sqrt(), expected)
    said(close, centred / (variance.sqrt() + 1e-5), expected)


@pytest.mark.parametrize(
    "value",
    [
        3,
        True,
        "cat",
        None,
        [1, 2],
        (1, "a"),
        [[1], [2, 3]],
        {"a": [1]},
        {(1, 2): 3},
        X,
        X > 0,
        {1, 2},
        b"ab",
        torch.int8,
    ],
    ids=describe,
)
def test_equal_accepts_the_same(value):
    equal(value, value)


def test_equal_accepts_a_tensor_for_one_number():
    equal(torch.tensor(3), 3)
    equal(X.all() | True, True)


@pytest.mark.parametrize(
    "got, expected, words",
    [
        (4, 3, "expected 3, got 4"),
        (3.0, 3, "expected 3, got 3.0"),
        (True, 1, "True instead of a number"),
        (None, "cat", "the answer returned None: is a `return` missing?"),
        (5, None, "expected None, got 5"),
        ({1, 2}, {1, 3}, "expected {1, 3}, got {1, 2}"),
        ((1, 2), [1, 2], "a tuple of 2 numbers instead of a list of 2 numbers"),
        (["a"], "a", "a list of 1 string instead of a string"),
        ([1, 9, 3], [1, 2, 3], "one of the 3 items is wrong, at [1]:\n  expected  [1, 2, 3]\n  got       [1, 9, 3]"),
        ([1, True], [1, 1], "one of the 2 items is wrong, at [1]:\n  expected  [1, 1]\n  got       [1, True]"),
        (
            [1, 2],
            [1, 2, 3],
            "3 items expected, 2 got; the first difference is at [2]:\n  expected  [1, 2, 3]\n  got       [1, 2]",
        ),
        ([], [1], "1 item expected, 0 got; the first difference is at [0]:\n  expected  [1]\n  got       []"),
        ([[1], [2]], [[1], [3]], "answer[1]: one of the 1 items is wrong, at [0]:\n  expected  [3]\n  got       [2]"),
        (
            "hullo",
            "hello",
            "one of the 5 characters is wrong, at character [1]:\n  expected  'hello'\n  got       'hullo'",
        ),
        (
            list(range(100)),
            [*range(50), 0, 0, *range(52, 100)],
            "2 of the 100 items are wrong; the first, at [50]:\n"
            "  expected  … [46, 47, 48, 49, 0, 0, 52, 53, 54] …\n"
            "  got       … [46, 47, 48, 49, 50, 51, 52, 53, 54] …",
        ),
    ],
    ids=describe,
)
def test_equal_says(got, expected, words):
    assert said(equal, got, expected) == words


# gradients and modules


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


# samples


def draw(probabilities, n, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.multinomial(torch.tensor(probabilities), n, replacement=True, generator=generator)


ZIPF = (1 / torch.arange(1.0, 1001)).softmax(0).tolist()


@pytest.mark.parametrize(
    "probabilities, n",
    [([0.1, 0.2, 0.3, 0.4], 1000), ([0.5, 0.5], 40), ([1.0], 5), ([0.0, 1.0], 5), (ZIPF, 500), ([0.9999, 1e-4], 10**6)],
)
def test_a_right_sampler_passes(probabilities, n):
    for seed in range(20):
        same_distribution(draw(probabilities, n, seed), probabilities)


def test_same_distribution_says():
    samples = draw([0.1, 0.2, 0.3, 0.4], 2000)
    assert said(same_distribution, samples, [0.1, 0.2, 0.4, 0.3]) == (
        "the samples don't follow the distribution; furthest off is outcome 3:\n"
        "  expected  about 600 of 2000 draws\n"
        f"  got       {(samples == 3).sum()}      (chi-square 110.6, at most 40.1 allowed)"
    )
    assert said(same_distribution, samples.tolist(), [0.2, 0.5, 0.3, 0.0], name="top-p") == (
        f"top-p: outcome 3 has probability 0, but came {(samples == 3).sum()} times in 2000 draws"
    )
    assert said(same_distribution, samples, [0.3, 0.3, 0.4]) == "3 was drawn, but the outcomes are 0 to 2"
    assert said(same_distribution, None, [0.3, 0.7]) == "the answer returned None: is a `return` missing?"
    assert said(same_distribution, samples.float(), [0.3, 0.7]) == "float32 samples instead of integers"


def test_same_distribution_counts_rare_outcomes_in_groups():
    rare = [0.9] + [0.1 / 500] * 500
    same_distribution(draw(rare, 2000), rare)
    common = torch.zeros(1800, dtype=torch.int64)
    message = said(same_distribution, torch.cat([common, torch.full((200,), 1)]), rare)
    assert (
        "furthest off is a group of 38 rare outcomes:\n  expected  about 15 of 2000 draws\n  got       200 " in message
    )


def test_same_distribution_wants_enough_samples():
    with pytest.raises(ValueError, match="10 samples are too few to tell 2 outcomes apart"):
        same_distribution(draw([0.5, 0.5], 10), [0.5, 0.5])
    with pytest.raises(ValueError, match="the probabilities sum to 2"):
        same_distribution(draw([0.5, 0.5], 100), [1, 1])


def test_a_right_sampler_fails_as_seldom_as_promised():
    from scipy.special import chdtri
    from scipy.stats import binom

    n, counts = 1000, torch.arange(1001).double().numpy()
    for mean in (15, 16, 20, 50, 500):  # with two outcomes the chance is exact: the first one's count is binomial
        excess = (counts - mean) ** 2 / (mean * (1 - mean / n))
        assert binom.pmf(counts, n, mean / n)[excess > chdtri(1, 1e-6 / 100)].sum() < 1e-6


# the rest


def refuse(x, strict=True):
    if strict:
        raise ValueError(f"no {x}, please")
    return [x]


def test_raises():
    raises(ValueError, refuse, 3, says="no 3")
    raises((KeyError, ValueError), refuse, 3, strict=True)
    assert said(raises, ValueError, refuse, 3, strict=False) == (
        "ValueError expected, but nothing was raised\n  got       a list of 1 number"
    )
    assert said(raises, ValueError, refuse, 3, says="odd") == (
        "the ValueError says 'no 3, please'\n  expected  something like 'odd'"
    )
    assert said(raises, (KeyError, TypeError), refuse, 3) == (
        "KeyError or TypeError expected, ValueError raised: no 3, please"
    )


def test_an_exercise_to_do_does_not_pass_for_an_error():
    def stub():
        raise NotImplementedError("stub")

    for errors in (ValueError, RuntimeError, Exception):
        with pytest.raises(NotImplementedError):
            raises(errors, stub)
    raises(NotImplementedError, stub)


def test_unchanged():
    x, y = X.clone(), X.clone()
    with unchanged(x, y):
        x * 2
    with pytest.raises(CheckFailed) as caught, unchanged(x, y):
        y[1] = 7
    assert str(caught.value).startswith(
        "tensor 2 was changed in place: 4 of the 12 values are wrong; the first, at [1, 0]:"
    )
    with pytest.raises(KeyError), unchanged(x):
        x.zero_()
        raise KeyError  # what went wrong inside comes first


@pytest.mark.parametrize("shape", [(5,), (2, 3), (5, 1), (1, 5), (1, 4, 1), (2, 0)])
@pytest.mark.parametrize("dtype", [torch.float32, torch.int64, torch.bool, torch.bfloat16])
def test_strided(shape, dtype):
    x = torch.randn(shape).to(dtype)
    y = strided(x)
    assert torch.equal(x, y) and y.dtype == dtype
    assert not y.is_contiguous() or y.numel() < 2


def test_fail():
    assert said(fail, "two tokens share an id", "token  7") == "two tokens share an id\n  token  7"


def test_exercise_marks_a_test():
    assert exercise("causal_mask").mark.name == "exercise" and exercise("causal_mask").mark.args == ("causal_mask",)


# the record


def record(*checks):
    recorder.start()
    for check in checks:
        try:
            check()
        except CheckFailed:
            continue
    return recorder.items


def test_a_failing_value_is_in_the_record():
    x = X.clone()
    items = record(
        lambda: close(x, X + 1),
        lambda: equal([1, 2], 3),
        lambda: raises(KeyError, refuse, 1),
        lambda: raises(KeyError, refuse, 1, strict=False),
        lambda: same_gradients(torch.exp, torch.exp, X),
        lambda: fail("bad", "worse"),
    )
    x.zero_()
    close(X.exp(), items[4])
    above = torch.randn(X.shape, generator=torch.Generator().manual_seed(0))
    rest = [["list", 1, 2], "ValueError", ["list", "nothing raised", ["list", 1]], X.exp(), ["list", above * X.exp()]]
    assert same_records(items[:6], [X, *rest])
    assert items[6] == ["list", "bad", "worse"]


def test_a_record_holds_plain_copies():
    parameter = nn.Parameter(X.clone())
    (item,) = record(lambda: close({"a": parameter, "b": {3, 1}, "c": object()}, 0))
    assert not item["a"].requires_grad and item["a"].data_ptr() != parameter.data_ptr()
    assert item["b"] == ["1", "3"] and item["c"] == "<object object>"


@pytest.mark.parametrize(
    "a, b, same",
    [
        ([X], [X * 1.00001], True),
        ([X], [X * 1.01], False),
        ([X], [X, X], False),
        ([X], [X.double()], False),
        ([X], [X.reshape(-1)], False),
        ([X.double()], [X.double() * 1.00001], False),
        ([X * torch.nan], [X * torch.nan], True),
        ([X * torch.nan], [X], False),
        ([1], [1.0], False),
        ([1], [True], False),
        ([0.5], [0.500001], True),
        ([float("nan")], [float("nan")], True),
        ([{"a": 1}], [{"b": 1}], False),
        (["a", None], ["a", None], True),
        ([torch.tensor([1, 2])], [torch.tensor([1, 3])], False),
    ],
    ids=str,
)
def test_same_records(a, b, same):
    assert same_records(a, b) is same
