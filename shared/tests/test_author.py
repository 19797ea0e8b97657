"""`make check` on a small made-up day: sound as it stands, and each planted defect is found."""

# ruff: noqa: E501 (the tables of defects read best with one a line)

import json
import re

import pytest

from shared.author import check as author
from shared.author import repository, tables
from shared.author.check import skeleton_passes, static_defects
from shared.author.rules import TestFile
from shared.course.day import Day
from shared.course.fences import write_skeleton

README = """# W9D1 · Counting

Count things, [slowly](#2-counter-how-many-so-far).

## 1. Numbers: one, two

### `double`
*difficulty 1/5 · importance 5/5 · 20 minutes · `numbers_.py`*

Twice as much.

<details><summary>Hint: how often?</summary>Two times.</details>

## 2. Counter: how many so far

### `Counter`
*difficulty 2/5 · importance 3/5 · 300 minutes · `counter.py`*

It counts. ![a picture](images/count.svg)

<details><summary>Hint: where?</summary>In an attribute.</details>
"""
NUMBERS = '''"""Numbers."""


def double(x):
    """Twice x.

    >>> double(2)
    4
    """
    # BEGIN SOLUTION
    # TODO: twice as much.
    return 2 * x
    # END SOLUTION
'''
COUNTER = '''"""Counting."""


class Counter:
    """Counts."""

    def __init__(self):
        # BEGIN SOLUTION
        self.n = 0
        # END SOLUTION

    def add(self, n):
        """Adds n and gives the count."""
        # BEGIN SOLUTION
        self.n = self.n + n
        return self.n
        # END SOLUTION
'''
TEST_NUMBERS = """import numbers_
import pytest

from shared.checks import equal, exercise


@exercise("double")
@pytest.mark.parametrize("x", [3, -1])
def test_is_twice_as_much(x):
    equal(numbers_.double(x), x + x)
"""
TEST_COUNTER = """import counter

from shared.checks import equal, exercise


@exercise("Counter")
def test_counts_on():
    mine = counter.Counter()
    equal([mine.add(2), mine.add(3)], [2, 5])
"""
VARIANTS = """[[double.wrong]]
says = "Three times."
old = "2 * x"
new = "3 * x"
[[double.wrong]]
says = "Once."
body = "return x"
[[double.wrong]]
says = "Half."
body = "return x / 2"
[[double.right]]
says = "a sum"
body = "return x + x"
"""
COUNTER_VARIANTS = """[[Counter.wrong]]
says = "It starts at one."
old = "self.n = 0"
new = "self.n = 1"
[[Counter.wrong]]
says = "It forgets."
old = "self.n + n"
new = "n"
[[Counter.wrong]]
says = "It goes down."
old = "self.n + n"
new = "self.n - n"
[[Counter.right]]
says = "in place"
old = "self.n = self.n + n"
new = "self.n += n"
"""
FILES = {
    "README.md": README,
    "AGENTS.md": "The day's text is [here](README.md).\n",
    "solution/numbers_.py": NUMBERS,
    "solution/counter.py": COUNTER,
    "tests/test_numbers_.py": TEST_NUMBERS,
    "tests/test_counter.py": TEST_COUNTER,
    "variants/numbers_.toml": VARIANTS,
    "variants/counter.toml": COUNTER_VARIANTS,
    "images/count.svg": "<svg/>",
}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A course of one day, w9d1_count, without git."""
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    monkeypatch.setenv("BYO_ROOT", str(tmp_path))
    monkeypatch.setattr(author, "WORDS", 60)
    (tmp_path / "pyproject.toml").write_text("[tool.ruff]\nlint.select = ['E', 'F']\n")
    readme = README.replace("## 1. Numbers:", "## 1. Numbers_:")
    for name, text in {**FILES, "README.md": readme}.items():
        file = tmp_path / "w9d1_count" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    write_skeleton(Day(tmp_path / "w9d1_count"))
    return tmp_path / "w9d1_count"


def edit(file, old, new):
    """Replaces what stands in a file exactly once; "" as `old` appends."""
    text = file.read_text(encoding="utf-8")
    assert not old or text.count(old) == 1, f"{old!r} occurs {text.count(old)} times in {file.name}"
    file.write_text(text.replace(old, new) if old else text + new, encoding="utf-8")


def test_a_sound_day_has_no_defect(folder):
    assert static_defects(Day(folder)) == []


CHECKED = '\n\n@exercise("double")\ndef test_more():\n'  # what a planted test starts with
SKIP = "sk" + "ip"

DEFECTS = {
    # README and hints
    "no hint": ("README.md", "<details><summary>Hint: how often?</summary>Two times.</details>", "", r"README.md:7: double: it has no hint"),
    "too many words": ("README.md", "It counts.", "word " * 60, r"\d+ words outside hints and code, a guide is 60"),
    "a core too short": ("README.md", "300 minutes", "30 minutes", r"the core takes 50 minutes"),
    "a lost picture": ("README.md", "images/count.svg", "images/gone.svg", r"README.md:19: images/gone.svg is not there"),
    "a lost heading": ("README.md", "so-far)", "so-near)", r"README.md:3: README.md has no heading #2-counter-how-many-so-near"),
    "a lost link": ("AGENTS.md", "README.md", "READYOU.md", r"AGENTS.md:1: READYOU.md is not there"),
    # Exercises, fences, tests, variants: each way round
    "no fence": ("solution/numbers_.py", "    # BEGIN SOLUTION\n    # TODO: twice as much.\n    return 2 * x\n    # END SOLUTION\n", "    return 2 * x\n", r"README.md:7: double: solution/numbers_.py has no fence"),
    "a fence of nobody": ("solution/numbers_.py", "", "\n\ndef other(x):\n    # BEGIN SOLUTION\n    return x\n    # END SOLUTION\n", r"solution/numbers_.py:17: the README has no exercise other"),
    "a fence left open": ("solution/counter.py", "        return self.n\n        # END SOLUTION\n", "        return self.n\n", r"solution/counter.py:14: this fence is never closed"),
    "no test": ("tests/test_counter.py", '@exercise("Counter")', '@exercise("Cuonter")', r"README.md:16: Counter: tests/test_counter.py has no test"),
    "a test of nobody": ("tests/test_counter.py", '@exercise("Counter")', '@exercise("Cuonter")', r"tests/test_counter.py:7: test_counts_on: the README has no exercise Cuonter"),
    "a test without a marker": ("tests/test_counter.py", "", "\n\ndef test_more():\n    equal(counter.Counter().add(1), 1)\n", r"test_more belongs to no exercise"),
    "a test in another's file": ("tests/test_counter.py", '@exercise("Counter")', '@exercise("double")', r"tests of double stand in test_numbers_.py"),
    "an unreadable test": ("tests/test_counter.py", "", "\ndef (:\n", r"tests/test_counter.py:\d+: it does not parse"),
    "two wrong ones": ("variants/numbers_.toml", '[[double.wrong]]\nsays = "Once."\nbody = "return x"\n', "", r"README.md:7: double: variants/numbers_.toml has 2 wrong of it, at least 3"),
    "no right one": ("variants/numbers_.toml", '[[double.right]]\nsays = "a sum"\nbody = "return x + x"\n', "", r"double: it takes 20 minutes, and variants/numbers_.toml has no right one"),
    "a variant of nobody": ("variants/numbers_.toml", "", '[[triple.wrong]]\nsays = "x"\nbody = "return x"\n', r"variants/numbers_.toml: this section has no exercise 'triple'"),
    "a variant that doesn't fit": ("variants/numbers_.toml", 'old = "2 * x"', 'old = "7 * x"', r"variants/numbers_.toml:1: double.wrong #1: `old` occurs 0 times"),
    "a variant that doesn't compile": ("variants/numbers_.toml", 'body = "return x / 2"', 'body = "return x /"', r"variants/numbers_.toml:8: double.wrong #3: .* does not compile"),
    "a variant that changes nothing": ("variants/numbers_.toml", 'body = "return x / 2"', 'body = "return 2 * x  # so"', r"double.wrong #3: it changes nothing"),
    "one variant twice": ("variants/numbers_.toml", 'body = "return x / 2"', 'body = "return x  # so"', r"double.wrong #3: it is the same code as double.wrong #2"),
    "a diagnosis too long": ("variants/counter.toml", "It forgets.", "It forgets. " * 20, r"variants/counter.toml:\d+: Counter.wrong #2: `says` has 240 characters"),
    # Code
    "a stale skeleton": ("skeleton/numbers_.py", "twice as much", "thrice as much", r"skeleton/numbers_.py differs"),
    "a wrong example": ("solution/numbers_.py", "    4\n", "    5\n", r"solution/numbers_.py:7: the example `double\(2\)` gives 4"),
    "an example that raises": ("solution/numbers_.py", "double(2)", "double(None)", r"numbers_.py:7: the example `double\(None\)` gives TypeError"),
    "an import that fails": ("solution/numbers_.py", '"""Numbers."""\n', '"""Numbers."""\n\nimport nosuchmodule  # noqa: F401\n', r"solution/numbers_.py:1: it does not import: ModuleNotFoundError"),
    "a solution too long": ("solution/counter.py", "", "# more\n" * 340, r"solution/counter.py:350: it has 3\d\d lines"),
    "bad style": ("solution/counter.py", '"""Counting."""\n', '"""Counting."""\n\nimport os\n', r"solution/counter.py:3:8: F401"),
    "bad format": ("solution/counter.py", "self.n = 0", "self.n  =  0", r"solution/counter.py:\d+.*`ruff format` would change it"),
    "a machine's path": ("solution/counter.py", '"""Counting."""', '"""Counting, see /wo' + 'rk/notes."""', r"solution/counter.py:1: /wo" + "rk is a place on one machine"),
    "a strange host": ("README.md", "Twice as much.", "Twice, htt" + "ps://mirror.local/simple says.", r"README.md:10: an address on mirror.local"),
    # What tests must not do
    "from a module": ("tests/test_counter.py", "import counter\n", "import counter\nfrom counter import Counter  # noqa: F401\n", r"tests/test_counter.py:2: `import counter`, not `from` it"),
    "a slow import": ("tests/test_counter.py", "import counter\n", "import counter\nimport transformers.models  # noqa: F401\n", r"test_counter.py:2: transformers.models takes seconds"),
    "a test left out": ("tests/test_numbers_.py", "", f'{CHECKED}    pytest.{SKIP}("no")\n    equal(numbers_.double(1), 2)\n', r"test_numbers_.py:15: nothing is ever skipped: skip"),
    "a test marked so": ("tests/test_numbers_.py", "@pytest.mark.parametrize", f"@pytest.mark.{SKIP}if(True)\n@pytest.mark.parametrize", r"nothing is ever skipped: skipif"),
    "assert under if": ("tests/test_numbers_.py", "", f"{CHECKED}    if numbers_.double(1):\n        assert numbers_.double(1) == 2\n", r"test_numbers_.py:16: an assert under an `if`"),
    "a check under if": ("tests/test_numbers_.py", "", f"{CHECKED}    if numbers_.double(1):\n        equal(numbers_.double(1), 2)\n", r"`equal` under an `if`"),
    "a swallowed error": ("tests/test_numbers_.py", "", f"{CHECKED}    try:\n        equal(numbers_.double(1), 2)\n    except ValueError:\n        pass\n", r"test_numbers_.py:17: this `except` swallows"),
    "a caught everything": ("tests/test_numbers_.py", "", f"{CHECKED}    try:\n        equal(numbers_.double(1), 2)\n    except Exception:\n        print(1)\n", r"this `except` swallows"),
    "a suppressed error": ("tests/test_numbers_.py", "", f"{CHECKED}    with contextlib.suppress(ValueError):\n        equal(numbers_.double(1), 2)\n", r"`suppress` swallows"),
    "a tolerance by position": ("tests/test_numbers_.py", "", f"{CHECKED}    assert torch.allclose(numbers_.double(1), 2, 1e-3)\n", r"allclose: tolerances are given by keyword"),
    "a test without a check": ("tests/test_numbers_.py", "", f"{CHECKED}    torch.equal(numbers_.double(1), 2)\n", r"test_numbers_.py:14: test_more checks nothing"),
    "a test of a shape": ("tests/test_numbers_.py", "", f"{CHECKED}    x = numbers_.double(1)\n    equal(tuple(x.shape), (2,))\n    assert x.ndim == 1\n", r"test_more checks a shape and nothing else"),
}  # fmt: skip


@pytest.mark.parametrize("what", DEFECTS)
def test_each_planted_defect_is_found(what, folder, monkeypatch):
    name, old, new, said = DEFECTS[what]
    for slow, needed in (("ruff", "bad "), ("examples_fail", "example|import")):  # each starts a process
        if not re.search(needed, what):
            monkeypatch.setattr(author, slow, lambda _: [])
    edit(folder / name, old, new)
    lines = static_defects(Day(folder))
    assert all(line.startswith(("w9d1_count/", "ruff")) for line in lines)
    assert [line for line in lines if re.search(said, line)], lines


@pytest.mark.parametrize("name, whose", [("queue", "Python's own"), ("pytest", "the installed")])
def test_a_module_that_hides_another(name, whose, folder):
    (folder / "solution" / f"{name}.py").write_text("")
    assert f"w9d1_count/solution/{name}.py:1: its name hides {whose} module {name}" in static_defects(Day(folder))


def test_ruff_missing_is_a_defect(folder, monkeypatch):
    monkeypatch.setattr(repository, "find_spec", lambda name: None)
    assert any("ruff is not installed" in line for line in static_defects(Day(folder)))


def test_markers_are_read_however_they_are_given(tmp_path):
    file = tmp_path / "test_x.py"
    file.write_text(
        """
KINDS = ["a", "b"]
each = pytest.mark.parametrize("kind", [pytest.param(k, marks=exercise(k)) for k in KINDS])
WAYS = {"c": 1, "d": 2}
ways = pytest.mark.parametrize("way", [pytest.param(w, marks=exercise(k)) for k, w in WAYS.items()])
CELLS = [pytest.param(k, marks=exercise(f"{k}Cell")) for k in ("RNN", "GRU")]
mine = exercise("f")
@each
def test_1(kind): ...
@ways
def test_2(way): ...
@pytest.mark.parametrize("kind", CELLS)
def test_3(kind): ...
@mine
class TestMine:
    def test_4(self): ...
@exercise(names())
def test_5(): ...
"""
    )
    found = {test.name: set(test.exercises) for test in TestFile(file, set()).tests()}
    assert found == {
        "test_1": {"a", "b"},
        "test_2": {"c", "d"},
        "test_3": {"RNNCell", "GRUCell"},
        "test_4": {"f"},
        "test_5": {"?"},
    }


def test_helpers_that_check_count_as_checks(tmp_path):
    file = tmp_path / "test_x.py"
    file.write_text(
        """
import pytest
from shared.checks import close as near, exercise
from shared.checks import basic as checks
class Case:
    def verify(self): near(1, 1)
def inner(x): near(x, 1)
def outer(x): inner(x)
def test_1(): outer(1)
def test_2(): Case().verify()
def test_3():
    with pytest.raises(ValueError): f()
def test_4(): checks.close(1, 1)
def test_5():
    try: f()
    except ValueError as error: checks.equal(str(error), "x")
"""
    )
    assert TestFile(file, set()).broken_rules() == []


def test_the_skeleton_is_run(folder):
    given = '\n\n@exercise("double")\ndef test_tests_nothing():\n    equal(1, 1)\n'
    edit(folder / "tests/test_numbers_.py", "", given)
    edit(folder / "tests/test_counter.py", "", given.replace("double", "Counter").replace("1, 1", "1, 2"))
    lines = skeleton_passes(Day(folder))
    assert (
        len(lines) == 2 and lines[0] == "w9d1_count/tests/test_numbers_.py::test_tests_nothing passes on the skeleton"
    )
    assert "test_counter.py::test_tests_nothing fails on the skeleton instead of reaching a stub" in lines[1]


# ---- The course

FIGURES = dict(day="w9d1_count", wrong=64, rejected=64, diagnosed=57, right=14, accepted=14)
FIGURES |= dict(mutants=400, killed=390, explained=10, seconds=100.0)


@pytest.fixture
def whole(folder):
    """A sound course around that day."""
    root = folder.parent
    (folder / "strength.json").write_text(json.dumps(FIGURES))
    for name in ("AGENTS.md", "CHANGELOG.md", "LICENSE"):
        (root / name).write_text("text\n")
    (root / "README.md").write_text(
        "# Course\n\n<!-- days -->\n<!-- /days -->\n\n<!-- strength --><!-- /strength -->\n"
    )
    (root / "shared/files/stories").mkdir(parents=True)
    (root / "shared/files/a.txt").write_text("a\n")
    (root / "shared/files/stories/config.json").write_text("{}\n")
    (root / "shared/files/SOURCES.md").write_text("`a.txt` from nowhere; `stories/` is ours\n")
    tables.write_tables(root, [Day(folder)])
    return root


def test_a_sound_course_has_no_defect(whole):
    assert repository.check_course([Day(whole / "w9d1_count")]) == []


def test_the_tables_tell_what_there_is(whole):
    text = (whole / "README.md").read_text()
    count = "| [w9d1_count](w9d1_count/README.md) · Counting | Count things, slowly. | 5 h 20 | CPU or GPU | ready |"
    assert count in text.splitlines()
    assert text.index("w1d1_tensors") < text.index("w2d1_gpt2") < text.index("w4d1_rl")
    assert text.count("not yet") == 10
    strong = "| w9d1_count (stale: the day changed since) | 64 of 64 | 57 of 64 (89 %) | 14 of 14 | 390 of 400 (97 %), 10 of 10 survivors explained |"
    assert strong in text.splitlines()
    assert tables.write_tables(whole, [Day(whole / "w9d1_count")]) == []


def test_a_day_says_itself_what_one_builds(whole):
    edit(
        whole / "w9d1_count/README.md",
        "Count things",
        "<!-- builds: a\ncounter | --><!-- runs: CPU -->\n\nCount things",
    )
    assert "· Counting | a counter \\| | 5 h 20 | CPU | ready |" in tables.days_table([Day(whole / "w9d1_count")])


@pytest.mark.parametrize("minutes, text", [(415, "6 h 55"), (360, "6 h"), (305, "5 h 05")])
def test_hours(minutes, text):
    assert tables.hours(minutes) == text


COURSE_DEFECTS = {
    "stale days": ("w9d1_count/README.md", "20 minutes", "25 minutes", r"README.md:3: the table of days is stale"),
    "stale figures": ("w9d1_count/strength.json", "390", "391", r"README.md:\d+: the table of strength is stale"),
    "no figures": ("w9d1_count/strength.json", "390", '"x"', r"strength.json: `.* strength` has not measured it"),
    "no markers": ("README.md", "<!-- /days -->", "", r"README.md:1: it has no <!-- days -->"),
    "a lost link": ("CHANGELOG.md", "", "[a](gone.md)\n", r"CHANGELOG.md:2: gone.md is not there"),
    "data of unknown source": (
        "shared/files/SOURCES.md",
        "`a.txt`",
        "a.txt",
        r"shared/files/a.txt: .*where it comes from",
    ),
    "a folder of unknown source": (
        "shared/files/SOURCES.md",
        "`stories/`",
        "it",
        r"shared/files/stories/config.json: ",
    ),
    "a module too long": ("shared/x.py", "", "# more\n" * 251, r"shared/x.py:250: it has 251 lines"),
    "a machine's path": ("shared/x.py", "", "# /ro" + "ot/x\n", r"shared/x.py:1: /ro" + "ot is a place"),
    "bad style": ("shared/x.py", "", "import os\n", r"shared/x.py:1:8: F401"),
}


@pytest.mark.parametrize("what", COURSE_DEFECTS)
def test_each_defect_of_the_course_is_found(what, whole):
    name, old, new, said = COURSE_DEFECTS[what]
    (whole / "shared/x.py").touch()
    edit(whole / name, old, new)
    lines = repository.check_course([Day(whole / "w9d1_count")])
    assert [line for line in lines if re.search(said, line)], lines


def test_missing_files_are_named(whole):
    names = ("README.md", "CHANGELOG.md", "AGENTS.md", "w9d1_count/AGENTS.md")
    for name in names:
        (whole / name).unlink()
    assert {f"{name} is missing" for name in names} <= set(repository.check_course([Day(whole / "w9d1_count")]))


def test_sizes_are_limited(whole, monkeypatch):
    monkeypatch.setattr(repository, "FILE_SIZE", 100)
    monkeypatch.setattr(repository, "TREE_SIZE", 200)
    lines = repository._sizes(whole, ["README.md", "LICENSE", "w9d1_count/README.md"])
    assert [line.partition(":")[0] for line in lines] == ["README.md", "w9d1_count/README.md", "."]
