"""CapabilityStatements and smart-configurations in their canonical form."""

from __future__ import annotations

from typing import Any

from mockehr.recording.contract.statement import at_origin, canonical, canonical_smart

BASE = "https://ehr.example.org/north/fhir"
OAUTH = "http://fhir-registry.smarthealthit.org/StructureDefinition/oauth-uris"


def statement(**more: Any) -> dict[str, Any]:
    patient = {
        "type": "Patient",
        "interaction": [{"code": "search-type"}, {"code": "read"}],
        "searchParam": [{"name": "name", "type": "string"}, {"name": "_id", "type": "token"}],
        "searchInclude": ["Patient:organization"],
        "profile": "http://hl7.org/fhir/StructureDefinition/Patient",
        "supportedProfile": ["http://example.org/p"],
        "operation": [{"name": "everything", "definition": "x"}],
        "versioning": "versioned",
    }
    address = {"url": "token", "valueUri": "https://ehr.example.org/north/token"}
    security = {
        "service": [{"coding": [{"code": "SMART-on-FHIR"}]}],
        "extension": [{"url": OAUTH, "extension": [address]}],
    }
    rest = {"mode": "server", "resource": [patient], "security": security, "interaction": [{"code": "batch"}]}
    made = {"resourceType": "CapabilityStatement", "date": "2026-01-01", "fhirVersion": "4.0.1", "rest": [rest]}
    return {**made, "format": ["xml", "json"], "software": {"name": "EHR", "version": "1"}, **more}


def test_what_a_client_relies_on_is_kept_in_order() -> None:
    assert canonical(statement(), BASE) == {
        "fhirVersion": "4.0.1",
        "software": "EHR 1",
        "formats": ["json", "xml"],
        "security": ["SMART-on-FHIR"],
        "endpoints": {"token": "{origin}/north/token"},
        "interactions": ["batch"],
        "resources": {
            "Patient": {
                "interactions": ["read", "search-type"],
                "parameters": {"_id": "token", "name": "string"},
                "operations": ["everything"],
                "includes": ["Patient:organization"],
                "profiles": ["http://example.org/p", "http://hl7.org/fhir/StructureDefinition/Patient"],
                "manners": ["versioning: versioned"],
            }
        },
    }


def test_the_order_and_the_date_make_no_difference() -> None:
    other = statement(date="2027-01-01", format=["json", "xml"])
    other["rest"][0]["resource"][0]["interaction"].reverse()
    assert canonical(other, BASE) == canonical(statement(), BASE)


def test_parts_that_are_not_as_fhir_has_them_count_as_absent() -> None:
    odd = {"fhirVersion": "4.0.1", "rest": {"mode": "server"}, "format": "json", "software": "EHR"}
    assert canonical(odd, BASE) == {"fhirVersion": "4.0.1"}


def test_a_smart_configuration_counts_addresses_from_the_origin() -> None:
    told = {"token_endpoint": "https://ehr.example.org/t", "scopes_supported": ["b", "a"], "x": {"b": 1, "a": True}}
    assert canonical_smart(told, BASE) == {
        "scopes_supported": ["a", "b"],
        "token_endpoint": "{origin}/t",
        "x": '{"a":true,"b":1}',
    }


def test_addresses_of_elsewhere_stay_whole() -> None:
    assert at_origin("https://login.example.org/t", BASE) == "https://login.example.org/t"
