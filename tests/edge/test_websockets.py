"""Websockets, spoken to by a client of another library."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import aiohttp
import pytest

from mockehr.core.exchange import Exchange
from mockehr.edge.server import Server
from mockehr.edge.websockets import WEBSOCKET
from mockehr.events import Hook, Policy
from mockehr.sites.build import build_site
from mockehr.sites.directory import Directory
from mockehr.sites.options import SiteOptions
from mockehr.sites.site import Site
from mockehr.sites.subscriptions import BINDINGS

Socket = aiohttp.ClientWebSocketResponse
TOKEN = "told-by-the-operation"


@asynccontextmanager
async def opened(personality: str = "generic", path: str = "/north/ws") -> AsyncIterator[tuple[Site, Socket]]:
    """A site with two Subscriptions that are told by websocket, and a socket to it."""
    site = build_site(SiteOptions("north", personality, patients=3, stepped=True, open_access=True))
    for id, form in (("s1", "ping"), ("s2", "mockehr")):
        payload = "empty" if form == "ping" else "id-only"
        hook = Hook(id, WEBSOCKET, form=form, payload=payload, policy=Policy(ladder=()), subscription=id)
        site.outbox.add(hook)
    site.auth.drawers[BINDINGS].put(TOKEN, ["s2"], site.clock.now() + 60)
    directory = Directory()
    directory.add(site)
    async with (
        Server(directory) as server,
        aiohttp.ClientSession() as client,
        client.ws_connect(f"{server.url}{path}") as socket,
    ):
        yield site, socket
        if not socket.closed:
            await server.stop()
            assert (await asyncio.wait_for(socket.receive(), 5)).data == 1001


def changed(site: Site) -> None:
    """Something happens."""
    site.store.commit({"resourceType": "Basic", "id": "b"}, kind="create", source="control")


async def over(site: Site, work: Callable[[], None]) -> list[int]:
    """The statuses of two deliveries that `work` leads to."""
    found: list[int] = []
    done = asyncio.Event()

    def told(delivery: object) -> None:
        found.append(delivery.exchange.reply.status)  # type: ignore[attr-defined]
        if len(found) == 2:
            done.set()

    site.outbox.listen(told)
    work()
    await asyncio.wait_for(done.wait(), 5)
    return found


async def hear(socket: Socket) -> str:
    text: str = await asyncio.wait_for(socket.receive_str(), 5)
    return text


def run(work: Callable[[], Awaitable[None]]) -> None:
    asyncio.run(work())  # type: ignore[arg-type]


def test_who_binds_is_pinged_and_only_for_what_it_is_bound_to() -> None:
    async def work() -> None:
        async with opened() as (site, socket):
            await socket.send_str("bind s1")
            assert await hear(socket) == "bound s1"
            assert sorted(await over(site, lambda: changed(site))) == [200, 410]
            assert await hear(socket) == "ping s1"
            await socket.send_str("bind s1")
            assert await hear(socket) == "bound s1"  # the next word: nothing of s2 was said before
            names = [entry.interaction.name for entry in site.journal if entry.interaction is not None]
            assert names.count("bind") == 2

    run(work)


def test_what_says_more_than_that_something_happened_is_bound_by_a_token_only() -> None:
    async def work() -> None:
        async with opened() as (site, socket):
            await socket.send_str("bind s2")
            refusal = "error: Subscription 's2' is bound by a token; ask $get-ws-binding-token for one"
            assert await hear(socket) == refusal
            assert await over(site, lambda: changed(site)) == [410, 410]
            asked = [entry for entry in site.journal if entry.interaction is not None]
            assert [one.reply.status for one in asked if one.reply and one.interaction.name == "bind"] == [401]  # type: ignore[union-attr]

    run(work)


def test_a_binding_token_brings_the_handshake_and_the_notifications_themselves() -> None:
    async def work() -> None:
        async with opened() as (site, socket):
            await socket.send_str(f"bind-with-token: {TOKEN}")
            assert await hear(socket) == '{"type":"handshake"}'
            changed(site)
            assert '"reference":"Basic/b"' in await hear(socket)
            site.clock.advance(61)
            await socket.send_str(f"bind-with-token {TOKEN}")
            assert await hear(socket) == "error: the binding token is not good, or not any more"

    run(work)


@pytest.mark.parametrize(
    ("said", "answer"),
    [
        ("bind nobody", "error: there is no Subscription 'nobody' that is told by websocket"),
        ("bnid s1", "error: 'bnid' is not understood; say bind [id] or bind-with-token [token]"),
        ("", "error: '' is not understood; say bind [id] or bind-with-token [token]"),
    ],
)
def test_what_is_not_understood_is_told(said: str, answer: str) -> None:
    async def work() -> None:
        async with opened() as (site, socket):
            await socket.send_str(said)
            assert await hear(socket) == answer
            assert site.handle(Exchange("fhir", path="/metadata", base_url="http://x")).reply is not None

    run(work)


@pytest.mark.parametrize(
    ("personality", "path"), [("epic", "/north/ws"), ("generic", "/south/ws"), ("generic", "/north")]
)
def test_there_is_no_websocket_elsewhere(personality: str, path: str) -> None:
    async def work() -> None:
        with pytest.raises(aiohttp.WSServerHandshakeError) as caught:
            async with opened(personality, path):
                pass
        assert caught.value.status == 403

    run(work)


def test_who_has_gone_is_told_nothing_and_does_no_harm() -> None:
    async def work() -> None:
        async with opened() as (site, socket):
            await socket.send_str("bind s1")
            assert await hear(socket) == "bound s1"
            await socket.close()
            assert await over(site, lambda: changed(site)) == [410, 410]

    run(work)
