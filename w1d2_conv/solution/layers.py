"""The rest of a vision network: activations, linear, flatten, dropout, the loss, and the weights that it starts with.

Names and order of arguments are those of `torch.nn.functional` and `torch.nn.init`. `python layers.py` shows what
becomes of a signal on its way through twenty layers.
"""

import math
from collections.abc import Callable
from typing import Literal

import torch
from jaxtyping import Float, Int
from torch import Tensor

# ---- Activations -----------------------------------------------------------------------------------------------------


def relu(x: Float[Tensor, "..."]) -> Float[Tensor, "..."]:
    """Each entry, or 0 where it is negative. -inf becomes 0, inf stays inf, and NaN stays NaN.

    The result is a new tensor. The slope at exactly 0 may be anything from 0 to 1. Nair & Hinton 2010.

    >>> relu(torch.tensor([-2.0, 0.0, 3.0])).tolist()
    [0.0, 0.0, 3.0]
    """
    # BEGIN SOLUTION
    return torch.where(x < 0, 0, x)
    # END SOLUTION


def leaky_relu(x: Float[Tensor, "..."], negative_slope: float = 0.01) -> Float[Tensor, "..."]:
    """Each entry, or `negative_slope` times it where it is negative.

    The slope may be any number, also above 1 or below 0. Maas, Hannun & Ng 2013.

    >>> leaky_relu(torch.tensor([-2.0, 0.0, 3.0]), 0.25).tolist()
    [-0.5, 0.0, 3.0]
    """
    # BEGIN SOLUTION
    return torch.where(x < 0, negative_slope * x, x)
    # END SOLUTION


def gelu(x: Float[Tensor, "..."], approximate: str = "none") -> Float[Tensor, "..."]:
    """x · Φ(x), where Φ(x) is the probability that a standard normal number is below x.

    With "none" it is exact: Φ(x) = (1 + erf(x / √2)) / 2. With "tanh" it is the approximation x/2 · (1 + tanh(√(2/π) ·
    (x + 0.044715 x³))). Raises ValueError for any other word, and names it. Hendrycks & Gimpel 2016, section 2.

    >>> gelu(torch.tensor([-1.0, 0.0, 2.0]))
    tensor([-0.1587,  0.0000,  1.9545])
    >>> gelu(torch.tensor([-1.0, 0.0, 2.0]), "tanh")
    tensor([-0.1588,  0.0000,  1.9546])
    """
    # BEGIN SOLUTION
    # TODO: choose between the two formulas, and refuse any other word.
    if approximate == "none":
        return x * 0.5 * (1 + torch.erf(x / math.sqrt(2)))
    if approximate == "tanh":
        return x * 0.5 * (1 + torch.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))
    raise ValueError(f'approximate is "none" or "tanh", not {approximate!r}')
    # END SOLUTION


# ---- Linear, flatten, dropout ----------------------------------------------------------------------------------------


def linear(
    x: Float[Tensor, "... channel"],
    weight: Float[Tensor, "out channel"],
    bias: Float[Tensor, "out"] | None = None,
) -> Float[Tensor, "... out"]:
    """Every vector along the last dim of `x`, multiplied by `weight`, plus `bias`: y = W x + b.

    Any number of dims may come before, even none, and each may be empty. The weight lies as torch stores it, with a row
    for each output.

    >>> linear(torch.tensor([1.0, 10.0]), torch.tensor([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])).tolist()
    [21.0, 43.0, 65.0]
    """
    # BEGIN SOLUTION
    out = x @ weight.T
    return out if bias is None else out + bias
    # END SOLUTION


def flatten(x: Float[Tensor, "..."], start_dim: int = 1, end_dim: int = -1) -> Float[Tensor, "..."]:
    """Joins the dims from `start_dim` to `end_dim`, both included, into one. Negative numbers count from the end.

    The entries keep their order: the last dim runs fastest, however x lies in memory. As with `reshape`, the result is
    a view of x where its strides allow it, and a copy where not. A dim may have size 0. x has one dim or more. Raises
    ValueError if `start_dim` comes after `end_dim`.

    >>> flatten(torch.zeros(2, 3, 4, 5)).shape, flatten(torch.zeros(2, 3, 4, 5), 0, 2).shape
    (torch.Size([2, 60]), torch.Size([24, 5]))
    """
    # BEGIN SOLUTION
    start, end = start_dim % x.dim(), end_dim % x.dim()
    if start > end:
        raise ValueError(f"start_dim {start_dim} comes after end_dim {end_dim} in a tensor of {x.dim()} dims")
    # TODO: work out the new shape, and reshape.
    return x.reshape(*x.shape[:start], math.prod(x.shape[start : end + 1]), *x.shape[end + 1 :])
    # END SOLUTION


def dropout(
    x: Float[Tensor, "..."], p: float = 0.5, training: bool = True, generator: torch.Generator | None = None
) -> Float[Tensor, "..."]:
    """While training, drops each entry with probability `p`, independently of others, and divides the rest by 1 - p.

    A dropped entry is 0 (if it was finite), and so is its gradient. If p is 1, everything is dropped. When not
    training, the result equals x, and may be x itself. The chance is p for every dtype of x: note that a draw in
    bfloat16 or float16 is too coarse for that. The draws come from `generator`, which lives on x's device, or from
    torch's global one if it is None. Raises ValueError if p is not between 0 and 1 (NaN isn't), whether training or
    not. Srivastava et al. 2014.

    >>> sorted(dropout(torch.ones(1000), 0.2).unique().tolist())
    [0.0, 1.25]
    """
    # BEGIN SOLUTION
    if not 0 <= p <= 1:
        raise ValueError(f"p is a probability, not {p}")
    if not training:
        return x
    # TODO: draw who stays, set the others to 0, and scale up.
    keep = torch.rand(x.shape, generator=generator, device=x.device) >= p
    scale = 1 / (1 - p) if p < 1 else 0.0
    return torch.where(keep, x * scale, 0)
    # END SOLUTION


# ---- Softmax and the loss --------------------------------------------------------------------------------------------


def softmax(x: Float[Tensor, "..."], dim: int) -> Float[Tensor, "..."]:
    """exp(x) divided by its sum along `dim`: positive numbers that sum to 1 along it. `dim` may be negative.

    The sum is 1 as closely as x's dtype can tell. Scores may be huge, of either sign. A score of -inf gets the
    probability 0, if some other along `dim` is finite.

    >>> softmax(torch.tensor([[1001.0, 1002.0, 1003.0]]), dim=1)
    tensor([[0.0900, 0.2447, 0.6652]])
    """
    # BEGIN SOLUTION
    # TODO: subtract the largest score along dim, take exp, and divide by the sum.
    grown = (x - x.amax(dim=dim, keepdim=True)).exp()
    return grown / grown.sum(dim=dim, keepdim=True)
    # END SOLUTION


def cross_entropy(
    logits: Float[Tensor, "batch n_class ..."],
    targets: Int[Tensor, "batch ..."],
    ignore_index: int = -100,
    label_smoothing: float = 0.0,
) -> Float[Tensor, ""]:
    """The mean of -log p(target), in nats, over the targets that are not `ignore_index`.

    p is the softmax of the logits along dim 1, the classes; after it come no dims, or height and width, or others.
    Targets are class numbers, int64. With `label_smoothing` ε, the target has the share 1 - ε of the truth, and the
    share ε is spread evenly over ALL classes, the target included: a loss is (1 - ε) · (-log p(target)) + ε · (the mean
    of -log p over the classes). Szegedy et al. 2016, section 7.

    It is finite for logits in the thousands. A logit of -inf costs nothing where no target is and ε is 0. It doesn't
    matter what stands at an ignored position. `ignore_index` may be any number: a class, a negative one, or one that is
    too large for a class. If no target is left, the mean of nothing is NaN, as in torch. Raises ValueError if
    `label_smoothing` is not between 0 and 1.

    >>> cross_entropy(torch.zeros(2, 10), torch.tensor([3, -100]))  # ln 10
    tensor(2.3026)
    >>> cross_entropy(torch.tensor([[6.0, 1.0, 1.0]]).log(), torch.tensor([0]), label_smoothing=0.3)
    tensor(0.6460)
    """
    # BEGIN SOLUTION
    if not 0 <= label_smoothing <= 1:
        raise ValueError(f"label_smoothing is between 0 and 1, not {label_smoothing}")
    # TODO: compute the logarithms of the softmax without leaving the logarithms.
    log_p = logits - logits.logsumexp(dim=1, keepdim=True)
    # TODO: pick the target's; an ignored target must not lead anywhere.
    keep = targets != ignore_index
    loss = -log_p.gather(1, targets.where(keep, 0).unsqueeze(1)).squeeze(1)  # (batch, ...)
    # TODO: smooth, and take the mean over what counts.
    if label_smoothing > 0:
        loss = (1 - label_smoothing) * loss - label_smoothing * log_p.mean(dim=1)
    return loss[keep].mean()
    # END SOLUTION


# ---- Initialisation --------------------------------------------------------------------------------------------------


def fan_in_and_fan_out(weight: Float[Tensor, "out channel *kernel"]) -> tuple[int, int]:
    """How many numbers one output is a sum of, and how many outputs one input goes into.

    The weight may be that of a linear layer, (out, channel), or of a convolution in any number of dims; the second
    number counts a stride of 1, and no groups. Raises ValueError for a weight with fewer than two dims, a bias say.

    >>> fan_in_and_fan_out(torch.empty(10, 784)), fan_in_and_fan_out(torch.empty(64, 3, 7, 7))
    ((784, 10), (147, 3136))
    """
    # BEGIN SOLUTION
    if weight.dim() < 2:
        raise ValueError(f"a weight of shape {tuple(weight.shape)} has no fans: it takes two dims or more")
    out, channel, *kernel = weight.shape
    return channel * math.prod(kernel), out * math.prod(kernel)
    # END SOLUTION


def kaiming_normal_(
    weight: Float[Tensor, "out channel *kernel"],
    a: float = 0.0,
    mode: Literal["fan_in", "fan_out"] = "fan_in",
    *,
    generator: torch.Generator | None = None,
) -> Float[Tensor, "out channel *kernel"]:
    """Fills `weight` from a normal distribution with mean 0 and variance 2 / ((1 + a²) · fan), and returns it.

    `a` is the negative slope of the leaky ReLU in the network: 0 for ReLU, 1 for no activation at all; it may have
    either sign. The weight is filled in place, whatever its strides and dtype, and no gradient is recorded, so it may
    be a parameter. The draws come from `generator`, which lives on the weight's device, or from torch's global one if
    it is None. Raises ValueError for any other mode, and names it. He et al. 2015, section 2.2.

    >>> round(kaiming_normal_(torch.empty(200, 50, 3, 3)).std().item(), 2)  # the square root of 2/450
    0.07
    """
    # BEGIN SOLUTION
    if mode not in ("fan_in", "fan_out"):
        raise ValueError(f'mode is "fan_in" or "fan_out", not {mode!r}')
    fan_in, fan_out = fan_in_and_fan_out(weight)
    fan = fan_in if mode == "fan_in" else fan_out
    # TODO: fill the weight in place, without a trace in the graph.
    with torch.no_grad():
        return weight.normal_(0, math.sqrt(2 / ((1 + a**2) * fan)), generator=generator)
    # END SOLUTION


def kaiming_uniform_(
    weight: Float[Tensor, "out channel *kernel"],
    a: float = 0.0,
    mode: Literal["fan_in", "fan_out"] = "fan_in",
    *,
    generator: torch.Generator | None = None,
) -> Float[Tensor, "out channel *kernel"]:
    """As `kaiming_normal_`, with the same mean and the same variance, but uniform between -bound and bound.

    >>> kaiming_uniform_(torch.empty(200, 6)).abs().max() <= 1  # variance 1/3, bound 1
    tensor(True)
    """
    # BEGIN SOLUTION
    if mode not in ("fan_in", "fan_out"):
        raise ValueError(f'mode is "fan_in" or "fan_out", not {mode!r}')
    fan_in, fan_out = fan_in_and_fan_out(weight)
    fan = fan_in if mode == "fan_in" else fan_out
    # TODO: find the bound that gives this variance.
    bound = math.sqrt(3 * 2 / ((1 + a**2) * fan))
    with torch.no_grad():
        return weight.uniform_(-bound, bound, generator=generator)
    # END SOLUTION


def xavier_uniform_(
    weight: Float[Tensor, "out channel *kernel"], gain: float = 1.0, *, generator: torch.Generator | None = None
) -> Float[Tensor, "out channel *kernel"]:
    """Fills `weight` in place, uniformly between -bound and bound, with variance gain² · 2 / (fan_in + fan_out).

    It returns the weight. Parameters, strides, dtypes and `generator` as in `kaiming_normal_`. Glorot & Bengio 2010,
    equation 16.

    >>> xavier_uniform_(torch.empty(200, 400)).abs().max() <= 0.1  # variance 1/300, bound 1/10
    tensor(True)
    """
    # BEGIN SOLUTION
    fan_in, fan_out = fan_in_and_fan_out(weight)
    bound = gain * math.sqrt(6 / (fan_in + fan_out))
    with torch.no_grad():
        return weight.uniform_(-bound, bound, generator=generator)
    # END SOLUTION


# ---- See it ----------------------------------------------------------------------------------------------------------

DEPTHS = (1, 2, 5, 10, 20)


def signal(initialise: Callable[[Tensor], Tensor], width: int = 256) -> list[float]:
    """The root mean square of what comes out of layers 1, 2, 5, 10 and 20, each a linear one and a ReLU."""
    torch.manual_seed(0)
    x, sizes = torch.randn(128, width), []
    for depth in range(1, max(DEPTHS) + 1):
        x = relu(linear(x, initialise(torch.empty(width, width))))
        if depth in DEPTHS:
            sizes.append(x.double().square().mean().sqrt().item())
    return sizes


if __name__ == "__main__":
    ways = {
        "normal, std 0.01": lambda weight: weight.normal_(0, 0.01),
        "normal, std 1": lambda weight: weight.normal_(0, 1),
        "torch's default": lambda weight: kaiming_uniform_(weight, a=math.sqrt(5)),
        "xavier_uniform_": xavier_uniform_,
        "kaiming_normal_": kaiming_normal_,
        "kaiming_uniform_": kaiming_uniform_,
    }
    print(f"{'size after layer':<18}" + "".join(f"{depth:>10}" for depth in DEPTHS))
    for name, initialise in ways.items():
        try:
            print(f"{name:<18}" + "".join(f"{size:>10.2g}" for size in signal(initialise)))
        except NotImplementedError:
            print(f"{name:<18}     bonus")
