"""2xx with a body that is worth nothing."""

from __future__ import annotations

import json
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from mockehr.core.exchange import Exchange, Reply
from mockehr.fhir.xml import xml_of_json
from mockehr.quirks.base import Act, quirk

BODIES = ("cut", "empty", "html", "other-resource", "other-id", "ok-for-created")
_HTML = b"<!DOCTYPE html><html><head><title>Sign in</title></head><body><h1>Session expired</h1></body></html>"
_OTHER = b'{"resourceType":"Basic","id":"0","code":{"text":"placeholder"}}'


@quirk("malformed-success", family="http", ledger=("C7",), channels=("fhir",))
@dataclass(frozen=True, slots=True)
class MalformedSuccess:
    """The status says success, the `body` does not: `cut` JSON (with a matching Content-Length), `empty`, an `html`
    page of some proxy, an `other-resource`, or the right one with an `other-id`, under which there is nothing;
    `ok-for-created` says 200 in place of 201 and does not tell where the new resource is.

    Seen: Oracle Health answers a create with 201, text/html, no body and a Location (its documentation;
    vendors-epic-oracle.md B7), Epic with nothing of the resource (the-map, write probe, 2026-04-28; A7), NextGen with
    200 and an empty body once a day's quota is spent (reported; vendors-others.md 4.1); a few endpoints of Epic and
    MEDITECH sent what is no JSON (the-map, production fleets). Coping: treat the outcome as unknown; read again, and
    look before repeating a write.
    """

    body: str = "cut"

    def __post_init__(self) -> None:
        if self.body not in BODIES:
            raise ValueError(f"body is {self.body!r}; it must be one of {', '.join(BODIES)}")

    def on_wire(self, exchange: Exchange, act: Act) -> None:
        """Spoil a successful reply."""
        reply = exchange.reply
        if reply is None or reply.status >= 300:
            act.leave("no success to spoil")
            return
        if not _SPOILERS[self.body](reply):
            act.leave(f"nothing that could be {self.body}")
            return
        act.why = self.body


def _cut(reply: Reply) -> bool:
    reply.body = reply.body[: len(reply.body) * 2 // 3]
    return True


def _empty(reply: Reply) -> bool:
    reply.body = b""
    return True


def _html(reply: Reply) -> bool:
    reply.body = _HTML
    reply.set_header("Content-Type", "text/html; charset=utf-8")
    return True


def _other_resource(reply: Reply) -> bool:
    reply.body = xml_of_json(_OTHER) if "xml" in reply.header("Content-Type") else _OTHER
    return True


def _other_id(reply: Reply) -> bool:
    """Let the resource be one that there is not: of the answer to a create, its Location too."""
    try:
        document = json.loads(reply.body or b"null")
    except ValueError:
        return False
    id = str(document.get("id", "")) if isinstance(document, dict) else ""
    location = reply.header("Location")
    if not id or document.get("resourceType") == "Bundle":
        return False
    reply.body = json.dumps(document | {"id": id[:60] + ".x"}, ensure_ascii=False, separators=(",", ":")).encode()
    if location:
        reply.set_header("Location", location.replace(f"/{id}", f"/{id[:60]}.x"))
    return True


def _ok_for_created(reply: Reply) -> bool:
    if reply.status != 201:
        return False
    reply.status = 200
    reply.headers = [pair for pair in reply.headers if pair[0].lower() not in ("location", "content-location")]
    return True


_SPOILERS: Final = MappingProxyType(
    dict(zip(BODIES, (_cut, _empty, _html, _other_resource, _other_id, _ok_for_created), strict=True))
)
