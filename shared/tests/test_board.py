"""Each state of the board as a readable file in golden/, in Unicode and in plain ASCII.

After a change that is meant: BYO_UPDATE_GOLDEN=1 pytest shared/tests/test_board.py, then read the difference.
"""

import dataclasses
import io
import os
from pathlib import Path
from types import SimpleNamespace

import pytest

from shared.course.day import Exercise, Hint, Section
from shared.learner import wording
from shared.learner.board import Problem, Verdict, duration, progress, render, sentence
from shared.learner.terminal import ESCAPE, Terminal, cells, say, supports

GOLDEN = Path(__file__).parent / "golden"
CLASSIC = "The scores are divided by d_head; the variance argument asks for its square root."
TEST = "test_equals_torch[batch 2, heads 3, 5 queries, 7 keys, d_head 4]"
LINES = ["expected  1.9723", "got       0.4931      (always 4 times too small)"]


@pytest.fixture(autouse=True)
def by_make(monkeypatch):
    """As make shows it; what others read instead has a test of its own."""
    monkeypatch.setenv("BYO_MAKE", "1")


def section(name, *exercises, bonus=False):
    made = tuple(
        Exercise(
            name=title,
            section=name,
            line=1,
            difficulty=2,
            importance=5,
            minutes=minutes,
            module=f"{name}.py",
            bonus=bonus or title in ("generate",),
            hints=(),
        )
        for title, minutes in exercises
    )
    return Section(name=name, title=name.capitalize(), bonus=bonus, exercises=made)


def a_day(*extra):
    attention = section(
        "attention", ("causal_mask", 10), ("scaled_dot_product_attention", 20), ("MultiHeadAttention", 30)
    )
    sections = (attention, section("model", ("Block", 15), ("GPT2", 25)), *extra)
    exercises = tuple(e for s in sections for e in s.exercises)
    title = "W2D1 · GPT-2"
    return SimpleNamespace(name="w2d1_gpt2", short="w2d1", title=title, sections=sections, exercises=exercises)


WITH_BONUS = (section("sampling", ("sample", 15), ("generate", 20)), section("cache", ("KVCache", 40), bonus=True))


def verdicts(day, states, folder="answers"):
    """States in README order, each "done 2", "wrong 1 4", "todo" or "waiting MultiHeadAttention"."""
    made = []
    for number, (exercise, words) in enumerate(zip(day.exercises, states, strict=True)):
        state, *rest = words.split()
        where = f"{folder}/{exercise.module}:{14 + 10 * number}"
        passed, total = {"done": (rest * 2)[:2], "wrong": rest}.get(state) or (0, 3)
        made.append(Verdict(exercise, state, int(passed), int(total), where=where))
        if state == "waiting":
            made[-1].waits_for = rest[0]
    return made


def half_done(**problem):
    """The board of DESIGN.md section 5, with another problem where one is given."""
    day = a_day()
    made = verdicts(day, ["done 2", "wrong 1 4", "todo", "waiting MultiHeadAttention", "todo"])
    story = dict(test=TEST, where="answers/attention.py:31", lines=LINES)
    story["summary"] = "every one of the 120 values is wrong; the first, at [0, 0, 0, 0]:"
    made[1].problem = Problem(**story | problem)
    return day, made, {}


def half_done_with_diagnosis():
    return half_done(says=CLASSIC)


def diagnosis_later():
    return half_done(why_later=True)


def nothing_known():
    day, made, more = half_done(unknown=True)
    hints = (Hint("And the diagonal?", "Stays."), Hint("How would I call torch to compare?", "It equals torch."))
    made[1].exercise = dataclasses.replace(made[1].exercise, hints=hints)
    return day, made, more


def nothing_known_and_no_hint():
    return half_done(unknown=True, test="on a GPU")


def crash():
    return half_done(summary="IndexError: index 3 is out of bounds for dimension 2 with size 3", lines=[])


def prints_a_million_lines():
    return half_done(printed="step 0\n" * 999_990 + "".join(f"step {i}\n" for i in range(1, 11)), says=CLASSIC)


def prints_wild_things():
    bar = "".join(f"\r {i:3}%|{'█' * (i // 10)}" for i in range(101))
    return half_done(
        printed=f"\x1b[31mred\x1b[0m\ta tab\n{bar}\n日本語のトークン, é, \x07\udc80\n{'0.1234, ' * 90}\n\nlast"
    )


def long_values():
    values = ", ".join(f"{i / 3:.4f}" for i in range(60))
    lines = [f"expected  [{values}]", f"got       [{values}]", "in        " + "x" * 200]
    return half_done(summary="the rows differ, and this is said in a sentence that goes on " * 3, lines=lines)


def narrow_terminal():
    return *half_done(says=CLASSIC)[:2], dict(width=60)


def two_wrong():
    day, made, more = half_done()
    made[4] = Verdict(day.exercises[4], "wrong", 0, 1, problem=Problem("test_other", None, "not shown yet", []))
    return day, made, more


def does_not_import():
    day = a_day()
    made = verdicts(day, ["wrong 0 0"] * 3 + ["waiting MultiHeadAttention", "todo"])
    made[0].problem = Problem(
        "", "answers/attention.py:31", "SyntaxError: '(' was never closed", ["scores = (q @ k.mT"]
    )
    return day, made, {}


def nothing_done_in_the_skeleton():
    day = a_day()
    made = verdicts(day, ["todo", "todo", "todo", "waiting MultiHeadAttention", "todo"], "skeleton")
    return day, made, dict(testing="skeleton/")


def solution_all_done():
    day, made, _ = all_done()
    return day, made, dict(testing="solution/")


def nothing_done_in_answers():
    day = a_day(*WITH_BONUS)
    return day, verdicts(day, ["todo"] * 3 + ["waiting MultiHeadAttention"] + ["todo"] * 4), {}


def half_done_with_notes():
    day = a_day(*WITH_BONUS)
    made = verdicts(day, ["done 2", "done 4", "done 6", "todo", "waiting Block", "todo", "todo", "todo"])
    return day, made, dict(notes=["answers/ has no sampling.py; the tests used skeleton/sampling.py."])


def all_done():
    made = verdicts(a_day(), ["done 2", "done 4", "done 6", "done 3", "done 1"])
    return a_day(), made, dict(next_day="w2d2_bert", demo=True)


def all_done_but_the_bonus():
    day = a_day(*WITH_BONUS)
    made = verdicts(day, ["done 2", "done 4", "done 6", "done 3", "done 1", "done 5", "todo", "todo"])
    return day, made, dict(next_day="w2d2_bert", demo=True)


def a_long_bonus_section():
    puzzles = section("puzzles", *((f"puzzle_{number}", 4) for number in range(1, 8)), bonus=True)
    return a_day(puzzles), verdicts(a_day(puzzles), ["done 2", "todo", "todo", "todo", "todo"] + ["todo"] * 7), {}


def all_done_but_a_long_bonus_section():
    puzzles = section("puzzles", *((f"puzzle_{number}", 4) for number in range(1, 8)), bonus=True)
    return a_day(puzzles), verdicts(a_day(puzzles), [f"done {n}" for n in (2, 4, 6, 3, 1)] + ["todo"] * 7), {}


def all_done_and_the_bonus_wrong():
    day = a_day(*WITH_BONUS)
    made = verdicts(day, ["done 2", "done 4", "done 6", "done 3", "done 1", "done 5", "done 3", "wrong 2 3"])
    made[-1].problem = Problem("test_grows_by_one", "answers/cache.py:30", "shape (1, 5) where (1, 6) is due", [])
    return day, made, dict(next_day="w2d2_bert")


def one_exercise(state, **problem):
    day, made, _ = half_done(**problem)
    return day, [v for v in made if v.state == state][:1], {}


def one_exercise_done():
    return one_exercise("done")


def follows():
    name = "scaled_dot_product_attention"
    return dict(follows=(name, "answers/attention.py:24", wording.command("hint", "w2d1", name)))


def one_exercise_done_and_the_next():
    return *one_exercise("done")[:2], follows()


def a_section_done_and_the_next():
    day = a_day()
    return day, verdicts(day, ["done 2", "done 4", "done 6", "done 3", "done 1"])[:3], follows()


def one_exercise_wrong():
    return one_exercise("wrong", says=CLASSIC)


def one_exercise_todo():
    return one_exercise("todo")


def one_exercise_waiting():
    return one_exercise("waiting")


STATES = [
    half_done,
    half_done_with_diagnosis,
    half_done_with_notes,
    diagnosis_later,
    nothing_known,
    nothing_known_and_no_hint,
    crash,
    prints_a_million_lines,
    prints_wild_things,
    long_values,
    narrow_terminal,
    two_wrong,
    does_not_import,
    nothing_done_in_the_skeleton,
    nothing_done_in_answers,
    all_done,
    solution_all_done,
    all_done_but_the_bonus,
    all_done_and_the_bonus_wrong,
    a_long_bonus_section,
    all_done_but_a_long_bonus_section,
    one_exercise_done,
    one_exercise_done_and_the_next,
    a_section_done_and_the_next,
    one_exercise_wrong,
    one_exercise_todo,
    one_exercise_waiting,
]


def board(state, **style):
    day, made, more = state()
    return render(day, made, **dict(testing="answers/", device="cpu") | more | style)


def matches_golden(name, text):
    path = GOLDEN / f"{name}.txt"
    if os.environ.get("BYO_UPDATE_GOLDEN"):
        GOLDEN.mkdir(exist_ok=True)
        path.write_text(text + "\n", encoding="utf-8")
    assert text + "\n" == path.read_text(encoding="utf-8")


@pytest.mark.parametrize("state", STATES, ids=lambda state: state.__name__)
@pytest.mark.parametrize("fancy", [True, False], ids=["unicode", "ascii"])
def test_looks_like_its_golden_file(state, fancy):
    text = board(state, fancy=fancy)
    assert fancy or text.isascii()
    matches_golden(f"{state.__name__}.{'unicode' if fancy else 'ascii'}", text)


@pytest.mark.parametrize("state", STATES, ids=lambda state: state.__name__)
@pytest.mark.parametrize("fancy", [True, False], ids=["unicode", "ascii"])
@pytest.mark.parametrize("width", [70, 80, 200])
def test_keeps_its_shape(state, fancy, width):
    lines = board(state, fancy=fancy, width=width).split("\n")
    assert all(cells(line) <= width for line in lines)
    assert not any(line.endswith(" ") for line in lines)
    assert "" not in (lines[0], lines[-1]) and "\n\n\n" not in "\n".join(lines)


@pytest.mark.parametrize("state", STATES, ids=lambda state: state.__name__)
@pytest.mark.parametrize("width", [60, 100])
def test_colour_changes_nothing_else(state, width):
    plain, coloured = board(state, width=width), board(state, width=width, color=True)
    assert coloured != plain == ESCAPE.sub("", coloured)


def test_every_golden_file_has_its_state():
    names = {f"{state.__name__}.{kind}.txt" for state in STATES for kind in ("unicode", "ascii")}
    assert {path.name for path in GOLDEN.iterdir()} == names | {"progress.unicode.txt", "progress.ascii.txt"}


@pytest.mark.parametrize("fancy", [True, False], ids=["unicode", "ascii"])
def test_progress_shows_all_days(fancy):
    days = [("w1d1_tensors", 24, 24, 0), ("w1d2_conv", 3, 10, 195), (a_day(), 1, 5, 90), ("w4d1_rl", 0, 12, 320)]
    matches_golden(f"progress.{'unicode' if fancy else 'ascii'}", progress(days, fancy=fancy))


def test_the_order_of_the_verdicts_does_not_matter():
    day, made, _ = two_wrong()
    first, second = (render(day, v, testing="answers/", device="cpu") for v in (made, made[::-1]))
    assert first == second


@pytest.mark.parametrize("state", STATES, ids=lambda state: state.__name__)
def test_without_make_nothing_speaks_of_it(state, monkeypatch):
    made = board(state)
    monkeypatch.delenv("BYO_MAKE")
    text = board(state)
    assert not any(word in text for word in ("make hint", "make start", "make demo", "EX=", "DAY=", "WHY="))
    assert text.count("python -m shared") == sum(made.count(f"make {name}") for name in ("hint", "start", "demo"))


@pytest.mark.parametrize(
    "test, words",
    [
        ("test_blocks_only_the_future", "blocks only the future"),
        ("test_equals_torch[batch 2, heads 3]", "equals torch"),
        ("tests/test_x.py::TestA::test_keeps_order[a[1]]", "keeps order"),
        ("on a GPU", ""),
        ("", ""),
    ],
)
def test_a_tests_name_is_a_sentence(test, words):
    assert sentence(test) == words


@pytest.mark.parametrize("done, filled", [(0, 0), (1, 1), (50, 12), (99, 23), (100, 24)])
def test_the_bar_is_full_only_at_the_end(done, filled):
    assert Terminal(True, False).bar(done, 100).count("#") == filled


@pytest.mark.parametrize(
    "minutes, words",
    [
        (1, "1 minute"),
        (55, "55 minutes"),
        (60, "1 hour"),
        (61, "1 hour 10 minutes"),
        (120, "2 hours"),
        (355, "6 hours"),
    ],
)
def test_says_a_time_in_words(minutes, words):
    assert duration(minutes) == words


class Stream(io.StringIO):
    encoding = "utf-8"

    def isatty(self):
        return True


@pytest.mark.parametrize("encoding, fancy", [("utf-8", True), ("ascii", False), ("cp1252", False), ("no-such", False)])
def test_marks_need_a_stream_that_can_write_them(encoding, fancy, monkeypatch):
    monkeypatch.setattr(Stream, "encoding", encoding)
    assert supports(Stream())[0] is fancy


def test_a_stream_without_an_encoding_takes_that_of_the_environment(monkeypatch):
    monkeypatch.setattr(Stream, "encoding", None)
    monkeypatch.setenv("PYTHONIOENCODING", "utf-8:replace")
    assert supports(Stream())[0]
    monkeypatch.delenv("PYTHONIOENCODING")
    assert not supports(Stream())[0]


@pytest.mark.parametrize(
    "env, color", [({}, True), ({"NO_COLOR": "1"}, False), ({"NO_COLOR": ""}, True), ({"TERM": "dumb"}, False)]
)
def test_colours_need_a_terminal_that_wants_them(env, color, monkeypatch):
    monkeypatch.delenv("NO_COLOR", raising=False)
    for name, value in ({"TERM": "xterm"} | env).items():
        monkeypatch.setenv(name, value)
    assert supports(Stream())[1] is color
    assert supports(io.StringIO())[1] is False


def test_what_is_said_goes_out_in_one_piece(monkeypatch):
    written = []
    stream = Stream()
    monkeypatch.setattr(stream, "write", written.append)
    monkeypatch.setattr("sys.stdout", stream)
    say("first\nsecond")
    assert written == ["first\nsecond\n"]  # so that `head -1` stops nobody in the middle of a hint
