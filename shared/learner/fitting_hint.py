"""The hint that belongs to a failing test, as far as their words tell."""

import re

from shared.course.readme import Exercise, Hint

ENOUGH = 3  # a word that they share counts 1 in the hint's text and 2 more in its title
SUFFIXES = ("ing", "ed", "s")
# Words that say nothing of what a test or a hint is about.
COMMON = re.findall(
    r"\w+",
    """about after also and any are before but can did does each even every for from get give given has have how into
    its may more most must not only other same should some such than that the their them then there these they this
    those was what when where which will with without you your""",
)


def fitting_hint(exercise: Exercise, says: str) -> Hint | None:
    """The hint whose words are most like those of `says`, what the failing test says; None if none is like it."""
    wanted = _words(says)

    def likeness(hint: Hint) -> int:
        return 2 * len(wanted & _words(hint.title)) + len(wanted & _words(hint.text))

    best = max(exercise.hints, key=likeness, default=None)
    return best if best and likeness(best) >= ENOUGH else None


def _words(text: str) -> set[str]:
    return {_stem(word) for word in re.findall(r"[a-z_]{3,}", text.lower()) if word not in COMMON}


def _stem(word: str) -> str:
    for suffix in SUFFIXES:
        if word.endswith(suffix) and len(word) - len(suffix) >= 3:
            return word.removesuffix(suffix)
    return word
