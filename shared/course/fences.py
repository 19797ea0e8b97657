"""From solution to skeleton: what stands between `# BEGIN SOLUTION` and `# END SOLUTION` is the pair's to write.

The work is done on source lines, so that comments and layout survive; `ast` only names the owner of a fence and
checks that the result still parses.
"""

import ast
import difflib
import io
import re
import tokenize
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from shared.course.day import Day

BEGIN, END, PROMPT = "# BEGIN SOLUTION", "# END SOLUTION", "# TODO:"


class FenceError(ValueError):
    """A marker is wrong; the message starts with file:line."""


@dataclass(frozen=True)
class Fence:
    """Two markers: the lines they stand on (1-based), their indentation, and the function or method around them."""

    owner: str
    begin: int
    end: int
    indent: int


def split_lines(text: str) -> list[str]:
    """Lines with their ends, split as Python itself splits them (str.splitlines also splits at a form feed)."""
    return io.StringIO(text, newline="").readlines()


def fences(text: str, filename: str) -> list[Fence]:
    """All fences of a module, in order. Anything that looks like a marker and isn't a proper one is a FenceError."""
    tree = _parse(text, filename)
    found: list[Fence] = []
    begin: tuple[int, int] | None = None
    for line, column, comment, alone in _comments(text):
        if not _looks_like_marker(comment):
            if begin and re.match(r"#+\s*todo\b", comment, re.IGNORECASE) and not comment.startswith(PROMPT):
                raise FenceError(f"{filename}:{line}: a prompt reads '{PROMPT} …', this reads {comment!r}")
            continue
        if comment not in (BEGIN, END):
            raise FenceError(f"{filename}:{line}: a marker reads '{BEGIN}' or '{END}', this reads {comment!r}")
        if not alone:
            raise FenceError(f"{filename}:{line}: a marker stands on a line of its own")
        if comment == BEGIN:
            if begin:
                raise FenceError(f"{filename}:{line}: this fence starts inside the one of line {begin[0]}")
            begin = line, column
        else:
            if not begin:
                raise FenceError(f"{filename}:{line}: this fence ends, but none was begun")
            if column != begin[1]:
                raise FenceError(f"{filename}:{line}: the end is not indented like the beginning in line {begin[0]}")
            found.append(Fence(_owner(tree, begin[0], line, column, filename), begin[0], line, column))
            begin = None
    if begin:
        raise FenceError(f"{filename}:{begin[0]}: this fence is never closed")
    return found


def cut(text: str, filename: str) -> str:
    """The skeleton: each fence becomes its `# TODO:` prompts and `raise NotImplementedError("owner")`.

    A prompt goes on over the comment lines directly below it; a blank line or code ends it.
    """
    lines = split_lines(text)
    found = fences(text, filename)
    comments = {line: comment for line, _, comment, alone in _comments(text) if alone}
    for fence in reversed(found):
        marker = lines[fence.begin - 1]
        indent, ending = marker[: fence.indent], marker[len(marker.rstrip("\r\n")) :]
        kept, prompting = [], False
        for number in range(fence.begin + 1, fence.end):
            comment = comments.get(number, "")
            prompting = comment.startswith(PROMPT) or (prompting and bool(comment))
            if prompting:
                kept.append(indent + comment + ending)
        kept.append(f'{indent}raise NotImplementedError("{fence.owner}"){ending}')
        lines[fence.begin - 1 : fence.end] = kept
    result = "".join(lines)
    _parse(result, f"skeleton of {filename}")
    return result


def strip(text: str) -> str:
    """The text as a reader wants it: without markers, and without prompts and the comment lines that continue them.

    Works by lines, so a part of a module will do, parse or not.
    """
    kept, prompting = [], False
    for line in split_lines(text):
        bare = line.strip()
        prompting = bare.startswith(PROMPT) or (prompting and bare.startswith("#") and bare not in (BEGIN, END))
        if not prompting and bare not in (BEGIN, END):
            kept.append(line)
    return "".join(kept)


def skeleton_differences(day: Day) -> list[str]:
    """One line for each file of skeleton/ that isn't what solution/ makes it; [] when it is up to date."""
    wanted, folder = _skeleton(day), day.path / "skeleton"
    differences = []
    for name, content in wanted.items():
        file = folder / name
        if not file.is_file():
            differences.append(f"skeleton/{name} is missing")
        elif file.read_bytes() != content:
            differences.append(f"skeleton/{name} differs from what solution/{name} makes it")
    extra = [name for name in list_files(folder) if name not in wanted]
    return sorted(differences + [f"skeleton/{name} has no counterpart in solution/" for name in extra])


def write_skeleton(day: Day) -> list[str]:
    """Makes skeleton/ anew from solution/; says what changed, one line a file. A FenceError leaves it as it was."""
    wanted, folder = _skeleton(day), day.path / "skeleton"
    changes = []
    for name, content in wanted.items():
        file = folder / name
        if not file.is_file() or file.read_bytes() != content:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content)
            changes.append(f"wrote skeleton/{name}")
    for name in list_files(folder):
        if name not in wanted:
            (folder / name).unlink()
            changes.append(f"removed skeleton/{name}")
    return changes


def list_files(folder: Path) -> list[str]:
    """The files in a folder that git would track, as sorted names relative to it."""
    names = [file.relative_to(folder) for file in folder.rglob("*") if file.is_file()]
    hidden = [name for name in names if any(part[0] == "." or part == "__pycache__" for part in name.parts)]
    return sorted(name.as_posix() for name in names if name not in hidden and name.suffix != ".pyc")


def _skeleton(day: Day) -> dict[str, bytes]:
    folder = day.path / "solution"
    wanted = {name: (folder / name).read_bytes() for name in list_files(folder)}
    for name, content in wanted.items():
        if name.endswith(".py"):
            try:
                text = content.decode("utf-8")
            except UnicodeDecodeError as error:
                raise FenceError(f"{day.path.name}/solution/{name}:1: this is not UTF-8: {error}") from None
            wanted[name] = cut(text, f"{day.path.name}/solution/{name}").encode("utf-8")
    return wanted


def _parse(text: str, filename: str) -> ast.Module:
    try:
        return ast.parse(text)
    except (SyntaxError, ValueError) as error:
        line = getattr(error, "lineno", None) or 1
        raise FenceError(f"{filename}:{line}: this does not parse: {getattr(error, 'msg', error)}") from None


def _comments(text: str) -> Iterator[tuple[int, int, str, bool]]:
    """(line, column, comment, whether it has the line to itself); text in strings is none."""
    for token in tokenize.generate_tokens(io.StringIO(text, newline="").readline):
        if token.type == tokenize.COMMENT:
            line, column = token.start
            yield line, column, token.string.rstrip(), not token.line[:column].strip()


def _looks_like_marker(comment: str) -> bool:
    if comment in (BEGIN, END):
        return True
    words = re.findall("[a-z]+", comment.lower())
    if words in (["begin"], ["end"]):
        return True
    start = "".join(words[:2])
    # Prose speaks in small letters; a shouted comment needs less likeness to be taken for a marker.
    enough = 0.7 if comment.isupper() else 0.85
    likely = [(target, text) for target in ("beginsolution", "endsolution") for text in (start, "".join(words[:1]))]
    return any(difflib.SequenceMatcher(None, target, text).ratio() >= enough for target, text in likely)


def _owner(tree: ast.Module, begin: int, end: int, indent: int, filename: str) -> str:
    """The outermost function, or method with its classes, around the statements between two markers."""
    where = f"{filename}:{begin}: this fence"
    inside = list(_inside(tree, begin, end, where, ()))
    if not inside:
        raise FenceError(f"{where} holds no statement")
    block, around = inside[0][1:]
    previous = 0
    for statement, its_block, _ in inside:
        first, last = _span(statement)
        if its_block != block or (first != previous and statement.col_offset != indent):
            raise FenceError(f"{where} is not indented like the statement in line {first}")
        previous = last
    functions = [not isinstance(node, ast.ClassDef) for node in around]
    if not any(functions):
        raise FenceError(f"{where} stands outside a function")
    return ".".join(node.name for node in around[: functions.index(True) + 1])


def _inside(node: ast.AST, begin: int, end: int, where: str, around: tuple) -> Iterator[tuple[ast.stmt, tuple, tuple]]:
    """(statement, its block, the definitions around it) of the outermost statements wholly between two lines."""
    for name, children in ast.iter_fields(node):
        for child in children if isinstance(children, list) else ():
            if isinstance(child, (ast.ExceptHandler, ast.match_case)):
                yield from _inside(child, begin, end, where, around)
            elif isinstance(child, ast.stmt):
                first, last = _span(child)
                if begin < first and last < end:
                    yield child, (id(node), name), around
                elif first < end and last > begin:
                    # A block's last comment lies behind its last statement, so one that holds the fence may end early.
                    if first > begin or not hasattr(child, "body"):
                        raise FenceError(f"{where} starts or ends in the middle of a statement (line {first})")
                    named = isinstance(child, (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef))
                    yield from _inside(child, begin, end, where, (*around, child) if named else around)


def _span(node: ast.stmt) -> tuple[int, int]:
    """The first line, decorators included, and the last one."""
    last = node.end_lineno or node.lineno  # `ast.parse` always gives both
    return min([node.lineno, *(item.lineno for item in getattr(node, "decorator_list", []))]), last
