"""A day of the course, read from its README: sections, exercises, minutes and hints stand there and nowhere else.

`find_day("w2d1").exercise("causal_mask").minutes` is 10.
"""

import difflib
import os
import re
from pathlib import Path

from shared.course.readme import Exercise, Hint, ReadmeError, Section, read_readme

__all__ = [
    "Day",
    "Exercise",
    "Hint",
    "ReadmeError",
    "Section",
    "UnknownDay",
    "UnknownExercise",
    "course_root",
    "day_folders",
    "find_day",
]

FOLDERS = ("solution", "skeleton", "answers")


class UnknownDay(LookupError):
    """There is no such day; the message lists those there are."""


class UnknownExercise(LookupError):
    """The day has no such exercise; the message suggests the nearest name."""


class Day:
    """The folder of a day. Reading it raises ReadmeError where the README is malformed or missing.

    `words` counts the text outside hints, code, pictures, comments and metadata; `minutes` the core without bonuses.
    """

    def __init__(self, path: str | Path):
        self.path = Path(path).resolve()
        self.name = self.path.name
        readme = self.path / "README.md"
        if not readme.is_file():
            raise ReadmeError(f"{self.name}/README.md:1: the day has no README")
        modules = {file.stem for folder in FOLDERS[:2] for file in (self.path / folder).glob("*.py")}
        try:
            text = readme.read_text(encoding="utf-8-sig")
        except UnicodeDecodeError as error:
            raise ReadmeError(f"{self.name}/README.md:1: it is not UTF-8: {error.reason}") from None
        self.title, self.sections, self.words = read_readme(text, f"{self.name}/README.md", modules)
        self.exercises = tuple(exercise for section in self.sections for exercise in section.exercises)
        self.minutes = sum(exercise.minutes for exercise in self.exercises if not exercise.bonus)
        short = re.match(r"w\d+d\d+", self.name) or re.match(r"w\d+d\d+", self.title.lower())
        self.short = short[0] if short else self.name

    def __repr__(self):
        return f"Day({self.name})"

    def exercise(self, name: str) -> Exercise:
        """The exercise of that name, or UnknownExercise, which suggests what may have been meant."""
        names = [exercise.name for exercise in self.exercises]
        if name in names:
            return self.exercises[names.index(name)]
        lower = {known.rsplit(".", 1)[-1].lower(): known for known in names} | {known.lower(): known for known in names}
        near = difflib.get_close_matches(name.lower(), lower, n=1, cutoff=0.5)
        advice = f"did you mean {lower[near[0]]}?" if near else "there are: " + ", ".join(names)
        raise UnknownExercise(f"{self.name} has no exercise {name!r}; {advice}")

    def implementation(self, which: str | None = None) -> Path:
        """The folder with that code; without a name the pair's answers, or the skeleton where nothing was started."""
        if which is None:
            which = "answers" if (self.path / "answers").is_dir() else "skeleton"
        if which not in FOLDERS:
            raise ValueError(f"there is no implementation {which!r}; there are: {', '.join(FOLDERS)}")
        return self.path / which

    def owner_exercise(self, owner: str) -> Exercise | None:
        """The exercise that a function or method belongs to: its own, else its class's."""
        known = {exercise.name: exercise for exercise in self.exercises}
        while owner not in known and "." in owner:
            owner = owner.rpartition(".")[0]
        return known.get(owner)


def _is_day(folder: Path) -> bool:
    try:
        return (folder / "README.md").is_file() and any((folder / part).is_dir() for part in FOLDERS)
    except PermissionError:
        return False  # somebody else's


def day_folders(root: str | Path | None = None) -> list[Path]:
    """The folders of all days that exist, in the order of the course."""
    root = course_root() if root is None else Path(root).resolve()
    return sorted(folder for folder in root.glob("w[0-9]*d[0-9]*_*") if _is_day(folder))


def course_root() -> Path:
    """The folder that holds the days: $BYO_ROOT, else the nearest one upwards from here, else where `shared` lies."""
    if os.environ.get("BYO_ROOT"):
        return Path(os.environ["BYO_ROOT"]).resolve()
    here = Path.cwd()
    for folder in (here, *here.parents):
        if day_folders(folder):
            return folder
    return Path(__file__).resolve().parent.parent.parent


def find_day(text: str | Path, root: str | Path | None = None) -> Day:
    """The day of that name ("w2d1", "w2d1_gpt2"), or in or around that path; else UnknownDay, which lists the days."""
    folders = day_folders(root)
    wanted = str(text).strip().rstrip("/\\").lower()
    for folder in folders:
        if wanted in (folder.name.lower(), folder.name.lower().split("_")[0]):
            return Day(folder)
    if wanted and (path := Path(text).resolve()).exists():
        for folder in (path, *path.parents):
            if _is_day(folder):
                return Day(folder)
    days = ", ".join(folder.name for folder in folders)
    raise UnknownDay(
        f"there is no day {str(text)!r}; " + (f"the days are: {days}" if days else "no day was found here")
    )
