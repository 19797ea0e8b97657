"""What each command of an author does; those of a pair stand in shared/learner/commands.py.

What a command needs besides is imported when it runs: the others don't wait for it.
"""

from argparse import Namespace

from shared.author.repository import GUIDE
from shared.course.day import Day, day_folders, find_day
from shared.learner.commands import FINE, WRONG, Refused, check_environment


def skeleton(options: Namespace) -> int:
    """Make skeleton/ anew from solution/ (with --check: only say whether it is up to date)."""
    from shared.course.fences import FenceError, skeleton_differences, write_skeleton

    stale = False
    for day in _days(options):
        try:
            lines = skeleton_differences(day) if options.check else write_skeleton(day)
        except FenceError as error:
            raise Refused(str(error)) from None
        stale = stale or bool(lines)
        print("\n".join(f"{day.name}: {line}" for line in lines) or f"{day.name}: skeleton/ is up to date")
    return WRONG if stale and options.check else FINE


def check(options: Namespace) -> int:
    """Prove that README, solution, tests, skeleton and variants agree."""
    from shared.author.check import check_day
    from shared.author.repository import check_course, write_tables

    if options.write:
        for line in write_tables():
            print(line)
    days = _days(options)
    lines = [line for day in days for line in check_day(day)] + ([] if options.day else check_course(days))
    wrong = [line for line in lines if GUIDE not in line]
    print("\n".join(lines))
    if not wrong:
        print(f"{', '.join(day.name for day in days)}: everything agrees")
    return WRONG if wrong else FINE


def strength(options: Namespace) -> int:
    """Measure how strong a day's tests are (without a day: of those that changed): variants, diagnosis, mutants."""
    from shared.author.strength import measure_days

    check_environment("cpu")
    everything = options.all or bool(options.day)
    return WRONG if measure_days(_days(options), options.exercise, everything, options.minutes) else FINE


def _days(options: Namespace) -> list[Day]:
    return [find_day(options.day)] if options.day else [Day(path) for path in day_folders()]
