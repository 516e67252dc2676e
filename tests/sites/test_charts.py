"""Charts of a site: computed, dressed, dirtied, and the same at every look."""

from __future__ import annotations

import pytest

from mockehr.personalities.load import personality_names
from mockehr.sites.build import build_site
from mockehr.sites.charts import Charts
from mockehr.sites.options import SiteOptions
from mockehr.sites.site import Site


def made(vendor: str, size: int = 200) -> tuple[Site, Charts]:
    site = build_site(SiteOptions("a", vendor, patients=size, stepped=True))
    assert site.charts is not None
    return site, site.charts


@pytest.mark.parametrize("vendor", personality_names())
def test_a_patient_alone_is_the_patient_of_the_whole_chart(vendor: str) -> None:
    _, alone = made(vendor)
    _, whole = made(vendor)
    for index in range(25):
        assert alone.patient(index).body == whole.dressed(index).by_type["Patient"][0].body


@pytest.mark.parametrize("vendor", personality_names())
def test_every_record_is_found_by_its_id_and_every_reference_leads_somewhere(vendor: str) -> None:
    _, charts = made(vendor)
    for index in range(10):
        for key, record in charts.dressed(index).by_key.items():
            assert charts.read(record.resource_type, record.id) is not None, key
            assert charts.index_of(record.patient) == index


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
