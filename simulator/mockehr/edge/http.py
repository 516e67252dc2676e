"""HTTP in: a bare ASGI application that turns requests into exchanges and replies into bytes, faults included.

Nothing here decides anything: the directory admits, the site answers, the effects say what happens to the bytes.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, MutableMapping
from functools import lru_cache, partial
from http import HTTPStatus
from typing import Any, Final

import orjson

from mockehr.core.exchange import CERTIFICATE, PROXY, Channel, Exchange, Interaction, Reply
from mockehr.core.problem import Problem
from mockehr.edge.bulk import finish_work, let_go, unfinished
from mockehr.edge.coding import Pairs, coded, decoded
from mockehr.edge.https import Https
from mockehr.edge.imports import Imports, awaited, finish_import
from mockehr.edge.key_sets import KeySets
from mockehr.edge.replies import GONE, TRANSPORT, Scope, Send, pass_time, send_disturbed, send_reply
from mockehr.edge.websockets import WebSockets
from mockehr.sites.directory import Directory, channel_of, withdrawn_at
from mockehr.sites.site import Site

__all__ = ("TRANSPORT", "HttpEdge", "Scope", "Send")

Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]

BODY_LIMIT = 32 << 20
LONG_BODY: Final = 8 << 10
"""Octets from which on a body is written as a piece of its own."""
CONTROL_PREFIX = "/_mockehr"
ENTRY_HEADER: Final = "X-Mockehr-Entry"
REST = "mockehr.rest"
TURN: Final = "mockehr.turn"
"""In the scope: how many requests came over the connection before."""
Rest = Callable[[Scope, Send], Awaitable[None]]
"""What is left to do of an exchange that could not be answered at once."""
_STATUS_LINES: Final = {
    code.value: f"HTTP/1.1 {code.value} {code.phrase}\r\n".encode()
    for code in HTTPStatus
    if code not in (204, 304) and code >= 200
}
_FRAMING: Final = frozenset({"connection", "content-length", "transfer-encoding"})
_TOKEN: Final = re.compile(r"[!#$%&'*+\-.^_`|~0-9a-z]+").fullmatch
_CONTROLS: Final = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]").search


class HttpEdge:
    """The ASGI application of a server. `control` answers below `/_mockehr`."""

    def __init__(self, directory: Directory, control: Callable[..., Awaitable[None]] | None = None) -> None:
        self.directory = directory
        self.control = control
        self.key_sets = KeySets()
        self.imports = Imports()
        self.websockets = WebSockets(directory)
        self.https: Https | None = None
        """Where certificates come from, of a server that speaks HTTPS."""
        self.deafen: Callable[[Site, float], None] | None = None
        """Lets a site's own port take no connections for so many site seconds, where somebody listens there."""
        self._bases: dict[Site, str] = {}
        self._lines: dict[tuple[str, str], bytes] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One ASGI event stream: lifespan, HTTP or a websocket; anything else is refused."""
        if scope["type"] == "http":
            await self._http(scope, receive, send)
        elif scope["type"] == "websocket":
            await self.websockets.serve(scope, receive, send)
        elif scope["type"] == "lifespan":
            await _lifespan(receive, send)
        else:
            raise RuntimeError(f"{scope['type']} is not served here")

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        rest = scope.get("extensions", {}).get(REST)
        if rest is not None:
            await rest(scope, send)
            return
        if scope["path"].startswith(CONTROL_PREFIX) and self.control is not None:
            await self.control(scope, receive, send)
            return
        opened = self._open(scope, header_map(scope["headers"]))
        if isinstance(opened, Reply):
            await _send_opened(opened, scope, send)
            return
        site, exchange = opened
        if scope["method"] not in ("GET", "HEAD"):
            body = await _body(receive)
            if body is None:
                await _send_opened(_too_large(), scope, send)
                return
            _unpack(exchange, body)
        site = self.directory.tenant(site, exchange)
        site.pipelines[exchange.channel].arrive(exchange)
        if exchange.channel == "token":
            await self._answer_token(site, exchange)
            await _finish(site, exchange, scope, send)
        else:
            await _proceed(site, exchange, scope, send)
            self.imports.begin(site)

    async def _answer_token(self, site: Site, exchange: Exchange) -> None:
        """Answer a token request that arrived, once the site has the client's key set at hand if it needs one."""
        if exchange.effects is not None and exchange.effects.arrival_delay:
            await pass_time(site, exchange, exchange.effects.arrival_delay, None)
        if exchange.result is None:
            await self.key_sets.provide(site, exchange)
        site.pipelines[exchange.channel].answer(exchange)

    def answer_at_once(self, scope: Scope, headers: dict[str, str]) -> tuple[bytes, ...] | Rest:
        """The whole reply to a GET, in pieces, if nothing has to be waited for and nothing disturbs its bytes.

        Otherwise what is left to do: to be awaited with the scope and `send`, as `scope["extensions"][REST]`. The
        bytes are those that the ASGI way gives. Paths below `/_mockehr` must not come here.
        """
        opened = self._open(scope, headers)
        if isinstance(opened, Reply):
            return partial(_send_opened, opened)
        site, exchange = opened
        site = self.directory.tenant(site, exchange)
        pipeline = site.pipelines[exchange.channel]
        try:
            pipeline.arrive(exchange)
            if exchange.effects is not None or (exchange.channel == "files" and _must_wait(site, exchange)):
                return partial(_proceed, site, exchange)
            pipeline.answer(exchange)
            reply = exchange.reply
            octets = self._octets(reply, *coded(site, exchange)) if exchange.effects is None and reply else ()
            if octets and exchange.channel == "files":
                let_go(site, exchange)
        except Exception as error:  # uvicorn reports it and answers 500, as it does for the ASGI way
            return partial(_fail, error)
        return octets or partial(_finish, site, exchange)

    def _open(self, scope: Scope, headers: dict[str, str]) -> tuple[Site, Exchange] | Reply:
        """The site that is addressed and the exchange for it, or the refusal of an address that nobody has."""
        path: str = scope["path"]
        server = scope.get("server")
        admitted = self.directory.admit(path, server[1] if server else 0)
        if admitted is None:
            return _stray(self.directory, path)
        site, root, below = admitted
        base, refusal = self._base_of(site), None
        if below.startswith(base + "/") and below[len(base) + 1 : len(base) + 2].isupper():  # a type, as most are
            channel: Channel = "fhir"
            within = below[len(base) :]
        else:
            found = channel_of(site, below)
            gone = withdrawn_at(site, below) if found is None else None
            if gone is not None:
                base, within, refusal = gone
                channel = "fhir"
            elif found is not None:
                channel, within = found
            else:
                return _unserved(site, root, below, scope, headers)
        host = headers.get("host") or (f"{server[0]}:{server[1]}" if server else "localhost")
        origin = f"{scope.get('scheme', 'http')}://{host}{root}"
        query = scope["query_string"].decode("latin-1")
        exchange = Exchange(channel, scope["method"], within, query, headers, base_url=origin + base)
        exchange.result = refusal
        client = scope.get("client")
        exchange.peer = client[0] if client else ""
        exchange.turn = scope.get(TURN, 0)
        if CERTIFICATE in scope:
            exchange.notes[CERTIFICATE] = scope[CERTIFICATE]
        return site, exchange

    def _base_of(self, site: Site) -> str:
        """The site's FHIR base without its last slash; a site's paths never change."""
        base = self._bases.get(site)
        if base is None:
            if len(self._bases) > 2 * len(self.directory) + 16:
                self._bases.clear()  # of sites that are gone
            base = self._bases[site] = site.fhir_path.rstrip("/")
        return base

    def _octets(self, reply: Reply, body: bytes, more: Pairs) -> tuple[bytes, ...]:
        """A reply as HTTP/1.1, or nothing if its head is of a kind that is better left to uvicorn.

        A long body stays apart from its head: copying it costs more than a second piece.
        """
        start = _STATUS_LINES.get(reply.status)
        if start is None:
            return ()
        parts = [start]
        for pair in (*reply.headers, *more) if more else reply.headers:
            if pair[0] == ENTRY_HEADER:  # its number does not come again
                parts.append(b"x-mockehr-entry: %s\r\n" % pair[1].encode())
                continue
            line = self._lines.get(pair) or self._line(pair)
            if not line:
                return ()
            parts.append(line)
        parts.append(b"content-length: %d\r\n\r\n" % len(body))
        if len(body) > LONG_BODY:
            return b"".join(parts), body
        parts.append(body)
        return (b"".join(parts),)

    def _line(self, pair: tuple[str, str]) -> bytes:
        name, value = pair[0].lower(), pair[1]
        if name in _FRAMING or not _TOKEN(name) or _CONTROLS(value):
            return b""
        line = f"{name}: {value}\r\n".encode("latin-1", "replace")
        if len(self._lines) >= 512:
            self._lines.clear()
        self._lines[pair] = line
        return line


async def _proceed(site: Site, exchange: Exchange, scope: Scope, send: Send) -> None:
    """From a request that arrived to its last byte."""
    if exchange.effects is not None and exchange.effects.arrival_delay:
        await pass_time(site, exchange, exchange.effects.arrival_delay, scope.get("extensions", {}).get(GONE))
    if exchange.channel == "files":
        await finish_work(site, exchange)
        await finish_import(site, exchange)
    site.pipelines[exchange.channel].answer(exchange)
    if exchange.effects is not None and exchange.effects.twice:
        exchange = _delivered_again(site, exchange, exchange.effects.twice)
    await _finish(site, exchange, scope, send)


def _delivered_again(site: Site, exchange: Exchange, passed_on: str) -> Exchange:
    """Handle a request a second time, as one of a proxy's own, and answer the exchange whose reply goes back."""
    again = Exchange(
        exchange.channel,
        exchange.method,
        exchange.path,
        exchange.query,
        dict(exchange.headers),
        exchange.body,
        peer=exchange.peer,
        base_url=exchange.base_url,
        notes={PROXY: exchange.number},
    )
    site.pipelines[again.channel].run(again)
    if passed_on == "last":
        return again
    again.effect().lost = True
    return exchange


def _must_wait(site: Site, exchange: Exchange) -> bool:
    """Whether there is work to be done before an exchange of channel `files` can be answered."""
    return unfinished(site, exchange) or awaited(site, exchange) is not None


async def _finish(site: Site, exchange: Exchange, scope: Scope, send: Send) -> None:
    """Write what was answered."""
    try:
        if exchange.effects is None:
            assert exchange.reply is not None
            await send_reply(send, exchange.reply, exchange.method, *coded(site, exchange))
        else:
            await send_disturbed(site, exchange, scope, send)
    finally:
        if exchange.channel == "files":
            let_go(site, exchange)


async def _send_opened(reply: Reply, scope: Scope, send: Send) -> None:
    await send_reply(send, reply, scope["method"], reply.body)


async def _fail(error: Exception, scope: Scope, send: Send) -> None:
    raise error


def _unpack(exchange: Exchange, body: bytes) -> None:
    """The body without its content coding; what cannot be unpacked is refused as the vendor refuses."""
    coding = exchange.headers.get("content-encoding", "")
    found = decoded(body, coding, BODY_LIMIT) if coding else body
    if isinstance(found, bytes):
        exchange.body = found
    else:
        exchange.body, exchange.result = body, found


async def _body(receive: Receive) -> bytes | None:
    """The whole request body, or None if it is larger than allowed."""
    message = await receive()
    body: bytes = message.get("body", b"")
    if not message.get("more_body"):
        return body if len(body) <= BODY_LIMIT else None
    parts, size = [body], len(body)
    while message.get("more_body"):
        message = await receive()
        if message["type"] == "http.disconnect":
            break
        part = message.get("body", b"")
        size += len(part)
        if size > BODY_LIMIT:
            return None
        parts.append(part)
    return b"".join(parts)


@lru_cache(maxsize=4096)
def _text(octets: bytes) -> str:
    """Octets of a head as text; kept, since the journal keeps the heads and clients send the same again and again."""
    return octets.decode("latin-1")


def header_map(raw: list[tuple[bytes, bytes]]) -> dict[str, str]:
    """Headers as text, repeated ones joined; names come in lower case."""
    headers: dict[str, str] = {}
    for name, value in raw:
        key, text = _text(name), _text(value)
        headers[key] = f"{headers[key]}, {text}" if key in headers else text
    return headers


async def _lifespan(receive: Receive, send: Send) -> None:
    while True:
        message = await receive()
        if message["type"] == "lifespan.startup":
            await send({"type": "lifespan.startup.complete"})
        else:
            await send({"type": "lifespan.shutdown.complete"})
            return


def _stray(directory: Directory, path: str) -> Reply:
    nearest = directory.nearest(path)
    return _plain(
        404,
        f"No site is served at {path}.",
        nearest=[f"/{name}/" for name in nearest],
        remedy="Begin the path with the site's name, or ask GET /_mockehr/sites.",
    )


def _unserved(site: Site, root: str, below: str, scope: Scope, headers: dict[str, str]) -> Reply:
    """The refusal of a path that the site does not have; its journal shows who was looking for something there."""
    query = scope["query_string"].decode("latin-1")
    exchange = Exchange("discovery", scope["method"], below, query, headers, base_url=root)
    exchange.interaction = Interaction("unserved")
    site.journal.open(exchange)
    exchange.client = site.claimant(exchange)
    exchange.reply = _no_channel(site, root, below)
    exchange.result = Problem(404, "not-found", f"The site {site.name} has nothing at {below}.", value=below)
    site.journal.close(exchange)
    return exchange.reply


def _no_channel(site: Site, root: str, below: str) -> Reply:
    return _plain(
        404,
        f"The site {site.name} has nothing at {below}.",
        nearest=[root + site.fhir_path, root + site.token_path],
        remedy="Use the FHIR base or the token endpoint of the site, or what mockehr routes prints for such a site.",
    )


def _too_large() -> Reply:
    return _plain(413, f"The body is larger than {BODY_LIMIT} octets.", nearest=[], remedy="Send less at once.")


def _plain(status: int, what: str, *, nearest: list[str], remedy: str) -> Reply:
    body = orjson.dumps({"error": what, "nearest": nearest, "remedy": remedy})
    return Reply(status, [("Content-Type", "application/json")], body)
