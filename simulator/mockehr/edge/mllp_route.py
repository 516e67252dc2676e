"""How a sender comes by a connection: it dials the peer, or waits for the peer to dial (reverse MLLP)."""

from __future__ import annotations

import asyncio
import ssl as tls
from collections.abc import Callable

from mockehr.core.errors import EnvironmentProblem
from mockehr.edge.mllp_link import Link
from mockehr.edge.mllp_socket import Backoff, pause


class Dialled:
    """Connections to host and port; one that cannot be made is tried again as `backoff` says."""

    def __init__(
        self,
        host: str,
        port: int,
        make: Callable[[], Link],
        *,
        timeout: float,
        backoff: Backoff,
        ssl: tls.SSLContext | None = None,
        server_name: str | None = None,
    ) -> None:
        self.host, self.port = host, port
        self._make = make
        self._timeout, self._backoff = timeout, backoff
        self._ssl, self._server_name = ssl, server_name if ssl is not None else None

    async def start(self) -> None:
        """Nothing: a connection is made when it is needed."""

    async def link(self) -> Link:
        """A new connection; raises OSError (which TimeoutError is) if it cannot be made."""
        failures = 0
        while True:
            try:
                async with asyncio.timeout(self._timeout):
                    _, link = await asyncio.get_running_loop().create_connection(
                        self._make, self.host, self.port, ssl=self._ssl, server_hostname=self._server_name
                    )
                return link
            except OSError:
                failures += 1
                if failures >= self._backoff.attempts:
                    raise
            await pause(self._backoff.pause(failures))

    async def close(self) -> None:
        """Nothing: whoever asked for a connection closes it."""


class Awaited:
    """Connections that the peer makes to host and port. With `only_newest` the one before is cut: who dials anew has
    given it up."""

    def __init__(
        self,
        host: str,
        port: int,
        make: Callable[..., Link],
        *,
        timeout: float,
        ssl: tls.SSLContext | None = None,
        only_newest: bool = True,
    ) -> None:
        """`make` takes as `made` what the link calls when it is connected."""
        self.host, self.port = host, port
        self._make = make
        self._timeout = timeout
        self._ssl = ssl
        self._only_newest = only_newest
        self._server: asyncio.Server | None = None
        self._fresh: asyncio.Future[Link] | None = None
        self._open: set[Link] = set()

    async def start(self) -> None:
        """Listen, unless that was done; raises EnvironmentProblem if the port cannot be had."""
        if self._server is not None:
            return
        loop = asyncio.get_running_loop()
        self._fresh = loop.create_future()
        try:
            self._server = await loop.create_server(
                lambda: self._make(made=self._arrived), self.host, self.port, ssl=self._ssl
            )
        except OSError as error:
            raise EnvironmentProblem(
                f"Cannot listen on {self.host}:{self.port}: {error.strerror or error}.",
                remedy="Choose another port, or 0 for any free one.",
            ) from error
        self.port = self._server.sockets[0].getsockname()[1]

    async def link(self) -> Link:
        """The connection that the peer made last and that was not given yet; raises TimeoutError if there is none."""
        await self.start()
        while True:
            assert self._fresh is not None
            async with asyncio.timeout(self._timeout):
                link = await asyncio.shield(self._fresh)
            if self._fresh.done() and self._fresh.result() is link:
                self._fresh = asyncio.get_running_loop().create_future()
            if link.alive:
                return link

    async def close(self) -> None:
        """Listen no more, cut what is open."""
        if self._server is None:
            return
        self._server.close()
        # asyncio takes a connection in several turns of its loop; one caught between them would stay open for ever.
        for _ in range(10):
            await asyncio.sleep(0)
        links = list(self._open)
        for link in links:
            link.abort()
        if links:
            await asyncio.wait([link.lost for link in links])
        await self._server.wait_closed()
        self._server = None

    def _arrived(self, link: Link) -> None:
        if self._only_newest:
            for older in self._open:
                older.abort()
        self._open.add(link)
        link.lost.add_done_callback(lambda _: self._open.discard(link))
        assert self._fresh is not None
        if self._fresh.done():
            self._fresh = asyncio.get_running_loop().create_future()
        self._fresh.set_result(link)


Route = Dialled | Awaited
