"""How the EMA API writes things: ids with pipes, bare names of code systems, numbers as texts. Sources: notes.md."""

from __future__ import annotations

from types import MappingProxyType
from typing import Any, Final
from urllib.parse import quote

from mockehr.core.exchange import JSON
from mockehr.core.problem import Problem

SYSTEMS: Final = MappingProxyType(
    {
        "http://snomed.info/sct": "SNOMED CT",
        "http://hl7.org/fhir/sid/icd-10-cm": "ICD10",
        "http://hl7.org/fhir/sid/icd-10": "I10",
        "http://www.ama-assn.org/go/cpt": "CPT",
        "http://terminology.hl7.org/CodeSystem/condition-clinical": "http://hl7.org/fhir/ValueSet/condition-clinical",
    }
)
"""Systems of codes as others call them → as the EMA API does."""
STANDARD: Final = MappingProxyType({own: system for system, own in SYSTEMS.items()})
RECORD_NUMBER: Final = "http://www.hl7.org/fhir/v2/0203/index.html#v2-0203-MR"
PMS: Final = "PMS"
PAYER_ID: Final = "payerId"
FILE_NAME: Final = "filename"
TRANSACTION: Final = "transactionId"
"""Identifier systems."""
EXTENSIONS: Final = MappingProxyType(
    {
        "http://hl7.org/fhir/us/core/StructureDefinition/us-core-race": "race",
        "http://hl7.org/fhir/us/core/StructureDefinition/us-core-ethnicity": "ethnicity",
        "http://hl7.org/fhir/us/core/StructureDefinition/us-core-birthsex": "birthsex",
    }
)
STANDARD_EXTENSIONS: Final = MappingProxyType({own: url for url, own in EXTENSIONS.items()})
_LARGEST: Final = 2**53
_PREFIXES: Final = MappingProxyType(
    {"ChargeItem": ("CHG", "INBOUND"), "DocumentReference": ("file",), "Organization": ("pay",)}
)


def outer_id(resource: JSON) -> str:
    """The id of a resource as the EMA API has it: `CHG|1722`, `INBOUND|…`, `file|…`, `pay|…`, or the bare number."""
    kind, id = resource["resourceType"], str(resource["id"])
    if kind == "ChargeItem":
        sent = any(one.get("system") == TRANSACTION for one in resource.get("identifier", ()))
        return f"{'INBOUND' if sent else 'CHG'}|{id}"
    if kind == "DocumentReference":
        return f"file|{id}"
    return f"pay|{id}" if kind == "Organization" and is_payer(resource) else id


def inner_id(resource_type: str, text: str) -> str:
    """The FHIR id in an EMA id; a prefix that the type does not have stays, and so finds nothing."""
    prefix, pipe, id = text.partition("|")
    return id if pipe and prefix in _PREFIXES.get(resource_type, ()) else text


def is_payer(organization: JSON) -> bool:
    """Whether an Organization is an insurer."""
    codes = {one.get("code") for kind in organization.get("type", ()) for one in kind.get("coding", ())}
    return bool(codes & {"pay", "ins"})


def address(base: str, resource_type: str, id: str) -> str:
    """The absolute URL of a record, with its pipe escaped."""
    return f"{base}/{resource_type}/{quote(id, safe='')}"


def fraction(text: str) -> str:
    """An instant with seven digits after its second."""
    whole, _, rest = text.removesuffix("Z").partition(".")
    return f"{whole}.{rest[:7]:0<7}Z"


def as_text(value: Any) -> Any:
    """A number as text; anything else as it is."""
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return f"{value:g}" if isinstance(value, float) else str(value) if number else value


def as_number(value: Any) -> Any:
    """A text that is a number as one; anything else as it is."""
    if not isinstance(value, str):
        return value
    try:
        number = int(value) if value.lstrip("-").isdecimal() else float(value)
    except ValueError:
        return value
    return number if abs(number) <= _LARGEST else value  # neither NaN, which no JSON has


def refusal(status: int, text: str) -> Problem:
    """A refusal by its status; the kinds are only for the journal."""
    kinds = {401: "no-token", 403: "scope-missing", 404: "not-found", 405: "interaction-unknown", 409: "conflict"}
    return Problem(status, kinds.get(status, "bad-request"), text)  # type: ignore[arg-type]
