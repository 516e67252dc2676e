"""A client of one site in memory: what it sends goes through the site's pipelines, and no socket is involved."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import orjson

from mockehr.auth.scopes import Scopes
from mockehr.auth.tokens import Grant
from mockehr.core.errors import UsageError
from mockehr.core.exchange import Exchange
from mockehr.sites.directory import channel_of
from mockehr.sites.site import Site

LIVES: Final = 86_400
"""Seconds for which the visitor's token works."""


class Visitor:
    """Sends requests as the edge would hand them in, with a token of its own for `scopes` (empty: without one).

    `root` is the address below which the site is said to be served.
    """

    def __init__(
        self, site: Site, root: str = "", *, client: str = "visitor", scopes: str = "system/*.cruds"
    ) -> None:
        self.site = site
        self.client = client
        self._sent = 0
        self.root = root or f"http://127.0.0.1:8642/{site.name}"
        self.base = self.root + site.fhir_path.rstrip("/")
        self.headers: dict[str, str] = {}
        if scopes:
            now = site.clock.now()
            grant = Grant(client, Scopes.parse(scopes), now, now + LIVES, LIVES)
            token = site.auth.tokens.issue(grant, token_url=self.root + site.token_path).token
            self.headers["authorization"] = f"Bearer {token}"

    def send(
        self, method: str, target: str, headers: Mapping[str, str] | None = None, body: bytes = b"", query: str = ""
    ) -> Exchange:
        """One request; `target` is below the FHIR base, or an address. Raises UsageError for one of somewhere else.

        A header that is empty is left out, the token's too.
        """
        url = target if "://" in target else f"{self.base}/{target.removeprefix('/')}"
        below, _, asked = url.removeprefix(self.root).partition("?")
        found = channel_of(self.site, below) if url.startswith(self.root) else None
        if found is None:
            raise UsageError(f"Nothing of the site {self.site.name} is at {url}.")
        channel, path = found
        told = {name: value for name, value in {**self.headers, **(headers or {})}.items() if value}
        turn, self._sent = self._sent, self._sent + 1  # all of it over one connection
        asked_for = Exchange(channel, method, path, query or asked, told, body, base_url=self.base, turn=turn)
        return self.site.handle(asked_for)

    def ask(self, target: str) -> tuple[int, Any]:
        """Status and JSON of a read or search below the FHIR base; None for an answer that is no JSON."""
        reply = self.send("GET", target, {"accept": "application/fhir+json, application/json"}).reply
        if reply is None:
            return 0, None
        try:
            return reply.status, orjson.loads(reply.body)
        except orjson.JSONDecodeError:
            return reply.status, None
