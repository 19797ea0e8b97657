"""Optimizers without torch's compiler, whose import takes longer than most tests.

`torch.optim` imports `torch._dynamo` at the first step, only to tell a compiler that isn't running where to stop. A
stand-in answers that, and brings the real module as soon as anybody asks it for anything else.
"""

import importlib
import sys
from types import ModuleType

NAME = "torch._dynamo"


class StandIn(ModuleType):
    """torch._dynamo as far as optimizers need it, and the real one from the first other use on."""

    def __init__(self) -> None:
        super().__init__(NAME)
        self.real: ModuleType | None = None
        self.graph_break = lambda *_, **__: None
        self.disable = lambda function, *_, **__: function

    def __getattr__(self, name: str):
        # Whoever looks through all modules asks for __file__ and the like; an import of a submodule for __path__.
        if name.startswith("__") and name != "__path__" and self.real is None:
            raise AttributeError(name)
        return getattr(self.load(), name)

    def load(self) -> ModuleType:
        if self.real is None:
            del self.graph_break, self.disable
            if sys.modules.get(NAME) is self:
                del sys.modules[NAME]
            self.real = importlib.import_module(NAME)
        return self.real


def leave_the_compiler_out() -> None:
    """Puts the stand-in in place, unless somebody has imported the real one."""
    sys.modules.setdefault(NAME, StandIn())
