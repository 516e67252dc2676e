"""Where exports are ordered, asked after, fetched and cancelled. It knows nothing of sockets, tokens and vendors."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from math import ceil
from typing import TYPE_CHECKING, Any, Final

from mockehr.core.exchange import JSON, Exchange, Reply
from mockehr.core.problem import Problem
from mockehr.fhir.bulk.addresses import Addresses
from mockehr.fhir.bulk.job import Drawer, Job, Note, Segment
from mockehr.fhir.bulk.kickoff import Granted, Order, refused, turn_of, workshop_of
from mockehr.fhir.bulk.making import Counting, Making
from mockehr.fhir.bulk.manifest import expected, manifest, percent
from mockehr.fhir.bulk.names import FileNames, Key, job_name
from mockehr.fhir.bulk.production import Workshop
from mockehr.fhir.bulk.segments import EMPTY, Shelf
from mockehr.fhir.bulk.settings import BulkSettings
from mockehr.fhir.bulk.source import Source
from mockehr.fhir.elements import resource_types
from mockehr.fhir.operations.base import Input

if TYPE_CHECKING:
    from mockehr.fhir.server import FhirServer

KEPT: Final = 64
"""Jobs whose workshops are kept; they are made again when they are wanted."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a poll gives: a manifest, or how far it is."""

    job: Job
    document: JSON | None
    """The manifest; None while it is being made."""
    progress: str = ""
    retry_after: int = 0


@dataclass(frozen=True, slots=True)
class Place:
    """Which file of a job is meant."""

    job: Job
    section: str
    kind: str
    chunk: int
    part: int


class Desk:
    """The exports of one site. What is kept lies in drawers, which several processes may share."""

    def __init__(
        self,
        server: FhirServer,
        source: Source,
        settings: BulkSettings,
        addresses: Addresses,
        drawers: Mapping[str, Drawer] | Any,
        key: Key,
        granted: Callable[[Exchange], Granted | Problem],
    ) -> None:
        """`drawers` gives drawers by name. `granted` tells what the client of an exchange may export."""
        self.settings = settings
        self.addresses = addresses
        self.shelf = Shelf(settings.cache_octets)
        self.wake: Callable[[], None] = lambda: None
        """Called when there is work to do; whoever has a loop sets it."""
        self.tended = False
        """Whether somebody calls `work` all the time. Where time passes by itself, no poll has to wait then."""
        self._server = server
        self._source = source
        self._drawers = drawers
        self._key = key
        self._granted = granted
        self._names = FileNames(key, settings.file_ids, resource_types(server.fhir_version))
        self._workshops: dict[str, Workshop] = {}
        self._under_way: dict[tuple[str, int], Making] = {}
        self._counting: dict[str, Counting] = {}

    # kick-off

    def kick_off(self, exchange: Exchange, given: Input) -> Reply | Problem:
        """202 and where to poll, or why there is no export."""
        drawers, now = self._drawers, self._server.clock.now()
        draft = Order(self._server, self._source, self.settings, self._granted, exchange).draft(given)
        if isinstance(draft, Problem):
            return draft
        latest = drawers["bulk-once"].get(turn_of(draft), now) if draft.group else None
        refusal = refused(self.settings, draft, latest is not None, drawers["bulk"].every(now))
        return refusal or self._accept(exchange, draft)

    def _accept(self, exchange: Exchange, draft: Job) -> Reply:
        settings = self.settings
        number = self._drawers["bulk"].next_number()
        job = replace(draft, number=number, id=job_name(self._key, number, settings.ids))
        self._drawers["bulk"].put(job.id, job, job.expires)
        if settings.once_in and job.group:
            self._drawers["bulk-once"].put(turn_of(job), job.id, job.kicked_off + settings.once_in)
        exchange.notes["job"] = job.id
        if job.counted:
            self._counting[job.id] = Counting(self, job)
            self.wake()
        reply = Reply(settings.kickoff_status)
        reply.headers.append(("Content-Location", self.addresses.status(job.base_url, job.id, job.group)))
        if settings.kickoff_body:
            reply.document = _filled(settings.kickoff_body, job, numbers=settings.ids == "number")
            reply.content_type = "application/json"
        return reply

    # afterwards

    def job(self, id: str, client: str | None) -> Job | Problem:
        """A job of that client's (None: of anybody's); 404 for any other."""
        found = self._drawers["bulk"].get(id, self._server.clock.now())
        if not isinstance(found, Job) or client not in (None, found.client):
            return Problem(404, "not-found", f"there is no export {id[:100]}", value=id[:100])
        return found

    def jobs(self) -> list[Job]:
        """All that there are, oldest first."""
        found: list[Job] = self._drawers["bulk"].every(self._server.clock.now())
        return found

    def poll(self, job: Job) -> Answer | Problem:
        """How far a job is. The manifest of one that is due is made now, unless that work goes on without us."""
        settings, now = self.settings, self._server.clock.now()
        if now >= job.due and not self.goes_on(job):
            for _ in self.steps(job):
                pass
            return Answer(job, self.manifest(job))
        if settings.too_often and settings.retry_after:
            polls = self._drawers["bulk-polls"]
            before = polls.get(job.id, now)
            polls.put(job.id, now, job.expires)
            if before is not None and now < before + settings.retry_after:
                wait = str(ceil(before + settings.retry_after - now))
                return Problem(429, "rate-limited", "the export was asked after too soon", retry_after=wait)
        done = percent(job, now)
        words = {"percent": done, "done": job.size * done // 100, "total": job.size}
        text = settings.progress
        for name, value in words.items():
            text = text.replace("{" + name + "}", str(value))
        return Answer(job, None, text, settings.retry_after)

    def goes_on(self, job: Job) -> bool:
        """Whether files are still being counted, and will be without anybody waiting for it.

        On a clock that stands they are counted at once: there, time alone decides.
        """
        if not self.tended or self._server.clock.frozen or not job.counted:
            return False
        if self._drawers["bulk-notes"].get(job.id, self._server.clock.now()) is not None:
            return False
        if job.id not in self._counting:  # another process took the order, and may be gone
            self._counting[job.id] = Counting(self, job)
            self.wake()
        return True

    def cancel(self, job: Job) -> None:
        """End a job: nothing of it can be fetched any more."""
        now = self._server.clock.now()
        self._drawers["bulk"].take(job.id, now)
        self._drawers["bulk-notes"].take(job.id, now)
        if now < job.due and job.group and self._drawers["bulk-once"].get(turn_of(job), now) == job.id:
            self._drawers["bulk-once"].take(turn_of(job), now)  # one that was not done does not count
        self._counting.pop(job.id, None)
        self._workshops.pop(job.id, None)

    def manifest(self, job: Job) -> JSON:
        """The manifest of a job whose files are counted, or need not be."""
        notes = self.notes(job) if job.counted else expected(self.workshop(job))
        return manifest(job, notes, self.settings, lambda note: self.url_of(job, note))

    def notes(self, job: Job) -> Sequence[Note]:
        """All files of a job that counts, in order; makes what is not made yet."""
        found = self._drawers["bulk-notes"].get(job.id, self._server.clock.now())
        if found is None:
            for _ in self.steps(job):
                pass
            found = self._drawers["bulk-notes"].get(job.id, self._server.clock.now())
        notes: Sequence[Note] = found or ()
        return notes

    def url_of(self, job: Job, note: Note) -> str:
        """Where a file of a job is fetched."""
        name = self._names.encode(job.number, note.section, note.kind, note.chunk, note.part)
        return self.addresses.file(job.base_url, job.id, name, note.kind)

    def locate(self, name: str, job_id: str, client: str | None) -> Place | Problem:
        """A file by its name, and its job's id where its address tells it; `client` None: whoever asks."""
        missing = Problem(404, "not-found", f"there is no file {name[:100]}", value=name[:100])
        found = self._names.decode(name)
        if found is None:
            return missing
        number, section, kind, chunk, part = found
        named = job_name(self._key, number, self.settings.ids) if number else job_id
        job = self.job(named, client)
        if isinstance(job, Problem):
            return job
        place = Place(job, section, kind, chunk, part)
        if (
            job_id not in ("", named)
            or self._server.clock.now() < job.due
            or place.chunk >= self.workshop(job).chunks
        ):
            return missing
        return place

    def file(self, place: Place) -> Segment | Problem:
        """One file. Empty ones exist only where nobody counts."""
        job = place.job
        for segment in self.chunk(job, place.chunk):
            note = segment.note
            if (note.section, note.kind, note.part) == (place.section, place.kind, place.part):
                return segment
        if job.counted or place.part != 1 or place.section != "output":
            return Problem(404, "not-found", f"there is no file {place.kind}.{place.chunk}.{place.part}")
        return EMPTY

    # work

    def workshop(self, job: Job) -> Workshop:
        """What makes the chunks of a job."""
        found = self._workshops.get(job.id)
        if found is None:
            while len(self._workshops) >= KEPT:
                del self._workshops[next(iter(self._workshops))]
            found = self._workshops[job.id] = workshop_of(self._server, self._source, self.settings, job)
        return found

    def chunk(self, job: Job, number: int) -> tuple[Segment, ...]:
        """The files of a chunk, made now if they are not at hand."""
        making = self.making(job, number)
        for _ in making.steps():
            pass
        return making.files

    def making(self, job: Job, number: int) -> Making:
        """The making of a chunk, which may be done already or under way."""
        key = (job.id, number)
        found = self._under_way.get(key)
        if found is None:
            kept = (job.id, number, self._source.generation)
            found = Making(self.workshop(job).make(number), self.shelf.get(kept))
            if found.done:
                return found
            self._under_way[key] = found

            def over(files: tuple[Segment, ...]) -> None:
                self._under_way.pop(key, None)
                self.shelf.put(kept, files)

            found.over = over
        return found

    def steps(self, job: Job) -> Iterator[None]:
        """What is left to do before the manifest of a job can be given; a patient a step."""
        now = self._server.clock.now()
        if not job.counted or self._drawers["bulk-notes"].get(job.id, now) is not None:
            return
        counting = self._counting.get(job.id)
        if counting is None:  # another process took the order
            counting = self._counting[job.id] = Counting(self, job)
        yield from counting.steps()

    def finish(self, job: Job, notes: list[Note]) -> None:
        """Keep the notes of all files of a job."""
        self._drawers["bulk-notes"].put(job.id, tuple(notes), job.expires)
        self._counting.pop(job.id, None)

    def work(self, steps: int) -> bool:
        """Do some steps of the exports that were ordered here; True if there is more to do."""
        while self._counting:
            id, counting = next(iter(self._counting.items()))
            if isinstance(self.job(id, None), Problem):  # cancelled, by whichever process, or over
                del self._counting[id]
                continue
            for _ in counting.steps():
                steps -= 1
                if steps <= 0:
                    return True
        return False

    def end_all(self) -> None:
        """End all jobs, for what they show is no more; their names are not given again."""
        for job in self.jobs():
            self.cancel(job)
        self.clear()

    def clear(self) -> None:
        """Forget all that this process holds; drawers are their owner's."""
        self.shelf.clear()
        self._workshops.clear()
        self._under_way.clear()
        self._counting.clear()


def _filled(told: JSON, job: Job, *, numbers: bool) -> JSON:
    """The body of a kick-off with the names of the job in it, those of digits alone as numbers where ids are."""
    names = {"{job}": job.id, "{group}": job.group}
    made = {}
    for key, value in told.items():
        for name, text in names.items():
            value = value.replace(name, text) if isinstance(value, str) else value
        made[key] = int(value) if numbers and isinstance(value, str) and value.isdecimal() else value
    return made
