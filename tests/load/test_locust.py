"""The locustfiles against real servers, each in a process of its own: locust must never be imported here."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from mockehr.edge.mllp_site import listen_for
from mockehr.testing.world import World

pytestmark = pytest.mark.slow

SECONDS = 10
ENVIRONMENT = {name: value for name, value in os.environ.items() if not name.startswith(("MOCKEHR_", "LOCUST_"))}


def locust(root: Path, tmp_path: Path, file: str, host: str, **settings: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "locust", "-f", str(root / "loadtests" / file), "--headless", "--host", host]
    command += ["--users", "4", "--spawn-rate", "4", "--run-time", f"{SECONDS}s", "--stop-timeout", "5"]
    command += ["--csv", str(tmp_path / "run"), "--only-summary"]
    return subprocess.run(
        command,
        cwd=tmp_path,
        env={**ENVIRONMENT, "MOCKEHR_LOAD_PAUSE": "0.01"} | settings,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def counted(tmp_path: Path) -> dict[str, tuple[int, int]]:
    """Name → (requests, failures), with the sum under `Aggregated`."""
    with (tmp_path / "run_stats.csv").open(newline="") as lines:
        rows = list(csv.DictReader(lines))
    return {row["Name"]: (int(row["Request Count"]), int(row["Failure Count"])) for row in rows}


@pytest.fixture
def served() -> Iterator[str]:
    """The FHIR base of a site that `mockehr serve` serves in a process of its own."""
    command = [sys.executable, "-c", "from mockehr.cli import main; main()"]
    command += ["serve", "--port", "0", "--patients", "500", "--json"]
    with subprocess.Popen(command, env=ENVIRONMENT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield json.loads(process.stdout.readline())["sites"][0]["fhir"]
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=20) == 0


def test_fhir_users_meet_no_failure(served: str, root: Path, tmp_path: Path) -> None:
    done = locust(root, tmp_path, "fhir.py", served)
    assert done.returncode == 0, done.stderr
    rows = counted(tmp_path)
    requests, failures = rows["Aggregated"]
    assert failures == 0
    assert requests > 100
    wanted = {"/Patient", "/Patient/[id]", "/Patient?family=[text]", "/Observation", "token", "discovery"}
    assert wanted <= set(rows)
    assert len(rows) < 12, "names are templates, not one for each id"


def test_a_limit_that_is_passed_ends_with_status_3(
    served: str, root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.modules[__name__], "SECONDS", 2)
    done = locust(root, tmp_path, "fhir.py", served, MOCKEHR_LOAD_P95_MS="-1")
    assert done.returncode == 3, done.stderr
    assert "threshold: the 95th percentile is" in done.stderr


def test_mllp_users_meet_no_failure(mockehr: World, root: Path, tmp_path: Path) -> None:
    site = mockehr.site(patients=20)
    server = listen_for(site.site)
    run = mockehr._server.threaded.run
    run(server.start())
    try:
        done = locust(root, tmp_path, "mllp.py", f"mllp://127.0.0.1:{server.port}")
    finally:
        run(server.stop())
    assert done.returncode == 0, done.stderr
    rows = counted(tmp_path)
    requests, failures = rows["Aggregated"]
    assert failures == 0
    assert requests > 100
    assert set(rows) == {"ADT^A01", "ADT^A08", "Aggregated"}
    assert site.verify(channel="mllp-in") >= requests


def test_a_wrong_acknowledgement_counts_as_a_failure(
    mockehr: World, root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.modules[__name__], "SECONDS", 5)
    site = mockehr.site(patients=20)
    site.quirk("ack-wrong-id")
    server = listen_for(site.site)
    run = mockehr._server.threaded.run
    run(server.start())
    try:
        done = locust(root, tmp_path, "mllp.py", f"mllp://127.0.0.1:{server.port}")
    finally:
        run(server.stop())
    assert done.returncode == 3, done.stderr
    requests, failures = counted(tmp_path)["Aggregated"]
    assert failures == requests > 0
