"""Which form wins for an Accept header and `_format`."""

from __future__ import annotations

import pytest

from mockehr.personalities.negotiation import negotiate

BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"


@pytest.mark.parametrize(
    ("accept", "form", "name"),
    [
        ("", "", ""),
        ("*/*", "", ""),
        (" , ", "", ""),
        ("application/*", "", ""),
        ("application/json", "", "application/json"),
        ("Application/FHIR+XML", "", "application/fhir+xml"),
        ("application/fhir+xml, application/fhir+json", "", "application/fhir+xml"),
        ("application/fhir+json, application/fhir+xml", "", "application/fhir+json"),
        ("application/fhir+xml;q=0.5, application/json", "", "application/json"),
        ("application/json;q=0.5, application/fhir+json;q=0.9", "", "application/fhir+json"),
        ("*/*, application/fhir+xml", "", "application/fhir+xml"),
        ("application/fhir+xml;q=0.5, */*;q=0.8", "", ""),
        ("application/fhir+json;q=0, */*", "", "xml"),
        ("application/fhir+json;q=0", "", None),
        ("text/html", "", None),
        ("text/html, */*;q=0.1", "", ""),
        (BROWSER, "", "application/xml"),
        ("application/fhir+json;q=wrong", "", "application/fhir+json"),
        ("application/fhir+json;q=nan, application/fhir+xml;q=0.5", "", "application/fhir+json"),
        ("application/fhir+json; fhirVersion=4.0", "", "application/fhir+json"),
        ("application/fhir+json; fhirVersion=3.0", "", None),
        ("application/fhir+json; fhirVersion=3.0, application/fhir+xml; fhirVersion=4.0", "", "application/fhir+xml"),
        ("application/fhir+json;charset=utf-8", "", "application/fhir+json"),
        ("application/json", "xml", "xml"),
        ("application/fhir+xml", "json", "json"),
        ("", "text/xml", "text/xml"),
        ("", "application/fhir xml", "application/fhir+xml"),
        ("", "application/fhir+json;fhirVersion=4.0", "application/fhir+json"),
        ("", "application/fhir+json;fhirVersion=5.0", None),
        ("application/json", "html", None),
        ("application/json", "ttl", None),
    ],
)
def test_the_best_form_wins(accept: str, form: str, name: str | None) -> None:
    assert negotiate(accept, form, "json") == name


def test_a_vendor_may_offer_one_form_only() -> None:
    assert negotiate("application/fhir+xml", "", "json", offered=("json",)) is None
    assert negotiate("application/fhir+xml, */*;q=0.1", "", "json", offered=("json",)) == ""
