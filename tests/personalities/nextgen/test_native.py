"""NextGen Enterprise's own API over the same records. Sources: personalities/nextgen/notes.md, section Native API."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlencode

import orjson
import pytest

from mockehr.core.exchange import Reply
from mockehr.core.folding import fold
from mockehr.sites.test_client import register_demo_client

House = Any
Houses = Callable[..., House]
BASE = "/nge/prod/nge-api/api"
TOKEN = "/nge/prod/nge-oauth/token"
LOGIN = {"grant_type": "client_credentials", "client_id": "caller", "client_secret": "s3cret", "site_id": "site-1"}
NEW = {"LastName": "Quill", "FirstName": "Ada", "DateOfBirth": "1980-02-29", "Sex": "F"}


@dataclass
class Caller:
    """A client with a token and a session."""

    house: House
    headers: dict[str, str] = field(default_factory=dict)

    def call(self, method: str, target: str, body: Any = None, **headers: str) -> Reply:
        octets = body if isinstance(body, bytes) else orjson.dumps(body) if body is not None else b""
        reply: Reply = self.house.ask(method, BASE + target, None, octets, **{**self.headers, **headers})
        return reply

    def get(self, target: str, **query: str) -> Any:
        reply = self.call("GET", f"{target}?{urlencode(query)}" if query else target)
        assert reply.status == 200, reply.body
        return orjson.loads(reply.body)


def signed_in(house: House) -> Caller:
    register_demo_client(house.site, "caller", secret="s3cret")
    token = orjson.loads(house.ask("POST", TOKEN, LOGIN).body)["access_token"]
    caller = Caller(house, {"authorization": f"Bearer {token}"})
    reply = caller.call("PUT", "/users/me/login-defaults", {"practiceId": "0001", "enterpriseId": "00001"})
    caller.headers["x_ng_sessionid"] = reply.header("X-NG-SessionId")
    return caller


@pytest.fixture(scope="module")
def caller(house: Houses) -> Caller:
    return signed_in(house("nextgen", 12, fresh=1))


@pytest.fixture
def writer(house: Houses) -> Caller:
    return signed_in(house("nextgen", 6, fresh=2))


@pytest.mark.behaviour("nextgen", "native-paths", "site-id")
def test_a_token_wants_a_site_id(caller: Caller) -> None:
    reply = caller.house.ask("POST", TOKEN, LOGIN)
    found = orjson.loads(reply.body)
    assert (reply.status, found["token_type"], found["expires_in"]) == (200, "bearer", 3600)
    for wrong in ({"site_id": ""}, {"client_secret": "x"}, {"grant_type": "password"}, {"client_id": ""}):
        assert caller.house.ask("POST", TOKEN, LOGIN | wrong).status == 400


def test_a_site_may_know_one_site_id_only(house: Houses) -> None:
    site = house("nextgen", 0, settings={"native": {"site_id": "only-this", "practice_id": "9"}})
    register_demo_client(site.site, "caller", secret="s3cret")
    assert site.ask("POST", TOKEN, LOGIN).status == 400
    reply = site.ask("POST", TOKEN, LOGIN | {"site_id": "only-this"})
    assert reply.status == 200
    bearer = Caller(site, {"authorization": f"Bearer {orjson.loads(reply.body)['access_token']}"})
    wrong = bearer.call("PUT", "/users/me/login-defaults", {"practiceId": "8", "enterpriseId": "1"})
    assert (wrong.status, orjson.loads(wrong.body)["message"]) == (400, "practiceId is missing or not valid.")


@pytest.mark.behaviour("nextgen", "session-header", "session-wanted", "empty-success")
def test_the_session_comes_in_a_header_of_an_empty_answer_and_is_wanted_everywhere(caller: Caller) -> None:
    reply = caller.call("PUT", "/users/me/login-defaults", {"practiceId": "0001", "enterpriseId": "00001"})
    assert (reply.status, reply.body) == (200, b"")
    assert len(reply.header("X-NG-SessionId")) == 36
    for headers in ({"x_ng_sessionid": ""}, {"x_ng_sessionid": "another"}):
        wrong = caller.call("GET", "/persons", **headers)
        assert (wrong.status, list(orjson.loads(wrong.body))) == (400, ["message"])
    assert caller.call("GET", "/persons", authorization="Bearer x").status == 401


@pytest.mark.behaviour("nextgen", "session-stays")
def test_a_session_outlives_its_token(house: Houses) -> None:
    caller = signed_in(house("nextgen", 2, fresh=3))
    caller.house.site.clock.advance(30 * 86400)
    assert caller.call("GET", "/persons").status == 401
    token = orjson.loads(caller.house.ask("POST", TOKEN, LOGIN).body)["access_token"]
    assert caller.call("GET", "/persons", authorization=f"Bearer {token}").status == 200


@pytest.mark.behaviour("nextgen", "odata-list", "odata-envelope")
def test_persons_come_in_pages_until_all_were_seen(caller: Caller) -> None:
    page = caller.get(
        "/persons", **{"$top": "5", "$count": "true", "$orderby": "lastName desc", "patientsOnly": "true"}
    )
    assert list(page) == ["Items", "Count", "NextPageLink"]
    assert page["Count"] == 12
    seen = []
    while True:
        seen += page["Items"]
        if "NextPageLink" not in page:
            break
        page = caller.get(page["NextPageLink"].partition(BASE)[2])
    assert len({one["id"] for one in seen}) == len(seen) == 12
    names = [fold(one["lastName"]) for one in seen]
    assert names[0] == max(names)
    assert caller.get("/persons", **{"$skip": "10"})["Items"] == caller.get("/persons")["Items"][10:]
    link = seen[0]["_links"][0]
    assert set(link) == {"href", "method", "rel", "description"}
    assert caller.get(link["href"].partition(BASE)[2])["id"] == seen[0]["id"]


@pytest.mark.behaviour("nextgen", "odata-list")
def test_filters_find_persons_by_what_is_shown_of_them(caller: Caller) -> None:
    person = caller.get("/persons")["Items"][4]
    born = person["dateOfBirth"][:10]
    for text in (
        f"lastName eq '{person['lastName']}'",
        f"startswith(lastName,'{person['lastName'][:3]}') and sex eq '{person['sex']}'",
        f"contains(lastName, '{person['lastName'][1:4]}')",
        f"dateOfBirth ge {born} and dateOfBirth le {born}",
        f"dateOfBirth eq '{person['dateOfBirth']}'",
        f"medicalRecordNumber eq '{person['medicalRecordNumber']}'",
        f"homePhone eq '{person['homePhone']}'" if "homePhone" in person else f"zip eq '{person['zip']}'",
        f"zip eq '{person['zip']}' and city eq '{person['city']}'",
    ):
        found = caller.get("/persons", **{"$filter": text})["Items"]
        assert person["id"] in [one["id"] for one in found], text
    assert caller.get("/persons", **{"$filter": "lastName eq 'Nobody Is Called This'"})["Items"] == []


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("$filter", "lastName eq 'a' or lastName eq 'b'"),
        ("$filter", "lastName eq"),
        ("$filter", "shoeSize eq 42"),
        ("$filter", "sex ge 'F'"),
        ("$filter", "dateOfBirth eq 'soon'"),
        ("$filter", "lastName eq 'a' and"),
        ("$filter", "x" * 3000),
        ("$top", "many"),
        ("$skip", "-1"),
        ("$orderby", "shoeSize"),
        ("$orderby", "lastName sideways"),
    ],
)
def test_queries_that_mean_nothing_are_refused_with_a_message(caller: Caller, name: str, value: str) -> None:
    reply = caller.call("GET", f"/persons?{name}={quote(value)}")
    assert reply.status == 400
    assert list(orjson.loads(reply.body)) == ["message"]


@pytest.mark.behaviour("nextgen", "lookup")
def test_lookup_answers_a_bare_array(caller: Caller) -> None:
    person = caller.get("/persons")["Items"][2]
    for quick in ("PersonNumber", "MedicalRecordNumber"):
        found = caller.get("/persons/lookup", quickSearchId=quick, quickSearchInput=person["personNumber"])
        assert [one["id"] for one in found] == [person["id"]]
    named = caller.get("/persons/lookup", lastName=person["lastName"], dateOfBirth=person["dateOfBirth"][:10])
    assert person["id"] in [one["id"] for one in named]
    assert caller.get("/persons/lookup", lastName="Nobody") == []
    assert caller.call("GET", "/persons/lookup").status == 400
    assert caller.call("GET", "/persons/lookup?quickSearchId=ShoeSize&quickSearchInput=42").status == 400


@pytest.mark.behaviour("nextgen", "create-pascal")
def test_what_is_created_here_is_a_patient_of_fhir_at_once(writer: Caller) -> None:
    more = {"MiddleName": "Rose", "AddressLine1": "1 Main", "City": "Here", "State": "IL", "Zip": "60601-0001",
            "CellPhone": "(312) 555-0142", "EmailAddress": "ada@example.org"}  # fmt: skip
    before = len(writer.house.site.log.changes)
    reply = writer.call("POST", "/persons", NEW | more)
    person = orjson.loads(reply.body)
    assert (reply.status, person["lastName"], person["cellPhone"], person["zip"]) == (
        201,
        "Quill",
        "3125550142",
        "606010001",
    )
    [change] = writer.house.site.log.changes[before:]
    assert (change.kind, change.resource_type) == ("create", "Patient")
    patient = writer.house.read(f"Patient/{person['id']}")
    assert patient["birthDate"] == "1980-02-29"
    assert patient["name"][0]["given"] == ["Ada", "Rose"]
    assert "meta" not in patient
    assert patient["identifier"][0]["value"] == person["personNumber"]
    assert writer.house.read("Patient?family=Quill")["total"] == 1
    assert writer.get("/persons", **{"$filter": "lastName eq 'Quill'"})["Items"] == [person]
    assert writer.get("/persons/lookup", quickSearchId="PersonNumber", quickSearchInput=person["personNumber"]) == [
        person
    ]


@pytest.mark.behaviour("nextgen", "create-pascal")
def test_a_person_alike_is_refused_unless_that_does_not_matter(writer: Caller) -> None:
    assert writer.call("POST", "/persons", NEW).status == 201
    assert writer.call("POST", "/persons", NEW).status == 409
    assert writer.call("POST", "/persons", NEW | {"IgnoreDuplicatePersons": True}).status == 201
    assert writer.house.read("Patient?family=Quill")["total"] == 2


@pytest.mark.behaviour("nextgen", "patch", "empty-success")
def test_a_patch_changes_what_it_names_and_answers_nothing(writer: Caller) -> None:
    person = writer.get("/persons")["Items"][1]
    reply = writer.call("PATCH", f"/persons/{person['id']}", {"LastName": "Renamed", "HomePhone": "3125550100"})
    assert (reply.status, reply.body) == (200, b"")
    after = writer.get(f"/persons/{person['id']}")
    assert (after["lastName"], after["homePhone"], after["firstName"]) == (
        "Renamed",
        "3125550100",
        person["firstName"],
    )
    patient = writer.house.read(f"Patient/{person['id']}")
    assert patient["name"][0]["family"] == "Renamed"
    assert {"use": "home", "system": "phone", "value": "3125550100"}.items() <= patient["telecom"][-1].items()
    assert writer.call("PATCH", "/persons/nobody", {"LastName": "X"}).status == 404


@pytest.mark.behaviour("nextgen", "native-errors")
@pytest.mark.parametrize(
    "body",
    [b"{", b"[]", {}, NEW | {"Sex": "X"}, NEW | {"DateOfBirth": "1980-02-30"}, NEW | {"ShoeSize": "42"},
     NEW | {"LastName": 7}, NEW | {"LastName": " "}, NEW | {"HomePhone": "12"}, NEW | {"City": "x" * 1000},
     NEW | {"DateOfBirth": "1980-02-28Tnoon"}],
)  # fmt: skip
def test_bodies_that_are_wrong_are_refused_and_nothing_is_written(writer: Caller, body: Any) -> None:
    before = len(writer.house.site.log.changes)
    reply = writer.call("POST", "/persons", body)
    assert reply.status == 400
    assert isinstance(orjson.loads(reply.body)["message"], str)
    if body not in ({}, b"{", b"[]"):
        person = writer.get("/persons")["Items"][0]["id"]
        assert writer.call("PATCH", f"/persons/{person}", body).status == 400
    assert len(writer.house.site.log.changes) == before


@pytest.mark.behaviour("nextgen", "native-errors")
def test_paths_that_lead_nowhere_are_refused_in_plain_text(caller: Caller) -> None:
    for method, target, status in (
        ("GET", "/nothing", 404),
        ("DELETE", "/persons", 405),
        ("GET", "/persons/a/b", 404),
    ):
        reply = caller.call(method, target)
        assert reply.status == status
        assert reply.content_type.startswith("text/plain")
    assert orjson.loads(caller.call("GET", "/persons/nobody").body) == {"message": "The person was not found."}
    person = caller.get("/persons")["Items"][0]["id"]
    assert caller.call("GET", f"/persons/{person}/chart/dreams").status == 404


@pytest.mark.behaviour("nextgen", "balances")
def test_a_chart_has_balances_that_stay(caller: Caller) -> None:
    people = [one["id"] for one in caller.get("/persons")["Items"]]
    told = [caller.get(f"/persons/{one}/chart/balances") for one in people]
    assert set(told[0]) == {
        "totalAmountDue",
        "badDebtAmount",
        "amountDueInsurance",
        "availableCredit",
        "accountCredit",
    }
    assert told[0] == caller.get(f"/persons/{people[0]}/chart/balances")
    assert len({one["amountDueInsurance"] for one in told}) > 6


@pytest.mark.parametrize("name", ["allergies", "encounters", "immunizations", "medications", "problems", "diagnoses"])
def test_lists_of_a_chart_show_what_fhir_shows(caller: Caller, name: str) -> None:
    kind, more = {
        "allergies": ("AllergyIntolerance", ""),
        "encounters": ("Encounter", ""),
        "immunizations": ("Immunization", ""),
        "medications": ("MedicationRequest", ""),
        "problems": ("Condition", "&category=problem-list-item"),
        "diagnoses": ("Condition", "&category=encounter-diagnosis"),
    }[name]
    counted = 0
    for person in caller.get("/persons")["Items"][:6]:
        found = caller.get(f"/persons/{person['id']}/chart/{name}", **{"$top": "500", "$count": "true"})
        bundle = caller.house.read(f"{kind}?patient={person['id']}{more}&_maxresults=500")
        assert found["Count"] == bundle["total"] == len(found["Items"])
        assert {one["id"] for one in found["Items"]} == {one["resource"]["id"] for one in bundle.get("entry", ())}
        counted += found["Count"]
    assert counted
