"""A module that doesn't import after others, or whose tests can't be read then, is tried once more without them.

An answer may replace `json.loads` at the top of its module; then other modules, and libraries, stop in the middle of
their imports. So that the innocent keep their verdict, a failed import is believed only where nothing came before it.
"""

from shared.course.day import Day
from shared.runner.alone import culprit
from shared.runner.protocol import Job, Uncollected, Unimportable
from shared.runner.results import Results, run_tests


def settle_imports(day: Day, job: Job, results: Results, device: str) -> None:
    """Puts the verdicts in place that sections get alone, and names the module that disturbed them."""
    victims, believed = [], set()
    for section in results.imported[1:]:
        trouble = results.unimportable.get(section)
        names = _exercises(day, job, section)
        if not names or not _doubtful(results, section) or (trouble and trouble.where in believed):
            continue
        again, _ = run_tests(_job(job, names), device)
        if _troubled(again, section):
            if trouble:
                believed.add(trouble.where)
            continue
        victims.append(section)
        _replace(results, again, section)
    if victims:
        _blame(day, job, results, victims[0], device)


def _troubled(results: Results, section: str) -> bool:
    return section in results.unimportable or any(_is_of(event, section) for event in results.uncollected)


def _is_of(event: Uncollected, section: str) -> bool:
    return event.what.endswith(f"test_{section}.py")


def _doubtful(results: Results, section: str) -> bool:
    trouble = results.unimportable.get(section)
    return _troubled(results, section) and not (trouble and (trouble.stub or trouble.certain))


def _exercises(day: Day, job: Job, section: str) -> list[str]:
    chosen = [exercise.name for exercise in day.exercises if exercise.section == section]
    return [name for name in chosen if not job.exercises or name in job.exercises]


def _job(job: Job, names: list[str], diagnose: bool = True) -> Job:
    return Job(job.day, job.implementation, exercises=names, seconds=job.seconds, diagnose=diagnose and job.diagnose)


def _replace(results: Results, again: Results, section: str) -> None:
    results.unimportable.pop(section, None)
    results.blocked.pop(section, None)
    results.uncollected = [event for event in results.uncollected if not _is_of(event, section)]
    results.tests |= again.tests
    results.deaths |= again.deaths
    results.why |= again.why


def _blame(day: Day, job: Job, results: Results, victim: str, device: str) -> None:
    def fails_after(modules: list[str]) -> bool:
        names = [_exercises(day, job, module)[0] for module in [*modules, victim]]
        return _troubled(run_tests(_job(job, names, diagnose=False), device)[0], victim)

    before = results.imported[: results.imported.index(victim)]
    guilty = culprit([module for module in before if _exercises(day, job, module)], fails_after)
    if guilty:
        file = f"{results.folder}/{guilty}.py"
        summary = f"importing it changes something for everybody: after it, {victim}.py and its tests don't import"
        results.unimportable[guilty] = Unimportable(guilty, file, summary)
