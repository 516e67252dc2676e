"""What `_include` and `_revinclude` add to a page of matches (FHIR R4 search.html#include)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain
from typing import Final

from mockehr.fhir.part import Part
from mockehr.fhir.record import Record
from mockehr.fhir.search import Include, Query
from mockehr.fhir.search.context import TooCostly
from mockehr.fhir.search.include import ANY
from mockehr.fhir.search.neighbours import CHART_TYPES, Neighbours, patients_of
from mockehr.fhir.server import FhirServer

MOST_INCLUDED: Final = 10_000
"""A page that would bring more resources along is refused as too costly."""


class Includes:
    """What the matches of one page bring along. `allowed` says what may be shown."""

    def __init__(
        self,
        server: FhirServer,
        query: Query,
        base_url: str,
        most: int,
        allowed: Callable[[Record], bool],
        part: Callable[[str], Part | None] | None = None,
    ) -> None:
        """`most`: how many charts may be looked through for what refers to a resource that is in no chart.

        `part` tells in whose charts it can be that is allowed.
        """
        self._server = server
        self._query = query
        self._base_url = base_url
        self._allowed = allowed
        self._neighbours = Neighbours(server.store, most, base_url, part)

    def of(self, matches: Sequence[Record]) -> list[Record]:
        """What they refer to and what refers to them; each once, no match. Raises TooCostly.

        `:iterate` follows what was included once more, until nothing new is found.
        """
        query = self._query
        if not query.include and not query.revinclude:
            return []
        seen = {record.key for record in matches}
        found: list[Record] = []
        fresh: Sequence[Record] = matches
        first = True
        while fresh:
            new: list[Record] = []
            forward = (one for one in query.include if first or one.iterate)
            backward = (one for one in query.revinclude if first or one.iterate)
            for record in chain(
                (record for include in forward for record in self._forward(include, fresh)),
                (record for include in backward for record in self._backward(include, fresh)),
            ):
                if record.key not in seen and self._allowed(record):
                    seen.add(record.key)
                    new.append(record)
                    if len(seen) > MOST_INCLUDED + len(matches):
                        raise TooCostly(f"this page would include more than {MOST_INCLUDED} resources; ask for fewer")
            found += new
            fresh, first = new, False
        return found

    def _forward(self, include: Include, records: Iterable[Record]) -> Iterator[Record]:
        for record in records:
            for kind, id in include.references(record.document, self._base_url):
                target = self._server.store.read(kind, id)
                if target is not None and not target.deleted:
                    yield target

    def _backward(self, include: Include, records: Sequence[Record]) -> Iterator[Record]:
        """What refers to any of the records: in their charts, among what was written, if need be anywhere."""
        wanted = {(record.resource_type, record.id) for record in records}
        if include.target:
            wanted = {key for key in wanted if key[0] == include.target}
        pointed = [one for one in records if (one.resource_type, one.id) in wanted]
        sources = tuple(self._server.types) if include.source == ANY else (include.source,)
        for candidate in self._candidates(sources, pointed):
            if not wanted.isdisjoint(include.references(candidate.document, self._base_url)):
                yield candidate

    def _candidates(self, sources: Sequence[str], records: Sequence[Record]) -> Iterator[Record]:
        """Every chart is taken up once for all the types, since that is what costs."""
        store = self._server.store
        whose = {record.key: patients_of(store, record.resource_type, record.id) or ("",) for record in records}
        anywhere = any("" in patients for patients in whose.values())
        far = tuple(one for one in sources if one in CHART_TYPES) if anywhere else ()
        if far:
            yield from self._neighbours.records(*far)
        charts: dict[str, list[tuple[str, str]]] = {}
        for record in records:
            for patient in whose[record.key]:
                charts.setdefault(patient, []).append((record.resource_type, record.id))
        for patient, keys in charts.items():
            for source in sources:
                if source in CHART_TYPES and source not in far:
                    yield from self._neighbours.of_chart(source, patient, keys)
        keys = [(record.resource_type, record.id) for record in records]
        for source in sources if records else ():
            if source not in CHART_TYPES:
                yield from self._neighbours.of_chart(source, "", keys)
