"""What a site's outbox must not forget, in a file `<site>.events.sqlite` beside its store (`mockehr.events.keeper`).

Of an event the file has which version of which resource it is about, not the resource: that is in the store. Written
in WAL mode with `synchronous=NORMAL`, like the store (`mockehr.fhir.overlay.file`): what a process has told the file
outlives the process, killed or not. Rows belong to processes; those of a process that is no more are taken over.
"""

from __future__ import annotations

import os
import sqlite3
import sys
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import orjson

from mockehr.core.changes import Change
from mockehr.core.errors import EnvironmentProblem
from mockehr.core.exchange import JSON
from mockehr.events.delivery import Event
from mockehr.events.keeper import Counts, Keeper, NoKeeper, Pending, Restored
from mockehr.events.lane import LOGGED
from mockehr.sites.site import Site

PATIENCE: Final = 10.0
"""Seconds of wall time that a process waits for another to write."""
NOBODY: Final = -1
"""The owner of rows whose process let go of the file."""
ATTEMPTS: Final = 100
"""At switching a new file to WAL, while others open it too."""
TRIMMED_EVERY: Final = 500
"""Events of an endpoint between two looks at whether there are too many."""
_TABLES: Final = (
    # AUTOINCREMENT: the file remembers the highest number that there ever was
    """CREATE TABLE IF NOT EXISTS deliveries (
        number INTEGER PRIMARY KEY AUTOINCREMENT, hook TEXT NOT NULL, owner INTEGER NOT NULL, about BLOB NOT NULL)""",
    "CREATE INDEX IF NOT EXISTS deliveries_of ON deliveries (hook, owner)",
    """CREATE TABLE IF NOT EXISTS events (
        hook TEXT NOT NULL, number INTEGER NOT NULL, gathered_by INTEGER NOT NULL, about BLOB NOT NULL,
        PRIMARY KEY (hook, number)) WITHOUT ROWID""",
    "CREATE TABLE IF NOT EXISTS told (hook TEXT PRIMARY KEY, number INTEGER NOT NULL) WITHOUT ROWID",
    """CREATE TABLE IF NOT EXISTS counts (
        hook TEXT NOT NULL, owner INTEGER NOT NULL, delivered INTEGER NOT NULL, failed INTEGER NOT NULL,
        failures INTEGER NOT NULL, off TEXT NOT NULL, PRIMARY KEY (hook, owner)) WITHOUT ROWID""",
    """INSERT INTO sqlite_sequence SELECT 'deliveries', 0
        WHERE NOT EXISTS (SELECT 1 FROM sqlite_sequence WHERE name = 'deliveries')""",
)
_NEWEST: Final = "(SELECT coalesce(max(number), 0) FROM events WHERE hook = ?)"


class SqliteKeeper:
    """In a file. Every method raises EnvironmentProblem where it cannot be read or written.

    `recall` gives a Change back that `told` described (`about_change`).
    """

    lasts = True

    def __init__(self, path: Path, recall: Callable[[JSON], Change]) -> None:
        """Open the file, made with its folder if it is not there."""
        self._path = path
        self._recall = recall
        self._owner = os.getpid()
        self._open = True
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            # A site is built in one thread and served in another.
            self._connection = sqlite3.connect(path, timeout=PATIENCE, isolation_level=None, check_same_thread=False)
        except (OSError, sqlite3.Error) as error:
            raise self._unusable(error) from error
        try:
            self._ask("PRAGMA synchronous = NORMAL")
            self._ask("BEGIN EXCLUSIVE")
            for table in _TABLES:
                self._ask(table)
            self._ask("COMMIT")
            self._write_ahead()
        except EnvironmentProblem:
            self._connection.close()
            raise

    def take_over(self, name: str) -> Restored:
        """See Keeper."""
        self._ask("BEGIN IMMEDIATE")
        ours = self._heirless(name)
        marks = ",".join("?" * len(ours))
        pending = self._ask(
            f"SELECT number, about FROM deliveries WHERE hook = ? AND owner IN ({marks}) ORDER BY number", name, *ours
        )
        self._ask(f"UPDATE deliveries SET owner = ? WHERE hook = ? AND owner IN ({marks})", self._owner, name, *ours)
        gathered = self._ask(
            f"SELECT number, about FROM events WHERE hook = ? AND gathered_by IN ({marks}) ORDER BY number",
            name, *ours,
        )  # fmt: skip
        self._ask(
            f"UPDATE events SET gathered_by = ? WHERE hook = ? AND gathered_by IN ({marks})", self._owner, name, *ours
        )
        counts = self._inherit(name, ours, marks)
        self._ask("COMMIT")
        return Restored(
            counts,
            tuple(self._event(number, about) for number, about in gathered),
            tuple(self._pending(number, about) for number, about in pending),
        )

    def count(self, name: str, counts: Counts) -> None:
        """See Keeper."""
        row = (name, self._owner, counts.delivered, counts.failed, counts.failures, counts.off)
        self._ask("INSERT OR REPLACE INTO counts VALUES (?, ?, ?, ?, ?, ?)", *row)

    def tell(self, name: str, event: Event, *, gathered: bool) -> None:
        """See Keeper."""
        row = (name, event.number, self._owner if gathered else 0, orjson.dumps(_about_event(event)))
        self._ask("INSERT OR REPLACE INTO events VALUES (?, ?, ?, ?)", *row)
        if event.number % TRIMMED_EVERY == 0:
            old = "DELETE FROM events WHERE hook = ? AND number <= ? AND gathered_by = 0"
            self._ask(old, name, event.number - LOGGED)

    def events(self, name: str, first: int, last: int | None) -> list[Event]:
        """See Keeper."""
        end = last if last is not None else 1 << 62
        rows = self._ask(
            "SELECT number, about FROM events WHERE hook = ? AND number BETWEEN ? AND ? ORDER BY number",
            name, first, end,
        )  # fmt: skip
        return [self._event(number, about) for number, about in rows[-LOGGED:]]

    def put(self, name: str, pending: Pending, *, instead_of: tuple[int, ...] = ()) -> None:
        """See Keeper."""
        row = (pending.number, name, self._owner, orjson.dumps(_about_pending(pending)))
        if not instead_of:
            self._ask("INSERT OR REPLACE INTO deliveries VALUES (?, ?, ?, ?)", *row)
            return
        self._ask("BEGIN IMMEDIATE")
        self._ask("INSERT OR REPLACE INTO deliveries VALUES (?, ?, ?, ?)", *row)
        self.drop(*instead_of)
        self._ask("COMMIT")

    def told(self, name: str, events: tuple[Event, ...]) -> None:
        """See Keeper."""
        self._each(
            "UPDATE events SET gathered_by = 0 WHERE hook = ? AND number = ?", ((name, one.number) for one in events)
        )

    def drop(self, *numbers: int) -> None:
        """See Keeper."""
        if len(numbers) == 1:
            self._ask("DELETE FROM deliveries WHERE number = ?", numbers[0])
        elif numbers:
            self._each("DELETE FROM deliveries WHERE number = ?", ((number,) for number in numbers))

    def last_number(self) -> int:
        """See Keeper."""
        return int(self._ask("SELECT seq FROM sqlite_sequence WHERE name = 'deliveries'")[0][0])

    def next_number(self) -> int:
        """See Keeper."""
        counted = "UPDATE sqlite_sequence SET seq = seq + 1 WHERE name = 'deliveries' RETURNING seq"
        return int(self._ask(counted)[0][0])

    def next_event(self, name: str) -> int:
        """See Keeper."""
        counted = (
            f"INSERT INTO told VALUES (?, {_NEWEST} + 1) ON CONFLICT (hook) DO UPDATE"
            f" SET number = max(number, {_NEWEST}) + 1 RETURNING number"
        )
        return int(self._ask(counted, name, name, name)[0][0])

    def era(self) -> int:
        """See Keeper."""
        return int(self._ask("PRAGMA user_version")[0][0])

    def keep_era(self, era: int) -> None:
        """See Keeper."""
        self._ask(f"PRAGMA user_version = {era}")

    def forget(self, name: str) -> None:
        """See Keeper."""
        for table in ("deliveries", "events", "told", "counts"):
            self._ask(f"DELETE FROM {table} WHERE hook = ?", name)

    def clear(self, *, keep_number: bool) -> None:
        """See Keeper."""
        for table in ("deliveries", "events", "told", "counts"):
            self._ask(f"DELETE FROM {table}")
        self.keep_era(0)
        if not keep_number:
            self._ask("UPDATE sqlite_sequence SET seq = 0 WHERE name = 'deliveries'")

    def close(self) -> None:
        """See Keeper."""
        if self._open:
            self._open = False
            with suppress(EnvironmentProblem):  # the file is gone, say; whoever comes later asks whether we live
                self._release()
        self._connection.close()

    def _release(self) -> None:
        """Let what is ours be nobody's, though this process may live on."""
        self._ask("BEGIN IMMEDIATE")
        self._ask("UPDATE deliveries SET owner = ? WHERE owner = ?", NOBODY, self._owner)
        self._ask("UPDATE events SET gathered_by = ? WHERE gathered_by = ?", NOBODY, self._owner)
        self._ask(
            "INSERT INTO counts SELECT hook, ?, delivered, failed, failures, off FROM counts WHERE owner = ?"
            " ON CONFLICT (hook, owner) DO UPDATE SET delivered = delivered + excluded.delivered,"
            " failed = failed + excluded.failed, failures = failures + excluded.failures,"
            " off = max(off, excluded.off)",
            NOBODY, self._owner,
        )  # fmt: skip
        self._ask("DELETE FROM counts WHERE owner = ?", self._owner)
        self._ask("COMMIT")

    def _heirless(self, name: str) -> tuple[int, ...]:
        """The processes whose rows of that endpoint are ours: this one, and those that are no more."""
        owners = self._ask(
            "SELECT owner FROM deliveries WHERE hook = ? UNION SELECT owner FROM counts WHERE hook = ?"
            " UNION SELECT gathered_by FROM events WHERE hook = ? AND gathered_by <> 0",
            name, name, name,
        )  # fmt: skip
        return (self._owner, *(owner for (owner,) in owners if owner != self._owner and not _lives(owner)))

    def _inherit(self, name: str, ours: tuple[int, ...], marks: str) -> Counts:
        """What those processes counted, from now on counted by this one."""
        chosen = f"FROM counts WHERE hook = ? AND owner IN ({marks})"
        sums = "total(delivered), total(failed), total(failures), coalesce(max(off), '')"
        delivered, failed, failures, off = self._ask(f"SELECT {sums} {chosen}", name, *ours)[0]
        ((told,),) = self._ask(
            f"SELECT max({_NEWEST}, coalesce((SELECT number FROM told WHERE hook = ?), 0))", name, name
        )
        counts = Counts(told, int(delivered), int(failed), int(failures), off)
        self._ask(f"DELETE {chosen}", name, *ours)
        self.count(name, counts)
        return counts

    def _event(self, number: int, about: bytes) -> Event:
        return self._event_of({"number": number} | orjson.loads(about))

    def _event_of(self, told: JSON) -> Event:
        return Event(told["number"], self._recall(told), told["topic"], told.get("era", 0))

    def _pending(self, number: int, about: bytes) -> Pending:
        told = orjson.loads(about)
        events = tuple(self._event_of(one) for one in told.pop("events"))
        return Pending(number, events, **told)

    def _write_ahead(self) -> None:
        """Switch the file to WAL. Wants to be alone, and does not wait for others by itself."""
        for _ in range(ATTEMPTS):
            try:
                if self._connection.execute("PRAGMA journal_mode = WAL").fetchone() == ("wal",):
                    return
            except sqlite3.OperationalError:
                pass  # another process opens the file at this very moment
            self._ask("BEGIN IMMEDIATE")  # this waits for it
            self._ask("COMMIT")
        raise self._unusable(sqlite3.OperationalError("it cannot be switched to write-ahead logging"))

    def _ask(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        try:
            return self._connection.execute(sql, values).fetchall()
        except sqlite3.Error as error:
            raise self._refused(error) from error

    def _each(self, sql: str, rows: Iterable[tuple[Any, ...]]) -> None:
        alone = not self._connection.in_transaction
        try:
            if alone:
                self._connection.execute("BEGIN IMMEDIATE")
            self._connection.executemany(sql, rows)
            if alone:
                self._connection.execute("COMMIT")
        except sqlite3.Error as error:
            raise self._refused(error) from error

    def _refused(self, error: Exception) -> EnvironmentProblem:
        try:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
        except sqlite3.ProgrammingError:  # it was closed
            pass
        return self._unusable(error)

    def _unusable(self, error: Exception) -> EnvironmentProblem:
        return EnvironmentProblem(
            f"{self._path} cannot be used to hold events: {error}.",
            remedy="Name a folder on a local disk that can be written; sqlite:FOLDER.",
        )


def open_keeper(site: Site) -> Keeper:
    """The keeper that goes with a site's store (`memory` or `sqlite:FOLDER`)."""
    kind, _, folder = site.options.store.partition(":")
    if kind != "sqlite":
        return NoKeeper()
    return SqliteKeeper(Path(folder) / f"{site.name}.events.sqlite", lambda told: recall(site, told))


def about_change(change: Change) -> JSON:
    """A change without its documents: `recall` finds them in the store."""
    return {
        "change": change.number,
        "kind": change.kind,
        "type": change.resource_type,
        "id": change.id,
        "version": change.version,
        "at": change.at,
        "source": change.source,
        "patient": change.patient,
        "event": change.event,
        "before": change.before is not None,
    }


def recall(site: Site, told: JSON) -> Change:
    """The change that `about_change` described, as the site tells it now.

    What the store has no more (it was reset to a snapshot, say) is told of by its name alone.
    """
    versions = {record.version: record for record in site.store.history(told["type"], told["id"])}
    found, before = versions.get(told["version"]), versions.get(told["version"] - 1)
    if found is not None and found.updated != told["at"]:  # another one, written since the site went back
        found = before = None
    bare = {"resourceType": told["type"], "id": told["id"]}
    change = Change(
        told["change"], told["kind"], told["type"], told["id"], told["version"], told["at"], told["source"],
        found.document if found is not None else bare, told["patient"], told["event"],
        before=before.document if before is not None and told["before"] else None,
    )  # fmt: skip
    return site.upgrades.told(change)


def _about_event(event: Event) -> JSON:
    return about_change(event.change) | {"topic": event.topic} | ({"era": event.era} if event.era else {})


def _about_pending(pending: Pending) -> JSON:
    return {
        "events": [_about_event(event) | {"number": event.number} for event in pending.events],
        "kind": pending.kind,
        "attempt": pending.attempt,
        "first_at": pending.first_at,
        "due": pending.due,
        "state": pending.state,
        "failure": pending.failure,
        "status": pending.status,
    }


def _lives(process: int) -> bool:
    """Whether there is a process of that number; on Windows nobody is asked, since asking would end it."""
    if sys.platform == "win32":
        return False
    if process == NOBODY:
        return False
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
