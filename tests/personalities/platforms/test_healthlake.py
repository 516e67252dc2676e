"""AWS HealthLake, as clients meet it. Sources: personalities/healthlake/notes.md."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import orjson
import pytest

House = Any
Built = Callable[..., House]


def written(site: House) -> str:
    flag = {"resourceType": "Flag", "status": "active", "code": {"text": "x"}}
    reply = site.fhir("Flag", "POST", flag | {"subject": {"reference": f"Patient/{site.patient(1)}"}})
    assert reply.status == 201
    return str(orjson.loads(reply.body)["id"])


@pytest.mark.behaviour("healthlake", "index-lag", "consistency-header")
def test_what_was_written_is_read_at_once_and_found_later(house: Built) -> None:
    site = house("healthlake", fresh=1)
    id, search = written(site), f"Flag?patient={site.patient(1)}"
    assert site.read(f"Flag/{id}")["id"] == id
    assert "entry" not in site.read(search)
    strong = site.read(search, x_amz_fhir_history_consistency_level="strong")
    assert [entry["resource"]["id"] for entry in strong["entry"]] == [id]
    site.site.clock.advance(site.site.personality.settings["search"]["lag"])
    assert len(site.read(search)["entry"]) == 1


@pytest.mark.behaviour("healthlake", "handling")
def test_unknown_parameters_are_refused_only_where_that_is_wanted(house: Built) -> None:
    site = house("healthlake")
    assert site.fhir("Patient?colour=red", prefer="handling=strict").status == 400
    assert site.fhir("Patient?colour=red", prefer="handling=lenient").status == 200


@pytest.mark.behaviour("healthlake", "page-token")
def test_pages_of_a_posted_search_go_on_by_get(house: Built) -> None:
    site = house("healthlake")
    form = b"gender=female,male&_count=8"
    reply = site.ask(
        "POST", f"{site.site.fhir_path}/Patient/_search", None, form, content_type="application/x-www-form-urlencoded"
    )
    bundle = orjson.loads(reply.body)
    (following,) = [link["url"] for link in bundle["link"] if link["relation"] == "next"]
    assert "page=" in following
    assert len(site.read(following.removeprefix(f"{site.base}/"))["entry"]) == 4


@pytest.mark.behaviour("healthlake", "bundle-limit")
def test_a_bundle_has_160_entries_at_most(house: Built) -> None:
    site = house("healthlake")
    entry = {"request": {"method": "GET", "url": f"Patient/{site.patient(0)}"}}
    statuses = [
        site.fhir("", "POST", {"resourceType": "Bundle", "type": "batch", "entry": [entry] * count}).status
        for count in (160, 161)
    ]
    assert statuses == [200, 413]


@pytest.mark.behaviour("healthlake", "one-export")
def test_a_second_export_waits_for_the_first(house: Built) -> None:
    site = house("healthlake", fresh=1)
    assert site.fhir("$export", prefer="respond-async").status == 202
    assert site.fhir("$export", prefer="respond-async").status == 429


@pytest.mark.behaviour("healthlake", "rates", "throttling")
def test_production_throttles_by_the_second(house: Built) -> None:
    site = house("healthlake", fresh=1, environment="production")
    replies = [site.fhir("metadata") for _ in range(101)]
    assert [reply.status for reply in replies].count(200) == 100
    assert replies[-1].status == 429
    assert replies[-1].header("x-amzn-errortype") == "ThrottlingException"
    assert [written(site) for _ in range(3)]


def control(site: House, target: str, body: Any = None) -> tuple[int, dict[str, Any]]:
    reply = site.ask("POST", "/", None, orjson.dumps(body or {}), x_amz_target=target)
    return reply.status, orjson.loads(reply.body)


@pytest.mark.behaviour("healthlake", "amz-target", "datastore-path")
def test_the_control_plane_knows_the_one_data_store(house: Built) -> None:
    site = house("healthlake")
    status, found = control(site, "HealthLake.ListFHIRDatastores")
    assert status == 200
    (store,) = found["DatastorePropertiesList"]
    assert re.fullmatch("[0-9a-f]{32}", store["DatastoreId"])
    assert store["DatastoreEndpoint"] == f"{site.base}/"
    asked = control(site, "HealthLake.DescribeFHIRDatastore", {"DatastoreId": store["DatastoreId"]})
    assert asked == (200, {"DatastoreProperties": store})
    for target, body, name in (
        ("HealthLake.DescribeFHIRDatastore", {"DatastoreId": "0"}, "ResourceNotFoundException"),
        ("HealthLake.DeleteEverything", {}, "UnknownOperationException"),
        ("", {}, "UnknownOperationException"),
        ("HealthLake.ListFHIRDatastores", [1], "SerializationException"),
    ):
        status, refused = control(site, target, body)
        assert (status, refused["__type"]) == (400, name)
