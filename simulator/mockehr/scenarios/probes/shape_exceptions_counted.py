"""Ledger J4: surprises in the data are counted, per site and by kind."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import ClassVar, Final

from mockehr.core.exchange import Exchange
from mockehr.scenarios.probe import Case, Evidence, Finding, Probe
from mockehr.scenarios.reading import heard, label, octets, parsed, status
from mockehr.sites.exceptions import FAILURES, alternatives

COUNTED: Final = "counted exceptions"
"""Under which name `Case.expected` has the client's counts by kind; None if it told of none."""
KINDS: Final[Mapping[str, str]] = MappingProxyType(
    {"parse-error": "parse", "unexpected-null": "missing", "unknown-code": "code"} | {name: name for name in FAILURES}
)
"""What a client may call a kind of exception, to the type of failure."""


@dataclass(frozen=True, slots=True)
class ShapeExceptionsCounted(Probe):
    """Does the client count what is odd in a site's data: parse errors, unknown codes, nulls, units …?

    The client writes its counts to `<site>.exceptions.json`, by type of failure as in parking; `parse-error`,
    `unexpected-null` and `unknown-code` are understood too, kinds of its own are passed over. It fails if a kind that
    there was is not counted, or one is counted that there was not; the latter is not asked where rules disturbed
    the traffic.
    """

    name: ClassVar[str] = "shape-exceptions-counted"
    ledger: ClassVar[tuple[str, ...]] = ("J4",)

    def judge(self, case: Case) -> Finding:
        """Compare the counts with what was injected."""
        counts: Mapping[str, int] | None = case.expected.get(COUNTED)
        if counts is None:
            return self.unseen("The client gave no counts of exceptions.")
        if case.truth is None:
            return self.unseen("The client's records were not given back, so what was injected is not known.")
        told = {KINDS[kind] for kind, count in counts.items() if count > 0 and kind in KINDS}
        injected = {one.failure: f"{one.injected} injected" for one in case.truth.handled if one.injected}
        broken = [exchange for exchange in case.exchanges if _unparsable(exchange)]
        if broken:
            injected.setdefault("parse", f"first in the answer to {label(broken[0])}")
        if not injected:
            return self.unseen("Nothing odd was injected, so nothing was to be counted.")
        missed = [
            Evidence(0, f"{one}: {why}, none counted")
            for one, why in injected.items()
            if not told & alternatives(one)
        ]
        made_up = [Evidence(0, f"{kind}: counted, though there was none") for kind in _surplus(case, told, injected)]
        seen = [Evidence(0, f"{one}: {why}, counted") for one, why in injected.items()]
        failed = "Kinds of exceptions that were not counted, or counted for nothing: {n}."
        return self.weigh(missed + made_up, seen, "Kinds of exceptions that were there and counted: {n}.", failed)


def _surplus(case: Case, told: set[str], injected: Mapping[str, str]) -> Iterator[str]:
    if any(decision.outcome == "fired" for exchange in case.exchanges for decision in exchange.decisions):
        return
    known = frozenset[str]().union(*(alternatives(one) for one in injected))
    yield from sorted(told - known)


def _unparsable(exchange: Exchange) -> bool:
    """Whether a FHIR answer came whole and is no JSON, though it says so."""
    if exchange.channel != "fhir" or status(exchange) != 200 or not heard(exchange) or exchange.reply is None:
        return False
    body = octets(exchange)
    return "json" in exchange.reply.header("content-type") and bool(body) and parsed(body) is None
