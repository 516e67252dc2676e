"""What pages of other origins may do at a site, as its vendor has it (Fetch standard, "CORS protocol")."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mockehr.core.exchange import Exchange


class Cors:
    """The setting `cors` of one personality. `told` are headers that go on every FHIR reply anyway."""

    def __init__(self, settings: Mapping[str, Any], told: Mapping[str, Any]) -> None:
        self._settings = settings
        self._told = frozenset(name.lower() for name in told)
        self._channels = frozenset(settings["channels"]) if settings["origin"] else frozenset()
        self._always = bool(settings["always"])

    def headers(self, exchange: Exchange) -> list[tuple[str, str]]:
        """The headers for one reply: none where nobody asks and the vendor does not tell."""
        origin = exchange.headers.get("origin", "")
        if not (origin or self._always) or exchange.channel not in self._channels:
            return []
        settings, reply = self._settings, exchange.reply
        if reply is not None and reply.status >= 400 and not settings["errors"]:
            return []
        found = {"Access-Control-Allow-Origin": origin if settings["origin"] == "echo" else "*"}
        if settings["origin"] == "echo":
            found["Vary"] = "Origin"
        if settings["credentials"]:
            found["Access-Control-Allow-Credentials"] = "true"
        if exchange.method == "OPTIONS" and "access-control-request-method" in exchange.headers:
            found |= self._preflight(exchange)
        elif settings["expose"]:
            found["Access-Control-Expose-Headers"] = str(settings["expose"])
        # Twice the same header is one with a list for its value, which browsers take for no permission at all.
        known = set(self._told) if exchange.channel == "fhir" else set()
        if reply is not None:
            known |= {name.lower() for name, _ in reply.headers if name.lower() != "vary"}
        return [(name, value) for name, value in found.items() if value and name.lower() not in known]

    def _preflight(self, exchange: Exchange) -> dict[str, str]:
        settings = self._settings
        wanted = exchange.headers.get("access-control-request-headers", "")
        return {
            "Access-Control-Allow-Methods": str(settings["methods"]),
            "Access-Control-Allow-Headers": wanted if settings["headers"] == "echo" else str(settings["headers"]),
            "Access-Control-Max-Age": str(settings["max_age"]),
        }
