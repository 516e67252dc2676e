"""Presets of dirt: what they arm, and that sites have it by every way of asking."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from mockehr.core.errors import ConfigError, UnknownName
from mockehr.population.corruption.base import corruptions
from mockehr.population.presets import preset, preset_names
from mockehr.sites.build import build_site
from mockehr.sites.configured import build_configured, load_server
from mockehr.sites.options import SiteOptions
from mockehr.testing.world import TestSite

OPTIONS = SiteOptions("a", patients=40, stepped=True)


def test_there_are_four_presets_each_dirtier_than_the_one_before() -> None:
    assert preset_names() == ("decades", "nightmare", "sandbox", "typical")
    sizes = [len(preset(name)) for name in ("sandbox", "typical", "decades")]
    assert sizes == sorted(set(sizes))


def test_the_nightmare_has_every_corruption_that_there_is() -> None:
    assert {row["use"] for row in preset("nightmare")} == set(corruptions())


@pytest.mark.parametrize("name", preset_names())
def test_each_can_be_armed_as_it_is_written(name: str) -> None:
    site = build_site(replace(OPTIONS, dirt=name))
    assert site.charts is not None
    for row in preset(name):
        infection = site.charts.infections[row["use"]]
        assert infection.ailment.rate == row["with"]["rate"]
    assert len(site.charts.infections) == len(preset(name))


def test_an_unknown_preset_is_refused_with_the_nearest() -> None:
    with pytest.raises(UnknownName, match="typical"):
        build_site(replace(OPTIONS, dirt="typcal"))


def test_dirt_and_environment_go_together_and_a_reset_brings_both_back() -> None:
    site = build_site(replace(OPTIONS, personality="epic", dirt="typical", environment="production"))
    assert site.charts is not None
    armed = list(site.charts.infections)
    assert set(armed) >= {row["use"] for row in preset("typical")}
    site.disarm("mixed-units")
    site.reset()
    assert list(site.charts.infections) == armed


def test_a_file_may_name_one_and_a_wrong_name_is_told_with_its_line(tmp_path: Path) -> None:
    file = tmp_path / "server.yaml"
    file.write_text("sites:\n  - name: a\n    patients: 20\n    dirt: decades\n")
    site = build_configured(load_server(file).sites[0], seed=7)
    assert site.charts is not None
    assert "duplicate-patients" in site.charts.infections
    file.write_text("sites:\n  - name: a\n    dirt: decads\n")
    with pytest.raises(ConfigError, match="decades"):
        load_server(file)


@pytest.mark.mockehr(dirt="sandbox", patients=20, stepped=True)
def test_a_marker_may_name_one(mockehr_site: TestSite) -> None:
    charts = mockehr_site.site.charts
    assert charts is not None
    assert list(charts.infections) == [row["use"] for row in preset("sandbox")]
