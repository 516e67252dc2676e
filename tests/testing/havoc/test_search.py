"""A planted bug is found, shrunk to the two rules that it takes, saved, and played again; sound clients survive."""

from __future__ import annotations

import importlib.util
import json
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import httpx2
import pytest

from mockehr.core.errors import UnknownName, UsageError
from mockehr.scenarios.schema import load_scenario
from mockehr.testing import Chaos, ClientBroke, chaos, replay
from mockehr.testing.havoc import ChaosRun

HERE = Path(__file__).resolve().parent
DRAWN = (
    "expiring-next-link",
    "latency",
    "lost-response",
    "malformed-success",
    "page-repeats",
    "rate-limit",
    "reset",
    "token-expiry",
    "truncated-body",
)
SEED = 2


def _loaded() -> ModuleType:
    """The example client: a program of its own beside the tests."""
    made = importlib.util.spec_from_file_location("nightly_sync", HERE / "nightly_sync.py")
    assert made is not None
    assert made.loader is not None
    module = importlib.util.module_from_spec(made)
    sys.modules[made.name] = module  # dataclasses look there
    made.loader.exec_module(module)
    return module


nightly = _loaded()


def night(kind: Any) -> Callable[[ChaosRun], None]:
    """One night of a kind of client; the records that it read do not matter here."""

    def client(run: ChaosRun) -> None:
        told = run.told()
        sync = kind(
            run.http,
            run.sleep,
            run.time,
            fhir_url=told.fhir_url,
            token_url=told.token_url,
            client_id=told.client_id,
            scopes=told.scopes,
            key=told.key,
        )
        sync.run(list(told.patients))

    return client


def doubled(run: ChaosRun) -> str | None:
    """Which notes the site has more than once."""
    written = Counter(
        change.document["identifier"][0]["value"] for change in run.site().log.changes if change.kind == "create"
    )
    twice = sorted(value for value, times in written.items() if times > 1)
    return f"written twice: {', '.join(twice)}" if twice else None


def search(kind: Any, **settings: Any) -> Chaos:
    return Chaos(
        night(kind), quirks=DRAWN, judge=doubled, gives_up=(nightly.NightIsOver,), roster=1, name="night", **settings
    )


def test_the_planted_bug_is_found_shrunk_saved_and_played_again(tmp_path: Path) -> None:
    with pytest.raises(ClientBroke, match="written twice: night-p0") as found:
        search(nightly.NightlySync, examples=400, seed=SEED, save=tmp_path).search()
    report = found.value.report
    assert sorted(report.uses) == ["lost-response", "token-expiry"], "the two that it takes, and nothing else"
    assert sorted(report.outcome.fired) == ["north: lost-response", "north: token-expiry"]
    steps = [
        line.split(": ", 1)[0].strip() for line in report.outcome.journal.splitlines() if line.startswith("  " * 4)
    ]
    assert steps == ["token-expiry", "lost-response"], "the token is given its short life, then the answer is lost"
    assert " → 401" in report.outcome.journal.partition("lost-response")[2], "and then it dies"
    assert report.path == tmp_path / "night.scenario.yaml"

    with pytest.raises(ClientBroke, match="written twice") as again:
        replay(night(nightly.NightlySync), report.path, judge=doubled)
    assert again.value.report.outcome == report.outcome, "the same exchanges, decisions and times"
    assert replay(night(nightly.MendedSync), report.path, judge=doubled).broke is None

    for site, rule in report.rules:  # either alone does no harm
        alone = Chaos(night(nightly.NightlySync), judge=doubled, roster=1, seed=SEED)
        assert alone.play([(site, rule)]).broke is None


def test_the_mended_client_survives_the_same_search() -> None:
    report = search(nightly.MendedSync, examples=90, seed=SEED).search()
    assert report.broke is None
    assert report.runs > 60, "that is more than the search for the bug took"
    assert str(report) == f"night survived {report.runs} runs."


def test_what_was_saved_is_played_first_and_kept(tmp_path: Path) -> None:
    def client(run: ChaosRun) -> None:
        run.http.get(run.told().fhir_url + "/metadata").raise_for_status().json()

    def find(**settings: Any) -> ClientBroke:
        with pytest.raises(ClientBroke) as found:
            chaos(client, quirks=("truncated-body",), save=tmp_path, judge=("truth",), **settings)
        return found.value

    first = find(examples=50, seed=1).report
    assert first.runs > 1
    assert first.path is not None
    again = find(examples=1, seed=5).report
    assert (again.runs, again.path) == (1, first.path), "one run of the file"
    saved = load_scenario(first.path)
    assert saved.sites[0].quirks[0].use == "truncated-body"
    assert "breaks" in saved.story
    fixed = chaos(
        lambda run: None, quirks=("truncated-body",), save=tmp_path, name="client", examples=2, judge=("truth",)
    )
    assert fixed.broke is None
    assert first.path.is_file()


def test_a_client_that_never_ends_is_a_finding() -> None:
    def client(run: ChaosRun) -> None:
        while True:
            try:
                if run.http.get(run.told().fhir_url + "/metadata").status_code == 200:
                    return
            except Exception:
                pass

    with pytest.raises(ClientBroke, match="livelock") as found:
        chaos(client, quirks=("reset",), calm=False, calls=50, examples=50, seed=1, judge=("truth",))
    assert found.value.report.uses == ("reset",)


def test_without_any_rule_means_without_any_rule() -> None:
    def client(run: ChaosRun) -> None:
        raise KeyError("token")

    with pytest.raises(ClientBroke, match=r"without any misbehaviour .*raised KeyError") as found:
        chaos(client, quirks=("reset",), examples=5, seed=1)
    assert found.value.report.rules == ()


def test_a_probe_that_fails_is_a_finding_with_its_evidence() -> None:
    def client(run: ChaosRun) -> None:
        run.http.get(run.told().fhir_url + "/metadata")

    with pytest.raises(ClientBroke, match=r"(?s)probe scopes-used\n.*used: none") as found:
        chaos(client, quirks=("latency",), examples=2, seed=1)
    broke = found.value.report.broke
    assert broke is not None
    assert broke.same == ("probe", "scopes-used")


def test_giving_up_is_no_break_if_it_is_said_so() -> None:
    def client(run: ChaosRun) -> None:
        run.http.get(run.told().fhir_url + "/metadata")

    settings: dict[str, Any] = {"quirks": ("reset",), "examples": 30, "seed": 1, "judge": ("truth",)}
    with pytest.raises(ClientBroke, match=r"ReadError|RemoteProtocolError"):
        chaos(client, **settings)
    assert chaos(client, gives_up=(httpx2.TransportError,), **settings).broke is None


def test_an_async_client_is_run_too_and_its_records_are_compared() -> None:
    async def client(run: ChaosRun) -> list[Any]:
        told, found = run.told(), []
        for id in told.patients:
            answer = await run.async_http.get(f"{told.fhir_url}/Patient/{id}")
            while answer.status_code in (429, 503):
                await run.async_sleep(60.0)
                answer = await run.async_http.get(f"{told.fhir_url}/Patient/{id}")
            found.append(json.loads(answer.content.decode("utf-8", "replace")))
        return found

    settings: dict[str, Any] = {"open_access": True, "examples": 20, "seed": 1, "roster": 2, "judge": ("truth",)}
    assert chaos(client, quirks=("rate-limit",), **settings).broke is None
    with pytest.raises(ClientBroke, match="misdecoded") as found:
        chaos(client, quirks=("rate-limit", "windows-1252-names"), **settings)
    assert found.value.report.uses == ("windows-1252-names",)


def test_what_cannot_be_is_told() -> None:
    with pytest.raises(UnknownName, match="token-expiry"):
        chaos(lambda run: None, quirks=("token-expire",))
    with pytest.raises(UsageError, match="no setting 'quirk'"):
        chaos(lambda run: None, quirk=("token-expiry",))
