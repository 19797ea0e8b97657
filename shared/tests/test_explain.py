"""What `shared.checks.explain` says, word for word: learners read these sentences, so a change should be seen."""

import pytest
import torch

from shared.checks.describe import describe
from shared.checks.explain import shapes_differ, values_differ

X = torch.randn(2, 3, 5, 4, generator=torch.Generator().manual_seed(1))
POSITIVE = X.abs() + 0.1
TOKENS = torch.tensor([[3, 1, 4], [1, 5, 9]])
FLAGS = torch.tensor([[True, False, False], [True, True, False]])


def changed(index, value, x=X):
    x = x.clone()
    x[index] = value
    return x


def note(got, expected, rtol=1e-4, atol=1e-5):
    """The part in brackets, or an empty string."""
    summary, lines = values_differ(got, expected, rtol, atol)
    return (lines[-1] if lines else summary).partition("(")[2].rstrip(")")


def test_what_was_computed_in_float32_is_said():
    exact = X.double().sin()
    words = "right to some seven digits, as float32 has them"
    assert note(exact.float().double(), exact, 1e-9, 1e-11) == words
    assert note(X.sin().double(), exact, 1e-9, 1e-11) == words
    assert note(exact * (1 + 1e-5), exact, 1e-9, 1e-11) != words
    assert note(X * (1 + 3e-7), X, 1e-9, 1e-11) != words  # float32 is what was asked for


def test_equal_values_need_no_words():
    assert values_differ(X, X + 1e-6, 1e-4, 1e-5) is None
    assert values_differ(changed(0, torch.nan), changed(0, torch.nan), 0, 0) is None
    assert values_differ(changed(0, -torch.inf), changed(0, -torch.inf), 1e-4, 1e-5) is None
    assert values_differ(torch.zeros(0, 3), torch.zeros(0, 3), 0, 0) is None


@pytest.mark.parametrize(
    "got, expected",
    [
        (X / 4, "always 4 times too small"),
        (X * 3, "always 3 times too big"),
        (X * 8**0.5, "always √8 times too big"),
        (X * 6 / 5, "always 6/5 times too big"),
        (X * 0.3137, "always 3.188 times too small"),
        (X * -2, "always 2 times too big, and the sign is flipped"),
        (-X, "the sign is flipped"),
        (X + 0.5, "always 0.5 too high"),
        (X - 1, "always 1 too low"),
        (torch.zeros_like(X), "all zeros"),
        (torch.full_like(X, 0.2), "every value is 0.20000000298023224"),
        (X.flip(2), "reversed along dim 2"),
        (X.roll(1, 2), "each value is one place too late along dim 2"),
        (X.roll(-1, 3), "each value is one place too early along dim 3"),
        (X.reshape(2, 5, 3, 4).transpose(1, 2), "the right values in another order"),
        (torch.cat([X[:1], X[1:] ** 2]), "only the first along dim 0 is right"),
        (torch.cat([X[:1] ** 2, X[1:]]), "only the last along dim 0 is right"),
        (changed((slice(None), slice(None), -1), 7.0), "only the last along dim 2 is wrong"),
        (changed((slice(None), slice(None), 0), 7.0), "only the first along dim 2 is wrong"),
        (X.abs(), "right but for some signs"),
        (X.clamp(min=0.3), ""),
        (changed((1, 2, 3, 1), 7.0), ""),
    ],
)
def test_names_the_classic(got, expected):
    assert note(got, X) == expected


@pytest.mark.parametrize(
    "got, expected",
    [
        (POSITIVE.sqrt(), "the square root of what it should be"),
        (POSITIVE**2, "the square of what it should be"),
        (POSITIVE.log(), "the logarithm of what it should be"),
        (POSITIVE.exp(), "the exponential of what it should be"),
        (1 / POSITIVE, "one divided by what it should be"),
        (1 - POSITIVE, "one minus what it should be"),
    ],
)
def test_names_a_function_that_is_missing_or_too_many(got, expected):
    assert note(got, POSITIVE) == expected


def test_names_a_transposition_of_a_square():
    square = torch.randn(2, 3, 3, generator=torch.Generator().manual_seed(1))
    assert note(square.mT, square) == "transposed: dims 1 and 2 are swapped"


@pytest.mark.parametrize(
    "got, expected",
    [
        (TOKENS + 1, "always 1 too high"),
        (TOKENS.flip(1), "reversed along dim 1"),
        (TOKENS * 0, "all zeros"),
        (TOKENS // 2, ""),
    ],
)
def test_names_the_classic_of_integers(got, expected):
    assert note(got, TOKENS, 0, 0) == expected


@pytest.mark.parametrize(
    "got, expected",
    [
        (~FLAGS, "True and False are swapped"),
        (FLAGS & False, "every value is False"),
        (FLAGS.flip(1), "reversed along dim 1"),
    ],
)
def test_names_the_classic_of_booleans(got, expected):
    assert note(got, FLAGS, 0, 0) == expected


def test_a_tiny_difference_is_no_classic():
    # 0.001 squared is 1e-6, which atol alone would call zero.
    assert note(torch.tensor([1e-3, 1e-3, -2e-3]), torch.zeros(3)) == ""
    assert values_differ(torch.tensor([1.0, 2.0]), torch.tensor([1.0000001, 2.0]), 0, 0)[1] == [
        "expected  1.0000001",
        "got       1",
    ]


@pytest.mark.parametrize(
    "got, summary",
    [
        (X / 4, "every one of the 120 values is wrong; the first, at [0, 0, 0, 0]:"),
        (changed((1, 2, 3, 1), 7.0), "one of the 120 values is wrong, at [1, 2, 3, 1]:"),
        (changed((1, 2, 3), 7.0), "4 of the 120 values are wrong; the first, at [1, 2, 3, 0]:"),
        (changed((1, 2), torch.nan), "20 of the 120 values are NaN; the first, at [1, 2, 0, 0]:"),
        (changed((1, 2, 3, 1), torch.inf), "one of the 120 values is infinite, at [1, 2, 3, 1]:"),
        (X * torch.nan, "every one of the 120 values is NaN; the first, at [0, 0, 0, 0]:"),
    ],
)
def test_says_how_many_and_where(got, summary):
    assert values_differ(got, X, 1e-4, 1e-5)[0] == summary


@pytest.mark.parametrize(
    "got, expected, summary",
    [
        (0.4931, 1.9724, "expected 1.9724, got 0.4931 (4 times too small)"),
        (0.3, 1.9724, "expected 1.9724, got 0.3"),
        (-2.5, 2.5, "expected 2.5, got -2.5"),
        (float("nan"), 2.5, "expected 2.5, got nan"),
        (0.0, 2.5, "expected 2.5, got 0"),
        (3, 6, "expected 6, got 3"),
        (True, False, "expected False, got True"),
    ],
)
def test_one_value_reads_as_a_sentence(got, expected, summary):
    words = values_differ(torch.tensor(got), torch.tensor(expected), 1e-4, 1e-5)
    assert words == (summary, [])


def test_two_values_are_both():
    assert (
        values_differ(torch.tensor([1, 2]), torch.tensor([7, 3]), 0, 0)[0]
        == "both values are wrong; the first, at [0]:"
    )


@pytest.mark.parametrize("dtype", [torch.float64, torch.float16, torch.bfloat16, torch.complex64, torch.int32])
def test_every_dtype_has_its_words(dtype):
    ones = torch.ones(2, 3, dtype=dtype)
    assert values_differ(ones, ones, 0, 0) is None
    assert values_differ(ones * 2, ones, 0, 0)[0].startswith("every one of the 6 values is wrong")


@pytest.mark.parametrize(
    "got, expected, said",
    [
        ((2, 5, 3), (2, 3, 5), "transposed: dims 1 and 2 are swapped"),
        ((5, 2, 3), (2, 3, 5), "the right dims in another order"),
        ((2, 3), (2, 3, 1), "dim 2, of size 1, is missing"),
        ((2, 5), (2, 3, 5), "dim 1, of size 3, is missing"),
        ((2, 1, 3), (2, 3), "an extra dim, dim 1"),
        ((30,), (2, 3, 5), "flattened"),
        ((2, 15), (2, 3, 5), "the right number of values in another shape"),
        ((2, 4), (2, 3), ""),
    ],
)
def test_says_how_one_shape_becomes_the_other(got, expected, said):
    summary, lines = shapes_differ(torch.zeros(got), torch.zeros(expected))
    assert summary == "the shape is wrong:"
    assert lines == [f"expected  {list(expected)}", f"got       {list(got)}" + f"      ({said})" * bool(said)]


@pytest.mark.parametrize(
    "value, words",
    [
        (None, "None"),
        (True, "True"),
        (1.5, "the number 1.5"),
        ([], "an empty list"),
        ((1,), "a tuple of 1 number"),
        ([X, X], "a list of 2 tensors"),
        ([X, 1], "a list of 2 items"),
        ("x" * 100, "the string '" + "x" * 58 + "…"),
        ({"a": 1}, "a dict with 1 entry"),
        (X.numpy(), "a numpy array"),
        (X.mean, "the function `mean`, not called,"),
        (iter([1]), "a list_iterator"),
    ],
)
def test_describes_what_something_is(value, words):
    assert describe(value) == words


@pytest.mark.parametrize(
    "got, expected",
    [
        ([0.0, 0.5], [torch.inf, 2.0]),  # one divided by what it should be
        ([1.0003, 1.0006, 1.0], [1.0006, 1.0012, 1.0]),  # near one, a square root is half the difference
        ([1.002, 1.002, 1.002], [1.001, 1.001, 1.001]),
        ([0.1, 0.2], [0.9, 0.8]),  # one minus, or in another order
        ([4.0, 9.0], [2.0, 3.0]),
        ([5.0, 6.0], [6.0, 7.0]),
        ([0.7, 0.7, 0.7], [0.49, 0.49, 0.49]),
        ([2.0, 2.0], [8.0, 8.0]),
        ([1.0, -1.0], [-1.0, 1.0]),
        ([0.0, 1.0, 2.0], [0.0, 0.0, 1.0]),
        ([2.5], [5.0]),
        ([0.5], [0.25]),
        ([3.1416], [1.0]),
        ([29.513 * 1.97234], [1.97234]),  # 29.513 is almost √871
    ],
    ids=str,
)
def test_what_fits_by_chance_is_no_note(got, expected):
    words = note(torch.tensor(got), torch.tensor(expected))
    assert words == "" or words.startswith("only the")  # which places are right is a fact


@pytest.mark.parametrize(
    "got, expected, words",
    [
        ([0.49308, 1.0], [1.97232, 4.0], "always 4 times too small"),
        ([0.1234, 0.2345, 0.7], [0.8766, 0.7655, 0.3], "one minus what it should be"),
        ([1.0, 0.25, 0.0625, 0.04], [1.0, 0.5, 0.25, 0.2], "the square of what it should be"),
        ([0.0, 0.5, 0.25, 0.2], [torch.inf, 2.0, 4.0, 5.0], "one divided by what it should be"),
        ([3.0, 1.0, 2.0], [1.0, 2.0, 3.0], "the right values in another order"),
        ([1.0, -1.0] * 4, [-1.0, 1.0] * 4, "the sign is flipped"),
        ([8.0 * 1.97234], [1.97234], "8 times too big"),
    ],
    ids=str,
)
def test_what_several_values_say_is_a_note(got, expected, words):
    assert note(torch.tensor(got), torch.tensor(expected)) == words


@pytest.mark.parametrize(
    "flags, words", [([True, False, True, False, False], "True and False are swapped"), ([True], "")]
)
def test_swapped_booleans_have_to_be_several(flags, words):
    flags = torch.tensor(flags, dtype=torch.bool)
    assert note(~flags, flags, 0, 0) == words
