"""A scenario that launches an app: what it may say, and what becomes of an app that is a server."""

from __future__ import annotations

import socket
import sys
from importlib.resources import as_file
from pathlib import Path
from typing import Any

import pytest

from mockehr.cli.runs import run_trial
from mockehr.core.data import data_root
from mockehr.core.errors import ConfigError, EnvironmentProblem
from mockehr.scenarios.launched import LAUNCHES, Launched
from mockehr.scenarios.probe import Case
from mockehr.scenarios.probes import probes
from mockehr.scenarios.schema import Scenario, load_scenario
from mockehr.scenarios.trial import Trial

APP = """
title: a
story: b
timeout: 30s
client:
  client_id: app
  public: true
  scopes: launch launch/patient openid fhirUser patient/Patient.rs patient/Condition.rs
  launch_url: http://127.0.0.1:{port}/launch
  redirect_uris: [http://127.0.0.1:{port}/callback]
roster: {{size: 2}}
sites: [{{name: north, patients: 4}}]
launches:
  - {{patient: 1, expect: completed}}
  - {{ask: true, deny: true, expect: refused}}
"""


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return int(taken.getsockname()[1])


def scenario_of(folder: Path, text: str = APP) -> Scenario:
    file = folder / "a.scenario.yaml"
    file.write_text(text.format(port=free_port()))
    return load_scenario(file)


def example(name: str) -> list[str]:
    return [sys.executable, "-m", f"mockehr.examples.{name}"]


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        ("{{patient: 1,", "{{site: nort, patient: 1,", "nearest: north"),
        ("launch_url:", "lunch_url:", "launch_url"),
        ("  launch_url: http://127.0.0.1:{port}/launch\n", "", "give the client a launch_url"),
        ("expect: completed", "expect: complete", "completed"),
    ],
)
def test_launches_that_cannot_be_are_refused(tmp_path: Path, before: str, after: str, told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        scenario_of(tmp_path, APP.replace(before, after, 1))


def test_an_app_is_opened_judged_and_ended(tmp_path: Path) -> None:
    trial = Trial(scenario_of(tmp_path))
    scorecard, status = run_trial(trial, example("careful_app"), quiet=True, mute=True)
    assert status == 0
    assert [(one.outcome, one.expected) for one in trial.launched] == [
        ("completed", "completed"),
        ("refused", "refused"),
    ]
    scorecard.assert_passed("completes-launches", "scopes-used")
    card = scorecard.cards[0]
    assert card.find("truth").verdict == "not-applicable"  # an app hands back no records
    patient = trial.sites[0].charts.patient_id(1) if trial.sites[0].charts else ""
    opened = next(one for one in trial.sites[0].journal if one.channel == "launch")
    assert (opened.patient, opened.client) == (patient, "app")


def test_an_app_that_never_listens_is_told(tmp_path: Path) -> None:
    with pytest.raises(EnvironmentProblem, match="ended with status 3 before it listened"):
        run_trial(Trial(scenario_of(tmp_path)), [sys.executable, "-c", "raise SystemExit(3)"], quiet=True)


def test_an_app_that_runs_and_does_not_listen_is_told(tmp_path: Path) -> None:
    trial = Trial(scenario_of(tmp_path, APP.replace("timeout: 30s", "timeout: 1s")))
    command = [sys.executable, "-c", "import threading; threading.Event().wait()"]
    with pytest.raises(EnvironmentProblem, match=r"Nothing listened at http://127\.0\.0\.1:\d+/launch within 1 s"):
        run_trial(trial, command, quiet=True)


@pytest.mark.slow
def test_hostile_launch_tells_the_careful_app_from_the_careless_one() -> None:
    with as_file(data_root("scenarios") / "hostile-launch.scenario.yaml") as path:
        shipped = load_scenario(path)
    port = free_port()
    here: dict[str, Any] = {
        "launch_url": shipped.client.launch_url.replace("8655", str(port)),
        "redirect_uris": [uri.replace("8655", str(port)) for uri in shipped.client.redirect_uris],
    }
    scenario = shipped.model_copy(update={"client": shipped.client.model_copy(update=here)})
    careful, _ = run_trial(Trial(scenario), example("careful_app"), quiet=True, mute=True)
    careful.assert_passed()
    careless, _ = run_trial(Trial(scenario), example("careless_app"), quiet=True, mute=True)
    failed = {finding.probe for _, finding in careless if finding.verdict == "fail"}
    assert {"checks-issuer", "checks-state", "falls-back-on-discovery", "keeps-pkce", "redeems-code-once"} <= failed


def launched(outcome: str, expected: Any) -> Launched:
    return Launched("north", outcome, "why", 3, expected)


@pytest.mark.parametrize(
    ("ends", "verdict"),
    [
        ([("completed", "completed"), ("refused", "refused"), ("failed", "any")], "pass"),
        ([("failed", "completed")], "fail"),
        ([("completed", "refused")], "fail"),
        ([("failed", "any")], "not-applicable"),
        ([], "not-applicable"),
    ],
)
def test_launches_are_judged_by_how_they_should_end(ends: list[tuple[str, Any]], verdict: str) -> None:
    case = Case((), expected={LAUNCHES: tuple(launched(*one) for one in ends)})
    assert probes().get("completes-launches").judge(case).verdict == verdict
