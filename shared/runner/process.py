"""A process in which answers run, seen from outside: it gets one job, and tells what happens line by line.

Whatever the answer does, reading ends: a child that says nothing for too long is ended, with all that it started.
"""

import atexit
import contextlib
import os
import queue
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
import weakref
from collections.abc import Iterator
from pathlib import Path

from shared.runner.protocol import (
    COMPILING,
    DIAGNOSIS_ENDS,
    INTERNAL_ERROR,
    OUR_FAULT,
    PATIENCE,
    QUIET_AT_LEAST,
    START,
    Compiling,
    Diagnosing,
    Died,
    Ended,
    Event,
    Forked,
    Job,
    NotTheProtocol,
    Ready,
    decode,
    encode,
)

TAG = "BYO_CHILD"  # in the environment of a child and of all that it starts
# Of the variables that Python obeys, those that say where things lie; the others change what it does.
KEPT = (
    "PYTHONHOME",
    "PYTHONUSERBASE",
    "PYTHONNOUSERSITE",
    "PYTHONPYCACHEPREFIX",
    "PYTHONDONTWRITEBYTECODE",
    "PYTHONUTF8",
)


class Stopped(Exception):
    """The child is there, but doesn't run."""


LIVING: "weakref.WeakSet[Child]" = weakref.WeakSet()
ENDING = threading.Event()  # somebody pressed Ctrl-C while several children were at work: no more of them


@atexit.register
def end_living() -> None:
    """Ends all children that there are."""
    for child in list(LIVING):
        child.close()


class Child:
    """Starts at once and imports what every job needs; `events` gives it its job. So one can be kept ready."""

    def __init__(self, device: str):
        if ENDING.is_set():
            raise KeyboardInterrupt
        self.folder = tempfile.TemporaryDirectory(prefix="byo-", ignore_cleanup_errors=True)
        self.stack, self.log = Path(self.folder.name) / "stack", Path(self.folder.name) / "log"
        self.tag, self.forked, self.closed = Path(self.folder.name).name, False, False
        with open(self.log, "wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "shared.sandbox.child"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=output,
                env=child_environment(device) | {TAG: self.tag},
                start_new_session=True,  # Ctrl-C is for the parent, which then ends the whole group
            )
        assert self.process.stdin and self.process.stdout
        self.stdin, self.stdout = self.process.stdin, self.process.stdout
        LIVING.add(self)

    def events(self, job: Job) -> Iterator[Event]:
        """What the child tells; the last event is Ended or Died."""
        job.stack = str(self.stack)
        try:
            with contextlib.suppress(OSError):
                self.stdin.write(encode(job))
                self.stdin.close()
            how = None
            try:
                for event in self._told(max(QUIET_AT_LEAST, PATIENCE * job.seconds)):
                    if isinstance(event, Forked):
                        self.forked = True
                    elif not isinstance(event, Ready | Compiling):
                        yield event
                    if isinstance(event, Ended):
                        return
            except Stopped:
                how = "it stopped its own process (SIGSTOP)"
            except NotTheProtocol:
                how = "it wrote into the pipe through which the course hears of its tests"
            yield self._death(how, Path(job.day))
        finally:
            self.close()

    def close(self) -> None:
        """Ends the process and all that it started, and removes what it wrote."""
        LIVING.discard(self)
        end_all(self.process)
        if self.forked:
            end_tagged(self.tag)
        with contextlib.suppress(OSError):
            self.stdin.close()
        self.folder.cleanup()

    def _told(self, patience: float) -> Iterator[Event]:
        """The child's events, until its end of the pipe is closed or nothing comes for too long."""
        lines: queue.SimpleQueue = queue.SimpleQueue()
        pipe = self.stdout

        def read() -> None:
            # What the answer started may hold the pipe open for ever; nobody waits for this thread.
            with contextlib.suppress(ValueError, OSError):
                for line in pipe:
                    lines.put(line)
            lines.put(b"")
            with contextlib.suppress(OSError):
                pipe.close()

        threading.Thread(target=read, daemon=True).start()
        wait, started = START, time.monotonic()
        while True:
            try:
                line = lines.get(timeout=min(1.0, wait))
            except queue.Empty:
                # A dead child whose grandchildren hold the pipe, or one that says nothing for too long or can't.
                if self._stopped():
                    raise Stopped from None
                if self.process.poll() is not None or time.monotonic() - started > wait:
                    return
                continue
            if not line:
                self.closed = True
                return
            event = decode(line)
            wait = {Diagnosing: DIAGNOSIS_ENDS, Compiling: COMPILING}.get(type(event), patience)
            started = time.monotonic()
            yield event

    def _stopped(self) -> bool:
        import psutil

        with contextlib.suppress(psutil.Error, OSError):
            return psutil.Process(self.process.pid).status() == psutil.STATUS_STOPPED
        return False

    def _death(self, how: str | None, day: Path) -> Died:
        """How the child ended, and the line of the answer that it was at, if that is known."""
        status = None
        if how is None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                status = self.process.wait(2)
            if self.closed and status in (None, FLUSHING):
                how = "it closed the pipe through which the course hears of its tests"
        end_all(self.process)
        stack = self.stack.read_text(errors="replace") if self.stack.exists() else ""
        log = self.log.read_bytes()[-2000:].decode(errors="replace")
        # The traceback has the innermost frame first, thread by thread.
        places = [self._places(thread, day) for thread in re.split(r"^(?=Thread |Current thread )", stack, flags=re.M)]
        places = [found for found in places if found]
        where = places[0][0] if places else None
        if how is None:
            how = _in_words(status, stack)
        return Died(how, where, log, crowded=len(places) > 1)

    @staticmethod
    def _places(stack: str, day: Path) -> list[str]:
        """The lines of the day's code in a traceback, but for those of its tests."""
        files = [(Path(file), line) for file, line in re.findall(r'File "(.+?)", line (\d+)', stack)]
        return [
            f"{file.parent.name}/{file.name}:{line}"
            for file, line in files
            if file.parent.parent == day and file.parent.name != "tests"
        ]


FLUSHING = 120  # Python's exit status where its last words found their pipe closed


def _in_words(status: int | None, stack: str) -> str:
    if status is None or "Timeout (" in stack or -status == getattr(signal, "SIGPROF", None):
        return "timeout"
    if status == INTERNAL_ERROR:
        return OUR_FAULT
    if status < 0:
        try:
            name = signal.Signals(-status).name
        except ValueError:  # real-time signals have numbers, not names
            name = f"signal {-status}"
        meaning = {"SIGKILL": ": out of memory?", "SIGSEGV": ": a crash inside a library, or recursion without end?"}
        return f"it was killed by {name}{meaning.get(name, '')}"
    return f"it ended the whole process (exit status {status}): os._exit()?"


def end_all(process: subprocess.Popen) -> None:
    """Ends a process and those of its session, and waits until it is gone."""
    if hasattr(os, "killpg"):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
    process.kill()
    process.wait()


def end_tagged(tag: str) -> None:
    """Ends what an answer put out of its session's reach (daemons): it still carries the child's environment."""
    import psutil

    for _ in range(10):  # while some end, they may start others
        found = False
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error, OSError):
                if process.environ().get(TAG) == tag and process.pid != os.getpid():
                    process.kill()
                    found = True
        if not found:
            return


def child_environment(device: str) -> dict[str, str]:
    """The environment of a child: `shared` can be imported, the device is named, and no setting of pytest's or Python's
    that somebody else made gets in."""
    env = {key: value for key, value in os.environ.items() if not key.startswith(("PYTEST_", "PYTHON")) or key in KEPT}
    env |= {"DEVICE": device, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTHONIOENCODING": "utf-8"}
    env["PYTHONSAFEPATH"] = "1"  # a torch.py in the current folder is nobody's torch
    here = str(Path(__file__).resolve().parent.parent.parent)
    env["PYTHONPATH"] = os.pathsep.join([here, *filter(None, [os.environ.get("PYTHONPATH")])])
    return env
