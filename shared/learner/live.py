"""While a day is tested in a terminal: one line that says what is being tested, and that makes room for the board."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from shared.course.day import Day
from shared.learner.terminal import Terminal, cells, say, supports
from shared.runner.protocol import Diagnosing, Event, Importing, Started


@contextmanager
def live(day: Day, names: list[str] | None, width: int) -> Iterator[Callable[[Event], None]]:
    """Gives what looks at every event. Where the output is no terminal, nothing is written.

    The line is written over in place: `  12 of 37  attention: causal_mask`. It counts the exercises that are finished.
    """
    if not sys.stdout.isatty():
        yield lambda event: None
        return
    terminal = Terminal(*supports(sys.stdout), width - 1)  # a full line would go on in the next one
    sections = {exercise.name: exercise.section for exercise in day.exercises}
    total, begun, before = len(names or sections), list[str](), 0

    def write(text: str) -> None:
        nonlocal before
        line = terminal.cut(text, 2) if text else ""
        say("\r" + line + " " * (before - cells(line)) + "\r" * (not text), end="")
        before = cells(line)

    def watch(event: Event) -> None:
        if isinstance(event, Importing):
            write(f"{len(begun)} of {total}  importing {event.module}.py")
        elif isinstance(event, Started) and event.exercise in sections and event.exercise not in begun:
            begun.append(event.exercise)
            write(f"{len(begun) - 1} of {total}  {sections[event.exercise]}: {event.exercise}")
        elif isinstance(event, Diagnosing):
            write(f"{len(begun)} of {total}  looking for the mistake in {event.exercise}")

    write(f"0 of {total}  starting Python and torch")
    try:
        yield watch
    finally:
        write("")
