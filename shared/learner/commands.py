"""What each command of a pair does. Each takes the options of the command line and returns the exit status."""

import os
import shutil
import subprocess
import sys

from shared.course.day import Day, day_folders, find_day
from shared.learner import answers, board
from shared.learner.state import read_state, write_state
from shared.learner.verdicts import remember, verdicts
from shared.runner.process import child_environment
from shared.runner.run import run_day

FINE, WRONG, BROKEN = 0, 1, 2


class Refused(Exception):
    """The command can't be carried out; its text says why."""


# ---- Testing


def test(options) -> int:
    """Test a day's answers, or without a day the whole course."""
    if not options.day:
        from shared.author.prove import prove

        return prove(options.device)
    day = find_day(options.day)
    check_environment(options.device)
    names = [day.exercise(options.exercise).name] if options.exercise else None
    try:
        folder = day.implementation(options.impl)
    except ValueError as error:
        raise Refused(f"IMPL={options.impl}: {error}") from None
    if not folder.is_dir():
        raise Refused(f"{day.name} has no {folder.name}/: `make start DAY={day.short}` makes answers/")
    results = run_day(day, folder.name, options.device, names, seconds=options.seconds)
    found = verdicts(day, results, names)
    remember(day, found, results, options.why)
    print(_render(day, found, results.folder, options.device))
    for event in results.uncollected:
        print(f"\n{event.what} could not be read:\n{event.text}")
    if options.verbose:
        _full_report(day, found, results.folder, options.device)
    broken = [v for v in found if v.state == "fault" or (v.state == "wrong" and not v.total)]
    if results.uncollected or broken:
        return BROKEN
    return WRONG if any(verdict.state == "wrong" for verdict in found) else FINE


def watch(options) -> int:
    """Test again whenever a file of answers/ is saved."""
    from shared.learner.watch import watch as keep_watching

    day = find_day(options.day)
    check_environment(options.device)
    if not day.implementation("answers").is_dir():
        raise Refused(f"nothing to watch yet: `make start DAY={day.short}` makes answers/")

    def show(results, names) -> None:
        found = verdicts(day, results, names)
        remember(day, found, results, options.why)
        if sys.stdout.isatty():
            print("\033[2J\033[H", end="")
        print(_render(day, found, results.folder, options.device) + "\n\n  watching; Ctrl-C ends it", flush=True)

    keep_watching(day, options.device, options.exercise and day.exercise(options.exercise).name, show)
    return FINE


def check_environment(device: str) -> None:
    from importlib.util import find_spec

    missing = [name for name in ("torch", "pytest", "jaxtyping") if find_spec(name) is None]
    if missing:
        raise Refused(
            f"{', '.join(missing)} can't be imported by {sys.executable}: `make setup` installs what is needed"
        )
    if device not in ("cpu", "cuda", "mps", "pretend"):
        raise Refused(f"DEVICE={device}: it is cpu, cuda or mps (or pretend, a GPU that isn't there)")
    if device in ("cuda", "mps"):
        import torch

        there = torch.cuda.is_available() if device == "cuda" else torch.backends.mps.is_available()
        if not there:
            raise Refused(f"DEVICE={device}, but torch {torch.__version__} finds no such device here; DEVICE=cpu works")


def _render(day: Day, found: list, folder: str, device: str) -> str:
    fancy, color = board.supports(sys.stdout)
    days = [path.name for path in day_folders()]
    after = days[days.index(day.name) + 1 :] if day.name in days else []
    hint, start = ("make hint DAY={day} EX={name}", "make start DAY={day}") if shutil.which("make") else (None, None)
    return board.render(
        day,
        found,
        testing=f"{folder}/",
        device=device,
        fancy=fancy,
        color=color,
        width=min(120, shutil.get_terminal_size((100, 40)).columns),
        hint_command=hint or "python -m shared hint {day} {name}",
        start_command=start or "python -m shared start {day}",
        next_day=after[0] if after else None,
    )


def _full_report(day: Day, found: list, folder: str, device: str) -> None:
    """pytest's own report of the first wrong exercise, tensors, tracebacks and all."""
    wrong = next((verdict for verdict in found if verdict.state == "wrong"), None)
    if wrong is None:
        return
    print(f"\npytest's report of {wrong.exercise.name}:\n", flush=True)
    file = day.path / "tests" / f"test_{wrong.exercise.section}.py"
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-p",
        "shared.sandbox.plugin",
        "-p",
        "no:cacheprovider",
        "-o",
        "addopts=",
    ]
    command += ["--impl", folder, "--only-exercise", wrong.exercise.name, "--rootdir", str(day.path), str(file)]
    subprocess.run(command, env=child_environment(device), check=False)


# ---- A pair's own files


def start(options) -> int:
    """Copy the skeleton to answers/, where you work; what is there already stays."""
    day = find_day(options.day)
    for line in answers.start(day):
        print(line)
    first = day.exercises[0]
    print(f"\nOpen {day.name}/README.md, then write {first.name} in {day.name}/answers/{first.module}.")
    return FINE


def hint(options) -> int:
    """Show the next hint of an exercise; LEVEL=2 shows the second."""
    day = find_day(options.day)
    exercise = _exercise(day, options)
    state = read_state(day)
    seen = state.setdefault("hints", {})
    level = options.level or min(seen.get(exercise.name, 0) + 1, len(exercise.hints))
    found = answers.hint(day, exercise.name, level)
    if found is None:
        raise Refused(f"{exercise.name} has {len(exercise.hints)} hints")
    seen[exercise.name] = level
    write_state(day, state)
    print(f"{exercise.name}, hint {level} of {len(exercise.hints)}: {found.title}\n\n{found.text.strip()}")
    return FINE


def show(options) -> int:
    """Print the reference answer of an exercise."""
    day = find_day(options.day)
    print(answers.show(day, _exercise(day, options).name), end="")
    return FINE


def take(options) -> int:
    """Put the reference answer into answers/, so that you can go on; your version is kept in .byo/backup/."""
    day = find_day(options.day)
    return _changed(answers.take(day, _exercise(day, options).name))


def reset(options) -> int:
    """Put the stub of an exercise back (EX=attention.py: of a whole file); your version is kept in .byo/backup/."""
    day = find_day(options.day)
    if not options.exercise:
        raise Refused("which one? EX=causal_mask, or EX=attention.py for a whole file")
    return _changed(answers.reset(day, options.exercise))


def _changed(change) -> int:
    print(change.what)
    if change.backup:
        print(f"your version is kept in {os.path.relpath(change.backup)}")
    return FINE


def _exercise(day: Day, options):
    if not options.exercise:
        names = ", ".join(exercise.name for exercise in day.exercises)
        raise Refused(f"which exercise? EX=… with one of: {names}")
    return day.exercise(options.exercise)


def progress(options) -> int:
    """All days on one board, as the last runs left them."""
    rows = []
    for path in day_folders():
        day = Day(path)
        done = read_state(day).get("done", {})
        core = [exercise for exercise in day.exercises if not exercise.bonus]
        open_ = [exercise for exercise in core if not done.get(exercise.name)]
        rows.append((day, len(core) - len(open_), len(core), sum(exercise.minutes for exercise in open_)))
    fancy, color = board.supports(sys.stdout)
    print(board.progress(rows, fancy=fancy, color=color))
    return FINE


def run_script(options) -> int:
    """Run a day's demo.py or bench.py."""
    day = find_day(options.day)
    check_environment(options.device)
    environment = {**child_environment(options.device), "IMPL": options.impl or "solution"}
    return subprocess.run(
        [sys.executable, str(day.path / f"{options.command}.py")], env=environment, check=False
    ).returncode


def doctor(options) -> int:
    """Look at this machine: Python, packages, devices, data."""
    from shared.learner.doctor import examine

    return BROKEN if examine(options.device) else FINE
