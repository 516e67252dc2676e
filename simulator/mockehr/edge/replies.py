"""How the bytes of a reply go out: as they are, or as the effects of its exchange want them."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Final

from mockehr.core.exchange import LEFT, TOOK, Effects, Exchange, Reply
from mockehr.edge.coding import Pairs, coded
from mockehr.sites.site import Site

Scope = MutableMapping[str, Any]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

TRANSPORT: Final = "mockehr.transport"
GONE: Final = "mockehr.gone"
"""Extension of the scope: an asyncio.Event that is set when the peer has left, or the server is about to stop."""
DEAFEN: Final = "mockehr.deafen"
"""Extension of the scope: takes a site and site seconds for which its own port is to take no connection."""
_RESET: Final = struct.pack("ii", 1, 0)


async def send_reply(send: Send, reply: Reply, method: str, body: bytes, more: Pairs = ()) -> None:
    """The whole of a reply as it is."""
    await _send_head(send, reply, len(body), more)
    await send({"type": "http.response.body", "body": b"" if method == "HEAD" else body})


async def send_disturbed(site: Site, exchange: Exchange, scope: Scope, send: Send) -> None:
    """The reply of an exchange as its effects say."""
    effects, reply = exchange.effects, exchange.reply
    assert effects is not None
    assert reply is not None
    extensions = scope.get("extensions", {})
    transport, gone = extensions.get(TRANSPORT), extensions.get(GONE)
    if effects.reply_delay and not await pass_time(site, exchange, effects.reply_delay, gone):
        cut(transport, hard=False)
        return
    if effects.deaf and DEAFEN in extensions:
        extensions[DEAFEN](site, effects.deaf)
    if effects.lost or effects.reset == "before":
        cut(transport, hard=effects.reset == "before")
    elif effects.hang and not effects.misstated:
        await _hang(site, exchange, transport, gone)
    elif effects.reset == "midway" or effects.cut_at is not None or effects.drip is not None or effects.chunked:
        await _send_part(site, exchange, scope, send)
    elif effects.misstated:
        await _misstate(site, exchange, scope, send)
    else:
        if effects.close:
            reply.set_header("Connection", "close")
        await send_reply(send, reply, exchange.method, *coded(site, exchange))
        if effects.idle_cut:
            cut(transport, hard=False)


async def pass_time(site: Site, exchange: Exchange, seconds: float, gone: asyncio.Event | None) -> bool:
    """Let the site's time pass, while the client waits; False, with a note, if it left before.

    A frozen clock does not make anybody wait: the delay is in the journal.
    """
    wall = site.clock.wait_for(site.clock.now() + seconds)
    if not wall:
        return True
    if gone is None:
        await asyncio.sleep(wall)
        return True
    try:
        async with asyncio.timeout(wall):
            await gone.wait()
    except TimeoutError:
        return True
    _note(site, exchange, LEFT)
    return False


def cut(transport: Any, *, hard: bool) -> None:
    """Close the connection: with a reset (RST) or in good order (FIN) after what was written."""
    if transport is None:
        raise ConnectionAbortedError("the connection was cut on purpose")
    if not hard:
        transport.close()
        return
    connection: socket.socket | None = transport.get_extra_info("socket")
    if connection is not None:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
    transport.abort()


async def _hang(site: Site, exchange: Exchange, transport: Any, gone: asyncio.Event | None) -> None:
    """Keep the connection open until somebody gives up, whatever the site's clock does.

    Where there is no connection to keep open it is closed at once.
    """
    if gone is not None:
        await gone.wait()
        _note(site, exchange, LEFT)
    cut(transport, hard=False)


def _note(site: Site, exchange: Exchange, what: str) -> None:
    exchange.notes[what] = round(site.clock.now() - exchange.at, 3)


async def _send_head(send: Send, reply: Reply, length: int | None, more: Pairs) -> None:
    pairs = (*reply.headers, *more)
    headers = [(name.encode("latin-1"), value.encode("latin-1", "replace")) for name, value in pairs]
    if length is not None:
        headers.append((b"Content-Length", str(length).encode()))
    await send({"type": "http.response.start", "status": reply.status, "headers": headers})


async def _send_part(site: Site, exchange: Exchange, scope: Scope, send: Send) -> None:
    """The head, and of the body what is to arrive, in the pace and in the framing that are wanted."""
    effects, reply = exchange.effects, exchange.reply
    assert effects is not None
    assert reply is not None
    extensions = scope.get("extensions", {})
    body, more = coded(site, exchange)
    await _send_head(send, reply, None if effects.chunked else len(body), more)
    if effects.drip is not None:
        size, pause = effects.drip
        for start in range(0, len(body), size):
            await send({"type": "http.response.body", "body": body[start : start + size], "more_body": True})
            if not await pass_time(site, exchange, pause, extensions.get(GONE)):
                return
        await send({"type": "http.response.body", "body": b""})
        _note(site, exchange, TOOK)
        return
    sent = _octets_sent(effects, body, reply.body if more else body)
    await send({"type": "http.response.body", "body": body[:sent], "more_body": True})
    if sent == len(body) and effects.reset != "midway" and effects.cut_at is None:
        await send({"type": "http.response.body", "body": b""})
    else:
        cut(extensions.get(TRANSPORT), hard=effects.reset == "midway")


def _octets_sent(effects: Effects, body: bytes, plain: bytes) -> int:
    """How much of a body goes out; a cut is made at the same share of what goes over the wire."""
    if effects.cut_at is not None:
        return effects.cut_at * len(body) // len(plain) if plain else 0
    return len(body) // 2 if effects.reset == "midway" else len(body)


async def _misstate(site: Site, exchange: Exchange, scope: Scope, send: Send) -> None:
    """All of the body under a Content-Length that is not its own.

    Told too much, the connection is closed behind the body or, with `hang`, left open. Told too little, the rest lies
    on a connection that is good for the next request.
    """
    effects, reply = exchange.effects, exchange.reply
    assert effects is not None
    assert reply is not None
    extensions = scope.get("extensions", {})
    transport = extensions.get(TRANSPORT)
    body = reply.body  # not packed: what is lost of a gzip's last octets is only its checksum
    told = max(0, len(body) + effects.misstated)
    await _send_head(send, reply, told, ())
    if told <= len(body):
        await send({"type": "http.response.body", "body": body[:told]})
        if transport is not None:
            transport.write(body[told:])
        return
    await send({"type": "http.response.body", "body": body, "more_body": True})
    if effects.hang:
        await _hang(site, exchange, transport, extensions.get(GONE))
    else:
        cut(transport, hard=False)
