"""The doctor's look at the folders of the days: complete, readable, writable, and the pair's own files in them."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

from shared.course.day import Day, ReadmeError, day_folders
from shared.learner.answers import AnswerError, check_folder
from shared.learner.safely import explain

Finding = tuple[str, str, str]  # ("ok" | "note" | "problem", what was found, what to do)


def folders() -> Iterator[Finding]:
    days = day_folders()
    if not days:
        yield "problem", "no day was found here", "run this where the folders w1d1_… lie"
    for day in days:
        found = list(_look_at(day))
        yield from found or [("ok", f"{day.name}: complete and writable", "")]


def _look_at(day: Path) -> Iterator[Finding]:
    missing = [name for name in ("solution", "skeleton", "tests") if not (day / name).is_dir()]
    if missing:
        yield "problem", f"{day.name} has no {', '.join(missing)}", f"`git checkout -- {day.name}` brings it back"
        return
    if trouble := _unreadable(day):
        yield "problem", trouble, f"`git checkout -- {day.name}/README.md` brings it back"
    elif trouble := _answers(day):
        yield "problem", trouble, ""
    if trouble := _unwritable(day):
        what = f"{day.name} can't be written to ({trouble})"
        yield "problem", what, "your answers go there: mend its permissions"


def _unwritable(folder: Path) -> str:
    for place in (folder, folder / "answers"):
        if place.is_dir():
            try:
                with tempfile.TemporaryFile(dir=place):
                    pass
            except OSError as error:
                return f"{place.name}: {error.strerror or error}"
    return ""


def _answers(folder: Path) -> str:
    """What is wrong with the pair's own files, apart from their content."""
    try:
        check_folder(Day(folder))
        for file in sorted((folder / "answers").glob("*.py")):
            file.read_bytes()
    except AnswerError as error:
        return str(error)
    except OSError as error:
        return explain(error)
    return ""


def _unreadable(folder: Path) -> str:
    try:
        Day(folder)
    except ReadmeError as error:
        return str(error)
    except UnicodeDecodeError as error:
        return f"{folder.name}/README.md is damaged: {error}"
    except OSError as error:
        return explain(error)
    return ""
