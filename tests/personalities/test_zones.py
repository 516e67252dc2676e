"""US clocks against the machine's own table, where it has one."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import pytest

from mockehr.core.errors import UnknownName
from mockehr.personalities.zones import instant_of, local, midnight

NAMES = {
    "Eastern": "America/New_York",
    "Central": "America/Chicago",
    "Mountain": "America/Denver",
    "Pacific": "America/Los_Angeles",
    "UTC": "UTC",
}


@pytest.mark.parametrize("zone", sorted(NAMES))
def test_clocks_agree_with_the_table_of_zones_around_every_change(zone: str) -> None:
    try:
        table = ZoneInfo(NAMES[zone])
    except ZoneInfoNotFoundError:
        pytest.skip("this machine has no table of time zones")
    for year in (2008, 2024, 2025, 2026, 2031):
        for month in (1, 3, 7, 11):
            start = datetime(year, month, 1, tzinfo=UTC).timestamp()
            for at in (start + 1800.0 * step for step in range(0, 48 * 16)):
                shown = datetime.fromtimestamp(at, table).replace(tzinfo=None)
                assert local(at, zone) == shown
                fold = datetime.fromtimestamp(at, table).fold
                if not fold:
                    assert instant_of(shown, zone) == at


def test_midnight_is_that_of_the_zone() -> None:
    assert midnight(1_767_600_000.0, "Pacific") == datetime(2026, 1, 5)
    assert midnight(1_767_600_000.0 - 3600 * 9, "Pacific") == datetime(2026, 1, 4)


def test_a_zone_that_is_none_is_refused() -> None:
    with pytest.raises(UnknownName, match="Mountain"):
        local(0.0, "Mountains")
