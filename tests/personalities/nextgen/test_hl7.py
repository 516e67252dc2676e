"""HL7 as NextGen Enterprise writes it. Sources: personalities/nextgen/notes.md, section HL7."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from mockehr.hl7.accept.intents import Key
from mockehr.hl7.dialects import DIALECTS
from mockehr.hl7.emit import Event, emit
from mockehr.sites.finding import find_by_identifier

House = Any
AT = 1_767_614_400.137


def written(house: House) -> list[list[str]]:
    patient = house.read(f"Patient/{house.patient(3)}")
    visit = house.read(f"Encounter?patient={patient['id']}")["entry"][0]["resource"]
    message = emit(Event("ADT^A04", number=7, at=AT), [patient, visit], house.site.dialect)
    return [line.split("|") for line in bytes(message).decode().split("\r") if line]


@pytest.mark.behaviour("nextgen", "hl7-header", "hl7-stamp")
def test_the_header_names_a_facility_without_a_first_component(house: Callable[..., House]) -> None:
    header = written(house("nextgen", 10))[0]
    assert header[2:4] == ["NextGen", "^DOSC"]
    assert header[6] == "20260105120000137"
    assert (header[8], header[11], header[14:16]) == ("ADT^A04", "2.3", ["AL", "AL"])
    assert DIALECTS.get("nextgen") == house("nextgen", 10).site.dialect


@pytest.mark.behaviour("nextgen", "hl7-numbers")
def test_the_number_stands_padded_in_pid_2_and_with_its_authority_in_pid_3(house: Callable[..., House]) -> None:
    site = house("nextgen", 10)
    number = site.read(f"Patient/{site.patient(3)}")["identifier"][0]["value"]
    pid = next(one for one in written(site) if one[0] == "PID")
    assert len(number) == 12
    assert pid[2:4] == [number, f"{number}^^^NextGen^MRN"]
    found = find_by_identifier(site.site, "Patient", [Key("www.nextgen.com", number)])
    assert found is not None
    assert found.id == site.patient(3)
    birth = site.read(f"Patient/{site.patient(3)}")["birthDate"].replace("-", "")
    assert (pid[1], pid[7]) == ("1", birth)
