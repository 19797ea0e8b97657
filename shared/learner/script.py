"""A day's demo.py, bench.py and other scripts: whose code they run, and how they end."""

import ast
import json
import os
import signal
import subprocess
import sys
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.util import spec_from_file_location
from pathlib import Path

from shared.course.day import FOLDERS, Day
from shared.learner.state import read_state
from shared.runner.process import child_environment, end_all

CHOSEN = "BYO_CODE"  # in the environment of what a script starts: whose code was chosen, and said


def run(script: Path, device: str, implementation: str | None) -> int:
    """Runs a script and returns its exit status. Ctrl-C reaches this process only, which then ends the script.

    So does a closed terminal, or whoever ends this process.
    """
    for name in {"SIGHUP", "SIGTERM"} & set(dir(signal)):
        signal.signal(getattr(signal, name), lambda number, frame: sys.exit(2))
    environment = {**child_environment(device), "IMPL": implementation or ""}
    process = subprocess.Popen([sys.executable, str(script)], env=environment, start_new_session=True)
    try:
        return process.wait()
    finally:
        end_all(process)


def begin(file: str) -> None:
    """What a script of a day does first: `begin(__file__)` says whose code it runs, and puts that on the path.

    From here on, Ctrl-C ends the script with one line and exit status 2.
    """
    script, mother = Path(file).resolve(), os.getpid()

    def stop(number: int, frame: object) -> None:
        if os.getpid() == mother:  # those that it forked are silent
            print("\nstopped" if sys.stderr.isatty() else "stopped", file=sys.stderr, flush=True)
        raise SystemExit(2)

    signal.signal(signal.SIGINT, stop)
    if CHOSEN not in os.environ:
        code, words = whose(Day(script.parent), script, os.environ.get("IMPL", "").strip())
        print(f"{script.parent.name}/{script.name} runs {words}.\n", flush=True)
        os.environ[CHOSEN] = json.dumps(code)
    folder, reference = json.loads(os.environ[CHOSEN])
    sys.path.insert(0, str(script.parent / folder))
    sys.meta_path.insert(0, _FromSolution(script.parent / "solution", reference))


class _FromSolution(MetaPathFinder):
    """Imports these modules from the solution."""

    def __init__(self, folder: Path, modules: list[str]):
        self.folder, self.modules = folder, modules

    def find_spec(self, fullname: str, path: object, target: object = None) -> ModuleSpec | None:
        file = f"{fullname}.py"
        return spec_from_file_location(fullname, self.folder / file) if file in self.modules else None


def whose(day: Day, script: Path, wanted: str = "") -> tuple[tuple[str, list[str]], str]:
    """((the folder whose code a script runs, the modules that come from the solution all the same), how to say so).

    That is the pair's own folder where the whole core is done, unless IMPL `wanted` another. Of a bonus that the script
    uses, and that isn't done, the module comes from the solution.
    """
    if wanted:
        if wanted not in FOLDERS or not (day.path / wanted).is_dir():
            print(f"IMPL={wanted}: {day.name} has no such folder; there may be {', '.join(FOLDERS)}", file=sys.stderr)
            raise SystemExit(2)
        return (wanted, []), f"the code in {wanted}/, as you asked"
    if not (day.path / "answers").is_dir():
        return ("solution", []), "the course's solution, since there are no answers of yours yet"
    done, mentioned = read_state(day).get("done", {}), _names_in(script)
    open_ = [exercise for exercise in day.exercises if not done.get(exercise.name)]
    if core := [exercise.name for exercise in open_ if not exercise.bonus]:
        others = f" and {len(core) - 1} more have" if len(core) > 1 else " has"
        return ("solution", []), f"the course's solution, since your {core[0]}{others} not passed yet"
    whole = {section.name for section in day.sections if section.bonus}
    modules = [e.module for e in open_ if (e.section if e.section in whole else e.name.partition(".")[0]) in mentioned]
    modules = sorted(set(modules))
    theirs = f", with {' and '.join(modules)} from the solution, since a bonus there has not passed yet"
    return ("answers", modules), "your answers" + theirs * bool(modules)


def _names_in(script: Path) -> set[str]:
    """Every name that a script mentions: of modules, and of what is in them."""
    kinds = {ast.Name: "id", ast.Attribute: "attr", ast.alias: "name", ast.ImportFrom: "module"}
    tree = ast.parse(script.read_text(encoding="utf-8"))
    return {getattr(node, kinds[type(node)]) for node in ast.walk(tree) if type(node) in kinds}
