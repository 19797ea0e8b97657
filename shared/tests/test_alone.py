"""What an answer leaves behind costs no other exercise its verdict, and whoever left it is named."""

import textwrap

import pytest
import tiny_day

from shared.learner.verdicts import verdicts
from shared.runner.run import run_day

NAMES = ["before", "first", "middle", "last"]
HEAD = "import gc, math, os, random, sys, threading, time\nimport torch\nfrom torch import nn\n\nkept = []\n"
RIGHT = "return 2 * x"
TESTS = """import inside
import numpy
import pytest
import torch

from shared.checks import close, exercise


@pytest.mark.parametrize("name", [pytest.param(name, marks=exercise(name), id=name) for name in {names}])
def test_doubles(name, draw):
    x = draw(2, 3)
    close(getattr(inside, name)(x), 2 * x)


@exercise("last")
def test_uses_what_everybody_uses(draw):
    x = draw(3, 3)
    close(inside.last(x) @ x, 2 * torch.mm(x, x))
    close(torch.linalg.norm(x), (x * x).sum().sqrt())
    assert ([0] * 1000)[999] == 0 and numpy.empty(1 << 30, numpy.uint8).size == 1 << 30
    assert sorted(__import__("json").loads("[2, 1]")) == [1, 2]
"""
# What `first` does before it answers rightly; nothing of this is in the state that is restored after each test.
LEFT_BEHIND = {
    "a function of another module": "import json; json.loads = lambda text: None",
    "a function deep inside torch": "torch.linalg.norm = lambda x: 3 * x.sum()",
    "memory": "import numpy; kept.append(numpy.empty(5 << 30, numpy.uint8))",
    "another exercise": "import inside; inside.last = lambda x: 3 * x",
    "the tests' own module": "sys.modules['test_inside'].close = lambda got, expected: 1 / 0",
}
# What is noticed at once, and put back: `first` itself is wrong.
NOTICED = {
    "sys.stdout": "import io; sys.stdout = io.StringIO()",
    "autocast": "torch.autocast('cpu').__enter__()",
    "a mode": "from torch.utils.flop_counter import FlopCounterMode as F; F(display=False).__enter__()",
    "a device": "torch.device('meta').__enter__()",
    "a hook for all modules": "nn.modules.module.register_module_forward_hook(lambda *_: None)",
    "an operator": "torch.Tensor.__matmul__ = lambda a, b: a",
    "a layer": "nn.Linear.forward = lambda self, x: x",
    "math": "math.sqrt = lambda x: x",
    "random": "random.random = lambda: 0.5",
    "print": "import builtins; builtins.print = lambda *_: None",
    "the recursion limit": "sys.setrecursionlimit(150)",
    "a thread": "threading.Thread(target=lambda: time.sleep(5)).start()",
    "gradients": "torch.set_grad_enabled(False)",
}


def day_with(folder, **bodies: str):
    functions = "\n\n".join(
        f"def {name}(x):\n{textwrap.indent(bodies.get(name, '') + chr(10) + RIGHT, '    ')}\n" for name in NAMES
    )
    solution = HEAD + "\n\n".join(f"def {name}(x):\n    {RIGHT}\n" for name in NAMES)
    files = {"solution/inside.py": solution, "answers/inside.py": HEAD + functions}
    files["tests/test_inside.py"] = TESTS.format(names=NAMES)
    return tiny_day.build(folder / "w9d1_tiny", {"inside": NAMES}, files)


def board(day) -> dict:
    return {v.exercise.name: v for v in verdicts(day, run_day(day, "answers", "cpu", seconds=3.0))}


@pytest.mark.parametrize("what", LEFT_BEHIND)
def test_the_others_keep_their_verdict_and_the_guilty_one_is_named(tmp_path, what):
    found = board(day_with(tmp_path, first=LEFT_BEHIND[what]))
    states = {name: verdict.state for name, verdict in found.items()}
    assert states == {"before": "done", "first": "wrong", "middle": "done", "last": "done"}, found
    assert "changes something for everybody" in found["first"].problem.summary


@pytest.mark.parametrize("what", NOTICED)
def test_a_known_change_is_noticed_and_put_back(tmp_path, what):
    found = board(day_with(tmp_path, first=NOTICED[what]))
    states = {name: verdict.state for name, verdict in found.items()}
    assert states == {"before": "done", "first": "wrong", "middle": "done", "last": "done"}, found
    assert "something for everybody" in found["first"].problem.summary


def test_a_thread_that_uses_up_the_time_of_another_is_named(tmp_path):
    busy = "threading.Thread(target=lambda: [None for _ in iter(int, 1)], daemon=True).start()"
    slow = "began = time.thread_time()\nwhile time.thread_time() - began < 0.4: pass"  # twice, once on a pretended GPU
    day = day_with(tmp_path, first=busy, middle=slow)
    found = {v.exercise.name: v for v in verdicts(day, run_day(day, "answers", "cpu", seconds=1.3))}
    assert {name: v.state for name, v in found.items()} | {"first": ""} == dict.fromkeys(NAMES, "done") | {"first": ""}


def test_what_is_wrong_by_itself_stays_wrong(tmp_path):
    found = board(day_with(tmp_path, middle="x = x + 1", last="x = x + 1"))
    assert {name for name, verdict in found.items() if verdict.state == "wrong"} == {"middle", "last"}


def test_an_environment_variable_is_put_back_without_a_word(tmp_path):
    found = board(day_with(tmp_path, first="os.environ['TMPDIR'] = '/nowhere'; os.environ.pop('HOME', None)"))
    assert all(verdict.state == "done" for verdict in found.values())
