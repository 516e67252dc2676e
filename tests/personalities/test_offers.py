"""What vendors let clients do with each resource type."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import pytest

from mockehr.core.exchange import Exchange
from mockehr.sites.build import build_site
from mockehr.sites.options import SiteOptions
from mockehr.sites.site import Site

BASE = "http://a.example.org/r4"


def open_site(vendor: str) -> Site:
    return build_site(SiteOptions("a", vendor, patients=3, stepped=True, open_access=True))


def claimed(document: dict[str, Any]) -> dict[str, set[str]]:
    return {entry["type"]: {one["code"] for one in entry["interaction"]} for entry in document["rest"][0]["resource"]}


def statement(site: Site) -> dict[str, Any]:
    reply = site.handle(Exchange("fhir", path="/metadata", query="_format=json", base_url=BASE)).reply
    assert reply is not None
    return dict(orjson.loads(reply.body))


def test_epic_claims_for_its_types_what_was_recorded(shared_data: Path) -> None:
    [recorded] = (shared_data / "recorded" / "epic").glob("CapabilityStatement*.json")
    theirs, ours = claimed(orjson.loads(recorded.read_bytes())), claimed(statement(open_site("epic")))
    assert len(ours) > 20
    assert {kind: found for kind, found in ours.items() if found != theirs.get(kind)} == {}


@pytest.mark.parametrize(
    ("vendor", "method", "path", "status"),
    [
        ("epic", "PUT", "/Patient/x", 405),
        ("epic", "GET", "/Patient/x/_history/1", 405),
        ("epic", "POST", "/Encounter", 405),
        ("epic", "PUT", "/Observation/x", 404),
        ("epic", "PATCH", "/Observation/x", 405),
        ("epic", "POST", "/", 405),
        ("epic", "GET", "/Slot", 404),
        ("epic", "GET", "/Patient/x/$everything", 404),
        ("oracle", "PUT", "/Patient/x", 405),
        ("oracle", "PUT", "/Condition/x", 404),
    ],
)
def test_what_a_vendor_does_not_offer_is_refused(vendor: str, method: str, path: str, status: int) -> None:
    exchange = open_site(vendor).handle(Exchange("fhir", method, path, body=b"{}", base_url=BASE))
    assert exchange.problem is not None
    assert exchange.problem.status == status


def test_a_site_may_offer_more_than_its_vendor() -> None:
    settings = {"interactions": {"types": {"Patient": ["read", "search", "update"]}}}
    site = build_site(SiteOptions("a", "epic", patients=3, stepped=True, open_access=True, settings=settings))
    assert claimed(statement(site))["Patient"] == {"read", "search-type", "update"}
