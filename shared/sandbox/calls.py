"""Watches the calls that tests make into an answer: its arguments must not be modified, and it must run on any device.

A forgotten `device=` is caught on a laptop: torch's FakeTensorMode makes tensors "on cuda" that have no values but obey
CUDA's rules, so a call that a test made on the CPU is made again with those.
"""

import copy
import functools
import inspect
import itertools
import re
from dataclasses import dataclass
from types import ModuleType

import torch
from torch import Tensor, nn
from torch.utils._pytree import tree_map

from shared.checks import CheckFailed
from shared.checks.records import recorder
from shared.course.day import Day

KEPT = 6  # calls of an exercise that are made again elsewhere, each from another test
ATOMS = {str, int, float, bool, bytes, type(None)}
LARGE = 1000  # entries: such a container, a vocabulary say, isn't searched for tensors at every call


@dataclass
class Call:
    function: object
    args: tuple
    kwargs: dict


class CallWatcher:
    """Wraps a day's exercises: functions, and the `forward` of modules. The plugin says which one is being tested."""

    def __init__(self, day: Day):
        self.day = day
        self.exercise: str | None = None  # whose test is running; None: look away
        self.test = ""
        self.may_modify = False
        self.uses: set[str] = set()  # other exercises that the running test came through
        self.last: Call | None = None  # the running test's last call of its exercise
        self.calls: dict[str, dict[str, Call]] = {}  # exercise -> test -> its first call
        self._depth = 0

    def watch(self, module: ModuleType) -> None:
        for exercise in self.day.exercises:
            if exercise.module != f"{module.__name__}.py":
                continue
            thing = getattr(module, exercise.name, None)
            if inspect.isfunction(thing):
                setattr(module, exercise.name, self._wrap(thing, exercise.name))
            elif (
                inspect.isclass(thing)
                and issubclass(thing, nn.Module)
                and inspect.isfunction(vars(thing).get("forward"))
            ):
                thing.forward = self._wrap(vars(thing)["forward"], exercise.name)

    def _wrap(self, function, exercise: str):
        @functools.wraps(function)
        def watched(*args, **kwargs):
            __tracebackhide__ = True
            if self.exercise not in (None, exercise):
                self.uses.add(exercise)
            # Only what a test calls itself: an exercise that uses another one may well work in place.
            if self._depth or self.exercise is None:
                return function(*args, **kwargs)
            kept_args = tuple(_kept(value) for value in args)
            kept_kwargs = {name: _kept(value) for name, value in kwargs.items()}
            if exercise == self.exercise:
                self.last = Call(function, kept_args, kept_kwargs)
            self._depth += 1
            try:
                result = function(*args, **kwargs)
            finally:
                self._depth -= 1
            if not self.may_modify:
                _compare(function, args, kwargs, kept_args, kept_kwargs)
            kept = self.calls.setdefault(exercise, {})
            if exercise == self.exercise and len(kept) < KEPT:
                kept.setdefault(self.test, Call(function, kept_args, kept_kwargs))
            return result

        return watched


def _kept(value):
    """A copy, as far as lists, tuples and dicts go. Every call comes here, and `tree_map` takes ten times as long."""
    kind = type(value)
    if kind in ATOMS or (isinstance(value, dict | list | tuple) and len(value) > LARGE):
        return value
    if kind is list:
        return [_kept(item) for item in value]
    if kind is tuple:
        return tuple([_kept(item) for item in value])
    if kind is dict:
        return {key: _kept(item) for key, item in value.items()}
    return _copy(value) if isinstance(value, Tensor) else tree_map(_copy, value)


def _copy(value):
    return value.detach().clone().requires_grad_(value.requires_grad) if _plain(value) else value


def _plain(value) -> bool:
    # A parameter is the module's own affair, and clones of it would break ties.
    return isinstance(value, Tensor) and not isinstance(value, nn.Parameter) and value.layout == torch.strided


def _compare(function, args, kwargs, kept_args, kept_kwargs) -> None:
    __tracebackhide__ = True
    names = [*inspect.signature(function).parameters]
    before = zip(itertools.chain(names, itertools.repeat("an argument")), kept_args)
    after = itertools.chain(args, kwargs.values())
    for (name, old), new in zip(itertools.chain(before, kept_kwargs.items()), after):
        if _plain(old) and not _same(old, new):
            recorder.keep(["modified", name, new])
            raise CheckFailed(
                f"the answer modified its argument `{name}` in place", "the caller still needs it as it was"
            )


def _same(old: Tensor, new: Tensor) -> bool:
    if old.shape != new.shape:
        return False
    return bool(((old == new) | ((old != old) & (new != new))).all())


def fails_elsewhere(call: Call) -> tuple[str, BaseException | None] | None:
    """What goes wrong when `call` is made with tensors "on cuda": (a sentence, the error), or None.

    None also where torch cannot tell without real values (`.item()`, an `if` that asks for one).
    """
    from torch._subclasses.fake_tensor import DynamicOutputShapeException, FakeTensorMode

    try:
        return _fails(call, FakeTensorMode())
    except DynamicOutputShapeException:
        # How much an index by mask takes depends on values. With a symbol for that size, which is slower, it goes on.
        from torch.fx.experimental.symbolic_shapes import ShapeEnv

        return _fails(call, FakeTensorMode(shape_env=ShapeEnv(), static_shapes=True))


def _fails(call: Call, mode) -> tuple[str, BaseException | None] | None:
    from torch._subclasses.fake_tensor import DynamicOutputShapeException

    memo: dict[int, Tensor] = {}

    def move(value):
        if isinstance(value, nn.Module):
            return _moved_module(value, mode, memo)
        if isinstance(value, Tensor):
            return _on_cuda(value, mode, memo)
        return torch.device("cuda") if isinstance(value, torch.device) else value

    args, kwargs = tree_map(move, (call.args, call.kwargs))
    if not any(isinstance(value, Tensor | nn.Module | torch.device) for value in _leaves((args, kwargs))):
        return None
    try:
        with mode:
            result = call.function(*args, **kwargs)
    except Exception as error:
        if isinstance(error, DynamicOutputShapeException) and mode.shape_env is None:
            raise
        text = f"{type(error).__name__}: {error}"
        if re.search(r"same device|Device Propagation|Mismatching .*device|DeviceMismatch", text):
            return "on a GPU this stops: some tensors are made on the CPU, others come in on the GPU", error
        return None
    if any(isinstance(value, Tensor) and value.device.type == "cpu" for value in _leaves(result)):
        return "on a GPU the result would still lie on the CPU: make it on the device of what comes in", None
    return None


def _leaves(value) -> list:
    found: list = []
    tree_map(found.append, value)
    return found


def _fake(tensor: Tensor, mode) -> Tensor:
    from torch._subclasses.fake_tensor import unset_fake_temporarily

    with unset_fake_temporarily():
        return mode.from_tensor(tensor.detach())


def _on_cuda(tensor: Tensor, mode, memo: dict[int, Tensor]) -> Tensor:
    if id(tensor) not in memo:
        with mode:
            moved = _fake(tensor, mode).to("cuda").requires_grad_(tensor.requires_grad)
        memo[id(tensor)] = nn.Parameter(moved, tensor.requires_grad) if isinstance(tensor, nn.Parameter) else moved
    return memo[id(tensor)]


def _moved_module(module: nn.Module, mode, memo: dict[int, Tensor]) -> nn.Module:
    """What `module.cuda()` does: parameters and buffers move, a tensor kept as a plain attribute stays behind."""
    module = copy.deepcopy(module)
    for part in module.modules():
        for store in (part._parameters, part._buffers):
            store.update({name: _on_cuda(value, mode, memo) for name, value in store.items() if value is not None})
        for name, value in vars(part).items():
            if isinstance(value, Tensor):
                vars(part)[name] = _fake(value, mode)
    return module
