"""How to write on this terminal: characters, colours, width. Whatever is shown goes through a `Terminal` or `say`."""

import codecs
import io
import os
import re
import sys
import textwrap
import unicodedata
from dataclasses import dataclass
from typing import TextIO

BAR, PROSE = 24, 100  # cells of the bar; the widest readable line
STYLES = {"bold": "1", "dim": "2", "red": "31", "green": "32"}
MARKS = {"done": "✓+", "wrong": "✗x", "todo": "·.", "waiting": "–-", "fault": "!!"}
SIGNS = {"·": "-", "…": "...", "–": "-", "—": "-", "─": "-", "×": "x", "≤": "<=", "≥": ">=", "→": "->", "²": "^2"}
SIGNS |= {"’": "'", "‘": "'", "“": '"', "”": '"', "√": "sqrt", "−": "-", "÷": "/", "≠": "!=", "✓": "+", "✗": "x"}
SIGNS |= {"π": "pi", "σ": "sigma", "Σ": "sum", "α": "alpha", "∞": "infinity", "ᵀ": "^T", "ᵢ": "_i", "█": "#"}
PLAIN = str.maketrans(SIGNS)
ESCAPE = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)")


class CannotPrint(OSError):
    """What is printed goes nowhere: the output is closed, its reader has left, or the disk is full."""


def _plain(error: UnicodeError) -> tuple[str | bytes, int]:
    """What stands for characters that a stream's encoding lacks: the nearest in ASCII, else their number."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    missing = error.object[error.start : error.end]
    return missing.translate(PLAIN).encode("ascii", "backslashreplace").decode(), error.end


codecs.register_error("byo-plain", _plain)


def prepare(*streams: TextIO | None) -> None:
    """From here on no print to these streams fails for a character, whoever prints: libraries and argparse too."""
    for stream in streams:
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="byo-plain")


def say(text: str = "", end: str = "\n", code: bool = False) -> None:
    """Prints, and returns when the text is out; CannotPrint where that can't be.

    Of `code`, a character that can't be shown becomes an escape, which means the same in a string, not a look-alike.
    """
    stream = sys.stdout
    if stream is None:
        raise CannotPrint("there is no output to write to: it is closed")
    encoding = stream.encoding or "utf-8"
    try:
        # At once, so that whoever reads just the first line gets all that there is to get.
        stream.write((text + end).encode(encoding, "backslashreplace" if code else "byo-plain").decode(encoding))
        stream.flush()
    except BrokenPipeError:
        raise
    except (OSError, ValueError) as error:  # ValueError: the stream was closed
        raise CannotPrint(f"the output can't be written: {getattr(error, 'strerror', None) or error}") from error


def supports(stream: TextIO) -> tuple[bool, bool]:
    """Whether `stream` can show the marks (fancy), and whether it should get colours."""
    encoding = getattr(stream, "encoding", None) or os.environ.get("PYTHONIOENCODING", "").partition(":")[0] or "ascii"
    try:
        fancy = bool("".join(MARKS.values()).encode(encoding))
    except (UnicodeEncodeError, LookupError):
        fancy = False
    # The old Windows console prints escape codes as they are; newer terminals say who they are.
    terminal = stream.isatty() and (os.name != "nt" or "WT_SESSION" in os.environ or "TERM" in os.environ)
    return fancy, terminal and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def cells(text: str) -> int:
    """Columns that `text` takes in a terminal: 2 for a wide character, 0 for a combining mark or a colour."""
    text = ESCAPE.sub("", text)
    return sum(0 if unicodedata.combining(c) else 1 + (unicodedata.east_asian_width(c) in "WF") for c in text)


@dataclass(frozen=True)
class Terminal:
    """How to write on this terminal: which characters, which colours, how wide."""

    fancy: bool
    color: bool
    width: int = 100

    def paint(self, style: str, text: str) -> str:
        return f"\033[{STYLES[style]}m{text}\033[0m" if self.color else text

    def finish(self, lines: list[str]) -> str:
        """The lines as one text, in ASCII where the terminal has no more."""
        text = "\n".join(lines)
        return text if self.fancy else text.translate(PLAIN).encode("ascii", "backslashreplace").decode()

    def clean(self, text: str) -> str:
        """Text from elsewhere made harmless: no colours, no control characters, nothing that can't be encoded."""
        text = ESCAPE.sub("", text).expandtabs(4)
        return self.finish(["".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)])

    def cut(self, text: str, indent: int, most: int = 10_000) -> str:
        """One indented line that fits; it ends between two values wherever there is a gap."""
        room, dots, end, used = min(self.width - indent, most), " …" if self.fancy else " ...", 0, 0
        text = self.clean(text[:2000])
        if cells(text) > room:
            while (used := used + cells(text[end])) <= room - len(dots):
                end += 1
            gap = text.rfind(" ", 0, end + 1)
            text = text[: gap if gap > end // 2 else end].rstrip(" ,") + dots
        return " " * indent + text

    def wrap(self, text: str, indent: int, most: int = 9) -> list[str]:
        """Prose over as many lines as it takes, but at most `most`; words stay whole."""
        room = min(self.width, PROSE) - indent
        lines = textwrap.wrap(self.clean(text[:4000]), room, break_long_words=False, break_on_hyphens=False)
        return [self.cut(line, indent) for line in [*lines[: most - 1], " ".join(lines[most - 1 :])] if line]

    def bar(self, done: int, total: int) -> str:
        """Full only when all is done, and not empty once something is."""
        filled = BAR if done == total else min(max(round(BAR * done / total), done > 0), BAR - 1)
        return f"[{self.paint('green', '#' * filled)}{'-' * (BAR - filled)}]"

    def mark(self, state: str) -> str:
        return self.paint({"done": "green", "wrong": "red"}.get(state, "dim"), MARKS[state][not self.fancy])
