"""The CapabilityStatement: derived from what the site offers, the search table and US Core's demands.

FHIR R4 capabilitystatement.html; expectations from the US Core 6.1.0 server CapabilityStatement.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from types import MappingProxyType
from typing import Any, Final, cast

from mockehr.core.exchange import JSON
from mockehr.fhir.elements import R4
from mockehr.fhir.search.table import SearchDefinition, definitions, read_table

US_CORE: Final = "http://hl7.org/fhir/us/core/CapabilityStatement/us-core-server"
OAUTH_URIS: Final = "http://fhir-registry.smarthealthit.org/StructureDefinition/oauth-uris"
_EXTENSION = "http://hl7.org/fhir/StructureDefinition/capabilitystatement-"
_CODES: Mapping[str, str] = MappingProxyType({"search": "search-type", "history": "history-instance"})
_ORDER = ("create", "search-type", "read", "vread", "update", "patch", "delete", "history-instance", "history-type")


@dataclass(frozen=True, slots=True)
class TypeCapability:
    """What a site offers of one resource type."""

    interactions: Iterable[str]
    """Interaction names, the server's own (`search`) or FHIR's (`search-type`)."""
    search: Iterable[str] | None = None
    """Names of the search parameters offered; None for all of the table."""
    profiles: Iterable[str] | None = None
    """Canonical URLs of supported profiles; None for those that US Core asks for."""
    include: Iterable[str] | None = None
    """`Type:parameter` values of `_include`; None for those that US Core asks for, empty for none."""
    revinclude: Iterable[str] | None = None
    operations: Mapping[str, str] = field(default_factory=dict)
    """Operation name without `$` → its definition."""
    versioning: str = "versioned"
    """`no-version`, `versioned` or `versioned-update` (If-Match wanted)."""
    read_history: bool = True
    update_create: bool = False
    conditional_create: bool = False
    conditional_read: str = ""
    """`not-supported`, `modified-since`, `not-match`, `full-support`, or empty to say nothing."""
    conditional_update: bool = False
    conditional_delete: str = ""
    """`not-supported`, `single`, `multiple`, or empty to say nothing."""
    documentation: str = ""


@dataclass(frozen=True, slots=True)
class Software:
    """The product that the statement says it describes; `release_date` is a FHIR dateTime or empty."""

    name: str
    version: str = ""
    release_date: str = ""


def capability_statement(
    types: Mapping[str, TypeCapability],
    *,
    base_url: str,
    date: str,
    software: Software,
    security: JSON | None = None,
    fhir_version: str = R4,
    formats: Iterable[str] = ("application/fhir+json", "json", "application/fhir+xml", "xml"),
    publisher: str = "",
    description: str = "",
    patch_formats: Iterable[str] = (),
    system_interactions: Iterable[str] = (),
    system_operations: Mapping[str, str] = MappingProxyType({}),
    us_core: bool = True,
) -> JSON:
    """A CapabilityStatement of kind `instance`. `date` is a FHIR dateTime, `security` a `rest.security` element.

    Empty texts are left out. `us_core` False leaves out what US Core adds: profiles, includes, expectations.
    """
    statement: JSON = {
        "resourceType": "CapabilityStatement",
        "status": "active",
        "date": date,
        "publisher": publisher,
        "description": description,
        "kind": "instance",
        "instantiates": [US_CORE] if us_core else [],
        "software": {"name": software.name, "version": software.version, "releaseDate": software.release_date},
        "implementation": {"description": description or software.name, "url": base_url},
        "fhirVersion": fhir_version,
        "format": list(formats),
        "patchFormat": list(patch_formats),
        "rest": [
            {
                "mode": "server",
                "security": security or {},
                "resource": [type_entry(name, types[name], us_core, fhir_version) for name in sorted(types)],
                "interaction": [{"code": code} for code in system_interactions],
                "operation": _operations(system_operations),
            }
        ],
    }
    return cast("JSON", _without_empty(statement))


def smart_security(*, authorize: str, token: str, register: str = "", introspect: str = "", revoke: str = "") -> JSON:
    """The `rest.security` of a SMART server with its endpoints (SMART App Launch 1.0); empty ones are left out."""
    endpoints = {
        "authorize": authorize,
        "token": token,
        "register": register,
        "introspect": introspect,
        "revoke": revoke,
    }
    coding = {
        "system": "http://terminology.hl7.org/CodeSystem/restful-security-service",
        "code": "SMART-on-FHIR",
        "display": "SMART-on-FHIR",
    }
    listed = [{"url": name, "valueUri": uri} for name, uri in endpoints.items() if uri]
    return {
        "extension": [{"url": OAUTH_URIS, "extension": listed}],
        "cors": True,
        "service": [
            {"coding": [coding], "text": "OAuth2 using SMART-on-FHIR profile (see http://docs.smarthealthit.org)"}
        ],
    }


def type_entry(resource_type: str, capability: TypeCapability, us_core: bool = True, fhir_version: str = R4) -> JSON:
    """One `rest.resource` element; parts that the type does not offer are left out."""
    demands = us_core_demands(resource_type) if us_core else {}
    interactions = [_CODES.get(name, name) for name in capability.interactions]
    searchable = "search-type" in interactions
    parameters = _offered(resource_type, capability.search, fhir_version) if searchable else []
    names = frozenset(definition.name for definition in parameters)
    entry: JSON = {
        "extension": _combinations(demands, names),
        "type": resource_type,
        "profile": f"http://hl7.org/fhir/StructureDefinition/{resource_type}",
        "supportedProfile": _given(capability.profiles, demands.get("profiles", {})),
        "documentation": capability.documentation,
        "interaction": [{"code": code} for code in _ORDER if code in interactions],
        "versioning": capability.versioning,
        "readHistory": capability.read_history,
        "updateCreate": capability.update_create,
        "conditionalCreate": capability.conditional_create,
        "conditionalRead": capability.conditional_read,
        "conditionalUpdate": capability.conditional_update,
        "conditionalDelete": capability.conditional_delete,
        "searchInclude": _given(capability.include, demands.get("include", {})) if searchable else [],
        "searchRevInclude": _given(capability.revinclude, demands.get("revinclude", {})) if searchable else [],
        "searchParam": [_parameter(definition, demands.get("search", {})) for definition in parameters],
        "operation": _operations(capability.operations),
    }
    return cast("JSON", _without_empty(entry))


@cache
def _all_demands() -> Mapping[str, JSON]:
    return MappingProxyType(read_table("us-core-6.1.0.json"))


def us_core_demands(resource_type: str) -> Mapping[str, Any]:
    """What US Core 6.1.0 asks of servers for a type; empty for a type that it does not mention.

    `profiles`, `interactions`, `search`, `include`, `revinclude`: name → SHALL, SHOULD or MAY; `combinations`: lists
    of an expectation and the parameters that have to work together.
    """
    return _all_demands().get(resource_type, {})


def us_core_types() -> tuple[str, ...]:
    """The resource types that US Core 6.1.0 mentions, sorted."""
    return tuple(sorted(_all_demands()))


def _operations(known: Mapping[str, str]) -> list[JSON]:
    return [{"name": name, "definition": url} for name, url in known.items()]


def _offered(resource_type: str, names: Iterable[str] | None, version: str) -> list[SearchDefinition]:
    table = definitions(resource_type, version)
    return [table[name] for name in (sorted(table) if names is None else names) if name in table]


def _given(own: Iterable[str] | None, demanded: Iterable[str]) -> list[str]:
    return list(demanded if own is None else own)


def _parameter(definition: SearchDefinition, expectations: Mapping[str, str]) -> JSON:
    expectation = expectations.get(definition.name)
    asked = f" (US Core 6.1.0: {expectation})" if expectation else ""
    return {
        "name": definition.name,
        "definition": definition.definition,
        "type": definition.kind,
        "documentation": f"Matches {definition.expression}{asked}",
    }


def _combinations(demands: Mapping[str, Any], names: frozenset[str]) -> list[JSON]:
    """US Core's combinations of which every parameter is offered, as its extension says them."""
    return [
        {
            "url": _EXTENSION + "search-parameter-combination",
            "extension": [
                {"url": _EXTENSION + "expectation", "valueCode": expectation},
                *({"url": "required", "valueString": name} for name in parts),
            ],
        }
        for expectation, *parts in demands.get("combinations", ())
        if names.issuperset(parts)
    ]


def _without_empty(node: Any) -> Any:
    """Without empty texts, lists and objects, which FHIR does not allow."""
    if isinstance(node, dict):
        kept = {key: _without_empty(value) for key, value in node.items()}
        return {key: value for key, value in kept.items() if value not in ("", [], {})}
    return [_without_empty(item) for item in node] if isinstance(node, list) else node
