"""Looking up probes: what is asked of a client, and by which rows of the ledger."""

from __future__ import annotations

from dataclasses import MISSING, fields
from typing import Any

from mockehr.control.operation import operation
from mockehr.scenarios.probe import Probe
from mockehr.scenarios.probes import probes
from mockehr.sites.directory import Directory


@operation("probe list", "GET", "/probes", scope="server", offline=True)
def catalogue(directory: Directory) -> dict[str, Any]:
    """Every probe there is: name, ledger ids, the question."""
    return {"probes": [_row(probe) for _, probe in probes().items()]}


@operation("probe show", "GET", "/probes/{name}", scope="server", offline=True)
def show(directory: Directory, name: str) -> dict[str, Any]:
    """One probe: its question in full, what fails it, and its settings with their defaults."""
    probe = probes().get(name)
    settings = {field.name: None if field.default is MISSING else field.default for field in fields(probe)}
    return _row(probe) | {"documentation": probe.question, "settings": settings}


def _row(probe: Probe) -> dict[str, Any]:
    question = probe.question.partition("\n\n")[0].replace("\n", " ")
    return {"name": probe.name, "ledger": list(probe.ledger), "question": question}
