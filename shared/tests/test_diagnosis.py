"""Which mistake a wrong answer looks like, and which other exercise may be to blame."""

import pytest
from whole_day import AFTER, VARIANTS, answer, shared, states, whole_day

from shared.runner.run import run_day
from shared.sandbox.diagnosis import likest
from shared.sandbox.outcome import Outcome


@pytest.fixture
def day(tmp_path):
    return whole_day(tmp_path)


def test_fixtures_are_made_anew_for_a_variant(day):
    # With the fixtures of the run before, the first variant would seem to give what the answer gave.
    answer(day, "inside", ("x + x", "x * x"))
    other = '[[double.wrong]]\nsays = "It is unchanged."\nbody = "return x"\n'
    (day.path / "variants/inside.toml").write_text(other + VARIANTS.replace("[[double.right]]", "[[double.wrong]]"))
    file = day.path / "tests" / "test_inside.py"
    file.write_text(file.read_text().replace("def test_doubles(draw)", "def not_a_test(draw)"))
    results = run_day(day, "answers", "cpu", ["double"])
    assert results.why == {"double": ["It is squared."]}


def test_a_mistake_that_hangs_costs_no_other_its_name(day):
    answer(day, "inside", ("x + x", "x * x"))
    endless = '[[double.wrong]]\nsays = "It never ends."\nbody = "while True: pass"\n'
    (day.path / "variants/inside.toml").write_text(endless + VARIANTS.replace("[[double.right]]", "[[double.wrong]]"))
    results = run_day(day, "answers", "cpu", ["double"])
    assert results.why == {"double": ["It is squared."]}


def test_the_second_answer_is_not_judged_by_the_first_ones_outcome(day):
    # mean is wrong, and its diagnosis puts variants in place; what comes after it is still right.
    answer(day, "inside", ("x.shape[1]", "x.shape[0]"))
    answer(day, "after")
    results = run_day(day, "answers", "cpu")
    assert states(day, results) == {"double": "done", "mean": "wrong", "quadruple": "done"}
    assert results.why == {"mean": ["It is divided by the number of rows."]}


def test_a_mistake_is_like_another_if_most_failing_tests_say_so():
    def outcomes(kinds):
        return [Outcome("pass") if kind == "." else Outcome("fail", records=[kind]) for kind in kinds]

    mine = outcomes("abc.")
    assert likest(mine, [outcomes("a..."), outcomes("axy.")]) == []
    assert likest(mine, [outcomes("a..."), outcomes("ab.."), outcomes("abcd")]) == [2]
    assert likest(mine, [outcomes("abcd"), outcomes("abc."), outcomes("abc.")]) == [1]
    assert likest(mine, []) == []


def test_two_mistakes_are_named_where_each_explains_tests_of_its_own():
    def outcomes(kinds):
        return [Outcome("pass") if kind == "." else Outcome("fail", records=[kind]) for kind in kinds]

    mine = outcomes("abcde.")
    assert likest(mine, [outcomes("ab...."), outcomes("..c..."), outcomes("a....z")]) == [0, 1]
    assert likest(mine, [outcomes("ab...."), outcomes("a.....")]) == [0]
    assert likest(mine, [outcomes(".b...."), outcomes("a.....")]) == []


def test_a_crash_elsewhere_does_not_hide_a_mistake():
    crash = Outcome("fail", error="ValueError", said="oops")
    mine = [crash, crash, Outcome("fail", records=["a"])]
    assert likest(mine, [[Outcome("fail", records=["x"])] * 2 + [Outcome("fail", records=["a"])]]) == [0]


def test_blame_lasts_until_the_repair(day):
    blame = "it uses double: wrong when last tested"
    answer(day, "inside", ("x + x", "x * x"))
    answer(day, "after", ("double(double(x))", "double(double(x)) + 1"))
    shared(day, "test", "w9d1")
    assert blame in shared(day, "test", "w9d1", "quadruple").stdout
    answer(day, "inside", ("return x + x", "return 2 * x"))
    again = shared(day, "test", "w9d1", "quadruple")
    assert again.returncode == 1 and "quadruple" in again.stdout and blame not in again.stdout


def test_a_known_mistake_of_its_own_is_blamed_on_nobody(day):
    answer(day, "inside", ("x.shape[1]", "x.shape[0]"))
    text = AFTER.replace("import double", "import double, mean").replace(
        "double(double(x))", "double(x + 0 * mean(x).sum())"
    )
    (day.path / "answers" / "after.py").write_text(text)
    assert "it uses mean" not in shared(day, "test", "w9d1", "quadruple").stdout
    shared(day, "test", "w9d1", "mean")
    done = shared(day, "test", "w9d1", "quadruple", WHY="1")
    assert "It is doubled once." in done.stdout and "it uses mean" not in done.stdout
