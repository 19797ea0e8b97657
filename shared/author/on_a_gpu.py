"""What `make check` proves without a GPU: that a day's solution and its tests would pass on one.

The whole day runs with tensors that claim to be on "cuda" and obey its rules (`shared.sandbox.pretended_gpu`). So a
model that a test loads and doesn't move, a value that it compares with on the CPU, or an integer matrix product is
found here.
"""

from shared.course.day import Day
from shared.runner.run import EnvironmentBroken, run_day


def stops_on_a_gpu(day: Day) -> list[str]:
    """ "w2d1_gpt2/tests/test_weights.py::test_…: …" for every test that would not pass on a GPU."""
    if not (day.path / "solution").is_dir() or not list((day.path / "tests").glob("test_*.py")):
        return []
    try:
        results = run_day(day, "solution", "pretend", diagnose=False)
    except EnvironmentBroken as error:
        return [f"{day.name}: {error}"]
    lines = [f"{day.name}: {name}: on a GPU {problem.summary}" for name, problem in results.deaths.items()]
    for tests in results.tests.values():
        for test in tests:
            if test.kind != "pass":
                where = f"{day.name}/{test.test.removeprefix(f'{day.name}/')}"
                lines.append(f"{where} would not pass on a GPU: {test.problem.summary if test.problem else test.kind}")
    return lines
