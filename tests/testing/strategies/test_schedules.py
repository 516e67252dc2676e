"""Drawn schedules can be armed, keep to what was asked for, and shrink to the rules that break a client."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, find, given, settings
from hypothesis import strategies as st
from hypothesis.errors import NoSuchExample

from mockehr.core.errors import UnknownName, UsageError
from mockehr.core.exchange import Exchange, Reply
from mockehr.population.corruption.base import corruptions
from mockehr.quirks.rule import quirks
from mockehr.sites.build import build_site
from mockehr.sites.options import SiteOptions
from mockehr.sites.site import Site
from mockehr.testing.strategies import Schedule, schedules

THOROUGH = settings(
    max_examples=2000, derandomize=True, database=None, deadline=None, suppress_health_check=list(HealthCheck)
)
OWN = "https://client.example.org/ids"


def armed(schedule: Schedule) -> Site:
    site = build_site(SiteOptions("hospital", patients=12, stepped=True, open_access=True))
    for rule in schedule:
        site.arm(rule)
    return site


@dataclass
class Client:
    """Goes on trying a few times, notices every loss, and gives up rather than guess. Bugs are planted by name."""

    site: Site
    bugs: frozenset[str] = frozenset()
    seen: list[str] = field(default_factory=list)

    def ask(self, method: str, target: str, body: bytes = b"", **headers: str) -> Reply | None:
        """The answer that reaches the client whole, or None."""
        path, _, query = target.removeprefix("http://h").partition("?")
        done = self.site.handle(Exchange("fhir", method, path, query, headers, body, base_url="http://h"))
        effects = done.effects
        if effects is not None and (effects.lost or effects.reset or effects.cut_at is not None):
            return None
        assert done.reply is not None
        wait = done.reply.header("retry-after")
        if wait.isdigit():
            self.site.clock.advance(int(wait))
        return done.reply

    def document(self, method: str, target: str, body: bytes = b"") -> Any:
        """The JSON of a success, or None."""
        reply = self.ask(method, target, body)
        if reply is None or reply.status not in (200, 201):
            return None
        try:
            return orjson.loads(reply.body)
        except orjson.JSONDecodeError:
            return None

    def patiently(self, target: str) -> Any:
        """The Bundle at an address, or None after four tries."""
        for _ in range(4):
            document = self.document("GET", target)
            if document and document["resourceType"] == "Bundle":
                return document
        return None

    def sync(self) -> bool:
        """Read all patients; False if it had to give up."""
        target, asked = "/Patient?_count=5", set[str]()
        while target:
            page = None if target in asked else self.patiently(target)  # links that lead in a circle never end
            if page is None:
                return False
            asked.add(target)
            for entry in page.get("entry", ()):
                key = entry["resource"]["id"]
                if key not in self.seen or "keeps-repeats" in self.bugs:
                    self.seen.append(key)
            target = next((link["url"] for link in page["link"] if link["relation"] == "next"), "")
        return True

    def write(self) -> None:
        """Create one patient, once.

        Without a bug on condition that there is none: a search need not find yet what was just committed.
        """
        body = {"resourceType": "Patient", "identifier": [{"system": OWN, "value": "1"}]}
        for _ in range(4):
            condition = {} if self.bugs else {"if-none-exist": f"identifier={OWN}|1"}
            reply = self.ask("POST", "/Patient", orjson.dumps(body), **condition)
            if reply is not None and reply.status in (200, 201, 400, 422):
                return
            if reply is None and "repeats-blindly" not in self.bugs and self.is_there():
                return

    def is_there(self) -> bool:
        """Whether the patient is stored. Planted: a refused question counts as a no."""
        target = f"/Patient?identifier={OWN}|1"
        page = self.document("GET", target) if "takes-refusal-for-no" in self.bugs else self.patiently(target)
        if page is None:
            return "takes-refusal-for-no" not in self.bugs
        return page.get("resourceType") != "Bundle" or bool(page.get("entry"))


def repeats(schedule: Schedule, *bugs: str) -> bool:
    client = Client(armed(schedule), frozenset(bugs))
    client.sync()
    return len(client.seen) != len(set(client.seen))


def doubles(schedule: Schedule, *bugs: str) -> bool:
    client = Client(armed(schedule), frozenset(bugs))
    client.write()
    return len(client.site.store.overlay("Patient")) > 1


def test_a_client_that_keeps_repeats_breaks_on_exactly_one_rule() -> None:
    schedule = find(schedules(channels=("fhir",)), lambda drawn: repeats(drawn, "keeps-repeats"), settings=THOROUGH)
    assert [rule["use"] for rule in schedule] == ["page-repeats"]
    assert schedule == [{"use": "page-repeats"}]


def test_a_client_that_repeats_blindly_breaks_on_exactly_one_lost_answer() -> None:
    strategy = schedules(channels=("fhir",))
    schedule = find(strategy, lambda drawn: doubles(drawn, "repeats-blindly"), settings=THOROUGH)
    assert len(schedule) == 1
    assert schedule[0]["use"] in ("lost-response", "reset", "truncated-body")
    assert set(schedule[0]) <= {"use", "where"}
    assert set(schedule[0].get("where", {})) <= {"channel"}


def test_a_bug_that_takes_two_misbehaviours_shrinks_to_these_two() -> None:
    names = ("latency", "lost-response", "page-repeats", "rate-limit", "token-expiry")
    strategy = schedules(channels=("fhir",), names=names)
    schedule = find(strategy, lambda drawn: doubles(drawn, "takes-refusal-for-no"), settings=THOROUGH)
    assert sorted(rule["use"] for rule in schedule) == ["lost-response", "rate-limit"]
    assert not any(doubles([rule], "takes-refusal-for-no") for rule in schedule), "neither does it alone"


@given(schedules(channels=("fhir",)))
def test_the_client_without_a_bug_survives_every_schedule(schedule: Schedule) -> None:
    assert not repeats(schedule)
    assert not doubles(schedule)


def test_a_given_test_fails_with_the_shrunk_schedule() -> None:
    met: list[Schedule] = []

    @settings(THOROUGH)
    @given(schedules(channels=("fhir",)))
    def survives(schedule: Schedule) -> None:
        met.append(schedule)
        assert not repeats(schedule, "keeps-repeats")

    with pytest.raises(AssertionError):
        survives()
    assert met[-1] == [{"use": "page-repeats"}], "the last example run is the smallest"


@given(schedules())
def test_every_schedule_can_be_armed(schedule: Schedule) -> None:
    site = armed(schedule)
    assert site.charts is not None
    names = [rule.name for rule in site.rules] + list(site.charts.infections)
    assert sorted(names) == sorted(rule["use"] for rule in schedule)


@given(schedules(channels=("mllp-in",), resources=("Patient",)))
def test_rules_keep_to_the_channels_asked_for(schedule: Schedule) -> None:
    for rule in armed(schedule).rules:
        assert rule.where.channel == "mllp-in" or rule.about.channels == ("mllp-in",)
        assert not rule.where.resource


@given(schedules(names=("latency", "reset"), without=("reset",), choices={"latency": {"delay": st.just(9.0)}}))
def test_names_and_choices_are_kept(schedule: Schedule) -> None:
    for rule in schedule:
        assert rule["use"] == "latency"
        assert rule["with"]["delay"] == 9.0


@given(schedules(calm=True))
def test_a_calm_schedule_ends(schedule: Schedule) -> None:
    for rule in armed(schedule).rules:
        assert rule.when.first or rule.when.at_most


@pytest.mark.parametrize("name", [*quirks(), *corruptions()])
def test_every_quirk_is_drawn_when_asked_for(name: str) -> None:
    schedule = find(schedules(names=(name,)), bool, settings=THOROUGH)
    assert [rule["use"] for rule in schedule] == [name]


def test_a_rule_that_would_do_nothing_is_not_drawn() -> None:
    (rule,) = find(schedules(names=("token-expiry",)), bool, settings=THOROUGH)
    assert rule["with"], "without settings it never fires"


def test_charts_stay_clean_where_channels_or_calm_are_asked_for() -> None:
    everything = schedules()
    dirt = set(corruptions())
    assert find(everything, lambda drawn: any(rule["use"] in dirt for rule in drawn), settings=THOROUGH)
    for narrowed in (schedules(channels=("fhir",)), schedules(calm=True)):
        with pytest.raises(NoSuchExample):
            find(
                narrowed,
                lambda drawn: any(rule["use"] in dirt for rule in drawn),
                settings=settings(THOROUGH, max_examples=100),
            )


def test_words_that_a_quirk_lists_are_drawn() -> None:
    strategy = schedules(names=("malformed-success",))
    wanted = "other-resource"
    schedule = find(strategy, lambda drawn: any(r.get("with") == {"body": wanted} for r in drawn), settings=THOROUGH)
    assert schedule == [{"use": "malformed-success", "with": {"body": wanted}}]


def test_a_quirk_that_does_not_exist_is_refused_with_the_nearest() -> None:
    with pytest.raises(UnknownName, match="page-repeats"):
        schedules(names=("page-repeat",))


def test_a_choice_of_nothing_is_refused() -> None:
    with pytest.raises(UsageError, match="No quirk is left"):
        schedules(channels=("mllp-in",), families=("search",))
