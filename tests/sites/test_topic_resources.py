"""Topics as resources, on sites whose version of FHIR has them."""

from __future__ import annotations

from urllib.parse import quote

import pytest
from tests.sites.subscribing import ADMISSION, answer, ask, made, status

from mockehr.events import topics
from mockehr.fhir.validate import check_models, validate_document

R4B = {"fhir_version": "4.3.0"}


def names(site: object, query: str) -> list[str]:
    bundle = answer(ask(site, "GET", "/SubscriptionTopic", query=query))  # type: ignore[arg-type]
    return [entry["resource"]["id"] for entry in bundle.get("entry", ())]


def test_every_topic_can_be_read_and_is_a_good_resource() -> None:
    site = made(R4B)
    for name in topics():
        found = ask(site, "GET", f"/SubscriptionTopic/{name}")
        assert status(found) == 200
        assert not [one for one in validate_document(answer(found), version="4.3.0") if one.fails]
        assert not check_models(answer(found))


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        (f"derived-or-self={quote(ADMISSION)}", ["admission"]),
        ("url=https://mockehr.example.org/SubscriptionTopic/transfer", ["transfer"]),
        ("title=Discharge", ["discharge"]),
        ("resource=DiagnosticReport", ["result-available"]),
        ("url=http://hl7.org/none", []),
    ],
)
def test_topics_are_found_by_their_canonicals(query: str, expected: list[str]) -> None:
    assert names(made(R4B), query) == expected


def test_only_topics_that_are_offered_are_there() -> None:
    site = made(R4B | {"events": {"topics": ["admission", "transfer"]}})
    assert names(site, "") == ["admission", "transfer"]
    assert status(ask(site, "GET", "/SubscriptionTopic/discharge")) == 404
    assert names(made(R4B | {"events": {"subscriptions": []}}), "") == []


def test_r4_has_no_such_type() -> None:
    assert status(ask(made(), "GET", "/SubscriptionTopic/admission")) == 404


def test_a_topic_tells_what_a_notification_brings_with_it() -> None:
    found = answer(ask(made(R4B), "GET", "/SubscriptionTopic/document-signed"))
    assert found["notificationShape"] == [{"resource": "DocumentReference", "include": ["DocumentReference:subject"]}]
