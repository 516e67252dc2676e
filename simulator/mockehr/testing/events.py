"""`site.events`: what the endpoints of a site are told, as a test steers and sees it."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

from mockehr.core.errors import VerdictFailed
from mockehr.core.exchange import JSON
from mockehr.events import Delivery
from mockehr.sites.site import Site

if TYPE_CHECKING:
    from mockehr.testing.site import TestSite

ANSWERED_WITHIN: Final = 5.0
"""How long `wait` waits for receivers, in wall seconds."""


class SiteEvents:
    """The events of one site. Safe to use from the test's thread."""

    def __init__(self, site: TestSite) -> None:
        self._site = site

    def send(self, resource: str = "", *, topic: str = "", patient: str = "", endpoint: str = "") -> list[JSON]:
        """Tell of a stored resource (`Type/id`) now, or of an event of a topic in a patient's chart.

        To one endpoint, whether it asked for that or not, or to all that want it; the events, as in `told`. Raises
        UnknownName or UsageError for what cannot be told.
        """
        __tracebackhide__ = True
        told = self._site._control("events send", resource=resource, topic=topic, patient=patient, endpoint=endpoint)
        return list(told["sent"])

    def replay(
        self, endpoint: str = "", *, delivery: int = 0, dead: bool = False, first: int = 0, last: int = 0
    ) -> int:
        """Send again: one dead letter, all of them, or an endpoint's events from `first` to `last`.

        Returns how many deliveries that makes. Raises UnknownName or UsageError for what there is not.
        """
        __tracebackhide__ = True
        again = self._site._control(
            "events replay", endpoint=endpoint, delivery=delivery, dead=dead, first=first, last=last
        )
        return len(again["replayed"])

    def told(self, **question: Any) -> list[JSON]:
        """Events with what became of them, oldest first; `question`: endpoint, state, resource, since, limit."""
        __tracebackhide__ = True
        return list(self._site._control("events list", **question)["events"])

    @property
    def dead(self) -> list[JSON]:
        """Deliveries that were given up, oldest first."""
        return list(self._site._control("events dead")["dead"])

    def wait(self, timeout: float = ANSWERED_WITHIN) -> None:
        """Wait until nothing is under way: what was sent is answered, and what is left waits on the clock.

        Raises VerdictFailed if `timeout` wall seconds are not enough.
        """
        __tracebackhide__ = True
        site = self._site.site
        if not self._site._run(answered(site, timeout)):
            slow = [f"{lane.hook.name} ({lane.under_way} sent, {len(lane.ready)} ready)" for lane in site.outbox]
            raise VerdictFailed(
                f"After {timeout:g} s {site.outbox.under_way} deliveries are still under way.",
                nearest=", ".join(slow),
                remedy="Let the receivers answer (receiver.release()), or give a longer timeout.",
            )


async def answered(site: Site, within: float) -> bool:
    """Wait until the receivers have answered what was sent to them; False if time is up before."""
    outbox, quiet = site.outbox, asyncio.Event()

    def over(delivery: Delivery) -> None:
        # told before what follows from the answer is known: the next delivery may have its way then
        asyncio.get_running_loop().call_soon(lambda: quiet.set() if not outbox.under_way else None)

    outbox.listen(over)
    try:
        if outbox.under_way:
            with suppress(TimeoutError):
                await asyncio.wait_for(quiet.wait(), within)
    finally:
        outbox.unlisten(over)
    return not outbox.under_way
