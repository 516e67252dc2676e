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
        ((PID, "PV1|1|INPATIENT|||||||||||||||||V7"), ("AE", 103, "PV1-2")),
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
    assert refused(PID, kind="DFT^P03") == ("AR", 200, "MSH-9")
    assert refused(PID, kind="") == ("AR", 200, "MSH-9")
    assert refused(PID, PV1, versions=frozenset({"2.3"})) == ("AR", 203, "MSH-12")
    assert refused(PID, PV1, processing_ids=frozenset({"T", "D"})) == ("AR", 202, "MSH-11")
    with pytest.raises(Rejection, match="MSH-10"):
        accept(Message(b"MSH|^~\\&|A|B|C|D|2026||ADT^A01||P|2.3\r"), Context(AT))


def test_a_report_has_a_result_for_each_obx() -> None:
    accepted = take(
        PID, PV1, "ORC|RE", OBR, "NTE|1||all~fine",
        "OBX|1|NM|2345-7^Glucose^LN^GLU^Glucose^L|1|5.10|mmol/L^^UCUM|3.5-5.1|H|||F|||202601051030",
        "NTE|1||haemolysed", "OBX|2|CE|6463-4^Organism^LN||112^E. coli^L||||||P",
        kind="ORU^R01",
    )  # fmt: skip
    found = by_key(accepted)
    assert list(found) == ["patient", "encounter", "report-1", "observation-1", "observation-2"]
    report = found["report-1"]
    assert report.match == (Key("http://example.org/authority/LAB", "L77"),)
    assert report.resource["result"] == [
        {"reference": "urn:mockehr:intent:observation-1"},
        {"reference": "urn:mockehr:intent:observation-2"},
    ]
    assert report.resource["conclusion"] == "all\nfine"
    assert report.resource["issued"] == "2026-01-05T11:59:00Z"
    assert report.resource["basedOn"][0]["identifier"]["value"] == "P5"
    glucose = found["observation-1"]
    assert glucose.match == (Key("http://example.org/authority/observation", "L77:2345-7:1"),)
    assert glucose.resource == {
        "resourceType": "Observation",
        "status": "final",
        "category": [
            {"coding": [{"system": f"{TERMINOLOGY}observation-category", "code": "laboratory"}]}
        ],
        "code": {
            "coding": [
                {"code": "2345-7", "system": "http://loinc.org", "display": "Glucose"},
                {"code": "GLU", "display": "Glucose"},
            ],
            "text": "Glucose",
        },
        "subject": {"reference": "urn:mockehr:intent:patient"},
        "encounter": {"reference": "urn:mockehr:intent:encounter"},
        "effectiveDateTime": "2026-01-05T10:30:00Z",
        "valueQuantity": {
            "value": 5.1, "unit": "mmol/L", "system": "http://unitsofmeasure.org", "code": "mmol/L",
        },
        "referenceRange": [{"text": "3.5-5.1", "low": {"value": 3.5}, "high": {"value": 5.1}}],
        "interpretation": [
            {
                "coding": [
                    {"system": f"{TERMINOLOGY}v3-ObservationInterpretation", "code": "H"}
                ]
            }
        ],
        "identifier": [{"system": "http://example.org/authority/observation", "value": "L77:2345-7:1"}],
        "note": [{"text": "haemolysed"}],
    }  # fmt: skip
    assert found["observation-2"].resource["status"] == "preliminary"


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        ("NM", "7", {"valueQuantity": {"value": 7}}),
        ("NM", "065.50", {"valueQuantity": {"value": 65.5}}),
        ("NM", ".5", {"valueQuantity": {"value": 0.5}}),
        ("NM", "<5", {"valueQuantity": {"value": 5, "comparator": "<"}}),
        ("NM", ">= 100", {"valueQuantity": {"value": 100, "comparator": ">="}}),
        ("SN", "<^5", {"valueQuantity": {"value": 5, "comparator": "<"}}),
        ("SN", "^2.4^-^2.8", {"valueRange": {"low": {"value": 2.4}, "high": {"value": 2.8}}}),
        ("SN", "^1^:^128", {"valueRatio": {"numerator": {"value": 1}, "denominator": {"value": 128}}}),
        ("SN", "^3^+", {"valueString": "3+"}),
        ("ST", "A & B", {"valueString": "A & B"}),
        ("TX", "one~two", {"valueString": "one\ntwo"}),
        ("FT", "one\\.br\\two", {"valueString": "one\ntwo"}),
        ("CWE", "1^x^L~2^y^L", {"valueCodeableConcept": {
            "coding": [{"code": "1", "display": "x"}, {"code": "2", "display": "y"}], "text": "x; y"}}),
        ("CE", "^free text", {"valueCodeableConcept": {"text": "free text"}}),
        ("DT", "20260104", {"valueDateTime": "2026-01-04"}),
        ("TS", "202601041530+0100", {"valueDateTime": "2026-01-04T15:30:00+01:00"}),
        ("TM", "1530", {"valueTime": "15:30:00"}),
        ("NM", "", {}),
        ("", "", {}),
    ],
)  # fmt: skip
def test_each_value_type_becomes_its_fhir_type(kind: str, text: str, value: dict[str, Any]) -> None:
    found = by_key(take(PID, OBR, f"OBX|1|{kind}|X^Test^L||{text}||||||F", kind="ORU^R01"))
    resource = found["observation-1"].resource
    assert {name: one for name, one in resource.items() if name.startswith("value")} == value


@pytest.mark.parametrize(
    ("obx", "expected"),
    [
        ("OBX|1|NM|X||5.1 H||||||F", ("AE", 102, "OBX-5")),
        ("OBX|1|NM|X||POSITIVE||||||F", ("AE", 102, "OBX-5")),
        ("OBX|1|NM|X||1,234||||||F", ("AE", 102, "OBX-5")),
        ("OBX|1|SN|X||5+||||||F", ("AE", 102, "OBX-5")),
        ("OBX|1|String|X||5||||||F", ("AE", 103, "OBX-2")),
        ("OBX|1||X||5||||||F", ("AE", 101, "OBX-2")),
        ("OBX|1|NM|||5||||||F", ("AE", 101, "OBX-3")),
        ("OBX|1|NM|X||5", ("AE", 101, "OBX-11")),
        ("OBX|1|NM|X||5||||||Q", ("AE", 103, "OBX-11")),
        ("OBX|1|TS|X||yesterday||||||F", ("AE", 102, "OBX-5")),
        ("OBX|1|TM|X||99||||||F", ("AE", 102, "OBX-5")),
        ("OBX|1|ED|X||^application^pdf^Base64^||||||F", ("AE", 101, "OBX-5")),
        ("OBX|1|ED|X||^application^pdf^Hex^00||||||F", ("AE", 103, "OBX-5")),
    ],
)
def test_a_value_that_does_not_fit_is_refused_with_the_place(obx: str, expected: tuple[str, int, str]) -> None:
    assert refused(PID, OBR, obx, kind="ORU^R01") == expected
    second = refused(PID, OBR, "OBX|1|NM|A||1||||||F", obx, kind="ORU^R01")
    assert second == (*expected[:2], expected[2].replace("OBX-", "OBX[2]-"))


def test_results_without_patient_or_order_are_refused() -> None:
    assert refused(OBR, kind="ORU^R01") == ("AE", 100, "OBR")
    assert refused(PID, kind="ORU^R01") == ("AE", 100, "OBR")
    assert refused("ZZZ", kind="ORU^R01") == ("AE", 100, "PID")
    assert refused(PID, "OBR|1", kind="ORU^R01") == ("AE", 101, "OBR-4")
    assert refused(PID, "OBR|1|||X" + "|" * 21 + "?", kind="ORU^R01") == ("AE", 103, "OBR-25")


def test_a_report_line_by_line_is_one_text() -> None:
    lines = [f"OBX|{n}|TX|RPT^Report^L|{n}|{text}||||||F" for n, text in enumerate(("one", "", "three"), 1)]
    found = by_key(take(PID, OBR, *lines, "OBX|4|NM|A||1||||||F", kind="ORU^R01"))
    assert [intent.resource.get("valueString") for intent in found.values() if "code" in intent.resource] == [
        None, "one\n\nthree", None,
    ]  # fmt: skip


def test_a_correction_finds_what_it_corrects_and_a_repeated_code_stays_apart() -> None:
    first = by_key(take(PID, OBR, "OBX|1|NM|A||1||||||F", "OBX|2|NM|A||2||||||F", kind="ORU^R01"))
    second = by_key(take(PID, OBR, "OBX|7|NM|A||3||||||C", kind="ORU^R01"))
    assert first["observation-1"].match == second["observation-1"].match
    assert first["observation-2"].match != first["observation-1"].match
    assert second["observation-1"].resource["status"] == "corrected"


def test_results_without_a_filler_number_are_always_new() -> None:
    found = by_key(take(PID, "OBR|1|||X^Y^L", "OBX|1|NM|A||1||||||F", kind="ORU^R01"))
    assert found["report-1"].match == ()
    assert found["observation-1"].match == ()
    assert found["report-1"].resource["status"] == "unknown"


def test_orders_and_patients_in_one_message_stay_apart() -> None:
    found = by_key(
        take(
            PID, "ORC|RE|P1|F1", "OBR|1|||A^a^L", "OBX|1|NM|A||1||||||F", "ORC|RE|P2|F2", "OBR|2|||B^b^L",
            "OBX|1|NM|B||2||||||F", "PID|2||77^^^HOSP^MR", "OBR|1||F3|C^c^L", "OBX|1|NM|C||3||||||F",
            kind="ORU^R01",
        )
    )  # fmt: skip
    reports = [found[f"report-{number}"].resource for number in (1, 2, 3)]
    assert [report["identifier"][0]["value"] for report in reports] == ["F1", "F2", "F3"]
    subjects = [report["subject"]["reference"].rpartition(":")[2] for report in reports]
    assert subjects == ["patient", "patient", "patient-2"]
    assert [len(report["result"]) for report in reports] == [1, 1, 1]
    assert found["observation-3"].resource["subject"]["reference"] == "urn:mockehr:intent:patient-2"


def test_a_document_belongs_to_the_report() -> None:
    obx = "OBX|1|ED|PDF^Scan^L||^application^pdf^Base64^JVBE Ri0=||||||F"
    found = by_key(take(PID, OBR, obx, kind="ORU^R01"))
    assert list(found) == ["patient", "report-1"]
    assert found["report-1"].resource["presentedForm"] == [
        {"contentType": "application/pdf", "data": "JVBERi0=", "title": "Scan"}
    ]


def test_every_acceptor_is_named_by_type_and_trigger() -> None:
    assert {"ADT^A01", "ADT^A03", "ADT^A04", "ADT^A08", "ADT^A40", "ORU^R01"} <= set(ACCEPTORS)
