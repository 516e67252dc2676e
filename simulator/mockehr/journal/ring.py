"""The journal of one site: the last exchanges, in order of arrival."""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Callable, Iterable, Iterator
from typing import Protocol

from mockehr.core.clock import Clock
from mockehr.core.errors import UsageError
from mockehr.core.exchange import Exchange
from mockehr.core.problem import Problem
from mockehr.journal.entry import digest, line

ENTRIES_KEPT = 100_000
OCTETS_KEPT = 128 << 20
RESULTS_KEPT = 1000
"""Closed exchanges that still hold what the server found for them: records as objects, several times their octets."""


class Numbers(Protocol):
    """Where the numbers of entries come from, if several journals of one site must not give one twice."""

    def next(self) -> int:
        """A number above all that were given since the last `restart`, from 1."""

    def restart(self) -> None:
        """Count from 1 again."""


class Journal:
    """Exchanges numbered from 1 in order of arrival; where others number too (`share`), with gaps.

    At most `entries` are kept, and at most `octets` of bodies: beyond that the oldest bodies are dropped (the entry
    stays, its note `trimmed` says so), so a soak test neither loses its trail nor fills the memory.
    """

    def __init__(self, clock: Clock, *, entries: int = ENTRIES_KEPT, octets: int = OCTETS_KEPT) -> None:
        self._clock = clock
        self._ring: deque[Exchange] = deque(maxlen=entries)
        self._number = 0
        self._numbers: Numbers | None = None
        self._octets = 0
        self._octets_kept = octets
        self._full: OrderedDict[int, tuple[Exchange, int]] = OrderedDict()
        # closed exchanges that still have their bodies, by identity, with the octets accounted for
        self._with_result: deque[Exchange] = deque()
        self._listeners: list[Callable[[Exchange], None]] = []

    def open(self, exchange: Exchange) -> None:
        """Give the exchange its number and time, and keep it from now on, even if a later stage fails."""
        self._number = self._number + 1 if self._numbers is None else self._numbers.next()
        exchange.number = self._number
        exchange.at = self._clock.now()
        if len(self._ring) == self._ring.maxlen:
            self._octets -= self._full.pop(id(self._ring[0]), (exchange, 0))[1]
        self._ring.append(exchange)

    def close(self, exchange: Exchange) -> None:
        """The exchange is over: account for its bodies and tell the listeners."""
        octets = len(exchange.body) + (len(exchange.reply.body) if exchange.reply is not None else 0)
        if octets:
            self._full[id(exchange)] = (exchange, octets)
            self._octets += octets
        if self._octets > self._octets_kept:
            self._trim()
        self._lighten(exchange)
        for listener in self._listeners:
            listener(exchange)

    def release(self, exchange: Exchange) -> None:
        """Let go of the octets of a reply that was sent: a file of an export. Their number and digest stay noted."""
        reply = exchange.reply
        if reply is None or not reply.body:
            return  # nothing was answered, or it was trimmed
        exchange.notes["sent"] = [len(reply.body), digest(reply.body)]
        reply.body = b""
        held = self._full.pop(id(exchange), None)
        if held is not None:
            self._octets -= held[1]
            if exchange.body:
                self._full[id(exchange)] = (exchange, len(exchange.body))
                self._octets += len(exchange.body)

    def listen(self, listener: Callable[[Exchange], None]) -> None:
        """Tell `listener` of every exchange when it is closed."""
        self._listeners.append(listener)

    def share(self, numbers: Numbers) -> None:
        """Take numbers from there from now on."""
        self._numbers = numbers

    def take_over(self, exchanges: Iterable[Exchange]) -> None:
        """Keep exchanges that others have numbered, in order of their numbers, and tell nobody of them."""
        self._ring.extend(sorted(exchanges, key=lambda exchange: exchange.number))
        self._number = self._ring[-1].number if self._ring else 0

    def __iter__(self) -> Iterator[Exchange]:
        return iter(tuple(self._ring))

    def __len__(self) -> int:
        return len(self._ring)

    @property
    def last(self) -> int:
        """The number of the newest entry here; 0 if there is none."""
        return self._number

    def get(self, number: int) -> Exchange:
        """The exchange with that entry number; raises UsageError naming the numbers that are kept."""
        if self._ring:
            position = number - self._ring[0].number
            if 0 <= position < len(self._ring) and self._ring[position].number == number:
                return self._ring[position]
            found = next((exchange for exchange in self._ring if exchange.number == number), None)
            if found is not None:  # others took numbers in between
                return found
        kept = f"{self._ring[0].number} to {self._ring[-1].number}" if self._ring else "none yet"
        raise UsageError(f"There is no journal entry {number}.", nearest=f"entries kept: {kept}")

    def ndjson(self) -> bytes:
        """All entries as NDJSON; byte-equal for equal runs."""
        return b"".join(line(exchange) + b"\n" for exchange in self._ring)

    def clear(self) -> None:
        """Forget everything and count from 1 again; listeners stay."""
        self._ring.clear()
        self._full.clear()
        self._with_result.clear()
        self._number = self._octets = 0
        if self._numbers is not None:
            self._numbers.restart()

    def _lighten(self, exchange: Exchange) -> None:
        """Let go of what the exchange closed RESULTS_KEPT ago was answered from; its bytes and its problem stay."""
        if isinstance(exchange.result, Problem):
            return
        self._with_result.append(exchange)
        if len(self._with_result) > RESULTS_KEPT:
            self._with_result.popleft().result = None

    def _trim(self) -> None:
        """Drop bodies of those closed first until a tenth of the budget is free again; open exchanges keep theirs."""
        target = self._octets_kept * 9 // 10
        while self._octets > target and self._full:
            _, (exchange, octets) = self._full.popitem(last=False)
            exchange.body = b""
            if exchange.reply is not None:
                exchange.reply.body = b""
            exchange.result = None
            exchange.notes["trimmed"] = octets
            self._octets -= octets
