"""In the child: how strong the tests are. Every variant and every mutant is put in the reference's place and tested."""

import itertools
from functools import partial

import pytest

from shared.author.mutants import mutants
from shared.course.readme import Exercise
from shared.course.variants import apply_variant, load_variants
from shared.runner.protocol import MUTANT, VARIANT, VARIANT_TEST, MutantMeasured, Problem, Started, VariantsMeasured
from shared.sandbox.alarm import alarm
from shared.sandbox.diagnosis import alike, likest
from shared.sandbox.outcome import Outcome
from shared.sandbox.session import Session
from shared.sandbox.testing import run_one


def measure(session: Session, pytest_session: pytest.Session) -> None:
    """Tells VariantsMeasured for every exercise, MutantMeasured for every mutant, and Started before each try."""
    plugin, job = session.plugin, session.job
    items: dict[str, list[pytest.Item]] = {}
    for item in pytest_session.items:
        items.setdefault(plugin.exercise_of(item), []).append(item)
    chosen = [exercise for exercise in plugin.day.exercises if not job.exercises or exercise.name in job.exercises]
    with plugin.modules.trusted():
        for exercise in chosen:
            if f"variants:{exercise.name}" not in job.done:
                session.tell(measure_variants(session, exercise.name, items))
        if job.mutants:
            for exercise in chosen:
                measure_mutants(session, exercise, items.get(exercise.name, []))


def measure_variants(session: Session, exercise: str, items: dict[str, list[pytest.Item]]) -> VariantsMeasured:
    """Which variants are rejected or accepted, which wrong ones are recognised, and which look alike.

    A right one also meets the tests of later exercises that come through this one.
    """
    plugin, job = session.plugin, session.job
    own = items.get(exercise, [])
    users = set(job.users.get(exercise, ()))
    later = [item for tests in items.values() for item in tests if item.nodeid in users]
    outcomes: dict[str, list[Outcome]] = {}
    told = VariantsMeasured(exercise, [], [], [])
    reference = try_out(session, "the reference", exercise, own, {})
    told.reference = [vars(outcome.problem) for outcome in reference if outcome.problem]
    wrong = {}
    for variant in load_variants(plugin.day, exercise):
        facts = dict(label=variant.label, wrong=variant.wrong, says=variant.says)
        if variant.label in job.skip:
            told.variants.append(facts | dict(rejected=True, by="its process ended", level="error"))
            continue
        module, text = apply_variant(variant, plugin.day)
        tried = try_out(session, variant.label, exercise, own, {module: text})
        failed = [number for number, outcome in enumerate(tried) if outcome.kind != "pass"]
        if not failed and not variant.wrong:
            tried = try_out(session, variant.label, exercise, later, {module: text}, until_it_fails=True)
            failed = [number for number, outcome in enumerate(tried) if outcome.kind not in ("pass", "todo")]
        if failed:
            first = tried[failed[0]]
            problem = first.problem or Problem(first.owner, None, "it raises NotImplementedError")
            facts |= dict(by=problem.test, summary=problem.summary, error=first.error)
            facts |= dict(level="value" if first.error in ("", "AssertionError") else "error")
        told.variants.append(facts | dict(rejected=bool(failed)))
        if variant.wrong and failed:
            wrong[variant.label] = failed[0]
            outcomes[variant.label] = tried
    for facts in told.variants:
        if facts["label"] in wrong:
            facts["recognised_as"] = recognise(facts["label"], wrong[facts["label"]], outcomes)
    for a, b in itertools.combinations(outcomes, 2):
        if all(map(alike, outcomes[a], outcomes[b])):
            told.alike.append([a, b])
    return told


def try_out(
    session: Session,
    label: str,
    exercise: str,
    items: list[pytest.Item],
    texts: dict[str, str],
    until_it_fails: bool = False,
) -> list[Outcome]:
    """Some tests on the reference with some modules' text replaced."""
    plugin, tried = session.plugin, []
    session.tell(Started(label, exercise))
    session.deadline(VARIANT)
    try:
        with plugin.modules.variant(texts):
            for item in items:
                tried.append(run_one(plugin, item))
                if until_it_fails and tried[-1].kind == "fail":
                    break
        return tried
    except Exception as error:
        problem = Problem("import", None, f"{type(error).__name__}: {error}")
        return [Outcome("fail", error=type(error).__name__, problem=problem)] * max(1, len(items))
    finally:
        session.deadline(0)


def recognise(label: str, first: int, outcomes: dict[str, list[Outcome]]) -> str | None:
    """What `sandbox.diagnosis.diagnose` would say to the author of this variant, whose test `first` fails."""
    mine = outcomes[label]
    candidates = [other for other, tried in outcomes.items() if alike(tried[first], mine[first])]
    best = likest(mine, [outcomes[other] for other in candidates])
    return candidates[best[0]] if len(best) == 1 else None


def measure_mutants(session: Session, exercise: Exercise, items: list[pytest.Item]) -> None:
    """A mutant is killed by the first test of its exercise that doesn't pass."""
    plugin, job = session.plugin, session.job
    file = plugin.day.path / "solution" / exercise.module
    killer = None  # the test that killed the last one is tried first
    for mutant in mutants(file.read_text(encoding="utf-8"), exercise.module):
        owner = plugin.day.owner_exercise(mutant.owner)
        if owner is None or owner.name != exercise.name or mutant.key in job.done:
            continue
        told = partial(MutantMeasured, mutant.key, exercise.name, mutant.line, mutant.kind)
        if mutant.key in job.skip:
            session.tell(told(killed=True, by="its process ended"))
            continue
        session.tell(Started(mutant.key, exercise.name))
        session.deadline(MUTANT)
        by = None
        try:
            with plugin.modules.variant({file.stem: mutant.text}):
                for item in sorted(items, key=lambda item: item is not killer):
                    with alarm(VARIANT_TEST):
                        if run_one(plugin, item).kind != "pass":
                            by, killer = item.name, item
                            break
        except Exception as error:
            by = f"import: {type(error).__name__}"
        session.deadline(0)
        session.tell(told(killed=by is not None, by=by))
