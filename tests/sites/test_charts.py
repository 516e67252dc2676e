"""Charts of a site: computed, dressed, dirtied, and the same at every look."""

from __future__ import annotations

import pytest

from mockehr.fhir.record import encode
from mockehr.fhir.search.neighbours import SHARED_TYPES
from mockehr.personalities.load import ehr_names
from mockehr.sites.build import build_site
from mockehr.sites.charts import Charts
from mockehr.sites.options import SiteOptions
from mockehr.sites.site import Site


def made(vendor: str, size: int = 200) -> tuple[Site, Charts]:
    site = build_site(SiteOptions("a", vendor, patients=size, stepped=True))
    assert site.charts is not None
    return site, site.charts


CLEAN = ("generic", "hl7_facade")
"""Personalities whose ids are the clean ones, and so the same at all sites."""


@pytest.mark.parametrize("vendor", ehr_names())
def test_a_patient_alone_is_the_patient_of_the_whole_chart(vendor: str) -> None:
    _, alone = made(vendor)
    _, whole = made(vendor)
    for index in range(25):
        assert alone.patient(index).body == whole.dressed(index).by_type["Patient"][0].body


@pytest.mark.parametrize("vendor", ehr_names())
def test_every_record_is_found_by_its_id_and_every_reference_leads_somewhere(vendor: str) -> None:
    _, charts = made(vendor)
    for index in range(10):
        for key, record in charts.dressed(index).by_key.items():
            assert charts.read(record.resource_type, record.id) is not None, key
            assert charts.index_of(record.patient) == index


@pytest.mark.parametrize("vendor", ehr_names())
def test_a_type_alone_is_that_of_the_whole_chart(vendor: str) -> None:
    _, charts = made(vendor)
    for index in range(8):
        whole: dict[str, list[str]] = {}
        for document, _ in charts.dress(index, dirty=True):
            whole.setdefault(document["resourceType"], []).append(encode(document).decode())
        chart = charts.dressed(index)
        for kind in sorted(whole, reverse=True):
            assert [record.body.decode() for record in chart.of_type(kind)] == whole[kind]
        assert chart.by_type.keys() == whole.keys()


def test_short_lists_outlive_the_chart_and_not_an_infection() -> None:
    site, charts = made("generic")
    before = charts.chart(charts.patient_id(3), "Coverage")
    for index in range(4, 4 + 300):
        charts.dressed(index % 200)
    assert charts.chart(charts.patient_id(3), "Coverage") is before
    site.arm({"use": "windows-1252-names", "with": {"rate": 1.0}})
    assert charts.chart(charts.patient_id(3), "Coverage") is not before


def test_an_id_of_nobody_is_not_found() -> None:
    _, charts = made("generic")
    assert charts.read("Patient", "p200") is None
    assert charts.read("Patient", "nonsense") is None
    assert charts.read("Observation", "p1-4000") is None


def test_names_in_windows_1252_touch_exactly_those_that_are_told() -> None:
    site, charts = made("generic")
    clean = {index: charts.patient(index).body for index in range(200)}
    site.arm({"use": "windows-1252-names", "with": {"rate": 0.5}})
    told = set(charts.infections["windows-1252-names"].patients())
    changed = {index for index in range(200) if charts.patient(index).body != clean[index]}
    assert told == changed
    assert told
    for index in told:
        with pytest.raises(UnicodeDecodeError):
            charts.patient(index).body.decode("utf-8")


def test_a_half_done_merge_adds_a_record_that_points_at_its_survivor() -> None:
    site, charts = made("generic")
    site.arm({"use": "half-done-merges", "with": {"rate": 0.02}})
    pairs = dict(charts.survivors())
    assert len(pairs) == 4
    for second, first in pairs.items():
        record = charts.patient(second)
        assert record.document["link"][0]["other"]["reference"] == f"Patient/{charts.patient_id(first)}"
        assert record.document["active"] is True
        assert "link" not in charts.patient(first).document
    found = charts.patients([("family", charts.patient(next(iter(pairs))).document["name"][0]["family"])])
    assert found is not None
    assert all(r.id not in {charts.patient_id(second) for second in pairs} for r in found.page(0, 200))


def test_memory_of_charts_is_bounded() -> None:
    site = build_site(SiteOptions("a", patients=10_000_000, stepped=True, charts_kept=8))
    assert site.charts is not None
    for index in range(0, 10_000_000, 500_000):
        site.charts.dressed(index)
    assert len(site.charts._cache) == 8


@pytest.mark.parametrize("vendor", ehr_names())
def test_each_id_of_a_chart_reads_the_very_record_and_only_under_its_own_type(vendor: str) -> None:
    _, charts = made(vendor)
    _, others = made(vendor)
    compared = 0
    for index in (0, 7, 113, 199):
        for record in charts.dressed(index).by_key.values():
            found = others.read(record.resource_type, record.id)
            assert found is not None, record.key
            assert (found.key, found.body, found.patient) == (record.key, record.body, charts.patient_id(index))
            wrong = "Condition" if record.resource_type != "Condition" else "Procedure"
            strayed = others.read(wrong, record.id)
            assert strayed is None or strayed.key in charts.dressed(index).by_key
            compared += 1
    assert compared > 100


@pytest.mark.parametrize("vendor", ehr_names())
def test_shared_records_are_read_by_their_ids_and_belong_to_nobody(vendor: str) -> None:
    _, charts = made(vendor)
    for kind in ("Practitioner", "PractitionerRole", "Organization", "Location", "Medication"):
        records = charts.shared(kind)
        assert records, kind
        for record in records:
            assert record.patient == ""
            assert charts.read(kind, record.id) is record
    assert charts.shared("Observation") == ()


@pytest.mark.parametrize("vendor", ehr_names())
def test_ids_of_other_sites_texts_of_other_forms_and_places_beyond_a_chart_are_nobodys(vendor: str) -> None:
    _, charts = made(vendor)
    elsewhere = build_site(SiteOptions("b", vendor, patients=200, seed=99, stepped=True)).charts
    assert elsewhere is not None
    foreign = [record for index in range(3) for record in elsewhere.dressed(index).by_key.values()]
    texts = ["", "0", "-1", "p", "p-1", "p00", "x" * 64, "é", "../p1", "p1/p2", "p1-", "d9999"]
    own: set[str] = set()
    if vendor in CLEAN:  # whose ids are the same at all sites
        own = {
            f"{record.resource_type}/{record.id}" for i in range(200) for record in charts.dressed(i).by_key.values()
        }
    for kind, id in [(record.resource_type, record.id) for record in foreign] + [("Patient", text) for text in texts]:
        found = charts.read(kind, id)
        assert found is None or (vendor in CLEAN and found.key in own), (kind, id)
    beyond = charts.ids.encode("Observation", 3, 4000)
    assert charts.read("Observation", beyond) is None
    assert charts.read("Patient", charts.ids.encode("Patient", 200, 0)) is None
    assert charts.chart(charts.ids.encode("Patient", 200, 0), "Observation") == ()
    assert charts.chart("nobody", "Observation") == ()


@pytest.mark.parametrize("vendor", ehr_names())
def test_an_evicted_chart_comes_out_the_same_again(vendor: str) -> None:
    site = build_site(SiteOptions("a", vendor, patients=200, stepped=True, charts_kept=2))
    charts = site.charts
    assert charts is not None
    first = charts.dressed(5)
    kept = {key: record.body for key, record in first.by_key.items()}
    order = {kind: [record.id for record in records] for kind, records in first.by_type.items()}
    for index in (6, 7, 8):
        charts.dressed(index)
    assert 5 not in charts._cache
    again = charts.dressed(5)
    assert again is not first
    assert {key: record.body for key, record in again.by_key.items()} == kept
    assert {kind: [record.id for record in records] for kind, records in again.by_type.items()} == order


def test_the_chart_used_last_is_the_last_to_go() -> None:
    site = build_site(SiteOptions("a", patients=20, stepped=True, charts_kept=2))
    assert site.charts is not None
    first = site.charts.dressed(1)
    site.charts.dressed(2)
    assert site.charts.dressed(1) is first
    site.charts.dressed(3)
    assert list(site.charts._cache) == [1, 3]


def systems(node: object) -> set[str]:
    """Systems of every identifier in a document, those of logical references included."""
    if isinstance(node, dict):
        found = {system for value in node.values() for system in systems(value)}
        told = node.get("identifier")
        listed = told if isinstance(told, list) else [told]
        return found | {one["system"] for one in listed if isinstance(one, dict) and "system" in one}
    return {system for item in node for system in systems(item)} if isinstance(node, list) else set()


@pytest.mark.parametrize("vendor", ehr_names())
def test_a_site_owns_up_to_every_identifier_system_in_its_charts(vendor: str) -> None:
    site, charts = made(vendor)
    carried: dict[str, str] = {}
    for index in range(40):
        for record in charts.dressed(index).by_key.values():
            carried |= dict.fromkeys(systems(record.document), record.key)
    for kind in SHARED_TYPES:
        for record in charts.shared(kind):
            carried |= dict.fromkeys(systems(record.document), record.key)
    assert len(carried) >= 2
    denied = {system: key for system, key in carried.items() if not site.personality.issues(system)}
    assert denied == {}
    assert charts.issues(next(iter(carried)))
    assert not charts.issues("https://sync.example.org/ids")


def test_curing_brings_the_clean_charts_back_and_leaves_other_corruptions() -> None:
    site, charts = made("generic")
    clean = {index: charts.patient(index).body for index in range(200)}
    site.arm({"use": "windows-1252-names", "with": {"rate": 1.0}})
    site.arm({"use": "half-done-merges", "with": {"rate": 0.1}})
    assert charts.size == 220
    touched = [index for index in range(200) if charts.patient(index).body != clean[index]]
    assert touched
    site.disarm("half-done-merges")
    assert charts.size == 200
    assert charts.read("Patient", "p200") is None
    assert charts.patient(touched[0]).body != clean[touched[0]]
    site.disarm("windows-1252-names")
    assert {index: charts.patient(index).body for index in range(200)} == clean
    assert charts.infections == {}


def test_reading_by_id_does_not_outlive_a_corruption() -> None:
    site, charts = made("generic")
    site.arm({"use": "half-done-merges", "with": {"rate": 0.1}})
    assert charts.read("Patient", "p200") is not None
    site.arm({"use": "windows-1252-names", "with": {"rate": 1.0}})
    index = next(iter(charts.infections["windows-1252-names"].patients()))
    dirty = charts.read("Patient", f"p{index}")
    site.reset()
    clean = charts.read("Patient", f"p{index}")
    assert dirty is not None
    assert clean is not None
    assert dirty.body != clean.body
    assert charts.read("Patient", "p200") is None
