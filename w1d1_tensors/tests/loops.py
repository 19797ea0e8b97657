"""What the tests of the puzzles share: the loop above each puzzle is its specification, and an answer has none."""

import ast
import functools
import importlib.util
from pathlib import Path
from types import ModuleType

from shared.checks import close, fail

LOOPS = {
    ast.For: "a for loop",
    ast.While: "a while loop",
    ast.ListComp: "a list comprehension",
    ast.SetComp: "a set comprehension",
    ast.DictComp: "a dict comprehension",
    ast.GeneratorExp: "a generator expression",
}
# These run Python code once for every element, or hand the elements over to Python.
CALLS = {"map", "filter", "apply_", "map_", "vectorize", "frompyfunc", "fromiter", "apply_along_axis", "tolist"}
CALLS |= {"zip", "enumerate", "fromkeys", "extend", "update", "union", "intersection", "difference"}
# Given one tensor, these walk through it; given two numbers, they don't.
WALKERS = {"sum", "any", "all", "min", "max", "sorted", "set", "frozenset", "list", "tuple", "dict"}
WALKERS |= {"collections.Counter", "math.prod", "math.fsum"}
# What these give is a handful of things, so Python may walk through it.
HANDFULS = {"size", "range", "meshgrid", "unravel_index", "broadcast_tensors"}


@functools.cache
def specification(name: str) -> ModuleType:
    """The module of that name in skeleton/, whose loops nobody has edited."""
    file = Path(__file__).resolve().parent.parent / "skeleton" / f"{name}.py"
    spec = importlib.util.spec_from_file_location(f"specification_of_{name}", file)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def like_the_loop(module: ModuleType, name: str, *arguments, **tolerances) -> None:
    """The puzzle gives what the loop above it gives, without a loop of its own."""
    __tracebackhide__ = True
    got = getattr(module, name)(*arguments)
    no_loop(module, name)
    expected = getattr(specification(module.__name__), f"{name}_loop")(*arguments)
    close(got, expected, **tolerances)


def no_loop(module: ModuleType, name: str) -> None:
    """Fails if the function, or one of the same file that it calls, loops in Python: seen on the syntax tree."""
    __tracebackhide__ = True
    functions, imported = _parsed(module.__loader__.get_source(module.__name__))
    waiting, seen = [name], set()
    while waiting:
        owner = waiting.pop()
        seen.add(owner)
        nodes = list(ast.walk(functions.get(owner, ast.Pass())))
        # A local variable may be called like a function of the file: `softmax = e / e.sum()`.
        local = {node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
        local |= {node.arg for node in nodes if isinstance(node, ast.arg)}
        handfuls = _handfuls(nodes)
        for node in nodes:
            what = LOOPS.get(type(node)) or _walk(node, imported, handfuls)
            if what:
                place = f"line {node.lineno}" + f", in {owner}" * (owner != name)
                fail(f"there is {what} in {place}", "this puzzle is to be solved without one: let torch do the loop")
            called = node.id if isinstance(node, ast.Name) and node.id not in local else None
            if called in (name, owner):
                fail(f"{owner} calls itself: that is a loop too")
            if called in functions and called not in seen:
                waiting.append(called)


@functools.lru_cache(maxsize=4)
def _parsed(source: str) -> tuple[dict[str, ast.AST], dict[str, str]]:
    """A file's functions by name, those inside of others too, and what its imported names are in full."""
    tree, functions, imported = ast.parse(source), {}, {}
    for node in [*ast.walk(tree), *tree.body]:  # where a name comes twice, the outer one counts
        if isinstance(node, ast.FunctionDef):
            functions[node.name] = node
        if isinstance(node, ast.Import | ast.ImportFrom):
            module = f"{node.module}." if isinstance(node, ast.ImportFrom) else ""
            imported |= {a.asname or a.name: module + a.name for a in node.names}
    for node in tree.body:  # name = lambda …
        for target in node.targets if isinstance(node, ast.Assign) else ():
            if isinstance(target, ast.Name):
                functions[target.id] = node.value
    return functions, imported


def _walk(node: ast.AST, imported: dict[str, str], handfuls: set[str]) -> str | None:
    """`x.tolist()`, `sum(x)`, `[*x]`: Python runs through the elements."""
    if isinstance(node, ast.List | ast.Tuple | ast.Set) and not isinstance(getattr(node, "ctx", None), ast.Store):
        spread = [part.value for part in node.elts if isinstance(part, ast.Starred)]
        if not all(_is_handful(part, handfuls) for part in spread):
            return f"{ast.unparse(node)}, which loops in Python,"
    if not isinstance(node, ast.Call):
        return None
    called = getattr(node.func, "attr", getattr(node.func, "id", None))
    first, dot, rest = ast.unparse(node.func).partition(".")
    full = imported.get(first, first) + dot + rest
    one = len(node.args) == 1 or (called == "sum" and len(node.args) == 2)  # sum(x, 0)
    key = any(keyword.arg == "key" for keyword in node.keywords)  # called for every element
    walks = full in WALKERS and one and (key or not _is_handful(node.args[0], handfuls))
    # Python's own reduce, not `einops.reduce` or `np.add.reduce`.
    if called in CALLS or walks or full == "functools.reduce" or full.startswith("itertools."):
        return f"a call of {called}, which loops in Python,"
    return None


def _handfuls(nodes: list[ast.AST]) -> set[str]:
    """The names in a function that stand for a few things: `shape`, `*vectors`, `n: tuple[int, int]`, `n = x.shape`."""
    names = {"shape"}
    for node in nodes:
        if isinstance(node, ast.arguments) and node.vararg:
            names.add(node.vararg.arg)
        if isinstance(node, ast.arg) and node.annotation and ast.unparse(node.annotation).startswith(("tuple", "list")):
            names.add(node.arg)
        if isinstance(node, ast.Assign) and _is_handful(node.value, names):
            for target in node.targets:
                parts = [part.value for part in getattr(target, "elts", ()) if isinstance(part, ast.Starred)]
                names |= {part.id for part in [target, *parts] if isinstance(part, ast.Name)}
    return names


def _is_handful(node: ast.AST, names: set[str]) -> bool:
    """`x.shape[1:]`, `[a, b]`, `reversed(shape)`, `x.unique(return_counts=True)`: a few things, not a tensor."""
    if isinstance(node, ast.Starred) or (isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Slice)):
        return _is_handful(node.value, names)
    if isinstance(node, ast.BinOp):  # [width] * 4, shape + (1,)
        return _is_handful(node.left, names) or _is_handful(node.right, names)
    if isinstance(node, ast.Call):
        called = getattr(node.func, "attr", getattr(node.func, "id", None))
        several = any((keyword.arg or "").startswith(("return_", "as_tuple")) for keyword in node.keywords)
        inner = called in {"list", "tuple", "sorted", "reversed", "set"} and node.args
        return called in HANDFULS or several or bool(inner and _is_handful(node.args[0], names))
    if isinstance(node, ast.Name):
        return node.id in names
    return isinstance(node, ast.Tuple | ast.List) or getattr(node, "attr", None) == "shape"
