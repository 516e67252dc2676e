"""Every quirk: the wire shows it, the journal records the decision, a bad setting is refused."""

from __future__ import annotations

import inspect
from typing import Any

import orjson
import pytest

from mockehr.core.errors import ConfigError, UnknownName
from mockehr.core.exchange import Exchange
from mockehr.population.corruption.base import corruptions
from mockehr.quirks.rule import quirks, rule_from
from mockehr.scenarios.handbook.article import article
from mockehr.sites.build import build_site
from mockehr.sites.options import SiteOptions
from mockehr.sites.site import Site

PATIENT = orjson.dumps({"resourceType": "Patient", "name": [{"family": "Muster"}]})


def world(*rules: dict[str, Any], patients: int = 20) -> Site:
    site = build_site(SiteOptions("a", patients=patients, stepped=True, open_access=True))
    for rule in rules:
        site.arm(rule)
    return site


def ask(site: Site, path: str = "/Patient", query: str = "_count=5", **more: Any) -> Exchange:
    return site.handle(Exchange("fhir", path=path, query=query, base_url="http://a.example.org/fhir", **more))


def create(site: Site) -> Exchange:
    return ask(site, query="", method="POST", body=PATIENT)


def why(exchange: Exchange, outcome: str = "fired") -> list[str]:
    return [f"{d.quirk}: {d.why}".strip() for d in exchange.decisions if d.outcome == outcome]


def status(exchange: Exchange) -> int:
    assert exchange.reply is not None
    return exchange.reply.status


@pytest.mark.parametrize("name", list(quirks()))
def test_a_misspelt_setting_of_any_quirk_is_refused(name: str) -> None:
    for section in ("with", "where", "when"):
        with pytest.raises(ConfigError, match=f"{section}.zzz is not known"):
            rule_from({"use": name, section: {"zzz": 1}})
    with pytest.raises(UnknownName) as refused:
        rule_from({"use": name + "x"})
    assert name in refused.value.nearest


@pytest.mark.parametrize("name", [*quirks(), *corruptions()])
def test_every_docstring_says_how_to_cope_and_where_it_was_seen(name: str) -> None:
    cls = (quirks() if name in quirks() else corruptions()).get(name)
    documented = inspect.getdoc(cls) or ""
    assert "Coping:" in documented, f"{name}: say how a client copes, as in `Coping: …`"
    assert article(name).seen, (
        f"{name}: say `Seen: …` with a source, or give it a row in scenarios/handbook/seen.yaml"
    )


def test_latency_delays_before_or_after_the_work() -> None:
    late = ask(world({"use": "latency", "with": {"delay": "2s"}}))
    early = ask(world({"use": "latency", "with": {"delay": 2, "before_work": True}}))
    assert late.effect().reply_delay == early.effect().arrival_delay == 2
    assert why(late) == ["latency: 2.000 s"]
    spiked = ask(world({"use": "latency", "with": {"spike": "9s", "spike_share": 1}}))
    assert spiked.effect().reply_delay == 9


@pytest.mark.parametrize("at", ["before", "midway"])
def test_a_reset_is_marked_where_it_is_wanted(at: str) -> None:
    exchange = ask(world({"use": "reset", "with": {"at": at}}))
    assert exchange.effect().reset == at
    assert why(exchange) == ["reset:"]


def test_a_truncated_body_keeps_its_share() -> None:
    exchange = ask(world({"use": "truncated-body", "with": {"share": 0.25}}))
    assert exchange.reply is not None
    assert exchange.effect().cut_at == len(exchange.reply.body) // 4


@pytest.mark.parametrize("body", ["cut", "empty", "html", "other-resource"])
def test_a_malformed_success_says_200_and_is_worth_nothing(body: str) -> None:
    site = world({"use": "malformed-success", "with": {"body": body}})
    exchange = ask(site)
    assert exchange.reply is not None
    assert exchange.reply.status == 200
    assert b"searchset" not in exchange.reply.body or body == "cut"
    assert why(ask(site, "/Patient/none", ""), "idle") == ["malformed-success: no success to spoil"]


@pytest.mark.parametrize(
    ("variant", "told"), [("seconds", "60"), ("zero", "0"), ("huge", "86400"), ("absent", ""), ("date", "GMT")]
)
def test_the_rate_limit_refuses_beyond_the_budget_until_the_window_is_over(variant: str, told: str) -> None:
    site = world({"use": "rate-limit", "with": {"budget": 2, "per": "60s", "retry_after": variant}})
    answers = [ask(site) for _ in range(3)]
    assert [status(a) for a in answers] == [200, 200, 429]
    assert answers[2].reply is not None
    retry_after = answers[2].reply.header("retry-after")
    assert retry_after.endswith(told) if told else not retry_after
    site.clock.advance(60)
    assert status(ask(site)) == 200


def test_an_expiring_next_link_dies_after_its_time() -> None:
    site = world({"use": "expiring-next-link", "with": {"after": "5s"}})
    first = ask(site)
    assert why(first) == ["expiring-next-link: next dies after 5 s"]
    token = first.result.next_token
    parameter = site.fhir.restrictions.page_parameter
    assert status(ask(site, query=f"{parameter}={token}")) == 200
    site.clock.advance(5)
    gone = ask(site, query=f"{parameter}={token}")
    assert gone.problem is not None
    assert gone.problem.kind == "page-expired"


def test_page_repeats_gives_the_first_matches_again_at_the_end() -> None:
    exchange = ask(world({"use": "page-repeats"}))
    assert exchange.reply is not None
    ids = [entry["resource"]["id"] for entry in orjson.loads(exchange.reply.body)["entry"]]
    assert (len(ids), ids[:2]) == (7, ids[-2:])


def test_a_lost_response_stays_committed_and_reads_are_left_alone() -> None:
    site = world({"use": "lost-response"}, patients=0)
    exchange = create(site)
    assert exchange.effect().lost
    assert why(exchange) == ["lost-response: change 1 stays committed"]
    assert len(site.log.changes) == 1
    assert ask(site).effects is None
    assert why(ask(site), "skipped")[0].startswith("lost-response: interaction is search, not create")


@pytest.mark.parametrize("kind", ["batch", "transaction"])
def test_the_answer_to_a_bundle_that_writes_is_lost_too(kind: str) -> None:
    site = world({"use": "lost-response"}, patients=0)
    for resource, request, lost in (
        ({"resourceType": "Patient"}, {"method": "POST", "url": "Patient"}, True),
        ({}, {"method": "GET", "url": "Patient"}, False),
    ):
        entry = {"request": request} | ({"resource": resource} if resource else {})
        bundle = orjson.dumps({"resourceType": "Bundle", "type": kind, "entry": [entry]})
        told = ask(site, "/", "", method="POST", body=bundle)
        assert (status(told), told.effects is not None and told.effects.lost) == (200, lost)
    assert len(site.log.changes) == 1


def test_tokens_die_after_their_uses() -> None:
    site = world({"use": "token-expiry", "with": {"uses": 1}})
    headers = {"authorization": "Bearer x"}
    assert [status(ask(site, headers=headers)) for _ in range(2)] == [200, 401]


def test_a_quirk_takes_part_only_where_its_settings_give_it_something_to_do() -> None:
    site = world({"use": "token-expiry", "with": {"after": "30s"}, "when": {"first": 1}})
    assert site.mischief.armed("token", "on_grant")
    assert not site.mischief.armed("token", "on_request")
    assert ask(site).decisions == ()


def test_a_rule_about_resources_does_not_answer_token_requests_nor_name_unknown_paths() -> None:
    site = world({"use": "rate-limit", "where": {"resource": "Observation"}})
    asked = Exchange("token", "POST", "/token", body=b"grant_type=client_credentials")
    site.mischief.disturb("on_request", asked)
    assert asked.result is None
    strange = Exchange("fhir", path="/Nope")
    site.mischief.disturb("on_request", strange)
    assert (strange.result, strange.interaction) == (None, None)


@pytest.mark.parametrize(
    "rule",
    [
        {"use": "latency", "with": {"delay": "soon"}},
        {"use": "latency", "with": {"delay": -1}},
        {"use": "latency", "with": {"spike_share": 2}},
        {"use": "truncated-body", "with": {"share": 1}},
        {"use": "page-repeats", "with": {"entries": 0}},
        {"use": "page-repeats", "with": {"entries": "two"}},
        {"use": "duplicate-delivery", "with": {"copies": 0}},
        {"use": "reset", "with": {"at": "never"}},
        {"use": "malformed-success", "with": {"body": "pdf"}},
        {"use": "rate-limit", "with": {"retry_after": "later"}},
        {"use": "rate-limit", "with": {"per": 0}},
        {"use": "latency", "with": 5},
        {"use": "latency", "where": {"resource": 5}},
        {"use": "page-repeats", "where": {"channel": "token"}},
        {"use": "latency", "where": {"channel": "fhri"}},
        {"use": "latency", "when": {"probability": 2}},
        {"use": "latency", "when": {"probability": "often"}},
        {"use": "latency", "when": {"every": -1}},
        {"use": "latency", "when": {"window": "10s"}},
        {"use": "latency", "when": {"after": "soon"}},
    ],
)
def test_a_bad_value_is_refused_as_a_usage_error(rule: dict[str, Any]) -> None:
    with pytest.raises((ConfigError, UnknownName)):
        rule_from(rule)


@pytest.mark.parametrize(
    ("when", "fired"),
    [
        ({}, [1, 2, 3, 4]),
        ({"first": 2}, [1, 2]),
        ({"skip": 3}, [4]),
        ({"every": 2}, [2, 4]),
        ({"at_most": 1}, [1]),
        ({"probability": 0}, []),
        ({"after": "1s"}, []),
        ({"phase": "storm"}, []),
    ],
)
def test_when_says_which_exchanges_and_the_journal_says_why_not(when: dict[str, Any], fired: list[int]) -> None:
    site = world({"use": "reset", "when": when})
    exchanges = [ask(site) for _ in range(4)]
    assert [e.number for e in exchanges if e.effects is not None] == fired
    assert all(d.why for e in exchanges for d in e.decisions if d.outcome == "skipped")
    assert site.rules[0].describe()["fired"] == len(fired)
