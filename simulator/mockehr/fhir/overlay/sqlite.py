"""What was written, in a SQLite file: lasts, and may be shared by several processes of one machine."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from mockehr.core.errors import EnvironmentProblem
from mockehr.fhir.overlay.file import open_file
from mockehr.fhir.overlay.form import beside, document_of, restored, storable
from mockehr.fhir.overlay.model import Kept, Key, indexed_identifiers
from mockehr.fhir.record import Record

REMEMBERED: Final = 20_000
"""Keys of which the current version is remembered, and records that need not be parsed again; then anew."""
_COLUMNS: Final = "v.type, v.id, v.version, v.updated, v.patient, v.deleted, v.body, v.document"
_CURRENT: Final = f"SELECT {_COLUMNS} FROM current c JOIN versions v ON v.number = c.number WHERE c.type = ?"
_ADD: Final = "INSERT INTO versions VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
_PLACE: Final = (
    "INSERT INTO current VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (type, id) DO UPDATE"
    " SET number = excluded.number, patient = excluded.patient, deleted = excluded.deleted"
)
_NEWEST: Final = "FROM versions v WHERE v.number <= ? AND v.updated >= ?"


class SqliteOverlay:
    """Versions in a table, the current ones by key, type, patient and identifier in others.

    What was read is remembered until another connection has written (`PRAGMA data_version`). Every method raises
    EnvironmentProblem where the file cannot be read or written, or another process holds it for too long.
    """

    alone = False

    def __init__(self, path: Path, identity: Mapping[str, str]) -> None:
        """Open the file or make it; `identity` says whose it is. Raises EnvironmentProblem, as `open_file` does."""
        self.path = path
        self._connection: sqlite3.Connection | None = open_file(path, identity)
        self._execute = self._connection.execute
        self._depth = 0
        self._seen = -1
        self._known: dict[Key, Record | None] = {}
        self._known_types: dict[str, tuple[Record, ...]] = {}
        self._parsed: dict[Key, Record] = {}

    def current(self, key: Key, /) -> Record | None:
        """See Overlay."""
        self._look_whether_others_wrote()
        return self._newest_of(key)

    def versions(self, key: Key) -> Sequence[Record]:
        """See Overlay."""
        narrowed = f"SELECT {_COLUMNS} FROM versions v WHERE v.type = ? AND v.id = ? ORDER BY v.version"
        return self._records(narrowed, *_parts(key))

    def of_type(self, resource_type: str) -> Sequence[Record]:
        """See Overlay."""
        self._look_whether_others_wrote()
        found = self._known_types.get(resource_type)
        if found is None:
            found = tuple(self._records(f"{_CURRENT} ORDER BY c.first", storable(resource_type)))
            self._known_types[resource_type] = found
        return found

    def of_patient(self, resource_type: str, patient: str) -> Sequence[Record]:
        """See Overlay."""
        narrowed = f"{_CURRENT} AND c.patient = ? AND c.deleted = 0 ORDER BY c.number"
        return self._records(narrowed, storable(resource_type), storable(patient))

    def with_identifier(self, resource_type: str, system: str, value: str) -> Sequence[Record]:
        """See Overlay."""
        narrowed = (
            f"SELECT {_COLUMNS} FROM identifiers i JOIN versions v ON v.number = i.number"
            " WHERE i.type = ? AND i.system = ? AND i.value = ? ORDER BY i.number"
        )
        return self._records(narrowed, *map(storable, (resource_type, system, value.casefold())))

    def unwritten(self, resource_type: str, records: Sequence[Record]) -> list[Record]:
        """See Overlay."""
        self._look_whether_others_wrote()
        return [record for record in records if self._newest_of(f"{resource_type}/{record.id}") is None]

    def everything(self) -> Iterator[Record]:
        """See Overlay."""
        for (kind,) in self._ask("SELECT type FROM current GROUP BY type ORDER BY min(first)"):
            yield from self.of_type(restored(kind))

    def last(self) -> int:
        """See Overlay."""
        return self._number("SELECT ifnull(max(number), 0) FROM versions")

    def count(self, resource_type: str, since: float, top: int) -> int:
        """See Overlay."""
        if resource_type:
            asked = f"SELECT count(*) {_NEWEST} AND v.type = ?"
            return self._number(asked, top, since, storable(resource_type))
        return self._number(f"SELECT count(*) {_NEWEST}", top, since)

    def newest(self, resource_type: str, since: float, top: int, offset: int, limit: int) -> Sequence[Record]:
        """See Overlay."""
        narrowed, values = (" AND v.type = ?", (storable(resource_type),)) if resource_type else ("", ())
        page = f"SELECT {_COLUMNS} {_NEWEST}{narrowed} ORDER BY v.number DESC LIMIT ? OFFSET ?"
        return self._records(page, top, since, *values, limit, offset)

    def append(self, record: Record) -> int:
        """See Overlay."""
        assert self._depth, "versions are appended within a transaction"
        kind, id, patient = storable(record.resource_type), storable(record.id), storable(record.patient)
        number = self.last() + 1
        row = (kind, id, record.version, record.updated, patient, record.deleted)
        self._ask(_ADD, number, *row, record.body, beside(record.document, record.body))
        before = self._ask("SELECT number FROM current WHERE type = ? AND id = ?", kind, id)
        if before:
            self._ask("DELETE FROM identifiers WHERE number = ?", *before[0])
        self._ask(_PLACE, kind, id, number, number, patient, record.deleted)
        if not record.deleted:
            for system, value in sorted(indexed_identifiers(record.document)):
                named = (kind, storable(system), storable(value), number)
                self._ask("INSERT INTO identifiers VALUES (?, ?, ?, ?)", *named)
        self._known[record.key] = self._parsed[record.key] = record
        self._known_types.pop(record.resource_type, None)
        return number

    def next_serial(self) -> int:
        """See Overlay."""
        self.begin()
        self._ask("UPDATE serial SET value = value + 1")
        number = self._number("SELECT value FROM serial")
        self.commit()
        return number

    def begin(self) -> None:
        """See Overlay."""
        if self._depth:
            self._ask(f"SAVEPOINT inner{self._depth}")
        else:
            self._ask("BEGIN IMMEDIATE")
            self._look_whether_others_wrote()
        self._depth += 1

    def commit(self) -> None:
        """See Overlay."""
        self._ask(f"RELEASE inner{self._depth - 1}" if self._depth > 1 else "COMMIT")
        self._depth -= 1

    def rollback(self) -> None:
        """See Overlay."""
        self._depth -= 1
        self._forget()
        if self._connection is None or not self._connection.in_transaction:
            return  # the database gave up by itself, as it does when the disk is full
        if self._depth:
            self._ask(f"ROLLBACK TO inner{self._depth}")
            self._ask(f"RELEASE inner{self._depth}")
        else:
            self._ask("ROLLBACK")

    def keep(self) -> Kept:
        """See Overlay. All records are in memory then."""
        records = self._records(f"SELECT {_COLUMNS} FROM versions v ORDER BY number")
        return Kept(tuple(records), self._number("SELECT value FROM serial"))

    def return_to(self, kept: Kept) -> None:
        """See Overlay."""
        self._replace_all(kept)

    def clear(self) -> None:
        """See Overlay."""
        self._replace_all(Kept((), 0))

    def forget_all(self) -> None:
        """Remember nothing of what was read, to free memory or to measure."""
        self._forget()
        self._parsed.clear()

    def close(self) -> None:
        """See Overlay."""
        if self._connection is not None:
            self.forget_all()
            self._connection.close()
            self._connection = None
            self._execute = self._refuse

    def _replace_all(self, kept: Kept) -> None:
        self.begin()
        try:
            self._forget()
            for table in ("versions", "current", "identifiers"):
                self._ask(f"DELETE FROM {table}")
            for record in kept.versions:
                self.append(record)
            self._ask("UPDATE serial SET value = ?", kept.serial)
            self.commit()
        except BaseException:
            self.rollback()
            raise

    def _newest_of(self, key: Key) -> Record | None:
        try:
            return self._known[key]
        except KeyError:
            pass
        found = self._records(f"{_CURRENT} AND c.id = ?", *_parts(key))
        if len(self._known) >= REMEMBERED:
            self._known.clear()
        record = self._known[key] = found[0] if found else None
        return record

    def _look_whether_others_wrote(self) -> None:
        """Within a transaction nobody else does, once it was looked."""
        if not self._depth:
            seen = self._number("PRAGMA data_version")
            if seen != self._seen:
                self._seen = seen
                self._forget()

    def _forget(self) -> None:
        self._known.clear()
        self._known_types.clear()

    def _records(self, sql: str, *values: object) -> list[Record]:
        return [self._record(row) for row in self._ask(sql, *values)]

    def _record(self, row: tuple[Any, ...]) -> Record:
        """The row as a record; one that was parsed before is used again if it is the same to the last octet."""
        stored_type, stored_id, version, updated, patient, deleted, body, document = row
        kind, id = restored(stored_type), restored(stored_id)
        key = f"{kind}/{id}"
        record, of = self._parsed.get(key), restored(patient)
        if record is not None and (record.version, record.updated, record.deleted, record.patient, record.body) == (
            (version, updated, bool(deleted), of, body)
        ):
            return record
        whole = document_of(body, document)
        record = Record(kind, id, version, updated, whole, body, of, deleted=bool(deleted))
        if len(self._parsed) >= REMEMBERED:
            self._parsed.clear()
        self._parsed[key] = record
        return record

    def _number(self, sql: str, *values: object) -> int:
        return int(self._ask(sql, *values)[0][0])

    def _ask(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        try:
            return self._execute(sql, values).fetchall()
        except sqlite3.Error as error:
            raise EnvironmentProblem(
                f"{self.path} could not be read or written: {error}.",
                remedy="See whether another process holds it, whether it is whole, and whether its disk is full.",
            ) from error

    def _refuse(self, sql: str, values: Any = ()) -> sqlite3.Cursor:
        raise EnvironmentProblem(f"{self.path} was closed.", remedy="Its site was taken away; make it again.")


def _parts(key: Key) -> tuple[str | bytes, str | bytes]:
    """Type and id as the database has them; a type has no slash."""
    kind, _, id = key.partition("/")
    return storable(kind), storable(id)
