"""What makes resources of US Core profiles keep the guide's own invariants; the keys are those of US Core 6.1.0."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final

from mockehr.core.exchange import JSON
from mockehr.fhir.validation.rules import in_order
from mockehr.testing.strategies.mending_resources import without

UCUM: Final = "http://unitsofmeasure.org"
ABSENT: Final = {
    "coding": [{"system": "http://terminology.hl7.org/CodeSystem/data-absent-reason", "code": "unknown"}]
}
_REPORTED: Final = ("partial", "preliminary", "final", "amended", "corrected", "appended")
_DAY: Final = "2000-01-01"
_MOMENT: Final = "2000-01-01T00:00:00Z"
Mend = Callable[[JSON], JSON]


def mended_for(resource_type: str, drawn: JSON) -> JSON:
    """The resource, without resourceType, so that it keeps the guide's invariants for its type."""
    mend = _MENDS.get(resource_type)
    return mend(drawn) if mend is not None else drawn


def _has(drawn: JSON, choice: str) -> bool:
    return any(name.startswith(choice) for name in drawn)


def _coverage(drawn: JSON) -> JSON:  # us-core-15
    return {"subscriberId": "a", **drawn}


def _report(drawn: JSON) -> JSON:  # us-core-8 to us-core-10
    if drawn["status"] not in _REPORTED:
        return drawn
    made = drawn if _has(drawn, "effective") else {**drawn, "effectiveDateTime": _DAY}
    return {"issued": _MOMENT, **made}


def _document(drawn: JSON) -> JSON:  # us-core-6
    def held(content: JSON) -> JSON:
        attachment = content["attachment"]
        if "url" in attachment or "data" in attachment:
            return content
        return {**content, "attachment": {**attachment, "url": "http://example.org/a"}}

    return {**drawn, "content": [held(content) for content in drawn["content"]]}


def _dispense(drawn: JSON) -> JSON:  # us-core-20, mdd-1
    if drawn["status"] != "completed" or "whenHandedOver" in drawn:
        return drawn
    prepared = drawn.get("whenPrepared", _DAY)
    return {**drawn, "whenHandedOver": prepared if in_order(prepared, prepared) else _DAY}


def _prescription(drawn: JSON) -> JSON:  # us-core-21
    return {"requester": {"reference": "Practitioner/a"}, **drawn}


def _observation(drawn: JSON) -> JSON:  # us-core-1 to us-core-3, vs-1 to vs-3
    made = _measured(drawn)
    if "component" in made:
        made = {**made, "component": [_told(_measured(part)) for part in made["component"]]}
    elif "hasMember" not in made:
        made = _told(made)
    when = made.get("effectiveDateTime", _DAY)
    return made if len(when) >= 10 else {**made, "effectiveDateTime": _DAY}


def _measured(drawn: JSON) -> JSON:
    if "system" not in drawn.get("valueQuantity", {}):
        return drawn
    return {**drawn, "valueQuantity": {**drawn["valueQuantity"], "system": UCUM}}


def _told(drawn: JSON) -> JSON:
    """With a value, or the reason why there is none."""
    if _has(drawn, "value"):
        return without(drawn, "dataAbsentReason")
    return {"dataAbsentReason": {**ABSENT}, **drawn}


def _identified(drawn: JSON) -> JSON:  # us-core-16 to us-core-19
    if "identifier" not in drawn:
        return drawn
    return {**drawn, "identifier": [_numbered(one) for one in drawn["identifier"]]}


def _numbered(identifier: JSON) -> JSON:
    number = _NUMBERS.get(identifier.get("system", ""))
    return {**identifier, "value": number(sum(map(ord, identifier.get("value", ""))))} if number else identifier


def _npi(number: int) -> str:
    """A number with the right check digit that is nobody's: providers' begin with 1 or 2 (45 CFR 162.406)."""
    digits = f"9{number % 10**8:08}"
    total = 24 + sum(int(one) if place % 2 else sum(divmod(2 * int(one), 10)) for place, one in enumerate(digits))
    return f"{digits}{-total % 10}"


_NUMBERS: Final[Mapping[str, Callable[[int], str]]] = MappingProxyType(
    {
        "http://hl7.org/fhir/sid/us-npi": _npi,
        "urn:oid:2.16.840.1.113883.4.7": lambda number: f"99D{number % 10**7:07}",
        "urn:oid:2.16.840.1.113883.6.300": lambda number: f"{number % 10**5:05}",
    }
)
"""System → numbers in the form that the guide wants (NPI, CLIA, NAIC)."""


def _patient(drawn: JSON) -> JSON:  # us-core-6
    named = [one if "family" in one or "given" in one else {**one, "family": "a"} for one in drawn["name"]]
    return {**drawn, "name": named}


def _role(drawn: JSON) -> JSON:  # us-core-13, pd-1
    bound = any(name in drawn for name in ("practitioner", "organization", "healthcareService", "location"))
    made = drawn if bound else {**drawn, "practitioner": {"reference": "Practitioner/a"}}
    return made if "telecom" in made else {"endpoint": [{"reference": "Endpoint/a"}], **made}


def _procedure(drawn: JSON) -> JSON:  # us-core-7
    if drawn["status"] not in ("completed", "in-progress") or _has(drawn, "performed"):
        return drawn
    return {**drawn, "performedDateTime": _DAY}


def _provenance(drawn: JSON) -> JSON:  # provenance-1
    def behalf(agent: JSON) -> JSON:
        who: Any = agent["who"].get("reference", "")
        if not who.startswith(("Practitioner/", "Device/")):
            return agent
        return {"onBehalfOf": {"reference": "Organization/a"}, **agent}

    return {**drawn, "agent": [behalf(agent) for agent in drawn["agent"]]}


def _related(drawn: JSON) -> JSON:  # us-core-14
    return drawn if "relationship" in drawn else {"name": [{"family": "a"}], **drawn}


_MENDS: Final[Mapping[str, Mend]] = MappingProxyType(
    {
        "Coverage": _coverage,
        "DiagnosticReport": _report,
        "DocumentReference": _document,
        "MedicationDispense": _dispense,
        "MedicationRequest": _prescription,
        "Observation": _observation,
        "Organization": _identified,
        "Patient": _patient,
        "Practitioner": _identified,
        "PractitionerRole": _role,
        "Procedure": _procedure,
        "Provenance": _provenance,
        "RelatedPerson": _related,
    }
)
