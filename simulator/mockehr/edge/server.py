"""One server: a listening socket, the sites behind it, and what keeps them going."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import uvicorn

from mockehr.core.errors import EnvironmentProblem
from mockehr.edge.http import HttpEdge
from mockehr.edge.outbound import Pump
from mockehr.edge.protocol import CuttableProtocol
from mockehr.sites.directory import Directory
from mockehr.sites.site import Site

T = TypeVar("T")


class Server:
    """Serves a directory of sites on one address. Use it with `async with`, or in a thread with `ThreadedServer`."""

    def __init__(
        self,
        directory: Directory,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        control: Callable[..., Awaitable[None]] | None = None,
    ) -> None:
        self.directory = directory
        self.host = host
        self._asked_port = port
        self._app = HttpEdge(directory, control)
        self._socket: socket.socket | None = None
        self._uvicorn: uvicorn.Server | None = None
        self._task: asyncio.Task[None] | None = None
        self._pump: Pump | None = None

    @property
    def port(self) -> int:
        """The port listened on."""
        assert self._socket is not None
        return int(self._socket.getsockname()[1])

    @property
    def url(self) -> str:
        """`http://host:port`."""
        return f"http://{self.host}:{self.port}"

    def admit(self, site: Site) -> Site:
        """Serve one more site from now on."""
        self.directory.add(site)
        if self._pump is not None:
            self._pump.attach(site)
        return site

    async def start(self) -> None:
        """Listen and serve; raises EnvironmentProblem if the port is taken."""
        self._socket = _listen(self.host, self._asked_port)
        config = uvicorn.Config(
            self._app,
            http=CuttableProtocol,
            loop="none",
            lifespan="off",
            log_config=None,
            log_level="critical",
            access_log=False,
            ws="none",
            server_header=False,
            date_header=False,
            timeout_graceful_shutdown=2,
            backlog=2048,
        )
        self._uvicorn = uvicorn.Server(config)
        self._pump = Pump(self.directory)
        for site in self.directory:
            self._pump.attach(site)
        self._pump.start()
        self._uvicorn.config.load()
        self._uvicorn.lifespan = config.lifespan_class(config)
        await self._uvicorn.startup(sockets=[self._socket])
        self._task = asyncio.get_running_loop().create_task(self._uvicorn.main_loop())

    async def stop(self) -> None:
        """Stop listening, close connections, end tasks."""
        if self._uvicorn is not None and self._task is not None:
            self._uvicorn.should_exit = True
            await self._task
            await self._uvicorn.shutdown(sockets=[self._socket] if self._socket else None)
        if self._pump is not None:
            await self._pump.stop()

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


async def _awaited(work: Awaitable[T]) -> T:
    return await work


def _listen(host: str, port: int) -> socket.socket:
    listening = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
    except OSError as error:
        listening.close()
        raise EnvironmentProblem(
            f"Cannot listen on {host}:{port}: {error.strerror}.", remedy="Choose another port, or 0 for any free one."
        ) from error
    listening.setblocking(False)
    return listening
