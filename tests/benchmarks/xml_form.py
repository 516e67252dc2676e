"""What XML costs: resources of generated charts, written from JSON bytes and read back, against JSON parsing alone.

    python tests/benchmarks/xml_form.py [rounds]

Goal: 0.1 ms to write a typical resource. A ratio is the time of `lossless.parse` over ours: 0.5 costs twice as much.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable, Sequence

from mockehr.fhir.lossless import parse
from mockehr.fhir.xml import from_xml, to_xml, xml_of_json
from mockehr.sites.build import build_site
from mockehr.sites.options import SiteOptions

CHARTS = 20


def bodies(vendor: str) -> dict[str, list[bytes]]:
    """Resources of some charts as JSON bytes, by type."""
    charts = build_site(SiteOptions("main", vendor, patients=1000, stepped=True)).charts
    assert charts is not None
    found: dict[str, list[bytes]] = {}
    for index in range(CHARTS):
        for kind, records in charts.dressed(index).by_type.items():
            found.setdefault(kind, []).extend(record.body for record in records)
    return found


def microseconds(work: Callable[[bytes], object], inputs: Sequence[bytes]) -> float:
    """CPU time for one of the inputs, over all of them."""
    started = time.process_time_ns()
    for one in inputs:
        work(one)
    return (time.process_time_ns() - started) / 1000 / len(inputs)


def measure(rounds: int, inputs: Sequence[bytes]) -> dict[str, float]:
    """Medians over rounds in which every step takes its turn; the first round only warms up."""
    written, documents = [xml_of_json(body) for body in inputs], dict(zip(inputs, map(parse, inputs), strict=True))
    steps: dict[str, tuple[Callable[[bytes], object], Sequence[bytes]]] = {
        "parse": (parse, inputs),
        "write": (lambda body: to_xml(documents[body]), inputs),
        "write from JSON": (xml_of_json, inputs),
        "read": (from_xml, written),
    }
    rows = [{name: microseconds(*step) for name, step in steps.items()} for _ in range(rounds + 1)][1:]
    return {name: statistics.median(row[name] for row in rows) for name in steps}


def main(rounds: int) -> None:
    """Measure and print."""
    for vendor in ("generic", "epic", "oracle"):
        found = bodies(vendor)
        for kind in ("Patient", "Observation", "Encounter", "DocumentReference", ""):
            inputs = found.get(kind, []) if kind else [body for several in found.values() for body in several]
            times = measure(rounds, inputs[:400])
            size = statistics.median(map(len, inputs))
            told = "   ".join(
                f"{name} {value:5.0f} us (ratio {times['parse'] / value:.2f})" for name, value in times.items()
            )
            print(f"{vendor:8} {kind or 'all types':18} {size:5.0f} octets   {told}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 9)
