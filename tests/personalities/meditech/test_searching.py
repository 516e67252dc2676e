"""How a MEDITECH site is searched. Sources: personalities/meditech/notes.md, section Searching."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

import pytest
from tests.personalities.conftest import ROOT, House, body_of
from tests.personalities.rounds import all_pages

Houses = Callable[..., House]


@pytest.fixture(scope="module")
def site(house: Houses) -> House:
    return house("meditech", 15)


def busiest(site: House) -> str:
    """The patient with the most observations."""
    return max(map(site.patient, range(15)), key=lambda one: len(all_pages(site, f"Observation?patient={one}")))


def link(bundle: dict[str, Any], relation: str) -> str:
    return next((str(one["url"]) for one in bundle["link"] if one["relation"] == relation), "")


def found(site: House, target: str) -> list[str]:
    return [one["resource"]["id"] for one in site.read(target).get("entry", ())]


@pytest.mark.behaviour("meditech", "bundle", "port", "total-of-page", "page-20", "continue")
def test_pages_of_twenty_count_themselves_and_go_on_by_a_token_that_is_no_id(site: House) -> None:
    patient = busiest(site)
    bundle = site.read(f"Observation?patient={patient}&category=vital-signs")
    assert list(bundle) == ["type", "link", "entry", "total", "resourceType"]
    assert all(list(one) == ["fullUrl", "search", "resource"] for one in bundle["entry"])
    assert len(bundle["entry"]) == bundle["total"] == 20
    base = f"{ROOT}:443/v2/uscore/STU6/Observation"
    query = f"?patient={patient}&category=vital-signs"
    assert link(bundle, "self") == base + query
    token = link(bundle, "next").removeprefix(f"{base}{query}&continue=")
    assert re.fullmatch(r"VS\.[0-9A-F]{8}(-[0-9A-F]{4}){3}-[0-9A-F]{12}", token)
    assert all(one["fullUrl"].startswith(f"{base}/VS.") for one in bundle["entry"])
    everything = all_pages(site, f"Observation{query}")
    ids = [one["id"] for one in everything]
    assert len(ids) == len(set(ids)) > 20
    assert token.removeprefix("VS.").lower() not in "".join(ids)
    second = site.read(f"Observation{query}&continue={token}")
    assert second["total"] == len(second["entry"])
    assert ids[20 : 20 + second["total"]] == [one["resource"]["id"] for one in second["entry"]]


@pytest.mark.behaviour("meditech", "continue")
def test_the_token_shows_what_is_searched_for(site: House) -> None:
    patient = busiest(site)

    def token(query: str) -> str:
        url = link(site.read(f"Observation?patient={patient}&_count=1{query}"), "next")
        return parse_qs(urlsplit(url).query)["continue"][0]

    system = quote("http://terminology.hl7.org/CodeSystem/observation-category|laboratory")
    assert token("&category=laboratory").startswith("LA.")
    assert token(f"&category={system}").startswith("LA.")
    assert token("&category=social-history").startswith("SS.")
    assert "." not in token("")


@pytest.mark.behaviour("meditech", "page-20", "all-at-once", "unpaged")
def test_three_types_come_by_twenty_and_the_others_all_at_once(site: House) -> None:
    rules = site.site.personality.rules
    assert {kind for kind in site.site.fhir.types if rules.page_size(kind, None) == 20} == {
        *("Observation", "DiagnosticReport", "Procedure")
    }
    patients = [site.patient(place) for place in range(15)]
    most = {kind: max(len(found(site, f"{kind}?patient={one}")) for one in patients) for kind in ("Immunization",)}
    assert most["Immunization"] > 20
    for kind in ("Encounter", "Condition", "ServiceRequest", "Immunization"):
        for patient in patients:
            assert link(site.read(f"{kind}?patient={patient}"), "next") == ""
    patient = max(patients, key=lambda one: len(found(site, f"Encounter?patient={one}")))
    counted = site.read(f"Encounter?patient={patient}&_count=2")
    assert (counted["total"], bool(link(counted, "next"))) == (2, True)
    patient = max(patients, key=lambda one: len(found(site, f"Immunization?patient={one}")))
    assert link(site.read(f"Immunization?patient={patient}&_count=2"), "next") == ""


def test_an_empty_answer_has_no_entries(site: House) -> None:
    bundle = site.read(f"MedicationDispense?patient={site.patient()}")
    assert list(bundle) == ["type", "link", "total", "resourceType"]
    assert bundle["total"] == 0


@pytest.mark.behaviour("meditech", "patient-identifier", "team-by-patient")
def test_the_vendors_own_collection_finds_documents_and_the_team_by_the_patients_id(site: House) -> None:
    for patient in map(site.patient, range(5)):
        documents = found(site, f"DocumentReference?patient={patient}")
        assert documents
        assert found(site, f"DocumentReference?patient.identifier={patient}") == documents
        assert found(site, f"CareTeam?_id={patient}") == [patient]
        assert site.read(f"CareTeam/{patient}")["subject"]["reference"] == f"Patient/{patient}"


@pytest.mark.behaviour("meditech", "last-first")
def test_a_patient_is_found_by_last_name_comma_first_name_and_birth_date(site: House) -> None:
    for patient in map(site.patient, range(15)):
        one = site.read(f"Patient/{patient}")
        name = one["name"][0]
        text = quote(f"{name['family']}\\,{name['given'][0]}")
        assert patient in found(site, f"Patient?name={text}")
        assert found(site, f"Patient?name={text}&birthdate={one['birthDate']}") == [patient]
        assert found(site, f"Patient?name={text}&birthdate=1850-01-01") == []
    other = quote("Nobody\\,Else")
    assert found(site, f"Patient?name={other}") == []


@pytest.mark.behaviour("meditech", "exact-match", "record-number")
def test_one_patient_is_found_by_a_number_of_an_exact_match(site: House) -> None:
    for patient in map(site.patient, range(3)):
        number = site.read(f"Patient/{patient}")["identifier"][0]
        assert found(site, f"Patient?exact=true&mr={number['value']}") == [patient]
        assert found(site, f"Patient?identifier={number['system']}|{number['value']}") == [patient]
        assert found(site, f"Patient?identifier={number['value']}") == [patient]
        assert found(site, f"Patient?identifier={number['value'].removeprefix('IA')}") == []
        asked = f"Patient?exact=true&ptId={number['value']}&ptSource={quote(number['system'])}"
        assert found(site, asked) == [patient]
    assert found(site, "Patient?exact=true&pn=1.2.3") == []
    assert site.fhir("Patient?exact=true").status == 400


@pytest.mark.behaviour("meditech", "documented-limits")
@pytest.mark.parametrize(
    ("wrong", "right"),
    [
        ("Goal?lifecycle-status=active", "Goal?patient={p}&lifecycle-status=active"),
        ("RelatedPerson?name=x", "RelatedPerson?patient={p}&name=x"),
        ("Practitioner?family=a&given=b", "Practitioner?family=a"),
        ("Practitioner?identifier=1&given=b", "Practitioner?given=b"),
    ],
)
def test_searches_that_the_statement_rules_out_are_refused(site: House, wrong: str, right: str) -> None:
    reply = site.fhir(wrong)
    assert (reply.status, body_of(reply)["detail"]) == (400, "Bad Request")
    assert site.fhir(right.replace("{p}", site.patient())).status == 200


def test_a_page_is_over_when_its_token_is_nobodys(site: House) -> None:
    assert site.fhir(f"Observation?patient={site.patient()}&continue=VS.{'A' * 8}").status == 410
