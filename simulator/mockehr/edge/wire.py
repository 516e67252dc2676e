"""Messages between the processes of one server, over a socket that only they have: a length, then what was pickled.

Nobody else can write there, which is why it may be unpickled.
"""

from __future__ import annotations

import asyncio
import pickle
import socket
import struct
from typing import Any, Final

LIMIT: Final = 3600.0
"""Wall seconds that a message may take; whoever holds the other end gives up long before."""
_HEAD: Final = struct.Struct("!Q")


def packed(message: Any) -> bytes:
    """A message as it goes over the wire."""
    body = pickle.dumps(message, protocol=pickle.HIGHEST_PROTOCOL)
    return _HEAD.pack(len(body)) + body


async def receive(reader: asyncio.StreamReader) -> Any:
    """The next message; raises asyncio.IncompleteReadError at the end."""
    (size,) = _HEAD.unpack(await reader.readexactly(_HEAD.size))
    return pickle.loads(await reader.readexactly(size))


class Line:
    """One end that waits: whoever sends or receives here does nothing else meanwhile."""

    def __init__(self, connection: socket.socket) -> None:
        # A loop that looks after a socket makes it one that never waits; a limit has Python wait by itself.
        connection.settimeout(LIMIT)
        self._socket = connection

    def fileno(self) -> int:
        """Of the socket, to be told when something came."""
        return self._socket.fileno()

    def send(self, message: Any) -> None:
        """Send a message; raises OSError if nobody is there any more."""
        self._socket.sendall(packed(message))

    def receive(self) -> Any:
        """Wait for a message; raises EOFError at the end, OSError if the other end is gone or silent."""
        (size,) = _HEAD.unpack(self._exactly(_HEAD.size))
        return pickle.loads(self._exactly(size))

    def close(self) -> None:
        """Let go of the socket."""
        self._socket.close()

    def _exactly(self, size: int) -> bytes:
        parts = bytearray()
        while len(parts) < size:
            part = self._socket.recv(min(size - len(parts), 1 << 20))
            if not part:
                raise EOFError
            parts += part
        return bytes(parts)
