"""2xx with a body that is worth nothing."""

from __future__ import annotations

from dataclasses import dataclass

from mockehr.core.exchange import Exchange
from mockehr.fhir.xml import xml_of_json
from mockehr.quirks.base import Act, quirk

BODIES = ("cut", "empty", "html", "other-resource")
_HTML = b"<!DOCTYPE html><html><head><title>Sign in</title></head><body><h1>Session expired</h1></body></html>"
_OTHER = b'{"resourceType":"Basic","id":"0","code":{"text":"placeholder"}}'


@quirk("malformed-success", family="http", ledger=("C7",), channels=("fhir",))
@dataclass(frozen=True, slots=True)
class MalformedSuccess:
    """The status says success, the body does not: `cut` JSON (with a matching Content-Length), `empty`, an `html`
    page of some proxy, or an `other-resource`.

    Coping: treat the outcome as unknown; read again, and look before repeating a write.
    """

    body: str = "cut"

    def __post_init__(self) -> None:
        if self.body not in BODIES:
            raise ValueError(f"body is {self.body!r}; it must be one of {', '.join(BODIES)}")

    def on_wire(self, exchange: Exchange, act: Act) -> None:
        """Replace the body of a successful reply."""
        reply = exchange.reply
        if reply is None or reply.status >= 300:
            act.leave("no success to spoil")
            return
        act.why = self.body
        if self.body == "html":
            reply.body = _HTML
            reply.set_header("Content-Type", "text/html; charset=utf-8")
        else:
            octets = reply.body
            other = xml_of_json(_OTHER) if "xml" in reply.header("Content-Type") else _OTHER
            reply.body = {"cut": octets[: len(octets) * 2 // 3], "empty": b"", "other-resource": other}[self.body]
