"""What can be booked at Oracle Health. Sources: simulator/mockehr/personalities/oracle/notes.md."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.personalities.conftest import House, body_of

from mockehr.core.chance import Chance
from mockehr.personalities.load import load_personality
from mockehr.personalities.oracle.ids import OracleIds

FORMS = load_personality("oracle").settings["ids"]["forms"]
IDS = OracleIds(Chance("x").key, FORMS)
WHEN = "start=ge2000-01-01T00:00:00Z&start=lt2100-01-01T00:00:00Z"
PATCH = "application/json-patch+json"


def slots(house: House) -> list[Any]:
    assert house.site.charts is not None
    return [one.document for one in house.site.charts.shared("Slot")]


def kind_of(slot: Any) -> str:
    coding = slot["serviceType"][0]["coding"][0]
    return quote(f"{coding['system']}|{coding['code']}", safe="")


@pytest.mark.behaviour("oracle", "slot-ids", "related-person-ids")
@given(st.integers(0, 2**24), st.integers(0, 2**10))
def test_ids_of_parts_lead_back(index: int, ordinal: int) -> None:
    text = IDS.encode("Slot", None, ordinal, "4047611-32216049-840")
    assert text.count("-") == 3
    assert text.startswith("4047611-32216049-")
    assert IDS.decode("Slot", text) == (None, ordinal)
    assert IDS.encode("Schedule", None, ordinal, "4047611-32216049-840") == text
    related = IDS.encode("RelatedPerson", index, ordinal)
    assert related.endswith("-" + IDS.encode("Patient", index, 0))
    assert IDS.decode("RelatedPerson", related) == (index, ordinal)
    assert IDS.decode("RelatedPerson", related + "1") is None
    assert IDS.decode("Slot", text + "-1") is None


@pytest.mark.behaviour("oracle", "slot-shape", "slot-ids", "appointment-type")
def test_slots_are_of_a_schedule_of_a_practitioner_and_a_place(house: Callable[..., House]) -> None:
    found = house("oracle")
    some = slots(found)[::40]
    assert len(some) > 2
    for slot in some:
        schedule = found.read(slot["schedule"]["reference"])
        assert schedule["id"] == slot["id"]
        kinds = [one["reference"].partition("/")[0] for one in schedule["actor"]]
        assert kinds == ["Practitioner", "Location"]
        assert slot["extension"][0]["url"].endswith("/scheduling-location")
        assert slot["extension"][0]["valueReference"]["reference"] == schedule["actor"][1]["reference"]
        assert "/codeSet/14249" in slot["serviceType"][0]["coding"][0]["system"]
        assert found.fhir(schedule["actor"][0]["reference"]).status == 200
        assert found.fhir(schedule["actor"][1]["reference"]).status == 200


@pytest.mark.behaviour("oracle", "slots-free-only", "slot-rules", "slot-next-forgets")
def test_searches_find_free_slots_by_their_start(house: Callable[..., House]) -> None:
    found = house("oracle", fresh=4)
    slot = slots(found)[0]
    target = f"Slot?service-type={kind_of(slot)}&{WHEN}"
    bundle = found.read(f"{target}&_count=1000")
    ids = [one["resource"]["id"] for one in bundle["entry"]]
    starts = [one["resource"]["start"] for one in bundle["entry"]]
    assert slot["id"] in ids
    assert starts == sorted(starts)
    change = [{"op": "replace", "path": "/status", "value": "busy-tentative"}]
    etag = found.fhir(f"Slot/{slot['id']}").header("Etag")
    taken = found.fhir(f"Slot/{slot['id']}", "PATCH", change, content_type=PATCH, if_match=etag)
    assert (taken.status, taken.header("Etag") != etag) == (200, True)
    left = [one["resource"]["id"] for one in found.read(f"{target}&_count=1000")["entry"]]
    assert set(ids) - set(left) == {slot["id"]}
    assert found.read(f"Slot?_id={slot['id']}")["entry"][0]["resource"]["status"] == "busy-tentative"
    place = slot["extension"][0]["valueReference"]["reference"].rpartition("/")[2]
    there = found.read(f"{target}&-location={place}&_count=1000")["entry"]
    assert {one["resource"]["extension"][0]["valueReference"]["reference"] for one in there} == {f"Location/{place}"}
    with_schedule = found.read(f"{target}&_include=Slot:schedule&_count=2")["entry"]
    assert "Schedule" in {one["resource"]["resourceType"] for one in with_schedule}


@pytest.mark.behaviour("oracle", "slot-rules")
@pytest.mark.parametrize(
    ("target", "words"),
    [
        ("Slot", "service-type"),
        ("Slot?service-type=x", "start must be provided"),
        ("Slot?service-type=x&start=ge2026-01-01T00:00:00Z", "both ge and lt"),
        (f"Slot?service-type=x&service-type=y&{WHEN}", "only once"),
    ],
)
def test_searches_for_slots_want_a_type_and_a_range(house: Callable[..., House], target: str, words: str) -> None:
    reply = house("oracle").fhir(target)
    assert reply.status == 400
    assert words in body_of(reply)["issue"][0]["details"]["text"]


@pytest.mark.behaviour("oracle", "slot-codes-not-mixed")
def test_codes_of_the_tenant_and_of_standards_do_not_go_together(house: Callable[..., House]) -> None:
    own = kind_of(slots(house("oracle"))[0])
    mixed = house("oracle").fhir(f"Slot?service-type={own},http://snomed.info/sct%7C394814009&{WHEN}")
    assert mixed.status == 422
    for alone in (own, "http://snomed.info/sct%7C394814009"):
        assert house("oracle").fhir(f"Slot?service-type={alone}&{WHEN}").status == 200


@pytest.mark.behaviour("oracle", "schedule-by-id")
def test_schedules_are_found_by_id_alone(house: Callable[..., House]) -> None:
    found = house("oracle")
    schedule = slots(found)[0]["schedule"]["reference"].rpartition("/")[2]
    assert len(found.read(f"Schedule?_id={schedule}")["entry"]) == 1
    assert found.fhir("Schedule?actor=Practitioner/1").status == 400


@pytest.mark.behaviour("oracle", "appointment-shape", "appointment-rules")
def test_appointments_say_whether_they_can_be_moved(house: Callable[..., House]) -> None:
    found, seen = house("oracle"), 0
    for index in range(12):
        target = f"Appointment?patient={found.patient(index)}&date=ge2000-01-01T00:00:00Z"
        entries = found.read(target).get("entry", ())
        starts = [one["resource"]["start"] for one in entries if "start" in one["resource"]]
        assert starts == sorted(starts)
        for one in entries:
            told = {extension["url"].rpartition("/")[2]: extension for extension in one["resource"]["extension"]}
            assert set(told) == {"is-cancelable", "is-reschedulable"}
            still = one["resource"]["status"] in ("booked", "proposed", "pending")
            assert told["is-cancelable"]["valueBoolean"] is still
            kinds = [str(part.get("type")) for part in one["resource"]["participant"]]
            assert any("codeSet/14250" in kind for kind in kinds)
            seen += 1
    assert seen
