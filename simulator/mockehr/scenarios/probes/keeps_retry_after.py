"""Ledger A11, C1, C2: the client waits as long as it is told to."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from itertools import pairwise
from typing import ClassVar

from mockehr.core.exchange import Exchange
from mockehr.scenarios.probe import Case, Evidence, Finding, Probe
from mockehr.scenarios.reading import heard, label, status


@dataclass(frozen=True, slots=True)
class KeepsRetryAfter(Probe):
    """After 429 or 503, does the client leave the site alone for as long as `Retry-After` says?

    The header may hold seconds or an HTTP date (RFC 9110 section 10.2.3). Where it is absent, some wait is expected,
    and one that grows. FHIR requests and token requests are judged apart, on the site's clock, so the clock must run.
    Not coming back at all is fine.
    """

    name: ClassVar[str] = "keeps-retry-after"
    ledger: ClassVar[tuple[str, ...]] = ("A11", "C1", "C2")

    tolerance: float = 0.01
    """Site seconds by which a client may be early: clocks are floats."""
    least: float = 0.1
    """Site seconds that the longest pause of a row must reach where none is told; less is just the way back."""

    def judge(self, case: Case) -> Finding:
        """Measure the pause after every refusal."""
        faults: list[Evidence] = []
        kept: list[Evidence] = []
        for channel in ("fhir", "token"):
            calls = case.on(channel)
            for position, call in enumerate(calls):
                if status(call) in (429, 503) and heard(call) and _told(call) is not None:
                    following = calls[position + 1] if position + 1 < len(calls) else None
                    (faults if self._early(call, following) else kept).append(_pause(call, following))
            for row in _untold(calls):
                fault = self._careless(row)
                faults += fault
                kept += [_pause(first, after) for first, after in pairwise(row)] if not fault else []
        if not faults and not kept:
            return self.unseen("No request was answered 429 or 503 and followed up.")
        if len({exchange.at for exchange in case.exchanges}) == 1 and len(case.exchanges) > 1:
            return self.unseen("The site's clock stood still, so no pause could be measured; let it run.")
        faults.sort(key=lambda item: item.entry)
        good, bad = "Refusals whose pause was kept: {n}.", "Requests that came back too early: {n}."
        return self.weigh(faults, kept, good, bad)

    def _early(self, call: Exchange, following: Exchange | None) -> bool:
        until = _told(call)
        return following is not None and until is not None and following.at < until - self.tolerance

    def _careless(self, row: Sequence[Exchange]) -> list[Evidence]:
        """Faults in a row of refusals that told no wait, followed by the request that ended it."""
        gaps = [after.at - _replied(first) for first, after in pairwise(row)]
        if max(gaps) < self.least:
            return [_pause(first, after) for first, after in pairwise(row)]
        faults = []
        if len(gaps) >= 3 and max(gaps[1:]) <= gaps[0] * 1.05:
            text = f"{len(gaps)} refusals in a row, and the pauses never grew beyond {gaps[0]:.3g} s"
            faults.append(Evidence(row[-1].number, text))
        return faults


def _replied(call: Exchange) -> float:
    """When the reply went out, in site seconds."""
    effects = call.effects
    return call.at + (effects.arrival_delay + effects.reply_delay if effects is not None else 0.0)


def _told(call: Exchange) -> float | None:
    """Until when the reply told the client to stay away, in site seconds; None if it did not say so legibly."""
    value = call.reply.header("retry-after").strip() if call.reply is not None else ""
    if value.isascii() and value.isdigit():
        return _replied(call) + int(value)
    try:
        return parsedate_to_datetime(value).timestamp()
    except (ValueError, TypeError):
        return None


def _untold(calls: Sequence[Exchange]) -> Iterator[list[Exchange]]:
    """Rows of consecutive refusals without a legible `Retry-After`, each with the request that followed it."""
    row: list[Exchange] = []
    for call in calls:
        row.append(call)
        if not (status(call) in (429, 503) and heard(call) and _told(call) is None):
            if len(row) > 1:
                yield row
            row = []
    if len(row) > 1:
        yield row


def _pause(call: Exchange, following: Exchange | None) -> Evidence:
    value = call.reply.header("retry-after") if call.reply is not None else ""
    told = f"Retry-After: {value}" if value else "no Retry-After"
    if following is None:
        return Evidence(call.number, f"{status(call)} with {told}; the client did not come back")
    gap = following.at - _replied(call)
    return Evidence(following.number, f"{label(following)} came {gap:.3f} s after {status(call)} with {told}")
