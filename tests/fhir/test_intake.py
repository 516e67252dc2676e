from __future__ import annotations

from pathlib import Path

import orjson
import pytest

from mockehr.core.errors import EnvironmentProblem
from mockehr.core.exchange import Exchange
from mockehr.fhir.intake import Intake, import_document, import_path
from mockehr.sites.build import build_site
from mockehr.sites.options import SiteOptions
from mockehr.sites.site import Site


def empty() -> Site:
    return build_site(SiteOptions("a", stepped=True, open_access=True))


def test_every_us_core_example_is_imported_and_kept_octet_by_octet(shared_data: Path) -> None:
    folder, compared = shared_data / "us-core-6.1.0" / "example", 0
    for file in sorted(folder.glob("*.json")):
        site, octets = empty(), file.read_bytes()
        intake = import_path(site.store, file)
        assert intake.refused == [], file.name
        assert intake.total >= 1
        document = orjson.loads(octets)
        if document["resourceType"] == "Bundle":
            continue
        record = site.store.read(document["resourceType"], document["id"])
        assert record is not None
        assert record.body == octets
        if record.resource_type in site.fhir.types:
            compared += 1
            answered = site.handle(Exchange("fhir", path=f"/{record.key}", base_url="http://a.example.org"))
            assert answered.reply is not None
            assert answered.reply.body == octets
    assert compared > 100


def test_synthea_bundles_are_imported_with_their_references_resolved(shared_data: Path) -> None:
    for file in sorted((shared_data / "synthea").glob("*.json")):
        site = empty()
        intake = import_path(site.store, file)
        assert intake.refused == []
        assert intake.total == len(orjson.loads(file.read_bytes())["entry"])
        for record in site.store.written():
            assert b'"reference":"urn:uuid:' not in record.body
        patient = next(iter(site.store.overlay("Patient")))
        assert site.store.chart(patient.id, "Encounter")


@pytest.mark.parametrize(
    "document", [5, {}, {"resourceType": "Patient"}, {"resourceType": "Parameters", "id": "1"}, {"resourceType": []}]
)
def test_what_cannot_be_stored_is_refused_with_its_place(document: object) -> None:
    intake, site = Intake(), empty()
    import_document(site.store, document, intake, source="here")
    assert intake.total == 0
    assert intake.refused[0].startswith("here")


@pytest.mark.parametrize("entries", [None, 5, [None, {"resource": 1}]])
def test_a_bundle_without_usable_entries_stores_nothing(entries: object) -> None:
    intake = Intake()
    import_document(empty().store, {"resourceType": "Bundle", "entry": entries}, intake, source="x")
    assert intake.total == 0


def test_ndjson_is_read_line_by_line_and_a_missing_path_is_told(tmp_path: Path) -> None:
    file = tmp_path / "a.ndjson"
    file.write_text('{"resourceType":"Patient","id":"1"}\n\nnope\n')
    intake = import_path(empty().store, tmp_path)
    assert intake.stored == {"Patient": 1}
    assert intake.refused[0].startswith("a.ndjson:3: no JSON")
    with pytest.raises(EnvironmentProblem):
        import_path(empty().store, tmp_path / "none")


def test_a_document_nested_too_deeply_is_refused_with_the_reason() -> None:
    site, intake = empty(), Intake()
    deep: list[object] = []
    for _ in range(900):
        deep = [deep]
    import_document(site.store, {"resourceType": "Patient", "id": "a", "x": deep}, intake, source="call")
    assert intake.refused == ["call: nested more than 100 levels deep"]
    assert intake.total == 0
