"""What a pair does with its own files, however broken these are."""

import ast
import itertools
import re

import pytest

from shared import answers
from shared.answers import AnswerError, hint, reset, show, start, take
from shared.day import Day, UnknownExercise
from shared.definitions import Source
from shared.fences import cut, strip
from shared.transplant import transplant

SOLUTION = '''"""Attention.

def mask(length): text in column 0 of a docstring
"""

from __future__ import annotations

import math
from itertools import (
    chain,
    product,
)

SCALE = 2.0


def mask(
    length: int,
    wide: bool = False,
) -> list:
    """True where a query may not look.

>>> mask(2)
def not_a_definition(x):
# not a comment
    """
    # BEGIN SOLUTION
    # TODO: compare positions.
    rows = [
        [j > i for j in range(length)]
for i in range(length)
    ]
# a remark in column 0
    return rows
    # END SOLUTION


# What heads are for.
# They look at different things.
@staticmethod
@(lambda f: f)
def heads(x):
    # BEGIN SOLUTION
    return list(chain(x)) + ["""
class Fake:
""", '#', "\\"("]
    # END SOLUTION


class Attention:
    """Many heads."""

    size = 3

    def __init__(self, size):
        # BEGIN SOLUTION
        self.size = size
        # END SOLUTION

    # How big it is.
    @property
    def area(self):
        return self.size**2

    def forward(self, x, mask=None):
        """One step.

        def area(self): text
        """
        # BEGIN SOLUTION
        # TODO: scale,
        #   then add.
        if mask:
            return 0
        return x * math.sqrt(self.size)
        # END SOLUTION

    async def stream(self):
        # BEGIN SOLUTION
        return list(product(self.size))
        # END SOLUTION


def last(x):
    # BEGIN SOLUTION
    return x[-1]
    # END SOLUTION


if __name__ == "__main__":
    print(last([1]))
'''

README = (
    "# W2D1 · GPT-2\n\n## 1. Attention\n\n"
    + "".join(
        f"### `{name}`\n*difficulty 1/5 · importance 3/5 · 5 minutes · `attention.py`*\n\n"
        for name in ("mask", "heads", "Attention", "Attention.forward", "Attention.stream", "last", "ghost")
    ).replace(
        "### `heads`",
        "<details><summary>One</summary>1</details>\n<details><summary>Two</summary>2</details>\n\n### `heads`",
    )
    + "## 2. Plain\n"
)
EXERCISES = ("mask", "heads", "Attention.forward", "Attention.stream", "last")
STRIPPED, SKELETON = strip(SOLUTION), cut(SOLUTION, "attention.py")


@pytest.fixture
def day(tmp_path):
    folder = tmp_path / "w2d1_gpt2"
    (folder / "solution").mkdir(parents=True)
    (folder / "README.md").write_text(README, encoding="utf-8")
    (folder / "solution" / "attention.py").write_bytes(SOLUTION.encode())
    (folder / "solution" / "plain.py").write_bytes(b"x = 1\n")
    (folder / "skeleton").mkdir()
    (folder / "skeleton" / "attention.py").write_bytes(SKELETON.encode())
    (folder / "skeleton" / "plain.py").write_bytes(b"x = 1\n")
    return Day(folder)


def mine(day):
    return (day.path / "answers" / "attention.py").read_bytes().decode()


def write(day, text):
    (day.path / "answers").mkdir(exist_ok=True)
    (day.path / "answers" / "attention.py").write_bytes(text if isinstance(text, bytes) else text.encode())


def parts(text):
    """Every definition's own text, by name; methods too."""
    found = {}
    for node in ast.parse(text).body:
        for name, part in [(getattr(node, "name", None), node)] + [
            (f"{node.name}.{sub.name}", sub)
            for sub in getattr(node, "body", [])
            if isinstance(node, ast.ClassDef) and hasattr(sub, "name")
        ]:
            if name:
                found[name] = ast.get_source_segment(text, part)
    return found


def test_start_copies_and_keeps(day):
    assert start(day) == ["made answers/attention.py", "made answers/plain.py"]
    assert mine(day) == SKELETON
    write(day, "mine")
    (day.path / "answers" / "plain.py").unlink()
    assert start(day) == ["kept answers/attention.py, which was there already", "made answers/plain.py"]
    assert mine(day) == "mine"


def test_start_without_skeleton_says_so(day):
    for file in (day.path / "skeleton").iterdir():
        file.unlink()
    with pytest.raises(AnswerError, match="no skeleton"):
        start(day)


def test_hints_come_one_by_one(day):
    assert [hint(day, "mask", level) and hint(day, "mask", level).title for level in (-1, 0, 1, 2, 3)] == [
        None,
        None,
        "One",
        "Two",
        None,
    ]
    with pytest.raises(UnknownExercise):
        hint(day, "maks", 1)


def test_show_is_the_whole_definition_without_markers_and_prompts(day):
    shown = show(day, "mask")
    assert shown.startswith("def mask(\n") and shown.endswith("    return rows\n")
    assert "# a remark in column 0" in shown and "TODO" not in shown and "SOLUTION" not in shown
    assert show(day, "heads").startswith("@staticmethod\n@(lambda f: f)\ndef heads(x):\n")
    assert show(day, "heads").endswith('"\\\\"("]\n'.replace("\\\\", "\\"))
    assert show(day, "Attention").endswith("        return list(product(self.size))\n")
    assert show(day, "last") == "def last(x):\n    return x[-1]\n"


def test_show_of_a_method_is_dedented(day):
    assert show(day, "Attention.forward").startswith("def forward(self, x, mask=None):\n    ")
    assert show(day, "Attention.stream") == "async def stream(self):\n    return list(product(self.size))\n"


def test_an_exercise_that_the_solution_lacks_is_named(day):
    with pytest.raises(AnswerError, match=r"solution/attention.py does not define ghost"):
        show(day, "ghost")
    with pytest.raises(AnswerError, match="ghost"):
        take(day, "ghost")


def test_take_starts_the_day_and_says_where(day):
    change = take(day, "last")
    assert change.path == day.path / "answers" / "attention.py"
    assert change.backup is None and "last" in change.what
    assert (day.path / "answers" / "plain.py").exists()
    assert mine(day) == SKELETON.replace('    raise NotImplementedError("last")', "    return x[-1]")


@pytest.mark.parametrize("order", list(itertools.permutations(EXERCISES))[::17])
def test_taking_all_gives_the_solution_and_resetting_all_the_skeleton(day, order):
    for name in (*order, "Attention"):
        take(day, name)
    assert mine(day) == STRIPPED
    for name in (*order, "Attention"):
        reset(day, name)
    assert mine(day) == SKELETON


@pytest.mark.parametrize("name", [*EXERCISES, "Attention"])
def test_windows_line_ends_and_a_mark_are_kept(day, name):
    write(day, b"\xef\xbb\xbf" + SKELETON.replace("\n", "\r\n").encode())
    take(day, name)
    text = mine(day)
    assert text.startswith("\ufeff") and text.count("\n") == text.count("\r\n")
    assert parts(text[1:].replace("\r\n", "\n"))[name] == parts(STRIPPED)[name]
    reset(day, name)
    assert mine(day) == "\ufeff" + SKELETON.replace("\n", "\r\n")


def test_a_change_keeps_the_old_text(day):
    start(day)
    first, second = take(day, "mask"), reset(day, "mask")
    assert first.backup.parent == day.path / ".byo" / "backup" and re.fullmatch(
        r"attention-\d{8}-\d{6}\.py", first.backup.name
    )
    assert first.backup.read_text() == SKELETON and "j > i" in second.backup.read_text()
    assert first.backup != second.backup


def test_taking_twice_changes_and_keeps_nothing(day):
    take(day, "mask")
    change = take(day, "mask")
    assert change.backup is None and "did not change" in change.what


def test_a_missing_file_is_made_first(day):
    start(day)
    (day.path / "answers" / "attention.py").unlink()
    take(day, "mask")
    assert parts(mine(day))["mask"] == parts(STRIPPED)["mask"]
    assert "NotImplementedError" in parts(mine(day))["last"]


@pytest.mark.parametrize("name", ["attention", "attention.py"])
def test_reset_puts_a_whole_file_back(day, name):
    write(day, "((((")
    change = reset(day, name)
    assert mine(day) == SKELETON and change.backup.read_text() == "(((("


def test_reset_of_a_file_starts_the_day(day):
    assert reset(day, "plain").backup is None
    assert mine(day) == SKELETON


@pytest.mark.parametrize("name", ["atention", "maks", "../README"])
def test_reset_of_something_unknown_says_so(day, name):
    with pytest.raises(UnknownExercise, match="no file"):
        reset(day, name)
    assert not (day.path / "answers").exists()


def without(text, name):
    """The text without a function, method or class, its decorators and the comments above."""
    lines = text.splitlines(keepends=True)
    for node in ast.walk(ast.parse(text)):
        if getattr(node, "name", None) == name:
            first = min([node.lineno, *(item.lineno for item in node.decorator_list)]) - 1
            while lines[first - 1].lstrip().startswith("#"):
                first -= 1
            return "".join(lines[:first] + lines[node.end_lineno :])
    raise AssertionError(name)


@pytest.mark.parametrize("name", [*EXERCISES, "Attention"])
def test_a_deleted_definition_comes_back_where_it_was(day, name):
    take(day, name)
    expected = mine(day)
    write(day, without(SKELETON, name.rpartition(".")[2]))
    take(day, name)
    assert mine(day) == expected


def test_a_deleted_class_comes_back_with_the_method_taken(day):
    write(day, without(SKELETON, "Attention"))
    take(day, "Attention.forward")
    found = parts(mine(day))
    assert list(found) == list(parts(STRIPPED))
    assert found["Attention.forward"] == parts(STRIPPED)["Attention.forward"]
    assert "NotImplementedError" in found["Attention.stream"]


@pytest.mark.parametrize(
    "stub", ["class Attention: pass\n", "class Attention:\n", "class Attention(\n", "class Attention"]
)
def test_a_class_without_room_for_a_method_is_mended(day, stub):
    write(day, "import math\n\n\n" + stub)
    take(day, "Attention.forward")
    assert parts(mine(day))["Attention.forward"] == parts(STRIPPED)["Attention.forward"]


def test_an_empty_file_gets_the_definition_and_its_imports(day):
    write(day, "")
    take(day, "heads")
    text = mine(day)
    assert text.startswith("from __future__ import annotations\nimport math\nfrom itertools import chain, product\n\n")
    assert "# They look at different things.\n@staticmethod\n" in text
    assert parts(text)["heads"] == parts(STRIPPED)["heads"]


def test_missing_imports_go_below_the_pairs_own(day):
    write(day, '"""Mine."""\n\nimport os\nfrom itertools import chain as product, chain\n\n\ndef last(x):\n    pass\n')
    take(day, "last")
    assert mine(day) == (
        '"""Mine."""\nfrom __future__ import annotations\n\nimport os\nfrom itertools import chain as product, chain\n'
        "import math\nfrom itertools import product\n\n\ndef last(x):\n    return x[-1]\n"
    )


def test_imports_below_a_docstring_alone(day):
    write(day, '#!/usr/bin/env python\n"""Mine."""\n\ndef last(x):\n    pass\n')
    take(day, "last")
    text = mine(day)
    assert ast.get_docstring(ast.parse(text)) == "Mine." and compile(text, "x", "exec")
    assert text.startswith('#!/usr/bin/env python\n"""Mine."""\n\nfrom __future__')


def test_the_definition_that_counts_is_replaced(day):
    write(day, "def last(x):\n    return 'old try'\n\n\ndef last(x):\n    return 'new try'\n")
    take(day, "last")
    assert "old try" in mine(day) and "new try" not in mine(day)


@pytest.mark.parametrize("assigned", ["last = lambda x: 1\n", "last: object = (\nlen\n)\n"])
def test_an_assignment_in_place_of_a_definition_is_replaced(day, assigned):
    write(day, f"def heads(x):\n    pass\n\n\n{assigned}\n\nkeep = 1\n")
    take(day, "last")
    names = {}
    exec(compile(mine(day), "x", "exec"), names)
    assert names["last"]([1, 2]) == 2 and names["keep"] == 1


def test_the_pairs_own_helpers_comments_and_remarks_stay(day):
    extra = "# Ours: first.\n\n\ndef helper(a):\n    return a\n\n\n# Just above heads.\n"
    text = SKELETON.replace("# What heads are for.\n", extra + "# What heads are for.\n")
    write(day, text)
    take(day, "mask")
    take(day, "heads")
    for piece in (extra + "# What heads are for.\n", "SCALE = 2.0", 'if __name__ == "__main__":'):
        assert piece in mine(day)


def test_a_file_with_tabs_takes_a_method(day):
    lines = [re.sub(r"^( {4})+", lambda spaces: "\t" * (len(spaces[0]) // 4), line) for line in SKELETON.split("\n")]
    write(day, "\n".join(lines))
    for name in ("Attention.forward", "Attention.stream", "last"):
        take(day, name)
    assert "\n\t\tif mask:\n\t\t\treturn 0\n" in mine(day)
    assert compile(mine(day), "x", "exec")


# Ways to break a definition, each as (what stands in the stub, what the pair made of it).
BROKEN = {
    "mask": [
        ('    raise NotImplementedError("mask")\n', "    return [x for x in range(3\n"),
        ('    raise NotImplementedError("mask")\n', "    return {'a': [1, 2)\n"),
        ('    raise NotImplementedError("mask")\n', "    return 'never closed\n"),
        ('    raise NotImplementedError("mask")\n', '    x = """never closed\n'),
        ('    raise NotImplementedError("mask")\n', "    for i in range(3)\n        pass\n"),
        ('    raise NotImplementedError("mask")\n', "  return 1\n"),
        ('    raise NotImplementedError("mask")\n', "\treturn 1\n"),
        ('    raise NotImplementedError("mask")\n', "return 1\n"),
        ('    raise NotImplementedError("mask")\n', "    x = 1\nreturn x\n"),
        ('    raise NotImplementedError("mask")\n', "    x = 1 + \\\n"),
        ('    raise NotImplementedError("mask")\n', "    x = $?!\n"),
        (") -> list:\n", ") -> list\n"),
        ("    length: int,\n    wide: bool = False,\n) -> list:\n", "    length: int,\n    wide: bool = False,\n"),
        ('    """True where', "    True where"),
        ('# not a comment\n    """\n', "# not a comment\n"),
    ],
    "heads": [
        ('    raise NotImplementedError("heads")\n', "    return [x for x in range(3\n"),
        ('    raise NotImplementedError("heads")\n', '    """never closed\n    return 1\n'),
        ('    raise NotImplementedError("heads")\n', "x = 1\nreturn x\n"),
        ('    raise NotImplementedError("heads")\n', ""),
        ("@(lambda f: f)\n", "@(lambda f: f\n"),
        ("def heads(x):", "def heads(x:"),
        ("def heads(x):", "def heads(x)"),
        ("def heads(x):", "def heads:"),
    ],
    "Attention.forward": [
        ('        raise NotImplementedError("Attention.forward")\n', "        return (x\n"),
        ('        raise NotImplementedError("Attention.forward")\n', '        return """x\n'),
        ('        raise NotImplementedError("Attention.forward")\n', "      return x\n"),
        ('        raise NotImplementedError("Attention.forward")\n', "    return x\n"),
        ('        raise NotImplementedError("Attention.forward")\n', "        x ==== 1\n"),
        ("    def forward(self, x, mask=None):\n", "    def forward(self, x, mask=None:\n"),
        ('text\n        """\n', "text\n"),
    ],
    "last": [
        ('    raise NotImplementedError("last")\n', "    return x[-1\n"),
        ('    raise NotImplementedError("last")\n', "    return f'{x\n"),
        ('    raise NotImplementedError("last")\n', '    """never closed\n'),
        ('    raise NotImplementedError("last")\n', ""),
    ],
}


@pytest.mark.parametrize("action", [take, reset])
@pytest.mark.parametrize(("name", "old", "new"), [(name, *pair) for name, pairs in BROKEN.items() for pair in pairs])
def test_a_broken_definition_is_mended_and_nothing_else_changes(day, name, old, new, action):
    assert SKELETON.count(old) == 1
    write(day, SKELETON.replace(old, new))
    change = action(day, name)
    expected = parts(SKELETON) | ({name: parts(STRIPPED)[name]} if action is take else {})
    expected.pop("Attention")
    got = parts(mine(day))
    got.pop("Attention")
    assert got == expected
    for piece in (
        "# How big it is.\n",
        "SCALE = 2.0\n",
        "# What heads are for.\n# They look at",
        'if __name__ == "__main__":',
    ):
        assert mine(day).count(piece) == 1
    assert "mistake" not in change.what


@pytest.mark.parametrize(
    ("name", "broken", "old", "new"),
    [
        (name, broken, *pair)
        for broken, pairs in BROKEN.items()
        for pair in pairs
        for name in ("mask", "Attention.stream", "last")
        if name != broken
    ],
)
def test_a_definition_beside_a_broken_one_can_be_taken(name, broken, old, new):
    reference = Source(SOLUTION)
    text = transplant(SKELETON.replace(old, new), reference, name)
    # Mending the broken one afterwards gives the very file that a pair without the mistake would have.
    expected = parts(SKELETON) | {key: parts(STRIPPED)[key] for key in (name, broken)}
    expected.pop("Attention")
    got = parts(transplant(text, reference, broken))
    got.pop("Attention")
    assert got == expected


def test_a_mistake_elsewhere_is_named(day):
    write(day, SKELETON.replace('    raise NotImplementedError("mask")', "    return 3 3"))
    assert re.search(r"still has a mistake, line \d+: invalid syntax", take(day, "last").what)


@pytest.mark.parametrize("owner", ["mask", "heads"])
def test_an_open_quote_above_a_class_costs_it_nothing(day, owner):
    take(day, "Attention.stream")
    write(day, mine(day).replace(f'    raise NotImplementedError("{owner}")', '    """never closed'))
    take(day, "Attention.forward")
    take(day, owner)
    taken = (owner, "Attention.forward", "Attention.stream")
    expected = parts(SKELETON) | {key: parts(STRIPPED)[key] for key in taken}
    assert {**parts(mine(day)), "Attention": None} == {**expected, "Attention": None}


def test_an_open_quote_does_not_swallow_a_helper(day):
    helper = 'def helper(a):\n    """It helps."""\n    return a\n'
    text = SKELETON.replace('    raise NotImplementedError("last")\n', '    """open\n    return 1\n\n\n' + helper)
    write(day, text)
    take(day, "last")
    assert helper in mine(day) and parts(mine(day))["last"] == parts(STRIPPED)["last"]


def test_constants_behind_an_open_bracket_stay(day):
    write(day, "def last(x):\n    return (x\n\n\nLIMIT = 3\n\n\n@decorated\ndef other():\n    return LIMIT\n")
    take(day, "last")
    assert "return x[-1]\n\n\nLIMIT = 3\n\n\n@decorated\ndef other():" in mine(day)


@pytest.mark.parametrize("content", [b"\xff\xfed\x00e\x00f\x00", b"\0" * 100])
def test_a_file_that_is_no_text_starts_again_from_the_skeleton(day, content):
    write(day, content)
    change = take(day, "last")
    assert change.backup.read_bytes() == content
    assert parts(mine(day))["last"] == parts(STRIPPED)["last"]


def test_odd_bytes_stay(day):
    write(day, SKELETON.encode().replace(b"SCALE = 2.0", b"SCALE = 2.0  # gr\xf6\xdfer"))
    take(day, "last")
    assert b"# gr\xf6\xdfer" in (day.path / "answers" / "attention.py").read_bytes()


def test_a_last_line_without_newline(day):
    write(day, "def last(x):\n    pass")
    take(day, "last")
    assert mine(day).endswith("def last(x):\n    return x[-1]\n")
    write(day, "def last(x):\n    pass\nmore = 1")
    take(day, "heads")
    assert mine(day).endswith("more = 1")


def test_backups_of_one_second_do_not_collide(day, monkeypatch):
    monkeypatch.setattr(answers.time, "strftime", lambda form: "20260101-120000")
    start(day)
    names = [action(day, "last").backup.name for action in (take, reset, take)]
    assert names == [f"attention-20260101-120000{end}.py" for end in ("", "-2", "-3")]
