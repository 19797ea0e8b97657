"""What the course remembers between two runs of a day: hints seen, failing runs, and the pair's backups."""

import contextlib
import hashlib
import json
import os
import tempfile
from pathlib import Path
from typing import Any

from shared.course.day import Day
from shared.learner.safely import replace_file


def state_folder(day: Day) -> Path:
    """Where a day keeps what it remembers: .byo/ in the day, or a temporary folder where that cannot be written."""
    folder = day.path / ".byo"
    try:
        folder.mkdir(exist_ok=True)
        if os.access(folder, os.W_OK):
            return folder
    except OSError:
        pass
    user = os.getuid() if hasattr(os, "getuid") else "user"
    mark = hashlib.sha256(str(day.path).encode()).hexdigest()[:12]
    folder = Path(tempfile.gettempdir()) / f"byo-{user}-{day.name}-{mark}"
    folder.mkdir(mode=0o700, exist_ok=True)
    return folder


# What is kept by exercise, and the types it may have. A file that a pair or an editor changed may hold anything.
KINDS: dict[str, tuple[type, ...]] = {
    "hints": (int,),  # how many were seen
    "failing": (int,),  # how many runs failed in a row
    "wrong": (str, type(None)),  # the text of what is wrong
    "done": (bool,),
}


def read_state(day: Day) -> dict[str, Any]:
    """What write_state kept, without whatever has the wrong type; {} where there is nothing or the file is damaged."""
    try:
        state = json.loads((state_folder(day) / "state.json").read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    if not isinstance(state, dict):
        return {}
    return {key: _sound(value, KINDS[key]) if key in KINDS else value for key, value in state.items()}


def _sound(entries: object, kinds: tuple[type, ...]) -> dict[str, Any]:
    if not isinstance(entries, dict):
        return {}
    return {name: value for name, value in entries.items() if type(value) in kinds and not _negative(value)}


def _negative(value: object) -> bool:
    return isinstance(value, int) and value < 0


def write_state(day: Day, state: dict[str, Any]) -> None:
    """Keeps a small dict for the next run. A full disk costs the memory, never the run."""
    with contextlib.suppress(OSError):
        text = json.dumps(state, indent=1, sort_keys=True)
        replace_file(state_folder(day) / "state.json", text.encode(), sync=False)
