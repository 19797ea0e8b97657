"""`make doctor`: looks at this machine and says what is fine, what is not, and what to do about it."""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from importlib.metadata import PackageNotFoundError, distributions, version
from pathlib import Path

from shared.course.day import ReadmeError, course_root, day_folders
from shared.data import files as data
from shared.learner import board

ROOT = Path(__file__).resolve().parent.parent.parent
OLDEST = (3, 11)
WATCHED = ("torch", "torchvision", "transformers", "numpy", "pytest")
# Where there is no pyproject.toml to read (an installed package), these are its figures.
MINIMUM = {"torch": "2.11", "torchvision": "0.26", "transformers": "5", "numpy": "2", "pytest": "8.3"}
DISK, MEMORY = 2.0, 4.0  # GB below which a day gets uncomfortable

Finding = tuple[str, str, str]  # ("ok" | "note" | "problem", what was found, what to do)


def examine(device: str = "cpu") -> bool:
    """Prints a line for each thing looked at. True when something is broken."""
    broken, terminal = False, board.Terminal(*board.supports(sys.stdout))
    for look in (_python, _packages, _same_build, lambda: _device(device), _machine, _folders, _data, _tools, _caches):
        for state, what, remedy in _safely(look):
            broken = broken or state == "problem"
            print(terminal.finish([f"{state:7}  {what}" + (f" → {remedy}" if remedy else "")]), flush=True)
    print("\nsomething is broken; the lines above say what to do" if broken else "\nall is well")
    return broken


def _safely(look: Callable[[], Iterator[Finding]]) -> Iterator[Finding]:
    # A doctor must not faint: what can't be looked at is itself a finding.
    try:
        yield from look()
    except Exception as error:
        yield "problem", f"{type(error).__name__}: {error}", "this looks like a fault of the course: please report it"


# ---- Python and packages


def _python() -> Iterator[Finding]:
    name = ".".join(map(str, sys.version_info[:3]))
    if sys.version_info < OLDEST:
        yield "problem", f"Python {name}; the course needs 3.11 or newer", "make setup PYTHON=python3.11"
    else:
        yield "ok", f"Python {name} ({sys.executable})", ""
    if sys.prefix == sys.base_prefix:
        yield "note", "no virtual environment: packages come from the system's Python", "`make setup` makes one"


def _packages() -> Iterator[Finding]:
    minimum, tested = requirements(ROOT / "pyproject.toml"), constraints(ROOT / "constraints.txt")
    for name in WATCHED:
        try:
            found = version(name)
        except PackageNotFoundError:
            yield "problem", f"{name} is not installed", "make setup"
            continue
        needed = minimum.get(name, MINIMUM[name])
        if release(found) < release(needed):
            yield "problem", f"{name} {found}; the course needs {needed} or newer", "make setup"
        elif name in tested and release(tested[name]) != release(found):
            yield "ok", f"{name} {found} (tested with {tested[name]})", ""
        else:
            yield "ok", f"{name} {found}", ""
    found = [item for item in distributions() if (item.metadata["Name"] or "").lower() == "torch"]
    places = sorted({str(Path(item.locate_file("")).resolve()) for item in found})
    if len(places) > 1:
        yield "problem", f"torch is installed {len(places)} times: {', '.join(places)}", "uninstall all but the first"


def requirements(file: Path) -> dict[str, str]:
    """Package -> oldest version that will do, as pyproject.toml says it."""
    if not file.is_file():
        return {}
    import tomllib

    lines = tomllib.loads(file.read_text(encoding="utf-8")).get("project", {}).get("dependencies", [])
    found = [re.match(r"([\w.-]+)[^>]*>=\s*([\w.]+)", line) for line in lines]
    return {match[1].lower(): match[2] for match in found if match}


def constraints(file: Path) -> dict[str, str]:
    """Package -> the version that the course was tested with, as constraints.txt says it."""
    if not file.is_file():
        return {}
    found = re.findall(r"^([\w.-]+)==([^\s;]+)", file.read_text(encoding="utf-8"), re.MULTILINE)
    return {name.lower(): number for name, number in found}


def release(text: str) -> tuple[int, ...]:
    """ "2.13.0+cpu" is (2, 13): what follows + names a build, and zeros at the end say nothing."""
    numbers = [int(part) for part in re.match(r"[\d.]*", text)[0].split(".") if part]
    while numbers and not numbers[-1]:
        numbers.pop()
    return tuple(numbers)


def _same_build() -> Iterator[Finding]:
    # In a process of its own: a broken build can take Python down with it.
    code = "import torch, torchvision; torchvision.ops.nms(torch.zeros(1, 4), torch.zeros(1), 0.5)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, encoding="utf-8", errors="replace")
    if done.returncode:
        last = (done.stderr.strip().splitlines() or [f"exit status {done.returncode}"])[-1]
        what = f"torch and torchvision don't work together: {last[:160]}"
        yield "problem", what, "they must be of one build: delete .venv, then `make setup`"
    else:
        yield "ok", "torch and torchvision are of the same build", ""


# ---- The machine


def _device(device: str) -> Iterator[Finding]:
    if device not in ("cpu", "cuda", "mps"):
        yield "problem", f"DEVICE={device}", "it is cpu, cuda or mps"
        return
    try:
        import torch
    except Exception as error:
        yield "problem", f"torch can't be imported: {error}", "make setup"
        return
    there = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if there["cuda"]:
        card = torch.cuda.get_device_properties(0)
        yield "ok", f"CUDA: {card.name}, {card.total_memory / 1e9:.0f} GB (DEVICE=cuda uses it)", ""
    if there["mps"]:
        yield "ok", "MPS: Apple's GPU (DEVICE=mps uses it)", ""
    if not any(there.values()):
        yield "ok", "no GPU: everything runs on the CPU, the big demos excepted", ""
    if not there.get(device, True):
        why = "this torch was built without it" if device == "cuda" and not torch.version.cuda else "none was found"
        yield "problem", f"DEVICE={device}, but {why}", "DEVICE=cpu works everywhere"


def _machine() -> Iterator[Finding]:
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    yield "ok", f"{cores} core{'s' * (cores > 1)}", ""
    memory = memory_gb()
    if memory is not None:
        low = memory < MEMORY
        yield ("note" if low else "ok"), f"{memory:.1f} GB of memory", "close other programs" if low else ""
    free = shutil.disk_usage(course_root()).free / 1e9
    low = free < DISK
    yield ("note" if low else "ok"), f"{free:.1f} GB free on the disk", f"make room: {DISK:.0f} GB" if low else ""


def memory_gb() -> float | None:
    """The machine's memory, or what its container may use of it; None where the system doesn't say."""
    try:
        memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return None
    try:
        limit = Path("/sys/fs/cgroup/memory.max").read_text().strip()
    except OSError:
        limit = "max"
    return min(memory, int(limit) if limit.isdigit() else memory) / 1e9


# ---- The course's folders


def _folders() -> Iterator[Finding]:
    days = day_folders()
    if not days:
        yield "problem", "no day was found here", "run this where the folders w1d1_… lie"
    for day in days:
        missing = [name for name in ("solution", "skeleton", "tests") if not (day / name).is_dir()]
        if missing:
            yield "problem", f"{day.name} has no {', '.join(missing)}", f"`git checkout -- {day.name}` brings it back"
        elif trouble := _unwritable(day):
            yield (
                "problem",
                f"{day.name} can't be written to ({trouble})",
                "your answers go there: mend its permissions",
            )
        elif trouble := _unreadable(day):
            yield "problem", trouble, f"`git checkout -- {day.name}/README.md` brings it back"
        else:
            yield "ok", f"{day.name}: complete and writable", ""


def _unwritable(folder: Path) -> str:
    for place in (folder, folder / "answers"):
        if place.is_dir():
            try:
                with tempfile.TemporaryFile(dir=place):
                    pass
            except OSError as error:
                return f"{place.name}: {error.strerror or error}"
    return ""


def _unreadable(folder: Path) -> str:
    from shared.course.day import Day

    try:
        Day(folder)
    except (ReadmeError, UnicodeDecodeError) as error:
        return str(error)
    return ""


def _data() -> Iterator[Finding]:
    found = data.problems()
    for line in found:
        what, _, remedy = line.rpartition(": ")
        yield "problem", what or line, remedy
    if not found:
        yield "ok", "the course's data files are intact", ""


def _tools() -> Iterator[Finding]:
    if shutil.which("git"):
        yield "ok", "git", ""
    else:
        yield "note", "no git: updates of the course don't come by `git pull`", "install git when you want them"
    if shutil.which("make"):
        yield "ok", "make", ""
    else:
        yield "note", "no make", "every command works as `python -m shared …` too"


def _caches() -> Iterator[Finding]:
    """What makes every start slow: Python compiling everything anew."""
    if sys.dont_write_bytecode:
        yield "note", "PYTHONDONTWRITEBYTECODE is set: every start is slow", "unset PYTHONDONTWRITEBYTECODE"
        return
    stale = []
    for file in (ROOT / "shared").rglob("__pycache__/*.pyc"):
        source = file.parent.parent / f"{file.name.partition('.')[0]}.py"
        if source.is_file() and file.stat().st_mtime < source.stat().st_mtime and not os.access(file, os.W_OK):
            stale.append(file.name)
    if stale or not os.access(ROOT / "shared", os.W_OK):
        yield "note", "shared/__pycache__ is stale and can't be written: starts are slow", "mend its permissions"
    else:
        yield "ok", "Python keeps its compiled files", ""
