"""How a page is written in a vendor's order of keys."""

from __future__ import annotations

import orjson
import pytest

from mockehr.core.page import PageEntry
from mockehr.personalities.envelope import Layout, entry_pieces


@pytest.mark.parametrize(
    "keys",
    [
        ["fullUrl", "resource", "search"],
        ["resource", "fullUrl", "search"],
        ["search", "resource", "fullUrl", "link"],
        ["link", "resource", "fullUrl"],
    ],
)
def test_an_entry_has_its_url_before_or_behind_its_resource(keys: list[str]) -> None:
    layout = Layout.of({"entry": keys, "links": [], "keys": ["entry"], "empty_entry": False})
    entries: list[PageEntry] = [("Patient", id, b'{"a":"100%s %m"}', "match") for id in ("a", "b%20")]
    made = orjson.loads(b"[" + b"".join(entry_pieces(layout, "http://x.example.org", entries)) + b"]")
    assert [list(one) for one in made] == [keys, keys]
    assert [one["fullUrl"] for one in made] == [
        "http://x.example.org/Patient/a",
        "http://x.example.org/Patient/b%2520",
    ]
    assert {one["resource"]["a"] for one in made} == {"100%s %m"}
