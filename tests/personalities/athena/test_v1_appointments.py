"""Appointments of the proprietary API, and the feeds that tell of them. Sources: personalities/athena/notes.md."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import orjson
import pytest

House = Any
PREVIEW = {"events": {"athena": {"practice": "195900"}, "changed": {"latency": 0}}}


@pytest.fixture
def site(house: Callable[..., House]) -> House:
    return house("athena", patients=3, settings=PREVIEW)


def ask(site: House, method: str, path: str, form: dict[str, str] | None = None, status: int = 200) -> Any:
    reply = site.ask(method, f"/v1/195900{path}", form)
    assert reply.status == status, reply.body
    return orjson.loads(reply.body)


def patient(site: House, index: int = 0) -> str:
    return str(site.patient(index)).rpartition("-")[2]


def slots(site: House, more: str = "&reasonid=-1") -> list[dict[str, Any]]:
    """Open slots of the first department that has any."""
    for number in range(2, 42, 4):
        found: list[dict[str, Any]] = ask(site, "GET", f"/appointments/open?departmentid={number}{more}")[
            "appointments"
        ]
        if found:
            return found
    return []


@pytest.mark.behaviour("athena", "v1-id-kinds", "v1-slot-number", "v1-statuses")
def test_a_slot_has_numbers_and_what_is_booked_has_texts_and_the_same_number(site: House) -> None:
    slot = slots(site)[0]
    for name in ("appointmentid", "departmentid", "providerid", "appointmenttypeid", "localproviderid"):
        assert isinstance(slot[name], int), name
    [booked] = ask(site, "PUT", f"/appointments/{slot['appointmentid']}", {"patientid": patient(site)})
    for name in ("appointmentid", "departmentid", "providerid", "appointmenttypeid"):
        assert booked[name] == str(slot[name])
    assert (booked["appointmentstatus"], booked["patientid"]) == ("f", patient(site))
    resource = site.read(f"Appointment/a-195900.appointment-{slot['appointmentid']}")
    assert resource["status"] == "booked"
    assert (
        resource["start"] == f"{slot['date'][6:]}-{slot['date'][:2]}-{slot['date'][3:5]}T{slot['starttime']}:00-05:00"
    )
    assert slot["appointmentid"] not in {one["appointmentid"] for one in slots(site)}
    again = ask(site, "PUT", f"/appointments/{slot['appointmentid']}", {"patientid": patient(site, 1)}, status=409)
    assert "already booked" in again["error"]
    [shown] = ask(site, "GET", f"/appointments/{slot['appointmentid']}")
    assert shown["patientid"] == patient(site)
    [other] = ask(site, "GET", f"/appointments/{slots(site)[0]['appointmentid']}")
    assert other["appointmentstatus"] == "o"


@pytest.mark.behaviour("athena", "v1-open-needs")
def test_open_slots_are_told_only_to_who_says_for_what(site: House) -> None:
    assert slots(site, "") == []
    usual, typed = slots(site), slots(site, "&appointmenttypeid=2")
    assert usual == typed
    assert slots(site, "&appointmenttypeid=82") == []
    first = usual[0]
    department = f"/appointments/open?departmentid={first['departmentid']}"
    assert ask(site, "GET", department + "&reasonid=5", status=400)["missingfields"] == ["providerid"]
    assert ask(site, "GET", f"{department}&reasonid=5&providerid={first['providerid']}")["appointments"]
    assert {one["date"] for one in usual} == {"01/06/2026", "01/07/2026", "01/08/2026", "01/09/2026", "01/12/2026"}
    today = ask(site, "GET", department + "&reasonid=-1&bypassscheduletimechecks=true")["appointments"]
    assert today[0]["date"] == "01/05/2026"
    late = department + "&reasonid=-1&startdate=05/01/2026&enddate=05/04/2026"
    assert ask(site, "GET", late)["appointments"] == []
    assert ask(site, "GET", late + "&bypassscheduletimechecks=true")["appointments"]
    assert ask(site, "GET", "/appointments/open?departmentid=999&reasonid=-1", status=400)


@pytest.mark.behaviour("athena", "v1-failure-in-200", "v1-open-needs")
def test_what_is_frozen_already_is_told_with_200(site: House) -> None:
    slot = slots(site)[0]
    path = f"/appointments/{slot['appointmentid']}/freeze"
    assert ask(site, "PUT", path) == {"success": True, "errormessage": ""}
    assert ask(site, "PUT", path) == {"success": False, "errormessage": "Appointment is already frozen."}
    assert slot["appointmentid"] not in {one["appointmentid"] for one in slots(site)}
    frozen = [one for one in slots(site, "&reasonid=-1&showfrozenslots=true") if one.get("frozen")]
    assert [one["appointmentid"] for one in frozen] == [slot["appointmentid"]]
    refused = ask(site, "PUT", f"/appointments/{slot['appointmentid']}", {"patientid": patient(site)}, status=409)
    assert refused["error"]
    assert ask(site, "PUT", path, {"freeze": "false"})["success"] is True
    assert slot in slots(site)


@pytest.mark.behaviour("athena", "v1-bare-one")
def test_an_update_gives_a_bare_one_or_a_bare_text(site: House) -> None:
    slot = slots(site)[0]
    ask(site, "PUT", f"/appointments/{slot['appointmentid']}", {"patientid": patient(site)})
    path = f"/appointments/booked/{slot['appointmentid']}"
    assert ask(site, "PUT", path, {"providerid": "9999"}) == "Invalid PROVIDERID input"
    assert ask(site, "PUT", path, {"departmentid": "9999"}) == "Invalid DEPARTMENTID input"
    other = next(n for n in (2, 6, 10) if n != slot["departmentid"])
    reply = site.ask("PUT", f"/v1/195900{path}", {"departmentid": str(other)})
    assert (reply.status, reply.body) == (200, b"1")
    [shown] = ask(site, "GET", f"/appointments/{slot['appointmentid']}")
    assert shown["departmentid"] == str(other)


@pytest.mark.behaviour("athena", "v1-check-in", "v1-statuses")
def test_a_day_at_the_practice(site: House) -> None:
    first, second = slots(site)[:2]
    path = f"/appointments/{first['appointmentid']}"
    ask(site, "PUT", path, {"patientid": patient(site)})
    assert ask(site, "POST", path + "/startcheckin") == {"success": True, "message": ""}
    [shown] = ask(site, "GET", path)
    assert (shown["appointmentstatus"], shown["startcheckin"]) == ("f", "01/05/2026 07:00:00")
    assert ask(site, "POST", path + "/checkin") == {"success": True, "message": ""}
    assert ask(site, "POST", path + "/checkin")["success"] is False
    assert ask(site, "GET", path)[0]["appointmentstatus"] == "2"
    assert site.read(f"Appointment/a-195900.appointment-{first['appointmentid']}")["status"] == "arrived"
    assert ask(site, "POST", path + "/cancelcheckin")["success"] is True
    assert ask(site, "POST", path + "/checkout") == {
        "success": False,
        "errormessage": "The appointment has not been checked in.",
    }
    ask(site, "POST", path + "/checkin")
    assert ask(site, "POST", path + "/checkout") == {"success": True, "errormessage": ""}
    assert ask(site, "GET", path)[0]["appointmentstatus"] == "3"
    other = f"/appointments/{second['appointmentid']}"
    ask(site, "PUT", other, {"patientid": patient(site)})
    assert ask(site, "PUT", other + "/cancel", {"patientid": "60182"}, status=400)
    told = {"patientid": patient(site), "cancellationreason": "SNOW"}
    assert ask(site, "PUT", other + "/cancel", told) == [
        {"appointmentid": str(second["appointmentid"]), "status": "x"}
    ]
    [shown] = ask(site, "GET", other)
    assert (shown["appointmentstatus"], shown["cancelreasonname"]) == ("x", "SNOW")
    assert shown["cancelledby"].startswith("API-")
    assert shown["cancelleddatetime"] == "01/05/2026 07:00:00"


def test_what_is_moved_names_what_took_its_place(site: House) -> None:
    first, second = slots(site)[:2]
    path = f"/appointments/{first['appointmentid']}"
    ask(site, "PUT", path, {"patientid": patient(site)})
    form = {"patientid": patient(site), "newappointmentid": str(second["appointmentid"])}
    [moved] = ask(site, "PUT", path + "/reschedule", form)
    assert (moved["appointmentid"], moved["appointmentstatus"]) == (str(second["appointmentid"]), "f")
    [old] = ask(site, "GET", path)
    assert (old["appointmentstatus"], old["rescheduledappointmentid"]) == ("x", str(second["appointmentid"]))


def test_slots_are_made_and_booked(site: House) -> None:
    form = {"departmentid": "2", "providerid": "2", "appointmentdate": "01/10/2026", "appointmenttime": "10:00,10:30"}
    numbers = ask(site, "POST", "/appointments/open", form)["appointmentids"]
    assert sorted(numbers.values()) == ["10:00", "10:30"]
    path = "/appointments/open?departmentid=2&reasonid=-1&startdate=01/10/2026&enddate=01/10/2026"
    found = ask(site, "GET", path)["appointments"]
    assert {str(one["appointmentid"]) for one in found} == set(numbers)
    number = next(iter(numbers))
    [booked] = ask(site, "PUT", f"/appointments/{number}", {"patientid": patient(site)})
    assert (booked["appointmentid"], booked["date"]) == (number, "01/10/2026")
    assert len(ask(site, "GET", path)["appointments"]) == 1
    assert ask(site, "POST", "/appointments/open", {**form, "appointmenttime": "noon"}, status=400)


def test_what_is_booked_is_listed_by_days_and_patient(site: House) -> None:
    slot = slots(site)[0]
    ask(site, "PUT", f"/appointments/{slot['appointmentid']}", {"patientid": patient(site)})
    days = "startdate=01/01/2026&enddate=12/31/2026"
    found = ask(site, "GET", f"/appointments/booked?{days}&departmentid={slot['departmentid']}")
    assert str(slot["appointmentid"]) in {one["appointmentid"] for one in found["appointments"]}
    mine = ask(site, "GET", f"/appointments/booked?{days}&patientid={patient(site)}")["appointments"]
    assert {one["patientid"] for one in mine} == {patient(site)}
    everything = ask(site, "GET", f"/patients/{patient(site)}/appointments")["appointments"]
    assert {one["appointmentid"] for one in mine} <= {one["appointmentid"] for one in everything}
    assert ask(site, "GET", "/appointments/booked", status=400)["missingfields"] == ["startdate", "enddate"]
    assert ask(site, "GET", "/appointments/3", status=404)


@pytest.mark.behaviour("athena", "changed-feeds", "changed-consumes")
def test_the_feeds_tell_once_of_what_the_api_did(site: House) -> None:
    assert ask(site, "POST", "/appointments/changed/subscription", {"eventname": "ScheduleAppointment"}) == {
        "success": True
    }
    assert ask(site, "GET", "/appointments/changed/subscription")["status"] == "PARTIAL"
    ask(site, "POST", "/appointments/changed/subscription")
    assert ask(site, "GET", "/appointments/changed/subscription")["status"] == "ACTIVE"
    slot, other = slots(site)[:2]
    ask(site, "PUT", f"/appointments/{slot['appointmentid']}", {"patientid": patient(site)})
    ask(site, "PUT", f"/appointments/{other['appointmentid']}/freeze")
    peek = ask(site, "GET", "/appointments/changed?leaveunprocessed=true")["appointments"]
    told = ask(site, "GET", "/appointments/changed")["appointments"]
    assert told == peek
    assert [(one["appointmentid"], one["appointmentstatus"]) for one in told] == [
        (str(slot["appointmentid"]), "f"),
        (str(other["appointmentid"]), "o"),
    ]
    assert told[0]["patientid"] == patient(site)
    assert told[0]["starttime"] == slot["starttime"]
    assert ask(site, "GET", "/appointments/changed")["appointments"] == []
    again = ask(site, "GET", "/appointments/changed?showprocessedstartdatetime=01/01/2026%2000:00:00")
    assert len(again["appointments"]) == 2


@pytest.mark.behaviour("athena", "changed-latency")
def test_changes_come_late(house: Callable[..., House]) -> None:
    for environment, minutes in (("", 5), ("sandbox", 12), ("production", 5)):
        site = house("athena", patients=1, fresh=1, environment=environment)
        practice = site.site.personality.tenant(site.site.facts)
        base = f"/v1/{practice}/patients"
        site.ask("POST", f"{base}/changed/subscription", {})
        made = site.ask("POST", base, {"firstname": "A", "lastname": "B", "dob": "01/01/2000", "departmentid": "2"})
        assert made.status == 200
        site.site.clock.advance(minutes * 60 - 1)
        assert orjson.loads(site.ask("GET", f"{base}/changed").body)["patients"] == []
        site.site.clock.advance(2)
        assert len(orjson.loads(site.ask("GET", f"{base}/changed").body)["patients"]) == 1
