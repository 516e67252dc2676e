"""How a contract machine reaches a server: one function that takes a request and gives an answer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import orjson

from mockehr.core.exchange import Exchange
from mockehr.sites.site import Site

BASE: Final = "http://contract.example.org/fhir"


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back. `headers` have lower-case names."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""

    @property
    def document(self) -> dict[str, Any]:
        """The body as a JSON object; empty if it is none."""
        try:
            document = orjson.loads(self.body)
        except orjson.JSONDecodeError:
            return {}
        return document if isinstance(document, dict) else {}


Send = Callable[[str, str, Mapping[str, str], bytes], Answer]
"""(method, absolute URL, headers with lower-case names, body) → the answer."""


@dataclass(frozen=True, slots=True)
class Door:
    """A server to be tested: its FHIR base (absolute, no trailing slash) and how to send to it."""

    base_url: str
    send: Send


def door_of(site: Site, base_url: str = BASE, headers: Mapping[str, str] | None = None) -> Door:
    """A site in memory, without sockets. `headers` go with every request: `authorization`, unless it is open."""
    standing = dict(headers or {})

    def send(method: str, url: str, extra: Mapping[str, str], body: bytes) -> Answer:
        if not url.startswith(base_url + "/"):
            return Answer(404)
        path, _, query = url.removeprefix(base_url).partition("?")
        exchange = Exchange("fhir", method, path, query, headers=standing | dict(extra), body=body, base_url=base_url)
        reply = site.handle(exchange).reply
        assert reply is not None
        return Answer(reply.status, {name.lower(): value for name, value in reply.headers}, reply.body)

    return Door(base_url, send)
