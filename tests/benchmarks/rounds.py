"""Paired rounds: two servers in processes of their own, one closed-loop client, CPU time per request of each server.

What varies on a shared machine varies more slowly than a slice, so slices alternate (A B B A) and only the ratio
within one such round is used. CPU time is that of all threads of the server's process, user and system, in
nanoseconds (`/proc/<pid>/task/*/schedstat`, Linux).
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
CORES = sorted(os.sched_getaffinity(0))
SERVER_CORE, CLIENT_CORE = {CORES[0]}, {CORES[-1]}


@dataclass(frozen=True)
class Side:
    """One of the two that are compared: where it listens, what it is asked, who uses the CPU."""

    pid: int
    port: int
    request: bytes
    end: bytes = b""
    """What a reply ends with; empty for HTTP with a Content-Length that is the same in all replies."""


@contextlib.contextmanager
def served(*arguments: str) -> Iterator[dict[str, Any]]:
    """`served.py` in a process of its own; gives what it prints once it listens. Stopped at the end, by its pid."""
    command = [sys.executable, str(HERE / "served.py"), *arguments]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        assert process.stdout is not None
        os.sched_setaffinity(process.pid, SERVER_CORE)
        line = process.stdout.readline()
        if not line:
            raise RuntimeError(f"{' '.join(command)} ended before it listened")
        yield {"pid": process.pid, **json.loads(line)}
    finally:
        end(process)


def end(process: subprocess.Popen[bytes]) -> None:
    """End a process that we started."""
    process.terminate()
    try:
        process.communicate(timeout=10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()


def cpu_ns(pid: int) -> int:
    """Nanoseconds on a CPU, of all threads that live."""
    tasks = Path(f"/proc/{pid}/task")
    return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks.iterdir())


class Asker(asyncio.Protocol):
    """One kept connection that asks again as soon as it was answered, while `asking`."""

    def __init__(self, side: Side) -> None:
        self.request, self._end = side.request, side.end
        self.answered = self._body = 0
        self.asking, self.idle, self.lost = False, True, False
        self._got = b""

    def connection_made(self, transport: Any) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        got = self._got + data if self._got else data
        if not self._whole(got):
            self._got = got
            return
        self._got = b""
        self.answered += 1
        if self.asking:
            self._transport.write(self.request)
        else:
            self.idle = True

    def _whole(self, got: bytes) -> bool:
        """True if that is a complete reply; heads may differ in length (the entry number grows), bodies do not."""
        if self._end:
            return got.endswith(self._end)
        place = got.find(b"\r\n\r\n")
        if place < 0:
            return False
        if not self._body:
            self._body = _body_size(got[:place])
        return len(got) == place + 4 + self._body

    def connection_lost(self, exc: Exception | None) -> None:
        self.asking, self.idle, self.lost = False, True, True

    def go(self) -> None:
        """Begin to ask."""
        self.asking = True
        if self.idle:
            self.idle = False
            self._transport.write(self.request)

    def close(self) -> None:
        """Hang up."""
        self._transport.close()


def _body_size(head: bytes) -> int:
    if not head.startswith(b"HTTP/1.1 200 "):
        raise RuntimeError(f"expected 200, got {head[:200]!r}")
    sizes = [line.partition(b":")[2] for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")]
    return int(sizes[0])


async def _slice(side: Side, pool: Sequence[Asker], seconds: float) -> tuple[float, float]:
    """(server's CPU microseconds per request, requests per second) while only this side is asked."""
    before, used, started = sum(one.answered for one in pool), cpu_ns(side.pid), time.perf_counter()
    for one in pool:
        one.go()
    await asyncio.sleep(seconds)
    for one in pool:
        one.asking = False
    deadline = time.perf_counter() + 10
    while not all(one.idle for one in pool):
        if time.perf_counter() > deadline:
            raise RuntimeError("a request was not answered within ten seconds")
        await asyncio.sleep(0.0005)
    if any(one.lost for one in pool):
        raise RuntimeError("the server closed a connection; was the reply a fault?")
    count = sum(one.answered for one in pool) - before
    return (cpu_ns(side.pid) - used) / 1000 / count, count / (time.perf_counter() - started)


async def _alternate(a: Side, b: Side, rounds: int, seconds: float, connections: int) -> list[dict[str, float]]:
    loop = asyncio.get_running_loop()
    pools: list[list[Asker]] = []
    for side in (a, b):
        pool = []
        for _ in range(connections):
            _, asker = await loop.create_connection(partial(Asker, side), "127.0.0.1", side.port)
            pool.append(asker)
        pools.append(pool)
    for _ in range(5):
        await _slice(a, pools[0], seconds)
        await _slice(b, pools[1], seconds)
    rows = []
    for _ in range(rounds):
        a1, b1 = await _slice(a, pools[0], seconds), await _slice(b, pools[1], seconds)
        b2, a2 = await _slice(b, pools[1], seconds), await _slice(a, pools[0], seconds)
        cost_a, cost_b = (a1[0] + a2[0]) / 2, (b1[0] + b2[0]) / 2
        rate_a, rate_b = (a1[1] + a2[1]) / 2, (b1[1] + b2[1]) / 2
        rows.append({"a_us": cost_a, "b_us": cost_b, "ratio": cost_b / cost_a, "a_rate": rate_a, "b_rate": rate_b})
    for pool in pools:
        for one in pool:
            one.close()
    return rows


def compare(a: Side, b: Side, *, rounds: int = 40, seconds: float = 0.06, connections: int = 16) -> dict[str, float]:
    """Medians over the rounds: CPU µs per request of A and B, B's cost over A's (1 = equal, 0.5 = A costs double)."""
    import uvloop

    os.sched_setaffinity(0, CLIENT_CORE)
    try:
        rows = uvloop.run(_alternate(a, b, rounds, seconds, connections))
    finally:
        os.sched_setaffinity(0, CORES)
    result = {name: statistics.median(row[name] for row in rows) for name in rows[0]}
    result["low"], _, result["high"] = statistics.quantiles([row["ratio"] for row in rows], n=4)
    return result


def http_get(path: str, token: str) -> bytes:
    """A request for FHIR JSON with a bearer token, as a small client writes it."""
    standing = "Host: 127.0.0.1\r\nAccept: application/fhir+json"
    return f"GET {path} HTTP/1.1\r\n{standing}\r\nAuthorization: Bearer {token}\r\n\r\n".encode()


def line(name: str, result: dict[str, float]) -> str:
    """One row of a report."""
    return (
        f"{name:34} ratio {result['ratio']:.3f} ({result['low']:.3f}-{result['high']:.3f})   "
        f"cpu {result['a_us']:6.1f} us against {result['b_us']:6.1f} us   "
        f"{result['a_rate']:8.0f}/s against {result['b_rate']:8.0f}/s"
    )
