"""Veradigm's Unity: tokens, envelopes, sessions and what reads give. Sources: personalities/veradigm/notes.md."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

import orjson
import pytest

from mockehr.personalities.veradigm.unity.actions import ACTIONS
from mockehr.personalities.veradigm.unity.door import LOGGED_OUT
from mockehr.personalities.veradigm.unity.words import day, day_and_time, padded, read_date, stamp

House = Callable[..., Any]
JSON = "/Unity/UnityService.svc/json"
GUID = r"[0-9A-F]{8}-[0-9A-F]{4}-[0-9A-F]{4}-[0-9A-F]{4}-[0-9A-F]{12}"


class Clinic:
    """A client of Unity at one site."""

    def __init__(self, site: Any, user: str = "clinician") -> None:
        self.site, self.user = site, user
        self.token = self.post("GetToken", {"Username": user, "Password": "x"}).body.decode().strip('"')

    def post(self, path: str, told: Any) -> Any:
        return self.site.ask("POST", f"{JSON}/{path}", body=orjson.dumps(told), content_type="application/json")

    def magic(self, action: str, *parameters: str, patient: str = "", **told: Any) -> Any:
        body = {"Action": action, "AppUserID": self.user, "Appname": "Test.App", "PatientID": patient}
        body |= {"Token": self.token, "Data": None}
        body |= {f"Parameter{number + 1}": text for number, text in enumerate((*parameters, *[""] * 6)[:6])}
        return self.post("MagicJson", body | told)

    def document(self, action: str, *parameters: str, patient: str = "", **told: Any) -> Any:
        reply = self.magic(action, *parameters, patient=patient, **told)
        assert reply.status == 200
        return orjson.loads(reply.body)

    def rows(self, action: str, *parameters: str, patient: str = "", **told: Any) -> list[dict[str, str]]:
        [answer] = self.document(action, *parameters, patient=patient, **told)
        found: list[dict[str, str]] = answer[f"{action.lower()}info"]
        return found

    def error(self, action: str, *parameters: str, patient: str = "", **told: Any) -> str:
        [answer] = self.document(action, *parameters, patient=patient, **told)
        return str(answer["Error"])


@pytest.fixture(scope="module")
def clinic(house: House) -> Clinic:
    return Clinic(house("veradigm", 12))


def charts(clinic: Clinic) -> Iterator[tuple[str, dict[str, Any]]]:
    """(Unity's number, FHIR Patient) of everybody."""
    for index in range(12):
        yield str(index + 1), clinic.site.read(f"Patient/{clinic.site.patient(index)}")


@pytest.mark.behaviour("veradigm", "unity-token")
def test_a_token_is_a_bare_guid_or_at_some_sites_one_in_quotation_marks(clinic: Clinic, house: House) -> None:
    reply = clinic.post("GetToken", {"Username": "clinician", "Password": "x"})
    assert reply.header("content-type") == "application/octet-stream"
    assert re.fullmatch(GUID, reply.body.decode())
    quoting = Clinic(house("veradigm", 2, settings={"unity": {"quoted_token": True}}))
    told = quoting.post("GetToken", {"Username": "nurse", "Password": ""}).body.decode()
    assert re.fullmatch(f'"{GUID}"', told)
    assert quoting.rows("GetServerInfo", Token=told)


@pytest.mark.behaviour("veradigm", "unity-token-refused")
@pytest.mark.parametrize("told", [{"Username": "nobody", "Password": "x"}, {}, [], "no JSON"])
def test_a_refused_token_is_200_and_begins_with_error(clinic: Clinic, told: Any) -> None:
    reply = clinic.post("GetToken", told)
    assert reply.status == 200
    assert reply.body.startswith(b"error:")


def test_registered_clients_sign_in_by_their_secret(house: House) -> None:
    from mockehr.sites.test_client import register_demo_client

    own = house("veradigm", 2, fresh=3)
    register_demo_client(own.site, "partner", secret="s3cret")
    good = own.ask("POST", f"{JSON}/GetToken", body=orjson.dumps({"Username": "partner", "Password": "s3cret"}))
    assert re.fullmatch(GUID, good.body.decode())
    bad = own.ask("POST", f"{JSON}/GetToken", body=orjson.dumps({"Username": "partner", "Password": "wrong"}))
    assert bad.body.startswith(b"error:")


@pytest.mark.behaviour("veradigm", "unity-envelope", "unity-strings")
@pytest.mark.parametrize("action", sorted(name for name in ACTIONS if not name.startswith("Save")))
def test_every_action_answers_with_rows_of_strings_under_its_own_name(clinic: Clinic, action: str) -> None:
    asked = {
        "SearchPatients": ["a"],
        "GetPatientByMRN": [next(charts(clinic))[1]["identifier"][0]["value"]],
        "GetSchedule": ["01/01/2026|06/30/2026"],
        "GetProvider": ["68"],
        "GetChangedPatients": ["2000-01-01T00:00:00"],
    }
    [answer] = clinic.document(action, *asked.get(action, []), patient="1")
    assert list(answer) == [f"{action.lower()}info"]
    rows = answer[f"{action.lower()}info"]
    assert rows
    assert all(isinstance(value, str) for row in rows for value in row.values())


@pytest.mark.behaviour("veradigm", "unity-key-case", "unity-no-ssn", "unity-dates")
def test_a_patient_has_keys_of_mixed_case_and_says_what_it_lacks(clinic: Clinic) -> None:
    uninsured = set()
    for number, patient in charts(clinic):
        [row] = clinic.rows("GetPatient", patient=number)
        assert {"LastName", "Firstname", "middlename", "AddressLine2", "Addressline1", "mrn"} <= set(row)
        assert row["LastName"] == patient["name"][0]["family"]
        assert row["ssn"] == "No SSN"
        assert re.fullmatch(r"\d\d-[A-Z][a-z]{2}-\d{4}", row["dateofbirth"])
        assert row["dateofbirth"].endswith(patient["birthDate"][:4])
        assert row["ID"] == number
        uninsured.add(row["PrimaryInsurance"] == "No primary insurance")
    assert uninsured == {True, False}


@pytest.mark.behaviour("veradigm", "unity-padded")
def test_texts_are_padded_as_columns_are(clinic: Clinic) -> None:
    rows = clinic.rows("GetProviders")
    assert {len(row["EntryCode"]) for row in rows} == {16}
    assert {len(row["DefaultSiteCode"]) for row in rows} == {10}
    [row] = clinic.rows("GetPatient", patient="1")
    assert row["PhysFirstName"].endswith(" ")
    assert padded("a", 3) == "a  "


@pytest.mark.behaviour("veradigm", "unity-errors-200")
def test_errors_are_200_and_name_the_action(clinic: Clinic) -> None:
    assert clinic.error("GetPatient", patient="999999").startswith("Magic Error - Action: GetPatient - ")
    assert clinic.error("getorders", patient="x").startswith("Magic Error - Action: GetOrders - ")
    assert clinic.error("Explode").startswith("Magic Error - Action: Explode - ")
    assert clinic.error("GetSchedule", "yesterday").startswith("Magic Error - Action: GetSchedule - ")
    reply = clinic.site.ask("POST", f"{JSON}/MagicJson", body=b"{")
    assert reply.status == 200
    assert "Error" in orjson.loads(reply.body)[0]


@pytest.mark.behaviour("veradigm", "unity-logged-out")
def test_who_does_nothing_is_logged_out_by_the_sites_clock(house: House) -> None:
    own = house("veradigm", 2, fresh=4)
    clinic = Clinic(own)
    for _ in range(3):
        own.site.clock.advance(1100)
        assert clinic.rows("GetServerInfo")
    own.site.clock.advance(1300)
    told = clinic.error("GetProviders")
    assert told == f"Magic Error - Action: GetProviders - {LOGGED_OUT}"
    assert clinic.error("GetProviders", Token="unknown") == told


@pytest.mark.behaviour("veradigm", "unity-retire")
def test_a_retired_token_works_no_more(clinic: Clinic) -> None:
    other = Clinic(clinic.site)
    assert other.rows("GetServerInfo")
    reply = other.post("RetireSecurityToken", {"Token": other.token, "Appname": "Test.App"})
    assert (reply.status, reply.body) == (
        200,
        b'<RetireSecurityTokenResponse xmlns="http://www.allscripts.com/Unity"/>',
    )
    assert LOGGED_OUT in other.error("GetServerInfo")
    assert clinic.rows("GetServerInfo")


@pytest.mark.behaviour("veradigm", "unity-user-authentication")
def test_a_user_is_valid_or_not(clinic: Clinic) -> None:
    assert clinic.rows("GetUserAuthentication", "x") == [{"valid_user": "YES"}]
    assert clinic.rows("GetUserAuthentication", "x", AppUserID="nobody") == [{"valid_user": "NO"}]


@pytest.mark.behaviour("veradigm", "unity-server-info")
def test_the_server_tells_its_zone_and_local_time(house: House) -> None:
    own = house("veradigm", 2, settings={"unity": {"zone": "Pacific"}})
    [row] = Clinic(own).rows("GetServerInfo")
    assert row["ServerTimeZone"] == "Pacific Standard Time"
    assert row["ServerTime"] == "2026-01-05T04:00:00"
    assert row["ServerDateTimeOffset"] == "2026-01-05T04:00:00.0000000-08:00"


def test_dates_are_written_in_the_zone_and_read_in_all_forms() -> None:
    assert day("1950-05-01", "Eastern") == "01-May-1950"
    assert day_and_time("2015-03-04T18:23:00Z", "Eastern") == "04-Mar-2015 1:23 pm"
    assert stamp("2015-08-17T18:59:44Z", "Eastern") == "8/17/2015 2:59:44 PM"
    assert stamp("1950-05-01", "Pacific") == "5/1/1950 12:00:00 AM"
    same = {read_date(text, "Eastern") for text in ("2015-08-17", "8/17/2015", "2015/08/17", "17-Aug-2015")}
    assert same == {1_439_784_000.0}
    assert read_date("soon", "Eastern") is None
    assert read_date("2015-02-31", "Eastern") is None


@pytest.mark.behaviour("veradigm", "unity-negative-ids", "unity-problems")
def test_the_clinical_summary_has_sections_and_odd_numbers(clinic: Clinic) -> None:
    every = [row for number, _ in charts(clinic) for row in clinic.rows("GetClinicalSummary", "list", patient=number)]
    by = {
        section: [row for row in every if row["section"] == section] for section in {row["section"] for row in every}
    }
    assert set(by) == {"allergies", "history", "immunizations", "medications", "problems", "results", "vitals"}
    assert all(row["transid"].startswith("-") for row in by["vitals"])
    assert all(re.fullmatch(r"[A-Z]\d\w[\w.]*\|ICD10", row["entrycode"]) for row in by["problems"])
    assert {row["detail"] for row in by["problems"]} >= {"", "Promoted: No"}
    assert any(re.search(r" (Normal|ABNORMAL) \([\d.]+-[\d.]+\)$", row["detail"]) for row in by["results"])
    assert any(
        re.fullmatch(r"\d\d-[A-Z][a-z]{2}-\d{4} \d{1,2}:\d\d [ap]m", row["displaydate"]) for row in by["results"]
    )
    only = clinic.rows("GetClinicalSummary", "vitals|problems", patient="1")
    assert {row["section"] for row in only} == {"vitals", "problems"}
    items = [row["OrderItemID"] for number, _ in charts(clinic) for row in clinic.rows("GetOrders", patient=number)]
    assert any(one.startswith("-") for one in items)
    assert any(one.isdecimal() for one in items)


@pytest.mark.behaviour("veradigm", "unity-schedule")
def test_a_schedule_is_of_days_and_of_a_provider(clinic: Clinic) -> None:
    every = clinic.rows("GetSchedule", "01/01/2026|06/30/2026")
    assert every
    assert all(re.fullmatch(r"\d{1,2}/\d{1,2}/2026 \d{1,2}:\d\d:00 [AP]M", row["ApptTime2"]) for row in every)
    date = every[0]["ApptTime2"].partition(" ")[0]
    of_day = [row for row in every if row["ApptTime2"].startswith(f"{date} ")]
    assert clinic.rows("GetSchedule", date) == of_day
    number = every[0]["ProviderID"]
    user = next(row["Username"] for row in clinic.rows("GetProviders") if row["personid"] == number)
    theirs = clinic.rows("GetSchedule", "01/01/2026|06/30/2026", "", "N", user)
    assert theirs == [row for row in every if row["ProviderID"] == number]
    assert clinic.rows("GetSchedule", "01/01/2026|06/30/2026", AppUserID=user) == theirs
    assert "was not found" in clinic.error("GetSchedule", date, "", "N", "nobody")
    assert clinic.rows("GetSchedule", "1/1/1999") == []


@pytest.mark.behaviour("veradigm", "unity-nil-encounter")
def test_no_encounters_are_one_of_zeros(clinic: Clinic) -> None:
    assert clinic.rows("GetEncounterList", "", "", "", "N", patient="1") == [{"ID": "0", "patientid": "0"}]
    rows = clinic.rows("GetEncounterList", "", "", "0", "Y", patient="1")
    assert {row["patientid"] for row in rows} == {"1"}
    assert clinic.site.fhir(f"Encounter/{rows[0]['ID']}").status == 200


@pytest.mark.behaviour("veradigm", "unity-orders")
def test_orders_are_narrowed_by_time_mask_and_status(clinic: Clinic) -> None:
    number = next(number for number, _ in charts(clinic) if len(clinic.rows("GetOrders", patient=number)) > 1)
    every = clinic.rows("GetOrders", patient=number)
    word = every[0]["ordername"].split()[0].lower()
    masked = clinic.rows("GetOrders", "", f"%{word}%", patient=number)
    assert masked == [row for row in every if word in row["ordername"].lower()]
    assert clinic.rows("GetOrders", "", "", "Pending", patient=number) == []
    assert clinic.rows("GetOrders", "2030/01/01", patient=number) == []
    assert "not a valid value" in clinic.error("GetOrders", "", "", "Lost", patient=number)
    assert re.fullmatch(r"\d{1,2}/\d{1,2}/\d{4} 12:00:00 AM", every[0]["dateofbirth"])


@pytest.mark.behaviour("veradigm", "unity-documents")
def test_documents_are_listed_and_given_one_by_one(clinic: Clinic) -> None:
    listed = clinic.rows("GetDocuments", patient="1")
    assert listed
    assert not any("PageContents" in row for row in listed)
    for row in listed:
        [whole] = clinic.rows("GetDocuments", "", "", row["DocumentID"], row["DocumentType"], patient="1")
        assert whole["PageContents"]
    assert clinic.rows("GetDocuments", "1/1/1990", "1/2/1990", patient="1") == []


@pytest.mark.behaviour("veradigm", "unity-search")
def test_patients_are_found_by_name_birth_date_and_number(clinic: Clinic) -> None:
    number, patient = next(charts(clinic))
    name = patient["name"][0]
    asked = [name["family"], f"{name['family']}, {name['given'][0]}", patient["birthDate"]]
    asked.append(patient["identifier"][0]["value"])
    for text in asked:
        found = {row["ID"]: row for row in clinic.rows("SearchPatients", text)}
        assert (found[number]["Firstname"], found[number]["LastName"]) == (name["given"][0], name["family"])
    assert clinic.rows("SearchPatients", "Zzyzx") == []
    assert clinic.rows("GetPatientByMRN", asked[-1])[0]["ID"] == number


@pytest.mark.behaviour("veradigm", "unity-changed", "unity-save-note")
def test_what_is_saved_is_seen_over_fhir_and_what_fhir_changes_is_told(house: House) -> None:
    own = house("veradigm", 3, fresh=5)
    clinic, since = Clinic(own), "2026-01-05T06:00:00"
    [saved] = clinic.rows("SaveNote", "Feels well.", "Progress Note", "Final", "N", patient="2")
    seen = own.read(f"DocumentReference/{saved['DocumentID']}")
    assert seen["subject"]["reference"] == f"Patient/{own.patient(1)}"
    assert (seen["docStatus"], seen["type"]["text"]) == ("final", "Progress Note")
    [draft] = clinic.rows("SaveNote", "Feels", "Progress Note", "Unsigned", "N", patient="2")
    assert own.read(f"DocumentReference/{draft['DocumentID']}")["docStatus"] == "preliminary"
    [told] = clinic.rows("GetDocuments", "", "", saved["DocumentID"], patient="2")
    assert told["PageContents"] == "Feels well."
    described = (
        "<docParams><item name='documentCommand' value='I'/><item name='documentType' value='Chart'/></docParams>"
    )
    [other] = clinic.rows("SaveUnstructuredDocument", described, "A chart.", patient="1")
    assert own.read(f"DocumentReference/{other['DocumentID']}")["type"]["text"] == "Chart"
    assert own.site.log.changes[-1].resource_type == "DocumentReference"
    assert clinic.rows("GetChangedPatients", since) == []
    patient = own.read(f"Patient/{own.patient(2)}")
    changed = own.site.fhir.stamp({**patient, "gender": "unknown"}, 2, own.site.clock.now())
    own.site.store.commit(changed, kind="update", source="control")
    assert clinic.rows("GetChangedPatients", since) == [{"patientid": "3"}]


@pytest.mark.parametrize(
    ("action", "parameters"),
    [
        ("SaveNote", ["", "Progress Note"]),
        ("SaveNote", ["Text", ""]),
        ("SaveNote", ["Text", "Progress Note", "Lost"]),
        ("SaveUnstructuredDocument", ["<docParams", "Text"]),
        ("SaveUnstructuredDocument", ["<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>", "Text"]),
        ("SaveUnstructuredDocument", ["<a><item name='documentType' value='Chart'/></a>", ""]),
        (
            "SaveUnstructuredDocument",
            ["<a><item name='documentType' value='Chart'/><item name='ahsEncounterID' value='9'/></a>", "Text"],
        ),
    ],
)
def test_what_cannot_be_saved_is_refused_and_nothing_is_written(
    house: House, action: str, parameters: list[str]
) -> None:
    own = house("veradigm", 12)
    before = len(own.site.log.changes)
    assert Clinic(own).error(action, *parameters, patient="1").startswith(f"Magic Error - Action: {action} - ")
    assert len(own.site.log.changes) == before


@pytest.mark.parametrize("path", [f"{JSON}/Nothing", f"{JSON}/MagicJson/more", JSON])
def test_what_is_not_there_is_404_and_only_post_is_taken(clinic: Clinic, path: str) -> None:
    assert clinic.site.ask("POST", path, body=b"{}").status == 404
    assert clinic.site.ask("GET", f"{JSON}/MagicJson").status == 405


def test_large_sites_have_a_schedule_and_feeds_too(house: House) -> None:
    clinic = Clinic(house("veradigm", 5000))
    assert clinic.rows("GetSchedule", "01/05/2026|03/30/2026")
    assert clinic.rows("GetChangedPatients", "2026-01-05T06:00:00") == []
    assert clinic.rows("SearchPatients", "smith")
