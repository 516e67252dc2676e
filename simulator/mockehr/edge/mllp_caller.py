"""The other way round: a receiver that dials the peer, which sends its messages down that connection."""

from __future__ import annotations

import asyncio
import ssl as tls
from collections.abc import Callable

from mockehr.edge.mllp_connection import Connection, Receiver
from mockehr.edge.mllp_reception import DEFAULTS, Handler, Peer, Reception
from mockehr.edge.mllp_socket import ONCE, Backoff, pause
from mockehr.edge.mllp_writer import Why
from mockehr.hl7.frame import Frame


class MllpCaller(Receiver):
    """Keeps one connection to a peer and receives over it (`Receiver`), until it is stopped.

    A connection that cannot be made or was lost is tried again after the pauses of `backoff`, without end; its
    `attempts` do not count here. `failures` tells how many attempts failed since the last connection, `problem` what
    the last one said.
    """

    def __init__(
        self,
        host: str,
        port: int,
        on_message: Handler,
        reception: Reception = DEFAULTS,
        *,
        backoff: Backoff = ONCE,
        on_broken: Callable[[Frame, Peer], None] | None = None,
        on_uncommitted: Callable[[bytes, Peer, Why], None] | None = None,
        ssl: tls.SSLContext | None = None,
        server_name: str | None = None,
    ) -> None:
        super().__init__(
            host, port, on_message, reception, on_broken=on_broken, on_uncommitted=on_uncommitted, ssl=ssl
        )
        self.backoff = backoff
        self.failures = 0
        self.problem = ""
        self._server_name = server_name
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begin to dial; returns at once."""
        self._task = asyncio.get_running_loop().create_task(self._keep_calling())

    async def stop(self) -> None:
        """Dial no more, cut the connection."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        await self._abort_all()

    async def _keep_calling(self) -> None:
        loop = asyncio.get_running_loop()
        name = self._server_name if self.ssl is not None else None
        while True:
            try:
                _, connection = await loop.create_connection(
                    lambda: Connection(self), self.host, self.port, ssl=self.ssl, server_hostname=name
                )
            except OSError as error:
                self.failures += 1
                self.problem = str(error)
                await pause(self.backoff.pause(self.failures))
                continue
            self.failures, self.problem = 0, ""
            await asyncio.shield(connection.closed)
            await pause(self.backoff.pause(1))
