"""The probes that look at the client's own records tell clients that cope from clients that do not."""

import json
from typing import Any

import pytest

from mockehr.core.exchange import Exchange, Interaction, Reply
from mockehr.sites.truth import TruthReport, compare

TRUTH: dict[str, Any] = {
    f"Observation/{id}": {"resourceType": "Observation", "id": id, "code": {"text": f"Zoë {id}"}} for id in "123"
}


def given(*ids: str, **changes: Any) -> TruthReport:
    return compare(TRUTH, [TRUTH[f"Observation/{id}"] | changes for id in ids])


def test_true_records_pass(traffic: Any) -> None:
    assert traffic.judged("truth", truth=given("1", "2", "3")).verdict == "pass"


@pytest.mark.parametrize(
    ("report", "words"),
    [
        (given("1", "2"), "1 lost"),
        (given("1", "2", "3", "3"), "1 duplicated"),
        (given("1", "2", "3", status="final"), "3 altered"),
        (compare(TRUTH, [*TRUTH.values(), {"resourceType": "OperationOutcome"}]), "1 foreign"),
        (compare(TRUTH, json.loads(json.dumps([*TRUTH.values()]).replace("\\u00eb", "\\ufffd"))), "3 misdecoded"),
    ],
)
def test_every_kind_of_untruth_fails(traffic: Any, report: TruthReport, words: str) -> None:
    finding = traffic.judged("truth", truth=report)
    assert finding.verdict == "fail"
    assert words in finding.summary


def test_without_records_or_without_a_truth_nothing_is_judged(traffic: Any) -> None:
    assert traffic.judged("truth").verdict == "not-applicable"
    assert traffic.judged("truth", truth=compare({}, [])).verdict == "not-applicable"


@pytest.mark.parametrize("across", [True, False])
def test_records_shown_twice_are_to_be_kept_once(traffic: Any, across: bool) -> None:
    if across:
        traffic.page("GET /Observation?patient=1", ["Observation/1", "Observation/2"], "/Observation?p=2")
        traffic.page("GET /Observation?p=2", ["Observation/2", "Observation/3"])
    else:
        traffic.page("GET /Observation?patient=1", ["Observation/2", "Observation/3", "Observation/2"])
    assert traffic.judged("dedupes-pages", truth=given("1", "2", "3")).verdict == "pass"
    finding = traffic.judged("dedupes-pages", truth=given("1", "2", "2", "3"))
    assert finding.verdict == "fail"
    assert "Observation/2" in finding.evidence[0].text
    assert traffic.judged("dedupes-pages").verdict == "not-applicable"


def test_the_same_record_in_two_searches_is_no_repeat(traffic: Any) -> None:
    traffic.page("GET /Observation?patient=1", ["Observation/1"])
    traffic.page("GET /Observation?patient=1", ["Observation/1"])
    assert traffic.judged("dedupes-pages", truth=given("1", "1", "2", "3")).verdict == "not-applicable"


def test_versions_of_a_record_in_a_history_are_no_repeat(traffic: Any) -> None:
    history = traffic.page("GET /Observation/_history", ["Observation/1", "Observation/1"])
    history.interaction = Interaction("history-type", "Observation")
    assert traffic.judged("dedupes-pages", truth=given("1", "1", "2", "3")).verdict == "not-applicable"


def deliver(traffic: Any, event: int, *, dropped: bool = False) -> Exchange:
    exchange = Exchange("webhook", "POST", "/hook", direction="out", peer="hook", reply=Reply(200))
    exchange.interaction = Interaction("Observation.create", "Observation", str(event))
    exchange.changes = (event,)
    exchange.notes = {"dropped": True} if dropped else {}
    exchange.reply = None if dropped else exchange.reply
    made: Exchange = traffic.add(exchange)
    return made


def test_an_event_that_came_twice_counts_once(traffic: Any) -> None:
    deliver(traffic, 1)
    deliver(traffic, 2)
    deliver(traffic, 2, dropped=True)
    assert traffic.judged("webhook-idempotent", truth=given("1", "2", "3")).verdict == "not-applicable"
    deliver(traffic, 1)
    assert traffic.judged("webhook-idempotent", truth=given("1", "2", "3")).verdict == "pass"
    finding = traffic.judged("webhook-idempotent", truth=given("1", "1", "2", "3"))
    assert finding.verdict == "fail"
    assert finding.evidence[0].entry == 4
    assert traffic.judged("webhook-idempotent").verdict == "not-applicable"
