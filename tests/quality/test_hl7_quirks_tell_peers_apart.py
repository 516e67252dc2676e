"""Every quirk of HL7 tells a peer that copes from one with the habit that the quirk is about.

The habits are planted one by one into the careful example peer, which reads the octets as they leave the site. A
naive peer has to get along with a feed that nothing disturbs: then it is the quirk that it does not survive.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from mockehr.core.changes import QUIET
from mockehr.core.exchange import Exchange
from mockehr.edge.mllp_manner import Manner, cut
from mockehr.edge.mllp_site import reactions
from mockehr.examples import careful_peer
from mockehr.hl7.batch import Plan, write_batch
from mockehr.quirks.rule import quirks
from mockehr.sites.build import build_site
from mockehr.sites.links import Link
from mockehr.sites.options import SiteOptions
from mockehr.sites.site import Site
from mockehr.sites.told import told_of, watch
from mockehr.sites.truth import TruthReport

SUBJECT = {"reference": "Patient/a"}
ZOE: dict[str, Any] = {
    "resourceType": "Patient",
    "id": "a",
    "identifier": [{"system": "urn:oid:1.2.3", "value": "00042"}, {"system": "urn:oid:1.2.9", "value": "E7"}],
    "name": [{"family": "Muñoz", "given": ["Zoë"]}],
    "birthDate": "1980-03-04",
}
MAX = {
    "resourceType": "Patient",
    "id": "b",
    "identifier": [{"system": "urn:oid:1.2.3", "value": "00043"}],
    "name": [{"family": "Muster", "given": ["Max"]}],
}
ANNA = {
    "resourceType": "Patient",
    "id": "c",
    "identifier": [{"system": "urn:oid:1.2.3", "value": "00044"}],
    "name": [{"family": "Smith", "given": ["Anna"]}],
    "birthDate": "1990-01-02",
    "gender": "female",
}
STAY = {
    "resourceType": "Encounter",
    "id": "e",
    "identifier": [{"system": "urn:oid:1.2.4", "value": "V7"}],
    "status": "in-progress",
    "class": {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "IMP"},
    "subject": SUBJECT,
}
GLUCOSE = {"system": "http://loinc.org", "code": "2345-7", "display": "Glucose"}
COMMENT = {"system": "http://loinc.org", "code": "8251-1", "display": "Comment"}
OBSERVED = {"resourceType": "Observation", "status": "final", "subject": SUBJECT}
NUMBER = {**OBSERVED, "id": "o1", "code": {"coding": [GLUCOSE]}, "valueQuantity": {"value": 5.1, "unit": "mg/dL"}}
TEXT = {**OBSERVED, "id": "o2", "code": {"coding": [COMMENT]}, "valueString": "Salt & pepper\n\nsecond"}
REPORT = {
    "resourceType": "DiagnosticReport",
    "id": "r",
    "status": "final",
    "subject": SUBJECT,
    "identifier": [{"system": "urn:oid:1.2.5", "value": "F9"}],
    "code": {"text": "Panel"},
    "effectiveDateTime": "2026-01-05T11:00:00Z",
    "result": [{"reference": "Observation/o1"}, {"reference": "Observation/o2"}],
}
MERGED = {**MAX, "active": False, "link": [{"other": SUBJECT, "type": "replaced-by"}]}
SURVIVOR = {**ZOE, "link": [{"other": {"reference": "Patient/b"}, "type": "replaces"}]}
EVENTS: list[tuple[dict[str, Any], str]] = [
    (ZOE, ""),
    (MAX, ""),
    (ANNA, ""),
    (STAY, "ADT^A01"),
    ({**STAY, "status": "finished"}, "ADT^A03"),
    (NUMBER, QUIET),
    (TEXT, QUIET),
    (REPORT, "ORU^R01"),
    (MERGED, QUIET),
    (SURVIVOR, "ADT^A40"),
]
KINDS = ("Message", "Person", "Visit", "Result")


def feed_of(use: str, settings: dict[str, Any], when: dict[str, Any]) -> tuple[Site, list[bytes]]:
    """The site, and what its feed wrote, write by write."""
    site = build_site(SiteOptions("a", stepped=True, open_access=True))
    feed = site.links.add(Link("lab", "127.0.0.1", 1))
    watch(site, feed)
    if use:
        site.arm({"use": use, "with": settings, "when": when})
    for document, event in EVENTS:
        known = site.store.read(document["resourceType"], document["id"])
        kind: Any = "create" if known is None else "update"
        site.store.commit(document, kind=kind, source="control", event=event)
    writes: list[bytes] = []
    for _ in range(2):
        while taken := site.links.take(feed):
            writes += [octets for _, octets in cut([(one.body, Manner.of(one.effects)) for one in taken])]
            for one in taken:
                site.links.settle(feed, one, code="AA", matched=True, ack=b"", error="")
        site.clock.advance(61)
    return site, writes


def read(writes: Sequence[bytes]) -> careful_peer.Inbox:
    """What a peer makes of it, as it is planted now."""
    frames, inbox = careful_peer.Frames(), careful_peer.Inbox()
    for octets in writes:
        for piece in frames.feed(octets):
            inbox.take(piece)
    for piece in frames.rest():
        inbox.take(piece)
    return inbox


def judged(use: str, settings: dict[str, Any], when: dict[str, Any], kinds: Sequence[str]) -> TruthReport:
    site, writes = feed_of(use, settings, when)
    return told_of(site, "lab", list(read(writes).records()), kinds)


class OneReadOneMessage(careful_peer.Frames):
    def feed(self, octets: bytes) -> list[bytes]:
        return [octets.strip(b"\x0b\x1c\r")]


class AppliesAnything(careful_peer.Inbox):
    def take(self, octets: bytes) -> list[bytes]:
        answers = super().take(octets)
        self._known = {(str(len(self.messages)), str(n).encode()) for n in range(len(self.messages))}
        return answers


class KnowsIds(careful_peer.Inbox):
    ids: tuple[str, ...] = ()

    def take(self, octets: bytes) -> list[bytes]:
        id = careful_peer.Message(octets).id
        known, self.ids = id in self.ids, (*self.ids, id)
        return [] if known else super().take(octets)


class KnowsItsSegments(careful_peer.Inbox):
    def take(self, octets: bytes) -> list[bytes]:
        return [] if careful_peer.Message(octets).first("ZPD") else super().take(octets)


class Limited(careful_peer.Inbox):
    def take(self, octets: bytes) -> list[bytes]:
        return super().take(octets[:65536])[:0] if len(octets) <= 65536 else []


class WantsEvn(careful_peer.Inbox):
    def take(self, octets: bytes) -> list[bytes]:
        message = careful_peer.Message(octets)
        return super().take(octets) if message.kind != "ADT" or message.first("EVN") else []


class ByArrival(careful_peer.Message):
    @property
    def order(self) -> tuple[str, int, str]:
        return "", 0, ""


class EndsInCr(careful_peer.Message):
    def __init__(self, octets: bytes) -> None:
        super().__init__(octets.partition(b"\n")[0])


class UsualDelimiters(careful_peer.Message):
    def __init__(self, octets: bytes) -> None:
        if not octets.startswith(b"MSH|^~\\&|"):
            raise ValueError("no MSH|^~\\&|")
        super().__init__(octets)


class SplitsFirst(careful_peer.Message):
    def plain(self, text: str) -> str:
        return super().plain(text.split(self.subcomponent)[0])


class RoutesByHeader(careful_peer.Message):
    def __init__(self, octets: bytes) -> None:
        super().__init__(octets)
        self.trigger = self.at(self.segments[0], 9, 2)


class FirstRepetition(careful_peer.Message):
    def parts(self, segment: Sequence[str], field: int) -> list[list[str]]:
        return super().parts(segment, field)[:1]


class KeepsBlanks(careful_peer.Message):
    def part(self, pieces: Sequence[str], component: int, sub: int = 0) -> str:
        return pieces[component - 1] if component <= len(pieces) else ""


class LinesApart(careful_peer.Message):
    def at(self, segment: Sequence[str], field: int, component: int = 0, sub: int = 0) -> str:
        told = super().at(segment, field, component, sub)
        return "ST" if segment[:1] == ["OBX"] and field == 2 and told == "TX" else told


class FirstCode(careful_peer.Records):
    def _code(self, message: Any, segment: Sequence[str]) -> str:
        return str(message.at(segment, 3, 1))


class FirstNumber(careful_peer.Records):
    def number(self, message: Any, segment: Sequence[str], field: int) -> str:
        return str(message.at(segment, field, 1))


class BelievesTypes(careful_peer.Records):
    def _results(self, message: Any, person: str) -> None:
        kinds = {segment[2] for segment in message.segments if segment[0] == "OBX"}
        if kinds <= {"NM", "ST", "TX", "FT", "CWE", "ED"}:
            super()._results(message, person)


class StatusOfReport(careful_peer.Records):
    def _results(self, message: Any, person: str) -> None:
        super()._results(message, person)
        for record in self.kept["Result"].values():
            record["status"] = message.at(message.first("OBR"), 25)


class RefusesTheSecond(careful_peer.Records):
    def apply(self, message: Any) -> None:
        super().apply(message)
        if any(pair for pair in self.merges(message) if pair[1] not in self.kept["Person"]):
            raise ValueError("such a person is not known")
        for _, loser in self.merges(message):
            self.kept["Person"].pop(loser, None)


def store(record: dict[str, Any], element: str, value: str) -> None:
    """Two quotation marks are a value like any other."""
    if value:
        record[element] = value


EVERY: dict[str, Any] = {}
BUT_THE_FIRST = {"skip": 1}
FEED: dict[str, tuple[dict[str, Any], dict[str, Any], str, Any]] = {
    # quirk: its settings, when, what of the careful peer is replaced, by what
    "broken-frame": ({"form": "packed"}, {"every": 2}, "Frames", OneReadOneMessage),
    "slow-link": ({"octets": 30}, EVERY, "Frames", OneReadOneMessage),
    "duplicate-message": ({}, EVERY, "Inbox", AppliesAnything),
    "reordered-message": ({}, {"skip": 3, "at_most": 1}, "Message", ByArrival),
    "odd-merge": ({"form": "twice"}, EVERY, "Records", RefusesTheSecond),
    "segment-ends": ({"form": "lf"}, EVERY, "Message", EndsInCr),
    "wrong-charset": ({}, EVERY, "decode", lambda octets, declared: octets.decode("utf-8", "replace")),
    "odd-delimiters": ({}, EVERY, "Message", UsualDelimiters),
    "escape-variants": ({"form": "raw"}, EVERY, "Message", SplitsFirst),
    "z-segments": ({}, EVERY, "Inbox", KnowsItsSegments),
    "local-codes": ({"form": "local-first"}, EVERY, "Records", FirstCode),
    "wrong-types": ({"form": "unknown"}, EVERY, "Records", BelievesTypes),
    "explicit-nulls": ({}, EVERY, "take", store),
    "odd-header": ({"kind": "custom-event"}, EVERY, "Message", RoutesByHeader),
    "reused-control-id": ({}, EVERY, "Inbox", KnowsIds),
    "odd-dates": ({"form": "iso"}, EVERY, "day_first", lambda text: text),
    "identifier-layout": ({"form": "reversed"}, BUT_THE_FIRST, "Records", FirstNumber),
    "name-forms": ({"form": "legal-second"}, EVERY, "Message", FirstRepetition),
    "result-status": ({"form": "unlike"}, EVERY, "Records", StatusOfReport),
    "report-lines": ({}, EVERY, "Message", LinesApart),
    "long-document": ({"kilobytes": 80}, EVERY, "Inbox", Limited),
    "missing-segments": ({"segments": ["EVN"]}, EVERY, "Inbox", WantsEvn),
    "odd-fields": ({"form": "padded"}, EVERY, "Message", KeepsBlanks),
}
BY_STATE = {"odd-header": KINDS[1:], "reused-control-id": KINDS[1:], "long-document": KINDS[:3]}
"""What is compared where ids are no use, or where there is more than the truth knows (the document)."""


@pytest.mark.parametrize("use", FEED)
def test_a_reader_that_copes_ends_up_with_the_truth_and_a_naive_one_does_not(
    use: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings, when, what, naive = FEED[use]
    kinds = BY_STATE.get(use, KINDS)
    report = judged(use, settings, when, kinds)
    assert report.ok, report.text()
    monkeypatch.setattr(careful_peer, what, naive)
    assert judged("", {}, {}, kinds).ok
    try:
        assert not judged(use, settings, when, kinds).ok
    except ValueError:
        assert use == "odd-merge"


def ids(writes: Sequence[bytes]) -> list[str]:
    return [message.id for _, _, message in read(writes).messages]


def test_of_two_inverse_merges_the_last_one_counts_and_one_person_stays() -> None:
    records = read(feed_of("odd-merge", {"form": "inverse"}, {})[1]).records()
    assert [one["id"] for one in records if one["resourceType"] == "Person"] == ["00043", "00044"]
    assert {one["person"] for one in records if "person" in one} == {"00043"}


def test_nobody_is_merged_into_himself() -> None:
    writes = feed_of("odd-merge", {"form": "itself"}, {})[1]
    assert b"MSA|AE|" in careful_peer.Inbox().take(writes[-1])[0]
    assert not list(read(writes).records().replaced)


def test_a_lost_message_leaves_a_gap_in_the_numbers() -> None:
    """A naive reader cannot tell the two feeds apart by what it was told."""
    whole, gap = (ids(feed_of(use, {}, {"skip": 1, "at_most": 1})[1]) for use in ("", "lost-message"))
    assert [id for id in whole if id not in gap] == [whole[1]]
    assert len(gap) == len(whole) - 1


@pytest.mark.parametrize("form", ["gap", "repeat", "restart", "backwards"])
def test_numbers_that_do_not_follow_cost_no_message_unless_one_drops_what_is_out_of_turn(form: str) -> None:
    site, writes = feed_of("sequence-gap", {"form": form}, {"skip": 2, "at_most": 1})
    assert told_of(site, "lab", list(read(writes).records())).ok
    numbers = [int(one.split(b"|")[12]) for one in b"".join(writes).split(b"\x0b") if one.split(b"|")[12:13] > [b""]]
    expected = 0
    for number in numbers:
        expected += number == expected + 1
    assert expected < len(ids(writes))


def test_updates_that_say_nothing_new_make_no_new_version() -> None:
    """Who writes with every message has a version for each."""
    site, writes = feed_of("update-storm", {"times": 5}, {"first": 1})
    inbox, versions = read(writes), 0
    before: list[Any] = []
    records = careful_peer.Records()
    for _, _, message in inbox.messages:
        records.apply(message)
        now = [dict(one) for one in records if one["resourceType"] == "Person"]
        versions += now != before
        before = now
    assert (versions, len(inbox.messages)) == (4, 12)  # Zoë, Max, Anna, and the first two made one
    assert told_of(site, "lab", list(inbox.records())).ok


Answers = dict[str, tuple[str, str]]
Reader = Callable[[Sequence[bytes], Sequence[str]], Answers]


def matched(writes: Sequence[bytes], sent: Sequence[str]) -> Answers:
    """The careful way: whatever comes, each answer by the id that it names."""
    found: Answers = dict.fromkeys(sent, ("again", ""))
    frames = careful_peer.Frames()
    pieces = [piece for octets in writes for piece in frames.feed(octets)]
    for piece in [*pieces, *frames.rest()]:
        code, named, _ = careful_peer.acknowledged(piece)
        if named.decode() in found and found[named.decode()][0] != "taken":
            found[named.decode()] = ("taken" if code in (b"AA", b"CA") else "refused", named.decode())
    return found


def in_turn(writes: Sequence[bytes], sent: Sequence[str]) -> Answers:
    """The next frame answers the next message."""
    frames = [piece for octets in writes for piece in careful_peer.Frames().feed(octets)]
    answers = [careful_peer.acknowledged(piece) for piece in frames]
    taken = {id: ("taken", named.decode()) for id, (_, named, _) in zip(sent, answers, strict=False)}
    return {id: taken.get(id, ("again", "")) for id in sent}


def by_read(writes: Sequence[bytes], sent: Sequence[str]) -> Answers:
    """What one read gives is the whole answer."""
    answers = [careful_peer.acknowledged(octets.strip(b"\x0b\x1c\r")) for octets in writes]
    return {id: ("taken", id) if any(one[1] == id.encode() for one in answers) else ("again", "") for id in sent}


def written_is_taken(writes: Sequence[bytes], sent: Sequence[str]) -> Answers:
    """A message that left is there."""
    return {id: ("taken", id) for id in sent}


def only_aa(writes: Sequence[bytes], sent: Sequence[str]) -> Answers:
    """A CA is no answer."""
    return {id: ("taken", id) if f"|AA|{id}".encode() in b"".join(writes) else ("again", "") for id in sent}


ACKS: dict[str, tuple[dict[str, Any], str, Reader]] = {
    # quirk on the first of three messages: its settings, what is to be thought of that message, who thinks otherwise
    "ack-duplicate": ({}, "taken", in_turn),
    "ack-late": ({"delay": "5s"}, "taken", in_turn),
    "ack-level": ({"form": "accept-for-application"}, "taken", only_aa),
    "ack-malformed": ({"form": "other-delimiters"}, "taken", only_aa),
    "ack-missing": ({}, "again", in_turn),
    "ack-negative": ({"code": "AE"}, "refused", in_turn),
    "ack-reordered": ({}, "again", in_turn),
    "ack-wrong-id": ({}, "again", in_turn),
    "nak-octet": ({}, "again", in_turn),
    "link-cut": ({}, "again", written_is_taken),
    "link-stalls": ({}, "again", written_is_taken),
    "slow-link": ({"octets": 20}, "taken", by_read),
}
SENT = ("M1", "M2", "M3")


def answers(use: str, settings: dict[str, Any]) -> list[bytes]:
    """What the site wrote in answer to three messages, in the order of time."""
    site = build_site(SiteOptions("a", stepped=True, open_access=True))
    if use:
        site.arm({"use": use, "with": settings, "when": {"first": 1}})
    written: list[tuple[float, int, bytes]] = []
    for number, id in enumerate(SENT):
        body = (
            f"MSH|^~\\&|P|C|E|H|20260105120000||ADT^A28^ADT_A05|{id}|P|2.5.1\rEVN|A28|20260105120000\r"
            f"PID|1||{number}^^^C^MR||Muster^Erika\r"
        )
        exchange = site.handle(Exchange("mllp-in", method="SEND", body=body.encode(), peer="p"))
        for one in reactions(site, exchange):
            delay = exchange.effects.reply_delay if exchange.effects is not None else 0.0
            written += [(delay, len(written), octets) for _, octets in one.manner.pieces(one.payload)]
    return [octets for _, _, octets in sorted(written)]


@pytest.mark.parametrize("use", ACKS)
def test_a_sender_that_copes_knows_what_was_taken_and_a_naive_one_does_not(use: str) -> None:
    settings, wanted, naive = ACKS[use]
    clean = {id: ("taken", id) for id in SENT}
    assert matched(answers("", {}), SENT) == naive(answers("", {}), SENT) == clean
    found = matched(answers(use, settings), SENT)
    assert found == clean | {"M1": (wanted, "M1" if wanted != "again" else "")}
    assert naive(answers(use, settings), SENT) != found


def whole(octets: bytes) -> list[bytes]:
    """The messages of a batch file whose count holds; none of any other."""
    before, _, count = octets.partition(b"BTS|")
    found = [b"MSH" + piece for piece in before.split(b"MSH")[1:]]
    return found if count[:1].isdigit() and int(count.split(b"\r")[0]) == len(found) else []


@pytest.mark.parametrize("form", ["count-high", "count-low", "no-headers", "empty"])
def test_a_file_whose_count_does_not_hold_is_applied_by_who_does_not_count(form: str) -> None:
    site = build_site(SiteOptions("a", stepped=True, open_access=True))
    feed = site.links.add(Link("lab", "127.0.0.1", 1))
    site.store.commit(ZOE, kind="create", source="control")
    taken = feed.ready[0]

    def file() -> bytes:
        plan = site.mischief.amend("on_batch", Plan([taken.body]), taken)
        told = {"headers": plan.headers, "batch_count": plan.batch_count}
        return write_batch(plan.messages, site.dialect, at=0.0, control_id="1", **told)

    assert whole(file()) == [taken.body]
    site.arm({"use": "odd-batch", "with": {"form": form}})
    assert whole(file()) == []
    assert (taken.body in file()) == (form != "empty")


SHOWN_ABOVE = {"lost-message", "odd-batch", "sequence-gap", "update-storm"}


def test_every_quirk_of_hl7_is_shown_here() -> None:
    known = {name for name in quirks() if quirks().get(name).about.family in ("hl7", "message")}
    assert known == {*FEED, *ACKS, *SHOWN_ABOVE}
