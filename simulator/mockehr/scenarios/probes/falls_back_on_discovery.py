"""Ledger B10: an app finds the endpoints in the documented order."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Final

from mockehr.core.exchange import Exchange
from mockehr.scenarios.launch_reading import after, asked_as, is_statement, redemptions, requests
from mockehr.scenarios.probe import Case, Evidence, Finding, Probe
from mockehr.scenarios.reading import status

_QUIRK: Final = "discovery-drift"


@dataclass(frozen=True, slots=True)
class FallsBackOnDiscovery(Probe):
    """When discovery is missing, stale or contradicted, does the app find its way in the documented order?

    smart-configuration comes first; where it cannot be had, or the endpoint that it names is gone,
    `oauth-uris` of the CapabilityStatement. It fails if it does not go on, if it looks at the statement alone, or if
    it stays with an endpoint that is gone.
    """

    name: ClassVar[str] = "falls-back-on-discovery"
    ledger: ClassVar[tuple[str, ...]] = ("B10",)

    def judge(self, case: Case) -> Finding:
        """Follow each spoilt document to what the app did next."""
        spoilt = [(one, why) for one in case.on("discovery", "fhir") if (why := _why(one))]
        if not spoilt:
            return self.unseen("No discovery document was missing, stale or contradicted.")
        faults: list[Evidence] = []
        good: list[Evidence] = []
        ways = {why: one for one, why in reversed(spoilt)}
        for why, first in sorted(ways.items(), key=lambda pair: pair[1].number):
            fault = _fault(why, first, case)
            text = f"{first.path} was {why}, and the app found its way"
            faults += [fault] if fault is not None else []
            good += [Evidence(first.number, text)] if fault is None else []
        return self.weigh(faults, good, "Spoilt documents that were coped with: {n}.", "Ways lost: {n}.")


def _why(exchange: Exchange) -> str:
    """How a document was spoilt: `missing`, `html`, `stale`, `contradicting`, `contradicted`; empty if it was not."""
    for decision in exchange.decisions:
        if decision.quirk == _QUIRK and decision.outcome == "fired":
            return decision.why
        right = status(exchange) == 200 and asked_as(exchange) == "smart-configuration"
        if decision.quirk == _QUIRK and decision.outcome == "idle" and right:
            return "contradicted"
    return ""


def _fault(why: str, first: Exchange, case: Case) -> Evidence | None:
    gone = [one for one in case.on("authorize") if asked_as(one) == "retired"]
    statements = [one for one in case.on("fhir") if is_statement(one)]
    if why in ("missing", "html"):
        if not after(first, statements):
            return Evidence(first.number, f"smart-configuration was {why}, and the CapabilityStatement was not read")
        if not after(first, requests(case)):
            return Evidence(first.number, f"smart-configuration was {why}, and no authorization was asked for")
    elif why == "stale":
        if gone and not after(gone[-1], redemptions(case)):
            return Evidence(gone[-1].number, "the token endpoint is gone, and no other was asked")
    elif gone:
        return Evidence(gone[0].number, "the CapabilityStatement was believed against smart-configuration")
    elif why == "contradicting" and not any(asked_as(one) == "smart-configuration" for one in case.on("discovery")):
        return Evidence(first.number, "the CapabilityStatement was read, and smart-configuration was not")
    return None
