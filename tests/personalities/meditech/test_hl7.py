"""How a MEDITECH site writes HL7 v2. Sources: personalities/meditech/notes.md, section HL7 v2."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from tests.personalities.conftest import House

from mockehr.hl7.emit import Event, emit
from mockehr.hl7.message import Message

Houses = Callable[..., House]


@pytest.fixture(scope="module")
def site(house: Houses) -> House:
    return house("meditech", 6)


def admission(site: House, *numbers: tuple[str, str]) -> Message:
    """The admission of the first patient to a visit, with further numbers of these types."""
    patient = site.read(f"Patient/{site.patient()}")
    patient["identifier"] += [{"type": {"coding": [{"code": kind}]}, "value": value} for kind, value in numbers]
    visit = site.read(f"Encounter?patient={site.patient()}")["entry"][0]["resource"]
    told = [one["individual"]["reference"] for one in visit["participant"]]
    told += [one["location"]["reference"] for one in visit["location"]]
    resources: list[dict[str, Any]] = [patient, visit, *map(site.read, told)]
    event = Event("ADT^A01", at=1_767_614_400.0, number=4425797)
    return Message(emit(event, resources, site.site.dialect))


def lines(message: Message) -> dict[str, list[str]]:
    """Fields by segment; MSH counts its separator as MSH-1."""
    found: dict[str, list[str]] = {}
    for line in bytes(message).decode().strip("\r").split("\r"):
        name, *fields = line.split("|")
        found.setdefault(name, [name, *(["|"] if name == "MSH" else []), *fields])
    return found


@pytest.mark.behaviour("meditech", "msh", "midnight-user")
def test_the_header_names_module_and_facility_and_nobody_on_the_other_side(site: House) -> None:
    segments = lines(admission(site))
    msh = segments["MSH"]
    assert (msh[3], msh[4], msh[5], msh[6]) == ("ADM", "RCH", "", "")
    assert re.fullmatch(r"\d{12}", msh[7])
    assert (msh[9], msh[10], msh[11], msh[12]) == ("ADT^A01", "4425797", "P", "2.4")
    assert msh[16] == "NE"
    assert segments["EVN"][5] == "UNKNOWN^RUN^MIDNT^^^^^^^^^^^U"


@pytest.mark.behaviour("meditech", "pid-3", "pid-18", "record-number")
def test_numbers_tell_type_and_facility_and_the_account_stands_in_pid_18(site: House) -> None:
    pid = lines(admission(site, ("PT", "66292A7E8541"), ("PI", "E0-B20150812102144516"), ("EMR", "E456")))["PID"]
    number = site.read(f"Patient/{site.patient()}")["identifier"][0]["value"]
    assert pid[3].split("~") == [
        f"{number}^^^^MR^RCH",
        "E0-B20150812102144516^^^^PI^RCH",
        "E456^^^^EMR^RCH",
        "66292A7E8541^^^^PT^RCH",
    ]
    account = site.read(f"Encounter?patient={site.patient()}")["entry"][0]["resource"]["identifier"][0]["value"]
    assert pid[18].partition("^")[0] == account


@pytest.mark.behaviour("meditech", "mnemonics")
def test_people_and_places_are_told_by_mnemonics(site: House) -> None:
    pv1 = lines(admission(site))["PV1"]
    assert re.fullmatch(r"RC\.[A-Z]{1,4}\d+", pv1[3].partition("^")[0])
    people = [pv1[place].split("^") for place in (7, 8, 9, 17) if len(pv1) > place and pv1[place]]
    assert people
    for person in people:
        assert re.fullmatch(r"[^\W\d_]+\d+", person[0])
        assert person[0].startswith(person[1].replace("’", "").upper()[:4])
        assert person[8] == "XX"


def test_a_patient_is_found_again_by_the_number_that_went_out(site: House) -> None:
    from mockehr.hl7.accept.intents import Key
    from mockehr.sites.finding import find_by_identifier

    number = site.read(f"Patient/{site.patient()}")["identifier"][0]
    found = find_by_identifier(site.site, "Patient", [Key(number["system"], number["value"])])
    assert found is not None
    assert found.id == site.patient()
