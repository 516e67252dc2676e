"""Compressed bodies that cannot be unpacked."""

from __future__ import annotations

import gzip
from dataclasses import dataclass
from typing import Final

from mockehr.core.exchange import Exchange
from mockehr.quirks.base import Act, one_of, quirk

DAMAGES: Final = ("checksum", "cut", "not-gzip")
_TRAILER: Final = 8
"""Octets behind the packed data: the checksum and the length of what was packed (RFC 1952 section 2.3.1)."""


@quirk("damaged-gzip", family="wire", ledger=("C5",), channels=("fhir", "files", "feed", "proprietary"))
@dataclass(frozen=True, slots=True)
class DamagedGzip:
    """To clients that take gzip the body comes so, with its right length, and cannot be unpacked whole. The `damage`:
    the `checksum` is wrong, it is `cut` in the middle, or it is `not-gzip` at all though `Content-Encoding` says so.

    Seen: No EHR's is on record. Proxies that unpack a body and leave `Content-Encoding: gzip` on it are
    (joshdick/miniProxy#12, qualixar/superlocalmemory#79), and servers that say so of a plain body
    (projectdiscovery/httpx#307). Coping: an error of unpacking is a failed read, as is JSON that ends too early; ask
    again.
    """

    damage: str = "checksum"

    def __post_init__(self) -> None:
        one_of("damage", self.damage, DAMAGES)

    def on_wire(self, exchange: Exchange, act: Act) -> None:
        """Pack the body, and spoil it."""
        reply = exchange.reply
        if reply is None or not reply.body or reply.header("Content-Encoding"):
            act.leave("no body to pack")
            return
        if "gzip" not in exchange.headers.get("accept-encoding", ""):
            act.leave("the client takes no gzip")
            return
        reply.body = _spoilt(reply.body, self.damage)
        reply.set_header("Content-Encoding", "gzip")
        act.why = self.damage


def _spoilt(body: bytes, damage: str) -> bytes:
    if damage == "not-gzip":
        return body
    packed = gzip.compress(body, compresslevel=1, mtime=0)
    if damage == "cut":
        return packed[: len(packed) // 2]
    checksum = bytes(octet ^ 0xFF for octet in packed[-_TRAILER:-4])
    return packed[:-_TRAILER] + checksum + packed[-4:]
