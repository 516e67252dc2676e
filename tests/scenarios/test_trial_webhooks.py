"""Scenarios that tell a client by webhooks: where it is told, and what it is compared with."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from mockehr.scenarios.schema import Scenario
from mockehr.scenarios.trial import Trial

HOOK = {"name": "app", "url": "http://127.0.0.1:0/events?k=1", "topics": ["Patient"], "secret": "s"}


def scenario(*hooks: dict[str, Any], **more: Any) -> Scenario:
    site = {"name": "north", "patients": 2, "clock": "stepped", "webhooks": list(hooks)}
    return Scenario.model_validate({"title": "t", "sites": [site], **more})


def test_a_client_is_told_which_port_was_free_for_its_webhook() -> None:
    trial = Trial(scenario(HOOK))
    trial.assign_ports(lambda count: [4000 + place for place in range(count)])
    assert trial.sites[0].outbox.hooks["app"].url == "http://127.0.0.1:4000/events?k=1"
    assert trial.feeds() == [("127.0.0.1", 4000)]
    told = trial.environment("http://127.0.0.1:8000", Path("out"))
    names = ("PORT", "PATH", "SECRET")
    assert [told[f"MOCKEHR_NORTH_WEBHOOK_{name}"] for name in names] == ["4000", "/events", "s"]


def test_several_webhooks_are_told_apart_by_name_and_a_chosen_port_stays() -> None:
    trial = Trial(scenario(HOOK, {"name": "b-side", "url": "http://localhost:4711/", "secret": ""}))
    trial.assign_ports(lambda count: [4000] * count)
    told = trial.environment("http://127.0.0.1:8000", Path("out"))
    assert (told["MOCKEHR_NORTH_WEBHOOK_APP_PORT"], told["MOCKEHR_NORTH_WEBHOOK_B_SIDE_PORT"]) == ("4000", "4711")
    assert trial.feeds() == [("127.0.0.1", 4000), ("localhost", 4711)]


def test_a_receiver_elsewhere_is_not_waited_for() -> None:
    trial = Trial(scenario({"url": "http://app.example.org/hook"}))
    assert trial.feeds() == []
    assert not [name for name in trial.environment("http://h", Path("out")) if "WEBHOOK" in name]


def test_the_records_of_a_receiver_are_compared_with_what_changed(tmp_path: Path) -> None:
    trial = Trial(scenario(HOOK, truth={"heard": {"webhook": "app"}}, verdict={"probes": ["truth"]}))
    site = trial.sites[0]
    site.store.commit({"resourceType": "Patient", "id": "x"}, kind="create", source="control")
    assert [finding.verdict for _, finding in trial.judge(tmp_path)] == ["fail"]
    (tmp_path / "north.ndjson").write_text('{"resourceType": "Patient", "id": "x"}\n', "utf-8")
    assert [finding.verdict for _, finding in trial.judge(tmp_path)] == ["pass"]


@pytest.mark.parametrize(
    ("truth", "why"),
    [
        ({"heard": {"webhook": "ap"}}, "no webhook 'ap'; nearest: app"),
        ({"heard": {"webhook": "app"}, "told": {"link": "lab"}}, "with one of them"),
    ],
)
def test_a_truth_that_cannot_be_is_refused(truth: dict[str, Any], why: str) -> None:
    with pytest.raises(ValidationError, match=why):
        scenario(HOOK, truth=truth)
