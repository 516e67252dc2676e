"""HL7 v2 feeds that a site sends: changes become messages in the site's dialect, in order, link by link.

A message that was not taken is sent again, given up, set aside, or stops its link (`mockehr.sites.feeds.Policy`).
Each attempt is a journal entry of its own with the same octets; those behind it wait. Whoever has sockets asks `take`
for what is to be written next and reports with `settle`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cached_property
from typing import Final

from mockehr.core.changes import Change
from mockehr.core.errors import DuplicateName, UnknownName, UsageError
from mockehr.core.exchange import JSON, Exchange, Interaction, Reply
from mockehr.hl7.emit import Event, emit, told_by
from mockehr.hl7.habits import SendHabit
from mockehr.hl7.header import read_header
from mockehr.hl7.witness import Witness
from mockehr.sites import greeting
from mockehr.sites.attempts import about_of, control_id_of, first_attempt, mishap_of, next_attempt, restored
from mockehr.sites.feeds import Bearer, Connection, Gathering, Link, Mishap, Policy, Tls
from mockehr.sites.gathering import gather, references_of
from mockehr.sites.mllp_stages import prepare_again, prepare_message
from mockehr.sites.parking import Parked, Parking
from mockehr.sites.site import Site
from mockehr.sites.spool import Kept, Spool, open_spool
from mockehr.sites.waiting import full, hold, overtake, releasable, release_batch

__all__ = ["Connection", "Gathering", "Link", "Links", "Policy", "Tls", "gather", "references_of"]
PATIENCE: Final = 60.0
"""Site seconds that a message is held for others to overtake it, or to leave in one write with it."""


class Links:
    """All feeds of one site, listening to its changes. What came in over HL7 goes out over links that relay only."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self.links: dict[str, Link] = {}
        self.wake: Callable[[], None] = lambda: None
        self.bearers: list[Bearer] = []
        """Who carry what waits on links that lead to a site in memory."""
        self.settled: Callable[[Link, Exchange], None] = lambda link, exchange: None
        """Called with every message that the peer has answered, or not."""
        self.hang_up: Callable[[Link], None] = lambda link: None
        """Called when a link's connections are to be closed; whoever has sockets says what it does."""
        self.next_number: Callable[[Link], int] = lambda link: link.number + 1
        """The number of a link's next message; drawn from elsewhere where several processes send for one site."""
        self.witnesses: dict[str, Witness] = {}
        """By link, who hears every message as it was meant (`mockehr.sites.told`)."""

    @cached_property
    def spool(self) -> Spool:
        """Where queues last, opened when it is first asked for: most sites have no HL7 side."""
        return open_spool(self._site.options.store, self._site.name)

    @cached_property
    def parking(self) -> Parking:
        """The error queue of the site."""
        return Parking(self.spool)

    def add(self, link: Link) -> Link:
        """Send over this link from now on; what waited on one of its name when an earlier process ended goes first.

        Raises DuplicateName.
        """
        if link.name in self.links:
            raise DuplicateName("link", link.name, "the one that runs", "the one to be added")
        number, link.last_sequence = self.spool.counters(link.name)
        link.number = max(link.number, number)
        self.links[link.name] = link
        for kept in self.spool.take_over(link.name):
            self._again(link, restored(kept), kept.attempts)
        self._stir()
        return link

    def share_numbers(self) -> None:
        """Number messages together with all other processes that are the same site: in the spool."""
        self.next_number = lambda link: self.spool.next_number(link.name, link.number)

    def get(self, name: str) -> Link:
        """Raises UnknownName."""
        try:
            return self.links[name]
        except KeyError:
            raise UnknownName("link", name, self.links) from None

    def remove(self, name: str) -> Link:
        """Send over that link no more; what waits is given up. Raises UnknownName."""
        link = self.get(name)
        self.discard(link, "the link was taken away")
        del self.links[name]
        self.spool.forget(name)
        self.hang_up(link)
        return link

    def hear(self, change: Change) -> None:
        """Listener of the change log."""
        resources: list[JSON] | None = None
        for link in tuple(self.links.values()):
            kind = self._kind(link, change)
            if kind and not full(link, change):
                resources = gather(self._site, change) if resources is None else resources
                self._post(link, kind, change, resources)

    def send(self, link: Link, body: bytes, *, source: Exchange | None = None) -> Exchange:
        """Put a message as it stands on a link; raises NotHL7 for octets that are none.

        `source` is an earlier exchange of it, of which patient and resource are taken.
        """
        kind = read_header(body).kind or "unknown"
        about = source.interaction if source is not None and source.interaction is not None else Interaction(kind)
        link.number = self.next_number(link)
        exchange = first_attempt(link, body, about, source.patient if source is not None else "")
        self._queue(link, exchange)
        return exchange

    def take(self, link: Link) -> tuple[Exchange, ...]:
        """What is to be written next, in one write; nothing while there is nothing, or the link may not send."""
        if link.stopped or link.resting or link.pause is not None:
            return ()
        if link.sequence and not link.greeted and releasable(link):
            return () if link.in_flight else self._flying(link, (greeting.opened(self._site, link),))
        taken: list[Exchange] = []
        while len(taken) < releasable(link):
            taken.append(link.ready[len(taken)])
            effects = taken[-1].effects
            if effects is None or not effects.packed or "alone" in taken[-1].notes:
                for _ in taken:
                    link.ready.popleft()
                link.released = max(0, link.released - len(taken))
                self._catch_up(link)
                return self._flying(link, tuple(taken))
        return ()

    def take_batch(self, link: Link) -> tuple[Exchange, ...]:
        """All that belongs to batches that are closed, of a link whose messages go to files."""
        count = 0 if link.stopped or link.resting else releasable(link)
        taken = tuple(link.ready.popleft() for _ in range(count))
        link.released = 0
        self._catch_up(link)
        return self._flying(link, taken)

    def settle(
        self,
        link: Link,
        exchange: Exchange,
        *,
        code: str,
        matched: bool,
        ack: bytes,
        error: str,
        mishap: Mishap | None = None,
    ) -> None:
        """What the peer answered. `mishap` says how there was no answer (`timeout` unless told)."""
        link.in_flight = max(0, link.in_flight - 1)
        habit = self._habit(link)
        exchange.reply = Reply(200, body=ack)
        wrong = mishap_of(exchange, code, matched or (bool(ack) and not habit.compares_id), error, mishap)
        exchange.notes["ack"] = code
        if error:
            exchange.notes["failure"] = error
        if greeting.opens(exchange):
            self._greeted(link, exchange, wrong, habit)
        elif wrong and not greeting.taken_before(link, exchange):
            exchange.reply.status = 400
            self._not_taken(link, exchange, wrong, error or f"answered {code or 'nothing'}", habit)
        else:
            self._taken(link, exchange)
        self._site.journal.close(exchange)
        self.settled(link, exchange)
        self._stir()

    def filed(self, link: Link, taken: Sequence[Exchange], file: str, error: str = "") -> None:
        """A batch went to a file, which nobody answers; or could not, and stops the link with all of it first."""
        link.in_flight = max(0, link.in_flight - len(taken))
        for exchange in taken:
            exchange.reply = Reply(400 if error else 200)
            if error:
                exchange.notes["failure"] = error
                self._rest(link, exchange, None)
            else:
                exchange.notes["file"] = file
                self._taken(link, exchange)
            self._site.journal.close(exchange)
            self.settled(link, exchange)
        link.stopped = error

    def stop(self, link: Link, why: str = "stopped by hand") -> None:
        """Send nothing more over it until it is resumed; what is under way may still be answered."""
        link.stopped = why

    def resume(self, link: Link) -> None:
        """Send again, first what was being retried, now. A counting link is started anew (0 in MSH-13)."""
        link.stopped, link.greeted = "", False
        self.flush(link)

    def flush(self, link: Link) -> int:
        """Wait for nothing: retries are due now, what is held goes, a batch closes. How many messages that were."""
        count = len(link.resting) + len(link.held)
        for exchange, cancel in reversed([link.resting[number] for number in sorted(link.resting)]):
            cancel()
            self._again(link, exchange, exchange.notes.get("attempt", 1))
        link.resting.clear()
        link.ready.extend(exchange for exchange, _ in link.held)
        link.held.clear()
        for exchange in link.ready:
            if exchange.effects is not None and exchange.effects.packed:
                exchange.notes["alone"] = True
        if link.pause is not None:
            link.pause()
            link.pause = None
        if link.batch is not None:
            count += len(link.ready) - link.released
            release_batch(link)
        self._stir()
        return count

    def set_aside(self, link: Link) -> list[Parked]:
        """Park what is to be sent again, for those behind it to go on."""
        aside = []
        for number in sorted(link.resting):
            exchange, cancel = link.resting.pop(number)
            cancel()
            link.failed += 1
            aside.append(self._park(link, exchange, str(exchange.notes.get("failure", "set aside by hand"))))
            self.spool.drop(link.name, number)
        self._stir()
        return aside

    def discard(self, link: Link, why: str) -> int:
        """Give up all that waits on a link; how many messages that were."""
        waiting = [*link.ready, *(exchange for exchange, _ in link.held)]
        for exchange, cancel in link.resting.values():
            cancel()
            self.spool.drop(link.name, exchange.notes["message"])
        count = len(waiting) + len(link.resting)
        link.resting.clear()
        link.held.clear()
        link.ready.clear()
        link.released = 0
        for exchange in waiting:
            self._give_up(link, exchange, why)
        return count

    def reset(self) -> None:
        """Forget what waits, is parked or was counted, and count from 1 again; links stay."""
        for bearer in self.bearers:
            bearer.end()
        for link in self.links.values():
            for cancel in (*(cancel for _, cancel in link.resting.values()), link.due, link.pause):
                if cancel is not None:
                    cancel()
            for queue in (link.ready, link.untold, link.resting, link.held):
                queue.clear()
            link.number = link.acknowledged = link.failed = link.retried = link.released = link.in_flight = 0
            link.last_sequence, link.greeted, link.stopped = 0, False, ""
            link.behind = link.due = link.pause = None
        self.witnesses = {name: Witness() for name in self.witnesses}
        if "spool" in self.__dict__:
            self.spool.clear()
        if "parking" in self.__dict__:
            self.parking.clear()

    def close(self) -> None:
        """Let go of the spool."""
        if "spool" in self.__dict__:
            self.spool.close()

    def unpark(self, parked: Parked) -> Exchange:
        """Put a message that was set aside on its link again, behind what waits. Raises UnknownName for the link."""
        link = self.get(parked.place)
        about = Exchange("mllp-out", patient=str(parked.about.get("patient", "")))
        about.interaction = Interaction(
            parked.kind, str(parked.about.get("resource", "")), str(parked.about.get("id", ""))
        )
        self.parking.drop(parked.number)
        return self.send(link, parked.body, source=about)

    def _stir(self) -> None:
        """Something may be sent now."""
        self.wake()
        for bearer in tuple(self.bearers):
            bearer.carry()

    def _habit(self, link: Link) -> SendHabit:
        return (link.dialect or self._site.dialect).sending

    def _kind(self, link: Link, change: Change) -> str:
        if change.source == "hl7" and not link.relay:
            return ""
        kind = told_by(change, link.dialect or self._site.dialect)
        return kind if kind and link.carries(kind) else ""

    def _post(self, link: Link, kind: str, change: Change, resources: list[JSON]) -> None:
        before, link.number = link.number, self.next_number(link)
        site = self._site
        dialect = link.dialect or site.dialect
        try:
            event = Event(
                kind, site.clock.now(), link.number, occurred=change.at, action=change.kind,
                status_before=change.status_before,
            )  # fmt: skip
            body = emit(event, resources, dialect)
        except (UsageError, ValueError) as error:
            # Written with less than the message needs (an order without a patient), or, unvalidated, with a time that
            # is none: nothing can be told of it.
            link.number = before
            link.untold.append((change.number, error.what if isinstance(error, UsageError) else str(error)))
            return
        exchange = first_attempt(link, body, Interaction(kind, change.resource_type, change.id), change.patient)
        exchange.changes += (change.number,)
        self._queue(link, exchange)

    def _queue(self, link: Link, exchange: Exchange) -> None:
        """Prepare a message that carries the link's number, and let it and what follows it wait to be sent."""
        exchange.notes["message"] = link.number
        witness = self.witnesses.get(link.name)
        if witness is not None:
            witness.hear(exchange.body)
        prepare_message(self._site, exchange)
        self._line_up(link, exchange)
        for body in exchange.effects.followed if exchange.effects is not None else ():
            self._follow(link, body, exchange)

    def _follow(self, link: Link, body: bytes, leader: Exchange) -> None:
        """A message that a rule lets follow another: its octets are as the rule wrote them."""
        link.number = self.next_number(link)
        about = leader.interaction or Interaction("unknown")
        exchange = first_attempt(link, body, replace(about, name=read_header(body).kind), leader.patient)
        exchange.notes |= {"message": link.number, "follows": leader.number}
        prepare_again(self._site, exchange)
        self._line_up(link, exchange)

    def _line_up(self, link: Link, exchange: Exchange) -> None:
        """Let a prepared message wait where the rules put it."""
        effects = exchange.effects
        if effects is not None and effects.dropped:
            exchange.notes["dropped"] = True
            self._site.journal.close(exchange)
            return
        self._keep(link, exchange, 0)
        if effects is not None and (effects.hold or effects.packed):
            self._site.clock.schedule(
                self._site.clock.now() + PATIENCE, lambda: self._wait_no_more(link, exchange), f"send on {link.name}"
            )
        if effects is not None and effects.hold:
            hold(link, exchange, effects.hold)
            return
        link.ready.append(exchange)
        overtake(link)
        if link.policy.full == "drop-oldest" and link.waiting > link.policy.queue and link.ready:
            self._give_up(link, link.ready.popleft(), "the queue was full")
        self._gather(link)
        self._stir()

    def _gather(self, link: Link) -> None:
        """Close the batch of a link that gathers if it is large enough, or see to it that it will close."""
        batch = link.batch
        if batch is None:
            return
        if batch.messages and len(link.ready) - link.released >= batch.messages:
            release_batch(link)
        elif link.due is None and batch.every:

            def close() -> None:
                release_batch(link)
                self._stir()

            clock = self._site.clock
            link.due = clock.schedule(clock.now() + batch.every, close, f"batch of {link.name}")

    def _wait_no_more(self, link: Link, exchange: Exchange) -> None:
        """Nobody came to overtake a message, or to leave with it."""
        exchange.notes["alone"] = True
        left = [pair for pair in link.held if pair[0] is not exchange]
        if len(left) < len(link.held):
            link.held[:] = left
            link.ready.append(exchange)
        self._stir()

    def _taken(self, link: Link, exchange: Exchange) -> None:
        link.acknowledged += 1
        self.spool.drop(link.name, exchange.notes["message"])
        greeting.taken_before(link, exchange)

    def _greeted(self, link: Link, exchange: Exchange, wrong: Mishap | None, habit: SendHabit) -> None:
        if not wrong:
            for taken in greeting.answered(self._site, link, exchange):
                self._taken(link, taken)
            return
        assert exchange.reply is not None
        exchange.reply.status = 400

        def on() -> None:
            link.pause = None
            self._stir()

        clock = self._site.clock
        link.pause = clock.schedule(clock.now() + link.policy.wait(1, habit), on, f"start {link.name} again")

    def _not_taken(self, link: Link, exchange: Exchange, wrong: Mishap, why: str, habit: SendHabit) -> None:
        attempt = exchange.notes.get("attempt", 1)
        deed = link.policy.deed(wrong, attempt, habit)
        exchange.notes["then"] = deed
        if deed in ("retry", "stop"):
            self._keep(link, exchange, attempt)
            wait = link.policy.wait(attempt, habit) if deed == "retry" else None
            self._rest(link, exchange, wait)
            if deed == "stop":
                link.stopped = f"message {exchange.notes['message']}: {why}"
            return
        link.failed += 1
        if deed == "park":
            self._park(link, exchange, why)
        self.spool.drop(link.name, exchange.notes["message"])

    def _rest(self, link: Link, exchange: Exchange, wait: float | None) -> None:
        number = exchange.notes["message"]

        def again() -> None:
            link.resting.pop(number, None)
            self._again(link, exchange, exchange.notes.get("attempt", 1))
            self._stir()

        clock, cancel = self._site.clock, lambda: None
        if wait is not None:
            cancel = clock.schedule(clock.now() + wait, again, f"message {number} to {link.name} again")
        link.resting[number] = (exchange, cancel)

    def _again(self, link: Link, before: Exchange, attempts: int) -> None:
        """The next attempt of a message, first in line: the same octets, an entry of its own."""
        exchange = next_attempt(link, before, attempts)
        link.retried += bool(attempts)
        prepare_again(self._site, exchange)
        number = exchange.notes["message"]
        place = next((n for n, one in enumerate(link.ready) if one.notes["message"] > number), len(link.ready))
        link.ready.insert(place, exchange)
        if link.batch is not None:
            link.released += 1

    def _keep(self, link: Link, exchange: Exchange, attempts: int) -> None:
        kept = Kept(exchange.notes["message"], attempts, exchange.body, about_of(exchange))
        self.spool.put(link.name, kept, link.last_sequence)

    def _park(self, link: Link, exchange: Exchange, why: str) -> Parked:
        about = about_of(exchange)
        return self.parking.add(
            "out", link.name, exchange.body, kind=about["message"], control_id=control_id_of(exchange.body),
            reason=why, at=self._site.clock.now(), attempts=exchange.notes.get("attempt", 1), about=about,
        )  # fmt: skip

    def _give_up(self, link: Link, exchange: Exchange, why: str) -> None:
        link.failed += 1
        exchange.reply = Reply(400)
        exchange.notes["failure"] = why
        self.spool.drop(link.name, exchange.notes["message"])
        self._site.journal.close(exchange)

    def _flying(self, link: Link, taken: tuple[Exchange, ...]) -> tuple[Exchange, ...]:
        link.in_flight += len(taken)
        return taken

    def _catch_up(self, link: Link) -> None:
        """Tell of changes that a full queue held back, once half of it is free."""
        if link.behind is None or link.waiting > link.policy.queue // 2:
            return
        behind, link.behind = link.behind, None
        for change in self._site.log.since(behind):
            kind = self._kind(link, change)
            if kind and not full(link, change):
                self._post(link, kind, change, gather(self._site, change))
            if link.behind is not None:
                return
