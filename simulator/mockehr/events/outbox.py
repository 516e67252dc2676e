"""What a site has to tell others: deliveries of events, each an exchange of its own, retried on the site's clock."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urlsplit

from mockehr.core.changes import Change
from mockehr.core.clock import Clock, instant
from mockehr.core.exchange import Exchange, Interaction, Reply
from mockehr.events.sign import signature
from mockehr.events.subscription import Hook


@dataclass(slots=True)
class Delivery:
    """One attempt to deliver one event. `copies` and `dropped` are for rules to set before it is sent."""

    hook: Hook
    change: Change
    number: int
    attempt: int
    exchange: Exchange
    copies: int = 0
    copies_apart: float = 0.0
    dropped: bool = False


class Outbox:
    """Deliveries waiting to be sent, in order, and what became of them.

    `prepare` runs a delivery's exchange through the site's pipeline; whoever has sockets takes from `ready`, sends,
    and reports with `settle`. A delivery that is answered 2xx is done; any other answer is retried along the hook's
    ladder and then kept in `dead`. A hook that is removed is told no more.
    """

    def __init__(self, clock: Clock, encode: Callable[[object], bytes]) -> None:
        self._clock = clock
        self._encode = encode
        self._number = 0
        self.hooks: dict[str, Hook] = {}
        self.ready: deque[Delivery] = deque()
        self.dead: list[Delivery] = []
        self.delivered = 0
        self.prepare: Callable[[Delivery], None] = lambda delivery: None
        self.wake: Callable[[], None] = lambda: None
        self.under_way = 0
        """Deliveries that are ready or sent and not answered yet."""
        self._listeners: list[Callable[[Delivery], None]] = []
        self.next_number: Callable[[], int] = lambda: self._number + 1
        """What the next delivery is called by; drawn from elsewhere where several processes deliver for one site."""

    def hear(self, change: Change) -> None:
        """Listener of the change log: one delivery for every hook that wants the change."""
        for hook in tuple(self.hooks.values()):
            if hook.wants(change):
                self._post(hook, change, attempt=1, copies_allowed=True)

    def listen(self, listener: Callable[[Delivery], None]) -> None:
        """Call `listener` with every delivery that was answered, given up or dropped: its body is needed no more."""
        self._listeners.append(listener)

    def unlisten(self, listener: Callable[[Delivery], None]) -> None:
        """Tell it no more."""
        self._listeners.remove(listener)

    def settle(self, delivery: Delivery, status: int, note: str = "") -> None:
        """What the receiver answered: an HTTP status, or 0 with a note if there was no answer."""
        exchange = delivery.exchange
        exchange.reply = Reply(status=status)
        if note:
            exchange.notes["failure"] = note
        self.under_way -= 1
        self._over(delivery)
        if 200 <= status < 300:
            self.delivered += 1
            return
        ladder = delivery.hook.ladder
        if delivery.attempt > len(ladder):
            self.dead.append(delivery)
            return
        wait = ladder[delivery.attempt - 1]
        self._later(wait, delivery, attempt=delivery.attempt + 1)

    def reset(self) -> None:
        """Forget deliveries and count from 1 again; hooks stay."""
        self.ready.clear()
        self.dead.clear()
        self._number = self.delivered = self.under_way = 0

    def _over(self, delivery: Delivery) -> None:
        for listener in tuple(self._listeners):
            listener(delivery)

    def _later(self, wait: float, delivery: Delivery, *, attempt: int) -> None:
        label = f"deliver evt-{delivery.change.number} to {delivery.hook.name}, attempt {attempt}"

        def post() -> None:
            hook = self.hooks.get(delivery.hook.name)  # whoever was removed meanwhile is told no more
            if hook is not None:
                self._post(hook, delivery.change, attempt=attempt, copies_allowed=False)

        self._clock.schedule(self._clock.now() + wait, post, label)

    def _post(self, hook: Hook, change: Change, *, attempt: int, copies_allowed: bool) -> None:
        self._number = self.next_number()
        parts = urlsplit(hook.url)
        body = self._encode(hook.message(change, instant(change.at)))
        headers = {
            "content-type": "application/json",
            "x-mockehr-delivery": f"dlv-{self._number}",
            "x-mockehr-attempt": str(attempt),
        }
        if hook.secret:
            headers["x-mockehr-signature"] = signature(hook.secret, int(self._clock.now()), body)
        exchange = Exchange(
            channel="webhook",
            method="POST",
            path=parts.path or "/",
            query=parts.query,
            headers=headers,
            body=body,
            direction="out",
            peer=hook.name,
            patient=change.patient,
            interaction=Interaction(f"{change.resource_type}.{change.kind}", change.resource_type, change.id),
        )
        exchange.changes += (change.number,)
        delivery = Delivery(hook, change, self._number, attempt, exchange)
        self.prepare(delivery)
        if copies_allowed:
            for copy in range(delivery.copies):
                self._later((copy + 1) * delivery.copies_apart, delivery, attempt=1)
        if delivery.dropped:
            exchange.notes["dropped"] = True
            self._over(delivery)
        else:
            self.under_way += 1
            self.ready.append(delivery)
            self.wake()
