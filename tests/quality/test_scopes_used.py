"""The probe `scopes-used` tells clients that cope from clients that do not."""

from typing import Any

import pytest

PROBE = "scopes-used"


@pytest.mark.parametrize(
    "scope", ["system/Patient.read system/Observation.write", "system/Patient.rs system/Observation.c"]
)
def test_scopes_that_are_all_used_pass(traffic: Any, scope: str) -> None:
    traffic.grant(scope=scope, granted=scope)
    traffic.call("GET /Patient/1")
    traffic.call("POST /Observation", 201, sent={})
    assert traffic.judged(PROBE).verdict == "pass"


def test_a_scope_that_is_never_used_fails(traffic: Any) -> None:
    scopes = "system/Patient.read system/Condition.read"
    grant = traffic.grant(scope=f"{scopes} openid", granted=scopes)
    traffic.call("GET /Patient/1")
    finding = traffic.judged(PROBE)
    assert finding.verdict == "fail"
    assert [(item.entry, "Condition" in item.text) for item in finding.evidence] == [(grant.number, True)]


def test_reading_does_not_use_the_right_to_write(traffic: Any) -> None:
    traffic.grant(scope="system/Patient.cruds")
    traffic.call("GET /Patient/1")
    assert "write Patient" in traffic.judged(PROBE).evidence[0].text


def test_asking_for_everything_fails(traffic: Any) -> None:
    traffic.grant(scope="system/*.read")
    traffic.call("GET /Patient/1")
    assert traffic.judged(PROBE).verdict == "fail"


def test_a_scope_that_was_not_granted_need_not_be_used(traffic: Any) -> None:
    traffic.grant(scope="system/Patient.read system/Condition.read", granted="system/Patient.read")
    traffic.call("GET /Patient/1")
    assert traffic.judged(PROBE).verdict == "pass"


def test_registered_scopes_are_judged_where_none_is_asked_for(traffic: Any) -> None:
    traffic.grant(granted="system/Patient.read system/Condition.read")
    traffic.call("GET /Patient/1")
    assert traffic.judged(PROBE).verdict == "not-applicable"
    assert traffic.judged(PROBE, registered_scopes="system/Patient.read").verdict == "pass"
    assert traffic.judged(PROBE, registered_scopes="system/Patient.read system/Condition.read").verdict == "fail"


def test_one_repeat_of_a_403_is_borne_and_a_loop_fails(traffic: Any) -> None:
    traffic.grant(scope="system/Patient.read")
    traffic.call("GET /Patient/1", 403)
    traffic.call("GET /Patient/1", 403)
    assert traffic.judged(PROBE).verdict == "pass"
    traffic.call("GET /Patient/1", 403)
    assert traffic.judged(PROBE).verdict == "fail"


def test_asking_again_and_again_for_a_type_that_the_token_does_not_cover_fails(traffic: Any) -> None:
    traffic.grant(scope="system/Patient.read")
    traffic.call("GET /Patient/1")
    for id in range(3):
        traffic.call(f"GET /Condition?patient={id}", 403)
    assert traffic.judged(PROBE).verdict == "pass"
    traffic.call("GET /Condition?patient=4", 403)
    finding = traffic.judged(PROBE)
    assert finding.verdict == "fail"
    assert "read Condition" in finding.evidence[0].text
