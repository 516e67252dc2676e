"""Mutants of ledger G: peers in memory, made of the parts of the careful example peer.

What the site writes to the peer goes through its frames and its inbox; what the peer says goes through the site's
stages. The site's clock moves when nothing is left to do.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from mockehr.core.changes import QUIET
from mockehr.core.exchange import Exchange
from mockehr.edge.drop_folder import lay_all
from mockehr.edge.mllp_manner import Manner, cut
from mockehr.edge.mllp_site import reactions
from mockehr.examples.careful_peer import Frames, Inbox, Message, Records, acknowledged
from mockehr.hl7.batch import read_batch
from mockehr.scenarios.probe import Case, Finding
from mockehr.scenarios.probes.hl7_batches_checked import PARKED
from mockehr.scenarios.scorecard import judge
from mockehr.sites.build import build_site
from mockehr.sites.exceptions import Parked
from mockehr.sites.feeds import Gathering
from mockehr.sites.links import Link, Policy
from mockehr.sites.listeners import Folders
from mockehr.sites.options import SiteOptions
from mockehr.sites.site import Site
from mockehr.sites.told import told_of, watch

Play = Callable[[Any, bool], Iterable[Finding]]
Rule = dict[str, Any]
ZOE: dict[str, Any] = {
    "resourceType": "Patient",
    "id": "a",
    "identifier": [{"system": "urn:oid:1.2.3", "value": "42"}],
    "name": [{"family": "Muñoz", "given": ["Zoë"]}],
    "birthDate": "1980-03-04",
    "gender": "female",
}
MAX = {**ZOE, "id": "b", "identifier": [{"system": "urn:oid:1.2.3", "value": "43"}], "name": [{"family": "Muster"}]}
STAY = {
    "resourceType": "Encounter",
    "id": "e",
    "identifier": [{"system": "urn:oid:1.2.4", "value": "V7"}],
    "status": "in-progress",
    "class": {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "IMP"},
    "subject": {"reference": "Patient/a"},
}
OTHER = {**STAY, "id": "f", "identifier": [{"system": "urn:oid:1.2.4", "value": "V8"}]}
MERGED = {**MAX, "active": False, "link": [{"other": {"reference": "Patient/a"}, "type": "replaced-by"}]}
SURVIVOR = {**ZOE, "link": [{"other": {"reference": "Patient/b"}, "type": "replaces"}]}
EVENTS: list[tuple[dict[str, Any], str]] = [
    (ZOE, ""),
    (MAX, ""),
    (STAY, "ADT^A01"),
    ({**STAY, "status": "finished"}, "ADT^A03"),
    (OTHER, "ADT^A01"),
    (MERGED, QUIET),
    (SURVIVOR, "ADT^A40"),
    ({**OTHER, "status": "finished"}, "ADT^A03"),
]
"""Two persons who turn out to be one, and two stays."""
OWN = 4
"""Messages of the peer's."""


@dataclass
class Peer:
    """A peer that copes; its parts may be replaced."""

    site: Site
    inbox: Inbox = field(default_factory=Inbox)
    frames: type[Frames] = Frames
    parked: list[bytes] = field(default_factory=list)

    def hear(self, writes: Iterable[bytes]) -> list[bytes]:
        """What the site wrote over one connection; the acknowledgements."""
        frames = self.frames()
        pieces = [piece for octets in writes for piece in frames.feed(octets)]
        return [answer for piece in [*pieces, *frames.rest()] for answer in self.inbox.take(piece)]

    def messages(self) -> Iterator[tuple[bytes, bytes]]:
        """(MSH-10, message) of what it has to say."""
        for number in range(1, OWN + 1):
            text = (
                f"MSH|^~\\&|PEER|CLINIC|EHR|HOSPITAL|20260105120000||ADT^A28^ADT_A05|P{number}|P|2.5.1\r"
                f"EVN|A28|20260105120000\rPID|1||C{number}^^^CLINIC^MR||Muster^Erika\r"
            )
            yield b"P%d" % number, text.encode()

    def say_all(self) -> None:
        """Its own messages, one after the other."""
        for id, body in self.messages():
            self.deliver(id, body)

    def deliver(self, id: bytes, body: bytes) -> None:
        """Send it until it is acknowledged, and park it if it is refused."""
        for _ in range(3):
            code = self.ask(id, body)
            if code in (b"AA", b"CA"):
                return
            if code:
                break
        self.parked.append(body)

    def ask(self, id: bytes, body: bytes) -> bytes:
        """MSA-1 of the answer that names the message; empty without one."""
        exchange = self.site.handle(Exchange("mllp-in", method="SEND", body=body, peer="p"))
        self.site.clock.advance(1)
        written = [octets for one in reactions(self.site, exchange) for _, octets in one.manner.pieces(one.payload)]
        frames = Frames()
        pieces = [piece for octets in written for piece in frames.feed(octets)]
        answers = [acknowledged(piece) for piece in [*pieces, *frames.rest()]]
        return next((code for code, named, _ in answers if named == id), b"")


def play_feed(site: Site, feed: Link, peer: Peer) -> None:
    """Empty the feed into the peer, as `MllpSender` settles what comes back."""
    for _ in range(20):
        while taken := site.links.take(feed):
            writes = [octets for _, octets in cut([(one.body, Manner.of(one.effects)) for one in taken])]
            answers = [(answer, *acknowledged(answer)) for answer in peer.hear(writes)]
            for one in taken:
                own = Message(one.body).id.encode()
                fitting = next(((ack, code) for ack, code, named, _ in answers if named == own), None)
                ack, code = fitting or (answers[-1][:2] if answers else (b"", b""))
                error = f"no acknowledgement of {own.decode()} within 10 s" + ", only of something else" * bool(ack)
                site.links.settle(
                    feed, one, code=code.decode(), matched=fitting is not None, ack=ack,
                    error="" if fitting else error, mishap=None if fitting or not ack else "unmatched",
                )  # fmt: skip
        site.clock.advance(15)


def day(mutant: Callable[[Site], Peer], *rules: Rule, shows: str = "") -> tuple[Play, str]:
    """All that happens, with those rules, told to the peer that copes or to that mutant."""

    def play(stand: Any, flawed: bool) -> Iterable[Finding]:
        site = build_site(SiteOptions("a", stepped=True, open_access=True))
        policy = Policy(retry_waits=(3.0,), attempts=4, exhausted="skip", deeds={"unmatched": "retry"})
        feed = site.links.add(Link("lab", "127.0.0.1", 1, policy=policy))
        watch(site, feed)
        for rule in rules:
            site.arm(rule)
        for document, event in EVENTS:
            known = site.store.read(document["resourceType"], document["id"])
            kind: Any = "create" if known is None else "update"
            site.store.commit(document, kind=kind, source="control", event=event)
        peer = mutant(site) if flawed else Peer(site)
        play_feed(site, feed, peer)
        peer.say_all()
        truth = told_of(site, "lab", list(peer.inbox.records()))
        return judge([Case(tuple(site.journal), "a", "p", truth)]).cards[0].findings

    return play, shows


def inbox(kind: type[Inbox]) -> Callable[[Site], Peer]:
    """A peer that takes messages in with that."""
    return lambda site: Peer(site, kind())


class NamesTheOneBefore(Inbox):
    """Acknowledges a message under the id of the one before, and under its own when it comes again."""

    before: Any = None
    seen: tuple[str, ...] = ()

    def _answer(self, message: Any, *more: Any) -> list[bytes]:
        named = message if message.id in self.seen or self.before is None else self.before
        self.before, self.seen = message, (*self.seen, message.id)
        return super()._answer(named, *more)


class Refuses(Inbox):
    """Refuses what `refused` says, as often as it comes; it keeps what it says."""

    def refused(self, message: Any) -> bool:
        raise NotImplementedError

    def _answer(self, message: Any, outcome: bytes, text: bytes = b"") -> list[bytes]:
        return super()._answer(message, b"E" if self.refused(message) else outcome, text)


class RefusesDischarges(Refuses):
    """Has no place for who leaves."""

    def refused(self, message: Any) -> bool:
        return bool(message.trigger == "A03")


class RefusesTheUnknown(Refuses):
    """Knows the segments of its guide, and no others."""

    def refused(self, message: Any) -> bool:
        return bool(message.first("ZPD"))


class AnswersTheSecondTime(Inbox):
    """Is too slow for the first."""

    seen: tuple[bytes, ...] = ()

    def take(self, octets: bytes) -> list[bytes]:
        answers = super().take(octets) if octets in self.seen else []
        self.seen += (octets,)
        return answers


class AppliesAnything(Inbox):
    """Never heard of what it knows."""

    def take(self, octets: bytes) -> list[bytes]:
        answers = super().take(octets)
        self._known = {(str(len(self.messages)), str(n).encode()) for n in range(len(self.messages))}
        return answers


class ByArrival(Inbox):
    """What comes last counts last."""

    def take(self, octets: bytes) -> list[bytes]:
        known = len(self.messages)
        answers = super().take(octets)
        if len(self.messages) > known:
            self.messages = [(("", number, ""), number, one[2]) for number, one in enumerate(self._by_arrival())]
        return answers

    def _by_arrival(self) -> list[Any]:
        return sorted(self.messages, key=lambda one: one[1] if one[0][0] else one[0][1])


class KnowsNoMerge(Inbox):
    """Reads a merge like any other message."""

    def records(self) -> Records:
        records = super().records()
        records.replaced.clear()
        return records


class NewIds(Peer):
    """Sends again under another id."""

    def deliver(self, id: bytes, body: bytes) -> None:
        for attempt in (b"", b"-2", b"-3"):
            other = id + attempt
            if self.ask(other, body.replace(id, other, 1)):
                return


class Hammers(Peer):
    """Takes a refusal for no answer."""

    def ask(self, id: bytes, body: bytes) -> bytes:
        code = super().ask(id, body)
        return b"" if code == b"AE" else code


class Leaves(Peer):
    """Is not heard of again once its connection is cut."""

    gone = False

    def ask(self, id: bytes, body: bytes) -> bytes:
        code = b"" if self.gone else super().ask(id, body)
        self.gone = self.gone or not code
        return code


class OneIdForAll(Peer):
    """Gives all its messages the same id."""

    def messages(self) -> Iterator[tuple[bytes, bytes]]:
        for id, body in super().messages():
            yield b"P", body.replace(id, b"P", 1)


class ReadsUtf8(Inbox):
    """Believes that everything is UTF-8."""

    def records(self) -> Records:
        for _, _, message in self.messages:
            text = message.octets.decode("utf-8", "replace")
            message.segments = [line.split(message.field) for line in text.split("\r") if line]
            message.segments[0].insert(1, message.field)
        return super().records()


def files(stand: Any, flawed: bool) -> Iterable[Finding]:
    """A reader of batch files: it compares the counts in each with its messages; the other one takes them all."""
    site = build_site(SiteOptions("a", stepped=True, open_access=True))
    site.listeners.folders = Folders(None, stand.folder)
    site.links.add(Link("nightly", "", 0, batch=Gathering(messages=2, folder="lab")))
    site.arm({"use": "odd-batch", "when": {"skip": 1, "every": 2}})
    laid = []
    for number in range(8):
        site.store.commit({**ZOE, "id": f"p{number}"}, kind="create", source="control")
        laid += lay_all(site)
    aside = [file for file in laid if read_batch(file.read_bytes()).findings] if not flawed else []
    assert len(laid) == 4
    parked = tuple(Parked(f"Message/{file.name}", "parse", "its counts do not hold") for file in aside)
    case = Case(tuple(site.journal), site.name, "peer", expected={PARKED: parked})
    return judge([case]).cards[0].findings


FIRST: dict[str, int] = {"first": 1}
MUTANTS: dict[str, tuple[Play, str]] = {
    "hl7-ack-matched": day(inbox(NamesTheOneBefore)),
    "hl7-every-message-acknowledged": day(inbox(RefusesDischarges)),
    "hl7-batches-checked": (files, ""),
    "hl7-acks-in-time": day(inbox(AnswersTheSecondTime)),
    "hl7-duplicates-applied-once": day(
        inbox(AppliesAnything), {"use": "duplicate-message", "when": {"every": 3}}, shows="a message counts twice"
    ),
    "hl7-resends-with-same-id": day(NewIds, {"use": "ack-missing", "when": FIRST}),
    "hl7-parks-refused": day(
        Hammers, {"use": "ack-negative", "with": {"code": "AE", "error": 103}, "when": FIRST}
    ),
    "hl7-reconnects-after-cut": day(
        Leaves, {"use": "link-cut", "where": {"channel": "mllp-in"}, "when": {"skip": 2, "at_most": 1}}
    ),
    "hl7-survives-odd-messages": day(inbox(RefusesTheUnknown), {"use": "z-segments", "when": {"every": 4}}),
    "hl7-keeps-order": day(
        inbox(ByArrival),
        {"use": "reordered-message", "where": {"message": "ADT^A01"}, "when": FIRST},
        shows="a patient who left is there again",
    ),
    "hl7-unique-control-ids": day(OneIdForAll),
    "hl7-merges-followed": day(inbox(KnowsNoMerge), shows="one person is still two"),
    "hl7-reads-charsets": day(inbox(ReadsUtf8), {"use": "wrong-charset"}, shows="names are garbled"),
}  # fmt: skip
