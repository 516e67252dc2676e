"""gzip on the wire (RFC 9110 section 8.4): long replies for clients that take it, and bodies that come so.

The journal keeps what was said, so bodies there are not compressed. What quirks do to a reply's content they do
before; what effects do to its octets (cut, drip, reset midway) is done to the compressed ones: a cut is made at the
same share of them.
"""

from __future__ import annotations

import zlib
from functools import lru_cache
from typing import Final

from mockehr.core.exchange import Exchange
from mockehr.core.problem import Problem
from mockehr.sites.encodings import takes_gzip
from mockehr.sites.site import Site

Pairs = tuple[tuple[str, str], ...]

SHORTEST: Final = 1024
"""Octets of a body; shorter ones go out as they are."""
LEVEL: Final = 1
"""Of compression: FHIR shrinks tenfold at once, and higher levels cost three times as much for little."""
KEPT_UP_TO: Final = 16 << 10
"""Octets of a body whose compressed form is kept for the next client: single resources, read again and again."""
_GZIP: Final = 31
"""zlib's word for a window of 32 KiB with the header and trailer of gzip; its time stamp is 0, so output repeats."""
_NONE: Final[Pairs] = ()
_VARY: Final[Pairs] = (("Vary", "Accept-Encoding"),)
_CODED: Final[Pairs] = (("Content-Encoding", "gzip"), ("Vary", "Accept-Encoding"))


def coded(site: Site, exchange: Exchange) -> tuple[bytes, Pairs]:
    """The octets of the exchange's reply as they go over the wire, and the headers that say so."""
    reply = exchange.reply
    assert reply is not None
    body = reply.body
    if len(body) <= SHORTEST or not site.media.compresses or reply.status == 206:  # a range of what is not coded
        return body, _NONE
    if not takes_gzip(exchange.headers.get("accept-encoding", "")):
        return body, _VARY
    if reply.header("Content-Encoding"):  # coded already
        return body, _NONE
    return (_kept(body) if len(body) <= KEPT_UP_TO else compressed(body)), _CODED


def compressed(body: bytes) -> bytes:
    """The body in gzip; the same octets every time."""
    machine = zlib.compressobj(LEVEL, zlib.DEFLATED, _GZIP)
    return machine.compress(body) + machine.flush()


_kept: Final = lru_cache(maxsize=256)(compressed)


def decoded(body: bytes, coding: str, limit: int) -> bytes | Problem:
    """A request's body without its `Content-Encoding`, of which gzip is known.

    A Problem: 413 for more than `limit` octets (never unpacked beyond), 400 for no gzip, 415 for another coding.
    """
    name = coding.strip().lower()
    if name in ("", "identity"):
        return body
    if name not in ("gzip", "x-gzip"):
        return Problem(415, "media-unsupported", f"the content coding {name} is not supported; send gzip", value=name)
    parts, size, rest = [], 0, body
    try:
        while rest:
            machine = zlib.decompressobj(_GZIP)
            parts.append(machine.decompress(rest, limit - size + 1))
            size += len(parts[-1])
            if size > limit:
                return Problem(413, "body-invalid", f"unpacked, the body has more than {limit} octets")
            if not machine.eof:
                return Problem(400, "body-invalid", "the body ends before its gzip does")
            rest = machine.unused_data
    except zlib.error:
        return Problem(400, "body-invalid", "the body says that it is gzip, and is not")
    return b"".join(parts)
