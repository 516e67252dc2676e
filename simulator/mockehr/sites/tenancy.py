"""One address, many hospitals: every credential that was not seen before gets a site of its own, alike at the start.

For a long-running server that several CI jobs share: each job brings a client id of its own and finds fresh data, its
own journal and its own rules, without having asked for them. Nothing is shared between tenants.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from hashlib import blake2b
from typing import Final
from urllib.parse import parse_qs

from mockehr.auth.credential import NOBODY, Credential, credential_of
from mockehr.core.exchange import Exchange
from mockehr.sites.site import Site

TENANTS_KEPT: Final = 1000
"""More are not made: whoever comes then is answered by the lobby, which knows nobody."""


class Tenancy:
    """The sites behind one address.

    `lobby` answers whoever has no credential, or a token that nobody issued. `make` builds a site by name, equal to
    the lobby, and serves it; a client that brings its id is registered there by `make` too.
    """

    def __init__(self, lobby: Site, make: Callable[[str, Credential], Site]) -> None:
        self._lobby = lobby
        self._make = make
        self._sites: dict[str, Site] = {}
        self._of_token: dict[str, Site] = {}

    def site_for(self, exchange: Exchange) -> Site:
        """The site that the exchange's credential belongs to, made now if it was not seen before."""
        if exchange.channel == "authorize":
            credential, begun = self._browser(exchange)
            if begun is not None:
                return begun
        else:
            credential = credential_of(exchange.headers, exchange.body)
        if not credential.text:
            return self._lobby
        if credential.kind == "bearer" and not self._lobby.open_access:
            return self._of_token.get(credential.text) or self._holder(credential.text)
        key = f"{credential.kind} {credential.text}"
        found = self._sites.get(key)
        if found is None:
            if len(self._sites) >= TENANTS_KEPT:
                return self._lobby
            found = self._sites[key] = self._make(f"{self._lobby.name}-{_slug(credential)}", credential)
        return found

    def forget(self, site: Site) -> None:
        """A tenant was taken away; its credential counts as unseen again."""
        self._sites = {key: one for key, one in self._sites.items() if one is not site}
        self._of_token = {token: one for token, one in self._of_token.items() if one is not site}

    def _browser(self, exchange: Exchange) -> tuple[Credential, Site | None]:
        """Whose app a browser comes for: by `client_id`, or by the authorization that a page of ours belongs to."""
        text = exchange.body.decode("utf-8", "replace") if exchange.method == "POST" else exchange.query
        form = parse_qs(text)
        pending = form.get("pending", [""])[0]
        for site in self._sites.values() if pending else ():
            if site.auth.drawers["pending"].get(pending, site.clock.now()) is not None:
                return NOBODY, site
        client = form.get("client_id", [""])[0]
        return (Credential("client", client) if client else NOBODY), None

    def _holder(self, token: str) -> Site:
        for site in self._sites.values():
            if site.client_of(f"Bearer {token}"):
                self._of_token[token] = site
                return site
        return self._lobby


def _slug(credential: Credential) -> str:
    """Part of a site's name: a client id is told, a token is not."""
    digest = blake2b(f"{credential.kind} {credential.text}".encode(), digest_size=4).hexdigest()
    if credential.kind == "bearer":
        return digest
    word = re.sub(r"[^a-z0-9]+", "-", credential.text.lower()).strip("-")[:32]
    return f"{word}-{digest}" if word else digest
