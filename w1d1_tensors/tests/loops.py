"""What the tests of the puzzles share: the loop above each puzzle is its specification, and an answer has none."""

import ast
import functools
import importlib.util
import re
from pathlib import Path
from types import ModuleType

from shared.checks import close, fail, same_for_any_layout

LOOPS = {
    ast.For: "a for loop",
    ast.While: "a while loop",
    ast.ListComp: "a list comprehension",
    ast.SetComp: "a set comprehension",
    ast.DictComp: "a dict comprehension",
    ast.GeneratorExp: "a generator expression",
}
# These run Python code once for every element, or hand the elements over to Python.
CALLS = {"apply_", "map_", "vectorize", "frompyfunc", "fromiter", "apply_along_axis", "tolist"}
CALLS |= {"fromkeys", "extend", "update", "union", "intersection", "difference"}
# These walk through all that they are given, behind so many arguments of another kind. A shape or [a, b] is fine.
RUNNERS = {"zip": 0, "enumerate": 0, "map": 1, "filter": 1, "functools.reduce": 1}
RUNNERS |= {"itertools.accumulate": 0, "itertools.chain": 0, "itertools.pairwise": 0}
# Given one tensor, these walk through it; given two numbers, they don't.
WALKERS = {"sum", "any", "all", "min", "max", "sorted", "set", "frozenset", "list", "tuple", "dict"}
WALKERS |= {"collections.Counter", "math.prod", "math.fsum"}
LAZY = {name for runner in RUNNERS if "reduce" not in runner for name in (runner, runner.rpartition(".")[2])}
# What these give is a handful of things, so Python may walk through it.
HANDFULS = {"size", "stride", "range", "meshgrid", "unravel_index", "broadcast_tensors"}


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
    # The loop comes first: an answer may have changed what it was given.
    expected = getattr(specification(module.__name__), f"{name}_loop")(*arguments)
    got = getattr(module, name)(*arguments)
    no_loop(module, name)
    close(got, expected, **tolerances)


def in_any_layout(module: ModuleType, name: str, *arguments) -> None:
    """The puzzle gives what the loop above it gives, however its tensors lie in memory."""
    __tracebackhide__ = True
    same_for_any_layout(getattr(module, name), getattr(specification(module.__name__), f"{name}_loop"), *arguments)


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
    # `functools.reduce`, not `einops.reduce` or `np.add.reduce`.
    walked = node.args[RUNNERS.get(full, 0) :]
    if full in {"functools.reduce", "itertools.accumulate"}:
        walked = walked[:1]  # behind it comes a start, or the function
    runs = full in RUNNERS and not all(_is_short(part, handfuls) for part in walked)
    if called in CALLS or walks or runs or (full.startswith("itertools.") and full not in RUNNERS):
        return f"a call of {called}, which loops in Python,"
    return None


def _handfuls(nodes: list[ast.AST]) -> set[str]:
    """The names in a function that stand for a few things: `shape`, `*vectors`, `n: tuple[int, int]`, `n = x.shape`.

    "xy, few columns" stands for a matrix with as many columns as its annotation says, "r, counted" for a range.
    """
    names = {"shape"}
    for node in sorted(nodes, key=lambda node: isinstance(node, ast.Assign)):
        if isinstance(node, ast.arguments) and node.vararg:
            names.add(node.vararg.arg)
        if isinstance(node, ast.arg) and node.annotation and ast.unparse(node.annotation).startswith(("tuple", "list")):
            names.add(node.arg)
        if isinstance(node, ast.arg) and node.annotation and re.search(r" \d'\]$", ast.unparse(node.annotation)):
            names.add(f"{node.arg}, few columns")
        if isinstance(node, ast.Assign):
            facts = {", few columns": _has_few_columns(node.value, names), ", counted": _is_counted(node.value, names)}
            assigned = [target.id for target in node.targets if isinstance(target, ast.Name)]
            names |= {name + fact for fact, holds in facts.items() if holds for name in assigned}
        if isinstance(node, ast.Assign) and _is_handful(node.value, names):
            for target in node.targets:
                parts = [part.value for part in getattr(target, "elts", ()) if isinstance(part, ast.Starred)]
                names |= {part.id for part in [target, *parts] if isinstance(part, ast.Name)}
    return names


def _is_handful(node: ast.AST, names: set[str]) -> bool:
    """`x.shape[1:]`, `[a, b]`, `reversed(shape)`, `x.unique(return_counts=True)`: a few things, not a tensor."""
    if isinstance(node, ast.Starred) or (isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Slice)):
        return _is_handful(node.value, names)
    if _columns(node, names):
        return True
    if isinstance(node, ast.BinOp):  # [width] * 4, shape + (1,)
        return _is_handful(node.left, names) or _is_handful(node.right, names)
    if isinstance(node, ast.Call):
        called = getattr(node.func, "attr", getattr(node.func, "id", None))
        several = any((keyword.arg or "").startswith(("return_", "as_tuple")) for keyword in node.keywords)
        inner = called in {"list", "tuple", "sorted", "reversed", "set"} and node.args
        # What RUNNERS walk through is looked at where they are called.
        runs = ast.unparse(node.func) in LAZY
        return called in HANDFULS or several or runs or bool(inner and _is_handful(node.args[0], names))
    if isinstance(node, ast.Name):
        return node.id in names
    return isinstance(node, ast.Tuple | ast.List) or getattr(node, "attr", None) == "shape"


def _is_short(node: ast.AST, names: set[str]) -> bool:
    """A handful, but neither spread out, `*vectors`, nor as many as somebody says, `range(n)` or `[0] * n`."""
    return _is_handful(node, names) and not isinstance(node, ast.Starred) and not _is_counted(node, names)


def _is_counted(node: ast.AST, names: set[str]) -> bool:
    for part in ast.walk(node):
        times = isinstance(part, ast.BinOp) and isinstance(part.op, ast.Mult)
        if times and any(isinstance(side, ast.List) for side in (part.left, part.right)):
            return True
        if isinstance(part, ast.Name) and (part.id == "range" or f"{part.id}, counted" in names):
            return True
    return False


def _columns(node: ast.AST, names: set[str]) -> bool:
    """`xy.unbind(-1)` or `xy.T`, where xy has two columns, say: a handful of vectors."""
    if isinstance(node, ast.Attribute):
        return node.attr in {"T", "mT"} and _has_few_columns(node.value, names)
    if not (isinstance(node, ast.Call) and getattr(node.func, "attr", None) == "unbind"):
        return False
    given = [*node.args, *(keyword.value for keyword in node.keywords)]
    tensor = node.func.value if ast.unparse(node.func.value) != "torch" else given.pop(0)
    return bool(given) and ast.unparse(given[0]) in {"-1", "1"} and _has_few_columns(tensor, names)


def _has_few_columns(node: ast.AST, names: set[str]) -> bool:
    """`xy` from `xy: Float[Tensor, "n 2"]`, what is made of it, or `x[:, :2]`."""
    parts = list(ast.walk(node))
    cuts = [part.slice for part in parts if isinstance(part, ast.Subscript)]
    last = [cut.elts[-1] for cut in cuts if isinstance(cut, ast.Tuple) and len(cut.elts) > 1]
    cut = any(isinstance(at, ast.List) or isinstance(getattr(at, "upper", None), ast.Constant) for at in last)
    return cut or any(f"{part.id}, few columns" in names for part in parts if isinstance(part, ast.Name))
