"""Trying quirks: what is seen with each differs from what is seen without it."""

from __future__ import annotations

import pytest

from mockehr.control.facade import Control
from mockehr.control.tries import trial
from mockehr.control.tries.stories import STORIES, Story
from mockehr.control.tries.trial import SETTINGS, try_out
from mockehr.control.tries.visit import Visit, text_of
from mockehr.core.errors import ConfigError, UnknownName, UsageError
from mockehr.population.corruption.base import corruptions
from mockehr.quirks.rule import quirks
from mockehr.sites.build import build_site
from mockehr.sites.directory import Directory
from mockehr.sites.options import SiteOptions


@pytest.mark.parametrize("name", [*quirks(), *corruptions()])
def test_every_quirk_and_corruption_shows_in_its_story(name: str) -> None:
    tried = try_out(name, {})
    assert tried.fired, f"{name} found nothing to do: give it settings in SETTINGS, or an occasion in a story"
    assert tried.differs, f"{name} acted, and its story shows no difference"


@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.title)
def test_without_a_quirk_two_equal_sites_tell_the_same_story(story: Story) -> None:
    def told() -> list[tuple[str, list[str]]]:
        visit = Visit(build_site(SiteOptions("try", patients=trial.PATIENTS, stepped=True)))
        story.play(visit)
        return visit.steps

    first = told()
    assert first
    assert first == told()


@pytest.mark.parametrize("vendor", ["advancedmd", "athena", "healtheintent"])
def test_stories_get_by_where_a_vendor_lacks_something(vendor: str) -> None:
    for story in STORIES:
        visit = Visit(build_site(SiteOptions("try", vendor, patients=trial.PATIENTS, stepped=True)))
        story.play(visit)
        assert visit.steps, story.title


def test_every_channel_of_a_quirk_has_a_story() -> None:
    told = {channel for story in STORIES for channel in story.channels}
    assert [name for name, cls in quirks().items() if not told & set(cls.about.channels)] == []


def test_settings_that_show_a_quirk_are_of_quirks_that_exist() -> None:
    assert sorted(set(SETTINGS) - {*quirks(), *corruptions()}) == []


def test_settings_that_are_given_count() -> None:
    told = Control(Directory()).call("quirk try", name="rate-limit", settings={"budget": 1, "retry_after": "huge"})
    assert (told["fired"], told["differs"]) == (1, True)
    assert "+  429" in told["diff"]
    assert "+  Retry-After: 86400" in told["diff"]
    assert told["decisions"][0]["capability"] == "on_request"


def test_wire_effects_are_told() -> None:
    assert "  on the wire: lost" in try_out("lost-response", {}).with_it


def test_a_corruption_shows_a_record_as_it_is_and_as_it_is_shown() -> None:
    tried = try_out("windows-1252-names", {})
    assert tried.story.startswith("a record as it is, and as the site shows it: Patient/")
    assert tried.without[0] == tried.with_it[0] == "{"
    assert any("<" in line for line in tried.with_it)  # octets that are no UTF-8
    assert not any("<" in line for line in tried.without)


def test_at_another_vendor_it_is_that_vendors_dialect() -> None:
    told = try_out("token-expiry", {}, "epic")
    assert told.fired
    assert "  401" in told.with_it


def test_what_cannot_be_is_refused() -> None:
    with pytest.raises(UnknownName):
        try_out("rate-limits", {})
    with pytest.raises(ConfigError):
        try_out("rate-limit", {"zzz": 1})
    with pytest.raises(UnknownName):
        try_out("rate-limit", {}, "epik")
    with pytest.raises(UsageError, match="no patients"):
        try_out("rate-limit", {}, "redox")


def test_where_there_is_no_occasion_that_is_told() -> None:
    tried = try_out("ignored-parameter", {"names": ["zzz"]})
    assert (tried.fired, tried.differs) == (0, False)


def test_bodies_are_lines_and_long_ones_are_cut() -> None:
    assert text_of(b'{"a": [1]}') == ["{", '  "a": [', "    1", "  ]", "}"]
    assert text_of(b"MSH|a\rPID|1\n\xff\r") == ["MSH|a", "PID|1<LF>", "<FF>"]
    assert text_of(b"") == []
    (line,) = text_of(b"x" * 500)
    assert line.startswith("x" * 160 + "… (500, ")
