"""A month of a hospital of 500 beds: how long `clock.advance("30d")` takes, and what it weighs.

    python tests/benchmarks/hospital.py [days] [rate] [personality]

Patients come by all shipped pathways; one HL7 feed carries everything, and its messages are taken off in memory.
"""

from __future__ import annotations

import gc
import resource
import sys
import time
from collections import Counter
from pathlib import Path

from mockehr.cli.loop import COLLECTED_AFTER
from mockehr.config.settings import PathwaysConfig
from mockehr.sites.build import build_site
from mockehr.sites.links import Link
from mockehr.sites.options import SiteOptions
from mockehr.sites.pathway_setup import furnish_pathways

DAY = 86400.0


def resident() -> float:
    """Most memory that this process has had, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main(days: int, rate: str, vendor: str) -> None:
    """Measure and print."""
    site = build_site(SiteOptions("main", personality=vendor, patients=100_000, stepped=True))
    furnish_pathways(site, PathwaysConfig(use="all", rate=rate, beds=500), Path())
    link = site.links.add(Link("engine", "127.0.0.1", 2575))
    told: Counter[str] = Counter()
    octets = 0
    gc.set_threshold(*COLLECTED_AFTER)  # as `serve` does
    gc.collect()
    before = resident()
    started, idle = time.perf_counter(), time.process_time()
    for _ in range(days):
        site.clock.advance(DAY)
        while link.ready:
            exchange = link.ready.popleft()
            assert exchange.interaction is not None
            told[exchange.interaction.name] += 1
            octets += len(exchange.body)
    took, spent = time.perf_counter() - started, time.process_time() - idle
    changes, runs = len(site.log.changes), site.pathways
    admitted = told["ADT^A01"] + told["ADT^A06"]
    print(f"{days} days of {vendor} at {rate}: {took:.1f} s ({spent:.1f} s of CPU)")
    print(f"{changes} changes, {changes / took:.0f} changes/s")
    print(f"{dict(runs.counts)}, {len(runs.running)} running, {admitted / days:.0f} admissions a day")
    print(f"beds taken {sum(runs.hospital.beds.occupied().values())} of 500: {runs.hospital.beds.occupied()}")
    print(f"{sum(told.values())} messages, {octets / 1e6:.0f} MB; {len(told)} kinds")
    most = resident()
    print(f"memory {before:.0f} MB before, {most:.0f} MB at most: {(most - before) / changes * 1024:.1f} kB a change")


if __name__ == "__main__":
    given = sys.argv[1:]
    main(
        int(given[0]) if given else 30,
        given[1] if len(given) > 1 else "7/h",
        given[2] if len(given) > 2 else "generic",
    )
