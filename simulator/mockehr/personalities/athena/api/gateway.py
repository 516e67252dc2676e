"""The gateway in front of everything: what is routed nowhere gets a bare sentence that calls itself JSON."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from mockehr.core.exchange import Exchange, Interaction, Reply
from mockehr.core.problem import Problem
from mockehr.personalities.proprietary import Records

UNROUTED: Final = b"Service not registered with API gateway."
_PATHS: Final = ("/v1", "/openapi.json", "/swagger.json", "/api-docs")


def unrouted() -> Reply:
    """404, in words."""
    return Reply(404, [], UNROUTED, None, "application/json; charset=utf-8")


class Gateway:
    """What lies below no API: other practices' addresses, and those that people guess."""

    name = "athena-gateway"
    paths: Sequence[str] = _PATHS
    routes: Sequence[tuple[str, str, str]] = ()
    bearer = False

    def interaction(self, exchange: Exchange) -> Interaction:
        """`unrouted`."""
        return Interaction("unrouted")

    def answer(self, exchange: Exchange, records: Records) -> Reply:
        """404."""
        return unrouted()

    def refuse(self, problem: Problem) -> Reply:
        """404, too."""
        return unrouted()
