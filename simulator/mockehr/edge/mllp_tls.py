"""The TLS of a server's HL7 connections: contexts from a site's files, or from a test authority made on demand."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import TYPE_CHECKING

from mockehr.core.errors import EnvironmentProblem
from mockehr.sites.feeds import Tls

if TYPE_CHECKING:
    from mockehr.edge.certificates import Authority


class Contexts:
    """Makes TLS contexts. The test authority is the same in every run, its files are temporary (`close`)."""

    def __init__(self) -> None:
        self._authority: Authority | None = None

    @property
    def ca_file(self) -> Path | None:
        """The test authority's certificate, for clients who are to trust it; None while nobody needed it."""
        return self._authority.ca_file if self._authority is not None else None

    def server(self, tls: Tls | None) -> ssl.SSLContext | None:
        """For who is dialled; None for plain TCP. Raises EnvironmentProblem for files that do not do."""
        from mockehr.edge.certificates import Identity, server_context

        if tls is None:
            return None
        clients = Path(tls.ca) if tls.ca else None
        if not tls.certificate:
            return server_context(self._made().server(), clients=clients)
        try:
            return server_context(Identity(Path(tls.certificate), Path(tls.key)), clients=clients)
        except OSError as error:
            raise _unusable(tls.certificate, error) from error

    def client(self, tls: Tls | None) -> ssl.SSLContext | None:
        """For who dials; trusts the test authority where no other is named. Raises EnvironmentProblem."""
        from mockehr.edge.certificates import Identity, client_context

        if tls is None:
            return None
        ca = Path(tls.ca) if tls.ca else self._made().ca_file
        identity = Identity(Path(tls.certificate), Path(tls.key)) if tls.certificate else None
        try:
            return client_context(ca, identity, check_names=tls.check_names)
        except OSError as error:
            raise _unusable(tls.certificate or tls.ca, error) from error

    def close(self) -> None:
        """Remove the test authority's files."""
        if self._authority is not None:
            self._authority.close()
            self._authority = None

    def _made(self) -> Authority:
        from mockehr.edge.certificates import Authority

        if self._authority is None:
            self._authority = Authority()
        return self._authority


def _unusable(file: str, error: Exception) -> EnvironmentProblem:
    return EnvironmentProblem(f"{file} cannot be used for TLS: {error}.", remedy="Give certificate and key as PEM.")
