"""What `make check` proves of the repository as a whole: tables that are true, links, sizes, sources of data, ruff."""

import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

from shared.author import figures, tables
from shared.author.links import broken_links, course_files, foreign_places
from shared.course.day import Day, course_root, day_folders
from shared.learner import wording

ROOM_LINES, TEST_LINES = 250, 400  # of a module of `shared`, and of a test module there
GUIDE = "a guide is"  # a line with these words warns, and fails nothing
FILE_SIZE, TREE_SIZE = 20 << 20, 150 << 20


def check_course(days: list[Day]) -> list[str]:
    """What doesn't belong to a single day: the root README, the shared package, what lies in the repository."""
    root = course_root()
    names, git = course_files(root)
    inside = tuple(f"{day.name}/" for day in days)
    own = [name for name in names if not name.startswith(inside)]
    needed = ["README.md", "AGENTS.md", "CHANGELOG.md", "LICENSE", *(f"{day.name}/AGENTS.md" for day in days)]
    lines = [f"{name} is missing" for name in needed if not (root / name).is_file()]
    if (root / "README.md").is_file():
        lines += tables.stale_tables(root, days)
    strength = wording.command("strength")
    lines += [f"{day.name}/strength.json: `{strength}` has not measured it" for day in days if not figures.read(day)]
    for name in own:
        if name.endswith(".md"):
            lines += broken_links(root / name, name)
        if not name.startswith("shared/files/") or name.endswith(".md"):
            lines += foreign_places(root / name, name)
        if name.startswith("shared/") and name.endswith(".py"):
            most = TEST_LINES if name.startswith("shared/tests/") else ROOM_LINES
            lines += too_long((root / name).read_text(encoding="utf-8"), name, most)
    return lines + _data(root, own) + (_sizes(root, names) if git else []) + ruff([root / "shared"])


def write_tables(root: Path | None = None) -> list[str]:
    """Makes the tables of the root README anew; says which ones changed."""
    root = root or course_root()
    return tables.write_tables(root, [Day(path) for path in day_folders(root)])


def _data(root: Path, names: list[str]) -> list[str]:
    """Every data file has its row, with source and terms, in SOURCES.md; a folder's row speaks for what is in it."""
    files = [name.removeprefix("shared/files/") for name in names if name.startswith("shared/files/")]
    notes = root / "shared/files/SOURCES.md"
    entries = set(re.findall(r"`([^`\s]+)`", notes.read_text(encoding="utf-8"))) if notes.is_file() else set()
    lines = []
    for name in files:
        around = {f"{parent.as_posix()}/" for parent in Path(name).parents}
        if name in ("SOURCES.md", "SHA256SUMS") or name.startswith((".", "licences/")) or entries & {name, *around}:
            continue
        lines.append(f"shared/files/{name}: shared/files/SOURCES.md doesn't say where it comes from, and its licence")
    return lines


def _sizes(root: Path, names: list[str]) -> list[str]:
    sizes = {name: (root / name).stat().st_size for name in names}
    lines = [f"{name}: {size / 2**20:.0f} MB, at most 20" for name, size in sizes.items() if size > FILE_SIZE]
    total = sum(sizes.values())
    return lines + [f".: the repository holds {total / 2**20:.0f} MB, at most 150"] * (total > TREE_SIZE)


def ruff(paths: list[Path]) -> list[str]:
    """What ruff says, its formatter included. Settings are the repository's; a lone folder has none to be held to."""
    root = paths[0].parent
    if not (root / "pyproject.toml").is_file():
        return []
    if find_spec("ruff") is None:
        return [f"ruff is not installed; `{wording.command('setup')}` installs it"]
    lines = []
    for command in (["check", "--output-format", "concise"], ["format", "--check"]):
        names = [str(path.relative_to(root)) for path in paths]
        command = [sys.executable, "-m", "ruff", *command, "--no-cache", *names]
        done = subprocess.run(command, cwd=root, capture_output=True, encoding="utf-8")
        if done.returncode:
            found = [line for line in done.stdout.splitlines() if re.match(r"\S.*:\d+:\d+: ", line)]
            # How the formatter names a file differs between versions.
            files = re.findall(r"^(?:Would reformat: |\s*--> )(.+?)((?::\d+)?)(?::\d+)?$", done.stdout, re.MULTILINE)
            found += [f"{file}{line or ':1'}: `ruff format` would change it" for file, line in files]
            found = found or [f"ruff: {(done.stderr or done.stdout).strip()}"]
            # Newer versions also format the code in a README, which is set as its author wants it.
            lines += [line for line in found if ".md:" not in line.split(" ")[0]]
    return lines


def too_long(text: str, name: str, most: int) -> list[str]:
    """One line if a module has more than `most` lines."""
    count = text.count("\n")
    return [f"{name}:{most}: it has {count} lines, {GUIDE} {most}"] if count > most else []
