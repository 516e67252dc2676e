"""Charges that go out: shapes judged by hl7apy, values by reading them back, and what is told at all."""

from dataclasses import replace
from typing import Any

import pytest
from hl7apy.consts import VALIDATION_LEVEL
from hl7apy.parser import parse_message

from mockehr.core.changes import Change
from mockehr.hl7.accept import accept
from mockehr.hl7.accept.intents import Context, Upsert
from mockehr.hl7.dialect import GENERIC, Dialect
from mockehr.hl7.emit import Event, emit, told_by
from mockehr.hl7.message import Message

AT = 1_767_614_400.0
AUTHORITY = "http://example.org/authority/"
PCS = "http://www.cms.gov/Medicare/Coding/ICD10"
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
VISIT: dict[str, Any] = {
    "resourceType": "Encounter",
    "id": "e1",
    "identifier": [{"system": AUTHORITY + "HOSP", "value": "V7"}],
    "status": "in-progress",
    "class": {"code": "IMP"},
}
PROCEDURE: dict[str, Any] = {
    "resourceType": "Procedure",
    "id": "s1",
    "identifier": [{"system": AUTHORITY + "OR", "value": "S5"}],
    "status": "completed",
    "code": {"coding": [{"system": PCS, "code": "0FT44ZZ", "display": "Resection of Gallbladder"}]},
    "subject": {"reference": "Patient/p1"},
    "performedDateTime": "2026-01-05T08:00:00Z",
    "performer": [{"actor": {"reference": "Practitioner/d1"}}],
}
CHARGE: dict[str, Any] = {
    "resourceType": "ChargeItem",
    "id": "c1",
    "identifier": [{"system": AUTHORITY + "MOCKEHR", "value": "T100"}],
    "status": "billable",
    "code": {"coding": [{"system": "https://example.org/charge-master", "code": "OR-30"}], "text": "Theatre, 30 min"},
    "subject": {"reference": "Patient/p1"},
    "context": {"reference": "Encounter/e1"},
    "occurrenceDateTime": "2026-01-05T08:00:00Z",
    "enteredDate": "2026-01-05T11:00:00Z",
    "performer": [{"actor": {"reference": "Practitioner/d1"}}],
    "quantity": {"value": 3},
    "priceOverride": {"value": 450.3, "currency": "USD"},
    "costCenter": {"identifier": {"value": "4711"}, "display": "Theatre"},
    "reason": [{"coding": [{"system": "http://hl7.org/fhir/sid/icd-10-cm", "code": "K80.20"}]}],
    "service": [{"reference": "Procedure/s1"}],
    "note": [{"text": "two surgeons"}],
}
EVERYTHING = [CHARGE, PATIENT, DOCTOR, VISIT, PROCEDURE]


def written(charge: dict[str, Any] = CHARGE, dialect: Dialect = GENERIC) -> Message:
    resources = [charge if one is CHARGE else one for one in EVERYTHING]
    return Message(emit(Event("DFT^P03", AT, 7), resources, dialect))


def taken(message: Message, kind: str = "ChargeItem") -> dict[str, Any]:
    accepted = accept(message, Context(AT))
    return next(one.resource for one in accepted.intents if isinstance(one, Upsert) and one.resource_type == kind)


def strictly(raw: bytes) -> None:
    assert parse_message(raw.decode(), validation_level=VALIDATION_LEVEL.STRICT, find_groups=True).validate()


@pytest.mark.parametrize("version", ["2.3", "2.4", "2.5.1", "2.6"])
def test_a_strict_reader_accepts_a_charge(version: str) -> None:
    strictly(bytes(written(dialect=replace(GENERIC, version=version))))


@pytest.mark.parametrize("version", ["2.3", "2.4", "2.5.1", "2.6"])
def test_a_charge_with_no_more_than_it_must_have_is_told_of(version: str) -> None:
    bare = {"resourceType": "ChargeItem", "id": "c9", "status": "billable", "code": {"text": "Bed"}}
    raw = emit(Event("DFT^P03", AT, 7), [PATIENT, bare], replace(GENERIC, version=version))
    strictly(raw)
    assert b"FT1|1|c9||20260105120000||CG|^Bed|||1\r" in raw


def test_a_charge_of_2_5_1_is_this() -> None:
    assert bytes(written()).decode().split("\r")[4:] == [
        "FT1|1|T100||20260105080000|20260105110000|CG|OR-30^Theatre, 30 min^L|||3|450.30&USD|150.10&USD|4711^Theatre"
        "||||||K80.20^^I10C|1111111111^Grey^Ada^^^^^^NPI^^^^NPI|||||0FT44ZZ^Resection of Gallbladder^I10P",
        "NTE|1||two surgeons",
        "PR1|1||0FT44ZZ^Resection of Gallbladder^I10P||20260105080000|||||||1111111111^Grey^Ada^^^^^^NPI^^^^NPI"
        "|||||||S5^OR",
        "",
    ]


def test_a_charge_sent_and_taken_in_again_is_the_same_charge() -> None:
    message = written()
    found = taken(message)
    for element in ("identifier", "status", "occurrenceDateTime", "enteredDate", "quantity", "priceOverride", "note"):
        assert found[element] == CHARGE[element], element
    assert found["code"]["text"] == "Theatre, 30 min"
    assert [coding["code"] for coding in found["code"]["coding"]] == ["OR-30", "0FT44ZZ"]
    assert found["reason"][0]["coding"] == CHARGE["reason"][0]["coding"]
    assert found["costCenter"]["display"] == "Theatre"
    assert found["performer"][0]["actor"]["identifier"]["value"] == "1111111111"
    done = taken(message, "Procedure")
    for element in ("status", "performedDateTime"):
        assert done[element] == PROCEDURE[element], element
    assert done["code"]["coding"] == PROCEDURE["code"]["coding"]
    assert [(one["system"], one["value"]) for one in done["identifier"]] == [(AUTHORITY + "OR", "S5")]


def test_a_range_is_told_from_2_5_on() -> None:
    spread = {name: value for name, value in CHARGE.items() if name != "occurrenceDateTime"}
    spread["occurrencePeriod"] = {"start": "2026-01-05T08:00:00Z", "end": "2026-01-05T09:00:00Z"}
    assert taken(written(spread))["occurrencePeriod"] == spread["occurrencePeriod"]
    assert taken(written(spread, replace(GENERIC, version="2.4")))["occurrenceDateTime"] == "2026-01-05T08:00:00Z"


def test_a_negative_quantity_is_a_credit() -> None:
    message = written({**CHARGE, "quantity": {"value": -2}})
    assert (message.get("FT1-6"), message.get("FT1-10")) == ("CR", "2")
    assert taken(message)["quantity"] == {"value": -2}


def test_a_price_that_cannot_be_divided_to_the_cent_is_told_as_a_total_only() -> None:
    message = written({**CHARGE, "priceOverride": {"value": 100}})
    assert (message.get("FT1-11"), message.get("FT1-12")) == ("100.00", "")


def change(status: str, before: str = "", kind: Any = "update") -> Change:
    earlier = {"status": before} if before else None
    return Change(1, kind, "ChargeItem", "c1", 1, AT, "fhir", {**CHARGE, "status": status}, "p1", before=earlier)


@pytest.mark.parametrize(
    ("status", "before", "told"),
    [
        ("billable", "", "DFT^P03"),
        ("billable", "planned", "DFT^P03"),
        ("billable", "billable", "DFT^P03"),
        ("planned", "", ""),
        ("billed", "billable", ""),
        ("entered-in-error", "billable", "DFT^P03"),
        ("aborted", "planned", ""),
    ],
)
def test_what_is_charged_or_taken_back_is_told(status: str, before: str, told: str) -> None:
    assert told_by(change(status, before), GENERIC) == told


def test_a_charge_that_was_taken_back_is_void() -> None:
    message = written({**CHARGE, "status": "entered-in-error"})
    assert message.get("FT1-6") == "VD"
    assert taken(message)["status"] == "entered-in-error"
