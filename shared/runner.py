"""Runs a job in a child process and survives whatever the answers do to it: hang, crash, exit, eat memory.

The child tells what happens line by line. When it ends too early, the exercise that it was at is blamed, and another
child goes on with the rest.
"""

import json
import os
import queue
import re
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from shared.day import Day

MOST_CHILDREN = 60  # a day with more exercises that kill their process has other troubles


class EnvironmentBroken(RuntimeError):
    """The tests could not be run at all; the message says why."""


@dataclass
class Results:
    """What the children told, by exercise."""

    folder: str = "answers"
    tests: dict[str, list[dict]] = field(default_factory=dict)  # exercise -> events "test"
    unimportable: dict[str, dict] = field(default_factory=dict)  # module -> event
    deaths: dict[str, dict] = field(default_factory=dict)  # exercise -> problem
    elsewhere: dict[str, dict] = field(default_factory=dict)  # exercise -> problem
    why: dict[str, str | None] = field(default_factory=dict)
    uncollected: list[dict] = field(default_factory=list)


def supervise(job: dict, env: dict[str, str]) -> Iterator[dict]:
    """Yields the child's events; the last one is {"event": "end"} or {"event": "died", "how": …, "where": …}."""
    with tempfile.TemporaryDirectory(prefix="byo-") as folder:
        stack, log = Path(folder) / "stack", Path(folder) / "log"
        job = {**job, "stack": str(stack)}
        with open(log, "wb") as output:
            child = subprocess.Popen(
                [sys.executable, "-m", "shared.child", json.dumps(job)],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=output,
                env=env,
                cwd=job["day"],
            )
            ended = False
            try:
                for line in _lines(child, 90 + job["seconds"]):
                    event = json.loads(line)
                    ended = ended or event["event"] == "end"
                    yield event
            finally:
                child.kill()
                child.wait()
        if not ended:
            text = stack.read_text(errors="replace") if stack.exists() else ""
            tail = log.read_bytes()[-2000:].decode(errors="replace")
            yield {"event": "died", **_death(child.returncode, text, Path(job["day"])), "log": tail}


def _lines(child: subprocess.Popen, patience: float) -> Iterator[str]:
    """Lines of the child's output; gives up when none comes for `patience` seconds (its own alarm should ring before)."""
    lines: queue.Queue = queue.Queue()

    def read() -> None:
        for line in child.stdout:
            lines.put(line.decode(errors="replace"))
        lines.put(None)

    threading.Thread(target=read, daemon=True).start()
    while True:
        try:
            line = lines.get(timeout=patience)
        except queue.Empty:
            return
        if line is None:
            child.wait()
            return
        if line.startswith("{"):
            yield line


def _death(status: int | None, stack: str, day: Path) -> dict:
    """How a child ended, in words, and the line of the answer that it was at, if that is known."""
    where = None
    if "Timeout" in stack:
        # The traceback has the innermost frame first.
        for file, line in re.findall(r'File "(.+?)", line (\d+)', stack):
            if Path(file).parent.parent == day and Path(file).parent.name != "tests":
                where = f"{Path(file).parent.name}/{Path(file).name}:{line}"
                break
        return {"how": "timeout", "where": where}
    if status is not None and status < 0:
        name = signal.Signals(-status).name
        return {"how": f"the process was killed by {name}" + (": out of memory?" if name == "SIGKILL" else ""), "where": None}
    return {"how": f"the process ended in the middle of a test (exit status {status}): os._exit()?", "where": None}


def run_day(day: Day, implementation: str | None, device: str, exercises: list[str] | None = None, **options) -> Results:
    """Runs the tests of a day (or of some exercises). EnvironmentBroken if no process gets as far as the tests."""
    job = dict(day=str(day.path), implementation=implementation, exercises=exercises, skip=[], done=[], broken=[])
    job |= {"seconds": 20.0} | options
    results = Results(folder=day.implementation(implementation).name)
    for _ in range(MOST_CHILDREN):
        at: dict = {}
        for event in supervise(job, child_environment(device)):
            kind = event["event"]
            if kind in ("start", "importing"):
                at = event
            elif kind == "test":
                results.tests.setdefault(event["exercise"], []).append(event)
                job["done"].append(event["test"])
                at = {}
            elif kind == "unimportable":
                results.unimportable[event["module"]] = event
            elif kind == "elsewhere":
                results.elsewhere[event["exercise"]] = event["problem"]
            elif kind == "why":
                results.why[event["exercise"]] = event["says"]
            elif kind == "uncollected":
                results.uncollected.append(event)
            elif kind == "end" or (kind == "died" and not blame(results, job, at, event, day)):
                return results
    return results


def blame(results: Results, job: dict, at: dict, death: dict, day: Day) -> bool:
    """Writes a death down for the exercise, or the module, that the child was at, and takes that out of the job.

    False if only what follows the tests was lost, so that there is nothing to go on with.
    """
    slow, folder = death["how"] == "timeout", results.folder
    if not at and not job["done"]:
        raise EnvironmentBroken(f"the tests could not start: {death['how']}\n{death['log'].strip()}")
    if not at:
        return False
    if at["event"] == "importing":
        module = at["module"]
        job["broken"].append(module)
        summary = "importing it takes more than a minute" if slow else f"importing it ends it all: {death['how']}"
        where = death["where"] or f"{folder}/{module}.py"
        results.unimportable[module] = dict(module=module, where=where, summary=summary, stub=False)
        return True
    name = at["exercise"]
    job["skip"].append(name)
    summary = f"it takes more than {job['seconds']:.0f} seconds: an endless loop?" if slow else death["how"]
    where = death["where"] or f"{folder}/{day.exercise(name).module}"
    results.deaths[name] = dict(test=at["test"].split("::")[-1], where=where, summary=summary, lines=[])
    return True


def child_environment(device: str) -> dict[str, str]:
    """The environment of a child: `shared` can be imported, no other pytest plugin gets in, the device is named."""
    env = {**os.environ, "DEVICE": device, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTHONIOENCODING": "utf-8"}
    here = str(Path(__file__).resolve().parent.parent)
    env["PYTHONPATH"] = os.pathsep.join([here, *filter(None, [os.environ.get("PYTHONPATH")])])
    return env
