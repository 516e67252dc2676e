"""Vaccinations that come in: given, told of, refused, and the same dose again."""

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
RXA = (
    "RXA|0|1|20260105100000|20260105100000|140^Influenza^CVX^49281042050^Fluzone^NDC|0.5|mL^milliliter^UCUM||"
    "00^New immunization record^NIP001~^warmed up first|1111111111^Grey^Ada^^^^^^NPI^^^^NPI|^^^CLINIC||||"
    "A1234B|20261231|PMC^Sanofi Pasteur^MVX|||CP|A|20260105100500"
)
OBX = (
    "OBX|1|CE|64994-7^Eligibility^LN|1|V02^Medicaid^HL70064||||||F",
    "OBX|2|CE|30963-3^Funding^LN|1|VXC50^Public^CDCPHINVS||||||F",
    "OBX|3|CE|30956-7^Vaccine type^LN|2|88^Influenza^CVX||||||F",
    "OBX|4|TS|29768-9^VIS published^LN|2|20250801||||||F",
    "OBX|5|TS|29769-7^VIS presented^LN|2|20260105||||||F",
    "OBX|6|NM|30973-2^Dose number^LN|3|2||||||F",
    "OBX|7|CE|31044-1^Reaction^LN|4|VXC12^fever^CDCPHINVS||||||F",
    "OBX|8|TS|29769-7^VIS presented^LN|5|20260105||||||F",
)


def text(*segments: str, number: str = "M1", version: str = "2.5.1") -> bytes:
    head = f"MSH|^~\\&|IIS|H1|EHR|H2|20260105115959||VXU^V04|{number}|P|{version}"
    return "\r".join([head, *segments, ""]).encode()


def take(*segments: str) -> Accepted:
    return accept(Message(text(*segments)), Context(AT))


def doses(*segments: str) -> list[dict[str, Any]]:
    return [
        one.resource for one in take(*segments).intents
        if isinstance(one, Upsert) and one.resource_type == "Immunization"
    ]  # fmt: skip


def changed(rxa: str, **fields: str) -> str:
    pieces = rxa.split("|")
    for name, value in fields.items():
        pieces[int(name[1:])] = value
    return "|".join(pieces)


def test_a_dose_asks_for_an_immunization() -> None:
    route = "RXR|IM^Intramuscular^HL70162|LA^Left arm^HL70163"
    accepted = take(PID, "ORC|RE|P1^EHR|V77^IIS|||||||||D2^Roe", RXA, route, *OBX, "NTE|1||sat down")
    assert (accepted.event, accepted.subject) == ("VXU^V04", "Immunization")
    (dose,) = [one.resource for one in accepted.intents[1:] if isinstance(one, Upsert)]
    assert dose["status"] == "completed"
    assert [one["value"] for one in dose["identifier"]] == ["V77", "P1"]
    assert [one["code"] for one in dose["vaccineCode"]["coding"]] == ["140", "49281042050"]
    assert dose["vaccineCode"]["coding"][1]["system"] == "http://hl7.org/fhir/sid/ndc"
    assert dose["occurrenceDateTime"] == "2026-01-05T10:00:00Z"
    assert dose["recorded"] == "2026-01-05T10:05:00Z"
    assert dose["primarySource"] is True
    assert "reportOrigin" not in dose
    assert dose["doseQuantity"] == {
        "value": 0.5, "unit": "milliliter", "system": "http://unitsofmeasure.org", "code": "mL",
    }  # fmt: skip
    assert (dose["lotNumber"], dose["expirationDate"]) == ("A1234B", "2026-12-31")
    assert dose["manufacturer"]["identifier"] == {"system": "http://hl7.org/fhir/sid/mvx", "value": "PMC"}
    assert [who["function"]["coding"][0]["code"] for who in dose["performer"]] == ["AP", "OP"]
    assert dose["location"]["display"] == "CLINIC"
    assert [dose[name]["coding"][0]["code"] for name in ("route", "site")] == ["IM", "LA"]
    assert dose["programEligibility"][0]["coding"][0]["code"] == "V02"
    assert dose["fundingSource"]["text"] == "Public"
    assert dose["protocolApplied"] == [{"doseNumberPositiveInt": 2}]
    assert dose["education"] == [
        {"documentType": "Influenza", "publicationDate": "2025-08-01", "presentationDate": "2026-01-05"}
    ]
    assert [note["text"] for note in dose["note"]] == ["warmed up first", "Reaction: fever", "sat down"]


@pytest.mark.parametrize(
    ("source", "origin"),
    [("01", None), ("02", "provider"), ("03", "record"), ("04", "recall"), ("05", "jurisdiction"), ("07", "school")],
)
def test_a_dose_that_others_gave_says_who_told(source: str, origin: str | None) -> None:
    (dose,) = doses(PID, changed(RXA, f9=f"{source}^Historical^NIP001", f6="999", f7=""))
    assert dose["primarySource"] is False
    assert dose.get("reportOrigin", {}).get("coding", [{}])[0].get("code") == origin
    assert "doseQuantity" not in dose


def test_a_refused_dose_was_not_given_and_says_why() -> None:
    (dose,) = doses(
        PID, "ORC|RE||9999^IIS", changed(RXA, f6="999", f15="", f18="00^Parental decision^NIP002", f20="RE")
    )
    assert dose["status"] == "not-done"
    assert dose["statusReason"]["coding"][0]["code"] == "00"
    assert dose["identifier"][0]["system"] == AUTHORITY + "immunization"


def test_a_refusal_without_a_reason_is_the_patients() -> None:
    (dose,) = doses(PID, changed(RXA, f20="RE"))
    assert dose["statusReason"]["coding"][0]["code"] == "PATOBJ"


def test_vaccine_998_is_none() -> None:
    (dose,) = doses(PID, changed(RXA, f5="998^No vaccine administered^CVX", f6="999", f20=""))
    assert dose["status"] == "not-done"
    assert "statusReason" not in dose


def test_a_dose_given_in_part_is_not_enough() -> None:
    (dose,) = doses(PID, changed(RXA, f20="PA"))
    assert (dose["status"], dose["isSubpotent"]) == ("completed", True)
    assert dose["subpotentReason"]


def test_several_doses_each_have_their_own_order_or_none() -> None:
    second = changed(RXA, f5="08^Hep B^CVX")
    found = doses(PID, "ORC|RE||V1^IIS", RXA, "ORC|RE||V2^IIS", second)
    assert [dose["identifier"][0]["value"] for dose in found] == ["V1", "V2"]
    found = doses(PID, RXA, "RXR|IM", second)
    assert [dose["identifier"][0]["value"] for dose in found] == ["42:140:2026-01-05", "42:08:2026-01-05"]
    assert ["route" in dose for dose in found] == [True, False]


@pytest.mark.parametrize(
    ("segments", "code", "place"),
    [
        ((RXA,), 100, "PID"),
        ((PID,), 100, "RXA"),
        ((PID, changed(RXA, f3="")), 101, "RXA-3"),
        ((PID, RXA, changed(RXA, f5="")), 101, "RXA[2]-5"),
        ((PID, changed(RXA, f3="today")), 102, "RXA-3"),
        ((PID, changed(RXA, f6="half")), 102, "RXA-6"),
        ((PID, changed(RXA, f20="XX")), 103, "RXA-20"),
    ],
)
def test_what_cannot_be_applied_is_refused_with_its_place(segments: tuple[str, ...], code: int, place: str) -> None:
    with pytest.raises(Rejection) as caught:
        take(*segments)
    assert (caught.value.faults[0].code, caught.value.faults[0].place) == (code, place)


@pytest.fixture
def site() -> Site:
    return build_site(SiteOptions("north", patients=5, stepped=True, open_access=True))


def send(site: Site, *segments: str, **rest: Any) -> str:
    exchange = site.handle(Exchange("mllp-in", body=text(*segments, **rest)))
    return Message(exchange.reply.body).get("MSA-1")


def test_the_same_dose_again_is_the_same_immunization(site: Site) -> None:
    assert send(site, PID, RXA, version="2.3.1") == "AA"
    assert send(site, PID, changed(RXA, f15="B9"), number="M2", version="2.3.1") == "AA"
    (id,) = {one.id for one in site.log.changes if one.resource_type == "Immunization"}
    assert site.store.read("Immunization", id).document["lotNumber"] == "B9"


def test_a_dose_can_be_taken_back(site: Site) -> None:
    send(site, PID, "ORC|RE||V77^IIS", RXA)
    send(site, PID, "ORC|RE||V77^IIS", changed(RXA, f21="D"), number="M2")
    (id,) = {one.id for one in site.log.changes if one.resource_type == "Immunization"}
    assert site.store.read("Immunization", id).document["status"] == "entered-in-error"
