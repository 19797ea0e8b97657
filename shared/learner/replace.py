"""Moves a definition from one text of a module into another, which a pair has edited and which may not parse."""

import ast
import re

from shared.course.definitions import Block, Source
from shared.course.fences import BEGIN, split_lines, strip


def replace_definition(text: str, original: Source, name: str) -> str:
    """The text with the original's definition of "f", "C" or "C.m", without markers, and with its imports.

    It replaces the definition of that name. Where that is missing it goes behind the nearest one that precedes it in
    the original, else before the nearest one that follows, else to the end. A class must be there for its method.
    """
    ending = "\r\n" if text.count("\r\n") * 2 > text.count("\n") else "\n"
    return _with_imports(_placed(text, original, name, ending), original, ending)


def _placed(text: str, original: Source, name: str, ending: str) -> str:
    mine, block = Source(text, original), original.find(name)
    assert block, f"the original defines no {name}"
    owner, _, short = name.rpartition(".")
    home = mine.find(owner) if owner else None
    here = mine.find(name) or (None if owner else _assignment(mine, name))
    if here:
        lines = _lines(original, block.start, block, here.indent, ending)
        return "".join(mine.lines[: here.start] + lines + mine.lines[here.end :])

    blocks = mine.methods(home) if home else mine.definitions()
    home_there = original.find(owner) if owner else None
    order = [other.name for other in (original.methods(home_there) if home_there else original.definitions())]
    at, indent = _place(mine, home, {other.name: other for other in blocks}, order[: order.index(short)], order, blocks)
    lines = _lines(original, block.above, block, indent, ending)
    before, after = mine.lines[:at], mine.lines[at:]
    gap = [ending] * (1 if home else 2)
    if before and not before[-1].endswith(("\n", "\r")):
        before[-1] += ending
    if len(before) > _blank(reversed(before)) and not (home and at == mine.body(home)):
        before = before[: len(before) - _blank(reversed(before))] + gap
    if len(after) > _blank(after):
        # Behind a class's last method, what comes next is as far away as things in column 0 are.
        after = (gap if not home or at < home.end else [ending] * 2) + after[_blank(after) :]
    return "".join(before + lines + after)


def _place(mine: Source, home: Block | None, known: dict, earlier: list[str], order: list[str], blocks: list[Block]):
    """(line, indentation) for a missing definition: after the nearest earlier one, else before a later one."""
    indent = blocks[0].indent if blocks else (_member_indent(mine, home) if home else "")
    for name in reversed(earlier):
        if name in known:
            return known[name].end, indent
    for name in order[len(earlier) + 1 :]:
        if name in known:
            return known[name].above, indent
    if home:
        return home.end, indent
    script = [i for i in mine.statements() if re.match(r"if\s+__name__\b", mine.lines[i])]
    return (script[-1] if script else len(mine.lines)), indent


def _member_indent(mine: Source, home: Block) -> str:
    inside = [line for line in mine.lines[mine.body(home) : home.end] if line.strip()]
    indents = [line[: len(line) - len(line.lstrip(" \t"))] for line in inside]
    return next((indent for indent in indents if len(indent) > len(home.indent)), home.indent + "    ")


def _assignment(mine: Source, name: str) -> Block | None:
    """`name = lambda …` in place of a `def`."""
    found = [i for i in mine.statements() if re.match(rf"{re.escape(name)}\s*(:[^=]*)?=(?!=)", mine.lines[i])]
    return Block(name, found[-1], found[-1], mine.after(found[-1]), "") if found else None


def _lines(original: Source, first: int, block: Block, indent: str, ending: str) -> list[str]:
    """A definition's lines for another file: without markers and prompts, with its indentation and line ends."""
    lines = split_lines("".join(original.lines[first : block.end]))
    if any(line.strip() == BEGIN for line in lines):  # the solution; the skeleton keeps its prompts
        lines = split_lines(strip("".join(lines)))
    lines = [line.rstrip("\r\n") + ending for line in lines]
    if indent != block.indent:
        size = len(block.indent)
        unit = "\t" if "\t" in indent else "    "
        for i, line in enumerate(lines):
            if line.startswith(block.indent) and line.strip():
                bare = line[size:].lstrip(" ")
                depth, rest = divmod(len(line) - size - len(bare), 4)
                lines[i] = indent + unit * depth + " " * rest + bare
    return lines


def _blank(lines) -> int:
    """How many blank lines come first."""
    count = 0
    for line in lines:
        if line.strip():
            break
        count += 1
    return count


def _imports(source: Source) -> list[tuple[int, ast.Import | ast.ImportFrom]]:
    """(line after it, import) for the imports in column 0, each read alone, since the rest may not parse."""
    found: list[tuple[int, ast.Import | ast.ImportFrom]] = []
    for i in source.statements():
        if re.match(r"(import|from)\b", source.lines[i]):
            after = source.after(i)
            try:
                statement = ast.parse("".join(source.lines[i:after])).body[0]
            except (SyntaxError, ValueError):
                continue
            if isinstance(statement, (ast.Import, ast.ImportFrom)):
                found.append((after, statement))
    return found


def _with_imports(text: str, original: Source, ending: str) -> str:
    """The text with those imports of the original that it lacks, below its own."""
    mine = Source(text, original)

    def parts(statement: ast.Import | ast.ImportFrom) -> list[tuple]:
        level = getattr(statement, "level", None)
        return [(type(statement), level, getattr(statement, "module", None), a.name, a.asname) for a in statement.names]

    present = {part for _, statement in _imports(mine) for part in parts(statement)}
    new: list[str] = []
    future: list[str] = []
    for _, statement in _imports(original):
        statement.names = [name for name, part in zip(statement.names, parts(statement)) if part not in present]
        if statement.names:
            (future if getattr(statement, "module", "") == "__future__" else new).append(
                ast.unparse(statement) + ending
            )
    if not new and not future:
        return text
    first = min([block.above for block in mine.definitions()], default=len(mine.lines))
    statements = [i for i in mine.statements() if i < first]
    docstring = bool(statements) and re.match(r"[rR]?[\"']", mine.lines[statements[0]])
    if docstring:
        top = mine.after(statements[0])
    else:
        top = min([*statements, first, len(mine.lines)])
    last = max([after for after, _ in _imports(mine) if after <= first], default=top)
    if last == top and docstring:
        (future or new).insert(0, ending)
    if last == top and mine.lines[last:] and mine.lines[last].strip():
        (new or future).append(ending)
    return "".join(mine.lines[:top] + future + mine.lines[top:last] + new + mine.lines[last:])
