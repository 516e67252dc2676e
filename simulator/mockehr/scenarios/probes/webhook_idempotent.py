"""Ledger F1: the same event twice changes nothing twice."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from mockehr.core.exchange import Exchange
from mockehr.scenarios.probe import Case, Evidence, Finding, Probe
from mockehr.scenarios.reading import parsed


@dataclass(frozen=True, slots=True)
class WebhookIdempotent(Probe):
    """When an event is delivered more than once, does the receiver end up with its record once?"""

    name: ClassVar[str] = "webhook-idempotent"
    ledger: ClassVar[tuple[str, ...]] = ("F1",)

    def judge(self, case: Case) -> Finding:
        """Find events delivered twice and look for their records among the client's."""
        twice = _delivered_twice(case.on("webhook"))
        if not twice:
            return self.unseen("No event was delivered more than once.")
        if case.truth is None:
            return self.unseen(f"{len(twice)} events came twice; the client's records were not given back.")
        held = {item.key: item.times for item in case.truth.duplicated}
        faults, once = [], []
        for deliveries in twice:
            last = deliveries[-1]
            key = _record(last)
            text = f"an event about {key} was delivered {len(deliveries)} times"
            if key in held:
                faults.append(Evidence(last.number, f"{text}; the client holds it {held[key]} times"))
            else:
                once.append(Evidence(last.number, text))
        good = "Events delivered more than once and counted once: {n}."
        return self.weigh(faults, once, good, "Events counted more than once: {n}.")


def _delivered_twice(deliveries: Sequence[Exchange]) -> list[list[Exchange]]:
    events: dict[str, list[Exchange]] = defaultdict(list)
    for delivery in deliveries:
        document = parsed(delivery.body)
        event = document.get("id") if isinstance(document, dict) else None
        if event and delivery.reply is not None and not delivery.notes.get("dropped"):
            events[f"{delivery.peer} {event}"].append(delivery)
    return [found for found in events.values() if len(found) > 1]


def _record(delivery: Exchange) -> str:
    asked = delivery.interaction
    return f"{asked.resource_type}/{asked.id}" if asked is not None else "an unknown record"
