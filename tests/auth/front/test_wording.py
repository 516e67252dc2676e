"""Scopes as a patient reads them."""

from __future__ import annotations

import pytest

from mockehr.auth.front.wording import scope_lines
from mockehr.auth.scopes import Scopes


@pytest.mark.parametrize(
    ("scope", "words"),
    [
        ("patient/Condition.rs", "See conditions and diagnoses"),
        ("patient/Condition.read", "See conditions and diagnoses"),
        ("user/MedicationDispense.cruds", "See, add, change and delete medicines handed out"),
        ("patient/Observation.s", "Search results and observations"),
        ("patient/Observation.rs?category=http://example.org/c|laboratory", None),
        ("patient/*.c", "Add all health records"),
        ("patient/MolecularSequence.ru", "See and change molecular sequence records"),
    ],
)
def test_a_scope_about_data_is_a_sentence(scope: str, words: str | None) -> None:
    [line] = scope_lines(Scopes.parse(scope))
    assert line.label == (words or "See results and observations (only category laboratory)")
    assert (line.id, line.detail) == (scope, scope)


def test_what_is_not_about_data_is_told_once_and_cannot_be_withheld() -> None:
    lines = list(scope_lines(Scopes.parse("openid fhirUser launch/patient offline_access")))
    assert [line.label for line in lines] == ["Know who you are", "Keep its access after you have left"]
    assert [line.detail for line in lines] == ["", ""]
