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
