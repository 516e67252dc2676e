"""Records: their octets, and whose chart they belong to."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mockehr.fhir.record import Record, encode, patient_of

JSONS = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(document=JSONS)
def test_what_is_encoded_is_read_back_the_same(document: Any) -> None:
    assert orjson.loads(encode(document)) == document


def test_lone_surrogates_become_the_octets_that_they_stand_for_and_the_rest_stays_utf8() -> None:
    octets = encode({"family": "N\udcfa\udcf1ez", "given": ["Zoë"], "n": 1})
    assert octets == b'{"family":"N\xfa\xf1ez","given":["Zo\xc3\xab"],"n":1}'


@pytest.mark.parametrize(
    ("document", "patient"),
    [
        ({"resourceType": "Patient", "id": "p1"}, "p1"),
        ({"resourceType": "Observation", "subject": {"reference": "Patient/p1"}}, "p1"),
        ({"resourceType": "Immunization", "patient": {"reference": "https://x.example.org/f/Patient/p1"}}, "p1"),
        ({"resourceType": "Coverage", "beneficiary": {"reference": "Patient/p1/_history/2"}}, "p1"),
        ({"resourceType": "Observation", "subject": {"reference": "Group/g"}, "patient": None}, ""),
        ({"resourceType": "Observation", "subject": {"identifier": {"value": "1"}}}, ""),
        (
            {
                "resourceType": "Appointment",
                "participant": [
                    {"actor": {"reference": "Practitioner/d1"}},
                    {"actor": {"reference": "Patient/p1"}},
                ],
            },
            "p1",
        ),
        ({"resourceType": "Appointment", "participant": {"actor": 5}}, ""),
        ({"resourceType": "Appointment", "participant": [None, {"actor": "x"}]}, ""),
        ({"resourceType": "Observation", "subject": "Patient/p1"}, ""),
        ({"resourceType": "Organization", "id": "d1"}, ""),
    ],
)
def test_a_resource_belongs_to_the_patient_that_it_is_about(document: dict[str, Any], patient: str) -> None:
    assert patient_of(document) == patient


def test_a_record_is_known_by_type_and_id() -> None:
    assert Record("Patient", "p1", 1, 0.0, {}, b"").key == "Patient/p1"
