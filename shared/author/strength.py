"""`make strength`: runs the measurement in children, prints the figures, and keeps them in the day's strength.json.

Figures are kept with a key of what they were measured on (`figures.py`), so only what changed is measured again.
"""

import os
import time
import tomllib
from concurrent.futures import ThreadPoolExecutor

from shared.author import figures
from shared.course.day import Day
from shared.learner import wording
from shared.runner.children import EnvironmentBroken, TooMany, in_children
from shared.runner.protocol import Job, MutantMeasured, Started, Uncollected, Unimportable, VariantsMeasured
from shared.runner.results import run_tests

DIAGNOSED_AT_LEAST = 0.9  # of the wrong variants that are rejected
KILLED_AT_LEAST = 0.9  # of the mutants
# A sentence with one of these announces that the variant ends in an error.
WORDS_OF_ERRORS = (
    *("raise", "error", "exception", "crash", "fail", "refuse"),
    *("stops", "recurs", "without end", "for ever", "endless", "memory"),
)


def measure_days(days: list[Day], exercise: str | None, everything: bool, minutes: float | None) -> bool:
    """Measures the days whose figures are stale, those first whose own files changed. True where a day is too weak.

    `everything`: the others too. `minutes`: a day that wouldn't be done by then is left, and named.
    """
    ends = None if minutes is None else time.monotonic() + 60 * minutes
    weak, left = False, []
    for day in sorted(days, key=lambda day: figures.staleness(day) != "own files"):
        if not (exercise or everything or figures.staleness(day)):
            print(f"{day.name}: nothing changed since it was measured")
        elif ends is not None and time.monotonic() + 60 * figures.minutes(day) > ends:
            left.append(day.name)
        else:
            weak = report(day, exercise) or weak
    if left:
        again = wording.command("strength", left[0].partition("_")[0])
        print(f"no time was left for {', '.join(left)}: these figures are stale; `{again}` measures the first")
    return weak


def report(day: Day, exercise: str | None = None) -> bool:
    """Prints every defect and the figures of a day. True where its tests are weaker than the course promises."""
    started = time.monotonic()
    names = [day.exercise(exercise).name] if exercise else None
    found, tried = collect(day, names)
    lines, measured = judge_strength(day, found, tried, explanations(day))
    took = time.monotonic() - started
    print("\n".join(lines))
    print(
        f"{day.name}: {measured['rejected']} of {measured['wrong']} wrong variants rejected, "
        f"{measured['diagnosed']} recognised; {measured['accepted']} of {measured['right']} right ones accepted; "
        f"{measured['killed']} of {measured['mutants']} mutants killed, {measured['explained']} survivors explained; "
        f"{took:.0f} s"
    )
    if not names and not lines:
        figures.keep(day, measured, took)
    return bool(lines)


def collect(day: Day, names: list[str] | None) -> tuple[list[VariantsMeasured], list[MutantMeasured]]:
    """What was measured, in the README's order; sections side by side, one a core."""
    users = users_of_each(day)
    chosen = [exercise for exercise in day.exercises if not names or exercise.name in names]
    sections = {exercise.section: [e.name for e in chosen if e.section == exercise.section] for exercise in chosen}
    with ThreadPoolExecutor(max_workers=max(1, min(len(sections), os.cpu_count() or 1))) as pool:
        found = list(pool.map(lambda section: _collect_section(day, section, sections[section], users), sections))
    return [event for variants, _ in found for event in variants], [event for _, mutants in found for event in mutants]


def users_of_each(day: Day) -> dict[str, list[str]]:
    """For each exercise the tests of later ones that come through it, as a run of the reference shows."""
    results, _ = run_tests(Job(str(day.path), "solution", seconds=120.0, diagnose=False), "cpu")
    users: dict[str, list[str]] = {}
    for tests in results.tests.values():
        for test in tests:
            for used in test.uses:
                users.setdefault(used, []).append(test.test)
    return users


def _collect_section(
    day: Day, section: str, names: list[str], users: dict[str, list[str]]
) -> tuple[list[VariantsMeasured], list[MutantMeasured]]:
    users = {name: users.get(name, []) for name in names}
    job = Job(str(day.path), "solution", mode="strength", exercises=names, seconds=120.0, users=users)
    variants, mutants, at, started = [], [], None, time.monotonic()
    for event in in_children(job, "cpu"):
        if isinstance(event, Started):
            at = event.test
        elif isinstance(event, VariantsMeasured):
            variants.append(event)
        elif isinstance(event, MutantMeasured):
            mutants.append(event)
        elif isinstance(event, Unimportable | Uncollected):
            raise EnvironmentBroken(f"{day.name}: {event}")
        elif isinstance(event, TooMany):
            raise EnvironmentBroken(f"{day.name}: too many processes ended; the last one at {at}")
    count, took = sum(len(event.variants) for event in variants), time.monotonic() - started
    print(f"  {section}: {count} variants, {len(mutants)} mutants, {took:.0f} s", flush=True)
    return variants, mutants


def _dies_by_accident(variant: dict) -> str | None:
    """A variant makes the mistake that its sentence describes: it ends in an error only if that is the mistake."""
    error = variant.get("error")
    if not error or error in ("AssertionError", "Failed", "Dodged") or error in variant["says"]:
        return None
    if any(word in variant["says"].lower() for word in WORDS_OF_ERRORS):
        return None
    return f"dies of {error} in {variant['by']}, of which its sentence says nothing: {variant['summary']}"


def explanations(day: Day) -> dict[str, str]:
    """survivors.toml: for each mutant that no test can kill, why it is no mistake."""
    file = day.path / "survivors.toml"
    return tomllib.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}


def judge_strength(
    day: Day, found: list[VariantsMeasured], tried: list[MutantMeasured], explained: dict[str, str]
) -> tuple[list[str], dict[str, int]]:
    """(defects, figures)."""
    lines = []
    variants = [variant for event in found for variant in event.variants]
    wrong = [variant for variant in variants if variant["wrong"]]
    right = [variant for variant in variants if not variant["wrong"]]
    diagnosed = [variant for variant in wrong if variant.get("recognised_as") == variant["label"]]
    for event in found:
        lines += [f"  the reference fails {p['test']}: {p['summary']}" for p in event.reference if p]
        lines += [f"  {a} and {b} look the same to the tests" for a, b in event.alike]
    lines += [f"  {v['label']} passes: {v['says']}" for v in wrong if not v["rejected"]]
    lines += [f"  {v['label']} is rejected by {v['by']}: {v['summary']}" for v in right if v["rejected"]]
    lines += [f"  {v['label']} {accident}" for v in wrong if (accident := _dies_by_accident(v))]
    if len(diagnosed) < DIAGNOSED_AT_LEAST * len(wrong):
        lines += [
            f"  {v['label']} is taken for {v['recognised_as']}"
            for v in wrong
            if v not in diagnosed and "recognised_as" in v
        ]
    survivors = [mutant for mutant in tried if not mutant.killed]
    for mutant in survivors:
        if mutant.key not in explained:
            module = day.exercise(mutant.exercise).module
            lines.append(f"  survives: solution/{module}:{mutant.line}  {mutant.key}")
    exercises = {event.exercise for event in found}
    for key in explained.keys() - {mutant.key for mutant in survivors}:
        owner = day.owner_exercise(key.split(":")[0])
        if tried and (owner is None or owner.name in exercises):
            lines.append(f"  survivors.toml explains a mutant that doesn't survive: {key}")
    killed = len(tried) - len(survivors)
    if killed < KILLED_AT_LEAST * len(tried):
        lines.append(f"  only {killed} of {len(tried)} mutants are killed")
    counts = dict(
        wrong=len(wrong),
        rejected=sum(variant["rejected"] for variant in wrong),
        diagnosed=len(diagnosed),
        right=len(right),
        accepted=sum(not variant["rejected"] for variant in right),
        mutants=len(tried),
        killed=killed,
        explained=sum(mutant.key in explained for mutant in survivors),
    )
    return lines, counts
