"""How long it takes until mockehr is there, against an empty Python; and what a population costs at the start.

    python tests/benchmarks/start.py [repeats]

Candidates run one after the other in every round, so that each ratio is taken within a round. `serve` is timed from
the start of the process to the first authenticated answer (token request included).
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from typing import Any

from rounds import end

SIZES = (10, 10_000, 10_000_000)
PYTHON = sys.executable
MOCKEHR = [PYTHON, "-c", "from mockehr.cli.main import main; main()"]
SHORT = {
    "python -c pass": [PYTHON, "-c", "pass"],
    "import mockehr": [PYTHON, "-c", "import mockehr"],
    "mockehr --help": [*MOCKEHR, "--help"],
}


def milliseconds(command: list[str]) -> float:
    """Wall time of a process that ends by itself."""
    started = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, timeout=60)
    return (time.perf_counter() - started) * 1000


def fetch(url: str, token: str = "", form: bytes | None = None) -> dict[str, Any]:
    """A JSON answer."""
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    with urllib.request.urlopen(urllib.request.Request(url, form, headers), timeout=60) as answer:
        found: dict[str, Any] = json.load(answer)
        return found


def rss(pid: int) -> float:
    """Resident memory of a process in MiB."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("VmRSS")).split()[1]) / 1024


def assertion_for(token_url: str) -> bytes:
    """The form of a token request of the ready-made client, whose assertion is signed with its public test key."""
    from urllib.parse import urlencode

    from mockehr.auth.keys import load_key, read_bundled_key, sign

    key = load_key(read_bundled_key("client-1-ES384"))
    now = int(time.time())
    claims = {
        "iss": "demo",
        "sub": "demo",
        "aud": token_url,
        "exp": now + 240,
        "iat": now,
        "jti": f"start-{time.time_ns()}",
    }
    return urlencode({
        "grant_type": "client_credentials", "scope": "system/Patient.rs", "client_assertion": sign(key, claims),
        "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
    }).encode()  # fmt: skip


def serve_once(patients: int) -> dict[str, float]:
    """One `serve`: ms to the first authenticated answer, MiB then, ms and exact count of a first search by name."""
    started = time.perf_counter()
    command = [*MOCKEHR, "serve", "--port", "0", "--patients", str(patients), "--json"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    try:
        assert process.stdout is not None
        site = json.loads(process.stdout.readline())["sites"][0]
        listening = time.perf_counter()
        form = assertion_for(site["token"])
        signed = time.perf_counter()
        token = fetch(site["token"], form=form)["access_token"]
        patient = fetch(f"{site['fhir']}/Patient/p3", token)
        assert patient["resourceType"] == "Patient"
        answered = time.perf_counter()
        memory = rss(process.pid)
        page = fetch(f"{site['fhir']}/Patient?family={patient['name'][0]['family']}&_count=10", token)
        assert page["total"] >= 1
        return {
            "listening": (listening - started) * 1000,
            "answered": (answered - started - (signed - listening)) * 1000,  # the client's own signing left out
            "MiB": memory,
            "search ms": (time.perf_counter() - answered) * 1000,
            "MiB after": rss(process.pid),
            "total": page["total"],
        }
    finally:
        end(process)


def main(repeats: int) -> None:
    """Measure and print."""
    assertion_for("http://127.0.0.1/token")  # our own imports are not the server's start
    rows: list[dict[str, float]] = []
    serves: dict[int, list[dict[str, float]]] = {size: [] for size in SIZES}
    for _ in range(repeats):
        rows.append({name: milliseconds(command) for name, command in SHORT.items()})
        for size in SIZES:
            serves[size].append(serve_once(size))
        rows[-1]["serve, 10 patients"] = serves[10][-1]["answered"]
    base = "python -c pass"
    for name in rows[0]:
        ratio = statistics.median(row[name] / row[base] for row in rows)
        print(f"{name:24} {statistics.median(row[name] for row in rows):8.1f} ms   ratio {ratio:6.2f}")
    for size, runs in serves.items():
        found = {name: statistics.median(run[name] for run in runs) for name in runs[0]}
        print(f"serve {size:>10} patients   " + "   ".join(f"{name} {value:.1f}" for name, value in found.items()))
    most, least = (statistics.median(run["answered"] for run in serves[size]) for size in (SIZES[-1], SIZES[0]))
    print(f"start with {SIZES[-1]} against {SIZES[0]} patients: ratio {most / least:.2f}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 7)
