"""The pytest plugin: where a day's modules come from, fixtures, isolation, and what an unfinished answer counts as.

Plain `pytest` in a day's folder and an editor's test panel load it by itself; `python -m shared test` drives it through
`shared.sandbox.child`, which leaves its session in the stash.
"""

import os
import sys
import traceback
import zlib
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path
from typing import Any

import pytest
import torch

from shared.checks import CheckFailed, recorder
from shared.course.day import Day, ReadmeError, find_day
from shared.sandbox.calls import CallWatcher, stops_on_a_gpu
from shared.sandbox.isolation import GlobalState, seed_everything
from shared.sandbox.modules import DayModules
from shared.sandbox.outcome import Outcome, judge, place
from shared.sandbox.pretended_gpu import pretended_gpu

SESSION = pytest.StashKey[Any]()  # of shared.sandbox.session, where shared.sandbox.child runs the tests
BEFORE = pytest.StashKey[GlobalState]()


class StopsOnGPU(CheckFailed):
    """An answer that is right on the CPU would stop on a GPU."""


class Draw:
    """Random inputs, drawn on the CPU from a seed per test, then moved: every device sees the same numbers."""

    def __init__(self, seed: int, device: torch.device):
        self.generator, self.device = torch.Generator().manual_seed(seed), device

    def __call__(self, *shape: int, dtype: torch.dtype = torch.float32) -> torch.Tensor:
        """From N(0, 1). float64 where the device has it."""
        if dtype == torch.float64 and self.device.type == "mps":
            dtype = torch.float32
        return torch.randn(*shape, generator=self.generator, dtype=torch.float64).to(dtype).to(self.device)

    def ints(self, low: int, high: int, *shape: int) -> torch.Tensor:
        """int64, uniform in [low, high)."""
        return torch.randint(low, high, shape, generator=self.generator).to(self.device)


@pytest.fixture(scope="session")
def device() -> torch.device:
    """The device that DEVICE names: cpu (the default), cuda, mps, or pretend: a GPU that isn't there."""
    name = os.environ.get("DEVICE", "cpu")
    return torch.device("cuda" if name == "pretend" else name)


@pytest.fixture
def draw(request, device) -> Draw:
    """See Draw."""
    return Draw(zlib.crc32(request.node.name.encode()), device)


REPLAYED = 12  # test functions of an exercise: the first call of each is made again on a pretended GPU


class Dodged(Exception):
    """An answer ended its test without an answer."""


class DayPlugin:
    """One day under test in this process."""

    def __init__(self, config, day: Day, implementation: str | None):
        self.config, self.day = config, day
        self.folder = day.implementation(implementation)
        self.watcher = CallWatcher(day)
        self.modules = DayModules(day, self.folder, self.watcher.watch)
        self.driven = SESSION in config.stash  # by shared.sandbox.child
        self.replayed: set[str] = set()  # tests
        self.outcome = Outcome()  # of the test that is running
        self.modules.install()

    # ---- Collection

    def exercise_of(self, item) -> str:
        """The exercise that a test belongs to; "" where it belongs to none."""
        marker = item.get_closest_marker("exercise")
        return marker.args[0] if marker else ""

    def pytest_collection_modifyitems(self, items):
        only = self.config.getoption("--only-exercise")
        items[:] = [item for item in items if only in (None, self.exercise_of(item))]
        order = {exercise.name: number for number, exercise in enumerate(self.day.exercises)}
        items.sort(key=lambda item: order.get(self.exercise_of(item), -1))
        modules = {id(item.module): item.module for item in items if hasattr(item, "module")}
        self.modules.test_modules = list(modules.values())
        functions: dict[str, set[str]] = {}
        for item in items:
            seen = functions.setdefault(self.exercise_of(item), set())
            name = getattr(item, "originalname", item.name)
            if name not in seen and len(seen) < REPLAYED and os.environ.get("DEVICE", "cpu") == "cpu":
                self.replayed.add(item.nodeid)
            seen.add(name)

    # ---- Around each test

    def device(self):
        return pretended_gpu() if os.environ.get("DEVICE") == "pretend" else nullcontext()

    @contextmanager
    def no_dodging(self):
        """An answer that skips or interrupts the test has failed it."""
        try:
            yield
        except (pytest.skip.Exception, pytest.xfail.Exception, pytest.exit.Exception, KeyboardInterrupt) as error:
            # In plain pytest somebody may sit at the keyboard, press Ctrl-C or leave the debugger.
            typed = isinstance(error, KeyboardInterrupt | pytest.exit.Exception) and not self.driven
            if typed or not place(error, self.modules.folder):
                raise
            how = f"the answer ends the test: {type(error).__name__}"
            raise Dodged(how).with_traceback(error.__traceback__) from None

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_setup(self, item):
        self.outcome = Outcome()
        item.stash[BEFORE] = GlobalState()
        seed_everything()
        recorder.start()
        with self.no_dodging(), self.device():
            return (yield)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_call(self, item):
        marker = item.get_closest_marker("exercise")
        seed_everything()
        self.watcher.start(self.exercise_of(item), bool(marker and marker.kwargs.get("modifies")))
        state = GlobalState()  # what the test's fixtures changed is none of the answer's doing
        try:
            with self.no_dodging(), self.device():
                result = yield
            if item.nodeid in self.replayed and self.watcher.first:
                self.replay(self.watcher.first)
        except BaseException as error:
            self.watcher.stop()
            changed = state.restore()
            # Whatever else went wrong may come from the change; but a debugger replaces the streams itself.
            if not changed or type(error).__name__ == "BdbQuit" or isinstance(error, pytest.exit.Exception):
                raise
            raise self.changes(changed) from None
        else:
            self.watcher.stop()
            if changed := state.restore():
                raise self.changes(changed)
            return result

    @staticmethod
    def changes(what: list[str]) -> BaseException:
        return pytest.fail.Exception("the answer changed something for everybody: " + "; ".join(what), pytrace=False)

    def replay(self, call) -> None:
        """The test passed; now the same on a GPU."""
        self.watcher.exercise = None  # nobody watches this call
        found = stops_on_a_gpu(call)
        # What a test hands over may itself be bound to the CPU: a function that makes batches, say.
        if found and not (found[1] and self.is_the_tests_own(found[1])):
            sentence, error = found
            recorder.keep(["on a GPU", sentence])
            raise StopsOnGPU(sentence) from error

    def is_the_tests_own(self, error: BaseException) -> bool:
        files = [Path(frame.f_code.co_filename) for frame, _ in traceback.walk_tb(error.__traceback__)]
        inside = [file for file in files if self.day.path in file.parents]
        return bool(inside) and inside[-1].parent == self.day.path / "tests"

    @pytest.hookimpl(tryfirst=True)
    def pytest_pyfunc_call(self):
        for stream in (sys.stdout, sys.stderr):
            # Whoever closes these closes what pytest captures the output of all tests with.
            with suppress(AttributeError):
                stream.close = stream.flush

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_teardown(self, item):
        result = yield
        item.stash[BEFORE].restore()
        return result

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self, item, call):
        report = yield
        # A skipped test would pass for a test that passed; a day's tests have no reason to skip.
        if call.excinfo is not None and (report.failed or report.skipped):
            # Libraries speak on stderr, a print() of the answer on stdout.
            printed = report.capstdout
            name, error = item.name, call.excinfo.value
            exercise = self.exercise_of(item)
            made = self.watcher.failing_call(error) if call.when == "call" else None
            if isinstance(error, StopsOnGPU):
                name, made = "on another device", None
            self.outcome = judge(error, printed, name, exercise, self.day, self.modules.folder, made)
            if isinstance(error, StopsOnGPU) and error.__cause__:
                self.outcome.problem.where = place(error.__cause__, self.modules.folder) or self.outcome.problem.where
            if self.outcome.kind == "todo" and exercise:
                # In plain pytest an unfinished exercise is an expected failure, never red.
                report.outcome, report.wasxfail = "skipped", f"to do: {self.outcome.owner}"
        if call.when == "call":
            self.outcome.records, self.outcome.seconds = recorder.items, call.duration
            self.outcome.uses = sorted(self.watcher.uses)
        return report


def exact_on_a_gpu() -> None:
    """CUDA's float32 products with all their bits, as on a CPU: TF32 keeps ten, and an oracle computed so is none."""
    torch.backends.cuda.matmul.allow_tf32 = False
    torch.backends.cudnn.allow_tf32 = False


def pytest_addoption(parser):
    parser.addoption("--impl", default=os.environ.get("IMPL") or None, help="solution, skeleton or answers")
    parser.addoption("--only-exercise", default=None, help="run the tests of one exercise")


def pytest_configure(config):
    config.addinivalue_line(
        "markers", "exercise(name, modifies=False): the exercise of the README that a test belongs to"
    )
    exact_on_a_gpu()
    session = config.stash.get(SESSION, None)
    day = Day(session.job.day) if session else _day_of(config)
    if day is None:
        return
    plugin = DayPlugin(config, day, session.job.implementation if session else config.getoption("--impl"))
    config.pluginmanager.register(plugin, "byo-day")
    if session:
        session.plugin = plugin
        config.pluginmanager.register(session, "byo-session")


def _day_of(config) -> Day | None:
    """The day that plain pytest was started for: around its arguments, or the current folder."""
    places = [Path(str(argument).split("::")[0]) for argument in config.args] or [Path.cwd()]
    for start in places:
        for folder in (start.resolve(), *start.resolve().parents):
            if (folder / "README.md").is_file() and (folder / "solution").is_dir() and (folder / "tests").is_dir():
                try:
                    return find_day(folder)
                except (LookupError, ReadmeError) as error:
                    raise pytest.UsageError(str(error)) from None
    return None
