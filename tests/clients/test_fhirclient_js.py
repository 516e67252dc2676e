"""SMART's fhirclient for JavaScript (npm), driven by node with a token that it was given, against the simulator."""

from __future__ import annotations

from typing import Any

import pytest

PROGRAM = "fhirclient.mjs"


@pytest.mark.slow
def test_fhirclient_js_writes_patches_and_deletes(told: dict[str, Any], node: Any) -> None:
    saw = node.play(PROGRAM, "writes", told)
    bodies, refusals = saw["bodies"], saw["refusals"]
    assert saw["statuses"] == {"created": 201, "read": 200, "updated": 200, "patched": 200, "deleted": 204}
    assert told["person"].items() <= bodies["created"].items()
    assert bodies["read"] == bodies["created"]
    versions = [bodies[name]["meta"]["versionId"] for name in ("created", "updated", "plain", "patched")]
    assert versions == ["1", "2", "3", "4"]
    assert [bodies[name]["active"] for name in ("updated", "plain", "patched")] == [True, False, True]
    assert bodies["patched"]["birthDate"] == "1960-02-29"
    assert saw["posted"] == [told["patient"]]
    expected = {"unfit": 422, "afterwards": 410, "unknown": 404, "invalid": 422}
    assert {name: one["status"] for name, one in refusals.items()} == expected
    assert all("OperationOutcome" in one["text"] for one in refusals.values())
    assert "Patient.gender" in refusals["invalid"]["text"]


@pytest.mark.slow
def test_fhirclient_js_pages_in_all_its_ways(generic: Any, told: dict[str, Any], node: Any) -> None:
    saw = node.play(PROGRAM, "pages", told)
    everyone = generic.everyone()
    pages = [everyone[:10], everyone[10:20], everyone[20:]]
    assert (saw["one"], saw["two"]) == (pages[0], pages[:2])
    assert saw["flat"] == everyone
    assert saw["handed"] == saw["drawn"] == pages
    assert saw["limited"] == everyone[:14]


@pytest.mark.slow
def test_fhirclient_js_resolves_references(generic: Any, told: dict[str, Any], node: Any) -> None:
    saw = node.play(PROGRAM, "references", told)
    index, patient = generic.busiest
    own = f"Patient/{patient}"
    encounters = generic.truth(index, "Encounter")
    assert sorted(one["id"] for one in saw["graph"]) == sorted(saw["map"]["ids"]) == encounters
    assert all(one["subject"]["id"] == patient for one in saw["graph"])
    assert {one["serviceProvider"]["resourceType"] for one in saw["graph"]} == {"Organization"}
    assert {one["individual"]["resourceType"] for one in saw["graph"]} == {"Practitioner"}
    references = saw["map"]["references"]
    assert {kind.partition("/")[0] for kind in references} == {"Patient", "Organization", "Practitioner"}
    assert all(f"{one['resourceType']}/{one['id']}" == name for name, one in references.items())
    assert saw["fetched"] == [own]
    assert saw["subject"] == references[own]
    reads = [e.path for e in generic.site.journal() if e.path == f"/{own}"]
    assert len(reads) == 4  # once for each call, however many encounters point there


@pytest.mark.slow
def test_fhirclient_js_keeps_to_the_patient_in_context(generic: Any, told: dict[str, Any], node: Any) -> None:
    saw = node.play(PROGRAM, "context", told)
    index, patient = generic.busiest
    labs = generic.truth(index, "Observation", "laboratory")
    assert saw["patient"]["id"] == saw["id"] == patient
    assert sorted(saw["observations"]) == labs
    assert sorted(saw["conditions"]) == generic.truth(index, "Condition")
    assert sorted(saw["medication"]) == generic.truth(index, "MedicationRequest")
    assert "Organization" in saw["unfit"]
    assert saw["codes"] == len(labs) > 20  # more than one page
    assert (saw["version"], saw["release"], saw["header"]) == ("4.0.1", 4, True)
    assert (saw["refused"], saw["forgotten"]) == (401, True)  # with a token that does not work
