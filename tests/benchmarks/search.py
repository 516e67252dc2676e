"""A search for one patient's 50 Observations through everything, against the same bytes from a bare ASGI application.

    python tests/benchmarks/search.py [rounds]

Goal: a ratio of at least 0.40. 1 would mean that finding, counting, joining and paging cost nothing.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from read import ask
from rounds import Side, compare, http_get, line, served

PATIENTS = "1000"
COUNT = 50


def main(rounds: int) -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as folder, served("site", "0", PATIENTS) as plain:
        base, _, patient = plain["path"].rpartition("/Patient/")
        request = http_get(f"{base}/Observation?patient={patient}&_count={COUNT}", plain["token"])
        kept = Path(folder) / "reply"
        kept.write_bytes(ask(plain["port"], request, b'"type":"searchset"'))
        assert kept.read_bytes().count(b'"mode":"match"') == COUNT, "this patient has too few Observations"
        with served("bare", str(kept)) as bare:
            one = Side(plain["pid"], plain["port"], request)
            floor = Side(bare["pid"], bare["port"], request)
            print(f"a reply of {kept.stat().st_size} octets, {rounds} rounds, 16 connections")
            print(line(f"{COUNT} Observations, against bare", compare(one, floor, rounds=rounds)))


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 40)
