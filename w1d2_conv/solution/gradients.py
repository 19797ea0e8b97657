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
    # BEGIN SOLUTION
    there, back = forward(x), backward(y)
    # TODO: refuse results of the wrong shape.
    for result, like in ((there, y), (back, x)):
        if result.shape != like.shape:
            raise ValueError(f"the result has shape {tuple(result.shape)}, not {tuple(like.shape)}")
    # TODO: compute the two sums and the two products of lengths, in float64.
    x, y, there, back = (value.detach().cpu().double() for value in (x, y, there, back))
    distance = ((there * y).sum() - (x * back).sum()).abs().item()
    length = max((there.norm() * y.norm()).item(), (x.norm() * back.norm()).item())
    return distance / length if length else 0.0
    # END SOLUTION


# ---- Bias and weights ------------------------------------------------------------------------------------------------


def conv2d_bias_gradient(grad_output: Float[Tensor, "batch out out_height out_width"]) -> Float[Tensor, "out"]:
    """The gradient of conv2d's bias.

    >>> conv2d_bias_gradient(torch.tensor([[[[1.0, 2.0]], [[30.0, 40.0]]]]))
    tensor([ 3., 70.])
    """
    # BEGIN SOLUTION
    # TODO: to which results was one bias added?
    return grad_output.sum(dim=(0, 2, 3))
    # END SOLUTION


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
    # BEGIN SOLUTION
    # TODO: take the windows that conv2d took.
    kh, kw = weight_size[2:]
    ph, pw = pair(padding)
    windows = windows2d(pad2d(x, pw, pw, ph, ph), (kh, kw), stride, dilation)
    # TODO: for each weight, multiply what it met by what came back, and sum. It can be one matrix product per group.
    columns = windows.permute(1, 4, 5, 0, 2, 3).flatten(3)  # (channel, kh, kw, place): a place has batch, row, column
    columns = columns.unflatten(0, (groups, -1)).flatten(1, 3)  # (group, weight of one output channel, place)
    above = grad_output.transpose(0, 1).flatten(1).unflatten(0, (groups, -1))  # (group, output channel, place)
    return (above @ columns.transpose(1, 2)).reshape(tuple(weight_size))
    # END SOLUTION


# ---- The input, rung by rung -----------------------------------------------------------------------------------------


def conv2d_input_gradient_minimal(
    weight: Float[Tensor, "out channel kh kw"], grad_output: Float[Tensor, "batch out out_height out_width"]
) -> Float[Tensor, "batch channel height width"]:
    """The gradient of the input of `conv2d_minimal`: stride 1, no padding, one group.

    If an entry of grad_output is infinite, that shows only where its window lay.

    >>> conv2d_input_gradient_minimal(torch.tensor([[[[1.0, 2.0]]]]), torch.tensor([[[[1.0, 0.0]]]]))
    tensor([[[[1., 2., 0.]]]])
    """
    # BEGIN SOLUTION
    # TODO: make room around grad_output, so that a window ends at its first entry and another begins at its last.
    kh, kw = weight.shape[2:]
    above = pad2d(grad_output, kw - 1, kw - 1, kh - 1, kh - 1)
    # TODO: convolve with the weights, as they look from the other side.
    return conv2d_minimal(above, weight.flip(2, 3).transpose(0, 1))
    # END SOLUTION


def dilate2d(
    x: Float[Tensor, "batch channel height width"], stride: IntOrPair
) -> Float[Tensor, "batch channel dilated_height dilated_width"]:
    """Spreads the entries of x: `stride` - 1 zeros between neighbours, and none outside. x has at least one entry.

    A pair is (between rows, between columns). The zeros are zeros beside an infinite entry too.

    >>> dilate2d(torch.tensor([[[[1.0, 2.0], [3.0, 4.0]]]]), (1, 3))
    tensor([[[[1., 0., 0., 2.],
              [3., 0., 0., 4.]]]])
    """
    # BEGIN SOLUTION
    # TODO: make zeros of the new size, and write x into every stride-th of them.
    sh, sw = pair(stride)
    batch, channel, height, width = x.shape
    spread = x.new_zeros(batch, channel, (height - 1) * sh + 1, (width - 1) * sw + 1)
    spread[:, :, ::sh, ::sw] = x
    return spread
    # END SOLUTION


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
    # BEGIN SOLUTION
    (sh, sw), (ph, pw), (oh, ow), (dh, dw) = map(pair, (stride, padding, output_padding, dilation))
    batch, channel, height, width = x.shape
    kh, kw = weight.shape[2:]
    # TODO: refuse what doesn't fit.
    if channel != weight.shape[0] or channel % groups != 0:
        raise ValueError(f"x has {channel} channels, the weight {weight.shape[0]}, and there are {groups} groups")
    for extra, step, spread in ((oh, sh, dh), (ow, sw, dw)):
        if not 0 <= extra < max(step, spread):
            raise ValueError(f"output_padding {extra} doesn't fit stride {step} and dilation {spread}")
    # TODO: make every stamp.
    kernels, inputs = weight.unflatten(0, (groups, -1)), x.unflatten(1, (groups, -1))
    stamps = torch.einsum("gcohw,bgcyx->bgohwyx", kernels, inputs).flatten(1, 2)  # (batch, out, kh, kw, height, width)
    # TODO: add them up on a canvas, before anything is taken off.
    canvas_size = (height - 1) * sh + dh * (kh - 1) + oh + 1, (width - 1) * sw + dw * (kw - 1) + ow + 1
    canvas = x.new_zeros(batch, stamps.shape[1], *canvas_size)
    windows = windows2d(canvas, (kh, kw), stride, dilation)[:, :, :height, :width]  # a view: writing to it writes there
    for i in range(kh):
        for j in range(kw):
            windows[..., i, j] += stamps[:, :, i, j]
    # TODO: take off the padding, and add the bias.
    out = canvas[:, :, ph : canvas_size[0] - ph, pw : canvas_size[1] - pw]
    return out if bias is None else out + bias[:, None, None]
    # END SOLUTION


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
    # BEGIN SOLUTION
    # TODO: what conv_transpose2d makes without output_padding is the smallest input. How much larger was this one?
    steps, paddings, dilations = pair(stride), pair(padding), pair(dilation)
    rest = []
    for axis in (0, 1):
        reach = (grad_output.shape[2 + axis] - 1) * steps[axis] + dilations[axis] * (weight.shape[2 + axis] - 1) + 1
        rest.append(input_size[2 + axis] + 2 * paddings[axis] - reach)
        if not 0 <= rest[axis] < steps[axis]:
            raise ValueError(f"no input of size {tuple(input_size)} gives a result of size {tuple(grad_output.shape)}")
    gradient = conv_transpose2d(grad_output, weight, None, stride, padding, tuple(rest), groups, dilation)
    if gradient.shape != tuple(input_size):
        raise ValueError(f"the gradient has size {tuple(gradient.shape)}, the input {tuple(input_size)}")
    return gradient
    # END SOLUTION


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
        # BEGIN SOLUTION
        # TODO: keep the tensors and the options that backward will need, and call conv2d.
        ctx.save_for_backward(x, weight)
        ctx.options = stride, padding, dilation, groups
        return conv2d(x, weight, bias, stride, padding, dilation, groups)
        # END SOLUTION

    @staticmethod
    def backward(ctx, grad_output: Float[Tensor, "batch out out_height out_width"]) -> tuple[Tensor | None, ...]:
        """A gradient for each of forward's seven arguments after ctx: None for an option, and where none is needed."""
        # BEGIN SOLUTION
        x, weight = ctx.saved_tensors
        grad_x = grad_weight = grad_bias = None
        # TODO: compute the gradients that ctx.needs_input_grad asks for. It has no entry for what was left out.
        x_needed, weight_needed, *others = ctx.needs_input_grad
        if x_needed:
            grad_x = conv2d_input_gradient(x.shape, weight, grad_output, *ctx.options)
        if weight_needed:
            grad_weight = conv2d_weight_gradient(x, weight.shape, grad_output, *ctx.options)
        if any(others):  # of the others, only the bias can need one
            grad_bias = conv2d_bias_gradient(grad_output)
        return grad_x, grad_weight, grad_bias, None, None, None, None
        # END SOLUTION


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
