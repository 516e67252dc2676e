"""Interface engines in front of a site: what they acknowledge, how they hand on, and what goes wrong with it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from mockehr.core.exchange import Exchange
from mockehr.hl7.header import read_header
from mockehr.sites import interposing
from mockehr.sites.build import build_site
from mockehr.sites.directory import Directory, channel_of
from mockehr.sites.feeds import Link
from mockehr.sites.interposing import read_answer
from mockehr.sites.options import SiteOptions
from mockehr.sites.site import Site

ENGINES = ("mirth", "rhapsody", "cloverleaf")
MESSAGE = (
    "MSH|^~\\&|ADT1^x|WARD^y|MOCKEHR|HOSPITAL|20260105120000||ADT^{trigger}|{id}|P|{version}\r"
    "EVN|{trigger}|20260105120000\rPID|1||{mrn}^^^WARD^MR||{name}||19800304|M\r"
)
PATIENT = {"resourceType": "Patient", "id": "zz", "name": [{"family": "Muster"}]}


class Engine:
    """An engine in front of `north`, with what it takes and what arrives."""

    def __init__(self, vendor: str, *behind: str, **settings: Any) -> None:
        self.directory = Directory()
        names = behind or ("north",)
        options = SiteOptions("hub", vendor, stepped=True, fronts=names, settings=settings)
        self.site: Site = self.directory.add(build_site(options))
        for name in names:
            self.directory.add(build_site(SiteOptions(name, stepped=True, open_access=True)))
        self.north = self.directory.get(names[0])

    def send(self, id: str = "M1", name: str = "Muster^Max", trigger: str = "A28", version: str = "2.5.1") -> bytes:
        body = MESSAGE.format(id=id, name=name, trigger=trigger, version=version, mrn=f"9{id[1:]}").encode()
        reply = self.site.handle(Exchange("mllp-in", "SEND", "/", body=body)).reply
        assert reply is not None
        return reply.body

    @property
    def link(self) -> Link:
        return self.site.links.get(self.north.name)

    def arrived(self) -> list[str]:
        """Control ids of the messages at the site behind, in order of arrival."""
        return [read_header(one.body).control_id for one in self.north.journal if one.channel == "mllp-in"]

    def people(self) -> int:
        return sum(1 for one in self.north.store.overlay("Patient") if not one.deleted)

    def parked(self) -> list[str]:
        return [one.control_id for one in self.site.links.parking]


@pytest.mark.behaviour("mirth", "stored-not-delivered")
@pytest.mark.parametrize("vendor", ENGINES)
def test_what_is_stored_is_acknowledged_whatever_the_system_behind_says(vendor: str) -> None:
    engine = Engine(vendor)
    engine.north.arm({"use": "ack-negative", "with": {"code": "AE"}})
    assert b"MSA|AA|M1" in engine.send()
    assert engine.arrived() == ["M1"]
    engine.directory.remove("north")
    assert b"MSA|AA|M2" in engine.send("M2")


@pytest.mark.parametrize("vendor", ENGINES)
def test_a_message_goes_to_the_site_behind_and_both_journals_name_each_other(vendor: str) -> None:
    engine = Engine(vendor)
    engine.send()
    taken, sent = engine.site.journal
    assert taken.notes["routed"] == ["north"]
    (entry,) = engine.north.journal
    assert sent.notes["behind"] == [{"site": "north", "entry": entry.number}]
    assert entry.notes["front"] == {"site": "hub", "entry": sent.number}
    assert entry.body == taken.body == sent.body
    assert engine.people() == 1
    assert engine.link.status()["acknowledged"] == 1


@pytest.mark.parametrize("vendor", ENGINES)
def test_what_the_site_behind_tells_goes_out_over_the_engines_links(vendor: str) -> None:
    engine = Engine(vendor)
    lab = engine.site.links.add(Link("lab", "127.0.0.1", 1, ("ADT^*",)))
    engine.north.store.commit(PATIENT, kind="create", source="control")
    (message,) = lab.ready
    assert b"ADT^A28" in message.body
    assert b"Muster" in message.body
    told = [one for one in engine.north.journal if one.channel == "mllp-out"]
    assert (told[0].body, told[0].notes["ack"]) == (message.body, "AA")
    engine.send()
    assert len(lab.ready) == 1  # what came from outside does not go out again, nor come back from the site behind


def test_what_one_site_behind_tells_goes_to_the_others_only_if_it_shall() -> None:
    apart, among = Engine("mirth", "north", "south"), Engine("mirth", "north", "south", front={"among": True})
    for engine, count in ((apart, 0), (among, 1)):
        engine.north.store.commit(PATIENT, kind="create", source="control")
        south = engine.directory.get("south")
        assert len([one for one in south.journal if one.channel == "mllp-in"]) == count


@pytest.mark.behaviour("mirth", "no-fhir")
@pytest.mark.parametrize("vendor", ENGINES)
def test_an_engine_has_no_fhir(vendor: str) -> None:
    engine = Engine(vendor)
    for path in ("/metadata", "/Patient/p0", "/Patient"):
        found = channel_of(engine.site, engine.site.fhir_path + path)
        assert found is not None
        reply = engine.site.handle(Exchange(found[0], path=found[1])).reply
        assert reply is not None
        assert reply.status == 404
    assert not engine.north.journal


@pytest.mark.behaviour("mirth", "ack-form")
def test_mirth_acknowledges_with_its_time_stamp_for_an_id() -> None:
    ack = Engine("mirth").send()
    fields = ack.split(b"\r")[0].split(b"|")
    assert fields[2:6] == [b"MOCKEHR", b"HOSPITAL", b"ADT1", b"WARD"]
    assert fields[6] == fields[9] == b"20260105120000.000"
    assert fields[8] == b"ACK^A28^ACK"
    assert b"|ACK|" in Engine("mirth").send(version="2.3")


@pytest.mark.behaviour("mirth", "ack-texts")
def test_mirth_rejects_what_its_filter_does_not_take() -> None:
    engine = Engine("mirth")
    engine.site.listeners.declare(replace(engine.site.listeners.of("/"), messages=("ORU^*",)))
    assert b"MSA|AR|M1|Message Rejected.\r" in engine.send()
    assert engine.arrived() == []
    assert engine.site.dialect.ack.error_text == "An Error Occurred Processing Message."


@pytest.mark.behaviour("mirth", "negative-not-retried")
@pytest.mark.parametrize("code", ["AE", "AR"])
def test_mirth_sends_nothing_again_that_was_refused(code: str) -> None:
    engine = Engine("mirth")
    engine.north.arm({"use": "ack-negative", "when": {"first": 1}, "with": {"code": code}})
    engine.send("M1")
    engine.send("M2")
    engine.site.clock.advance(3600)
    assert engine.arrived() == ["M1", "M2"]
    assert engine.parked() == ["M1"]


@pytest.mark.behaviour("mirth", "silence-queued", "connection-each")
def test_mirth_queues_what_is_not_answered_in_time_and_it_arrives_twice() -> None:
    engine = Engine("mirth")
    engine.north.arm({"use": "ack-late", "when": {"first": 1}, "with": {"delay": "6s"}})
    engine.send("M1")
    engine.send("M2")
    assert engine.arrived() == ["M1"]
    engine.site.clock.advance(5)
    assert engine.arrived() == ["M1"]
    engine.site.clock.advance(9)
    assert engine.arrived() == ["M1"]
    engine.site.clock.advance(1)
    assert engine.arrived() == ["M1", "M1", "M2"]
    assert engine.link.status()["acknowledged"] == 2
    assert engine.site.dialect.sending.keep_open is False


@pytest.mark.behaviour("mirth", "stranger-queued")
@pytest.mark.parametrize("quirk", [{"use": "ack-wrong-id"}, {"use": "ack-malformed", "with": {"form": "words"}}])
def test_mirth_queues_what_is_answered_with_something_else(quirk: dict[str, Any]) -> None:
    engine = Engine("mirth")
    engine.send("M0")
    engine.north.arm(quirk | {"when": {"first": 1}})
    engine.send("M1")
    engine.site.clock.advance(10)
    assert engine.arrived() == ["M0", "M1", "M1"]


@pytest.mark.behaviour("mirth", "prefix-code")
def test_mirth_looks_at_the_beginning_of_a_code() -> None:
    ack = b"MSH|^~\\&|A|B|C|D|1||ACK|1|P|2.5\rMSA|AAx|M1\r"
    assert read_answer(ack, "prefix") == ("AA", b"M1")
    assert read_answer(ack, "msa") == ("AAx", b"M1")
    assert Engine("mirth").site.personality.settings["front"]["reads"] == "prefix"
    assert read_answer(ack.replace(b"MSA", b"ZZZ"), "prefix") == ("", b"")


@pytest.mark.behaviour("mirth", "late-ack")
def test_over_an_open_connection_a_late_answer_is_taken_for_that_of_the_next() -> None:
    told = {"hl7": {"sending": {"keep_open": True, "compares_id": False, "attempts": 1, "then": "park"}}}
    engine = Engine("mirth", **told)
    engine.north.arm({"use": "ack-late", "when": {"first": 1}, "with": {"delay": "6s"}})
    engine.send("M1")
    engine.site.clock.advance(5)
    assert engine.parked() == ["M1"]
    engine.north.arm({"use": "ack-negative", "with": {"code": "AE"}})
    engine.send("M2")
    engine.site.clock.advance(5)
    assert engine.parked() == ["M1"]  # the refusal of M2 was never seen: the late AA of M1 stood for it
    assert engine.link.status()["acknowledged"] == 1


@pytest.mark.behaviour("rhapsody", "ack-plain", "ack-version", "nack-ar")
def test_rhapsody_refuses_with_ar_and_a_plain_ack_of_the_messages_version() -> None:
    engine = Engine("rhapsody")
    assert b"|ACK|" in engine.send().split(b"\r")[0]
    engine.site.listeners.declare(replace(engine.site.listeners.of("/"), versions=frozenset({"2.3"})))
    refused = engine.send(version="2.5.1")
    assert b"MSA|AR|" in refused
    assert refused.split(b"\r")[0].endswith(b"|P|2.5.1")
    assert b"\rERR||MSH^1^12" in refused
    engine.site.listeners.declare(replace(engine.site.listeners.of("/"), versions=frozenset({"2.5"})))
    assert b"\rERR|MSH^1^12^203" in engine.send(version="2.3")


@pytest.mark.behaviour("rhapsody", "ar-resend-stop", "piling-up")
def test_rhapsody_sends_again_after_ar_and_then_stops_the_point() -> None:
    engine = Engine("rhapsody")
    engine.north.arm({"use": "ack-negative", "with": {"code": "AR"}})
    engine.send("M1")
    engine.site.clock.advance(3600)
    assert engine.arrived() == ["M1"] * 3
    assert engine.link.stopped
    engine.send("M2")
    engine.send("M3")
    assert (engine.arrived(), engine.link.waiting) == (["M1"] * 3, 3)
    engine.north.disarm("ack-negative")
    engine.site.links.resume(engine.link)
    assert engine.arrived() == ["M1"] * 4 + ["M2", "M3"]


@pytest.mark.behaviour("rhapsody", "ae-error-queue")
@pytest.mark.behaviour("cloverleaf", "ae-error-database")
@pytest.mark.parametrize("vendor", ["rhapsody", "cloverleaf"])
def test_ae_goes_to_the_error_queue_at_once(vendor: str) -> None:
    engine = Engine(vendor)
    engine.north.arm({"use": "ack-negative", "with": {"code": "AE"}})
    engine.send("M1")
    engine.site.clock.advance(3600)
    assert (engine.arrived(), engine.parked(), engine.link.stopped) == (["M1"], ["M1"], "")


@pytest.mark.behaviour("rhapsody", "unknown-error-queue")
@pytest.mark.behaviour("cloverleaf", "unreadable-as-ae")
@pytest.mark.parametrize("vendor", ["rhapsody", "cloverleaf"])
def test_an_answer_that_cannot_be_read_goes_to_the_error_queue(vendor: str) -> None:
    engine = Engine(vendor)
    engine.north.arm({"use": "ack-malformed", "with": {"form": "words"}})
    engine.send("M1")
    engine.site.clock.advance(3600)
    assert (engine.arrived(), engine.parked()) == (["M1"], ["M1"])


@pytest.mark.behaviour("rhapsody", "silence-resend")
def test_rhapsody_sends_again_what_was_not_answered_after_waits_that_grow() -> None:
    engine = Engine("rhapsody")
    engine.north.arm({"use": "ack-missing"})
    engine.send("M1")
    patience = engine.site.dialect.sending.timeout
    engine.site.clock.advance(patience + 5)
    assert engine.arrived() == ["M1"] * 2
    engine.site.clock.advance(patience + 9)
    assert engine.arrived() == ["M1"] * 2
    engine.site.clock.advance(1)
    assert engine.arrived() == ["M1"] * 3
    assert engine.site.dialect.sending.waits == (5.0, 10.0, 20.0, 40.0, 80.0, 100.0)


@pytest.mark.behaviour("cloverleaf", "ar-three-times")
def test_cloverleaf_sends_again_three_times_at_once_after_ar() -> None:
    engine = Engine("cloverleaf")
    engine.north.arm({"use": "ack-negative", "with": {"code": "AR"}})
    engine.send("M1")
    engine.site.clock.advance(0)
    assert engine.arrived() == ["M1"] * 4
    assert (engine.parked(), engine.link.stopped) == (["M1"], "")


@pytest.mark.behaviour("cloverleaf", "silence-resend")
def test_cloverleaf_sends_the_saved_message_again() -> None:
    engine = Engine("cloverleaf")
    engine.north.arm({"use": "ack-missing", "when": {"first": 1}})
    engine.send("M1")
    assert engine.arrived() == ["M1"]
    engine.site.clock.advance(engine.site.dialect.sending.timeout)
    assert engine.arrived() == ["M1", "M1"]


@pytest.mark.behaviour("cloverleaf", "second-segment")
def test_cloverleaf_takes_the_second_segment_for_msa() -> None:
    ack = b"MSH|^~\\&|A|B|C|D|1||ACK|1|P|2.5\rSFT|x|y\rMSA|AA|M1\r"
    assert read_answer(ack, "second") == ("x", b"y")
    assert read_answer(ack, "msa") == ("AA", b"M1")
    assert Engine("cloverleaf").site.personality.settings["front"]["reads"] == "second"
    assert read_answer(b"ACK", "second") == ("", b"")


@pytest.mark.parametrize(
    ("vendor", "line", "code"),
    [
        ("mirth", b"MSA|AAx|M1", "AA"),
        ("rhapsody", b"MSA|AAx|M1", "AAx"),
        ("cloverleaf", b"ZZZ|AA|M1", "AA"),
        ("rhapsody", b"ZZZ|AA|M1", ""),
    ],
)
def test_an_answer_is_read_in_the_engines_way(
    vendor: str, line: bytes, code: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    ack = b"MSH|^~\\&|A|B|C|D|1||ACK|1|P|2.5\r" + line + b"\r"
    monkeypatch.setattr(interposing, "_heard", lambda handed: (ack, 0.0, None))
    engine = Engine(vendor)
    engine.send("M1")
    (sent,) = [one for one in engine.site.journal if one.channel == "mllp-out"]
    assert sent.notes["ack"] == code
    assert engine.link.status()["acknowledged"] == (1 if code == "AA" else 0)


def test_messages_wait_for_a_site_behind_that_is_gone_and_go_when_it_is_back() -> None:
    engine = Engine("mirth")
    engine.directory.remove("north")
    engine.send("M1")
    engine.send("M2")
    assert engine.link.waiting == 2
    engine.north = engine.directory.add(build_site(SiteOptions("north", stepped=True)))
    engine.site.clock.advance(10)
    assert engine.arrived() == ["M1", "M2"]


def test_why_nothing_was_answered_is_told_as_it_was() -> None:
    engine = Engine("mirth")
    engine.site.arm({"use": "link-cut"})
    engine.send("M1")
    engine.site.disarm("link-cut")
    engine.directory.remove("north")
    engine.site.clock.advance(10)
    failures = [one.notes["failure"] for one in engine.site.journal if one.channel == "mllp-out"]
    assert failures == ["the connection was lost", "the site behind is gone"]


def test_an_engine_that_goes_takes_its_link_at_the_site_behind_along() -> None:
    engine = Engine("mirth")
    assert "hub" in engine.north.links.links
    engine.directory.remove("hub")
    assert engine.north.links.links == {}
    engine.north.store.commit(PATIENT, kind="create", source="control")


def test_a_reset_ends_what_is_waited_for_and_the_engine_goes_on() -> None:
    engine = Engine("mirth")
    engine.north.arm({"use": "ack-missing"})
    engine.send("M1")
    engine.site.reset()
    engine.north.disarm("ack-missing")
    engine.send("M2")
    assert engine.arrived() == ["M1", "M2"]
    engine.north.reset()
    engine.send("M3")
    assert engine.arrived() == ["M3"]


def test_duplicates_on_the_engines_wire_arrive_twice() -> None:
    engine = Engine("mirth")
    engine.site.arm({"use": "duplicate-message"})
    engine.send("M1")
    assert engine.arrived() == ["M1", "M1"]
