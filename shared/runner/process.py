"""A process in which answers run, seen from outside: it gets one job, and tells what happens line by line."""

import contextlib
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
from pathlib import Path

START = 600.0  # seconds for Python and torch to start, on the slowest of machines
IMPORTING = 3.0  # times the seconds that an exercise has, for the import of one module
PATIENCE = 7.0  # times the seconds that an exercise has, in case the child's own alarm (at 5 times) doesn't ring


class Child:
    """Starts at once and imports what every job needs; `events` gives it its job. So one can be kept ready."""

    def __init__(self, device: str):
        self.folder = tempfile.TemporaryDirectory(prefix="byo-")
        self.stack, self.log = Path(self.folder.name) / "stack", Path(self.folder.name) / "log"
        with open(self.log, "wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "shared.sandbox.child"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=output,
                env=child_environment(device),
            )

    def events(self, job: dict) -> Iterator[dict]:
        """What the child tells, last {"event": "end"} or {"event": "died", "how": …, "where": …, "log": …}."""
        ended = False
        try:
            try:
                self.process.stdin.write(json.dumps({**job, "stack": str(self.stack)}).encode() + b"\n")
                self.process.stdin.close()
            except BrokenPipeError:
                pass
            for line in self._lines(max(120.0, PATIENCE * job["seconds"])):
                event = json.loads(line)
                ended = ended or event["event"] == "end"
                if event["event"] != "ready":
                    yield event
            if not ended:
                status = self.process.poll()  # None: it still runs, and said nothing for too long
                self.process.kill()
                stack = self.stack.read_text(errors="replace") if self.stack.exists() else ""
                log = self.log.read_bytes()[-2000:].decode(errors="replace")
                yield {"event": "died", **_death(status, stack, Path(job["day"])), "log": log}
        finally:
            self.close()

    def close(self) -> None:
        """Ends the process and removes what it wrote."""
        self.process.kill()
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            pipe.close()
        self.folder.cleanup()

    def _lines(self, patience: float) -> Iterator[str]:
        lines: queue.Queue = queue.Queue()

        def read() -> None:
            try:
                for line in self.process.stdout:
                    lines.put(line.decode(errors="replace"))
            except ValueError:
                pass  # closed meanwhile
            lines.put(None)

        threading.Thread(target=read, daemon=True).start()
        wait = START
        while True:
            try:
                line = lines.get(timeout=wait)
            except queue.Empty:
                return
            if line is None:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    self.process.wait(10)
                return
            wait = patience
            yield line


def _death(status: int | None, stack: str, day: Path) -> dict:
    """How a child ended, in words, and the line of the answer that it was at, if that is known."""
    where = None
    # The traceback has the innermost frame first.
    for file, line in re.findall(r'File "(.+?)", line (\d+)', stack):
        if Path(file).parent.parent == day and Path(file).parent.name != "tests":
            where = f"{Path(file).parent.name}/{Path(file).name}:{line}"
            break
    if status is None or "Timeout (" in stack or -status == getattr(signal, "SIGPROF", None):
        return {"how": "timeout", "where": where}
    if status < 0:
        name = signal.Signals(-status).name
        meaning = {"SIGKILL": ": out of memory?", "SIGSEGV": ": a crash inside a library, or recursion without end?"}
        return {"how": f"it was killed by {name}{meaning.get(name, '')}", "where": where}
    return {"how": f"it ended the whole process (exit status {status}): os._exit()?", "where": where}


def child_environment(device: str) -> dict[str, str]:
    """The environment of a child: `shared` can be imported, no other pytest plugin gets in, the device is named."""
    env = {**os.environ, "DEVICE": device, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTHONIOENCODING": "utf-8"}
    here = str(Path(__file__).resolve().parent.parent.parent)
    env["PYTHONPATH"] = os.pathsep.join([here, *filter(None, [os.environ.get("PYTHONPATH")])])
    return env
