"""Files of imports: fetched here, since stages never wait, and handed to the site some lines at a time."""

from __future__ import annotations

import asyncio
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from mockehr.core.exchange import Exchange
from mockehr.edge.coding import decoded
from mockehr.edge.key_sets import Unreachable
from mockehr.fhir.bulk import ImportJob
from mockehr.sites.site import Site

if TYPE_CHECKING:
    import httpx2

_HEADERS: Final = MappingProxyType({"Accept": "application/fhir+ndjson, */*;q=0.5", "Accept-Encoding": "gzip"})
_GZIP: Final = b"\x1f\x8b"
AT_ONCE: Final = 4
"""Imports that are carried out at once; each holds one file, the others wait for their turn."""


class Imports:
    """Carries imports out. Use it within one event loop, and `close` it at the end."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[None]] = set()
        self._turns = asyncio.Semaphore(AT_ONCE)
        self._client: httpx2.AsyncClient | None = None

    def begin(self, site: Site) -> None:
        """Take in hand what was ordered at a site."""
        for job in site.imports.take_orders():
            task = asyncio.get_running_loop().create_task(self._carry_out(site, job))
            site.imports.under_way[job.id] = task
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def close(self) -> None:
        """Give up what is under way, and close connections."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self._client is not None:
            await self._client.aclose()
            self._client = None

    async def _carry_out(self, site: Site, job: ImportJob) -> None:
        try:
            async with self._turns:
                await self._fetch_all(site, job)
        finally:
            site.imports.under_way.pop(job.id, None)

    async def _fetch_all(self, site: Site, job: ImportJob) -> None:
        desk = site.imports
        for place, file in enumerate(job.files):
            if not desk.wanted(job):
                return
            try:
                octets = await self._octets(file.url, desk.settings.patience, desk.settings.file_octets)
            except Unreachable as error:
                desk.fail(job, place, str(error))
                continue
            for _ in desk.store(job, place, octets):
                await asyncio.sleep(0)

    async def _octets(self, url: str, patience: float, most: int) -> bytes:
        import httpx2

        try:
            async with self._http().stream("GET", url, headers=_HEADERS, timeout=patience) as answer:
                if answer.is_redirect:
                    raise Unreachable(f"it answers {answer.status_code}, and redirects are not followed")
                if answer.status_code != 200:
                    raise Unreachable(f"it answers {answer.status_code}")
                parts, size, coding = [], 0, answer.headers.get("content-encoding", "")
                # as they come: a client that unpacks by itself does so without a bound
                async for part in answer.aiter_raw():
                    size += len(part)
                    if size > most:
                        raise Unreachable(f"it is larger than {most} octets")
                    parts.append(part)
        except (httpx2.HTTPError, httpx2.InvalidURL, OSError) as error:
            raise Unreachable(str(error).rstrip(".") or type(error).__name__) from error
        return _unpacked(_decoded(b"".join(parts), coding, most), most)

    def _http(self) -> httpx2.AsyncClient:
        """The client; `trust_env` off, or a proxy for the world outside would be asked for servers on loopback."""
        if self._client is None:
            import httpx2

            limits = httpx2.Limits(max_keepalive_connections=0)
            self._client = httpx2.AsyncClient(trust_env=False, follow_redirects=False, limits=limits)
        return self._client


def _unpacked(octets: bytes, most: int) -> bytes:
    """A file that lies there in gzip, as many do, without it."""
    return _decoded(octets, "gzip", most) if octets.startswith(_GZIP) else octets


def _decoded(octets: bytes, coding: str, most: int) -> bytes:
    found = decoded(octets, coding, most)
    if isinstance(found, bytes):
        return found
    raise Unreachable(found.text)


def awaited(site: Site, exchange: Exchange) -> asyncio.Task[Any] | None:
    """What a poll has to wait for, where the clock stands and the import is due: time alone must decide there."""
    if exchange.channel != "files" or exchange.result is not None or not site.clock.frozen:
        return None
    found = site.imports.addresses.find(exchange.path, exchange.query)
    if found is None or found.what != "import-status" or exchange.method != "GET":
        return None
    job = site.imports.job(found.job, None)
    if not isinstance(job, ImportJob) or site.clock.now() < job.due:
        return None
    task: asyncio.Task[Any] | None = site.imports.under_way.get(job.id)
    return task


async def finish_import(site: Site, exchange: Exchange) -> None:
    """Wait for the import that an exchange asks after, where it has to be over."""
    task = awaited(site, exchange)
    if task is not None:
        await asyncio.wait({task})
