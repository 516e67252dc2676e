"""People and places by what a house's dictionary calls them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from mockehr.hl7.dialect import GENERIC
from mockehr.hl7.emit.mnemonics import in_mnemonics

DOCTOR: dict[str, Any] = {
    "resourceType": "Practitioner",
    "id": "1",
    "name": [{"family": "Labtest-Núñez", "given": ["Ana", "B"]}],
    "identifier": [
        {"system": "http://hl7.org/fhir/sid/us-npi", "value": "1111111111"},
        {"system": "https://example.org/staff", "value": "20006"},
    ],
}
WARD: dict[str, Any] = {"resourceType": "Location", "id": "2", "name": "Emergency Room Zone"}
HOUSE = replace(GENERIC, sending_facility="RCH", mnemonics="XX")


def test_a_doctor_is_family_name_initial_and_number_and_a_place_facility_and_initials() -> None:
    doctor, ward = in_mnemonics([DOCTOR, WARD], HOUSE)
    assert doctor["identifier"] == [{"system": "http://example.org/authority/XX", "value": "LABTESTNA7"}]
    assert ward["identifier"][0]["value"] == "RC.ERZ1"
    assert len(DOCTOR["identifier"]) == 2


def test_whoever_has_no_name_keeps_the_number_and_so_does_a_house_without_a_dictionary() -> None:
    nameless = {**DOCTOR, "name": []}
    assert in_mnemonics([nameless], HOUSE) == [nameless]
    told = [DOCTOR, WARD]
    assert in_mnemonics(told, GENERIC) is told
