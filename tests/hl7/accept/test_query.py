"""Queries: whom they find, how the rest is asked for, and what a query that is wrong is answered."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hl7apy.consts import VALIDATION_LEVEL
from hl7apy.parser import parse_message

from mockehr.core.exchange import Exchange
from mockehr.hl7.accept import accept
from mockehr.hl7.accept.criteria import asked_of, domains, spellings
from mockehr.hl7.accept.intents import Context
from mockehr.hl7.dialect import GENERIC, IdentifierRule
from mockehr.hl7.faults import Rejection
from mockehr.hl7.message import Message
from mockehr.sites.build import build_site
from mockehr.sites.options import SiteOptions
from mockehr.sites.site import Site

AT = 1_767_614_400.0
AUTHORITY = "http://example.org/authority/"
CONTEXT = Context(AT)
PEOPLE = [
    ("a", "Muster", ["Erika", "Anna"], "female", "1980-03-04", "Springfield"),
    ("b", "Muster", ["Max"], "male", "1982-01-01", "Springfield"),
    ("c", "Musterfrau", ["Eva"], "female", "1980-03-09", "Shelbyville"),
    ("d", "O'Hara", ["Scarlett"], "female", "1990-12-31", "Atlanta"),
    ("e", "McDonald", ["Ronald"], "male", "1955-05-05", "Boston"),
]


def person(id: str, family: str, given: list[str], gender: str, born: str, city: str) -> dict[str, Any]:
    return {
        "resourceType": "Patient",
        "id": id,
        "identifier": [
            {"system": AUTHORITY + "HOSP", "value": f"H{id}"},
            {"system": "urn:oid:1.2.3", "value": f"E{id}"},
        ],
        "name": [{"family": family, "given": given}],
        "gender": gender,
        "birthDate": born,
        "address": [{"city": city, "postalCode": "62701"}],
        "telecom": [{"system": "phone", "value": f"555-555-010{ord(id) - 97}"}],
    }


@pytest.fixture
def site() -> Site:
    made = build_site(SiteOptions("north", patients=0, stepped=True, open_access=True))
    for one in PEOPLE:
        made.store.commit(person(*one), kind="create", source="control")
    return made


def send(site: Site, kind: str, *segments: str, version: str = "2.5") -> Message:
    head = f"MSH|^~\\&|CONS|H1|EHR|H2|20260105115959||{kind}|M1|P|{version}"
    body = "\r".join([head, *segments, ""]).encode()
    return Message(site.handle(Exchange("mllp-in", body=body)).reply.body)


def find(site: Site, criteria: str, *rest: str, more: str = "", **options: Any) -> Message:
    query = f"QPD|IHE PDQ Query|TAG1|{criteria}{more}"
    return send(site, "QBP^Q22^QBP_Q21", query, *(rest or ("RCP|I|",)), **options)


def families(answer: Message) -> list[str]:
    return [pid.text(5, 1, 1) for pid in answer.all("PID")]


def status(answer: Message) -> tuple[str, ...]:
    return tuple(answer.get(path) for path in ("MSA-1", "QAK-2", "QAK-4", "QAK-5", "QAK-6"))


def strictly(answer: Message) -> None:
    parsed = parse_message(bytes(answer).decode(), validation_level=VALIDATION_LEVEL.STRICT)
    assert parsed.validate()


def test_a_reply_is_this(site: Site) -> None:
    answer = find(site, "@PID.5.1^McDonald~@PID.8^M")
    lines = bytes(answer).decode().split("\r")
    assert lines[0].startswith("MSH|^~\\&|EHR|H2|CONS|H1|20260105120000||RSP^K22^RSP_K21|")
    assert lines[1:] == [
        "MSA|AA|M1",
        "QAK|TAG1|OK|IHE PDQ Query|1|1|0",
        "QPD|IHE PDQ Query|TAG1|@PID.5.1^McDonald~@PID.8^M",
        "PID|1||He^^^HOSP^MR~Ee^^^&1.2.3&ISO^MR||McDonald^Ronald^^^^^L||19550505|M|||^^Boston^^62701^^H"
        "||555-555-0104^PRN^PH",
        "QRI|100",
        "",
    ]


@pytest.mark.parametrize(
    ("criteria", "found"),
    [
        ("@PID.5.1^Muster", "ab"),
        ("@PID.5.1^Muster*", "abc"),
        ("@PID.5.1^MUSTER", "ab"),
        ("@PID.5.1^*frau", "c"),
        ("@PID.5.1^O'HARA", "d"),
        ("@PID.5.1^MCDONALD", "e"),
        ("@PID.5.1.1^Muster~@PID.5.2^Erika", "a"),
        ("@PID.5.2^E*", "ac"),
        ("@PID.5.1^Muster~@PID.5.2^*", "ab"),
        ("@PID.7^19800304", "a"),
        ("@PID.7.1^198003", "ac"),
        ("@PID.7^1980~@PID.8^F", "ac"),
        ("@PID.8^M~@PID.11.3^Springfield", "b"),
        ("@PID.11.5^62701~@PID.5.1^Muster", "ab"),
        ("@PID.13.1^555-555-0103", "d"),
        ("@PID.3.1^Ha", "a"),
        ("@PID.3^Ha~@PID.3.4^HOSP", "a"),
        ("@PID.3.1^Eb~@PID.3.4.2^1.2.3~@PID.3.4.3^ISO", "b"),
        ("@PID.3.1^Eb~@PID.3.4.1^HOSP", ""),
        ("@PID.5.1^Nobody", ""),
    ],
)
def test_criteria_find_whom_they_describe(site: Site, criteria: str, found: str) -> None:
    answer = find(site, criteria)
    assert sorted(pid.text(3, 1, 1)[1] for pid in answer.all("PID")) == sorted(found)
    assert status(answer)[:3] == ("AA", "OK" if found else "NF", str(len(found)))


def test_what_is_more_than_wanted_is_asked_for_with_the_pointer(site: Site) -> None:
    seen: list[str] = []
    pointer: tuple[str, ...] = ()
    sizes = []
    for _ in range(3):
        answer = find(site, "@PID.11.5^62701", "RCP|I|2^RD", *pointer)
        seen += [pid.text(3, 1, 1) for pid in answer.all("PID")]
        sizes.append(status(answer)[2:])
        pointer = (f"DSC|{answer.get('DSC-1')}|I",)
        if not answer.segment("DSC"):
            break
    assert sorted(seen) == ["Ha", "Hb", "Hc", "Hd", "He"]
    assert sizes == [("5", "2", "3"), ("5", "2", "1"), ("5", "1", "0")]
    assert [answer.get("PID-1"), answer.get("DSC-2")] == ["1", ""]


def test_a_pointer_that_nobody_gave_is_refused_with_the_reply_of_the_query(site: Site) -> None:
    answer = find(site, "@PID.8^M", "RCP|I|2^RD", "DSC|elsewhere|I")
    assert answer.get("MSH-9") == "RSP^K22^RSP_K21"
    assert status(answer)[:2] == ("AE", "AE")
    assert (answer.get("ERR-2"), answer.get("ERR-3.1")) == ("DSC^1^1", "204")


@pytest.mark.parametrize(
    ("criteria", "code"),
    [
        ("", "101"),
        ("@PID.5.1^", "101"),
        ("@PID.3.4^HOSP", "101"),
        ("@PID.7^yesterday", "102"),
        ("@PID.35^DOG", "103"),
        ("@NK1.2^Muster", "103"),
        ("@PID.5.1^M*er", "103"),
        ("@PID.3.1^H*", "103"),
    ],
)
def test_a_query_that_is_wrong_is_refused_with_the_reply_of_the_query(site: Site, criteria: str, code: str) -> None:
    answer = find(site, criteria)
    assert answer.get("MSH-9") == "RSP^K22^RSP_K21"
    assert status(answer)[:2] == ("AE", "AE")
    assert answer.get("ERR-3.1") == code
    assert answer.get("QPD-2") == "TAG1"
    assert answer.all("PID") == []
    strictly(answer)


def test_what_would_look_through_too_many_charts_is_refused(site: Site) -> None:
    crowded = build_site(SiteOptions("south", patients=3000, stepped=True, open_access=True))
    answer = find(crowded, "@PID.11.4^ZZ")
    assert status(answer)[:2] == ("AE", "AE")
    assert answer.get("ERR-3.1") == "207"
    assert "charts" in answer.get("MSA-3")


def test_a_query_finds_the_computed_population_too() -> None:
    crowded = build_site(SiteOptions("south", patients=500, stepped=True, open_access=True))
    answer = find(crowded, "@PID.5.1^S*", "RCP|I|3^RD")
    assert len(families(answer)) == 3
    assert all(name.startswith("S") for name in families(answer))
    number = answer.get("PID-3.1")
    assert find(crowded, f"@PID.3.1^{number}").get("PID-3.1") == number


def test_identifiers_are_those_of_the_domains_asked_for(site: Site) -> None:
    answer = find(site, "@PID.5.1^Muster~@PID.8^F", more="|||||^^^&1.2.3&ISO")
    assert answer.get("PID-3") == "Ea^^^&1.2.3&ISO^MR"
    answer = find(site, "@PID.5.1^Muster~@PID.8^F", more="|||||^^^ELSEWHERE")
    assert answer.get("PID-3") == '""'


def test_a_domain_that_a_site_with_rules_does_not_know_is_refused(site: Site) -> None:
    rules = (IdentifierRule(AUTHORITY + "HOSP", "HOSP", "MR"),)
    site.dialect = replace(site.dialect, identifiers=rules)
    answer = find(site, "@PID.8^M", more="|||||^^^HOSP~^^^ELSEWHERE")
    assert status(answer)[:2] == ("AE", "AE")
    assert (answer.get("ERR-2"), answer.get("ERR-3.1")) == ("QPD^1^8^1^4", "204")
    assert find(site, "@PID.5.1^O'Hara", more="|||||^^^HOSP").get("PID-3") == "Hd^^^HOSP^MR"


def test_who_was_merged_is_found_as_who_goes_on(site: Site) -> None:
    gone = {
        **person(*PEOPLE[2]),
        "active": False,
        "link": [{"other": {"reference": "Patient/a"}, "type": "replaced-by"}],
    }
    site.store.commit(gone, kind="update", source="control")
    assert families(find(site, "@PID.5.1^Musterfrau")) == ["Muster"]
    answer = find(site, "@PID.5.1^Muster*~@PID.8^F")
    assert families(answer) == ["Muster"]
    assert status(answer) == ("AA", "OK", "1", "1", "0")


@pytest.mark.parametrize(
    ("version", "name"), [("2.4", "RSP_K22"), ("2.5", "RSP_K21"), ("2.6", "RSP_K21"), ("2.7", "RSP_K22")]
)
def test_a_strict_reader_accepts_the_reply_in_each_version(site: Site, version: str, name: str) -> None:
    answer = find(site, "@PID.5.1^O'Hara", version=version)
    assert answer.get("MSH-9") == f"RSP^K22^{name}"
    strictly(answer)
    strictly(find(site, "@PID.5.1^Nobody", version=version))


def test_one_person_is_got_by_number(site: Site) -> None:
    answer = send(site, "QBP^Q21^QBP_Q21", "QPD|Q21^Get Person Demographics^HL7nnnn|T|Ea^^^&1.2.3&ISO", "RCP|I")
    assert answer.get("MSH-9") == "RSP^K21^RSP_K21"
    assert families(answer) == ["Muster"]
    strictly(answer)
    assert status(send(site, "QBP^Q21^QBP_Q21", "QPD|Q21|T|nobody^^^HOSP", "RCP|I"))[:2] == ("AA", "NF")


def test_other_numbers_of_a_person_are_cross_referenced(site: Site) -> None:
    answer = send(site, "QBP^Q23^QBP_Q21", "QPD|IHE PIX Query|T9|Ha^^^HOSP", "RCP|I")
    assert answer.get("MSH-9") == "RSP^K23^RSP_K23"
    assert status(answer)[:2] == ("AA", "OK")
    assert answer.get("PID-3") == "Ea^^^&1.2.3&ISO^MR"
    assert answer.get("PID-5") == "^^^^^^S"
    strictly(answer)


@pytest.mark.parametrize(
    ("number", "wanted", "told"),
    [
        ("Ha^^^HOSP", "^^^ELSEWHERE", ("AA", "NF", "")),
        ("Ha^^^HOSP", "^^^&1.2.3&ISO", ("AA", "OK", "")),
        ("Zz^^^HOSP", "", ("AE", "AE", "204")),
        ("Ha", "", ("AE", "AE", "204")),
        ("", "", ("AE", "AE", "101")),
    ],
)
def test_a_cross_reference_says_what_it_cannot_tell(
    site: Site, number: str, wanted: str, told: tuple[str, ...]
) -> None:
    answer = send(site, "QBP^Q23^QBP_Q21", f"QPD|IHE PIX Query|T9|{number}|{wanted}", "RCP|I")
    assert answer.get("MSH-9") == "RSP^K23^RSP_K23"
    assert (answer.get("MSA-1"), answer.get("QAK-2"), answer.get("ERR-3.1")) == told
    assert bool(answer.all("PID")) is (told[1] == "OK")


def test_a_number_that_was_is_not_cross_referenced(site: Site) -> None:
    number = {"use": "old", "system": AUTHORITY + "HOSP", "value": "H0"}
    site.store.commit({**person(*PEOPLE[0]), "identifier": [
        {"system": AUTHORITY + "HOSP", "value": "Ha"}, number]}, kind="update", source="control")  # fmt: skip
    answer = send(site, "QBP^Q23^QBP_Q21", "QPD|IHE PIX Query|T9|Ha^^^HOSP", "RCP|I")
    assert status(answer) == ("AA", "NF", "0", "0", "0")


def vaccinate(site: Site, patient: str, number: int, status: str = "completed") -> None:
    site.store.commit(
        {
            "resourceType": "Immunization",
            "id": f"{patient}{number}",
            "status": status,
            "vaccineCode": {"coding": [{"system": "http://hl7.org/fhir/sid/cvx", "code": f"{number}"}]},
            "patient": {"reference": f"Patient/{patient}"},
            "occurrenceDateTime": f"20{number:02}-01-01",
            "primarySource": True,
        },
        kind="create",
        source="control",
    )


def history(site: Site, fields: str, profile: str = "Z34", rcp: str = "RCP|I|5^RD") -> Message:
    query = f"QPD|{profile}^Request Immunization History^CDCPHINVS|T1|{fields}"
    return send(site, "QBP^Q11^QBP_Q11", query, rcp, version="2.5.1")


def test_the_vaccinations_of_one_person_are_told_in_order(site: Site) -> None:
    for number, outcome in ((20, "completed"), (10, "completed"), (8, "entered-in-error")):
        vaccinate(site, "a", number, outcome)
    vaccinate(site, "b", 33)
    answer = history(site, "X1^^^CLIENT^MR|MUSTER^ERIKA||19800304|F")
    assert answer.get("MSH-9") == "RSP^K11^RSP_K11"
    assert answer.get("MSH-21") == "Z32^CDCPHINVS"
    assert status(answer) == ("AA", "OK", "1", "1", "0")
    assert [segment.id for segment in answer.segments if segment.id] == [
        "MSH", "MSA", "QAK", "QPD", "PID", "ORC", "RXA", "ORC", "RXA",
    ]  # fmt: skip
    assert [rxa.text(5, 1, 1) for rxa in answer.all("RXA")] == ["10", "20"]
    assert history(site, "Ha^^^HOSP^MR", "Z44").get("MSH-21") == "Z42^CDCPHINVS"


def test_several_who_it_may_be_are_listed_and_too_many_are_not(site: Site) -> None:
    vaccinate(site, "a", 20)
    twin = {**person(*PEOPLE[0]), "id": "f", "identifier": [{"system": AUTHORITY + "HOSP", "value": "Hf"}]}
    site.store.commit(twin, kind="create", source="control")
    answer = history(site, "|Muster^Erika||19800304|F")
    assert (answer.get("MSH-21"), len(answer.all("PID")), answer.all("RXA")) == ("Z31^CDCPHINVS", 2, [])
    answer = history(site, "|Muster^Erika||19800304|F", rcp="RCP|I|1^RD")
    assert (answer.get("MSH-21"), answer.get("QAK-2"), answer.all("PID")) == ("Z33^CDCPHINVS", "TM", [])
    answer = history(site, "|Nobody^Erika||19800304|F")
    assert (answer.get("MSH-21"), status(answer)[:2]) == ("Z33^CDCPHINVS", ("AA", "NF"))


@pytest.mark.parametrize(("fields", "profile", "code"), [("|Muster", "Z34", "101"), ("Ha^^^HOSP", "Z99", "103")])
def test_a_history_that_cannot_be_asked_for_is_refused(site: Site, fields: str, profile: str, code: str) -> None:
    answer = history(site, fields, profile)
    assert answer.get("MSH-9") == "RSP^K11^RSP_K11"
    assert status(answer)[:2] == ("AE", "AE")
    assert answer.get("ERR-3.1") == code


def old_query(site: Site, who: str, version: str = "2.3.1") -> Message:
    return send(site, "QRY^A19", f"QRD|20260105|R|I|Q77|||5^RD|{who}|DEM|ALL", version=version)


@pytest.mark.parametrize("version", ["2.2", "2.3.1", "2.4", "2.5"])
def test_the_old_query_is_answered_with_person_and_visit(site: Site, version: str) -> None:
    for number, start in ((1, "2025-01-01"), (2, "2026-01-01")):
        visit = {"resourceType": "Encounter", "id": f"v{number}", "status": "finished", "class": {"code": "AMB"},
                 "subject": {"reference": "Patient/a"}, "period": {"start": start}}  # fmt: skip
        site.store.commit(visit, kind="create", source="control")
    answer = old_query(site, "Ha^^^^^^^^HOSP" if version > "2.3" else "Ha", version)
    assert answer.get("MSH-9.2") == "A19"
    assert answer.get("MSA-1") == "AA"
    assert answer.get("QRD-4") == "Q77"
    assert families(answer) == ["Muster"]
    assert answer.get("PV1-44") == "20260101"
    assert (answer.segment("QAK") is not None) is (version > "2.3")
    strictly(answer)


def test_the_old_query_finds_by_name_and_says_if_it_finds_nobody(site: Site) -> None:
    answer = old_query(site, "^Muster")
    assert families(answer) == ["Muster", "Muster"]
    assert [pv1.text(2) for pv1 in answer.all("PV1")] == ["N", "N"]
    answer = old_query(site, "^Nobody")
    assert (answer.get("MSA-1"), answer.get("QAK-2"), answer.all("PID")) == ("AA", "NF", [])
    assert old_query(site, "").get("MSA-1") == "AE"


def test_a_query_without_its_segment_is_refused_with_an_ack(site: Site) -> None:
    answer = send(site, "QBP^Q22^QBP_Q21", "RCP|I")
    assert (answer.get("MSH-9"), answer.get("ERR-3.1")) == ("ACK^Q22^ACK", "100")


def test_cancelling_a_query_is_acknowledged(site: Site) -> None:
    assert send(site, "QCN^J01^QCN_J01", "QID|TAG1|IHE PDQ Query").get("MSA-1") == "AA"


def test_other_delimiters_are_answered_in_kind(site: Site) -> None:
    body = b"MSH$*~\\#$C$H1$E$H2$20260105$$QBP*Q22$M1$P$2.5\rQPD$PDQ$T$@PID.5.1*O'Hara\rRCP$I\r"
    answer = site.handle(Exchange("mllp-in", body=body)).reply.body
    assert b"\rQAK$T$OK$PDQ$1$1$0\rQPD$PDQ$T$@PID.5.1*O'Hara\r" in answer
    assert b"PID$1$$Hd***HOSP*MR~Ed***#1.2.3#ISO*MR$$O'Hara*Scarlett" in answer


def test_names_are_tried_as_people_write_them() -> None:
    assert spellings("MCDONALD") == ["MCDONALD", "McDonald", "Mcdonald"]
    assert spellings("o'hara")[1] == "O'Hara"


def test_what_means_something_to_a_search_is_escaped() -> None:
    criteria = asked_of([[["@PID.11.3"], ["a,b|c$d"]]], CONTEXT)
    assert criteria == (("address-city", "a\\,b\\|c\\$d"),)


def test_domains_are_systems() -> None:
    told = [[[""], [""], [""], ["HOSP"]], [[""], [""], [""], ["", "1.2.3", "ISO"]], [["x"]]]
    assert domains(told, GENERIC, 8) == (AUTHORITY + "HOSP", "urn:oid:1.2.3")
    with pytest.raises(Rejection):
        domains(told, replace(GENERIC, identifiers=(IdentifierRule("urn:oid:9", "X", "MR"),)), 8)


def test_a_query_writes_nothing(site: Site) -> None:
    before = len(site.log.changes)
    find(site, "@PID.5.1^Muster")
    assert len(site.log.changes) == before
    raw = b"MSH|^~\\&|C|H|E|H|20260105||QBP^Q22|M1|P|2.5\rQPD|P|T|@PID.8^M\rRCP|I\r"
    assert accept(Message(raw), CONTEXT).intents == ()
