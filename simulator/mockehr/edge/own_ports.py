"""Ports that belong to one site alone, beside the shared one, for as long as the site is served."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Callable
from contextlib import ExitStack

from mockehr.core.errors import EnvironmentProblem
from mockehr.sites.directory import Directory
from mockehr.sites.site import Site

BACKLOG = 2048
AGAIN = 1.0
"""Site seconds after which a port that somebody else took meanwhile is tried again."""


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens there, 0 for any free port; raises EnvironmentProblem if that cannot be had."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # With the protocol named: only then does asyncio switch Nagle's delay off for the connections that come in, and
    # without that a reply in two pieces waits 40 ms for the client's acknowledgement.
    listening = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
        listening.listen(BACKLOG)
    except OSError as error:
        listening.close()
        raise EnvironmentProblem(
            f"Cannot listen on {host}:{port}: {error.strerror or error}.",
            remedy="Choose another port, or 0 for any free one.",
        ) from error
    listening.setblocking(False)
    return listening


def free_ports(count: int, host: str = "127.0.0.1") -> list[int]:
    """Ports on which nobody listens now, all different; raises EnvironmentProblem if there are none."""
    with ExitStack() as stack:
        return [stack.enter_context(listen(host, 0)).getsockname()[1] for _ in range(count)]


class OwnPorts:
    """The listening sockets of the sites of a directory that asked for a port of their own."""

    def __init__(
        self, directory: Directory, host: str, context: Callable[[Site], ssl.SSLContext | None] = lambda site: None
    ) -> None:
        """`context` has the TLS of a site's port, None for plain HTTP."""
        self._context = context
        self._directory = directory
        self._host = host
        self._sockets: dict[str, socket.socket] = {}
        self._servers: dict[str, asyncio.Server] = {}
        self._beginning: set[asyncio.Task[None]] = set()
        self._protocol: Callable[[], asyncio.Protocol] | None = None

    @property
    def sockets(self) -> dict[str, socket.socket]:
        """What listens, by the names of the sites."""
        return dict(self._sockets)

    def bind(self, site: Site) -> None:
        """Listen on the site's own port, if it asked for one; raises EnvironmentProblem. Clients wait from now on."""
        port = self._directory.own_port(site)
        if port is None:
            return
        opened = self._sockets[site.name] = listen(self._host, port)
        self._directory.settle_port(site, int(opened.getsockname()[1]))
        if self._protocol is not None:
            task = asyncio.get_running_loop().create_task(self._begin(site.name, opened, self._protocol))
            self._beginning.add(task)
            task.add_done_callback(self._beginning.discard)

    async def start(self, protocol: Callable[[], asyncio.Protocol]) -> None:
        """Serve on all that was bound, and at once on what will be; `protocol` is made for each connection."""
        self._protocol = protocol
        for name, opened in tuple(self._sockets.items()):
            await self._begin(name, opened, protocol)

    def pause(self, site: Site, seconds: float) -> None:
        """Listen on the site's own port no more for so many site seconds: who connects is refused.

        Nothing for a site without such a port, and for one that pauses already.
        """
        if site.name not in self._sockets:
            return
        self.release(site)
        site.clock.schedule(site.clock.now() + seconds, lambda: self._resume(site), f"{site.name} listens again")

    def _resume(self, site: Site) -> None:
        if self._protocol is None or site not in tuple(self._directory) or site.name in self._sockets:
            return  # the server stopped, or the site left
        try:
            self.bind(site)
        except EnvironmentProblem:  # somebody has the port meanwhile
            site.clock.schedule(site.clock.now() + AGAIN, lambda: self._resume(site), f"{site.name} listens again")

    def release(self, site: Site) -> None:
        """Stop listening on the site's own port."""
        opened = self._sockets.pop(site.name, None)
        server = self._servers.pop(site.name, None)
        if server is not None:
            server.close()
        elif opened is not None:
            opened.close()

    def close(self) -> None:
        """Stop listening on all of them."""
        self._protocol = None
        for site in self._directory:
            self.release(site)

    async def _begin(self, name: str, opened: socket.socket, protocol: Callable[[], asyncio.Protocol]) -> None:
        if self._sockets.get(name) is not opened:
            return  # released meanwhile
        loop = asyncio.get_running_loop()
        context = self._context(self._directory.get(name))
        server = await loop.create_server(protocol, sock=opened, backlog=BACKLOG, ssl=context)
        if self._sockets.get(name) is opened:
            self._servers[name] = server
        else:
            server.close()
