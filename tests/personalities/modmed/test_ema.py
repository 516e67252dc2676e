"""The EMA API of ModMed, over the same records. Sources: personalities/modmed/notes.md."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest
from tests.personalities.conftest import ROOT, House, body_of
from tests.sites.browser import claims

from mockehr.sites.test_client import register_demo_client

BASE = "/ema-prod/firm/north/ema/fhir/v2"
URL = ROOT + BASE
CORE = "http://hl7.org/fhir/us/core/StructureDefinition/us-core-"


def get(site: House, target: str, **headers: str) -> Any:
    return site.ask("GET", f"{BASE}/{target}", **({"x_api_key": "k"} | headers))


def put(site: House, target: str, body: Any, method: str = "POST", **headers: str) -> Any:
    octets = body if isinstance(body, bytes) else json.dumps(body).encode()
    return site.ask(method, f"{BASE}/{target}", None, octets, **({"x_api_key": "k"} | headers))


def found(site: House, target: str, **headers: str) -> dict[str, Any]:
    reply = get(site, target, **headers)
    assert reply.status == 200, (target, reply.body)
    return body_of(reply)


def link(bundle: dict[str, Any], relation: str) -> str:
    return next((one["url"] for one in bundle["link"] if one["relation"] == relation), "")


def pages(site: House, target: str) -> Iterator[dict[str, Any]]:
    """As the vendor wants it: on until nothing is on a page."""
    while True:
        bundle = found(site, target)
        yield bundle
        if bundle["total"] == 0:
            return
        target = link(bundle, "next").removeprefix(f"{URL}/")


def nodes(node: Any) -> Iterator[dict[str, Any]]:
    if isinstance(node, dict):
        yield node
        for value in node.values():
            yield from nodes(value)
    elif isinstance(node, list):
        for one in node:
            yield from nodes(one)


@pytest.fixture(scope="module")
def firm(house: Callable[..., House]) -> House:
    return house("modmed")


@pytest.fixture
def mine(house: Callable[..., House]) -> House:
    return house("modmed", 3, fresh=1)


# access


@pytest.mark.behaviour("modmed", "ema-base", "ema-statuses")
def test_a_wrong_firm_is_not_found(firm: House, house: Callable[..., House]) -> None:
    assert get(firm, f"Patient/{firm.patient()}").status == 200
    for path in ("/ema-prod/firm/south/ema/fhir/v2/Patient", "/ema-prod/firm/north/ema/fhir/v1/Patient", "/ema-prod"):
        assert firm.ask("GET", path, x_api_key="k").status == 404
    sandbox = house("modmed", 2, environment="sandbox")
    path = f"/ema-dev/firm/apiportal/ema/fhir/v2/Patient/{sandbox.patient()}"
    assert sandbox.ask("GET", path, x_api_key="k").status == 200


@pytest.mark.behaviour("modmed", "ema-key", "ema-statuses")
def test_a_key_and_a_token_are_wanted_and_an_acl(house: Callable[..., House]) -> None:
    site = house("modmed", 2, open_access=False)
    target, all = f"Patient/{site.patient()}", site.bearer()
    assert get(site, target).status == 401
    assert get(site, target, authorization=all).status == 200
    assert get(site, target, authorization=all, x_api_key="").status == 403
    for scopes in ("system/Condition.rs", "system/Patient.r?name=x", "patient/Patient.rs"):
        assert get(site, target, authorization=site.bearer(scopes, patient=site.patient())).status == 403
    read = site.bearer("system/*.rs")
    assert put(site, "Task", {"resourceType": "Task"}, authorization=read).status == 403
    listed = house("modmed", 2, settings={"ema": {"api_keys": ["good"]}})
    assert get(listed, f"Patient/{listed.patient()}").status == 403
    assert get(listed, f"Patient/{listed.patient()}", x_api_key="good").status == 200


def token(site: House, **form: str) -> tuple[int, dict[str, Any]]:
    reply = site.ask("POST", "/ema-prod/firm/north/ema/ws/oauth2/grant", form)
    return reply.status, body_of(reply)


@pytest.fixture
def closed(house: Callable[..., House]) -> House:
    site = house("modmed", 2, open_access=False, fresh=1)
    register_demo_client(site.site, "ema", "system/*.rs", secret="s3cret")
    return site


OWN = {"client_id": "ema", "client_secret": "s3cret"}


@pytest.mark.behaviour("modmed", "ema-token")
def test_a_client_gets_an_rs256_token_with_a_list_of_acls(closed: House) -> None:
    status, told = token(closed, grant_type="client_credentials", **OWN)
    assert status == 200
    assert (told["expires_in"], told["refresh_expires_in"], told["not-before-policy"]) == (900, 0, 0)
    assert told["scope"].split() == ["acl/enc_s", "acl/pat_s_name_dob_gen"]
    assert claims("." + told["access_token"].split(".")[0])["alg"] == "RS256"
    target, bearer = f"Patient/{closed.patient()}", f"Bearer {told['access_token']}"
    assert get(closed, target, authorization=bearer).status == 200
    closed.site.clock.advance(901)
    assert get(closed, target, authorization=bearer).status == 401


@pytest.mark.behaviour("modmed", "ema-legacy")
def test_the_old_grant_has_an_hs256_token_and_a_refresh_token_that_stays(closed: House) -> None:
    status, told = token(closed, grant_type="password", username="clinician", password="x", **OWN)
    assert status == 200
    assert claims("." + told["access_token"].split(".")[0])["alg"] == "HS256"
    seen = {told["access_token"]}
    for _ in range(2):
        status, again = token(closed, grant_type="refresh_token", refresh_token=told["refresh_token"])
        assert (status, again["refresh_token"]) == (200, told["refresh_token"])
        seen.add(again["access_token"])
    assert len(seen) == 3
    for one in seen:
        assert get(closed, f"Patient/{closed.patient()}", authorization=f"Bearer {one}").status == 200


@pytest.mark.parametrize(
    ("form", "status"),
    [
        ({"grant_type": "client_credentials"}, 401),
        ({"grant_type": "password", "username": "nobody", "password": "x", **OWN}, 401),
        ({"grant_type": "refresh_token", "refresh_token": "x"}, 401),
        ({"grant_type": "x"}, 400),
        ({}, 400),
    ],
)
def test_bad_token_requests_are_refused(closed: House, form: dict[str, str], status: int) -> None:
    assert token(closed, **form)[0] == status


@pytest.mark.behaviour("modmed", "ema-rate")
def test_1250_calls_a_minute_are_allowed(house: Callable[..., House]) -> None:
    site = house("modmed", 2, environment="production", fresh=1)
    target = "Slot"
    statuses = [get(site, target).status for _ in range(1251)]
    assert (set(statuses[:-1]), statuses[-1]) == ({200}, 429)
    assert [name for name, _ in get(site, target).headers if "retry" in name.lower()] == []
    site.site.clock.advance(61)
    assert get(site, target).status == 200


# pages


@pytest.mark.behaviour("modmed", "ema-endless")
def test_total_is_what_is_on_the_page_and_next_is_always_there(firm: House) -> None:
    query = f"Observation?patient={firm.patient(1)}&_count=7"
    made = list(pages(firm, query))
    assert len(made) > 3
    assert all(bundle["total"] == len(bundle["entry"]) and link(bundle, "next") for bundle in made)
    assert made[-1]["total"] == 0
    ids = [one["resource"]["id"] for bundle in made for one in bundle["entry"]]
    there = firm.read(f"Observation?patient={firm.patient(1)}&_count=1000")
    assert sorted(ids) == sorted(one["resource"]["id"] for one in there["entry"])
    assert len(set(ids)) == len(ids)


@pytest.mark.behaviour("modmed", "ema-flag-total")
def test_a_header_brings_the_true_total_and_the_last_page_back(firm: House) -> None:
    flag = {"content_flag": "Pagination_optimization_disabled"}
    first = found(firm, "Patient?_count=5", **flag)
    assert (first["total"], len(first["entry"])) == (12, 5)
    assert link(first, "last").endswith("page=3")
    last = found(firm, "Patient?_count=5&page=3", **flag)
    assert (last["total"], len(last["entry"]), link(last, "next")) == (12, 2, "")


@pytest.mark.behaviour("modmed", "ema-flag-referral")
def test_another_header_adds_fields(firm: House) -> None:
    target = f"Patient/{firm.patient()}"
    plain, more = found(firm, target), found(firm, target, content_flag="Referral")
    added = [one["url"] for one in more["extension"] if one not in plain["extension"]]
    assert added == ["referralSource"]


@pytest.mark.behaviour("modmed", "ema-count")
def test_pages_have_fifty_at_most_and_slots_one_page(house: Callable[..., House]) -> None:
    site = house("modmed", 60)
    assert len(found(site, "Patient?_count=500")["entry"]) == 50
    assert len(found(site, "Patient")["entry"]) == 10
    for query in ("page=0", "page=x", "_count=-1", "_count=99999999"):
        assert get(site, f"Patient?{query}").status == 400
    mine = house("modmed", 3, fresh=1)
    slots(mine, 60)
    bundle = found(mine, "Slot?_count=5")
    assert (bundle["total"], link(bundle, "next")) == (60, "")


def slots(site: House, count: int) -> None:
    for place in range(count):
        slot = {
            "resourceType": "Slot",
            "id": f"s{place}",
            "schedule": {"reference": "Schedule/1", "display": "Dr. Lee"},
            "status": "free",
            "start": "2026-01-05T10:00:00.5Z",
            "end": "2026-01-05T10:15:00Z",
        }
        site.site.store.commit(slot, kind="create", source="control")


# resources


@pytest.mark.behaviour("modmed", "ema-ids", "ema-references")
def test_ids_have_pipes_and_references_are_shown_as_they_are(firm: House) -> None:
    patient = firm.patient(2)
    bundle = found(firm, f"DocumentReference?patient={patient}")
    one = bundle["entry"][0]
    assert re.fullmatch(r"file\|\d+", one["resource"]["id"])
    assert one["fullUrl"] == f"{URL}/DocumentReference/{one['resource']['id'].replace('|', '%7C')}"
    assert (
        found(firm, f"DocumentReference/{one['resource']['id'].replace('|', '%7C')}")["id"] == one["resource"]["id"]
    )
    assert get(firm, f"DocumentReference/{one['resource']['id'].partition('|')[2]}").status == 404
    payers = [one["resource"]["id"] for one in found(firm, "Organization?type=pay")["entry"]]
    assert payers
    assert all(re.fullmatch(r"pay\|\d+", id) for id in payers)
    assert one["resource"]["subject"] == {
        "reference": f"{URL}/Patient/{patient}",
        "display": f"{URL}/Patient/{patient}",
    }


def test_every_reference_of_the_api_can_be_followed_in_it(firm: House) -> None:
    seen, told = set(), set()
    for kind in ("Condition", "Appointment", "Coverage", "AllergyIntolerance", "DocumentReference", "Encounter"):
        for bundle in pages(firm, f"{kind}?patient={firm.patient(3)}&_count=50"):
            for entry in bundle["entry"]:
                seen.add(entry["fullUrl"])
                told |= {node["reference"] for node in nodes(entry["resource"]) if "reference" in node}
    assert len(seen) > 10
    assert all(url.startswith(f"{URL}/") for url in told)
    dead = {url for url in told - seen if get(firm, url.removeprefix(f"{URL}/")).status != 200}
    assert {url.removeprefix(f"{URL}/").partition("/")[0] for url in dead} <= {"Binary", "Specimen"}


@pytest.mark.behaviour("modmed", "ema-identifiers", "ema-extensions", "ema-unreported")
def test_a_patient_has_bare_words_and_what_nobody_reported(firm: House) -> None:
    patients = [one["resource"] for one in found(firm, "Patient?_count=50")["entry"]]
    for one in patients:
        systems = [told["system"] for told in one["identifier"]]
        assert systems == ["http://www.hl7.org/fhir/v2/0203/index.html#v2-0203-MR", "PMS"]
        assert one["address"][0]["country"] == "United States of America"
        assert all(re.fullmatch(r"[A-Za-z-]+", told["url"]) for told in one["extension"])
        assert one["maritalStatus"]["text"]
        assert any(told["url"] == "ethnicity" for told in one["extension"])
    number = patients[0]["identifier"][0]["value"]
    assert found(firm, f"Patient?identifier={number}")["entry"][0]["resource"]["id"] == patients[0]["id"]


@pytest.mark.behaviour("modmed", "ema-unreported")
def test_what_nobody_reported_is_said_so(mine: House) -> None:
    made = put(mine, "Patient", {"resourceType": "Patient", "name": [{"family": "New"}]})
    one = found(mine, made.header("Location").removeprefix(f"{URL}/"))
    assert one["maritalStatus"]["coding"][0]["code"] == "T"
    assert one["maritalStatus"]["text"] == "Unreported"
    (ethnicity,) = [told for told in one["extension"] if told["url"] == "ethnicity"]
    assert ethnicity["extension"] == [{"url": "text", "valueString": "Unspecified"}]


@pytest.mark.behaviour("modmed", "ema-codes")
def test_code_systems_have_names_of_their_own(firm: House) -> None:
    bundles = [found(firm, f"Condition?patient={firm.patient(place)}") for place in range(4)]
    conditions = [entry["resource"] for bundle in bundles for entry in bundle["entry"]]
    assert {one["clinicalStatus"]["coding"][0]["code"] for one in conditions} >= {"ACTIVE", "RESOLVED"}
    for condition in conditions:
        assert condition["code"]["coding"][0]["system"] in ("ICD10", "SNOMED CT")
        status = condition["clinicalStatus"]["coding"][0]
        assert status["system"] == "http://hl7.org/fhir/ValueSet/condition-clinical"
        assert status["code"] in ("ACTIVE", "RESOLVED", "INACTIVE")


@pytest.mark.behaviour("modmed", "ema-texts")
def test_durations_are_texts(firm: House) -> None:
    bundles = [found(firm, f"Appointment?patient={firm.patient(place)}") for place in range(8)]
    durations = [one["resource"]["minutesDuration"] for bundle in bundles for one in bundle["entry"]]
    assert durations
    assert all(isinstance(one, str) and one.isdigit() for one in durations)


@pytest.mark.behaviour("modmed", "ema-slots")
def test_slots_have_seven_digits_and_a_schedule_to_be_shown(mine: House) -> None:
    slots(mine, 1)
    (entry,) = found(mine, "Slot")["entry"]
    assert entry["resource"]["start"] == "2026-01-05T10:00:00.5000000Z"
    assert entry["resource"]["end"] == "2026-01-05T10:15:00.0000000Z"
    assert entry["resource"]["schedule"] == {"display": "Dr. Lee"}


@pytest.mark.behaviour("modmed", "ema-files")
def test_attachments_are_addresses_that_are_over_after_five_minutes(mine: House) -> None:
    entries = [
        one for place in range(3) for one in found(mine, f"DocumentReference?patient={mine.patient(place)}")["entry"]
    ]
    document = entries[0]["resource"]
    assert document["meta"]["tag"][0]["code"] == "SUBSETTED"
    assert document["identifier"][0]["system"] == "filename"
    url = document["content"][0]["attachment"]["url"]
    assert url.startswith(ROOT)
    parts = urlsplit(url)
    target = f"{parts.path}?{parts.query}"
    reply = mine.ask("GET", target)
    assert (reply.status, reply.header("Content-Type")) == (200, document["content"][0]["attachment"]["contentType"])
    id = document["id"].partition("|")[2]
    stored = mine.read(f"DocumentReference/{id}")["content"][0]["attachment"]
    data = stored.get("data") or mine.read(stored["url"], accept="application/fhir+json")["data"]
    assert reply.body == base64.b64decode(data)
    assert mine.ask("GET", target.replace("X-Amz-Signature=", "X-Amz-Signature=0")).status == 403
    mine.site.clock.advance(299)
    assert mine.ask("GET", target).status == 200
    mine.site.clock.advance(2)
    late = mine.ask("GET", target)
    assert late.status == 403
    assert b"AccessDenied" in late.body


# writes


def charge(site: House, transaction: str) -> dict[str, Any]:
    patient = f"{URL}/Patient/{site.patient()}"
    return {
        "resourceType": "ChargeItem",
        "status": "billable",
        "identifier": [{"system": "transactionId", "value": transaction}],
        "code": {"text": "Office visit"},
        "subject": {"reference": patient, "display": patient},
        "reason": [{"coding": [{"system": "I10", "code": "L70.0"}]}],
        "extension": [{"url": "fee", "valueMoney": {"value": "12.50", "currency": "USD"}}],
    }


@pytest.mark.behaviour("modmed", "ema-guard", "ema-ids", "ema-texts")
def test_a_charge_is_taken_once(mine: House) -> None:
    made = put(mine, "ChargeItem", charge(mine, "t-1"))
    assert made.status == 201
    where = made.header("Location")
    assert re.fullmatch(re.escape(f"{URL}/ChargeItem/") + r"INBOUND%7C\d+", where)
    one = found(mine, where.removeprefix(f"{URL}/"))
    assert one["reason"][0]["coding"][0]["system"] == "I10"
    assert one["extension"][0] == {"url": "fee", "valueMoney": {"value": "12.5", "currency": "USD"}}
    before = len(mine.site.log.changes)
    assert put(mine, "ChargeItem", charge(mine, "t-1")).status == 422
    assert len(mine.site.log.changes) == before
    assert put(mine, "ChargeItem", charge(mine, "t-2")).status == 201
    id = unquote(where).rpartition("|")[2]
    stored = mine.read(f"ChargeItem/{id}")
    assert stored["reason"][0]["coding"][0]["system"] == "http://hl7.org/fhir/sid/icd-10"
    assert stored["extension"][0]["valueMoney"]["value"] == 12.5
    assert stored["subject"]["reference"] == f"Patient/{mine.patient()}"
    for wrong in ([], [{"system": "transactionId", "value": ""}], "x", [1]):
        assert put(mine, "ChargeItem", charge(mine, "t-3") | {"identifier": wrong}).status == 422


@pytest.mark.behaviour("modmed", "ema-writes")
def test_what_is_written_is_seen_over_fhir_at_once(mine: House) -> None:
    patient = f"{URL}/Patient/{mine.patient()}"
    subject = {"reference": patient, "display": patient}
    appointment = {
        "resourceType": "Appointment",
        "status": "booked",
        "minutesDuration": "15",
        "start": "2026-02-01T10:00:00Z",
        "end": "2026-02-01T10:15:00Z",
        "participant": [{"actor": subject, "status": "accepted"}],
    }
    status = {"system": "http://hl7.org/fhir/ValueSet/condition-clinical", "code": "ACTIVE"}
    condition = {
        "resourceType": "Condition",
        "clinicalStatus": {"coding": [status]},
        "code": {"coding": [{"system": "ICD10", "code": "L70.0"}]},
        "subject": subject,
    }
    writes = {
        "Appointment": appointment,
        "Condition": condition,
        "MedicationStatement": {
            "resourceType": "MedicationStatement",
            "status": "active",
            "subject": subject,
            "medicationCodeableConcept": {"text": "x"},
        },
        "Task": {"resourceType": "Task", "status": "requested", "intent": "order", "for": subject},
        "Organization": {"resourceType": "Organization", "name": "New"},
        "Practitioner": {"resourceType": "Practitioner", "name": [{"family": "New"}]},
    }
    ids = {}
    for kind, body in writes.items():
        made = put(mine, kind, body)
        assert (made.status, made.body) == (201, b""), (kind, made.body)
        ids[kind] = unquote(made.header("Location")).rpartition("/")[2]
        assert found(mine, f"{kind}/{ids[kind]}")["resourceType"] == kind
    assert [change.resource_type for change in mine.site.log.changes] == list(writes)
    booked = mine.read(f"Appointment/{ids['Appointment']}")
    assert booked["minutesDuration"] == 15
    assert booked["participant"][0]["actor"]["reference"] == f"Patient/{mine.patient()}"
    listed = mine.read(f"Condition?patient={mine.patient()}&code=http://hl7.org/fhir/sid/icd-10-cm|L70.0")
    assert ids["Condition"] in [one["resource"]["id"] for one in listed["entry"]]
    assert mine.read(f"Condition/{ids['Condition']}")["clinicalStatus"]["coding"][0]["code"] == "active"
    changed = put(mine, f"Appointment/{ids['Appointment']}", appointment | {"status": "cancelled"}, "PUT")
    assert changed.status == 200
    assert mine.read(f"Appointment/{ids['Appointment']}")["status"] == "cancelled"


@pytest.mark.parametrize(
    ("target", "body", "method", "status"),
    [
        ("Patient", b"{", "POST", 400),
        ("Patient", b"[]", "POST", 400),
        ("Patient", {"resourceType": "Task"}, "POST", 400),
        ("Observation", {"resourceType": "Observation"}, "POST", 403),
        ("Medication", {"resourceType": "Medication"}, "POST", 404),
        ("Patient/1", {"resourceType": "Patient"}, "PUT", 404),
        ("Patient/1", {"resourceType": "Patient"}, "POST", 405),
        ("Patient", {"resourceType": "Patient"}, "PUT", 405),
        ("Patient/1", {}, "DELETE", 405),
        ("Patient", {"resourceType": "Patient", "gender": 7}, "POST", 422),
        ("Patient", {"resourceType": "Patient", "identifier": "x", "clinicalStatus": 1}, "POST", 422),
        ("Condition", {"resourceType": "Condition", "clinicalStatus": {"coding": "x"}}, "POST", 422),
    ],
)
def test_bad_writes_are_refused_and_nothing_is_written(
    mine: House, target: str, body: Any, method: str, status: int
) -> None:
    reply = put(mine, target, body, method)
    assert (reply.status, bool(body_of(reply)["message"])) == (status, True)
    assert mine.site.log.changes == []


def test_a_search_by_what_there_is_not_is_refused(firm: House) -> None:
    assert get(firm, "Patient?colour=red").status == 400
    assert get(firm, "Patient?birthdate=x").status == 400
    assert get(firm, "Patient/1/2").status == 404
    by_url = found(firm, f"Condition?patient={URL}/Patient/{firm.patient(1)}")
    assert by_url["total"] == found(firm, f"Condition?patient={firm.patient(1)}")["total"] > 0
