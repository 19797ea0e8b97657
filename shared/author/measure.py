"""In the child: how strong the tests are. Every variant and every mutant is put in the reference's place and tested."""

import itertools
import signal
import threading
from contextlib import contextmanager

from shared.author.mutants import mutants
from shared.course.variants import apply_variant, load_variants
from shared.sandbox.outcome import Outcome
from shared.sandbox.testing import alike, elsewhere, likest, run_one

PATIENCE = 10.0  # seconds of CPU time for one test of a mutant, before it counts as hanging


def measure(session, pytest_session) -> None:
    """Tells "variants" for every exercise and "mutant" for every mutant; "start" says what is being tried."""
    plugin, job = session.plugin, session.job
    items: dict[str, list] = {}
    for item in pytest_session.items:
        items.setdefault(plugin.exercise_of(item), []).append(item)
    chosen = [exercise for exercise in plugin.day.exercises if not job.exercises or exercise.name in job.exercises]
    with plugin.modules.trusted():
        for exercise in chosen:
            if f"variants:{exercise.name}" not in job.done:
                facts = measure_variants(session, exercise.name, items.get(exercise.name, []))
                session.tell("variants", exercise=exercise.name, **facts)
        if job.mutants:
            for exercise in chosen:
                measure_mutants(session, exercise, items.get(exercise.name, []))


def measure_variants(session, exercise: str, items: list) -> dict:
    """Which variants are rejected or accepted, which wrong ones are recognised, and which look alike."""
    plugin, job = session.plugin, session.job
    outcomes: dict[str, list[Outcome]] = {}
    facts: dict[str, list] = dict(variants=[], alike=[], reference=[])
    reference = try_out(session, "the reference", exercise, items, {})
    facts["reference"] = [outcome.problem for outcome in reference if outcome.kind != "pass"]
    wrong = {}
    for variant in load_variants(plugin.day, exercise):
        told = dict(label=variant.label, wrong=variant.wrong, says=variant.says)
        if variant.label in job.skip:
            facts["variants"].append(told | dict(rejected=True, by="its process ended", level="error"))
            continue
        module, text = apply_variant(variant, plugin.day)
        tried = try_out(session, variant.label, exercise, items, {module: text})
        failed = [number for number, outcome in enumerate(tried) if outcome.kind != "pass"]
        if failed:
            first = tried[failed[0]]
            problem = first.problem or dict(test=first.owner, summary="it raises NotImplementedError")
            told |= dict(by=problem["test"], summary=problem["summary"])
            # What only the GPU's check rejects is told by that check itself.
            by_value = first.error in ("", "AssertionError") and failed[0] < len(items)
            told |= dict(level="value" if by_value else "error")
        facts["variants"].append(told | dict(rejected=bool(failed)))
        if variant.wrong and failed:
            wrong[variant.label] = failed[0]
            outcomes[variant.label] = tried
    for told in facts["variants"]:
        if told["label"] in wrong:
            told["recognised_as"] = recognise(told["label"], wrong[told["label"]], outcomes)
    for a, b in itertools.combinations(outcomes, 2):
        if all(map(alike, outcomes[a], outcomes[b])):
            facts["alike"].append([a, b])
    return facts


def try_out(session, label: str, exercise: str, items: list, texts: dict[str, str]) -> list[Outcome]:
    """All tests of an exercise on the reference with some modules' text replaced; the last one is the GPU's."""
    plugin = session.plugin
    session.tell("start", test=label, exercise=exercise)
    session.deadline(120)
    plugin.watcher.calls.clear()
    try:
        with plugin.modules.variant(texts):
            tried = [run_one(plugin, item) for item in items]
            if all(outcome.kind == "pass" for outcome in tried) and (problem := elsewhere(plugin, exercise)):
                return [*tried, Outcome("fail", problem=problem, records=[problem["summary"]])]
            return [*tried, Outcome()]
    except Exception as error:
        problem = dict(test="import", where=None, summary=f"{type(error).__name__}: {error}", lines=[])
        return [Outcome("fail", error=type(error).__name__, problem=problem)] * (len(items) + 1)
    finally:
        session.deadline(0)


def recognise(label: str, first: int, outcomes: dict[str, list[Outcome]]) -> str | None:
    """What `sandbox.testing.diagnose` would say to the author of this variant, whose test `first` fails; see there."""
    mine = outcomes[label]
    candidates = [other for other, tried in outcomes.items() if alike(tried[first], mine[first])]
    best = likest(mine, [outcomes[other] for other in candidates])
    return None if best is None else candidates[best]


def measure_mutants(session, exercise, items: list) -> None:
    """A mutant is killed by the first test of its exercise that doesn't pass."""
    plugin, job = session.plugin, session.job
    file = plugin.day.path / "solution" / exercise.module
    killer = None  # the test that killed the last one is tried first
    for mutant in mutants(file.read_text(encoding="utf-8"), exercise.module):
        owner = plugin.day.owner_exercise(mutant.owner)
        if owner is None or owner.name != exercise.name or mutant.key in job.done:
            continue
        told = dict(key=mutant.key, exercise=exercise.name, line=mutant.line, kind=mutant.kind)
        if mutant.key in job.skip:
            session.tell("mutant", killed=True, by="its process ended", **told)
            continue
        session.tell("start", test=mutant.key, exercise=exercise.name)
        session.deadline(60)
        plugin.watcher.calls.clear()
        by = None
        try:
            with plugin.modules.variant({file.stem: mutant.text}):
                for item in sorted(items, key=lambda item: item is not killer):
                    with alarm(PATIENCE):
                        if run_one(plugin, item).kind != "pass":
                            by, killer = item.name, item
                            break
                if by is None and elsewhere(plugin, exercise.name):
                    by = "on another device"
        except Exception as error:
            by = f"import: {type(error).__name__}"
        session.deadline(0)
        session.tell("mutant", killed=by is not None, by=by, **told)


@contextmanager
def alarm(seconds: float):
    """Raises TimeoutError in the code below after so many seconds of CPU time, where the system has such a clock."""

    def ring(*_):
        raise TimeoutError("it hangs")

    if not hasattr(signal, "setitimer") or threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGVTALRM, ring)
    signal.setitimer(signal.ITIMER_VIRTUAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)
