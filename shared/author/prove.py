"""`make test` without a DAY: the course proves itself. It is what CI runs.

Each day's solution passes all its tests, each day's skeleton gives nothing but "to do", and the shared package passes
its own tests. The last line is "N passed, N failed".
"""

import re
import subprocess
import sys
import time
from pathlib import Path

from shared.course.day import Day, day_folders
from shared.learner import board
from shared.learner.verdicts import verdicts
from shared.runner.process import child_environment
from shared.runner.protocol import ExitStatus
from shared.runner.run import EnvironmentBroken, Results, run_day

FINE, WRONG, BROKEN = ExitStatus


def prove(device: str) -> int:
    """Prints a line for each proof as it is done. 0: all hold; 1: the course is wrong; 2: nothing could be tested."""
    passed = failed = 0
    try:
        days = [Day(path) for path in day_folders()]
        if not days:
            print("no day was found here: run this where the folders w1d1_… lie", file=sys.stderr)
            return BROKEN
        proofs = [(day.name, kind) for day in days for kind in ("solution", "skeleton")] + [("shared", "own tests")]
        width = max(len(f"{name}  {kind}") for name, kind in proofs)
        steps = [lambda day=day, step=step: step(day, device) for day in days for step in (_solution, _skeleton)]
        for (name, kind), step in zip(proofs, [*steps, lambda: _shared(device)]):
            started = time.monotonic()
            good, bad, text, details = step()
            seconds = f"{time.monotonic() - started:6.1f} s"
            print(f"  {f'{name}  {kind}':{width}}  {seconds}  {'FAILED: ' * bool(bad)}{text}", flush=True)
            if details:
                print(f"\n{details}\n", flush=True)
            passed, failed = passed + good, failed + bad
    except EnvironmentBroken as error:
        print(error, file=sys.stderr)
        return BROKEN
    print(f"\n{passed} passed, {failed} failed")
    return WRONG if failed else FINE


def _solution(day: Day, device: str) -> tuple[int, int, str, str]:
    """(tests that pass, how many do not, what to say, what to show). An exercise not done is at least one failure."""
    results = run_day(day, "solution", device)
    found = verdicts(day, results)
    bad = [verdict for verdict in found if verdict.state != "done"]
    events = [test for tests in results.tests.values() for test in tests]
    good = sum(test.kind == "pass" for test in events)
    failures = max(len(events) - good, len(bad)) + len(results.uncollected)
    if not failures:
        return good, 0, f"{good} tests of {len(found)} exercises pass on {device}", ""
    fancy, color = board.supports(sys.stdout)
    shown = [board.render(day, found, testing="solution/", device=device, fancy=fancy, color=color)]
    # The board tells of the first problem only; here each one counts.
    shown += [f"  {v.exercise.name}: {v.problem.test}: {v.problem.summary}" for v in bad[1:] if v.problem]
    shown += _unread(results)
    text = f"{len(bad)} of {len(found)} exercises are not done: {', '.join(verdict.exercise.name for verdict in bad)}"
    return good, failures, text, "\n".join(shown)


def _skeleton(day: Day, device: str) -> tuple[int, int, str, str]:
    results = run_day(day, "skeleton", "cpu")
    events = [test for tests in results.tests.values() for test in tests]
    lines = [f"  {test.test}: {test.kind} instead of to do" for test in events if test.kind != "todo"]
    lines += [f"  {name}.py: {event.summary}" for name, event in results.unimportable.items()]
    lines += [f"  {name}: {problem.summary}" for name, problem in results.deaths.items()]
    found = verdicts(day, results)
    lines += [f"  {v.exercise.name}: no test of it ran" for v in found if not results.tests.get(v.exercise.name)]
    lines += _unread(results)
    good = sum(verdict.state in ("todo", "waiting") for verdict in found)
    if not lines:
        return good, 0, f"all {len(found)} exercises are to do", ""
    return good, len(lines), "a stub must say that it is to do, and nothing else", "\n".join(lines)


def _unread(results: Results) -> list[str]:
    return [f"  {event.what} could not be read:\n{event.text}" for event in results.uncollected]


def _shared(device: str) -> tuple[int, int, str, str]:
    root = Path(__file__).resolve().parent.parent.parent
    if not (root / "shared" / "tests").is_dir():
        return 0, 0, "its tests are not installed with it, so they were not run", ""
    command = [sys.executable, "-m", "pytest", "shared/tests", "-q", "--tb=short", "-p", "shared.sandbox.plugin"]
    command += ["-p", "no:cacheprovider", "-o", "addopts="]
    done = subprocess.run(
        command,
        cwd=root,
        env=child_environment(device),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
    )
    good, bad = count_tests(done.stdout)
    if done.returncode:
        return good, max(bad, 1), "its own tests do not all pass", done.stdout.strip()
    skipped = sum(map(int, re.findall(r"(\d+) skipped", done.stdout.strip().rpartition("\n")[2])))
    return good, 0, f"{good} tests pass" + (f", {skipped} were skipped" if skipped else ""), ""


def count_tests(output: str) -> tuple[int, int]:
    """(passed, failed) from pytest's last line, "1 failed, 20 passed, 2 errors in 3.21s"."""
    last = output.strip().rpartition("\n")[2]
    found = {word: int(number) for number, word in re.findall(r"(\d+) (passed|failed|error)", last)}
    return found.get("passed", 0), found.get("failed", 0) + found.get("error", 0)
