"""`make test-oldest`: every day's solution with the oldest versions that pyproject.toml allows.

They live in an environment of their own, .venv-oldest, which is made anew whenever pyproject.toml has changed.
"""

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / ".venv-oldest"
MARK = FOLDER / "made-from"


def main() -> int:
    wanted = hashlib.sha256((ROOT / "pyproject.toml").read_bytes()).hexdigest()
    if not (MARK.is_file() and MARK.read_text() == wanted):
        print("Setting up .venv-oldest (once, about a minute)", flush=True)
        shutil.rmtree(FOLDER, ignore_errors=True)
        uv = str(ROOT / ".venv/bin/uv")
        subprocess.run([uv, "venv", "--quiet", "--python", sys.executable, str(FOLDER)], check=True)
        install = [uv, "pip", "install", "--quiet", "--python", str(FOLDER / "bin/python"), "--compile-bytecode"]
        subprocess.run([*install, "--resolution", "lowest-direct", "-e", str(ROOT)], check=True)
        MARK.write_text(wanted)
    worst = 0
    for day in sorted(ROOT.glob("w[0-9]*d[0-9]*_*")):
        command = [str(FOLDER / "bin/python"), "-m", "shared", "test", day.name, "--impl", "solution"]
        done = subprocess.run(command, cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)}, check=False)
        worst = max(worst, done.returncode)
    return worst


if __name__ == "__main__":
    sys.exit(main())
