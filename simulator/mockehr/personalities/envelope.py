"""The searchset Bundle as bytes: resources that are bytes already are joined, never read again."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final
from urllib.parse import quote

import orjson

from mockehr.core.exchange import JSON
from mockehr.core.page import PageEntry, SearchPage
from mockehr.fhir.lossless import encode

_PLAIN: Final = re.compile(r"[A-Za-z0-9.-]+")


@dataclass(frozen=True, slots=True)
class Layout:
    """How a vendor lays a Bundle out. `keys` and `entry` give the order; what is not named is left out."""

    keys: tuple[str, ...]
    entry: tuple[str, ...]
    links: tuple[str, ...]
    timed: bool
    """Whether it tells when it was made, in `timestamp` or `meta.lastUpdated`."""
    empty_entry: bool
    """Write `entry: []` for an empty page."""
    before: str
    """What stands before an entry's resource: `%s` for its URL, `%m` for the search mode."""
    after: str
    """What comes after it."""

    @classmethod
    def of(cls, settings: Mapping[str, Any]) -> Layout:
        """From the section `bundle` of `personality.yaml`."""
        entry = tuple(settings["entry"])
        before, _, after = ("{" + ",".join(_ENTRY[key] for key in entry) + "}").partition("%r")
        links = tuple(settings["links"])
        keys = tuple(settings["keys"])
        timed = "timestamp" in keys or "meta" in keys
        return cls(keys, entry, links, timed, bool(settings["empty_entry"]), before, after)


_ENTRY: Final = MappingProxyType(
    {
        "link": '"link":[{"relation":"self","url":"%s"}]',
        "fullUrl": '"fullUrl":"%s"',
        "search": '"search":{"mode":"%m"}',
        "resource": '"resource":%r',
    }
)
_MODES: Final = ("match", "include", "outcome")


def to_bytes(document: object) -> bytes:
    """Compact JSON; lone surrogates become the octets that they stand for, or escapes."""
    try:
        return orjson.dumps(document)
    except (TypeError, orjson.JSONEncodeError):
        return encode(document)


def bundle_bytes(
    page: SearchPage,
    layout: Layout,
    *,
    base_url: str,
    bundle_id: str,
    at: str = "",
    total: int | None,
    links: Mapping[str, str],
    outcome: JSON | None,
    outcome_url: str,
) -> bytes:
    """The Bundle.

    `links` are the URLs by relation, `at` is when it was made (for layouts that tell it), `outcome` is an
    OperationOutcome that goes last, or None.
    """
    base = to_bytes(base_url).decode()[1:-1]
    pieces = _entries(layout, base, page)
    if outcome is not None:
        pieces += (b"," if pieces else b"", _outcome_bytes(layout, outcome, outcome_url))
    parts: dict[str, Sequence[bytes]] = {
        "resourceType": (b'"Bundle"',),
        "id": (to_bytes(bundle_id),),
        "type": (b'"searchset"',),
        "link": (_links(layout.links, links),),
    }
    if at:
        parts["timestamp"] = (to_bytes(at),)
        parts["meta"] = (to_bytes({"lastUpdated": at}),)
    if total is not None:
        parts["total"] = (b"%d" % total,)
    if pieces or layout.empty_entry:
        parts["entry"] = (b"[", *pieces, b"]")
    whole: list[bytes] = []
    for key in layout.keys:
        if key in parts:
            whole.append(b'%s"%s":' % (b"," if whole else b"{", key.encode()))
            whole += parts[key]
    return b"".join([*whole, b"}"])


def _entries(layout: Layout, base_url: str, page: SearchPage) -> list[bytes]:
    """The entries in pieces; in one, if they were joined before and are the same still."""
    joined = page.joined
    if joined is None or joined.entries is not page.entries:
        return entry_pieces(layout, base_url, page.entries)
    if not joined.octets:
        joined.octets = b"".join(entry_pieces(layout, base_url, page.entries))
    return [joined.octets] if joined.octets else []


def entry_pieces(layout: Layout, base_url: str, entries: Iterable[PageEntry]) -> list[bytes]:
    """The entries in the vendor's order of keys, in pieces to be joined; `base_url` is escaped for JSON already.

    Hot path: pages have hundreds of entries, and what is around a resource is all that costs.
    """
    plain, urls, after = _PLAIN.fullmatch, layout.before.count("%s"), layout.after.count("%s")
    heads = {mode: layout.before.replace("%m", mode) for mode in _MODES}
    tails = {mode: layout.after.replace("%m", mode) for mode in _MODES}
    octets = {mode: tail.encode() for mode, tail in tails.items()}
    pieces: list[bytes] = []
    comma = ""
    for kind, id, resource, mode in entries:
        url = f"{base_url}/{kind}/{id if plain(id) else quote(id, safe='#')}"
        head = comma + heads[mode] % ((url,) * urls)
        tail = (tails[mode] % ((url,) * after)).encode() if after else octets[mode]
        pieces += (head.encode(), resource if type(resource) is bytes else to_bytes(resource), tail)
        comma = ","
    return pieces


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
