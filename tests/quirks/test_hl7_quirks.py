"""Quirks of acknowledgements, frames and links: what each does to the exchange, in memory."""

from __future__ import annotations

from typing import Any

import pytest

from mockehr.core.exchange import Effects, Exchange
from mockehr.edge.mllp_site import reactions
from mockehr.hl7.frame import frame
from mockehr.hl7.message import Message
from mockehr.quirks.rule import quirks, rule_from
from mockehr.sites.build import build_site
from mockehr.sites.links import Link
from mockehr.sites.options import SiteOptions
from mockehr.sites.site import Site

PATIENT = {
    "resourceType": "Patient",
    "id": "a",
    "identifier": [{"system": "urn:oid:1.2.3", "value": "42"}],
    "name": [{"family": "Muster"}],
}


def admission(number: int, *, head: str = "") -> bytes:
    return (
        f"MSH|^~\\&|ADT1|WARD|MOCKEHR|HOSPITAL|20260105120000||ADT^A28^ADT_A05|M{number}|P|2.5.1{head}\r"
        f"EVN|A28|20260105120000\rPID|1||{number}^^^WARD^MR||Muster^Erika\r"
    ).encode()


def world(use: str = "", *, where: Any = None, when: Any = None, **settings: Any) -> Site:
    site = build_site(SiteOptions("a", stepped=True, open_access=True))
    if use:
        site.arm({"use": use, "with": settings, "where": where or {}, "when": when or {}})
    return site


def take(site: Site, number: int = 1, **more: Any) -> Exchange:
    return site.handle(Exchange("mllp-in", method="SEND", body=admission(number, **more), peer="p"))


def answered(use: str, **settings: Any) -> tuple[bytes, Effects]:
    exchange = take(world(use, **settings))
    assert exchange.reply is not None
    assert [one.outcome for one in exchange.decisions] == ["fired"]
    return exchange.reply.body, exchange.effect()


def told(use: str, *documents: dict[str, Any], **settings: Any) -> list[Exchange]:
    site = world(use, **settings)
    feed = site.links.add(Link("lab", "127.0.0.1", 1))
    for document in documents or (PATIENT,):
        site.store.commit(document, kind="create", source="control")
    return list(feed.ready)


def applied(site: Site) -> int:
    return len(site.log.changes)


CLEAN = b"MSH|^~\\&|MOCKEHR|HOSPITAL|ADT1|WARD|20260105120000||ACK^A28^ACK|A1|P|2.5.1\rMSA|AA|M1\r"


def test_without_a_quirk_the_acknowledgement_is_clean() -> None:
    exchange = take(world())
    assert exchange.reply is not None
    assert exchange.reply.body == CLEAN


@pytest.mark.parametrize(
    ("use", "settings", "body"),
    [
        ("ack-missing", {}, b""),
        ("ack-malformed", {"form": "words"}, b"fail"),
        ("ack-malformed", {"form": "msa-only"}, b"MSA|AA|M1\r"),
        ("ack-malformed", {"form": "nak-text"}, b'MSA|AR|M1|free text "NACK sent from receiver"'),
        ("ack-malformed", {"form": "cut"}, CLEAN[:-4]),
        ("ack-malformed", {"form": "line-feeds"}, CLEAN.replace(b"\r", b"\n")),
        ("ack-malformed", {"form": "other-type"}, CLEAN.replace(b"ACK^A28^ACK", b"ACK^O01")),
        (
            "ack-malformed",
            {"form": "not-swapped"},
            CLEAN.replace(b"MOCKEHR|HOSPITAL|ADT1|WARD", b"ADT1|WARD|MOCKEHR|HOSPITAL"),
        ),
        ("ack-malformed", {"form": "bad-time"}, CLEAN.replace(b"20260105120000", b"2026-13-45")),
        ("ack-level", {"form": "accept-for-application"}, CLEAN.replace(b"|AA|", b"|CA|")),
        ("nak-octet", {}, b"\x15"),
        ("nak-octet", {"octet": "eot"}, b"\x04"),
        ("ack-reordered", {}, b""),
    ],
)
def test_an_acknowledgement_is_spoilt_and_the_message_applied(
    use: str, settings: dict[str, Any], body: bytes
) -> None:
    site = world(use, **settings)
    exchange = take(site)
    assert exchange.reply is not None
    assert exchange.reply.body == body
    assert applied(site) == 1


def test_an_acknowledgement_in_other_delimiters_still_names_the_message() -> None:
    body, _ = answered("ack-malformed", form="other-delimiters")
    assert body.startswith(b"MSH:;~\\&:MOCKEHR:")
    assert Message(body).get("MSA-2") == "M1"


@pytest.mark.parametrize(
    ("use", "settings", "effects"),
    [
        ("ack-duplicate", {"times": 3}, Effects(copies=2)),
        ("ack-malformed", {"form": "unframed"}, Effects(start=b"", end=b"")),
        ("ack-malformed", {"form": "in-pieces"}, Effects(split=1)),
        ("ack-level", {}, Effects(prefix=frame(CLEAN.replace(b"|AA|", b"|CA|")))),
        ("nak-octet", {"octet": "ack", "followed": True}, Effects(prefix=b"\x0b\x06\x1c\r")),
        ("link-cut", {}, Effects(lost=True)),
        ("link-cut", {"at": "after-ack"}, Effects(close=True)),
        ("link-cut", {"at": "reset"}, Effects(reset="before")),
        ("link-cut", {"at": "midway"}, Effects(reset="midway")),
        ("link-stalls", {}, Effects(stall=True, lost=True)),
        ("slow-link", {"octets": 4, "pause": "20ms"}, Effects(drip=(4, 0.02))),
        ("broken-frame", {"form": "double-start"}, Effects(start=b"\x0b\x0b")),
        ("broken-frame", {"form": "no-cr"}, Effects(end=b"\x1c")),
        ("broken-frame", {"form": "end-lf"}, Effects(end=b"\x1c\r\n")),
        ("broken-frame", {"octets": 5}, Effects(split=5)),
        ("broken-frame", {"form": "split-end"}, Effects(split=-1)),
    ],
)
def test_an_effect_is_asked_for_and_the_acknowledgement_stays(
    use: str, settings: dict[str, Any], effects: Effects
) -> None:
    assert answered(use, **settings) == (CLEAN, effects)


def test_what_is_asked_for_reaches_whoever_writes_octets() -> None:
    site = world("ack-duplicate")
    exchange = take(site)
    (reaction,) = reactions(site, exchange)
    assert (reaction.payload, reaction.manner.copies) == (CLEAN, 1)


def test_an_acknowledgement_comes_behind_that_of_the_next_message() -> None:
    site = world("ack-reordered")
    first, second = take(site, 1), take(site, 2)
    assert first.reply is not None
    assert second.reply is not None
    assert (first.reply.body, Message(second.reply.body).get("MSA-2")) == (b"", "M2")
    assert second.effect().suffix == frame(CLEAN)


@pytest.mark.parametrize(("code", "said"), [("AE", "AE"), ("AR", "AR"), ("CE", "AE"), ("CR", "AR")])
def test_a_refused_message_is_not_applied(code: str, said: str) -> None:
    site = world("ack-negative", code=code, error=206)
    exchange = take(site)
    assert exchange.reply is not None
    ack = Message(exchange.reply.body)
    assert (ack.get("MSA-1"), ack.get("ERR-3.1"), applied(site)) == (said, "206", 0)


def test_a_refusal_of_an_enhanced_message_is_of_the_accept_level() -> None:
    exchange = take(world("ack-negative", code="CR"), head="|||AL|NE")
    assert exchange.reply is not None
    assert Message(exchange.reply.body).get("MSA-1") == "CR"


def test_a_refusal_can_be_a_lie() -> None:
    site = world("ack-negative", code="AE", applied=True, text="no room")
    exchange = take(site)
    assert exchange.reply is not None
    ack = Message(exchange.reply.body)
    assert (ack.get("MSA-1"), ack.get("MSA-3"), applied(site)) == ("AE", "no room", 1)


def test_a_refused_message_is_taken_when_it_comes_again() -> None:
    site = world("ack-negative", when={"first": 1})
    codes = []
    for _ in range(2):
        exchange = take(site)
        assert exchange.reply is not None
        codes.append(Message(exchange.reply.body).get("MSA-1"))
    assert (codes, applied(site)) == (["AE", "AA"], 1)


@pytest.mark.parametrize(
    ("use", "settings", "effects"),
    [
        ("duplicate-message", {}, Effects(copies=1)),
        ("broken-frame", {"form": "packed"}, Effects(packed=True)),
        ("broken-frame", {"form": "no-start"}, Effects(start=b"")),
        ("broken-frame", {"form": "junk-before"}, Effects(prefix=b"\r\nPING\x00\r\n")),
        ("link-cut", {}, Effects(lost=True)),
    ],
)
def test_an_effect_is_asked_for_of_a_message(use: str, settings: dict[str, Any], effects: Effects) -> None:
    (message,) = told(use, **settings)
    assert message.effect() == effects


def test_a_message_is_overtaken_or_never_sent() -> None:
    people = [PATIENT, PATIENT | {"id": "b"}, PATIENT | {"id": "c"}]
    site = world("reordered-message", when={"first": 1})
    feed = site.links.add(Link("lab", "127.0.0.1", 1))
    for person in people:
        site.store.commit(person, kind="create", source="control")
    assert [Message(one.body).get("MSH-10") for one in feed.ready] == ["2", "1", "3"]
    lost = world("lost-message", when={"first": 1})
    feed = lost.links.add(Link("lab", "127.0.0.1", 1))
    for person in people:
        lost.store.commit(person, kind="create", source="control")
    assert [Message(one.body).get("MSH-10") for one in feed.ready] == ["2", "3"]


@pytest.mark.parametrize(
    ("form", "numbers"),
    [("gap", ["10", "11"]), ("repeat", ["1", "1"]), ("restart", ["1", "1"]), ("backwards", ["0", "0"])],
)
def test_sequence_numbers_do_not_follow_one_another(form: str, numbers: list[str]) -> None:
    messages = told("sequence-gap", PATIENT, PATIENT | {"id": "b"}, form=form)
    assert [Message(one.body).get("MSH-13") for one in messages] == numbers


def test_updates_follow_with_control_ids_of_their_own() -> None:
    (message, *_) = told("update-storm", times=3)
    followers = [Message(body) for body in message.effect().followed]
    assert [one.get("MSH-10") for one in followers] == ["1U1", "1U2", "1U3"]
    assert {(one.get("MSH-9.2"), one.get("EVN-1"), one.get("PID-3.1")) for one in followers} == {("A08", "A08", "42")}
    assert Message(message.body).get("MSH-9.2") == "A28"


MERGE = (
    b"MSH|^~\\&|A|B|C|D|20260105120000||ADT^A40^ADT_A39|7|P|2.5.1\rEVN|A40|20260105120000\r"
    b"PID|1||42^^^WARD^MR||Muster^Erika\rMRG|43^^^WARD^MR\r"
)


def merged(form: str) -> tuple[Message, list[Message]]:
    rule = rule_from({"use": "odd-merge", "with": {"form": form}})
    exchange = Exchange("mllp-out", body=MERGE)
    site = world()
    site.mischief.arm(rule)
    site.mischief.disturb("on_message", exchange)
    return Message(exchange.body), [Message(body) for body in exchange.effect().followed]


def test_a_merge_goes_in_circles() -> None:
    assert merged("itself")[0].get("MRG-1") == "42^^^WARD^MR"
    assert merged("several")[0].get("MRG-1") == "43^^^WARD^MR~999999^^^^MR"
    kept, (inverse,) = merged("inverse")
    assert (bytes(kept), inverse.get("PID-3.1"), inverse.get("MRG-1.1")) == (MERGE, "43", "42")
    _, (again,) = merged("twice")
    assert (again.get("MSH-10"), again.get("PID-3.1"), again.get("MRG-1.1")) == ("7M", "42", "43")


def test_a_quirk_of_merges_leaves_other_messages_alone() -> None:
    (message,) = told("odd-merge")
    assert [(one.outcome, one.why) for one in message.decisions] == [("idle", "no merge")]


@pytest.mark.parametrize(
    ("use", "settings"),
    [
        ("ack-negative", {"code": "AA"}),
        ("ack-negative", {"error": 999}),
        ("ack-duplicate", {"times": 1}),
        ("duplicate-message", {"times": 0}),
        ("reordered-message", {"by": 0}),
        ("broken-frame", {"octets": 0}),
        ("slow-link", {"octets": 0}),
        ("update-storm", {"times": 0}),
        ("odd-merge", {"form": "inverted"}),
        ("link-cut", {"at": "noon"}),
    ],
)
def test_a_setting_that_means_nothing_is_refused(use: str, settings: dict[str, Any]) -> None:
    with pytest.raises(Exception, match="not set up right"):
        rule_from({"use": use, "with": settings})


def test_a_rule_for_one_sender_knows_it_by_its_header_on_arrival() -> None:
    site = build_site(SiteOptions("a", stepped=True, open_access=True))
    site.arm({"use": "latency", "name": "other", "with": {"delay": "5s"}, "where": {"client": "LAB1"}})
    site.arm({"use": "latency", "name": "own", "with": {"delay": "5s"}, "where": {"client": "ADT1"}})
    done = site.handle(Exchange("mllp-in", method="SEND", path="/", body=admission(1)))
    assert {(one.rule, one.outcome) for one in done.decisions} == {("other", "skipped"), ("own", "fired")}


def test_rules_for_other_senders_say_so_each_time_and_stop_when_they_are_taken_away() -> None:
    site = build_site(SiteOptions("a", stepped=True, open_access=True))
    for name in ("one", "two"):
        site.arm({"use": "latency", "name": name, "with": {"delay": "5s"}, "where": {"client": "LAB1"}})
    told = []
    for number in (1, 2):
        done = site.handle(Exchange("mllp-in", method="SEND", path="/", body=admission(number)))
        told.append([(one.rule, one.outcome, one.why) for one in done.decisions])
    assert told[0] == told[1]
    assert {name for name, _, _ in told[0]} == {"one", "two"}
    assert {(outcome, why) for _, outcome, why in told[0]} == {("skipped", "client is ADT1, not LAB1")}
    site.disarm("one")
    done = site.handle(Exchange("mllp-in", method="SEND", path="/", body=admission(4)))
    assert {one.rule for one in done.decisions} == {"two"}
    site.arm({"use": "latency", "name": "three", "with": {"delay": "5s"}, "where": {"client": "ADT1"}})
    done = site.handle(Exchange("mllp-in", method="SEND", path="/", body=admission(3)))
    assert {(one.rule, one.outcome) for one in done.decisions} == {("two", "skipped"), ("three", "fired")}


@pytest.mark.parametrize("reverse", [False, True])
def test_all_quirks_of_acknowledgements_at_once_raise_nothing(reverse: bool) -> None:
    site = world()
    ours = [name for name in quirks() if "on_ack" in quirks().get(name).about.capabilities]
    for name in sorted(ours, reverse=reverse):
        site.arm({"use": name})
        for form in ("msa-only", "cut", "words"):
            if name == "ack-malformed":
                site.arm({"use": name, "name": form, "with": {"form": form}})
    for number in range(8):
        assert take(site, number).reply is not None


@pytest.mark.parametrize("use", ["z-segments", "long-document", "escape-variants"])
def test_what_a_rule_adds_is_written_in_the_delimiters_of_the_message(use: str) -> None:
    site = world("odd-delimiters", delimiters="$*~\\@")
    site.arm({"use": use})
    body = (
        b"MSH|^~\\&|A|B|C|D|20260105||ORU^R01|7|P|2.5.1\rPID|1||42\rOBR|1||F1|1^Panel\r"
        b"OBX|1|ST|1^Text^L||Salt \\T\\ pepper||||||F\r"
    )
    exchange = Exchange("mllp-out", body=body)
    site.mischief.disturb("on_message", exchange)
    assert [one.outcome for one in exchange.decisions] == ["fired", "fired"]
    for line in exchange.body.split(b"\r")[1:]:
        assert line[3:4] in (b"$", b"")
    assert b"application*pdf*Base64" in exchange.body or use != "long-document"
    assert b" A @ B" in exchange.body or use != "escape-variants"
