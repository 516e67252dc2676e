"""The plain server: what the standards say."""

from __future__ import annotations

from typing import Any, get_args

import pytest

from mockehr.core.page import SearchPage
from mockehr.core.problem import Kind, Problem
from mockehr.personalities.dates import as_moment, moment, spoken
from mockehr.personalities.load import load_personality
from mockehr.personalities.model import Personality
from mockehr.personalities.outcome import ISSUE_CODES

BASE = "https://plain.example.org/fhir/R4"


@pytest.fixture
def generic() -> Personality:
    return load_personality("generic")


def test_a_page_tells_the_exact_total_and_how_to_go_on(generic: Personality) -> None:
    entry = ("Goal", "p1-2", {"resourceType": "Goal"}, "match")
    told = SearchPage("Goal", [entry], total=9, query="patient=p1", next_token="abc", complete=False)
    bundle = generic.searchset(told, BASE)
    assert bundle["total"] == 9
    assert [(link["relation"], link["url"]) for link in bundle["link"]] == [
        ("self", f"{BASE}/Goal?patient=p1"),
        ("next", f"{BASE}/Goal?_page=abc"),
    ]
    assert bundle["entry"][0]["fullUrl"] == f"{BASE}/Goal/p1-2"


def test_an_empty_page_has_no_entry(generic: Personality) -> None:
    assert "entry" not in generic.searchset(SearchPage("Goal", total=0), BASE)


def test_unknown_parameters_are_noted_in_the_bundle(generic: Personality) -> None:
    note = Problem(200, "parameter-unknown", "x is not known", parameter="x")
    bundle = generic.searchset(SearchPage("Goal", total=0, notes=[note]), BASE)
    assert bundle["entry"][0]["search"]["mode"] == "outcome"
    assert bundle["entry"][0]["resource"]["issue"][0]["severity"] == "warning"


def test_page_tokens_are_not_guessed_and_stable(generic: Personality) -> None:
    assert generic.page_token("Goal?a", 1) == generic.page_token("Goal?a", 1)
    assert generic.page_token("Goal?a", 1) != generic.page_token("Goal?a", 2)


def test_every_kind_of_problem_has_an_issue_code() -> None:
    assert set(get_args(Kind)) == set(ISSUE_CODES)


@pytest.mark.parametrize("vendor", ["generic", "epic", "oracle"])
def test_every_vendor_answers_every_kind_of_problem(vendor: str) -> None:
    personality = load_personality(vendor)
    for kind in get_args(Kind):
        reply = personality.refuse(Problem(400, kind, "words"), BASE, "application/fhir+json")
        assert reply.status >= 400


def test_refusals_carry_the_headers_of_their_kind(generic: Personality) -> None:
    assert generic.refuse(Problem(401, "no-token", "x"), BASE, "").header("www-authenticate") == "Bearer"
    busy = generic.refuse(Problem(429, "rate-limited", "x", retry_after="7"), BASE, "")
    assert busy.header("Retry-After") == "7"
    moved = generic.refuse(Problem(301, "merged", "x", where="Patient/p2"), BASE, "")
    assert moved.header("Location") == f"{BASE}/Patient/p2"


@pytest.mark.parametrize(
    ("accept", "form", "answer"),
    [
        ("", "", "application/fhir+json"),
        ("application/fhir+xml;q=0.5, application/json", "", "application/json"),
        ("application/fhir+xml", "", "application/fhir+xml"),
        ("text/html", "json", "application/fhir+json"),
        ("", "application/fhir json", "application/fhir+json"),
    ],
)
def test_content_is_negotiated(generic: Personality, accept: str, form: str, answer: str) -> None:
    assert generic.content_type(accept, form) == answer


def test_what_is_not_offered_is_refused(generic: Personality) -> None:
    found = generic.content_type("text/csv", "")
    assert isinstance(found, Problem)
    assert found.status == 406


class Stored:
    resource_type, id, version, updated = "Goal", "w1", 2, 0.0
    document: dict[str, Any] = {"resourceType": "Goal"}  # noqa: RUF012
    body = b'{"resourceType":"Goal"}'


def test_writes_answer_with_the_resource(generic: Personality) -> None:
    created, updated = generic.written(Stored(), True, BASE), generic.written(Stored(), False, BASE)
    assert (created.status, created.header("Location")) == (201, f"{BASE}/Goal/w1/_history/2")
    assert (updated.status, updated.header("ETag"), updated.body) == (200, 'W/"2"', Stored.body)
    assert updated.header("Last-Modified") == "Thu, 01 Jan 1970 00:00:00 GMT"


def test_one_moment_is_written_in_many_ways() -> None:
    text = "2026-01-05T07:00:00.250-05:00"
    assert moment(text, "seconds") == "2026-01-05T12:00:00Z"
    assert moment(text, "millis") == "2026-01-05T12:00:00.250Z"
    assert moment(text, "offset") == "2026-01-05T12:00:00+00:00"
    assert moment(text, "asis") == text
    assert moment("2026-01", "millis") == "2026-01"
    assert as_moment("2026-01-05", "millis") == "2026-01-05T00:00:00.000Z"
    assert spoken(text) == "Jan 5, 2026 12:00 P.M. UTC"
