"""What a pair does with its own files: start a day, look an answer up, take it, put a stub back, ask for a hint.

Nothing here loses work: no file is overwritten without a copy of its old text in the day's .byo/backup/.
"""

import textwrap
import time
from dataclasses import dataclass
from pathlib import Path

from shared.course.day import Day, Hint, UnknownExercise
from shared.course.definitions import Block, Source, parse_error
from shared.course.fences import list_files, strip
from shared.learner.replace import replace_definition
from shared.learner.state import state_folder

_BOM = b"\xef\xbb\xbf"


class AnswerError(LookupError):
    """The day's own folders lack what was asked for."""


@dataclass(frozen=True)
class Change:
    """What became of a file: where it lies, where its old text is kept (None where nothing was lost), and in words."""

    path: Path
    backup: Path | None
    what: str


def start(day: Day) -> list[str]:
    """Copies skeleton/ to answers/. A file that exists stays as it is; one line a file says which is which."""
    skeleton = day.path / "skeleton"
    if not list_files(skeleton):
        raise AnswerError(f"{day.name} has no skeleton/ to start from")
    lines = []
    for name in list_files(skeleton):
        file = day.path / "answers" / name
        if file.exists():
            lines.append(f"kept answers/{name}, which was there already")
        else:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes((skeleton / name).read_bytes())
            lines.append(f"made answers/{name}")
    return lines


def hint(day: Day, exercise: str, level: int) -> Hint | None:
    """The level-th hint of an exercise, counted from 1; None beyond the last."""
    hints = day.exercise(exercise).hints
    return hints[level - 1] if 1 <= level <= len(hints) else None


def show(day: Day, exercise: str) -> str:
    """The reference answer: the whole function, class or method, without markers and prompts."""
    module = day.exercise(exercise).module
    source, block = _original(day, "solution", module, exercise)
    return textwrap.dedent(strip("".join(source.lines[block.start : block.end])).replace("\r\n", "\n"))


def take(day: Day, exercise: str) -> Change:
    """Puts the reference answer into answers/, in place of the pair's own or where it belongs if that is gone."""
    return _put(day, exercise, "solution", f"{exercise} is now the reference answer")


def reset(day: Day, name: str) -> Change:
    """Puts the stub of an exercise back ("causal_mask", "Attention.forward"), or a whole file ("attention.py")."""
    known = any(exercise.name == name for exercise in day.exercises)
    module = name if name.endswith(".py") else f"{name}.py"
    if known or not (day.path / "skeleton" / module).is_file():
        try:
            return _put(day, name, "skeleton", f"{name} is to do again")
        except UnknownExercise as error:
            raise UnknownExercise(f"{error}, and no file {module} either") from None
    fresh = _ready(day, module)
    file = day.path / "answers" / module
    return _write(
        day, file, (day.path / "skeleton" / module).read_bytes(), f"answers/{module} is as on the first day", fresh
    )


def _put(day: Day, exercise: str, folder: str, what: str) -> Change:
    module = day.exercise(exercise).module
    original, _ = _original(day, folder, module, exercise)
    fresh = _ready(day, module)
    file = day.path / "answers" / module
    old = file.read_bytes()
    if b"\0" in old:  # no Python file: UTF-16, or damaged
        old = (day.path / "skeleton" / module).read_bytes()
    mark = _BOM if old.startswith(_BOM) else b""
    text = old[len(mark) :].decode("utf-8", "surrogateescape")
    if "." in exercise:
        owner = exercise.rpartition(".")[0]
        if not Source(text, original).has_room(owner):
            text = replace_definition(text, _original(day, "skeleton", module, owner)[0], owner)
    text = replace_definition(text, original, exercise)
    error = parse_error(text)
    if error:
        what += f"; elsewhere the file still has a mistake, {error}"
    return _write(day, file, mark + text.encode("utf-8", "surrogateescape"), what, fresh)


def _ready(day: Day, module: str) -> bool:
    """Sees to it that answers/ and the module in it exist; whether the module had to be made."""
    file = day.path / "answers" / module
    if file.is_file():
        return False
    if not file.parent.is_dir():
        start(day)
    if not file.is_file():
        stub = day.path / "skeleton" / module
        if not stub.is_file():
            raise AnswerError(f"{day.name} has no skeleton/{module}")
        file.write_bytes(stub.read_bytes())
    return True


def _write(day: Day, file: Path, content: bytes, what: str, fresh: bool) -> Change:
    old = file.read_bytes()
    if old == content:
        return Change(file, None, f"{what} (the file did not change)" if not fresh else what)
    backup = None
    if not fresh:
        folder = state_folder(day) / "backup"
        folder.mkdir(parents=True, exist_ok=True)
        stamp, number = f"{file.stem}-{time.strftime('%Y%m%d-%H%M%S')}", 1
        backup = folder / f"{stamp}.py"
        while backup.exists():
            number += 1
            backup = folder / f"{stamp}-{number}.py"
        backup.write_bytes(old)
    file.write_bytes(content)
    return Change(file, backup, what)


def _original(day: Day, folder: str, module: str, name: str) -> tuple[Source, Block]:
    """A module of solution/ or skeleton/ and where a definition lies in it."""
    file = day.path / folder / module
    if not file.is_file():
        raise AnswerError(f"{day.name} has no {folder}/{module}")
    source = Source(file.read_bytes().removeprefix(_BOM).decode("utf-8"))
    block = source.find(name)
    if not block:
        raise AnswerError(f"{day.name}/{folder}/{module} does not define {name}")
    return source, block
