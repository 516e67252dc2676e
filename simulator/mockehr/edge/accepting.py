"""Taking connections from listening sockets that several processes share.

Whichever process happens to be awake would take all connections of a client that opens them one after the other, and
the others none. So each tells how many it has, and one that has more than another gives that one time to be faster.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, Protocol

GIVEN: Final = 0.005
"""Wall seconds that another process has to take a connection; then it is busy, or gone."""


class Load(Protocol):
    """How many connections the processes have."""

    def tell(self, connections: int) -> None:
        """This process has that many."""

    def least(self) -> int:
        """How many the one with the fewest has."""


@dataclass(frozen=True, slots=True)
class Shared:
    """Sockets that listen, do not block and belong to several processes, by the names of their sites."""

    sockets: Mapping[str, socket.socket]
    load: Load


class Acceptor:
    """Takes connections from all of them, from `start` until `close`; `lost` is to be called when one has ended."""

    def __init__(self, shared: Shared) -> None:
        self._sockets = tuple(shared.sockets.values())
        self._load = shared.load
        self._connections = 0
        self._closed = False
        self._beginning: set[asyncio.Task[None]] = set()

    def start(self, protocol: Callable[[], asyncio.Protocol]) -> None:
        """Take connections from now on; `protocol` is made for each. Call within the loop."""
        self._protocol = protocol
        self._loop = asyncio.get_running_loop()
        self._load.tell(0)
        for listening in self._sockets:
            self._listen(listening)

    def lost(self) -> None:
        """One connection less."""
        self._connections -= 1
        self._load.tell(self._connections)

    def close(self) -> None:
        """Take no more, and let go of this process's hold on the sockets; what waits there is left to the others."""
        self._closed = True
        for listening in self._sockets:
            if listening.fileno() >= 0:
                self._loop.remove_reader(listening.fileno())
                listening.close()

    def _listen(self, listening: socket.socket) -> None:
        self._loop.add_reader(listening.fileno(), self._waiting, listening)

    def _waiting(self, listening: socket.socket) -> None:
        """Somebody waits there: take him, unless it is rather for another process to do."""
        if self._connections <= self._load.least():
            self._accept(listening)
        else:
            self._loop.remove_reader(listening.fileno())
            self._loop.call_later(GIVEN, self._nobody_came, listening)

    def _nobody_came(self, listening: socket.socket) -> None:
        if not self._closed:
            self._accept(listening)
            self._listen(listening)

    def _accept(self, listening: socket.socket) -> None:
        try:
            connection, _ = listening.accept()
        except OSError:  # another process was faster, or the client gave up
            return
        connection.setblocking(False)
        self._connections += 1
        self._load.tell(self._connections)
        task = self._loop.create_task(self._begin(connection))
        self._beginning.add(task)
        task.add_done_callback(self._beginning.discard)

    async def _begin(self, connection: socket.socket) -> None:
        try:
            await self._loop.connect_accepted_socket(self._protocol, connection)
        except OSError:
            connection.close()
            self.lost()
