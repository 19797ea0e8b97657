"""How values and calls are written down: what can be typed as it would be typed, the rest in words."""

import dataclasses
import functools
import random
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn

from shared.checks.describe import name_of, written
from shared.checks.show import describe_call, show


@dataclasses.dataclass
class Config:
    vocab_size: int = 50257
    n_embd: int = 768
    names: list = dataclasses.field(default_factory=list)
    cache: dict = dataclasses.field(default_factory=dict, init=False)


@dataclasses.dataclass
class Needs:
    size: int
    inner: Config = dataclasses.field(default_factory=Config)


class MyLinear(nn.Module):
    pass


def test_a_mark_alone_does_not_sit_on_its_quote():
    assert written([("a", 0), ("\u0301", 1), ("e\u0301", 2)]) == r"[('a', 0), ('\u0301', 1), ('" + "e\u0301', 2)]"
    assert written("\U0001d165") == r"'\U0001d165'"
    assert written([1, "é"]) == "[1, 'é']"


@pytest.mark.parametrize(
    "value, text",
    [
        (2**199, str(2**199)),
        (-(10**70), "-1000000000…0000000000 (71 digits)"),
        ([1, 10**5000 + 3], "[1, 1000000000…0000000003 (5001 digits)]"),
        ({"a": (10**9999,)}, "{'a': (1000000000…0000000000 (10000 digits),)}"),
        (10**200_000, "an integer of some 200,001 digits"),
    ],
    ids=["short", "negative", "in a list", "in a dict", "longest"],
)
def test_an_integer_that_fills_no_line(value, text):
    assert written(value) == text


@pytest.mark.parametrize(
    "name, text", [("wte.weight", "wte.weight"), ("", "''"), ("a\nb", r"'a\nb'"), ("\ud800", r"'\ud800'"), (3, "3")]
)
def test_names_need_no_quotes_where_they_can_be_read(name, text):
    assert name_of(name) == text


@pytest.mark.parametrize(
    "value, text",
    [
        (torch.tensor([[1, 2], [3, 4]]), "tensor([[1, 2], [3, 4]])"),
        (torch.tensor([0.1, -torch.inf, torch.nan, 1 / 3]), "tensor([0.1, -inf, nan, 0.33333334])"),
        (torch.tensor(True), "tensor(True)"),
        (torch.tensor([1.1], dtype=torch.float16), "tensor([1.1], dtype=torch.float16)"),
        (torch.tensor([1.1], dtype=torch.bfloat16), "tensor([1.102], dtype=torch.bfloat16)"),
        (torch.tensor([1 / 3], dtype=torch.float64), "tensor([0.3333333333333333], dtype=torch.float64)"),
        (torch.zeros(3, 4, requires_grad=True)[0].T[::2], "tensor([0.0, 0.0])"),
        (torch.zeros(2, 7), "tensor of shape (2, 7)"),
        (torch.zeros(2, 0), "tensor of shape (2, 0)"),
        (torch.zeros(13).long(), "int64 tensor of shape (13,)"),
        (torch.zeros(2, device="meta"), "meta tensor of shape (2,)"),
        (torch.eye(2).to_sparse(), "sparse_coo tensor of shape (2, 2)"),
        (np.eye(2), "array([[1.0, 0.0], [0.0, 1.0]])"),
        (np.zeros(2, dtype=np.float32), "array([0.0, 0.0], dtype=np.float32)"),
        (np.zeros((3, 5)), "array of shape (3, 5)"),
        (np.float64(0.5), "0.5"),
        (Config(vocab_size=7), "Config(vocab_size=7)"),
        (Config(names=[1]), "Config(names=[1])"),
        (Config(), "Config()"),
        (Needs(3, Config(n_embd=8)), "Needs(size=3, inner=Config(n_embd=8))"),
        (SimpleNamespace(a=1), "SimpleNamespace(a=1)"),
        (nn.Linear(2, 3, bias=False), "Linear(in_features=2, out_features=3, bias=False)"),
        (MyLinear(), "a MyLinear"),
        (nn.Sequential(nn.ReLU()), "a Sequential"),
        (show, "show"),
        (len, "len"),
        (Config, "Config"),
        (lambda x: x, "a lambda"),
        ("a".join, "join"),
        (functools.partial(len), "a partial"),
        (random.Random(3), "a Random"),
        (torch.device("cpu"), "'cpu'"),
        (torch.int64, "torch.int64"),
        (torch.Size([2, 3]), "(2, 3)"),
        ((5,), "(5,)"),
        ({"b", "a"}, "{'a', 'b'}"),
        (set(), "set()"),
        (frozenset({1}), "frozenset({1})"),
        ({"a": [torch.tensor([1])]}, "{'a': [tensor([1])]}"),
        ([torch.zeros(50), None], "[tensor of shape (50,), None]"),
        (list(range(51)), "a list of 51 numbers"),
        ([[[[1]]]], "[[[a list of 1 number]]]"),
        (Path("a.txt"), "Path('a.txt')"),
        (Path("/tmp/x/a.txt"), "Path('…/a.txt')"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_an_argument(value, text):
    assert show(value) == text


def test_what_is_shown_can_be_run():
    from torch import inf, nan, tensor  # noqa: F401

    generator = torch.Generator().manual_seed(0)
    for dtype in (torch.float64, torch.float32, torch.float16, torch.bfloat16):
        x = (torch.randn(12, generator=generator) * 1e3).to(dtype)
        assert torch.equal(eval(show(x)), x) and eval(show(x)).dtype == dtype


def test_calls_are_told_as_they_are_written():
    assert describe_call("f", (), {}) == "f()"
    assert describe_call("f", (torch.zeros(20, 3), "é", {"a": (1, None)}), {"dim": -1}) == (
        "f(tensor of shape (20, 3), 'é', {'a': (1, None)}, dim=-1)"
    )
    assert describe_call("mask", (5,), dict(device=torch.device("cpu"), dtype=torch.int64)) == (
        "mask(5, device='cpu', dtype=torch.int64)"
    )
    assert describe_call("GPT2", (Config(7),), {}) == "GPT2(Config(vocab_size=7))"


def test_only_the_longest_arguments_are_shortened():
    assert describe_call("f", ("a" * 80, "b" * 80, 3), {}) == f"f('{'a' * 44}…, '{'b' * 44}…, 3)"
    x = torch.arange(12) * 1000003
    assert describe_call("f", (x, x, "short"), {}) == (
        "f(int64 tensor of shape (12,), int64 tensor of shape (12,), 'short')"
    )
    assert describe_call("f", (x,), {"dim": 0}, width=150).startswith("f(tensor([0, 1000003,")
