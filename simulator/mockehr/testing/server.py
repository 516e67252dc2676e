"""The server that all tests of a session share."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from mockehr.edge.server import Server, ThreadedServer
from mockehr.sites.directory import Directory

TURNS: Final = 10
"""Turns of the loop in which a connection that was asked for is surely made."""


@dataclass(frozen=True, slots=True)
class WorldServer:
    """The session's server, with an event loop in a thread of its own. Sites come and go with the tests."""

    threaded: ThreadedServer

    @classmethod
    def started(cls) -> WorldServer:
        """A server that listens on a free port of loopback."""
        from mockehr.api.control import ControlApi

        directory = Directory()
        server = Server(directory, control=ControlApi(directory))
        return cls(ThreadedServer(server).start())

    @property
    def url(self) -> str:
        """`http://127.0.0.1:port`."""
        return self.threaded.server.url

    def end(self, stop: Callable[[], Awaitable[None]]) -> None:
        """Stop something that listens in this loop.

        asyncio takes a connection in several turns of its loop; one that is caught between them would stay open for
        ever, so those that have begun are let in first.
        """

        async def ending() -> None:
            for _ in range(TURNS):
                await asyncio.sleep(0)
            await stop()

        self.threaded.run(ending())

    def stop(self) -> None:
        """End it."""
        self.threaded.stop()
