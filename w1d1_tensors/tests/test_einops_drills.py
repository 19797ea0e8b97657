"""Tests of einops_drills.py. The oracles: slices put together one by one, torch's own operations, and einops itself
where the exercise is to write a part of it."""

import math
import random

import einops
import einops_drills
import pytest
import torch
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode
from torch.utils._pytree import tree_leaves

from shared.checks import close, equal, exercise, fail, raises, same_for_any_layout, same_gradients, strided

# ---- Moving numbers: every oracle puts slices together, one by one ---------------------------------------------------


def sheet(images, rows):
    columns = len(images) // rows
    return torch.cat([torch.cat([images[r * columns + c] for c in range(columns)], dim=1) for r in range(rows)])


def squares(image, size):
    """(row, column, square), as one reads."""
    height, width = image.shape[:2]
    corners = [(i, j) for i in range(0, height, size) for j in range(0, width, size)]
    return [(i, j, image[i : i + size, j : j + size]) for i, j in corners]


def patches(image, size):
    return torch.stack([square for _, _, square in squares(image, size)])


def glued(pieces, height, width):
    columns = width // pieces.shape[1]
    rows = [torch.cat(list(pieces[i : i + columns]), dim=1) for i in range(0, len(pieces), columns)]
    return torch.cat(rows)[:height]


def shuffled(x, groups):
    each = x.shape[1] // groups
    return torch.stack([x[:, group * each + i] for i in range(each) for group in range(groups)], dim=1)


def deep(image, size):
    height, width, _ = image.shape
    pixels = torch.stack([square.flatten() for _, _, square in squares(image, size)])
    return torch.stack(list(pixels.split(width // size))[: height // size])


def shallow(x, size):
    c = x.shape[2] // size**2
    rows = []
    for row in x:
        for i in range(size):
            rows.append(torch.stack([pixel[(i * size + j) * c :][:c] for pixel in row for j in range(size)]))
    return torch.stack(rows)


def turned(image, size):
    whole = image.clone()
    for i, j, square in squares(image, size):
        whole[i : i + size, j : j + size] = square.flip(0, 1)
    return whole


def reversed_tiles(image, size):
    whole, (height, width, _) = image.clone(), image.shape
    for i, j, square in squares(image, size):
        whole[height - i - size : height - i, width - j - size : width - j] = square
    return whole


def heads_of(x, heads):
    return torch.stack(list(x.split(x.shape[2] // heads, dim=2)), dim=1)


def merged(x):
    return torch.cat(list(x.unbind(1)), dim=2)


def windows(x, size, heads):
    found = []
    for image in x:
        for _, _, square in squares(image, size):
            pixels = square.flatten(0, 1)  # (pixel, c)
            found.append(torch.stack(list(pixels.split(x.shape[3] // heads, dim=1))))
    return torch.stack(found)


MOVES = {
    "montage": (sheet, [((6, 4, 5, 3), 2), ((6, 5, 4, 2), 3), ((4, 2, 3, 1), 1), ((4, 2, 3, 1), 4), ((1, 2, 3, 2), 1)]),
    "to_patches": (patches, [((6, 8, 3), 2), ((4, 12, 2), 4), ((9, 3, 1), 3), ((2, 3, 4), 1), ((5, 5, 3), 5)]),
    "from_patches": (glued, [((12, 2, 2, 3), 6, 8), ((3, 4, 4, 2), 4, 12), ((3, 3, 3, 1), 9, 3), ((1, 5, 5, 2), 5, 5)]),
    "channel_shuffle": (shuffled, [((2, 6, 3, 5), 2), ((1, 6, 2, 3), 3), ((3, 4, 1, 2), 4), ((2, 5, 4, 3), 1)]),
    "space_to_depth": (deep, [((6, 8, 3), 2), ((6, 3, 2), 3), ((4, 8, 1), 4), ((2, 3, 5), 1)]),
    "depth_to_space": (shallow, [((3, 4, 12), 2), ((2, 1, 18), 3), ((1, 2, 16), 4), ((2, 3, 5), 1)]),
    "turn_tiles": (turned, [((6, 8, 3), 2), ((6, 9, 2), 3), ((4, 12, 1), 4), ((3, 2, 4), 1), ((5, 5, 2), 5)]),
    "reverse_tiles": (
        reversed_tiles,
        [((6, 8, 3), 2), ((6, 9, 2), 3), ((4, 12, 1), 4), ((3, 2, 4), 1), ((5, 5, 2), 5)],
    ),
    "split_heads": (heads_of, [((2, 5, 12), 3), ((1, 4, 6), 2), ((3, 1, 4), 4), ((3, 7, 5), 1)]),
    "merge_heads": (merged, [((2, 3, 5, 4),), ((1, 2, 4, 3),), ((3, 4, 1, 2),), ((2, 1, 3, 5),)]),
    "tidy_windows": (
        windows,
        [((2, 6, 9, 10), 3, 2), ((1, 4, 8, 6), 2, 3), ((3, 2, 4, 5), 2, 1), ((2, 3, 2, 4), 1, 4)],
    ),
}
every_case = pytest.mark.parametrize(
    "name, case",
    [pytest.param(n, case, marks=exercise(n), id=f"{n}{case}") for n in MOVES for case in MOVES[n][1]],
)
every_move = pytest.mark.parametrize("name", [pytest.param(n, marks=exercise(n), id=n) for n in MOVES])


def numbered(shape, device):
    """Every number is another, all of them integers."""
    return torch.arange(math.prod(shape), device=device).view(shape)


@every_case
def test_every_number_comes_where_it_belongs(name, case, device):
    x = numbered(case[0], device)
    equal(getattr(einops_drills, name)(x, *case[1:]), MOVES[name][0](x, *case[1:]))


@every_move
def test_moves_on_views(name, draw):
    move, (oracle, cases) = getattr(einops_drills, name), MOVES[name]
    for shape, *sizes in cases[:2]:
        x = strided(draw(*shape))
        equal(move(x, *sizes), oracle(x, *sizes), name="of a tensor that isn't contiguous")
        x = draw(*shape).transpose(0, 1).contiguous().transpose(0, 1)
        equal(move(x, *sizes), oracle(x, *sizes), name="of a transposed tensor")
        x = draw(*shape[:-1], 1).expand(shape)
        equal(move(x, *sizes), oracle(x, *sizes), name="of an expanded tensor")


@every_move
def test_moves_keep_the_dtype(name, draw):
    move, (oracle, cases) = getattr(einops_drills, name), MOVES[name]
    shape, *sizes = cases[0]
    for x in (draw(*shape, dtype=torch.float64), draw.ints(0, 256, *shape).to(torch.uint8), draw(*shape) > 0):
        expected = oracle(x, *sizes)
        equal(move(x, *sizes), expected, name=str(x.dtype))


@every_move
def test_moves_keep_every_bit(name, draw):
    move, (oracle, cases) = getattr(einops_drills, name), MOVES[name]
    shape, *sizes = cases[0]
    strange = draw(*shape)
    for place, number in enumerate((torch.inf, -torch.inf, torch.nan)):
        strange.view(-1)[place::7] = number
    for x, what in (
        (2**53 + numbered(shape, draw.device), "whole numbers that no float can hold"),
        (strange, "infinity"),
    ):
        expected = oracle(x, *sizes)
        equal(move(x, *sizes), expected, name=what)


@every_move
def test_moves_send_gradients_back(name, draw):
    oracle, cases = MOVES[name]
    same_gradients(getattr(einops_drills, name), oracle, draw(*cases[0][0]), *cases[0][1:])


@exercise("to_patches")
@pytest.mark.parametrize("height, width, size", [(6, 8, 4), (8, 6, 4), (5, 7, 3), (4, 4, 5)])
def test_squares_must_fill_the_picture(height, width, size, device):
    raises(ValueError, einops_drills.to_patches, numbered((height, width, 2), device), size)


@exercise("from_patches")
@pytest.mark.parametrize(
    "count, size, height, width",
    [
        (6, 2, 4, 5),
        (6, 2, 5, 4),
        (6, 2, 5, 6),
        (5, 2, 4, 6),
        (7, 2, 4, 6),
        (6, 2, 6, 6),
        (12, 2, 4, 6),
        (4, 3, 4, 9),
        (6, 2, 4, 7),
    ],
)
def test_patches_must_fill_the_picture(count, size, height, width, device):
    raises(ValueError, einops_drills.from_patches, numbered((count, size, size, 2), device), height, width)


@exercise("split_heads")
@pytest.mark.parametrize("channels, heads", [(10, 3), (4, 8), (7, 2)])
def test_heads_must_share_evenly(channels, heads, device):
    raises(ValueError, einops_drills.split_heads, numbered((2, 6, channels), device), heads)


@exercise("tidy_windows")
def test_tidy_windows_are_the_messy_ones(draw):
    for x in (draw(2, 6, 9, 8), strided(draw(2, 6, 9, 8)), draw(2, 1, 9, 8).expand(2, 6, 9, 8)):
        close(einops_drills.tidy_windows(x, 3, 4), einops_drills.messy_windows(x, 3, 4))


@exercise("tidy_windows")
def test_a_batch_of_none_has_no_windows(draw):
    equal(einops_drills.tidy_windows(draw(0, 6, 9, 8), 3, 2), draw(0, 2, 9, 4))


# ---- Numbers that are worked out -------------------------------------------------------------------------------------


def gray(image):
    mean = sum(image.unbind(2)) / 3
    return torch.stack([mean, mean, mean], dim=2)


def pooled(image, size, kind):
    columns = image.shape[1] // size
    pixels = [s.mean(dim=(0, 1)) if kind == "mean" else s.amax(dim=(0, 1)) for _, _, s in squares(image, size)]
    return torch.stack([torch.stack(pixels[i : i + columns]) for i in range(0, len(pixels), columns)])


def torch_attention(query, key, value):
    each = [x.transpose(1, 2) for x in (query, key, value)]
    return F.scaled_dot_product_attention(*each).transpose(1, 2)


# Name: (oracle, [what to call it with: shapes of tensors, and other arguments]).
SUMS = {
    "grayscale": (gray, [((4, 5, 3),), ((3, 3, 3),), ((1, 2, 3),)]),
    "pool": (
        pooled,
        [
            ((6, 8, 3), 2, "mean"),
            ((6, 8, 3), 2, "max"),
            ((6, 9, 1), 3, "mean"),
            ((4, 12, 2), 4, "max"),
            ((2, 3, 4), 1, "mean"),
        ],
    ),
    "einsum_trace": (lambda x: torch.stack([m.diag().sum() for m in x]), [((3, 4, 4),), ((1, 5, 5),), ((4, 1, 1),)]),
    "einsum_outer": (
        lambda a, b: torch.stack([torch.outer(*pair) for pair in zip(a, b)]),
        [((2, 4), (2, 5)), ((1, 3), (1, 2)), ((3, 1), (3, 4)), ((3, 3), (3, 3))],
    ),
    "einsum_last_two": (
        lambda x: x.sum((-2, -1)),
        [((2, 3, 4, 5),), ((4, 5),), ((3, 2, 4),), ((2, 3, 1, 4, 2),), ((2, 1, 2, 1, 3, 1, 2, 3, 2),)],
    ),
    "einsum_bilinear": (
        lambda x, weight, y: F.bilinear(x, y, weight),
        [
            ((2, 4), (3, 4, 5), (2, 5)),
            ((1, 2), (4, 2, 3), (1, 3)),
            ((3, 3), (3, 3, 3), (3, 3)),
            ((5, 1), (1, 1, 2), (5, 2)),
        ],
    ),
    "einsum_product_diagonal": (
        lambda a, b: (a @ b).diag(),
        [((4, 3), (3, 4)), ((3, 3), (3, 3)), ((1, 5), (5, 1)), ((2, 6), (6, 2))],
    ),
    "einsum_sum_matvecs": (
        lambda matrices, vectors: sum(m @ v for m, v in zip(matrices, vectors)),
        [((3, 4, 5), (3, 5)), ((1, 2, 4), (1, 4)), ((5, 1, 2), (5, 2)), ((3, 3, 3), (3, 3))],
    ),
    "einsum_attention": (
        torch_attention,
        [
            ((2, 5, 3, 4), (2, 7, 3, 4), (2, 7, 3, 6)),
            ((1, 4, 2, 3), (1, 6, 2, 3), (1, 6, 2, 5)),
            ((3, 1, 4, 2), (3, 5, 4, 2), (3, 5, 4, 1)),
            ((3, 4, 1, 9), (3, 1, 1, 9), (3, 1, 1, 2)),
            ((3, 3, 3, 3), (3, 3, 3, 3), (3, 3, 3, 3)),
        ],
    ),
}
every_sum_case = pytest.mark.parametrize(
    "name, case",
    [pytest.param(n, case, marks=exercise(n), id=f"{n}{case}") for n in SUMS for case in SUMS[n][1]],
)
every_sum = pytest.mark.parametrize("name", [pytest.param(n, marks=exercise(n), id=n) for n in SUMS])


def inputs_for(case, make):
    return [make(*item) if isinstance(item, tuple) else item for item in case]


@every_sum_case
def test_equals_the_long_way(name, case, draw):
    inputs = inputs_for(case, draw)
    close(getattr(einops_drills, name)(*inputs), SUMS[name][0](*inputs))


@exercise("einsum_trace")
def test_infinity_off_the_diagonal_makes_no_difference(draw):
    x = draw(3, 4, 4)
    expected = x.diagonal(dim1=1, dim2=2).sum(dim=1)
    x[0, 0, 1], x[1, 3, 0], x[2, 2, 1] = torch.inf, -torch.inf, torch.nan
    close(einops_drills.einsum_trace(x), expected)


@exercise("pool")
@pytest.mark.parametrize("kind", ["mean", "max"])
def test_an_infinite_pixel_stays_in_its_square_and_channel(kind, draw):
    image = draw(6, 8, 3)
    image[1, 2, 0], image[4, 7, 2] = torch.inf, -torch.inf
    image[2:4, 4:6, 1] = -torch.inf
    expected = pooled(image, 2, kind)
    close(einops_drills.pool(image, 2, kind), expected)


@every_sum
def test_sums_in_any_layout(name, draw):
    oracle, cases = SUMS[name]
    inputs = inputs_for(cases[0], lambda *shape: draw(*shape, dtype=torch.float64))
    same_for_any_layout(getattr(einops_drills, name), oracle, *inputs)


@every_sum
def test_sums_send_gradients_back(name, draw):
    oracle, cases = SUMS[name]
    same_gradients(getattr(einops_drills, name), oracle, *inputs_for(cases[0], draw))


class Largest(TorchFunctionMode):
    """Remembers how many numbers the largest tensor that was made holds in memory."""

    size = 0

    def __torch_function__(self, func, types, args=(), kwargs=None):
        result = func(*args, **(kwargs or {}))
        made = [x for x in tree_leaves(result) if isinstance(x, torch.Tensor)]
        self.size = max([self.size, *(x.untyped_storage().nbytes() // x.element_size() for x in made)])
        return result


@exercise("einsum_product_diagonal")
def test_the_whole_product_is_never_made(draw):
    a, b = draw(60, 3), draw(3, 60)
    expected = (a @ b).diag()
    with Largest() as largest:
        got = einops_drills.einsum_product_diagonal(a, b)
    close(got, expected)
    if largest.size >= 60 * 60:
        fail("a tensor at least as large as the whole product was made", f"of {largest.size} numbers; n × n are 3600")


# ---- A rearrange of one's own ----------------------------------------------------------------------------------------

NAMES = ["a", "b", "c", "h", "w", "height", "t2", "x_1", "Batch"]


def groups_of(rng, names):
    """The names cut into groups of 1 to 3, with empty groups in between."""
    groups, rest = [], list(names)
    while rest:
        size = rng.randint(1, 3)
        groups.append(rest[:size])
        rest = rest[size:]
    for _ in range(rng.choice([0, 0, 1, 2])):
        groups.insert(rng.randint(0, len(groups)), [])
    return groups


def written(rng, groups, blank=lambda: " "):
    def one(group):
        if len(group) == 1 and rng.random() < 0.7:
            return group[0]
        inside = blank() + f" {blank()}".join(group) + blank()
        return f"({inside})" if group or rng.random() < 0.5 else "1"

    return blank() + f" {blank()}".join(map(one, groups)) + blank()


def some_sides(rng, most=6):
    names = rng.sample(NAMES, rng.randint(0, most))
    left = groups_of(rng, names)
    rng.shuffle(names)
    return left, groups_of(rng, names)


@exercise("einsum_attention")
def test_attention_survives_large_scores(draw):
    query, key, value = draw(2, 5, 3, 4) * 1000, draw(2, 7, 3, 4), draw(2, 7, 3, 6)
    close(einops_drills.einsum_attention(query, key, value), torch_attention(query, key, value), rtol=1e-3, atol=1e-3)


@exercise("parse_pattern")
@pytest.mark.parametrize(
    "pattern, expected",
    [
        ("b c -> c b", ([["b"], ["c"]], [["c"], ["b"]])),
        ("b (h w) c -> (b h) w c", ([["b"], ["h", "w"], ["c"]], [["b", "h"], ["w"], ["c"]])),
        ("  h(w  c)b->( h )(b w)c ", ([["h"], ["w", "c"], ["b"]], [["h"], ["b", "w"], ["c"]])),
        ("1 a () -> () 1 1 a", ([[], ["a"], []], [[], [], [], ["a"]])),
        ("( ) (1) (1 a 1)->a", ([[], [], ["a"]], [["a"]])),
        ("(a)->(a)", ([["a"]], [["a"]])),
        ("height2 x_1 -> x_1 height2", ([["height2"], ["x_1"]], [["x_1"], ["height2"]])),
        ("a aa -> aa a", ([["a"], ["aa"]], [["aa"], ["a"]])),
        ("B b -> b B", ([["B"], ["b"]], [["b"], ["B"]])),
        ("höhe β -> β höhe", ([["höhe"], ["β"]], [["β"], ["höhe"]])),
        ("_a a_ -> a_ _a", ([["_a"], ["a_"]], [["a_"], ["_a"]])),
        ("(_ __)->__ _", ([["_", "__"]], [["__"], ["_"]])),
        ("for (in as) -> (as for) in", ([["for"], ["in", "as"]], [["as", "for"], ["in"]])),
        ("a (b 名) -> (名 a) b", ([["a"], ["b", "名"]], [["名", "a"], ["b"]])),
        ("->", ([], [])),
        ("->1", ([], [[]])),
    ],
)
def test_both_sides_of_a_pattern(pattern, expected):
    close(einops_drills.parse_pattern(pattern), expected)


@exercise("parse_pattern")
def test_blanks_make_no_difference():
    rng = random.Random(0)
    for _ in range(100):
        left, right = some_sides(rng)
        pattern = "->".join(written(rng, side, lambda: " " * rng.randint(0, 2)) for side in (left, right))
        close(einops_drills.parse_pattern(pattern), (left, right), name=repr(pattern))


@exercise("parse_pattern")
@pytest.mark.parametrize(
    "pattern",
    [
        *("a b", "", "a -> a -> a", "a ->-> a", "a b - > b a", "a > a"),
        *("(a b -> a b", "a b -> (a b", "a b) -> a b", "a b -> a b)", "((a b) c) -> a b c", "(a (b) c) -> a b c"),
        *(")a( -> a", "a (b -> a) b", "(a)) b -> a b", "(a b -> a b)", "() ( -> ()"),
    ],
)
def test_a_pattern_that_makes_no_sense(pattern):
    raises(ValueError, einops_drills.parse_pattern, pattern)


@exercise("parse_pattern")
@pytest.mark.parametrize(
    "pattern, names",
    [
        ("zeta b zeta -> b zeta", "zeta"),
        ("b zeta -> zeta b zeta", "zeta"),
        ("(zeta zeta) b -> zeta b", "zeta"),
        ("zeta b (c zeta) -> (zeta c) b zeta", "zeta"),
        ("b zeta -> b", "zeta"),
        ("b (c zeta) -> (b c)", "zeta"),
        ("b -> b zeta", "zeta"),
        ("b -> b (zeta)", "zeta"),
        ("b 23 -> b 23", 23),
        ("b -> b 23", 23),
        ("(b 0) -> b 0", 0),
        ("b 11 -> b 11", 11),
        ("b 7up -> 7up b", "7up"),
        ("b h-w -> h-w b", "h-w"),
        ("b a² -> a² b", "a²"),
        ("b zeta. -> zeta. b", "zeta."),
        ("(b *zeta) -> b *zeta", "*zeta"),
        ("b, c -> c b,", "b,"),
        ("... zeta -> zeta ...", "..."),
        ("b ... -> (b ...)", "..."),
    ],
)
def test_the_name_at_fault_is_named(pattern, names):
    def parse():
        try:
            return einops_drills.parse_pattern(pattern)
        except ValueError as error:
            # All names stand in the pattern: one who quotes it hasn't said which is at fault.
            raise ValueError(str(error).replace(pattern, "the pattern")) from error

    raises(ValueError, parse, names=names)


@exercise("solve_sizes")
@pytest.mark.parametrize(
    "groups, shape, sizes, expected",
    [
        ([["b"], ["h", "w"]], (2, 12), {"h": 3}, {"b": 2, "h": 3, "w": 4}),
        ([["b"], ["w", "h"]], (2, 12), {"w": 3}, {"b": 2, "h": 4, "w": 3}),
        ([["a", "b", "c"]], (70,), {"a": 2, "c": 5}, {"a": 2, "b": 7, "c": 5}),
        ([["b"], ["h", "w"]], (2, 12), {"b": 2, "w": 3, "h": 4}, {"b": 2, "h": 4, "w": 3}),
        ([[], ["a"], []], (1, 7, 1), {}, {"a": 7}),
        ([["a", "b"], ["c"]], (4, 1), {"a": 4}, {"a": 4, "b": 1, "c": 1}),
        ([["a", "b"], ["c"]], (0, 5), {"a": 2}, {"a": 2, "b": 0, "c": 5}),
        ([], (), {}, {}),
        # 3 · (2⁵³ + 1): a float can't hold the quotient.
        ([["h", "w"]], (27021597764222979,), {"h": 3}, {"h": 3, "w": 9007199254740993}),
    ],
)
def test_sizes_by_hand(groups, shape, sizes, expected):
    given, given_groups = dict(sizes), [list(group) for group in groups]
    equal(einops_drills.solve_sizes(given_groups, shape, given), expected)
    equal(given, sizes, name="the sizes that were given, afterwards")
    equal(given_groups, groups, name="the groups that were given, afterwards")


@exercise("solve_sizes")
def test_sizes_of_random_groups():
    rng = random.Random(1)
    for _ in range(100):
        groups, _ = some_sides(rng)
        solution = {name: rng.randint(1, 7) for group in groups for name in group}
        shape = [math.prod(solution[name] for name in group) for group in groups]
        left_out = {rng.choice(group) for group in groups if group}
        given = {name: size for name, size in solution.items() if name not in left_out}
        equal(einops_drills.solve_sizes(groups, torch.Size(shape), given), solution, name=f"{groups}, {shape}, {given}")


@exercise("solve_sizes")
@pytest.mark.parametrize(
    "groups, shape, sizes, names",
    [
        ([["b"]], (2,), {"zeta": 3}, "zeta"),
        ([["b"]], (2,), {"b": 2, "zeta": 2}, "zeta"),
        ([["b"], ["zeta", "theta"]], (2, 6), {}, {"zeta", "theta"}),
        ([["b"], ["zeta", "a", "theta"]], (2, 6), {"a": 2}, {"zeta", "theta"}),
        ([["zeta", "theta"]], (1,), {}, {"zeta", "theta"}),
        ([["b"], ["zeta", "theta"]], (2, 7), {"theta": 2}, {"zeta", "theta"}),
        ([["b"], ["zeta", "theta"]], (2, 3), {"zeta": 6}, {"zeta", "theta"}),
        ([["b"], ["zeta", "theta"]], (2, 8), {"zeta": 2, "theta": 2}, {"zeta", "theta"}),
        ([["b"], ["zeta", "theta"]], (2, 2), {"zeta": 2, "theta": 2}, {"zeta", "theta"}),
        ([["zeta"], ["b"]], (4, 2), {"zeta": 2}, "zeta"),
        ([["zeta"], ["b"]], (2, 2), {"zeta": 4}, "zeta"),
        ([["b"], ["zeta", "theta"]], (2, 0), {"zeta": 2, "theta": 2}, {"zeta", "theta"}),
        ([["a"], ["b"]], (2, 3, 4), {}, ()),
        ([["a"], ["b"]], (2,), {}, ()),
        ([["a"]], (), {}, ()),
        ([["a"], []], (2, 3), {}, ()),
        ([[]], (0,), {}, ()),
    ],
)
def test_sizes_that_do_not_fit(groups, shape, sizes, names):
    raises(ValueError, einops_drills.solve_sizes, groups, shape, sizes, names=names)


@exercise("my_rearrange")
def test_equals_einops_on_random_patterns(device):
    rng = random.Random(2)
    for _ in range(150):
        left, right = some_sides(rng)
        solution = {name: rng.randint(1, 4) for group in left for name in group}
        x = numbered([math.prod(solution[name] for name in group) for group in left], device)
        left_out = {rng.choice(group) for group in left if group}
        sizes = {name: size for name, size in solution.items() if name not in left_out or rng.random() < 0.2}
        pattern = f"{written(rng, left)}->{written(rng, right)}"
        equal(
            einops_drills.my_rearrange(x, pattern, **sizes), einops.rearrange(x, pattern, **sizes), name=repr(pattern)
        )


@exercise("my_rearrange")
def test_more_axes_than_the_alphabet_has_letters(device):
    names = [f"axis_{n}" for n in range(60)]
    x = numbered([2, 3] + [1] * 57 + [4], device)
    got = einops_drills.my_rearrange(x, f"{' '.join(names)} -> {' '.join(reversed(names))}")
    equal(got, x.permute(*reversed(range(60))))


@exercise("my_rearrange")
def test_my_rearrange_keeps_every_bit(draw):
    pattern = "(a b) c -> c (b a)"
    for x in (2**53 + numbered((6, 5), draw.device), torch.where(draw(6, 5) > 0, torch.inf, -torch.inf)):
        expected = x.view(2, 3, 5).permute(2, 1, 0).reshape(5, 6)
        equal(einops_drills.my_rearrange(x, pattern, a=2), expected)


@exercise("my_rearrange")
def test_my_rearrange_of_views(draw):
    pattern = "(a b) c (d e) -> c (e a) 1 (d b)"
    views = [strided(draw(6, 5, 8)), draw(5, 8, 6).permute(2, 0, 1), draw(6, 1, 8).expand(6, 5, 8)]
    for x in (*views, draw(6, 5, 8, dtype=torch.float64), draw(6, 5, 8) > 0, draw(6, 0, 8)):
        equal(einops_drills.my_rearrange(x, pattern, a=2, d=4), einops.rearrange(x, pattern, a=2, d=4))


@exercise("my_rearrange")
def test_my_rearrange_sends_gradients_back(draw):
    def run(rearrange):
        return lambda x: rearrange(x, "b (h p) c -> (b p) c h", p=3)

    same_gradients(run(einops_drills.my_rearrange), run(einops.rearrange), draw(2, 12, 5))


@exercise("my_rearrange")
@pytest.mark.parametrize(
    "pattern, sizes, names",
    [
        ("b zeta -> b", {}, "zeta"),
        ("b (zeta theta) -> b zeta theta", {}, {"zeta", "theta"}),
        ("b (zeta theta) -> b zeta theta", {"zeta": 4}, {"zeta", "theta"}),
        ("a b -> b a", {"zeta": 2}, "zeta"),
        ("a ... -> ... a", {}, "..."),
        ("a b c -> c b a", {}, ()),
        ("a b", {}, ()),
    ],
)
def test_what_my_rearrange_refuses(pattern, sizes, names, device):
    raises(ValueError, einops_drills.my_rearrange, numbered((3, 6), device), pattern, names=names, **sizes)
