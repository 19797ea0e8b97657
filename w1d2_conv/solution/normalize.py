"""Normalization: give numbers mean 0 and variance 1, and let the network choose another scale if it wants one.

Batch, layer, group and instance normalization differ in one thing only: over which numbers the mean is taken. Shapes
are written `batch channel ...`, where `...` are the places of a signal or a picture, or nothing at all.
"""

from collections.abc import Sequence

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional as F


def per_channel(values: Float[Tensor, "channel"], ndim: int) -> Float[Tensor, "1 channel ..."]:
    """One value for each channel, with `ndim` dims, so that it broadcasts over the batch and over the places.

    >>> per_channel(torch.tensor([5.0, 6.0]), 4).shape
    torch.Size([1, 2, 1, 1])
    """
    return values.reshape(1, -1, *[1] * (ndim - 2))


# ---- Mean and variance -----------------------------------------------------------------------------------------------


def moments(
    x: Float[Tensor, "..."], dims: Sequence[int]
) -> tuple[Float[Tensor, "..."], Float[Tensor, "..."], Float[Tensor, "..."]]:
    """`x` minus its mean over `dims`, that mean, and the variance over `dims`: (centred, mean, variance).

    The variance is the biased one, which divides by the number of values. Mean and variance keep `dims` with size 1, so
    they broadcast against `x`. They stay accurate where the mean is large: 1e4 with a spread of 1, in float32. float16
    and bfloat16 are computed in float32, and all three results are float32; other dtypes are kept. No mean is over
    nothing: `dims` isn't empty. The dims may be negative.

    >>> centred, mean, variance = moments(torch.tensor([[1.0, 2.0, 3.0, 6.0]]), dims=(1,))
    >>> centred.tolist(), mean.tolist(), variance.tolist()
    ([[-2.0, -1.0, 0.0, 3.0]], [[3.0]], [[3.5]])
    """
    # BEGIN SOLUTION
    # TODO: go to float32 where x has fewer digits than that.
    if x.dtype in (torch.float16, torch.bfloat16):
        x = x.float()
    # TODO: take the mean, subtract it, and take the variance of what is left.
    mean = x.mean(tuple(dims), keepdim=True)
    centred = x - mean
    variance = (centred * centred).mean(tuple(dims), keepdim=True)
    return centred, mean, variance
    # END SOLUTION


# ---- Within one example ----------------------------------------------------------------------------------------------


def layer_norm(
    x: Float[Tensor, "..."],
    normalized_shape: Sequence[int],
    weight: Float[Tensor, "..."] | None = None,
    bias: Float[Tensor, "..."] | None = None,
    eps: float = 1e-5,
) -> Float[Tensor, "..."]:
    """Gives mean 0 and variance 1 to the last dims of `x`, which are `normalized_shape`: torch's F.layer_norm.

    The result is (x - mean) / sqrt(variance + eps) · weight + bias, with the biased variance. `weight` and `bias` have
    the shape `normalized_shape`: one value for each place; None stands for 1 and 0. float16 and bfloat16 are computed
    in float32, and the result has x's dtype. There may be no example at all. Raises ValueError if the last dims of `x`
    aren't `normalized_shape`; the message names both shapes. Ba et al. 2016, section 3.

    >>> layer_norm(torch.tensor([[1.0, 3.0], [10.0, 50.0]]), (2,), eps=0.0).tolist()
    [[-1.0, 1.0], [-1.0, 1.0]]
    """
    # BEGIN SOLUTION
    # TODO: check the shape, and find out which dims it means.
    count = len(normalized_shape)
    if tuple(x.shape[-count:]) != tuple(normalized_shape):
        raise ValueError(f"x has the shape {tuple(x.shape)}, which doesn't end in {tuple(normalized_shape)}")
    # TODO: normalize, then weight and bias.
    centred, _, variance = moments(x, range(-count, 0))
    out = centred * torch.rsqrt(variance + eps)
    if weight is not None:
        out = out * weight
    if bias is not None:
        out = out + bias
    return out.to(x.dtype)
    # END SOLUTION


def group_norm(
    x: Float[Tensor, "batch channel ..."],
    num_groups: int,
    weight: Float[Tensor, "channel"] | None = None,
    bias: Float[Tensor, "channel"] | None = None,
    eps: float = 1e-5,
) -> Float[Tensor, "batch channel ..."]:
    """Gives mean 0 and variance 1 to each group of neighbouring channels of each example: torch's F.group_norm.

    Of 6 channels in 2 groups, the first three are one group. `weight` and `bias` have one value for each channel; None
    stands for 1 and 0. The variance is the biased one. float16 and bfloat16 are computed in float32, and the result
    has x's dtype. There may be no example at all. Raises ValueError if `num_groups` is below 1 or doesn't divide the
    number of channels; the message names both numbers. Wu and He 2018, section 3.

    >>> group_norm(torch.tensor([[[1.0], [3.0], [10.0], [50.0]]]), 2, eps=0.0).flatten().tolist()
    [-1.0, 1.0, -1.0, 1.0]
    """
    # BEGIN SOLUTION
    channel = x.shape[1]
    if num_groups < 1 or channel % num_groups != 0:
        raise ValueError(f"{channel} channels can't be cut into {num_groups} groups of the same size")
    # TODO: give the groups a dim of their own, and normalize over everything behind it.
    grouped = x.unflatten(1, (num_groups, channel // num_groups))  # (batch, group, channel of the group, ...)
    centred, _, variance = moments(grouped, range(2, grouped.ndim))
    # TODO: weight and bias, then back to x's shape and dtype.
    scale = torch.rsqrt(variance + eps)
    if weight is not None:
        scale = scale * per_channel(weight, x.ndim).unflatten(1, (num_groups, -1))
    out = (centred * scale).flatten(1, 2)
    if bias is not None:
        out = out + per_channel(bias, x.ndim)
    return out.to(x.dtype)
    # END SOLUTION


def instance_norm(
    x: Float[Tensor, "batch channel ..."],
    weight: Float[Tensor, "channel"] | None = None,
    bias: Float[Tensor, "channel"] | None = None,
    eps: float = 1e-5,
) -> Float[Tensor, "batch channel ..."]:
    """Gives mean 0 and variance 1 to each channel of each example, by itself: torch's F.instance_norm.

    `x` has at least one dim of places, with more than one place in all. `weight` and `bias` have one value for each
    channel; None stands for 1 and 0. The variance is the biased one. float16 and bfloat16 are computed in float32,
    and the result has x's dtype. There may be no example at all. Ulyanov et al. 2016.

    >>> instance_norm(torch.tensor([[[1.0, 3.0], [10.0, 50.0]]]), eps=0.0).tolist()
    [[[-1.0, 1.0], [-1.0, 1.0]]]
    """
    # BEGIN SOLUTION
    # TODO: you have a function already that does this, with the right number of groups.
    return group_norm(x, x.shape[1], weight, bias, eps)
    # END SOLUTION


# ---- Across the batch ------------------------------------------------------------------------------------------------


def batch_norm(
    x: Float[Tensor, "batch channel ..."],
    running_mean: Float[Tensor, "channel"] | None,
    running_var: Float[Tensor, "channel"] | None,
    weight: Float[Tensor, "channel"] | None = None,
    bias: Float[Tensor, "channel"] | None = None,
    training: bool = False,
    momentum: float | None = 0.1,
    eps: float = 1e-5,
    num_batches_tracked: Int[Tensor, ""] | None = None,
) -> Float[Tensor, "batch channel ..."]:
    """Gives mean 0 and variance 1 to each channel, over the whole batch and all places: torch's F.batch_norm.

    While training, mean and variance are those of this batch (the biased variance), and gradients flow through them.
    Outside of training they are `running_mean` and `running_var`, and nothing is updated. Without running statistics
    (both are None) they are always those of the batch. `weight` and `bias` have one value for each channel; None
    stands for 1 and 0. float16 and bfloat16 are computed in float32, and the result has x's dtype.

    A call in training modifies the running statistics in place: each moves the fraction `momentum` of its way towards
    the mean and the *unbiased* variance of this batch (the one that divides by n - 1). They keep their dtype, and take
    part in no graph. If there is a `num_batches_tracked`, such a call also adds 1 to it, in place. With `momentum`
    None, each running statistic is the plain average over all batches so far, this one included: the fraction is 1 over
    `num_batches_tracked`, after the 1 was added.

    Raises ValueError where statistics of the batch are wanted but a channel has fewer than two values (the message
    names the shape of x); and in training, with running statistics, if `momentum` and `num_batches_tracked` are both
    None. Outside of training a single value will do, and so will an empty batch. Ioffe and Szegedy 2015, section 3.

    >>> running_mean, running_var = torch.tensor([0.0]), torch.tensor([1.0])
    >>> x = torch.tensor([[1.0], [2.0], [3.0], [4.0]])
    >>> batch_norm(x, running_mean, running_var, training=True).flatten()
    tensor([-1.3416, -0.4472,  0.4472,  1.3416])
    >>> running_mean, running_var
    (tensor([0.2500]), tensor([1.0667]))
    >>> batch_norm(x[:1], running_mean, running_var)
    tensor([[0.7262]])
    """
    # BEGIN SOLUTION
    # TODO: subtract a mean and find a variance, the batch's or the running ones (as shape (1, channel, ...)).
    if training or running_mean is None:
        count = x.numel() // x.shape[1]  # values of each channel
        if count < 2:
            raise ValueError(f"x of shape {tuple(x.shape)} has fewer than two values for each channel")
        centred, mean, variance = moments(x, (0, *range(2, x.ndim)))
    else:
        wide = x.float() if x.dtype in (torch.float16, torch.bfloat16) else x
        centred = wide - per_channel(running_mean, x.ndim)
        variance = per_channel(running_var, x.ndim).to(wide.dtype)

    # TODO: while training, update the running statistics in place, without a graph.
    if training and running_mean is not None:
        if momentum is None and num_batches_tracked is None:
            raise ValueError("momentum None is an average over all batches, which needs num_batches_tracked")
        with torch.no_grad():
            if num_batches_tracked is not None:
                num_batches_tracked += 1
            fraction = 1 / num_batches_tracked.item() if momentum is None else momentum
            unbiased = variance * count / (count - 1)
            running_mean += fraction * (mean.flatten() - running_mean)
            running_var += fraction * (unbiased.flatten() - running_var)

    # TODO: divide by the standard deviation, then weight and bias.
    scale = torch.rsqrt(variance + eps)
    if weight is not None:
        scale = scale * per_channel(weight, x.ndim)
    out = centred * scale
    if bias is not None:
        out = out + per_channel(bias, x.ndim)
    return out.to(x.dtype)
    # END SOLUTION


def batch_norm_backward(
    grad_output: Float[Tensor, "batch channel ..."],
    x: Float[Tensor, "batch channel ..."],
    weight: Float[Tensor, "channel"],
    eps: float = 1e-5,
) -> tuple[Float[Tensor, "batch channel ..."], Float[Tensor, "channel"], Float[Tensor, "channel"]]:
    """The gradients of `x`, of `weight` and of `bias`, for `batch_norm` in training.

    `grad_output` is the gradient of the loss with respect to batch_norm's result, and has its shape. Mean and variance
    depend on `x` as well, so each value of `x` moves the results of its whole channel. It works under torch.no_grad()
    too. No argument is changed, nor whether it requires a gradient. float16 and bfloat16 are computed in float32, and
    each gradient has the dtype of what it belongs to (that of the bias has weight's). Ioffe and Szegedy 2015, section
    3.

    >>> x = torch.tensor([[0.0], [2.0], [4.0]])
    >>> upstream = torch.tensor([[1.0], [0.0], [0.0]])
    >>> dx, dweight, dbias = batch_norm_backward(upstream, x, torch.ones(1))
    >>> dx.flatten(), dweight, dbias
    (tensor([ 0.1021, -0.2041,  0.1021]), tensor([-1.2247]), tensor([1.]))
    """
    # BEGIN SOLUTION
    dims = (0, *range(2, x.ndim))
    # TODO: work out the normalized x once more.
    centred, _, variance = moments(x, dims)
    scale = torch.rsqrt(variance + eps)
    normalized = centred * scale
    # TODO: bias and weight get one sum for each channel.
    upstream = grad_output.to(normalized.dtype)
    bias_gradient = upstream.sum(dims)
    weight_gradient = (upstream * normalized).sum(dims)
    # TODO: x gets what comes straight down, less what comes by way of the mean and by way of the variance.
    count = x.numel() // x.shape[1]
    by_mean = per_channel(bias_gradient / count, x.ndim)
    by_variance = normalized * per_channel(weight_gradient / count, x.ndim)
    x_gradient = per_channel(weight, x.ndim) * scale * (upstream - by_mean - by_variance)
    return x_gradient.to(x.dtype), weight_gradient.to(weight.dtype), bias_gradient.to(weight.dtype)
    # END SOLUTION


# ---- See it ----------------------------------------------------------------------------------------------------------


class Digits:
    """Twelve layers on handwritten digits, with batch normalization or without: given, nothing to do here."""

    def __init__(self, norm: bool):
        self.norm = norm
        torch.manual_seed(0)
        shapes = [(64, 784), *[(64, 64)] * 10, (10, 64)]
        self.weights = [torch.randn(shape) * (2 / shape[1]) ** 0.5 for shape in shapes]
        self.scales = [torch.ones(64) for _ in range(11)]
        self.shifts = [torch.zeros(64) for _ in range(11)]
        self.running = [(torch.zeros(64), torch.ones(64)) for _ in range(11)]
        self.parameters = [p.requires_grad_() for p in (*self.weights, *self.scales, *self.shifts)]

    def __call__(self, x: Tensor, training: bool, running: bool = True) -> Tensor:
        """The scores of the ten digits. With `running` False, statistics are always the batch's."""
        for i, weight in enumerate(self.weights):
            x = x @ weight.T
            if i < 11:
                statistics = self.running[i] if running else (None, None)
                x = batch_norm(x, *statistics, self.scales[i], self.shifts[i], training) if self.norm else x
                x = (x + (0 if self.norm else self.shifts[i])).relu()
        return x

    def train(self, x: Tensor, y: Tensor, lr: float) -> "Digits":
        """Two epochs of plain SGD in batches of 50."""
        for start in [*range(0, len(x), 50)] * 2:
            loss = F.cross_entropy(self(x[start : start + 50], training=True), y[start : start + 50])
            gradients = torch.autograd.grad(loss, self.parameters, allow_unused=True)
            with torch.no_grad():
                for parameter, gradient in zip(self.parameters, gradients):
                    parameter -= 0 if gradient is None else lr * gradient
        return self


def see_it() -> None:
    """Prints how many test digits are read correctly, for several learning rates, with batch normalization or without.

    The last column takes the batch's statistics in testing too, in batches that hold one kind of digit only.
    """
    from shared.data.arrays import mnist

    torch.set_num_threads(1)  # the quickest for layers as small as these
    x, y, x_test, y_test = mnist()
    x, x_test = (images.flatten(1) / 255 for images in (x, x_test))
    print("               without   batch norm   tested with the batch's statistics, sorted by digit")
    for lr in (0.003, 0.03, 0.3, 3.0):
        plain, normed = (Digits(norm).train(x, y, lr) for norm in (False, True))
        without, with_norm = ((net(x_test, False).argmax(1) == y_test).float().mean() for net in (plain, normed))
        alike = [normed(x_test[y_test == digit], False, running=False).argmax(1) == digit for digit in range(10)]
        by_batch = torch.cat(alike).float().mean()
        print(f"lr {lr:<8}     {without:6.1%}       {with_norm:6.1%}   {by_batch:6.1%}")


if __name__ == "__main__":
    see_it()
