"""Redox in front of a hospital: FHIR by destination, its errors, limits and tokens."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

import orjson
import pytest

from mockehr.auth.assertion import client_assertion
from mockehr.auth.keys import read_bundled_key
from mockehr.core.exchange import Exchange, Reply
from mockehr.sites.build import build_site
from mockehr.sites.directory import Directory, channel_of
from mockehr.sites.options import SiteOptions
from mockehr.sites.site import Site
from mockehr.sites.test_client import register_demo_client

ROOT = "https://hub.example.org"
HERE = "/fhir/R4/north/Development"
MEDIA = {"content-type": "application/fhir+json"}


class Hub:
    """A Redox in front of `north`, asked as a client would over HTTP."""

    def __init__(self, vendor: str = "generic", open_access: bool = True, rates: Any = None, **settings: Any) -> None:
        self.directory = Directory()
        told: dict[str, Any] = {"redox": settings} if settings else {}
        told |= {"rates": rates} if rates else {}
        options = SiteOptions("hub", "redox", stepped=True, open_access=open_access, fronts=("north",), settings=told)
        self.site = self.directory.add(build_site(options))
        self.north: Site = self.directory.add(build_site(SiteOptions("north", vendor, patients=5, stepped=True)))
        register_demo_client(self.site)

    def exchange(self, path: str, method: str = "GET", body: bytes = b"", **headers: str) -> Exchange:
        path, _, query = path.partition("?")
        found = channel_of(self.site, path)
        assert found is not None, path
        told = {"accept": "application/json"} | {key.replace("_", "-"): value for key, value in headers.items()}
        base = ROOT + self.site.fhir_path
        exchange = Exchange(found[0], method, found[1], query, told, body, base_url=base, peer="192.0.2.1")
        return self.site.handle(exchange)

    def ask(self, path: str, method: str = "GET", body: bytes = b"", **headers: str) -> Reply:
        reply = self.exchange(path, method, body, **headers).reply
        assert reply is not None
        return reply

    def read(self, path: str) -> Any:
        return orjson.loads(self.ask(path).body)


@pytest.fixture(scope="module")
def hub() -> Hub:
    """Nobody writes here."""
    return Hub()


@pytest.mark.behaviour("redox", "fhir-by-destination")
def test_fhir_is_passed_on_to_the_destination_by_its_slug() -> None:
    hub = Hub(destinations=["north=st-marys-1"])
    there = "/fhir/R4/st-marys-1/Production"
    assert hub.read(f"{there}/Patient/p0")["id"] == "p0"
    assert hub.ask(f"{HERE}/Patient/p0").status == 403
    made = hub.ask(f"{there}/Patient", "POST", b'{"resourceType":"Patient","active":true}', **MEDIA)
    assert made.status == 201
    place = made.header("location")
    assert place.startswith(f"{ROOT}{there}/Patient/")
    assert hub.read(place.removeprefix(ROOT).partition("/_history")[0])["active"] is True
    assert [change.resource_type for change in hub.north.log.changes] == ["Patient"]


@pytest.mark.behaviour("redox", "case-sensitive", "missing-destination")
@pytest.mark.parametrize(
    "path",
    [
        "/fhir/R4/North/Development/Patient",
        "/fhir/R4/north/development/Patient",
        "/fhir/R4/north/Test/Patient",
        "/fhir/R4/south/Development/Patient",
        "/fhir/R4/north",
        "/fhir/R4",
    ],
)
def test_slug_and_environment_are_compared_as_they_are_written(hub: Hub, path: str) -> None:
    reply = hub.ask(path)
    assert reply.status == 403
    assert orjson.loads(reply.body)["resourceType"] == "OperationOutcome"


@pytest.mark.behaviour("redox", "case-sensitive")
def test_types_are_in_title_case_and_all_environments_are_served(hub: Hub) -> None:
    assert hub.ask(f"{HERE}/patient/p0").status == 404
    for environment in ("Development", "Staging", "Production"):
        assert hub.ask(f"/fhir/R4/north/{environment}/Patient/p0").status == 200


@pytest.mark.behaviour("redox", "missing-destination")
def test_what_is_missing_may_be_told_with_404_just_as_well() -> None:
    hub = Hub(missing={"destination": 404})
    assert hub.ask("/fhir/R4/south/Development/Patient").status == 404


def test_pages_are_followed_to_the_end_and_give_everybody_once(hub: Hub) -> None:
    target, seen = f"{HERE}/Patient?_count=2", []
    while target:
        bundle = hub.read(target)
        seen += [entry["resource"]["id"] for entry in bundle["entry"]]
        assert {entry["fullUrl"].partition("/Patient")[0] for entry in bundle["entry"]} == {ROOT + HERE}
        links = {link["relation"]: link["url"] for link in bundle["link"]}
        target = links.get("next", "").removeprefix(ROOT)
    assert sorted(seen) == ["p0", "p1", "p2", "p3", "p4"]


@pytest.mark.parametrize("vendor", ["epic", "oracle"])
def test_links_of_a_vendor_behind_lead_to_the_front(vendor: str) -> None:
    hub = Hub(vendor)
    assert hub.north.charts is not None
    found = hub.ask(f"{HERE}/Patient?_id={hub.north.charts.patient_id(0)}&_count=1")
    assert found.status == 200
    assert f"{ROOT}{HERE}/Patient".encode() in found.body
    assert b"north.example.org" not in found.body
    assert hub.north.fhir_path.rstrip("/").encode() not in found.body


def test_references_to_the_front_lead_to_the_site_behind(hub: Hub) -> None:
    found = hub.read(f"{HERE}/Observation?patient={ROOT}{HERE}/Patient/p0&_count=1")
    assert found["entry"][0]["resource"]["subject"]["reference"].endswith("Patient/p0")


def test_the_statement_is_the_destinations_without_its_authorization_server(hub: Hub) -> None:
    statement = hub.read(f"{HERE}/metadata")
    assert statement["resourceType"] == "CapabilityStatement"
    assert "security" not in statement["rest"][0]
    assert "oauth2" not in hub.ask(f"{HERE}/metadata").body.decode()


@pytest.mark.behaviour("redox", "partial-success-fhir")
@pytest.mark.parametrize(
    ("rule", "code", "text"),
    [
        ({"use": "rate-limit", "with": {"budget": 1}}, "throttled", "status code 429"),
        ({"use": "rate-limit", "with": {"budget": 1, "status": 503}}, "transient", "status code 503"),
        ({"use": "reset"}, "transient", "connection to north was lost"),
        ({"use": "malformed-success"}, "exception", "north returned status code 200"),
    ],
)
def test_a_destination_that_fails_is_a_success_with_issues(rule: dict[str, Any], code: str, text: str) -> None:
    hub = Hub()
    hub.ask(f"{HERE}/Patient/p0")
    hub.north.arm(rule)
    hub.ask(f"{HERE}/Patient/p0")
    exchange = hub.exchange(f"{HERE}/Patient/p0")
    reply = exchange.reply
    assert reply is not None
    assert reply.status == 200
    outcome = orjson.loads(reply.body)
    assert outcome["resourceType"] == "OperationOutcome"
    (issue,) = outcome["issue"]
    assert (issue["severity"], issue["code"]) == ("error", code)
    assert text in issue["diagnostics"]
    assert not reply.header("retry-after")
    assert exchange.notes["behind"][-1]["site"] == "north"


@pytest.mark.behaviour("redox", "partial-success-fhir")
def test_a_write_whose_answer_was_lost_is_told_as_a_failure_and_is_there() -> None:
    hub = Hub()
    hub.north.arm({"use": "lost-response"})
    reply = hub.ask(f"{HERE}/Patient", "POST", b'{"resourceType":"Patient"}', **MEDIA)
    assert (reply.status, orjson.loads(reply.body)["resourceType"]) == (200, "OperationOutcome")
    assert len(hub.north.log.changes) == 1


@pytest.mark.behaviour("redox", "partial-success-fhir")
def test_a_destination_that_is_gone_cannot_be_reached() -> None:
    hub = Hub()
    hub.directory.remove("north")
    reply = hub.ask(f"{HERE}/Patient/p0")
    assert reply.status == 200
    assert orjson.loads(reply.body)["issue"][0]["diagnostics"] == "north cannot be reached"


def test_what_is_about_the_request_itself_is_passed_on(hub: Hub) -> None:
    reply = hub.ask(f"{HERE}/Patient/nobody")
    assert (reply.status, orjson.loads(reply.body)["issue"][0]["code"]) == (404, "not-found")
    assert hub.ask(f"{HERE}/Observation?code:nonsense=x", prefer="handling=strict").status in (400, 200)


@pytest.mark.behaviour("redox", "gateway-504")
def test_a_destination_that_takes_minutes_is_waited_for_no_longer() -> None:
    hub = Hub()
    hub.north.arm({"use": "latency", "with": {"delay": "110s"}})
    assert hub.ask(f"{HERE}/Patient/p0").status == 200
    hub.north.arm({"use": "latency", "name": "more", "with": {"delay": "20s"}})
    assert hub.ask(f"{HERE}/Patient/p0").status == 504


@pytest.mark.behaviour("redox", "payload-413")
def test_a_payload_that_is_too_large_is_refused() -> None:
    hub = Hub(largest=100)
    assert hub.ask(f"{HERE}/Patient", "POST", b" " * 101, **MEDIA).status == 413
    assert hub.ask("/endpoint", "POST", b" " * 101).status == 413
    assert not hub.north.journal
    assert Hub().site.personality.settings["redox"]["largest"] == 40 * 1024 * 1024


@pytest.mark.behaviour("redox", "rate-10000", "rate-header")
def test_the_limit_is_one_number_and_the_header_says_another(hub: Hub) -> None:
    (budget,) = hub.site.budgets.budgets
    assert (budget.limit, budget.window, budget.per, budget.aligned) == (10_000, 300, "peer", False)
    assert hub.ask(f"{HERE}/Patient/p0").header("x-ratelimit-limit") == "7500"
    few = {"limit": 2, "window": 300, "of": ["fhir"], "per": "peer", "wait": ""}
    tight = Hub(rates={"budgets": [few]})
    for status in (200, 200, 429):
        reply = tight.ask(f"{HERE}/Patient/p0")
        assert reply.status == status
    assert len(tight.north.journal) == 2
    assert not reply.header("retry-after")


@pytest.mark.behaviour("redox", "token-jwt", "token-typ")
def test_a_token_is_given_for_a_signed_assertion_without_scope() -> None:
    hub = Hub(open_access=False)
    url = f"{ROOT}/v2/auth/token"
    assertion = client_assertion("demo", url, read_bundled_key("client-1-RS384"), now=hub.site.clock.now(), jti="1")
    form = {
        "grant_type": "client_credentials",
        "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
        "client_assertion": assertion,
    }
    media = {"content_type": "application/x-www-form-urlencoded"}
    reply = hub.ask("/v2/auth/token", "POST", urlencode(form).encode(), **media)
    assert reply.status == 200, reply.body
    told = orjson.loads(reply.body)
    bearer = f"Bearer {told['access_token']}"
    assert hub.ask(f"{HERE}/Patient/p0", authorization=bearer).status == 200
    assert hub.ask(f"{HERE}/Patient/p0").status == 401
    assert hub.site.auth.settings.require_typ is False
    secret = {"grant_type": "client_credentials", "client_id": "demo", "client_secret": "x"}
    assert hub.ask("/v2/auth/token", "POST", urlencode(secret).encode(), **media).status in (400, 401)


@pytest.mark.behaviour("redox", "legacy-token", "legacy-refresh")
def test_a_key_and_its_secret_get_a_token_for_a_day_and_another_for_it() -> None:
    hub = Hub(open_access=False)
    register_demo_client(hub.site, "key-1", "system/*.cruds", secret="s3cret")
    reply = hub.ask("/auth/authenticate", "POST", b'{"apiKey":"key-1","secret":"s3cret"}')
    told = orjson.loads(reply.body)
    assert (reply.status, set(told)) == (200, {"accessToken", "expires", "refreshToken"})
    assert told["expires"] == "2026-01-06T12:00:00.000Z"
    bearer = f"Bearer {told['accessToken']}"
    assert hub.ask(f"{HERE}/Patient/p0", authorization=bearer).status == 200
    hub.site.clock.advance(86_401)
    assert hub.ask(f"{HERE}/Patient/p0", authorization=bearer).status == 401
    body = orjson.dumps({"apiKey": "key-1", "refreshToken": told["refreshToken"]})
    again = orjson.loads(hub.ask("/auth/refreshToken", "POST", body).body)
    assert hub.ask(f"{HERE}/Patient/p0", authorization=f"Bearer {again['accessToken']}").status == 200
    stolen = orjson.dumps({"apiKey": "key-2", "refreshToken": told["refreshToken"]})
    assert hub.ask("/auth/refreshToken", "POST", stolen).status == 401


@pytest.mark.behaviour("redox", "legacy-wrong")
@pytest.mark.parametrize("body", [b'{"apiKey":"key-1","secret":"wrong"}', b"{}", b"[]", b"\xff", b""])
def test_a_wrong_secret_is_answered_with_a_page_of_two_words(body: bytes) -> None:
    hub = Hub()
    register_demo_client(hub.site, "key-1", "system/*.cruds", secret="s3cret")
    reply = hub.ask("/auth/authenticate", "POST", body)
    assert (reply.status, reply.body) == (401, b"Invalid request")
    assert reply.header("content-type") == "text/html; charset=utf-8"


@pytest.mark.behaviour("redox", "tells-of-behind", "notification-types")
def test_webhooks_of_the_front_tell_of_changes_of_the_site_behind() -> None:
    from mockehr.config.settings import WebhookConfig
    from mockehr.sites.sections import hook_from

    hub = Hub()
    config = WebhookConfig(url="http://app.example.org/hook", form="redox", payload="full", secret="t0ken")
    hub.site.outbox.add(hook_from(config, "app", hub.site.fhir.types))
    hub.north.store.commit(
        {"resourceType": "Patient", "id": "x", "name": [{"family": "Muster"}]}, kind="create", source="control"
    )
    hub.north.store.commit(
        {"resourceType": "Observation", "id": "o", "status": "final", "code": {}}, kind="create", source="control"
    )
    (delivery,) = hub.site.outbox.ready
    told = orjson.loads(delivery.exchange.body)
    assert (told["Meta"]["DataModel"], told["Meta"]["EventType"]) == ("PatientAdmin", "NewPatient")
    assert told["Meta"]["Source"]["Name"] == "hub"
    assert told["Patient"]["Demographics"]["LastName"] == "Muster"
    assert delivery.exchange.notes["notification"] == ["patient-created"]
    assert not hub.north.outbox.lanes
