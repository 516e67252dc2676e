"""Warnings and errors among the matches."""

from __future__ import annotations

from dataclasses import dataclass

from mockehr.core.exchange import Exchange
from mockehr.core.page import SearchPage
from mockehr.quirks.base import Act, one_of, quirk
from mockehr.quirks.shown import outcome_entry, put_entries

SEVERITIES = ("information", "warning", "error")


@quirk("outcome-in-bundle", family="search", ledger=("D7",), channels=("fhir",), interactions=("search",))
@dataclass(frozen=True, slots=True)
class OutcomeInBundle:
    """A searchset answered 200 has an OperationOutcome among its entries, `first` or last, of that `severity` and
    with that `text`.

    FHIR R4 search.html: an entry with `search.mode` outcome says what happened and is no match.

    Seen: Epic adds one to every page of a patient's app (4119) and to most of a backend's (59204;
    vendors-epic-oracle.md A3.3). Coping: sort entries by `search.mode` and type, read the issues, store none of it.
    """

    severity: str = "warning"
    first: bool = True
    text: str = "Some of what was asked for could not be taken into account."

    def __post_init__(self) -> None:
        one_of("severity", self.severity, SEVERITIES)

    def on_result(self, exchange: Exchange, act: Act) -> None:
        """Add the outcome to the page just found."""
        page = exchange.result
        if not isinstance(page, SearchPage):
            act.leave("nothing was searched")
            return
        code = "informational" if self.severity == "information" else "processing"
        entry = outcome_entry(act.dice.uuid(), self.severity, code, self.text)
        put_entries(exchange, page, [entry, *page.entries] if self.first else [*page.entries, entry])
        act.why = f"{self.severity} among {page.matches} matches"
