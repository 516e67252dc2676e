"""`$export` of the system, of all patients and of a Group (Bulk Data Access 2.0, "Bulk Data Kick-off Request").

What is exported, and whether the token covers it, the site's desk decides (`mockehr.fhir.bulk.desk`).
"""

from __future__ import annotations

from typing import Any, Final

from mockehr.core.exchange import Exchange
from mockehr.core.problem import Problem
from mockehr.fhir.operations.base import Input, Operation
from mockehr.fhir.server import FhirServer

_DEFINED: Final = "http://hl7.org/fhir/uv/bulkdata/OperationDefinition/"


def export(server: FhirServer, exchange: Exchange, given: Input) -> Any:
    """202 and where to ask, or a Problem."""
    asked = exchange.interaction
    assert asked is not None
    if server.bulk is None:
        return Problem(404, "operation-unknown", "nothing is exported here", value="$export")
    if exchange.method == "HEAD":  # it would order an export
        text = "an export is ordered by GET or POST"
        return Problem(405, "interaction-unknown", text, resource_type=asked.resource_type, where="GET, POST")
    return server.bulk.kick_off(exchange, given)


EXPORT = Operation(
    name="export",
    definition=f"{_DEFINED}export",
    definitions=(("Patient", f"{_DEFINED}patient-export"), ("Group", f"{_DEFINED}group-export")),
    run=export,
    levels=frozenset({"system", "type", "instance"}),
    types=frozenset({"Patient", "Group"}),
    type_levels=frozenset({("Patient", "type"), ("Group", "instance")}),
    action=None,
)
