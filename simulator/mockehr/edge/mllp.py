"""MLLP sockets: the server, which does to its replies what the site decided.

What a message means and how to answer it is the site's business; here bytes are received, delayed, cut and written.
Delays are wall seconds on the running event loop. (The sender: `mllp_sender`; a receiver that dials: `mllp_caller`.)
"""

from __future__ import annotations

import asyncio
import ssl as tls
from collections.abc import Callable
from typing import Final

from mockehr.core.errors import EnvironmentProblem
from mockehr.edge.mllp_caller import MllpCaller
from mockehr.edge.mllp_connection import Connection, Receiver
from mockehr.edge.mllp_manner import REGULAR, Manner
from mockehr.edge.mllp_reception import DEFAULTS, Handler, Peer, Reaction, Reception
from mockehr.edge.mllp_sender import MllpSender, Outcome, Sending
from mockehr.edge.mllp_socket import Backoff, KeepAlive
from mockehr.edge.mllp_writer import Why
from mockehr.hl7.frame import Frame

__all__ = [
    "REGULAR",
    "Backoff",
    "Handler",
    "KeepAlive",
    "Manner",
    "MllpCaller",
    "MllpSender",
    "MllpServer",
    "Outcome",
    "Peer",
    "Reaction",
    "Reception",
    "Sending",
]
TURNS: Final = 10
"""Turns of the loop in which a connection that was asked for is surely made."""


class MllpServer(Receiver):
    """Accepts connections and receives their messages (`Receiver`). Port 0 takes any free one; `port` tells which."""

    def __init__(
        self,
        host: str,
        port: int,
        on_message: Handler,
        reception: Reception = DEFAULTS,
        *,
        on_broken: Callable[[Frame, Peer], None] | None = None,
        on_uncommitted: Callable[[bytes, Peer, Why], None] | None = None,
        ssl: tls.SSLContext | None = None,
    ) -> None:
        super().__init__(
            host, port, on_message, reception, on_broken=on_broken, on_uncommitted=on_uncommitted, ssl=ssl
        )
        self._server: asyncio.Server | None = None

    async def start(self) -> None:
        """Listen; raises EnvironmentProblem if the port cannot be had."""
        loop = asyncio.get_running_loop()
        try:
            self._server = await loop.create_server(lambda: Connection(self), self.host, self.port, ssl=self.ssl)
        except OSError as error:
            raise EnvironmentProblem(
                f"Cannot listen on {self.host}:{self.port}: {error.strerror or error}.",
                remedy="Choose another port, or 0 for any free one.",
            ) from error
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Stop listening, close every connection and drop every reply that is still due."""
        if self._server is None:
            return
        self._server.close()
        # asyncio takes a connection in several turns of its loop; one caught between them would stay open for ever.
        for _ in range(TURNS):
            await asyncio.sleep(0)
        await self._abort_all()
        await self._server.wait_closed()
        self._server = None
