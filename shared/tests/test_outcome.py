"""How a test's exception is told, and whose fault it is: the answer's, or the course's and the machine's."""

import pickle
from types import SimpleNamespace

import pytest
import tiny_day
import torch

from shared.checks import CheckFailed
from shared.data.files import DataError
from shared.runner.protocol import Problem
from shared.sandbox.errors import in_words, place, unfinished, whose_error
from shared.sandbox.modules import ReferenceUsed
from shared.sandbox.outcome import Outcome, blame, judge


class BdbQuit(Exception):
    """As the debugger raises it."""


BdbQuit.__module__ = "bdb"


@pytest.fixture(autouse=True)
def by_make(monkeypatch):
    monkeypatch.setenv("BYO_MAKE", "1")


@pytest.fixture(scope="module")
def day(tmp_path_factory):
    answer = "def double(x):\n    return call()\n"
    files = {
        "solution/inside.py": answer,
        "answers/inside.py": answer,
        "tests/test_inside.py": "def test_it():\n    call()\n",
    }
    return tiny_day.build(tmp_path_factory.mktemp("outcome") / "w9d1_tiny", {"inside": ["double"]}, files)


def raised(day, through: str, error) -> BaseException:
    """`error`, raised in the last of these places, each called by the one before: the test, the answer, a library."""
    places = {
        "test": (day.path / "tests" / "test_inside.py", "test_inside"),
        "answer": (day.path / "answers" / "inside.py", "inside"),
        "library": ("/usr/lib/python3/site-packages/oracle/model.py", "oracle.model"),
        "torch.testing": ("/usr/lib/python3/site-packages/torch/testing/_comparison.py", "torch.testing._comparison"),
    }

    call = None
    text = "raise error"
    for name in reversed(through.split()):
        file, module = places[name]
        scope = {"call": call, "error": error, "__name__": module}
        exec(compile(f"def it():\n    {text}\n", str(file), "exec"), scope)
        call, text = scope["it"], "call()"
    try:
        call()
    except BaseException as caught:
        return caught
    raise AssertionError


def judged(day, error, **options) -> Outcome:
    return judge(error, "", "test_it", "double", day, day.path / "answers", **options)


class Mute(Exception):
    def __str__(self):
        raise RuntimeError


class Failed(Exception):
    """Called like pytest's own."""


@pytest.mark.parametrize(
    "through, error, whose",
    [
        ("test", CheckFailed("every one is wrong"), "answer"),
        ("test", AssertionError("no"), "answer"),
        ("test torch.testing", AssertionError("not close"), "answer"),
        ("test library", AssertionError("the oracle's own"), "unclear"),
        ("test answer", ValueError("no"), "answer"),
        ("test answer library", RuntimeError("shapes differ"), "answer"),
        ("test answer test", ZeroDivisionError(), "answer"),
        ("test", AttributeError("'list' object has no attribute 'shape'"), "unclear"),
        ("test", TypeError("'NoneType' object is not subscriptable"), "unclear"),
        ("test library", RuntimeError("CUDA error"), "unclear"),
        ("library", ImportError("cannot import name 'get_module_size_with_ties'"), "unclear"),
        ("test answer library", ImportError("cannot import name 'x' from 'y'"), "unclear"),
        ("test answer", ImportError("No module named 'numpi'"), "answer"),
        ("test", DataError("shared/files/teapot.json is missing"), "course"),
        ("test answer", DataError("shared/files/teapot.json is damaged"), "course"),
        ("test", AttributeError("module 'inside' has no attribute 'double'"), "answer"),
        ("test", AttributeError("module 'torch' has no attribute 'doubble'"), "unclear"),
        ("test", NotImplementedError("addmv_impl_cuda"), "unclear"),
        ("test", ReferenceUsed("the answer reads the reference"), "answer"),
        ("test", pytest.fail.Exception("changed something for everybody"), "answer"),
        ("test", pytest.skip.Exception("no GPU"), "unclear"),
        ("test", Failed("not pytest's"), "unclear"),
        ("test", Mute(), "unclear"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, BaseException) else str(value),
)
def test_whose_fault_an_error_is(day, through, error, whose):
    error = raised(day, through, error)
    assert whose_error(error, day, day.path / "answers") == whose
    outcome = judged(day, error)
    assert outcome.doubtful == (whose == "unclear")
    assert outcome.kind == ("fault" if whose == "course" else "fail")


def test_an_error_that_led_to_another_counts(day):
    error = raised(day, "test", KeyError("a"))
    error.__cause__ = raised(day, "test answer", ValueError("b"))
    assert whose_error(error, day, day.path / "answers") == "answer"
    error.__cause__ = raised(day, "test", DataError("c"))
    assert whose_error(error, day, day.path / "answers") == "course"
    error.__cause__ = error
    assert whose_error(error, day, day.path / "answers") == "unclear"


def test_of_several_errors_the_one_of_a_check_is_told(day):

    assert judged(day, ExceptionGroup("all", [KeyError("a"), CheckFailed("too small")])).problem.summary == "too small"


def test_a_test_that_misuses_what_was_returned_is_the_answers_affair(day):
    outcome = judged(day, raised(day, "test", AttributeError("'list' object has no attribute 'shape'")))
    assert outcome.problem.summary == (
        "the test can't go on with what the answer gave: AttributeError: 'list' object has no attribute 'shape'"
    )
    assert outcome.problem.lines == ["in tests/test_inside.py:2: call()"]
    decided = blame(outcome, Outcome("pass"))
    assert (decided.kind, decided.doubtful, decided.problem) == ("fail", False, outcome.problem)


def test_what_the_reference_cannot_do_either_is_the_courses_fault(day):
    outcome = judged(day, raised(day, "test library", ImportError("cannot import name 'a' from 'b' (/x/b.py)")))
    decided = blame(outcome, outcome)
    assert decided.kind == "fault" and decided.problem.where is None
    assert decided.problem.summary == (
        "the test itself failed, not your answer: ImportError: cannot import name 'a' from 'b'; "
        "run `make doctor`, and if that says that all is well, please report this"
    )


def test_the_fault_that_the_reference_meets_is_told(day):
    outcome = judged(day, raised(day, "test", TypeError("not your kind")))
    reference = Outcome("fail", problem=Problem("a test", None, "every one of the 3 values is wrong"))
    assert "every one of the 3 values is wrong; run `make doctor`" in blame(outcome, reference).problem.summary
    damaged = judged(day, raised(day, "test", DataError("shared/files/a is missing: restore it with `git checkout`")))
    assert blame(outcome, damaged).problem.summary == damaged.problem.summary


def test_damaged_data_say_how_to_get_them_back(day):
    error = DataError("shared/files/a is missing: restore it with `git checkout -- shared/files/a`")
    outcome = judged(day, raised(day, "test answer", error))
    assert outcome.kind == "fault" and not outcome.doubtful
    assert outcome.problem.summary == f"the test itself failed, not your answer: {error}"


def test_a_check_is_never_in_doubt(day):
    outcome = judged(day, raised(day, "test", CheckFailed("wrong")))
    assert blame(outcome, Outcome("fail")).kind == "fail"


@pytest.mark.parametrize(
    "error, words",
    [
        (EOFError("EOF when reading a line"), "it stops at input(), but nobody can type during a test"),
        (EOFError("Ran out of input"), "EOFError: Ran out of input"),
        (MemoryError(), "it asked for more memory than a test may have"),
        (RuntimeError("can't allocate memory: you tried to allocate 10737418240 bytes."), "may have: 10.0 GiB"),
        (RuntimeError("can't allocate memory: you tried to allocate 64 bytes."), "bit by bit: does something grow"),
        (RuntimeError("CUDA out of memory. Tried to allocate 512.00 MiB."), "may have: 0.5 GiB"),
        (RuntimeError("CUDA out of memory. Tried to allocate 2.00 GiB."), "may have: 2.0 GiB"),
        (Mute(), "Mute"),
        (ValueError(), "ValueError"),
        (ValueError("a\nb"), "ValueError: a"),
        (ValueError("\ud800"), r"ValueError: \ud800"),
        (ValueError("x" * 10_000), "ValueError: " + "x" * 300),
        (Failed("not pytest's"), "Failed: not pytest's"),
        (type("BdbQuit", (Exception,), {})("mine"), "BdbQuit: mine"),
        (type("Unimportable", (Exception,), {})("mine"), "Unimportable: mine"),
        (pytest.fail.Exception("changed something"), "changed something"),
        (AssertionError(), "AssertionError"),
        (SyntaxError("invalid syntax"), "SyntaxError: invalid syntax"),
        (SystemExit(3), "the answer called sys.exit(); a function returns"),
        (AttributeError("module 'inside' has no attribute 'double'"), "`make reset DAY=w9d1 EX=double` puts its stub"),
        (BdbQuit(), "it stops at breakpoint(), but nobody can type during a test"),
        (
            AttributeError("module 'torch' has no attribute 'foo'"),
            "AttributeError: module 'torch' has no attribute 'foo'",
        ),
        (KeyError(10**5000), "KeyError"),
    ],
    ids=lambda value: value[:30] if isinstance(value, str) else "",
)
def test_errors_in_words(day, error, words):
    told = in_words(error, day, day.path / "answers")
    assert words in told and "\n" not in told
    told.encode()


def test_whoever_asks_the_keyboard_is_the_answer(day):
    for error in (BdbQuit(), EOFError("EOF when reading a line")):
        assert whose_error(raised(day, "test library", error), day, day.path / "answers") == "answer"


def test_pickles_end_of_file_is_not_the_keyboard(day):
    with pytest.raises(EOFError) as caught:
        pickle.loads(b"")
    assert in_words(caught.value, day, day.path / "answers") == "EOFError: Ran out of input"


def test_an_error_without_a_traceback(day):
    folder = day.path / "answers"
    assert unfinished(NotImplementedError(object()), "double", day, folder) is None
    assert place(ValueError(), folder) is None
    assert whose_error(AssertionError(), day, folder) == "answer"


def test_the_call_is_told_with_values_that_can_be_run(day):
    call = SimpleNamespace(of_object=False, name="double", args=(torch.tensor([1, 2]),), kwargs={"dim": -1})
    outcome = judged(day, raised(day, "test", CheckFailed("wrong")), call=call)
    assert outcome.problem.lines == ["call      double(tensor([1, 2]), dim=-1)"]


# ---- The language of who ran it


def test_without_make_nothing_speaks_of_it(day, monkeypatch):
    monkeypatch.delenv("BYO_MAKE")
    told = in_words(AttributeError("module 'inside' has no attribute 'double'"), day, day.path / "answers")
    assert "`python -m shared reset w9d1 double` puts its stub back" in told
    outcome = judged(day, raised(day, "test library", ImportError("broken")))
    assert "run `python -m shared doctor`" in blame(outcome, outcome).problem.summary
