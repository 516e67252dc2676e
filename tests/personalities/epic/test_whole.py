"""A client that goes the rounds of an Epic site, and one that exports it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from fhir.resources.R4B import get_fhir_model_class
from tests.personalities.rounds import dead_references, round_of
from tests.sites.exporter import Exporter, site_of

QUERIES = {
    "CarePlan": "patient={p}&category=assess-plan",
    "EpisodeOfCare": "patient={p}&type=x|y",
    "Observation": "patient={p}&category=vital-signs,laboratory,social-history,survey,exam,imaging,sdoh",
    "RelatedPerson": "_id=x",
    "Device": "patient={p}",
}


@pytest.fixture(scope="module")
def ward(house: Callable[..., Any]) -> Any:
    return house("epic", patients=12)


@pytest.fixture(scope="module")
def found(ward: Any) -> dict[str, dict[str, Any]]:
    return round_of(ward, ward.patient(4), QUERIES)


def test_every_type_is_searched_and_what_is_found_read_again(ward: Any, found: dict[str, dict[str, Any]]) -> None:
    kinds = {one["resourceType"] for one in found.values()}
    assert kinds >= {"Patient", "Observation", "DocumentReference", "ServiceRequest", "Procedure", "Medication"}
    assert len(ward.site.fhir.types) == 59


@pytest.mark.behaviour("epic", "references", "orders-behind", "html-and-rtf")
def test_no_reference_leads_nowhere(ward: Any, found: dict[str, dict[str, Any]]) -> None:
    assert dead_references(ward, found) == set()
    for one in found.values():
        for content in one.get("content", ()) if one["resourceType"] == "DocumentReference" else ():
            if "url" in content["attachment"]:
                assert ward.read(content["attachment"]["url"])["contentType"] == content["attachment"]["contentType"]


def test_what_is_shown_is_valid_fhir(found: dict[str, dict[str, Any]]) -> None:
    for key, resource in found.items():
        try:
            get_fhir_model_class(resource["resourceType"]).model_validate(resource)
        except ValueError as error:
            pytest.fail(f"{key}: {error}")


# exports


@pytest.mark.behaviour("epic", "binary-on-request", "bulk-retry", "kept-two-weeks", "bulk-files")
def test_exports_leave_binaries_out_tell_when_to_ask_again_and_keep_their_files() -> None:
    site = site_of("epic", patients=2)
    client = Exporter(site)
    plain = client.kick_off(client.group())
    assert client.send("GET", plain.header("Content-Location")).header("Retry-After") == "120"
    manifest = client.manifest(plain)
    kinds = {one["type"] for one in manifest["output"]}
    assert {"DocumentReference", "Observation"} <= kinds
    assert "Binary" not in kinds
    site.clock.advance(14 * 86400 - 3600)
    assert client.fetch(manifest["output"][0])
    site.clock.advance(2 * 3600)
    assert client.send("GET", manifest["output"][0]["url"]).status == 404
    asked = client.manifest(client.kick_off(client.group(), "?_type=Binary"))
    assert {one["type"] for one in asked["output"]} == {"Binary"}
    assert site.personality.settings["bulk"]["file_resources"] == 3000
    small = Exporter(site_of("epic", patients=2, bulk={"file_resources": 20}))
    listed = small.manifest(small.kick_off(small.group(), "?_type=Observation"))["output"]
    assert len(listed) > 1
