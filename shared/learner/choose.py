"""Which exercises a pair means: one by its name, all of a section, or the next one where it names none."""

from shared.course.day import Day, Exercise
from shared.learner import wording
from shared.learner.board import Verdict
from shared.learner.state import read_state, write_state
from shared.learner.verdicts import definition_line, text_of


def named(day: Day, text: str) -> list[str]:
    """The exercises that a word stands for: "causal_mask" for one, "attention" or "attention.py" for a section."""
    section = [exercise.name for exercise in day.exercises if exercise.section == text.removesuffix(".py")]
    known = any(exercise.name == text for exercise in day.exercises)
    return section if section and not known else [day.exercise(text).name]


def next_exercise(day: Day) -> tuple[Exercise, str] | None:
    """The exercise to go on with, and in words why it is this one; None where nothing is left.

    That is the first one that was wrong when it was last tested, else the first one to do. What was never tested is to
    do as long as it is a stub. A bonus comes after the core.
    """
    state = read_state(day)
    wrong, done = state.get("wrong", {}), state.get("done", {})
    ordered = sorted(day.exercises, key=lambda exercise: exercise.bonus)
    for exercise in ordered:
        if wrong.get(exercise.name) is not None:
            return exercise, "wrong when it was last tested"
    for exercise in ordered:
        if done.get(exercise.name) is False or (exercise.name not in done and _is_stub(day, exercise)):
            return exercise, "still to do"
    return None


def step_after(day: Day, folder: str, found: list[Verdict]) -> tuple[str, str | None, str] | None:
    """Where to go on after some exercises that are all done: what, its place, and the command. None where one isn't."""
    if folder != "answers" or any(verdict.state != "done" for verdict in found):
        return None
    following = next_exercise(day)
    if not following or (following[0].bonus and not any(verdict.exercise.bonus for verdict in found)):
        return "the whole day", None, wording.command("test", day.short)  # the board of a finished core
    name = following[0].name
    return name, definition_line(day, following[0], folder), wording.command("hint", day.short, name)


def forget(day: Day, name: str) -> None:
    """This exercise (or file) has new code that no test has seen, so its remembered verdict no longer holds."""
    state = read_state(day)
    for exercise in day.exercises:
        own, new = exercise.name, name.removesuffix(".py")
        if new in (own, exercise.section) or own.startswith(f"{new}.") or new.startswith(f"{own}."):
            for kept in ("wrong", "done"):
                state.get(kept, {}).pop(own, None)
    write_state(day, state)


def _is_stub(day: Day, exercise: Exercise) -> bool:
    text = text_of(day, exercise, day.implementation().name)
    return not text or "NotImplementedError" in text
