"""A module's text and its syntax tree side by side: where each node stands, what surrounds it, how to edit it there.

`ast` says where things are in UTF-8 bytes, and so does every edit. Whoever makes edits registers with a `Mutators`.
"""

import ast
import re
from collections.abc import Callable, Iterator
from typing import Any

Edit = tuple[str, int, int, str]  # kind, first byte, byte after the last, what stands there instead
Placed = ast.expr | ast.stmt | ast.keyword | ast.arg  # nodes of which `ast` says where they stand
Function = ast.FunctionDef | ast.AsyncFunctionDef
COMPREHENSIONS = (ast.ListComp, ast.GeneratorExp, ast.SetComp, ast.DictComp)
# What says something by itself in a report, and what stands anywhere without brackets.
SHOWN = (ast.Call, ast.Subscript, ast.BinOp, ast.Compare, ast.BoolOp, ast.IfExp, ast.Dict, ast.stmt, *COMPREHENSIONS)
ATOMS = (ast.Name, ast.Attribute, ast.Call, ast.Subscript, ast.Constant, ast.List, ast.ListComp)


class Code:
    """A parsed module: byte positions, parents, and the questions that mutators ask."""

    def __init__(self, text: str, filename: str):
        self.data = text.encode()
        self.tree = ast.parse(self.data, filename)
        self.starts = [0]
        for line in self.data.splitlines(keepends=True):
            self.starts.append(self.starts[-1] + len(line))
        self.parent = {child: node for node in ast.walk(self.tree) for child in ast.iter_child_nodes(node)}

    def span(self, node: Placed) -> tuple[int, int]:
        assert node.end_lineno is not None and node.end_col_offset is not None  # `ast.parse` always gives both
        return self.starts[node.lineno - 1] + node.col_offset, self.starts[node.end_lineno - 1] + node.end_col_offset

    def source(self, node: Placed) -> str:
        start, end = self.span(node)
        return self.data[start:end].decode()

    def gap(self, left: Placed, right: Placed) -> str:
        """What stands between two nodes: an operator or a comma; brackets and comments too."""
        return self.data[self.span(left)[1] : self.span(right)[0]].decode()

    def grouped(self, node: ast.expr) -> str:
        """The node's source, fit to stand anywhere in an expression."""
        source = self.source(node)
        return source if isinstance(node, ATOMS) and "\n" not in source else f"({source})"

    def replace(self, kind: str, node: Placed, new: str) -> Edit:
        return kind, *self.span(node), new

    def between(self, kind: str, left: ast.expr, right: ast.expr, old: str, new: str) -> Iterator[Edit]:
        """Replaces the operator between two nodes."""
        start, end = self.span(left)[1], self.span(right)[0]
        gap = re.sub(rb"#[^\n]*", lambda comment: b" " * len(comment[0]), self.data[start:end])
        if found := re.search(rb"\s+".join(re.escape(word) for word in old.encode().split()), gap):
            yield kind, start + found.start(), start + found.end(), new

    def swapped(self, left: ast.expr, right: ast.expr, source: Callable[[ast.expr], str] | None = None) -> Edit:
        source = source or self.source
        new = source(right) + self.gap(left, right) + source(left)
        return "swap", self.span(left)[0], self.span(right)[1], new

    def function(self, node: ast.AST) -> Function | None:
        """The innermost function around a node, which may be the node itself."""
        around: ast.AST | None = node
        while around:
            if isinstance(around, Function):
                return around
            around = self.parent.get(around)
        return None

    def is_the_callers(self, name: ast.expr | None, tensor: bool = False) -> bool:
        """Does this name still hold the argument as it came in? (`tensor`: one that is annotated as a tensor)"""
        if not isinstance(name, ast.Name) or (function := self.function(name)) is None:
            return False
        arguments = [*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs]
        notes = {a.arg: self.source(a.annotation) if a.annotation else "" for a in arguments}
        if name.id not in notes or (tensor and not re.search(r"Tensor|Parameter", notes[name.id])):
            return False
        stores = (n for n in ast.walk(function) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store))
        return not any(n.id == name.id and n.lineno < name.lineno for n in stores)

    def is_loop_variable(self, name: ast.Name) -> bool:
        loops = (n for n in ast.walk(self.function(name) or self.tree) if isinstance(n, ast.For))
        return any(name.id in names_in(loop.target) for loop in loops)

    def shown(self, node: ast.AST, end: int) -> tuple[int, int]:
        """The span a report shows: the nearest expression that says something, of a compound statement the head."""
        while not isinstance(node, SHOWN):
            node = self.parent[node]
        start, stop = self.span(node)
        if body := getattr(node, "body", None) if isinstance(node, ast.stmt) else None:
            first = self.span(body[0])[0]
            ends = [self.span(n)[1] for n in ast.walk(node) if isinstance(n, Placed) and self.span(n)[1] <= first]
            stop = max([end, *ends])
        return start, stop


Mutator = Callable[[Code, Any], Iterator[Edit]]  # Any: the kinds of node that it is registered for


class Mutators(dict[type[ast.AST], list[Mutator]]):
    """Generators of edits, by the kind of node that they change."""

    def on(self, *kinds: type[ast.AST]) -> Callable[[Mutator], Mutator]:
        def register(mutator: Mutator) -> Mutator:
            for kind in kinds:
                self.setdefault(kind, []).append(mutator)
            return mutator

        return register


def names_in(node: ast.AST) -> set[str]:
    return {n.id for n in ast.walk(node) if isinstance(n, ast.Name)}


def called(node: ast.AST | None) -> str:
    """`f` of f(…) and of x.f(…); nothing where the node is no call."""
    return last(node.func) if isinstance(node, ast.Call) else ""


def last(node: ast.AST) -> str:
    """`allclose` of `torch.allclose`, of `allclose` too; nothing of what is neither."""
    return getattr(node, "attr", getattr(node, "id", ""))


def root(node: ast.AST) -> str:
    """`x` of x.f(…).g."""
    while isinstance(node, ast.Attribute | ast.Call):
        node = node.value if isinstance(node, ast.Attribute) else node.func
    return getattr(node, "id", "")


def is_string(node: ast.AST) -> bool:
    return isinstance(node, ast.JoinedStr) or isinstance(getattr(node, "value", None), str)


def is_shape(node: ast.expr) -> bool:
    """x.shape, x.ndim, x.size(), len(x), x.shape[0], tuple(x.shape)."""
    if isinstance(node, ast.Attribute):
        return node.attr in ("shape", "ndim")
    if isinstance(node, ast.Subscript):
        return is_shape(node.value)
    if isinstance(node, ast.Call) and called(node) in ("tuple", "list", "len"):
        return bool(node.args) and is_shape(node.args[0])
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in ("size", "dim")
