"""For how long a sender bears with an endpoint that fails, where that is no mere count of failures in a row."""

from __future__ import annotations

from collections.abc import Callable

from mockehr.events.delivery import Delivery
from mockehr.events.outbox import Outbox


class Endurance:
    """Switches endpoints off as `Policy.gives_up` says. `hear` is a listener of the outbox (`Outbox.listen`)."""

    def __init__(self, outbox: Outbox, now: Callable[[], float]) -> None:
        self._outbox = outbox
        self._now = now
        self._taken_at: dict[str, float] = {}

    def hear(self, delivery: Delivery) -> None:
        """A delivery is over: it was taken, or was not, or was never sent."""
        name, policy = delivery.hook.name, delivery.hook.policy
        if not (policy.off_never or policy.off_stale_after):
            return
        taken = delivery.exchange.notes.get("taken")
        lane = self._outbox.lanes.get(name)
        if taken is None or lane is None or lane.off:
            return
        if taken:
            self._taken_at[name] = self._now()
            return
        # Nothing was delivered to an endpoint that is new, whatever another of its name took before.
        since = self._now() - self._taken_at[name] if lane.delivered and name in self._taken_at else None
        why = policy.gives_up(lane.failures, since)
        if why:
            lane.off = why
            self._outbox.switched_off(lane)
