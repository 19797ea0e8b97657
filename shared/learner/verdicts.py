"""From what the tests told to a verdict for each exercise: done, wrong, to do, waiting for another, or not judged."""

import dataclasses
from collections.abc import Callable
from pathlib import Path

from shared.course.day import Day, Exercise
from shared.learner.board import Problem, State, Verdict
from shared.learner.state import read_state, write_state
from shared.runner import protocol
from shared.runner.protocol import Unimportable
from shared.runner.results import Results


def verdicts(day: Day, results: Results, exercises: list[str] | None = None) -> list[Verdict]:
    """In the README's order."""
    chosen = [exercise for exercise in day.exercises if not exercises or exercise.name in exercises]
    found = [_verdict(day, exercise, results) for exercise in chosen]
    done = {verdict.exercise.name for verdict in found if verdict.state == "done"}
    for verdict in found:
        # Nobody waits for what is not to do.
        if verdict.state == "waiting" and verdict.waits_for in done:
            verdict.state, summary = "wrong", f"`{verdict.waits_for}`, which it uses, raises NotImplementedError here"
            verdict.problem = Problem(_first_todo(results, verdict), verdict.where, summary, [])
    then = read_state(day).get("wrong", {})
    wrong = {
        e.name
        for e in day.exercises
        if then.get(e.name) is not None and then[e.name] == text_of(day, e, results.folder)
    }
    wrong = wrong - {v.exercise.name for v in found} | {v.exercise.name for v in found if v.state == "wrong"}
    for verdict in found:
        used = {name for test in results.tests.get(verdict.exercise.name, []) for name in test.uses}
        suspects = [e.name for e in day.exercises if e.name in used & wrong]
        # A mistake of its own that we know is the better lead.
        if verdict.problem and suspects and not results.why.get(verdict.exercise.name):
            verdict.problem.lines.append(f"it uses {', '.join(suspects)}: wrong when last tested, so look there first")
    return found


def _first_todo(results: Results, verdict: Verdict) -> str:
    tests = results.tests[verdict.exercise.name]
    return next(test.test for test in tests if test.kind == "todo").split("::")[-1]


def _verdict(day: Day, exercise: Exercise, results: Results) -> Verdict:
    tests = results.tests.get(exercise.name, [])
    passed = sum(test.kind == "pass" for test in tests)
    death = results.deaths.get(exercise.name)
    victims = results.disturbs.get(exercise.name)
    where = definition_line(day, exercise, results.folder)

    def verdict(state: State, total: int = len(tests) + bool(death), **facts) -> Verdict:
        return Verdict(exercise, state, passed, total, where=where, **facts)

    if trouble := results.unimportable.get(exercise.section):
        return _unimportable(exercise, trouble, results.unimportable.get, verdict)
    if death:
        return verdict("fault" if death.summary == protocol.OUR_FAULT else "wrong", problem=_shown(death, where))
    states: dict[str, State] = {"fail": "wrong", "fault": "fault"}
    for kind, state in states.items():
        if failed := [test.problem for test in tests if test.kind == kind and test.problem]:
            return verdict(state, problem=_shown(failed[0], where))
    owners = [day.owner_exercise(test.owner) for test in tests if test.kind == "todo"]
    stubs = [owner for owner in owners if owner]
    if exercise in stubs:
        return verdict("todo")
    if stubs:
        return verdict("waiting", waits_for=stubs[0].name)
    if not tests:
        return _untested(exercise, results, verdict)
    if victims:
        return verdict("wrong", problem=Problem("on the whole board", where, _disturbing(exercise.name, victims), []))
    return verdict("done")


def _shown(problem: protocol.Problem, where: str | None) -> Problem:
    return Problem(**dataclasses.asdict(problem) | {"where": problem.where or where})


def _disturbing(name: str, victims: list[str]) -> str:
    others = f" and {len(victims) - 1} more" if len(victims) > 1 else ""
    return (
        f"`{name}` changes something for everybody and leaves it so: after it, {victims[0]}{others} "
        f"{'fail' if others else 'fails'}, though right when tested alone"
    )


def _unimportable(exercise: Exercise, trouble: Unimportable, root_of: Callable, verdict) -> Verdict:
    """`root_of(module)` is what keeps another module from importing, None if that is nothing."""
    guilty = Path(trouble.where.rpartition(":")[0] or trouble.where).name
    if trouble.stub:
        return verdict("waiting", waits_for=guilty)
    summary, where = trouble.summary, trouble.where
    if guilty != exercise.module:
        if trouble.certain and (root := root_of(Path(guilty).stem)):
            summary, where = root.summary, root.where
        summary = f"it needs {guilty}, which has a problem: {summary}"
    return verdict("wrong", total=0, problem=Problem(f"import {exercise.section}", where, summary, []))


def _untested(exercise: Exercise, results: Results, verdict) -> Verdict:
    """No test of it ran. Its test file may need another module, which is to do or doesn't import."""
    needs = results.blocked.get(exercise.section, ())
    others = [results.unimportable[module] for module in needs if module in results.unimportable]
    if others and others[0].stub:
        return verdict("waiting", waits_for=f"{others[0].module}.py")
    if others:
        words = f"its tests need {others[0].module}.py, which has a problem: {others[0].summary}"
        return verdict("wrong", total=0, problem=Problem(f"import {others[0].module}", others[0].where, words, []))
    file = f"tests/test_{exercise.section}.py"
    if results.untested:
        words = f"it was not tested: before it, {protocol.MOST_CHILDREN} exercises ended their process"
    elif results.uncollected:
        words = f"its tests could not be read: {file} is damaged; `git checkout {file}` brings it back"
    else:
        words = f"{file} has no test of it: it is damaged or changed; `git checkout {file}` brings it back"
    return verdict("fault", total=0, problem=Problem(file, None, words, []))


def definition_line(day: Day, exercise: Exercise, folder: str) -> str | None:
    """file:line of the exercise in that folder; sandbox.outcome.definition is its twin in the child."""
    _, block = _definition(day, exercise, folder)
    return f"{folder}/{exercise.module}" + (f":{block.start + 1}" if block else "")


def text_of(day: Day, exercise: Exercise, folder: str) -> str:
    """The lines of its definition in that folder, "" where there is none."""
    lines, block = _definition(day, exercise, folder)
    return "".join(lines[block.start : block.end]) if block else ""


def _definition(day: Day, exercise: Exercise, folder: str):
    from shared.course.definitions import Source

    file = day.path / folder / exercise.module
    try:
        source = Source(file.read_text(encoding="utf-8-sig", errors="replace"))
    except OSError:
        return [], None
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
        wrong[name] = text_of(day, verdict.exercise, results.folder) if verdict.state == "wrong" else None
        says = results.why.get(name)
        if says and verdict.problem:
            if why or failing[name] >= 2:
                verdict.problem.says = " And: ".join(says)
            else:
                verdict.problem.why_later = True
        elif why and name in results.why and verdict.problem:
            verdict.problem.unknown = True
    if results.folder == "answers":
        write_state(day, state)
