"""What a listener takes, what it does with what comes twice, what cannot be applied, and what is out of sequence."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from mockehr.core.errors import UnknownName, UsageError
from mockehr.core.exchange import Exchange
from mockehr.hl7.dialect import GENERIC
from mockehr.hl7.habits import AckHabit
from mockehr.sites.build import build_site
from mockehr.sites.inbox import Inbox
from mockehr.sites.listeners import Listener
from mockehr.sites.options import SiteOptions
from mockehr.sites.parking import KEPT, Parking
from mockehr.sites.reception import RETRY
from mockehr.sites.site import Site
from mockehr.sites.spool import NoSpool


def message(number: int = 1, kind: str = "ADT^A28", sequence: str = "", sender: str = "ADT1", **more: str) -> bytes:
    version, processing = more.get("version", "2.5.1"), more.get("processing", "P")
    head = (
        f"MSH|^~\\&|{sender}|WARD|MOCKEHR|HOSPITAL|20260105120000||{kind}|M{number}|{processing}|{version}|{sequence}"
    )
    return (
        f"{head}\rEVN|A28|20260105120000\rPID|1||9000{number}^^^WARD^MR||{more.get('name', 'Muster^Max')}\r".encode()
    )


def made(**settings: Any) -> Site:
    site = build_site(SiteOptions("a", stepped=True, open_access=True))
    site.listeners.declare(Listener(**settings))
    return site


def give(site: Site, body: bytes, path: str = "/", method: str = "SEND") -> Exchange:
    exchange = site.handle(Exchange("mllp-in", method, path, body=body))
    assert exchange.reply is not None
    return exchange


def msa(exchange: Exchange) -> list[str]:
    assert exchange.reply is not None
    line = next(one for one in exchange.reply.body.split(b"\r") if one.startswith(b"MSA"))
    return line.decode().split("|")[1:]


def fault(exchange: Exchange) -> str:
    assert exchange.reply is not None
    line = next(one for one in exchange.reply.body.decode().split("\r") if one.startswith("ERR"))
    return line.split("|")[3].split("^")[0]


@pytest.mark.parametrize(
    ("settings", "given", "code"),
    [
        ({"messages": ("SIU^*",)}, {}, "200"),
        ({"messages": ("ADT^A0*",)}, {}, "201"),
        ({"processing_ids": frozenset({"T"})}, {}, "202"),
        ({"versions": frozenset({"2.3", "2.4"})}, {}, "203"),
    ],
)
def test_what_a_listener_does_not_take_it_rejects(settings: dict[str, Any], given: Any, code: str) -> None:
    refused = give(made(**settings), message(**given))
    assert (msa(refused)[0], fault(refused)) == ("AR", code)
    taken = give(
        made(messages=("ADT^A*",), versions=frozenset({"2.5.1"}), processing_ids=frozenset({"P"})), message()
    )
    assert msa(taken)[0] == "AA"


def test_listeners_of_one_site_differ_by_name() -> None:
    site = made()
    site.listeners.declare(Listener(name="results", messages=("ORU^*",)))
    assert msa(give(site, message(), "/results"))[0] == "AR"
    assert msa(give(site, message(), "/elsewhere"))[0] == "AA"
    assert site.listeners.named("results").messages == ("ORU^*",)
    with pytest.raises(UnknownName):
        site.listeners.named("result")


def test_a_message_that_comes_again_gets_its_first_answer_and_is_not_applied_again() -> None:
    site = made(duplicates="repeat-ack")
    first = give(site, message())
    again = give(site, message(name="Other"))
    other = give(site, message(sender="ADT2"))
    assert again.reply is not None
    assert first.reply is not None
    assert again.reply.body == first.reply.body
    assert (again.changes, again.notes["repeats"]) == ((), first.number)
    assert "repeats" not in other.notes


def test_what_was_refused_may_come_again() -> None:
    site = made(duplicates="repeat-ack")
    assert msa(give(site, message(name="")))[0] == "AE"
    assert msa(give(site, message()))[0] == "AA"


@pytest.mark.parametrize(
    ("duplicates", "codes", "applied"), [("apply", ["AA", "AA"], 2), ("refuse", ["AA", "AE"], 1)]
)
def test_a_message_that_comes_again_is_applied_again_or_refused(
    duplicates: Any, codes: list[str], applied: int
) -> None:
    site = made(duplicates=duplicates)
    given = [give(site, message()), give(site, message(name="Other"))]
    assert [msa(one)[0] for one in given] == codes
    assert len(site.log.changes) == applied
    if duplicates == "refuse":
        assert fault(given[1]) == "205"


def test_no_more_answers_are_remembered_than_the_bound() -> None:
    inbox = Inbox(NoSpool(), kept=2)
    for key in "abc":
        inbox.remember(key, 1, ())
    assert (len(inbox), inbox.find("a")) == (2, None)
    assert inbox.find("c") is not None


def test_what_cannot_be_applied_is_parked_with_the_reason_and_can_be_tried_again() -> None:
    site = made(park=True, messages=("SIU^*",))
    refused = give(site, message())
    (parked,) = site.links.parking
    assert refused.notes["parked"] == parked.number
    told = parked.told()
    assert (told["way"], told["message"], told["control_id"], told["attempts"]) == ("in", "ADT^A28", "M1", 1)
    assert "not taken here" in told["reason"]
    give(site, message())
    assert (len(site.links.parking), parked.attempts) == (1, 2)
    give(site, message(2), method=RETRY)
    assert len(site.links.parking) == 1


def test_nothing_is_parked_unless_the_listener_says_so() -> None:
    site = made(messages=("SIU^*",))
    give(site, message())
    give(site, b"no HL7 at all")
    assert len(site.links.parking) == 0


def test_octets_that_are_no_message_are_parked_too() -> None:
    site = made(park=True)
    give(site, b"no HL7 at all")
    assert [one.kind for one in site.links.parking] == ["unknown"]


def test_the_error_queue_is_bounded_and_says_what_it_holds() -> None:
    parking = Parking(NoSpool())
    for number in range(KEPT + 1):
        parking.add("in", "", b"x", kind="", control_id=str(number), reason="", at=0.0)
    assert (len(parking), next(iter(parking)).number) == (KEPT, 2)
    with pytest.raises(UsageError):
        parking.get(1)


def test_a_counting_listener_takes_what_is_expected_and_nothing_else() -> None:
    site = made(sequence=True)
    started = give(site, message(1, sequence="0"))
    assert (msa(started), started.changes) == (["AA", "M1", "", "-1"], ())
    assert msa(give(site, message(2, sequence="7"))) == ["AA", "M2", "", "7"]
    assert msa(give(site, message(3, sequence="8")))[3] == "8"
    gap = give(site, message(5, sequence="10"))
    assert (msa(gap)[0], msa(gap)[3], gap.changes) == ("AE", "9", ())
    repeated = give(site, message(3, sequence="8"))
    assert (msa(repeated)[0], msa(repeated)[3], repeated.changes) == ("AA", "9", ())
    assert msa(give(site, message(6, sequence="0")))[3] == "9"
    assert msa(give(site, message(7, sequence="-1")))[3] == "-1"
    assert msa(give(site, message(8, sequence="100"))) == ["AA", "M8", "", "100"]
    assert msa(give(site, message(9, sequence="1", sender="ADT2")))[3] == "1"


def test_the_number_of_a_message_that_could_not_be_applied_is_still_expected() -> None:
    site = made(sequence=True)
    give(site, message(1, sequence="1"))
    assert msa(give(site, message(2, sequence="2", name="")))[0] == "AE"
    mended = give(site, message(2, sequence="2"))
    assert (msa(mended)[0], len(mended.changes)) == ("AA", 1)


def test_a_listener_acknowledges_in_its_own_way() -> None:
    habit = AckHabit(kind="plain", refuses_with="R")
    site = made(dialect=replace(GENERIC, ack=habit))
    refused = give(site, message(name=""))
    assert refused.reply is not None
    assert (msa(refused)[0], refused.reply.body.split(b"|")[8]) == ("AR", b"ACK")


def test_only_what_is_asked_for_is_to_be_opened() -> None:
    site = build_site(SiteOptions("a"))
    assert site.listeners.wanted() == []
    assert site.listeners.status() == []
    site.listeners.declare(Listener(name="adt", port=2575))
    assert [(one["listener"], one["port"]) for one in site.listeners.status()] == [("adt", None)]
    assert [one.port for one in build_site(SiteOptions("b", hl7_listen=2575)).listeners.wanted()] == [2575]
