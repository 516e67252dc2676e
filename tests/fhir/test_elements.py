"""The table of structures in both versions of FHIR, and what validation and XML make of it."""

from __future__ import annotations

from typing import Any

import pytest
from fhir.resources.R4B import get_fhir_model_class

from mockehr.fhir.elements import R4, R4B, is_resource_type, known_structure, resource_types, structure
from mockehr.fhir.lossless import Unreadable
from mockehr.fhir.validate import check_structure
from mockehr.fhir.xml import from_xml, to_xml

CONCEPT = {"text": "tablet"}
NEW: tuple[dict[str, Any], ...] = (
    {
        "resourceType": "AdministrableProductDefinition",
        "status": "active",
        "routeOfAdministration": [{"code": CONCEPT}],
    },
    {"resourceType": "Citation", "status": "draft", "title": "On tablets"},
    {
        "resourceType": "ClinicalUseDefinition",
        "type": "indication",
        "indication": {"diseaseSymptomProcedure": {"concept": CONCEPT}},
    },
    {"resourceType": "EvidenceReport", "status": "draft", "subject": {"note": [{"text": "none"}]}},
    {"resourceType": "Ingredient", "status": "active", "role": CONCEPT, "substance": {"code": {"concept": CONCEPT}}},
    {"resourceType": "ManufacturedItemDefinition", "status": "active", "manufacturedDoseForm": CONCEPT},
    {"resourceType": "MedicinalProductDefinition", "name": [{"productName": "Tablet"}]},
    {"resourceType": "NutritionProduct", "status": "active", "code": CONCEPT},
    {
        "resourceType": "PackagedProductDefinition",
        "package": {"containedItem": [{"item": {"reference": {"reference": "ManufacturedItemDefinition/a"}}}]},
    },
    {"resourceType": "RegulatedAuthorization", "subject": [{"reference": "MedicinalProductDefinition/a"}]},
    {"resourceType": "SubscriptionStatus", "type": "handshake", "subscription": {"reference": "Subscription/a"}},
    {"resourceType": "SubscriptionTopic", "status": "draft", "url": "http://example.org/topic"},
    {"resourceType": "SubstanceDefinition", "moiety": [{"amountQuantity": {"value": 1}}]},
)


def words(document: dict[str, Any], version: str) -> str:
    return " ".join(issue.text for issue in check_structure(document, version) if issue.fails)


def test_r4b_has_thirteen_new_types_and_eighteen_fewer() -> None:
    before, after = set(resource_types(R4)), set(resource_types(R4B))
    assert after - before == {resource["resourceType"] for resource in NEW}
    assert len(before - after) == 18
    assert not is_resource_type("SubstanceProtein", R4B)
    assert structure("SubstanceProtein.subunit", R4B) is None


@pytest.mark.parametrize("resource", NEW, ids=lambda resource: str(resource["resourceType"]))
def test_a_new_type_is_good_in_r4b_for_us_and_for_the_models_and_unknown_to_r4(resource: dict[str, Any]) -> None:
    get_fhir_model_class(resource["resourceType"]).model_validate(resource)
    assert words(resource, R4B) == ""
    assert "no resource type of R4" in words(resource, R4)
    assert from_xml(to_xml(resource, version=R4B), R4B) == resource
    with pytest.raises(Unreadable, match="no resource type of R4"):
        from_xml(to_xml(resource, version=R4B))


@pytest.mark.parametrize("resource", NEW, ids=lambda resource: str(resource["resourceType"]))
def test_what_a_new_type_does_not_have_is_found(resource: dict[str, Any]) -> None:
    assert f"{resource['resourceType']} has no element 'colour'" in words(resource | {"colour": "red"}, R4B)


def test_a_type_that_is_gone_is_refused_by_r4b_only() -> None:
    gone = {"resourceType": "SubstanceProtein"}
    assert words(gone, R4) == ""
    assert words(gone, R4B) == "'SubstanceProtein' is no resource type of R4B"


def test_elements_that_changed_are_checked_as_their_version_has_them() -> None:
    observation = {"resourceType": "Observation", "status": "final", "code": {"text": "x"}}
    about_a_drug = observation | {"subject": {"reference": "Medication/a"}}
    assert "points at Medication" in words(about_a_drug, R4)
    assert words(about_a_drug, R4B) == ""
    extended = {
        "resourceType": "Patient",
        "extension": [{"url": "http://example.org/x", "valueCodeableReference": {"concept": {"text": "x"}}}],
    }
    assert "valueCodeableReference" in words(extended, R4)
    assert words(extended, R4B) == ""
    variable = {
        "resourceType": "EvidenceVariable",
        "status": "draft",
        "characteristic": [{"definitionCanonical": "x"}],
    }
    assert words(variable, R4B) == ""
    assert words(variable | {"type": "dichotomous"}, R4B) != words(variable | {"type": "dichotomous"}, R4)


def test_the_order_of_xml_is_that_of_the_version() -> None:
    evidence = {"resourceType": "Evidence", "note": [{"text": "n"}], "assertion": "a", "status": "draft"}
    of_r4, of_r4b = to_xml(evidence), to_xml(evidence, version=R4B)
    assert of_r4.index(b"<assertion") > of_r4.index(b"<note")
    assert of_r4b.index(b"<assertion") < of_r4b.index(b"<note")
    assert from_xml(of_r4b, R4B) == evidence


def test_what_treats_both_versions_alike_knows_the_types_of_both() -> None:
    assert known_structure("Ingredient") is structure("Ingredient", R4B)
    assert known_structure("SubstanceProtein") is structure("SubstanceProtein")
    assert known_structure("Nothing") is None
