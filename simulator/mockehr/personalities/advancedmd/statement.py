"""What AdvancedMD's CapabilityStatement says of types, parameters and security. Sources: notes.md."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from mockehr.core.exchange import JSON

_ADDRESSES: Final = ("token", "authorize", "revoke", "introspect", "manage")


def statement_of(made: JSON, told: Mapping[str, Any]) -> JSON:
    """The statement as the product has it; changes nothing of what was given."""
    return {**made, "rest": [_rest(rest, told) for rest in made.get("rest", ())]}


def _rest(rest: JSON, told: Mapping[str, Any]) -> JSON:
    operations = {one["name"]: one for resource in rest["resource"] for one in resource.get("operation", ())}
    operations |= {one["name"]: one for one in rest.get("operation", ())}
    listed = [operations[name] for name in told["operations"] if name in operations]
    return {
        "mode": "server",
        "security": _security(rest.get("security", {}), str(told["service"])),
        "resource": [_type(one, told) for one in rest.get("resource", ()) if one["type"] != "ConceptMap"],
        "operation": [{"definition": one["definition"], "name": one["name"]} for one in listed],
    }


def _security(security: JSON, system: str) -> JSON:
    extensions = []
    for one in security.get("extension", ()):
        known = {part["url"]: part for part in one.get("extension", ())}
        extensions.append({"url": one["url"], "extension": [known[name] for name in _ADDRESSES if name in known]})
    coding = {"system": system, "code": "SMART-on-FHIR", "display": "SMART-on-FHIR"}
    text = "OAuth2 using SMART-on-FHIR profile (see http://docs.smarthealthit.org)"
    return {"extension": extensions, "service": [{"coding": [coding], "text": text}]}


def _type(resource: JSON, told: Mapping[str, Any]) -> JSON:
    kind = resource["type"]
    codes = [one["code"] for one in resource.get("interaction", ())]
    made: JSON = {"type": kind, "supportedProfile": resource.get("supportedProfile", [])}
    made["interaction"] = [{"code": code} for code in ("search-type", "read") if code in codes]
    if kind not in told["without_provenance"] and kind != "Group":
        made["searchRevInclude"] = ["Provenance:target"]
    if kind in told["includes"]:
        made["searchInclude"] = list(told["includes"][kind])
    standard = {one["name"]: one["type"] for one in resource.get("searchParam", ())}
    names = told["parameters"].get(kind, ())
    made["searchParam"] = [{"name": name, "type": standard.get(name, "token")} for name in names]
    if kind in ("Group", "DocumentReference"):
        made["operation"] = resource.get("operation", [])
    return {name: value for name, value in made.items() if value}
