"""Signing notifications: one function for each scheme that senders of webhooks use, and how receivers check ours."""

from __future__ import annotations

import hmac
from base64 import b64decode, b64encode
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from types import MappingProxyType
from typing import Final

SIGNATURE: Final = "x-mockehr-signature"
PREFIX: Final = "whsec_"
"""Before the secrets of Standard Webhooks."""


@dataclass(frozen=True, slots=True)
class Signed:
    """What is signed: with which secrets (the newest first; older ones while a rotation lasts), when, as which id."""

    secrets: Sequence[str]
    at: int
    """Seconds since 1970 by the site's clock."""
    id: str
    """Of the message; the same in every attempt."""
    body: bytes


Scheme = Callable[[Signed], dict[str, str]]


def signature(secret: str, at: int, body: bytes) -> str:
    """`t=<seconds>,v1=<hex>`: the hex HMAC-SHA256 of `<seconds>.<body>` under `secret`."""
    return f"t={at},v1={_hex(secret, str(at).encode() + b'.' + body)}"


def _timestamped(signed: Signed) -> dict[str, str]:
    """`x-mockehr-signature: t=…,v1=…`, with a further `v1` for each older secret."""
    message = str(signed.at).encode() + b"." + signed.body
    marks = "".join(f",v1={_hex(secret, message)}" for secret in signed.secrets)
    return {SIGNATURE: f"t={signed.at}{marks}"}


def _hub(signed: Signed) -> dict[str, str]:
    """`x-hub-signature: sha256=…` over the body alone (WebSub section 7.1; athenahealth)."""
    return {"x-hub-signature": f"sha256={_hex(signed.secrets[0], signed.body)}"}


def _hub_256(signed: Signed) -> dict[str, str]:
    """`x-hub-signature-256: sha256=…` over the body alone, as GitHub signs."""
    return {"x-hub-signature-256": f"sha256={_hex(signed.secrets[0], signed.body)}"}


def _standard(signed: Signed) -> dict[str, str]:
    """`webhook-id`, `webhook-timestamp` and `webhook-signature: v1,…` (Standard Webhooks, symmetric signatures).

    A secret `whsec_…` is the key in base64; any other text is the key itself.
    """
    message = f"{signed.id}.{signed.at}.".encode() + signed.body
    marks = [
        f"v1,{b64encode(hmac.new(_key(secret), message, sha256).digest()).decode()}" for secret in signed.secrets
    ]
    return {"webhook-id": signed.id, "webhook-timestamp": str(signed.at), "webhook-signature": " ".join(marks)}


def _healow(signed: Signed) -> dict[str, str]:
    """`x-server-signature: …`: base64 of the HMAC-SHA256 of the body, which a DELETE has empty (healow)."""
    mark = hmac.new(signed.secrets[0].encode(), signed.body, sha256).digest()
    return {"x-server-signature": b64encode(mark).decode()}


def _verification_token(signed: Signed) -> dict[str, str]:
    """`verification-token: …`: the secret itself, as Redox sends it."""
    return {"verification-token": signed.secrets[0]}


def _bearer(signed: Signed) -> dict[str, str]:
    """`authorization: Bearer …`: the secret itself."""
    return {"authorization": f"Bearer {signed.secrets[0]}"}


SCHEMES: Final[Mapping[str, Scheme]] = MappingProxyType(
    {
        "mockehr": _timestamped,
        "hub": _hub,
        "hub-256": _hub_256,
        "standard": _standard,
        "healow": _healow,
        "verification-token": _verification_token,
        "bearer": _bearer,
        "none": lambda signed: {},
    }
)
"""Name → what it adds to the headers of a notification that has a secret."""


def verify(secret: str, header: str, body: bytes, *, now: int, tolerance: int = 300) -> str:
    """Why an `x-mockehr-signature` does not hold, or the empty string: for receivers, and for tests of them."""
    pairs = [part.split("=", 1) for part in header.split(",") if "=" in part]
    at = next((value for name, value in pairs if name == "t"), "")
    marks = [value for name, value in pairs if name == "v1"]
    if not (at.isascii() and at.isdigit()) or not marks:
        return "the header is not of the form t=…,v1=…"
    wanted = signature(secret, int(at), body).rpartition("=")[2].encode()
    if not any(hmac.compare_digest(wanted, mark.encode()) for mark in marks):
        return "the signature does not fit the body"
    return "" if abs(now - int(at)) <= tolerance else f"the signature is {abs(now - int(at))} s old"


def _key(secret: str) -> bytes:
    """The octets that a secret of Standard Webhooks stands for."""
    if not secret.startswith(PREFIX):
        return secret.encode()
    try:
        return b64decode(secret.removeprefix(PREFIX), validate=True)
    except ValueError:  # whoever made it up meant the text
        return secret.encode()


def _hex(secret: str, message: bytes) -> str:
    return hmac.new(secret.encode(), message, sha256).hexdigest()
