"""From what the tests told to one verdict an exercise: done, wrong, to do, or waiting for an earlier one."""

from pathlib import Path

from shared.course.day import Day, Exercise
from shared.learner.board import Problem, Verdict
from shared.learner.state import read_state, write_state
from shared.runner.run import Results


def verdicts(day: Day, results: Results, exercises: list[str] | None = None) -> list[Verdict]:
    """In the README's order."""
    chosen = [exercise for exercise in day.exercises if not exercises or exercise.name in exercises]
    found = [_verdict(day, exercise, results) for exercise in chosen]
    then = read_state(day).get("wrong", {})
    wrong = {
        e.name for e in day.exercises if then.get(e.name) is not None and then[e.name] == _text(day, e, results.folder)
    }
    wrong = wrong - {v.exercise.name for v in found} | {v.exercise.name for v in found if v.state == "wrong"}
    for verdict in found:
        used = {name for test in results.tests.get(verdict.exercise.name, []) for name in test["uses"]}
        suspects = [e.name for e in day.exercises if e.name in used & wrong]
        # A mistake of its own that we know is the better lead.
        if verdict.problem and suspects and not results.why.get(verdict.exercise.name):
            verdict.problem.lines.append(f"it uses {', '.join(suspects)}: wrong when last tested, so look there first")
    return found


def _verdict(day: Day, exercise: Exercise, results: Results) -> Verdict:
    tests = results.tests.get(exercise.name, [])
    passed = sum(test["kind"] == "pass" for test in tests)
    death = results.deaths.get(exercise.name)
    total = len(tests) + (death is not None or exercise.name in results.elsewhere)

    def verdict(state: str, **facts) -> Verdict:
        where = definition_line(day, exercise, results.folder)
        return Verdict(exercise, state, passed, total, where=where, **facts)

    if trouble := results.unimportable.get(exercise.section):
        return _unimportable(exercise, trouble, verdict)
    if death:
        where = death["where"] or definition_line(day, exercise, results.folder)
        return verdict("wrong", problem=Problem(**death | {"where": where}))
    failed = [test for test in tests if test["kind"] == "fail"]
    if failed:
        return verdict("wrong", problem=Problem(**failed[0]["problem"]))
    stubs = [day.owner_exercise(test["owner"]) for test in tests if test["kind"] == "todo"]
    if exercise in stubs:
        return verdict("todo")
    if stubs:
        return verdict("waiting", waits_for=stubs[0].name)
    if not tests:
        # Its test file needs another module that doesn't import.
        others = [module for module in results.unimportable if module != exercise.section]
        return verdict("waiting", waits_for=f"{others[0]}.py" if others else "a test of its own")
    if exercise.name in results.elsewhere:
        return verdict("wrong", problem=Problem(**results.elsewhere[exercise.name]))
    return verdict("done")


def _unimportable(exercise: Exercise, trouble: dict, verdict) -> Verdict:
    guilty = Path(trouble["where"].rpartition(":")[0] or trouble["where"]).name
    if guilty != exercise.module or trouble["stub"]:
        return verdict("waiting", waits_for=guilty)
    problem = Problem(f"import {exercise.section}", trouble["where"], trouble["summary"], [])
    return verdict("wrong", problem=problem)


def definition_line(day: Day, exercise: Exercise, folder: str) -> str | None:
    """file:line of the exercise in that folder; sandbox.outcome.definition is its twin in the child."""
    _, block = _definition(day, exercise, folder)
    return f"{folder}/{exercise.module}" + (f":{block.start + 1}" if block else "")


def _text(day: Day, exercise: Exercise, folder: str) -> str:
    """The lines of its definition in that folder, "" where there is none."""
    lines, block = _definition(day, exercise, folder)
    return "".join(lines[block.start : block.end]) if block else ""


def _definition(day: Day, exercise: Exercise, folder: str):
    from shared.course.definitions import Source

    file = day.path / folder / exercise.module
    if not file.is_file():
        return [], None
    source = Source(file.read_text(encoding="utf-8-sig", errors="replace"))
    return source.lines, source.find(exercise.name)


def remember(day: Day, found: list[Verdict], results: Results, why: bool) -> None:
    """Counts failing runs in the day's state, and gives the diagnosis out at the second one, or at once with `why`."""
    state = read_state(day)
    failing = state.setdefault("failing", {})
    wrong = state.setdefault("wrong", {})  # the text of what is wrong, which a repair changes
    done = state.setdefault("done", {})
    for verdict in found:
        name = verdict.exercise.name
        done[name] = verdict.state == "done"
        failing[name] = failing.get(name, 0) + 1 if verdict.state == "wrong" else 0
        wrong[name] = _text(day, verdict.exercise, results.folder) if verdict.state == "wrong" else None
        says = results.why.get(name)
        if says and verdict.problem:
            if why or failing[name] >= 2:
                verdict.problem.says = says
            else:
                verdict.problem.why_later = True
        elif why and name in results.why and verdict.problem:
            verdict.problem.lines.append("no mistake that we know gives just this")
    if results.folder == "answers":
        write_state(day, state)
