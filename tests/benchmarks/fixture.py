"""What a test pays: a site made, admitted, asked until the first 200, and removed, on one server for the session.

python tests/benchmarks/fixture.py [tests]
"""

from __future__ import annotations

import http.client
import statistics
import sys
import time

from mockehr.edge.server import Server, ThreadedServer
from mockehr.sites.build import build_site
from mockehr.sites.directory import Directory
from mockehr.sites.options import SiteOptions
from mockehr.sites.test_client import register_demo_client

VENDORS = ("generic", "epic", "oracle")


def one_test(threaded: ThreadedServer, vendor: str, connection: http.client.HTTPConnection) -> dict[str, float]:
    """Milliseconds of each step. The 200 is the CapabilityStatement's, which needs no token."""
    marks = [time.perf_counter()]
    site = threaded.call(build_site, SiteOptions("one", personality=vendor, patients=50, stepped=True))
    marks.append(time.perf_counter())
    threaded.call(register_demo_client, site)
    threaded.call(threaded.server.admit, site)
    marks.append(time.perf_counter())
    connection.request("GET", f"/one{site.fhir_path.rstrip('/')}/metadata")
    answer = connection.getresponse()
    answer.read()
    assert answer.status == 200
    marks.append(time.perf_counter())
    threaded.call(threaded.server.directory.remove, "one")
    marks.append(time.perf_counter())
    steps = ("build", "register, admit", "first 200", "remove")
    times = {name: (marks[n + 1] - marks[n]) * 1000 for n, name in enumerate(steps)}
    return {**times, "all": (marks[-1] - marks[0]) * 1000}


def main(tests: int) -> None:
    """Measure and print."""
    started = time.perf_counter()
    threaded = ThreadedServer(Server(Directory())).start()
    print(f"server of the session {(time.perf_counter() - started) * 1000:.1f} ms, once")
    connection = http.client.HTTPConnection("127.0.0.1", threaded.server.port, timeout=10)
    try:
        rows: dict[str, list[dict[str, float]]] = {vendor: [] for vendor in VENDORS}
        for _ in range(tests):
            for vendor in VENDORS:
                rows[vendor].append(one_test(threaded, vendor, connection))
        for vendor, taken in rows.items():
            found = {name: statistics.median(row[name] for row in taken[1:]) for name in taken[0]}
            print(f"{vendor:8} " + "   ".join(f"{name} {value:.2f} ms" for name, value in found.items()))
            print(f"{'':8} the first of the process: {taken[0]['all']:.1f} ms")
    finally:
        connection.close()
        threaded.stop()


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 100)
