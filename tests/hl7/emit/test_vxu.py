"""Vaccinations that go out: shapes judged by hl7apy, values by reading them back."""

from dataclasses import replace
from typing import Any

import pytest
from hl7apy.consts import VALIDATION_LEVEL
from hl7apy.parser import parse_message

from mockehr.core.changes import Change
from mockehr.core.errors import UsageError
from mockehr.hl7.accept import accept
from mockehr.hl7.accept.intents import Context, Upsert
from mockehr.hl7.dialect import GENERIC, Dialect
from mockehr.hl7.emit import Event, emit, told_by
from mockehr.hl7.message import Message

AT = 1_767_614_400.0
AUTHORITY = "http://example.org/authority/"
TERMINOLOGY = "http://terminology.hl7.org/CodeSystem/"
PATIENT: dict[str, Any] = {
    "resourceType": "Patient",
    "id": "p1",
    "identifier": [{"system": AUTHORITY + "HOSP", "value": "42"}],
    "name": [{"family": "Muster", "given": ["Erika"]}],
}
NURSE: dict[str, Any] = {
    "resourceType": "Practitioner",
    "id": "n1",
    "identifier": [{"system": "http://hl7.org/fhir/sid/us-npi", "value": "1111111111"}],
    "name": [{"family": "Grey", "given": ["Ada"]}],
}
VACCINE = {
    "coding": [{"system": "http://hl7.org/fhir/sid/cvx", "code": "140", "display": "Influenza"}],
    "text": "Influenza",
}
DOSE: dict[str, Any] = {
    "resourceType": "Immunization",
    "id": "i1",
    "meta": {"versionId": "1"},
    "identifier": [
        {"type": {"coding": [{"system": TERMINOLOGY + "v2-0203", "code": "FILL"}]}, "system": AUTHORITY + "EHR",
         "value": "V77"},
    ],
    "status": "completed",
    "vaccineCode": VACCINE,
    "patient": {"reference": "Patient/p1"},
    "occurrenceDateTime": "2026-01-05T10:00:00Z",
    "recorded": "2026-01-05T10:05:00Z",
    "primarySource": True,
    "lotNumber": "A1234B",
    "expirationDate": "2026-12-31",
    "manufacturer": {
        "type": "Organization",
        "identifier": {"system": "http://hl7.org/fhir/sid/mvx", "value": "PMC"},
        "display": "Sanofi",
    },
    "route": {"coding": [{"system": TERMINOLOGY + "v3-RouteOfAdministration", "code": "IM", "display": "IM"}]},
    "site": {"coding": [{"system": TERMINOLOGY + "v3-ActSite", "code": "LA", "display": "left arm"}]},
    "doseQuantity": {"value": 0.5, "unit": "mL", "system": "http://unitsofmeasure.org", "code": "mL"},
    "performer": [
        {"function": {"coding": [{"system": TERMINOLOGY + "v2-0443", "code": "AP"}]},
         "actor": {"reference": "Practitioner/n1"}},
    ],
    "programEligibility": [
        {"coding": [{"system": TERMINOLOGY + "v2-0064", "code": "V02", "display": "VFC"}], "text": "VFC"},
    ],
    "fundingSource": {"text": "public"},
    "protocolApplied": [{"doseNumberPositiveInt": 2}],
    "education": [
        {"documentType": "Influenza", "publicationDate": "2025-08-01", "presentationDate": "2026-01-05"},
    ],
    "note": [{"text": "sat for a while\nno reaction"}],
}  # fmt: skip
HISTORICAL: dict[str, Any] = {
    "resourceType": "Immunization",
    "id": "i2",
    "status": "completed",
    "vaccineCode": VACCINE,
    "patient": {"reference": "Patient/p1"},
    "occurrenceDateTime": "2019-10",
    "primarySource": False,
    "reportOrigin": {"coding": [{"system": TERMINOLOGY + "immunization-origin", "code": "school"}]},
}
DECLINED: dict[str, Any] = {
    "resourceType": "Immunization",
    "id": "i3",
    "status": "not-done",
    "statusReason": {"coding": [{"system": TERMINOLOGY + "v3-ActReason", "code": "PATOBJ", "display": "objection"}]},
    "vaccineCode": VACCINE,
    "patient": {"reference": "Patient/p1"},
    "occurrenceDateTime": "2026-01-05",
    "primarySource": True,
}


def written(dose: dict[str, Any], dialect: Dialect = GENERIC) -> Message:
    return Message(emit(Event("VXU^V04", AT, 7), [dose, PATIENT, NURSE], dialect))


def taken(message: Message) -> dict[str, Any]:
    accepted = accept(message, Context(AT))
    return next(
        one.resource for one in accepted.intents if isinstance(one, Upsert) and one.resource_type == "Immunization"
    )


@pytest.mark.parametrize("version", ["2.3", "2.4", "2.5.1", "2.6"])
@pytest.mark.parametrize("dose", [DOSE, HISTORICAL, DECLINED], ids=["given", "told", "declined"])
def test_a_strict_reader_accepts_each_vaccination(version: str, dose: dict[str, Any]) -> None:
    raw = bytes(written(dose, replace(GENERIC, version=version)))
    assert parse_message(raw.decode(), validation_level=VALIDATION_LEVEL.STRICT, find_groups=True).validate()


def test_a_dose_of_2_5_1_is_this() -> None:
    assert bytes(written(DOSE)).decode().split("\r")[2:] == [
        "ORC|RE||V77^EHR",
        "RXA|0|1|20260105100000|20260105100000|140^Influenza^CVX|0.5|mL^mL^UCUM||00^New immunization record^NIP001"
        "|1111111111^Grey^Ada^^^^^^NPI^^^^NPI|||||A1234B|20261231|PMC^Sanofi^MVX|||CP|A|20260105100500",
        "RXR|IM^IM^HL70162|LA^left arm^HL70163",
        "OBX|1|CWE|64994-7^Vaccine funding program eligibility category^LN|1|V02^VFC^HL70064||||||F|||20260105100000",
        "OBX|2|CWE|30963-3^Vaccine funding source^LN|2|^public||||||F|||20260105100000",
        "OBX|3|NM|30973-2^Dose number in series^LN|3|2||||||F|||20260105100000",
        "OBX|4|CWE|30956-7^Vaccine type^LN|4|^Influenza||||||F|||20260105100000",
        "OBX|5|TS|29768-9^Date vaccine information statement published^LN|4|20250801||||||F|||20260105100000",
        "OBX|6|TS|29769-7^Date vaccine information statement presented^LN|4|20260105||||||F|||20260105100000",
        "NTE|1||sat for a while~no reaction",
        "",
    ]


@pytest.mark.parametrize("version", ["2.5.1", "2.6", "2.8"])
def test_a_dose_sent_and_taken_in_again_is_the_same_dose(version: str) -> None:
    found = taken(written(DOSE, replace(GENERIC, version=version)))
    for element in (
        "status", "identifier", "vaccineCode", "occurrenceDateTime", "recorded", "primarySource", "lotNumber",
        "expirationDate", "manufacturer", "doseQuantity", "programEligibility", "fundingSource", "protocolApplied",
        "education", "note",
    ):  # fmt: skip
        assert found[element] == DOSE[element], element
    assert [found[element]["coding"][0]["code"] for element in ("route", "site")] == ["IM", "LA"]
    assert found["performer"][0]["function"]["coding"][0]["code"] == "AP"
    assert found["performer"][0]["actor"]["identifier"]["value"] == "1111111111"


def test_before_2_5_there_is_no_order_and_the_dose_is_known_by_what_it_is() -> None:
    message = written(DOSE, replace(GENERIC, version="2.3"))
    assert "ORC" not in [segment.id for segment in message.segments]
    again = taken(message)
    assert again["identifier"] == [{"system": AUTHORITY + "immunization", "value": "42:140:2026-01-05"}]
    assert again["doseQuantity"] == DOSE["doseQuantity"]


def test_a_dose_told_of_by_others_is_historical() -> None:
    message = written(HISTORICAL)
    assert message.get("RXA-9") == "07^Historical information - from school record^NIP001"
    assert (message.get("RXA-3"), message.get("RXA-6")) == ("201910", "999")
    assert message.get("ORC-3") == "i2^HOSPITAL"
    found = taken(message)
    assert found["primarySource"] is False
    assert found["reportOrigin"]["coding"] == HISTORICAL["reportOrigin"]["coding"]
    assert found["occurrenceDateTime"] == "2019-10"
    assert "doseQuantity" not in found


def test_a_dose_that_was_declined_has_its_reason() -> None:
    message = written({**DECLINED, "lotNumber": "X1", "site": DOSE["site"]})
    assert message.segment("RXR") is None
    assert [message.get(f"RXA-{field}") for field in ("15", "18.1", "20")] == ["", "PATOBJ", "RE"]
    found = taken(message)
    assert found["status"] == "not-done"
    assert found["statusReason"]["coding"][0]["code"] == "PATOBJ"


def test_a_dose_that_could_not_be_given_is_not_called_refused() -> None:
    unwell = {**DECLINED, "statusReason": {"text": "fever"}}
    assert written(unwell).get("RXA-20") == "NA"


def test_a_dose_entered_in_error_is_deleted_and_one_that_was_changed_is_updated() -> None:
    message = written({**DOSE, "status": "entered-in-error"})
    assert message.get("RXA-21") == "D"
    assert taken(message)["status"] == "entered-in-error"
    assert written({**DOSE, "meta": {"versionId": "2"}}).get("RXA-21") == "U"


def test_a_vaccination_is_told_unless_it_was_deleted() -> None:
    made = Change(1, "create", "Immunization", "i1", 1, AT, "fhir", DOSE, "p1")
    assert told_by(made, GENERIC) == "VXU^V04"
    assert told_by(replace(made, kind="delete"), GENERIC) == ""
    assert told_by(made, replace(GENERIC, version="2.2")) == ""
    with pytest.raises(UsageError, match="no VXU"):
        written(DOSE, replace(GENERIC, version="2.2"))


def test_the_profile_of_the_registry_is_named_where_the_version_has_a_place_for_it() -> None:
    dialect = replace(GENERIC, profiles={"VXU^V04": "Z22^CDCPHINVS"})
    message = written(DOSE, dialect)
    assert message.get("MSH-21") == "Z22^CDCPHINVS"
    assert parse_message(bytes(message).decode(), validation_level=VALIDATION_LEVEL.STRICT).validate()
    assert written(DOSE, replace(dialect, version="2.3")).get("MSH-21") == ""
