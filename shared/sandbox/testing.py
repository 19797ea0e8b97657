"""In the child: runs a day's tests in the README's order, and looks for the mistake behind the first wrong answer."""

import time

from _pytest.runner import runtestprotocol

from shared.checks.records import same_records
from shared.course.variants import VariantError, apply_variant, load_variants
from shared.sandbox.calls import fails_elsewhere
from shared.sandbox.outcome import Outcome, definition, place


def run_tests(session, pytest_session) -> None:
    """Tells "test" for every test, "elsewhere" for what stops on a GPU, and "why" for a recognised mistake."""
    job, plugin = session.job, session.plugin
    ran: dict[str, list] = {}
    bad: set[str] = set()  # exercises with a test that did not pass
    for item in pytest_session.items:
        name = plugin.exercise_of(item)
        if name in job.skip or item.nodeid in job.done or (job.exercises and name not in job.exercises):
            continue
        session.tell("start", test=item.nodeid, exercise=name)
        session.deadline(max(1.0, job.seconds - session.spent.get(name, 0.0)))
        outcome = run_one(plugin, item)
        session.deadline(0)
        session.spent[name] = session.spent.get(name, 0.0) + outcome.seconds
        if outcome.kind != "pass":
            bad.add(name)
        ran.setdefault(name, []).append((item, outcome))
        facts = dict(test=item.nodeid, exercise=name, kind=outcome.kind, owner=outcome.owner, problem=outcome.problem)
        session.tell("test", seconds=outcome.seconds, uses=outcome.uses, **facts)
    if job.everywhere:
        for name in plugin.watcher.calls:
            session.deadline(60)
            if name not in bad and (problem := elsewhere(plugin, name)):
                session.tell("elsewhere", exercise=name, problem=problem)
    wrong = {name for name, tests in ran.items() if any(outcome.kind == "fail" for _, outcome in tests)}
    if first := next((exercise.name for exercise in plugin.day.exercises if exercise.name in wrong), None):
        session.deadline(60)
        session.tell("why", exercise=first, says=diagnose(plugin, first, ran[first]))


def run_one(plugin, item) -> Outcome:
    """One test with fixtures of its own, silently."""
    started = time.perf_counter()
    runtestprotocol(item, log=False, nextitem=None)
    outcome = plugin.outcome
    outcome.seconds = outcome.seconds or time.perf_counter() - started
    return outcome


def elsewhere(plugin, exercise: str) -> dict | None:
    """The problem with an exercise that works on the CPU and would not on a GPU."""
    for call in plugin.watcher.calls.get(exercise, {}).values():
        if found := fails_elsewhere(call):
            sentence, error = found
            where = place(error, plugin.modules.folder) if error else None
            return dict(
                test="on another device",
                where=where or definition(exercise, plugin.day, plugin.modules.folder),
                summary=sentence,
                lines=[],
            )
    return None


def diagnose(plugin, exercise: str, ran: list[tuple]) -> str | None:
    """The sentence of the wrong variant that resembles the answer most, or None where none is like it; see `likest`.

    `ran`: (test, outcome).
    """
    mine = [outcome for _, outcome in ran]
    first = next(number for number, outcome in enumerate(mine) if outcome.kind == "fail")
    says, tried = [], []
    for variant in load_variants(plugin.day, exercise):
        if not variant.wrong:
            continue
        try:
            with plugin.modules.trusted():
                module, text = apply_variant(variant, plugin.day)
        except VariantError:
            continue
        known = run_variant(plugin, ran[first][0], module, text)
        if alike(known, mine[first]):
            rest = [run_variant(plugin, item, module, text) for item, _ in ran[:first] + ran[first + 1 :]]
            says.append(variant.says)
            tried.append([*rest[:first], known, *rest[first:]])
    best = likest(mine, tried)
    return None if best is None else says[best]


def likest(mine: list[Outcome], others: list[list[Outcome]]) -> int | None:
    """Which of the others did the same as `mine` in most of the tests that either fails; None below half of them.

    One test alone says little: many mistakes give the same wrong answer somewhere.
    """

    def share(other: list[Outcome]) -> float:
        pairs = [pair for pair in zip(mine, other) if any(outcome.kind != "pass" for outcome in pair)]
        return sum(alike(*pair) for pair in pairs) / len(pairs)

    shares = [share(other) for other in others]
    return shares.index(max(shares)) if shares and max(shares) >= 0.5 else None


def run_variant(plugin, item, module: str, text: str) -> Outcome:
    """One test with the reference in place of the answer, and `text` in place of one of its modules."""
    try:
        with plugin.modules.variant({module: text}):
            return run_one(plugin, item)
    except Exception as error:  # the variant doesn't even import
        return Outcome("fail", error=type(error).__name__)


def alike(a: Outcome, b: Outcome) -> bool:
    """Whether two answers did the same in a test, as far as the checks could see."""
    return (a.kind, a.error, a.said) == (b.kind, b.error, b.said) and same_records(a.records, b.records)
