"""Where a site's resources are: an immutable base that is computed, and everything that was written since on top.

The base is a population (a function, no memory) or nothing; only what was written lies in this store.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from mockehr.core.changes import Change, ChangeLog, Kind, Source
from mockehr.core.clock import Clock
from mockehr.core.exchange import JSON
from mockehr.fhir.record import Record, encode, patient_of


class Hits(Protocol):
    """Matches that can be counted and cut into pages without holding them all."""

    @property
    def total(self) -> int | None:
        """The exact number of matches, or None if counting would mean looking at everything."""

    def page(self, offset: int, limit: int) -> Sequence[Record]:
        """Up to `limit` records from `offset`, in stable order."""


class Base(Protocol):
    """What a site has before anything was written. Everything it gives is the same at every call."""

    def read(self, resource_type: str, id: str) -> Record | None:
        """One record, or None."""

    def chart(self, patient: str, resource_type: str) -> Sequence[Record]:
        """The records of that type in one patient's chart; empty if the patient is unknown."""

    def shared(self, resource_type: str) -> Sequence[Record]:
        """Records of a type that belongs to nobody's chart (Practitioner, Organization, Location, Medication)."""

    def patients(self, parameters: Sequence[tuple[str, str]]) -> Hits | None:
        """Patients by those search parameters, or None if they cannot be answered by computation."""

    def everyone(self) -> Iterator[str]:
        """The ids of all patients, made as they are asked for."""

    def hides(self, resource_type: str, id: str) -> bool:
        """Whether that record can be read but is never found by a search."""

    def issues(self, system: str) -> bool:
        """Whether any record here can carry an identifier of that system; False only if none does."""


class EmptyBase:
    """A base without anything: a site that only knows what was imported or written."""

    def read(self, resource_type: str, id: str) -> Record | None:
        """Always None."""
        return None

    def chart(self, patient: str, resource_type: str) -> Sequence[Record]:
        """Always empty."""
        return ()

    def shared(self, resource_type: str) -> Sequence[Record]:
        """Always empty."""
        return ()

    def patients(self, parameters: Sequence[tuple[str, str]]) -> Hits | None:
        """No matches."""
        return ListHits(())

    def everyone(self) -> Iterator[str]:
        """Nobody."""
        return iter(())

    def hides(self, resource_type: str, id: str) -> bool:
        """Never."""
        return False

    def issues(self, system: str) -> bool:
        """Never."""
        return False


class ListHits:
    """Matches that are held in a list."""

    def __init__(self, records: Sequence[Record]) -> None:
        self._records = records

    @property
    def total(self) -> int | None:
        """How many there are."""
        return len(self._records)

    def page(self, offset: int, limit: int) -> Sequence[Record]:
        """A slice of them."""
        return self._records[offset : offset + limit]


@dataclass(frozen=True, slots=True)
class Kept:
    """A store's overlay at one moment; see `Store.keep`."""

    versions: Mapping[str, tuple[Record, ...]]
    serial: int


def written_id(resource_type: str, number: int) -> str:
    """`w1`, `w2` …"""
    return f"w{number}"


class Store:
    """The resources of one site: base and overlay, versions and tombstones. Single-threaded, like its site."""

    def __init__(
        self, base: Base, clock: Clock, log: ChangeLog, *, id_form: Callable[[str, int], str] = written_id
    ) -> None:
        """`id_form` makes the id of the n-th written resource (n from 1) of a type."""
        self.base = base
        self.log = log
        self._clock = clock
        self._versions: dict[str, list[Record]] = {}
        self._by_type: dict[str, dict[str, Record]] = {}
        self._by_patient: dict[tuple[str, str], dict[str, Record]] = {}
        self._by_identifier: dict[tuple[str, str, str], dict[str, Record]] = {}
        self._serial = 0
        self._id_form = id_form

    def read(self, resource_type: str, id: str) -> Record | None:
        """The current version, a tombstone (`deleted`), or None if there never was such a resource."""
        written = self._versions.get(f"{resource_type}/{id}")
        return written[-1] if written else self.base.read(resource_type, id)

    def read_version(self, resource_type: str, id: str, version: int) -> Record | None:
        """One version, or None."""
        return next((r for r in self.history(resource_type, id) if r.version == version), None)

    def history(self, resource_type: str, id: str) -> list[Record]:
        """All versions, oldest first."""
        first = self.base.read(resource_type, id)
        return ([first] if first else []) + self._versions.get(f"{resource_type}/{id}", [])

    def overlay(self, resource_type: str) -> Sequence[Record]:
        """Current versions of everything of that type that was written here, tombstones included."""
        return tuple(self._by_type.get(resource_type, {}).values())

    def chart(self, patient: str, resource_type: str) -> list[Record]:
        """The current records of that type in one patient's chart: the base's first, then what was written."""
        written = self._by_type.get(resource_type)
        records = self.base.chart(patient, resource_type)
        if not written:
            return list(records)
        kept = [record for record in records if record.id not in written]
        own = self._by_patient.get((resource_type, patient), {})
        return kept + [record for record in own.values() if not record.deleted]

    def written_with(self, resource_type: str, system: str, value: str) -> list[Record]:
        """The current records of that type that were written here and carry that identifier, oldest first."""
        return list(self._by_identifier.get((resource_type, system, value), {}).values())

    def shared(self, resource_type: str) -> list[Record]:
        """The current records of that type that belong to nobody's chart."""
        written = self._by_type.get(resource_type, {})
        kept = [record for record in self.base.shared(resource_type) if record.id not in written]
        return kept + [record for record in written.values() if not record.deleted]

    def new_id(self, resource_type: str) -> str:
        """An id that nothing has yet."""
        while True:
            self._serial += 1
            id = self._id_form(resource_type, self._serial)
            if self.read(resource_type, id) is None:
                return id

    def commit(
        self,
        document: JSON,
        *,
        kind: Kind,
        source: Source,
        event: str = "",
        entry: int = 0,
        body: bytes = b"",
        patient: str = "",
    ) -> Record:
        """Store `document` (with `resourceType` and `id`) as a new version and tell the change log.

        `body` keeps the original octets of an import; without it the document is encoded. `patient` says whose it is
        where the document does not (a tombstone).
        """
        resource_type, id = document["resourceType"], document["id"]
        before = self.read(resource_type, id)
        version = before.version + 1 if before else 1
        now = self._clock.now()
        octets, of = body or encode(document), patient or patient_of(document)
        record = Record(resource_type, id, version, now, document, octets, of, deleted=kind == "delete")
        self._versions.setdefault(record.key, []).append(record)
        self._place(record)
        number = self.log.next_number()
        self.log.commit(
            Change(
                number, kind, resource_type, id, version, now, source, document, patient=of, event=event, entry=entry
            )
        )
        return record

    def written(self) -> Iterator[Record]:
        """Every current record that was written here, tombstones included, type by type."""
        for records in self._by_type.values():
            yield from records.values()

    def keep(self) -> Kept:
        """What was written until now, to return to."""
        return Kept({key: tuple(records) for key, records in self._versions.items()}, self._serial)

    def return_to(self, kept: Kept) -> None:
        """Make what was written the same as it was then."""
        self.clear()
        self._serial = kept.serial
        for key, records in kept.versions.items():
            self._versions[key] = list(records)
            self._place(records[-1])

    def clear(self) -> None:
        """Forget everything that was written."""
        self._versions.clear()
        self._by_type.clear()
        self._by_patient.clear()
        self._by_identifier.clear()
        self._serial = 0

    def _place(self, record: Record) -> None:
        """Make the record the current one, found by type, patient and identifiers."""
        kind, id = record.resource_type, record.id
        of_type = self._by_type.setdefault(kind, {})
        before = of_type.get(id)
        of_type[id] = record
        if before is not None:
            self._by_patient.get((kind, before.patient), {}).pop(id, None)
            for system, value in identifiers_of(before.document):
                self._by_identifier.get((kind, system, value), {}).pop(id, None)
        self._by_patient.setdefault((kind, record.patient), {})[id] = record
        if not record.deleted:
            for system, value in identifiers_of(record.document):
                self._by_identifier.setdefault((kind, system, value), {})[id] = record


def identifiers_of(document: JSON) -> Iterator[tuple[str, str]]:
    """(system, value) of every identifier that has a value; the system may be empty."""
    given = document.get("identifier", ())
    for one in given if isinstance(given, list) else (given,):
        if isinstance(one, dict) and isinstance(one.get("value"), str):
            system = one.get("system")
            yield system if isinstance(system, str) else "", one["value"]
