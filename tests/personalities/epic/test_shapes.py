"""What Epic's resources look like, beyond tests/personalities/test_epic.py. Sources: personalities/epic/notes.md."""

from __future__ import annotations

import base64
import re
from typing import Any
from xml.etree import ElementTree

import pytest

from mockehr.core.chance import Chance
from mockehr.personalities.load import load_personality
from mockehr.personalities.model import Dresser, SiteFacts

Json = dict[str, Any]
FACTS = SiteFacts("x", Chance("x").key)
CDA = "{urn:hl7-org:v3}"


def dressed(clean: Json, *others: Json, recorded: str = "", **tables: Any) -> Json:
    """Epic's form of a clean resource among others, at a site with these small settings."""
    facts = SiteFacts("x", Chance("x").key, settings={"shape": {"tables": tables}})
    vendor = load_personality("epic", facts=facts)
    around = Dresser.over((clean, *others), ids=vendor.ids(facts), facts=facts, recorded=lambda one: recorded)
    return vendor.dress(clean, around)


def coded(system: str, code: str, text: str = "") -> Json:
    return {"coding": [{"system": system, "code": code}], **({"text": text} if text else {})}


def codings(element: Any) -> list[Json]:
    concepts = element if isinstance(element, list) else [element]
    return [one for concept in concepts for one in concept.get("coding", ())]


@pytest.mark.behaviour("epic", "id-families", "id-lengths")
def test_ids_have_the_family_and_length_of_their_type() -> None:
    ids = load_personality("epic", facts=FACTS).ids(FACTS)
    told = {
        "Patient": ("e", "3", 24), "Encounter": ("e", "3", 24), "DocumentReference": ("e", "3", 24),
        "Medication": ("f", "4", 24), "Observation": ("f", "4", 45), "Procedure": ("f", "4", 45),
        "MedicationRequest": ("e", "3", 45), "ServiceRequest": ("e", "3", 45), "DiagnosticReport": ("e", "3", 45),
        "Location": ("e", "3", 45),
    }  # fmt: skip
    for kind, (first, last, length) in told.items():
        text = ids.encode(kind, 3, 4)
        assert (text[0], text[-1], len(text)) == (first, last, length), kind
        assert re.fullmatch(r"[A-Za-z0-9.-]+", text)
        assert ids.decode(kind, text) == (3, 4)
        other = "f" if first == "e" else "e"
        assert ids.decode(kind, other + text[1:]) is None
    assert ids.encode("Condition", 3, 4, "encounter-diagnosis")[0] == "f"
    assert ids.encode("Condition", 3, 4)[0] == "e"


@pytest.mark.behaviour("epic", "ids-beyond-64")
def test_ids_may_be_longer_than_fhir_allows() -> None:
    ids = load_personality("epic", {"ids": {"lengths": {"AllergyIntolerance": 92, "Medication": 66}}}).ids(FACTS)
    for kind, length in (("AllergyIntolerance", 92), ("Medication", 66)):
        text = ids.encode(kind, 1, 2)
        assert len(text) == length > 64
        assert ids.decode(kind, text) == (1, 2)


@pytest.mark.behaviour("epic", "utc-seconds")
def test_moments_are_in_utc_to_the_second(epic_ward: Any) -> None:
    def moments(node: Any) -> list[str]:
        if isinstance(node, dict):
            return [one for value in node.values() for one in moments(value)]
        if isinstance(node, list):
            return [one for value in node for one in moments(value)]
        return [node] if isinstance(node, str) and re.match(r"\d{4}-\d\d-\d\dT", node) else []

    found = [one for _, made in epic_ward.pairs for one in moments(made)]
    assert found
    assert not [one for one in found if not re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", one)]


@pytest.mark.behaviour("epic", "reference-types")
def test_references_to_those_who_acted_say_what_they_are(epic_ward: Any) -> None:
    for kind, name in (("MedicationRequest", "requester"), ("Procedure", "recorder"), ("Procedure", "asserter")):
        found = [one[name] for one in epic_ward.of(kind) if name in one]
        assert found
        assert {one["type"] for one in found} == {"Practitioner"}
    assert not any("type" in one["subject"] for one in epic_ward.of("Condition"))


# patients

PATIENT: Json = {
    "resourceType": "Patient",
    "id": "p1",
    "name": [
        {"use": "official", "family": "Lane", "given": ["Margaret"], "prefix": ["Dr."]},
        {"use": "nickname", "given": ["Peggy"]},
    ],
    "gender": "female",
    "telecom": [{"system": "phone", "value": "555-0101"}, {"system": "email", "value": "a@example.org"}],
    "maritalStatus": coded("http://terminology.hl7.org/CodeSystem/v3-MaritalStatus", "M", "Married"),
    "communication": [{"language": coded("urn:ietf:bcp:47", "en", "English"), "preferred": True}],
    "generalPractitioner": [{"reference": "Practitioner/d1"}],
}


@pytest.mark.behaviour("epic", "marital-text", "deceased-told", "telecom-rank", "prefix-capitals", "unknown-group")
def test_a_patient_tells_little_by_code_and_much_outright() -> None:
    made = dressed(PATIENT)
    assert made["maritalStatus"] == {"text": "Married"}
    assert made["deceasedBoolean"] is False
    assert [one["rank"] for one in made["telecom"]] == [1, 2]
    assert made["name"][0]["prefix"] == ["DR."]
    groups = {one["url"].rpartition("-")[2]: one["extension"] for one in made["extension"] if "extension" in one}
    assert groups["ethnicity"] == [{"valueString": "Unknown", "url": "text"}]
    assert groups["race"][0]["valueCoding"]["code"] == "UNK"


@pytest.mark.behaviour("epic", "languages")
def test_a_preferred_language_tells_of_skills_and_wishes() -> None:
    [language] = dressed(PATIENT)["communication"]
    skills = [one["extension"][0]["valueCoding"]["code"] for one in language["extension"]]
    assert skills == ["ESP", "EWR"]
    assert {one["url"] for one in language["extension"]} == {
        "http://hl7.org/fhir/StructureDefinition/patient-proficiency"
    }
    assert [one["valueCoding"]["code"] for one in language["_preferred"]["extension"]] == ["verbal", "written"]


@pytest.mark.behaviour("epic", "preferred-name", "record-number-type", "primary-care")
def test_houses_differ_in_preferred_names_record_numbers_and_primary_care() -> None:
    nickname = dressed(PATIENT)["name"]
    assert [(one["use"], one["given"]) for one in nickname] == [
        ("official", ["Margaret"]), ("usual", ["Margaret"]), ("nickname", ["Peggy"]),
    ]  # fmt: skip
    usual = dressed(PATIENT, preferred_name="usual")["name"]
    assert [(one["use"], one["given"]) for one in usual] == [("official", ["Margaret"]), ("usual", ["Peggy"])]
    assert usual[1]["text"].startswith("Peggy")
    extended = dressed(PATIENT, preferred_name="extension")["name"]
    assert [one["use"] for one in extended] == ["official", "usual"]
    assert extended[1]["given"] == ["Margaret", "Peggy"]
    assert extended[1]["_given"][1]["extension"][0]["valueCode"] == "CL"
    record = coded("http://terminology.hl7.org/CodeSystem/v2-0203", "MR")
    numbered = {**PATIENT, "identifier": [{"type": record, "system": "urn:x", "value": "4711"}]}
    made = dressed(numbered, record_number_type="HMRN")
    assert {one["type"]["text"]: one["value"] for one in made["identifier"]}["HMRN"] == "4711"
    assert "generalPractitioner" in dressed(PATIENT, primary_care_share=1.0)
    assert "generalPractitioner" not in dressed(PATIENT, primary_care_share=0.0)


# visits, problems, allergies

STAY: Json = {
    "resourceType": "Encounter",
    "id": "p1-2",
    "status": "finished",
    "class": {"code": "IMP"},
    "type": [{"text": "Admission to ward"}],
    "subject": {"reference": "Patient/p1"},
    "participant": [{"individual": {"reference": "Practitioner/d1"}}],
    "period": {"start": "2025-01-01T08:00:00Z", "end": "2025-01-03T08:00:00Z"},
    "reasonReference": [{"reference": "Condition/p1-3"}],
    "diagnosis": [{"condition": {"reference": "Condition/p1-3"}}],
}


@pytest.mark.behaviour("epic", "several-types", "hospital-account")
def test_a_hospital_stay_has_three_types_and_an_account() -> None:
    made = dressed(STAY, PATIENT)
    assert [one["system"].partition(".7.")[2] for one in codings(made["type"])] == [
        "10.698084.30", "10.698084.10110", "2.808267",
    ]  # fmt: skip
    [account] = made["account"]
    assert account["identifier"]["system"].endswith(".7.2.726582")
    assert account["display"] == "Lane, Margaret"
    office = dressed({**STAY, "class": {"code": "AMB"}}, PATIENT)
    assert (len(office["type"]), "account" in office) == (1, False)


@pytest.mark.behaviour("epic", "reason-code")
def test_a_visit_has_a_local_reason_and_participation_and_no_diagnosis() -> None:
    made = dressed(STAY, PATIENT)
    assert codings(made["reasonCode"])[0]["system"].endswith(".7.2.728286")
    assert codings(made["participant"][0]["type"])[0]["code"] == "PART"
    assert not {"diagnosis", "reasonReference"} & set(made)


CATEGORY = "http://terminology.hl7.org/CodeSystem/condition-category"
ICD10 = "http://hl7.org/fhir/sid/icd-10-cm"


def condition(category: str, code: str, **more: Any) -> Json:
    return {
        "resourceType": "Condition",
        "id": "p1-3",
        "category": [coded(CATEGORY, category)],
        "code": coded(ICD10, code, "Something"),
        "subject": {"reference": "Patient/p1"},
        "encounter": {"reference": "Encounter/p1-2"},
        "recordedDate": "2025-01-01T08:00:00Z",
        "recorder": {"reference": "Practitioner/d1"},
        **more,
    }


@pytest.mark.behaviour("epic", "evidence")
def test_an_encounter_diagnosis_leads_to_its_problem() -> None:
    problem = {**condition("problem-list-item", "I10"), "id": "p1-9"}
    made = dressed(condition("encounter-diagnosis", "I10"), problem, STAY)
    ids = load_personality("epic", facts=FACTS).ids(FACTS)
    [detail] = made["evidence"][0]["detail"]
    assert detail["reference"] == f"Condition/{ids.encode('Condition', 1, 9)}"
    assert "evidence" not in dressed(condition("encounter-diagnosis", "J45.40"), problem, STAY)


@pytest.mark.behaviour("epic", "mixed-codes")
def test_a_problem_has_codes_of_four_systems_in_no_fixed_order(epic_ward: Any) -> None:
    icd9 = "http://hl7.org/fhir/sid/icd-9-cm"
    orders = set()
    for code in ("I10", "E78.5", "E11.9", "J44.9", "K21.9", "N39.0"):
        clean = condition("problem-list-item", code)
        clean["code"]["coding"].append({"system": icd9, "code": "401.9"})
        made = dressed(clean)
        order = tuple(one["system"] for one in made["code"]["coding"])
        assert set(order) == {ICD10, icd9, "http://snomed.info/sct", "urn:oid:2.16.840.1.113883.3.247.1.1"}
        orders.add(order)
    assert len(orders) > 1
    assert epic_ward.of("Condition")


@pytest.mark.behaviour("epic", "sdoh-category", "condition-days")
def test_problems_are_dated_by_the_day_and_social_ones_marked() -> None:
    made = dressed(condition("problem-list-item", "Z59.6"), graded_share=0.0)
    assert [one["code"] for one in codings(made["category"])] == ["problem-list-item", "sdoh"]
    assert made["recordedDate"] == "2025-01-01"
    assert not {"encounter", "recorder"} & set(made)
    plain = dressed(condition("problem-list-item", "I10", severity=coded("x", "y", "High")))
    assert [one["code"] for one in codings(plain["category"])] == ["problem-list-item"]
    assert plain["severity"] == {"text": "High"}


def allergy(code: Json, **more: Any) -> Json:
    return {
        "resourceType": "AllergyIntolerance",
        "id": "p1-4",
        "patient": {"reference": "Patient/p1"},
        "code": code,
    } | more


SNOMED = "http://snomed.info/sct"


@pytest.mark.behaviour("epic", "not-on-file")
def test_nobody_asked_is_a_record_with_an_id_of_its_own_kind() -> None:
    made = dressed(allergy(coded(SNOMED, "1631000175102"), type="allergy", recordedDate="2025-01-01"))
    assert made["code"]["text"] == "Not on File"
    assert not {"type", "category", "recordedDate", "onsetDateTime"} & set(made)
    assert (made["id"][0], len(made["id"])) == ("f", 45)
    assert len(dressed(allergy(coded(SNOMED, "1")))["id"]) == 24


@pytest.mark.behaviour("epic", "manifestations", "reactions-in-words", "unii")
def test_reactions_are_told_in_words_and_substances_by_unii() -> None:
    reaction = [{"manifestation": [{"coding": [{"system": SNOMED, "code": "271807003", "display": "Rash"}]}]}]
    clean = allergy(coded("http://www.nlm.nih.gov/research/umls/rxnorm", "1191", "aspirin"), reaction=reaction)
    clean["recordedDate"] = "2025-01-01T08:00:00Z"
    made = dressed(clean)
    assert made["reaction"] == [
        {
            "manifestation": [{"coding": [{"system": SNOMED, "code": "271807003"}], "text": "Rash"}],
            "description": "Rash",
        }
    ]
    assert (made["onsetDateTime"], made["recordedDate"]) == ("2025-01-01", "2025-01-01T08:00:00Z")
    assert made["code"]["coding"][-1] == {"system": "urn:oid:2.16.840.1.113883.4.9", "code": "R16CO5Y76E"}
    words = dressed(clean, reaction_codes="text")["reaction"][0]["manifestation"][0]["coding"][0]
    assert words == {"system": SNOMED, "code": "Rash"}


# results


def observation(category: str, **more: Any) -> Json:
    system = "http://terminology.hl7.org/CodeSystem/observation-category"
    code = coded("http://loinc.org", more.pop("loinc", "8867-4"), "Some")
    return {
        "resourceType": "Observation",
        "id": "p1-5",
        "status": "final",
        "category": [coded(system, category)],
        "code": code,
    } | more


@pytest.mark.behaviour("epic", "only-abnormal")
def test_only_what_is_abnormal_is_said_to_be_so() -> None:
    normal = {"interpretation": [coded("http://terminology.hl7.org/CodeSystem/v3-ObservationInterpretation", "N")]}
    high = {"interpretation": [coded("http://terminology.hl7.org/CodeSystem/v3-ObservationInterpretation", "H")]}
    assert "interpretation" not in dressed(observation("laboratory", **normal))
    [told] = codings(dressed(observation("laboratory", **high))["interpretation"])
    assert (told["code"], told["display"]) == ("H", "High")
    parts = [{"code": coded("http://loinc.org", "8462-4"), "valueQuantity": {"value": 95}}]
    [told] = codings(dressed(observation("vital-signs", loinc="85354-9", component=parts))["interpretation"])
    assert (told["code"], told["display"]) == ("A", "Abnormal")
    parts[0]["valueQuantity"]["value"] = 75
    assert "interpretation" not in dressed(observation("vital-signs", loinc="85354-9", component=parts))
    assert "interpretation" in dressed(observation("vital-signs", valueQuantity={"value": 180}))


@pytest.mark.behaviour("epic", "specialties")
def test_references_to_practitioners_may_carry_their_specialty() -> None:
    role = {
        "resourceType": "PractitionerRole", "id": "d1", "practitioner": {"reference": "Practitioner/d1"},
        "specialty": [{"text": "Cardiology"}],
    }  # fmt: skip
    [told] = dressed(STAY, role, specialty_on_references=True)["participant"][0]["individual"]["extension"]
    assert told["url"] == "http://open.epic.com/FHIR/StructureDefinition/extension/specialty"
    assert told["valueCodeableConcept"] == {"text": "Cardiology"}
    assert "extension" not in dressed(STAY, role)["participant"][0]["individual"]


@pytest.mark.behaviour("epic", "placer-filler", "report-categories", "components-by-name", "orders-behind")
def test_reports_have_order_numbers_two_categories_and_an_order(epic_ward: Any) -> None:
    orders = {f"ServiceRequest/{one['id']}" for one in epic_ward.beside if one["resourceType"] == "ServiceRequest"}
    found = epic_ward.of("DiagnosticReport", lambda clean: "LAB" in str(clean["category"]))
    assert found
    for report in found:
        assert [codings(one["type"])[0]["code"] for one in report["identifier"]] == ["PLAC", "FILL"]
        assert [one["code"] for one in codings(report["category"])] == ["Lab", "LAB"]
        assert report["basedOn"][0]["reference"] in orders
        assert {one["type"] for one in report["performer"]} <= {"Practitioner", "Organization"}
        assert all(one["display"].startswith("Component (1): ") for one in report["result"])


# documents


@pytest.mark.behaviour("epic", "note-identifiers", "note-types", "attester", "practice-setting", "nopat")
def test_notes_have_two_numbers_two_local_types_and_a_signature(epic_ward: Any) -> None:
    signed = [one for one in epic_ward.of("DocumentReference") if "authenticator" in one]
    assert signed
    for note in signed:
        first, second = note["identifier"]
        assert second["system"] == "urn:oid:1.2.840.114350.1.72.3.15"
        assert second["value"].endswith(f".2.727879_{first['value']}")
        kinds = note["type"]["coding"]
        assert kinds[1]["system"] == "urn:oid:1.2.840.114350.1.72.727879.69848980"
        assert kinds[2]["userSelected"] is True
        assert note["extension"][0]["url"].startswith("http://hl7.org/fhir/5.0/")
        instant = note["authenticator"]["extension"][0]
        assert instant["url"].endswith("clinical-note-authentication-instant")
        assert note["context"]["extension"][0]["url"].endswith("clinical-note-author-provider-type")
        setting = codings(note["context"]["practiceSetting"])[0]
        assert setting["system"].endswith(".7.4.836982.1050")
        assert setting["display"] == note["context"]["practiceSetting"]["text"]
    labels = [codings(note["securityLabel"])[0]["code"] for note in signed if "securityLabel" in note]
    assert set(labels) == {"NOPAT"}
    assert len(labels) < len(signed)


@pytest.mark.behaviour("epic", "scanned-papers")
def test_scanned_papers_are_listed_without_content(epic_ward: Any) -> None:
    papers = [
        one for one in epic_ward.beside
        if one["resourceType"] == "DocumentReference" and "document-information" in str(one["category"])
    ]  # fmt: skip
    assert {one["type"]["text"] for one in papers} == {
        "Insurance Card", "HIPAA Notice of Privacy", "Advance Directives and Living Will",
    }  # fmt: skip
    for paper in papers:
        [content] = paper["content"]
        assert content["attachment"]["extension"][0]["valueCode"] == "not-applicable"
        assert paper["identifier"][0]["system"].endswith(".7.2.686783")
        assert codings(paper["type"])[0]["system"].endswith(".7.4.686783.100")
        assert ("docStatus" in paper) == ("Card" not in paper["type"]["text"])
        assert paper["subject"]["display"]


@pytest.mark.behaviour("epic", "summaries", "performance-table")
def test_summaries_are_clinical_documents_in_xml(epic_ward: Any) -> None:
    binaries = {f"Binary/{one['id']}": one for one in epic_ward.beside if one["resourceType"] == "Binary"}
    found = [one for one in epic_ward.beside if "summary-document" in str(one.get("category"))]
    assert {one["type"]["text"] for one in found} >= {"Patient Summary"}
    for summary in found:
        [content] = summary["content"]
        assert content["format"]["code"] == "urn:hl7-org:sdwg:ccda-structuredBody:2.1"
        binary = binaries[content["attachment"]["url"]]
        assert binary["contentType"] == "application/xml"
        root = ElementTree.fromstring(base64.b64decode(binary["data"]))
        assert root.tag == f"{CDA}ClinicalDocument"
        titles = [one.text for one in root.iter(f"{CDA}title")]
        assert titles[0] == summary["type"]["text"]
        assert titles[-1] == "Performance Information"


# orders, vaccines, procedures


@pytest.mark.behaviour("epic", "medication-codes")
def test_medications_have_codes_without_names_and_a_record_number(epic_ward: Any) -> None:
    drugs = [one for one in epic_ward.beside + epic_ward.shared if one["resourceType"] == "Medication"]
    assert drugs
    for drug in drugs:
        assert not any("display" in one for one in codings(drug["code"]))
        assert drug["identifier"][0]["system"].endswith(".7.2.698288")


@pytest.mark.behaviour("epic", "sig-text", "times-of-day")
def test_an_order_tells_its_times_of_day_and_its_days_in_words() -> None:
    dose = {"text": "Take 1 tablet", "timing": {"repeat": {"frequency": 2, "period": 1, "periodUnit": "d"}}}
    clean = {
        "resourceType": "MedicationRequest", "id": "p1-6", "status": "active", "authoredOn": "2019-05-28T10:00:00Z",
        "medicationCodeableConcept": {"text": "aspirin"}, "dosageInstruction": [dose],
    }  # fmt: skip
    [told] = dressed(clean)["dosageInstruction"]
    assert told["text"] == "Take 1 tablet, Starting Tue 5/28/2019, Until Wed 5/27/2020, Normal"
    repeat = told["timing"]["repeat"]
    assert repeat["timeOfDay"] == ["09:00:00", "21:00:00"]
    assert repeat["boundsPeriod"] == {"start": "2019-05-28", "end": "2020-05-28T04:59:00Z"}
    assert told["timing"]["code"] == {"text": "0900-2100"}
    assert not {"frequency", "period", "periodUnit"} & set(repeat)
    dose["timing"]["repeat"]["frequency"] = 4
    [told] = dressed(clean)["dosageInstruction"]
    assert told["text"] == "Take 1 tablet, Starting Tue 5/28/2019, Normal"
    assert told["timing"]["repeat"]["boundsPeriod"]["end"] == "2020-05-28"


def test_an_order_says_nothing_of_who_reported_it_nor_why_it_was_given(epic_ward: Any) -> None:
    clean = [one for one, _ in epic_ward.pairs if one["resourceType"] == "MedicationRequest"]
    assert any("reportedBoolean" in one for one in clean)
    assert any("reasonReference" in one for one in clean)
    for made in epic_ward.of("MedicationRequest"):
        assert not {"reportedBoolean", "reasonReference"} & made.keys()


@pytest.mark.behaviour("epic", "vaccines", "vaccine-makers")
def test_vaccines_of_the_house_have_a_maker_a_way_and_a_place() -> None:
    clean = {
        "resourceType": "Immunization", "id": "p1-7", "status": "completed", "primarySource": True,
        "vaccineCode": {"coding": [{"system": "http://hl7.org/fhir/sid/cvx", "code": "03", "display": "MMR"}]},
        "occurrenceDateTime": "2025-01-01T08:00:00Z", "doseQuantity": {"value": 0.5, "unit": "mL"},
    }  # fmt: skip
    made = dressed(clean, custodian="North House")
    assert codings(made["vaccineCode"]) == [{"system": "http://hl7.org/fhir/sid/cvx", "code": "03"}]
    assert (made["manufacturer"], made["location"]) == ({"display": "Merck"}, {"display": "North House"})
    assert made["route"]["text"] == "Subcutaneous"
    assert codings(made["route"])[0]["system"].endswith(".7.10.768076.4030")
    assert made["doseQuantity"]["system"].endswith(".7.10.768076.4019")
    assert made["occurrenceDateTime"] == "2025-01-01"
    elsewhere = dressed({**clean, "primarySource": False})
    assert not {"manufacturer", "route", "location"} & set(elsewhere)


@pytest.mark.behaviour("epic", "procedure-numbers", "procedure-category", "procedure-order")
def test_procedures_are_orders_that_were_carried_out(epic_ward: Any) -> None:
    there = {f"{one['resourceType']}/{one['id']}" for one in epic_ward.beside}
    there |= {f"{made['resourceType']}/{made['id']}" for _, made in epic_ward.pairs}
    found = epic_ward.of("Procedure")
    assert found
    for procedure in found:
        order, kind = procedure["identifier"]
        assert (order["type"]["text"], kind["type"]["text"]) == ("ORD", "EAP")
        assert order["system"].endswith(".7.2.798268")
        assert kind["system"].endswith(".7.2.696580")
        [own] = codings(procedure["code"])
        assert (own["system"], own["code"]) == (kind["system"], kind["value"])
        assert own["display"] == own["display"].upper()
        category = codings(procedure["category"])[0]["code"]
        assert category == ("387713003" if procedure["category"]["text"] == "Surgery" else "103693007")
        assert procedure["basedOn"][0]["reference"] in there
        for report in procedure.get("report", ()):
            assert report["type"] == "DiagnosticReport"
            assert report["reference"] in there
        assert not {"location", "performer", "performedPeriod"} & set(procedure)


def test_a_measurement_has_a_report_and_standard_codes_where_the_house_has_them() -> None:
    clean = {
        "resourceType": "Procedure", "id": "p1-8", "status": "completed", "subject": {"reference": "Patient/p1"},
        "code": coded("http://www.cms.gov/Medicare/Coding/ICD10", "4A02X4Z", "Measurement"),
        "performedDateTime": "2025-01-01T08:00:00Z",
    }  # fmt: skip
    made = dressed(clean, PATIENT, procedure_codes="standard")
    assert [one["code"] for one in codings(made["code"])][1:] == ["4A02X4Z"]
    vendor = load_personality("epic", facts=FACTS)
    around = Dresser.over((clean, PATIENT), ids=vendor.ids(FACTS), facts=FACTS)
    beside = {f"{one['resourceType']}/{one['id']}": one for one in vendor.beside(clean, around)}
    report = beside[made["report"][0]["reference"]]
    assert (report["status"], report["code"]["text"]) == ("final", "Measurement")
    assert report["basedOn"][0]["reference"] in beside
