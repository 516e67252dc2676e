"""What a site says of itself at /metadata: its types and interactions, the server's settings, the vendor's words."""

from __future__ import annotations

from typing import TYPE_CHECKING

import mockehr
from mockehr.core.clock import day
from mockehr.core.exchange import JSON, Exchange
from mockehr.fhir.capability import Software, TypeCapability, capability_statement
from mockehr.fhir.operations import operations
from mockehr.fhir.server import FhirServer

if TYPE_CHECKING:
    from mockehr.sites.site import Site


def statement(site: Site, exchange: Exchange) -> JSON:
    """The CapabilityStatement of a site, for a client that addressed it as the exchange did."""
    base_url, server = exchange.base_url, site.fhir
    root = base_url.removesuffix(site.fhir_path.rstrip("/"))
    types = {kind: _type_capability(site, kind, offered) for kind, offered in server.types.items()}
    patched = any("patch" in offered for offered in server.types.values())
    document = capability_statement(
        types,
        base_url=base_url,
        date=day(site.clock.now()),
        fhir_version=server.fhir_version,
        software=Software("mockehr", site.upgrades.version or mockehr.__version__),
        security=site.auth.capability_security(token_url=root + site.token_path),
        formats=("application/fhir+json", "application/fhir+xml", "json", "xml"),
        patch_formats=("application/json-patch+json", "application/fhir+json") if patched else (),
        system_interactions=sorted(server.system),
        system_operations=_definitions(server, "", ("",)),
    )
    return site.personality.capability(document, site.facts, base_url)


def _type_capability(site: Site, kind: str, offered: frozenset[str]) -> TypeCapability:
    server, told, notice = site.fhir, site.fhir.settings, site.upgrades.notices.get(kind)
    wanted = bool(told.get("if_match_required"))
    return TypeCapability(
        documentation="" if notice is None else notice.text(),
        interactions=tuple(sorted(offered - {"search-compartment"})),
        operations=_definitions(server, kind, ("", "id")),
        versioning="versioned-update" if wanted and offered & {"update", "patch"} else "versioned",
        read_history="vread" in offered,
        update_create="update" in offered and bool(told.get("update_create")),
        conditional_create="create" in offered and bool(told.get("conditional_create")),
        conditional_read="full-support" if told.get("conditional_read") and "read" in offered else "not-supported",
        conditional_update="update" in offered and bool(told.get("conditional_update")),
        conditional_delete=str(told.get("conditional_delete", "")) if "delete" in offered else "not-supported",
    )


def _definitions(server: FhirServer, kind: str, ids: tuple[str, ...]) -> dict[str, str]:
    """Operations offered for a type or one of its instances: name to definition."""
    names = sorted({name for id in ids for name in server.operations(kind, id)})
    return {name: operations()[name].definition for name in names}
