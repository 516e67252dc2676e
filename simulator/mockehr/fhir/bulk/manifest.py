"""The answer to a poll when all is done (Bulk Data Access 2.0, "Response - Complete Status")."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator
from typing import TYPE_CHECKING

from mockehr.core.clock import instant
from mockehr.core.exchange import JSON
from mockehr.fhir.bulk.job import Job, Note, Segment
from mockehr.fhir.bulk.settings import BulkSettings

if TYPE_CHECKING:
    from mockehr.fhir.bulk.production import Workshop

Url = Callable[[Note], str]


def manifest(job: Job, notes: Iterable[Note], settings: BulkSettings, url: Url) -> JSON:
    """The document; `notes` are its files in the order in which they are listed."""
    sections: dict[str, list[JSON]] = {"output": [], "deleted": [], "error": []}
    for note in notes:
        listed: JSON = {"type": note.kind, "url": url(note)}
        if job.counted:
            listed["count"] = note.lines
        sections[note.section].append(listed)
    token = settings.requires_access_token
    made: JSON = {
        "transactionTime": instant(job.transaction_time, millis=True),
        "request": job.request,
        "requiresAccessToken": str(token).lower() if settings.token_as_text else token,
        "output": sections["output"],
    }
    if sections["deleted"] or job.since is not None:
        made["deleted"] = sections["deleted"]
    return {**made, "error": sections["error"]}


def expected(workshop: Workshop) -> Iterator[Note]:
    """The files of a job that nobody counts: one per chunk and type that may be in it."""
    job, members = workshop.job, workshop.members
    common = workshop.source.kinds
    kinds = [*job.types, *(["Provenance"] if job.associated and "Provenance" not in job.types else ())]
    rare = {kind: members.chunks_of(_whose(workshop, kind)) for kind in kinds if kind not in common}
    for chunk in range(members.stretches):
        for kind in kinds:
            if kind in common or chunk in rare[kind]:
                yield Note("output", kind, chunk, 1, 0, 0, 0, "")
    # These two chunks are small, whatever the size of the job.
    for chunk in (members.stretches, members.stretches + 1):
        yield from (segment.note for segment in whole(workshop.make(chunk)))


def whole(steps: Generator[None, None, tuple[Segment, ...]]) -> tuple[Segment, ...]:
    """What is made, at once."""
    while True:
        try:
            next(steps)
        except StopIteration as done:
            made: tuple[Segment, ...] = done.value
            return made


def _whose(workshop: Workshop, kind: str) -> set[str]:
    """Patients for whom something of a type was written."""
    return {one.patient for one in workshop.past.of_type(kind) if one.patient and not one.deleted}


def percent(job: Job, now: float) -> int:
    """How much of a job is done at a time that is before its end, from 0 to 99."""
    span = job.due - job.kicked_off
    return min(99, max(0, int(100 * (now - job.kicked_off) / span))) if span > 0 else 99
