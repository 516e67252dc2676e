"""Epic's CapabilityStatement: `rest`, as the release and the site have it. Sources: notes.md, section Discovery."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from mockehr.core.exchange import JSON

_SERVICES: Final = "http://terminology.hl7.org/CodeSystem/restful-security-service"


def rest_of(rest: JSON, told: Mapping[str, Any], authorize: str) -> JSON:
    """One `rest` in Epic's words; `told` is the section `capability` of the settings."""
    security = {**_with_authorize(rest.get("security", {}), authorize), "cors": True}
    security["service"] = [
        {"coding": [{"system": _SERVICES, "code": name, "display": name}], "text": name}
        for name in ("OAuth", "SMART-on-FHIR", "Basic")
    ]
    security.pop("description", None)
    return {
        "mode": "server",
        "security": security,
        "resource": [_type(one, told) for one in rest.get("resource", ())],
    }


def with_register(document: JSON, register: str) -> JSON:
    """The statement as an app reads it that may register itself: with the address where."""
    made = []
    for rest in document.get("rest", ()):
        security = dict(rest["security"])
        security["extension"] = [
            {**one, "extension": [*one["extension"], {"valueUri": register, "url": "register"}]}
            for one in security.get("extension", ())
        ]
        made.append({**rest, "security": security})
    return {**document, "rest": made}


def _type(told: JSON, settings: Mapping[str, Any]) -> JSON:
    """One resource type: profiles with their version, parameters only where it is searched."""
    made: JSON = {"type": told["type"]}
    profiles, version = told.get("supportedProfile", ()), settings["profiles"]
    if profiles and version and told["type"] not in settings["unprofiled"]:
        made["supportedProfile"] = sorted(f"{one}|{version}" for one in profiles)
    interactions = sorted(told.get("interaction", ()), key=lambda one: str(one["code"]))
    made["interaction"] = interactions
    flags = settings["resource"]
    if any(one["code"] == "search-type" for one in interactions):
        made |= {**flags, "searchParam": _parameters(told, settings["parameters"])}
    else:
        made |= {name: value for name, value in flags.items() if not name.startswith("search")}
    return {**made, **_operations(told)}


def _parameters(told: JSON, own: Mapping[str, Any]) -> list[JSON]:
    """What Epic looks things up by first, `_count` and `_id`, and what it filters by afterwards, by name."""
    kind = told["type"]
    left_out = {*own["left_out"], *own["without"].get(kind, ())}
    found = {one["name"]: one for one in told.get("searchParam", ()) if one["name"] not in left_out}
    if kind in own["bare"]:
        found = {"_id": found["_id"]} if "_id" in found else {}
    more = {**own["types"].get(kind, {}), "_count": "number"}
    found |= {name: {"name": name, "type": of} for name, of in more.items()}
    first = [name for name in (*own["first"].get(kind, ()), "_count", "_id") if name in found]
    order = [*first, *sorted(set(found) - set(first))]
    return [
        {part: found[name][part] for part in ("name", "type", "documentation") if part in found[name]}
        for name in order
    ]


def _operations(told: JSON) -> JSON:
    """The operations of a type, of which `$export` is told by the name of its definition."""
    found = []
    for one in told.get("operation", ()):
        url = str(one["definition"])
        found.append({"name": url.rpartition("/")[2] if one["name"] == "export" else one["name"], "definition": url})
    return {"operation": found} if found else {}


def _with_authorize(security: JSON, authorize: str) -> JSON:
    """A `rest.security` that says where to authorize and where to get tokens, each value before its URL."""
    made = dict(security)
    extensions = []
    for told in security.get("extension", ()):
        parts = [{"valueUri": authorize, "url": "authorize"}]
        parts += [
            {"valueUri": one["valueUri"], "url": one["url"]}
            for one in told.get("extension", ())
            if one["url"] == "token"
        ]
        extensions.append({"extension": parts, "url": told["url"]})
    return {**made, "extension": extensions} if extensions else made
