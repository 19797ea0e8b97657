from pathlib import Path

import pytest

from shared.checks.windows import as_on_windows


def write_by_open(path, text, **how):
    with open(path, "w", **how) as file:
        file.write(text)


def print_to_the_end(path, text, **how):
    with path.open("at", **how) as file:
        print(text, end="", file=file)


def read_by_open(path, **how):
    with open(path, **how) as file:
        return file.read()


def read_by_lines(path, **how):
    with path.open("rt", **how) as file:
        return "".join(file)


@pytest.mark.parametrize("write", [write_by_open, print_to_the_end, Path.write_text])
@pytest.mark.parametrize(
    "how, expected",
    [
        ({}, b"caf\xe9\r\n"),
        ({"encoding": "locale"}, b"caf\xe9\r\n"),
        ({"encoding": "utf-8"}, b"caf\xc3\xa9\r\n"),
        ({"encoding": "utf-8", "newline": "\n"}, b"caf\xc3\xa9\n"),
        ({"newline": ""}, b"caf\xe9\n"),
    ],
)
def test_writing(write, how, expected, tmp_path):
    with as_on_windows():
        write(tmp_path / "text", "café\n", **how)
    assert (tmp_path / "text").read_bytes() == expected


@pytest.mark.parametrize("read", [read_by_open, read_by_lines, Path.read_text])
def test_reading(read, tmp_path):
    path = tmp_path / "text"
    path.write_bytes(b"caf\xc3\xa9\r\n")
    with as_on_windows():
        assert read(path) == "cafÃ©\n"
        assert read(path, encoding="utf-8") == "café\n"


def test_bytes_are_bytes_and_all_is_put_back(tmp_path):
    before = open
    with pytest.raises(KeyError), as_on_windows():
        assert open is not before
        (tmp_path / "bytes").write_bytes(b"\n\x81")
        assert (tmp_path / "bytes").read_bytes() == b"\n\x81"
        raise KeyError
    assert open is before
