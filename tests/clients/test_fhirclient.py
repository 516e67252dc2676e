"""SMART's own `fhirclient` against the running simulator: it discovers, authorises and parses strictly by itself."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from typing import Any

import pytest
from fhirclient.client import FHIRClient
from fhirclient.models.patient import Patient
from fhirclient.server import FHIRUnauthorizedException


@pytest.fixture
def smart(hospital: Any) -> Iterator[FHIRClient]:
    """Authorised by its own mechanism: the token endpoint from the CapabilityStatement, an assertion for a token."""
    client = FHIRClient(
        settings={
            "app_id": hospital.client.client_id,
            "api_base": hospital.fhir_url,
            "scope": hospital.client.scopes,
            "jwt_token": hospital.assertion("for-fhirclient"),
        }
    )
    client.wants_patient = False
    client.prepare()
    client.authorize()
    yield client
    client.server.session.close()


def test_fhirclient_gets_its_token_from_what_the_server_says_of_itself(hospital: Any, smart: FHIRClient) -> None:
    assert smart.ready
    assert smart.server.capabilityStatement.fhirVersion == "4.0.1"
    assert smart.server.auth._token_uri == hospital.client.token_url
    assert "system/" in smart.launch_context["scope"]


def test_fhirclient_pages_through_all_patients(hospital: Any, smart: FHIRClient) -> None:
    pages = list(Patient.where(hospital.list_everyone()).perform_iter(smart.server))
    found = [one.id for page in pages for one in resources(page) if one.resource_type == "Patient"]
    everyone = hospital.everyone()
    assert len(found) == len(everyone) == 205
    assert set(found) == set(everyone)
    assert len(pages) == hospital.searched("Patient") == 11  # ten pages of twenty and one of five


def test_fhirclient_reads_whole_charts(hospital: Any, smart: FHIRClient) -> None:
    for index, patient in hospital.charted():
        assert Patient.read(patient, smart.server).name[0].family
        for kind, category in hospital.searches:
            model = getattr(import_module(f"fhirclient.models.{kind.lower()}"), kind)
            asked = {"patient": patient, "_count": "10"} | ({"category": category} if category else {})
            found = model.where(asked).perform_resources_iter(smart.server)
            ids = sorted(one.id for one in found if one.resource_type == kind)
            assert ids == hospital.truth(index, kind, category), (kind, category)
    assert hospital.searched("Observation") > 2 * len(hospital.charted())


def test_fhirclient_creates_a_patient_and_reads_it_back(hospital: Any, smart: FHIRClient) -> None:
    given = {
        "resourceType": "Patient",
        "name": [{"family": "Ibáñez", "given": ["Zoë"]}],
        "gender": "female",
        "birthDate": "1957-03-09",
    }
    answered = Patient(given).create(smart.server)
    asked = {"family": "Ibáñez", "given": "Zoë", "birthdate": "1957-03-09"}
    found = [one for one in Patient.where(asked).perform_resources_iter(smart.server) if isinstance(one, Patient)]
    assert len(found) == 1
    read = Patient.read(found[0].id, smart.server)
    assert answered is None or answered["id"] == read.id
    assert given.items() <= read.as_json().items()


def test_fhirclient_without_a_token_is_told_so(hospital: Any) -> None:
    client = FHIRClient(settings={"app_id": "nobody", "api_base": hospital.fhir_url})
    try:
        with pytest.raises(FHIRUnauthorizedException):
            Patient.read(hospital.everyone()[0], client.server)
    finally:
        client.server.session.close()


def resources(page: Any) -> list[Any]:
    """What a Bundle holds."""
    return [entry.resource for entry in page.entry or () if entry.resource]
