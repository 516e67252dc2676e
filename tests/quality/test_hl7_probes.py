"""Probes of HL7 judge real peers over real sockets: the one that copes passes, one with just that bug fails."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest

from mockehr.core.changes import QUIET
from mockehr.core.exchange import Decision, Effects, Exchange, Reply
from mockehr.edge.own_ports import free_ports
from mockehr.examples import careful_peer
from mockehr.scenarios.probe import Case, Finding
from mockehr.scenarios.probes import probes
from mockehr.sites.links import Connection, Link, Policy
from mockehr.sites.told import told_of, watch
from mockehr.testing.world import TestSite, World

FAMILY = sorted(name for name in probes() if name.startswith("hl7-") and name != "hl7-batches-checked")
"""All but the one about files, which has `test_hl7_batches_checked.py`."""
ZOE = {
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

Rule = dict[str, Any]
MISSING: Rule = {"use": "ack-missing", "when": {"first": 1}}
CUT: Rule = {"use": "link-cut", "where": {"channel": "mllp-in"}, "when": {"skip": 2, "at_most": 1}}
STALL: Rule = {"use": "link-stalls", "when": {"skip": 5, "at_most": 1}}
REFUSED: Rule = {"use": "ack-negative", "with": {"code": "AE", "error": 103}, "when": {"skip": 8, "at_most": 1}}
OVERTAKEN: Rule = {"use": "reordered-message", "where": {"message": "ADT^A01"}, "when": {"first": 1}}
IN_PIECES: Rule = {"use": "broken-frame", "with": {"octets": 50}, "where": {"link": "lab"}, "when": {"every": 2}}
TWICE: Rule = {"use": "duplicate-message", "when": {"every": 3}}
CHARSET: Rule = {"use": "wrong-charset", "when": {"every": 2}}
OWN_SEGMENTS: Rule = {"use": "z-segments", "when": {"every": 4}}


def play(mockehr: World, *rules: Rule) -> tuple[TestSite, list[dict[str, Any]]]:
    """What became of a peer at a site with those rules; its records."""
    site = mockehr.site(patients=0, open_access=True)
    site.run(scale=60)
    (port,) = free_ports(1)
    policy = Policy(retry_waits=(3.0,), attempts=6, exhausted="skip", deeds={"unmatched": "skip"})
    link = Link("lab", "127.0.0.1", port, policy=policy, connection=Connection(timeout=0.8))

    def begin() -> None:
        watch(site.site, site.site.links.add(link))
        for rule in rules:
            site.site.arm(rule)
        for document, event in EVENTS:
            known = site.site.store.read(document["resourceType"], document["id"])
            kind: Any = "create" if known is None else "update"
            site.site.store.commit(document, kind=kind, source="control", event=event)

    _, own = mockehr.listeners(site)
    site._call(begin)
    records = asyncio.run(careful_peer.attend({"MLLP_PORT": str(own), "FEED_PORT": str(port)}, 1.0))
    return site, list(records)


def judged(probe: str, site: TestSite, records: list[dict[str, Any]]) -> Finding:
    truth = site._call(told_of, site.site, "lab", records)
    return probes().get(probe).judge(Case(tuple(site.journal()), site.name, truth=truth))


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who waits for less is done sooner."""
    monkeypatch.setattr(careful_peer, "QUIET", 0.1)
    monkeypatch.setattr(careful_peer, "WITHIN", 0.3)
    monkeypatch.setattr(careful_peer, "TRIES", 3)
    monkeypatch.setattr(careful_peer, "ADMISSIONS", 3)
    monkeypatch.setattr(careful_peer.Outbox.__init__, "__defaults__", (0.3,))


class NamesTheOneBefore(careful_peer.Inbox):
    """Acknowledges each message under the id of the one before."""

    before: Any = None

    def _answer(self, message: Any, *more: Any) -> list[bytes]:
        named, self.before = self.before or message, message
        return super()._answer(named, *more)


class RefusesDischarges(careful_peer.Inbox):
    """Has no place for who leaves."""

    def take(self, octets: bytes) -> list[bytes]:
        message = careful_peer.Message(octets)
        return self._answer(message, b"E") if message.trigger == "A03" else super().take(octets)


class AnswersTheSecondTime(careful_peer.Inbox):
    """Is too slow for the first."""

    seen: tuple[bytes, ...] = ()

    def take(self, octets: bytes) -> list[bytes]:
        answers = super().take(octets) if octets in self.seen else []
        self.seen += (octets,)
        return answers


class AppliesAnything(careful_peer.Inbox):
    """Never heard of what it knows."""

    def take(self, octets: bytes) -> list[bytes]:
        answers = super().take(octets)
        self._known = {(str(len(self.messages)), str(n).encode()) for n in range(len(self.messages))}
        return answers


class NewIds(careful_peer.Outbox):
    """Sends again under another id."""

    count = 0

    async def _ask(self, id: bytes, body: bytes) -> tuple[bytes, bytes]:
        self.count += 1
        other = b"%s-%d" % (id, self.count)
        return await super()._ask(other, body.replace(id, other, 1))


class Hammers(careful_peer.Outbox):
    """Takes a refusal for no answer."""

    async def _ask(self, id: bytes, body: bytes) -> tuple[bytes, bytes]:
        code, error = await super()._ask(id, body)
        return (b"", b"") if code == b"AE" else (code, error)


class ClingsToItsConnection(careful_peer.Outbox):
    """Connects once, and leaves when it has tried everything."""

    async def deliver_all(self, messages: Any) -> None:
        self.over = False
        await super().deliver_all(messages)
        self.over = True

    def hang_up(self) -> None:
        if self.over:
            super().hang_up()


class OneReadOneMessage(careful_peer.Frames):
    """Believes that what comes in one read is one message."""

    def feed(self, octets: bytes) -> list[bytes]:
        return [octets.strip(b"\x0b\x1c\r")]


class ByArrival(careful_peer.Message):
    """What comes last counts last."""

    @property
    def order(self) -> tuple[str, int, str]:
        return "", 0, ""


class KnowsNoMerge(careful_peer.Records):
    """Reads a merge like any other message."""

    def apply(self, message: Any) -> None:
        super().apply(message)
        self.replaced.clear()


def one_id_for_all(count: int) -> Iterator[tuple[bytes, bytes]]:
    """Messages that all have the same id."""
    for number, (id, body) in enumerate(ADMISSIONS(4)):
        yield b"PEER", body.replace(id, b"PEER", 1).replace(b"Erika", b"Erika%d" % number)


ADMISSIONS = careful_peer.admissions
BUGS: dict[str, tuple[str, Any, tuple[Rule, ...]]] = {
    "hl7-ack-matched": ("Inbox", NamesTheOneBefore, ()),
    "hl7-every-message-acknowledged": ("Inbox", RefusesDischarges, ()),
    "hl7-acks-in-time": ("Inbox", AnswersTheSecondTime, ()),
    "hl7-duplicates-applied-once": ("Inbox", AppliesAnything, (TWICE,)),
    "hl7-resends-with-same-id": ("Outbox", NewIds, (MISSING,)),
    "hl7-parks-refused": ("Outbox", Hammers, (REFUSED | {"when": {"first": 1}},)),
    "hl7-reconnects-after-cut": ("Outbox", ClingsToItsConnection, (CUT | {"when": {"first": 1}},)),
    "hl7-survives-odd-messages": ("Frames", OneReadOneMessage, (IN_PIECES,)),
    "hl7-keeps-order": ("Message", ByArrival, (OVERTAKEN,)),
    "hl7-unique-control-ids": ("admissions", one_id_for_all, ()),
    "hl7-merges-followed": ("Records", KnowsNoMerge, ()),
    "hl7-reads-charsets": (
        "decode",
        lambda octets, declared: octets.decode("utf-8", "replace"),
        ({"use": "wrong-charset"},),
    ),
}
"""By probe: what of the peer that copes is replaced, by what, and which rules give the occasion."""


def test_every_probe_of_hl7_is_proved_here() -> None:
    assert sorted(BUGS) == FAMILY


def test_a_peer_that_copes_with_all_of_it_passes_all_probes(mockehr: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(careful_peer, "ADMISSIONS", 8)
    rules = (MISSING, CUT, STALL, REFUSED, OVERTAKEN, IN_PIECES, TWICE, CHARSET, OWN_SEGMENTS)
    site, records = play(mockehr, *rules)
    findings = {probe: judged(probe, site, records) for probe in [*FAMILY, "truth"]}
    assert {name: one for name, one in findings.items() if one.verdict != "pass"} == {}


@pytest.mark.parametrize("probe", FAMILY)
def test_a_peer_with_that_bug_fails(probe: str, mockehr: World, monkeypatch: pytest.MonkeyPatch) -> None:
    what, bug, rules = BUGS[probe]
    monkeypatch.setattr(careful_peer, what, bug)
    finding = judged(probe, *play(mockehr, *rules))
    assert finding.verdict == "fail", finding


def test_a_peer_that_clings_to_a_stalled_connection_fails(mockehr: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(careful_peer, "Outbox", ClingsToItsConnection)
    assert judged("hl7-reconnects-after-cut", *play(mockehr, STALL | {"when": {"first": 1}})).verdict == "fail"


@pytest.mark.parametrize("probe", FAMILY)
def test_where_nothing_was_said_there_is_no_occasion(probe: str, traffic: Any) -> None:
    assert traffic.judged(probe).verdict == "not-applicable"


def head(id: str, kind: str = "ADT^A40") -> str:
    return f"MSH|^~\\&|A|B|C|D|20260105120000||{kind}|{id}|P|2.5.1\r"


@pytest.mark.parametrize(("loser", "verdict"), [("42", "pass"), ("43", "fail")])
def test_a_merge_into_himself_may_be_refused_and_no_other(traffic: Any, loser: str, verdict: str) -> None:
    body = f"{head('7')}PID|1||42^^^X^MR\rMRG|{loser}^^^X^MR\r".encode()
    answer = f"{head('1', 'ACK')}MSA|AE|7\r".encode()
    traffic.add(Exchange("mllp-out", "SEND", body=body, reply=Reply(400, body=answer)))
    assert traffic.judged("hl7-every-message-acknowledged").verdict == verdict


@pytest.mark.parametrize(("error", "times", "verdict"), [("103", 1, "fail"), ("207", 3, "pass"), ("207", 4, "fail")])
def test_only_what_passes_by_itself_may_come_again(traffic: Any, error: str, times: int, verdict: str) -> None:
    body = f"{head('7', 'ADT^A01')}PID|1||42\r".encode()
    answer = f"{head('1', 'ACK')}MSA|AE|7\rERR|||{error}^^HL70357|E\r".encode()
    for _ in range(times + 1):
        traffic.add(Exchange("mllp-in", "SEND", body=body, reply=Reply(400, body=answer)))
    assert traffic.judged("hl7-parks-refused").verdict == verdict


def test_a_message_that_was_never_sent_or_reached_nobody_is_held_against_no_one(traffic: Any) -> None:
    body = f"{head('7')}PID|1||42\r".encode()
    traffic.add(Exchange("mllp-out", "SEND", body=body, notes={"dropped": True, "message": 1}))
    assert traffic.judged("hl7-ack-matched").verdict == "not-applicable"
    lost = {"message": 2, "failure": "cannot connect to 127.0.0.1:1"}
    traffic.add(Exchange("mllp-out", "SEND", body=body, notes=lost, reply=Reply(400)))
    assert traffic.judged("hl7-acks-in-time").verdict == "not-applicable"
    answer = f"{head('1', 'ACK')}MSA|AA|7\r".encode()
    again = Exchange("mllp-out", "SEND", body=body, notes={"message": 2, "attempt": 2}, reply=Reply(200, body=answer))
    traffic.add(again)
    assert traffic.judged("hl7-every-message-acknowledged").verdict == "pass"
    again.effects = Effects(copies=1)
    assert traffic.judged("hl7-duplicates-applied-once").verdict == "not-applicable"


@pytest.mark.parametrize(("quirk", "verdict"), [("z-segments", "not-applicable"), ("duplicate-message", "fail")])
def test_who_refuses_what_is_merely_odd_fails_the_probe_of_odd_messages_alone(
    traffic: Any, quirk: str, verdict: str
) -> None:
    answer = f"{head('1', 'ACK')}MSA|AE|7\r".encode()
    message = Exchange("mllp-out", "SEND", body=f"{head('7', 'ADT^A01')}PID|1||42\r".encode())
    message.reply, message.decisions = Reply(400, body=answer), (Decision("rule", quirk, "on_message", "fired"),)
    traffic.add(message)
    assert traffic.judged("hl7-every-message-acknowledged").verdict == verdict
    odd = "fail" if verdict == "not-applicable" else "not-applicable"
    assert traffic.judged("hl7-survives-odd-messages").verdict == odd


@pytest.mark.parametrize(("body", "verdict"), [(b"", "fail"), (b"MSA|AA|6\r", "pass")])
def test_an_answer_to_something_else_is_not_late(traffic: Any, body: bytes, verdict: str) -> None:
    notes = {"message": 1, "failure": "no acknowledgement of 7 within 10 s"}
    message = f"{head('7', 'ADT^A01')}PID|1||42\r".encode()
    traffic.add(Exchange("mllp-out", "SEND", body=message, notes=notes, reply=Reply(400, body=body)))
    assert traffic.judged("hl7-acks-in-time").verdict == verdict
    assert traffic.judged("hl7-ack-matched").verdict == "fail"


def test_who_is_gone_after_a_cut_is_judged_for_that_alone_and_who_is_back_for_what_was_cut(traffic: Any) -> None:
    for id in ("7", "8"):
        body = f"{head(id, 'ADT^A01')}PID|1||{id}\r".encode()
        traffic.add(Exchange("mllp-in", "SEND", body=body, reply=Reply(200), effects=Effects(lost=id == "7")))
        back = id == "8"
        verdicts = {name: traffic.judged(name).verdict for name in ("hl7-ack-matched", "hl7-resends-with-same-id")}
        assert set(verdicts.values()) == ({"fail"} if back else {"not-applicable"})
        assert traffic.judged("hl7-reconnects-after-cut").verdict == ("pass" if back else "fail")


@pytest.mark.parametrize("id", ["7", "8"])
def test_what_comes_again_under_another_id_is_sent_again_but_not_as_itself(traffic: Any, id: str) -> None:
    answer = f"{head('1', 'ACK')}MSA|AA|{id}\r".encode()
    for number, reply in (("7", Reply(200)), (id, Reply(200, body=answer))):
        body = f"{head(number, 'ADT^A01')}PID|1||42\r".encode()
        traffic.add(Exchange("mllp-in", "SEND", body=body, reply=reply))
    assert traffic.judged("hl7-ack-matched").verdict == "pass"
    assert traffic.judged("hl7-resends-with-same-id").verdict == ("pass" if id == "7" else "fail")
