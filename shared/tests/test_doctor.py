"""The doctor finds what is broken, says what to do, and never faints. Nothing here imports torch."""

import json
import re
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from shared.data import files as data
from shared.learner import doctor, doctor_days

README = "# W9D1 · X\n\n## 1. Part: one\n\n### `f`\n*difficulty 1/5 · importance 1/5 · 5 minutes · `part.py`*\n"


@pytest.fixture(autouse=True)
def by_make(monkeypatch):
    monkeypatch.setenv("BYO_MAKE", "1")


@pytest.fixture
def day(tmp_path, monkeypatch):
    """A course of one day."""
    monkeypatch.setenv("BYO_ROOT", str(tmp_path))
    folder = tmp_path / "w9d1_x"
    for part in ("solution", "skeleton", "tests"):
        (folder / part).mkdir(parents=True)
    (folder / "solution/part.py").write_text("")
    (folder / "README.md").write_text(README, encoding="utf-8")
    return folder


def found(look):
    """{"ok"/"note"/"problem": all such findings as text}"""
    lines = {}
    for state, what, remedy in look():
        lines.setdefault(state, []).append(f"{what} -> {remedy}")
    return {state: "\n".join(texts) for state, texts in lines.items()}


def test_each_line_says_how_it_is_and_what_to_do(monkeypatch, capsys):
    def nothing(*_):
        yield from ()

    def fine():
        yield "ok", "Python 3.12", ""

    def broken():
        yield "problem", "torch is not installed", "make setup"

    for name in (
        "_python",
        "_packages",
        "_same_build",
        "_device",
        "_machine",
        "_data",
        "_tools",
        "_caches",
    ):
        monkeypatch.setattr(doctor, name, nothing)
    monkeypatch.setattr(doctor_days, "folders", nothing)
    monkeypatch.setattr(doctor, "_python", fine)
    assert doctor.examine("cpu") is False
    assert capsys.readouterr().out == "ok       Python 3.12\n\nall is well\n"
    monkeypatch.setattr(doctor, "_packages", broken)
    assert doctor.examine("cpu") is True
    out = capsys.readouterr().out
    assert re.search("^problem  torch is not installed (→|->) make setup$", out, re.MULTILINE)
    assert out.endswith("something is broken; the lines above say what to do\n")


def test_a_doctor_does_not_faint():
    def faints():
        yield "ok", "this", ""
        raise RuntimeError("that")

    state, what, remedy = list(doctor._safely(faints))[-1]
    assert (state, what) == ("problem", "RuntimeError: that") and "report" in remedy


def test_old_python(monkeypatch):
    monkeypatch.setattr(sys, "version_info", (3, 9, 1))
    assert "Python 3.9.1; the course needs 3.11 or newer" in found(doctor._python)["problem"]


def test_no_virtual_environment(monkeypatch):
    monkeypatch.setattr(sys, "prefix", sys.base_prefix)
    assert "no virtual environment" in found(doctor._python)["note"]


@pytest.fixture
def versions(tmp_path, monkeypatch):
    """Installed versions as a dict that a test may change; the course wants torch >= 2.11, tested with 2.13.0."""
    installed = {"torch": "2.13.0+cpu", "torchvision": "0.28.0", "transformers": "5.1", "numpy": "2.4", "pytest": "9.0"}

    def version(name):
        if name not in installed:
            raise doctor.PackageNotFoundError(name)
        return installed[name]

    (tmp_path / "pyproject.toml").write_text('[project]\nname = "x"\ndependencies = ["torch>=2.11", "numpy>=2,<3"]\n')
    (tmp_path / "constraints.txt").write_text("# tested\ntorch==2.13.0\nnumpy==2.5.1\n")
    monkeypatch.setattr(doctor, "ROOT", tmp_path)
    monkeypatch.setattr(doctor, "version", version)
    monkeypatch.setattr(doctor, "distributions", lambda: [])
    return installed


def test_packages_as_they_should_be(versions):
    lines = found(doctor._packages)
    assert set(lines) == {"ok"}
    assert "torch 2.13.0+cpu ->" in lines["ok"] and "numpy 2.4 (tested with 2.5.1)" in lines["ok"]


@pytest.mark.parametrize(
    "name, version, said",
    [
        ("torch", "2.9.1", "torch 2.9.1; the course needs 2.11 or newer -> make setup"),
        ("transformers", "4.57", "transformers 4.57; the course needs 5 or newer -> make setup"),
        ("pytest", None, "pytest is not installed -> make setup"),
    ],
)
def test_packages_too_old_or_missing(name, version, said, versions):
    del versions[name]
    if version:
        versions[name] = version
    assert said in found(doctor._packages)["problem"]


def test_two_copies_of_torch(versions, monkeypatch):
    copies = [SimpleNamespace(metadata={"Name": "torch"}, locate_file=lambda _, at=at: at) for at in ("a", "b", "a")]
    monkeypatch.setattr(doctor, "distributions", lambda: copies)
    assert "torch is installed 2 times" in found(doctor._packages)["problem"]


@pytest.mark.parametrize(
    "text, numbers", [("2.13.0+cpu", (2, 13)), ("5", (5,)), ("2.9.1", (2, 9, 1)), ("5.0.0rc1", (5,)), ("dev", ())]
)
def test_releases(text, numbers):
    assert doctor.release(text) == numbers


@pytest.mark.parametrize(
    "status, stderr, state", [(0, "", "ok"), (1, "x\nRuntimeError: operator nms\n", "problem"), (-11, "", "problem")]
)
def test_torch_and_torchvision_of_different_builds(status, stderr, state, monkeypatch):
    done = SimpleNamespace(returncode=status, stderr=stderr, stdout="")
    monkeypatch.setattr(doctor.subprocess, "run", lambda *_, **__: done)
    lines = found(doctor._same_build)
    assert list(lines) == [state]
    assert (stderr.split("\n")[-2] if stderr else "") in lines[state]


def test_an_unknown_device():
    assert "DEVICE=tpu -> it is cpu, cuda or mps" in found(lambda: doctor._device("tpu"))["problem"]


@pytest.mark.parametrize("device, there, broken", [("cpu", False, False), ("cuda", False, True), ("cuda", True, False)])
def test_devices(device, there, broken, monkeypatch):
    card = SimpleNamespace(name="H1", total_memory=80e9)
    torch = SimpleNamespace(
        cuda=SimpleNamespace(is_available=lambda: there, get_device_properties=lambda _: card),
        backends=SimpleNamespace(mps=SimpleNamespace(is_available=lambda: False)),
        version=SimpleNamespace(cuda=None),
    )
    monkeypatch.setitem(sys.modules, "torch", torch)
    lines = found(lambda: doctor._device(device))
    assert ("problem" in lines) == broken
    assert ("H1, 80 GB" in lines["ok"]) == there


def test_little_room(day, monkeypatch):
    monkeypatch.setattr(doctor.shutil, "disk_usage", lambda _: SimpleNamespace(free=0.4e9))
    monkeypatch.setattr(doctor, "memory_gb", lambda: 1.9)
    lines = found(doctor._machine)
    assert "0.4 GB free" in lines["note"] and "1.9 GB of memory" in lines["note"]


def test_a_day_as_it_should_be(day):
    assert found(doctor_days.folders) == {"ok": "w9d1_x: complete and writable -> "}


def test_a_day_with_a_part_missing(day):
    (day / "tests").rmdir()
    assert "w9d1_x has no tests -> `git checkout -- w9d1_x`" in found(doctor_days.folders)["problem"]


def test_a_day_with_a_damaged_readme(day):
    (day / "README.md").write_text(README.replace("5 minutes", "5 hours"), encoding="utf-8")
    assert "w9d1_x/README.md:6" in found(doctor_days.folders)["problem"]


def test_a_day_that_cannot_be_written(day, monkeypatch):
    def refuse(dir):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(doctor_days.tempfile, "TemporaryFile", refuse)
    assert "can't be written to (w9d1_x: Permission denied)" in found(doctor_days.folders)["problem"]


@pytest.mark.parametrize("kind", ["file", "dangling link"])
def test_answers_that_is_no_folder(day, kind):
    if kind == "file":
        (day / "answers").write_text("notes")
    else:
        (day / "answers").symlink_to(day / "nowhere")
    assert "w9d1_x/answers is a" in found(doctor_days.folders)["problem"]


def test_an_answer_that_cannot_be_read(day, monkeypatch):
    def refuse(path):
        raise PermissionError(13, "Permission denied", str(path))

    (day / "answers").mkdir()
    (day / "answers" / "part.py").write_text("")
    monkeypatch.setattr(Path, "read_bytes", refuse)
    assert "part.py: permission denied; is it read-only, or another user's?" in found(doctor_days.folders)["problem"]


def test_what_the_system_refuses_is_no_fault_of_the_course():
    def refused():
        raise PermissionError(13, "Permission denied", "a.py")
        yield

    assert list(doctor._safely(refused)) == [
        ("problem", "a.py: permission denied; is it read-only, or another user's?", "")
    ]


def test_a_readme_that_is_no_text(day):
    (day / "README.md").write_bytes(b"\xff\xfe")
    assert "w9d1_x/README.md:1: it is not UTF-8" in found(doctor_days.folders)["problem"]


def test_requirements_with_a_merge_conflict(tmp_path):
    (tmp_path / "pyproject.toml").write_text("<<<<<<< HEAD\n[project]\n")
    assert doctor.requirements(tmp_path / "pyproject.toml") == {}


@pytest.mark.parametrize("look", ["_packages", "_python", "_device"])
def test_without_make_nothing_speaks_of_it(look, versions, monkeypatch):
    monkeypatch.delenv("BYO_MAKE")
    monkeypatch.delenv("DEVICE", raising=False)
    monkeypatch.setattr(sys, "prefix", sys.base_prefix)
    versions.clear()
    monkeypatch.setitem(sys.modules, "torch", None)
    text = str(found(lambda: doctor._device("cuda") if look == "_device" else getattr(doctor, look)()))
    assert "python shared/setup_venv.py" in text and "make " not in text and "DEVICE=" not in text


def test_no_day_at_all(tmp_path, monkeypatch):
    monkeypatch.setenv("BYO_ROOT", str(tmp_path))
    assert "no day was found here" in found(doctor_days.folders)["problem"]


def test_damaged_data(monkeypatch):
    monkeypatch.setattr(data, "problems", lambda: ["shared/files/a.txt is damaged: restore it"])
    assert found(doctor._data) == {"problem": "shared/files/a.txt is damaged -> restore it"}
    monkeypatch.setattr(data, "problems", list)
    assert list(found(doctor._data)) == ["ok"]


@pytest.mark.parametrize("missing, said", [("git", "no git"), ("make", "python -m shared")])
def test_tools_that_are_missing(missing, said, monkeypatch):
    monkeypatch.setattr(doctor.shutil, "which", lambda name: None if name == missing else name)
    assert said in found(doctor._tools)["note"]


def test_slow_starts(monkeypatch):
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    assert "unset PYTHONDONTWRITEBYTECODE" in found(doctor._caches)["note"]


def test_findings_need_nothing_heavy():
    code = "import json, sys, shared.learner.doctor, shared.author.check, shared.author.prove\n"
    code += "print(json.dumps(sorted(sys.modules)))"
    done = doctor.subprocess.run([sys.executable, "-c", code], capture_output=True, encoding="utf-8", check=True)
    assert not {"torch", "numpy", "pytest", "rich"} & set(json.loads(done.stdout))
