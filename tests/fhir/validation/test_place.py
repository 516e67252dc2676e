from hypothesis import given
from hypothesis import strategies as st

from mockehr.fhir.validate import Issue, check_structure, place
from mockehr.fhir.validation.place import LARGEST

BODY = b"""{
  "resourceType": "Patient",
  "name": [
    {"given": ["A", "B"]},
    {"use": "x",
     "given": ["C", 5]}
  ],
  "_birthDate": {"made": 1},
  "gender": "femal"
}"""


def where(expression, body=BODY):
    (issue,) = place([Issue("value", "x", expression)], body)
    return issue.line, issue.column


def test_an_element_is_found_by_its_expression():
    assert where("Patient.name[0].given[1]") == (4, 21)
    assert where("Patient.name[1].use") == (5, 13)
    assert where("Patient.name[1].given[1]") == (6, 21)
    assert where("Patient.gender") == (9, 13)
    assert where("Patient") == (1, 1)


def test_what_stands_beside_a_primitive_is_found_under_its_name():
    assert where("Patient.birthDate.made") == (8, 26)


def test_what_is_missing_is_placed_where_it_should_be():
    assert where("Patient.name[1].family") == (5, 5)
    assert where("Patient.name[7].family") == (3, 11)
    assert where("Patient.deceased[x]") == (1, 1)


def test_the_issues_of_a_text_get_their_places():
    import json

    placed = place(check_structure(json.loads(BODY)), BODY)
    assert {(issue.expression, issue.line) for issue in placed} == {
        ("Patient.name[1].use", 5),
        ("Patient.name[1].given[1]", 6),
        ("Patient.birthDate.made", 8),
        ("Patient.gender", 9),
    }


def test_a_text_that_is_too_large_is_not_looked_through():
    assert where("Patient.gender", BODY + b" " * LARGEST) == (0, 0)


@given(st.binary(max_size=60) | st.text('{}[]",:0a \\', max_size=40).map(str.encode))
def test_no_text_makes_it_raise(body):
    place([Issue("value", "x", "Patient.name[3].a[x]"), Issue("value", "x", "")], body)
