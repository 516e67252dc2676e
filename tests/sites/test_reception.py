"""What a site answers to messages whose values nobody would send in earnest: an acknowledgement, always."""

from __future__ import annotations

import pytest

from mockehr.core.exchange import Exchange
from mockehr.hl7.message import Message
from mockehr.sites.build import build_site
from mockehr.sites.listeners import Listener
from mockehr.sites.options import SiteOptions
from mockehr.sites.reception import MOST_LINES
from mockehr.sites.site import Site

PID = "PID|1||7^^^WARD^MR||Muster^Erika||19800304|F"
NINES = "9" * 5000


def answer(site: Site, kind: str, *segments: str, number: str = "", path: str = "/") -> str:
    """MSA-1 of the reply."""
    head = f"MSH|^~\\&|A|B|C|D|20260105120000||{kind}|M1|P|2.5.1|{number}"
    body = "\r".join((head, *segments)).encode() + b"\r"
    exchange = site.handle(Exchange("mllp-in", "SEND", path, body=body))
    assert exchange.reply is not None
    return Message(exchange.reply.body).get("MSA-1")


def made() -> Site:
    site = build_site(SiteOptions("a", stepped=True, open_access=True))
    site.listeners.declare(Listener(name="counting", sequence=True))
    return site


@pytest.mark.parametrize("value", [NINES, "²", "٣", f"\\.sp{NINES}\\", "1e999", "-"])
@pytest.mark.parametrize(
    ("kind", "segment"),
    [
        ("ADT^A28", "IN1|1|P|C|Payer||||||||||||||||||{}"),
        ("ADT^A01", "PV1|1|I|||||||||||||||||V1^^^WARD^VN\rDG1|1||I21.4^Infarction^I10||||||||||||{}"),
        ("SIU^S12", "SCH|1^A|2^B||||||X|{}|M|^^{}^20260105120000"),
        ("SIU^S12", "SCH|1^A|2^B||||||X|20|M|^^^99991231235900^"),
        ("RDE^O11", "ORC|NW|1^A\rRXE|{}^Q{}H^D{}|1^Drug|{}||mg|||||{}|TAB|{}\rRXR|PO"),
        ("VXU^V04", "ORC|RE||1^A\rRXA|0|1|20260105||08^HepB^CVX|{}\rOBX|1|NM|30973-2^Dose^LN||{}||||||F"),
        ("ORU^R01", "OBR|1||F1^L|X^Y\rOBX|1|SN|a^b||^{}^-^{}|u|{}-{}||||F"),
    ],
)
def test_numbers_that_are_none_are_answered(kind: str, segment: str, value: str) -> None:
    assert answer(made(), kind, PID, segment.replace("{}", value)) in ("AA", "AE")


@pytest.mark.parametrize("zone", ["+9999", "-2400", "+1401", "+0060"])
def test_times_in_zones_that_are_none_are_refused(zone: str) -> None:
    assert answer(made(), "SIU^S12", PID, f"SCH|1^A|2^B||||||X|20|M|^^^20260105120000{zone}") == "AE"


@pytest.mark.parametrize("value", [NINES, "²"])
def test_a_query_with_odd_numbers_is_answered(value: str) -> None:
    asked = ("QPD|IHE PDQ Query|Q1|@PID.5.1^Muster", f"RCP|I|{value}^RD")
    assert answer(made(), "QBP^Q22", *asked) == "AA"
    assert answer(made(), "QBP^Q22", *asked, f"DSC|{value}") == "AE"


@pytest.mark.parametrize("number", [NINES, "--5", "²", "5-"])
def test_a_sequence_number_that_is_none_is_refused(number: str) -> None:
    assert answer(made(), "ADT^A28", PID, number=number, path="/counting") == "AE"


def test_an_expected_visit_that_is_told_again_without_a_time_is_taken() -> None:
    site = made()
    visit = "PV1|1|I|||||||||||||||||V1^^^WARD^VN"
    assert answer(site, "ADT^A02", PID, visit) == "AA"
    assert answer(site, "ADT^A14", PID, visit) == "AA"


def test_a_flood_of_segment_ends_is_refused_before_it_is_taken_apart() -> None:
    site = made()
    assert answer(site, "ADT^A28", PID, "\r" * 1000) == "AA"
    assert answer(site, "ADT^A28", PID, "\r" * MOST_LINES) == "AR"
