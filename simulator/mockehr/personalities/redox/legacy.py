"""Tokens for an API key and its secret, as the Data Model API had them first (`/auth/authenticate`)."""

from __future__ import annotations

from typing import Any, Final

import orjson

from mockehr.core.clock import instant
from mockehr.core.exchange import Exchange, Interaction, Reply
from mockehr.core.problem import Problem
from mockehr.personalities.proprietary import Records

AUTHENTICATE: Final = "/auth/authenticate"
REFRESH: Final = "/auth/refreshToken"
REFRESHED_FOR: Final = 30 * 86400.0
"""How long a refresh token is good; not documented."""


class LegacyKeys:
    """A registered client's id is the API key."""

    name = "redox-legacy-auth"
    paths = (AUTHENTICATE, REFRESH)
    routes = (("POST", AUTHENTICATE, "authenticate"), ("POST", REFRESH, "refresh"))
    bearer = False

    def __init__(self, lifetime: int) -> None:
        self._lifetime = lifetime

    def interaction(self, exchange: Exchange) -> Interaction:
        """`authenticate` or `refresh`."""
        return Interaction("authenticate" if exchange.path == AUTHENTICATE else "refresh")

    def answer(self, exchange: Exchange, records: Records) -> Reply:
        """A token, or 401 with a page that says nothing."""
        if exchange.method != "POST":
            return self.refuse(Problem(404, "not-found", "Not Found"))
        told = _object(exchange.body)
        key = str(told.get("apiKey", ""))
        if exchange.path == AUTHENTICATE:
            good = records.client(key, str(told.get("secret", "")))
        else:
            good = bool(key) and records.kept("redox", str(told.get("refreshToken", ""))) == key
        if not good:
            return self.refuse(Problem(401, "token-invalid", "Invalid request"))
        exchange.client = key
        renewal = records.key("refresh", key, str(records.number("redox"))).hex()[:32]
        records.keep("redox", renewal, key, REFRESHED_FOR)
        return Reply(
            200,
            [("Cache-Control", "private, no-cache, no-store, must-revalidate")],
            document={
                "accessToken": records.grant(key, self._lifetime),
                "expires": instant(records.now() + self._lifetime, millis=True),
                "refreshToken": renewal,
            },
            content_type="application/json; charset=utf-8",
        )

    def refuse(self, problem: Problem) -> Reply:
        """A word or two as a page."""
        return Reply(problem.status, body=problem.text.encode(), content_type="text/html; charset=utf-8")


def _object(body: bytes) -> dict[str, Any]:
    try:
        found = orjson.loads(body)
    except orjson.JSONDecodeError:
        return {}
    return found if isinstance(found, dict) else {}
