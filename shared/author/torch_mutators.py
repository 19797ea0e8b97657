"""Slips in numbers, flags and calls: what these mutators know of torch stands in the tables.

A mutator is a generator that yields edits of one node; see shared/author/mutators.py.
"""

import ast
from collections.abc import Iterator
from itertools import pairwise

from shared.author.syntax import Code, Edit, Mutators, called, is_string, root

TORCH_SLIPS = Mutators()


def _words(text: str) -> set[str]:
    return set(text.split())


MODULES = _words("torch F nn np math re einops functional")  # torch.f(x, …): here x is not the receiver

# Which positional arguments of the method are dims (of the function: one further).
DIMS: dict[str, tuple[int, ...]] = dict.fromkeys(
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


def _is_method(call: ast.Call) -> bool:
    """x.f(…), and not torch.f(…); but torch.f(…).g(…) is."""
    function = call.func
    return isinstance(function, ast.Attribute) and (
        isinstance(function.value, ast.Call) or root(function) not in MODULES
    )


def role(code: Code, node: ast.AST) -> str:
    """What a number is there for; `_integers` has a rule for each."""
    parent = code.parent[node]
    if isinstance(parent, ast.Tuple | ast.List) and isinstance(code.parent[parent], ast.Call | ast.keyword):
        return outer if (outer := role(code, parent)) in ("dim", "shape") else "number"
    if isinstance(parent, ast.keyword):
        return "dim" if parent.arg in DIM_KEYWORDS else "correction" if parent.arg in CORRECTIONS else "number"
    if isinstance(parent, ast.Call) and node in parent.args:
        dims = DIMS.get(called(parent), ()) if isinstance(parent.func, ast.Attribute) else ()
        if parent.args.index(node) - (not _is_method(parent)) in dims:
            return "dim"
        return "shape" if called(parent) in SHAPERS else "skip" if called(parent) == "permute" else "number"
    if isinstance(parent, ast.Compare) and node is parent.comparators[0]:
        # Of whole numbers, < 3 is <= 2: n + 1 says what <= says, and n - 1 is left.
        if isinstance(parent.ops[0], ast.Lt | ast.GtE):
            return "limit-"
        return "limit+" if isinstance(parent.ops[0], ast.Gt | ast.LtE) else "number"
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


@TORCH_SLIPS.on(ast.Constant, ast.UnaryOp)
def number(code: Code, node: ast.Constant | ast.UnaryOp) -> Iterator[Edit]:
    minus, parent = _is_minus(node), code.parent[node]
    value = getattr(node.operand if isinstance(node, ast.UnaryOp) and minus else node, "value", None)
    if _is_minus(parent):  # -3 as a whole has had its turn
        return
    if type(value) is int:
        purpose = role(code, node)
        for other in _integers(-value if minus else value, purpose):
            yield code.replace(purpose if purpose in ("dim", "correction") else "number", node, str(other))
    elif type(value) is float and value < 1e300:
        tiny = 0 < value < 1e-3
        # Dropping the factor 0.5, or the addend, does the same as 1.0 * x, or x + 0.0.
        addend = isinstance(parent, ast.BinOp) and isinstance(parent.op, ast.Add) and node is parent.right
        if not (value == 0.5 and role(code, node) == "factor") and not (tiny and addend):
            instead = 1.0 if value == 0 else 0.0 if tiny else 2 * value
            yield code.replace("eps" if tiny else "number", node, ("-" if minus and instead else "") + repr(instead))


def _is_minus(node: ast.AST) -> bool:
    return isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub)


@TORCH_SLIPS.on(ast.Constant)
def flag(code: Code, node: ast.Constant) -> Iterator[Edit]:
    parent = code.parent[node]
    if isinstance(node.value, bool) and isinstance(parent, ast.keyword | ast.Call | ast.Assign | ast.Return):
        name = getattr(parent, "arg", None)
        kind = "correction" if name in CORRECTIONS else name if name == "keepdim" else "bool"
        yield code.replace(kind, node, str(not node.value))


@TORCH_SLIPS.on(ast.Attribute)
def training(code: Code, node: ast.Attribute) -> Iterator[Edit]:
    if node.attr == "training" and isinstance(node.ctx, ast.Load):
        for new in (f"(not {code.source(node)})", "True", "False"):
            yield code.replace("train", node, new)


def _receiver(call: ast.Call) -> ast.expr | None:
    """`x` of x.f(…), `torch` of torch.f(…)."""
    return call.func.value if isinstance(call.func, ast.Attribute) else None


@TORCH_SLIPS.on(ast.Call)
def dropped_call(code: Code, node: ast.Call) -> Iterator[Edit]:
    name, receiver = called(node), _receiver(node)
    if name not in DROPPED_CALLS or isinstance(code.parent[node], ast.Expr) or not (receiver or name == "sqrt"):
        return
    kind, kept = DROPPED_CALLS[name]
    if kept == "any" and node.args:
        yield code.replace(kind, node, code.grouped(node.args[0]))
    elif receiver and (node.args or not node.keywords):
        kind = "device" if "device" in code.source(node) else kind
        yield code.replace(kind, node, code.grouped(receiver))


@TORCH_SLIPS.on(ast.Call)
def other_name(code: Code, node: ast.Call) -> Iterator[Edit]:
    """min for max; add for add_, and the other way round where somebody holds the tensor and would see it change."""
    name, receiver = called(node), _receiver(node)
    end = code.span(node.func)[1]
    start = end - len(name.encode())
    if name in TWINS and (receiver or name in BUILTIN_TWINS) and not (name == "train" and node.args):
        yield "train" if name in ("train", "eval") else "call", start, end, TWINS[name]
    if name in IN_PLACE and receiver:
        yield "inplace", start, end, name[:-1]
    used = not isinstance(code.parent[node], ast.Expr)
    held = isinstance(receiver, ast.Attribute) or code.is_the_callers(receiver)
    if name in OUT_OF_PLACE and _is_method(node) and used and held:
        yield "inplace", start, end, name + "_"


@TORCH_SLIPS.on(ast.Call)
def no_correction(code: Code, node: ast.Call) -> Iterator[Edit]:
    said = any(k.arg in CORRECTIONS for k in node.keywords)
    said = said or any(isinstance(a, ast.Constant) and isinstance(a.value, bool) for a in node.args)
    if called(node) in ("var", "std", "var_mean") and not said and root(node.func) != "np":
        inside = code.data[: code.span(node)[1] - 1].rstrip()
        comma = "" if inside.endswith((b",", b"(")) else ", "
        yield "correction", len(inside), len(inside), comma + "correction=0"


@TORCH_SLIPS.on(ast.Call)
def swapped_arguments(code: Code, node: ast.Call) -> Iterator[Edit]:
    name, first = called(node), node.args[:2]
    if len(first) < 2 or name in UNSWAPPED or any(isinstance(a, ast.Starred) or is_string(a) for a in first):
        return
    fixed = [isinstance(getattr(a, "operand", a), ast.Constant) for a in first]
    if fixed[0] == fixed[1] or name in RANGES:  # softmax(-1, x) is no slip that lives
        yield code.swapped(first[0], first[1])


@TORCH_SLIPS.on(ast.Call)
def forgotten_keyword(code: Code, node: ast.Call) -> Iterator[Edit]:
    """A forgotten device= or dtype= (not where it names what torch would take anyway)."""
    everything: list[ast.expr | ast.keyword] = sorted([*node.args, *node.keywords], key=code.span)
    for before, this in pairwise(everything):
        if not isinstance(this, ast.keyword) or this.arg not in ("device", "dtype"):
            continue
        if code.source(this.value).split(".")[-1] not in ("long", "int64", "float32", "float"):
            comma = code.data.rindex(b",", code.span(before)[1], code.span(this)[0])
            yield this.arg, comma, code.span(this)[1], ""


@TORCH_SLIPS.on(ast.With)
def no_grad(code: Code, node: ast.With) -> Iterator[Edit]:
    manager = node.items[0].context_expr
    if len(node.items) == 1 and called(manager) in ("no_grad", "inference_mode"):
        yield "detach", code.span(node)[0], code.span(manager)[1], "if True"
