"""The memory and files that an answer may take, where the system can tell (elsewhere only the clock watches)."""

import contextlib

from shared.runner.protocol import FILE

try:
    import resource
except ImportError:  # Windows
    resource = None  # type: ignore[assignment]

GIGABYTE = 1 << 30


def limit_memory(gigabytes: float) -> None:
    """Data that this process may take, and each process that it starts."""
    if resource:
        _limit(resource.RLIMIT_DATA, int(gigabytes * GIGABYTE))


def limit_files(limited: bool = True) -> None:
    """The largest file that this process may write, and each process that it starts: FILE bytes, or any number."""
    if resource:
        most = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
        _limit(resource.RLIMIT_FSIZE, FILE if limited else most)


def _limit(kind: int, amount: int) -> None:
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(kind, (amount, resource.getrlimit(kind)[1]))
