"""The probes of token requests tell clients that cope from clients that do not."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlencode

import pytest

from mockehr.auth.assertion import ASSERTION_TYPE, client_assertion
from mockehr.auth.keys import load_key, read_bundled_key, sign
from mockehr.core.exchange import Decision, Exchange, Interaction, Reply
from mockehr.core.problem import Problem
from mockehr.scenarios.probes import probes

OLD, NEW = (read_bundled_key(f"client-{number}-ES384") for number in (1, 2))
URL = "http://127.0.0.1:8000/north/oauth2/token"
GIVEN = {"access_token": "t1", "token_type": "bearer", "expires_in": 300}


def ask(
    traffic: Any,
    answer: Any = None,
    status: int = 200,
    *,
    reason: str = "",
    key: Any = OLD,
    jti: str = "",
    claims: Any = None,
    quirk: str = "",
    headers: dict[str, str] | None = None,
    scope: str = "system/Patient.rs",
) -> Exchange:
    """A token request with an assertion; `answer` is a document or bytes, `reason` why it was refused."""
    number = len(traffic.exchanges) + 1
    signed = client_assertion("backend", URL, key, now=traffic.now, jti=jti or f"j{number}", claims=claims)
    form = {"grant_type": "client_credentials", "scope": scope, "client_assertion_type": ASSERTION_TYPE}
    exchange = Exchange(
        "token", "POST", "/oauth2/token", body=urlencode({**form, "client_assertion": signed}).encode()
    )
    if reason:
        status, answer = 400 if status == 200 else status, {"error": "invalid_client"}
        exchange.notes["refused"] = reason
    octets = answer if isinstance(answer, bytes) else json.dumps(answer if answer is not None else GIVEN).encode()
    exchange.reply = Reply(status, [*(headers or {}).items()], octets)
    if quirk:
        exchange.decisions += (Decision("rule", quirk, "on_request", "fired"),)
    traffic.add(exchange)
    return exchange


def refresh(traffic: Any, token: str, status: int = 200, given: str = "t9") -> Exchange:
    exchange = Exchange("token", "POST", "/oauth2/token")
    exchange.body = urlencode({"grant_type": "refresh_token", "refresh_token": token}).encode()
    answer = {"access_token": given, "token_type": "bearer"} if status == 200 else {"error": "invalid_grant"}
    exchange.reply = Reply(status, [], json.dumps(answer).encode())
    traffic.add(exchange)
    return exchange


def keys(traffic: Any, *kids: str) -> Exchange:
    exchange = Exchange("discovery", "GET", "/oauth2/jwks", interaction=Interaction("jwks"))
    exchange.reply = Reply(200, [], json.dumps({"keys": [{"kid": kid} for kid in kids]}).encode())
    traffic.add(exchange)
    return exchange


def signed_by(kid: str) -> dict[str, Any]:
    return {**GIVEN, "id_token": sign(load_key(OLD), {"sub": "1"}, header={"kid": kid})}


# never-sends-empty-token

EMPTY = "never-sends-empty-token"
WORTHLESS = [b"", b"<html>Sign in</html>", {"error": "temporarily_unavailable"}, {"token_type": "bearer"}]


@pytest.mark.parametrize("answer", WORTHLESS)
def test_asking_again_after_a_worthless_answer_passes(traffic: Any, answer: Any) -> None:
    ask(traffic, answer)
    ask(traffic)
    traffic.call("GET /Patient/1")
    assert traffic.judged(EMPTY).verdict == "pass"


@pytest.mark.parametrize("answer", WORTHLESS)
def test_stopping_after_a_worthless_answer_passes(traffic: Any, answer: Any) -> None:
    ask(traffic, answer)
    assert traffic.judged(EMPTY).verdict == "pass"


@pytest.mark.parametrize("header", ["Bearer None", "Bearer undefined", "Bearer ", None, "Bearer <html>", "None t1"])
def test_calling_with_what_is_no_token_fails(traffic: Any, header: str | None) -> None:
    ask(traffic, {"error": "temporarily_unavailable"})
    call = traffic.call(
        "GET /Patient/1", 401, token=None, headers={} if header is None else {"authorization": header}
    )
    finding = traffic.judged(EMPTY)
    assert finding.verdict == "fail"
    assert call.number in [item.entry for item in finding.evidence]


def test_a_type_that_was_not_told_is_no_reason_to_stop_and_none_to_write_it(traffic: Any) -> None:
    ask(traffic, {"access_token": "t1", "expires_in": 300})
    traffic.call("GET /Patient/1")
    assert traffic.judged(EMPTY).verdict == "pass"
    traffic.call("GET /Patient/1", 200, token=None, headers={"authorization": "undefined t1"})
    assert "not Bearer" in traffic.judged(EMPTY).evidence[0].text


def test_asking_for_ever_fails(traffic: Any) -> None:
    for _ in range(5):
        ask(traffic, b"")
    assert traffic.judged(EMPTY).verdict == "pass"
    ask(traffic, b"")
    assert traffic.judged(EMPTY).verdict == "fail"


def test_open_documents_need_no_token(traffic: Any) -> None:
    ask(traffic, b"")
    traffic.call("GET /metadata", token=None)
    assert traffic.judged(EMPTY).verdict == "pass"


def test_a_token_that_was_given_and_died_is_none_of_it(traffic: Any) -> None:
    ask(traffic)
    ask(traffic, b"")
    traffic.call("GET /Patient/1", 401)
    assert traffic.judged(EMPTY).verdict == "pass"


# gives-up-on-refused-refresh

REFRESH = "gives-up-on-refused-refresh"


def test_letting_a_refused_refresh_token_go_passes(traffic: Any) -> None:
    refresh(traffic, "r1")
    refused = refresh(traffic, "r2", 400)
    traffic.call("GET /Patient/1", 401)
    finding = traffic.judged(REFRESH)
    assert (finding.verdict, [item.entry for item in finding.evidence]) == ("pass", [refused.number])


def test_authorizing_anew_after_a_refused_refresh_passes_and_is_told(traffic: Any) -> None:
    refresh(traffic, "r1", 400)
    traffic.add(Exchange("authorize", "GET", "/oauth2/authorize", reply=Reply(302)))
    finding = traffic.judged(REFRESH)
    assert finding.verdict == "pass"
    assert "authorized anew" in finding.evidence[0].text


def test_sending_a_refused_refresh_token_again_and_again_fails(traffic: Any) -> None:
    for _ in range(2):
        refresh(traffic, "r1", 400)
    assert traffic.judged(REFRESH).verdict == "pass"  # two workers may have meant the same refresh
    refresh(traffic, "r1", 400)
    assert traffic.judged(REFRESH).verdict == "fail"


def test_going_on_with_a_dead_token_after_a_refused_refresh_fails(traffic: Any) -> None:
    refresh(traffic, "r1", 400)
    for id in range(3):
        traffic.call(f"GET /Patient/{id}", 401)
    assert traffic.judged(REFRESH).verdict == "pass"
    traffic.call("GET /Patient/4", 401)
    assert traffic.judged(REFRESH).verdict == "fail"


# reads-granted-scope

READS = "reads-granted-scope"
BOTH = "system/Patient.rs system/Condition.rs"


def test_doing_without_what_was_not_granted_passes(traffic: Any) -> None:
    traffic.grant("t1", scope=BOTH, granted="system/Patient.rs")
    traffic.call("GET /Patient/1")
    finding = traffic.judged(READS)
    assert finding.verdict == "pass"
    assert finding.evidence[0].text == "not granted: system/Condition.rs"


def test_asking_for_what_was_not_granted_fails_at_once(traffic: Any) -> None:
    traffic.grant("t1", scope=BOTH, granted="system/Patient.rs")
    traffic.call("GET /Patient/1")
    call = traffic.call("GET /Condition?patient=1", 403)
    finding = traffic.judged(READS)
    assert (finding.verdict, finding.evidence[0].entry) == ("fail", call.number)


def test_repeating_a_403_fails(traffic: Any) -> None:
    traffic.grant("t1", scope=BOTH, granted="system/Patient.rs")
    for _ in range(2):
        traffic.call("GET /Patient/2", 403)
    assert "sent again" in traffic.judged(READS).evidence[0].text


@pytest.mark.parametrize(
    "told",
    [
        "system/Patient.read system/Condition.read",
        "system/Condition.rs system/Patient.rs",
        "user/Patient.rs user/Condition.rs",
        "system/Patient.rs system/Condition.rs?category=problem-list-item",
        "system/Patient.Read system/Condition.Read",
    ],
)
def test_what_was_granted_in_other_words_is_used_or_given_up(traffic: Any, told: str) -> None:
    grant = traffic.grant("t1", scope=BOTH, granted=told)
    grant.notes["granted"] = BOTH
    traffic.call("GET /Patient/1")
    finding = traffic.judged(READS)
    assert finding.verdict == "fail"
    assert "system/Condition.rs was granted in other words" in finding.evidence[0].text
    traffic.call("GET /Condition?patient=1")
    assert traffic.judged(READS).verdict == "pass"


def test_a_code_brings_what_its_authorization_asked_for(traffic: Any) -> None:
    begun = Exchange(
        "authorize", "GET", "/oauth2/authorize", urlencode({"scope": "patient/Patient.rs patient/Goal.rs"})
    )
    begun.interaction = Interaction("authorize")
    begun.reply = Reply(302)
    traffic.add(begun)
    page = Exchange("authorize", "POST", "/oauth2/authorize/consent", body=b"scope=patient/Patient.rs")
    page.interaction, page.reply = Interaction("consent"), Reply(303)
    traffic.add(page)
    code = traffic.grant("t1", granted="patient/Patient.rs")
    code.body = b"grant_type=authorization_code&code=c"
    traffic.call("GET /Patient/1")
    assert traffic.judged(READS).evidence[0].text == "not granted: patient/Goal.rs"


def test_a_grant_of_what_was_asked_for_in_the_same_words_is_no_occasion(traffic: Any) -> None:
    traffic.grant("t1", scope=BOTH, granted=BOTH)
    traffic.call("GET /Patient/1")
    assert traffic.judged(READS).verdict == "not-applicable"


# keys-credentials-by-site

BY_SITE = "keys-credentials-by-site"


def foreign(traffic: Any, token: str, kind: str = "unknown") -> None:
    call = traffic.call("GET /Patient/1", 401, token=token)
    call.result = Problem(401, "token-invalid", "The access token does not work", value=kind)


def test_tokens_of_this_site_pass_even_after_they_died(traffic: Any) -> None:
    ask(traffic)
    traffic.call("GET /Patient/1")
    foreign(traffic, "t1", "expired")
    foreign(traffic, "t1")  # forgotten by now
    assert traffic.judged(BY_SITE).verdict == "pass"


def test_a_token_of_another_site_fails(traffic: Any) -> None:
    ask(traffic)
    foreign(traffic, "other")
    assert "never issued" in traffic.judged(BY_SITE).evidence[0].text


@pytest.mark.parametrize("reason", ["client-unknown", "audience-wrong"])
def test_a_client_id_or_an_audience_of_another_site_fails(traffic: Any, reason: str) -> None:
    ask(traffic, reason=reason)
    assert traffic.judged(BY_SITE).verdict == "fail"


@pytest.mark.parametrize(
    ("reason", "quirk"), [("client-unknown", "registration-lost"), ("audience-wrong", "assertion-rules")]
)
def test_what_the_site_itself_brought_about_is_not_held_against_the_client(
    traffic: Any, reason: str, quirk: str
) -> None:
    ask(traffic)
    traffic.call("GET /Patient/1")
    ask(traffic, reason=reason, quirk=quirk)
    assert traffic.judged(BY_SITE).verdict == "pass"


def test_a_registration_that_was_lost_before_the_client_came_is_no_occasion(traffic: Any) -> None:
    ask(traffic, reason="client-unknown", quirk="registration-lost")
    assert traffic.judged(BY_SITE).verdict == "not-applicable"


def test_no_token_at_all_is_another_probes_business(traffic: Any) -> None:
    foreign(traffic, "None")
    assert traffic.judged(BY_SITE).verdict == "not-applicable"


# rotates-keys-without-outage

ROTATES = "rotates-keys-without-outage"


def test_going_on_with_the_old_key_until_the_new_one_is_known_passes(traffic: Any) -> None:
    ask(traffic)
    ask(traffic, reason="key-unknown", key=NEW)
    ask(traffic)
    ask(traffic, key=NEW)
    ask(traffic, key=NEW)
    finding = traffic.judged(ROTATES)
    assert (finding.verdict, [item.entry for item in finding.evidence]) == ("pass", [2, 4])


def test_signing_with_the_new_key_again_and_again_fails(traffic: Any) -> None:
    ask(traffic)
    for _ in range(3):
        ask(traffic, reason="key-unknown", key=NEW)
    ask(traffic)
    assert "3 assertions in a row" in traffic.judged(ROTATES).evidence[0].text


def test_getting_no_token_any_more_fails(traffic: Any) -> None:
    ask(traffic)
    ask(traffic, reason="key-unknown", key=NEW)
    assert "no token was had for a good while" in traffic.judged(ROTATES).evidence[0].text


@pytest.mark.parametrize(("pause", "verdict"), [(590.0, "pass"), (3600.0, "fail")])
def test_waiting_for_the_server_to_learn_the_new_key_is_an_outage(traffic: Any, pause: float, verdict: str) -> None:
    ask(traffic)
    ask(traffic, reason="key-unknown", key=NEW)
    traffic.wait(pause)
    ask(traffic, key=NEW)
    assert traffic.judged(ROTATES).verdict == verdict


def test_while_the_token_before_is_good_there_is_no_outage(traffic: Any) -> None:
    ask(traffic, {**GIVEN, "expires_in": 7200})
    ask(traffic, reason="key-unknown", key=NEW)
    traffic.wait(3600.0)
    ask(traffic, key=NEW)
    assert traffic.judged(ROTATES).verdict == "pass"


def test_signing_with_a_key_that_was_taken_away_fails(traffic: Any) -> None:
    ask(traffic)
    ask(traffic, key=NEW)
    assert traffic.judged(ROTATES).verdict == "pass"
    ask(traffic, reason="key-unknown")
    ask(traffic, key=NEW)
    assert "which is gone" in traffic.judged(ROTATES).evidence[0].text


def test_one_key_throughout_is_no_rotation_whether_it_is_known_or_not(another: Any) -> None:
    for reason in ("", "key-unknown"):
        traffic = another()
        for _ in range(2):
            ask(traffic, reason=reason)
        assert traffic.judged(ROTATES).verdict == "not-applicable"


# refetches-server-keys

REFETCHES = "refetches-server-keys"


def test_looking_up_an_unknown_key_once_passes(traffic: Any) -> None:
    keys(traffic, "a")
    ask(traffic, signed_by("a"))
    ask(traffic, signed_by("b"))
    fetched = keys(traffic, "a", "b")
    ask(traffic, signed_by("b"))
    finding = traffic.judged(REFETCHES)
    assert (finding.verdict, [item.entry for item in finding.evidence]) == ("pass", [fetched.number])


def test_never_looking_again_fails(traffic: Any) -> None:
    keys(traffic, "a")
    ask(traffic, signed_by("b"))
    assert "never looked up" in traffic.judged(REFETCHES).evidence[0].text


def test_looking_at_every_token_fails_and_now_and_then_passes(another: Any) -> None:
    verdicts = []
    for pause in (1.0, 600.0):
        traffic = another()
        for kid in ("a", "b", "b", "b"):
            ask(traffic, signed_by(kid))
            keys(traffic, "a", "b" if kid == "b" else "c")
            traffic.wait(pause)
        verdicts.append(traffic.judged(REFETCHES).verdict)
    assert verdicts == ["fail", "pass"]


def test_a_client_that_verifies_nothing_and_a_server_that_keeps_its_keys_are_no_occasion(another: Any) -> None:
    traffic = another()
    ask(traffic, signed_by("a"))
    ask(traffic, signed_by("b"))
    assert traffic.judged(REFETCHES).verdict == "not-applicable"
    traffic = another()
    keys(traffic, "a")
    ask(traffic, signed_by("a"))
    assert traffic.judged(REFETCHES).verdict == "not-applicable"


# assertion-correct

CORRECT = "assertion-correct"


def test_right_assertions_pass(traffic: Any) -> None:
    ask(traffic)
    ask(traffic)
    assert traffic.judged(CORRECT).verdict == "pass"


@pytest.mark.parametrize("reason", ["algorithm-refused", "audience-wrong", "expired", "kid-missing"])
def test_an_assertion_refused_for_how_it_is_written_fails(traffic: Any, reason: str) -> None:
    ask(traffic, reason=reason)
    assert reason in traffic.judged(CORRECT).evidence[0].text


@pytest.mark.parametrize("reason", ["client-unknown", "client-inactive", "key-unknown", "scope-not-registered"])
def test_what_is_not_about_the_assertion_is_not_held_against_it(traffic: Any, reason: str) -> None:
    ask(traffic, reason=reason)
    assert traffic.judged(CORRECT).verdict == "not-applicable"


@pytest.mark.parametrize(("quirk", "reason"), [("assertion-rules", "lifetime-too-long"), ("clock-skew", "expired")])
def test_stricter_rules_are_understood_or_run_against(traffic: Any, quirk: str, reason: str) -> None:
    for verdict in ("pass", "pass", "fail"):
        ask(traffic, reason=reason, quirk=quirk)
        assert traffic.judged(CORRECT).verdict == verdict
    assert "3 assertions in a row" in traffic.judged(CORRECT).evidence[0].text


def test_sending_a_refused_assertion_again_fails(traffic: Any) -> None:
    ask(traffic, reason="expired", quirk="clock-skew", jti="same")
    ask(traffic, reason="expired", quirk="clock-skew", jti="same")
    assert "used again" in traffic.judged(CORRECT).evidence[0].text


def test_an_assertion_that_lives_for_an_hour_fails_even_where_it_is_accepted(traffic: Any) -> None:
    ask(traffic, claims={"exp": int(traffic.now) + 3600})
    assert "3600 s" in traffic.judged(CORRECT).evidence[0].text


# spares-token-endpoint

SPARES = "spares-token-endpoint"
TWENTY = {"Retry-After": "20"}


def test_one_token_for_many_calls_passes(traffic: Any) -> None:
    ask(traffic)
    for id in range(5):
        traffic.call(f"GET /Patient/{id}")
    assert traffic.judged(SPARES).verdict == "pass"


def test_a_token_for_every_call_fails(traffic: Any) -> None:
    for id in range(3):
        ask(traffic, {**GIVEN, "access_token": f"t{id}"})
        traffic.call(f"GET /Patient/{id}", token=f"t{id}")
    finding = traffic.judged(SPARES)
    assert finding.verdict == "fail"
    assert "to go" in finding.evidence[0].text


def test_a_token_after_401_for_other_scopes_or_shortly_before_the_end_is_no_waste(traffic: Any) -> None:
    ask(traffic)
    traffic.call("GET /Patient/1", 401)
    ask(traffic, {**GIVEN, "access_token": "t2"})
    ask(traffic, {**GIVEN, "access_token": "t3"}, scope="system/Observation.rs")
    traffic.wait(250)
    ask(traffic, {**GIVEN, "access_token": "t4"})
    ask(traffic, {**GIVEN, "access_token": "t5"}, scope="system/Observation.rs")
    assert traffic.judged(SPARES).verdict == "pass"


@pytest.mark.parametrize(("pause", "verdict"), [(20.0, "pass"), (2.0, "fail")])
def test_a_busy_token_endpoint_is_left_alone_or_not(traffic: Any, pause: float, verdict: str) -> None:
    ask(traffic, b"", 429, headers=TWENTY)
    traffic.wait(pause)
    ask(traffic)
    assert traffic.judged(SPARES).verdict == verdict


def test_besieging_a_busy_token_endpoint_fails_though_each_pause_is_kept(traffic: Any) -> None:
    for _ in range(11):
        ask(traffic, b"", 503, headers=TWENTY)
        traffic.wait(30)
    assert "11 refusals in a row" in traffic.judged(SPARES).evidence[0].text


def test_a_single_call_shows_nothing_about_keeping_tokens(traffic: Any) -> None:
    ask(traffic)
    traffic.call("GET /Patient/1")
    assert traffic.judged(SPARES).verdict == "not-applicable"


# waits-for-activation

WAITS = "waits-for-activation"


@pytest.mark.parametrize(("pause", "verdict"), [(900.0, "pass"), (30.0, "fail")])
def test_asking_now_and_then_passes_and_hammering_fails(traffic: Any, pause: float, verdict: str) -> None:
    for _ in range(8):
        ask(traffic, reason="client-inactive")
        traffic.wait(pause)
    ask(traffic)
    assert traffic.judged(WAITS).verdict == verdict


def test_stopping_at_a_site_that_has_yet_to_let_us_in_passes(traffic: Any) -> None:
    ask(traffic, reason="client-inactive")
    assert "did not come back" in traffic.judged(WAITS).evidence[0].text


@pytest.mark.parametrize(
    "probe", [EMPTY, REFRESH, READS, BY_SITE, ROTATES, REFETCHES, CORRECT, SPARES, WAITS], ids=lambda name: name
)
def test_nothing_is_no_occasion(traffic: Any, probe: str) -> None:
    finding = traffic.judged(probe)
    assert finding.verdict == "not-applicable"
    assert probes().get(probe).question.endswith(".")
