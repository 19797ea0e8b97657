"""What `make check` proves of a day: that README, solution, tests, skeleton and variants agree, and keep the rules.

`check_day` gives one line for each defect, with file:line where there is one; [] when all is well. `check_course` in
repository.py does the same for what doesn't belong to a single day.
"""

import ast
import importlib.machinery
import re
import subprocess
import sys
from pathlib import Path

from shared.author.links import broken_links, course_files, foreign_places
from shared.author.on_a_gpu import stops_on_a_gpu
from shared.author.repository import GUIDE, ruff, too_long
from shared.author.rules import UNREADABLE, TestFile
from shared.course.day import Day, Exercise
from shared.course.fences import FenceError, fences, skeleton_differences
from shared.course.variants import Variant, VariantError, apply_variant, load_variants, variants_folder

WORDS, WORDS_OF = 5000, {"w1d1": 6500}
CORE = range(300, 421)  # minutes
SHORT_EXERCISE, LONG_EXERCISE = 5, 10  # minutes: one wrong variant is enough; there is another way to write it
SAYS = 220  # characters of a diagnosis
LINES = 350  # of a module of solution/

# Runs every example in the docstrings of solution/, all in one process, since importing torch takes a second.
_DOCTESTS = """
import doctest, importlib, sys
from pathlib import Path
folder = Path(sys.argv[1])
sys.path.insert(0, str(folder))
sys.stdout.reconfigure(encoding="utf-8")
for name in sys.argv[2:]:
    def report(out, test, example, got, name=name):
        line = (test.lineno or 0) + example.lineno + 1
        got = " / ".join(got.strip().splitlines()[-3:]) or "nothing"
        out(f"DEFECT solution/{name}.py:{line}: the example `{example.source.strip()}` gives {got[:200]}\\n")
    runner = doctest.DocTestRunner(verbose=False)
    runner.report_failure = report
    runner.report_unexpected_exception = lambda out, test, example, error: report(out, test, example, repr(error[1]))
    try:
        module = importlib.import_module(name)
    except BaseException as error:
        print(f"DEFECT solution/{name}.py:1: it does not import: {type(error).__name__}: {error}")
        continue
    for test in doctest.DocTestFinder().find(module, name):
        runner.run(test)
print("FINISHED")
"""


def check_day(day: Day) -> list[str]:
    """Everything that is wrong with one day. Runs the day's examples, its tests on the skeleton, and all on a GPU that
    isn't there."""
    return static_defects(day) + skeleton_passes(day) + stops_on_a_gpu(day)


def static_defects(day: Day) -> list[str]:
    """What can be found without torch (but for what the solution's own examples import)."""
    parts = [
        *(_text(day), _names(day), _code(day), _tests(day), _variants(day), examples_fail(day), ruff([day.path])),
        *(foreign_places(day.path / name, name) for name in course_files(day.path)[0]),
    ]
    return [line if line.startswith(f"{day.name}/") else f"{day.name}/{line}" for part in parts for line in part]


# ---- README


def _text(day: Day) -> list[str]:
    texts = [name for name in course_files(day.path)[0] if name.endswith(".md")]
    lines, readme = [line for name in texts for line in broken_links(day.path / name, name)], "README.md:1"
    most = WORDS_OF.get(day.short, WORDS)
    if day.words > most:
        lines.append(f"{readme}: {day.words} words outside hints and code, {GUIDE} {most}")
    if day.minutes not in CORE:
        lines.append(f"{readme}: the core takes {day.minutes} minutes, {GUIDE} {CORE[0]} to {CORE[-1]}")
    return lines + [_at(exercise, "it has no hint") for exercise in day.exercises if not exercise.hints]


def _at(exercise: Exercise, what: str) -> str:
    return f"README.md:{exercise.line}: {exercise.name}: {what}"


# ---- solution/ and skeleton/


def _names(day: Day) -> list[str]:
    """Modules that would hide an installed package, or Python's own, from everything a pair runs."""
    places = [place for place in sys.path if day.path not in (path := Path(place or ".").resolve(), *path.parents)]
    lines = []
    for file in sorted((day.path / "solution").glob("*.py")):
        if file.stem in sys.stdlib_module_names:
            lines.append(f"solution/{file.name}:1: its name hides Python's own module {file.stem}")
        elif importlib.machinery.PathFinder.find_spec(file.stem, places):
            lines.append(f"solution/{file.name}:1: its name hides the installed module {file.stem}")
    return lines


def _code(day: Day) -> list[str]:
    lines, fenced = [], set()
    for file in sorted((day.path / "solution").glob("*.py")):
        text = file.read_text(encoding="utf-8")
        lines += too_long(text, f"solution/{file.name}", LINES)
        try:
            found = fences(text, f"solution/{file.name}")
        except FenceError as error:
            lines.append(str(error))
            continue
        for fence in found:
            exercise = day.owner_exercise(fence.owner)
            if exercise is None or exercise.module != file.name:
                lines.append(f"solution/{file.name}:{fence.begin}: the README has no exercise {fence.owner} here")
            else:
                fenced.add(exercise.name)
    lines += [_at(e, f"solution/{e.module} has no fence for it") for e in day.exercises if e.name not in fenced]
    try:
        return lines + [f"{line}; `make skeleton` mends it" for line in skeleton_differences(day)]
    except FenceError as error:
        known = str(error).removeprefix(f"{day.name}/")
        return lines + [known] * (known not in lines)


def examples_fail(day: Day) -> list[str]:
    """The examples in the solution's docstrings, run as they stand."""
    files = sorted((day.path / "solution").glob("*.py"))
    names = [file.stem for file in files if ">>> " in file.read_text(encoding="utf-8")]
    if not names:
        return []
    command = [sys.executable, "-c", _DOCTESTS, str(day.path / "solution"), *names]
    try:
        done = subprocess.run(command, capture_output=True, encoding="utf-8", timeout=600, stdin=subprocess.DEVNULL)
    except subprocess.TimeoutExpired:
        return ["solution/: its examples take more than ten minutes"]
    lines = [line.removeprefix("DEFECT ") for line in done.stdout.splitlines() if line.startswith("DEFECT ")]
    if "FINISHED" not in done.stdout:
        lines.append(f"solution/: its examples end Python: {(done.stderr.strip().splitlines() or ['?'])[-1]}")
    return lines


# ---- tests/


def _tests(day: Day) -> list[str]:
    lines, tested, modules = [], set(), {file.stem for file in (day.path / "solution").glob("*.py")}
    for file in sorted((day.path / "tests").rglob("*.py")):
        try:
            tests = TestFile(file, modules)
        except SyntaxError as error:
            lines.append(f"tests/{file.name}:{error.lineno}: it does not parse: {error.msg}")
            continue
        lines += [f"tests/{line}" for line in tests.broken_rules()]
        for test in tests.tests():
            where = f"tests/{file.name}:{test.line}: {test.name}"
            if not test.exercises:
                lines.append(f'{where} belongs to no exercise; @exercise("…") says to which')
            for name in sorted(test.exercises):
                exercise = next((exercise for exercise in day.exercises if exercise.name == name), None)
                if name == UNREADABLE:
                    lines.append(f"{where}: its exercise can't be read from the text")
                elif exercise is None:
                    lines.append(f"{where}: the README has no exercise {name}")
                elif file.name != f"test_{exercise.section}.py":
                    lines.append(f"{where}: tests of {name} stand in test_{exercise.section}.py")
                else:
                    tested.add(name)
    return lines + [_at(e, f"tests/test_{e.section}.py has no test") for e in day.exercises if e.name not in tested]


def skeleton_passes(day: Day) -> list[str]:
    """Runs the tests on the skeleton, where each must say "to do": a test that passes there tests nothing."""
    from shared.runner.run import EnvironmentBroken, run_day

    name = f"{day.name}/skeleton"
    if not (day.path / "skeleton").is_dir() or not list((day.path / "tests").glob("test_*.py")):
        return []
    try:
        results = run_day(day, "skeleton", "cpu")
    except EnvironmentBroken as error:
        return [f"{name}: {error}"]
    lines = [f"{name}/{module}.py:1: {event.summary}" for module, event in results.unimportable.items()]
    lines += [f"{day.name}/tests: {event.what} could not be read" for event in results.uncollected]
    lines += [f"{name}: {exercise}: {problem.summary}" for exercise, problem in results.deaths.items()]
    for tests in results.tests.values():
        for test in tests:
            where, kind = f"{day.name}/{test.test.removeprefix(f'{day.name}/')}", test.kind
            if kind == "pass":
                lines.append(f"{where} passes on the skeleton")
            elif kind == "fail":
                lines.append(
                    f"{where} fails on the skeleton instead of reaching a stub: {test.problem and test.problem.summary}"
                )
    return lines


# ---- variants/


def _variants(day: Day) -> list[str]:
    try:
        variants = load_variants(day)
    except (VariantError, KeyError, AttributeError, TypeError) as error:
        return [str(error).removeprefix(f"{day.name}/")]
    lines: list[str] = []
    seen: dict[tuple[str, str], str] = {}
    places = {}
    for file in variants_folder(day).glob("*.toml"):
        for key, line in _places(file.read_text(encoding="utf-8")).items():
            places[key] = f"variants/{file.name}:{line}"
    for variant in variants:
        where = f"{places[variant.exercise, variant.wrong, variant.number]}: {variant.label}"
        if len(variant.says) > SAYS:
            lines.append(f"{where}: `says` has {len(variant.says)} characters, at most {SAYS}")
        if trouble := _misfit(variant, day, seen):
            lines.append(f"{where}: {trouble}")
    for exercise in day.exercises:
        own = [variant.wrong for variant in variants if variant.exercise == exercise.name]
        wrong, needed = sum(own), 1 if exercise.minutes <= SHORT_EXERCISE else 3
        toml = f"variants/{exercise.section}.toml"
        if wrong < needed:
            lines.append(_at(exercise, f"{toml} has {wrong} wrong of it, at least {needed}"))
        if all(own) and exercise.minutes > LONG_EXERCISE:
            lines.append(_at(exercise, f"it takes {exercise.minutes} minutes, and {toml} has no right one of it"))
    return lines


def _misfit(variant: Variant, day: Day, seen: dict) -> str | None:
    try:
        module, text = apply_variant(variant, day)
        compile(text, f"{module}.py", "exec", dont_inherit=True)
    except (VariantError, FenceError) as error:
        return str(error).removeprefix(f"{variant.label}: ")
    except (SyntaxError, ValueError) as error:
        return f"with it in place {module}.py does not compile: {error}"
    # The same tree for two texts that differ in layout and comments only.
    code, original = ast.dump(ast.parse(text)), (day.path / "solution" / f"{module}.py").read_text(encoding="utf-8")
    if code == ast.dump(ast.parse(original)):
        return "it changes nothing"
    first = seen.setdefault((module, code), variant.label)
    return f"it is the same code as {first}" if first != variant.label else None


def _places(text: str) -> dict[tuple[str, bool, int], int]:
    """(exercise, wrong?, number) -> the line on which that variant starts."""
    places: dict[tuple[str, bool, int], int] = {}
    for line, content in enumerate(text.split("\n"), start=1):
        if found := re.match(r"""\s*\[\[\s*["']?([\w.]+?)["']?\s*\.\s*["']?(wrong|right)["']?\s*\]\]""", content):
            number = sum(key[:2] == (found[1], found[2] == "wrong") for key in places) + 1
            places[found[1], found[2] == "wrong", number] = line
    return places
