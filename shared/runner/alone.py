"""The verdict of an exercise is the one that it gets alone, in a fresh process (DESIGN 6.16).

All exercises share one process, because starting one each would take minutes. What an answer leaves behind there (a
patched function, an open context, a thread that eats time) can make right answers fail. So a failure is believed only
where nothing came before it; any other is looked at again, and costs something only then.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from shared.course.day import Day
from shared.runner import process, protocol
from shared.runner.protocol import Job
from shared.runner.results import Results, run_tests


def settle(day: Day, job: Job, results: Results, firsts: set[str], device: str) -> None:
    """Tests again what failed after others, puts the new verdicts in place, and finds out who disturbed whom."""
    order = [exercise.name for exercise in day.exercises]
    doubtful = [name for name in order if results.failed(name) and name not in firsts and not _hung(results, name)]
    if not doubtful:
        return
    first = next((name for name in order if results.failed(name)), None)
    if len(doubtful) <= protocol.ALONE:
        groups = [[name] for name in doubtful]
    else:
        # Backwards: whatever an exercise leaves behind now reaches only the ones that the first run had before it.
        groups = [doubtful]
    disturbed = []
    runs = _side_by_side([_job(job, names, diagnose=first in names) for names in groups], device)
    for names, again in zip(groups, runs):
        for name in names:
            if not again.failed(name) and again.tests.get(name):
                disturbed.append(name)
                results.why.pop(name, None)
            _replace(results, again, name)
    if disturbed:
        ran = [name for name in order if name in results.tests or name in results.deaths]
        guilty = _who_disturbs(job, ran[: ran.index(disturbed[0])], disturbed[0], device)
        if guilty:
            results.disturbs[guilty] = disturbed
        first_wrong = next((name for name in order if results.failed(name)), None)
        if first_wrong and first_wrong not in results.why and job.diagnose:
            again, _ = run_tests(_job(job, [first_wrong], diagnose=True), device)
            results.why |= again.why


def _side_by_side(jobs: list[Job], device: str) -> list[Results]:
    """Two at a time; Ctrl-C ends them all at once."""
    pool = ThreadPoolExecutor(max_workers=2)
    try:
        return list(pool.map(lambda job: run_tests(job, device)[0], jobs))
    except BaseException:
        process.ENDING.set()
        process.end_living()
        raise
    finally:
        pool.shutdown(cancel_futures=True)
        process.ENDING.clear()


def _hung(results: Results, name: str) -> bool:
    """Its time was up in its own code: to wait for that twice would tell nothing new."""
    death = results.deaths.get(name)
    own = name not in results.crowded
    return bool(own and death and death.where and death.summary.startswith("it takes more than"))


def _job(job: Job, names: list[str], diagnose: bool = False) -> Job:
    return Job(
        job.day,
        job.implementation,
        exercises=names,
        reverse=len(names) > 1,
        broken=list(job.broken),
        seconds=job.seconds,
        diagnose=diagnose and job.diagnose,
    )


def _replace(results: Results, again: Results, name: str) -> None:
    results.tests[name] = again.tests.get(name, [])
    results.deaths.pop(name, None)
    if name in again.deaths:
        results.deaths[name] = again.deaths[name]
    if name in again.why:
        results.why[name] = again.why[name]


def _who_disturbs(job: Job, before: list[str], victim: str, device: str) -> str | None:
    """The exercise after which `victim` fails: the last one before it, or found by halving those before."""

    def fails_after(names: list[str]) -> bool:
        again = Job(job.day, job.implementation, exercises=[*names, victim], broken=list(job.broken), diagnose=False)
        again.seconds = job.seconds
        return run_tests(again, device)[0].failed(victim)

    return culprit(before, fails_after)


def culprit(before: list[str], fails_after: Callable[[list[str]], bool]) -> str | None:
    """Which one of those before makes something fail: the last one, or found by halving. None where it isn't one."""
    if not before:
        return None
    if fails_after(before[-1:]):
        return before[-1]
    suspects = before[:-1]
    for _ in range(protocol.SUSPECTS):
        if len(suspects) <= 1:
            break
        late = suspects[len(suspects) // 2 :]
        suspects = late if fails_after(late) else suspects[: len(suspects) // 2]
    return suspects[0] if len(suspects) == 1 and fails_after(suspects) else None
