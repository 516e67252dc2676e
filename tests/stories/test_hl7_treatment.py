"""Charges, vaccinations and drugs of one site, over HL7 and FHIR: the same event is seen the same over both."""

from __future__ import annotations

import json
from typing import Any

import pytest

from mockehr.core.exchange import Exchange
from mockehr.fhir.validate import check_structure
from mockehr.hl7.message import Message
from mockehr.sites.build import build_site
from mockehr.sites.links import Link
from mockehr.sites.options import SiteOptions
from mockehr.sites.site import Site

PID = "PID|1||42^^^HOSP^MR||Doe^John||19800229|M"
PV1 = "PV1|1|I|5W^12^B||||||||||||||||V7^^^HOSP^VN"
ORC = "ORC|NW|RX7^EHR|PH9^PHARM||||||20260105110000|||1111111111^Grey^Ada^^^^^^NPI^^^^NPI"
DRUG = "860975^metformin 500 MG^RXNORM"
RXE = f"RXE||{DRUG}|1|2|{{tbl}}^tablet^UCUM||^one or two||N|180|{{tbl}}^tablet^UCUM|3|||55|||||||H1|50|mL"
INCOMING = {
    "DFT^P03": (
        "EVN|P03|20260105", PID, PV1,
        "FT1|1|T100||20260105^20260106|20260106|CG|OR-30^Theatre^L|||3|450.30&USD||4711^Theatre||||||K80.20^Stones^I10C"
        "|D1^Grey|D2^Roe||F9^LAB|C1^Clerk",
        "NTE|1||note", "PR1|1||0FT44ZZ^Resection^I10P||20260105|||||||D3^Roe",
        "DG1|1||K80.20^Stones^I10C||20260104|F",
    ),
    "VXU^V04": (
        PID, PV1, "ORC|RE|P1^EHR|V77^IIS|||||||||D2^Roe",
        "RXA|0|1|20260105100000||140^Influenza^CVX|0.5|mL^mL^UCUM||02^Other^NIP001|N1^Jackie|^^^CLINIC||||A1|20261231"
        "|PMC^Sanofi^MVX|00^Parental^NIP002||PA|A",
        "RXR|IM^IM^HL70162|LA^Left arm^HL70163", "OBX|1|CE|64994-7^E^LN|1|V02^Medicaid^HL70064||||||F",
        "OBX|2|CE|30956-7^Type^LN|2|88^Influenza^CVX||||||F", "OBX|3|TS|29769-7^VIS^LN|2|20260105||||||F",
        "OBX|4|NM|30973-2^Dose^LN|3|2||||||F", "NTE|1||calm",
    ),
    "RDE^O11": (PID, PV1, ORC, RXE, "TQ1|1||BID~PRN|||10^d&day&UCUM|20260105", "RXR|PO^Oral^HL70162"),
    "RDS^O13": (PID, PV1, ORC, f"RXD|1|{DRUG}|20260106090000|30|{{tbl}}||55||note|D2^Roe|G||5W^12^B", "RXR|PO"),
    "RAS^O17": (
        PID, PV1, ORC, "RXA|0|1|20260106090000|20260106093000|860975^metformin^RXNORM|500|mg^mg^UCUM||^ok|N1^Jackie"
        "|||||||||E11.9^Diabetes^I10C|CP|A", "RXR|PO^Oral^HL70162",
    ),
}  # fmt: skip
KINDS = {
    "DFT^P03": "ChargeItem",
    "VXU^V04": "Immunization",
    "RDE^O11": "MedicationRequest",
    "RDS^O13": "MedicationDispense",
    "RAS^O17": "MedicationAdministration",
}
CODE = {"coding": [{"system": "http://www.nlm.nih.gov/research/umls/rxnorm", "code": "860975"}]}
SUBJECT = {"subject": {"reference": "Patient/p"}}
OUTGOING: dict[str, dict[str, Any]] = {
    "DFT^P03": {"resourceType": "ChargeItem", "status": "billable", "code": {"text": "Bed"}, **SUBJECT},
    "VXU^V04": {
        "resourceType": "Immunization", "status": "completed", "patient": {"reference": "Patient/p"},
        "vaccineCode": {"coding": [{"system": "http://hl7.org/fhir/sid/cvx", "code": "140"}]},
        "occurrenceDateTime": "2026-01-05",
    },
    "RDE^O11": {
        "resourceType": "MedicationRequest", "status": "active", "intent": "order", "medicationCodeableConcept": CODE,
        **SUBJECT,
    },
    "RDS^O13": {
        "resourceType": "MedicationDispense", "status": "completed", "medicationCodeableConcept": CODE, **SUBJECT,
    },
    "RAS^O17": {
        "resourceType": "MedicationAdministration", "status": "completed", "medicationCodeableConcept": CODE,
        "effectiveDateTime": "2026-01-05", **SUBJECT,
    },
}  # fmt: skip


def made(vendor: str = "generic", **options: Any) -> Site:
    return build_site(SiteOptions("north", personality=vendor, stepped=True, open_access=True, **options))


def send(site: Site, kind: str, *segments: str) -> Message:
    head = f"MSH|^~\\&|PEER|H1|MOCKEHR|HOSPITAL|20260105115959||{kind}|M1|P|2.5.1"
    body = "\r".join([head, *segments, ""]).encode()
    return Message(site.handle(Exchange("mllp-in", body=body)).reply.body)


def fhir(site: Site, path: str, query: str = "", body: Any = None, method: str = "") -> dict[str, Any]:
    text = json.dumps(body).encode() if body is not None else b""
    exchange = Exchange("fhir", method=method or ("POST" if body else "GET"), path=path, query=query, body=text)
    answered = site.handle(exchange)
    assert answered.reply.status in (200, 201), answered.reply.body
    return json.loads(answered.reply.body or b"{}")


@pytest.mark.parametrize("kind", INCOMING)
def test_what_comes_in_over_hl7_is_found_over_fhir(kind: str) -> None:
    site = made()
    assert send(site, kind, *INCOMING[kind]).get("MSA-1") == "AA"
    (patient,) = fhir(site, "/Patient", "identifier=42")["entry"]
    id = patient["resource"]["id"]
    name = "subject" if kind == "DFT^P03" else "patient"
    (entry,) = fhir(site, f"/{KINDS[kind]}", f"{name}=Patient/{id}")["entry"]
    assert entry["resource"]["resourceType"] == KINDS[kind]
    if kind != "DFT^P03":
        status = entry["resource"]["status"]
        assert fhir(site, f"/{KINDS[kind]}", f"patient={id}&status={status}")["entry"]
    told = [change.event for change in site.log.changes if change.event not in ("", "-")]
    assert told == [kind]


@pytest.mark.parametrize("kind", INCOMING)
def test_what_comes_in_over_hl7_is_valid_fhir(kind: str) -> None:
    site = made()
    send(site, kind, *INCOMING[kind])
    assert len(site.log.changes) >= 3
    for change in site.log.changes:
        assert [issue for issue in check_structure(change.document) if issue.fails] == [], change.resource_type


@pytest.mark.parametrize("vendor", ["epic", "oracle"])
@pytest.mark.parametrize("kind", INCOMING)
def test_hl7_writes_whatever_the_vendor_offers_over_fhir(vendor: str, kind: str) -> None:
    site = made(vendor)
    assert send(site, kind, *INCOMING[kind]).get("MSA-1") == "AA"
    assert KINDS[kind] in [change.resource_type for change in site.log.changes]


@pytest.mark.parametrize("kind", OUTGOING)
def test_what_is_written_over_fhir_is_told_over_hl7(kind: str) -> None:
    site = made()
    link = site.links.add(Link("peer", "127.0.0.1", 1))
    fhir(site, "/Patient/p", body={"resourceType": "Patient", "id": "p", "name": [{"family": "Doe"}]}, method="PUT")
    fhir(site, f"/{KINDS[kind]}", body=OUTGOING[kind])
    assert [exchange.interaction.name for exchange in link.ready] == ["ADT^A28", kind]
    message = Message(link.ready[1].body)
    assert message.get("PID-5.1") == "Doe"
    assert not link.untold


@pytest.mark.parametrize("kind", OUTGOING)
def test_what_one_site_tells_another_one_takes_and_takes_once(kind: str) -> None:
    first, second = made(), made()
    link = first.links.add(Link("peer", "127.0.0.1", 1, (kind,)))
    fhir(first, "/Patient/p", body={"resourceType": "Patient", "id": "p", "name": [{"family": "Doe"}]}, method="PUT")
    fhir(first, f"/{KINDS[kind]}", body=OUTGOING[kind])
    for _ in range(2):
        answer = second.handle(Exchange("mllp-in", body=link.ready[0].body)).reply.body
        assert Message(answer).get("MSA-1") == "AA"
    assert len({change.id for change in second.log.changes if change.resource_type == KINDS[kind]}) == 1


def test_the_charts_of_the_population_can_be_told() -> None:
    site = made(patients=30)
    link = site.links.add(Link("peer", "127.0.0.1", 1, ("VXU^V04", "RDE^O11")))
    for index in range(30):
        for kind in ("Immunization", "MedicationRequest"):
            for record in site.store.base.chart(site.store.base.patients([]).page(index, 1)[0].id, kind):
                site.store.commit(record.document, kind="update", source="control")
    assert len(link.ready) > 60
    assert not link.untold
    other = made()
    for exchange in link.ready:
        answer = Message(other.handle(Exchange("mllp-in", body=exchange.body)).reply.body)
        # Nobody there knows the orders that are stopped here.
        ended = Message(exchange.body).get("ORC-1") in ("DC", "CA", "HD")
        assert (answer.get("MSA-1"), answer.get("ERR-3.1")) == (("AE", "204") if ended else ("AA", ""))
    for change in other.log.changes:
        assert [issue for issue in check_structure(change.document) if issue.fails] == [], change.document


def test_a_patient_written_over_fhir_is_found_by_a_query() -> None:
    site = made()
    fhir(site, "/Patient", body={"resourceType": "Patient", "name": [{"family": "Doe", "given": ["Jane"]}]})
    answer = send(site, "QBP^Q22^QBP_Q21", "QPD|IHE PDQ Query|T1|@PID.5.1^DOE", "RCP|I|5^RD")
    assert (answer.get("QAK-2"), answer.get("PID-5.2")) == ("OK", "Jane")
