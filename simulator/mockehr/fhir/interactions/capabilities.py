"""GET /metadata (FHIR R4 http.html#capabilities)."""

from __future__ import annotations

from mockehr.core.exchange import Exchange, Reply
from mockehr.fhir.server import FhirServer


def capabilities(server: FhirServer, exchange: Exchange) -> Reply:
    """The CapabilityStatement, derived from the route table and the search table."""
    return Reply(200, [], server.capability(exchange))
