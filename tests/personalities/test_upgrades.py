"""What a personality says of its upgrades, and which of them a site takes."""

from __future__ import annotations

from typing import Any

import pytest

from mockehr.core.errors import ConfigError, UnknownName
from mockehr.personalities.load import load_personality
from mockehr.personalities.upgrades import Upgrade, known_upgrades, moment_of, taken_upgrades

DAY = 1_786_752_000.0
"""2026-08-15."""


def known(told: dict[str, Any], vendor: str = "generic") -> dict[str, Upgrade]:
    return known_upgrades(load_personality(vendor, {"upgrades": {"own": told}}).settings, "here")


def taken(asked: Any, vendor: str = "generic") -> list[tuple[str, float | None]]:
    own = {"later": {"at": "2026-12-01"}, "none": {}}
    settings = load_personality(vendor, {"upgrades": own}).settings
    return [(one.name, one.at) for one in taken_upgrades(settings, "here", asked)]


@pytest.mark.parametrize("vendor", ["generic", "epic", "oracle"])
def test_upgrades_of_a_vendor_hold(vendor: str) -> None:
    settings = load_personality(vendor).settings
    found = known_upgrades(settings, vendor)
    assert list(found) == ["2026-Q3"]
    upgrade = found["2026-Q3"]
    assert upgrade.at is not None
    assert upgrade.fields
    assert upgrade.drop
    load_personality(vendor, upgrade.overrides(settings))


def test_a_vendor_has_neither_the_upgrades_nor_the_withdrawn_bases_of_the_plain_server() -> None:
    fields = {
        name: known_upgrades(load_personality(name).settings, name)["2026-Q3"].fields
        for name in ("generic", "oracle")
    }
    assert fields["generic"] != fields["oracle"]
    for vendor in ("epic", "oracle"):
        assert "/fhir/DSTU2" not in load_personality(vendor).settings["withdrawn"]


def test_a_site_adds_its_own_upgrades_and_replaces_one_whole() -> None:
    settings = load_personality("generic", {"upgrades": {"2026-Q3": {"version": "x"}, "own": {}}}).settings
    found = known_upgrades(settings, "here")
    assert set(found) == {"2026-Q3", "own"}
    assert found["2026-Q3"].fields == ()


@pytest.mark.parametrize(
    ("asked", "wanted"),
    [
        ("", []),
        ("2026-Q3", [("2026-Q3", DAY)]),
        ("none", [("none", None)]),
        (["later", "2026-Q3"], [("2026-Q3", DAY), ("later", 1_796_083_200.0)]),
        ({"2026-Q3": "2026-12-24", "later": None}, [("later", None), ("2026-Q3", 1_798_070_400.0)]),
        ({"2026-Q3": "2026-08-15T06:00:00+06:00"}, [("2026-Q3", DAY)]),
        ({"2026-Q3": DAY}, [("2026-Q3", DAY)]),
    ],
)
def test_upgrades_are_taken_in_the_order_of_their_dates(asked: Any, wanted: list[tuple[str, float | None]]) -> None:
    assert taken(asked) == wanted


def test_the_setting_counts_where_nothing_else_is_asked() -> None:
    settings = load_personality("generic", {"upgrade": "2026-Q3"}).settings
    assert [one.name for one in taken_upgrades(settings, "here")] == ["2026-Q3"]


def test_an_unknown_upgrade_is_refused_with_the_nearest() -> None:
    with pytest.raises(UnknownName) as caught:
        taken("2026-Q4")
    assert "2026-Q3" in caught.value.nearest


@pytest.mark.parametrize(
    "asked", [5, {"2026-Q3": "soon"}, {"2026-Q3": "2026-08-15T06:00:00"}, [1], {"2026-Q3": True}]
)
def test_what_asks_for_no_upgrade_is_refused(asked: Any) -> None:
    with pytest.raises(ConfigError, match="upgrade"):
        taken(asked)


@pytest.mark.parametrize(
    ("told", "words"),
    [
        ({"field": []}, "nearest: fields"),
        ({"fields": [{"resource": "Patient", "rename": "a"}]}, "rename goes with"),
        ({"fields": [{"resource": "Patient", "rename": "a", "to": "b.c"}]}, "rename goes with"),
        ({"fields": [{"resource": "Patient", "rename": "a", "to": "b", "drop": "c"}]}, "no more than one"),
        ({"fields": [{"resource": "Patient"}]}, "one of rename, drop and add"),
        ({"fields": [{"resource": "Patient", "add": "a"}]}, "add goes with"),
        ({"fields": [{"resource": "Patient", "drop": "a[0]"}]}, "ends in a position"),
        ({"fields": [{"resource": "Patient", "drop": "a[x].b"}]}, "no element path"),
        ({"fields": [{"resource": "Patient", "drop": "a", "wher": 1}]}, "no such setting"),
        ({"fields": [{"resource": "Patent", "drop": "a"}]}, "no resource type"),
        ({"endpoints": {"drop": ["Gaol"]}}, "no resource type"),
        ({"endpoints": {"deprecated": ["Goal"]}}, "nearest: deprecate"),
        ({"endpoints": {"deprecate": {"Goal": "soon"}}}, "no day"),
        ({"at": "next summer"}, "no day"),
        ({"settings": {"paths": {"fhir": "/x"}}}, "cannot change while a site runs"),
    ],
)
def test_what_is_wrong_with_an_upgrade_is_told(told: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        known(told)


def test_types_that_come_and_go_become_the_personalitys_interactions() -> None:
    told = {"endpoints": {"drop": ["Goal"], "add": {"Slot": None, "Schedule": ["read"]}}}
    before = load_personality("epic")
    after = load_personality("epic", known(told, "epic")["own"].overrides(before.settings))
    assert before.offers("Goal")
    assert not before.offers("Slot")
    assert not after.offers("Goal")
    assert after.offers("Slot") == {"read", "search"}
    assert after.offers("Schedule") == {"read"}
    assert after.offers("Patient") == before.offers("Patient")


def test_a_release_is_told_where_the_vendor_tells_one() -> None:
    told = {"version": "August 2026", "at": "2026-08-15"}
    overrides = known(told, "epic")["own"].overrides(load_personality("epic").settings)
    assert overrides["release"] == {"version": "August 2026", "date": "2026-08-15"}
    assert known(told)["own"].overrides(load_personality("generic").settings) == {}


def test_a_deprecated_type_ends_on_its_day_if_one_is_told() -> None:
    (end,) = known({"endpoints": {"deprecate": {"Goal": "2026-08-15", "Flag": None}}})["own"].ends()
    assert (end.at, end.drop) == (DAY, ("Goal",))


def test_a_day_is_its_midnight_in_utc() -> None:
    assert moment_of("2026-08-15") == moment_of("2026-08-15T00:00:00Z") == DAY
