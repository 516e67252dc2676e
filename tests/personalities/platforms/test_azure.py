"""Azure's FHIR service, as clients meet it. Sources: personalities/azure/notes.md."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import orjson
import pytest

House = Any
Built = Callable[..., House]


@pytest.fixture
def azure(house: Built) -> House:
    return house("azure")


def links(bundle: dict[str, Any]) -> dict[str, str]:
    return {link["relation"]: link["url"] for link in bundle["link"]}


@pytest.mark.behaviour("azure", "page-size", "no-total", "ct")
def test_ten_on_a_page_without_a_total_and_on_by_ct(azure: House) -> None:
    bundle = azure.read("Patient?gender=female,male")
    assert len(bundle["entry"]) == 10
    assert "total" not in bundle
    following = links(bundle)["next"]
    assert following.startswith(f"{azure.base}/Patient?gender=female,male&ct=")
    rest = azure.read(following.removeprefix(f"{azure.base}/"))
    assert len(rest["entry"]) == 2
    assert "next" not in links(rest)
    assert azure.read("Patient?gender=female,male&_total=accurate")["total"] == 12
    assert azure.site.personality.rules.page_size("Patient", 5000) == 1000


@pytest.mark.behaviour("azure", "unknown-dropped", "unknown-strict")
def test_an_unknown_parameter_is_dropped_and_told_or_refused(azure: House) -> None:
    told = "The search parameter 'colour' is not supported for resource type 'Patient'."
    bundle = azure.read("Patient?colour=red&gender=male")
    assert links(bundle)["self"] == f"{azure.base}/Patient?gender=male"
    outcome = bundle["entry"][-1]
    assert outcome["search"]["mode"] == "outcome"
    assert outcome["resource"]["issue"][0]["diagnostics"] == told
    refused = azure.fhir("Patient?colour=red", prefer="handling=strict")
    assert refused.status == 400
    assert orjson.loads(refused.body)["issue"][0]["diagnostics"] == told


@pytest.mark.behaviour("azure", "not-found")
def test_what_is_not_there_is_told_in_its_own_words(azure: House) -> None:
    reply = azure.fhir("Patient/none")
    assert reply.status == 404
    told = orjson.loads(reply.body)["issue"][0]["diagnostics"]
    assert told == "Resource type 'Patient' with id 'none' couldn't be found."


@pytest.mark.behaviour("azure", "etag", "version")
def test_versions_are_weak_etags_and_wrong_ones_are_refused(house: Built) -> None:
    site = house("azure", fresh=1)
    patient = site.read(f"Patient/{site.patient(1)}")
    written = site.fhir(f"Patient/{site.patient(1)}", "PUT", patient, if_match='W/"1"')
    assert (written.status, written.header("etag")) == (200, 'W/"2"')
    refused = site.fhir(f"Patient/{site.patient(1)}", "PUT", patient, if_match='W/"7"')
    assert refused.status == 412
    assert orjson.loads(refused.body)["issue"][0]["diagnostics"] == "The supplied version '7' did not match."


def throttled(house: Built, limit: int, **settings: Any) -> House:
    budget = {"limit": limit, "window": 30, "per": "site"}
    return house("azure", settings={"rates": {"budgets": [budget]}, **settings})


@pytest.mark.behaviour("azure", "throttled", "throttled-untyped")
def test_throttling_has_one_exact_body(house: Built) -> None:
    site = throttled(house, 1)
    site.fhir("metadata")
    reply = site.fhir("metadata")
    assert (reply.status, reply.content_type) == (429, "application/json")
    text = "The maximum number of concurrent API calls on this instance was reached."
    issue = [{"severity": "error", "code": "throttled", "diagnostics": text}]
    assert orjson.loads(reply.body) == {"resourceType": "OperationOutcome", "issue": issue}
    assert (reply.header("retry-after"), reply.header("x-ms-retry-after-ms")) == ("30", "30000")
    older = throttled(house, 1, shape={"tables": {"throttle_typed": False}})
    older.fhir("metadata")
    assert orjson.loads(older.fhir("metadata").body) == {"issue": issue}


def batch(site: House, entries: int) -> tuple[Any, list[str]]:
    requests = [{"request": {"method": "GET", "url": f"Patient/{site.patient(0)}"}}] * entries
    reply = site.fhir("", "POST", {"resourceType": "Bundle", "type": "batch", "entry": requests})
    found = orjson.loads(reply.body)
    return reply, [entry["response"]["status"][:3] for entry in found.get("entry", [])]


@pytest.mark.behaviour("azure", "batch-poisoned")
def test_one_refusal_in_a_batch_poisons_the_rest(house: Built) -> None:
    reply, statuses = batch(throttled(house, 3), 6)
    assert statuses == ["200", "200", "429", "429", "429", "429"]
    assert reply.status == 200
    assert reply.header("retry-after") == "30"


@pytest.mark.behaviour("azure", "bundle-limit")
def test_a_bundle_has_five_hundred_entries_at_most(azure: House) -> None:
    assert batch(azure, 500)[0].status == 200
    assert batch(azure, 501)[0].status == 413


@pytest.mark.behaviour("azure", "headers")
def test_every_reply_names_request_charge_and_session(azure: House) -> None:
    first, second = azure.fhir("metadata", x_correlation_id="mine"), azure.fhir("metadata")
    assert first.header("x-correlation-id") == "mine"
    assert first.header("x-request-id") != second.header("x-request-id")
    assert float(first.header("x-ms-request-charge")) >= 1
    assert first.header("x-ms-session-token").startswith("0:-1#")


@pytest.mark.behaviour("azure", "entra")
def test_tokens_come_from_below_the_tenant(azure: House) -> None:
    found = azure.read(".well-known/smart-configuration")
    tenant = azure.site.personality.tenant(azure.site.facts)
    assert found["token_endpoint"].endswith(f"/{tenant}/oauth2/v2.0/token")
