"""Other answers that people write: `variants.toml`, read and applied to the solution's text.

A variant edits the code between an exercise's fences: `old`/`new` (or several in `edits`), or a whole new `body`.
"""

import textwrap
import tomllib
from dataclasses import dataclass

from shared.day import Day
from shared.fences import fences, split_lines

KEYS = {"says", "old", "new", "edits", "body", "fence"}


class VariantError(ValueError):
    """variants.toml names something that isn't there; the message says which entry."""


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


def load_variants(day: Day) -> list[Variant]:
    """All variants of a day in the order of the file. VariantError for a malformed one."""
    path = day.path / "variants.toml"
    if not path.is_file():
        return []
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise VariantError(f"{day.name}/variants.toml: {error}") from None
    known = {exercise.name for exercise in day.exercises}
    found = []
    for name, kinds in table.items():
        if name not in known:
            raise VariantError(f"{day.name}/variants.toml: there is no exercise {name!r}")
        if not isinstance(kinds, dict) or kinds.keys() - {"wrong", "right"}:
            raise VariantError(f"{day.name}/variants.toml: {name} may have `wrong` and `right`, it has {kinds}")
        for kind, entries in kinds.items():
            if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
                raise VariantError(f"{day.name}/variants.toml: an entry starts with [[{name}.{kind}]]")
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
