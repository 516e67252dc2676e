"""`$lookup`: what is told of a code, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mockehr.fhir.terminology.shipped import code_system, code_systems

ACT = "http://terminology.hl7.org/CodeSystem/v3-ActCode"


def properties(document: Any) -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = {}
    for part in document["parameter"]:
        if part["name"] == "property":
            code, value = part["part"][0]["valueCode"], part["part"][1]
            found.setdefault(code, []).append(next(value[key] for key in value if key.startswith("value")))
    return found


def test_a_code_is_told_with_its_neighbours(made: Any, call: Any, values: Any) -> None:
    told = call(made(), f"/CodeSystem/$lookup?system={ACT}&code=IMP")
    assert values(told, "display") == ["inpatient encounter"]
    assert values(told, "version") == ["2018-08-12"]
    assert properties(told) == {"inactive": [False], "parent": ["_ActEncounterCode"], "child": ["ACUTE", "NONAC"]}


def test_only_the_properties_that_were_asked_for_are_told(made: Any, call: Any) -> None:
    told = call(made(), f"/CodeSystem/$lookup?system={ACT}&code=IMP&property=parent")
    assert list(properties(told)) == ["parent"]


def test_a_coding_can_be_posted(made: Any, call: Any, values: Any) -> None:
    told = call(
        made(), "/CodeSystem/$lookup", coding={"valueCoding": {"system": "http://loinc.org", "code": "8480-6"}}
    )
    assert values(told, "display") == ["Systolic blood pressure"]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(url=st.sampled_from(code_systems()), data=st.data())
def test_every_shipped_code_is_found(made: Any, call: Any, values: Any, url: str, data: st.DataObject) -> None:
    system = code_system(url)
    assert system is not None
    if system.concepts:
        code = data.draw(st.sampled_from(sorted(system.concepts)))
        told = call(made(), "/CodeSystem/$lookup", coding={"valueCoding": {"system": url, "code": code}})
        assert values(told, "display")[0]


def test_a_stored_code_system_overrides_a_shipped_one_and_a_supplement_adds_names(
    made: Any, call: Any, values: Any
) -> None:
    site = made()
    gender = "http://hl7.org/fhir/administrative-gender"
    mine = {
        "resourceType": "CodeSystem", "id": "own", "url": gender, "status": "active", "content": "complete",
        "concept": [{"code": "male", "display": "Man", "concept": [{"code": "boy"}]}],
    }  # fmt: skip
    site.store.commit(mine, kind="create", source="control")
    assert values(call(site, f"/CodeSystem/$lookup?system={gender}&code=male"), "display") == ["Man"]
    assert call(site, f"/CodeSystem/$lookup?system={gender}&code=female").status == 404
    more = {
        "resourceType": "CodeSystem", "id": "more", "url": "https://example.org/more", "status": "active",
        "content": "supplement", "supplements": gender,
        "concept": [{"code": "male", "designation": [{"language": "de", "value": "Mann"}]}],
    }  # fmt: skip
    site.store.commit(more, kind="create", source="control")
    told = call(site, f"/CodeSystem/$lookup?system={gender}&code=male")
    assert values(told, "designation") == [
        [{"name": "language", "valueCode": "de"}, {"name": "value", "valueString": "Mann"}]
    ]


@pytest.mark.parametrize(
    ("query", "status", "kind"),
    [
        ("", 400, "parameter-missing"),
        ("code=IMP", 400, "parameter-missing"),
        (f"system={ACT}", 400, "parameter-missing"),
        (f"system={ACT}&code=IMP&code=AMB", 400, "parameter-conflict"),
        (f"system={ACT}&code=", 400, "parameter-invalid"),
        (f"system={ACT}&code=IMP&coding=x", 400, "parameter-invalid"),
        (f"system={ACT}&kode=IMP", 400, "parameter-unknown"),
        (f"system={ACT}&code=nope", 404, "not-found"),
        (f"system={ACT}&version=1&code=IMP", 404, "not-found"),
        ("system=https://example.org/none&code=IMP", 404, "not-found"),
        (f"system={ACT}&code={'x' * 3000}", 400, "parameter-invalid"),
        (f"system={ACT}&code=IMP&date=yesterday", 400, "parameter-invalid"),
    ],
)
def test_a_call_that_cannot_be_answered_is_refused(made: Any, call: Any, query: str, status: int, kind: str) -> None:
    problem = call(made(), f"/CodeSystem/$lookup?{query}")
    assert (problem.status, problem.kind) == (status, kind)


@pytest.mark.parametrize("vendor", ["epic", "oracle"])
def test_a_laboratorys_own_code_is_told_as_the_charts_show_it(made: Any, call: Any, values: Any, vendor: str) -> None:
    site = made(vendor, patients=3)
    patient = next(site.store.base.everyone())
    codings = [
        one for record in site.store.chart(patient, "Observation") for one in record.document["code"]["coding"]
    ]
    local = next(one for one in codings if "loinc" not in one["system"] and one.get("display"))
    told = call(site, f"/CodeSystem/$lookup?system={local['system']}&code={local['code']}")
    assert values(told, "display") == [local["display"]]
