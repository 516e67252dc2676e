"""Tokens and used `jti`s of one site in a SQLite file, for several processes that are one site together.

The file is theirs alone and ends with them, so what lies in it may be pickled; `word` counts changes to tokens in
memory that the processes share, since asking the file at every request would cost as much as the rest of a read.
"""

from __future__ import annotations

import pickle
import sqlite3
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final, Protocol

from mockehr.auth.assertion import ReplayMemory
from mockehr.auth.drawers import KEPT
from mockehr.auth.refusal import Refused
from mockehr.auth.tokens import Grant

TABLES: Final = (
    """CREATE TABLE IF NOT EXISTS grants (
        number INTEGER PRIMARY KEY AUTOINCREMENT, token TEXT NOT NULL UNIQUE, client TEXT NOT NULL,
        expires_at REAL NOT NULL, revoked INTEGER NOT NULL, pickled BLOB NOT NULL)""",
    "CREATE TABLE IF NOT EXISTS grant_numbers (client TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID",
    """CREATE TABLE IF NOT EXISTS jtis (
        issuer TEXT NOT NULL, jti TEXT NOT NULL, until REAL NOT NULL, PRIMARY KEY (issuer, jti)) WITHOUT ROWID""",
    "CREATE INDEX IF NOT EXISTS jtis_by_time ON jtis (until)",
    """CREATE TABLE IF NOT EXISTS drawers (
        number INTEGER PRIMARY KEY AUTOINCREMENT, drawer TEXT NOT NULL, name TEXT NOT NULL, until REAL NOT NULL,
        pickled BLOB NOT NULL, UNIQUE (drawer, name))""",
    "CREATE INDEX IF NOT EXISTS drawers_by_age ON drawers (drawer, number)",
    "CREATE TABLE IF NOT EXISTS drawer_numbers (drawer TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID",
)
PRUNED_AFTER: Final = 64
"""Tokens put on the shelf between two looks for dead ones to forget; and things into one drawer, likewise."""


class Word(Protocol):
    """A number that several processes read and count up, each at once for all."""

    def read(self) -> int:
        """What it is now."""

    def next(self) -> int:
        """Count it up by one; what it is then."""


class SqliteShelf:
    """See `mockehr.auth.tokens.Shelf`. At least the newest `kept` tokens are remembered, dead or not."""

    def __init__(self, connection: sqlite3.Connection, changes: Word, *, kept: int) -> None:
        """`connection` commits each statement by itself and has `TABLES`."""
        self._ask = connection.execute
        self._changes = changes
        self._kept = kept
        self._seen = changes.read()

    def next_number(self, client_id: str) -> int:
        """See Shelf."""
        counted = (
            "INSERT INTO grant_numbers VALUES (?, 1) ON CONFLICT (client) DO UPDATE SET value = value + 1"
            " RETURNING value"
        )
        return int(self._ask(counted, (client_id,)).fetchall()[0][0])

    def put(self, grant: Grant, now: float) -> None:
        """See Shelf."""
        pickled = pickle.dumps(replace(grant, extras=dict(grant.extras)))
        row = (grant.token, grant.client_id, grant.expires_at, pickled)
        added = self._ask(
            "INSERT OR REPLACE INTO grants (token, client, expires_at, revoked, pickled) VALUES (?, ?, ?, 0, ?)", row
        )
        newest = added.lastrowid or 0
        if newest % PRUNED_AFTER == 0:
            dead = "DELETE FROM grants WHERE number <= ? AND (revoked OR expires_at <= ?)"
            self._ask(dead, (newest - self._kept, now))

    def find(self, token: str) -> tuple[Grant, bool] | None:
        """See Shelf."""
        rows = self._ask("SELECT pickled, expires_at, revoked FROM grants WHERE token = ?", (token,)).fetchall()
        return (_grant(rows[0]), bool(rows[0][2])) if rows else None

    def revoke(self, token: str) -> bool:
        """See Shelf."""
        ended = self._ask("UPDATE grants SET revoked = 1 WHERE token = ? AND NOT revoked", (token,)).rowcount
        self._changes.next()
        return ended > 0

    def expire(self, tokens: Sequence[str], at: float) -> None:
        """See Shelf."""
        for token in tokens:
            self._ask("UPDATE grants SET expires_at = ? WHERE token = ?", (at, token))
        self._changes.next()

    def working(self, now: float, client_id: str | None) -> list[Grant]:
        """See Shelf."""
        asked = "SELECT pickled, expires_at, revoked FROM grants WHERE NOT revoked AND expires_at > ?"
        named, values = (" AND client = ?", (now, client_id)) if client_id is not None else ("", (now,))
        return [_grant(row) for row in self._ask(f"{asked}{named} ORDER BY number", values).fetchall()]

    def changed(self) -> bool:
        """See Shelf."""
        seen, self._seen = self._seen, self._changes.read()
        return seen != self._seen

    def clear(self) -> None:
        """See Shelf."""
        self._ask("DELETE FROM grants")
        self._ask("DELETE FROM grant_numbers")
        self._changes.next()


class SharedReplays(ReplayMemory):
    """A replay memory in that file: whoever remembers a pair first may use it, whatever process that is."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        super().__init__()
        self._ask = connection.execute

    def seen(self, issuer: str, jti: str, now: float) -> bool:
        """See ReplayMemory."""
        asked = "SELECT 1 FROM jtis WHERE issuer = ? AND jti = ? AND until > ?"
        return bool(self._ask(asked, (_text(issuer), _text(jti), now)).fetchall())

    def remember(self, issuer: str, jti: str, until: float, now: float) -> None:
        """See ReplayMemory. Raises Refused `jti-replayed` if another process was faster with the same pair."""
        self._ask("DELETE FROM jtis WHERE until <= ?", (now,))
        added = self._ask("INSERT OR IGNORE INTO jtis VALUES (?, ?, ?)", (_text(issuer), _text(jti), until))
        if added.rowcount == 0:
            raise Refused("jti-replayed", f"An assertion with jti {jti!r} was used before.")

    def clear(self) -> None:
        """See ReplayMemory."""
        self._ask("DELETE FROM jtis")

    def __len__(self) -> int:
        return int(self._ask("SELECT count(*) FROM jtis").fetchone()[0])


class SqliteDrawer:
    """See `mockehr.auth.drawers.Drawer`. A thing that is taken is taken once, whatever process asks."""

    def __init__(self, connection: sqlite3.Connection, name: str) -> None:
        self._ask = connection.execute
        self._name = name
        self._puts = 0

    def next_number(self) -> int:
        """See Drawer."""
        counted = (
            "INSERT INTO drawer_numbers VALUES (?, 1) ON CONFLICT (drawer) DO UPDATE SET value = value + 1"
            " RETURNING value"
        )
        return int(self._ask(counted, (self._name,)).fetchall()[0][0])

    def put(self, name: str, thing: Any, until: float) -> None:
        """See Drawer."""
        row = (self._name, _text(name), until, pickle.dumps(thing))
        self._ask("INSERT OR REPLACE INTO drawers (drawer, name, until, pickled) VALUES (?, ?, ?, ?)", row)
        self._puts += 1
        if self._puts % PRUNED_AFTER == 0:
            oldest = "SELECT number FROM drawers WHERE drawer = ? ORDER BY number DESC LIMIT 1 OFFSET ?"
            self._ask(
                f"DELETE FROM drawers WHERE drawer = ? AND number <= ({oldest})", (self._name, self._name, KEPT)
            )

    def get(self, name: str, now: float) -> Any:
        """See Drawer."""
        asked = "SELECT pickled FROM drawers WHERE drawer = ? AND name = ? AND until > ?"
        return _thing(self._ask(asked, (self._name, _text(name), now)).fetchall())

    def take(self, name: str, now: float) -> Any:
        """See Drawer."""
        asked = "DELETE FROM drawers WHERE drawer = ? AND name = ? RETURNING pickled, until"
        return _thing([row for row in self._ask(asked, (self._name, _text(name))).fetchall() if now < row[1]])

    def items(self) -> list[tuple[str, Any]]:
        """See Drawer."""
        asked = "SELECT name, pickled FROM drawers WHERE drawer = ? ORDER BY number"
        return [(row[0], pickle.loads(row[1])) for row in self._ask(asked, (self._name,)).fetchall()]

    def every(self, now: float) -> list[Any]:
        """See Drawer."""
        asked = "SELECT pickled FROM drawers WHERE drawer = ? AND until > ? ORDER BY number"
        return [pickle.loads(row[0]) for row in self._ask(asked, (self._name, now)).fetchall()]

    def clear(self) -> None:
        """See Drawer."""
        self._ask("DELETE FROM drawers WHERE drawer = ?", (self._name,))
        self._ask("DELETE FROM drawer_numbers WHERE drawer = ?", (self._name,))


def _thing(rows: Sequence[Any]) -> Any:
    return pickle.loads(rows[0][0]) if rows else None


def _grant(row: Sequence[Any]) -> Grant:
    grant: Grant = pickle.loads(row[0])
    return grant if grant.expires_at == row[1] else replace(grant, expires_at=row[1])


def _text(text: str) -> str | bytes:
    """What the database takes for a text that may hold lone surrogates, as JSON allows."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-8", "surrogatepass")
    return text
