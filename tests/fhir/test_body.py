"""Bodies of requests in both forms."""

from __future__ import annotations

import pytest

from mockehr.core.problem import Problem
from mockehr.fhir.body import parse_resource
from mockehr.fhir.lossless import Unreadable

JSON = b'{"resourceType":"Patient","id":"p"}'
XML = b'<Patient xmlns="http://hl7.org/fhir"><id value="p"/></Patient>'
PATIENT = {"resourceType": "Patient", "id": "p"}


@pytest.mark.parametrize(
    ("body", "media"),
    [
        (JSON, ""),
        (JSON, "application/json"),
        (JSON, "Application/FHIR+JSON; charset=UTF-8; fhirVersion=4.0"),
        (JSON, 'application/fhir+json;charset="utf-8"'),
        (XML, "application/fhir+xml"),
        (XML, "text/xml;charset=utf-8"),
        (XML, "application/xml+fhir"),
    ],
)
def test_both_forms_give_the_same_document(body: bytes, media: str) -> None:
    assert parse_resource(body, media) == PATIENT


@pytest.mark.parametrize(
    ("media", "value"),
    [
        ("text/plain", "text/plain"),
        ("json", "json"),
        ("application/json-patch+json", "application/json-patch+json"),
        ("application/fhir+xml; charset=iso-8859-1", "iso-8859-1"),
        ("application/fhir+json; fhirVersion=3.0", "3.0"),
    ],
)
def test_other_media_are_refused(media: str, value: str) -> None:
    found = parse_resource(JSON, media)
    assert isinstance(found, Problem)
    assert (found.status, found.kind, found.value) == (415, "media-unsupported", value)


@pytest.mark.parametrize(
    ("body", "media", "words"),
    [
        (b"[]", "", "a list"),
        (b"null", "", "null"),
        (b"3", "", "a number"),
        (b"{", "", "line 1 column 2"),
        (JSON, "application/fhir+xml", "line 1 column 1"),
        (XML, "application/fhir+json", "line 1 column 1"),
    ],
)
def test_what_is_no_resource_cannot_be_read(body: bytes, media: str, words: str) -> None:
    with pytest.raises(Unreadable, match=words):
        parse_resource(body, media)
