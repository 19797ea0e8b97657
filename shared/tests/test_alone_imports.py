"""What a module does while it is imported costs no other module its verdict, and whoever did it is named."""

import pytest
import tiny_day

from shared.learner.verdicts import verdicts
from shared.runner.run import run_day

MODULES = ["one", "three", "two"]
TESTS = "import {0}\nfrom shared.checks import close, exercise\n\n\n"
TESTS += '@exercise("{0}_x")\ndef test_doubles(draw):\n    x = draw(2, 3)\n    close({0}.{0}_x(x), 2 * x)\n'
SOLUTION = "import json\nimport argparse\n\nDATA = json.loads('[2]')\n\n\ndef {0}_x(x):\n    return DATA[0] * x\n"
# What `one` does as it is imported; nothing of this is in the state that is restored after an import.
LEFT = {
    "a function of another module": "import json\njson.loads = None\n",
    "a class of another module": "import argparse, json\njson.JSONDecoder.decode = None\n",
    "what the tests need": "import shared.checks\ndel shared.checks.close\n",
}


def board(folder, **heads: str) -> dict:
    texts = {}
    for name in MODULES:
        texts[f"solution/{name}.py"] = SOLUTION.format(name)
        texts[f"answers/{name}.py"] = heads.get(name, "") + SOLUTION.format(name).replace(
            "DATA = json", "import math\nDATA = [2] if json.loads and __name__ == 'one' else json"
        )
        texts[f"tests/test_{name}.py"] = TESTS.format(name)
    day = tiny_day.build(folder / "w9d1_tiny", {name: [f"{name}_x"] for name in MODULES}, texts)
    found = verdicts(day, run_day(day, "answers", "cpu", seconds=3.0))
    return {verdict.exercise.section: verdict for verdict in found}


@pytest.mark.parametrize("what", LEFT)
def test_the_others_keep_their_verdict_and_the_guilty_one_is_named(tmp_path, what):
    found = board(tmp_path, one=LEFT[what])
    assert {name: verdict.state for name, verdict in found.items()} == {"one": "wrong", "two": "done", "three": "done"}
    assert "importing it changes something for everybody" in found["one"].problem.summary
    assert found["one"].problem.where == "answers/one.py"


def test_a_module_that_fails_by_itself_is_wrong_by_itself(tmp_path):
    found = board(tmp_path, two="1 / 0\n")
    assert {name: verdict.state for name, verdict in found.items()} == {"one": "done", "two": "wrong", "three": "done"}
    assert "ZeroDivisionError" in found["two"].problem.summary


def test_both_ends_of_a_circle_say_what_it_is(tmp_path):
    found = board(tmp_path, one="from two import two_x\n", two="from one import one_x\n")
    assert [found[name].state for name in ("one", "two", "three")] == ["wrong", "wrong", "done"]
    for name in ("one", "two"):
        assert "circular import" in found[name].problem.summary, found[name].problem


def test_only_the_module_that_its_tests_need_is_named(tmp_path):
    found = board(tmp_path, one="1 / 0\n", two="import nowhere\n")
    assert "ZeroDivisionError" in found["one"].problem.summary
    assert "nowhere" in found["two"].problem.summary
    assert found["three"].state == "done"
