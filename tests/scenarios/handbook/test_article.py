"""What is known of quirks, taken apart."""

from __future__ import annotations

import ast
import shlex
from typing import Any

import orjson
import pytest

from mockehr.config.load import load_text
from mockehr.control.facade import Control
from mockehr.core.errors import UnknownName
from mockehr.scenarios.handbook.article import article, names, sources
from mockehr.sites.build import build_site
from mockehr.sites.directory import Directory
from mockehr.sites.options import SiteOptions


@pytest.mark.parametrize("name", list(names()))
def test_every_quirk_says_what_it_shows_where_it_was_seen_and_how_to_cope(name: str) -> None:
    told = article(name)
    assert told.shows, f"{name}: its docstring says nothing but how to cope"
    assert len(told.coping) > 20, f"{name}: its docstring lacks `Coping: …`"
    assert len(told.seen) > 4, f"{name}: its docstring lacks `Seen: …` with a source, and seen.yaml has no row"


def test_sources_are_of_quirks_that_exist() -> None:
    assert sorted(set(sources()) - set(names())) == []


@pytest.mark.parametrize("name", list(names()))
def test_every_way_of_arming_makes_the_same_rule(name: str) -> None:
    ways = article(name).arming()
    settings = article(name).example

    def armed(rule: dict[str, Any]) -> Any:
        directory = Directory()
        site = directory.add(build_site(SiteOptions("a", patients=2, stepped=True)))
        Control(directory).call("quirk arm", site="a", **rule)
        return [one.describe() for one in site.rules], list(site.charts.infections if site.charts else ())

    wanted = armed({"use": name, "settings": settings})
    assert any(wanted)
    (written,) = load_text(ways["file"]).value["quirks"]
    assert armed({"use": written["use"], "settings": written.get("with", {})}) == wanted
    assert armed(orjson.loads(ways["control"].partition("quirks ")[2])) == wanted
    called = ast.parse(ways["Python"], mode="eval").body
    assert isinstance(called, ast.Call)
    given = {str(one.arg): ast.literal_eval(one.value) for one in called.keywords}
    assert armed({"use": ast.literal_eval(called.args[0]), "settings": given}) == wanted
    words = shlex.split(ways["command line"])
    assert words[:3] == ["mockehr", "quirk", "arm"]
    assert words[4] == name


def test_a_docstring_is_taken_apart() -> None:
    told = article("tls-faults")
    assert told.summary.startswith("New connections are shown")
    assert told.seen.startswith("TLS failed for 56 of 1,098")
    assert told.coping.startswith("No request without a certificate")
    assert not any("Coping" in paragraph or "Seen" in paragraph for paragraph in told.shows)
    assert [one.name for one in told.settings] == ["certificate"]
    assert "verifies-tls" in told.probes


def test_settings_have_units() -> None:
    units = {one.name: one.unit for one in article("rate-limit").settings}
    assert units["per"] == "duration (30s, 2h)"
    assert units["budget"] == "whole number"
    assert {one.name: one.default for one in article("assertion-rules").settings}["algs"] == "RS384, ES384"


def test_a_misspelt_name_is_refused_with_the_nearest() -> None:
    with pytest.raises(UnknownName) as refused:
        article("latenci")
    assert refused.value.nearest == "latency"
