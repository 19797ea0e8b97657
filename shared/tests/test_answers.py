"""What a pair does with its own files."""

import ast
import itertools
import re

import pytest
from small_day import EXERCISES, SKELETON, STRIPPED, mine, parts, small_day, write

from shared.course.day import UnknownExercise
from shared.learner.answers import AnswerError, hint, reset, show, start, take


@pytest.fixture
def day(tmp_path):
    return small_day(tmp_path)


def test_start_copies_and_keeps(day):
    assert start(day) == ["made answers/attention.py", "made answers/plain.py"]
    assert mine(day) == SKELETON
    write(day, SKELETON + "mine = 1\n")
    (day.path / "answers" / "plain.py").unlink()
    assert start(day) == ["kept answers/attention.py, which was there already", "made answers/plain.py"]
    assert mine(day) == SKELETON + "mine = 1\n"


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
