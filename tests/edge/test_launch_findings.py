"""What is made of a launch that the app broke off, from the journal's side of it."""

from __future__ import annotations

from typing import Any

import pytest

from mockehr.edge.errand import Journey, Stop
from mockehr.edge.launch_findings import Known, judge, remarks
from mockehr.edge.launch_record import Hop

KNOWN = Known({}, {})
CALLBACK = "http://app.example.org/callback"


def journey() -> Journey:
    hop = Hop(2, "app", "GET", CALLBACK, 502)
    return Journey((hop,), Stop("error-status", "it answered 502"), "code", called_at=2)


def entry(number: int, channel: str, interaction: str, status: int = 200, **told: Any) -> dict[str, Any]:
    bare = {"entry": number, "channel": channel, "interaction": interaction, "status": status, "client": "app"}
    return bare | {"method": "GET", "path": "/Patient/p0", "query": ""} | told


def redeemed(granted: str) -> dict[str, Any]:
    return entry(2, "token", "authorization_code", granted=granted)


def test_an_app_that_broke_off_over_refused_data_is_told_of_scopes_and_not_of_state() -> None:
    found = judge(journey(), [redeemed("launch"), entry(3, "fhir", "read", 403)], KNOWN, "")
    assert "ask for the scopes" in found.remedy
    assert "403" in found.nearest


def test_an_app_that_broke_off_after_its_token_is_sent_to_its_own_log() -> None:
    assert "own log" in judge(journey(), [redeemed("launch")], KNOWN, "").remedy


def test_an_app_that_broke_off_before_its_token_is_told_of_state() -> None:
    assert "(state, verifier)" in judge(journey(), [], KNOWN, "").remedy


@pytest.mark.parametrize(
    ("asked", "granted", "missed"),
    [
        ("patient/Patient.rs", "patient/Patient.read", ""),
        ("patient/Patient.rs patient/Goal.rs", "patient/*.rs", ""),
        ("patient/*.rs launch openid", "patient/Patient.rs", ""),
        ("patient/Observation.rs?category=laboratory", "patient/Observation.r", ""),
        ("patient/Goal.rs user/Goal.rs patient/Patient.rs", "patient/Goal.rs", "user/Goal.rs patient/Patient.rs"),
    ],
)
def test_scopes_are_missed_only_if_nothing_of_them_was_granted(asked: str, granted: str, missed: str) -> None:
    query = f"client_id=app&scope={asked}"
    told = remarks(journey(), [entry(1, "authorize", "authorize", 302, query=query), redeemed(granted)])
    assert [one for one in told if "did not get" in one] == (
        [f"It asked for scopes that it did not get: {missed}."] if missed else []
    )
