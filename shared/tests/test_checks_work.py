"""Checks of the work that is done, and lists of unlike things that say what each is."""

import math
import types

import pytest
import torch
from saying import X, said
from torch import nn

from shared.checks import calls_of, close, equal
from shared.checks.work import CallMade

tools = types.ModuleType("tools")
exec(
    """
def half(x, by=2):
    return x / by

def quarter(x):
    return half(half(x))

def endless(x):
    return x if x > 100 else endless(2 * x)
""",
    vars(tools),
)


class Counter:
    def __init__(self):
        self.total = 0

    def add(self, amount, times=1):
        self.total += amount * times
        return self

    @staticmethod
    def twice(x):
        return 2 * x

    @classmethod
    def made(cls, total):
        counter = cls()
        counter.total = total
        return counter


def test_the_calls_of_a_module_are_counted_and_made():
    with calls_of(tools, "half") as calls:
        assert tools.quarter(8) == 2 and tools.half(9, by=3) == 3
    assert calls == [CallMade((8,), {}), CallMade((4.0,), {}), CallMade((9,), {"by": 3})]
    tools.half(8)
    assert len(calls) == 3


def test_a_function_that_calls_itself_is_counted_each_time():
    with calls_of(tools, "endless", note=lambda x: x) as seen:
        tools.endless(30)
    assert seen == [30, 60, 120]


def test_a_note_is_taken_at_the_moment_of_the_call():
    grown: list = []
    with calls_of(math, "fsum", note=len) as sizes:
        for number in range(3):
            grown.append(number)
            math.fsum(grown)
    assert sizes == [1, 2, 3]


def test_methods_of_a_class_and_of_one_object():
    one, other = Counter(), Counter()
    with (
        calls_of(Counter, "add") as of_all,
        calls_of(one, "add", note=lambda amount, times=1: amount * times) as of_one,
    ):
        one.add(3, times=2)
        other.add(1)
    assert (one.total, other.total, of_one) == (6, 1, [6])
    assert [call.args for call in of_all] == [(one, 3), (other, 1)]
    with calls_of(Counter, "twice") as twice, calls_of(Counter, "made") as made:
        assert Counter.twice(2) == one.twice(2) == 4 and one.made(5).total == 5
    assert [call.args for call in twice + made] == [(2,), (2,), (5,)]
    assert vars(one) == {"total": 6} and isinstance(vars(Counter)["twice"], staticmethod)


def test_a_module_of_torch_however_it_is_called():
    layer = nn.Linear(4, 2)
    with calls_of(layer, "forward", note=lambda input: tuple(input.shape)) as shapes:
        layer(X), layer(input=X[:1]), layer.forward(X)
    assert shapes == [(3, 4), (1, 4), (3, 4)]
    assert "forward" not in vars(layer)
    layer(X)
    assert len(shapes) == 3


def test_everything_is_put_back_after_an_error():
    before = torch.linalg.inv
    with pytest.raises(ZeroDivisionError), calls_of(torch.linalg, "inv") as calls:
        torch.linalg.inv(torch.eye(2))
        raise ZeroDivisionError
    assert torch.linalg.inv is before and len(calls) == 1


@pytest.mark.parametrize(
    "got, expected, words",
    [
        ([3, False], [3, True], "whether 1 is among them: expected True, got False"),
        ((2, True), (3, True), "how many: expected 3, got 2"),
        (
            [3],
            [3, True],
            "2 items expected, 1 got; the first difference is at [1]:\n  expected  [3, True]\n  got       [3]",
        ),
        (None, [3, True], "the answer returned None: is a `return` missing?"),
        ([None, True], [3, True], "how many: None instead of a number"),
    ],
    ids=str,
)
def test_parts_say_what_each_item_is(got, expected, words):
    parts = ("how many", "whether 1 is among them")
    assert said(equal, got, expected, parts=parts).startswith(words)
    assert said(equal, got, expected, parts=parts, name="drawn").startswith("drawn")
    equal(expected, expected, parts=parts)
    close((0.5, X), (0.5, X), parts=parts)


def test_parts_that_do_not_fit_are_the_tests_mistake():
    with pytest.raises(ValueError, match="zip"):
        equal([1, 2], [1, 2], parts=("one",))


@pytest.mark.parametrize(
    "got, expected, words",
    [
        ([3, False, "a"], [3, True, "a"], "answer[1]: expected True, got False"),
        ([4, True], [3, True], "answer[0]: expected 3, got 4"),
        ((1, None, 2), (1, None, 3), "answer[2]: expected 3, got 2"),
        ({"how many": 2, "all": True}, {"how many": 3, "all": True}, "answer['how many']: expected 3, got 2"),
    ],
    ids=str,
)
def test_of_unlike_things_only_the_wrong_one_is_shown(got, expected, words):
    assert said(equal, got, expected) == words
