"""Twenty algorithms without a loop. The slow loop above each of them says exactly what is wanted.

Values that are compared with one another have the same dtype.
"""

from collections import Counter

import torch
from jaxtyping import Bool, Float, Int, Int64, Shaped, UInt8
from torch import Tensor
from torch.nn import functional as F


def two_sum_loop(values: Tensor, target: int) -> Tensor:
    for i in range(len(values)):
        for j in range(i + 1, len(values)):
            if values[i] + values[j] == target:
                return torch.tensor([i, j], device=values.device)


def two_sum(values: Int[Tensor, "n"], target: int) -> Int64[Tensor, "2"]:
    """Returns the first places i < j with values[i] + values[j] = target:
    the smallest i, and for it the smallest j. There is always such a pair.
    >>> two_sum(torch.tensor([2, 11, 7, 15]), 9)
    tensor([0, 2])
    """
    # BEGIN SOLUTION
    return (values[:, None] + values == target).triu(1).nonzero()[0]
    # END SOLUTION


def sieve_loop(n: int) -> Tensor:
    return torch.tensor([p for p in range(2, n) if all(p % a for a in range(2, p))], dtype=torch.int64)


def sieve(n: int) -> Int64[Tensor, "primes"]:
    """The primes below n (n ≥ 0), ascending.
    >>> sieve(12)
    tensor([ 2,  3,  5,  7, 11])
    """
    # BEGIN SOLUTION
    number = torch.arange(n)[2:]
    return number[~torch.isin(number, number[:, None] * number)]
    # END SOLUTION


def binary_search_loop(rows: Tensor, queries: Tensor) -> Tensor:
    place = torch.zeros(len(rows), dtype=torch.int64, device=rows.device)
    for i in range(len(rows)):
        while place[i] < rows.shape[1] and rows[i, place[i]] < queries[i]:
            place[i] += 1
    return place


def binary_search(rows: Shaped[Tensor, "batch n"], queries: Shaped[Tensor, "batch"]) -> Int64[Tensor, "batch"]:
    """Says where each query would go in its own ascending row, to the left of values that equal it.
    >>> binary_search(torch.tensor([[1, 3, 5], [2, 2, 4]]), torch.tensor([4, 2]))
    tensor([2, 0])
    """
    # BEGIN SOLUTION
    return torch.searchsorted(rows, queries[:, None])[:, 0]
    # END SOLUTION


def majority_vote_loop(votes: Tensor, classes: int) -> Tensor:
    winners = [max(range(classes), key=item.count) for item in votes.T.tolist()]  # the first of those that tie
    return torch.tensor(winners, dtype=torch.int64, device=votes.device)


def majority_vote(votes: Int64[Tensor, "voter item"], classes: int) -> Int64[Tensor, "item"]:
    """Returns the class from 0 to classes - 1 that most voters gave each item, or the smallest of those that tie.
    There is at least one voter.
    >>> majority_vote(torch.tensor([[1, 0], [1, 2], [0, 1]]), 3)
    tensor([1, 0])
    """
    # BEGIN SOLUTION
    return F.one_hot(votes, classes).sum(dim=0).argmax(dim=1)
    # END SOLUTION


def run_lengths_loop(x: Tensor) -> tuple[Tensor, Tensor]:
    values, lengths = [], []
    for i in range(len(x)):
        if i == 0 or x[i] != x[i - 1]:
            values, lengths = values + [x[i]], lengths + [0]
        lengths[-1] += 1
    return x.new_tensor(values), torch.tensor(lengths, dtype=torch.int64, device=x.device)


def run_lengths(x: Shaped[Tensor, "n"]) -> tuple[Shaped[Tensor, "runs"], Int64[Tensor, "runs"]]:
    """The value and the length of every run of equal neighbours, in order. An empty `x` has no run.
    >>> run_lengths(torch.tensor([7, 7, 2, 7]))
    (tensor([7, 2, 7]), tensor([2, 1, 1]))
    """
    # BEGIN SOLUTION
    return torch.unique_consecutive(x, return_counts=True)
    # END SOLUTION


def repeat_counts_loop(counts: Tensor) -> Tensor:
    numbers = [i for i in range(len(counts)) for _ in range(counts[i])]
    return torch.tensor(numbers, dtype=torch.int64, device=counts.device)


def repeat_counts(counts: Int64[Tensor, "n"]) -> Int64[Tensor, "total"]:
    """Returns the ascending numbers from which `bincount` would make these counts.
    >>> repeat_counts(torch.tensor([2, 0, 3]))
    tensor([0, 0, 2, 2, 2])
    """
    # BEGIN SOLUTION
    return torch.repeat_interleave(counts)
    # END SOLUTION


def unique_counts_loop(image: Tensor) -> tuple[Tensor, Tensor]:
    counts = Counter(tuple(colour) for row in image.tolist() for colour in row)
    colours = sorted(counts)
    return image.new_tensor(colours), torch.tensor([counts[colour] for colour in colours], device=image.device)


def unique_counts(image: UInt8[Tensor, "h w 3"]) -> tuple[UInt8[Tensor, "colours 3"], Int64[Tensor, "colours"]]:
    """The different colours, sorted by red, then green, then blue, and how many pixels have each.
    >>> unique_counts(torch.tensor([[[9, 0, 0], [5, 1, 2], [9, 0, 0]]], dtype=torch.uint8))[1]
    tensor([1, 2])
    """
    # BEGIN SOLUTION
    return image.flatten(0, 1).unique(dim=0, return_counts=True)
    # END SOLUTION


def unique_edges_loop(triangles: Tensor) -> Tensor:
    edges = {tuple(sorted(pair)) for a, b, c in triangles.tolist() for pair in ((a, b), (b, c), (c, a))}
    return triangles.new_tensor(sorted(edges))


def unique_edges(triangles: Int[Tensor, "n 3"]) -> Int[Tensor, "edges 2"]:
    """Lists every undirected edge once, with its smaller corner first,
    sorted by the first and then by the second corner. n is at least 1.
    >>> unique_edges(torch.tensor([[2, 0, 1]])).tolist()
    [[0, 1], [0, 2], [1, 2]]
    """
    # BEGIN SOLUTION
    edges = triangles[:, [0, 1, 1, 2, 2, 0]].reshape(-1, 2)
    return edges.sort(dim=1).values.unique(dim=0)
    # END SOLUTION


def cartesian_product_loop(*vectors: Tensor) -> Tensor:
    rows = [[]]
    for vector in vectors:
        rows = [[*row, value] for row in rows for value in vector.tolist()]
    return vectors[0].new_tensor(rows).view(-1, len(vectors))


def cartesian_product(*vectors: Shaped[Tensor, "_"]) -> Shaped[Tensor, "rows vectors"]:
    """Every choice of one value from each vector (one or more, of one dtype). The last vector's values change fastest.
    >>> cartesian_product(torch.tensor([1, 2]), torch.tensor([7, 8])).tolist()
    [[1, 7], [1, 8], [2, 7], [2, 8]]
    """
    # BEGIN SOLUTION
    return torch.stack(torch.meshgrid(*vectors, indexing="ij"), dim=-1).reshape(-1, len(vectors))
    # END SOLUTION


def rows_sharing_loop(a: Tensor, b: Tensor) -> Tensor:
    shares = [all(set(row) & set(other) for other in b.tolist()) for row in a.tolist()]
    return torch.tensor(shares, dtype=torch.bool, device=a.device)


def rows_sharing(a: Int[Tensor, "m k"], b: Int[Tensor, "n l"]) -> Bool[Tensor, "m"]:
    """Whether each row of a has an element in common with every row of b. Any of the four sizes may be 0.
    >>> rows_sharing(torch.tensor([[1, 2, 3], [1, 4, 4]]), torch.tensor([[1, 9], [8, 3]]))
    tensor([ True, False])
    """
    # BEGIN SOLUTION
    return (a[:, None, :, None] == b[:, None]).any(dim=(2, 3)).all(dim=1)
    # END SOLUTION


def block_sums_loop(x: Tensor, size: int) -> Tensor:
    starts = [range(0, length, size) for length in x.shape]
    return torch.stack([torch.stack([x[i : i + size, j : j + size].sum() for j in starts[1]]) for i in starts[0]])


def block_sums(x: Shaped[Tensor, "h w"], size: int) -> Shaped[Tensor, "rows columns"]:
    """The sum of every size × size block, where `size` divides h and w. Integers give int64, as `sum` does.
    >>> block_sums(torch.tensor([[1, 2, 3, 4], [5, 6, 7, 8]]), 2)
    tensor([[14, 22]])
    """
    # BEGIN SOLUTION
    return x.unflatten(1, (-1, size)).unflatten(0, (-1, size)).sum(dim=(1, 3))
    # END SOLUTION


def line_distances_loop(start: Tensor, end: Tensor, points: Tensor) -> Tensor:
    distances = points.new_zeros(len(points), len(start))
    for i in range(len(points)):
        for j in range(len(start)):
            offset, along = points[i] - start[j], (end[j] - start[j]) / (end[j] - start[j]).norm()
            distances[i, j] = (offset - (offset @ along) * along).norm()
    return distances


def line_distances(start: Tensor, end: Tensor, points: Tensor) -> Tensor:  # (l, 2), (l, 2), (p, 2) -> (p, l)
    """How far each point is from each line, which runs on for ever through its start and its (different) end.
    >>> line_distances(torch.zeros(1, 2), torch.tensor([[3.0, 4.0]]), torch.tensor([[5.0, 0.0]]))
    tensor([[4.]])
    """
    # BEGIN SOLUTION
    along, offset = end - start, points[:, None] - start
    return (along[:, 0] * offset[..., 1] - along[:, 1] * offset[..., 0]).abs() / along.norm(dim=1)
    # END SOLUTION


def resample_path_loop(xy: Tensor, n: int) -> Tensor:
    step, points = (xy[1:] - xy[:-1]).norm(dim=1), []
    for i in range(n):
        k, left = 0, step.sum() * i / (n - 1)
        while k < len(step) - 1 and left > step[k]:
            k, left = k + 1, left - step[k]
        points.append(xy[k] + left / step[k] * (xy[k + 1] - xy[k]))
    return torch.stack(points)


def resample_path(xy: Float[Tensor, "k 2"], n: int) -> Float[Tensor, "n 2"]:
    """n ≥ 2 points on the polyline, from its first point to its last, equally far apart along it. Neighbours differ.
    >>> resample_path(torch.tensor([[0.0, 0.0], [2.0, 0.0], [2.0, 4.0]]), 3).tolist()
    [[0.0, 0.0], [2.0, 1.0], [2.0, 4.0]]
    """
    # BEGIN SOLUTION
    walked = F.pad(xy.diff(dim=0).norm(dim=1).cumsum(dim=0), (1, 0))
    at = walked[-1] * torch.linspace(0, 1, n, dtype=xy.dtype, device=xy.device)
    k = torch.searchsorted(walked[1:-1], at)
    return torch.lerp(xy[k], xy[k + 1], ((at - walked[k]) / (walked[k + 1] - walked[k]))[:, None])
    # END SOLUTION


def bootstrap_interval_loop(x: Tensor, index: Tensor) -> Tensor:
    means, ends = sorted(x[row].mean().item() for row in index), []
    for share in (0.025, 0.975):
        k, above = divmod(share * (len(means) - 1), 1)
        ends.append((1 - above) * means[int(k)] + above * means[min(int(k) + 1, len(means) - 1)])
    return x.new_tensor(ends)


def bootstrap_interval(x: Float[Tensor, "n"], index: Int64[Tensor, "resample draw"]) -> Float[Tensor, "2"]:
    """The 2.5th and the 97.5th percentile of the means of the resamples, whose places in x are the rows of `index`.
    >>> bootstrap_interval(torch.tensor([0.0, 40.0]), torch.tensor([[0, 0], [1, 1]]))
    tensor([ 1., 39.])
    """
    # BEGIN SOLUTION
    return x[index].mean(dim=1).quantile(x.new_tensor([0.025, 0.975]))
    # END SOLUTION


def multinomial_rows_loop(x: Tensor, n: int) -> Tensor:
    keep = [i for i, row in enumerate(x.tolist()) if sum(row) == n and all(v >= 0 and v == int(v) for v in row)]
    return x[keep]


def multinomial_rows(x: Shaped[Tensor, "m k"], n: int) -> Shaped[Tensor, "kept k"]:
    """The rows, in order, that could count n draws: non-negative whole numbers that sum to n.
    >>> multinomial_rows(torch.tensor([[1.0, 2.0], [1.5, 1.5], [4.0, -1.0]]), 3)
    tensor([[1., 2.]])
    """
    # BEGIN SOLUTION
    return x[((x >= 0) & (x % 1 == 0)).all(dim=1) & (x.long().sum(dim=1) == n)]
    # END SOLUTION


def histogram_loop(x: Tensor, bins: int, low: float, high: float) -> Tensor:
    counts = torch.zeros(bins, dtype=torch.int64, device=x.device)
    for value in filter(lambda value: low <= value <= high, x):
        counts[min(int((value - low) / (high - low) * bins), bins - 1)] += 1
    return counts


def histogram(x: Float[Tensor, "n"], bins: int, low: float, high: float) -> Int64[Tensor, "bins"]:
    """How many values lie in each of `bins` equal bins from low to high > low.
    Only the last bin includes its upper end. x is float32 or float64.
    >>> histogram(torch.tensor([0.0, 1.0, 2.0, 2.5]), 2, 0, 2)
    tensor([1, 2])
    """
    # BEGIN SOLUTION
    inside = x[(x >= low) & (x <= high)]
    place = ((inside - low) / (high - low) * bins).long().clamp(max=bins - 1)
    return torch.bincount(place, minlength=bins)
    # END SOLUTION


def pad_ragged_loop(values: Tensor, lengths: Tensor, fill: float) -> Tensor:
    padded, start = values.new_full((len(lengths), int(lengths.max())), fill), 0
    for i, length in enumerate(lengths.tolist()):
        padded[i, :length] = values[start : start + length]
        start += length
    return padded


def pad_ragged(values: Tensor, lengths: Tensor, fill: float) -> Tensor:  # (total,), (rows,), () -> (rows, longest)
    """Cuts `values` into rows of these lengths (one or more) and fills each row up to the longest.
    `total` is the sum of the lengths.
    >>> pad_ragged(torch.tensor([5, 6, 7]), torch.tensor([1, 2]), 0).tolist()
    [[5, 0], [6, 7]]
    """
    # BEGIN SOLUTION
    used = torch.arange(lengths.max(), device=values.device) < lengths[:, None]
    return values.new_full(used.shape, fill).masked_scatter(used, values)
    # END SOLUTION


def common_values_loop(a: Tensor, b: Tensor) -> Tensor:
    return a.new_tensor(sorted({value for value in a.tolist() if value in b.tolist()}))


def common_values(a: Int[Tensor, "n"], b: Int[Tensor, "m"]) -> Int[Tensor, "common"]:
    """Returns the values that are in both, in ascending order, each once.
    >>> common_values(torch.tensor([5, 3, 5, 1]), torch.tensor([3, 5, 9]))
    tensor([3, 5])
    """
    # BEGIN SOLUTION
    return a[torch.isin(a, b)].unique()
    # END SOLUTION


def calendar_loop(first_weekday: int, days: int) -> Tensor:
    month = torch.zeros(6, 7, dtype=torch.int64)
    for day in range(days):
        month[(first_weekday + day) // 7, (first_weekday + day) % 7] = day + 1
    return month


def calendar(first_weekday: int, days: int) -> Int64[Tensor, "6 7"]:
    """Returns a month with a row for each week and a column for each weekday. Day 1 falls on weekday `first_weekday`
    (0 to 6), and cells without a day hold 0.
    >>> calendar(2, 31)[0]
    tensor([0, 0, 1, 2, 3, 4, 5])
    """
    # BEGIN SOLUTION
    return F.pad(torch.arange(1, days + 1), (first_weekday, 42 - first_weekday - days)).view(6, 7)
    # END SOLUTION


def ranks_loop(x: Tensor) -> Tensor:
    rank = torch.zeros(len(x), dtype=torch.int64, device=x.device)
    for i in range(len(x)):
        for j in range(len(x)):
            rank[i] += int(x[j] < x[i] or (x[j] == x[i] and j < i))
    return rank


def ranks(x: Shaped[Tensor, "n"]) -> Int64[Tensor, "n"]:
    """The place of each value in the sorted x, from 0 for the smallest. Equal values stay in order of appearance.
    >>> ranks(torch.tensor([30, 10, 30, 20]))
    tensor([2, 0, 3, 1])
    """
    # BEGIN SOLUTION
    return x.argsort(stable=True).argsort()
    # END SOLUTION
