"""Whether what arrived was signed as agreed, in every scheme in which we sign: for receivers and tests of them."""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from mockehr.core.errors import UnknownName
from mockehr.events.sign import SCHEMES, SIGNATURE, Signed, verify

MARKS: Final[Mapping[str, str]] = MappingProxyType(
    {
        SIGNATURE: "mockehr",
        "webhook-signature": "standard",
        "x-hub-signature-256": "hub-256",
        "x-hub-signature": "hub",
        "verification-token": "verification-token",
        "authorization": "bearer",
    }
)
"""The header by which a scheme is told, the most telling first."""
TOLERANCE: Final = 300
"""Seconds that a signature may be old or ahead."""


def scheme_of(headers: Mapping[str, str]) -> str:
    """In which scheme something seems to be signed; `none` if in none. Names of headers in small letters."""
    return next((scheme for header, scheme in MARKS.items() if header in headers), "none")


def fault_of(
    headers: Mapping[str, str],
    body: bytes,
    secret: str,
    *,
    scheme: str = "",
    now: float | None = None,
    tolerance: int = TOLERANCE,
) -> str:
    """Why something was not signed with `secret` in that scheme (empty: any), or the empty string.

    With `now` (seconds since 1970 by the sender's clock) one that is too old is refused, where the scheme has a time.
    Raises UnknownName for a scheme that there is none of.
    """
    if scheme and scheme not in SCHEMES:
        raise UnknownName("way to sign", scheme, SCHEMES)
    scheme = scheme or scheme_of(headers)
    if scheme == "none":
        return "it is not signed"
    if scheme == "mockehr":
        at, late = (int(now), tolerance) if now is not None else (0, 1 << 62)
        return verify(secret, headers.get(SIGNATURE, ""), body, now=at, tolerance=late)
    stamp = headers.get("webhook-timestamp", "0") if scheme == "standard" else "0"
    if not (stamp.isascii() and stamp.isdigit()):
        return f"webhook-timestamp {stamp!r} is no time"
    wanted = SCHEMES[scheme](Signed((secret,), int(stamp), headers.get("webhook-id", ""), body))
    for name, value in wanted.items():
        arrived = headers.get(name)
        if arrived is None:
            return f"there is no header {name}"
        # several signatures may stand side by side while a secret is being changed
        found = arrived.split(" ") if scheme == "standard" else [arrived]
        if not any(hmac.compare_digest(value.encode(), one.encode()) for one in found):
            return f"the header {name} does not fit the body"
    if scheme == "standard" and now is not None and abs(now - int(stamp)) > tolerance:
        return f"the signature is {abs(int(now) - int(stamp))} s old"
    return ""
