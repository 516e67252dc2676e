"""The sending side of MLLP: one connection, messages out, each with the acknowledgement that names it."""

from __future__ import annotations

import asyncio
import ssl as tls
from collections import deque
from dataclasses import dataclass
from typing import Final

from mockehr.hl7.frame import DEFAULT_LIMIT, Deframer, Frame, frame
from mockehr.hl7.header import NotHL7, read_header
from mockehr.hl7.message import Message

PIECE_PAUSE: Final = 0.001
"""Seconds between the pieces of a split frame, so that they leave as segments of their own."""
KEPT_STRAYS: Final = 1000
"""Answers to nothing that a connection remembers."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one message sent.

    `code` is MSA-1 of the acknowledgement (empty if none came), `ack` its bytes, `matched` whether its MSA-2 named
    the message. `error` says in words what went wrong, empty if an answer came; a negative answer is an answer.
    """

    code: str = ""
    ack: bytes = b""
    matched: bool = False
    error: str = ""
    strays: tuple[bytes, ...] = ()
    """Payloads that came meanwhile and acknowledged nothing that was in flight."""


class MllpSender:
    """Sends messages over one connection that is made when needed and made anew after it was lost.

    `window` messages may be unacknowledged at a time. An answer belongs to the message whose MSH-10 it names in
    MSA-2; any other is a stray and answers nothing, so a late acknowledgement is never taken for that of the next
    message. With `await_application` an accept acknowledgement (CA) is not yet the answer. Nothing is ever sent
    twice: to send again is the caller's decision. Times are wall seconds.
    """

    def __init__(
        self,
        host: str,
        port: int,
        *,
        timeout: float = 10.0,
        connect_timeout: float = 5.0,
        window: int = 1,
        await_application: bool = False,
        limit: int = DEFAULT_LIMIT,
        ssl: tls.SSLContext | None = None,
    ) -> None:
        self.host = host
        self.port = port
        self.timeout = timeout
        self.connect_timeout = connect_timeout
        self.await_application = await_application
        self.limit = limit
        self.connects = 0
        """Connections made so far."""
        self._ssl = ssl
        self._window = asyncio.Semaphore(window)
        self._dialling = asyncio.Lock()
        self._link: _Link | None = None

    @property
    def connected(self) -> bool:
        """True while there is a connection."""
        return self._link is not None and self._link.alive

    async def send(
        self,
        message: bytes,
        *,
        wire: bytes | None = None,
        split: int | None = None,
        within: float | None = None,
        expect_ack: bool = True,
    ) -> Outcome:
        """Send one message, unframed, and wait for its acknowledgement.

        `wire` are the octets to write in place of the regular frame, `split` writes them in pieces of that many
        octets, `within` takes the place of the sender's timeout. Raises NotHL7 if the message has no MSH to
        correlate by and an acknowledgement is expected.
        """
        control_id = read_header(message).field(10) if expect_ack else b""
        async with self._window:
            try:
                link = await self._connect()
            except (OSError, TimeoutError) as error:
                reason = getattr(error, "strerror", None) or str(error) or "no answer"
                return Outcome(error=f"cannot connect to {self.host}:{self.port}: {reason}")
            octets = frame(message) if wire is None else wire
            if expect_ack:
                return await self._converse(
                    link, control_id, octets, split, self.timeout if within is None else within
                )
            try:
                await link.write(octets, split)
            except ConnectionError as error:
                return Outcome(error=str(error))
            return Outcome()

    async def close(self) -> None:
        """Close the connection; what still waits for an acknowledgement learns that it was lost."""
        link, self._link = self._link, None
        if link is not None:
            await link.close()

    async def _converse(
        self, link: _Link, control_id: bytes, octets: bytes, split: int | None, within: float
    ) -> Outcome:
        waiter = link.expect(control_id)
        since = link.stray_count
        try:
            async with asyncio.timeout(within):
                await link.write(octets, split)
                payload, code = await waiter
        except TimeoutError:
            strays = link.strays_since(since)
            if strays:
                stray_code, _ = _acknowledged(strays[-1])
                error = f"no acknowledgement of {_shown(control_id)} within {within:g} s, only of something else"
                return Outcome(stray_code, strays[-1], False, error, strays)
            return Outcome(error=f"no acknowledgement of {_shown(control_id)} within {within:g} s")
        except ConnectionError as error:
            return Outcome(error=str(error), strays=link.strays_since(since))
        finally:
            link.forget(control_id, waiter)
        return Outcome(code, payload, True, "", link.strays_since(since))

    async def _connect(self) -> _Link:
        async with self._dialling:
            if self._link is not None and self._link.alive:
                return self._link
            loop = asyncio.get_running_loop()
            async with asyncio.timeout(self.connect_timeout):
                _, self._link = await loop.create_connection(
                    lambda: _Link(self.limit, self.await_application), self.host, self.port, ssl=self._ssl
                )
            self.connects += 1
            return self._link


_Waiter = asyncio.Future[tuple[bytes, str]]


class _Link(asyncio.Protocol):
    """One connection of a sender, and who waits on it for which control id."""

    def __init__(self, limit: int, await_application: bool) -> None:
        self.stray_count = 0
        self._strays: deque[bytes] = deque(maxlen=KEPT_STRAYS)
        self._await_application = await_application
        self._deframer = Deframer(limit)
        self._waiting: dict[bytes, list[_Waiter]] = {}
        self._transport: asyncio.Transport | None = None
        self._drained = asyncio.Event()
        self._drained.set()
        self._closed: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    @property
    def alive(self) -> bool:
        return self._transport is not None and not self._transport.is_closing()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport  # type: ignore[assignment]  # a stream's transport is always a Transport

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
        for waiters in self._waiting.values():
            for waiter in waiters:
                if not waiter.done():
                    waiter.set_exception(ConnectionError(f"the connection was lost before an acknowledgement{why}"))
        if not self._closed.done():
            self._closed.set_result(None)

    def pause_writing(self) -> None:
        self._drained.clear()

    def resume_writing(self) -> None:
        self._drained.set()

    def strays_since(self, count: int) -> tuple[bytes, ...]:
        """The strays that came after there had been `count` of them."""
        fresh = min(self.stray_count - count, len(self._strays))
        return tuple(self._strays)[len(self._strays) - fresh :]

    def expect(self, control_id: bytes) -> _Waiter:
        waiter: _Waiter = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(control_id, []).append(waiter)
        return waiter

    def forget(self, control_id: bytes, waiter: _Waiter) -> None:
        waiters = self._waiting.get(control_id, [])
        if waiter in waiters:
            waiters.remove(waiter)
        if not waiters:
            self._waiting.pop(control_id, None)
        if waiter.done() and not waiter.cancelled():
            waiter.exception()  # looked at, so that nobody is told that it never was

    async def write(self, octets: bytes, split: int | None) -> None:
        size = split or len(octets) or 1
        for start in range(0, len(octets), size):
            if start:
                await _pause(PIECE_PAUSE)
            if self._transport is None:
                raise ConnectionError("the connection was lost while writing")
            self._transport.write(octets[start : start + size])
            await self._drained.wait()

    async def close(self) -> None:
        if self._transport is not None:
            self._transport.close()
        await self._closed

    def _deliver(self, received: Frame) -> None:
        code, control_id = _acknowledged(received.payload)
        waiting = [waiter for waiter in self._waiting.get(control_id, []) if not waiter.done()]
        if not code or not waiting or not received.complete:
            self._strays.append(received.payload)
            self.stray_count += 1
        elif not (self._await_application and code == "CA"):
            waiting[0].set_result((received.payload, code))


async def _pause(seconds: float) -> None:
    """Wait on the loop's own timer."""
    loop = asyncio.get_running_loop()
    done: asyncio.Future[None] = loop.create_future()
    loop.call_later(seconds, done.set_result, None)
    await done


def _acknowledged(payload: bytes) -> tuple[str, bytes]:
    """MSA-1 and MSA-2 of an acknowledgement; two empty values if it is none."""
    try:
        message = Message(payload)
    except NotHL7:
        return "", b""
    segment = message.segment("MSA")
    if segment is None:
        return "", b""
    return (segment.field(1) or b"").decode("latin-1"), segment.field(2) or b""


def _shown(control_id: bytes) -> str:
    return control_id.decode("latin-1") or "(a message without MSH-10)"
