"""The probe `keeps-retry-after` tells clients that cope from clients that do not."""

from email.utils import formatdate
from typing import Any

import pytest

from mockehr.core.exchange import Effects, Exchange, Reply

PROBE = "keeps-retry-after"
TWENTY = {"Retry-After": "20"}


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize(("pause", "verdict"), [(19.0, "pass"), (18.5, "fail"), (0.0, "fail")])
def test_seconds_are_kept_or_not(traffic: Any, status: int, pause: float, verdict: str) -> None:
    traffic.call("GET /Patient/1", status, reply=TWENTY)
    traffic.wait(pause)  # one second passes by itself
    traffic.call("GET /Patient/2")
    assert traffic.judged(PROBE).verdict == verdict


@pytest.mark.parametrize(("pause", "verdict"), [(20.0, "pass"), (5.0, "fail")])
def test_a_date_is_kept_or_not(traffic: Any, pause: float, verdict: str) -> None:
    traffic.call("GET /Patient/1", 429, reply={"Retry-After": formatdate(traffic.now + 20, usegmt=True)})
    traffic.wait(pause)
    traffic.call("GET /Patient/1")
    assert traffic.judged(PROBE).verdict == verdict


def test_the_wait_begins_when_the_reply_goes_out(traffic: Any) -> None:
    traffic.call("GET /Patient/1", 429, reply=TWENTY, effects=Effects(reply_delay=10.0))
    traffic.wait(20.0)
    traffic.call("GET /Patient/1")
    assert traffic.judged(PROBE).verdict == "fail"


def test_not_coming_back_passes(traffic: Any) -> None:
    traffic.call("GET /Patient/1")
    traffic.call("GET /Patient/1", 429, reply={"Retry-After": "86400"})
    assert traffic.judged(PROBE).verdict == "pass"


def test_a_token_request_in_between_is_no_breach_but_a_throttled_token_endpoint_counts_too(traffic: Any) -> None:
    traffic.call("GET /Patient/1", 429, reply=TWENTY)
    traffic.grant()
    traffic.wait(20.0)
    traffic.call("GET /Patient/1")
    assert traffic.judged(PROBE).verdict == "pass"
    traffic.add(Exchange("token", "POST", "/oauth2/token", reply=Reply(429, [("Retry-After", "20")])))
    traffic.grant()
    assert traffic.judged(PROBE).verdict == "fail"


def test_where_nothing_is_told_some_growing_wait_is_expected(another: Any) -> None:
    verdicts = {}
    habits = {"grows": (1, 2, 4, 8), "stands": (2, 2, 2, 2), "storms": (-0.999, -0.999), "once": (1,)}
    for name, pauses in habits.items():
        traffic = another()
        for pause in pauses:
            traffic.call("GET /Patient/1", 429)
            traffic.wait(pause)
        traffic.call("GET /Patient/1")
        verdicts[name] = traffic.judged(PROBE).verdict
    assert verdicts == {"grows": "pass", "stands": "fail", "storms": "fail", "once": "pass"}


def test_zero_asks_for_no_wait_and_an_illegible_value_counts_as_none(another: Any) -> None:
    verdicts = []
    for value in ("0", "soon"):
        traffic = another()
        traffic.call("GET /Patient/1", 429, reply={"Retry-After": value})
        traffic.wait(-0.99)
        traffic.call("GET /Patient/1")
        verdicts.append(traffic.judged(PROBE).verdict)
    assert verdicts == ["pass", "fail"]


def test_without_a_refusal_or_with_a_clock_that_stands_still_nothing_is_judged(traffic: Any) -> None:
    traffic.call("GET /Patient/1")
    assert traffic.judged(PROBE).verdict == "not-applicable"
    traffic.call("GET /Patient/1", 429, reply=TWENTY)
    for exchange in traffic.exchanges:
        exchange.at = 5.0
    assert "clock" in traffic.judged(PROBE).summary
