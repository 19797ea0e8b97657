"""Puzzles: twenty loops to get rid of.

Above each puzzle stands a slow loop, `<name>_loop`, which says exactly what the puzzle gives. Write the same below it
in one to three lines without a loop: no `for`, no `while`, no comprehension, no recursion. Inputs stay as they are.
"""

import itertools
import sys
import time

import torch
from jaxtyping import Bool, Float, Int, Int64, Num
from torch import Tensor


def inner_points_loop(low, high, n):
    return torch.tensor([low + (high - low) * (i + 1) / (n + 1) for i in range(n)])


def inner_points(low: float, high: float, n: int) -> Float[Tensor, "n"]:
    """Returns n equally spaced points between `low` and `high`, without these two, as float32. n may be 0.
    >>> inner_points(0, 10, 4)
    tensor([2., 4., 6., 8.])
    """
    # BEGIN SOLUTION
    return torch.linspace(low, high, n + 2)[1:-1]
    # END SOLUTION


def checkerboard_loop(height, width):
    return torch.tensor([[(row + column) % 2 for column in range(width)] for row in range(height)])


def checkerboard(height: int, width: int) -> Int[Tensor, "height width"]:
    """0 and 1 alternate along rows and columns, as int64, with 0 in the top left corner.
    >>> checkerboard(2, 4).tolist()
    [[0, 1, 0, 1], [1, 0, 1, 0]]
    """
    # BEGIN SOLUTION
    return (torch.arange(height)[:, None] + torch.arange(width)) % 2
    # END SOLUTION


def coordinate_grid_loop(height, width):
    xs, ys = [2 * c / (width - 1) - 1 for c in range(width)], [2 * r / (height - 1) - 1 for r in range(height)]
    return torch.tensor([[(x, y) for x in xs] for y in ys])


def coordinate_grid(height: int, width: int) -> Float[Tensor, "height width 2"]:
    """Each cell's (x, y) as float32: x from -1 (left) to 1 (right), y from -1 (top) to 1 (bottom). Sizes are 2 or more.
    >>> coordinate_grid(2, 3)[1].tolist()
    [[-1.0, 1.0], [0.0, 1.0], [1.0, 1.0]]
    """
    # BEGIN SOLUTION
    x, y = torch.linspace(-1, 1, width), torch.linspace(-1, 1, height)[:, None]
    return torch.stack(torch.broadcast_tensors(x, y), dim=-1)
    # END SOLUTION


def swap_rows_loop(x, i, j):
    rows = [row for row in x]
    rows[i], rows[j] = rows[j], rows[i]
    return torch.stack(rows)


def swap_rows(x: Tensor, i: int, j: int) -> Tensor:
    """A copy of `x` with rows i and j, which may be negative, swapped. Changing it never changes x, even if i = j.
    >>> swap_rows(torch.tensor([[1, 2], [3, 4], [5, 6]]), 0, 2).tolist()
    [[5, 6], [3, 4], [1, 2]]
    """
    # BEGIN SOLUTION
    out = x.clone()
    out[[i, j]] = x[[j, i]]
    return out
    # END SOLUTION


def negate_between_loop(x, low, high):
    return torch.stack([-value if low < value and value < high else value for value in x])


def negate_between(x: Num[Tensor, "n"], low: float, high: float) -> Num[Tensor, "n"]:
    """Returns a copy in which every value strictly between `low` and `high` has changed its sign.
    Whole numbers stay exact.
    >>> negate_between(torch.tensor([-1.0, 2.0, 3.0, 4.0]), 1, 4).tolist()
    [-1.0, -2.0, -3.0, 4.0]
    """
    # BEGIN SOLUTION
    return torch.where((low < x) & (x < high), -x, x)
    # END SOLUTION


def center_rows_loop(x):
    return torch.stack([row - row.sum() / len(row) for row in x])


def center_rows(x: Float[Tensor, "rows columns"]) -> Float[Tensor, "rows columns"]:
    """Subtracts from each row its own mean.
    >>> center_rows(torch.tensor([[1.0, 3.0], [10.0, 30.0]])).tolist()
    [[-1.0, 1.0], [-10.0, 10.0]]
    """
    # BEGIN SOLUTION
    return x - x.mean(dim=1, keepdim=True)
    # END SOLUTION


def multiply_planes_loop(image, weights):
    return torch.stack([image[:, :, c] * weights for c in range(image.shape[2])], dim=2)


def multiply_planes(image: Float[Tensor, "h w c"], weights: Float[Tensor, "h w"]) -> Float[Tensor, "h w c"]:
    """Every channel of the image times the same plane of weights.
    >>> multiply_planes(torch.tensor([[[1.0, 2.0], [3.0, 4.0]]]), torch.tensor([[10.0, 0.5]])).tolist()
    [[[10.0, 20.0], [1.5, 2.0]]]
    """
    # BEGIN SOLUTION
    return image * weights[:, :, None]
    # END SOLUTION


def pairwise_distances_loop(x, y):
    return torch.stack([torch.stack([(p - q).square().sum().sqrt() for q in y]) for p in x])


def pairwise_distances(x: Float[Tensor, "n d"], y: Float[Tensor, "m d"]) -> Float[Tensor, "n m"]:
    """The straight-line distance from every point of x to every point of y.
    It is exact for close points far from 0 as well.
    >>> pairwise_distances(torch.tensor([[0.0, 0.0]]), torch.tensor([[3.0, 4.0], [0.0, 2.0]]))
    tensor([[5., 2.]])
    """
    # BEGIN SOLUTION
    return (x[:, None] - y).square().sum(dim=-1).sqrt()
    # END SOLUTION


def softmax_loop(x):
    return torch.stack([torch.stack([1 / (row - value).exp().sum() for value in row]) for row in x])


def softmax(x: Float[Tensor, "rows n"]) -> Float[Tensor, "rows n"]:
    """Computes exp(x_i) / (exp(x_1) + … + exp(x_n)) for each row. Values may be in the thousands, of either sign.
    >>> softmax(torch.tensor([[1000.0, 1000.0], [0.0, -9999.0]])).tolist()
    [[0.5, 0.5], [1.0, 0.0]]
    """
    # BEGIN SOLUTION
    e = (x - x.amax(dim=1, keepdim=True)).exp()
    return e / e.sum(dim=1, keepdim=True)
    # END SOLUTION


def logsumexp_loop(x):
    total = x[:, 0]
    for i in range(1, x.shape[1]):
        total = torch.logaddexp(total, x[:, i])  # ln(e^a + e^b), done with care
    return total


def logsumexp(x: Float[Tensor, "rows n"]) -> Float[Tensor, "rows"]:
    """Computes ln(exp(x_1) + … + exp(x_n)) for each row, with n ≥ 1.
    Values may be in the thousands, or -inf, since ln 0 = -inf.
    >>> logsumexp(torch.tensor([[100.0, 100.0], [-torch.inf, 5.0], [-torch.inf, -torch.inf]]))
    tensor([100.6931,   5.0000,     -inf])
    """
    # BEGIN SOLUTION
    highest = x.amax(dim=1, keepdim=True).nan_to_num(neginf=0.0)  # -inf less -inf would be NaN
    return (x - highest).exp().sum(dim=1).log() + highest[:, 0]
    # END SOLUTION


def nearest_loop(values, targets):
    places = []
    for target in targets:
        gaps = [abs(value - target).item() for value in values]
        places.append(gaps.index(min(gaps)))
    return torch.tensor(places, device=values.device)


def nearest(values: Float[Tensor, "n"], targets: Float[Tensor, "m"]) -> Int[Tensor, "m"]:
    """Returns for each target the index of the nearest value, or the first such index if several are equally near.
    n ≥ 1.
    >>> nearest(torch.tensor([5.0, 1.0, 3.0]), torch.tensor([0.0, 4.0, 3.2])).tolist()
    [1, 0, 2]
    """
    # BEGIN SOLUTION
    return (targets[:, None] - values).abs().argmin(dim=1)
    # END SOLUTION


def sort_by_column_loop(x, column):
    return torch.stack(sorted(x, key=lambda row: row[column].item()))


def sort_by_column(x: Tensor, column: int) -> Tensor:
    """Sorts the rows of the matrix x, as wholes, by their value in one column, ascending. Rows with equal values stay
    in their order. `column` may be negative, as in the loop.
    >>> sort_by_column(torch.tensor([[2, 7], [1, 8], [2, 6]]), 0).tolist()
    [[1, 8], [2, 7], [2, 6]]
    """
    # BEGIN SOLUTION
    return x[x[:, column].argsort(stable=True)]
    # END SOLUTION


def top_k_accuracy_loop(logits, labels, k):
    hits = 0
    for row, label in zip(logits, labels):
        if sum(int(score > row[label]) for score in row) < k:
            hits += 1
    return torch.tensor(hits / len(labels), device=logits.device)


def top_k_accuracy(logits: Float[Tensor, "n classes"], labels: Int64[Tensor, "n"], k: int) -> Float[Tensor, ""]:
    """The share (float32) of rows whose label has one of the row's k highest logits. No two logits of a row are equal;
    they may be infinite. k is at most the number of classes.
    >>> top_k_accuracy(torch.tensor([[0.1, 0.7, 0.2], [0.5, 0.2, 0.3]]), torch.tensor([2, 1]), 2)
    tensor(0.5000)
    """
    # BEGIN SOLUTION
    best = logits.topk(k, dim=1).indices
    return (best == labels[:, None]).any(dim=1).float().mean()
    # END SOLUTION


def moving_average_loop(x, width):
    return torch.stack([x[i : i + width].sum() / width for i in range(len(x) - width + 1)])


def moving_average(x: Float[Tensor, "n"], width: int) -> Float[Tensor, "n-width+1"]:
    """The mean of every `width` neighbours. Only full windows count, so the result is shorter than x. 1 ≤ width ≤ n. A
    huge or infinite number makes no difference to windows that it isn't in.
    >>> moving_average(torch.tensor([1.0, 3.0, 5.0, 10.0]), 2)
    tensor([2.0000, 4.0000, 7.5000])
    """
    # BEGIN SOLUTION
    return x.unfold(0, width, 1).mean(dim=1)
    # END SOLUTION


def one_hot_loop(labels, classes):
    out = labels.new_zeros(len(labels), classes)
    for i, label in enumerate(labels):
        out[i, label] = 1
    return out


def one_hot(labels: Int64[Tensor, "n"], classes: int) -> Int64[Tensor, "n classes"]:
    """A row of zeros for each label, with a 1 in the label's column, as int64. Labels go from 0 to classes - 1.
    >>> one_hot(torch.tensor([2, 0]), 4).tolist()
    [[0, 0, 1, 0], [1, 0, 0, 0]]
    """
    # BEGIN SOLUTION
    return (labels[:, None] == torch.arange(classes, device=labels.device)).long()
    # END SOLUTION


def add_at_loop(x, index, values):
    out = x.clone()
    for i, value in zip(index, values):
        out[i] += value
    return out


def add_at(x: Float[Tensor, "n"], index: Int64[Tensor, "k"], values: Float[Tensor, "k"]) -> Float[Tensor, "n"]:
    """A copy of x with each value added at its index (0 to n - 1), even if an index occurs twice. k may be 0.
    >>> add_at(torch.tensor([100.0, 200.0, 300.0]), torch.tensor([0, 2, 0]), torch.tensor([1.0, 2.0, 3.0])).tolist()
    [104.0, 200.0, 302.0]
    """
    # BEGIN SOLUTION
    return x.index_add(0, index, values)
    # END SOLUTION


def group_means_loop(values, groups, n_groups):
    out = values.new_zeros(n_groups)
    for g in range(n_groups):
        if (groups == g).any():
            out[g] = values[groups == g].mean()
    return out


def group_means(values: Float[Tensor, "n"], groups: Int64[Tensor, "n"], n_groups: int) -> Float[Tensor, "n_groups"]:
    """The mean of each group's values, in their dtype; groups[i] is the group of values[i]. A group without values has
    0. Values are finite; a huge one makes no difference to other groups.
    >>> group_means(torch.tensor([1.0, 5.0, 3.0]), torch.tensor([0, 2, 0]), 3).tolist()
    [2.0, 0.0, 5.0]
    """
    # BEGIN SOLUTION
    member = (groups == torch.arange(n_groups, device=groups.device)[:, None]).to(values.dtype)  # (n_groups, n)
    return member @ values / member.sum(dim=1).clamp(min=1)
    # END SOLUTION


def length_mask_loop(lengths, longest):
    rows = [[step < length for step in range(longest)] for length in lengths.tolist()]
    return torch.tensor(rows, device=lengths.device)


def length_mask(lengths: Int[Tensor, "batch"], longest: int) -> Bool[Tensor, "batch longest"]:
    """True in the first lengths[i] places of row i, False after them. Lengths go from 0 to `longest`; int64 or int32.
    >>> length_mask(torch.tensor([1, 3]), 3).int().tolist()
    [[1, 0, 0], [1, 1, 1]]
    """
    # BEGIN SOLUTION
    return torch.arange(longest, device=lengths.device) < lengths[:, None]
    # END SOLUTION


def last_valid_loop(x, lengths):
    return torch.stack([x[i, lengths[i] - 1] for i in range(len(x))])


def last_valid(x: Float[Tensor, "batch time dim"], lengths: Int64[Tensor, "batch"]) -> Float[Tensor, "batch dim"]:
    """The last real step of each row. Row i has lengths[i] of them, from 1 to `time`, and then padding,
    which may be NaN.
    >>> last_valid(torch.tensor([[[1.0], [2.0], [3.0]], [[4.0], [5.0], [6.0]]]), torch.tensor([3, 1])).tolist()
    [[3.0], [4.0]]
    """
    # BEGIN SOLUTION
    return x[torch.arange(len(x), device=x.device), lengths - 1]
    # END SOLUTION


def game_of_life_loop(board):
    (height, width), out = board.shape, torch.zeros_like(board)
    for row, column in itertools.product(range(height), range(width)):
        square = [board[(row + i) % height, (column + j) % width] for i in (-1, 0, 1) for j in (-1, 0, 1)]
        neighbours = sum(map(int, square)) - int(board[row, column])
        out[row, column] = neighbours == 3 or (neighbours == 2 and board[row, column])
    return out


def game_of_life(board: Bool[Tensor, "height width"]) -> Bool[Tensor, "height width"]:
    """The next generation. A cell will be alive if 3 of its 8 neighbours are; if 2 are, it stays as it is, and
    otherwise it is dead. Each edge touches the opposite one (a torus). Sizes are 3 or more.
    >>> game_of_life(torch.tensor([[0, 0, 0, 0, 0], [0, 1, 1, 1, 0], [0, 0, 0, 0, 0], [0] * 5]).bool()).int().tolist()
    [[0, 0, 1, 0, 0], [0, 0, 1, 0, 0], [0, 0, 1, 0, 0], [0, 0, 0, 0, 0]]
    """
    # BEGIN SOLUTION
    three = board.int() + board.roll(1, dims=0) + board.roll(-1, dims=0)  # a cell, the one above and the one below
    nine = three + three.roll(1, dims=1) + three.roll(-1, dims=1)  # the square around it, itself included
    return (nine == 3) | (board & (nine == 4))
    # END SOLUTION


if __name__ == "__main__":  # Gosper's glider gun: each number is a row of cells, in bits
    gun = [0x800, 0x2800, 0xC0C003, 0x110C003, 0xC0208C000, 0xC022C2800, 0x2080800, 0x1100000, 0xC00000]
    board = torch.zeros(44, 72, dtype=torch.bool)
    board[4:13, 2:38] = (torch.tensor(gun)[:, None] >> torch.arange(36).flip(0)) % 2 == 1
    blocks = " ▄▀█" if "utf" in (sys.stdout.encoding or "").lower() else " .':"
    for _ in range(120):
        lines = (2 * board[::2] + board[1::2]).tolist()  # a character shows two cells, one above the other
        print("\x1b[H\x1b[J" + "\n".join("".join(blocks[cell] for cell in line) for line in lines), flush=True)
        time.sleep(0.015)
        board = game_of_life(board)
