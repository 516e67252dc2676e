"""Calling an operation as a function: the site, the path, the parameters."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import orjson
import pytest

from mockehr.core.exchange import Exchange, Interaction
from mockehr.core.problem import Problem
from mockehr.fhir.operations.base import operations, read_input
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
def call() -> Callable[..., Any]:
    """`call(site, "/ValueSet/$expand?url=…")`, or with a resource, or with named parameters to be POSTed."""

    def send(site: Site, target: str, body: dict[str, Any] | None = None, **given: Any) -> Any:
        path, _, query = target.partition("?")
        if given:
            parts = [{"name": name.replace("_", "-"), **value} for name, value in given.items()]
            body = {"resourceType": "Parameters", "parameter": parts}
        exchange = Exchange(
            "fhir", "POST" if body else "GET", path, query, body=orjson.dumps(body) if body else b"", base_url=BASE
        )
        *where, name = path.strip("/").split("/")
        exchange.interaction = Interaction(name, where[0] if where else "", where[1] if len(where) > 1 else "")
        read = read_input(exchange)
        return read if isinstance(read, Problem) else operations()[name[1:]].run(site.fhir, exchange, read)

    return send


@pytest.fixture
def values() -> Callable[..., list[Any]]:
    """The values of that name in a Parameters resource."""

    def read(document: Any, name: str) -> list[Any]:
        found = [one for one in document["parameter"] if one["name"] == name]
        return [value for one in found for key, value in one.items() if key.startswith("value") or key == "part"]

    return read
