import pytest

PATIENT = {
    "resourceType": "Patient",
    "name": [{"family": "Smith"}],
    "managingOrganization": {"reference": "Organization/o"},
}
KNOWN = {("Patient", "1"): PATIENT, ("Organization", "o"): {"resourceType": "Organization", "name": "North"}}
ENCOUNTER = {"resourceType": "Encounter", "subject": {"reference": "Patient/1"}}


def resolve(resource_type, key):
    return KNOWN.get((resource_type, key))


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("patient.family=smi", True),
        ("patient.family=jones", False),
        ("subject:Patient.name:exact=Smith", True),
        ("patient.organization.name=north", True),
        ("patient.organization.name=south", False),
    ],
)
def test_a_chain_looks_the_reference_up(matches, query, expected):
    assert matches(ENCOUNTER, query, resolve=resolve) is expected


def test_a_dangling_reference_matches_no_chain(matches):
    dangling = {"resourceType": "Encounter", "subject": {"reference": "Patient/9"}}
    assert not matches(dangling, "patient.family=smi", resolve=resolve)


@pytest.mark.parametrize(
    ("query", "text"),
    [
        ("patient.foo=1", "no search parameter of what patient refers to"),
        ("status.foo=1", "is no reference"),
        ("patient.birthdate=x", "is no date"),
        ("subject:Practitioner.name=x", "never to Practitioner"),
        ("patient.a.b.c.d.e=x", "more than 4 links"),
    ],
)
def test_unusable_chains_are_problems(problem, query, text):
    assert text in problem("Encounter", query, resolve=resolve)


def test_without_a_way_to_look_up_a_chain_is_a_problem(problem):
    assert "not supported here" in problem("Encounter", "patient.family=smi")
