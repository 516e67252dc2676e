"""Ledger F8: after an outage everything comes at once, and nothing of it is lost."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import ClassVar

from mockehr.core.exchange import Exchange
from mockehr.scenarios.event_reading import dropped, events, taken, told
from mockehr.scenarios.probe import Case, Evidence, Finding, Probe
from mockehr.scenarios.reading import fired, status


@dataclass(frozen=True, slots=True)
class BurstSurvived(Probe):
    """Does the receiver answer all that comes at once after an outage in time, and take it in the end?

    Refusing with 429 or 503 is fine where the retry is taken.
    """

    name: ClassVar[str] = "burst-survived"
    ledger: ClassVar[tuple[str, ...]] = ("F8",)

    def judge(self, case: Case) -> Finding:
        """Follow each event of a burst to its end."""
        attempts: dict[tuple[str, int, str], list[Exchange]] = defaultdict(list)
        for endpoint, number, key, delivery in events(one for one in told(case) if not dropped(one)):
            attempts[endpoint, number, key].append(delivery)
        burst = {of: all for of, all in attempts.items() if any(fired(one, "event-burst") for one in all)}
        if not burst:
            return self.unseen("No burst of events came.")
        faults, coped = [], []
        for (endpoint, _, key), found in burst.items():
            silent = next((one for one in found if not status(one) and "failure" in one.notes), None)
            if silent is not None:
                faults.append(Evidence(silent.number, f"the event about {key}: {silent.notes['failure']}"))
            elif not any(taken(one) for one in found):
                faults.append(Evidence(found[-1].number, f"the event about {key} was never taken by {endpoint}"))
            else:
                coped.append(Evidence(found[-1].number, f"the event about {key} was taken"))
        good = "Events of a burst, all of them taken: {n}."
        return self.weigh(faults, coped, good, "Events of a burst that were lost or answered too late: {n}.")
