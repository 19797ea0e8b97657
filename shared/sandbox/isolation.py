"""What one test leaves behind must not reach the next: torch's and Python's global state, restored and compared.

It can never be complete: an answer may change what nobody thought of. `shared.runner.alone` is for what is missed here.
"""

import builtins
import gc
import math
import operator
import os
import random
import signal
import sys
import threading
import time
from collections.abc import Mapping
from types import ModuleType

import numpy as np
import torch
from torch import nn
from torch.nn.modules import module as module_hooks
from torch.overrides import _get_current_function_mode_stack, _pop_mode
from torch.utils._python_dispatch import _get_current_dispatch_mode_stack

# Where an answer could replace a function for everybody.
PLACES: tuple[ModuleType | type, ...] = (
    *(torch, torch.Tensor, torch.nn, torch.nn.functional, torch.nn.init),
    *(nn.Module, nn.Linear, nn.LayerNorm, nn.Embedding, math, random, time, builtins),
)
HOOKS = [name for name in vars(module_hooks) if name.startswith("_global_") and name.endswith("hooks")]
HANDLED = sorted(signal.valid_signals() - {getattr(signal, name, None) for name in ("SIGKILL", "SIGSTOP")})
OURS = ("torch", "shared", "test_", "_pytest", "unittest", "monkeypatch")  # who may replace functions for a while


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
        self.autocast = torch.is_autocast_enabled("cpu")
        self.modes = _modes()
        self.hooks = {name: dict(getattr(module_hooks, name)) for name in HOOKS}
        self.streams = sys.stdin, sys.stdout, sys.stderr
        self.recursion = sys.getrecursionlimit()
        self.environment = dict(os.environ)
        self.folder, self.path = os.getcwd(), list(sys.path)
        self.running = set(threading.enumerate())
        self.tracing, self.collecting = (sys.gettrace(), sys.getprofile()), gc.isenabled()
        self.modules = dict(sys.modules)
        self.handlers = {number: signal.getsignal(number) for number in HANDLED}
        self.functions = [(place, dict(vars(place))) for place in PLACES]

    def restore(self) -> list[str]:
        """Puts everything back; returns, in words, what an answer had no business to change."""
        # First what the rest needs in order to work.
        self._silently()
        return [*self._torch(), *self._functions(), *self._python()]

    def _silently(self) -> None:
        """What no right answer needs to be told of, since it harms only others, and no longer does."""
        if (sys.gettrace(), sys.getprofile()) != self.tracing:
            sys.settrace(self.tracing[0])
            sys.setprofile(self.tracing[1])
        if gc.isenabled() != self.collecting:
            (gc.enable if self.collecting else gc.disable)()
        if any(sys.modules.get(name) is not module for name, module in self.modules.items()):
            sys.modules.update(self.modules)
        if threading.current_thread() is threading.main_thread():
            for number, handler in self.handlers.items():
                if signal.getsignal(number) != handler and handler is not None:
                    signal.signal(number, handler)

    def _torch(self) -> list[str]:
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
        if torch.is_autocast_enabled("cpu") != self.autocast:
            changed.append("autocast was left on: a context was entered and not left")
            torch.set_autocast_enabled("cpu", self.autocast)
        if torch.is_inference_mode_enabled() != self.inference:
            changed.append("inference mode was left on: a context was entered and not left")
        if len(_modes()) != len(self.modes):
            changed.append("a context of torch was entered and not left")
            _leave_modes(len(self.modes))
        for name, before in self.hooks.items():
            if dict(now := getattr(module_hooks, name)) != before:
                changed.append("a hook for all modules of torch was left in place")
                now.clear()
                now.update(before)
        if torch.get_num_threads() != self.threads:
            torch.set_num_threads(self.threads)
        if torch.are_deterministic_algorithms_enabled() != self.deterministic:
            torch.use_deterministic_algorithms(self.deterministic)
        return changed

    def _functions(self) -> list[str]:
        changed = []
        for place, before in self.functions:
            if _untouched(vars(place), before):
                continue
            for name, value in before.items():
                now = vars(place).get(name)
                # torch itself replaces a few functions when torch._dynamo is imported; an answer's come from elsewhere.
                if now is not value and callable(value) and name != "__class__" and not _may_replace(now):
                    setattr(place, name, value)
                    changed.append(f"{place.__name__}.{name} was replaced")
        return changed

    def _python(self) -> list[str]:
        changed = []
        if (sys.stdin, sys.stdout, sys.stderr) != self.streams:
            changed.append("sys.stdin, sys.stdout or sys.stderr was replaced")
            sys.stdin, sys.stdout, sys.stderr = self.streams
        if sys.getrecursionlimit() != self.recursion:
            if sys.getrecursionlimit() < self.recursion:  # torch's compiler raises it, which harms nobody
                changed.append(f"the recursion limit is now {sys.getrecursionlimit()}")
            sys.setrecursionlimit(self.recursion)
        if os.environ != self.environment:
            os.environ.clear()
            os.environ.update(self.environment)
        if (here := _current_folder()) != self.folder:
            changed.append(f"the current folder is now {here or 'one that was deleted'}")
            os.chdir(self.folder)
        if any(_left_by_an_answer(thread) for thread in set(threading.enumerate()) - self.running):
            changed.append("a thread is still running")
        sys.path[:] = self.path
        return changed


def _modes() -> list:
    return [*_get_current_dispatch_mode_stack(), *_get_current_function_mode_stack()]


def _leave_modes(count: int) -> None:
    for _ in range(len(_modes()) - count):
        stack = _get_current_function_mode_stack() or _get_current_dispatch_mode_stack()
        try:
            stack[-1].__exit__(None, None, None)
        except AttributeError:  # `torch.device` was entered by its own method, which keeps nothing to go back to
            _pop_mode()


def _untouched(now: Mapping, before: Mapping) -> bool:
    # Twice a test, thousands of names: without a loop of Python's this takes a tenth of the time.
    return len(now) == len(before) and all(map(operator.is_, now.values(), before.values()))


def _may_replace(value: object) -> bool:
    return (getattr(value, "__module__", None) or "").startswith(OURS)


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
