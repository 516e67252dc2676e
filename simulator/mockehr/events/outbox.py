"""What a site has to tell others: deliveries of events, each an exchange of its own, retried on the site's clock."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Final
from urllib.parse import urlsplit

from mockehr.core.changes import Change
from mockehr.core.clock import Clock
from mockehr.core.errors import DuplicateName, UnknownName
from mockehr.core.exchange import Exchange, Interaction, Reply
from mockehr.events.delivery import Delivery, Event, Kind
from mockehr.events.form import Sender, forms
from mockehr.events.hook import Hook
from mockehr.events.lane import Lane
from mockehr.events.sign import SCHEMES, Signed

PATIENCE: Final = 60.0
"""Site seconds that a delivery is held for others to overtake it."""
DEAD_KEPT: Final = 10_000
ANSWER_KEPT: Final = 4096
"""Octets of an endpoint's answer that the journal keeps."""


class Outbox:
    """Deliveries waiting to be sent, endpoint by endpoint, and what became of them.

    `prepare` runs a delivery's exchange through the site's pipeline, which calls `write` and `sign`; whoever has
    sockets takes with `take`, sends, and reports with `settle`. A delivery that is taken is done; any other is
    retried as the hook's policy says and then kept in `dead`. A hook that is removed is told no more.
    """

    def __init__(self, clock: Clock, sender: Sender) -> None:
        self._clock = clock
        self.sender = sender
        self._number = 0
        self.lanes: dict[str, Lane] = {}
        self._open: dict[str, Lane] = {}
        """Lanes that may have something to take."""
        self.dead: list[Delivery] = []
        self.delivered = 0
        self.prepare: Callable[[Delivery], None] = lambda delivery: None
        self.wake: Callable[[], None] = lambda: None
        self.under_way = 0
        """Deliveries that are ready or sent and not answered yet."""
        self._listeners: list[Callable[[Delivery], None]] = []
        self.next_number: Callable[[], int] = lambda: self._number + 1
        """What the next delivery is called by; drawn from elsewhere where several processes deliver for one site."""
        self.switched_off: Callable[[Lane], None] = lambda lane: None
        """Called with an endpoint that is told nothing more for its failures."""
        self.kept: Callable[[Delivery], None] = lambda delivery: None
        """Called with every delivery that waits from now on: where they outlast the process it is written down."""

    # who is told

    def add(self, hook: Hook) -> Lane:
        """Tell it from now on; raises DuplicateName if another has its name, UnknownName for its form or signing."""
        if hook.name in self.lanes:
            raise DuplicateName("webhook", hook.name, self.lanes[hook.name].hook.url, hook.url)
        forms().get(hook.form)
        if hook.signing and hook.signing not in SCHEMES:
            raise UnknownName("way to sign", hook.signing, SCHEMES)
        lane = self.lanes[hook.name] = Lane(hook)
        return lane

    def change(self, hook: Hook) -> None:
        """Go on with other settings under its name; what waits and the count of events stay. Raises UnknownName."""
        self.lane(hook.name).hook = hook

    def remove(self, name: str) -> Hook:
        """Tell it no more; what waits is given up. Raises UnknownName."""
        lane = self.lane(name)
        del self.lanes[name]
        self._open.pop(name, None)
        for delivery in lane.ready:
            self._give_up(delivery, "the endpoint was removed")
        return lane.hook

    def lane(self, name: str) -> Lane:
        """What is known of an endpoint. Raises UnknownName."""
        try:
            return self.lanes[name]
        except KeyError:
            raise UnknownName("webhook", name, self.lanes) from None

    @property
    def hooks(self) -> dict[str, Hook]:
        """All endpoints by name."""
        return {name: lane.hook for name, lane in self.lanes.items()}

    def switch(self, name: str, off: str = "") -> None:
        """Tell an endpoint nothing more, for that reason; or without one, all again. Raises UnknownName."""
        lane = self.lane(name)
        lane.off, lane.failures = off, 0
        if not off:
            self._opened(lane)

    # what they are told

    def hear(self, change: Change) -> None:
        """Listener of the change log: one event for every hook that wants the change."""
        for lane in tuple(self.lanes.values()):
            if lane.hook.wants(change):
                self.tell(lane.hook.name, change)

    def tell(self, name: str, change: Change) -> Event:
        """Tell one endpoint of a change, whether it wants it or not. Raises UnknownName."""
        lane = self.lane(name)
        lane.told += 1
        event = Event(lane.told, change, lane.hook.topic_of(change))
        lane.log.append(event)
        if lane.off:
            return event
        policy = lane.hook.policy
        if policy.batch == 1:
            self.post(lane, (event,))
            return event
        lane.gathered.append(event)
        if len(lane.gathered) >= policy.batch:
            self._flush(lane)
        elif len(lane.gathered) == 1:
            at = self._clock.now() + policy.batch_wait
            self._clock.schedule(at, lambda: self._flush(lane), f"deliver what was gathered for {name}")
        return event

    def notify(self, name: str, kind: Kind) -> Delivery:
        """Send an endpoint a handshake or a heartbeat. Raises UnknownName."""
        return self.post(self.lane(name), (), kind=kind)

    def replay(self, delivery: Delivery) -> Delivery:
        """Send again, as if for the first time, what was delivered or given up. Raises UnknownName."""
        lane = self.lane(delivery.hook.name)
        if delivery in self.dead:
            self.dead.remove(delivery)
        return self.post(lane, delivery.events, kind=delivery.kind, copy=True)

    def events(self, name: str, first: int = 1, last: int | None = None) -> list[Event]:
        """Events of an endpoint by their numbers, both ends included, as far as they are kept. Raises UnknownName."""
        log = self.lane(name).log
        return [event for event in log if event.number >= first and (last is None or event.number <= last)]

    def post(
        self,
        lane: Lane,
        events: tuple[Event, ...],
        *,
        kind: Kind = "event",
        attempt: int = 1,
        first_at: float | None = None,
        copy: bool = False,
        ahead: bool = False,
    ) -> Delivery:
        """Draw up a delivery; it is ready unless rules keep it back. `ahead` puts it before all that wait."""
        now = self._clock.now()
        self._number = self.next_number()
        delivery = Delivery(
            lane.hook, events, self._number, attempt, _exchange(lane.hook, events, kind), kind,
            now if first_at is None else first_at, lane.told, copy, lane.hook.payload,
        )  # fmt: skip
        self.prepare(delivery)
        if not copy and attempt == 1:
            for number in range(delivery.copies):
                self._later((number + 1) * delivery.copies_apart, delivery, attempt=1, copy=True)
        self.under_way += 1
        if delivery.dropped:
            self._give_up(delivery, "")
            delivery.exchange.notes["dropped"] = True
        else:
            self.kept(delivery)
            self._line_up(lane, delivery, ahead=ahead)
        return delivery

    # how deliveries are written: asked for by the stages of the pipeline

    def write(self, delivery: Delivery) -> None:
        """Write the notification in its form."""
        forms().get(delivery.hook.form).write(delivery, self.sender)
        delivery.exchange.headers |= delivery.hook.headers

    def sign(self, delivery: Delivery) -> None:
        """Sign what was written, if the hook has a secret."""
        hook = delivery.hook
        secret = hook.secret if delivery.secret is None else delivery.secret
        if not secret:
            return
        scheme = hook.signing or forms().get(hook.form).signing
        at = int(self._clock.now() - delivery.signed_ago)
        old = hook.old_secrets if delivery.secret is None else ()
        delivery.exchange.headers |= SCHEMES[scheme](Signed((secret, *old), at, delivery.id, delivery.exchange.body))

    # what whoever has sockets asks

    def take(self) -> Delivery | None:
        """The next delivery to be sent; None while there is none, or none may be sent."""
        for name in tuple(self._open):
            lane = self._open[name]
            if lane.open:
                delivery = lane.ready.popleft()
                lane.under_way += 1
                lane.last_at = self._clock.now()
                if not lane.open:
                    del self._open[name]
                return delivery
            del self._open[name]
        return None

    def settle(self, delivery: Delivery, status: int, note: str = "", body: bytes = b"") -> None:
        """What the endpoint answered: an HTTP status, or 0 with a note if there was no answer."""
        exchange, hook = delivery.exchange, delivery.hook
        exchange.reply = Reply(status=status, body=body[:ANSWER_KEPT])
        if note:
            exchange.notes["failure"] = note
        taken = forms().get(hook.form).taken(delivery, status, body)
        exchange.notes["taken"] = taken
        self.under_way -= 1
        lane = self.lanes.get(hook.name)
        if lane is None:
            self._over(delivery)
            return
        lane.under_way -= 1
        if taken:
            lane.failures = 0
            lane.delivered += 1
            self.delivered += 1
        else:
            self._failed(lane, delivery)
        self._over(delivery)
        self._opened(lane)

    def listen(self, listener: Callable[[Delivery], None]) -> None:
        """Call `listener` with every delivery that was answered, given up or dropped: its body is needed no more."""
        self._listeners.append(listener)

    def unlisten(self, listener: Callable[[Delivery], None]) -> None:
        """Tell it no more."""
        self._listeners.remove(listener)

    @property
    def ready(self) -> list[Delivery]:
        """Deliveries that lie ready, in the order in which they were drawn up."""
        found = [delivery for lane in self.lanes.values() for delivery in lane.ready]
        return sorted(found, key=lambda delivery: delivery.number)

    @property
    def waiting(self) -> int:
        """Deliveries that are ready to be sent, or held for others to overtake them."""
        return sum(len(lane.ready) + len(lane.behind) for lane in self.lanes.values())

    def __iter__(self) -> Iterator[Lane]:
        return iter(tuple(self.lanes.values()))

    def reset(self) -> None:
        """Forget deliveries and count from 1 again; hooks stay."""
        self.lanes = {name: Lane(lane.hook) for name, lane in self.lanes.items()}
        self._open.clear()
        self.dead.clear()
        self._number = self.delivered = self.under_way = 0

    def _failed(self, lane: Lane, delivery: Delivery) -> None:
        policy = lane.hook.policy
        lane.failures += 1
        lane.failed += 1
        if delivery.kind != "event":
            return
        wait = policy.wait(delivery.attempt, self._clock.now() - delivery.first_at)
        if wait is not None:
            lane.paused = policy.order == "fifo"
            self._later(wait, delivery, attempt=delivery.attempt + 1, copy=delivery.copy)
        elif policy.exhausted == "dead":
            self.dead.append(delivery)
            del self.dead[:-DEAD_KEPT]
        if policy.off_after and lane.failures >= policy.off_after and not lane.off:
            lane.off = f"{lane.failures} failures in a row"
            self.switched_off(lane)

    def _later(self, wait: float, delivery: Delivery, *, attempt: int, copy: bool) -> None:
        name = delivery.hook.name

        def post() -> None:
            lane = self.lanes.get(name)  # whoever was removed meanwhile is told no more
            if lane is None:
                return
            again = lane.paused and attempt > 1
            lane.paused = False if again else lane.paused
            first_at = delivery.first_at if attempt > 1 else None
            self.post(
                lane, delivery.events, kind=delivery.kind, attempt=attempt, first_at=first_at, copy=copy, ahead=again
            )

        label = f"deliver {delivery.id} to {name}, attempt {attempt}"
        self._clock.schedule(self._clock.now() + wait, post, label)

    def _line_up(self, lane: Lane, delivery: Delivery, *, ahead: bool = False) -> None:
        """Make a delivery ready, now or when what keeps it back is over."""
        if delivery.late:
            late, delivery.late = delivery.late, 0.0
            at, label = self._clock.now() + late, f"deliver {delivery.id} to {lane.hook.name}, {late:g} s late"
            self._clock.schedule(at, lambda: self._line_up(lane, delivery), label)
            return
        if delivery.behind > 0:
            lane.behind.append(delivery)
            at, label = self._clock.now() + PATIENCE, f"deliver {delivery.id} to {lane.hook.name}, overtaken or not"
            self._clock.schedule(at, lambda: self._release(lane, delivery), label)
            return
        (lane.ready.appendleft if ahead else lane.ready.append)(delivery)
        for passed in lane.overtaken() if lane.behind else ():
            lane.ready.append(passed)
        self._opened(lane)

    def _release(self, lane: Lane, delivery: Delivery) -> None:
        if delivery in lane.behind:
            lane.behind.remove(delivery)
            delivery.behind = 0
            self._line_up(lane, delivery)

    def _flush(self, lane: Lane) -> None:
        events, lane.gathered = tuple(lane.gathered), []
        if events and self.lanes.get(lane.hook.name) is lane:
            self.post(lane, events)

    def _opened(self, lane: Lane) -> None:
        if lane.open:
            self._open[lane.hook.name] = lane
            self.wake()

    def _give_up(self, delivery: Delivery, why: str) -> None:
        if why:
            delivery.exchange.notes["failure"] = why
        self.under_way -= 1
        self._over(delivery)

    def _over(self, delivery: Delivery) -> None:
        for listener in tuple(self._listeners):
            listener(delivery)


def _exchange(hook: Hook, events: tuple[Event, ...], kind: Kind) -> Exchange:
    parts = urlsplit(hook.url)
    change = events[0].change if events else None
    exchange = Exchange(
        channel="webhook",
        method="POST",
        path=parts.path or "/",
        query=parts.query,
        direction="out",
        peer=hook.name,
        patient=change.patient if change is not None else "",
        interaction=Interaction(kind)
        if change is None
        else Interaction(f"{change.resource_type}.{change.kind}", change.resource_type, change.id),
    )
    exchange.changes = tuple(event.change.number for event in events)
    return exchange


def rotated(hook: Hook, secret: str, *, keep_old: bool) -> Hook:
    """The hook with a new secret; the present one signs beside it with `keep_old`."""
    old = (hook.secret, *hook.old_secrets) if keep_old and hook.secret else ()
    return replace(hook, secret=secret, old_secrets=old)
