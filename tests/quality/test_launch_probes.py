"""Probes of launches on traffic written by hand; those of launch context are in `test_launch_context_probes.py`."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlencode

import pytest

from mockehr.core.exchange import Decision, Effects, Exchange, Interaction, Reply

BACK = "https://app.example.org/back"
BASE = "https://ehr.example.org/a/fhir/R4"


def decided(exchange: Exchange, quirk: str, outcome: Any = "fired", why: str = "") -> Exchange:
    exchange.decisions += (Decision("rule", quirk, "on_request", outcome, why),)
    return exchange


def discover(
    traffic: Any, status: int = 200, *, body: bytes = b"{}", quirk: str = "", why: str = "", **more: Any
) -> Exchange:
    exchange = Exchange("discovery", "GET", "/.well-known/smart-configuration", reply=Reply(status, [], body), **more)
    exchange.interaction = Interaction("smart-configuration")
    return traffic.add(decided(exchange, quirk, "fired", why) if quirk else exchange)


def metadata(traffic: Any, *, quirk: str = "", why: str = "") -> Exchange:
    exchange = Exchange("fhir", "GET", "/metadata", reply=Reply(200, [], b"{}"))
    exchange.interaction = Interaction("capabilities")
    return traffic.add(decided(exchange, quirk, "fired", why) if quirk else exchange)


def authorize(
    traffic: Any, *, name: str = "authorize", told: dict[str, str] | None = None, refused: str = "", **form: str
) -> Exchange:
    """An authorization request; the browser is sent back with what is `told`."""
    asked = {"client_id": "backend", "redirect_uri": BACK, "state": "s1", "code_challenge": "c1"} | form
    asked.setdefault("code_challenge_method", "S256")
    query = urlencode({key: value for key, value in asked.items() if value})
    exchange = Exchange("authorize", "GET", "/oauth2/authorize", query, interaction=Interaction(name))
    back = {"code": "code-1", "state": asked["state"]} if told is None else told
    exchange.reply = Reply(302, [("Location", f"{BACK}?{urlencode(back)}")])
    if refused:
        exchange.notes["refused"] = refused
    return traffic.add(exchange)


def redeem(traffic: Any, code: str = "code-1", status: int = 200, *, refused: str = "", **form: str) -> Exchange:
    asked = {"grant_type": "authorization_code", "code": code, "redirect_uri": BACK, "code_verifier": "v1"} | form
    exchange = Exchange("token", "POST", "/oauth2/token", interaction=Interaction("authorization_code"))
    exchange.body = urlencode({key: value for key, value in asked.items() if value}).encode()
    answer = {"access_token": f"token-of-{code}"} if status == 200 else {"error": "invalid_grant"}
    exchange.reply = Reply(status, [], json.dumps(answer).encode())
    if refused:
        exchange.notes["refused"] = refused
    return traffic.add(exchange)


def lost(traffic: Any, launch: str = "l1") -> Exchange:
    return authorize(
        traffic, launch=launch, told={"error": "invalid_request", "state": "s1"}, refused="launch-unknown"
    )


# retries-discovery


def test_a_server_that_is_always_there_is_no_occasion(traffic: Any) -> None:
    discover(traffic)
    assert traffic.judged("retries-discovery").verdict == "not-applicable"


@pytest.mark.parametrize(
    ("failures", "again", "verdict"), [(1, True, "pass"), (3, False, "pass"), (2, False, "fail")]
)
def test_giving_up_is_right_after_three_attempts(traffic: Any, failures: int, again: bool, verdict: str) -> None:
    for _ in range(failures):
        discover(traffic, 503)
    if again:
        discover(traffic)
    finding = traffic.judged("retries-discovery")
    assert finding.verdict == verdict
    assert finding.evidence[0].entry == failures + again


def test_a_connection_that_broke_and_a_page_that_says_wait_are_failures_too(traffic: Any) -> None:
    discover(traffic, effects=Effects(reset="before"))
    discover(traffic, body=b"<html>", quirk="launch-before-ready")
    finding = traffic.judged("retries-discovery")
    assert (finding.verdict, finding.evidence[0].text.rpartition(" given up ")[2]) == ("fail", "after 2 of 3")


def test_the_statement_may_be_asked_instead(traffic: Any) -> None:
    discover(traffic, 503)
    metadata(traffic)
    assert traffic.judged("retries-discovery").verdict == "pass"


def test_a_code_is_brought_again_where_nobody_answered(traffic: Any) -> None:
    redeem(traffic, status=503)
    assert traffic.judged("retries-discovery").verdict == "fail"
    redeem(traffic)
    assert traffic.judged("retries-discovery").verdict == "pass"


def test_asking_at_once_fails_and_so_does_asking_for_ever(traffic: Any, another: Any) -> None:
    for _ in range(3):
        discover(traffic, 503)
        traffic.now -= 1.0
    traffic.wait(5)
    metadata(traffic)
    assert traffic.judged("retries-discovery").verdict == "pass"
    hasty = another()
    for _ in range(4):
        discover(hasty, 503)
        hasty.now -= 1.0
    hasty.wait(5)
    hasty.call("GET /Patient/1")
    assert "was asked again within 0.000 s" in hasty.judged("retries-discovery").evidence[0].text
    stubborn = another()
    for _ in range(12):
        discover(stubborn, 503)
    assert stubborn.judged("retries-discovery").verdict == "pass"
    discover(stubborn, 503)
    assert "13 times in a row" in stubborn.judged("retries-discovery").evidence[0].text


def test_where_the_clock_stands_no_pause_is_measured(traffic: Any) -> None:
    for status in (503, 503, 200):
        discover(traffic, status)
        traffic.now -= 1.0
    assert traffic.judged("retries-discovery").verdict == "pass"


# falls-back-on-discovery

DRIFT = "discovery-drift"


@pytest.mark.parametrize("why", ["missing", "html"])
def test_what_is_not_there_is_looked_up_in_the_statement_and_gone_on_with(traffic: Any, why: str) -> None:
    probe = "falls-back-on-discovery"
    assert traffic.judged(probe).verdict == "not-applicable"
    discover(traffic, quirk=DRIFT, why=why)
    assert "the CapabilityStatement was not read" in traffic.judged(probe).evidence[0].text
    metadata(traffic)
    assert "no authorization was asked for" in traffic.judged(probe).evidence[0].text
    authorize(traffic)
    finding = traffic.judged(probe)
    assert finding.verdict == "pass"
    assert [(item.entry, why in item.text) for item in finding.evidence] == [(1, True)]


def test_what_another_quirk_did_to_discovery_is_no_drift(traffic: Any) -> None:
    discover(traffic, quirk="pkce-missing", why="missing")
    decided(discover(traffic), "pkce-missing", "idle")
    decided(discover(traffic), DRIFT, "skipped", "missing")
    decided(discover(traffic, 503), DRIFT, "idle", "another document")
    keys = decided(Exchange("discovery", "GET", "/jwks", reply=Reply(200, [], b"{}")), DRIFT, "idle")
    traffic.add(keys)
    assert traffic.judged("falls-back-on-discovery").verdict == "not-applicable"


def test_a_statement_read_before_does_not_count(traffic: Any) -> None:
    metadata(traffic)
    discover(traffic, quirk=DRIFT, why="missing")
    authorize(traffic)
    assert traffic.judged("falls-back-on-discovery").verdict == "fail"


def test_an_endpoint_that_is_gone_is_left_for_another(traffic: Any) -> None:
    discover(traffic, quirk=DRIFT, why="stale")
    authorize(traffic)
    authorize(traffic, name="retired")
    assert "no other was asked" in traffic.judged("falls-back-on-discovery").evidence[0].text
    redeem(traffic)
    assert traffic.judged("falls-back-on-discovery").verdict == "pass"


def test_the_statement_is_not_believed_against_smart_configuration(traffic: Any, another: Any) -> None:
    exchange = discover(traffic)
    decided(exchange, DRIFT, "idle", "the CapabilityStatement says otherwise")
    assert traffic.judged("falls-back-on-discovery").verdict == "pass"
    authorize(traffic, name="retired")
    assert traffic.judged("falls-back-on-discovery").verdict == "fail"
    alone = another()
    metadata(alone, quirk=DRIFT, why="contradicting")
    assert "smart-configuration was not" in alone.judged("falls-back-on-discovery").evidence[0].text
    discover(alone)
    assert alone.judged("falls-back-on-discovery").verdict == "pass"


# checks-issuer


def opened(traffic: Any, quirk: str, iss: str = BASE, why: str = "") -> Exchange:
    exchange = Exchange("launch", "GET", "https://app.example.org/launch", direction="out", base_url=BASE)
    exchange.notes["iss"] = iss
    exchange.reply = Reply(302, [("Location", f"https://app.example.org/launch?launch=l1&iss={iss}")])
    return traffic.add(decided(exchange, quirk, "fired", why))


@pytest.mark.parametrize("base", ["/a/fhir/R4", "/a/api/FHIR/R4", "/train/fhir", "/a"])
def test_another_environment_is_left_alone_or_not(traffic: Any, base: str) -> None:
    name, _, path = base[1:].partition("/")
    root, path = f"https://ehr.example.org/{name}", f"/{path}".rstrip("/")
    exchange = opened(traffic, "wrong-instance", f"{root}/train{path}")
    exchange.base_url = root + path
    assert traffic.judged("checks-issuer").verdict == "pass"
    authorize(traffic, name="elsewhere")
    assert traffic.judged("checks-issuer").verdict == "pass"
    authorize(traffic, name="elsewhere-authorize")
    authorize(traffic, name="elsewhere-token")
    finding = traffic.judged("checks-issuer")
    assert finding.verdict == "fail"
    assert [item.text.split()[1] for item in finding.evidence] == ["authorization", "token"]


def test_an_issuer_out_of_sight_proves_nothing(traffic: Any) -> None:
    opened(traffic, "wrong-instance", "https://other.example.org/fhir")
    finding = traffic.judged("checks-issuer")
    assert (finding.verdict, "out of sight" in finding.summary) == ("not-applicable", True)


def test_a_right_issuer_is_no_occasion(traffic: Any) -> None:
    opened(traffic, "blocked-cookies")
    assert traffic.judged("checks-issuer").verdict == "not-applicable"


# restarts-expired-launch


def test_a_lost_launch_is_begun_again(traffic: Any) -> None:
    assert traffic.judged("restarts-expired-launch").verdict == "not-applicable"
    lost(traffic)
    assert "was not begun again" in traffic.judged("restarts-expired-launch").evidence[0].text
    authorize(traffic)
    assert traffic.judged("restarts-expired-launch").verdict == "pass"


def test_the_dead_handle_is_not_sent_again(traffic: Any) -> None:
    lost(traffic)
    lost(traffic)
    assert "was sent again" in traffic.judged("restarts-expired-launch").evidence[0].text


def test_the_dead_code_is_not_sent_again(traffic: Any) -> None:
    authorize(traffic)
    redeem(traffic, status=400, refused="code-unknown")
    redeem(traffic, status=400, refused="code-unknown")
    authorize(traffic)
    assert "the code refused at 2 was sent again" in traffic.judged("restarts-expired-launch").evidence[0].text


def test_giving_up_is_right_the_second_time_and_going_on_is_wrong_the_third(traffic: Any) -> None:
    lost(traffic, "l1")
    lost(traffic, "l2")
    assert traffic.judged("restarts-expired-launch").verdict == "pass"
    lost(traffic, "l3")
    assert "3 launches in a row" in traffic.judged("restarts-expired-launch").evidence[0].text


def test_a_token_in_between_ends_the_row(traffic: Any) -> None:
    for number in range(4):
        lost(traffic, f"l{number}")
        authorize(traffic)
        redeem(traffic, f"code-{number}")
    assert traffic.judged("restarts-expired-launch").verdict == "pass"


def test_a_token_from_before_does_not_end_the_row(traffic: Any) -> None:
    authorize(traffic)
    redeem(traffic)
    for number in range(3):
        lost(traffic, f"l{number}")
    assert traffic.judged("restarts-expired-launch").verdict == "fail"


def test_a_page_that_the_app_never_hears_of_is_no_occasion(traffic: Any) -> None:
    authorize(traffic, launch="l1", refused="launch-unknown", told={})
    assert traffic.judged("restarts-expired-launch").verdict == "not-applicable"


# keeps-one-redirect-uri

NORMALISES = "redirect-uri-normalisation"


def test_a_canonical_redirect_uri_is_taken_as_it_is(traffic: Any) -> None:
    asked = authorize(traffic)
    redeem(traffic)
    assert traffic.judged("keeps-one-redirect-uri").verdict == "not-applicable"
    decided(asked, NORMALISES, "idle")
    assert traffic.judged("keeps-one-redirect-uri").verdict == "pass"
    decided(asked, NORMALISES, "fired", "A is kept as a")
    finding = traffic.judged("keeps-one-redirect-uri")
    assert (finding.verdict, finding.evidence[0].text) == ("fail", "A is kept as a")


def test_two_texts_fail_and_so_does_a_refusal(traffic: Any, another: Any) -> None:
    decided(authorize(traffic), NORMALISES, "idle")
    redeem(traffic, redirect_uri=f"{BACK}/")
    assert f"{BACK}/ was sent" in traffic.judged("keeps-one-redirect-uri").evidence[0].text
    refused = another()
    authorize(refused)
    redeem(refused, status=400, refused="redirect-uri-mismatch")
    assert refused.judged("keeps-one-redirect-uri").verdict == "fail"


# keeps-pkce


@pytest.mark.parametrize(
    ("form", "text"),
    [
        ({"code_challenge": "", "code_challenge_method": ""}, "no code_challenge"),
        ({"code_challenge_method": "plain"}, "plain instead of S256"),
        ({"code_challenge_method": ""}, "plain instead of S256"),
        ({"code_challenge": "c1", "code_challenge_method": "S256"}, ""),
    ],
)
def test_s256_is_kept_to_or_not(traffic: Any, form: dict[str, str], text: str) -> None:
    discover(traffic, quirk="pkce-missing")
    authorize(traffic, **form)
    finding = traffic.judged("keeps-pkce")
    assert finding.verdict == ("fail" if text else "pass")
    assert text in finding.evidence[0].text


def test_challenges_are_used_once_and_verifiers_are_sent(traffic: Any, another: Any) -> None:
    decided(authorize(traffic), "state-mismatch")
    decided(discover(traffic), "pkce-missing", "skipped")
    assert traffic.judged("keeps-pkce").verdict == "not-applicable"
    discover(traffic, quirk="pkce-missing")
    authorize(traffic, code_challenge="c2")
    redeem(traffic)
    assert traffic.judged("keeps-pkce").verdict == "pass"
    authorize(traffic, code_challenge="c2")
    assert "is that of 4" in traffic.judged("keeps-pkce").evidence[0].text
    bare = another()
    discover(bare, quirk="pkce-missing")
    redeem(bare, code_verifier="")
    assert "without a code_verifier" in bare.judged("keeps-pkce").evidence[0].text


def test_not_going_on_with_such_a_server_passes(traffic: Any) -> None:
    discover(traffic, quirk="pkce-missing")
    finding = traffic.judged("keeps-pkce")
    assert (finding.verdict, finding.evidence[0].text) == ("pass", "the app did not go on with such a server")
    authorize(traffic)
    assert traffic.judged("keeps-pkce").evidence[0].text == "S256 was sent"


# checks-state, survives-extra-redirects, redeems-code-once, survives-blocked-cookies


@pytest.mark.parametrize(("came", "redeemed", "verdict"), [("s1", True, "not-applicable"), ("x", True, "fail")])
def test_the_state_that_came_back_is_compared(traffic: Any, came: str, redeemed: bool, verdict: str) -> None:
    authorize(traffic, told={"code": "code-1", "state": came})
    redeem(traffic)
    assert traffic.judged("checks-state").verdict == verdict


@pytest.mark.parametrize("told", [{"code": "code-1", "state": "x"}, {"code": "code-1"}])
def test_a_code_with_a_foreign_state_is_left(traffic: Any, told: dict[str, str]) -> None:
    authorize(traffic, told=told)
    assert traffic.judged("checks-state").verdict == "pass"
    redeem(traffic)
    assert traffic.judged("checks-state").verdict == "fail"


def test_an_app_without_any_state_fails_when_it_redeems(traffic: Any) -> None:
    authorize(traffic, state="", told={"code": "code-1"})
    redeem(traffic)
    assert "no state came back" in traffic.judged("checks-state").evidence[0].text


def test_a_state_that_is_sent_only_later_does_not_count(traffic: Any) -> None:
    authorize(traffic, told={"code": "code-1", "state": "s2"})
    redeem(traffic)
    authorize(traffic, state="s2")
    assert traffic.judged("checks-state").verdict == "fail"


def by_provider(traffic: Any, state: str, came: str) -> None:
    decided(authorize(traffic, state=state, told={"hop": "1"}), "idp-extra-redirect")
    back = {"code": "code-1"} | ({"state": came} if came else {})
    authorize(traffic, name="idp", state=came, told=back)


@pytest.mark.parametrize(
    ("state", "came", "redeemed", "verdict"),
    [
        ("plain", "plain", True, "pass"),
        ("plain", "plain", False, "fail"),
        ("a+b", "a b", False, "fail"),
        ("a+b", "a b", True, "fail"),
        ("plain", "", False, "pass"),
        ("plain", "", True, "fail"),
    ],
)
def test_a_state_gets_over_the_identity_provider(
    traffic: Any, state: str, came: str, redeemed: bool, verdict: str
) -> None:
    authorize(traffic, state="before")
    assert traffic.judged("survives-extra-redirects").verdict == "not-applicable"
    by_provider(traffic, state, came)
    if redeemed:
        redeem(traffic)
    authorize(traffic, state="later", told={"code": "other", "state": "later"})
    finding = traffic.judged("survives-extra-redirects")
    assert finding.verdict == verdict
    if state == came or not came:
        text = "redeemed" if redeemed else "left" if came else "not redeemed"
        assert finding.evidence[0].text.endswith(f" and the code was {text}")


def test_a_launch_that_never_came_back_is_not_mistaken_for_the_next_one(traffic: Any) -> None:
    decided(authorize(traffic, state="first", told={"hop": "1"}), "idp-extra-redirect")
    authorize(traffic, state="second", told={"code": "code-1", "state": "second"})
    redeem(traffic)
    assert traffic.judged("survives-extra-redirects").verdict == "not-applicable"


def test_a_code_is_redeemed_once(traffic: Any) -> None:
    authorize(traffic)
    redeem(traffic)
    assert traffic.judged("redeems-code-once").verdict == "not-applicable"
    opened(traffic, "code-replay")
    finding = traffic.judged("redeems-code-once")
    assert finding.verdict == "pass"
    assert [(item.entry, item.text) for item in finding.evidence] == [(2, "the code was redeemed once")]
    redeem(traffic, status=400, refused="code-used")
    assert "was sent again" in traffic.judged("redeems-code-once").evidence[0].text


def test_a_code_that_nobody_took_may_come_again(traffic: Any) -> None:
    opened(traffic, "code-replay")
    redeem(traffic, status=503)
    redeem(traffic, status=404)
    redeem(traffic).effects = Effects(lost=True)
    redeem(traffic)
    assert traffic.judged("redeems-code-once").verdict == "pass"


def test_a_used_code_needs_a_new_launch(traffic: Any) -> None:
    authorize(traffic)
    redeem(traffic, status=400, refused="code-used")
    assert "was not begun again" in traffic.judged("redeems-code-once").evidence[0].text
    authorize(traffic)
    redeem(traffic, "code-2")
    assert traffic.judged("redeems-code-once").verdict == "pass"


def test_a_launch_without_cookies_gets_its_token(traffic: Any) -> None:
    opened(traffic, "wrong-instance")
    assert traffic.judged("survives-blocked-cookies").verdict == "not-applicable"
    opened(traffic, "blocked-cookies")
    assert "did not begin" in traffic.judged("survives-blocked-cookies").evidence[0].text
    authorize(traffic, launch="l1")
    assert "did not redeem" in traffic.judged("survives-blocked-cookies").evidence[0].text
    redeem(traffic)
    assert traffic.judged("survives-blocked-cookies").verdict == "pass"


def test_each_launch_without_cookies_is_judged_by_its_own_token(traffic: Any) -> None:
    handed(traffic, "l1", quirk="blocked-cookies")
    authorize(traffic, launch="l1")
    handed(traffic, "l2", quirk="blocked-cookies")
    authorize(traffic, launch="l2", state="s2", told={"code": "code-2", "state": "s2"})
    redeem(traffic, "code-2")
    finding = traffic.judged("survives-blocked-cookies")
    assert (finding.verdict, [item.entry for item in finding.evidence]) == ("fail", [2])


def test_a_launch_that_failed_for_another_reason_is_not_held_against_it(traffic: Any) -> None:
    opened(traffic, "blocked-cookies")
    lost(traffic)
    assert traffic.judged("survives-blocked-cookies").verdict == "not-applicable"


# several launches, one after the other


def handed(traffic: Any, handle: str, *, quirk: str = "") -> Exchange:
    """The EHR opens the app with that handle."""
    exchange = Exchange("launch", "GET", "https://app.example.org/launch", interaction=Interaction("launch"))
    exchange.reply = Reply(302, [("Location", f"https://app.example.org/launch?iss={BASE}&launch={handle}")])
    return traffic.add(decided(exchange, quirk) if quirk else exchange)


def test_a_launch_that_somebody_else_begins_is_no_restart(traffic: Any) -> None:
    handed(traffic, "l1")
    lost(traffic, "l1")
    handed(traffic, "l2")
    authorize(traffic, launch="l2")
    redeem(traffic)
    assert "not begun again" in traffic.judged("restarts-expired-launch").evidence[0].text
    authorize(traffic, launch="")
    assert traffic.judged("restarts-expired-launch").verdict == "pass"


def test_a_launch_that_met_nobody_is_not_saved_by_the_next_one(traffic: Any, another: Any) -> None:
    handed(traffic, "l1")
    discover(traffic, 503)
    handed(traffic, "l2")
    discover(traffic)
    authorize(traffic, launch="l2")
    finding = traffic.judged("retries-discovery")
    assert (finding.verdict, finding.evidence[0].text) == ("fail", "the launch at 1 met nobody and was given up")
    patient = another()
    handed(patient, "l1")
    discover(patient, 503)
    handed(patient, "l2")  # two at once
    discover(patient)
    authorize(patient, launch="l2")
    authorize(patient, launch="l1")
    assert patient.judged("retries-discovery").verdict == "pass"


def test_a_launch_without_cookies_is_not_saved_by_the_next_one(traffic: Any) -> None:
    handed(traffic, "l1", quirk="blocked-cookies")
    authorize(traffic, launch="l1", told={"code": "code-1", "state": "s1"})
    handed(traffic, "l2")
    authorize(traffic, launch="l2", state="s2", told={"code": "code-2", "state": "s2"})
    redeem(traffic, "code-2")
    assert "did not redeem its code" in traffic.judged("survives-blocked-cookies").evidence[0].text
    redeem(traffic, "code-1")
    assert traffic.judged("survives-blocked-cookies").verdict == "pass"
