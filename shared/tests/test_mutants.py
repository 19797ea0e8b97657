import ast

import pytest

from shared.author.mutants import mutants


def function(*lines: str, head: str = "def f(x: Tensor, y: Tensor, n):") -> str:
    return "\n".join([head, "    # BEGIN SOLUTION", *(f"    {line}" for line in lines), "    # END SOLUTION", ""])


def edits(*lines: str, kind: str | None = None, **options) -> set[str]:
    return {m.key.removeprefix("f: ") for m in mutants(function(*lines, **options), "m.py") if kind in (None, m.kind)}


@pytest.mark.parametrize(
    ("line", "kind", "expected"),
    [
        ("return g(n, 3)", "number", {"g(n, 3) -> g(n, 4)", "g(n, 3) -> g(n, 2)"}),
        ("return x[0]", "number", {"x[0] -> x[1]"}),
        ("return g(50257)", "number", {"g(50257) -> g(100514)"}),
        ("return g(0.5)", "number", {"g(0.5) -> g(1.0)"}),
        ("return g(0.0)", "number", {"g(0.0) -> g(1.0)"}),
        ("return g(1e-5)", "eps", {"g(1e-5) -> g(0.0)"}),
        (
            "return x.view(n, 1, -1, 4)",
            "number",
            {"x.view(n, 1, -1, 4) -> x.view(n, 1, -1, " + k for k in ("5)", "3)")},
        ),
        ("return x + y", "operator", {"x + y -> x - y"}),
        ("return x // y", "operator", {"x // y -> x * y"}),
        ("return n / x**2", "operator", {"n / x**2 -> n * x**2", "x**2 -> (x * 2)"}),
        ("return ~x", "operator", {"return ~x -> return x"}),
        ("return x & y", "operator", {"x & y -> x | y"}),
        ("return (x + y) @ y", "swap", {"(x + y) @ y -> (y) @ (x + y)"}),
        ("return [n] + y", "swap", {"[n] + y -> y + [n]"}),
        ("return x < y", "compare", {"x < y -> x <= y", "x < y -> x > y"}),
        ("return x is not y", "compare", {"x is not y -> x is y"}),
        ("return n >= 2", "number", {"n >= 2 -> n >= 1"}),
        ("return x.softmax(dim=-1)", "dim", {"x.softmax(dim=-1) -> x.softmax(dim=-2)"}),
        ("return torch.cumsum(x, 0)", "dim", {"torch.cumsum(x, 0) -> torch.cumsum(x, 1)"}),
        ("return x.sum(dim=(1, 2))", "dim", {"x.sum(dim=(1, 2)) -> x.sum(dim=(" + k for k in ("0, 2))", "1, 1))")}),
        ("return x.shape[-1]", "dim", {"x.shape[-1] -> x.shape[-2]"}),
        ("return x.sum(0, keepdim=True)", "keepdim", {"x.sum(0, keepdim=True) -> x.sum(0, keepdim=False)"}),
        ("return x.var(-1, unbiased=False)", "correction", {"x.var(-1, unbiased=False) -> x.var(-1, unbiased=True)"}),
        ("return x.var(-1, correction=0)", "correction", {"x.var(-1, correction=0) -> x.var(-1, correction=1)"}),
        ("return x.std()", "correction", {"x.std() -> x.std(correction=0)"}),
        ("return (x + self.eps).sqrt()", "eps", {"x + self.eps -> x"}),
        ("return x + 1e-6", "eps", {"x + 1e-6 -> x"}),
        ("return 2 * (x + y)", "scale", {"2 * (x + y) -> (x + y)"}),
        ("return x / math.sqrt(n)", "scale", {"x / math.sqrt(n) -> x", "math.sqrt(n) -> n"}),
        ("return (x + y).detach()", "detach", {"(x + y).detach() -> (x + y)"}),
        ("return x.clone()", "clone", {"x.clone() -> x"}),
        ("return x.float()", "dtype", {"x.float() -> x"}),
        ("return x.to(y.dtype)", "dtype", {"x.to(y.dtype) -> x"}),
        ("return torch.arange(n, device=x.device)", "device", {"torch.arange(n, device=x.device) -> torch.arange(n)"}),
        ("return torch.arange(n, dtype=torch.long)", "dtype", set()),
        ("x.add_(y)", "inplace", {"x.add_(y) -> x.add(y)"}),
        ("return x.masked_fill(y, 0)", "inplace", {"x.masked_fill(y, 0) -> x.masked_fill_(y, 0)"}),
        ("return (x @ y).masked_fill(y, 0)", "inplace", set()),
        ("x = x + y", "inplace", {"x = x + y -> x += y"}),
        ("n = n + y", "inplace", set()),
        ("x -= y", "inplace", {"x -= y -> x = x - y"}),
        ("model.eval()", "train", {"model.eval() -> model.train()"}),
        (
            "return g(x, n, self.training)",
            "train",
            {f"g(x, n, self.training) -> g(x, n, {k})" for k in ("(not self.training)", "True", "False")},
        ),
        ("return g(x, y)", "swap", {"g(x, y) -> g(y, x)"}),
        ("return max(x, y)", "swap", set()),
        ("return x.softmax(y, -1)", "swap", set()),
        ("return g(*x, y)", "swap", set()),
        ("return x, y", "swap", {"return x, y -> return y, x"}),
        ("q, k = g(x)", "swap", {"q, k = g(x) -> k, q = g(x)"}),
        ("return x[:, None]", "swap", {"x[:, None] -> x[None, :]"}),
        ("for i, a in enumerate(x): g(i)", "swap", set()),
        ("self.a = x", "statement", {"self.a = x -> pass"}),
        ("x = g(x)", "statement", {"x = g(x) -> pass"}),
        ("z = g(x)", "statement", set()),
        ("super().__init__()", "statement", set()),
        ("return x and not y", "bool", {"x and not y -> x or not y", "x and not y -> x and y"}),
        ("return g(x, causal=True)", "bool", {"g(x, causal=True) -> g(x, causal=False)"}),
        ("return nn.ReLU(inplace=True)", None, set()),
        ("return x[n:]", "slice", {"x[n:] -> x[:]", "x[n:] -> x[:n]"}),
        ("return x[:-1]", "slice", {"x[:-1] -> x[:]", "x[:-1] -> x[-1:]"}),
        ("return x[0::2]", "slice", set()),
        ("return x.amax()", "call", {"x.amax() -> x.amin()"}),
        ("return sum(x)", "call", set()),
    ],
)
def test_each_kind_of_slip(line, kind, expected):
    assert edits(line, kind=kind) == expected


def test_no_grad_becomes_an_if():
    assert "with torch.no_grad() -> if True" in edits("with torch.no_grad():", "    x.add_(y)")


def test_a_condition_is_negated_and_fixed():
    assert edits("if x:", "    return n") == {"if x -> if not x", "if x -> if True", "if x -> if False"}
    assert edits("if x:", "    raise ValueError('n is 3')") == {"if x -> if False"}
    assert "[a for a in x if a] -> [a for a in x if True]" in edits("return [a for a in x if a]")


def test_loops_still_end():
    assert "break -> continue" in edits("for a in x:", "    break")
    assert edits("while True:", "    break") == set()
    assert edits("while i < n:", "    i += 1") == {"i < n -> i <= n", "i < n -> i > n"}


def test_messages_checks_annotations_and_prints_stay():
    lines = ['"""At most 3."""', "z: Annotated[int, 3] = x", 'assert n > 3, "more than 3"', "print(x + 1)  # 4 + 4"]
    assert edits(*lines, 'raise ValueError(f"{n + 1} is too much, " + str(3))') == set()


def test_only_fenced_code_changes():
    text = "A = 1 + 2\n\n\n" + function("return n + 1", head="def f(n=3):") + "\n\ndef g(n):\n    return n - 1\n"
    found = mutants(text, "m.py")
    assert {m.line for m in found} == {6}
    for m in found:
        before, after = text.splitlines(), m.text.splitlines()
        assert before[:5] == after[:5] and before[6:] == after[6:]


def test_positions_are_bytes():
    text = function('return g("é – 日本", n + 1), "ü", n * 2  # ×')
    found = {m.key: m.text for m in mutants(text, "m.py")}
    assert found["f: n + 1 -> n - 1"] == text.replace("n + 1", "n - 1")
    assert found["f: n * 2 -> n / 2"] == text.replace("n * 2", "n / 2")


def test_an_expression_over_several_lines_keeps_its_layout():
    text = function("return (", "    x  # a + b", "    + y * (", "        n - 1", "    )", ")")
    found = {m.key: m for m in mutants(text, "m.py")}
    plus = found["f: x # a + b + y * ( n - 1 ) -> x # a + b - y * ( n - 1 )"]
    assert plus.text == text.replace("+ y", "- y") and plus.line == 5
    assert found["f: n - 1 -> n + 1"].line == 6


def test_brackets_are_kept_where_they_matter():
    text = function("return x * ((n - y) / y)")
    (dropped,) = [m for m in mutants(text, "m.py") if m.old == "(n - y) / y" and m.kind == "scale"]
    assert ast.unparse(ast.parse(dropped.text)).endswith("return x * (n - y)")


def test_the_owner_is_the_fences():
    method = function("return n + 1", head="def {}(self, n):").replace("\n", "\n        ")
    text = "class A:\n    class B:\n        " + method.format("forward") + method.format("backward")
    assert {m.owner for m in mutants(text, "m.py")} == {"A.B.forward", "A.B.backward"}


def test_keys_know_no_line_numbers_and_tell_equal_edits_apart():
    text = function("a = g(n + 1)", "b = h(n + 1)", "return a")
    keys = [m.key for m in mutants(text, "m.py")]
    assert "f: n + 1 -> n - 1" in keys and "f: n + 1 -> n - 1 (2nd)" in keys
    assert len(set(keys)) == len(keys)
    assert [m.key for m in mutants("import math\n\n\n" + text, "m.py")] == keys


def test_every_mutant_compiles_differs_and_comes_once_in_order():
    lines = [
        "for a, b in zip(x, y):",
        "    a -= 0.1 * b.mean(dim=0)",
        "    if a.max() > 1 and not b:",
        "        x[a:] += -b",
        "return x",
    ]
    text = function(*lines)
    found = mutants(text, "m.py")
    trees = [ast.dump(ast.parse(m.text)) for m in found]
    assert ast.dump(ast.parse(text)) not in trees
    assert len(set(trees)) == len(trees)
    assert [m.line for m in found] == sorted(m.line for m in found)
