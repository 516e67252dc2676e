"""The shipped scenario about HL7 tells the careful example peer from the careless one."""

from __future__ import annotations

import sys

import pytest

from mockehr.cli.runs import run_trial
from mockehr.scenarios.probes import probes
from mockehr.scenarios.schema import load_scenario
from mockehr.scenarios.shipped import find_scenario
from mockehr.scenarios.trial import Trial

NAME = "hl7-chaos"


def played(peer: str) -> set[str]:
    """The probes that fail for that example peer. (The careful one is played by `mockehr check all`.)"""
    path = find_scenario(NAME)
    trial = Trial(load_scenario(path), base=path.parent)
    card, status = run_trial(trial, [sys.executable, "-m", f"mockehr.examples.{peer}"], quiet=True)
    assert status == 0
    return {finding.probe for _, finding in card if finding.verdict == "fail"}


@pytest.mark.slow
def test_hl7_chaos_names_the_bugs_of_the_careless_one() -> None:
    assert played("careless_peer") >= {
        "hl7-ack-matched",
        "hl7-duplicates-applied-once",
        "hl7-every-message-acknowledged",
        "hl7-keeps-order",
        "hl7-merges-followed",
        "hl7-parks-refused",
        "hl7-reads-charsets",
        "hl7-reconnects-after-cut",
        "hl7-resends-with-same-id",
        "hl7-survives-odd-messages",
        "truth",
    }


def test_every_probe_of_hl7_is_required_but_for_that_of_time() -> None:
    required = load_scenario(find_scenario(NAME)).verdict.required
    family = {name for name in probes() if name.startswith("hl7-")}
    assert set(required) == (family | {"truth"}) - {"hl7-acks-in-time", "hl7-batches-checked"}
    # how long is long, the machine decides; and no messages come in files here
