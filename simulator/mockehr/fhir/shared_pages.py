"""Paging sessions of one site in a SQLite file, for several processes that are one site together.

The matches of a search cannot be handed to another process, and need not be: what lies in the file is the request
that began the search and how far it has led. A process that does not have the matches asks the same again. So a page
that another process leads on to shows what a search begun at that moment finds from there; only histories are kept
from shifting by what was written meanwhile.
"""

from __future__ import annotations

import pickle
import sqlite3
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Final

from mockehr.core.exchange import Exchange
from mockehr.core.problem import Problem
from mockehr.fhir.pages import SESSIONS_KEPT, PageSession
from mockehr.fhir.server import FhirServer

TABLES: Final = (
    """CREATE TABLE IF NOT EXISTS pages (
        number INTEGER PRIMARY KEY AUTOINCREMENT, token TEXT NOT NULL UNIQUE, expires REAL, pickled BLOB NOT NULL)""",
)
Interact = Callable[[FhirServer, Exchange], Any]
SEARCHES_HELD: Final = 256
"""Searches of which this process has the matches at hand."""
PRUNED_AFTER: Final = 64


@dataclass(frozen=True, slots=True)
class _Place:
    """How far a search has led. `begun` is the request that began it, pickled; `total` what it counted then."""

    begun: bytes
    offset: int
    limit: int
    looked: int
    replaced_offset: int | None
    total: int | None


class SqlitePages:
    """See `mockehr.fhir.pages.Elsewhere`.

    It stands around the server's interactions, so that it knows which request a session belongs to. `settle` is to be
    called when an exchange is over, and notes what became of its sessions in between.
    """

    def __init__(self, connection: sqlite3.Connection, server: FhirServer, *, kept: int = SESSIONS_KEPT) -> None:
        """`connection` commits each statement by itself and has `TABLES`."""
        self._ask = connection.execute
        self._server = server
        self._plainly = server.interactions
        server.interactions = {name: partial(self._run, run) for name, run in server.interactions.items()}
        self._kept = kept
        self._asking: Exchange | None = None
        self._begun = b""
        self._found: list[PageSession] | None = None
        self._held: OrderedDict[bytes, PageSession] = OrderedDict()
        self._touched: dict[str, tuple[PageSession, float | None]] = {}

    def add(self, token: str, session: PageSession) -> bool:
        """See Elsewhere."""
        if self._found is not None:  # this is a search asked again for its matches
            self._found.append(session)
            return True
        if self._asking is None:
            raise RuntimeError("a paging session was opened by no exchange")
        if not self._begun:
            self._begun = _begun(self._asking)
        place = _Place(
            self._begun, session.offset, session.limit, session.looked, session.replaced_offset, session.hits.total
        )
        row = (token, session.expires, pickle.dumps(place))
        added = self._ask("INSERT OR IGNORE INTO pages (token, expires, pickled) VALUES (?, ?, ?)", row)
        if added.rowcount == 0:
            return False
        newest = added.lastrowid or 0
        if newest % PRUNED_AFTER == 0:
            self._ask("DELETE FROM pages WHERE number <= ?", (newest - self._kept,))
        self._hold(self._begun, session)
        self._touched[token] = session, session.expires
        return True

    def replace(self, token: str, session: PageSession) -> None:
        """See Elsewhere."""
        self._ask("DELETE FROM pages WHERE token = ?", (token,))
        self.add(token, session)

    def get(self, token: str) -> PageSession | None:
        """See Elsewhere. None too if the search finds less now, so that nothing follows its first page."""
        if token in self._touched:
            return self._touched[token][0]
        rows = self._ask("SELECT expires, pickled FROM pages WHERE token = ?", (_plain(token),)).fetchall()
        if not rows:
            return None
        expires, place = rows[0][0], pickle.loads(rows[0][1])
        session = self._session(place)
        if session is None:
            return None
        session = replace(
            session,
            offset=place.offset + _written_since(place, session),
            limit=place.limit,
            looked=place.looked,
            replaced_offset=place.replaced_offset,
            expires=expires,
        )
        if self._asking is not None:  # what follows belongs to the same search
            self._begun = place.begun
        self._touched[token] = session, expires
        return session

    def clear(self) -> int:
        """See Elsewhere."""
        self._held.clear()
        self._touched.clear()
        return self._ask("DELETE FROM pages").rowcount

    def settle(self, exchange: Exchange) -> None:
        """Note for all processes what was done to the sessions that this exchange opened or led on."""
        if not self._touched:
            return
        for token, (session, expires) in self._touched.items():
            if session.expires != expires:
                self._ask("UPDATE pages SET expires = ? WHERE token = ?", (session.expires, token))
        self._touched.clear()

    def _run(self, run: Interact, server: FhirServer, exchange: Exchange) -> Any:
        """An interaction, with the sessions that it opens ascribed to its own exchange, in a batch to the entry."""
        outer = self._asking, self._begun
        self._asking, self._begun = exchange, b""
        try:
            return run(server, exchange)
        finally:
            self._asking, self._begun = outer

    def _session(self, place: _Place) -> PageSession | None:
        """A session with the matches of that search: those at hand, or found again."""
        held = self._held.get(place.begun)
        if held is not None:
            self._held.move_to_end(place.begun)
            return held
        exchange: Exchange = pickle.loads(place.begun)
        asked = exchange.interaction
        assert asked is not None
        run = self._plainly.get(asked.name) or self._plainly["operation"]
        self._found = []
        try:
            refused = isinstance(run(self._server, exchange), Problem)
            found = None if refused or not self._found else self._found[0]
        finally:
            self._found = None
        if found is not None:
            self._hold(place.begun, found)
        return found

    def _hold(self, begun: bytes, session: PageSession) -> None:
        self._held[begun] = session
        self._held.move_to_end(begun)
        if len(self._held) > SEARCHES_HELD:
            self._held.popitem(last=False)


def _begun(exchange: Exchange) -> bytes:
    """The request as it came, which is all that a search depends on besides what is stored."""
    asked = Exchange(
        exchange.channel,
        exchange.method,
        exchange.path,
        exchange.query,
        {name: value for name, value in exchange.headers.items() if name in ("prefer", "content-type", "accept")},
        exchange.body,
        base_url=exchange.base_url,
        at=exchange.at,
        client=exchange.client,
        scopes=exchange.scopes,
        patient=exchange.patient,
        own=exchange.own,
        interaction=exchange.interaction,
        number=exchange.number,  # two equal requests are two searches
    )
    return pickle.dumps(asked)


def _written_since(place: _Place, session: PageSession) -> int:
    """By how many places a history begins further on here than where its session was opened: the newest is first."""
    begun: Any = pickle.loads(place.begun)
    total = session.hits.total
    if not begun.path.endswith("/_history") or total is None or place.total is None:
        return 0
    return total - place.total


def _plain(token: str) -> str:
    """A token as the database can hold it; one with lone surrogates is nobody's."""
    return token if token.isascii() else token.encode("utf-8", "replace").decode()
