"""Signing webhooks: HMAC-SHA256 over timestamp and body, as most senders of webhooks do it."""

from __future__ import annotations

import hmac
from hashlib import sha256


def signature(secret: str, at: int, body: bytes) -> str:
    """`t=<seconds>,v1=<hex>`: the hex HMAC-SHA256 of `<seconds>.<body>` under `secret`."""
    digest = hmac.new(secret.encode(), str(at).encode() + b"." + body, sha256).hexdigest()
    return f"t={at},v1={digest}"


def verify(secret: str, header: str, body: bytes, *, now: int, tolerance: int = 300) -> str:
    """Why a signature header does not hold, or the empty string: for receivers, and for tests of them."""
    parts = dict(part.split("=", 1) for part in header.split(",") if "=" in part)
    at = parts.get("t", "")
    if not (at.isascii() and at.isdigit()) or "v1" not in parts:
        return "the header is not of the form t=…,v1=…"
    if not hmac.compare_digest(signature(secret, int(at), body).encode(), f"t={int(at)},v1={parts['v1']}".encode()):
        return "the signature does not fit the body"
    return "" if abs(now - int(at)) <= tolerance else f"the signature is {abs(now - int(at))} s old"
