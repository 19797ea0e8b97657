"""Checks that accept any way of writing a thing: layouts and adjoints."""

import pytest
import torch

from shared.checks import CheckFailed, adjoint, same_for_any_layout


@pytest.mark.parametrize("x", [torch.randn(3, 4), torch.arange(12).view(3, 4), torch.randn(2, 3, 4), torch.randn(0, 3)])
def test_a_right_answer_passes_in_every_layout(x):
    same_for_any_layout(lambda x: x.sum(-1), lambda x: x.sum(dim=-1), x)


WRONG = {
    "gaps": lambda x: x.as_strided((3, 4), (4, 1)),
    "offset": lambda x: torch.as_strided(x, x.shape, x.stride(), 0),
    "columns": lambda x: -x if x.stride(0) == 1 else x,
    "repeated": lambda x: -x if x.stride(0) == 0 else x,
    "float64": lambda x: x.float(),
}


@pytest.mark.parametrize("word", WRONG)
def test_a_failure_names_the_layout(word):
    with pytest.raises(CheckFailed) as caught:
        same_for_any_layout(WRONG[word], lambda x: x, torch.randn(3, 4))
    assert word in caught.value.summary


def test_arguments_that_are_no_tensors_pass_through():
    same_for_any_layout(lambda x, n, dim: x.sum(dim) * n, lambda x, n, dim: n * x.sum(dim), torch.randn(2, 3), 2, -1)


def test_an_adjoint_is_recognised_and_a_near_miss_is_not():
    a = torch.randn(5, 7)
    x, y = torch.randn(7), torch.randn(5)
    adjoint(lambda x: a @ x, lambda y: a.T @ y, x, y)
    with pytest.raises(CheckFailed, match="adjoint"):
        adjoint(lambda x: a @ x, lambda y: (a.T @ y).flip(0), x, y)
    with pytest.raises(CheckFailed, match="shape"):
        adjoint(lambda x: a @ x, lambda y: a.T[:-1] @ y, x, y)
