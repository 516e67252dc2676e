"""What goes out: sends what lies ready in the sites' outboxes, and keeps their clocks firing as wall time passes."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from mockehr.edge import bulk
from mockehr.edge.drop_folder import DropFolders
from mockehr.edge.feeds import Feeds
from mockehr.edge.websockets import WEBSOCKET, WebSockets
from mockehr.events import Delivery
from mockehr.sites.directory import Directory
from mockehr.sites.site import Site

if TYPE_CHECKING:
    import aiohttp

IDLE = 3600.0
AT_ONCE = 64
"""Deliveries of one server that may be under way; each endpoint has a bound of its own."""
PATIENCE = 2.0
"""Wall seconds that a server that stops waits for receivers that do not answer."""


class Pump:
    """One task per server: waits until some site has something due or ready, then does it."""

    def __init__(self, directory: Directory, websockets: WebSockets) -> None:
        self._websockets = websockets
        self._directory = directory
        self._wake = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self._task: asyncio.Task[None] | None = None
        self._client: aiohttp.ClientSession | None = None
        self._trusted: list[Path] = []
        self._nudged = False
        self._sending: set[asyncio.Task[None]] = set()
        self.feeds = Feeds(self._loop)
        self.folders = DropFolders()

    def start(self) -> None:
        """Begin; call within the loop."""
        self._task = self._loop.create_task(self._run())

    def attach(self, site: Site) -> None:
        """Look after a site from now on."""
        site.clock.watch(self.nudge)
        site.outbox.wake = self.nudge
        site.links.wake = self.nudge
        site.bulk.wake = self.nudge
        self.feeds.attach(site)

    def nudge(self) -> None:
        """Something may be due; safe from any thread."""
        if not self._nudged:  # to wake the loop costs more than all else that is done for a delivery that waits
            self._nudged = True
            self._loop.call_soon_threadsafe(self._wake.set)

    def trust(self, ca_file: Path) -> None:
        """Deliver to those too whose certificates this authority signed; connections are made anew."""
        self._trusted.append(ca_file)
        client, self._client = self._client, None
        if client is not None:
            task = self._loop.create_task(client.close())
            self._sending.add(task)
            task.add_done_callback(self._ended)

    async def stop(self) -> None:
        """End the task, wait a little for deliveries under way, close connections."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        if self._sending:
            _, late = await asyncio.wait(self._sending, timeout=PATIENCE)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)
        if self._client is not None:
            await self._client.close()
        await self.feeds.stop(PATIENCE)

    async def _run(self) -> None:
        while True:
            self._wake.clear()
            self._nudged = False  # before anything is looked at: whatever becomes due from now on wakes us again
            wait = IDLE
            for site in self._directory:
                try:
                    wait = min(wait, self._tend(site))
                except Exception as error:  # whatever goes wrong at one site, the others are looked after
                    told = {"message": f"what fell due at the site {site.name} failed", "exception": error}
                    self._loop.call_exception_handler(told)
                    wait = 0.0
            try:
                await asyncio.wait_for(self._wake.wait(), max(wait, 0.001))
            except TimeoutError:
                continue

    def _tend(self, site: Site) -> float:
        """Do what is due or ready at a site; returns the wall seconds until there may be more."""
        if not site.clock.frozen:
            site.clock.fire_due()
        while len(self._sending) < AT_ONCE and (delivery := site.outbox.take()) is not None:
            self._spawn(site, delivery)
        self.feeds.tend(site)
        wait = min(self.folders.tend(site), bulk.tend(site))
        due = site.clock.next_due()
        left = site.clock.wait_for(due) if due is not None else None
        return min(wait, left if left is not None else IDLE)

    def _spawn(self, site: Site, delivery: Delivery) -> None:
        task = self._loop.create_task(self._send_all(site, delivery))
        self._sending.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._sending.discard(task)
        self._wake.set()  # another site may have waited for a free place

    async def _send_all(self, site: Site, first: Delivery) -> None:
        """Send a delivery, and then what has become ready at the site meanwhile."""
        delivery: Delivery | None = first
        while delivery is not None:
            await self._send(site, delivery)
            delivery = site.outbox.take()

    async def _send(self, site: Site, delivery: Delivery) -> None:
        # Imported here since most sites tell nobody anything. aiohttp, as it delivers many at once an order of
        # magnitude faster than httpx; and it asks the environment for no proxy.
        if delivery.hook.url == WEBSOCKET:
            site.outbox.settle(delivery, *await self._websockets.deliver(site, delivery))
            return
        import aiohttp

        if self._client is None:
            self._client = aiohttp.ClientSession(connector=_connector(self._trusted))
        exchange, seconds = delivery.exchange, delivery.hook.policy.timeout
        status, note, answered = 0, "", b""
        try:
            async with self._client.request(
                exchange.method,
                _url(delivery),
                data=exchange.body,
                headers=exchange.headers,
                timeout=_limit(seconds),
                allow_redirects=False,
            ) as answer:
                answered = await answer.read()
                status = answer.status
        except TimeoutError:
            note = f"no answer within {seconds:g} s"
        except (aiohttp.ClientError, ValueError, OSError) as error:
            note = _failure(error)
        site.outbox.settle(delivery, status, note, answered)


def _failure(error: Exception) -> str:
    """Why nothing was answered, as lists of events show it."""
    import aiohttp

    if isinstance(error, aiohttp.ClientConnectorError) and isinstance(error.os_error, ConnectionRefusedError):
        return f"nobody listens at {error.host}:{error.port}"
    return f"{type(error).__name__}: {error}"


def _connector(trusted: Sequence[Path]) -> aiohttp.TCPConnector:
    import ssl

    import aiohttp

    if not trusted:
        return aiohttp.TCPConnector(limit=AT_ONCE)
    context = ssl.create_default_context()
    for ca_file in trusted:
        context.load_verify_locations(ca_file)
    return aiohttp.TCPConnector(limit=AT_ONCE, ssl=context)


@lru_cache(maxsize=64)
def _limit(seconds: float) -> aiohttp.ClientTimeout:
    import aiohttp

    return aiohttp.ClientTimeout(total=seconds)


@lru_cache(maxsize=256)
def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def _url(delivery: Delivery) -> str:
    """Where it goes: at the endpoint's origin, the path that the form of notification has."""
    exchange = delivery.exchange
    query = f"?{exchange.query}" if exchange.query else ""
    return f"{_origin(delivery.hook.url)}{exchange.path}{query}"
