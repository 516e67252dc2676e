"""Websockets on which sites tell of Subscriptions (R4 subscription.html; Subscriptions R5 Backport, channels.html).

A client opens the socket at the site's address for it and binds: `bind [id]` is answered `bound [id]` and followed by
`ping [id]` for each notification; `bind-with-token [token]` is followed by the notifications themselves, first the
handshake. What says more than `ping` needs a token: whoever knows an id has shown no right to anything. Deliveries to
a Subscription that nobody is bound to are over at once, as nobody was there to hear them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass, field
from typing import Any, Final

from mockehr.core.exchange import Exchange, Interaction, Reply
from mockehr.events import Delivery, Hook
from mockehr.events.channel import CHANNELS
from mockehr.sites.directory import Directory
from mockehr.sites.site import Site
from mockehr.sites.subscriptions import BINDINGS

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

WEBSOCKET: Final = CHANNELS["websocket"].url
"""In place of a URL: the endpoint of a hook that is told by websocket."""
PING: Final = "ping"
"""The form of notifications that tell nothing but that something happened: all that R4 says over websockets."""
NOBODY: Final = 410
"""Status of a delivery to a Subscription that no socket is bound to."""
GONE: Final = 4404
"""Close code: there is no websocket at that address."""
LONGEST: Final = 4096
"""Letters of a message from a client."""


@dataclass(eq=False, slots=True)
class Wire:
    """One open socket, and for which Subscriptions of its site it is bound."""

    site: Site
    send: Send
    peer: str
    bound: set[str] = field(default_factory=set)

    async def say(self, text: str) -> bool:
        """Send a text; False if the client has gone."""
        try:
            await self.send({"type": "websocket.send", "text": text})
        except (RuntimeError, OSError):
            return False
        return True


class WebSockets:
    """All open sockets of one server."""

    def __init__(self, directory: Directory) -> None:
        self._directory = directory
        self._wires: set[Wire] = set()

    async def serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One socket, from its opening to its end."""
        await receive()  # websocket.connect
        server = scope.get("server")
        admitted = self._directory.admit(scope["path"], server[1] if server else 0)
        if admitted is None or admitted[2] != admitted[0].personality.websocket_path(admitted[0].facts):
            await send({"type": "websocket.close", "code": GONE})
            return
        await send({"type": "websocket.accept"})
        client = scope.get("client")
        wire = Wire(admitted[0], send, client[0] if client else "")
        self._wires.add(wire)
        try:
            while (message := await receive())["type"] == "websocket.receive":
                await self._hear(wire, message.get("text") or "")
        finally:
            self._wires.discard(wire)

    async def deliver(self, site: Site, delivery: Delivery) -> tuple[int, str]:
        """Say it on every socket that is bound for its Subscription; the status, and a note if nobody heard it."""
        wires = [wire for wire in self._wires if wire.site is site and delivery.hook.subscription in wire.bound]
        text = delivery.exchange.body.decode("utf-8", "replace")
        heard = await asyncio.gather(*(wire.say(text) for wire in wires))
        return (200, "") if any(heard) else (NOBODY, "nobody is bound")

    def forget(self, site: Site) -> None:
        """A site has left: nothing is told of it any more."""
        self._wires = {wire for wire in self._wires if wire.site is not site}

    async def close(self) -> None:
        """Close all sockets."""
        for wire in tuple(self._wires):
            await wire.send({"type": "websocket.close", "code": 1001})
        self._wires.clear()

    async def _hear(self, wire: Wire, text: str) -> None:
        word, _, rest = text[:LONGEST].strip().partition(" ")
        name = rest.strip().lstrip(":")
        if word.rstrip(":") == "bind":
            await self._bind(wire, name)
        elif word.rstrip(":") == "bind-with-token":
            await self._bind_by_token(wire, name)
        else:
            await wire.say(f"error: {word[:40]!r} is not understood; say bind [id] or bind-with-token [token]")

    async def _bind(self, wire: Wire, id: str) -> None:
        hook = hook_of(wire.site, id)
        if hook is None:
            _note(wire, "bind", id, 404)
            await wire.say(f"error: there is no Subscription {id[:64]!r} that is told by websocket")
            return
        if hook.form != PING:
            _note(wire, "bind", id, 401)
            await wire.say(f"error: Subscription {id!r} is bound by a token; ask $get-ws-binding-token for one")
            return
        wire.bound.add(id)
        _note(wire, "bind", id, 200)
        await wire.say(f"bound {id}")

    async def _bind_by_token(self, wire: Wire, token: str) -> None:
        site = wire.site
        ids = site.auth.drawers[BINDINGS].get(token, site.clock.now())
        if ids is None:
            _note(wire, "bind-with-token", "", 401)
            await wire.say("error: the binding token is not good, or not any more")
            return
        for id in ids:
            hook = hook_of(site, id)
            if hook is not None:
                wire.bound.add(id)
                _note(wire, "bind-with-token", id, 200)
                site.outbox.notify(hook.name, "handshake")


def hook_of(site: Site, subscription: str) -> Hook | None:
    """The hook of a Subscription that is told by websocket; None if there is none of that id."""
    hooks = (lane.hook for lane in site.outbox)
    return next((hook for hook in hooks if hook.subscription == subscription and hook.url == WEBSOCKET), None)


def _note(wire: Wire, what: str, id: str, status: int) -> None:
    """A binding crosses the border of the site: it has its entry in the journal."""
    exchange = Exchange("webhook", method="WS", path="/", peer=wire.peer)
    exchange.interaction = Interaction(what, "Subscription", id)
    exchange.reply = Reply(status)
    wire.site.journal.open(exchange)
    wire.site.journal.close(exchange)
