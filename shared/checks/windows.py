"""Text files as they are on Windows, for answers that rely on what the author's own machine prefers."""

import builtins
import io
from collections.abc import Iterator
from contextlib import contextmanager
from unittest.mock import patch


@contextmanager
def as_on_windows() -> Iterator[None]:
    r"""Inside, a text opened without `encoding=` is cp1252, and without `newline=` its line breaks are written "\r\n".

    The text is Windows', but paths, and files that libraries written in C open, stay as they are.
    """
    real_open = io.open

    def text_encoding(encoding, stacklevel=2):  # by way of this, pathlib asks what the machine prefers
        return encoding or "locale"

    def open(file, mode="r", buffering=-1, encoding=None, errors=None, newline=None, closefd=True, opener=None):
        if "b" not in mode:
            encoding = "cp1252" if encoding in (None, "locale") else encoding
            newline = "\r\n" if newline is None and not set(mode).isdisjoint("wax") else newline
        return real_open(file, mode, buffering, encoding, errors, newline, closefd, opener)

    with patch.object(builtins, "open", open), patch.multiple(io, open=open, text_encoding=text_encoding):
        yield
