"""Drawn resources of US Core profiles: what is mandatory is there, what must be supported too, and all is valid."""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, Phase, find, given, settings
from hypothesis.strategies import SearchStrategy

from mockehr.core.data import data_root
from mockehr.core.errors import UnknownName, UsageError
from mockehr.fhir.validate import check_models, check_profile, check_structure
from mockehr.fhir.validation.profiles import known_profile, profile_urls
from mockehr.testing.strategies import resources
from mockehr.testing.strategies.bindings import bound_in, codes_in
from mockehr.testing.strategies.resources import possible

GUIDE = Path(__file__).resolve().parents[3].parent / "shared" / "data" / "us-core-6.1.0"
US_CORE = "http://hl7.org/fhir/us/core/StructureDefinition/"
PROFILES = {
    url: profile.type
    for url in profile_urls()
    if (profile := known_profile(url)) is not None and profile.type != "Extension"
}
DRAWING = settings(
    database=None,
    deadline=None,
    derandomize=True,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)
LEFT_OUT = ("extension:assertedDate", "questionnaire.extension:", "item.item", "item.answer.item")
"""Extensions of other guides and of plain values, and what a structure has of its own kind."""


def several(drawn: SearchStrategy[Any], count: int) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []

    @settings(DRAWING, max_examples=count)
    @given(drawn)
    def collect(resource: dict[str, Any]) -> None:
        found.append(resource)

    collect()
    return found


EACH = 100 if settings.get_current_profile_name() == "mockehr-nightly" else 12
"""Examples of each profile, with and without all that must be supported: the profile for nights looks at many."""


def check_all(count: int) -> None:
    for url, kind in PROFILES.items():
        for supported in (False, True):
            for resource in several(possible(kind, url, supported=supported), count):
                issues = [*check_structure(resource), *check_profile(resource, url), *check_models(resource)]
                assert [issue for issue in issues if issue.fails] == [], resource


def test_nothing_that_is_drawn_is_invalid_whatever_the_profile() -> None:
    assert len(PROFILES) == 49
    check_all(EACH)


def reached(node: Any, steps: list[str]) -> bool:
    """Whether there is something at a path of an element id, slices told by nothing but their number."""
    if not steps:
        return True
    name = steps[0].partition(":")[0]
    stem = name.removesuffix("[x]")
    names = [key for key in node if key == name or (stem != name and key.startswith(stem))]
    values = [one for key in names for one in (node[key] if isinstance(node[key], list) else [node[key]])]
    return any(reached(one, steps[1:]) for one in values if len(steps) == 1 or isinstance(one, dict))


def supported_ids(url: str) -> Iterator[str]:
    """What must be supported of a profile and can be there in one example."""
    profile = known_profile(url)
    assert profile is not None
    for id in profile.must_support:
        choice = "[x]:" in id or id.endswith("[x]") or "[x]." in id
        if "dataAbsentReason" not in id and not choice and not id.startswith(LEFT_OUT):
            yield id


def test_what_must_be_supported_is_there() -> None:
    looked = 0
    for url, kind in PROFILES.items():
        for resource in several(possible(kind, url, supported=True), 3):
            void = "entered-in-error" in str(resource.get("verificationStatus"))  # has no clinicalStatus, says R4
            wanted = [id for id in supported_ids(url) if not (void and id == "clinicalStatus")]
            missing = [id for id in wanted if not reached(resource, id.split("."))]
            assert missing == [], (url, resource)
            looked += 1
    assert looked > 100


def test_unless_told_it_is_there_more_often_than_not_but_not_always() -> None:
    found = several(resources("Patient", "us-core-patient"), 100)
    telling = [patient for patient in found if "telecom" in patient and "address" in patient]
    assert 50 <= len(telling) < 100


def test_bindings_are_kept_where_codes_are_shipped() -> None:
    url = f"{US_CORE}us-core-encounter"
    known = codes_in(bound_in(url)["class"])
    assert len(known) > 5
    for encounter in several(resources("Encounter", url), 20):
        assert (encounter["class"]["system"], encounter["class"]["code"]) in known
    vaccines = {code for _, code in codes_in(bound_in(f"{US_CORE}us-core-immunization")["vaccineCode"])}
    assert len(vaccines) > 5
    for shot in several(resources("Immunization", "us-core-immunization"), 20):
        assert shot["vaccineCode"]["coding"][0]["code"] in vaccines


def test_patients_have_a_race_and_an_ethnicity_in_the_form_of_the_guide() -> None:
    for patient in several(resources("Patient", "us-core-patient", supported=True), 10):
        by_url = {one["url"].rpartition("/")[2]: one for one in patient["extension"]}
        race = {one["url"]: one for one in by_url["us-core-race"]["extension"]}
        assert race["ombCategory"]["valueCoding"]["code"] in (
            *("1002-5", "2028-9", "2054-5", "2076-8", "2106-3"),
            *("UNK", "ASKU"),
        )
        assert race["text"]["valueString"]
        assert "us-core-ethnicity" in by_url
        assert by_url["us-core-birthsex"]["valueCode"] in ("F", "M", "UNK")


def test_a_blood_pressure_has_both_its_parts_in_their_unit() -> None:
    for pressure in several(resources("Observation", "us-core-blood-pressure"), 10):
        parts = {part["code"]["coding"][0]["code"]: part for part in pressure["component"]}
        assert set(parts) == {"8480-6", "8462-4"}
        told = [part["valueQuantity"]["code"] for part in parts.values() if "valueQuantity" in part]
        assert set(told) <= {"mm[Hg]"}


def test_numbers_of_providers_have_their_check_digit_and_are_nobodys() -> None:
    seen = 0
    for practitioner in several(resources("Practitioner", "us-core-practitioner", supported=True), 10):
        for one in practitioner["identifier"]:
            if one.get("system") == "http://hl7.org/fhir/sid/us-npi":
                digits = [int(digit) for digit in one["value"]]
                doubled = [sum(divmod(2 * digit, 10)) for digit in digits[-2::-2]]
                assert (24 + sum(doubled) + sum(digits[-1::-2])) % 10 == 0
                assert digits[0] == 9
                seen += 1
    assert seen


def test_examples_shrink_to_what_is_mandatory() -> None:
    calm = settings(database=None, derandomize=True)
    found = find(resources("Patient", "us-core-patient"), lambda patient: True, settings=calm)
    assert found == {
        "resourceType": "Patient",
        "meta": {"profile": [f"{US_CORE}us-core-patient"]},
        "identifier": [{"system": "http://example.org/a", "value": "a"}],
        "name": [{"family": "a"}],
        "gender": "female",
    }
    found = find(resources("Observation", "us-core-observation-lab"), lambda one: True, settings=calm)
    assert len(orjson.dumps(found)) < 500


def test_profiles_that_there_are_not_and_of_other_types_are_told() -> None:
    with pytest.raises(UnknownName, match="us-core-patient"):
        resources("Patient", "us-core-patiant")
    with pytest.raises(UnknownName, match="us-core-patient"):
        resources("Patient", f"{US_CORE}us-core-patiant")
    with pytest.raises(UsageError, match="profile of Patient, not of Observation"):
        resources("Observation", "us-core-patient")


UNKNOWN_HERE = ("ctm-1", "ele-1", "ext-1", "obs-7", "pd-1", "provenance-1", "us-core-13")
"""Rules that the FHIRPath engine of the tests cannot decide: they resolve references, or take a node for a truth."""


def rules_of(path: Path) -> Iterator[tuple[str, Callable[[Any], Any]]]:
    """The rules of a profile's elements, each for a whole resource."""
    fhirpathpy = pytest.importorskip("fhirpathpy")
    models = pytest.importorskip("fhirpathpy.models").models
    for element in json.loads(path.read_text("utf-8"))["snapshot"]["element"]:
        place = element["path"].replace("[x]", "")
        for rule in element.get("constraint", ()):
            left_out = rule["key"] in UNKNOWN_HERE or rule["key"].startswith("dom-") or place.endswith(".div")
            if left_out or rule["severity"] != "error" or ":" in element["id"]:
                continue
            text = (
                rule["expression"] if "." not in place else f"{place}.where(({rule['expression']}) = false).empty()"
            )
            yield f"{rule['key']} of {place}", fhirpathpy.compile(text, models["r4"])


@pytest.mark.skipif(not GUIDE.is_dir(), reason="the package of US Core 6.1.0 is not here")
def test_the_rules_of_the_guide_are_kept() -> None:
    looked = 0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for url, kind in PROFILES.items():
            rules = list(rules_of(GUIDE / f"StructureDefinition-{url.rpartition('/')[2]}.json"))
            for resource in several(possible(kind, url), 4):
                for told, holds in rules:
                    assert holds(resource) in ([True], []), (told, resource)
                    looked += 1
    assert looked > 400


@pytest.mark.skipif(not GUIDE.is_dir(), reason="the package of US Core 6.1.0 is not here")
def test_the_table_of_bindings_is_what_the_guide_says() -> None:
    looked = 0
    for url in PROFILES:
        document = json.loads((GUIDE / f"StructureDefinition-{url.rpartition('/')[2]}.json").read_text("utf-8"))
        for element in document["snapshot"]["element"]:
            binding = element.get("binding", {})
            if binding.get("strength") in ("required", "extensible") and "valueSet" in binding:
                assert bound_in(url)[element["id"].partition(".")[2]] == binding["valueSet"]
                looked += 1
    assert looked > 200


def test_the_table_of_bindings_is_told_of_in_the_manifest() -> None:
    manifest = (data_root("corpora") / "fhir" / "manifest.yaml").read_text("utf-8")
    assert "derive_profile_bindings.py" in manifest
