"""HL7 v2 from one site to another in memory: what stands between an interface engine and the sites behind it.

A `Carrier` takes the messages of one link (`Link.inner`) and hands them to the reception of another site. The link's
own policy and the habits of whoever sends decide what follows from the answer, as they do over a socket. Waiting is
done on the sender's clock.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from mockehr.core.exchange import Exchange
from mockehr.hl7.ack import UNKNOWN_HEADER
from mockehr.hl7.header import Header, NotHL7, read_header
from mockehr.hl7.message import Message
from mockehr.sites.feeds import Link, Mishap, awaited

if TYPE_CHECKING:
    from mockehr.sites.reception import Answered
    from mockehr.sites.site import Site

_READINGS: Final = ("msa", "second", "prefix")
"""How MSA is found in an answer: by its name, by its place (Cloverleaf's `cl_check_ack`), or after the first segment
end, with anything that only begins like a code (Mirth's validator)."""


class Carrier:
    """Takes what waits on one link, and hands it to a site for the listener of a path there."""

    def __init__(
        self,
        sender: Site,
        link: Link,
        receiver: Callable[[], Site | None],
        path: str = "/",
        *,
        late: str = "ignored",
        reads: str = "msa",
    ) -> None:
        self._sender = sender
        self.link = link
        self._receiver = receiver
        self._path = path
        self._takes_late = late == "next"
        self._reads = reads if reads in _READINGS else "msa"
        self._late: list[tuple[float, bytes]] = []
        """Answers that were too late, and when they come: they lie in the connection."""
        self._busy = False
        self._waiting: Callable[[], None] | None = None
        """Cancels the wait for the answer to the message that is under way."""

    def carry(self) -> None:
        """Hand over what may go, one after the other; call as often as something may have changed."""
        if self._busy:
            return
        self._busy = True
        try:
            while self._waiting is None and (taken := self._sender.links.take(self.link)):
                for exchange in taken:
                    self._deliver(exchange)
        finally:
            self._busy = False

    def end(self) -> None:
        """Wait for nothing more."""
        if self._waiting is not None:
            self._waiting()
            self._waiting = None
        self._late.clear()

    def _deliver(self, exchange: Exchange) -> None:
        receiver, effects = self._receiver(), exchange.effects
        lost = receiver is None or (effects is not None and (effects.lost or bool(effects.reset)))
        if receiver is None or lost:
            reason = "the site behind is gone" if receiver is None else "the connection was lost"
            self._settle(exchange, b"", reason, "lost", 0.0)
            return
        for _ in range(effects.copies if effects is not None else 0):
            self._hand(receiver, exchange)
        handed = self._hand(receiver, exchange)
        wait = effects.arrival_delay if effects is not None else 0.0
        ack, delay, mishap = _heard(handed)
        self._receive(exchange, ack, wait + delay, mishap)

    def _hand(self, receiver: Site, exchange: Exchange) -> Exchange:
        handed = Exchange("mllp-in", "SEND", self._path, body=exchange.body, peer=self._sender.name)
        handed.notes["front"] = {"site": self._sender.name, "entry": exchange.number}
        receiver.handle(handed)
        told = {"site": receiver.name, "entry": handed.number}
        exchange.notes.setdefault("behind", []).append(told)
        return handed

    def _receive(self, exchange: Exchange, ack: bytes, delay: float, mishap: Mishap | None) -> None:
        """What comes back within the sender's patience, or what it takes for that."""
        habit = (self.link.dialect or self._sender.dialect).sending
        told = self.link.connection
        patience = habit.timeout if told.timeout is None else told.timeout
        keeps_open = habit.keep_open if told.persistent is None else told.persistent
        now = self._sender.clock.now()
        if awaited(_header(exchange.body)) == "nothing":
            self._settle(exchange, b"", "", None, 0.0)
            return
        if mishap is None and ack and self._takes_late and keeps_open and self._late:
            at, early = self._late.pop(0)
            self._late.append((now + delay, ack))  # and so does every answer come one message too late from now on
            self._settle(exchange, early, "", None, max(0.0, at - now))
            return
        if mishap == "lost":
            self._settle(exchange, b"", "the connection was lost", "lost", delay)
        elif not ack or delay > patience:
            if ack and self._takes_late and keeps_open:
                self._late.append((now + delay, ack))
            why = f"no acknowledgement within {patience:g} s"
            self._settle(exchange, b"", why, "timeout", patience)
        else:
            self._settle(exchange, ack, "", None, delay)

    def _settle(self, exchange: Exchange, ack: bytes, error: str, mishap: Mishap | None, after: float) -> None:
        code, about = read_answer(ack, self._reads)
        matched = bool(code) and about == _header(exchange.body).field(10)

        def done() -> None:
            self._waiting = None
            self._sender.links.settle(
                self.link, exchange, code=code, matched=matched, ack=ack, error=error, mishap=mishap
            )
            self.carry()

        if not after:
            done()
            return
        clock = self._sender.clock
        self._waiting = clock.schedule(clock.now() + after, done, f"answer of {self.link.name}")


def read_answer(ack: bytes, how: str = "msa") -> tuple[str, bytes]:
    """MSA-1 and MSA-2 of an answer, read as an engine reads it; two empty values if it cannot be read."""
    if how == "msa":
        try:
            segment = Message(ack).segment("MSA")
        except NotHL7:
            return "", b""
        return (
            ("", b"") if segment is None else ((segment.field(1) or b"").decode("latin-1"), segment.field(2) or b"")
        )
    lines = ack.replace(b"\r\n", b"\r").split(b"\r")
    if len(lines) < 2 or (how == "prefix" and not lines[1].startswith(b"MSA")):
        return "", b""
    fields = [*lines[1].split(lines[0][3:4] or b"|"), b"", b""]
    code = fields[1].decode("latin-1")
    return (code[:2] if how == "prefix" else code), fields[2]


def _heard(handed: Exchange) -> tuple[bytes, float, Mishap | None]:
    """What of an answer reaches the sender: its octets, after how many seconds, or how the connection ended."""
    effects, reply = handed.effects, handed.reply
    early = getattr(handed.result, "earlier", ())
    ack = (reply.body if reply is not None else b"") or (early[-1] if early else b"")
    if effects is None:
        return ack, 0.0, None
    delay = effects.arrival_delay + effects.reply_delay
    if effects.lost or effects.reset or effects.cut_at is not None:
        return b"", delay, "lost"
    unframed = effects.start is not None or effects.end is not None
    return (b"" if effects.stall or effects.dropped or unframed else ack), delay, None


def _header(body: bytes) -> Header:
    try:
        return read_header(body)
    except NotHL7:
        return UNKNOWN_HEADER


def route(engine: Site, exchange: Exchange, kind: str) -> Answered:
    """What an engine does with a message that it takes: it is stored on the links that carry it, and acknowledged.

    What the outside sends goes to the sites behind; what one of those sends goes out, and with the setting
    `front.among` to the other sites behind as well. A queue that is full is no reason to refuse.
    """
    from mockehr.sites.reception import Answered  # which asks us

    source = exchange.path.removeprefix("/")
    front = engine.front
    inner = {connection.name for connection in front.behind} if front is not None else set()
    among = bool(engine.personality.settings["front"]["among"])
    routed = []
    for link in tuple(engine.links.links.values()):
        outward = link.name not in inner
        wanted = (outward or (among and link.name != source)) if source in inner else not outward
        if wanted and link.carries(kind):
            engine.links.send(link, exchange.body, source=exchange)
            routed.append(link.name)
    exchange.notes["routed"] = routed
    return Answered("A")
