"""Where the endpoints of the authorization server are."""

from __future__ import annotations

from dataclasses import asdict
from urllib.parse import urlsplit

import pytest
from tests.sites.browser import ROOT, Browser

from mockehr.sites.endpoints import KEPT


@pytest.mark.parametrize("vendor", ["generic", "epic", "oracle"])
def test_every_address_that_is_told_is_answered_by_its_channel(vendor: str) -> None:
    browser = Browser(vendor)
    channels = {"token": "token", "authorize": "authorize", "jwks": "discovery", "style": "discovery"}
    told = {name: url for name, url in asdict(browser.where).items() if url}
    assert {"token", "authorize", "jwks", "introspect", "style"} <= set(told)
    for name in set(told) - {"base", "issuer", "manage"}:
        path = urlsplit(told[name]).path
        assert told[name] == ROOT + path
        assert browser.site.endpoints.channel(path) == channels.get(name, "oauth"), name


def test_a_site_forgets_the_addresses_of_clients_that_call_it_ever_otherwise() -> None:
    endpoints = Browser().site.endpoints
    first = endpoints.addresses("http://a.example.org/fhir/R4")
    for number in range(3 * KEPT):
        assert endpoints.addresses(f"http://{number}.example.org/fhir/R4").token.startswith(f"http://{number}.")
        assert len(endpoints._kept) <= KEPT
    assert endpoints.addresses("http://a.example.org/fhir/R4") == first


def test_a_token_endpoint_that_moved_answers_at_both_places_by_its_name() -> None:
    browser = Browser("oracle")
    before = browser.where.token.replace("/hosts/fhir-ehr-code.cerner.com", "")
    assert before != browser.where.token
    endpoints, path = browser.site.endpoints, urlsplit(before).path
    assert endpoints.channel(path) == "token"
    assert endpoints.token_url(browser.base, path) == before
    assert endpoints.token_url(browser.base, browser.site.token_path) == browser.where.token
    assert endpoints.token_url(browser.base, "/elsewhere") == browser.where.token


def test_pages_about_errors_lie_below_one_place() -> None:
    endpoints = Browser("oracle").site.endpoints
    assert (endpoints.channel("/errors/x/y"), endpoints.name("/errors/x/y")) == ("authorize", "error")
    assert endpoints.channel("/errors") is None
    assert Browser().site.endpoints.channel("/errors/x/y") is None
