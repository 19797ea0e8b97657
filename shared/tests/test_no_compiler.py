"""Optimizers don't wait for torch's compiler, and who wants it gets the real one."""

import subprocess
import sys

import pytest

HEAD = """
import sys, torch
from shared.sandbox.no_compiler import leave_the_compiler_out
leave_the_compiler_out()
stand_in = sys.modules["torch._dynamo"]
layer = torch.nn.Linear(2, 2)
optimizer = torch.optim.AdamW(layer.parameters())
layer(torch.ones(1, 2)).sum().backward()
"""
STEP = "optimizer.step(); optimizer.zero_grad(); optimizer.load_state_dict(optimizer.state_dict())"
USES = {
    "nothing": (STEP, "assert stand_in.real is None and 'torch._dynamo.config' not in sys.modules"),
    "a look at all modules": (
        f"{STEP}; import inspect; inspect.getmodule(layer.forward)",
        "assert stand_in.real is None",
    ),
    "a submodule": ("import torch._dynamo.config", "assert torch._dynamo.config.recompile_limit"),
    "a name": ("from torch._dynamo import reset", "reset(); assert stand_in.real is torch._dynamo"),
    "an attribute": ("torch._dynamo.reset()", "assert sys.modules['torch._dynamo'] is torch._dynamo is stand_in.real"),
    "the stand-in, put back": (
        "torch._dynamo.reset(); sys.modules['torch._dynamo'] = stand_in",
        f"import torch._dynamo.utils; from torch._dynamo import optimize; {STEP}",
    ),
}


@pytest.mark.parametrize("use", USES)
def test_the_compiler_comes_only_when_it_is_asked_for(use):
    before, after = USES[use]
    subprocess.run([sys.executable, "-c", f"{HEAD}\n{before}\n{after}"], check=True)
