"""What a site has to tell others: deliveries of events, each an exchange of its own, retried on the site's clock."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Final

from mockehr.core.changes import Change
from mockehr.core.clock import Clock
from mockehr.core.errors import DuplicateName, UnknownName
from mockehr.core.exchange import Reply
from mockehr.events.delivery import Delivery, Event, Kind
from mockehr.events.draft import dead_again, exchange_of
from mockehr.events.form import Sender, forms
from mockehr.events.hook import Hook
from mockehr.events.keeper import Keeper, NoKeeper, Pending
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
        self._sent: dict[Delivery, Lane] = {}
        """Deliveries that were taken and are not settled. What is not among them was taken before a reset."""
        self.dead: list[Delivery] = []
        self.delivered = 0
        self.prepare: Callable[[Delivery], None] = lambda delivery: None
        self.wake: Callable[[], None] = lambda: None
        self._listeners: list[Callable[[Delivery], None]] = []
        self.next_number: Callable[[], int] = lambda: self._number + 1
        """What the next delivery is called by; drawn from elsewhere where several processes deliver for one site."""
        self.switched_off: Callable[[Lane], None] = lambda lane: None
        """Called with an endpoint that is told nothing more for its failures."""
        self.open_keeper: Callable[[], Keeper] = NoKeeper
        """Asked when the first endpoint is added: where deliveries outlast the process."""
        self._keeper: Keeper | None = None
        self._left: deque[tuple[Lane, Pending]] = deque()
        """What an earlier process left to be sent at once."""
        self._era = 0
        self._shared = False

    # who is told

    def add(self, hook: Hook) -> Lane:
        """Tell it from now on, first of what waited under its name when an earlier process ended.

        Raises DuplicateName if another has its name, UnknownName for its form or signing.
        """
        if hook.name in self.lanes:
            raise DuplicateName("webhook", hook.name, self.lanes[hook.name].hook.url, hook.url)
        forms().get(hook.form)
        if hook.signing and hook.signing not in SCHEMES:
            raise UnknownName("way to sign", hook.signing, SCHEMES)
        lane = self.lanes[hook.name] = Lane(hook)
        if self.keeper.lasts:
            self._take_over(lane)
        return lane

    def change(self, hook: Hook) -> None:
        """Go on with other settings under its name; what waits and the count of events stay. Raises UnknownName."""
        self.lane(hook.name).hook = hook

    def remove(self, name: str) -> Hook:
        """Tell it no more; what waits is given up. Raises UnknownName."""
        lane = self.lane(name)
        del self.lanes[name]
        self._open.pop(name, None)
        self.keeper.forget(name)
        for delivery in lane.empty():
            delivery.exchange.notes["failure"] = "the endpoint was removed"
            self._over(delivery)
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
        """Tell an endpoint nothing more, for that reason; or without one, all again. Raises UnknownName.

        What waits, and what is retried meanwhile, is sent when it is switched on; what happens meanwhile never.
        """
        lane = self.lane(name)
        lane.off, lane.failures = off, 0
        self._count(lane)
        if not off:
            self._opened(lane)

    # what they are told

    def hear(self, change: Change) -> None:
        """Listener of the change log: an event for every hook that wants it and whose form has words for it."""
        for lane in tuple(self.lanes.values()):
            hook = lane.hook
            tells = forms().get(hook.form).tells
            if hook.wants(change) and (tells is None or tells(change)):
                self._tell(lane, change, hook.topic_of(change))

    def tell(self, name: str, change: Change, topic: str = "") -> Event:
        """Tell one endpoint of a change, whether it wants it or not; as an event of that topic, if one is named.

        Raises UnknownName for the endpoint.
        """
        lane = self.lane(name)
        return self._tell(lane, change, topic or lane.hook.topic_of(change))

    def notify(self, name: str, kind: Kind) -> Delivery:
        """Send an endpoint a handshake or a heartbeat. Raises UnknownName."""
        return self.post(self.lane(name), (), kind=kind)

    def replay(self, delivery: Delivery) -> Delivery:
        """Send again, as if for the first time, what was delivered or given up. Raises UnknownName."""
        lane = self.lane(delivery.hook.name)
        instead_of: tuple[int, ...] = ()
        if delivery in self.dead:
            self.dead.remove(delivery)
            instead_of = (delivery.number,)
        return self.post(lane, delivery.events, kind=delivery.kind, copy=True, instead_of=instead_of)

    def tell_again(self, name: str, events: Sequence[Event]) -> list[Delivery]:
        """Send an endpoint events of its own once more, as many at once as its policy says. Raises UnknownName."""
        lane = self.lane(name)
        size = lane.hook.policy.batch
        parts = [tuple(events[place : place + size]) for place in range(0, len(events), size)]
        return [self.post(lane, part, copy=True) for part in parts]

    def events(self, name: str, first: int = 1, last: int | None = None) -> list[Event]:
        """Events of an endpoint by their numbers, both ends included, as far as they are kept. Raises UnknownName."""
        lane = self.lane(name)
        before = lane.log[0].number - 1 if lane.log else lane.told
        if self.keeper.lasts and (self._shared or first <= before):
            return self.keeper.events(name, first, last)
        return [event for event in lane.log if event.number >= first and (last is None or event.number <= last)]

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
        instead_of: tuple[int, ...] = (),
    ) -> Delivery:
        """Draw up a delivery; it is ready unless rules keep it back.

        `ahead` puts it before all that wait. `instead_of`: numbers of those that are kept no more since this one is.
        """
        now = self._clock.now()
        self._number = self.next_number()
        delivery = Delivery(
            lane.hook, events, self._number, attempt, exchange_of(lane.hook, events, kind), kind,
            now if first_at is None else first_at, lane.told, copy, lane.hook.payload,
        )  # fmt: skip
        self.prepare(delivery)
        if delivery.copies and not copy and attempt == 1:
            for number in range(delivery.copies):
                self._schedule(lane, now + (number + 1) * delivery.copies_apart, Pending(0, events, kind), copy=True)
        if delivery.dropped:
            self.keeper.drop(*instead_of)
            delivery.exchange.notes["dropped"] = True
            self._over(delivery)
            return delivery
        if self.keeper.lasts:
            self.keeper.put(lane.hook.name, Pending.of(delivery), instead_of=instead_of)
        self._line_up(lane, delivery, ahead=ahead)
        return delivery

    # how deliveries are written: asked for by the stages of the pipeline

    def write(self, delivery: Delivery) -> None:
        """Write the notification in its form."""
        hook = delivery.hook
        exchange = delivery.exchange
        forms().get(hook.form).write(delivery, self.sender)
        # orjson gives its whole buffer away, of 4 kB at least: too much for what may wait in thousands.
        exchange.body = bytes(memoryview(exchange.body))
        if hook.headers:
            exchange.headers |= hook.headers

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
        self.resume()
        while self._open:
            name, lane = next(iter(self._open.items()))
            if not lane.open:
                del self._open[name]
                continue
            delivery = lane.ready.popleft()
            lane.under_way += 1
            lane.last_at = self._clock.now()
            self._sent[delivery] = lane
            if not lane.open:
                del self._open[name]
            return delivery
        return None

    def settle(self, delivery: Delivery, status: int, note: str = "", body: bytes = b"") -> None:
        """What the endpoint answered: an HTTP status, or 0 with a note if there was no answer.

        Nothing comes of an answer to what was settled already, or taken before a reset.
        """
        lane = self._sent.pop(delivery, None)
        if lane is None:
            return
        exchange, hook = delivery.exchange, delivery.hook
        exchange.reply = Reply(status=status, body=body[:ANSWER_KEPT])
        if note:
            exchange.notes["failure"] = note
        taken = exchange.notes["taken"] = forms().get(hook.form).taken(delivery, status, body)
        lane.under_way -= 1
        if not self._lives(lane):
            self._over(delivery)
            return
        if taken:
            lane.failures = 0
            lane.delivered += 1
            self.delivered += 1
            self.keeper.drop(delivery.number)
        else:
            self._failed(lane, delivery)
        self._count(lane)
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
        self.resume()
        return sorted((one for lane in self.lanes.values() for one in lane.ready), key=lambda one: one.number)

    @property
    def waiting(self) -> int:
        """Deliveries that are ready to be sent, or held by a rule; retries wait on the clock."""
        self.resume()
        return sum(lane.waiting for lane in self.lanes.values())

    @property
    def under_way(self) -> int:
        """Deliveries that are sent and not answered yet, or will be sent without anything else happening."""
        self.resume()
        return len(self._sent) + sum(len(one.ready) for one in self.lanes.values() if not (one.off or one.paused))

    def __iter__(self) -> Iterator[Lane]:
        return iter(tuple(self.lanes.values()))

    # what outlasts the process

    @property
    def keeper(self) -> Keeper:
        """Where deliveries are kept; opened when it is first asked for, since most sites tell nobody anything."""
        if self._keeper is None:
            self._keeper = self.open_keeper()
            self._number = max(self._number, self._keeper.last_number())
            self._era = self._keeper.era()
            if self._shared and self._keeper.lasts:
                self.next_number = self._keeper.next_number
        return self._keeper

    def share_numbers(self) -> None:
        """Number deliveries and events together with all processes that are the same site, if its store lasts."""
        self._shared = True
        if self._keeper is not None and self._keeper.lasts:
            self.next_number = self._keeper.next_number

    def go_back(self) -> None:
        """Numbers of changes will be given again: events of these have other ids from now on."""
        keeper = self.keeper
        self._era += 1
        keeper.keep_era(self._era)

    def resume(self) -> None:
        """Draw up what an earlier process left: when somebody asks, as only then the site's address is known."""
        while self._left:
            lane, pending = self._left.popleft()
            if self._lives(lane):
                self.post(
                    lane, pending.events, kind=pending.kind, attempt=pending.attempt, first_at=pending.first_at,
                    instead_of=(pending.number,),
                )  # fmt: skip

    def reset(self) -> None:
        """Forget deliveries and count from 1 again; hooks stay. What is under way comes back to nobody."""
        self.lanes = {name: Lane(lane.hook) for name, lane in self.lanes.items()}
        self._open.clear()
        self._sent.clear()
        self.dead.clear()
        self._number = self.delivered = self._era = 0
        if self._keeper is not None:
            self._keeper.clear(keep_number=self._shared)

    def close(self) -> None:
        """Let go of what deliveries are kept in. May be called twice."""
        self._sent.clear()
        if self._keeper is not None:
            self._keeper.close()
        self._keeper = NoKeeper()

    def _take_over(self, lane: Lane) -> None:
        """Go on with what an earlier process left of an endpoint."""
        left = self.keeper.take_over(lane.hook.name)
        lane.count_on(left.counts)
        self.delivered += left.counts.delivered
        now = self._clock.now()
        for pending in left.pending:
            if pending.state == "dead":
                self.dead.append(dead_again(lane, pending))
            elif pending.kind not in ("event", "handshake"):
                self.keeper.drop(pending.number)
            elif pending.due > now:
                lane.paused = lane.paused or (lane.hook.policy.order == "fifo" and pending.attempt > 1)
                self._schedule(lane, pending.due, pending)
            else:
                self._left.append((lane, pending))  # `resume`
        for event in left.gathered:
            self._gather(lane, event)

    def _count(self, lane: Lane) -> None:
        if self.keeper.lasts:
            self.keeper.count(lane.hook.name, lane.counts)

    # the ways of an event and of a delivery

    def _lives(self, lane: Lane) -> bool:
        """Whether its endpoint is still told, and there was no reset."""
        return self.lanes.get(lane.hook.name) is lane

    def _tell(self, lane: Lane, change: Change, topic: str) -> Event:
        self.resume()
        keeper, name = self.keeper, lane.hook.name
        lane.told = keeper.next_event(name) if self._shared and keeper.lasts else lane.told + 1
        event = Event(lane.told, change, topic, self._era)
        lane.log.append(event)
        apart = lane.hook.policy.batch > 1 and not lane.off
        if keeper.lasts:
            keeper.tell(name, event, gathered=apart)
        if lane.off:
            lane.untold.append(event.number)
        elif apart:
            self._gather(lane, event)
        else:
            self.post(lane, (event,))
        return event

    def _gather(self, lane: Lane, event: Event) -> None:
        policy = lane.hook.policy
        lane.gathered.append(event)
        if len(lane.gathered) >= policy.batch:
            self._flush(lane)
        elif len(lane.gathered) == 1:
            at = self._clock.now() + policy.batch_wait
            self._clock.schedule(at, lambda: self._flush(lane), f"deliver what was gathered for {lane.hook.name}")

    def _flush(self, lane: Lane) -> None:
        if not lane.gathered or not self._lives(lane):
            return
        events, lane.gathered = tuple(lane.gathered), []
        self.post(lane, events)
        self.keeper.told(lane.hook.name, events)

    def _failed(self, lane: Lane, delivery: Delivery) -> None:
        policy = lane.hook.policy
        lane.failures += 1
        lane.failed += 1
        if delivery.kind == "event":
            delivery.exchange.notes["then"] = self._go_on(lane, delivery)
        else:
            self.keeper.drop(delivery.number)
        if policy.off_after and lane.failures >= policy.off_after and not lane.off:
            lane.off = f"{lane.failures} failures in a row"
            self.switched_off(lane)

    def _go_on(self, lane: Lane, delivery: Delivery) -> str:
        """What becomes of an event's delivery that was not taken: `retry`, `dead`, or `drop`."""
        policy, now = lane.hook.policy, self._clock.now()
        wait = policy.wait(delivery.attempt, now - delivery.first_at)
        pending = Pending.of(delivery)
        if wait is not None:
            lane.paused = policy.order == "fifo"
            pending = replace(pending, attempt=delivery.attempt + 1, due=now + wait)
            self._schedule(lane, now + wait, pending, copy=delivery.copy)
        elif policy.exhausted == "dead":
            self.dead.append(delivery)
            self.keeper.drop(*(one.number for one in self.dead[:-DEAD_KEPT]))
            del self.dead[:-DEAD_KEPT]
            pending = Pending.dead(delivery)
        else:
            self.keeper.drop(delivery.number)
            return "drop"
        if self.keeper.lasts:
            self.keeper.put(lane.hook.name, pending)
        return "retry" if wait is not None else "dead"

    def _schedule(self, lane: Lane, at: float, pending: Pending, *, copy: bool = False) -> None:
        """Post a delivery when its time has come: a further attempt, or with `copy` what was delivered already."""
        attempt = pending.attempt

        def post() -> None:
            if not self._lives(lane):
                return
            again = lane.paused and attempt > 1
            lane.paused = lane.paused and not again
            self.post(
                lane, pending.events, kind=pending.kind, attempt=attempt, copy=copy, ahead=again,
                first_at=pending.first_at if attempt > 1 else None,
                instead_of=(pending.number,) if pending.number else (),
            )  # fmt: skip
            self._opened(lane)  # a rule may keep this one back, and those behind it need not wait any longer

        id = "+".join(event.id for event in pending.events) or pending.kind
        self._clock.schedule(at, post, f"deliver {id} to {lane.hook.name}, attempt {attempt}")

    def _line_up(self, lane: Lane, delivery: Delivery, *, ahead: bool = False) -> None:
        """Make a delivery ready, now or when what keeps it back is over."""
        if delivery.late:
            late, delivery.late = delivery.late, 0.0
            lane.late[delivery] = None
            at, label = self._clock.now() + late, f"deliver {delivery.id} to {lane.hook.name}, {late:g} s late"
            self._clock.schedule(at, lambda: self._in_time(lane, delivery), label)
            return
        if delivery.behind > 0:
            lane.behind.append(delivery)
            at, label = self._clock.now() + PATIENCE, f"deliver {delivery.id} to {lane.hook.name}, overtaken or not"
            self._clock.schedule(at, lambda: self._release(lane, delivery), label)
            return
        (lane.ready.appendleft if ahead else lane.ready.append)(delivery)
        lane.ready.extend(lane.overtaken() if lane.behind else ())
        self._opened(lane)

    def _in_time(self, lane: Lane, delivery: Delivery) -> None:
        if delivery in lane.late and self._lives(lane):
            del lane.late[delivery]
            self._line_up(lane, delivery)

    def _release(self, lane: Lane, delivery: Delivery) -> None:
        if delivery in lane.behind and self._lives(lane):
            lane.behind.remove(delivery)
            delivery.behind = 0
            self._line_up(lane, delivery)

    def _opened(self, lane: Lane) -> None:
        if lane.open:
            self._open[lane.hook.name] = lane
            self.wake()

    def _over(self, delivery: Delivery) -> None:
        for listener in tuple(self._listeners):
            listener(delivery)
