"""Drugs ordered, dispensed and given, as they come in, and what answers them."""

from dataclasses import replace
from typing import Any

import pytest
from hl7apy.consts import VALIDATION_LEVEL
from hl7apy.parser import parse_message

from mockehr.core.exchange import Exchange
from mockehr.hl7.accept import accept
from mockehr.hl7.accept.intents import Accepted, Context, Known, Upsert
from mockehr.hl7.faults import Rejection
from mockehr.hl7.message import Message
from mockehr.sites.build import build_site
from mockehr.sites.options import SiteOptions
from mockehr.sites.site import Site

AT = 1_767_614_400.0
PID = "PID|1||42^^^HOSP^MR||Doe^John||19800229|M"
ORC = "ORC|NW|RX7^EHR|PH9^PHARM||||||20260105110000|||1111111111^Grey^Ada^^^^^^NPI^^^^NPI"
RXE = (
    "RXE||860975^metformin 500 MG^RXNORM^00591046001^Metformin^NDC|1|2|{tbl}^tablet^UCUM||^one or two by mouth|||180"
    "|{tbl}^tablet^UCUM|3|||RX-55||||||^shake well||||||E11.9^Diabetes^I10C"
)
TQ1 = "TQ1|1||BID~PRN|||10^d&day&UCUM|20260105||R"
RXR = "RXR|PO^Oral^HL70162"
RXD = "RXD|2|860975^metformin 500 MG^RXNORM|20260106090000|30|{tbl}^tablet^UCUM||RX-55|2|counselled|D2^Roe"
RXA = "RXA|0|1|20260106090000|20260106093000|860975^metformin^RXNORM|500|mg^mg^UCUM||^ok|N1^Jackie"


def text(kind: str, *segments: str, number: str = "M1", version: str = "2.5.1") -> bytes:
    head = f"MSH|^~\\&|PHARM|H1|EHR|H2|20260105115959||{kind}|{number}|P|{version}"
    return "\r".join([head, *segments, ""]).encode()


def take(kind: str, *segments: str) -> Accepted:
    return accept(Message(text(kind, *segments)), Context(AT))


def made(kind: str, *segments: str) -> list[dict[str, Any]]:
    return [
        one.resource
        for one in take(kind, *segments).intents
        if isinstance(one, Upsert) and one.creates and one.resource_type.startswith("Medication")
    ]


def test_an_order_asks_for_a_medication_request() -> None:
    accepted = take("RDE^O11", PID, ORC, RXE, "NTE|1||with food", TQ1, RXR)
    assert (accepted.event, accepted.subject) == ("RDE^O11", "MedicationRequest")
    order = accepted.intents[-1].resource
    assert order["status"] == "active"
    assert [one["value"] for one in order["identifier"]] == ["RX7", "PH9", "RX-55"]
    assert [one["code"] for one in order["medicationCodeableConcept"]["coding"]] == ["860975", "00591046001"]
    assert order["authoredOn"] == "2026-01-05T11:00:00Z"
    assert order["requester"]["identifier"]["value"] == "1111111111"
    assert order["reasonCode"][0]["coding"][0]["code"] == "E11.9"
    assert order["dispenseRequest"]["numberOfRepeatsAllowed"] == 3
    assert order["dispenseRequest"]["quantity"]["value"] == 180
    assert [note["text"] for note in order["note"]] == ["shake well", "with food"]
    (dosage,) = order["dosageInstruction"]
    assert dosage["text"] == "one or two by mouth"
    assert dosage["asNeededBoolean"] is True
    assert dosage["doseAndRate"][0]["doseRange"]["high"]["value"] == 2
    assert dosage["route"]["coding"][0]["code"] == "PO"
    assert dosage["timing"]["repeat"] == {
        "frequency": 2, "period": 1, "periodUnit": "d", "boundsPeriod": {"start": "2026-01-05"},
    }  # fmt: skip


@pytest.mark.parametrize(
    ("pattern", "repeat"),
    [
        ("QD", {"frequency": 1, "period": 1, "periodUnit": "d"}),
        ("Q8H", {"frequency": 1, "period": 8, "periodUnit": "h"}),
        ("5ID", {"frequency": 5, "period": 1, "periodUnit": "d"}),
        ("QOD", {"frequency": 1, "period": 2, "periodUnit": "d"}),
        ("QHS", {"frequency": 1, "period": 1, "periodUnit": "d", "when": ["HS"]}),
        ("Q2W", {"frequency": 1, "period": 2, "periodUnit": "wk"}),
        ("with meals", None),
    ],
)
def test_a_repeat_pattern_is_understood_or_kept_as_words(pattern: str, repeat: dict[str, Any] | None) -> None:
    for timing in ((f"TQ1|1||{pattern}",), ()):
        orc = ORC if timing else ORC.replace("||||||2026", f"||||1^{pattern}||2026")
        (order,) = made("RDE^O11", PID, orc, RXE, *timing)
        told = order["dosageInstruction"][0]["timing"]
        assert told["code"]["text"] == pattern
        assert told.get("repeat") == repeat


@pytest.mark.parametrize(
    ("control", "status", "wanted"),
    [
        ("NW", "", "active"),
        ("CA", "", "cancelled"),
        ("DC", "", "stopped"),
        ("HD", "", "on-hold"),
        ("RL", "", "active"),
        ("SC", "CM", "completed"),
        ("RE", "HD", "on-hold"),
    ],
)
def test_order_control_and_status_say_what_became_of_it(control: str, status: str, wanted: str) -> None:
    (order,) = made("RDE^O11", PID, f"ORC|{control}|RX7^EHR|||{status}", RXE)
    assert order["status"] == wanted


def test_a_status_that_is_not_told_is_left() -> None:
    accepted = take("RDE^O11", PID, "ORC|RE|RX7^EHR", RXE)
    assert "status" not in accepted.intents[-1].resource
    assert accepted.intents[-1].defaults == {"status": "active"}


def test_an_order_to_stop_must_be_known() -> None:
    known = next(one for one in take("RDE^O11", PID, "ORC|DC|RX7^EHR", RXE).intents if isinstance(one, Known))
    assert (known.fault.code, known.fault.place) == (204, "ORC-2")
    assert not [one for one in take("RDE^O11", PID, ORC, RXE).intents if isinstance(one, Known)]


def test_a_dispense_is_of_its_order() -> None:
    dispense = made("RDS^O13", PID, ORC, RXD, "NTE|1||first fill", RXR)[-1]
    assert dispense["status"] == "completed"
    assert dispense["whenHandedOver"] == "2026-01-06T09:00:00Z"
    assert dispense["quantity"]["value"] == 30
    assert dispense["performer"][0]["actor"]["identifier"]["value"] == "D2"
    assert dispense["identifier"][0]["value"] == "RX7:2"
    assert dispense["authorizingPrescription"][0]["identifier"]["value"] == "RX7"
    assert [note["text"] for note in dispense["note"]] == ["counselled", "first fill"]
    coding = {"code": "PO", "system": "http://terminology.hl7.org/CodeSystem/v2-0162", "display": "Oral"}
    assert dispense["dosageInstruction"] == [{"route": {"coding": [coding], "text": "Oral"}}]


def test_several_administrations_of_one_order_are_several() -> None:
    second = RXA.replace("|0|1|", "|0|2|").replace("20260106090000|20260106093000", "20260106170000|20260106170000")
    first, other = made("RAS^O17", PID, ORC, RXA, second, RXR)
    assert first["effectivePeriod"] == {"start": "2026-01-06T09:00:00Z", "end": "2026-01-06T09:30:00Z"}
    assert other["effectiveDateTime"] == "2026-01-06T17:00:00Z"
    assert first["identifier"] != other["identifier"]
    assert [one["dosage"]["route"]["coding"][0]["code"] for one in (first, other)] == ["PO", "PO"]
    assert first["note"] == [{"text": "ok"}]
    assert first["request"]["identifier"]["value"] == "RX7"


@pytest.mark.parametrize(
    ("completion", "status"), [("CP", "completed"), ("PA", "stopped"), ("RE", "not-done"), ("NA", "not-done")]
)
def test_the_completion_status_says_whether_it_was_given(completion: str, status: str) -> None:
    rxa = "|".join([*RXA.split("|"), *[""] * 7, "00^Nausea^L", "", completion])
    (given,) = made("RAS^O17", PID, ORC, rxa, RXR)
    assert given["status"] == status
    assert given["statusReason"][0]["coding"][0]["code"] == "00"


def test_a_dose_that_is_not_known_is_left_out_and_its_route_with_it() -> None:
    (given,) = made("RAS^O17", PID, ORC, RXA.replace("|500|", "|999|"), RXR)
    assert "dosage" not in given


@pytest.mark.parametrize(
    ("kind", "segments", "code", "place"),
    [
        ("RDE^O11", (ORC, RXE), 100, "PID"),
        ("RDE^O11", (PID, ORC), 100, "RXE"),
        ("RDE^O11", (PID, ORC, "RXE||"), 101, "RXE-2"),
        ("RDE^O11", (PID, ORC, RXE.replace("|1|2|", "|one|2|")), 102, "RXE-3"),
        ("RDE^O11", (PID, ORC, RXE, "TQ1|1||||||soon"), 102, "TQ1-7"),
        ("RDS^O13", (PID, ORC), 100, "RXD"),
        ("RAS^O17", (PID, ORC, RXA.replace("|20260106090000|", "||")), 101, "RXA-3"),
        ("RAS^O17", (PID, ORC, RXA + "|" * 10 + "XX"), 103, "RXA-20"),
    ],
)
def test_what_cannot_be_applied_is_refused_with_its_place(
    kind: str, segments: tuple[str, ...], code: int, place: str
) -> None:
    with pytest.raises(Rejection) as caught:
        take(kind, *segments)
    assert (caught.value.faults[0].code, caught.value.faults[0].place) == (code, place)


@pytest.fixture
def site() -> Site:
    return build_site(SiteOptions("north", patients=5, stepped=True, open_access=True))


def send(site: Site, kind: str, *segments: str, **rest: Any) -> Message:
    return Message(site.handle(Exchange("mllp-in", body=text(kind, *segments, **rest))).reply.body)


def stored(site: Site, kind: str) -> list[dict[str, Any]]:
    ids = dict.fromkeys(one.id for one in site.log.changes if one.resource_type == kind)
    return [site.store.read(kind, id).document for id in ids]


def test_an_order_is_dispensed_given_and_stopped_under_its_number(site: Site) -> None:
    assert send(site, "RDE^O11", PID, ORC, RXE, TQ1, RXR).get("MSA-1") == "AA"
    assert send(site, "RDS^O13", PID, ORC, RXD, RXR, number="M2").get("MSA-1") == "AA"
    assert send(site, "RAS^O17", PID, ORC, RXA, RXR, number="M3").get("MSA-1") == "AA"
    assert send(site, "RAS^O17", PID, ORC, RXA, RXR, number="M4").get("MSA-1") == "AA"
    (order,) = stored(site, "MedicationRequest")
    name = {"reference": f"MedicationRequest/{order['id']}"}
    assert [one["authorizingPrescription"][0]["reference"] for one in stored(site, "MedicationDispense")] == [
        name["reference"]
    ]
    assert [one["request"]["reference"] for one in stored(site, "MedicationAdministration")] == [name["reference"]]
    assert send(site, "RDE^O11", PID, ORC.replace("NW", "DC"), RXE, number="M5").get("MSA-1") == "AA"
    (order,) = stored(site, "MedicationRequest")
    assert order["status"] == "stopped"
    assert [one.version for one in site.log.changes if one.resource_type == "MedicationRequest"] == [1, 2]


def test_what_is_done_for_an_order_that_nobody_knows_is_kept_with_its_number(site: Site) -> None:
    assert send(site, "RAS^O17", PID, ORC, RXA, RXR).get("MSA-1") == "AA"
    (given,) = stored(site, "MedicationAdministration")
    assert "reference" not in given["request"]
    assert given["request"]["identifier"]["value"] == "RX7"


def test_an_order_that_is_not_known_cannot_be_stopped(site: Site) -> None:
    answer = send(site, "RDE^O11", PID, "ORC|DC|RX8^EHR", RXE)
    assert (answer.get("MSA-1"), answer.get("ERR-3.1")) == ("AE", "204")
    assert answer.get("ORC-1") == "UD"
    assert stored(site, "MedicationRequest") == []


@pytest.mark.parametrize("version", ["2.3.1", "2.4", "2.5.1", "2.6"])
@pytest.mark.parametrize(
    ("kind", "segments", "reply"),
    [
        ("RDE^{}", (RXE, RXR), ("RRE^O02", "RRE^O12^RRE_O12")),
        ("RDS^{}", (RXD, RXR), ("RRD^O02", "RRD^O14^RRD_O14")),
        ("RAS^{}", (RXA, RXR), ("RRA^O02", "RRA^O18^RRA_O18")),
    ],
)
def test_the_reply_of_the_family_passes_a_strict_reader(
    site: Site, version: str, kind: str, segments: tuple[str, ...], reply: tuple[str, str]
) -> None:
    modern = version >= "2.4"
    trigger = {"RDE^{}": "O11", "RDS^{}": "O13", "RAS^{}": "O17"}[kind] if modern else "O01"
    answer = send(site, kind.format(trigger), PID, "ORC|NW|RX7^EHR", *segments, version=version)
    assert answer.get("MSH-9") == reply[modern]
    assert answer.get("MSA-1") == "AA"
    assert (answer.get("ORC-1"), answer.get("ORC-2")) == ("OK", "RX7^EHR")
    assert answer.get("ORC-3").endswith("^HOSPITAL")
    assert parse_message(bytes(answer).decode(), validation_level=VALIDATION_LEVEL.STRICT).validate()


def test_a_site_that_only_acknowledges_sends_an_ack(site: Site) -> None:
    site.dialect = replace(site.dialect, order_reply="ack")
    answer = send(site, "RDE^O11", PID, ORC, RXE)
    assert answer.get("MSH-9") == "ACK^O11^ACK"
    assert [segment.id for segment in answer.segments if segment.id] == ["MSH", "MSA"]
