"""The probe `renews-token-after-401` tells clients that cope from clients that do not."""

from typing import Any

from mockehr.core.exchange import Effects

PROBE = "renews-token-after-401"
NOTE = {"resourceType": "Observation"}


def test_a_new_token_and_one_repeat_pass(traffic: Any) -> None:
    traffic.call("GET /Patient/1", 401)
    traffic.grant("t2")
    repeat = traffic.call("GET /Patient/1", token="t2")
    finding = traffic.judged(PROBE)
    assert finding.verdict == "pass"
    assert [item.entry for item in finding.evidence] == [repeat.number]


def test_a_repeat_that_comes_after_other_requests_passes(traffic: Any) -> None:
    traffic.call("GET /Patient/1", 401)
    traffic.call("GET /Patient/2", 401)
    traffic.grant("t2")
    traffic.call("GET /Patient/1", token="t2")
    traffic.call("GET /Patient/2", token="t2")
    assert traffic.judged(PROBE).verdict == "pass"


def test_no_401_is_no_occasion(traffic: Any) -> None:
    traffic.grant()
    traffic.call("GET /Patient/1")
    assert traffic.judged(PROBE).verdict == "not-applicable"


def test_going_on_without_a_new_token_fails(traffic: Any) -> None:
    refused = traffic.call("GET /Patient/1", 401)
    traffic.call("GET /Patient/2", 401)
    finding = traffic.judged(PROBE)
    assert finding.verdict == "fail"
    assert finding.evidence[0].entry == refused.number
    assert "no token was asked for" in finding.evidence[0].text


def test_renewing_and_forgetting_the_request_fails(traffic: Any) -> None:
    traffic.call("GET /Patient/1", 401)
    traffic.grant("t2")
    traffic.call("GET /Patient/2", token="t2")
    assert "never repeated" in traffic.judged(PROBE).evidence[0].text


def test_repeating_with_the_refused_token_fails(traffic: Any) -> None:
    traffic.call("GET /Patient/1", 401)
    traffic.call("GET /Patient/1", 401)
    traffic.grant("t2")
    traffic.call("GET /Patient/1", token="t2")
    assert traffic.judged(PROBE).verdict == "fail"


def test_calling_with_no_token_at_all_fails_even_without_a_401(traffic: Any) -> None:
    for word in ("None", "", "undefined"):
        traffic.exchanges.clear()
        traffic.call("GET /Patient/1", token=word)
        assert traffic.judged(PROBE).verdict == "fail"


def test_being_refused_again_with_a_new_token_and_giving_up_passes(traffic: Any) -> None:
    traffic.call("GET /Patient/1", 401)
    traffic.grant("t2")
    traffic.call("GET /Patient/1", 401, token="t2")
    assert traffic.judged(PROBE).verdict == "pass"


def test_going_round_in_circles_fails(traffic: Any) -> None:
    for turn in range(8):
        traffic.call("GET /Patient/1", 401, token=f"t{turn}")
        traffic.grant(f"t{turn + 1}")
    finding = traffic.judged(PROBE)
    assert finding.verdict == "fail"
    assert "in a row" in finding.evidence[0].text


def test_stopping_when_no_token_can_be_had_passes_and_asking_for_ever_fails(traffic: Any) -> None:
    traffic.call("GET /Patient/1", 401)
    traffic.grant(status=400)
    assert traffic.judged(PROBE).verdict == "pass"
    for _ in range(6):
        traffic.grant(status=400)
    assert traffic.judged(PROBE).verdict == "fail"


def test_a_write_sent_once_more_after_it_was_accepted_fails(traffic: Any) -> None:
    traffic.call("POST /Observation", 401, sent=NOTE)
    traffic.grant("t2")
    traffic.call("POST /Observation", 201, sent=NOTE, token="t2")
    assert traffic.judged(PROBE).verdict == "pass"
    traffic.call("POST /Observation", 201, sent=NOTE, token="t2")
    assert traffic.judged(PROBE).verdict == "fail"


def test_a_401_that_the_client_never_heard_is_no_occasion(traffic: Any) -> None:
    traffic.call("GET /Patient/1", 401, effects=Effects(lost=True))
    assert traffic.judged(PROBE).verdict == "not-applicable"


def test_asking_often_while_not_let_in_yet_is_another_probes_business(traffic: Any) -> None:
    traffic.call("GET /Patient/1", 401)
    for _ in range(7):
        traffic.grant(status=400).notes["refused"] = "client-inactive"
    assert traffic.judged(PROBE).verdict == "pass"
    for _ in range(6):
        traffic.grant(status=400).notes["refused"] = "client-unknown"
    assert traffic.judged(PROBE).verdict == "fail"
