"""The same person under two ids: second records that can be read and never come up in a search."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import pytest

from mockehr.core.chance import Chance
from mockehr.core.errors import ConfigError, UnknownName
from mockehr.core.exchange import Exchange
from mockehr.personalities.load import ehr_names
from mockehr.population.corruption.base import Infection, corruptions
from mockehr.population.corruption.half_done_merges import HalfDoneMerges
from mockehr.sites.build import build_site
from mockehr.sites.charts import Charts
from mockehr.sites.options import SiteOptions
from mockehr.sites.site import Site

NAME = "half-done-merges"
BASE = "http://a.example.org/fhir"


def made(vendor: str = "generic", rate: float = 0.1, size: int = 60, seed: int = 7) -> tuple[Site, Charts]:
    options = SiteOptions("a", vendor, patients=size, seed=seed, stepped=True, open_access=True)
    site = build_site(options)
    site.arm({"use": NAME, "with": {"rate": rate}})
    assert site.charts is not None
    return site, site.charts


def ask(site: Site, path: str, query: str = "") -> Exchange:
    headers = {"accept": "application/fhir+json"}
    return site.handle(Exchange("fhir", path=path, query=query, headers=headers, base_url=BASE))


def found(site: Site, query: str) -> set[str]:
    exchange = ask(site, "/Patient", query)
    assert exchange.problem is None
    return {key.partition("/")[2] for key in exchange.returned}


def test_every_corruption_is_named_by_a_test_here() -> None:
    texts = "".join(path.read_text(encoding="utf-8") for path in Path(__file__).parent.glob("test_*.py"))
    assert [name for name in corruptions() if f'"{name}"' not in texts] == []


@pytest.mark.parametrize(("rate", "shadows"), [(0.0, 0), (0.02, 4), (0.1, 20), (1.0, 200)])
def test_the_rate_is_the_share_of_patients_with_a_second_record(rate: float, shadows: int) -> None:
    _, charts = made(rate=rate, size=200)
    pairs = list(charts.survivors())
    assert charts.size == 200 + shadows
    assert [second for second, _ in pairs] == list(range(200, 200 + shadows))
    assert len({survivor for _, survivor in pairs}) == shadows
    assert all(0 <= survivor < 200 for _, survivor in pairs)


def test_who_was_registered_twice_depends_on_the_seed_only() -> None:
    first, again, other = made()[1], made()[1], made(seed=8)[1]
    assert list(first.survivors()) == list(again.survivors())
    assert list(first.survivors()) != list(other.survivors())
    assert [first.patient(n).body for n in range(60, 66)] == [again.patient(n).body for n in range(60, 66)]


TERSE = ("athena", "ecw", "hl7_facade")
"""Vendors who say nothing, or nothing true, of whether a patient is active; a facade shows no links either."""


@pytest.mark.parametrize("vendor", ehr_names())
def test_a_second_record_is_read_by_its_id_and_names_its_survivor(vendor: str) -> None:
    site, charts = made(vendor)
    for second, survivor in charts.survivors():
        answer = ask(site, f"/Patient/{charts.patient_id(second)}")
        assert answer.reply is not None
        assert answer.reply.status == 200
        shown = orjson.loads(answer.reply.body)
        one = charts.patient(survivor).document
        if vendor not in TERSE:
            assert shown["active"] is True
        if vendor == "hl7_facade":
            continue
        assert [link["type"] for link in shown["link"]] == ["replaced-by"]
        assert shown["link"][0]["other"]["reference"].endswith(f"Patient/{charts.patient_id(survivor)}")
        assert shown["birthDate"] == one["birthDate"]
        assert shown["name"][0]["family"] == one["name"][0]["family"]
        assert "link" not in one
        assert numbers(shown)
        assert not numbers(shown) & numbers(one)


def numbers(document: Any) -> set[str]:
    return {one["value"].strip() for one in document["identifier"]}


def test_a_second_record_comes_up_in_no_search_computed_or_not() -> None:
    site, charts = made()
    seconds = {charts.patient_id(second) for second, _ in charts.survivors()}
    second = charts.patient(next(charts.survivors())[0]).document
    everybody = {f"p{index}" for index in range(60)}
    assert found(site, "_count=200") == everybody
    assert found(site, "_lastUpdated=ge1900&_count=200") == everybody
    for query in (
        f"family={second['name'][0]['family']}",
        f"birthdate={second['birthDate']}",
        f"gender:not=unknown&birthdate={second['birthDate']}",
        "link:missing=false",
        f"identifier=MRN|{second['identifier'][0]['value']}",
    ):
        assert not found(site, query + "&_count=200") & seconds, query
    assert not seconds & set(charts.everyone())


def test_a_second_record_has_no_chart_of_its_own() -> None:
    site, charts = made()
    for second, _ in charts.survivors():
        assert list(charts.dressed(second).by_type) == ["Patient"]
        assert not ask(site, "/Observation", f"patient={charts.patient_id(second)}").returned


def test_a_survivors_chart_stays_as_it_was() -> None:
    site, charts = made()
    survivor = next(charts.survivors())[1]
    merged = {key: record.body for key, record in charts.dressed(survivor).by_key.items()}
    site.disarm(NAME)
    assert {key: record.body for key, record in charts.dressed(survivor).by_key.items()} == merged
    with pytest.raises(UnknownName):
        site.disarm(NAME)


def test_ids_behind_the_second_records_are_nobodys() -> None:
    site, charts = made()
    reply = ask(site, f"/Patient/{charts.ids.encode('Patient', charts.size, 0)}").reply
    assert reply is not None
    assert reply.status == 404


@pytest.mark.parametrize("rate", [-0.1, 1.5, 1e308, float("nan")])
def test_a_share_of_patients_is_from_none_to_all(rate: float) -> None:
    with pytest.raises(ConfigError, match="from 0 to 1"):
        Infection("x", HalfDoneMerges(rate), Chance(1), 10, lambda index: None)
