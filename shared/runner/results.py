"""What the children told of a day's tests, by exercise."""

from collections.abc import Callable
from dataclasses import dataclass, field

from shared.runner import protocol
from shared.runner.children import Blamed, TooMany, in_children
from shared.runner.process import Child
from shared.runner.protocol import (
    Blocked,
    Diagnosed,
    Died,
    Event,
    Importing,
    Job,
    Problem,
    Started,
    Tested,
    Uncollected,
    Unimportable,
)


@dataclass
class Results:
    """What the children told, by exercise."""

    folder: str = "answers"
    tests: dict[str, list[Tested]] = field(default_factory=dict)
    unimportable: dict[str, Unimportable] = field(default_factory=dict)  # by module
    deaths: dict[str, Problem] = field(default_factory=dict)
    why: dict[str, list[str]] = field(default_factory=dict)
    uncollected: list[Uncollected] = field(default_factory=list)
    blocked: dict[str, list[str]] = field(default_factory=dict)  # section -> modules that its tests wait for
    imported: list[str] = field(default_factory=list)  # modules, in the order in which their import began
    disturbs: dict[str, list[str]] = field(default_factory=dict)  # exercise -> the right ones that fail after it
    crowded: set[str] = field(default_factory=set)  # whose time may have been used up by a thread of another one
    untested: bool = False  # so many processes ended that the rest was left

    def failed(self, exercise: str) -> bool:
        return exercise in self.deaths or any(test.kind in ("fail", "fault") for test in self.tests.get(exercise, []))


def run_tests(
    job: Job, device: str, spare: Child | None = None, watch: Callable[[Event], None] = lambda event: None
) -> tuple[Results, set[str]]:
    """(what the children told, the exercises that were each the first in its process)."""
    results, firsts, fresh = Results(folder=job.implementation or "answers"), set(), True
    for event in in_children(job, device, spare):
        if not isinstance(event, Blamed | TooMany):
            watch(event)
        if isinstance(event, Started) and fresh and event.exercise:
            firsts.add(event.exercise)
            fresh = False
        elif isinstance(event, Tested):
            results.tests.setdefault(event.exercise, []).append(event)
        elif isinstance(event, Unimportable):
            results.unimportable[event.module] = event
        elif isinstance(event, Diagnosed):
            results.why[event.exercise] = event.says
        elif isinstance(event, Uncollected):
            results.uncollected.append(event)
        elif isinstance(event, Blocked):
            results.blocked[event.section] = event.modules
        elif isinstance(event, Importing):
            results.imported.append(event.module)
        elif isinstance(event, Blamed):
            fresh = True
            if isinstance(event.at, Importing):
                results.unimportable[event.at.module] = _unimportable(event.at.module, event.death, job)
            else:
                results.deaths[event.at.exercise] = _death(event.at.test, event.death, job)
                if event.death.crowded:
                    results.crowded.add(event.at.exercise)
        elif isinstance(event, TooMany):
            results.untested = True
    return results, firsts


def _unimportable(module: str, death: Died, job: Job) -> Unimportable:
    limit = f"importing it takes more than {protocol.IMPORTING * job.seconds:.0f} seconds: an endless loop?"
    summary = limit if death.how == "timeout" else f"importing it fails: {death.how}"
    return Unimportable(module, death.where or f"{job.implementation}/{module}.py", summary)


def _death(test: str, death: Died, job: Job) -> Problem:
    limit = f"it takes more than {job.seconds:.0f} seconds: an endless loop, or far too much work?"
    summary = limit if death.how == "timeout" else death.how
    return Problem(test.split("::")[-1], death.where, summary)
