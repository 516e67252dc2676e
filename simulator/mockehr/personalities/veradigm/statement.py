"""What Veradigm's CapabilityStatement has that others' do not. Sources: notes.md."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from mockehr.core.exchange import JSON

_INCLUDES: Final = {
    "CarePlan": ("CarePlan:activity.outcomereference.procedure",),
    "Patient": ("Patient:generalpractitioner",),
}


def statement_of(made: JSON, told: Mapping[str, Any]) -> JSON:
    """The statement with the product's oddities; changes nothing of what was given."""
    return {**made, "rest": [_rest(rest, told) for rest in made.get("rest", ())]}


def _rest(rest: JSON, told: Mapping[str, Any]) -> JSON:
    security = {**rest.get("security", {})}
    security["description"] = "The Veradigm FHIR R4 Server supports Smart App Launch for security"
    security["extension"] = [_addresses(one) for one in security.get("extension", ())]
    return {
        "mode": rest["mode"],
        "security": security,
        "resource": [_type(one, str(told["chained"])) for one in rest.get("resource", ())],
        "interaction": rest.get("interaction", []),
        "compartment": [f"http://hl7.org/fhir/CompartmentDefinition/{name.lower()}" for name in told["compartments"]],
    }


def _addresses(extension: JSON) -> JSON:
    """`authorize`, `token` and `manage` alone."""
    kept = [one for one in extension.get("extension", ()) if one["url"] in ("authorize", "token", "manage")]
    return {**extension, "extension": kept}


def _type(resource: JSON, chained: str) -> JSON:
    made = {name: value for name, value in resource.items() if name not in ("extension", "profile")}
    if "searchParam" in made:
        made["searchParam"] = _parameters(made["searchParam"], chained)
        made["searchInclude"] = _includes(resource)
        if not made["searchInclude"]:
            del made["searchInclude"]
    if "operation" in made:
        made["operation"] = [{**one, "name": f"${one['name']}"} for one in made["operation"]]
    return made


def _parameters(told: Sequence[JSON], chained: str) -> list[JSON]:
    """Both `id` and `_id`; a chain among the names of whatever has a patient."""
    rest = [one for one in told if one["name"] != "_id"]
    made: list[JSON] = [{"name": "id", "type": "token"}, {"name": "_id", "type": "token"}, *rest]
    if any(one["name"] == "patient" for one in rest):
        made.append({"name": chained, "type": "token"})
    return made


def _includes(resource: JSON) -> list[str]:
    """In lower case behind the type."""
    standard = [one for one in resource.get("searchInclude", ()) if ":" in one]
    named = (f"{kind}:{name.lower()}" for kind, _, name in (one.partition(":") for one in standard))
    return list(dict.fromkeys([*_INCLUDES.get(resource["type"], ()), *named]))
