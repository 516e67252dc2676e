"""HTTP without sockets: httpx2 requests that are answered in memory by the very ASGI application that serves sockets.

What rules do to the bytes reaches the client as it would over TCP: an answer that is lost, reset or cut is the
exception that httpx2 raises for it, and a wait moves the sites' clocks, up to the client's own time-out.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from math import inf
from typing import Any, Final, TypeVar

import httpx2

from mockehr.core.errors import UsageError
from mockehr.core.exchange import Effects, Exchange
from mockehr.edge.http import TRANSPORT, HttpEdge, Scope
from mockehr.sites.directory import Directory

T = TypeVar("T")
HOST: Final = "mockehr.example.org"
ADDRESS: Final = f"http://{HOST}"
"""Where sites in memory are, for clients that ask over `Network`."""


class TooManyCalls(BaseException):
    """The client goes on and on: more requests and pauses than it may make, or it waits for ever.

    No `except Exception` swallows it.
    """


class Network(httpx2.BaseTransport, httpx2.AsyncBaseTransport):
    """A transport for `httpx2.Client` and `httpx2.AsyncClient` to the sites of a directory.

    `spend` is called before each request, `wait` with the site seconds that an exchange takes: `pace` and what rules
    add. Sync requests need `runner` to be idle: raises UsageError inside of its loop.
    """

    def __init__(
        self,
        directory: Directory,
        runner: asyncio.Runner,
        *,
        spend: Callable[[], None],
        wait: Callable[[float], None],
        pace: float,
    ) -> None:
        self._edge = HttpEdge(directory)
        self._runner = runner
        self._spend = spend
        self._wait = wait
        self._pace = pace
        self._ended: list[Exchange] = []
        for site in directory:
            site.journal.listen(self._ended.append)

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        """Answer a request of a sync client."""
        return finished(self._runner, self._answer(request, request.read()), "a sync http client")

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Answer a request of an async client."""
        return await self._answer(request, await request.aread())

    def end(self) -> None:
        """Let go of what the application opened."""
        self._runner.run(self._edge.key_sets.close())
        self._runner.run(self._edge.imports.close())

    async def _answer(self, request: httpx2.Request, body: bytes) -> httpx2.Response:
        self._spend()
        self._ended.clear()
        link, head, parts = _Link(), {}, []

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(message: Any) -> None:
            if message["type"] == "http.response.start":
                head.update(message)
            elif not link.ended:
                parts.append(message.get("body", b""))

        await self._edge(_scope(request, link), receive, send)
        effects = [exchange.effects for exchange in self._ended if exchange.effects is not None]
        self._pass_time(request)
        if not head:
            raise _broken(link, b"", request)
        content, misstated = b"".join(parts), sum(one.misstated for one in effects)
        failure = _broken(link, content, request) if link.ended or misstated > 0 else None
        return httpx2.Response(head["status"], headers=head["headers"], stream=_Content(content, failure))

    def _pass_time(self, request: httpx2.Request) -> None:
        """Raises ReadTimeout where nothing comes for longer than the client waits."""
        effects = [exchange.effects for exchange in self._ended if exchange.effects is not None]
        silent, whole = self._pace, self._pace
        for one in effects:
            silent, whole = silent + _before_first(one), whole + _before_first(one)
            for exchange in self._ended:
                if exchange.effects is one and one.drip is not None and exchange.reply is not None:
                    size, pause = one.drip
                    whole += pause * -(-len(exchange.reply.body) // size)
                    silent = max(silent, pause)
        patience = (request.extensions.get("timeout") or {}).get("read")
        if patience is None and silent == inf:
            raise TooManyCalls("nothing ever comes, and the client has no time-out")
        if patience is not None and silent > patience:
            self._wait(patience)
            raise httpx2.ReadTimeout(f"nothing came for {patience:g} s", request=request)
        self._wait(whole)


class _Link:
    """Stands for the socket: remembers how it was ended."""

    def __init__(self) -> None:
        self.ended = ""

    def close(self) -> None:
        self.ended = "closed"

    def abort(self) -> None:
        self.ended = "reset"

    def write(self, octets: bytes) -> None:
        """What lies behind the answer belongs to nobody: the next request has a connection of its own here."""

    def get_extra_info(self, name: str) -> None:
        return None


class _Content(httpx2.SyncByteStream, httpx2.AsyncByteStream):
    """A body, and how the connection failed behind it, if it did."""

    def __init__(self, octets: bytes, failure: Exception | None) -> None:
        self._octets = octets
        self._failure = failure

    def __iter__(self) -> Iterator[bytes]:
        yield self._octets
        if self._failure is not None:
            raise self._failure

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for part in self:
            yield part


def finished(runner: asyncio.Runner, work: Coroutine[Any, Any, T], what: str) -> T:
    """Run `work` to its end; raises UsageError within an event loop, where nothing may block."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return runner.run(work)
    work.close()
    raise UsageError(f"{what} would block the event loop.", remedy="Use async_http and async_sleep in async clients.")


def _before_first(effects: Effects) -> float:
    return inf if effects.hang else effects.arrival_delay + effects.reply_delay


def _broken(link: _Link, content: bytes, request: httpx2.Request) -> Exception:
    """What httpx2 raises over TCP: for FIN and RST, before any byte and within the body."""
    if link.ended == "reset":
        return httpx2.ReadError("[Errno 104] Connection reset by peer", request=request)
    if content:
        text = "peer closed connection without sending complete message body"
        return httpx2.RemoteProtocolError(text, request=request)
    return httpx2.RemoteProtocolError("Server disconnected without sending a response.", request=request)


def _scope(request: httpx2.Request, link: _Link) -> Scope:
    path, _, query = request.url.raw_path.partition(b"?")
    return {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": request.method,
        "scheme": request.url.scheme,
        "path": request.url.path,
        "raw_path": path,
        "query_string": query,
        "root_path": "",
        "headers": [(name.lower(), value) for name, value in request.headers.raw],
        "server": (request.url.host, request.url.port or 80),
        "client": ("127.0.0.1", 50000),
        "extensions": {TRANSPORT: link},
    }
