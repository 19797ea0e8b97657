"""`make doctor`: looks at this machine and says what is fine, what is not, and what to do about it."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from importlib.metadata import PackageNotFoundError, distributions, version
from pathlib import Path

from shared.course.day import course_root
from shared.data import files as data
from shared.learner import doctor_days, wording
from shared.learner.doctor_days import Finding
from shared.learner.safely import explain
from shared.learner.terminal import CannotPrint, say

ROOT = Path(__file__).resolve().parent.parent.parent
OLDEST = (3, 11)
WATCHED = ("torch", "torchvision", "transformers", "numpy", "pytest")
# Where there is no pyproject.toml to read (an installed package), these are its figures.
MINIMUM = {"torch": "2.11", "torchvision": "0.26", "transformers": "5", "numpy": "2", "pytest": "8.3"}
DISK, MEMORY = 2.0, 4.0  # GB below which a day gets uncomfortable


def examine(device: str = "cpu") -> bool:
    """Prints a line for each thing looked at. True when something is broken."""
    broken = False
    for look in (
        _python,
        _packages,
        _same_build,
        lambda: _device(device),
        _machine,
        doctor_days.folders,
        _data,
        _tools,
        _caches,
    ):
        for state, what, remedy in _safely(look):
            broken = broken or state == "problem"
            say(f"{state:7}  {what}" + (f" → {remedy}" if remedy else ""))
    say("\nsomething is broken; the lines above say what to do" if broken else "\nall is well")
    return broken


def _safely(look: Callable[[], Iterator[Finding]]) -> Iterator[Finding]:
    # A doctor must not faint: what can't be looked at is itself a finding.
    try:
        yield from look()
    except CannotPrint:
        raise
    except OSError as error:
        yield "problem", explain(error), ""
    except Exception as error:
        yield "problem", f"{type(error).__name__}: {error}", "this looks like a fault of the course: please report it"


# ---- Python and packages


def _python() -> Iterator[Finding]:
    name = ".".join(map(str, sys.version_info[:3]))
    if sys.version_info < OLDEST:
        yield (
            "problem",
            f"Python {name}; the course needs 3.11 or newer",
            "install a newer Python, then set the course up again",
        )
    else:
        yield "ok", f"Python {name} ({sys.executable})", ""
    if sys.prefix == sys.base_prefix:
        yield (
            "note",
            "no virtual environment: packages come from the system's Python",
            f"`{wording.command('setup')}` makes one",
        )


def _packages() -> Iterator[Finding]:
    minimum, tested = requirements(ROOT / "pyproject.toml"), constraints(ROOT / "constraints.txt")
    for name in WATCHED:
        try:
            found = version(name)
        except PackageNotFoundError:
            yield "problem", f"{name} is not installed", wording.command("setup")
            continue
        needed = minimum.get(name, MINIMUM[name])
        if release(found) < release(needed):
            yield "problem", f"{name} {found}; the course needs {needed} or newer", wording.command("setup")
        elif name in tested and release(tested[name]) != release(found):
            yield "ok", f"{name} {found} (tested with {tested[name]})", ""
        else:
            yield "ok", f"{name} {found}", ""
    copies = [item for item in distributions() if (item.metadata["Name"] or "").lower() == "torch"]
    places = sorted({str(Path(str(item.locate_file(""))).resolve()) for item in copies})
    if len(places) > 1:
        yield "problem", f"torch is installed {len(places)} times: {', '.join(places)}", "uninstall all but the first"


def requirements(file: Path) -> dict[str, str]:
    """Package -> oldest version that will do, as pyproject.toml says it."""
    if not file.is_file():
        return {}
    import tomllib

    try:
        lines = tomllib.loads(file.read_text(encoding="utf-8")).get("project", {}).get("dependencies", [])
    except tomllib.TOMLDecodeError:  # a merge conflict, say
        return {}
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
    numbers = [int(part) for part in re.findall(r"^[\d.]*", text)[0].split(".") if part]
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
        yield "problem", what, f"they must be of one build: delete .venv, then `{wording.command('setup')}`"
    else:
        yield "ok", "torch and torchvision are of the same build", ""


# ---- The machine


def _device(device: str) -> Iterator[Finding]:
    if device not in ("cpu", "cuda", "mps"):
        yield "problem", wording.option("device", device), "it is cpu, cuda or mps"
        return
    try:
        import torch
    except Exception as error:
        yield "problem", f"torch can't be imported: {error}", wording.command("setup")
        return
    there = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if there["cuda"]:
        card = torch.cuda.get_device_properties(0)
        yield (
            "ok",
            f"CUDA: {card.name}, {card.total_memory / 1e9:.0f} GB ({wording.option('device', 'cuda')} uses it)",
            "",
        )
    if there["mps"]:
        yield "ok", f"MPS: Apple's GPU ({wording.option('device', 'mps')} uses it)", ""
    if not any(there.values()):
        yield "ok", "no GPU: everything runs on the CPU, the big demos excepted", ""
    if not there.get(device, True):
        why = "this torch was built without it" if device == "cuda" and not torch.version.cuda else "none was found"
        asked, works = wording.option("device", device), wording.option("device", "cpu")
        yield "problem", f"{asked}, but {why}", f"{works} works everywhere"


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


# ---- The course's files and tools


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
