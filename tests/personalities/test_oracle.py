"""Oracle Health's documented behaviour, group by group. Sources: simulator/mockehr/personalities/oracle/notes.md."""

from __future__ import annotations

import base64
import json
import re
import zlib
from typing import Any

import pytest

from mockehr.core.chance import Chance
from mockehr.core.exchange import Exchange
from mockehr.core.page import SearchPage
from mockehr.core.problem import Problem, not_found
from mockehr.personalities.load import load_personality
from mockehr.personalities.model import Personality, SiteFacts

FACTS = SiteFacts("south", Chance(4).key)
BASE = "https://south.example.org/r4/t"


@pytest.fixture
def oracle() -> Personality:
    return load_personality("oracle", facts=FACTS)


# places


@pytest.mark.behaviour("oracle", "tenant-in-path")
def test_the_tenant_is_a_guid_in_the_path(oracle: Personality) -> None:
    assert re.fullmatch(r"/r4/[0-9a-f-]{36}", oracle.fhir_path(FACTS))
    told = SiteFacts("south", FACTS.key, tenant="ec24")
    assert oracle.fhir_path(told) == "/r4/ec24"


# resources


@pytest.mark.behaviour("oracle", "meta-on-everything", "narrative-always")
def test_everything_has_version_time_and_narrative(oracle_ward: Any) -> None:
    for _, made in oracle_ward.pairs:
        if made["resourceType"] != "Binary":
            assert set(made["meta"]) == {"versionId", "lastUpdated"}
            assert made["text"]["div"].startswith('<div xmlns="http://www.w3.org/1999/xhtml">')


@pytest.mark.behaviour("oracle", "moment-styles")
def test_moments_are_written_in_three_ways(oracle_ward: Any) -> None:
    ways = {
        "Encounter": r".*\.\d{3}Z",
        "Observation": r".*\.\d{3}Z",
        "AllergyIntolerance": r".*:\d\dZ",
        "Immunization": r".*\+00:00",
    }
    for kind, way in ways.items():
        assert all(re.fullmatch(way, one["meta"]["lastUpdated"]) for one in oracle_ward.of(kind))
    assert all(one["occurrenceDateTime"].endswith("+00:00") for one in oracle_ward.of("Immunization"))


@pytest.mark.behaviour("oracle", "own-code-first")
def test_the_tenants_code_comes_first_and_is_what_the_user_chose(oracle_ward: Any) -> None:
    tenant = oracle_ward.personality.tenant(oracle_ward.facts)
    for encounter in oracle_ward.of("Encounter"):
        own, *standard = encounter["type"][0]["coding"]
        assert own["system"] == f"https://fhir.cerner.com/{tenant}/codeSet/71"
        assert own["userSelected"] is True
        assert [one["userSelected"] for one in standard] == [False]


@pytest.mark.behaviour("oracle", "fin-number")
def test_the_financial_number_has_a_junk_system_with_a_dot(oracle_ward: Any) -> None:
    identifier = oracle_ward.of("Encounter")[0]["identifier"][0]
    assert identifier["system"] == "urn:oid:5.5.5.5.5.5."
    assert identifier["type"]["text"] == "FIN NBR"


@pytest.mark.behaviour("oracle", "rxnorm-then-synonym", "swedish-extensions")
def test_drugs_are_told_by_rxnorm_then_synonym_with_swedish_extensions(oracle_ward: Any) -> None:
    orders = oracle_ward.of("MedicationRequest")
    assert orders
    for order in orders:
        systems = [one["system"] for one in order["medicationCodeableConcept"]["coding"]]
        assert systems[-1].endswith("/synonym")
        assert "medicationReference" not in order
        assert sum("electronichealth.se" in one["url"] for one in order["extension"]) == 2


@pytest.mark.behaviour("oracle", "record-ids", "observations-without-names")
def test_results_have_a_record_id_and_observations_no_names(oracle_ward: Any) -> None:
    for observation in oracle_ward.of("Observation"):
        value = observation["identifier"][0]["value"]
        assert re.fullmatch(r"CE[0-9a-f-]{36}-\d+-\d{16}", value)
        assert list(observation["subject"]) == ["reference"]


@pytest.mark.behaviour("oracle", "other-units")
def test_temperatures_are_told_in_fahrenheit_beside_the_value(oracle_ward: Any) -> None:
    def celsius(clean: dict[str, Any]) -> bool:
        return bool(clean.get("valueQuantity", {}).get("code") == "Cel")

    found = oracle_ward.of("Observation", celsius)
    assert found
    for observation in found:
        other = observation["valueQuantity"]["extension"][0]["valueQuantity"]
        assert other["code"] == "[degF]"
        assert other["value"] == pytest.approx(observation["valueQuantity"]["value"] * 1.8 + 32, abs=0.06)


@pytest.mark.behaviour("oracle", "patient-internal-keys")
def test_patients_show_internal_keys_and_several_record_numbers(oracle_ward: Any) -> None:
    patient = oracle_ward.of("Patient")[0]
    assert all(re.fullmatch(r"CI-\d+-\d+", one["id"]) for one in patient["identifier"])
    assert patient["identifier"][0]["system"] == "urn:oid:2.16.840.1.113883.6.1000"
    assert any("_system" in one and "system" not in one for one in patient["identifier"])


@pytest.mark.behaviour("oracle", "allergy-verification-text")
def test_allergies_have_the_wrong_text_on_their_verification(oracle_ward: Any) -> None:
    for allergy in oracle_ward.of("AllergyIntolerance"):
        assert allergy["verificationStatus"]["text"] == allergy["clinicalStatus"]["text"]


@pytest.mark.behaviour("oracle", "document-xml-form")
def test_documents_come_also_as_xml(oracle_ward: Any) -> None:
    binaries = {one["id"]: one for one in oracle_ward.beside if one["resourceType"] == "Binary"}
    for document in oracle_ward.of("DocumentReference"):
        links = [content["attachment"] for content in document["content"]]
        xml = next(link for link in links if link["contentType"] == "application/xml")
        body = base64.b64decode(binaries[xml["url"].partition("/")[2]]["data"])
        assert body.startswith(b"<?xml")


# searching


def page(kind: str, **told: Any) -> SearchPage:
    return SearchPage(kind, **told)


@pytest.mark.behaviour("oracle", "bundle-id")
def test_bundles_have_an_id_and_entries_no_links(oracle: Personality) -> None:
    entry = ("Immunization", "M1", b'{"resourceType":"Immunization"}', "match")
    bundle = oracle.searchset(page("Immunization", entries=[entry], total=1, query="patient=1"), BASE)
    assert list(bundle) == ["resourceType", "id", "type", "total", "link", "entry"]
    assert list(bundle["entry"][0]) == ["fullUrl", "resource", "search"]


@pytest.mark.parametrize("kind", ["Observation", "Condition", "Procedure", "DocumentReference", "DiagnosticReport"])
@pytest.mark.behaviour("oracle", "total-absent-types")
def test_totals_are_missing_even_when_everything_is_here(oracle: Personality, kind: str) -> None:
    assert "total" not in oracle.searchset(page(kind, total=0, query="patient=1"), BASE)


@pytest.mark.behaviour("oracle", "total-complete")
def test_totals_are_missing_when_there_is_more(oracle: Personality) -> None:
    told = page("Encounter", total=30, query="patient=1", next_token="x", complete=False)
    assert "total" not in oracle.searchset(told, BASE)
    assert oracle.searchset(page("Encounter", total=0, query="patient=1"), BASE)["total"] == 0


@pytest.mark.behaviour("oracle", "page-contexts")
def test_page_contexts_have_three_forms(oracle: Personality) -> None:
    packed = oracle.page_token("Observation?patient=1@50", 1)
    assert set(json.loads(zlib.decompress(base64.urlsafe_b64decode(packed)))) == {"count", "default"}
    plain = oracle.page_token("MedicationRequest?patient=1@25", 1)
    assert base64.b64decode(plain).startswith(b"OpenPlatformFhirContext=true&pageContext=")
    assert re.fullmatch(r"[0-9a-f-]{36}", oracle.page_token("Encounter?patient=1@10", 1))


@pytest.mark.behaviour("oracle", "slot-next-forgets")
def test_next_repeats_the_search_but_slot_forgets_it(oracle: Personality) -> None:
    told = page("Encounter", query="patient=1&_count=5", next_token="a=b", complete=False)
    bundle = oracle.searchset(told, BASE)
    assert [link["relation"] for link in bundle["link"]] == ["self", "next"]
    assert bundle["link"][1]["url"] == f"{BASE}/Encounter?patient=1&-pageContext=a%3Db&-pageDirection=NEXT"
    slots = oracle.searchset(page("Slot", query="service-type=1", next_token="t", complete=False), BASE)
    assert slots["link"][1]["url"] == f"{BASE}/Slot?-pageContext=t&-pageDirection=NEXT"


@pytest.mark.behaviour("oracle", "page-sizes")
def test_page_sizes_are_those_of_the_type(oracle: Personality) -> None:
    sizes = {kind: oracle.rules.page_size(kind, None) for kind in ("Observation", "DiagnosticReport", "Patient")}
    assert sizes == {"Observation": 50, "DiagnosticReport": 10, "Patient": 20}
    assert oracle.rules.page_size("Observation", 1000) == 200
    assert oracle.rules.page_size("Condition", 5) is None


@pytest.mark.parametrize(
    ("kind", "query", "words"),
    [
        ("Patient", [("gender", "female")], "at least one of _id, identifier, name"),
        ("Observation", [("category", "laboratory")], "at least one of _id"),
        ("Observation", [("patient", "1"), ("date", "2020"), ("_lastUpdated", "gt2020")], "date and _lastUpdated"),
        ("DocumentReference", [("patient", "1"), ("period", "ge2020")], "both ge and lt"),
        ("Encounter", [("patient", "1"), ("status", "arrived")], "status must be one of"),
        ("Immunization", [("patient", "1,2")], "only one patient"),
        ("Procedure", [("patient", "1"), ("date", "2020-01-01")], "must have a time"),
        ("CarePlan", [("patient", "1")], "category"),
        ("CareTeam", [("patient", "1"), ("encounter", "2")], "together"),
        ("Slot", [("service-type", "x"), ("start", "ge2020")], "both ge and lt"),
        ("Schedule", [("actor", "1")], "_id"),
        ("RelatedPerson", [("patient", "1")], "-relationship-level"),
        ("Account", [("patient", "1")], "type"),
        ("Patient", [("birthdate", "1970-01-01T00:00:00Z")], "must not have a time"),
    ],
)
@pytest.mark.behaviour("oracle", "required-parameters")
def test_searches_that_want_more_are_refused(
    oracle: Personality, kind: str, query: list[tuple[str, str]], words: str
) -> None:
    problem = oracle.rules.check(kind, query)
    assert problem is not None
    reply = oracle.refuse(problem, BASE, "")
    assert reply.status == 400
    assert reply.document is not None
    issue = reply.document["issue"][0]
    assert words in issue["details"]["text"]
    assert set(issue) == {"severity", "code", "details"}
    assert list(issue["details"]) == ["text"]


def test_one_criterion_is_enough_for_patients(oracle: Personality) -> None:
    assert oracle.rules.check("Patient", [("family:exact", "A")]) is None
    assert oracle.rules.check("Observation", [("patient", "1")]) is None


# refusals


@pytest.mark.behaviour("oracle", "not-found-same-words", "details-text-only")
def test_unknown_ids_and_unknown_types_get_the_same_words(oracle: Personality) -> None:
    one = oracle.refuse(not_found("Patient", "x"), BASE, "")
    other = oracle.refuse(Problem(404, "type-unknown", "Fake is not offered"), BASE, "")
    assert one.document == other.document
    assert one.document == {
        "resourceType": "OperationOutcome",
        "issue": [{"severity": "error", "code": "not-found", "details": {"text": "Not Found"}}],
    }


@pytest.mark.behaviour("oracle", "scope-403")
def test_a_missing_scope_is_told_in_a_shape_that_is_not_fhir(oracle: Personality) -> None:
    reply = oracle.refuse(Problem(403, "scope-missing", "no"), BASE, "")
    assert reply.document is not None
    assert set(reply.document) == {"code", "message"}
    assert "insufficient-scopes" in reply.document["message"]


@pytest.mark.behaviour("oracle", "login-401")
def test_a_bad_token_is_told_in_header_and_body(oracle: Personality) -> None:
    reply = oracle.refuse(Problem(401, "token-invalid", "expired"), BASE, "")
    assert reply.header("WWW-Authenticate").startswith('Bearer realm="')
    assert reply.document is not None
    assert reply.document["issue"][0]["code"] == "login"
    assert reply.document["issue"][0]["location"] == ["http.Authorization"]


@pytest.mark.behaviour("oracle", "not-acceptable-empty")
def test_what_is_no_json_is_not_acceptable(oracle: Personality) -> None:
    problem = oracle.content_type("application/fhir+xml", "")
    assert isinstance(problem, Problem)
    reply = oracle.refuse(problem, BASE, "")
    assert (reply.status, reply.body, reply.document) == (406, b"", None)
    assert oracle.content_type("", "") == "application/fhir+json"


@pytest.mark.parametrize(("kind", "status"), [("too-costly", 422), ("tenant-unknown", 403), ("rate-limited", 429)])
@pytest.mark.behaviour("oracle", "conflict-statuses", "too-many-patients", "forbidden-resource")
def test_other_refusals_have_their_status(oracle: Personality, kind: Any, status: int) -> None:
    assert oracle.refuse(Problem(400, kind, "words"), BASE, "").status == status


# writes, tokens, discovery


class Stored:
    resource_type, id, version, updated = "Observation", "VS-1", 1, 1_767_571_200.0
    document: dict[str, Any] = {"resourceType": "Observation"}  # noqa: RUF012
    body = b"{}"


@pytest.mark.behaviour("oracle", "create-empty-html", "first-version-zero")
def test_creates_answer_with_empty_html_and_version_zero(oracle: Personality) -> None:
    reply = oracle.written(Stored(), True, BASE)
    assert (reply.status, reply.body, reply.content_type) == (201, b"", "text/html")
    assert reply.header("Location") == f"{BASE}/Observation/VS-1"
    assert reply.header("ETag") == 'W/"0"'
    assert reply.header("Last-Modified") == "Mon, 05 Jan 2026 00:00:00 GMT"


@pytest.mark.behaviour("oracle", "token-document")
def test_token_documents_name_the_tenant(oracle: Personality) -> None:
    made = oracle.token_document({"access_token": "x", "need_patient_banner": True, "state": "s"}, None)
    assert made["tenant"] == oracle.tenant(FACTS)
    assert made["need_patient_banner"] is True
    assert "state" not in made


@pytest.mark.behaviour("oracle", "token-error-uri")
def test_token_refusals_have_a_uri_and_no_description(oracle: Personality) -> None:
    reply = oracle.token_refusal(401, {"error": "invalid_scope", "error_description": "why"}, "scope-dialect")
    assert reply.status == 400
    assert reply.document is not None
    assert set(reply.document) == {"error", "error_uri"}
    assert "token%3Aempty-scopes/instances/" in reply.document["error_uri"]
    assert reply.header("Cerner-Correlation-ID") in reply.document["error_uri"]


@pytest.mark.behaviour("oracle", "no-refresh-grant")
def test_discovery_leaves_refresh_out(oracle: Personality) -> None:
    base = "https://south.example.org" + oracle.fhir_path(FACTS)
    made = oracle.smart_configuration({"token_endpoint": "T", "jwks_uri": "J"}, FACTS, base)
    assert "refresh_token" not in made["grant_types_supported"]
    assert made["issuer"] == f"https://south.example.org/tenants/{oracle.tenant(FACTS)}"


@pytest.mark.behaviour("oracle", "no-software")
def test_the_capability_statement_has_no_software(oracle: Personality) -> None:
    neutral = {"resourceType": "CapabilityStatement", "software": {"name": "x"}, "date": "2026-01-05T00:00:00Z",
               "rest": [{"mode": "server", "security": {"service": []}}]}  # fmt: skip
    made = oracle.capability(neutral, FACTS, BASE)
    assert "software" not in made
    assert made["date"] == "2026-01-05"
    assert made["rest"][0]["interaction"][0]["code"] == "batch"


@pytest.mark.behaviour("oracle", "request-ids")
def test_request_ids_differ_by_exchange(oracle: Personality) -> None:
    told = [dict(oracle.headers(Exchange("fhir", number=number))) for number in (0, 1, 2)]
    assert "X-Request-Id" not in told[0]
    assert told[1]["X-Request-Id"] != told[2]["X-Request-Id"]
