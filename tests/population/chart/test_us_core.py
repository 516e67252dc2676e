"""Charts against two oracles: the models of FHIR R4B, and the profiles of US Core 6.1.0 themselves."""

import json
from collections import defaultdict
from pathlib import Path

import pytest
from fhir.resources.R4B import get_fhir_model_class

from mockehr.core.chance import Chance
from mockehr.core.clock import STEPPED_START
from mockehr.population.chart import draw_chart, medications, staff_of
from mockehr.population.population import Population

US_CORE = Path(__file__).resolve().parents[3].parent / "shared" / "data" / "us-core-6.1.0"
CANONICAL = "http://hl7.org/fhir/us/core/StructureDefinition/"
CHANCE = Chance("us-core")

NEVER_DRAWN = {
    "DiagnosticReport.media": "pictures would need Media resources, which charts do not have",
    "DiagnosticReport.media.link": "as media",
    "Observation.component": "single vital signs have no parts; the profile inherits this from vital-signs",
    "Observation.component.code": "as component",
    "Observation.component.value[x]": "as component",
    "Observation.component.dataAbsentReason": "as component",
    "us-core-blood-pressure Observation.value[x]": "a pressure has two components and no value of its own",
    "us-core-bmi Observation.dataAbsentReason": "where there is no weight there is no index at all",
    "us-core-pulse-oximetry Observation.component:FlowRate.dataAbsentReason": "whoever gives oxygen knows the flow",
    "us-core-observation-clinical-result Observation.dataAbsentReason": "an echocardiogram always finds a value",
}


def draw(count):
    persons = Population(CHANCE, 5000, as_of=STEPPED_START)
    staff = staff_of(persons.directory.resources)
    return [draw_chart(CHANCE, persons.person(index), staff, as_of=STEPPED_START) for index in range(count)]


def profile_of(resource):
    return resource.get("meta", {}).get("profile", [""])[0].removeprefix(CANONICAL)


def by_profile(count):
    found = defaultdict(list)
    for one in draw(count):
        for resource in one.resources:
            found[profile_of(resource)].append(resource)
    found["us-core-medication"] = list(medications())
    return found


def load(profile):
    return json.loads((US_CORE / f"StructureDefinition-{profile}.json").read_text())["snapshot"]["element"]


def values(node, name):
    """The values of one element name; `value[x]` stands for every choice of it."""
    if not isinstance(node, dict):
        return []
    if name.endswith("[x]"):
        stem = name[:-3]
        keys = [key for key in node if key.startswith(stem) and key[len(stem) : len(stem) + 1].isupper()]
    else:
        keys = [name] if name in node else []
    return [value for key in keys for value in (node[key] if isinstance(node[key], list) else [node[key]])]


def fits(value, pattern):
    """Whether `value` has everything that `pattern` asks for."""
    if isinstance(pattern, dict):
        return isinstance(value, dict) and all(fits(value.get(key), inner) for key, inner in pattern.items())
    if isinstance(pattern, list):
        return isinstance(value, list) and all(any(fits(item, inner) for item in value) for inner in pattern)
    return value == pattern


def pattern_in(element):
    return next((element[key] for key in element if key.startswith(("pattern", "fixed"))), None)


def in_slice(value, slice_id, elements):
    """Whether `value` belongs to the slice: by its own pattern, a child's pattern, or an extension's address."""
    own = elements[slice_id]
    pattern = pattern_in(own)
    if pattern is not None and not fits(value, pattern):
        return False
    profiles = [address for kind in own.get("type", ()) for address in kind.get("profile", ())]
    if own["path"].endswith(".extension") and profiles:
        return value.get("url") == profiles[0].split("|")[0]
    for child in ("code", "type"):
        asked = elements.get(f"{slice_id}.{child}")
        wanted = pattern_in(asked) if asked else None
        if wanted is not None and not fits(value.get(child), wanted):
            return False
    return True


def reach(resource, element_id, elements):
    """All values at an element id such as `Observation.component:systolic.value[x]`."""
    steps = element_id.split(".")
    nodes, walked = [resource], steps[0]
    for step in steps[1:]:
        name, _, slice_name = step.partition(":")
        walked = f"{walked}.{step}"
        if slice_name and name.endswith("[x]"):
            name, slice_name = slice_name, ""
        nodes = [value for node in nodes for value in values(node, name)]
        if slice_name:
            nodes = [value for value in nodes if in_slice(value, walked, elements)]
    return nodes


@pytest.fixture(scope="module")
def profiled():
    if not US_CORE.is_dir():
        pytest.skip("the US Core 6.1.0 package is not beside this checkout (shared/data/us-core-6.1.0)")
    return by_profile(260)


def test_every_resource_is_valid_for_the_models_of_r4b():
    models = {}
    checked = 0
    for one in draw(110):
        for resource in one.resources:
            kind = resource["resourceType"]
            model = models.setdefault(kind, get_fhir_model_class(kind))
            model.model_validate(resource)
            checked += 1
    for medication in medications():
        get_fhir_model_class("Medication").model_validate(medication)
    assert checked > 7000


def test_every_resource_has_what_its_profile_requires(profiled):
    for profile, resources in profiled.items():
        if not profile:
            assert {resource["resourceType"] for resource in resources} <= {"Appointment", "Binary"}
            continue
        elements = {element["id"]: element for element in load(profile)}
        required = [element["id"] for element in elements.values() if element["min"] >= 1 and "." in element["id"]]
        for resource in resources[:400]:
            for element_id in required:
                parent, _, last = element_id.rpartition(".")
                name, _, slice_name = last.partition(":")
                for node in reach(resource, parent, elements):
                    if not isinstance(node, dict):
                        continue
                    there = values(node, slice_name if name.endswith("[x]") and slice_name else name)
                    if slice_name and not name.endswith("[x]"):
                        there = [value for value in there if in_slice(value, element_id, elements)]
                    least = elements[element_id]["min"]
                    excused = (
                        profile == "us-core-blood-pressure"
                        and "value[x]" in element_id
                        and "dataAbsentReason" in node
                    )
                    assert excused or len(there) >= least, (profile, resource["id"], element_id)


def test_every_must_support_element_occurs_somewhere(profiled):
    missing, unneeded = [], set(NEVER_DRAWN)
    for profile, resources in profiled.items():
        if not profile:
            continue
        elements = {element["id"]: element for element in load(profile)}
        for element_id, element in elements.items():
            if not element.get("mustSupport") or any(reach(one, element_id, elements) for one in resources):
                continue
            excuse = next((key for key in (f"{profile} {element_id}", element_id) if key in NEVER_DRAWN), None)
            if excuse is None:
                missing.append(f"{profile}: {element_id}")
            unneeded.discard(excuse)
    assert not missing
    assert not unneeded, "these elements are drawn now: take them off the list"


def test_the_profiles_of_us_core_that_charts_use_are_all_drawn(profiled):
    assert set(profiled) >= {
        *("us-core-patient", "us-core-encounter", "us-core-condition-problems-health-concerns"),
        *("us-core-condition-encounter-diagnosis", "us-core-allergyintolerance", "us-core-medicationrequest"),
        *("us-core-immunization", "us-core-blood-pressure", "us-core-heart-rate", "us-core-body-temperature"),
        *("us-core-respiratory-rate", "us-core-pulse-oximetry", "us-core-body-height", "us-core-body-weight"),
        *("us-core-bmi", "us-core-observation-lab", "us-core-observation-clinical-result", "us-core-smokingstatus"),
        *("us-core-observation-pregnancystatus", "us-core-diagnosticreport-lab", "us-core-diagnosticreport-note"),
        *("us-core-documentreference", "us-core-procedure", "us-core-careplan", "us-core-careteam", "us-core-goal"),
        *("us-core-coverage", "us-core-provenance", "us-core-specimen", "us-core-medication"),
    }
