"""Where the course's own code fails, no answer is blamed, and the others keep their verdict."""

import tiny_day

from shared.learner.verdicts import verdicts
from shared.runner.run import run_day

SOLUTION = "def {0}(x):\n    # BEGIN SOLUTION\n    return 2 * x\n    # END SOLUTION\n"
TESTS = """import inside
import pytest

from shared.checks import equal, exercise
from shared.sandbox.plugin import DayPlugin


@pytest.mark.parametrize("name", [pytest.param(name, marks=exercise(name), id=name) for name in ("first", "last")])
def test_doubles(name):
    equal(getattr(inside, name)(2), 4)


@exercise("middle")
def test_breaks_the_runner(monkeypatch):
    DayPlugin.exercise_of = None
    equal(inside.middle(2), 5)
"""


def test_a_failure_of_the_runner_is_its_own(tmp_path):
    names = ["first", "middle", "last"]
    files = {"solution/inside.py": "\n\n".join(map(SOLUTION.format, names)), "tests/test_inside.py": TESTS}
    day = tiny_day.build(tmp_path / "w9d1_tiny", {"inside": names}, files)
    found = {v.exercise.name: v for v in verdicts(day, run_day(day, "solution", "cpu"))}
    assert {name: verdict.state for name, verdict in found.items()} == {
        "first": "done",
        "middle": "fault",
        "last": "done",
    }
    assert "please report this" in found["middle"].problem.summary
