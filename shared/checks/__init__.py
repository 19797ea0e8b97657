"""The checks that the tests of every day are written with.

Each compares what an answer gave with what an independent source expects, and fails with a `CheckFailed` that says in
words what is wrong, and never prints a whole tensor. They look in this order: type, shape, dtype, device, NaN and
infinity, values. What was given is handed to `recorder` first, so that a known mistake can be recognised by its values.

    close(attention.causal_mask(length), expected)
    same_gradients(attention.softmax, torch.softmax, scores, -1)
    equal([len(drawn), 1 in drawn], [3, True], parts=("how many were drawn", "whether 1 was among them"))
    with calls_of(model, "forward") as calls:
        cache.generate(model, ids, 4)
    equal(len(calls), 4, name="how often the model was called")

An answer may give anything: an object whose `__eq__` loops, a list in itself, a sparse tensor. All get a sentence.
"""

from shared.checks.basic import close, equal, exercise, fail, raises, randomize, unchanged
from shared.checks.compare import CheckFailed
from shared.checks.distributions import same_distribution
from shared.checks.gradients import has_the_slope_of_differences, same_gradients, same_module
from shared.checks.records import recorder, same_records
from shared.checks.universal import adjoint, same_for_any_layout, strided
from shared.checks.windows import as_on_windows
from shared.checks.work import calls_of

__all__ = [
    "CheckFailed",
    "adjoint",
    "as_on_windows",
    "calls_of",
    "close",
    "equal",
    "exercise",
    "fail",
    "has_the_slope_of_differences",
    "raises",
    "randomize",
    "recorder",
    "same_distribution",
    "same_for_any_layout",
    "same_gradients",
    "same_module",
    "same_records",
    "strided",
    "unchanged",
]
