"""Runs a job in a child process and survives whatever the answers do to it: hang, crash, exit, eat memory.

The child tells what happens line by line. When it ends too early, the exercise that it was at is blamed, and another
child goes on with the rest.
"""

from dataclasses import dataclass, field

from shared.course.day import Day
from shared.runner.process import IMPORTING, Child

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


def run_day(
    day: Day,
    implementation: str | None,
    device: str,
    exercises: list[str] | None = None,
    spare: Child | None = None,
    **options,
) -> Results:
    """Runs the tests of a day (or of some exercises), first in `spare` if there is one.

    EnvironmentBroken if no process gets as far as the tests.
    """
    job = dict(day=str(day.path), implementation=implementation, exercises=exercises, skip=[], done=[], broken=[])
    job |= {"seconds": 20.0} | options
    results = Results(folder=day.implementation(implementation).name)
    for _ in range(MOST_CHILDREN):
        at: dict = {}
        child, spare = spare or Child(device), None
        for event in child.events(job):
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
            elif kind == "end" or (kind == "died" and not blame(results, job, at, event)):
                return results
    return results


def blame(results: Results, job: dict, at: dict, death: dict) -> bool:
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
        limit = f"importing it takes more than {IMPORTING * job['seconds']:.0f} seconds: an endless loop?"
        summary = limit if slow else f"importing it fails: {death['how']}"
        where = death["where"] or f"{folder}/{module}.py"
        results.unimportable[module] = dict(module=module, where=where, summary=summary, stub=False)
        return True
    name = at["exercise"]
    job["skip"].append(name)
    limit = f"it takes more than {job['seconds']:.0f} seconds: an endless loop, or far too much work?"
    summary = limit if slow else death["how"]
    results.deaths[name] = dict(test=at["test"].split("::")[-1], where=death["where"], summary=summary, lines=[])
    return True
