"""What the tests of the runner share: a whole day of two modules, and answers to it."""

import shutil

import tiny_day

from shared.learner.verdicts import verdicts

SECTIONS = {"inside": ["double", "mean"], "after": ["quadruple"]}

INSIDE = '''"""Two small functions."""


def double(x):
    """2 * x."""
    # BEGIN SOLUTION
    # TODO: twice.
    return x + x
    # END SOLUTION


def mean(x):
    """The mean of each row."""
    # BEGIN SOLUTION
    total = x.sum(dim=1)
    return total / x.shape[1]
    # END SOLUTION
'''

AFTER = '''"""Uses the other module."""

from inside import double


def quadruple(x):
    """4 * x."""
    # BEGIN SOLUTION
    return double(double(x))
    # END SOLUTION
'''

VARIANTS = """
[[double.wrong]]
says = "It is squared."
old = "x + x"
new = "x * x"

[[double.right]]
says = "by a number"
body = "return 2 * x"

[[mean.wrong]]
says = "It is the mean of the columns."
body = "return x.mean(dim=0)"

[[mean.wrong]]
says = "It is divided by the number of rows."
old = "x.shape[1]"
new = "x.shape[0]"

[[mean.wrong]]
says = "It is divided by the number of all values."
old = "x.shape[1]"
new = "x.numel()"
"""

VARIANTS_AFTER = """
[[quadruple.wrong]]
says = "It is doubled once."
old = "double(double(x))"
new = "double(x)"
"""

TEST_INSIDE = """import inside
import pytest
import torch

from shared.checks import close, exercise


@pytest.fixture(scope="session")
def table():
    return [inside.double(torch.tensor(3.0))]


@pytest.fixture(scope="module")
def row(table):
    return torch.stack([*table, inside.double(torch.tensor(5.0))])


@exercise("double")
def test_doubles(draw):
    x = draw(2, 3)
    close(inside.double(x), x * 2)


@exercise("double")
def test_fixtures_see_the_same_code(row, table):
    close(table[0], torch.tensor(6.0))
    close(row, torch.tensor([6.0, 10.0]))


@exercise("mean")
@pytest.mark.parametrize("size", [3, 4])
def test_is_the_mean_of_rows(size, draw):
    x = draw(size, size + 2)
    close(inside.mean(x), x.mean(dim=1))
"""

TEST_AFTER = """import after

from shared.checks import close, exercise


@exercise("quadruple")
def test_quadruples(draw):
    x = draw(2, 3)
    close(after.quadruple(x), x * 4)
"""


def whole_day(parent):
    """A whole day, its skeleton, and answers that are still the skeleton."""
    files = {"solution/inside.py": INSIDE, "solution/after.py": AFTER, "variants/inside.toml": VARIANTS}
    files |= {"variants/after.toml": VARIANTS_AFTER}
    files |= {"tests/test_inside.py": TEST_INSIDE, "tests/test_after.py": TEST_AFTER}
    made = tiny_day.build(parent / "course" / "w9d1_tiny", SECTIONS, files)
    from shared.course.fences import write_skeleton

    write_skeleton(made)
    shutil.copytree(made.path / "skeleton", made.path / "answers")
    return made


def answer(day, module: str, *edits: tuple[str, str]) -> None:
    """The solution with some edits becomes the answer."""
    text = (day.path / "solution" / f"{module}.py").read_text()
    for old, new in edits:
        assert old in text
        text = text.replace(old, new)
    (day.path / "answers" / f"{module}.py").write_text(text)


def shared(day, *arguments: str, **environment: str):
    """`python -m shared …` in the course's folder."""
    return tiny_day.run(day.path.parent, "-m", "shared", *arguments, **environment)


def states(day, results) -> dict[str, str]:
    return {verdict.exercise.name: verdict.state for verdict in verdicts(day, results)}
