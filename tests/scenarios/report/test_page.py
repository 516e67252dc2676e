"""The page of a run: exchanges, decisions, timeline, differences with the truth; bounded, legible, self-contained."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest

from mockehr.core.exchange import Decision, Effects, Exchange, Reply
from mockehr.core.problem import Problem
from mockehr.scenarios.probe import Evidence, Finding
from mockehr.scenarios.report import Run, html
from mockehr.scenarios.report.rows import rows
from mockehr.scenarios.report.run import House, Real, Row, Step, rows_of
from mockehr.scenarios.report.timeline import drawing, summary
from mockehr.scenarios.scorecard import Card, Scorecard
from mockehr.scenarios.track import Span
from mockehr.sites.truth import Alteration, Duplicate, TruthReport

FIRED = Step("expiry", "token-expiry", "fired", "used up")
SKIPPED = Step("slow", "latency", "skipped", "1 of 5")
ROWS = (
    Row(1, 0.0, "token", "in", "POST /oauth2/token", 200, "", (SKIPPED,)),
    Row(2, 1.0, "fhir", "in", "GET /Patient/p0?a=<b>", 401, "The token has expired.", (FIRED, SKIPPED)),
    Row(3, 2.0, "fhir", "in", "GET /Patient/p0", 200, "", (SKIPPED,)),
    Row(4, 4.0, "fhir", "in", "GET /Condition", 200, "", (FIRED,)),
)
TRUTH = TruthReport(
    expected=3,
    given=3,
    lost=("Condition/c9",),
    duplicated=(Duplicate("Patient/p0", 2),),
    altered=(Alteration("Patient/p0", "birthDate", "1980-03-04", "1980-04-04"),),
    misdecoded=(Alteration("Patient/p1", "name[0].family", "Núñez", "NÃºÃ±ez", "UTF-8 read as Windows-1252"),),
)
HOUSE = House("north", "epic", True, ROWS, 0, (Span("outage", "north", 0.5, "at 0.5 s", 0, 2.5, 3),), TRUTH)
FINDING = Finding("truth", "fail", "Not the same.", (Evidence(2, "it was refused"), Evidence(99, "long gone")))
RUN = Run(Scorecard((Card("north", "sync", (FINDING,)),), "Story", "7"), "story", houses=(HOUSE,), real=Real(12.34))


class Outline(HTMLParser):
    """Tags with their attributes, in order."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]


def test_every_exchange_has_a_row_with_what_each_rule_did_and_evidence_links_to_it() -> None:
    page = html(RUN)
    row = re.search(r'<tr id="r1-h1-2" class="n">.*', page)
    assert row is not None
    for told in ("1.000", "GET /Patient/p0?a=&lt;b&gt;", "401: The token has expired."):
        assert told in row[0]
    assert "<b>fired expiry (token-expiry): used up</b><br>skipped slow (latency): 1 of 5" in row[0]
    assert '<tr id="r1-h1-3">' in page
    assert '<a href="#r1-h1-2">Entry 2</a>: it was refused' in page
    assert "Entry 99: long gone" in page
    assert "#r1-h1-99" not in page


def test_the_truth_is_told_field_by_field_with_the_differing_part_marked() -> None:
    page = html(RUN)
    cells = "<td>birthDate</td><td>1980-0<mark>3</mark>-04</td><td>1980-0<mark>4</mark>-04</td><td>not known</td>"
    assert f'<th scope="row">Patient/p0</th>{cells}' in page
    assert "<td>N<mark>úñ</mark>ez</td><td>N<mark>ÃºÃ±</mark>ez</td><td>UTF-8 read as Windows-1252</td>" in page
    assert "Lost: 1" in page
    assert "<li>Condition/c9</li>" in page
    assert "<li>Patient/p0: 2 times</li>" in page


def test_nothing_is_fetched_and_everything_has_a_name_for_those_who_do_not_see_it() -> None:
    outline = Outline(html(RUN))
    assert not outline.all("script")
    assert not outline.all("link")
    assert not [attributes for _, attributes in outline.tags if "src" in attributes]
    assert {str(one["href"])[0] for one in outline.all("a")} == {"#"}
    assert len(outline.all("caption")) == len(outline.all("table")) == 5
    assert all(one.get("scope") in ("col", "row") for one in outline.all("th"))
    assert [tag for tag, _ in outline.tags].count("h1") == len(outline.all("main")) == len(outline.all("header")) == 1
    ids = {one["id"] for _, one in outline.tags if "id" in one}
    drawn = outline.all("svg")[0]
    assert drawn["role"] == "img"
    assert drawn["aria-labelledby"] in ids
    scrolls = [one for one in outline.all("div") if one.get("role") == "region"]
    assert [(one["tabindex"], one["aria-label"]) for one in scrolls] == [("0", "Timeline of north")]


def test_the_timeline_says_in_words_and_in_heights_what_its_colours_say() -> None:
    assert summary(HOUSE) == (
        "4 exchanges over 4.0 s; 1 disturbed by a rule and answered; 1 refused or unanswered; "
        "channels token 1, fhir 3; phases outage."
    )
    drawn = drawing(HOUSE, "words")
    places = re.findall(
        r'<rect class="(plain|disturbed|refused)" x="([\d.]+)%" y="\d+" width="2" height="(\d+)"', drawn
    )
    assert places == [
        ("plain", "1.0", "8"),
        ("refused", "25.25", "24"),
        ("plain", "49.5", "8"),
        ("disturbed", "98.0", "16"),
    ]
    assert ">outage</text>" in drawn
    still = House("north", "epic", True, tuple(Row(n, 0.0, "fhir", "in", "GET /", 200, "") for n in range(1, 4)))
    assert re.findall(r'<rect class="plain" x="([\d.]+)%', drawing(still, "words")) == ["1.0", "49.5", "98.0"]


def luminance(colour: str) -> float:
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    red, green, blue = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    """WCAG 2.2, contrast ratio."""
    bright, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (bright + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("scheme", [0, 1])
def test_text_and_marks_stand_out_in_light_and_in_dark(scheme: int) -> None:
    told = re.findall(r":root \{\s*(?:color-scheme[^;]*;)?([^}]*)\}", html(RUN))[scheme]
    colour = dict(re.findall(r"--(\w+): (#\w{6})", told))
    assert len(colour) == 13
    for name in ("ink", "muted", "link"):
        assert contrast(colour[name], colour["paper"]) >= 4.5, name
    for ground in ("band", "other"):
        assert contrast(colour["ink"], colour[ground]) >= 4.5
    assert contrast(colour["onmark"], colour["mark"]) >= 4.5
    for name in ("plain", "disturbed", "refused", "line"):
        assert contrast(colour[name], colour["paper"]) >= 3, name
    for name in ("plain", "disturbed", "refused"):
        assert min(contrast(colour[name], colour[ground]) for ground in ("band", "other")) >= 3, name


def test_twenty_thousand_exchanges_stay_below_ten_megabytes_and_what_is_left_out_is_told() -> None:
    steps = tuple(Step(f"rule-{n}", f"rule-{n}", "skipped", "probability 0.25 said no this time") for n in range(8))
    path = f"GET /Observation?patient=p0&_page={'9' * 60}"
    many = [Row(n, n / 9, "fhir", "in", path, 500 if n % 100 == 0 else 200, "", steps) for n in range(1, 20_001)]
    house = House("north", "epic", True, tuple(many), forgotten=5)
    page = html(Run(Scorecard((Card("north", "sync", (FINDING,)),), "Story", "7"), houses=(house, house)))
    assert len(page.encode()) < 10_000_000
    left_out = re.findall(r"(\d+) exchanges are left out for want of room", page)
    rows_shown = page.count('<tr id="r1-')
    assert sum(map(int, left_out)) == 40_000 - rows_shown + 10
    assert rows_shown > 20_000
    assert page.count('class="n"') == 2 * (200 + 2)
    assert "the journal itself had let go" in page
    assert "Which rules skipped an exchange is left out" in page


def test_what_is_worth_a_look_stays_when_there_is_little_room() -> None:
    kept = rows(HOUSE, "x", {3}, 420)
    assert kept.entries == {2, 3, 4}
    assert (kept.left_out, kept.brief) == (1, True)
    assert rows(HOUSE, "x", (), 10_000).entries == {1, 2, 3, 4}


def test_rows_show_no_secret_and_say_what_the_peer_saw() -> None:
    token = Exchange(
        "token", "POST", "/t", "code=s3cret", {"authorization": "Bearer s3cret"}, b"client_secret=s3cret"
    )
    token.reply = Reply(200)
    lost = Exchange("fhir", "POST", "/Observation", reply=Reply(201), effects=Effects(lost=True))
    lost.decisions = (Decision("l", "lost-response", "on_wire", "fired", "the answer is lost"),)
    refused = Exchange("fhir", "GET", "/x", result=Problem(404, "not-found", "There is none."), reply=Reply(404))
    found = list(rows_of([token, lost, refused], 0.0))
    assert "s3cret" not in repr(found)
    assert [(row.status, row.problem) for row in found] == [(200, ""), (0, ""), (404, "There is none.")]
    assert found[1].disturbed
    assert found[1].refused


def test_without_real_time_a_running_clock_leaves_no_times_and_a_stepped_one_all_of_its() -> None:
    left = RUN.reproducible()
    assert left.real is None
    assert left.houses == RUN.houses
    assert "It took 12.3 s." in html(RUN)
    assert "It took" not in html(left)
    running = House("north", "epic", False, ROWS, spans=HOUSE.spans)
    timeless = Run(RUN.scorecard, houses=(running,)).reproducible().houses[0]
    assert {row.at for row in timeless.rows} == {None}
    assert timeless.spans == ()
    assert "entry 4</text>" in drawing(timeless, "words")
