"""What comes in: write intents, and refusals that say where and why."""

from typing import Any

import pytest

from mockehr.hl7.accept import ACCEPTORS, accept
from mockehr.hl7.accept.intents import Accepted, Context, Key, Merge, Upsert, resolve
from mockehr.hl7.dialect import GENERIC, Dialect
from mockehr.hl7.dialects.epic import EPIC
from mockehr.hl7.dialects.oracle import ORACLE
from mockehr.hl7.faults import Rejection
from mockehr.hl7.message import Message

TERMINOLOGY = "http://terminology.hl7.org/CodeSystem/"
AT = 1_767_614_400.0
PID = "PID|1||42^^^HOSP^MR~9^^^&1.2.3&ISO^PI||Doe^John^Q R^Jr^Mr^^L||19800229|M|||1 Main^^Town^OH^44101||555-555-0100"
PV1 = "PV1|1|I|5W^12^B^HOSP||||||||||||||||V7^^^HOSP^VN" + "|" * 25 + "20260105063000-0500"
OBR = "OBR|1|P5^EHR|L77^LAB|24323-8^CMP^LN|||20260105110000|||||||||||||||20260105115900||LAB|F"


def take(*segments: str, kind: str = "ADT^A01", dialect: Dialect = GENERIC, **rest: Any) -> Accepted:
    head = f"MSH|^~\\&|LAB|H1|EHR|H2|20260105115959||{kind}|M1|P|2.5.1"
    return accept(Message("\r".join([head, *segments, ""]).encode()), Context(AT, dialect, **rest))


def by_key(accepted: Accepted) -> dict[str, Upsert]:
    return {intent.key: intent for intent in accepted.intents if isinstance(intent, Upsert)}


def refused(*segments: str, kind: str = "ADT^A01", **rest: Any) -> tuple[str, int, str]:
    with pytest.raises(Rejection) as caught:
        take(*segments, kind=kind, **rest)
    (fault,) = caught.value.faults
    assert fault.text
    return caught.value.code, fault.code, fault.place


def test_an_admission_asks_for_a_patient_and_a_visit() -> None:
    accepted = take("EVN|A01|20260105", PID, PV1)
    assert (accepted.event, accepted.subject) == ("ADT^A01", "Encounter")
    patient, visit = accepted.intents
    assert isinstance(patient, Upsert)
    assert isinstance(visit, Upsert)
    assert patient.match == (Key("http://example.org/authority/HOSP", "42"), Key("urn:oid:1.2.3", "9"))
    assert patient.defaults == {"active": True}
    assert patient.resource["name"] == [
        {"use": "official", "family": "Doe", "given": ["John", "Q", "R"], "prefix": ["Mr"], "suffix": ["Jr"]}
    ]
    assert patient.resource["birthDate"] == "1980-02-29"
    assert patient.resource["address"] == [{"line": ["1 Main"], "city": "Town", "state": "OH", "postalCode": "44101"}]
    assert visit.match == (Key("http://example.org/authority/HOSP", "V7"),)
    assert visit.resource["status"] == "in-progress"
    assert visit.resource["class"]["code"] == "IMP"
    assert visit.resource["period"] == {"start": "2026-01-05T06:30:00-05:00"}
    assert visit.resource["location"][0]["location"]["identifier"]["value"] == "5W^12^B^HOSP"
    assert visit.resource["subject"] == {"reference": "urn:mockehr:intent:patient"}


def test_references_between_intents_become_real_ones() -> None:
    visit = by_key(take("EVN|A01", PID, PV1))["encounter"]
    resolved = resolve(visit.resource, {"patient": "Patient/77"})
    assert resolved["subject"] == {"reference": "Patient/77"}
    assert visit.resource["subject"] == {"reference": "urn:mockehr:intent:patient"}


@pytest.mark.parametrize(
    ("trigger", "status"),
    [
        ("A01", "in-progress"),
        ("A02", "in-progress"),
        ("A03", "finished"),
        ("A04", "in-progress"),
        ("A05", "planned"),
        ("A11", "cancelled"),
        ("A13", "in-progress"),
    ],
)
def test_the_trigger_says_what_became_of_the_visit(trigger: str, status: str) -> None:
    accepted = take(f"EVN|{trigger}|20260105", PID, PV1, kind=f"ADT^{trigger}")
    assert by_key(accepted)["encounter"].resource["status"] == status


def test_a_discharge_ends_when_pv1_45_or_else_the_event_says() -> None:
    said = by_key(take("EVN|A03|20260105", PID, PV1 + "|20260107", kind="ADT^A03"))["encounter"]
    assert said.resource["period"]["end"] == "2026-01-07"
    event = by_key(take("EVN|A03|202601061200", PID, PV1, kind="ADT^A03"))["encounter"]
    assert event.resource["period"]["end"] == "2026-01-06T12:00:00Z"
    neither = by_key(take(PID, PV1, kind="ADT^A03"))["encounter"]
    assert neither.resource["period"]["end"] == "2026-01-05T12:00:00Z"


def test_an_update_leaves_the_status_of_a_known_visit_alone() -> None:
    visit = by_key(take("EVN|A08|20260105", PID, PV1, kind="ADT^A08"))["encounter"]
    assert "status" not in visit.resource
    assert visit.defaults == {"status": "in-progress"}


@pytest.mark.parametrize("pseudo", ["PV1|1|N", "PV1||N|||||||||||||||||V7", "PV1"])
@pytest.mark.parametrize("trigger", ["A08", "A28", "A31"])
def test_a_pseudo_visit_is_no_visit(pseudo: str, trigger: str) -> None:
    assert list(by_key(take(PID, pseudo, kind=f"ADT^{trigger}"))) == ["patient"]


def test_an_explicit_null_clears_and_silence_does_not() -> None:
    pid = 'PID|1||42^^^HOSP^MR||""||""|||||||||||||||||||||||N'
    patient = by_key(take(pid, kind="ADT^A08"))["patient"]
    assert patient.cleared == ("name", "birthDate", "deceasedDateTime")
    assert set(patient.resource) == {"resourceType", "identifier", "deceasedBoolean"}


def test_a_time_of_death_replaces_the_mere_fact() -> None:
    patient = by_key(take("PID|1||42^^^HOSP^MR" + "|" * 26 + "202601051030|Y", kind="ADT^A08"))["patient"]
    assert patient.resource["deceasedDateTime"] == "2026-01-05T10:30:00Z"
    assert patient.cleared == ("deceasedBoolean",)


def test_vendors_identifiers_become_those_of_their_fhir_side() -> None:
    epic = by_key(take("PID|1||E1^^^EPIC^MRN~7^^^EPI^MR||D^J", "PV1|1|O|||||||||||||||||900", dialect=EPIC))
    assert [key.system.rpartition(".")[2] for key in epic["patient"].match] == ["0", "14"]
    assert epic["encounter"].match == (Key("urn:oid:1.2.840.114350.1.13.0.1.7.3.698084.8", "900"),)
    pid = "PID|1||37^^^HOSP_MRN^MRN||D^J^^^^^CURRENT||||||^^^^^^HOME||(555)555-0100^HOM~555-555-0101^BUS"
    pid += "|||||F5^^^CERNER^FIN NBR"
    oracle = by_key(take(pid, "PV1|1|E", dialect=ORACLE))
    assert oracle["patient"].match == (Key("urn:oid:2.16.840.1.113883.6.1000", "37"),)
    assert oracle["encounter"].match == (Key("urn:oid:5.5.5.5.5.5.", "F5"),)
    assert [point["use"] for point in oracle["patient"].resource["telecom"]] == ["home", "work"]
    assert "address" not in oracle["patient"].resource


def test_a_merge_names_who_survives_and_who_goes_pair_by_pair() -> None:
    accepted = take(
        "EVN|A40|20260105", "PID|1||1^^^H^MR||A^B", "MRG|2^^^H^MR~3^^^H^MR", "PID|2||4^^^H^MR||C^D", "MRG|5^^^H^MR",
        kind="ADT^A40",
    )  # fmt: skip
    system = "http://example.org/authority/H"
    assert [intent for intent in accepted.intents if isinstance(intent, Merge)] == [
        Merge((Key(system, "1"),), (Key(system, "2"), Key(system, "3"))),
        Merge((Key(system, "4"),), (Key(system, "5"),)),
    ]
    assert list(by_key(accepted)) == ["patient-1", "patient-2"]


def test_a_merge_that_cannot_be_is_refused() -> None:
    assert refused("PID|1||1^^^H^MR", "MRG|1^^^H^MR", kind="ADT^A40") == ("AE", 205, "MRG-1")
    assert refused("PID|1||1^^^H^MR", "MRG|", kind="ADT^A40") == ("AE", 101, "MRG-1")
    assert refused("MRG|1^^^H^MR", kind="ADT^A40") == ("AE", 100, "MRG")
    assert refused("PID|1||1^^^H^MR", kind="ADT^A34") == ("AE", 100, "MRG")
    assert refused("EVN|A40", kind="ADT^A40") == ("AE", 100, "PID")


@pytest.mark.parametrize(
    ("segments", "expected"),
    [
        ((), ("AE", 100, "PID")),
        ((PID,), ("AE", 100, "PV1")),
        (("PID|1|", PV1), ("AE", 101, "PID-5")),
        (("PID|1||||D^J", PV1), ("AE", 101, "PID-3")),
        (("PID|1||^^^H^MR||D^J", PV1), ("AE", 101, "PID-3")),
        (("PID|1||1||D^J||19861332", PV1), ("AE", 102, "PID-7")),
        (("PID|1||1||D^J||1986-07-09", PV1), ("AE", 102, "PID-7")),
        ((PID, "PV1|1"), ("AE", 101, "PV1-2")),
        ((PID, "PV1|1|I"), ("AE", 101, "PV1-19")),
        ((PID, PV1.replace("20260105063000-0500", "tomorrow")), ("AE", 102, "PV1-44")),
    ],
)
def test_an_admission_that_lacks_something_is_refused_with_the_place(
    segments: tuple[str, ...], expected: tuple[str, int, str]
) -> None:
    assert refused(*segments) == expected


def test_what_is_not_for_this_system_is_rejected() -> None:
    assert refused(PID, kind="ADT^A99") == ("AR", 201, "MSH-9")
    with pytest.raises(Rejection, match=r"ADT\^A99 is not accepted; nearest: ADT\^A\d\d, ADT\^A\d\d$"):
        take(PID, kind="ADT^A99")
    assert refused(PID, kind="BAR^P01") == ("AR", 200, "MSH-9")
    assert refused(PID, kind="") == ("AR", 200, "MSH-9")
    assert refused(PID, PV1, versions=frozenset({"2.3"})) == ("AR", 203, "MSH-12")
    assert refused(PID, PV1, processing_ids=frozenset({"T", "D"})) == ("AR", 202, "MSH-11")
    with pytest.raises(Rejection, match="MSH-10"):
        accept(Message(b"MSH|^~\\&|A|B|C|D|2026||ADT^A01||P|2.3\r"), Context(AT))


def test_every_acceptor_is_named_by_type_and_trigger() -> None:
    assert {"ADT^A01", "ADT^A03", "ADT^A04", "ADT^A08", "ADT^A40", "ORU^R01"} <= set(ACCEPTORS)
