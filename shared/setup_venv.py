"""Makes .venv/ and installs the course into it, or repairs what an earlier try left: `python3 shared/setup_venv.py`.

Done is what a check of the packages has passed; until then each call goes on where the last one stopped. The Makefile
asks before every command with --is-ready, so what only a set-up needs is imported where it is used. Standard library
only, and in words that an old Python understands, so that it gets as far as the sentence that it is too old.
"""

import hashlib
import os
import sys
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
VENV = os.path.join(ROOT, ".venv")
PROGRAMS = os.path.join(VENV, "Scripts" if os.name == "nt" else "bin")
PYTHON = os.path.join(PROGRAMS, "python.exe" if os.name == "nt" else "python")
READY = os.path.join(VENV, "ready")  # what was installed when the check passed
OLDEST = (3, 11)
AGAIN = 600  # seconds after which a set-up that failed while the old one still works is tried again
FOREIGN = ("PYTHONHOME", "PYTHONPATH", "PIP_USER", "PIP_TARGET", "PIP_PREFIX", "PIP_REQUIRE_VIRTUALENV")
SETUP = "make setup" if os.environ.get("BYO_MAKE") else "python shared/setup_venv.py"
WORKS = "import torch, torchvision; torchvision.ops.nms(torch.zeros(1, 4), torch.zeros(1), 0.5)"

# What an installer's output means, and what to do: the first that matches.
MEANINGS = (
    (r"PATH separator", "the course's folder has a colon in its path, where Python can't make one; rename it"),
    (r"No space left|Disk quota", "the disk is full; about 6 GB are needed, 2 GB with TORCH_BACKEND=cpu"),
    (r"No module named '?(venv|ensurepip)|ensurepip is not", "this Python has no venv module; install python3-venv"),
    (r"Permission denied|Read-only file system", "the course's folder can't be written to"),
    (
        r"(?i)no matching distribution|resolution|unreachable|dns error|connect|max retries|sending request|timed out"
        r"|failed to (fetch|download)|proxy|offline",
        "it could not be downloaded, so there may be no network",
    ),
)


class Trouble(Exception):
    """Why there is no environment, as a sentence."""


def main(arguments: list) -> int:
    if "--is-ready" in arguments:
        return 0 if is_ready() else 1
    try:
        set_up()
        return 0
    except Trouble as trouble:
        text = str(trouble)
    except KeyboardInterrupt:
        text = f"stopped; `{SETUP}` goes on from here"
    except OSError as error:
        text = f"the set-up stopped: {error}"
    sys.stderr.write(text + "\n")
    return 2


# ---- Is it there?


def is_ready() -> bool:
    """Whether the last set-up was complete, nothing that it installed is gone, and nothing else is asked for now."""
    record = read_record()
    if not is_whole(record):
        return False
    failed, _, when = record.get("failed", "").partition(" ")
    return record.get("key") == key() or (failed == key() and time.time() - float(when) < AGAIN)


def is_whole(record: dict) -> bool:
    try:
        there = set(os.listdir(os.path.join(VENV, record["site"])))
        same = os.access(PYTHON, os.X_OK) and os.path.realpath(PYTHON) == record["python"]
        return same and there.issuperset(record["packages"].split("/"))
    except (OSError, KeyError):
        return False


def read_record() -> dict:
    """What write_record wrote, a name and its value a line."""
    try:
        with open(READY, encoding="utf-8", errors="surrogateescape") as file:
            return dict(line.rstrip("\n").partition(" ")[::2] for line in file)
    except OSError:
        return {}


def write_record(**facts) -> None:
    import glob

    lib = os.path.join(glob.escape(VENV), *(["Lib"] if os.name == "nt" else ["lib", "python3*"]))
    site = glob.glob(os.path.join(lib, "site-packages"))[0]
    # Without the .dist-info of each: whoever puts in another version by hand keeps it.
    packages = "/".join(n for n in sorted(os.listdir(site)) if n[0] != "~" and not n.endswith(("_", ".dist-info")))
    record = dict(facts, python=os.path.realpath(PYTHON), site=os.path.relpath(site, VENV), packages=packages)
    with open(READY + ".tmp", "w", encoding="utf-8", errors="surrogateescape") as file:
        file.writelines(f"{name} {value}\n" for name, value in record.items())
    os.replace(READY + ".tmp", READY)


def key() -> str:
    """Changes when something else is to be installed, or when the course was moved, which an installed link notices."""
    digest = hashlib.sha256(ROOT.encode("utf-8", "surrogateescape"))
    for name in ("pyproject.toml", "constraints.txt"):
        with open(os.path.join(ROOT, name), "rb") as file:
            digest.update(file.read())
    return digest.hexdigest()


# ---- Making it


def set_up() -> None:
    old = read_record()
    asked = os.environ.get("TORCH_BACKEND") or old.get("backend") or ""
    say("Setting up .venv (once, about a minute)")
    make_environment()
    uv = find_uv()
    failure = None
    try:
        install(uv, asked)
    except Trouble as trouble:
        failure = trouble
    broken = ask_suspicious(sizes=not failure)
    if broken and not failure:
        say("Repairing " + ", ".join(broken))
        install(uv, asked, tuple(broken))
        broken = [name for name in ask_suspicious(sizes=False) if name in requirements()]
    status, output = run([PYTHON, "-I", "-c", WORKS])
    if status and not broken and not failure:
        say("Repairing torch")
        install(uv, asked, ("torch", "torchvision"))
        status, output = run([PYTHON, "-I", "-c", WORKS])
    if failure and (broken or status or not is_whole(old)):
        raise failure
    if failure:
        say(f"{failure}\nWhat is installed works, so it goes on with that.")
        write_record(key=old["key"], backend=asked, failed=f"{key()} {time.time():.0f}")
        return
    if broken:
        raise Trouble(f"{', '.join(broken)} can't be installed; delete the folder .venv, then `{SETUP}`")
    if status:
        raise Trouble(f"torch doesn't work here: {last_line(output)}; delete the folder .venv, then `{SETUP}`")
    write_record(key=key(), backend=asked)


def make_environment() -> None:
    """.venv/ with a Python in it that starts and is new enough."""
    code = f"import sys; sys.exit(sys.version_info < {OLDEST})"
    if os.access(PYTHON, os.X_OK) and run([PYTHON, "-I", "-c", code])[0] == 0:
        return
    import shutil

    base = getattr(sys, "_base_executable", None) or sys.executable
    if sys.version_info < OLDEST:
        others = [shutil.which(f"python3.{minor}") for minor in (13, 12, 11, 14)]
        base = next((path for path in others if path and run([path, "-I", "-c", code])[0] == 0), "")
    if not base:
        here = ".".join(map(str, sys.version_info[:2]))
        raise Trouble(f"Python 3.11 or newer is needed; this is {here}, {sys.executable}; install a newer one")
    status, output = run([base, "-I", "-m", "venv", "--clear", VENV])
    if status:
        raise Trouble(meaning("Python's environment .venv can't be made", output))


def find_uv() -> str:
    """uv, which installs; pip brings it, and ensurepip brings pip where an interrupted start left none."""
    uv = os.path.join(PROGRAMS, "uv")
    if run([uv, "--version"])[0] == 0:
        return uv
    if run([PYTHON, "-I", "-m", "pip", "--version"])[0]:
        status, output = run([PYTHON, "-I", "-m", "ensurepip", "--default-pip"])
        if status:
            raise Trouble(meaning("pip can't be put into .venv", output))
    status, output = run(
        [PYTHON, "-I", "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--force-reinstall", "uv"]
    )
    if status == 0:
        return uv
    import shutil

    elsewhere = shutil.which("uv")
    if not elsewhere:
        raise Trouble(meaning("uv, which installs the packages, can't be installed", output))
    return elsewhere


def install(uv: str, asked: str, again: tuple = ()) -> None:
    command = [uv, "pip", "install", "--quiet", "--python", PYTHON, "--compile-bytecode", "-e", ".[author]"]
    command += ["-c", "constraints.txt"] + (["--torch-backend", asked] if asked else [])
    for name in again:
        command += ["--reinstall-package", name]
    status, output = run(command)
    if status:
        raise Trouble(meaning("the packages can't be installed", output))


def run(command: list) -> tuple:
    """(exit status, output) of a program, which reads no setting that is meant for another Python."""
    import subprocess

    env = {name: value for name, value in os.environ.items() if name not in FOREIGN}
    try:
        done = subprocess.run(
            command, cwd=ROOT, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
    except OSError as error:
        return 127, str(error)
    return done.returncode, done.stdout.decode("utf-8", "replace")


def meaning(what: str, output: str) -> str:
    """One sentence for a failure, with what to do."""
    import re

    for pattern, text in MEANINGS:
        if re.search(pattern, output):
            return f"{what}: {text}. Then `{SETUP}` goes on from here. (It said: {last_line(output)})"
    return f"{what}: {last_line(output)}. `{SETUP}` goes on from here."


def last_line(output: str) -> str:
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    return lines[-1][:300] if lines else "it said nothing"


def say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def ask_suspicious(sizes: bool) -> list:
    """Packages of which something is missing, as .venv's own Python sees it."""
    status, output = run([PYTHON, "-I", os.path.join(ROOT, "shared", "setup_check.py"), *(["sizes"] if sizes else [])])
    if status:  # it could not even be asked
        return requirements()
    return output.strip().rpartition("checked")[2].split()


def requirements() -> list:
    """The names of the packages that the course needs, as pyproject.toml has them."""
    import re

    with open(os.path.join(ROOT, "pyproject.toml"), encoding="utf-8") as file:
        block = re.search(r"^dependencies = \[(.*?)^\]", file.read(), re.MULTILINE | re.DOTALL)
    return [name.lower() for name in re.findall(r'"([\w.-]+)', block[1])] if block else []


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
