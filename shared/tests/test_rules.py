"""What counts as a check in a test: one of shared.checks, an assert, or a helper that uses one."""

from shared.author.rules import TestFile

HELPERS = """from shared.checks import equal


def is_two(x):
    equal(x, 2)


def two():
    return 2
"""


def test_a_helper_beside_the_tests_may_do_the_checking(tmp_path):
    (tmp_path / "helpers.py").write_text(HELPERS)
    tests = tmp_path / "test_counter.py"
    tests.write_text("from helpers import is_two, two\n\n\ndef test_two():\n    is_two(two())\n")
    assert TestFile(tests, {"counter"}).broken_rules() == []
    tests.write_text("from helpers import is_two, two\n\n\ndef test_two():\n    two()\n")
    assert TestFile(tests, {"counter"}).broken_rules() == ["test_counter.py:4: test_two checks nothing"]
