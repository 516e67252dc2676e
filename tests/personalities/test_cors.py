"""What pages of other origins may do, told once and as browsers take it (Fetch standard, "CORS protocol")."""

from __future__ import annotations

import httpx2
import pytest

from mockehr.personalities.load import ehr_names, load_personality
from mockehr.testing.world import TestSite, World

ORIGIN = "http://app.example.org"
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


def endpoints(site: TestSite) -> dict[str, tuple[str, str, str]]:
    """What an app in a browser asks for: (method, address, headers for which a browser asks before)."""
    where = site.site.addresses(site.fhir_url)
    asked = {
        "discovery": ("GET", f"{site.fhir_url}/.well-known/smart-configuration", "accept"),
        "keys": ("GET", where.jwks, "accept"),
        "token": ("POST", where.token, "authorization,content-type"),
        "read": ("GET", f"{site.fhir_url}/Patient/{site.patient_ids()[0]}", "authorization"),
        "search": ("GET", f"{site.fhir_url}/Condition?patient=1", "authorization,accept,prefer"),
        "create": ("POST", f"{site.fhir_url}/Patient", "authorization,content-type"),
        "introspect": ("POST", where.introspect, "authorization,content-type"),
        "revoke": ("POST", where.revoke, "authorization,content-type"),
        "userinfo": ("GET", where.userinfo, "authorization"),
    }
    let = site.site.personality.settings["cors"]["channels"]  # some vendors tell pages nothing of their tokens
    channels = {"discovery": "discovery", "keys": "discovery", "token": "token"} | dict.fromkeys(
        ("introspect", "revoke", "userinfo"), "oauth"
    )
    return {name: one for name, one in asked.items() if one[1] and channels.get(name, "fhir") in let}


def allowed(answer: httpx2.Response) -> None:
    """A browser lets the page read it: one permission, not a list of two."""
    told = answer.headers.get_list("Access-Control-Allow-Origin")
    assert told in (["*"], [ORIGIN]), (str(answer.request.url), told)


def pages_let_in() -> list[str]:
    """The vendors that let pages in at all."""
    return [name for name in ehr_names() if load_personality(name).settings["cors"]["origin"]]


@pytest.mark.parametrize("vendor", pages_let_in())
def test_browsers_are_told_before_what_a_page_may_send(vendor: str, mockehr: World) -> None:
    site = mockehr.site(vendor, patients=1)
    for name, (method, url, headers) in endpoints(site).items():
        asking = {
            "Origin": ORIGIN,
            "Access-Control-Request-Method": method,
            "Access-Control-Request-Headers": headers,
        }
        answer = httpx2.options(url, headers=asking, timeout=5)
        assert answer.is_success, name
        allowed(answer)
        methods = answer.headers["Access-Control-Allow-Methods"].replace(" ", "").split(",")
        assert method in methods, name
        given = answer.headers["Access-Control-Allow-Headers"].lower().replace(" ", "").split(",")
        assert set(headers.split(",")) <= set(given), name
        assert len(answer.headers.get_list("Access-Control-Allow-Headers")) == 1, name


@pytest.mark.parametrize("vendor", pages_let_in())
def test_pages_may_read_answers_and_refusals_alike(vendor: str, mockehr: World) -> None:
    site = mockehr.site(vendor, patients=1)
    statuses = set()
    for method, url, _ in endpoints(site).values():
        sent = b"grant_type=authorization_code&code=x&client_id=nobody" if method == "POST" else b""
        answer = httpx2.request(method, url, headers={"Origin": ORIGIN} | FORM, content=sent, timeout=5)
        statuses.add(answer.status_code)
        allowed(answer)
    assert {200, 401} <= statuses


def test_a_site_that_lets_no_page_in_tells_so_by_silence(mockehr: World) -> None:
    site = mockehr.site("generic", patients=1, settings={"cors": {"channels": ["fhir"]}})
    asked = endpoints(site)
    assert {"discovery", "token"}.isdisjoint(asked)
    where = site.site.addresses(site.fhir_url)
    for method, url in (("GET", f"{site.fhir_url}/.well-known/smart-configuration"), ("POST", where.token)):
        answer = httpx2.request(method, url, headers={"Origin": ORIGIN}, timeout=5)
        assert "Access-Control-Allow-Origin" not in answer.headers
    allowed(httpx2.get(asked["read"][1], headers={"Origin": ORIGIN}, timeout=5))


def test_who_asks_is_named_where_a_vendor_does_so(mockehr: World) -> None:
    site = mockehr.site("generic", patients=1, settings={"cors": {"origin": "echo", "credentials": True}})
    answer = httpx2.get(f"{site.fhir_url}/metadata", headers={"Origin": ORIGIN}, timeout=5)
    assert answer.headers["Access-Control-Allow-Origin"] == ORIGIN
    assert answer.headers["Access-Control-Allow-Credentials"] == "true"
    assert "Origin" in answer.headers["Vary"]


def test_refusals_may_be_unreadable_for_pages(mockehr: World) -> None:
    site = mockehr.site("generic", patients=1, settings={"cors": {"errors": False}})
    refused = httpx2.get(f"{site.fhir_url}/Patient", headers={"Origin": ORIGIN}, timeout=5)
    assert refused.status_code == 401
    assert "Access-Control-Allow-Origin" not in refused.headers
    allowed(httpx2.get(f"{site.fhir_url}/metadata", headers={"Origin": ORIGIN}, timeout=5))
