from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mockehr.fhir.search.date import BEGINNING, DAY, END, SECOND, compare, interval, interval_of, parse_date, widen


def micros(text):
    return int(datetime.fromisoformat(text).timestamp()) * SECOND


@pytest.mark.parametrize(
    ("text", "low", "high"),
    [
        ("2024", "2024-01-01T00:00:00+00:00", "2025-01-01T00:00:00+00:00"),
        ("2024-02", "2024-02-01T00:00:00+00:00", "2024-03-01T00:00:00+00:00"),
        ("2023-12", "2023-12-01T00:00:00+00:00", "2024-01-01T00:00:00+00:00"),
        ("2024-02-29", "2024-02-29T00:00:00+00:00", "2024-03-01T00:00:00+00:00"),
        ("2024-03-14T10:30", "2024-03-14T10:30:00+00:00", "2024-03-14T10:31:00+00:00"),
        ("2024-03-14T10:30:05", "2024-03-14T10:30:05+00:00", "2024-03-14T10:30:06+00:00"),
        ("2024-03-14T10:30:05-05:00", "2024-03-14T15:30:05+00:00", "2024-03-14T15:30:06+00:00"),
        ("2024-03-14T23:30:00+14:00", "2024-03-14T09:30:00+00:00", "2024-03-14T09:30:01+00:00"),
        ("2024-03-14T10:30:05 05:30", "2024-03-14T05:00:05+00:00", "2024-03-14T05:00:06+00:00"),
        ("2016-12-31T23:59:60Z", "2017-01-01T00:00:00+00:00", "2017-01-01T00:00:01+00:00"),
    ],
)
def test_a_date_of_any_precision_is_a_half_open_interval(text, low, high):
    assert interval(text) == (micros(low), micros(high))


def test_fractions_narrow_the_interval_down_to_a_microsecond():
    low = micros("2024-03-14T10:30:05+00:00")
    assert interval("2024-03-14T10:30:05.25Z") == (low + 250_000, low + 260_000)
    assert interval("2024-03-14T10:30:05.123456789Z") == (low + 123_456, low + 123_457)


def test_the_ends_of_the_calendar_do_not_overflow():
    assert interval("9999") == (interval("9999-01-01")[0], interval("9999-12-31")[1])
    assert interval("0001-01-01T00:00:00+14:00") is not None


@pytest.mark.parametrize(
    "text",
    [
        "",
        "24",
        "2024-13",
        "2024-00",
        "2023-02-29",
        "2024-1-1",
        "2024-01-01T24:00",
        "2024-01-01T10",
        "0000",
        "0000-01",
        "2024-01-01Z",
        "today",
        "٢٠٢٤",
        "2024-01-01T10:61",
        "2024-01-01T10:00:00.Z",
        "01/02/2024",
    ],
)
def test_what_is_no_date_has_no_interval(text):
    assert interval(text) is None


def test_periods_and_timings_have_outer_bounds():
    assert interval_of({"start": "2024-01-01", "end": "2024-01-02"}) == (
        micros("2024-01-01T00:00+00:00"),
        micros("2024-01-03T00:00+00:00"),
    )
    assert interval_of({"start": "2024-01-01"}) == (interval("2024-01-01")[0], END)
    assert interval_of({"end": "2024-01-01"}) == (BEGINNING, interval("2024-01-01")[1])
    assert interval_of({"event": ["2024-03-01", "2024-01-01", None]}) == (
        interval("2024-01-01")[0],
        interval("2024-03-01")[1],
    )
    assert interval_of({"repeat": {"boundsPeriod": {"start": "2024"}}}) == (interval("2024")[0], END)
    for nothing in ({}, {"start": "soon"}, {"start": 7}, {"event": "2024"}, 5, None, ["2024"], {"value": 3}):
        assert interval_of(nothing) is None


@pytest.mark.parametrize(
    ("query", "matching"),
    [
        ("2024-03", {"2024-03-05", "2024-03"}),
        ("ne2024-03", {"2024", "2024-04-01", "2023-12-31T23:59:59Z", "period"}),
        ("gt2024-03", {"2024", "2024-04-01"}),
        ("ge2024-03", {"2024", "2024-04-01", "2024-03-05", "2024-03"}),
        ("lt2024-03", {"2024", "2023-12-31T23:59:59Z", "period"}),
        ("le2024-03", {"2024", "2023-12-31T23:59:59Z", "2024-03-05", "2024-03", "period"}),
        ("sa2024-03", {"2024-04-01"}),
        ("eb2024-03", {"2023-12-31T23:59:59Z"}),
        ("ap2024-03", {"2024", "2024-03-05", "2024-03", "period"}),
    ],
)
def test_prefixes_select_as_the_standard_words_them(matches, query, matching):
    values = {"2024", "2024-03", "2024-03-05", "2024-04-01", "2023-12-31T23:59:59Z", "period"}
    found = set()
    for value in values:
        shown = (
            {"effectivePeriod": {"start": "2024-01-01", "end": "2024-03-10"}}
            if value == "period"
            else {"effectiveDateTime": value}
        )
        if matches({"resourceType": "Observation", **shown}, f"date={query}"):
            found.add(value)
    assert found == matching


def test_two_bounds_make_a_range_and_a_comma_an_alternative(matches):
    observation = {"resourceType": "Observation", "effectiveDateTime": "2024-03-05T10:00:00Z"}
    assert matches(observation, "date=ge2024-03-01&date=lt2024-04-01")
    assert not matches(observation, "date=ge2024-03-06&date=lt2024-04-01")
    assert matches(observation, "date=2020,2024-03-05")
    assert matches({"resourceType": "Patient", "birthDate": "1950-07-04"}, "birthdate=1950")


def test_approximately_reaches_a_tenth_of_the_distance_from_now(matches):
    now = micros("2024-01-11T00:00:00+00:00") / SECOND
    assert matches({"resourceType": "Patient", "birthDate": "2023-12-31"}, "birthdate=ap2024-01-01", now=now)
    assert not matches({"resourceType": "Patient", "birthDate": "2023-12-30"}, "birthdate=ap2024-01-01", now=now)
    assert widen(parse_date("ge2024"), now) == parse_date("ge2024")


def test_an_unusable_date_is_a_problem_that_says_how_to_write_one(problem):
    assert "YYYY-MM-DD" in problem("Patient", "birthdate=xx2024")
    assert "not supported" in problem("Patient", "birthdate:exact=2024")


spans = st.tuples(st.integers(0, 11), st.integers(1, 12)).map(lambda pair: (pair[0], pair[0] + pair[1]))


@given(spans, spans)
def test_interval_logic_agrees_with_sets_of_instants(search, resource):
    wanted, its = set(range(*search)), set(range(*resource))
    above, below = set(range(search[1], 40)), set(range(-40, search[0]))
    truth = {
        "eq": its <= wanted,
        "ne": not its <= wanted,
        "gt": bool(its & above),
        "ge": bool(its & above) or its <= wanted,
        "lt": bool(its & below),
        "le": bool(its & below) or its <= wanted,
        "sa": its <= above,
        "eb": its <= below,
        "ap": bool(its & wanted),
    }
    assert {prefix: compare(prefix, *search, *resource) for prefix in truth} == truth


@given(st.datetimes(min_value=datetime(1, 1, 2), max_value=datetime(9999, 12, 30)), st.integers(-14 * 60, 14 * 60))
def test_an_instant_lies_in_the_interval_of_every_shorter_form_of_it(moment, offset):
    exact = interval(moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ").rjust(27, "0"))
    since = moment.replace(tzinfo=UTC) - datetime(1970, 1, 1, tzinfo=UTC)
    assert exact is not None
    assert exact[0] == (since.days * DAY + since.seconds * SECOND + since.microseconds)
    full = moment.strftime("%Y-%m-%dT%H:%M:%S").rjust(19, "0")
    for text in (full[:4], full[:7], full[:10], full[:16], full):
        low, high = interval(text)
        assert low <= exact[0] < high
    sign = "-" if offset < 0 else "+"
    zoned = interval(f"{full}{sign}{abs(offset) // 60:02d}:{abs(offset) % 60:02d}")
    assert zoned[0] == interval(full)[0] - offset * 60 * SECOND
