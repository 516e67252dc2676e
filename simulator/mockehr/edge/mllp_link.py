"""One connection of a sender: what is written to it, and who waits on it for which acknowledgement."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from typing import Final, Literal

from mockehr.edge.mllp_manner import PIECE_PAUSE, Manner, cut
from mockehr.edge.mllp_socket import KeepAlive, pause, reset
from mockehr.hl7.frame import COMMITS, Commit, Deframer, Frame, frame
from mockehr.hl7.header import NotHL7
from mockehr.hl7.message import Message

KEPT_STRAYS: Final = 1000
"""Answers to nothing that a sender remembers."""
Waiter = asyncio.Future[tuple[bytes, str]]


class Answers:
    """Who waits for an acknowledgement of which control id, over whatever connection it comes."""

    def __init__(self, await_application: bool) -> None:
        self.stray_count = 0
        self._await_application = await_application
        self._strays: deque[bytes] = deque(maxlen=KEPT_STRAYS)
        self._waiting: dict[bytes, list[Waiter]] = {}

    def expect(self, control_id: bytes) -> Waiter:
        """A future that gets (acknowledgement, MSA-1) of that message."""
        waiter: Waiter = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(control_id, []).append(waiter)
        return waiter

    def forget(self, control_id: bytes, waiter: Waiter) -> None:
        """Wait no more."""
        waiters = self._waiting.get(control_id, [])
        if waiter in waiters:
            waiters.remove(waiter)
        if not waiters:
            self._waiting.pop(control_id, None)
        if waiter.done() and not waiter.cancelled():
            waiter.exception()  # looked at, so that nobody is told that it never was

    def deliver(self, received: Frame) -> None:
        """Take what came: the answer that somebody waits for, or a stray."""
        code, control_id = acknowledged(received.payload)
        waiting = [waiter for waiter in self._waiting.get(control_id, []) if not waiter.done()]
        if not code or not waiting or not received.complete:
            self._strays.append(received.payload)
            self.stray_count += 1
        elif not (self._await_application and code == "CA"):
            waiting[0].set_result((received.payload, code))

    def strays_since(self, count: int) -> tuple[bytes, ...]:
        """The strays that came after there had been `count` of them."""
        fresh = min(self.stray_count - count, len(self._strays))
        return tuple(self._strays)[len(self._strays) - fresh :]


class Link(asyncio.Protocol):
    """A connection. In release 2 it commits what the peer sends, and writes nothing new before the peer committed."""

    def __init__(
        self,
        answers: Answers,
        *,
        limit: int,
        release: Literal[1, 2] = 1,
        keep_alive: KeepAlive | None = None,
        made: Callable[[Link], None] | None = None,
    ) -> None:
        """`made` is called when there is a connection."""
        self._answers = answers
        self._keep_alive = keep_alive
        self._made = made
        self.waiters: set[Waiter] = set()
        """Those who learn that the connection was lost, since their answer can come over no other."""
        self._release = release
        self._deframer = Deframer(limit)
        self._turn = asyncio.Lock()
        self._midway = False
        self._commits: list[bytes] = []
        self._committing: asyncio.Future[Commit] | None = None
        self._uncommitted = 0
        self._refused = False
        self.heard: Literal["", "ack", "nak"] = ""
        """The last commit acknowledgement of the peer."""
        self._transport: asyncio.Transport | None = None
        self._drained = asyncio.Event()
        self._drained.set()
        self.lost: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        """Done when the connection is gone."""

    @property
    def alive(self) -> bool:
        """True while there is a connection that can be written to."""
        return self._transport is not None and not self._transport.is_closing()

    # what asyncio calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport  # type: ignore[assignment]  # a stream's transport is always a Transport
        if self._keep_alive is not None:
            self._keep_alive.apply(transport)
        if self._made is not None:
            self._made(self)

    def data_received(self, data: bytes) -> None:
        for received in self._deframer.feed(data):
            self._deliver(received)

    def eof_received(self) -> bool:
        for received in self._deframer.finish():
            self._deliver(received)
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        self._drained.set()
        why = f": {exc}" if exc else ""
        for waiter in self.waiters:
            if not waiter.done():
                waiter.set_exception(ConnectionError(f"the connection was lost before an acknowledgement{why}"))
        if not self.lost.done():
            self.lost.set_result(None)

    def pause_writing(self) -> None:
        self._drained.clear()

    def resume_writing(self) -> None:
        self._drained.set()

    # what the sender calls

    async def write(self, blocks: Sequence[tuple[bytes, Manner]]) -> Literal["", "ack", "nak"]:
        """Write these, alone, and say what the peer committed (release 2; else the empty string).

        Raises ConnectionError if the connection is lost meanwhile. Who gives up waiting cuts the connection, if half
        a block was written or a late commit could be taken for that of the next block.
        """
        async with self._turn:
            if self._release == 1:
                await self._write(blocks)
                return ""
            committing: asyncio.Future[Commit] = asyncio.get_running_loop().create_future()
            self._committing = committing
            self._uncommitted = sum(manner.copies + 1 for _, manner in blocks if not manner.silent)
            self._refused = False
            try:
                await self._write(blocks)
                await asyncio.wait((committing, self.lost), return_when=asyncio.FIRST_COMPLETED)
            except asyncio.CancelledError:
                self.abort()
                raise
            finally:
                self._committing = None
            if not committing.done():
                raise ConnectionError("the connection was lost before a commit acknowledgement")
            return committing.result()

    async def close(self) -> None:
        """Close after what was written has left."""
        if self._transport is not None:
            self._transport.close()
        await asyncio.shield(self.lost)

    def abort(self) -> None:
        """Cut the connection."""
        if self._transport is not None:
            self._transport.abort()

    def resume(self) -> None:
        """Read again after a stall."""
        if self.alive and self._transport is not None and not self._transport.is_reading():
            self._transport.resume_reading()

    # the work

    async def _write(self, blocks: Sequence[tuple[bytes, Manner]]) -> None:
        manner = blocks[-1][1]
        if manner.stall and self._transport is not None and self._transport.is_reading():
            self._transport.pause_reading()
        try:
            for wait, octets in cut(blocks):
                if wait:
                    await pause(wait)
                await self._drained.wait()
                if self._transport is None or self._transport.is_closing():
                    raise ConnectionError("the connection was lost while writing")
                self._transport.write(octets)
                self._midway = True
        except asyncio.CancelledError:
            if self._midway:
                self.abort()
            raise
        self._midway = False
        for commit in self._commits:
            self._say(commit)
        self._commits.clear()
        if manner.reset:
            await pause(PIECE_PAUSE)  # lest the reset overtake the octets
            if self._transport is not None:
                reset(self._transport)
        elif self._transport is not None and (manner.close or (manner.lost and not manner.stall)):
            self._transport.close()

    def _deliver(self, received: Frame) -> None:
        kind = received.commit
        if kind is None:
            if self._release == 2:
                self._commit("ack" if received.complete else "nak")
            self._answers.deliver(received)
            return
        self.heard = kind
        if self._committing is None or self._committing.done():
            return
        self._refused |= kind == "nak"
        self._uncommitted -= 1
        if self._uncommitted <= 0:
            self._committing.set_result("nak" if self._refused else "ack")

    def _commit(self, kind: Commit) -> None:
        octets = frame(COMMITS[kind])
        if self._midway:
            self._commits.append(octets)
        else:
            self._say(octets)

    def _say(self, octets: bytes) -> None:
        if self._transport is not None:
            self._transport.write(octets)


def acknowledged(payload: bytes) -> tuple[str, bytes]:
    """MSA-1 and MSA-2 of an acknowledgement; two empty values if it is none."""
    try:
        message = Message(payload)
    except NotHL7:
        return "", b""
    segment = message.segment("MSA")
    if segment is None:
        return "", b""
    return (segment.field(1) or b"").decode("latin-1"), segment.field(2) or b""
