"""`make watch`: a verdict as soon as a file is saved.

Importing torch is most of what a run costs, so a process that has done so is always kept ready; the run gets it, and
the next one starts meanwhile. No fork and no reloading of modules: nothing stale is ever tested.
"""

import time
from pathlib import Path

from shared.course.day import Day
from shared.runner.process import Child
from shared.runner.run import EnvironmentBroken, run_day

PAUSE = 0.05  # seconds between two looks at the files


def stamps(folder: Path) -> dict[Path, int]:
    """When each file was last changed; a file that an editor is just replacing is left out."""
    found = {}
    for file in folder.glob("*.py"):
        try:
            found[file] = file.stat().st_mtime_ns
        except OSError:
            continue
    return found


def changed_modules(before: dict[Path, int], now: dict[Path, int]) -> set[str]:
    return {file.name for file in now.keys() | before.keys() if before.get(file) != now.get(file)}


def watch(day: Day, device: str, only: list[str] | None, show, rounds: int | None = None) -> None:
    """Calls `show(results, exercises)` after every change, for the exercises of the changed modules (or `only`).

    The first round runs everything. Goes on until interrupted, or for `rounds` rounds.
    """
    folder = day.implementation("answers")
    spare = Child(device)
    try:
        before = stamps(folder)
        names = only
        while rounds is None or rounds > 0:
            ready, spare = spare, Child(device)
            try:
                show(run_day(day, "answers", device, names, spare=ready), names)
            except EnvironmentBroken as error:
                print(error)
            rounds = None if rounds is None else rounds - 1
            if rounds == 0:
                break
            while not (modules := changed_modules(before, now := stamps(folder))):
                time.sleep(PAUSE)
            time.sleep(PAUSE)  # an editor may write in two steps
            before = stamps(folder) or now
            names = only or [e.name for e in day.exercises if e.module in modules] or None
    finally:
        spare.close()
