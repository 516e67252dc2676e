"""Launch contexts under handles that are good once, and answers given ahead."""

from __future__ import annotations

import pytest

from mockehr.auth.drawers import Drawers
from mockehr.auth.launches import Launch, Launches, Opening
from mockehr.auth.settings import AuthSettings
from mockehr.core.chance import Chance


@pytest.fixture
def launches():
    return Launches(Drawers(), Chance(7), AuthSettings(launch_lifetime=60.0))


def test_a_launch_is_issued_under_an_opaque_handle_and_taken_once(launches):
    issued = launches.issue(Launch("doctor", "p1"), 100.0)
    assert (issued.user, issued.patient, len(issued.handle)) == ("doctor", "p1", 32)
    assert "p1" not in issued.handle
    assert launches.take(issued.handle, 159.9) == issued
    assert launches.take(issued.handle, 159.9) is None


def test_a_launch_is_over_after_its_time(launches):
    assert launches.take(launches.issue(Launch(), 100.0).handle, 160.0) is None
    assert launches.take("x", 100.0) is None


def test_two_launches_of_the_same_context_have_two_handles(launches):
    assert launches.issue(Launch(), 0.0).handle != launches.issue(Launch(), 0.0).handle


def test_an_approval_is_for_its_client_or_for_all_until_it_is_withdrawn(launches):
    launches.approve(Launch("doctor", "p1", handle="x"))
    launches.approve(Launch("patient", client_id="app"))
    assert launches.approved("app").user == "patient"
    assert launches.approved("other") == Launch("doctor", "p1")
    launches.withdraw("app")
    assert launches.approved("app").user == "doctor"
    launches.withdraw("")
    assert launches.approved("app") is None


def test_the_app_is_opened_with_iss_and_launch_behind_what_its_address_has():
    launch = Launch(handle="h+/=")
    opening = Opening(launch, "https://app.example.org/go?a=1#top", "http://n.example.org/fhir")
    told = "iss=http%3A%2F%2Fn.example.org%2Ffhir&launch=h%2B%2F%3D"
    assert opening.url == f"https://app.example.org/go?a=1&{told}#top"
