"""Answers in another form than clients expect."""

from __future__ import annotations

import gzip
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from mockehr.core.exchange import Exchange, Reply
from mockehr.quirks.base import Act, one_of, quirk

FORMS: Final = ("xml", "plain-json", "charset", "bom", "gzip")
BOM: Final = b"\xef\xbb\xbf"


@quirk("other-format", family="http", ledger=("D8",), channels=("fhir",))
@dataclass(frozen=True, slots=True)
class OtherFormat:
    """The resource is right, its `form` is another: `xml` unless the request's `Accept` or `_format` names JSON;
    `plain-json` (application/json); `charset` (a quoted, upper-case charset parameter); a `bom` before the JSON; or
    `gzip` that nobody asked for.

    Without `Accept` and `_format` the form is undefined and may vary, says FHIR R4 http.html; RFC 8259 section 8.1
    lets readers ignore a byte order mark.

    Seen: Epic answers in XML unless `Accept` names JSON (the-map; vendors-epic-oracle.md A4.4), eClinicalWorks says
    application/json+fhir, the name of DSTU2, and MEDITECH application/json on errors (vendors-others.md 0). Coping:
    send `Accept`, compare media types without their parameters and case, look at the Content-Type and
    Content-Encoding that came, and read what came.
    """

    form: str = "xml"

    def __post_init__(self) -> None:
        one_of("form", self.form, FORMS)

    def takes_part(self, channel: str, capability: str) -> bool:
        """XML is made at the render stage, all else of the bytes."""
        return (capability == "on_reply") is (self.form == "xml")

    def on_reply(self, exchange: Exchange, act: Act) -> None:
        """Have XML made of it where nobody named JSON."""
        reply = exchange.reply
        asked = f"{exchange.headers.get('accept', '')} {exchange.query}".lower()
        if reply is None or "json" not in reply.content_type or "json" in asked:
            act.leave("JSON was asked for" if "json" in asked else "no JSON to turn into XML")
            return
        reply.content_type = "application/fhir+xml"
        act.why = "XML, since nobody asked for JSON"

    def on_wire(self, exchange: Exchange, act: Act) -> None:
        """Change the bytes or what is said of them."""
        reply = exchange.reply
        if reply is None or not reply.body or "json" not in reply.header("Content-Type"):
            act.leave("no JSON to dress up")
            return
        act.why = self.form
        _DRESSED[self.form](reply)


def _plain(reply: Reply) -> None:
    reply.set_header("Content-Type", "application/json")


def _charset(reply: Reply) -> None:
    media = reply.header("Content-Type").partition(";")[0]
    reply.set_header("Content-Type", f'{media.replace("json", "JSON")} ; Charset="UTF8"')


def _bom(reply: Reply) -> None:
    reply.body = BOM + reply.body


def _gzip(reply: Reply) -> None:
    reply.body = gzip.compress(reply.body, mtime=0)
    reply.set_header("Content-Encoding", "gzip")


_DRESSED: Final = MappingProxyType({"plain-json": _plain, "charset": _charset, "bom": _bom, "gzip": _gzip})
