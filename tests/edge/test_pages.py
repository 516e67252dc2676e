"""Web pages as the workstation reads them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mockehr.edge.pages import read_page, refresh_target

SIGN_IN = b"""<!DOCTYPE html><html><head><title> Sign
 in </title><script type="application/json">{}</script></head><body>
<form method="get" action="/find"><input name="text" value="x"></form>
<form method="POST" action="/oauth2/consent?x=1"><input type="hidden" name="pending" value="a&amp;b">
<input type="checkbox" name="scope" value="one" checked><input type="checkbox" name="scope" value="two">
<input type="checkbox" name="more"><button name="decision" value="allow">Yes</button>
<button name="decision" value="deny">No</button></form><svg><title>Icon</title></svg>"""


def test_a_page_has_its_title_and_its_forms() -> None:
    page = read_page(SIGN_IN, "text/html; charset=utf-8")
    assert page is not None
    assert (page.title, page.scripts, page.refresh, page.frame) == ("Sign in", False, "", "")
    search, consent = page.forms
    assert (search.method, search.place, consent.method, consent.place) == ("get", "find", "post", "consent")
    assert consent.filled(decision="allow") == [("pending", "a&b"), ("scope", "one"), ("decision", "allow")]


def test_scripts_frames_and_what_is_no_page_are_told_apart() -> None:
    page = read_page(b"<script src=/app.js></script><iframe src=/app></iframe><iframe src=/two>", "text/html")
    assert page is not None
    assert (page.scripts, page.frame) == (True, "/app")
    assert read_page(b"<title>x</title>", "application/json") is None
    assert read_page(b"", "") is None


@pytest.mark.parametrize(
    ("text", "target"),
    [
        ("0; url=/next", "/next"),
        ("0;URL='https://h.example.org/a?b=c;d'", "https://h.example.org/a?b=c;d"),
        ('1.5, url = "/next"', "/next"),
        ("5", ""),
        ("", ""),
        ("0; /next", "/next"),
    ],
)
def test_a_refresh_leads_where_it_says(text: str, target: str) -> None:
    assert refresh_target(text) == target
    page = read_page(f"<META HTTP-EQUIV=Refresh CONTENT='{text.replace(chr(39), '&#39;')}'>".encode(), "text/html")
    assert page is not None
    assert page.refresh == target


@given(st.binary(max_size=300))
def test_no_page_is_too_broken_to_be_read(body: bytes) -> None:
    assert read_page(b"<form><input>" + body, "text/html") is not None
