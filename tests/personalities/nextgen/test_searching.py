"""Where NextGen Enterprise answers, and its Bundles and pages. Sources: personalities/nextgen/notes.md."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import httpx2
import orjson
import pytest

from mockehr.testing.world import World

House = Any
Houses = Callable[..., House]
BASE = "/nge/prod/fhir-api-r4/fhir/"
REPLIED = frozenset({"AllergyIntolerance", "Condition", "Coverage", "DiagnosticReport", "DocumentReference", "Goal"})


@pytest.fixture(scope="module")
def nextgen(house: Houses) -> House:
    return house("nextgen", 10)


def links(bundle: dict[str, Any]) -> dict[str, str]:
    return {one["relation"]: one["url"] for one in bundle["link"]}


def busiest(house: House, kind: str, more: str = "") -> tuple[str, dict[str, Any]]:
    """The patient with the most of a type, and the first page."""
    found = [(one, house.read(f"{kind}?patient={one}{more}")) for one in map(house.patient, range(10))]
    return max(found, key=lambda pair: pair[1]["total"])


def walked(house: House, target: str) -> Iterator[dict[str, Any]]:
    """Every page from the first on, by its next links."""
    page = house.read(target)
    while True:
        yield page
        following = links(page).get("next")
        if following is None:
            return
        page = house.read(following.rpartition("/fhir/R4/")[2])


@pytest.mark.behaviour("nextgen", "one-address", "base-spelling", "self-page")
def test_one_address_answers_in_either_spelling_and_links_have_the_other(nextgen: House) -> None:
    patient = nextgen.patient()
    assert nextgen.site.fhir_path == BASE + "r4"
    for spelling in ("r4", "R4"):
        bundle = orjson.loads(nextgen.ask("GET", f"{BASE}{spelling}/Coverage?patient={patient}").body)
        assert links(bundle)["self"].endswith(f"{BASE}R4/Coverage?patient={patient}&page=1")
        assert all(f"{BASE}R4/Coverage/" in one["fullUrl"] for one in bundle["entry"])
    assert nextgen.read("metadata")["implementation"]["url"].endswith(BASE + "R4")


@pytest.mark.behaviour("nextgen", "dstu2-beside")
def test_a_site_may_have_taken_dstu2_away(house: Houses) -> None:
    old = "/nge/prod/fhir-api/fhir/dstu2"
    assert house("nextgen", 10).site.personality.withdrawn(house("nextgen", 10).site.facts) == {}
    site = house("nextgen", 0, settings={"withdrawn": {old: 410}}).site
    assert site.personality.withdrawn(site.facts) == {old: 410}


@pytest.mark.behaviour("nextgen", "page-of-25", "maxresults", "page-number")
def test_pages_have_25_entries_and_only_maxresults_changes_that(nextgen: House) -> None:
    patient, bundle = busiest(nextgen, "Observation", "&category=laboratory")
    assert bundle["total"] > 50
    asked = f"Observation?patient={patient}&category=laboratory"
    for count in ("", "&_count=5", "&_count=200", "&_count=0"):
        page = nextgen.read(asked + count)
        assert len(page["entry"]) == 25
        assert links(page)["next"].endswith("&page=2")
    assert len(nextgen.read(f"{asked}&_maxresults=7")["entry"]) == 7


@pytest.mark.behaviour("nextgen", "last-page")
def test_the_second_page_leads_nowhere_though_total_counts_more(nextgen: House, house: Houses) -> None:
    patient, _ = busiest(nextgen, "Observation", "&category=laboratory")
    asked = f"Observation?patient={patient}&category=laboratory"
    pages = list(walked(nextgen, asked))
    assert [len(page["entry"]) for page in pages] == [25, 25]
    assert pages[1]["total"] > 50
    mended = house("nextgen", 10, settings={"search": {"last_page": 0}})
    seen = [one["resource"]["id"] for page in walked(mended, asked) for one in page["entry"]]
    assert len(seen) == len(set(seen)) == pages[0]["total"]


@pytest.mark.behaviour("nextgen", "next-first", "no-bundle-id", "no-search-mode")
def test_bundles_have_next_first_and_neither_an_id_nor_modes(nextgen: House) -> None:
    _, bundle = busiest(nextgen, "Observation", "&category=vital-signs")
    assert [one["relation"] for one in bundle["link"]] == ["next", "self"]
    assert set(bundle) == {"resourceType", "type", "total", "link", "entry"}
    assert {frozenset(one) for one in bundle["entry"]} == {frozenset({"fullUrl", "resource"})}


@pytest.mark.behaviour("nextgen", "lower-full-url")
def test_full_urls_write_two_types_in_lower_case_and_still_lead_to_them(nextgen: House) -> None:
    for kind in ("DocumentReference", "Goal"):
        _, bundle = busiest(nextgen, kind)
        for entry in bundle["entry"]:
            id = entry["resource"]["id"]
            assert entry["fullUrl"].endswith(f"{BASE}R4/{kind.lower()}/{id}")
            assert nextgen.read(f"{kind.lower()}/{id}") == entry["resource"] == nextgen.read(f"{kind}/{id}")


def test_every_type_is_found_and_what_is_found_can_be_read(nextgen: House) -> None:
    told = {one["type"]: one for one in nextgen.read("metadata")["rest"][0]["resource"]}
    found = set()
    for kind in set(told) - {"Provenance"}:
        extra = {"Observation": "&category=laboratory", "CarePlan": "&category=assess-plan"}.get(kind, "")
        whom = "" if "patient" not in {one["name"] for one in told[kind].get("searchParam", ())} else "patient="
        ids = map(nextgen.patient, range(10)) if whom else [""]
        for id in ids:
            bundle = nextgen.read(f"{kind}?{whom}{id}{extra}")
            assert bundle["resourceType"] == "Bundle", (kind, bundle)
            for entry in bundle.get("entry", ())[:3]:
                assert nextgen.read(f"{kind}/{entry['resource']['id']}") == entry["resource"]
                found.add(kind)
    assert found >= REPLIED | {"Patient", "Practitioner", "Organization", "Location", "Observation", "CarePlan"}


@pytest.mark.parametrize("parameter", ["phone", "address-postalcode", "identifier", "family"])
def test_patients_are_found_by_what_is_shown_of_them(nextgen: House, parameter: str) -> None:
    patient = nextgen.read(f"Patient/{nextgen.patient(3)}")
    value = {
        "phone": next((one["value"] for one in patient["telecom"] if one["system"] == "phone"), ""),
        "address-postalcode": patient["address"][0]["postalCode"],
        "identifier": f"www.nextgen.com|{patient['identifier'][0]['value']}",
        "family": patient["name"][0]["family"],
    }[parameter]
    assert value
    found = nextgen.read(f"Patient?{parameter}={value}")
    assert patient["id"] in {one["resource"]["id"] for one in found["entry"]}


@pytest.mark.behaviour("nextgen", "base-spelling")
def test_both_spellings_are_served_over_http_and_documents_too(mockehr: World) -> None:
    site = mockehr.site("nextgen", patients=3, open_access=True)
    root = site.fhir_url.removesuffix("r4")
    for spelling in ("r4", "R4"):
        found = httpx2.get(f"{root}{spelling}/DocumentReference", params={"_maxresults": "1"}).json()
        attachment = found["entry"][0]["resource"]["content"][0]["attachment"]
        document = httpx2.get(f"{root}{spelling}/{attachment['url']}")
        assert document.headers["content-type"] == attachment["contentType"]
        assert httpx2.get(found["entry"][0]["fullUrl"]).json() == found["entry"][0]["resource"]
        assert httpx2.get(f"{root}{spelling}/metadata").json()["name"] == "NextGen.Fhir"
        assert httpx2.get(f"{root}{spelling}/.well-known/smart-configuration").json()["issuer"]
    assert httpx2.get(f"{root}r5/metadata").status_code == 404
