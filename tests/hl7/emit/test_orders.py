"""Orders that go out: which order control tells of what, their content, and what a strict reader says of them."""

from dataclasses import replace
from typing import Any

import pytest
from hl7apy.consts import VALIDATION_LEVEL
from hl7apy.parser import parse_message, parse_segments

from mockehr.core.changes import Change
from mockehr.hl7.accept import accept
from mockehr.hl7.accept.intents import Context, Upsert
from mockehr.hl7.dialect import GENERIC, Dialect
from mockehr.hl7.emit import Event, emit, told_by
from mockehr.hl7.message import Message

AT = 1_767_614_400.0
V2_0203 = "http://terminology.hl7.org/CodeSystem/v2-0203"
PATIENT: dict[str, Any] = {
    "resourceType": "Patient",
    "id": "p1",
    "identifier": [{"system": "http://example.org/authority/HOSP", "value": "42"}],
    "name": [{"family": "Doe", "given": ["Jane"]}],
}
SPECIMEN: dict[str, Any] = {
    "resourceType": "Specimen",
    "id": "s1",
    "identifier": [{"system": "http://example.org/authority/LAB", "value": "T7"}],
    "type": {"coding": [{"code": "BLD", "display": "Blood"}]},
    "collection": {"collectedDateTime": "2026-01-05T10:00:00Z"},
    "receivedTime": "2026-01-05T10:30:00Z",
}
ANSWER: dict[str, Any] = {
    "resourceType": "Observation",
    "id": "a1",
    "status": "final",
    "code": {"coding": [{"code": "FAST", "display": "Fasting"}]},
    "valueString": "yes",
}
REASON: dict[str, Any] = {
    "resourceType": "Condition",
    "id": "c1",
    "code": {"coding": [{"system": "http://hl7.org/fhir/sid/icd-10-cm", "code": "E11.9", "display": "Diabetes"}]},
}
ORDER: dict[str, Any] = {
    "resourceType": "ServiceRequest",
    "id": "o1",
    "identifier": [
        {"type": {"coding": [{"system": V2_0203, "code": "FILL"}]}, "value": "L7", "system": "urn:oid:1.2.3"},
        {
            "type": {"coding": [{"system": V2_0203, "code": "PLAC"}]},
            "value": "P7",
            "system": "http://example.org/authority/EHR",
        },
    ],
    "requisition": {"value": "G7", "system": "http://example.org/authority/EHR"},
    "status": "active",
    "intent": "order",
    "category": [{"coding": [{"system": "http://snomed.info/sct", "code": "108252007"}]}],
    "priority": "stat",
    "code": {"coding": [{"system": "http://loinc.org", "code": "24323-8", "display": "CMP"}]},
    "subject": {"reference": "Patient/p1"},
    "occurrenceDateTime": "2026-01-06T08:00:00Z",
    "authoredOn": "2026-01-05T11:00:00Z",
    "requester": {"identifier": {"value": "99"}, "display": "Grey, Ada"},
    "reasonCode": [{"text": "tired | weak"}],
    "reasonReference": [{"reference": "Condition/c1"}],
    "supportingInfo": [{"reference": "Observation/a1"}],
    "specimen": [{"reference": "Specimen/s1"}],
    "note": [{"text": "please\nsoon"}],
}
ALL = [ORDER, PATIENT, SPECIMEN, ANSWER, REASON]


def written(name: str, resources: list[dict[str, Any]], dialect: Dialect = GENERIC, **rest: Any) -> Message:
    return Message(emit(Event(name, AT, 7, **rest), resources, dialect))


@pytest.mark.parametrize(
    ("action", "before", "status", "control", "state"),
    [
        ("create", "", "active", "NW", ""),
        ("create", "", "unknown", "NW", ""),
        ("create", "", "completed", "SC", "CM"),
        ("create", "", "on-hold", "HD", "HD"),
        ("create", "", "revoked", "CA", "CA"),
        ("update", "draft", "active", "NW", ""),
        ("update", "active", "active", "XO", "IP"),
        ("update", "active", "revoked", "CA", "CA"),
        ("update", "active", "entered-in-error", "CA", "ER"),
        ("update", "revoked", "entered-in-error", "SC", "ER"),
        ("update", "active", "on-hold", "HD", "HD"),
        ("update", "on-hold", "active", "RL", "IP"),
        ("update", "active", "completed", "SC", "CM"),
        ("update", "completed", "completed", "XO", "CM"),
        ("", "", "active", "NW", ""),
    ],
)
def test_the_control_tells_what_was_done(action: str, before: str, status: str, control: str, state: str) -> None:
    message = written("ORM^O01", [{**ORDER, "status": status}, PATIENT], action=action, status_before=before)
    assert (message.get("ORC-1"), message.get("ORC-5")) == (control, state)


@pytest.mark.parametrize(
    ("rest", "before", "told"),
    [
        ({}, None, "ORM^O01"),
        ({"status": "draft"}, None, ""),
        ({"intent": "plan"}, None, ""),
        ({"intent": "reflex-order"}, None, "ORM^O01"),
        ({"status": "revoked"}, {"status": "draft"}, ""),
        ({"status": "revoked"}, {"status": "active"}, "ORM^O01"),
    ],
)
def test_drafts_and_proposals_are_not_told(rest: dict[str, Any], before: dict[str, Any] | None, told: str) -> None:
    kind: Any = "create" if before is None else "update"
    change = Change(1, kind, "ServiceRequest", "o1", 1, AT, "fhir", {**ORDER, **rest}, before=before)
    assert told_by(change, GENERIC) == told
    newer = replace(GENERIC, renamed={"ORM^O01": "OML^O21"})
    assert told_by(change, newer) == ("OML^O21" if told else "")


def test_a_deleted_order_is_not_told() -> None:
    assert told_by(Change(1, "delete", "ServiceRequest", "o1", 2, AT, "fhir", ORDER), GENERIC) == ""


def test_an_order_says_what_when_by_whom_why_and_how_urgently() -> None:
    message = written("ORM^O01", ALL, action="create")
    assert [segment.id for segment in message.segments] == [
        "MSH", "PID", "ORC", "OBR", "NTE", "NTE", "DG1", "OBX",
    ]  # fmt: skip
    assert {path: message.bytes_at(path) for path in ("ORC-2", "ORC-3", "ORC-4", "ORC-7", "ORC-9", "ORC-12")} == {
        "ORC-2": b"P7^EHR",
        "ORC-3": b"L7^^1.2.3^ISO",
        "ORC-4": b"G7^EHR",
        "ORC-7": b"1^^^20260106080000^^S",
        "ORC-9": b"20260105110000",
        "ORC-12": b"99^Grey^Ada",
    }
    assert message.bytes_at("OBR-4") == b"24323-8^CMP^LN"
    assert message.bytes_at("OBR-24") == b"LAB"
    assert message.bytes_at("OBR-31") == b"^tired \\F\\ weak"
    assert message.get("DG1-3.1") == "E11.9"
    assert (message.get("OBX-3.1"), message.get("OBX-5")) == ("FAST", "yes")
    assert message.get_all("NTE-3") == ["please", "soon"]


def test_the_newer_messages_have_timing_and_specimens_of_their_own() -> None:
    message = written("OML^O21", ALL, action="create")
    assert [segment.id for segment in message.segments] == [
        "MSH", "PID", "ORC", "TQ1", "OBR", "NTE", "NTE", "DG1", "OBX", "SPM",
    ]  # fmt: skip
    assert (message.get("TQ1-7"), message.get("TQ1-9"), message.get("ORC-7")) == ("20260106080000", "S", "")
    assert message.bytes_at("SPM-2") == b"T7&LAB"
    old = written("OML^O21", ALL, replace(GENERIC, version="2.4"), action="create")
    assert "TQ1" not in [segment.id for segment in old.segments]
    assert old.bytes_at("OBR-15") == b"BLD&Blood&L"
    assert old.get("ORC-7.6") == "S"


def test_an_order_that_says_next_to_nothing_can_be_told() -> None:
    bare = {"resourceType": "ServiceRequest", "id": "o9", "status": "active", "intent": "order"}
    message = written("ORM^O01", [{**bare, "subject": {"reference": "Patient/p1"}}, PATIENT], action="create")
    assert message.bytes_at("ORC-2") == b"o9^HOSPITAL"
    assert message.get("OBR-4.2") == "Unspecified service"
    assert message.get("ORC-9") == "20260105120000"


def test_the_fillers_number_is_not_taken_for_the_placers() -> None:
    order = {**ORDER, "identifier": ORDER["identifier"][:1]}
    message = written("ORM^O01", [order, PATIENT], action="create")
    assert (message.get("ORC-2"), message.get("ORC-3.1")) == ("o1^HOSPITAL", "L7")
    plain = {**ORDER, "identifier": [{"value": "X1"}]}
    message = written("ORM^O01", [plain, PATIENT], action="create")
    assert (message.get("ORC-2"), message.get("ORC-3")) == ("X1", "")


@pytest.mark.parametrize(
    ("name", "version"),
    [
        *(("ORM^O01", version) for version in ("2.3", "2.4", "2.5.1", "2.6")),
        *((name, version) for name in ("OML^O21", "OMG^O19") for version in ("2.4", "2.5.1", "2.6")),
    ],
)
@pytest.mark.parametrize("whole", [True, False])
def test_a_strict_reader_accepts_orders(name: str, version: str, whole: bool) -> None:
    resources = ALL if whole else [{"resourceType": "ServiceRequest", "id": "o9"}, PATIENT]
    raw = emit(Event(name, AT, 7), resources, replace(GENERIC, version=version)).decode()
    strict = VALIDATION_LEVEL.STRICT
    if name == "ORM^O01" or version == "2.4":
        # hl7apy wants all of OBR, RQD, RQ1 … at once where one of them has to stand, and in OML of 2.4 takes an OBX
        # for that of a container, so only the segments are judged.
        assert all(one.validate() for one in parse_segments(raw, version, validation_level=strict))
    else:
        assert parse_message(raw, validation_level=strict, find_groups=True).validate()


@pytest.mark.parametrize("version", ["2.3", "2.5.1", "2.8.2"])
@pytest.mark.parametrize("name", ["ORM^O01", "OML^O21", "OMG^O19"])
def test_an_order_sent_and_taken_in_again_is_the_same_order(name: str, version: str) -> None:
    dialect = replace(GENERIC, version=version)
    accepted = accept(written(name, ALL, dialect, action="create"), Context(AT, dialect))
    found = {one.resource_type: one.resource for one in accepted.intents if isinstance(one, Upsert)}
    request = found["ServiceRequest"]
    for element in ("status", "intent", "authoredOn"):
        assert request[element] == ORDER[element], element
    if name == "ORM^O01" and version == "2.8.2":
        # The quantity and timing of ORC and OBR is withdrawn in 2.7, and ORM has no TQ1.
        assert "priority" not in request
    else:
        assert request["priority"] == "stat"
        assert request["occurrenceDateTime"] == "2026-01-06T08:00:00Z"
    assert {one["value"] for one in request["identifier"]} == {"P7", "L7"}
    assert request["requisition"]["value"] == "G7"
    assert request["code"]["coding"] == ORDER["code"]["coding"]
    assert [one["text"] for one in request["reasonCode"]] == ["tired | weak", "Diabetes"]
    assert request["note"] == ORDER["note"]
    assert request["requester"]["display"] == "Grey, Ada"
    assert found["Observation"]["valueString"] == "yes"
    assert found["Specimen"]["type"]["coding"][0]["code"] == "BLD" if "Specimen" in found else name == "ORM^O01"
