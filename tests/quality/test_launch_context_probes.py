"""Probes of launch context, missing or malformed, on traffic written by hand."""

from __future__ import annotations

import json
from typing import Any

import pytest

from mockehr.core.exchange import Decision, Effects, Exchange, Reply

MISSING, MALFORMED = "asks-for-missing-context", "verifies-launch-context"


def token(traffic: Any, quirk: str, status: int = 200, **context: Any) -> Exchange:
    exchange = Exchange("token", "POST", "/oauth2/token", body=b"grant_type=authorization_code&code=c")
    exchange.reply = Reply(status, [], json.dumps({"access_token": "t1", **context}).encode())
    exchange.decisions = (Decision("rule", quirk, "on_grant", "fired"),)
    found: Exchange = traffic.add(exchange)
    return found


def authorize(traffic: Any) -> None:
    exchange = Exchange("authorize", "GET", "/oauth2/authorize", "client_id=backend")
    exchange.reply = Reply(302, [("Location", "https://app.example.org/back")])
    traffic.add(exchange)


def visit(traffic: Any, subject: str, status: int = 200) -> None:
    body = {"resourceType": "Encounter", "id": "e1", "subject": {"reference": subject}}
    traffic.call("GET /Encounter/e1", status, body)


# asks-for-missing-context


def test_nothing_missing_is_no_occasion(traffic: Any) -> None:
    token(traffic, "scope-subset")
    traffic.call("GET /Patient/undefined", 404)
    assert traffic.judged(MISSING).verdict == "not-applicable"


@pytest.mark.parametrize(
    ("request_", "verdict"),
    [
        ("GET /Patient?name=a", "pass"),
        ("GET /Encounter/e1", "pass"),
        ("GET /Patient/undefined", "fail"),
        ("GET /Patient/None", "fail"),
        ("GET /Patient/", "fail"),
        ("GET /Observation?patient=null", "fail"),
        ("GET /Observation?patient=", "fail"),
        ("GET /Observation?subject=Patient/undefined", "fail"),
        ("GET /Observation?subject:Patient=NaN", "fail"),
        ("GET /Observation?code=none&patient=p1", "pass"),
    ],
)
def test_going_on_is_told_from_calling_for_nobody(traffic: Any, request_: str, verdict: str) -> None:
    token(traffic, "launch-context-missing")
    traffic.call(request_)
    assert traffic.judged(MISSING).verdict == verdict


def test_silence_fails_and_asking_for_authorization_again_passes(traffic: Any) -> None:
    token(traffic, "launch-context-missing")
    traffic.call("GET /Patient?name=a", token="another")
    assert "no request followed" in traffic.judged(MISSING).evidence[0].text
    authorize(traffic)
    assert traffic.judged(MISSING).verdict == "pass"


def test_a_token_that_was_never_heard_of_lacks_nothing(traffic: Any) -> None:
    token(traffic, "launch-context-missing").effects = Effects(lost=True)
    assert traffic.judged(MISSING).verdict == "not-applicable"


# verifies-launch-context


def test_a_context_that_is_not_malformed_is_no_occasion(traffic: Any) -> None:
    token(traffic, "launch-context-missing", patient="p1")
    traffic.call("GET /Observation?patient=p1")
    assert traffic.judged(MALFORMED).verdict == "not-applicable"


def test_not_using_it_passes_and_using_it_unseen_fails(traffic: Any) -> None:
    token(traffic, "launch-context-malformed", patient="p1")
    assert traffic.judged(MALFORMED).evidence[0].text == "the context was not used"
    traffic.call("GET /metadata")
    traffic.call("GET /Practitioner/x")
    assert traffic.judged(MALFORMED).verdict == "pass"
    traffic.call("GET /Observation?patient=p1")
    assert "Patient/p1 of the context was never looked at" in traffic.judged(MALFORMED).evidence[0].text


@pytest.mark.parametrize("told", ["p1", " p1 ", "Patient/p1", "https://x.example.org/fhir/Patient/p1"])
@pytest.mark.parametrize(("status", "verdict"), [(200, "pass"), (404, "fail"), (403, "fail")])
def test_it_goes_on_only_with_a_patient_that_is_there(traffic: Any, told: str, status: int, verdict: str) -> None:
    token(traffic, "launch-context-malformed", patient=told)
    traffic.call("GET /Patient/p1", status)
    assert traffic.judged(MALFORMED).evidence[0].text == "the context was looked at before it was used"
    assert traffic.judged(MALFORMED).verdict == "pass"
    traffic.call("GET /Observation?patient=p1")
    assert traffic.judged(MALFORMED).verdict == verdict


@pytest.mark.parametrize(
    "request_", ["GET /Patient/p1/Observation", "GET /Patient/p1/$everything", "GET /Patient/p2"]
)
def test_only_a_read_of_that_patient_is_a_look(traffic: Any, request_: str) -> None:
    token(traffic, "launch-context-malformed", patient="p1")
    traffic.call(request_)
    traffic.call("GET /Observation?patient=p1")
    assert traffic.judged(MALFORMED).verdict == "fail"


@pytest.mark.parametrize(("found", "verdict"), [(["Patient/p1"], "pass"), ([], "fail")])
def test_a_search_by_id_is_a_look_too(traffic: Any, found: list[str], verdict: str) -> None:
    token(traffic, "launch-context-malformed", patient="p1")
    traffic.page("GET /Patient?_id=p1", found)
    traffic.call("GET /Observation?patient=p1")
    assert traffic.judged(MALFORMED).verdict == verdict


@pytest.mark.parametrize(
    ("subject", "status", "verdict"),
    [("Patient/p1", 200, "pass"), ("Patient/p2", 200, "fail"), ("Patient/p1", 404, "fail")],
)
def test_the_encounter_has_to_be_the_patients(traffic: Any, subject: str, status: int, verdict: str) -> None:
    token(traffic, "launch-context-malformed", patient="p1", encounter="e1")
    traffic.call("GET /Patient/p1")
    visit(traffic, subject, status)
    assert traffic.judged(MALFORMED).verdict == "pass"
    traffic.call("GET /Observation?patient=p1")
    assert traffic.judged(MALFORMED).verdict == verdict


def test_an_encounter_has_to_be_looked_at_before(traffic: Any) -> None:
    token(traffic, "launch-context-malformed", patient="p1", encounter="e1")
    traffic.call("GET /Patient/p1")
    traffic.call("GET /Observation?patient=p1")
    visit(traffic, "Patient/p1")
    assert "Encounter/e1 of the context was never looked at" in traffic.judged(MALFORMED).evidence[0].text


def test_calls_with_another_token_are_not_held_against_it(traffic: Any) -> None:
    token(traffic, "launch-context-malformed", patient="p1")
    traffic.call("GET /Observation?patient=p1", token="another")
    assert traffic.judged(MALFORMED).verdict == "pass"
