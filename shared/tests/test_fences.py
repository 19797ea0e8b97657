"""From solution to skeleton."""

from types import SimpleNamespace

import pytest

from shared.course.fences import Fence, FenceError, cut, fences, skeleton_differences, strip, write_skeleton

SOLUTION = '''"""A module.

# BEGIN SOLUTION in a docstring is text.
"""

import math  # used only inside a fence


@decorator
def area(r: float) -> float:
    """Of a circle."""
    # BEGIN SOLUTION
    # TODO: square it,
    # then scale it.

    # a remark of the solution's
    text = """
    # TODO: not a prompt
    """
    if r < 0:
        # TODO: what of negative ones?
        raise ValueError(r)
    return math.pi * r**2
    # END SOLUTION


class Shape:
    size = 1  # TODO: stays

    class Inner:
        def value(self):
            # BEGIN SOLUTION
            return 1
            # END SOLUTION

    def scaled(self, by):
        def inner(x):
            # BEGIN SOLUTION
            return x * by
            # END SOLUTION

        if by:
            # BEGIN SOLUTION
            by += 1; by += 1
            # END SOLUTION
        return inner(self.size)
'''

SKELETON = '''"""A module.

# BEGIN SOLUTION in a docstring is text.
"""

import math  # used only inside a fence


@decorator
def area(r: float) -> float:
    """Of a circle."""
    # TODO: square it,
    # then scale it.
    # TODO: what of negative ones?
    raise NotImplementedError("area")


class Shape:
    size = 1  # TODO: stays

    class Inner:
        def value(self):
            raise NotImplementedError("Shape.Inner.value")

    def scaled(self, by):
        def inner(x):
            raise NotImplementedError("Shape.scaled")

        if by:
            raise NotImplementedError("Shape.scaled")
        return inner(self.size)
'''


def test_cuts_answers_and_keeps_prompts_and_layout():
    assert cut(SOLUTION, "shape.py") == SKELETON


def test_keeps_windows_line_ends():
    assert cut(SOLUTION.replace("\n", "\r\n"), "shape.py") == SKELETON.replace("\n", "\r\n")


def test_a_text_without_fences_stays():
    text = "x = 1\n\n\ndef f():\n\treturn x"
    assert cut(text, "a.py") == text


def test_a_fence_may_end_the_file_without_a_newline():
    assert cut("def f():\n\t# BEGIN SOLUTION\n\treturn 1\n\t# END SOLUTION", "a.py").endswith(
        '\n\traise NotImplementedError("f")\n'
    )


def test_names_owners_and_lines():
    found = fences(SOLUTION, "shape.py")
    assert found[0] == Fence("area", 12, 24, 4)
    assert [fence.owner for fence in found] == ["area", "Shape.Inner.value", "Shape.scaled", "Shape.scaled"]
    assert [fence.indent for fence in found] == [4, 12, 12, 12]


def test_an_async_method_and_a_class_in_a_function():
    text = (
        "class A:\n    async def go(self):\n        # BEGIN SOLUTION\n        pass\n        # END SOLUTION\n"
        "def make():\n    class B:\n        def m(self):\n"
        "            # BEGIN SOLUTION\n            pass\n            # END SOLUTION\n    return B\n"
    )
    assert [fence.owner for fence in fences(text, "a.py")] == ["A.go", "make"]


def body(*lines):
    return "def f(x):\n" + "".join(f"    {line}\n" for line in lines)


BEGIN, END = "# BEGIN SOLUTION", "# END SOLUTION"


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        (body(BEGIN, "return x", "# END SOLUTON"), 4, "END SOLUTON"),
        (body("# BEGIN SOLUTON", "return x", END), 2, "a marker reads"),
        (body("# begin solution", "return x", "# end solution"), 2, "a marker reads"),
        (body("#BEGIN SOLUTION", "return x", END), 2, "a marker reads"),
        (body("## BEGIN SOLUTION", "return x", END), 2, "a marker reads"),
        (body("# BEGIN  SOLUTION", "return x", END), 2, "a marker reads"),
        (body("# BEGIN_SOLUTION", "return x", END), 2, "a marker reads"),
        (body("# BEGIN SOLUTION: here", "return x", END), 2, "a marker reads"),
        (body("# BEGIN SOL", "return x", "# END SOL"), 2, "a marker reads"),
        (body("# BEGIN", "return x", "# END"), 2, "a marker reads"),
        (body("# Begin Solutions", "return x"), 2, "a marker reads"),
        (body("x = 1  # BEGIN SOLUTION", "return x", END), 2, "line of its own"),
        (body(BEGIN, "x = 1", BEGIN, "return x", END, END), 4, "inside the one of line 2"),
        (body(BEGIN, "return x"), 2, "never closed"),
        (body("return x", END), 3, "none was begun"),
        (body(BEGIN, "return x", "    " + END), 4, "not indented like the beginning"),
        (body("    " + BEGIN, "return x", "    " + END), 2, "not indented like the statement in line 3"),
        (body(BEGIN, END, "return x"), 2, "holds no statement"),
        (body(BEGIN, "# TODO: think", END, "return x"), 2, "holds no statement"),
        (body(BEGIN, "if x:", "    return 1", END, "else:", "    return 2"), 2, "middle of a statement"),
        (body("if x:", "    return 1", BEGIN, "else:", "    return 2", END), 4, "not indented"),
        (body("y = (", BEGIN, "1", END, ")"), 3, "middle of a statement"),
        (body("y = (", "1", BEGIN, ")", "return y", END), 4, "middle of a statement"),
        (body(BEGIN, "# TODO think", "return x", END), 3, "a prompt reads"),
        (body(BEGIN, "# todo: think", "return x", END), 3, "a prompt reads"),
        (f"{BEGIN}\nx = 1\n{END}\n", 1, "outside a function"),
        (f"{BEGIN}\ndef f():\n    return 1\n{END}\n", 1, "outside a function"),
        (f"class C:\n    {BEGIN}\n    x = 1\n    {END}\n", 2, "outside a function"),
        (f"class C:\n    {BEGIN}\n    def f(self):\n        return 1\n    {END}\n", 2, "outside a function"),
        (f"def f():\n    pass\n    {BEGIN}\n\n\ndef g():\n    pass\n    {END}\n", 3, "not indented"),
        ("def f(:\n    pass\n", 1, "does not parse"),
    ],
)
def test_a_wrong_marker_is_named(text, line, says):
    with pytest.raises(FenceError) as error:
        fences(text, "attention.py")
    assert str(error.value).startswith(f"attention.py:{line}: ")
    assert says in str(error.value)
    with pytest.raises(FenceError):
        cut(text, "attention.py")


@pytest.mark.parametrize(
    "prose",
    [
        "# begin with the diagonal",
        "# the end of a solution is its answer",
        "# ending: the last token",
        "# solution of the equation",
        "# END-TO-END",
        "# beginning of sentence",
        "# BEGINNING OF SENTENCE",
    ],
)
def test_prose_is_no_marker(prose):
    assert fences(body(prose, "return x"), "a.py") == []


def test_strip_drops_markers_and_prompts_of_any_piece():
    piece = (
        "    # BEGIN SOLUTION\n    # TODO: this\n    #   and this\n    x = 1  # TODO: not this\n    # END SOLUTION\n)\n"
    )
    assert strip(piece) == "    x = 1  # TODO: not this\n)\n"
    assert strip(piece.replace("\n", "\r\n")) == "    x = 1  # TODO: not this\r\n)\r\n"


def test_strip_keeps_a_remark_behind_a_blank_line():
    assert strip("# TODO: this\n\n# a remark\nx\n") == "\n# a remark\nx\n"


@pytest.fixture
def day(tmp_path):
    solution = tmp_path / "solution"
    (solution / "__pycache__").mkdir(parents=True)
    (solution / "__pycache__" / "shape.cpython-311.pyc").write_bytes(b"x")
    (solution / "shape.py").write_bytes(SOLUTION.replace("\n", "\r\n").encode())
    (solution / "plain.py").write_bytes(b"x = 1  \n\n\n")
    (solution / "config.gin").write_bytes(b"\xff# BEGIN SOLUTION")
    return SimpleNamespace(path=tmp_path, name="w1d1_day")


def test_writes_a_skeleton_that_then_differs_in_nothing(day):
    assert skeleton_differences(day) == [
        f"skeleton/{name} is missing" for name in ("config.gin", "plain.py", "shape.py")
    ]
    assert write_skeleton(day) == [f"wrote skeleton/{name}" for name in ("config.gin", "plain.py", "shape.py")]
    assert (day.path / "skeleton" / "shape.py").read_bytes().decode() == SKELETON.replace("\n", "\r\n")
    assert (day.path / "skeleton" / "plain.py").read_bytes() == b"x = 1  \n\n\n"
    assert (day.path / "skeleton" / "config.gin").read_bytes() == b"\xff# BEGIN SOLUTION"
    assert skeleton_differences(day) == []
    assert write_skeleton(day) == []


def test_a_skeleton_edited_by_hand_is_noticed_and_mended(day):
    write_skeleton(day)
    (day.path / "skeleton" / "plain.py").write_text("x = 2\n")
    (day.path / "skeleton" / "old.py").write_text("")
    assert skeleton_differences(day) == [
        "skeleton/old.py has no counterpart in solution/",
        "skeleton/plain.py differs from what solution/plain.py makes it",
    ]
    assert write_skeleton(day) == ["wrote skeleton/plain.py", "removed skeleton/old.py"]
    assert skeleton_differences(day) == []


def test_a_wrong_marker_leaves_the_skeleton_as_it_was(day):
    write_skeleton(day)
    (day.path / "solution" / "a.py").write_text("x = 1\n")
    (day.path / "solution" / "shape.py").write_text("def f():\n    # BEGIN SOLUTION\n    pass\n")
    with pytest.raises(FenceError, match=r"/solution/shape.py:2: "):
        write_skeleton(day)
    assert not (day.path / "skeleton" / "a.py").exists()
