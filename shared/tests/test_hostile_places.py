"""Hostile files, names, settings and hands at the keyboard: every exercise still gets its own verdict."""

import os
import signal
import subprocess
import sys
import textwrap
import time
import uuid

import pytest
import tiny_day
from test_hostile import MARK, RIGHT, TESTS, day_of, left_behind

from shared.learner import full_report
from shared.learner.verdicts import verdicts
from shared.runner import children, process
from shared.runner.process import child_environment
from shared.runner.run import run_day

SYNTAX = "x = = 2\n"
LOUD = "raise RuntimeError('the wrong file was imported')\n"


def board(day, **options) -> dict:
    return {v.exercise.name: v for v in verdicts(day, run_day(day, "answers", "cpu", **{"seconds": 1.0} | options))}


def module(name: str, before: str = "", body: str = RIGHT) -> str:
    return f"{before}\n\ndef {name}_x(x):\n{textwrap.indent(body, '    ')}\n"


# ---- Whole files: (text of answers/<name>.py, state, words of the summary)

FILES = {
    "aside": (module("aside"), "done", ""),
    "forker": (module("forker", "import os\nos.fork()"), "done", ""),
    "sleeper": (module("sleeper", "import os, time\nif not os.fork(): time.sleep(1000)"), "done", ""),
    "looper": (module("looper", "while True: pass"), "wrong", "more than 3 seconds"),
    "stopper": (module("stopper", "import os\nos.kill(os.getpid(), 19)"), "wrong", "stopped its own process"),
    "spiller": (
        module(
            "spiller",
            "import os\nfor fd in range(3, 40):\n    try: os.write(fd, b'garbage\\n')\n    except OSError: pass",
        ),
        "wrong",
        "wrote into the pipe",
    ),
    "circle": (module("circle", "from square import square_x", "return square_x(x)"), "wrong", "circular import"),
    "square": (module("square", "from circle import circle_x", "return circle_x(x)"), "wrong", "circular import"),
    "helped": (module("helped", "import my_helper"), "wrong", "SyntaxError"),
    "alone": (module("alone", "import alone_twin"), "wrong", "alone_twin"),
    "last": (module("last"), "done", ""),
}
NAMES = [
    "scipy",
    "tiktoken",
    "test_aside",
    "test_inside",
    "loops",
    "torch",
    "random",
    "types",
    "conftest",
    "pytest",
    "sys",
]


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """The board of a day with all these files, each a section, among files of the pair's with other people's names."""
    sections = {name: [f"{name}_x"] for name in FILES}
    texts = {"answers/my_helper.py": SYNTAX, "tests/loops.py": "TWO = 2\n"}
    texts |= {f"answers/{name}.py": LOUD for name in NAMES}
    for name, (text, *_) in FILES.items():
        texts[f"answers/{name}.py"], texts[f"solution/{name}.py"] = text, module(name)
        texts[f"tests/test_{name}.py"] = "import random, types, loops, tiktoken\n" + TESTS.format(
            module=name, names=[f"{name}_x"]
        )
    day = tiny_day.build(tmp_path_factory.mktemp("files") / "w9d1_tiny", sections, texts)
    here = os.getcwd()
    os.chdir(day.path / "answers")  # where a pair may well be
    try:
        return board(day)
    finally:
        os.chdir(here)


@pytest.mark.skipif(not tiny_day.posix(), reason="forks")
@pytest.mark.parametrize("name", FILES)
def test_a_file(files, name):
    _, state, says = FILES[name]
    verdict = files[f"{name}_x"]
    summary = verdict.problem.summary if verdict.problem else verdict.text()
    assert verdict.state == state, summary
    assert says in summary


# ---- What lies around

SETTINGS = {
    "PYTEST_ADDOPTS": "-k nothing",
    "PYTEST_PLUGINS": "no_such_plugin",
    "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "",
    "PYTHONOPTIMIZE": "2",
    "PYTHONSTARTUP": "/nowhere.py",
    "PYTHONWARNINGS": "error",
    "PYTHONINSPECT": "1",
    "PYTHONBREAKPOINT": "no.such",
    "PYTHONDEVMODE": "1",
    "PYTHONTRACEMALLOC": "5",
    "PYTHONFAULTHANDLER": "1",
    "PYTHONVERBOSE": "1",
    "PYTHONIOENCODING": "ascii",
    "PYTHONMALLOC": "debug",
}


@pytest.mark.parametrize("name", SETTINGS)
def test_a_setting_of_somebody_elses_does_not_reach_the_child(monkeypatch, name):
    monkeypatch.setenv(name, SETTINGS[name])
    assert child_environment("cpu").get(name) != SETTINGS[name]


def test_nothing_around_the_day_counts(tmp_path, monkeypatch):
    for name, value in SETTINGS.items():
        monkeypatch.setenv(name, value)
    day = day_of(tmp_path, {"good": RIGHT, "bad": "return x", "plain_assert": RIGHT})
    ini = "[pytest]\naddopts = -k nothing\npython_files = none_*.py\n"
    for folder in (tmp_path, day.path, day.path / "tests"):
        (folder / "pytest.ini").write_text(ini)
        (folder / "tox.ini").write_text(ini)
        (folder / "setup.cfg").write_text(ini.replace("[pytest]", "[tool:pytest]"))
        (folder / "pyproject.toml").write_text("not = = toml")
        (folder / "conftest.py").write_text(LOUD)
        (folder / "sitecustomize.py").write_text(LOUD)
    tests = day.path / "tests" / "test_inside.py"
    tests.write_text(
        tests.read_text() + "\n\n@exercise('plain_assert')\ndef test_two():\n    assert inside.good(1) == 3\n"
    )
    assert {name: verdict.state for name, verdict in board(day).items()} == {
        "good": "done",
        "bad": "wrong",
        "plain_assert": "wrong",
    }


DAMAGE = {
    "emptied": lambda file: file.write_bytes(b""),
    "deleted": lambda file: file.unlink(),
    "cut": lambda file: file.write_text(file.read_text()[:-20]),
    "binary": lambda file: file.write_bytes(b"\xff\x00\xfe"),
    "failing": lambda file: file.write_text(LOUD),
    "a folder": lambda file: (file.unlink(), file.mkdir()),
}


@pytest.mark.parametrize("how", DAMAGE)
def test_a_damaged_file_of_tests_is_the_courses_fault_and_the_others_keep_their_verdict(tmp_path, how):
    texts = {}
    for name in ("first", "second"):
        texts |= {f"{folder}/{name}.py": module(name) for folder in ("answers", "solution")}
        texts[f"tests/test_{name}.py"] = TESTS.format(module=name, names=[f"{name}_x"])
    day = tiny_day.build(tmp_path / "w9d1_tiny", {"first": ["first_x"], "second": ["second_x"]}, texts)
    DAMAGE[how](day.path / "tests" / "test_first.py")
    found = board(day)
    assert (found["first_x"].state, found["second_x"].state) == ("fault", "done")
    assert "git checkout tests/test_first.py" in found["first_x"].problem.summary


# ---- Limits


def test_more_dead_children_than_anybody_needs(tmp_path, monkeypatch):
    monkeypatch.setattr(children, "MOST_CHILDREN", 2)
    found = board(day_of(tmp_path, {"a": "os._exit(1)", "b": "os._exit(1)", "c": RIGHT}))
    assert (found["a"].state, found["b"].state, found["c"].state) == ("wrong", "wrong", "fault")
    assert "not tested" in found["c"].problem.summary


def test_no_clock_of_the_childs_rings(tmp_path, monkeypatch):
    monkeypatch.setattr(process, "QUIET_AT_LEAST", 4.0)
    monkeypatch.setattr(process, "PATIENCE", 4.0)
    deaf = "signal.setitimer(signal.ITIMER_PROF, 0); faulthandler.cancel_dump_traceback_later()\nwhile True: pass"
    found = board(day_of(tmp_path, {"a": deaf, "b": RIGHT}))
    assert (found["a"].state, found["b"].state) == ("wrong", "done")
    assert "more than 1 seconds" in found["a"].problem.summary


def test_the_full_report_of_an_endless_loop_ends(tmp_path, monkeypatch, capfd):
    monkeypatch.setattr(full_report, "FULL_REPORT", 8.0)
    day = day_of(tmp_path, {"a": "while True: pass"})
    found = verdicts(day, run_day(day, "answers", "cpu", seconds=1.0))
    began = time.monotonic()
    full_report.full_report(day, found, "answers", "cpu")
    told = capfd.readouterr().out
    assert time.monotonic() - began < 20 and "stopped after" in told
    assert not tiny_day.posix() or ("KeyboardInterrupt" in told and "answers/inside.py" in told)


def test_the_time_and_the_files_of_a_compiler_are_not_the_answers(tmp_path, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path))  # so that nothing is compiled yet, the headers neither
    day = day_of(tmp_path, {"compiled": RIGHT, "inner": "return torch.compile(lambda x: 2 * x)(x)", "b": RIGHT})
    answers = day.path / "answers" / "inside.py"
    text = answers.read_text().replace("def compiled(x)", "@torch.compile\ndef compiled(x)")
    answers.write_text(text)
    found = board(day)
    assert {name: v.problem for name, v in found.items() if v.state != "done"} == {}


# ---- Hands at the keyboard


@pytest.mark.skipif(not tiny_day.posix(), reason="signals")
@pytest.mark.parametrize(
    "body",
    [
        "while True: pass",
        "time.sleep(1000)",
        "os.fork()\nwhile True: pass",
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\nif not os.fork(): os.setsid()\ntime.sleep(1000)",
    ],
    ids=["loop", "sleep", "fork", "daemon"],
)
def test_ctrl_c_ends_everything_at_once(tmp_path, body):
    day = day_of(tmp_path, {"a": "open('started', 'w').close()\n" + body, "b": RIGHT})
    mark = uuid.uuid4().hex
    parent = subprocess.Popen(
        [sys.executable, "-m", "shared", "test", str(day.path)],
        env=child_environment("cpu") | {MARK: mark, "BYO_ROOT": str(tmp_path)},
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        until = time.monotonic() + 100
        while not (day.path / "started").exists() and parent.poll() is None and time.monotonic() < until:
            time.sleep(0.05)
        time.sleep(0.3)
        parent.send_signal(signal.SIGINT)
        began = time.monotonic()
        output, _ = parent.communicate(timeout=30)
        assert time.monotonic() - began < 5
        assert parent.returncode == 2 and output.strip() == "stopped", output
        assert left_behind(mark) == []
    finally:
        parent.kill()
