"""Where functions, classes and methods lie in a file that may not parse.

A pair's file is at its most broken when help is wanted most. So definitions are found by their lines: a small scanner
follows strings and brackets, and in a file that doesn't parse it believes a `def` more than an open quote.
"""

import re
import warnings
from dataclasses import dataclass

from shared.course.fences import split_lines

_DEFINITION = re.compile(r"[ \t]*(?:(?:async[ \t]+)?def|class)[ \t]+(\w+)")
# Inside brackets no line begins with one of these words, and nobody writes one in column 0 but for the closing bracket.
_STATEMENT = re.compile(
    r"\s*(?:(?:async\s+)?def\s+\w+\s*\(|class\s+\w+\s*[(:]|(?:return|import|raise|with|while|assert)\b)|[A-Za-z_@]"
)
# These stand in no column 0 of a module: where they do, an indentation was lost, and the line belongs to what is above.
_LOST = re.compile(r"(?:return|yield|elif|else|except|finally|break|continue|nonlocal)\b|[)\]}]")
_MODULE_LEVEL = re.compile(r"(?:import|from|def|class|async|if\s+__name__)\b|@")
_CODE = re.compile(r"""#|\"{3}|'{3}|"|'|[()\[\]{}]|\\$""")


_Opened = tuple[str, int, str, int]  # name, first line, indent, the line above which nothing belongs to it


@dataclass(frozen=True)
class Block:
    """A definition as a half-open range of lines (0-based): `above` is where the comments directly above it begin."""

    name: str
    above: int
    start: int
    end: int
    indent: str


def parse_error(text: str) -> str | None:
    """Why Python cannot read a text, as "line 12: invalid syntax"; None where it can."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            compile(text, "answer", "exec", dont_inherit=True)  # ast.parse would let a `return` outside a function pass
    except SyntaxError as error:
        return f"line {error.lineno}: {error.msg}"
    except (ValueError, RecursionError, MemoryError) as error:
        return str(error) or type(error).__name__
    return None


class Source:
    """The lines of a file and its definitions.

    `like` is the file as it was handed out: in a broken file it tells a definition from text that looks like one.
    """

    def __init__(self, text: str, like: "Source | None" = None):
        self.lines = split_lines(text)
        self.parses = parse_error(text) is None
        self._known = set(like.names()) if like else set()
        self._text = set(like.look_alikes()) if like else set()
        self.fresh = self._fresh_lines()

    def find(self, name: str) -> Block | None:
        """The definition of "f", "C" or "C.m": the last of that name, since that is the one that counts."""
        outer, _, inner = name.partition(".")
        blocks = [block for block in self.definitions() if block.name == outer]
        if not blocks or not inner:
            return blocks[-1] if blocks else None
        return next((block for block in reversed(self.methods(blocks[-1])) if block.name == inner), None)

    def names(self) -> list[str]:
        """What the file defines: functions and classes, and Class.method."""
        blocks = self.definitions()
        return [block.name for block in blocks] + [f"{c.name}.{m.name}" for c in blocks for m in self.methods(c)]

    def look_alikes(self) -> list[str]:
        """The lines in column 0 that are no statements, since they lie in a string or in brackets."""
        lines = [line.rstrip() for line, fresh in zip(self.lines, self.fresh) if not fresh and not _indent(line)]
        return [line for line in lines if line]

    def has_room(self, name: str) -> bool:
        """Whether there is such a class, and its header ends where a method may follow (`class C: pass` does not)."""
        block = self.find(name)
        if block is None:
            return False
        return bool(re.search(r":\s*(#.*)?$", self.lines[self.body(block) - 1].rstrip() or ":"))

    def definitions(self) -> list[Block]:
        """All functions and classes in column 0, in order."""
        return self._blocks(0, len(self.lines), "")

    def methods(self, owner: Block) -> list[Block]:
        """The functions and classes directly inside a class, in order."""
        first = self.body(owner)
        indent = next((_indent(self.lines[i]) for i in range(first, owner.end) if self._is_code(i)), "")
        return self._blocks(first, owner.end, indent) if len(indent) > len(owner.indent) else []

    def body(self, owner: Block) -> int:
        """The line after a definition's decorators and signature."""
        headers = [i for i in range(owner.start, owner.end) if self.fresh[i] and _DEFINITION.match(self.lines[i])]
        return self.after(headers[0]) if headers else owner.end

    def after(self, line: int) -> int:
        """The line after the statement that starts in `line`."""
        return next((i for i in range(line + 1, len(self.lines)) if self.fresh[i]), len(self.lines))

    def statements(self) -> list[int]:
        """The lines in column 0 at which a statement starts."""
        return [i for i, line in enumerate(self.lines) if self._is_code(i) and not _indent(line)]

    def _is_code(self, i: int) -> bool:
        bare = self.lines[i].strip()
        return self.fresh[i] and bool(bare) and not bare.startswith("#")

    def _blocks(self, first: int, last: int, indent: str) -> list[Block]:
        column = _width(indent)
        found: list[Block] = []
        opened: _Opened | None = None
        decorators: int | None = None
        for i in range(first, last):
            line = self.lines[i]
            if not self._is_code(i) or _width(_indent(line)) > column:
                continue
            if not self.parses and self._is_lost(i, opened):
                continue
            definition = _DEFINITION.match(line) if _indent(line) == indent else None
            start = i if decorators is None else decorators
            while definition and start > first and self.lines[start - 1].startswith(indent + "@"):
                start -= 1  # a decorator that an open bracket above had swallowed
            if opened:
                found.append(self._closed(opened, start))
                opened = None
            if definition:
                opened, decorators = (definition[1], start, indent, first), None
            else:
                decorators = start if line.startswith(indent + "@") else None
        return found + ([self._closed(opened, last)] if opened else [])

    def _is_lost(self, i: int, opened: _Opened | None) -> bool:
        """Whether a line too far left belongs to the definition above it all the same."""
        line = self.lines[i].lstrip()
        if not opened or _LOST.match(line) or self.lines[i].rstrip() in self._text:
            return bool(opened)
        # A definition with nothing indented below it: what follows was meant as its body.
        header = next(j for j in range(opened[1], i) if self.fresh[j] and _DEFINITION.match(self.lines[j]))
        column = _width(opened[2])
        bodiless = not any(self._is_code(j) and _width(_indent(self.lines[j])) > column for j in range(header + 1, i))
        one_liner = not re.search(r":\s*(#.*)?$", self.lines[self.after(header) - 1])
        return bodiless and not one_liner and not _MODULE_LEVEL.match(line)

    def _closed(self, opened: _Opened, end: int) -> Block:
        name, start, indent, first = opened
        column, above = _width(indent), start
        while end > start + 1 and not self._belongs(end - 1, column):
            end -= 1
        while above > first and self.lines[above - 1].startswith(indent + "#"):
            above -= 1
        return Block(name, above, start, end, indent)

    def _belongs(self, i: int, column: int) -> bool:
        """Whether a definition may end with this line: not with blank lines, nor with comments left of its body."""
        line = self.lines[i]
        if not line.strip():
            return False
        comment = line.lstrip().startswith("#") and (self.fresh[i] or not self.parses)
        return not (comment and _width(_indent(line)) <= column)

    def _fresh_lines(self) -> list[bool]:
        """For each line whether a statement may start there: not in a string, in brackets, or behind a backslash."""
        fresh: list[bool] = []
        quote, depth, continued = "", 0, False
        for number, line in enumerate(self.lines):
            if not self.parses and (self._was_open(number, quote) if quote else depth and _STATEMENT.match(line)):
                quote, depth, continued = "", 0, False
            fresh.append(not (quote or depth or continued))
            line, at, continued = line.rstrip("\r\n"), 0, False
            while at < len(line):
                found = (re.compile(r"\\.?|" + quote) if quote else _CODE).search(line, at)
                if not found:
                    break
                at, sign = found.end(), found[0]
                if quote:
                    quote = "" if sign == quote else quote
                    continued = sign == "\\"
                elif sign == "#":
                    break
                elif sign[0] in "\"'":
                    quote = sign
                elif sign == "\\":
                    continued = True
                else:
                    depth = max(0, depth + (1 if sign in "([{" else -1))
            if len(quote) == 1 and not continued:
                quote = ""  # such a string ends with its line, closed or not
        return fresh

    def _was_open(self, number: int, quote: str) -> bool:
        """Whether a string of a broken file, which seems to go on in this line, was rather left open above."""
        line = self.lines[number]
        definition = _DEFINITION.match(line)
        if not definition or not line[definition.end() :].lstrip().startswith(("(", ":")):
            return bool(re.match(r"if\s+__name__\b", line))
        if _indent(line):
            return any(name.endswith("." + definition[1]) for name in self._known)
        if line.rstrip() in self._text:
            return False
        # If the quotes from here to the next definition pair up, the string does not end here, so it ended before.
        rest = self.lines[number + 1 :]
        length = next((i for i, other in enumerate(rest) if not _indent(other) and _DEFINITION.match(other)), len(rest))
        return definition[1] in self._known or "".join(rest[:length]).count(quote) % 2 == 0


def _indent(line: str) -> str:
    return line[: len(line) - len(line.lstrip(" \t\f"))]


def _width(indent: str) -> int:
    return len(indent.replace("\f", "").expandtabs(8))
