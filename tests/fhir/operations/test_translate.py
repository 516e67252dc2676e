"""`$translate`: between code systems, by map or by what a laboratory's own codes stand beside."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mockehr.fhir.terminology.shipped import CVX, ICD9, ICD10, NDC, RXNORM, concept_maps, rows

GENDER = "http://hl7.org/fhir/administrative-gender"
V3 = "http://terminology.hl7.org/CodeSystem/v3-"


def matches(document: Any) -> list[tuple[str, str, str]]:
    """(equivalence, system, code) of each match."""
    found = []
    for part in document["parameter"]:
        if part["name"] == "match":
            named = {one["name"]: one for one in part["part"]}
            coding = named.get("concept", {}).get("valueCoding", {})
            found.append((named["equivalence"]["valueCode"], coding.get("system", ""), coding.get("code", "")))
    return found


def test_the_example_of_the_standard(made: Any, call: Any, values: Any) -> None:
    # conceptmap-operation-translate.html, Examples
    told = call(
        made(),
        "/ConceptMap/$translate?system=http://hl7.org/fhir/composition-status&code=preliminary"
        "&source=http://hl7.org/fhir/ValueSet/composition-status"
        "&target=http://terminology.hl7.org/ValueSet/v3-ActStatus",
    )
    assert values(told, "result") == [True]
    assert [match[1:] for match in matches(told)] == [(f"{V3}ActStatus", "active")]


@pytest.mark.parametrize(
    ("system", "code", "target", "expected"),
    [
        (ICD10, "E11.9", ICD9, [("relatedto", ICD9, "250.00")]),
        (ICD9, "250.00", ICD10, [("relatedto", ICD10, "E11.9")]),
        (RXNORM, "310490", NDC, [("narrower", NDC, "00591046001")]),
        (NDC, "00591046001", RXNORM, [("wider", RXNORM, "310490")]),
        (NDC, "49281086010", CVX, [("wider", CVX, "10")]),
        (GENDER, "male", f"{V3}AdministrativeGender", [("equal", f"{V3}AdministrativeGender", "M")]),
        (GENDER, "nope", f"{V3}AdministrativeGender", []),
    ],
)
def test_codes_are_translated_by_system(
    made: Any, call: Any, values: Any, system: str, code: str, target: str, expected: list[Any]
) -> None:
    told = call(made(), f"/ConceptMap/$translate?system={system}&code={code}&targetsystem={target}")
    assert matches(told) == expected
    assert values(told, "result") == [bool(expected)]
    assert bool(values(told, "message")) is not bool(expected)


def test_reversed_the_codes_that_lead_here_are_told(made: Any, call: Any) -> None:
    query = f"system={V3}AdministrativeGender&code=M&targetsystem={GENDER}&reverse=true"
    assert matches(call(made(), f"/ConceptMap/$translate?{query}")) == [("equal", GENDER, "male")]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_there_and_back_leads_to_the_same_code_among_others(made: Any, call: Any, data: st.DataObject) -> None:
    each = data.draw(st.sampled_from(sorted(concept_maps().items())))[1]
    group = data.draw(st.sampled_from(each.groups))
    code = data.draw(st.sampled_from(sorted(group.elements)))
    site = made()
    for target in group.elements[code]:
        if target.code:
            back = call(
                site,
                "/ConceptMap/$translate",
                url={"valueUri": each.url},
                system={"valueUri": group.target},
                code={"valueCode": target.code},
                reverse={"valueBoolean": True},
            )
            assert (group.source, code) in [match[1:] for match in matches(back)]


def test_icd_9_and_10_lead_to_each_other_for_every_row(made: Any, call: Any) -> None:
    site = made()
    for row in rows("icd10cm"):
        there = call(site, f"/ConceptMap/$translate?system={ICD10}&code={row['code']}&targetsystem={ICD9}")
        (found,) = matches(there)
        back = call(site, f"/ConceptMap/$translate?system={ICD9}&code={found[2]}&targetsystem={ICD10}")
        assert row["code"] in [match[2] for match in matches(back)]


@pytest.mark.parametrize("vendor", ["epic", "oracle"])
def test_a_laboratorys_own_code_and_loinc_lead_to_each_other(made: Any, call: Any, vendor: str) -> None:
    site = made(vendor, patients=4)
    records = [one for id in site.store.base.everyone() for one in site.store.chart(id, "Observation")]
    codings = [one.document["code"]["coding"] for one in records]
    both = (
        (one, other) for some in codings for one in some for other in some if other["system"] == "http://loinc.org"
    )
    local, loinc = next((one, other) for one, other in both if one["system"].endswith(("768282", "codeSet/72")))
    told = call(
        site,
        f"/ConceptMap/$translate?system={local['system']}&code={local['code']}&targetsystem=http://loinc.org",
    )
    assert matches(told) == [("equivalent", "http://loinc.org", loinc["code"])]
    told = call(
        site, f"/ConceptMap/$translate?system=http://loinc.org&code={loinc['code']}&targetsystem={local['system']}"
    )
    assert ("equivalent", local["system"], local["code"]) in matches(told)


def mine(mode: str, **more: Any) -> dict[str, Any]:
    return {
        "resourceType": "ConceptMap", "id": "own", "url": "https://example.org/map", "status": "active",
        "group": [{
            "source": "https://example.org/a", "target": "https://example.org/b",
            "element": [{"code": "1", "target": [{"code": "one", "equivalence": "wider"}]},
                        {"code": "2", "target": [{"equivalence": "unmatched"}]}],
            "unmapped": {"mode": mode, **more}}],
    }  # fmt: skip


@pytest.mark.parametrize(
    ("code", "unmapped", "expected", "result"),
    [
        ("1", mine("provided"), [("wider", "https://example.org/b", "one")], True),
        ("2", mine("provided"), [("unmatched", "", "")], False),
        ("3", mine("provided"), [("equal", "https://example.org/b", "3")], True),
        ("3", mine("fixed", code="x"), [("inexact", "https://example.org/b", "x")], True),
        ("3", mine("other-map", url="https://example.org/map"), [], False),
    ],
)
def test_stored_maps_and_what_they_leave_unmapped(
    made: Any, call: Any, values: Any, code: str, unmapped: Any, expected: Any, result: bool
) -> None:
    site = made()
    site.store.commit(unmapped, kind="create", source="control")
    for path in ("/ConceptMap/$translate", "/ConceptMap/own/$translate"):
        told = call(site, f"{path}?system=https://example.org/a&code={code}")
        assert matches(told) == expected
        assert values(told, "result") == [result]


@pytest.mark.parametrize(
    ("query", "status", "kind"),
    [
        ("/ConceptMap/$translate", 400, "parameter-missing"),
        ("/ConceptMap/$translate?code=male", 400, "parameter-missing"),
        (f"/ConceptMap/$translate?system={GENDER}&code=male&url=https://example.org/none", 404, "not-found"),
        (f"/ConceptMap/none/$translate?system={GENDER}&code=male", 404, "not-found"),
        (f"/ConceptMap/$translate?system={GENDER}&code=male&target=a&targetsystem=b", 400, "parameter-conflict"),
        (f"/ConceptMap/$translate?system={GENDER}&code=male&conceptMapVersion=1", 400, "parameter-missing"),
        (f"/ConceptMap/$translate?system={GENDER}&code=male&targetSystem=b", 400, "parameter-unknown"),
    ],
)
def test_a_call_that_cannot_be_answered_is_refused(made: Any, call: Any, query: str, status: int, kind: str) -> None:
    problem = call(made(), query)
    assert (problem.status, problem.kind) == (status, kind)
