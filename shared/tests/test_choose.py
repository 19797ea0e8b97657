"""Which exercises a pair means: one, a section, or the next one where it names none."""

import pytest
import tiny_day
import whole_day
from whole_day import answer

from shared import cli
from shared.course.day import UnknownExercise
from shared.learner import choose
from shared.learner.state import read_state, write_state


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return whole_day.whole_day(tmp_path_factory.mktemp("choose"))


@pytest.fixture
def day(made, monkeypatch):
    """The day with answers that are still the skeleton, of which nothing is known."""
    monkeypatch.delenv("BYO_MAKE", raising=False)
    monkeypatch.setenv("BYO_ROOT", str(made.path.parent))
    for module in ("inside.py", "after.py"):
        (made.path / "answers" / module).write_bytes((made.path / "skeleton" / module).read_bytes())
    write_state(made, {})
    return made


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("mean", ["mean"]),
        ("inside", ["double", "mean"]),
        ("inside.py", ["double", "mean"]),
        ("after", ["quadruple"]),
    ],
)
def test_a_word_stands_for_an_exercise_or_a_section(day, text, names):
    assert choose.named(day, text) == names


@pytest.mark.parametrize("text", ["insde", "inside.txt", "", ".py"])
def test_other_words_are_refused(day, text):
    with pytest.raises(UnknownExercise):
        choose.named(day, text)


def test_an_exercise_counts_before_a_section_of_its_name(tmp_path):
    files = {"solution/part.py": "", "tests/x": ""}
    day = tiny_day.build(tmp_path / "w9d1_tiny", {"part": ["part", "other"]}, files)
    assert choose.named(day, "part") == ["part"] and choose.named(day, "part.py") == ["part", "other"]


@pytest.mark.parametrize(
    ("done", "wrong", "following"),
    [
        ({}, {}, ("double", "still to do")),
        ({"double": True}, {"double": None}, ("mean", "still to do")),
        ({"double": True, "mean": False, "quadruple": False}, {}, ("mean", "still to do")),
        (
            {"double": True, "mean": False, "quadruple": False},
            {"quadruple": "def"},
            ("quadruple", "wrong when it was last tested"),
        ),
        ({"double": True, "mean": True, "quadruple": True}, {"mean": None}, None),
    ],
)
def test_the_next_one_is_the_first_wrong_else_the_first_to_do(day, done, wrong, following):
    write_state(day, {"done": done, "wrong": wrong})
    found = choose.next_exercise(day)
    assert (found and (found[0].name, found[1])) == following


def test_what_is_written_and_not_known_is_passed_over(day):
    answer(day, "inside")
    found = choose.next_exercise(day)
    assert found and found[0].name == "quadruple"


def test_before_the_start_it_is_the_first(tmp_path):
    day = tiny_day.build(tmp_path / "w9d1_tiny", {"part": ["one"]}, {"skeleton/part.py": "def one():\n    ...\n"})
    assert choose.next_exercise(day) is None
    (day.path / "skeleton" / "part.py").write_text("def one():\n    raise NotImplementedError('one')\n")
    assert choose.next_exercise(day)


# ---- The commands


def test_hint_and_show_without_a_name_say_which_is_next(day, capsys):
    assert cli.main(["hint", "w9d1"]) == 0
    out = capsys.readouterr().out
    assert out.startswith("The next exercise is double, which is still to do.\n\ndouble, hint 1 of 2: First of double")
    assert cli.main(["show", "w9d1"]) == 0
    out = capsys.readouterr().out
    assert out.startswith("# The next exercise is double, which is still to do.\n\ndef double(x):")
    exec(out, {})


def test_take_goes_on_by_itself(day, capsys):
    write_state(day, {"wrong": {"mean": "def mean"}, "done": {"mean": False, "double": True}})
    for name in ("mean", "quadruple"):
        assert cli.main(["take", "w9d1"]) == 0
        assert f"{name} is now the reference answer" in capsys.readouterr().out
    assert read_state(day)["wrong"] == {} and read_state(day)["done"] == {"double": True}
    assert cli.main(["take", "w9d1"]) == 2
    assert "`python -m shared test w9d1` tests it all" in capsys.readouterr().err


def test_a_reset_is_known(day, capsys):
    write_state(day, {"done": {"double": True, "mean": True, "quadruple": True}})
    assert cli.main(["reset", "w9d1", "inside.py"]) == 0 and read_state(day)["done"] == {"quadruple": True}
    assert cli.main(["hint", "w9d1"]) == 0 and "double, hint" in capsys.readouterr().out


def test_after_a_right_answer_the_next_is_named(day, capsys):
    answer(day, "inside")
    assert cli.main(["test", "w9d1", "double"]) == 0
    line = whole_day.tiny_day.line_of(day.path / "answers" / "after.py", "def quadruple")
    assert f"next  quadruple     answers/after.py:{line}     python -m shared hint w9d1" in capsys.readouterr().out
    answer(day, "after")
    assert cli.main(["test", "w9d1", "inside"]) == 0
    out = capsys.readouterr().out
    assert "✓ double" in out and "✓ mean" in out and "next  the whole day     python -m shared test w9d1" in out
    assert "quadruple" not in out
