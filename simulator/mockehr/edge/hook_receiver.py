"""The other side of a webhook: an HTTP server that records what arrives and answers as told."""

from __future__ import annotations

import asyncio
import socket
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

import uvicorn
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from mockehr.core.errors import EnvironmentProblem
from mockehr.edge.certificates import Identity
from mockehr.events.arrival import Arrival


@dataclass(frozen=True, slots=True)
class Answer:
    """What the receiver says to one delivery."""

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


Judge = Callable[[Arrival], "int | Answer"]
"""Answers by what arrived; the status of what it is given is 0 yet."""


@dataclass(slots=True)
class Endpoint:
    """One path of a receiver, with all that is below it, and how it answers."""

    path: str
    arrivals: list[Arrival] = field(default_factory=list)
    next: deque[Answer | Judge] = field(default_factory=deque)
    always: Answer | Judge = field(default_factory=Answer)

    def answer(self, arrival: Arrival) -> Answer:
        """What it says to that; what was said is said."""
        told = self.next.popleft() if self.next else self.always
        if isinstance(told, Answer):
            return told
        judged = told(arrival)
        return judged if isinstance(judged, Answer) else Answer(judged)


class HookReceiver:
    """Takes whatever is sent to any path with any method. All of it runs in one event loop."""

    def __init__(self, heard: Callable[[Arrival], None] = lambda arrival: None) -> None:
        """`heard` is called with every arrival, before it is answered."""
        self.arrivals: list[Arrival] = []
        self.endpoints: dict[str, Endpoint] = {"/": Endpoint("/")}
        self.echo = True
        """Whether senders that ask for their challenge get it."""
        self.delay = 0.0
        """Wall seconds before each answer."""
        self.holding = False
        """Whether answers are kept back until `release`; what arrives is recorded at once."""
        self.port = 0
        self._heard = heard
        self._held: deque[asyncio.Event] = deque()
        self._servers: list[tuple[uvicorn.Server, socket.socket]] = []

    def at(self, path: str) -> Endpoint:
        """The endpoint at a path, made if it is not there; the longest path that fits an arrival counts."""
        path = "/" + path.strip("/")
        return self.endpoints.setdefault(path, Endpoint(path))

    def release(self, count: int | None = None) -> int:
        """Answer those that were kept back, or the first `count` of them; without one, keep nothing back any more."""
        self.holding = self.holding and count is not None
        due = len(self._held) if count is None else min(count, len(self._held))
        for _ in range(due):
            self._held.popleft().set()
        return due

    async def start(self, host: str = "127.0.0.1", port: int = 0, *, identity: Identity | None = None) -> int:
        """Listen on that port (0: any free one), with TLS where there is an identity; which port it is.

        May be called again for a further port. Raises EnvironmentProblem if the port is taken.
        """
        try:
            listening = socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
        except OSError as error:
            raise EnvironmentProblem(
                f"Nothing can listen on {host}, port {port}: {error.strerror}.",
                remedy="Use another port; 0 is any.",
            ) from error
        config = uvicorn.Config(
            self._app, interface="asgi3", loop="none", lifespan="off", ws="none", log_config=None,
            log_level="critical", access_log=False,
            ssl_certfile=identity.certificate if identity is not None else None,
            ssl_keyfile=identity.key if identity is not None else None,
        )  # fmt: skip
        config.load()
        server = uvicorn.Server(config)
        server.lifespan = config.lifespan_class(config)
        await server.startup(sockets=[listening])
        self._servers.append((server, listening))
        bound = int(listening.getsockname()[1])
        self.port = self.port or bound
        return bound

    async def stop(self) -> None:
        """Answer all that was kept back, stop listening, close connections; what arrived is kept."""
        self.release()
        for server, listening in self._servers:
            await server.shutdown(sockets=[listening])
        self._servers.clear()

    def _endpoint(self, path: str) -> Endpoint:
        fitting = [known for known in self.endpoints if path == known or path.startswith(known.rstrip("/") + "/")]
        return self.endpoints[max(fitting, key=len)]

    async def _app(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        body = await request.body()
        path = request.url.path
        arrival = Arrival(
            len(self.arrivals) + 1, dict(request.headers), body, 0, request.method, path, request.url.query
        )
        endpoint = self._endpoint(path)
        if self.echo and arrival.challenge:
            answer = Answer(200, {"content-type": "text/plain"}, arrival.challenge.encode())
        else:
            answer = endpoint.answer(arrival)
        arrival = replace(arrival, status=answer.status)
        self.arrivals.append(arrival)
        endpoint.arrivals.append(arrival)
        self._heard(arrival)
        await self._wait()
        response = Response(answer.body, status_code=answer.status, headers=dict(answer.headers))
        await response(scope, receive, send)

    async def _wait(self) -> None:
        if self.holding:
            turn = asyncio.Event()
            self._held.append(turn)
            await turn.wait()
        if self.delay:
            await asyncio.sleep(self.delay)
