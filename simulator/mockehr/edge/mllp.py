"""MLLP sockets: the server, which does to its replies what the site decided. (The sender: `mllp_sender`.)

What a message means and how to answer it is the site's business; here bytes are received, delayed, cut and written.
Delays are wall seconds on the running event loop.
"""

from __future__ import annotations

import asyncio
import socket
import ssl as tls
import struct
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from mockehr.core.errors import EnvironmentProblem
from mockehr.edge.mllp_sender import PIECE_PAUSE, MllpSender, Outcome
from mockehr.hl7.frame import DEFAULT_LIMIT, Anomaly, Deframer, Frame, frame

__all__ = ["Handler", "MllpSender", "MllpServer", "Outcome", "Peer", "Reaction"]
_LINGER_ZERO: Final = struct.pack("ii", 1, 0)


@dataclass
class Reaction:
    """What to do about one message."""

    payload: bytes | None
    """The reply, unframed; None says nothing."""
    delay: float = 0
    """Wall seconds before the reply, counted from the arrival of the message."""
    split: int | None = None
    """Write in pieces of this many octets."""
    prefix: bytes = b""
    """Octets written before the frame."""
    close: bool = False
    """Close the connection after the reply."""
    reset: bool = False
    """Cut the connection (TCP RST) in place of the reply."""


TURNS: Final = 10
"""Turns of the loop in which a connection that was asked for is surely made."""


@dataclass(slots=True)
class Peer:
    """Who is at the other end of a connection. `anomalies` are those of the message being handled."""

    host: str
    port: int
    connection: int
    """Connections of one server count from 1."""
    anomalies: tuple[Anomaly, ...] = ()


Handler = Callable[[bytes, Peer], Reaction | tuple[Reaction, ...]]
"""Takes a payload, gives the reaction; several of them for an accept and an application acknowledgement."""


class MllpServer:
    """Accepts connections and gives every complete frame to `on_message`, synchronously, in order of arrival.

    Port 0 takes any free one; `port` tells which. `ordered` keeps the replies of a connection in the order of their
    messages, so that a delayed one holds up those behind it; without it each goes out when it is due. `read_ahead`
    goes on reading while a reply is due; without it the next message is handled after the reply was written.
    `on_broken` is told of frames that are not complete (never ended, or longer than `limit` octets), which are never
    handled as messages. `cr_grace` is how long (seconds) to wait for the CR after a 1C; None waits for ever.
    `max_connections` closes further ones at once. An exception in a handler closes that connection only, and is
    reported to the event loop's exception handler.
    """

    def __init__(
        self,
        host: str,
        port: int,
        on_message: Handler,
        *,
        ordered: bool = True,
        read_ahead: bool = True,
        limit: int = DEFAULT_LIMIT,
        cr_grace: float | None = 1.0,
        max_connections: int | None = None,
        on_broken: Callable[[Frame, Peer], None] | None = None,
        ssl: tls.SSLContext | None = None,
    ) -> None:
        self.host = host
        self.port = port
        self.on_message = on_message
        self.ordered = ordered
        self.read_ahead = read_ahead
        self.limit = limit
        self.cr_grace = cr_grace
        self.max_connections = max_connections
        self.on_broken = on_broken
        self.accepted = 0
        """Connections accepted so far."""
        self._ssl = ssl
        self._server: asyncio.Server | None = None
        self._connections: set[_Connection] = set()

    @property
    def connections(self) -> int:
        """Connections open now."""
        return len(self._connections)

    async def start(self) -> None:
        """Listen; raises EnvironmentProblem if the port cannot be had."""
        loop = asyncio.get_running_loop()
        try:
            self._server = await loop.create_server(lambda: _Connection(self), self.host, self.port, ssl=self._ssl)
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
        closing = [connection.abort() for connection in list(self._connections)]
        await asyncio.gather(*closing)
        await self._server.wait_closed()
        self._server = None

    def drop_connections(self) -> int:
        """Cut all connections (an idle cut, a restart) while listening goes on; returns how many there were."""
        dropped = list(self._connections)
        for connection in dropped:
            connection.abort()
        return len(dropped)


@dataclass(slots=True)
class _Write:
    """One step of a connection's output: octets at a time, then perhaps the end."""

    due: float
    octets: bytes
    close: bool = False
    reset: bool = False


class _Connection(asyncio.Protocol):
    """One connection of a server."""

    def __init__(self, server: MllpServer) -> None:
        self._owner = server
        self._loop = asyncio.get_running_loop()
        self._deframer = Deframer(server.limit)
        self._queue: deque[_Write] = deque()
        self._backlog: deque[Frame] = deque()
        self._ready: list[bytes] = []
        self._timers: set[asyncio.TimerHandle] = set()
        self._pump_timer: asyncio.TimerHandle | None = None
        self._grace: asyncio.TimerHandle | None = None
        self._late = 0
        self._ending = False
        self._choked = False
        self._transport: asyncio.Transport | None = None
        self._closed: asyncio.Future[None] = self._loop.create_future()
        self._peer = Peer("", 0, 0)

    # what asyncio calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        server = self._owner
        self._transport = transport  # type: ignore[assignment]  # a stream's transport is always a Transport
        name = transport.get_extra_info("peername") or ("", 0)
        server.accepted += 1
        self._peer = Peer(str(name[0]), int(name[1]), server.accepted)
        full = server.max_connections is not None and server.connections >= server.max_connections
        server._connections.add(self)
        if full:
            self._ending = True
            transport.close()

    def data_received(self, data: bytes) -> None:
        if self._grace is not None:
            self._grace.cancel()
            self._grace = None
        self._take(self._deframer.feed(data))
        grace = self._owner.cr_grace
        if grace is not None and self._deframer.poised:
            self._grace = self._loop.call_later(grace, self._end_without_cr)

    def eof_received(self) -> bool:
        """The peer has said all: what it still waits for is written, then the connection ends."""
        self._take(self._deframer.finish())
        self._ending = True
        # Over TLS a connection cannot stay half open.
        return self._owing() and self._owner._ssl is None

    def connection_lost(self, exc: Exception | None) -> None:
        for timer in (*self._timers, self._pump_timer, self._grace):
            if timer is not None:
                timer.cancel()
        self._timers.clear()
        self._queue.clear()
        self._backlog.clear()
        self._transport = None
        self._owner._connections.discard(self)
        if not self._closed.done():
            self._closed.set_result(None)

    def pause_writing(self) -> None:
        """A peer that does not read its replies is not read from either."""
        self._choked = True
        self._settle()

    def resume_writing(self) -> None:
        self._choked = False
        self._settle()

    # what the server calls

    def abort(self) -> asyncio.Future[None]:
        """Cut the connection; the future is done when it is gone."""
        if self._transport is not None:
            self._transport.abort()
        return self._closed

    # the work

    def _take(self, frames: list[Frame]) -> None:
        self._backlog.extend(frames)
        self._work()

    def _work(self) -> None:
        while self._backlog and not self._held() and self._transport is not None:
            received = self._backlog.popleft()
            self._peer.anomalies = received.anomalies
            if not received.complete:
                if self._owner.on_broken is not None:
                    self._owner.on_broken(received, self._peer)
                continue
            if received.payload and not self._handle(received.payload):
                return
        self._flush()
        self._settle()

    def _settle(self) -> None:
        """Read or do not read, as things stand."""
        if self._transport is None or self._ending:
            return
        wanted = not (self._choked or self._held())
        if wanted != self._transport.is_reading():
            if wanted:
                self._transport.resume_reading()
            else:
                self._transport.pause_reading()

    def _handle(self, payload: bytes) -> bool:
        try:
            reactions = self._owner.on_message(payload, self._peer)
        except Exception as error:
            self._loop.call_exception_handler({"message": "an MLLP handler failed", "exception": error})
            self._flush()
            self._end()
            return False
        for reaction in reactions if isinstance(reactions, tuple) else (reactions,):
            self._react(reaction)
        return True

    def _react(self, reaction: Reaction) -> None:
        octets = reaction.prefix if reaction.payload is None else reaction.prefix + frame(reaction.payload)
        if reaction.delay <= 0 and not (self._queue or reaction.split or reaction.close or reaction.reset):
            if octets:
                self._ready.append(octets)
            return
        due = self._loop.time() + max(reaction.delay, 0.0)
        steps = _steps(reaction, octets, due)
        if self._owner.ordered or reaction.delay <= 0:
            self._queue.extend(steps)
            self._flush()
            self._write_due()
            return
        self._late += 1
        timer: asyncio.TimerHandle | None = None

        def release() -> None:
            if timer is not None:
                self._timers.discard(timer)
            self._late -= 1
            self._queue.extend(steps)
            self._pump()

        timer = self._loop.call_at(due, release)
        self._timers.add(timer)

    def _pump(self) -> None:
        """A timer's turn: write what is due, then go on with what waited for that."""
        self._write_due()
        self._work()
        if self._ending and not self._owing() and self._transport is not None:
            self._transport.close()

    def _write_due(self) -> None:
        """Write what is due, in order; come back when the next thing is."""
        if self._pump_timer is not None:
            self._pump_timer.cancel()
            self._pump_timer = None
        while self._queue and self._transport is not None and not self._transport.is_closing():
            step = self._queue[0]
            # A timer may fire a clock tick early, so "now" includes that tick.
            if step.due > self._loop.time() + 1e-4:
                self._pump_timer = self._loop.call_at(step.due, self._pump)
                return
            self._queue.popleft()
            if step.reset:
                self._reset()
                return
            if step.octets:
                self._transport.write(step.octets)
            if step.close:
                self._end()
                return
            if self._queue and self._queue[0].due == 0.0:
                self._queue[0].due = self._loop.time() + PIECE_PAUSE

    def _end(self) -> None:
        """Close after what was written has left; nothing more is handled or written."""
        self._ending = True
        self._queue.clear()
        self._backlog.clear()
        if self._transport is not None:
            self._transport.close()

    def _flush(self) -> None:
        if self._ready:
            octets = self._ready[0] if len(self._ready) == 1 else b"".join(self._ready)
            self._ready.clear()
            if self._transport is not None:
                self._transport.write(octets)

    def _held(self) -> bool:
        return not self._owner.read_ahead and (bool(self._queue) or self._late > 0)

    def _owing(self) -> bool:
        return bool(self._queue or self._late or self._backlog)

    def _end_without_cr(self) -> None:
        self._grace = None
        if self._deframer.poised:
            self._take(self._deframer.finish())

    def _reset(self) -> None:
        if self._transport is None:
            return
        endpoint = self._transport.get_extra_info("socket")
        if endpoint is not None:
            endpoint.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_ZERO)
        self._transport.abort()


def _steps(reaction: Reaction, octets: bytes, due: float) -> list[_Write]:
    """A reaction as writes; a due time of 0 means shortly after the one before."""
    if reaction.reset:
        return [_Write(due, b"", reset=True)]
    size = reaction.split or len(octets) or 1
    pieces = [octets[start : start + size] for start in range(0, len(octets), size)] or [b""]
    steps = [_Write(due if place == 0 else 0.0, piece) for place, piece in enumerate(pieces)]
    steps[-1].close = reaction.close
    return steps
