"""What one test leaves behind must not reach the next: torch's and Python's global state, restored and compared."""

import operator
import os
import random
import sys
import threading
from collections.abc import Mapping

import numpy as np
import torch

# Where an answer could replace a function for everybody.
PLACES = (torch, torch.Tensor, torch.nn, torch.nn.functional, torch.nn.init)


def seed_everything(seed: int = 0) -> None:
    """Seeds torch (every device), numpy and random."""
    if torch.accelerator.is_available():
        torch.manual_seed(seed)
    else:
        # Before every test: `torch.manual_seed` would also note, three times, from where it was to seed absent devices.
        torch.default_generator.manual_seed(seed)
    np.random.seed(seed)
    random.seed(seed)


class GlobalState:
    """The global state at the moment of creation."""

    def __init__(self) -> None:
        self.dtype = torch.get_default_dtype()
        self.grad = torch.is_grad_enabled()
        self.inference = torch.is_inference_mode_enabled()
        self.device = torch.get_default_device()
        self.threads = torch.get_num_threads()
        self.deterministic = torch.are_deterministic_algorithms_enabled()
        self.folder, self.path = os.getcwd(), list(sys.path)
        self.running = set(threading.enumerate())
        self.functions = [(place, dict(vars(place))) for place in PLACES]

    def restore(self) -> list[str]:
        """Puts everything back; returns, in words, what an answer had no business to change."""
        changed = []
        if torch.get_default_dtype() != self.dtype:
            changed.append(f"torch's default dtype is now {torch.get_default_dtype()}")
            torch.set_default_dtype(self.dtype)
        if torch.is_grad_enabled() != self.grad:
            changed.append(f"gradients are switched {'off' if self.grad else 'on'}")
            torch.set_grad_enabled(self.grad)
        if torch.get_default_device() != self.device:
            changed.append(f"torch's default device is now {torch.get_default_device()}")
            # None rather than "cpu": a default that was set, to whatever device, slows every call down.
            torch.set_default_device(None if self.device.type == "cpu" else self.device)
        for place, before in self.functions:
            if _untouched(vars(place), before):
                continue
            for name, value in before.items():
                now = vars(place).get(name)
                # torch itself replaces a few functions when torch._dynamo is imported; an answer's come from elsewhere.
                if now is not value and not name.startswith("__") and not _from_torch(now):
                    setattr(place, name, value)
                    if callable(value):
                        changed.append(f"{place.__name__}.{name} was replaced")
        if (here := _current_folder()) != self.folder:
            changed.append(f"the current folder is now {here or 'one that was deleted'}")
            os.chdir(self.folder)
        if any(_left_by_an_answer(thread) for thread in set(threading.enumerate()) - self.running):
            changed.append("a thread is still running")
        sys.path[:] = self.path
        if torch.get_num_threads() != self.threads:
            torch.set_num_threads(self.threads)
        if torch.are_deterministic_algorithms_enabled() != self.deterministic:
            torch.use_deterministic_algorithms(self.deterministic)
        return changed


def _untouched(now: Mapping, before: Mapping) -> bool:
    # Twice a test, thousands of names: without a loop of Python's this takes a tenth of the time.
    return len(now) == len(before) and all(map(operator.is_, now.values(), before.values()))


def _current_folder() -> str | None:
    try:
        return os.getcwd()
    except OSError:
        return None


def _left_by_an_answer(thread: threading.Thread) -> bool:
    """Libraries keep threads of their own (loading weights, say); an answer's runs code that nobody installed."""
    module = sys.modules.get(getattr(getattr(thread, "_target", None), "__module__", None) or type(thread).__module__)
    file = getattr(module, "__file__", None) or ""
    return not thread.daemon and not file.startswith((sys.prefix, sys.base_prefix)) and "site-packages" not in file


def _from_torch(value) -> bool:
    return (getattr(value, "__module__", None) or "").split(".")[0] == "torch"
