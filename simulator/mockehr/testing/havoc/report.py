"""What a search came to, for people."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import orjson

from mockehr.core.errors import VerdictFailed
from mockehr.scenarios.schema import Scenario
from mockehr.testing.havoc.outcome import Break, Outcome
from mockehr.testing.havoc.saving import Planned


@dataclass(frozen=True, slots=True)
class ChaosReport:
    """The client survived, or the smallest schedule that breaks it. `str()` is for people."""

    name: str
    scenario: Scenario
    """The world that was played last, its rules included."""
    rules: tuple[Planned, ...]
    """The schedule in order of arming: (site, rule as plain settings)."""
    outcome: Outcome
    runs: int
    """How often the client ran, shrinking included."""
    path: Path | None = None
    """The scenario file that plays it again."""

    @property
    def broke(self) -> Break | None:
        """How the client broke; None if it survived."""
        return self.outcome.broke

    @property
    def uses(self) -> tuple[str, ...]:
        """The quirks of the schedule by name, in order."""
        return tuple(str(rule["use"]) for _, rule in self.rules)

    def __str__(self) -> str:
        """The finding: what broke, under which rules, and what was going on."""
        broke = self.broke
        if broke is None:
            return f"{self.name} survived {self.runs} runs."
        under = "without any misbehaviour" if not self.rules else f"under {len(self.rules)} rules"
        lines = [f"{self.name} breaks {under} ({self.runs} runs): {broke.kind} {broke.what}", f"  {broke.text}"]
        lines += [f"  at {site}: {orjson.dumps(rule).decode()}" for site, rule in self.rules]
        lines += [f"  fired: {', '.join(self.outcome.fired)}"] if self.outcome.fired else []
        return "\n".join([*lines, self.outcome.journal])


class ClientBroke(VerdictFailed):
    """A schedule broke the client; `report` says which and how."""

    def __init__(self, report: ChaosReport) -> None:
        self.report = report
        again = (
            f"Play it again: mockehr check {report.path} -- COMMAND" if report.path else "Save it with save=FOLDER."
        )
        super().__init__(str(report), remedy=again)
