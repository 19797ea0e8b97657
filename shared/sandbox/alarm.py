"""A limit of CPU time for a few lines of ours that run somebody else's code."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def alarm(seconds: float) -> Iterator[None]:
    """Raises TimeoutError in the code below after so many seconds of CPU time, where the system has such a clock."""

    def ring(*_: object) -> None:
        raise TimeoutError("it hangs")

    if not hasattr(signal, "setitimer") or threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGVTALRM, ring)
    signal.setitimer(signal.ITIMER_VIRTUAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)
