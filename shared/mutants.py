"""Machine-made mutants of a solution: the small slips that a day's tests ought to notice.

`mutants(text, filename)` makes one edit at a time, inside the fences only, to the text (so its layout survives). `ast`
says where things are, in UTF-8 bytes. A mutator is a generator, registered for some kinds of node, that yields edits;
what it knows of torch stands in the tables. Edits that rarely change anything, or crash at once, are left out.
"""

import ast
import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise

from shared.fences import fences

Edit = tuple[str, int, int, str]  # kind, first byte, byte after the last, what stands there instead


def _words(text: str) -> set[str]:
    return set(text.split())


MODULES = _words("torch F nn np math re einops functional")  # torch.f(x, …): here x is not the receiver
# Calls and keywords whose inside says nothing about the numbers.
UNMUTATED = _words("print warn manual_seed isinstance hasattr set_postfix set_description")
IDLE_KEYWORDS = _words("inplace non_blocking pin_memory strict exist_ok disable desc unit mininterval leave indent")

# Which positional arguments of the method are dims (of the function: one further).
DIMS = dict.fromkeys(
    _words("""softmax log_softmax sum mean var std amax amin max min argmax argmin cumsum cumprod prod any all logsumexp
    unsqueeze squeeze size cat concat stack gather select narrow index_select index_add index_add_ scatter scatter_
    scatter_add_ sort argsort unbind diff unfold"""),
    (0,),
)
DIMS |= dict.fromkeys(_words("transpose swapaxes flatten movedim"), (0, 1))
DIMS |= dict.fromkeys(_words("chunk split topk roll repeat_interleave norm"), (1,))
DIMS["flip"] = (0, 1, 2, 3)
DIM_KEYWORDS = _words("dim dims axis dim0 dim1 start_dim end_dim")
CORRECTIONS = _words("correction unbiased ddof")
SHAPERS = _words("view reshape expand repeat")  # a 1 or -1 among their sizes only crashes when changed
NUMBERED = _words("enumerate named_parameters named_modules named_buffers named_children")
RANGES = _words("range arange linspace randint")

OPERATORS = {ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/", ast.FloorDiv: "//", ast.Mod: "%", ast.Pow: "**"}
OPERATORS |= {ast.BitAnd: "&", ast.BitOr: "|", ast.MatMult: "@"}
OTHER_OPERATOR = {"+": "-", "-": "+", "*": "/", "/": "*", "//": "*", "%": "//", "&": "|", "|": "&"}
COMPARISONS = {
    ast.Lt: ("<", "<=", ">"),
    ast.LtE: ("<=", "<", ">="),
    ast.Gt: (">", ">=", "<"),
    ast.GtE: (">=", ">", "<="),
    ast.Eq: ("==", "!="),
    ast.NotEq: ("!=", "=="),
    ast.Is: ("is", "is not"),
    ast.IsNot: ("is not", "is"),
    ast.In: ("in", "not in"),
    ast.NotIn: ("not in", "in"),
}
SAME_WITH_ONE_MORE = (ast.Lt, ast.GtE)  # of whole numbers: < 3 is <= 2, so n + 1 says what <= says, and n - 1 is left

# f(x) or x.f() becomes x; "receiver": only x.f(…)
DROPPED_CALLS = {
    "sqrt": ("scale", "any"),
    "rsqrt": ("scale", "any"),
    "abs": ("scale", "any"),
    "detach": ("detach", "any"),
    "clone": ("clone", "any"),
    "dropout": ("dropout", "any"),
    "float": ("dtype", "receiver"),
    "type_as": ("dtype", "receiver"),
    "to": ("dtype", "receiver"),
}
IN_PLACE = _words("""add_ sub_ mul_ div_ clamp_ clamp_min_ clamp_max_ masked_fill_ addcmul_ addcdiv_ lerp_ exp_ sqrt_
    neg_ relu_ pow_ square_ tril_ triu_ scatter_ scatter_add_ index_add_ index_fill_""")
OUT_OF_PLACE = _words("add mul div clamp masked_fill")
BUILTIN_TWINS = _words("max min any all")  # of the twins below, those that are also names by themselves
PAIRS = """max min|amax amin|argmax argmin|maximum minimum|any all|zeros ones|zeros_like ones_like|zeros_ ones_|cos sin
    |tril triu|floor ceil|clamp_min clamp_max|logical_and logical_or|mean sum|train eval"""
TWINS = {a: b for pair in PAIRS.split("|") for a, b in (pair.split(), reversed(pair.split()))}
# In either order the same, or nothing but a crash.
UNSWAPPED = _words("""max min maximum minimum transpose swapaxes allclose equal eq ne add mul addcmul addcmul_ dot gcd
    hypot mse_loss l1_loss cosine_similarity logical_and logical_or masked_fill masked_fill_ full dropout""")

COMPREHENSIONS = (ast.ListComp, ast.GeneratorExp, ast.SetComp, ast.DictComp)
SHOWN = (ast.Call, ast.Subscript, ast.BinOp, ast.Compare, ast.BoolOp, ast.IfExp, ast.Dict, ast.stmt, *COMPREHENSIONS)
ATOMS = (ast.Name, ast.Attribute, ast.Call, ast.Subscript, ast.Constant, ast.List, ast.ListComp)


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


class _Code:
    """A parsed module: byte positions, parents, and the questions that mutators ask."""

    def __init__(self, text: str, filename: str):
        self.data = text.encode()
        self.tree = ast.parse(self.data, filename)
        self.starts = [0]
        for line in self.data.splitlines(keepends=True):
            self.starts.append(self.starts[-1] + len(line))
        self.parent = {child: node for node in ast.walk(self.tree) for child in ast.iter_child_nodes(node)}

    def span(self, node: ast.AST) -> tuple[int, int]:
        return self.starts[node.lineno - 1] + node.col_offset, self.starts[node.end_lineno - 1] + node.end_col_offset

    def source(self, node: ast.AST) -> str:
        start, end = self.span(node)
        return self.data[start:end].decode()

    def grouped(self, node: ast.AST) -> str:
        """The node's source, fit to stand anywhere in an expression."""
        source = self.source(node)
        return source if isinstance(node, ATOMS) and "\n" not in source else f"({source})"

    def replace(self, kind: str, node: ast.AST, new: str) -> Edit:
        return kind, *self.span(node), new

    def between(self, kind: str, left: ast.AST, right: ast.AST, old: str, new: str) -> Iterator[Edit]:
        """Replaces the operator between two nodes (brackets and comments may stand there too)."""
        start, end = self.span(left)[1], self.span(right)[0]
        gap = re.sub(rb"#[^\n]*", lambda comment: b" " * len(comment[0]), self.data[start:end])
        if found := re.search(rb"\s+".join(re.escape(word) for word in old.encode().split()), gap):
            yield kind, start + found.start(), start + found.end(), new

    def swapped(self, left: ast.AST, right: ast.AST, source: Callable | None = None) -> Edit:
        source = source or self.source
        between = self.data[self.span(left)[1] : self.span(right)[0]].decode()
        return "swap", self.span(left)[0], self.span(right)[1], source(right) + between + source(left)

    def function(self, node: ast.AST) -> ast.FunctionDef | None:
        while node and not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            node = self.parent.get(node)
        return node

    def is_the_callers(self, name: ast.AST, tensor: bool = False) -> bool:
        """Does this name still hold the argument as it came in? (`tensor`: one that is annotated as a tensor)"""
        function = self.function(name)
        if not isinstance(name, ast.Name) or function is None:
            return False
        arguments = [*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs]
        notes = {a.arg: self.source(a.annotation) if a.annotation else "" for a in arguments}
        if name.id not in notes or (tensor and not re.search(r"Tensor|Parameter", notes[name.id])):
            return False
        stores = (n for n in ast.walk(function) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store))
        return not any(n.id == name.id and n.lineno < name.lineno for n in stores)

    def is_loop_variable(self, name: ast.AST) -> bool:
        loops = (n for n in ast.walk(self.function(name) or self.tree) if isinstance(n, ast.For))
        return any(isinstance(n, ast.Name) and n.id == name.id for loop in loops for n in ast.walk(loop.target))

    def shown(self, node: ast.AST, end: int) -> tuple[int, int]:
        """The span a report shows: the nearest expression that says something, of a compound statement the head."""
        while not isinstance(node, SHOWN):
            node = self.parent[node]
        start, stop = self.span(node)
        if body := getattr(node, "body", None) if isinstance(node, ast.stmt) else None:
            first = self.span(body[0])[0]
            ends = [self.span(n)[1] for n in ast.walk(node) if hasattr(n, "lineno") and self.span(n)[1] <= first]
            stop = max([end, *ends])
        return start, stop


MUTATORS: dict[type, list[Callable[[_Code, ast.AST], Iterator[Edit]]]] = {}


def on(*types: type):
    def register(mutator):
        for kind in types:
            MUTATORS.setdefault(kind, []).append(mutator)
        return mutator

    return register


def _name(call: ast.AST) -> str:
    function = call.func if isinstance(call, ast.Call) else None
    return getattr(function, "attr", getattr(function, "id", ""))


def _root(node: ast.AST) -> str:
    while isinstance(node, ast.Attribute | ast.Call):
        node = node.value if isinstance(node, ast.Attribute) else node.func
    return getattr(node, "id", "")


def _is_method(call: ast.Call) -> bool:
    """x.f(…), and not torch.f(…); but torch.f(…).g(…) is."""
    function = call.func
    return isinstance(function, ast.Attribute) and (
        isinstance(function.value, ast.Call) or _root(function) not in MODULES
    )


def _role(code: _Code, node: ast.AST) -> str:
    """What a number is there for; `_integers` has a rule for each."""
    parent = code.parent[node]
    if isinstance(parent, ast.Tuple | ast.List) and isinstance(code.parent[parent], ast.Call | ast.keyword):
        return role if (role := _role(code, parent)) in ("dim", "shape") else "number"
    if isinstance(parent, ast.keyword):
        return "dim" if parent.arg in DIM_KEYWORDS else "correction" if parent.arg in CORRECTIONS else "number"
    if isinstance(parent, ast.Call) and node in parent.args:
        dims = DIMS.get(_name(parent), ()) if isinstance(parent.func, ast.Attribute) else ()
        if parent.args.index(node) - (not _is_method(parent)) in dims:
            return "dim"
        return "shape" if _name(parent) in SHAPERS else "skip" if _name(parent) == "permute" else "number"
    limits = ast.Lt | ast.LtE | ast.Gt | ast.GtE
    if isinstance(parent, ast.Compare) and node is parent.comparators[0] and isinstance(parent.ops[0], limits):
        return "limit-" if isinstance(parent.ops[0], SAME_WITH_ONE_MORE) else "limit+"
    if isinstance(parent, ast.Subscript) and getattr(parent.value, "attr", "") == "shape":
        return "dim"
    if isinstance(parent, ast.Slice):
        return "step" if parent.step is node else "bound"
    if isinstance(parent, ast.BinOp):
        if isinstance(parent.op, ast.Pow) and parent.right is node:
            return "exponent"
        return "factor" if isinstance(parent.op, ast.Mult | ast.Div | ast.FloorDiv) else "number"
    return "number"


def _integers(n: int, role: str) -> list[int]:
    if role == "skip" or (role == "shape" and abs(n) == 1):
        return []
    if role in ("limit-", "limit+"):
        return [n - 1] if role == "limit-" else [n + 1]
    if role == "correction":
        return [1 - n]
    if role == "step" and n < 0:
        return [-n]
    if abs(n) > 1000:  # one more or less of so many is within a test's tolerance
        return [2 * n]
    if role == "dim":
        return [n - 1] if n else [1]
    if n < 0:
        return [n - 1] if role == "bound" else [n - 1, n + 1]
    return [n + 1] if n == 0 or role in ("exponent", "factor", "bound") else [n + 1, n - 1]


@on(ast.Constant, ast.UnaryOp)
def number(code: _Code, node: ast.AST) -> Iterator[Edit]:
    minus = isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub)
    value = node.operand if minus else node
    parent = code.parent[node]
    if isinstance(value, ast.Constant) and not (isinstance(parent, ast.UnaryOp) and isinstance(parent.op, ast.USub)):
        value = value.value
        if type(value) is int:
            role = _role(code, node)
            for other in _integers(-value if minus else value, role):
                yield code.replace(role if role in ("dim", "correction") else "number", node, str(other))
        elif type(value) is float and value < 1e300:
            tiny = 0 < value < 1e-3
            # Dropping the factor 0.5, or the addend, does the same as 1.0 * x, or x + 0.0.
            addend = isinstance(parent, ast.BinOp) and isinstance(parent.op, ast.Add) and node is parent.right
            if not (value == 0.5 and _role(code, node) == "factor") and not (tiny and addend):
                other = 1.0 if value == 0 else 0.0 if tiny else 2 * value
                yield code.replace("eps" if tiny else "number", node, ("-" if minus and other else "") + repr(other))
    elif isinstance(node, ast.UnaryOp) and not isinstance(node.operand, ast.Constant):
        yield code.replace("bool" if isinstance(node.op, ast.Not) else "operator", node, code.grouped(node.operand))


@on(ast.BinOp)
def arithmetic(code: _Code, node: ast.BinOp) -> Iterator[Edit]:
    operator, left, right = OPERATORS.get(type(node.op)), node.left, node.right
    sides = [n.left if isinstance(n, ast.BinOp) else n for n in (left, right)]
    if any(_is_string(n) for n in sides):
        return
    if operator == "@" or (operator == "+" and any(isinstance(n, ast.List | ast.Tuple | ast.ListComp) for n in sides)):
        yield code.swapped(left, right, code.grouped)
    elif operator == "+" and _is_tiny(right):
        yield code.replace("eps", node, code.grouped(left))
    elif operator == "**":
        yield code.replace("operator", node, f"({code.grouped(left)} * {code.grouped(right)})")
    elif operator in OTHER_OPERATOR:
        yield from code.between("operator", left, right, operator, OTHER_OPERATOR[operator])
    if operator in ("*", "/", "//"):
        coefficient = operator == "*" and isinstance(left, ast.Constant)
        if not isinstance(left, ast.Constant) or coefficient:
            yield code.replace("scale", node, code.grouped(right if coefficient else left))


def _is_string(node: ast.AST) -> bool:
    return isinstance(node, ast.JoinedStr) or isinstance(getattr(node, "value", None), str)


def _is_tiny(node: ast.AST) -> bool:
    name = getattr(node, "attr", getattr(node, "id", ""))
    number = getattr(node, "value", None)
    return "eps" in name.lower() or (type(number) is float and 0 < number < 1e-3)


@on(ast.AugAssign)
def augmented(code: _Code, node: ast.AugAssign) -> Iterator[Edit]:
    operator = OPERATORS.get(type(node.op))
    if operator in OTHER_OPERATOR and operator != "%":
        yield from code.between("operator", node.target, node.value, f"{operator}=", f"{OTHER_OPERATOR[operator]}=")
    name = getattr(node.target, "id", None)
    if name and operator and (code.is_the_callers(node.target, tensor=True) or code.is_loop_variable(node.target)):
        yield code.replace("inplace", node, f"{name} = {name} {operator} {code.grouped(node.value)}")


@on(ast.Assign)
def into_the_callers_tensor(code: _Code, node: ast.Assign) -> Iterator[Edit]:
    """x = x + y writes a new tensor, x += y into the one the caller still holds."""
    target, value = node.targets[0], node.value
    if isinstance(value, ast.BinOp) and isinstance(target, ast.Name) and isinstance(value.left, ast.Name):
        operator = OPERATORS.get(type(value.op))
        if value.left.id == target.id and operator in ("+", "-", "*", "/") and code.is_the_callers(target, tensor=True):
            yield code.replace("inplace", node, f"{target.id} {operator}= {code.grouped(value.right)}")


@on(ast.Compare)
def comparison(code: _Code, node: ast.Compare) -> Iterator[Edit]:
    for (left, right), operator in zip(pairwise([node.left, *node.comparators]), node.ops):
        old, *others = COMPARISONS[type(operator)]
        for new in others:
            yield from code.between("compare", left, right, old, new)


@on(ast.BoolOp)
def and_or(code: _Code, node: ast.BoolOp) -> Iterator[Edit]:
    old, new = ("and", "or") if isinstance(node.op, ast.And) else ("or", "and")
    text = code.source(node.values[0])
    for left, right in pairwise(node.values):
        gap = code.data[code.span(left)[1] : code.span(right)[0]].decode()
        text += re.sub(rf"\b{old}\b", new, gap) + code.source(right)
    yield code.replace("bool", node, text)


@on(ast.If, ast.IfExp, *COMPREHENSIONS)
def condition(code: _Code, node: ast.AST) -> Iterator[Edit]:
    guards_only = isinstance(node, ast.If) and all(isinstance(n, ast.Raise) for n in node.body)
    tests = [t for g in node.generators for t in g.ifs] if isinstance(node, COMPREHENSIONS) else [node.test]
    for test in tests:
        negated = isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not)
        if not (isinstance(test, ast.Compare) or negated or guards_only):  # those two have negations of their own
            yield code.replace("bool", test, f"not {code.grouped(test)}")
        if not guards_only:  # a guard that always raises is noticed by anything
            yield code.replace("bool", test, "True")
        yield code.replace("bool", test, "False")


@on(ast.Attribute)
def training(code: _Code, node: ast.Attribute) -> Iterator[Edit]:
    if node.attr == "training" and isinstance(node.ctx, ast.Load):
        for new in (f"(not {code.source(node)})", "True", "False"):
            yield code.replace("train", node, new)


@on(ast.Constant)
def flag(code: _Code, node: ast.Constant) -> Iterator[Edit]:
    parent = code.parent[node]
    if isinstance(node.value, bool) and isinstance(parent, ast.keyword | ast.Call | ast.Assign | ast.Return):
        name = getattr(parent, "arg", None)
        kind = "correction" if name in CORRECTIONS else name if name == "keepdim" else "bool"
        yield code.replace(kind, node, str(not node.value))


@on(ast.Call)
def call(code: _Code, node: ast.Call) -> Iterator[Edit]:
    name, function, arguments = _name(node), node.func, node.args
    receiver = function.value if isinstance(function, ast.Attribute) else None
    start, end = code.span(function)
    start = end - len(name.encode())  # of the bare name
    alone = isinstance(code.parent[node], ast.Expr)
    if name in DROPPED_CALLS and (receiver or name == "sqrt") and not alone:
        kind, kept = DROPPED_CALLS[name]
        if kept == "any" and arguments:
            yield code.replace(kind, node, code.grouped(arguments[0]))
        elif receiver and (arguments or not node.keywords):
            kind = "device" if "device" in code.source(node) else kind
            yield code.replace(kind, node, code.grouped(receiver))
    if name in TWINS and (receiver or name in BUILTIN_TWINS) and not (name == "train" and arguments):
        yield "train" if name in ("train", "eval") else "call", start, end, TWINS[name]
    if name in IN_PLACE and receiver:
        yield "inplace", start, end, name[:-1]
    held = isinstance(receiver, ast.Attribute) or code.is_the_callers(receiver)  # by someone who would see it change
    if name in OUT_OF_PLACE and not alone and _is_method(node) and held:
        yield "inplace", start, end, name + "_"
    keywords = {k.arg for k in node.keywords}
    is_flag = any(isinstance(a, ast.Constant) and isinstance(a.value, bool) for a in arguments)
    if name in ("var", "std", "var_mean") and not keywords & CORRECTIONS and not is_flag and _root(function) != "np":
        inside = code.data[: code.span(node)[1] - 1].rstrip()
        comma = "" if inside.endswith((b",", b"(")) else ", "
        yield "correction", len(inside), len(inside), comma + "correction=0"
    if len(arguments) > 1 and name not in UNSWAPPED:
        crash = any(isinstance(a, ast.Starred) or _is_string(a) for a in arguments[:2])
        fixed = [isinstance(getattr(a, "operand", a), ast.Constant) for a in arguments[:2]]
        if not crash and (fixed[0] == fixed[1] or name in RANGES):  # softmax(-1, x) is no slip that lives
            yield code.swapped(*arguments[:2])


@on(ast.Call)
def keyword(code: _Code, node: ast.Call) -> Iterator[Edit]:
    """A forgotten device= or dtype= (not where it names what torch would take anyway)."""
    everything = sorted([*node.args, *node.keywords], key=lambda n: code.span(n))
    for before, this in pairwise([None, *everything]):
        if getattr(this, "arg", None) not in ("device", "dtype"):
            continue
        if before and code.source(this.value).split(".")[-1] not in ("long", "int64", "float32", "float"):
            comma = code.data.rindex(b",", code.span(before)[1], code.span(this)[0])
            yield this.arg, comma, code.span(this)[1], ""


@on(ast.Tuple, ast.List)
def order(code: _Code, node: ast.Tuple | ast.List) -> Iterator[Edit]:
    """q, k = … for k, q = …; cat([b, a]); x[None, :] for x[:, None]."""
    parent = code.parent[node]
    fixed = all(isinstance(n, ast.Constant | ast.Dict) for n in node.elts[:2])
    unordered = (
        isinstance(parent, ast.Compare)
        or _name(getattr(parent, "iter", None)) in NUMBERED
        or _role(code, node) == "dim"
        or _name(parent) in UNMUTATED
    )
    parallel = isinstance(parent, ast.Assign) and isinstance(parent.value, ast.Tuple) and node is not parent.value
    if len(node.elts) > 1 and not (fixed or unordered or parallel):
        yield code.swapped(*node.elts[:2])


@on(ast.Slice)
def bounds(code: _Code, node: ast.Slice) -> Iterator[Edit]:
    lower, upper = node.lower, node.upper
    step = f":{code.source(node.step)}" if node.step else ""
    low, high = (code.source(n) if n else "" for n in (lower, upper))
    if lower and low != "0":
        yield code.replace("slice", node, f":{high}{step}")
    if upper:
        yield code.replace("slice", node, f"{low}:{step}")
    if bool(lower) != bool(upper) and low != "0":
        yield code.replace("slice", node, f"{high}:{low}{step}")


@on(ast.With)
def no_grad(code: _Code, node: ast.With) -> Iterator[Edit]:
    manager = node.items[0].context_expr
    if len(node.items) == 1 and _name(manager) in ("no_grad", "inference_mode"):
        yield "detach", code.span(node)[0], code.span(manager)[1], "if True"


@on(ast.Break, ast.Continue)
def jump(code: _Code, node: ast.AST) -> Iterator[Edit]:
    loop = code.parent[node]
    while not isinstance(loop, ast.For | ast.AsyncFor | ast.While):
        loop = code.parent[loop]
    if isinstance(loop, ast.For) or isinstance(node, ast.Continue):  # a while without its break may never end
        yield code.replace("statement", node, "continue" if isinstance(node, ast.Break) else "break")


@on(ast.Expr, ast.Assign, ast.AugAssign)
def statement(code: _Code, node: ast.stmt) -> Iterator[Edit]:
    if isinstance(node, ast.Expr):
        function = getattr(node.value, "func", None)
        in_place = _name(node.value) in IN_PLACE and not isinstance(
            getattr(function, "value", None), ast.Call
        )  # `inplace` does the same
        dropped = function is not None and _root(function) != "super" and not in_place
    elif isinstance(node, ast.Assign):
        names = {t.id for t in node.targets if isinstance(t, ast.Name)}  # x = f(x): without it there is still an x
        reads = {n.id for n in ast.walk(node.value) if isinstance(n, ast.Name)}
        dropped = bool(names & reads) or any(isinstance(t, ast.Attribute | ast.Subscript) for t in node.targets)
    else:
        dropped = True
    if dropped:
        yield code.replace("statement", node, "pass")


def _never_ends(code: _Code, node: ast.AST) -> bool:
    """Is this the step of a `while`, like i += 1 under `while i < n`? Changed, it may run for ever."""
    names = (
        {n.id for n in ast.walk(node.target) if isinstance(n, ast.Name)} if isinstance(node, ast.AugAssign) else set()
    )
    while names and (node := code.parent.get(node)):
        if isinstance(node, ast.While) and names & {n.id for n in ast.walk(node.test) if isinstance(n, ast.Name)}:
            return True
    return False


def _candidates(code: _Code, node: ast.AST) -> Iterator[ast.AST]:
    """The nodes worth changing: no checks, messages, strings, annotations or decorators."""
    for field, value in ast.iter_fields(node):
        if field in ("annotation", "returns", "decorator_list", "type_params"):
            continue
        for child in value if isinstance(value, list) else [value]:
            if not isinstance(child, ast.AST) or isinstance(child, ast.Assert | ast.Raise | ast.JoinedStr):
                continue
            if isinstance(child, ast.Expr) and _name(child.value) in UNMUTATED:
                continue
            if isinstance(child, ast.keyword) and child.arg in IDLE_KEYWORDS:
                continue
            if not (_name(child) in UNMUTATED or _never_ends(code, child)):
                yield child
                yield from _candidates(code, child)


def _one_line(source: bytes) -> str:
    return " ".join(source.decode().split())


def mutants(text: str, filename: str) -> list[Mutant]:
    """Every mutant of the fenced code, by line. Each compiles, and no two of them (nor the original) are the same."""
    code = _Code(text, filename)
    places = fences(text, filename)
    found, counts = [], Counter()
    seen = {top: {ast.dump(top)} for top in code.tree.body}
    for node in _candidates(code, code.tree):
        if not hasattr(node, "lineno"):
            continue
        fence = next((f for f in places if f.begin < node.lineno and node.end_lineno < f.end), None)
        if fence is None:
            continue
        for kind, start, end, new in (edit for mutator in MUTATORS.get(type(node), ()) for edit in mutator(code, node)):
            mutated = code.data[:start] + new.encode() + code.data[end:]
            try:
                tree = ast.parse(mutated)
                compile(tree, filename, "exec")
            except SyntaxError:
                continue
            where = next(i for i, top in enumerate(code.tree.body) if top.lineno <= node.lineno <= top.end_lineno)
            dump = ast.dump(tree.body[where])
            if dump not in seen[code.tree.body[where]]:
                seen[code.tree.body[where]].add(dump)
                first, last = code.shown(node, end)
                shown = _one_line(code.data[first:last])
                changed = _one_line(code.data[first:start] + new.encode() + code.data[end:last])
                line = code.data.count(b"\n", 0, start) + 1
                found.append((line, start, fence.owner, shown, changed, mutated.decode(), kind))
    result = []
    for line, _, owner, old, new, mutated, kind in sorted(found, key=lambda f: f[:2]):
        counts[owner, old, new] += 1
        result.append(Mutant(owner, line, old, new, mutated, kind, counts[owner, old, new]))
    return result
