"""`take` and `reset` say what the module really has: what binds a name last counts, wherever that stands."""

import pytest
from small_day import SKELETON, mine, small_day, write

from shared.learner.answers import reset, take
from shared.learner.bindings import rebound

OURS = "def last(x):\n    return x[-1]\n"
CLASS = "class C:\n    def m(self):\n        return 1\n\n    size = 3\n"


# (what stands below the definition, whether it surely wins)
WINS = {
    "a definition": ("def last(x):\n    return 0\n", True),
    "a coroutine": ("async def last(x):\n    return 0\n", True),
    "a class": ("class last:\n    pass\n", True),
    "a decorated definition": ("@staticmethod\ndef last(x):\n    return 0\n", True),
    "an assignment": ("last = len\n", True),
    "one of several": ("a, (b, *last) = 1, (2, 3)\n", True),
    "an annotated one": ("last: object = len\n", True),
    "an augmented one": ("last += 1\n", True),
    "a wrapper": ("last = print(last)\n", True),
    "a walrus": ("print(last := 3)\n", True),
    "a walrus in a comprehension": ("[last := i for i in range(3)]\n", True),
    "an import": ("import last\n", True),
    "an import of a part": ("import last.part\n", True),
    "an import by another name": ("from os import getcwd as last\n", True),
    "a star": ("from math import *\n", False),
    "a deletion": ("del last\n", True),
    "an if": ("if print():\n    def last(x):\n        return 0\n", False),
    "an else": ("if print():\n    pass\nelse:\n    last = 3\n", False),
    "an if that is always true": ("if 1:\n    last = 3\n", False),
    "a try": ("try:\n    def last(x):\n        return 0\nexcept ValueError:\n    pass\n", False),
    "an except": ("try:\n    pass\nexcept ImportError:\n    last = 3\n", False),
    "the name of an exception": ("try:\n    pass\nexcept ImportError as last:\n    pass\n", False),
    "a finally": ("try:\n    pass\nfinally:\n    last = 3\n", False),
    "a with": ("with open(0) as last:\n    pass\n", True),
    "inside a with": ("with print():\n    def last(x):\n        return 0\n", True),
    "a for": ("for last in range(3):\n    pass\n", False),
    "a while": ("while print():\n    last = 3\n", False),
    "a match": ("match print():\n    case [1, last]:\n        pass\n", False),
    "a match's rest": ("match print():\n    case {'a': 1, **last}:\n        pass\n", False),
    "a function's global": ("def set_it():\n    global last\n    last = 3\n", False),
    "the module's dictionary": ("globals()['last'] = len\n", True),
    "two levels down": ("if print():\n    try:\n        last = 1\n    except ValueError:\n        pass\n", False),
    "below a main that is not": ("if __name__ == '__main__':\n    pass\nelse:\n    last = 3\n", True),
}


@pytest.mark.parametrize(("below", "sure"), WINS.values(), ids=WINS)
def test_what_comes_later_wins(below, sure):
    found = rebound(OURS + "\n\n" + below, "last", 2)
    assert found and found.sure is sure and found.line > 2


HARMLESS = {
    "nothing": "",
    "a use": "print(last([1]))\n",
    "a local variable": "def other():\n    last = 3\n    return last\n",
    "a parameter": "def other(last):\n    return last\n",
    "a method of that name": "class Other:\n    def last(self):\n        pass\n",
    "a comprehension's variable": "a = [last for last in range(3)]\n",
    "a lambda's": "f = lambda last: last\n",
    "an attribute": "import os\nos.last = 3\n",
    "an item": "a = {}\na['last'] = 3\n",
    "a keyword": "dict(last=3)\n",
    "a declaration": "last: object\n",
    "main": "if __name__ == '__main__':\n    last = 3\n",
    "types": "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from os import last\n",
    "an if that is never true": "if 0:\n    last = 3\n",
    "text": '"""\nlast = 3\n"""\n# last = 3\n',
    "a longer name": "last_one = 3\n",
}


@pytest.mark.parametrize("below", HARMLESS.values(), ids=HARMLESS)
def test_what_only_looks_like_it_does_not(below):
    assert rebound(OURS + "\n\n" + below, "last", 2) is None


def test_what_stands_above_does_not_count():
    assert rebound("last = 3\nfrom math import *\n" + OURS, "last", 4) is None


METHODS = {
    "a second method": (CLASS + "\n    def m(self):\n        return 2\n", True),
    "an attribute of the class": (CLASS + "    m = None\n", True),
    "a method under a condition": (CLASS + "    if size:\n        def m(self):\n            return 2\n", False),
    "a patch": (CLASS + "C.m = len\n", True),
    "a patch by name": (CLASS + "setattr(C, 'm', len)\n", True),
    "a deleted method": (CLASS + "del C.m\n", True),
    "a patch in an if": (CLASS + "if print():\n    C.m = len\n", False),
    "another class": (CLASS + "if print():\n    class C:\n        pass\n", False),
    "another thing": (CLASS + "C = print(C)\n", True),
}


@pytest.mark.parametrize(("text", "sure"), METHODS.values(), ids=METHODS)
def test_a_method_too_can_be_replaced(text, sure):
    found = rebound(text, "C.m", 3)
    assert found and found.sure is sure


@pytest.mark.parametrize(
    "below", ["C.other = 3\n", "c = C()\nc.m = 3\n", "class D(C):\n    def m(self):\n        pass\n"]
)
def test_others_methods_are_others(below):
    assert rebound(CLASS + below, "C.m", 3) is None


def test_a_patched_class_is_not_the_reference_either():
    assert rebound(CLASS + "C.m = len\n", "C", 5)
    assert rebound(OURS + "last.calls = 0\n", "last", 2) is None  # a function may carry something


def test_what_the_reference_does_itself_is_no_rebinding():
    text = OURS + "last = print(last)\n"
    assert rebound(text, "last", 2, reference=text) is None
    assert rebound(text + "last = 3\n", "last", 2, reference=text)


# ---- What a pair reads


@pytest.fixture
def day(tmp_path):
    return small_day(tmp_path)


@pytest.mark.parametrize("action", [take, reset])
@pytest.mark.parametrize(
    ("name", "below", "says"),
    [
        ("last", "last = len\n", "`last = len`, and that is what counts"),
        ("last", "if mask:\n    def last(x): return 0\n", "`def last(x): return 0`, and that may be what counts"),
        ("mask", "from math import *\n", "and that may be what counts"),
        ("Attention.forward", "Attention.forward = len\n", "and that is what counts"),
        ("Attention", "del Attention\n", "`del Attention`, and that is what counts"),
    ],
)
def test_the_pairs_own_later_one_is_named(day, action, name, below, says):
    write(day, SKELETON + "\n\n" + below)
    what = action(day, name).what
    assert says in what and "delete or rename it" in what and "is now" not in what
    number = int(what.partition("line ")[2].split()[0])
    assert mine(day).splitlines()[number - 1].strip() in below


def test_a_folder_that_hides_the_file_is_named(day):
    write(day, SKELETON)
    (day.path / "answers" / "attention").mkdir()
    (day.path / "answers" / "attention" / "__init__.py").write_text("")
    assert "the folder answers/attention/ hides that file" in take(day, "last").what


def test_a_decorator_above_the_class_is_named(day):
    write(day, SKELETON.replace("class Attention:", "@print\nclass Attention:"))
    assert "@print above Attention may change it" in take(day, "Attention.forward").what
    assert take(day, "last").what == "last is now the reference answer"


def test_a_decorator_of_the_definition_itself_goes(day):
    write(day, SKELETON.replace("def last(x):", "@print\ndef last(x):"))
    assert take(day, "last").what == "last is now the reference answer"
    assert "@print" not in mine(day)
