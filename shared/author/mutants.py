"""Machine-made mutants of a solution: the small slips that a day's tests ought to notice.

`mutants(text, filename)` makes one edit at a time, inside the fences only, to the text (so its layout survives). What a
slip looks like is said in mutators.py and torch_mutators.py beside it; here it is applied, and gets its key.
"""

import ast
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace

from shared.author.mutators import SLIPS
from shared.author.syntax import Code, Edit, Placed, called, names_in
from shared.author.torch_mutators import TORCH_SLIPS
from shared.course.fences import fences

# Calls and keywords whose inside says nothing about the numbers.
UNMUTATED = {"print", "warn", "manual_seed", "isinstance", "hasattr", "set_postfix", "set_description"}
IDLE_KEYWORDS = {"inplace", "non_blocking", "pin_memory", "strict", "exist_ok"}
IDLE_KEYWORDS |= {"disable", "desc", "unit", "mininterval", "leave", "indent"}


@dataclass(frozen=True)
class Mutant:
    """A module with one slip in it. `old` and `new` are the slip's surroundings on one line, for reports."""

    owner: str
    line: int
    old: str
    new: str
    text: str
    kind: str
    nth: int = 1  # among those of the same owner with the same old and new

    @property
    def key(self) -> str:
        """What a list of explained survivors knows this mutant by; line numbers play no part."""
        ordinal = {1: "", 2: " (2nd)", 3: " (3rd)"}.get(self.nth, f" ({self.nth}th)")
        return f"{self.owner}: {self.old} -> {self.new}{ordinal}"


def mutants(text: str, filename: str) -> list[Mutant]:
    """Every mutant of the fenced code, by line. Each compiles, and no two of them (nor the original) are the same."""
    code, places = Code(text, filename), fences(text, filename)
    found: list[tuple[int, Mutant]] = []
    for index, top in enumerate(code.tree.body):
        seen = {ast.dump(top)}
        for node in _candidates(code, top):
            first, last = node.lineno, node.end_lineno or node.lineno
            fence = next((f for f in places if f.begin < first and last < f.end), None)
            if fence is None:
                continue
            for edit in _edits(code, node):
                mutant = _mutant(code, fence.owner, node, edit)
                try:
                    tree = ast.parse(mutant.text.encode())
                    compile(tree, filename, "exec")
                except SyntaxError:
                    continue
                dump = ast.dump(tree.body[index])
                if dump not in seen:
                    seen.add(dump)
                    found.append((edit[1], mutant))
    counts: Counter[tuple[str, str, str]] = Counter()
    numbered = []
    for _, mutant in sorted(found, key=lambda pair: pair[0]):
        same = mutant.owner, mutant.old, mutant.new
        counts[same] += 1
        numbered.append(replace(mutant, nth=counts[same]))
    return numbered


def _edits(code: Code, node: Placed) -> Iterator[Edit]:
    for mutators in (SLIPS, TORCH_SLIPS):
        for mutator in mutators.get(type(node), ()):
            yield from mutator(code, node)


def _mutant(code: Code, owner: str, node: Placed, edit: Edit) -> Mutant:
    kind, start, end, new = edit
    first, last = code.shown(node, end)
    old, changed = code.data[first:last], code.data[first:start] + new.encode() + code.data[end:last]
    return Mutant(
        owner=owner,
        line=code.data.count(b"\n", 0, start) + 1,
        old=_one_line(old),
        new=_one_line(changed),
        text=(code.data[:start] + new.encode() + code.data[end:]).decode(),
        kind=kind,
    )


def _one_line(source: bytes) -> str:
    return " ".join(source.decode().split())


def _candidates(code: Code, node: ast.AST) -> Iterator[Placed]:
    """The nodes worth changing: no checks, messages, strings, annotations or decorators."""
    for field, value in ast.iter_fields(node):
        if field in ("annotation", "returns", "decorator_list", "type_params"):
            continue
        for child in value if isinstance(value, list) else [value]:
            if not isinstance(child, ast.AST) or isinstance(child, ast.Assert | ast.Raise | ast.JoinedStr):
                continue
            if isinstance(child, ast.Expr) and called(child.value) in UNMUTATED:
                continue
            if isinstance(child, ast.keyword) and child.arg in IDLE_KEYWORDS:
                continue
            if called(child) in UNMUTATED or _is_step_of_a_while(code, child):
                continue
            if isinstance(child, Placed):
                yield child
            yield from _candidates(code, child)


def _is_step_of_a_while(code: Code, node: ast.AST) -> bool:
    """i += 1 under `while i < n`: changed, it may run for ever."""
    names = names_in(node.target) if isinstance(node, ast.AugAssign) else set()
    around = code.parent.get(node)
    while names and around:
        if isinstance(around, ast.While) and names & names_in(around.test):
            return True
        around = code.parent.get(around)
    return False
