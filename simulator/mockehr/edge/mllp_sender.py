"""The sending side of MLLP: messages out, each with the acknowledgement that names it."""

from __future__ import annotations

import asyncio
import ssl as tls
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final, Literal

from mockehr.core.errors import EnvironmentProblem
from mockehr.edge.mllp_link import Answers, Link, Waiter, acknowledged
from mockehr.edge.mllp_manner import REGULAR, Manner
from mockehr.edge.mllp_route import Awaited, Dialled, Route
from mockehr.edge.mllp_socket import ONCE, Backoff, KeepAlive
from mockehr.hl7.frame import DEFAULT_LIMIT
from mockehr.hl7.header import read_header


@dataclass(frozen=True, slots=True, kw_only=True)
class Sending:
    """How messages are sent. Sizes in octets, times in wall seconds."""

    timeout: float = 10.0
    """For the acknowledgement of one message."""
    connect_timeout: float = 5.0
    """For one attempt to connect, or for the peer to dial."""
    window: int = 1
    """Messages that may be unacknowledged at a time."""
    await_application: bool = False
    """An accept acknowledgement (CA) is not yet the answer."""
    limit: int = DEFAULT_LIMIT
    """The longest acknowledgement."""
    role: Literal["dial", "wait"] = "dial"
    """`wait`: listen, and send over the connection that the peer makes (reverse MLLP)."""
    persistent: bool = True
    """Keep the connection from one message to the next; without it each has its own."""
    release: Literal[1, 2] = 1
    """Of MLLP. In release 2 the peer has to commit each message before the next is written; what comes from it is
    committed in turn."""
    commit_timeout: float = 10.0
    commit_retries: int = 0
    """How often a message that was refused (NAK), or not committed in time, is written again; after a time-out over
    a new connection, lest the late commit be taken for that of another message."""
    backoff: Backoff = ONCE
    keep_alive: KeepAlive | None = None
    ack_port: int | None = None
    """Acknowledgements come over a second connection: the peer dials this port of ours, or we that of the peer."""
    ack_role: Literal["wait", "dial"] = "wait"
    ack_host: str = ""
    """Of the second connection; empty for the host of the first."""


PLAIN: Final = Sending()


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
    commit: Literal["", "ack", "nak"] = ""
    """The peer's commit acknowledgement, in release 2."""


class MllpSender:
    """Sends messages over a connection that is made when needed and made anew after it was lost.

    An answer belongs to the message whose MSH-10 it names in MSA-2; any other is a stray and answers nothing, so a
    late acknowledgement is never taken for that of the next message. Nothing is ever sent twice, except as
    `Sending.commit_retries` and `Manner.copies` ask for it: to send again is the caller's decision. A connection that
    cannot take more octets holds up the next message, which bounds what is buffered.
    """

    def __init__(
        self,
        host: str,
        port: int,
        settings: Sending = PLAIN,
        *,
        ssl: tls.SSLContext | None = None,
        server_name: str | None = None,
        ack_ssl: tls.SSLContext | None = None,
    ) -> None:
        """`ssl` and `ack_ssl` are contexts of a server for who waits, of a client for who dials; `server_name` is
        the name that the peer's certificate must bear, if not the host."""
        self.host = host
        self.settings = settings
        self.connects = 0
        """Connections made so far, without those for acknowledgements."""
        self._answers = Answers(settings.await_application)
        self._window = asyncio.Semaphore(settings.window)
        self._connecting = asyncio.Lock()
        self._link: Link | None = None
        self._ack_link: Link | None = None
        self._route = self._way(settings.role, host, port, ssl, server_name)
        self._ack_route: Route | None = None
        if settings.ack_port is not None:
            name = settings.ack_host or host
            self._ack_route = self._way(
                settings.ack_role, name, settings.ack_port, ack_ssl, server_name, only_newest=False
            )

    @property
    def port(self) -> int:
        """The port that is dialled, or on which the peer is waited for."""
        return self._route.port

    @property
    def ack_port(self) -> int | None:
        """The port of the second connection, if there is one."""
        return self._ack_route.port if self._ack_route is not None else None

    @property
    def connected(self) -> bool:
        """True while there is a connection."""
        return self._link is not None and self._link.alive

    async def start(self) -> None:
        """Listen where the peer is to dial; the first message does so otherwise. Raises EnvironmentProblem."""
        await self._route.start()
        if self._ack_route is not None:
            await self._ack_route.start()

    async def send(
        self,
        message: bytes,
        *,
        manner: Manner = REGULAR,
        within: float | None = None,
        expect_ack: bool = True,
    ) -> Outcome:
        """Send one message, unframed, and wait for its acknowledgement.

        `manner` says what goes onto the wire for it, `within` takes the place of the time-out. Raises NotHL7 if the
        message has no MSH to correlate by and an acknowledgement is expected.
        """
        (outcome,) = await self.send_together(((message, manner),), within=within, expect_ack=expect_ack)
        return outcome

    async def send_together(
        self,
        messages: Sequence[tuple[bytes, Manner]],
        *,
        within: float | None = None,
        expect_ack: bool = True,
    ) -> list[Outcome]:
        """Send messages in one write, and wait for the acknowledgements of all. They take one place of the window;
        the pieces and the end are those of the last one's manner."""
        ids = [read_header(message).field(10) for message, _ in messages] if expect_ack else []
        async with self._window:
            for _ in range(self.settings.commit_retries + 1):
                try:
                    link = await self._connect()
                except EnvironmentProblem as problem:
                    return [Outcome(error=problem.what)] * len(messages)
                except OSError as error:
                    reason = getattr(error, "strerror", None) or str(error) or "no answer"
                    return [Outcome(error=f"{self._missing()}: {reason}")] * len(messages)
                outcomes = await self._converse(link, ids, messages, within)
                settled = all(outcome.code or outcome.commit == "ack" for outcome in outcomes)
                if not self.settings.persistent:
                    await link.close()
                if self.settings.release == 1 or settled:
                    break
        return outcomes

    def resume(self) -> None:
        """Read again after a message whose manner was to stall."""
        if self._link is not None:
            self._link.resume()

    async def close(self) -> None:
        """Close all connections; what still waits for an acknowledgement learns that they were lost."""
        for link in (self._link, self._ack_link):
            if link is not None:
                await link.close()
        self._link = self._ack_link = None
        await self._route.close()
        if self._ack_route is not None:
            await self._ack_route.close()

    async def _converse(
        self, link: Link, ids: list[bytes], messages: Sequence[tuple[bytes, Manner]], within: float | None
    ) -> list[Outcome]:
        within = self.settings.timeout if within is None else within
        waiters = [self._answers.expect(control_id) for control_id in ids]
        if self._ack_route is None:
            link.waiters.update(waiters)
        since = self._answers.stray_count
        commit: Literal["", "ack", "nak"] = ""
        committed = self.settings.release == 1
        error = ""
        try:
            async with asyncio.timeout(within if committed else self.settings.commit_timeout):
                commit = await link.write(messages)
                committed = True
                if self.settings.release == 1 and waiters:
                    await asyncio.wait(waiters)
            if self.settings.release == 2 and waiters and commit == "ack":
                await asyncio.wait(waiters, timeout=within)
        except TimeoutError:
            if not committed:
                error = f"no commit acknowledgement within {self.settings.commit_timeout:g} s"
        except ConnectionError as lost:
            error = str(lost)
        finally:
            link.waiters.difference_update(waiters)
            for control_id, waiter in zip(ids, waiters, strict=True):
                self._answers.forget(control_id, waiter)
        if commit == "nak":
            error = "the peer refused to take the message (negative commit acknowledgement)"
        strays = self._answers.strays_since(since)
        if not waiters:
            return [Outcome(error=error, strays=strays, commit=commit)] * len(messages)
        return [
            _outcome(control_id, waiter, error, within, strays, commit)
            for control_id, waiter in zip(ids, waiters, strict=True)
        ]

    async def _connect(self) -> Link:
        async with self._connecting:
            if self._ack_route is not None:
                await self._ack_route.start()
                if isinstance(self._ack_route, Dialled) and (self._ack_link is None or not self._ack_link.alive):
                    self._ack_link = await self._ack_route.link()
            if self._link is None or not self._link.alive or not self.settings.persistent:
                self._link = await self._route.link()
                self.connects += 1
            return self._link

    def _missing(self) -> str:
        if isinstance(self._route, Awaited):
            return f"nobody connected to {self._route.host}:{self._route.port}"
        return f"cannot connect to {self._route.host}:{self._route.port}"

    def _way(
        self,
        role: Literal["dial", "wait"],
        host: str,
        port: int,
        ssl: tls.SSLContext | None,
        name: str | None,
        *,
        only_newest: bool = True,
    ) -> Route:
        settings = self.settings
        make = partial(
            Link,
            self._answers,
            limit=settings.limit,
            release=settings.release,
            keep_alive=settings.keep_alive,
        )
        patience = settings.connect_timeout
        if role == "wait":
            return Awaited(host, port, make, timeout=patience, ssl=ssl, only_newest=only_newest)
        return Dialled(host, port, make, timeout=patience, backoff=settings.backoff, ssl=ssl, server_name=name)


def _outcome(
    control_id: bytes,
    waiter: Waiter,
    error: str,
    within: float,
    strays: tuple[bytes, ...],
    commit: Literal["", "ack", "nak"],
) -> Outcome:
    if waiter.done() and not waiter.cancelled():
        lost = waiter.exception()
        if lost is None:
            payload, code = waiter.result()
            return Outcome(code, payload, True, error, strays, commit)
        return Outcome(error=error or str(lost), strays=strays, commit=commit)
    if error or not strays:
        error = error or f"no acknowledgement of {_shown(control_id)} within {within:g} s"
        return Outcome(error=error, strays=strays, commit=commit)
    code, _ = acknowledged(strays[-1])
    error = f"no acknowledgement of {_shown(control_id)} within {within:g} s, only of something else"
    return Outcome(code, strays[-1], False, error, strays, commit)


def _shown(control_id: bytes) -> str:
    return control_id.decode("latin-1") or "(a message without MSH-10)"
