"""What rules do to bytes and time reaches a client in memory as it would over sockets."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import httpx2
import pytest

from mockehr.core.errors import UnknownName, UsageError
from mockehr.scenarios.trial import Trial
from mockehr.testing import Chaos
from mockehr.testing.havoc import ChaosRun, TooManyCalls
from mockehr.testing.havoc.saving import stepped


@pytest.fixture
def runner() -> Iterator[asyncio.Runner]:
    with asyncio.Runner() as made:
        yield made


@pytest.fixture
def run(runner: asyncio.Runner) -> Iterator[ChaosRun]:
    base = Chaos(lambda run: None, open_access=True).base()
    made = ChaosRun(Trial(stepped(base)), runner, calls=30, pace=0.5)
    yield made
    made.close()


def arm(run: ChaosRun, use: str, **settings: Any) -> None:
    run.site().arm({"use": use, "with": settings})


def patient(run: ChaosRun) -> str:
    return f"{run.told().fhir_url}/Patient/{run.told().patients[0]}"


@pytest.mark.parametrize(
    ("use", "settings", "error"),
    [
        ("reset", {"at": "before"}, httpx2.ReadError),
        ("reset", {"at": "midway"}, httpx2.ReadError),
        ("truncated-body", {}, httpx2.RemoteProtocolError),
        ("wrong-content-length", {"by": 9}, httpx2.RemoteProtocolError),
        ("hangs", {}, httpx2.ReadTimeout),
    ],
)
def test_a_broken_connection_is_the_exception_of_httpx2(
    run: ChaosRun, use: str, settings: dict[str, Any], error: type[Exception]
) -> None:
    assert run.http.get(patient(run)).json()["resourceType"] == "Patient"
    arm(run, use, **settings)
    with pytest.raises(error):
        run.http.get(patient(run))


def test_an_answer_whose_head_says_too_little_is_cut(run: ChaosRun) -> None:
    whole = run.http.get(patient(run)).content
    arm(run, "wrong-content-length", by=-9)
    assert run.http.get(patient(run)).content == whole[:-9]


def test_a_client_without_a_time_out_that_hears_nothing_is_ended(run: ChaosRun) -> None:
    arm(run, "hangs")
    with pytest.raises(TooManyCalls, match="no time-out"):
        run.http.get(patient(run), timeout=None)


def test_a_lost_answer_is_a_disconnect_and_the_write_stays(run: ChaosRun) -> None:
    arm(run, "lost-response")
    with pytest.raises(httpx2.RemoteProtocolError, match="without sending a response"):
        run.http.post(f"{run.told().fhir_url}/Patient", json={"resourceType": "Patient"})
    assert len(run.site().log.changes) == 1


def test_the_head_of_a_cut_answer_arrives(run: ChaosRun) -> None:
    arm(run, "truncated-body")
    with run.http.stream("GET", patient(run)) as response:
        assert response.status_code == 200
        with pytest.raises(httpx2.RemoteProtocolError, match="complete message body"):
            response.read()


def test_time_passes_with_requests_pauses_and_delays(run: ChaosRun) -> None:
    start = run.time()
    run.http.get(patient(run))
    assert run.time() == start + 0.5
    run.sleep(7)
    run.sleep(-3)
    assert run.time() == start + 7.5
    arm(run, "latency", delay=2.0)
    run.http.get(patient(run))
    assert run.time() == start + 10.0


def test_a_client_that_does_not_wait_so_long_times_out(run: ChaosRun) -> None:
    arm(run, "latency", delay=600.0)
    start = run.time()
    with pytest.raises(httpx2.ReadTimeout):
        run.http.get(patient(run), timeout=20.0)
    assert run.time() == start + 20.0
    assert run.http.get(patient(run), timeout=None).status_code == 200


def test_sync_and_async_clients_see_the_same(run: ChaosRun, runner: asyncio.Runner) -> None:
    assert runner.run(run.async_http.get(patient(run))).content == run.http.get(patient(run)).content


def test_a_sync_client_inside_of_a_loop_is_refused(run: ChaosRun, runner: asyncio.Runner) -> None:
    async def mistaken() -> None:
        run.http.get(patient(run))

    with pytest.raises(UsageError, match="async_http"):
        runner.run(mistaken())


def test_the_bound_of_calls_cannot_be_swallowed(run: ChaosRun) -> None:
    def stubborn() -> None:
        for _ in range(31):
            with suppress(Exception):
                run.http.get(patient(run))

    with pytest.raises(TooManyCalls):
        stubborn()
    assert issubclass(TooManyCalls, BaseException)
    assert not issubclass(TooManyCalls, Exception)


def test_what_the_client_is_told_is_what_mockehr_check_tells(run: ChaosRun) -> None:
    told = run.told("north")
    assert run.environment["MOCKEHR_NORTH_FHIR_URL"] == told.fhir_url
    assert run.environment["MOCKEHR_NORTH_PATIENTS"] == ",".join(told.patients)
    with pytest.raises(UnknownName, match="north"):
        run.told("nroth")


def test_chance_is_the_same_in_each_run(run: ChaosRun, runner: asyncio.Runner) -> None:
    other = ChaosRun(run.trial, runner, calls=30, pace=0.5)
    assert [run.random() for _ in range(3)] == [other.random() for _ in range(3)]
