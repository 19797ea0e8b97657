"""A tensor from an empty file: a flat list of numbers, and a shape, strides and an offset that say how to read it.

Nothing here is fast, and everything is what torch does: a view where torch makes a view, a copy where it must copy.
"""

from dataclasses import dataclass
from itertools import product
from math import prod

# ---- From an index to a place in memory ------------------------------------------------------------------------------


def contiguous_strides(shape: tuple[int, ...]) -> tuple[int, ...]:
    """How many places one step along each dim skips, if the elements lie in order and the last dim runs fastest.

    This is `torch.empty(shape).stride()`. If a size is 0, there is nothing to step to, and any strides will do.

    >>> contiguous_strides((2, 3, 4))
    (12, 4, 1)
    """
    # TODO: a step along a dim skips all that its later dims hold.
    raise NotImplementedError("contiguous_strides")


def checked_dim(dim: int, ndim: int) -> int:
    """Returns `dim` counted from the front, even if it was counted from the end. IndexError if there is no such dim."""
    if not -ndim <= dim < ndim:
        raise IndexError(f"there is no dim {dim}, only {ndim} of them")
    return dim % ndim


@dataclass(eq=False)
class StridedTensor:
    """Numbers in a flat list, read as a tensor: [i, j, …] lies at place offset + i·strides[0] + j·strides[1] + ….

    Many tensors may share one buffer. No method changes a tensor or a buffer: it returns a new StridedTensor, with this
    very buffer (a *view*) unless it says otherwise.

    >>> StridedTensor([0, 1, 2, 3, 4, 5], (2, 3))
    StridedTensor(buffer=[0, 1, 2, 3, 4, 5], shape=(2, 3), strides=(3, 1), offset=0)
    """

    buffer: list
    shape: tuple[int, ...]
    strides: tuple[int, ...] | None = None  # None: contiguous
    offset: int = 0

    def __post_init__(self):
        self.shape = tuple(self.shape)
        self.strides = contiguous_strides(self.shape) if self.strides is None else tuple(self.strides)

    def places(self) -> list[int]:
        """Where in the buffer each element lies, the last index running fastest. A tensor without dims has one element.

        >>> StridedTensor(list("abcdefg"), (2, 3), strides=(1, 2), offset=1).places()
        [1, 3, 5, 2, 4, 6]
        """
        # TODO: run through all indices; each is the offset, plus a number of steps along every dim.
        raise NotImplementedError("StridedTensor.places")

    def tolist(self):
        """The numbers as nested lists, as torch's `tolist` gives them. A tensor without dims gives the number itself.

        >>> StridedTensor(list("abcdefg"), (2, 3), strides=(1, 2), offset=1).tolist()
        [['b', 'd', 'f'], ['c', 'e', 'g']]
        """
        # TODO: if no dims are left, return the number.
        # TODO: otherwise make one list for each step along dim 0; what lies there is a smaller StridedTensor.
        raise NotImplementedError("StridedTensor.tolist")

    # ---- Views -------------------------------------------------------------------------------------------------------

    def __getitem__(self, index) -> "StridedTensor":
        """A view of a part: `x[1]`, `x[1:, -1]`, `x[::-2]`. Each index is an int or a slice, for dim 0, 1, … in turn.

        An int removes its dim, a slice keeps it, and dims without an index stay whole. Slices mean what they mean for
        lists and numpy arrays, with steps of either sign. The result is a StridedTensor even if no dim is left.
        IndexError if an int is out of range (the message has the int and the size) or if there are more indices than
        dims (the message has both numbers); ValueError for step 0.

        >>> StridedTensor(list("abcdef"), (2, 3))[1, ::-1].tolist()
        ['f', 'e', 'd']
        """
        # TODO: for a slice: where does it start, how many steps does it take, and how long is one?
        # TODO: an int only moves the offset.
        # TODO: keep the dims that no index was given for.
        raise NotImplementedError("StridedTensor.__getitem__")

    def permute(self, *dims: int) -> "StridedTensor":
        """A view with the dims in another order: its dim k is dim `dims[k]` of this one. Dims may be negative.

        IndexError if there is no such dim; ValueError unless each dim occurs exactly once.

        >>> StridedTensor([0] * 24, (2, 3, 4)).permute(2, 0, 1).shape
        (4, 2, 3)
        """
        # TODO: put shape and strides in that order.
        raise NotImplementedError("StridedTensor.permute")

    def transpose(self, dim0: int, dim1: int) -> "StridedTensor":
        """A view with these two dims swapped. They may be negative, or the same. IndexError if there is no such dim.

        >>> StridedTensor(list("abcdef"), (2, 3)).transpose(0, 1).tolist()
        [['a', 'd'], ['b', 'e'], ['c', 'f']]
        """
        raise NotImplementedError("StridedTensor.transpose")

    def expand(self, *shape: int) -> "StridedTensor":
        """A view in which dims of size 1 are repeated, as broadcasting does; `shape` may have new dims in front.

        -1 keeps the size of a dim that exists. ValueError where there are fewer sizes than dims, a dim that isn't of
        size 1 would change its size, or a size is negative (-1 for a new dim, too).

        >>> StridedTensor([7, 8], (2, 1)).expand(-1, 3).tolist()
        [[7, 7, 7], [8, 8, 8]]
        """
        # TODO: a new dim is like an old one of size 1. What is the stride of a dim in which a step leads nowhere?
        raise NotImplementedError("StridedTensor.expand")

    # ---- Views and copies --------------------------------------------------------------------------------------------

    def is_contiguous(self) -> bool:
        """Whether the elements lie in the buffer one after the other, in order; at which offset doesn't matter.

        As in torch, a dim of size 1 may have any stride, since nobody steps along it.
        A tensor without elements is always contiguous.
        """
        # TODO: compare the strides with those of a contiguous tensor, where they count.
        raise NotImplementedError("StridedTensor.is_contiguous")

    def reshape(self, *shape: int) -> "StridedTensor":
        """The same elements in the same order (the last index fastest), in another shape.

        It is a view if strides allow it (see `view_strides`), and otherwise a copy: a new buffer of just these
        elements, in order. One size may be -1: it is what the others leave. ValueError if the number of elements would
        change, for a second -1 or another negative size, and for a -1 next to a 0, since it could be anything.

        >>> x = StridedTensor(list("abcdef"), (2, 3)).transpose(0, 1)
        >>> x.reshape(2, -1).tolist(), x.reshape(3, 1, 2).buffer is x.buffer
        ([['a', 'd', 'b'], ['e', 'c', 'f']], True)
        """
        # TODO: what stands for -1, and does the number of elements stay?
        # TODO: return a view if possible.
        # TODO: otherwise return a copy.
        raise NotImplementedError("StridedTensor.reshape")


def shares_memory(a: StridedTensor, b: StridedTensor) -> bool:
    """Whether some element is in both: whether they have the same buffer (not just an equal one),
    and share a place in it.

    >>> x = StridedTensor([0, 0, 0, 0], (4,))
    >>> shares_memory(x[:3], x[2:]), shares_memory(x[::2], x[1::2])
    (True, False)
    """
    raise NotImplementedError("shares_memory")


def view_strides(
    shape: tuple[int, ...], strides: tuple[int, ...], new_shape: tuple[int, ...]
) -> tuple[int, ...] | None:
    """The strides with which the same memory reads as `new_shape`, or None if no strides do, so that one must copy.

    Elements keep their order, the last index running fastest. `new_shape` holds as many as `shape`. The stride of a
    size of 1 is up to you, and so are all of them where there are no elements (but it is never None then).

    >>> view_strides((4, 6), (6, 1), (2, 2, 6)), view_strides((6, 4), (1, 6), (24,))
    ((12, 6, 1), None)
    """
    # TODO: leave out sizes of 1, and join neighbours through which one walks in even steps.
    # TODO: from the last dim to the first, cut the new sizes off the blocks. What if one doesn't come out even?
    raise NotImplementedError("view_strides")


# ---- See it ----------------------------------------------------------------------------------------------------------

LETTER = """
####
#...
###.
#...
#...
#..."""


def picture(title: str, x: StridedTensor, buffer: list) -> list[str]:
    """Lines of one width: what x is, and its first dim drawn downwards; a 1 is dark."""
    facts = [title, f"{x.strides}", f"offset {x.offset}", "a view" if x.buffer is buffer else "a copy", ""]
    rows = ["".join("##" if ink else " ." for ink in row.reshape(-1).tolist()) for row in x]
    lines = facts + rows + [""] * (6 - len(rows))
    return [line.ljust(max(map(len, lines))) for line in lines]


if __name__ == "__main__":
    buffer = [int(mark == "#") for mark in LETTER if mark != "\n"]
    letter = StridedTensor(buffer, (6, 4))
    lying = letter.transpose(0, 1)
    drawings = {
        "(6, 4)": letter,
        "transposed": lying,
        "[::-1]": letter[::-1],
        "[:, ::-1]": letter[:, ::-1],
        "[::2]": letter[::2],
        "expanded": letter.reshape(6, 1, 4).expand(6, 2, 4),
        "reshaped": lying.reshape(24).reshape(4, 6),
    }
    print("One buffer of 24 numbers, seen in seven ways:\n")
    for remark in ("\nThree numbers change, buffer[21:] = [1, 1, 1]:\n", "\nTwo pictures still show an F. Why each?"):
        pictures = [picture(title, x, buffer) for title, x in drawings.items()]
        print(*("   ".join(line).rstrip() for line in zip(*pictures)), sep="\n")
        print(remark)
        buffer[21:] = [1, 1, 1]
