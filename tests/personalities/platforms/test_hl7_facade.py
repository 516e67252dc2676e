"""A facade over HL7 v2: what messages said, and no more."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

House = Any
Built = Callable[..., House]


def test_of_a_patient_there_is_what_a_pid_segment_has(house: Built) -> None:
    site = house("hl7_facade")
    patient = site.read(f"Patient/{site.patient(0)}")
    assert {"meta", "extension", "generalPractitioner", "communication"}.isdisjoint(patient)
    assert patient["name"][0]["family"].isupper()


def test_concepts_have_one_coding_and_references_no_names(house: Built) -> None:
    site = house("hl7_facade")
    found = site.read(f"Observation?patient={site.patient(0)}")["entry"]
    assert found
    for entry in found:
        assert len(entry["resource"]["code"]["coding"]) == 1
        assert set(entry["resource"]["subject"]) == {"reference"}


def test_there_are_few_types_which_are_read_and_searched(house: Built) -> None:
    site = house("hl7_facade")
    statement = site.read("metadata")
    assert len(statement["rest"][0]["resource"]) == 7
    assert site.fhir("Immunization?patient=1").status == 404
    assert site.fhir("Patient", "POST", {"resourceType": "Patient"}).status == 405


def test_a_message_that_comes_in_is_seen_over_fhir(house: Built) -> None:
    from mockehr.core.exchange import Exchange

    site = house("hl7_facade", fresh=1)
    message = (
        "MSH|^~\\&|A|B|C|D|20260105||ADT^A28|1|P|2.5.1\rEVN|A28\rPID|1||98765^^^B^MR||Muster^Erika||19700101|F\r"
    )
    site.site.handle(Exchange("mllp-in", body=message.encode()))
    found = site.read("Patient?family=muster")["entry"]
    assert found[0]["resource"]["name"][0]["family"].upper() == "MUSTER"
