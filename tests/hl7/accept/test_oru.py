"""Results that come in: reports, their Observations and how those belong together, and what is refused."""

from base64 import b64decode
from dataclasses import replace
from typing import Any

import pytest

from mockehr.hl7.accept import accept
from mockehr.hl7.accept.intents import Accepted, Context, Key, Upsert
from mockehr.hl7.dialect import GENERIC, Dialect
from mockehr.hl7.faults import Rejection
from mockehr.hl7.message import Message

TERMINOLOGY = "http://terminology.hl7.org/CodeSystem/"
AUTHORITY = "http://example.org/authority/"
AT = 1_767_614_400.0
PID = "PID|1||42^^^HOSP^MR||Doe^John||19800229|M"
PV1 = "PV1|1|I|5W^12^B^HOSP||||||||||||||||V7^^^HOSP^VN"
OBR = "OBR|1|P5^EHR|L77^LAB|24323-8^CMP^LN|||20260105110000|||||||||||||||20260105115900||LAB|F"


def take(*segments: str, kind: str = "ORU^R01", dialect: Dialect = GENERIC, strict: bool = False) -> Accepted:
    head = f"MSH|^~\\&|LAB|H1|EHR|H2|20260105115959||{kind}|M1|P|2.5.1"
    raw = "\r".join([head, *segments, ""]).encode()
    return accept(Message(raw), Context(AT, dialect, strict=strict))


def by_key(accepted: Accepted) -> dict[str, Upsert]:
    return {intent.key: intent for intent in accepted.intents if isinstance(intent, Upsert)}


def refused(*segments: str, strict: bool = False, dialect: Dialect = GENERIC) -> tuple[str, int, str]:
    with pytest.raises(Rejection) as caught:
        take(*segments, strict=strict, dialect=dialect)
    (fault,) = caught.value.faults
    assert fault.text
    return caught.value.code, fault.code, fault.place


def observations(*segments: str) -> list[dict[str, Any]]:
    found = by_key(take(*segments)).values()
    return [intent.resource for intent in found if intent.resource_type == "Observation"]


def report(*segments: str) -> dict[str, Any]:
    return by_key(take(*segments))["report-1"].resource


def test_a_report_has_a_result_for_each_obx() -> None:
    accepted = take(
        PID, PV1, "ORC|RE", OBR, "NTE|1||all~fine",
        "OBX|1|NM|2345-7^Glucose^LN^GLU^Glucose^L|1|5.10|mmol/L^^UCUM|3.5-5.1|H|||F|||202601051030",
        "NTE|1||haemolysed", "OBX|2|CE|6463-4^Organism^LN||112^E. coli^L||||||P",
        kind="ORU^R01",
    )  # fmt: skip
    found = by_key(accepted)
    assert list(found) == ["patient", "encounter", "order-1", "observation-1", "observation-2", "report-1"]
    told = found["report-1"]
    assert told.match == (Key(f"{AUTHORITY}report", "L77/24323-8"),)
    assert told.resource["identifier"][0]["value"] == "L77"
    assert told.resource["result"] == [
        {"reference": "urn:mockehr:intent:observation-1"},
        {"reference": "urn:mockehr:intent:observation-2"},
    ]
    assert told.resource["conclusion"] == "all\nfine"
    assert told.resource["issued"] == "2026-01-05T11:59:00Z"
    assert told.resource["basedOn"][0]["identifier"]["value"] == "P5"
    assert told.resource["basedOn"][0]["reference"] == "urn:mockehr:intent:order-1"
    assert not found["order-1"].creates
    glucose = found["observation-1"]
    assert glucose.match == (Key(f"{AUTHORITY}observation", "L77/24323-8:2345-7:1"),)
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
        "identifier": [{"system": "http://example.org/authority/observation", "value": "L77/24323-8:2345-7:1"}],
        "note": [{"text": "haemolysed"}],
    }  # fmt: skip
    assert found["observation-2"].resource["status"] == "preliminary"


def test_results_without_patient_or_order_are_refused() -> None:
    assert refused(OBR) == ("AE", 100, "OBR")
    assert refused(PID) == ("AE", 100, "OBR")
    assert refused("ZZZ") == ("AE", 100, "PID")
    assert refused(PID, "OBR|1") == ("AE", 101, "OBR-4")
    assert refused(PID, "OBR|1|||X" + "|" * 21 + "?") == ("AE", 103, "OBR-25")


def test_a_report_line_by_line_is_one_text() -> None:
    lines = [f"OBX|{n}|TX|RPT^Report^L|{n}|{text}||||||F" for n, text in enumerate(("one", "", "three"), 1)]
    found = by_key(take(PID, OBR, *lines, "OBX|4|NM|A||1||||||F", kind="ORU^R01"))
    texts = [one.resource.get("valueString") for one in found.values() if one.resource_type == "Observation"]
    assert texts == ["one\n\nthree", None]


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
    assert found["report-1"].resource["status"] == "final"
    assert report(PID, "OBR|1|||X^Y^L")["status"] == "unknown"


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
    assert [one.resource_type for one in found.values()] == ["Patient", "ServiceRequest", "DiagnosticReport"]
    assert found["report-1"].resource["presentedForm"] == [
        {"contentType": "application/pdf", "data": "JVBERi0=", "title": "Scan"}
    ]


def test_every_trigger_of_results_is_taken_as_results() -> None:
    for kind in ("ORU^R01", "ORU^R03", "ORU^R30", "ORU^R32", "ORU^R40"):
        accepted = take(PID, OBR, "OBX|1|NM|A||1||||||F", kind=kind)
        assert (accepted.event, accepted.subject) == ("ORU^R01", "DiagnosticReport")
        assert [one.resource_type for one in by_key(accepted).values()][-2:] == ["Observation", "DiagnosticReport"]


def test_reports_that_share_a_filler_number_are_told_apart_by_what_was_asked() -> None:
    found = by_key(take(PID, "OBR|1||F1|A^a^L", "OBX|1|NM|X||1||||||F", "OBR|2||F1|B^b^L", "OBX|1|NM|X||2||||||F"))
    assert found["report-1"].match != found["report-2"].match
    assert found["observation-1"].match != found["observation-2"].match
    again = by_key(take(PID, "OBR|1||F1|B^b^L", "OBX|1|NM|X||2||||||F"))
    assert again["report-1"].match == found["report-2"].match
    assert again["observation-1"].match == found["observation-2"].match


def test_without_a_filler_number_the_placer_number_serves() -> None:
    found = by_key(take(PID, "ORC|RE|P9", "OBR|1|||A^a^L", "OBX|1|NM|X||1||||||F"))
    assert found["report-1"].match == (Key(f"{AUTHORITY}report", "P9/A"),)
    assert "FILL" not in str(found["report-1"].resource["identifier"])


def test_an_order_is_looked_for_by_every_number_that_may_be_its_own() -> None:
    found = by_key(take(PID, "ORC|RE|P1^A|F1^LAB|P3", "OBR|1|P2^B|F2^LAB|A^a^L", "OBX|1|NM|X||1||||||F"))
    wanted = [("A", "P1"), ("B", "P2"), ("LAB", "F1"), ("LAB", "F2"), ("HOSPITAL", "P3")]
    assert {Key(AUTHORITY + name, value) for name, value in wanted} | {Key("", "P3")} == set(found["order-1"].match)


@pytest.mark.parametrize(
    ("obr", "obx", "status"),
    [
        ("P", "F", "preliminary"), ("F", "P", "final"), ("X", "X", "cancelled"), ("W", "W", "entered-in-error"),
        ("D", "D", "entered-in-error"), ("C", "C", "corrected"), ("", "F", "final"), ("", "P", "preliminary"),
        ("", "C", "corrected"), ("", "X", "cancelled"), ("", "W", "entered-in-error"),
    ],
)  # fmt: skip
def test_the_report_has_the_status_of_obr_25_or_else_that_of_its_results(obr: str, obx: str, status: str) -> None:
    told = report(PID, "OBR|1||F1|A^a^L" + "|" * 21 + obr, f"OBX|1|NM|X||1||||||{obx}")
    assert told["status"] == status


def test_a_missing_result_status_is_refused_unless_the_dialect_reads_one() -> None:
    assert refused(PID, OBR, "OBX|1|NM|X||5") == ("AE", 101, "OBX-11")
    assert refused(PID, OBR, "OBX|1|NM|X||5||||||Q") == ("AE", 103, "OBX-11")
    final = replace(GENERIC, default_result_status="F")
    found = by_key(take(PID, OBR, "OBX|1|NM|X||5", dialect=final))
    assert found["observation-1"].resource["status"] == "final"


def test_a_result_needs_a_name_unless_it_is_a_line_of_the_report() -> None:
    assert refused(PID, OBR, "OBX|1|NM|||5||||||F") == ("AE", 101, "OBX-3")
    told = report(PID, OBR, "OBX|1|TX|||one||||||F", "OBX|2|TX|||||||||F", "OBX|3|TX|||three||||||F")
    assert b64decode(told["presentedForm"][0]["data"]) == b"one\n\nthree"
    assert "result" not in told


def test_text_under_the_code_of_the_report_is_its_presented_form() -> None:
    told = report(PID, OBR, "OBX|1|FT|24323-8^CMP^LN||one\\.br\\two||||||F", "OBX|2|NM|A||1||||||F")
    (form,) = told["presentedForm"]
    assert (form["contentType"], b64decode(form["data"])) == ("text/plain", b"one\ntwo")
    assert len(told["result"]) == 1


def test_the_impression_of_an_imaging_report_is_its_conclusion() -> None:
    found = take(PID, OBR, "OBX|1|TX|71020&GDT||clear lungs||||||F", "OBX|2|TX|71020&IMP||normal||||||F")
    assert by_key(found)["report-1"].resource["conclusion"] == "normal"
    (text,) = [one.resource for one in by_key(found).values() if one.resource_type == "Observation"]
    assert text["valueString"] == "clear lungs"


def test_notes_belong_to_what_stands_before_them() -> None:
    segments = (PID, "NTE|1||of the patient", OBR, "NTE|1||of the report", "OBX|1|NM|A||1||||||F", "NTE|1||of A")
    pdf = "OBX|2|ED|PDF||^^^^JVBERi0=||||||F"
    found = by_key(take(*segments, pdf, "NTE|1||of the scan"))
    assert found["observation-1"].resource["note"] == [{"text": "of A"}]
    assert found["report-1"].resource["conclusion"] == "of the report\nof the scan"


def test_a_line_break_inside_a_text_does_not_tear_it_apart() -> None:
    told = observations(PID, OBR, "OBX|1|ST|A^a^L||one", "two", "", "four||||||F", "OBX|2|NM|B||1||||||F")
    assert [one.get("valueString") for one in told] == ["one\ntwo\n\nfour", None]


MICRO = "OBR|1|P1^EHR|M1^LAB|630-4^Culture^LN||||||||||||||||||||MB|F"
ORGANISM = "OBX|1|CWE|600-7^Bacteria^LN|{sub}|112283007^E. coli^SCT||||||F"
DRUG = "OBX|{number}|SN|{code}^Drug^LN|{sub}|<^2|ug/mL|||||F"


@pytest.mark.parametrize("sub", ["1", "1.1", "1.2.3"])
def test_susceptibilities_are_members_of_their_organism_by_sub_id(sub: str) -> None:
    organism = ORGANISM.format(sub=sub.rpartition(".")[0] or "1")
    found = by_key(take(PID, MICRO, organism, DRUG.format(number=2, code="18864-9", sub=sub)))
    members = found["observation-1"].resource["hasMember"]
    assert members == [{"reference": "urn:mockehr:intent:observation-2"}]
    assert list(found).index("observation-2") < list(found).index("observation-1")


def test_two_organisms_keep_their_own_susceptibilities() -> None:
    found = by_key(
        take(
            PID, MICRO, ORGANISM.format(sub="1"), ORGANISM.format(sub="2"),
            DRUG.format(number=3, code="1-1", sub="1"), DRUG.format(number=4, code="1-1", sub="2"),
        )
    )  # fmt: skip
    assert found["observation-1"].resource["hasMember"] == [{"reference": "urn:mockehr:intent:observation-3"}]
    assert found["observation-2"].resource["hasMember"] == [{"reference": "urn:mockehr:intent:observation-4"}]


def test_an_order_under_an_organism_has_its_members() -> None:
    child = "OBR|{n}|P1^EHR|M1^LAB|50545-3^Susc^LN" + "|" * 21 + "F|600-7&Bacteria&LN^{sub}|||P1&EHR^M1&LAB"
    found = by_key(
        take(
            PID, MICRO, ORGANISM.format(sub="1"), ORGANISM.format(sub="2"), child.format(n=2, sub=1),
            DRUG.format(number=1, code="1-1", sub=""), child.format(n=3, sub=2),
            DRUG.format(number=1, code="1-1", sub=""),
        )
    )  # fmt: skip
    assert found["observation-1"].resource["hasMember"] == [{"reference": "urn:mockehr:intent:observation-3"}]
    assert found["observation-2"].resource["hasMember"] == [{"reference": "urn:mockehr:intent:observation-4"}]
    assert found["observation-3"].match != found["observation-4"].match
    assert found["report-2"].match != found["report-3"].match


def test_a_reflex_test_is_derived_from_the_result_that_caused_it() -> None:
    reflex = "OBR|2||F2^LAB|3024-7^FT4^LN" + "|" * 22 + "3016-3|||^F1&LAB"
    found = by_key(
        take(PID, "OBR|1||F1^LAB|3016-3^TSH^LN", "OBX|1|NM|3016-3||9||||||F", reflex, "OBX|1|NM|3024-7||1||||||F")
    )
    assert found["observation-2"].resource["derivedFrom"] == [{"reference": "urn:mockehr:intent:observation-1"}]
    assert "hasMember" not in found["observation-1"].resource


def test_who_performed_it_is_kept_with_address_and_number() -> None:
    obx = "OBX|1|NM|A||1||||||F|||20260105||7^Fox^Bo|M1^Photometry^L||||||"
    obx += "Lab One^L^^^^CLIA^XX^^^77D|1 Main^^Town^OH|9^Owl^Al"
    (found,) = observations(PID, OBR, obx)
    (organization,) = found["contained"]
    assert (organization["name"], organization["address"][0]["city"]) == ("Lab One", "Town")
    assert organization["identifier"] == [{"system": f"{AUTHORITY}CLIA", "value": "77D"}]
    assert organization["contact"] == [{"name": {"family": "Owl", "given": ["Al"]}}]
    assert [one.get("reference") or one["display"] for one in found["performer"]] == ["#performer", "Fox, Bo"]
    assert found["method"]["text"] == "Photometry"


def test_flags_that_no_table_has_are_kept_as_text() -> None:
    (found,) = observations(PID, OBR, "OBX|1|NM|A||1|||H~A~*~odd|||F")
    flags = [(one.get("coding", [{}])[0].get("code"), one.get("text")) for one in found["interpretation"]]
    assert flags == [("H", None), ("A", None), ("A", "*"), (None, "odd")]


def test_a_specimen_is_told_by_spm_or_before_it_by_obr_15() -> None:
    spm = "SPM|1|S1&EHR^S2&LAB||BLD^Blood^HL70487||||LA^Left arm^L" + "|" * 9 + "20260105100000|20260105103000||N"
    found = by_key(take(PID, OBR, "OBX|1|NM|A||1||||||F", spm))
    tube = found["specimen-1"].resource
    assert tube["identifier"] == [{"system": f"{AUTHORITY}EHR", "value": "S1"}]
    assert (tube["status"], tube["collection"]["collectedDateTime"]) == ("unavailable", "2026-01-05T10:00:00Z")
    assert found["observation-1"].resource["specimen"] == {"reference": "urn:mockehr:intent:specimen-1"}
    old = by_key(take(PID, "OBR|1||F1|A^a^L|||||||||||BLD&Blood&HL70070", "OBX|1|NM|A||1||||||F"))
    assert old["source-1"].resource["type"]["coding"][0]["code"] == "BLD"
    assert old["report-1"].resource["specimen"] == [{"reference": "urn:mockehr:intent:source-1"}]


def test_a_visit_that_cannot_be_read_does_not_hold_up_results_but_is_warned_of() -> None:
    accepted = take(PID, PV1 + "|" * 25 + "then", OBR)
    assert "encounter" not in by_key(accepted)
    assert [fault.severity for fault in accepted.warnings] == ["W"]
    assert "report-1" in by_key(accepted)


def test_the_reader_of_a_report_stands_in_an_ndl_or_is_a_mere_person() -> None:
    for written in ("7&Fox&Bo", "7^Fox^Bo"):
        told = report(PID, OBR + "|" * 7 + written)
        assert told["resultsInterpreter"][0]["display"] == "Fox, Bo"
