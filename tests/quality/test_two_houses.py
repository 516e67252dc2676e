"""The shipped scenario about two sites of one vendor, and why a client of one fails at the other."""

from __future__ import annotations

import json
import sys
from typing import Any

import pytest

from mockehr.cli.runs import run_trial
from mockehr.core.exchange import Exchange
from mockehr.scenarios.probe import Case, Finding
from mockehr.scenarios.probes import probes
from mockehr.scenarios.probes.fits_the_site import SIBLINGS
from mockehr.scenarios.schema import load_scenario
from mockehr.scenarios.scorecard import Scorecard
from mockehr.scenarios.shipped import find_scenario
from mockehr.scenarios.trial import Trial
from mockehr.sites.build import build_site
from mockehr.sites.character import siblings_of
from mockehr.sites.options import SiteOptions
from mockehr.sites.site import Site


def played(client: str) -> Scorecard:
    trial = Trial(load_scenario(find_scenario("two-houses")))
    card, status = run_trial(trial, [sys.executable, "-m", f"mockehr.examples.{client}"], quiet=True)
    assert status == 0
    return card


@pytest.mark.slow
def test_who_asks_each_house_passes_at_both() -> None:
    played("careful_linker").assert_passed()


@pytest.mark.slow
def test_who_was_made_for_the_first_house_fails_at_the_second_and_is_told_why() -> None:
    card = played("careless_linker")
    failed = {(site.site, finding.probe): finding for site, finding in card if finding.verdict == "fail"}
    assert set(failed) == {("south", "fits-the-site"), ("south", "truth")}
    told = failed["south", "fits-the-site"].evidence[0].text
    assert "is a system of north's own" in told
    assert "is its own there, and 1.2.840.114350.1.13." in told


def house(name: str, vendor: str = "epic", **settings: Any) -> Site:
    options = SiteOptions(
        name, vendor, patients=2, seed=name, stepped=True, open_access=True, settings=settings, variance="realistic"
    )
    return build_site(options)


def judged(site: Site, other: Site, *asked: Exchange) -> Finding:
    for one in asked:
        site.handle(one)
    case = Case(tuple(site.journal), site.name, "c", expected={SIBLINGS: siblings_of(site, [site, other])})
    return probes().get("fits-the-site").judge(case)


def search(site: Site, query: str, kind: str = "Patient") -> Exchange:
    return Exchange("fhir", "GET", f"/{kind}", query, base_url=f"http://x/{site.name}{site.fhir_path}")


def number(site: Site) -> str:
    assert site.charts is not None
    found = next(
        one for one in site.charts.patient(0).document["identifier"] if one["type"]["text"] in ("EPI", "MRN")
    )
    return f"identifier={found['system']}|{found['value']}"


def test_another_house_s_systems_are_seen_in_searches_and_in_what_is_written() -> None:
    north, south = house("north"), house("south")
    finding = judged(south, north, search(south, number(south)))
    assert finding.verdict == "pass"
    finding = judged(south, north, search(south, number(north)))
    assert finding.verdict == "fail"
    system = number(north).removeprefix("identifier=").partition("|")[0]
    body = {"resourceType": "Patient", "identifier": [{"system": system, "value": "1"}]}
    written = Exchange("fhir", "POST", "/Patient", body=json.dumps(body).encode(), base_url="http://x/south")
    assert judged(house("south"), north, written).verdict == "fail"


def test_types_that_only_the_other_house_offers_are_told_with_the_setting() -> None:
    north = house("north", interactions={"resources": ["Patient", "Flag"]})
    south = house("south", interactions={"resources": ["Patient"]})
    finding = judged(south, north, search(south, "patient=1", "Flag"))
    assert finding.verdict == "fail"
    assert "Flag is offered by north only (interactions.resources is" in finding.evidence[0].text


def test_without_another_house_of_the_vendor_nothing_is_judged() -> None:
    north, south = house("north"), house("south", "oracle")
    assert judged(north, south, search(north, number(north))).verdict == "not-applicable"
    assert judged(house("north"), house("south")).verdict == "not-applicable"
