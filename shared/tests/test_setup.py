"""The set-up: it asks quickly, goes on where it was stopped, repairs, and says the rest in a sentence. No network."""

import os
import shutil
import sys
import time

import pytest

from shared import setup_venv as setup

PYPROJECT = '[project]\nname = "x"\ndependencies = [\n    "torch>=2.11",\n    "pytest>=8",\n]\n'
PYTHON = ".venv/bin/python"
SITE = ".venv/lib/python3.11/site-packages"
NO_NETWORK = "ERROR: No matching distribution found for uv"


class Machine:
    """Stands for what programs do: which packages are damaged, and what fails with which output."""

    def __init__(self, folder):
        self.folder, self.calls = folder, []
        self.python = self.pip = self.uv = self.torch_works = True
        self.suspicious: list[list[str]] = []  # answers, one a question
        self.fails: dict[str, str] = {}  # "venv" | "ensurepip" | "pip" | "install" -> output

    def run(self, command):
        name = self.named(command)
        self.calls.append(name)
        if name in self.fails:
            return 1, self.fails[name]
        if name == "python?":
            return 0 if self.python else 1, ""
        if name == "venv":
            self.python, self.pip = True, True
            shutil.rmtree(self.folder / ".venv", ignore_errors=True)
            make(self.folder, packages=())
        elif name == "uv?":
            return 0 if self.uv else 127, ""
        elif name == "pip?":
            return 0 if self.pip else 1, ""
        elif name == "pip":
            self.uv = True
        elif name == "check":
            missing = [] if (self.folder / SITE / "torch").exists() else ["torch"]
            return 0, "\n".join(["a warning", "checked", *(self.suspicious.pop(0) if self.suspicious else missing)])
        elif name == "torch?":
            return 0 if self.torch_works else 1, "Traceback\nRuntimeError: operator nms"
        elif name.startswith("install"):
            make(self.folder)
        return 0, ""

    def named(self, command):
        line = " ".join(command)
        if "-m venv" in line:
            return "venv"
        if "ensurepip" in line:
            return "ensurepip"
        if "setup_check" in line:
            return "check"
        if "import torch" in line:
            return "torch?"
        if "sys.version_info" in line:
            return "python?"
        if "-m pip" in line:
            return "pip?" if "--version" in line else "pip"
        if line.endswith("uv --version"):
            return "uv?"
        again = command[command.index("--reinstall-package") :: 2] if "--reinstall-package" in command else []
        backend = command[command.index("--torch-backend") + 1] if "--torch-backend" in command else ""
        return f"install {backend}{' '.join(command[-2 * len(again) + 1 :: 2]) if again else ''}".strip()


def make(folder, packages=("torch", "torch-2.dist-info", "pytest")):
    """An environment as it is once all is installed."""
    (folder / ".venv/bin").mkdir(parents=True, exist_ok=True)
    if not (folder / ".venv/bin/python").exists():
        (folder / ".venv/bin/python").symlink_to(sys.executable)
    for package in packages:
        (folder / SITE / package).mkdir(parents=True, exist_ok=True)


pytestmark = pytest.mark.skipif(os.name != "posix", reason="an environment as POSIX has it")


@pytest.fixture
def machine(tmp_path, monkeypatch):
    """A folder of the course with a complete set-up."""
    (tmp_path / "pyproject.toml").write_text(PYPROJECT)
    (tmp_path / "constraints.txt").write_text("torch==2.13.0\n")
    venv = str(tmp_path / ".venv")
    places = {"ROOT": str(tmp_path), "VENV": venv, "PROGRAMS": f"{venv}/bin", "PYTHON": f"{venv}/bin/python"}
    for name, value in {**places, "READY": f"{venv}/ready", "SETUP": "make setup"}.items():
        monkeypatch.setattr(setup, name, value)
    monkeypatch.delenv("TORCH_BACKEND", raising=False)
    monkeypatch.setattr(shutil, "which", lambda name: None)
    made = Machine(tmp_path)
    monkeypatch.setattr(setup, "run", made.run)
    make(tmp_path)
    assert setup.main([]) == 0 and setup.is_ready()
    made.calls.clear()
    return made


def ready(arguments=("--is-ready",)):
    return setup.main(list(arguments)) == 0


# ---- Is it there?


def test_asking_runs_nothing(machine):
    assert ready() and machine.calls == []


def test_a_touched_file_changes_nothing(machine):
    os.utime(machine.folder / "constraints.txt", (1, 1))
    assert ready()


def test_another_version_put_in_by_hand_is_kept(machine):
    (machine.folder / SITE / "torch-2.dist-info").rename(machine.folder / SITE / "torch-3.dist-info")
    assert ready()


def remove(path):
    return lambda folder: shutil.rmtree(p) if (p := folder / path).is_dir() and not p.is_symlink() else p.unlink()


def write(path, text):
    return lambda folder: (folder / path).write_text(text)


GONE = {
    "everything": remove(".venv"),
    "the mark": remove(".venv/ready"),
    "a package": remove(".venv/lib/python3.11/site-packages/torch"),
    "all packages": remove(".venv/lib"),
    "Python": remove(".venv/bin/python"),
    "another Python": lambda folder: (remove(".venv/bin/python")(folder), (folder / PYTHON).symlink_to("/bin/sh")),
    "the versions": write("constraints.txt", "torch==2.14.0\n"),
    "the requirements": write("pyproject.toml", PYPROJECT.replace("2.11", "2.12")),
    "an empty mark": write(".venv/ready", ""),
    "a mark of an older kind": write(".venv/ready", "\0\xff {"),
}


@pytest.mark.parametrize("change", GONE.values(), ids=GONE)
def test_what_is_gone_or_new_is_noticed_and_mended(machine, change):
    change(machine.folder)
    assert not ready()
    machine.python = (machine.folder / PYTHON).exists()
    assert ready([]) and ready()


def test_a_moved_course_is_noticed(machine, monkeypatch):
    monkeypatch.setattr(setup, "ROOT", "/elsewhere")
    monkeypatch.setattr(setup, "key", lambda: "another")
    assert not ready()


# ---- Interrupted


@pytest.mark.parametrize("step", ["venv", "uv?", "pip", "install", "check", "torch?"])
def test_ctrl_c_anywhere_is_gone_on_from(machine, step, monkeypatch, capsys):
    shutil.rmtree(machine.folder / ".venv")
    machine.uv = False
    real = machine.run

    def interrupted(command):
        if machine.named(command) == step:
            raise KeyboardInterrupt
        return real(command)

    monkeypatch.setattr(setup, "run", interrupted)
    assert setup.main([]) == 2 and "`make setup` goes on from here" in capsys.readouterr().err
    assert not ready()
    monkeypatch.setattr(setup, "run", real)
    assert ready([]) and ready()


def test_an_environment_without_pip_gets_it(machine):
    machine.pip = machine.uv = False
    assert ready([]) and machine.calls[:5] == ["python?", "uv?", "pip?", "ensurepip", "pip"]


def test_a_half_installed_package_is_installed_again(machine, capsys):
    machine.suspicious = [["numpy", "torch"]]
    assert ready([])
    assert "install numpy torch" in machine.calls and "Repairing numpy, torch" in capsys.readouterr().out


def test_a_dead_python_is_replaced(machine):
    machine.python = False
    assert ready([]) and "venv" in machine.calls


def test_torch_that_does_not_start_is_installed_again(machine, capsys):
    machine.torch_works = False
    assert setup.main([]) == 2
    assert "install torch torchvision" in machine.calls
    assert "torch doesn't work here: RuntimeError: operator nms; delete the folder .venv" in capsys.readouterr().err


def test_what_cannot_be_repaired_is_named_and_not_marked_as_done(machine, capsys):
    (machine.folder / ".venv/ready").unlink()
    machine.suspicious = [["torch"], ["torch"]]
    assert setup.main([]) == 2 and "torch can't be installed" in capsys.readouterr().err
    assert not ready()


def test_a_package_that_no_day_needs_stops_nobody(machine):
    machine.suspicious = [["ruff"], ["ruff"]]
    assert ready([])


# ---- Without network, disk or rights


def test_without_network_the_old_versions_do(machine, capsys):
    write("constraints.txt", "torch==2.14.0\n")(machine.folder)
    machine.fails["install"] = "error: error sending request for url"
    assert ready([])
    out = capsys.readouterr().out
    assert "there may be no network" in out and "What is installed works" in out
    assert ready() and machine.calls.count("install") == 1  # and it isn't tried again at once


def test_it_is_tried_again_after_a_while(machine, monkeypatch):
    write("constraints.txt", "torch==2.14.0\n")(machine.folder)
    machine.fails["install"] = "Connection refused"
    assert ready([]) and ready()
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + setup.AGAIN + 2)
    assert not ready()
    machine.fails.clear()
    assert ready([]) and ready()


@pytest.mark.parametrize("change", ["a package", "all packages", "the mark", "Python"])
def test_without_network_and_packages_it_stops(machine, change, capsys):
    machine.python = change != "Python"
    GONE[change](machine.folder)
    machine.fails["install"] = "Connection refused"
    assert setup.main([]) == 2 and "there may be no network" in capsys.readouterr().err
    assert not ready()


def test_old_versions_that_no_longer_do_stop_it(machine, capsys):
    write("pyproject.toml", PYPROJECT.replace("2.11", "2.14"))(machine.folder)
    machine.fails["install"], machine.suspicious = "Connection refused", [["torch"]]
    assert setup.main([]) == 2 and "the packages can't be installed" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("step", "output", "says"),
    [
        ("venv", "Error: Refusing to create a venv in a:b because it contains the PATH separator :.", "a colon"),
        (
            "venv",
            "The virtual environment was not created successfully because ensurepip is not\navailable.",
            "python3-v",
        ),
        ("venv", "python3: No module named venv", "install python3-venv"),
        ("ensurepip", "python3: No module named ensurepip", "install python3-venv"),
        ("venv", "Error: [Errno 13] Permission denied: '/x/.venv'", "can't be written to"),
        ("venv", "Error: [Errno 30] Read-only file system", "can't be written to"),
        ("pip", NO_NETWORK, "there may be no network"),
        ("pip", "OSError: [Errno 28] No space left on device", "the disk is full"),
        ("install", "error: dns error: failed to lookup address", "there may be no network"),
        ("install", "  cause: Connection refused (os error 111)", "there may be no network"),
        ("install", "error: No space left on device (os error 28)", "about 6 GB"),
        ("install", "something\nquite new\n\n", "quite new. `make setup` goes on from here"),
        ("install", "", "it said nothing"),
    ],
)
def test_each_failure_is_a_sentence(machine, step, output, says, capsys):
    shutil.rmtree(machine.folder / ".venv")
    machine.python = machine.pip = machine.uv = False
    machine.fails[step] = output
    if step == "ensurepip":
        make(machine.folder)
        machine.python = True
    assert setup.main([]) == 2
    err = capsys.readouterr().err
    assert says in err and err.count("\n") == 1 and "Traceback" not in err
    assert not ready()


def test_uv_from_elsewhere_will_do(machine, monkeypatch):
    machine.uv, machine.fails["pip"] = False, NO_NETWORK
    monkeypatch.setattr(shutil, "which", lambda name: "/usr/bin/uv" if name == "uv" else None)
    assert ready([])


# ---- Which Python, which torch


def test_a_python_that_is_too_old_is_said(machine, monkeypatch, capsys):
    machine.python = False
    monkeypatch.setattr(sys, "version_info", (3, 10, 2))
    assert setup.main([]) == 2
    assert "Python 3.11 or newer is needed; this is 3.10" in capsys.readouterr().err


def test_a_newer_one_beside_it_is_used(machine, monkeypatch):
    machine.python = False
    monkeypatch.setattr(sys, "version_info", (3, 10, 2))
    monkeypatch.setattr(shutil, "which", lambda name: "/usr/bin/python3.12" if name == "python3.12" else None)
    real = machine.run
    monkeypatch.setattr(setup, "run", lambda command: (0, "") if command[0] == "/usr/bin/python3.12" else real(command))
    assert ready([])


def test_an_old_python3_stops_nobody_who_has_one(machine, monkeypatch):
    monkeypatch.setattr(sys, "version_info", (3, 8, 0))
    assert ready() and ready([])


def test_the_build_of_torch_is_remembered(machine, monkeypatch):
    monkeypatch.setenv("TORCH_BACKEND", "cpu")
    assert ready([]) and "install cpu" in machine.calls
    monkeypatch.delenv("TORCH_BACKEND")
    write("constraints.txt", "torch==2.14.0\n")(machine.folder)
    machine.calls.clear()
    assert ready([]) and "install cpu" in machine.calls


@pytest.mark.parametrize("name", setup.FOREIGN)
def test_settings_for_another_python_reach_no_installer(name, monkeypatch):
    monkeypatch.setenv(name, "/nowhere")
    assert setup.run([sys.executable, "-IS", "-c", f"import os; print(os.environ.get({name!r}))"]) == (0, "None\n")
