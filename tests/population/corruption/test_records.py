"""Corruptions of codes, old records, units, size, doubles and wrong patients: what they do to all vendors' charts."""

from __future__ import annotations

import base64
import copy
import json
import re
from functools import cache
from typing import Any

import pytest

from mockehr.core.chance import Chance
from mockehr.core.errors import ConfigError
from mockehr.core.exchange import Exchange
from mockehr.population.corruption.base import corruptions
from mockehr.population.corruption.large_documents import scanned_page
from mockehr.population.corruption.reworking import plain_number, reworked
from mockehr.quirks.rule import quirks
from mockehr.sites.build import build_site
from mockehr.sites.charts import Charts
from mockehr.sites.options import SiteOptions
from mockehr.sites.site import Site

DIRTYING = (
    "codes-without-loinc", "comparator-in-text", "contained-junk", "dangling-references", "deep-nesting",
    "drug-codes", "free-text-units", "icd-9-beside-icd-10", "missing-units", "mixed-units", "ranges-in-strings",
    "retired-codes", "status-out-of-range", "wrong-patient", "wrong-reference-types", "wrong-system",
)  # fmt: skip
VENDORS = ("generic", "epic", "athena", "hl7_facade")
BLIND = {("hl7_facade", "wrong-patient")}
"""A facade shows no encounters with results."""
Record = dict[str, Any]


@cache
def site_of(vendor: str) -> Site:
    return build_site(SiteOptions("a", vendor, patients=6, stepped=True, open_access=True))


def armed(vendor: str, corruption: str, **settings: Any) -> Charts:
    charts = site_of(vendor).charts
    assert charts is not None
    for name in list(charts.infections):
        charts.cure(name)
    site_of(vendor).arm({"use": corruption, "with": {"rate": 1.0, **settings}})
    return charts


def documents(charts: Charts, index: int, *, dirty: bool = True) -> dict[str, Record]:
    made = (document for document, _ in charts.dress(index, dirty=dirty))
    return {f"{one['resourceType']}/{one['id']}": one for one in made}


@pytest.mark.parametrize("corruption", DIRTYING)
@pytest.mark.parametrize("vendor", VENDORS)
def test_some_records_are_shown_otherwise_and_exactly_those_are_named(vendor: str, corruption: str) -> None:
    charts = armed(vendor, corruption)
    hits = 0
    for index in range(3):
        clean, shown = documents(charts, index, dirty=False), documents(charts, index)
        assert list(clean) == list(shown)
        changed = {key for key in clean if clean[key] != shown[key]}
        assert changed == set(charts.corrupted(index))
        assert documents(charts, index) == shown
        assert json.dumps(shown)
        assert charts.dress(index, dirty=True, patient_only=True)[0][0] == next(iter(shown.values()))
        for key in changed:
            found = charts.read(*key.split("/"))
            assert found is not None
            assert found.document == shown[key]
        hits += len(changed)
    assert bool(hits) is ((vendor, corruption) not in BLIND)


@pytest.mark.parametrize("corruption", DIRTYING)
def test_what_is_given_is_left_alone(corruption: str) -> None:
    charts = armed("generic", corruption)
    ailment = charts.infections[corruption].ailment
    index = next(one for one in range(6) if charts.corrupted(one))
    chart = list(documents(charts, index, dirty=False).values())
    other = list(documents(charts, (index + 1) % 6, dirty=False).values())
    before = copy.deepcopy((chart, other))
    dice = Chance(1).stream("x")
    made = ailment.cross(chart, other, dice) if hasattr(ailment, "cross") else ailment.dirty(chart, dice)
    assert made != chart
    assert (chart, other) == before


def test_no_corruption_is_called_like_a_quirk() -> None:
    assert not set(corruptions()) & set(quirks())


def test_a_share_of_none_still_touches_one_record() -> None:
    chart = [{"resourceType": "Observation", "id": str(number)} for number in range(5)]

    def change(resource: Record, dice: Any) -> Record | None:
        return resource | {"x": 1} if resource["id"] in "234" else None

    made = reworked(chart, ("Observation",), change, Chance(1).stream("x"), 0.0)
    assert [one["id"] for one in made if "x" in one] == ["2"]
    assert reworked(chart, ("Condition",), change, Chance(1).stream("x")) == chart


def test_a_converted_weight_is_the_same_weight() -> None:
    charts = armed("generic", "mixed-units", share=1.0)
    clean, shown = documents(charts, 0, dirty=False), documents(charts, 0)
    factors = {"[lb_av]": (1 / 2.2046226, 0.0), "[in_i]": (2.54, 0.0), "[degF]": (1 / 1.8, -32.0)}
    seen = set()
    for key in charts.corrupted(0):
        quantity, true = shown[key]["valueQuantity"], clean[key]["valueQuantity"]
        factor, offset = factors[quantity["code"]]
        assert (quantity["value"] + offset) * factor == pytest.approx(true["value"], abs=0.15)
        seen.add(quantity["code"])
    assert len(seen) > 1


def test_a_bound_in_a_text_holds_for_the_true_value() -> None:
    charts = armed("generic", "comparator-in-text", share=1.0)
    clean, shown = documents(charts, 0, dirty=False), documents(charts, 0)
    assert len(charts.corrupted(0)) > 5
    for key in charts.corrupted(0):
        text, true = shown[key]["valueString"], clean[key]["valueQuantity"]["value"]
        bound = float(re.findall(r"[0-9.]+", text)[0])
        assert bound <= true if text.startswith(">") else bound > true
    assert plain_number(0.5) == "0.5"
    assert plain_number(200.0) == "200"


def test_a_result_of_another_patients_visit_names_one_that_exists() -> None:
    charts = armed("generic", "wrong-patient", share=0.5)
    shown = documents(charts, 0)
    for key in charts.corrupted(0):
        visit = charts.read("Encounter", shown[key]["encounter"]["reference"].partition("/")[2])
        assert visit is not None
        assert visit.patient != charts.patient_id(0)
        assert shown[key]["subject"]["reference"] == "Patient/p0"


# doubles


def test_results_entered_twice_are_alike_but_for_their_ids_and_not_true() -> None:
    charts = armed("generic", "duplicate-results", share=0.3)
    doubled = next(index for index in range(6) if charts.corrupted(index))
    clean, shown = documents(charts, doubled, dirty=False), documents(charts, doubled)
    assert set(shown) - set(clean) == set(charts.corrupted(doubled))
    plain = [{**one, "id": "", "meta": ""} for one in clean.values()]
    assert all({**shown[key], "id": "", "meta": ""} in plain for key in charts.corrupted(doubled))


def asked(site: Site, query: str) -> list[str]:
    ids: list[str] = []
    while query:
        headers = {"accept": "application/fhir+json"}
        exchange = Exchange(
            "fhir", path="/Patient", query=query, headers=headers, base_url="http://a.example.org/fhir"
        )
        reply = site.handle(exchange).reply
        assert reply is not None
        page = json.loads(reply.body)
        ids += [entry["resource"]["id"] for entry in page.get("entry", ())]
        following = [link["url"] for link in page["link"] if link["relation"] == "next"]
        query = following[0].partition("?")[2] if following else ""
    return ids


def test_a_person_registered_twice_comes_up_twice_and_half_merged_ones_once() -> None:
    site = build_site(SiteOptions("a", patients=50, stepped=True, open_access=True))
    for name in ("half-done-merges", "duplicate-patients", "links-in-circles"):
        site.arm({"use": name, "with": {"rate": 0.2}})
    charts = site.charts
    assert charts is not None
    assert len(charts.listed) == 10
    listed = {charts.patient_id(index) for index in charts.listed}
    everybody = asked(site, "_count=7")
    assert sorted(everybody) == sorted({f"p{index}" for index in range(50)} | listed)
    assert set(asked(site, "gender:not=unknown&_count=200")) == set(everybody)
    for second, survivor in charts.survivors():
        one, other = charts.patient(survivor).document, charts.patient(second).document
        found = asked(site, f"family={one['name'][0]['family']}&birthdate={one['birthDate']}")
        assert (other["id"] in found) is (second in charts.listed)
        assert one["id"] in found
        if second in charts.listed:
            assert "link" not in other
            assert asked(site, f"identifier={other['identifier'][0]['value']}") == [other["id"]]
            assert other["telecom"] != one.get("telecom")
            assert other["name"][0]["given"] != one["name"][0]["given"]
            assert asked(site, f"_id={other['id']}") == [other["id"]]


def test_two_records_that_replace_each_other_name_each_other() -> None:
    charts = armed("epic", "links-in-circles")
    for second, survivor in charts.survivors():
        one, other = charts.patient(survivor).document, charts.patient(second).document
        assert [link["other"]["reference"] for link in one["link"]] == [f"Patient/{other['id']}"]
        assert other["link"][0]["other"]["reference"].endswith(f"Patient/{one['id']}")
        assert list(charts.corrupted(survivor)) == [f"Patient/{one['id']}"]


# size


@pytest.mark.parametrize("vendor", ["generic", "epic", "oracle", "athena"])
def test_a_long_chart_can_be_read_to_its_last_record(vendor: str) -> None:
    charts = armed(vendor, "long-charts", observations=4500)
    patient = charts.patient_id(0)
    records = charts.chart(patient, "Observation")
    assert len(records) > 4500
    assert len({record.id for record in records}) == len(records)
    for record in (records[0], records[-4200], records[-1]):
        assert charts.read("Observation", record.id) is record
    times = [record.document["effectiveDateTime"] for record in records[-4500:]]
    assert times == sorted(times)
    assert not charts.corrupted(0)
    kept = documents(charts, 0, dirty=False)
    charts.cure("long-charts")
    short = documents(charts, 0)
    assert short == {key: kept[key] for key in short}  # the ids of a chart do not depend on what it has besides


def test_kept_charts_weigh_no_more_than_a_bound() -> None:
    charts = armed("generic", "long-charts", observations=25_000)
    for index in range(5):
        charts.dressed(index)
    assert len(charts._cache) == 2
    assert charts._held == sum(chart.weight for chart in charts._cache.values()) <= 60_000
    charts.cure("long-charts")


@pytest.mark.parametrize("vendor", VENDORS)
def test_a_large_document_is_there_to_the_last_octet(vendor: str) -> None:
    charts = armed(vendor, "large-documents", megabytes=1.5)
    index = next(one for one in range(6) if charts.chart(charts.patient_id(one), "DocumentReference"))
    shown = [json.dumps(one) for one in documents(charts, index).values()]
    assert max(map(len, shown)) > 1_990_000
    assert not charts.corrupted(index)


def test_a_scanned_page_is_a_pdf_whose_table_of_contents_is_right() -> None:
    text, size = scanned_page(10, b"grain")
    octets = base64.b64decode(text, validate=True)
    assert len(octets) == size
    start = int(octets.rpartition(b"startxref\n")[2].split()[0])
    assert octets[start:].startswith(b"xref\n0 6\n")
    for number, row in enumerate(octets[start:].split(b"\n")[3:8], start=1):
        assert octets[int(row[:10]) :].startswith(b"%d 0 obj\n" % number)
    before, _, after = octets.partition(b"/Length 30720")
    assert before
    image = after.partition(b"stream\n")[2]
    assert image[30720:].startswith(b"\nendstream")


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("deep-nesting", {"depth": 0}),
        ("long-charts", {"observations": 70_000}),
        ("large-documents", {"megabytes": 0}),
    ],
)
def test_sizes_have_bounds(name: str, settings: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match="must be"):
        armed("generic", name, **settings)


def test_nesting_is_as_deep_as_told() -> None:
    charts = armed("generic", "deep-nesting", depth=40)
    key = next(iter(charts.corrupted(0)))
    node, depth = documents(charts, 0)[key], 0
    while node.get("extension"):
        node, depth = node["extension"][-1], depth + 1
    assert depth == 40
