"""HL7 as NextGen Office writes it. Sources: personalities/nextgen_office/notes.md, section HL7."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from mockehr.hl7.accept.intents import Key
from mockehr.hl7.emit import Event, emit
from mockehr.sites.finding import find_by_identifier

House = Any


@pytest.mark.behaviour("nextgen_office", "hl7-header", "hl7-numbers")
def test_the_number_has_letters_in_front_everywhere_but_in_pid_2(house: Callable[..., House]) -> None:
    office = house("nextgen_office", 8)
    patient = office.read(f"Patient/{office.patient(2)}")
    message = emit(Event("ADT^A08", number=1, at=1_767_614_400.0), [patient], office.site.dialect)
    segments = [line.split("|") for line in bytes(message).decode().split("\r") if line]
    header, pid = segments[0], next(one for one in segments if one[0] == "PID")
    assert (header[2], header[11]) == ("NextGen Office^practice", "2.3")
    found = find_by_identifier(office.site, "Patient", [Key("", pid[3])])
    assert found is not None
    assert found.id == patient["id"]
    assert pid[2:5] == [patient["id"], f"HF{patient['id']}", f"HF{patient['id']}"]
