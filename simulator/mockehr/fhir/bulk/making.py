"""Work in steps: making one chunk, on which several may wait, and making all of a job for the sake of its counts."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from typing import Protocol

from mockehr.fhir.bulk.job import Job, Note, Segment
from mockehr.fhir.bulk.production import Workshop


class Maker(Protocol):
    """Who makes chunks and is told when all of a job are made (`mockehr.fhir.bulk.desk.Desk`)."""

    def workshop(self, job: Job) -> Workshop:
        """What makes the chunks of a job."""

    def making(self, job: Job, number: int) -> Making:
        """The making of a chunk, which may be done already or under way."""

    def finish(self, job: Job, notes: list[Note]) -> None:
        """Keep the notes of all files of a job."""


class Making:
    """The making of one chunk, on which several may wait: each drives it on."""

    def __init__(self, work: Generator[None, None, tuple[Segment, ...]], files: tuple[Segment, ...] | None) -> None:
        self._work = work
        self.done = files is not None
        self.files: tuple[Segment, ...] = files or ()
        self.over: Callable[[tuple[Segment, ...]], None] = lambda files: None

    def steps(self) -> Iterator[None]:
        """Drive it on until it is done."""
        while not self.done:
            try:
                next(self._work)
            except StopIteration as stop:
                self.done, self.files = True, stop.value
                self.over(self.files)
                return
            yield


class Counting:
    """Making all chunks of a job once, for the sake of their notes."""

    def __init__(self, desk: Maker, job: Job) -> None:
        self._desk = desk
        self._job = job
        self._notes: list[Note] = []
        self._chunk = 0
        self._chunks: int | None = None
        self._making: Making | None = None

    def steps(self) -> Iterator[None]:
        """Drive it on until it is done."""
        desk, job = self._desk, self._job
        if self._chunks is None:
            self._chunks = desk.workshop(job).chunks
        while self._chunk < self._chunks:
            chunk = self._chunk
            making = self._making = self._making or desk.making(job, chunk)
            yield from making.steps()
            if self._chunk == chunk:  # nobody else came first
                self._notes += [segment.note for segment in making.files]
                self._chunk, self._making = chunk + 1, None
            yield
        desk.finish(job, self._notes)
