"""GET /metadata (FHIR R4 http.html#capabilities)."""

from __future__ import annotations

from mockehr.core.exchange import JSON, Exchange
from mockehr.fhir.server import FhirServer


def capabilities(server: FhirServer, exchange: Exchange) -> JSON:
    """The CapabilityStatement, derived from the route table and the search table."""
    return server.capability(exchange)
