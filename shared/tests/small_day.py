"""What the tests of a pair's own files share: a small day with every kind of definition, and its answers."""

import ast

from shared.course.day import Day
from shared.course.fences import cut, strip

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


def small_day(parent):
    """A day of one module to write and one without an exercise."""
    folder = parent / "w2d1_gpt2"
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
