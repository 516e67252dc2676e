"""Commits and reads of a store on a SQLite file, against the same in memory.

    python tests/benchmarks/store.py [rounds]

CPU and wall time differ where a file is written, so both are shown: the ratio of CPU tells what SQLite costs, that of
wall time what a client waits. Slices alternate, each ratio is taken within a round. A read is of a record that was
written and is remembered (`hot`), of one that has to be fetched (`cold`), or of one that only the base could have.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from mockehr.core.changes import ChangeLog
from mockehr.core.clock import Clock
from mockehr.fhir.overlay import MemoryOverlay, Overlay, SqliteOverlay
from mockehr.fhir.store import EmptyBase, Store

SLICE = 200
TOGETHER = 100


def document(number: int) -> dict[str, Any]:
    """A small Observation of one of the ids that are written again and again."""
    return {
        "resourceType": "Observation",
        "id": f"o{number % (5 * SLICE)}",
        "status": "final",
        "subject": {"reference": f"Patient/p{number % 100}"},
        "identifier": [{"system": "urn:oid:1.2.3", "value": str(number)}],
        "code": {"coding": [{"system": "http://loinc.org", "code": "2345-7"}]},
        "valueQuantity": {"value": number / 8, "unit": "mg/dL"},
    }


class Measured:
    """One store, and what is done to it."""

    def __init__(self, overlay: Overlay) -> None:
        self.store = Store(EmptyBase(), Clock(stepped=True), ChangeLog(), overlay=overlay)
        self._overlay = overlay
        self._next = 0

    def _documents(self) -> list[dict[str, Any]]:
        self._next += SLICE
        return [document(number) for number in range(self._next - SLICE, self._next)]

    def steps(self) -> dict[str, Callable[[], tuple[float, float]]]:
        """What is measured, by name: each gives microseconds of CPU and of wall time for one."""
        return {
            "commit": lambda: self._commits(1),
            f"commit, {TOGETHER} together": lambda: self._commits(TOGETHER),
            "new id": lambda: _timed(lambda: [self.store.new_id("Observation") for _ in range(SLICE)]),
            "read, hot": lambda: self._reads(forget=False),
            "read, cold": lambda: self._reads(forget=True),
            "read, never written": lambda: _timed(lambda: [self.store.read("Goal", "x") for _ in range(SLICE)]),
        }

    def _commits(self, together: int) -> tuple[float, float]:
        documents, store = self._documents(), self.store

        def alone() -> None:
            for one in documents:
                store.commit(one, kind="update", source="fhir")

        def in_transactions() -> None:
            for first in range(0, SLICE, together):
                with store.transaction():
                    for one in documents[first : first + together]:
                        store.commit(one, kind="update", source="fhir")

        return _timed(alone if together == 1 else in_transactions)

    def _reads(self, *, forget: bool) -> tuple[float, float]:
        ids, store = [f"o{number}" for number in range(SLICE)], self.store
        if isinstance(self._overlay, SqliteOverlay):
            self._overlay.forget_all()
        if not forget:
            for id in ids:
                store.read("Observation", id)
        return _timed(lambda: [store.read("Observation", id) for id in ids])


def _timed(work: Callable[[], object]) -> tuple[float, float]:
    used, started = time.process_time_ns(), time.perf_counter_ns()
    work()
    return (time.process_time_ns() - used) / 1000 / SLICE, (time.perf_counter_ns() - started) / 1000 / SLICE


def main(rounds: int) -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as folder:
        file = SqliteOverlay(Path(folder) / "main.sqlite", {"site": "main"})
        sides = (Measured(MemoryOverlay()).steps(), Measured(file).steps())
        taken: dict[str, list[tuple[tuple[float, float], ...]]] = {name: [] for name in sides[0]}
        for _ in range(3):  # every record is there before anything counts
            for side in sides:
                for step in side.values():
                    step()
        for turn in range(rounds):
            for name, rows in taken.items():
                order = sides if turn % 2 else sides[::-1]
                pair = tuple(side[name]() for side in order)
                rows.append(pair if turn % 2 else pair[::-1])
        file.close()
    for name, rows in taken.items():
        cpu = [statistics.median(row[side][0] for row in rows) for side in (0, 1)]
        wall = statistics.median(row[1][1] for row in rows)
        ratios = [statistics.median(row[1][kind] / row[0][kind] for row in rows) for kind in (0, 1)]
        print(
            f"{name:22} cpu {cpu[1]:7.2f} us against {cpu[0]:6.2f} us   "
            f"ratio {ratios[0]:6.2f} (wall {ratios[1]:6.2f})   sqlite {1e6 / wall:9.0f}/s"
        )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 60)
