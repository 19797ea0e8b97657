"""The README's grammar, what a Day knows, and finding days."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from shared.course import day as days
from shared.course.day import Day, ReadmeError, UnknownDay, UnknownExercise, course_root, day_folders, find_day
from shared.learner import state

README = """# W2D1 · GPT-2

![one picture](images/loss.png) Four words stand here.

<!-- a comment
### `commented_out`
-->

## Before you start

```python
# not a title
### `in_code`
```

## 1. Bigram: a baseline

### `count_bigrams`
*difficulty 1/5 · importance 3/5 · 5 minutes · `bigram.py`*

Two words.

<details><summary>Hint: what is counted?</summary> Pairs of neighbours. </details>

<details>
<summary>My rows
don't sum</summary>

Look at `</details>` in code:

```
</details>
```

<details><summary>More</summary>nested</details>
</details>

### A word on smoothing

<details><summary>Not a hint</summary>the answer to a riddle</details>

## 2. Attention: where tokens talk

### `MultiHead`
*difficulty 4/5 · importance 5/5 · 30 minutes · `attention.py`*

### `MultiHead.forward`
*difficulty 5/5 · importance 5/5 · 1 minute · `attention.py`*

### `rope`
*difficulty 3/5 · importance 2/5 · 20 minutes · `attention.py` · bonus*

## 7. Recurrent: what came before (bonus)

### `gru_cell`
*difficulty 3/5 · importance 2/5 · 25 minutes · `recurrent.py`*

## 8. Farewell
"""


def write_day(root: Path, readme: str = README, name: str = "w2d1_gpt2") -> Path:
    folder = root / name
    (folder / "solution").mkdir(parents=True)
    for module in ("bigram", "attention", "recurrent"):
        (folder / "solution" / f"{module}.py").write_text("")
    (folder / "README.md").write_text(readme, encoding="utf-8")
    return folder


@pytest.fixture
def day(tmp_path):
    return Day(write_day(tmp_path))


def test_reads_titles_and_sections(day):
    assert (day.name, day.short, day.title) == ("w2d1_gpt2", "w2d1", "W2D1 · GPT-2")
    assert [(section.name, section.title, section.bonus) for section in day.sections] == [
        ("bigram", "Bigram: a baseline", False),
        ("attention", "Attention: where tokens talk", False),
        ("recurrent", "Recurrent: what came before", True),
    ]


def test_reads_exercises_in_order(day):
    assert [exercise.name for exercise in day.exercises] == [
        "count_bigrams",
        "MultiHead",
        "MultiHead.forward",
        "rope",
        "gru_cell",
    ]
    forward = day.exercise("MultiHead.forward")
    assert (forward.section, forward.module) == ("attention", "attention.py")
    assert (forward.difficulty, forward.importance, forward.minutes) == (5, 5, 1)
    assert README.split("\n")[forward.line - 1] == "### `MultiHead.forward`"


def test_bonuses_are_marked_and_not_in_the_minutes(day):
    assert [exercise.name for exercise in day.exercises if exercise.bonus] == ["rope", "gru_cell"]
    assert day.minutes == 5 + 30 + 1


def test_hints_belong_to_the_exercise_above_until_the_next_heading(day):
    first, second = day.exercise("count_bigrams").hints
    assert (first.title, first.text) == ("Hint: what is counted?", "Pairs of neighbours.")
    assert second.title == "My rows don't sum"
    assert second.text.endswith("<details><summary>More</summary>nested</details>")
    assert day.exercise("MultiHead").hints == ()


def test_what_a_question_of_the_text_comes_to_is_no_hint(tmp_path):
    answer = '<details class="answer"><summary>What came out</summary> 7 </details>'
    text = README.replace("Two words.", f"Two words.\n\n{answer}")
    first, second = Day(write_day(tmp_path, text)).exercise("count_bigrams").hints
    assert (first.short_title, second.title) == ("what is counted?", "My rows don't sum")


def test_counts_words_outside_hints_code_pictures_comments_and_metadata(tmp_path):
    text = (
        "# A title\n\n![no words](x.png) three words <!-- not -->here\n"
        "~~~\nnone\n~~~\n<details><summary>no</summary>\n\nno\n</details>\n\n"
        "## 1. Bigram\n### `f`\n*difficulty 1/5 · importance 3/5 · 5 minutes · `bigram.py`*\n- 1 – two\n"
    )
    assert Day(write_day(tmp_path, text)).words == 2 + 3 + 2 + 1 + 2


def test_a_comment_sign_in_inline_code_opens_nothing(tmp_path):
    Day(write_day(tmp_path, README + "\nWrite `<!--` and `x` and <!-- `-->` it is closed.\n"))


def test_windows_line_ends_and_a_mark_are_read(tmp_path):
    folder = write_day(tmp_path)
    (folder / "README.md").write_bytes(b"\xef\xbb\xbf" + README.replace("\n", "\r\n").encode())
    assert len(Day(folder).exercises) == 5


METADATA = "*difficulty 1/5 · importance 3/5 · 5 minutes · `bigram.py`*"


@pytest.mark.parametrize(
    ("old", "new", "line", "says"),
    [
        (METADATA, "", 19, "must read"),
        (METADATA, "\n" + METADATA, 19, "must read"),
        (METADATA, "*difficulty 1/5, importance 3/5, 5 minutes, `bigram.py`*", 19, "must read"),
        (METADATA, METADATA.replace("1/5", "6/5"), 19, "difficulty is 6"),
        (METADATA, METADATA.replace("1/5", "0/5"), 19, "difficulty is 0"),
        (METADATA, METADATA.replace("3/5", "9/5"), 19, "importance is 9"),
        (METADATA, METADATA.replace("5 minutes", "0 minutes"), 19, "at least a minute"),
        (METADATA, METADATA.replace("bigram.py", "attention.py"), 19, "bigram.py, not attention.py"),
        ("## 1. Bigram: a baseline", "## 1. Unigram: a baseline", 18, "no solution/unigram.py"),
        ("## 1. Bigram: a baseline", "## A baseline", 18, "stands in no section"),
        ("## 1. Bigram: a baseline", "## 1 Bigram: a baseline", 16, "heading of a section"),
        ("## 8. Farewell", "## 8. Attention again", 58, "a section attention already"),
        ("### `rope`", "### `count_bigrams`", 50, "already, in line 18"),
        ("### `rope`", "### `count bigrams`", 50, "reads ### `function`"),
        ("### `rope`", "### rope", 51, "directly below its heading"),
        ("# W2D1 · GPT-2", "W2D1", 1, "no title"),
        ("<summary>Hint: what is counted?</summary>", "", 23, "<summary>"),
        ("<summary>Hint: what is counted?</summary>", "<summary>What came out</summary>", 23, 'class="answer"'),
        ("## 8. Farewell", "```\n## 8. Farewell", 58, "code block is never closed"),
        ("## 8. Farewell", "<!-- \n## 8. Farewell", 58, "comment is never closed"),
        ("## 8. Farewell", "<details>\n## 8. Farewell", 58, "<details> is never closed"),
        ("## 8. Farewell\n", "### `last`", 58, "missing"),
    ],
)
def test_a_malformed_line_is_named(tmp_path, old, new, line, says):
    assert README.count(old) == 1
    with pytest.raises(ReadmeError) as error:
        Day(write_day(tmp_path, README.replace(old, new)))
    place, message = str(error.value).split(": ", 1)
    assert says in message
    assert place == f"w2d1_gpt2/README.md:{line}"


def test_a_day_without_readme_says_so(tmp_path):
    with pytest.raises(ReadmeError, match=r"README.md:1: "):
        Day(tmp_path)


@pytest.mark.parametrize(("typo", "meant"), [("count_bigram", "count_bigrams"), ("multihead", "MultiHead")])
def test_an_unknown_exercise_suggests_the_nearest(day, typo, meant):
    with pytest.raises(UnknownExercise, match=rf"did you mean {meant}\?"):
        day.exercise(typo)


def test_an_exercise_unlike_any_lists_them_all(day):
    with pytest.raises(UnknownExercise, match="there are: count_bigrams, MultiHead"):
        day.exercise("zzz")


def test_a_bare_method_name_suggests_the_whole(day):
    with pytest.raises(UnknownExercise, match=r"MultiHead\.forward"):
        day.exercise("forward")


def test_an_owner_belongs_to_its_own_exercise_or_its_class(day):
    assert day.owner_exercise("MultiHead.forward").name == "MultiHead.forward"
    assert day.owner_exercise("MultiHead.__init__").name == "MultiHead"
    assert day.owner_exercise("gru_cell").name == "gru_cell"
    assert day.owner_exercise("Other.forward") is None


def test_implementation_prefers_answers_once_they_exist(day):
    assert day.implementation(None) == day.path / "skeleton"
    (day.path / "answers").mkdir()
    assert day.implementation(None) == day.path / "answers"
    assert day.implementation("solution") == day.path / "solution"
    with pytest.raises(ValueError, match="solution, skeleton, answers"):
        day.implementation("solutions")


def test_finds_a_day_by_short_name_name_and_path(tmp_path, monkeypatch):
    folder = write_day(tmp_path)
    write_day(tmp_path, name="w2d2_bert")
    (tmp_path / "w9d9_empty").mkdir()
    assert [found.name for found in day_folders(tmp_path)] == ["w2d1_gpt2", "w2d2_bert"]
    for text in ("w2d1", "W2D1", "w2d1_gpt2", "w2d1_gpt2/", folder, folder / "solution" / "bigram.py"):
        assert find_day(text, tmp_path).path == folder
    monkeypatch.chdir(folder)
    assert find_day(".").path == folder
    assert find_day("w2d2").name == "w2d2_bert"


def test_a_folder_of_any_name_is_a_day(tmp_path):
    found = find_day(write_day(tmp_path, name="my copy"))
    assert (found.name, found.short) == ("my copy", "w2d1")


@pytest.mark.parametrize("text", ["w7d7", "", "nonsense", "w2"])
def test_an_unknown_day_lists_the_days(tmp_path, text, monkeypatch):
    write_day(tmp_path)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UnknownDay, match="the days are: w2d1_gpt2"):
        find_day(text)


def test_the_root_is_given_or_found_upwards(tmp_path, monkeypatch):
    folder = write_day(tmp_path / "course")
    monkeypatch.delenv("BYO_ROOT", raising=False)
    monkeypatch.chdir(folder / "solution")
    assert course_root() == tmp_path / "course"
    monkeypatch.setenv("BYO_ROOT", str(tmp_path))
    assert course_root() == tmp_path


def test_without_any_day_around_the_root_is_the_checkout(tmp_path, monkeypatch):
    monkeypatch.delenv("BYO_ROOT", raising=False)
    monkeypatch.chdir(tmp_path)
    assert course_root() == Path(days.__file__).resolve().parent.parent.parent


def test_state_is_kept(day):
    assert state.read_state(day) == {}
    state.write_state(day, {"failed": {"rope": 2}})
    assert state.read_state(day) == {"failed": {"rope": 2}}
    assert state.state_folder(day) == day.path / ".byo"


@pytest.mark.parametrize("damage", [b"", b"{", b"[1]", b"\xff\xfe\x00", b"null"])
def test_damaged_state_is_empty(day, damage):
    (state.state_folder(day) / "state.json").write_bytes(damage)
    assert state.read_state(day) == {}


def test_state_goes_elsewhere_where_the_day_cannot_be_written(day, tmp_path, monkeypatch):
    (day.path / ".byo").write_text("a file in the way")
    monkeypatch.setattr(state.tempfile, "gettempdir", lambda: str(tmp_path))
    state.write_state(day, {"a": 1})
    assert state.read_state(day) == {"a": 1}
    assert state.state_folder(day).parent == tmp_path


def test_needs_nothing_heavy():
    code = "import sys, json, shared.course.day, shared.learner.answers, shared.course.fences\n"
    code += "print(json.dumps(list(sys.modules)))"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert not {"torch", "numpy", "pytest", "rich"} & set(json.loads(out))
