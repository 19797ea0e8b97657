"""The board: what a pair reads after a run. It turns verdicts into text, and runs nothing."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from shared.learner import wording
from shared.learner.fitting_hint import fitting_hint
from shared.learner.terminal import PROSE, Terminal, cells
from shared.learner.terminal import supports as supports  # for whoever makes a Terminal

if TYPE_CHECKING:
    from shared.course.day import Day, Exercise

PRINTED = 8  # printed lines that are shown
FOLDED = 4  # a bonus section of more exercises that nobody has begun is one line


@dataclass
class Problem:
    """What went wrong in one test, in the order in which it is shown."""

    test: str  # "test_equals_torch[batch 2, heads 3]"
    where: str | None  # "answers/attention.py:31"
    summary: str  # the check's sentence, or "IndexError: index 3 is out of range"
    lines: list[str]
    printed: str = ""  # what the answer printed during that test
    says: str | None = None  # the diagnosis
    why_later: bool = False  # there is a diagnosis, held back until the second failing run
    unknown: bool = False  # a diagnosis was asked for, and no mistake that we know gives just this


State = Literal["done", "wrong", "todo", "waiting", "fault"]


@dataclass
class Verdict:
    """How one exercise stands. `wrong` with no test at all means that its module does not import."""

    exercise: Exercise
    state: State
    passed: int
    total: int
    waits_for: str | None = None
    problem: Problem | None = None
    where: str | None = None  # file:line of the definition

    def text(self) -> str:
        """How it stands, in a few words."""
        if self.state == "todo":
            return f"to do · {self.exercise.minutes} min"
        if self.state == "waiting":
            return f"waits for {self.waits_for or 'an earlier exercise'}"
        if self.state == "fault":
            return "not judged: the course or this machine is at fault"
        if not self.total:
            return "no tests" if self.state == "done" else "does not import"
        if self.state == "done":
            return f"{self.total} test{'s' * (self.total > 1)}"
        return f"{self.passed} of {self.total} tests pass" if self.total > 1 else "its one test fails"


def duration(minutes: int) -> str:
    """Minutes in words; above an hour in steps of ten, since it is a guess anyway."""
    minutes = minutes if minutes < 60 else (minutes + 9) // 10 * 10
    parts = [(minutes // 60, "hour"), (minutes % 60, "minute")]
    return " ".join(f"{n} {unit}{'s' * (n > 1)}" for n, unit in parts if n) or "no time"


def _row(terminal: Terminal, verdict: Verdict, column: int, remark: str = "") -> str:
    """One exercise: mark, name, how it stands."""
    name, text = verdict.exercise.name.ljust(column), verdict.text() + remark
    name = name if verdict.state == "done" else terminal.paint("bold" if verdict.state == "wrong" else "dim", name)
    text = text if verdict.state == "wrong" else terminal.paint("dim", text)
    return f"    {terminal.mark(verdict.state)} {name}   {text}"


def _folded(terminal: Terminal, section: str, rows: list[Verdict]) -> str:
    """A bonus section that nobody has begun: its name, how many exercises, how long."""
    minutes = sum(verdict.exercise.minutes for verdict in rows)
    text = terminal.paint("dim", f"{len(rows)} exercises to do · about {duration(minutes)}")
    return f"  {terminal.paint('bold', section)}   {text}"


def _detail(terminal: Terminal, verdict: Verdict, problem: Problem) -> list[str]:
    """One failure: the test, the place, what came out, and what that looks like."""
    name, test = verdict.exercise.name, terminal.clean(problem.test)
    if not verdict.total and verdict.state == "wrong":
        name, test = f"{verdict.exercise.module} does not import", ""
    head = f"  {terminal.mark(verdict.state)} {terminal.paint('bold', name)}"
    fits = cells(f"{head} · {test}") <= terminal.width
    out = [head + f" · {test}" * bool(test and fits)] + [terminal.cut(test, 6)] * (not fits)
    out += [terminal.paint("dim", terminal.cut(problem.where, 6))] if problem.where else []
    out += terminal.wrap(problem.summary, 6, most=3)
    out += [terminal.cut(line, 8) for block in problem.lines for line in block.split("\n")]
    printed = problem.printed.rstrip()
    before = printed.count("\n") + 1 - PRINTED
    out += [terminal.paint("dim", "      your code printed")] * bool(printed)
    out += [terminal.paint("dim", f"        … {before:,} line{'s' * (before > 1)} before that")] * (before > 0)
    for line in printed.rsplit("\n", PRINTED)[-PRINTED:] if printed else []:
        # A progress bar rewrites its line after each "\r": what stayed on the screen is the last piece.
        out.append(terminal.cut(line.rstrip("\r").rpartition("\r")[2], 8, PROSE).rstrip())
    if problem.says:
        return out + terminal.wrap(f"This looks like a classic. {problem.says}", 6)
    if problem.unknown:
        return out + terminal.wrap(_what_helps(verdict, problem), 6)
    later = f"A known mistake matches. Run again, or with {wording.option('why')}, to see which."
    return out + [terminal.paint("dim", f"      {later}")] * problem.why_later


def _what_helps(verdict: Verdict, problem: Problem) -> str:
    """Where no known mistake matches: what the failing test says, and a hint that is about the same."""
    text = "This doesn't match any mistake that we know."
    if says := sentence(problem.test):
        text += f' The failing test is called "{says}".'
    if hint := fitting_hint(verdict.exercise, says):
        text += f" Perhaps this hint helps: {hint.short_title}"
    return text


def sentence(test: str) -> str:
    """A test's name as words: "test_blocks_only_the_future[length 2]" is "blocks only the future"."""
    name = test.partition("[")[0].rpartition("::")[2]
    return name.removeprefix("test_").replace("_", " ").strip() if name.startswith("test_") else ""


def _pointer(terminal: Terminal, label: str, name: str, *columns: str | None) -> list[str]:
    """`next  name     place     command`; a command that doesn't fit goes below, since it is there to be copied."""
    parts, start = [terminal.paint("bold", name), *filter(None, columns)], f"  {label}  "
    if cells(line := start + "     ".join(parts)) <= terminal.width:
        return [line]
    return [start + "     ".join(parts[:-1]), " " * len(start) + parts[-1]]


def render(
    day: Day,
    verdicts: Iterable[Verdict],
    *,
    testing: str,
    device: str,
    fancy: bool = True,
    color: bool = False,
    notes: Iterable[str] = (),
    width: int = 100,
    next_day: str | None = None,
    follows: tuple[str, str | None, str] | None = None,
    demo: bool = False,
) -> str:
    """The board as text, without a newline at its end.

    Verdicts for less than the day's core, say for one exercise, give just those rows and the first problem: no bar.
    Where these are all done, `follows` (what, place, command) is next. `demo`: the day has something to show.
    """
    terminal, known = Terminal(fancy, color, max(width, 40)), {v.exercise.name: v for v in verdicts}
    every = [known[e.name] for e in day.exercises if e.name in known]
    bonus = {e.name for s in day.sections for e in s.exercises if s.bonus or e.bonus}
    whole = all(e.name in known or e.name in bonus for e in day.exercises)
    core = [v for v in every if v.exercise.name not in bonus]
    left = [v for v in core if v.state != "done"]
    column = max((len(v.exercise.name) for v in every), default=0)

    out, marked = [f"{terminal.paint('bold', day.name)}  testing {testing} on {device}", ""], False
    for section in sorted(day.sections, key=lambda s: s.bonus):
        rows = [known[e.name] for e in section.exercises if e.name in known]
        if whole and rows and section.bonus and not marked:
            out, marked = [*out, "", terminal.paint("dim", "  ── bonus ──")], True
        if whole and section.bonus and len(rows) > FOLDED and all(v.state in ("todo", "waiting") for v in rows):
            out.append(_folded(terminal, section.name, rows))
            continue
        if rows and len(every) > 1:
            out.append("  " + terminal.paint("bold", section.name))
        out += [_row(terminal, v, column, " · bonus" * (v.exercise.name in bonus and not section.bonus)) for v in rows]
    if whole:
        done, minutes = len(core) - len(left), sum(v.exercise.minutes for v in left)
        time = f" · about {duration(minutes)} to go" if left else ""
        out += ["", f"  {terminal.bar(done, len(core))}  {done} of {len(core)}{time}"]

    wrong = [v for v in every if v.state == "wrong"] or [v for v in every if v.state == "fault"]
    if wrong and wrong[0].problem:
        out += ["", *_detail(terminal, wrong[0], wrong[0].problem)]
    for note in notes:
        out += ["", *terminal.wrap(note, 2)]

    # Where to go on: what is wrong, then what is to do ("todo" sorts before "waiting").
    ahead = [v for v in (left if whole else every) if v.state in ("todo", "waiting")]
    ahead = wrong + sorted(ahead, key=lambda v: v.state)
    start = whole and left and testing.startswith("skeleton")
    if whole and not left and not testing.startswith("solution"):
        title = day.title.rpartition("·")[2].strip()
        bonuses = sum(v.state == "done" for v in every if v not in core)
        also = f", and {bonuses} of the bonus" * bool(bonuses)
        text = f"That is the whole day: {title}, all {len(core)} exercises{also}. Well built."
        more = [f"{v.exercise.name} ({v.exercise.minutes} min)" for v in every if v not in core and v.state == "todo"]
        more = more[:FOLDED] + [f"{len(more) - FOLDED} others"] * (len(more) > FOLDED)
        out += ["", *terminal.wrap(text, 2)]
        out += terminal.wrap(f"If you want more, a bonus is left: {', '.join(more)}.", 2) * bool(more)
        out += [""] * (demo or bool(next_day and not ahead))
        if demo:
            out += _pointer(terminal, "demo", wording.command("demo", day.short), "shows your own code at work")
        if next_day and not ahead:
            out += _pointer(terminal, "next", next_day, wording.command("start", next_day.partition("_")[0]))
    if whole and left and not any(v.state in ("done", "wrong") for v in every):
        out += ["", f"  Nothing is built yet. The first one takes about {duration(ahead[0].exercise.minutes)}."]
    if follows and not whole and not ahead:
        out += ["", *_pointer(terminal, "next", *follows)]
    out += [""] * bool(ahead)
    if start:
        out += _pointer(terminal, "start", wording.command("start", day.short), "makes answers/, where you write")
    for first in ahead[:1]:
        name = first.waits_for or first.exercise.name
        place = known[name].where if name in known else None
        hint: str | None = wording.command("hint", day.short, name)
        if first.state == "wrong" and not first.total:  # a hint would not help; the place of the error does
            name, place, hint = (first.problem and first.problem.where) or first.exercise.module, None, None
        if start and place:
            place = place.replace("skeleton/", "answers/", 1)
        out += _pointer(terminal, "next " if start else "next", name, place, hint)
    return terminal.finish(out)


def progress(days: Iterable[tuple[Day | str, int, int, int]], *, fancy: bool = True, color: bool = False) -> str:
    """All days on one board, from (day, exercises done, exercises, minutes left) for each."""
    rows = [(getattr(day, "name", str(day)), done, total, minutes) for day, done, total, minutes in days]
    rows.append(("together", sum(r[1] for r in rows), sum(r[2] for r in rows), sum(r[3] for r in rows)))
    terminal, column, digits, out = Terminal(fancy, color), max(len(row[0]) for row in rows), len(str(rows[-1][2])), []
    for name, done, total, minutes in rows:
        state, time = ("done", "done") if done == total else ("todo", f"about {duration(minutes)} to go")
        mark, name = terminal.mark(state), terminal.paint("bold", name.ljust(column))
        out.append(f"  {mark} {name}   {terminal.bar(done, total)}  {done:>{digits}} of {total:>{digits}} · {time}")
    return terminal.finish([*out[:-1], "", out[-1]])
