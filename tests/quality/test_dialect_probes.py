"""What the probes of ledger D make of traffic that was written down by hand: each reason to fail, and to pass."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from mockehr.core.exchange import Decision, Exchange
from mockehr.core.problem import Problem
from mockehr.sites.truth import TruthReport, compare

PATIENTS = {f"Patient/{id}": {"resourceType": "Patient", "id": id, "name": [{"family": "A"}]} for id in "123"}
JSON_TYPE = {"accept": "application/fhir+json"}


def given(*ids: str, **changes: Any) -> TruthReport:
    return compare(PATIENTS, [PATIENTS[f"Patient/{id}"] | changes for id in ids])


def struck(call: Exchange, quirk: str, outcome: Any = "fired", **notes: Any) -> Exchange:
    call.decisions += (Decision("rule", quirk, "on_result", outcome),)
    call.notes |= notes
    return call


def refused(call: Exchange, kind: Any, **more: Any) -> Exchange:
    call.result = Problem(call.reply.status if call.reply else 400, kind, "no", **more)
    return call


# reads-capabilities


def test_reading_the_statement_first_passes_and_not_reading_it_where_nothing_is_lacking_says_nothing(
    traffic: Any,
) -> None:
    traffic.call("GET /Patient/1")
    assert traffic.judged("reads-capabilities").verdict == "not-applicable"
    traffic.call("GET /metadata")
    traffic.call("GET /Patient/1")
    assert traffic.judged("reads-capabilities").verdict == "pass"


@pytest.mark.parametrize("read", [True, False])
def test_asking_for_a_type_that_is_not_offered_fails_whether_the_statement_was_read_or_not(
    read: bool, traffic: Any
) -> None:
    if read:
        traffic.call("GET /metadata")
    call = refused(traffic.call("GET /Goal?patient=1", 404), "type-unknown", resource_type="Goal")
    finding = traffic.judged("reads-capabilities")
    assert (finding.verdict, finding.evidence[0].entry) == ("fail", call.number)


def test_a_parameter_may_be_tried_once(traffic: Any) -> None:
    traffic.call("GET /metadata")
    traffic.call("GET /Patient/1")
    for verdict in ("pass", "fail"):
        refused(traffic.call("GET /Patient?eyes=1", 400), "parameter-unknown", parameter="eyes")
        assert traffic.judged("reads-capabilities").verdict == verdict


# finds-preferred-name


@pytest.mark.parametrize(
    ("kept", "verdict"),
    [
        ([{"family": "A"}, {"use": "nickname", "given": ["Bo"]}], "pass"),
        ([{"family": "A"}], "fail"),
        ([{"family": "A"}, {"use": "usual", "given": ["Bo"]}], "fail"),
    ],
)
def test_the_preferred_name_has_to_be_kept_as_what_it_is(kept: Any, verdict: str, traffic: Any) -> None:
    true = {"resourceType": "Patient", "id": "1", "name": [{"family": "A"}, {"use": "nickname", "given": ["Bo"]}]}
    truth = compare({"Patient/1": true}, [{**true, "name": kept}])
    assert traffic.judged("finds-preferred-name", truth=truth).verdict == "not-applicable"
    struck(traffic.call("GET /Patient/1"), "preferred-name", preferred_names={"Patient/1": "Bo"})
    assert traffic.judged("finds-preferred-name").verdict == "not-applicable"
    assert traffic.judged("finds-preferred-name", truth=truth).verdict == verdict


# drift-noticed, no-auto-negotiation


@pytest.mark.parametrize("how", ["quirk", "upgrade"])
def test_going_on_after_a_drift_fails_and_looking_or_stopping_passes(how: str, another: Callable[[], Any]) -> None:
    for later, verdict in ((["/Patient/1"] * 6, "fail"), (["/Patient/1"] * 5, "pass"), (["/metadata"] * 9, "pass")):
        traffic = another()
        assert traffic.judged("drift-noticed").verdict == "not-applicable"
        first = traffic.call("GET /Patient/1")
        if how == "quirk":
            struck(first, "version-drift")
        else:
            first.notes["upgraded"] = ["2026-Q3"]
        for target in later:
            traffic.call(f"GET {target}")
        assert traffic.judged("drift-noticed").verdict == verdict


def test_a_look_that_comes_too_late_or_is_not_answered_is_none(traffic: Any) -> None:
    struck(traffic.call("GET /Patient/1"), "version-drift")
    traffic.call("GET /metadata", 503)
    for _ in range(6):
        traffic.call("GET /Patient/1")
    traffic.call("GET /metadata")
    assert traffic.judged("drift-noticed").verdict == "fail"


@pytest.mark.parametrize(
    ("asked", "verdict"),
    [
        ({"accept": "application/fhir+json; fhirVersion=4.0"}, "pass"),
        ({"accept": "application/fhir+json"}, "pass"),
        ({"accept": "application/fhir+json; fhirVersion=5.0"}, "fail"),
        ({"accept": "application/json+fhir"}, "fail"),
    ],
)
def test_another_version_is_not_asked_for_after_a_refusal(asked: dict[str, str], verdict: str, traffic: Any) -> None:
    traffic.call("GET /Patient/1", headers={"accept": "application/fhir+json; fhirVersion=4.0"})
    traffic.call("GET /Patient/1", headers=JSON_TYPE)
    assert traffic.judged("no-auto-negotiation").verdict == "not-applicable"
    traffic.call("GET /Patient/1", 406)
    traffic.call("GET /Patient/1", headers=asked)
    assert traffic.judged("no-auto-negotiation").verdict == verdict


def test_a_path_of_another_version_is_one_too(traffic: Any) -> None:
    refused(traffic.call("GET /Patient/1", 410), "version-withdrawn")
    traffic.call("GET /DSTU2/Patient/1")
    assert traffic.judged("no-auto-negotiation").verdict == "fail"


# follows-next-to-the-end, ends-paging-loops, keeps-token-at-home, recovers-page-gaps


@pytest.mark.parametrize("quirk", ["", "changing-total", "capped-count"])
def test_a_page_that_looks_like_the_last_is_followed_on_or_begun_anew(quirk: str, another: Callable[[], Any]) -> None:
    for later, verdict in (("", "fail"), ("/Patient?s=2", "pass"), ("/Patient?x=1", "pass"), ("/Goal?x=1", "fail")):
        traffic = another()
        page = traffic.page("GET /Patient?x=1", ["Patient/1"] if quirk else [], "/Patient?s=2")
        if quirk:
            assert traffic.judged("follows-next-to-the-end").verdict == "not-applicable"
            struck(page, quirk)
        if later:
            traffic.page(f"GET {later}", [])
        assert traffic.judged("follows-next-to-the-end").verdict == verdict


def test_a_total_that_is_reached_looks_like_the_end(traffic: Any) -> None:
    link = {"relation": "next", "url": "http://127.0.0.1:8000/north/fhir/Patient?s=2"}
    entry = {"resource": {"resourceType": "Patient", "id": "1"}}
    traffic.call("GET /Patient?x=1", body={"resourceType": "Bundle", "total": 1, "link": [link], "entry": [entry]})
    assert traffic.judged("follows-next-to-the-end").verdict == "fail"


@pytest.mark.parametrize("back", ["/Patient?s=2", "/Patient?x=1"])
def test_a_page_is_asked_for_three_more_times_at_most_once_a_link_led_back_to_it(back: str, traffic: Any) -> None:
    traffic.page("GET /Patient?x=1", ["Patient/1"], "/Patient?s=2")
    assert traffic.judged("ends-paging-loops").verdict == "not-applicable"
    traffic.page("GET /Patient?s=2", ["Patient/2"], back)
    for _ in range(3):
        traffic.page(f"GET {back}", ["Patient/2"], back)
    assert traffic.judged("ends-paging-loops").verdict == "pass"
    traffic.page(f"GET {back}", ["Patient/2"], back)
    assert traffic.judged("ends-paging-loops").verdict == "fail"


@pytest.mark.parametrize(("token", "verdict"), [("t1", "fail"), (None, "pass")])
def test_a_token_does_not_follow_a_link_to_another_host(token: str | None, verdict: str, traffic: Any) -> None:
    traffic.page("GET /Patient?x=1", ["Patient/1"], "http://localhost:8000/north/fhir/Patient?s=2")
    traffic.call("GET /Patient?s=2", token="t1")
    assert traffic.judged("keeps-token-at-home").verdict == "pass"
    traffic.call("GET /Patient?s=2", token=token).base_url = "http://localhost:8000/north/fhir"
    assert traffic.judged("keeps-token-at-home").verdict == verdict


def test_the_same_link_on_ones_own_host_is_verbatim(traffic: Any) -> None:
    traffic.page("GET /Patient?x=1", ["Patient/1"], "http://localhost:8000/north/fhir/Patient?s=2")
    traffic.page("GET /Patient?s=2", ["Patient/2"])
    assert traffic.judged("follows-next-verbatim").verdict == "pass"


def test_what_fell_between_two_pages_is_found_in_the_records_or_on_the_wire(traffic: Any) -> None:
    assert traffic.judged("recovers-page-gaps").verdict == "not-applicable"
    struck(traffic.page("GET /Patient?s=2", ["Patient/2"]), "page-gaps", left_out=["Patient/1"])
    assert traffic.judged("recovers-page-gaps").verdict == "fail"
    assert traffic.judged("recovers-page-gaps", truth=given("2", "3")).verdict == "fail"
    assert traffic.judged("recovers-page-gaps", truth=given("1", "2", "3")).verdict == "pass"
    traffic.page("GET /Patient?x=1", ["Patient/1"]).returned = ("Patient/1",)
    assert traffic.judged("recovers-page-gaps").verdict == "pass"


# checks-what-was-applied, outcome-not-stored, negotiates-format


def test_what_a_search_that_was_too_wide_brought_in_is_not_kept(traffic: Any) -> None:
    stray = {"resourceType": "Patient", "id": "9"}
    wide = compare(PATIENTS, [*PATIENTS.values(), stray])
    traffic.page("GET /Patient?gender=male", ["Patient/9"]).returned = ("Patient/9",)
    assert traffic.judged("checks-what-was-applied", truth=wide).verdict == "not-applicable"
    struck(traffic.exchanges[0], "ignored-parameter", ignored=["gender"])
    assert traffic.judged("checks-what-was-applied").verdict == "not-applicable"
    assert traffic.judged("checks-what-was-applied", truth=wide).verdict == "fail"
    assert traffic.judged("checks-what-was-applied", truth=given("1", "2", "3")).verdict == "pass"


def test_an_outcome_among_the_matches_is_not_kept(traffic: Any) -> None:
    stored = compare(PATIENTS, [*PATIENTS.values(), {"resourceType": "OperationOutcome", "id": "o"}])
    traffic.page("GET /Patient?x=1", ["Patient/1"])
    assert traffic.judged("outcome-not-stored", truth=stored).verdict == "not-applicable"
    traffic.page("GET /Patient?x=2", ["Patient/1", "OperationOutcome/o"])
    assert traffic.judged("outcome-not-stored").verdict == "not-applicable"
    assert traffic.judged("outcome-not-stored", truth=stored).verdict == "fail"
    assert traffic.judged("outcome-not-stored", truth=given("1", "2", "3")).verdict == "pass"


def test_a_form_has_to_be_named_and_read(another: Callable[[], Any]) -> None:
    def day(headers: dict[str, str], outcome: str, repeats: int = 0) -> Any:
        traffic = another()
        struck(traffic.call("GET /Patient/1", headers=headers), "other-format", outcome).returned = ("Patient/1",)
        for _ in range(repeats):
            traffic.call("GET /Patient/1", headers=headers)
        return traffic

    probe = "negotiates-format"
    assert another().judged(probe).verdict == "not-applicable"
    assert day({}, "fired").judged(probe).verdict == "fail"
    assert day(JSON_TYPE, "idle").judged(probe).verdict == "pass"
    assert day(JSON_TYPE, "fired", 2).judged(probe).verdict == "pass"
    assert day(JSON_TYPE, "fired", 3).judged(probe).verdict == "fail"
    assert day(JSON_TYPE, "fired").judged(probe, truth=given("2", "3")).verdict == "fail"
    assert day({}, "skipped").judged(probe).verdict == "not-applicable"


# re-reads-on-conflict, takes-versions-as-given


@pytest.mark.parametrize(
    ("later", "verdict"),
    [
        ([], "pass"),
        (["GET /Patient/1", 'PUT W/"2" reviewer x'], "pass"),
        (['PUT W/"2" reviewer x'], "fail"),
        (["GET /Patient/1", "PUT - reviewer x"], "fail"),
        (["GET /Patient/1", 'PUT W/"2" own'], "fail"),
        (["GET /Patient/2", 'PUT W/"2" reviewer x'], "fail"),
    ],
)
def test_a_conflict_is_read_and_merged(later: list[str], verdict: str, traffic: Any) -> None:
    assert traffic.judged("re-reads-on-conflict").verdict == "not-applicable"
    traffic.call("PUT /Patient/1", 412, sent={"a": 1}).notes["written_between"] = "reviewer x"
    for step in later:
        method, _, rest = step.partition(" ")
        if method == "GET":
            traffic.call(step)
            continue
        tag, _, mark = rest.partition(" ")
        traffic.call("PUT /Patient/1", sent={"a": mark}, headers={} if tag == "-" else {"if-match": tag})
    assert traffic.judged("re-reads-on-conflict").verdict == verdict


def test_an_update_that_went_through_over_anothers_is_lost_to_the_other(traffic: Any) -> None:
    call = traffic.call("PUT /Patient/1", 200, sent={"a": 1})
    call.notes["written_between"], call.changes = "reviewer x", (2,)
    assert traffic.judged("re-reads-on-conflict").verdict == "fail"


@pytest.mark.parametrize(
    ("request_line", "tag", "verdict"),
    [
        ("PUT /Patient/1", 'W/"4"', "pass"),
        ("PUT /Patient/1", "*", "not-applicable"),
        ("PUT /Patient/1", 'W/"2"', "fail"),
        ("GET /Patient/1/_history/4", "", "pass"),
        ("GET /Patient/1/_history/3", "", "fail"),
    ],
)
def test_a_version_is_named_only_if_it_was_shown(request_line: str, tag: str, verdict: str, traffic: Any) -> None:
    traffic.call(request_line, headers={"if-match": tag} if tag else {})
    assert traffic.judged("takes-versions-as-given").verdict == "not-applicable"
    struck(traffic.call("PUT /Patient/1", reply={"ETag": 'W/"4"'}), "version-ids-skip")
    traffic.call(request_line, headers={"if-match": tag} if tag else {})
    assert traffic.judged("takes-versions-as-given").verdict == verdict


# marks-partial, never-sends-redacted-back, breaks-glass-with-reason, notices-errors-in-success


def test_what_a_partial_answer_lacks_is_kept_or_asked_for_again(traffic: Any) -> None:
    part = struck(traffic.page("GET /Patient?x=1", ["Patient/2"]), "partial-bundle", left_out=["Patient/1"])
    part.returned = ("Patient/2",)
    lost = given("2", "3")
    assert traffic.judged("marks-partial").verdict == "not-applicable"
    assert traffic.judged("marks-partial", truth=given("1", "2", "3")).verdict == "pass"
    assert traffic.judged("marks-partial", truth=lost).verdict == "fail"
    again = traffic.page("GET /Patient?x=1", ["Patient/2"])
    assert traffic.judged("marks-partial", truth=lost).verdict == "pass"
    again.returned = ("Patient/1",)
    assert traffic.judged("marks-partial", truth=lost).verdict == "fail"


REDACTED: list[dict[str, Any]] = [
    {"meta": {"security": [{"code": "REDACTED"}]}},
    {"meta": {"tag": [{"code": "SUBSETTED"}]}},
    {"telecom": [{"extension": [{"url": "u", "valueCode": "masked"}]}]},
    {"_birthDate": {"extension": [{"url": "u", "valueCode": "masked"}]}},
]


@pytest.mark.parametrize("less", REDACTED)
def test_a_redacted_record_is_neither_sent_back_nor_put_over_a_full_one(
    less: dict[str, Any], another: Callable[[], Any]
) -> None:
    probe, patient = "never-sends-redacted-back", {"resourceType": "Patient", "id": "1"}
    traffic = another()
    traffic.call("GET /Patient/1", body=patient).returned = ("Patient/1",)
    assert traffic.judged(probe).verdict == "not-applicable"
    traffic.call("GET /Patient/1", body=patient | less).returned = ("Patient/1",)
    assert traffic.judged(probe, truth=given("1", "2", "3")).verdict == "pass"
    assert traffic.judged(probe, truth=given("1", gender="male")).verdict == "fail"
    traffic.call("PUT /Patient/1", sent=patient | less)
    assert traffic.judged(probe).verdict == "fail"


def test_a_glass_is_broken_for_the_patient_who_wants_it_and_with_a_reason(another: Callable[[], Any]) -> None:
    def shut(traffic: Any) -> None:
        glass = {"header": "x-break-the-glass", "patient": "1"}
        struck(traffic.call("GET /Patient/1", 403), "break-the-glass", glass=glass)

    probe, traffic = "breaks-glass-with-reason", another()
    assert traffic.judged(probe).verdict == "not-applicable"
    shut(traffic)
    shut(traffic)
    traffic.call("GET /Condition?patient=Patient/1").notes["broke_the_glass"] = "emergency"
    assert traffic.judged(probe).verdict == "pass"
    shut(traffic)
    assert traffic.judged(probe).verdict == "fail"
    always = another()
    shut(always)
    always.call("GET /Patient/2").notes["broke_the_glass"] = "emergency"
    assert always.judged(probe).verdict == "fail"


def test_an_error_that_says_200_comes_again(traffic: Any) -> None:
    struck(traffic.call("POST /Patient", 200, sent={"a": 1}), "error-inside-success")
    traffic.call("POST /Observation", 201, sent={"a": 1})
    assert traffic.judged("notices-errors-in-success").verdict == "fail"
    traffic.call("POST /Patient", 201, sent={"a": 2})
    assert traffic.judged("notices-errors-in-success").verdict == "pass"


# counts-calls, maps-ids


def test_a_reference_of_a_hospital_behind_is_no_id_of_the_platform(traffic: Any) -> None:
    page = traffic.page("GET /Patient?x=1", ["Patient/r1.p1"])
    page.notes["behind"] = [{"site": "north"}]
    assert traffic.judged("maps-ids").verdict == "not-applicable"
    traffic.call("POST /Observation", 201, sent={"subject": {"reference": "Patient/r1.p1"}})
    assert traffic.judged("maps-ids").verdict == "pass"
    traffic.call("POST /Observation", 201, sent={"subject": {"reference": "Patient/p1"}})
    assert traffic.judged("maps-ids").verdict == "fail"
    assert traffic.judged("counts-calls", expected={"calls per patient": 0.5}).verdict == "fail"
    assert traffic.judged("counts-calls", expected={"calls per patient": 1}).verdict == "pass"
