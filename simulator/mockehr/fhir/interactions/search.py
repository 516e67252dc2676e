"""GET /[type]?… and POST /[type]/_search (FHIR R4 search.html), and the paging of their answers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain
from urllib.parse import parse_qsl

from mockehr.core.exchange import JSON, Exchange
from mockehr.core.page import PageEntry, SearchPage
from mockehr.core.problem import Problem
from mockehr.fhir.interactions.include import included
from mockehr.fhir.pages import PageSession
from mockehr.fhir.record import Record
from mockehr.fhir.search import Query, compile_query
from mockehr.fhir.search.parse import RESULT_PARAMETERS
from mockehr.fhir.server import FhirServer, Parameters
from mockehr.fhir.store import Hits, ListHits

PATIENT_PARAMETERS = ("patient", "subject", "beneficiary", "patient:Patient", "subject:Patient")
SHARED_TYPES = frozenset({"Practitioner", "PractitionerRole", "Organization", "Location", "Medication"})
LOOKED_AT = 2000
"""Charts that one page may look through; a search that needs more is refused rather than left to stop the site."""


class TooCostly(Exception):
    """A page would need a look at more than LOOKED_AT charts."""


def search(server: FhirServer, exchange: Exchange) -> SearchPage | Problem:
    """One page of matches: the first of a new search, or the one that a paging token leads to."""
    asked = exchange.interaction
    assert asked is not None
    text = exchange.query
    if exchange.method == "POST":
        # parameters may stand in the URL as well (search.html#Introduction)
        text = "&".join(part for part in (exchange.query, exchange.body.decode("utf-8", "replace")) if part)
    pairs = parse_qsl(text, keep_blank_values=True, encoding="utf-8", errors="replace")
    token = next((value for name, value in pairs if name == server.restrictions.page_parameter), None)
    try:
        if token is not None:
            return _continue(server, exchange, token)
        return _begin(server, exchange, asked.resource_type, text, pairs)
    except TooCostly:
        return _refused(asked.resource_type)


def _refused(resource_type: str) -> Problem:
    text = (
        f"this would look through more than {LOOKED_AT} charts; name a patient, or for Patient a name or birth date"
    )
    return Problem(403, "too-costly", text, resource_type=resource_type)


def find(server: FhirServer, resource_type: str, query: str, *, limit: int) -> Sequence[Record] | Problem:
    """Up to `limit` current records of a type that match a query string; for conditional interactions."""
    found = look_up(server, resource_type, query, offset=0, limit=limit)
    return found if isinstance(found, Problem) else found[1]


def look_up(
    server: FhirServer, resource_type: str, query: str, *, offset: int, limit: int
) -> tuple[int | None, Sequence[Record]] | Problem:
    """The exact number of matches (None where counting would be dear) and a slice of them, vendor rules apart."""
    pairs = parse_qsl(query, keep_blank_values=True)
    compiled = _compiled(server, resource_type, pairs, strict=True)
    if compiled.problems:
        return compiled.problems[0]
    try:
        hits = _hits(server, resource_type, pairs, compiled)
        return hits.total, hits.page(offset, limit)
    except TooCostly:
        return _refused(resource_type)


def _compiled(
    server: FhirServer, resource_type: str, pairs: Parameters, *, strict: bool, base_url: str = ""
) -> Query:
    def resolve(kind: str, id: str) -> JSON | None:
        record = server.store.read(kind, id)
        return None if record is None or record.deleted else record.document

    return compile_query(
        resource_type, pairs, strict=strict, base_url=base_url, now=server.clock.now(), resolve=resolve
    )


def _begin(
    server: FhirServer, exchange: Exchange, resource_type: str, text: str, pairs: Parameters
) -> SearchPage | Problem:
    strict = "handling=strict" in exchange.headers.get("prefer", "")
    compiled = _compiled(server, resource_type, pairs, strict=strict, base_url=exchange.base_url)
    refusal = server.restrictions.check(resource_type, pairs, lambda name: name not in compiled.unknown)
    if refusal is not None and refusal.status != 200:
        return refusal
    if compiled.problems:
        return compiled.problems[0]
    hits: Hits = ListHits(()) if refusal is not None else _hits(server, resource_type, pairs, compiled)
    limit = server.restrictions.page_size(resource_type, compiled.count)
    session = PageSession(resource_type, text, hits, 0, limit if limit is not None else 1 << 30, compiled)
    notes = [Problem(200, "parameter-unknown", f"{name} is not known", parameter=name) for name in compiled.unknown]
    # R4 search.html#count: _count=0 is the same as _summary=count.
    count_only = compiled.summary == "count" or compiled.count == 0
    return _page(server, exchange, session, notes, count_only=count_only)


def _continue(server: FhirServer, exchange: Exchange, token: str) -> SearchPage | Problem:
    session = server.pages.get(token)
    asked = exchange.interaction
    assert asked is not None
    expired = session is not None and session.expires is not None and session.expires <= server.clock.now()
    if session is None or expired or session.resource_type != asked.resource_type:
        text = f"the paging session {token} is over"
        return Problem(410, "page-expired", text, resource_type=asked.resource_type, value=token)
    return _page(server, exchange, session, [])


def _page(
    server: FhirServer, exchange: Exchange, session: PageSession, notes: list[Problem], *, count_only: bool = False
) -> SearchPage:
    offset = session.offset if session.replaced_offset is None else session.replaced_offset
    records = [] if count_only else list(session.hits.page(offset, session.limit + 1))
    more = len(records) > session.limit
    records = records[: session.limit]
    total = session.hits.total
    token = ""
    if more:
        following = PageSession(
            session.resource_type,
            session.query,
            session.hits,
            session.offset + session.limit,
            session.limit,
            session.compiled,
        )
        token = server.pages.open(following)
    extra = included(server, records, session.compiled, exchange.base_url) if session.compiled is not None else []
    exchange.returned = tuple(record.key for record in chain(records, extra))
    entries: list[PageEntry] = [(record.resource_type, record.id, record.body, "match") for record in records]
    entries += [(record.resource_type, record.id, record.body, "include") for record in extra]
    return SearchPage(
        resource_type=session.resource_type,
        entries=entries,
        total=total,
        query=session.query,
        next_token=token,
        notes=notes,
        page_size=session.limit,
        offset=session.offset,
        complete=not more and session.offset == 0,
        patient_facing=bool(exchange.patient),
    )


def _hits(server: FhirServer, resource_type: str, pairs: Parameters, compiled: Query) -> Hits:
    store = server.store
    values = {name: value for name, value in pairs if name not in RESULT_PARAMETERS}
    ids = values.get("_id")
    if ids is not None:
        hides = store.base.hides
        found = [store.read(resource_type, id) for id in ids.split(",") if not hides(resource_type, id)]
        return ListHits([r for r in found if r is not None and not r.deleted and compiled.matches(r.document)])
    if _foreign(server, values.get("identifier", "")):
        written = store.overlay(resource_type)
        return ListHits(_sorted(compiled, [r for r in written if not r.deleted and compiled.matches(r.document)]))
    if resource_type == "Patient":
        return _patients(server, pairs, compiled)
    patient = next((values[name] for name in PATIENT_PARAMETERS if name in values), None)
    if patient is not None:
        charts = [record for id in patient.split(",") for record in store.chart(_bare(id), resource_type)]
        return ListHits(_sorted(compiled, [record for record in charts if compiled.matches(record.document)]))
    if resource_type in SHARED_TYPES:
        shared = store.shared(resource_type)
        return ListHits(_sorted(compiled, [record for record in shared if compiled.matches(record.document)]))
    return _scanned(server, resource_type, compiled)


def _foreign(server: FhirServer, identifiers: str) -> bool:
    """Whether all of them are of systems that no computed record carries, as a client's own are."""
    systems = [text.rpartition("|")[0] for text in identifiers.split(",")]
    return all(system and not server.store.base.issues(system) for system in systems)


def _patients(server: FhirServer, pairs: Parameters, compiled: Query) -> Hits:
    written = server.store.overlay("Patient")
    computed = server.store.base.patients([pair for pair in pairs if pair[0] not in RESULT_PARAMETERS])
    if computed is None:
        return _scanned(server, "Patient", compiled)
    if not written:
        return computed
    matching = [record for record in written if not record.deleted and compiled.matches(record.document)]
    return _overlaid(computed, matching, frozenset(record.id for record in written))


def _sorted(compiled: Query, records: list[Record]) -> list[Record]:
    return compiled.ordered(records, lambda record: record.document) if compiled.sort else records


def _bare(reference: str) -> str:
    return reference.rpartition("/")[2]


class StreamHits:
    """Matches that are found one after the other; looks no further than asked for, and keeps what it found."""

    def __init__(self, source: Iterator[Record | None], total: int | None) -> None:
        """`source` gives None for each chart that it looked through."""
        self._found: list[Record] = []
        self._source = source
        self._total = total

    @property
    def total(self) -> int | None:
        """The exact number, if it is known without looking at everything."""
        return self._total

    def page(self, offset: int, limit: int) -> Sequence[Record]:
        """A slice, looking on as far as needed. Raises TooCostly."""
        looked_at = 0
        while len(self._found) < offset + limit:
            try:
                record = next(self._source)
            except StopIteration:
                break
            if record is not None:
                self._found.append(record)
            elif (looked_at := looked_at + 1) > LOOKED_AT:
                raise TooCostly
        return self._found[offset : offset + limit]


def _overlaid(computed: Hits, matching: list[Record], overridden: frozenset[str]) -> Hits:
    """Computed matches with what was written on top: written ones first, overridden ones left out."""

    def walk() -> Iterator[Record]:
        yield from matching
        position = 0
        while chunk := computed.page(position, 100):
            yield from (record for record in chunk if record.id not in overridden)
            position += len(chunk)

    new = all(record.version == 1 for record in matching) and len(matching) == len(overridden)
    total = computed.total + len(matching) if new and computed.total is not None else None
    return StreamHits(walk(), total)


def _scanned(server: FhirServer, resource_type: str, compiled: Query) -> Hits:
    """Matches that can only be found by looking through every chart."""

    def walk() -> Iterator[Record | None]:
        written = {record.id: record for record in server.store.overlay(resource_type)}
        for record in written.values():
            if not record.deleted and compiled.matches(record.document):
                yield record
        for patient in server.store.base.everyone():
            for record in server.store.base.chart(patient, resource_type):
                if record.id not in written and compiled.matches(record.document):
                    yield record
            yield None

    return StreamHits(walk(), None)
