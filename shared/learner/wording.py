"""How a command is typed: in make's words for whoever ran make, else as `python -m shared …`.

The Makefile sets BYO_MAKE, so nobody is told of a tool that they don't use.
"""

import os
import shlex

# What can be said in the environment, by the name of the option that says the same.
VARIABLES = {
    "device": "DEVICE",
    "impl": "IMPL",
    "verbose": "V",
    "why": "WHY",
    "level": "LEVEL",
    "seconds": "SECONDS_EACH",
    "all": "ALL",
    "minutes": "MINUTES",
}


def by_make() -> bool:
    """Whether make ran this command."""
    return bool(os.environ.get("BYO_MAKE"))


def command(name: str, day: str = "", exercise: str = "") -> str:
    """`make hint DAY=w2d1 EX=causal_mask`, or `python -m shared hint w2d1 causal_mask`."""
    if by_make():
        words = ["make", name, *([f"DAY={day}"] if day else []), *([f"EX={exercise}"] if exercise else [])]
    elif name == "setup":
        words = ["python", "shared/setup_venv.py"]
    else:
        words = ["python", "-m", "shared", name, *filter(None, [day, exercise])]
    return " ".join(words)


def option(name: str, value: object = None) -> str:
    """`DEVICE=cuda` or `--device cuda`; without a value, for a switch, `WHY=1` or `--why`.

    A value that came from the environment is named as it stands there.
    """
    variable = VARIABLES[name]
    if by_make() or (value is not None and os.environ.get(variable) == str(value)):
        return f"{variable}={1 if value is None else value}"
    return f"--{name}" if value is None else f"--{name} {shlex.quote(str(value))}"


def exercise(example: str) -> str:
    """An exercise as an argument: `EX=causal_mask` for make, else its name alone."""
    return f"EX={example}" if by_make() else example
