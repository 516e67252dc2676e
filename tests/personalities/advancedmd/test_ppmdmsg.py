"""AdvancedMD's ppmdmsg. Sources: personalities/advancedmd/notes.md."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

import orjson
import pytest
from tests.personalities.advancedmd.practice import FIRST, Practice, several

from mockehr.personalities.advancedmd.ppmd.actions import ACTIONS
from mockehr.personalities.advancedmd.words import read_shown, us_date, us_stamp
from mockehr.personalities.variance import variance_of

House = Callable[..., Any]


@pytest.fixture(scope="module")
def practice(house: House) -> Practice:
    return Practice(house("advancedmd", 12))


def fresh(house: House, patients: int = 3, **settings: Any) -> Practice:
    return Practice(house("advancedmd", patients, settings=settings))


def people(practice: Practice) -> list[dict[str, Any]]:
    return [practice.site.read(f"Patient/{practice.site.patient(index)}") for index in range(12)]


def shown(patient: dict[str, Any], separator: str = ",") -> str:
    name = patient["name"][0]
    return separator.join((name["family"], " ".join(name["given"]))).upper()


# signing in


@pytest.mark.behaviour("advancedmd", "login-redirects", "three-addresses")
def test_the_first_login_is_an_error_that_carries_the_web_server(practice: Practice) -> None:
    told = practice.login(FIRST)
    assert told["Results"]["@success"] == "0"
    assert "#text" not in told["Results"]["usercontext"]
    server = told["Results"]["usercontext"]["@webserver"]
    assert server == "https://north.example.org/processrequest/api-801/TESTAPP"
    assert told["Error"]["Fault"]["detail"] == {"code": "-2147220476", "description": "redirect"}
    for path in ("/api/api-801/TESTAPP", "/ehr-api/api-801/TESTAPP"):
        bearer = {"authorization": f"Bearer {practice.token}"}
        assert practice.site.ask("GET", path, **bearer).status == 404
        assert practice.site.ask("GET", path).status == 401


@pytest.mark.behaviour("advancedmd", "login-token", "token-or-cookie")
def test_the_second_login_gives_the_token_as_a_text_and_as_a_cookie(practice: Practice) -> None:
    reply = practice.post(practice.address, orjson.dumps({"ppmdmsg": practice.message()}))
    told = orjson.loads(reply.body)["PPMDResults"]["Results"]
    assert told["@success"] == "1"
    token = told["usercontext"]["#text"]
    assert token.startswith(practice.office)
    assert reply.header("set-cookie").startswith(f"token={token};")
    body = orjson.dumps({"ppmdmsg": {"@action": "lookupfacility", "usercontext": token}})
    assert orjson.loads(practice.post(practice.address, body).body)["PPMDResults"]["Results"]["@success"] == "1"
    body = orjson.dumps({"ppmdmsg": {"@action": "lookupfacility"}})
    by_cookie = practice.post(practice.address, body, cookie=f"token={token}")
    assert orjson.loads(by_cookie.body)["PPMDResults"]["Results"]["@success"] == "1"


@pytest.mark.parametrize("wrong", [{"@officecode": "1"}, {"@username": "nobody"}, {"@username": ""}])
def test_who_is_nobody_and_who_is_of_another_office_gets_no_token(practice: Practice, wrong: Any) -> None:
    for path in (FIRST, practice.address):
        told = practice.login(path, **wrong)
        assert told["Results"] == {"@success": "0"}
        assert told["Error"]["Fault"]["detail"]["code"] != "-2147220476"


@pytest.mark.behaviour("advancedmd", "token-of-a-day")
def test_a_token_is_good_for_a_day(house: House) -> None:
    practice = fresh(house, 2)
    practice.site.site.clock.advance(86_000)
    assert practice.results("lookupfacility")
    practice.site.site.clock.advance(500)
    told = practice.whole("lookupfacility")
    assert told["Error"]["Fault"]["detail"] == {"code": "-2147220479", "description": "Session has timed out"}
    assert practice.get("columns").status == 401


# messages


@pytest.mark.behaviour("advancedmd", "xml-and-json")
def test_xml_says_what_json_says(practice: Practice) -> None:
    by_json = practice.results("lookupcarrier")
    answer = practice.by_xml("", action="LookupCarrier", nocookie="1")
    assert answer.name == "PPMDResults"
    results = answer.find("Results")
    assert results is not None
    assert results.get("success") == "1"
    rows = [{"@id": one.get("id"), "@name": one.get("name")} for one in results.every("carrier")]
    assert rows == several(by_json["carrierlist"], "carrier")
    login = "".join(f' {name[1:]}="{value}"' for name, value in practice.message().items())
    reply = practice.post(FIRST, f"<ppmdmsg{login}/>".encode())
    assert b'usercontext webserver="https://north.example.org/processrequest/api-801/TESTAPP"' in reply.body


@pytest.mark.behaviour("advancedmd", "one-collapses", "empty-loses-key")
def test_a_list_of_one_is_that_one_and_an_empty_list_has_no_key(practice: Practice) -> None:
    name = practice.results("lookupfacility")["facilitylist"]["facility"][7]["@name"]
    one = practice.results("lookupfacility", name=name)["facilitylist"]
    assert isinstance(one["facility"], dict)
    assert one["@itemcount"] == "1"
    assert practice.results("lookupfacility", name="no such")["facilitylist"] == {"@itemcount": "0"}


@pytest.mark.behaviour("advancedmd", "errors-in-200")
def test_errors_are_answers_with_a_fault(practice: Practice) -> None:
    assert practice.error("nosuchaction")
    assert practice.error("getdemographic", patientid="pat1").startswith("Patient 1 ")
    assert practice.error("getupdatedpatients", datechanged="soon")
    for action in ACTIONS:
        if action not in ("getschedulersetup",) and not action.startswith("lookup"):
            assert practice.error(action)
    assert practice.error("lookuppatient")
    assert practice.error("lookupdiagcode")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"{}",
        b"[]",
        b'{"ppmdmsg": 1}',
        b"<ppmdmsg",
        b"<x/>",
        b'<!DOCTYPE x [<!ENTITY a "b">]><ppmdmsg action="login" username="&a;"/>',
        b'{"ppmdmsg": ' + b'{"a": ' * 60 + b"1" + b"}" * 61,
        b"\xff\xfe<",
    ],
)
def test_what_is_no_message_is_answered_with_a_fault(practice: Practice, body: bytes) -> None:
    for path in (FIRST, practice.address):
        reply = practice.post(path, body, cookie=f"token={practice.token}")
        assert reply.status == 200
        assert b"Fault" in reply.body
        assert b"description" in reply.body


def test_other_paths_and_methods_are_not_there(practice: Practice) -> None:
    assert practice.post("/practicemanager/xmlrpc/other.aspx", b"<x/>").status == 404
    assert practice.post("/processrequest/api-801/A B/xmlrpc/processrequest.aspx", b"<x/>").status == 404
    assert practice.site.ask("GET", FIRST).status == 405
    assert practice.post(FIRST.replace("processrequest", "ProcessRequest"), b"<x/>").status == 200


# reading


@pytest.mark.behaviour("advancedmd", "lookups", "upper-case-names", "dates-of-ppmd", "address-lines", "prefixed-ids")
def test_patients_are_looked_up_by_the_beginning_of_their_name(practice: Practice, house: House) -> None:
    for patient in people(practice):
        family = patient["name"][0]["family"]
        told = practice.results("lookuppatient", name=f"{family},{patient['name'][0]['given'][0][:2]}")["patientlist"]
        [row] = [one for one in several(told, "patient") if one["@id"] == f"pat{patient['id']}"]
        assert row["@name"] == shown(patient)
        born = patient["birthDate"]
        assert row["@dob"] == f"{born[5:7]}/{born[8:]}/{born[:4]}"
        assert row["@respparty"] == f"resp{patient['id']}"
        assert row["@sex"] == patient["gender"][0].upper()
        assert row["address"]["@address2"] == patient["address"][0]["line"][0]
        assert row["address"]["@address1"] == " ".join(patient["address"][0]["line"][1:])
    spaced = fresh(house, 2, ppmd=variance_of("advancedmd").traits[0].choices[1].settings["ppmd"])
    first = spaced.site.read(f"Patient/{spaced.site.patient()}")
    rows = several(spaced.results("lookuppatient", name=shown(first)[:4])["patientlist"], "patient")
    assert shown(first, ", ") in {one["@name"] for one in rows}


def test_lookups_have_pages(house: House) -> None:
    practice = fresh(house, 2, ppmd={"page": 7})
    pages = [practice.results("lookupprovider", page=number)["providerlist"] for number in (1, 2, 6, 7)]
    assert [len(several(page, "provider")) for page in pages] == [7, 7, 5, 0]
    assert {page["@pagecount"] for page in pages} == {"6"}
    ids = [one["@id"] for page in pages for one in several(page, "provider")]
    assert len(ids) == len(set(ids))


def test_phones_find_patients_as_well(practice: Practice) -> None:
    patient = next(one for one in people(practice) if any(t["system"] == "phone" for t in one.get("telecom", ())))
    number = next(one["value"] for one in patient["telecom"] if one["system"] == "phone")
    rows = several(practice.results("lookuppatient", phone=number)["patientlist"], "patient")
    assert f"pat{patient['id']}" in {one["@id"] for one in rows}


def test_demographics_have_the_insurance_and_who_pays_it(practice: Practice) -> None:
    for index in range(6):
        id = practice.site.patient(index)
        told = practice.results("getdemographic", patientid=(f"pat{id}", id)[index % 2])
        plans = several(told["patientlist"]["patient"]["insplanlist"], "insplan")
        covers = practice.site.read(f"Coverage?patient={id}").get("entry", [])
        assert [one["@id"] for one in plans] == [f"ins{one['resource']['id']}" for one in covers]
        carriers = {one["@id"] for one in several(told["carrierlist"], "carrier")}
        assert {one["@carrier"] for one in plans} == carriers
        assert {one["@subscriber"] for one in plans} <= {f"resp{id}"}


@pytest.mark.behaviour("advancedmd", "updated-by-template", "visit-statuses")
def test_changes_are_told_by_a_template_under_its_names(practice: Practice) -> None:
    template = {"@name": "Name", "@born": "DOB", "@when": "ChangedAt", "@odd": "NoSuch"}
    told = practice.results("getupdatedpatients", datechanged="1990-07-07T00:48:47.617", patient=template)
    rows = {one["@id"]: one for one in several(told["patientlist"], "patient")}
    everybody = {f"pat{one['id']}": one for one in people(practice)}
    assert set(rows) == set(everybody)
    for id, row in rows.items():
        assert set(row) == {"@id", "@name", "@born", "@when", "@odd"}
        assert (row["@name"], row["@odd"]) == (shown(everybody[id]), "")
    none = practice.results("getupdatedpatients", datechanged=told["@servertime"], patient=template)
    assert none["patientlist"] == {"@itemcount": "0"}
    visit = {"@start": "VisitStartDateTime", "@long": "Duration", "@state": "ApptStatus", "@who": "ProviderName"}
    visits = practice.results("getupdatedvisits", datechanged="1/1/1990", visit=visit, patient={"@name": "Name"})
    listed = several(visits["visitlist"], "visit")
    assert visits["@visitcount"] == str(len(listed))
    assert {one["@state"] for one in listed} <= {"0", "1", "2", "3", "10", "11", "12"}
    assert {"0", "3"} <= {one["@state"] for one in listed}
    now = "2026-01-05T05:00:00"
    assert all((one["@start"] > now) == (one["@state"] == "0") for one in listed if one["@state"] in "03")
    for one in listed:
        whom = one["patientlist"]["patient"]
        assert whom["@name"] == rows[whom["@id"]]["@name"]


@pytest.mark.behaviour("advancedmd", "updated-in-two-steps")
def test_of_too_many_visits_the_ids_are_told_and_then_asked_for(house: House) -> None:
    practice = fresh(house, 12, ppmd={"whole_up_to": 5})
    template = {"@start": "VisitStartDateTime"}
    told = practice.results("getupdatedvisits", datechanged="1/1/1990", visit=template)
    ids = several(told["visitlist"], "visit")
    assert len(ids) > 5
    assert {tuple(one) for one in ids} == {("@id",)}
    asked = practice.results("getupdatedvisits", visitlist={"visit": ids[:5]}, visit=template)
    rows = several(asked["visitlist"], "visit")
    assert [one["@id"] for one in rows] == [one["@id"] for one in ids[:5]]
    assert all(one["@start"] for one in rows)
    assert practice.error("getupdatedvisits", visitlist={"visit": ids[:6]}, visit=template)


def test_visits_of_a_day_and_of_a_patient_are_the_same_visits(practice: Practice) -> None:
    found = {}
    for index in range(12):
        told = practice.results("getpatientvisits", patientid=f"pat{practice.site.patient(index)}")
        found |= {one["@id"]: one for one in several(told["visitlist"], "visit")}
    assert found
    for id, row in found.items():
        at = datetime.fromisoformat(row["@visitstartdatetime"])
        told = practice.results("getdatevisits", visitdate=f"{at:%m/%d/%Y}")
        assert row in several(told["visitlist"], "visit"), id


@pytest.mark.behaviour("advancedmd", "scheduler-setup")
def test_columns_have_profiles_and_facilities_and_their_hours(practice: Practice) -> None:
    told = practice.results("getschedulersetup")
    columns = told["columnlist"]["column"]
    profiles = {one["@id"]: one["@name"] for one in told["profilelist"]["profile"]}
    places = {one["@id"] for one in told["facilitylist"]["facility"]}
    assert len({one["@id"] for one in columns}) == len(columns) == 40
    for one in columns:
        assert one["@id"].startswith("col1")
        assert profiles[one["@profile"]] == one["@name"]
        assert one["@facility"] in places
        assert len(one["columnsetting"]["@workweek"]) == 7
    rows = practice.results("lookupprofile", name=columns[3]["@name"])["profilelist"]
    assert columns[3]["@profile"] in {one["@id"] for one in several(rows, "profile")}


def test_diagnosis_codes_are_those_that_were_written(practice: Practice) -> None:
    rows = several(practice.results("lookupdiagcode", code="z00")["diagcodelist"], "diagcode")
    assert rows
    assert all(one["@code"].startswith("Z00") and one["@codeset"] == "10" for one in rows)


# writing


def baker(**more: Any) -> dict[str, Any]:
    told = {"@name": "BAKER,ANN MARIE", "@dob": "01/15/1980", "@sex": "F", "@chart": "AUTO", "@respparty": "SELF"}
    where = {"@address1": "APT 2", "@address2": "1 MAIN ST", "@city": "DRAPER", "@state": "UT", "@zip": "84020"}
    contact = {"@homephone": "(801)555-0101", "@email": "ann@example.org"}
    return {"patient": {**told, "address": where, "contactinfo": contact, **more}}


@pytest.mark.behaviour("advancedmd", "duplicate-patient", "errors-in-200")
def test_a_new_patient_is_a_change_that_fhir_shows_and_a_second_one_is_refused(house: House) -> None:
    practice = fresh(house)
    before = len(practice.site.site.log.changes)
    row = practice.results("addpatient", patientlist=baker())["patientlist"]["patient"]
    assert (row["@name"], row["@dob"], row["@respparty"]) == (
        "BAKER,ANN MARIE",
        "01/15/1980",
        row["@id"].replace("pat", "resp"),
    )
    patient = practice.site.read(f"Patient/{row['@id'].removeprefix('pat')}")
    assert patient["name"][0] == {"use": "official", "family": "Baker", "given": ["Ann", "Marie"]}
    assert patient["address"][0]["line"] == ["1 MAIN ST", "APT 2"]
    assert patient["identifier"][0]["value"] == row["@chart"]
    assert [one.resource_type for one in practice.site.site.log.changes[before:]] == ["Patient"]
    assert [one["resource"]["id"] for one in practice.site.read("Patient?name=baker")["entry"]] == [patient["id"]]
    told = practice.whole("addpatient", patientlist=baker(**{"@name": "Baker, Ann"}))
    assert told["Error"] == "Duplicate name/DOB"
    assert len(practice.site.site.log.changes) == before + 1
    assert practice.results("addpatient", patientlist=baker(**{"@dob": "1/16/1980"}))
    for wrong in ({"@name": "BAKER"}, {"@dob": "31/31/1980"}, {"@dob": ""}):
        assert practice.error("addpatient", patientlist=baker(**wrong))
    changed = practice.results("getupdatedpatients", datechanged="1/5/2026 4:59:00 AM", patient={"@n": "Name"})
    assert len(several(changed["patientlist"], "patient")) == 2


@pytest.mark.behaviour("advancedmd", "ambiguous-success")
def test_insurance_is_written_and_the_answer_says_nothing(house: House) -> None:
    practice = fresh(house)
    id = practice.site.patient(1)
    carrier = practice.results("lookupcarrier")["carrierlist"]["carrier"][0]["@id"]
    plan = {"@carrier": carrier, "@subscribernum": "A-1", "@begindate": "01/01/2026", "@subscriber": f"resp{id}"}
    told = {"patient": {"@id": f"pat{id}", "insplanlist": {"insplan": plan}}}
    before = {one["resource"]["id"] for one in practice.site.read(f"Coverage?patient={id}").get("entry", ())}
    assert practice.whole("addinsurance", patientlist=told) == {"Results": {}, "Error": None}
    now = {one["resource"]["id"]: one["resource"] for one in practice.site.read(f"Coverage?patient={id}")["entry"]}
    [made] = set(now) - before
    assert (now[made]["subscriberId"], now[made]["period"]) == ("A-1", {"start": "2026-01-01"})
    end = {"patient": {"@id": id, "insplanlist": {"insplan": {"@id": f"ins{made}", "@enddate": "2/1/2026"}}}}
    assert practice.whole("addinsurance", patientlist=end)["Results"] == {}
    ended = practice.site.read(f"Coverage/{made}")
    assert (ended["status"], ended["period"]) == ("cancelled", {"start": "2026-01-01", "end": "2026-02-01"})
    other = {"patient": {"@id": practice.site.patient(0), "insplanlist": {"insplan": {"@id": f"ins{made}"}}}}
    assert practice.error("addinsurance", patientlist=other)
    nobody = {"patient": {"@id": id, "insplanlist": {"insplan": {"@carrier": "car1"}}}}
    assert practice.error("addinsurance", patientlist=nobody)


@pytest.mark.behaviour("advancedmd", "note-newid")
def test_a_note_is_a_document_whose_id_stands_above_the_results(house: House) -> None:
    practice = fresh(house)
    id = practice.site.patient(0)
    note = {"@patientfid": f"pat{id}", "@profilefid": "prof601", "@notetypefid": "1", "@note": "Called. <ok> & fine"}
    told = practice.whole("savepatientnotes", masterfile=note)
    document = practice.site.read(f"DocumentReference/{told['@newid']}")
    assert document["subject"]["reference"] == f"Patient/{id}"
    assert document["author"][0]["reference"].startswith("Practitioner/")
    found = practice.site.read(f"DocumentReference?patient={id}&_count=200")["entry"]
    assert document["id"] in {one["resource"]["id"] for one in found}
    for wrong in ({"@note": " "}, {"@patientfid": "pat1"}, {"@profilefid": "prof9"}):
        assert practice.error("savepatientnotes", masterfile={**note, **wrong})
    answer = practice.by_xml(f'<masterfile patientfid="{id}" note="By XML"/>', action="savepatientnotes")
    assert practice.site.read(f"DocumentReference/{answer.get('newid')}")["subject"]["reference"].endswith(id)


# rates and large practices


@pytest.mark.behaviour("advancedmd", "tiers")
def test_in_working_hours_of_mountain_time_changes_are_asked_for_once_a_minute(house: House) -> None:
    settings = variance_of("advancedmd").environments["production"].settings
    practice = fresh(house, 2, rates=settings["rates"])
    body = orjson.dumps({"ppmdmsg": {"@action": "getupdatedvisits", "@datechanged": "1/5/2026"}})

    def asked() -> Any:
        return practice.post(practice.address, body, cookie=f"token={practice.token}")

    assert [asked().status for _ in range(61)] == [200] * 60 + [429]
    practice.site.site.clock.advance(3600)  # six o'clock on a Monday
    assert asked().status == 200
    refused = asked()
    assert (refused.status, orjson.loads(refused.body)["title"]) == (429, "QuotaViolation")
    assert refused.header("retry-after") == ""
    assert [practice.results("lookupfacility")["@success"] for _ in range(20)] == ["1"] * 20
    practice.site.site.clock.advance(61)
    assert asked().status == 200


def test_large_practices_are_searched_as_far_as_that_is_possible(house: House) -> None:
    practice = fresh(house, 5000, ppmd={"charts": 20})
    template = {"@start": "VisitStartDateTime"}
    told = practice.results("getupdatedvisits", datechanged="1/1/1990", visit=template)
    assert several(told["visitlist"], "visit")
    practice.results("addpatient", patientlist=baker())
    assert practice.error("addpatient", patientlist=baker()) == "Duplicate name/DOB"
    changed = practice.results("getupdatedpatients", datechanged="1/5/2026", patient={"@n": "Name"})
    assert "BAKER,ANN MARIE" in {one["@n"] for one in several(changed["patientlist"], "patient")}


# words


def test_times_are_read_in_every_form_and_written_in_two() -> None:
    for text in ("2019-07-07T00:48:47.617", "7/7/2019 12:48:47 AM", "07/07/2019 00:48:47"):
        assert read_shown(text) == datetime(2019, 7, 7, 0, 48, 47)
    assert read_shown("11/1/2025") == datetime(2025, 11, 1)
    for text in ("", "soon", "13/13/2020", "2020-1-1T", "0001-01-01"):
        assert read_shown(text) is None
    assert us_stamp(datetime(2026, 8, 17, 14, 5, 9)) == "8/17/2026 2:05:09 PM"
    assert us_stamp(datetime(2026, 8, 7, 0, 5, 9)) == "8/7/2026 12:05:09 AM"
    assert (us_date("1980-01-15"), us_date("x")) == ("01/15/1980", "")
