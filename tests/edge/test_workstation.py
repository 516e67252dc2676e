"""Apps opened from the EHR and driven by the workstation: against small real apps on servers of their own."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from mockehr.core.errors import UnknownName, UsageError
from mockehr.edge.errand import MOST_HOPS
from mockehr.edge.launch_lab import launch_app
from mockehr.edge.launch_record import STAGES, LaunchRecord
from mockehr.sites.launching import planned
from mockehr.testing.world import TestSite, World

Start = Callable[..., Any]


def site_for(mockehr: World, app: Any, vendor: str = "generic", **options: Any) -> TestSite:
    site = mockehr.site(vendor, patients=3, **options)
    site.app("app", [app.callback], secret=app.secret)
    return site


@pytest.mark.parametrize("vendor", ["generic", "epic", "oracle"])
@pytest.mark.parametrize("secret", ["", "s3cret"], ids=["public", "confidential"])
def test_a_launch_is_driven_to_its_end(mockehr: World, smart_app: Start, vendor: str, secret: str) -> None:
    app = smart_app(secret=secret)
    site = site_for(mockehr, app, vendor)
    [first, *_] = site.patient_ids()
    record = site.launch(app.url, patient=first, intent="summary", extras={"location": "Ward 3"}, client_id="app")
    assert (record.outcome, record.reason, record.stages) == ("completed", "landed", STAGES)
    assert [(hop.who, hop.status) for hop in record.hops] == [("app", 302), ("ehr", 302), ("app", 302), ("app", 200)]
    told = app.tokens[0]
    assert (told["patient"], told["intent"], told["location"]) == (first, "summary", "Ward 3")
    assert record.hops[-1].title == "Patient 200"
    assert [(one["channel"], one["hop"], one["status"]) for one in record.entries] == [
        ("launch", 0, 302),
        ("discovery", 1, 200),
        ("authorize", 2, 302),
        ("token", 3, 200),
        ("fhir", 4, 200),
    ]


def test_nothing_secret_stands_in_a_record_and_what_is_equal_looks_equal(mockehr: World, smart_app: Start) -> None:
    app = smart_app(secret="s3cret")
    site = site_for(mockehr, app)
    record = site.launch(app.url, patient=site.patient_ids()[0])
    shown = record.text() + str(record.as_json())
    secrets = [
        app.tokens[0]["access_token"],
        "s3cret",
        *app.sessions,
        *(kept["verifier"] for kept in app.sessions.values()),
    ]
    assert [one for one in secrets if one in shown] == []
    assert "code=<" in record.hops[2].url
    asked, called = record.hops[1].url, record.hops[2].url
    assert "state=<state-1>" in asked
    assert "state=<state-1>" in called
    assert (record.hops[0].kept, record.hops[2].sent) == (("session (HttpOnly; SameSite=Lax; Path=/)",), ("session",))


def test_equal_launches_have_equal_records(mockehr: World, smart_app: Start) -> None:
    app = smart_app()
    records = []
    for _ in range(2):
        site = mockehr.site(name="same", patients=3, seed=11)
        site.app("app", [app.callback])
        records.append(site.launch(app.url, patient=site.patient_ids()[0], ask=True))
        mockehr.sites.remove(site)
        mockehr._server.threaded.call(mockehr._server.threaded.server.directory.remove, "same")
    assert records[0].completed
    assert records[0].as_json() == records[1].as_json()


def test_the_hospitals_pages_are_answered(mockehr: World, smart_app: Start) -> None:
    app = smart_app()
    site = site_for(mockehr, app, "epic")
    staff = site.launch(app.url, patient=site.patient_ids()[0], ask=True)
    assert (staff.outcome, staff.pages) == ("completed", ("sign-in",))
    portal = site.launch(app.url, user="patient", patient=site.patient_ids()[0], ask=True)
    assert (portal.outcome, portal.pages) == ("completed", ("sign-in", "consent"))
    assert [hop.page for hop in portal.hops if hop.page] == ["sign-in", "consent"]


def test_all_pages_are_answered_for_an_app_that_ignores_the_launch(mockehr: World, smart_app: Start) -> None:
    app = smart_app(
        "by-itself", scopes="launch/patient launch/encounter openid patient/Patient.rs patient/Encounter.rs"
    )
    site = site_for(mockehr, app)
    [*_, last] = site.patient_ids()
    record = site.launch(app.url, patient=last, ask=True)
    assert (record.outcome, app.tokens[0]["patient"]) == ("completed", last)
    assert record.pages == ("sign-in", "choose-patient", "choose-encounter", "consent")
    assert any("did not bring back launch" in one for one in record.remarks)


def test_a_user_with_a_password_signs_in(mockehr: World, smart_app: Start) -> None:
    app = smart_app()
    site = site_for(mockehr, app)
    clinician = replace(site.users[0], username="doc", password="pw")
    site._call(site.site.auth.users.add, clinician)
    assert site.launch(app.url, user="doc", patient=site.patient_ids()[0], ask=True).completed


@pytest.mark.parametrize("ask", [False, True], ids=["ahead", "by-page"])
def test_a_user_who_declines_is_told_to_the_app(mockehr: World, smart_app: Start, ask: bool) -> None:
    app = smart_app()
    site = site_for(mockehr, app, "epic")
    record = site.launch(app.url, user="patient", patient=site.patient_ids()[0], ask=ask, deny=True)
    assert (record.outcome, record.reason, record.what) == ("refused", "denied", "The user declined.")
    assert record.hops[-1].title == "Not connected"
    assert ("consent" in record.pages) is ask
    assert app.tokens == []


def test_an_app_that_is_not_there(mockehr: World) -> None:
    site = mockehr.site(patients=1)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}/launch"
        record = site.launch(url)
    assert (record.outcome, record.reason, record.stages) == ("failed", "app-unreachable", ())
    assert "no connection could be made" in record.what
    assert record.hops[0].status == 0


def test_a_server_that_never_answers_is_given_up(mockehr: World, monkeypatch: pytest.MonkeyPatch) -> None:
    site = mockehr.site(patients=1)
    monkeypatch.setattr("mockehr.edge.workstation.PATIENCE", 0.05)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        record = site.launch(f"http://127.0.0.1:{silent.getsockname()[1]}/launch")
    assert (record.outcome, record.reason) == ("failed", "timeout")


def test_a_redirect_uri_that_is_not_registered(mockehr: World, smart_app: Start) -> None:
    app = smart_app("other-callback")
    site = site_for(mockehr, app)
    record = site.launch(app.url)
    assert (record.outcome, record.reason) == ("refused", "redirect-uri-unregistered")
    assert (record.stopped, record.nearest) == ("authorize-requested", app.callback)
    assert "exactly what the app sends" in record.remedy


@pytest.mark.parametrize("vendor", ["epic", "oracle"])
def test_a_refusal_is_told_alike_whatever_page_a_vendor_shows(mockehr: World, smart_app: Start, vendor: str) -> None:
    app = smart_app("other-callback")
    record = site_for(mockehr, app, vendor).launch(app.url)
    assert (record.outcome, record.reason) == ("refused", "redirect-uri-unregistered")
    assert record.nearest == app.callback
    assert "exactly what the app sends" in record.remedy


def test_a_refusal_by_a_rule_points_to_the_quirk(mockehr: World, smart_app: Start) -> None:
    app = smart_app()
    site = site_for(mockehr, app)
    site.quirk("session-expired")
    record = site.launch(app.url)
    assert (record.outcome, record.reason) == ("refused", "launch-unknown")
    assert "mockehr quirk show session-expired" in record.remedy


def test_scopes_that_were_not_granted_are_named_with_the_data_that_they_cost(
    mockehr: World, smart_app: Start
) -> None:
    app = smart_app(scopes="launch openid patient/Patient.rs patient/Observation.rs patient/Condition.rs")
    site = site_for(mockehr, app)
    site.quirk("scope-subset", drop=["Patient", "Condition"])
    record = site.launch(app.url, patient=site.patient_ids()[0])
    missed = "It asked for scopes that it did not get: patient/Patient.rs patient/Condition.rs."
    assert [one for one in record.remarks if "scopes" in one] == [missed]
    assert any(one.startswith("The EHR refused a request of the app for data") for one in record.remarks)


def test_an_app_that_falls_over_at_its_callback_is_not_told_to_be_started(mockehr: World, smart_app: Start) -> None:
    app = smart_app("falls-over")
    record = site_for(mockehr, app).launch(app.url)
    assert (record.outcome, record.reason) == ("failed", "callback-unreachable")
    assert record.what.startswith("The app gave no answer at its callback")
    assert "own log" in record.remedy


def test_an_app_that_is_not_registered(mockehr: World, smart_app: Start) -> None:
    app = smart_app(client_id="ap")
    site = site_for(mockehr, app)
    record = site.launch(app.url)
    assert (record.outcome, record.reason, record.nearest) == ("refused", "client-unknown", "app")


def test_a_wrong_verifier_is_refused_with_what_to_do(mockehr: World, smart_app: Start) -> None:
    app = smart_app("other-verifier")
    site = site_for(mockehr, app)
    record = site.launch(app.url, patient=site.patient_ids()[0])
    assert (record.outcome, record.reason, record.stopped) == ("refused", "verifier-wrong", "called-back")
    assert "verifier" in record.remedy


def test_an_app_that_keeps_nothing_fails_at_its_callback(mockehr: World, smart_app: Start) -> None:
    app = smart_app("forgets")
    site = site_for(mockehr, app)
    record = site.launch(app.url)
    assert (record.outcome, record.reason, record.stopped) == ("failed", "error-status", "called-back")
    assert "“State lost”" in record.what
    assert "no cookie" in record.nearest


def test_blocked_cookies_are_named(mockehr: World, smart_app: Start) -> None:
    app = smart_app()
    site = site_for(mockehr, app)
    site.quirk("blocked-cookies")
    record = site.launch(app.url)
    assert (record.outcome, record.stopped) == ("failed", "called-back")
    assert record.hops[0].kept == ()
    assert "session: browsers keep no cookies" in record.nearest
    assert "Rule blocked-cookies (blocked-cookies) fired." in record.remarks


@pytest.mark.parametrize(
    ("cookie", "why"),
    [
        ("SameSite=Strict; Path=/", "SameSite=Strict, and another site led here"),
        ("SameSite=None; Path=/", "SameSite=None wants Secure"),
        ("Domain=other.example.org", "its Domain or Path is not of this address"),
    ],
)
def test_cookies_that_browsers_withhold_do_not_come_back(
    mockehr: World, smart_app: Start, cookie: str, why: str
) -> None:
    app = smart_app(cookie=cookie)
    site = site_for(mockehr, app)
    record = site.launch(app.url)
    assert (record.outcome, record.stopped) == ("failed", "called-back")
    assert why in record.nearest


def test_a_cookie_for_another_path_does_not_come_back(mockehr: World, smart_app: Start) -> None:
    app = smart_app(cookie="Path=/launch")
    site = site_for(mockehr, app)
    record = site.launch(app.url)
    assert record.nearest == "It set session before, which did not come back at the callback."


def test_a_callback_that_is_loaded_twice_shows_in_the_record(mockehr: World, smart_app: Start) -> None:
    app = smart_app()
    site = site_for(mockehr, app)
    site.quirk("code-replay")
    record = site.launch(app.url, patient=site.patient_ids()[0])
    assert [hop.url.partition("?")[0] for hop in record.hops].count(app.callback) == 2
    assert (record.outcome, record.reason) == ("refused", "code-used")


@pytest.mark.parametrize(("fault", "hops"), [("circles", 2), ("begins-again", 6), ("spiral", MOST_HOPS)])
def test_an_app_that_goes_in_circles_is_stopped(mockehr: World, smart_app: Start, fault: str, hops: int) -> None:
    app = smart_app(fault)
    site = site_for(mockehr, app)
    record = site.launch(app.url)
    assert (record.outcome, record.reason, len(record.hops)) == ("failed", "loop", hops)
    assert "goes in circles" in record.what


def test_launches_at_the_same_time_are_told_apart(mockehr: World, smart_app: Start) -> None:
    apps = [smart_app(client_id=name) for name in ("one", "two")]
    site = mockehr.site(patients=2)
    for app in apps:
        site.app(app.client_id, [app.callback])

    async def both() -> list[LaunchRecord]:
        launches = [planned(site.site, user="nurse", patient=p, client_id=a.client_id) for a, p in pairs]
        urls = [app.url for app in apps]
        return await asyncio.gather(
            *(launch_app(site.site, one, url, mockehr.url) for one, url in zip(launches, urls, strict=True))
        )

    pairs = list(zip(apps, site.patient_ids(), strict=True))
    records = mockehr._server.threaded.run(both())
    for record, (app, patient) in zip(records, pairs, strict=True):
        assert record.completed
        assert {one["client"] for one in record.entries} - {""} == {app.client_id}
        assert [one["path"] for one in record.entry("fhir")] == [f"/Patient/{patient}"]
        assert len(record.entry("launch")) == 1


def test_what_an_app_says_cannot_steer_a_terminal(mockehr: World, smart_app: Start) -> None:
    app = smart_app("escapes")
    site = site_for(mockehr, app)
    text = site.launch(app.url).text()
    assert "Wel?[31mcome" in text
    assert "\x1b" not in text


def test_an_app_of_scripts_wants_a_browser(mockehr: World, smart_app: Start) -> None:
    app = smart_app("script")
    site = site_for(mockehr, app)
    record = site.launch(app.url)
    assert (record.outcome, record.stopped) == ("needs-browser", "app-opened")
    assert f"mockehr launch {site.name} --app URL --browser" in record.remedy
    assert "Hop 1: X-Frame-Options is DENY: an EHR cannot show the app in a frame." in record.remarks


@pytest.mark.parametrize(
    ("fault", "outcome", "reason"),
    [
        ("still", "failed", "no-redirect"),
        ("page-only", "failed", "code-not-redeemed"),
        ("native", "needs-browser", "native-app"),
        ("large", "failed", "too-large"),
    ],
)
def test_other_ends(mockehr: World, smart_app: Start, fault: str, outcome: str, reason: str) -> None:
    app = smart_app(fault)
    site = site_for(mockehr, app)
    record = site.launch(app.url)
    assert (record.outcome, record.reason) == (outcome, reason)
    assert record.what.endswith(".")


def test_an_app_may_send_on_by_a_page(mockehr: World, smart_app: Start) -> None:
    app = smart_app("refresh")
    site = site_for(mockehr, app)
    assert site.launch(app.url, patient=site.patient_ids()[0]).completed


def test_what_the_ehr_did_wrong_is_named(mockehr: World, smart_app: Start) -> None:
    app = smart_app()
    site = site_for(mockehr, app)
    site.quirk("launch-before-ready")
    record = site.launch(app.url)
    assert (record.outcome, record.stopped) == ("failed", "app-opened")
    assert "503" in record.nearest
    assert "by rule launch-before-ready" in record.nearest


def test_a_launch_that_cannot_be_is_refused_before_anything_is_opened(mockehr: World, smart_app: Start) -> None:
    app = smart_app()
    site = site_for(mockehr, app)
    with pytest.raises(UnknownName, match="no patient named 'nobody'"):
        site.launch(app.url, patient="nobody")
    with pytest.raises(UnknownName, match="clinician"):
        site.launch(app.url, user="clinic")
    with pytest.raises(UsageError, match="no address of an app"):
        site.launch("app")
    assert site.journal() == []
