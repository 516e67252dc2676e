"""Whole charts per second of CPU on one core: drawn, dressed by a vendor, and dressed with their JSON.

    python tests/benchmarks/charts.py [charts] [personality]

Each step holds the one before it. Slices of ten charts alternate; a chart is never asked for twice.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

from mockehr.sites.build import build_site
from mockehr.sites.options import SiteOptions

SLICE = 10


def slice_ms(make: Callable[[int], Any], first: int) -> float:
    """CPU milliseconds of one chart, over a slice of them."""
    started = time.process_time_ns()
    for index in range(first, first + SLICE):
        make(index)
    return (time.process_time_ns() - started) / 1e6 / SLICE


def main(number: int, vendor: str) -> None:
    """Measure and print."""
    site = build_site(SiteOptions("main", personality=vendor, patients=1_000_000, stepped=True))
    charts = site.charts
    assert charts is not None
    steps: dict[str, Callable[[int], Any]] = {
        "drawn": charts.clean,
        "dressed": lambda index: charts.dress(index, dirty=False),
        "ready": charts.dressed,
    }
    for make in steps.values():
        make(0)
    taken: dict[str, list[float]] = {name: [] for name in steps}
    for first in range(1, number, SLICE):
        for name, make in steps.items():
            taken[name].append(slice_ms(make, first))
    for name, times in taken.items():
        middle = statistics.median(times)
        ratio = statistics.median(mine / drawn for mine, drawn in zip(times, taken["drawn"], strict=True))
        print(
            f"{vendor} {name:8} {middle:6.2f} ms a chart   {1000 / middle:7.0f} charts/s   ratio to drawn {ratio:.2f}"
        )
    held = [sum(len(records) for records in charts.dressed(index).by_type.values()) for index in range(1, 101)]
    print(f"records in a chart: median {statistics.median(held):.0f}, most {max(held)}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 200, sys.argv[2] if len(sys.argv) > 2 else "generic")
