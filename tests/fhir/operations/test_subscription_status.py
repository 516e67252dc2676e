"""`Subscription/$status`, of one and of several."""

from __future__ import annotations

from typing import Any

import pytest
from tests.sites.subscribing import admit, answer, ask, made, plain, status, subscribe, topical

from mockehr.fhir.validate import check_models, validate_document


def told(bundle: Any) -> list[dict[str, Any]]:
    found = []
    for entry in bundle.get("entry", ()):
        resource = entry["resource"]
        if resource["resourceType"] == "SubscriptionStatus":
            found.append(resource)
            continue
        pairs = {
            one["name"]: next(value for key, value in one.items() if key != "name") for one in resource["parameter"]
        }
        found.append(pairs)
    return found


def of(bundle: Any) -> list[str]:
    return [one["subscription"]["reference"].rpartition("/")[2] for one in told(bundle)]


def test_one_subscription_is_told_of_with_its_events() -> None:
    site = made()
    id = subscribe(site, topical())
    admit(site)
    found = answer(ask(site, "GET", f"/Subscription/{id}/$status"))
    (one,) = told(found)
    assert (found["type"], found["total"]) == ("searchset", 1)
    assert (one["status"], one["type"], one["events-since-subscription-start"]) == ("active", "query-status", "1")
    assert one["topic"] == "http://hl7.org/SubscriptionTopic/admission"


def test_several_are_chosen_by_id_and_by_status() -> None:
    site = made()
    first, second, third = subscribe(site, plain()), subscribe(site, plain()), subscribe(site, topical(), 500)
    ask(site, "PUT", f"/Subscription/{second}", plain(status="off") | {"id": second})

    def chosen(query: str) -> list[str]:
        return of(answer(ask(site, "GET", "/Subscription/$status", query=query)))

    assert chosen("") == [first, second, third]
    assert chosen(f"id={first}&id={third}") == chosen(f"id={first},{third}") == [first, third]
    assert chosen("status=off&status=error") == [second, third]
    assert chosen(f"id={first}&status=off") == []


def test_parameters_may_be_posted_and_strange_ones_are_refused() -> None:
    site = made()
    first, _ = subscribe(site, plain()), subscribe(site, plain())
    body = {"resourceType": "Parameters", "parameter": [{"name": "id", "valueId": first}]}
    assert of(answer(ask(site, "POST", "/Subscription/$status", body))) == [first]
    assert status(ask(site, "GET", "/Subscription/$status", query="ids=1")) == 400


def test_who_is_not_there_and_who_is_gone() -> None:
    site = made()
    id = subscribe(site, plain())
    assert status(ask(site, "GET", "/Subscription/none/$status")) == 404
    ask(site, "DELETE", f"/Subscription/{id}")
    assert status(ask(site, "GET", f"/Subscription/{id}/$status")) == 410


@pytest.mark.parametrize("version", ["4.0.1", "4.3.0"])
def test_the_answer_is_good_in_both_versions(version: str) -> None:
    site = made({"fhir_version": version})
    subscribe(site, topical(), 500)
    bundle = answer(ask(site, "GET", "/Subscription/$status"))
    kind = bundle["entry"][0]["resource"]["resourceType"]
    assert kind == ("Parameters" if version == "4.0.1" else "SubscriptionStatus")
    assert not [issue for issue in validate_document(bundle, version=version) if issue.fails]
    if version == "4.3.0":
        assert not check_models(bundle)
