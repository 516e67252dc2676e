"""Tokens and sessions of NextGen's own API. Sources: notes.md, section Native API."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import parse_qsl
from uuid import UUID

from mockehr.core.exchange import Exchange, Reply
from mockehr.personalities.nextgen.native.answers import Faulty, body_of, empty, message, told
from mockehr.personalities.proprietary import Records

SESSION: Final = "X-NG-SessionId"
_FOR_EVER: Final = 100 * 365 * 86400.0
_DENIED: Final = "Authorization has been denied for this request."
_LONGEST: Final = 256


def issue_token(exchange: Exchange, records: Records, settings: Mapping[str, Any]) -> Reply:
    """A token for a client and one site of its customer's: `grant_type`, `client_id`, `client_secret`, `site_id`."""
    form = dict(parse_qsl(exchange.body.decode("utf-8", "replace"), keep_blank_values=True))
    client = form.get("client_id", "")
    exchange.client = client
    if form.get("grant_type") != "client_credentials":
        return told({"error": "unsupported_grant_type"}, 400)
    if not records.client(client, form.get("client_secret", "")):
        return told({"error": "invalid_client"}, 400)
    site, wanted = form.get("site_id", ""), str(settings["site_id"])
    if not site or len(site) > _LONGEST or (wanted and site != wanted):
        return told({"error": "invalid_request", "error_description": "site_id is missing or unknown"}, 400)
    seconds = int(settings["expires_in"])
    token = records.key("token", client, records.number("tokens")).hex()
    records.keep("tokens", token, {"client": client, "site": site}, seconds)
    return told({"access_token": token, "token_type": "bearer", "expires_in": seconds})


def bearer(exchange: Exchange, records: Records) -> str:
    """The client whose token a request carries; raises Faulty."""
    kind, _, token = exchange.headers.get("authorization", "").partition(" ")
    known = records.kept("tokens", token.strip()) if kind.lower() == "bearer" else None
    if known is None:
        raise Faulty(message(401, _DENIED))
    client = str(known["client"])
    exchange.client = client
    return client


def set_login_defaults(exchange: Exchange, records: Records, settings: Mapping[str, Any]) -> Reply:
    """Choose practice and enterprise: the session's id comes in a header, and nothing in the body."""
    client = bearer(exchange, records)
    body = body_of(exchange)
    for name, setting in (("practiceId", "practice_id"), ("enterpriseId", "enterprise_id")):
        value, wanted = body.get(name), str(settings[setting])
        if not isinstance(value, str) or not 0 < len(value) <= _LONGEST or (wanted and value != wanted):
            return message(400, f"{name} is missing or not valid.")
    octets = records.key("session", client, records.number("sessions"))
    session = str(UUID(bytes=octets[:16], version=4))
    records.keep("sessions", session, client, _FOR_EVER)
    reply = empty()
    reply.headers.append((SESSION, session))
    return reply


def in_session(exchange: Exchange, records: Records) -> str:
    """The client of a request with a token and a session of its own; raises Faulty."""
    client = bearer(exchange, records)
    if records.kept("sessions", exchange.headers.get(SESSION.lower(), "")) != client:
        raise Faulty(message(400, f"The {SESSION} header is missing or not valid."))
    return client
