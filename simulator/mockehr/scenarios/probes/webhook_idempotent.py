"""Ledger F1: the same event twice changes nothing twice."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import ClassVar

from mockehr.core.exchange import Exchange
from mockehr.scenarios.event_reading import events, keys, sent
from mockehr.scenarios.probe import Case, Evidence, Finding, Probe


@dataclass(frozen=True, slots=True)
class WebhookIdempotent(Probe):
    """When an event is delivered more than once, does the receiver end up with its record once?"""

    name: ClassVar[str] = "webhook-idempotent"
    ledger: ClassVar[tuple[str, ...]] = ("F1",)

    def judge(self, case: Case) -> Finding:
        """Find events delivered twice, in whatever form, and look for their records among the client's."""
        twice = _delivered_twice(case)
        if not twice:
            return self.unseen("No event was delivered more than once.")
        if case.truth is None:
            return self.unseen(f"{len(twice)} events came twice; the client's records were not given back.")
        held = {item.key: item.times for item in case.truth.duplicated}
        faults, once = [], []
        for key, deliveries in twice:
            last = deliveries[-1]
            text = f"an event about {key} was delivered {len(deliveries)} times"
            if key in held:
                faults.append(Evidence(last.number, f"{text}; the client holds it {held[key]} times"))
            else:
                once.append(Evidence(last.number, text))
        good = "Events delivered more than once and counted once: {n}."
        return self.weigh(faults, once, good, "Events counted more than once: {n}.")


def _delivered_twice(case: Case) -> list[tuple[str, list[Exchange]]]:
    """(`Type/id`, deliveries) of each event that reached one endpoint more than once."""
    found: dict[tuple[str, int, str], list[Exchange]] = defaultdict(list)
    for endpoint, number, key, delivery in events(one for one in sent(case) if keys(one)):
        found[endpoint, number, key].append(delivery)
    return [(key, deliveries) for (_, _, key), deliveries in found.items() if len(deliveries) > 1]
