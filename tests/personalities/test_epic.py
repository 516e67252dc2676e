"""Epic's documented behaviour, group by group. Sources: simulator/mockehr/personalities/epic/notes.md."""

from __future__ import annotations

import base64
import json
import re
from typing import Any

import pytest

from mockehr.core.chance import Chance
from mockehr.core.page import SearchPage
from mockehr.core.problem import Problem, not_found
from mockehr.personalities.load import load_personality
from mockehr.personalities.model import Personality, SiteFacts

BASE = "https://north.example.org/interconnect-fhir-oauth/api/FHIR/R4"
FACTS = SiteFacts("north", Chance(3).key, settings={"identity": {"cid": "0", "env": "1"}})
SYSTEM = "urn:oid:1.2.840.114350.1.13.0.1.7.2.657369"


@pytest.fixture
def epic() -> Personality:
    return load_personality("epic", facts=FACTS)


def issues(reply: Any) -> list[tuple[str, str, str]]:
    found = reply.document["issue"]
    return [(one["severity"], one["code"], one["details"]["coding"][0]["code"]) for one in found]


# resources


@pytest.mark.behaviour("epic", "no-meta", "no-narrative")
def test_nothing_has_meta_or_narrative(epic_ward: Any) -> None:
    for _, made in epic_ward.pairs:
        assert "meta" not in made
        assert "text" not in made or made["resourceType"] == "CarePlan"


@pytest.mark.behaviour("epic", "value-first")
def test_extensions_tell_their_value_before_their_url(epic_ward: Any) -> None:
    found = [extension for patient in epic_ward.of("Patient") for extension in patient["extension"]]
    parts = [part for extension in found for part in extension.get("extension", ())]
    assert {part["url"] for part in parts} >= {"ombCategory", "text"}
    for extension in (*found, *parts):
        assert list(extension)[-1] == "url"
    away = next(clean for clean, _ in epic_ward.pairs if clean["resourceType"] == "Patient")
    assert next(iter(away["extension"][0]["extension"][0])) == "url"  # as the population has it


@pytest.mark.behaviour("epic", "patient-identifiers", "internal-padded", "dstu2-patient-id")
def test_a_patient_has_epics_identifiers_with_text_only_types(epic_ward: Any) -> None:
    patient = epic_ward.of("Patient")[0]
    found = {one["type"]["text"]: one for one in patient["identifier"]}
    assert {"CEID", "EPIC", "EXTERNAL", "INTERNAL", "EPI", "FHIR", "FHIR STU3"} <= set(found)
    assert found["INTERNAL"]["value"] == "     " + found["EXTERNAL"]["value"]
    assert found["FHIR STU3"]["value"] == patient["id"]
    assert re.fullmatch(r"T[A-Za-z0-9.-]{43}B", found["FHIR"]["value"])
    assert all(list(one["type"]) == ["text"] for name, one in found.items() if name != "EXTERNAL")


def test_a_patient_keeps_the_mrn_as_epi(epic_ward: Any) -> None:
    for clean, made in epic_ward.pairs:
        if made["resourceType"] == "Patient":
            told = {one["type"]["text"]: one["value"] for one in made["identifier"]}
            assert told["EPI"] == clean["identifier"][0]["value"]


@pytest.mark.behaviour("epic", "names-twice", "patient-extensions")
def test_names_are_doubled_and_birth_sex_is_not_told(epic_ward: Any) -> None:
    for patient in epic_ward.of("Patient"):
        assert [name["use"] for name in patient["name"]][:2] == ["official", "usual"]
        urls = {one["url"].rpartition("/")[2] for one in patient["extension"]}
        assert "us-core-birthsex" not in urls
        assert {"legal-sex", "sex-for-clinical-use", "us-core-sex"} <= urls


@pytest.mark.behaviour("epic", "address-text")
def test_addresses_have_a_text_with_crlf_and_an_upper_case_county(epic_ward: Any) -> None:
    address = epic_ward.of("Patient")[0]["address"][0]
    assert "\r\n" in address["text"]
    assert address["district"] == address["district"].upper()
    assert "type" not in address


@pytest.mark.behaviour("epic", "local-class", "encounter-days")
def test_encounter_class_is_the_local_one_and_periods_are_days(epic_ward: Any) -> None:
    for encounter in epic_ward.of("Encounter"):
        assert encounter["class"]["system"] == "urn:oid:1.2.840.114350.1.72.1.7.7.10.696784.13260"
        assert {len(value) for value in encounter["period"].values()} == {10}


@pytest.mark.behaviour("epic", "csn-on-encounters", "contact-type")
def test_references_to_encounters_carry_the_csn(epic_ward: Any) -> None:
    numbers = {one["id"]: one["identifier"][0] for one in epic_ward.of("Encounter")}
    seen = 0
    for observation in epic_ward.of("Observation", lambda clean: "encounter" in clean):
        encounter = observation["encounter"]
        assert encounter["identifier"] == numbers[encounter["reference"].partition("/")[2]]
        assert encounter["display"] in ("Office Visit", "Hospital Encounter")
        seen += 1
    assert seen


@pytest.mark.behaviour("epic", "references")
def test_patients_are_shown_last_name_first(epic_ward: Any) -> None:
    made = epic_ward.of("Condition")[0]
    names = {one["id"]: one["name"][0] for one in epic_ward.of("Patient")}
    name = names[made["subject"]["reference"].partition("/")[2]]
    assert made["subject"]["display"].startswith(f"{name['family']}, {name['given'][0]}")


@pytest.mark.behaviour("epic", "two-categories", "status-version")
def test_encounter_diagnoses_have_two_categories(epic_ward: Any) -> None:
    def diagnosis(clean: dict[str, Any]) -> bool:
        return clean["category"][0]["coding"][0]["code"] == "encounter-diagnosis"

    for condition in epic_ward.of("Condition", diagnosis):
        codes = [category["coding"][0]["code"] for category in condition["category"]]
        assert codes == ["encounter-diagnosis", "visit-diagnosis"]
        assert {one["version"] for one in condition["clinicalStatus"]["coding"]} == {"4.0.0"}


@pytest.mark.behaviour("epic", "flowsheet-rows", "template-id")
def test_vital_signs_are_flowsheet_rows(epic_ward: Any) -> None:
    def vital(clean: dict[str, Any]) -> bool:
        return clean["category"][0]["coding"][0]["code"] == "vital-signs"

    found = epic_ward.of("Observation", vital)
    assert found
    for observation in found:
        systems = [one["system"] for one in observation["code"]["coding"]]
        assert systems[1] == "http://open.epic.com/FHIR/StructureDefinition/observation-flowsheet-id"
        assert "http://loinc.org" in systems
        assert observation["extension"][0]["url"].endswith("template-id")


@pytest.mark.behaviour("epic", "laboratory", "ranges-in-words")
def test_laboratory_results_say_lab_twice_and_give_ranges_in_words(epic_ward: Any) -> None:
    def ranged(clean: dict[str, Any]) -> bool:
        return clean["category"][0]["coding"][0]["code"] == "laboratory" and "referenceRange" in clean

    found = epic_ward.of("Observation", ranged)
    assert found
    for observation in found:
        assert "Lab" in [category["text"] for category in observation["category"]]
        assert all(list(one) == ["text"] for one in observation["referenceRange"])


@pytest.mark.behaviour("epic", "drug-by-reference", "three-doses", "order-days")
def test_drugs_are_referred_to_and_doses_told_three_times(epic_ward: Any) -> None:
    there = {
        f"Medication/{one['id']}"
        for one in epic_ward.beside + epic_ward.shared
        if one["resourceType"] == "Medication"
    }
    for order in epic_ward.of("MedicationRequest"):
        assert "medicationCodeableConcept" not in order
        assert order["medicationReference"]["reference"] in there
        kinds = [one["type"]["text"] for one in order["dosageInstruction"][0]["doseAndRate"]]
        assert kinds == ["calculated", "admin-amount", "ordered"]
        assert len(order["authoredOn"]) == 10


@pytest.mark.behaviour("epic", "html-and-rtf")
def test_notes_come_as_html_and_rtf_without_data(epic_ward: Any) -> None:
    binaries = {f"Binary/{one['id']}": one for _, one in epic_ward.pairs if one["resourceType"] == "Binary"}
    binaries |= {f"Binary/{one['id']}": one for one in epic_ward.beside if one["resourceType"] == "Binary"}
    notes = epic_ward.of("DocumentReference")
    assert notes
    for note in notes:
        attachments = [content["attachment"] for content in note["content"]]
        for attachment in attachments:
            assert "data" not in attachment
            assert binaries[attachment["url"]]["contentType"] == attachment["contentType"]
    rtf = next(one for one in binaries.values() if one["contentType"] == "text/rtf")
    assert base64.b64decode(rtf["data"]).startswith(b"{\\rtf1")


# searching


def page(**told: Any) -> SearchPage:
    return SearchPage("Condition", **told)


@pytest.mark.behaviour("epic", "bundle-keys", "self-ordered")
def test_bundles_have_epics_order_of_keys(epic: Personality) -> None:
    entry = ("Condition", "eX.3", b'{"resourceType":"Condition","id":"eX.3"}', "match")
    bundle = epic.searchset(page(entries=[entry], total=1, query="patient=e1&category=x&_count=1"), BASE)
    assert list(bundle) == ["resourceType", "type", "total", "link", "entry"]
    assert list(bundle["entry"][0]) == ["link", "fullUrl", "resource", "search"]
    assert bundle["entry"][0]["fullUrl"] == f"{BASE}/Condition/eX.3"
    assert bundle["link"] == [{"relation": "self", "url": f"{BASE}/Condition?category=x&patient=e1&_count=1"}]


@pytest.mark.behaviour("epic", "total-of-page", "session-links")
def test_total_is_what_is_on_the_page_and_next_knows_only_its_session(epic: Personality) -> None:
    token = epic.page_token("Condition?a", 1)
    assert re.fullmatch(r"1\d-[0-9A-F]{32}", token)
    entries = [("Condition", f"e{n}", b"{}", "match") for n in range(2)]
    bundle = epic.searchset(
        page(entries=entries, total=50, query="patient=e1", next_token=token, complete=False), BASE
    )
    assert bundle["total"] == 2
    assert [link["relation"] for link in bundle["link"]] == ["next", "self"]
    assert bundle["link"][0]["url"] == f"{BASE}/Condition?sessionID={token}"


@pytest.mark.behaviour("epic", "total-of-page")
def test_a_count_without_entries_is_exact(epic: Personality) -> None:
    assert epic.searchset(page(total=4711, query="_summary=count"), BASE)["total"] == 4711


@pytest.mark.behaviour("epic", "no-results", "patients-apps", "suppressed-by-category", "outcome-uncounted")
def test_no_results_are_an_outcome_with_4101(epic: Personality) -> None:
    told = page(total=0, query="patient=e1&category=encounter-diagnosis", patient_facing=True)
    bundle = epic.searchset(told, BASE)
    outcome = bundle["entry"][-1]
    assert list(outcome) == ["fullUrl", "resource", "search"]
    assert outcome["search"]["mode"] == "outcome"
    codes = [one["details"]["coding"][0]["code"] for one in outcome["resource"]["issue"]]
    assert codes == ["59204", "4101", "4119"]
    text = (
        "Client not authorized for Condition - Outside Record Encounter Diagnosis."
        " Search results of this type have not been included."
    )
    assert outcome["resource"]["issue"][0]["diagnostics"] == text
    assert bundle["total"] == 0


def test_resource_bytes_are_joined_as_they_are(epic: Personality) -> None:
    odd = b'{"resourceType":"Condition" ,"note":"\xff"}'
    assert odd in epic.searchset_bytes(page(entries=[("Condition", "e1", odd, "match")], total=1), BASE)


@pytest.mark.behaviour("epic", "unknown-ignored")
def test_unknown_parameters_are_noted_in_capitals_for_some_types(epic: Personality) -> None:
    note = Problem(200, "parameter-unknown", "", parameter="totally-bogus")
    told = epic.searchset(SearchPage("Patient", total=0, notes=[note]), BASE)["entry"][0]["resource"]["issue"][0]
    assert told["diagnostics"] == "Unknown parameter: TOTALLY-BOGUS. Parameter has been ignored."
    assert (told["severity"], told["details"]["coding"][0]["code"]) == ("information", "59100")
    quiet = epic.searchset(SearchPage("Goal", total=1, notes=[note], entries=[("Goal", "e", b"{}", "match")]), BASE)
    assert len(quiet["entry"]) == 1


@pytest.mark.behaviour("epic", "required-parameters", "one-birthdate")
@pytest.mark.parametrize(
    ("kind", "query", "status", "code"),
    [
        ("Observation", [("patient", "e1")], 400, "59108"),
        ("CarePlan", [("patient", "e1")], 400, "59159"),
        ("RelatedPerson", [("patient", "e1")], 400, "59102"),
        ("Encounter", [("date", "2020")], 400, "59159"),
        ("Procedure", [("date", "2020")], 400, "59108"),
        ("AllergyIntolerance", [("code", "x")], 403, "4118"),
        ("Patient", [("favourite-colour", "red")], 400, "59159"),
        ("Observation", [("patient", "e1"), ("category", "therapy")], 400, "59111"),
        ("Patient", [("family", "A"), ("birthdate", "ge1970"), ("birthdate", "le1980")], 400, "4112"),
    ],
)
def test_searches_that_want_more_are_refused(
    epic: Personality, kind: str, query: list[tuple[str, str]], status: int, code: str
) -> None:
    problem = epic.rules.check(kind, query)
    assert problem is not None
    reply = epic.refuse(problem, BASE, "application/json")
    assert reply.status == status
    assert issues(reply)[-1][::2] == ("fatal", code)
    assert reply.content_type == "application/json; charset=utf-8"


@pytest.mark.behaviour("epic", "unknown-first")
def test_a_patient_search_with_only_an_unknown_parameter_is_told_both(epic: Personality) -> None:
    problem = epic.rules.check("Patient", [("favourite-colour", "red")], lambda name: False)
    assert problem is not None
    reply = epic.refuse(problem, BASE, "")
    assert issues(reply) == [("information", "invalid", "59100"), ("fatal", "business-rule", "59159")]
    assert reply.document is not None
    last = reply.document["issue"][-1]
    assert last["diagnostics"] == "This resource requires demographics or _id parameter for searching."
    assert last["location"] == ["/f:demographics/_id"]


@pytest.mark.behaviour("epic", "weak-demographics")
@pytest.mark.parametrize("query", ["family", "gender", "birthdate"])
def test_weak_patient_criteria_match_nobody(epic: Personality, query: str) -> None:
    problem = epic.rules.check("Patient", [(query, "x")])
    assert problem is not None
    assert problem.status == 200


@pytest.mark.parametrize("names", [["_id"], ["identifier"], ["given", "family", "birthdate"]])
def test_enough_patient_criteria_are_let_through(epic: Personality, names: list[str]) -> None:
    assert epic.rules.check("Patient", [(name, "x") for name in names]) is None


@pytest.mark.behaviour("epic", "page-of-1000")
def test_pages_hold_a_thousand_unless_told(epic: Personality) -> None:
    assert epic.rules.page_size("Observation", None) == 1000
    assert epic.rules.page_size("Observation", 50) == 50


# refusals


@pytest.mark.behaviour("epic", "bad-token")
def test_a_bad_token_gets_two_quotes(epic: Personality) -> None:
    reply = epic.refuse(Problem(401, "token-invalid", "expired"), BASE, "application/json")
    assert (reply.status, reply.body, reply.content_type) == (401, b'""', "application/json; charset=utf-8")
    assert 'error="invalid_token"' in reply.header("WWW-Authenticate")


@pytest.mark.behaviour("epic", "no-scope")
def test_a_missing_scope_gets_nothing_but_a_header(epic: Personality) -> None:
    reply = epic.refuse(Problem(403, "scope-missing", "no"), BASE, "application/json")
    assert (reply.status, reply.body, reply.document) == (403, b"", None)
    assert 'error="insufficient_scope"' in reply.header("WWW-Authenticate")


@pytest.mark.behaviour("epic", "web-servers-404")
def test_an_unknown_type_gets_a_page_of_the_web_server(epic: Personality) -> None:
    reply = epic.refuse(Problem(404, "type-unknown", "Fake"), BASE, "application/json")
    assert (reply.status, reply.content_type) == (404, "text/html")
    assert b"404 - File or directory not found." in reply.body


@pytest.mark.behaviour("epic", "unknown-id", "envelope")
def test_an_unknown_id_is_59008(epic: Personality) -> None:
    reply = epic.refuse(not_found("Patient", "nobody"), BASE, "application/fhir+json")
    assert reply.document == {
        "resourceType": "OperationOutcome",
        "issue": [
            {
                "severity": "fatal",
                "code": "not-found",
                "details": {
                    "coding": [{"system": SYSTEM, "code": "59008", "display": "The FHIR ID provided was not found."}],
                    "text": "The FHIR ID provided was not found.",
                },
                "diagnostics": "Invalid FHIR ID provided",
                "location": ["/f:id"],
                "expression": ["id"],
            }
        ],
    }


@pytest.mark.behaviour("epic", "session-over", "deleted", "other-patient")
@pytest.mark.parametrize(
    ("kind", "status", "code"), [("page-expired", 400, "4113"), ("compartment", 403, "4118"), ("gone", 410, "4103")]
)
def test_other_refusals_have_epics_codes(epic: Personality, kind: Any, status: int, code: str) -> None:
    reply = epic.refuse(Problem(410 if kind != "compartment" else 403, kind, "words"), BASE, "")
    assert reply.status == status
    assert issues(reply)[-1][2] == code


def test_every_kind_of_problem_has_an_answer(epic: Personality) -> None:
    for kind in epic.settings["errors"]["kinds"]:
        reply = epic.refuse(Problem(400, kind, "words", parameter="x"), BASE, "application/json")
        assert json.dumps(reply.document)


@pytest.mark.behaviour("epic", "content-types")
@pytest.mark.parametrize(
    ("accept", "answer"),
    [
        ("", "application/xml; charset=utf-8"),
        ("*/*", "application/xml; charset=utf-8"),
        ("text/garbage", "application/xml; charset=utf-8"),
        ("application/json", "application/json; charset=utf-8"),
        ("application/fhir+json", "application/fhir+json; charset=utf-8"),
        ("application/json+fhir", "application/json+fhir; charset=utf-8"),
        ("application/fhir+xml", "application/fhir+xml; charset=utf-8"),
    ],
)
def test_content_types_are_as_asked_and_xml_otherwise(epic: Personality, accept: str, answer: str) -> None:
    assert epic.content_type(accept, "") == answer


# tokens, writes, discovery


@pytest.mark.behaviour("epic", "token-response", "dstu2-patient-id")
def test_token_documents_have_a_string_banner_and_the_dstu2_patient(epic: Personality) -> None:
    patient = epic.ids(FACTS).encode("Patient", 5, 0)
    made = epic.token_document({"access_token": "x", "need_patient_banner": False, "patient": patient}, None)
    assert made["need_patient_banner"] == "false"
    assert made["token_type"] == "Bearer"
    assert re.fullmatch(r"T.{43}B", made["__epic.dstu2.patient"])


def test_the_dstu2_patient_is_the_one_of_the_identifier(epic_ward: Any) -> None:
    patient = epic_ward.of("Patient")[0]
    made = epic_ward.personality.token_document({"patient": patient["id"]}, None)
    told = {one["type"]["text"]: one["value"] for one in patient["identifier"]}
    assert made["__epic.dstu2.patient"] == told["FHIR"]


@pytest.mark.behaviour("epic", "token-errors")
def test_token_refusals_have_a_null_description(epic: Personality) -> None:
    reply = epic.token_refusal(401, {"error": "invalid_client", "error_description": "because"}, "secret-wrong")
    assert (reply.status, reply.document) == (400, {"error": "invalid_client", "error_description": None})


class Stored:
    resource_type, id, version, updated = "Observation", "e1", 1, 1_767_571_200.0
    document: dict[str, Any] = {"resourceType": "Observation"}  # noqa: RUF012
    body = b"{}"


@pytest.mark.behaviour("epic", "empty-create")
def test_creates_answer_with_nothing(epic: Personality) -> None:
    reply = epic.written(Stored(), True, BASE)
    assert (reply.status, reply.body, reply.document) == (201, b"", None)
    assert reply.header("Location") == f"{BASE}/Observation/e1"


@pytest.mark.behaviour("epic", "patient-etag")
def test_only_patients_have_the_misspelt_etag(epic: Personality) -> None:
    assert [name for name, _ in epic.record_headers("Patient", 1, 0.0)] == ["E-Tag"]
    assert epic.record_headers("Patient", 1, 0.0)[0][1].isdigit()
    assert epic.record_headers("Observation", 1, 0.0) == []


@pytest.mark.behaviour("epic", "smart-keys")
def test_discovery_hides_scopes_and_introspection(epic: Personality) -> None:
    document = {"token_endpoint": "T", "jwks_uri": "J", "introspection_endpoint": "I", "scopes_supported": ["a", "b"]}
    made = epic.smart_configuration(document, FACTS, BASE)
    assert "introspection_endpoint" not in made
    assert "launch" in made["scopes_supported"]
    assert not any("/" in scope for scope in made["scopes_supported"])
    assert made["issuer"] == "https://north.example.org/interconnect-fhir-oauth/oauth2"
    assert made["token_endpoint"] == "T"


@pytest.mark.behaviour("epic", "statement-words")
def test_the_capability_statement_is_epics(epic: Personality) -> None:
    neutral = {
        "resourceType": "CapabilityStatement",
        "status": "active",
        "date": "2026-01-05",
        "publisher": "x",
        "fhirVersion": "4.0.1",
        "rest": [{"mode": "server", "resource": [{"type": "Patient", "interaction": [{"code": "search-type"}]}]}],
    }
    made = epic.capability(neutral, FACTS, BASE)
    assert "publisher" not in made
    assert made["software"] == {"name": "Epic", "version": "May 2026", "releaseDate": "2026-05-11"}
    patient = made["rest"][0]["resource"][0]
    assert patient["searchRevInclude"] == ["Provenance:target"]
    assert [one["text"] for one in made["rest"][0]["security"]["service"]] == ["OAuth", "SMART-on-FHIR", "Basic"]


@pytest.mark.behaviour("epic", "oid-arcs")
def test_oids_differ_between_sites_unless_told() -> None:
    systems = set()
    for seed in (1, 2):
        vendor = load_personality("epic", facts=SiteFacts("s", Chance(seed).key))
        reply = vendor.refuse(not_found("Patient", "x"), BASE, "")
        assert reply.document is not None
        systems.add(reply.document["issue"][0]["details"]["coding"][0]["system"])
    assert len(systems) == 2
    assert all(re.fullmatch(r"urn:oid:1\.2\.840\.114350\.1\.13\.\d+\.2\.7\.2\.657369", one) for one in systems)


@pytest.mark.behaviour("epic", "identifier-by-type")
def test_the_mrn_is_searched_by_type_text_or_oid(epic: Personality) -> None:
    oid = "urn:oid:1.2.840.114350.1.13.0.1.7.5.737384.14"
    assert [epic.identifier_kind(text, FACTS) for text in ("MRN", "EPI", oid, "CEID")] == ["MR", "MR", "MR", ""]
