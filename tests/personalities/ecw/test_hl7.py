"""HL7 as eClinicalWorks writes it. Sources: personalities/ecw/notes.md, section HL7 v2."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from tests.hl7.emit.test_adt import written
from tests.personalities.conftest import House

from mockehr.hl7.dialects import DIALECTS

ECW = DIALECTS.get("ecw")
PERSON = {
    "resourceType": "Patient",
    "id": "x1",
    "identifier": [{"use": "usual", "value": "Ab-9"}, {"use": "secondary", "value": "7779"}],
    "name": [{"family": "Test", "given": ["Ana"]}],
    "gender": "male",
    "birthDate": "1967-05-02",
    "maritalStatus": {"coding": [{"code": "S", "display": "Never Married"}], "text": "Single"},
    "telecom": [{"system": "phone", "use": "home", "value": "(508) 555-0123"}, {"system": "email", "value": "a@b.c"}],
    "extension": [
        {
            "url": "http://hl7.org/fhir/us/core/StructureDefinition/us-core-race",
            "extension": [{"url": "text", "valueString": "Hispanic"}],
        }
    ],
    "deceasedDateTime": "1899-12-30T00:00:00-05:00",
}
VISIT = {"resourceType": "Encounter", "id": "v1", "status": "in-progress", "class": {"code": "AMB"}}


def fields(segment: str, dialect=ECW) -> list[str]:  # type: ignore[no-untyped-def]
    text = bytes(written("A04", [PERSON, VISIT], dialect)).decode()
    line = next(one for one in text.split("\r") if one.startswith(segment))
    return line.split("|")


@pytest.mark.behaviour("ecw", "hl7-header")
def test_the_header_has_an_account_number_and_the_time_for_an_id() -> None:
    header = fields("MSH")
    assert (header[2], header[3].isdigit(), header[11]) == ("ECW", True, "2.3")
    assert header[8] == "ADT^A04"
    assert header[9] == header[6]
    assert len(header[6]) == 12


@pytest.mark.behaviour("ecw", "hl7-numbers", "hl7-words", "hl7-fees")
def test_pid_has_numbers_outside_pid_3_and_words() -> None:
    pid = fields("PID")
    assert (pid[2], pid[3], pid[4]) == ("7779", "", "7779")
    assert (pid[8], pid[10], pid[13], pid[16], pid[22]) == ("M", "Hispanic", "5085550123", "Single", "Standard")
    assert pid[23:] == []
    assert fields("PID", replace(ECW, sex_words=True))[8] == "Male"


@pytest.mark.behaviour("ecw", "hl7-numbers")
def test_a_site_finds_its_patients_by_the_bare_number(house: Callable[..., House]) -> None:
    from mockehr.hl7.accept.intents import Key
    from mockehr.sites.finding import find_by_identifier

    site = house("ecw")
    assert site.site.dialect.name == "ecw"
    (rule,) = site.site.dialect.identifiers
    number = site.read(f"Patient/{site.patient(3)}")["identifier"][1]
    assert rule.system == number["system"]
    found = find_by_identifier(site.site, "Patient", [Key(rule.system, number["value"])])
    assert found is not None
    assert found.id == site.patient(3)


@pytest.mark.behaviour("ecw", "hl7-words")
def test_a_practice_may_write_the_sex_as_a_word(house: Callable[..., House]) -> None:
    assert house("ecw", 2, settings={"hl7": {"sex_words": True}}).site.dialect.sex_words
    assert not house("ecw").site.dialect.sex_words
