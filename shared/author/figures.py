"""strength.json: the figures of a day, with a key of what they were measured on, which tells whether they are stale."""

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path

from shared.course.day import Day, course_root

COUNTS = ("wrong", "rejected", "diagnosed", "right", "accepted", "mutants", "killed", "explained")
VERSIONS = ("torch", "torchvision", "transformers", "tokenizers", "tiktoken", "numpy", "regex", "einops")
MEASURES = ("mutants.py", "mutators.py", "torch_mutators.py", "syntax.py")  # of shared/author
UNKNOWN = 8.0  # minutes that a day takes of which nothing is known


def read(day: Day) -> dict | None:
    """The day's strength.json, or None where there is none that can be read."""
    try:
        kept = json.loads((day.path / "strength.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return kept if isinstance(kept, dict) and all(isinstance(kept.get(name), int) for name in COUNTS) else None


def keep(day: Day, measured: dict[str, int], seconds: float) -> None:
    """Writes a day's figures with their key."""
    facts = {"day": day.name, **measured, "minutes": round(seconds / 60, 1)}
    facts |= {"own files": own_key(day), "checks and versions": common_key()}
    (day.path / "strength.json").write_text(json.dumps(facts, indent=1) + "\n", encoding="utf-8")


def minutes(day: Day) -> float:
    """How long the day took when it was measured last."""
    return float((read(day) or {}).get("minutes", UNKNOWN))


def staleness(day: Day) -> str | None:
    """What changed since the day was measured: "own files", "checks and versions", or None."""
    kept = read(day) or {}
    if kept.get("own files") != own_key(day):
        return "own files"
    return None if kept.get("checks and versions") == common_key() else "checks and versions"


def own_key(day: Day) -> str:
    """Of the day's solution, tests, variants and explained survivors, and of its exercises' names."""
    files = [file for part in ("solution/*.py", "tests/**/*.py", "variants/*.toml") for file in day.path.glob(part)]
    names = " ".join(f"{exercise.section}.{exercise.name}" for exercise in day.exercises)
    return _digest([*files, day.path / "survivors.toml"], day.path, names)


def common_key() -> str:
    """Of what every day's figures depend on: the checks, what makes mutants, and the versions that are pinned."""
    shared = Path(__file__).resolve().parent.parent
    pinned = course_root() / "constraints.txt"
    lines = pinned.read_text(encoding="utf-8").splitlines() if pinned.is_file() else []
    versions = " ".join(line for line in lines if line.partition("==")[0] in VERSIONS)
    return _digest(
        [*(shared / "checks").glob("*.py"), *(shared / "author" / name for name in MEASURES)], shared, versions
    )


def _digest(files: Iterable[Path], root: Path, more: str) -> str:
    total = hashlib.sha256(more.encode())
    for file in sorted(file for file in files if file.is_file()):
        content = file.read_bytes().replace(b"\r\n", b"\n")
        total.update(f"\0{file.relative_to(root).as_posix()}\0{len(content)}\0".encode() + content)
    return total.hexdigest()[:16]
