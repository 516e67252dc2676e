"""The example clients as processes against a scenario of bad networks: the careful one copes, the other does not."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from mockehr.cli.runs import run_trial
from mockehr.scenarios.schema import load_scenario
from mockehr.scenarios.trial import Trial

SCOPES = "system/Patient.rs system/Encounter.rs system/Condition.rs system/Observation.crs"
TYPES = "Patient: '', Encounter: '', Condition: '', Observation: category=laboratory"
RULES = {
    "verifies-tls": "{use: tls-faults, with: {certificate: wrong-name}, when: {skip: 1, first: 1}}, "
    "{use: keep-alive-cut, name: dropped, where: {channel: fhir, interaction: read}, when: {first: 1}}",
    "backs-off-in-outage": "{use: outage, with: {body: maintenance}, when: {window: [0, 9s]}}",
    "never-parses-html": "{use: outage, where: {channel: fhir, resource: Observation}, when: {first: 1}}",
    "repeats-broken-reads": "{use: damaged-gzip, where: {resource: Encounter}, when: {first: 1}}, "
    "{use: truncated-body, with: {framing: chunks}, where: {resource: Condition}, when: {first: 1}}, "
    "{use: wrong-content-length, with: {by: -99}, where: {resource: Observation}, when: {first: 1}}",
    "duplicates-harmless": "{use: duplicate-request, when: {first: 1}}",
}


def story(folder: Path, probe: str) -> Trial:
    file = folder / "network.scenario.yaml"
    file.write_text(
        "version: 1\ntitle: A bad network\nseed: 7\ntimeout: 60\nroster: {size: 2}\n"
        f"client: {{client_id: sync, scopes: {SCOPES}}}\ntruth: {{types: {{{TYPES}}}}}\n"
        f"sites: [{{name: north, patients: 50, quirks: [{RULES[probe]}]}}]\n"
        f"verdict: {{probes: [{probe}, truth]}}\n"
    )
    return Trial(load_scenario(file))


@pytest.mark.parametrize("probe", RULES)
def test_the_careful_client_copes_and_the_careless_one_does_not(probe: str, tmp_path: Path) -> None:
    verdicts = {}
    for client in ("careful", "careless"):
        trial = story(tmp_path, probe)
        card, status = run_trial(trial, [sys.executable, "-m", f"mockehr.examples.{client}"], quiet=True, mute=True)
        assert status == 0
        verdicts[client] = {finding.probe: finding.verdict for _, finding in card}
    assert verdicts["careful"] == {probe: "pass", "truth": "pass"}
    assert verdicts["careless"][probe] == "fail"
