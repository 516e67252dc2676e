"""uvicorn's HTTP protocol, with the transport within reach, so that a reply can be cut anywhere, and with a short way
for plain GETs: they are answered while their head is parsed, without a task, an ASGI cycle or a second write.

Only what is certain to be the same goes the short way; all else, and all that turns out to be disturbed or delayed,
goes through ASGI.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Final

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from mockehr.core.exchange import CERTIFICATE
from mockehr.edge.http import CONTROL_PREFIX, REST, TURN, HttpEdge, header_map
from mockehr.edge.replies import DEAFEN, GONE, TRANSPORT

_LONG_WAY: Final = frozenset(
    ("content-length", "transfer-encoding", "expect", "upgrade", "x-forwarded-for", "x-forwarded-proto")
)
"""Headers that mean a body, another protocol, or something that uvicorn's middleware has to look at."""


HEAD_LIMIT: Final = 1 << 19
"""Octets that one request line with its headers may hold over several reads of the socket; more gets 431."""
_HEAD_TOO_LARGE: Final = (
    b"HTTP/1.1 431 Request Header Fields Too Large\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
)


class CuttableProtocol(HttpToolsProtocol):
    """Puts the connection's transport into `scope["extensions"]` and answers plain GETs at once; else uvicorn."""

    def __init__(self, *args: Any, lost: Callable[[], None] | None = None, **kwargs: Any) -> None:
        """As uvicorn's; `lost` is called when the connection has ended."""
        super().__init__(*args, **kwargs)
        self._lost = lost
        inner = self.app
        self._edge = self.config.app if isinstance(self.config.app, HttpEdge) else None
        self._answered = False
        self._rest: Any = None
        self._head_octets = 0
        self._requests = 0
        self._shown = ""
        self._gone = asyncio.Event()

        async def app(scope: Any, receive: Any, send: Any) -> None:
            scope["extensions"] = {TRANSPORT: self.transport, REST: scope.pop(REST, None), GONE: self._gone}
            if self._edge is not None and self._edge.deafen is not None:
                scope["extensions"][DEAFEN] = self._edge.deafen
            await inner(scope, receive, send)

        self.app = app

    def connection_made(self, transport: Any) -> None:
        """A connection, and over HTTPS after its handshake."""
        super().connection_made(transport)
        if self._edge is not None and self._edge.https is not None:
            self._shown = self._edge.https.shown(transport)

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection has ended."""
        self._gone.set()
        super().connection_lost(exc)
        if self._lost is not None:
            self._lost()

    def shutdown(self) -> None:
        """The server is about to stop: who was kept waiting is let go."""
        self._gone.set()
        super().shutdown()

    def data_received(self, data: bytes) -> None:
        """Parse what came; a head that does not end is refused, for the parser would collect it without bound."""
        self._head_octets += len(data)
        super().data_received(data)  # whatever ends a head or brings a body sets the count back
        if self._head_octets > HEAD_LIMIT and not self.transport.is_closing():
            self.transport.write(_HEAD_TOO_LARGE)
            self.transport.close()

    def on_headers_complete(self) -> None:
        """Answer now if that can be done, else begin an ASGI cycle."""
        self._head_octets = 0
        scope: Any = self.scope
        scope[TURN] = self._requests
        self._requests += 1
        if self._shown:
            scope[CERTIFICATE] = self._shown
        if not self._answer_at_once():
            super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Nothing is read of what was answered already."""
        self._head_octets = 0
        if not self._answered:
            super().on_body(body)

    def on_message_complete(self) -> None:
        """The end of the request."""
        if self._answered:
            self._answered = False
        else:
            super().on_message_complete()

    def _answer_at_once(self) -> bool:
        parser, edge = self.parser, self._edge
        if edge is None or parser.get_method() != b"GET" or not self._free() or not parser.should_keep_alive():
            return False
        headers = header_map(self.headers)
        if not _LONG_WAY.isdisjoint(headers) or b"%" in self.url or parser.get_http_version() != "1.1":
            return False
        url = httptools.parse_url(self.url)
        path = url.path.decode("ascii")
        if path.startswith(CONTROL_PREFIX):
            return False
        scope: Any = self.scope
        scope["method"], scope["path"], scope["query_string"] = "GET", path, url.query or b""
        answer = edge.answer_at_once(scope, headers)
        if not isinstance(answer, tuple):
            scope[REST] = answer
            return False
        if len(answer) == 1:
            self.transport.write(answer[0])
        else:
            self.transport.writelines(answer)
        self._answered = True
        self.on_response_complete()
        return True

    def _free(self) -> bool:
        """True if this connection owes nothing, reads on, and needs none of uvicorn's options."""
        return (
            (self.cycle is None or self.cycle.response_complete)
            and not self.flow.write_paused
            and not self.root_path
            and not self.access_log
            and not self.server_state.default_headers
            and not self.transport.is_closing()
        )
