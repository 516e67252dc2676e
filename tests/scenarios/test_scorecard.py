"""Scorecards: whose exchange is whose, what the answers add up to."""

import json

import pytest

from mockehr.core.errors import UnknownName, VerdictFailed
from mockehr.core.exchange import Exchange, Reply
from mockehr.scenarios.probe import Case, Evidence, Finding
from mockehr.scenarios.probes import probes
from mockehr.scenarios.report.text import text
from mockehr.scenarios.scorecard import Card, Scorecard, by_client, cases_of, judge


def call(number: int, client: str = "", token: str = "", status: int = 200) -> Exchange:
    headers = {"authorization": f"Bearer {token}"} if token else {}
    exchange = Exchange("fhir", path="/Patient/1", headers=headers, reply=Reply(status))
    exchange.number, exchange.client, exchange.at = number, client, float(number)
    return exchange


def grant(number: int, client: str, token: str) -> Exchange:
    body = json.dumps({"access_token": token}).encode()
    exchange = Exchange("token", "POST", "/oauth2/token", reply=Reply(200, body=body))
    exchange.number, exchange.client, exchange.at = number, client, float(number)
    return exchange


def card(*verdicts: str) -> Scorecard:
    found = [Finding(f"probe-{n}", verdict, "seen", (Evidence(7, "why"),)) for n, verdict in enumerate(verdicts)]  # type: ignore[arg-type]
    return Scorecard((Card("north", "backend", tuple(found)),), seed="42")


def test_a_refused_request_belongs_to_the_client_whose_token_it_carries() -> None:
    tokens = [grant(1, "a", "ta"), grant(2, "b", "tb")]
    exchanges = [*tokens, call(3, token="tb", status=401), call(4, "a", "ta"), call(5)]
    found = {client: [exchange.number for exchange in mine] for client, mine in by_client(exchanges).items()}
    assert found == {"a": [1, 4], "b": [2, 3], "": [5]}


def test_with_only_one_client_everything_is_its_own() -> None:
    assert [e.number for e in by_client([call(2, token="None", status=401), call(1, "a", "ta")])["a"]] == [1, 2]


def test_cases_carry_what_is_known_of_each_client() -> None:
    cases = cases_of([call(1, "b", "t"), call(2, "a", "u")], "north", scopes={"a": "system/Patient.read"})
    assert [(case.site, case.client, case.registered_scopes) for case in cases] == [
        ("north", "a", "system/Patient.read"),
        ("north", "b", ""),
    ]


def test_every_probe_answers_an_empty_case_with_not_applicable() -> None:
    scorecard = judge([Case((), "north", "backend")])
    assert {finding.verdict for _, finding in scorecard} == {"not-applicable"}
    assert [finding.probe for _, finding in scorecard] == list(probes())
    assert not scorecard.passed


def test_only_the_probes_asked_for_are_put_and_unknown_ones_are_refused() -> None:
    scorecard = judge([Case(())], ["truth", probes().get("scopes-used")])
    assert [finding.probe for _, finding in scorecard] == ["truth", "scopes-used"]
    with pytest.raises(UnknownName, match="truth"):
        judge([Case(())], ["truths"])


def test_a_case_is_judged_from_its_exchanges() -> None:
    scorecard = judge(cases_of([call(1, "a", "ta", 401), call(2, "a", "ta")], "north"), ["renews-token-after-401"])
    with pytest.raises(VerdictFailed, match="entry 2"):
        scorecard.assert_passed("renews-token-after-401")


def test_a_named_probe_must_have_passed_and_not_merely_not_failed() -> None:
    scorecard = card("pass", "not-applicable")
    scorecard.assert_passed()
    scorecard.assert_passed("probe-0")
    with pytest.raises(VerdictFailed, match="saw no occasion"):
        scorecard.assert_passed("probe-1")
    with pytest.raises(UnknownName):
        scorecard.assert_passed("probe-9")


def test_a_failure_is_told_with_its_evidence_and_the_seed() -> None:
    with pytest.raises(VerdictFailed) as caught:
        card("pass", "fail").assert_passed()
    assert "probe-1 failed (backend at north): seen" in str(caught.value)
    assert "entry 7: why" in str(caught.value)
    assert "seed 42" in str(caught.value)


def test_nothing_judged_is_nothing_passed() -> None:
    for empty in (card("not-applicable"), Scorecard(())):
        assert not empty.passed
        with pytest.raises(VerdictFailed):
            empty.assert_passed()
    with pytest.raises(VerdictFailed, match="No client"):
        Scorecard(()).assert_passed("truth")


def test_the_scorecard_is_json() -> None:
    shown = json.loads(json.dumps(card("pass", "fail").as_json()))
    assert shown["counts"] == {"pass": 1, "fail": 1, "not-applicable": 0}
    assert shown["cards"][0]["findings"][1]["evidence"] == [{"entry": 7, "text": "why"}]


def test_every_probe_has_a_question_and_a_ledger_id_and_its_file_bears_its_name() -> None:
    for name, probe in probes().items():
        assert probe.question.endswith((".", "?"))
        assert probe.ledger
        assert type(probe).__module__.rpartition(".")[2] == name.replace("-", "_")


def test_a_required_probe_that_passed_nowhere_is_told() -> None:
    scorecard = judge([Case(())], ["scopes-used"], required=["truth"])
    assert scorecard.unproved == ("truth",)
    assert "required, but never put to the test: truth" in text(scorecard)
    passed = Scorecard((Card("a", "b", (Finding("scopes-used", "pass", "used"),)),), required=("truth",))
    assert not passed.passed
    with pytest.raises(VerdictFailed, match="never put to the test: truth"):
        passed.assert_passed()
    assert Scorecard(passed.cards, required=("scopes-used",)).passed
