"""The command line: each command's own options, the one boundary for whatever stops it, and both ways of speaking."""

import errno
import io
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import tiny_day

from shared import cli
from shared.course.day import Day, day_folders
from shared.learner import commands, state
from shared.learner.terminal import prepare, say

FILES = {
    "solution/part.py": 'def double(x):\n    """≤ σ “two”"""\n    return "≤" and 2 * x\n',
    "skeleton/part.py": 'def double(x):\n    raise NotImplementedError("double")\n',
    "tests/test_part.py": "",
}
README = tiny_day.readme({"part": ["double", "triple"]}).replace("First help.", "First help: x ≤ σ → “π”, 東京.")


@pytest.fixture(autouse=True)
def day(tmp_path, monkeypatch):
    """A course of one day, and no variable that says something."""
    for name in ("BYO_MAKE", "BYO_TRACEBACK", "DEVICE", "IMPL", "V", "WHY", "LEVEL", "SECONDS_EACH"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("BYO_ROOT", str(tmp_path))
    return tiny_day.build(tmp_path / "w9d1_tiny", {"part": ["double", "triple"]}, FILES | {"README.md": README})


def refused(capsys, *arguments):
    """What a command that can't be carried out says: one sentence on stderr, exit status 2."""
    status = cli.main(list(arguments))
    err = capsys.readouterr().err
    assert status == 2 and err.endswith("\n") and err.count("\n") == 1 and "Traceback" not in err, err
    return err.strip()


# ---- Options

TAKES = {
    "test": "--device=cpu --impl=skeleton --why -v --seconds=1",
    "watch": "--device=cpu --why",
    "hint": "--level=1",
    "demo": "--device=cpu --impl=solution",
    "bench": "--device=cpu --impl=solution",
    "doctor": "--device=cpu",
    "skeleton": "--check",
    "check": "--write",
}
EVERY = sorted({option for options in TAKES.values() for option in options.split()})


@pytest.mark.parametrize("name", cli.COMMANDS)
def test_each_command_has_just_its_own_options(name, monkeypatch):
    monkeypatch.setitem(cli.COMMANDS, name, cli.Command(lambda options: 0, cli.COMMANDS[name].takes))
    needs_day = "day" in cli.COMMANDS[name].takes.split()
    taken = {o for o in EVERY if cli.main([name, *(["w9d1"] if needs_day else []), o]) == 0}
    mine = set(TAKES.get(name, "").split())
    assert taken == {o for o in EVERY if o.partition("=")[0] in {m.partition("=")[0] for m in mine}}


@pytest.mark.parametrize("name", cli.COMMANDS)
def test_each_command_has_a_help(name, capsys):
    assert cli.main([name, "--help"]) == 0
    assert f"python -m shared {name}" in capsys.readouterr().out


def test_alone_it_lists_every_command(capsys):
    assert cli.main([]) == 0
    out = capsys.readouterr().out
    assert all(f"    {name} " in out for name in cli.COMMANDS)


def parsed(*arguments):
    return cli._parse(list(arguments))


@pytest.mark.parametrize(
    ("variable", "text", "command", "name", "value"),
    [
        ("LEVEL", "2", "hint", "level", 2),
        ("LEVEL", "", "hint", "level", None),
        ("LEVEL", " ", "hint", "level", None),
        ("V", "1", "test", "verbose", True),
        ("V", "0", "test", "verbose", False),
        ("WHY", "yes", "watch", "why", True),
        ("IMPL", "solution", "test", "impl", "solution"),
        ("IMPL", "", "test", "impl", None),
        ("DEVICE", "mps", "doctor", "device", "mps"),
        ("DEVICE", "", "doctor", "device", "cpu"),
        ("SECONDS_EACH", "2.5", "test", "seconds", 2.5),
        ("SECONDS_EACH", "", "test", "seconds", 20.0),
    ],
)
def test_the_environment_gives_defaults(variable, text, command, name, value, monkeypatch):
    monkeypatch.setenv(variable, text)
    assert getattr(parsed(command, "w9d1") if command != "doctor" else parsed(command), name) == value


def test_an_option_is_stronger_than_the_environment(monkeypatch):
    monkeypatch.setenv("LEVEL", "abc")
    assert parsed("hint", "w9d1", "--level", "2").level == 2


WRONG = [
    *[("LEVEL", text, "--level") for text in ("abc", "-1", "0", "1.5", "²", "1e3")],
    *[("SECONDS_EACH", text, "--seconds") for text in ("abc", "inf", "nan", "-1", "0", "1e9", "1e-9", "1,5")],
    *[("DEVICE", text, "--device") for text in ("toaster", "CUDA", "cuda:0")],
    *[("IMPL", text, "--impl") for text in ("mine", "../x", "tests")],
]


@pytest.mark.parametrize(("variable", "text", "option"), WRONG)
def test_a_value_that_means_nothing_is_named_as_it_was_given(variable, text, option, monkeypatch, capsys):
    command = "hint" if variable == "LEVEL" else "test"
    assert refused(capsys, command, "w9d1", "double", f"{option}={text}").startswith(f"{option} {text}: it is ")
    monkeypatch.setenv(variable, text)
    assert refused(capsys, command, "w9d1", "double").startswith(f"{variable}={text}: it is ")


def test_a_variable_of_another_command_is_not_looked_at(monkeypatch, capsys):
    for variable, text, _ in WRONG:
        monkeypatch.setenv(variable, text)
    assert cli.main(["progress"]) == cli.main(["show", "w9d1", "double"]) == 0


@pytest.mark.parametrize("arguments", [["nonsense"], ["test", "a", "b", "c"], ["start"], ["hint", "w9d1", "--lvl"]])
def test_what_is_no_command_is_one_sentence(arguments, capsys):
    assert "--help` says what there is" in refused(capsys, *arguments)


# ---- How it speaks

SAID = [  # (command, a variable, what make's users read, what others read)
    (["reset", "w9d1"], {}, "EX=attention.py for a whole file", "or attention.py for a whole file"),
    (["watch", "w9d1"], {}, "make start DAY=w9d1", "python -m shared start w9d1"),
    (["test", "w9d1", "--impl", "answers"], {}, "make start DAY=w9d1", "python -m shared start w9d1"),
    (["test", "w9d1", "--device", "mps"], {}, "DEVICE=mps, but torch", "--device mps, but torch"),
    (["test", "w9d1"], {"DEVICE": "mps"}, "DEVICE=cpu works", "DEVICE=mps, but torch"),
]


@pytest.mark.parametrize(("arguments", "environment", "by_make", "by_hand"), SAID)
def test_it_speaks_as_it_was_spoken_to(arguments, environment, by_make, by_hand, monkeypatch, capsys):
    import torch

    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    said = refused(capsys, *arguments)
    assert by_hand in said and "make " not in said and "EX=" not in said
    monkeypatch.setenv("BYO_MAKE", "1")
    said = refused(capsys, *arguments)
    assert by_make in said and "python -m" not in said


# ---- The boundary


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (commands.Refused("no"), "no"),
        (
            PermissionError(errno.EACCES, "Permission denied", "answers/a.py"),
            "a.py: permission denied; is it read-only",
        ),
        (OSError(errno.ENOSPC, "No space left on device"), "no space left on device; make room"),
        (IsADirectoryError(errno.EISDIR, "Is a directory", "a.py"), "a.py: is a directory"),
        (UnicodeDecodeError("utf-8", b"\xff", 0, 1, "invalid"), "a fault of the course"),
        (RecursionError("too deep"), "a fault of the course"),
        (MemoryError(), "a fault of the course"),
        (TypeError("two\nlines"), "TypeError: two lines (test_cli.py:"),
        (KeyboardInterrupt(), "stopped"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, BaseException) else "",
)
def test_whatever_stops_a_command_is_one_sentence(error, says, monkeypatch, capsys):
    def stops(options):
        raise error

    monkeypatch.setitem(cli.COMMANDS, "progress", cli.Command(stops, ""))
    assert says in refused(capsys, "progress")


def test_a_traceback_may_be_asked_for(monkeypatch, capsys):
    monkeypatch.setenv("BYO_TRACEBACK", "1")
    monkeypatch.setitem(cli.COMMANDS, "progress", cli.Command(lambda options: 1 // 0, ""))
    assert cli.main(["progress"]) == 2 and "Traceback" in capsys.readouterr().err


@pytest.mark.skipif(os.name != "posix", reason="Windows keeps a folder that is in use")
def test_a_folder_that_no_longer_exists(tmp_path, monkeypatch, capsys):
    monkeypatch.delenv("BYO_ROOT")
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    assert "no longer exists" in refused(capsys, "progress")


@pytest.mark.parametrize("kind", ["file", "dangling link"])
@pytest.mark.parametrize("command", ["test", "watch", "start", "take"])
def test_answers_that_is_no_folder(day, kind, command, capsys):
    if kind == "file":
        (day.path / "answers").write_text("notes")
    else:
        (day.path / "answers").symlink_to(day.path / "nowhere")
    assert "w9d1_tiny/answers is a" in refused(capsys, command, "w9d1", *(["double"] if command == "take" else []))


@pytest.mark.skipif(os.name != "posix", reason="Windows has no such path")
@pytest.mark.parametrize("command", ["test", "watch"])
@pytest.mark.parametrize("parent", ["a:b", "a::b"])
def test_a_path_with_a_colon(command, parent, tmp_path, monkeypatch, capsys):
    tiny_day.build(tmp_path / parent / "w9d1_tiny", {"part": ["double"]}, FILES)
    monkeypatch.setenv("BYO_ROOT", str(tmp_path / parent))
    assert "its path has ':' in it: rename that folder" in refused(capsys, command, "w9d1")


@pytest.mark.parametrize("parent", ["it's", 'a "b"', "`c`", "$d", "[e]", "{f}", "*", "g h", "é中", "%s", "-n"])
@pytest.mark.parametrize("command", ["start", "take", "hint", "progress"])
def test_paths_with_odd_characters(command, parent, tmp_path, monkeypatch, capsys):
    day = tiny_day.build(tmp_path / parent / "w9d1_tiny", {"part": ["double"]}, FILES)
    monkeypatch.setenv("BYO_ROOT", str(tmp_path / parent))
    if command == "take":
        (day.path / "answers").mkdir()
        (day.path / "answers" / "part.py").write_text("def double(x):\n    return 3\n")
    assert cli.main([command, *([] if command == "progress" else ["w9d1", "double"][: 1 + (command != "start")])]) == 0
    assert capsys.readouterr().out


@pytest.mark.parametrize("command", ["start", "take", "reset"])
def test_an_answer_of_another_user(day, command, monkeypatch, capsys):
    def refuse(path):
        if path.parent.name == "answers":
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return real(path)

    real = Path.read_bytes
    assert cli.main(["start", "w9d1"]) == 0
    capsys.readouterr()
    monkeypatch.setattr(Path, "read_bytes", refuse)
    said = refused(capsys, command, "w9d1", *([] if command == "start" else ["double"]))
    assert "part.py: permission denied; is it read-only, or another user's?" in said


def test_a_closed_output_is_said_before_anything_is_done(day, monkeypatch, capsys):
    with monkeypatch.context() as closed:
        closed.setattr(sys, "stdout", None)
        assert cli.main(["start", "w9d1"]) == 2
    assert "nowhere to write to" in capsys.readouterr().err and not (day.path / "answers").exists()


def test_a_closed_error_output_is_no_error(monkeypatch):
    monkeypatch.setattr(sys, "stderr", None)
    assert cli.main(["test", "w7d7"]) == 2


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full here")
@pytest.mark.parametrize("arguments", [["hint", "w9d1", "double"], ["--help"]])
def test_a_full_disk_below_the_output(day, arguments):
    with open("/dev/full", "w") as full:
        command = [sys.executable, "-m", "shared", *arguments]
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert (done.returncode, done.stderr) == (2, "the output can't be written: No space left on device\n")
    assert "hints" not in state.read_state(day)  # what was not seen was not given


def test_a_reader_that_has_left(day):
    command = [sys.executable, "-m", "shared", "progress"]
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run(command, stdout=write, stderr=subprocess.PIPE, text=True, check=False)
    os.close(write)
    assert (done.returncode, done.stderr) == (2, "")


def test_a_python_that_is_too_old_is_told_so():
    code = "import runpy, sys\nsys.version_info = (3, 10, 2)\nrunpy.run_module('shared', run_name='__main__')"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 2 and done.stderr.startswith("the course needs Python 3.11 or newer; this is 3.10")


# ---- Old terminals


class Old(io.TextIOWrapper):
    """A stream of that encoding, as an old terminal is."""

    def __init__(self, encoding):
        super().__init__(io.BytesIO(), encoding=encoding)

    def text(self):
        self.flush()
        return self.buffer.getvalue().decode(self.encoding)


ENCODINGS = ["ascii", "cp1252", "cp437", "latin-1", "utf-8"]


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("command", ["hint", "show", "progress", "start", "take", "skeleton", "--help"])
def test_every_command_can_be_printed_anywhere(encoding, command, monkeypatch):
    stream = Old(encoding)
    monkeypatch.setattr(sys, "stdout", stream)
    rest = {"progress": [], "--help": [], "start": ["w9d1"], "skeleton": ["w9d1", "--check"]}
    assert cli.main([command, *rest.get(command, ["w9d1", "double"])]) in (0, 1)
    assert stream.text()


@pytest.mark.parametrize(
    ("encoding", "text"),
    [
        ("ascii", 'x <= sigma -> "pi", \\u6771\\u4eac.'),
        ("utf-8", "x ≤ σ → “π”, 東京."),
        ("cp1252", "x <= sigma -> “pi”"),
    ],
)
def test_a_hint_keeps_what_can_be_shown(encoding, text, monkeypatch, day):
    stream = Old(encoding)
    monkeypatch.setattr(sys, "stdout", stream)
    assert cli.main(["hint", "w9d1", "double"]) == 0
    assert text in stream.text() and state.read_state(day)["hints"] == {"double": 1}


def test_after_the_last_hint_it_says_so(capsys, day):
    count = len(day.exercise("double").hints)
    for _ in range(count):
        assert cli.main(["hint", "w9d1", "double"]) == 0
    assert "last hint" not in capsys.readouterr().out
    assert cli.main(["hint", "w9d1", "double"]) == 0
    assert "the last hint. If you are stuck for good, `python -m shared take w9d1 double`" in capsys.readouterr().out


def test_shown_code_means_the_same(monkeypatch):
    stream = Old("ascii")
    monkeypatch.setattr(sys, "stdout", stream)
    assert cli.main(["show", "w9d1", "double"]) == 0
    names = {}
    exec(stream.text(), names)
    assert names["double"].__doc__ == "≤ σ “two”"


@pytest.mark.parametrize("folder", day_folders(), ids=lambda folder: folder.name)
@pytest.mark.parametrize("encoding", ["ascii", "cp1252"])
def test_all_hints_of_the_course_can_be_printed(folder, encoding, monkeypatch):
    stream = Old(encoding)
    monkeypatch.setattr(sys, "stdout", stream)
    for exercise in Day(folder).exercises:
        for hint in exercise.hints:
            say(f"{hint.title}\n{hint.text}")
    assert stream.text()


def test_what_others_print_can_be_printed_too(monkeypatch):
    stream = Old("ascii")
    prepare(stream, None)
    print("≤ \udc80 é", file=stream)
    assert stream.text() == "<= \\udc80 \\xe9\n"


# ---- What is remembered


@pytest.mark.parametrize(
    "kept",
    [
        {"hints": 3},
        {"hints": None, "done": [], "failing": "x", "wrong": 1},
        {"hints": {"double": "two"}, "done": {"double": "yes"}},
        {"hints": {"double": None}, "wrong": {"double": 3}, "failing": {"double": []}},
        {"hints": {"double": -7}, "failing": {"double": -1}},
        {"hints": {"double": 1.5}, "failing": {"double": float("nan")}},
        {"hints": {"double": True}, "done": {"double": 1}},
    ],
)
def test_wrong_types_in_the_state_are_as_nothing(day, kept, capsys):
    (state.state_folder(day) / "state.json").write_text(json.dumps(kept))
    assert cli.main(["progress"]) == 0 and "0 of 2" in capsys.readouterr().out
    assert cli.main(["hint", "w9d1", "double"]) == 0
    assert "hint 1 of 2" in capsys.readouterr().out
    assert state.read_state(day)["hints"]["double"] == 1


def test_more_hints_than_there_are_is_the_last_one(day, capsys):
    (state.state_folder(day) / "state.json").write_text('{"hints": {"double": 99999999999999999999}}')
    assert cli.main(["hint", "w9d1", "double"]) == 0 and "hint 2 of 2" in capsys.readouterr().out


@pytest.mark.parametrize("damage", [b"\xff\xfe", b"no heading"])
def test_a_damaged_day_does_not_hide_the_others(day, damage, tmp_path, capsys):
    other = tiny_day.build(tmp_path / "w9d2_other", {"part": ["double"]}, FILES)
    (other.path / "README.md").write_bytes(damage)
    assert cli.main(["progress"]) == 2
    out = capsys.readouterr().out
    assert "w9d1_tiny" in out and "0 of 2" in out and "w9d2_other can't be read" in out
