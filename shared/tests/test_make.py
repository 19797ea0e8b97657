"""What lies around the set-up: the check of the packages, and the Makefile, which hands every word on as it is."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from shared import setup_check
from shared import setup_venv as setup

ROOT = Path(setup.__file__).resolve().parent.parent
PYPROJECT = '[project]\nname = "x"\ndependencies = [\n    "torch>=2.11",\n    "pytest>=8",\n]\n'

# ---- The check of the packages


def package(folder, name, version="1.0", record="{name}/__init__.py,,0\n", files=("__init__.py",)):
    info = folder / f"{name}-{version}.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    if record is not None:
        (info / "RECORD").write_text(record.format(name=name))
    (folder / name).mkdir()
    for file in files:
        (folder / name / file).write_text("")


@pytest.mark.parametrize(
    ("torch", "sizes", "found"),
    [
        (dict(version="2.13"), True, []),
        (dict(version="2.13.0+cpu"), True, []),
        (dict(version="2.10"), True, ["torch"]),
        (dict(version="2.13", record=None), False, ["torch"]),
        (dict(version="2.13", files=()), False, ["torch"]),
        (dict(version="2.13", record="{name}/__init__.py,,7\n"), True, ["torch"]),
        (dict(version="2.13", record="{name}/__init__.py,,7\n"), False, []),
        (dict(version="2.13", record="{name}/__pycache__/a.pyc,,\n"), True, []),
        (None, False, ["torch"]),
    ],
)
def test_a_package_that_is_missing_old_or_cut_is_found(torch, sizes, found, tmp_path, monkeypatch):
    site = tmp_path / "site-packages"
    package(site, "pytest", "9.0")
    if torch:
        package(site, "torch", **torch)
    (tmp_path / "pyproject.toml").write_text(PYPROJECT)
    monkeypatch.setattr(setup_check, "ROOT", tmp_path)
    assert setup_check.suspicious(sizes, [str(site)]) == found


def test_the_requirements_are_those_of_pyproject():
    assert {"torch", "pytest", "tqdm"} <= set(setup.requirements()) and "ruff" not in setup.requirements()


# ---- The Makefile


@pytest.mark.skipif(not shutil.which("make"), reason="no make here")
@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["hint", "EX=causal_mask"], "Which day? For example DAY=w2d1"),
        (["test", "EX=causal_mask"], "Which day? For example DAY=w2d1"),
        (["hint", "DAY=w2d1", "PYTHON=nonesuch"], "There is no PYTHON=nonesuch"),
        (["hint", "DAY=w2d1", "EX=causal mask"], "no exercise 'causal mask'; did you mean causal_mask?"),
        (["hint", "DAY=w2d1", 'EX=it\'s `x` "y"'], "no exercise"),
        (["hint", "DAY=a b"], "there is no day 'a b'"),
        (["reset", "DAY=w2d1"], "which one? EX=causal_mask, or EX=attention.py for a whole file"),
        (["hint", "DAY=w2d1", "EX=causal_mask", "LEVEL=abc"], "LEVEL=abc: it is the number of a hint"),
        (["test", "DAY=w2d1", "SECONDS_EACH=inf"], "SECONDS_EACH=inf: it is a number of seconds"),
    ],
)
def test_make_hands_every_word_on_as_it_is(arguments, says):
    python = [] if any(a.startswith("PYTHON=") for a in arguments) else [f"PYTHON={sys.executable}"]
    done = make(*arguments, *python)
    assert done.returncode == 2 and says in done.stderr and "Traceback" not in done.stderr


def make(*arguments, **environment):
    """`make …` in the course's folder, in an environment that says nothing."""
    words = (
        "MAKEFLAGS",
        "MAKEOVERRIDES",
        "MAKELEVEL",
        "DAY",
        "EX",
        "LEVEL",
        "SECONDS_EACH",
        "IMPL",
        "BYO_ROOT",
        "PYTHON",
    )
    env = {name: value for name, value in os.environ.items() if name not in words} | {"PYTHONIOENCODING": "utf-8"}
    return subprocess.run(["make", *arguments], cwd=ROOT, env=env | environment, capture_output=True, encoding="utf-8")


@pytest.mark.skipif(not shutil.which("make"), reason="no make here")
@pytest.mark.parametrize("status", [0, 1, 2])
def test_a_wrong_answer_is_no_error_of_makes(status, tmp_path):
    python = tmp_path / "python"
    python.write_text(f'#!/bin/sh\necho "$@, make: $MAKEFLAGS"\nexit {status}\n')
    python.chmod(0o755)
    done = make("test", "DAY=w2d1", "EX=causal_mask", f"PYTHON={python}")
    assert done.stdout == "-m shared test w2d1 causal_mask, make: \n"
    if done.stderr.endswith("Error 1\n") and "GNU Make 3" in make("--version").stdout:
        pytest.skip("an old make, which says so all the same")
    assert done.returncode == status and ("*** " in done.stderr) == (status == 2)
