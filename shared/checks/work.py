"""How often something is called, for tests of the work that is done and not only of its result."""

import inspect
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from unittest.mock import patch


@dataclass
class CallMade:
    """What a function was called with; changes that were made to an argument later can be seen in it."""

    args: tuple
    kwargs: dict[str, Any]


@contextmanager
def calls_of(place: Any, name: str, note: Callable[..., Any] | None = None) -> Iterator[list]:
    """The calls of `place.name` inside the block, in a list that grows: of a function of a module, a method of a class
    or of one object, a module of torch's (its `forward`).

    Each is a CallMade, or what `note(*args, **kwargs)` says about it, at the moment of the call. A method of a class
    gets the object as its first argument. The call itself goes on as usual.

        with calls_of(bpe_train, "count_pairs", note=len) as sizes:
            bpe_train.train(counts, 300)
        equal(sum(sizes) < 10 * len(counts), True, name="whether few words were counted again")

        with calls_of(model, "forward", note=lambda ids, *rest, **options: ids.shape[1]) as lengths:
            cache.generate(model, ids, 4)
        equal(lengths, [5, 1, 1, 1], name="how many tokens the model read in each step")

        with calls_of(torch.linalg, "inv") as calls:
            regression.solve(x, y)
        equal(len(calls), 0, name="how often a matrix was inverted")

    An answer is free to do without the function: demand what the text demands, and no more. `from torch.linalg import
    inv` at the top of the answer's file isn't seen, because that name is the file's own.
    """
    made: list = []
    kept = inspect.getattr_static(place, name, None)
    function = getattr(place, name)

    def counted(*args: Any, **kwargs: Any) -> Any:
        __tracebackhide__ = True
        made.append(CallMade(args, kwargs) if note is None else note(*args, **kwargs))
        return function(*args, **kwargs)

    # What Python would bind to an object, it must still bind, or not.
    is_static = inspect.isclass(place) and isinstance(kept, staticmethod | classmethod)
    with patch.object(place, name, staticmethod(counted) if is_static else counted):
        yield made
