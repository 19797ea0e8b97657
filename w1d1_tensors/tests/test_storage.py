"""Tests of storage.py. The oracles: torch on the same memory, numpy where a stride is negative."""

import random
from itertools import islice, product

import numpy as np
import pytest
import storage
import torch

from shared.checks import close, equal, exercise, fail, raises

# What a buffer holds: no number twice, and none that is a place in it. Each tensor gets a list of its own.
BUFFER = tuple(1000 + 7 * i for i in range(200))

# (shape, strides, offset) of tensors that torch can have, too.
LAYOUTS = {
    "contiguous": ((2, 3, 4), (12, 4, 1), 0),
    "with an offset": ((3, 5), (5, 1), 7),
    "transposed": ((4, 3), (1, 4), 0),
    "permuted, with an offset": ((4, 2, 3), (1, 12, 4), 5),
    "cut out": ((3, 2), (7, 1), 9),
    "every second": ((3, 4), (16, 2), 1),
    "expanded": ((3, 4), (0, 1), 2),
    "expanded inside": ((2, 3, 4), (4, 0, 1), 2),
    "windows": ((4, 3), (1, 1), 3),
    "sizes of 1": ((1, 3, 1, 2, 1), (99, 2, 50, 1, 7), 4),
    "one dim": ((5,), (3,), 2),
    "one element": ((1, 1), (8, 8), 6),
    "no dims": ((), (), 11),
    "no elements": ((2, 0, 3), (3, 3, 1), 0),
    "no rows": ((0, 3), (3, 1), 4),
}
# Those that only numpy has.
BACKWARDS = {
    "reversed": ((6,), (-1,), 5),
    "rows reversed": ((3, 4), (-4, 1), 9),
    "all reversed, every second": ((3, 2), (-8, -2), 30),
}
every_layout = pytest.mark.parametrize("layout", [*LAYOUTS, *BACKWARDS])


def tensor(layout):
    return storage.StridedTensor(list(BUFFER), *(LAYOUTS | BACKWARDS)[layout])


def in_torch(x):
    return torch.tensor(BUFFER).as_strided(x.shape, x.strides, x.offset)


def in_numpy(shape, strides, offset, buffer=BUFFER):
    memory = np.array(buffer)
    return np.lib.stride_tricks.as_strided(memory[offset:], shape, [memory.itemsize * stride for stride in strides])


def new(*shape):
    """A contiguous tensor over a buffer of just its size, and the same for torch."""
    expected = torch.tensor(BUFFER[: torch.Size(shape).numel()]).view(shape)
    return storage.StridedTensor(expected.flatten().tolist(), shape, expected.stride()), expected


def whole(number):
    """An integer, be it Python's or numpy's."""
    return isinstance(number, int | np.integer)


def read(x):
    """What x says, read slowly and without its methods: a torch tensor."""
    shape, strides, offset, size = x.shape, x.strides, x.offset, len(x.buffer)
    if not (isinstance(shape, tuple) and isinstance(strides, tuple) and len(shape) == len(strides)):
        fail(f"shape {shape} and strides {strides} should be tuples of the same length")
    if not all(map(whole, (*shape, *strides, offset))):
        fail("sizes, strides and offset should be integers", f"shape {shape}, strides {strides}, offset {offset}")
    if min(shape, default=0) < 0:
        fail(f"the shape {shape} has a negative size")
    places = [offset + sum(i * s for i, s in zip(index, strides)) for index in product(*map(range, shape))]
    outside = [place for place in places if not 0 <= place < size]
    if outside:
        fail(f"it reads place {outside[0]} of a buffer of {size}", f"shape {shape}, strides {strides}, offset {offset}")
    return torch.tensor([x.buffer[place] for place in places], dtype=torch.int64).reshape(shape)


def same(got, expected, name=None):
    """got is a StridedTensor that says what the tensor or array `expected` says."""
    if not isinstance(got, storage.StridedTensor):
        fail(f"a StridedTensor was expected, {type(got).__name__} given")
    close(read(got), torch.tensor(expected.tolist(), dtype=torch.int64).reshape(expected.shape), name=name)


def view(call, x, expected, name=None):
    """call(x) says the same as `expected`, out of the buffer of x, and leaves x as it was."""
    got = unchanged_by(x, lambda: call(x))
    same(got, expected, name)
    if got.buffer is not x.buffer:
        fail("this is a copy: a view has the very same buffer")
    if got is x:
        fail("this is the tensor itself; a new StridedTensor was expected")


def unchanged_by(x, call):
    """The result of the call, after a look whether x was changed by it."""
    before = (x.shape, x.strides, x.offset, x.buffer, list(x.buffer))
    got = call()
    facts = zip(("shape", "strides", "offset"), (x.shape, x.strides, x.offset), before)
    changed = [f"its {fact} {was} became {now}" for fact, now, was in facts if now != was]
    if x.buffer is not before[3] or list(x.buffer) != before[4]:
        changed.append("its buffer is another one, or holds other numbers")
    if changed:
        fail("the tensor itself was changed; it must stay as it is", *changed)
    return got


# ---- From an index to a place in memory ------------------------------------------------------------------------------


@exercise("contiguous_strides")
@pytest.mark.parametrize("shape", [(), (5,), (2, 3), (3, 2), (2, 3, 4), (5, 1, 3, 2), (1, 1), (4, 1), (7, 2, 3, 5)])
def test_strides_are_those_of_a_new_tensor(shape):
    close(storage.contiguous_strides(shape), torch.empty(shape).stride())


@exercise("contiguous_strides")
@pytest.mark.parametrize("shape", [(2, 0, 3), (0,), (4, 0)])
def test_strides_without_elements_are_integers_too(shape):
    got = storage.contiguous_strides(shape)
    close([whole(stride) for stride in got], [True] * len(shape), name="which strides are integers")


@exercise("StridedTensor.places")
@every_layout
def test_places(layout):
    shape, strides, offset = (LAYOUTS | BACKWARDS)[layout]
    x = storage.StridedTensor(list(BUFFER), shape, strides, offset)
    expected = in_numpy(shape, strides, offset, buffer=range(200)).flatten().tolist()
    got = unchanged_by(x, x.places)
    close(list(got), expected)


@exercise("StridedTensor.places")
def test_places_are_a_list():
    x = storage.StridedTensor(["a", "b", "c"], (2,), (2,), 0)
    equal(x.places(), [0, 2])
    equal(x.places(), [0, 2], name="the second time")


@exercise("StridedTensor.tolist")
@every_layout
def test_lists_like_numpys(layout):
    x = tensor(layout)
    got = unchanged_by(x, x.tolist)
    equal(got, in_numpy(x.shape, x.strides, x.offset).tolist())


@exercise("StridedTensor.tolist")
@pytest.mark.parametrize("shape", [(), (1,), (1, 1), (2, 0), (0, 2), (2, 3, 0, 4), (3, 1, 2)])
def test_nested_as_deep_as_torchs(shape):
    x, expected = new(*shape)
    equal(x.tolist(), expected.tolist())


@exercise("StridedTensor.tolist")
def test_lists_hold_what_the_buffer_holds():
    x = storage.StridedTensor([0.5, "two", None, True], (2, 2), (1, 2), 0)
    equal(str(x.tolist()), "[[0.5, None], ['two', True]]")


# ---- Views -----------------------------------------------------------------------------------------------------------

INDICES = [
    0,
    2,
    -1,
    -3,
    (1, 2),
    (-1, -4),
    (0, -1),
    (2, 3, 1),
    (-1, 0, -2),
    slice(None),
    slice(1, None),
    slice(None, -1),
    slice(1, 2),
    slice(None, None, 2),
    slice(1, None, 2),
    (slice(None), 1),
    (slice(None), slice(1, 3)),
    (slice(None), slice(None, None, 3)),
    (slice(1, None), -1, slice(None)),
    (1, slice(None), 0),
    (slice(0, 3, 2), slice(1, 4, 2), slice(-2, None)),
    (slice(None), slice(None), -1),
    slice(2, 1),
    slice(5, None),
    (slice(None), slice(3, 3)),
    slice(-9, 9),
    (slice(None), slice(-9, 3)),
    (),
]
NEGATIVE_STEPS = [
    slice(None, None, -1),
    slice(None, None, -2),
    (slice(None), slice(None, None, -2)),
    (slice(None), slice(None, None, -3), slice(None, None, -1)),
    (slice(None), slice(2, None, -1)),
    (slice(None), slice(-1, 0, -2)),
    (1, slice(3, 0, -1), slice(None, None, -1)),
    slice(9, None, -1),
    slice(0, 2, -1),
    slice(-2, -9, -1),
    (slice(1, None, -1), 2),
]


@exercise("StridedTensor.__getitem__")
@pytest.mark.parametrize("index", INDICES, ids=str)
def test_indices_like_torchs(index):
    x, expected = new(3, 4, 2)
    view(lambda x: x[index], x, expected[index])


@exercise("StridedTensor.__getitem__")
@pytest.mark.parametrize("index", NEGATIVE_STEPS, ids=str)
def test_steps_backwards_like_numpys(index):
    x, expected = new(3, 4, 2)
    view(lambda x: x[index], x, expected.numpy()[index])


@exercise("StridedTensor.__getitem__")
@pytest.mark.parametrize("layout", ["permuted, with an offset", "expanded inside", "rows reversed", "windows"])
@pytest.mark.parametrize(
    "index", [1, -1, (slice(1, None), 0), (slice(None, None, -1), slice(1, None)), slice(None, None, 2)], ids=str
)
def test_views_of_views(layout, index):
    x = tensor(layout)
    view(lambda x: x[index], x, in_numpy(x.shape, x.strides, x.offset)[index])


@exercise("StridedTensor.__getitem__")
def test_all_slices_of_five_numbers():
    x, expected = new(5)
    bounds = (None, -7, -5, -2, 0, 1, 4, 5, 8)
    for start, stop, step in product(bounds, bounds, (None, 1, 2, 5, -1, -2, -5)):
        index = slice(start, stop, step)
        same(x[index], expected.numpy()[index], name=f"x[{index}]")


@exercise("StridedTensor.__getitem__")
def test_a_tensor_without_dims():
    x = tensor("no dims")
    view(lambda x: x[()], x, in_torch(x))
    raises(IndexError, lambda: x[0], names=(1, 0))


@exercise("StridedTensor.__getitem__")
def test_a_loop_over_a_tensor_gives_its_rows():
    x, expected = new(3, 4)
    equal([row.tolist() for row in islice(x, 9)], expected.tolist())  # it never ends without an IndexError


@exercise("StridedTensor.__getitem__")
def test_slices_of_no_elements():
    x, expected = new(2, 0, 3)
    view(lambda x: x[1], x, expected[1])
    view(lambda x: x[:, ::-1, 1], x, expected.numpy()[:, ::-1, 1])
    raises(IndexError, lambda: x[0, 0], names=0)


@exercise("StridedTensor.__getitem__")
@pytest.mark.parametrize(
    "index, number_and_size", [(3, (3, 3)), (-4, (-4, 3)), ((0, 14), (14, 4)), ((slice(2), 1, -3), (-3, 2))]
)
def test_an_index_out_of_range_says_so(index, number_and_size):
    x, _ = new(3, 4, 2)
    raises(IndexError, lambda: x[index], names=number_and_size)


@exercise("StridedTensor.__getitem__")
def test_too_many_indices_say_so():
    x, _ = new(3, 4)
    for index in ((0, 0, 0), (slice(None), slice(None), slice(None)), (1, slice(None), 0)):
        raises(IndexError, lambda index=index: x[index], names=(3, 2))


@exercise("StridedTensor.__getitem__")
def test_no_step_of_zero():
    x, _ = new(3, 4)
    raises(ValueError, lambda: x[::0])
    raises(ValueError, lambda: x[1, 1:3:0])


@exercise("StridedTensor.permute")
@pytest.mark.parametrize(
    "shape, dims",
    [
        ((2, 3, 4), (2, 0, 1)),
        ((2, 3, 4), (1, 2, 0)),
        ((2, 3, 4), (0, 1, 2)),
        ((2, 3, 4, 5), (3, 0, 2, 1)),
        ((2, 3, 4), (-1, 0, -2)),
        ((2, 3, 4), (-2, -1, -3)),
        ((3, 5), (1, 0)),
        ((4,), (0,)),
        ((), ()),
        ((2, 0, 3), (2, 0, 1)),
    ],
)
def test_permutes_like_torch(shape, dims):
    x, expected = new(*shape)
    view(lambda x: x.permute(*dims), x, expected.permute(dims))


@exercise("StridedTensor.permute")
@pytest.mark.parametrize("layout", ["permuted, with an offset", "expanded inside"])
def test_permutes_views(layout):
    x = tensor(layout)
    view(lambda x: x.permute(1, 2, 0), x, in_torch(x).permute(1, 2, 0))


@exercise("StridedTensor.permute")
@pytest.mark.parametrize(
    "dims, error",
    [
        ((0, 1, 3), IndexError),
        ((0, 1, -4), IndexError),
        ((0, 1, 1), ValueError),
        ((0, 1, -2), ValueError),
        ((0, 1), ValueError),
        ((), ValueError),
        ((0, 1, 2, 2), ValueError),
    ],
)
def test_dims_that_are_no_permutation(dims, error):
    x, _ = new(2, 3, 4)
    raises(error, x.permute, *dims)


@exercise("StridedTensor.transpose")
@pytest.mark.parametrize("dims", [(0, 1), (1, 2), (2, 0), (0, 0), (-1, -2), (0, -1), (-3, 1), (1, -2)])
def test_transposes_like_torch(dims):
    x, expected = new(2, 3, 4)
    view(lambda x: x.transpose(*dims), x, expected.transpose(*dims))


@exercise("StridedTensor.transpose")
@pytest.mark.parametrize("layout", ["cut out", "expanded", "no rows", "every second"])
def test_transposes_views(layout):
    x = tensor(layout)
    view(lambda x: x.transpose(0, 1), x, in_torch(x).transpose(0, 1))


@exercise("StridedTensor.transpose")
def test_transposed_twice_is_as_before():
    x = tensor("permuted, with an offset")
    view(lambda x: x.transpose(0, 2).transpose(0, 2), x, in_torch(x))


@exercise("StridedTensor.transpose")
@pytest.mark.parametrize("dims", [(0, 3), (3, 0), (-4, 1), (1, -4), (5, 5)])
def test_dims_that_are_not_there(dims):
    x, _ = new(2, 3, 4)
    raises(IndexError, x.transpose, *dims)


@exercise("StridedTensor.expand")
@pytest.mark.parametrize(
    "shape, wanted",
    [
        ((3,), (3, 3)),
        ((1,), (4,)),
        ((3, 1), (3, 4)),
        ((1, 3), (4, 3)),
        ((1, 3, 1), (2, 3, 5)),
        ((3,), (4, 3)),
        ((3, 1), (2, 3, 4)),
        ((3, 1), (2, 5, 3, 4)),
        ((3, 1), (-1, 4)),
        ((3, 2), (-1, -1)),
        ((1, 3), (-1, 3)),
        ((3, 1), (2, -1, 4)),
        ((3, 2), (3, 2)),
        ((3, 2), (1, 3, 2)),
        ((1, 1), (1, 1)),
        ((), (3,)),
        ((), (2, 3)),
        ((), ()),
        ((1, 3), (0, 3)),
        ((3,), (0, 3)),
        ((0, 1), (0, 4)),
        ((0, 1), (-1, 4)),
    ],
)
def test_expands_like_torch(shape, wanted):
    x, expected = new(*shape)
    view(lambda x: x.expand(*wanted), x, expected.expand(wanted))


@exercise("StridedTensor.expand")
@pytest.mark.parametrize(
    "layout, wanted",
    [
        ("sizes of 1", (3, 3, 4, 2, 2)),
        ("transposed", (2, 4, 3)),
        ("expanded", (2, 3, 4)),
        ("one element", (3, 2)),
        ("no dims", (2, 3)),
    ],
)
def test_expands_views(layout, wanted):
    x = tensor(layout)
    view(lambda x: x.expand(*wanted), x, in_torch(x).expand(*wanted))


@exercise("StridedTensor.expand")
@pytest.mark.parametrize(
    "shape, wanted",
    [
        ((3, 2), (3, 4)),
        ((3, 2), (6, 2)),
        ((3, 2), (1, 2)),
        ((3, 2), (3, 0)),
        ((3, 1), (4,)),
        ((1, 1), (1,)),
        ((3,), ()),
        ((3,), (-1, 3)),
        ((1,), (-1, 4)),
        ((3, 1), (3, -2)),
        ((3, 1), (-3, 1)),
        ((3,), (-2, 3)),
        ((3, 2), (2, 3)),
        ((0, 2), (1, 2)),
        ((3, 4), (3, 4, 1)),
    ],
)
def test_sizes_that_do_not_fit(shape, wanted):
    x, _ = new(*shape)
    raises(ValueError, x.expand, *wanted)


@exercise("StridedTensor.expand")
def test_what_was_expanded_once_does_not_grow_again():
    x = tensor("expanded")  # (3, 4), the stride of the 3 is 0
    raises(ValueError, x.expand, 5, 4)
    raises(ValueError, x.expand, 2, 6, 4)


# ---- Views and copies ------------------------------------------------------------------------------------------------

CONTIGUOUS = [
    ((2, 3, 4), (12, 4, 1)),
    ((3, 2), (1, 3)),
    ((3, 2), (4, 1)),
    ((3, 2), (4, 2)),
    ((4,), (1,)),
    ((4,), (2,)),
    ((4,), (0,)),
    ((3, 4), (0, 1)),
    ((3, 3), (1, 1)),
    ((), ()),
    ((1,), (5,)),
    ((1, 4), (9, 1)),
    ((4, 1), (1, 7)),
    ((3, 1, 2), (2, 8, 1)),
    ((3, 1, 2), (4, 2, 1)),
    ((1, 3, 1), (0, 1, 0)),
    ((1, 1), (0, 3)),
    ((1, 4), (4, 2)),
    ((0, 3), (1, 7)),
    ((2, 0), (5, 5)),
    ((0,), (4,)),
    ((4, 2, 3), (1, 12, 4)),
]


@exercise("StridedTensor.is_contiguous")
@pytest.mark.parametrize("shape, strides", CONTIGUOUS)
def test_contiguous_as_torch_says(shape, strides):
    x = storage.StridedTensor(list(BUFFER), shape, strides, 0)
    equal(unchanged_by(x, x.is_contiguous), torch.tensor(BUFFER).as_strided(shape, strides).is_contiguous())


@exercise("StridedTensor.is_contiguous")
def test_the_offset_does_not_matter():
    equal(storage.StridedTensor(list(BUFFER), (3, 5), (5, 1), 7).is_contiguous(), True)
    equal(storage.StridedTensor(list(BUFFER), (3, 5), (1, 3), 7).is_contiguous(), False)


@exercise("StridedTensor.is_contiguous")
def test_backwards_is_not_contiguous():
    equal(storage.StridedTensor(list(BUFFER), (6,), (-1,), 5).is_contiguous(), False)
    equal(storage.StridedTensor(list(BUFFER), (3, 4), (-4, 1), 8).is_contiguous(), False)


@exercise("shares_memory")
@pytest.mark.parametrize(
    "a, b",
    [
        (((3,), (1,), 0), ((3,), (1,), 2)),
        (((3,), (1,), 0), ((3,), (1,), 3)),
        (((4,), (2,), 0), ((4,), (2,), 1)),
        (((4,), (2,), 0), ((4,), (3,), 0)),
        (((5,), (3,), 0), ((5,), (4,), 2)),  # 6 lies in the middle of both
        (((2, 2), (5, 1), 0), ((2, 3), (5, 1), 2)),
        (((2, 2), (5, 1), 0), ((2, 2), (5, 1), 6)),
        (((4,), (-1,), 7), ((2,), (1,), 4)),
        (((4,), (-1,), 7), ((4,), (1,), 0)),
        (((), (), 3), ((2, 3), (3, 1), 0)),
        (((), (), 6), ((2, 3), (3, 1), 0)),
        (((3, 4), (0, 1), 2), ((2,), (1,), 4)),
        (((0,), (1,), 1), ((4,), (1,), 0)),
        (((2, 3), (3, 1), 0), ((3, 2), (1, 3), 0)),
        (((2, 3), (3, 1), 6), ((2, 3), (3, 1), 0)),
    ],
)
def test_some_element_is_in_both(a, b):
    memory = list(range(30))
    expected = bool(set(in_numpy(*a, range(30)).flatten()) & set(in_numpy(*b, range(30)).flatten()))
    mine = [storage.StridedTensor(memory, *layout) for layout in (a, b)]
    equal(storage.shares_memory(*mine), expected)
    equal(storage.shares_memory(*reversed(mine)), expected, name="the other way round")


@exercise("shares_memory")
def test_equal_buffers_are_not_the_same():
    a = storage.StridedTensor([5, 5, 5], (3,), (1,))
    equal(storage.shares_memory(a, storage.StridedTensor([5, 5, 5], (3,), (1,))), False, name="another buffer")
    equal(storage.shares_memory(a, a), True, name="with itself")


@exercise("shares_memory")
def test_equal_places_in_two_buffers_are_not_the_same():
    a, b = (storage.StridedTensor(buffer, (3,), (1,)) for buffer in ([5, 6, 7], [8, 9, 10]))
    equal(storage.shares_memory(a, b), False)


@exercise("shares_memory")
def test_equal_numbers_are_not_the_same_place():
    memory = [5] * 6
    halves = [storage.StridedTensor(memory, (3,), (1,), offset) for offset in (0, 3)]
    equal(storage.shares_memory(*halves), False)


# (shape, strides, new shape), and torch says whether a view is possible.
VIEWS = [
    ((4, 6), (6, 1), (24,)),
    ((4, 6), (6, 1), (2, 2, 6)),
    ((4, 6), (6, 1), (8, 3)),
    ((4, 6), (6, 1), (3, 8)),
    ((4, 6), (6, 1), (4, 6)),
    ((4, 6), (6, 1), (1, 4, 1, 6, 1)),
    ((24,), (1,), (2, 3, 4)),
    ((24,), (5,), (2, 3, 4)),
    ((6, 4), (1, 6), (24,)),
    ((6, 4), (1, 6), (6, 4)),
    ((6, 4), (1, 6), (2, 3, 4)),
    ((6, 4), (1, 6), (6, 2, 2)),
    ((6, 4), (1, 6), (3, 2, 2, 2)),
    ((6, 4), (1, 6), (3, 8)),
    ((6, 4), (1, 6), (12, 2)),
    ((6, 4), (1, 6), (4, 6)),
    ((6, 4), (1, 6), (2, 12)),
    ((6, 4), (10, 1), (24,)),
    ((6, 4), (10, 1), (3, 2, 4)),
    ((6, 4), (8, 2), (24,)),
    ((6, 4), (8, 2), (8, 3)),
    ((2, 3, 4), (12, 4, 1), (6, 4)),
    ((2, 3, 4), (12, 4, 1), (2, 12)),
    ((2, 3, 4), (1, 8, 2), (2, 12)),
    ((2, 3, 4), (1, 8, 2), (6, 4)),
    ((2, 3, 4), (20, 4, 1), (2, 12)),
    ((2, 3, 4), (20, 4, 1), (6, 4)),
    ((2, 3, 4), (20, 4, 1), (2, 2, 6)),
    ((2, 3, 4), (4, 8, 1), (6, 4)),
    ((4, 3, 2), (6, 2, 9), (12, 2)),
    ((4, 3, 2), (6, 2, 9), (2, 6, 2)),
    ((4, 3, 2), (6, 2, 9), (4, 6)),
    ((2, 2, 2, 2), (8, 4, 2, 1), (4, 4)),
    ((2, 2, 2, 2), (32, 16, 2, 1), (4, 4)),
    ((2, 2, 2, 2), (32, 16, 2, 1), (2, 4, 2)),
    ((2, 2, 2, 2), (32, 16, 2, 1), (16,)),
    ((3, 4), (0, 1), (12,)),
    ((3, 4), (0, 1), (3, 2, 2)),
    ((3, 4), (1, 0), (12,)),
    ((3, 4), (0, 0), (12,)),
    ((3, 4), (0, 0), (2, 6)),
    ((3, 3), (1, 1), (9,)),
    ((3, 1, 4), (4, 77, 1), (12,)),
    ((3, 1, 4), (4, 77, 1), (2, 6)),
    ((3, 1, 4), (8, 1, 1), (3, 4)),
    ((1, 3, 4), (0, 4, 1), (12,)),
    ((3, 4, 1), (4, 1, 50), (12,)),
    ((3, 4, 1), (4, 1, 50), (4, 3)),
    ((3, 4, 1), (4, 1, 1), (3, 4)),
    ((1, 6, 1), (3, 5, 3), (1, 2, 1, 3, 1)),
    ((6, 1), (1, 1), (1, 6)),
    ((1, 1), (5, 3), ()),
    ((), (), (1, 1)),
    ((), (), ()),
    ((1,), (4,), (1, 1, 1)),
]


def torch_can(shape, strides, wanted):
    """What torch's own `view` gives, or None."""
    try:
        return torch.tensor(BUFFER).as_strided(shape, strides).view(wanted)
    except RuntimeError as error:
        assert "view size is not compatible" in str(error)
        return None


@exercise("view_strides")
@pytest.mark.parametrize("shape, strides, wanted", [case for case in VIEWS if torch_can(*case) is not None])
def test_a_view_where_torch_has_one(shape, strides, wanted):
    got = storage.view_strides(shape, strides, wanted)
    if got is None:
        fail("None was given, but a view is possible", f"shape {shape}, strides {strides}, to {wanted}")
    same(storage.StridedTensor(list(BUFFER), wanted, got, 0), torch_can(shape, strides, wanted))


@exercise("view_strides")
@pytest.mark.parametrize("shape, strides, wanted", [case for case in VIEWS if torch_can(*case) is None])
def test_none_where_torch_must_copy(shape, strides, wanted):
    equal(storage.view_strides(shape, strides, wanted), None)


def ways_to_cut(rng, count):
    """Sizes whose product is count, some of them 1."""
    sizes = []
    while count > 1:
        size = rng.choice([n for n in range(2, count + 1) if count % n == 0])
        sizes.append(size)
        count //= size
    for _ in range(rng.choice([0, 0, 1])):
        sizes.insert(rng.randint(0, len(sizes)), 1)
    return tuple(sizes)


@exercise("view_strides")
def test_random_shapes_and_strides_like_torch():
    rng = random.Random(0)
    for _ in range(200):
        count = rng.choice([4, 8, 12, 16, 24])
        walk, wanted = ways_to_cut(rng, count), ways_to_cut(rng, count)
        fresh = torch.empty(walk).stride()
        # Contiguous, but for an order of dims, or a dim with another stride.
        order = rng.choice([range(len(walk)), rng.sample(range(len(walk)), len(walk))])
        shape, strides = tuple(walk[dim] for dim in order), [fresh[dim] for dim in order]
        if strides and rng.random() < 0.3:
            strides[rng.randrange(len(strides))] = rng.choice([0, 1, 2, 3])
        case = f"shape {shape}, strides {tuple(strides)}, to {wanted}"
        expected = torch_can(shape, strides, wanted)
        got = storage.view_strides(shape, tuple(strides), wanted)
        equal(got is None, expected is None, name=f"whether it is None for {case}")
        if got is not None:
            same(storage.StridedTensor(list(BUFFER), wanted, got, 0), expected, name=case)


@exercise("view_strides")
@pytest.mark.parametrize(
    "shape, strides, offset, wanted",
    [((6,), (-1,), 5, (2, 3)), ((3, 4), (-4, -1), 11, (2, 6)), ((3, 2, 2), (-4, 2, 1), 8, (3, 4))],
)
def test_a_view_of_what_is_reversed(shape, strides, offset, wanted):
    got = storage.view_strides(shape, strides, wanted)
    same(storage.StridedTensor(list(BUFFER), wanted, got, offset), in_numpy(shape, strides, offset).reshape(wanted))


@exercise("view_strides")
def test_no_view_of_rows_that_are_reversed():
    equal(storage.view_strides((3, 4), (-4, 1), (12,)), None)
    equal(storage.view_strides((3, 4), (4, -1), (12,)), None)


@exercise("view_strides")
@pytest.mark.parametrize("shape, wanted", [((2, 0), (0,)), ((0,), (3, 0, 2)), ((0, 3), (0, 3)), ((3, 0, 2), (0, 5))])
def test_no_elements_can_always_be_viewed(shape, wanted):
    got = storage.view_strides(shape, tuple(range(5, 5 + len(shape))), wanted)
    if got is None:
        fail("None was given, but without elements any strides will do", f"shape {shape}, to {wanted}")
    same(storage.StridedTensor(list(BUFFER), wanted, got, 0), torch.empty(wanted, dtype=torch.int64))


@exercise("StridedTensor.reshape")
@pytest.mark.parametrize(
    "layout, wanted",
    [
        ("contiguous", (24,)),
        ("contiguous", (6, 4)),
        ("contiguous", (4, -1, 2)),
        ("contiguous", (-1,)),
        ("contiguous", (2, 3, 4, -1)),
        ("with an offset", (5, 3)),
        ("permuted, with an offset", (4, 6)),
        ("permuted, with an offset", (2, 2, -1)),
        ("one dim", (5, 1)),
        ("sizes of 1", (3, 2)),
        ("sizes of 1", (6,)),
        ("expanded inside", (2, 3, 2, 2)),
        ("one element", ()),
        ("no dims", (1, -1)),
        ("no dims", ()),
        ("no elements", (0,)),
        ("no elements", (3, 0, 7)),
        ("no elements", (2, -1)),
        ("no rows", (-1, 3)),
    ],
)
def test_reshapes_to_a_view(layout, wanted):
    x = tensor(layout)
    view(lambda x: x.reshape(*wanted), x, in_torch(x).view(wanted))


@exercise("StridedTensor.reshape")
@pytest.mark.parametrize(
    "layout, wanted",
    [
        ("transposed", (12,)),
        ("transposed", (3, 4)),
        ("permuted, with an offset", (-1,)),
        ("permuted, with an offset", (8, 3)),
        ("cut out", (6,)),
        ("cut out", (2, -1)),
        ("expanded", (12,)),
        ("expanded inside", (6, 4)),
        ("windows", (-1, 2)),
    ],
)
def test_reshapes_to_a_copy_where_it_must(layout, wanted):
    x = tensor(layout)
    got = unchanged_by(x, lambda: x.reshape(*wanted))
    same(got, in_torch(x).reshape(wanted))
    equal(got.buffer is x.buffer, False, name="the copy has the buffer of the original")
    equal(got.buffer, in_torch(x).flatten().tolist(), name="the copy's buffer")


@exercise("StridedTensor.reshape")
@pytest.mark.parametrize("layout, wanted", [("transposed", (12,)), ("cut out", (6,))])
def test_a_copy_has_a_buffer_of_its_own(layout, wanted):
    x = tensor(layout)
    equal(x.reshape(*wanted).buffer is x.buffer, False, name="the copy has the buffer of the original")


@exercise("StridedTensor.reshape")
def test_reshapes_to_a_view_what_is_reversed():
    x = tensor("reversed")
    view(lambda x: x.reshape(2, -1), x, in_numpy(x.shape, x.strides, x.offset).reshape(2, 3))


@exercise("StridedTensor.reshape")
@pytest.mark.parametrize("layout", ["rows reversed", "all reversed, every second"])
def test_reshapes_to_a_copy_what_is_reversed_in_part(layout):
    x = tensor(layout)
    expected = in_numpy(x.shape, x.strides, x.offset).reshape(2, -1)
    got = unchanged_by(x, lambda: x.reshape(2, -1))
    same(got, expected)
    equal(got.buffer, expected.flatten().tolist(), name="the copy's buffer")


@exercise("StridedTensor.reshape")
@pytest.mark.parametrize(
    "shape, wanted",
    [
        ((2, 3), (7,)),
        ((2, 3), (2, 2)),
        ((2, 3), ()),
        ((2, 3), (0,)),
        ((2, 3), (4, -1)),
        ((2, 3), (-1, -1)),
        ((2, 3), (-1, 6, -1)),
        ((2, 3), (-2, -3)),
        ((2, 3), (-2, -1)),
        ((2, 3), (-6,)),
        ((2, 3), (-1, 0)),
        ((0, 3), (-1, 0)),
        ((0, 3), (3,)),
        ((), (2,)),
        ((1,), (-1, -1)),
    ],
)
def test_shapes_that_do_not_fit(shape, wanted):
    x, _ = new(*shape)
    raises(ValueError, x.reshape, *wanted)
