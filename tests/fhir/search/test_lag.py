"""Searches that lag behind writes."""

from __future__ import annotations

from typing import Any

import orjson

from mockehr.core.exchange import Exchange
from mockehr.sites.build import build_site
from mockehr.sites.options import SiteOptions
from mockehr.sites.site import Site

BASE = "http://x.example.org/fhir/R4"


def lagging() -> Site:
    settings = {"search": {"lag": 5, "lag_header": "X-Consistency"}}
    return build_site(SiteOptions("x", patients=3, stepped=True, open_access=True, settings=settings))


def ask(site: Site, method: str, target: str, document: Any = None, **headers: str) -> dict[str, Any]:
    path, _, query = target.partition("?")
    body = orjson.dumps(document) if document is not None else b""
    told = {name.replace("_", "-"): text for name, text in headers.items()}
    reply = site.handle(Exchange("fhir", method, f"/{path}", query, told, body, base_url=BASE)).reply
    assert reply is not None
    assert reply.status < 300
    found: dict[str, Any] = reply.document or orjson.loads(reply.body)
    return found


def test_what_was_written_is_read_at_once_and_found_later() -> None:
    site = lagging()
    flag = {
        "resourceType": "Flag", "status": "active", "code": {"text": "x"}, "subject": {"reference": "Patient/p1"},
    }  # fmt: skip
    made = ask(site, "POST", "Flag", flag)
    assert ask(site, "GET", f"Flag/{made['id']}")["id"] == made["id"]
    search = "Flag?patient=p1"
    assert ask(site, "GET", search)["total"] == 0
    assert ask(site, "GET", search, x_consistency="strong")["total"] == 1
    site.clock.advance(5)
    assert ask(site, "GET", search)["total"] == 1


def test_what_was_changed_is_gone_from_searches_for_a_while() -> None:
    site = lagging()
    patient = ask(site, "GET", "Patient/p1")
    search = f"Patient?family={patient['name'][0]['family']}"
    before = ask(site, "GET", search)["total"]
    ask(site, "PUT", "Patient/p1", patient)
    assert len(ask(site, "GET", search).get("entry", [])) == before - 1
    site.clock.advance(5)
    assert ask(site, "GET", search)["total"] == before
