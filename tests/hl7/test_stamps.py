"""Times between HL7 and FHIR: same moment, same precision."""

import pytest

from mockehr.hl7.stamps import from_fhir, second_stamp, stamp, to_fhir

AT = 1_767_614_400.0


def test_site_seconds_become_stamps_of_every_precision() -> None:
    assert second_stamp(1_767_614_400) == b"20260105120000"
    assert stamp(AT) == "20260105120000"
    assert stamp(AT + 0.25, "milli") == "20260105120000.250"
    assert stamp(AT, "minute", "-0500") == "202601050700-0500"
    assert stamp(AT, "day", "+0530") == "20260105"


@pytest.mark.parametrize(
    ("text", "fhir"),
    [
        ("1986", "1986"),
        ("198607", "1986-07"),
        ("19860709", "1986-07-09"),
        ("19860709+0100", "1986-07-09"),
        ("2026010512", "2026-01-05T12:00:00Z"),
        ("202601051230", "2026-01-05T12:30:00Z"),
        ("20260105123045.1234+0100", "2026-01-05T12:30:45.1234+01:00"),
        ("20260105123045-0000", "2026-01-05T12:30:45Z"),
    ],
)
def test_hl7_time_becomes_fhir_time_of_the_same_precision(text: str, fhir: str) -> None:
    assert to_fhir(text) == fhir


def test_the_senders_zone_holds_where_it_names_none() -> None:
    assert to_fhir("202601051230", "-0500") == "2026-01-05T12:30:00-05:00"
    assert to_fhir("202601051230+0100", "-0500") == "2026-01-05T12:30:00+01:00"


@pytest.mark.parametrize("text", ["", "00000000", "20260230", "2026-01-05", "03/15/2024", "20260105250000", "x"])
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"no HL7 time|must be in|out of range"):
        to_fhir(text)


@pytest.mark.parametrize(
    ("fhir", "text"),
    [
        ("", ""),
        ("2026", "2026"),
        ("2026-01", "202601"),
        ("2026-01-05", "20260105"),
        ("2026-01-05T12:00:00Z", "20260105120000"),
        ("2026-01-05T07:00:00-05:00", "20260105120000"),
        ("2026-01-05T12:00:00.250Z", "20260105120000"),
    ],
)
def test_fhir_time_becomes_hl7_time_in_the_sites_zone(fhir: str, text: str) -> None:
    assert from_fhir(fhir) == text


def test_what_is_no_fhir_date_is_refused() -> None:
    with pytest.raises(ValueError, match="no FHIR date"):
        from_fhir("last week")


@pytest.mark.parametrize(
    "text", ["20260105120000+9900", "20260105120000-2400", "20260105120000+0175", "20260105120061"]
)
def test_zones_and_seconds_that_fhir_does_not_have_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"zone|second"):
        to_fhir(text)


def test_a_leap_second_is_told_as_the_second_before() -> None:
    assert to_fhir("20161231235960") == "2016-12-31T23:59:59Z"
    assert from_fhir("2016-12-31T23:59:60Z") == "20161231235959"


def test_the_ends_of_the_calendar_keep_their_own_zone() -> None:
    assert from_fhir("9999-12-31T23:59:59-05:00") == "99991231235959-0500"
    assert from_fhir("0001-01-01T00:00:00+05:00", "milli", "-0500") == "00010101000000.000+0500"
    assert from_fhir("0999-01-01T00:00:00Z") == "09990101000000"
