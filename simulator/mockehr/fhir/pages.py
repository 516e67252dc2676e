"""Paging sessions: the matches of one search, cut into pages that are reached by opaque tokens."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from mockehr.fhir.search import Query
from mockehr.fhir.store import Hits

SESSIONS_KEPT = 20_000
SEARCHES_COUNTED = 100_000
"""Different searches of which it is known how often they were opened; then counting begins anew."""


@dataclass(slots=True)
class PageSession:
    """Where one search stands: the next page starts at `offset`. `expires` is in site seconds, None for never."""

    resource_type: str
    query: str
    hits: Hits
    offset: int
    limit: int
    compiled: Query | None = None
    """The query, for what it includes."""
    expires: float | None = None
    replaced_offset: int | None = None
    """Set by a quirk: the page is cut from here instead."""
    looked: int = 0
    """How many charts were looked through before this page, where matches have to be looked for."""
    address: str = ""
    """Where it was opened (`address_of`), the only place where it leads on: rights were asked for there."""


def address_of(path: str) -> str:
    """The path of a request without what does not tell searches apart: `Patient` for `/Patient/_search` too."""
    return path.strip("/").removesuffix("_search").rstrip("/")


class Elsewhere(Protocol):
    """Where the sessions of a site lie when several processes open them and lead on."""

    def add(self, token: str, session: PageSession) -> bool:
        """Keep a session that is opened now; False if the token is taken."""

    def replace(self, token: str, session: PageSession) -> None:
        """Keep a session in the place of the one behind its token."""

    def get(self, token: str) -> PageSession | None:
        """The session behind a token, whichever process opened it."""

    def clear(self) -> int:
        """Forget all sessions; returns how many there were."""


class Pages:
    """All open paging sessions of a site, oldest forgotten first.

    Tokens are drawn from the search that opened them and from how often it was opened, so that neither the order of
    arrival nor other searches change them.
    """

    def __init__(self, draw_token: Callable[[str, int], str], *, kept: int = SESSIONS_KEPT) -> None:
        self._draw_token = draw_token
        self._sessions: OrderedDict[str, PageSession] = OrderedDict()
        self._opened: dict[str, int] = {}
        self._kept = kept
        self._elsewhere: Elsewhere | None = None

    def share(self, elsewhere: Elsewhere) -> None:
        """Have the sessions there from now on, together with other processes; those open now are forgotten."""
        self.reset()
        self._elsewhere = elsewhere

    def open_at(self, session: PageSession, key: str) -> None:
        """Keep the session under a name of the caller's, in the place of one that is there."""
        if self._elsewhere is not None:
            if not self._elsewhere.add(key, session):
                self._elsewhere.replace(key, session)
            return
        self._sessions.pop(key, None)
        self._sessions[key] = session
        if len(self._sessions) > self._kept:
            self._sessions.popitem(last=False)

    def open(self, session: PageSession) -> str:
        """Keep the session; returns the token that leads to it."""
        name = f"{session.resource_type}?{session.query}@{session.offset}"
        name += f"~{session.looked}" if session.looked else ""
        if len(self._opened) >= SEARCHES_COUNTED:
            self._opened.clear()
        number = self._opened[name] = self._opened.get(name, 0) + 1
        token = self._draw_token(name, number)
        if self._elsewhere is not None:
            while not self._elsewhere.add(token, session):
                number = self._opened[name] = number + 1
                token = self._draw_token(name, number)
            return token
        self._sessions[token] = session
        if len(self._sessions) > self._kept:
            self._sessions.popitem(last=False)
        return token

    def get(self, token: str) -> PageSession | None:
        """The session behind a token, or None if there is none (any more)."""
        return self._sessions.get(token) if self._elsewhere is None else self._elsewhere.get(token)

    def following(self, token: str, path: str, now: float) -> PageSession | None:
        """The session that a token leads on with at a path; None if it is over, or was opened at another address."""
        found = self.get(token)
        if found is None or found.address != address_of(path):
            return None
        return None if found.expires is not None and found.expires <= now else found

    def clear(self) -> int:
        """Forget all sessions; returns how many there were."""
        if self._elsewhere is not None:
            return self._elsewhere.clear()
        count = len(self._sessions)
        self._sessions.clear()
        return count

    def reset(self) -> None:
        """Forget all sessions and how often each was opened."""
        self.clear()
        self._opened.clear()
