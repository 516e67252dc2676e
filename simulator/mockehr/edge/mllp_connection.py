"""One connection over which messages are received, and what all who receive have in common."""

from __future__ import annotations

import asyncio
import ssl as tls
from collections import deque
from collections.abc import Callable

from mockehr.edge.mllp_reception import Handler, Peer, Reaction, Reception
from mockehr.edge.mllp_writer import Why, Writer
from mockehr.hl7.frame import Deframer, Frame


class Receiver:
    """Whoever gives every complete frame to `on_message`, synchronously, in order of arrival.

    `on_broken` is told of frames that are not complete, which are never handled as messages; `on_uncommitted`
    (release 2) of replies that a peer refused or did not commit in time. An exception in a handler closes that
    connection only, and is reported to the event loop's exception handler.
    """

    def __init__(
        self,
        host: str,
        port: int,
        on_message: Handler,
        reception: Reception,
        *,
        on_broken: Callable[[Frame, Peer], None] | None = None,
        on_uncommitted: Callable[[bytes, Peer, Why], None] | None = None,
        ssl: tls.SSLContext | None = None,
    ) -> None:
        self.host = host
        self.port = port
        self.on_message = on_message
        self.reception = reception
        self.on_broken = on_broken
        self.on_uncommitted = on_uncommitted
        self.ssl = ssl
        self.refusing = False
        """While true, every new connection is closed at once."""
        self.accepted = 0
        """Connections made so far."""
        self.open: set[Connection] = set()

    @property
    def connections(self) -> int:
        """Connections open now."""
        return len(self.open)

    def drop_connections(self) -> int:
        """Cut all connections (an idle cut, a restart); returns how many there were."""
        dropped = list(self.open)
        for connection in dropped:
            connection.abort()
        return len(dropped)

    def resume(self) -> int:
        """Read again from every connection that a reaction stalled; returns how many there were."""
        return sum(connection.resume() for connection in list(self.open))

    async def _abort_all(self) -> None:
        await asyncio.gather(*(connection.abort() for connection in list(self.open)))


class Connection(asyncio.Protocol):
    """One connection of a receiver."""

    def __init__(self, owner: Receiver) -> None:
        self._owner = owner
        self._reception = owner.reception
        self._loop = asyncio.get_running_loop()
        self._deframer = Deframer(owner.reception.limit)
        self._writer = Writer(owner.reception, moved=self._work, ended=self._end, uncommitted=self._uncommitted)
        self._backlog: deque[Frame] = deque()
        self._grace: asyncio.TimerHandle | None = None
        self._idling: asyncio.TimerHandle | None = None
        self._heard = 0.0
        self._handled = 0
        self._ending = False
        self._stalled = False
        self._choked = False
        self._transport: asyncio.Transport | None = None
        self.closed: asyncio.Future[None] = self._loop.create_future()
        """Done when the connection is gone."""
        self._peer = Peer("", 0, 0)

    # what asyncio calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        owner = self._owner
        # a stream's transport is always a Transport
        self._transport = self._writer.transport = transport  # type: ignore[assignment]
        name = transport.get_extra_info("peername") or ("", 0)
        owner.accepted += 1
        self._peer = Peer(str(name[0]), int(name[1]), owner.accepted)
        most = self._reception.max_connections
        full = owner.refusing or (most is not None and owner.connections >= most)
        owner.open.add(self)
        if full:
            self._end()
            return
        if self._reception.keep_alive is not None:
            self._reception.keep_alive.apply(transport)
        if self._reception.idle is not None:
            self._heard = self._loop.time()
            self._idling = self._loop.call_later(self._reception.idle, self._check_idle, self._reception.idle)

    def data_received(self, data: bytes) -> None:
        if self._grace is not None:
            self._grace.cancel()
            self._grace = None
        if self._idling is not None:
            self._heard = self._loop.time()
        self._take(self._deframer.feed(data))
        if self._deframer.poised and self._reception.cr_grace is not None:
            self._grace = self._loop.call_later(self._reception.cr_grace, self._end_without_cr)

    def eof_received(self) -> bool:
        """The peer has said all: what it still waits for is written, then the connection ends."""
        self._ending = True
        self._take(self._deframer.finish())
        self._writer.hear_no_more()
        # Over TLS a connection cannot stay half open.
        return self._owing() and self._owner.ssl is None

    def connection_lost(self, exc: Exception | None) -> None:
        for timer in (self._grace, self._idling):
            if timer is not None:
                timer.cancel()
        self._writer.clear()
        self._backlog.clear()
        self._transport = self._writer.transport = None
        self._owner.open.discard(self)
        if not self.closed.done():
            self.closed.set_result(None)

    def pause_writing(self) -> None:
        """A peer that does not read its replies is not read from either."""
        self._choked = True
        self._settle()

    def resume_writing(self) -> None:
        self._choked = False
        # Not at once: asyncio's transport ends a connection twice that is closed within this call.
        self._loop.call_soon(self._work)

    # what the receiver calls

    def abort(self) -> asyncio.Future[None]:
        """Cut the connection; the future is done when it is gone."""
        if self._transport is not None:
            self._transport.abort()
        return self.closed

    def resume(self) -> bool:
        """Read again after a stall; False if there was none."""
        stalled, self._stalled = self._stalled, False
        if stalled:
            self._heard = self._loop.time()
            self._work()
        return stalled

    # the work

    def _take(self, frames: list[Frame]) -> None:
        for received in frames:
            kind = received.commit
            if kind:
                self._writer.committed(kind)
            else:
                self._backlog.append(received)
        self._work()

    def _work(self) -> None:
        while self._backlog and not self._held() and self._transport is not None:
            received = self._backlog.popleft()
            self._peer.anomalies = received.anomalies
            if not received.complete:
                if self._reception.release == 2:
                    self._writer.commit("nak")
                if self._owner.on_broken is not None:
                    self._owner.on_broken(received, self._peer)
                continue
            if received.payload and not self._handle(received.payload):
                return
        self._writer.flush()
        if self._ending and not self._owing() and self._transport is not None:
            self._transport.close()
            return
        self._settle()

    def _handle(self, payload: bytes) -> bool:
        try:
            reactions = self._owner.on_message(payload, self._peer)
        except Exception as error:
            self._loop.call_exception_handler({"message": "an MLLP handler failed", "exception": error})
            self._writer.flush()
            if self._reception.release == 2:
                self._writer.commit("nak")
            self._end()
            return False
        if isinstance(reactions, Reaction):
            reactions = (reactions,)
        if self._reception.release == 2:
            kind = reactions[0].commit if reactions else "ack"
            if kind and not (reactions and reactions[0].manner.silent):
                self._writer.commit(kind)
        for reaction in reactions:
            if reaction.manner.stall:
                self._stalled = True
            self._writer.put(reaction)
        self._handled += 1
        if self._handled == self._reception.messages_per_connection:
            self._ending = True
            self._backlog.clear()
        return True

    def _settle(self) -> None:
        """Read or do not read, as things stand. While the peer has something to commit, it must be heard."""
        if self._transport is None or self._transport.is_closing():
            return
        wanted = not self._stalled and (self._writer.awaiting or not (self._ending or self._held()))
        if wanted != self._transport.is_reading():
            if wanted:
                self._transport.resume_reading()
            else:
                self._transport.pause_reading()

    def _end(self) -> None:
        """Close after what was written has left; nothing more is handled or written."""
        self._ending = True
        self._writer.clear()
        self._backlog.clear()
        if self._transport is not None:
            self._transport.close()

    def _held(self) -> bool:
        if self._stalled or self._choked:
            return True
        writer = self._writer
        return writer.octets > self._reception.owed or (not self._reception.read_ahead and writer.owing)

    def _owing(self) -> bool:
        return bool(self._backlog) or self._writer.owing

    def _end_without_cr(self) -> None:
        self._grace = None
        if self._deframer.poised:
            self._take(self._deframer.finish())

    def _check_idle(self, most: float) -> None:
        left = self._heard + most - self._loop.time()
        if left > 0 or self._stalled:
            self._idling = self._loop.call_later(left if left > 0 else most, self._check_idle, most)
        elif self._transport is not None:
            self._transport.abort()

    def _uncommitted(self, payload: bytes, why: Why) -> None:
        if self._owner.on_uncommitted is not None:
            self._owner.on_uncommitted(payload, self._peer, why)
