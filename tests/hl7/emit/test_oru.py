"""Results that go out: statuses, organisms and susceptibilities, documents, who performed them, in every version."""

from base64 import b64decode, b64encode
from dataclasses import replace
from time import process_time
from typing import Any

import pytest
from hl7apy.consts import VALIDATION_LEVEL
from hl7apy.parser import parse_message, parse_segments

from mockehr.core.changes import Change
from mockehr.fhir.lossless import Lexical
from mockehr.hl7.accept import accept
from mockehr.hl7.accept.intents import Context, Upsert
from mockehr.hl7.dialect import GENERIC, Dialect
from mockehr.hl7.emit import Event, emit, told_by
from mockehr.hl7.message import Message

AT = 1_767_614_400.0
LOINC = "http://loinc.org"
FLAGS = "http://terminology.hl7.org/CodeSystem/v3-ObservationInterpretation"
PATIENT: dict[str, Any] = {
    "resourceType": "Patient",
    "id": "p1",
    "identifier": [{"system": "http://example.org/authority/HOSP", "value": "42"}],
    "name": [{"family": "Doe", "given": ["Jane"]}],
}
REPORT: dict[str, Any] = {
    "resourceType": "DiagnosticReport",
    "id": "r1",
    "status": "final",
    "category": [{"coding": [{"code": "LAB", "system": "http://terminology.hl7.org/CodeSystem/v2-0074"}]}],
    "code": {"coding": [{"system": LOINC, "code": "630-4", "display": "Culture"}]},
    "subject": {"reference": "Patient/p1"},
}


def observation(name: str, **rest: Any) -> dict[str, Any]:
    code = {"coding": [{"system": LOINC, "code": name, "display": f"Test {name}"}]}
    return {"resourceType": "Observation", "id": name, "status": "final", "code": code, **rest}


def written(report: dict[str, Any], *others: dict[str, Any], dialect: Dialect = GENERIC) -> Message:
    return Message(emit(Event("ORU^R01", AT, 7), [report, PATIENT, *others], dialect))


def reporting(*observations: dict[str, Any], **rest: Any) -> dict[str, Any]:
    result = [{"reference": f"Observation/{one['id']}"} for one in observations]
    return {**REPORT, "result": result, **rest} if result else {**REPORT, **rest}


def taken(message: Message, dialect: Dialect = GENERIC) -> dict[str, dict[str, Any]]:
    accepted = accept(message, Context(AT, dialect))
    return {one.key: one.resource for one in accepted.intents if isinstance(one, Upsert)}


def strictly(message: Message, version: str) -> None:
    strict = VALIDATION_LEVEL.STRICT
    if version == "2.3":
        segments = parse_segments(bytes(message).decode(), version, validation_level=strict)
        assert all(one.validate() for one in segments)
    else:
        assert parse_message(bytes(message).decode(), validation_level=strict, find_groups=True).validate()


ORGANISM = observation(
    "600-7", valueCodeableConcept={"coding": [{"code": "112283007", "display": "E. coli"}]},
    hasMember=[{"reference": "Observation/18864-9"}, {"reference": "Observation/18906-8"}],
)  # fmt: skip
AMPICILLIN = observation("18864-9", valueQuantity={"value": 32, "comparator": ">", "unit": "ug/mL"})
CIPRO = observation("18906-8", valueQuantity={"value": 0.25, "unit": "ug/mL"}, note=[{"text": "once\nmore"}])


def test_members_follow_what_they_belong_to_under_its_sub_id() -> None:
    other = observation("1-1", valueString="x")
    message = written(reporting(AMPICILLIN, ORGANISM, other, CIPRO), ORGANISM, AMPICILLIN, CIPRO, other)
    assert [(segment.text(3, 1, 1), segment.text(4)) for segment in message.all("OBX")] == [
        ("600-7", "1"), ("18864-9", "1.1"), ("18906-8", "1.2"), ("1-1", ""),
    ]  # fmt: skip


def test_a_culture_sent_and_taken_in_again_is_the_same_culture() -> None:
    found = taken(written(reporting(ORGANISM), ORGANISM, AMPICILLIN, CIPRO))
    assert found["observation-1"]["hasMember"] == [
        {"reference": "urn:mockehr:intent:observation-2"}, {"reference": "urn:mockehr:intent:observation-3"},
    ]  # fmt: skip
    assert found["observation-2"]["valueQuantity"] == AMPICILLIN["valueQuantity"]
    assert found["observation-3"]["note"] == CIPRO["note"]


def test_what_only_heads_its_members_says_nothing_itself() -> None:
    panel = observation("24323-8", hasMember=[{"reference": "Observation/1-1"}])
    member = observation("1-1", valueString="x")
    assert [one.text(3, 1, 1) for one in written(reporting(panel), panel, member).all("OBX")] == ["1-1"]


def test_a_code_that_comes_again_gets_a_sub_id() -> None:
    first, second = observation("1-1", valueString="x"), {**observation("1-1", valueString="y"), "id": "again"}
    message = written(reporting(first, second), first, second)
    assert [one.text(4) for one in message.all("OBX")] == ["", "2"]
    found = taken(message)
    assert found["observation-1"]["identifier"] != found["observation-2"]["identifier"]


@pytest.mark.parametrize(
    ("status", "obx", "obr"),
    [
        ("registered", "I", "I"), ("preliminary", "P", "P"), ("final", "F", "F"), ("corrected", "C", "C"),
        ("amended", "C", "C"), ("cancelled", "X", "X"), ("entered-in-error", "W", "X"), ("unknown", "R", ""),
    ],
)  # fmt: skip
def test_statuses_are_told(status: str, obx: str, obr: str) -> None:
    one = observation("1-1", valueString="x", status=status)
    message = written(reporting(one, status=status), one)
    assert (message.get("OBX-11"), message.get("OBR-25")) == (obx, obr)


def form(data: bytes, kind: str, title: str = "") -> dict[str, Any]:
    found = {"contentType": kind, "data": b64encode(data).decode()}
    return {**found, "title": title} if title else found


def test_documents_are_told_as_what_they_are() -> None:
    forms = [
        form(b"%PDF-1", "application/pdf", "Scan"), form(b"{\\rtf1 a}", "application/rtf"),
        form("one\ntwø | three".encode(), "text/plain; charset=utf-8"), form(b"\xff", "text/plain"),
        {"url": "https://pacs.example.org/1", "contentType": "image/jpeg"}, {"title": "nothing"},
    ]  # fmt: skip
    message = written(reporting(presentedForm=forms))
    assert [one.text(2) for one in message.all("OBX")] == ["ED", "ED", "FT", "ED", "RP"]
    assert message.bytes_at("OBX[3]-5") == "one\\.br\\twø \\F\\ three".encode()
    assert [one.get("contentType") for one in taken(message)["report-1"]["presentedForm"]] == [
        "application/pdf", "application/rtf", "text/plain", "image/jpeg", "text/plain",
    ]  # fmt: skip
    told = {one.get("contentType"): one for one in taken(message)["report-1"]["presentedForm"][:2]}
    assert b64decode(told["application/pdf"]["data"]) == b"%PDF-1"
    assert b64decode(told["application/rtf"]["data"]) == b"{\\rtf1 a}"


def test_a_report_of_text_comes_back_as_text() -> None:
    text = "FINDINGS\n\n  A & B | C ^ D ~ E \\ F\nEnd"
    found = taken(written(reporting(presentedForm=[form(text.encode(), "text/plain")])))["report-1"]
    assert b64decode(found["presentedForm"][0]["data"]).decode() == text


def test_the_order_that_is_answered_is_named_with_who_asked() -> None:
    order = {
        "resourceType": "ServiceRequest", "id": "o1", "status": "active", "intent": "order",
        "requester": {"identifier": {"value": "9"}, "display": "Owl, Al"},
    }  # fmt: skip
    message = written(reporting(basedOn=[{"reference": "ServiceRequest/o1"}]), order)
    assert [message.get(path) for path in ("OBR-2", "ORC-2", "OBR-3", "OBR-16")] == [
        "o1^HOSPITAL", "o1^HOSPITAL", "r1^HOSPITAL", "9^Owl^Al",
    ]  # fmt: skip
    logical = written(reporting(basedOn=[{"identifier": {"value": "P9"}}]))
    assert logical.get("OBR-2") == "P9"


LABORATORY = {
    "resourceType": "Organization", "id": "lab", "name": "Lab One",
    "identifier": [{"system": "http://example.org/authority/CLIA", "value": "77D"}],
    "address": [{"line": ["1 Main"], "city": "Town"}], "contact": [{"name": {"family": "Owl", "given": ["Al"]}}],
}  # fmt: skip


@pytest.mark.parametrize("contained", [True, False])
def test_who_performed_it_is_told_in_the_way_of_the_version(contained: bool) -> None:
    one = observation("1-1", valueString="x", performer=[{"reference": "Organization/lab"}])
    others: list[dict[str, Any]] = [LABORATORY]
    if contained:
        one = {**one, "contained": [LABORATORY], "performer": [{"reference": "#lab"}]}
        others = []
    message = written(reporting(one), one, *others)
    assert message.bytes_at("OBX-23") == b"Lab One^^^^^CLIA^XX^^^77D"
    assert message.get("OBX-24.3") == "Town"
    found = taken(message)["observation-1"]["contained"][0]
    assert {name: found[name] for name in ("name", "identifier", "contact")} == {
        name: LABORATORY[name] for name in ("name", "identifier", "contact")
    }
    old = written(reporting(one), one, *others, dialect=replace(GENERIC, version="2.3"))
    assert (old.get("OBX-15.2"), old.get("OBX-23")) == ("Lab One", "")


def test_flags_are_those_of_the_table_whatever_a_vendor_adds() -> None:
    flag = [{"code": "7370207"}, {"system": FLAGS, "code": "HH"}]
    one = observation("1-1", valueString="x", interpretation=[{"coding": flag}, {"text": "odd"}, {"text": "*"}])
    assert written(reporting(one), one).bytes_at("OBX-8") == b"HH~odd~*"


def test_decimals_keep_the_digits_that_they_were_written_with() -> None:
    one = observation("1-1", valueQuantity={"value": Lexical("5.10"), "unit": "mg"})
    assert written(reporting(one), one).get("OBX-5") == "5.10"


def test_the_reader_of_a_report_is_a_person_within_the_first_component() -> None:
    message = written(reporting(resultsInterpreter=[{"identifier": {"value": "9"}, "display": "Owl, Al"}]))
    assert message.bytes_at("OBR-32") == b"9&Owl&Al"
    assert taken(message)["report-1"]["resultsInterpreter"][0]["display"] == "Owl, Al"


FULL = [
    ORGANISM, AMPICILLIN, CIPRO,
    observation("1-1", valuePeriod={"start": "2026-01-04", "end": "2026-01-05"}, performer=[{"reference": "#lab"}],
                contained=[LABORATORY], method={"text": "by eye"}),
    observation("1-2", dataAbsentReason={"coding": [{"code": "unknown"}]}),
    observation("1-3", component=[observation("1-4", valueInteger=3), observation("1-5", valueBoolean=True)]),
]  # fmt: skip


@pytest.mark.parametrize("version", ["2.3", "2.4", "2.5.1", "2.6"])
def test_a_strict_reader_accepts_all_of_it(version: str) -> None:
    specimen = {"resourceType": "Specimen", "id": "s1", "type": {"coding": [{"code": "BLD", "display": "Blood"}]}}
    report = reporting(
        *FULL, specimen=[{"reference": "Specimen/s1"}], issued="2026-01-05T12:00:00Z", conclusion="fine\nso far",
        resultsInterpreter=[{"identifier": {"value": "9"}, "display": "Owl, Al"}],
        presentedForm=[form(b"%PDF-1", "application/pdf", "Scan"), form(b"one\ntwo", "text/plain")],
    )  # fmt: skip
    message = written(report, *FULL, specimen, dialect=replace(GENERIC, version=version))
    strictly(message, version)
    assert ("SPM" in [segment.id for segment in message.segments]) == (version >= "2.5")


def test_a_report_without_anything_can_be_told() -> None:
    bare = {"resourceType": "DiagnosticReport", "id": "r1", "status": "final", "code": {}}
    message = written(bare)
    strictly(message, "2.5.1")
    assert message.get("OBR-4.2") == "Report"


def test_a_deleted_report_is_not_told() -> None:
    assert told_by(Change(1, "delete", "DiagnosticReport", "r1", 2, AT, "fhir", REPORT), GENERIC) == ""
    assert told_by(Change(1, "update", "DiagnosticReport", "r1", 2, AT, "fhir", REPORT), GENERIC) == "ORU^R01"


def test_writing_takes_time_in_proportion_to_the_size() -> None:
    def seconds(size: int) -> float:
        report = reporting(presentedForm=[form(bytes(size), "application/pdf")])
        before = process_time()
        assert len(bytes(written(report))) > size
        return process_time() - before

    seconds(1000)
    small, large = min(seconds(200_000) for _ in range(3)), min(seconds(1_600_000) for _ in range(3))
    assert large < 30 * small + 0.05, f"8 times the data took {large / small:.0f} times as long"
