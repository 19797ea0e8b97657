"""Hostile answers: each gets a verdict, the right ones between them keep theirs, and no process is left behind.

All answers of one kind are one day: a right one, then hostile and right ones in turn.
"""

import os
import textwrap
import time
import uuid

import psutil
import pytest
import tiny_day
from hostile_answers import DESCRIPTORS, ENDS, HANGS, HEAD, INSIDE, PYTHON, RIGHT, SIGNALS, STARTS_A_PROCESS

from shared.learner.verdicts import verdicts
from shared.runner.run import run_day

pytestmark = pytest.mark.skipif(not tiny_day.posix(), reason="signals and forks")
MARK = "BYO_HOSTILE"  # in the environment of what a test starts
TESTS = """import {module}
import pytest

from shared.checks import close, exercise


@pytest.mark.parametrize("name", [pytest.param(name, marks=exercise(name), id="it") for name in {names}])
def test_doubles(name, draw):
    x = draw(2, 3)
    close(getattr({module}, name)(x), 2 * x)
"""
KINDS = {
    "processes": STARTS_A_PROCESS,
    "descriptors": DESCRIPTORS,
    "ends": ENDS,
    "signals": SIGNALS,
    "hangs": HANGS,
    "python": PYTHON,
}


def left_behind(mark: str) -> list[psutil.Process]:
    """Processes that carry this mark and are none of ours."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get(MARK) == mark and process.pid != os.getpid():
                found.append(process)
        except (psutil.Error, OSError):
            continue
    return [process for process in found if process.is_running() and process.status() != psutil.STATUS_ZOMBIE]


@pytest.fixture(scope="module")
def boards(tmp_path_factory):
    """kind -> exercise -> its verdict; "" -> the processes left behind. Each kind is run when first asked for."""
    found: dict[str, dict] = {}

    def board(kind: str) -> dict:
        if kind not in found:
            folder, mark = tmp_path_factory.mktemp(kind), uuid.uuid4().hex
            bodies = {"honest": RIGHT}
            for number, (name, (body, *_)) in enumerate(KINDS[kind].items()):
                bodies |= {name: body, f"honest_{number}": RIGHT}
            os.environ[MARK] = mark
            try:
                began = time.monotonic()
                day = day_of(folder, bodies)
                results = run_day(day, "answers", "cpu", seconds=1.0)
                seconds = time.monotonic() - began
            finally:
                del os.environ[MARK]
            found[kind] = {verdict.exercise.name: verdict for verdict in verdicts(day, results)}
            found[kind][""] = left_behind(mark)
            found[kind]["seconds"] = seconds
        return found[kind]

    return board


def day_of(folder, bodies: dict[str, str]):
    answers = [f"def {name}(x):\n{textwrap.indent(body, '    ')}\n" for name, body in bodies.items()]
    solution = [f"def {name}(x):\n    {RIGHT}\n" for name in bodies]
    files = {"answers/inside.py": HEAD + "\n\n" + "\n\n".join(answers), "solution/inside.py": "\n\n".join(solution)}
    files["tests/test_inside.py"] = TESTS.format(module="inside", names=list(bodies))
    return tiny_day.build(folder / "w9d1_tiny", {"inside": list(bodies)}, files)


@pytest.mark.parametrize(("kind", "name"), [(kind, name) for kind in KINDS for name in KINDS[kind]])
def test_a_hostile_answer(boards, kind, name):
    verdict = boards(kind)[name]
    _, states, says = INSIDE[name]
    summary = verdict.problem.summary if verdict.problem else verdict.text()
    assert verdict.state in states, summary
    if verdict.state == "wrong":
        assert says in summary and verdict.problem.where


@pytest.mark.parametrize("kind", KINDS)
def test_the_right_ones_keep_their_verdict_and_nothing_is_left(boards, kind):
    found = boards(kind)
    honest = {name: found[name] for name in found if name.startswith("honest")}
    assert {name: v.problem for name, v in honest.items() if v.state != "done"} == {}
    assert found[""] == []
