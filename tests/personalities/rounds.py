"""A client that goes the rounds of a site: every offered type, every page, every id, every reference."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from tests.personalities.conftest import House, body_of
from tests.personalities.test_dress import links

SHARED = frozenset({"Location", "Medication", "Organization", "Practitioner", "PractitionerRole"})
"""Types that belong to no patient."""


def all_pages(house: House, target: str) -> list[dict[str, Any]]:
    """The resources of a search, page by page by the `next` links as they are."""
    found: list[dict[str, Any]] = []
    for _ in range(200):
        reply = house.fhir(target)
        assert reply.status == 200, (target, reply.status, reply.body[:300])
        bundle = body_of(reply)
        found += [
            one["resource"] for one in bundle.get("entry", ()) if one.get("search", {}).get("mode") != "outcome"
        ]
        after = next((one["url"] for one in bundle.get("link", ()) if one["relation"] == "next"), "")
        if not after:
            return found
        parts = urlsplit(after)
        base = urlsplit(house.base).path
        assert parts.path.startswith(base)
        target = parts.path.removeprefix(base).lstrip("/") + f"?{parts.query}"
    raise AssertionError(f"the pages of {target} do not end")


def round_of(house: House, patient: str, queries: Mapping[str, str] | None = None) -> dict[str, dict[str, Any]]:
    """`Type/id` → resource, of all that searches give for one patient. `queries` are by type: `patient={p}&…`.

    Every resource is read again by its id and must be the same then.
    """
    found: dict[str, dict[str, Any]] = {}
    for kind, offered in house.site.fhir.types.items():
        if "search" not in offered:
            continue
        usual = "" if kind in SHARED else "_id={p}" if kind == "Patient" else "patient={p}"
        query = (queries or {}).get(kind, usual).replace("{p}", patient)
        made = all_pages(house, f"{kind}?{query}" if query else kind)
        keys = [f"{one['resourceType']}/{one['id']}" for one in made]
        assert len(keys) == len(set(keys)), f"{kind} comes twice"
        found.update(zip(keys, made, strict=True))
    for key, resource in found.items():
        if "read" in house.site.fhir.types[resource["resourceType"]]:
            assert house.read(key) == resource, key
    return found


def dead_references(house: House, found: Mapping[str, dict[str, Any]]) -> set[str]:
    """Relative references that lead nowhere."""
    told = {link for one in found.values() for link in links(one)}
    return {link for link in told - set(found) if house.fhir(link, accept="application/fhir+json").status != 200}
