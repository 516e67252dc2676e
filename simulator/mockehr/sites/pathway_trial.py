"""A pathway played to its end at a site of its own, several times, to see whether it can be."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from mockehr.core.errors import ConfigError
from mockehr.fhir.validate import validate_document
from mockehr.pathways.schema import Pathway
from mockehr.sites.build import build_site
from mockehr.sites.options import SiteOptions

RUNS: Final = 8
"""How many patients go through it: rare ways are taken by some of them."""
LONGEST: Final = 10 * 366 * 86400.0
_TOLD: Final = 12


@dataclass(frozen=True, slots=True)
class Trial:
    """What came of it."""

    steps: int
    changes: int
    days: float
    messages: tuple[str, ...]
    open_visits: int

    @property
    def summary(self) -> str:
        """In one line."""
        kept = f"; leaves {self.open_visits} visits open" if self.open_visits else ""
        told = f"{self.steps} steps, about {self.changes} changes in {self.days:.1f} days"
        return f"{told}, tells {', '.join(self.messages) or 'nothing'}{kept}"


def play(pathway: Pathway, *, runs: int = RUNS, seed: int | str = 7) -> Trial:
    """Let some patients go through a pathway one after the other, in no time.

    Raises ConfigError for steps that could not be taken, resources that are not valid, and a pathway without an end.
    """
    site = build_site(SiteOptions("trial", patients=60, seed=seed, stepped=True))
    site.pathways.add(pathway)
    taken = 0.0
    for number in range(1, runs + 1):
        began = site.clock.now()
        site.pathways.start(pathway.name)
        while site.pathways.running and site.clock.now() - began < LONGEST:
            due = site.clock.next_due()
            site.clock.set(min(due if due is not None else began + LONGEST, began + LONGEST))
        over = site.pathways.over[-1] if site.pathways.over else None
        if over is None or over.number != number:
            raise ConfigError(f"{pathway.name} has no end.", ["it still runs after ten years"])
        if over.status == "failed":
            raise ConfigError(f"{pathway.name} cannot be played to its end.", [over.error.replace("\n", " ")])
        taken += over.over - over.began
    wrong: dict[str, None] = {}
    for change in site.log.changes:
        for issue in validate_document(change.document):
            if issue.fails:
                wrong.setdefault(f"{issue.expression}: {issue.text}")
    if wrong:
        raise ConfigError(f"{pathway.name} writes what is no good resource.", list(wrong)[:_TOLD])
    told = sorted({change.event for change in site.log.changes} - {"", "-"})
    visits = [record.document for record in site.store.overlay("Encounter") if not record.deleted]
    left = sum(one["status"] in ("in-progress", "onleave") for one in visits)
    changes = len(site.log.changes) // runs
    return Trial(pathway.count(), changes, taken / runs / 86400, tuple(told), left)
