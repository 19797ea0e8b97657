"""No file of the pair's is ever cut: on a full disk, when killed, or where the system refuses."""

import errno
import os
import signal
import subprocess
import sys
import textwrap

import pytest
from small_day import SKELETON, STRIPPED, mine, small_day, write

from shared.learner import answers, safely
from shared.learner.answers import AnswerError, reset, start, take
from shared.learner.safely import explain, replace_file

NEEDS_POSIX = pytest.mark.skipif(os.name != "posix", reason="signals and links")


@pytest.fixture
def day(tmp_path):
    return small_day(tmp_path)


class Refusing:
    """Stands for a function of the system that fails, after `calls` that go well."""

    def __init__(self, real, number, calls=0):
        self.real, self.number, self.calls = real, number, calls

    def __call__(self, *arguments, **named):
        self.calls -= 1
        if self.calls >= 0:
            return self.real(*arguments, **named)
        raise OSError(self.number, os.strerror(self.number))


def names(folder):
    return sorted(path.name for path in folder.iterdir())


# ---- Writing one file


def test_new_content_takes_the_place_of_the_old(tmp_path):
    for content in (b"one", b"", b"three"):
        replace_file(tmp_path / "file", content)
        assert (tmp_path / "file").read_bytes() == content
    assert names(tmp_path) == ["file"]


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO, errno.EDQUOT])
@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_what_fails_leaves_the_old_text_and_nothing_beside_it(tmp_path, monkeypatch, step, number):
    file = tmp_path / "file"
    file.write_bytes(b"old")
    monkeypatch.setattr(safely.os, step, Refusing(getattr(os, step), number))
    with pytest.raises(OSError) as caught:
        replace_file(file, b"new")
    assert caught.value.errno == number and caught.value.filename == str(file)
    assert file.read_bytes() == b"old" and names(tmp_path) == ["file"]


def test_ctrl_c_too(tmp_path, monkeypatch):
    def interrupted(*_):
        raise KeyboardInterrupt

    (tmp_path / "file").write_bytes(b"old")
    monkeypatch.setattr(safely.os, "fsync", interrupted)
    with pytest.raises(KeyboardInterrupt):
        replace_file(tmp_path / "file", b"new")
    assert (tmp_path / "file").read_bytes() == b"old" and names(tmp_path) == ["file"]


@NEEDS_POSIX
def test_a_kill_at_the_worst_moment_leaves_the_old_text(tmp_path):
    code = """
        import os, signal, sys
        from pathlib import Path
        from shared.learner import safely
        safely.os.replace = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
        safely.replace_file(Path(sys.argv[1]), b"new" * 1000)
    """
    file = tmp_path / "file.py"
    file.write_bytes(b"old")
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(code), str(file)], check=False)
    assert done.returncode == -signal.SIGKILL and file.read_bytes() == b"old"
    assert list(tmp_path.glob("*.py")) == [file]  # what is left beside it is no module


@NEEDS_POSIX
@pytest.mark.parametrize("there", [True, False])
def test_a_link_stays_one(tmp_path, there):
    real, link = tmp_path / "real", tmp_path / "link"
    if there:
        real.write_bytes(b"old")
    link.symlink_to(real)
    replace_file(link, b"new")
    assert link.is_symlink() and real.read_bytes() == b"new"


@NEEDS_POSIX
def test_permissions_stay(tmp_path):
    file = tmp_path / "file"
    file.write_bytes(b"old")
    file.chmod(0o640)
    replace_file(file, b"new")
    assert file.stat().st_mode & 0o777 == 0o640


def test_a_file_that_is_read_only_is_refused(tmp_path, monkeypatch):
    file = tmp_path / "file"
    file.write_bytes(b"old")
    monkeypatch.setattr(safely.os, "access", lambda *_: False)
    with pytest.raises(PermissionError, match="file"):
        replace_file(file, b"new")
    assert file.read_bytes() == b"old"


def test_a_folder_in_its_place_is_refused(tmp_path):
    (tmp_path / "file").mkdir()
    with pytest.raises(IsADirectoryError):
        replace_file(tmp_path / "file", b"new")


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (PermissionError(13, "Permission denied", "/no/such/a.py"), "a.py: permission denied; is it read-only"),
        (OSError(errno.ENOSPC, "No space left on device", "/no/such/a.py"), "make room on the disk"),
        (OSError(errno.EROFS, "Read-only file system", "/no/such/a.py"), "where you may write"),
        (IsADirectoryError(errno.EISDIR, "Is a directory", "/no/such/a.py"), "a file is expected there"),
        (FileNotFoundError(2, "No such file or directory", "/no/such/a.py"), "a.py: no such file or directory"),
        (OSError("odd"), "odd"),
        (OSError(), "oSError"),
        (OSError(5, "Input/output error", 3), "input/output error"),
        (OSError(5, "Input/output error", b"/no/such/a.py"), "a.py: input/output error"),
    ],
)
def test_the_systems_errors_are_sentences(error, says):
    assert says in explain(error) and "\n" not in explain(error) and "Errno" not in explain(error)


# ---- take, reset and start on top of it


@pytest.mark.parametrize("action", [take, reset])
def test_a_full_disk_costs_nothing_and_the_copy_is_named(day, monkeypatch, action):
    text = SKELETON.replace('raise NotImplementedError("last")', "return 'ours'")
    write(day, text)
    monkeypatch.setattr(safely.os, "replace", Refusing(os.replace, errno.ENOSPC, calls=1))  # the backup gets through
    with pytest.raises(AnswerError) as caught:
        action(day, "last")
    assert mine(day) == text
    kept = list((day.path / ".byo" / "backup").glob("*.py"))
    assert len(kept) == 1 and kept[0].name in str(caught.value) and kept[0].read_text() == text
    assert "nothing was changed" in str(caught.value) and "make room on the disk" in str(caught.value)


@pytest.mark.parametrize("action", [take, reset])
def test_without_a_copy_nothing_is_changed(day, monkeypatch, action):
    text = SKELETON.replace('raise NotImplementedError("last")', "return 'ours'")
    write(day, text)
    monkeypatch.setattr(safely.os, "replace", Refusing(os.replace, errno.ENOSPC))
    with pytest.raises(AnswerError, match="no copy of your file could be kept"):
        action(day, "last")
    assert mine(day) == text and not list((day.path / ".byo" / "backup").glob("*"))


def test_a_whole_file_is_put_back_as_safely(day, monkeypatch):
    write(day, "ours = 1\n")
    monkeypatch.setattr(safely.os, "replace", Refusing(os.replace, errno.ENOSPC, calls=1))
    with pytest.raises(AnswerError, match="a copy of your file is in"):
        reset(day, "attention.py")
    assert mine(day) == "ours = 1\n"


@pytest.mark.parametrize("length", [0, 1, 100, len(SKELETON) - 1])
def test_start_makes_a_cut_copy_anew(day, length):
    write(day, SKELETON[:length])
    assert start(day)[0] == "made answers/attention.py again, of which there was only the beginning"
    assert mine(day) == SKELETON


@pytest.mark.parametrize("text", [STRIPPED[: len(STRIPPED) // 2] + "\n    (", "def last(x:\n", "x = 1\0"])
def test_start_says_of_a_broken_file_that_it_is_broken(day, text):
    write(day, text)
    line = start(day)[0]
    assert line.startswith("kept answers/attention.py") and "but Python can't read it" in line
    assert mine(day) == text


def test_start_says_what_a_shortened_file_lacks(day):
    write(day, STRIPPED[: STRIPPED.index("def last")])
    assert start(day)[0].endswith("which was there already, but it lacks last")
    write(day, STRIPPED.replace("def last(x):\n    return x[-1]", "last = list.pop"))
    assert start(day)[0] == "kept answers/attention.py, which was there already"


def test_start_names_the_last_copy_of_a_broken_file(day):
    write(day, SKELETON)
    first = take(day, "last").backup
    second = take(day, "mask").backup
    os.utime(first, (1, 1))
    write(day, mine(day)[:-200] + "(")
    assert second.name in start(day)[0]


def test_start_on_a_full_disk_leaves_no_half_of_a_file(day, monkeypatch):
    monkeypatch.setattr(safely.os, "replace", Refusing(os.replace, errno.ENOSPC, calls=1))
    with pytest.raises(OSError, match=r"plain\.py"):
        start(day)
    assert names(day.path / "answers") == ["attention.py"]
    monkeypatch.undo()
    assert start(day) == ["kept answers/attention.py, which was there already", "made answers/plain.py"]


@pytest.mark.parametrize("action", [start, lambda day: take(day, "last"), lambda day: reset(day, "attention.py")])
@pytest.mark.parametrize("kind", ["file", "dangling link"])
def test_answers_that_is_no_folder_is_named(day, kind, action):
    if kind == "file":
        (day.path / "answers").write_text("notes")
    else:
        (day.path / "answers").symlink_to(day.path / "nowhere")
    with pytest.raises(AnswerError, match="is a file" if kind == "file" else "is a link to"):
        action(day)


@NEEDS_POSIX
def test_answers_may_be_a_link_to_a_folder(day, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (day.path / "answers").symlink_to(tmp_path / "elsewhere")
    assert "made answers/attention.py" in start(day)
    take(day, "last")
    assert "return x[-1]" in (tmp_path / "elsewhere" / "attention.py").read_text()


def test_a_damaged_solution_is_named(day):
    (day.path / "solution" / "attention.py").write_bytes(b"\xff\xfe")
    for action in (answers.show, take):
        with pytest.raises(AnswerError, match="is damaged"):
            action(day, "last")
