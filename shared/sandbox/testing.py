"""In the child: runs a day's tests in the README's order, one outcome each."""

import time
from typing import TYPE_CHECKING

from _pytest.runner import runtestprotocol

from shared.runner.protocol import DIAGNOSIS, DIAGNOSIS_ENDS, Diagnosed, Diagnosing, Started, Tested
from shared.sandbox.diagnosis import diagnose, run_variant
from shared.sandbox.outcome import Outcome, blame

if TYPE_CHECKING:
    from shared.sandbox.session import Session


def run_tests(session: "Session", pytest_session) -> None:
    """Tells Tested for every test, and Diagnosed for the first wrong exercise."""
    job, plugin = session.job, session.plugin
    ran: dict[str, list] = {}
    items = [item for item in pytest_session.items if not job.exercises or plugin.exercise_of(item) in job.exercises]
    if job.reverse:
        names = list(dict.fromkeys(map(plugin.exercise_of, items)))[::-1]
        items.sort(key=lambda item: names.index(plugin.exercise_of(item)))
    for item in items:
        name = plugin.exercise_of(item)
        if name in job.skip or item.nodeid in job.done:
            continue
        session.exercise = name
        session.tell(Started(item.nodeid, name))
        session.deadline(max(1.0, job.seconds - session.spent.get(name, 0.0)))
        began = time.process_time() - session.compiled
        outcome = run_one(plugin, item)
        session.deadline(0)
        session.spent[name] = session.spent.get(name, 0.0) + time.process_time() - session.compiled - began
        if outcome.doubtful:
            session.deadline(job.seconds)
            outcome = blame(outcome, run_reference(plugin, item))
            session.deadline(0)
        ran.setdefault(name, []).append((item, outcome))
        facts = outcome.kind, outcome.owner, outcome.problem, outcome.seconds, outcome.uses
        session.tell(Tested(item.nodeid, name, *facts))
    wrong = {name for name, tests in ran.items() if any(outcome.kind == "fail" for _, outcome in tests)}
    first = next((exercise.name for exercise in plugin.day.exercises if exercise.name in wrong), None)
    if first and job.diagnose:
        session.tell(Diagnosing(first))
        session.deadline(DIAGNOSIS_ENDS)
        session.tell(Diagnosed(first, diagnose(plugin, first, ran[first], DIAGNOSIS)))


def run_one(plugin, item) -> Outcome:
    """One test with fixtures of its own, silently."""
    started = time.perf_counter()
    runtestprotocol(item, log=False, nextitem=None)
    outcome = plugin.outcome
    outcome.seconds = outcome.seconds or time.perf_counter() - started
    return outcome


def run_reference(plugin, item) -> Outcome:
    """The same test with the solution in the answer's place."""
    return run_variant(plugin, item, {})
