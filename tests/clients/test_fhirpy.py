"""fhirpy (beda-software) against the running simulator: it pages by the links and leaves the bodies as they are."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from fhirpy import AsyncFHIRClient, SyncFHIRClient
from fhirpy.base.exceptions import AuthorizationError, MultipleResourcesFound, OperationOutcome, ResourceNotFound

FHIR_JSON = "application/fhir+json"
PATIENCE = {"timeout": 20}
"""Seconds for each request."""


@pytest.fixture
def fhirpy_client(hospital: Any) -> SyncFHIRClient:
    headers = {"Accept": FHIR_JSON}
    token = f"Bearer {hospital.token()}"
    return SyncFHIRClient(hospital.fhir_url, authorization=token, extra_headers=headers, requests_config=PATIENCE)


def test_fhirpy_pages_through_all_patients(hospital: Any, fhirpy_client: SyncFHIRClient) -> None:
    found = [one.id for one in fhirpy_client.resources("Patient").search(**hospital.list_everyone())]
    everyone = hospital.everyone()
    assert len(found) == len(everyone) == 205
    assert set(found) == set(everyone)
    assert hospital.searched("Patient") == 11  # ten pages of twenty and one of five


def test_fhirpy_reads_whole_charts(hospital: Any, fhirpy_client: SyncFHIRClient) -> None:
    for index, patient in hospital.charted():
        for kind, category in hospital.searches:
            asked = {"patient": patient} | ({"category": category} if category else {})
            found = fhirpy_client.resources(kind).search(**asked).limit(10).fetch_all()
            assert sorted(one.id for one in found) == hospital.truth(index, kind, category), (kind, category)
    assert hospital.searched("Observation") > 2 * len(hospital.charted())


def test_fhirpy_creates_a_patient_and_reads_it_back(hospital: Any, fhirpy_client: SyncFHIRClient) -> None:
    given = {"name": [{"family": "Ibáñez", "given": ["Zoë"]}], "gender": "female", "birthDate": "1957-03-09"}
    made = fhirpy_client.resource("Patient", **given)
    made.save()
    # Vendors that answer a create with nothing leave fhirpy without an id, so that it has to look.
    found = fhirpy_client.resources("Patient").search(family="Ibáñez", given="Zoë", birthdate="1957-03-09").fetch()
    assert len(found) == 1
    read = fhirpy_client.reference("Patient", found[0].id).to_resource()
    assert made.id in (None, read.id)
    assert hospital.as_given(given, read) == given


def test_fhirpy_without_a_token_is_told_so(hospital: Any) -> None:
    bare = SyncFHIRClient(hospital.fhir_url, extra_headers={"Accept": FHIR_JSON}, requests_config=PATIENCE)
    with pytest.raises(AuthorizationError):
        bare.resources("Patient").search(**hospital.list_everyone()).fetch()


# its whole vocabulary, at a site that does what the standard says


def client_at(told: dict[str, Any], **headers: str) -> SyncFHIRClient:
    """A client with a token that sends those headers (`_` for `-`) with each request."""
    extra = {"Accept": FHIR_JSON} | {name.replace("_", "-"): value for name, value in headers.items()}
    token = f"Bearer {told['token']}"
    return SyncFHIRClient(told["base"], authorization=token, extra_headers=extra, requests_config=PATIENCE)


@pytest.fixture
def visitor(told: dict[str, Any]) -> SyncFHIRClient:
    """At the generic hospital."""
    return client_at(told)


def test_fhirpy_saves_refreshes_and_deletes(told: dict[str, Any], visitor: SyncFHIRClient) -> None:
    one = visitor.resource("Patient", **told["person"])
    one.create()
    assert (one["meta"]["versionId"], one["gender"]) == ("1", "female")
    one["birthDate"] = "1960-02-29"
    one.save()
    assert one["meta"]["versionId"] == "2"
    before = one.serialize()
    one.refresh()  # with If-None-Match, so that nothing comes
    assert one.serialize() == before
    one["active"] = True
    one.update()
    assert (one["meta"]["versionId"], one["active"]) == ("3", True)
    assert visitor.get("Patient", one.id) == one.serialize()
    one.delete()
    with pytest.raises(ResourceNotFound, match="deleted"):
        one.to_reference().to_resource()
    assert visitor.resources("Patient").search(identifier=record(told)).fetch() == []


def test_fhirpy_validates(told: dict[str, Any], visitor: SyncFHIRClient) -> None:
    assert visitor.resource("Patient", **told["person"]).is_valid()
    faulty = visitor.resource("Patient", **told["person"] | {"gender": "x"})
    assert not faulty.is_valid()
    with pytest.raises(OperationOutcome, match=r"Patient\.gender"):
        faulty.save()


def test_fhirpy_patches_with_the_media_types_of_the_standard(told: dict[str, Any], visitor: SyncFHIRClient) -> None:
    one = visitor.resource("Patient", **told["person"]).create()
    place = f"Patient/{one.id}"
    with pytest.raises(OperationOutcome) as refused:
        visitor.patch(one, active=True)  # fhirpy's own: members to be merged, as application/json, which R4 has not
    assert "application/json-patch+json" in json.dumps(refused.value.resource)
    operations = [{"op": "add", "path": "/active", "value": True}]
    patched = client_at(told, Content_Type="application/json-patch+json").execute(place, "patch", data=operations)
    assert (patched["meta"]["versionId"], patched["active"]) == ("2", True)
    step = [
        {"name": "type", "valueCode": "replace"},
        {"name": "path", "valueString": "Patient.active"},
        {"name": "value", "valueBoolean": False},
    ]
    parameters = {"resourceType": "Parameters", "parameter": [{"name": "operation", "part": step}]}
    patched = client_at(told, Content_Type=FHIR_JSON).execute(place, "patch", data=parameters)
    assert (patched["meta"]["versionId"], patched["active"]) == ("3", False)


def test_fhirpy_creates_updates_and_deletes_by_search(told: dict[str, Any], visitor: SyncFHIRClient) -> None:
    person = visitor.resource("Patient", **told["person"])
    ours = visitor.resources("Patient").search(identifier=record(told))
    # fhirpy says in the query what R4 says in a header.
    careful = client_at(told, If_None_Exist=f"identifier={record(told)}").resources("Patient")
    made, new = careful.get_or_create(person)
    same, newer = careful.get_or_create(person)
    assert (new, newer) == (True, False)
    assert made.serialize() == same.serialize() == ours.get().serialize()
    person["active"] = True
    updated, new = ours.update(person)
    assert (updated.id, updated["active"], updated["meta"]["versionId"], new) == (made.id, True, "2", False)
    person["identifier"][0]["value"] = "r-2"
    other, new = visitor.resources("Patient").search(identifier="http://example.org/record|r-2").update(person)
    assert (other.id != made.id, new) == (True, True)
    with pytest.raises(MultipleResourcesFound, match="more than one"):
        visitor.resources("Patient").search(family="Ibáñez").update(person)
    with pytest.raises(MultipleResourcesFound, match="more than one"):
        visitor.resources("Patient").search(family="Ibáñez").delete()
    assert ours.delete() == (None, 204)
    assert [one.id for one in visitor.resources("Patient").search(family="Ibáñez")] == [other.id]


def test_fhirpy_searches_in_all_its_ways(generic: Any, told: dict[str, Any], visitor: SyncFHIRClient) -> None:
    index, patient = generic.busiest
    everyone = visitor.resources("Patient")
    assert everyone.count() == len(generic.everyone())
    assert everyone.first().id == generic.everyone()[0]
    assert everyone.search(_id="nobody").first() is None
    assert everyone.search(_id=patient).get().id == patient
    with pytest.raises(MultipleResourcesFound):
        everyone.get()
    assert [one.id for one in everyone.limit(7).fetch_all()] == generic.everyone()
    births = [one["birthDate"] for one in everyone.sort("-birthdate").elements("birthDate").fetch_all()]
    assert births == sorted(births, reverse=True)
    old = everyone.search(birthdate__lt="1950").fetch_all()
    assert sorted(one.id for one in old) == sorted(
        one.id for one in everyone.fetch_all() if one["birthDate"] < "1950"
    )
    number = everyone.search(_id=patient).get()["identifier"][0]
    theirs = f"{number['system']}|{number['value']}"
    chained = visitor.resources("Condition").search(patient__Patient__identifier=theirs).fetch_all()
    assert sorted(one.id for one in chained) == generic.truth(index, "Condition")


def test_fhirpy_includes_and_asks_who_has(generic: Any, visitor: SyncFHIRClient) -> None:
    index, patient = generic.busiest
    conditions = generic.truth(index, "Condition")
    raw = (
        visitor.resources("Condition").search(patient=patient).include("Condition", "subject").limit(100).fetch_raw()
    )
    assert held(raw, "Condition", "match") == conditions
    assert held(raw, "Patient", "include") == [patient]
    raw = visitor.resources("Patient").search(_id=patient).revinclude("Condition", "subject").fetch_raw()
    assert held(raw, "Patient", "match") == [patient]
    assert held(raw, "Condition", "include") == conditions
    code = visitor.reference("Condition", conditions[0]).to_resource()["code"]["coding"][0]
    wanted = f"{code['system']}|{code['code']}"
    found = {one.id for one in visitor.resources("Patient").has("Condition", "patient", code=wanted).fetch_all()}
    theirs = visitor.resources("Condition").search(code=wanted).fetch_all()
    assert patient in found
    assert found == {one["subject"].id for one in theirs}


def test_fhirpy_executes_operations_and_transactions(
    generic: Any, told: dict[str, Any], visitor: SyncFHIRClient
) -> None:
    index, patient = generic.busiest
    everything = visitor.reference("Patient", patient).execute("$everything", method="get")
    for kind in ("Condition", "Encounter", "MedicationRequest"):
        assert held(everything, kind, "match") == generic.truth(index, kind), kind
    answer = visitor.execute("", data=told["transaction"])
    observation, person, _ = answer["entry"]
    assert [one["response"]["status"][:3] for one in answer["entry"]] == ["201", "201", "200"]
    read = visitor.reference("Observation", observation["resource"]["id"]).to_resource()
    assert read["subject"].to_resource().serialize() == person["resource"]
    with pytest.raises(OperationOutcome, match=r"Bundle\.entry\[0\]"):
        visitor.execute("", data=told["faulty"])
    assert visitor.resources("Patient").search(**told["faultyLeaves"]).count() == 0


def test_fhirpy_does_it_all_asynchronously(generic: Any, told: dict[str, Any]) -> None:
    client = AsyncFHIRClient(
        told["base"], authorization=f"Bearer {told['token']}", extra_headers={"Accept": FHIR_JSON}
    )

    async def visit() -> tuple[list[str], int, Any]:
        one = client.resource("Patient", **told["person"])
        await one.save()
        one["active"] = True
        await one.save()
        found, count = await asyncio.gather(
            client.resources("Patient").limit(9).fetch_all(), client.resources("Patient").count()
        )
        await one.delete()
        with pytest.raises(ResourceNotFound):
            await client.get("Patient", one.id)
        return [each.id for each in found if each.id != one.id], count, one["meta"]["versionId"]

    seen, count, version = asyncio.run(asyncio.wait_for(visit(), timeout=30))
    assert seen == generic.everyone()
    assert (count, version) == (len(seen) + 1, "2")


def record(told: dict[str, Any]) -> str:
    """The identifier of the person to be written, as a search has it."""
    identifier = told["person"]["identifier"][0]
    return f"{identifier['system']}|{identifier['value']}"


def held(bundle: Any, kind: str, mode: str) -> list[str]:
    """Sorted ids of the resources of a kind that a searchset holds as matches, or as included."""
    entries = [one for one in bundle["entry"] if one["search"]["mode"] == mode]
    return sorted(one["resource"]["id"] for one in entries if one["resource"]["resourceType"] == kind)
