"""What a server says of itself, in a form that only differs where a client would care.

A CapabilityStatement (FHIR R4 capabilitystatement.html) becomes sorted lists and names; dates, texts and the order of
things are gone, and addresses count from the server's origin, so that a server that moved as a whole is the same.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final
from urllib.parse import urlsplit

import orjson

from mockehr.core.exchange import JSON

ORIGIN: Final = "{origin}"
"""Stands for the scheme, host and port of the FHIR base."""
_OAUTH_URIS: Final = "http://fhir-registry.smarthealthit.org/StructureDefinition/oauth-uris"
_FLAGS: Final = (
    "versioning", "readHistory", "updateCreate", "conditionalCreate", "conditionalRead", "conditionalUpdate",
    "conditionalDelete",
)  # fmt: skip


def canonical(statement: JSON, base: str) -> JSON:
    """A CapabilityStatement by `fhirVersion`, `formats`, `endpoints`, `interactions`, `operations`, `resources` …

    Raises nothing for parts that are not as FHIR has them: they count as absent.
    """
    rest = next((one for one in _objects(statement.get("rest")) if one.get("mode", "server") == "server"), {})
    security, software = _object(rest.get("security")), _object(statement.get("software"))
    told = {
        "fhirVersion": str(statement.get("fhirVersion", "")),
        "software": " ".join(str(software[part]) for part in ("name", "version") if software.get(part)),
        "formats": _texts(statement.get("format")),
        "patchFormats": _texts(statement.get("patchFormat")),
        "instantiates": _texts(statement.get("instantiates")),
        "security": sorted({code for one in _objects(security.get("service")) for code in _codes(one)}),
        "endpoints": _endpoints(security, base),
        "interactions": _named(rest.get("interaction"), "code"),
        "operations": _named(rest.get("operation"), "name"),
        "resources": {
            str(one["type"]): _resource(one)
            for one in sorted(_objects(rest.get("resource")), key=lambda found: str(found.get("type")))
            if one.get("type")
        },
    }
    return {name: value for name, value in told.items() if value not in ("", [], {})}


def canonical_smart(document: JSON, base: str) -> JSON:
    """A smart-configuration (SMART App Launch 2.x, conformance.html) by its members, lists sorted."""
    made: JSON = {}
    for name in sorted(document):
        value = document[name]
        if isinstance(value, list):
            made[name] = _texts(value)
        elif isinstance(value, str):
            made[name] = at_origin(value, base)
        else:
            made[name] = orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode()
    return made


def at_origin(address: str, base: str) -> str:
    """An address with ORIGIN in place of the origin of `base`, where it has that one."""
    parts = urlsplit(base)
    origin = f"{parts.scheme}://{parts.netloc}"
    return ORIGIN + address.removeprefix(origin) if parts.netloc and address.startswith(origin) else address


def _resource(entry: JSON) -> JSON:
    parameters = {
        str(one["name"]): str(one.get("type", "")) for one in _objects(entry.get("searchParam")) if one.get("name")
    }
    told = {
        "interactions": _named(entry.get("interaction"), "code"),
        "parameters": dict(sorted(parameters.items())),
        "operations": _named(entry.get("operation"), "name"),
        "includes": _texts(entry.get("searchInclude")),
        "revincludes": _texts(entry.get("searchRevInclude")),
        "profiles": _texts([entry.get("profile"), *_texts(entry.get("supportedProfile"))]),
        "manners": [f"{flag}: {_plain(entry[flag])}" for flag in _FLAGS if flag in entry],
    }
    return {name: value for name, value in told.items() if value}


def _endpoints(security: JSON, base: str) -> dict[str, str]:
    """The addresses of SMART's extension, which is how servers of SMART 1.0 tell them."""
    found = [one for one in _objects(security.get("extension")) if one.get("url") == _OAUTH_URIS]
    parts = [part for one in found for part in _objects(one.get("extension"))]
    return {
        str(part.get("url")): at_origin(str(part.get("valueUri")), base) for part in parts if part.get("valueUri")
    }


def _named(things: Any, member: str) -> list[str]:
    return sorted({str(one[member]) for one in _objects(things) if one.get(member)})


def _codes(concept: JSON) -> Iterable[str]:
    return (str(coding["code"]) for coding in _objects(concept.get("coding")) if coding.get("code"))


def _texts(values: Any) -> list[str]:
    return sorted({_plain(one) for one in values if one}) if isinstance(values, list) else []


def _plain(value: Any) -> str:
    return value if isinstance(value, str) else orjson.dumps(value).decode()


def _object(value: Any) -> JSON:
    return value if isinstance(value, dict) else {}


def _objects(values: Any) -> list[JSON]:
    return [one for one in values if isinstance(one, dict)] if isinstance(values, list) else []
