"""`$validate` (FHIR R4 resource-operation-validate.html): what a server would say of a resource."""

from __future__ import annotations

from typing import Final

from mockehr.core.exchange import JSON, Exchange
from mockehr.core.problem import Problem, not_found
from mockehr.fhir.operations.base import Input, Operation
from mockehr.fhir.part import withheld
from mockehr.fhir.server import FhirServer
from mockehr.fhir.validate import Issue, outcome, place, validate_document

MODES: Final = frozenset({"", "create", "update", "delete", "profile"})
KNOWN: Final = frozenset({"resource", "mode", "profile", "_format", "_pretty"})


def validate(server: FhirServer, exchange: Exchange, given: Input) -> JSON | Problem:
    """An OperationOutcome with every issue, `All OK` if there is none; with an id and no resource, of what is stored.

    200 whenever the validation was done, whatever it found; 400 for parameters that make no sense.
    """
    asked = exchange.interaction
    assert asked is not None
    strange = sorted(set(given) - KNOWN)
    if strange:
        text = f"{strange[0]} is no parameter of $validate; it has resource, mode and profile"
        return Problem(400, "parameter-unknown", text, parameter=strange[0])
    mode, profile = given.text("mode"), given.text("profile")
    if mode not in MODES:
        text = f"mode is {mode}; it is one of {', '.join(sorted(MODES - {''}))}"
        return Problem(400, "parameter-invalid", text, parameter="mode", value=mode)
    resource = given.resource or given.object("resource")
    if resource is None and asked.id:
        return _stored(server, exchange, mode, profile)
    if resource is None:
        return Problem(
            400, "parameter-missing", "there is nothing to validate: resource is missing", parameter="resource"
        )
    found = validate_document(resource, profile=profile, mode=mode, version=server.fhir_version)
    issues = _address(resource, asked.resource_type, asked.id) + found
    return outcome(place(issues, exchange.body) if given.resource is resource else issues)


def _stored(server: FhirServer, exchange: Exchange, mode: str, profile: str) -> JSON | Problem:
    asked = exchange.interaction
    assert asked is not None
    record = server.store.read(asked.resource_type, asked.id)
    if record is None or record.deleted:
        return not_found(asked.resource_type, asked.id)
    refusal = withheld(server.part(exchange, asked.resource_type, "read"), record, "read")
    if refusal is not None:
        return refusal
    issues = validate_document(record.document, profile=profile, mode=mode, version=server.fhir_version)
    return outcome(place(issues, record.body))


def _address(resource: JSON, kind: str, id: str) -> list[Issue]:
    """What does not fit the address at which it was sent."""
    found, own = resource.get("resourceType"), resource.get("id")
    if kind and found != kind:
        return [Issue("invalid", f"the resource is a {found}, the address is of {kind}", "resourceType")]
    if id and own is not None and own != id:
        return [Issue("invalid", f"the resource's id is {own}, the address says {id}", f"{kind}.id")]
    return []


VALIDATE: Final = Operation(
    "validate",
    "http://hl7.org/fhir/OperationDefinition/Resource-validate",
    validate,
    frozenset({"system", "type", "instance"}),
)
