"""The net of numpy_net.py once more, in C++ with Eigen: is it right, and how much faster?

    python w1d1_tensors/eigen_net.py                                      the reference, eigen/net.cpp
    python w1d1_tensors/eigen_net.py --source w1d1_tensors/eigen/start.cpp    your own (a copy of it, say)

Builds the file with torch.utils.cpp_extension (half a minute, the first time), takes the same training steps with both
nets and compares all parameters, then trains both on the same minibatches, taking turns. Exit status: 0 all is well,
1 the two nets differ, 2 a compiler or Eigen is missing or the file doesn't compile.
"""

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import time
from pathlib import Path

from shared.learner.script import begin

DAY = Path(__file__).resolve().parent
begin(__file__)

# Both nets on one thread: on small matrices more of them cost more than they bring.
os.environ["OPENBLAS_NUM_THREADS"] = os.environ["OMP_NUM_THREADS"] = "1"

import numpy as np
import numpy_net
import torch

HIDDEN, BATCH, LR = 256, 32, 0.1
NAMES = ("w1", "b1", "w2", "b2")


class Missing(RuntimeError):
    """Something that the build needs is not on this machine."""


def eigen_folder() -> Path:
    """Where Eigen/Dense lies: $EIGEN3_INCLUDE_DIR, what pkg-config says, or one of the usual places."""
    places = [os.environ.get("EIGEN3_INCLUDE_DIR", "")]
    if shutil.which("pkg-config"):
        done = subprocess.run(["pkg-config", "--cflags-only-I", "eigen3"], capture_output=True, text=True)
        places += [part.removeprefix("-I") for part in done.stdout.split()]
    places += ["/usr/include/eigen3", "/usr/local/include/eigen3", "/opt/homebrew/include/eigen3"]
    for place in places:
        if place and (Path(place) / "Eigen" / "Dense").is_file():
            return Path(place)
    raise Missing("Eigen isn't here: install libeigen3-dev (Debian, Ubuntu) or eigen, or set EIGEN3_INCLUDE_DIR")


def build(source: Path):
    """The C++ file as a Python module with a function `step`."""
    import sysconfig

    from torch.utils import cpp_extension

    compiler = os.environ.get("CXX") or shutil.which("g++") or shutil.which("clang++")
    if not compiler:
        raise Missing("no C++ compiler is here: install g++ or clang++, or set CXX")
    if not (Path(sysconfig.get_paths()["include"]) / "Python.h").is_file():
        raise Missing("Python's headers are not here: install python3-dev")
    if not cpp_extension.is_ninja_available():
        raise Missing("ninja isn't here: pip install ninja")
    flags = ["-O3", "-march=native", "-DNDEBUG"]
    try:
        return cpp_extension.load(
            f"byo_{source.stem}", [str(source)], extra_cflags=flags, extra_include_paths=[str(eigen_folder())]
        )
    except RuntimeError as error:
        raise Missing(f"{source.name} doesn't compile:\n{error}") from None


def shared_memory(params: numpy_net.Params) -> tuple[torch.Tensor, ...]:
    """The parameters as tensors that lie in numpy's own memory."""
    return tuple(torch.from_numpy(params[name]) for name in NAMES)


def apart(step, x: np.ndarray, labels: np.ndarray, steps: int = 20) -> float:
    """The largest difference of any parameter or loss after each of some steps by both."""
    mine = numpy_net.initialize(x.shape[1], HIDDEN, 10, np.random.default_rng(0))
    theirs = {name: array.copy() for name, array in mine.items()}
    worst = 0.0
    for i in range(steps):
        batch = slice(BATCH * i, BATCH * (i + 1))
        logits, hidden = numpy_net.forward(mine, x[batch])
        loss, upstream = numpy_net.cross_entropy(logits, labels[batch])
        gradients = numpy_net.backward(mine, x[batch], hidden, upstream)
        mine = {name: mine[name] - np.float32(LR) * gradients[name] for name in mine}
        got = step(*shared_memory(theirs), torch.from_numpy(x[batch]), torch.from_numpy(labels[batch]), LR)
        worst = max(worst, abs(got - loss), *(float(abs(mine[name] - theirs[name]).max()) for name in mine))
    return worst


def train(step, x: np.ndarray, labels: np.ndarray, epochs: int) -> tuple[numpy_net.Params, float]:
    """(parameters, seconds) of the C++ net, on the minibatches that numpy_net.train would take."""
    rng = np.random.default_rng(0)
    params = numpy_net.initialize(x.shape[1], HIDDEN, 10, rng)
    tensors = shared_memory(params)
    start = time.perf_counter()
    for _ in range(epochs):
        for batch in numpy_net.minibatches(len(x), BATCH, rng):
            step(*tensors, torch.from_numpy(x[batch]), torch.from_numpy(labels[batch]), LR)
    return params, time.perf_counter() - start


def train_numpy(x: np.ndarray, labels: np.ndarray, epochs: int) -> tuple[numpy_net.Params, float]:
    rng = np.random.default_rng(0)
    params = numpy_net.initialize(x.shape[1], HIDDEN, 10, rng)
    start = time.perf_counter()
    params, _ = numpy_net.train(params, x, labels, epochs, BATCH, LR, rng)
    return params, time.perf_counter() - start


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--source", type=Path, default=DAY / "eigen" / "net.cpp")
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    try:
        step = build(options.source.resolve()).step
    except Missing as error:
        print(error)
        return 2
    x, labels, test_x, test_labels = numpy_net.digits()
    worst = apart(step, x, labels)
    print(f"after each of 20 steps, the two nets are at most {worst:.0e} apart")
    if worst > 1e-4:
        print("that is more than rounding: compare one step, parameter by parameter")
        return 1
    rounds = [
        (train_numpy(x, labels, options.epochs), train(step, x, labels, options.epochs)) for _ in range(options.rounds)
    ]
    for place, name in enumerate(("numpy", "Eigen")):
        seconds = statistics.median(one[place][1] for one in rounds)
        right = numpy_net.right(rounds[-1][place][0], test_x, test_labels)
        print(f"{name}   {options.epochs} epochs in {seconds:.2f} s   {right:.1%} of the test images")
    ratio = statistics.median(one[0][1] / one[1][1] for one in rounds)
    print(f"Eigen takes 1 / {ratio:.1f} of numpy's time (median of {options.rounds} rounds)")
    return 0


if __name__ == "__main__":
    sys.exit(main())
