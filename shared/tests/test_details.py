"""What stands below an error's sentence: how to debug, and the keys of a state_dict that doesn't fit."""

import shlex
import subprocess
import sys

import pytest
import tiny_day
import torch
import whole_day
from torch import nn

from shared.runner.process import child_environment
from shared.sandbox.details import asks_the_keyboard, details

NAMES = ["double", "a_function_with_quite_a_long_name_indeed"]


@pytest.fixture(scope="module")
def day(tmp_path_factory):
    return tiny_day.build(
        tmp_path_factory.mktemp("details") / "w9d1_tiny", {"inside": NAMES}, {"solution/inside.py": "", "tests/a": ""}
    )


def test_an_ordinary_error_has_none(day):
    assert details(ValueError("a\nb"), day, "double") == [] == details(ValueError(), day, None)


@pytest.mark.parametrize("python", [".venv/bin/python", "elsewhere"])
@pytest.mark.parametrize("name", NAMES)
def test_who_asks_the_keyboard_is_told_how_to_debug(day, name, python, monkeypatch):
    monkeypatch.delenv("BYO_MAKE", raising=False)
    error = EOFError("EOF when reading a line")
    assert asks_the_keyboard(error) == "input()" and asks_the_keyboard(EOFError("Ran out of input")) == ""
    first, folder, *command = details(error, day, name)
    assert "print() works" in first and "plain pytest" in first and folder.strip() == f"cd {day.name}"
    words = shlex.split(" ".join(command).replace("\\ ", ""))
    assert words == ["python", "-m", "pytest", "tests/test_inside.py", "--only-exercise", name]
    assert all(len(line) < 92 for line in (first, folder, *command))  # none is cut in a terminal of 100 columns
    monkeypatch.setenv("BYO_MAKE", "1")
    monkeypatch.setattr(sys, "executable", str(day.path.parent / python) if "venv" in python else "/opt/python")
    words = shlex.split(" ".join(details(error, day, name)[2:]))
    assert words[0] == ("../.venv/bin/python" if "venv" in python else "/opt/python")


def test_the_debugger_works_in_plain_pytest(tmp_path):
    day = whole_day.whole_day(tmp_path)
    whole_day.answer(day, "inside", ("return x + x", "breakpoint()\n    return x + x"))
    command = [sys.executable, "-m", "pytest", "-p", "shared.sandbox.plugin", "-p", "no:cacheprovider"]
    done = subprocess.run(
        [*command, "tests/test_inside.py", "--only-exercise", "double", "-x"],
        cwd=day.path,
        env=child_environment("cpu"),
        input="p 6 * 7\nq\n",
        capture_output=True,
        text=True,
    )
    assert "(Pdb) 42" in done.stdout and "Quitting debugger" in done.stdout, done.stdout
    assert "changed something" not in done.stdout


@pytest.mark.parametrize("missing, said", [(2, 2), (6, 6), (9, 6)])
def test_the_keys_that_do_not_fit_are_named(day, missing, said):
    module = nn.ModuleList(nn.Linear(2, 2, bias=False) for _ in range(missing + 1))
    with pytest.raises(RuntimeError) as caught:
        module.load_state_dict({"0.weight": torch.ones(3, 3), "other": torch.ones(1)})
    lines = details(caught.value, day, "double")
    names = [f'  "{number}.weight"' for number in range(1, said + 1)]
    more = [f"  and {missing - said} more"] if missing > said else []
    assert lines == [
        "missing in the state_dict:",
        *names,
        *more,
        "unexpected in the state_dict:",
        '  "other"',
        "0.weight has shape [3, 3] in the state_dict, and [2, 2] in the module",
    ]
