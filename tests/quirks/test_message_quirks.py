"""Quirks of what HL7 messages say: each changes what it is about, says so, and leaves the rest alone."""

from __future__ import annotations

from typing import Any

import pytest

from mockehr.core.exchange import Exchange
from mockehr.hl7.charset import choose
from mockehr.hl7.message import Message
from mockehr.quirks.rule import quirks, rule_from
from mockehr.sites.build import build_site
from mockehr.sites.links import Link
from mockehr.sites.options import SiteOptions
from mockehr.sites.site import Site

SUBJECT = {"reference": "Patient/a"}
PATIENT = {
    "resourceType": "Patient",
    "id": "a",
    "identifier": [{"system": "urn:oid:1.2.3", "value": "00042"}, {"system": "urn:oid:1.2.4", "value": "E7"}],
    "name": [{"family": "Müller", "given": ["Zoë"]}],
    "birthDate": "1980-03-04",
    "gender": "female",
}
RESULTS: list[dict[str, Any]] = [
    {"code": "2345-7", "text": "Glucose", "valueQuantity": {"value": 5.1, "unit": "mg/dL"}},
    {"code": "8251-1", "text": "Comment", "valueString": "Salt & pepper\n\nsecond"},
]
KINDS = {"ADT^A28", "ORU^R01"}


def world(use: str = "", **settings: Any) -> tuple[Site, Link]:
    site = build_site(SiteOptions("a", stepped=True, open_access=True))
    feed = site.links.add(Link("lab", "127.0.0.1", 1))
    if use:
        site.arm({"use": use, "with": settings})
    return site, feed


def told(site: Site, feed: Link) -> list[Exchange]:
    """A person and a report of two results, and the messages that tell of them."""
    write(site, PATIENT)
    references = []
    for number, result in enumerate(RESULTS):
        coding = {"system": "http://loinc.org", "code": result["code"], "display": result["text"]}
        value = {name: one for name, one in result.items() if name.startswith("value")}
        document = {"resourceType": "Observation", "id": f"o{number}", "status": "final", "subject": SUBJECT, **value}
        write(site, {**document, "code": {"coding": [coding]}})
        references.append({"reference": f"Observation/o{number}"})
    report = {
        "resourceType": "DiagnosticReport",
        "id": "r",
        "status": "final",
        "subject": SUBJECT,
        "result": references,
    }
    write(site, {**report, "code": {"text": "Panel"}, "effectiveDateTime": "2026-01-05T11:00:00Z"})
    return [exchange for exchange in feed.ready if exchange.interaction and exchange.interaction.name in KINDS]


def write(site: Site, document: dict[str, Any], kind: Any = "create") -> None:
    site.store.commit(document, kind=kind, source="control")


def bodies(use: str = "", **settings: Any) -> tuple[bytes, bytes]:
    """The admission and the report."""
    person, report = told(*world(use, **settings))
    return person.body, report.body


CASES: list[tuple[str, dict[str, Any], int, bytes]] = [
    ("segment-ends", {"form": "lf"}, 0, b"\nPID|1|"),
    ("segment-ends", {"form": "crlf"}, 0, b"\r\nPID|1|"),
    ("segment-ends", {"form": "blank"}, 0, b"\r\rPID|1|"),
    ("segment-ends", {"form": "bare"}, 0, b"\rPV2\r"),
    ("wrong-charset", {}, 0, b"M\xfcller"),
    ("wrong-charset", {"declared": ""}, 0, b"|P|2.5.1||||||\rEVN"),
    ("wrong-charset", {"sent": "8859/1", "declared": "ASCII", "mark": True}, 0, b"\xef\xbb\xbfMSH|"),
    ("odd-delimiters", {}, 0, b"MSH$*~\\@$MOCKEHR$"),
    ("odd-delimiters", {"delimiters": "|^~\\&#"}, 0, b"MSH|^~\\&#|MOCKEHR|"),
    ("escape-variants", {"form": "raw"}, 1, b"Salt & pepper"),
    ("escape-variants", {"form": "hex"}, 1, b"\\X00d\\"),
    ("escape-variants", {"form": "doubled"}, 1, b"\\E\\T\\E\\"),
    ("escape-variants", {"form": "lone"}, 1, b"BSV 4\\5 re."),
    ("escape-variants", {"form": "entities"}, 1, b"Salt &amp; pepper"),
    ("z-segments", {}, 0, b"\rZ01|1|A&B^C\r"),
    ("z-segments", {}, 0, b"\rCON|1|"),
    ("z-segments", {"after": "OBX", "segments": ["ZZZ|1"], "unknown_standard": False}, 1, b"\rZZZ|1\rOBX|2|"),
    ("local-codes", {}, 1, b"|GLUCOS^Glucose^L|"),
    ("local-codes", {}, 1, b"|5.1|MGDL|"),
    ("local-codes", {"form": "local-first"}, 1, b"|GLUCOS^Glucose^L^2345-7^Glucose^LN|"),
    ("local-codes", {"form": "text-only", "units": False}, 1, b"|^Glucose||5.1|mg/dL|"),
    ("local-codes", {"form": "empty"}, 1, b"OBX|1|NM|||5.1|"),
    ("wrong-types", {}, 1, b"OBX|1|NM|2345-7^Glucose^LN||<5.1|"),
    ("wrong-types", {"form": "missing"}, 1, b"OBX|1||2345-7^Glucose^LN||5.1|"),
    ("wrong-types", {"form": "unknown"}, 1, b"OBX|1|String|"),
    ("wrong-types", {"form": "words"}, 1, b"|5.1 H|"),
    ("wrong-types", {"form": "comma"}, 1, b"|5,1|"),
    ("wrong-types", {"form": "zeros"}, 1, b"|005.1|"),
    ("wrong-types", {"form": "structured"}, 1, b"OBX|1|SN|2345-7^Glucose^LN||<5.1|"),
    ("explicit-nulls", {}, 0, b'PID|1|""|'),
    ("explicit-nulls", {"blank": True, "last": 2}, 0, b"PID|1| |"),
    ("odd-header", {}, 0, b"|ADT^A28^ADT_A28|"),
    ("odd-header", {"kind": "no-structure", "version": "2.9", "processing_id": "T"}, 0, b"|ADT^A28|1|T|2.9|"),
    ("odd-header", {"kind": "custom-event", "application": "HOSP"}, 0, b"MSH|^~\\&|HOSP|"),
    ("reused-control-id", {}, 0, b"|11D0000000|"),
    ("reused-control-id", {"form": "previous"}, 1, b"|ORU^R01^ORU_R01|1|"),
    ("reused-control-id", {"form": "empty"}, 0, b"|ADT^A28^ADT_A05||P|"),
    ("reused-control-id", {"form": "minute"}, 0, b"|202601051200|P|"),
    ("odd-dates", {}, 0, b"|19800304000000-0500|"),
    ("odd-dates", {"form": "year-only"}, 0, b"|1980|"),
    ("odd-dates", {"form": "zero"}, 0, b"|00000000|"),
    ("odd-dates", {"form": "nines"}, 0, b"|99991231|"),
    ("odd-dates", {"form": "iso"}, 0, b"|1980-03-04|"),
    ("odd-dates", {"form": "american"}, 0, b"|03/04/1980|"),
    ("odd-dates", {"form": "degree"}, 0, b"|19800304^D|"),
    ("odd-dates", {"form": "fraction"}, 1, b"|20260105110000.920350|"),
    ("odd-dates", {"form": "split"}, 1, b"|20260105^110000|"),
    ("odd-dates", {"form": "future"}, 0, b"|20260105130000||ADT"),
    ("identifier-layout", {}, 0, b"|E7^^^&1.2.4&ISO^MR~00042^"),
    ("identifier-layout", {"form": "no-authority"}, 0, b"|00042^^^^MR~E7^^^^MR|"),
    ("identifier-layout", {"form": "no-type"}, 0, b"|00042^^^&1.2.3&ISO^~"),
    ("identifier-layout", {"form": "legacy"}, 0, b"PID|1|00042|E7^"),
    ("identifier-layout", {"form": "null-first"}, 0, b'|""^^^NLMIN^PPN~00042^'),
    ("identifier-layout", {"form": "zeros-lost"}, 0, b"|42^^^"),
    ("identifier-layout", {"form": "dashed"}, 0, b"|000-42^^^"),
    ("name-forms", {}, 0, "|^^^^^^L~Müller^Zoë".encode()),
    ("name-forms", {"form": "family-only"}, 0, "|Müller|".encode()),
    ("name-forms", {"form": "suffix-swapped"}, 0, "|Müller^Zoë^^^III^".encode()),
    ("name-forms", {"form": "subcomponents"}, 0, "|van Müller&van&Müller^Zoë".encode()),
    ("name-forms", {"form": "full-sex"}, 0, b"|Female\r"),
    ("result-status", {}, 1, b"|P\r"),
    ("result-status", {"form": "withdrawn"}, 1, b"|||||D\rOBX"),
    ("result-status", {"form": "preliminary"}, 1, b"|||||P\rOBX"),
    ("report-lines", {}, 1, b"OBX|2|TX|8251-1^Comment^LN|2||||||"),
    ("report-lines", {"form": "no-code"}, 1, b"OBX|2|TX||3|second|"),
    ("report-lines", {"form": "repetitions"}, 1, b"pepper~~second|"),
    ("report-lines", {"form": "running-numbers"}, 1, b"\rOBX|42|"),
    ("long-document", {"kilobytes": 64}, 1, b"OBX|3|ED|PDF^Document^L||^application^pdf^Base64^JVBERi"),
    ("long-document", {"form": "bare", "kilobytes": 1}, 1, b"||^^^^JVBERi"),
    ("long-document", {"form": "wrapped", "kilobytes": 1}, 1, b"9iajw8L1R5\\.br\\cGUv"),
    ("long-document", {"form": "split", "kilobytes": 1}, 1, b"\rOBX|6|ED|"),
    ("long-document", {"form": "rtf", "kilobytes": 1}, 1, b"{\\rtf1\\ansi "),
    ("long-document", {"form": "separator", "kilobytes": 1}, 1, b"\x1c"),
    ("missing-segments", {"pseudo_visit": True}, 0, b"\rPV1||N\r"),
    ("missing-segments", {"segments": ["PID"], "reordered": True}, 0, b"N\rPID|1|"),
    ("odd-fields", {}, 0, b"PID| 1  |"),
    ("odd-fields", {"form": "shifted"}, 0, b"PID|1|00042^"),
    ("odd-fields", {"form": "overlong"}, 0, b"|" + b"A" * 300 + "Müller".encode()),
    ("odd-fields", {"form": "trailing"}, 0, b"|^^^^|||||\r"),
]


@pytest.mark.parametrize(("use", "settings", "which", "octets"), CASES)
def test_a_quirk_writes_what_it_says(use: str, settings: dict[str, Any], which: int, octets: bytes) -> None:
    clean, odd = bodies()[which], bodies(use, **settings)[which]
    assert octets in odd
    assert octets not in clean


@pytest.mark.parametrize(
    ("use", "settings", "gone"),
    [
        ("segment-ends", {"form": "no-last"}, b"\r"),
        ("missing-segments", {"segments": ["EVN"]}, b"\rEVN|"),
        ("missing-segments", {}, b"\rPV1|"),
    ],
)
def test_a_quirk_leaves_out_what_it_says(use: str, settings: dict[str, Any], gone: bytes) -> None:
    clean, odd = bodies()[0], bodies(use, **settings)[0]
    if gone == b"\r":
        assert clean.endswith(gone)
        assert not odd.endswith(gone)
    else:
        assert gone in clean
        assert gone not in odd


def test_every_message_quirk_is_shown_here() -> None:
    family = {name for name in quirks() if quirks().get(name).about.family == "message"}
    assert {use for use, *_ in CASES} == family


def test_results_are_said_again_in_the_next_message() -> None:
    site, feed = world("result-status", form="cumulative")
    told(site, feed)
    report = site.store.read("DiagnosticReport", "r")
    assert report is not None
    write(site, {**report.document, "conclusion": "again"}, "update")
    first, second = (one.body for one in feed.ready if one.interaction and one.interaction.name == "ORU^R01")
    assert (first.count(b"\rOBX|"), second.count(b"\rOBX|")) == (2, 4)


def test_a_decision_says_what_was_done_or_why_nothing_was() -> None:
    person, report = told(*world("wrong-types"))
    assert [(one.outcome, one.why) for one in person.decisions] == [("idle", "no number in it")]
    assert [(one.outcome, one.why) for one in report.decisions] == [("fired", "comparator in 1 results")]


def test_the_octets_of_a_wrong_charset_can_still_be_told() -> None:
    body = bodies("wrong-charset")[0]
    assert choose(body, "UNICODE UTF-8").codec == "cp1252"
    assert Message(body).get("PID-5.1") == "Müller"


def test_what_is_odd_but_whole_still_reads_the_same() -> None:
    for use, settings in (("segment-ends", {"form": "lf"}), ("odd-delimiters", {}), ("z-segments", {})):
        message = Message(bodies(use, **settings)[0])
        assert (message.get("PID-5.1"), message.get("PID-7")) == ("Müller", "19800304"), use


@pytest.mark.parametrize("name", ["lab", "l*"])
def test_a_rule_can_be_for_one_link(name: str) -> None:
    site, feed = world()
    other = site.links.add(Link("archive", "127.0.0.1", 2))
    site.arm({"use": "segment-ends", "where": {"link": name, "message": "ADT^*"}})
    told(site, feed)
    assert b"\nPID|" in feed.ready[0].body
    assert b"\n" not in feed.ready[1].body
    assert b"\nPID|" not in other.ready[0].body
    assert other.ready[0].decisions[0].why == f"link is archive, not {name}"


@pytest.mark.parametrize(
    ("use", "settings", "words"),
    [
        ("segment-ends", {"form": "cr"}, "it must be one of lf, crlf"),
        ("wrong-charset", {"sent": "klingon"}, "write a name of table 0211"),
        ("odd-delimiters", {"delimiters": "|^|^|"}, "five or six different signs"),
        ("long-document", {"kilobytes": 0}, "between 1 and 50000"),
        ("z-segments", {"segments": ["Z"]}, "write a segment such as"),
        ("name-forms", {"form": "legal-first"}, "did you mean legal-second"),
    ],
)
def test_a_setting_that_means_nothing_is_refused(use: str, settings: dict[str, Any], words: str) -> None:
    with pytest.raises(Exception, match="not set up right") as refused:
        rule_from({"use": use, "with": settings})
    assert words in str(refused.value)
