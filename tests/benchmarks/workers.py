"""Authenticated requests a second through `mockehr serve`: in memory, on SQLite, on SQLite with two workers.

    python tests/benchmarks/workers.py [rounds]

The load comes from this process, over 16 connections that each wait for their answer. On a machine of two cores it
takes one of them where there are two workers, so that what is printed for two is the least that they can do. CPU time
is that of all the server's processes.
"""

from __future__ import annotations

import asyncio
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import uvloop

START = "import sys; from mockehr.cli import main; sys.argv = ['mockehr', *sys.argv[1:]]; main()"
CONNECTIONS = 16
SLICE = 1.0
"""Seconds of one measurement."""
BODY = json.dumps(
    {"resourceType": "Observation", "status": "final", "code": {"text": "weight"}, "valueQuantity": {"value": 70.5}}
).encode()


@contextmanager
def served(*words: str) -> Iterator[dict[str, Any]]:
    """A server of one site, with a token for it; ended afterwards."""
    told = ["serve", "--port", "0", "--patients", "1000", "--json", *words]
    with subprocess.Popen([sys.executable, "-c", START, *told], stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            printed = json.loads(process.stdout.readline())
            asked = ["token", "main", "--server", printed["url"]]
            token = subprocess.run(
                [sys.executable, "-c", START, *asked], stdout=subprocess.PIPE, text=True, check=True
            ).stdout.split()[-1]
            patients = control(printed["url"] + "/_mockehr/sites/main/patients?limit=1")
            path = urlsplit(printed["sites"][0]["fhir"]).path
            yield {
                "pids": [process.pid, *printed.get("workers", ())],
                "port": urlsplit(printed["url"]).port,
                "read": request("GET", f"{path}/Patient/{patients['ids'][0]}", token),
                "search": request("GET", f"{path}/Observation?patient={patients['ids'][0]}&_count=50", token),
                "everything": request("GET", f"{path}/Patient/{patients['ids'][0]}/$everything", token),
                "create": request("POST", f"{path}/Observation", token, BODY),
            }
        finally:
            process.terminate()


def control(url: str) -> Any:
    """What the control API answers."""
    from urllib.request import ProxyHandler, build_opener

    return json.load(build_opener(ProxyHandler({})).open(url, timeout=10))


def request(method: str, path: str, token: str, body: bytes = b"") -> bytes:
    """One request as bytes."""
    head = f"{method} {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n"
    if body:
        head += f"Content-Type: application/fhir+json\r\nContent-Length: {len(body)}\r\n"
    return head.encode() + b"\r\n" + body


class Asker(asyncio.Protocol):
    """Sends the request again whenever its answer is whole."""

    def __init__(self, octets: bytes, status: bytes) -> None:
        self.octets, self.status, self.answered, self._got = octets, status, 0, b""

    def connection_made(self, transport: Any) -> None:
        self._transport = transport
        transport.write(self.octets)

    def data_received(self, data: bytes) -> None:
        self._got += data
        head = self._got.find(b"\r\n\r\n")
        if head < 0:
            return
        start = self._got.lower().index(b"content-length: ") + 16
        if len(self._got) < head + 4 + int(self._got[start : self._got.index(b"\r", start)]):
            return
        assert self._got.startswith(b"HTTP/1.1 " + self.status), self._got[:300]
        self._got = b""
        self.answered += 1
        self._transport.write(self.octets)

    def connection_lost(self, error: Exception | None) -> None:
        assert error is None, error


def busy(pids: list[int]) -> float:
    """CPU seconds that processes took so far."""
    ticks = 0
    for pid in pids:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


async def rate(one: dict[str, Any], what: str, status: bytes) -> tuple[float, float]:
    """Answers a second, and microseconds of CPU time for each."""
    loop = asyncio.get_running_loop()
    made = [
        await loop.create_connection(lambda: Asker(one[what], status), "127.0.0.1", one["port"])
        for _ in range(CONNECTIONS)
    ]
    await asyncio.sleep(0.2)
    before, taken, start = sum(asker.answered for _, asker in made), busy(one["pids"]), time.perf_counter()
    await asyncio.sleep(SLICE)
    counted, seconds = sum(asker.answered for _, asker in made) - before, time.perf_counter() - start
    spent = busy(one["pids"]) - taken
    for transport, _ in made:
        transport.abort()
    return counted / seconds, spent / max(1, counted) * 1e6


def main(rounds: int) -> None:
    """Measure in turns and print."""
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        kept = [f"sqlite:{Path(folder) / name}" for name in ("one", "two")]
        servers = {
            "memory, 1 process": stack.enter_context(served()),
            "SQLite, 1 process": stack.enter_context(served("--store", kept[0])),
            "SQLite, 2 workers": stack.enter_context(served("--store", kept[1], "--workers", "2")),
        }
        print(f"{os.cpu_count()} cores, shared with the load; {rounds} rounds, {CONNECTIONS} connections")
        for what, status in (("read", b"200"), ("search", b"200"), ("everything", b"200"), ("create", b"201")):
            found: dict[str, list[tuple[float, float]]] = {name: [] for name in servers}
            for _ in range(rounds):
                for name, one in servers.items():
                    found[name].append(uvloop.run(rate(one, what, status)))
            for name, pairs in found.items():
                rates = [a_second for a_second, _ in pairs]
                spread = f"({min(rates):.0f} to {max(rates):.0f})"
                cpu = statistics.median(micros for _, micros in pairs)
                middle = statistics.median(rates)
                print(f"{what:10} {name:18} {middle:7.0f} a second {spread:18} {cpu:6.0f} µs of CPU")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 5)
