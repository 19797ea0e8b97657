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
    # BEGIN SOLUTION
    return rearrange(images, "(rows columns) h w c -> (rows h) (columns w) c", rows=rows)
    # END SOLUTION


def grayscale(image: Float[Tensor, "height width 3"]) -> Float[Tensor, "height width 3"]:
    """The same picture without colour: each pixel's three channels all hold their mean.

    >>> grayscale(torch.tensor([[[0.0, 0.5, 1.0]]])).tolist()
    [[[0.5, 0.5, 0.5]]]
    """
    # BEGIN SOLUTION
    return repeat(reduce(image, "h w c -> h w", "mean"), "h w -> h w c", c=3)
    # END SOLUTION


def to_patches(image: Shaped[Tensor, "height width c"], size: int) -> Shaped[Tensor, "patch size size c"]:
    """Cuts the picture into squares. Raises ValueError if `size` doesn't divide both height and width.

    >>> to_patches(torch.arange(4).view(2, 2, 1), 1).flatten().tolist()
    [0, 1, 2, 3]
    """
    # BEGIN SOLUTION
    if any(side % size != 0 for side in image.shape[:2]):
        raise ValueError(f"squares of {size} don't fill a picture of {tuple(image.shape)}")
    return rearrange(image, "(rows h) (columns w) c -> (rows columns) h w c", h=size, w=size)
    # END SOLUTION


def from_patches(patches: Shaped[Tensor, "patch size size c"], height: int, width: int) -> Shaped[Tensor, "h w c"]:
    """Puts back together what `to_patches` cut. ValueError if these patches don't fill height × width exactly."""
    # BEGIN SOLUTION
    count, size, _, _ = patches.shape
    rows, columns = height // size, width // size
    if (rows * size, columns * size) != (height, width) or rows * columns != count:
        raise ValueError(f"{count} squares of {size} don't fill {height} × {width}")
    return rearrange(patches, "(rows columns) h w c -> (rows h) (columns w) c", rows=rows)
    # END SOLUTION


def pool(image: Float[Tensor, "h w c"], size: int, kind: str) -> Float[Tensor, "h/size w/size c"]:
    """One pixel for each size × size square: the "mean" or the "max" (that is `kind`) of each channel.

    `size` divides height and width.
    """
    # BEGIN SOLUTION
    return reduce(image, "(rows h) (columns w) c -> rows columns c", kind, h=size, w=size)
    # END SOLUTION


def channel_shuffle(x: Shaped[Tensor, "batch c h w"], groups: int) -> Shaped[Tensor, "batch c h w"]:
    """The channels of `groups` equal groups, dealt out: the first of each group, then the second of each, and so on.

    Zhang et al. 2018, figure 1.

    >>> channel_shuffle(torch.arange(6).view(1, 6, 1, 1), groups=2).flatten().tolist()
    [0, 3, 1, 4, 2, 5]
    """
    # BEGIN SOLUTION
    return rearrange(x, "b (group c) h w -> b (c group) h w", group=groups)
    # END SOLUTION


def space_to_depth(image: Shaped[Tensor, "h w c"], size: int) -> Shaped[Tensor, "h/size w/size size*size*c"]:
    """Each size × size square becomes one pixel, whose channels are the square's pixels as one reads them, each with
    its c channels side by side. `size` divides height and width.

    >>> space_to_depth(torch.arange(8).view(2, 2, 2), 2).tolist()
    [[[0, 1, 2, 3, 4, 5, 6, 7]]]
    """
    # BEGIN SOLUTION
    return rearrange(image, "(rows h) (columns w) c -> rows columns (h w c)", h=size, w=size)
    # END SOLUTION


def depth_to_space(x: Shaped[Tensor, "rows columns size*size*c"], size: int) -> Shaped[Tensor, "h w c"]:
    """Undoes `space_to_depth`."""
    # BEGIN SOLUTION
    return rearrange(x, "rows columns (h w c) -> (rows h) (columns w) c", h=size, w=size)
    # END SOLUTION


def turn_tiles(image: Shaped[Tensor, "height width c"], size: int) -> Shaped[Tensor, "height width c"]:
    """Every size × size tile is turned by half a turn where it stands. `size` divides height and width.

    >>> turn_tiles(torch.arange(8).view(2, 4, 1), 2)[..., 0].tolist()
    [[5, 4, 7, 6], [1, 0, 3, 2]]
    """
    # BEGIN SOLUTION
    tiles = rearrange(image, "(rows h) (columns w) c -> rows h columns w c", h=size, w=size)
    return rearrange(tiles.flip([1, 3]), "rows h columns w c -> (rows h) (columns w) c")
    # END SOLUTION


def reverse_tiles(image: Shaped[Tensor, "height width c"], size: int) -> Shaped[Tensor, "height width c"]:
    """The tiles change places, last row first and last column first, but each stays upright.

    >>> reverse_tiles(torch.arange(8).view(2, 4, 1), 2)[..., 0].tolist()
    [[2, 3, 0, 1], [6, 7, 4, 5]]
    """
    # BEGIN SOLUTION
    tiles = rearrange(image, "(rows h) (columns w) c -> rows h columns w c", h=size, w=size)
    return rearrange(tiles.flip([0, 2]), "rows h columns w c -> (rows h) (columns w) c")
    # END SOLUTION


def split_heads(x: Shaped[Tensor, "batch time channel"], heads: int) -> Shaped[Tensor, "batch heads time d"]:
    """Each head gets `d` neighbouring channels of every token. ValueError if `heads` doesn't divide the channels.

    >>> split_heads(torch.tensor([[[1, 2, 3, 4]]]), heads=2).tolist()
    [[[[1, 2]], [[3, 4]]]]
    """
    # BEGIN SOLUTION
    if x.shape[-1] % heads != 0:
        raise ValueError(f"{heads} heads can't share {x.shape[-1]} channels")
    return rearrange(x, "b t (head d) -> b head t d", head=heads)
    # END SOLUTION


def merge_heads(x: Shaped[Tensor, "batch heads time d"]) -> Shaped[Tensor, "batch time heads*d"]:
    """Undoes `split_heads`."""
    # BEGIN SOLUTION
    return rearrange(x, "b head t d -> b t (head d)")
    # END SOLUTION


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
    # BEGIN SOLUTION
    pattern = "b (rows h) (columns w) (head d) -> (b rows columns) head (h w) d"
    return rearrange(x, pattern, h=size, w=size, head=heads)
    # END SOLUTION


# ---- einsum ----------------------------------------------------------------------------------------------------------


def einsum_trace(x: Float[Tensor, "batch n n"]) -> Float[Tensor, "batch"]:
    """The sum of each matrix's diagonal. torch.einsum allows what this takes; einops.einsum doesn't.

    >>> einsum_trace(torch.tensor([[[1.0, 2.0], [3.0, 4.0]]])).tolist()
    [5.0]
    """
    # BEGIN SOLUTION
    return torch.einsum("bii->b", x)
    # END SOLUTION


def einsum_outer(a: Float[Tensor, "batch m"], b: Float[Tensor, "batch n"]) -> Float[Tensor, "batch m n"]:
    """For each batch, all the products of a number of `a` and a number of `b`.

    >>> einsum_outer(torch.tensor([[1.0, 2.0]]), torch.tensor([[3.0, 4.0, 5.0]])).tolist()
    [[[3.0, 4.0, 5.0], [6.0, 8.0, 10.0]]]
    """
    # BEGIN SOLUTION
    return einsum(a, b, "batch m, batch n -> batch m n")
    # END SOLUTION


def einsum_last_two(x: Float[Tensor, "*leading m n"]) -> Float[Tensor, "*leading"]:
    """The sum over the last two axes, whatever comes before them (maybe nothing)."""
    # BEGIN SOLUTION
    return einsum(x, "... m n -> ...")
    # END SOLUTION


def einsum_bilinear(
    x: Float[Tensor, "batch m"], weight: Float[Tensor, "out m n"], y: Float[Tensor, "batch n"]
) -> Float[Tensor, "batch out"]:
    """x · W · y for each batch and each of the `out` matrices in `weight`."""
    # BEGIN SOLUTION
    return einsum(x, weight, y, "batch m, out m n, batch n -> batch out")
    # END SOLUTION


def einsum_product_diagonal(a: Float[Tensor, "n k"], b: Float[Tensor, "k n"]) -> Float[Tensor, "n"]:
    """The diagonal of the matrix product a @ b, without ever making a tensor of n × n numbers.

    >>> einsum_product_diagonal(torch.tensor([[1.0, 2.0], [3.0, 4.0]]), torch.tensor([[5.0, 6.0], [7.0, 8.0]])).tolist()
    [19.0, 50.0]
    """
    # BEGIN SOLUTION
    return einsum(a, b, "n k, k n -> n")
    # END SOLUTION


def einsum_sum_matvecs(matrices: Float[Tensor, "p m n"], vectors: Float[Tensor, "p n"]) -> Float[Tensor, "m"]:
    """The sum of p products, each of a matrix and its own vector."""
    # BEGIN SOLUTION
    return einsum(matrices, vectors, "p m n, p n -> m")
    # END SOLUTION


def einsum_attention(
    query: Float[Tensor, "batch query head d"],
    key: Float[Tensor, "batch key head d"],
    value: Float[Tensor, "batch key head d_value"],
) -> Float[Tensor, "batch query head d_value"]:
    """Computes attention, for each head on its own. Every query gets a mixture of the values, with weights
    softmax(query · key / sqrt(d)) that sum to 1 over the keys. Scores may be in the thousands. Vaswani et al. 2017,
    section 3.2.1.
    """
    # BEGIN SOLUTION
    # TODO: make a table of scores for each batch and head, take the softmax, and mix the values.
    scores = einsum(query, key, "b q head d, b k head d -> b head q k")
    weights = (scores / math.sqrt(query.shape[-1])).softmax(dim=-1)
    return einsum(weights, value, "b head q k, b k head d -> b q head d")
    # END SOLUTION


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
    # BEGIN SOLUTION
    if pattern.count("->") != 1:
        raise ValueError(f"a pattern has one '->': {pattern!r}")
    # TODO: find each side's groups.
    sides: list[Groups] = []
    for side in pattern.split("->"):
        axes = re.findall(r"\([^()]*\)|[^\s()]+", side)
        if re.search(r"[()]", re.sub(r"\([^()]*\)", "", side)):
            raise ValueError(f"parentheses don't match, or are nested, in {side!r}")
        sides.append([[name for name in axis.strip("()").split() if name != "1"] for axis in axes])
    # TODO: check that every name is a name, and stands once on each side.
    names = [[name for group in side for name in group] for side in sides]
    for name in names[0] + names[1]:
        if not name.isidentifier():
            raise ValueError(f"{name!r} can't be the name of an axis, in {pattern!r}")
        if any(side.count(name) != 1 for side in names):
            raise ValueError(f"the axis {name!r} has to stand once on each side of {pattern!r}")
    return sides[0], sides[1]
    # END SOLUTION


def solve_sizes(groups: Groups, shape: Sequence[int], sizes: dict[str, int]) -> dict[str, int]:
    """The size of every name on the left of a pattern, given the tensor's shape and some sizes (positive).

    The arguments stay as they are.
    ValueError if the number of axes is wrong, if the axis of an empty group isn't 1, or, with the name in the message:
    a given name is in no group; a group has two names without a size (either will do); the given sizes of a group
    don't divide its axis, or, with none left to find, don't make it up (any name of the group will do).

    >>> solve_sizes([["b"], ["h", "w"]], (2, 12), {"h": 3})
    {'h': 3, 'b': 2, 'w': 4}
    """
    # BEGIN SOLUTION
    # TODO: check for names that are in no group, and check the number of axes.
    for name in sizes:
        if not any(name in group for group in groups):
            raise ValueError(f"there is no axis {name!r} in {groups}")
    if len(groups) != len(shape):
        raise ValueError(f"{groups} is about {len(groups)} axes; the tensor has {len(shape)}")
    # TODO: go through the groups, each with the size of its axis.
    solved = dict(sizes)
    for group, size in zip(groups, shape):
        unknown = [name for name in group if name not in sizes]
        known = math.prod(sizes[name] for name in group if name in sizes)
        if len(unknown) > 1:
            raise ValueError(f"the sizes of {unknown} can't be told apart: give all of them but one")
        if size % known != 0 or (not unknown and size != known):
            raise ValueError(f"the sizes given for {group} don't fit an axis of {size}")
        solved |= {name: size // known for name in unknown}
    return solved
    # END SOLUTION


def my_rearrange(x: Tensor, pattern: str, **sizes: int) -> Tensor:
    """This is einops.rearrange, without einops, for patterns without `...`.
    It raises the errors of `parse_pattern` and `solve_sizes`.

    >>> my_rearrange(torch.arange(6), "(h w) -> w h", h=2).tolist()
    [[0, 3], [1, 4], [2, 5]]
    """
    # BEGIN SOLUTION
    left, right = parse_pattern(pattern)
    solved = solve_sizes(left, x.shape, sizes)
    # TODO: split every axis, put the names into their new order, and merge.
    before, after = (list(itertools.chain(*side)) for side in (left, right))
    x = x.reshape([solved[name] for name in before]).permute([before.index(name) for name in after])
    return x.reshape([math.prod(solved[name] for name in group) for group in right])
    # END SOLUTION


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
