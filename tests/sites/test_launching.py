"""Opening apps from the hospital's workstation."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from tests.sites.browser import Browser, document, location

from mockehr.auth.launches import Launch
from mockehr.core.errors import UnknownName, UsageError
from mockehr.sites.launching import checked, open_app, planned

APP = "https://app.example.org/launch?tab=1"


@pytest.fixture
def browser() -> Browser:
    return Browser()


def test_the_address_to_load_has_iss_and_a_launch_that_is_good(browser: Browser) -> None:
    patient = browser.patient(3)
    opened = open_app(browser.site, Launch("nurse", patient, client_id="app", intent="chart"), APP, browser.base)
    told = parse_qs(urlsplit(location(opened)).query)
    assert (told["tab"], told["iss"]) == (["1"], [browser.base])
    found = browser.finish(browser.begin(launch=told["launch"][0], scope="launch patient/Patient.rs"))
    made = document(browser.tokens(found["code"]))
    assert (made["patient"], made["intent"]) == (patient, "chart")


def test_the_opening_is_journaled_with_its_context_but_without_its_handle(browser: Browser) -> None:
    patient = browser.patient()
    opened = open_app(browser.site, Launch("nurse", patient, client_id="app"), APP, browser.base)
    entry = list(browser.site.journal)[-1]
    assert (entry.number, entry.channel, entry.direction, entry.client) == (opened.number, "launch", "out", "app")
    assert entry.notes == {"user": "nurse", "patient": patient, "iss": browser.base}
    assert entry.patient == patient


@pytest.mark.parametrize(
    ("told", "kind", "said"),
    [
        ({"user": "nurze"}, UnknownName, "nearest: nurse"),
        ({"user": "nurse", "patient": "nobody"}, UnknownName, "patient named 'nobody'"),
        ({"user": "nurse", "encounter": "e1"}, UnknownName, "encounter of that patient"),
        ({"user": "nurse", "client_id": "ap"}, UnknownName, "nearest: app"),
        ({"user": "patient", "patient": "p5"}, UsageError, "may not open the record"),
    ],
)
def test_a_launch_that_cannot_be_is_refused(
    browser: Browser, told: dict[str, Any], kind: type[Exception], said: str
) -> None:
    with pytest.raises(kind, match=said):
        checked(browser.site, Launch(**told))


def test_an_encounter_has_to_be_the_patients_own(browser: Browser) -> None:
    charts = browser.site.auth.door.charts
    own = charts.encounters(browser.patient(0), 1)[0].id
    assert checked(browser.site, Launch("nurse", browser.patient(0), own)).encounter == own
    with pytest.raises(UnknownName):
        checked(browser.site, Launch("nurse", browser.patient(1), own))


def test_references_in_context_may_be_texts_or_objects(browser: Browser) -> None:
    one = {"reference": "ImagingStudy/1", "role": "x"}
    launch = planned(browser.site, user="nurse", context=["Appointment/2", one])
    assert launch.fhir_context == ({"reference": "Appointment/2"}, one)
    made = browser.opened(user="nurse", fhir_context=launch.fhir_context)
    assert made["fhirContext"] == [{"reference": "Appointment/2"}, one]


def test_with_ask_the_user_signs_in_like_a_stranger(browser: Browser) -> None:
    launch = planned(browser.site, user="nurse", patient=browser.patient(2), ask=True)
    assert (launch.user, launch.approved) == ("", False)
    handle = browser.site.auth.launches.issue(launch, browser.site.clock.now()).handle
    found = browser.finish(browser.begin(launch=handle, scope="launch patient/Patient.rs"), "nurse")
    assert document(browser.tokens(found["code"]))["patient"] == browser.patient(2)


@pytest.mark.parametrize("app", ["", "/launch", "javascript:alert(1)", "http:"])
def test_an_app_has_an_address(browser: Browser, app: str) -> None:
    with pytest.raises(UsageError, match="no address of an app"):
        open_app(browser.site, Launch("nurse"), app, browser.base)
