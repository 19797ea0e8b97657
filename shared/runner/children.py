"""The one loop that starts child after child until a job is done: for tests and for the measurement of strength."""

from collections.abc import Iterator
from dataclasses import dataclass

from shared.runner.process import Child
from shared.runner.protocol import (
    MOST_CHILDREN,
    Diagnosed,
    Diagnosing,
    Died,
    Ended,
    Event,
    Importing,
    Job,
    MutantMeasured,
    Started,
    Tested,
    Unimportable,
    VariantsMeasured,
)


class EnvironmentBroken(RuntimeError):
    """The tests could not be run at all; the message says why."""


@dataclass
class Blamed:
    """A child died, and what it was at is to blame."""

    at: Started | Importing
    death: Died


@dataclass
class TooMany:
    """So many children died that the rest of the job was left."""


def in_children(job: Job, device: str, spare: Child | None = None) -> Iterator[Event | Blamed | TooMany]:
    """All events of a job. What ended a child is told as Blamed and taken out of the job; another child does the rest.

    EnvironmentBroken where a child dies before it was at anything.
    """
    for _ in range(MOST_CHILDREN):
        at: Started | Importing | Diagnosing | None = None
        death = None
        child, spare = spare or Child(device), None
        for event in child.events(job):
            if isinstance(event, Died):
                death = event
                break
            if isinstance(event, Started | Importing | Diagnosing):
                at = event
            elif isinstance(event, Tested | Unimportable | Diagnosed):
                at = None
            yield event
            if isinstance(event, Tested):
                job.done.append(event.test)
            elif isinstance(event, VariantsMeasured):
                job.done.append(f"variants:{event.exercise}")
            elif isinstance(event, MutantMeasured):
                job.done.append(event.key)
            elif isinstance(event, Ended):
                return
        assert death is not None  # a child's last event is Ended or Died
        if at is None and not job.done and not job.skip:
            raise EnvironmentBroken(f"the tests could not start: {death.how}\n{death.log.strip()}")
        if at is None or isinstance(at, Diagnosing):
            return  # only what follows the tests was lost
        if isinstance(at, Importing):
            job.broken.append(at.module)
        else:
            job.skip.append(at.exercise if job.mode == "test" else at.test)
        yield Blamed(at, death)
        if job.mode == "test" and job.exercises and set(job.exercises) <= set(job.skip):
            return
    yield TooMany()
