"""OPTIONS (RFC 9110 section 9.3.7): which methods an address has. FHIR R4 itself asks for GET /metadata only."""

from __future__ import annotations

from mockehr.core.exchange import Exchange, Reply
from mockehr.fhir.server import FhirServer


def options(server: FhirServer, exchange: Exchange) -> Reply:
    """204 with `Allow`."""
    asked = exchange.interaction
    assert asked is not None
    methods = asked.version.replace("GET", "GET, HEAD")
    return Reply(204, [("Allow", f"{methods}, OPTIONS")])
