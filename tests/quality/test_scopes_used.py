"""The probe `scopes-used` tells clients that cope from clients that do not."""

from typing import Any

import pytest

from mockehr.core.exchange import Exchange, Interaction, Reply

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


def test_scopes_of_parts_are_used_by_requests_that_do_not_ask_for_other_parts(another: Any) -> None:
    laboratory, vital = (f"system/Observation.rs?category=x|{part}" for part in ("laboratory", "vital-signs"))
    verdicts = {}
    for query in ("category=laboratory", "category=laboratory,vital-signs", "patient=1"):
        traffic = another()
        traffic.grant(scope=f"{laboratory} {vital}", granted=f"{laboratory} {vital}")
        traffic.call(f"GET /Observation?{query}")
        verdicts[query] = traffic.judged(PROBE).verdict
    assert verdicts == {"category=laboratory": "fail", "category=laboratory,vital-signs": "pass", "patient=1": "pass"}


@pytest.mark.parametrize(
    "scope", ["user/Patient.read user/Observation.write", "patient/Patient.rs patient/Observation.c"]
)
def test_an_apps_scopes_stand_in_its_authorization_request(traffic: Any, scope: str) -> None:
    begun = Exchange("authorize", "GET", "/authorize", f"scope=launch openid {scope}".replace(" ", "+"))
    begun.interaction, begun.reply = Interaction("authorize"), Reply(302)
    traffic.add(begun)
    grant = traffic.grant(granted=f"openid {scope}")
    grant.body = b"grant_type=authorization_code&code=c"
    traffic.call("GET /Patient/1")
    finding = traffic.judged(PROBE, registered_scopes="patient/*.cruds user/*.cruds")
    assert finding.verdict == "fail"
    assert [("write Observation" in item.text, item.entry) for item in finding.evidence] == [(True, grant.number)]
    traffic.call("POST /Observation", 201, sent={})
    assert traffic.judged(PROBE, registered_scopes="patient/*.cruds user/*.cruds").verdict == "pass"


def test_scopes_granted_in_other_words_are_judged_by_what_they_are(traffic: Any) -> None:
    grant = traffic.grant(scope="system/Patient.rs system/Goal.rs", granted="system/Patient.Read system/Goal.Read")
    grant.notes["granted"] = "system/Patient.rs system/Goal.rs"
    traffic.call("GET /Patient/1")
    assert "read Goal" in traffic.judged(PROBE).evidence[0].text
