"""Moving axes by name: short drills with rearrange, reduce, repeat and einsum, then a rearrange of one's own.

Pictures are `height width channel`. Tiles, patches and windows are counted as one reads: row by row. What only moves
numbers takes any dtype and changes no number. Gradients flow through all of it.
"""

import itertools
import math
import os
import re
from collections.abc import Sequence
from pathlib import Path

import torch
from einops import einsum, rearrange, reduce, repeat
from jaxtyping import Float, Shaped
from torch import Tensor

# ---- rearrange, reduce, repeat ---------------------------------------------------------------------------------------


def montage(images: Shaped[Tensor, "rows*columns h w c"], rows: int) -> Shaped[Tensor, "rows*h columns*w c"]:
    """Puts equally large pictures on one sheet, row by row, in `rows` rows. `rows` divides the number of pictures.

    >>> montage(torch.arange(6).view(6, 1, 1, 1), rows=2)[..., 0].tolist()
    [[0, 1, 2], [3, 4, 5]]
    """
    raise NotImplementedError("montage")


def grayscale(image: Float[Tensor, "height width 3"]) -> Float[Tensor, "height width 3"]:
    """The same picture without colour: each pixel's three channels all hold their mean.

    >>> grayscale(torch.tensor([[[0.0, 0.5, 1.0]]])).tolist()
    [[[0.5, 0.5, 0.5]]]
    """
    raise NotImplementedError("grayscale")


def to_patches(image: Shaped[Tensor, "height width c"], size: int) -> Shaped[Tensor, "patch size size c"]:
    """Cuts the picture into squares. Raises ValueError if `size` doesn't divide both height and width.

    >>> to_patches(torch.arange(4).view(2, 2, 1), 1).flatten().tolist()
    [0, 1, 2, 3]
    """
    raise NotImplementedError("to_patches")


def from_patches(patches: Shaped[Tensor, "patch size size c"], height: int, width: int) -> Shaped[Tensor, "h w c"]:
    """Puts back together what `to_patches` cut. ValueError if these patches don't fill height × width exactly."""
    raise NotImplementedError("from_patches")


def pool(image: Float[Tensor, "h w c"], size: int, kind: str) -> Float[Tensor, "h/size w/size c"]:
    """One pixel for each size × size square: the "mean" or the "max" (that is `kind`) of each channel.

    `size` divides height and width.
    """
    raise NotImplementedError("pool")


def channel_shuffle(x: Shaped[Tensor, "batch c h w"], groups: int) -> Shaped[Tensor, "batch c h w"]:
    """The channels of `groups` equal groups, dealt out: the first of each group, then the second of each, and so on.

    Zhang et al. 2018, figure 1.

    >>> channel_shuffle(torch.arange(6).view(1, 6, 1, 1), groups=2).flatten().tolist()
    [0, 3, 1, 4, 2, 5]
    """
    raise NotImplementedError("channel_shuffle")


def space_to_depth(image: Shaped[Tensor, "h w c"], size: int) -> Shaped[Tensor, "h/size w/size size*size*c"]:
    """Each size × size square becomes one pixel, whose channels are the square's pixels as one reads them, each with
    its c channels side by side. `size` divides height and width.

    >>> space_to_depth(torch.arange(8).view(2, 2, 2), 2).tolist()
    [[[0, 1, 2, 3, 4, 5, 6, 7]]]
    """
    raise NotImplementedError("space_to_depth")


def depth_to_space(x: Shaped[Tensor, "rows columns size*size*c"], size: int) -> Shaped[Tensor, "h w c"]:
    """Undoes `space_to_depth`."""
    raise NotImplementedError("depth_to_space")


def turn_tiles(image: Shaped[Tensor, "height width c"], size: int) -> Shaped[Tensor, "height width c"]:
    """Every size × size tile is turned by half a turn where it stands. `size` divides height and width.

    >>> turn_tiles(torch.arange(8).view(2, 4, 1), 2)[..., 0].tolist()
    [[5, 4, 7, 6], [1, 0, 3, 2]]
    """
    raise NotImplementedError("turn_tiles")


def reverse_tiles(image: Shaped[Tensor, "height width c"], size: int) -> Shaped[Tensor, "height width c"]:
    """The tiles change places, last row first and last column first, but each stays upright.

    >>> reverse_tiles(torch.arange(8).view(2, 4, 1), 2)[..., 0].tolist()
    [[2, 3, 0, 1], [6, 7, 4, 5]]
    """
    raise NotImplementedError("reverse_tiles")


def split_heads(x: Shaped[Tensor, "batch time channel"], heads: int) -> Shaped[Tensor, "batch heads time d"]:
    """Each head gets `d` neighbouring channels of every token. ValueError if `heads` doesn't divide the channels.

    >>> split_heads(torch.tensor([[[1, 2, 3, 4]]]), heads=2).tolist()
    [[[[1, 2]], [[3, 4]]]]
    """
    raise NotImplementedError("split_heads")


def merge_heads(x: Shaped[Tensor, "batch heads time d"]) -> Shaped[Tensor, "batch time heads*d"]:
    """Undoes `split_heads`."""
    raise NotImplementedError("merge_heads")


def messy_windows(x: Tensor, size: int, heads: int) -> Tensor:
    """What a vision transformer with windows does before it attends, as it is found in the wild. (Given.)"""
    b, h, w, c = x.shape
    x = x.permute(0, 3, 1, 2).contiguous().view(b * c, h // size, size, w)
    x = x.view(b * c, h // size, size, w // size, size).transpose(2, 3).contiguous()
    x = x.view(b, heads, c // heads, -1, size * size)
    return x.permute(0, 3, 1, 4, 2).reshape(-1, heads, size * size, c // heads)


def tidy_windows(x: Shaped[Tensor, "b h w c"], size: int, heads: int) -> Shaped[Tensor, "window heads pixel d"]:
    """Returns what `messy_windows` does, and in one readable step. Unlike it, this works for a batch of 0 too.

    `size` divides height and width, and `heads` divides c.
    """
    raise NotImplementedError("tidy_windows")


# ---- einsum ----------------------------------------------------------------------------------------------------------


def einsum_trace(x: Float[Tensor, "batch n n"]) -> Float[Tensor, "batch"]:
    """The sum of each matrix's diagonal. torch.einsum allows what this takes; einops.einsum doesn't.

    >>> einsum_trace(torch.tensor([[[1.0, 2.0], [3.0, 4.0]]])).tolist()
    [5.0]
    """
    raise NotImplementedError("einsum_trace")


def einsum_outer(a: Float[Tensor, "batch m"], b: Float[Tensor, "batch n"]) -> Float[Tensor, "batch m n"]:
    """For each batch, all the products of a number of `a` and a number of `b`.

    >>> einsum_outer(torch.tensor([[1.0, 2.0]]), torch.tensor([[3.0, 4.0, 5.0]])).tolist()
    [[[3.0, 4.0, 5.0], [6.0, 8.0, 10.0]]]
    """
    raise NotImplementedError("einsum_outer")


def einsum_last_two(x: Float[Tensor, "*leading m n"]) -> Float[Tensor, "*leading"]:
    """The sum over the last two axes, whatever comes before them (maybe nothing)."""
    raise NotImplementedError("einsum_last_two")


def einsum_bilinear(
    x: Float[Tensor, "batch m"], weight: Float[Tensor, "out m n"], y: Float[Tensor, "batch n"]
) -> Float[Tensor, "batch out"]:
    """x · W · y for each batch and each of the `out` matrices in `weight`."""
    raise NotImplementedError("einsum_bilinear")


def einsum_product_diagonal(a: Float[Tensor, "n k"], b: Float[Tensor, "k n"]) -> Float[Tensor, "n"]:
    """The diagonal of the matrix product a @ b, without ever making a tensor of n × n numbers.

    >>> einsum_product_diagonal(torch.tensor([[1.0, 2.0], [3.0, 4.0]]), torch.tensor([[5.0, 6.0], [7.0, 8.0]])).tolist()
    [19.0, 50.0]
    """
    raise NotImplementedError("einsum_product_diagonal")


def einsum_sum_matvecs(matrices: Float[Tensor, "p m n"], vectors: Float[Tensor, "p n"]) -> Float[Tensor, "m"]:
    """The sum of p products, each of a matrix and its own vector."""
    raise NotImplementedError("einsum_sum_matvecs")


def einsum_attention(
    query: Float[Tensor, "batch query head d"],
    key: Float[Tensor, "batch key head d"],
    value: Float[Tensor, "batch key head d_value"],
) -> Float[Tensor, "batch query head d_value"]:
    """Computes attention, for each head on its own. Every query gets a mixture of the values, with weights
    softmax(query · key / sqrt(d)) that sum to 1 over the keys. Scores may be in the thousands. Vaswani et al. 2017,
    section 3.2.1.
    """
    # TODO: make a table of scores for each batch and head, take the softmax, and mix the values.
    raise NotImplementedError("einsum_attention")


# ---- A rearrange of one's own ----------------------------------------------------------------------------------------

Groups = list[list[str]]  # for every axis of a tensor, the names that it is made of; empty for an axis of size 1


def parse_pattern(pattern: str) -> tuple[Groups, Groups]:
    """The groups of names on both sides of a pattern.

    Names and parentheses may have any number of blanks between them. `()` and `1` are both an axis of size 1; inside
    parentheses a 1 adds nothing. ValueError, unless there is exactly one `->`, parentheses are closed and not nested,
    all names are what `str.isidentifier` says (`_a` and `for` are, `...` and `a²` are not), and every name stands once
    on each side. The message contains the name that is at fault, `...` included; to quote the pattern isn't enough.

    >>> parse_pattern("b (h w) 1 -> h(b w)")
    ([['b'], ['h', 'w'], []], [['h'], ['b', 'w']])
    """
    # TODO: find each side's groups.
    # TODO: check that every name is a name, and stands once on each side.
    raise NotImplementedError("parse_pattern")


def solve_sizes(groups: Groups, shape: Sequence[int], sizes: dict[str, int]) -> dict[str, int]:
    """The size of every name on the left of a pattern, given the tensor's shape and some sizes (positive).

    The arguments stay as they are.
    ValueError if the number of axes is wrong, if the axis of an empty group isn't 1, or, with the name in the message:
    a given name is in no group; a group has two names without a size (either will do); the given sizes of a group
    don't divide its axis, or, with none left to find, don't make it up (any name of the group will do).

    >>> solve_sizes([["b"], ["h", "w"]], (2, 12), {"h": 3})
    {'h': 3, 'b': 2, 'w': 4}
    """
    # TODO: check for names that are in no group, and check the number of axes.
    # TODO: go through the groups, each with the size of its axis.
    raise NotImplementedError("solve_sizes")


def my_rearrange(x: Tensor, pattern: str, **sizes: int) -> Tensor:
    """This is einops.rearrange, without einops, for patterns without `...`.
    It raises the errors of `parse_pattern` and `solve_sizes`.

    >>> my_rearrange(torch.arange(6), "(h w) -> w h", h=2).tolist()
    [[0, 3], [1, 4], [2, 5]]
    """
    # TODO: split every axis, put the names into their new order, and merge.
    raise NotImplementedError("my_rearrange")


if __name__ == "__main__":
    from PIL import Image

    from shared.data.arrays import photograph

    cat = photograph("cat")[:300, :450].float() / 255
    mosaic = repeat(pool(cat, 15, "mean"), "h w c -> (h a) (w b) c", a=15, b=15)
    patches = to_patches(cat, 75)
    shuffled = from_patches(patches[torch.randperm(len(patches))], 300, 450)
    sheet = montage(
        torch.stack([cat, grayscale(cat), mosaic, turn_tiles(cat, 75), reverse_tiles(cat, 75), shuffled]), 2
    )
    file = Path(os.environ.get("TMP", "."), "einops_drills.png")
    Image.fromarray((sheet * 255).byte().numpy()).save(file)
    print("look at", file)
