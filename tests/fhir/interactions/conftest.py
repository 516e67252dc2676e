"""Sites and requests for the interactions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import orjson
import pytest

from mockehr.core.exchange import Exchange
from mockehr.sites.build import build_site
from mockehr.sites.options import SiteOptions
from mockehr.sites.site import Site

BASE = "http://a.example.org/a/fhir/R4"


@pytest.fixture
def made() -> Callable[..., Site]:
    """Makes a stepped site that wants no token."""

    def build(vendor: str = "generic", patients: int = 0, **options: Any) -> Site:
        return build_site(SiteOptions("a", vendor, patients=patients, stepped=True, open_access=True, **options))

    return build


@pytest.fixture
def all_of_patient() -> dict[str, Any]:
    """Settings of a site that offers for Patient what its vendor may not."""
    return {"interactions": {"types": {"Patient": ["read", "vread", "search", "create", "update"]}}}


@pytest.fixture
def ask() -> Callable[..., Exchange]:
    """Asks a site: `ask(site, "GET /Patient?name=x", document, header="value")`."""

    def send(site: Site, request: str, document: Any = None, **headers: str) -> Exchange:
        method, _, target = request.partition(" ")
        path, _, query = target.partition("?")
        body = document if isinstance(document, bytes) else b"" if document is None else orjson.dumps(document)
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return site.handle(Exchange("fhir", method, path, query, headers=named, body=body, base_url=BASE))

    return send
