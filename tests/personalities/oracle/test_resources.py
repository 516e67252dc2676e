"""The shapes of Oracle Health's resources. Sources: simulator/mockehr/personalities/oracle/notes.md."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from tests.personalities.conftest import House

from mockehr.core.chance import Chance
from mockehr.personalities.load import load_personality
from mockehr.personalities.model import Dresser, SiteFacts

EHR = "https://fhir-ehr.cerner.com/r4/StructureDefinition/"
NUMBER = re.compile(r"\d+")
FORMS = {
    "VS": r"VS-\d+",
    "L": r"L-\d+",
    "SH": r"SH-\d+",
    "BP": r"BP-\d+-\d+",
}


def inside(value: Any) -> Iterator[dict[str, Any]]:
    """All objects of a resource."""
    if isinstance(value, dict):
        yield value
        for one in value.values():
            yield from inside(one)
    elif isinstance(value, list):
        for one in value:
            yield from inside(one)


def codes(concepts: Any) -> set[str]:
    found = concepts if isinstance(concepts, list) else [concepts]
    return {one.get("code", "") for concept in found if concept for one in concept.get("coding", ())}


def own_set(concept: Any) -> str:
    """The code set of what the user chose."""
    coding = concept["coding"][0]
    assert coding["userSelected"] is True
    return str(coding["system"]).rpartition("/codeSet/")[2]


def everybody(house: House) -> Iterator[dict[str, Any]]:
    for index in range(12):
        yield house.read(f"Patient/{house.patient(index)}")


@pytest.mark.behaviour("oracle", "numeric-ids", "prefixed-ids")
def test_ids_tell_the_kind(oracle_ward: Any) -> None:
    for kind in ("Patient", "Encounter", "MedicationRequest", "Procedure", "AllergyIntolerance"):
        assert all(NUMBER.fullmatch(one["id"]) for one in oracle_ward.of(kind)), kind
    seen = {one["id"].partition("-")[0] for one in oracle_ward.of("Observation")}
    assert seen >= set(FORMS)
    for one in oracle_ward.of("Observation"):
        form = FORMS.get(one["id"].partition("-")[0])
        assert form is None or re.fullmatch(form, one["id"])
    assert {one["id"][0] for one in oracle_ward.of("Condition") if len(one["id"]) < 30} == {"p", "d"}
    assert {re.sub(r"\d", "", one["id"]) for one in oracle_ward.of("Immunization")} <= {"M", "HM"}
    assert {one["id"].rpartition("-")[0] for one in oracle_ward.of("CareTeam")} <= {"LIFETIME_PROVIDER", "CARE_TEAM"}
    assert all(one["id"].startswith("PH-") for one in oracle_ward.of("Coverage"))
    assert all(one["id"].startswith("all-") for one in oracle_ward.of("Provenance"))


@pytest.mark.behaviour("oracle", "value-before-url")
def test_values_stand_before_the_name_of_their_extension(oracle_ward: Any) -> None:
    seen = 0
    for _, made in oracle_ward.pairs:
        for one in inside(made):
            for extension in one.get("extension", ()) if isinstance(one.get("extension"), list) else ():
                assert list(extension)[-1] == "url"
                seen += 1
    assert seen


@pytest.mark.behaviour("oracle", "references-bare")
def test_visits_are_referred_to_without_words(oracle_ward: Any) -> None:
    for kind in ("Condition", "Procedure", "DiagnosticReport", "MedicationRequest"):
        for one in oracle_ward.of(kind):
            assert set(one.get("encounter", {})) <= {"reference"}
    assert any("display" in one["subject"] for one in oracle_ward.of("Condition"))
    assert all(not one["subject"]["reference"].startswith("http") for one in oracle_ward.of("Condition"))


@pytest.mark.behaviour("oracle", "attachments-absolute")
def test_attachments_have_whole_addresses_where_the_site_has_one() -> None:
    key = Chance("x").key
    facts = SiteFacts("x", key, base_url="https://north.example.org/r4/t")
    vendor = load_personality("oracle", facts=facts)
    attachment = {"contentType": "text/plain", "url": "Binary/b1"}
    clean = {"resourceType": "DocumentReference", "id": "d1", "content": [{"attachment": attachment}]}
    made = vendor.dress(clean, Dresser(vendor.ids(facts), facts))
    urls = [one["attachment"]["url"] for one in made["content"]]
    assert all(url.startswith("https://north.example.org/r4/t/Binary/") for url in urls)
    assert urls


# people


@pytest.mark.behaviour("oracle", "patient-identifiers", "never-ssn", "contact-preference", "telecom-address")
@pytest.mark.behaviour("oracle", "sex-beside-birthsex", "family-given")
def test_a_patient_has_many_numbers_and_one_preference(oracle_ward: Any) -> None:
    for one in oracle_ward.of("Patient"):
        systems = [identifier.get("system", "") for identifier in one["identifier"]]
        assert systems[0] == "urn:oid:2.16.840.1.113883.6.1000"
        assert {"urn:oid:2.16.840.1.113883.3.787.0.0", "urn:oid:2.16.840.1.113883.3.13.6", ""} <= set(systems)
        assert not any("us-ssn" in system for system in systems)
        assert "_system" in one["identifier"][systems.index("")]
        assert "managingOrganization" not in one
        urls = {extension["url"] for extension in one["extension"]}
        assert f"{EHR}communication-preference" in urls
        birth = any(url.endswith("us-core-birthsex") for url in urls)
        assert birth == any(url.endswith("us-core-sex") for url in urls)
        assert ", " in one["name"][0]["text"]
        for point in one.get("telecom", ()):
            assert point["extension"][0]["url"].endswith("/iso21090-TEL-address")


@pytest.mark.behaviour("oracle", "military-id", "former-names")
def test_some_patients_served_and_some_were_called_otherwise(house: Callable[..., House]) -> None:
    tables = {"shape": {"tables": {"military_share": 1.0, "former_names_share": 1.0}}}
    for one in everybody(house("oracle", settings=tables)):
        assert any(identifier["type"]["text"] == "Military Id" for identifier in one["identifier"])
        assert [name["use"] for name in one["name"]][-1] == "old"
        assert one["name"][-1]["period"]["end"]
    shown = [len(one["name"]) for one in everybody(house("oracle"))]
    assert sum(shown) < 2 * len(shown)


@pytest.mark.behaviour("oracle", "combined-patients", "combined-not-found")
def test_of_a_combined_patient_nothing_is_left_to_see(house: Callable[..., House]) -> None:
    found = house("oracle", fresh=3)
    id, other = found.patient(8), found.patient(9)
    record = found.site.store.read("Patient", id)
    assert record is not None
    family = record.document["name"][0]["family"]
    link = {"other": {"reference": f"Patient/{other}"}, "type": "replaced-by"}
    merged = {**record.document, "active": False, "link": [link]}
    found.site.store.commit(merged, kind="update", source="control")
    shown = found.read(f"Patient/{id}")
    assert (shown["active"], shown["meta"]["versionId"], shown["link"]) == (False, "0", [link])
    nothing = {
        "extension": [{"valueCode": "unknown", "url": "http://hl7.org/fhir/StructureDefinition/data-absent-reason"}]
    }
    assert (shown["identifier"], shown["name"], shown["_gender"]) == ([nothing], [nothing], nothing)
    assert "birthDate" not in shown
    hits = found.read(f"Patient?family={family}").get("entry", ())
    assert id not in [one["resource"]["id"] for one in hits]
    half = {**merged, "active": True}
    found.site.store.commit(half, kind="update", source="control")
    assert found.read(f"Patient/{id}")["name"][0]["family"] == family


@pytest.mark.behaviour("oracle", "contacts-related", "related-person", "related-person-ids")
def test_contacts_are_related_persons(house: Callable[..., House]) -> None:
    found, seen = house("oracle"), 0
    for patient in everybody(found):
        for contact in patient.get("contact", ()):
            reference = contact["extension"][0]["valueReference"]["reference"]
            related = found.read(reference)
            assert related["id"].endswith(f"-{patient['id']}")
            assert related["patient"]["reference"] == f"Patient/{patient['id']}"
            assert related["extension"][0]["url"] == f"{EHR}relationship-level"
            assert own_set(related["relationship"][0]) == own_set(contact["relationship"][0]) == "351"
            assert related["name"][0]["text"] == contact["name"]["text"]
            assert related["name"][0]["period"]
            seen += 1
    assert seen


@pytest.mark.behaviour("oracle", "accounts", "account-rules")
def test_whoever_is_covered_has_an_account(house: Callable[..., House]) -> None:
    found = house("oracle")
    patient = found.patient()
    [one, *_] = [
        entry["resource"] for entry in found.read(f"Account?patient={patient}&type=financial-account")["entry"]
    ]
    assert re.fullmatch(r"F\d+", one["id"])
    assert codes(one["type"]) == {"ACCTRECEIVABLE"}
    assert one["subject"][0]["reference"] == f"Patient/{patient}"
    assert found.fhir(f"Account?patient={patient}").status == 400


@pytest.mark.behaviour("oracle", "practitioner-shape", "organization-shape", "location-shape")
def test_staff_and_places_have_codes_of_the_tenant(oracle_ward: Any) -> None:
    kinds: dict[str, list[Any]] = {}
    for one in oracle_ward.shared:
        kinds.setdefault(one["resourceType"], []).append(one)
    for one in kinds["Practitioner"]:
        assert "_system" in one["identifier"][0]
        assert ", " in one["name"][0]["text"]
        assert all("29600" in str(told["code"]) for told in one.get("qualification", ()))
    for one in kinds["Organization"]:
        assert all("extension" in kind or own_set(kind) == "278" for kind in one["type"])
    told = [one["physicalType"] for one in kinds["Location"] if "physicalType" in one]
    assert told
    assert {own_set(one) for one in told} == {"222"}


# visits, problems and what was done


@pytest.mark.behaviour("oracle", "encounter-codes")
def test_visits_have_the_standards_class_and_the_tenants_type(oracle_ward: Any) -> None:
    for one in oracle_ward.of("Encounter"):
        assert one["class"]["userSelected"] is False
        assert one["class"]["system"].endswith("v3-ActCode")
        assert own_set(one["type"][0]) == "71"
        assert {own_set(told["type"][0]) for told in one.get("participant", ())} <= {"333"}


@pytest.mark.behaviour("oracle", "custom-attributes")
def test_some_visits_have_attributes_of_the_hospital(house: Callable[..., House]) -> None:
    found = house("oracle", patients=2, settings={"shape": {"tables": {"attributed_share": 1.0}}})
    visits = found.read(f"Encounter?patient={found.patient()}")["entry"]
    assert visits
    for entry in visits:
        extensions = entry["resource"]["extension"]
        assert extensions
        assert {one["url"] for one in extensions} == {f"{EHR}custom-attribute"}
        names = [one["extension"][0] for one in extensions]
        assert all(one["id"].startswith("ENCNTR:") for one in names)
        assert names[0]["valueString"] == "Complete Reg?"


@pytest.mark.behaviour("oracle", "condition-codes", "condition-ends")
def test_problems_show_what_was_chosen_first_and_diagnoses_never_end(house: Callable[..., House]) -> None:
    for share, own in ((0.0, False), (1.0, True)):
        found = house("oracle", patients=3, settings={"shape": {"tables": {"nomenclature_share": share}}})
        for index in range(3):
            for entry in found.read(f"Condition?patient={found.patient(index)}")["entry"]:
                one = entry["resource"]
                first, *others = one["code"]["coding"]
                assert first["userSelected"] is True
                assert first["system"].endswith("/nomenclature") == own
                assert all(coding["userSelected"] is False for coding in others)
                if "encounter-diagnosis" in codes(one["category"]):
                    assert not {"abatementDateTime", "abatementPeriod"} & set(one)
                else:
                    assert "encounter" not in one


@pytest.mark.behaviour("oracle", "allergy-dates", "allergy-contained")
def test_allergies_have_moments_and_ids_and_some_a_role_that_told(house: Callable[..., House]) -> None:
    found, seen = house("oracle", settings={"shape": {"tables": {"role_share": 1.0, "noted_share": 1.0}}}), 0
    for index in range(12):
        for entry in found.read(f"AllergyIntolerance?patient={found.patient(index)}").get("entry", ()):
            one = entry["resource"]
            [role] = one["contained"]
            assert one["asserter"] == {"reference": f"#{role['id']}"}
            assert "T" in one.get("onsetDateTime", "T")
            if "_onsetDateTime" in one:
                assert one["_onsetDateTime"]["extension"][0]["url"] == f"{EHR}precision"
            assert all("id" in reaction for reaction in one.get("reaction", ()))
            assert all("id" in note for note in one.get("note", ()))
            seen += 1
    assert seen


@pytest.mark.behaviour("oracle", "immunization-codes")
def test_vaccines_have_the_tenants_code_and_no_ndc(oracle_ward: Any) -> None:
    for one in oracle_ward.of("Immunization"):
        assert own_set(one["vaccineCode"]) == "72"
        systems = {coding["system"] for coding in one["vaccineCode"]["coding"]}
        assert "http://hl7.org/fhir/sid/cvx" in systems
        assert "http://hl7.org/fhir/sid/ndc" not in systems
        if "statusReason" in one:
            assert own_set(one["statusReason"]) == "30200"


@pytest.mark.behaviour("oracle", "procedure-shape", "procedure-dates")
def test_procedures_say_who_recorded_them_and_when_in_three_ways(oracle_ward: Any) -> None:
    ways = set()
    for one in oracle_ward.of("Procedure"):
        ways |= {"performedPeriod", "performedDateTime", "_performedDateTime"} & set(one)
        assert one["code"]["coding"][0]["userSelected"] is True
        for note in one.get("note", ()):
            assert {"authorReference", "time"} <= set(note)
    assert ways == {"performedPeriod", "performedDateTime", "_performedDateTime"}
    assert any("recorder" in one for one in oracle_ward.of("Procedure"))


# results and documents


@pytest.mark.behaviour("oracle", "performer-function", "reference-ranges", "normal-unsaid", "pressure-panels")
def test_results_tell_ranges_and_what_is_not_normal(oracle_ward: Any) -> None:
    performed, panels = 0, 0
    for one in oracle_ward.of("Observation"):
        for performer in one.get("performer", ()):
            assert performer["extension"][0]["url"].endswith("/event-performerFunction")
            performed += 1
        for told in one.get("referenceRange", ()):
            assert codes(told["type"]) == {"normal"}
            assert "text" not in told
        assert "N" not in codes(one.get("interpretation", []))
        if one["id"].startswith("BP-"):
            assert {coding["system"] for coding in one["code"]["coding"]} == {"http://loinc.org"}
            assert {own_set(part["code"]) for part in one["component"]} == {"72"}
            panels += 1
    assert performed
    assert panels


@pytest.mark.behaviour("oracle", "lab-categories", "report-texts", "reports-on-orders")
def test_reports_are_of_the_laboratory_or_have_a_text(house: Callable[..., House]) -> None:
    found = house("oracle")
    seen = {"LAB": 0, "text": 0}
    for index in range(6):
        for entry in found.read(f"DiagnosticReport?patient={found.patient(index)}").get("entry", ()):
            one = entry["resource"]
            if "LAB" in codes(one["category"]):
                assert "LP29693-6" in codes(one["category"])
                order = found.read(one["basedOn"][0]["reference"])
                assert (own_set(order["code"]), own_set(order["category"][0])) == ("200", "6000")
                assert order["subject"]["reference"] == one["subject"]["reference"]
                seen["LAB"] += 1
            else:
                assert "effectivePeriod" in one
                assert all("data" not in form for form in one.get("presentedForm", ()))
                seen["text"] += 1
    assert all(seen.values()), seen


@pytest.mark.behaviour("oracle", "documents-shape")
def test_documents_have_the_ihe_format_and_an_authenticator(oracle_ward: Any) -> None:
    for one in oracle_ward.of("DocumentReference"):
        assert one["docStatus"] == "final"
        assert {content["format"]["code"] for content in one["content"]} == {
            "urn:ihe:iti:xds:2017:mimeTypeSufficient"
        }
        assert one["category"][0]["coding"][0]["system"] == "http://loinc.org"
        assert ("author" in one) == ("authenticator" in one)


# orders


@pytest.mark.behaviour("oracle", "order-extensions", "order-timing", "documented-medication")
def test_orders_have_bounds_in_place_of_frequencies(oracle_ward: Any) -> None:
    plans, timed = 0, 0
    for one in oracle_ward.of("MedicationRequest"):
        assert one["extension"][0]["url"] == f"{EHR}pharmacy-verification-status"
        for told in one["dosageInstruction"]:
            assert told["extension"][0]["url"] == f"{EHR}clinical-instruction"
            assert "boundsPeriod" in told["timing"]["repeat"]
            assert "frequency" not in told["timing"]["repeat"]
            if "code" in told["timing"]:
                assert own_set(told["timing"]["code"]) == "4003"
                timed += 1
        if "patientspecified" in codes(one["category"]):
            assert (one["intent"], one["reportedBoolean"]) == ("plan", True)
            plans += 1
    assert timed
    assert plans


# care and money


@pytest.mark.behaviour("oracle", "care-teams", "goals", "coverage-shape", "provenance-source", "care-plans")
def test_care_and_coverage_are_short(oracle_ward: Any) -> None:
    assert {code for one in oracle_ward.of("CareTeam") for code in codes(one["category"])} <= {
        "LA28865-6",
        "LA27976-2",
    }
    for one in oracle_ward.of("Goal"):
        assert own_set(one["category"][0]) == "4003016"
        assert all(set(target) == {"dueDate"} for target in one.get("target", ()))
    for one in oracle_ward.of("Coverage"):
        assert one["subscriber"]["reference"] == one["beneficiary"]["reference"]
        assert all(set(told) <= {"type", "value", "name"} for told in one.get("class", ()))
        assert "type" not in one
    for one in oracle_ward.of("Provenance"):
        assert {code for agent in one["agent"] for code in codes(agent["role"])} == {"SOURCE"}
    for one in oracle_ward.of("CarePlan"):
        assert not {"activity", "goal", "addresses", "note"} & set(one)
        assert codes(one["category"]) == {"assess-plan"}
    assert all(oracle_ward.of(kind) for kind in ("CareTeam", "Goal", "Coverage", "Provenance", "CarePlan"))
