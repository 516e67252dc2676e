"""What the fixture `mockehr_mllp` gives: MLLP listeners of a test's sites, in the session server's loop."""

from __future__ import annotations

from mockehr.edge.mllp import MllpServer
from mockehr.edge.mllp_site import listen_for
from mockehr.testing.server import WorldServer
from mockehr.testing.site import TestSite


class Listeners:
    """One listener for each site that was asked for."""

    def __init__(self, server: WorldServer) -> None:
        self._server = server
        self._open: dict[str, MllpServer] = {}

    def __call__(self, site: TestSite) -> tuple[str, int]:
        """Where the site takes HL7 v2 messages: host and port. Asking again gives the same."""
        found = self._open.get(site.name)
        return (found.host, found.port) if found is not None else self.open(site)

    def open(self, site: TestSite, *, port: int = 0) -> tuple[str, int]:
        """Listen on a port of one's own choice; raises EnvironmentProblem if it is taken."""
        listener = listen_for(site.site, port=port)
        self._server.threaded.run(listener.start())
        self._open[site.name] = listener
        return listener.host, listener.port

    def close(self) -> None:
        """Stop listening and cut the connections."""
        for listener in self._open.values():
            self._server.end(listener.stop)
        self._open.clear()
