"""The rules that tests obey as far as their text shows it, and which exercise each test belongs to.

Nothing is run: a test file is read as a syntax tree. What only a run can tell, check.py and strength.py ask.
"""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from shared.author.syntax import Function, is_shape, last

NO_CHECKS = {"exercise", "strided", "randomize", "recorder", "same_records"}  # of shared.checks, these check nothing
SKIPS = {"skip", "skipif", "xfail", "importorskip", "skipTest", "skipIf", "skipUnless"}
POSITIONS = {"allclose": 2, "isclose": 2, "assert_close": 2, "assert_allclose": 2, "close": 2, "equal": 2, "approx": 1}
LATE = {"transformers", "torchvision"}  # seconds to import: only inside the function that needs them
UNREADABLE = "?"  # a marker whose exercise only a run could tell


@dataclass(frozen=True)
class Test:
    """A test function, and the names that its `exercise` markers give."""

    name: str
    line: int
    exercises: frozenset[str]


class TestFile:
    """A test module of a day. `modules` are the names of the day's own modules."""

    __test__ = False  # for pytest, which would take this class for tests

    def __init__(self, file: Path, modules: set[str]):
        self.file, self.modules = file, modules
        self.tree = ast.parse(file.read_text(encoding="utf-8-sig"))
        self.names: dict[str, ast.expr] = {}  # what module-level names stand for
        for node in self.tree.body:
            if isinstance(node, ast.Assign):
                self.names |= {target.id: node.value for target in node.targets if isinstance(target, ast.Name)}
        self.functions = [node for node in ast.walk(self.tree) if isinstance(node, Function)]
        self.imported = self._from_helpers() | {
            alias.asname or alias.name
            for node in ast.walk(self.tree)
            if isinstance(node, ast.ImportFrom) and node.module == "shared.checks"
            for alias in node.names
            if alias.name not in NO_CHECKS
        }
        self.checking = self._checking()

    # ---- Which exercise

    def tests(self) -> list[Test]:
        """Test functions, at the top or in classes, in the order of the file."""
        found = []
        for node, classes in _test_functions(self.tree.body):
            everywhere = [self.names["pytestmark"]] if "pytestmark" in self.names else []
            marks = [*node.decorator_list, *everywhere, *(mark for owner in classes for mark in owner.decorator_list)]
            names = frozenset().union(*(self._marked(mark, set()) for mark in marks))
            found.append(Test(node.name, node.lineno, names))
        return found

    def _marked(self, node: ast.AST, seen: set[str]) -> set[str]:
        found = set()
        for part in ast.walk(node):
            if isinstance(part, ast.Call) and last(part.func) == "exercise" and part.args:
                found |= self._texts(part.args[0], node)
            elif isinstance(part, ast.Name) and part.id in self.names and part.id not in seen:
                found |= self._marked(self.names[part.id], seen | {part.id})
        return found

    def _texts(self, argument: ast.expr, around: ast.AST) -> set[str]:
        """The strings that a marker's argument takes: itself, or what a comprehension around it runs through."""
        if isinstance(argument, ast.Constant):
            return {str(argument.value)}
        if isinstance(argument, ast.JoinedStr):  # f"{kind}Cell"
            texts = {""}
            for part in argument.values:
                ends = self._texts(
                    getattr(part, "value", part) if isinstance(part, ast.FormattedValue) else part, around
                )
                texts = {text + end for text in texts for end in ends}
            return {UNREADABLE} if any(UNREADABLE in text for text in texts) else texts
        if isinstance(argument, ast.Name):
            for loop in (node for node in ast.walk(around) if isinstance(node, ast.comprehension)):
                targets = loop.target.elts if isinstance(loop.target, ast.Tuple) else [loop.target]
                places = [i for i, target in enumerate(targets) if last(target) == argument.id]
                if places:
                    values = [self._element(item, places[0], len(targets)) for item in self._items(loop.iter)]
                    return {value for value in values if isinstance(value, str)} or {UNREADABLE}
            if isinstance(value := self.names.get(argument.id), ast.Constant):
                return {str(value.value)}
        return {UNREADABLE}

    def _items(self, node: ast.expr) -> list[ast.expr]:
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "items":
            table = self._items(node.func.value)
            values = getattr(self._known(node.func.value), "values", [])
            return [ast.Tuple([key, value]) for key, value in zip(table, values)]
        node = self._known(node)
        return getattr(node, "elts", None) or [key for key in getattr(node, "keys", []) if key]

    def _known(self, node: ast.expr) -> ast.expr:
        return self.names.get(node.id, node) if isinstance(node, ast.Name) else node

    def _element(self, item: ast.expr, place: int, width: int):
        if width > 1:
            item = item.elts[place] if isinstance(item, (ast.Tuple, ast.List)) else item
        return getattr(item, "value", None)

    # ---- The rules

    def broken_rules(self) -> list[str]:
        """ "test_attention.py:31: …" for everything that a test must not do, in the order of the lines."""
        found = [*self._imports(), *self._calls(), *self._branches(), *self._checks()]
        return [f"{self.file.name}:{line}: {text}" for line, text in sorted(set(found))]

    def _imports(self) -> Iterator[tuple[int, str]]:
        late = {id(part) for function in self.functions for part in ast.walk(function)}
        for node in ast.walk(self.tree):
            if isinstance(node, ast.ImportFrom) and (node.level or node.module in self.modules):
                yield node.lineno, f"`import {node.module}`, not `from` it: a variant can't take the place of a name"
            if isinstance(node, (ast.Import, ast.ImportFrom)) and id(node) not in late:
                names = [node.module or ""] if isinstance(node, ast.ImportFrom) else [name.name for name in node.names]
                for name in names:
                    if name.split(".")[0] in LATE:
                        yield node.lineno, f"{name} takes seconds to import: do it in the function that needs it"
            if isinstance(node, ast.ImportFrom) and node.module in ("pytest", "unittest"):
                for alias in node.names:
                    if alias.name in SKIPS:
                        yield node.lineno, f"nothing is ever skipped: {alias.name}"

    def _calls(self) -> Iterator[tuple[int, str]]:
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Attribute) and node.attr in SKIPS and _root(node) in ("pytest", "unittest", "self"):
                yield node.lineno, f"nothing is ever skipped: {node.attr}"
            if isinstance(node, ast.Call):
                name = last(node.func)
                positions = len(node.args)
                if name in POSITIONS and positions > POSITIONS[name]:
                    yield node.lineno, f"{name}: tolerances are given by keyword"

    def _branches(self) -> Iterator[tuple[int, str]]:
        comparing = self.imported - {"fail"}
        for node in ast.walk(self.tree):
            if isinstance(node, ast.If):
                for part in (part for line in node.body + node.orelse for part in ast.walk(line)):
                    if isinstance(part, ast.Assert):
                        yield part.lineno, "an assert under an `if` may never run"
            if isinstance(node, ast.ExceptHandler) and self._swallows(node):
                yield node.lineno, "this `except` swallows what went wrong; use `raises`"
            if isinstance(node, ast.Call) and last(node.func) == "suppress":
                yield node.lineno, "`suppress` swallows what went wrong; use `raises`"
        for function in (function for function in self.functions if function.name.startswith("test")):
            for node in (node for node in ast.walk(function) if isinstance(node, ast.If)):
                for part in (part for line in node.body + node.orelse for part in ast.walk(line)):
                    if isinstance(part, ast.Call) and isinstance(part.func, ast.Name) and part.func.id in comparing:
                        yield part.lineno, f"`{part.func.id}` under an `if` may never run"

    def _swallows(self, handler: ast.ExceptHandler) -> bool:
        parts = [part for line in handler.body for part in ast.walk(line)]
        if any(isinstance(part, (ast.Raise, ast.Assert)) or self._is_check(part) for part in parts):
            return False
        idle = (ast.Pass, ast.Continue, ast.Break, ast.Return, ast.Expr)
        broad = handler.type is None or last(handler.type) in ("Exception", "BaseException")
        return broad or all(isinstance(line, idle) and _says_nothing(line) for line in handler.body)

    def _checks(self) -> Iterator[tuple[int, str]]:
        for function, _ in _test_functions(self.tree.body):
            parts = [part for line in function.body for part in ast.walk(line)]
            checks = [part for part in parts if self._is_check(part)]
            if not checks:
                yield function.lineno, f"{function.name} checks nothing"
                continue
            direct: list[ast.Assert | ast.Call] = [part for part in parts if isinstance(part, ast.Assert)]
            direct += [part for part in parts if isinstance(part, ast.Call) and last(part.func) in ("close", "equal")]
            subjects = {id(part.func) for part in direct if isinstance(part, ast.Call)} | {id(part) for part in direct}
            if all(id(check) in subjects for check in checks) and all(_is_about_shape(part) for part in direct):
                yield function.lineno, f"{function.name} checks a shape and nothing else"

    def _is_check(self, node: ast.AST) -> bool:
        """Whether this is an assert, or names a function that checks."""
        if isinstance(node, ast.Assert):
            return True
        if isinstance(node, ast.Name):
            return node.id in self.checking
        if isinstance(node, ast.Attribute):
            root, name = _root(node), node.attr
            checks = root in ("checks", "shared") and name not in NO_CHECKS | {"checks"}
            own = root not in self.modules and name in self.methods
            return checks or own or (root == "pytest" and name in ("raises", "fail")) or name.startswith("assert_")
        return False

    def _from_helpers(self) -> set[str]:
        """Names that come from another file in tests/ and check something there."""
        found: set[str] = set()
        for node in (node for node in self.tree.body if isinstance(node, ast.ImportFrom) and not node.level):
            helper = self.file.with_name(f"{node.module}.py")
            if helper.is_file():
                checking = TestFile(helper, self.modules).checking
                found |= {alias.asname or alias.name for alias in node.names if alias.name in checking}
        return found

    def _checking(self) -> set[str]:
        """Names whose use is a check: those of shared.checks, and the file's helpers that use one."""
        self.checking = set(self.imported)
        self.methods: set[str] = set()
        methods = {id(part) for node in ast.walk(self.tree) if isinstance(node, ast.ClassDef) for part in node.body}
        while True:
            before = len(self.checking) + len(self.methods)
            for function in self.functions:
                if any(self._is_check(part) for line in function.body for part in ast.walk(line)):
                    (self.methods if id(function) in methods else self.checking).add(function.name)
            for name, value in self.names.items():
                if any(self._is_check(part) for part in ast.walk(value)):
                    self.checking.add(name)
            if len(self.checking) + len(self.methods) == before:
                return self.checking


def _test_functions(
    body: list[ast.stmt], classes: tuple[ast.ClassDef, ...] = ()
) -> Iterator[tuple[Function, tuple[ast.ClassDef, ...]]]:
    for node in body:
        if isinstance(node, Function) and node.name.startswith("test"):
            yield node, classes
        elif isinstance(node, ast.ClassDef) and node.name.startswith("Test"):
            yield from _test_functions(node.body, (*classes, node))


def _says_nothing(line: ast.stmt) -> bool:
    value = getattr(line, "value", None)
    return value is None or isinstance(value, ast.Constant)


def _is_about_shape(check: ast.Assert | ast.Call) -> bool:
    if isinstance(check, ast.Call):
        return bool(check.args) and is_shape(check.args[0])
    test = check.test
    parts = test.values if isinstance(test, ast.BoolOp) else [test]
    return all(isinstance(p, ast.Compare) and any(map(is_shape, [p.left, *p.comparators])) for p in parts)


def _root(node: ast.AST) -> str | None:
    """`torch` of `torch.nn.relu`; unlike `syntax.root` nothing where a call stands between."""
    while isinstance(node, ast.Attribute):
        node = node.value
    return getattr(node, "id", None)
