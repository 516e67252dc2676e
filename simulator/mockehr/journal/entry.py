"""What the journal keeps of one exchange, in a form that is the same for equal runs.

The journal keeps the exchange itself (nothing is copied on the hot path); `entry` describes it when somebody asks.
Secrets never leave: tokens, codes, launches, cookies, client secrets and assertions are shown as a short digest, or
not at all.
"""

from __future__ import annotations

import re
from dataclasses import asdict
from hashlib import blake2b
from typing import Any, Final
from urllib.parse import parse_qsl, urlencode

import orjson

from mockehr.core.clock import instant
from mockehr.core.exchange import JSON, Exchange, Reply
from mockehr.journal.masking import masked_form, masked_text

SECRET_FIELDS = frozenset(
    {
        "access_token",
        "assertion",
        "client_assertion",
        "client_secret",
        "code",
        "code_verifier",
        "id_token",
        "id_token_hint",
        "launch",
        "password",
        "refresh_token",
        "token",
        "verification-token",
        "X-Amz-Signature",
    }
)
"""Parameters of forms and addresses, on the channels where secrets travel in them."""
SECRET_HEADERS = frozenset(
    {
        "apikey",
        "authorization",
        "cookie",
        "proxy-authorization",
        "verification-token",
        "x-amz-security-token",
        "x-api-key",
        "x-hub-secret",
        "x-hub-signature",
        "x-ng-sessionid",
    }
)
_UNSTABLE_HEADERS = frozenset({"host", "user-agent", "connection", "accept-encoding", "date", "content-length"})
_SECRET_REPLIES = frozenset({"location", "set-cookie", "x-ng-sessionid"})
_AUTHORIZATION = frozenset({"authorize", "launch", "oauth", "token"})
_SECRETS_IN_QUERY: Final = _AUTHORIZATION | {"files", "webhook"}
_TOLD_HEADER = re.compile(rf"(\b(?:{'|'.join(sorted(SECRET_HEADERS))})\s*:\s*)([^\"\\<]+)", re.IGNORECASE)
"""A header that a Subscription wants to be sent along, as its JSON or XML has it."""
_TOLD_TOKEN = re.compile(r'("verification-token"\s*:\s*")([^"]+)')
_BODY_SHOWN = 2000


def digest(data: bytes | str) -> str:
    """Twelve hexadecimal digits that stand for `data`; equal data give equal digests."""
    raw = data if isinstance(data, bytes) else data.encode("utf-8", "surrogateescape")
    return blake2b(raw, digest_size=6).hexdigest()


def entry(exchange: Exchange) -> JSON:
    """One exchange as a JSON object; equal for equal runs (no wall time, no ports, no client-made randomness)."""
    asked = exchange.interaction
    shown: JSON = {
        "entry": exchange.number,
        "at": instant(exchange.at, millis=True),
        "channel": exchange.channel,
        "direction": exchange.direction,
        "client": exchange.client,
        "method": exchange.method,
        "path": exchange.path,
        "query": shown_query(exchange),
        "headers": _request_headers(exchange.headers),
        "body": _body(exchange),
    }
    if asked is not None:
        shown["interaction"] = {key: value for key, value in asdict(asked).items() if value}
    if exchange.problem is not None:
        shown["problem"] = {"kind": exchange.problem.kind, "text": exchange.problem.text}
    if exchange.reply is not None:
        shown["reply"] = _reply(exchange.reply) | _released(exchange)
    shown["decisions"] = [asdict(decision) for decision in exchange.decisions]
    if exchange.effects is not None:
        shown["effects"] = {k: v for k, v in asdict(exchange.effects).items() if v and not isinstance(v, bytes)}
    for name in ("patient", "changes", "returned", "notes"):
        value = getattr(exchange, name)
        if name == "notes":
            value = {key: note for key, note in value.items() if key != "sent"}
        if value:
            shown[name] = value
    return shown


def line(exchange: Exchange) -> bytes:
    """The entry as one line of NDJSON, keys sorted, without the line end."""
    return orjson.dumps(encodable(entry(exchange)), option=orjson.OPT_SORT_KEYS)


def _request_headers(headers: dict[str, str]) -> JSON:
    return {
        name: f"<{digest(value)}>" if name in SECRET_HEADERS else value
        for name, value in sorted(headers.items())
        if name not in _UNSTABLE_HEADERS
    }


def shown_query(exchange: Exchange) -> str:
    """The query as the journal shows it: with a digest for each secret, where secrets travel in queries."""
    if exchange.channel == "proprietary":
        return masked_form(exchange.query)
    return told_query(exchange.query) if exchange.channel in _SECRETS_IN_QUERY else exchange.query


def told_query(query: str) -> str:
    """A query or form with a digest in the place of each secret."""
    if not any(f"{name}=" in query for name in SECRET_FIELDS):
        return query
    pairs = parse_qsl(query, keep_blank_values=True)
    return urlencode([(k, f"<{digest(v)}>" if v and k in SECRET_FIELDS else v) for k, v in pairs], safe="<>/:")


def told_url(url: str) -> str:
    """A URL with a digest in the place of each secret in its query."""
    address, mark, query = url.partition("?")
    return f"{address}{mark}{told_query(query)}"


def _body(exchange: Exchange) -> str:
    body = exchange.body
    if not body:
        return ""
    if exchange.channel in _AUTHORIZATION and "json" not in exchange.headers.get("content-type", ""):
        pairs = parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True)
        return urlencode([(k, "<redacted>" if k in SECRET_FIELDS else v) for k, v in pairs])
    text = body[:_BODY_SHOWN].decode("utf-8", "replace")
    if exchange.channel == "webhook":
        text = _TOLD_TOKEN.sub(_hidden, text)
    elif exchange.channel == "proprietary":
        text = masked_text(text)
    elif exchange.channel == "fhir" and "Subscription" in text:
        text = _TOLD_HEADER.sub(_hidden, text)
    return text if len(body) <= _BODY_SHOWN else f"{text}… ({len(body)} octets, {digest(body)})"


def _hidden(found: re.Match[str]) -> str:
    """What stands before a secret, and its digest."""
    return f"{found[1]}<{digest(found[2])}>"


def _reply(reply: Reply) -> JSON:
    return {
        "status": reply.status,
        "headers": [[name, _told(name.lower(), value)] for name, value in reply.headers if name.lower() != "date"],
        "octets": len(reply.body),
        "digest": digest(reply.body),
    }


def _released(exchange: Exchange) -> JSON:
    """What was noted of octets that the journal let go of (`Journal.release`)."""
    sent = exchange.notes.get("sent")
    return {"octets": sent[0], "digest": sent[1]} if sent else {}


def _told(name: str, value: str) -> str:
    """The value of a reply's header."""
    if name not in _SECRET_REPLIES:
        return value
    if name == "location":
        return told_url(value)
    if name != "set-cookie":
        return f"<{digest(value)}>"
    cookie, _, attributes = value.partition(";")
    cookie, _, content = cookie.partition("=")
    return f"{cookie}=<{digest(content)}>;{attributes}"


def encodable(value: Any) -> Any:
    """`value` as JSON text can carry it: lone surrogates (bytes that were no UTF-8) are shown as escapes."""
    if isinstance(value, str):
        try:
            value.encode("utf-8")
        except UnicodeEncodeError:
            return value.encode("utf-8", "backslashreplace").decode()
        return value
    if isinstance(value, dict):
        return {encodable(key): encodable(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [encodable(item) for item in value]
    return value
