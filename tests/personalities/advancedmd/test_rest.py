"""AdvancedMD's scheduler and its Application Access API. Sources: personalities/advancedmd/notes.md."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import orjson
import pytest
from tests.personalities.advancedmd.practice import Practice

from mockehr.personalities.advancedmd.rest.lists import LISTS
from mockehr.personalities.markup import read_markup

House = Callable[..., Any]


@pytest.fixture(scope="module")
def practice(house: House) -> Practice:
    return Practice(house("advancedmd", 12))


def fresh(house: House, patients: int = 3, **settings: Any) -> Practice:
    return Practice(house("advancedmd", patients, settings=settings))


def rows(reply: Any) -> Any:
    assert reply.status == 200, reply
    return orjson.loads(reply.body)


def everything(practice: Practice, *columns: int) -> list[dict[str, Any]]:
    """Appointments of half a year around now."""
    months = ("2025-08", "2025-09", "2025-10", "2025-11", "2025-12", "2026-01", "2026-02", "2026-03", "2026-04")
    wanted = f"&columnId={'-'.join(map(str, columns))}" if columns else ""
    found: list[dict[str, Any]] = []
    for month in months:
        found += rows(practice.get(f"appointments?forView=month&startDate={month}-09{wanted}&isLegacy=true"))
    return found


@pytest.mark.behaviour("advancedmd", "bare-array", "local-times")
def test_appointments_are_a_bare_array_of_whole_numbers_and_local_times(practice: Practice) -> None:
    found = everything(practice)
    assert len(found) > 5
    visits = {}
    for index in range(12):
        told = practice.results("getpatientvisits", patientid=practice.site.patient(index))["visitlist"]
        listed = told.get("visit", [])
        for one in listed if isinstance(listed, list) else [listed]:
            visits[int(one["@id"])] = one["@visitstartdatetime"]
    for one in found:
        assert all(name == name.lower() for name in one)
        assert {type(one[name]) for name in ("id", "columnid", "profileid", "patientid", "duration")} == {int}
        assert datetime.fromisoformat(one["startdatetime"]).tzinfo is None
        assert one["startdatetime"] == visits[one["id"]]
    stored = practice.site.site.store.read("Appointment", str(found[0]["id"])).document
    utc = datetime.fromisoformat(stored["start"].replace("Z", "+00:00")).astimezone(UTC).replace(tzinfo=None)
    away = utc - datetime.fromisoformat(found[0]["startdatetime"])
    assert away.total_seconds() in (6 * 3600, 7 * 3600)


@pytest.mark.behaviour("advancedmd", "day-by-default", "provider-view-object")
def test_a_view_that_nobody_knows_is_the_days_and_that_of_a_provider_is_an_object(practice: Practice) -> None:
    first = everything(practice)[0]
    day = first["startdatetime"][:10]
    of_day = rows(practice.get(f"appointments?forView=day&startDate={day}"))
    assert first in of_day
    assert all(one["startdatetime"].startswith(day) for one in of_day)
    assert rows(practice.get(f"appointments?forView=fortnight&startDate={day}")) == of_day
    assert rows(practice.get(f"Appointments?startdate={day}")) == of_day
    week = rows(practice.get(f"appointments?forView=week&startDate={day}"))
    assert first in week
    assert len({one["startdatetime"][:10] for one in week}) <= 7
    by_column = rows(practice.get(f"appointments?forView=provider&startDate={day}"))
    assert first in by_column[str(first["columnid"])]


@pytest.mark.behaviour("advancedmd", "today-in-pacific")
def test_without_a_date_it_is_today_on_pacific_clocks(house: House) -> None:
    practice = fresh(house, 2, ppmd={"zone": "Eastern"})
    column = rows(practice.get("columns"))[0]["id"]
    ids = {}
    for day in ("2026-01-05", "2026-01-06"):
        made = practice.site.ask(
            "POST",
            f"{practice.rest}/scheduler/appointments",
            body=orjson.dumps(
                {
                    "patientid": int(practice.site.patient()),
                    "columnid": column,
                    "startdatetime": f"{day}T10:00:00",
                    "duration": 30,
                }
            ),
            authorization=f"Bearer {practice.token}",
        )
        ids[day] = rows(made)["id"]
    practice.site.site.clock.advance(19 * 3600)  # 07:00 UTC of the 6th: the 6th in the East, the 5th in the West
    assert ids["2026-01-05"] in {one["id"] for one in rows(practice.get("appointments?forView=day"))}
    assert ids["2026-01-06"] not in {one["id"] for one in rows(practice.get("appointments?forView=day"))}


@pytest.mark.behaviour("advancedmd", "batched-duplicates")
def test_some_come_twice_where_several_columns_are_asked_for_at_once(house: House) -> None:
    practice = fresh(house, 12, ppmd={"duplicate_share": 0.5})
    whole = everything(practice)
    columns = sorted({one["columnid"] for one in whole})
    assert set(Counter(one["id"] for one in whole).values()) == {1}
    alone = [one for column in columns for one in everything(practice, column)]
    assert sorted(one["id"] for one in alone) == sorted(one["id"] for one in whole)
    batched = Counter(one["id"] for one in everything(practice, *columns))
    assert set(batched) == {one["id"] for one in whole}
    assert set(batched.values()) == {1, 2}
    assert batched == Counter(one["id"] for one in everything(practice, *columns))


@pytest.mark.behaviour("advancedmd", "too-large", "unauthorized")
def test_what_is_too_large_is_refused_and_so_is_who_has_no_token(house: House) -> None:
    practice = fresh(house, 12, ppmd={"largest": 900})
    refused = practice.get("columns")
    assert refused.status == 413
    assert set(orjson.loads(refused.body)) == {"title", "detail"}
    path = f"{practice.rest}/scheduler/appointments"
    sent = practice.site.ask("POST", path, body=b" " * 901, authorization=f"Bearer {practice.token}")
    assert sent.status == 413
    assert practice.get("appointments?startDate=1/1/1999").status == 200
    for headers in ({"authorization": ""}, {"authorization": "Bearer x"}, {"authorization": practice.token}):
        unknown = practice.get("columns", **headers)
        assert unknown.status == 401
        assert orjson.loads(unknown.body) == {
            "title": "Unauthorized",
            "detail": "Invalid API key or bearer token.",
        }


@pytest.mark.behaviour("advancedmd", "booking")
def test_an_appointment_is_booked_and_cancelled(house: House) -> None:
    practice = fresh(house)
    column = rows(practice.get("columns"))[3]
    told = {"patientid": int(practice.site.patient(1)), "columnid": column["id"], "duration": 20}
    told |= {"startdatetime": "2026-07-01T09:30:00", "appointmenttypeids": [3], "comments": "Bring the form"}
    bearer = {"authorization": f"Bearer {practice.token}"}
    path = f"{practice.rest}/scheduler/Appointments"

    def sent(method: str, path: str, body: Any = None) -> Any:
        return practice.site.ask(method, path, body=orjson.dumps(body) if body is not None else b"", **bearer)

    before = len(practice.site.site.log.changes)
    id = rows(sent("POST", path, told))["id"]
    [row] = rows(practice.get("appointments?forView=day&startDate=2026-07-01"))
    assert {**row, **told} == row
    assert (row["id"], row["provider"].replace(", ", ","), row["appointmentstatus"]) == (id, column["heading"], 0)
    assert sent("PUT", f"{path}/{id}/cancel").status == 204
    [row] = rows(practice.get("appointments?forView=day&startDate=2026-07-01"))
    assert row["appointmentstatus"] == 10
    changes = practice.site.site.log.changes[before:]
    assert [one.resource_type for one in changes] == ["Appointment", "Appointment"]
    assert sent("PUT", f"{path}/1/cancel").status == 404
    wrongs: list[Any] = [[], None, {**told, "columnid": 1}, {**told, "patientid": 1}, {**told, "duration": "long"}]
    wrongs += [{**told, "startdatetime": "soon"}, {**told, "duration": -1}]
    for wrong in wrongs:
        reply = sent("POST", path, wrong)
        assert (reply.status, set(orjson.loads(reply.body))) == (400, {"title", "detail"})
    assert len(practice.site.site.log.changes) == before + 2


# what a patient's app may read


class App:
    """An app of the Application Access API."""

    def __init__(self, site: Any, user: str = "patient") -> None:
        self.site = site
        self.told = {"username": user, "password": "x", "officekey": site.site.personality.office}
        given = rows(self.post(self.told))
        self.patients, self.token = given["patientdata"], given["token"]

    def post(self, told: Any, **headers: str) -> Any:
        return self.site.ask("POST", "/pt-api/authenticate", body=orjson.dumps(told), **({"apikey": "k"} | headers))

    def get(self, target: str, **headers: str) -> Any:
        return self.site.ask("GET", f"/pt-api/{target}", **({"apikey": "k", "authorization": self.token} | headers))


@pytest.fixture(scope="module")
def app(house: House) -> App:
    return App(house("advancedmd", 12))


@pytest.mark.behaviour("advancedmd", "portal-authenticate", "portal-apikey")
def test_a_patient_signs_in_with_the_office_key_and_the_apps_own(app: App) -> None:
    [told] = app.patients
    patient = app.site.read(f"Patient/{told['patientid']}")
    assert told["dateofbirth"] == f"{patient['birthDate']}T00:00:00"
    assert told["name"].startswith(patient["name"][0]["family"].upper() + ",")
    for wrong in ({"officekey": "1"}, {"username": "nobody"}, {"username": "clinician"}):
        refused = app.post({**app.told, **wrong})
        assert (refused.status, set(orjson.loads(refused.body))) == (403, {"title", "detail"})
    assert app.post(app.told, apikey="").status == 401
    assert app.post([]).status == 400
    assert app.get(f"clinical/problems?patientid={told['patientid']}", apikey="").status == 401
    assert app.get(f"clinical/problems?patientid={told['patientid']}", authorization="x").status == 401
    assert rows(app.get(f"demographics/patients/{told['patientid']}")) == app.patients


@pytest.mark.behaviour("advancedmd", "portal-lists")
def test_lists_say_what_fhir_says(app: App) -> None:
    id = app.patients[0]["patientid"]
    lists = {name: rows(app.get(f"clinical/{name}?patientid={id}")) for name in LISTS}
    for name, kind in (
        ("allergies", "AllergyIntolerance"),
        ("goals", "Goal"),
        ("immunizations", "Immunization"),
        ("medications", "MedicationRequest"),
        ("problems", "Condition"),
        ("procedures", "Procedure"),
        ("results", "Observation?category=laboratory&"),
    ):
        query = kind if "?" in kind else f"{kind}?"
        assert len(lists[name]) == app.site.read(f"{query}patient={id}&_count=500").get("total"), name
    assert all(one["measurements"] for one in lists["vitalsigns"])
    assert all(one["rxNormId"] for one in lists["medications"])
    assert {one["status"] for one in lists["problems"]} <= {"Current", "Historical"}
    day = next(one["date"] for one in lists["immunizations"])
    bounded = rows(app.get(f"clinical/immunizations?patientid={id}&startDate={day}&endDate={day}"))
    assert {one["date"] for one in bounded} == {day}
    assert rows(app.get(f"clinical/immunizations?patientid={id}&endDate=1/1/1901")) == []


@pytest.mark.behaviour("advancedmd", "titled-errors")
def test_errors_have_a_title_and_a_detail_in_json_and_in_xml(app: App) -> None:
    id = app.patients[0]["patientid"]
    for target, status in (
        (f"clinical/problems?patientid={id}&startDate=soon", 400),
        (f"clinical/problems?patientid={app.site.patient(1)}", 403),
        ("clinical/problems", 403),
        ("clinical/nothing", 404),
        ("demographics/patients/1", 403),
    ):
        in_json, in_xml = app.get(target), app.get(target, accept="application/xml")
        assert (in_json.status, in_xml.status) == (status, status)
        told = orjson.loads(in_json.body)
        assert set(told) == {"title", "detail"}
        element = read_markup(in_xml.body)
        assert (element.name, element.attributes) == ("error", told)
    assert app.site.ask("POST", "/pt-api/clinical/problems").status == 405
