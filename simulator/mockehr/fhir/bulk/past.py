"""The store as it stood when its newest version had a certain number: what was written later is looked up and undone.

An export takes a while, and shows one moment. Few versions are written meanwhile, so these are gone through; the
order of what comes out does not change by them, so that a file that is made again is the same to the octet.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from mockehr.fhir.record import Record
from mockehr.fhir.store import Store


class Past:
    """A view of a store. It is cheap as long as nothing was written since."""

    def __init__(self, store: Store, number: int) -> None:
        """As it was when `store.last` was `number`."""
        self._store = store
        self._seen = number
        self._then: dict[str, Record | None] = {}
        """What was written over since → its version then; None if it was not written yet."""
        self._of_type: dict[str, list[Record]] = {}
        self._dead: frozenset[str] | None = None
        self._kinds: frozenset[str] | None = None

    def chart(self, patient: str, kind: str, computed: Sequence[Record]) -> list[Record]:
        """One patient's records of a type; `computed` are the base's."""
        store, then = self._store, self._refreshed()
        unwritten, written = store.over(patient, kind, computed)
        if then:
            free = {record.id for record in unwritten}
            unwritten = [r for r in computed if (r.id in free if r.key not in then else self._was_computed(r.key))]
            written = [record for record in written if record.key not in then]
            written += [r for r in self._revived(kind) if r.patient == patient and not r.deleted]
        return unwritten + _ordered(written) if written else unwritten

    def of_type(self, kind: str) -> list[Record]:
        """Everything of a type that had been written, tombstones included."""
        then = self._refreshed()
        found = self._of_type.get(kind)
        if found is None:
            now = self._store.overlay(kind)
            found = _ordered([*(one for one in now if one.key not in then), *self._revived(kind)])
            self._of_type[kind] = found
        return found

    def shared(self, kind: str, computed: Sequence[Record]) -> list[Record]:
        """Records of a type that are nobody's, and whatever of it was written for a patient comes last."""
        over = {record.id for record in self.of_type(kind)}
        return [one for one in computed if one.id not in over] + [r for r in self.of_type(kind) if not r.deleted]

    @property
    def dead(self) -> frozenset[str]:
        """Ids of patients who had been deleted."""
        self._refreshed()
        if self._dead is None:
            self._dead = frozenset(record.id for record in self.of_type("Patient") if record.deleted)
        return self._dead

    def written_kinds(self, kinds: Iterable[str]) -> frozenset[str]:
        """Which of these types anything was written of."""
        self._refreshed()
        if self._kinds is None:
            self._kinds = frozenset(kind for kind in kinds if self._store.overlay(kind))
        return self._kinds

    def _revived(self, kind: str) -> list[Record]:
        return [one for one in self._then.values() if one is not None and one.resource_type == kind]

    def _was_computed(self, key: str) -> bool:
        """Whether nothing had been written over a computed record that is written over now."""
        return self._then[key] is None

    def _refreshed(self) -> dict[str, Record | None]:
        last = self._store.last
        if last > self._seen:
            fresh = self._store.versions().page(0, last - self._seen)
            first: dict[str, Record] = {}
            for record in fresh:  # the newest first
                first[record.key] = record
            for key, record in first.items():
                if key not in self._then:
                    self._then[key] = self._before(record)
            self._of_type.clear()
            self._dead = self._kinds = None
            self._seen = last
        return self._then

    def _before(self, record: Record) -> Record | None:
        """The version that was written before this one, if there was one; what the base computes is none."""
        written = self._store.rewritten(record.resource_type, record.id)
        return next((one for one in reversed(written) if one.version < record.version), None)


def _ordered(records: Iterable[Record]) -> list[Record]:
    """In an order that later writes do not change."""
    return sorted(records, key=lambda record: (record.updated, record.resource_type, record.id))
