"""Where clients of the EMA API get tokens: by their own secret, or as somebody (which is over soon).

Sources: notes.md of modmed, section EMA. That both grants are asked for at the same address is a choice.
"""

from __future__ import annotations

import hmac
from base64 import urlsafe_b64encode
from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import Any, Final
from urllib.parse import parse_qsl

from mockehr.core.exchange import JSON, Exchange, Interaction, Reply
from mockehr.core.problem import Problem
from mockehr.fhir.record import encode
from mockehr.personalities.modmed.ema.wording import refusal
from mockehr.personalities.proprietary import Records

_HEADERS: Final = (("Cache-Control", "no-store"), ("Pragma", "no-cache"))
_RENEWAL: Final = 90 * 86400.0
_DRAWER: Final = "ema refresh"


class Tokens:
    """The token endpoint of the EMA API."""

    name = "ema-tokens"
    bearer = False

    def __init__(self, prefix: str, told: Mapping[str, Any]) -> None:
        self._path = f"{prefix}/ema/ws/oauth2"
        self._seconds = int(told["token_seconds"])
        self._acl: Mapping[str, str] = told["acl"]

    @property
    def paths(self) -> Sequence[str]:
        """See Api."""
        return (self._path,)

    @property
    def routes(self) -> Sequence[tuple[str, str, str]]:
        """See Api."""
        return (("POST", f"{self._path}/grant", "token"),)

    def interaction(self, exchange: Exchange) -> Interaction:
        """See Api."""
        return Interaction("token")

    def answer(self, exchange: Exchange, records: Records) -> Reply:
        """See Api."""
        if exchange.path != f"{self._path}/grant":
            return self.refuse(refusal(404, "Not Found"))
        if exchange.method != "POST":
            return self.refuse(refusal(405, "Method Not Allowed"))
        form = dict(parse_qsl(exchange.body.decode("utf-8", "replace")))
        exchange.client = form.get("client_id", "")
        grants = {"client_credentials": _own, "password": _as_somebody, "refresh_token": _again}
        asked = grants.get(form.get("grant_type", ""))
        if asked is None:
            return _refused(400, "unsupported_grant_type")
        return asked(form, records, self._seconds, " ".join(self._acl.values()), exchange)

    def refuse(self, problem: Problem) -> Reply:
        """See Api."""
        headers = [("Retry-After", problem.retry_after)] if problem.retry_after else []
        return Reply(problem.status, headers, document={"message": problem.text}, content_type="application/json")


def _own(form: Mapping[str, str], records: Records, seconds: int, scope: str, exchange: Exchange) -> Reply:
    """A token of the site's own keys, with what Keycloak tells besides."""
    client = form.get("client_id", "")
    if not records.client(client, form.get("client_secret", "")):
        return _refused(401, "invalid_client")
    told = {
        "access_token": records.grant(client, seconds),
        "expires_in": seconds,
        "refresh_expires_in": 0,
        "token_type": "Bearer",
        "not-before-policy": 0,
        "scope": scope,
    }
    return Reply(200, list(_HEADERS), document=told, content_type="application/json")


def _as_somebody(form: Mapping[str, str], records: Records, seconds: int, scope: str, exchange: Exchange) -> Reply:
    """The old way: by a user's name and password, with a refresh token that can be used again and again."""
    client = form.get("client_id", "")
    if not records.client(client, form.get("client_secret", "")):
        return _refused(401, "invalid_client")
    if not records.user(form.get("username", ""), form.get("password", "")):
        return _refused(401, "invalid_grant")
    refresh = records.key("refresh", client, form.get("username", "")).hex()
    records.keep(_DRAWER, refresh, client, _RENEWAL)
    return _signed(client, refresh, records, seconds, scope)


def _again(form: Mapping[str, str], records: Records, seconds: int, scope: str, exchange: Exchange) -> Reply:
    refresh = form.get("refresh_token", "")
    client = records.kept(_DRAWER, refresh)
    if not client:
        return _refused(401, "invalid_grant")
    exchange.client = client
    return _signed(client, refresh, records, seconds, scope)


def _signed(client: str, refresh: str, records: Records, seconds: int, scope: str) -> Reply:
    """A token signed with a secret (HS256)."""
    now = int(records.now())
    claims = {"sub": client, "iat": now, "exp": now + seconds, "jti": records.number("ema token")}
    parts = [_part(encode({"alg": "HS256", "typ": "JWT"})), _part(encode(claims))]
    mark = hmac.new(records.key("secret"), ".".join(parts).encode(), sha256).digest()
    token = records.grant(client, seconds, ".".join([*parts, _part(mark)]))
    told: JSON = {
        "access_token": token,
        "token_type": "Bearer",
        "refresh_token": refresh,
        "expires_in": seconds,
        "scope": scope,
    }
    return Reply(200, list(_HEADERS), document=told, content_type="application/json")


def _part(octets: bytes) -> str:
    return urlsafe_b64encode(octets).rstrip(b"=").decode()


def _refused(status: int, error: str) -> Reply:
    return Reply(status, list(_HEADERS), document={"error": error}, content_type="application/json")
