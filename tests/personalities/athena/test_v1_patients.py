"""Patients, departments and providers of the proprietary API. Sources: personalities/athena/notes.md."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import orjson
import pytest

House = Any
PREVIEW = {"events": {"athena": {"practice": "195900"}}}
PRACTICE = "ah-practice=Organization/a-1.Practice-195900"
NEW = {"firstname": "Ann", "lastname": "Newhall", "dob": "01/02/1990", "departmentid": "2", "sex": "F",
       "homephone": "(202) 555-0111", "mobilephone": "123", "address1": "1 Main St", "city": "Boston", "state": "MA",
       "zip": "02210", "email": "ann@example.org", "ssn": "000-12-3333", "maritalstatus": "S"}  # fmt: skip


@pytest.fixture(scope="module")
def site(house: Callable[..., House]) -> House:
    return house("athena", patients=12, settings=PREVIEW)


@pytest.fixture
def fresh(house: Callable[..., House]) -> House:
    return house("athena", patients=3, settings=PREVIEW)


def ask(site: House, method: str, path: str, form: dict[str, str] | None = None, status: int = 200) -> Any:
    reply = site.ask(method, f"/v1/195900{path}", form)
    assert reply.status == status, reply.body
    assert reply.content_type == "application/json; charset=utf-8"
    return orjson.loads(reply.body)


def number(site: House, index: int) -> str:
    return str(site.patient(index)).rpartition("-")[2]


@pytest.mark.behaviour("athena", "v1-tenancy", "v1-array-of-one", "v1-ssn-masked", "v1-forms")
def test_a_patient_is_a_list_of_one_in_small_letters(site: House) -> None:
    patient = site.read(f"Patient/{site.patient(2)}")
    [row] = ask(site, "GET", f"/patients/{number(site, 2)}")
    assert row["patientid"] == number(site, 2)
    assert row["lastname"] == patient["name"][0]["family"]
    assert row["dob"] == re.sub(r"(\d{4})-(\d\d)-(\d\d)", r"\2/\3/\1", patient["birthDate"])
    ssn = next(one["value"] for one in patient["identifier"] if one["system"].endswith("/us-ssn"))
    assert row["ssn"] == f"*****{ssn[-4:]}"
    assert ssn not in orjson.dumps(row).decode()
    assert all(name == name.lower() and "_" not in name for name in row)
    assert ask(site, "GET", "/patients/1", status=404)["error"]
    assert ask(site, "GET", "/patients/E-60178", status=404)["error"]


@pytest.mark.behaviour("athena", "v1-search-needs", "v1-errors")
def test_a_search_by_nothing_is_told_what_it_needs(site: House) -> None:
    found = ask(site, "GET", "/patients", status=400)
    assert {"lastname", "firstname", "dob", "departmentid", "anyphone"} <= set(found["fields"])
    assert found["error"].startswith("Data for one or more of the fields listed above are required")
    assert found["detailedmessage"] == found["error"]
    assert ask(site, "GET", "/patients?dob=1990-01-02", status=400)["error"].startswith("Improper dob")


def test_patients_are_found_by_what_they_are(site: House) -> None:
    [row] = ask(site, "GET", f"/patients/{number(site, 4)}")
    for query in (
        f"lastname={row['lastname']}&firstname={row['firstname']}",
        f"dob={row['dob']}&lastname={row['lastname'][:3]}",
        f"departmentid={row['departmentid']}",
        f"anyphone={row['homephone']}",
    ):
        found = ask(site, "GET", f"/patients?{query}")
        assert row in found["patients"], query
    assert ask(site, "GET", f"/patients?lastname={row['lastname']}&departmentid=99")["patients"] == []


@pytest.mark.behaviour("athena", "v1-too-many")
def test_a_search_that_would_find_too_many_is_refused(house: Callable[..., House]) -> None:
    many = house("athena", patients=30, settings={**PREVIEW, "v1": {"most_patients": 20}})
    text = ask(many, "GET", "/patients?departmentid=2", status=400)["error"]
    assert text == (
        "The given search parameters would produce a total data set larger than 20 records.  "
        "Please refine your search and try again."
    )
    usual = house("athena", patients=12, settings=PREVIEW)
    assert ask(usual, "GET", "/patients?departmentid=2")["totalcount"] < 12


@pytest.mark.behaviour("athena", "v1-lists")
def test_lists_tell_how_many_there_are_and_where_the_others_are(site: House) -> None:
    first = ask(site, "GET", "/providers?limit=15")
    assert (len(first["providers"]), first["totalcount"]) == (15, 40)
    assert "previous" not in first
    assert first["next"] == "/v1/195900/providers?limit=15&offset=15"
    seen, following = [], first["next"]
    while following:
        page = orjson.loads(site.ask("GET", following).body)
        seen += [one["providerid"] for one in page["providers"]]
        following = page.get("next", "")
    assert len({*seen, *(one["providerid"] for one in first["providers"])}) == 40
    assert page["previous"] == "/v1/195900/providers?limit=15&offset=15"
    assert ask(site, "GET", "/providers?limit=x", status=400)["error"]


def test_departments_and_providers(site: House) -> None:
    found = ask(site, "GET", "/departments")
    assert found["totalcount"] == 10
    first = found["departments"][0]
    assert ask(site, "GET", f"/departments/{first['departmentid']}") == [first]
    assert (
        site.read(f"Location/a-195900.Department-{first['departmentid']}")["name"] == first["patientdepartmentname"]
    )
    [provider] = ask(site, "GET", "/providers/6")
    assert isinstance(provider["providerid"], int)
    assert site.read("Practitioner/a-195900.Provider-6")["name"][0]["family"] == provider["lastname"]
    assert ask(site, "GET", "/providers/7", status=404)
    assert ask(site, "GET", "/departments/x", status=404)
    assert ask(site, "GET", "/ping") == {"pong": "true"}


@pytest.mark.behaviour("athena", "v1-array-of-one")
def test_who_is_registered_is_seen_over_fhir_at_once(fresh: House) -> None:
    [made] = ask(fresh, "POST", "/patients", NEW)
    assert made["errormessage"] == ""
    patient = fresh.read(f"Patient/a-195900.E-{made['patientid']}")
    assert patient["name"][0]["family"] == "Newhall"
    assert patient["birthDate"] == "1990-01-02"
    assert {one["value"] for one in patient["identifier"]} == {patient["id"], "000123333"}
    assert patient["telecom"][0] == {"use": "home", "value": "(202) 555-0111", "system": "phone"}
    assert [one.get("use") for one in patient["telecom"]] == ["home", None]
    found = fresh.read(f"Patient?identifier={patient['id']}&{PRACTICE}")
    assert [one["resource"]["id"] for one in found["entry"]] == [patient["id"]]
    [row] = ask(fresh, "GET", f"/patients/{made['patientid']}")
    assert (row["ssn"], row["departmentid"], row["city"], row["homephone"]) == (
        "*****3333", "2", "BOSTON", "2025550111",
    )  # fmt: skip
    assert ask(fresh, "PUT", f"/patients/{made['patientid']}", {"lastname": "Oldham", "city": "Salem"}) == [
        {"patientid": made["patientid"]}
    ]
    changed = fresh.read(f"Patient/a-195900.E-{made['patientid']}")
    assert (changed["name"][0]["family"], changed["name"][0]["given"]) == ("Oldham", ["Ann"])
    assert [one["city"] for one in changed["address"]] == ["SALEM"]
    assert changed["birthDate"] == "1990-01-02"


@pytest.mark.behaviour("athena", "v1-no-idempotency")
def test_a_create_that_is_sent_again_makes_a_second_patient(fresh: House) -> None:
    headers = {"idempotency_key": "one", "x_request_id": "one"}
    replies = [fresh.ask("POST", "/v1/195900/patients", NEW, **headers) for _ in range(2)]
    ids = {orjson.loads(one.body)[0]["patientid"] for one in replies}
    assert len(ids) == 2
    found = fresh.read(f"Patient?name=Newhall&{PRACTICE}")
    assert {one["resource"]["id"] for one in found["entry"]} == {f"a-195900.E-{id}" for id in ids}


@pytest.mark.behaviour("athena", "v1-limits", "v1-forms")
@pytest.mark.parametrize(
    ("field", "limit"),
    [("lastname", 30), ("firstname", 20), ("address1", 100), ("zip", 10), ("ssn", 13), ("email", 50)],
)
def test_fields_have_a_longest_text(fresh: House, field: str, limit: int) -> None:
    longest = {"ssn": "0" * limit}.get(field, "x" * limit)
    assert ask(fresh, "POST", "/patients", {**NEW, field: longest})[0]["patientid"]
    refused = ask(fresh, "POST", "/patients", {**NEW, field: longest + "x"}, status=400)
    assert refused["fields"] == [field]


@pytest.mark.behaviour("athena", "v1-forms", "v1-errors")
def test_what_is_no_form_or_no_day_writes_nothing(fresh: House) -> None:
    before = fresh.site.log.next_number()
    assert ask(fresh, "POST", "/patients", {**NEW, "dob": "1990-01-02"}, status=400)["error"].startswith(
        "Improper dob"
    )
    assert ask(fresh, "POST", "/patients", {**NEW, "departmentid": "999"}, status=400)
    missing = ask(fresh, "POST", "/patients", {"firstname": "Ann"}, status=400)
    assert missing["missingfields"] == ["lastname", "dob", "departmentid"]
    reply = fresh.ask("POST", "/v1/195900/patients", None, b'{"firstname":"Ann"}', content_type="application/json")
    assert reply.status == 415
    assert set(orjson.loads(reply.body)) == {"error", "detailedmessage"}
    assert fresh.site.log.next_number() == before


@pytest.mark.parametrize(
    "path", ["/patients/60178", "/appointments/1", "/chart/60178/vitals", "/patients/60178/documents"]
)
def test_nonsense_is_answered_in_words(fresh: House, path: str) -> None:
    for octets in (b"", b"\xff\xfe=%", b"&&&", b"patientid=%00&vitals=[1]&allergies={}", b"a" * 5000):
        for method in ("POST", "PUT", "DELETE", "GET"):
            reply = fresh.ask(method, f"/v1/195900{path}?limit=%zz&departmentid=%ff", None, octets)
            assert reply.status < 500
            assert reply.body
