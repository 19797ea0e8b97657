"""Other answers that people write: `variants/<section>.toml`, read and applied to the solution's text.

A variant edits the code between an exercise's fences: `old`/`new` (or several in `edits`), or a whole new `body`.
"""

import textwrap
import tomllib
from dataclasses import dataclass
from pathlib import Path

from shared.course.day import Day
from shared.course.fences import fences, split_lines

KEYS = {"says", "old", "new", "edits", "body", "fence"}


class VariantError(ValueError):
    """A file of variants names something that isn't there; the message says which entry."""


@dataclass(frozen=True)
class Variant:
    """One wrong or right answer. `number` counts an exercise's wrong (or right) ones from 1."""

    exercise: str
    wrong: bool
    number: int
    says: str
    edits: tuple[tuple[str, str], ...] = ()
    body: str | None = None
    fence: str | None = None

    @property
    def label(self) -> str:
        return f"{self.exercise}.{'wrong' if self.wrong else 'right'} #{self.number}"

    def __str__(self) -> str:
        return f"{self.label} ({self.says[:60]})"


def load_variants(day: Day, exercise: str | None = None) -> list[Variant]:
    """All variants of a day, or of one exercise, in the order of the files. VariantError for a malformed one."""
    sections = {section.name: {e.name for e in section.exercises} for section in day.sections}
    if exercise is None:
        names = sorted(file.stem for file in variants_folder(day).glob("*.toml"))
        wanted = sorted(names, key=lambda name: list(sections).index(name) if name in sections else -1)
    else:
        wanted = [day.exercise(exercise).section]
    found = []
    for section in wanted:
        found += _read(day, section, sections.get(section))
    return [variant for variant in found if exercise in (None, variant.exercise)]


def variants_folder(day: Day) -> Path:
    return day.path / "variants"


def _read(day: Day, section: str, known: set[str] | None) -> list[Variant]:
    path = variants_folder(day) / f"{section}.toml"
    where = f"{day.name}/variants/{section}.toml"
    if known is None:
        raise VariantError(f"{where}: there is no section {section!r}")
    if not path.is_file():
        return []
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise VariantError(f"{where}: {error}") from None
    found = []
    for name, kinds in table.items():
        if name not in known:
            raise VariantError(f"{where}: this section has no exercise {name!r}")
        if not isinstance(kinds, dict) or kinds.keys() - {"wrong", "right"}:
            raise VariantError(f"{where}: {name} may have `wrong` and `right`, it has {kinds}")
        for kind, entries in kinds.items():
            if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
                raise VariantError(f"{where}: an entry starts with [[{name}.{kind}]]")
            found += [_variant(name, kind == "wrong", n, entry) for n, entry in enumerate(entries, start=1)]
    return found


def _variant(exercise: str, wrong: bool, number: int, entry: dict) -> Variant:
    label = f"{exercise}.{'wrong' if wrong else 'right'} #{number}"
    if extra := entry.keys() - KEYS:
        raise VariantError(f"{label}: unknown key {sorted(extra)[0]!r}")
    if not entry.get("says"):
        raise VariantError(f"{label}: `says` is missing")
    edits = [entry] * bool({"old", "new"} & entry.keys()) + entry.get("edits", [])
    if not all({"old", "new"} <= edit.keys() for edit in edits):
        raise VariantError(f"{label}: an edit has both `old` and `new`")
    edits = [(edit["old"], edit["new"]) for edit in edits]
    if bool(edits) == ("body" in entry):
        raise VariantError(f"{label}: it needs either `old` and `new`, or `body`")
    return Variant(exercise, wrong, number, entry["says"], tuple(edits), entry.get("body"), entry.get("fence"))


def apply_variant(variant: Variant, day: Day) -> tuple[str, str]:
    """(module name, the solution's text with the variant in it). VariantError where it doesn't fit."""
    module = day.exercise(variant.exercise).module
    lines = split_lines((day.path / "solution" / module).read_text(encoding="utf-8"))
    own = [
        fence
        for fence in fences("".join(lines), module)
        if (owner := day.owner_exercise(fence.owner)) and owner.name == variant.exercise
    ]
    if variant.fence:
        own = [fence for fence in own if fence.owner == variant.fence]
    if not own:
        raise VariantError(f"{variant.label}: {module} has no fence {variant.fence or 'of this exercise'}")
    if variant.body is not None:
        if len(own) > 1:
            raise VariantError(f"{variant.label}: say which `fence`: {', '.join(fence.owner for fence in own)}")
        body = textwrap.indent(textwrap.dedent(variant.body).strip("\n"), " " * own[0].indent)
        lines[own[0].begin : own[0].end - 1] = [body + "\n"]
    for old, new in variant.edits:
        # The last fence first, so that a longer text doesn't move the ones before it.
        parts = [(fence, "".join(lines[fence.begin : fence.end - 1])) for fence in reversed(own)]
        count = sum(part.count(old) for _, part in parts)
        if count != 1:
            raise VariantError(f"{variant.label}: `old` occurs {count} times in the fences, not once: {old!r}")
        for fence, part in parts:
            if old in part:
                edited = split_lines(part.replace(old, new))
                # The number of lines is kept, so that the other fences stay where they are.
                lines[fence.begin : fence.end - 1] = ["".join(edited)] + [""] * (fence.end - fence.begin - 2)
    return module.removesuffix(".py"), "".join(lines)
