"""variants/<section>.toml: what is read, what is refused, and where an edit lands."""

import pytest
import tiny_day

from shared.course.variants import VariantError, apply_variant, load_variants

SOLUTION = """def double(x):
    # BEGIN SOLUTION
    y = x + x
    return y
    # END SOLUTION


class Pair:
    def first(self, x):
        # BEGIN SOLUTION
        return x[0]
        # END SOLUTION

    def last(self, x):
        # BEGIN SOLUTION
        y = x[-1]
        return y
        # END SOLUTION
"""


def day(folder, variants):
    files = {"solution/inside.py": SOLUTION, "variants/inside.toml": variants}
    return tiny_day.build(folder / "w9d1_tiny", {"inside": ["double", "Pair"]}, files)


def applied(folder, variants):
    made = day(folder, variants)
    return apply_variant(load_variants(made)[0], made)


def test_an_edit_lands_between_the_fences_and_nowhere_else(tmp_path):
    module, text = applied(tmp_path, '[[double.wrong]]\nsays = "a"\nold = "x + x"\nnew = "x * x"\n')
    assert (module, text) == ("inside", SOLUTION.replace("x + x", "x * x"))


def test_a_body_replaces_the_fence(tmp_path):
    _, text = applied(tmp_path, '[[double.right]]\nsays = "a"\nbody = """\nif x:\n    return 2 * x\n"""\n')
    assert "    # BEGIN SOLUTION\n    if x:\n        return 2 * x\n    # END SOLUTION" in text


def test_edits_of_several_fences_do_not_move_each_other(tmp_path):
    edits = '{ old = "return x[0]", new = "z = x\\nreturn z[1]" }, { old = "x[-1]", new = "x[-2]" }'
    _, text = applied(tmp_path, f'[[Pair.wrong]]\nsays = "a"\nedits = [{edits}]\n')
    assert "z = x\nreturn z[1]" in text and "y = x[-2]\n        return y" in text
    assert text.count("SOLUTION") == SOLUTION.count("SOLUTION")


def test_labels_count_wrong_and_right_apart(tmp_path):
    kinds = ("wrong", "right", "wrong")
    text = "".join(f'[[double.{kind}]]\nsays = "a"\nold = "x + x"\nnew = "{n}"\n' for n, kind in enumerate(kinds))
    labels = [variant.label for variant in load_variants(day(tmp_path, text))]
    assert labels == ["double.wrong #1", "double.wrong #2", "double.right #1"]


def test_a_day_without_variants_has_none(tmp_path):
    made = day(tmp_path, "")
    (made.path / "variants/inside.toml").unlink()
    assert load_variants(made) == []


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[[double.wrong]\n", "variants/inside.toml: "),
        ('[[treble.wrong]]\nsays = "a"\n', "no exercise 'treble'"),
        ('[[double.wrogn]]\nsays = "a"\n', "it has"),
        ("double = 3\n", "`wrong` and `right`"),
        ('[double]\nwrong = "a"\n', "[[double.wrong]]"),
        ('[double.wrong]\nsays = "a"\nold = "x"\nnew = "y"\n', "[[double.wrong]]"),
        ('[[double.wrong]]\nold = "x + x"\nnew = "x"\n', "`says` is missing"),
        ('[[double.wrong]]\nsays = "a"\nodl = "x + x"\nnew = "x"\n', "unknown key 'odl'"),
        ('[[double.wrong]]\nsays = "a"\nold = "x + x"\n', "`old` and `new`"),
        ('[[double.wrong]]\nsays = "a"\nedits = [{ old = "x + x" }]\n', "`old` and `new`"),
        ('[[double.wrong]]\nsays = "a"\n', "either `old` and `new`, or `body`"),
        ('[[double.wrong]]\nsays = "a"\nold = "y"\nnew = "x"\nbody = "x"\n', "either `old` and `new`, or `body`"),
        ('[[double.wrong]]\nsays = "a"\nold = "x + y"\nnew = "x"\n', "occurs 0 times"),
        ('[[double.wrong]]\nsays = "a"\nold = ""\nnew = "x"\n', "not once"),
        ('[[double.wrong]]\nsays = "a"\nold = "y"\nnew = "x"\n', "occurs 2 times"),
        ('[[double.wrong]]\nsays = "a"\nold = "x[0]"\nnew = "x"\n', "occurs 0 times"),
        ('[[Pair.wrong]]\nsays = "a"\nbody = "return 1"\n', "say which `fence`: Pair.first, Pair.last"),
        ('[[Pair.wrong]]\nsays = "a"\nbody = "return 1"\nfence = "Pair.middle"\n', "no fence Pair.middle"),
    ],
)
def test_says_what_is_wrong_with_an_entry(tmp_path, text, says):
    with pytest.raises(VariantError) as caught:
        applied(tmp_path, text)
    assert says in str(caught.value)
