"""Names from all over the world: who bears them, that all records agree, and that searches find them under these."""

from __future__ import annotations

import json
import unicodedata
from urllib.parse import quote

import pytest

from mockehr.core.chance import Chance
from mockehr.core.errors import ConfigError
from mockehr.core.exchange import Exchange
from mockehr.personalities.load import ehr_names
from mockehr.population.corruption.base import Infection
from mockehr.population.corruption.unicode_names import NAMES, UnicodeNames
from mockehr.sites.build import build_site
from mockehr.sites.options import SiteOptions
from mockehr.sites.site import Site

NAME = "unicode-names"


def made(vendor: str = "generic", *, rate: float = 0.5, size: int = 80, **settings: str) -> Site:
    site = build_site(SiteOptions("a", vendor, patients=size, stepped=True, open_access=True))
    site.arm({"use": NAME, "with": {"rate": rate, **settings}})
    return site


def infection(size: int, rate: float) -> Infection:
    return Infection(NAME, UnicodeNames(rate), Chance(1), size, lambda index: None)


def found(site: Site, query: str) -> tuple[list[str], int | None]:
    """The ids that a search finds on all its pages, and its total."""
    ids: list[str] = []
    total = None
    query += "&_count=7&_total=accurate"
    while query:
        reply = site.handle(
            Exchange("fhir", path="/Patient", query=query, base_url="http://a.example.org/fhir")
        ).reply
        assert reply is not None
        page = json.loads(reply.body)
        ids += [entry["resource"]["id"] for entry in page.get("entry", ())]
        total = page.get("total", total)
        following = [link["url"] for link in page["link"] if link["relation"] == "next"]
        query = following[0].partition("?")[2] if following else ""
    return ids, total


@pytest.mark.parametrize("size", [1, 33, 80, 1000])
@pytest.mark.parametrize("rate", [0.0, 0.03, 0.5, 1.0])
def test_the_bearers_of_each_name_are_a_range_and_together_those_touched(size: int, rate: float) -> None:
    one = infection(size, rate)
    assert one.axis is not None
    borne = {index: one.called(index) for index in range(size)}
    assert {index for index, name in borne.items() if name} == set(one.patients())
    by_range = {one.axis.index(slot): name for n, name in enumerate(one.names) for slot in one.bearing(n)}
    assert by_range == {index: name for index, name in borne.items() if name}


@pytest.mark.parametrize("vendor", ehr_names())
def test_a_patients_records_agree_on_the_name_and_the_old_one_is_nowhere(vendor: str) -> None:
    site = made(vendor, rate=1.0, size=40)
    charts = site.charts
    assert charts is not None
    for index in range(2):
        person, old = charts.person(index), charts.population.person(index)
        assert (person.family, person.given) != (old.family, old.given)
        shown = [document for document, _ in charts.dress(index, dirty=True)]
        assert person.family in json.dumps(shown[0], ensure_ascii=False)
        assert "given" not in shown[0]["name"][0] or shown[0]["name"][0]["given"]
        telling = json.dumps([{**one, "telecom": []} for one in shown], ensure_ascii=False)
        assert f"{old.given[0]} {old.family}" not in telling
        assert not charts.corrupted(index)
        assert charts.patient(index).document == shown[0]


@pytest.mark.parametrize("modifier", ["", ":exact", ":contains"])
@pytest.mark.parametrize("parameter", ["family", "given", "name"])
def test_searches_by_name_find_whom_they_show_and_nobody_else(parameter: str, modifier: str) -> None:
    site = made()
    charts = site.charts
    assert charts is not None
    people = {charts.patient_id(index): charts.person(index) for index in range(80)}
    wanted = [name for names in NAMES.values() for name in names] + [charts.population.person(n) for n in range(12)]
    texts = [name.given[0] if parameter == "given" and name.given else name.family for name in wanted]
    texts += [short for n in range(40) if parameter == "given" and (short := charts.population.person(n).preferred)]
    for text in texts:
        if parameter == "name" and (" " in text or "," in text):
            continue
        fast, total = found(site, f"{parameter}{modifier}={quote(text.replace(',', chr(92) + ','))}")
        slow, _ = found(site, f"{parameter}{modifier}={quote(text.replace(',', chr(92) + ','))}&gender:not=none")
        assert sorted(fast) == sorted(slow)
        assert total == len(fast) == len(set(fast))
        bearers = {id for id, one in people.items() if text in (one.family, *one.given)}
        if parameter == "name":
            assert bearers <= set(fast)


def test_a_name_is_found_however_its_marks_are_written_and_together_with_other_criteria() -> None:
    site = made(rate=1.0, kind="combining")
    charts = site.charts
    assert charts is not None
    family = unicodedata.normalize("NFC", NAMES["combining"][1].family)
    assert family != NAMES["combining"][1].family
    ids, total = found(site, f"family={quote(family)}")
    assert total == len(ids) == 20
    women, _ = found(site, f"family={quote(family)}&gender=female")
    assert women == [id for id in women if charts.person(int(id[1:])).sex == "female"]
    assert len(women) == sum(charts.person(int(id[1:])).sex == "female" for id in ids)
    both, _ = found(site, f"family={quote(family)},{quote(NAMES['combining'][0].family)}")
    assert len(both) == 40


def test_the_last_of_two_corruptions_names_a_patient_and_searches_know_it() -> None:
    site = made(rate=1.0, kind="single")
    site.arm({"use": NAME, "name": "more", "with": {"rate": 0.5, "kind": "long"}})
    charts = site.charts
    assert charts is not None
    long = {f"p{index}" for index in range(80) if len(charts.person(index).family) > 100}
    assert len(long) == 20
    assert set(found(site, f"family={quote(NAMES['long'][0].family)}")[0]) == long
    single = {f"p{index}" for index in range(80) if charts.person(index).family == "Suharti"}
    assert 0 < len(single) < 20
    assert set(found(site, "family=suharti")[0]) == single
    site.charts.cure("more")  # type: ignore[union-attr]
    assert len(found(site, "family=suharti")[0]) == 20


def test_it_costs_nothing_at_a_hundred_million_patients() -> None:
    site = made(size=100_000_000, rate=0.01)
    charts = site.charts
    assert charts is not None
    hits = charts.patients([("family", "Παπαδοπουλου"), ("gender", "female")])
    assert hits is not None
    page = hits.page(0, 5)
    assert [record.document["name"][0]["family"] for record in page] == ["Παπαδοπούλου"] * 5


def test_names_are_of_every_kind_and_a_kind_that_is_none_is_refused() -> None:
    assert max(len(name.family) for name in UnicodeNames(kind="long").names()) > 255
    assert any(not name.given for name in UnicodeNames().names())
    assert all(not unicodedata.is_normalized("NFC", name.family) for name in UnicodeNames(kind="combining").names())
    assert any(ord(letter) > 0xFFFF for name in UnicodeNames(kind="scripts").names() for letter in name.family)
    with pytest.raises(ConfigError, match="nearest: scripts"):
        UnicodeNames(kind="script")
