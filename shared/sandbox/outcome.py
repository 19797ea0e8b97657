"""How one test ended, told in words that help: which line of the answer, what was wrong with it."""

import dis
import errno
import re
import traceback
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from shared.checks import CheckFailed
from shared.checks.show import describe_call
from shared.course.day import Day
from shared.learner.verdicts import definition_line
from shared.sandbox.calls import Call

NO_SUCH = re.compile(r"module '(\w+)' has no attribute '(\w+)'")
MANY = 200_000  # characters printed, beyond which only the last lines travel


@dataclass
class Outcome:
    """`kind` is pass, fail or todo (the stub of `owner` was reached).

    `error` is the exception's type, empty where a check failed; `said` its text, unless the answer itself wrote that.
    `uses` are the other exercises that took part.
    """

    kind: str = "pass"
    owner: str = ""
    error: str = ""
    said: str = ""
    uses: list[str] = field(default_factory=list)
    problem: dict | None = None
    records: list[Any] = field(default_factory=list)
    seconds: float = 0.0


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
    where = place(error, folder)
    if isinstance(error, NotImplementedError) and (owner := unfinished(error, exercise, day, folder)):
        return Outcome("todo", owner=owner)
    if isinstance(error, CheckFailed):
        summary, lines = error.summary, list(error.lines)
        # A check fails in the test: what helps is where the answer stands.
        where = definition(exercise, day, folder)
    else:
        summary, lines = in_words(error, day, folder), []
    if call and not _is_told(call, "\n".join([summary, *lines])):
        lines.insert(0, f"call      {describe_call(exercise, call.args, call.kwargs)}")
    problem = dict(
        test=test,
        where=where or definition(exercise, day, folder),
        summary=summary,
        lines=lines,
        printed=_last_lines(printed),
    )
    if isinstance(error, CheckFailed):
        return Outcome("fail", problem=problem)
    return Outcome("fail", error=type(error).__name__, said=_said(error, folder), problem=problem)


def _is_told(call: Call, words: str) -> bool:
    """Whether the failure's words have the call's first argument already, or there is none."""
    values = [*call.args, *call.kwargs.values()]
    return not values or (isinstance(values[0], str) and (repr(values[0]) in words or ascii(values[0]) in words))


def _said(error: BaseException, folder: Path) -> str:
    """The first line of what Python or torch said, without what differs from run to run.

    Empty for a `raise` in the answer: there everyone has words of their own.
    """
    trace = error.__traceback__
    while trace and trace.tb_next:
        trace = trace.tb_next
    if trace and folder in Path(trace.tb_frame.f_code.co_filename).parents:
        code = trace.tb_frame.f_code.co_code
        if code[trace.tb_lasti] == dis.opmap["RAISE_VARARGS"]:
            return ""
    first = (str(error).strip().splitlines() or [""])[0]
    return re.sub(r"0x[0-9a-f]+|/\S+", "…", first)[:200]


def unfinished(error: NotImplementedError, exercise: str | None, day: Day, folder: Path) -> str | None:
    """The exercise that isn't written yet, if an answer says so; None if something inside torch does.

    A stub names its exercise. A pair's own `raise NotImplementedError` speaks for the function that it stands in.
    """
    if error.args and place(error, folder) and day.owner_exercise(str(error.args[0])):
        return str(error.args[0])
    *_, (frame, _) = traceback.walk_tb(error.__traceback__)
    if folder not in Path(frame.f_code.co_filename).parents:
        return None
    owner = day.owner_exercise(frame.f_code.co_qualname.partition(".<locals>")[0])
    return owner.name if owner else exercise


def place(error: BaseException, folder: Path) -> str | None:
    """file:line of the last frame in `folder`, "answers/attention.py:31"; of a SyntaxError the broken line."""
    if isinstance(error, SyntaxError) and error.filename and folder in Path(error.filename).parents:
        return f"{folder.name}/{Path(error.filename).name}:{error.lineno}"
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if folder in Path(frame.filename).parents]
    return f"{folder.name}/{Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else None


def definition(exercise: str | None, day: Day, folder: Path) -> str | None:
    """file:line where an exercise is defined; just the file where it is not."""
    return definition_line(day, day.exercise(exercise), folder.name) if exercise else None


def in_words(error: BaseException, day: Day, folder: Path) -> str:
    """One line for an exception that is not a check's."""
    name, text = type(error).__name__, str(error).strip()
    first = text.splitlines()[0][:300] if text else ""
    if match := NO_SUCH.match(text):
        module, missing = match.groups()
        reset = f"make reset DAY={day.short} EX={missing}"
        return f"{folder.name}/{module}.py has no `{missing}`; `{reset}` puts its stub back"
    if isinstance(error, SyntaxError):
        return f"{name}: {error.msg}"
    if isinstance(error, SystemExit):
        return "the answer called sys.exit(); a function returns"
    if isinstance(error, RecursionError):
        return "RecursionError: it calls itself too deep: without end, or once for every item of many"
    if isinstance(error, MemoryError) or "can't allocate memory" in text or "out of memory" in text:
        size = re.search(r"allocate (\d+) bytes", first)
        return "it asked for more memory than a test may have" + (f": {int(size[1]) / 2**30:.1f} GiB" if size else "")
    if "reading from stdin while output is captured" in text or isinstance(error, EOFError):
        return "it waits for the keyboard, input(); nobody types during a test"
    if name == "BdbQuit":
        return "it stops at a breakpoint(); nobody types during a test"
    if isinstance(error, OSError) and error.errno == errno.EFBIG:
        return "it printed or wrote more than a test may: without end?"
    if name in ("ReferenceUsed", "Unimportable", "Failed", "Dodged"):
        return first
    if isinstance(error, AssertionError) and first:
        return first
    if isinstance(error, ImportError):
        first = re.sub(r" \([^()]*\.py\)$", "", first)  # where on this machine the file lies
    return f"{name}: {first}" if first else name


def _last_lines(printed: str) -> str:
    if len(printed) <= MANY:
        return printed
    lines = printed.splitlines()
    return "\n" * (len(lines) - 50) + "\n".join(line[:500] for line in lines[-50:])
