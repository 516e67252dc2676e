"""`$subsumes`: which code lies below which."""

from __future__ import annotations

from typing import Any

import pytest

ACT = "http://terminology.hl7.org/CodeSystem/v3-ActCode"
ICD = "http://hl7.org/fhir/sid/icd-10-cm"


@pytest.mark.parametrize(
    ("system", "a", "b", "outcome"),
    [
        (ACT, "IMP", "IMP", "equivalent"),
        (ACT, "_ActEncounterCode", "ACUTE", "subsumes"),
        (ACT, "ACUTE", "IMP", "subsumed-by"),
        (ACT, "AMB", "IMP", "not-subsumed"),
        (ICD, "E11", "E11.9", "subsumes"),
        (ICD, "E11.65", "E11.6", "subsumed-by"),
        (ICD, "I10", "E11.9", "not-subsumed"),
        ("http://hl7.org/fhir/administrative-gender", "male", "female", "not-subsumed"),
    ],
)
def test_the_outcome(made: Any, call: Any, values: Any, system: str, a: str, b: str, outcome: str) -> None:
    site = made()
    told = call(site, f"/CodeSystem/$subsumes?system={system}&codeA={a}&codeB={b}")
    assert values(told, "outcome") == [outcome]
    codings = {name: {"valueCoding": {"system": system, "code": code}} for name, code in (("A", a), ("B", b))}
    told = call(site, "/CodeSystem/$subsumes", codingA=codings["A"], codingB=codings["B"])
    assert values(told, "outcome") == [outcome]


def test_a_stored_system_is_asked_at_its_instance(made: Any, call: Any, values: Any) -> None:
    site = made()
    concepts = [
        {"code": "a", "concept": [{"code": "b"}]},
        {"code": "c", "property": [{"code": "parent", "valueCode": "b"}]},
    ]
    site.store.commit(
        {"resourceType": "CodeSystem", "id": "own", "url": "https://example.org/s", "status": "active",
         "content": "complete", "concept": concepts}, kind="create", source="control",
    )  # fmt: skip
    assert values(call(site, "/CodeSystem/own/$subsumes?codeA=a&codeB=c"), "outcome") == ["subsumes"]
    assert call(site, f"/CodeSystem/own/$subsumes?codeA=a&codeB=c&system={ACT}").kind == "parameter-conflict"


@pytest.mark.parametrize(
    ("query", "status", "kind"),
    [
        ("", 400, "parameter-missing"),
        (f"system={ACT}&codeA=IMP", 400, "parameter-missing"),
        ("codeA=IMP&codeB=AMB", 400, "parameter-missing"),
        (f"system={ACT}&codeA=IMP&codeB=nope", 404, "not-found"),
        ("system=https://example.org/none&codeA=IMP&codeB=AMB", 404, "not-found"),
        ("system=http://loinc.org&codeA=8480-6&codeB=8462-4", 422, "parameter-invalid"),
        (f"system={ACT}&codeA=IMP&codeB=AMB&codeB=IMP", 400, "parameter-conflict"),
    ],
)
def test_a_call_that_cannot_be_answered_is_refused(made: Any, call: Any, query: str, status: int, kind: str) -> None:
    problem = call(made(), f"/CodeSystem/$subsumes?{query}")
    assert (problem.status, problem.kind) == (status, kind)
