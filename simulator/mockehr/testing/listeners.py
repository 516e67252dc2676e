"""What the fixture `mockehr_mllp` gives: MLLP listeners of a test's sites, in the session server's loop."""

from __future__ import annotations

from dataclasses import replace

from mockehr.edge.mllp import MllpCaller, MllpServer
from mockehr.edge.mllp_site import opened
from mockehr.edge.mllp_tls import Contexts
from mockehr.sites.listeners import Listener
from mockehr.testing.server import WorldServer
from mockehr.testing.site import TestSite

Wire = MllpServer | MllpCaller


class Listeners:
    """The listeners of those sites that were asked for."""

    def __init__(self, server: WorldServer) -> None:
        self._server = server
        self._open: dict[str, Wire] = {}
        self._wires: list[tuple[TestSite, Wire]] = []
        self._contexts = Contexts()

    def __call__(self, site: TestSite) -> tuple[str, int]:
        """Where the site takes HL7 v2 messages: host and port. Asking again gives the same."""
        found = self._open.get(site.name)
        return (found.host, found.port) if found is not None else self.open(site)

    def open(self, site: TestSite, *, port: int = 0) -> tuple[str, int]:
        """Listen on a port of one's own choice; raises EnvironmentProblem if it is taken."""
        settings = site.site.listeners.of("/")
        wire = self._start(site, replace(settings, port=port))
        self._open[site.name] = wire
        return wire.host, wire.port

    def open_all(self, site: TestSite, *, free: bool = False) -> tuple[str, int]:
        """Open every listener that the site has; where the first one listens. `free`: on ports that are free."""
        wanted = site.site.listeners.wanted()
        wires = [self._start(site, replace(one, port=0) if free else one) for one in wanted]
        self._open.setdefault(site.name, wires[0])
        return wires[0].host, wires[0].port

    def close(self) -> None:
        """Stop listening and cut the connections."""
        for site, wire in self._wires:
            self._server.end(wire.stop)
            site.site.listeners.detach(wire)
        self._wires.clear()
        self._open.clear()
        self._contexts.close()

    def _start(self, site: TestSite, listener: Listener) -> Wire:
        wire = opened(site.site, listener, self._contexts)
        self._server.threaded.run(wire.start())
        self._wires.append((site, wire))
        site.site.listeners.attach(listener, wire)
        return wire
