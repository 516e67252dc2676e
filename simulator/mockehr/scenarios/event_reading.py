"""What probes read from events told to a receiver: what they were about, whether they came, and what it has now."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from mockehr.core.exchange import Exchange
from mockehr.scenarios.probe import Case, Evidence
from mockehr.scenarios.reading import status

REFUSALS: Final = frozenset({400, 401, 403})
"""Statuses that say that a delivery is not believed."""
POLLS: Final = frozenset({"history-type", "history-system", "history-instance", "$events"})


def told(case: Case) -> list[Exchange]:
    """Deliveries of events, dropped ones included, in the order in which they were drawn up; no replays."""
    return [one for one in case.on("webhook") if one.changes and "replayed" not in one.notes]


def sent(case: Case) -> list[Exchange]:
    """Those of them that reached the receiver, which answered."""
    return [one for one in told(case) if status(one)]


def dropped(exchange: Exchange) -> bool:
    """Whether it was never sent."""
    return bool(exchange.notes.get("dropped"))


def taken(exchange: Exchange) -> bool:
    """Whether the receiver took it."""
    return bool(exchange.notes.get("taken", 200 <= status(exchange) < 300))


def keys(exchange: Exchange) -> list[str]:
    """`Type/id` of what each of its events is about, in the order of `exchange.changes`."""
    named = exchange.notes.get("about")
    if isinstance(named, list):
        return [str(one).partition("/_history/")[0] for one in named]
    asked = exchange.interaction
    return [f"{asked.resource_type}/{asked.id}"] if asked is not None and asked.id else []


def deletes(exchange: Exchange) -> bool:
    """Whether it tells that something is gone, so that there is nothing to fetch."""
    return exchange.interaction is not None and exchange.interaction.name.endswith(".delete")


def events(deliveries: Iterable[Exchange]) -> Iterator[tuple[str, int, str, Exchange]]:
    """(endpoint, number of the change, `Type/id`, delivery) for each event in each of them."""
    for one in deliveries:
        for number, key in zip(one.changes, keys(one), strict=False):
            yield one.peer, number, key, one


def wrong_records(case: Case) -> dict[str, str]:
    """`Type/id` of records that the receiver has not as they are, with why; empty if it gave none back."""
    report = case.truth
    if report is None:
        return {}
    found = {item.key: f"{item.path}: expected {item.expected!r}, got {item.got!r}" for item in report.altered}
    return found | dict.fromkeys(report.lost, "is not there") | dict.fromkeys(report.foreign, "should not be there")


def shown_after(case: Case, number: int, key: str) -> int:
    """Entry number of the first answer after that one which gave the receiver the resource; 0 if none did."""
    return next((one.number for one in _answers(case) if one.number > number and key in one.returned), 0)


def polls_after(case: Case, number: int) -> int:
    """Entry number of the first request after that one which asks what happened since some moment; 0 if none did."""
    for one in _answers(case):
        asked = one.interaction.name if one.interaction is not None else ""
        if one.number > number and (asked in POLLS or "_lastUpdated=" in one.query):
            return one.number
    return 0


def _answers(case: Case) -> Sequence[Exchange]:
    return [one for one in case.on("fhir") if status(one) == 200]


def settled(case: Case, occasions: Iterable[tuple[str, Exchange, str]]) -> tuple[list[Evidence], list[Evidence]]:
    """Faults and what was coped with among (`Type/id`, exchange, what happened), by the records that were given back.

    Without records: by whether the resource was seen afterwards.
    """
    faults: list[Evidence] = []
    coped: list[Evidence] = []
    wrong = wrong_records(case)
    for key, exchange, what in occasions:
        if case.truth is not None and case.truth.given:
            why = wrong.get(key, "")
        else:
            why = "" if shown_after(case, exchange.number, key) else "was not asked for afterwards"
        (faults if why else coped).append(Evidence(exchange.number, f"{what}; {key} {why or 'is right in the end'}"))
    return faults, coped
