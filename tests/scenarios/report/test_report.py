"""Scorecards as text, JUnit XML and HTML."""

from dataclasses import replace
from html.parser import HTMLParser
from xml.etree import ElementTree

from mockehr.scenarios.probe import Evidence, Finding
from mockehr.scenarios.report import Run, html, junit, text
from mockehr.scenarios.scorecard import Card, Scorecard

REQUIRED = "testsuite/testcase[@classname='Flaky Friday.required']"
NASTY = "<script>alert('x')</script> & \x00 \ud800 [bold]"
SCORECARD = Scorecard(
    (
        Card(
            "north",
            "backend",
            (
                Finding("truth", "pass", "All true."),
                Finding("scopes-used", "fail", NASTY, tuple(Evidence(n, f"reason {n}") for n in range(1, 6))),
                Finding("dedupes-pages", "not-applicable", "No page."),
            ),
        ),
        Card("south", "", (Finding("truth", "pass", "All true."),)),
    ),
    title="Flaky Friday",
    seed="42",
)


class Outline(HTMLParser):
    """What a screen reader would find."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))


def test_the_text_has_a_line_for_each_probe_and_the_first_evidence_of_failures() -> None:
    shown = text(SCORECARD, width=120, evidence=3)
    assert "backend at north" in shown
    assert "FAIL" in shown
    assert "[bold]" in shown
    assert "entry 3: reason 3" in shown
    assert "and 2 more" in shown
    assert "Failed: 2 pass, 1 FAIL, 1 n/a; seed 42" in shown
    assert "\x1b" not in shown
    assert "Nothing proved" in text(Scorecard(()))


def test_many_probes_without_an_occasion_share_a_line() -> None:
    idle = tuple(Finding(f"probe-{n}", "not-applicable", f"reason {n}") for n in range(9))
    shown = text(Scorecard((Card("north", "backend", (*idle, Finding("truth", "pass", "All true."))),)), width=120)
    assert "9 probes" in shown
    assert "probe-0, probe-1" in shown
    assert "reason 3" not in shown
    assert "All true." in shown
    assert "1 pass, 0 FAIL, 9 n/a" in shown
    few = text(Scorecard((Card("north", "backend", idle[:2]),)), width=120)
    assert "reason 1" in few


def test_the_xml_counts_failures_and_skips_and_parses() -> None:
    root = ElementTree.fromstring(junit(Run(SCORECARD)))
    assert (root.get("tests"), root.get("failures"), root.get("skipped")) == ("4", "1", "1")
    north = root.find("testsuite[@name='Flaky Friday']")
    assert north is not None
    cases = [case.get("name") for case in north.findall("testcase[@classname='Flaky Friday.north.backend']")]
    assert cases == ["truth", "scopes-used", "dedupes-pages"]
    failure = north.find("testcase[@name='scopes-used']/failure")
    assert failure is not None
    assert "entry 5: reason 5" in (failure.text or "")
    assert "<script>" in (failure.get("message") or "")
    assert north.find("testcase[@name='dedupes-pages']/skipped") is not None
    assert north.find("properties/property[@value='42']") is not None


def test_the_page_is_self_contained_and_escapes_what_it_shows() -> None:
    page = html(Run(SCORECARD))
    outline = Outline()
    outline.feed(page)
    assert "<script" not in page
    assert not [attrs for _, attrs in outline.tags if "src" in attrs or "href" in attrs]
    assert "&lt;script&gt;" in page
    page.encode("utf-8")


def test_the_page_can_be_read_without_eyes_and_without_colour() -> None:
    outline = Outline()
    outline.feed(html(Run(SCORECARD)))
    tags = [tag for tag, _ in outline.tags]
    assert outline.tags[0] == ("html", {"lang": "en"})
    assert tags.count("h1") == 1
    assert tags.count("h2") == 3
    assert tags.count("caption") == tags.count("table") == 2
    assert all(attrs.get("scope") in ("col", "row") for tag, attrs in outline.tags if tag == "th")
    for word in (">pass<", ">FAIL<", ">n/a<", "saw no occasion", "Entry 1: reason 1", "@media print"):
        assert word in html(Run(SCORECARD))


def test_what_failed_comes_first_for_people() -> None:
    assert text(SCORECARD).index("scopes-used") < text(SCORECARD).index("truth")
    assert html(Run(SCORECARD)).index(">scopes-used<") < html(Run(SCORECARD)).index(">truth<")


def test_a_required_probe_without_an_occasion_shows_in_every_report() -> None:
    wanting = replace(SCORECARD, required=("scopes-used", "dedupes-pages", "truth"))
    assert "never put to the test: dedupes-pages; seed" in text(wanting)
    assert "never put to the test: dedupes-pages." in html(Run(wanting))
    case = ElementTree.fromstring(junit(Run(wanting))).find(REQUIRED)
    assert case is not None
    assert (case.get("name"), case.find("failure") is not None) == ("dedupes-pages", True)
    assert ElementTree.fromstring(junit(Run(wanting))).get("failures") == "2"
    assert ElementTree.fromstring(junit(Run(SCORECARD))).find(REQUIRED) is None


def test_several_scorecards_share_a_report_and_stay_apart() -> None:
    other = replace(SCORECARD, title="Other", required=("dedupes-pages",))
    names = [
        suite.get("name") for suite in ElementTree.fromstring(junit(Run(SCORECARD), Run(other))).findall("testsuite")
    ]
    assert names == ["Flaky Friday", "Other"]
    outline = Outline()
    outline.feed(html(Run(SCORECARD), Run(other)))
    ids = [attrs["id"] for _, attrs in outline.tags if "id" in attrs]
    assert len(ids) == len(set(ids)) == 7
    assert [tag for tag, _ in outline.tags].count("h1") == 1
