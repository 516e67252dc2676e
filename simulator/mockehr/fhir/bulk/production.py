"""Making the files of one chunk: a stretch of patients, or what belongs to nobody, for all types of a job at once.

Chunks of a job: first stretches of computed patients, then of patients that were written, then one with what is
nobody's, then one with what was deleted and what could not be exported.
"""

from __future__ import annotations

from collections.abc import Collection, Generator, Sequence
from typing import TYPE_CHECKING, Final

from mockehr.fhir.bulk.job import Job, Segment
from mockehr.fhir.bulk.past import Past
from mockehr.fhir.bulk.segments import Writer
from mockehr.fhir.bulk.selection import Selection
from mockehr.fhir.bulk.source import Roll, Source
from mockehr.fhir.record import Record, encode
from mockehr.fhir.search import TooCostly

if TYPE_CHECKING:
    from mockehr.fhir.server import FhirServer

DELETES: Final = 100
"""Entries of one Bundle that tells of deletions."""


class Members:
    """The patients of a job, cut into chunks. What is written later changes nothing."""

    def __init__(self, job: Job, source: Source, past: Past) -> None:
        self._job = job
        self._past = past
        self._roll: Roll = (source.roll(job.group) if job.group else None) or source.everyone()
        self._written: list[str] | None = None
        self._outside: frozenset[str] = frozenset(job.patients or ())
        """Those that the roll does not tell of."""

    @property
    def listed(self) -> Sequence[str] | None:
        """The patients, if they were listed."""
        return self._job.patients

    @property
    def written(self) -> list[str]:
        """Ids of those that were written at run time."""
        if self._written is None:
            roll = self._roll
            self._written = [
                record.id
                for record in self._past.of_type("Patient")
                if not record.deleted and not roll.covers(record.id) and roll.admits(record.document)
            ]
            self._outside = frozenset(self._written)
        return self._written

    @property
    def stretches(self) -> int:
        """How many chunks of patients there are."""
        size = self._job.chunk
        if self.listed is not None:
            return -(-len(self.listed) // size)
        return -(-self._roll.size // size) + -(-len(self.written) // size)

    def of(self, chunk: int) -> Sequence[str]:
        """Ids of the patients of a chunk."""
        size = self._job.chunk
        if self.listed is not None:
            return self.listed[chunk * size : (chunk + 1) * size]
        computed = -(-self._roll.size // size)
        if chunk < computed:
            return self._roll.page(chunk * size, size)
        start = (chunk - computed) * size
        return self.written[start : start + size]

    @property
    def size(self) -> int:
        """How many they are."""
        return len(self.listed) if self.listed is not None else self._roll.size + len(self.written)

    def chunks_of(self, patients: Collection[str]) -> frozenset[int]:
        """The chunks in which these are; all, if that cannot be told of somebody."""
        found: set[int] = set()
        listed = self.listed if self.listed is not None else self.written
        first = 0 if self.listed is not None else -(-self._roll.size // self._job.chunk)
        places = {patient: place for place, patient in enumerate(listed)}
        for patient in patients:
            if patient in places:
                found.add(first + places[patient] // self._job.chunk)
            elif self.listed is None and self._roll.covers(patient):
                place = self._roll.place(patient)
                if place is None:
                    return frozenset(range(self.stretches))
                found.add(place // self._job.chunk)
        return frozenset(found)

    def covers(self, patient: str) -> bool:
        """Whether somebody is one of them."""
        if self.listed is None and (self._roll.covers(patient) or not self.written):
            return self._roll.covers(patient)
        return patient in self._outside


class Workshop:
    """What is needed to make any chunk of one job."""

    def __init__(self, server: FhirServer, source: Source, job: Job, *, shared: frozenset[str], lines: int) -> None:
        """`shared`: types of what is nobody's that come with patients; `lines`: of one file."""
        self.job = job
        self.source = source
        self.past = Past(server.store, job.last)
        self.members = Members(job, source, self.past)
        self.selection = Selection(server, job)
        self._base = server.store.base
        self._shared = shared
        self._lines = lines
        self._types = frozenset(job.types)

    @property
    def chunks(self) -> int:
        """How many there are."""
        return self.members.stretches + 2

    def make(self, chunk: int) -> Generator[None, None, tuple[Segment, ...]]:
        """Make a chunk, a patient a step; the generator returns its files."""
        writers: dict[tuple[str, str], Writer] = {}
        stretches = self.members.stretches
        if chunk < stretches:
            for patient in self.members.of(chunk):
                self._write(writers, chunk, self._of_patient(patient), own=True)
                yield
        elif chunk == stretches:
            for kind in self.job.types:
                self._write(writers, chunk, self._nobodys(kind), own=False)
                yield
        else:
            self._extras(writers, chunk)
            yield
        order = {kind: place for place, kind in enumerate(self.job.types)}
        ranked = sorted(writers, key=lambda of: (of[0] != "output", order.get(of[1], len(order)), of))
        files = tuple(segment for of in ranked for segment in writers[of].close())
        return files

    def _write(self, writers: dict[tuple[str, str], Writer], chunk: int, records: list[Record], *, own: bool) -> None:
        exported: set[str] = set()
        later: list[Record] = []
        for record in records:
            if record.resource_type == "Provenance" and "Provenance" not in self._types:
                later.append(record)
                continue
            try:
                wanted = self.selection.wants(record)
            except TooCostly as error:
                self._add(writers, "error", "OperationOutcome", chunk, outcome(f"{record.key}: {error}"))
                continue
            if wanted:
                exported.add(record.key)
                self._add(writers, "output", record.resource_type, chunk, self.selection.line(record))
        for record in self.selection.provenance(later, frozenset(exported)) if later else ():
            self._add(writers, "output", "Provenance", chunk, self.selection.line(record))

    def _add(self, writers: dict[tuple[str, str], Writer], section: str, kind: str, chunk: int, line: bytes) -> None:
        writer = writers.get((section, kind))
        if writer is None:
            lines = self._lines if self.job.counted else 0
            writer = writers[section, kind] = Writer(section, kind, chunk, lines)
        writer.add(line)

    def _of_patient(self, patient: str) -> list[Record]:
        """All records of a patient of the types that are wanted."""
        past, wanted = self.past, self._types | ({"Provenance"} if self.job.associated else frozenset())
        if patient in past.dead and self.job.level != "system":
            return []
        computed = self.source.chart(patient, wanted)
        kinds = [kind for kind in computed if kind in wanted]
        kinds += sorted(past.written_kinds(wanted) - set(kinds))
        found: list[Record] = []
        for kind in kinds:
            found += past.chart(patient, kind, computed.get(kind, ()))
        return found

    def _nobodys(self, kind: str) -> list[Record]:
        """What of a type belongs to no patient of the job's, as far as it is exported."""
        whole = self.job.level == "system"
        if not whole and kind not in self._shared:
            return []
        found = self.past.shared(kind, self._base.shared(kind))
        return [one for one in found if not one.patient or (whole and not self.members.covers(one.patient))]

    def _extras(self, writers: dict[tuple[str, str], Writer], chunk: int) -> None:
        job = self.job
        for patient in job.patients or ():
            if patient in self.past.dead or not self._known(patient):
                self._add(writers, "error", "OperationOutcome", chunk, outcome(f"Patient/{patient} is not known"))
        if job.since is None:
            return
        gone = [
            one for kind in job.types for one in self.past.of_type(kind) if one.deleted and one.updated >= job.since
        ]
        gone = [one for one in gone if job.level == "system" or not one.patient or self.members.covers(one.patient)]
        for start in range(0, len(gone), DELETES):
            self._add(writers, "deleted", "Bundle", chunk, deletions(gone[start : start + DELETES]))

    def _known(self, patient: str) -> bool:
        return self._base.read("Patient", patient) is not None or any(
            one.id == patient for one in self.past.of_type("Patient")
        )


def outcome(text: str) -> bytes:
    """An OperationOutcome as a line."""
    issue = {"severity": "error", "code": "processing", "diagnostics": text}
    return encode({"resourceType": "OperationOutcome", "issue": [issue]})


def deletions(records: Sequence[Record]) -> bytes:
    """A transaction Bundle that deletes these (Bulk Data Access 2.0, "Complete Status", field `deleted`)."""
    entries = [{"request": {"method": "DELETE", "url": one.key}} for one in records]
    return encode({"resourceType": "Bundle", "type": "transaction", "entry": entries})
