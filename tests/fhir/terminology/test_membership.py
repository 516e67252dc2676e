"""Whether a code belongs to a value set, in three values."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mockehr.core.data import data_root
from mockehr.fhir.terminology import Library, binding, codes_below, member
from mockehr.fhir.terminology.expansion import expand
from mockehr.fhir.terminology.membership import contains
from mockehr.fhir.terminology.shipped import ICD10, code_system, code_systems, value_sets
from mockehr.fhir.terminology.written import read_value_set

R4 = "http://hl7.org/fhir/ValueSet/"
ACT = "http://terminology.hl7.org/CodeSystem/v3-ActCode"
LOINC = "http://loinc.org"


@pytest.mark.parametrize(
    ("value_set", "system", "code", "expected"),
    [
        (f"{R4}administrative-gender", "http://hl7.org/fhir/administrative-gender", "male", True),
        (f"{R4}administrative-gender|4.0.1", "", "male", True),
        (f"{R4}administrative-gender|3.0.1", "", "male", None),
        (f"{R4}administrative-gender", "", "males", False),
        (f"{R4}administrative-gender", "http://example.org/other", "male", False),
        (f"{R4}languages", "urn:ietf:bcp:47", "en", True),
        (f"{R4}mimetypes", "", "text/plain; charset=utf-8", True),
        (f"{R4}mimetypes", "", "no type at all", False),
        (f"{R4}observation-vitalsignresult", LOINC, "8867-4", True),
        (f"{R4}observation-vitalsignresult", LOINC, "1-8", None),
        ("http://hl7.org/fhir/us/core/ValueSet/omb-race-category", "urn:oid:2.16.840.1.113883.6.238", "2106-3", True),
        ("http://hl7.org/fhir/us/core/ValueSet/us-core-condition-code", ICD10, "I10", True),
        ("http://hl7.org/fhir/us/core/ValueSet/us-core-condition-code", "http://snomed.info/sct", "38341003", None),
        ("http://terminology.hl7.org/ValueSet/v3-ActEncounterCode", ACT, "AMB", True),
        ("http://terminology.hl7.org/ValueSet/v3-ActEncounterCode", ACT, "_ActEncounterCode", False),
        ("http://terminology.hl7.org/ValueSet/v3-ActEncounterCode", ACT, "CASH", False),
        ("http://loinc.org/vs", LOINC, "8480-6", True),
        ("https://example.org/ValueSet/none", LOINC, "8480-6", None),
    ],
)
def test_a_code_belongs_does_not_or_is_not_known_to(
    value_set: str, system: str, code: str, expected: bool | None
) -> None:
    assert member(value_set, system, code) is expected


def test_what_r4_binds_by_required_has_the_codes_of_the_table_of_elements() -> None:
    bound = orjson.loads((data_root("corpora") / "fhir" / "elements.json").read_bytes())["codes"]
    library, compared = Library(), 0
    for name, wanted in bound.items():
        found = library.value_set(R4 + name) or library.value_set(f"http://terminology.hl7.org/ValueSet/{name}")
        assert found is not None, name
        listed: dict[str, set[str]] = {}
        for system, code in expand(library, found).items:
            listed.setdefault(system, set()).add(code)
        assert listed == {system: set(codes) for system, codes in wanted.items()}, name
        compared += 1
    assert compared > 200


@given(st.sampled_from(value_sets()), st.data())
def test_every_code_of_an_expansion_belongs(url: str, data: st.DataObject) -> None:
    library = Library()
    found = library.value_set(url)
    assert found is not None
    items = expand(library, found).items
    if items:
        system, code = data.draw(st.sampled_from(sorted(items)))
        assert contains(library, found, system, code) is True
        known = library.code_system(system)
        assert known is None or known.find(code) is not None or not known.complete


@given(st.sampled_from(code_systems()), st.data())
def test_what_lies_below_a_code_lies_below_its_parents(url: str, data: st.DataObject) -> None:
    system = code_system(url)
    assert system is not None
    if not system.concepts:
        return
    code = data.draw(st.sampled_from(sorted(system.concepts)))
    below = system.below(code)
    assert code in below
    for parent in system.concepts[code].parents:
        assert below <= system.below(parent)


def test_icd_codes_lie_below_the_categories_that_they_begin_with() -> None:
    assert codes_below(ICD10, "E11") == {"E11.9", "E11.65"}
    assert codes_below(ICD10, "E1") is None
    assert codes_below(LOINC, "8480-6") is None
    assert "AMB" in (codes_below(ACT, "_ActEncounterCode") or ())


def test_bindings_are_those_of_r4() -> None:
    assert binding("Observation.status") == ("required", f"{R4}observation-status")
    assert binding("Patient.communication.language") == ("preferred", f"{R4}languages")
    assert binding("Encounter.class") == ("extensible", "http://terminology.hl7.org/ValueSet/v3-ActEncounterCode")
    assert binding("Patient.nothing") is None


def composed(*include: dict[str, Any], **more: Any) -> Any:
    return read_value_set({"resourceType": "ValueSet", "compose": {"include": list(include), **more}})


@pytest.mark.parametrize(
    ("filtered", "codes"),
    [
        ({"property": "concept", "op": "is-a", "value": "IMP"}, {"IMP", "ACUTE", "NONAC"}),
        ({"property": "concept", "op": "descendent-of", "value": "IMP"}, {"ACUTE", "NONAC"}),
        (
            {"property": "concept", "op": "generalizes", "value": "ACUTE"},
            {"_ActCareProvisionCode", "_ActEncounterCode", "IMP", "ACUTE"},
        ),
        ({"property": "code", "op": "in", "value": "IMP,AMB"}, {"IMP", "AMB"}),
        ({"property": "parent", "op": "=", "value": "IMP"}, {"ACUTE", "NONAC"}),
        ({"property": "code", "op": "regex", "value": "AM[BC]"}, {"AMB"}),
    ],
)
def test_filters_choose_codes_and_membership_agrees(filtered: dict[str, str], codes: set[str]) -> None:
    library, found = Library(), composed({"system": ACT, "filter": [filtered]})
    listed = {code for _, code in expand(library, found).items}
    assert listed == codes
    assert all(contains(library, found, ACT, code) for code in codes)
    assert contains(library, found, ACT, "CASH") is False


@pytest.mark.parametrize("op", ["regex", "is-a", "exists"])
def test_a_filter_that_cannot_be_decided_leaves_it_open(op: str) -> None:
    value = "(a+)+$" if op == "regex" else "x"
    name = "code" if op == "regex" else "CLASSTYPE" if op == "exists" else "concept"
    filtered = {"property": name, "op": op, "value": value}
    library, found = Library(), composed({"system": LOINC, "filter": [filtered]})
    assert contains(library, found, LOINC, "8480-6") is None
    assert expand(library, found).gaps


def test_parts_are_joined_cut_and_intersected() -> None:
    gender = f"{R4}administrative-gender"
    system = "http://hl7.org/fhir/administrative-gender"
    library = Library()
    found = composed(
        {"valueSet": [gender]}, exclude=[{"system": system, "concept": [{"code": "other"}, {"code": "unknown"}]}]
    )
    assert {code for _, code in expand(library, found).items} == {"male", "female"}
    assert contains(library, found, system, "other") is False
    both = composed({"system": system, "concept": [{"code": "male"}, {"code": "x"}], "valueSet": [gender]})
    assert {code for _, code in expand(library, both).items} == {"male"}
    assert contains(library, both, system, "x") is False


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(
                    ["compose", "include", "exclude", "concept", "code", "system", "filter", "op", "property",
                     "value", "valueSet", "designation", "expansion", "contains"]
                ),
                inner,
                max_size=4,
            )
        ),
        max_leaves=12,
    )
)  # fmt: skip
def test_no_document_however_odd_makes_anything_raise(node: Any) -> None:
    found = read_value_set({"resourceType": "ValueSet", "url": "https://example.org/x", "compose": node})
    expand(Library(), found)
    contains(Library(), found, "http://example.org", "a")
