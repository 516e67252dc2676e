"""Names in Windows-1252: who is touched, what is on the wire, and that nothing else changes."""

from __future__ import annotations

import json

import httpx2
import pytest

from mockehr.core.chance import Chance
from mockehr.core.errors import ConfigError, UsageError
from mockehr.personalities.load import ehr_names
from mockehr.population.corruption.base import Infection
from mockehr.population.corruption.windows_1252_names import Windows1252Names
from mockehr.population.population import Population
from mockehr.sites.build import build_site
from mockehr.sites.options import SiteOptions
from mockehr.sites.site import Site
from mockehr.testing.world import World

SIZE = 2000
NAME = "windows-1252-names"
PEOPLE = Population(Chance(7), SIZE, as_of=1_767_614_400.0)


def infection(rate: float, seed: int = 7, name: str = NAME) -> Infection:
    return Infection(name, Windows1252Names(rate), Chance(seed), SIZE, PEOPLE.person)


def made(vendor: str = "generic", rate: float = 0.5, size: int = 200) -> Site:
    site = build_site(SiteOptions("a", vendor, patients=size, stepped=True))
    site.arm({"use": NAME, "with": {"rate": rate}})
    return site


def accented() -> set[int]:
    ailment = Windows1252Names()
    return {index for index in range(SIZE) if ailment.applies(PEOPLE.person(index))}


@pytest.mark.parametrize("rate", [0.0, 0.25, 0.5, 1.0])
def test_the_rate_is_a_share_of_the_patients_of_whom_those_with_accents_are_touched(rate: float) -> None:
    touched = set(infection(rate).patients())
    assert touched <= accented()
    expected = rate * len(accented())
    assert abs(len(touched) - expected) <= 3 * (expected * (1 - rate)) ** 0.5 + (0 if rate in (0, 1) else 1)
    assert len(accented()) > 50


def test_touching_one_and_listing_all_tell_the_same_and_more_are_touched_at_a_higher_rate() -> None:
    low, high = infection(0.2), infection(0.6)
    assert {index for index in range(SIZE) if low.touches(index)} == set(low.patients())
    assert set(low.patients()) < set(high.patients())


def test_who_is_touched_depends_on_seed_and_name_and_on_nothing_else() -> None:
    assert list(infection(0.5).patients()) == list(infection(0.5).patients())
    assert set(infection(0.5).patients()) != set(infection(0.5, seed=8).patients())
    assert set(infection(0.5).patients()) != set(infection(0.5, name="again").patients())


@pytest.mark.parametrize("vendor", ehr_names())
def test_two_sites_with_the_same_seed_are_dirtied_alike(vendor: str) -> None:
    one, other = made(vendor), made(vendor)
    assert one.charts is not None
    assert other.charts is not None
    for index in one.charts.infections[NAME].patients():
        assert one.charts.patient(index).body == other.charts.patient(index).body


@pytest.mark.parametrize("vendor", ehr_names())
def test_only_names_are_touched_and_a_careful_reader_gets_them_back(vendor: str) -> None:
    site = made(vendor, rate=1.0)
    charts = site.charts
    assert charts is not None
    touched = list(charts.infections[NAME].patients())
    assert touched
    for index in touched:
        clean = charts.dress(index, dirty=False, patient_only=True)[0][0]
        octets = charts.patient(index).body
        with pytest.raises(UnicodeDecodeError):
            octets.decode("utf-8")
        read = json.loads(octets.decode("utf-8", "surrogateescape"))
        assert read.pop("name") != clean["name"]
        assert read == {key: value for key, value in json.loads(json.dumps(clean)).items() if key != "name"}
        names = json.dumps(clean["name"], ensure_ascii=False, separators=(",", ":"))
        assert names.encode("cp1252", "replace") in octets
    for record in charts.dressed(touched[0]).by_key.values():
        if record.resource_type != "Patient":
            record.body.decode("utf-8")


def test_the_octets_arrive_at_a_client_under_a_head_that_claims_utf8(mockehr: World) -> None:
    site = mockehr.site(stepped=True, patients=200, open_access=True)
    site.quirk(NAME, rate=1.0)
    charts = site.site.charts
    assert charts is not None
    index = next(iter(charts.infections[NAME].patients()))
    family = charts.population.person(index).family
    with httpx2.Client(timeout=30) as client:
        answer = client.get(f"{site.fhir_url}/Patient/p{index}")
        page = client.get(f"{site.fhir_url}/Patient", params={"_id": f"p{index}"})
        found = client.get(f"{site.fhir_url}/Patient", params={"family:exact": family, "_count": "200"})
    assert "json" in answer.headers["content-type"]
    assert answer.headers.get("content-type", "").partition("charset=")[2].lower() in ("", "utf-8")
    for reply in (answer, page):
        with pytest.raises(UnicodeDecodeError):
            reply.content.decode("utf-8")
        json.loads(reply.content.decode("utf-8", "surrogateescape"))
    matches = json.loads(found.content.decode("utf-8", "surrogateescape"))["entry"]
    assert f"p{index}" in [entry["resource"]["id"] for entry in matches]


def test_what_is_given_is_left_alone() -> None:
    chart = [{"resourceType": "Patient", "name": [{"family": "Núñez"}]}, {"resourceType": "Observation"}]
    dirty = Windows1252Names().dirty(chart, Chance(1).stream("x"))
    assert chart[0]["name"] == [{"family": "Núñez"}]
    assert dirty == [
        {"resourceType": "Patient", "name": [{"family": "N\udcfa\udcf1ez"}]},
        {"resourceType": "Observation"},
    ]
    assert dirty[1] is chart[1]


def test_a_corruption_is_armed_once_by_its_name_and_only_where_there_are_charts() -> None:
    site = made()
    with pytest.raises(UsageError, match="armed already"):
        site.arm({"use": NAME})
    assert site.arm({"use": NAME, "name": "more"}) == "more"
    with pytest.raises(ConfigError, match="rat"):
        site.arm({"use": NAME, "name": "third", "with": {"rat": 1}})
    with pytest.raises(UsageError, match="has none"):
        build_site(SiteOptions("b", stepped=True)).arm({"use": NAME})
