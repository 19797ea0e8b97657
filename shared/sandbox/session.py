"""A job as a pytest plugin: imports the answers one by one, collects their tests, runs them, and tells the parent."""

import ast
import faulthandler
import importlib
import os
import re
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from shared.runner import protocol
from shared.runner.protocol import (
    Blocked,
    Compiling,
    Ended,
    Event,
    Forked,
    Importing,
    Job,
    Uncollected,
    Unimportable,
    encode,
)
from shared.sandbox.compiling import listen_to_the_compiler
from shared.sandbox.isolation import GlobalState
from shared.sandbox.modules import Unimportable as NoImport
from shared.sandbox.outcome import in_words, place
from shared.sandbox.plugin import DayPlugin

CHANGES = "importing it changes something for everybody"


class Session:
    """What the child does with its job. `channel` leads to the parent."""

    def __init__(self, job: Job, channel: IO[bytes]):
        self.job, self.channel = job, channel
        self.plugin: DayPlugin  # set by shared.sandbox.plugin, which knows the job from pytest's stash
        self.pid = os.getpid()
        self.unimportable: set[str] = set(job.broken)
        self.spent: dict[str, float] = {}
        self.exercise: str | None = None  # whose test is running
        self.compiled = self.compiling = 0.0  # seconds of CPU time, and when the last compilation began
        self.left = 0.0  # of the deadline while the clock is stopped
        self.stopped = 0  # how often: one compilation may begin another
        self.stack = open(job.stack, "w")  # noqa: SIM115 (faulthandler writes to it until the end)
        listen_to_the_compiler(self)
        sys.addaudithook(self._forks)

    def tell(self, event: Event) -> None:
        if os.getpid() != self.pid:
            os._exit(0)  # a copy that the answer made of this process, and let run on
        self.channel.write(encode(event))
        self.channel.flush()

    def _forks(self, event: str, _) -> None:
        if event in ("os.fork", "os.forkpty", "os.posix_spawn", "subprocess.Popen"):
            self.tell(Forked(self.exercise))

    def deadline(self, seconds: float) -> None:
        """From now on there are so many seconds of CPU time, then the process ends; 0 takes that back.

        CPU time, because on a busy machine a right answer may take long. An answer that sleeps meets the wall clock's
        alarm, which is more patient; where the system has no other clock, it is the only one.
        """
        self.stopped = 0
        faulthandler.cancel_dump_traceback_later()
        faulthandler.enable(file=self.stack)  # the line at which it crashed
        if hasattr(signal, "setitimer"):
            self._own_signals()
            signal.setitimer(signal.ITIMER_PROF, seconds)
        if seconds:
            faulthandler.dump_traceback_later(protocol.SLEEPY * seconds, exit=True, file=self.stack)

    def stop_the_clock(self, _=None) -> None:
        """Until `go_on`, time isn't the answer's; but it has an end."""
        self.stopped += 1
        if self.stopped > 1:
            return
        self.tell(Compiling())
        self.compiling = time.process_time()
        if hasattr(signal, "setitimer"):
            self.left = signal.setitimer(signal.ITIMER_PROF, 0)[0]
        faulthandler.dump_traceback_later(protocol.COMPILING, exit=True, file=self.stack)

    def go_on(self, _=None) -> None:
        self.stopped -= 1
        if self.stopped:
            return
        self.compiled += time.process_time() - self.compiling
        self.deadline(self.left)

    @contextmanager
    def clock_stopped(self) -> Iterator[None]:
        self.stop_the_clock()
        try:
            yield
        finally:
            self.go_on()

    def _own_signals(self) -> None:
        """The clock's signal as it was, whatever an earlier answer has done to it, and no clock but ours."""
        signal.pthread_sigmask(signal.SIG_SETMASK, ())
        faulthandler.unregister(signal.SIGPROF)
        signal.signal(signal.SIGPROF, signal.SIG_DFL)
        faulthandler.register(signal.SIGPROF, file=self.stack, all_threads=True, chain=True)
        for clock in (signal.ITIMER_REAL, signal.ITIMER_VIRTUAL):
            signal.setitimer(clock, 0)

    # ---- pytest's hooks

    def pytest_collection(self, session):
        """Before pytest looks at the tests: does what they import import?"""
        day, modules = self.plugin.day, self.plugin.modules
        self.tests: dict[Path, set[str]] = {}
        wanted = {day.exercise(name).section for name in self.job.exercises or ()}
        if self.job.mode == "strength":  # right variants meet the tests of later sections too
            wanted = set()
        for file in sorted((day.path / "tests").glob("test_*.py")):
            section = file.stem.removeprefix("test_")
            if not wanted or section in wanted:
                try:
                    self.tests[file] = self._needed(file) | {section} & modules.names
                except (SyntaxError, ValueError, OSError) as error:  # then none of its tests is collected
                    self.tell(Uncollected(what=f"tests/{file.name}", text=f"{type(error).__name__}: {error}"))
        modules.broken |= self.unimportable
        sections = [section.name for section in day.sections]
        needed = set().union(*self.tests.values())
        for name in sorted(needed, key=lambda name: sections.index(name) if name in sections else len(sections)):
            if name not in self.unimportable:
                self._import(name)

    def _import(self, name: str) -> None:
        day, folder, modules = self.plugin.day, self.plugin.folder, self.plugin.modules
        self.tell(Importing(name))
        self.deadline(protocol.IMPORTING * self.job.seconds)
        state = GlobalState()
        try:
            importlib.import_module(name)
            if changed := state.restore():
                raise ImportError(f"{CHANGES}: {'; '.join(changed)}")
        except BaseException as error:
            self.unimportable.add(name)
            self.tell(
                Unimportable(
                    module=name,
                    where=_guilty(error, day, folder) or place(error, folder) or f"{folder.name}/{name}.py",
                    summary=_import_trouble(error, in_words(error, day, folder)),
                    stub=isinstance(error, NotImplementedError) and bool(place(error, folder)),
                    certain=isinstance(error, SyntaxError | NoImport) or str(error).startswith(CHANGES),
                )
            )
            sys.modules.pop(name, None)
        state.restore()
        modules.broken |= self.unimportable
        self.deadline(0)

    def pytest_ignore_collect(self, collection_path):
        if collection_path.suffix == ".py":
            needs = self.tests.get(collection_path)
            if needs and (broken := needs & self.unimportable):
                self.tell(Blocked(collection_path.stem.removeprefix("test_"), sorted(broken)))
                return True
            return needs is None or None
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
        self.tell(Ended())
        return True

    def pytest_collectreport(self, report):
        if report.failed:
            self.tell(Uncollected(what=report.nodeid, text=str(report.longrepr)[-3000:]))


def _guilty(error: BaseException, day, folder: Path) -> str | None:
    """The file of the day that is to blame for a failed import although another one asked for it."""
    if isinstance(error, NoImport):
        return f"{folder.name}/{error.name}.py"
    lacks = re.match(r"cannot import name '(\w+)' from '(\w+)'", str(error))
    if lacks and any((e.name, e.section) == lacks.groups() for e in day.exercises):
        return f"{folder.name}/{lacks[2]}.py"
    return None


def _import_trouble(error: BaseException, words: str) -> str:
    if isinstance(error, ImportError) and str(error).endswith("is missing"):
        return f"{error}; `start` brings the stubs back and keeps what is there"
    if isinstance(error, ImportError) and str(error).startswith(CHANGES):
        return str(error)
    return words
