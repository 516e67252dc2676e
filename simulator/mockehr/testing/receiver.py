"""What the fixture `mockehr_webhooks` gives: a receiver of webhooks on loopback that remembers what arrived."""

from __future__ import annotations

import socket
import threading
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import orjson
import uvicorn
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from mockehr.core.errors import UsageError, VerdictFailed
from mockehr.events import verify
from mockehr.testing.server import WorldServer

PATH = "/hook"
SIGNATURE = "x-mockehr-signature"


@dataclass(frozen=True, slots=True)
class Arrival:
    """One delivery as it arrived: the first has number 1. Header names are in small letters."""

    number: int
    headers: Mapping[str, str]
    body: bytes
    status: int
    """What the receiver answered."""

    @property
    def json(self) -> Any:
        """The body, parsed; raises ValueError if it is no JSON."""
        return orjson.loads(self.body)

    def verify(self, secret: str, *, now: float | None = None) -> None:
        """Raise VerdictFailed unless the signature was made with `secret`.

        With `now` (seconds since 1970 by the site's clock, as `site.now`) one older than 5 minutes is refused.
        """
        header = self.headers.get(SIGNATURE, "")
        if now is None:
            fault = verify(secret, header, self.body, now=0, tolerance=1 << 62)
        else:
            fault = verify(secret, header, self.body, now=int(now))
        if fault:
            raise VerdictFailed(
                f"Delivery {self.number} is not signed as agreed: {fault}.",
                remedy="Give the same secret to site.webhook(…, secret=…) and to verify(…).",
            )


class Receiver:
    """Records deliveries in order of arrival and answers as told. Safe to use from the test's thread."""

    def __init__(self, server: WorldServer) -> None:
        self._server = server
        self._arrivals: list[Arrival] = []
        self._news = threading.Condition()
        self._answers: deque[tuple[int, Mapping[str, str]]] = deque()
        self._always: tuple[int, Mapping[str, str]] = (200, {})
        self._socket: socket.socket | None = None
        self._uvicorn: uvicorn.Server | None = None

    def start(self) -> Receiver:
        """Listen on a free port of loopback, in the session server's loop."""
        self._server.threaded.run(self._start())
        return self

    def stop(self) -> None:
        """Stop listening and close connections; what arrived is kept."""
        if self._uvicorn is not None:
            self._server.end(self._stop)

    @property
    def url(self) -> str:
        """Where to deliver: `http://127.0.0.1:port/hook`."""
        if self._socket is None:
            raise UsageError("The receiver does not listen yet.", remedy="Call start() first.")
        return f"http://127.0.0.1:{self._port}{PATH}"

    def answer(self, status: int, times: int | None = None, *, headers: Mapping[str, str] | None = None) -> None:
        """Answer the next `times` deliveries with `status`; without `times` all that come after those.

        Several calls queue up: `answer(500, times=2)` and `answer(429, times=1)` give 500, 500, 429, and then 200.
        """
        if times is None:
            self._always = (status, dict(headers or {}))
        else:
            self._answers.extend([(status, dict(headers or {}))] * times)

    def __len__(self) -> int:
        return len(self._arrivals)

    def __iter__(self) -> Iterator[Arrival]:
        return iter(tuple(self._arrivals))

    def __getitem__(self, place: int) -> Arrival:
        return self._arrivals[place]

    def wait_for(self, n: int = 1, *, timeout: float = 5.0) -> list[Arrival]:
        """All deliveries as soon as there are `n`; raises VerdictFailed if `timeout` seconds are not enough."""
        __tracebackhide__ = True
        with self._news:
            if not self._news.wait_for(lambda: len(self._arrivals) >= n, timeout):
                told = "".join(f"\n  - {one.number}: {one.body[:200]!r} → {one.status}" for one in self._arrivals)
                raise VerdictFailed(
                    f"{len(self._arrivals)} of {n} deliveries arrived within {timeout:g} s.{told}",
                    remedy="Retries and late copies wait on the site's clock: site.advance(…) moves it.",
                )
            return list(self._arrivals)

    def verify(self, secret: str, *, now: float | None = None) -> None:
        """Raise VerdictFailed unless something arrived and all of it was signed with `secret`; see Arrival.verify."""
        if not self._arrivals:
            raise VerdictFailed("Nothing arrived.", remedy="Wait for it: wait_for(1).")
        for arrival in self:
            arrival.verify(secret, now=now)

    async def _start(self) -> None:
        self._socket = socket.create_server(("127.0.0.1", 0))
        self._port = int(self._socket.getsockname()[1])
        config = uvicorn.Config(
            self._app,
            interface="asgi3",
            loop="none",
            lifespan="off",
            ws="none",
            log_config=None,
            log_level="critical",
            access_log=False,
        )
        config.load()
        self._uvicorn = uvicorn.Server(config)
        self._uvicorn.lifespan = config.lifespan_class(config)
        await self._uvicorn.startup(sockets=[self._socket])

    async def _stop(self) -> None:
        assert self._uvicorn is not None
        assert self._socket is not None
        await self._uvicorn.shutdown(sockets=[self._socket])

    async def _app(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        body = await request.body()
        status, headers = self._answers.popleft() if self._answers else self._always
        with self._news:
            self._arrivals.append(Arrival(len(self._arrivals) + 1, dict(request.headers), body, status))
            self._news.notify_all()
        await Response(status_code=status, headers=headers)(scope, receive, send)
