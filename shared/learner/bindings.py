"""What a name of a module really stands for: of all that binds it, the last one counts, not the one that looks right.

`last = helper` below a definition, a `def` inside `if` or `try`, an import, a `del`: Python takes the later one.
"""

import ast
from collections.abc import Iterator
from dataclasses import dataclass

from shared.course.fences import split_lines


@dataclass(frozen=True)
class Binding:
    """One place that gives a name its meaning, or takes it away."""

    line: int
    text: str  # its first line, as it stands in the file
    sure: bool  # False inside a condition, a loop or a function: whether it happens is known only at run time
    definition: bool  # a def or class


def rebound(text: str, name: str, line: int, reference: str = "") -> Binding | None:
    """The last binding of "f", "C" or "C.m" below the definition that ends in that line; None if there is none.

    What the `reference` does in the same words, say a `forward = compile(forward)` of its own, is no rebinding. The
    text has to parse. What happens at run time only (exec, another module) can't be seen.
    """
    ours = {binding.text for binding in bindings(reference, name) if not binding.definition}
    later = [b for b in bindings(text, name) if b.line > line and b.text not in ours]
    return later[-1] if later else None


def decorators(text: str, name: str) -> list[str]:
    """What stands above a class or function of the module, outermost first."""
    found = [node for node in ast.parse(text).body if getattr(node, "name", None) == name]
    return [ast.unparse(item) for item in getattr(found[-1], "decorator_list", [])] if found else []


def bindings(text: str, name: str) -> list[Binding]:
    """All that binds a name, or an attribute of it, in the order in which it stands."""
    owner, _, member = name.partition(".")
    lines, tree = split_lines(text), ast.parse(text)
    is_class = any(isinstance(node, ast.ClassDef) and node.name == owner for node in tree.body)
    found = []
    for node, sure in _walk(tree.body, owner):
        hit = _binds(node, owner) or (is_class and _patches(node, owner, member))
        if hit:
            found.append(_made(node, lines, sure))
        if member and isinstance(node, ast.ClassDef) and node.name == owner:
            inside = _walk(node.body, member)
            found += [_made(inner, lines, sure and again) for inner, again in inside if _binds(inner, member)]
    return sorted(found, key=lambda binding: binding.line)


def _made(node: ast.AST, lines: list[str], sure: bool) -> Binding:
    line = node.lineno  # type: ignore[attr-defined]
    definition = isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef))
    star = isinstance(node, ast.ImportFrom) and node.names[0].name == "*"
    return Binding(line, lines[line - 1].strip(), sure and not star, definition)


_SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)
_COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
_FORKS = (ast.If, ast.For, ast.AsyncFor, ast.While, ast.Try, ast.TryStar, ast.Match, ast.IfExp, ast.BoolOp)


def _walk(statements: list[ast.stmt], name: str, sure: bool = True) -> Iterator[tuple[ast.AST, bool]]:
    """Every node that runs in this scope, in order, with whether it surely runs."""
    for statement in statements:
        yield from _visit(statement, name, sure)


def _visit(node: ast.AST, name: str, sure: bool) -> Iterator[tuple[ast.AST, bool]]:
    yield node, sure
    if isinstance(node, _SCOPES):
        # Defaults and decorators can bind by `:=`; the body is a scope of its own, unless it says `global`.
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and _says_global(node, name):
            for inner in ast.walk(node):
                if inner is not node:
                    yield inner, False
        return
    if isinstance(node, ast.If) and _is_false(node.test):
        yield from _walk(node.orelse, name, sure)
        return
    if isinstance(node, ast.AnnAssign) and node.value is None:
        return  # a bare annotation binds nothing
    inner_sure = sure and not isinstance(node, _FORKS)
    for child in ast.iter_child_nodes(node):
        if isinstance(node, _COMPREHENSIONS) and isinstance(child, ast.comprehension):
            continue  # its targets are its own
        yield from _visit(child, name, inner_sure)


def _says_global(node: ast.AST, name: str) -> bool:
    return any(isinstance(inner, ast.Global) and name in inner.names for inner in ast.walk(node))


def _is_false(test: ast.expr) -> bool:
    """Whether a condition is false for everybody who imports the module."""
    if isinstance(test, ast.Constant):
        return not test.value
    never = ("TYPE_CHECKING", "typing.TYPE_CHECKING", "__name__ == '__main__'", "'__main__' == __name__")
    return ast.unparse(test) in never


def _binds(node: ast.AST, name: str) -> bool:
    match node:
        case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef() | ast.ExceptHandler():
            return node.name == name
        case ast.Name():
            return node.id == name and _changes(node)
        case ast.Import():
            return any((alias.asname or alias.name.partition(".")[0]) == name for alias in node.names)
        case ast.ImportFrom():
            return any((alias.asname or alias.name) in (name, "*") for alias in node.names)
        case ast.MatchAs() | ast.MatchStar():
            return node.name == name
        case ast.MatchMapping():
            return node.rest == name
        case ast.Subscript(value=ast.Call(func=ast.Name(id="globals" | "vars" | "locals")), slice=ast.Constant(key)):
            return key == name and _changes(node)
    return False


def _patches(node: ast.AST, owner: str, member: str) -> bool:
    """`C.m = …`, `del C.m` or `setattr(C, "m", …)`; without a member any of C's."""
    match node:
        case ast.Attribute(value=ast.Name(changed)):
            return changed == owner and member in ("", node.attr) and _changes(node)
        case ast.Call(func=ast.Name(id="setattr" | "delattr"), args=[ast.Name(changed), ast.Constant(key), *_]):
            return changed == owner and member in ("", key)
    return False


def _changes(node: ast.Name | ast.Attribute | ast.Subscript) -> bool:
    return isinstance(node.ctx, (ast.Store, ast.Del))
