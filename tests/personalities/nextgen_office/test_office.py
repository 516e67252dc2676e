"""NextGen Office: HAPI behind Keycloak. Sources: personalities/nextgen_office/notes.md."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import orjson
import pytest
from fhir.resources.R4B import get_fhir_model_class

House = Any
Houses = Callable[..., House]
REALM = "/auth/realms/nextgen"
CONNECT = REALM + "/protocol/openid-connect"


@pytest.fixture(scope="module")
def office(house: Houses) -> House:
    return house("nextgen_office", 8)


@pytest.mark.behaviour("nextgen_office", "fhir-path", "hapi-570", "statement-types", "read-only-types")
def test_the_statement_is_that_of_hapi(office: House) -> None:
    assert office.site.fhir_path == "/api/fhir/r4"
    found = office.read("metadata")
    assert (found["name"], found["publisher"], len(found["id"])) == ("RestServer", "Not provided", 36)
    assert found["software"] == {"name": "HAPI FHIR Server", "version": "5.7.0"}
    assert found["format"] == ["application/fhir+xml", "xml", "application/fhir+json", "json"]
    types = {one["type"]: one for one in found["rest"][0]["resource"]}
    assert {"Binary", "Group"}.isdisjoint(types)
    assert {one["name"]: one["type"] for one in types["Patient"]["searchParam"]} == {
        "_id": "reference",
        "birthdate": "date",
        "gender": "reference",
        "identifier": "token",
        "name": "reference",
    }
    assert types["Patient"]["searchInclude"] == ["*", "Patient:_id", "Patient:gender", "Patient:name"]
    for kind in ("Location", "Practitioner", "Provenance"):
        assert [one["code"] for one in types[kind]["interaction"]] == ["read"]
        assert "searchParam" not in types[kind]
        assert office.fhir(kind).status == 405


@pytest.mark.behaviour("nextgen_office", "keycloak", "discovery-keys", "aud")
def test_tokens_come_from_a_realm(office: House) -> None:
    found = office.read(".well-known/smart-configuration")
    assert next(iter(found)) == "response_types_supported"
    assert "scopes_supported" not in found
    root = found["issuer"].removesuffix(REALM)
    paths = {"authorization": "auth", "token": "token", "revocation": "revoke", "introspection": "token/introspect"}
    assert {name: found[f"{name}_endpoint"] for name in paths} == {
        name: f"{root}{CONNECT}/{path}" for name, path in paths.items()
    }
    assert found["jwks_uri"] == f"{root}{CONNECT}/certs"
    assert "keys" in orjson.loads(office.ask("GET", f"{CONNECT}/certs").body)
    openid = orjson.loads(office.ask("GET", f"{REALM}/.well-known/openid-configuration").body)
    assert openid["issuer"] == root + REALM
    assert office.site.auth.settings.audience_required


@pytest.mark.behaviour("nextgen_office", "chart-number", "numbers")
def test_a_chart_number_is_the_id_with_letters_in_front(office: House) -> None:
    for index in range(3):
        id = office.patient(index)
        assert id.isdigit()
        [number] = [
            one["value"]
            for one in office.read(f"Patient/{id}")["identifier"]
            if one["type"]["coding"][0]["code"] == "MR"
        ]
        assert number == f"HF{id}"
        for target in (f"identifier={number}", f"identifier=urn:oid:2.16.840.1.113883.19.5|{number}"):
            found = office.read(f"Patient?{target}")
            assert [one["resource"]["id"] for one in found["entry"]] == [id]
    for nobody in ("HF1", "HF", "1", "2"):
        assert "entry" not in office.read(f"Patient?identifier={nobody}")


def test_refusals_have_a_table_for_people(office: House) -> None:
    reply = office.fhir("Patient/1")
    found = orjson.loads(reply.body)
    assert reply.status == 404
    assert found["issue"][0]["code"] == "processing"
    assert found["issue"][0]["diagnostics"] in found["text"]["div"]
    assert "<pre>" in found["text"]["div"]


def test_what_is_found_can_be_read_and_everything_referred_to_too(office: House) -> None:
    statement = office.read("metadata")["rest"][0]["resource"]
    references, seen = set(), set()
    for one in statement:
        names = {told["name"] for told in one.get("searchParam", ())}
        if not names:
            continue
        targets = [f"?patient={office.patient(n)}" for n in range(8)] if "patient" in names else [""]
        for target in targets:
            bundle = office.read(f"{one['type']}{target}")
            assert bundle["type"] == "searchset"
            for entry in bundle.get("entry", ())[:3]:
                resource = entry["resource"]
                assert office.read(f"{one['type']}/{resource['id']}") == resource
                get_fhir_model_class(one["type"]).model_validate(resource)
                subject = resource.get("subject") or resource.get("patient") or {}
                references |= {subject.get("reference"), resource.get("encounter", {}).get("reference")}
                assert "medicationReference" not in resource
                seen.add(one["type"])
    assert {"Patient", "Observation", "Condition", "Organization", "PractitionerRole"} <= seen
    assert all(office.fhir(reference).status == 200 for reference in references - {None})


def test_pages_can_be_followed_to_the_end(office: House) -> None:
    patient = max(map(office.patient, range(8)), key=lambda one: office.read(f"Observation?patient={one}")["total"])
    page = office.read(f"Observation?patient={patient}&_count=20")
    seen, total = [], page["total"]
    while True:
        seen += [one["resource"]["id"] for one in page["entry"]]
        following = [one["url"] for one in page["link"] if one["relation"] == "next"]
        if not following:
            break
        assert "_getpages=" in following[0]
        page = office.read(following[0].rpartition("/api/fhir/r4/")[2])
    assert len(seen) == len(set(seen)) == total > 20
