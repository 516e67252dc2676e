"""Which records an export takes, and as what line of NDJSON."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, Final

from mockehr.core.exchange import JSON
from mockehr.fhir.bulk.job import Job, Query
from mockehr.fhir.record import Record, encode
from mockehr.fhir.search import Query as Compiled
from mockehr.fhir.search import compile_query, shaped
from mockehr.fhir.search.neighbours import Neighbours, references
from mockehr.fhir.terminology import Library

if TYPE_CHECKING:
    from mockehr.fhir.server import FhirServer

Test = Callable[[Any], bool]
CHARTS: Final = 250
"""Charts that `_has` in a `_typeFilter` may look through."""


def compile_filter(
    server: FhirServer, kind: str, query: str | Query, *, strict: bool, base_url: str, now: float
) -> Compiled:
    """A `_typeFilter` or the constraint of a scope as a compiled search; read its `problems`."""

    def resolve(resource_type: str, id: str) -> JSON | None:
        record = server.store.read(resource_type, id)
        return None if record is None or record.deleted else record.document

    return compile_query(
        kind,
        query,
        strict=strict,
        base_url=base_url,
        now=now,
        resolve=resolve,
        referrers=Neighbours(server.store, CHARTS, base_url),
        library=Library(server.store),
        fhir_version=server.fhir_version,
        own=server.own_parameters,
    )


class Selection:
    """What one job takes. Made once per job and process."""

    def __init__(self, server: FhirServer, job: Job) -> None:
        self._job = job
        self._server = server
        self._since = job.since
        self._tests: dict[str, tuple[Test, ...]] = {}
        self._shapes: dict[str, Compiled] = {}
        for kind in {*(kind for kind, _ in job.filters), *(kind for kind, _ in job.limits)}:
            wanted = self._compiled(kind, [query for name, query in job.filters if name == kind])
            allowed = self._compiled(kind, [query for name, some in job.limits if name == kind for query in some])
            self._tests[kind] = tuple(test for test in (wanted, allowed) if test is not None)

    def _compiled(self, kind: str, queries: list[Query]) -> Test | None:
        """Whether a resource satisfies one of these searches; None without any."""
        if not queries or () in queries:
            return None
        job = self._job
        made = [
            compile_filter(self._server, kind, query, strict=False, base_url=job.base_url, now=job.kicked_off).test
            for query in queries
        ]
        return made[0] if len(made) == 1 else lambda resource: any(test(resource) for test in made)

    def wants(self, record: Record) -> bool:
        """Whether a record is exported. Raises TooCostly for a `_has` that would look through too much."""
        # "Later than", says the standard. On a clock that stands, what is written after one export has its time: the
        # next one would lose it. Rather something twice.
        if self._since is not None and record.updated < self._since:
            return False
        tests = self._tests.get(record.resource_type)
        return tests is None or all(test(record.document) for test in tests)

    def line(self, record: Record) -> bytes:
        """A record without its line end."""
        shown = self._server.shown(record)
        octets = shown.body
        if self._job.elements:
            document = shaped(shown.document, self._shape(record.resource_type))
            octets = octets if document is None else encode(document)
        if b"\n" in octets or b"\r" in octets:  # between tokens: within texts JSON escapes them
            octets = octets.replace(b"\r", b" ").replace(b"\n", b" ")
        return octets

    def _shape(self, kind: str) -> Compiled:
        found = self._shapes.get(kind)
        if found is None:
            pairs = [("_elements", ",".join(self._job.elements))]
            found = self._shapes[kind] = compile_query(
                kind, pairs, strict=False, fhir_version=self._server.fhir_version
            )
        return found

    def provenance(self, records: Iterable[Record], exported: frozenset[str]) -> list[Record]:
        """Those of some Provenance records that come along with what is exported (`Type/id`)."""
        about: list[tuple[Record, list[str]]] = []
        tests = self._tests.get("Provenance", ())
        for record in records:
            if not all(test(record.document) for test in tests):
                continue
            targets = ["/".join(key) for key in references(record.document.get("target"), self._job.base_url)]
            mine = [target for target in targets if target in exported]
            if mine:
                about.append((record, mine))
        if self._job.associated != "latest":
            return [record for record, _ in about]
        newest: dict[str, Record] = {}
        for record, targets in about:
            for target in targets:
                before = newest.get(target)
                if before is None or _recorded(before) < _recorded(record):
                    newest[target] = record
        kept = {id(record) for record in newest.values()}
        return [record for record, _ in about if id(record) in kept]


def _recorded(record: Record) -> str:
    return str(record.document.get("recorded", ""))
