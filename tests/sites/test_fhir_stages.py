"""Scopes at the FHIR door: every interaction needs one, and a token that lacks it is refused."""

from __future__ import annotations

import pytest

from mockehr.auth.scopes import Scopes
from mockehr.auth.tokens import Grant
from mockehr.core.exchange import Exchange
from mockehr.fhir.routes import ROUTES
from mockehr.sites.build import build_site
from mockehr.sites.fhir_stages import ACTIONS
from mockehr.sites.options import SiteOptions
from mockehr.sites.site import Site


def status(site: Site, scopes: str, request: str, body: bytes = b"") -> int:
    now = site.clock.now()
    grant = site.auth.tokens.issue(Grant("c", Scopes.parse(scopes), now, now + 300, 300), token_url="http://a/token")
    method, _, path = request.partition(" ")
    headers = {"authorization": f"Bearer {grant.token}"}
    exchange = site.handle(Exchange("fhir", method, path, headers=headers, body=body, base_url="http://a/fhir/R4"))
    assert exchange.reply is not None
    return exchange.reply.status


def test_every_interaction_but_the_open_one_has_the_scope_that_it_needs() -> None:
    # The entries of a Bundle are asked for their scopes one by one, and an operation says what it needs itself.
    assert set(ACTIONS) == {name for _, _, name in ROUTES} - {"capabilities", "transaction", "operation"}


@pytest.mark.parametrize(
    ("scopes", "request_", "wanted"),
    [
        ("system/Patient.rs", "DELETE /Patient/p1", 403),
        ("system/Patient.cud", "DELETE /Patient/p1", 204),
        ("system/Patient.rs", "GET /Patient/p1/_history", 200),
        ("system/Condition.rs", "GET /Patient/p1/_history", 403),
        ("system/Patient.r", "GET /Patient/_history", 403),
        ("system/Patient.rs", "GET /Patient/_history", 200),
        ("system/Patient.rs", "GET /_history", 403),
        ("system/*.rs", "GET /_history", 200),
        ("system/Patient.s", "GET /Patient/p1", 403),
        ("system/Patient.r", "GET /Patient", 403),
        ("system/Patient.rs", "PUT /Patient/p1", 403),
        ("system/Patient.rs", "POST /Patient", 403),
    ],
)
def test_a_token_reaches_as_far_as_its_scopes(scopes: str, request_: str, wanted: int) -> None:
    site = build_site(SiteOptions("a", patients=3, stepped=True))
    assert status(site, scopes, request_) == wanted


@pytest.mark.parametrize(("scopes", "told"), [("system/Patient.c", False), ("system/Patient.cr", True)])
def test_a_conditional_create_shows_what_it_finds_to_readers_only(scopes: str, told: bool) -> None:
    site = build_site(SiteOptions("a", patients=2, stepped=True))
    exchange = Exchange("fhir", "POST", "/Patient", body=b'{"resourceType":"Patient"}', base_url="http://a/fhir/R4")
    now = site.clock.now()
    grant = site.auth.tokens.issue(Grant("c", Scopes.parse(scopes), now, now + 300, 300), token_url="http://a/token")
    exchange.headers |= {
        "authorization": f"Bearer {grant.token}",
        "if-none-exist": "_id=p0",
        "prefer": "return=representation",
    }
    reply = site.handle(exchange).reply
    assert reply is not None
    assert (reply.status, reply.header("Location")) == (200, "http://a/fhir/R4/Patient/p0/_history/1")
    assert (bool(reply.body), exchange.returned) == (told, ("Patient/p0",) if told else ())


LABORATORY = "http://terminology.hl7.org/CodeSystem/observation-category|laboratory"


def keys(site: Site, scopes: str, path: str, query: str = "") -> tuple[int, set[str]]:
    now = site.clock.now()
    grant = site.auth.tokens.issue(Grant("c", Scopes.parse(scopes), now, now + 300, 300), token_url="http://a/token")
    headers = {"authorization": f"Bearer {grant.token}"}
    exchange = site.handle(Exchange("fhir", "GET", path, query, headers=headers, base_url="http://a/fhir/R4"))
    assert exchange.reply is not None
    return exchange.reply.status, {key for key in exchange.returned if key.startswith("Observation/")}


def test_a_scope_with_a_constraint_covers_that_part_of_the_type() -> None:
    site = build_site(SiteOptions("a", patients=2, stepped=True))
    all_of_it, part = "system/Observation.rs system/Patient.rs", f"system/Observation.rs?category={LABORATORY}"
    _, laboratory = keys(site, all_of_it, "/Observation", f"patient=p0&category={LABORATORY}&_count=500")
    _, everything = keys(site, all_of_it, "/Observation", "patient=p0&_count=500")
    assert laboratory < everything
    assert keys(site, part, "/Observation", "patient=p0&_count=500") == (200, laboratory)
    assert keys(site, part, "/Patient/p0/Observation", "_count=500") == (200, laboratory)
    other = min(everything - laboratory)
    for key, wanted in ((min(laboratory), 200), (other, 403)):
        assert keys(site, part, f"/{key}")[0] == wanted
        assert keys(site, part, f"/{key}/_history/1")[0] == wanted
    both = f"{part} system/Patient.rs"
    found = keys(site, both, "/Patient", "_id=p0&_revinclude=Observation:patient")
    assert found == (200, laboratory)
    assert keys(site, both, "/Patient/p0/$everything", "_count=5000") == (200, laboratory)


@pytest.mark.parametrize(
    "request_", ["GET /Observation/_history", "GET /Observation/x/_history", "POST /Observation"]
)
def test_what_is_not_confined_to_a_part_is_refused_to_who_has_no_more(request_: str) -> None:
    site = build_site(SiteOptions("a", patients=2, stepped=True))
    assert status(site, f"system/Observation.cruds?category={LABORATORY}", request_) == 403


@pytest.mark.parametrize("kind", ["a%0d%0aX-Evil:1", "%00", "Foo%22%2c", "%C3%A9%5C"])
def test_what_was_asked_for_cannot_end_the_header_that_refuses_it(kind: str) -> None:
    site = build_site(SiteOptions("a", patients=3, stepped=True))
    now = site.clock.now()
    grant = site.auth.tokens.issue(
        Grant("c", Scopes.parse("system/Patient.rs"), now, now + 300, 300), token_url="http://a/token"
    )
    headers = {"authorization": f"Bearer {grant.token}"}
    exchange = Exchange("fhir", "GET", "", f"_type={kind}", headers, base_url=f"http://a{site.fhir_path}")
    site.handle(exchange)
    assert exchange.reply is not None
    assert exchange.reply.status == 403
    told = exchange.reply.header("www-authenticate")
    assert told.count('"') == 4
    assert all(" " <= letter <= "~" and letter != chr(92) for letter in told)
