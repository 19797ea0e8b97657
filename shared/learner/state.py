"""What the course remembers between two runs of a day: hints seen, failing runs, and the pair's backups."""

import hashlib
import json
import os
import tempfile
from pathlib import Path

from shared.course.day import Day


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


def read_state(day: Day) -> dict:
    """What write_state kept; {} where there is nothing or the file is damaged."""
    try:
        state = json.loads((state_folder(day) / "state.json").read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return state if isinstance(state, dict) else {}


def write_state(day: Day, state: dict) -> None:
    """Keeps a small dict for the next run. A full disk costs the memory, never the run."""
    text = json.dumps(state, indent=1, sort_keys=True)
    try:
        path = state_folder(day) / "state.json"
        draft = path.with_name(f"state-{os.getpid()}.tmp")
        draft.write_text(text, encoding="utf-8")
        os.replace(draft, path)
    except OSError:
        pass
