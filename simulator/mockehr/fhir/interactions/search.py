"""Searching a type, a compartment or the whole server (FHIR R4 search.html, http.html#search), page by page.

Chosen where R4 leaves freedom. A page that would look through more charts than the server's bound ends early and
leads on by `next`, without a total. `_total=accurate` and `_sort` need all matches: beyond the bound they are refused
as too costly. `_total=estimate` gives the exact number where that costs nothing. The compartment of somebody unknown
is 404.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import chain
from typing import Any, Final
from urllib.parse import parse_qsl, quote

from mockehr.core.exchange import JSON, Exchange, Interaction
from mockehr.core.page import Joined, PageEntry, SearchPage
from mockehr.core.problem import Problem
from mockehr.fhir.interactions.include import Includes
from mockehr.fhir.interactions.turning import opened, page_key, settled_by
from mockehr.fhir.pages import PageSession, address_of
from mockehr.fhir.part import Part, others_record
from mockehr.fhir.record import Record
from mockehr.fhir.search import Query, TooCostly, compile_query, shaped, shapes
from mockehr.fhir.search.candidates import Candidates, Target, named_patients
from mockehr.fhir.search.neighbours import RECORDED_TYPES, Neighbours
from mockehr.fhir.search.recent import LARGEST_KEPT, Answered, KeptHits, KeptPage
from mockehr.fhir.search.scope import Scope, scope_of
from mockehr.fhir.search.stream import PageGone, Portion, StreamHits
from mockehr.fhir.server import FhirServer, Parameters
from mockehr.fhir.store import Hits, ListHits
from mockehr.fhir.terminology import Library

LOOKED_AT = 250
"""Charts that one page may look through, unless the server's setting `charts_per_page` says otherwise."""
APPROXIMATE: Final = re.compile("(?:a|%61)(?:p|%70)(?:[0-9]|%3[0-9])")
"""What may be a date with the prefix `ap`, also behind a comma."""
LONGEST: Final = 65_536
"""Octets of parameters."""


def search(server: FhirServer, exchange: Exchange) -> SearchPage | Problem:
    """One page of matches: the first of a new search, or the one that a paging token leads to.

    Answers `search`, `search-system` and `search-compartment` (see `scope_of`).
    """
    asked = exchange.interaction
    assert asked is not None
    for where, size in (
        ("URL", len(exchange.query)),
        ("body", len(exchange.body) if exchange.method == "POST" else 0),
    ):
        if size > LONGEST:
            status = 414 if where == "URL" else 413
            text = f"the parameters in the {where} have {size} octets; {LONGEST} are allowed"
            return Problem(status, "bad-request", text, resource_type=asked.resource_type)
    text = exchange.query
    if exchange.method == "POST":
        # parameters may stand in the URL as well (search.html#Introduction)
        text = "&".join(part for part in (exchange.query, exchange.body.decode("utf-8", "replace")) if part)
    try:
        if f"{server.restrictions.page_parameter}=" in text or "%" in text:
            token = next((value for name, value in _pairs(text) if name == server.restrictions.page_parameter), None)
            if token is not None and server.restrictions.paging == "token":
                return _continue(server, exchange, token)
            if token is not None:
                return _turn(server, exchange, text, token)
        return _begin(server, exchange, text)
    except TooCostly as error:
        return _refused(server, asked.resource_type, str(error))


def find(
    server: FhirServer, exchange: Exchange, resource_type: str, query: str, *, limit: int, action: str
) -> Sequence[Record] | Problem:
    """Up to `limit` current records of a type that match a query string; for conditional interactions.

    `action` is what the client wants to do with them: it finds only those with which it may.
    """
    found = look_up(server, resource_type, query, offset=0, limit=limit, exchange=exchange, action=action)
    return found if isinstance(found, Problem) else found[1]


def look_up(
    server: FhirServer,
    resource_type: str,
    query: str,
    *,
    offset: int,
    limit: int,
    exchange: Exchange | None = None,
    action: str = "search",
) -> tuple[int | None, Sequence[Record]] | Problem:
    """The exact number of matches (None where counting would be dear) and a slice of them, vendor rules apart.

    With `exchange` only of what its client may find.
    """
    if len(query) > LONGEST:
        text = f"the parameters have {len(query)} octets; {LONGEST} are allowed"
        return Problem(414, "bad-request", text, resource_type=resource_type)
    pairs = parse_qsl(query, keep_blank_values=True)
    try:
        compiled = _compiled(server, exchange, resource_type, pairs, strict=True)
        if compiled.problems:
            return compiled.problems[0]
        target = Target(resource_type, compiled, pairs)
        if exchange is not None:
            target = replace(target, part=server.part(exchange, resource_type, action))
        hits = _all_in_order(server, _hits(server, exchange, [target], compiled), compiled)
        return hits.total, hits.page(offset, limit)
    except TooCostly as error:
        return _refused(server, resource_type, str(error))


def charts_per_page(server: FhirServer) -> int:
    """How many charts one page may look through."""
    return int(server.settings.get("charts_per_page", LOOKED_AT))


def _refused(server: FhirServer, resource_type: str, reason: str = "") -> Problem:
    text = reason or (
        f"this would look through more than {charts_per_page(server)} charts; name a patient, or for Patient a name "
        "or birth date"
    )
    return Problem(403, "too-costly", text, resource_type=resource_type)


def _compiled(
    server: FhirServer, exchange: Exchange | None, resource_type: str, pairs: Parameters, *, strict: bool
) -> Query:
    base_url = exchange.base_url if exchange is not None else ""
    part = parts_of(server, exchange)

    def resolve(kind: str, id: str) -> JSON | None:
        record = server.store.read(kind, id)
        if record is None or record.deleted:
            return None
        seen = part(kind) if part is not None else None
        return record.document if seen is None or seen.covers(record) else None

    return compile_query(
        resource_type,
        pairs,
        strict=strict,
        base_url=base_url,
        now=server.clock.now(),
        resolve=resolve,
        referrers=Neighbours(server.store, charts_per_page(server), base_url, part),
        library=Library(server.store),
        fhir_version=server.fhir_version,
        own=server.own_parameters,
    )


def parts_of(server: FhirServer, exchange: Exchange | None) -> Callable[[str], Part | None] | None:
    """Type → the part of it that a client may find, asked for once each; None for a client of all.

    A chain leads such a client through nothing else either: what it finds would tell of what it may not see.
    """
    if exchange is None or server.rights(exchange) is None:
        return None
    told: dict[str, Part | None] = {}

    def part(kind: str) -> Part | None:
        if kind not in told:
            told[kind] = server.part(exchange, kind, "search")
        return told[kind]

    return part


def _pairs(text: str) -> Parameters:
    return parse_qsl(text, keep_blank_values=True, encoding="utf-8", errors="replace")


def _begin(server: FhirServer, exchange: Exchange, text: str) -> SearchPage | Problem:
    begun = _begun(server, exchange, text)
    if isinstance(begun, Problem):
        return begun
    session, unknown = begun
    notes = [Problem(200, "parameter-unknown", f"{name} is not known", parameter=name) for name in unknown]
    return _page(server, exchange, session, notes)


def _turn(server: FhirServer, exchange: Exchange, text: str, token: str) -> SearchPage | Problem:
    """The page that a token leads to beside the rest of its search: by number it can be asked for outright."""
    name = server.restrictions.page_parameter
    rest = "&".join(part for part in text.split("&") if part.partition("=")[0] != name)
    key = page_key(address_of(exchange.path), rest, token)
    session = server.pages.following(key, exchange.path, server.clock.now())
    if session is not None:
        return _on(server, exchange, session, token)
    asked, ended = exchange.interaction, server.pages.get(key) is not None
    assert asked is not None
    if ended or server.restrictions.paging != "page" or not (token.isdecimal() and 1 <= int(token) < 1 << 30):
        return _over(asked.resource_type, token)
    if int(token) == 1:
        return _begin(server, exchange, rest)
    begun = _begun(server, exchange, rest)
    if isinstance(begun, Problem):
        return begun
    session = begun[0]
    if isinstance(session.hits, StreamHits):  # nobody knows yet how far its pages reach
        return _over(asked.resource_type, token)
    session.offset = (int(token) - 1) * session.limit
    return _page(server, exchange, session, [])


def _begun(server: FhirServer, exchange: Exchange, text: str) -> tuple[PageSession, Sequence[str]] | Problem:
    """A search at its first page, and the parameters that are not known."""
    asked = exchange.interaction
    assert asked is not None
    strict = "handling=strict" in exchange.headers.get("prefer", "")
    # a date that is approximate depends on the time, and what a patient's own token finds on whose it is
    plain = asked.name == "search" and not APPROXIMATE.search(text) and asked.resource_type not in RECORDED_TYPES
    plain = plain and not server.restrictions.lag
    same = (asked, text, exchange.base_url, strict, exchange.patient, server.rights(exchange)) if plain else None
    known = server.recent.get(same, _mark(server)) if same is not None else None
    if known is None:
        pairs = server.restrictions.meant(exchange, server.restrictions.standard(_pairs(text)))
        found = _answered(server, exchange, pairs, strict=strict)
        if isinstance(found, Problem):
            return found
        overall, hits, unknown = found
        if same is not None and isinstance(hits, ListHits) and (hits.total or 0) <= LARGEST_KEPT:
            hits = KeptHits(hits.page(0, hits.total or 0))
            server.recent.keep(same, Answered(overall, hits, unknown))
    else:
        overall, hits, unknown = known.query, known.hits, known.unknown
    most = server.restrictions.most_matches
    if most and (hits.total or 0) > most:
        return Problem(403, "too-costly", f"more than {most} resources match; narrow the search")
    limit = server.restrictions.page_size(asked.resource_type, overall.count)
    session = PageSession(
        asked.resource_type,
        text,
        hits,
        0,
        limit if limit is not None else 1 << 30,
        overall,
        address=address_of(exchange.path),
    )
    return session, unknown


def _mark(server: FhirServer) -> tuple[Any, ...]:
    """What differs as soon as a search might be answered otherwise than before."""
    store = server.store
    return store.last, store.epoch, store.base, store.base.generation, server.shown, server.restrictions


def _answered(
    server: FhirServer, exchange: Exchange, pairs: Parameters, *, strict: bool
) -> tuple[Query, Hits, Sequence[str]] | Problem:
    """What shapes the answer, the matches, and the parameters that are not known."""
    asked, base = exchange.interaction, exchange.base_url
    assert asked is not None
    scope = scope_of(server, asked, pairs, lambda kind: _permitted(server, exchange, kind), strict=strict)
    if isinstance(scope, Problem):
        return scope
    queries = [_compiled(server, exchange, kind, scope.pairs, strict=strict) for kind in scope.kinds]
    # what shapes the answer to a search of several types is read as for any resource
    single = scope.kinds == (asked.resource_type,)
    overall = queries[0] if single else _compiled(server, exchange, "Resource", scope.pairs, strict=False)
    unknown = (*scope.unknown, *overall.unknown) if single else scope.unknown
    refusal = _vendor_refusal(server, asked, scope, unknown)
    if refusal is not None and refusal.status != 200:
        return refusal
    problem = next((one for query in queries for one in query.problems), None)
    if problem is not None:
        return problem
    targets = [scope.target(query, base) for query in queries]
    if server.rights(exchange) is not None:
        targets = [replace(one, part=server.part(exchange, one.kind, "search")) for one in targets]
        others = _of_others(server, asked, targets, scope)
        if others is not None:
            return others
    hits: Hits = ListHits(()) if refusal is not None else _hits(server, exchange, targets, overall)
    settled = settled_by(server, exchange)
    if settled is not None and isinstance(hits, ListHits):
        hits = ListHits([one for one in hits.page(0, hits.total or 0) if one.updated <= settled])
    return overall, _all_in_order(server, hits, overall), unknown


def _of_others(server: FhirServer, asked: Interaction, targets: Sequence[Target], scope: Scope) -> Problem | None:
    """The refusal of a search among the records of other patients than the client's.

    The compartment of one is refused by every server, as reading what it is of would be.
    """
    whose = [target.part.patients if target.part is not None else None for target in targets]
    owner = scope.owner
    if owner is not None and owner.patient and all(one is not None and owner.patient not in one for one in whose):
        return others_record(owner.key, asked.resource_type, "search")
    if not server.refuses_others():
        return None
    for target, patients in zip(targets, whose, strict=True):
        named = named_patients(target)
        if patients is not None and named and patients.isdisjoint(named):
            return others_record(f"Patient/{named[0]}", target.kind, "search")
    return None


def _vendor_refusal(server: FhirServer, asked: Interaction, scope: Scope, unknown: Sequence[str]) -> Problem | None:
    """What the vendor has against the search. A patient's compartment counts as naming the patient."""
    if not asked.resource_type or asked.resource_type == "*":
        return None
    implied = [("patient", asked.id)] if asked.version == "Patient" else []
    return server.restrictions.check(asked.resource_type, [*scope.pairs, *implied], lambda name: name not in unknown)


def _permitted(server: FhirServer, exchange: Exchange, kind: str) -> bool:
    """Whether the client may search that type: others are left out where a search covers several."""
    return server.permit(replace(exchange, interaction=Interaction("search", kind))) is None


def _hits(server: FhirServer, exchange: Exchange | None, targets: Sequence[Target], overall: Query) -> Hits:
    candidates = Candidates(server.store, charts_per_page(server))
    if overall.contained == "false":
        return candidates.hits(targets)
    container = overall.contained_type == "container"
    part = parts_of(server, exchange)
    parts = {kind: seen for kind in server.types if (seen := part(kind)) is not None} if part is not None else None
    within = candidates.contained(targets, server.types, container=container, parts=parts)
    return within if overall.contained == "true" else candidates.both(candidates.hits(targets), within)


def _all_in_order(server: FhirServer, hits: Hits, query: Query) -> Hits:
    """The matches as they are; held and counted where they have to be sorted or counted. Raises TooCostly."""
    counted = query.total == "accurate" or _count_only(query)
    if not query.sort and (not counted or hits.total is not None):
        return hits
    most = charts_per_page(server)
    narrower = f"more than {most} charts would be looked through; name a patient, or narrow the search"
    try:
        if isinstance(hits, StreamHits):
            records: Sequence[Record] = hits.everything()
        elif hits.total is None or (hits.total > most and not isinstance(hits, ListHits)):
            raise TooCostly
        else:
            records = hits.page(0, hits.total)
    except TooCostly as error:
        what = "_sort needs all matches" if query.sort else "an exact total needs all matches"
        raise TooCostly(str(error) or f"{what}, and {narrower}, or leave it out") from None
    return ListHits(query.ordered(records, lambda record: record.document) if query.sort else records)


def _count_only(query: Query) -> bool:
    # R4 search.html#count: _count=0 is the same as _summary=count.
    return query.summary == "count" or query.count == 0


def _continue(server: FhirServer, exchange: Exchange, token: str) -> SearchPage | Problem:
    session = server.pages.following(token, exchange.path, server.clock.now())
    asked = exchange.interaction
    assert asked is not None
    if session is None:
        return _over(asked.resource_type, token)
    return _on(server, exchange, session, token)


def _on(server: FhirServer, exchange: Exchange, session: PageSession, token: str) -> SearchPage | Problem:
    """The page at which a session stands."""
    asked = exchange.interaction
    assert asked is not None
    try:
        if not _own_session(server, exchange, session):
            return _over(asked.resource_type, token)
        return _page(server, exchange, session, [])
    except PageGone:
        return _over(asked.resource_type, token)


def _own_session(server: FhirServer, exchange: Exchange, session: PageSession) -> bool:
    """Whether all on that page may be seen by who asks: a token may have been told to a client of fewer rights."""
    part = parts_of(server, exchange)
    if part is None:
        return True
    # the total tells of all that is held, not only of this page
    hits = session.hits
    told = hits.page(0, hits.total or 0) if isinstance(hits, ListHits) else _portion(session).records
    return all((seen := part(record.resource_type)) is None or seen.covers(record) for record in told)


def _over(resource_type: str, token: str) -> Problem:
    text = f"the paging session {token} is over"
    return Problem(410, "page-expired", text, resource_type=resource_type, value=token)


def _page(server: FhirServer, exchange: Exchange, session: PageSession, notes: list[Problem]) -> SearchPage:
    query = session.compiled
    assert query is not None
    count_only = session.offset == 0 and _count_only(query)
    portion = Portion((), False, 0) if count_only else _portion(session)
    settled = settled_by(server, exchange) if server.restrictions.lag else None
    if settled is not None:
        portion = Portion(tuple(r for r in portion.records if r.updated <= settled), portion.more, portion.looked)
    whole = not portion.more and session.offset == 0 and not session.looked
    total = session.hits.total
    if total is None and whole and not count_only:
        total = len(portion.records)
    if session.offset and not isinstance(session.hits, ListHits) and server.rights(exchange) is not None:
        total = None  # the search may have been another client's, of more rights
    made = _made(server, exchange, session, portion)
    exchange.returned = made.returned
    token, key = opened(server, session, portion) if portion.more else ("", "")
    page = SearchPage(
        resource_type=session.resource_type,
        entries=made.entries,
        total=None if query.total == "none" and not count_only else total,
        query=session.query,
        next_token=token,
        next_session=key,
        at=server.clock.now(),
        notes=notes,
        page_size=session.limit,
        offset=session.offset,
        complete=whole,
        patient_facing=bool(exchange.patient),
        joined=made.joined,
    )
    return _addressed(server, exchange, page)


def _made(server: FhirServer, exchange: Exchange, session: PageSession, portion: Portion) -> KeptPage:
    """The entries of a page; kept where they belong to matches that are kept."""
    query, hits = session.compiled, session.hits
    assert query is not None
    if not isinstance(hits, KeptHits) or query.include or query.revinclude or session.replaced_offset is not None:
        return _entries(server, exchange, query, portion)
    of = (session.offset, len(portion.records))
    made = hits.pages.get(of)
    if made is None:
        made = hits.pages[of] = _entries(server, exchange, query, portion)
    return made


def _entries(server: FhirServer, exchange: Exchange, query: Query, portion: Portion) -> KeptPage:
    extra: Sequence[Record] = ()
    if query.include or query.revinclude:
        extra = _brought_along(server, exchange, query, portion)
    shown = server.shown
    if shapes(query):
        entries = [_shaped_entry(shown(record), query, "match") for record in portion.records]
        entries += [_shaped_entry(shown(record), query, "include") for record in extra]
    else:
        entries = [(one.resource_type, one.id, shown(one).body, "match") for one in portion.records]
        entries += [(one.resource_type, one.id, shown(one).body, "include") for one in extra]
    return KeptPage(entries, tuple(record.key for record in chain(portion.records, extra)), Joined(entries))


def _brought_along(server: FhirServer, exchange: Exchange, query: Query, portion: Portion) -> list[Record]:
    permitted: dict[str, bool] = {}
    part = parts_of(server, exchange)

    def allowed(record: Record) -> bool:
        kind = record.resource_type
        if kind not in permitted:
            permitted[kind] = _permitted(server, exchange, kind)
        if not permitted[kind]:
            return False
        seen = part(kind) if part is not None else None
        return seen is None or seen.covers(record)

    return Includes(server, query, exchange.base_url, charts_per_page(server), allowed, part).of(portion.records)


def _portion(session: PageSession) -> Portion:
    offset = session.offset if session.replaced_offset is None else session.replaced_offset
    if isinstance(session.hits, StreamHits):
        return session.hits.portion(offset, session.limit, session.looked)
    records = session.hits.page(offset, session.limit + 1)
    return Portion(records[: session.limit], len(records) > session.limit, 0)


def _shaped_entry(record: Record, query: Query, mode: str) -> PageEntry:
    """What the query wants of a record; its bytes as they are where that is all of it."""
    less = shaped(record.document, query, included=mode == "include")
    return record.resource_type, record.id, record.body if less is None else less, mode


def _addressed(server: FhirServer, exchange: Exchange, page: SearchPage) -> SearchPage:
    """With links of its own, where the search was not of a type."""
    asked = exchange.interaction
    assert asked is not None
    if asked.name != "search":
        where = exchange.base_url + exchange.path.removesuffix("_search").rstrip("/")
        page.self_url = f"{where}?{page.query}" if page.query else where
        if page.next_token:
            page.next_url = f"{where}?{server.restrictions.page_parameter}={quote(page.next_token, safe='')}"
    return page
