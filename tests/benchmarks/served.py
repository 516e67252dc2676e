"""One server for the benchmarks, in a process of its own: prints where it listens as JSON, ends on SIGTERM.

served.py site RULES PATIENTS   a generic site behind the whole pipeline, with that many rules that never fire
served.py export PATIENTS [uncounted]   a generic site whose exports are ready at once, with files counted or not
served.py bare FILE             a bare ASGI application that returns the reply kept in FILE
served.py mllp                  the MLLP listener of a site
served.py echo FILE             MLLP framing, nothing else, answering the acknowledgement kept in FILE
"""

from __future__ import annotations

import asyncio
import gc
import json
import signal
import socket
import sys
from pathlib import Path
from typing import Any

import uvicorn

from mockehr.cli.loop import run_on_best_loop

NOT_FIRING = (
    "latency",
    "rate-limit",
    "malformed-success",
    "truncated-body",
    "lost-response",
    "reset",
    "page-repeats",
    "expiring-next-link",
    "token-expiry",
    "latency",
)


def listening(**facts: Any) -> None:
    """Say where we are."""
    gc.collect()
    print(json.dumps(facts), flush=True)


async def until_told() -> None:
    """Wait for SIGTERM, or for the end of whoever holds our standard input."""
    over = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, over.set)
    loop.add_reader(sys.stdin.fileno(), over.set)
    await over.wait()


def build(patients: int, rules: int = 0, **bulk: float) -> Any:
    """A generic site with the ready-made client and rules that look at every exchange and never act."""
    from mockehr.sites.build import build_site
    from mockehr.sites.options import SiteOptions
    from mockehr.sites.test_client import register_demo_client

    site = build_site(SiteOptions("main", patients=patients, settings={"bulk": bulk}))
    register_demo_client(site)
    for number in range(rules):
        site.arm({"use": NOT_FIRING[number % 10], "name": f"rule-{number}", "where": {"client": "somebody-else"}})
    return site


def token_for(site: Any) -> str:
    """A working token of the ready-made client, put into the site's table directly."""
    from mockehr.auth.scopes import Scopes
    from mockehr.auth.tokens import Grant

    now = site.clock.now()
    draft = Grant("demo", Scopes.parse("system/*.cruds"), now, now + 36_000, 36_000)
    return str(site.auth.tokens.issue(draft, token_url="http://127.0.0.1/main/token").token)


async def serve_export(patients: int, *, counted: bool) -> None:
    """A site whose exports take no time but that of the work."""
    at_once = {"at_least": 0, "per_patient": 0, "retry_after": 0}
    await serve(build(patients, **at_once, **({} if counted else {"counted_up_to": 0})))


async def serve_site(rules: int, patients: int) -> None:
    """The whole pipeline, as `mockehr serve` runs it."""
    await serve(build(patients, rules))


async def serve(site: Any) -> None:
    """A site on a port of its own."""
    from mockehr.edge.server import Server
    from mockehr.sites.directory import Directory

    server = Server(Directory())
    server.admit(site)
    async with server:
        patient = site.charts.patient_id(7)
        base = f"/main{site.fhir_path}"
        listening(port=server.port, token=token_for(site), base=base, path=f"{base}/Patient/{patient}")
        await until_told()


async def serve_bare(reply: bytes) -> None:
    """The floor: uvicorn with the same settings, an application that knows its answer beforehand."""
    head, body = reply.split(b"\r\n\r\n", 1)
    headers = [tuple(line.split(b": ", 1)) for line in head.split(b"\r\n")[1:]]
    start = {"type": "http.response.start", "status": 200, "headers": headers}
    rest = {"type": "http.response.body", "body": body}

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send(start)
        await send(rest)

    taken = socket.create_server(("127.0.0.1", 0), backlog=2048)
    config = uvicorn.Config(
        app, http="httptools", loop="none", lifespan="off", log_config=None, log_level="critical", access_log=False,
        ws="none", server_header=False, date_header=False, timeout_graceful_shutdown=2,
    )  # fmt: skip
    server = uvicorn.Server(config)
    config.load()
    server.lifespan = config.lifespan_class(config)
    await server.startup(sockets=[taken])
    loop = asyncio.get_running_loop()
    main = loop.create_task(server.main_loop())
    listening(port=taken.getsockname()[1])
    await until_told()
    server.should_exit = True
    await main
    await server.shutdown(sockets=[taken])


async def serve_mllp() -> None:
    """A site's own MLLP listener."""
    from mockehr.edge.mllp_site import listen_for

    server = listen_for(build(10))
    await server.start()
    listening(port=server.port)
    await until_told()
    await server.stop()


class Echo(asyncio.Protocol):
    """Counts ends of blocks and answers each with the same frame."""

    def __init__(self, answer: bytes) -> None:
        self._answer = answer
        self._rest = b""

    def connection_made(self, transport: Any) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        *whole, self._rest = (self._rest + data).split(b"\x1c\r")
        if whole:
            self._transport.write(self._answer * len(whole))


async def serve_echo(frame: bytes) -> None:
    """The floor of MLLP."""
    server = await asyncio.get_running_loop().create_server(lambda: Echo(frame), "127.0.0.1", 0)
    listening(port=server.sockets[0].getsockname()[1])
    await until_told()
    server.close()


if __name__ == "__main__":
    kind, *given = sys.argv[1:]
    if kind == "site":
        work = serve_site(int(given[0]), int(given[1]))
    elif kind == "export":
        work = serve_export(int(given[0]), counted="uncounted" not in given)
    elif kind == "bare":
        work = serve_bare(Path(given[0]).read_bytes())
    elif kind == "mllp":
        work = serve_mllp()
    else:
        work = serve_echo(Path(given[0]).read_bytes())
    run_on_best_loop(work)  # as `mockehr serve` does, on both sides of a comparison
