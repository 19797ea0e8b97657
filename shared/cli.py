"""`python -m shared …`: every command of the course. `python -m shared` alone prints them."""

import argparse
import os
import sys

from shared.author import commands as author_commands
from shared.course.day import ReadmeError, UnknownDay, UnknownExercise
from shared.learner import commands
from shared.learner.answers import AnswerError
from shared.learner.commands import BROKEN, FINE, Refused
from shared.runner.run import EnvironmentBroken

COMMANDS = {
    "test": commands.test,
    "watch": commands.watch,
    "start": commands.start,
    "hint": commands.hint,
    "show": commands.show,
    "take": commands.take,
    "reset": commands.reset,
    "progress": commands.progress,
    "demo": commands.run_script,
    "bench": commands.run_script,
    "doctor": commands.doctor,
    "skeleton": author_commands.skeleton,
    "check": author_commands.check,
    "strength": author_commands.strength,
}
WITHOUT_DAY = {"test", "progress", "doctor", "skeleton", "check", "strength"}


def main(arguments: list[str] | None = None) -> int:
    """Runs one command. 0: nothing is wrong; 1: an answer (or the course) is wrong; 2: the environment is broken."""
    options = _parser().parse_args(arguments)
    if not options.command:
        _parser().print_help()
        return FINE
    try:
        return options.run(options)
    except (Refused, UnknownDay, UnknownExercise, ReadmeError, AnswerError, EnvironmentBroken) as error:
        print(f"{error}", file=sys.stderr)
        return BROKEN
    except BrokenPipeError:
        return BROKEN
    except KeyboardInterrupt:
        print("\nstopped", file=sys.stderr)
        return BROKEN


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m shared", description="Build Your Own: every command of the course")
    every = parser.add_subparsers(dest="command", metavar="command")
    for name, function in COMMANDS.items():
        text = "Run a day's " + name + ".py" if function is commands.run_script else function.__doc__
        command = every.add_parser(name, help=text, description=text)
        command.set_defaults(run=function)
        command.add_argument("day", nargs="?" if name in WITHOUT_DAY else None, help="w2d1 or w2d1_gpt2")
        command.add_argument("exercise", nargs="?", help="the exercise's name")
        command.add_argument("--device", default=os.environ.get("DEVICE") or "cpu", help="cpu, cuda or mps")
        command.add_argument("--impl", default=os.environ.get("IMPL") or None, help="solution, skeleton or answers")
        command.add_argument(
            "-v", "--verbose", action="store_true", default=_on("V"), help="pytest's full report as well"
        )
        command.add_argument("--why", action="store_true", default=_on("WHY"), help="name the likely mistake at once")
        command.add_argument("--level", type=int, default=int(os.environ.get("LEVEL") or 0), help="which hint")
        command.add_argument("--seconds", type=float, default=float(os.environ.get("SECONDS_EACH") or 20), help="limit")
        command.add_argument("--check", action="store_true", help="change nothing, only say")
        command.add_argument(
            "--all", action="store_true", default=_on("ALL"), help="strength: every day, changed or not"
        )
        command.add_argument(
            "--minutes", type=float, default=float(os.environ.get("MINUTES") or 0) or None, help="budget"
        )
        command.add_argument("--write", action="store_true", help="check: write the root README's tables anew")
    return parser


def _on(name: str) -> bool:
    return os.environ.get(name, "0") not in ("", "0")
