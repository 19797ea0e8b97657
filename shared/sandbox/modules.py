"""The day's modules as the tests see them: read from the folder under test, or with a variant in their place."""

import importlib
import importlib.machinery
import importlib.util
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import CodeType, ModuleType

from shared.course.day import Day


class ReferenceUsed(PermissionError):
    """An answer opened the reference solution."""


class Unimportable(ImportError):
    """A module of the day was imported that is missing, or whose own import failed before; `name` says which."""


class DayModules:
    """Finds the day's modules in one folder. `watch` is called with every module that was loaded.

    While it is installed, `import attention` means that folder's attention.py and nothing else, wherever Python would
    otherwise have looked; a file that is missing is an ImportError that says so.
    """

    def __init__(self, day: Day, folder: Path, watch: Callable[[ModuleType], None] = lambda module: None):
        self.day, self.folder, self.watch = day, folder, watch
        self.solution = day.path / "solution"
        self._guarded = f"{self.solution}{os.sep}"
        self.names = {file.stem for file in self.solution.glob("*.py")}
        self.names |= {file.stem for file in folder.glob("*.py") if not self._elsewhere(file.stem)}
        self.texts: dict[str, str] = {}  # module name -> source that stands in for its file
        self.test_modules: list[ModuleType] = []
        self.broken: set[str] = set()  # names whose import failed; it isn't tried again
        self._code: dict[tuple[str, bytes], CodeType] = {}
        self._trusted = 0  # > 0 while we ourselves read the solution

    def _elsewhere(self, name: str) -> bool:
        """Whether a helper of the pair's own has the name of something that Python or the tests know."""
        known = name in sys.stdlib_module_names or (self.day.path / "tests" / f"{name}.py").exists()
        return known or importlib.machinery.PathFinder.find_spec(name) is not None

    def install(self) -> None:
        sys.meta_path.insert(0, self)
        # Last: a file of the pair's own that is called scipy.py, or like a helper of the tests, breaks nobody else.
        sys.path.append(str(self.folder))
        if self.folder != self.solution:
            sys.addaudithook(self._guard)

    def _guard(self, event: str, arguments: tuple) -> None:
        # Python itself calls this on every open(), imports included.
        if event != "open" or self._trusted or not isinstance(arguments[0], str | bytes):
            return
        path = os.path.abspath(os.fsdecode(arguments[0]))
        if path.startswith(self._guarded) and path.endswith((".py", ".pyc")):
            name = os.path.basename(path).partition(".")[0]
            raise ReferenceUsed(f"the answer reads the reference, solution/{name}.py: write your own")

    # ---- The import system's side

    def find_spec(self, name, path=None, target=None):
        if name not in self.names:
            return None
        file = self.folder / f"{name}.py"
        if name not in self.texts and not file.is_file():
            if not (self.solution / f"{name}.py").is_file():
                return None
            raise Unimportable(f"{self.folder.name}/{name}.py is missing", name=name)
        if name in self.broken and self.folder != self.solution:
            raise Unimportable(f"{self.folder.name}/{name}.py does not import", name=name)
        return importlib.util.spec_from_file_location(name, file, loader=_Loader(self, name, file))

    def load(self, module: ModuleType, name: str, file: Path) -> None:
        if name in self.texts:
            source = self.texts[name].encode()
        else:
            with self.trusted():
                source = file.read_bytes()
        key = (str(file), source)
        if key not in self._code:
            self._code[key] = compile(source, str(file), "exec", dont_inherit=True)
        exec(self._code[key], module.__dict__)
        self.watch(module)

    # ---- Variants

    @contextmanager
    def trusted(self) -> Iterator[None]:
        self._trusted += 1
        try:
            yield
        finally:
            self._trusted -= 1

    @contextmanager
    def variant(self, texts: dict[str, str]) -> Iterator[None]:
        """Meanwhile the tests see the reference, with `texts` (module name -> source) in place of some of its modules.

        The modules are loaded anew, so nothing of the variant is left behind. Raises what the variant's import raises.
        """
        before = self.folder, self.texts
        modules = self._forget()
        try:
            self.folder, self.texts = self.solution, texts
            with self.trusted():
                self._rebind()
                yield
        finally:
            self._forget()
            self.folder, self.texts = before
            sys.modules.update(modules)
            self._rebind()

    def _forget(self) -> dict[str, ModuleType]:
        return {name: sys.modules.pop(name) for name in self.names if name in sys.modules}

    def _rebind(self) -> None:
        """Points the test modules' global names at the modules that count now."""
        for test in self.test_modules:
            for key, value in vars(test).items():
                if isinstance(value, ModuleType) and value.__name__ in self.names:
                    setattr(test, key, importlib.import_module(value.__name__))


class _Loader(importlib.machinery.SourceFileLoader):
    """What inspect and linecache expect of a loader, with DayModules.load doing the work."""

    def __init__(self, modules: DayModules, name: str, file: Path):
        super().__init__(name, str(file))
        self.modules, self.file = modules, file

    def exec_module(self, module: ModuleType) -> None:
        self.modules.load(module, module.__name__, self.file)

    def get_source(self, fullname: str) -> str | None:
        """The text that was loaded, a variant's too: for tests that look at how an answer is written."""
        return self.modules.texts.get(fullname) or super().get_source(fullname)
