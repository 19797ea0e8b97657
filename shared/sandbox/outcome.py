"""How one test ended, told in words that help: which line of the answer, what was wrong with it."""

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from shared.checks import CheckFailed
from shared.checks.show import describe_call
from shared.checks.values import class_name, message_of
from shared.course.day import Day
from shared.data.files import DataError
from shared.learner import wording
from shared.learner.verdicts import definition_line
from shared.runner.protocol import Problem
from shared.sandbox.calls import Call
from shared.sandbox.details import details
from shared.sandbox.errors import (
    chain_of,
    first_of_many,
    in_words,
    line_of_the_test,
    place,
    said,
    unfinished,
    whose_error,
)

MANY = 200_000  # characters printed, beyond which only the last lines travel
CANT_GO_ON = "the test can't go on with what the answer gave: "
NOT_YOURS = "the test itself failed, not your answer: "


@dataclass
class Outcome:
    """`kind` is pass, fail, todo (the stub of `owner` was reached) or fault (not the answer's, see `blame`).

    `error` is the exception's type, empty where a check failed; `said` its text, unless the answer itself wrote that.
    `uses` are the other exercises that took part. `doubtful`: the test stopped with an error that has no line of the
    answer in it, so that only a run with the reference in the answer's place can say whose fault it is.
    """

    kind: str = "pass"
    owner: str = ""
    error: str = ""
    said: str = ""
    uses: list[str] = field(default_factory=list)
    problem: Problem | None = None
    records: list[Any] = field(default_factory=list)
    seconds: float = 0.0
    doubtful: bool = False


def judge(
    error: BaseException,
    printed: str,
    test: str,
    exercise: str | None,
    day: Day,
    folder: Path,
    call: Call | None = None,
) -> Outcome:
    """The outcome of a test that raised `error` while the modules of `folder` were under test.

    `call` is the last that the test made of its exercise, most often the one that went wrong.
    """
    error = first_of_many(error)
    where = place(error, folder)
    if isinstance(error, NotImplementedError) and (owner := unfinished(error, exercise, day, folder)):
        return Outcome("todo", owner=owner)
    whose = whose_error(error, day, folder)
    if isinstance(error, CheckFailed):
        summary, lines = error.summary, list(error.lines)
        # A check fails in the test: what helps is where the answer stands.
        where = definition(exercise, day, folder)
    else:
        summary, lines = in_words(error, day, folder), details(error, day, exercise)
    if whose == "unclear" and not where:
        lines += line_of_the_test(error, day)
        summary = f"{CANT_GO_ON}{summary}"
    if call and not _is_told(call, "\n".join([summary, *lines])):
        lines.insert(0, f"call      {describe_call(call.name, call.args[call.of_object :], call.kwargs)}")
    problem = Problem(
        test=test,
        where=where or definition(exercise, day, folder),
        summary=summary,
        lines=lines,
        printed=_last_lines(printed),
    )
    if isinstance(error, CheckFailed):
        return Outcome("fail", problem=problem)
    outcome = Outcome("fail", error=class_name(error), said=said(error, folder), problem=problem)
    if whose == "course":
        damaged = next(one for one in chain_of(error) if isinstance(one, DataError))
        return _fault(outcome, f"{NOT_YOURS}{message_of(damaged)}")
    outcome.doubtful = whose == "unclear"
    return outcome


def blame(outcome: Outcome, reference: Outcome) -> Outcome:
    """What counts of a test that ended as `outcome`, now that `reference` is known: how it ended with the solution in
    the answer's place (for a test of the solution itself, `outcome` again).

    Only a doubtful one can change: where the reference doesn't pass either, the answer has nothing to do with it.
    """
    if not outcome.doubtful or reference.kind == "pass":
        return replace(outcome, doubtful=False)
    if reference.kind == "fault":  # damaged data
        return _fault(outcome, reference.problem.summary if reference.problem else NOT_YOURS)
    remedy = f"run `{wording.command('doctor')}`, and if that says that all is well, please report this"
    words = (reference.problem.summary if reference.problem else reference.error).removeprefix(CANT_GO_ON)
    return _fault(outcome, f"{NOT_YOURS}{words.rstrip('.')}; {remedy}")


def _fault(outcome: Outcome, summary: str) -> Outcome:
    problem = replace(outcome.problem or Problem("", None, ""), summary=summary, where=None)
    return replace(outcome, kind="fault", problem=problem, doubtful=False)


def _is_told(call: Call, words: str) -> bool:
    """Whether the failure's words have the call's first argument already, or there is none."""
    values = [*call.args[call.of_object :], *call.kwargs.values()]
    return not values or (type(values[0]) is str and (repr(values[0]) in words or ascii(values[0]) in words))


def definition(exercise: str | None, day: Day, folder: Path) -> str | None:
    """file:line where an exercise is defined; just the file where it is not."""
    return definition_line(day, day.exercise(exercise), folder.name) if exercise else None


def _last_lines(printed: str) -> str:
    if len(printed) <= MANY:
        return printed
    lines = printed.splitlines()
    return "\n" * (len(lines) - 50) + "\n".join(line[:500] for line in lines[-50:])
