"""`make strength`: runs the measurement in children, prints the figures, and keeps them in the day's strength.json."""

import json
import os
import time
import tomllib
from concurrent.futures import ThreadPoolExecutor

from shared.course.day import Day
from shared.runner.process import Child
from shared.runner.run import MOST_CHILDREN, EnvironmentBroken

DIAGNOSED_AT_LEAST = 0.9  # of the wrong variants that give wrong values
KILLED_AT_LEAST = 0.9  # of the mutants


def report(day: Day, options) -> int:
    """Prints every defect and the figures; 0 when the day's tests are as strong as the course promises."""
    started = time.time()
    names = [day.exercise(options.exercise).name] if options.exercise else None
    found, tried = collect(day, names)
    lines, figures = judge_strength(day, found, tried, explanations(day))
    figures["seconds"] = round(time.time() - started)
    print("\n".join(lines))
    print(
        f"{day.name}: {figures['rejected']} of {figures['wrong']} wrong variants rejected, "
        f"{figures['diagnosed']} of {figures['value_level']} recognised; "
        f"{figures['accepted']} of {figures['right']} right ones accepted; "
        f"{figures['killed']} of {figures['mutants']} mutants killed, {figures['explained']} survivors explained; "
        f"{figures['seconds']} s"
    )
    if not names and not lines:
        kept = {key: value for key, value in figures.items() if key != "seconds"}
        (day.path / "strength.json").write_text(json.dumps({"day": day.name, **kept}, indent=1) + "\n")
    return 1 if lines else 0


def collect(day: Day, names: list[str] | None) -> tuple[list[dict], list[dict]]:
    """Events "variants" (one an exercise) and "mutant", in the README's order; sections side by side, one a core."""
    chosen = [exercise for exercise in day.exercises if not names or exercise.name in names]
    sections = {exercise.section: [e.name for e in chosen if e.section == exercise.section] for exercise in chosen}
    with ThreadPoolExecutor(max_workers=max(1, min(len(sections), os.cpu_count() or 1))) as pool:
        found = list(pool.map(lambda section: _collect_section(day, *section), sections.items()))
    return [event for variants, _ in found for event in variants], [event for _, mutants in found for event in mutants]


def _collect_section(day: Day, section: str, names: list[str]) -> tuple[list[dict], list[dict]]:
    job = dict(day=str(day.path), implementation="solution", mode="strength", exercises=names, seconds=120.0)
    job |= dict(skip=[], done=[])
    variants, mutants, started = [], [], time.time()
    for _ in range(MOST_CHILDREN):
        at = None
        for event in Child("cpu").events(job):
            if event["event"] == "start":
                at = event["test"]
            elif event["event"] == "variants":
                variants.append(event)
                job["done"].append(f"variants:{event['exercise']}")
            elif event["event"] == "mutant":
                mutants.append(event)
                job["done"].append(event["key"])
            elif event["event"] in ("unimportable", "uncollected"):
                raise EnvironmentBroken(f"{day.name}: {event}")
            elif event["event"] == "end":
                count = sum(len(event["variants"]) for event in variants)
                took = time.time() - started
                print(f"  {section}: {count} variants, {len(mutants)} mutants, {took:.0f} s", flush=True)
                return variants, mutants
            elif event["event"] == "died":
                if at is None or at in job["skip"]:
                    raise EnvironmentBroken(f"{day.name}: {event['how']}\n{event['log']}")
                job["skip"].append(at)
    raise EnvironmentBroken(f"{day.name}: {MOST_CHILDREN} processes ended; the last one at {at}")


def explanations(day: Day) -> dict[str, str]:
    """survivors.toml: for each mutant that no test can kill, why it is no mistake."""
    file = day.path / "survivors.toml"
    return tomllib.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}


def judge_strength(day: Day, found: list[dict], tried: list[dict], explained: dict[str, str]) -> tuple[list[str], dict]:
    """(defects, figures)."""
    lines = []
    variants = [variant for event in found for variant in event["variants"]]
    wrong = [variant for variant in variants if variant["wrong"]]
    right = [variant for variant in variants if not variant["wrong"]]
    value_level = [variant for variant in wrong if variant.get("level") == "value"]
    diagnosed = [variant for variant in value_level if variant.get("recognised_as") == variant["label"]]
    for event in found:
        lines += [f"  the reference fails {p['test']}: {p['summary']}" for p in event["reference"] if p]
        lines += [f"  {a} and {b} look the same to the tests" for a, b in event["alike"]]
    lines += [f"  {v['label']} passes: {v['says']}" for v in wrong if not v["rejected"]]
    lines += [f"  {v['label']} is rejected by {v['by']}: {v['summary']}" for v in right if v["rejected"]]
    if len(diagnosed) < DIAGNOSED_AT_LEAST * len(value_level):
        lines += [f"  {v['label']} is taken for {v['recognised_as']}" for v in value_level if v not in diagnosed]
    survivors = [mutant for mutant in tried if not mutant["killed"]]
    for mutant in survivors:
        if mutant["key"] not in explained:
            module = day.exercise(mutant["exercise"]).module
            lines.append(f"  survives: solution/{module}:{mutant['line']}  {mutant['key']}")
    exercises = {event["exercise"] for event in found}
    for key in explained.keys() - {mutant["key"] for mutant in survivors}:
        owner = day.owner_exercise(key.split(":")[0])
        if tried and (owner is None or owner.name in exercises):
            lines.append(f"  survivors.toml explains a mutant that doesn't survive: {key}")
    killed = len(tried) - len(survivors)
    if killed < KILLED_AT_LEAST * len(tried):
        lines.append(f"  only {killed} of {len(tried)} mutants are killed")
    figures = dict(
        wrong=len(wrong),
        rejected=sum(variant["rejected"] for variant in wrong),
        value_level=len(value_level),
        diagnosed=len(diagnosed),
        right=len(right),
        accepted=sum(not variant["rejected"] for variant in right),
        mutants=len(tried),
        killed=killed,
        explained=sum(mutant["key"] in explained for mutant in survivors),
    )
    return lines, figures
