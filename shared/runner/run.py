"""Runs a day's tests in child processes and survives whatever the answers do to them: hang, crash, exit, eat memory.

When a child ends too early, the exercise that it was at is blamed, and another child goes on with the rest
(`children.py`). What failed in a process that other exercises had used before is tested once more (`alone.py`,
`alone_imports.py`).
"""

from collections.abc import Callable

from shared.course.day import Day
from shared.runner import protocol
from shared.runner.alone import settle
from shared.runner.alone_imports import settle_imports
from shared.runner.children import EnvironmentBroken
from shared.runner.process import Child
from shared.runner.protocol import Event, Job
from shared.runner.results import Results, run_tests

__all__ = ["EnvironmentBroken", "Results", "run_day"]


def run_day(
    day: Day,
    implementation: str | None,
    device: str,
    exercises: list[str] | None = None,
    spare: Child | None = None,
    seconds: float = protocol.EXERCISE,
    diagnose: bool = True,
    watch: Callable[[Event], None] = lambda event: None,
) -> Results:
    """Runs the tests of a day (or of some exercises), first in `spare` if there is one. `watch` sees every event.

    EnvironmentBroken if no process gets as far as the tests.
    """
    folder = day.implementation(implementation)
    job = Job(str(day.path), folder.name, exercises=exercises, seconds=seconds, diagnose=diagnose)
    results, firsts = run_tests(job, device, spare, watch)
    settle_imports(day, job, results, device)
    settle(day, job, results, firsts, device)
    return results
