"""MEDITECH's CapabilityStatement. Sources: notes.md."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from mockehr.core.exchange import JSON

_US_CORE: Final = "http://hl7.org/fhir/us/core/StructureDefinition/"
_PAGING: Final = "http://hl7.org/fhir/R4/http.html#paging"
_EXPORT: Final = "http://hl7.org/fhir/uv/bulkdata/export/index.html#query-parameters"
_EXPECTATION: Final = "http://hl7.org/fhir/StructureDefinition/capabilitystatement-expectation"
_ELSEWHERE: Final = {
    **dict.fromkeys(("_count", "continue"), _PAGING),
    **dict.fromkeys(("_outputFormat", "_since", "_type"), _EXPORT),
}
"""Where parameters are explained that the page about the type does not."""
_INTERACTIONS: Final = ("read", "search-type", "create", "update")
_ENDPOINTS: Final = ("token", "authorize", "register", "introspect", "revoke")


def rest_of(rest: JSON, told: Mapping[str, Any], root: str, paths: Mapping[str, str]) -> JSON:
    """One `rest` with the vendor's types in its order; `told` is the setting `capability`, `paths` the endpoints."""
    made = {one["type"]: one for one in rest.get("resource", ())}
    offered = [resource(made[kind], kind, told) for kind in told["types"] if kind in made]
    # what a site offers beside them, as an upgrade may
    others = [resource(one, kind, told) for kind, one in made.items() if kind not in told["types"]]
    return {
        "mode": "server",
        "security": _security(rest.get("security", {}), root, paths),
        "resource": offered + others,
    }


def _security(security: JSON, root: str, paths: Mapping[str, str]) -> JSON:
    told = security.get("extension", ())
    if not told:
        return {}
    uris = [{"url": name, "valueUri": root + paths[name]} for name in _ENDPOINTS if paths[name]]
    system = "http://terminology.hl7.org/CodeSystem/restful-security-service"
    text = "OAuth2 using SMART-on-FHIR profile (see http://docs.smarthealthit.org)"
    service = {"coding": [{"system": system, "code": "SMART-on-FHIR"}], "text": text}
    return {"extension": [{"url": told[0]["url"], "extension": uris}], "service": [service]}


def resource(standard: JSON, kind: str, told: Mapping[str, Any]) -> JSON:
    """What is said of a type, from what the server can do and the vendor's table."""
    own = told["types"].get(kind, {})
    made: JSON = {}
    if own.get("profiles"):
        made["supportedProfile"] = [one if ":" in one else _US_CORE + one for one in own["profiles"]]
    made["type"] = kind
    operations = told["operations"].get(kind, {})
    if operations:
        made["operation"] = [_operation(name, url) for name, url in operations.items()]
    known = [one["code"] for one in standard.get("interaction", ())]
    made["interaction"] = [{"code": code} for code in sorted(known, key=_rank)]
    if own.get("search"):
        made["searchParam"] = [_parameter(name, kind, standard, told) for name in parameters_of(kind, told)]
    if own.get("provenance"):
        made["searchRevInclude"] = ["Provenance:target"]
    if own.get("include"):
        made["searchInclude"] = [f"{kind}{told['include_mark']}{name}" for name in own["include"]]
    return made


def _rank(code: str) -> int:
    return _INTERACTIONS.index(code) if code in _INTERACTIONS else len(_INTERACTIONS)


def parameters_of(kind: str, told: Mapping[str, Any]) -> list[str]:
    """The search parameters that are told of a type."""
    paged = not told["paging"] or kind in told["paging"]
    names = told["types"].get(kind, {}).get("search", ())
    return [name for name in names if paged or name not in ("_count", "continue")]


def _operation(name: str, definition: str) -> JSON:
    made: JSON = {"name": name, "definition": definition}
    if name != "export":
        return made
    return {"extension": [{"url": _EXPECTATION, "valueCode": "SHOULD"}], **made}


def _parameter(name: str, kind: str, standard: JSON, told: Mapping[str, Any]) -> JSON:
    known = {one["name"]: one["type"] for one in standard.get("searchParam", ())}
    page = _ELSEWHERE.get(name) or told["types"][kind].get("page")
    own = told["kinds"].get(f"{kind}/{name}") or told["kinds"].get(name)
    made = {"name": name, "definition": page, "type": own or known.get(name, "token")}
    return {**made, "documentation": f"{kind} by {name}"}
