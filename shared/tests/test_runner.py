"""The runner as a pair meets it: exit statuses, hints, plain pytest, watching, and strength."""

import shutil
from pathlib import Path

import pytest
import tiny_day
import torch
from whole_day import INSIDE, answer, shared, states, whole_day

from shared.author.strength import collect, explanations, judge_strength
from shared.learner.watch import changed_modules, stamps, watch
from shared.runner.process import Child


@pytest.fixture
def day(tmp_path):
    return whole_day(tmp_path)


# ---- Exit statuses and what is printed


def test_to_do_alone_is_not_wrong(day):
    answer(day, "after")
    done = shared(day, "test", "w9d1")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "testing answers/ on cpu" in done.stdout and "to do · 5 min" in done.stdout
    assert "quadruple" in done.stdout and "waits for double" in done.stdout
    assert done.stderr == ""


def test_a_wrong_answer_fails_and_is_named_the_second_time(day):
    answer(day, "inside", ("x.shape[1]", "x.shape[0]"))
    first = shared(day, "test", "w9d1", "mean")
    assert first.returncode == 1
    assert "answers/inside.py" in first.stdout and "0 of 2 tests pass" in first.stdout
    assert "A known mistake matches" in first.stdout and "number of rows" not in first.stdout
    second = shared(day, "test", "w9d1", "mean")
    assert second.returncode == 1 and "divided by the number of rows" in second.stdout


def test_the_right_one_of_similar_mistakes_is_named_at_once_on_request(day):
    answer(day, "inside", ("total / x.shape[1]", "total / x.shape[0] / x.shape[1]"))
    done = shared(day, "test", "w9d1", WHY="1")
    assert done.returncode == 1 and "number of all values" in done.stdout


def test_a_mistake_that_nobody_foresaw_is_not_named(day):
    answer(day, "inside", ("x + x", "3 * x"))
    done = shared(day, "test", "w9d1", "double", WHY="1")
    assert done.returncode == 1
    assert "classic" not in done.stdout and "A known mistake" not in done.stdout


def test_a_file_that_does_not_import_is_a_broken_environment(day):
    (day.path / "answers" / "inside.py").write_text(INSIDE.replace("return x + x", "return x +"))
    # Even where only the file's second exercise was asked for.
    done = shared(day, "test", "w9d1", "mean")
    assert done.returncode == 2
    assert "does not import" in done.stdout and "answers/inside.py:8" in done.stdout and "SyntaxError" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "environment", "says"),
    [
        (["test", "w9d7"], {}, ["no day 'w9d7'", "w9d1_tiny"]),
        (["test", "w9d1", "duoble"], {}, ["did you mean double?"]),
        (["test", "w9d1"], {"DEVICE": "toaster"}, ["DEVICE=toaster"]),
        (["test", "w9d1"], {"IMPL": "mine"}, ["IMPL=mine", "answers"]),
        (["reset", "w9d1"], {}, ["which one?"]),
        (["hint", "w9d1", "double"], {"LEVEL": "9"}, ["has 2 hints"]),
    ],
)
def test_what_cannot_be_done_is_said(day, arguments, environment, says):
    done = shared(day, *arguments, **environment)
    assert done.returncode == 2 and done.stdout == ""
    assert all(text in done.stderr for text in says), done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has CUDA")
def test_cuda_where_there_is_none(day):
    done = shared(day, "test", "w9d1", DEVICE="cuda")
    assert done.returncode == 2 and "DEVICE=cuda" in done.stderr and "Traceback" not in done.stderr


def test_a_broken_test_file_is_a_broken_environment(day):
    (day.path / "tests" / "test_after.py").write_text("import after\n\nraise ValueError('oops')\n")
    done = shared(day, "test", "w9d1")
    assert done.returncode == 2 and "oops" in done.stdout


# ---- A pair's own files


def test_hints_come_one_by_one(day):
    assert "First help" in shared(day, "hint", "w9d1", "double").stdout
    assert "Second help" in shared(day, "hint", "w9d1", "double").stdout
    assert "Second help" in shared(day, "hint", "w9d1", "double").stdout
    assert "First help" in shared(day, "hint", "w9d1", "double", LEVEL="1").stdout


def test_take_and_reset(day):
    file = day.path / "answers" / "inside.py"
    file.write_text(INSIDE.replace("return x + x", "return 7"))
    done = shared(day, "take", "w9d1", "double")
    assert done.returncode == 0 and "return x + x" in file.read_text()
    kept = list((day.path / ".byo" / "backup").glob("*.py"))
    assert len(kept) == 1 and "return 7" in kept[0].read_text()
    done = shared(day, "reset", "w9d1", "double")
    assert done.returncode == 0 and 'NotImplementedError("double")' in file.read_text()
    assert "x.shape[1]" in file.read_text()


# ---- Plain pytest


def test_plain_pytest_in_the_folder_of_a_day(day):
    stubs = tiny_day.run(day.path, "-m", "pytest", "-q", "-p", "shared.sandbox.plugin")
    assert stubs.returncode == 0 and "5 xfailed" in stubs.stdout, stubs.stdout
    solved = tiny_day.run(
        day.path, "-m", "pytest", "-q", "-p", "shared.sandbox.plugin", "tests/test_inside.py", IMPL="solution"
    )
    assert solved.returncode == 0 and "4 passed" in solved.stdout, solved.stdout


def test_a_lone_folder_elsewhere(day, tmp_path):
    lone = tmp_path / "elsewhere" / "gpt at home"
    shutil.copytree(day.path, lone)
    shutil.rmtree(day.path.parent)
    plain = tiny_day.run(lone, "-m", "pytest", "-q", "-p", "shared.sandbox.plugin", IMPL="solution")
    assert plain.returncode == 0 and "5 passed" in plain.stdout, plain.stdout
    done = tiny_day.run(lone, "-m", "shared", "test", ".", IMPL="solution")
    assert done.returncode == 0 and "testing solution/" in done.stdout, done.stdout + done.stderr


# ---- Inside one run


def test_watch_tells_of_a_change(day):
    answer(day, "after")
    seen = []

    def show(results, names):
        seen.append((names, states(day, results)))
        answer(day, "inside", ("x + x", "x * x"))

    watch(day, "cpu", None, show, rounds=2)
    assert seen[0] == (None, {"double": "todo", "mean": "todo", "quadruple": "waiting"})
    names, second = seen[1]
    assert names == ["double", "mean"]
    assert (second["double"], second["mean"]) == ("wrong", "done")


def test_watch_sees_new_changed_and_deleted_files(tmp_path):
    for name in ("a.py", "b.py", "note.txt"):
        (tmp_path / name).write_text("1")
    before = stamps(tmp_path)
    assert {file.name for file in before} == {"a.py", "b.py"}
    (tmp_path / "a.py").unlink()
    (tmp_path / "c.py").write_text("1")
    assert changed_modules(before, stamps(tmp_path)) == {"a.py", "c.py"}


def test_a_child_leaves_no_folder_behind():
    child = Child("cpu")
    folder = Path(child.folder.name)
    child.close()
    assert not folder.exists() and child.process.poll() is not None


# ---- Strength

WEAK = """
[[double.wrong]]
says = "It is squared."
old = "x + x"
new = "x * x"

[[double.wrong]]
says = "It is the square, too."
body = "return x ** 2"

[[double.wrong]]
says = "It is no mistake at all."
body = "return 2 * x"

[[double.right]]
says = "three times"
body = "return 3 * x"

[[mean.wrong]]
says = "It is not written."
body = "raise NotImplementedError"
"""

WEAK_AFTER = """
[[quadruple.wrong]]
says = "It ends it all."
body = "import os\\nos._exit(3)"
"""


def test_strength_finds_every_defect(day):
    (day.path / "variants/inside.toml").write_text(WEAK)
    (day.path / "variants/after.toml").write_text(WEAK_AFTER)
    # A clamp that no test notices, and an explanation of a mutant that doesn't survive.
    solution = day.path / "solution" / "inside.py"
    solution.write_text(INSIDE.replace("total = x.sum(dim=1)", "total = x.clamp(max=90).sum(dim=1)"))
    (day.path / "survivors.toml").write_text('"double:no such mutant" = "it was equal once"\n')
    lines, figures = judge_strength(day, *collect(day, None), explanations(day))
    text = "\n".join(lines)
    assert "double.wrong #3 passes: It is no mistake at all." in text
    assert "double.right #1 is rejected by test_doubles" in text
    assert "double.wrong #1 and double.wrong #2 look the same" in text
    assert "survives: solution/inside.py:" in text and "clamp" in (day.path / "solution" / "inside.py").read_text()
    assert "double:no such mutant" in text
    assert "the reference fails" not in text
    assert "quadruple.wrong #1" not in text and "mean.wrong #1" not in text
    assert (figures["wrong"], figures["rejected"], figures["right"], figures["accepted"]) == (5, 4, 1, 0)
    assert 0 < figures["killed"] < figures["mutants"]


def test_a_strong_day_has_no_defects(day):
    found, tried = collect(day, ["double", "mean"])
    lines, figures = judge_strength(day, found, tried, {})
    assert (figures["wrong"], figures["rejected"], figures["diagnosed"], figures["accepted"]) == (4, 4, 4, 1)
    assert figures["killed"] == figures["mutants"] > 3, lines
    assert lines == []
