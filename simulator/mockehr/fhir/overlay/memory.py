"""What was written, in dictionaries of one process: fast, and gone with it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from math import inf
from typing import Any

from mockehr.fhir.overlay.model import Kept, Key, indexed_identifiers, living
from mockehr.fhir.record import Record

Bucket = dict[str, Record]
"""Current records by id, in order."""


class MemoryOverlay:
    """Versions in a list; the current ones by key, type, patient and identifier. Single-threaded, like its site."""

    alone = True

    def __init__(self) -> None:
        self._log: list[Record] = []
        self._current: dict[Key, Record] = {}
        self._numbers: dict[Key, list[int]] = {}
        self._by_type: dict[str, Bucket] = {}
        self._buckets: dict[tuple[str, ...], Bucket] = {}
        """By (type, patient), and by (type, system, value) of an identifier."""
        self._serial = 0
        self._begun: list[tuple[int, int]] = []
        """The last number and the serial of each open transaction when it began."""
        self.current = self._current.get

    def versions(self, key: Key) -> Sequence[Record]:
        """See Overlay."""
        return [self._log[number - 1] for number in self._numbers.get(key, ())]

    def of_type(self, resource_type: str) -> Sequence[Record]:
        """See Overlay."""
        return tuple(self._by_type.get(resource_type, {}).values())

    def of_patient(self, resource_type: str, patient: str) -> Sequence[Record]:
        """See Overlay."""
        return living(self._buckets.get((resource_type, patient), {}).values())

    def with_identifier(self, resource_type: str, system: str, value: str) -> Sequence[Record]:
        """See Overlay."""
        return tuple(self._buckets.get((resource_type, system, value.casefold()), {}).values())

    def unwritten(self, resource_type: str, records: Sequence[Record]) -> list[Record]:
        """See Overlay."""
        written = self._by_type.get(resource_type)
        return [record for record in records if record.id not in written] if written else list(records)

    def everything(self) -> Iterator[Record]:
        """See Overlay."""
        for records in self._by_type.values():
            yield from records.values()

    def last(self) -> int:
        """See Overlay."""
        return len(self._log)

    def count(self, resource_type: str, since: float, top: int) -> int:
        """See Overlay. Looks at every version, unless all are meant."""
        if not resource_type and since == -inf:
            return min(top, len(self._log))
        return sum(1 for _ in self._newest(resource_type, since, top))

    def newest(self, resource_type: str, since: float, top: int, offset: int, limit: int) -> Sequence[Record]:
        """See Overlay."""
        return list(islice(self._newest(resource_type, since, top), offset, offset + limit))

    def _newest(self, resource_type: str, since: float, top: int) -> Iterator[Record]:
        log = self._log
        for place in range(min(top, len(log)) - 1, -1, -1):
            record = log[place]
            if record.updated >= since and resource_type in ("", record.resource_type):
                yield record

    def append(self, record: Record) -> int:
        """See Overlay."""
        kind, id = record.resource_type, record.id
        key = f"{kind}/{id}"
        log, before = self._log, self._current.get(key)
        log.append(record)
        number = len(log)
        self._current[key] = record
        if before is None:
            self._numbers[key] = [number]
        else:
            self._numbers[key].append(number)
            for place in _places(before):
                self._buckets[place].pop(id, None)
        of_type = self._by_type.get(kind)
        if of_type is None:
            of_type = self._by_type[kind] = {}
        of_type[id] = record
        for place in _places(record):
            self._buckets.setdefault(place, {})[id] = record
        return number

    def next_serial(self) -> int:
        """See Overlay."""
        self._serial += 1
        return self._serial

    def begin(self) -> None:
        """See Overlay."""
        self._begun.append((len(self._log), self._serial))

    def commit(self) -> None:
        """See Overlay."""
        self._begun.pop()

    def rollback(self) -> None:
        """See Overlay."""
        last, serial = self._begun.pop()
        touched: dict[tuple[str, ...], None] = {}
        while len(self._log) > last:
            touched |= dict.fromkeys(self._withdraw(self._log.pop()))
        for place in touched:
            bucket = self._buckets[place]
            ordered = sorted(bucket.values(), key=lambda record: self._numbers[record.key][-1])
            self._buckets[place] = {record.id: record for record in ordered}
        self._serial = serial

    def _withdraw(self, record: Record) -> Iterator[tuple[str, ...]]:
        """Undo the newest version; gives the buckets that are no longer in order."""
        kind, id, key = record.resource_type, record.id, record.key
        numbers = self._numbers[key]
        numbers.pop()
        for place in _places(record):
            self._buckets[place].pop(id, None)
        if numbers:
            before = self._current[key] = self._by_type[kind][id] = self._log[numbers[-1] - 1]
            for place in _places(before):
                self._buckets.setdefault(place, {})[id] = before
                yield place
            return
        del self._numbers[key], self._current[key], self._by_type[kind][id]
        if not self._by_type[kind]:
            del self._by_type[kind]

    def keep(self) -> Kept:
        """See Overlay."""
        return Kept(tuple(self._log), self._serial)

    def return_to(self, kept: Kept) -> None:
        """See Overlay."""
        self.clear()
        for record in kept.versions:
            self.append(record)
        self._serial = kept.serial

    def clear(self) -> None:
        """See Overlay."""
        held: tuple[Any, ...] = (self._log, self._current, self._numbers, self._by_type)
        for one in (*held, self._buckets):
            one.clear()
        self._serial = 0

    def close(self) -> None:
        """Nothing to let go of."""


def _places(record: Record) -> list[tuple[str, ...]]:
    """The buckets that a current record is in; of a tombstone, only that of its patient."""
    kind = record.resource_type
    places: list[tuple[str, ...]] = [(kind, record.patient)]
    if not record.deleted:
        places += [(kind, *named) for named in indexed_identifiers(record.document)]
    return places
