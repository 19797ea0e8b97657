"""The time that torch's compiler takes isn't the answer's: the first call of `@torch.compile` may take a minute."""

import functools
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from shared.sandbox.session import Session


def listen_to_the_compiler(session: "Session") -> None:
    """From now on the clock of `session` stands still while torch compiles, or imports its compiler."""
    real = torch.compile

    @functools.wraps(real)
    def compile(*args, **kwargs):
        with session.clock_stopped():
            from torch._dynamo.callback import callback_handler as compiler

        if session.stop_the_clock not in compiler.start_callbacks:
            compiler.register_start_callback(session.stop_the_clock)
            compiler.register_end_callback(session.go_on)
        return real(*args, **kwargs)

    torch.compile = compile  # Module.compile comes through it too
