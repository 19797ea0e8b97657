"""Backwards: what a convolution sends back to its bias, its weights and its input.

Each of the three is the adjoint of a linear step forward. Shapes are written `batch channel height width`, and
`grad_output` is the gradient of the loss with respect to the convolution's result, so it has that result's shape. The
functions on tensors work in any floating dtype, for any layout in memory and for an empty batch. They keep dtype and
device, leave their arguments as they are, and let gradients through.
"""

from collections.abc import Callable, Sequence

import torch
from conv import IntOrPair, conv2d, conv2d_minimal, pad2d, pair, windows2d
from jaxtyping import Float
from torch import Tensor

# ---- A tool ----------------------------------------------------------------------------------------------------------


def adjoint_gap(
    forward: Callable[[Tensor], Tensor],
    backward: Callable[[Tensor], Tensor],
    x: Float[Tensor, "..."],
    y: Float[Tensor, "..."],
) -> float:
    """How far `backward` is from being the adjoint of the linear function `forward`, as seen from x and y.

    The sum of forward(x) · y and the sum of x · backward(y), both in float64, are equal if it is. Returns their
    distance, divided by the larger of the lengths |forward(x)| |y| and |x| |backward(y)|; 0.0 if both lengths are 0.
    Raises ValueError, which names both shapes, if forward(x) isn't shaped like y or backward(y) isn't shaped like x.

    >>> x, y = torch.tensor([3.0, 4.0]), torch.tensor([6.0, 8.0])
    >>> adjoint_gap(lambda x: 2 * x, lambda y: 2 * y, x, y)
    0.0
    >>> adjoint_gap(lambda x: 2 * x, lambda y: 4 * y, x, y)
    0.5
    """
    # TODO: refuse results of the wrong shape.
    # TODO: compute the two sums and the two products of lengths, in float64.
    raise NotImplementedError("adjoint_gap")


# ---- Bias and weights ------------------------------------------------------------------------------------------------


def conv2d_bias_gradient(grad_output: Float[Tensor, "batch out out_height out_width"]) -> Float[Tensor, "out"]:
    """The gradient of conv2d's bias.

    >>> conv2d_bias_gradient(torch.tensor([[[[1.0, 2.0]], [[30.0, 40.0]]]]))
    tensor([ 3., 70.])
    """
    # TODO: to which results was one bias added?
    raise NotImplementedError("conv2d_bias_gradient")


def conv2d_weight_gradient(
    x: Float[Tensor, "batch channel height width"],
    weight_size: Sequence[int],
    grad_output: Float[Tensor, "batch out out_height out_width"],
    stride: IntOrPair = 1,
    padding: IntOrPair = 0,
    dilation: IntOrPair = 1,
    groups: int = 1,
) -> Float[Tensor, "out channel_of_group kh kw"]:
    """The gradient of conv2d's weight, which has the four sizes `weight_size`.

    The arguments are those of torch.nn.grad.conv2d_weight, and the last four are what conv2d was called with. If an
    entry of x is infinite, that shows only in the weights that met it.

    >>> x, above = torch.tensor([[[[3.0, 4.0, 5.0]]]]), torch.tensor([[[[1.0, 10.0]]]])
    >>> conv2d_weight_gradient(x, (1, 1, 1, 2), above)
    tensor([[[[43., 54.]]]])
    """
    # TODO: take the windows that conv2d took.
    # TODO: for each weight, multiply what it met by what came back, and sum. It can be one matrix product per group.
    raise NotImplementedError("conv2d_weight_gradient")


# ---- The input, rung by rung -----------------------------------------------------------------------------------------


def conv2d_input_gradient_minimal(
    weight: Float[Tensor, "out channel kh kw"], grad_output: Float[Tensor, "batch out out_height out_width"]
) -> Float[Tensor, "batch channel height width"]:
    """The gradient of the input of `conv2d_minimal`: stride 1, no padding, one group.

    If an entry of grad_output is infinite, that shows only where its window lay.

    >>> conv2d_input_gradient_minimal(torch.tensor([[[[1.0, 2.0]]]]), torch.tensor([[[[1.0, 0.0]]]]))
    tensor([[[[1., 2., 0.]]]])
    """
    # TODO: make room around grad_output, so that a window ends at its first entry and another begins at its last.
    # TODO: convolve with the weights, as they look from the other side.
    raise NotImplementedError("conv2d_input_gradient_minimal")


def dilate2d(
    x: Float[Tensor, "batch channel height width"], stride: IntOrPair
) -> Float[Tensor, "batch channel dilated_height dilated_width"]:
    """Spreads the entries of x: `stride` - 1 zeros between neighbours, and none outside. x has at least one entry.

    A pair is (between rows, between columns). The zeros are zeros beside an infinite entry too.

    >>> dilate2d(torch.tensor([[[[1.0, 2.0], [3.0, 4.0]]]]), (1, 3))
    tensor([[[[1., 0., 0., 2.],
              [3., 0., 0., 4.]]]])
    """
    # TODO: make zeros of the new size, and write x into every stride-th of them.
    raise NotImplementedError("dilate2d")


def conv_transpose2d(
    x: Float[Tensor, "batch channel height width"],
    weight: Float[Tensor, "channel out_of_group kh kw"],
    bias: Float[Tensor, "out"] | None = None,
    stride: IntOrPair = 1,
    padding: IntOrPair = 0,
    output_padding: IntOrPair = 0,
    groups: int = 1,
    dilation: IntOrPair = 1,
) -> Float[Tensor, "batch out out_height out_width"]:
    """Each entry of x stamps the kernel, times itself, on the result: one stamp every `stride` places. Stamps add up.

    `padding` rows and columns are taken off all four sides, and `output_padding` ones kept in addition at the bottom
    and at the right. Along each axis, the size is (size - 1) · stride - 2 · padding + dilation · (kernel - 1)
    + output_padding + 1. An infinite entry of x shows only under its own stamp. Equal to
    torch.nn.functional.conv_transpose2d, whose order of arguments this is. Raises ValueError, which names the numbers,
    if x doesn't have as many channels as `weight`, if `groups` doesn't divide them, or unless
    0 <= output_padding < the larger of stride and dilation, along each axis.

    >>> conv_transpose2d(torch.tensor([[[[1.0, 10.0]]]]), torch.tensor([[[[1.0, 2.0, 3.0]]]]), stride=2)
    tensor([[[[ 1.,  2., 13., 20., 30.]]]])
    """
    # TODO: refuse what doesn't fit.
    # TODO: make every stamp.
    # TODO: add them up on a canvas, before anything is taken off.
    # TODO: take off the padding, and add the bias.
    raise NotImplementedError("conv_transpose2d")


def conv2d_input_gradient(
    input_size: Sequence[int],
    weight: Float[Tensor, "out channel_of_group kh kw"],
    grad_output: Float[Tensor, "batch out out_height out_width"],
    stride: IntOrPair = 1,
    padding: IntOrPair = 0,
    dilation: IntOrPair = 1,
    groups: int = 1,
) -> Float[Tensor, "batch channel height width"]:
    """The gradient of conv2d's input, which has the four sizes `input_size`.

    The arguments are those of torch.nn.grad.conv2d_input, and the last four are what conv2d was called with. If an
    entry of grad_output is infinite, that shows only where its window lay, in its own group. Raises ValueError if
    conv2d wouldn't make a result of grad_output's size from an input of this size, batch and channels included.

    >>> weight, above = torch.tensor([[[[1.0, 2.0]]]]), torch.tensor([[[[1.0, 10.0]]]])
    >>> conv2d_input_gradient((1, 1, 1, 5), weight, above, stride=2)
    tensor([[[[ 1.,  2., 10., 20.,  0.]]]])
    """
    # TODO: what conv_transpose2d makes without output_padding is the smallest input. How much larger was this one?
    raise NotImplementedError("conv2d_input_gradient")


# ---- All together ----------------------------------------------------------------------------------------------------


class Conv2dFunction(torch.autograd.Function):
    """conv2d with its gradients by hand: Conv2dFunction.apply(x, weight, bias, stride, padding, dilation, groups).

    `apply` takes what conv2d takes, in conv2d's order and by position; the last five may be left out. Here `padding` is
    a number or a pair, never a word. Only the gradients that somebody needs are computed. What backward needs is kept
    by ctx.save_for_backward, so a tensor that was modified in place since then is a RuntimeError of torch's.
    Nobody asks for gradients of these gradients.
    """

    @staticmethod
    def forward(
        ctx,
        x: Float[Tensor, "batch channel height width"],
        weight: Float[Tensor, "out channel_of_group kh kw"],
        bias: Float[Tensor, "out"] | None = None,
        stride: IntOrPair = 1,
        padding: IntOrPair = 0,
        dilation: IntOrPair = 1,
        groups: int = 1,
    ) -> Float[Tensor, "batch out out_height out_width"]:
        # TODO: keep the tensors and the options that backward will need, and call conv2d.
        raise NotImplementedError("Conv2dFunction.forward")

    @staticmethod
    def backward(ctx, grad_output: Float[Tensor, "batch out out_height out_width"]) -> tuple[Tensor | None, ...]:
        """A gradient for each of forward's seven arguments after ctx: None for an option, and where none is needed."""
        # TODO: compute the gradients that ctx.needs_input_grad asks for. It has no entry for what was left out.
        raise NotImplementedError("Conv2dFunction.backward")


# ---- See it ----------------------------------------------------------------------------------------------------------


def show() -> None:
    """Prints how well each step back fits its step forward, and how many stamps meet in a transposed convolution."""
    torch.manual_seed(0)
    x, weight, above = torch.randn(1, 2, 7, 10), torch.randn(3, 2, 3, 3), torch.randn(1, 3, 4, 5)
    options = 2, 1  # stride and padding
    room = pad2d(dilate2d(above, 2), 1, 2, 1, 1)
    pairs = {
        "bias": (lambda b: b[:, None, None].expand(above.shape), conv2d_bias_gradient, torch.randn(3)),
        "weight": (
            lambda w: conv2d(x, w, None, *options),
            lambda y: conv2d_weight_gradient(x, weight.shape, y, *options),
            weight,
        ),
        "input": (
            lambda x: conv2d(x, weight, None, *options),
            lambda y: conv2d_input_gradient(x.shape, weight, y, *options),
            x,
        ),
        "input, by spreading zeros": (
            lambda x: conv2d(x, weight, None, *options),
            lambda y: conv2d_minimal(room, weight.flip(2, 3).transpose(0, 1)),
            x,
        ),
        "the same without a flip": (
            lambda x: conv2d(x, weight, None, *options),
            lambda y: conv2d_minimal(room, weight.transpose(0, 1)),
            x,
        ),
    }
    print("gradient of                  gap")
    for name, (forward, backward, start) in pairs.items():
        print(f"{name:<25}  {adjoint_gap(forward, backward, start, above):7.0e}")
    for size in (3, 4):
        stamps = conv_transpose2d(torch.ones(1, 1, 4, 6), torch.ones(1, 1, size, size), stride=2)
        print(f"\nhow many stamps meet: kernel {size}, stride 2")
        for row in stamps[0, 0].int().tolist():
            print("  " + " ".join(map(str, row)))


if __name__ == "__main__":
    show()
