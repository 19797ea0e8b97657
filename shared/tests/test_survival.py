"""The runner survives its users: whatever an answer does, its exercise gets a clear verdict, and the others theirs.

One day is run once. Every exercise asks for the same, `2 * x`, and is named after what its answer does instead.
"""

import dataclasses
import textwrap

import pytest
import tiny_day

from shared.course.day import Day
from shared.learner.verdicts import verdicts
from shared.runner.run import run_day

RIGHT = "return 2 * x"


@dataclasses.dataclass
class Bad:
    """An answer, and the verdict that it must get. "# here" marks the line that the verdict must point to; without
    such a line it points to the function."""

    body: str
    says: str  # a part of the summary
    state: str = "wrong"


def bad(body: str, says: str = "", state: str = "wrong") -> Bad:
    return Bad(textwrap.dedent(body).strip("\n"), says, state)


# What an answer does inside a function.
INSIDE = {
    "untouched": bad('raise NotImplementedError("untouched")', state="todo"),
    "own_not_implemented": bad("if x.dim():\n    raise NotImplementedError('later, after lunch')", state="todo"),
    "empty_not_implemented": bad("raise NotImplementedError", state="todo"),
    "torch_not_implemented": bad("return torch.nn.Module()(x)  # here", "missing the required"),
    "uses_untouched": bad("return untouched(x)", "untouched", state="waiting"),
    "exits": bad("sys.exit()  # here", "sys.exit()"),
    "exits_in_success": bad("raise SystemExit(0)  # here", "sys.exit()"),
    "quits_python": bad("os._exit(0)", "ended the whole process"),
    "after_that": bad(RIGHT, state="done"),
    "kills_itself": bad("os.kill(os.getpid(), signal.SIGKILL)", "SIGKILL"),
    "crashes": bad("os.kill(os.getpid(), signal.SIGSEGV)  # here", "SIGSEGV"),
    "loops": bad("while True: pass  # here", "more than 2 seconds"),
    "sleeps": bad("time.sleep(1000)  # here", "more than 2 seconds"),
    "recurses": bad("return recurses(x)  # here", "without end"),
    "allocates_a_tensor": bad("return torch.ones(10 << 30, dtype=torch.uint8) * x  # here", "more memory"),
    "allocates_a_list": bad("return [0] * (10 << 27)  # here", "more memory"),
    "prints": bad("for i in range(1000):\n    print('step\\n' * 1000)\nreturn 3 * x", "every one"),
    "prints_and_is_right": bad("for i in range(100):\n    print('step\\n' * 1000)\nreturn 2 * x", state="done"),
    "prints_forever": bad("while True:\n    print('step' * 10_000)  # here", "without end"),
    "reads_the_keyboard": bad("input('your name? ')  # here\nreturn 2 * x", "input()"),
    "debugs": bad("breakpoint()\nreturn 2 * x  # here", "breakpoint()"),
    "seeds": bad("torch.manual_seed(7); random.seed(7)\nreturn 2 * x", state="done"),
    "sets_the_dtype": bad("torch.set_default_dtype(torch.float64)\nreturn 2 * x", "default dtype"),
    "stops_gradients": bad("torch.set_grad_enabled(False)\nreturn 2 * x", "gradients are switched off"),
    "sets_the_device": bad("torch.set_default_device('meta')\nreturn 2 * x", "default device"),
    "patches": bad("F.relu = lambda x: x\nreturn 2 * x", "torch.nn.functional.relu was replaced"),
    "unpatches": bad("del F.gelu\nreturn 2 * x", "torch.nn.functional.gelu was replaced"),
    "after_those": bad(RIGHT, state="done"),
    "gives_text": bad("return 'a tensor'", "str"),
    "gives_a_list": bad("return (2 * x).tolist()", "list"),
    "gives_nothing": bad("2 * x", "None"),
    "gives_float64": bad("return 2 * x.double()", "float64"),
    "gives_float32": bad("return 2 * x.float()", "float32"),
    "forgets_the_device": bad("return x * torch.tensor([2.0, 2.0, 2.0], dtype=x.dtype)  # here", "on a GPU"),
    "forgets_it_behind_a_mask": bad(
        "some = x > 0\n"
        "y = torch.zeros(x.shape, dtype=x.dtype)\n"
        "y[some] = (2 * x)[some]  # here\n"
        "y[~some] = (2 * x)[~some]\n"
        "return y",
        "on a GPU",
    ),
    "indexes_by_mask": bad(
        "y = torch.empty_like(x)\ny[x > 0], y[x <= 0] = (2 * x)[x > 0], (2 * x)[x <= 0]\nreturn y", state="done"
    ),
    "gives_a_cpu_tensor": bad("return torch.zeros(x.shape, dtype=x.dtype).copy_(2 * x)", "on a GPU"),
    "detaches": bad("return 2 * x.detach()", "grad"),
    "modifies_its_input": bad("with torch.no_grad():\n    x.mul_(2)\nreturn x", "modified its argument `x`"),
    "imports_the_solution": bad(
        "sys.path.insert(0, str(Path(__file__).parent.parent))\n"
        "from solution import inside  # here\n"
        "return inside.exits(x)",
        "reads the reference",
    ),
    "tricks_the_path": bad(
        "sys.path.insert(0, str(Path(__file__).parent.parent / 'solution'))\n"
        "for name in [n for n in sys.modules if n == 'inside']:\n"
        "    del sys.modules[name]\n"
        "import inside\n"
        "return inside.honest(x) * 1.5",
        "every one",
    ),
    "loads_the_file": bad(
        "import importlib.util as u\n"
        "spec = u.spec_from_file_location('s', Path(__file__).parent.parent / 'solution' / 'inside.py')\n"
        "module = u.module_from_spec(spec)\n"
        "spec.loader.exec_module(module)  # here\n"
        "return module.exits(x)",
        "reads the reference",
    ),
    "opens_the_file": bad("exec(open('solution/inside.py').read())  # here", "reads the reference"),
    "opens_from_within": bad("os.chdir('solution')\nexec(open(b'inside.py').read())", "current folder"),
    "skips": bad("pytest.skip('no time')  # here", "ends the test: Skipped"),
    "expects_to_fail": bad("pytest.xfail('too hard')  # here", "ends the test: XFailed"),
    "ends_pytest": bad("pytest.exit('enough', 0)  # here", "ends the test: Exit"),
    "interrupts": bad("raise KeyboardInterrupt  # here", "ends the test: KeyboardInterrupt"),
    "generator_exit": bad("raise GeneratorExit  # here", "GeneratorExit"),
    "leaves": bad("os.chdir('/')\nreturn 2 * x", "current folder"),
    "leaves_and_burns": bad("os.mkdir('gone'); os.chdir('gone'); os.rmdir('../gone')\nreturn 2 * x", "was deleted"),
    "deletes_temp_folders": bad(
        "shutil.rmtree(os.environ['TINY_FOLDER'], ignore_errors=True)\nreturn 2 * x", state="done"
    ),
    "starts_a_thread": bad("threading.Thread(target=time.sleep, args=(60,)).start()\nreturn 2 * x", "thread is still"),
    "replaces_stdout": bad("sys.stdout = open(os.devnull, 'w')\nreturn 2 * x", "sys.stdout"),
    "closes_stdout": bad("sys.stdout.close()\nreturn 2 * x", state="done"),
    "honest": bad(RIGHT, state="done"),
}

HEAD = """import os, random, shutil, signal, sys, threading, time
from pathlib import Path

import pytest
import torch
from torch.nn import functional as F
"""


def module(name: str, before: str = "", body: str = RIGHT) -> str:
    return f"{before}\n\ndef {name}_x(x):\n    {body}\n"


# What a whole file does: its text, and the verdict on its one exercise.
FILES = {
    "syntax": (module("syntax", "x = = 2  # here"), "SyntaxError", "wrong"),
    "imports": (module("imports", "import no_such_package  # here"), "no_such_package", "wrong"),
    "leaver": (module("leaver", "import sys\nsys.exit()  # here"), "sys.exit()", "wrong"),
    "dies": (module("dies", "import os\nos._exit(0)"), "ended the whole process", "wrong"),
    "spins": (module("spins", "while True: pass  # here"), "more than 6 seconds", "wrong"),
    "asks": (module("asks", "name = input()  # here"), "input()", "wrong"),
    "stops": (module("stops", "raise KeyboardInterrupt  # here"), "KeyboardInterrupt", "wrong"),
    "skipper": (module("skipper", "import pytest\npytest.skip('no', allow_module_level=True)  # here"), "no", "wrong"),
    "shouts": (module("shouts", "print('step\\n' * 1_000_000)"), "", "done"),
    "widens": (
        module("widens", "import torch\ntorch.set_default_dtype(torch.float64)"),
        "changes something for everybody",
        "wrong",
    ),
    "peeks": (
        "import sys\nsys.path.append('.')\nfrom solution.peeks import peeks_x  # here\n",
        "reads the reference",
        "wrong",
    ),
    "tabs": ("def tabs_x(x):\n\tif True:\n\t\treturn 2 * x\n", "", "done"),
    "mixed": ("def mixed_x(x):\n\tif True:\n        return 2 * x  # here\n", "TabError", "wrong"),
    "windows": (b"import torch\r\n\r\ndef windows_x(x):\r\n    y = 2 * x\r\n    return y\r\n", "", "done"),
    "mac": (b"def mac_x(x):\r    return 2 * x\r", "", "done"),
    "bom": (b"\xef\xbb\xbfdef bom_x(x):\n    return 2 * x\n", "", "done"),
    "latin": (b"def latin_x(x):\n    y = 'd\xe9j\xe0 vu'\n    return 2 * x\n", "utf-8", "wrong"),
    "nul": (b"def nul_x(x):\n    return 2 * x\n\0\n", "null bytes", "wrong"),
    "utf16": (module("utf16").encode("utf-16"), "null bytes", "wrong"),
    "empty": (b"", "no `empty_x`", "wrong"),
    "renamed": (None, "is missing", "wrong"),
    "deleted": ("def another(x):\n    return 2 * x\n", "no `deleted_x`", "wrong"),
    "later": (
        module("later", "from renamed import renamed_x", "return renamed_x(x)"),
        "renamed.py, which has a problem",
        "wrong",
    ),
    "wants": (
        module("wants", "from deleted import deleted_x", "return deleted_x(x)"),
        "deleted.py, which has a problem",
        "wrong",
    ),
    "follows": (module("follows", "import dies", "return dies.dies_x(x)"), "dies.py, which has a problem", "wrong"),
    "wishes": (module("wishes", "from inside import no_such_thing  # here"), "no_such_thing", "wrong"),
    "stub": (module("stub", "from inside import untouched\nTABLE = untouched(3)"), "inside.py", "waiting"),
    "neighbour": (module("neighbour", "from inside import honest", "return honest(x)"), "", "done"),
}

TESTS = '''"""The same two tests for every exercise: it doubles, and the world is as it was."""

import os
import random

import {module}
import pytest
import torch
from torch.nn import functional as F

from shared.checks import close, exercise, same_gradients

HERE = os.getcwd()


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("TINY_FOLDER", str(tmp_path))


@pytest.mark.parametrize("name", [pytest.param(name, marks=exercise(name), id="it") for name in {names}])
def test_doubles(name, draw):
    assert torch.get_default_dtype() == torch.float32 and torch.is_grad_enabled(), "torch was left changed"
    assert F.relu(torch.tensor(-1.0)) == 0 and F.gelu
    assert torch.get_default_device().type == "cpu" and os.getcwd() == HERE
    assert random.random() == 0.8444218515250481, "the seed is not what it was"
    x = draw(2, 3)
    close(getattr({module}, name)(x), 2 * x)
    x = draw(4, 3, dtype=torch.float64)
    close(getattr({module}, name)(x), 2 * x)
    same_gradients(getattr({module}, name), lambda x: 2 * x, draw(5, 3))
'''


def inside(bodies: dict[str, str]) -> str:
    functions = [f"def {name}(x):\n{textwrap.indent(body, '    ')}\n" for name, body in bodies.items()]
    return HEAD + "\n\n" + "\n\n".join(functions)


@pytest.fixture(scope="module")
def board(tmp_path_factory):
    """(the day, exercise -> its verdict)."""
    sections = {"inside": list(INSIDE)} | {name: [f"{name}_x"] for name in FILES}
    files = {"solution/inside.py": inside(dict.fromkeys(INSIDE, RIGHT))}
    files["answers/inside.py"] = inside({name: answer.body for name, answer in INSIDE.items()})
    for name, (text, *_) in FILES.items():
        files[f"solution/{name}.py"] = module(name)
        if text is not None:
            files[f"answers/{name}.py"] = text
    for name, exercises in sections.items():
        files[f"tests/test_{name}.py"] = TESTS.format(module=name, names=exercises)
    day = tiny_day.build(tmp_path_factory.mktemp("survival") / "w9d1_tiny", sections, files)
    results = run_day(day, "answers", "cpu", seconds=2.0)
    assert not results.uncollected
    return day, {verdict.exercise.name: verdict for verdict in verdicts(day, results)}


def expected_place(day: Day, module: str, name: str) -> str:
    """The marked line, else the function's."""
    file = day.path / "answers" / f"{module}.py"
    lines = file.read_bytes().decode(errors="replace").splitlines() if file.is_file() else []
    start = next((n for n, line in enumerate(lines) if line.startswith(f"def {name}(")), 0)
    end = next((n for n, line in enumerate(lines) if n > start and line.startswith("def ")), len(lines))
    if module != "inside":
        start, end = 0, len(lines)
    marked = [n + 1 for n in range(start, end) if "# here" in lines[n]]
    number = marked[0] if marked else start + 1
    return f"answers/{module}.py:{number}"


@pytest.mark.parametrize("name", INSIDE)
def test_an_answer(board, name):
    day, found = board
    verdict, answer = found[name], INSIDE[name]
    summary = verdict.problem.summary if verdict.problem else verdict.text()
    assert verdict.state == answer.state, summary
    assert answer.says in summary
    if verdict.state == "wrong":
        assert verdict.problem.where == expected_place(day, "inside", name), summary


@pytest.mark.parametrize("name", FILES)
def test_a_file(board, name):
    day, found = board
    verdict, (text, says, state) = found[f"{name}_x"], FILES[name]
    summary = verdict.problem.summary if verdict.problem else verdict.text()
    assert verdict.state == state, summary
    assert says in summary
    if text and "# here" in str(text):
        assert verdict.problem.where == expected_place(day, name, f"{name}_x"), summary
    elif verdict.problem:
        guilty = {"later": "renamed", "wants": "deleted", "follows": "dies"}.get(name, name)
        assert verdict.problem.where.startswith(f"answers/{guilty}.py")
