"""What a pair does with its own files: start a day, look an answer up, take it, put a stub back, ask for a hint.

Nothing here loses work: no file is overwritten without a copy of its old text in the day's .byo/backup/.
"""

import glob
import importlib.machinery
import os
import sys
import textwrap
import time
from dataclasses import dataclass
from pathlib import Path

from shared.course.day import Day, Hint, UnknownExercise
from shared.course.definitions import Block, Source, parse_error
from shared.course.fences import list_files, strip
from shared.learner.bindings import bindings, decorators, rebound
from shared.learner.replace import replace_definition
from shared.learner.safely import explain, replace_file, shown
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


def check_folder(day: Day) -> None:
    """AnswerError where answers/ exists and is no folder: a file, or a link to nowhere."""
    folder = day.path / "answers"
    if folder.is_symlink() and not folder.exists():
        target = os.readlink(folder)
        raise AnswerError(f"{day.name}/answers is a link to {target}, which is not there; mend or remove the link")
    if folder.exists() and not folder.is_dir():
        raise AnswerError(f"{day.name}/answers is a file; move it away, since the folder of that name is yours to fill")


def start(day: Day) -> list[str]:
    """Copies skeleton/ to answers/. What a pair wrote stays as it is; one line a file says which is which."""
    check_folder(day)
    skeleton = day.path / "skeleton"
    if not list_files(skeleton):
        raise AnswerError(f"{day.name} has no skeleton/ to start from")
    return [_start_file(day, name) for name in list_files(skeleton)]


def _start_file(day: Day, name: str) -> str:
    file, stub = day.path / "answers" / name, (day.path / "skeleton" / name).read_bytes()
    if not file.exists():
        file.parent.mkdir(parents=True, exist_ok=True)
        replace_file(file, stub)
        return f"made answers/{name}"
    old = file.read_bytes()
    if old != stub and stub.startswith(old):
        # The beginning of the skeleton and nothing else: a copy that was interrupted. Nothing of the pair's is lost.
        replace_file(file, stub)
        return f"made answers/{name} again, of which there was only the beginning"
    what, text = f"kept answers/{name}, which was there already", old.decode("utf-8-sig", "replace")
    if not name.endswith(".py"):
        return what
    if error := parse_error(text):
        what += f", but Python can't read it: {error}"
    elif missing := [name for name in _names(stub) if not bindings(text, name)]:
        what += f", but it lacks {', '.join(missing)}"
    else:
        return what
    backup = _last_backup(day, file)
    return what + (f" (an older copy is {shown(backup)})" if backup else "")


def _names(stub: bytes) -> list[str]:
    """The functions and classes that a module of skeleton/ has."""
    return [block.name for block in Source(stub.decode("utf-8-sig", "replace")).definitions()]


def _last_backup(day: Day, file: Path) -> Path | None:
    kept = list((state_folder(day) / "backup").glob(f"{glob.escape(file.stem)}-*.py"))
    return max(kept, key=lambda path: (path.stat().st_mtime, path.name), default=None)


def name_clashes(day: Day) -> list[str]:
    """A sentence for each file of the pair's own in answers/ that has the name of a package, or of a test's helper."""
    own = {file.stem for folder in ("solution", "skeleton") for file in (day.path / folder).glob("*.py")}
    helpers = {file.stem for file in (day.path / "tests").glob("*.py")}
    places = [place for place in sys.path if day.path not in (path := Path(place or ".").resolve(), *path.parents)]
    found = []
    for stem in sorted({file.stem for file in (day.path / "answers").glob("*.py")} - own):
        if stem in helpers:
            what = f"tests/{stem}.py"
        elif stem in sys.stdlib_module_names or importlib.machinery.PathFinder.find_spec(stem, places):
            what = f"the module {stem} that is installed"
        else:
            continue
        found.append(f"answers/{stem}.py has the name of {what}, which counts in its place: give yours another name.")
    return found


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
    return _put(day, exercise, "solution", "the reference answer")


def reset(day: Day, name: str) -> Change:
    """Puts the stub of an exercise back ("causal_mask", "Attention.forward"), or a whole file ("attention.py")."""
    known = any(exercise.name == name for exercise in day.exercises)
    module = name if name.endswith(".py") else f"{name}.py"
    if known or not (day.path / "skeleton" / module).is_file():
        try:
            return _put(day, name, "skeleton", "to do again")
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
    said = _said(day, exercise, module, text, "".join(original.lines), what)
    return _write(day, file, mark + text.encode("utf-8", "surrogateescape"), said, fresh)


def _said(day: Day, exercise: str, module: str, text: str, original: str, what: str) -> str:
    """What the module now has under that name, which need not be what was put there."""
    good = f"{exercise} is now {what}" if what.startswith("the") else f"{exercise} is {what}"
    if error := parse_error(text):
        return f"{good}; elsewhere the file still has a mistake, {error}"
    block = Source(text).find(exercise)
    place = f"answers/{module}:{block.start + 1}" if block else f"answers/{module}"
    if (day.path / "answers" / Path(module).stem / "__init__.py").exists():
        return f"{place} has it, but the folder answers/{Path(module).stem}/ hides that file: rename the folder"
    if block and (other := rebound(text, exercise, block.end, original)):
        certain = "that is what counts" if other.sure else "that may be what counts"
        where = f"line {other.line} says `{other.text[:60]}`"
        return f"{exercise} in {place} is {what}, but further down {where}, and {certain}: delete or rename it"
    owner = exercise.rpartition(".")[0]
    if owner and (extra := [d for d in decorators(text, owner) if d not in decorators(original, owner)]):
        return f"{good}, but @{extra[0]} above {owner} may change it"
    return good


def _ready(day: Day, module: str) -> bool:
    """Sees to it that answers/ and the module in it exist; whether the module had to be made."""
    check_folder(day)
    file = day.path / "answers" / module
    if file.is_file():
        return False
    if not file.parent.is_dir():
        start(day)
    if not file.is_file():
        stub = day.path / "skeleton" / module
        if not stub.is_file():
            raise AnswerError(f"{day.name} has no skeleton/{module}")
        replace_file(file, stub.read_bytes())
    return True


def _write(day: Day, file: Path, content: bytes, what: str, fresh: bool) -> Change:
    old = file.read_bytes()
    if old == content:
        return Change(file, None, f"{what} (the file did not change)" if not fresh else what)
    backup = None if fresh else _keep(day, file, old)
    try:
        replace_file(file, content)
    except OSError as error:
        kept = f" (a copy of your file is in {shown(backup)})" if backup else ""
        raise AnswerError(f"nothing was changed{kept}: {explain(error)}") from error
    return Change(file, backup, what)


def _keep(day: Day, file: Path, old: bytes) -> Path:
    """Copies the old text into .byo/backup/ under a name of its own."""
    folder = state_folder(day) / "backup"
    stamp, number = f"{file.stem}-{time.strftime('%Y%m%d-%H%M%S')}", 1
    backup = folder / f"{stamp}.py"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        while backup.exists():
            number += 1
            backup = folder / f"{stamp}-{number}.py"
        replace_file(backup, old)
    except OSError as error:
        raise AnswerError(f"nothing was changed, since no copy of your file could be kept: {explain(error)}") from error
    return backup


def _original(day: Day, folder: str, module: str, name: str) -> tuple[Source, Block]:
    """A module of solution/ or skeleton/ and where a definition lies in it."""
    file = day.path / folder / module
    if not file.is_file():
        raise AnswerError(f"{day.name} has no {folder}/{module}")
    try:
        source = Source(file.read_bytes().removeprefix(_BOM).decode("utf-8"))
    except UnicodeDecodeError:
        raise AnswerError(f"{day.name}/{folder}/{module} is damaged; `git checkout` brings it back") from None
    block = source.find(name)
    if not block:
        raise AnswerError(f"{day.name}/{folder}/{module} does not define {name}")
    return source, block
