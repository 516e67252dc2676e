"""What a site says of itself at /metadata: its types and interactions, the server's settings, the vendor's words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import mockehr
from mockehr.core.clock import day
from mockehr.core.exchange import JSON, Exchange
from mockehr.fhir.capability import Software, TypeCapability, capability_statement
from mockehr.fhir.lossless import encode
from mockehr.fhir.operations import operations
from mockehr.fhir.server import FhirServer
from mockehr.sites.subscription_statement import describe_subscriptions

if TYPE_CHECKING:
    from mockehr.sites.site import Site

BULK_DATA: Final = "http://hl7.org/fhir/uv/bulkdata/CapabilityStatement/bulk-data"
KEPT: Final = 4
"""Statements that are kept: a site has few addresses, and one day at a time."""


class Statements:
    """The CapabilityStatement of one site as JSON text, kept for the day: it has half a million letters, and clients
    begin with it."""

    __slots__ = ("_kept", "_site")

    def __init__(self, site: Site) -> None:
        self._site = site
        self._kept: dict[tuple[Any, ...], bytes] = {}

    def text(self, exchange: Exchange) -> bytes:
        """For a client that addressed the site as the exchange did."""
        site = self._site
        release = tuple(site.upgrades.taken)
        named = self._named(exchange)
        of = (exchange.base_url, day(site.clock.now()), release, named, *map(id, (site.personality, site.fhir.types)))
        found = self._kept.get(of)
        if found is None:
            if len(self._kept) >= KEPT:
                self._kept.clear()
            told = statement(site, exchange.base_url)
            if named:
                told = site.personality.capability_of_client(told, site.facts, exchange.base_url)
            found = self._kept[of] = encode(told)
        return site.personality.statement(found, site.clock.now())

    def _named(self, exchange: Exchange) -> bool:
        """Whether an app without a secret says who it is, where the vendor has a header for that."""
        header = str(self._site.personality.settings["capability"]["client_header"]).lower()
        said = exchange.headers.get(header) if header else None
        client = self._site.auth.clients.find(said) if said else None
        return client is not None and client.public


def statement(site: Site, base_url: str) -> JSON:
    """The CapabilityStatement of a site, for a client that addressed its FHIR base like that."""
    server = site.fhir
    types = {kind: _type_capability(site, kind, offered) for kind, offered in server.types.items() if offered}
    patched = any("patch" in offered for offered in server.types.values())
    document = capability_statement(
        types,
        base_url=base_url,
        date=day(site.clock.now()),
        fhir_version=server.fhir_version,
        software=Software("mockehr", site.upgrades.version or mockehr.__version__),
        security=site.auth.capability_security(site.addresses(base_url)),
        formats=("application/fhir+json", "application/fhir+xml", "json", "xml"),
        patch_formats=("application/json-patch+json", "application/fhir+json") if patched else (),
        system_interactions=sorted(server.system),
        system_operations=_definitions(server, "", ("",)),
    )
    if site.personality.settings["bulk"]["levels"] and site.personality.operates("export"):
        document["instantiates"] = [*document.get("instantiates", ()), BULK_DATA]
    describe_subscriptions(site, document)
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
    return {name: operations()[name].defined_for(kind) for name in names}
