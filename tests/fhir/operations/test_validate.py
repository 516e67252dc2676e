"""`$validate`: the same findings as a write's, without a write."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from mockehr.core.problem import Problem

US_CORE = "http://hl7.org/fhir/us/core/StructureDefinition/us-core-patient"
GOOD = {"resourceType": "Patient", "name": [{"family": "Okafor"}], "gender": "female"}
BAD = {"resourceType": "Patient", "gender": "banana", "madeUp": 1}


def found(document: Any) -> list[tuple[str, str]]:
    assert document["resourceType"] == "OperationOutcome"
    return [(issue["severity"], issue.get("expression", [""])[0]) for issue in document["issue"]]


@pytest.mark.parametrize("target", ["/$validate", "/Patient/$validate", "/Patient/x/$validate"])
def test_a_good_resource_is_all_right_however_it_is_sent(made: Any, call: Callable[..., Any], target: str) -> None:
    site = made()
    told = call(site, target, GOOD) if target != "/$validate" else call(site, target, resource={"resource": GOOD})
    assert [severity for severity, _ in found(told)] == ["information"]
    assert not site.log.changes


def test_every_fault_is_told_with_its_place(made: Any, call: Callable[..., Any]) -> None:
    told = call(made(), "/Patient/$validate", BAD)
    assert {("error", "Patient.gender"), ("error", "Patient.madeUp")} <= set(found(told))


def test_a_profile_asks_for_more(made: Any, call: Callable[..., Any]) -> None:
    told = call(made(), "/Patient/$validate", resource={"resource": GOOD}, profile={"valueUri": US_CORE})
    assert ("error", "Patient.identifier") in found(told)
    unknown = call(made(), "/Patient/$validate", resource={"resource": GOOD}, profile={"valueUri": "http://x/y"})
    assert "error" in [severity for severity, _ in found(unknown)]


def test_what_is_stored_is_validated_by_its_address(made: Any, call: Callable[..., Any]) -> None:
    site = made(patients=3)
    assert found(call(site, f"/Patient/p1/$validate?profile={US_CORE}")) == [("information", "")]
    assert isinstance(call(site, "/Patient/nobody/$validate"), Problem)


@pytest.mark.parametrize(
    ("target", "body"),
    [("/Observation/$validate", GOOD), ("/Patient/a/$validate", {**GOOD, "id": "b"})],
)
def test_another_address_is_a_fault(made: Any, call: Callable[..., Any], target: str, body: Any) -> None:
    assert "error" in [severity for severity, _ in found(call(made(), target, body))]


@pytest.mark.parametrize(
    "target", ["/Patient/$validate", "/Patient/$validate?mode=shout", "/Patient/$validate?profil=x"]
)
def test_what_makes_no_sense_is_refused(made: Any, call: Callable[..., Any], target: str) -> None:
    answer = call(made(), target)
    assert isinstance(answer, Problem)
    assert answer.status == 400
