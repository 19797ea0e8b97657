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
CALLS = {"map", "filter", "apply_", "map_", "vectorize", "frompyfunc", "apply_along_axis", "tolist"}
# Python's own, not `einops.reduce` or `np.add.reduce`.
ITERATORS = {("functools", "reduce"), ("itertools", "accumulate"), ("itertools", "starmap")}
# Given one tensor, these walk through it; given two numbers, they don't.
WALKERS = {"sum", "any", "all", "min", "max", "sorted", "set", "list", "tuple", "Counter"}


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
    functions, iterators = _parsed(module.__loader__.get_source(module.__name__))
    waiting, seen = [name], set()
    while waiting:
        owner = waiting.pop()
        seen.add(owner)
        nodes = list(ast.walk(functions.get(owner, ast.Pass())))
        # A local variable may be called like a function of the file: `softmax = e / e.sum()`.
        local = {node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
        local |= {node.arg for node in nodes if isinstance(node, ast.arg)}
        for node in nodes:
            what = LOOPS.get(type(node)) or _walk(node, iterators)
            if what:
                place = f"line {node.lineno}" + f", in {owner}" * (owner != name)
                fail(f"there is {what} in {place}", "this puzzle is to be solved without one: let torch do the loop")
            called = node.id if isinstance(node, ast.Name) and node.id not in local else None
            if called in (name, owner):
                fail(f"{owner} calls itself: that is a loop too")
            if called in functions and called not in seen:
                waiting.append(called)


@functools.lru_cache(maxsize=4)
def _parsed(source: str) -> tuple[dict[str, ast.AST], set[str]]:
    """A file's functions by name, those inside of others too, and the names under which it has ITERATORS."""
    tree, functions, iterators = ast.parse(source), {}, {".".join(names) for names in ITERATORS}
    for node in [*ast.walk(tree), *tree.body]:  # where a name comes twice, the outer one counts
        if isinstance(node, ast.FunctionDef):
            functions[node.name] = node
        if isinstance(node, ast.ImportFrom):
            iterators |= {a.asname or a.name for a in node.names if (node.module, a.name) in ITERATORS}
    for node in tree.body:  # name = lambda …
        for target in node.targets if isinstance(node, ast.Assign) else ():
            if isinstance(target, ast.Name):
                functions[target.id] = node.value
    return functions, iterators


def _walk(node: ast.AST, iterators: set[str]) -> str | None:
    """`x.tolist()`, `sum(x)`: Python runs through the elements."""
    if not isinstance(node, ast.Call):
        return None
    called = getattr(node.func, "attr", getattr(node.func, "id", None))
    builtin = isinstance(node.func, ast.Name) and called in WALKERS
    start = called == "sum" and len(node.args) == 2  # sum(x, 0)
    walks = builtin and (len(node.args) == 1 or start) and not _is_shape(node.args[0])
    if called in CALLS or walks or ast.unparse(node.func) in iterators:
        return f"a call of {called}, which loops in Python,"
    return None


def _is_shape(node: ast.AST) -> bool:
    """`max(x.shape)`, `list(x.size())`, `tuple([a, b])`: a few numbers, not a tensor."""
    if isinstance(node, ast.Call):
        node = node.func
    if isinstance(node, ast.Subscript):
        return _is_shape(node.value)
    return isinstance(node, ast.Tuple | ast.List) or getattr(node, "attr", None) in ("shape", "size")
