"""A day's demo.py and bench.py: whose code they run, what they say of it, and how they end."""

import os
import signal
import subprocess
import sys
import time

import pytest
import tiny_day

from shared.learner import script
from shared.learner.state import write_state
from shared.runner.process import child_environment

README = tiny_day.readme({"core": ["one", "two"], "extra": ["three"], "more": ["four"]})
for name in ("Extra", "More"):
    README = README.replace(f"{name}: a section", f"{name}: a section (bonus)")
DEMO = """
import os, sys

from shared.learner.script import begin

begin(__file__)
import core
from extra import three

print(core.WHO, three)
if "stay" in sys.argv or os.environ.get("STAY"):
    print("here", flush=True)
    import time

    time.sleep(60)
"""
EXTRA = "three = '{0}'\n"


@pytest.fixture
def day(tmp_path, monkeypatch):
    for name in ("IMPL", "BYO_CODE"):
        monkeypatch.delenv(name, raising=False)
    files = {"README.md": README, "demo.py": DEMO}
    for folder in ("solution", "answers"):
        files |= {f"{folder}/core.py": f"WHO = '{folder}'\n", f"{folder}/extra.py": f"three = '{folder}'\n"}
        files[f"{folder}/more.py"] = ""
    return tiny_day.build(tmp_path / "w9d1_tiny", {}, files)


def demo(day, *arguments, **environment):
    done = tiny_day.run(day.path, "demo.py", *arguments, **environment)
    assert not done.stderr, done.stderr
    first, _, *rest = done.stdout.splitlines()
    return first.removeprefix("w9d1_tiny/demo.py runs ").rstrip("."), *rest


CASES = [  # (exercises that are done, whose code runs, what comes out)
    ([], "the course's solution, since your one and 1 more have not passed yet", "solution solution"),
    (["one", "three"], "the course's solution, since your two has not passed yet", "solution solution"),
    (
        ["one", "two"],
        "your answers, with extra.py from the solution, since a bonus there has not passed yet",
        "answers solution",
    ),
    (["one", "two", "three"], "your answers", "answers answers"),
]


@pytest.mark.parametrize(("done", "says", "prints"), CASES)
def test_it_runs_the_answers_once_the_core_is_done(day, done, says, prints):
    write_state(day, {"done": dict.fromkeys(done, True) | {"four": False}})
    assert demo(day) == (says, prints)


def test_without_answers_it_runs_the_solution(day):
    os.rename(day.path / "answers", day.path / "elsewhere")
    assert demo(day) == ("the course's solution, since there are no answers of yours yet", "solution solution")


@pytest.mark.parametrize("done", [False, True])
@pytest.mark.parametrize("folder", ["answers", "solution"])
def test_impl_decides_otherwise(day, done, folder):
    write_state(day, {"done": {"one": done, "two": done, "three": done}})
    assert demo(day, IMPL=folder) == (f"the code in {folder}/, as you asked", f"{folder} {folder}")


@pytest.mark.parametrize("folder", ["skeleton", "mine"])
def test_a_folder_that_is_not_there_is_refused(day, folder):
    done = tiny_day.run(day.path, "demo.py", IMPL=folder)
    assert done.returncode == 2 and done.stderr.startswith(f"IMPL={folder}: w9d1_tiny has no such folder")


def test_a_script_that_it_starts_is_silent_and_runs_the_same(day):
    (day.path / "demo.py").write_text(
        DEMO + "import subprocess\nif len(sys.argv) < 2:\n    subprocess.run([sys.executable, __file__, 'again'])\n"
    )
    write_state(day, {"done": {"one": True, "two": True}})
    first, *rest = demo(day)
    assert (
        first == "your answers, with extra.py from the solution, since a bonus there has not passed yet"
        and rest == ["answers solution"] * 2
    )


def test_the_command_hands_on_the_device_and_the_folder(day):
    (day.path / "demo.py").write_text("import os\nraise SystemExit(3 * (os.environ['IMPL'] == 'answers'))\n")
    assert script.run(day.path / "demo.py", "cpu", "answers") == 3
    assert script.run(day.path / "demo.py", "cpu", None) == 0


@pytest.mark.skipif(not tiny_day.posix(), reason="Windows has no such signal")
def test_a_closed_terminal_ends_the_script_too(day):
    import psutil

    env = child_environment("cpu") | {"BYO_ROOT": str(day.path.parent), "STAY": "1"}
    command = [sys.executable, "-m", "shared", "demo", "w9d1"]
    process = subprocess.Popen(command, env=env, stdout=subprocess.PIPE, text=True)
    assert process.stdout
    while process.stdout.readline() != "here\n":
        time.sleep(0.01)
    (child,) = psutil.Process(process.pid).children()
    process.send_signal(signal.SIGHUP)
    assert process.wait(30) == 2 and not child.is_running()


@pytest.mark.skipif(not tiny_day.posix(), reason="Windows has no such signal")
@pytest.mark.parametrize("by", ["python", "the command"])
def test_ctrl_c_ends_it_with_one_line(day, by):
    command = [sys.executable, str(day.path / "demo.py"), "stay"]
    if by == "the command":
        command = [sys.executable, "-m", "shared", "demo", "w9d1"]
    env = child_environment("cpu") | {"BYO_ROOT": str(day.path.parent), "STAY": "1"}
    process = subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout
    while process.stdout.readline() != "here\n":
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=30)
    assert (process.returncode, errors) == (2, "stopped\n")
