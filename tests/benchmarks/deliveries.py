"""Events going out: drawn up, signed, journaled, sent, settled, against a bare aiohttp loop with the same bytes.

    python tests/benchmarks/deliveries.py [rounds]

Both sides are in this process, 16 deliveries under way, and talk to a bare ASGI application in another; CPU time is
that of this process. The third row is a site whose store lasts, which writes every delivery down before it is sent.
"""

from __future__ import annotations

import asyncio
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import aiohttp
import uvloop
from rounds import CLIENT_CORE, served

from mockehr.core.changes import Change
from mockehr.edge.server import Server
from mockehr.events import Hook, Policy
from mockehr.sites.build import build_site
from mockehr.sites.directory import Directory
from mockehr.sites.options import SiteOptions
from mockehr.sites.site import Site

COUNT = 2000
AT_ONCE = 16
PATIENT = {
    "resourceType": "Patient",
    "id": "p1",
    "identifier": [{"system": "http://example.org/mrn", "value": "90001"}],
    "name": [{"family": "Muster", "given": ["Erika"]}],
    "gender": "female",
    "birthDate": "1980-03-04",
}


async def spent(work: Callable[[], Awaitable[None]]) -> tuple[float, float]:
    """CPU microseconds of one of COUNT deliveries, and deliveries per second."""
    began, begin = time.perf_counter(), time.process_time()
    await work()
    used, wall = time.process_time() - begin, time.perf_counter() - began
    return used / COUNT * 1e6, COUNT / wall


def teller(site: Site, url: str) -> Callable[[], Awaitable[None]]:
    """Tells a site's endpoint of COUNT changes and waits until it has taken all."""
    policy = Policy(at_once=AT_ONCE)
    site.outbox.add(Hook("app", url, "s3cret", policy=policy))
    done = asyncio.Event()
    outbox = site.outbox
    outbox.listen(lambda delivery: done.set() if not outbox.under_way else None)
    site.store.commit(PATIENT, kind="create", source="control")

    async def tell() -> None:
        goal = outbox.delivered + COUNT
        change: Change = site.log.changes[0]
        for _ in range(COUNT):
            outbox.tell("app", change)
        while outbox.delivered < goal:
            done.clear()
            await done.wait()

    return tell


def floor(
    client: aiohttp.ClientSession, url: str, headers: dict[str, str], body: bytes
) -> Callable[[], Awaitable[None]]:
    """Sends the same bytes COUNT times, AT_ONCE at a time."""

    async def work(count: int) -> None:
        limit = aiohttp.ClientTimeout(total=10)
        for _ in range(count):
            async with client.request("POST", url, data=body, headers=headers, timeout=limit) as answer:
                await answer.read()
                assert answer.status == 200

    async def send() -> None:
        await asyncio.gather(*(work(COUNT // AT_ONCE) for _ in range(AT_ONCE)))

    return send


async def measure(port: int, rounds: int, folder: Path) -> None:
    """Alternate the sides and print medians."""
    url = f"http://127.0.0.1:{port}/hook"
    directory = Directory()
    sites = [
        directory.add(build_site(SiteOptions(name, patients=0, store=store)))
        for name, store in (("memory", "memory"), ("lasting", f"sqlite:{folder}"))
    ]
    server = Server(directory)
    await server.start()
    works = {site.name: teller(site, url) for site in sites}
    await works["memory"]()
    sample = next(iter(sites[0].journal))
    client = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=64))
    works["bare loop"] = floor(client, url, sample.headers, sample.body)
    for work in works.values():
        await work()
    rows = [{name: await spent(work) for name, work in works.items()} for _ in range(rounds)]
    for name in works:
        cpu, rate = (statistics.median(row[name][place] for row in rows) for place in (0, 1))
        ratio = statistics.median(row["bare loop"][0] / row[name][0] for row in rows)
        print(f"{name:10} cpu {cpu:6.1f} us  {rate:6.0f}/s  ratio {ratio:.3f}")
    await client.close()
    await server.stop()


def main(rounds: int) -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as folder:
        kept = Path(folder) / "answer"
        kept.write_bytes(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}")
        with served("bare", str(kept)) as receiver:
            os.sched_setaffinity(0, CLIENT_CORE)
            uvloop.run(measure(receiver["port"], rounds, Path(folder)))


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 15)
