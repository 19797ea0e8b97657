"""Prints the packages of this Python of which something is missing; "sizes" as an argument finds cut files too.

setup_venv.py has .venv's own Python run this, so it imports nothing of the course.
"""

import os
import sys
import tomllib
from importlib.metadata import PackagePath, distributions
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def suspicious(sizes: bool, places: list[str]) -> list[str]:
    """Packages that are missing, too old, or of which files are missing (or cut): an install was interrupted there."""
    wanted = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["dependencies"]
    there: dict[str, str] = {}
    found: set[str] = set()
    for item in distributions(path=places):
        name = item.metadata["Name"] if item.metadata else None
        if not name:
            continue
        there[name.lower()] = item.version
        if item.files is None or any(is_damaged(file, sizes) for file in item.files if file.suffix != ".pyc"):
            found.add(name.lower())
    try:
        from packaging.requirements import Requirement

        needs = [Requirement(text) for text in wanted]
        found |= {n.name for n in needs if not n.specifier.contains(there.get(n.name.lower()) or "0", prereleases=True)}
    except ImportError:
        found.add("packaging")
    return sorted(found)


def is_damaged(file: PackagePath, sizes: bool) -> bool:
    try:
        size = os.stat(str(file.locate())).st_size
    except OSError:
        return True
    return sizes and file.size is not None and file.size != size


if __name__ == "__main__":
    print("\n".join(["checked", *suspicious("sizes" in sys.argv, [p for p in sys.path if "site-packages" in p])]))
