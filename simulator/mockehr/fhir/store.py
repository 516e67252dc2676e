"""Where a site's resources are: an immutable base that is computed, and everything that was written since on top.

The base is a population (a function, no memory) or nothing; only what was written lies in the store's overlay, in
memory or in a file (`mockehr.fhir.overlay`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from math import inf
from typing import Protocol

from mockehr.core.changes import Change, ChangeLog, Kind, Source
from mockehr.core.clock import Clock
from mockehr.core.exchange import JSON
from mockehr.fhir.overlay import Kept, MemoryOverlay, Overlay, Overtaken, identifiers_of
from mockehr.fhir.record import Record, encode, patient_of

__all__ = [
    "Base", "EmptyBase", "Hits", "Kept", "ListHits", "Overtaken", "Store", "VersionHits", "identifiers_of",
    "written_id",
]  # fmt: skip


class Hits(Protocol):
    """Matches that can be counted and cut into pages without holding them all."""

    @property
    def total(self) -> int | None:
        """The exact number of matches, or None if counting would mean looking at everything."""

    def page(self, offset: int, limit: int) -> Sequence[Record]:
        """Up to `limit` records from `offset`, in stable order."""


class Base(Protocol):
    """What a site has before anything was written. Everything it gives is the same at every call."""

    @property
    def generation(self) -> int:
        """Changes whenever anything that the base gives may have changed."""

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

    generation = 0

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


def written_id(resource_type: str, number: int) -> str:
    """`w1`, `w2` …"""
    return f"w{number}"


class VersionHits:
    """Versions that were written, the newest first, fetched page by page; what is written later moves no page."""

    def __init__(self, overlay: Overlay, resource_type: str, since: float) -> None:
        self._overlay = overlay
        self._asked = (resource_type, since, overlay.last())
        self._total = overlay.count(*self._asked)

    @property
    def total(self) -> int | None:
        """How many there were when this was asked for."""
        return self._total

    def page(self, offset: int, limit: int) -> Sequence[Record]:
        """Up to `limit` of them from `offset`."""
        return self._overlay.newest(*self._asked, offset, limit)


class Store:
    """The resources of one site: base and overlay, versions and tombstones. Single-threaded, like its site.

    Where several processes share an overlay, what one writes is read by all, and each has a change log of its own
    that tells of what it wrote itself.
    """

    def __init__(
        self,
        base: Base,
        clock: Clock,
        log: ChangeLog,
        *,
        id_form: Callable[[str, int], str] = written_id,
        overlay: Overlay | None = None,
    ) -> None:
        """`id_form` makes the id of the n-th written resource (n from 1) of a type.

        `overlay` is in memory unless told; the log goes on from its last number.
        """
        self.base = base
        self.log = log
        self._clock = clock
        self._id_form = id_form
        self._overlay = overlay or _in_memory()
        self._alone = self._overlay.alone
        self._current = self._overlay.current
        self._depth = 0
        self.epoch = 0
        """Goes up whenever numbers begin to be given again: what was written since may differ under the same ones."""
        log.go_on_after(self._overlay.last())

    @property
    def alone(self) -> bool:
        """Whether no other process can write to the same overlay."""
        return self._alone

    def read(self, resource_type: str, id: str) -> Record | None:
        """The current version, a tombstone (`deleted`), or None if there never was such a resource."""
        return self._current(f"{resource_type}/{id}") or self.base.read(resource_type, id)

    def read_version(self, resource_type: str, id: str, version: int) -> Record | None:
        """One version, or None."""
        return next((r for r in self.history(resource_type, id) if r.version == version), None)

    def history(self, resource_type: str, id: str) -> list[Record]:
        """All versions, oldest first."""
        first = self.base.read(resource_type, id)
        return [*([first] if first else ()), *self._overlay.versions(f"{resource_type}/{id}")]

    def versions(self, resource_type: str = "", *, since: float = -inf) -> VersionHits:
        """Every version of a type (empty: of all) that was written here at `since` (site seconds) or later.

        The newest first. What the base computes was always there and is not among them.
        """
        return VersionHits(self._overlay, resource_type, since)

    @property
    def last(self) -> int:
        """The number of the newest version that was written; 0 if nothing was. Its change carries the same."""
        return self._overlay.last()

    def overlay(self, resource_type: str) -> Sequence[Record]:
        """Current versions of everything of that type that was written here, tombstones included."""
        return self._overlay.of_type(resource_type)

    def chart(self, patient: str, resource_type: str) -> list[Record]:
        """The current records of that type in one patient's chart: the base's first, then what was written."""
        unwritten, written = self.over(patient, resource_type, self.base.chart(patient, resource_type))
        unwritten += written
        return unwritten

    def over(
        self, patient: str, resource_type: str, computed: Sequence[Record]
    ) -> tuple[list[Record], Sequence[Record]]:
        """Which of a chart's computed records nothing was written over, and what was written for the patient."""
        unwritten = self._overlay.unwritten(resource_type, computed)
        return unwritten, self._overlay.of_patient(resource_type, patient)

    def rewritten(self, resource_type: str, id: str) -> Sequence[Record]:
        """All versions of one resource that were written here, oldest first; what the base computes is none."""
        return self._overlay.versions(f"{resource_type}/{id}")

    def written_with(self, resource_type: str, system: str, value: str) -> list[Record]:
        """The current records of that type that were written here and carry that identifier, oldest first."""
        return [
            record
            for record in self.written_like(resource_type, system, value)
            if (system, value) in identifiers_of(record.document)
        ]

    def written_like(self, resource_type: str, system: str, value: str) -> list[Record]:
        """The same, for identifiers whose value is written in any case."""
        return list(self._overlay.with_identifier(resource_type, system, value))

    def shared(self, resource_type: str) -> list[Record]:
        """The current records of that type that belong to nobody's chart."""
        kept = self._overlay.unwritten(resource_type, self.base.shared(resource_type))
        return kept + [record for record in self._overlay.of_type(resource_type) if not record.deleted]

    def new_id(self, resource_type: str) -> str:
        """An id that nothing has yet."""
        while True:
            id = self._id_form(resource_type, self._overlay.next_serial())
            if self.read(resource_type, id) is None:
                return id

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Everything that is written within becomes visible together, and is told to listeners afterwards.

        On an exception all of it is undone: versions, ids, the change log. Reads within see its writes; nobody else
        writes meanwhile, so that what is read stays true until the end. One within another is undone alone. Raises
        EnvironmentProblem if the overlay cannot be written.
        """
        self._overlay.begin()
        count = len(self.log.changes)
        self._depth += 1
        try:
            yield
            self._overlay.commit()
        except BaseException:
            self._overlay.rollback()
            self.epoch += 1
            self.log.withdraw(count)
            raise
        finally:
            self._depth -= 1
        if not self._depth:
            self.log.tell()

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
        over: int | None = None,
    ) -> Record:
        """Store `document` (with `resourceType` and `id`) as a new version and tell the change log.

        `body` keeps the original octets of an import; without it the document is encoded. `patient` says whose it is
        where the document does not (a tombstone). `over` is the version that must be the current one, 0 for none;
        raises Overtaken if it is not. What was read within the same transaction needs no `over`.
        """
        if not self._alone and not self._depth:
            with self.transaction():
                return self.commit(
                    document, kind=kind, source=source, event=event, entry=entry,
                    body=body, patient=patient, over=over,
                )  # fmt: skip
        resource_type, id = document["resourceType"], document["id"]
        before = self.read(resource_type, id)
        version = before.version + 1 if before else 1
        if over is not None and over != version - 1:
            raise Overtaken(f"{resource_type}/{id}", over, version - 1)
        now = self._clock.now()
        # What comes from the encoder lies in a buffer of 4 KiB at least: a copy of exact size is kept.
        octets, of = body or bytes(memoryview(encode(document))), patient or patient_of(document)
        record = Record(resource_type, id, version, now, document, octets, of, deleted=kind == "delete")
        number = self._overlay.append(record)
        note = self.log.append if self._depth else self.log.commit
        was = before.document if before is not None and not before.deleted else None
        note(Change(number, kind, resource_type, id, version, now, source, document, of, event, entry, was))
        return record

    def written(self) -> Iterator[Record]:
        """Every current record that was written here, tombstones included, type by type."""
        return self._overlay.everything()

    def keep(self) -> Kept:
        """What was written until now, to return to."""
        return self._overlay.keep()

    def return_to(self, kept: Kept) -> None:
        """Make what was written the same as it was then. The change log is left to its owner."""
        self._refuse_within("return to what was kept")
        self.epoch += 1
        self._overlay.return_to(kept)

    def clear(self) -> None:
        """Forget everything that was written. The change log is left to its owner."""
        self._refuse_within("forget everything")
        self.epoch += 1
        self._overlay.clear()

    def close(self) -> None:
        """Let go of the overlay's files; nothing else may be asked afterwards. May be called twice."""
        self._overlay.close()

    def _refuse_within(self, what: str) -> None:
        if self._depth:
            raise RuntimeError(f"a store cannot {what} within a transaction")


def _in_memory() -> Overlay:
    return MemoryOverlay()
