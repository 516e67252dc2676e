"""What an HL7 interface must not forget when its site ends: queues, numbers, remembered answers, what was set aside.

Where the site's store lasts this is a file `<site>.hl7.sqlite` beside it, else nothing. A message is in the file
before it is sent and leaves it when it was answered or given up: what was under way when the process ended is sent
again (at least once). Written in WAL mode with `synchronous=NORMAL`, like the store (`mockehr.fhir.overlay.file`).
"""

from __future__ import annotations

import os
import sqlite3
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Protocol

import orjson

from mockehr.core.errors import EnvironmentProblem
from mockehr.core.exchange import JSON

PATIENCE: Final = 10.0
"""Seconds of wall time that a process waits for another to write."""
ATTEMPTS: Final = 100
"""At switching a new file to WAL, while others open it too."""
_TABLES: Final = (
    """CREATE TABLE IF NOT EXISTS outbox (
        link TEXT NOT NULL, number INTEGER NOT NULL, owner INTEGER NOT NULL, attempts INTEGER NOT NULL,
        body BLOB NOT NULL, about BLOB NOT NULL, PRIMARY KEY (link, number)) WITHOUT ROWID""",
    """CREATE TABLE IF NOT EXISTS counters (
        link TEXT PRIMARY KEY, number INTEGER NOT NULL, sequence INTEGER NOT NULL) WITHOUT ROWID""",
    """CREATE TABLE IF NOT EXISTS answers (
        serial INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE, entry INTEGER NOT NULL, acks BLOB NOT NULL)""",
    "CREATE TABLE IF NOT EXISTS parked (number INTEGER PRIMARY KEY, body BLOB NOT NULL, about BLOB NOT NULL)",
)


@dataclass(frozen=True, slots=True)
class Kept:
    """One message of a queue: its number on the link, how often it was sent, its octets and what it is about."""

    number: int
    attempts: int
    body: bytes
    about: JSON


class Spool(Protocol):
    """Where queues are kept. Links, keys and numbers name what they did when it was put there."""

    def put(self, link: str, kept: Kept, sequence: int) -> None:
        """A message waits from now on (or is to be tried once more), and the link counts on from its numbers."""

    def drop(self, link: str, number: int) -> None:
        """A message was answered or given up."""

    def counters(self, link: str) -> tuple[int, int]:
        """The last number and sequence number of a link; zeros for a new one."""

    def next_number(self, link: str, last: int) -> int:
        """A number that no process that sends over the link has had; `last` is the last that this one had."""

    def take_over(self, link: str) -> list[Kept]:
        """What waits on a link and belongs to no other process that lives, in order."""

    def forget(self, link: str) -> None:
        """There is no such link any more."""

    def remember(self, key: str, entry: int, acks: tuple[bytes, ...], kept: int) -> None:
        """How a message was answered; no more than the newest `kept` are remembered."""

    def remembered(self) -> Iterator[tuple[str, int, tuple[bytes, ...]]]:
        """All answers, oldest first."""

    def park(self, number: int, body: bytes, about: JSON) -> None:
        """Set a message aside, or change what is said about it."""

    def unpark(self, number: int) -> None:
        """It is there no more."""

    def parked(self) -> Iterator[tuple[int, bytes, JSON]]:
        """All that was set aside, oldest first."""

    def clear(self) -> None:
        """Forget everything."""

    def close(self) -> None:
        """Let go of the file."""


class NoSpool:
    """For sites whose store does not last: nothing is kept but in memory."""

    def put(self, link: str, kept: Kept, sequence: int) -> None:
        """See Spool."""

    def drop(self, link: str, number: int) -> None:
        """See Spool."""

    def counters(self, link: str) -> tuple[int, int]:
        """See Spool."""
        return 0, 0

    def next_number(self, link: str, last: int) -> int:
        """See Spool."""
        return last + 1

    def take_over(self, link: str) -> list[Kept]:
        """See Spool."""
        return []

    def forget(self, link: str) -> None:
        """See Spool."""

    def remember(self, key: str, entry: int, acks: tuple[bytes, ...], kept: int) -> None:
        """See Spool."""

    def remembered(self) -> Iterator[tuple[str, int, tuple[bytes, ...]]]:
        """See Spool."""
        return iter(())

    def park(self, number: int, body: bytes, about: JSON) -> None:
        """See Spool."""

    def unpark(self, number: int) -> None:
        """See Spool."""

    def parked(self) -> Iterator[tuple[int, bytes, JSON]]:
        """See Spool."""
        return iter(())

    def clear(self) -> None:
        """See Spool."""

    def close(self) -> None:
        """See Spool."""


class SqliteSpool:
    """In a file. Every method raises EnvironmentProblem where it cannot be read or written."""

    def __init__(self, path: Path) -> None:
        """Open the file, made with its folder if it is not there."""
        self._path = path
        self._owner = os.getpid()
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

    def put(self, link: str, kept: Kept, sequence: int) -> None:
        """See Spool."""
        self._ask("BEGIN IMMEDIATE")
        row = (link, kept.number, self._owner, kept.attempts, kept.body, orjson.dumps(kept.about))
        self._ask("INSERT OR REPLACE INTO outbox VALUES (?, ?, ?, ?, ?, ?)", *row)
        self._ask(
            "INSERT INTO counters VALUES (?, ?, ?) ON CONFLICT (link) DO UPDATE"
            " SET number = max(number, excluded.number), sequence = excluded.sequence",
            link, kept.number, sequence,
        )  # fmt: skip
        self._ask("COMMIT")

    def drop(self, link: str, number: int) -> None:
        """See Spool."""
        self._ask("DELETE FROM outbox WHERE link = ? AND number = ?", link, number)

    def counters(self, link: str) -> tuple[int, int]:
        """See Spool."""
        found = self._ask("SELECT number, sequence FROM counters WHERE link = ?", link)
        return found[0] if found else (0, 0)

    def next_number(self, link: str, last: int) -> int:
        """See Spool."""
        counted = (
            "INSERT INTO counters VALUES (?, ?, 0) ON CONFLICT (link) DO UPDATE"
            " SET number = max(number + 1, excluded.number) RETURNING number"
        )
        return int(self._ask(counted, link, last + 1)[0][0])

    def take_over(self, link: str) -> list[Kept]:
        """See Spool."""
        self._ask("BEGIN IMMEDIATE")
        owners = [owner for (owner,) in self._ask("SELECT DISTINCT owner FROM outbox WHERE link = ?", link)]
        found: list[Kept] = []
        for owner in owners:
            if owner == self._owner or not _lives(owner):
                rows = self._ask(
                    "SELECT number, attempts, body, about FROM outbox WHERE link = ? AND owner = ?", link, owner
                )
                found += [Kept(number, tried, body, orjson.loads(about)) for number, tried, body, about in rows]
                self._ask("UPDATE outbox SET owner = ? WHERE link = ? AND owner = ?", self._owner, link, owner)
        self._ask("COMMIT")
        return sorted(found, key=lambda kept: kept.number)

    def forget(self, link: str) -> None:
        """See Spool."""
        self._ask("DELETE FROM outbox WHERE link = ?", link)
        self._ask("DELETE FROM counters WHERE link = ?", link)

    def remember(self, key: str, entry: int, acks: tuple[bytes, ...], kept: int) -> None:
        """See Spool."""
        octets = orjson.dumps([ack.decode("latin-1") for ack in acks])
        self._ask("INSERT OR REPLACE INTO answers (key, entry, acks) VALUES (?, ?, ?)", key, entry, octets)
        self._ask("DELETE FROM answers WHERE serial <= (SELECT max(serial) FROM answers) - ?", kept)

    def remembered(self) -> Iterator[tuple[str, int, tuple[bytes, ...]]]:
        """See Spool."""
        for key, entry, octets in self._ask("SELECT key, entry, acks FROM answers ORDER BY serial"):
            yield key, entry, tuple(ack.encode("latin-1") for ack in orjson.loads(octets))

    def park(self, number: int, body: bytes, about: JSON) -> None:
        """See Spool."""
        self._ask("INSERT OR REPLACE INTO parked VALUES (?, ?, ?)", number, body, orjson.dumps(about))

    def unpark(self, number: int) -> None:
        """See Spool."""
        self._ask("DELETE FROM parked WHERE number = ?", number)

    def parked(self) -> Iterator[tuple[int, bytes, JSON]]:
        """See Spool."""
        for number, body, about in self._ask("SELECT number, body, about FROM parked ORDER BY number"):
            yield number, body, orjson.loads(about)

    def clear(self) -> None:
        """See Spool."""
        for table in ("outbox", "counters", "answers", "parked"):
            self._ask(f"DELETE FROM {table}")

    def close(self) -> None:
        """See Spool."""
        self._connection.close()

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
            if self._open_transaction():
                self._connection.execute("ROLLBACK")
            raise self._unusable(error) from error

    def _open_transaction(self) -> bool:
        try:
            return self._connection.in_transaction
        except sqlite3.ProgrammingError:  # it was closed
            return False

    def _unusable(self, error: Exception) -> EnvironmentProblem:
        return EnvironmentProblem(
            f"{self._path} cannot be used to hold HL7 messages: {error}.",
            remedy="Name a folder on a local disk that can be written; sqlite:FOLDER.",
        )


def open_spool(store: str, site: str) -> Spool:
    """The spool that goes with a site's store (`memory` or `sqlite:FOLDER`)."""
    kind, _, folder = store.partition(":")
    return SqliteSpool(Path(folder) / f"{site}.hl7.sqlite") if kind == "sqlite" else NoSpool()


def _lives(process: int) -> bool:
    """Whether there is a process of that number; on Windows nobody is asked, since asking would end it."""
    if sys.platform == "win32":
        return False
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
