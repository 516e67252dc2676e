"""Charges that come in: ChargeItems that are charged once, and refusals that say where and why."""

from typing import Any

import pytest

from mockehr.core.exchange import Exchange
from mockehr.hl7.accept import accept
from mockehr.hl7.accept.intents import Accepted, Context, Upsert
from mockehr.hl7.faults import Rejection
from mockehr.hl7.message import Message
from mockehr.sites.build import build_site
from mockehr.sites.options import SiteOptions
from mockehr.sites.site import Site

AT = 1_767_614_400.0
AUTHORITY = "http://example.org/authority/"
PID = "PID|1||42^^^HOSP^MR||Doe^John||19800229|M"
PV1 = "PV1|1|I|5W^12^B||||||||||||||||V7^^^HOSP^VN"
FT1 = (
    "FT1|1|T100|B7|20260105|20260106|CG|OR-30^Theatre^L|||3|450.30&USD|150.10&USD|4711^Theatre|||||"
    "|K80.20^Stones^I10C~E11.9^Diabetes^I10C|1111111111^Grey^Ada^^^^^^NPI^^^^NPI|D2^Roe^Richard||F9^LAB"
    "|C1^Clerk|0FT44ZZ^Resection^I10P"
)


def text(*segments: str, kind: str = "DFT^P03", number: str = "M1") -> bytes:
    head = f"MSH|^~\\&|BILL|H1|EHR|H2|20260105115959||{kind}|{number}|P|2.5.1"
    return "\r".join([head, "EVN|P03|20260105", *segments, ""]).encode()


def take(*segments: str, kind: str = "DFT^P03") -> Accepted:
    return accept(Message(text(*segments, kind=kind)), Context(AT))


def of_type(accepted: Accepted, kind: str) -> list[dict[str, Any]]:
    return [one.resource for one in accepted.intents if isinstance(one, Upsert) and one.resource_type == kind]


def refused(*segments: str) -> tuple[str, int, str]:
    with pytest.raises(Rejection) as caught:
        take(*segments)
    (fault,) = caught.value.faults
    assert fault.text
    return caught.value.code, fault.code, fault.place


@pytest.fixture
def site() -> Site:
    return build_site(SiteOptions("north", patients=5, stepped=True, open_access=True))


def send(site: Site, *segments: str, number: str = "M1") -> str:
    exchange = site.handle(Exchange("mllp-in", body=text(*segments, number=number)))
    return Message(exchange.reply.body).get("MSA-1")


def test_a_charge_asks_for_a_patient_a_visit_and_a_charge_item() -> None:
    accepted = take(PID, PV1, FT1)
    assert (accepted.event, accepted.subject) == ("DFT^P03", "ChargeItem")
    assert [one.resource_type for one in accepted.intents if isinstance(one, Upsert)] == [
        "Patient", "Encounter", "ChargeItem",
    ]  # fmt: skip
    (charge,) = of_type(accepted, "ChargeItem")
    assert charge["identifier"] == [{"system": AUTHORITY + "BILL", "value": "T100"}]
    assert charge["status"] == "billable"
    assert charge["code"] == {
        "coding": [
            {"code": "OR-30", "display": "Theatre"},
            {"system": "http://www.cms.gov/Medicare/Coding/ICD10", "code": "0FT44ZZ", "display": "Resection"},
        ],
        "text": "Theatre",
    }
    assert (charge["occurrenceDateTime"], charge["enteredDate"]) == ("2026-01-05", "2026-01-06")
    assert charge["quantity"] == {"value": 3}
    assert charge["priceOverride"] == {"value": 450.3, "currency": "USD"}
    assert [reason["coding"][0]["code"] for reason in charge["reason"]] == ["K80.20", "E11.9"]
    assert [who["actor"]["identifier"]["value"] for who in charge["performer"]] == ["1111111111", "D2"]
    assert charge["enterer"]["identifier"]["value"] == "C1"
    assert charge["costCenter"]["identifier"]["value"] == "4711"
    assert charge["supportingInformation"][0]["identifier"]["value"] == "F9"
    assert charge["subject"] == {"reference": "urn:mockehr:intent:patient"}
    assert charge["context"] == {"reference": "urn:mockehr:intent:encounter"}


def test_the_total_is_made_of_the_price_of_one_where_it_is_not_told() -> None:
    (charge,) = of_type(take(PID, "FT1|1|T1||20260105||CG|X^Y^L|||4||12.50"), "ChargeItem")
    assert charge["priceOverride"] == {"value": 50.0}


def test_a_quantity_that_is_not_told_is_one() -> None:
    (charge,) = of_type(take(PID, "FT1|1|T1||20260105||CG|X^Y^L"), "ChargeItem")
    assert charge["quantity"] == {"value": 1}
    assert "priceOverride" not in charge


@pytest.mark.parametrize("quantity", ["2", "-2"])
def test_a_credit_is_a_charge_of_its_own_that_counts_against(quantity: str) -> None:
    (credit,) = of_type(take(PID, f"FT1|1|T1||20260105||CR|X^Y^L|||{quantity}"), "ChargeItem")
    assert credit["quantity"] == {"value": -2}
    assert credit["identifier"] == [{"system": AUTHORITY + "BILL/credit", "value": "T1"}]


def test_procedures_belong_to_the_charge_before_them_and_diagnoses_to_the_visit() -> None:
    accepted = take(
        PID, PV1, FT1, "NTE|1||two~surgeons", "PR1|1||0FT44ZZ^Resection^I10P||20260105|||||||D3^Roe",
        "FT1|2|T101||20260105||CG|BED^Bed^L", "PR1|1|L||Bed bath|20260105",
        "DG1|1||K80.20^Stones^I10C||20260104|F", "DG1|2|I9|5742|Calculus||W", "DG1|3||||",
    )  # fmt: skip
    first, second = of_type(accepted, "ChargeItem")
    assert first["service"] == [{"reference": "urn:mockehr:intent:procedure-1"}]
    assert first["note"] == [{"text": "two\nsurgeons"}]
    assert second["service"] == [{"reference": "urn:mockehr:intent:procedure-2"}]
    done, bath = of_type(accepted, "Procedure")
    assert done["code"]["coding"][0]["code"] == "0FT44ZZ"
    assert done["performedDateTime"] == "2026-01-05"
    assert done["performer"] == [{"actor": {"type": "Practitioner", "identifier": {"value": "D3"}, "display": "Roe"}}]
    assert bath["code"] == {"text": "Bed bath"}
    assert [one["identifier"][0]["value"] for one in (done, bath)] == ["T100:1", "T101:1"]
    stones, old = of_type(accepted, "Condition")
    assert stones["onsetDateTime"] == "2026-01-04"
    assert stones["verificationStatus"]["coding"][0]["code"] == "confirmed"
    assert old["verificationStatus"]["coding"][0]["code"] == "provisional"
    assert stones["identifier"][0]["value"] == "V7:K80.20"


def test_a_range_of_days_is_a_period() -> None:
    (charge,) = of_type(take(PID, "FT1|1|T1||20260105^20260107||CG|X^Y^L"), "ChargeItem")
    assert charge["occurrencePeriod"] == {"start": "2026-01-05", "end": "2026-01-07"}
    assert "occurrenceDateTime" not in charge


@pytest.mark.parametrize(
    ("segments", "answer"),
    [
        ((FT1,), ("AE", 100, "PID")),
        ((PID,), ("AE", 100, "FT1")),
        ((PID, "FT1|1|T1||||CG|X"), ("AE", 101, "FT1-4")),
        ((PID, FT1, "FT1|2|T1||20260105||CG|"), ("AE", 101, "FT1[2]-7")),
        ((PID, "FT1|1|T1||yesterday||CG|X"), ("AE", 102, "FT1-4")),
        ((PID, "FT1|1|T1||20260105||CG|X|||many"), ("AE", 102, "FT1-10")),
        ((PID, "FT1|1|T1||20260105||PY|X"), ("AE", 103, "FT1-6")),
        ((PID, FT1, "PR1|1"), ("AE", 101, "PR1-3")),
    ],
)
def test_what_cannot_be_charged_is_refused_with_its_place(segments: tuple[str, ...], answer: Any) -> None:
    assert refused(*segments) == answer


def test_a_transaction_that_is_sent_again_is_charged_once(site: Site) -> None:
    assert send(site, PID, PV1, FT1, "PR1|1||0FT44ZZ^R^I10P||20260105") == "AA"
    assert send(site, PID, PV1, FT1.replace("|3|", "|4|"), "PR1|1||0FT44ZZ^R^I10P||20260105", number="M2") == "AA"
    (change,) = [one for one in site.log.changes if one.resource_type == "ChargeItem" and one.kind == "create"]
    assert site.store.read("ChargeItem", change.id).document["quantity"] == {"value": 4}
    kinds = [one.resource_type for one in site.log.changes if one.kind == "create"]
    assert sorted(kinds) == ["ChargeItem", "Encounter", "Patient", "Procedure"]


def test_a_void_takes_back_the_status_and_leaves_the_rest(site: Site) -> None:
    send(site, PID, FT1)
    send(site, PID, "FT1|1|T100||20260105||VD|OR-30", number="M2")
    (id,) = {one.id for one in site.log.changes if one.resource_type == "ChargeItem"}
    document = site.store.read("ChargeItem", id).document
    assert document["status"] == "entered-in-error"
    assert document["quantity"] == {"value": 3}
    assert document["code"]["text"] == "Theatre"


def test_charge_and_credit_add_up(site: Site) -> None:
    send(site, PID, FT1)
    send(site, PID, FT1.replace("|CG|", "|CR|"), number="M2")
    send(site, PID, FT1.replace("|CG|", "|CR|"), number="M3")
    ids = {one.id for one in site.log.changes if one.resource_type == "ChargeItem"}
    assert sum(site.store.read("ChargeItem", id).document["quantity"]["value"] for id in ids) == 0
    assert len(ids) == 2


def test_p11_is_a_charge_too() -> None:
    assert take(PID, FT1, kind="DFT^P11").event == "DFT^P11"
