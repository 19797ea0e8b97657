"""Looks for the mistake behind a wrong answer: which known ones do the same in the tests?

Each wrong variant of the exercise is put in the reference's place and meets the same tests. What the checks saw of it
and of the answer is compared, test by test.
"""

import time
from collections.abc import Sequence

from shared.checks import same_records
from shared.course.variants import Variant, VariantError, apply_variant, load_variants
from shared.runner.protocol import DIAGNOSIS_TEST
from shared.sandbox.alarm import alarm
from shared.sandbox.outcome import Outcome

# The failing tests in which a known mistake is tried before the others: so many, and more of those that are quick.
PROBES, MOST_PROBES, QUICK = 3, 12, 0.02
Ran = list[tuple]  # (test, outcome) of one exercise


def diagnose(plugin, exercise: str, ran: Ran, seconds: float) -> list[str]:
    """The sentences of the known mistakes that the answer looks like: one, two where it takes two, or none.

    After `seconds` of CPU time it makes do with what it has found out.
    """
    mine = [outcome for _, outcome in ran]
    quickest = sorted(range(len(ran)), key=lambda number: mine[number].seconds)
    failing = [number for number in quickest if mine[number].kind == "fail"]
    first = min(failing)
    failing.remove(first)
    failing.insert(0, first)
    probes = [number for place, number in enumerate(failing) if place < PROBES or mine[number].seconds < QUICK]
    probes = probes[:MOST_PROBES]
    ends = time.process_time() + seconds
    found: list[tuple[Variant, list[Outcome | None]]] = []
    for variant in load_variants(plugin.day, exercise):
        if not variant.wrong or time.process_time() > ends:
            continue
        try:
            with plugin.modules.trusted():
                module, text = apply_variant(variant, plugin.day)
        except VariantError:
            continue
        theirs: list[Outcome | None] = [None] * len(ran)
        if not any(_try(plugin, ran, number, {module: text}, theirs, mine) for number in probes):
            continue
        for number in [*failing, *quickest]:
            if theirs[number] is None and time.process_time() < ends:
                _try(plugin, ran, number, {module: text}, theirs, mine)
        found.append((variant, theirs))
        if all(map(_alike, theirs, mine)):
            break  # no other can be more like it
    return [found[number][0].says for number in likest(mine, [theirs for _, theirs in found])]


def _try(plugin, ran: Ran, number: int, texts: dict[str, str], theirs: list[Outcome | None], mine: list) -> bool:
    """Whether a mistake does in one test what the answer did there. A mistake that hangs is tried in no other test."""
    if any(outcome and outcome.error == "TimeoutError" for outcome in theirs):
        return False
    try:
        with alarm(DIAGNOSIS_TEST):
            theirs[number] = run_variant(plugin, ran[number][0], texts)
    except TimeoutError as error:
        theirs[number] = Outcome("fail", error=type(error).__name__)
    return _alike(theirs[number], mine[number])


def likest(mine: list[Outcome], others: Sequence[Sequence[Outcome | None]]) -> list[int]:
    """Which of the others did the same as `mine` in most of the tests that either fails; [] where none did.

    One test alone says little: many mistakes give the same wrong answer somewhere. Two are named where neither alone
    explains half of what fails, each explains tests of its own, and neither fails where the answer passes.
    """
    first = next((number for number, outcome in enumerate(mine) if outcome.kind == "fail"), -1)
    shares = [_share(mine, other) for other in others]
    if shares and max(shares) >= 0.5:
        best = shares.index(max(shares))
        # Of two failing tests, the first says more.
        if max(shares) > 0.5 or _alike(others[best][first], mine[first]):
            return [best]
    failing = {number for number, outcome in enumerate(mine) if outcome.kind == "fail"}
    explains = [{number for number in failing if _alike(other[number], mine[number])} for other in others]
    honest = [
        number
        for number, other in enumerate(others)
        if explains[number] and not any(_differs(theirs, ours) for theirs, ours in zip(other, mine))
    ]
    pairs = [
        (len(explains[a] | explains[b]), a, b)
        for a in honest
        for b in honest
        if a < b and explains[a] - explains[b] and explains[b] - explains[a]
    ]
    if pairs and max(pairs)[0] >= 0.5 * len(failing):
        return list(max(pairs)[1:])
    # One of several mistakes, if it shows in the first failing test and in others, and no other explains as much.
    ranked = sorted(honest, key=lambda number: len(explains[number]), reverse=True)
    if ranked and first in explains[ranked[0]] and len(explains[ranked[0]]) > 1:
        runner_up = len(explains[ranked[1]]) if len(ranked) > 1 else 0
        if len(explains[ranked[0]]) > runner_up:
            return ranked[:1]
    return []


def _share(mine: list[Outcome], other: Sequence[Outcome | None]) -> float:
    # A crash hides what the answer would have shown, so a known mistake isn't held against it there.
    pairs = [
        (ours, theirs)
        for ours, theirs in zip(mine, other)
        if theirs is not None and {ours.kind, theirs.kind} != {"pass"} and not (ours.error and not theirs.error)
    ]
    return sum(alike(*pair) for pair in pairs) / len(pairs) if pairs else 0.0


def _differs(theirs: Outcome | None, ours: Outcome) -> bool:
    return theirs is not None and theirs.kind == "fail" and ours.kind == "pass"


def _alike(theirs: Outcome | None, ours: Outcome) -> bool:
    return theirs is not None and alike(theirs, ours)


def alike(a: Outcome, b: Outcome) -> bool:
    """Whether two answers did the same in a test, as far as the checks could see."""
    return (a.kind, a.error, a.said) == (b.kind, b.error, b.said) and same_records(a.records, b.records)


def run_variant(plugin, item, texts: dict[str, str]) -> Outcome:
    """One test with the reference in place of the answer, and `texts` in place of some of its modules."""
    from shared.sandbox.testing import run_one

    try:
        with plugin.modules.variant(texts):
            return run_one(plugin, item)
    except Exception as error:  # the variant doesn't even import
        return Outcome("fail", error=type(error).__name__)
