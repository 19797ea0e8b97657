"""Slips in plain Python: operators, comparisons, conditions, order, bounds, statements.

A mutator is a generator that yields edits of one node; it is registered for some kinds of node. Edits that rarely
change anything, or crash at once, are left out.
"""

import ast
import re
from collections.abc import Iterator
from itertools import pairwise

from shared.author.syntax import COMPREHENSIONS, Code, Edit, Mutators, called, is_string, last, names_in, root
from shared.author.torch_mutators import IN_PLACE, NUMBERED, role

SLIPS = Mutators()

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


@SLIPS.on(ast.UnaryOp)
def sign(code: Code, node: ast.UnaryOp) -> Iterator[Edit]:
    """-x, ~x, not x become x; -3 is a number, and changes as numbers do."""
    if not isinstance(node.operand, ast.Constant):
        yield code.replace("bool" if isinstance(node.op, ast.Not) else "operator", node, code.grouped(node.operand))


@SLIPS.on(ast.BinOp)
def arithmetic(code: Code, node: ast.BinOp) -> Iterator[Edit]:
    operator, left, right = OPERATORS.get(type(node.op)), node.left, node.right
    sides = [n.left if isinstance(n, ast.BinOp) else n for n in (left, right)]
    if any(is_string(n) for n in sides):
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


def _is_tiny(node: ast.AST) -> bool:
    number = getattr(node, "value", None)
    return "eps" in last(node).lower() or (type(number) is float and 0 < number < 1e-3)


@SLIPS.on(ast.AugAssign)
def augmented(code: Code, node: ast.AugAssign) -> Iterator[Edit]:
    operator = OPERATORS.get(type(node.op))
    if operator in OTHER_OPERATOR and operator != "%":
        yield from code.between("operator", node.target, node.value, f"{operator}=", f"{OTHER_OPERATOR[operator]}=")
    name = node.target if isinstance(node.target, ast.Name) else None
    if name and operator and (code.is_the_callers(name, tensor=True) or code.is_loop_variable(name)):
        yield code.replace("inplace", node, f"{name.id} = {name.id} {operator} {code.grouped(node.value)}")


@SLIPS.on(ast.Assign)
def into_the_callers_tensor(code: Code, node: ast.Assign) -> Iterator[Edit]:
    """x = x + y writes a new tensor, x += y into the one the caller still holds."""
    target, value = node.targets[0], node.value
    if isinstance(value, ast.BinOp) and isinstance(target, ast.Name) and isinstance(value.left, ast.Name):
        operator = OPERATORS.get(type(value.op))
        if value.left.id == target.id and operator in ("+", "-", "*", "/") and code.is_the_callers(target, tensor=True):
            yield code.replace("inplace", node, f"{target.id} {operator}= {code.grouped(value.right)}")


@SLIPS.on(ast.Compare)
def comparison(code: Code, node: ast.Compare) -> Iterator[Edit]:
    for (left, right), operator in zip(pairwise([node.left, *node.comparators]), node.ops):
        old, *others = COMPARISONS[type(operator)]
        for new in others:
            yield from code.between("compare", left, right, old, new)


@SLIPS.on(ast.BoolOp)
def and_or(code: Code, node: ast.BoolOp) -> Iterator[Edit]:
    old, new = ("and", "or") if isinstance(node.op, ast.And) else ("or", "and")
    text = code.source(node.values[0])
    for left, right in pairwise(node.values):
        text += re.sub(rf"\b{old}\b", new, code.gap(left, right)) + code.source(right)
    yield code.replace("bool", node, text)


@SLIPS.on(ast.If, ast.IfExp, *COMPREHENSIONS)
def condition(
    code: Code, node: ast.If | ast.IfExp | ast.ListComp | ast.GeneratorExp | ast.SetComp | ast.DictComp
) -> Iterator[Edit]:
    guards_only = isinstance(node, ast.If) and all(isinstance(n, ast.Raise) for n in node.body)
    tests = [node.test] if isinstance(node, ast.If | ast.IfExp) else [t for g in node.generators for t in g.ifs]
    for test in tests:
        negated = isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not)
        if not (isinstance(test, ast.Compare) or negated or guards_only):  # those two have negations of their own
            yield code.replace("bool", test, f"not {code.grouped(test)}")
        if not guards_only:  # a guard that always raises is noticed by anything
            yield code.replace("bool", test, "True")
        yield code.replace("bool", test, "False")


@SLIPS.on(ast.Tuple, ast.List)
def order(code: Code, node: ast.Tuple | ast.List) -> Iterator[Edit]:
    """q, k = … for k, q = …; cat([b, a]); x[None, :] for x[:, None]."""
    parent = code.parent[node]
    fixed = all(isinstance(n, ast.Constant | ast.Dict) for n in node.elts[:2])
    numbered = called(getattr(parent, "iter", None)) in NUMBERED
    unordered = numbered or isinstance(parent, ast.Compare) or role(code, node) == "dim"
    parallel = isinstance(parent, ast.Assign) and isinstance(parent.value, ast.Tuple) and node is not parent.value
    if len(node.elts) > 1 and not (fixed or unordered or parallel):
        yield code.swapped(node.elts[0], node.elts[1])


@SLIPS.on(ast.Slice)
def bounds(code: Code, node: ast.Slice) -> Iterator[Edit]:
    low, high = (code.source(n) if n else "" for n in (node.lower, node.upper))
    step = f":{code.source(node.step)}" if node.step else ""
    if low not in ("", "0"):
        yield code.replace("slice", node, f":{high}{step}")
    if high:
        yield code.replace("slice", node, f"{low}:{step}")
    if bool(low) != bool(high) and low != "0":
        yield code.replace("slice", node, f"{high}:{low}{step}")


@SLIPS.on(ast.Break, ast.Continue)
def jump(code: Code, node: ast.Break | ast.Continue) -> Iterator[Edit]:
    loop = code.parent[node]
    while not isinstance(loop, ast.For | ast.AsyncFor | ast.While):
        loop = code.parent[loop]
    if isinstance(loop, ast.For) or isinstance(node, ast.Continue):  # a while without its break may never end
        yield code.replace("statement", node, "continue" if isinstance(node, ast.Break) else "break")


@SLIPS.on(ast.Expr)
def forgotten_call(code: Code, node: ast.Expr) -> Iterator[Edit]:
    if isinstance(node.value, ast.Call):
        function = node.value.func
        chained = isinstance(getattr(function, "value", None), ast.Call)
        # Where x.add_(y) becomes x.add(y), it is forgotten already.
        if root(function) != "super" and (chained or called(node.value) not in IN_PLACE):
            yield code.replace("statement", node, "pass")


@SLIPS.on(ast.Assign)
def forgotten_assignment(code: Code, node: ast.Assign) -> Iterator[Edit]:
    names = {t.id for t in node.targets if isinstance(t, ast.Name)}  # x = f(x): without it there is still an x
    if names & names_in(node.value) or any(isinstance(t, ast.Attribute | ast.Subscript) for t in node.targets):
        yield code.replace("statement", node, "pass")


@SLIPS.on(ast.AugAssign)
def forgotten_step(code: Code, node: ast.AugAssign) -> Iterator[Edit]:
    yield code.replace("statement", node, "pass")
