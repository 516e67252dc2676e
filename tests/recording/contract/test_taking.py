"""Asking a server for what a pin holds."""

from __future__ import annotations

from typing import Any

import pytest

from mockehr.core.errors import EnvironmentProblem, UsageError
from mockehr.recording.contract.pin import Pin
from mockehr.recording.contract.taking import take_pin

PARAMETERS = {
    "Patient": ["_id"],
    "Observation": ["patient", "category"],
    "Encounter": ["subject"],
    "Practitioner": ["name"],
}


class Server:
    """Answers by path, and remembers what was asked."""

    def __init__(self, **answers: Any) -> None:
        self.asked: list[str] = []
        resources = [
            {
                "type": kind,
                "interaction": [{"code": "search-type"}],
                "searchParam": [{"name": name, "type": "token"} for name in names],
            }
            for kind, names in PARAMETERS.items()
        ]
        self.answers: dict[str, Any] = {
            "metadata": {"resourceType": "CapabilityStatement", "rest": [{"mode": "server", "resource": resources}]},
            "Patient": bundle(*({"resourceType": "Patient", "id": str(n)} for n in range(9))),
            **answers,
        }

    def ask(self, target: str) -> tuple[int, Any]:
        self.asked.append(target)
        found = self.answers.get(target)
        return (200, found) if found is not None else (404, None)

    def pin(self, **more: Any) -> Pin:
        return take_pin(self.ask, source="s", base="http://x/fhir", **more)


def bundle(*resources: Any) -> dict[str, Any]:
    return {"resourceType": "Bundle", "type": "searchset", "entry": [{"resource": one} for one in resources]}


def test_types_that_belong_to_patients_are_searched_by_category_where_vendors_want_that() -> None:
    server = Server()
    pin = server.pin(patients=["7"])
    assert server.asked == [
        "metadata",
        ".well-known/smart-configuration",
        "Patient/7",
        "Encounter?subject=7",
        "Observation?patient=7&category=laboratory",
        "Observation?patient=7&category=vital-signs",
        "Observation?patient=7&category=social-history",
    ]
    assert pin.answers["Encounter?subject={patient}"] == 404
    assert pin.patients == ["7"]


def test_without_patients_some_are_looked_for() -> None:
    assert list(Server().pin().patients) == ["0", "1", "2", "3", "4"]


def test_nobody_to_ask_about_is_told_with_what_to_do() -> None:
    with pytest.raises(UsageError, match="--patient ID"):
        Server(Patient=bundle()).pin()


def test_those_of_the_pin_are_asked_about_again_and_its_questions_put() -> None:
    pin = Server().pin(patients=["7"])
    again = Server(**{"Patient/7": {"resourceType": "Patient", "id": "7"}})
    assert list(again.pin(like=pin).patients) == ["7"]
    assert set(again.asked[3:]) == {question.replace("{patient}", "7") for question in pin.answers}


def test_patients_that_a_server_does_not_know_are_exchanged_for_others() -> None:
    pin = Server().pin(patients=["7"])
    assert list(Server().pin(like=pin).patients) == ["0", "1", "2", "3", "4"]


def test_what_records_refer_to_is_read_a_few_of_each_type() -> None:
    visits = [
        {"resourceType": "Encounter", "id": f"e{n}", "participant": [{"actor": {"reference": f"Practitioner/d{n}"}}]}
        for n in range(9)
    ]
    server = Server(**{"Encounter?subject=7": bundle(*visits)})
    server.pin(patients=["7"])
    read = [one for one in server.asked if one.startswith("Practitioner/")]
    assert read == [f"Practitioner/d{n}" for n in range(3)]


def test_requests_are_bounded_and_each_is_told() -> None:
    server, steps = Server(), list[str]()
    server.pin(patients=["1", "2", "3"], most=4, step=steps.append)
    assert len(server.asked) == 4
    assert steps == server.asked


def test_what_is_no_fhir_server_is_told() -> None:
    with pytest.raises(EnvironmentProblem, match="no CapabilityStatement"):
        Server(metadata={"hello": "world"}).pin(patients=["1"])
