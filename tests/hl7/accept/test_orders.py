"""Orders that come in: what each order control does to which order, and how a site answers."""

from dataclasses import replace
from typing import Any

import pytest
from hl7apy.consts import VALIDATION_LEVEL
from hl7apy.parser import parse_message, parse_segments

from mockehr.core.exchange import Exchange
from mockehr.fhir.validate import validate_document
from mockehr.hl7.accept import accept
from mockehr.hl7.accept.intents import Accepted, Context, Key, Known, Upsert
from mockehr.hl7.dialect import GENERIC, Dialect
from mockehr.hl7.faults import Rejection
from mockehr.hl7.message import Message
from mockehr.sites.build import build_site
from mockehr.sites.options import SiteOptions
from mockehr.sites.site import Site

AT = 1_767_614_400.0
AUTHORITY = "http://example.org/authority/"
PID = "PID|1||42^^^HOSP^MR||Doe^John||19800229|M"
PV1 = "PV1|1|I|5W||||||||||||||||V7^^^HOSP^VN"
OBR = "OBR|1|P1^EHR||24323-8^CMP^LN"
PLAIN = replace(GENERIC, order_reply="ack")


def raw(*segments: str, kind: str = "ORM^O01", version: str = "2.5.1", number: int = 1) -> bytes:
    head = f"MSH|^~\\&|EHR|H1|LAB|H2|20260105115959||{kind}|M{number}|P|{version}"
    return "\r".join([head, *segments, ""]).encode()


def take(*segments: str, kind: str = "ORM^O01", dialect: Dialect = PLAIN) -> Accepted:
    return accept(Message(raw(*segments, kind=kind)), Context(AT, dialect))


def upserts(accepted: Accepted, resource_type: str = "ServiceRequest") -> list[Upsert]:
    return [one for one in accepted.intents if isinstance(one, Upsert) and one.resource_type == resource_type]


def order(*segments: str, kind: str = "ORM^O01") -> dict[str, Any]:
    return upserts(take(*segments, kind=kind))[-1].resource


class Hospital:
    """A site that takes orders."""

    def __init__(self, reply: str = "orr") -> None:
        self.site: Site = build_site(SiteOptions("one", stepped=True, open_access=True))
        self.site.dialect = replace(self.site.dialect, order_reply=reply)  # type: ignore[arg-type]
        self.sent = 0

    def send(self, *segments: str, kind: str = "ORM^O01", version: str = "2.5.1") -> Message:
        """The reply to a message."""
        self.sent += 1
        body = raw(*segments, kind=kind, version=version, number=self.sent)
        exchange = Exchange("mllp-in", "SEND", "/", body=body)
        self.site.handle(exchange)
        assert exchange.reply is not None
        return Message(exchange.reply.body)

    def all(self, resource_type: str) -> list[dict[str, Any]]:
        """What was written of a type, valid or the test fails."""
        found = [record.document for record in self.site.store.overlay(resource_type)]
        for document in found:
            assert [issue for issue in validate_document(document) if issue.severity == "error"] == []
        return found

    def statuses(self) -> list[str]:
        """Of all orders."""
        return [one["status"] for one in self.all("ServiceRequest")]


def test_an_order_says_what_when_by_whom_why_and_how_urgently() -> None:
    found = order(
        PID, PV1, "ORC|NW|P1^EHR||G1^EHR|||^^^20260106080000^^S||20260105110000|||99^Grey^Ada",
        "OBR|1|P1^EHR||24323-8^CMP^LN|||||||||fasting|||||||||||LAB|||||||I10^Hypertension^I10C",
        "NTE|1||please~soon", "DG1|1||I10^Hypertension^I10C", "DG1|2|||Ankle pain",
    )  # fmt: skip
    assert found["identifier"][0]["value"] == "P1"
    assert found["requisition"]["value"] == "G1"
    assert (found["status"], found["intent"], found["priority"]) == ("active", "order", "stat")
    assert (found["authoredOn"], found["occurrenceDateTime"]) == ("2026-01-05T11:00:00Z", "2026-01-06T08:00:00Z")
    assert found["requester"]["display"] == "Grey, Ada"
    assert [reason["text"] for reason in found["reasonCode"]] == ["Hypertension", "Ankle pain"]
    assert [note["text"] for note in found["note"]] == ["fasting", "please\nsoon"]
    assert found["category"][0]["coding"][0]["code"] == "LAB"
    assert found["encounter"] == {"reference": "urn:mockehr:intent:encounter"}


def test_timing_comes_from_tq1_where_there_is_one() -> None:
    found = order(PID, "ORC|NW|P1", "TQ1|1||||||20260107||A^As soon as possible", OBR, kind="OML^O21")
    assert (found["occurrenceDateTime"], found["priority"]) == ("2026-01-07", "asap")


def test_questions_asked_at_order_entry_need_no_status() -> None:
    accepted = take(PID, "ORC|NW|P1", OBR, "OBX|1|ST|FAST^Fasting^L||yes")
    (answer,) = upserts(accepted, "Observation")
    assert (answer.resource["status"], answer.resource["valueString"]) == ("final", "yes")
    assert upserts(accepted)[-1].resource["supportingInfo"] == [{"reference": "urn:mockehr:intent:order-1-answer-1"}]


@pytest.mark.parametrize("part", ["SPM|1|S1&EHR||BLD^Blood^L", "OBR-15"])
def test_a_specimen_belongs_to_its_order(part: str) -> None:
    obr = OBR + "|||||||||||BLD&Blood&L" if part == "OBR-15" else OBR
    accepted = take(PID, "ORC|NW|P1", obr, *([part] if part != "OBR-15" else []), kind="OML^O21")
    (specimen,) = upserts(accepted, "Specimen")
    assert specimen.resource["type"]["text"] == "Blood"
    (request,) = upserts(accepted)
    assert request.resource["specimen"] == [{"reference": f"urn:mockehr:intent:{specimen.key}"}]


def test_earlier_results_in_an_order_are_no_orders() -> None:
    accepted = take(
        PID, "ORC|NW|P1", OBR, "PID|2||99^^^HOSP^MR", "PV1|1|I|||||||||||||||||V9", "ORC|PR|X1", "OBR|1|X1||Z^z^L",
        "OBX|1|NM|Z||1||||||F", "ORC|NW|P2", "OBR|2|P2||B^b^L",
        kind="OML^O21",
    )  # fmt: skip
    assert [one.resource["identifier"][0]["value"] for one in upserts(accepted)] == ["P1", "P2"]
    assert len(upserts(accepted, "Patient")) == 1
    assert not upserts(accepted, "Observation")


def test_several_obr_under_one_orc_are_several_orders() -> None:
    accepted = take(PID, "ORC|NW|G1", "OBR|1|P1||A^a^L", "OBR|2|P2||B^b^L")
    assert [one.resource["identifier"][0]["value"] for one in upserts(accepted)] == ["P1", "P2"]


def test_a_pharmacy_order_is_a_medication_request() -> None:
    accepted = take(
        PID, "ORC|NW|R1^EHR", "RXO|123^Amoxicillin^L|500|750|mg^^UCUM||^shake|^with food||||30|CAP|2",
        "RXR|PO^Oral^HL70162",
    )  # fmt: skip
    (found,) = upserts(accepted, "MedicationRequest")
    assert (accepted.event, accepted.subject) == ("", "MedicationRequest")
    assert found.resource["medicationCodeableConcept"]["text"] == "Amoxicillin"
    (dosage,) = found.resource["dosageInstruction"]
    assert dosage["doseAndRate"][0]["doseRange"]["high"]["value"] == 750
    assert (dosage["text"], dosage["route"]["text"]) == ("shake; with food", "Oral")
    assert found.resource["dispenseRequest"]["numberOfRepeatsAllowed"] == 2


@pytest.mark.parametrize(
    ("detail", "text"),
    [("ODS|D||320^Low salt^L", "Low salt"), ("ODT|EARLY^Early tray^L", "Early tray"), ("RQD|1|77^Gauze^L", "Gauze")],
)
def test_other_details_are_service_requests_too(detail: str, text: str) -> None:
    assert order(PID, "ORC|NW|P1", detail)["code"]["text"] == text


@pytest.mark.parametrize(
    ("control", "status"),
    [
        ("CA", "revoked"), ("DC", "revoked"), ("OC", "revoked"), ("CR", "revoked"), ("OD", "revoked"),
        ("DR", "revoked"), ("RP", "revoked"), ("UA", "revoked"), ("HD", "on-hold"), ("OH", "on-hold"),
        ("RL", "active"), ("OE", "active"), ("XO", "active"), ("OK", "active"), ("NA", "active"), ("UC", "active"),
        ("SS", "active"), ("NW", "active"), ("SC", "active"),
    ],
)  # fmt: skip
def test_the_control_decides_what_becomes_of_a_known_order(control: str, status: str) -> None:
    hospital = Hospital()
    hospital.send(PID, "ORC|NW|P1^EHR", OBR)
    assert hospital.send(PID, f"ORC|{control}|P1^EHR", OBR).get("MSA-1") == "AA"
    assert hospital.statuses() == [status]
    (request,) = hospital.all("ServiceRequest")
    assert request["code"]["text"] == "CMP"


@pytest.mark.parametrize(
    ("state", "status"),
    [("CM", "completed"), ("IP", "active"), ("HD", "on-hold"), ("ER", "entered-in-error"), ("DC", "revoked")],
)
def test_a_status_change_says_the_status_in_orc_5(state: str, status: str) -> None:
    hospital = Hospital()
    hospital.send(PID, "ORC|NW|P1^EHR", OBR)
    hospital.send(PID, f"ORC|SC|P1^EHR|||{state}", OBR)
    assert hospital.statuses() == [status]


def test_an_order_sent_twice_is_one_order_and_a_change_changes_its_content() -> None:
    hospital = Hospital()
    hospital.send(PID, "ORC|NW|P1^EHR", OBR)
    hospital.send(PID, "ORC|NW|P1^EHR", OBR)
    hospital.send(PID, "ORC|XO|P1^EHR", "OBR|1|P1^EHR||3016-3^TSH^LN")
    (request,) = hospital.all("ServiceRequest")
    assert request["code"]["text"] == "TSH"


def test_an_order_is_found_by_the_number_that_the_site_gave_it() -> None:
    hospital = Hospital()
    given = hospital.send(PID, "ORC|NW|P1^EHR", OBR).get("ORC-3.1")
    assert given
    hospital.send(PID, f"ORC|CA||{given}^HOSPITAL")
    assert hospital.statuses() == ["revoked"]


def test_why_an_order_was_held_is_noted_beside_what_was_noted_before() -> None:
    hospital = Hospital()
    hospital.send(PID, "ORC|NW|P1^EHR", OBR, "NTE|1||handle with care")
    hospital.send(PID, "ORC|HD|P1^EHR" + "|" * 14 + "X^specimen lost^L")
    (request,) = hospital.all("ServiceRequest")
    assert [note["text"] for note in request["note"]] == ["handle with care", "specimen lost"]


def test_a_replacement_names_what_it_replaces_and_a_child_its_parent() -> None:
    hospital = Hospital()
    hospital.send(PID, "ORC|NW|P1^EHR", OBR)
    hospital.send(PID, "ORC|RP|P1^EHR", OBR, "ORC|RO|P2^EHR", "OBR|2|P2^EHR||B^b^L")
    old, new = hospital.all("ServiceRequest")
    assert (old["status"], new["status"]) == ("revoked", "active")
    assert new["replaces"] == [{"reference": f"ServiceRequest/{old['id']}"}]
    hospital.send(
        PID, "ORC|PA|P3^EHR", "OBR|1|P3^EHR||C^c^L", "ORC|CH|P4^EHR", "OBR|2|P4^EHR||D^d^L",
        "ORC|CH|P5^EHR||||||P2&EHR", "OBR|3|P5^EHR||E^e^L",
    )  # fmt: skip
    *_, parent, child, other = hospital.all("ServiceRequest")
    assert child["basedOn"][0]["reference"] == f"ServiceRequest/{parent['id']}"
    assert other["basedOn"][0]["reference"] == f"ServiceRequest/{new['id']}"


@pytest.mark.parametrize(
    ("segments", "expected"),
    [
        ((PID,), (100, "ORC")),
        ((PID, "ORC||P1", OBR), (101, "ORC-1")),
        ((PID, "ORC|ZZ|P1", OBR), (103, "ORC-1")),
    ],
)
def test_what_is_no_order_is_refused_with_the_place(segments: tuple[str, ...], expected: tuple[int, str]) -> None:
    for dialect in (PLAIN, GENERIC):
        with pytest.raises(Rejection) as caught:
            take(*segments, dialect=dialect)
        (fault,) = caught.value.faults
        assert (fault.code, fault.place) == expected


@pytest.mark.parametrize(
    ("segments", "code", "place"),
    [
        (("ORC|NW|P1", OBR), 100, "PID"),
        ((PID, "ORC|NW|P1"), 100, "OBR"),
        ((PID, "ORC|NW|P1", "OBR|1|P1"), 101, "OBR-4"),
        ((PID, "ORC|NW|P1|||||||yesterday", OBR), 102, "ORC-9"),
    ],
)
def test_a_new_order_that_cannot_be_is_refused_by_ack_or_by_its_own_reply(
    segments: tuple[str, ...], code: int, place: str
) -> None:
    with pytest.raises(Rejection) as caught:
        take(*segments)
    (fault,) = caught.value.faults
    assert (fault.code, fault.place) == (code, place)
    hospital = Hospital()
    reply = hospital.send(*segments)
    assert (reply.get("MSH-9.1"), reply.get("MSA-1"), reply.get("ERR-3.1")) == ("ORR", "AE", str(code))
    assert reply.get("ORC-1") == "UA"
    assert hospital.all("ServiceRequest") == []


@pytest.mark.parametrize(
    ("control", "answer"),
    [("CA", "UC"), ("DC", "UD"), ("HD", "UH"), ("RL", "UR"), ("XO", "UX"), ("RP", "UM"), ("SC", "DE")],
)
def test_what_is_asked_of_an_unknown_order_cannot_be_done(control: str, answer: str) -> None:
    hospital = Hospital()
    reply = hospital.send(PID, f"ORC|{control}|P9^EHR", OBR)
    assert [reply.get(path) for path in ("MSA-1", "ERR-3.1", "ERR-2.1", "ERR-2.3", "ORC-1", "ORC-2")] == [
        "AE", "204", "ORC", "2", answer, "P9^EHR",
    ]  # fmt: skip
    assert hospital.all("ServiceRequest") == []


@pytest.mark.parametrize(
    ("control", "answer"),
    [("CA", "CR"), ("DC", "DR"), ("HD", "HR"), ("RL", "OR"), ("XO", "XR"), ("RP", "RQ"), ("SC", "OK"), ("SS", "SR")],
)
def test_what_was_done_to_an_order_is_answered_in_its_own_terms(control: str, answer: str) -> None:
    hospital = Hospital()
    given = hospital.send(PID, "ORC|NW|P1^EHR", OBR).get("ORC-3")
    reply = hospital.send(PID, f"ORC|{control}|P1^EHR")
    assert [reply.get(path) for path in ("MSA-1", "ORC-1", "ORC-2", "ORC-3", "OBR-4.1")] == [
        "AA", answer, "P1^EHR", given, "24323-8",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "reply_kind", "version"),
    [
        *(("ORM^O01", "ORR^O02", version) for version in ("2.3", "2.4", "2.5.1", "2.6")),
        *(("OML^O21", "ORL^O22", version) for version in ("2.4", "2.5.1", "2.6")),
        *(("OMG^O19", "ORG^O20", version) for version in ("2.4", "2.5.1", "2.6")),
    ],
)
def test_a_strict_reader_accepts_the_application_reply(kind: str, reply_kind: str, version: str) -> None:
    hospital = Hospital()
    required = "|" * 23 + "1" if version == "2.3" else ""
    segments = (PID, "ORC|NW|P1^EHR", OBR + required, "ORC|SN", "OBR|2|||B^b^L" + required)
    reply = hospital.send(*segments, kind=kind, version=version)
    assert reply.get("MSH-9").startswith(reply_kind)
    assert [segment.text(1) for segment in reply.all("ORC")] == ["OK", "NA"]
    assert all(segment.has(3) for segment in reply.all("ORC"))
    strict = VALIDATION_LEVEL.STRICT
    if kind == "ORM^O01":
        # hl7apy wants all of OBR, RQD, RQ1 … at once where one of them has to stand, so only the segments are judged.
        assert all(one.validate() for one in parse_segments(bytes(reply).decode(), version, validation_level=strict))
    else:
        assert parse_message(bytes(reply).decode(), validation_level=strict, find_groups=True).validate()


def test_a_site_that_only_acknowledges_sends_an_ack() -> None:
    reply = Hospital("ack").send(PID, "ORC|NW|P1^EHR", OBR)
    assert reply.get("MSH-9") == "ACK^O01^ACK"
    assert not reply.all("ORC")


def test_an_order_without_a_number_gets_one() -> None:
    hospital = Hospital()
    reply = hospital.send(PID, "ORC|SN", "OBR|1|||B^b^L")
    (request,) = hospital.all("ServiceRequest")
    (number,) = request["identifier"]
    assert number["type"]["coding"][0]["code"] == "FILL"
    assert reply.get("ORC-3.1") == number["value"]


def test_a_result_refers_to_the_order_that_is_known() -> None:
    hospital = Hospital()
    hospital.send(PID, "ORC|NW|P1^EHR", OBR)
    hospital.send(PID, "OBR|1|P1^EHR|L1^LAB|24323-8^CMP^LN|" + "|" * 20 + "F", "OBX|1|NM|A||1||||||F", kind="ORU^R01")
    hospital.send(PID, "OBR|1|P9^EHR|L2^LAB|24323-8^CMP^LN|" + "|" * 20 + "F", "OBX|1|NM|A||1||||||F", kind="ORU^R01")
    hospital.send(PID, "OBR|1||L3^LAB|24323-8^CMP^LN|" + "|" * 20 + "F", "OBX|1|NM|A||1||||||F", kind="ORU^R01")
    (request,) = hospital.all("ServiceRequest")
    known, unknown, none = hospital.all("DiagnosticReport")
    assert known["basedOn"][0]["reference"] == f"ServiceRequest/{request['id']}"
    assert "reference" not in unknown["basedOn"][0]
    assert unknown["basedOn"][0]["identifier"]["value"] == "P9"
    assert "basedOn" not in none


def test_known_orders_are_looked_for_in_our_own_numbers_too() -> None:
    (known,) = [one for one in take(PID, "ORC|CA|P1").intents if isinstance(one, Known)]
    assert known.match == (Key("", "P1"), Key(f"{AUTHORITY}HOSPITAL", "P1"))
