"""Medplum's client (@medplum/core, npm), driven by node, against the running simulator.

Of its vocabulary a server of another make cannot serve: its own logins (`startLogin`, `startClientLogin` with
`auth/me`), projects and bots, GraphQL and so `requestSchema`, `readPatientSummary`, `sendEmail`, agents, key-value
store. `startJwtAssertionLogin` leaves out the scope that SMART Backend Services requires.
"""

from __future__ import annotations

from typing import Any

import pytest

PROGRAM = "medplum.mjs"


@pytest.mark.slow
def test_medplum_writes_patches_and_deletes(told: dict[str, Any], node: Any) -> None:
    saw = node.play(PROGRAM, "writes", told)
    bodies = saw["bodies"]
    assert told["person"].items() <= bodies["created"].items()
    assert bodies["read"] == bodies["first"] == bodies["created"]
    assert [bodies[name]["meta"]["versionId"] for name in ("updated", "patched")] == ["2", "3"]
    assert [bodies[name].get("birthDate") for name in ("updated", "patched")] == [None, "1960-02-29"]
    assert bodies["updated"]["active"] is True
    assert bodies["same"] == bodies["patched"]  # what If-None-Exist found
    assert bodies["another"]["id"] == bodies["upserted"]["id"] != saw["id"]
    assert (bodies["upserted"]["meta"]["versionId"], bodies["upserted"]["active"]) == ("2", False)
    assert (saw["history"], saw["newest"]) == (["3", "2", "1"], ["3"])
    assert bodies["comment"]["basedOn"][0]["reference"] == f"Patient/{saw['id']}"
    assert bodies["binary"]["contentType"] == "text/html"
    assert saw["content"] == {"type": "text/html", "text": "<p>Two days of rest</p>"}
    assert saw["deleted"] is None
    codes = {name: outcome["issue"][0]["code"] for name, outcome in saw["refusals"].items()}
    assert codes == {"unfit": "structure", "afterwards": "deleted", "invalid": "structure"}


@pytest.mark.slow
def test_medplum_sends_batches_and_transactions_and_gathers_reads(
    generic: Any, told: dict[str, Any], node: Any
) -> None:
    saw = node.play(PROGRAM, "bundles", told)
    conditions = generic.truth(generic.busiest[0], "Condition")
    assert [entry["response"]["status"][:3] for entry in saw["batch"]["entry"]] == ["200", "201", "404", "200"]
    assert saw["batch"]["entry"][3]["resource"]["total"] == len(conditions)
    observation, person, read = saw["transaction"]["entry"]
    assert [one["response"]["status"][:3] for one in (observation, person, read)] == ["201", "201", "200"]
    assert saw["read"] == observation["resource"]
    assert saw["read"]["subject"]["reference"] == f"Patient/{person['resource']['id']}"
    assert saw["refused"]["issue"][0]["expression"] == ["Bundle.entry[0].resource.status"]
    assert saw["left"] == 0
    patient, found, nobody = saw["gathered"]
    assert (patient["id"], found["total"]) == (told["patient"], len(conditions))
    assert nobody["issue"][0]["code"] == "not-found"
    posts = [e for e in generic.site.journal() if e.channel == "fhir" and e.method == "POST"]
    assert [e.path for e in posts] == ["/"] * 4  # the batch, two transactions, and the one that it made by itself
    assert b'"url":"/Patient/nobody"' in posts[-1].body


@pytest.mark.slow
def test_medplum_searches_page_by_page(generic: Any, told: dict[str, Any], node: Any) -> None:
    saw = node.play(PROGRAM, "searches", told)
    index, patient = generic.busiest
    everyone, labs = generic.everyone(), generic.truth(index, "Observation", "laboratory")
    conditions = generic.truth(index, "Condition")
    assert sorted(saw["modes"]) == [["Condition", "match"]] * len(conditions) + [["Patient", "include"]]
    assert (saw["one"]["id"], saw["none"]) == (patient, None)
    assert saw["subject"] == saw["one"]
    assert sorted(saw["labs"]) == labs
    assert saw["paged"] == [everyone[:10], everyone[10:20], everyone[20:]]
    assert sorted(one for page in saw["labPages"] for one in page) == labs
    assert len(saw["labPages"]) == -(-len(labs) // 4) > 2
    assert [sorted(page) for page in saw["whole"]] == [generic.truth(index, "Encounter")]
    assert saw["bad"]["issue"][0]["code"] == "value"


@pytest.mark.slow
def test_medplum_calls_operations_and_is_told_which_are_not_there(
    generic: Any, told: dict[str, Any], node: Any
) -> None:
    saw = node.play(PROGRAM, "operations", told)
    index = generic.busiest[0]
    held = [entry["resource"] for entry in saw["everything"]["entry"]]
    for kind in ("Condition", "Encounter", "AllergyIntolerance", "DiagnosticReport"):
        assert sorted(one["id"] for one in held if one["resourceType"] == kind) == generic.truth(index, kind), kind
    assert [issue["severity"] for issue in saw["good"]["issue"]] == ["information"]
    assert [issue["expression"] for issue in saw["bad"]["issue"]] == [["Patient.gender"]]
    listed = [{one["code"] for one in saw[name]["expansion"]["contains"]} for name in ("expansion", "filtered")]
    assert listed == [{"male", "female", "other", "unknown"}, {"female"}]
    # what only its own server has
    codes = {name: outcome["issue"][0]["code"] for name, outcome in saw["refusals"].items()}
    assert codes == dict.fromkeys(("summary", "graph", "schema", "bot"), "not-supported")


@pytest.mark.slow
def test_medplum_logs_in_without_a_scope_and_is_refused(told: dict[str, Any], node: Any) -> None:
    assert "scope" in node.play(PROGRAM, "login", told)["why"]
