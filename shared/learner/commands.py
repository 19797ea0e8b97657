"""What each command of a pair does. Each takes the options of the command line and returns the exit status."""

import argparse
import os
import shutil
import sys

from shared.course.day import Day, Exercise, ReadmeError, day_folders, find_day
from shared.learner import answers, board, choose, script, wording
from shared.learner.full_report import full_report
from shared.learner.live import live
from shared.learner.safely import explain, shown
from shared.learner.state import read_state, write_state
from shared.learner.terminal import say
from shared.learner.verdicts import remember, verdicts
from shared.runner.protocol import ExitStatus
from shared.runner.run import Results, run_day

FINE, WRONG, BROKEN = ExitStatus


class Refused(Exception):
    """The command can't be carried out; its text says why."""


# ---- Testing


def test(options: argparse.Namespace) -> int:
    """Test a day's answers, or one exercise, or a section (attention); without a day, the whole course."""
    if not options.day:
        from shared.author.prove import prove

        return prove(options.device)
    day = find_day(options.day)
    check_environment(options.device)
    names = choose.named(day, options.exercise) if options.exercise else None
    _check_path(day)
    if options.impl in (None, "answers"):
        answers.check_folder(day)
    folder = day.implementation(options.impl)
    if not folder.is_dir():
        raise Refused(f"{day.name} has no {folder.name}/: `{wording.command('start', day.short)}` makes answers/")
    with live(day, names, _width()) as look:
        results = run_day(day, folder.name, options.device, names, seconds=options.seconds, watch=look)
    found = verdicts(day, results, names)
    remember(day, found, results, options.why)
    say(_render(day, found, results.folder, options.device))
    for event in results.uncollected:
        say(f"\n{event.what} could not be read:\n{event.text}")
    if options.verbose:
        full_report(day, found, results.folder, options.device)
    broken = [v for v in found if v.state == "fault" or (v.state == "wrong" and not v.total)]
    if results.uncollected or broken:
        return BROKEN
    return WRONG if any(verdict.state == "wrong" for verdict in found) else FINE


def watch(options: argparse.Namespace) -> int:
    """Test again whenever a file of answers/ is saved: a day, one exercise, or a section (attention)."""
    from shared.learner.watch import watch as keep_watching

    day = find_day(options.day)
    check_environment(options.device)
    _check_path(day)
    answers.check_folder(day)
    if not day.implementation("answers").is_dir():
        raise Refused(f"nothing to watch yet: `{wording.command('start', day.short)}` makes answers/")

    def show(results: Results, names: list[str] | None) -> None:
        found = verdicts(day, results, names)
        remember(day, found, results, options.why)
        if sys.stdout.isatty():
            say("\033[2J\033[H", end="")
        say(_render(day, found, results.folder, options.device) + "\n\n  watching; Ctrl-C ends it")

    keep_watching(day, options.device, choose.named(day, options.exercise) if options.exercise else None, show)
    return FINE


def check_environment(device: str) -> None:
    """Refuses to begin where a package is missing, or the device."""
    from importlib.util import find_spec

    missing = [name for name in ("torch", "pytest", "jaxtyping") if find_spec(name) is None]
    if missing:
        names, setup = ", ".join(missing), wording.command("setup")
        raise Refused(f"{names} can't be imported by {sys.executable}: `{setup}` installs what is needed")
    if device in ("cuda", "mps"):
        import torch

        there = torch.cuda.is_available() if device == "cuda" else torch.backends.mps.is_available()
        if not there:
            asked, works = wording.option("device", device), wording.option("device", "cpu")
            raise Refused(f"{asked}, but torch {torch.__version__} finds no such device here; {works} works")


def _check_path(day: Day) -> None:
    """Neither Python's PYTHONPATH nor pytest, which reads `::`, can be told of such a folder."""
    if os.pathsep in str(day.path):
        raise Refused(f"{day.path} can't be tested, since its path has {os.pathsep!r} in it: rename that folder")


def _render(day: Day, found: list[board.Verdict], folder: str, device: str) -> str:
    fancy, color = board.supports(sys.stdout)
    days = [path.name for path in day_folders()]
    after = days[days.index(day.name) + 1 :] if day.name in days else []
    return board.render(
        day,
        found,
        testing=f"{folder}/",
        device=device,
        fancy=fancy,
        color=color,
        width=_width(),
        next_day=after[0] if after else None,
        follows=choose.step_after(day, folder, found),
        demo=(day.path / "demo.py").is_file(),
        notes=answers.name_clashes(day) if folder == "answers" else (),
    )


def _width() -> int:
    return min(120, shutil.get_terminal_size((100, 40)).columns)


# ---- A pair's own files


def start(options: argparse.Namespace) -> int:
    """Copy the skeleton to answers/, where you work; what is there already stays."""
    day = find_day(options.day)
    for line in answers.start(day):
        say(line)
    first = day.exercises[0]
    say(f"\nOpen {day.name}/README.md, then write {first.name} in {day.name}/answers/{first.module}.")
    return FINE


def hint(options: argparse.Namespace) -> int:
    """Show the next hint of an exercise, or the one that you choose. Without a name, of the next exercise."""
    day = find_day(options.day)
    exercise = _exercise(day, options)
    state = read_state(day)
    seen, count = state.setdefault("hints", {}), len(exercise.hints)
    if not count:
        raise Refused(f"{exercise.name} has no hints")
    given = seen.get(exercise.name, 0)
    level = options.level or min(given + 1, count)
    found = answers.hint(day, exercise.name, level)
    if found is None:
        raise Refused(f"{exercise.name} has {count} hint{'s' * (count > 1)}")
    say(f"{exercise.name}, hint {level} of {count}: {found.short_title}\n\n{found.text.strip()}")
    if not options.level and given >= count:
        rescue = wording.command("take", day.short, exercise.name)
        say(f"\nThis was the last hint. If you are stuck for good, `{rescue}` puts the answer into your file.")
    seen[exercise.name] = level  # only now: a hint that could not be printed was not given
    write_state(day, state)
    return FINE


def show(options: argparse.Namespace) -> int:
    """Print the reference answer of an exercise. Without a name, of the next exercise."""
    day = find_day(options.day)
    say(answers.show(day, _exercise(day, options, "# ").name), end="", code=True)
    return FINE


def take(options: argparse.Namespace) -> int:
    """Put the reference answer into answers/, so that you can go on; your version is kept in .byo/backup/.

    Without a name, that of the next exercise.
    """
    day = find_day(options.day)
    name = _exercise(day, options).name
    return _changed(day, name, answers.take(day, name))


def reset(options: argparse.Namespace) -> int:
    """Put the stub of an exercise back, or a whole file (attention.py); your version is kept in .byo/backup/."""
    day = find_day(options.day)
    if not options.exercise:
        one, file = wording.exercise("causal_mask"), wording.exercise("attention.py")
        raise Refused(f"which one? {one}, or {file} for a whole file")
    return _changed(day, options.exercise, answers.reset(day, options.exercise))


def _changed(day: Day, name: str, change: answers.Change) -> int:
    choose.forget(day, name)
    say(change.what)
    if change.backup:
        say(f"your version is kept in {shown(change.backup)}")
    return FINE


def _exercise(day: Day, options: argparse.Namespace, before: str = "") -> Exercise:
    """The exercise that was named, or the next one, of which a first line tells (after `before`, in which code is)."""
    if options.exercise:
        return day.exercise(options.exercise)
    if not (following := choose.next_exercise(day)):
        whole, one = wording.command("test", day.short), wording.exercise(day.exercises[0].name)
        raise Refused(
            f"nothing in {day.short} seems to be left; `{whole}` tests it all. To choose one yourself, add {one}"
        )
    exercise, why = following
    say(f"{before}The next exercise is {exercise.name}, which is {why}.\n")
    return exercise


def progress(options: argparse.Namespace) -> int:
    """All days on one board, as the last runs left them."""
    rows, unread = [], []
    for path in day_folders():
        try:
            day = Day(path)
        except (ReadmeError, UnicodeDecodeError, OSError) as error:
            unread.append(f"{path.name} can't be read: {explain(error) if isinstance(error, OSError) else error}")
            continue
        done = read_state(day).get("done", {})
        core = [exercise for exercise in day.exercises if not exercise.bonus]
        open_ = [exercise for exercise in core if not done.get(exercise.name)]
        rows.append((day, len(core) - len(open_), len(core), sum(exercise.minutes for exercise in open_)))
    if not rows and not unread:
        raise Refused("no day was found here: run this where the folders w1d1_… lie")
    fancy, color = board.supports(sys.stdout)
    if rows:
        say(board.progress(rows, fancy=fancy, color=color))
    for line in unread:
        say(f"\n  {line}")
    return BROKEN if unread else FINE


def run_script(options: argparse.Namespace) -> int:
    """Run a day's demo.py or bench.py."""
    day = find_day(options.day)
    check_environment(options.device)
    file = day.path / f"{options.command}.py"
    if not file.is_file():
        raise Refused(f"{day.name} has no {file.name}")
    status = script.run(file, options.device, options.impl)
    if status < 0:
        raise Refused(f"{day.name}/{file.name} was ended by signal {-status}")
    return status


def doctor(options: argparse.Namespace) -> int:
    """Look at this machine: Python, packages, devices, data."""
    from shared.learner.doctor import examine

    return BROKEN if examine(options.device) else FINE
