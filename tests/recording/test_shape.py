"""What a resource and a Bundle look like without their values."""

from __future__ import annotations

from typing import Any

import pytest

from mockehr.recording.shape import kind_of, masked, shape_of, shape_of_envelope

PATIENT: dict[str, Any] = {
    "resourceType": "Patient",
    "id": "e12.x",
    "identifier": [{"system": "urn:oid:1.2.840.114350.1.13.77.2.7.5.737384.14", "value": "1"}],
    "name": [{"given": ["A", "B"]}, {"family": "C"}],
    "extension": [{"url": "http://hl7.org/fhir/x", "valueCode": "F"}],
    "contained": [{"resourceType": "Organization", "name": "Z"}],
    "telecom": [{"system": "phone"}],
    "birthDate": "2000-01-01",
    "generalPractitioner": [{"reference": "Practitioner/1"}],
}


def test_paths_have_no_indices_and_extensions_go_by_their_url() -> None:
    found = shape_of(PATIENT)
    assert {"Patient.name", "Patient.name.given", "Patient.name.family"} <= found
    assert "Patient.extension(http://hl7.org/fhir/x).valueCode" in found
    assert not any(token.startswith("Patient.extension.") for token in found)
    assert "Patient.contained<Organization>.name" in found


def test_systems_are_named_but_not_those_of_telephones() -> None:
    found = shape_of(PATIENT)
    assert "Patient.identifier.system=urn:oid:1.2.840.114350.1.13.*.*.7.5.737384.14" in found
    assert "Patient.telecom.system" in found
    assert not any(token.startswith("Patient.telecom.system=") for token in found)


@pytest.mark.parametrize(
    ("key", "value", "form"),
    [
        ("start", "2026-01-05T12:00:00Z", "time+Z"),
        ("start", "2026-01-05T12:00:00.123-05:00", "time.3+offset"),
        ("start", "2026-01-05T12:00", "time+none"),
        ("start", "2026-01", "partial-date"),
        ("start", "2026-01-05", "date"),
        ("start", "1972", ""),
        ("start", "2026-1-5", ""),
        ("reference", "#a", "contained"),
        ("reference", "urn:uuid:1", "urn"),
        ("reference", "Patient/1/_history/2", "relative+history"),
        ("reference", "https://x.example.org/Patient/1", "absolute"),
        ("id", "0b3c66b2-9a3e-4e4e-8b9f-0a0a0a0a0a0a", "uuid"),
        ("id", "123", "digits"),
        ("id", "VS-123", "prefix:VS-"),
        ("id", "aaaaaaaaaaaaaaaaaaaaaaaaa", "opaque"),
        ("id", "abcdef", "short"),
    ],
)
def test_forms_of_dates_references_and_ids(key: str, value: str, form: str) -> None:
    found = {token for token in shape_of({"resourceType": "X", key: value}) if "~" in token}
    assert found == ({f"X.{key}~{form}"} if form else set())


def test_what_is_one_house_alone_is_masked() -> None:
    assert masked("https://ehr.north.example.org/t/0b3c66b2-9a3e-4e4e-8b9f-0a0a0a0a0a0a/codeSet/72") == (
        "host:example.org/t/<uuid>/codeSet/72"
    )
    assert masked("http://loinc.org") == "http://loinc.org"


def test_observations_go_by_category() -> None:
    def with_category(code: str) -> dict[str, Any]:
        return {"resourceType": "Observation", "category": [{"coding": [{"code": code}]}]}

    assert kind_of(with_category("laboratory")) == "Observation/laboratory"
    assert kind_of(with_category("own")) == "Observation/other"
    assert kind_of({"resourceType": "Patient"}) == "Patient"


def test_an_envelope_has_its_links_and_their_parameters() -> None:
    link = [{"relation": "next", "url": "https://x.example.org/P?cursor=1&a="}]
    entry = [{"fullUrl": "u", "search": {"mode": "match"}, "link": [{"relation": "self"}], "resource": PATIENT}]
    found = shape_of_envelope(
        {"resourceType": "Bundle", "type": "searchset", "total": 1, "link": link, "entry": entry}
    )
    assert {"Bundle.link(next)?cursor", "Bundle.link(next)?a", "Bundle.entry.fullUrl", "Bundle.total"} <= found
    assert {"Bundle.entry.search.mode=match", "Bundle.entry.link(self)"} <= found
    assert not any("Patient" in token for token in found)
