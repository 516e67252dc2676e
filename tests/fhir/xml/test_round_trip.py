"""JSON to XML and back: the same document, decimals by their digits. `MOCKEHR_XML_CHARTS=1000` takes more charts."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from mockehr.fhir.lossless import Lexical, encode, parse
from mockehr.fhir.xml import from_xml, to_xml, xml_of_json
from mockehr.sites.build import build_site
from mockehr.sites.options import SiteOptions

CHARTS = int(os.environ.get("MOCKEHR_XML_CHARTS", "4"))


def exact(node: Any) -> Any:
    """With the digits of decimals, and with the difference between 1, 1.0 and true."""
    if isinstance(node, dict):
        return {key: exact(value) for key, value in node.items()}
    if isinstance(node, list):
        return [exact(value) for value in node]
    if isinstance(node, Lexical):
        return ("decimal", node.text)
    return (type(node).__name__, node)


def assert_survives(document: Any) -> None:
    for pretty in (False, True):
        assert exact(from_xml(to_xml(document, pretty=pretty))) == exact(document)


def test_the_examples_of_us_core_survive(shared_data: Path) -> None:
    files = sorted((shared_data / "us-core-6.1.0" / "example").glob("*.json"))
    assert len(files) > 150
    for file in files:
        assert_survives(parse(file.read_bytes()))


def test_whole_bundles_of_synthea_survive(shared_data: Path) -> None:
    files = sorted((shared_data / "synthea").glob("*.json"))
    assert files
    for file in files:
        assert_survives(parse(file.read_bytes()))


@pytest.mark.parametrize("vendor", ["generic", "epic", "oracle"])
def test_generated_charts_survive(vendor: str) -> None:
    charts = build_site(SiteOptions("a", vendor, patients=max(CHARTS, 10), stepped=True)).charts
    assert charts is not None
    for index in range(CHARTS):
        for records in charts.dressed(index).by_type.values():
            for record in records:
                assert exact(from_xml(xml_of_json(record.body))) == exact(parse(record.body))


def test_reading_gives_the_bytes_of_json_again() -> None:
    body = b'{"resourceType":"Observation","id":"o","status":"final","valueQuantity":{"value":1.10,"unit":"g"}}'
    assert encode(from_xml(xml_of_json(body))) == body


def test_parameters_and_outcomes_in_bundles_survive() -> None:
    outcome = {"resourceType": "OperationOutcome", "issue": [{"severity": "error", "code": "invalid"}]}
    parts = [{"name": "a", "valueDecimal": Lexical("1.00")}, {"name": "r", "resource": outcome}]
    nested = {"resourceType": "Parameters", "parameter": [{"name": "n", "part": parts}]}
    entries = [{"resource": nested}, {"response": {"status": "400", "outcome": outcome}}]
    assert_survives({"resourceType": "Bundle", "type": "batch-response", "entry": entries})


def test_a_large_attachment_survives() -> None:
    assert_survives({"resourceType": "Binary", "contentType": "text/plain", "data": "QUJD" * 500_000})
