"""Where the next page of a search is kept, by which token it is asked for, and how much of the store it may know."""

from __future__ import annotations

from urllib.parse import parse_qsl, urlencode

from mockehr.core.exchange import Exchange
from mockehr.fhir.pages import PageSession
from mockehr.fhir.search.stream import Portion
from mockehr.fhir.server import FhirServer


def opened(server: FhirServer, session: PageSession, portion: Portion) -> tuple[str, str]:
    """The token of the page that follows, and the name under which its session is kept."""
    following, paging = _following(session, portion), server.restrictions.paging
    if paging == "token":
        token = server.pages.open(following)
        return token, token
    number = session.offset // session.limit + 2
    token = str(number) if paging == "page" or not portion.records else portion.records[-1].id
    key = page_key(session.address, session.query, token)
    server.pages.open_at(following, key)
    return token, key


def settled_by(server: FhirServer, exchange: Exchange) -> float | None:
    """Until when what was written is found, in site seconds; None for all of it."""
    lag, header = server.restrictions.lag, server.restrictions.lag_header
    if not lag or (header and exchange.headers.get(header, "") == "strong"):
        return None
    return server.clock.now() - lag


def page_key(address: str, query: str, token: str) -> str:
    """The name of a session whose token is good beside the rest of its search alone, in whatever order that comes."""
    return f"{address}?{urlencode(sorted(parse_qsl(query, keep_blank_values=True)))}#{token}"


def _following(session: PageSession, portion: Portion) -> PageSession:
    return PageSession(
        session.resource_type,
        session.query,
        session.hits,
        session.offset + len(portion.records),
        session.limit,
        session.compiled,
        looked=portion.looked,
        address=session.address,
    )
