"""The line that says what is being tested, in a terminal and nowhere else."""

import io

import pytest
import tiny_day

from shared.learner.live import live
from shared.runner.protocol import Diagnosing, Importing, Started
from shared.runner.protocol import Tested as Ended


class Stream(io.StringIO):
    encoding = "utf-8"

    def __init__(self, terminal):
        super().__init__()
        self.terminal = terminal

    def isatty(self):
        return self.terminal


EVENTS = [
    Importing("part"),
    Started("test_a", "double"),
    Ended("test_a", "double", "pass"),
    Started("test_b", "double"),
    Started("test_c", "a_long_name_of_an_exercise"),
    Started("test_other", ""),
    Diagnosing("double"),
]


@pytest.fixture
def day(tmp_path):
    names = ["double", "a_long_name_of_an_exercise"]
    return tiny_day.build(tmp_path / "w9d1_tiny", {"part": names}, {"solution/part.py": ""})


def written(day, monkeypatch, terminal=True, width=80):
    stream = Stream(terminal)
    monkeypatch.setattr("sys.stdout", stream)
    with live(day, None, width) as look:
        for event in EVENTS:
            look(event)
    return stream.getvalue()


def on_screen(text):
    """What a terminal shows after this: "\r" goes back to the left, and what comes then is written over."""
    line = ""
    for piece in text.split("\r"):
        line = piece + line[len(piece) :]
    return line.rstrip()


def test_it_says_what_is_tested_and_disappears(day, monkeypatch):
    text = written(day, monkeypatch)
    pieces = text.split("\r")[1:]
    shown = [on_screen("\r".join(pieces[: number + 1])) for number in range(len(pieces))]
    assert shown == [
        "  0 of 2  starting Python and torch",
        "  0 of 2  importing part.py",
        "  0 of 2  part: double",
        "  1 of 2  part: a_long_name_of_an_exercise",
        "  2 of 2  looking for the mistake in double",
        "",
        "",
    ]
    assert "\n" not in text and text.endswith("\r")


def test_it_never_takes_a_second_line(day, monkeypatch):
    assert all(len(piece) < 40 for piece in written(day, monkeypatch, width=40).split("\r"))


def test_nothing_of_it_is_piped(day, monkeypatch):
    assert written(day, monkeypatch, terminal=False) == ""


def test_it_disappears_when_the_run_is_stopped(day, monkeypatch):
    stream = Stream(True)
    monkeypatch.setattr("sys.stdout", stream)
    with pytest.raises(KeyboardInterrupt), live(day, ["double"], 80) as look:
        look(Started("test_a", "double"))
        raise KeyboardInterrupt
    assert "  0 of 1  part: double" in stream.getvalue() and on_screen(stream.getvalue()) == ""
