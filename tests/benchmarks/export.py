"""An export over real sockets, against drawing and encoding the same charts without a server; and its memory.

    python tests/benchmarks/export.py [rounds] [patients] [chunks]

Each round orders an export of all patients, fetches every file (once as it is, once as gzip) and draws the same
charts in a process of its own that does nothing else. The ratio is the floor's CPU time over the server's, user and
system: the goal is at least 0.7. Then a site of 10 000 patients and one of 1 000 000 are asked for that many chunks
of an export of everybody: their memory has to be the same.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from rounds import SERVER_CORE, cpu_ns, end, served
from start import rss

SIZES = ("10000", "1000000")


class Wire:
    """A kept connection with a bearer token."""

    def __init__(self, port: int, token: str, **headers: str) -> None:
        self._http = http.client.HTTPConnection("127.0.0.1", port, timeout=600)
        self._headers = {"Authorization": f"Bearer {token}", **headers}

    def get(self, url: str, **more: str) -> tuple[int, dict[str, str], bytes]:
        """Status, headers with names in lower case, and body."""
        parts = urlsplit(url)
        self._http.request("GET", f"{parts.path}?{parts.query}", headers=self._headers | more)
        answer = self._http.getresponse()
        return answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()

    def manifest(self, base: str) -> dict[str, Any]:
        """Order an export of all patients and wait for it."""
        status, headers, body = self.get(f"{base}/Patient/$export", Prefer="respond-async")
        assert status == 202, body
        while True:
            status, _, body = self.get(headers["content-location"], **{"Accept-Encoding": "identity"})
            if status == 200:
                found: dict[str, Any] = json.loads(body)
                return found
            # The site runs on the wall clock and says Retry-After: 0. Polls without a pause would be measured, too.
            time.sleep(0.1)

    def close(self) -> None:
        """Hang up."""
        self._http.close()


class Floor:
    """A process that draws and encodes all charts of a site whenever it is told to."""

    def __init__(self, patients: int) -> None:
        command = [sys.executable, __file__, "floor", str(patients)]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        os.sched_setaffinity(self._process.pid, SERVER_CORE)
        self._read()

    def _read(self) -> int:
        assert self._process.stdout is not None
        return int(self._process.stdout.readline())

    def cost(self) -> int:
        """CPU nanoseconds of one time through."""
        assert self._process.stdin is not None
        self._process.stdin.write(b"go\n")
        self._process.stdin.flush()
        return self._read()

    def close(self) -> None:
        """End the process."""
        end(self._process)


def play_floor(patients: int) -> None:
    """Draw and encode all charts for every line of the standard input, and print what it cost."""
    from served import build

    from mockehr.fhir.record import encode

    charts = build(patients).charts
    print(0, flush=True)
    for _ in sys.stdin:
        started = time.process_time_ns()
        for index in range(patients):
            for document, _at in charts.dress(index, dirty=True):
                encode(document)
        print(time.process_time_ns() - started, flush=True)


def export_cost(told: dict[str, Any], coding: str) -> tuple[int, int, int]:
    """(the server's CPU nanoseconds, lines, octets over the wire) of a whole export."""
    wire = Wire(told["port"], told["token"], **{"Accept-Encoding": coding})
    before, lines, octets = cpu_ns(told["pid"]), 0, 0
    for listed in wire.manifest(told["base"])["output"]:
        status, _, body = wire.get(listed["url"])
        assert status == 200
        lines, octets = lines + listed["count"], octets + len(body)
    wire.close()
    return cpu_ns(told["pid"]) - before, lines, octets


def compare_costs(rounds: int, patients: int) -> None:
    """Print the ratios."""
    with served("export", str(patients)) as told, contextlib.closing(Floor(patients)) as floor:
        rows: dict[str, list[float]] = {"plain": [], "gzip": []}
        for _ in range(rounds):
            for name, coding in (("plain", "identity"), ("gzip", "gzip")):
                used, lines, octets = export_cost(told, coding)
                drawn = floor.cost()
                rows[name].append(drawn / used)
                rate = patients / used * 1e9
                print(
                    f"  {name:6} {rate:6.0f} charts/s  {lines} lines  {octets / 1e6:.1f} MB  floor {drawn / used:.3f}"
                )
        for name, ratios in rows.items():
            spread = f"({min(ratios):.3f}-{max(ratios):.3f})"
            print(f"{patients} patients, {name:6} ratio {statistics.median(ratios):.3f} {spread}")


def weigh(size: str, chunks: int) -> Iterator[tuple[str, float]]:
    """(moment, MiB) while some chunks of a site's export are fetched."""
    with served("export", size, "uncounted") as told:
        wire = Wire(told["port"], told["token"], **{"Accept-Encoding": "gzip"})
        yield "started", rss(told["pid"])
        output = wire.manifest(told["base"])["output"]
        yield f"manifest of {len(output)} files", rss(told["pid"])
        done = 0
        for listed in output:
            if listed["type"] == "Patient" and done == chunks:
                break
            done += listed["type"] == "Patient"
            status, _, _ = wire.get(listed["url"])
            assert status == 200
            if listed["type"] == "Patient":
                yield f"chunk {done}", rss(told["pid"])
        wire.close()


def main(rounds: int, patients: int, chunks: int) -> None:
    """Measure and print."""
    compare_costs(rounds, patients)
    for size in SIZES if chunks else ():
        print(f"{size} patients: " + ", ".join(f"{moment} {mib:.0f} MiB" for moment, mib in weigh(size, chunks)))


if __name__ == "__main__":
    if sys.argv[1:2] == ["floor"]:
        sys.path.insert(0, str(Path(__file__).parent))
        play_floor(int(sys.argv[2]))
    else:
        given = [int(word) for word in sys.argv[1:]]
        main(*(given + [5, 1000, 3][len(given) :]))
