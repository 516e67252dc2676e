"""Searchsets that hold a part of what there is, and say so."""

from __future__ import annotations

from dataclasses import dataclass

from mockehr.core.exchange import Exchange
from mockehr.core.page import SearchPage
from mockehr.quirks.base import Act, quirk
from mockehr.quirks.shown import outcome_entry, put_entries


@quirk("partial-bundle", family="search", ledger=("D10",), channels=("fhir",), interactions=("search",))
@dataclass(frozen=True, slots=True)
class PartialBundle:
    """A searchset of status 200 lacks a `share` of its matches, and an outcome among its entries says (`text`) that a
    source did not answer.

    FHIR R4 valueset-issue-type.html has `incomplete` for it. The entry notes what is missing as `left_out`.

    Seen: Redox answers 200 with `issues` when the system behind it failed (its documentation; vendors-others.md 9.1),
    Epic leaves out kinds of records and warns of each (59204, 59205; vendors-epic-oracle.md A3.3). Coping: mark the
    result as partial, ask again later, and never take what is missing for deleted.
    """

    share: float = 0.5
    text: str = "One of the sources did not answer; the result is incomplete."

    def __post_init__(self) -> None:
        if not 0 < self.share <= 1:
            raise ValueError(f"share is {self.share:g}; it must be above 0 and at most 1")

    def on_result(self, exchange: Exchange, act: Act) -> None:
        """Leave the last matches out and say so."""
        page = exchange.result
        if not isinstance(page, SearchPage) or not page.matches:
            act.leave("no matches to leave out")
            return
        matches = [entry for entry in page.entries if entry[3] == "match"]
        gone = matches[-max(1, round(len(matches) * self.share)) :]
        entries = [entry for entry in page.entries if entry not in gone]
        outcome = outcome_entry(act.dice.uuid(), "warning", "incomplete", self.text)
        put_entries(exchange, page, [*entries, outcome])
        exchange.notes["left_out"] = [f"{kind}/{id}" for kind, id, _, _ in gone]
        act.why = f"{len(gone)} of {len(matches)} are missing"
