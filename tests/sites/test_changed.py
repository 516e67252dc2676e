"""The `changed` feeds of a site, asked in memory."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

from mockehr.cli.routes import routes_of
from mockehr.core.errors import UnknownName
from mockehr.core.exchange import Exchange
from mockehr.sites.build import build_site
from mockehr.sites.options import SiteOptions
from mockehr.sites.site import Site

ROOT = "/v1/195900"
BASE = "http://north.example.org/fhir/R4"


def site_with(**changed: Any) -> Site:
    settings = {"events": {"changed": {"path": ROOT, "latency": 0} | changed}}
    return build_site(SiteOptions("north", patients=3, stepped=True, open_access=True, settings=settings))


def ask(site: Site, method: str, path: str, query: str = "", body: str = "", **headers: str) -> Exchange:
    channel = site.endpoints.channel(ROOT + path)
    assert channel == "feed"
    return site.handle(Exchange(channel, method, ROOT + path, query, headers, body.encode(), base_url=BASE))


def told(exchange: Exchange, status: int = 200) -> Any:
    assert exchange.reply is not None
    assert exchange.reply.status == status
    return json.loads(exchange.reply.body)


def create(site: Site, document: Mapping[str, Any]) -> str:
    body = json.dumps(document).encode()
    path = f"/{document['resourceType']}"
    sent = site.handle(
        Exchange("fhir", "POST", path, "", {"content-type": "application/fhir+json"}, body, base_url=BASE)
    )
    assert sent.reply is not None
    assert sent.reply.status == 201
    return str(sent.result.record.id)


def patients(site: Site, *families: str) -> list[str]:
    return [create(site, {"resourceType": "Patient", "name": [{"family": family}]}) for family in families]


def changes(site: Site, query: str = "", feed: str = "patients") -> list[str]:
    answer = told(ask(site, "GET", f"/{feed}/changed", query))
    return [row["lastname"] for row in answer[feed]]


def test_reading_consumes() -> None:
    site = site_with()
    assert told(ask(site, "POST", "/patients/changed/subscription")) == {"success": True}
    patients(site, "Muster", "Later")
    first = ask(site, "GET", "/patients/changed")
    assert [row["lastname"] for row in told(first)["patients"]] == ["Muster", "Later"]
    assert told(first)["totalcount"] == 2
    assert first.interaction is not None
    assert first.interaction.name == "changed"
    assert len(first.returned) == 2
    assert changes(site) == []


def test_what_is_left_unprocessed_can_be_read_again_and_a_head_takes_nothing() -> None:
    site = site_with()
    ask(site, "POST", "/patients/changed/subscription")
    patients(site, "Muster")
    assert changes(site, "leaveunprocessed=true") == ["Muster"]
    ask(site, "HEAD", "/patients/changed")
    assert changes(site, "leaveunprocessed=false") == ["Muster"]
    assert changes(site, "leaveunprocessed=true") == []


def test_what_was_processed_is_replayed_by_when_it_was_read() -> None:
    site = site_with(utc_offset=-5)
    ask(site, "POST", "/patients/changed/subscription")
    patients(site, "Muster")
    site.clock.advance(60.5)
    assert changes(site) == ["Muster"]
    site.clock.advance(3600)
    patients(site, "Later")
    replay = "showprocessedstartdatetime=01/05/2026 07:01:00&showprocessedenddatetime=01/05/2026 07:01:00"
    for _ in range(2):
        assert changes(site, replay) == ["Muster"]
    assert changes(site, "showprocessedstartdatetime=01/05/2026 07:02:00") == []
    assert changes(site) == ["Later"]


def test_changes_are_late_by_the_sites_clock() -> None:
    site = site_with(latency=300)
    ask(site, "POST", "/patients/changed/subscription")
    patients(site, "Muster")
    site.clock.advance(299)
    assert changes(site) == []
    site.clock.advance(1)
    assert changes(site) == ["Muster"]


def test_a_subscription_of_one_event_is_partial() -> None:
    site = site_with()
    path = "/appointments/changed/subscription"
    assert told(ask(site, "GET", path)) == {"status": "INACTIVE", "subscriptions": []}
    asked = ask(site, "POST", path, body="eventname=CancelAppointment").interaction
    assert asked is not None
    assert asked.name == "changed-subscribe"
    assert told(ask(site, "GET", path)) == {
        "status": "PARTIAL",
        "subscriptions": [{"eventname": "CancelAppointment"}],
    }
    ask(site, "POST", path)
    whole = told(ask(site, "GET", path))
    assert whole["status"] == "ACTIVE"
    assert whole["subscriptions"] == told(ask(site, "GET", path + "/events"))["subscriptions"]
    ask(site, "DELETE", path, "eventname=CheckIn")
    assert told(ask(site, "GET", path))["status"] == "PARTIAL"
    ask(site, "DELETE", path)
    assert told(ask(site, "GET", path))["status"] == "INACTIVE"


@pytest.mark.parametrize(
    ("method", "path", "query", "body", "status", "text"),
    [
        ("GET", "/patients/changed", "", "", 400, "not subscribed"),
        ("POST", "/patients/changed/subscription", "", "eventname=AddPatients", 400, "AddPatient"),
        ("GET", "/claims/changed", "limit=0", "", 400, "limit"),
        ("GET", "/claims/changed", "leaveunprocessed=yes", "", 400, "true or false"),
        ("GET", "/claims/changed", "showprocessedstartdatetime=2026-01-05", "", 400, "01/01/1970"),
        ("POST", "/patients/changed", "", "", 405, "GET"),
        ("PUT", "/patients/changed/subscription", "", "", 405, "POST"),
    ],
)
def test_what_cannot_be_is_refused_with_a_reason(
    method: str, path: str, query: str, body: str, status: int, text: str
) -> None:
    assert text in told(ask(site_with(), method, path, query, body), status)["error"]


def test_pages_are_consumed_one_by_one_and_replays_are_counted_from_an_offset() -> None:
    site = site_with(page=2, largest=2)
    ask(site, "POST", "/patients/changed/subscription")
    patients(site, "A", "B", "C", "D", "E")
    seen, query = [], "limit=500"
    while query:
        answer = told(ask(site, "GET", "/patients/changed", query))
        seen.append([row["lastname"] for row in answer["patients"]])
        query = answer.get("next", "").partition("?")[2]
    assert seen == [["A", "B"], ["C", "D"], ["E"]]
    replay = told(ask(site, "GET", "/patients/changed", "showprocessedstartdatetime=01/01/2026&offset=2"))
    assert [row["lastname"] for row in replay["patients"]] == ["C", "D"]
    assert replay["totalcount"] == 5
    assert replay["next"].endswith("&limit=2&offset=4")
    assert replay["previous"].endswith("&limit=2&offset=0")


def test_a_filter_consumes_no_more_than_it_shows() -> None:
    site = site_with()
    ask(site, "POST", "/patients/changed/subscription")
    first, _ = patients(site, "Muster", "Later")
    assert changes(site, f"patientid={first},other") == ["Muster"]
    assert changes(site) == ["Later"]


def test_a_token_is_wanted_and_each_client_has_a_queue_of_its_own() -> None:
    site = site_with()
    site.open_access = False
    assert told(ask(site, "GET", "/patients/changed"), 401)["error"]
    assert told(ask(site, "GET", "/patients/changed", authorization="Bearer x"), 401)["error"]


def test_rules_act_on_the_feed_and_what_was_lost_was_consumed() -> None:
    site = site_with()
    ask(site, "POST", "/patients/changed/subscription")
    patients(site, "Muster")
    site.arm({"use": "reset", "name": "cut", "where": {"channel": "feed", "interaction": "changed"}})
    cut = ask(site, "GET", "/patients/changed")
    assert cut.effect().reset
    assert [decision.outcome for decision in cut.decisions] == ["fired"]
    assert not ask(site, "GET", "/patients/changed/subscription").effect().reset
    site.disarm("cut")
    assert changes(site) == []
    assert changes(site, "showprocessedstartdatetime=01/05/2026") == ["Muster"]


def test_a_site_has_the_feeds_that_its_settings_name_and_usually_none() -> None:
    assert build_site(SiteOptions("a", patients=1)).endpoints.channel("/v1/195900/patients/changed") is None
    site = site_with(feeds=["patients"])
    assert site.endpoints.channel(f"{ROOT}/patients/changed") == "feed"
    assert site.endpoints.channel(f"{ROOT}/claims/changed") is None
    with pytest.raises(UnknownName) as refused:
        site_with(feeds=["patient"])
    assert "patients" in refused.value.nearest


def test_a_reset_ends_all_subscriptions() -> None:
    site = site_with()
    ask(site, "POST", "/patients/changed/subscription")
    site.reset()
    assert told(ask(site, "GET", "/patients/changed/subscription"))["status"] == "INACTIVE"


def test_every_route_of_a_feed_is_printed_and_leads_there() -> None:
    site = site_with(feeds=["claims"])
    routes = [route for route in routes_of(site) if route.channel == "feed"]
    assert {f"{route.method} {route.path} {route.interaction}" for route in routes} == {
        f"GET /north{ROOT}/claims/changed changed",
        f"GET /north{ROOT}/claims/changed/subscription changed-subscription",
        f"POST /north{ROOT}/claims/changed/subscription changed-subscription",
        f"DELETE /north{ROOT}/claims/changed/subscription changed-subscription",
        f"GET /north{ROOT}/claims/changed/subscription/events changed-events",
    }


def test_the_audit_trail_knows_whose_records_were_polled() -> None:
    site = site_with()
    ask(site, "POST", "/patients/changed/subscription")
    (id,) = patients(site, "Muster")
    ask(site, "GET", "/patients/changed")
    access = site.audit.accesses()[-1]
    assert (access.channel, access.what, access.patients) == ("feed", "search", (id,))
