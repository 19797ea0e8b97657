"""What the parent and the child process say to each other, every limit of time and size, and the exit statuses.

The parent sends one line, a `Job`. The child answers with one line an event, until `Ended`; its death is an
event, which the parent makes itself. A line is a JSON object whose "event" is the name of the class.
"""

import dataclasses
from dataclasses import dataclass, field
from enum import IntEnum
from json import dumps, loads  # by name: whoever replaces json.dumps doesn't cut this line
from typing import Any


class ExitStatus(IntEnum):
    """Of `python -m shared`: nothing is wrong, an answer is, or something else is, the machine or the course."""

    FINE = 0
    WRONG = 1
    BROKEN = 2


INTERNAL_ERROR = 70  # exit status of a child in which the course's own code failed
OUR_FAULT = "the course's own code failed while this was tested, so it could not be judged: please report this"

# ---- Limits. Those "of CPU time" don't blame an answer for a busy machine.

EXERCISE = 20.0  # seconds of CPU time for all tests of one exercise; SECONDS_EACH changes it
IMPORTING = 3.0  # times that, for the import of one module
SLEEPY = 5.0  # wall seconds for each second of CPU time, for an answer that sleeps
PATIENCE = 7.0  # the same where the parent looks, in case the child's own alarm doesn't ring
QUIET_AT_LEAST = 120.0  # wall seconds that the parent waits for a line, however short an exercise's time is
START = 600.0  # wall seconds for Python and torch to start, on the slowest of machines
DIAGNOSIS = 4.0  # seconds of CPU time to look for the mistake behind a wrong answer
DIAGNOSIS_TEST = 2.0  # of these, for one test with one mistake in place
DIAGNOSIS_ENDS = 20.0  # after so many the child is ended, diagnosis or not: one test with a mistake in it may hang
COMPILING = 300.0  # wall seconds for one compilation by torch.compile
FULL_REPORT = 60.0  # wall seconds for pytest's own report, V=1
VARIANT = 120.0  # seconds of CPU time for all tests of a variant
VARIANT_TEST = 10.0  # for one test of a mutant, before it counts as hanging
MUTANT = 60.0  # for all tests of a mutant
MEMORY = 6.0  # GiB of data that a child may take beyond what torch takes
FILE = 64 << 20  # bytes of the largest file that an answer may write
MOST_CHILDREN = 60  # a day with more exercises that kill their process has other troubles
ALONE = 8  # failing exercises that are tested once more alone; of more, all in one process in reverse order
SUSPECTS = 8  # processes that are spent on the question who disturbed the others


@dataclass
class Job:
    """What a child has to do: test a day's answers, or measure how strong its tests are."""

    day: str  # the folder
    implementation: str | None = None
    mode: str = "test"  # or "strength"
    exercises: list[str] | None = None  # None: all
    reverse: bool = False  # the last exercise first
    skip: list[str] = field(default_factory=list)  # exercises (or variants, mutants) that ended an earlier process
    done: list[str] = field(default_factory=list)  # tests (or measurements) that an earlier process finished
    broken: list[str] = field(default_factory=list)  # modules whose import ended an earlier process
    seconds: float = EXERCISE
    memory: float = MEMORY
    diagnose: bool = True  # look for the mistake behind the first wrong answer
    mutants: bool = True  # in mode "strength": try mutants too
    users: dict[str, list[str]] = field(default_factory=dict)  # there: exercise -> the later tests that come through it
    stack: str = ""  # the file for a traceback when time is up


@dataclass
class Problem:
    """One failure, as the board tells it."""

    test: str
    where: str | None
    summary: str
    lines: list[str] = field(default_factory=list)
    printed: str = ""  # what the answer printed


# ---- What a child tells


@dataclass
class Ready:
    """It has imported what takes time, and waits for its job."""


@dataclass
class Importing:
    """It imports a module of the day."""

    module: str


@dataclass
class Unimportable:
    """A module of the day doesn't import; `stub` where that is because an exercise is to do.

    `certain` where that can't come from what was imported before it.
    """

    module: str
    where: str
    summary: str
    stub: bool = False
    certain: bool = False


@dataclass
class Started:
    """It begins with a test, a variant or a mutant."""

    test: str
    exercise: str


@dataclass
class Tested:
    """One test ended. `kind` is pass, fail, todo (the stub of `owner` was reached) or fault (not the answer's)."""

    test: str
    exercise: str
    kind: str
    owner: str = ""
    problem: Problem | None = None
    seconds: float = 0.0
    uses: list[str] = field(default_factory=list)


@dataclass
class Diagnosing:
    """It looks for the mistake behind the answer to an exercise."""

    exercise: str


@dataclass
class Diagnosed:
    """The sentences of the known mistakes that do what the answer does; none where no mistake is like it."""

    exercise: str
    says: list[str]


@dataclass
class Uncollected:
    """pytest couldn't read a file of tests."""

    what: str
    text: str


@dataclass
class Blocked:
    """The tests of a section don't run because modules of the day that they import don't import."""

    section: str
    modules: list[str]


@dataclass
class Forked:
    """The answer started a process of its own."""

    exercise: str | None


@dataclass
class Compiling:
    """torch compiles, or imports its compiler, for an answer."""


@dataclass
class VariantsMeasured:
    """What the tests make of an exercise's variants; see shared.author.measure."""

    exercise: str
    variants: list[dict]
    alike: list[list[str]]
    reference: list[dict]


@dataclass
class MutantMeasured:
    """What the tests make of one mutant."""

    key: str
    exercise: str
    line: int
    kind: str
    killed: bool
    by: str | None


@dataclass
class Ended:
    """All is done."""


@dataclass
class Died:
    """The child is gone without having ended. `how` in words; "timeout" where its time was up.

    `crowded` where more than one thread was at work on answers: an earlier one may have used up the time.
    """

    how: str
    where: str | None
    log: str
    crowded: bool = False


Event = (
    Ready | Importing | Unimportable | Blocked | Started | Tested | Diagnosing | Diagnosed | Uncollected | Forked
    | Compiling | VariantsMeasured | MutantMeasured | Ended | Died
)  # fmt: skip
EVENTS: dict[str, type] = {kind.__name__: kind for kind in Event.__args__}  # type: ignore[attr-defined]


class NotTheProtocol(ValueError):
    """A line that the child didn't write as the protocol says; an answer got hold of the channel."""


def encode(message: Any) -> bytes:
    """A Job or an event as one line."""
    return dumps({"event": type(message).__name__, **dataclasses.asdict(message)}).encode() + b"\n"


def decode_job(line: str) -> Job:
    """The Job that a line holds."""
    facts = loads(line)
    facts.pop("event", None)
    return Job(**facts)


def decode(line: bytes) -> Event:
    """The event that a line holds. NotTheProtocol where it holds none."""
    try:
        facts = loads(line)
        kind = EVENTS[facts.pop("event")]
        if isinstance(facts.get("problem"), dict):
            facts["problem"] = Problem(**facts["problem"])
        return kind(**facts)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise NotTheProtocol(repr(line[:100])) from error
