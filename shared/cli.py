"""`python -m shared …`: every command of the course. `python -m shared` alone prints them.

Here is also the one boundary: whatever stops a command becomes one sentence on stderr and exit status 2.
"""

import argparse
import contextlib
import math
import os
import sys
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from shared.author import commands as author_commands
from shared.course.day import FOLDERS, ReadmeError, UnknownDay, UnknownExercise
from shared.learner import commands, wording
from shared.learner.answers import AnswerError
from shared.learner.commands import BROKEN, FINE, Refused
from shared.learner.safely import explain
from shared.learner.terminal import CannotPrint, prepare, say
from shared.runner.run import EnvironmentBroken

# ---- Options: each command has its own, and the environment's variables of those names are their defaults


def _one_of(*names: str) -> Callable[[str], str]:
    def check(text: str) -> str:
        if text not in names:
            raise ValueError(f"it is {', '.join(names[:-1])} or {names[-1]}")
        return text

    return check


def _level(text: str) -> int:
    if not text.isdecimal() or int(text[:9]) < 1:
        raise ValueError("it is the number of a hint, counted from 1")
    return int(text[:9])


def _seconds(text: str) -> float:
    with contextlib.suppress(ValueError):
        if math.isfinite(seconds := float(text)) and 0.1 <= seconds <= 86_400:
            return seconds
    raise ValueError("it is a number of seconds from 0.1 to 86400")


def _minutes(text: str) -> float:
    with contextlib.suppress(ValueError):
        if math.isfinite(minutes := float(text)) and minutes >= 0:
            return minutes
    raise ValueError("it is a number of minutes")


def _switch(text: str) -> bool:
    return text != "0"


@dataclass(frozen=True)
class Option:
    """One option: its flags, how its text is read (ValueError says what is meant), and what holds without it."""

    flags: tuple[str, ...]
    read: Callable[[str], Any]
    default: Any
    help: str


OPTIONS = {
    "device": Option(("--device",), _one_of("cpu", "cuda", "mps", "pretend"), "cpu", "cpu, cuda, mps or pretend"),
    "impl": Option(("--impl",), _one_of(*FOLDERS), None, "whose code runs: that in solution, skeleton or answers"),
    "verbose": Option(("-v", "--verbose"), _switch, False, "show pytest's full report as well"),
    "why": Option(("--why",), _switch, False, "name the likely mistake at once"),
    "level": Option(("--level",), _level, None, "the number of the hint, counted from 1"),
    "seconds": Option(("--seconds",), _seconds, 20.0, "how long one exercise may take"),
    "all": Option(("--all",), _switch, False, "every day, whether anything changed or not"),
    "minutes": Option(("--minutes",), _minutes, None, "stop when so many would be over; what is left stays stale"),
    "check": Option(("--check",), _switch, False, "change nothing, only say whether it is up to date"),
    "write": Option(("--write",), _switch, False, "write the root README's tables anew first"),
}


@dataclass(frozen=True)
class Command:
    """One command: what it runs and what it takes. "day?" may be left out."""

    run: Callable[[argparse.Namespace], int]
    takes: str
    help: str = ""


COMMANDS = {
    "test": Command(commands.test, "day? exercise? device impl why verbose seconds"),
    "watch": Command(commands.watch, "day exercise? device why"),
    "start": Command(commands.start, "day"),
    "hint": Command(commands.hint, "day exercise? level"),
    "show": Command(commands.show, "day exercise?"),
    "take": Command(commands.take, "day exercise?"),
    "reset": Command(commands.reset, "day exercise?"),
    "progress": Command(commands.progress, ""),
    "demo": Command(
        commands.run_script,
        "day device impl",
        "Run the finished day on real input, with your answers once they pass. It writes the day's pictures.",
    ),
    "bench": Command(
        commands.run_script,
        "day device impl",
        "Time your answers, once they pass, beside the library that does the same.",
    ),
    "doctor": Command(commands.doctor, "device"),
    "skeleton": Command(author_commands.skeleton, "day? check"),
    "check": Command(author_commands.check, "day? write"),
    "strength": Command(author_commands.strength, "day? exercise? all minutes"),
}
ARGUMENTS = {"day": "the day: w2d1 or w2d1_gpt2", "exercise": "the name of an exercise: causal_mask"}


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        what = "`make` lists the commands" if wording.by_make() else f"`{self.prog} --help` says what there is"
        raise Refused(f"{message}; {what}")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="python -m shared", description="Build Your Own: every command of the course")
    every = parser.add_subparsers(dest="command", metavar="command")
    for name, command in COMMANDS.items():
        text = command.help or command.run.__doc__
        sub = every.add_parser(name, help=text, description=text)
        for word in command.takes.split():
            plain = word.rstrip("?")
            if plain in ARGUMENTS:
                sub.add_argument(plain, nargs="?" if word.endswith("?") else None, help=ARGUMENTS[plain])
            else:
                option = OPTIONS[plain]
                switch: Any = {"action": "store_const", "const": "1"} if option.read is _switch else {}
                sub.add_argument(*option.flags, dest=plain, help=option.help, **switch)
    return parser


def _parse(arguments: list[str] | None) -> argparse.Namespace:
    options = _parser().parse_args(arguments)
    for name in COMMANDS[options.command].takes.split() if options.command else ():
        if name in OPTIONS:
            setattr(options, name, _value(name, getattr(options, name)))
    return options


def _value(name: str, given: str | None) -> Any:
    """What an option says, or the variable of that name in the environment, or its default."""
    option, variable = OPTIONS[name], wording.VARIABLES.get(name, "")
    text = given if given is not None else os.environ.get(variable, "").strip() if variable else ""
    if not text and given is None:
        return option.default
    try:
        return option.read(text)
    except ValueError as error:
        spelled = f"{option.flags[-1]} {text}" if given is not None else f"{variable}={text}"
        raise Refused(f"{spelled}: {error}") from None


# ---- The boundary


def main(arguments: list[str] | None = None) -> int:
    """Runs one command. 0: nothing is wrong; 1: an answer (or the course) is wrong; 2: the environment is broken."""
    try:
        prepare(sys.stdout, sys.stderr)
        if sys.stdout is None:
            raise CannotPrint("there is nowhere to write to: the output is closed")
        status = _run(arguments)
        say(end="")  # what others printed goes out here too, where it can be caught
        return status
    except BrokenPipeError:  # whoever read has had enough, as `head` has
        pass
    except KeyboardInterrupt:
        _complain(
            "stopped" if sys.stderr is None or not sys.stderr.isatty() else "\nstopped"
        )  # after the terminal's ^C
    except Exception as error:
        if os.environ.get("BYO_TRACEBACK"):
            traceback.print_exc()
        _complain(_sentence(error))
    _abandon_output()
    return BROKEN


def _run(arguments: list[str] | None) -> int:
    try:
        options = _parse(arguments)
        if not options.command:
            _parser().print_help()
            return FINE
    except SystemExit as end:  # argparse has shown its help
        return int(end.code or 0)
    return COMMANDS[options.command].run(options)


def _sentence(error: Exception) -> str:
    """What stopped a command, and what to do."""
    if isinstance(
        error, (Refused, UnknownDay, UnknownExercise, ReadmeError, AnswerError, EnvironmentBroken, CannotPrint)
    ):
        return str(error)
    if isinstance(error, OSError):
        try:
            os.getcwd()
        except OSError:
            return "the folder that you are in no longer exists; go to the course's folder and run this again"
        return explain(error)
    frames = traceback.extract_tb(error.__traceback__)
    place = f" ({Path(frames[-1].filename).name}:{frames[-1].lineno})" if frames else ""
    text = " ".join(f"{type(error).__name__}: {error}".split())[:300]
    return f"this is a fault of the course, not of your answer: {text}{place}; please report it"


def _complain(text: str) -> None:
    if sys.stderr is not None:
        with contextlib.suppress(OSError, ValueError):
            print(text, file=sys.stderr, flush=True)


def _abandon_output() -> None:
    """What could not be written is not tried again when Python ends, which would print an error of its own."""
    try:
        if sys.stdout is not None:
            sys.stdout.flush()
    except (OSError, ValueError):
        with contextlib.suppress(OSError, ValueError):
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, sys.stdout.fileno())
            os.close(nowhere)
