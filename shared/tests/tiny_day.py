"""Builds small days for the tests of the runner."""

import os
import subprocess
import sys
from pathlib import Path

from shared.course.day import Day
from shared.runner.process import child_environment


def readme(sections: dict[str, list[str]]) -> str:
    """A README with these exercises in these modules, five minutes and two hints each."""
    lines = ["# W9D1 · Tiny", ""]
    for number, (module, names) in enumerate(sections.items(), start=1):
        lines += [f"## {number}. {module.capitalize()}: a section", ""]
        for name in names:
            lines += [f"### `{name}`", f"*difficulty 1/5 · importance 1/5 · 5 minutes · `{module}.py`*", ""]
            for hint in ("First", "Second"):
                lines += [f"<details><summary>{hint} of {name}</summary>", "", f"{hint} help.", "", "</details>", ""]
    return "\n".join(lines)


def build(folder: Path, sections: dict[str, list[str]], files: dict[str, str | bytes]) -> Day:
    """A day in `folder` with these files (path inside the day -> content)."""
    for name, content in {"README.md": readme(sections), **files}.items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content if isinstance(content, bytes) else content.encode())
    return Day(folder)


def run(folder: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess:
    """`python …` in that folder, as a pair would call it, in an environment that nothing else has touched."""
    env = child_environment("cpu") | {"OMP_NUM_THREADS": "1", "PYTHONIOENCODING": "utf-8", "COLUMNS": "120"}
    for name in ("PYTEST_ADDOPTS", "PYTEST_CURRENT_TEST", "IMPL", "EX", "V", "WHY", "LEVEL", "BYO_ROOT"):
        env.pop(name, None)
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        env=env | environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        timeout=300,
    )


def line_of(file: Path, text: str) -> int:
    """The number of the first line that contains `text`."""
    lines = file.read_bytes().decode(errors="replace").splitlines()
    return next(number for number, line in enumerate(lines, start=1) if text in line)


def posix() -> bool:
    """Whether this system has signals and limits for processes."""
    return os.name == "posix"
