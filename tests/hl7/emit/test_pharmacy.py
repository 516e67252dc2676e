"""Drugs that go out: shapes judged by hl7apy, values by reading them back, and which message tells of what."""

from dataclasses import replace
from typing import Any

import pytest
from hl7apy.consts import VALIDATION_LEVEL
from hl7apy.core import Group
from hl7apy.core import Message as Structure
from hl7apy.parser import parse_message, parse_segment

from mockehr.core.changes import Change
from mockehr.core.errors import UsageError
from mockehr.hl7.accept import accept
from mockehr.hl7.accept.intents import Context, Upsert
from mockehr.hl7.dialect import GENERIC, Dialect
from mockehr.hl7.emit import Event, emit, told_by
from mockehr.hl7.message import Message

AT = 1_767_614_400.0
AUTHORITY = "http://example.org/authority/"
V2_0203 = "http://terminology.hl7.org/CodeSystem/v2-0203"
RXNORM = "http://www.nlm.nih.gov/research/umls/rxnorm"
UCUM = "http://unitsofmeasure.org"
PATIENT: dict[str, Any] = {
    "resourceType": "Patient",
    "id": "p1",
    "identifier": [{"system": AUTHORITY + "HOSP", "value": "42"}],
    "name": [{"family": "Muster", "given": ["Erika"]}],
}
DOCTOR: dict[str, Any] = {
    "resourceType": "Practitioner",
    "id": "d1",
    "identifier": [{"system": "http://hl7.org/fhir/sid/us-npi", "value": "1111111111"}],
    "name": [{"family": "Grey", "given": ["Ada"]}],
}
DRUG: dict[str, Any] = {
    "coding": [{"system": RXNORM, "code": "860975", "display": "metformin 500 MG"}],
    "text": "metformin 500 MG",
}


def amount(value: float, code: str) -> dict[str, Any]:
    return {"value": value, "unit": code.strip("{}"), "system": UCUM, "code": code}


def number(kind: str, value: str) -> dict[str, Any]:
    return {"type": {"coding": [{"system": V2_0203, "code": kind}]}, "system": AUTHORITY + "EHR", "value": value}


ORDER: dict[str, Any] = {
    "resourceType": "MedicationRequest",
    "id": "m1",
    "meta": {"versionId": "1"},
    "identifier": [number("PLAC", "RX7"), number("FILL", "PH9")],
    "status": "active",
    "intent": "order",
    "medicationCodeableConcept": DRUG,
    "subject": {"reference": "Patient/p1"},
    "authoredOn": "2026-01-05T11:00:00Z",
    "requester": {"reference": "Practitioner/d1"},
    "reasonCode": [{"coding": [{"system": "http://hl7.org/fhir/sid/icd-10-cm", "code": "E11.9"}]}],
    "dosageInstruction": [
        {
            "text": "1 tablet by mouth twice daily",
            "timing": {
                "repeat": {
                    "frequency": 2,
                    "period": 1,
                    "periodUnit": "d",
                    "boundsPeriod": {"start": "2026-01-05T11:00:00Z", "end": "2026-02-05"},
                }
            },
            "asNeededBoolean": True,
            "route": {"coding": [{"system": "http://snomed.info/sct", "code": "26643006", "display": "Oral route"}]},
            "doseAndRate": [{"doseQuantity": amount(1, "{tbl}")}],
        }
    ],
    "dispenseRequest": {"numberOfRepeatsAllowed": 3, "quantity": amount(180, "{tbl}")},
    "substitution": {"allowedBoolean": False},
    "note": [{"text": "with food"}],
}
DISPENSE: dict[str, Any] = {
    "resourceType": "MedicationDispense",
    "id": "x1",
    "status": "completed",
    "medicationReference": {"reference": "Medication/drug"},
    "subject": {"reference": "Patient/p1"},
    "authorizingPrescription": [{"reference": "MedicationRequest/m1"}],
    "quantity": amount(30, "{tbl}"),
    "whenHandedOver": "2026-01-06T09:00:00Z",
    "performer": [{"actor": {"reference": "Practitioner/d1"}}],
    "note": [{"text": "first fill\ncounselled"}],
}
MEDICATION: dict[str, Any] = {"resourceType": "Medication", "id": "drug", "code": DRUG}
GIVEN: dict[str, Any] = {
    "resourceType": "MedicationAdministration",
    "id": "g1",
    "status": "completed",
    "medicationCodeableConcept": DRUG,
    "subject": {"reference": "Patient/p1"},
    "request": {"reference": "MedicationRequest/m1"},
    "effectivePeriod": {"start": "2026-01-06T09:00:00Z", "end": "2026-01-06T09:30:00Z"},
    "performer": [{"actor": {"reference": "Practitioner/d1"}}],
    "dosage": {
        "dose": amount(500, "mg"),
        "route": {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v2-0162", "code": "IV"}]},
    },
    "note": [{"text": "no reaction"}],
}
EVERYTHING = [PATIENT, DOCTOR, ORDER, DISPENSE, GIVEN, MEDICATION]


def written(name: str, resources: list[dict[str, Any]], dialect: Dialect = GENERIC) -> Message:
    return Message(emit(Event(name, AT, 7), resources, dialect))


def strictly(raw: bytes) -> None:
    """Validate in hl7apy, with what it cannot see: that TQ1 after RXE is that of the encoded order (it looks for the
    first group that has a TQ1), and that the observations, required before 2.3.1, may be without content."""
    strict = VALIDATION_LEVEL.STRICT
    message = Message(raw)
    kind, version = message.header.kind, message.header.version
    if kind == "RDE^O11" and version >= "2.5":
        tree = Structure("RDE_O11", version=version, validation_level=strict)
        patient, order, timing = (
            Group(f"RDE_O11_{name}", version=version, validation_level=strict)
            for name in ("PATIENT", "ORDER", "TIMING_ENCODED")
        )
        tree.msh = bytes(message.segments[0]).decode()
        for segment in message.segments[1:]:
            if segment.id:
                holder = {"PID": patient, "TQ1": timing}.get(segment.id, order)
                holder.add(parse_segment(bytes(segment).decode(), version=version, validation_level=strict))
                if holder is timing:
                    order.add(timing)
        tree.add(patient)
        tree.add(order)
        assert tree.validate()
        return
    if version == "2.3" and kind in ("RDE^O01", "RDS^O01"):
        raw += b"OBX|1|ST|48767-8^Annotation comment^LN||-||||||F\r"
    assert parse_message(raw.decode(), validation_level=strict, find_groups=True).validate()


def taken(message: Message, kind: str) -> dict[str, Any]:
    accepted = accept(message, Context(AT))
    return next(one.resource for one in accepted.intents if isinstance(one, Upsert) and one.resource_type == kind
                and one.creates)  # fmt: skip


@pytest.mark.parametrize("version", ["2.3", "2.4", "2.5.1", "2.6"])
@pytest.mark.parametrize("name", ["RDE^O11", "RDS^O13", "RAS^O17"])
def test_a_strict_reader_accepts_each_message(version: str, name: str) -> None:
    raw = emit(Event(name, AT, 7), EVERYTHING, replace(GENERIC, version=version))
    strictly(raw)


@pytest.mark.parametrize("version", ["2.3", "2.4", "2.5.1", "2.6"])
@pytest.mark.parametrize(
    ("name", "bare"),
    [
        ("RDE^O11", {"resourceType": "MedicationRequest", "id": "m", "status": "active", "intent": "order",
                     "medicationReference": {"display": "Aspirin"}, "subject": {"reference": "Patient/p1"}}),
        ("RDS^O13", {"resourceType": "MedicationDispense", "id": "m", "status": "completed",
                     "medicationCodeableConcept": {"text": "Aspirin"}, "subject": {"reference": "Patient/p1"}}),
        ("RAS^O17", {"resourceType": "MedicationAdministration", "id": "m", "status": "completed",
                     "medicationCodeableConcept": {"text": "Aspirin"}, "subject": {"reference": "Patient/p1"},
                     "effectiveDateTime": "2026-01-05"}),
    ],
)  # fmt: skip
def test_a_resource_with_no_more_than_it_must_have_is_told_of(version: str, name: str, bare: dict[str, Any]) -> None:
    raw = emit(Event(name, AT, 7), [PATIENT, bare], replace(GENERIC, version=version))
    strictly(raw)
    assert b"Aspirin" in raw
    assert b"m^HOSPITAL" in raw
    found = taken(Message(raw), bare["resourceType"])
    assert found["medicationCodeableConcept"]["text"] == "Aspirin"
    assert "dosageInstruction" not in found
    assert "dosage" not in found


def test_an_order_of_2_5_1_is_this() -> None:
    segments = emit(Event("RDE^O11", AT, 7), EVERYTHING, GENERIC).decode().split("\r")
    assert segments[0].split("|")[8] == "RDE^O11^RDE_O11"
    assert segments[2:] == [
        "ORC|NW|RX7^EHR|PH9^EHR||IP||||20260105110000|||1111111111^Grey^Ada^^^^^^NPI^^^^NPI",
        "RXE||860975^metformin 500 MG^RXNORM|1||{tbl}^tbl^UCUM||^1 tablet by mouth twice daily||N|180"
        "|{tbl}^tbl^UCUM|3|||||||||||||||E11.9^^I10C|||||20260105110000",
        "NTE|1||with food",
        "TQ1|1||BID~PRN||||20260105110000|20260205",
        "RXR|26643006^Oral route^SCT",
        "",
    ]


def test_an_order_of_2_3_has_its_timing_in_orc_and_rxe_and_no_tq1() -> None:
    message = written("RDE^O11", EVERYTHING, replace(GENERIC, version="2.3"))
    assert message.get("MSH-9") == "RDE^O01"
    assert [segment.id for segment in message.segments] == ["MSH", "PID", "ORC", "RXE", "RXR"]
    assert message.get("ORC-7") == message.get("RXE-1") == "1^BID PRN^^20260105110000^20260205"
    assert message.get("RXE-21") == "^with food"


@pytest.mark.parametrize("version", ["2.3", "2.4", "2.5.1", "2.6"])
def test_an_order_sent_and_taken_in_again_is_the_same_order(version: str) -> None:
    found = taken(written("RDE^O11", EVERYTHING, replace(GENERIC, version=version)), "MedicationRequest")
    for element in ("status", "intent", "identifier", "authoredOn", "dispenseRequest", "substitution", "note"):
        assert found[element] == ORDER[element], element
    assert found["medicationCodeableConcept"] == DRUG
    assert found["reasonCode"][0]["coding"] == ORDER["reasonCode"][0]["coding"]
    assert found["requester"]["identifier"]["value"] == "1111111111"
    told, wanted = found["dosageInstruction"][0], ORDER["dosageInstruction"][0]
    for element in ("text", "asNeededBoolean", "doseAndRate"):
        assert told[element] == wanted[element], element
    assert told["route"]["coding"] == wanted["route"]["coding"]
    assert told["timing"]["repeat"] == wanted["timing"]["repeat"]


@pytest.mark.parametrize("version", ["2.3", "2.5.1"])
@pytest.mark.parametrize(
    ("status", "control"),
    [("active", "NW"), ("on-hold", "HD"), ("cancelled", "CA"), ("stopped", "DC"), ("completed", "SC")],
)
def test_the_order_control_says_what_became_of_an_order(version: str, status: str, control: str) -> None:
    resources = [PATIENT, {**ORDER, "status": status}]
    message = written("RDE^O11", resources, replace(GENERIC, version=version))
    assert message.get("ORC-1") == control
    assert taken(message, "MedicationRequest")["status"] == status


def test_an_order_that_was_changed_says_so() -> None:
    message = written("RDE^O11", [PATIENT, {**ORDER, "meta": {"versionId": "3"}}])
    assert message.get("ORC-1") == "XO"


def test_a_range_a_rate_and_a_length_come_back() -> None:
    dosage = {
        "timing": {"repeat": {"frequency": 1, "period": 6, "periodUnit": "h", "boundsDuration": amount(10, "d")}},
        "doseAndRate": [
            {
                "doseRange": {"low": amount(1, "mg"), "high": amount(2.5, "mg")},
                "rateRatio": {"numerator": amount(50, "mL"), "denominator": amount(1, "h")},
            }
        ],
    }
    for version in ("2.3", "2.6"):
        message = written(
            "RDE^O11", [PATIENT, {**ORDER, "dosageInstruction": [dosage]}], replace(GENERIC, version=version)
        )
        told = taken(message, "MedicationRequest")["dosageInstruction"][0]
        assert told["doseAndRate"] == dosage["doseAndRate"]
        assert told["timing"]["repeat"] == dosage["timing"]["repeat"]
        assert told["timing"]["code"]["text"] == "Q6H"


def test_a_dispense_names_the_order_it_is_of_and_comes_back() -> None:
    message = written("RDS^O13", EVERYTHING)
    assert [segment.id for segment in message.segments] == ["MSH", "PID", "ORC", "RXD", "NTE", "RXR"]
    assert message.get("ORC-2") == "RX7^EHR"
    assert message.get("RXD-2") == "860975^metformin 500 MG^RXNORM"
    assert message.get("RXR-1.1") == "OTH"
    found = taken(message, "MedicationDispense")
    for element in ("status", "whenHandedOver", "quantity", "note"):
        assert found[element] == DISPENSE[element], element
    assert found["authorizingPrescription"][0]["identifier"]["value"] == "RX7"
    assert "dosageInstruction" not in found


def test_an_administration_names_the_order_it_is_of_and_comes_back() -> None:
    message = written("RAS^O17", EVERYTHING)
    assert [message.get(f"RXA-{field}") for field in (1, 2, 3, 4, 6, 20, 21)] == [
        "0", "1", "20260106090000", "20260106093000", "500", "CP", "A",
    ]  # fmt: skip
    found = taken(message, "MedicationAdministration")
    for element in ("status", "effectivePeriod", "note", "dosage"):
        assert found[element] == GIVEN[element], element
    assert found["request"]["identifier"]["value"] == "RX7"
    assert found["performer"][0]["actor"]["identifier"]["value"] == "1111111111"


def test_a_dose_that_was_refused_is_told_as_refused() -> None:
    refused = {**GIVEN, "status": "not-done", "statusReason": [{"text": "Patient refused"}]}
    message = written("RAS^O17", [PATIENT, refused])
    assert (message.get("RXA-6"), message.get("RXA-18.2"), message.get("RXA-20")) == ("0", "Patient refused", "RE")
    found = taken(message, "MedicationAdministration")
    assert found["status"] == "not-done"
    assert found["statusReason"] == [{"text": "Patient refused"}]
    assert "dosage" not in found


def change(document: dict[str, Any], kind: Any = "create") -> Change:
    return Change(1, kind, document["resourceType"], document["id"], 1, AT, "fhir", document, "p1")


def test_the_name_of_the_message_follows_the_version() -> None:
    old = replace(GENERIC, version="2.3")
    assert [told_by(change(one), GENERIC) for one in (ORDER, DISPENSE, GIVEN)] == ["RDE^O11", "RDS^O13", "RAS^O17"]
    assert [told_by(change(one), old) for one in (ORDER, DISPENSE, GIVEN)] == ["RDE^O01", "RDS^O01", "RAS^O01"]


def test_a_version_without_pharmacy_messages_tells_nothing() -> None:
    oldest = replace(GENERIC, version="2.1")
    assert [told_by(change(one), oldest) for one in (ORDER, DISPENSE, GIVEN)] == ["", "", ""]
    with pytest.raises(UsageError, match="no RDE"):
        written("RDE^O11", EVERYTHING, oldest)


@pytest.mark.parametrize(
    "quiet",
    [
        {**ORDER, "status": "draft"},
        {**ORDER, "intent": "plan"},
        {**ORDER, "reportedBoolean": True},
        {**DISPENSE, "status": "preparation"},
        {**GIVEN, "status": "in-progress"},
    ],
)
def test_what_nobody_ordered_or_gave_yet_is_not_told(quiet: dict[str, Any]) -> None:
    assert told_by(change(quiet), GENERIC) == ""


def test_what_was_deleted_is_not_told() -> None:
    assert [told_by(change(one, "delete"), GENERIC) for one in (ORDER, DISPENSE, GIVEN)] == ["", "", ""]
