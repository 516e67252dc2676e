import pytest

from mockehr.fhir.capability import (
    Software,
    TypeCapability,
    capability_statement,
    smart_security,
    type_entry,
    us_core_demands,
    us_core_types,
)
from mockehr.fhir.search import definitions

ALL = ("read", "vread", "search", "create", "update")
SECURITY = smart_security(authorize="https://ehr.example.org/authorize", token="https://ehr.example.org/token")


def statement(types=None, **settings):
    defaults = {
        "base_url": "https://ehr.example.org/fhir",
        "date": "2026-01-05",
        "software": Software("mockehr", "1.0", "2026-01-05"),
        "security": SECURITY,
        "publisher": "North Hospital",
    }
    types = types if types is not None else {name: TypeCapability(ALL) for name in us_core_types()}
    return capability_statement(types, **(defaults | settings))


def test_the_statement_is_valid_by_the_models():
    from fhir.resources.R4B.capabilitystatement import CapabilityStatement

    document = statement(
        {
            "Patient": TypeCapability(
                ALL, operations={"match": "http://hl7.org/fhir/OperationDefinition/Patient-match"}
            )
        }
        | {name: TypeCapability(ALL) for name in us_core_types() if name != "Patient"},
        system_interactions=("transaction",),
    )
    assert CapabilityStatement.model_validate(document).fhirVersion == "4.0.1"


@pytest.mark.parametrize("resource_type", us_core_types())
def test_each_type_meets_what_us_core_says_servers_shall_do(resource_type):
    demands = us_core_demands(resource_type)
    entry = type_entry(resource_type, TypeCapability(ALL))
    offered = {item["code"] for item in entry["interaction"]}
    assert {code for code, expected in demands["interactions"].items() if expected == "SHALL"} <= offered
    parameters = {item["name"]: item for item in entry["searchParam"]}
    assert set(demands["search"]) <= set(parameters)
    assert all(item["type"] and item["documentation"] and item["definition"] for item in parameters.values())
    assert set(demands["profiles"]) == set(entry.get("supportedProfile", []))
    assert set(demands["include"]) == set(entry.get("searchInclude", []))
    assert set(demands["revinclude"]) == set(entry.get("searchRevInclude", []))
    assert len(demands["combinations"]) == len(entry.get("extension", []))


def test_only_what_is_offered_is_stated():
    entry = type_entry(
        "Patient", TypeCapability(["search"], search=["name", "_id", "made-up"], revinclude=(), profiles=())
    )
    assert entry["interaction"] == [{"code": "search-type"}]
    assert [item["name"] for item in entry["searchParam"]] == ["name", "_id"]
    assert "searchRevInclude" not in entry
    assert "supportedProfile" not in entry
    assert "extension" not in entry
    reading = type_entry("Patient", TypeCapability(["read"]))
    assert "searchParam" not in reading
    assert "searchInclude" not in reading


def test_without_us_core_nothing_of_it_is_stated():
    document = statement({"Patient": TypeCapability(ALL)}, us_core=False)
    assert "instantiates" not in document
    (entry,) = document["rest"][0]["resource"]
    assert not {"extension", "supportedProfile", "searchInclude", "searchRevInclude"} & set(entry)
    assert {item["name"] for item in entry["searchParam"]} == set(definitions("Patient"))


def test_combinations_are_stated_when_all_their_parameters_are_offered():
    entry = type_entry("Observation", TypeCapability(["search"], search=["patient", "code"]))
    (combination,) = entry["extension"]
    assert {part["valueString"] for part in combination["extension"] if part["url"] == "required"} == {
        "patient",
        "code",
    }


def test_the_base_url_version_and_smart_endpoints_are_stated():
    document = statement({}, fhir_version="4.3.0")
    assert document["implementation"]["url"] == "https://ehr.example.org/fhir"
    assert document["fhirVersion"] == "4.3.0"
    (extension,) = document["rest"][0]["security"]["extension"]
    uris = {part["url"]: part["valueUri"] for part in extension["extension"]}
    assert uris == {"authorize": "https://ehr.example.org/authorize", "token": "https://ehr.example.org/token"}


def test_nothing_empty_is_stated():
    def walk(node):
        assert node not in ("", [], {})
        for child in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
            walk(child)

    walk(statement(security=None, publisher="", software=Software("mockehr")))
