"""Discovery documents that are missing, old, or not of one mind."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import orjson

from mockehr.core.exchange import JSON, Exchange, Reply
from mockehr.quirks.base import Act, quirk

WAYS: Final = ("missing", "html", "stale", "contradicting")
_HTML: Final = b"<!DOCTYPE html><html><head><title>Home</title></head><body><h1>Welcome</h1></body></html>"


@quirk("discovery-drift", family="launch", ledger=("B10",), channels=("discovery", "fhir"))
@dataclass(frozen=True, slots=True)
class DiscoveryDrift:
    """`.well-known/smart-configuration` is `missing` (404), is the `html` home page of some gateway (200), or is
    `stale`: it names a token endpoint that is no more, and keys that nobody knows. `contradicting`: it is right, but
    the `oauth-uris` of the CapabilityStatement name the endpoint that is no more.

    Coping: smart-configuration first, the CapabilityStatement's `oauth-uris` where it cannot be had or what it names
    is gone, and a word to whoever keeps the site's settings.
    """

    how: str = "missing"

    def __post_init__(self) -> None:
        if self.how not in WAYS:
            raise ValueError(f"how is {self.how!r}; it must be one of {', '.join(WAYS)}")

    def takes_part(self, channel: str, capability: str) -> bool:
        """The CapabilityStatement is right except where it contradicts."""
        return channel == "discovery" or self.how == "contradicting"

    def on_reply(self, exchange: Exchange, act: Act) -> None:
        """Spoil the document."""
        reply, path = exchange.reply, exchange.path.rstrip("/")
        if reply is None or reply.status != 200 or not path.endswith(("/smart-configuration", "/metadata")):
            act.leave("another document")
            return
        retired = act.world.page_address("retired", exchange.base_url)
        if exchange.channel == "fhir":
            body = _with_token(reply.body, retired)
            if body is None:
                act.leave("no oauth-uris in JSON to change")
                return
            act.why, reply.body = self.how, body
        elif self.how == "contradicting":
            act.leave("the CapabilityStatement says otherwise")
        else:
            act.why = self.how
            _spoil(self.how, reply, retired)


def _spoil(how: str, reply: Reply, retired: str) -> None:
    if how == "stale":
        old: JSON = {"token_endpoint": retired, "x-legacy": {"profile": 7}, "smart_version": "0.9"}
        reply.document = {**(reply.document or {}), **old}
        return
    reply.document = None
    if how == "html":
        reply.body, reply.content_type = _HTML, "text/html; charset=utf-8"
    else:
        reply.status, reply.body, reply.content_type = 404, b"Not Found", "text/plain"


def _with_token(body: bytes, retired: str) -> bytes | None:
    """A CapabilityStatement whose `oauth-uris` name another token endpoint; None if it has none, or is no JSON."""
    try:
        document: Any = orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
    found = False
    for rest in document.get("rest", ()):
        for extension in rest.get("security", {}).get("extension", ()):
            for one in extension.get("extension", ()):
                if one.get("url") == "token":
                    one["valueUri"], found = retired, True
    return orjson.dumps(document) if found else None
