"""Whatever an answer gives, the checks fail with one plain sentence: no other exception, no endless loop."""

import dataclasses
import enum
import itertools
import sys
import threading
from collections import OrderedDict, UserDict, UserList, namedtuple

import numpy as np
import pytest
import torch
from saying import X

import shared.checks.records as records
import shared.checks.values as values
from shared.checks import CheckFailed, close, equal, raises, recorder, same_distribution, same_gradients, same_records
from shared.checks.describe import describe
from shared.checks.records import freeze
from shared.checks.show import describe_call


def raising(*_):
    raise ValueError("no!")


def looping(*_):
    while True:
        pass


def leaving(*_):
    sys.exit(3)


def deep(*_):
    return deep()


HOOKS = ("__str__", "__repr__", "__eq__", "__len__", "__iter__", "__bool__", "__hash__", "__getitem__", "__contains__")
HOOKS += ("__int__", "__float__", "__index__", "__array__", "__format__", "__reduce__", "__ne__", "__lt__")
WRONG = {name: (lambda self, *args: 3.5) for name in HOOKS}  # of the wrong type


def evil(parent: type = object, does=raising, name: str = "Evil"):
    """An object of a class that derives from `parent`, of which everything that Python may call does this."""
    names = [hook for hook in HOOKS if hook != "__reduce__" or parent is object]
    return type(name, (parent,), {hook: does for hook in names} | {"shape": property(does), "keys": does})


class Liar:
    """`isinstance` believes it."""

    def __init__(self, what):
        self.what = what

    @property
    def __class__(self):
        return self.what if isinstance(self.what, type) else raising()


class Functional(torch.Tensor):
    @classmethod
    def __torch_function__(cls, *args, **kwargs):
        raise RuntimeError("not with me")


class Metaclass(type):
    __name__ = property(raising)


@dataclasses.dataclass
class Properties:
    a: int = 3

    def __getattribute__(self, name):
        raise KeyError(name)


def nested(depth: int) -> list:
    value: list = []
    for _ in range(depth):
        value = [value]
    return value


def knotted() -> list:
    value: list = [1]
    value.append(value)
    return value


def doubled(times: int) -> list:
    """2^times items, in as many lists as `times`."""
    value: list = [1]
    for _ in range(times):
        value = [value, value]
    return value


# What the answer gives, and what is said where a tensor was expected.
ODD = {
    "raises": (lambda: evil()(), "an Evil"),
    "loops": (lambda: evil(does=looping)(), "an Evil"),
    "leaves": (lambda: evil(does=leaving)(), "an Evil"),
    "recurses": (lambda: evil(does=deep)(), "an Evil"),
    "wrong types": (lambda: type("Evil", (), WRONG)(), "an Evil"),
    "an int that raises": (lambda: evil(int)(7), "the number 7"),
    "a float that loops": (lambda: evil(float, looping)(7), "the number 7.0"),
    "a string that leaves": (lambda: evil(str, leaving)("ab"), "the string 'ab'"),
    "a list that raises": (lambda: evil(list)([4, 5]), "a list of 2 numbers"),
    "a tuple that loops": (lambda: evil(tuple, looping)([4, 5]), "a tuple of 2 numbers"),
    "a dict that loops": (lambda: evil(dict, looping)(z=1), "a dict with 1 entry"),
    "a dict of a user that raises": (lambda: evil(UserDict)(), "an Evil"),
    "a list of evils": (lambda: [evil()(), evil(does=looping)()], "a list of 2 items"),
    "a dict of evils": (lambda: {"a": evil(does=looping)()}, "a dict with 1 entry"),
    "says that it is a tensor": (lambda: Liar(torch.Tensor), "a Liar"),
    "says that it is a number": (lambda: Liar(int), "a Liar"),
    "can't say what it is": (lambda: Liar(None), "a Liar"),
    "called like a tensor": (lambda: type("Tensor", (), {})(), "an object of a class of its own called Tensor"),
    "called like an array": (lambda: type("ndarray", (), {})(), "an object of a class of its own called ndarray"),
    "called like a list": (lambda: type("list", (), {})(), "an object of a class of its own called list"),
    "called like a function": (lambda: type("function", (), {})(), "a function"),
    "of a nameless class": (lambda: Metaclass("M", (), {})(), "a M"),
    "a dataclass without attributes": (lambda: Properties(), "a Properties"),
    "a generator": (lambda: (i for i in range(3)), "a generator"),
    "an endless iterator": (lambda: itertools.count(), "a count"),
    "a class": (lambda: int, "a type"),
    "a lock": (lambda: threading.Lock(), "a lock"),
    "a very deep list": (lambda: nested(50_000), "a list of 1 item"),
    "a list in itself": (lambda: knotted(), "a list of 2 items"),
    "more lists than memory": (lambda: doubled(60), "a list of 2 items"),
    "a huge integer": (lambda: 10**6000, "the number 1000000000…0000000000 (6001 digits)"),
    "a list of huge integers": (lambda: [10**6000], "a list of 1 number"),
    "a NaN as a key": (lambda: {float("nan"): 1}, "a dict with 1 entry"),
    "a lone surrogate": (lambda: "\ud800", r"the string '\ud800'"),
    "bytes": (lambda: b"\xff", "a bytes"),
    "an array of objects": (lambda: np.array([None, [1]], dtype=object), "a numpy array of objects"),
    "an array of strings": (lambda: np.array(["a"]), "a numpy array of strings"),
    "an array of dates": (
        lambda: np.array(["2026-01-01"], dtype="datetime64[D]"),
        "a numpy array of dtype datetime64[D]",
    ),
    "a matrix": (lambda: np.matrix([[1.0]]), "a matrix"),
    "a sparse tensor": (lambda: X.to_sparse(), "a sparse_coo tensor of shape [3, 4] instead of a tensor"),
    "a compressed tensor": (lambda: X.to_sparse_csr(), "a sparse_csr tensor of shape [3, 4] instead of a tensor"),
    "a tensor without values": (lambda: X.to("meta"), "cpu expected, meta got"),
    "a quantized tensor": (
        lambda: torch.quantize_per_tensor(X, 0.1, 0, torch.qint8),
        "a quantized tensor of shape [3, 4]",
    ),
    "a nested tensor": (lambda: torch.nested.nested_tensor([X, X[:1]]), "a nested tensor"),
    "a complex tensor": (lambda: X.to(torch.complex64), "float32 expected, complex64 got"),
    "a tensor of 8 bits": (lambda: X.to(torch.float8_e4m3fn), "float32 expected, float8_e4m3fn got"),
    "a tensor with a graph": (lambda: (X * 1).requires_grad_() + 1, "every one of the 12 values is wrong"),
    "a view of nothing of any size": (lambda: torch.zeros(1).expand(3, 1 << 40), "the shape is wrong"),
}
ODD["a tensor of inference"] = torch.inference_mode()(lambda: X + 1), "every one of the 12 values is wrong"

EXPECTED = [X, 3, 2.5, True, "cat", [1, 2], [[1.0], "a"], (1, None), {"a": 1}, {1, 2}, X.numpy(), None, b"ab", len]
EXPECTED += [torch.float32, 3 * X.to_sparse(), dataclasses.make_dataclass("D", ["a"])(1), {float("nan"): 2}, 10**7000]


@pytest.fixture(autouse=True)
def quicker(monkeypatch):
    monkeypatch.setattr(records, "CONTAINERS", 1000)
    monkeypatch.setattr(values, "STEPS", 3000)


def refused(check, *args, **kwargs) -> str:
    with pytest.raises(CheckFailed) as caught:
        check(*args, **kwargs)
    assert len(caught.value.summary) < 500 and "\n" not in caught.value.summary
    str(caught.value).encode()  # what no terminal could print
    return caught.value.summary


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", ODD)
def test_odd_values_get_a_sentence(name):
    make, words = ODD[name]
    value = make()
    for expected in EXPECTED:
        for check in (close, equal):
            refused(check, value, expected)
            refused(check, [value], [expected])
            refused(check, {"a": value}, {"a": expected})
    assert refused(close, value, X).startswith(words)
    refused(same_distribution, value, [0.5, 0.5])
    refused(raises, KeyError, lambda: value)
    describe(value), describe_call("f", (value, [value]), {"a": {"b": value}})


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", ODD)
def test_odd_values_are_recorded(name):
    value = ODD[name][0]()
    assert same_records(freeze(value), freeze(value)) in (True, False)
    assert same_records(freeze({"a": [value]}), freeze({"a": [value]})) in (True, False)
    recorder.keep(value)


def two(kind: type) -> tuple:
    return kind(), kind()


Point = namedtuple("Point", "x y")
Number = enum.IntEnum("Number", "ONE TWO")


@pytest.mark.parametrize(
    "got, expected",
    [
        (evil(int)(7), 7),
        (evil(str)("cat"), "cat"),
        (evil(list)([1, 2]), [1, 2]),
        (evil(dict)(a=1), {"a": 1}),
        (X.as_subclass(Functional), X),
        ([X.as_subclass(Functional)], [X]),
        (Number.TWO, 2),
        (Point(1, 2), (1, 2)),
        (OrderedDict(b=2, a=1), {"a": 1, "b": 2}),
        (UserDict(a=1), {"a": 1}),
        ({"a": 1}.keys(), {"a"}),
        (frozenset({1}), {1}),
        (np.float64(0.5), 0.5),
        (np.int32(3), 3),
        (np.bool_(True), True),
        (np.str_("cat"), "cat"),
        ([np.int64(3), 4], [3, 4]),
        (np.arange(3)[::-1], np.array([2, 1, 0])),
        (np.arange(3).astype(">i8"), np.arange(3)),
        (np.asfortranarray(np.eye(3)[:2]), np.eye(3)[:2]),
        ({float("nan"): 1}, {float("nan"): 1}),
        ({float("nan")}, {float("nan")}),
        (X.to_sparse(), X.to_sparse()),
        (X.to("meta"), X.to("meta")),
        (X.to(torch.complex64).conj(), X.to(torch.complex64)),
        (10**6000, 10**6000),
        (torch.tensor([2**63], dtype=torch.uint64), torch.tensor([2**63], dtype=torch.uint64)),
        (["\ud800"], ["\ud800"]),
    ],
    ids=lambda value: describe(value)[:30],
)
def test_right_values_of_odd_classes_pass(got, expected):
    equal(got, expected)
    close(got, expected)


@pytest.mark.parametrize(
    "got, expected, words",
    [
        (
            10**6000 + 1,
            10**6000,
            "expected 1000000000…0000000000 (6001 digits), got 1000000000…0000000001",
        ),
        (10**6000 + 10**20, 10**6000, "(6001 digits), which is 100000000000000000000 more"),
        (10**400, 2.5, "expected 2.5, got 1000000000…0000000000 (401 digits)"),
        ({"\ud800": 1}, {"a": 1}, "the keys are not the expected ones:"),
        ([evil()(), 1], [1, 1], "answer[0]: an Evil instead of a number"),
        (*two(evil(does=raising)), "an Evil can't be compared with an Evil: looking at it raises ValueError"),
        (*two(evil(does=looping)), "an Evil can't be compared with an Evil: looking at it never ends"),
        (X, X.to_sparse(), "a tensor of shape [3, 4] instead of a sparse_coo tensor"),
        (X.to_sparse() * 2, X.to_sparse(), "every one of the 12 values is wrong"),
        (X.to("meta")[0], X.to("meta"), "the shape is wrong:"),
        (UserList([1]), [1], "an UserList instead of a list of 1 number"),
    ],
    ids=lambda value: describe(value)[:30],
)
def test_what_is_said_of_odd_values(got, expected, words):
    assert words in refused(equal, got, expected)


@pytest.mark.parametrize("does", [raising, looping, leaving, deep], ids=lambda does: does.__name__)
def test_an_exception_that_cannot_speak(does):
    class Mute(Exception):
        __str__ = __repr__ = does

    def call():
        raise Mute

    assert refused(raises, KeyError, call) == "KeyError expected, Mute raised"
    assert refused(raises, Mute, call, names="size") == "the Mute says ''"


def test_the_courses_own_mistakes_are_not_the_answers():
    with pytest.raises(ValueError, match="no gradient to compare"):
        same_gradients(lambda x: x, lambda x: x, torch.tensor([1, 2]))


def test_a_stub_that_a_check_calls_is_still_to_do():
    class Token:
        def __eq__(self, other):
            raise NotImplementedError("Token.__eq__")

        __hash__ = None

    with pytest.raises(NotImplementedError):
        equal(Token(), Token())
    assert freeze(Token())


def test_a_debugger_goes_on_watching():
    def watch(*_):
        return None

    sys.settrace(watch)
    try:
        freeze(evil()())
        assert sys.gettrace() is watch
    finally:
        sys.settrace(None)
