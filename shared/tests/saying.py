"""What the tests of the checks share: a tensor to look at, and what a failing check says."""

import pytest
import torch

from shared.checks import CheckFailed

X = torch.randn(3, 4, generator=torch.Generator().manual_seed(1))


def said(check, *args, **kwargs) -> str:
    """What a failing check says: summary and lines."""
    with pytest.raises(CheckFailed) as caught:
        check(*args, **kwargs)
    assert "tensor(" not in str(caught.value)
    return str(caught.value)
