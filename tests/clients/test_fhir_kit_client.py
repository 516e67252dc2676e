"""fhir-kit-client (npm), driven by node, against the running simulator."""

from __future__ import annotations

from typing import Any

import pytest

PROGRAM = "fhir_kit_client.mjs"


@pytest.mark.slow
def test_fhir_kit_client_lists_reads_and_creates(hospital: Any, node: Any) -> None:
    charts = [
        (index, kind, category, {"patient": patient, "_count": "10"} | ({"category": category} if category else {}))
        for index, patient in hospital.charted()
        for kind, category in hospital.searches
    ]
    patient = {
        "resourceType": "Patient",
        "name": [{"family": "Ibáñez", "given": ["Zoë"]}],
        "gender": "female",
        "birthDate": "1957-03-09",
    }
    told = {
        "base": hospital.fhir_url,
        "assertion": hospital.assertion("for-fhir-kit-client"),
        "scope": hospital.client.scopes,
        "everyone": hospital.list_everyone(),
        "charts": [{"type": kind, "params": params} for _, kind, _, params in charts],
        "patient": patient,
    }
    everyone = hospital.everyone()
    saw = node.play(PROGRAM, "backend", told, patience=60 + len(charts))

    assert saw["tokenUrl"] == hospital.client.token_url
    assert saw["authorizeUrl"] == hospital.site.site.addresses(hospital.fhir_url).authorize
    assert saw["refusedBare"] == 401
    assert len(saw["everyone"]["ids"]) == len(everyone) == 205
    assert set(saw["everyone"]["ids"]) == set(everyone)
    assert saw["everyone"]["pages"] == hospital.searched("Patient") == 11  # ten pages of twenty and one of five
    for (index, kind, category, _), read in zip(charts, saw["charts"], strict=True):
        assert sorted(read["ids"]) == hospital.truth(index, kind, category), (kind, category)
    assert max(read["pages"] for read in saw["charts"]) > 1
    assert saw["created"]["status"] == 201
    assert saw["read"]["id"] == saw["created"]["id"]
    assert hospital.as_given(patient, saw["read"]) == patient


@pytest.mark.slow
def test_fhir_kit_client_writes_patches_deletes_and_reads_the_history(told: dict[str, Any], node: Any) -> None:
    saw = node.play(PROGRAM, "writes", told)
    id, bodies, refusals = saw["id"], saw["bodies"], saw["refusals"]
    made = {"created": 201, "another": 201, "made": 201, "minimal": 201, "same": 200, "upserted": 200}
    assert saw["statuses"] == made | {"updated": 200, "patched": 200, "deleted": 204}
    assert told["person"].items() <= bodies["created"].items()
    assert [bodies[name]["meta"]["versionId"] for name in ("created", "updated", "patched")] == ["1", "2", "3"]
    assert [bodies[name].get("active") for name in ("created", "updated", "patched")] == [None, True, False]
    assert bodies["first"] == bodies["created"]
    assert bodies["same"] == bodies["patched"]  # what If-None-Exist found
    assert bodies["another"]["id"] == bodies["upserted"]["id"] != id
    assert (bodies["upserted"]["meta"]["versionId"], bodies["upserted"]["birthDate"]) == ("2", "1960-02-29")
    assert bodies["made"]["identifier"][0]["value"] == "r-1-c"
    assert bodies["made"]["id"] not in (id, bodies["another"]["id"])
    assert bodies["minimal"] == {}
    assert saw["headers"]["location"] == f"{told['base']}/Patient/{id}/_history/1"
    assert saw["headers"]["etag"] == 'W/"2"'
    assert saw["headers"]["lastModified"].endswith(" GMT")
    expected = {"stale": 412, "unfit": 422, "never": 404, "afterwards": 410, "unknown": 404, "invalid": 422}
    assert {name: one["status"] for name, one in refusals.items()} == expected | {"known": 304}
    assert all(refusals[name]["body"]["resourceType"] == "OperationOutcome" for name in expected)
    assert refusals["invalid"]["body"]["issue"][0]["expression"] == ["Patient.gender"]
    own = f"Patient/{id}"
    assert saw["history"] == [
        {"method": "DELETE", "url": own, "status": "204", "version": None},
        {"method": "PUT", "url": own, "status": "200", "version": "3"},
        {"method": "PUT", "url": own, "status": "200", "version": "2"},
        {"method": "POST", "url": "Patient", "status": "201", "version": "1"},
    ]
    assert [one["method"] for one in saw["ofType"]] == ["DELETE", "POST", "POST", "PUT", "POST", "PUT", "PUT", "POST"]
    assert saw["ofAll"] == saw["ofType"]


@pytest.mark.slow
def test_fhir_kit_client_sends_a_batch_and_a_transaction(generic: Any, told: dict[str, Any], node: Any) -> None:
    saw = node.play(PROGRAM, "bundles", told)
    assert_answered(saw["batch"], told, conditions=len(generic.truth(generic.busiest[0], "Condition")))
    observation, person, read = saw["transaction"]["entry"]
    assert saw["transaction"]["type"] == "transaction-response"
    assert [one["response"]["status"] for one in (observation, person, read)] == ["201 Created"] * 2 + ["200 OK"]
    assert person["response"]["location"] == f"Patient/{person['resource']['id']}/_history/1"
    assert saw["read"]["subject"]["reference"] == f"Patient/{person['resource']['id']}"
    assert saw["read"] == observation["resource"]
    assert read["resource"]["id"] == told["patient"]
    assert saw["refused"]["status"] == 422
    assert saw["refused"]["body"]["issue"][0]["expression"] == ["Bundle.entry[0].resource.status"]
    assert saw["left"] == 0


@pytest.mark.slow
def test_fhir_kit_client_searches_compartments_and_resolves_references(
    generic: Any, told: dict[str, Any], node: Any
) -> None:
    saw = node.play(PROGRAM, "searches", told)
    index, patient = generic.busiest
    conditions = generic.truth(index, "Condition")
    assert sorted(saw["inCompartment"]["ids"]) == conditions
    assert sorted(saw["posted"]["ids"]) == generic.truth(index, "Observation", "laboratory")
    encounters = generic.truth(index, "Encounter")
    assert sorted(saw["postedInCompartment"]["ids"]) == encounters
    assert saw["postedInCompartment"]["pages"] == -(-len(encounters) // 3) > 1
    assert [entry["resource"]["id"] for entry in saw["everywhere"]["entry"]] == [patient]
    assert sorted(saw["included"]) == [["Condition", "match"]] * len(conditions) + [["Patient", "include"]]
    first, second, back = saw["pages"]
    assert (first, second) == (generic.everyone()[:5], generic.everyone()[5:10])
    assert back == (first if "previous" in saw["links"] else None)
    assert saw["resolved"] == saw["absolute"] == saw["inBundle"]
    assert saw["resolved"]["id"] == patient
    assert saw["fhirVersion"] == "4.0.1"
    assert set(saw["raw"]) == {"resourceType", "id", "meta", "name"}


@pytest.mark.slow
def test_fhir_kit_client_calls_operations(generic: Any, told: dict[str, Any], node: Any) -> None:
    saw = node.play(PROGRAM, "operations", told)
    index = generic.busiest[0]
    for kind in ("Condition", "Encounter", "MedicationRequest", "Immunization"):
        assert ids(saw["everything"], kind) == generic.truth(index, kind), kind
    assert ids(saw["everything"], "Patient") == [told["patient"]]
    assert {entry["resource"]["resourceType"] for entry in saw["typed"]["entry"]} == {"Condition", "Encounter"}
    assert ids(saw["typed"], "Condition") == generic.truth(index, "Condition")
    assert [issue["severity"] for issue in saw["good"]["issue"]] == ["information"]
    assert [(issue["severity"], issue["expression"]) for issue in saw["bad"]["issue"]] == [
        ("error", ["Patient.gender"])
    ]
    assert not [issue for issue in saw["stored"]["issue"] if issue["severity"] in ("error", "fatal")]
    codes = {one["code"] for one in saw["expansion"]["expansion"]["contains"]}
    assert codes == {"male", "female", "other", "unknown"}
    assert {"name": "display", "valueString": "Female"} in saw["lookup"]["parameter"]
    assert saw["unknown"]["status"] == 404
    assert saw["unknown"]["body"]["issue"][0]["code"] == "not-supported"


def assert_answered(batch: dict[str, Any], told: dict[str, Any], *, conditions: int) -> None:
    """The answer to a batch of a read, a create, a read of nobody and a search."""
    read, made, missing, found = batch["entry"]
    assert batch["type"] == "batch-response"
    assert (read["response"]["status"], read["resource"]["id"]) == ("200 OK", told["patient"])
    assert made["response"]["status"] == "201 Created"
    assert told["person"].items() <= made["resource"].items()
    assert missing["response"]["status"] == "404 Not Found"
    assert missing["response"]["outcome"]["issue"][0]["code"] == "not-found"
    assert (found["response"]["status"], found["resource"]["total"]) == ("200 OK", conditions)


def ids(bundle: dict[str, Any], kind: str) -> list[str]:
    """Sorted ids of the resources of a kind in a Bundle."""
    return sorted(one["resource"]["id"] for one in bundle["entry"] if one["resource"]["resourceType"] == kind)
