"""What a site's parts take from its personality, when it is built and when an upgrade changes the personality."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from mockehr.core.clock import instant
from mockehr.core.exchange import JSON
from mockehr.fhir.elements import resource_types
from mockehr.fhir.operations import operations
from mockehr.fhir.search.table import own_definitions
from mockehr.personalities.model import Personality

if TYPE_CHECKING:
    from mockehr.sites.site import Site


def server_parts(vendor: Personality) -> dict[str, Any]:
    """The fields of a FhirServer that are the vendor's."""
    kinds = resource_types(vendor.fhir_version)
    return {
        "types": {
            kind: offered for kind in kinds if (offered := vendor.offers(kind)) or _only_exported(vendor, kind)
        },
        "system": vendor.offers(""),
        "operations": lambda kind, id: _operations(vendor, kind, id),
        "restrictions": vendor.rules,
        "meta": partial(_meta, vendor) if vendor.settings["shape"].get("meta", True) else partial(_no_meta, vendor),
        "version_text": vendor.version_text,
        "tag": vendor.tag,
        "settings": vendor.settings["write"],
        "own_parameters": own_definitions(vendor.settings["search"]["own"], vendor.fhir_version),
        "fhir_version": vendor.fhir_version,
    }


def change_vendor(site: Site, vendor: Personality) -> None:
    """Let a site that runs go on with another personality of the same product: addresses and ids are the same."""
    from mockehr.sites.media import Media

    site.personality = vendor
    site.media = Media(vendor)
    if site.charts is not None:
        site.charts.redress(vendor)
    for name, part in server_parts(vendor).items():
        setattr(site.fhir, name, part)


def _meta(vendor: Personality, given: JSON | None, version: int, at: float) -> JSON:
    own = {"versionId": vendor.version_text(version), "lastUpdated": instant(at, millis=True)}
    return {**given, **own} if given else own


def _no_meta(vendor: Personality, given: JSON | None, version: int, at: float) -> JSON:
    return vendor.kept_meta(given)


def _operations(vendor: Personality, kind: str, id: str) -> frozenset[str]:
    return frozenset(
        name
        for name, operation in operations().items()
        if operation.fits(kind, id)
        and vendor.operates(name)
        and (name != "export" or _exports(vendor, kind))
        and not (operation.proprietary and vendor.settings["interactions"]["operations"] == "all")
    )


def _exports(vendor: Personality, kind: str) -> bool:
    """Whether the vendor exports at the level that a type (empty: none) stands for."""
    level = kind.lower() or "system"
    return level in vendor.settings["bulk"]["levels"]


def _only_exported(vendor: Personality, kind: str) -> bool:
    """Whether a type is there for the sake of `$export` alone: many vendors' Groups cannot be read."""
    told = vendor.settings["interactions"]["resources"]
    return kind == "Group" and kind in told and vendor.operates("export") and _exports(vendor, kind)
