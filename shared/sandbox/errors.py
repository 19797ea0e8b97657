"""Exceptions in a test, in words: which line of the answer raised them, what they say, and whose fault they may be."""

import dis
import errno
import linecache
import re
import traceback
from collections.abc import Iterator
from pathlib import Path

import pytest

from shared.checks import CheckFailed
from shared.checks.values import class_name, message_of
from shared.course.day import Day
from shared.data.files import DataError
from shared.learner import wording
from shared.sandbox.details import asks_the_keyboard

NO_SUCH = re.compile(r"module '(\w+)' has no attribute '(\w+)'")
_SPEAKING = (pytest.fail.Exception, AssertionError)  # their message needs no name in front
# Whose `assert` is a check, beside the tests': what libraries offer for tests.
CHECKERS = ("shared.checks", "torch.testing", "numpy.testing", "unittest")


def whose_error(error: BaseException, day: Day, folder: Path) -> str:
    """Says "answer", "course" or "unclear".

    What a check says is about the answer, and so is what happened in a line of it. Damaged data are the course's. Any
    other error may come from the oracle, a library or the machine, or from a test that uses what the answer returned as
    what it isn't: `got.shape` of a list. Only the reference can tell, which passes in the latter case: see `blame`.
    """
    if asks_the_keyboard(error):
        return "answer"
    chain = list(chain_of(error))
    if any(isinstance(one, DataError) for one in chain):
        return "course"
    if isinstance(error, ImportError) and _inside_a_library(error):
        return "unclear"  # whoever asked for it: its installation may be broken
    if any(isinstance(one, CheckFailed) or place(one, folder) for one in chain):
        return "answer"
    # The runner's own words about what the answer did, of which the traceback may have no line.
    if type(error).__module__.startswith("shared.sandbox") or isinstance(error, pytest.fail.Exception):
        return "answer"
    if isinstance(error, AssertionError) and _by_a_check(error, day):
        return "answer"
    return "answer" if _names_a_module(error, day) else "unclear"


def _inside_a_library(error: ImportError) -> bool:
    """Whether the import that failed stands in a file of an installed package."""
    files = [frame.filename for frame in _frames(error) if not frame.filename.startswith("<")]
    return bool(files) and "site-packages" in Path(files[-1]).parts


def first_of_many(error: BaseException) -> BaseException:
    """Of several errors at once, which hypothesis and task groups raise, the one of a check, or else the first."""
    while isinstance(error, BaseExceptionGroup):
        error = next((one for one in error.exceptions if isinstance(one, CheckFailed)), error.exceptions[0])
    return error


def chain_of(error: BaseException) -> Iterator[BaseException]:
    """The error, and those that led to it."""
    seen: set[int] = set()
    one: BaseException | None = error
    while one is not None and id(one) not in seen:
        seen.add(id(one))
        yield one
        one = one.__cause__ or one.__context__


def _frames(error: BaseException) -> list[traceback.FrameSummary]:
    return list(traceback.extract_tb(error.__traceback__))


def _by_a_check(error: AssertionError, day: Day) -> bool:
    """Whether the innermost line is one of the day's tests, or of a library's functions that are made for tests."""
    frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__)]
    if not frames:
        return True
    by_the_tests = day.path / "tests" in Path(frames[-1].f_code.co_filename).parents
    return by_the_tests or frames[-1].f_globals.get("__name__", "").startswith(CHECKERS)


def _names_a_module(error: BaseException, day: Day) -> bool:
    """Whether what has "no attribute" is a module of the day."""
    found = NO_SUCH.match(message_of(error))
    return found is not None and (day.path / "solution" / f"{found[1]}.py").is_file()


def line_of_the_test(error: BaseException, day: Day) -> list[str]:
    tests = day.path / "tests"
    lines = [frame for frame in _frames(error) if tests in Path(frame.filename).parents]
    text = linecache.getline(lines[-1].filename, lines[-1].lineno or 0).strip() if lines else ""
    return [f"in tests/{Path(lines[-1].filename).name}:{lines[-1].lineno}: {text[:100]}"] if text else []


def said(error: BaseException, folder: Path) -> str:
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
    first = (message_of(error).splitlines() or [""])[0]
    return re.sub(r"0x[0-9a-f]+|/\S+", "…", first)[:200]


def unfinished(error: NotImplementedError, exercise: str | None, day: Day, folder: Path) -> str | None:
    """The exercise that isn't written yet, if an answer says so; None if something inside torch does.

    A stub names its exercise. A pair's own `raise NotImplementedError` speaks for the function that it stands in.
    """
    named = error.args[0] if error.args and type(error.args[0]) is str else ""
    if named and place(error, folder) and day.owner_exercise(named):
        return named
    frames = list(traceback.walk_tb(error.__traceback__))
    if not frames:
        return None
    frame, _ = frames[-1]
    if folder not in Path(frame.f_code.co_filename).parents:
        return None
    owner = day.owner_exercise(frame.f_code.co_qualname.partition(".<locals>")[0])
    return owner.name if owner else exercise


def place(error: BaseException, folder: Path) -> str | None:
    """file:line of the last frame in `folder`, "answers/attention.py:31"; of a SyntaxError the broken line."""
    if isinstance(error, SyntaxError) and error.filename and folder in Path(error.filename).parents:
        return f"{folder.name}/{Path(error.filename).name}:{error.lineno}"
    frames = [frame for frame in _frames(error) if folder in Path(frame.filename).parents]
    return f"{folder.name}/{Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else None


def in_words(error: BaseException, day: Day, folder: Path) -> str:
    """One line for an exception that is not a check's."""
    name, text = class_name(error), message_of(error)
    first = text.splitlines()[0][:300] if text else ""
    if match := NO_SUCH.match(text):
        module, missing = match.groups()
        if (day.path / "solution" / f"{module}.py").is_file():
            reset = wording.command("reset", day.short, missing)
            return f"{folder.name}/{module}.py has no `{missing}`; `{reset}` puts its stub back"
    if isinstance(error, SyntaxError):
        return f"{name}: {error.msg if type(error.msg) is str else first}"
    if isinstance(error, SystemExit):
        return "the answer called sys.exit(); a function returns"
    if isinstance(error, RecursionError):
        return "RecursionError: it calls itself too deep: without end, or once for every item of many"
    if isinstance(error, MemoryError) or "can't allocate memory" in text or "out of memory" in text:
        return "it asked for more memory than a test may have" + _amount(text)
    if asked := asks_the_keyboard(error):
        return f"it stops at {asked}, but nobody can type during a test"
    if isinstance(error, OSError) and error.errno == errno.EFBIG:
        return "it printed or wrote more than a test may: without end?"
    if first and (type(error).__module__.startswith("shared.") or isinstance(error, _SPEAKING)):
        return first
    if isinstance(error, ImportError):
        first = re.sub(r" \([^()]*\.py\)$", "", first)  # where on this machine the file lies
    return f"{name}: {first}" if first else name


def _amount(text: str) -> str:
    """ ": 10.0 GiB", where the message names an amount that explains the trouble; little is only the last straw."""
    if size := re.search(r"allocate (\d+) bytes", text):
        amount = int(size[1]) / 2**30
    elif size := re.search(r"allocate (\d+(?:\.\d+)?) (KiB|MiB|GiB|TiB)", text):
        amount = float(size[1]) * {"KiB": 2**-20, "MiB": 2**-10, "GiB": 1, "TiB": 2**10}[size[2]]
    else:
        return ""
    return f": {amount:.1f} GiB" if amount >= 0.1 else ", bit by bit: does something grow without end?"
