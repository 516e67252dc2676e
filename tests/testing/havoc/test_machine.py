"""A machine of the user's: rules come and go, time passes, the client acts, and what must hold is checked."""

from __future__ import annotations

from typing import Any

import httpx2
import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from mockehr.core.errors import UsageError
from mockehr.testing import ChaosMachine
from mockehr.testing.havoc import ChaosRun

BOUNDED = settings(
    max_examples=30,
    stateful_step_count=12,
    deadline=None,
    derandomize=True,
    database=None,
    phases=(Phase.generate,),
    suppress_health_check=list(HealthCheck),
)


class Writer(ChaosMachine):
    """Creates one patient at each act, and counts those that it knows of."""

    quirks = ("lost-response", "latency")
    scopes = "system/Patient.cruds"

    def begin(self, run: ChaosRun) -> None:
        self.sent = 0
        run.site().open_access = True

    def act(self, run: ChaosRun) -> None:
        self.sent += 1
        try:
            run.http.post(f"{run.told().fhir_url}/Patient", json={"resourceType": "Patient"}, timeout=None)
        except httpx2.TransportError:
            self.lost(run)

    def lost(self, run: ChaosRun) -> None:
        """Nothing came back; the write may have been done."""

    def check(self, run: ChaosRun) -> None:
        made = len(run.site().log.changes)
        assert made <= self.sent, f"{made} made, {self.sent} sent"


class BlindWriter(Writer):
    """Sends again what it had no answer to, and counts it as one."""

    def lost(self, run: ChaosRun) -> None:
        run.http.post(f"{run.told().fhir_url}/Patient", json={"resourceType": "Patient"}, timeout=None)


class AsyncWriter(Writer):
    """The same in async code."""

    async def act(self, run: ChaosRun) -> None:  # type: ignore[override]
        self.sent += 1
        try:
            url = f"{run.told().fhir_url}/Patient"
            await run.async_http.post(url, json={"resourceType": "Patient"}, timeout=None)
        except httpx2.TransportError:
            pass


@pytest.mark.parametrize("machine", [Writer, AsyncWriter])
def test_a_client_that_copes_survives(machine: Any) -> None:
    run_state_machine_as_test(machine, settings=settings(BOUNDED, max_examples=10))


def test_a_client_that_repeats_blindly_is_found() -> None:
    with pytest.raises((AssertionError, httpx2.TransportError)):
        run_state_machine_as_test(BlindWriter, settings=BOUNDED)


def test_a_probe_that_fails_is_found() -> None:
    class Judged(Writer):
        probes = ("scopes-used",)
        scopes = "system/*.cruds"

    with pytest.raises(AssertionError, match="scopes-used"):
        run_state_machine_as_test(Judged, settings=BOUNDED)


def test_a_machine_without_a_client_is_refused() -> None:
    with pytest.raises(UsageError, match="Override act"):
        run_state_machine_as_test(ChaosMachine, settings=BOUNDED)
