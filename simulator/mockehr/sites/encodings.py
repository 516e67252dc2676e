"""What content codings a client takes (RFC 9110 section 12.5.3)."""

from __future__ import annotations

from functools import lru_cache


@lru_cache(maxsize=256)
def takes_gzip(accept_encoding: str) -> bool:
    """Whether a client with that `Accept-Encoding` takes gzip: named, or by `*`, and not with quality 0."""
    qualities: dict[str, float] = {}
    for part in accept_encoding.lower().split(","):
        name, _, parameter = part.partition(";")
        quality = parameter.replace(" ", "").removeprefix("q=")
        try:
            qualities[name.strip()] = float(quality or "1")
        except ValueError:
            qualities[name.strip()] = 1.0
    found = (qualities[name] for name in ("gzip", "x-gzip", "*") if name in qualities)
    return next(found, 0.0) > 0
