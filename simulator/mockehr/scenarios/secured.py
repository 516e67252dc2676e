"""Whether a scenario has to be served over HTTPS."""

from __future__ import annotations

from pathlib import Path

from mockehr.quirks.rule import quirks
from mockehr.scenarios.trial import Trial

CA_FILE = "MOCKEHR_CA_FILE"
"""Variable that tells a client the file of the authority that signs the sites' certificates."""


def wants_https(trial: Trial) -> bool:
    """Whether one of its rules, armed now or by a phase, is about what a TLS handshake shows."""
    if any(site.mischief.armed("discovery", "on_handshake") for site in trial.sites):
        return True
    uses = {rule.use for phase in trial.scenario.phases for site in trial.sites for rule in phase.rules_at(site.name)}
    return any("on_handshake" in quirks().get(use).about.capabilities for use in uses if use in quirks())


def told_of_https(ca_file: Path | None) -> dict[str, str]:
    """What a client's environment says of it; nothing over plain HTTP."""
    return {CA_FILE: str(ca_file)} if ca_file is not None else {}
