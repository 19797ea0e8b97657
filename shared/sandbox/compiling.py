"""What torch's compiler takes isn't the answer's.

The first call of `@torch.compile` may take a minute, and it writes files that are larger than an answer's may be: the
precompiled headers of PyTorch have more than 64 MB.
"""

import functools
from typing import TYPE_CHECKING

import torch

from shared.sandbox.limits import limit_files

if TYPE_CHECKING:
    from shared.sandbox.session import Session


def listen_to_the_compiler(session: "Session") -> None:
    """From now on the clock of `session` stands still while torch compiles, or imports its compiler."""
    real = torch.compile

    def begins(_=None) -> None:
        session.stop_the_clock()
        limit_files(False)

    def ends(_=None) -> None:
        session.go_on()
        limit_files(not session.stopped)  # one compilation may end inside another

    @functools.wraps(real)
    def compile(*args, **kwargs):
        with session.clock_stopped():
            from torch._dynamo.callback import callback_handler as compiler

        if begins not in compiler.start_callbacks:
            compiler.register_start_callback(begins)
            compiler.register_end_callback(ends)
        return real(*args, **kwargs)

    torch.compile = compile  # Module.compile comes through it too
