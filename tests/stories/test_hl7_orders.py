"""An order and its result over FHIR and HL7 of one site, and between two sites: the same order, the same result."""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from dataclasses import replace
from time import process_time
from typing import Any

from mockehr.core.exchange import Exchange
from mockehr.hl7.message import Message
from mockehr.sites.build import build_site
from mockehr.sites.links import Link
from mockehr.sites.options import SiteOptions
from mockehr.sites.site import Site

PID = "PID|1||42^^^HOSP^MR||Doe^John||19800229|M"
PATIENT = {
    "resourceType": "Patient",
    "identifier": [{"system": "http://example.org/authority/HOSP", "value": "42"}],
    "name": [{"family": "Doe", "given": ["John"]}],
}


def hospital(name: str) -> tuple[Site, Link]:
    """A site, and its feed of orders and results, which nobody reads."""
    site = build_site(SiteOptions(name, stepped=True, open_access=True))
    link = site.links.add(Link("feed", "127.0.0.1", 1, messages=("ORM^*", "OML^*", "ORU^*")))
    return site, link


def fhir(site: Site, method: str, path: str, document: Any = None, query: str = "") -> dict[str, Any]:
    """What the FHIR server answers."""
    body = json.dumps(document).encode() if document is not None else b""
    headers = {"content-type": "application/fhir+json", "prefer": "return=representation"} if body else {}
    exchange = Exchange("fhir", method, path, query, headers, body)
    site.handle(exchange)
    assert exchange.reply is not None
    assert exchange.reply.status < 300, exchange.reply.body
    found: dict[str, Any] = json.loads(exchange.reply.body)
    return found


def tell(site: Site, body: bytes) -> Message:
    """The reply to a message."""
    exchange = Exchange("mllp-in", "SEND", "/", body=body)
    site.handle(exchange)
    assert exchange.reply is not None
    return Message(exchange.reply.body)


def message(*segments: str, kind: str, number: int = 1) -> bytes:
    head = f"MSH|^~\\&|LAB|H1|EHR|H2|20260105115959||{kind}|M{number}|P|2.5.1"
    return "\r".join([head, *segments, ""]).encode()


def sent(link: Link) -> list[Message]:
    return [Message(exchange.body) for exchange in link.ready]


def ordered(site: Site) -> dict[str, Any]:
    patient = fhir(site, "POST", "/Patient", PATIENT)
    order = {
        "resourceType": "ServiceRequest",
        "status": "active",
        "intent": "order",
        "code": {"coding": [{"system": "http://loinc.org", "code": "2345-7", "display": "Glucose"}]},
        "subject": {"reference": f"Patient/{patient['id']}"},
    }
    return fhir(site, "POST", "/ServiceRequest", order)


def found_in(site: Site, resource_type: str, query: str = "") -> list[dict[str, Any]]:
    bundle = fhir(site, "GET", f"/{resource_type}", query=query)
    return [entry["resource"] for entry in bundle.get("entry", [])]


def test_what_becomes_of_an_order_over_fhir_is_told_step_by_step() -> None:
    site, link = hospital("one")
    order = ordered(site)
    for status in ("on-hold", "active", "active", "completed"):
        priority = "urgent" if status == "active" else "routine"
        changed = {**order, "status": status, "priority": priority, "note": [{"text": str(len(link.ready))}]}
        fhir(site, "PUT", f"/ServiceRequest/{order['id']}", changed)
    assert [(one.get("MSH-9.1"), one.get("ORC-1"), one.get("ORC-5")) for one in sent(link)] == [
        ("ORM", "NW", ""), ("ORM", "HD", "HD"), ("ORM", "RL", "IP"), ("ORM", "XO", "IP"), ("ORM", "SC", "CM"),
    ]  # fmt: skip
    assert {one.get("ORC-2") for one in sent(link)} == {f"{order['id']}^HOSPITAL"}


def test_a_dialect_may_send_orders_as_oml() -> None:
    site, link = hospital("one")
    link.dialect = replace(site.dialect, renamed={"ORM^O01": "OML^O21"})
    ordered(site)
    (told,) = sent(link)
    assert told.get("MSH-9.3") == "OML_O21"
    assert [segment.id for segment in told.segments] == ["MSH", "PID", "ORC", "TQ1", "OBR"]


def test_an_order_goes_to_the_laboratory_and_its_result_comes_back() -> None:
    site, link = hospital("one")
    laboratory, results = hospital("two")
    order = ordered(site)
    reply = tell(laboratory, bytes(sent(link)[0]))
    assert (reply.get("MSA-1"), reply.get("ORC-1"), reply.get("ORC-2")) == ("AA", "OK", f"{order['id']}^HOSPITAL")
    (received,) = found_in(laboratory, "ServiceRequest", "status=active")
    assert received["code"]["coding"] == order["code"]["coding"]

    value = {"value": 5.1, "unit": "mmol/L", "system": "http://unitsofmeasure.org", "code": "mmol/L"}
    shared = {"code": received["code"], "subject": received["subject"], "status": "final"}
    body = {**shared, "resourceType": "Observation", "valueQuantity": value}
    observation = fhir(laboratory, "POST", "/Observation", body)
    report = {
        **shared,
        "resourceType": "DiagnosticReport",
        "basedOn": [{"reference": f"ServiceRequest/{received['id']}"}],
        "result": [{"reference": f"Observation/{observation['id']}"}],
    }
    fhir(laboratory, "POST", "/DiagnosticReport", report)
    (told,) = sent(results)
    assert tell(site, bytes(told)).get("MSA-1") == "AA"
    (arrived,) = found_in(site, "DiagnosticReport", "status=final")
    assert arrived["basedOn"][0]["reference"] == f"ServiceRequest/{order['id']}"
    assert arrived["subject"] == order["subject"]
    (measured,) = found_in(site, "Observation", "code=http://loinc.org|2345-7")
    assert measured["valueQuantity"] == value
    assert [change.event for change in site.log.changes if change.resource_type == "DiagnosticReport"] == ["ORU^R01"]


def result(status: str, value: str, *more: str, number: int = 1) -> bytes:
    obr = f"OBR|1||L1^LAB|2345-7^Glucose^LN|||||||||||||||||||||{status}"
    return message(PID, obr, f"OBX|{number}|NM|2345-7^Glucose^LN||{value}|mmol/L|||||{status}", *more, kind="ORU^R01")


def test_results_are_corrected_in_place_and_late_preliminary_ones_change_nothing() -> None:
    site, _ = hospital("one")
    more = "OBX|2|NM|2951-2^Sodium^LN||140|mmol/L|||||F"
    seen = []
    for step in (
        result("P", "1"), result("F", "2", more), result("P", "3"), result("C", "4", number=7),
        result("C", "POSITIVE"), result("W", ""),
    ):  # fmt: skip
        assert tell(site, step).get("MSA-1") == "AA"
        (report,) = found_in(site, "DiagnosticReport")
        glucose = next(one for one in found_in(site, "Observation") if one["code"]["text"] == "Glucose")
        seen.append((report["status"], len(report["result"]), glucose["status"], _value(glucose)))
    assert seen == [
        ("preliminary", 1, "preliminary", 1), ("final", 2, "final", 2), ("final", 2, "final", 2),
        ("corrected", 2, "corrected", 4), ("corrected", 2, "corrected", "POSITIVE"),
        ("entered-in-error", 2, "entered-in-error", "POSITIVE"),
    ]  # fmt: skip


def test_members_of_a_result_are_told_even_if_the_report_does_not_name_them() -> None:
    site, link = hospital("one")
    patient = fhir(site, "POST", "/Patient", PATIENT)
    shared = {"status": "final", "code": {"text": "Culture"}, "subject": {"reference": f"Patient/{patient['id']}"}}
    drug = fhir(site, "POST", "/Observation", {**shared, "resourceType": "Observation", "valueString": "resistant"})
    organism = {**shared, "resourceType": "Observation", "valueCodeableConcept": {"text": "E. coli"}}
    members = {"hasMember": [{"reference": f"Observation/{drug['id']}"}]}
    found = fhir(site, "POST", "/Observation", {**organism, **members})
    report = {**shared, "resourceType": "DiagnosticReport", "result": [{"reference": f"Observation/{found['id']}"}]}
    fhir(site, "POST", "/DiagnosticReport", report)
    (told,) = sent(link)
    assert [(one.text(4), one.text(5)) for one in told.all("OBX")] == [("1", "^E. coli"), ("1.1", "resistant")]


def test_a_dialect_may_let_preliminary_results_overwrite_final_ones() -> None:
    site, _ = hospital("one")
    site.dialect = replace(site.dialect, preliminary_overwrites=True)
    for step in (result("F", "2"), result("P", "3")):
        tell(site, step)
    (glucose,) = found_in(site, "Observation")
    assert (glucose["status"], _value(glucose)) == ("preliminary", 3)


def test_a_cumulative_message_repeats_without_doubling() -> None:
    site, _ = hospital("one")
    for _ in range(3):
        tell(site, result("F", "2", "OBX|2|NM|2951-2^Sodium^LN||140|mmol/L|||||F"))
    assert len(found_in(site, "Observation")) == 2
    assert len(found_in(site, "DiagnosticReport")) == 1


def test_what_was_tolerated_is_warned_of_beside_the_acceptance() -> None:
    site, _ = hospital("one")
    reply = tell(site, result("F", "5.1 H"))
    assert [reply.get(path) for path in ("MSA-1", "ERR-2", "ERR-3.1", "ERR-4")] == ["AA", "OBX^1^5", "102", "W"]


def test_a_document_of_a_megabyte_passes_through_in_no_time() -> None:
    site, _ = hospital("one")
    other, link = hospital("two")
    data = b64encode(b"%PDF-1.4" + bytes(1_000_000)).decode()
    obr = "OBR|1||L1^LAB|11506-3^Note^LN|||||||||||||||||||||F"
    before = process_time()
    told = message(PID, obr, f"OBX|1|ED|PDF^Scan^L||^application^pdf^Base64^{data}||||||F", kind="ORU^R01")
    assert tell(other, told).get("MSA-1") == "AA"
    (report,) = found_in(other, "DiagnosticReport")
    fhir(other, "PUT", f"/DiagnosticReport/{report['id']}", report)
    (onward,) = sent(link)
    tell(site, bytes(onward))
    spent = process_time() - before
    (arrived,) = found_in(site, "DiagnosticReport")
    assert b64decode(arrived["presentedForm"][0]["data"]) == b64decode(data)
    assert spent < 5, f"{spent:.1f} s"


def _value(observation: dict[str, Any]) -> Any:
    (value,) = [value for name, value in observation.items() if name.startswith("value")]
    return value["value"] if isinstance(value, dict) else value
