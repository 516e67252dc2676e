"""The searchset of an operation, cut into pages that are reached by opaque `next` links to the operation itself."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Final
from urllib.parse import quote, urlencode

from mockehr.core.exchange import Exchange, Interaction
from mockehr.core.page import PageEntry, SearchPage
from mockehr.core.problem import Problem
from mockehr.fhir.interactions.search import parts_of
from mockehr.fhir.operations.base import Input
from mockehr.fhir.pages import PageSession, address_of
from mockehr.fhir.record import Record
from mockehr.fhir.server import FhirServer

UNLIMITED: Final = 1 << 30


class Found:
    """Records in stable order, each a match or there because a match refers to it; looked for as far as needed."""

    def __init__(self, source: Iterable[tuple[Record, bool]], *, counted: bool = True) -> None:
        """`source` gives (record, whether it is a match). `counted`: look at all of them at once."""
        self._source: Iterator[tuple[Record, bool]] = iter(source)
        self._records: list[Record] = []
        self._included: set[str] = set()
        self._counted = counted
        if counted:
            self._look(UNLIMITED)

    @property
    def total(self) -> int | None:
        """How many matches there are, if all were looked at."""
        return len(self._records) - len(self._included) if self._counted else None

    def page(self, offset: int, limit: int) -> Sequence[Record]:
        """A slice."""
        self._look(offset + limit)
        return self._records[offset : offset + limit]

    def mode(self, record: Record) -> str:
        """`match` or `include`."""
        return "include" if record.key in self._included else "match"

    def _look(self, until: int) -> None:
        while len(self._records) < until:
            found = next(self._source, None)
            if found is None:
                return
            record, match = found
            self._records.append(record)
            if not match:
                self._included.add(record.key)


def permitted(server: FhirServer, exchange: Exchange, kind: str) -> bool:
    """Whether the client may see records of that type: others are left out."""
    return server.permit(replace(exchange, interaction=Interaction("search", kind))) is None


def first_page(server: FhirServer, exchange: Exchange, given: Input, found: Found, size: int | None) -> SearchPage:
    """The first page; all on one unless a size is asked for. A size of 0 asks for the total only."""
    query = exchange.query
    if exchange.method == "POST":
        query = urlencode([(name, value) for name in given for value in given.all(name) if isinstance(value, str)])
    asked = exchange.interaction
    assert asked is not None
    limit = UNLIMITED if size is None else server.restrictions.page_size(asked.resource_type, size or 1)
    size_of_page, address = UNLIMITED if limit is None else limit, address_of(exchange.path)
    session = PageSession(address, query, found, 0, size_of_page, address=address)
    return _page(server, exchange, session, found, count_only=size == 0)


def later_page(server: FhirServer, exchange: Exchange, given: Input) -> SearchPage | Problem | None:
    """The page that a paging token leads to; None if the call carries none."""
    token = given.text(server.restrictions.page_parameter)
    if not token:
        return None
    session = server.pages.following(token, exchange.path, server.clock.now())
    if session is None or not isinstance(session.hits, Found) or not _own_session(server, exchange, session):
        kind = exchange.interaction.resource_type if exchange.interaction is not None else ""
        return Problem(410, "page-expired", f"the paging session {token} is over", resource_type=kind, value=token)
    return _page(server, exchange, session, session.hits)


def _own_session(server: FhirServer, exchange: Exchange, session: PageSession) -> bool:
    """Whether who leads on may see what is on the next page: another client may have called the operation."""
    part = parts_of(server, exchange)
    if part is None:
        return True
    offset = session.offset if session.replaced_offset is None else session.replaced_offset
    records = session.hits.page(offset, session.limit)
    return all(
        permitted(server, exchange, one.resource_type)
        and ((seen := part(one.resource_type)) is None or seen.covers(one))
        for one in records
    )


def _page(
    server: FhirServer, exchange: Exchange, session: PageSession, found: Found, *, count_only: bool = False
) -> SearchPage:
    offset = session.offset if session.replaced_offset is None else session.replaced_offset
    records = [] if count_only else list(found.page(offset, session.limit + 1))
    more, records = len(records) > session.limit, records[: session.limit]
    token = ""
    if more:
        following = replace(session, offset=session.offset + session.limit, expires=None, replaced_offset=None)
        token = server.pages.open(following)
    exchange.returned = tuple(record.key for record in records)
    shown = server.shown
    entries: list[PageEntry] = [(one.resource_type, one.id, shown(one).body, found.mode(one)) for one in records]
    where = exchange.base_url + exchange.path
    page_parameter = server.restrictions.page_parameter
    asked = exchange.interaction
    assert asked is not None
    return SearchPage(
        resource_type=asked.resource_type,
        entries=entries,
        total=found.total,
        query=session.query,
        next_token=token,
        page_size=session.limit,
        offset=session.offset,
        complete=not more and session.offset == 0,
        self_url=f"{where}?{session.query}" if session.query else where,
        next_url=f"{where}?{page_parameter}={quote(token, safe='')}" if token else "",
        patient_facing=bool(exchange.patient),
    )
