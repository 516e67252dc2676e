"""Requests to the `changed` feeds that nobody should send: answered or refused."""

from __future__ import annotations

from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.sites.test_changed import BASE, ROOT, patients, site_with

from mockehr.core.exchange import Exchange
from mockehr.events.feed import FEEDS
from mockehr.journal import line
from mockehr.sites.site import Site

NAMES = st.sampled_from(
    [
        "limit",
        "offset",
        "leaveunprocessed",
        "showprocessedstartdatetime",
        "showprocessedenddatetime",
        "eventname",
        "x",
    ]
)
VALUES = st.sampled_from(
    [
        *(
            "",
            "\0",
            "é\u202e",
            "9" * 4300,
            "9" * 5000,
            "-1",
            "٣",
            "1e9",
            "true",
            "x" * 70_000,
            "\r\nA: b",
            "AddPatient",
        ),
        *("01/01/0001 00:00:00", "12/31/9999 23:59:59", "99/99/9999 00:00:00", "02/30/2026 00:00:00"),
    ]
) | st.text(max_size=20)
PAIRS = st.lists(st.tuples(NAMES, VALUES), max_size=4)


@pytest.fixture(scope="module")
def site() -> Site:
    return site_with(utc_offset=-14)


@given(
    st.sampled_from([*FEEDS, "nothing"]),
    st.sampled_from(["", "/subscription", "/subscription/events", "/../..", "/\0"]),
    st.sampled_from(["GET", "HEAD", "POST", "DELETE", "PUT", "BREW", "OPTIONS"]),
    PAIRS,
    PAIRS | st.binary(max_size=30),
)
def test_any_request_is_answered_or_refused(
    site: Site, feed: str, below: str, method: str, asked: list[tuple[str, str]], form: list[tuple[str, str]] | bytes
) -> None:
    path = f"{ROOT}/{feed}/changed{below}"
    if site.endpoints.channel(path) != "feed":
        return
    query, body = (
        "&".join(f"{quote(name)}={quote(value)}" for name, value in pairs).encode()
        if isinstance(pairs, list)
        else pairs
        for pairs in (asked, form)
    )
    patients(site, "Smith")
    exchange = site.handle(Exchange("feed", method, path, query.decode(), {}, body, base_url=BASE))
    assert exchange.reply is not None
    assert exchange.reply.status < 500
    assert not any(letter in value for _, value in exchange.reply.headers for letter in "\r\n\0")
    assert line(exchange)
