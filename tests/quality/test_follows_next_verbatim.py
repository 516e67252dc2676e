"""The probe `follows-next-verbatim` tells clients that cope from clients that do not."""

from typing import Any

import pytest

PROBE = "follows-next-verbatim"
FIRST = "GET /Observation?patient=1&category=laboratory"
LINKS = [
    "/Observation?sessionID=12-BED00",
    "/Observation?patient=1&-pageContext=eyJhIjoxfQ%3D%3D&-pageDirection=NEXT",
    "/Observation/_next/abc?p=a+b|c",
]


@pytest.mark.parametrize("link", LINKS)
def test_a_link_followed_as_given_passes(traffic: Any, link: str) -> None:
    traffic.page(FIRST, ["Observation/1"], link)
    traffic.page(f"GET {link}", ["Observation/2"])
    finding = traffic.judged(PROBE)
    assert finding.verdict == "pass"
    assert finding.evidence[0].entry == 2


@pytest.mark.parametrize(
    ("link", "asked"),
    [
        (LINKS[0], "/Observation?sessionID=12-BED00&_count=100"),
        (LINKS[0], "/Observation?patient=1&sessionID=12-BED00"),
        (LINKS[0], "/Observation?sessionID=12-BED01"),
        (LINKS[1], "/Observation?-pageDirection=NEXT&patient=1&-pageContext=eyJhIjoxfQ%3D%3D"),
        (LINKS[1], "/Observation?patient=1&-pageContext=eyJhIjoxfQ==&-pageDirection=NEXT"),
        (LINKS[2], "/Observation/_next/abc"),
        (LINKS[0], "/Observation?patient=1&category=laboratory&_offset=50"),
    ],
)
def test_a_link_of_ones_own_making_fails(traffic: Any, link: str, asked: str) -> None:
    traffic.page(FIRST, ["Observation/1"], link)
    traffic.page(f"GET {asked}", ["Observation/2"])
    finding = traffic.judged(PROBE)
    assert finding.verdict == "fail"
    assert finding.evidence[0].entry == 2


def test_following_after_a_401_and_beginning_again_pass(traffic: Any) -> None:
    traffic.page(FIRST, ["Observation/1"], LINKS[0])
    traffic.call(f"GET {LINKS[0]}", 401)
    traffic.page(f"GET {LINKS[0]}", ["Observation/2"], token="t2")
    traffic.page(FIRST, ["Observation/1"], LINKS[1])
    assert traffic.judged(PROBE).verdict == "pass"


def test_characters_that_no_library_can_send_raw_may_be_encoded(traffic: Any) -> None:
    traffic.page(FIRST, ["Observation/1"], "/Observation?page=a b|é")
    traffic.page("GET /Observation?page=a%20b%7C%C3%A9", [])
    assert traffic.judged(PROBE).verdict == "pass"


def test_other_searches_in_between_are_no_paging(traffic: Any) -> None:
    traffic.page("POST /Observation/_search", [], LINKS[1]).body = b"patient=1"
    traffic.page("GET /Condition?patient=1&_count=100", [])
    traffic.page(f"GET {LINKS[1]}", [])
    assert traffic.judged(PROBE).verdict == "pass"


def test_an_xml_bundle_offers_links_too(traffic: Any) -> None:
    xml = (
        '<Bundle xmlns="http://hl7.org/fhir"><link><relation value="next"/>'
        '<url value="http://127.0.0.1:8000/north/fhir/Observation?sessionID=7"/></link></Bundle>'
    )
    traffic.call(FIRST, body=xml.encode())
    traffic.page("GET /Observation?sessionID=7&_count=5", [])
    assert traffic.judged(PROBE).verdict == "fail"


def test_no_link_or_none_followed_is_no_occasion(traffic: Any) -> None:
    traffic.page(FIRST, ["Observation/1"])
    traffic.call("GET /Condition?patient=1", body=b"<html>no bundle</html>")
    assert traffic.judged(PROBE).verdict == "not-applicable"
    traffic.page(FIRST, ["Observation/1"], LINKS[0])
    finding = traffic.judged(PROBE)
    assert finding.verdict == "not-applicable"
    assert "none was followed" in finding.summary
