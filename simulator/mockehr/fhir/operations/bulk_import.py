"""`$import` (SMART bulk import draft, github.com/smart-on-fhir/bulk-import): NDJSON files that the server fetches.

What may be imported, and what becomes of it, the site's desk decides (`mockehr.fhir.bulk.import_desk`).
"""

from __future__ import annotations

from typing import Any

from mockehr.core.exchange import Exchange
from mockehr.core.problem import Problem
from mockehr.fhir.operations.base import Input, Operation
from mockehr.fhir.server import FhirServer


def import_files(server: FhirServer, exchange: Exchange, given: Input) -> Any:
    """202 and where to ask, or a Problem."""
    if server.imports is None:
        return Problem(404, "operation-unknown", "nothing is imported here", value="$import")
    return server.imports.kick_off(exchange, given)


IMPORT = Operation(
    name="import",
    definition="https://github.com/smart-on-fhir/bulk-import/blob/master/import.md",
    run=import_files,
    levels=frozenset({"system"}),
    affects_state=True,
    action=None,
)
