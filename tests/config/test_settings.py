from __future__ import annotations

from typing import Any

import pytest

from mockehr.config.explain import validate
from mockehr.config.load import load_text
from mockehr.config.settings import RuleConfig, ServerConfig, SiteConfig
from mockehr.core.errors import ConfigError

SITE = """
name: north
personality: epic
patients: 500
seed: 7
clock: {mode: stepped, start: "2026-01-05T12:00:00Z"}
quirks:
  - use: lost-response
    where: {interaction: "create, update", resource: [MedicationRequest]}
    when: {every: 5, after: 30s, window: [0, 1h]}
    with: {after: 30s}
clients:
  - {client_id: backend, scopes: system/*.rs openid, jwks: {keys: []}}
import: [charts/one.json]
hl7: {listen: 0, links: [{name: engine, port: 2575, messages: ADT^A*}]}
webhooks: [{url: "http://127.0.0.1:9/in", topics: admission, payload: full}]
settings: {paging.size: 20}
"""
KNOWN = {"personality": ["epic", "oracle"], "quirk": {"lost-response": ["after"]}}


def _site(text: str) -> SiteConfig:
    return validate(SiteConfig, load_text(text, source="s.yaml"), known=KNOWN)


def _problems(text: str, model: Any = SiteConfig) -> tuple[str, ...]:
    with pytest.raises(ConfigError) as caught:
        validate(model, load_text(text, source="s.yaml"), known=KNOWN)
    return caught.value.problems


def test_a_whole_site_is_read() -> None:
    site = _site(SITE)
    assert site.clock.start == 1_767_614_400.0
    assert site.clients[0].scopes == ["system/*.rs", "openid"]
    assert site.imports == ["charts/one.json"]
    assert site.hl7.links[0].messages == ["ADT^A*"]
    assert site.webhooks[0].topics == ["admission"]
    assert site.settings == {"paging.size": 20}


def test_a_rule_gives_back_only_what_was_written_with_durations_in_seconds() -> None:
    assert _site(SITE).quirks[0].plain() == {
        "use": "lost-response",
        "where": {"interaction": ["create", "update"], "resource": ["MedicationRequest"]},
        "when": {"every": 5, "after": 30.0, "window": [0.0, 3600.0]},
        "with": {"after": "30s"},
    }


def test_a_name_alone_is_a_site_with_everything_else_by_default() -> None:
    site = validate(SiteConfig, load_text("name: a"))
    assert (site.personality, site.patients, site.clock.mode, site.quirks) == ("generic", 100, "real", [])


def test_a_clock_may_be_written_short() -> None:
    assert _site("name: a\npersonality: epic\nclock: stepped").clock.mode == "stepped"


@pytest.mark.parametrize(
    ("text", "place", "reason"),
    [
        ("clock: steped", "clock.mode", "nearest: stepped"),
        ("clock: {mode: stepped, scale: 2}", "clock", "no scale"),
        ("clock: {start: 2026-01-05}", "clock.start", "no time zone"),
        ("clock: {start: monday}", "clock.start", "is no moment"),
        ("clock: {scale: 0}", "clock.scale", "greater than 0"),
        ("patients: true", "patients", "integer, not true"),
        ("patients: -1", "patients", "greater than or equal to 0"),
        ("quirks: [{use: lost-response, when: {after: 30q}}]", "quirks[0].when.after", "30s or 2d12h"),
        ("quirks: [{use: lost-response, when: {after: 1.2.3s}}]", "quirks[0].when.after", "30s or 2d12h"),
        ("quirks: [{use: lost-response, when: {after: -5}}]", "quirks[0].when.after", "negative"),
        ("quirks: [{use: lost-response, when: {after: true}}]", "quirks[0].when.after", "duration"),
        ("quirks: [{use: lost-response, when: {window: [2s, 1s]}}]", "quirks[0].when", "open before it closes"),
        ("quirks: [{use: lost-response, when: {window: [2s]}}]", "quirks[0].when.window", "at least 2 items"),
        ("quirks: [{use: lost-response, when: {probability: 1.1}}]", "quirks[0].when.probability", "1"),
        ("quirks: [{use: lost-response, where: {channel: mllp}}]", "quirks[0].where.channel", "nearest: mllp-"),
        ("quirks: [{use: lost-respons}]", "quirks[0].use", "nearest: lost-response"),
        ("quirks: [{use: lost-response, with: {aftr: 1}}]", "quirks[0].with.aftr", "nearest: after"),
        ("quirks: [{use: lost-response, name: a}, {use: lost-response, name: a}]", "quirks", "twice: a"),
        ("clients: [{client_id: a}, {client_id: a}]", "clients", "twice: a"),
        ("webhooks: [{url: ftp://x}]", "webhooks[0].url", "https?"),
        ("hl7: {links: [{name: a, port: 70000}]}", "hl7.links[0].port", "65535"),
    ],
)
def test_a_setting_that_makes_no_sense_is_refused_at_its_place(text: str, place: str, reason: str) -> None:
    (problem,) = _problems(f"name: a\npersonality: epic\n{text}")
    assert problem.startswith(f"s.yaml:3: {place}: ")
    assert reason in problem


def test_wrong_settings_of_a_quirk_are_told_beside_other_faults_of_its_rule() -> None:
    text = "use: lost-response\nwhen: {evry: 1}\nwith: {aftr: 1, fter: 2}\n"
    assert [problem.partition(": ")[2].partition(":")[0] for problem in _problems(text, RuleConfig)] == [
        "when.evry",
        "with.aftr",
        "with.fter",
    ]


def test_settings_of_a_quirk_are_not_judged_when_only_names_are_known() -> None:
    rule = validate(RuleConfig, load_text("use: a\nwith: {b: 1}"), known={"quirk": ["a"]})
    assert rule.settings == {"b": 1}


def test_a_server_needs_sites_with_names_of_their_own() -> None:
    assert "at least 1 item" in _problems("sites: []", ServerConfig)[0]
    two = "sites:\n  - {name: a, personality: epic}\n  - {name: a, personality: epic}\n"
    assert "taken twice: a" in _problems(two, ServerConfig)[0]


def test_a_server_that_others_can_reach_wants_a_token() -> None:
    open_doors = "host: 0.0.0.0\nsites: [{name: a, personality: epic}]\n"
    assert "set control_token" in _problems(open_doors, ServerConfig)[0]
    assert validate(ServerConfig, load_text(open_doors + "control_token: t")).host == "0.0.0.0"
