"""The process in which answers run. It may hang, crash or exit: `shared.runner.run` watches it from outside.

It reads one line, a Job as JSON, and tells what happens as JSON lines on what was its standard output.
"""

import ast
import faulthandler
import json
import os
import re
import signal
import sys
from dataclasses import dataclass, field
from pathlib import Path

from shared.runner.process import IMPORTING

GIGABYTE = 1 << 30
SLEEPY = 5  # wall seconds for each second of CPU time that a test may take


@dataclass
class Job:
    """What to run: `mode` is "test" or "strength"."""

    day: str  # the folder
    implementation: str | None
    mode: str = "test"
    exercises: list[str] | None = None  # None: all
    skip: list[str] = field(default_factory=list)  # exercises that ended an earlier process
    done: list[str] = field(default_factory=list)  # tests (or jobs) that an earlier process finished
    broken: list[str] = field(default_factory=list)  # modules whose import ended an earlier process
    seconds: float = 20.0  # of CPU time, for the tests of one exercise
    memory: float = 6.0  # GiB beyond what torch takes
    everywhere: bool = True  # also try tensors "on cuda"
    stack: str = ""  # where the traceback goes when time is up
    mutants: bool = True


class Session:
    """The job as a pytest plugin: imports the answers one by one, collects, runs, tells."""

    def __init__(self, job: Job, channel):
        self.job, self.channel = job, channel
        self.day, self.implementation = job.day, job.implementation
        self.plugin = None  # shared.sandbox.plugin.DayPlugin, which registers itself here
        self.unimportable: set[str] = set(job.broken)
        self.spent: dict[str, float] = {}
        self.stack = open(job.stack, "w")  # noqa: SIM115 (faulthandler writes to it until the end)
        if hasattr(signal, "setitimer"):
            faulthandler.register(signal.SIGPROF, file=self.stack, all_threads=True, chain=True)
        faulthandler.enable(file=self.stack)  # the line at which it crashed

    def tell(self, event: str, **facts) -> None:
        self.channel.write(json.dumps({"event": event, **facts}) + "\n")
        self.channel.flush()

    def deadline(self, seconds: float) -> None:
        """From now on there are so many seconds of CPU time, then the process ends; 0 takes that back.

        CPU time, because on a busy machine a right answer may take long. An answer that sleeps meets the wall clock's
        alarm, which is more patient; where the system has no other clock, it is the only one.
        """
        faulthandler.cancel_dump_traceback_later()
        if hasattr(signal, "setitimer"):
            signal.setitimer(signal.ITIMER_PROF, seconds)
        if seconds:
            faulthandler.dump_traceback_later(SLEEPY * seconds, exit=True, file=self.stack)

    # ---- pytest's hooks

    def pytest_collection(self, session):
        """Before pytest looks at the tests: does what they import import?"""
        import importlib

        from shared.sandbox.isolation import GlobalState
        from shared.sandbox.outcome import in_words, place

        day, folder = self.plugin.day, self.plugin.folder
        self.tests: dict[Path, set[str]] = {}
        wanted = {day.exercise(name).section for name in self.job.exercises or ()}
        for file in sorted((day.path / "tests").glob("test_*.py")):
            section = file.stem.removeprefix("test_")
            if not wanted or section in wanted:
                self.tests[file] = self._needed(file) | {section} & self.plugin.modules.names
        tried: set[str] = set(self.unimportable)
        self.plugin.modules.broken |= self.unimportable
        sections = [section.name for section in day.sections]
        needed = set().union(*self.tests.values())
        for name in sorted(needed, key=lambda name: sections.index(name) if name in sections else len(sections)):
            if name in tried:
                continue
            tried.add(name)
            self.tell("importing", module=name)
            self.deadline(IMPORTING * self.job.seconds)
            state = GlobalState()
            try:
                importlib.import_module(name)
                if changed := state.restore():
                    raise ImportError(f"importing it changes something for everybody: {'; '.join(changed)}")
            except BaseException as error:
                self.unimportable.add(name)
                self.tell(
                    "unimportable",
                    module=name,
                    where=_guilty(error, day, folder) or place(error, folder) or f"{folder.name}/{name}.py",
                    summary=_import_trouble(error, in_words(error, day, folder)),
                    stub=isinstance(error, NotImplementedError) and bool(place(error, folder)),
                )
                sys.modules.pop(name, None)
            state.restore()
            self.plugin.modules.broken |= self.unimportable
            self.deadline(0)

    def pytest_ignore_collect(self, collection_path):
        if collection_path.suffix == ".py":
            needs = self.tests.get(collection_path)
            return needs is None or bool(needs & self.unimportable) or None
        return None

    def _needed(self, file: Path) -> set[str]:
        tree = ast.parse(file.read_bytes())
        names = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
        return names & self.plugin.modules.names

    def pytest_runtestloop(self, session):
        if self.job.mode == "strength":
            from shared.author.measure import measure

            measure(self, session)
        else:
            from shared.sandbox.testing import run_tests

            run_tests(self, session)
        self.deadline(0)
        self.tell("end")
        return True

    def pytest_collectreport(self, report):
        if report.failed:
            self.tell("uncollected", what=report.nodeid, text=str(report.longrepr)[-3000:])


def _guilty(error: BaseException, day, folder: Path) -> str | None:
    """The file of the day that is to blame for a failed import although another one asked for it."""
    from shared.sandbox.modules import Unimportable

    if isinstance(error, Unimportable):
        return f"{folder.name}/{error.name}.py"
    lacks = re.match(r"cannot import name '(\w+)' from '(\w+)'", str(error))
    if lacks and any((e.name, e.section) == lacks.groups() for e in day.exercises):
        return f"{folder.name}/{lacks[2]}.py"
    return None


def _import_trouble(error: BaseException, words: str) -> str:
    if isinstance(error, ImportError) and str(error).endswith("is missing"):
        return f"{error}; `start` brings the stubs back and keeps what is there"
    if isinstance(error, ImportError) and str(error).startswith("importing it changes"):
        return str(error)
    return words


def limit_resources(gigabytes: float) -> None:
    """The memory and files that a process may take, where the system can tell (elsewhere only the clock watches)."""
    try:
        import resource
    except ImportError:
        return
    for limit, amount in ((resource.RLIMIT_DATA, gigabytes * GIGABYTE), (resource.RLIMIT_FSIZE, GIGABYTE / 16)):
        try:
            hard = resource.getrlimit(limit)[1]
            resource.setrlimit(limit, (int(amount), hard))
        except (ValueError, OSError):
            pass


def main() -> None:
    channel = os.fdopen(os.dup(1), "w", encoding="utf-8")
    # What an answer prints, at whatever level, goes where stderr goes: to the runner's log.
    os.dup2(2, 1)
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

    import pytest
    import torch

    import shared.sandbox.plugin  # noqa: F401 (what takes time is imported before there is a job, so that a spare one is ready)

    channel.write('{"event": "ready"}\n')
    channel.flush()
    line = sys.stdin.readline()
    if not line:
        return
    job = Job(**json.loads(line))
    # From here on nobody types.
    with open(os.devnull) as nothing:
        os.dup2(nothing.fileno(), 0)
    os.chdir(job.day)
    if os.environ.get("DEVICE", "cpu") == "cpu":
        limit_resources(job.memory)
    # Tests are small: threads would mostly wait for one another, and two children may run side by side.
    torch.set_num_threads(1)
    session = Session(job, channel)

    class Door:
        """Hands the session to shared.sandbox.plugin before that configures itself."""

        @pytest.hookimpl(tryfirst=True)
        def pytest_configure(self, config):
            config._byo_job = session

    tests = str(Path(job.day) / "tests")
    options = ["-q", "--tb=no", "-pshared.sandbox.plugin", "-pno:cacheprovider", "-pno:faulthandler", "-pno:logging"]
    pytest.main([*options, "--rootdir", job.day, "-o", "addopts=", tests], plugins=[Door()])


if __name__ == "__main__":
    main()
