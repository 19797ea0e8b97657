"""Watches the calls that tests make into an answer: its arguments must not be modified, and it must run on any device.

A forgotten `device=` is caught on a laptop: what a test called on the CPU is called again with tensors on a pretended
GPU (`pretended_gpu.py`).
"""

import copy
import functools
import inspect
import itertools
import re
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._pytree import tree_leaves, tree_map

from shared.checks import CheckFailed, recorder
from shared.course.day import Day

ATOMS = {str, int, float, bool, bytes, type(None)}
LARGE = 1000  # entries: such a container, a vocabulary say, isn't searched for tensors at every call
MANY = 50  # calls of one test that are remembered, the last of them


@dataclass
class Call:
    """A call that a test made, of a function or a method: `result` is what came back, the very object."""

    name: str
    function: Callable
    args: tuple
    kwargs: dict
    of_object: bool = False  # a method's, whose first argument is the object
    result: Any = None


class CallWatcher:
    """Wraps a day's exercises: functions, and methods of classes. The plugin says which one is being tested."""

    def __init__(self, day: Day):
        self.day = day
        self.exercise: str | None = None  # whose test is running; None: look away
        self.may_modify = False
        self.uses: set[str] = set()  # other exercises that the running test came through
        self.calls: list[Call] = []  # the running test's calls of its exercise
        self.first: Call | None = None
        self._depth = 0

    def start(self, exercise: str | None, may_modify: bool) -> None:
        """A test of this exercise begins."""
        self.exercise, self.may_modify = exercise, may_modify
        self.uses, self.calls, self.first = set(), [], None

    def stop(self) -> None:
        self.exercise, self._depth = None, 0

    def watch(self, module: ModuleType) -> None:
        """Puts the wrappers in place, in a module of the day that was just loaded."""
        for exercise in self.day.exercises:
            if exercise.module != f"{module.__name__}.py":
                continue
            owner, _, method = exercise.name.partition(".")
            thing = getattr(module, owner, None)
            if inspect.isfunction(thing):
                setattr(module, owner, self._wrap(thing, exercise.name, owner))
            elif inspect.isclass(thing):
                for name in [method] if method else self._public_methods(thing):
                    function = vars(thing).get(name)
                    if inspect.isfunction(function):
                        shown = owner if name == "forward" else f"{owner}.{name}"
                        setattr(thing, name, self._wrap(function, exercise.name, shown, of_object=True))

    def _public_methods(self, kind: type) -> list[str]:
        """Those that aren't exercises of their own."""
        others = {exercise.name for exercise in self.day.exercises}
        return [n for n in vars(kind) if not n.startswith("_") and f"{kind.__name__}.{n}" not in others]

    def _wrap(self, function: Callable, exercise: str, name: str, of_object: bool = False) -> Callable:
        @functools.wraps(function)
        def watched(*args, **kwargs):
            __tracebackhide__ = True
            if self.exercise not in (None, exercise):
                self.uses.add(exercise)
            # Only what a test calls itself: an exercise that uses another one may well work in place.
            if self._depth or self.exercise is None:
                return function(*args, **kwargs)
            kept_args = tuple(_kept(value) for value in args)
            kept_kwargs = {key: _kept(value) for key, value in kwargs.items()}
            call = Call(name, function, kept_args, kept_kwargs, of_object)
            if exercise == self.exercise:
                self.first = self.first or call
                self.calls = [*self.calls[1 - MANY :], call]
            self._depth += 1
            try:
                call.result = result = function(*args, **kwargs)
            finally:
                self._depth -= 1
            if not self.may_modify:
                _compare(function, args, kwargs, kept_args, kept_kwargs)
            return result

        return watched

    def failing_call(self, error: BaseException) -> Call | None:
        """The call whose result a check refused, as far as the very object that it refused tells; else the last one."""
        got = getattr(error, "got", None)
        place = re.search(r"at (?:character )?\[(\d+)\]", getattr(error, "summary", ""))
        if place and isinstance(got, list | tuple) and int(place[1]) < len(got) == len(self.calls):
            return self.calls[int(place[1])]  # a list of what each call gave
        for call in reversed(self.calls):
            if got is not None and (call.result is got or any(leaf is got for leaf in _items(call.result))):
                return call
        return self.calls[-1] if self.calls else None


def _items(value: Any) -> list:
    return list(value) if type(value) in (list, tuple) and len(value) <= LARGE else []


def _kept(value):
    """A copy, as far as lists, tuples and dicts go. Every call comes here, and `tree_map` takes ten times as long."""
    kind = type(value)
    if kind in ATOMS or (isinstance(value, dict | list | tuple | set) and len(value) > LARGE):
        return value
    if kind is list:
        return [_kept(item) for item in value]
    if kind is tuple:
        return tuple([_kept(item) for item in value])
    if kind is dict:
        return {key: _kept(item) for key, item in value.items()}
    if kind is set:
        return set(value)
    return _copy(value) if isinstance(value, Tensor) else tree_map(_copy, value)


def _copy(value):
    if not _plain(value):
        return value
    copied = value.detach().clone()
    # Inside torch.func.vjp and its like, torch refuses to mark a tensor; its values are all that is compared.
    with suppress(RuntimeError):
        copied.requires_grad_(value.requires_grad)
    return copied


def _plain(value) -> bool:
    # A parameter is the module's own affair, and clones of it would break ties.
    plain = isinstance(value, Tensor) and not isinstance(value, nn.Parameter) and value.layout == torch.strided
    return plain and value.device.type != "meta"


def _compare(function, args, kwargs, kept_args, kept_kwargs) -> None:
    __tracebackhide__ = True
    names = [*inspect.signature(function).parameters]
    before = zip(itertools.chain(names, itertools.repeat("an argument")), kept_args)
    after = itertools.chain(args, kwargs.values())
    for (name, old), new in zip(itertools.chain(before, kept_kwargs.items()), after):
        if not _same(old, new):
            recorder.keep(["modified", name, new])
            raise CheckFailed(
                f"the answer modified its argument `{name}` in place", "the caller still needs it as it was"
            )


def _same(old: Any, new: Any) -> bool:
    """Whether an argument is what it was: tensors, and lists, dicts and sets of plain values and tensors."""
    if old is new:
        return True  # what isn't copied: large containers, modules, parameters
    if _plain(old):
        if old.shape != new.shape:
            return False
        return bool(((old == new) | ((old != old) & (new != new))).all())
    kind = type(old)
    if kind is not type(new):
        return True
    if kind in (list, tuple):
        return len(old) == len(new) and all(map(_same, old, new))
    if kind is dict:
        return list(old) == list(new) and all(map(_same, old.values(), new.values()))
    if kind is set or kind in (str, int, bool, bytes):
        return old == new
    return True


def stops_on_a_gpu(call: Call) -> tuple[str, BaseException | None] | None:
    """What goes wrong when `call` is made on a GPU: (a sentence, the error), or None."""
    from shared.sandbox.pretended_gpu import GPUTensor, OnlyOnGPU, pretended_gpu

    if not any(isinstance(leaf, Tensor | nn.Module | torch.device) for leaf in tree_leaves((call.args, call.kwargs))):
        return None
    if call.of_object and not isinstance(call.args[0], nn.Module):
        return None  # nobody but its author could move such an object
    moved: dict[int, Any] = {}

    def move(value):
        if isinstance(value, torch.device):
            return torch.device("cuda")
        if inspect.isroutine(value) or isinstance(value, functools.partial):
            return lambda *args, **kwargs: tree_map(move, value(*args, **kwargs))  # next_batch(), say
        if not isinstance(value, Tensor | nn.Module) or isinstance(value, GPUTensor):
            return value
        if id(value) not in moved:
            if isinstance(value, nn.Module):
                moved[id(value)] = copy.deepcopy(value).to("cuda")
            else:
                copied = value.detach().to("cuda").requires_grad_(value.requires_grad)
                moved[id(value)] = nn.Parameter(copied) if isinstance(value, nn.Parameter) else copied
        return moved[id(value)]

    with pretended_gpu():
        try:
            args, kwargs = tree_map(move, (call.args, call.kwargs))
        except Exception:
            return None  # a module that can't be copied, say: nothing that the answer does is known from that
        try:
            result = call.function(*args, **kwargs)
        except Exception as error:
            if "same device" in str(error):  # torch itself looks at the devices too, in meshgrid for example
                return "on a GPU this stops: some tensors are made on the CPU, others come in on the GPU", error
            return (f"on a GPU this stops: {error}", error) if isinstance(error, OnlyOnGPU) else None
    if any(isinstance(leaf, Tensor) and not isinstance(leaf, GPUTensor) for leaf in tree_leaves(result)):
        return "on a GPU the result would still lie on the CPU: make it on the device of what comes in", None
    return None
