import torch
from torch import nn

from shared.checks.describe import describe_call, written


def test_a_mark_alone_does_not_sit_on_its_quote():
    assert written([("a", 0), ("\u0301", 1), ("e\u0301", 2)]) == r"[('a', 0), ('\u0301', 1), ('" + "e\u0301', 2)]"
    assert written("\U0001d165") == r"'\U0001d165'"
    assert written([1, "é"]) == "[1, 'é']"


def test_calls_are_told_as_they_are_written():
    assert describe_call("f", (), {}) == "f()"
    assert describe_call("f", (torch.zeros(2, 3), "é", {"a": (1, None)}), {"dim": -1}) == (
        "f(tensor [2, 3], 'é', {'a': (1, None)}, dim=-1)"
    )
    assert describe_call("mask", (5,), dict(device=torch.device("cpu"), dtype=torch.int64)) == (
        "mask(5, device=cpu, dtype=torch.int64)"
    )
    assert describe_call("f", ([torch.zeros(1)], nn.Linear(1, 1), list(range(51))), {}) == (
        "f(a list of 1 tensor, a Linear, a list of 51 numbers)"
    )
    long = describe_call("f", ("a" * 80, "b" * 80, 3), {})
    assert long == f"f('{'a' * 29}…, '{'b' * 29}…, 3)"
