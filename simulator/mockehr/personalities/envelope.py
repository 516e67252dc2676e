"""The searchset Bundle as bytes: resources that are bytes already are joined, never read again."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote

import orjson

from mockehr.core.exchange import JSON
from mockehr.core.page import SearchPage

_PLAIN: Final = re.compile(r"[A-Za-z0-9.-]+")


@dataclass(frozen=True, slots=True)
class Layout:
    """How a vendor lays a Bundle out. `keys` and `entry` give the order; what is not named is left out."""

    keys: tuple[str, ...]
    entry: tuple[str, ...]
    links: tuple[str, ...]
    empty_entry: bool
    """Write `entry: []` for an empty page."""

    @classmethod
    def of(cls, settings: Mapping[str, Any]) -> Layout:
        """From the section `bundle` of `personality.yaml`."""
        return cls(
            tuple(settings["keys"]), tuple(settings["entry"]), tuple(settings["links"]), bool(settings["empty_entry"])
        )


def to_bytes(document: object) -> bytes:
    """Compact JSON; lone surrogates become the octets that they stand for."""
    try:
        return orjson.dumps(document)
    except (TypeError, orjson.JSONEncodeError):
        text = json.dumps(document, ensure_ascii=False, separators=(",", ":"))
        return text.encode("utf-8", "surrogateescape")


def bundle_bytes(
    page: SearchPage,
    layout: Layout,
    *,
    base_url: str,
    bundle_id: str,
    total: int | None,
    links: Mapping[str, str],
    outcome: JSON | None,
    outcome_url: str,
) -> bytes:
    """The Bundle. `links` are the URLs by relation; `outcome` is an OperationOutcome that goes last, or None."""
    base = to_bytes(base_url).decode()[1:-1]
    entries = [entry_bytes(layout, base, *entry) for entry in page.entries]
    if outcome is not None:
        entries.append(_outcome_bytes(layout, outcome, outcome_url))
    parts: dict[str, bytes] = {
        "resourceType": b'"Bundle"',
        "id": to_bytes(bundle_id),
        "type": b'"searchset"',
        "link": _links(layout.links, links),
    }
    if total is not None:
        parts["total"] = b"%d" % total
    if entries or layout.empty_entry:
        parts["entry"] = b"[" + b",".join(entries) + b"]"
    return _object([(key, parts[key]) for key in layout.keys if key in parts])


def entry_bytes(layout: Layout, base_url: str, kind: str, id: str, resource: bytes | JSON, mode: str) -> bytes:
    """One entry in the vendor's order of keys; `base_url` is escaped for JSON already."""
    plain = id if _PLAIN.fullmatch(id) else quote(id, safe="#")
    url = f'"{base_url}/{kind}/{plain}"'.encode()
    body = resource if isinstance(resource, (bytes, bytearray)) else to_bytes(resource)
    parts = {
        "link": b'[{"relation":"self","url":' + url + b"}]",
        "fullUrl": url,
        "resource": bytes(body),
        "search": b'{"mode":"' + mode.encode() + b'"}',
    }
    return _object([(key, parts[key]) for key in layout.entry])


def _outcome_bytes(layout: Layout, outcome: JSON, url: str) -> bytes:
    parts = {"fullUrl": to_bytes(url), "resource": to_bytes(outcome), "search": b'{"mode":"outcome"}'}
    return _object([(key, parts[key]) for key in layout.entry if key in parts])


def _links(order: Sequence[str], links: Mapping[str, str]) -> bytes:
    found = [(name, links[name]) for name in order if links.get(name)]
    return to_bytes([{"relation": name, "url": url} for name, url in found])


def _object(pairs: Sequence[tuple[str, bytes]]) -> bytes:
    return b"{" + b",".join(b'"' + key.encode() + b'":' + value for key, value in pairs) + b"}"


def read(body: bytes) -> JSON:
    """The Bundle as a dict again."""
    try:
        document: JSON = orjson.loads(body)
    except orjson.JSONDecodeError:
        document = json.loads(body.decode("utf-8", "surrogateescape"))
    return document
