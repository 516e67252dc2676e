"""What quirks of the network do with their settings, in memory."""

from __future__ import annotations

import json
from typing import Any

import pytest

from mockehr.core.errors import ConfigError
from mockehr.core.exchange import Exchange, Reply
from mockehr.quirks.rule import rule_from
from mockehr.sites.build import build_site
from mockehr.sites.options import SiteOptions
from mockehr.sites.site import Site

PATIENT = json.dumps({"resourceType": "Patient", "name": [{"family": "Muster"}]}).encode()


def site_with(use: str, **settings: Any) -> Site:
    site = build_site(SiteOptions("a", patients=5, stepped=True, open_access=True))
    site.arm({"use": use, "with": settings})
    return site


def ask(site: Site, path: str = "/Patient/p1", **more: Any) -> tuple[Exchange, Reply]:
    exchange = site.handle(Exchange("fhir", path=path, base_url="http://a.example.org/fhir", **more))
    assert exchange.reply is not None
    return exchange, exchange.reply


@pytest.mark.parametrize(("body", "kind"), [
    ("proxy", "text/html"), ("maintenance", "text/html"), ("gateway", "application/json"), ("empty", "")
])  # fmt: skip
@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_an_outage_answers_in_the_words_of_what_stands_before_the_system(status: int, body: str, kind: str) -> None:
    site = site_with("outage", status=status, body=body)
    exchange, reply = ask(site, "/Patient", method="POST", body=PATIENT)
    assert reply.status == status
    assert reply.header("Content-Type").startswith(kind)
    assert (b"resourceType" in reply.body, bool(reply.body)) == (False, bool(kind))
    assert reply.header("Retry-After") == ""
    assert exchange.changes == ()


def test_a_budget_tightens_for_everybody_after_its_time() -> None:
    site = site_with("rate-limit", budget=3, per="10s", tightens_after="20s", tightens_to=1)
    for wait, expected in ((0, [200, 200, 200, 429]), (10, [200, 200, 200, 429]), (10, [200, 429, 429, 429])):
        site.clock.advance(wait)
        assert [ask(site)[1].status for _ in range(4)] == expected


def test_a_success_may_name_an_id_under_which_there_is_nothing() -> None:
    site = site_with("malformed-success", body="other-id")
    exchange, reply = ask(site, "/Patient", method="POST", body=PATIENT)
    id = json.loads(reply.body)["id"]
    assert f"/Patient/{id}" in reply.header("Location")
    assert site.store.read("Patient", id) is None
    assert len(exchange.changes) == 1
    assert [d.outcome for d in ask(site, "/Patient")[0].decisions] == ["idle"]  # a Bundle has no other


def test_a_create_may_be_answered_as_if_nothing_was_new() -> None:
    site = site_with("malformed-success", body="ok-for-created")
    exchange, reply = ask(site, "/Patient", method="POST", body=PATIENT)
    assert (reply.status, reply.header("Location"), len(exchange.changes)) == (200, "", 1)
    assert [d.outcome for d in ask(site)[0].decisions] == ["idle"]


@pytest.mark.parametrize("after_work", [True, False])
def test_what_hangs_is_done_or_not(after_work: bool) -> None:
    exchange, _ = ask(site_with("hangs", after_work=after_work), "/Patient", method="POST", body=PATIENT)
    assert exchange.effect().hang
    assert len(exchange.changes) == int(after_work)


def test_a_fresh_connection_is_not_cut() -> None:
    exchange, reply = ask(site_with("keep-alive-cut"))
    assert (reply.status, exchange.effects) == (200, None)
    assert [d.why for d in exchange.decisions] == ["a fresh connection"]


@pytest.mark.parametrize(
    ("use", "settings"),
    [
        ("outage", {"status": 404}),
        ("outage", {"body": "pdf"}),
        ("outage", {"retry_after": "soon"}),
        ("connection-refused", {"lasts": -1}),
        ("slow-drip", {"octets": 0}),
        ("wrong-content-length", {"by": 0}),
        ("wrong-content-length", {"then": "waits"}),
        ("damaged-gzip", {"damage": "lost"}),
        ("keep-alive-cut", {"on": "never"}),
        ("duplicate-request", {"answer": "both"}),
        ("truncated-body", {"framing": "lines"}),
        ("rate-limit", {"budget": 2, "tightens_to": 3}),
        ("tls-faults", {"certificate": "good"}),
    ],
)
def test_a_bad_value_is_refused(use: str, settings: dict[str, Any]) -> None:
    with pytest.raises(ConfigError):
        rule_from({"use": use, "with": settings})
