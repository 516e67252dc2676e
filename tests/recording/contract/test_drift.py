"""What has changed between two pins, and how bad that is."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from mockehr.recording.contract.drift import at_least, drift
from mockehr.recording.contract.observed import Kind
from mockehr.recording.contract.pin import Pin

ELEMENTS = {
    "Patient.name": "always array",
    "Patient.name.family": "always string",
    "Patient.birthDate": "always string",
    "Patient.identifier.system": "always string",
    "Patient.telecom": "60% array",
    "Patient.photo": "10% array",
}
VALUES = {"Patient.birthDate~date": "always", "Patient.identifier.system=urn:a": "always"}
OLD = Pin(
    "old",
    "http://x",
    ["1"],
    {
        "fhirVersion": "4.0.1",
        "software": "EHR 1",
        "endpoints": {"token": "{origin}/t"},
        "resources": {
            "Patient": {"interactions": ["read"], "parameters": {"name": "string"}, "profiles": ["p"]},
            "Goal": {"interactions": ["read"]},
        },
    },
    {"token_endpoint": "{origin}/t", "scopes_supported": ["a"]},
    {"Patient/{patient}": 200, "Goal?patient={patient}": 200, "Slot?patient={patient}": 403},
    {"Patient": Kind(10, ELEMENTS, VALUES), "Goal": Kind(7, {"Goal.status": "always string"}, {})},
)


def told(**changes: Any) -> list[str]:
    return [f"{one.severity} {one.where}: {one.what}" for one in drift(OLD, replace(OLD, **changes))]


def stated(**changes: Any) -> list[str]:
    return told(statement={**OLD.statement, **changes})


def patients(elements: Any = None, values: Any = None, seen: int = 10) -> list[str]:
    kind = Kind(seen, ELEMENTS if elements is None else elements, VALUES if values is None else values)
    return told(observed={**OLD.observed, "Patient": kind})


def test_a_pin_does_not_differ_from_itself() -> None:
    assert told() == []


def test_what_a_server_says_of_itself() -> None:
    resources = OLD.statement["resources"]
    assert stated(fhirVersion="4.3.0") == ["breaking statement.fhirVersion: 4.0.1 became 4.3.0"]
    assert stated(software="EHR 2") == ["info statement.software: EHR 1 became EHR 2"]
    assert stated(endpoints={"token": "{origin}/u"}) == [
        "breaking statement.endpoints.token: {origin}/t became {origin}/u"
    ]
    assert stated(resources={"Patient": resources["Patient"]}) == ["breaking statement.resources.Goal: removed"]
    assert stated(resources={**resources, "Slot": {}}) == ["info statement.resources.Slot: added"]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"interactions": []}, "breaking interactions: read was removed"),
        ({"interactions": ["create", "read"]}, "info interactions: create was added"),
        ({"parameters": {}}, "breaking parameters.name: removed (string)"),
        ({"parameters": {"name": "token"}}, "breaking parameters.name: string became token"),
        ({"profiles": []}, "warning profiles: p was removed"),
        ({"manners": ["versioning: no-version"]}, "warning manners: added (versioning: no-version)"),
    ],
)  # fmt: skip
def test_what_it_says_of_one_type(changes: Any, expected: str) -> None:
    resources = OLD.statement["resources"]
    (told,) = stated(resources={**resources, "Patient": {**resources["Patient"], **changes}})
    assert told.replace("statement.resources.Patient.", "") == expected


def test_smart_configuration() -> None:
    assert told(smart={}) == ["breaking smart: there is no smart-configuration any more"]
    assert told(smart={**OLD.smart, "scopes_supported": ["b"]}) == [
        "breaking smart.scopes_supported: a was removed",
        "info smart.scopes_supported: b was added",
    ]


def test_a_question_that_is_refused_now_is_breaking_and_one_that_is_answered_now_is_not() -> None:
    changed = told(answers={**OLD.answers, "Goal?patient={patient}": 404, "Slot?patient={patient}": 200})
    assert [line.split(":")[0] for line in changed] == [
        "breaking answers.Goal?patient={patient}",
        "info answers.Slot?patient={patient}",
    ]


def test_an_element_that_was_always_there_is_breaking_when_it_goes_and_tells_of_what_lay_below_no_more() -> None:
    left = {path: what for path, what in ELEMENTS.items() if not path.startswith("Patient.name")}
    assert patients(left) == ["breaking observed.Patient.name: was in all of 10, and is in none of 10"]


def test_an_element_that_was_often_or_seldom_there() -> None:
    def without(path: str) -> str:
        return patients({name: what for name, what in ELEMENTS.items() if name != path})[0]

    assert without("Patient.telecom") == "warning observed.Patient.telecom: was in 60% of 10, and is in none of 10"
    assert without("Patient.photo") == "info observed.Patient.photo: was in 10% of 10, and is in none of 10"


def test_a_new_element_looks_required_if_all_have_it() -> None:
    assert patients({**ELEMENTS, "Patient.x": "always string"}) == ["warning observed.Patient.x: new, in all of 10"]
    assert patients({**ELEMENTS, "Patient.x": "5% string"}) == ["info observed.Patient.x: new, in 5% of 10"]
    few = patients({**ELEMENTS, "Patient.x": "always string"}, seen=2)
    assert few == ["info observed.Patient.x: new, in all of 2"]


def test_an_element_that_became_optional_or_another_type() -> None:
    assert patients({**ELEMENTS, "Patient.birthDate": "90% string"}) == [
        "warning observed.Patient.birthDate: was in all of 10, and is in 90% of 10"
    ]
    assert patients({**ELEMENTS, "Patient.name": "always object"}) == [
        "breaking observed.Patient.name: was array, and is object"
    ]
    assert patients({**ELEMENTS, "Patient.name": "always array|object"})[0].startswith("warning")


def test_systems_and_forms() -> None:
    system = patients(values={**VALUES, "Patient.identifier.system=urn:b": "always"})
    assert system == ["info observed.Patient.identifier.system: urn:b is new"]
    moved = patients(values={"Patient.birthDate~date": "always", "Patient.identifier.system=urn:b": "always"})
    assert moved == ["breaking observed.Patient.identifier.system: urn:a became urn:b"]
    form = {"Patient.birthDate~partial-date": "always", "Patient.identifier.system=urn:a": "always"}
    assert patients(values=form) == ["warning observed.Patient.birthDate: date became partial-date"]


def test_a_kind_of_which_none_was_seen_is_a_warning_unless_its_question_was_refused() -> None:
    observed = {"Patient": OLD.observed["Patient"]}
    assert told(observed=observed) == ["warning observed.Goal: none was seen; there were 7"]
    refused = told(observed=observed, answers={**OLD.answers, "Goal?patient={patient}": 404})
    assert refused[-1] == "info observed.Goal: none was seen; there were 7"
    assert told(observed={**OLD.observed, "Slot": Kind(1, {}, {})}) == ["info observed.Slot: new: 1 were seen"]


def test_places_are_left_out_by_pattern_and_severities_are_in_order() -> None:
    new = replace(OLD, smart={}, statement={**OLD.statement, "software": "EHR 2"})
    assert [one.where for one in drift(OLD, new, ["smart*"])] == ["statement.software"]
    found = drift(OLD, new)
    assert [len(at_least(found, severity)) for severity in ("breaking", "warning", "info")] == [1, 1, 2]
