"""One server: its listening sockets, the sites behind it, and what keeps them going."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import uvicorn

from mockehr.core.errors import EnvironmentProblem, UsageError
from mockehr.edge.accepting import Acceptor, Shared
from mockehr.edge.http import HttpEdge
from mockehr.edge.https import Https
from mockehr.edge.mllp import MllpCaller, MllpServer
from mockehr.edge.mllp_connection import Receiver
from mockehr.edge.mllp_site import opened
from mockehr.edge.mllp_tls import Contexts
from mockehr.edge.outbound import Pump
from mockehr.edge.own_ports import BACKLOG, OwnPorts, listen
from mockehr.edge.protocol import CuttableProtocol
from mockehr.sites.directory import Directory
from mockehr.sites.listeners import Listener
from mockehr.sites.site import Site

T = TypeVar("T")
SHARED = ""
"""Of all sockets by the names of their sites, the one that is everybody's."""


class Server:
    """Serves a directory of sites on one address, and each site that has a port of its own there too.

    Use it with `async with`, or in a thread with `ThreadedServer`.
    """

    def __init__(
        self,
        directory: Directory,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        control: Callable[..., Awaitable[None]] | None = None,
        shared: Shared | None = None,
        tls: bool = False,
    ) -> None:
        """`shared` has sockets that other processes have too, as `bind` gave them in one: nothing is bound here.

        With `tls` all ports speak HTTPS, with certificates of a test authority (`ca_file`); not with `shared`.
        """
        if tls and shared is not None:
            raise UsageError("Several processes do not serve HTTPS together.", remedy="Use one, or plain HTTP.")
        self.directory = directory
        self.host = host
        self._asked_port = port
        self._app = HttpEdge(directory, control)
        self._https = self._app.https = Https(directory, host) if tls else None
        self._own_ports = OwnPorts(directory, host, self._https.context if self._https else lambda site: None)
        self._app.deafen = self._own_ports.pause
        self._mllp: dict[str, list[MllpServer | MllpCaller]] = {}
        self._contexts = Contexts()
        self._served: dict[str, Site] = {}
        self._ending: set[asyncio.Task[None]] = set()
        self._socket: socket.socket | None = shared.sockets[SHARED] if shared else None
        self._acceptor = Acceptor(shared) if shared else None
        self._uvicorn: uvicorn.Server | None = None
        self._task: asyncio.Task[None] | None = None
        self._pump: Pump | None = None

    @property
    def port(self) -> int:
        """The port that all sites share."""
        assert self._socket is not None
        return int(self._socket.getsockname()[1])

    @property
    def ca_file(self) -> Path | None:
        """The certificate of the authority behind HTTPS, for clients who are to trust it; None for plain HTTP."""
        return self._https.ca_file if self._https is not None else None

    @property
    def url(self) -> str:
        """`http://host:port` of the shared port, or `https://…`."""
        return self._url(self.port)

    def url_of(self, site: Site) -> str:
        """The root of a site: its own port if it has one, else the shared port and its name. No slash at the end."""
        own = self.directory.own_port(site)
        return self._url(own) if own is not None else f"{self.url}/{site.name}"

    def admit(self, site: Site, *, port: int | None = None) -> Site:
        """Serve one more site from now on, on the shared port and, if told, on a port of its own (0: any free one).

        Raises DuplicateName, and EnvironmentProblem if the server runs and cannot listen there.
        """
        return self.directory.add(site, port=port)

    def trust(self, ca_file: Path) -> None:
        """Deliver events to those too whose certificates an authority in that PEM file signed; once it is started."""
        assert self._pump is not None
        self._pump.trust(ca_file)

    async def listen_mllp(self, site: Site, port: int = 0) -> Receiver:
        """Take HL7 messages for a site from now until it leaves or the server stops; port 0 is any free one.

        Raises EnvironmentProblem if the port is taken.
        """
        return await self._open_mllp(site, replace(site.listeners.of("/"), port=port))

    async def listen_all(self, site: Site) -> list[Receiver]:
        """Open every listener that the site has. Raises EnvironmentProblem for a port that is taken."""
        return [await self._open_mllp(site, listener) for listener in site.listeners.wanted()]

    async def _open_mllp(self, site: Site, listener: Listener) -> Receiver:
        wire = opened(site, listener, self._contexts, host=self.host)
        await wire.start()
        self._mllp.setdefault(site.name, []).append(wire)
        self._served[site.name] = site
        site.listeners.attach(listener, wire)
        return wire

    async def start(self) -> None:
        """Listen and serve; raises EnvironmentProblem if a port is taken, UsageError for a site in front of none."""
        self.directory.check()
        if self._acceptor is None:
            self.bind()
        self._pump = Pump(self.directory, self._app.websockets)
        for site in self.directory:
            self._pump.attach(site)
        self.directory.watch(self._joined_or_left)
        self._pump.start()
        config = self._config()
        config.load()
        config.ssl = self._https.context() if self._https is not None else None
        self._uvicorn = uvicorn.Server(config)
        self._uvicorn.lifespan = config.lifespan_class(config)
        await self._uvicorn.startup(sockets=[self._socket] if self._socket and self._acceptor is None else [])
        state = self._uvicorn.server_state
        await self._own_ports.start(lambda: CuttableProtocol(config=config, server_state=state, app_state={}))
        acceptor = self._acceptor
        if acceptor is not None:
            acceptor.start(
                lambda: CuttableProtocol(config=config, server_state=state, app_state={}, lost=acceptor.lost)
            )
        for site in self.directory:
            self._tell_where(site)
        self._task = asyncio.get_running_loop().create_task(self._uvicorn.main_loop())

    async def stop(self) -> None:
        """Stop listening, close connections, end tasks; nothing if that was done, or there was no start."""
        ticking, self._task = self._task, None
        if self._uvicorn is None or ticking is None:
            return
        self.directory.unwatch(self._joined_or_left)
        for name in tuple(self._mllp):
            await self._end_mllp(name)
        await asyncio.gather(*self._ending)
        self._own_ports.close()
        if self._acceptor is not None:
            self._acceptor.close()
        await self._app.websockets.close()
        self._uvicorn.should_exit = True
        await ticking
        await self._app.key_sets.close()
        await self._app.imports.close()
        await self._uvicorn.shutdown(sockets=[self._socket] if self._socket else None)
        if self._pump is not None:
            await self._pump.stop()
        self._contexts.close()
        if self._https is not None:
            self._https.close()

    def bind(self) -> dict[str, socket.socket]:
        """Listen on every port, those that were named first, lest a free one is picked that another site wants.

        `start` does it by itself; without it, whoever asks serves the sockets, by the names of their sites and
        SHARED. Raises EnvironmentProblem if a port is taken.
        """
        try:
            asked = sorted(self.directory, key=lambda site: not self.directory.own_port(site))
            if self._asked_port:
                self._socket = listen(self.host, self._asked_port)
            for site in asked:
                self._own_ports.bind(site)
            if self._socket is None:
                self._socket = listen(self.host, 0)
        except EnvironmentProblem:
            self._own_ports.close()
            if self._socket is not None:
                self._socket.close()
            raise
        return {SHARED: self._socket, **self._own_ports.sockets}

    def unbind(self) -> None:
        """Close what `bind` opened, if there was no `start`."""
        self._own_ports.close()
        if self._socket is not None:
            self._socket.close()

    def _config(self) -> uvicorn.Config:
        return uvicorn.Config(
            self._app,
            http=CuttableProtocol,
            loop="none",
            lifespan="off",
            log_config=None,
            log_level="critical",
            access_log=False,
            ws=_websocket_protocol,  # type: ignore[arg-type]  # any callable that makes one
            server_header=False,
            date_header=False,
            timeout_graceful_shutdown=2,
            backlog=BACKLOG,
        )

    def _joined_or_left(self, site: Site, joined: bool) -> None:
        """Watcher of the directory; runs in the server's loop like all that changes sites."""
        if joined:
            self._own_ports.bind(site)
            self._tell_where(site)
            if self._pump is not None:
                self._pump.attach(site)
            return
        self._own_ports.release(site)
        if self._pump is not None:
            self._pump.feeds.detach(site)
        self._app.websockets.forget(site)
        if site.name in self._mllp:
            task = asyncio.get_running_loop().create_task(self._end_mllp(site.name))
            self._ending.add(task)
            task.add_done_callback(self._ending.discard)

    async def _end_mllp(self, name: str) -> None:
        site = self._served.pop(name, None)
        for wire in self._mllp.pop(name, ()):
            await wire.stop()
            if site is not None:
                site.listeners.detach(wire)

    def _tell_where(self, site: Site) -> None:
        """Let a site know its address: what it sends out of itself must name it."""
        site.base_url = self.url_of(site) + site.fhir_path.rstrip("/")

    def _url(self, port: int) -> str:
        scheme = "http" if self._https is None else "https"
        return f"{scheme}://[{self.host}]:{port}" if ":" in self.host else f"{scheme}://{self.host}:{port}"

    async def __aenter__(self) -> Server:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()


class ThreadedServer:
    """A server with an event loop of its own in a thread, for synchronous callers such as pytest fixtures."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="mockehr", daemon=True)

    def start(self) -> ThreadedServer:
        """Start the thread and the server in it."""
        self._thread.start()
        self.run(self.server.start())
        return self

    def run(self, work: Awaitable[T]) -> T:
        """Run a coroutine in the server's loop and wait for it."""
        return asyncio.run_coroutine_threadsafe(_awaited(work), self._loop).result()

    def call(self, function: Callable[..., T], *arguments: Any, **named: Any) -> T:
        """Call a plain function in the server's loop and wait for its answer: sites are single-threaded."""
        if threading.current_thread() is self._thread:
            return function(*arguments, **named)

        async def calling() -> T:
            return function(*arguments, **named)

        return self.run(calling())

    def stop(self) -> None:
        """Stop the server, then the loop, then the thread."""
        self.run(self.server.stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


def _websocket_protocol(**given: Any) -> asyncio.Protocol:
    """uvicorn's own, imported when the first client opens a websocket."""
    from uvicorn.protocols.websockets.wsproto_impl import WSProtocol

    return WSProtocol(**given)


async def _awaited(work: Awaitable[T]) -> T:
    return await work
