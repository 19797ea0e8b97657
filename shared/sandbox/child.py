"""The process in which answers run. It may hang, crash or exit: `shared.runner` watches it from outside.

It reads one line, a Job, and tells what happens, an event a line, on what was its standard output.
"""

import os
import sys
from pathlib import Path

from shared.runner.protocol import INTERNAL_ERROR, Job, Ready, decode_job, encode
from shared.sandbox.limits import limit_files, limit_memory

OPTIONS = ["-q", "--tb=no", "-pshared.sandbox.plugin", "-pno:cacheprovider", "-pno:faulthandler", "-pno:logging"]


def pytest_arguments(job: Job) -> list[str]:
    """No configuration but this one: what lies around the day is somebody else's."""
    own = str(Path(__file__).with_name("pytest.ini"))
    return [*OPTIONS, "-c", own, "--noconftest", "--rootdir", job.day, str(Path(job.day) / "tests")]


def main() -> None:
    channel = os.fdopen(os.dup(1), "wb")
    # What an answer prints, at whatever level, goes where stderr goes: to the runner's log.
    os.dup2(2, 1)
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

    # What takes time is imported before there is a job, so that a spare process is ready.
    import pytest
    import torch

    from shared.sandbox.plugin import SESSION
    from shared.sandbox.session import Session

    channel.write(encode(Ready()))
    channel.flush()
    line = sys.stdin.readline()
    if not line:
        return
    job = decode_job(line)
    # From here on nobody types.
    with open(os.devnull) as nothing:
        os.dup2(nothing.fileno(), 0)
    os.chdir(job.day)
    if os.environ.get("DEVICE", "cpu") == "cpu":
        limit_memory(job.memory)
    limit_files()
    # Tests are small: threads would mostly wait for one another, and two children may run side by side.
    torch.set_num_threads(1)
    session = Session(job, channel)

    class Door:
        """Hands the session to shared.sandbox.plugin before that configures itself."""

        @pytest.hookimpl(tryfirst=True)
        def pytest_configure(self, config):
            config.stash[SESSION] = session

    if pytest.main(pytest_arguments(job), plugins=[Door()]) == pytest.ExitCode.INTERNAL_ERROR:
        sys.exit(INTERNAL_ERROR)


if __name__ == "__main__":
    main()
