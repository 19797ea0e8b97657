"""A two-layer network that reads handwriting, with numpy alone: every gradient in it is derived by hand.

The parameters are a dict: w1 (inputs, hidden), b1 (hidden,), w2 (hidden, classes), b2 (classes,). `rng` is a
np.random.Generator, and all randomness comes from it. Arrays keep their dtype (float64 with all its digits), and
nothing that was passed is modified.
"""

import time
from collections.abc import Callable, Iterable

import numpy as np
from jaxtyping import Float, Int
from numpy import ndarray

Params = dict[str, ndarray]
# (logits, labels) -> (the loss, its gradient with respect to the logits)
Loss = Callable[[ndarray, ndarray], tuple[float, ndarray]]


def initialize(inputs: int, hidden: int, classes: int, rng: np.random.Generator, dtype: type = np.float32) -> Params:
    """Weights that are normal with mean 0 and variance 2 / (the number of inputs of that layer), biases of 0.

    float64 weights are drawn in float64. He et al. 2015, section 2.2.
    """

    raise NotImplementedError("initialize")


def probabilities(logits: Float[ndarray, "... classes"]) -> Float[ndarray, "... classes"]:
    """This is softmax: exp(z) divided by the sum of exp(z) along the last axis.
    Logits may be in the thousands, of either sign.

    >>> probabilities(np.array([1000.0, 1000.0]))
    array([0.5, 0.5])
    """
    raise NotImplementedError("probabilities")


def cross_entropy(
    logits: Float[ndarray, "n classes"], labels: Int[ndarray, " n"]
) -> tuple[float, Float[ndarray, "n classes"]]:
    """(The mean over the rows of -ln softmax(logits)[label], its gradient with respect to the logits.)

    Logits may be in the thousands, of either sign: the loss stays finite.
    """
    # TODO: compute ln softmax, without an exp that overflows or a log of 0.
    # TODO: write the gradient as a difference of two tables, over n.
    raise NotImplementedError("cross_entropy")


def squared_error(
    logits: Float[ndarray, "n classes"], labels: Int[ndarray, " n"]
) -> tuple[float, Float[ndarray, "n classes"]]:
    """(The mean over the rows of Σ (softmax(logits) - onehot)², its gradient with respect to the logits.)

    A one-hot row is 1 at the label and 0 elsewhere. Logits may be in the thousands, of either sign.
    """
    # TODO: go from the loss back to p, and then from p back to the logits.
    raise NotImplementedError("squared_error")


def forward(
    params: Params, x: Float[ndarray, "n inputs"]
) -> tuple[Float[ndarray, "n classes"], Float[ndarray, "n hidden"]]:
    """(The logits, the hidden layer): hidden = max(0, x w1 + b1), logits = hidden w2 + b2."""
    raise NotImplementedError("forward")


def numerical_gradient(f: Callable[[ndarray], float], x: Float[ndarray, "..."], eps: float = 1e-5) -> ndarray:
    """The gradient of f at `x` by central differences: for each number of `x`, (f(x + eps) - f(x - eps)) / (2 eps),
    all others staying as they are. f takes an array of the shape of `x` (float64) and returns a number. `x` may have
    any shape, even one without numbers or dims, and lie in memory in any order. It may be float32 or read-only: f
    takes float64 all the same, and never `x` itself. It neither changes nor keeps what it gets.

    >>> numerical_gradient(lambda x: x[0] * x[1], np.array([3.0, 5.0])).round(6)
    array([5., 3.])
    """
    raise NotImplementedError("numerical_gradient")


def backward(
    params: Params,
    x: Float[ndarray, "n inputs"],
    hidden: Float[ndarray, "n hidden"],
    upstream: Float[ndarray, "n classes"],
) -> Params:
    """The gradients of the loss with respect to the parameters, by the same names.

    `hidden` is what `forward` gave for `x`, and `upstream` is the gradient of the loss with respect to the logits.
    """
    # TODO: go back through the second layer; then through the ReLU, which lets pass what was above zero;
    # then through the first layer.
    raise NotImplementedError("backward")


def minibatches(n: int, batch_size: int, rng: np.random.Generator) -> Iterable[Int[ndarray, " batch"]]:
    """The numbers 0 to n - 1 in random order, in pieces of `batch_size`; the last may be smaller, but not empty.

    All n! orders are equally likely.
    """
    raise NotImplementedError("minibatches")


def train(
    params: Params,
    x: Float[ndarray, "n inputs"],
    labels: Int[ndarray, " n"],
    epochs: int,
    batch_size: int,
    lr: float,
    rng: np.random.Generator,
    loss: Loss = cross_entropy,
    augment: Callable[[ndarray, np.random.Generator], ndarray] | None = None,
) -> tuple[Params, list[float]]:
    """Gradient descent on minibatches that are drawn anew each epoch. Returns (new parameters, the loss of each
    minibatch before its step). `augment`, if given, changes each minibatch before it is used, every time:
    augment(x[batch], rng)."""
    # TODO: go forward, compute the loss, go backward, and take a step with each parameter.
    raise NotImplementedError("train")


# ---- Given -----------------------------------------------------------------------------------------------------------


def jiggle(x: Float[ndarray, "n pixels"], rng: np.random.Generator) -> Float[ndarray, "n pixels"]:
    """The same 28 × 28 images, all moved by up to one pixel down or up, and right or left."""
    down, right = rng.integers(-1, 2, size=2)
    return np.roll(x.reshape(-1, 28, 28), (down, right), axis=(1, 2)).reshape(x.shape)


def right(params: Params, x: Float[ndarray, "n inputs"], labels: Int[ndarray, " n"]) -> float:
    """The share of rows that are recognised."""
    return float((forward(params, x)[0].argmax(axis=1) == labels).mean())


def digits() -> tuple[ndarray, ndarray, ndarray, ndarray]:
    """MNIST in numpy: 5,000 training rows of 784 numbers from 0 to 1, their labels, 1,000 test rows, their labels."""
    from shared.data.arrays import mnist

    images, labels, test_images, test_labels = (part.numpy() for part in mnist())
    rows = [part.reshape(len(part), -1).astype(np.float32) / 255 for part in (images, test_images)]
    return rows[0], labels, rows[1], test_labels


if __name__ == "__main__":
    rng = np.random.default_rng(0)
    params = initialize(4, 5, 3, rng, np.float64)
    x, labels = rng.standard_normal((6, 4)), rng.integers(0, 3, 6)
    logits, hidden = forward(params, x)
    by_hand = backward(params, x, hidden, cross_entropy(logits, labels)[1])
    for name in params:

        def loss_of(array: ndarray, name: str = name) -> float:
            return cross_entropy(forward(params | {name: array}, x)[0], labels)[0]

        checked = numerical_gradient(loss_of, params[name])
        print(f"{name}  by hand and by differences: {np.abs(by_hand[name] - checked).max():.0e} apart")

    x, labels, test_x, test_labels = digits()
    print("\n256 hidden units, 40 epochs, learning rate 0.1, minibatches of 32")
    for name, augment in (("as they are", None), ("jiggled", jiggle)):
        rng, start = np.random.default_rng(0), time.perf_counter()
        params, _ = train(initialize(784, 256, 10, rng), x, labels, 40, 32, 0.1, rng, augment=augment)
        seconds = time.perf_counter() - start
        seen, unseen = right(params, x, labels), right(params, test_x, test_labels)
        print(f"   {name:<12}  training {seen:.1%}   1,000 test images {unseen:.1%}   {seconds:.0f} s")
