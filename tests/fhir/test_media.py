"""Media types and the version of FHIR that they name."""

from __future__ import annotations

import pytest

from mockehr.fhir.elements import R4, R4B
from mockehr.fhir.media import speaks, split_media


@pytest.mark.parametrize(
    ("media", "r4", "r4b"),
    [
        ("application/fhir+json", True, True),
        ("application/fhir+json; fhirVersion=4.0", True, False),
        ('application/fhir+json; fhirVersion="4.0.1"', True, False),
        ("application/fhir+json;FHIRVERSION=4.3", False, True),
        ("application/fhir+xml; fhirVersion=4.3.0; charset=utf-8", False, True),
        ("application/fhir+json; fhirVersion=4", False, False),
        ("application/fhir+json; fhirVersion=5.0", False, False),
    ],
)
def test_a_version_is_spoken_by_its_own_name_only(media: str, r4: bool, r4b: bool) -> None:
    parameters = split_media(media)[1]
    assert (speaks(parameters, R4), speaks(parameters, R4B)) == (r4, r4b)
