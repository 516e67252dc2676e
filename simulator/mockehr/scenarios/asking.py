"""What probes read from token requests and their answers: who signed, what was given, what was held against it."""

from __future__ import annotations

import base64
import binascii
import json
from typing import Any, Final
from urllib.parse import parse_qsl

from mockehr.auth.assertion import Assertion, read_assertion
from mockehr.auth.refusal import Refused
from mockehr.auth.scopes import Scopes
from mockehr.core.exchange import Exchange
from mockehr.scenarios.reading import answer, heard, status

NO_TOKEN: Final = frozenset({"", "none", "null", "undefined", "nan"})
"""What programs write where a token should be and none is, in lower case."""
UNTOLD: Final = 300.0
"""Seconds for which a token counts as good whose response does not say."""
OF_AN_ASSERTION: Final = frozenset(
    {
        "assertion-malformed",
        "algorithm-refused",
        "typ-wrong",
        "kid-missing",
        "jku-mismatch",
        "key-unfit",
        "signature-wrong",
        "issuer-missing",
        "subject-mismatch",
        "audience-missing",
        "audience-wrong",
        "exp-missing",
        "time-malformed",
        "expired",
        "exp-too-far",
        "lifetime-too-long",
        "not-yet-valid",
        "issued-in-future",
        "jti-missing",
        "jti-too-long",
        "jti-replayed",
    }
)
"""Reasons (`mockehr.auth.refusal`) that lie in how an assertion was written."""


def form(exchange: Exchange) -> dict[str, str]:
    """The parameters of a request of the authorization server: its form if it was posted, else its query.

    Of repeated ones the last.
    """
    text = exchange.body.decode("utf-8", "replace") if exchange.body else exchange.query
    return dict(parse_qsl(text, keep_blank_values=True))


def scopes_asked(exchange: Exchange) -> str:
    """The scopes that a token request, or the beginning of an authorization, asks for, as they are written."""
    asked = exchange.interaction
    if exchange.channel == "authorize" and (asked is None or asked.name != "authorize"):
        return ""  # the forms of its pages say which scopes the user gives
    return form(exchange).get("scope", "")


def assertion(exchange: Exchange) -> Assertion | None:
    """The client assertion of a token request, unverified; None if it has none that can be read."""
    try:
        return read_assertion(form(exchange)["client_assertion"])
    except (KeyError, Refused):
        return None


def reason(exchange: Exchange) -> str:
    """Why the authorization server refused, by a key of `mockehr.auth.refusal.REASONS`; empty if it did not."""
    return str(exchange.notes.get("refused", ""))


def token_given(exchange: Exchange) -> str:
    """The access token that the client could read from the answer; empty if it got none."""
    document = answer(exchange) if status(exchange) == 200 and heard(exchange) else None
    token = (document or {}).get("access_token")
    return token if isinstance(token, str) else ""


def ends(grant: Exchange) -> float:
    """When the client has to think that the token it was given ends, in site seconds."""
    told = (answer(grant) or {}).get("expires_in")
    return grant.at + (float(told) if isinstance(told, int | float) else UNTOLD)


def scopes_given(exchange: Exchange) -> Scopes | None:
    """The scopes that a token really has, in whatever words they were told; None if no token was given."""
    if not token_given(exchange):
        return None
    told = (answer(exchange) or {}).get("scope", scopes_asked(exchange))
    return Scopes.parse(str(exchange.notes.get("granted", told)))


def key_id(jwt: str) -> str:
    """The `kid` of a JWT in compact form; empty if that is none, or names no key."""
    head, *rest = jwt.split(".")
    if len(rest) != 2:
        return ""
    try:
        header: Any = json.loads(base64.urlsafe_b64decode(head + "=" * (-len(head) % 4)))
    except (ValueError, binascii.Error):
        return ""
    return str(header.get("kid", "")) if isinstance(header, dict) else ""
