"""V=1: pytest's own report, with whole tensors and tracebacks, of the first wrong exercise."""

import contextlib
import signal
import subprocess
import sys
from pathlib import Path

from shared.course.day import Day
from shared.learner.board import Verdict
from shared.learner.terminal import say
from shared.runner.process import child_environment, end_all
from shared.runner.protocol import FULL_REPORT

OWN_CONFIGURATION = Path(__file__).resolve().parent.parent / "sandbox" / "pytest.ini"


def full_report(day: Day, found: list[Verdict], folder: str, device: str) -> None:
    """Prints it; in an endless loop, the line at which that was stopped."""
    wrong = next((verdict for verdict in found if verdict.state == "wrong"), None)
    if wrong is None:
        return
    say(f"\npytest's report of {wrong.exercise.name}:\n")
    file = day.path / "tests" / f"test_{wrong.exercise.section}.py"
    command = [sys.executable, "-m", "pytest", "-p", "shared.sandbox.plugin", "-p", "no:cacheprovider"]
    command += ["-c", str(OWN_CONFIGURATION), "--noconftest"]
    command += ["--impl", folder, "--only-exercise", wrong.exercise.name, "--rootdir", str(day.path), str(file)]
    process = subprocess.Popen(command, env=child_environment(device), start_new_session=True)
    try:
        process.wait(FULL_REPORT)
    except subprocess.TimeoutExpired:
        with contextlib.suppress(ValueError, subprocess.TimeoutExpired):  # Windows can't send this signal
            process.send_signal(signal.SIGINT)
            process.wait(5)
        say(f"\npytest was stopped after {FULL_REPORT:.0f} seconds: an endless loop?")
    finally:
        end_all(process)
