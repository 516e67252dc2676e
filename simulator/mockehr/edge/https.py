"""HTTPS: certificates of a test authority for every port, and what rules show in the place of the good one."""

from __future__ import annotations

import ssl
from functools import partial
from pathlib import Path
from typing import Any, Final

from mockehr.core.exchange import Exchange, Interaction
from mockehr.edge.certificates import NAMES, Authority, Kind, server_context
from mockehr.sites.directory import Directory
from mockehr.sites.site import Site

HANDSHAKE: Final = "handshake"
"""Interaction of the entries that tell of a TLS handshake with which a rule had to do."""
_WRONG: Final[tuple[Kind, ...]] = ("expired", "early", "wrong-name", "self-signed")


class Https:
    """Makes the TLS contexts of a server. The test authority is the same in every run, its files are temporary."""

    def __init__(self, directory: Directory, host: str) -> None:
        self._directory = directory
        self._authority = Authority()
        names = (*NAMES, *(name for name in (host,) if name not in NAMES))
        self._good = self._authority.server(names=names)
        self._wrong = {kind: server_context(self._authority.server(kind)) for kind in _WRONG}

    @property
    def ca_file(self) -> Path:
        """The authority's certificate, for clients who are to trust it."""
        return self._authority.ca_file

    def context(self, site: Site | None = None) -> ssl.SSLContext:
        """For a listening socket: that of a site's own port, or the one that all sites share."""
        made = server_context(self._good)
        made.sni_callback = partial(self._greet, site)
        return made

    def shown(self, transport: Any) -> str:
        """What was wrong with the certificate of a connection; empty for a good one."""
        spoken = transport.get_extra_info("ssl_object")
        return next((kind for kind, made in self._wrong.items() if spoken is not None and spoken.context is made), "")

    def close(self) -> None:
        """Remove the authority's files."""
        self._authority.close()

    def _greet(self, site: Site | None, spoken: Any, name: str | None, context: ssl.SSLContext) -> int | None:
        """Called in each handshake, with or without a name; an alert's number ends it."""
        sharing = [one for one in self._directory if self._directory.own_port(one) is None]
        for one in sharing if site is None else [site]:
            wrong = _decided(one)
            if wrong in self._wrong:
                spoken.context = self._wrong[wrong]
                return None
            if wrong:  # an old protocol: a server that has no newer one refuses with this very alert
                return int(ssl.AlertDescription.ALERT_DESCRIPTION_PROTOCOL_VERSION)
        return None


def _decided(site: Site) -> str:
    """What the rules of a site want to be shown; empty for the good certificate."""
    if not site.mischief.armed("discovery", "on_handshake"):
        return ""
    exchange = Exchange("discovery", "", interaction=Interaction(HANDSHAKE))
    site.journal.open(exchange)
    site.mischief.disturb("on_handshake", exchange)
    site.journal.close(exchange)
    return exchange.effects.certificate if exchange.effects is not None else ""
