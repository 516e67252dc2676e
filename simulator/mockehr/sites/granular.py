"""Scopes that cover only a part of a type: `system/Observation.rs?category=laboratory` (SMART App Launch 2.2,
"Finer-grained resource constraints using search parameters").

Reads, searches, what they include and what `$everything` brings along are confined to that part. What else such a
scope would give is refused: it is not told from the rest of the type before it is done.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from mockehr.auth.scopes import Scopes
from mockehr.core.exchange import JSON, Exchange
from mockehr.fhir.search import compile_query
from mockehr.fhir.server import FhirServer

CONFINED: Final = frozenset(
    {"read", "vread", "search", "search-system", "search-compartment"},
)
"""Interactions that show no more than the part."""


def part_of(server: FhirServer) -> Callable[[Exchange, str, str], Callable[[JSON], bool] | None]:
    """`FhirServer.part` by the scopes of an exchange's token."""

    def part(exchange: Exchange, kind: str, action: str) -> Callable[[JSON], bool] | None:
        scopes = exchange.scopes
        if not isinstance(scopes, Scopes) or not scopes.constrained:
            return None
        told = scopes.constraints(kind, action)
        if not told:
            return None
        queries = [compile_query(kind, pairs, strict=True, fhir_version=server.fhir_version) for pairs in told]
        tests = [query.matches for query in queries if not query.problems]  # what cannot be understood covers nothing
        return lambda resource: any(test(resource) for test in tests)

    return part
