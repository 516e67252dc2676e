"""A patient's life told by ADT messages and seen over FHIR, and written over FHIR and told by ADT messages."""

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

AUTHORITY = "http://example.org/authority/H"
PID = "PID|1||{mrn}^^^H^MR||Muster^Erika||19800304|F"
PV1 = "PV1|1|{kind}|{place}||||||||||||||||{visit}^^^H^VN"


def made(**more: Any) -> Site:
    return build_site(SiteOptions("a", stepped=True, open_access=True, **more))


def told(site: Site, trigger: str, *segments: str, version: str = "2.5.1", at: str = "20260105120000") -> Message:
    """Send an ADT message to a site; returns the acknowledgement."""
    head = f"MSH|^~\\&|ADT1|WARD|MOCKEHR|HOSPITAL|{at}||ADT^{trigger}|M{len(site.log.changes)}|P|{version}"
    body = "\r".join([head, f"EVN|{trigger}|{at}", *segments, ""]).encode()
    exchange = site.handle(Exchange("mllp-in", "SEND", body=body))
    assert exchange.reply is not None
    return Message(exchange.reply.body)


def taken(site: Site, *args: Any, **more: Any) -> None:
    """The same for one that must be accepted without a word."""
    ack = told(site, *args, **more)
    assert (ack.get("MSA-1"), ack.get("ERR-8")) == ("AA", ""), bytes(ack)


def pid(mrn: str = "1") -> str:
    return PID.format(mrn=mrn)


def pv1(place: str = "3W^301^1", *, visit: str = "V1", kind: str = "I") -> str:
    return PV1.format(place=place, visit=visit, kind=kind)


def found(site: Site, query: str) -> list[dict[str, Any]]:
    """What a search over FHIR finds; each must be a valid resource."""
    path, _, rest = query.partition("?")
    reply = site.handle(Exchange("fhir", path=f"/{path}", query=rest)).reply
    assert reply is not None
    assert reply.status == 200, reply.body
    resources = [entry["resource"] for entry in json.loads(reply.body).get("entry", [])]
    for resource in resources:
        assert [issue for issue in check_structure(resource) if issue.severity == "error"] == [], resource
    return resources


def visit_of(site: Site, number: str = "V1") -> dict[str, Any]:
    (one,) = found(site, f"Encounter?identifier={AUTHORITY}|{number}")
    return one


def write(site: Site, resource: dict[str, Any]) -> None:
    path = f"/{resource['resourceType']}/{resource['id']}"
    reply = site.handle(Exchange("fhir", "PUT", path, body=json.dumps(resource).encode())).reply
    assert reply is not None
    assert reply.status in (200, 201), reply.body


def places(visit: dict[str, Any]) -> list[tuple[str, str]]:
    return [(one["location"]["identifier"]["value"], one.get("status", "")) for one in visit["location"]]


def test_a_stay_from_the_first_call_to_the_last_is_one_encounter() -> None:
    site = made()
    taken(site, "A05", pid(), pv1("3W"))
    assert visit_of(site)["status"] == "planned"
    assert places(visit_of(site)) == [("3W", "planned")]
    taken(site, "A01", pid(), pv1("3W"), at="20260105130000")
    assert places(visit_of(site)) == [("3W", "active")]
    taken(site, "A02", pid(), pv1("ICU^1"), at="20260105140000")
    assert places(visit_of(site)) == [("3W", "completed"), ("ICU^1", "active")]
    assert visit_of(site)["location"][0]["period"]["end"] == "2026-01-05T14:00:00Z"
    taken(site, "A12", pid(), pv1("3W"), at="20260105141000")
    assert places(visit_of(site)) == [("3W", "active")]
    assert "end" not in visit_of(site)["location"][0].get("period", {})
    taken(site, "A21", pid(), pv1("3W"))
    assert (visit_of(site)["status"], places(visit_of(site))) == ("onleave", [("3W", "reserved")])
    taken(site, "A22", pid(), pv1("3W"))
    assert (visit_of(site)["status"], places(visit_of(site))) == ("in-progress", [("3W", "active")])
    taken(site, "A03", pid(), pv1("3W") + "|" * 17 + "01", at="20260107090000")
    ended = visit_of(site)
    assert (ended["status"], places(ended)) == ("finished", [("3W", "completed")])
    assert ended["period"] == {"start": "2026-01-05T13:00:00Z", "end": "2026-01-07T09:00:00Z"}
    assert ended["hospitalization"]["dischargeDisposition"]["coding"][0]["code"] == "01"
    taken(site, "A13", pid(), pv1("3W"))
    again = visit_of(site)
    assert (again["status"], places(again)) == ("in-progress", [("3W", "active")])
    assert again["period"] == {"start": "2026-01-05T13:00:00Z"}
    assert "hospitalization" not in again
    taken(site, "A11", pid(), pv1("3W"))
    assert visit_of(site)["status"] == "cancelled"
    assert len(found(site, "Patient?identifier=1")) == 1


def test_an_outpatient_who_becomes_an_inpatient_keeps_the_visit_under_its_new_number() -> None:
    site = made()
    taken(site, "A04", pid(), pv1("ED", visit="O1", kind="E"))
    taken(site, "A06", pid(), "MRG|1^^^H^MR||O1^^^H^VN", pv1("3W", visit="I1"), at="20260105150000")
    visit = visit_of(site, "I1")
    assert visit["id"] == visit_of(site, "O1")["id"]
    assert visit["class"]["code"] == "IMP"
    assert [(one["class"]["code"], one["period"]["end"]) for one in visit["classHistory"]] == [
        ("EMER", "2026-01-05T15:00:00Z")
    ]
    assert [(one["value"], one.get("use", "")) for one in visit["identifier"]] == [("I1", ""), ("O1", "old")]
    taken(site, "A07", pid(), pv1("3W", visit="I1", kind="O"))
    assert visit_of(site, "I1")["class"]["code"] == "AMB"
    assert len(found(site, "Encounter?status=in-progress")) == 1


def test_a_swap_moves_both_patients() -> None:
    site = made()
    taken(site, "A01", pid("1"), pv1("A^1", visit="V1"))
    taken(site, "A01", pid("2"), pv1("B^2", visit="V2"))
    second = "PID|2||2^^^H^MR||Muster^Max"
    taken(site, "A17", pid("1"), pv1("B^2", visit="V1"), second, pv1("A^1", visit="V2"))
    assert places(visit_of(site, "V1")) == [("A^1", "completed"), ("B^2", "active")]
    assert places(visit_of(site, "V2")) == [("B^2", "completed"), ("A^1", "active")]


def test_what_comes_out_of_order_does_not_bring_anybody_back() -> None:
    site = made()
    taken(site, "A08", pid(), pv1("3W"))
    assert visit_of(site)["status"] == "in-progress"
    taken(site, "A03", pid(), pv1("3W"), at="20260106120000")
    for trigger in ("A01", "A02", "A05"):
        taken(site, trigger, pid(), pv1("4E"), at="20260105110000")
        visit = visit_of(site)
        assert (visit["status"], visit["period"]["end"]) == ("finished", "2026-01-06T12:00:00Z"), trigger
        assert places(visit) == [("3W", "completed")], trigger


def test_departing_and_arriving_keeps_the_bed_until_then() -> None:
    site = made()
    taken(site, "A01", pid(), pv1("3W^1"))
    taken(site, "A09", pid(), "PV1|1|I|3W^1||||||||XRAY||||||||V1^^^H^VN")
    assert places(visit_of(site)) == [("3W^1", "reserved"), ("XRAY", "planned")]
    taken(site, "A10", pid(), "PV1|1|I|3W^1||||||||XRAY||||||||V1^^^H^VN")
    assert places(visit_of(site))[-1] == ("XRAY", "active")


def line(segment_id: str, **fields: str) -> str:
    """A segment from its fields, `f3` being the third."""
    numbered = {int(name[1:]): value for name, value in fields.items()}
    return "|".join([segment_id, *(numbered.get(number, "") for number in range(1, max(numbered) + 1))])


WHOLE = (
    "PD1||||77^Grey^Ada",
    "NK1|1|Muster^Hans|SPO^Spouse|1 Main^^Town|555-555-0100||E",
    "NK1|2|Muster^Lea|DAU",
    "PV2|||^Chest pain|||||20260105|20260108",
    "ROL|1|AD|AT|77^Grey^Ada",
    "OBX|1|NM|HT^Height||180|cm|||||F",
    "AL1|1|DA|7980^penicillin G^RXNORM|SV|rash~hives|20200101",
    "AL1|2|FA|^Peanut|MO",
    "DG1|1|I10|I214^NSTEMI||20260105|A",
    "DG1|2||E11.9^Diabetes^I10C||20260105|W",
    "PR1|1|I10P|0FT44ZZ^Resection||20260105123000",
    line("GT1", f1="1", f3="Muster^Hans", f5="1 Main^^Town", f11="SPO"),
    line("IN1", f1="1", f2="P01^Gold", f3="C1^^^H", f4="First Health", f8="G1", f12="20250101", f17="SEL", f36="M1"),
    "IN2|1",
    line("IN1", f1="2", f2="P02", f3="C2", f4="Second Health", f16="Muster^Hans", f17="SPO", f36="M2"),
    "ACC|20260101",
    "ZZ1|odd|x^y",
)


def test_an_admission_brings_all_that_its_segments_say() -> None:
    site = made()
    taken(site, "A01", pid(), pv1(), *WHOLE)
    (person,) = found(site, "Patient?identifier=1")
    assert [one["name"]["given"] for one in person["contact"]] == [["Hans"], ["Lea"]]
    assert person["generalPractitioner"][0]["display"] == "Grey, Ada"
    visit = visit_of(site)
    assert visit["reasonCode"] == [{"text": "Chest pain"}]
    assert [one["valueDateTime"] for one in visit["extension"]] == ["2026-01-05", "2026-01-08"]
    conditions = {f"Condition/{one['id']}": one for one in found(site, f"Condition?encounter={visit['id']}")}
    ordered = [conditions[one["condition"]["reference"]]["code"] for one in visit["diagnosis"]]
    assert [one["coding"][0]["code"] for one in ordered] == ["I21.4", "E11.9"]
    assert {one["coding"][0]["system"] for one in ordered} == {"http://hl7.org/fhir/sid/icd-10-cm"}
    relatives = found(site, f"RelatedPerson?patient={person['id']}")
    roles = [[kind["coding"][0]["code"] for kind in one["relationship"]] for one in relatives]
    assert roles == [["SPS", "C"], ["DAU"], ["GUAR", "SPS"]]
    penicillin, peanut = found(site, f"AllergyIntolerance?patient={person['id']}")
    assert penicillin["category"] == ["medication"]
    assert [one["manifestation"][0]["text"] for one in penicillin["reaction"]] == ["rash", "hives"]
    assert (penicillin["criticality"], penicillin["onsetDateTime"]) == ("high", "2020-01-01")
    assert (peanut["code"], peanut["category"]) == ({"text": "Peanut"}, ["food"])
    first, second = found(site, f"Coverage?patient={person['id']}")
    assert (first["subscriberId"], first["payor"][0]["display"], first["order"]) == ("M1", "First Health", 1)
    assert second["subscriber"]["display"] == "Muster, Hans"
    (resection,) = found(site, f"Procedure?patient={person['id']}")
    assert resection["performedDateTime"] == "2026-01-05T12:30:00Z"
    (height,) = found(site, f"Observation?patient={person['id']}&code=8302-2")
    assert (height["valueQuantity"], height["encounter"]["reference"]) == (
        {"value": 180, "unit": "cm"},
        f"Encounter/{visit['id']}",
    )


def test_the_same_message_again_writes_nothing() -> None:
    site = made()
    taken(site, "A01", pid(), pv1(), *WHOLE)
    before = len(site.log.changes)
    taken(site, "A08", pid(), pv1(), *WHOLE)
    assert site.log.changes[before:] == []


def test_lists_are_snapshots_and_silence_says_nothing() -> None:
    site = made()
    taken(site, "A01", pid(), pv1(), *WHOLE)
    taken(site, "A08", pid(), pv1())
    (person,) = found(site, "Patient?identifier=1")
    assert len(found(site, "AllergyIntolerance?clinical-status=active")) == 2
    taken(
        site, "A08", pid(), pv1(), "AL1|1|DA|7980^penicillin G^RXNORM", "NK1|1|Muster^Lea|DAU",
        "DG1|1||I21.4^NSTEMI^I10C||20260106|F",
        line("IN1", f1="1", f2="P02", f3="C2", f4="Second Health", f36="M2"),
    )  # fmt: skip
    (left,) = found(site, "AllergyIntolerance?clinical-status=active")
    assert left["code"]["coding"][0]["code"] == "7980"
    assert len(left["reaction"]) == 2, "what is not told again stays"
    assert [one["subscriberId"] for one in found(site, "Coverage?status=active")] == ["M2"]
    active = [one for one in found(site, f"RelatedPerson?patient={person['id']}") if one["active"]]
    assert sorted(one["name"][0]["given"][0] for one in active) == ["Hans", "Lea"], "the guarantor is another list"
    (diagnosis,) = visit_of(site)["diagnosis"]
    assert diagnosis["use"]["coding"][0]["code"] == "DD"
    states = {
        one["code"]["coding"][0]["code"]: one["verificationStatus"]["coding"][0]["code"]
        for one in found(site, "Condition")
    }
    assert states == {"I21.4": "confirmed", "E11.9": "entered-in-error"}
    taken(site, "A08", pid(), pv1(), "AL1|1||^NKA")
    assert found(site, "AllergyIntolerance?clinical-status=active") == []
    taken(site, "A08", pid(), pv1(), "AL1|1|FA|^Peanut")
    (again,) = found(site, "AllergyIntolerance?clinical-status=active")
    assert again["code"]["text"] == "Peanut"
    taken(site, "A08", pid(), pv1(), 'AL1|1|""|""')
    assert found(site, "AllergyIntolerance?clinical-status=active") == []
    assert len(found(site, "AllergyIntolerance")) == 2


def test_that_there_is_no_allergy_is_over_once_there_is_one() -> None:
    site = made()
    taken(site, "A28", pid())
    none = {"coding": [{"system": "http://snomed.info/sct", "code": "716186003"}]}
    clinical = "http://terminology.hl7.org/CodeSystem/allergyintolerance-clinical"
    active = {"coding": [{"system": clinical, "code": "active"}]}
    write(site, {"resourceType": "AllergyIntolerance", "id": "n", "code": none, "clinicalStatus": active,
                 "patient": {"reference": "Patient/w1"}})  # fmt: skip
    taken(site, "A08", pid(), "AL1|1||^NKA")
    assert [one["id"] for one in found(site, "AllergyIntolerance?clinical-status=active")] == ["n"]
    taken(site, "A08", pid(), "AL1|1||^Latex")
    assert [one["code"] for one in found(site, "AllergyIntolerance?clinical-status=active")] == [{"text": "Latex"}]


def test_an_admission_told_twice_begins_when_it_began_and_a_letter_is_no_other_class() -> None:
    site = made()
    taken(site, "A01", pid(), pv1(), at="20260105130000")
    known = visit_of(site)
    write(site, {**known, "class": {**known["class"], "code": "ACUTE"}})
    taken(site, "A01", pid(), pv1(), at="20260105150000")
    again = visit_of(site)
    assert again["period"] == {"start": "2026-01-05T13:00:00Z"}
    assert again["class"]["code"] == "ACUTE"
    assert "classHistory" not in again
    taken(site, "A08", pid(), pv1() + "|" * 25 + "20260105123000")
    assert visit_of(site)["period"] == {"start": "2026-01-05T12:30:00Z"}


def test_no_known_drug_allergy_leaves_the_others() -> None:
    site = made()
    taken(site, "A01", pid(), pv1(), "AL1|1|DA|7980^penicillin G^RXNORM", "AL1|2|FA|^Peanut")
    taken(site, "A08", pid(), pv1(), "AL1|1||NKDA")
    (left,) = found(site, "AllergyIntolerance?clinical-status=active")
    assert left["code"]["text"] == "Peanut"


def test_death_is_told_and_taken_back() -> None:
    site = made()
    dead = pid() + "|" * 20
    for fields, wanted in (
        (dead + "|20260105|Y", {"deceasedDateTime": "2026-01-05"}),
        (dead + "||Y", {"deceasedDateTime": "2026-01-05"}),
        (dead + '||""', {}),
        (dead + "||DECEASED", {"deceasedBoolean": True}),
        (dead + "|20260105|N", {"deceasedBoolean": False}),
        (dead + "|202601051200", {"deceasedDateTime": "2026-01-05T12:00:00Z"}),
        (dead + '|""', {}),
    ):
        taken(site, "A08", fields)
        (person,) = found(site, "Patient?identifier=1")
        assert {name: value for name, value in person.items() if name.startswith("deceased")} == wanted, fields


def test_a_merge_leads_later_messages_to_the_survivor_and_keeps_what_the_loser_had() -> None:
    site = made()
    taken(site, "A01", pid("1"), pv1(visit="V1"))
    taken(site, "A28", pid("2"))
    taken(site, "A28", pid("3"))
    taken(site, "A40", pid("2"), "MRG|1^^^H^MR")
    taken(site, "A40", pid("3"), "MRG|2^^^H^MR")
    records = [site.store.read("Patient", f"w{number}") for number in (1, 3, 4)]
    assert [one.document["active"] for one in records if one is not None] == [False, False, True]
    assert visit_of(site)["subject"]["reference"] == "Patient/w1"
    assert len(found(site, "Encounter?patient=w1")) == 1
    taken(site, "A08", pid("1").replace("Erika", "Anna"))
    survivor = site.store.read("Patient", "w4")
    assert survivor is not None
    assert survivor.document["name"][0]["given"] == ["Anna"]
    assert [number["value"] for number in survivor.document["identifier"]] == ["3"]
    taken(site, "A03", pid("1"), pv1(visit="V1"))
    assert visit_of(site)["subject"]["reference"] == "Patient/w4"


def test_what_cannot_be_merged_is_told_with_the_acceptance_or_refused_where_that_is_wanted() -> None:
    site = made()
    taken(site, "A28", pid("1"))
    ack = told(site, "A40", pid("1"), "MRG|9^^^H^MR")
    assert [ack.get(path) for path in ("MSA-1", "ERR-2", "ERR-3.1", "ERR-4")] == ["AA", "MRG^1^1", "204", "W"]
    assert told(site, "A40", pid("1"), "MRG|1^^^H^MR").get("ERR-3.1") == "205"
    old = told(site, "A40", pid("1"), "MRG|9^^^H^MR", version="2.3")
    assert (old.get("MSA-1"), old.segment("ERR")) == ("AA", None)
    assert told(site, "A37", pid("1"), "PID|2||9^^^H^MR||A^B").get("ERR-4") == "W"
    assert told(site, "A29", pid("9")).get("ERR-4") == "W"


def test_deleted_is_gone_over_fhir() -> None:
    site = made()
    taken(site, "A01", pid(), pv1())
    taken(site, "A23", pid(), pv1())
    assert found(site, "Encounter") == []
    taken(site, "A29", pid())
    reply = site.handle(Exchange("fhir", path="/Patient/w1")).reply
    assert reply is not None
    assert reply.status == 410


def messages(site: Site, name: str) -> list[str]:
    return [one.interaction.name for one in site.links.links[name].ready if one.interaction is not None]


def test_what_changes_over_fhir_is_told_by_its_message() -> None:
    site = made()
    site.links.add(Link("out", "127.0.0.1", 1))
    patient = {"resourceType": "Patient", "id": "p", "identifier": [{"system": f"{AUTHORITY}", "value": "1"}],
               "name": [{"family": "Muster"}]}  # fmt: skip
    visit: dict[str, Any] = {
        "resourceType": "Encounter", "id": "v", "status": "planned", "subject": {"reference": "Patient/p"},
        "class": {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "AMB"},
    }  # fmt: skip
    ward, icu = ({"location": {"display": name}, "status": "active"} for name in ("3 West", "ICU"))
    left = {**ward, "status": "completed"}
    write(site, patient)
    inpatient = {"class": {**visit["class"], "code": "IMP"}}
    for change in (
        {}, {"status": "arrived"}, {"status": "in-progress"}, inpatient | {"location": [ward]},
        {"location": [left, icu]}, {"location": [ward]}, {"status": "onleave"}, {"status": "in-progress"},
        {"status": "finished"}, {"status": "in-progress"}, {"class": visit["class"]}, {"status": "cancelled"},
    ):  # fmt: skip
        visit |= change
        write(site, visit)
    assert messages(site, "out") == [
        f"ADT^{trigger}"
        for trigger in ("A28", "A05", "A04", "A08", "A06", "A02", "A12", "A21", "A22", "A03", "A13", "A07", "A11")
    ]


def test_an_admission_over_fhir_carries_the_chart_and_another_site_takes_it_all() -> None:
    one, other = made(), made()
    taken(one, "A28", pid(), *(segment for segment in WHOLE if segment[:3] in ("NK1", "AL1", "IN1", "GT1", "PD1")))
    feed = one.links.add(Link("out", "127.0.0.1", 1))
    visit = {
        "resourceType": "Encounter", "id": "v", "status": "in-progress", "subject": {"reference": "Patient/w1"},
        "class": {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "IMP"},
        "identifier": [{"system": AUTHORITY, "value": "V1"}], "reasonCode": [{"text": "Chest pain"}],
    }  # fmt: skip
    write(one, visit)
    message = Message(feed.ready[0].body)
    assert [segment.id for segment in message.segments] == [
        "MSH", "EVN", "PID", "PD1", "NK1", "NK1", "PV1", "PV2", "AL1", "AL1", "GT1", "IN1", "IN1",
    ]  # fmt: skip
    answered = other.handle(Exchange("mllp-in", "SEND", body=feed.ready[0].body))
    assert answered.reply is not None
    assert b"MSA|AA" in answered.reply.body
    for kind in ("AllergyIntolerance", "Coverage", "RelatedPerson"):
        there, here = found(other, kind), found(one, kind)
        assert len(there) == len(here) > 0, kind
        for left, right in zip(there, here, strict=True):
            for element in ("code", "reaction", "criticality", "subscriberId", "order", "telecom", "relationship"):
                assert left.get(element) == right.get(element), (kind, element)
    assert visit_of(other)["reasonCode"] == [{"text": "Chest pain"}]


def test_a_merge_over_fhir_is_told_with_both_patients_and_undone_by_another() -> None:
    one, other = made(), made()
    feed = one.links.add(Link("out", "127.0.0.1", 1))
    for number in "12":
        numbers = [{"system": AUTHORITY, "value": number}]
        write(one, {"resourceType": "Patient", "id": number, "identifier": numbers, "name": [{"family": "Muster"}]})
    loser = {
        "resourceType": "Patient", "id": "2", "identifier": [{"system": AUTHORITY, "value": "2"}],
        "name": [{"family": "Muster"}],
    }  # fmt: skip
    write(one, loser | {"active": False, "link": [{"other": {"reference": "Patient/1"}, "type": "replaced-by"}]})
    write(one, loser | {"active": True})
    assert messages(one, "out") == ["ADT^A28", "ADT^A28", "ADT^A40", "ADT^A37"]
    merged, unmerged = (Message(exchange.body) for exchange in list(feed.ready)[2:])
    assert (merged.get("PID-3.1"), merged.get("MRG-1.1")) == ("1", "2")
    assert sorted(unmerged.get_all("PID-3.1")) == ["1", "2"]
    states = []
    for exchange in feed.ready:
        answered = other.handle(Exchange("mllp-in", "SEND", body=exchange.body))
        assert answered.reply is not None
        assert b"MSA|AA" in answered.reply.body
        two = other.store.read("Patient", "w2")
        states.append((two.document["active"], "link" in two.document) if two is not None else None)
    assert states == [None, (True, False), (False, True), (True, False)]


def test_a_swap_is_told_on_with_both_visits() -> None:
    site = made()
    feed = site.links.add(Link("out", "127.0.0.1", 1, ("ADT^A17",), relay=True))
    taken(site, "A01", pid("1"), pv1("A^1", visit="V1"))
    taken(site, "A01", pid("2"), pv1("B^2", visit="V2"))
    second = "PID|2||2^^^H^MR||Muster^Max"
    taken(site, "A17", pid("1"), pv1("B^2", visit="V1"), second, pv1("A^1", visit="V2"))
    (exchange,) = feed.ready
    message = Message(exchange.body)
    pairs = dict(zip(message.get_all("PID-3.1"), message.get_all("PV1-3"), strict=True))
    assert pairs == {"1": "B^2", "2": "A^1"}


@pytest.mark.parametrize("event", ["A40", "A34", "A18", "A30", "A36", "A39"])
def test_every_kind_of_merge_is_told_on(event: str) -> None:
    site = made()
    feed = site.links.add(Link("out", "127.0.0.1", 1, (f"ADT^{event}",), relay=True))
    for number in "123":
        taken(site, "A28", pid(number))
    for number in "23":
        ack = told(site, event, pid("1"), f"MRG|{number}^^^H^MR")
        assert ack.get("MSA-1") == "AA"
    merges = [Message(exchange.body) for exchange in feed.ready]
    assert [(one.get("PID-3.1"), one.get("MRG-1.1")) for one in merges] == [("1", "2"), ("1", "3")]
