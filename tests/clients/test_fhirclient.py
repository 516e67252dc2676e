"""SMART's own `fhirclient` against the running simulator: it discovers, authorises and parses strictly by itself."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from importlib import import_module
from typing import Any

import pytest
from fhirclient.client import FHIRClient
from fhirclient.models.bundle import Bundle
from fhirclient.models.condition import Condition
from fhirclient.models.encounter import Encounter
from fhirclient.models.fhirdate import FHIRDate
from fhirclient.models.observation import Observation
from fhirclient.models.patient import Patient
from fhirclient.server import FHIRNotFoundException, FHIRUnauthorizedException
from requests import HTTPError


@pytest.fixture
def smart(hospital: Any) -> Iterator[FHIRClient]:
    """Authorised by its own mechanism: the token endpoint from the CapabilityStatement, an assertion for a token."""
    yield from authorised(hospital)


@pytest.fixture
def visitor(generic: Any) -> Iterator[FHIRClient]:
    """The same at the generic hospital."""
    yield from authorised(generic)


def authorised(hospital: Any) -> Iterator[FHIRClient]:
    """A client with a token, until it is closed."""
    client = FHIRClient(
        settings={
            "app_id": hospital.client.client_id,
            "api_base": hospital.fhir_url,
            "scope": hospital.client.scopes,
            "jwt_token": hospital.assertion("for-fhirclient"),
        }
    )
    client.wants_patient = False
    client.server.session.request = partial(client.server.session.request, timeout=20)
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
    listed = [one.id for page in pages for one in resources(page) if one.resource_type == "Patient"]
    everyone = hospital.everyone()
    assert len(listed) == len(everyone) == 205
    assert set(listed) == set(everyone)
    assert len(pages) == hospital.searched("Patient") == 11  # ten pages of twenty and one of five


def test_fhirclient_reads_whole_charts(hospital: Any, smart: FHIRClient) -> None:
    for index, patient in hospital.charted():
        assert Patient.read(patient, smart.server).name[0].family
        for kind, category in hospital.searches:
            model = import_model(kind)
            asked = {"patient": patient, "_count": "10"} | ({"category": category} if category else {})
            chart = model.where(asked).perform_resources_iter(smart.server)
            ids = sorted(one.id for one in chart if one.resource_type == kind)
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
    theirs = [one for one in Patient.where(asked).perform_resources_iter(smart.server) if isinstance(one, Patient)]
    assert len(theirs) == 1
    read = Patient.read(theirs[0].id, smart.server)
    assert answered is None or answered["id"] == read.id
    assert hospital.as_given(given, read.as_json()) == given


def test_fhirclient_without_a_token_is_told_so(hospital: Any) -> None:
    client = FHIRClient(settings={"app_id": "nobody", "api_base": hospital.fhir_url})
    try:
        with pytest.raises(FHIRUnauthorizedException):
            Patient.read(hospital.everyone()[0], client.server)
    finally:
        client.server.session.close()


# its whole vocabulary, at a site that does what the standard says


def test_fhirclient_updates_and_deletes_models(told: dict[str, Any], visitor: FHIRClient) -> None:
    made = Patient(Patient(told["person"]).create(visitor.server))
    assert made.meta.versionId == "1"
    read = Patient.read(made.id, visitor.server)
    assert read.as_json() == made.as_json()
    read.birthDate = FHIRDate("1960-02-29")
    read.active = True
    updated = Patient(read.update(visitor.server))
    assert (updated.meta.versionId, updated.active, updated.birthDate.isostring) == ("2", True, "1960-02-29")
    assert updated.delete(visitor.server) is None
    with pytest.raises(HTTPError, match="410"):
        Patient.read(made.id, visitor.server)
    assert found(Patient, {"identifier": "http://example.org/record|r-1"}, visitor) == []


def test_fhirclient_is_told_what_is_wrong_with_a_model(told: dict[str, Any], visitor: FHIRClient) -> None:
    with pytest.raises(FHIRNotFoundException):
        Patient.read("nobody", visitor.server)
    one = Patient(told["person"])
    one.gender = "x"
    with pytest.raises(HTTPError, match="422") as refused:
        one.create(visitor.server)
    assert refused.value.response.json()["issue"][0]["expression"] == ["Patient.gender"]


def test_fhirclient_updates_with_an_id_of_its_own(told: dict[str, Any], visitor: FHIRClient) -> None:
    one = Patient(told["person"])
    one.id = "chosen-here"
    assert Patient(one.update(visitor.server)).meta.versionId == "1"
    assert Patient.read("chosen-here", visitor.server).name[0].family == "Ibáñez"


def test_fhirclient_searches_by_constructs_and_includes(generic: Any, visitor: FHIRClient) -> None:
    index, patient = generic.busiest
    conditions = generic.truth(index, "Condition")
    search = Condition.where({"patient": patient, "_count": "4"}).include("subject")
    pages = list(search.perform_iter(visitor.server))
    assert len(pages) == -(-len(conditions) // 4) > 1
    matches = [one for page in pages for one in resources(page)]
    assert sorted(one.id for one in matches if isinstance(one, Condition)) == conditions
    assert {one.id for one in matches if isinstance(one, Patient)} == {patient}
    backwards = Patient.where({"_id": patient}).include("subject", Encounter, reverse=True)
    held = list(backwards.perform_resources_iter(visitor.server))
    assert sorted(one.id for one in held if isinstance(one, Encounter)) == generic.truth(index, "Encounter")
    family = Patient.read(patient, visitor.server).name[0].family
    exact = found(Patient, {"family": {"$exact": family}}, visitor)
    either = found(Patient, {"_id": {"$or": [patient, generic.everyone()[0]]}}, visitor)
    span = found(Patient, {"birthdate": {"$and": ["ge1900-01-01", "lt1950-01-01"]}}, visitor)
    assert patient in exact
    assert either == sorted({patient, generic.everyone()[0]})
    assert 0 < len(span) < len(generic.everyone())


def test_fhirclient_follows_references(generic: Any, visitor: FHIRClient) -> None:
    index, patient = generic.busiest
    encounter = Encounter.read(generic.truth(index, "Encounter")[0], visitor.server)
    assert encounter.subject.resolved(Patient).id == patient
    assert encounter.serviceProvider.resolved(import_model("Organization")).active is True


def test_fhirclient_reads_everything_and_a_transaction_as_models(
    generic: Any, told: dict[str, Any], visitor: FHIRClient
) -> None:
    index, patient = generic.busiest
    everything = Bundle.read_from(f"Patient/{patient}/$everything", visitor.server)
    for kind in ("Condition", "Encounter", "Immunization"):
        ids = [one.id for one in resources(everything) if one.resource_type == kind]
        assert sorted(ids) == generic.truth(index, kind), kind
    answer = Bundle(visitor.server.post_json("", Bundle(told["transaction"]).as_json()).json())
    observation, person, _ = resources(answer)
    assert [entry.response.status[:3] for entry in answer.entry] == ["201", "201", "200"]
    assert Observation.read(observation.id, visitor.server).subject.reference == f"Patient/{person.id}"


def test_fhirclient_reads_the_history_as_models(told: dict[str, Any], visitor: FHIRClient) -> None:
    one = Patient(Patient(told["person"]).create(visitor.server))
    one.active = True
    one.update(visitor.server)
    one.delete(visitor.server)
    history = Bundle.read_from(f"Patient/{one.id}/_history", visitor.server)
    assert (history.type, history.total) == ("history", 3)
    assert [entry.request.method for entry in history.entry] == ["DELETE", "PUT", "POST"]
    assert [one.active for one in resources(history)] == [True, None]
    first = Patient.read_from(f"Patient/{one.id}/_history/1", visitor.server)
    assert first.as_json() == resources(history)[1].as_json()


def import_model(kind: str) -> Any:
    """The model of a resource type."""
    return getattr(import_module(f"fhirclient.models.{kind.lower()}"), kind)


def found(model: Any, asked: dict[str, Any], client: FHIRClient) -> list[str]:
    """Sorted ids of what a search finds."""
    return sorted(one.id for one in model.where(asked).perform_resources_iter(client.server))


def resources(page: Any) -> list[Any]:
    """What a Bundle holds."""
    return [entry.resource for entry in page.entry or () if entry.resource]
