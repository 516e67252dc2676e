"""What probes read from an exchange: its answer as JSON, its token, its links, whether the client heard it at all."""

from __future__ import annotations

import gzip
import zlib
from typing import Any, Final
from urllib.parse import urljoin
from xml.etree import ElementTree

import orjson

from mockehr.core.exchange import JSON, Exchange

_LEGAL: Final = frozenset(b"!#$%&'()*+,-./:;=?@[]_~")
_FHIR: Final = "{http://hl7.org/fhir}"


def status(exchange: Exchange) -> int:
    """The status of the reply; 0 if there was none."""
    return exchange.reply.status if exchange.reply is not None else 0


def heard(exchange: Exchange) -> bool:
    """Whether the whole reply was sent: not lost, not reset, not cut, not held back, not under a wrong length."""
    effects = exchange.effects
    if exchange.reply is None:
        return False
    return effects is None or not (
        effects.lost or effects.reset or effects.cut_at is not None or effects.hang or effects.misstated
    )


def fired(exchange: Exchange, *quirks: str) -> bool:
    """Whether one of those quirks fired on the exchange."""
    return any(decision.outcome == "fired" and decision.quirk in quirks for decision in exchange.decisions)


def bearer(exchange: Exchange) -> str | None:
    """The bearer token that was sent, possibly empty; None without an Authorization header."""
    header = exchange.headers.get("authorization")
    if header is None:
        return None
    scheme, _, token = header.strip().partition(" ")
    return token.strip() if scheme.lower() == "bearer" else header


def same_request(one: Exchange, other: Exchange) -> bool:
    """Whether method, path, query and body are the same; bodies that the journal dropped are not compared."""
    if (one.method, one.path, one.query) != (other.method, other.path, other.query):
        return False
    return one.body == other.body or "trimmed" in one.notes or "trimmed" in other.notes


def label(exchange: Exchange) -> str:
    """Method, path and query in one short line, for evidence."""
    text = f"{exchange.method} {exchange.path}" + (f"?{exchange.query}" if exchange.query else "")
    return text if len(text) <= 100 else f"{text[:99]}…"


def resource_type(exchange: Exchange) -> str:
    """The resource type that a FHIR request is about; empty for the system level."""
    if exchange.interaction is not None:
        return exchange.interaction.resource_type
    first = exchange.path.strip("/").partition("/")[0]
    return first if first[:1].isupper() else ""


def is_create(exchange: Exchange) -> bool:
    """Whether this is `POST /[type]`."""
    if exchange.interaction is not None:
        return exchange.interaction.name == "create"
    return exchange.method == "POST" and exchange.path.strip("/") == resource_type(exchange) != ""


def parsed(data: bytes) -> Any:
    """The bytes as JSON; None if they are none."""
    try:
        return orjson.loads(data)
    except orjson.JSONDecodeError:
        return None


def octets(exchange: Exchange) -> bytes:
    """The reply's body with its content encoding undone; empty if that fails."""
    reply = exchange.reply
    if reply is None:
        return b""
    if reply.header("content-encoding").lower() == "gzip" or reply.body[:2] == b"\x1f\x8b":
        try:
            return gzip.decompress(reply.body)
        except (OSError, EOFError, zlib.error):
            return b""
    return reply.body


def answer(exchange: Exchange) -> JSON | None:
    """The reply's body as a JSON object; None if it is anything else."""
    document = parsed(octets(exchange))
    return document if isinstance(document, dict) else None


def bundle_keys(exchange: Exchange) -> list[str]:
    """`Type/id` of the matches in a JSON searchset, in order, repeated ones included."""
    document = answer(exchange) or {}
    entries = document.get("entry") if document.get("resourceType") == "Bundle" else None
    keys = []
    for entry in entries if isinstance(entries, list) else []:
        resource = entry.get("resource") if isinstance(entry, dict) else None
        if isinstance(resource, dict) and resource.get("id") and resource.get("resourceType") != "OperationOutcome":
            keys.append(f"{resource.get('resourceType')}/{resource['id']}")
    return keys


def next_links(exchange: Exchange) -> list[str]:
    """Absolute URLs of the `next` links of a searchset, JSON or XML; a reply that is no Bundle has none."""
    document = answer(exchange)
    if document is not None:
        found = document.get("link") if document.get("resourceType") == "Bundle" else None
        links = [link for link in found if isinstance(link, dict)] if isinstance(found, list) else []
        urls = [str(link.get("url", "")) for link in links if link.get("relation") == "next"]
    else:
        urls = _xml_links(octets(exchange))
    return [urljoin(f"{exchange.base_url}/", url) for url in urls if url]


def _xml_links(data: bytes) -> list[str]:
    if not data.lstrip().startswith(b"<") or b"<!" in data[:1000]:
        return []
    try:
        root = ElementTree.fromstring(data)
    except ElementTree.ParseError:
        return []
    found = []
    for link in root.findall(f"{_FHIR}link") if root.tag == f"{_FHIR}Bundle" else []:
        relation, url = link.find(f"{_FHIR}relation"), link.find(f"{_FHIR}url")
        if relation is not None and url is not None and relation.get("value") == "next":
            found.append(url.get("value") or "")
    return found


def url(exchange: Exchange) -> str:
    """The absolute URL that was asked for, as it came over the wire."""
    return f"{exchange.base_url}{exchange.path}" + (f"?{exchange.query}" if exchange.query else "")


def on_the_wire(link: str) -> str:
    """A URL as HTTP libraries send it: what cannot stand in a request line percent-encoded, and nothing else."""
    return "".join(
        chr(octet) if octet in _LEGAL or (octet < 128 and chr(octet).isalnum()) else f"%{octet:02X}"
        for octet in link.partition("#")[0].encode("utf-8", "surrogatepass")
    )
