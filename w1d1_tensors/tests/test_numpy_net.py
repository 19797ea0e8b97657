"""Tests of numpy_net.py. The oracles: torch's autograd and loss functions, scipy, and differences by hand."""

import ast
import copy
import itertools
import math

import numpy as np
import numpy_net
import pytest
import scipy.special
import torch
from torch.nn import functional as F

from shared.checks import close, equal, exercise, fail, same_distribution

LOGITS = {
    "small": lambda rng: rng.standard_normal((7, 5)),
    "one row": lambda rng: rng.standard_normal((1, 4)),
    "large": lambda rng: rng.standard_normal((6, 3)) * 2000,
    "ties": lambda rng: np.zeros((3, 4)),
    "one class": lambda rng: rng.standard_normal((4, 1)),
    "turned": lambda rng: rng.standard_normal((5, 8)).T,
}
each_logits = pytest.mark.parametrize("kind", LOGITS)


def generator(seed=0):
    return np.random.default_rng(seed)


def some_params(rng, inputs=6, hidden=5, classes=4, dtype=np.float64):
    shapes = {"w1": (inputs, hidden), "b1": (hidden,), "w2": (hidden, classes), "b2": (classes,)}
    return {name: rng.standard_normal(shape).astype(dtype) for name, shape in shapes.items()}


def in_torch(arrays):
    return {name: torch.from_numpy(array.copy()).requires_grad_() for name, array in arrays.items()}


def torch_forward(params, x):
    hidden = (torch.from_numpy(np.ascontiguousarray(x)) @ params["w1"] + params["b1"]).relu()
    return hidden @ params["w2"] + params["b2"], hidden


def same(got, expected, **tolerances):
    """Two numpy arrays: type, dtype, shape, values. (`close` compares tensors.)"""
    if not isinstance(got, np.ndarray):
        fail(f"a numpy array was expected, not {type(got).__name__}")
    expected = torch.as_tensor(np.ascontiguousarray(expected))
    close(torch.from_numpy(np.ascontiguousarray(got)), expected, **tolerances)


def all_same(got, expected):
    equal(sorted(got), sorted(expected))
    for name in expected:
        same(got[name], expected[name])


def untouched(before, now):
    """What was passed in is still as it was."""
    for name, array in before.items():
        if not np.array_equal(array, now[name]):
            fail(f"the answer modified its argument {name!r} in place")


def numpy_alone(name):
    """Fails if the answer to that exercise, or the top of the file, imports a library that differentiates."""
    tree = ast.parse(numpy_net.__loader__.get_source("numpy_net"))
    functions = {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef)}
    outside = [node for node in tree.body if not isinstance(node, ast.FunctionDef | ast.If)]
    for node in (part for top in [functions[name], *outside] for part in ast.walk(top)):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
        for module in names:
            if module.split(".")[0] in ("torch", "scipy", "jax", "sklearn", "autograd"):
                fail(f"{module} is imported: this net is numpy alone")


# ---- The start -------------------------------------------------------------------------------------------------------


@exercise("initialize")
def test_names_shapes_and_biases():
    numpy_alone("initialize")
    params = numpy_net.initialize(7, 5, 3, generator())
    equal({name: array.shape for name, array in params.items()}, {"w1": (7, 5), "b1": (5,), "w2": (5, 3), "b2": (3,)})
    same(params["b1"], np.zeros(5, np.float32))
    same(params["b2"], np.zeros(3, np.float32))


@exercise("initialize")
@pytest.mark.parametrize("inputs, hidden, classes", [(400, 100, 50), (50, 200, 300)])
def test_weights_have_variance_two_over_inputs(inputs, hidden, classes):
    # n = 10,000 to 60,000 normal numbers: the standard error of the std is 1 / sqrt(2 n) < 0.8 % of it, of the mean
    # 1 / sqrt(n) ≤ 1.0 %. Bounds of 5 and 6 such errors (4 %, 6 %): a false alarm is rarer than one in a million.
    params = numpy_net.initialize(inputs, hidden, classes, generator(1))
    for name, size in (("w1", inputs), ("w2", hidden)):
        scaled = params[name] / math.sqrt(2 / size)
        close(float(scaled.std()), 1.0, rtol=0.04, name=f"std of {name} · sqrt(inputs / 2)")
        close(float(scaled.mean()), 0.0, atol=0.06, name=f"mean of {name} · sqrt(inputs / 2)")
        # A normal number is beyond 2 with probability 0.0455; of 10,000 or more, the share is within 0.011 (5 errors).
        close(float((abs(scaled) > 2).mean()), 0.0455, atol=0.0115, name=f"share of {name} beyond two sigma")


@exercise("initialize")
def test_all_randomness_comes_from_the_generator():
    one, same_seed, other = (numpy_net.initialize(6, 5, 4, generator(seed)) for seed in (3, 3, 4))
    for name in ("w1", "w2"):
        same(one[name], same_seed[name])
        if np.array_equal(one[name], other[name]):
            fail(f"another generator gives the same {name}: draw from `rng`")
    if np.array_equal(one["w1"][:5, :4], one["w2"]) or np.array_equal(one["w1"].ravel()[:20], one["w2"].ravel()):
        fail("both layers have the same numbers")


@exercise("initialize")
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_dtypes_of_parameters(dtype):
    params = numpy_net.initialize(4, 3, 2, generator(), dtype)
    equal({name: array.dtype == dtype for name, array in params.items()}, dict.fromkeys(("w1", "b1", "w2", "b2"), True))


@exercise("initialize")
def test_float64_weights_have_all_their_digits():
    params = numpy_net.initialize(9, 8, 7, generator(2), np.float64)
    for name in ("w1", "w2"):
        # Drawn in float32, either the weights have its digits or what they were before they were scaled.
        drawn = params[name] * np.sqrt(len(params[name]) / 2)
        for weights in (params[name], drawn):
            if np.allclose(weights, weights.astype(np.float32), rtol=1e-12, atol=0):
                fail(f"every number of the float64 {name} has the digits of a float32 one: draw it in float64")


# ---- Losses ----------------------------------------------------------------------------------------------------------


@exercise("probabilities")
@each_logits
def test_softmax_like_scipys(kind):
    numpy_alone("probabilities")
    logits = LOGITS[kind](generator())
    kept = logits.copy()
    same(numpy_net.probabilities(logits), scipy.special.softmax(logits, axis=-1))
    untouched({"logits": kept}, {"logits": logits})


@exercise("probabilities")
@pytest.mark.parametrize("shape", [(5,), (2, 3, 4)])
def test_softmax_of_other_shapes(shape):
    logits = generator().standard_normal(shape).astype(np.float32)
    same(numpy_net.probabilities(logits), scipy.special.softmax(logits, axis=-1))


def torch_loss(logits, labels, kind):
    logits = torch.from_numpy(np.ascontiguousarray(logits)).requires_grad_()
    labels = torch.from_numpy(labels)
    if kind == "cross_entropy":
        loss = F.cross_entropy(logits, labels)
    else:
        onehot = F.one_hot(labels, logits.shape[1]).to(logits.dtype)
        loss = (logits.softmax(dim=1) - onehot).square().sum(dim=1).mean()
    loss.backward()
    return loss.item(), logits.grad.numpy()


LOSSES = ("cross_entropy", "squared_error")
each_loss = pytest.mark.parametrize("name", [pytest.param(name, marks=exercise(name), id=name) for name in LOSSES])


@each_loss
@each_logits
def test_loss_and_gradient_like_autograds(name, kind):
    numpy_alone(name)
    rng = generator()
    logits = LOGITS[kind](rng)
    labels = rng.integers(0, logits.shape[1], len(logits))
    kept = {"logits": logits.copy(), "labels": labels.copy()}
    loss, gradient = getattr(numpy_net, name)(logits, labels)
    expected_loss, expected_gradient = torch_loss(logits, labels, name)
    close(float(loss), expected_loss, name="the loss")
    same(gradient, expected_gradient)
    untouched(kept, {"logits": logits, "labels": labels})


@each_loss
def test_losses_in_float32(name):
    rng = generator(2)
    logits, labels = rng.standard_normal((6, 4)).astype(np.float32), rng.integers(0, 4, 6)
    loss, gradient = getattr(numpy_net, name)(logits, labels)
    expected_loss, expected_gradient = torch_loss(logits, labels, name)
    close(float(loss), expected_loss, name="the loss")
    same(gradient, expected_gradient)


@exercise("cross_entropy")
def test_a_confident_mistake_costs_what_it_should():
    # ln(1 + e^1000) is 1000 to the last bit.
    loss, gradient = numpy_net.cross_entropy(np.array([[0.0, 1000.0]]), np.array([0]))
    close(float(loss), 1000.0, name="the loss")
    same(gradient, np.array([[-1.0, 1.0]]))


# ---- The net ---------------------------------------------------------------------------------------------------------


@exercise("forward")
@pytest.mark.parametrize("n", [1, 3, 7])
def test_forward_like_torchs(n):
    numpy_alone("forward")
    rng = generator(n)
    params, x = some_params(rng), rng.standard_normal((n, 6))
    kept = copy.deepcopy(params) | {"x": x.copy()}
    logits, hidden = numpy_net.forward(params, x)
    expected_logits, expected_hidden = torch_forward(in_torch(params), x)
    same(logits, expected_logits.detach().numpy())
    same(hidden, expected_hidden.detach().numpy())
    untouched(kept, params | {"x": x})


@exercise("forward")
def test_forward_in_float32_and_of_a_view():
    rng = generator()
    params, x = some_params(rng, dtype=np.float32), rng.standard_normal((6, 8)).astype(np.float32).T
    logits, hidden = numpy_net.forward(params, x)
    expected = torch_forward(in_torch(params), x)
    same(logits, expected[0].detach().numpy())
    same(hidden, expected[1].detach().numpy())


@exercise("numerical_gradient")
@pytest.mark.parametrize("shape", [(1,), (4,), (2, 3), (2, 1, 3), (), (0, 2)], ids=str)
def test_gradients_by_differences(shape):
    numpy_alone("numerical_gradient")
    rng = generator()
    x, weights = rng.standard_normal(shape), rng.standard_normal(shape)
    kept = x.copy()
    got = numpy_net.numerical_gradient(lambda x: float((weights * np.sin(x)).sum()), x)
    same(np.asarray(got), weights * np.cos(x), rtol=1e-7, atol=1e-8)
    untouched({"x": kept}, {"x": x})


@exercise("numerical_gradient")
@pytest.mark.parametrize("layout", ["Fortran's order", "transposed", "every second column", "backwards"])
def test_gradients_by_differences_in_any_layout(layout):
    rng = generator(3)
    weights, base = rng.standard_normal((2, 3)), rng.standard_normal((3, 6))
    x = {
        "Fortran's order": np.asfortranarray(base[:2, :3]),
        "transposed": base[:, :2].T,
        "every second column": base[:2, ::2],
        "backwards": base[1::-1, 2::-1],
    }[layout]
    kept = x.copy()
    got = numpy_net.numerical_gradient(lambda x: float((weights * np.sin(x)).sum()), x)
    same(got, weights * np.cos(kept), rtol=1e-7, atol=1e-8)
    untouched({"x": kept}, {"x": x})


@exercise("numerical_gradient")
def test_an_array_that_may_not_be_written_to():
    x = np.array([[1.0, 2.0], [3.0, 5.0]])
    x.setflags(write=False)
    got = numpy_net.numerical_gradient(lambda x: float((x**2).sum()), x)
    same(got, 2 * x, rtol=1e-7, atol=1e-8)


@exercise("numerical_gradient")
def test_steps_from_float32_are_taken_in_float64():
    x = np.array([1.0, 300.0, -5.0], np.float32)
    got = numpy_net.numerical_gradient(lambda x: float((x**2).sum()), x)
    close(np.asarray(got, np.float64).tolist(), [2.0, 600.0, -10.0], rtol=1e-6)


@exercise("numerical_gradient")
def test_differences_are_central():
    # x³ at 1: by central differences exactly 3 + eps², from one side 3 + 3 eps + eps².
    got = numpy_net.numerical_gradient(lambda x: float(x[0] ** 3), np.array([1.0]), eps=0.1)
    same(got, np.array([3.01]))


@exercise("numerical_gradient")
def test_one_number_changes_at_a_time():
    seen = []

    def f(x):
        seen.append(x.copy())
        return float(x.sum())

    start = np.array([5.0, 7.0])
    numpy_net.numerical_gradient(f, start, eps=0.5)
    moved = sorted({tuple(np.round(x - start, 6).tolist()) for x in seen} - {(0.0, 0.0)})
    equal(moved, [(-0.5, 0.0), (0.0, -0.5), (0.0, 0.5), (0.5, 0.0)])


@exercise("backward")
@pytest.mark.parametrize("n", [1, 3, 8])
def test_backward_like_autograd(n):
    numpy_alone("backward")
    rng = generator(10 + n)
    params, x, upstream = some_params(rng), rng.standard_normal((n, 6)), rng.standard_normal((n, 4))
    theirs = in_torch(params)
    logits, hidden = torch_forward(theirs, x)
    logits.backward(torch.from_numpy(upstream))
    hidden = hidden.detach().numpy()
    kept = copy.deepcopy(params) | {"x": x.copy(), "hidden": hidden.copy(), "upstream": upstream.copy()}
    got = numpy_net.backward(params, x, hidden, upstream)
    all_same(got, {name: tensor.grad.numpy() for name, tensor in theirs.items()})
    untouched(kept, params | {"x": x, "hidden": hidden, "upstream": upstream})


@exercise("backward")
def test_nothing_comes_back_where_the_hidden_layer_is_exactly_0():
    rng = generator(7)
    params, x, upstream = some_params(rng), np.zeros((2, 6)), rng.standard_normal((2, 4))
    params["b1"] = np.zeros_like(params["b1"])  # as at the start of a training, and an image without ink
    got = numpy_net.backward(params, x, np.zeros((2, len(params["b1"]))), upstream)
    all_same(got, {name: np.zeros_like(array) for name, array in params.items()} | {"b2": upstream.sum(axis=0)})


@exercise("backward")
def test_backward_keeps_float32():
    rng = generator(5)
    params = some_params(rng, dtype=np.float32)
    x, upstream = (rng.standard_normal(shape).astype(np.float32) for shape in ((3, 6), (3, 4)))
    theirs = in_torch(params)
    logits, hidden = torch_forward(theirs, x)
    logits.backward(torch.from_numpy(upstream))
    got = numpy_net.backward(params, x, hidden.detach().numpy(), upstream)
    all_same(got, {name: tensor.grad.numpy() for name, tensor in theirs.items()})


# ---- Training --------------------------------------------------------------------------------------------------------


@exercise("minibatches")
@pytest.mark.parametrize("n, size", [(10, 3), (9, 3), (4, 7), (1, 1), (5, 1)])
def test_each_number_once_in_pieces_of_that_size(n, size):
    numpy_alone("minibatches")
    batches = [np.asarray(batch) for batch in numpy_net.minibatches(n, size, generator())]
    equal([len(batch) for batch in batches], [size] * (n // size) + [n % size] * (n % size > 0))
    equal(sorted(np.concatenate(batches).tolist()), list(range(n)))


@exercise("minibatches")
def test_order_is_random_and_from_the_generator():
    def order(seed):
        return np.concatenate(list(numpy_net.minibatches(50, 8, generator(seed)))).tolist()

    equal(order(1), order(1))
    # Two random orders of 50 agree, or one is ascending, with a probability of 1 / 50! each.
    if order(1) in (order(2), sorted(order(1))):
        fail("the numbers come in the same order for every generator, or in no random one")


@exercise("minibatches")
def test_all_orders_are_equally_likely():
    # n = 4,000 draws, 167 expected of each of the 24 orders of 4 numbers. Chi-square; false alarm at most 1e-6.
    orders, rng = list(itertools.permutations(range(4))), generator(5)
    drawn = [np.concatenate(list(numpy_net.minibatches(4, 3, rng))).tolist() for _ in range(4000)]
    named = ["".join(map(str, order)) for order in orders]
    same_distribution([orders.index(tuple(order)) for order in drawn], [1 / 24] * 24, outcomes=named)


@exercise("minibatches")
def test_no_numbers_no_batches():
    equal(len(list(numpy_net.minibatches(0, 3, generator()))), 0)


def torch_train(params, x, labels, epochs, lr, loss="cross_entropy"):
    """Full batches: no order of examples can matter."""
    theirs, losses = in_torch(params), []
    for _ in range(epochs):
        logits, _ = torch_forward(theirs, x)
        if loss == "cross_entropy":
            value = F.cross_entropy(logits, torch.from_numpy(labels))
        else:
            onehot = F.one_hot(torch.from_numpy(labels), logits.shape[1])
            value = (logits.softmax(dim=1) - onehot).square().sum(dim=1).mean()
        gradients = torch.autograd.grad(value, list(theirs.values()))
        theirs = {
            name: (tensor - lr * gradient).detach().requires_grad_()
            for (name, tensor), gradient in zip(theirs.items(), gradients)
        }
        losses.append(value.item())
    return {name: tensor.detach().numpy() for name, tensor in theirs.items()}, losses


@exercise("train")
@pytest.mark.parametrize("epochs", [0, 1, 5])
@pytest.mark.parametrize("loss", LOSSES)
def test_full_batches_like_torchs(epochs, loss):
    numpy_alone("train")
    rng = generator(6)
    params, x, labels = some_params(rng), rng.standard_normal((7, 6)), rng.integers(0, 4, 7)
    kept = copy.deepcopy(params) | {"x": x.copy(), "labels": labels.copy()}
    got, losses = numpy_net.train(params, x, labels, epochs, 7, 0.3, generator(), loss=getattr(numpy_net, loss))
    expected, expected_losses = torch_train(params, x, labels, epochs, 0.3, loss)
    all_same(got, expected)
    close([float(value) for value in losses], expected_losses, name="the losses")
    untouched(kept, params | {"x": x, "labels": labels})


@exercise("train")
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_step_for_every_minibatch_the_smaller_last_one_too(dtype):
    # All examples are the same, so that their order doesn't matter: 10 of them are 3 minibatches, and 2 epochs 6 steps.
    rng = generator(11)
    params, x, labels = some_params(rng, dtype=dtype), rng.standard_normal((1, 6)).astype(dtype), np.array([2])
    got, losses = numpy_net.train(params, x.repeat(10, axis=0), labels.repeat(10), 2, 4, 0.3, generator())
    expected, expected_losses = torch_train(params, x, labels, 6, 0.3)
    all_same(got, expected)
    close([float(value) for value in losses], expected_losses, name="the losses")


@exercise("train")
def test_every_minibatch_is_used_and_drawn_anew():
    rng = generator(7)
    params, x = some_params(rng), rng.standard_normal((10, 6))
    seen = []

    def loss(logits, labels):
        seen.append(labels.copy())
        return numpy_net.cross_entropy(logits, labels)

    marked = np.arange(10)  # the labels of this loss: they say which examples came
    numpy_net.train(params, x, marked, 20, 4, 0.0, generator(3), loss=lambda z, n: loss(z, n % 4))
    equal([len(batch) for batch in seen], [4, 4, 2] * 20)
    epochs = [np.concatenate(seen[i : i + 3]).tolist() for i in range(0, 60, 3)]
    equal([sorted(epoch) for epoch in epochs], [sorted((marked % 4).tolist())] * 20)
    # Labels 0, 0, 0, 1, 1, 1, 2, 2, 3, 3 have 25,200 orders: 20 epochs are all alike with probability 25,200^-19.
    if len(set(map(tuple, epochs))) == 1:
        fail("every epoch has the same order: draw the minibatches anew")


@exercise("train")
def test_minibatches_are_drawn_with_the_generator():
    rng = generator(13)
    params, x, labels = some_params(rng), rng.standard_normal((20, 6)), rng.integers(0, 4, 20)
    one, again, other = (numpy_net.train(params, x, labels, 2, 3, 0.1, generator(seed))[1] for seed in (1, 1, 2))
    close([float(value) for value in again], [float(value) for value in one], name="the losses with the same seed")
    if np.allclose(other, one):
        fail("another generator gives the same minibatches: draw them with `rng`")


@exercise("train")
def test_examples_keep_their_labels():
    # Each example says its label in its own pixels. Only a net that saw them together reads unseen ones.
    rng = generator(8)
    labels = rng.integers(0, 4, 200)
    x = rng.standard_normal((200, 6)) * 0.1 + np.eye(6)[labels]
    params = numpy_net.initialize(6, 16, 4, rng, np.float64)
    params, losses = numpy_net.train(params, x, labels, 40, 16, 0.5, rng)
    new = rng.integers(0, 4, 100)
    logits, _ = torch_forward(in_torch(params), rng.standard_normal((100, 6)) * 0.1 + np.eye(6)[new])
    equal((logits.argmax(dim=1).numpy() == new).mean() >= 0.99, True, name="99 % of new examples are right")
    equal(len(losses), 40 * 13)


@exercise("train")
def test_augment_changes_what_is_learned_from():
    rng = generator(9)
    params, x, labels = some_params(rng), rng.standard_normal((5, 6)), rng.integers(0, 4, 5)
    given = []

    def double(batch, rng):
        given.append((batch.shape, isinstance(rng, np.random.Generator)))
        return 2 * batch

    got, losses = numpy_net.train(params, x, labels, 3, 5, 0.2, generator(), augment=double)
    expected, expected_losses = torch_train(params, 2 * x, labels, 3, 0.2)
    equal(given, [((5, 6), True)] * 3)
    all_same(got, expected)
    close([float(value) for value in losses], expected_losses, name="the losses")


@exercise("train")
def test_augment_gets_each_minibatch_and_the_generator():
    rng = generator(12)
    params, x, own = some_params(rng), rng.standard_normal((5, 6)), generator(1)
    given, seen = [], []

    def double(batch, rng):
        given.append(batch[:, 0].tolist())
        equal(rng is own, True, name="augment got the generator that train got")
        return 2 * batch

    def loss(logits, labels):
        seen.append(x[labels, 0].tolist())  # the labels of this test say which examples came
        return numpy_net.cross_entropy(logits, labels % 4)

    numpy_net.train(params, x, np.arange(5), 3, 2, 0.1, own, loss=loss, augment=double)
    equal([len(batch) for batch in given], [2, 2, 1] * 3)
    equal(given, seen, name="what augment got, minibatch by minibatch")
