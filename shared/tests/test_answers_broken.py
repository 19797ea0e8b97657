"""What a pair does with its own files, however broken these are."""

import re

import pytest
from small_day import SKELETON, SOLUTION, STRIPPED, mine, parts, small_day, write

from shared.course.definitions import Source
from shared.learner import answers
from shared.learner.answers import reset, start, take
from shared.learner.replace import replace_definition


@pytest.fixture
def day(tmp_path):
    return small_day(tmp_path)


# Ways to break a definition: what the pair wrote for its stub …
BODIES = {
    "mask": [
        "    return [x for x in range(3\n",
        "    return {'a': [1, 2)\n",
        "    return 'never closed\n",
        '    x = """never closed\n',
        "    for i in range(3)\n        pass\n",
        "  return 1\n",
        "\treturn 1\n",
        "return 1\n",
        "    x = 1\nreturn x\n",
        "    x = 1 + \\\n",
        "    x = $?!\n",
    ],
    "heads": [
        "    return [x for x in range(3\n",
        '    """never closed\n    return 1\n',
        "x = 1\nreturn x\n",
        "",
    ],
    "Attention.forward": [
        "        return (x\n",
        '        return """x\n',
        "      return x\n",
        "    return x\n",
        "        x ==== 1\n",
    ],
    "last": [
        "    return x[-1\n",
        "    return f'{x\n",
        '    """never closed\n',
        "",
    ],
}
# … or made of a line above it, each as (what stands in the skeleton, what became of it).
HEADS = {
    "mask": [
        (") -> list:\n", ") -> list\n"),
        ("    length: int,\n    wide: bool = False,\n) -> list:\n", "    length: int,\n    wide: bool = False,\n"),
        ('    """True where', "    True where"),
        ('# not a comment\n    """\n', "# not a comment\n"),
    ],
    "heads": [
        ("@(lambda f: f)\n", "@(lambda f: f\n"),
        ("def heads(x):", "def heads(x:"),
        ("def heads(x):", "def heads(x)"),
        ("def heads(x):", "def heads:"),
    ],
    "Attention.forward": [
        ("    def forward(self, x, mask=None):\n", "    def forward(self, x, mask=None:\n"),
        ('text\n        """\n', "text\n"),
    ],
}
STUBS = {name: next(f"{line}\n" for line in SKELETON.splitlines() if f'Error("{name}")' in line) for name in BODIES}
BROKEN = [(name, STUBS[name], body) for name, bodies in BODIES.items() for body in bodies]
BROKEN += [(name, *edit) for name, edits in HEADS.items() for edit in edits]


@pytest.mark.parametrize("action", [take, reset])
@pytest.mark.parametrize(("name", "old", "new"), BROKEN)
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
        (name, broken, old, new)
        for broken, old, new in BROKEN
        for name in ("mask", "Attention.stream", "last")
        if name != broken
    ],
)
def test_a_definition_beside_a_broken_one_can_be_taken(name, broken, old, new):
    reference = Source(SOLUTION)
    text = replace_definition(SKELETON.replace(old, new), reference, name)
    # Mending the broken one afterwards gives the very file that a pair without the mistake would have.
    expected = parts(SKELETON) | {key: parts(STRIPPED)[key] for key in (name, broken)}
    expected.pop("Attention")
    got = parts(replace_definition(text, reference, broken))
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
