"""What `_include` and `_revinclude` add to a page of matches (FHIR R4 search.html#include)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain

from mockehr.fhir.record import Record
from mockehr.fhir.search import Query
from mockehr.fhir.server import FhirServer


def included(server: FhirServer, matches: Sequence[Record], query: Query, base_url: str) -> list[Record]:
    """Give records that the matches refer to, and records of the same charts that refer to them; each once, no match.

    `:iterate` follows what was included once more, until nothing new is found.
    """
    if not query.include and not query.revinclude:
        return []
    seen = {record.key for record in matches}
    found: list[Record] = []
    fresh: Sequence[Record] = matches
    first = True
    while fresh:
        new: list[Record] = []
        for record in chain(_forward(server, fresh, query, base_url, first), _backward(server, fresh, query, first)):
            if record.key not in seen:
                seen.add(record.key)
                new.append(record)
        found += new
        fresh, first = new, False
    return found


def _forward(
    server: FhirServer, records: Iterable[Record], query: Query, base_url: str, first: bool
) -> Iterator[Record]:
    for include in query.include:
        if first or include.iterate:
            for record in records:
                for kind, id in include.references(record.document, base_url):
                    target = server.store.read(kind, id)
                    if target is not None and not target.deleted:
                        yield target


def _backward(server: FhirServer, records: Iterable[Record], query: Query, first: bool) -> Iterator[Record]:
    for include in query.revinclude:
        if first or include.iterate:
            for record in records:
                if record.patient:
                    for candidate in server.store.chart(record.patient, include.source):
                        if (record.resource_type, record.id) in include.references(candidate.document):
                            yield candidate
