"""The checks: right answers pass, wrong ones fail with exactly these words, and both leave a record."""

from collections import UserDict

import pytest
import torch
from saying import X, said
from torch import nn

from shared.checks import (
    CheckFailed,
    close,
    equal,
    exercise,
    fail,
    raises,
    recorder,
    same_gradients,
    same_records,
    strided,
    unchanged,
)
from shared.checks.compare import compare
from shared.checks.describe import describe


def test_the_message_of_the_design():
    with pytest.raises(CheckFailed) as caught:
        close(torch.tensor([0.49308, 1.0]), torch.tensor([1.97232, 4.0]))
    assert caught.value.summary == "both values are wrong; the first, at [0]:"
    assert caught.value.lines == ["expected  1.9723", "got       0.49308      (always 4 times too small)"]
    assert str(caught.value).splitlines()[1] == "  expected  1.9723"


# close and equal


@pytest.mark.parametrize(
    "got, expected",
    [
        (X + 1e-7, X),
        (nn.Parameter(X), X),
        (strided(X), X),
        (X[:0], X[:0]),
        (1.0000001, 1.0),
        (torch.tensor(1.0000001), 1.0),
        (torch.tensor(3), 3),
        (2.9999999, 3),
        (1 + 0j, 1.0),
        ([X, (X, 2.0)], (X, [X, 2.0])),
        ({"b": [1.0], "a": X}, {"a": X, "b": (1.0,)}),
        (UserDict(a=X), {"a": X}),
        (X.numpy(), X.numpy()),
        (float("nan"), float("nan")),
        (X.half() * 1.001, X.half()),
        (X.bfloat16() * 1.01, X.bfloat16()),
        (None, None),
        ("cat", "cat"),
    ],
    ids=describe,
)
def test_close_accepts(got, expected):
    close(got, expected)


@pytest.mark.parametrize(
    "got, expected, words",
    [
        (None, X, "the answer returned None: is a `return` missing?"),
        ([1, 2, 3], X, "a list of 3 numbers instead of a tensor"),
        ("cat", X, "the string 'cat' instead of a tensor"),
        (2.0, X, "the number 2.0 instead of a tensor"),
        (X.numpy(), X, "a numpy array instead of a tensor"),
        (X, 2.0, "a tensor of shape [3, 4] instead of a number"),
        (torch.tensor([2.0]), 2.0, "a tensor of shape [1] instead of a number"),
        (True, 1.0, "True instead of a number"),
        (1, True, "the number 1 instead of True"),
        (X.mean, 2.0, "the function `mean`, not called, instead of a number"),
        (X, (X, X), "a tensor of shape [3, 4] instead of a tuple of 2 tensors"),
        (
            X.T,
            X,
            "the shape is wrong:\n  expected  [3, 4]\n  got       [4, 3]      (transposed: dims 0 and 1 are swapped)",
        ),
        (X.double(), X, "float32 expected, float64 got"),
        (X.int(), X.long(), "int64 expected, int32 got"),
        (0.25, 1.0, "expected 1, got 0.25"),
        (100_001, 100_000, "expected 100000, got 100001"),
        ((X, X, X), (X, X), "2 items expected, 3 got"),
        (
            (X, X[0]),
            (X, X),
            "answer[1]: the shape is wrong:\n  expected  [3, 4]\n  got       [4]      (dim 0, of size 3, is missing)",
        ),
        ((X, None), (X, X), "answer[1]: None instead of a tensor"),
        ({"a": 0.5}, {"a": 1.5}, "answer['a']: expected 1.5, got 0.5"),
        ({"a": 1, "c": 2}, {"a": 1, "b": 2}, "the keys are not the expected ones:\n  missing     b\n  unexpected  c"),
    ],
    ids=describe,
)
def test_close_says(got, expected, words):
    assert said(close, got, expected) == words


def test_the_device_comes_before_the_values():
    assert said(compare, X.to("meta"), X, "", (None, None)) == "cpu expected, meta got"


def test_close_says_what_it_looked_at():
    assert said(close, 0.5, 0.7, name="the loss") == "the loss: expected 0.7, got 0.5"
    assert said(close, [0.7, 0.5], [0.7, 0.7], name="losses") == "losses[1]: expected 0.7, got 0.5"


def test_close_takes_a_tolerance():
    close(X + 0.1, X, atol=0.2)
    close(X * 1.1, X, rtol=0.2)
    said(close, X + 1e-7, X, rtol=0, atol=0)


def test_close_tells_eps_inside_the_root_from_outside():
    row = torch.randn(2, 5, generator=torch.Generator().manual_seed(1)) * 1e-3
    variance = row.var(-1, keepdim=True, correction=0)
    centred = row - row.mean(-1, keepdim=True)
    expected = nn.functional.layer_norm(row, (5,))
    close(centred / (variance + 1e-5).sqrt(), expected)
    said(close, centred / (variance.sqrt() + 1e-5), expected)


@pytest.mark.parametrize(
    "value",
    [
        3,
        True,
        "cat",
        None,
        [1, 2],
        (1, "a"),
        [[1], [2, 3]],
        {"a": [1]},
        {(1, 2): 3},
        X,
        X > 0,
        {1, 2},
        b"ab",
        torch.int8,
    ],
    ids=describe,
)
def test_equal_accepts_the_same(value):
    equal(value, value)


def test_equal_accepts_a_tensor_for_one_number():
    equal(torch.tensor(3), 3)
    equal(X.all() | True, True)


@pytest.mark.parametrize(
    "got, expected, words",
    [
        (4, 3, "expected 3, got 4"),
        (3.0, 3, "expected 3, got 3.0"),
        (True, 1, "True instead of a number"),
        (None, "cat", "the answer returned None: is a `return` missing?"),
        (5, None, "expected None, got 5"),
        ({1, 2}, {1, 3}, "the items are not the expected ones:\n  missing     3\n  unexpected  2"),
        ((1, 2), [1, 2], "a tuple of 2 numbers instead of a list of 2 numbers"),
        (["a"], "a", "a list of 1 string instead of a string"),
        ([1, 9, 3], [1, 2, 3], "one of the 3 items is wrong, at [1]:\n  expected  [1, 2, 3]\n  got       [1, 9, 3]"),
        ([1, True], [1, 1], "one of the 2 items is wrong, at [1]:\n  expected  [1, 1]\n  got       [1, True]"),
        (
            [1, 2],
            [1, 2, 3],
            "3 items expected, 2 got; the first difference is at [2]:\n  expected  [1, 2, 3]\n  got       [1, 2]",
        ),
        ([], [1], "1 item expected, 0 got; the first difference is at [0]:\n  expected  [1]\n  got       []"),
        ([[1], [2]], [[1], [3]], "answer[1]: its only item is wrong:\n  expected  [3]\n  got       [2]"),
        (
            "hullo",
            "hello",
            "one of the 5 characters is wrong, at character [1]:\n  expected  'hello'\n  got       'hullo'",
        ),
        (
            list(range(100)),
            [*range(50), 0, 0, *range(52, 100)],
            "2 of the 100 items are wrong; the first, at [50]:\n"
            "  expected  … [46, 47, 48, 49, 0, 0, 52, 53, 54] …\n"
            "  got       … [46, 47, 48, 49, 50, 51, 52, 53, 54] …",
        ),
    ],
    ids=describe,
)
def test_equal_says(got, expected, words):
    assert said(equal, got, expected) == words


# the rest


def refuse(x, strict=True):
    if strict:
        raise ValueError(f"no {x}, please")
    return [x]


def test_raises():
    raises(ValueError, refuse, 3, names="no 3")
    raises(ValueError, refuse, 3, names=(3, "please"))
    raises(ValueError, refuse, 3, names={"four", "please"})
    raises((KeyError, ValueError), refuse, 3, strict=True)
    assert said(raises, ValueError, refuse, 3, strict=False) == (
        "ValueError expected, but nothing was raised\n  got       a list of 1 number"
    )
    assert said(raises, ValueError, refuse, 3, names=(3, "odd")) == (
        "the ValueError says 'no 3, please'\n  expected  a message with 3 and 'odd' in it"
    )
    assert said(raises, ValueError, refuse, 3, names={"even", "odd"}) == (
        "the ValueError says 'no 3, please'\n  expected  a message with 'even' or 'odd' in it"
    )
    for longer in (13, 31, -3, "3.5", "x3", "1.3"):
        assert "with 3 in it" in said(raises, ValueError, refuse, longer, names=3)
    for alone in ("3-4", "(3)", "3.", "0..3", "'3'"):
        raises(ValueError, refuse, alone, names=3)
    for sizes in ("a kernel of 2x3", "2X3x4", "a 2×3 kernel", "3px of 2px"):
        raises(ValueError, refuse, sizes, names=(2, 3))
    for none in ("conv3d", "x3", "3d", "0x3f", "12x34"):
        assert "with 3 in it" in said(raises, ValueError, refuse, none, names=3), none
    raises(ValueError, refuse, -3, names=-3)
    assert said(raises, (KeyError, TypeError), refuse, 3) == (
        "KeyError or TypeError expected, ValueError raised: no 3, please"
    )


def test_an_exercise_to_do_does_not_pass_for_an_error():
    def stub():
        raise NotImplementedError("stub")

    for errors in (ValueError, RuntimeError, Exception):
        with pytest.raises(NotImplementedError):
            raises(errors, stub)
    raises(NotImplementedError, stub)


def test_unchanged():
    x, y = X.clone(), X.clone()
    with unchanged(x, y):
        x * 2
    with pytest.raises(CheckFailed) as caught, unchanged(x, y):
        y[1] = 7
    assert str(caught.value).startswith(
        "tensor 2 was changed in place: 4 of the 12 values are wrong; the first, at [1, 0]:"
    )
    with pytest.raises(KeyError), unchanged(x):
        x.zero_()
        raise KeyError  # what went wrong inside comes first


@pytest.mark.parametrize("shape", [(5,), (2, 3), (5, 1), (1, 5), (1, 4, 1), (2, 0)])
@pytest.mark.parametrize("dtype", [torch.float32, torch.int64, torch.bool, torch.bfloat16])
def test_strided(shape, dtype):
    x = torch.randn(shape).to(dtype)
    y = strided(x)
    assert torch.equal(x, y) and y.dtype == dtype
    assert not y.is_contiguous() or y.numel() < 2


def test_fail():
    assert said(fail, "two tokens share an id", "token  7") == "two tokens share an id\n  token  7"


def test_exercise_marks_a_test():
    assert exercise("causal_mask").mark.name == "exercise" and exercise("causal_mask").mark.args == ("causal_mask",)


# the record


def record(*checks):
    recorder.start()
    for check in checks:
        try:
            check()
        except CheckFailed:
            continue
    return recorder.items


def test_a_failing_value_is_in_the_record():
    x = X.clone()
    items = record(
        lambda: close(x, X + 1),
        lambda: equal([1, 2], 3),
        lambda: raises(KeyError, refuse, 1),
        lambda: raises(KeyError, refuse, 1, strict=False),
        lambda: same_gradients(torch.exp, torch.exp, X),
        lambda: fail("bad", "worse"),
    )
    x.zero_()
    close(X.exp(), items[4])
    above = torch.randn(X.shape, generator=torch.Generator().manual_seed(0))
    rest = [["list", 1, 2], "ValueError", ["list", "nothing raised", ["list", 1]], X.exp(), ["list", above * X.exp()]]
    assert same_records(items[:6], [X, *rest])
    assert items[6] == ["list", "bad", "worse"]


def test_what_a_message_lacks_is_in_the_record_but_not_its_wording():
    def refusal(message):
        def call():
            raise ValueError(message)

        return record(lambda: raises(ValueError, call, names=(3, "size")))

    assert refusal("index 4 is too much") == refusal("4? No!") != refusal("index 5 is too much")
    assert refusal("size 3") == ["ValueError"]


def test_a_record_holds_plain_copies():
    parameter = nn.Parameter(X.clone())
    (item,) = record(lambda: close({"a": parameter, "b": {3, 1}, "c": object()}, 0))
    assert not item["a"].requires_grad and item["a"].data_ptr() != parameter.data_ptr()
    assert item["b"] == ["1", "3"] and item["c"] == "<object object>"


@pytest.mark.parametrize(
    "a, b, same",
    [
        ([X], [X * 1.00001], True),
        ([X], [X * 1.01], False),
        ([X], [X, X], False),
        ([X], [X.double()], False),
        ([X], [X.reshape(-1)], False),
        ([X.double()], [X.double() * 1.00001], False),
        ([X * torch.nan], [X * torch.nan], True),
        ([X * torch.nan], [X], False),
        ([1], [1.0], False),
        ([1], [True], False),
        ([0.5], [0.500001], True),
        ([float("nan")], [float("nan")], True),
        ([{"a": 1}], [{"b": 1}], False),
        (["a", None], ["a", None], True),
        ([torch.tensor([1, 2])], [torch.tensor([1, 3])], False),
    ],
    ids=str,
)
def test_same_records(a, b, same):
    assert same_records(a, b) is same
