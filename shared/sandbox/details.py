"""What stands below an error's one sentence: how to debug here, and the keys that torch's message names."""

import os
import re
import sys
from pathlib import Path

from shared.checks.values import message_of
from shared.course.day import Day
from shared.learner import wording

MOST = 6  # keys of one kind
SIZE = re.compile(r"size mismatch for (\S+): .*?\((\[.*?\])\).*?\((\[.*?\])\)")
KEYS = re.compile(r"(Missing|Unexpected) key\(s\) in state_dict: (.*?)\.?\s*$")


def asks_the_keyboard(error: BaseException) -> str:
    """ "breakpoint()" or "input()" where an answer waits for somebody to type, else ""."""
    if type(error).__name__ == "BdbQuit" and type(error).__module__ == "bdb":
        return "breakpoint()"
    text = message_of(error)
    # pickle and others raise EOFError as well, for files that end too early.
    typed = "reading from stdin while output is captured" in text or text == "EOF when reading a line"
    return "input()" if typed else ""


def details(error: BaseException, day: Day, exercise: str | None) -> list[str]:
    """The lines for an error, most often none."""
    return _how_to_debug(day, exercise) if asks_the_keyboard(error) else _keys(message_of(error))


def _how_to_debug(day: Day, exercise: str | None) -> list[str]:
    only = f" --only-exercise {exercise}" if exercise else ""
    tests = f"tests/test_{day.exercise(exercise).section}.py" if exercise else "tests"
    command = f"{_python(day)} -m pytest {tests}{only}"
    return [
        "print() works here. breakpoint() works in plain Python, and in plain pytest:",
        f"  cd {day.name}",
        *([f"  {command}"] if len(command) < 80 else [f"  {command.removesuffix(only)} \\", f"     {only}"]),
    ]


def _python(day: Day) -> str:
    """The interpreter as one types it in the day's folder: make's users have none on their path."""
    python = Path(sys.executable)
    if not wording.by_make():
        return "python"
    return os.path.relpath(python, day.path) if day.path.parent in python.parents else str(python)


def _keys(text: str) -> list[str]:
    """Of torch's "Error(s) in loading state_dict", the first keys of each kind, and how many more there are."""
    first, *rest = text.splitlines() or [""]
    if "loading state_dict" not in first:
        return []
    lines, others = [], []
    for line in rest:
        if found := KEYS.search(line):
            keys = found[2].split(", ")
            lines.append(f"{found[1].lower()} in the state_dict:")
            lines += [f"  {key[:200]}" for key in keys[:MOST]] + _more(len(keys))
        elif found := SIZE.search(line):
            others.append(f"{found[1]} has shape {found[2]} in the state_dict, and {found[3]} in the module")
        else:
            others.append(line.strip()[:200])
    return lines + others[:MOST] + _more(len(others))


def _more(count: int) -> list[str]:
    return [f"  and {count - MOST} more"] * (count > MOST)
