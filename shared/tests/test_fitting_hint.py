"""Which hint is offered where no known mistake is like an answer."""

import pytest

from shared.course.readme import Exercise, Hint
from shared.learner.fitting_hint import fitting_hint

HINTS = (
    Hint("Hint: which logits count?", "Those of the last position count, because it has read the whole text."),
    Hint("Hint: how do I treat rows that have stopped?", "Keep a boolean for each row. Replace its drawn token."),
)
EXERCISE = Exercise("generate", "cache", 1, 3, 5, 18, "cache.py", False, HINTS)


@pytest.mark.parametrize(
    ("says", "number"),
    [
        ("a row that has stopped is filled up", 1),
        ("rows stop one by one, and a stopping row counts", 1),
        ("the logits of the last position count", 0),
        ("dropout is off while it writes", None),
        ("", None),
    ],
)
def test_the_hint_that_is_about_the_same(says, number):
    assert fitting_hint(EXERCISE, says) == (None if number is None else HINTS[number])


def test_an_exercise_without_hints_has_none_that_fits():
    assert fitting_hint(Exercise("x", "s", 1, 1, 1, 1, "s.py", False), "rows that have stopped") is None
