"""The grammar of a day's README, read strictly: what doesn't follow it is a ReadmeError with its line, never silence.

## 2. Attention: where tokens talk               a section; its first word is its module's name
## 7. Recurrent: what came before (bonus)
### `causal_mask`                                an exercise, and directly below its metadata:
*difficulty 2/5 · importance 5/5 · 10 minutes · `attention.py`*        (may end in ` · bonus*`)
<details><summary>Hint: …</summary> … </details>     a hint of the exercise above it, until the next heading
<details class="answer"><summary>The answer</summary> … </details>     what a question of the text comes to: no hint
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import partial

_SECTION = re.compile(r"## \d+\. (`?([A-Za-z_]\w*)`?.*?)( \(bonus\))?\s*")
_EXERCISE = re.compile(r"### `([A-Za-z_]\w*(?:\.[A-Za-z_]\w*)?)`\s*")
_METADATA = re.compile(
    r"\*difficulty (\d+)/5 · importance (\d+)/5 · (\d+) minutes? · `([A-Za-z_]\w*\.py)`( · bonus)?\*\s*"
)
_LOOKS_LIKE_METADATA = re.compile(r"\W*difficulty\b.*\bimportance\b|\W*difficulty\s+\d+\s*/", re.IGNORECASE)
_HINT = re.compile(r"\s*<details([^>]*)>\s*<summary>(.*?)</summary>(.*)</details>.*", re.DOTALL)
_ANSWERS = re.compile(r"(What|Why|The answer|It gives)\b")  # how the title of a fold begins that isn't a hint


class ReadmeError(ValueError):
    """A day's README breaks its grammar; the message starts with file:line."""


@dataclass(frozen=True)
class Hint:
    """One `<details>` below an exercise: its summary, and the Markdown inside."""

    title: str
    text: str

    @property
    def short_title(self) -> str:
        """The title where a reader knows already that it is a hint: "Hint: in which order?" is "in which order?"."""
        return self.title.removeprefix("Hint:").strip()


@dataclass(frozen=True)
class Exercise:
    """One `###` heading: a function, a class or a `Class.method` that a pair writes."""

    name: str
    section: str  # the module's stem
    line: int  # of the heading in the README
    difficulty: int
    importance: int
    minutes: int
    module: str  # "attention.py"
    bonus: bool
    hints: tuple[Hint, ...] = ()


@dataclass(frozen=True)
class Section:
    """One numbered `##` heading, which shares its name with a module."""

    name: str
    title: str
    bonus: bool
    exercises: tuple[Exercise, ...] = ()


@dataclass
class _Details:
    """A top-level `<details>` block: whole, wherever it opens and closes."""

    line: int
    lines: list[str] = field(default_factory=list)


def read_readme(text: str, file: str, modules: set[str]) -> tuple[str, tuple[Section, ...], int]:
    """Title, sections, and words outside hints, code, pictures, comments and metadata.

    `modules` are the stems that a section's exercises may lie in; `file` is the name that errors start with.
    """
    title, words = "", 0
    sections: dict[str, Section] = {}
    names: dict[str, int] = {}  # the line of each exercise's heading
    section: Section | None = None
    exercise: Exercise | None = None
    heading: tuple[int, str, Section] | None = None

    def error(line: int, message: str) -> ReadmeError:
        return ReadmeError(f"{file}:{line}: {message}")

    for number, line in _scan(text, file):
        if heading:  # the line before was an exercise's
            at, name, section = heading
            exercise = _exercise(at, name, section, line, partial(error, number))
            sections[section.name] = section = replace(section, exercises=(*section.exercises, exercise))
            heading = None
        elif isinstance(line, _Details):
            if section and exercise:
                hint = _HINT.fullmatch("\n".join(line.lines))
                if not hint:
                    raise error(line.line, "a hint starts with <details><summary>its title</summary>")
                found = Hint(" ".join(hint[2].split()), hint[3].strip())
                if 'class="answer"' in hint[1]:
                    continue
                if _ANSWERS.match(found.title):
                    raise error(
                        line.line, f'{found.title!r} is no hint, is it? Then begin it with <details class="answer">'
                    )
                exercise = replace(exercise, hints=(*exercise.hints, found))
                sections[section.name] = section = replace(section, exercises=(*section.exercises[:-1], exercise))
        elif _LOOKS_LIKE_METADATA.match(line):
            raise error(number, "a metadata line stands directly below its heading, which reads ### `name`")
        else:
            words += _words(line)
            if re.match(r"#{1,3} ", line):
                exercise = None
            if line.startswith("# ") and not title:
                title = line[2:].strip()
            elif line.startswith("## "):
                section = _section(line, sections, partial(error, number))
                if section:
                    sections[section.name] = section
            elif re.fullmatch(r"###\s*`[^`]*`\s*", line):
                found = _EXERCISE.fullmatch(line)
                if not found:
                    raise error(number, "the heading of an exercise reads ### `function`, `Class` or `Class.method`")
                name = found[1]
                if not section:
                    raise error(number, f"`{name}` stands in no section; one starts with '## 2. Attention: …'")
                if section.name not in modules:
                    raise error(number, f"there is no solution/{section.name}.py for this section's exercises")
                if name in names:
                    raise error(number, f"there is an exercise `{name}` already, in line {names[name]}")
                names[name], heading = number, (number, name, section)
    if heading:
        raise error(heading[0], f"below `{heading[1]}` a metadata line is missing")
    if not title:
        raise error(1, "the README has no title; it reads '# W2D1 · GPT-2'")
    # A numbered heading with neither exercises nor a module is plain text.
    return title, tuple(part for part in sections.values() if part.exercises or part.name in modules), words


def _section(line: str, known: dict[str, Section], error: Callable[[str], ReadmeError]) -> Section | None:
    """The section that a `##` heading starts; None for a heading without a number."""
    found = _SECTION.fullmatch(line)
    if not found:
        if re.match(r"##\s+\d", line):
            raise error("the heading of a section reads '## 2. Attention: where tokens talk'")
        return None
    name = found[2].lower()
    if name in known:
        raise error(f"there is a section {name} already")
    return Section(name, found[1].strip(), bool(found[3]))


def _exercise(
    at: int, name: str, section: Section, line: str | _Details, error: Callable[[str], ReadmeError]
) -> Exercise:
    """The exercise of the heading in line `at`, with the metadata of the line below it."""
    found = _METADATA.fullmatch(line) if isinstance(line, str) else None
    if not found:
        form = f"*difficulty 2/5 · importance 5/5 · 10 minutes · `{section.name}.py`*"
        raise error(f"the line below the heading `{name}` must read {form}")
    difficulty, importance, minutes = (int(figure) for figure in found.groups()[:3])
    for what, figure in (("difficulty", difficulty), ("importance", importance)):
        if not 1 <= figure <= 5:
            raise error(f"{what} is {figure}; it goes from 1 to 5")
    if minutes < 1:
        raise error("an exercise takes at least a minute")
    if found[4] != f"{section.name}.py":
        raise error(f"this section is about {section.name}.py, not {found[4]}")
    bonus = section.bonus or bool(found[5])
    return Exercise(name, section.name, at, difficulty, importance, minutes, found[4], bonus)


def _words(line: str) -> int:
    line = re.sub(r"!\[[^\]]*\]\([^)]*\)|</?[A-Za-z][^>]*>", " ", line)
    return sum(any(letter.isalnum() for letter in word) for word in line.split())


def _scan(text: str, file: str) -> Iterator[tuple[int, str | _Details]]:
    """(line number, line) of the text, without code blocks and comments; a whole <details> block where it ends."""
    # A comment in a code block is code, and a code block in a comment is comment: hence one pass over both.
    code: tuple[int, str] | None = None
    comment: int | None = None
    details: _Details | None = None
    depth = 0
    for number, line in enumerate(text.split("\n"), 1):
        raw, fence = line, re.match(r"[\s>]*(`{3,}|~{3,})(.*)", line)
        if code:
            if fence and fence[1].startswith(code[1]) and not fence[2].strip():
                code = None
            line = ""
        elif fence and not comment and not (fence[1][0] == "`" and "`" in fence[2]):
            code, line = (number, fence[1]), ""
        else:
            line, comment = _without_comments(line, number, comment)
            raw = line
        tags = re.sub(r"`[^`]*`", "", line)
        if not details and re.match(r"\s*<details\b", tags):
            details = _Details(number)
        if not details:
            yield number, line
            continue
        details.lines.append(raw)
        depth += len(re.findall(r"<details\b", tags)) - tags.count("</details>")
        if depth <= 0:
            yield number, details
            details, depth = None, 0
    for start, what in (
        (code and code[0], "code block"),
        (comment, "comment"),
        (details and details.line, "<details>"),
    ):
        if start:
            raise ReadmeError(f"{file}:{start}: this {what} is never closed")


def _without_comments(line: str, number: int, comment: int | None) -> tuple[str, int | None]:
    """The line without its HTML comments, and the number of the line in which one still open was opened."""
    kept = ""
    while True:
        if comment:
            _, closed, line = line.partition("-->")
            if not closed:
                return kept, comment
        # In `code` the four signs open nothing.
        opened = next((match for match in re.finditer("`[^`]*`|<!--", line) if match[0] == "<!--"), None)
        if not opened:
            return kept + line, None
        kept, line, comment = kept + line[: opened.start()], line[opened.end() :], number
