"""What a run is not passed for: probes that failed, required ones never put to the test, a client out of time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from mockehr.scenarios.probe import Evidence
from mockehr.scenarios.report.run import Run

UNPROVED = "Required, but never put to the test."
OVERDUE = "The client did not finish in time and was ended."
NOTHING = "No probe saw an occasion, so nothing is proved."


@dataclass(frozen=True, slots=True)
class Failure:
    """One reason. `site` and `client` are empty where it is about the run."""

    site: str
    client: str
    probe: str
    told: str
    evidence: tuple[Evidence, ...] = ()

    @property
    def who(self) -> str:
        """Whom it is about, for people."""
        return f"{self.client or 'a client'} at {self.site}" if self.site else "the run"

    @property
    def key(self) -> tuple[str, str, str]:
        """What it is known again by, in a run of the same scenario."""
        return self.site, self.client, self.probe


def failures(run: Run) -> Iterator[Failure]:
    """Every reason why a run is not passed, in the order of its cards; none if it is."""
    card = run.scorecard
    for one, finding in card:
        if finding.verdict == "fail":
            yield Failure(one.site, one.client, finding.probe, finding.summary, finding.evidence)
    for probe in card.unproved:
        yield Failure("", "", probe, UNPROVED)
    if not card.count("pass") and not card.count("fail"):
        yield Failure("", "", "nothing-proved", NOTHING)
    if run.overdue:
        yield Failure("", "", "in-time", OVERDUE)
