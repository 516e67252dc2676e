"""Addresses with parameters."""

from __future__ import annotations

import pytest

from mockehr.auth.uris import with_parameters


@pytest.mark.parametrize(
    ("url", "made"),
    [
        ("https://a.example.org/cb", "https://a.example.org/cb?code=x"),
        ("https://a.example.org/cb?", "https://a.example.org/cb?code=x"),
        ("https://a.example.org/cb?t=1", "https://a.example.org/cb?t=1&code=x"),
        ("https://a.example.org", "https://a.example.org?code=x"),
        ("org.example.app:/cb", "org.example.app:/cb?code=x"),
        ("org.example.app://cb/x", "org.example.app://cb/x?code=x"),
    ],
)
def test_parameters_come_behind_the_query_that_is_there(url, made):
    assert with_parameters(url, {"code": "x", "state": ""}) == made


def test_values_cannot_end_the_header_or_add_parameters():
    made = with_parameters("https://a.example.org/cb", {"state": "a\r\nX: y&code=z#ä"})
    assert made == "https://a.example.org/cb?state=a%0D%0AX%3A+y%26code%3Dz%23%C3%A4"
